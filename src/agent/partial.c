/* Messages that come in pieces (message/partial, RFC 2046 5.2.2).  The pieces wait in work/PARTIAL, in a
 * directory for each message, as the received files they are; the last one to come has them joined, and the
 * whole message goes through receive/ again.  Pieces whose others do not come in time go there as they are.
 */
#include "agent/agent-private.h"

#include "convert/bytes.h"
#include "convert/mime-partial.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RELEASED "RELEASED" /* a file: pieces of this message are not kept any more */
#define JOINED "JOINED"
#define DONE "DONE" /* a file: the message was joined; it holds the digests of the pieces */

/* The pieces of one message that are there. */
typedef struct {
  char *path;        /* of the directory */
  GHashTable *names; /* number -> file name */
  guint total;       /* 0: no piece has said it yet */
  guint64 size;
  gint64 oldest;
  gboolean released; /* or joined: there is nothing to wait for */
} Set;

static void
set_free (Set *self)
{
  g_hash_table_unref (self->names);
  g_free (self->path);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Set, set_free)

static char *
partial_path (PnAgent *self)
{
  return pn_config_gateway_path (self->program->config, "work/PARTIAL");
}

/* Only pieces of one sender for the same recipients belong together. */
static char *
set_path (PnAgent *self, const PnEnvelope *envelope, const char *id)
{
  g_autofree char *root = partial_path (self);
  g_auto (GStrv) recipients = g_strdupv (envelope->rcpt_to);
  g_autoptr (GChecksum) digest = g_checksum_new (G_CHECKSUM_SHA256);
  qsort (recipients, g_strv_length (recipients), sizeof *recipients, (GCompareFunc) g_strcmp0);
  g_checksum_update (digest, (const guchar *) id, (gssize) strlen (id) + 1);
  g_checksum_update (digest, (const guchar *) envelope->mail_from, (gssize) strlen (envelope->mail_from) + 1);
  for (guint i = 0; recipients[i]; i++)
    g_checksum_update (digest, (const guchar *) recipients[i], (gssize) strlen (recipients[i]) + 1);
  return g_strdup_printf ("%s/%.32s", root, g_checksum_get_string (digest));
}

static Set *
read_set (const char *path)
{
  Set *self = g_new0 (Set, 1);
  self->path = g_strdup (path);
  self->names = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->oldest = G_MAXINT64;
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    guint number, total;
    struct stat st;
    g_autofree char *file = g_build_filename (path, name, NULL);
    self->released = self->released || g_str_equal (name, RELEASED) || g_str_equal (name, DONE);
    if (stat (file, &st) < 0)
      continue;
    self->oldest = MIN (self->oldest, st.st_mtime);
    if (sscanf (name, "%5u-%5u.RCV", &number, &total) != 2)
      continue;
    g_hash_table_replace (self->names, GUINT_TO_POINTER (number), g_strdup (name));
    self->total = MAX (self->total, total);
    self->size += (guint64) st.st_size;
  }
  return self;
}

static void
empty_set (const Set *self, const char *kept)
{
  g_autoptr (GDir) dir = g_dir_open (self->path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (self->path, name, NULL);
    if (g_strcmp0 (name, kept) != 0)
      unlink (file);
  }
}

static void
remove_set (const Set *self)
{
  empty_set (self, NULL);
  rmdir (self->path);
}

/* What a piece says, whatever way it came: the digest of its number and body.  NULL if it cannot be read. */
static char *
digest_of (PnSource *source, guint number)
{
  guint8 digest[32];
  g_autoptr (GError) error = NULL;
  g_autoptr (PnContent) body = pn_mime_partial_body (source, &error);
  if (!body || !pn_content_measure (body, NULL, digest, &error)) {
    pn_agent_log_error ("cannot_read_piece", error);
    return NULL;
  }
  char hex[65];
  pn_digest_to_hex (digest, hex);
  return g_strdup_printf ("%u %s", number, hex);
}

