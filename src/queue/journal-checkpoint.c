/* Letting go of what was received once it is consumed, or flushed where it lies. */
#include "queue/journal-reader.h"

#include "core/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A closed segment waits so long for the messages in it to be consumed; then they are flushed. */
#define CLOSED_GRACE_US (3 * G_USEC_PER_SEC)
/* A message that waits in a queue for so long is flushed whatever its segment does. */
#define HELD_GRACE_S 30
#define NOTE_INTERVAL_US (5 * G_USEC_PER_SEC)

/* One held descriptor that is to be flushed. */
typedef struct {
  guint64 generation; /* 0: of a file */
  guint32 index;
  PnHeldFile *file;
} Straggler;

static void
end_held (PnJournalReader *self, PnSegment *segment, PnSegmentRecord *record, gboolean was_consumed)
{
  pn_reader_release (self, record->fd, record->pooled, was_consumed);
  record->fd = -1;
  record->state = PN_RECORD_CONSUMED;
  segment->n_open--;
  self->n_held--;
}

static void
end_held_file (PnJournalReader *self, PnHeldFile *held, gboolean was_consumed)
{
  if (unlink (held->path) < 0)
    pn_log_error ("receive_left", "path=%s reason=\"%s\"", held->path, g_strerror (errno));
  pn_reader_release (self, held->fd, held->pooled, was_consumed);
  held->fd = -1;
  g_ptr_array_remove_fast (self->held_files, held);
  self->n_held--;
}

static void
sweep_files (PnJournalReader *self)
{
  for (guint i = self->held_files->len; i-- > 0;) {
    PnHeldFile *held = g_ptr_array_index (self->held_files, i);
    if (!held->flushing && pn_reader_is_consumed (held->fd, held->pooled))
      end_held_file (self, held, TRUE);
  }
}

/* Closes what was consumed; adds to STRAGGLERS what has to be flushed. */
static void
sweep (PnJournalReader *self, gboolean force, GArray *stragglers, GArray *fds)
{
  gint64 now = g_get_monotonic_time ();
  guint32 now_s = (guint32) (now / G_USEC_PER_SEC);
  gboolean many = self->n_held > self->held_max;
  sweep_files (self);
  for (guint i = 0; i < self->segments->len; i++) {
    PnSegment *segment = g_ptr_array_index (self->segments, i);
    const PnJournalRow *row = &self->control.map->rows[segment->row];
    if (segment->closed_at == 0 && __atomic_load_n (&row->state, __ATOMIC_ACQUIRE) == PN_ROW_CLOSED)
      segment->closed_at = now;
    gboolean late = segment->closed_at != 0 && now - segment->closed_at > CLOSED_GRACE_US;
    for (guint r = segment->prefix; r < segment->records->len; r++) {
      PnSegmentRecord *record = &g_array_index (segment->records, PnSegmentRecord, r);
      if (record->state != PN_RECORD_HELD)
        continue;
      if (pn_reader_is_consumed (record->fd, record->pooled)) {
        end_held (self, segment, record, TRUE);
        continue;
      }
      if (!force && !late && !many && now_s - record->since < HELD_GRACE_S)
        continue;
      record->state = PN_RECORD_FLUSHING;
      Straggler straggler = { .generation = segment->generation, .index = segment->first_index + r };
      g_array_append_val (stragglers, straggler);
      g_array_append_val (fds, record->fd);
    }
    pn_segment_advance (segment);
  }
  for (guint i = 0; i < self->held_files->len; i++) {
    PnHeldFile *held = g_ptr_array_index (self->held_files, i);
    if (held->flushing || (!force && !many && now - held->since < CLOSED_GRACE_US))
      continue;
    held->flushing = TRUE;
    Straggler straggler = { .file = held };
    g_array_append_val (stragglers, straggler);
    g_array_append_val (fds, held->fd);
  }
}

static void
end_straggler (PnJournalReader *self, const Straggler *straggler, gboolean flushed)
{
  if (straggler->file) {
    straggler->file->flushing = FALSE;
    if (flushed)
      end_held_file (self, straggler->file, FALSE);
    return;
  }
  PnSegment *segment = pn_reader_segment (self, straggler->generation);
  PnSegmentRecord *record
      = &g_array_index (segment->records, PnSegmentRecord, straggler->index - segment->first_index);
  if (flushed)
    end_held (self, segment, record, FALSE);
  else
    record->state = PN_RECORD_HELD;
}

