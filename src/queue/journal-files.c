/* Messages in files of their own in receive/: ours (sealed, R0######.RCV) and what a third party drops there.
 */
#include "queue/journal-reader.h"

#include "core/ids.h"
#include "core/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A stranger's file that nobody wrote to for so long is complete. */
#define QUIET_S 2
/* Bounds of an envelope. */
#define ENVELOPE_MAX (8 * 1024 * 1024)
#define STEP (64 * 1024)
#define DONE_SUFFIX ".done"

gboolean
pn_journal_is_message (const char *name)
{
  return name[0] != '.' && !g_str_has_prefix (name, "JOURNAL.") && pn_segment_row (name) < 0
         && !g_str_has_suffix (name, ".SEG.bad");
}

/* Named only when complete: by our own writer. */
static gboolean
is_ours (const char *name)
{
  return strlen (name) == 12 && name[0] == 'R' && name[1] == '0' && strcmp (name + 8, ".RCV") == 0;
}

void
pn_file_key (const char *name, char key[PN_CLAIM_KEY])
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_MD5, name, -1);
  g_snprintf (key, PN_CLAIM_KEY, "F%.30s", digest);
}

void
pn_held_file_free (PnHeldFile *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->path);
  g_free (self);
}

/* --- learning names --------------------------------------------------------------------------- */

static void
learn (PnJournalReader *self, const char *name, gboolean complete)
{
  if (!pn_journal_is_message (name) || g_hash_table_contains (self->files, name))
    return;
  g_hash_table_add (self->files, g_strdup (name));
  char key[PN_CLAIM_KEY];
  pn_file_key (name, key);
  PnWaiting *waiting = g_new0 (PnWaiting, 1);
  waiting->name = g_strdup (name);
  waiting->attempts = pn_claims_attempts (self->claims, key);
  waiting->settling = !complete && !is_ours (name);
  if (waiting->settling)
    pn_reader_put_later (self, waiting, pn_reader_file_settled (self, name) ? 0 : QUIET_S * G_USEC_PER_SEC);
  else
    pn_reader_make_ready (self, waiting);
}

gboolean
pn_reader_file_settled (PnJournalReader *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->dir, name, NULL);
  struct stat st;
  if (lstat (path, &st) < 0)
    return TRUE;
  gint64 age = g_get_real_time () / G_USEC_PER_SEC - MAX (st.st_mtime, st.st_ctime);
  return age >= QUIET_S || age < 0;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

void
pn_reader_scan_files (PnJournalReader *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  DIR *directory = opendir (self->dir);
  for (struct dirent *e; directory && (e = readdir (directory));)
    if (pn_journal_is_message (e->d_name))
      g_ptr_array_add (names, g_strdup (e->d_name));
  if (directory)
    closedir (directory);
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    learn (self, g_ptr_array_index (names, i), FALSE);
}

void
pn_reader_take_events (PnJournalReader *self)
{
  union {
    struct inotify_event event;
    char bytes[32 * 1024];
  } buffer;
  ssize_t n;
  while (self->inotify >= 0 && (n = read (self->inotify, buffer.bytes, sizeof buffer.bytes)) > 0)
    for (const char *p = buffer.bytes; p < buffer.bytes + n;) {
      const struct inotify_event *event = (const void *) p;
      p += sizeof *event + event->len;
      if (event->mask & IN_Q_OVERFLOW)
        pn_reader_scan_files (self);
      else if (event->len > 0 && !(event->mask & IN_ISDIR))
        learn (self, event->name, event->mask & (IN_MOVED_TO | IN_CLOSE_WRITE));
    }
}

/* --- the envelope ----------------------------------------------------------------------------- */

/* Up to ENVELOPE_MAX bytes of SOURCE, read until FOUND says where the envelope ends (-1: not yet, -2: never).
 */
typedef gssize (*FindEnd) (const GByteArray *head, gboolean all);

static gssize
read_envelope (PnSource *source, GByteArray *head, FindEnd find, GError **error)
{
  for (;;) {
    guint64 at = head->len;
    gsize wanted = (gsize) MIN (STEP, source->size - at);
    g_byte_array_set_size (head, (guint) (at + wanted));
    if (wanted > 0 && !pn_source_read (source, at, head->data + at, wanted, error))
      return -1;
    gboolean all = head->len == source->size;
    gssize end = find (head, all);
    if (end >= 0)
      return end;
    if (end == -2 || all || head->len > ENVELOPE_MAX) {
      g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED,
                   end == -2 ? "it begins with no envelope (MAIL FROM:<...>, RCPT TO:<...>)"
                             : "its envelope does not end");
      return -1;
    }
  }
}

static gssize
find_empty_line (const GByteArray *head, gboolean all)
{
  (void) all;
  const guint8 *found = memmem (head->data, head->len, "\n\n", 2);
  return found ? found + 2 - head->data : -1;
}

