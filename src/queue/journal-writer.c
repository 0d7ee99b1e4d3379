/* The writer: sessions hand in records, one thread seals what has come together, writes it and flushes once.
 */
#include "queue/journal-private.h"

#include "core/log.h"
#include "queue/queue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

/* What one flush carries at most, unless a single record is larger. */
#define BATCH_MAX (4 * 1024 * 1024)
#define FILE_THREADS 3
#define LOG_INTERVAL (10 * G_USEC_PER_SEC)
/* Free segments kept over a restart. */
#define SPARE 4

typedef struct Pending Pending;
struct Pending {
  Pending *next;
  PnJournalDone done;
  gpointer user;
  guint64 ticket;
  gint64 time;
  guint8 hash[16];
  char id[PN_JOURNAL_ID];
  int fd; /* of a file of its own */
  guint32 length;
  guint8 plain[];
};

struct PnJournal {
  char *dir;
  PnKey *key;
  guint64 segment_size;
  PnControl control;
  int bell;
  GThread *committer, *preparer;
  GThreadPool *files;
  PnDirFlush dir_flush;

  GMutex lock;
  GCond work, prepared;
  Pending *first, *last; /* handed in */
  gboolean stop, stop_preparer;
  gboolean prepare_wanted;
  guint prepare_failures;
  gint64 log_again; /* a full disk is not logged for every message */
  GError *prepare_error;
  GHashTable *orphans; /* hash (16 bytes, in the map) -> PnJournalOrphan */

  /* The committer's own. */
  int fd; /* of the active segment, -1 if none */
  guint row;
  guint64 end;
  guint32 index;
  guint8 segment_key[PN_SEGMENT_KEY];
  guint8 *buffer;
  gsize buffer_size;
};

static PnJournalRow *
active_row (PnJournal *self)
{
  return &self->control.map->rows[self->row];
}

/* --- preparing segments ----------------------------------------------------------------------- */

static int
find_row (PnJournal *self, PnRowState state)
{
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++)
    if (__atomic_load_n (&self->control.map->rows[i].state, __ATOMIC_ACQUIRE) == (guint32) state)
      return (int) i;
  return -1;
}

static gboolean
prepare_one (PnJournal *self, GError **error)
{
  int row = find_row (self, PN_ROW_ABSENT);
  if (row < 0) {
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_FULL,
                 "%s: the receive journal is full: all its %d segments wait for the agent", self->dir,
                 PN_JOURNAL_ROWS);
    return FALSE;
  }
  if (!pn_segment_prepare (self->dir, (guint) row, self->segment_size, error))
    return FALSE;
  PnJournalRow *r = &self->control.map->rows[row];
  r->generation = 0;
  r->size = self->segment_size;
  __atomic_store_n (&r->state, PN_ROW_FREE, __ATOMIC_RELEASE);
  return TRUE;
}