/* A piece that comes once more, when the message has been put together, is known by this. */
static void
mark_done (const Set *set, GPtrArray *pieces)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < pieces->len; i++) {
    g_autofree char *digest = digest_of (((PnReceived *) g_ptr_array_index (pieces, i))->data, i + 1);
    if (digest)
      g_string_append_printf (text, "%s\n", digest);
  }
  g_autofree char *path = g_build_filename (set->path, DONE, NULL);
  if (!g_file_set_contents_full (path, text->str, (gssize) text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                 &error))
    pn_agent_log_error ("cannot_mark", error);
}

static gboolean
was_joined (const char *dir, const PnReceived *received, guint number)
{
  g_autofree char *path = g_build_filename (dir, DONE, NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  g_autofree char *digest = digest_of (received->data, number);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  return digest && g_strv_contains ((const char *const *) lines, digest);
}

/* --- joining ---------------------------------------------------------------------------------- */

static gboolean
is_complete (const Set *self)
{
  if (self->total == 0 || self->released || g_hash_table_size (self->names) < self->total)
    return FALSE;
  for (guint i = 1; i <= self->total; i++)
    if (!g_hash_table_contains (self->names, GUINT_TO_POINTER (i)))
      return FALSE;
  return TRUE;
}

static GPtrArray *
read_pieces (PnAgent *self, const Set *set, GError **error)
{
  g_autoptr (GPtrArray) pieces = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_received_free);
  for (guint i = 1; i <= set->total; i++) {
    const char *name = g_hash_table_lookup (set->names, GUINT_TO_POINTER (i));
    g_autofree char *path = g_build_filename (set->path, name, NULL);
    PnReceived *piece = pn_received_read (self->reader, path, error);
    if (!piece)
      return NULL;
    g_ptr_array_add (pieces, piece);
  }
  return g_steal_pointer (&pieces);
}

/* The id is derived, so that a repeat after a crash makes the same message. */
static gboolean
join (PnAgent *self, const Set *set, GError **error)
{
  g_autoptr (GPtrArray) pieces = read_pieces (self, set, error);
  if (!pieces)
    return FALSE;
  g_autofree PnSource **sources = g_new (PnSource *, pieces->len);
  for (guint i = 0; i < pieces->len; i++)
    sources[i] = ((PnReceived *) g_ptr_array_index (pieces, i))->data;
  g_autoptr (PnContent) whole = pn_mime_partial_join (sources, pieces->len, error);
  if (!whole)
    return FALSE;
  PnEnvelope *envelope = ((PnReceived *) g_ptr_array_index (pieces, 0))->envelope;
  char *id = pn_id_derive (envelope->id, "partial", NULL);
  g_free (envelope->id);
  envelope->id = id;
  g_autofree char *path = g_build_filename (set->path, JOINED, NULL);
  unlink (path);
  if (!pn_received_write (self->reader, envelope, whole, path, error)
      || !pn_journal_reader_add_file (self->reader, path, error))
    return FALSE;
  for (guint i = 0; i < pieces->len; i++) {
    const PnReceived *piece = g_ptr_array_index (pieces, i);
    if (i > 0)
      pn_trace (piece->envelope->id, "joined", "receive", NULL, id);
  }
  pn_trace (id, "joined", "receive", "agent", NULL);
  pn_log_info ("joined", "id=%s pieces=%u", id, pieces->len);
  mark_done (set, pieces);
  empty_set (set, DONE);
  return TRUE;
}

/* What is there goes on as it is. */
static void
release (PnAgent *self, const Set *set, const char *why)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *mark = g_build_filename (set->path, RELEASED, NULL);
  int fd = open (mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0)
    close (fd);
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, set->names);
  while (g_hash_table_iter_next (&iter, NULL, &name)) {
    g_autofree char *path = g_build_filename (set->path, name, NULL);
    if (!pn_journal_reader_add_file (self->reader, path, &error)) {
      pn_agent_log_error ("cannot_release", error);
      return;
    }
    unlink (path);
  }
  pn_log_info ("pieces_released", "pieces=%u reason=\"%s\"", g_hash_table_size (set->names), why);
}

