/* The workers, and what they finish brought into order: streams, the report, the journal. */
#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/convert-progress.h"
#include "cmd/convert-stream.h"
#include "cmd/json.h"
#include "core/file.h"

/* Messages that are finished and wait for an earlier one, at most; and the memory their texts may take. */
#define WAITING_MAX 1024
#define WAITING_BYTES_MAX (8 * 1024 * 1024)
/* How often it is written down how far the run is. */
#define MARK_MESSAGES 200
#define MARK_INTERVAL (G_USEC_PER_SEC / 4)

typedef struct {
  PnConvertOptions *options;
  GPtrArray *files;
  PnConvertPosition begin; /* where an interrupted run is continued */

  GMutex feed_lock; /* of what is handed to the workers: */
  GCond fed;
  guint hungry; /* who waits for it */
  guint next_file;
  guint opening;      /* workers that look into a file */
  GPtrArray *sources; /* Source: files with more messages, in order */

  GMutex lock; /* of everything below */
  GCond moved;
  guint ahead;                /* who waits for it */
  GCond ended;                /* a worker has; main waits for it */
  PnConvertPosition position; /* of the first message not written, and what was written */
  PnConvertPosition done;     /* what is finished, for those who watch */
  GHashTable *waiting;        /* guint64 key to PnConvertJob */
  GHashTable *counts;         /* file to the number of its messages, once that is known */
  guint64 waiting_bytes;
  guint unmarked;
  gint64 marked;
  guint running;
  GError *error; /* of what all share: a stream, the report, the journal, the disk */

  PnConvertStream *stream; /* or NULL */
  int report_fd;
  const char *report_path;
  PnFileSink *report; /* or NULL */
  PnConvertProgress progress;
} Run;

/* A file whose messages are handed out. */
typedef struct {
  guint file;
  PnConvertItems *items;
} Source;

static volatile sig_atomic_t interrupted;

static void
interrupt (G_GNUC_UNUSED int number)
{
  interrupted = 1;
}

/* The second signal of a kind ends the program at once. */
static void
catch_signals (void)
{
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int) (SA_RESETHAND | SA_RESTART) };
  interrupted = 0;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &action, NULL);
}

/* --- one message --------------------------------------------------------------------------- */

static void
convert (const PnConvertOptions *options, PnConvertJob *job, gboolean replace, GError **error)
{
  if (options->verify && !pn_convert_verify (options, job, error))
    return;
  if (options->layout == PN_LAYOUT_NONE)
    return;
  g_autoptr (PnMessage) message = pn_convert_read (options, job, error);
  if (message)
    pn_convert_write (options, job, message, replace, error);
  if (message && message->losses->len > 0) {
    g_clear_pointer (&job->losses, g_ptr_array_unref);
    job->losses = g_ptr_array_ref (message->losses);
  }
}

/* When nothing can be written any more, the messages that are left did not fail: the run ended. */
static gboolean
ends_run (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_READ_ONLY);
}

/* Tells those who wait, if any do: a wake-up for each message would cost more than the messages' locks. */
static void
wake (Run *self)
{
  if (self->ahead > 0)
    g_cond_broadcast (&self->moved);
}

static void
stop (Run *self, GError *error)
{
  g_mutex_lock (&self->lock);
  if (!self->error)
    self->error = error;
  else
    g_error_free (error);
  wake (self);
  g_mutex_unlock (&self->lock);
}

/* FALSE: the run has ended, JOB is not done. */
static gboolean
do_job (Run *self, PnConvertJob *job)
{
  const PnConvertOptions *options = self->options;
  GError *error = NULL;
  if (job->result != PN_RESULT_FAILED) {
    gboolean replace
        = options->journal && pn_convert_journal_was_begun (options->journal, job->file_index, job->number);
    convert (options, job, replace, &error);
  }
  if (error && ends_run (error)) {
    stop (self, error);
    return FALSE;
  }
  if (error) {
    job->result = PN_RESULT_FAILED;
    g_free (job->reason);
    job->reason = g_strdup (error->message);
    g_clear_error (&error);
    g_clear_pointer (&job->text, g_byte_array_unref);
    if (job->text_fd >= 0)
      close (job->text_fd);
    job->text_fd = -1;
  }
  gboolean bad = job->result == PN_RESULT_FAILED || job->result == PN_RESULT_DIFFERENT;
  if (bad && options->rejects && !pn_convert_reject (options, job, &error)) {
    stop (self, error);
    return FALSE;
  }
  g_clear_pointer (&job->source, pn_source_unref);
  return TRUE;
}