static gboolean
flush_stragglers (PnJournalReader *self, GArray *stragglers, GArray *fds, GError **error)
{
  if (stragglers->len == 0)
    return TRUE;
  gboolean ok = pn_queue_cover_end ((const int *) (void *) fds->data, fds->len,
                                    (const char *const *) self->queue_paths, error);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < stragglers->len; i++)
    end_straggler (self, &g_array_index (stragglers, Straggler, i), ok);
  for (guint i = 0; i < self->segments->len; i++)
    pn_segment_advance (g_ptr_array_index (self->segments, i));
  g_mutex_unlock (&self->lock);
  if (ok)
    pn_log_debug ("journal_flushed", "messages=%u", fds->len);
  return ok;
}

/* --- segments --------------------------------------------------------------------------------- */

typedef struct {
  PnSegment *segment;
  PnConsumptionHead head;
} Note;

/* What the consumption heads should say now. */
static void
collect_notes (PnJournalReader *self, gboolean force, GArray *notes)
{
  gint64 now = g_get_monotonic_time ();
  for (guint i = 0; i < self->segments->len; i++) {
    PnSegment *segment = g_ptr_array_index (self->segments, i);
    const PnJournalRow *row = &self->control.map->rows[segment->row];
    guint32 state = __atomic_load_n (&row->state, __ATOMIC_ACQUIRE);
    guint64 committed = __atomic_load_n (&row->committed, __ATOMIC_ACQUIRE);
    gboolean read_all = segment->next >= committed;
    gboolean over = state == PN_ROW_CLOSED && read_all && segment->n_open == 0;
    gboolean news
        = segment->prefix > segment->noted_prefix && (force || now - segment->noted_at > NOTE_INTERVAL_US);
    if (!over && !news)
      continue;
    Note note = { .segment = segment };
    note.head.generation = segment->generation;
    note.head.index = segment->first_index + segment->prefix;
    note.head.freed = over;
    note.head.end = segment->prefix < segment->records->len
                        ? (guint64) g_array_index (segment->records, PnSegmentRecord, segment->prefix).offset
                              * PN_RECORD_ALIGN
                        : segment->next;
    segment->noted_at = now;
    g_array_append_val (notes, note);
  }
}

/* Bytes nobody could read are kept where an operator looks. */
static void
keep_damaged (PnJournalReader *self, const PnSegment *segment)
{
  g_autofree char *path = pn_segment_path (self->dir, segment->row);
  g_autofree char *to = g_strdup_printf ("%s/J%07u.%" G_GUINT64_FORMAT ".bad", self->gwprob, segment->row + 1,
                                         segment->generation);
  if (!pn_file_make_dirs (self->gwprob, NULL) || rename (path, to) < 0)
    pn_log_error ("problem_failed", "path=%s reason=\"%s\"", path, g_strerror (errno));
  else
    pn_log_error ("problem", "from=%s to=%s reason=\"a record of the receive journal is damaged\"", path, to);
}

static gboolean
write_notes (PnJournalReader *self, GArray *notes, GError **error)
{
  for (guint i = 0; i < notes->len; i++) {
    Note *note = &g_array_index (notes, Note, i);
    PnSegment *segment = note->segment;
    g_autofree char *path = pn_segment_path (self->dir, segment->row);
    if (!pn_segment_write_consumed (segment->fd, &note->head, path, error))
      return FALSE;
    g_mutex_lock (&self->lock);
    segment->noted_prefix = note->head.index - segment->first_index;
    if (note->head.freed) {
      PnJournalRow *row = &self->control.map->rows[segment->row];
      if (segment->damaged)
        keep_damaged (self, segment);
      __atomic_store_n (&row->state, segment->damaged ? PN_ROW_ABSENT : PN_ROW_FREE, __ATOMIC_RELEASE);
      g_ptr_array_remove (self->segments, segment);
    }
    g_mutex_unlock (&self->lock);
  }
  return TRUE;
}

gboolean
pn_journal_reader_checkpoint (PnJournalReader *self, gboolean force, GError **error)
{
  g_autoptr (GArray) stragglers = g_array_new (FALSE, FALSE, sizeof (Straggler));
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GArray) notes = g_array_new (FALSE, FALSE, sizeof (Note));
  g_mutex_lock (&self->checkpoint_lock);
  g_mutex_lock (&self->lock);
  pn_reader_find_segments (self);
  sweep (self, force, stragglers, fds);
  g_mutex_unlock (&self->lock);
  gboolean ok = flush_stragglers (self, stragglers, fds, error);
  if (ok) {
    g_mutex_lock (&self->lock);
    collect_notes (self, force, notes);
    g_mutex_unlock (&self->lock);
    ok = write_notes (self, notes, error);
  }
  g_mutex_unlock (&self->checkpoint_lock);
  return ok;
}