/* Joins the set at PATH if it is complete, lets go of it if it is too old or too large. */
static void
look_at (PnAgent *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Set) set = read_set (path);
  gboolean old = (gint64) time (NULL) - set->oldest >= self->settings.partial_age;
  if (set->size > self->settings.partial_limit && !set->released)
    release (self, set, "larger than [agent] partial-limit");
  else if (is_complete (set)) {
    if (!join (self, set, &error)) {
      pn_agent_log_error ("cannot_join", error);
      release (self, set, "cannot be joined");
    }
  } else if (old && g_hash_table_size (set->names) > 0)
    release (self, set, "the other pieces did not come within [agent] partial-age");
  else if (old)
    remove_set (set);
}

void
pn_agent_sweep_partials (PnAgent *self)
{
  g_autofree char *root = partial_path (self);
  g_autoptr (GDir) dir = g_dir_open (root, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (root, name, NULL);
    g_mutex_lock (&self->partial_lock);
    look_at (self, path);
    g_mutex_unlock (&self->partial_lock);
  }
}

/* --- keeping ---------------------------------------------------------------------------------- */

static gboolean
keep (PnAgent *self, const PnReceived *received, const PnPartial *partial, const char *dir, GError **error)
{
  g_autofree char *root = partial_path (self);
  g_autofree char *path = g_strdup_printf ("%s/%05u-%05u.RCV", dir, partial->number, partial->total);
  g_autofree char *unfinished = g_strconcat (path, ".NEW", NULL);
  g_autoptr (PnContent) data
      = pn_content_new_range (received->data, 0, received->data->size, PN_ENCODING_NONE);
  if (!pn_file_make_dirs (dir, error) || !pn_file_fsync_dir (root, error))
    return FALSE;
  unlink (unfinished);
  if (!pn_received_write (self->reader, received->envelope, data, unfinished, error))
    return FALSE;
  if (rename (unfinished, path) < 0) {
    pn_file_set_error (error, errno, path, "cannot rename");
    return FALSE;
  }
  return pn_file_fsync_dir (dir, error);
}

char *
pn_agent_keep_partial (PnAgent *self, const PnReceived *received, const PnMessage *message)
{
  const char *type = pn_message_get_header (message, "Content-Type");
  const PnEnvelope *envelope = received->envelope;
  if (!type || g_ascii_strncasecmp (type, "message/partial", strlen ("message/partial")) != 0
      || (gint64) time (NULL) - envelope->time >= self->settings.partial_age)
    return NULL;
  g_autoptr (GError) error = NULL;
  PnPartial partial = { 0 };
  g_autofree char *dir = NULL;
  gboolean again = FALSE;
  if (pn_mime_partial_read (received->data, &partial, &error)) {
    dir = set_path (self, envelope, partial.id);
    g_autofree char *released = g_build_filename (dir, RELEASED, NULL);
    g_autofree char *done = g_build_filename (dir, DONE, NULL);
    g_mutex_lock (&self->partial_lock);
    again = was_joined (dir, received, partial.number);
    gboolean late = access (released, F_OK) == 0 || access (done, F_OK) == 0;
    if (!again && (late || !keep (self, received, &partial, dir, &error)))
      g_clear_pointer (&dir, g_free);
    g_mutex_unlock (&self->partial_lock);
  }
  if (error)
    pn_agent_log_error ("cannot_keep_piece", error);
  if (again)
    pn_trace (envelope->id, "dropped", "work/PARTIAL", NULL,
              "a piece of a message that has been put together");
  else if (dir) {
    g_autofree char *what = g_strdup_printf ("piece %u of %u", partial.number, partial.total);
    pn_trace (envelope->id, "kept", "work/PARTIAL", "agent", what);
  }
  pn_partial_clear (&partial);
  return g_steal_pointer (&dir);
}

void
pn_agent_join_partial (PnAgent *self, const char *dir)
{
  g_mutex_lock (&self->partial_lock);
  look_at (self, dir);
  g_mutex_unlock (&self->partial_lock);
}
