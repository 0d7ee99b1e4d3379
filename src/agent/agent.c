/* The Internet Agent's gateway half: receive/ -> WPCSIN, WPCSOUT -> send/, result/ -> statuses. */
#include "agent/compose.h"

#include "core/domain.h"
#include "core/log.h"
#include "core/trace.h"

#include <poll.h>
#include <time.h>

#define DAY_S 86400
#define TICK_MS 1000
#define PURGE_S 3600
#define SCAN_HOLD_S 60
#define SWEEP_PARTIALS_S 60

void
pn_agent_pause (PnAgent *self, guint seconds)
{
  struct pollfd fd = { self->program->stop_fd, POLLIN, 0 };
  poll (&fd, 1, (int) seconds * 1000);
}

void
pn_agent_log_error (const char *event, const GError *error)
{
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_error (event, "reason=%s", reason);
}

/* --- opening ---------------------------------------------------------------------------------- */

static gboolean
open_folders (PnAgent *self, GError **error)
{
  const struct {
    const char *name;
    char **path;
  } folders[] = { { "send", &self->send },
                  { "defer", &self->defer },
                  { "result", &self->result },
                  { "gwhold", &self->hold },
                  { "gwprob", &self->problem } };
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
    *folders[i].path = pn_config_gateway_path (self->program->config, folders[i].name);
    if (!pn_file_make_dirs (*folders[i].path, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
open_queues (PnAgent *self, GError **error)
{
  const PnConfig *config = self->program->config;
  g_autofree char *in = pn_config_gateway_path (config, "WPCSIN");
  g_autofree char *out = pn_config_gateway_path (config, "WPCSOUT/GWI0001");
  self->in = pn_queue_open (in, error);
  self->out = self->in ? pn_queue_open (out, error) : NULL;
  return self->out != NULL;
}

static gboolean
open_reader (PnAgent *self, GError **error)
{
  PnProgram *program = self->program;
  g_autofree char *receive = pn_config_gateway_path (program->config, "receive");
  g_autoptr (GPtrArray) queues = pn_queue_list_all (program->config);
  g_ptr_array_add (queues, NULL);
  if (!pn_file_make_dirs (receive, error))
    return FALSE;
  self->reader = pn_journal_reader_open (receive, program->key, (const char *const *) queues->pdata,
                                         program->after_crash, error);
  /* Making a file for every message is the dearest step of its way: queue-pool.c. */
  g_autofree char *pool = pn_config_gateway_path (program->config, "work/POOL");
  return self->reader && pn_journal_reader_recycle (self->reader, self->in, pool, error);
}

static char **
read_domains (const PnConfig *config, const char *key)
{
  return pn_domains_parse (pn_config_string (config, "agent", key));
}

static void
read_settings (PnAgentSettings *self, const PnConfig *config)
{
  self->site_charset = pn_config_string (config, "agent", "site-charset");
  self->correlation_age = pn_config_integer (config, "agent", "correlation-age") * DAY_S;
  self->threads = (guint) pn_config_integer (config, "agent", "threads");
  if (self->threads == 0)
    self->threads = g_get_num_processors ();
  self->delivery_notification = pn_config_boolean (config, "agent", "delivery-notification");
  self->tie_return_path = pn_config_boolean (config, "agent", "tie-return-path");
  self->html_twin = pn_config_boolean (config, "agent", "html-twin");
  self->flat_forwarding = pn_config_boolean (config, "agent", "flat-forwarding");
  self->past_invitations = pn_config_integer (config, "agent", "past-invitations") * DAY_S;
  self->partial_age = pn_config_integer (config, "agent", "partial-age") * DAY_S;
  self->partial_limit = (guint64) pn_config_integer (config, "agent", "partial-limit");
  const char *recurrence = pn_config_string (config, "agent", "recurrence");
  self->simple_recurrence = g_ascii_strcasecmp (recurrence, "simple") == 0;
  self->recurrence_singles = (guint) pn_config_integer (config, "agent", "recurrence-singles");
  self->basic_domains = read_domains (config, "basic-domains");
  self->full_recurrence_domains = read_domains (config, "full-recurrence-domains");
  self->zone_years_domains = read_domains (config, "zone-years-domains");
}

static gboolean
open_agent (PnAgent *self, GError **error)
{
  const PnConfig *config = self->program->config;
  g_autofree char *database = pn_config_gateway_path (config, "gwcorr.db");
  read_settings (&self->settings, config);
  if (!pn_agent_load_peers (self, error) || !open_folders (self, error) || !open_queues (self, error))
    return FALSE;
  self->directory = pn_directory_open (config, FALSE, error);
  self->correlation = self->directory ? pn_correlation_db_open (database, self->program->key, error) : NULL;
  return self->correlation && open_reader (self, error);
}

static void
close_agent (PnAgent *self)
{
  if (self->reader)
    pn_journal_reader_close (self->reader);
  pn_correlation_db_close (self->correlation);
  pn_directory_close (self->directory);
  pn_queue_free (self->in);
  pn_queue_free (self->out);
  g_free (self->send);
  g_free (self->defer);
  g_free (self->result);
  g_free (self->hold);
  g_free (self->problem);
  if (self->peers)
    g_ptr_array_unref (self->peers);
  g_strfreev (self->settings.basic_domains);
  g_strfreev (self->settings.full_recurrence_domains);
  g_strfreev (self->settings.zone_years_domains);
  g_hash_table_unref (self->held);
  g_mutex_clear (&self->hold_lock);
  g_mutex_clear (&self->partial_lock);
}

/* --- housekeeping ----------------------------------------------------------------------------- */

/* What the senders of received messages wish is on disk before the journal lets go of these. */
static void
checkpoint (PnAgent *self, gboolean force)
{
  g_autoptr (GError) error = NULL;
  if (!pn_correlation_db_commit (self->correlation, &error)) {
    pn_agent_log_error ("correlation", error);
    return;
  }
  if (!pn_journal_reader_checkpoint (self->reader, force, &error))
    pn_agent_log_error ("checkpoint", error);
}

static void
purge (PnAgent *self)
{
  g_autoptr (GError) error = NULL;
  if (!pn_correlation_db_purge (self->correlation, (gint64) time (NULL) - self->settings.correlation_age,
                                &error))
    pn_agent_log_error ("correlation", error);
}

static void
keep_house (PnAgent *self)
{
  struct pollfd fd = { self->program->stop_fd, POLLIN, 0 };
  for (guint tick = 0; !self->program->stop; tick++) {
    if (tick % PURGE_S == 0)
      purge (self);
    if (tick % SCAN_HOLD_S == 0)
      pn_agent_scan_hold (self);
    if (tick % SWEEP_PARTIALS_S == 0)
      pn_agent_sweep_partials (self);
    pn_agent_release_due (self);
    checkpoint (self, FALSE);
    pn_trace_flush ();
    poll (&fd, 1, TICK_MS);
  }
}

static void
serve (PnAgent *self)
{
  pn_agent_recover_staged (self);
  g_autoptr (GPtrArray) threads = g_ptr_array_new ();
  for (guint i = 0; i < self->settings.threads; i++)
    g_ptr_array_add (threads, g_thread_new ("inbound", pn_agent_inbound_main, self));
  g_ptr_array_add (threads, g_thread_new ("outbound", pn_agent_outbound_main, self));
  g_ptr_array_add (threads, g_thread_new ("result", pn_agent_result_main, self));
  pn_program_ready (self->program);
  keep_house (self);
  for (guint i = 0; i < threads->len; i++)
    g_thread_join (g_ptr_array_index (threads, i));
  checkpoint (self, TRUE);
}

int
pn_agent_main (PnProgram *program)
{
  PnAgent self = { .program = program };
  g_autoptr (GError) error = NULL;
  g_mutex_init (&self.hold_lock);
  g_mutex_init (&self.partial_lock);
  self.held = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  gboolean ok = open_agent (&self, &error);
  if (ok)
    serve (&self);
  else
    pn_agent_log_error ("cannot_start", error);
  close_agent (&self);
  return ok ? 0 : 3;
}