/* --- the report ---------------------------------------------------------------------------- */

static char *
report_line (const PnConvertJob *job)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  pn_json_text (json, "file", job->name);
  pn_json_text (json, "kind", job->kind == PN_KIND_AUTO ? NULL : pn_kind_to_string (job->kind));
  pn_json_text (json, "result", pn_result_to_string (job->result));
  pn_json_list (json, "losses");
  for (guint i = 0; job->losses && i < job->losses->len; i++) {
    const PnLoss *loss = g_ptr_array_index (job->losses, i);
    json_builder_begin_object (json);
    pn_json_text (json, "part", loss->part);
    pn_json_text (json, "reason", loss->reason);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  pn_json_text (json, "output", job->result == PN_RESULT_FAILED ? NULL : job->output);
  pn_json_text (json, "error", job->reason);
  json_builder_end_object (json);
  return pn_json_to_text (json, FALSE);
}

static gboolean
write_report (Run *self, const PnConvertJob *job, GError **error)
{
  if (!self->report)
    return TRUE;
  g_autofree char *line = report_line (job);
  PnSink sink = pn_file_sink_sink (self->report);
  self->position.report_length += strlen (line) + 1;
  return pn_sink_puts (&sink, line, error) && pn_sink_write (&sink, "\n", 1, error);
}

/* --- in order ------------------------------------------------------------------------------ */

/* Everything so far to its files, then how far that is. */
static gboolean
mark (Run *self, GError **error)
{
  self->unmarked = 0;
  self->marked = g_get_monotonic_time ();
  if (self->stream && !pn_convert_stream_flush (self->stream, &self->position.stream_length, error))
    return FALSE;
  if (self->report && !pn_file_sink_flush (self->report, error)) {
    g_prefix_error (error, "%s: ", self->report_path);
    return FALSE;
  }
  return !self->options->journal || pn_convert_journal_mark (self->options->journal, &self->position, error);
}

static void
count (PnConvertPosition *position, const PnConvertJob *job)
{
  position->messages++;
  position->bytes += job->size;
  position->results[job->result]++;
  if (job->losses && job->losses->len > 0) {
    position->with_losses++;
    position->losses += job->losses->len;
  }
}

/* Called in the order of the messages, locked. */
static gboolean
write_job (Run *self, PnConvertJob *job, GError **error)
{
  if (job->result == PN_RESULT_FAILED || job->result == PN_RESULT_DIFFERENT) {
    pn_convert_progress_clear (&self->progress);
    fprintf (stderr, "postern convert: %s: %s\n", job->name, job->reason ? job->reason : "different");
  }
  if (self->stream && pn_convert_stream_switches (self->stream, job) && !mark (self, error))
    return FALSE;
  if (self->stream && !pn_convert_stream_put (self->stream, job, error))
    return FALSE;
  if (!write_report (self, job, error))
    return FALSE;
  count (&self->position, job);
  if (job->only) {
    self->position.file++;
    self->position.number = 1;
  } else
    self->position.number++;
  if (++self->unmarked < MARK_MESSAGES && g_get_monotonic_time () - self->marked < MARK_INTERVAL)
    return TRUE;
  return mark (self, error);
}

static guint64
key_of (guint file, guint number)
{
  return (guint64) file << 32 | number;
}

static guint64
memory_of (const PnConvertJob *job)
{
  return job->text ? job->text->len : 0;
}

/* Writes what has come into order. */
static void
write_ready (Run *self)
{
  while (!self->error) {
    gpointer total;
    PnConvertPosition *at = &self->position;
    if (g_hash_table_lookup_extended (self->counts, GUINT_TO_POINTER (at->file), NULL, &total)
        && at->number > GPOINTER_TO_UINT (total)) {
      g_hash_table_remove (self->counts, GUINT_TO_POINTER (at->file));
      at->file++;
      at->number = 1;
      continue;
    }
    guint64 key = key_of (at->file, at->number);
    PnConvertJob *job = g_hash_table_lookup (self->waiting, &key);
    if (!job)
      break;
    write_job (self, job, &self->error);
    self->waiting_bytes -= memory_of (job);
    g_hash_table_remove (self->waiting, &key);
  }
  wake (self);
}

static void
finish_job (Run *self, PnConvertJob *job)
{
  g_mutex_lock (&self->lock);
  count (&self->done, job);
  guint64 *key = g_new (guint64, 1);
  *key = key_of (job->file_index, job->number);
  self->waiting_bytes += memory_of (job);
  g_hash_table_insert (self->waiting, key, job);
  write_ready (self);
  g_mutex_unlock (&self->lock);
}

