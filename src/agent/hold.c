/* Messages whose Distribute-Date lies ahead wait in gwhold/, as the queue files they are. */
#include "agent/agent-private.h"

#include "convert/native.h"
#include "core/log.h"
#include "core/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void
remember (PnAgent *self, const char *path, gint64 due)
{
  g_mutex_lock (&self->hold_lock);
  g_hash_table_replace (self->held, g_strdup (path), g_memdup2 (&due, sizeof due));
  g_mutex_unlock (&self->hold_lock);
}

/* The file leaves the queues: from here on nobody else answers for it, so it has to be on disk. */
static gboolean
flush_item (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == EACCES)
    fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return FALSE;
  }
  gboolean ok = pn_file_fsync (fd, path, error);
  if (ok)
    fchmod (fd, 0400);
  close (fd);
  return ok;
}

static char *
link_into_hold (PnAgent *self, const PnQueueItem *item, GError **error)
{
  for (guint i = 0;; i++) {
    g_autofree char *path
        = g_strdup_printf ("%s/0%u%06X.AAA", self->hold, item->priority, g_random_int () & 0xffffff);
    if (link (item->path, path) == 0)
      return g_steal_pointer (&path);
    if (errno != EEXIST || i > 1000) {
      pn_file_set_error (error, errno, path, "cannot link");
      return NULL;
    }
  }
}

gboolean
pn_agent_hold (PnAgent *self, PnQueueItem *item, gint64 due, GError **error)
{
  g_autofree char *path = flush_item (item->path, error) ? link_into_hold (self, item, error) : NULL;
  if (!path)
    return FALSE;
  if (!pn_file_fsync_dir (self->hold, error)) {
    unlink (path);
    return FALSE;
  }
  remember (self, path, due);
  return TRUE;
}

static gint64
read_due (PnAgent *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_queue_open_file (path, self->program->key, TRUE, NULL, &error);
  g_autoptr (PnMessage) message = source ? pn_native_read_head (source, &error) : NULL;
  if (message)
    return message->distribute_date.set ? message->distribute_date.unix_time : 0;
  pn_agent_log_error ("cannot_read_held", error);
  return 0; /* back to the queue, where damaged files are dealt with */
}

void
pn_agent_scan_hold (PnAgent *self)
{
  DIR *dir = opendir (self->hold);
  if (!dir)
    return;
  for (struct dirent *entry; (entry = readdir (dir));) {
    if (*entry->d_name == '.')
      continue;
    g_autofree char *path = g_build_filename (self->hold, entry->d_name, NULL);
    struct stat st;
    g_mutex_lock (&self->hold_lock);
    gboolean known = g_hash_table_contains (self->held, path);
    g_mutex_unlock (&self->hold_lock);
    if (!known && stat (path, &st) == 0 && S_ISREG (st.st_mode))
      remember (self, path, read_due (self, path));
  }
  closedir (dir);
}

static gboolean
release (PnAgent *self, const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  guint priority = name[0] == '0' && name[1] >= '0' && name[1] <= '7' ? (guint) (name[1] - '0') : 4;
  g_autoptr (GError) error = NULL;
  char new_name[13];
  if (access (path, F_OK) < 0)
    return TRUE; /* taken away by the operator */
  if (!pn_queue_link (self->out, path, priority, new_name, &error) || !pn_queue_settle (self->out, &error)) {
    pn_agent_log_error ("cannot_release", error);
    return FALSE;
  }
  unlink (path);
  pn_log_info ("released", "file=%s as=%s", name, new_name);
  return TRUE;
}

void
pn_agent_release_due (PnAgent *self)
{
  g_autoptr (GPtrArray) due = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer path, when;
  gint64 now = (gint64) time (NULL);
  g_mutex_lock (&self->hold_lock);
  g_hash_table_iter_init (&iter, self->held);
  while (g_hash_table_iter_next (&iter, &path, &when))
    if (*(gint64 *) when <= now)
      g_ptr_array_add (due, g_strdup (path));
  g_mutex_unlock (&self->hold_lock);
  for (guint i = 0; i < due->len; i++) {
    if (!release (self, g_ptr_array_index (due, i)))
      continue;
    g_mutex_lock (&self->hold_lock);
    g_hash_table_remove (self->held, g_ptr_array_index (due, i));
    g_mutex_unlock (&self->hold_lock);
  }
}
