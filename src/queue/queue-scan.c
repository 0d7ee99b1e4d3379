/* Taking from queues.  Names become known once, by a scan or by inotify, and are then given out without
 * reading the directories again; one of the waiting threads at a time watches, the others wait for it. */
#include "queue/queue-private.h"

#include "core/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

/* More names than this are not kept; the rest is found by the next scan. */
#define KNOWN_MAX 50000
#define ATTEMPTS_MAX 3
/* An empty or badly named file younger than this may still be in the making, by a person's copy command. */
#define GRACE_S 10
#define WATCH_MASK (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW)
/* Scan interval when the kernel gives us no watch. */
#define BLIND_INTERVAL_MS 500

typedef struct {
  guint queue;
  guint priority;
  char name[13];
  guint attempts;
  gint64 due; /* monotonic; of one given out later */
} Entry;

typedef struct {
  guint queue, priority;
} Watch;

struct PnQueueScanner {
  GMutex lock;
  GCond changed;
  gboolean watching; /* a thread waits in poll() */
  PnQueue **queues;
  gsize n_queues;
  PnClaims **claims; /* one each */
  GHashTable *known; /* Entry -> itself: ready, suspect, later and given out */
  GQueue ready[PN_QUEUE_PRIORITIES];
  guint n_ready;
  GQueue suspects; /* those with attempts: given out one at a time, so that the innocent are found out */
  gboolean suspect_out;
  GSequence *later; /* Entry by due time */
  int inotify, wake;
  GHashTable *watches;        /* descriptor -> Watch */
  gint64 interval, next_scan; /* monotonic microseconds */
  gboolean left_out;          /* there were more names than are kept */
  gboolean in_grace;          /* a file that may still become one was seen */
  gboolean blind;
};

static guint
entry_hash (gconstpointer data)
{
  const Entry *self = data;
  return g_str_hash (self->name) * 31 + self->queue * 8 + self->priority;
}

static gboolean
entry_equal (gconstpointer a, gconstpointer b)
{
  const Entry *x = a, *y = b;
  return x->queue == y->queue && x->priority == y->priority && strcmp (x->name, y->name) == 0;
}

static void
entry_key (const Entry *self, char key[PN_CLAIM_KEY])
{
  g_snprintf (key, PN_CLAIM_KEY, "%u/%s", self->priority, self->name);
}

static char *
entry_path (PnQueueScanner *self, const Entry *entry)
{
  return g_strconcat (self->queues[entry->queue]->priority_path[entry->priority], "/", entry->name, NULL);
}

static int
compare_due (gconstpointer a, gconstpointer b, gpointer user)
{
  (void) user;
  const Entry *x = a, *y = b;
  return x->due < y->due ? -1 : x->due > y->due;
}

static void
forget (PnQueueScanner *self, Entry *entry)
{
  g_hash_table_remove (self->known, entry);
}

/* --- files that do not belong in a queue ------------------------------------------------------ */

/* Moves a file that is no queue file; FALSE if it may still become one. */
static gboolean
put_aside (PnQueueScanner *self, guint queue, guint priority, const char *name, const char *reason)
{
  PnQueue *q = self->queues[queue];
  g_autofree char *path = g_build_filename (q->priority_path[priority], name, NULL);
  g_autofree char *quoted = pn_log_quote (path);
  struct stat st;
  if (lstat (path, &st) < 0)
    return TRUE;
  if (g_get_real_time () / G_USEC_PER_SEC - st.st_mtime < GRACE_S)
    return FALSE;
  if (!S_ISREG (st.st_mode)) {
    pn_log_warning ("queue_not_a_file", "path=%s", quoted);
    return TRUE;
  }
  g_autofree char *program = pn_queue_program (q->path);
  g_autoptr (GError) error = NULL;
  char made[13];
  const char first[3] = { '0', (char) ('0' + priority), '\0' };
  pn_queue_make_name (made, first, NULL);
  made[8] = '\0';
  g_autofree char *moved = pn_problem_move (path, q->problem_path, made, program, reason, &error);
  if (!moved)
    pn_log_error ("problem_failed", "path=%s reason=\"%s\"", quoted, error->message);
  return TRUE;
}

