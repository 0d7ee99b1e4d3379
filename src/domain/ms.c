/* The message server: reads the head of every file in every WPCSIN and links it into the queues of the post
 * offices and gateways its recipients are at.  A batch is linked, settled once, and only then removed from
 * where it came. */
#include "convert/native.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/program.h"
#include "core/trace.h"
#include "domain/route.h"
#include "queue/outgoing.h"
#include "queue/queue.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "MS"
#define BATCH_MAX 256
#define WAIT_MS 60000
/* What failed for want of space or of a directory is tried again after this. */
#define RETRY_S 10

typedef struct {
  PnProgram *program;
  PnDirectory *directory;
  GPtrArray *sources; /* PnQueue: every WPCSIN; the domain's own is the first */
  GPtrArray *targets; /* PnQueue: WPCSOUT/OFS of each post office, then the gateway's WPCSOUT/GWI0001 */
  PnQueueScanner *scanner;
} Ms;

typedef struct {
  PnQueue *queue;
  const char *next;
  char name[13];
} Link;

typedef struct {
  PnQueueItem *item; /* borrowed from the batch */
  char *id;
  GArray *links; /* Link: where it has been put */
  int status_fd; /* staged in the domain's WPCSIN, -1 if none */
  guint status_priority;
  gboolean is_status;
  guint64 size;
} Job;

static void
job_free (Job *self)
{
  if (self->status_fd >= 0)
    close (self->status_fd);
  g_array_unref (self->links);
  g_free (self->id);
  g_free (self);
}

static Job *
job_new (PnQueueItem *item)
{
  Job *self = g_new0 (Job, 1);
  self->item = item;
  self->status_fd = -1;
  self->links = g_array_new (FALSE, FALSE, sizeof (Link));
  return self;
}

static void
problem (PnQueueItem *item, const char *id, const char *reason)
{
  g_autofree char *to = pn_queue_item_problem (item, PROGRAM, reason);
  pn_counter_add (PN_COUNTER_PROBLEMS, 1);
  if (to && id)
    pn_trace (id, "problem", to, NULL, reason);
}

static void
put_off (PnQueueItem *item, const GError *error)
{
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_warning ("put_off", "path=%s seconds=%d reason=%s", item->path, RETRY_S, reason);
  pn_counter_add (PN_COUNTER_ERRORS_IN, 1);
  pn_queue_item_later (item, RETRY_S);
}

/* --- one message ------------------------------------------------------------------------------ */

/* Whether the error lies in the file itself and will be there next time. */
static gboolean
is_damage (const GError *error)
{
  return error->domain == PN_SEAL_ERROR
         || (error->domain == PN_CONVERT_ERROR && error->code != PN_CONVERT_ERROR_IO);
}

static void
end_unread (PnQueueItem *item, const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    pn_queue_item_done (item, NULL);
  else if (is_damage (error))
    problem (item, NULL, error->message);
  else
    put_off (item, error);
}

static PnMessage *
read_head (Ms *self, PnQueueItem *item, guint64 *size_out, GError **error)
{
  pn_queue_item_busy (item, TRUE);
  g_autoptr (PnSource) source = pn_queue_open_file (item->path, self->program->key, TRUE, NULL, error);
  PnMessage *message = source ? pn_native_read_head (source, error) : NULL;
  pn_queue_item_busy (item, FALSE);
  if (source)
    *size_out = source->size;
  return message;
}

/* The same message with its recipients' native addresses written out, through the same door again. */
static gboolean
readdress (Ms *self, PnQueueItem *item, GError **error)
{
  g_autoptr (PnSource) source = pn_queue_open_file (item->path, self->program->key, FALSE, NULL, error);
  g_autoptr (PnMessage) message = source ? pn_native_read (source, error) : NULL;
  if (!message)
    return FALSE;
  pn_route_free (pn_route_find (self->program->config, self->directory, message));
  return pn_outgoing_put (item->queue, self->program->key, message, item->priority, error);
}

static void
unlink_links (Job *job)
{
  for (guint i = 0; i < job->links->len; i++) {
    const Link *link = &g_array_index (job->links, Link, i);
    g_autofree char *path
        = g_strdup_printf ("%s/%u/%s", pn_queue_path (link->queue), job->item->priority, link->name);
    unlink (path);
  }
  g_array_set_size (job->links, 0);
}

static gboolean
link_target (Ms *self, Job *job, guint target, GError **error)
{
  gboolean gateway = target + 1 == self->targets->len;
  Link link = { .queue = g_ptr_array_index (self->targets, target), .next = gateway ? "agent" : "ofs" };
  if (!pn_queue_link (link.queue, job->item->path, job->item->priority, link.name, error))
    return FALSE;
  g_array_append_val (job->links, link);
  return TRUE;
}

