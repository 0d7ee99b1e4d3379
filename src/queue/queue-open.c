#include "queue/queue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

/* A file of which only the beginning will be read: nothing is read ahead. */
typedef struct {
  PnSource base;
  int fd;
} HeadSource;

static gssize
head_read (PnSource *base, guint64 offset, void *buffer, gsize length, GError **error)
{
  gsize done = 0;
  while (done < length) {
    ssize_t n
        = pread (((HeadSource *) base)->fd, (char *) buffer + done, length - done, (off_t) (offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      pn_file_set_error (error, errno, "queue file", "cannot read");
      return -1;
    }
    if (n == 0)
      break;
    done += (gsize) n;
  }
  return (gssize) done;
}

static void
head_free (PnSource *base)
{
  close (((HeadSource *) base)->fd);
  g_free (base);
}

static const PnSourceClass head_class = { head_read, head_free };

/* Up to this size one read of everything is the cheapest. */
#define SMALL (128 * 1024)

static PnSource *
plain_source (int fd, const struct stat *st, gboolean head_only, GError **error)
{
  if (!head_only || st->st_size <= SMALL)
    return pn_file_source_new (fd, error);
  HeadSource *self = g_new0 (HeadSource, 1);
  pn_source_init (&self->base, &head_class, (guint64) st->st_size, NULL);
  self->fd = fd;
  return &self->base;
}

PnSource *
pn_queue_open_file (const char *path, PnKey *key, gboolean head_only, int *fd_out, GError **error)
{
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 || fstat (fd, &st) < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  if (!S_ISREG (st.st_mode)) {
    close (fd);
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_NOT_SEALED, "%s: not a regular file", path);
    return NULL;
  }
  int copy = fd_out ? fcntl (fd, F_DUPFD_CLOEXEC, 0) : -1;
  if (fd_out && copy < 0) {
    pn_file_set_error (error, errno, path, "cannot keep it open");
    close (fd);
    return NULL;
  }
  g_autoptr (PnSource) sealed = plain_source (fd, &st, head_only, error);
  PnSource *source = NULL;
  if (sealed)
    source = head_only ? pn_seal_open_head (key, sealed, error) : pn_seal_open (key, sealed, error);
  if (!source) {
    g_prefix_error (error, "%s: ", path);
    if (copy >= 0)
      close (copy);
    return NULL;
  }
  if (fd_out)
    *fd_out = copy;
  return source;
}