/* --- learning names --------------------------------------------------------------------------- */

static void
make_ready (PnQueueScanner *self, Entry *entry)
{
  if (entry->attempts > 0)
    g_queue_push_tail (&self->suspects, entry);
  else {
    g_queue_push_tail (&self->ready[entry->priority], entry);
    self->n_ready++;
  }
}

static void
learn (PnQueueScanner *self, guint queue, guint priority, const char *name)
{
  if (name[0] == '.')
    return;
  if (!pn_queue_name_ok (name)) {
    if (!put_aside (self, queue, priority, name, "The name is not one of a queue file (8.3)."))
      self->in_grace = TRUE;
    return;
  }
  Entry probe = { .queue = queue, .priority = priority };
  g_strlcpy (probe.name, name, sizeof probe.name);
  if (g_hash_table_contains (self->known, &probe))
    return;
  if (g_hash_table_size (self->known) >= KNOWN_MAX) {
    self->left_out = TRUE;
    return;
  }
  char key[PN_CLAIM_KEY];
  entry_key (&probe, key);
  probe.attempts = pn_claims_attempts (self->claims[queue], key);
  Entry *entry = g_memdup2 (&probe, sizeof probe);
  g_hash_table_add (self->known, entry);
  make_ready (self, entry);
}

typedef struct {
  guint age;
  char name[256];
} Found;

static int
compare_found (gconstpointer a, gconstpointer b)
{
  const Found *x = a, *y = b;
  return x->age != y->age ? (x->age > y->age ? -1 : 1) : strcmp (x->name, y->name);
}

static void
watch (PnQueueScanner *self, guint queue, guint priority)
{
  const char *path = self->queues[queue]->priority_path[priority];
  if (self->inotify < 0)
    return;
  int wd = inotify_add_watch (self->inotify, path, WATCH_MASK);
  if (wd < 0) {
    if (!self->blind)
      pn_log_warning ("queue_no_watch", "path=%s reason=\"%s\"", path, g_strerror (errno));
    self->blind = TRUE;
    return;
  }
  if (g_hash_table_contains (self->watches, GINT_TO_POINTER (wd)))
    return;
  Watch *w = g_new (Watch, 1);
  *w = (Watch){ queue, priority };
  g_hash_table_insert (self->watches, GINT_TO_POINTER (wd), w);
}

static void
scan_directory (PnQueueScanner *self, guint queue, guint priority)
{
  const char *path = self->queues[queue]->priority_path[priority];
  watch (self, queue, priority);
  DIR *directory = opendir (path);
  if (!directory && errno == ENOENT) {
    g_autoptr (GError) error = NULL;
    if (!pn_file_make_dirs (path, &error))
      pn_log_error ("queue_unreadable", "path=%s reason=\"%s\"", path, error->message);
    watch (self, queue, priority);
    return;
  }
  if (!directory) {
    pn_log_error ("queue_unreadable", "path=%s reason=\"%s\"", path, g_strerror (errno));
    return;
  }
  gint64 now = g_get_real_time () / 1000;
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Found));
  for (struct dirent *e; (e = readdir (directory));) {
    if (e->d_name[0] == '.')
      continue;
    Found one = { .age = pn_queue_name_age (e->d_name, now) };
    g_strlcpy (one.name, e->d_name, sizeof one.name);
    g_array_append_val (found, one);
  }
  closedir (directory);
  g_array_sort (found, compare_found);
  for (guint i = 0; i < found->len; i++)
    learn (self, queue, priority, g_array_index (found, Found, i).name);
}

static void
scan (PnQueueScanner *self)
{
  self->left_out = self->in_grace = FALSE;
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++)
    for (guint q = 0; q < self->n_queues; q++)
      scan_directory (self, q, p);
  gint64 interval = self->interval;
  if (self->in_grace)
    interval = MIN (interval, GRACE_S * G_USEC_PER_SEC);
  if (self->blind)
    interval = MIN (interval, BLIND_INTERVAL_MS * 1000);
  self->next_scan = g_get_monotonic_time () + interval;
}

