#include "smtp/client-private.h"

#include "core/file.h"
#include "core/log.h"
#include "convert/number.h"

#include <dirent.h>
#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file without an end that nobody has written to for this long is no file being written. */
#define INCOMPLETE_S 60
#define DEAD_MAX_S 60
/* Small files stay open from the look at their destination to their sending, up to so many. */
#define KEEP_SIZE (64 * 1024)
#define KEEP_MAX 256

/* Files for one next hop. */
typedef struct {
  char *key;
  GQueue waiting;    /* PnSendJob */
  gint64 dead_until; /* monotonic */
  PnOutcome dead;
} Destination;

struct PnSchedule {
  PnProgram *program;     /* borrowed */
  const PnRoutes *routes; /* borrowed */
  char *root;             /* the gateway's directory */
  GArray *intervals;      /* guint: seconds between tries */
  guint scan_interval;
  int inotify, wake;

  GMutex lock;
  GCond work;
  GHashTable *known;        /* names in send/ that are waiting or under way */
  GHashTable *destinations; /* key -> Destination */
  GQueue ready;             /* Destination with files waiting, in turns */
  GHashTable *deferred;     /* name -> gint64 *: seconds when it is due */
  guint kept;               /* files open in jobs that wait */
};

static void
destination_free (Destination *self)
{
  g_queue_clear_full (&self->waiting, (GDestroyNotify) pn_send_job_free);
  pn_outcome_clear (&self->dead);
  g_free (self->key);
  g_free (self);
}

void
pn_send_job_free (PnSendJob *self)
{
  if (!self)
    return;
  g_free (self->name);
  pn_next_hop_free (self->hop);
  pn_send_file_free (self->file);
  g_free (self);
}

char *
pn_schedule_path (const PnSchedule *self, const char *folder, const char *name)
{
  return g_build_filename (self->root, folder, name, NULL);
}

static gint64
seconds_now (void)
{
  return (gint64) time (NULL);
}

/* --- setting up ------------------------------------------------------------------------------- */

static gboolean
read_intervals (PnSchedule *self, GError **error)
{
  const char *text = pn_config_string (self->program->config, "smtp", "retry");
  g_auto (GStrv) words = g_strsplit_set (text, " \t,", -1);
  for (char **w = words; *w; w++) {
    guint64 n;
    if (!**w)
      continue;
    if (!pn_number_parse (*w, 10, 1, 31536000, &n)) {
      g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                   "[smtp] retry: '%s' is not a number of seconds", *w);
      return FALSE;
    }
    guint seconds = (guint) n;
    g_array_append_val (self->intervals, seconds);
  }
  if (self->intervals->len > 0)
    return TRUE;
  g_set_error_literal (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID, "[smtp] retry: names no time");
  return FALSE;
}

static gboolean
make_folders (PnSchedule *self, GError **error)
{
  static const char *const folders[] = { "send", "defer", "result", "gwprob" };
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *path = pn_schedule_path (self, folders[i], NULL);
    if (!pn_file_make_dirs (path, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
start_watch (PnSchedule *self, GError **error)
{
  g_autofree char *path = pn_schedule_path (self, "send", NULL);
  self->inotify = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (self->inotify >= 0
      && inotify_add_watch (self->inotify, path, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) >= 0)
    return TRUE;
  pn_file_set_error (error, errno, path, "cannot watch");
  return FALSE;
}

PnSchedule *
pn_schedule_new (PnProgram *program, const PnRoutes *routes, GError **error)
{
  PnSchedule *self = g_new0 (PnSchedule, 1);
  self->program = program;
  self->routes = routes;
  self->root = pn_config_gateway_path (program->config, NULL);
  self->scan_interval = (guint) pn_config_integer (program->config, "queue", "scan-interval");
  self->intervals = g_array_new (FALSE, FALSE, sizeof (guint));
  self->inotify = -1;
  self->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_mutex_init (&self->lock);
  g_cond_init (&self->work);
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->destinations
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) destination_free);
  self->deferred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (read_intervals (self, error) && make_folders (self, error) && start_watch (self, error))
    return self;
  pn_schedule_free (self);
  return NULL;
}

void
pn_schedule_free (PnSchedule *self)
{
  if (!self)
    return;
  g_queue_clear (&self->ready);
  g_hash_table_unref (self->known);
  g_hash_table_unref (self->destinations);
  g_hash_table_unref (self->deferred);
  g_array_unref (self->intervals);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->work);
  if (self->inotify >= 0)
    close (self->inotify);
  if (self->wake >= 0)
    close (self->wake);
  g_free (self->root);
  g_free (self);
}