/* A file turned out to have TOTAL messages. */
static void
finish_file (Run *self, guint file, guint total)
{
  g_mutex_lock (&self->lock);
  g_hash_table_insert (self->counts, GUINT_TO_POINTER (file), GUINT_TO_POINTER (total));
  write_ready (self);
  g_mutex_unlock (&self->lock);
}

/* Whoever is far ahead waits, but never for himself: the message that all wait for goes on. */
static void
wait_for_others (Run *self, const PnConvertJob *job)
{
  g_mutex_lock (&self->lock);
  self->ahead++;
  while (!self->error && !interrupted
         && (g_hash_table_size (self->waiting) >= WAITING_MAX || self->waiting_bytes > WAITING_BYTES_MAX)
         && key_of (job->file_index, job->number) != key_of (self->position.file, self->position.number))
    g_cond_wait_until (&self->moved, &self->lock, g_get_monotonic_time () + G_USEC_PER_SEC / 2);
  self->ahead--;
  g_mutex_unlock (&self->lock);
}

/* --- handing out --------------------------------------------------------------------------- */

static void
source_free (gpointer data)
{
  Source *self = data;
  pn_convert_items_free (self->items);
  g_free (self);
}

static gboolean
has_ended (Run *self)
{
  g_mutex_lock (&self->lock);
  gboolean ended = self->error || interrupted;
  g_mutex_unlock (&self->lock);
  return ended;
}

/* The next message of the first file that has more; those that were written before are passed over.  Locked.
 */
static PnConvertJob *
take_from_sources (Run *self)
{
  while (self->sources->len > 0) {
    Source *source = g_ptr_array_index (self->sources, 0);
    PnConvertJob *job = pn_convert_items_next (source->items);
    if (job && job->file_index == self->begin.file && job->number < self->begin.number) {
      pn_convert_job_free (job);
      continue;
    }
    if (job)
      return job;
    finish_file (self, source->file, pn_convert_items_given (source->items));
    g_ptr_array_remove_index (self->sources, 0);
  }
  return NULL;
}

static void
add_source (Run *self, guint file, PnConvertItems *items)
{
  Source *source = g_new (Source, 1);
  *source = (Source){ file, items };
  guint at = 0;
  while (at < self->sources->len && ((Source *) g_ptr_array_index (self->sources, at))->file < file)
    at++;
  g_ptr_array_insert (self->sources, (int) at, source);
}

/* The next message to be done, or NULL: there is none. */
static PnConvertJob *
take (Run *self)
{
  PnConvertJob *job = NULL;
  g_mutex_lock (&self->feed_lock);
  while (!has_ended (self) && !(job = take_from_sources (self))) {
    if (self->next_file >= self->files->len) {
      if (self->opening == 0)
        break;
      self->hungry++; /* a file being opened may have many */
      g_cond_wait (&self->fed, &self->feed_lock);
      self->hungry--;
      continue;
    }
    guint file = self->next_file++;
    self->opening++;
    g_mutex_unlock (&self->feed_lock);
    PnConvertItems *items
        = pn_convert_items_open (self->options, g_ptr_array_index (self->files, file), file);
    if (!pn_convert_items_several (items)) {
      job = pn_convert_items_next (items);
      pn_convert_items_free (items);
    }
    g_mutex_lock (&self->feed_lock);
    self->opening--;
    if (!job)
      add_source (self, file, items);
    if (self->hungry > 0)
      g_cond_broadcast (&self->fed);
    if (job)
      break;
  }
  g_mutex_unlock (&self->feed_lock);
  return job;
}

