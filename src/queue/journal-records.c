/* The reader's way through the segments. */
#include "queue/journal-reader.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
/* Records looked at for each one that ends, so that what is consumed comes back soon. */
#define SWEEP 4

void
pn_record_key (guint64 generation, guint32 index, char key[PN_CLAIM_KEY])
{
  g_snprintf (key, PN_CLAIM_KEY, "J%" G_GINT64_MODIFIER "x.%x", generation, index);
}

void
pn_segment_free (PnSegment *self)
{
  for (guint i = 0; i < self->records->len; i++) {
    PnSegmentRecord *record = &g_array_index (self->records, PnSegmentRecord, i);
    if (record->fd >= 0)
      close (record->fd);
  }
  g_array_unref (self->records);
  close (self->fd);
  OPENSSL_cleanse (self->key, sizeof self->key);
  g_free (self->chunk);
  g_free (self);
}

PnSegment *
pn_reader_segment (PnJournalReader *self, guint64 generation)
{
  for (guint i = 0; i < self->segments->len; i++) {
    PnSegment *segment = g_ptr_array_index (self->segments, i);
    if (segment->generation == generation)
      return segment;
  }
  return NULL;
}

static PnJournalRow *
row_of (PnJournalReader *self, const PnSegment *segment)
{
  return &self->control.map->rows[segment->row];
}

static int
compare_generations (gconstpointer a, gconstpointer b)
{
  const PnSegment *x = *(PnSegment *const *) a, *y = *(PnSegment *const *) b;
  return x->generation < y->generation ? -1 : x->generation > y->generation;
}

static void
open_segment (PnJournalReader *self, guint number)
{
  PnJournalRow *row = &self->control.map->rows[number];
  g_autofree char *path = pn_segment_path (self->dir, number);
  g_autoptr (GError) error = NULL;
  PnSegmentHead head;
  guint8 key[PN_SEGMENT_KEY];
  int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0 || !pn_segment_read_head (fd, self->key, &head, key, &error)
      || head.generation != row->generation) {
    /* The writer may be just taking it into use; else it is looked at again, and again logged, with the next
     * scan. */
    pn_log_error ("journal_segment_unreadable", "path=%s reason=\"%s\"", path,
                  fd < 0  ? g_strerror (errno)
                  : error ? error->message
                          : "its generation is another");
    if (fd >= 0)
      close (fd);
    return;
  }
  PnSegment *segment = g_new0 (PnSegment, 1);
  segment->row = number;
  segment->generation = row->generation;
  segment->fd = fd;
  memcpy (segment->key, key, sizeof key);
  segment->next = row->start;
  segment->first_index = row->start_index;
  segment->records = g_array_new (FALSE, TRUE, sizeof (PnSegmentRecord));
  g_ptr_array_add (self->segments, segment);
  g_ptr_array_sort (self->segments, compare_generations);
}

void
pn_reader_find_segments (PnJournalReader *self)
{
  /* A segment that never had a record is taken back by the writer. */
  for (guint i = self->segments->len; i-- > 0;) {
    PnSegment *segment = g_ptr_array_index (self->segments, i);
    if (segment->records->len == 0 && row_of (self, segment)->generation != segment->generation)
      g_ptr_array_remove_index (self->segments, i);
  }
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++) {
    PnJournalRow *row = &self->control.map->rows[i];
    guint32 state = __atomic_load_n (&row->state, __ATOMIC_ACQUIRE);
    if ((state == PN_ROW_ACTIVE || state == PN_ROW_CLOSED) && !pn_reader_segment (self, row->generation)
        && __atomic_load_n (&row->committed, __ATOMIC_ACQUIRE) > row->start)
      open_segment (self, i);
  }
}

gboolean
pn_reader_has_records (PnJournalReader *self)
{
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++) {
    PnJournalRow *row = &self->control.map->rows[i];
    guint32 state = __atomic_load_n (&row->state, __ATOMIC_SEQ_CST);
    if (state != PN_ROW_ACTIVE && state != PN_ROW_CLOSED)
      continue;
    PnSegment *segment = pn_reader_segment (self, row->generation);
    if ((segment ? segment->next : row->start) < __atomic_load_n (&row->committed, __ATOMIC_SEQ_CST))
      return TRUE;
  }
  return FALSE;
}

/* --- reading ---------------------------------------------------------------------------------- */

