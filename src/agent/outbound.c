#include "agent/agent-private.h"

#include "convert/native.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/trace.h"
#include "core/ids.h"

#include <gio/gio.h>
#include <string.h>
#include <time.h>

#define BATCH 64
#define WAIT_MS 1000
#define LOCAL_PART_MAX 64

/* What is to become of a queue file. */
typedef enum { DONE, PUBLISH, LATER, PROBLEM } Verdict;

typedef struct {
  PnAgent *agent;
  PnQueueItem *item; /* owned by the batch */
  PnMessage *message;
  PnCorrelation *record;
  Verdict verdict;
  char *reason;
} Job;

static void
job_free (Job *self)
{
  pn_message_free (self->message);
  pn_correlation_free (self->record);
  g_free (self->reason);
  g_free (self);
}

static void
set_verdict (Job *self, Verdict verdict, const char *reason)
{
  self->verdict = verdict;
  g_free (self->reason);
  self->reason = g_strdup (reason);
}

/* A disk that is full or a database that is busy passes; a message that cannot be read or written does not.
 */
static void
set_failed (Job *self, const GError *error)
{
  gboolean damaged = error->domain == PN_SEAL_ERROR
                     || (error->domain == PN_CONVERT_ERROR && error->code != PN_CONVERT_ERROR_IO);
  set_verdict (self, damaged ? PROBLEM : LATER, error->message);
}

/* --- who is who ------------------------------------------------------------------------------- */

static void
complete (PnAgent *self, PnAddress *address)
{
  if (address)
    pn_directory_complete (self->directory, address);
}

static void
complete_addresses (PnAgent *self, PnMessage *message)
{
  complete (self, message->from);
  complete (self, message->sender);
  for (guint i = 0; i < message->reply_to->len; i++)
    complete (self, g_ptr_array_index (message->reply_to, i));
  for (guint i = 0; i < message->recipients->len; i++)
    complete (self, ((PnRecipient *) g_ptr_array_index (message->recipients, i))->address);
  if (!message->calendar)
    return;
  complete (self, message->calendar->organizer);
  for (guint i = 0; i < message->calendar->attendees->len; i++)
    complete (self, ((PnAttendee *) g_ptr_array_index (message->calendar->attendees, i))->address);
}

/* The return path.  Nobody answers a report, or what was sent without a person's doing (RFC 3834 3.3). */
static const char *
mail_from (const PnMessage *message)
{
  if (pn_agent_is_report (message))
    return "";
  if (message->envelope_from)
    return message->envelope_from;
  if (message->auto_generated && message->type != PN_TYPE_STATUS)
    return "";
  return message->from && message->from->internet ? message->from->internet : "";
}

/* Who is told what becomes of it: a user of ours, or the return path that it came with. */
static void
set_sender (PnAgent *self, const PnMessage *message, PnCorrelation *record)
{
  g_autoptr (PnAddress) address = message->envelope_from && *message->envelope_from
                                      ? pn_address_new_internet (message->envelope_from, NULL)
                                  : message->from && !message->envelope_from ? pn_address_copy (message->from)
                                                                             : NULL;
  record->sender = g_strdup (mail_from (message));
  record->silent = pn_agent_is_report (message) || !address || !*record->sender;
  complete (self, address);
  if (!address || pn_agent_is_report (message) || !address->user)
    return;
  record->domain = g_strdup (address->domain);
  record->post_office = g_strdup (address->post_office);
  record->user = g_strdup (address->user);
  record->silent = FALSE;
  record->failures_only = message->type == PN_TYPE_STATUS
                          || (message->calendar && !message->envelope_from
                              && !message->status_request); /* an answer to an invitation */
}

static gboolean
is_ours (PnAgent *self, const PnAddress *address)
{
  return !address->internet || pn_directory_is_local (self->directory, address->internet);
}

/* --- the envelope ----------------------------------------------------------------------------- */

