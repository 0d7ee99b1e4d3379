/* The reader: gives out what was received, in order, to several workers. */
#include "queue/journal-reader.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#define HELD_MAX 3500

void
pn_waiting_free (PnWaiting *self)
{
  g_free (self->name);
  g_free (self);
}

static int
compare_due (gconstpointer a, gconstpointer b, gpointer user)
{
  (void) user;
  const PnWaiting *x = a, *y = b;
  return x->due < y->due ? -1 : x->due > y->due;
}

void
pn_reader_make_ready (PnJournalReader *self, PnWaiting *waiting)
{
  waiting->settling = FALSE;
  g_queue_push_tail (waiting->attempts > 0 ? &self->suspects : &self->ready, waiting);
}

void
pn_reader_put_later (PnJournalReader *self, PnWaiting *waiting, gint64 delay_us)
{
  waiting->due = g_get_monotonic_time () + delay_us;
  g_sequence_insert_sorted (self->later, waiting, compare_due, NULL);
}

/* Whoever waits has reckoned without what has changed now. */
void
pn_reader_wake (PnJournalReader *self)
{
  ssize_t n = write (self->bell, "!", 1);
  (void) n;
}

static void
take_due (PnJournalReader *self)
{
  gint64 now = g_get_monotonic_time ();
  for (;;) {
    GSequenceIter *first = g_sequence_get_begin_iter (self->later);
    if (g_sequence_iter_is_end (first))
      return;
    PnWaiting *waiting = g_sequence_get (first);
    if (waiting->due > now)
      return;
    g_sequence_remove (first);
    if (waiting->settling && !pn_reader_file_settled (self, waiting->name))
      pn_reader_put_later (self, waiting, G_USEC_PER_SEC);
    else
      pn_reader_make_ready (self, waiting);
  }
}

/* --- choosing the next ------------------------------------------------------------------------ */

typedef struct {
  PnWaiting *waiting; /* owned; NULL: the next record */
  gboolean is_record;
  PnRawRecord raw;
} Choice;

static PnWaiting *
pop_waiting (PnJournalReader *self)
{
  if (self->ready.length > 0)
    return g_queue_pop_head (&self->ready);
  if (self->suspect_out || self->suspects.length == 0)
    return NULL;
  self->suspect_out = TRUE;
  return g_queue_pop_head (&self->suspects);
}

static gboolean
choose_waiting (PnJournalReader *self, Choice *choice, GError **error)
{
  choice->waiting = pop_waiting (self);
  if (!choice->waiting)
    return FALSE;
  choice->is_record = choice->waiting->generation != 0;
  return !choice->is_record || pn_reader_read_again (self, choice->waiting, &choice->raw, error);
}

static gboolean
choose_record (PnJournalReader *self, Choice *choice, GError **error)
{
  choice->is_record = pn_reader_next_record (self, &choice->raw, error);
  return choice->is_record;
}

