#include "queue/queue-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (pn-queue-error-quark, pn_queue_error)

#define NAME_TRIES 1000

void
pn_queue_set_error (GError **error, int errnum, const char *path, const char *what)
{
  gboolean full = errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;
  g_set_error (error, PN_QUEUE_ERROR, full ? PN_QUEUE_ERROR_FULL : PN_QUEUE_ERROR_IO, "%s: %s: %s", path,
               what, g_strerror (errnum));
}

void
pn_queue_convert_error (GError **error)
{
  if (!error || !*error || (*error)->domain == PN_QUEUE_ERROR)
    return;
  gboolean full = g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_NO_SPACE)
                  || g_error_matches (*error, G_IO_ERROR, g_io_error_from_errno (EDQUOT))
                  || g_error_matches (*error, G_IO_ERROR, g_io_error_from_errno (EFBIG));
  GError *converted = g_error_new_literal (PN_QUEUE_ERROR, full ? PN_QUEUE_ERROR_FULL : PN_QUEUE_ERROR_IO,
                                           (*error)->message);
  g_clear_error (error);
  *error = converted;
}

/* --- the shared flush of a directory ---------------------------------------------------------- */

void
pn_dir_flush_init (PnDirFlush *self)
{
  memset (self, 0, sizeof *self);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
}

void
pn_dir_flush_clear (PnDirFlush *self)
{
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
}

static int
flush_directory (const char *path)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int errnum = 0;
  while (fsync (fd) < 0) {
    errnum = errno;
    if (errnum != EINTR)
      break;
    errnum = 0;
  }
  close (fd);
  return errnum;
}

gboolean
pn_dir_flush (PnDirFlush *self, const char *path, GError **error)
{
  g_mutex_lock (&self->lock);
  guint64 mine = ++self->asked;
  while (self->flushed < mine) {
    if (self->running) {
      g_cond_wait (&self->changed, &self->lock);
      continue;
    }
    self->running = TRUE;
    guint64 target = self->asked;
    g_mutex_unlock (&self->lock);
    int errnum = flush_directory (path);
    g_mutex_lock (&self->lock);
    if (errnum) {
      self->failed_from = self->flushed;
      self->failed_to = target;
      self->failed_errno = errnum;
    }
    self->flushed = target;
    self->running = FALSE;
    g_cond_broadcast (&self->changed);
  }
  gboolean failed = mine > self->failed_from && mine <= self->failed_to;
  int errnum = self->failed_errno;
  g_mutex_unlock (&self->lock);
  if (failed)
    pn_queue_set_error (error, errnum, path, "cannot flush the directory");
  return !failed;
}