static gboolean
read_exactly (int fd, void *data, gsize length, guint64 offset)
{
  while (length > 0) {
    ssize_t n = pread (fd, data, length, (off_t) offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data = (char *) data + n;
    length -= (gsize) n;
    offset += (guint64) n;
  }
  return TRUE;
}

/* LENGTH bytes at OFFSET, by way of the chunk; what lies beyond COMMITTED is not read ahead, as it is still
 * being written. */
static gboolean
read_bytes (PnSegment *segment, guint64 committed, void *out, gsize length, guint64 offset)
{
  if (offset < segment->chunk_at || offset + length > segment->chunk_at + segment->chunk_length) {
    if (length > CHUNK)
      return read_exactly (segment->fd, out, length, offset);
    if (!segment->chunk)
      segment->chunk = g_malloc (CHUNK);
    gsize wanted = (gsize) MIN (CHUNK, committed - offset);
    segment->chunk_length = 0;
    if (wanted < length || !read_exactly (segment->fd, segment->chunk, wanted, offset))
      return FALSE;
    segment->chunk_at = offset;
    segment->chunk_length = wanted;
  }
  memcpy (out, segment->chunk + (offset - segment->chunk_at), length);
  return TRUE;
}

static gboolean
damaged (PnSegment *segment, guint32 index, const char *what, GError **error)
{
  segment->damaged = TRUE;
  g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED,
               "receive journal, generation %" G_GUINT64_FORMAT ", record %u: %s", segment->generation, index,
               what);
  return FALSE;
}

static gboolean
read_raw (PnJournalReader *self, PnSegment *segment, guint64 offset, guint32 index, PnRawRecord *raw,
          GError **error)
{
  guint64 committed = __atomic_load_n (&row_of (self, segment)->committed, __ATOMIC_ACQUIRE);
  *raw = (PnRawRecord){ .segment = segment, .generation = segment->generation, .index = index };
  if (!read_bytes (segment, committed, &raw->head, sizeof raw->head, offset)
      || !pn_record_head_ok (&raw->head, segment->generation, index, committed - offset))
    return damaged (segment, index, "its head is damaged", error);
  gsize length = (gsize) raw->head.length + PN_RECORD_TAG;
  raw->sealed = g_malloc (length);
  if (!read_bytes (segment, committed, raw->sealed, length, offset + sizeof raw->head)) {
    g_clear_pointer (&raw->sealed, g_free);
    return damaged (segment, index, "it cannot be read", error);
  }
  memcpy (raw->key, segment->key, sizeof raw->key);
  return TRUE;
}

static gboolean
is_done (const PnJournalRow *row, guint32 index)
{
  return row->done[index / 64] >> (index % 64) & 1;
}

static void
note_record (PnSegment *segment, guint64 offset, gboolean consumed)
{
  PnSegmentRecord record = { .offset = (guint32) (offset / PN_RECORD_ALIGN), .fd = -1 };
  record.state = consumed ? PN_RECORD_CONSUMED : PN_RECORD_OUT;
  g_array_append_val (segment->records, record);
  segment->n_open += !consumed;
}

/* Steps over the next record of SEGMENT.  FALSE without error: it was done in an earlier run or is put with
 * the suspects. */
static gboolean
step (PnJournalReader *self, PnSegment *segment, PnRawRecord *raw, GError **error)
{
  PnJournalRow *row = row_of (self, segment);
  guint32 index = segment->first_index + segment->records->len;
  guint64 offset = segment->next;
  if (index >= PN_JOURNAL_RECORDS || !read_raw (self, segment, offset, index, raw, error)) {
    /* Nothing says where the next one begins. */
    segment->next = __atomic_load_n (&row->committed, __ATOMIC_ACQUIRE);
    return FALSE;
  }
  segment->next = offset + pn_record_size (raw->head.length);
  gboolean done = is_done (row, index);
  note_record (segment, offset, done);
  char key[PN_CLAIM_KEY];
  pn_record_key (segment->generation, index, key);
  guint attempts = done ? 0 : pn_claims_attempts (self->claims, key);
  if (!done && attempts == 0)
    return TRUE;
  g_clear_pointer (&raw->sealed, g_free);
  if (attempts > 0) {
    PnWaiting *waiting = g_new0 (PnWaiting, 1);
    *waiting = (PnWaiting){ .generation = segment->generation, .index = index, .attempts = attempts };
    pn_reader_make_ready (self, waiting);
  }
  return FALSE;
}

gboolean
pn_reader_next_record (PnJournalReader *self, PnRawRecord *raw, GError **error)
{
  for (int round = 0; round < 2; round++) {
    for (guint i = 0; i < self->segments->len; i++) {
      PnSegment *segment = g_ptr_array_index (self->segments, i);
      while (segment->next < __atomic_load_n (&row_of (self, segment)->committed, __ATOMIC_ACQUIRE)) {
        g_autoptr (GError) step_error = NULL;
        if (step (self, segment, raw, &step_error))
          return TRUE;
        if (step_error) {
          g_propagate_error (error, g_steal_pointer (&step_error));
          return FALSE;
        }
      }
    }
    pn_reader_find_segments (self);
  }
  return FALSE;
}

