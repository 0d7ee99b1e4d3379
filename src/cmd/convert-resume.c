#include "cmd/convert-resume.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

#define NAME ".postern-convert"
#define MAGIC "postern convert journal 1 "

struct PnConvertJournal {
  char *path;
  int fd;
  GArray *begun;       /* guint64 keys of what the interrupted run had begun behind its last mark, sorted */
  GHashTable *streams; /* paths */
  char *last_stream;
};

char *
pn_convert_journal_path (const PnConvertOptions *options, const char *report)
{
  switch (options->layout) {
  case PN_LAYOUT_FOLDERS:
  case PN_LAYOUT_MAILDIR:
    return g_build_filename (options->out, NAME, NULL);
  case PN_LAYOUT_FILES:
    return options->one ? NULL : g_build_filename (options->out, NAME, NULL);
  case PN_LAYOUT_STREAM:
    return options->out ? g_strconcat (options->out, NAME, NULL) : NULL;
  case PN_LAYOUT_NONE:
    return report ? g_strconcat (report, NAME, NULL) : NULL;
  case PN_LAYOUT_DIRECT:
    break;
  }
  return NULL;
}

/* What has to be the same when a run is continued: the inputs, and how they are converted. */
static char *
fingerprint (const PnConvertOptions *options, GPtrArray *files)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *how = g_strdup_printf (
      "%d %d %d %d %d %d %d %d %d %s %s %s %d\n", options->from, options->to, options->quoting,
      options->layout, options->verify, options->anew, options->strict_api, options->brief,
      options->simple_recurrence, options->timezone ? options->timezone : "",
      options->charset ? options->charset : "", options->domain, options->key != NULL);
  g_checksum_update (sum, (const guchar *) how, -1);
  for (guint i = 0; i < files->len; i++) {
    const PnConvertFile *file = g_ptr_array_index (files, i);
    g_checksum_update (sum, (const guchar *) file->path, (gssize) strlen (file->path) + 1);
    g_checksum_update (sum, (const guchar *) &file->size, sizeof file->size);
  }
  return g_strdup (g_checksum_get_string (sum));
}

static gboolean
put (PnConvertJournal *self, const char *line, GError **error)
{
  gsize length = strlen (line), done = 0;
  while (done < length) {
    ssize_t n = write (self->fd, line + done, length - done);
    if (n < 0 && errno != EINTR) {
      pn_file_set_error (error, errno, self->path, "cannot write");
      return FALSE;
    }
    done += n > 0 ? (gsize) n : 0;
  }
  return TRUE;
}

/* --- reading what an interrupted run left -------------------------------------------------- */

static gboolean
read_mark (const char *line, PnConvertPosition *out)
{
  PnConvertPosition at = { 0 };
  int n = sscanf (
      line, "at %u %u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %u %u %u %u %u %u %u %u %" G_GUINT64_FORMAT,
      &at.file, &at.number, &at.report_length, &at.stream_length, &at.messages, &at.results[0],
      &at.results[1], &at.results[2], &at.results[3], &at.results[4], &at.with_losses, &at.losses, &at.bytes);
  if (n == 13)
    *out = at;
  return n == 13;
}

static guint64
key_of (guint file, guint number)
{
  return (guint64) file << 32 | number;
}

static int
compare_keys (gconstpointer a, gconstpointer b)
{
  guint64 first = *(const guint64 *) a, second = *(const guint64 *) b;
  return first < second ? -1 : first > second;
}

static void
read_line (PnConvertJournal *self, const char *line, PnConvertPosition *position)
{
  guint file, number;
  if (sscanf (line, "begin %u %u", &file, &number) == 2) {
    guint64 key = key_of (file, number);
    g_array_append_val (self->begun, key);
  } else if (read_mark (line, position))
    return;
  else if (g_str_has_prefix (line, "stream ")) {
    char *path = NULL;
    position->stream_length = g_ascii_strtoull (line + 7, &path, 10);
    g_free (self->last_stream);
    self->last_stream = g_strcompress (path + (*path == ' '));
    g_hash_table_add (self->streams, g_strdup (self->last_stream));
  }
}

