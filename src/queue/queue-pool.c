/* Covered queue files that are used again.
 *
 * A file for every message costs the making and the freeing of an inode, and on ext4 without a journal, which
 * avoids inodes freed within the last minutes by looking at each of them, that is by far the dearest step of
 * a message's way.  So whoever puts covered files may keep each under a second name, in a directory
 * of its own on the same file system; when that name is the only one left, every consumer has removed its
 * own, and the file can be written again. */
#include "queue/queue-private.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Larger files are not kept. */
#define SIZE_MAX_KEPT (256 * 1024)

struct PnPool {
  GMutex lock;
  char *path;
  guint max;
  guint next_name;
  GHashTable *names; /* inode (guint64) -> number of the name */
  GArray *free;      /* int: the last one given back is the first taken, as it is still in the caches */
};

static char *
name_path (PnPool *self, guint number)
{
  return g_strdup_printf ("%s/P%07u", self->path, number);
}

/* Nobody holds what an earlier run left. */
static void
clear_directory (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);
    unlink (below);
  }
}

PnPool *
pn_pool_new (const char *path, guint max, GError **error)
{
  if (!pn_file_make_dirs (path, error))
    return NULL;
  clear_directory (path);
  PnPool *self = g_new0 (PnPool, 1);
  g_mutex_init (&self->lock);
  self->path = g_strdup (path);
  self->max = max;
  self->names = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->free = g_array_new (FALSE, FALSE, sizeof (int));
  return self;
}

void
pn_pool_free (PnPool *self)
{
  if (!self)
    return;
  for (guint i = 0; i < self->free->len; i++)
    close (g_array_index (self->free, int, i));
  clear_directory (self->path);
  g_array_unref (self->free);
  g_hash_table_unref (self->names);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self);
}

static int
make_file (PnPool *self)
{
  guint number = self->next_name++;
  g_autofree char *path = name_path (self, number);
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  struct stat st;
  if (fd < 0)
    return -1;
  if (fstat (fd, &st) < 0) {
    close (fd);
    unlink (path);
    return -1;
  }
  guint64 inode = st.st_ino;
  g_hash_table_replace (self->names, g_memdup2 (&inode, sizeof inode), GUINT_TO_POINTER (number));
  return fd;
}

int
pn_pool_take (PnPool *self)
{
  int fd = -1;
  g_mutex_lock (&self->lock);
  if (self->free->len > 0) {
    fd = g_array_index (self->free, int, self->free->len - 1);
    g_array_set_size (self->free, self->free->len - 1);
  } else if (g_hash_table_size (self->names) < self->max)
    fd = make_file (self);
  g_mutex_unlock (&self->lock);
  if (fd >= 0 && lseek (fd, 0, SEEK_SET) < 0) {
    pn_pool_retire (self, fd);
    close (fd);
    return -1;
  }
  return fd;
}

gboolean
pn_pool_owns (PnPool *self, int fd)
{
  struct stat st;
  if (!self || fstat (fd, &st) < 0)
    return FALSE;
  guint64 inode = st.st_ino;
  g_mutex_lock (&self->lock);
  gboolean owns = g_hash_table_contains (self->names, &inode);
  g_mutex_unlock (&self->lock);
  return owns;
}

void
pn_pool_give_back (PnPool *self, int fd)
{
  struct stat st;
  if (fstat (fd, &st) < 0 || st.st_nlink != 1 || st.st_size > SIZE_MAX_KEPT || !(st.st_mode & S_IWUSR)) {
    pn_pool_retire (self, fd);
    close (fd);
    return;
  }
  g_mutex_lock (&self->lock);
  g_array_append_val (self->free, fd);
  g_mutex_unlock (&self->lock);
}

void
pn_pool_retire (PnPool *self, int fd)
{
  struct stat st;
  if (fstat (fd, &st) < 0)
    return;
  guint64 inode = st.st_ino;
  gpointer number = NULL;
  g_mutex_lock (&self->lock);
  gboolean owned = g_hash_table_lookup_extended (self->names, &inode, NULL, &number);
  if (owned)
    g_hash_table_remove (self->names, &inode);
  g_mutex_unlock (&self->lock);
  g_autofree char *path = owned ? name_path (self, GPOINTER_TO_UINT (number)) : NULL;
  if (path && unlink (path) < 0 && errno != ENOENT)
    pn_log_error ("pool_left", "path=%s reason=\"%s\"", path, g_strerror (errno));
}