guint
pn_schedule_interval (const PnSchedule *self, guint attempts)
{
  guint last = self->intervals->len - 1;
  return g_array_index (self->intervals, guint, MIN (attempts > 0 ? attempts - 1 : 0, last));
}

/* --- files that are none ---------------------------------------------------------------------- */

void
pn_schedule_problem (PnSchedule *self, const char *name, const char *reason, gboolean keep)
{
  g_autofree char *from = pn_schedule_path (self, "send", name);
  g_autofree char *to = pn_schedule_path (self, "gwprob", name);
  g_autofree char *text_path = g_strconcat (to, ".TXT", NULL);
  g_autofree char *text = g_strconcat (reason, "\n", NULL);
  g_autofree char *quoted = pn_log_quote (reason);
  pn_log_error ("problem", "file=%s moved-to=gwprob reason=%s", name, quoted);
  g_file_set_contents (text_path, text, -1, NULL);
  if (link (from, to) < 0 && errno != EEXIST)
    pn_log_error ("cannot_move", "file=%s to=%s reason=%s", from, to, g_strerror (errno));
  else if (!keep)
    unlink (from);
}

static gboolean
is_send_name (const char *name)
{
  gsize n = strlen (name);
  return n > 4 && n <= 64 && *name != '.' && g_ascii_strcasecmp (name + n - 4, ".SND") == 0;
}

/* NULL if it is not for us now. */
static PnSendJob *
read_job (PnSchedule *self, const char *name)
{
  g_autofree char *path = pn_schedule_path (self, "send", name);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSendFile) file = pn_send_file_open (path, self->program->key, FALSE, &error);
  PnNextHop *hop = file ? pn_routes_find (self->routes, file->head->domain) : NULL;
  if (hop) {
    PnSendJob *job = g_new0 (PnSendJob, 1);
    job->name = g_strdup (name);
    job->hop = hop;
    if (file->source->size <= KEEP_SIZE)
      job->file = g_steal_pointer (&file);
    return job;
  }
  struct stat st;
  if (stat (path, &st) < 0)
    return NULL;
  if (g_error_matches (error, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE)
      && seconds_now () - st.st_mtime < INCOMPLETE_S)
    return NULL;
  if (error && error->domain == G_IO_ERROR) {
    g_autofree char *quoted = pn_log_quote (error->message);
    pn_log_warning ("cannot_read", "file=%s reason=%s", name, quoted);
    return NULL;
  }
  g_autofree char *reason
      = file ? g_strdup_printf ("line 1: '%s' is not a destination", file->head->domain) : NULL;
  pn_schedule_problem (self, name, reason ? reason : error->message, FALSE);
  return NULL;
}

/* --- the table of work ------------------------------------------------------------------------ */

static void
queue_job (PnSchedule *self, PnSendJob *job)
{
  if (job->file && self->kept >= KEEP_MAX)
    g_clear_pointer (&job->file, pn_send_file_free);
  self->kept += job->file != NULL;
  Destination *destination = g_hash_table_lookup (self->destinations, job->hop->key);
  if (!destination) {
    destination = g_new0 (Destination, 1);
    destination->key = g_strdup (job->hop->key);
    g_hash_table_insert (self->destinations, destination->key, destination);
  }
  if (g_queue_is_empty (&destination->waiting))
    g_queue_push_tail (&self->ready, destination);
  g_queue_push_tail (&destination->waiting, job);
  g_cond_signal (&self->work);
}

