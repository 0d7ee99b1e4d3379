#include "smtp/client-private.h"

#include "core/log.h"
#include "core/trace.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

/* An open connection waits this long for another file to the same place. */
#define IDLE_MS 2000
#define WAIT_MS 10000
#define PER_CONNECTION_MAX 1000

struct PnSmtpClient {
  PnProgram *program; /* borrowed */
  PnClientOptions options;
  PnRoutes *routes;
  PnDns *dns;
  PnSchedule *schedule;
  PnResultWriter *results;
  PnSettle settle;
  GThread *scanner;
  GPtrArray *threads; /* GThread */
};

/* What a thread keeps from one file to the next. */
typedef struct {
  PnSmtpClient *client;
  PnConnection *connection; /* or NULL */
  char *key;                /* of the next hop it leads to */
} Sender;

static void
drop_connection (Sender *self)
{
  pn_client_session_quit (g_steal_pointer (&self->connection));
  g_clear_pointer (&self->key, g_free);
}

static void
set_outstanding (const PnSendFile *file, PnOutcome *outcomes, const PnOutcome *with)
{
  for (guint i = 0; i < file->head->recipients->len; i++)
    if (outcomes[i].kind == PN_OUTCOME_NONE)
      pn_outcome_copy (&outcomes[i], with);
}

/* --- one file --------------------------------------------------------------------------------- */

typedef struct {
  Sender *sender;
  const PnSendJob *job;
  PnSendFile *file;
  PnSendTry *try;
  PnOutcome *outcomes;
} Attempt;

/* Recipients that one transaction could not take go into the next, as long as each takes some. */
static gboolean
wants_another (Attempt *self, guint *sent_before)
{
  guint sent = 0, left = 0;
  for (guint i = 0; i < self->file->head->recipients->len; i++) {
    const PnOutcome *o = &self->outcomes[i];
    sent += o->kind == PN_OUTCOME_SENT;
    left += o->kind == PN_OUTCOME_TEMPORARY && (o->code == 452 || o->code == 552)
            && !pn_send_try_is_done (self->try, i);
  }
  gboolean another = left > 0 && sent > *sent_before && !self->sender->connection->broken;
  *sent_before = sent;
  for (guint i = 0; another && i < self->file->head->recipients->len; i++)
    if (self->outcomes[i].kind == PN_OUTCOME_TEMPORARY
        && (self->outcomes[i].code == 452 || self->outcomes[i].code == 552))
      pn_outcome_clear (&self->outcomes[i]);
  return another;
}

static PnDelivery
deliver (Attempt *self, PnOutcome *failure, GError **error)
{
  guint sent = 0;
  PnDelivery result;
  do
    result = pn_client_deliver (self->sender->connection, self->file, self->outcomes, failure, error);
  while (result == PN_DELIVERY_ANSWERED && wants_another (self, &sent));
  if (result == PN_DELIVERY_LOST && sent > 0) {
    set_outstanding (self->file, self->outcomes, failure);
    return PN_DELIVERY_ANSWERED;
  }
  return result;
}

/* A failure that may pass is remembered before one that will not: another host may be better. */
static void
keep_milder (PnOutcome *kept, const PnOutcome *outcome)
{
  if (kept->kind == PN_OUTCOME_NONE || outcome->kind == PN_OUTCOME_TEMPORARY)
    pn_outcome_copy (kept, outcome);
}

/* Opens a session with the first host that takes one, and delivers. */
static PnDelivery
try_targets (Attempt *self, PnOutcome *failure, GError **error)
{
  PnSmtpClient *client = self->sender->client;
  g_autoptr (GPtrArray) targets
      = pn_route_targets (client->dns, self->job->hop, client->options.host, failure);
  gboolean reached = FALSE;
  for (guint i = 0; targets && i < targets->len && !client->program->stop; i++) {
    g_auto (PnOutcome) outcome = { 0 };
    self->sender->connection
        = pn_client_session_open (&client->options, g_ptr_array_index (targets, i), &outcome);
    if (self->sender->connection) {
      reached = TRUE;
      self->sender->key = g_strdup (self->job->hop->key);
      PnDelivery result = deliver (self, &outcome, error);
      if (result != PN_DELIVERY_LOST)
        return result;
      drop_connection (self->sender);
    }
    keep_milder (failure, &outcome);
  }
  if (!reached && failure->kind == PN_OUTCOME_TEMPORARY && !client->program->stop)
    pn_schedule_set_dead (client->schedule, self->job->hop->key, failure);
  return PN_DELIVERY_LOST;
}