static gpointer
preparer_main (gpointer data)
{
  PnJournal *self = data;
  g_mutex_lock (&self->lock);
  for (;;) {
    while (!self->prepare_wanted && !self->stop_preparer)
      g_cond_wait (&self->prepared, &self->lock);
    if (self->stop_preparer)
      break;
    self->prepare_wanted = FALSE;
    if (find_row (self, PN_ROW_FREE) >= 0) {
      g_cond_broadcast (&self->prepared);
      continue;
    }
    g_mutex_unlock (&self->lock);
    g_autoptr (GError) error = NULL;
    gboolean ok = prepare_one (self, &error);
    g_mutex_lock (&self->lock);
    if (!ok) {
      gint64 now = g_get_monotonic_time ();
      if (now > self->log_again)
        pn_log_error ("journal_no_segment", "reason=\"%s\"", error->message);
      self->log_again = now > self->log_again ? now + LOG_INTERVAL : self->log_again;
      self->prepare_failures++;
      g_clear_error (&self->prepare_error);
      self->prepare_error = g_steal_pointer (&error);
    }
    g_cond_broadcast (&self->prepared);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

static void
ask_for_segment (PnJournal *self)
{
  self->prepare_wanted = TRUE;
  g_cond_broadcast (&self->prepared);
}

/* Waits for the preparer if there is no free segment. */
static int
get_free_row (PnJournal *self, GError **error)
{
  g_mutex_lock (&self->lock);
  guint failures = self->prepare_failures;
  int row;
  while ((row = find_row (self, PN_ROW_FREE)) < 0) {
    if (self->prepare_failures != failures) {
      g_propagate_error (error, g_error_copy (self->prepare_error));
      break;
    }
    ask_for_segment (self);
    g_cond_wait (&self->prepared, &self->lock);
  }
  g_mutex_unlock (&self->lock);
  return row;
}

/* --- the active segment ----------------------------------------------------------------------- */

static void
close_segment (PnJournal *self)
{
  if (self->fd < 0)
    return;
  close (self->fd);
  self->fd = -1;
  PnJournalRow *row = active_row (self);
  __atomic_store_n (&row->state, row->records > 0 ? PN_ROW_CLOSED : PN_ROW_FREE, __ATOMIC_RELEASE);
}

static gboolean
begin_segment (PnJournal *self, guint number, GError **error)
{
  PnJournalControl *control = self->control.map;
  PnJournalRow *row = &control->rows[number];
  g_autofree char *path = pn_segment_path (self->dir, number);
  int fd = open (path, O_RDWR | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) < 0) {
    pn_journal_set_error (error, errno, path, "cannot open a segment of the receive journal");
    if (fd >= 0)
      close (fd);
    /* Somebody removed it: its place is free for a new one. */
    __atomic_store_n (&row->state, PN_ROW_ABSENT, __ATOMIC_RELEASE);
    return FALSE;
  }
  guint64 generation = control->last_generation + 1;
  if (!pn_segment_begin (fd, self->key, generation, (guint64) st.st_size, self->segment_key, error)) {
    close (fd);
    return FALSE;
  }
  control->last_generation = generation;
  memset (row->done, 0, sizeof row->done);
  row->records = row->start_index = 0;
  row->generation = generation;
  row->size = (guint64) st.st_size;
  row->start = PN_SEGMENT_START;
  __atomic_store_n (&row->committed, PN_SEGMENT_START, __ATOMIC_RELEASE);
  __atomic_store_n (&row->state, PN_ROW_ACTIVE, __ATOMIC_RELEASE);
  self->fd = fd;
  self->row = number;
  self->end = PN_SEGMENT_START;
  self->index = 0;
  return TRUE;
}

/* Makes sure that a record of SIZE bytes has room in the active segment. */
static gboolean
make_room (PnJournal *self, guint64 size, GError **error)
{
  if (self->fd >= 0 && self->index < PN_JOURNAL_RECORDS && self->end + size <= active_row (self)->size)
    return TRUE;
  if (PN_SEGMENT_START + size > self->segment_size) {
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_IO,
                 "the record of %" G_GUINT64_FORMAT " bytes is larger than a segment of the receive journal",
                 size);
    return FALSE;
  }
  close_segment (self);
  int row = get_free_row (self, error);
  if (row < 0 || !begin_segment (self, (guint) row, error))
    return FALSE;
  g_mutex_lock (&self->lock);
  if (find_row (self, PN_ROW_FREE) < 0)
    ask_for_segment (self);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* --- committing ------------------------------------------------------------------------------- */

static PnJournalCommit *
ring_slot (PnJournal *self, guint64 ticket)
{
  return &self->control.map->ring[ticket % PN_JOURNAL_RING];
}

static PnJournalCommit *
note_commit (PnJournal *self, const Pending *pending, PnCommitState state)
{
  PnJournalCommit *commit = ring_slot (self, pending->ticket);
  __atomic_store_n (&commit->state, PN_COMMIT_NONE, __ATOMIC_SEQ_CST);
  __atomic_store_n (&commit->ticket, pending->ticket, __ATOMIC_RELAXED);
  commit->time = pending->time;
  memcpy (commit->hash, pending->hash, sizeof commit->hash);
  memcpy (commit->id, pending->id, sizeof commit->id);
  if (state == PN_COMMIT_RECORD) {
    commit->row = self->row;
    commit->generation = active_row (self)->generation;
    commit->end = self->end;
    __atomic_store_n (&commit->state, state, __ATOMIC_SEQ_CST);
  }
  return commit;
}

static void
forget_commit (PnJournal *self, const Pending *pending)
{
  PnJournalCommit *commit = ring_slot (self, pending->ticket);
  if (commit->ticket == pending->ticket)
    __atomic_store_n (&commit->state, PN_COMMIT_NONE, __ATOMIC_SEQ_CST);
}

static void
ring_bell (PnJournal *self)
{
  PnJournalControl *control = self->control.map;
  if (!__atomic_load_n (&control->reader_waits, __ATOMIC_SEQ_CST)
      || !__atomic_exchange_n (&control->reader_waits, 0, __ATOMIC_SEQ_CST))
    return;
  /* A full FIFO rings all the same. */
  ssize_t n = write (self->bell, "!", 1);
  (void) n;
}

static int
write_and_flush (int fd, const guint8 *data, gsize length, guint64 offset)
{
  while (length > 0) {
    ssize_t n = pwrite (fd, data, length, (off_t) offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : EIO;
    data += n;
    length -= (gsize) n;
    offset += (guint64) n;
  }
  while (fdatasync (fd) < 0)
    if (errno != EINTR)
      return errno;
  return 0;
}

static void
finish (PnJournal *self, Pending *list, const GError *error)
{
  while (list) {
    Pending *next = list->next;
    if (error)
      forget_commit (self, list);
    list->done (list->user, error);
    if (list->fd >= 0)
      close (list->fd);
    g_free (list);
    list = next;
  }
}

/* Seals as many of LIST as fit together; returns the rest. */
static Pending *
seal_batch (PnJournal *self, Pending *list, gsize *used_out)
{
  gsize used = 0, wanted = 0;
  guint64 room = active_row (self)->size - self->end;
  Pending *last = NULL;
  guint32 n = 0;
  for (Pending *p = list; p && self->index + n < PN_JOURNAL_RECORDS; last = p, p = p->next, n++) {
    gsize size = (gsize) pn_record_size (p->length);
    if (wanted + size > room || (wanted > 0 && wanted + size > BATCH_MAX))
      break;
    wanted += size;
  }
  if (wanted > self->buffer_size) {
    g_free (self->buffer);
    self->buffer_size = MAX (wanted, 256 * 1024);
    self->buffer = g_malloc (self->buffer_size);
  }
  Pending *rest = last->next;
  last->next = NULL;
  guint64 generation = active_row (self)->generation;
  for (Pending *p = list; p; p = p->next) {
    pn_record_seal (self->segment_key, generation, self->index++, p->hash, p->plain, p->length,
                    self->buffer + used);
    used += (gsize) pn_record_size (p->length);
  }
  *used_out = used;
  return rest;
}

/* After a flush that failed nobody knows what is on the disk: what was not promised must not turn up after a
 * crash. */
static void
abandon_segment (PnJournal *self, guint64 from)
{
  static const guint8 zeros[sizeof (PnRecordHead)];
  ssize_t n = pwrite (self->fd, zeros, sizeof zeros, (off_t) from);
  (void) n;
  close_segment (self);
}

/* Commits the first of LIST, as many as go together; returns the rest. */
static Pending *
commit_batch (PnJournal *self, Pending *list)
{
  g_autoptr (GError) error = NULL;
  if (!make_room (self, pn_record_size (list->length), &error)) {
    Pending *rest = list->next;
    list->next = NULL;
    finish (self, list, error);
    return rest;
  }
  gsize used = 0;
  guint64 from = self->end;
  Pending *rest = seal_batch (self, list, &used);
  int errnum = write_and_flush (self->fd, self->buffer, used, from);
  if (errnum) {
    g_autofree char *path = pn_segment_path (self->dir, self->row);
    pn_journal_set_error (&error, errnum, path, "cannot write to the receive journal");
    pn_log_error ("journal_write_failed", "reason=\"%s\"", error->message);
    abandon_segment (self, from);
    finish (self, list, error);
    return rest;
  }
  for (Pending *p = list; p; p = p->next) {
    self->end += pn_record_size (p->length);
    note_commit (self, p, PN_COMMIT_RECORD);
  }
  PnJournalRow *row = active_row (self);
  __atomic_store_n (&row->records, self->index, __ATOMIC_RELEASE);
  __atomic_store_n (&row->committed, self->end, __ATOMIC_SEQ_CST);
  ring_bell (self);
  finish (self, list, NULL);
  return rest;
}

static gpointer
committer_main (gpointer data)
{
  PnJournal *self = data;
  for (;;) {
    g_mutex_lock (&self->lock);
    while (!self->first && !self->stop)
      g_cond_wait (&self->work, &self->lock);
    Pending *list = self->first;
    self->first = self->last = NULL;
    g_mutex_unlock (&self->lock);
    if (!list)
      break;
    while (list)
      list = commit_batch (self, list);
  }
  close_segment (self);
  return NULL;
}

/* --- handing in ------------------------------------------------------------------------------- */

static Pending *
pending_new (PnJournal *self, const char *id, const guint8 hash[16], gsize length, guint64 *ticket,
             PnJournalDone done, gpointer user)
{
  Pending *pending = g_malloc (sizeof *pending + length);
  *pending = (Pending){ .done = done, .user = user, .fd = -1, .length = (guint32) length };
  pending->time = g_get_real_time () / G_USEC_PER_SEC;
  memcpy (pending->hash, hash, sizeof pending->hash);
  g_strlcpy (pending->id, id ? id : "", sizeof pending->id);
  pending->ticket = __atomic_add_fetch (&self->control.map->last_ticket, 1, __ATOMIC_RELAXED);
  if (ticket)
    *ticket = pending->ticket;
  return pending;
}

void
pn_journal_append (PnJournal *self, const PnEnvelope *envelope, const void *data, gsize length,
                   const guint8 hash[16], guint64 *ticket, PnJournalDone done, gpointer user)
{
  g_autofree char *text = pn_envelope_to_text (envelope);
  guint32 text_length = (guint32) strlen (text);
  gsize total = sizeof text_length + text_length + length;
  if (total > G_MAXINT / 2) {
    g_autoptr (GError) error
        = g_error_new (PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_IO, "too large for the receive journal");
    done (user, error);
    return;
  }
  Pending *pending = pending_new (self, envelope->id, hash, total, ticket, done, user);
  memcpy (pending->plain, &text_length, sizeof text_length);
  memcpy (pending->plain + sizeof text_length, text, text_length);
  if (length > 0)
    memcpy (pending->plain + sizeof text_length + text_length, data, length);

  g_mutex_lock (&self->lock);
  if (self->last)
    self->last->next = pending;
  else
    g_cond_signal (&self->work);
  self->last = pending;
  if (!self->first)
    self->first = pending;
  g_mutex_unlock (&self->lock);
}

/* Names the file of PENDING, so that whoever finds us dead can tell whether it counts.  Returns its path, or
 * NULL. */
static char *
name_file (PnJournal *self, const Pending *pending, GError **error)
{
  PnJournalCommit *commit = note_commit (self, pending, PN_COMMIT_FILE_PENDING);
  g_autoptr (GError) name_error = NULL;
  for (int i = 0; i < 1000; i++) {
    pn_queue_make_name (commit->file, "R0", "RCV");
    g_autofree char *first = pn_journal_first_path (self->dir, commit->file);
    g_autofree char *path = g_build_filename (self->dir, commit->file, NULL);
    g_clear_error (&name_error);
    if (pn_file_link (pending->fd, first, &name_error)) {
      __atomic_store_n (&commit->state, PN_COMMIT_FILE_PENDING, __ATOMIC_SEQ_CST);
      if (pn_file_rename_new (first, path, &name_error)) {
        __atomic_store_n (&commit->state, PN_COMMIT_FILE, __ATOMIC_SEQ_CST);
        return g_steal_pointer (&path);
      }
      forget_commit (self, pending);
      unlink (first);
    }
    if (!g_error_matches (name_error, G_IO_ERROR, G_IO_ERROR_EXISTS))
      break;
  }
  gboolean full = g_error_matches (name_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_set_error_literal (error, PN_JOURNAL_ERROR, full ? PN_JOURNAL_ERROR_FULL : PN_JOURNAL_ERROR_IO,
                       name_error->message);
  return NULL;
}

/* Flushes, names, flushes the name. */
static gboolean
keep_file (PnJournal *self, const Pending *pending, GError **error)
{
  if (fchmod (pending->fd, 0400) < 0 || fsync (pending->fd) < 0) {
    pn_journal_set_error (error, errno, self->dir, "cannot flush a message file");
    return FALSE;
  }
  g_autofree char *path = name_file (self, pending, error);
  if (!path)
    return FALSE;
  if (pn_dir_flush (&self->dir_flush, self->dir, error))
    return TRUE;
  forget_commit (self, pending);
  unlink (path);
  return FALSE;
}

static void
file_main (gpointer data, gpointer user)
{
  PnJournal *self = user;
  g_autoptr (GError) error = NULL;
  if (!keep_file (self, data, &error) && error->domain == PN_QUEUE_ERROR) {
    error->domain = PN_JOURNAL_ERROR;
    error->code = error->code == PN_QUEUE_ERROR_FULL ? PN_JOURNAL_ERROR_FULL : PN_JOURNAL_ERROR_IO;
  }
  finish (self, data, error);
}

void
pn_journal_append_file (PnJournal *self, const char *id, int fd, const guint8 hash[16], guint64 *ticket,
                        PnJournalDone done, gpointer user)
{
  Pending *pending = pending_new (self, id, hash, 0, ticket, done, user);
  pending->fd = fd;
  g_thread_pool_push (self->files, pending, NULL);
}

/* --- answers ---------------------------------------------------------------------------------- */

void
pn_journal_answered (PnJournal *self, guint64 ticket)
{
  PnJournalCommit *commit = ring_slot (self, ticket);
  if (__atomic_load_n (&commit->ticket, __ATOMIC_RELAXED) == ticket)
    __atomic_store_n (&commit->state, PN_COMMIT_ANSWERED, __ATOMIC_SEQ_CST);
}

static guint
hash_of_hash (gconstpointer data)
{
  guint32 word;
  memcpy (&word, data, sizeof word);
  return word;
}

static gboolean
hash_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, 16) == 0;
}

static void
index_orphans (PnJournal *self)
{
  g_hash_table_remove_all (self->orphans);
  for (guint i = 0; i < PN_JOURNAL_ORPHANS; i++) {
    PnJournalOrphan *orphan = &self->control.map->orphans[i];
    if (orphan->state == PN_ORPHAN_WAITS)
      g_hash_table_insert (self->orphans, orphan->hash, orphan);
  }
}

void
pn_journal_unanswered (PnJournal *self, guint64 ticket)
{
  g_mutex_lock (&self->lock);
  PnJournalCommit *commit = ring_slot (self, ticket);
  if (commit->ticket == ticket && (commit->state == PN_COMMIT_RECORD || commit->state == PN_COMMIT_FILE)) {
    pn_control_add_orphan (self->control.map, commit->hash, commit->id, commit->time);
    __atomic_store_n (&commit->state, PN_COMMIT_NONE, __ATOMIC_SEQ_CST);
    index_orphans (self);
  }
  g_mutex_unlock (&self->lock);
}

char *
pn_journal_take_orphan (PnJournal *self, const guint8 hash[16])
{
  char *id = NULL;
  g_mutex_lock (&self->lock);
  PnJournalOrphan *orphan = g_hash_table_lookup (self->orphans, hash);
  if (orphan) {
    id = g_strdup (orphan->id);
    g_hash_table_remove (self->orphans, hash);
    orphan->state = PN_ORPHAN_GIVEN;
  }
  g_mutex_unlock (&self->lock);
  return id;
}

/* --- life ------------------------------------------------------------------------------------- */

/* After a time of much waiting there are more free segments than are ever needed, or of another size than is
 * set now. */
static void
drop_spare (PnJournal *self)
{
  guint free = 0;
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++) {
    PnJournalRow *row = &self->control.map->rows[i];
    if (__atomic_load_n (&row->state, __ATOMIC_ACQUIRE) != PN_ROW_FREE)
      continue;
    if (row->size == self->segment_size && ++free <= SPARE)
      continue;
    g_autofree char *path = pn_segment_path (self->dir, i);
    unlink (path);
    __atomic_store_n (&row->state, PN_ROW_ABSENT, __ATOMIC_RELEASE);
  }
}

