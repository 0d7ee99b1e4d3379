#include "agent/agent-private.h"

#include "core/counters.h"
#include "core/log.h"
#include "core/trace.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define SCAN_MS 1000
/* Until the daemon has taken the send file of an outcome away. */
#define UNSETTLED_MS 20
#define BATCH_MAX 64

/* Statuses for users, staged and not yet in the queue: they share one flush.  The result files they come from
 * go when they are there. */
typedef struct {
  PnAgent *agent;
  GArray *fds;        /* int */
  GArray *priorities; /* guint */
  GPtrArray *ids;     /* char *: of the status and of the message it is about, in turns */
  GPtrArray *paths;   /* char *: result files dealt with */
} Batch;

static void
batch_clear (Batch *self)
{
  for (guint i = 0; i < self->fds->len; i++)
    close (g_array_index (self->fds, int, i));
  g_array_set_size (self->fds, 0);
  g_array_set_size (self->priorities, 0);
  g_ptr_array_set_size (self->ids, 0);
  g_ptr_array_set_size (self->paths, 0);
}

static void
batch_trace (Batch *self)
{
  const char *where = pn_queue_path (self->agent->in);
  for (guint i = 0; i + 1 < self->ids->len; i += 2) {
    const char *status = g_ptr_array_index (self->ids, i), *about = g_ptr_array_index (self->ids, i + 1);
    pn_trace (status, "status", where, "ms", about);
    pn_trace (about, "status", where, "ms", status);
  }
}

static gboolean
batch_put (Batch *self, GError **error)
{
  gboolean ok = self->fds->len == 0
                || pn_queue_put_batch (self->agent->in, (const int *) self->fds->data,
                                       (const guint *) self->priorities->data, self->fds->len, FALSE, error);
  if (ok) {
    batch_trace (self);
    pn_counter_add (PN_COUNTER_STATUSES_IN, self->fds->len);
    for (guint i = 0; i < self->paths->len; i++) {
      const char *path = g_ptr_array_index (self->paths, i);
      if (unlink (path) < 0 && errno != ENOENT)
        pn_log_error ("cannot_remove", "file=%s reason=%s", path, g_strerror (errno));
    }
  }
  batch_clear (self);
  return ok;
}

/* --- statuses of one message ------------------------------------------------------------------ */

/* A record for a message of which nothing is known but what the result says: a third party's send file, or
 * one so old that it was forgotten. */
static PnCorrelation *
record_of_stranger (const PnResult *result)
{
  g_autofree char *id = g_strdup (result->id ? result->id : result->file);
  PnCorrelation *record = pn_correlation_new (id ? id : "unknown");
  record->sender = g_strdup (result->sender);
  record->priority = 5;
  record->time = result->time;
  record->silent = !*result->sender;
  return record;
}

static gboolean
tell_user (Batch *batch, const PnCorrelation *record, PnMessage *status, GError **error)
{
  PnAgent *self = batch->agent;
  int fd = pn_outgoing_stage (self->in, self->program->key, status, error);
  guint priority = record->priority | 1;
  if (fd < 0)
    return FALSE;
  g_array_append_val (batch->fds, fd);
  g_array_append_val (batch->priorities, priority);
  g_ptr_array_add (batch->ids, g_strdup (status->id));
  g_ptr_array_add (batch->ids, g_strdup (record->id));
  return TRUE;
}

static void
add_bounce_recipient (PnMessage *status, const char *address)
{
  PnRecipient *recipient = pn_message_add_recipient (status, PN_TO, pn_address_new_internet (address, NULL));
  recipient->deliver = recipient->listed = TRUE;
}