static PnDelivery
attempt (Attempt *self, GError **error)
{
  Sender *sender = self->sender;
  g_auto (PnOutcome) failure = { 0 };
  PnDelivery result = PN_DELIVERY_LOST;
  if (sender->connection
      && (!g_str_equal (sender->key, self->job->hop->key)
          || sender->connection->messages >= PER_CONNECTION_MAX))
    drop_connection (sender);
  if (sender->connection) { /* the peer may have closed it meanwhile: that is no failure */
    result = deliver (self, &failure, error);
    if (result == PN_DELIVERY_LOST)
      drop_connection (sender);
  }
  if (result == PN_DELIVERY_LOST) {
    pn_outcome_clear (&failure);
    if (!pn_schedule_get_dead (sender->client->schedule, self->job->hop->key, &failure))
      result = try_targets (self, &failure, error);
  }
  if (result == PN_DELIVERY_LOST)
    set_outstanding (self->file, self->outcomes, &failure);
  if (sender->connection && sender->connection->broken)
    drop_connection (sender);
  return result;
}

static gboolean
given_up_by_stop (const Attempt *self)
{
  if (!self->sender->client->program->stop)
    return FALSE;
  for (guint i = 0; i < self->file->head->recipients->len; i++) {
    PnOutcomeKind kind = self->outcomes[i].kind;
    if (!pn_send_try_is_done (self->try, i) && (kind == PN_OUTCOME_SENT || kind == PN_OUTCOME_PERMANENT))
      return FALSE;
  }
  return TRUE;
}

/* The file goes to gwprob, and the sender hears that nobody got it. */
static void
keep_damaged (Attempt *self, const char *reason)
{
  g_auto (PnOutcome) outcome = { 0 };
  pn_schedule_problem (self->sender->client->schedule, self->job->name, reason, TRUE);
  pn_outcome_set (&outcome, PN_OUTCOME_PERMANENT, "5.3.0", NULL, "the stored message is damaged: %s", reason);
  set_outstanding (self->file, self->outcomes, &outcome);
}

/* NULL if there is nothing to be sent: it was taken away meanwhile, or is damaged and put aside. */
static PnSendFile *
open_file (PnSmtpClient *client, PnSendJob *job)
{
  g_autofree char *path = pn_schedule_path (client->schedule, "send", job->name);
  g_autoptr (GError) error = NULL;
  if (job->file)
    return access (path, F_OK) == 0 ? g_steal_pointer (&job->file) : NULL;
  PnSendFile *file = pn_send_file_open (path, client->program->key, FALSE, &error);
  if (!file && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
      && !g_error_matches (error, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE))
    pn_schedule_problem (client->schedule, job->name, error->message, FALSE);
  return file;
}

static gint64
send_file (Sender *sender, PnSendJob *job)
{
  PnSmtpClient *client = sender->client;
  g_autofree char *try_path = pn_settle_try_path (&client->settle, job->name);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSendFile) file = open_file (client, job);
  if (!file)
    return 0;
  g_autoptr (PnSendTry) try = pn_send_try_read (try_path);
  if (!try)
    try = pn_send_try_new ();
  guint n = file->head->recipients->len;
  g_autofree PnOutcome *outcomes = g_new0 (PnOutcome, n);
  for (guint i = 0; i < try->done->len; i++)
    if (g_array_index (try->done, guint, i) < n)
      outcomes[g_array_index (try->done, guint, i)].kind = PN_OUTCOME_EARLIER;

  Attempt self = { sender, job, file, try, outcomes };
  gint64 due = 0;
  if (attempt (&self, &error) == PN_DELIVERY_LOCAL)
    keep_damaged (&self, error->message);
  if (!given_up_by_stop (&self))
    due = pn_settle_file (&client->settle, job->name, file, try, outcomes);
  for (guint i = 0; i < n; i++)
    pn_outcome_clear (&outcomes[i]);
  return due;
}