static gpointer
work (gpointer user)
{
  Run *self = user;
  PnConvertJob *job;
  while ((job = take (self))) {
    wait_for_others (self, job);
    if (!has_ended (self) && do_job (self, job))
      finish_job (self, job);
    else
      pn_convert_job_free (job);
  }
  g_mutex_lock (&self->lock);
  self->running--;
  g_cond_broadcast (&self->ended);
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* Waits for the workers, telling how far they are. */
static void
watch (Run *self)
{
  g_mutex_lock (&self->lock);
  while (self->running > 0) {
    gint64 due = pn_convert_progress_due (&self->progress);
    if (due == 0)
      g_cond_wait (&self->ended, &self->lock);
    else if (g_get_monotonic_time () < due)
      g_cond_wait_until (&self->ended, &self->lock, due);
    else
      pn_convert_progress_draw (&self->progress, &self->done);
  }
  g_mutex_unlock (&self->lock);
}

/* --- all ----------------------------------------------------------------------------------- */

static gboolean
open_outputs (Run *self, const char *report, GError **error)
{
  PnConvertOptions *options = self->options;
  g_autofree char *path = pn_convert_journal_path (options, report);
  if (!path && options->resume) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "--continue needs an output directory or a file");
    return FALSE;
  }
  self->position.number = 1;
  if (path) {
    options->journal = pn_convert_journal_open (options, self->files, path, &self->position, error);
    if (!options->journal)
      return FALSE;
  }
  self->done = self->begin = self->position;
  self->next_file = self->position.file;
  if (report) {
    self->report_path = report;
    self->report_fd = pn_convert_stream_open (report, TRUE, self->position.report_length, error);
    if (self->report_fd < 0)
      return FALSE;
    self->report = pn_file_sink_new (self->report_fd);
  }
  if (options->layout == PN_LAYOUT_STREAM || options->layout == PN_LAYOUT_FOLDERS)
    self->stream = pn_convert_stream_new (options, self->position.stream_length, error);
  return self->stream || (options->layout != PN_LAYOUT_STREAM && options->layout != PN_LAYOUT_FOLDERS);
}

static void
run_workers (Run *self, guint n)
{
  n = CLAMP (n, 1, 256);
  self->running = n;
  g_autoptr (GPtrArray) threads = g_ptr_array_new ();
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (threads, g_thread_new ("convert", work, self));
  watch (self);
  for (guint i = 0; i < n; i++)
    g_thread_join (g_ptr_array_index (threads, i));
  if (!self->error)
    mark (self, &self->error);
}

static int
exit_code (const Run *self)
{
  if (self->error || interrupted || self->position.results[PN_RESULT_FAILED] > 0)
    return PN_EXIT_NOT_DONE;
  const guint *results = self->position.results;
  gboolean changed = results[PN_RESULT_EQUIVALENT] + results[PN_RESULT_DIFFERENT] > 0;
  return self->position.losses > 0 || changed ? PN_EXIT_LOSSES : PN_EXIT_DONE;
}

static void
close_outputs (Run *self, gboolean complete)
{
  g_clear_pointer (&self->stream, pn_convert_stream_free);
  g_clear_pointer (&self->report, pn_file_sink_free);
  if (self->report_fd >= 0)
    close (self->report_fd);
  if (self->options->journal)
    pn_convert_journal_close (self->options->journal, complete);
  self->options->journal = NULL;
}

int
pn_convert_run (PnConvertOptions *options, GPtrArray *files, guint n, const char *report)
{
  Run self = { .options = options, .files = files, .report_fd = -1 };
  g_mutex_init (&self.lock);
  g_mutex_init (&self.feed_lock);
  g_cond_init (&self.moved);
  g_cond_init (&self.ended);
  g_cond_init (&self.fed);
  self.sources = g_ptr_array_new_with_free_func (source_free);
  self.waiting
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) pn_convert_job_free);
  self.counts = g_hash_table_new (NULL, NULL);
  gboolean opened = open_outputs (&self, report, &self.error);
  if (opened) {
    catch_signals ();
    pn_convert_progress_init (&self.progress, files, self.position.bytes);
    run_workers (&self, n);
    pn_convert_progress_summary (&self.progress, options, &self.position);
  }
  /* An output that was there before us: nothing has been begun that could go on. */
  gboolean refused = g_error_matches (self.error, G_IO_ERROR, G_IO_ERROR_EXISTS) && self.position.file == 0
                     && self.position.number == 1;
  gboolean continues = opened && options->journal && (self.error || interrupted) && !refused;
  int code = exit_code (&self);
  if (self.error)
    fprintf (stderr, "postern convert: %s\n", self.error->message);
  if (continues)
    fprintf (stderr, "postern convert: %s; --continue goes on\n",
             interrupted ? "interrupted" : "ended early");
  else if (opened && interrupted)
    fprintf (stderr, "postern convert: interrupted\n");
  close_outputs (&self, (opened && !continues) || refused);
  g_clear_error (&self.error);
  g_hash_table_unref (self.waiting);
  g_hash_table_unref (self.counts);
  g_ptr_array_unref (self.sources);
  g_cond_clear (&self.ended);
  g_cond_clear (&self.fed);
  g_cond_clear (&self.moved);
  g_mutex_clear (&self.feed_lock);
  g_mutex_clear (&self.lock);
  return code;
}