/* Sends the report to an outside sender, once. */
static gboolean
tell_outside (PnAgent *self, const PnCorrelation *record, PnMessage *status, GError **error)
{
  GError *local = NULL;
  g_autoptr (PnCorrelation) earlier = pn_correlation_db_find (self->correlation, status->id, FALSE, &local);
  if (local) {
    g_propagate_error (error, local);
    return FALSE;
  }
  if (earlier) {
    pn_agent_publish_again (self, earlier);
    return TRUE;
  }
  if (!pn_agent_wants_bounce (self, status, record))
    return TRUE;
  pn_agent_dress_bounce (self, status, record);
  add_bounce_recipient (status, record->sender);

  g_autoptr (PnCorrelation) own = pn_correlation_new (status->id);
  own->time = (gint64) time (NULL);
  own->sender = g_strdup ("");
  own->silent = TRUE;
  own->priority = 5;
  g_autoptr (PnSendHead) head = pn_send_head_new ();
  head->id = g_strdup (status->id);
  head->queued = own->time;
  head->mail_from = g_strdup ("");
  pn_send_head_add (head, record->sender, "NEVER", NULL);
  g_autoptr (GPtrArray) records = g_ptr_array_new ();
  g_ptr_array_add (records, own);
  if (!pn_agent_stage (self, status, head, own, error) || !pn_agent_publish (self, records, error))
    return FALSE;
  pn_counter_add (PN_COUNTER_STATUSES_OUT, 1);
  return TRUE;
}

static gboolean
wants_result (const PnCorrelation *record, const PnResult *result)
{
  if (record->failures_only)
    return result->action == PN_RESULT_UNDELIVERABLE;
  /* The next host reports for itself when it took over the duty to. */
  return record->user || result->action != PN_RESULT_TRANSFERRED || !result->dsn;
}

static gboolean
tell_sender (Batch *batch, const PnCorrelation *record, GPtrArray *results, GError **error)
{
  g_autoptr (GPtrArray) reports = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_status_report_free);
  for (guint i = 0; i < results->len; i++) {
    const PnResult *result = g_ptr_array_index (results, i);
    if (wants_result (record, result))
      g_ptr_array_add (reports, pn_agent_report_new (result));
  }
  if (reports->len == 0)
    return TRUE;
  g_autoptr (PnMessage) status = pn_agent_status_new (record, reports);
  return record->user ? tell_user (batch, record, status, error)
                      : tell_outside (batch->agent, record, status, error);
}

static gboolean
take_message (Batch *batch, GPtrArray *results, GError **error)
{
  PnAgent *self = batch->agent;
  const PnResult *first = g_ptr_array_index (results, 0);
  GError *local = NULL;
  g_autoptr (PnCorrelation) record
      = first->id ? pn_correlation_db_find (self->correlation, first->id, FALSE, &local) : NULL;
  if (local) {
    g_propagate_error (error, local);
    return FALSE;
  }
  if (!record) {
    pn_log_warning ("result_unknown", "id=%s file=%s to=%s", first->id ? first->id : "-",
                    first->file ? first->file : "-", first->recipient);
    record = record_of_stranger (first);
  }
  if (record->silent) {
    pn_log_debug ("result_silent", "id=%s file=%s", record->id, first->file ? first->file : "-");
    return TRUE;
  }
  return tell_sender (batch, record, results, error);
}

/* --- one result file -------------------------------------------------------------------------- */

/* A daemon killed between an outcome and the removal of its send file reads the outcome again at its start:
 * until the send file is gone the result has to stay. */
static gboolean
is_settled (PnAgent *self, const GPtrArray *results)
{
  const char *last = NULL;
  for (guint i = 0; i < results->len; i++) {
    const PnResult *result = g_ptr_array_index (results, i);
    if (!result->file || g_strcmp0 (result->file, last) == 0 || strchr (result->file, '/'))
      continue;
    last = result->file;
    g_autofree char *path = g_build_filename (self->send, result->file, NULL);
    if (access (path, F_OK) == 0)
      return FALSE;
  }
  return TRUE;
}