/* --- threads ---------------------------------------------------------------------------------- */

static gpointer
sender_main (gpointer user)
{
  Sender self = { .client = user };
  PnSmtpClient *client = self.client;
  while (!client->program->stop) {
    PnSendJob *job = pn_schedule_take (client->schedule, self.key, 0);
    if (!job) {
      pn_trace_flush ();
      job = pn_schedule_take (client->schedule, self.key, self.connection ? IDLE_MS : WAIT_MS);
    }
    if (job) {
      gint64 due = send_file (&self, job);
      pn_schedule_done (client->schedule, job, due);
    } else
      drop_connection (&self);
  }
  drop_connection (&self);
  return NULL;
}

static gpointer
scanner_main (gpointer user)
{
  PnSmtpClient *client = user;
  pn_schedule_run (client->schedule);
  return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

static void
client_free (PnSmtpClient *self)
{
  g_ptr_array_unref (self->threads);
  pn_schedule_free (self->schedule);
  pn_result_writer_free (self->results);
  pn_routes_free (self->routes);
  pn_dns_free (self->dns);
  SSL_CTX_free (self->options.tls);
  g_free (self);
}

static void
read_options (PnSmtpClient *self)
{
  const PnConfig *config = self->program->config;
  self->options.host = config->host;
  self->options.auth_user = pn_config_string (config, "smtp", "relay-user");
  self->options.auth_password = pn_config_string (config, "smtp", "relay-password");
  self->options.connect_timeout = (guint) pn_config_integer (config, "smtp", "connect-timeout");
  self->options.command_timeout = (guint) pn_config_integer (config, "smtp", "command-timeout");
  self->options.tls_verify = pn_config_boolean (config, "smtp", "tls-verify");
  self->options.stop_fd = self->program->stop_fd;
}

static gboolean
open_parts (PnSmtpClient *self, GError **error)
{
  const PnConfig *config = self->program->config;
  self->routes = pn_routes_new (config, error);
  self->dns = self->routes ? pn_dns_new (pn_config_string (config, "dns", "server"), error) : NULL;
  self->options.tls = self->dns ? pn_client_tls_new (self->options.tls_verify, error) : NULL;
  self->schedule = self->options.tls ? pn_schedule_new (self->program, self->routes, error) : NULL;
  if (!self->schedule)
    return FALSE;
  g_autofree char *result_dir = pn_schedule_path (self->schedule, "result", NULL);
  self->results = pn_result_writer_new (result_dir);
  self->settle = (PnSettle){
    .program = self->program,
    .schedule = self->schedule,
    .results = self->results,
    .retry_limit = pn_config_integer (config, "smtp", "retry-limit"),
    .delay_notice = pn_config_integer (config, "smtp", "delay-notice"),
  };
  return pn_settle_leftovers (&self->settle, error);
}

PnSmtpClient *
pn_smtp_client_start (PnProgram *program, GError **error)
{
  PnSmtpClient *self = g_new0 (PnSmtpClient, 1);
  self->program = program;
  self->threads = g_ptr_array_new ();
  read_options (self);
  if (!open_parts (self, error)) {
    client_free (self);
    return NULL;
  }
  guint n = (guint) pn_config_integer (program->config, "smtp", "send-threads");
  self->scanner = g_thread_new ("send-scan", scanner_main, self);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (self->threads, g_thread_new ("send", sender_main, self));
  return self;
}

void
pn_smtp_client_stop (PnSmtpClient *self)
{
  if (!self)
    return;
  g_thread_join (self->scanner);
  for (guint i = 0; i < self->threads->len; i++)
    g_thread_join (g_ptr_array_index (self->threads, i));
  pn_trace_flush ();
  client_free (self);
}