static void
add_recipient (PnAgent *self, const PnMessage *message, const PnRecipient *recipient,
               const PnCorrelation *record, PnSendHead *head)
{
  const char *address = recipient->address->internet;
  gboolean own = record->user != NULL;
  gboolean wants = (message->status_request & (PN_STATUS_REQUEST_DELIVERED | PN_STATUS_REQUEST_FULL)) != 0;
  g_autofree char *notify
      = recipient->dsn_notify && *recipient->dsn_notify ? g_strdup (recipient->dsn_notify) : NULL;
  g_autofree char *orcpt
      = recipient->dsn_orcpt && *recipient->dsn_orcpt ? g_strdup (recipient->dsn_orcpt) : NULL;
  if (pn_agent_is_report (message)) {
    g_free (notify);
    notify = g_strdup ("NEVER");
  } else if (!notify && own && wants && self->settings.delivery_notification)
    notify = g_strdup ("SUCCESS,FAILURE,DELAY");
  if (!orcpt && notify && g_str_is_ascii (address)) {
    g_autofree char *xtext = pn_xtext_encode (address);
    orcpt = g_strconcat ("rfc822;", xtext, NULL);
  }
  pn_send_head_add (head, address, notify, orcpt);
}

/* The return path, with the record's token behind a plus if the site wants it: then a notice that names no id
 * still finds the message. */
static char *
return_path (PnAgent *self, const PnMessage *message, const PnCorrelation *record)
{
  const char *path = mail_from (message);
  const char *at = strrchr (path, '@');
  if (!at || !record->token || !self->settings.tie_return_path
      || at - path + 1 + (gssize) strlen (record->token) > LOCAL_PART_MAX)
    return g_strdup (path);
  return g_strdup_printf ("%.*s+%s%s", (int) (at - path), path, record->token, at);
}

static PnSendHead *
make_head (PnAgent *self, const PnMessage *message, PnCorrelation *record)
{
  PnSendHead *head = pn_send_head_new ();
  head->id = g_strdup (message->id);
  head->queued = (gint64) time (NULL);
  head->mail_from = return_path (self, message, record);
  /* A report about our user's message is to name the id by which we know it; what others sent keeps theirs.
   */
  if (record->user) {
    head->envid = pn_xtext_encode (message->id);
    head->ret = g_strdup (message->envelope_ret ? message->envelope_ret : "HDRS");
  } else if (!pn_agent_is_report (message)) {
    head->envid = g_strdup (message->envelope_id);
    head->ret = g_strdup (message->envelope_ret);
  }
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (!recipient->deliver || is_ours (self, recipient->address))
      continue;
    add_recipient (self, message, recipient, record, head);
    const PnSendRecipient *added = g_ptr_array_index (head->recipients, head->recipients->len - 1);
    pn_correlation_add_recipient (record, added->address, added->notify, added->orcpt);
  }
  return head;
}

static PnCorrelation *
make_record (PnAgent *self, PnMessage *message)
{
  PnCorrelation *record = pn_correlation_new (message->id);
  record->time = (gint64) time (NULL);
  record->priority = pn_message_priority_directory (message) | 1;
  record->message_id = g_strdup (message->message_id);
  record->subject = g_strdup (message->subject);
  record->envid = g_strdup (message->envelope_id);
  record->ret = g_strdup (message->envelope_ret);
  set_sender (self, message, record);
  if (record->user)
    record->token = pn_correlation_make_token ();
  if (message->calendar && message->type != PN_TYPE_STATUS)
    record->uid = g_strdup (message->calendar->uid);
  return record;
}

/* Exchange's receipts give this back where they leave out the Message-ID. */
static void
add_correlation_key (PnMessage *message, const PnCorrelation *record)
{
  guint wants = PN_STATUS_REQUEST_OPENED | PN_STATUS_REQUEST_FULL;
  if (!record->token || !(message->status_request & wants)
      || pn_message_get_header (message, PN_CORRELATION_KEY))
    return;
  PnHeader *header = g_new0 (PnHeader, 1);
  header->name = g_strdup (PN_CORRELATION_KEY);
  header->value = g_strdup (record->token);
  g_ptr_array_add (message->headers, header);
}

/* --- reports for senders outside -------------------------------------------------------------- */