gboolean
pn_reader_read_again (PnJournalReader *self, const PnWaiting *waiting, PnRawRecord *raw, GError **error)
{
  PnSegment *segment = pn_reader_segment (self, waiting->generation);
  if (!segment)
    return FALSE;
  const PnSegmentRecord *record
      = &g_array_index (segment->records, PnSegmentRecord, waiting->index - segment->first_index);
  if (!read_raw (self, segment, (guint64) record->offset * PN_RECORD_ALIGN, waiting->index, raw, error))
    return FALSE;
  raw->attempts = waiting->attempts;
  return TRUE;
}

/* --- opening ---------------------------------------------------------------------------------- */

PnReceived *
pn_reader_open_record (PnJournalReader *self, PnRawRecord *raw, GError **error)
{
  guint32 text_length = 0;
  const char *what = NULL;
  /* In place: the plain bytes are as many as the sealed ones. */
  guint8 *plain = raw->sealed;
  gsize length = raw->head.length;
  if (!pn_record_open (raw->key, &raw->head, raw->sealed, plain))
    what = "it cannot be opened: the segment was altered";
  else if (length >= sizeof text_length)
    memcpy (&text_length, plain, sizeof text_length);
  if (!what && (length < sizeof text_length || text_length > length - sizeof text_length))
    what = "its envelope is cut off";
  g_autoptr (GError) envelope_error = NULL;
  g_autoptr (PnEnvelope) envelope = NULL;
  if (!what) {
    envelope
        = pn_envelope_from_text ((const char *) plain + sizeof text_length, text_length, &envelope_error);
    if (!envelope)
      what = envelope_error->message;
    else if (!envelope->id)
      what = "its envelope has no id";
  }
  if (what) {
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED,
                 "receive journal, generation %" G_GUINT64_FORMAT ", record %u: %s", raw->generation,
                 raw->index, what);
    return NULL;
  }
  PnReceived *received = g_new0 (PnReceived, 1);
  received->envelope = g_steal_pointer (&envelope);
  g_autoptr (GBytes) all = g_bytes_new_take (g_steal_pointer (&raw->sealed), length);
  gsize head = sizeof text_length + text_length;
  g_autoptr (GBytes) data = g_bytes_new_from_bytes (all, head, length - head);
  received->data = pn_source_new_bytes (data);
  received->attempts = raw->attempts;
  received->segment = raw->generation;
  received->position = raw->index;
  received->slot = PN_CLAIM_NONE;
  received->reader = self;
  return received;
}

gboolean
pn_reader_is_consumed (int fd, gboolean pooled)
{
  struct stat st;
  return fstat (fd, &st) == 0 && st.st_nlink == (pooled ? 1 : 0);
}

void
pn_reader_release (PnJournalReader *self, int fd, gboolean pooled, gboolean was_consumed)
{
  if (pooled && was_consumed) {
    pn_pool_give_back (self->pool, fd);
    return;
  }
  if (pooled)
    pn_pool_retire (self->pool, fd);
  close (fd);
}

void
pn_segment_advance (PnSegment *segment)
{
  while (segment->prefix < segment->records->len
         && g_array_index (segment->records, PnSegmentRecord, segment->prefix).state == PN_RECORD_CONSUMED)
    segment->prefix++;
}

void
pn_reader_sweep_some (PnJournalReader *self, PnSegment *segment)
{
  pn_segment_advance (segment);
  guint end = MIN (segment->records->len, segment->prefix + SWEEP);
  for (guint i = segment->prefix; i < end; i++) {
    PnSegmentRecord *record = &g_array_index (segment->records, PnSegmentRecord, i);
    if (record->state != PN_RECORD_HELD)
      continue;
    /* They are consumed about in order. */
    if (!pn_reader_is_consumed (record->fd, record->pooled))
      break;
    pn_reader_release (self, record->fd, record->pooled, TRUE);
    record->fd = -1;
    record->state = PN_RECORD_CONSUMED;
    segment->n_open--;
    self->n_held--;
  }
}

void
pn_reader_end_record (PnJournalReader *self, guint64 generation, guint32 index, int fd)
{
  PnSegment *segment = pn_reader_segment (self, generation);
  if (!segment || index < segment->first_index || index - segment->first_index >= segment->records->len) {
    if (fd >= 0)
      close (fd);
    return;
  }
  PnJournalRow *row = row_of (self, segment);
  __atomic_or_fetch (&row->done[index / 64], G_GUINT64_CONSTANT (1) << (index % 64), __ATOMIC_SEQ_CST);
  PnSegmentRecord *record = &g_array_index (segment->records, PnSegmentRecord, index - segment->first_index);
  record->fd = fd;
  record->since = (guint32) (g_get_monotonic_time () / G_USEC_PER_SEC);
  record->state = fd >= 0 ? PN_RECORD_HELD : PN_RECORD_CONSUMED;
  record->pooled = fd >= 0 && pn_pool_owns (self->pool, fd);
  if (fd >= 0)
    self->n_held++;
  else
    segment->n_open--;
  pn_reader_sweep_some (self, g_ptr_array_index (self->segments, 0));
  pn_reader_sweep_some (self, segment);
}