static void
take_event (PnQueueScanner *self, const struct inotify_event *event)
{
  if (event->mask & IN_Q_OVERFLOW) {
    self->next_scan = 0;
    return;
  }
  Watch *w = g_hash_table_lookup (self->watches, GINT_TO_POINTER (event->wd));
  if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
    if (event->mask & IN_MOVE_SELF)
      inotify_rm_watch (self->inotify, event->wd);
    g_hash_table_remove (self->watches, GINT_TO_POINTER (event->wd));
    self->next_scan = 0;
    return;
  }
  if (w && event->len > 0 && !(event->mask & IN_ISDIR))
    learn (self, w->queue, w->priority, event->name);
}

/* Reads the events that are there. */
static void
take_events (PnQueueScanner *self)
{
  union {
    struct inotify_event event;
    char bytes[64 * 1024];
  } buffer;
  if (self->inotify < 0)
    return;
  for (;;) {
    ssize_t n = read (self->inotify, buffer.bytes, sizeof buffer.bytes);
    if (n <= 0)
      return;
    for (const char *p = buffer.bytes; p < buffer.bytes + n;) {
      const struct inotify_event *event = (const void *) p;
      take_event (self, event);
      p += sizeof *event + event->len;
    }
    if (n < (ssize_t) sizeof buffer.bytes / 2)
      return;
  }
}

static void
take_due (PnQueueScanner *self)
{
  gint64 now = g_get_monotonic_time ();
  for (;;) {
    GSequenceIter *first = g_sequence_get_begin_iter (self->later);
    if (g_sequence_iter_is_end (first))
      return;
    Entry *entry = g_sequence_get (first);
    if (entry->due > now)
      return;
    g_sequence_remove (first);
    make_ready (self, entry);
  }
}

static void
learn_news (PnQueueScanner *self)
{
  take_events (self);
  take_due (self);
  gboolean room = self->left_out && self->n_ready == 0 && g_hash_table_size (self->known) < KNOWN_MAX / 2;
  if (room || g_get_monotonic_time () >= self->next_scan)
    scan (self);
}

/* --- giving out ------------------------------------------------------------------------------- */

static void
put_later (PnQueueScanner *self, Entry *entry, gint64 delay_us)
{
  entry->due = g_get_monotonic_time () + delay_us;
  g_sequence_insert_sorted (self->later, entry, compare_due, NULL);
}

/* The item of ENTRY if its file is there and one to be given out; else deals with it. */
static PnQueueItem *
check_out (PnQueueScanner *self, Entry *entry)
{
  PnQueue *queue = self->queues[entry->queue];
  g_autofree char *path = entry_path (self, entry);
  struct stat st;
  if (lstat (path, &st) < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      forget (self, entry);
    else
      put_later (self, entry, 10 * G_USEC_PER_SEC);
    return NULL;
  }
  const char *reason = !S_ISREG (st.st_mode) ? "It is not a regular file."
                       : st.st_size == 0     ? "The file is empty."
                                             : NULL;
  if (reason) {
    if (put_aside (self, entry->queue, entry->priority, entry->name, reason) && S_ISREG (st.st_mode))
      forget (self, entry);
    else
      put_later (self, entry, GRACE_S * G_USEC_PER_SEC);
    return NULL;
  }
  PnQueueItem *item = g_new0 (PnQueueItem, 1);
  item->queue = queue;
  item->priority = entry->priority;
  memcpy (item->name, entry->name, sizeof item->name);
  item->path = g_steal_pointer (&path);
  item->attempts = entry->attempts;
  item->slot = PN_CLAIM_NONE;
  item->scanner = self;
  item->entry = entry;
  return item;
}

static void end_item (PnQueueItem *self);
static char *move_to_problem (PnQueueItem *self, const char *program, const char *reason);

static void
give_up (PnQueueScanner *self, PnQueueItem *item)
{
  g_autofree char *program = pn_queue_program (item->queue->path);
  g_autofree char *reason
      = g_strdup_printf ("The program died %u times while it was busy with this file.", item->attempts);
  g_autofree char *moved = move_to_problem (item, program, reason);
  Entry *entry = item->entry;
  item->entry = NULL;
  if (moved) {
    char key[PN_CLAIM_KEY];
    entry_key (entry, key);
    pn_claims_forget (self->claims[entry->queue], key);
    forget (self, entry);
  } else
    put_later (self, entry, 60 * G_USEC_PER_SEC);
  pn_queue_item_free (item);
}