static gboolean
choose (PnJournalReader *self, Choice *choice, GError **error)
{
  memset (choice, 0, sizeof *choice);
  self->file_turn = !self->file_turn;
  g_autoptr (GError) first_error = NULL;
  gboolean found = self->file_turn ? choose_waiting (self, choice, &first_error)
                                   : choose_record (self, choice, &first_error);
  if (!found && !first_error)
    found = self->file_turn ? choose_record (self, choice, &first_error)
                            : choose_waiting (self, choice, &first_error);
  if (first_error)
    g_propagate_error (error, g_steal_pointer (&first_error));
  return found;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static gboolean
readable (int fd)
{
  struct pollfd p = { fd, POLLIN, 0 };
  return fd >= 0 && poll (&p, 1, 0) > 0;
}

static void
empty_bell (PnJournalReader *self)
{
  char buffer[256];
  while (read (self->bell, buffer, sizeof buffer) == (ssize_t) sizeof buffer)
    ;
}

/* Called and returns with the lock held. */
static void
wait_for_news (PnJournalReader *self, gint64 end, int stop_fd)
{
  if (self->watching) {
    g_cond_wait_until (&self->changed, &self->lock, end);
    return;
  }
  /* First the flag, then the last look: a commit after it rings. */
  __atomic_store_n (&self->control.map->reader_waits, 1, __ATOMIC_SEQ_CST);
  if (pn_reader_has_records (self))
    return;
  self->watching = TRUE;
  GSequenceIter *first = g_sequence_get_begin_iter (self->later);
  if (!g_sequence_iter_is_end (first))
    end = MIN (end, ((PnWaiting *) g_sequence_get (first))->due);
  g_mutex_unlock (&self->lock);
  struct pollfd fds[3] = { { self->bell, POLLIN, 0 }, { self->inotify, POLLIN, 0 }, { stop_fd, POLLIN, 0 } };
  gint64 left = end - g_get_monotonic_time ();
  poll (fds, 3, left <= 0 ? 0 : (int) MIN (left / 1000 + 1, 60 * 1000));
  g_mutex_lock (&self->lock);
  if (fds[0].revents)
    empty_bell (self);
  self->watching = FALSE;
  g_cond_broadcast (&self->changed);
}

/* --- opening what was chosen ------------------------------------------------------------------ */

static void
suspect_ended (PnJournalReader *self, guint attempts, const char *key)
{
  if (attempts == 0)
    return;
  pn_claims_forget (self->claims, key);
  self->suspect_out = FALSE;
}

/* What cannot be opened is over once the bytes are where an operator finds them. */
static void
end_damaged_record (PnJournalReader *self, const Choice *choice, const char *reason)
{
  char key[PN_CLAIM_KEY];
  pn_record_key (choice->raw.generation, choice->raw.index, key);
  pn_log_error ("journal_record_damaged", "reason=\"%s\"", reason);
  g_mutex_lock (&self->lock);
  PnSegment *segment = pn_reader_segment (self, choice->raw.generation);
  if (segment)
    segment->damaged = TRUE;
  pn_reader_end_record (self, choice->raw.generation, choice->raw.index, -1);
  suspect_ended (self, choice->raw.attempts, key);
  g_mutex_unlock (&self->lock);
}

static gboolean
move_to_gwprob (PnJournalReader *self, const char *path, const char *gwprob, const char *reason,
                GError **error)
{
  char stem[13];
  pn_queue_make_name (stem, "R0", NULL);
  stem[8] = '\0';
  g_autofree char *moved = pn_problem_move (path, gwprob ? gwprob : self->gwprob, stem, "RCV", reason, error);
  return moved != NULL;
}

/* TRUE if it is over. */
static gboolean
end_damaged_file (PnJournalReader *self, PnWaiting *waiting, const char *reason)
{
  g_autofree char *path = g_build_filename (self->dir, waiting->name, NULL);
  g_autoptr (GError) error = NULL;
  char key[PN_CLAIM_KEY];
  pn_file_key (waiting->name, key);
  gboolean moved = move_to_gwprob (self, path, NULL, reason, &error);
  if (!moved)
    pn_log_error ("problem_failed", "path=%s reason=\"%s\"", path, error->message);
  g_mutex_lock (&self->lock);
  if (moved) {
    suspect_ended (self, waiting->attempts, key);
    g_hash_table_remove (self->files, waiting->name);
    pn_waiting_free (waiting);
  } else {
    self->suspect_out &= waiting->attempts == 0;
    pn_reader_put_later (self, waiting, 60 * G_USEC_PER_SEC);
  }
  g_mutex_unlock (&self->lock);
  return moved;
}

static PnReceived *
open_chosen_file (PnJournalReader *self, PnWaiting *waiting, gboolean *again, GError **error)
{
  g_autoptr (GError) open_error = NULL;
  PnReceived *received = pn_reader_open_file (self, waiting, &open_error);
  if (received) {
    pn_waiting_free (waiting);
    return received;
  }
  if (g_error_matches (open_error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED)) {
    *again = !end_damaged_file (self, waiting, open_error->message);
    if (!*again)
      g_propagate_error (error, g_steal_pointer (&open_error));
    return NULL;
  }
  *again = TRUE;
  g_mutex_lock (&self->lock);
  self->suspect_out &= waiting->attempts == 0;
  if (open_error) {
    pn_log_warning ("receive_unreadable", "reason=\"%s\"", open_error->message);
    pn_reader_put_later (self, waiting, 10 * G_USEC_PER_SEC);
  } else {
    g_hash_table_remove (self->files, waiting->name);
    pn_waiting_free (waiting);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* AGAIN: nothing came of it, but there is no reason to stop. */
static PnReceived *
open_choice (PnJournalReader *self, Choice *choice, gboolean *again, GError **error)
{
  if (!choice->is_record)
    return open_chosen_file (self, choice->waiting, again, error);
  g_autoptr (GError) open_error = NULL;
  PnReceived *received = pn_reader_open_record (self, &choice->raw, &open_error);
  g_clear_pointer (&choice->raw.sealed, g_free);
  g_clear_pointer (&choice->waiting, pn_waiting_free);
  if (!received) {
    end_damaged_record (self, choice, open_error->message);
    g_propagate_error (error, g_steal_pointer (&open_error));
  }
  return received;
}

/* --- taking ----------------------------------------------------------------------------------- */

PnReceived *
pn_journal_reader_take (PnJournalReader *self, int timeout_ms, int stop_fd, GError **error)
{
  gint64 end = timeout_ms < 0 ? G_MAXINT64 : g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  for (;;) {
    Choice choice;
    g_autoptr (GError) choose_error = NULL;
    g_mutex_lock (&self->lock);
    gboolean found, over = FALSE;
    for (;;) {
      if (!self->watching)
        pn_reader_take_events (self);
      take_due (self);
      found = choose (self, &choice, &choose_error);
      over = g_get_monotonic_time () >= end || readable (stop_fd);
      if (found || choose_error || over)
        break;
      wait_for_news (self, end, stop_fd);
    }
    /* One of the others can go on. */
    g_cond_signal (&self->changed);
    g_mutex_unlock (&self->lock);
    if (choose_error && choice.waiting) {
      choice.raw.attempts = choice.waiting->attempts;
      end_damaged_record (self, &choice, choose_error->message);
    }
    if (!found) {
      g_clear_pointer (&choice.waiting, pn_waiting_free);
      if (choose_error)
        g_propagate_error (error, g_steal_pointer (&choose_error));
      return NULL;
    }
    gboolean again = FALSE;
    PnReceived *received = open_choice (self, &choice, &again, error);
    if (received || !again)
      return received;
  }
}

/* --- what becomes of it ----------------------------------------------------------------------- */

static void
received_key (const PnReceived *received, char key[PN_CLAIM_KEY])
{
  if (received->path)
    pn_file_key (strrchr (received->path, '/') + 1, key);
  else
    pn_record_key (received->segment, (guint32) received->position, key);
}

void
pn_received_busy (PnJournalReader *self, PnReceived *received, gboolean busy)
{
  if (busy && received->slot == PN_CLAIM_NONE) {
    char key[PN_CLAIM_KEY];
    received_key (received, key);
    received->slot = pn_claims_busy (self->claims, key);
  } else if (!busy && received->slot != PN_CLAIM_NONE) {
    pn_claims_idle (self->claims, received->slot);
    received->slot = PN_CLAIM_NONE;
  }
}

void
pn_received_done (PnJournalReader *self, PnReceived *received, int queue_fd)
{
  char key[PN_CLAIM_KEY];
  g_return_if_fail (received->reader);
  pn_received_busy (self, received, FALSE);
  received_key (received, key);
  received->reader = NULL;
  g_mutex_lock (&self->lock);
  if (received->path)
    pn_reader_end_file (self, received->path, queue_fd);
  else
    pn_reader_end_record (self, received->segment, (guint32) received->position, queue_fd);
  suspect_ended (self, received->attempts, key);
  g_mutex_unlock (&self->lock);
}

void
pn_received_later (PnJournalReader *self, PnReceived *received, guint delay_s)
{
  if (!received->reader)
    return;
  pn_received_busy (self, received, FALSE);
  received->reader = NULL;
  PnWaiting *waiting = g_new0 (PnWaiting, 1);
  waiting->attempts = received->attempts;
  if (received->path)
    waiting->name = g_path_get_basename (received->path);
  else {
    waiting->generation = received->segment;
    waiting->index = (guint32) received->position;
  }
  g_mutex_lock (&self->lock);
  if (received->attempts > 0)
    self->suspect_out = FALSE;
  pn_reader_put_later (self, waiting, (gint64) delay_s * G_USEC_PER_SEC);
  g_mutex_unlock (&self->lock);
  pn_reader_wake (self);
}

void
pn_received_free (PnReceived *self)
{
  if (!self)
    return;
  if (self->reader)
    pn_received_later (self->reader, self, 1);
  pn_envelope_free (self->envelope);
  g_clear_pointer (&self->data, pn_source_unref);
  g_free (self->path);
  g_free (self);
}

gboolean
pn_received_write (PnJournalReader *self, const PnEnvelope *envelope, PnContent *data, const char *path,
                   GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    pn_journal_set_error (error, errno, path, "cannot write");
    return FALSE;
  }
  g_autofree char *text = pn_envelope_to_text (envelope);
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSealWriter) seal = pn_seal_writer_new (self->key, pn_file_sink_sink (file));
  PnSink sink = pn_seal_writer_sink (seal);
  gboolean ok = pn_sink_puts (&sink, text, error) && pn_sink_puts (&sink, "\n", error)
                && pn_content_copy (data, &sink, error) && pn_seal_writer_close (seal, error)
                && pn_file_sink_flush (file, error) && pn_file_fsync (fd, path, error);
  fchmod (fd, 0400);
  close (fd);
  return ok;
}

gboolean
pn_received_problem (PnJournalReader *self, PnReceived *received, const char *gwprob, const char *reason,
                     GError **error)
{
  if (received->path) {
    if (!move_to_gwprob (self, received->path, gwprob, reason, error))
      return FALSE;
  } else {
    char name[13];
    pn_queue_make_name (name, "R0", "NEW");
    g_autofree char *path = g_strconcat (gwprob, "/.", name, NULL);
    g_autoptr (PnContent) data
        = pn_content_new_range (received->data, 0, received->data->size, PN_ENCODING_NONE);
    if (!pn_file_make_dirs (gwprob, error) || !pn_received_write (self, received->envelope, data, path, error)
        || !move_to_gwprob (self, path, gwprob, reason, error)) {
      unlink (path);
      return FALSE;
    }
  }
  pn_received_done (self, received, -1);
  return TRUE;
}

/* --- life ------------------------------------------------------------------------------------- */

static guint
held_limit (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return 256;
  return (guint) MIN ((rlim_t) HELD_MAX, limit.rlim_cur / 2);
}

static gboolean
open_parts (PnJournalReader *self, gboolean after_crash, GError **error)
{
  g_autofree char *claims = g_build_filename (self->dir, PN_JOURNAL_CLAIMS, NULL);
  self->bell = pn_journal_open_bell (self->dir, error);
  if (self->bell < 0)
    return FALSE;
  self->claims = pn_claims_open (claims, after_crash, error);
  if (!self->claims)
    return FALSE;
  self->inotify = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
  if (self->inotify < 0
      || inotify_add_watch (self->inotify, self->dir, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
    pn_journal_set_error (error, errno, self->dir, "cannot watch the directory");
    return FALSE;
  }
  return TRUE;
}

/* What the last run converted lies in queues, and nobody holds it any more: flushed once, it is over. */
static gboolean
take_over (PnJournalReader *self, GError **error)
{
  PnJournalControl *control = self->control.map;
  char boot[40];
  pn_control_boot_id (boot);
  gboolean same_boot = memcmp (control->reader_boot, boot, sizeof boot) == 0;
  if (!pn_queue_cover_all ((const char *const *) self->queue_paths, error))
    return FALSE;
  pn_reader_clear_done_files (self, same_boot);
  memcpy (control->reader_boot, boot, sizeof boot);
  return TRUE;
}

PnJournalReader *
pn_journal_reader_open (const char *dir, PnKey *key, const char *const *queue_paths, gboolean after_crash,
                        GError **error)
{
  g_autofree char *parent = g_path_get_dirname (dir);
  if (!pn_file_make_dirs (dir, error))
    return NULL;
  PnJournalReader *self = g_new0 (PnJournalReader, 1);
  self->dir = g_strdup (dir);
  self->gwprob = g_build_filename (parent, "gwprob", NULL);
  self->queue_paths = g_strdupv ((char **) queue_paths);
  self->key = pn_key_ref (key);
  self->bell = self->inotify = -1;
  self->control.fd = -1;
  self->held_max = held_limit ();
  g_mutex_init (&self->lock);
  g_mutex_init (&self->checkpoint_lock);
  g_cond_init (&self->changed);
  self->segments = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_segment_free);
  self->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->later = g_sequence_new (NULL);
  self->held_files = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_held_file_free);
  if (!pn_control_open (&self->control, dir, key, PN_JOURNAL_READER, error)
      || !open_parts (self, after_crash, error) || !take_over (self, error)) {
    pn_journal_reader_close (self);
    return NULL;
  }
  pn_reader_scan_files (self);
  return self;
}