/* The address in angle brackets of a line that begins with VERB; NULL if it is none. */
static char *
address_of (const char *line, gsize length, const char *verb)
{
  gsize n = strlen (verb);
  if (length < n || g_ascii_strncasecmp (line, verb, n) != 0)
    return NULL;
  while (n < length && line[n] == ' ')
    n++;
  if (n == length || line[n] != '<')
    return NULL;
  const char *close = memchr (line + n, '>', length - n);
  return close ? g_strndup (line + n + 1, (gsize) (close - line) - n - 1) : NULL;
}

/* Where the lines MAIL FROM:<> and RCPT TO:<> end (GROUPWISE form of receive files: no empty line behind
 * them). */
static gssize
find_old_end (const GByteArray *head, gboolean all)
{
  gsize at = 0;
  for (guint line = 0;; line++) {
    const guint8 *stop = at < head->len ? memchr (head->data + at, '\n', head->len - at) : NULL;
    if (!stop)
      return all ? (line >= 2 ? (gssize) at : -2) : -1;
    gsize length = (gsize) (stop - head->data) - at;
    g_autofree char *address
        = address_of ((char *) head->data + at, length, line == 0 ? "MAIL FROM:" : "RCPT TO:");
    if (!address)
      return line >= 2 ? (gssize) at : -2;
    at += length + 1;
  }
}

static PnEnvelope *
parse_old (const char *text, gsize length)
{
  PnEnvelope *envelope = pn_envelope_new ();
  g_autoptr (GPtrArray) to = g_ptr_array_new ();
  for (gsize at = 0; at < length;) {
    const char *stop = memchr (text + at, '\n', length - at);
    gsize line = stop ? (gsize) (stop - text) - at : length - at;
    if (at == 0)
      envelope->mail_from = address_of (text, line, "MAIL FROM:");
    else
      g_ptr_array_add (to, address_of (text + at, line, "RCPT TO:"));
    at += line + 1;
  }
  envelope->rcpt_notify = g_new0 (char *, to->len + 1);
  envelope->rcpt_orcpt = g_new0 (char *, to->len + 1);
  for (guint i = 0; i < to->len; i++) {
    envelope->rcpt_notify[i] = g_strdup ("");
    envelope->rcpt_orcpt[i] = g_strdup ("");
  }
  g_ptr_array_add (to, NULL);
  envelope->rcpt_to = (char **) g_ptr_array_free (g_steal_pointer (&to), FALSE);
  return envelope;
}

/* The same id each time the same file is read. */
static char *
make_id (PnSource *source, const char *name, gint64 time, GError **error)
{
  guint8 buffer[16 * 1024], digest[32];
  gpointer state = pn_digest_begin ();
  gboolean ok = TRUE;
  for (guint64 at = 0; ok && at < source->size;) {
    gsize n = (gsize) MIN (sizeof buffer, source->size - at);
    ok = pn_source_read (source, at, buffer, n, error);
    pn_digest_update (state, buffer, n);
    at += n;
  }
  pn_digest_end (state, digest);
  if (!ok)
    return NULL;
  GString *text = g_string_new (NULL);
  g_string_printf (text, "%08X.", (guint32) time);
  for (guint i = 0; i < sizeof digest; i++)
    g_string_append_printf (text, "%02X", digest[i]);
  char *id = pn_id_derive (text->str, "received file", name);
  g_string_free (text, TRUE);
  return id;
}

static PnEnvelope *
read_old (PnSource *source, const char *name, gint64 time, guint64 *data_at, GError **error)
{
  g_autoptr (GByteArray) head = g_byte_array_new ();
  gssize end = read_envelope (source, head, find_old_end, error);
  if (end < 0)
    return NULL;
  g_autoptr (PnEnvelope) envelope = parse_old ((const char *) head->data, (gsize) end);
  envelope->id = make_id (source, name, time, error);
  if (!envelope->id)
    return NULL;
  envelope->time = time;
  *data_at = (guint64) end;
  return g_steal_pointer (&envelope);
}

static PnEnvelope *
read_ours (PnSource *source, guint64 *data_at, GError **error)
{
  g_autoptr (GByteArray) head = g_byte_array_new ();
  gssize end = read_envelope (source, head, find_empty_line, error);
  if (end < 0)
    return NULL;
  *data_at = (guint64) end;
  PnEnvelope *envelope = pn_envelope_from_text ((const char *) head->data, (gsize) end - 1, error);
  if (envelope && envelope->id)
    return envelope;
  if (envelope)
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED, "its envelope has no id");
  g_clear_pointer (&envelope, pn_envelope_free);
  return NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

static gboolean
passes (const GError *error)
{
  return error->domain == G_IO_ERROR
         || (error->domain == PN_CONVERT_ERROR && error->code == PN_CONVERT_ERROR_IO);
}