/* --- names ------------------------------------------------------------------------------------ */

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* The clock in milliseconds, but never the same twice: under load it runs ahead. */
static guint64
next_count (void)
{
  static guint64 last;
  guint64 seen = __atomic_load_n (&last, __ATOMIC_RELAXED);
  guint64 next;
  do
    next = MAX (seen + 1, (guint64) now_ms ());
  while (!__atomic_compare_exchange_n (&last, &seen, next, FALSE, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return next;
}

static void
put_hex (char *to, guint32 value, int digits)
{
  static const char hex[] = "0123456789ABCDEF";
  for (int i = digits - 1; i >= 0; i--, value >>= 4)
    to[i] = hex[value & 15];
}

void
pn_queue_make_name (char name[13], const char *first, const char *extension)
{
  memcpy (name, first, 2);
  put_hex (name + 2, (guint32) (next_count () & 0xffffff), 6);
  name[8] = '.';
  if (extension) {
    g_strlcpy (name + 9, extension, 4);
    return;
  }
  guint process = (guint) getpid ();
  for (int i = 9; i < 12; i++, process /= 26)
    name[i] = (char) ('A' + process % 26);
  name[12] = '\0';
}

static gboolean
name_character (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-';
}

gboolean
pn_queue_name_ok (const char *name)
{
  gsize stem = 0, extension = 0;
  while (name_character (name[stem]))
    stem++;
  if (stem < 1 || stem > 8 || name[stem] != '.')
    return FALSE;
  const char *rest = name + stem + 1;
  while (name_character (rest[extension]))
    extension++;
  return extension >= 1 && extension <= 3 && !rest[extension];
}

guint
pn_queue_name_age (const char *name, gint64 now)
{
  if (strlen (name) < 8)
    return 0x7fffff;
  guint32 made = 0;
  for (int i = 2; i < 8; i++) {
    int digit = g_ascii_xdigit_value (name[i]);
    if (digit < 0)
      return 0x7fffff;
    made = made << 4 | (guint32) digit;
  }
  /* The digits wrap after some hours; what seems to lie just ahead was made by a process that counts ahead.
   */
  guint32 age = ((guint32) (now & 0xffffff) - made) & 0xffffff;
  return age < 0xe00000 ? age : 0;
}

char *
pn_queue_program (const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  if (g_ascii_strcasecmp (base, "WPCSIN") == 0)
    return g_strdup ("MS");
  g_autofree char *cut = g_strndup (base, 3);
  return g_ascii_strup (cut, -1);
}

/* --- open ------------------------------------------------------------------------------------- */

static char *
problem_path (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  if (g_ascii_strcasecmp (base, "WPCSIN") == 0)
    return g_build_filename (parent, "WPCSOUT", "PROBLEM", NULL);
  return g_build_filename (parent, "PROBLEM", NULL);
}

PnQueue *
pn_queue_open (const char *path, GError **error)
{
  g_autoptr (PnQueue) self = g_new0 (PnQueue, 1);
  self->path = g_strdup (path);
  self->problem_path = problem_path (path);
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++) {
    self->priority_path[p] = g_strdup_printf ("%s/%u", path, p);
    pn_dir_flush_init (&self->flush[p]);
  }
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++)
    if (!pn_file_make_dirs (self->priority_path[p], error)) {
      pn_queue_convert_error (error);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
pn_queue_free (PnQueue *self)
{
  if (!self)
    return;
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++) {
    g_free (self->priority_path[p]);
    pn_dir_flush_clear (&self->flush[p]);
  }
  g_free (self->path);
  g_free (self->problem_path);
  g_free (self);
}

const char *
pn_queue_path (const PnQueue *self)
{
  return self->path;
}

const char *
pn_queue_problem_path (const PnQueue *self)
{
  return self->problem_path;
}

/* --- putting ---------------------------------------------------------------------------------- */

int
pn_queue_stage (PnQueue *self, GError **error)
{
  int fd = self->pool ? pn_pool_take (self->pool) : -1;
  return fd >= 0 ? fd : pn_queue_stage_new (self, error);
}

int
pn_queue_stage_new (PnQueue *self, GError **error)
{
  int fd = open (self->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && errno == ENOENT && pn_file_make_dirs (self->path, NULL))
    fd = open (self->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    pn_queue_set_error (error, errno, self->path, "cannot make an unnamed file");
  return fd;
}

/* Gives FROM a name in PRIORITY; a directory that somebody removed is made again. */
static gboolean
link_in (PnQueue *self, const char *from, int flags, guint priority, char name[13], GError **error)
{
  const char first[3] = { '0', (char) ('0' + priority), '\0' };
  const char *directory = self->priority_path[priority];
  gsize length = strlen (directory);
  g_autofree char *path = g_malloc (length + 14);
  memcpy (path, directory, length);
  path[length] = '/';
  gboolean made = FALSE;
  for (int i = 0; i < NAME_TRIES; i++) {
    pn_queue_make_name (name, first, NULL);
    memcpy (path + length + 1, name, 13);
    if (linkat (AT_FDCWD, from, AT_FDCWD, path, flags) == 0)
      return TRUE;
    if (errno == EEXIST)
      continue;
    if (errno == ENOENT && !made && access (directory, F_OK) < 0) {
      made = TRUE;
      if (!pn_file_make_dirs (directory, error)) {
        pn_queue_convert_error (error);
        return FALSE;
      }
      continue;
    }
    pn_queue_set_error (error, errno, path, "cannot link the file to this name");
    return FALSE;
  }
  g_set_error (error, PN_QUEUE_ERROR, PN_QUEUE_ERROR_NAME, "%s: no free name found", directory);
  return FALSE;
}

static gboolean
link_fd (PnQueue *self, int fd, guint priority, gboolean covered, char name[13], GError **error)
{
  char from[40];
  g_snprintf (from, sizeof from, "/proc/self/fd/%d", fd);
  if (!link_in (self, from, AT_SYMLINK_FOLLOW, priority, name, error))
    return FALSE;
  /* What is flushed stays as it is, and nobody tells when it is consumed. */
  if (!covered && self->pool)
    pn_pool_retire (self->pool, fd);
  return TRUE;
}

static void
unlink_name (PnQueue *self, guint priority, const char *name)
{
  g_autofree char *path = g_build_filename (self->priority_path[priority], name, NULL);
  unlink (path);
}

/* Cuts off what the file held before. */
static gboolean
end_here (int fd, const char *path, GError **error)
{
  struct stat st;
  off_t end = lseek (fd, 0, SEEK_CUR);
  if (end >= 0 && fstat (fd, &st) == 0 && (st.st_size <= end || ftruncate (fd, end) == 0))
    return TRUE;
  pn_queue_set_error (error, errno, path, "cannot end a queue file");
  return FALSE;
}

/* Data first, then the mode: whoever sees 0400 may rely on it. */
static gboolean
make_durable (int fd, const char *path, GError **error)
{
  while (fsync (fd) < 0)
    if (errno != EINTR) {
      pn_queue_set_error (error, errno, path, "cannot flush a queue file");
      return FALSE;
    }
  if (fchmod (fd, 0400) < 0) {
    pn_queue_set_error (error, errno, path, "cannot mark a queue file as flushed");
    return FALSE;
  }
  return TRUE;
}

gboolean
pn_queue_put (PnQueue *self, int fd, guint priority, gboolean covered, char name[13], GError **error)
{
  char made[13];
  g_return_val_if_fail (priority < PN_QUEUE_PRIORITIES, FALSE);
  if ((self->pool && !end_here (fd, self->path, error))
      || (!covered && !make_durable (fd, self->path, error)))
    return FALSE;
  if (!link_fd (self, fd, priority, covered, made, error))
    return FALSE;
  if (!covered && !pn_dir_flush (&self->flush[priority], self->priority_path[priority], error)) {
    unlink_name (self, priority, made);
    return FALSE;
  }
  if (name)
    memcpy (name, made, sizeof made);
  return TRUE;
}

static gboolean
flush_batch (PnQueue *self, const int *fds, gsize n, GError **error)
{
  /* All writing is started before the first is waited for. */
  for (gsize i = 0; i < n; i++)
    sync_file_range (fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
  for (gsize i = 0; i < n; i++)
    if (!make_durable (fds[i], self->path, error))
      return FALSE;
  return TRUE;
}

gboolean
pn_queue_put_batch (PnQueue *self, const int *fds, const guint *priorities, gsize n, gboolean covered,
                    GError **error)
{
  for (gsize i = 0; i < n && self->pool; i++)
    if (!end_here (fds[i], self->path, error))
      return FALSE;
  if (!covered && !flush_batch (self, fds, n, error))
    return FALSE;
  g_autofree char (*names)[13] = g_malloc_n (MAX (n, 1), 13);
  gboolean used[PN_QUEUE_PRIORITIES] = { FALSE };
  gsize linked = 0;
  gboolean ok = TRUE;
  for (; linked < n; linked++) {
    g_return_val_if_fail (priorities[linked] < PN_QUEUE_PRIORITIES, FALSE);
    ok = link_fd (self, fds[linked], priorities[linked], covered, names[linked], error);
    if (!ok)
      break;
    used[priorities[linked]] = TRUE;
  }
  for (guint p = 0; ok && !covered && p < PN_QUEUE_PRIORITIES; p++)
    if (used[p])
      ok = pn_dir_flush (&self->flush[p], self->priority_path[p], error);
  /* All or nothing, as far as nobody has taken them yet. */
  for (gsize i = 0; !ok && i < linked; i++)
    unlink_name (self, priorities[i], names[i]);
  return ok;
}

gboolean
pn_queue_link (PnQueue *self, const char *path, guint priority, char name[13], GError **error)
{
  char made[13];
  struct stat st;
  g_return_val_if_fail (priority < PN_QUEUE_PRIORITIES, FALSE);
  if (!link_in (self, path, 0, priority, made, error))
    return FALSE;
  if (name)
    memcpy (name, made, sizeof made);
  /* The mode is looked at after the link: the checkpoint marks first and flushes the directories then, so one
   * of the two of us flushes this name. */
  if (lstat (path, &st) < 0 || !(st.st_mode & S_IWUSR))
    g_atomic_int_set (&self->noted[priority], 1);
  return TRUE;
}

gboolean
pn_queue_settle (PnQueue *self, GError **error)
{
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++) {
    if (!g_atomic_int_compare_and_exchange (&self->noted[p], 1, 0))
      continue;
    if (!pn_dir_flush (&self->flush[p], self->priority_path[p], error)) {
      g_atomic_int_set (&self->noted[p], 1);
      return FALSE;
    }
  }
  return TRUE;
}