PnJournal *
pn_journal_open (const char *dir, PnKey *key, guint64 segment_size, GError **error)
{
  g_autoptr (GError) make_error = NULL;
  if (!pn_file_make_dirs (dir, &make_error)) {
    g_set_error_literal (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_IO, make_error->message);
    return NULL;
  }
  /* The reader's, made while there is room: what fills the disk must not keep it from being emptied. */
  g_autofree char *claims = g_build_filename (dir, PN_JOURNAL_CLAIMS, NULL);
  PnControl control;
  if (!pn_claims_reserve (claims, error) || !pn_control_open (&control, dir, key, PN_JOURNAL_WRITER, error))
    return NULL;
  int bell = pn_journal_open_bell (dir, error);
  if (bell < 0) {
    pn_control_close (&control);
    return NULL;
  }
  PnJournal *self = g_new0 (PnJournal, 1);
  self->dir = g_strdup (dir);
  self->key = pn_key_ref (key);
  self->segment_size = MAX (segment_size, 64 * 1024) / 4096 * 4096;
  self->control = control;
  self->bell = bell;
  self->fd = -1;
  g_mutex_init (&self->lock);
  g_cond_init (&self->work);
  g_cond_init (&self->prepared);
  pn_dir_flush_init (&self->dir_flush);
  self->orphans = g_hash_table_new (hash_of_hash, hash_equal);
  index_orphans (self);
  drop_spare (self);
  self->files = g_thread_pool_new (file_main, self, FILE_THREADS, FALSE, NULL);
  self->preparer = g_thread_new ("journal-prepare", preparer_main, self);
  self->committer = g_thread_new ("journal-commit", committer_main, self);
  g_mutex_lock (&self->lock);
  ask_for_segment (self);
  g_mutex_unlock (&self->lock);
  return self;
}

void
pn_journal_close (PnJournal *self)
{
  if (!self)
    return;
  g_thread_pool_free (self->files, FALSE, TRUE);
  g_mutex_lock (&self->lock);
  self->stop = TRUE;
  g_cond_broadcast (&self->work);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->committer);
  g_mutex_lock (&self->lock);
  self->stop_preparer = TRUE;
  g_cond_broadcast (&self->prepared);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->preparer);
  pn_control_close (&self->control);
  close (self->bell);
  pn_dir_flush_clear (&self->dir_flush);
  g_hash_table_unref (self->orphans);
  g_clear_error (&self->prepare_error);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->work);
  g_cond_clear (&self->prepared);
  OPENSSL_cleanse (self->segment_key, sizeof self->segment_key);
  pn_key_unref (self->key);
  g_free (self->buffer);
  g_free (self->dir);
  g_free (self);
}