static void
add_file (PnSchedule *self, const char *name)
{
  if (!is_send_name (name))
    return;
  g_mutex_lock (&self->lock);
  gboolean is_new = g_hash_table_add (self->known, g_strdup (name));
  g_mutex_unlock (&self->lock);
  if (!is_new)
    return;
  PnSendJob *job = read_job (self, name);
  g_mutex_lock (&self->lock);
  if (job)
    queue_job (self, job);
  else
    g_hash_table_remove (self->known, name);
  g_mutex_unlock (&self->lock);
}

/* Destinations come in turns, so that a large one does not hold up the others. */
static PnSendJob *
take_from (PnSchedule *self, Destination *destination)
{
  PnSendJob *job = g_queue_pop_head (&destination->waiting);
  self->kept -= job->file != NULL;
  g_queue_remove (&self->ready, destination);
  if (!g_queue_is_empty (&destination->waiting))
    g_queue_push_tail (&self->ready, destination);
  return job;
}

static PnSendJob *
take_now (PnSchedule *self, const char *key)
{
  Destination *destination = key ? g_hash_table_lookup (self->destinations, key) : NULL;
  if (!destination || g_queue_is_empty (&destination->waiting))
    destination = g_queue_peek_head (&self->ready);
  return destination ? take_from (self, destination) : NULL;
}

PnSendJob *
pn_schedule_take (PnSchedule *self, const char *key, gint wait_ms)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) wait_ms * 1000;
  g_mutex_lock (&self->lock);
  PnSendJob *job = NULL;
  while (!self->program->stop && !(job = take_now (self, key)))
    if (!g_cond_wait_until (&self->work, &self->lock, deadline))
      break;
  g_mutex_unlock (&self->lock);
  return job;
}

static void
set_due (PnSchedule *self, const char *name, gint64 due)
{
  g_hash_table_replace (self->deferred, g_strdup (name), g_memdup2 (&due, sizeof due));
}

static void
wake_up (PnSchedule *self)
{
  guint64 one = 1;
  ssize_t n = write (self->wake, &one, sizeof one);
  (void) n; /* it is full only if the thread is about to wake anyway */
}

void
pn_schedule_done (PnSchedule *self, PnSendJob *job, gint64 due)
{
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->known, job->name);
  if (due > 0)
    set_due (self, job->name, due);
  /* A destination without files and without bad memories is forgotten. */
  Destination *destination = g_hash_table_lookup (self->destinations, job->hop->key);
  if (destination && g_queue_is_empty (&destination->waiting)
      && destination->dead_until < g_get_monotonic_time ())
    g_hash_table_remove (self->destinations, job->hop->key);
  g_mutex_unlock (&self->lock);
  if (due > 0)
    wake_up (self);
  pn_send_job_free (job);
}

void
pn_schedule_set_dead (PnSchedule *self, const char *key, const PnOutcome *outcome)
{
  g_mutex_lock (&self->lock);
  Destination *destination = g_hash_table_lookup (self->destinations, key);
  if (destination) {
    guint seconds = MIN (pn_schedule_interval (self, 1), DEAD_MAX_S);
    destination->dead_until = g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC / 2;
    pn_outcome_copy (&destination->dead, outcome);
  }
  g_mutex_unlock (&self->lock);
}

gboolean
pn_schedule_get_dead (PnSchedule *self, const char *key, PnOutcome *outcome)
{
  g_mutex_lock (&self->lock);
  Destination *destination = g_hash_table_lookup (self->destinations, key);
  gboolean dead = destination && destination->dead_until > g_get_monotonic_time ();
  if (dead)
    pn_outcome_copy (outcome, &destination->dead);
  g_mutex_unlock (&self->lock);
  return dead;
}

/* --- scanning --------------------------------------------------------------------------------- */

static void
scan_send (PnSchedule *self)
{
  g_autofree char *path = pn_schedule_path (self, "send", NULL);
  DIR *dir = opendir (path);
  if (!dir) {
    pn_log_error ("cannot_scan", "dir=%s reason=%s", path, g_strerror (errno));
    return;
  }
  for (struct dirent *entry; !self->program->stop && (entry = readdir (dir));)
    add_file (self, entry->d_name);
  closedir (dir);
}