gboolean
pn_journal_reader_recycle (PnJournalReader *self, PnQueue *queue, const char *directory, GError **error)
{
  g_return_val_if_fail (!self->pool, FALSE);
  self->pool = pn_pool_new (directory, self->held_max, error);
  if (!self->pool)
    return FALSE;
  self->recycled = queue;
  queue->pool = self->pool;
  return TRUE;
}

static void
free_waiting (gpointer data, gpointer user)
{
  (void) user;
  pn_waiting_free (data);
}

void
pn_journal_reader_close (PnJournalReader *self)
{
  if (!self)
    return;
  if (self->recycled)
    self->recycled->pool = NULL;
  pn_control_close (&self->control);
  pn_claims_free (self->claims);
  g_ptr_array_unref (self->segments);
  g_hash_table_unref (self->files);
  g_queue_clear_full (&self->ready, (GDestroyNotify) pn_waiting_free);
  g_queue_clear_full (&self->suspects, (GDestroyNotify) pn_waiting_free);
  g_sequence_foreach (self->later, free_waiting, NULL);
  g_sequence_free (self->later);
  g_ptr_array_unref (self->held_files);
  pn_pool_free (self->pool);
  if (self->bell >= 0)
    close (self->bell);
  if (self->inotify >= 0)
    close (self->inotify);
  g_strfreev (self->queue_paths);
  pn_key_unref (self->key);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->checkpoint_lock);
  g_cond_clear (&self->changed);
  g_free (self->dir);
  g_free (self->gwprob);
  g_free (self);
}