static GPtrArray *
group_by_message (GPtrArray *results)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; i < results->len; i++) {
    PnResult *result = g_ptr_array_index (results, i);
    GPtrArray *group = NULL;
    for (guint j = 0; j < groups->len && !group; j++) {
      GPtrArray *candidate = g_ptr_array_index (groups, j);
      const PnResult *first = g_ptr_array_index (candidate, 0);
      if (g_strcmp0 (first->id, result->id) == 0
          && (result->id || g_strcmp0 (first->file, result->file) == 0))
        group = candidate;
    }
    if (!group) {
      group = g_ptr_array_new ();
      g_ptr_array_add (groups, group);
    }
    g_ptr_array_add (group, result);
  }
  return groups;
}

typedef enum { TAKEN, NOT_YET, FAILED } Taken;

static Taken
take_file (Batch *batch, const char *path)
{
  g_autoptr (GError) error = NULL;
  guint bad = 0;
  g_autoptr (GPtrArray) results = pn_result_read (path, &bad, &error);
  if (!results) {
    pn_agent_log_error ("cannot_read_result", error);
    return FAILED;
  }
  if (!is_settled (batch->agent, results))
    return NOT_YET;
  if (bad > 0)
    pn_log_warning ("bad_result", "file=%s lines=%u", path, bad);
  g_autoptr (GPtrArray) groups = group_by_message (results);
  for (guint i = 0; i < groups->len; i++)
    if (!take_message (batch, g_ptr_array_index (groups, i), &error)) {
      pn_agent_log_error ("cannot_report", error);
      return FAILED;
    }
  g_ptr_array_add (batch->paths, g_strdup (path));
  return TAKEN;
}

static Taken
end_batch (Batch *batch)
{
  g_autoptr (GError) error = NULL;
  if (batch_put (batch, &error))
    return TAKEN;
  pn_agent_log_error ("cannot_report", error);
  return FAILED;
}

static void
note (Taken *worst, Taken taken)
{
  if (taken > *worst)
    *worst = taken;
}

/* Everything in result/; whether some have to be looked at again soon. */
static Taken
take_all (Batch *batch)
{
  PnAgent *self = batch->agent;
  Taken worst = TAKEN;
  DIR *dir = opendir (self->result);
  if (!dir)
    return FAILED;
  for (struct dirent *entry; !self->program->stop && (entry = readdir (dir));) {
    if (*entry->d_name == '.' || !g_str_has_suffix (entry->d_name, ".RES"))
      continue;
    g_autofree char *path = g_build_filename (self->result, entry->d_name, NULL);
    note (&worst, take_file (batch, path));
    if (batch->fds->len >= BATCH_MAX)
      note (&worst, end_batch (batch));
  }
  closedir (dir);
  note (&worst, end_batch (batch));
  pn_trace_flush ();
  return worst;
}

static void
drain (int fd)
{
  char buffer[4096];
  while (read (fd, buffer, sizeof buffer) > 0)
    ;
}

gpointer
pn_agent_result_main (gpointer user)
{
  PnAgent *self = user;
  Batch batch = { .agent = self,
                  .fds = g_array_new (FALSE, FALSE, sizeof (int)),
                  .priorities = g_array_new (FALSE, FALSE, sizeof (guint)),
                  .ids = g_ptr_array_new_with_free_func (g_free),
                  .paths = g_ptr_array_new_with_free_func (g_free) };
  int watch = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (watch >= 0)
    inotify_add_watch (watch, self->result, IN_CREATE | IN_MOVED_TO);
  while (!self->program->stop) {
    drain (watch);
    Taken taken = take_all (&batch);
    if (taken == FAILED)
      pn_agent_pause (self, PN_AGENT_AGAIN_S);
    struct pollfd fds[2] = { { watch, POLLIN, 0 }, { self->program->stop_fd, POLLIN, 0 } };
    poll (fds, 2, taken == NOT_YET ? UNSETTLED_MS : SCAN_MS);
  }
  if (watch >= 0)
    close (watch);
  batch_clear (&batch);
  g_array_unref (batch.fds);
  g_array_unref (batch.priorities);
  g_ptr_array_unref (batch.ids);
  g_ptr_array_unref (batch.paths);
  return NULL;
}