static gboolean
link_targets (Ms *self, Job *job, const PnRoute *route, GError **error)
{
  guint gateway = self->targets->len - 1;
  for (guint i = 0; i < gateway; i++)
    if (route->offices[i] && !link_target (self, job, i, error))
      return FALSE;
  return !route->gateway || link_target (self, job, gateway, error);
}

static gboolean
stage_status (Ms *self, Job *job, PnRoute *route, const PnMessage *message, GError **error)
{
  g_autoptr (PnMessage) status = pn_route_undeliverable (route, self->directory, message);
  if (!status) {
    if (route->n_unknown > 0)
      pn_trace (message->id, "undeliverable", pn_queue_path (job->item->queue), NULL,
                "unknown recipients; nobody is told");
    return TRUE;
  }
  g_autoptr (PnSource) source
      = pn_queue_open_file (job->item->path, self->program->key, FALSE, NULL, error);
  if (!source)
    return FALSE;
  pn_outgoing_return_original (status, source, self->program->config->host);
  job->status_fd
      = pn_outgoing_stage (g_ptr_array_index (self->sources, 0), self->program->key, status, error);
  job->status_priority
      = status->type == PN_TYPE_SEARCH ? 0 : pn_message_priority_directory (message) | 1;
  if (job->status_fd < 0)
    return FALSE;
  for (guint i = 0; i < status->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (status->reports, i);
    g_autofree char *whom = pn_address_to_string (report->recipient);
    g_autofree char *detail = g_strconcat (whom, ": ", report->diagnostic, NULL);
    pn_trace (message->id, "undeliverable", pn_queue_path (job->item->queue), NULL, detail);
  }
  return TRUE;
}

/* What reaches nobody, and of which nobody is told, is for the operator. */
static const char *
find_fault (const PnRoute *route, const PnMessage *message, const Job *job)
{
  if (route->n_deliver == 0)
    return "The message names no recipient it has to reach.";
  if (job->links->len > 0 || job->status_fd >= 0 || route->n_unknown < route->n_deliver)
    return NULL;
  if (message->type == PN_TYPE_STATUS)
    return "A status for somebody who is not known here.";
  return "None of the recipients is known here, and the sender does not want to be told or cannot.";
}

/* Links the message where it has to go.  The job for the rest of the batch, or NULL if the item has ended. */
static Job *
route_item (Ms *self, PnQueueItem *item)
{
  g_autoptr (GError) error = NULL;
  guint64 size = 0;
  g_autoptr (PnMessage) message = read_head (self, item, &size, &error);
  if (!message) {
    end_unread (item, error);
    return NULL;
  }
  if (!message->id || !*message->id) {
    problem (item, NULL, "The message has no id.");
    return NULL;
  }
  g_autoptr (PnRoute) route = pn_route_find (self->program->config, self->directory, message);
  Job *job = job_new (item);
  job->id = g_strdup (message->id);
  job->size = size;
  job->is_status = message->type == PN_TYPE_STATUS;
  gboolean ok = route->readdress ? readdress (self, item, &error)
                                 : link_targets (self, job, route, &error)
                                       && stage_status (self, job, route, message, &error);
  const char *fault = ok && !route->readdress ? find_fault (route, message, job) : NULL;
  if (ok && !fault)
    return job;
  unlink_links (job);
  if (fault)
    problem (item, message->id, fault);
  else
    end_unread (item, error);
  job_free (job);
  return NULL;
}

/* --- a batch ---------------------------------------------------------------------------------- */

static gboolean
put_statuses (Ms *self, GPtrArray *jobs, GError **error)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GArray) priorities = g_array_new (FALSE, FALSE, sizeof (guint));
  for (guint i = 0; i < jobs->len; i++) {
    const Job *job = g_ptr_array_index (jobs, i);
    if (job->status_fd < 0)
      continue;
    g_array_append_val (fds, job->status_fd);
    g_array_append_val (priorities, job->status_priority);
  }
  if (fds->len == 0)
    return TRUE;
  pn_counter_add (PN_COUNTER_STATUSES_OUT, fds->len);
  return pn_queue_put_batch (g_ptr_array_index (self->sources, 0), (const int *) (void *) fds->data,
                             (const guint *) (void *) priorities->data, fds->len, FALSE, error);
}

static gboolean
settle (Ms *self, GPtrArray *jobs, GError **error)
{
  for (guint i = 0; i < self->targets->len; i++)
    if (!pn_queue_settle (g_ptr_array_index (self->targets, i), error))
      return FALSE;
  return put_statuses (self, jobs, error);
}