static void
scan_defer (PnSchedule *self)
{
  g_autofree char *path = pn_schedule_path (self, "defer", NULL);
  DIR *dir = opendir (path);
  if (!dir)
    return;
  for (struct dirent *entry; (entry = readdir (dir));) {
    if (!is_send_name (entry->d_name))
      continue;
    g_mutex_lock (&self->lock);
    gboolean seen = g_hash_table_contains (self->deferred, entry->d_name);
    g_mutex_unlock (&self->lock);
    if (seen)
      continue;
    g_autofree char *stem = g_strndup (entry->d_name, strlen (entry->d_name) - 4);
    g_autofree char *try_name = g_strconcat (stem, ".TRY", NULL);
    g_autofree char *try_path = pn_schedule_path (self, "defer", try_name);
    g_autoptr (PnSendTry) try = pn_send_try_read (try_path);
    g_mutex_lock (&self->lock);
    set_due (self, entry->d_name, try ? try->next : 0);
    g_mutex_unlock (&self->lock);
  }
  closedir (dir);
}

static GPtrArray *
take_due (PnSchedule *self, gint64 *next)
{
  GPtrArray *due = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer name, when;
  gint64 now = seconds_now ();
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->deferred);
  while (g_hash_table_iter_next (&iter, &name, &when)) {
    gint64 at = *(gint64 *) when;
    if (at > now) {
      *next = MIN (*next, at);
      continue;
    }
    g_ptr_array_add (due, g_strdup (name));
    g_hash_table_iter_remove (&iter);
  }
  g_mutex_unlock (&self->lock);
  return due;
}

/* Moves what is due from defer/ to send/; returns when the next one will be. */
static gint64
move_due (PnSchedule *self)
{
  gint64 next = G_MAXINT64;
  g_autoptr (GPtrArray) due = take_due (self, &next);
  for (guint i = 0; i < due->len; i++) {
    const char *name = g_ptr_array_index (due, i);
    g_autofree char *from = pn_schedule_path (self, "defer", name);
    g_autofree char *to = pn_schedule_path (self, "send", name);
    if (link (from, to) == 0)
      unlink (from);
    else if (errno == EEXIST) /* another file has that name just now: a later scan finds this one again */
      continue;
    else if (errno != ENOENT)
      pn_log_error ("cannot_move", "file=%s to=%s reason=%s", from, to, g_strerror (errno));
    add_file (self, name);
  }
  return next;
}

/* Reads the events; whether some were lost. */
static gboolean
read_events (PnSchedule *self)
{
  _Alignas(struct inotify_event) char buffer[16 * 1024];
  gboolean lost = FALSE;
  for (;;) {
    ssize_t n = read (self->inotify, buffer, sizeof buffer);
    if (n <= 0)
      return lost;
    for (char *p = buffer; p < buffer + n;) {
      const struct inotify_event *event = (const struct inotify_event *) p;
      if (event->mask & IN_Q_OVERFLOW)
        lost = TRUE;
      else if (event->len > 0)
        add_file (self, event->name);
      p += sizeof *event + event->len;
    }
  }
}

static int
wait_ms (gint64 next_due, gint64 next_scan)
{
  gint64 until_scan = (next_scan - g_get_monotonic_time ()) / 1000;
  gint64 until_due = next_due == G_MAXINT64 ? G_MAXINT64 : (next_due - seconds_now ()) * 1000;
  return (int) CLAMP (MIN (until_scan, until_due), 10, 60 * 1000);
}

void
pn_schedule_run (PnSchedule *self)
{
  gint64 next_scan = 0;
  while (!self->program->stop) {
    if (g_get_monotonic_time () >= next_scan) {
      scan_defer (self);
      scan_send (self);
      next_scan = g_get_monotonic_time () + (gint64) self->scan_interval * G_USEC_PER_SEC;
    }
    gint64 next_due = move_due (self);
    struct pollfd fds[3]
        = { { self->inotify, POLLIN, 0 }, { self->wake, POLLIN, 0 }, { self->program->stop_fd, POLLIN, 0 } };
    poll (fds, 3, wait_ms (next_due, next_scan));
    guint64 count;
    ssize_t n = read (self->wake, &count, sizeof count);
    (void) n;
    if (read_events (self))
      next_scan = 0;
  }
  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->work);
  g_mutex_unlock (&self->lock);
}
