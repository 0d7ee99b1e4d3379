/* The journal's checkpoint, and what an operator asks about queues. */
#include "queue/queue-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Only what still has a name and is still covered. */
static gboolean
needs_flush (int fd, gboolean *named)
{
  struct stat st;
  if (fstat (fd, &st) < 0 || st.st_nlink == 0)
    return FALSE;
  *named = TRUE;
  return st.st_mode & S_IWUSR;
}

static gboolean
flush_queue (const char *path, GError **error)
{
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++) {
    g_autofree char *directory = g_strdup_printf ("%s/%u", path, p);
    if (access (directory, F_OK) == 0 && !pn_file_fsync_dir (directory, error)) {
      pn_queue_convert_error (error);
      return FALSE;
    }
  }
  return TRUE;
}

/* First the data, then the mark, then the directories: a mover that saw the file unmarked has linked it
 * before the mark and therefore before the directories are flushed; one that saw the mark flushes itself. */
static gboolean
flush_files (const int *fds, gsize n, gboolean *named, GError **error)
{
  g_autofree gboolean *wanted = g_new0 (gboolean, MAX (n, 1));
  for (gsize i = 0; i < n; i++) {
    wanted[i] = needs_flush (fds[i], named);
    if (wanted[i])
      sync_file_range (fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  for (gsize i = 0; i < n; i++)
    if (wanted[i] && !pn_file_fsync (fds[i], "queue file", error)) {
      pn_queue_convert_error (error);
      return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    if (wanted[i] && fchmod (fds[i], 0400) < 0) {
      pn_queue_set_error (error, errno, "queue file", "cannot mark it as flushed");
      return FALSE;
    }
  return TRUE;
}

gboolean
pn_queue_cover_end (const int *fds, gsize n, const char *const *queue_paths, GError **error)
{
  gboolean named = FALSE;
  if (!flush_files (fds, n, &named, error))
    return FALSE;
  for (const char *const *path = queue_paths; named && path && *path; path++)
    if (!flush_queue (*path, error))
      return FALSE;
  return TRUE;
}

#define COVER_BATCH 512

static gboolean
cover_directory (const char *path, gboolean *found, GError **error)
{
  DIR *directory = opendir (path);
  if (!directory)
    return TRUE;
  int fds[COVER_BATCH];
  gsize n = 0;
  gboolean ok = TRUE, named = FALSE;
  for (struct dirent *e; ok && (e = readdir (directory));) {
    struct stat st;
    if (e->d_name[0] == '.' || fstatat (dirfd (directory), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0
        || !S_ISREG (st.st_mode) || !(st.st_mode & S_IWUSR))
      continue;
    int fd = openat (dirfd (directory), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
      continue;
    fds[n++] = fd;
    if (n == COVER_BATCH) {
      ok = flush_files (fds, n, &named, error);
      while (n > 0)
        close (fds[--n]);
    }
  }
  closedir (directory);
  if (ok)
    ok = flush_files (fds, n, &named, error);
  while (n > 0)
    close (fds[--n]);
  *found |= named;
  return ok;
}

gboolean
pn_queue_cover_all (const char *const *queue_paths, GError **error)
{
  gboolean found = FALSE;
  for (const char *const *path = queue_paths; path && *path; path++)
    for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++) {
      g_autofree char *directory = g_strdup_printf ("%s/%u", *path, p);
      if (!cover_directory (directory, &found, error))
        return FALSE;
    }
  for (const char *const *path = queue_paths; path && *path; path++)
    if (!flush_queue (*path, error))
      return FALSE;
  return TRUE;
}

/* --- for the operator ------------------------------------------------------------------------- */

static void
add_once (GPtrArray *list, char *path /* taken */)
{
  for (guint i = 0; i < list->len; i++)
    if (g_str_equal (g_ptr_array_index (list, i), path)) {
      g_free (path);
      return;
    }
  g_ptr_array_add (list, path);
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Sub-directories of PATH, sorted. */
static GPtrArray *
list_directories (const char *path)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);
    if (name[0] != '.' && g_file_test (below, G_FILE_TEST_IS_DIR))
      g_ptr_array_add (names, g_steal_pointer (&below));
  }
  g_ptr_array_sort (names, compare_strings);
  return names;
}

/* NAME, there or not (its program makes it when it starts), and what else there is. */
static void
add_outputs (GPtrArray *list, const char *parent, const char *name)
{
  g_autofree char *out = g_build_filename (parent, "WPCSOUT", NULL);
  g_autoptr (GPtrArray) below = list_directories (out);
  if (name)
    add_once (list, g_build_filename (out, name, NULL));
  for (guint i = 0; i < below->len; i++) {
    const char *path = g_ptr_array_index (below, i);
    if (!g_str_has_suffix (path, "/PROBLEM"))
      add_once (list, g_strdup (path));
  }
}

GPtrArray *
pn_queue_list_all (const PnConfig *config)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *domain = pn_config_domain_path (config, NULL);
  g_autofree char *gates = pn_config_domain_path (config, "WPGATE");
  g_autoptr (GPtrArray) gateways = list_directories (gates);
  g_autofree char *own = pn_config_gateway_path (config, NULL);
  add_once (list, g_build_filename (own, "WPCSIN", NULL));
  for (guint i = 0; i < gateways->len; i++) {
    g_autofree char *in = g_build_filename (g_ptr_array_index (gateways, i), "WPCSIN", NULL);
    if (g_file_test (in, G_FILE_TEST_IS_DIR))
      add_once (list, g_steal_pointer (&in));
  }
  for (guint i = 0; i < config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = g_ptr_array_index (config->post_offices, i);
    add_once (list, g_build_filename (office->path, "WPCSIN", NULL));
  }
  add_once (list, g_build_filename (domain, "WPCSIN", NULL));
  add_outputs (list, domain, NULL);
  for (guint i = 0; i < config->post_offices->len; i++)
    add_outputs (list, ((const PnPostOfficeConfig *) g_ptr_array_index (config->post_offices, i))->path,
                 "OFS");
  add_outputs (list, own, "GWI0001");
  for (guint i = 0; i < gateways->len; i++)
    add_outputs (list, g_ptr_array_index (gateways, i), NULL);
  return list;
}

static guint
count_directory (const char *path)
{
  guint n = 0;
  DIR *directory = opendir (path);
  if (!directory)
    return 0;
  for (struct dirent *e; (e = readdir (directory));)
    n += e->d_name[0] != '.';
  closedir (directory);
  return n;
}

guint
pn_queue_count (const char *path, int priority)
{
  guint n = 0;
  for (int p = 0; p < PN_QUEUE_PRIORITIES; p++) {
    g_autofree char *directory = g_strdup_printf ("%s/%d", path, p);
    if (priority < 0 || priority == p)
      n += count_directory (directory);
  }
  return n;
}