static void
end_job (Ms *self, Job *job)
{
  (void) self;
  g_autoptr (GError) error = NULL;
  for (guint i = 0; i < job->links->len; i++) {
    const Link *link = &g_array_index (job->links, Link, i);
    pn_trace (job->id, "routed", pn_queue_path (link->queue), link->next, NULL);
  }
  pn_counter_add (job->is_status ? PN_COUNTER_STATUSES_IN : PN_COUNTER_MESSAGES_IN, 1);
  pn_counter_add (PN_COUNTER_MESSAGES_OUT, job->links->len);
  pn_counter_add (PN_COUNTER_BYTES_IN, (gint64) job->size);
  if (!pn_queue_item_done (job->item, &error)) {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("not_removed", "path=%s reason=%s", job->item->path, reason);
  }
}

static void
route_batch (Ms *self, GPtrArray *items)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) job_free);
  for (guint i = 0; i < items->len; i++) {
    Job *job = route_item (self, g_ptr_array_index (items, i));
    if (job)
      g_ptr_array_add (jobs, job);
  }
  gboolean ok = settle (self, jobs, &error);
  for (guint i = 0; i < jobs->len; i++) {
    Job *job = g_ptr_array_index (jobs, i);
    if (ok)
      end_job (self, job);
    else
      put_off (job->item, error);
  }
  pn_trace_flush ();
}

/* --- life ------------------------------------------------------------------------------------- */

static gboolean
add_queue (GPtrArray *queues, char *path /* taken */, GError **error)
{
  g_autofree char *owned = path;
  PnQueue *queue = pn_queue_open (owned, error);
  if (!queue)
    return FALSE;
  g_ptr_array_add (queues, queue);
  return TRUE;
}

/* Gateways beside the Internet Agent send through the domain too. */
static gboolean
add_gateways (Ms *self, GError **error)
{
  g_autofree char *own = pn_config_gateway_path (self->program->config, "WPCSIN");
  g_autoptr (GPtrArray) all = pn_queue_list_all (self->program->config);
  g_autofree char *gates = pn_config_domain_path (self->program->config, "WPGATE");
  g_autofree char *prefix = g_strconcat (gates, "/", NULL);
  if (!add_queue (self->sources, g_strdup (own), error))
    return FALSE;
  for (guint i = 0; i < all->len; i++) {
    const char *path = g_ptr_array_index (all, i);
    if (g_str_has_prefix (path, prefix) && g_str_has_suffix (path, "/WPCSIN") && !g_str_equal (path, own)
        && !add_queue (self->sources, g_strdup (path), error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
open_queues (Ms *self, GError **error)
{
  const PnConfig *config = self->program->config;
  if (!add_queue (self->sources, pn_config_domain_path (config, "WPCSIN"), error))
    return FALSE;
  for (guint i = 0; i < config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = g_ptr_array_index (config->post_offices, i);
    if (!add_queue (self->sources, g_build_filename (office->path, "WPCSIN", NULL), error)
        || !add_queue (self->targets, g_build_filename (office->path, "WPCSOUT", "OFS", NULL), error))
      return FALSE;
  }
  return add_gateways (self, error)
         && add_queue (self->targets, pn_config_gateway_path (config, "WPCSOUT/GWI0001"), error);
}

static gboolean
ms_open (Ms *self, GError **error)
{
  self->sources = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_queue_free);
  self->targets = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_queue_free);
  self->directory = pn_directory_open (self->program->config, FALSE, error);
  if (!self->directory || !open_queues (self, error))
    return FALSE;
  guint interval = (guint) pn_config_integer (self->program->config, "queue", "scan-interval");
  self->scanner = pn_queue_scanner_new ((PnQueue *const *) self->sources->pdata, self->sources->len, interval,
                                        self->program->after_crash, error);
  return self->scanner != NULL;
}

static void
ms_clear (Ms *self)
{
  pn_queue_scanner_free (self->scanner);
  g_clear_pointer (&self->directory, pn_directory_close);
  g_ptr_array_unref (self->sources);
  g_ptr_array_unref (self->targets);
}

int
pn_ms_main (PnProgram *program)
{
  Ms self = { .program = program };
  g_autoptr (GError) error = NULL;
  if (!ms_open (&self, &error)) {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_start", "reason=%s", reason);
    ms_clear (&self);
    return 3;
  }
  pn_program_ready (program);
  while (!program->stop) {
    g_autoptr (GPtrArray) items = pn_queue_scanner_take (self.scanner, BATCH_MAX, WAIT_MS, program->stop_fd);
    if (items->len > 0)
      route_batch (&self, items);
  }
  ms_clear (&self);
  return 0;
}