static PnReceived *
read_file (PnJournalReader *self, const char *path, const char *name, gint64 time, int fd, GError **error)
{
  g_autoptr (PnSource) file = pn_file_source_new (fd, error);
  if (!file)
    return NULL;
  g_autoptr (PnSource) plain = NULL;
  g_autoptr (PnEnvelope) envelope = NULL;
  guint64 data_at = 0;
  if (pn_seal_is_sealed (file)) {
    plain = pn_seal_open (self->key, file, error);
    envelope = plain ? read_ours (plain, &data_at, error) : NULL;
  } else {
    plain = pn_source_ref (file);
    envelope = read_old (plain, name, time, &data_at, error);
  }
  if (!envelope)
    return NULL;
  PnReceived *received = g_new0 (PnReceived, 1);
  received->envelope = g_steal_pointer (&envelope);
  received->data = pn_source_new_range (plain, data_at, plain->size - data_at);
  received->path = g_strdup (path);
  received->slot = PN_CLAIM_NONE;
  received->reader = self;
  return received;
}

PnReceived *
pn_reader_open_file (PnJournalReader *self, const PnWaiting *waiting, GError **error)
{
  g_autofree char *path = g_build_filename (self->dir, waiting->name, NULL);
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 || fstat (fd, &st) < 0) {
    if (errno != ENOENT)
      pn_file_set_error (error, errno, path, "cannot open");
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  g_autoptr (GError) read_error = NULL;
  PnReceived *received = NULL;
  if (S_ISREG (st.st_mode))
    received = read_file (self, path, waiting->name, st.st_mtime, fd, &read_error);
  else {
    close (fd);
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_IO, "%s: is not a regular file", path);
    return NULL;
  }
  if (received) {
    received->attempts = waiting->attempts;
    return received;
  }
  gboolean again = passes (read_error);
  g_set_error (error, again ? G_IO_ERROR : PN_JOURNAL_ERROR,
               again ? (int) G_IO_ERROR_FAILED : (int) PN_JOURNAL_ERROR_DAMAGED, "%s: %s", path,
               read_error->message);
  return NULL;
}

PnReceived *
pn_received_read (PnJournalReader *self, const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return NULL;
  }
  g_autofree char *name = g_path_get_basename (path);
  PnReceived *received = read_file (self, path, name, 0, fd, error);
  if (received)
    received->reader = NULL;
  else
    g_prefix_error (error, "%s: ", path);
  return received;
}

gboolean
pn_journal_reader_add_file (PnJournalReader *self, const char *path, GError **error)
{
  for (guint i = 0; i < 1000; i++) {
    char name[13];
    pn_queue_make_name (name, "R0", "RCV");
    g_autofree char *new_path = g_build_filename (self->dir, name, NULL);
    if (link (path, new_path) == 0)
      return pn_file_fsync_dir (self->dir, error);
    if (errno != EEXIST)
      break;
  }
  pn_file_set_error (error, errno, path, "cannot link into receive");
  return FALSE;
}

/* --- the end of a file ------------------------------------------------------------------------ */

void
pn_reader_end_file (PnJournalReader *self, const char *path, int fd)
{
  const char *name = strrchr (path, '/') + 1;
  g_hash_table_remove (self->files, name);
  if (fd < 0) {
    if (unlink (path) < 0 && errno != ENOENT)
      pn_log_error ("receive_left", "path=%s reason=\"%s\"", path, g_strerror (errno));
    return;
  }
  PnHeldFile *held = g_new0 (PnHeldFile, 1);
  held->path = g_strconcat (self->dir, "/.", name, DONE_SUFFIX, NULL);
  held->fd = fd;
  held->pooled = pn_pool_owns (self->pool, fd);
  held->since = g_get_monotonic_time ();
  if (rename (path, held->path) < 0)
    pn_log_error ("receive_left", "path=%s reason=\"%s\"", path, g_strerror (errno));
  g_ptr_array_add (self->held_files, held);
  self->n_held++;
}

void
pn_reader_clear_done_files (PnJournalReader *self, gboolean same_boot)
{
  g_autoptr (GDir) dir = g_dir_open (self->dir, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    if (name[0] != '.' || !g_str_has_suffix (name, DONE_SUFFIX))
      continue;
    g_autofree char *path = g_build_filename (self->dir, name, NULL);
    g_autofree char *stem = g_strndup (name + 1, strlen (name) - 1 - strlen (DONE_SUFFIX));
    g_autofree char *back = g_build_filename (self->dir, stem, NULL);
    if ((same_boot ? unlink (path) : rename (path, back)) < 0)
      pn_log_error ("receive_left", "path=%s reason=\"%s\"", path, g_strerror (errno));
  }
}
