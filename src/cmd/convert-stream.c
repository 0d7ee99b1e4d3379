#include "cmd/convert-stream.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

struct PnConvertStream {
  const PnConvertOptions *options;
  char *path; /* of the open one; NULL: standard output */
  int fd;
  PnFileSink *buffer;
  guint64 length;
};

int
pn_convert_stream_open (const char *path, gboolean replace, guint64 length, GError **error)
{
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
  if (length == 0)
    flags |= replace ? O_TRUNC : O_EXCL;
  int fd = open (path, flags, 0666);
  if (fd < 0 && errno == EEXIST)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s exists; --force replaces it", path);
  else if (fd < 0)
    pn_file_set_error (error, errno, path, "cannot make it");
  else if (length > 0) {
    struct stat st;
    gboolean shorter = fstat (fd, &st) == 0 && (guint64) st.st_size < length;
    if (!shorter && ftruncate (fd, (off_t) length) == 0 && lseek (fd, 0, SEEK_END) >= 0)
      return fd;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s is not what the interrupted run has left: it cannot be continued", path);
    close (fd);
    return -1;
  }
  return fd;
}

static void
use (PnConvertStream *self, int fd, const char *path, guint64 length)
{
  self->fd = fd;
  self->path = g_strdup (path);
  self->length = length;
  self->buffer = pn_file_sink_new (fd);
}

/* PATH from its begin; or where the interrupted run, or this one, has come to in it. */
static gboolean
open_path (PnConvertStream *self, const char *path, gboolean resumed, guint64 length, GError **error)
{
  PnConvertJournal *journal = self->options->journal;
  gboolean known = journal && pn_convert_journal_knows (journal, path);
  if (pn_convert_is_input (self->options, path)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s is an input and is not overwritten", path);
    return FALSE;
  }
  g_autofree char *dir = g_path_get_dirname (path);
  if (!pn_file_make_dirs (dir, error))
    return FALSE;
  if (known && !resumed) { /* one that was left for another folder: it goes on at its end */
    struct stat st;
    length = stat (path, &st) == 0 ? (guint64) st.st_size : 0;
  }
  if (!known && !self->options->force && g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s exists; --force replaces it", path);
    return FALSE;
  }
  /* before it is made, so that it is known for ours after a kill */
  if (journal && !pn_convert_journal_stream (journal, path, length, error))
    return FALSE;
  int fd = pn_convert_stream_open (path, self->options->force || journal, length, error);
  if (fd < 0)
    return FALSE;
  use (self, fd, path, length);
  return TRUE;
}

PnConvertStream *
pn_convert_stream_new (const PnConvertOptions *options, guint64 length, GError **error)
{
  PnConvertStream *self = g_new0 (PnConvertStream, 1);
  self->options = options;
  self->fd = -1;
  const char *last = options->journal ? pn_convert_journal_last_stream (options->journal) : NULL;
  gboolean done = TRUE;
  if (options->layout == PN_LAYOUT_STREAM && !options->out)
    use (self, STDOUT_FILENO, NULL, 0);
  else if (last)
    done = open_path (self, last, TRUE, length, error);
  else if (options->layout == PN_LAYOUT_STREAM)
    done = open_path (self, options->out, FALSE, 0, error);
  if (done)
    return self;
  pn_convert_stream_free (self);
  return NULL;
}

gboolean
pn_convert_stream_flush (PnConvertStream *self, guint64 *length, GError **error)
{
  if (length)
    *length = self->length;
  if (!self->buffer || pn_file_sink_flush (self->buffer, error))
    return TRUE;
  g_prefix_error (error, "%s: ", self->path ? self->path : "standard output");
  return FALSE;
}

static gboolean
close_stream (PnConvertStream *self, GError **error)
{
  gboolean done = pn_convert_stream_flush (self, NULL, error);
  g_clear_pointer (&self->buffer, pn_file_sink_free);
  if (self->fd > STDERR_FILENO && close (self->fd) < 0 && done) {
    pn_file_set_error (error, errno, self->path, "cannot write");
    done = FALSE;
  }
  self->fd = -1;
  g_clear_pointer (&self->path, g_free);
  return done;
}

static gboolean
append_file (PnConvertStream *self, int from, GError **error)
{
  PnSink sink = pn_file_sink_sink (self->buffer);
  g_autofree char *block = g_malloc (65536);
  off_t at = 0;
  for (;;) {
    ssize_t n = pread (from, block, 65536, at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      pn_file_set_error (error, errno, "unnamed file", "cannot read");
    if (n <= 0)
      return n == 0;
    if (!pn_sink_write (&sink, block, (gsize) n, error))
      return FALSE;
    at += n;
    self->length += (guint64) n;
  }
}

gboolean
pn_convert_stream_switches (const PnConvertStream *self, const PnConvertJob *job)
{
  if (self->options->layout != PN_LAYOUT_FOLDERS || (!job->text && job->text_fd < 0))
    return FALSE;
  g_autofree char *path = pn_convert_folder_path (self->options, job);
  return g_strcmp0 (path, self->path) != 0;
}

gboolean
pn_convert_stream_put (PnConvertStream *self, PnConvertJob *job, GError **error)
{
  if (!job->text && job->text_fd < 0)
    return TRUE;
  if (pn_convert_stream_switches (self, job)) {
    g_autofree char *path = pn_convert_folder_path (self->options, job);
    if (!close_stream (self, error) || !open_path (self, path, FALSE, 0, error))
      return FALSE;
  }
  if (job->text_fd >= 0)
    return append_file (self, job->text_fd, error);
  PnSink sink = pn_file_sink_sink (self->buffer);
  self->length += job->text->len;
  return pn_sink_write (&sink, job->text->data, job->text->len, error);
}

void
pn_convert_stream_free (PnConvertStream *self)
{
  close_stream (self, NULL);
  g_free (self);
}