static void
give_suspect (PnQueueScanner *self, GPtrArray *out)
{
  while (!self->suspect_out && self->suspects.length > 0) {
    PnQueueItem *item = check_out (self, g_queue_pop_head (&self->suspects));
    if (!item)
      continue;
    if (item->attempts >= ATTEMPTS_MAX) {
      give_up (self, item);
      continue;
    }
    self->suspect_out = TRUE;
    g_ptr_array_add (out, item);
  }
}

static void
give_out (PnQueueScanner *self, guint max, GPtrArray *out)
{
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++)
    while (out->len < max && self->ready[p].length > 0) {
      self->n_ready--;
      PnQueueItem *item = check_out (self, g_queue_pop_head (&self->ready[p]));
      if (item)
        g_ptr_array_add (out, item);
    }
  if (out->len < max)
    give_suspect (self, out);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static gboolean
readable (int fd)
{
  struct pollfd p = { fd, POLLIN, 0 };
  return fd >= 0 && poll (&p, 1, 0) > 0;
}

/* Waits until there may be news, the time END, or a readable STOP_FD; called and returns with the lock held.
 */
static void
wait_for_news (PnQueueScanner *self, gint64 end, int stop_fd)
{
  if (self->watching) {
    g_cond_wait_until (&self->changed, &self->lock, end);
    return;
  }
  self->watching = TRUE;
  gint64 until = MIN (end, self->next_scan);
  GSequenceIter *first = g_sequence_get_begin_iter (self->later);
  if (!g_sequence_iter_is_end (first))
    until = MIN (until, ((Entry *) g_sequence_get (first))->due);
  g_mutex_unlock (&self->lock);

  struct pollfd fds[3] = { { self->wake, POLLIN, 0 }, { self->inotify, POLLIN, 0 }, { stop_fd, POLLIN, 0 } };
  gint64 left = until - g_get_monotonic_time ();
  poll (fds, 3, left <= 0 ? 0 : (int) MIN (left / 1000 + 1, 3600 * 1000));
  guint64 count;
  if (fds[0].revents && read (self->wake, &count, sizeof count) < 0 && errno != EAGAIN)
    pn_log_warning ("queue_wake", "reason=\"%s\"", g_strerror (errno));

  g_mutex_lock (&self->lock);
  self->watching = FALSE;
  g_cond_broadcast (&self->changed);
}

GPtrArray *
pn_queue_scanner_take (PnQueueScanner *self, guint max, int timeout_ms, int stop_fd)
{
  GPtrArray *out = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_queue_item_free);
  gint64 end = timeout_ms < 0 ? G_MAXINT64 : g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  g_mutex_lock (&self->lock);
  for (;;) {
    if (!self->watching)
      learn_news (self);
    give_out (self, max, out);
    if (out->len > 0 || g_get_monotonic_time () >= end || readable (stop_fd))
      break;
    wait_for_news (self, end, stop_fd);
  }
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  return out;
}

/* --- what becomes of an item ------------------------------------------------------------------ */

void
pn_queue_item_busy (PnQueueItem *self, gboolean busy)
{
  Entry *entry = self->entry;
  if (!entry)
    return;
  PnClaims *claims = self->scanner->claims[entry->queue];
  if (busy && self->slot == PN_CLAIM_NONE) {
    char key[PN_CLAIM_KEY];
    entry_key (entry, key);
    self->slot = pn_claims_busy (claims, key);
  } else if (!busy && self->slot != PN_CLAIM_NONE) {
    pn_claims_idle (claims, self->slot);
    self->slot = PN_CLAIM_NONE;
  }
}

/* The item is over; its file has gone. */
static void
end_item (PnQueueItem *self)
{
  PnQueueScanner *scanner = self->scanner;
  Entry *entry = self->entry;
  pn_queue_item_busy (self, FALSE);
  self->entry = NULL;
  g_mutex_lock (&scanner->lock);
  if (entry->attempts > 0) {
    char key[PN_CLAIM_KEY];
    entry_key (entry, key);
    pn_claims_forget (scanner->claims[entry->queue], key);
    scanner->suspect_out = FALSE;
  }
  forget (scanner, entry);
  g_mutex_unlock (&scanner->lock);
}

