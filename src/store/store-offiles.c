/* OFFILES: sealed queue files that are too large for a row of a message database. */
#include "core/file.h"
#include "store/store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_CHUNK (256 * 1024)
#define FLUSHED_MODE 0400

/* Ids of messages from outside programs are any text, so the name is made from a digest of it. */
char *
pn_offiles_name (const char *id)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, id, -1);
  guint bucket = ((guint) g_ascii_xdigit_value (digest[0]) * 16 + (guint) g_ascii_xdigit_value (digest[1]))
                 % PN_FILE_BUCKETS;
  digest[32] = '\0';
  return g_strdup_printf ("fd%02x/%s", bucket, digest);
}

static gboolean
copy_bytes (PnSource *sealed, int to, const char *path, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (COPY_CHUNK);
  g_autoptr (PnFileSink) file = pn_file_sink_new (to);
  PnSink sink = pn_file_sink_sink (file);
  for (guint64 at = 0; at < sealed->size;) {
    gsize n = (gsize) MIN ((guint64) COPY_CHUNK, sealed->size - at);
    if (!pn_source_read (sealed, at, buffer, n, error) || !pn_sink_write (&sink, buffer, n, error))
      return FALSE;
    at += n;
  }
  return pn_file_sink_flush (file, error) && pn_file_fsync (to, path, error);
}

static gboolean
copy_into (PnSource *sealed, const char *dir, const char *path, GError **error)
{
  int fd = pn_file_unnamed (dir, error);
  if (fd < 0)
    return FALSE;
  gboolean ok = copy_bytes (sealed, fd, path, error) && pn_file_link (fd, path, error);
  close (fd);
  return ok;
}

/* What a rule of the queues says is on disk already need not be flushed again. */
static gboolean
flush_linked (int fd, const char *path, GError **error)
{
  struct stat st;
  if (fstat (fd, &st) == 0 && (st.st_mode & 0777) == FLUSHED_MODE)
    return TRUE;
  return pn_file_fsync (fd, path, error);
}

static gboolean
link_into (PnSource *sealed, int fd, const char *dir, const char *path, GError **error)
{
  g_autoptr (GError) reason = NULL;
  if (fd >= 0 && pn_file_link (fd, path, &reason)) {
    if (flush_linked (fd, path, error))
      return TRUE;
    unlink (path);
    return FALSE;
  }
  if (reason && g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NO_SPACE)) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return FALSE;
  }
  return copy_into (sealed, dir, path, error);
}

gboolean
pn_offiles_add (PnStore *self, const char *name, PnSource *sealed, int fd, GError **error)
{
  g_autofree char *path = g_build_filename (self->files_path, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  g_autoptr (GError) reason = NULL;
  if (mkdir (dir, 0700) == 0)
    g_hash_table_add (self->new_dirs, g_strdup (self->files_path));
  /* A file without a row is what a crash left: it may be incomplete. */
  if (unlink (path) < 0 && errno != ENOENT)
    pn_file_set_error (&reason, errno, path, "cannot remove what a crash left");
  if (!reason && link_into (sealed, fd, dir, path, &reason)) {
    g_ptr_array_add (self->new_files, g_steal_pointer (&path));
    g_hash_table_add (self->new_dirs, g_steal_pointer (&dir));
    return TRUE;
  }
  PnStoreError kind = g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NO_SPACE) ? PN_STORE_ERROR_FULL
                                                                                : PN_STORE_ERROR_ENGINE;
  g_set_error_literal (error, PN_STORE_ERROR, kind, reason->message);
  return FALSE;
}

PnSource *
pn_offiles_open (PnStore *self, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (self->files_path, name, NULL);
  g_autoptr (GError) reason = NULL;
  PnSource *source = pn_file_source_open (path, &reason);
  if (!source)
    g_set_error_literal (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED, reason->message);
  return source;
}

gboolean
pn_offiles_flush (PnStore *self, GError **error)
{
  GHashTableIter iter;
  gpointer dir;
  g_autoptr (GError) reason = NULL;
  g_hash_table_iter_init (&iter, self->new_dirs);
  while (g_hash_table_iter_next (&iter, &dir, NULL))
    if (!pn_file_fsync_dir (dir, &reason)) {
      g_set_error_literal (error, PN_STORE_ERROR, PN_STORE_ERROR_ENGINE, reason->message);
      return FALSE;
    }
  g_hash_table_remove_all (self->new_dirs);
  return TRUE;
}

void
pn_offiles_committed (PnStore *self)
{
  g_ptr_array_set_size (self->new_files, 0);
}

void
pn_offiles_rollback (PnStore *self)
{
  for (guint i = 0; i < self->new_files->len; i++)
    unlink (self->new_files->pdata[i]);
  g_ptr_array_set_size (self->new_files, 0);
}
