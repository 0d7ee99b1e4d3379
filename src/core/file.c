#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files up to this size are read at once. */
#define WHOLE_MAX (1024 * 1024)
/* Reads of larger files go through one window of this size, so that readers of a few bytes do not cost a call
 * each. */
#define WINDOW_SIZE (256 * 1024)
#define SINK_BUFFER (64 * 1024)

void
pn_file_set_error (GError **error, int errnum, const char *path, const char *what)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errnum), "%s: %s: %s", path, what,
               g_strerror (errnum));
}

typedef struct {
  PnSource base;
  int fd;
  guint8 *window; /* WINDOW_SIZE bytes, once needed */
  guint64 window_offset;
  gsize window_length;
} FileSource;

static gssize
read_at (int fd, guint64 offset, void *buffer, gsize length, GError **error)
{
  gsize done = 0;
  while (done < length) {
    ssize_t n = pread (fd, (char *) buffer + done, length - done, (off_t) (offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      pn_file_set_error (error, errno, "file", "cannot read");
      return -1;
    }
    if (n == 0)
      break;
    done += (gsize) n;
  }
  return (gssize) done;
}

static gssize
file_source_read (PnSource *base, guint64 offset, void *buffer, gsize length, GError **error)
{
  FileSource *self = (FileSource *) base;
  if (offset >= base->size)
    return 0;
  length = MIN (length, base->size - offset);
  if (length >= WINDOW_SIZE / 2)
    return read_at (self->fd, offset, buffer, length, error);

  if (offset < self->window_offset || offset + length > self->window_offset + self->window_length) {
    if (!self->window)
      self->window = g_malloc (WINDOW_SIZE);
    self->window_length = 0;
    gssize n = read_at (self->fd, offset, self->window, WINDOW_SIZE, error);
    if (n < 0)
      return -1;
    self->window_offset = offset;
    self->window_length = (gsize) n;
  }
  gsize available = self->window_offset + self->window_length - offset;
  length = MIN (length, available);
  memcpy (buffer, self->window + (offset - self->window_offset), length);
  return (gssize) length;
}

static void
file_source_free (PnSource *base)
{
  FileSource *self = (FileSource *) base;
  close (self->fd);
  g_free (self->window);
  g_free (self);
}

static const PnSourceClass file_source_class = { file_source_read, file_source_free };

PnSource *
pn_file_source_new (int fd, GError **error)
{
  struct stat st;
  if (fstat (fd, &st) < 0) {
    pn_file_set_error (error, errno, "file", "cannot look at it");
    close (fd);
    return NULL;
  }
  if (S_ISREG (st.st_mode) && st.st_size <= WHOLE_MAX) {
    guint8 *data = g_malloc ((gsize) st.st_size + 1);
    gssize n = read_at (fd, 0, data, (gsize) st.st_size, error);
    close (fd);
    if (n < 0) {
      g_free (data);
      return NULL;
    }
    g_autoptr (GBytes) bytes = g_bytes_new_take (data, (gsize) n);
    return pn_source_new_bytes (bytes);
  }
  FileSource *self = g_new0 (FileSource, 1);
  pn_source_init (&self->base, &file_source_class, (guint64) st.st_size, NULL);
  self->fd = fd;
  return &self->base;
}

PnSource *
pn_file_source_open (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return NULL;
  }
  struct stat st;
  if (fstat (fd, &st) == 0 && !S_ISREG (st.st_mode)) {
    close (fd);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE, "%s: is not a regular file", path);
    return NULL;
  }
  PnSource *source = pn_file_source_new (fd, error);
  if (!source)
    g_prefix_error (error, "%s: ", path);
  return source;
}

struct PnFileSink {
  int fd;
  gsize used;
  guint8 buffer[SINK_BUFFER];
};

static gboolean
write_all (int fd, const void *data, gsize length, GError **error)
{
  const char *p = data;
  while (length > 0) {
    ssize_t n = write (fd, p, length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      pn_file_set_error (error, errno, "file", "cannot write");
      return FALSE;
    }
    p += n;
    length -= (gsize) n;
  }
  return TRUE;
}

static gboolean
file_sink_write (gpointer user, const void *data, gsize length, GError **error)
{
  PnFileSink *self = user;
  if (self->used + length > SINK_BUFFER && !pn_file_sink_flush (self, error))
    return FALSE;
  if (length >= SINK_BUFFER)
    return write_all (self->fd, data, length, error);
  memcpy (self->buffer + self->used, data, length);
  self->used += length;
  return TRUE;
}

PnFileSink *
pn_file_sink_new (int fd)
{
  PnFileSink *self = g_malloc (sizeof *self);
  self->fd = fd;
  self->used = 0;
  return self;
}

PnSink
pn_file_sink_sink (PnFileSink *self)
{
  return (PnSink){ file_sink_write, self };
}

gboolean
pn_file_sink_flush (PnFileSink *self, GError **error)
{
  gsize used = self->used;
  self->used = 0;
  return used == 0 || write_all (self->fd, self->buffer, used, error);
}

void
pn_file_sink_free (PnFileSink *self)
{
  g_free (self);
}

int
pn_file_unnamed (const char *dir, GError **error)
{
  int fd = open (dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    pn_file_set_error (error, errno, dir, "cannot make an unnamed file");
  return fd;
}

gboolean
pn_file_link (int fd, const char *path, GError **error)
{
  char self[40];
  g_snprintf (self, sizeof self, "/proc/self/fd/%d", fd);
  if (linkat (AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
    return TRUE;
  pn_file_set_error (error, errno, path, "cannot give the file this name");
  return FALSE;
}

gboolean
pn_file_rename_new (const char *from, const char *to, GError **error)
{
  if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return TRUE;
  pn_file_set_error (error, errno, to, "cannot give the file this name");
  return FALSE;
}

PnSource *
pn_file_source_copy (const char *dir, PnContent *content, GError **error)
{
  int fd = pn_file_unnamed (dir, error);
  if (fd < 0)
    return NULL;
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  PnSink sink = pn_file_sink_sink (file);
  if (pn_content_copy (content, &sink, error) && pn_file_sink_flush (file, error))
    return pn_file_source_new (fd, error);
  close (fd);
  return NULL;
}

gboolean
pn_file_fsync (int fd, const char *name_for_errors, GError **error)
{
  int rc;
  do
    rc = fsync (fd);
  while (rc < 0 && errno == EINTR);
  if (rc == 0)
    return TRUE;
  pn_file_set_error (error, errno, name_for_errors, "cannot flush to disk");
  return FALSE;
}

gboolean
pn_file_fsync_dir (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return FALSE;
  }
  gboolean ok = pn_file_fsync (fd, path, error);
  close (fd);
  return ok;
}

gboolean
pn_file_make_dirs (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0700) == 0)
    return TRUE;
  pn_file_set_error (error, errno, path, "cannot make the directory");
  return FALSE;
}