gboolean
pn_queue_item_done (PnQueueItem *self, GError **error)
{
  g_return_val_if_fail (self->entry, FALSE);
  if (unlink (self->path) < 0 && errno != ENOENT) {
    pn_queue_set_error (error, errno, self->path, "cannot remove the queue file");
    pn_queue_item_later (self, 10);
    return FALSE;
  }
  end_item (self);
  return TRUE;
}

void
pn_queue_item_later (PnQueueItem *self, guint delay_s)
{
  PnQueueScanner *scanner = self->scanner;
  Entry *entry = self->entry;
  if (!entry)
    return;
  pn_queue_item_busy (self, FALSE);
  self->entry = NULL;
  g_mutex_lock (&scanner->lock);
  if (entry->attempts > 0)
    scanner->suspect_out = FALSE;
  put_later (scanner, entry, (gint64) delay_s * G_USEC_PER_SEC);
  g_mutex_unlock (&scanner->lock);
  /* The thread that waits has reckoned without it. */
  guint64 one = 1;
  if (write (scanner->wake, &one, sizeof one) < 0 && errno != EAGAIN)
    pn_log_warning ("queue_wake", "reason=\"%s\"", g_strerror (errno));
}

static char *
move_to_problem (PnQueueItem *self, const char *program, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *stem = g_strdup (self->name);
  *strchr (stem, '.') = '\0';
  g_autofree char *to
      = pn_problem_move (self->path, self->queue->problem_path, stem, program, reason, &error);
  if (!to) {
    g_autofree char *quoted = pn_log_quote (error->message);
    pn_log_error ("problem_failed", "path=%s reason=%s", self->path, quoted);
  }
  return g_steal_pointer (&to);
}

char *
pn_queue_item_problem (PnQueueItem *self, const char *program, const char *reason)
{
  g_return_val_if_fail (self->entry, NULL);
  char *to = move_to_problem (self, program, reason);
  if (to)
    end_item (self);
  else
    pn_queue_item_later (self, 60);
  return to;
}

void
pn_queue_item_free (PnQueueItem *self)
{
  if (!self)
    return;
  if (self->entry)
    pn_queue_item_later (self, 1);
  g_free (self->path);
  g_free (self);
}

/* --- life ------------------------------------------------------------------------------------- */

PnQueueScanner *
pn_queue_scanner_new (PnQueue *const *queues, gsize n, guint interval, gboolean after_crash, GError **error)
{
  PnQueueScanner *self = g_new0 (PnQueueScanner, 1);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->queues = g_memdup2 (queues, n * sizeof *queues);
  self->n_queues = n;
  self->claims = g_new0 (PnClaims *, n + 1);
  self->known = g_hash_table_new_full (entry_hash, entry_equal, g_free, NULL);
  self->later = g_sequence_new (NULL);
  self->watches = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->interval = (gint64) MAX (interval, 1) * G_USEC_PER_SEC;
  self->inotify = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
  self->wake = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (self->inotify < 0) {
    pn_log_warning ("queue_no_watch", "reason=\"%s\"", g_strerror (errno));
    self->blind = TRUE;
  }
  for (gsize i = 0; i < n; i++) {
    g_autofree char *path = g_build_filename (queues[i]->path, "CLAIM", NULL);
    self->claims[i] = pn_claims_open (path, after_crash, error);
    if (!self->claims[i]) {
      pn_queue_scanner_free (self);
      return NULL;
    }
  }
  return self;
}

void
pn_queue_scanner_free (PnQueueScanner *self)
{
  if (!self)
    return;
  for (gsize i = 0; i < self->n_queues; i++)
    pn_claims_free (self->claims[i]);
  for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++)
    g_queue_clear (&self->ready[p]);
  g_queue_clear (&self->suspects);
  g_sequence_free (self->later);
  g_hash_table_unref (self->known);
  g_hash_table_unref (self->watches);
  if (self->inotify >= 0)
    close (self->inotify);
  if (self->wake >= 0)
    close (self->wake);
  g_free (self->queues);
  g_free (self->claims);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}