/* Whether the status goes over the Internet at all; if so it is made ready. */
static gboolean
prepare_report (Job *self)
{
  PnMessage *message = self->message;
  g_autoptr (GError) error = NULL;
  if (pn_agent_is_disposition (message)) {
    pn_agent_dress_disposition (message);
    return TRUE;
  }
  g_autoptr (PnCorrelation) original
      = message->orig_id ? pn_correlation_db_find (self->agent->correlation, message->orig_id, TRUE, &error)
                         : NULL;
  if (error)
    pn_agent_log_error ("correlation", error);
  if (!pn_agent_wants_bounce (self->agent, message, original))
    return FALSE;
  pn_agent_dress_bounce (self->agent, message, original);
  return TRUE;
}

/* --- one queue file --------------------------------------------------------------------------- */

static gboolean
read_message (Job *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source
      = pn_queue_open_file (self->item->path, self->agent->program->key, FALSE, NULL, &error);
  self->message = source ? pn_native_read (source, &error) : NULL;
  if (self->message)
    return TRUE;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    set_verdict (self, DONE, NULL);
  else
    set_failed (self, error);
  return FALSE;
}

/* What an earlier run sent already is not sent again. */
static gboolean
was_sent (Job *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnCorrelation) record
      = pn_correlation_db_find (self->agent->correlation, self->message->id, FALSE, &error);
  if (error) {
    set_verdict (self, LATER, error->message);
    return TRUE;
  }
  if (!record)
    return FALSE;
  pn_agent_publish_again (self->agent, record);
  set_verdict (self, DONE, NULL);
  return TRUE;
}

static gboolean
is_held (Job *self)
{
  const PnMessage *message = self->message;
  g_autoptr (GError) error = NULL;
  if (!message->distribute_date.set || message->distribute_date.unix_time <= (gint64) time (NULL))
    return FALSE;
  if (!pn_agent_hold (self->agent, self->item, message->distribute_date.unix_time, &error)) {
    set_verdict (self, LATER, error->message);
    return TRUE;
  }
  pn_trace (message->id, "held", "gwhold", "agent", NULL);
  set_verdict (self, DONE, NULL);
  return TRUE;
}

static void
drop (Job *self, const char *why)
{
  pn_trace (self->message->id, "dropped", "GWIA", NULL, why);
  pn_log_info ("dropped", "id=%s reason=\"%s\"", self->message->id, why);
  set_verdict (self, DONE, NULL);
}

/* Whether MESSAGE invites to something, or takes it back, that ended longer ago than is still told of. */
static gboolean
is_over (PnAgent *self, const PnMessage *message)
{
  const PnCalendar *calendar = message->calendar;
  gint64 age = self->settings.past_invitations;
  if (age == 0 || !calendar || calendar->rrule || calendar->rdates->len > 0
      || (calendar->method != PN_METHOD_REQUEST && calendar->method != PN_METHOD_CANCEL))
    return FALSE;
  const PnCalendarTime *last = calendar->end.set ? &calendar->end : &calendar->start;
  return last->set && last->unix_time < (gint64) time (NULL) - age;
}

static void
stage (Job *self)
{
  PnAgent *agent = self->agent;
  PnMessage *message = self->message;
  g_autoptr (GError) error = NULL;
  complete_addresses (agent, message);
  if (pn_agent_is_report (message) && !prepare_report (self)) {
    drop (self, "a status that its receiver did not ask for");
    return;
  }
  if (is_over (agent, message)) {
    drop (self, "what it invites to is over ([agent] past-invitations)");
    return;
  }
  if (!message->message_id && !pn_message_get_part (message, PN_PART_SKELETON))
    message->message_id = g_strdup_printf ("%s@%s", message->id, agent->program->config->host);
  self->record = make_record (agent, message);
  add_correlation_key (message, self->record);
  g_autoptr (PnSendHead) head = make_head (agent, message, self->record);
  if (head->recipients->len == 0)
    drop (self, "no recipient outside");
  else if (!pn_agent_stage_series (agent, message, head, self->record, &error))
    set_failed (self, error);
  else
    set_verdict (self, PUBLISH, NULL);
}

static void
work (gpointer data, gpointer user)
{
  Job *self = data;
  (void) user;
  pn_queue_item_busy (self->item, TRUE);
  if (read_message (self) && !is_held (self) && !was_sent (self))
    stage (self);
  pn_queue_item_busy (self->item, FALSE);
}