static gboolean
read_journal (PnConvertJournal *self, const char *wanted, PnConvertPosition *position, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[65536];
  ssize_t n;
  while ((n = read (self->fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  if (n < 0) {
    pn_file_set_error (error, errno, self->path, "cannot read");
    return FALSE;
  }
  char *end = strrchr (text->str, '\n'); /* a line may have been cut off */
  gsize whole = end ? (gsize) (end + 1 - text->str) : 0;
  g_string_truncate (text, whole);
  g_auto (GStrv) lines = g_strsplit (text->str, "\n", -1);
  if (whole > 0 && (!g_str_has_prefix (lines[0], MAGIC) || strcmp (lines[0] + strlen (MAGIC), wanted) != 0)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: the inputs or the options are not those of the run that was interrupted", self->path);
    return FALSE;
  }
  for (char **line = lines; whole > 0 && *++line;)
    read_line (self, *line, position);
  g_array_sort (self->begun, compare_keys);
  if (ftruncate (self->fd, (off_t) whole) < 0 || lseek (self->fd, 0, SEEK_END) < 0) {
    pn_file_set_error (error, errno, self->path, "cannot cut");
    return FALSE;
  }
  if (whole > 0)
    return TRUE;
  g_autofree char *first = g_strconcat (MAGIC, wanted, "\n", NULL);
  return put (self, first, error);
}

PnConvertJournal *
pn_convert_journal_open (const PnConvertOptions *options, GPtrArray *files, const char *path,
                         PnConvertPosition *position, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  if (!pn_file_make_dirs (dir, error))
    return NULL;
  int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND;
  if (!options->resume)
    flags |= options->force ? O_TRUNC : O_EXCL;
  int fd = open (path, flags, 0600);
  if (fd < 0 && errno == EEXIST)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 "%s: a run was interrupted here; --continue goes on with it, --force begins anew", path);
  else if (fd < 0)
    pn_file_set_error (error, errno, path, "cannot make it");
  if (fd < 0)
    return NULL;
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  if (fcntl (fd, F_SETLK, &lock) < 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "%s: another run is at work here", path);
    close (fd);
    return NULL;
  }
  PnConvertJournal *self = g_new0 (PnConvertJournal, 1);
  self->path = g_strdup (path);
  self->fd = fd;
  self->begun = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->streams = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  *position = (PnConvertPosition){ .number = 1 };
  g_autofree char *wanted = fingerprint (options, files);
  if (read_journal (self, wanted, position, error))
    return self;
  pn_convert_journal_close (self, FALSE);
  return NULL;
}

/* --- writing ------------------------------------------------------------------------------- */

gboolean
pn_convert_journal_begin (PnConvertJournal *self, guint file, guint number, GError **error)
{
  char line[64];
  g_snprintf (line, sizeof line, "begin %u %u\n", file, number);
  return put (self, line, error); /* one write to a file opened for appending */
}

gboolean
pn_convert_journal_was_begun (const PnConvertJournal *self, guint file, guint number)
{
  guint64 key = key_of (file, number);
  return g_array_binary_search (self->begun, &key, compare_keys, NULL);
}

gboolean
pn_convert_journal_stream (PnConvertJournal *self, const char *path, guint64 length, GError **error)
{
  g_autofree char *escaped = g_strescape (path, NULL);
  g_autofree char *line = g_strdup_printf ("stream %" G_GUINT64_FORMAT " %s\n", length, escaped);
  g_hash_table_add (self->streams, g_strdup (path));
  return put (self, line, error);
}

gboolean
pn_convert_journal_knows (const PnConvertJournal *self, const char *path)
{
  return g_hash_table_contains (self->streams, path);
}

const char *
pn_convert_journal_last_stream (const PnConvertJournal *self)
{
  return self->last_stream;
}

gboolean
pn_convert_journal_mark (PnConvertJournal *self, const PnConvertPosition *at, GError **error)
{
  char line[320];
  g_snprintf (
      line, sizeof line,
      "at %u %u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %u %u %u %u %u %u %u %u %" G_GUINT64_FORMAT "\n",
      at->file, at->number, at->report_length, at->stream_length, at->messages, at->results[0],
      at->results[1], at->results[2], at->results[3], at->results[4], at->with_losses, at->losses, at->bytes);
  return put (self, line, error);
}

void
pn_convert_journal_close (PnConvertJournal *self, gboolean complete)
{
  if (complete)
    unlink (self->path);
  close (self->fd);
  g_array_unref (self->begun);
  g_hash_table_unref (self->streams);
  g_free (self->last_stream);
  g_free (self->path);
  g_free (self);
}
