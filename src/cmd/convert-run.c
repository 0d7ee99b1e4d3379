/* The workers, the progress bar, the report. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/convert-json.h"

/* Jobs whose text or report waits for an earlier job's, at most. */
#define WINDOW 512

typedef struct {
  PnConvertOptions *options;
  GPtrArray *jobs;
  PnSink *common, *report; /* or NULL */

  int next; /* job to be taken; atomic */

  GMutex lock;
  GCond moved;
  guint written; /* jobs whose lines are out */
  guint done;
  guint64 bytes;
  guint results[PN_RESULT_LAST];
  guint with_losses, losses;
  GError *error; /* of a stream */
  guint running;
} Run;

/* --- one job
 * ------------------------------------------------------------------------------------------------ */

static void
do_job (const PnConvertOptions *options, PnConvertJob *job)
{
  g_autoptr (GError) error = NULL;
  if (job->result == PN_RESULT_FAILED) /* it could not even be found */
    return;
  gboolean done = TRUE;
  if (options->verify)
    done = pn_convert_verify (options, job, &error);
  if (done && options->to != PN_KIND_AUTO) {
    g_autoptr (PnMessage) message = pn_convert_read (options, job, &error);
    done = message && pn_convert_write (options, job, message, &error);
    if (message && message->losses->len > 0) {
      g_clear_pointer (&job->losses, g_ptr_array_unref);
      job->losses = g_ptr_array_ref (message->losses);
    }
  }
  if (done)
    return;
  job->result = PN_RESULT_FAILED;
  g_free (job->reason);
  job->reason = g_strdup (error->message);
}

/* --- the report
 * --------------------------------------------------------------------------------------------- */

static void
add_text (JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  g_autofree char *valid = text ? g_utf8_make_valid (text, -1) : NULL;
  if (valid)
    json_builder_add_string_value (json, valid);
  else
    json_builder_add_null_value (json);
}

static char *
report_line (const PnConvertJob *job)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  add_text (json, "file", job->path);
  add_text (json, "kind", job->kind == PN_KIND_AUTO ? NULL : pn_kind_to_string (job->kind));
  add_text (json, "result", pn_result_to_string (job->result));
  json_builder_set_member_name (json, "losses");
  json_builder_begin_array (json);
  for (guint i = 0; job->losses && i < job->losses->len; i++) {
    const PnLoss *loss = g_ptr_array_index (job->losses, i);
    json_builder_begin_object (json);
    add_text (json, "part", loss->part);
    add_text (json, "reason", loss->reason);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  add_text (json, "output", job->result == PN_RESULT_FAILED ? NULL : job->output);
  add_text (json, "error", job->reason);
  json_builder_end_object (json);
  return pn_convert_json_text (json);
}

static gboolean
show_progress (void)
{
  return isatty (STDERR_FILENO);
}

/* Writes the lines of JOB.  Called in the order of the jobs, locked. */
static gboolean
write_lines (Run *self, PnConvertJob *job, GError **error)
{
  if (job->result == PN_RESULT_FAILED || job->result == PN_RESULT_DIFFERENT)
    fprintf (stderr, "%spostern convert: %s: %s\n", show_progress () ? "\r\033[K" : "", job->path,
             job->reason ? job->reason : "different");
  if (self->common && job->text && job->result != PN_RESULT_FAILED
      && !pn_sink_write (self->common, job->text->str, job->text->len, error))
    return FALSE;
  if (!self->report)
    return TRUE;
  g_autofree char *line = report_line (job);
  return pn_sink_puts (self->report, line, error) && pn_sink_write (self->report, "\n", 1, error);
}

/* Writes what has come into order, and lets go of it. */
static void
write_ready (Run *self)
{
  while (self->written < self->jobs->len) {
    PnConvertJob *job = g_ptr_array_index (self->jobs, self->written);
    if (!job->finished)
      break;
    if (!self->error)
      write_lines (self, job, &self->error);
    if (job->text)
      g_string_free (g_steal_pointer (&job->text), TRUE);
    g_clear_pointer (&job->losses, g_ptr_array_unref);
    self->written++;
  }
  g_cond_broadcast (&self->moved);
}

static void
finish_job (Run *self, PnConvertJob *job)
{
  g_mutex_lock (&self->lock);
  job->finished = TRUE;
  self->done++;
  self->bytes += job->size;
  self->results[job->result]++;
  if (job->losses && job->losses->len > 0) {
    self->with_losses++;
    self->losses += job->losses->len;
  }
  write_ready (self);
  while (job->index >= self->written + WINDOW && !self->error)
    g_cond_wait (&self->moved, &self->lock);
  g_mutex_unlock (&self->lock);
}