/* --- a batch ---------------------------------------------------------------------------------- */

static void
end_item (Job *self)
{
  g_autoptr (GError) error = NULL;
  if (self->verdict == LATER) {
    g_autofree char *quoted = pn_log_quote (self->reason ? self->reason : "");
    pn_log_warning ("later", "file=%s reason=%s", self->item->name, quoted);
    pn_queue_item_later (self->item, PN_AGENT_AGAIN_S);
  } else if (self->verdict == PROBLEM) {
    pn_counter_add (PN_COUNTER_PROBLEMS, 1);
    g_free (pn_queue_item_problem (self->item, "GWI", self->reason));
  } else if (!pn_queue_item_done (self->item, &error))
    pn_agent_log_error ("cannot_remove", error);
}

static void
end_batch (PnAgent *self, GPtrArray *jobs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) records = g_ptr_array_new ();
  for (guint i = 0; i < jobs->len; i++) {
    Job *job = g_ptr_array_index (jobs, i);
    if (job->verdict == PUBLISH)
      g_ptr_array_add (records, job->record);
  }
  gboolean published = pn_agent_publish (self, records, &error);
  for (guint i = 0; i < jobs->len; i++) {
    Job *job = g_ptr_array_index (jobs, i);
    if (job->verdict == PUBLISH) {
      set_verdict (job, published ? DONE : LATER, published ? NULL : error->message);
      if (published)
        pn_counter_add (pn_agent_is_report (job->message) ? PN_COUNTER_STATUSES_OUT : PN_COUNTER_MESSAGES_OUT,
                        1);
    }
    end_item (job);
  }
  pn_trace_flush ();
}

typedef struct {
  GMutex lock;
  GCond empty;
  guint left;
} Barrier;

static void
work_and_count (gpointer data, gpointer user)
{
  Barrier *barrier = user;
  work (data, NULL);
  g_mutex_lock (&barrier->lock);
  if (--barrier->left == 0)
    g_cond_signal (&barrier->empty);
  g_mutex_unlock (&barrier->lock);
}

static void
run_batch (PnAgent *self, GPtrArray *items, GThreadPool *pool, Barrier *barrier)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) job_free);
  barrier->left = items->len;
  for (guint i = 0; i < items->len; i++) {
    Job *job = g_new0 (Job, 1);
    job->agent = self;
    job->item = g_ptr_array_index (items, i);
    g_ptr_array_add (jobs, job);
    if (items->len == 1)
      work (job, NULL);
    else
      g_thread_pool_push (pool, job, NULL);
  }
  g_mutex_lock (&barrier->lock);
  while (items->len > 1 && barrier->left > 0)
    g_cond_wait (&barrier->empty, &barrier->lock);
  g_mutex_unlock (&barrier->lock);
  end_batch (self, jobs);
}

gpointer
pn_agent_outbound_main (gpointer user)
{
  PnAgent *self = user;
  g_autoptr (GError) error = NULL;
  PnProgram *program = self->program;
  guint interval = (guint) pn_config_integer (program->config, "queue", "scan-interval");
  PnQueueScanner *scanner = pn_queue_scanner_new (&self->out, 1, interval, program->after_crash, &error);
  if (!scanner) {
    pn_agent_log_error ("cannot_scan", error);
    return NULL;
  }
  Barrier barrier = { .left = 0 };
  g_mutex_init (&barrier.lock);
  g_cond_init (&barrier.empty);
  GThreadPool *pool
      = g_thread_pool_new (work_and_count, &barrier, (gint) self->settings.threads, FALSE, NULL);
  while (!program->stop) {
    g_autoptr (GPtrArray) items = pn_queue_scanner_take (scanner, BATCH, WAIT_MS, program->stop_fd);
    if (items->len > 0)
      run_batch (self, items, pool, &barrier);
  }
  g_thread_pool_free (pool, FALSE, TRUE);
  g_mutex_clear (&barrier.lock);
  g_cond_clear (&barrier.empty);
  pn_queue_scanner_free (scanner);
  return NULL;
}