static gpointer
work (gpointer user)
{
  Run *self = user;
  for (;;) {
    guint index = (guint) g_atomic_int_add (&self->next, 1);
    if (index >= self->jobs->len)
      break;
    PnConvertJob *job = g_ptr_array_index (self->jobs, index);
    do_job (self->options, job);
    finish_job (self, job);
  }
  g_mutex_lock (&self->lock);
  self->running--;
  g_cond_broadcast (&self->moved);
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* --- telling
 * ------------------------------------------------------------------------------------------------ */

static void
print_progress (const Run *self, gint64 start, guint64 total)
{
  enum { WIDTH = 24 };
  double seconds = MAX ((double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC, 0.001);
  double part
      = total > 0 ? (double) self->bytes / (double) total : (double) self->done / MAX (self->jobs->len, 1);
  part = CLAMP (part, 0, 1);
  char bar[WIDTH + 1];
  guint full = (guint) (part * WIDTH);
  memset (bar, '.', WIDTH);
  memset (bar, '#', full);
  bar[WIDTH] = '\0';
  g_autofree char *rate = pn_cmd_size ((guint64) ((double) self->bytes / seconds));
  guint left = part > 0.001 ? (guint) (seconds / part - seconds + 0.5) : 0;
  fprintf (stderr, "\r[%s] %3.0f%% %u/%u files, %.0f/s, %s/s, %u:%02u left\033[K", bar, part * 100,
           self->done, self->jobs->len, self->done / seconds, rate, left / 60, left % 60);
  fflush (stderr);
}

static void
print_summary (const Run *self, gint64 start)
{
  double seconds = MAX ((double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC, 0.000001);
  g_autofree char *size = pn_cmd_size (self->bytes);
  g_autofree char *rate = pn_cmd_size ((guint64) ((double) self->bytes / seconds));
  fprintf (stderr, "%spostern convert: %u file%s, %s in %.2f s (%.0f/s, %s/s)",
           show_progress () ? "\r\033[K" : "", self->jobs->len, self->jobs->len == 1 ? "" : "s", size,
           seconds, self->jobs->len / seconds, rate);
  for (guint i = 0; i < PN_RESULT_LAST; i++)
    if (self->results[i] > 0 || (self->options->verify && i != PN_RESULT_CONVERTED))
      fprintf (stderr, ", %u %s", self->results[i], pn_result_to_string ((PnResult) i));
  if (self->losses > 0)
    fprintf (stderr, "; %u loss%s in %u file%s", self->losses, self->losses == 1 ? "" : "es",
             self->with_losses, self->with_losses == 1 ? "" : "s");
  fputc ('\n', stderr);
}

/* Waits for the workers, telling how far they are. */
static void
watch (Run *self, gint64 start)
{
  gboolean progress = show_progress ();
  guint64 total = 0;
  for (guint i = 0; i < self->jobs->len; i++)
    total += ((PnConvertJob *) g_ptr_array_index (self->jobs, i))->size;
  g_mutex_lock (&self->lock);
  gint64 next = g_get_monotonic_time () + G_USEC_PER_SEC / 2;
  while (self->running > 0) {
    if (!progress) {
      g_cond_wait (&self->moved, &self->lock);
      continue;
    }
    if (g_cond_wait_until (&self->moved, &self->lock, next) && g_get_monotonic_time () < next)
      continue;
    print_progress (self, start, total);
    next = g_get_monotonic_time () + G_USEC_PER_SEC / 5;
  }
  g_mutex_unlock (&self->lock);
}

int
pn_convert_run (PnConvertOptions *options, GPtrArray *jobs, guint n, PnSink *common, PnSink *report)
{
  Run self = { .options = options, .jobs = jobs, .common = common, .report = report };
  g_mutex_init (&self.lock);
  g_cond_init (&self.moved);
  gint64 start = g_get_monotonic_time ();
  n = CLAMP (n, 1, MAX (jobs->len, 1));
  self.running = n;
  g_autoptr (GPtrArray) threads = g_ptr_array_new ();
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (threads, g_thread_new ("convert", work, &self));
  watch (&self, start);
  for (guint i = 0; i < n; i++)
    g_thread_join (g_ptr_array_index (threads, i));
  print_summary (&self, start);
  g_cond_clear (&self.moved);
  g_mutex_clear (&self.lock);
  if (self.error) {
    fprintf (stderr, "postern convert: %s\n", self.error->message);
    g_error_free (self.error);
    return PN_EXIT_NOT_DONE;
  }
  if (self.results[PN_RESULT_FAILED] > 0)
    return PN_EXIT_NOT_DONE;
  gboolean changed = self.results[PN_RESULT_EQUIVALENT] + self.results[PN_RESULT_DIFFERENT] > 0;
  return self.losses > 0 || changed ? PN_EXIT_LOSSES : PN_EXIT_DONE;
}
