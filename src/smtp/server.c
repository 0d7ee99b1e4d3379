#include "smtp/server.h"

#include "core/file.h"
#include "core/log.h"
#include "core/trace.h"
#include "net/tls.h"
#include "smtp/server-private.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { VERIFIERS = 2, LAST_CALL_SECONDS = 10 };

typedef struct {
  PnSmtpServer *server; /* borrowed */
  PnListener *listener; /* owned */
  const char *setting;
  gboolean submission, implicit_tls;
} Port;

static void
port_free (Port *self)
{
  pn_listener_free (self->listener);
  g_free (self);
}

/* --- listening ------------------------------------------------------------------------------------------ */

static void
on_accept (gpointer user, int fd, const PnPeer *peer)
{
  Port *port = user;
  pn_smtp_connection_open (port->server, fd, peer, port->submission, port->implicit_tls);
}

static gboolean
open_ports (PnSmtpServer *self, const char *setting, gboolean submission, gboolean implicit_tls,
            GError **error)
{
  g_autoptr (GArray) endpoints
      = pn_endpoints_parse (pn_config_string (self->program->config, "smtp", setting), error);
  if (!endpoints) {
    g_prefix_error (error, "[smtp] %s: ", setting);
    return FALSE;
  }
  if (implicit_tls && endpoints->len && !self->tls) {
    g_set_error (error, PN_TLS_ERROR, PN_TLS_ERROR_CERTIFICATE,
                 "[smtp] %s: there is no certificate, see [tls]", setting);
    return FALSE;
  }
  for (guint i = 0; i < endpoints->len; i++) {
    Port *port = g_new0 (Port, 1);
    *port = (Port){ self, NULL, setting, submission, implicit_tls };
    port->listener
        = pn_listener_new (self->base, &g_array_index (endpoints, PnEndpoint, i), on_accept, port, error);
    if (!port->listener) {
      g_free (port);
      g_prefix_error (error, "[smtp] %s: ", setting);
      return FALSE;
    }
    g_ptr_array_add (self->ports, port);
    pn_log_info ("listening", "service=%s address=%s", setting, pn_listener_name (port->listener));
  }
  return TRUE;
}

/* Whoever set port 0 finds the ports here. */
static gboolean
write_ports (PnSmtpServer *self, GError **error)
{
  g_autofree char *path = pn_config_domain_path (self->program->config, "RUN/smtp.ports");
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < self->ports->len; i++) {
    const Port *port = self->ports->pdata[i];
    g_string_append_printf (text, "%s %s\n", port->setting, pn_listener_name (port->listener));
  }
  return g_file_set_contents (path, text->str, (gssize) text->len, error);
}

static gboolean
open_tls (PnSmtpServer *self, GError **error)
{
  g_autofree char *certificate = pn_tls_certificate_path (self->program->config);
  if (!g_file_test (certificate, G_FILE_TEST_EXISTS)) {
    g_autofree char *quoted = pn_log_quote (certificate);
    pn_log_warning ("no_certificate", "file=%s consequence=\"TLS is not offered\"", quoted);
    return TRUE;
  }
  self->tls = pn_tls_server_context (self->program->config, error);
  self->settings->tls = self->tls != NULL;
  return self->tls != NULL;
}

/* --- answers of other threads --------------------------------------------------------------------------- */

void
pn_smtp_server_done (PnSmtpConnection *connection)
{
  PnSmtpServer *self = connection->server;
  const guint64 one = 1;
  g_mutex_lock (&self->done_lock);
  gboolean first = !self->done_list;
  connection->next_done = self->done_list;
  self->done_list = connection;
  g_mutex_unlock (&self->done_lock);
  if (first && write (self->done_fd, &one, sizeof one) < 0)
    pn_log_error ("wake_failed", "reason=%s", g_strerror (errno));
}

static void
take_answers (PnSmtpServer *self)
{
  g_mutex_lock (&self->done_lock);
  PnSmtpConnection *list = g_steal_pointer (&self->done_list);
  g_mutex_unlock (&self->done_lock);
  PnSmtpConnection *in_order = NULL;
  while (list) {
    PnSmtpConnection *next = list->next_done;
    list->next_done = in_order;
    in_order = list;
    list = next;
  }
  while (in_order) {
    PnSmtpConnection *next = in_order->next_done;
    pn_smtp_connection_answer (in_order);
    in_order = next;
  }
}

static void
on_done (evutil_socket_t fd, short what, void *data)
{
  guint64 count;
  (void) what;
  if (read (fd, &count, sizeof count) == sizeof count)
    take_answers (data);
}

/* --- time and end --------------------------------------------------------------------------------------- */

static void
on_tick (evutil_socket_t fd, short what, void *data)
{
  PnSmtpServer *self = data;
  (void) fd, (void) what;
  pn_trace_flush ();
  gint64 now = g_get_monotonic_time ();
  while (self->first && self->first->heard + self->idle_timeout < now) {
    PnSmtpConnection *silent = self->first;
    if (pn_smtp_connection_is_busy (silent) || silent->session.wait == PN_SMTP_WAIT_DELAY)
      pn_smtp_connection_heard (silent);
    else if (silent->session.wait == PN_SMTP_WAIT_CLOSE)
      pn_smtp_connection_drop (silent);
    else
      pn_smtp_connection_end (silent, "4.4.2", "Time-out");
  }
}

static void
on_last_call (evutil_socket_t fd, short what, void *data)
{
  PnSmtpServer *self = data;
  (void) fd, (void) what;
  event_base_loopbreak (self->base);
}

static void
on_stop (evutil_socket_t fd, short what, void *data)
{
  PnSmtpServer *self = data;
  const struct timeval patience = { LAST_CALL_SECONDS, 0 };
  (void) fd, (void) what;
  self->stopping = TRUE;
  g_ptr_array_set_size (self->ports, 0);
  event_add (self->last_call, &patience);
  for (PnSmtpConnection *connection = self->first, *later; connection; connection = later) {
    later = connection->later;
    if (!pn_smtp_connection_is_busy (connection))
      pn_smtp_connection_end (connection, "4.3.2", "The server stops");
  }
  if (self->sessions == 0)
    event_base_loopbreak (self->base);
}

/* --- life ----------------------------------------------------------------------------------------------- */

static guint
peer_hash (gconstpointer key)
{
  guint32 word[4];
  memcpy (word, key, sizeof word);
  return (word[0] * 31 + word[1]) * 31 + word[2] * 17 + word[3] * 2654435761U;
}

static gboolean
peer_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, 16) == 0;
}

static void
make_events (PnSmtpServer *self)
{
  const struct timeval second = { 1, 0 };
  self->tick = event_new (self->base, -1, EV_PERSIST, on_tick, self);
  self->stop = event_new (self->base, self->program->stop_fd, EV_READ, on_stop, self);
  self->done = event_new (self->base, self->done_fd, EV_READ | EV_PERSIST, on_done, self);
  self->last_call = evtimer_new (self->base, on_last_call, self);
  event_add (self->tick, &second);
  event_add (self->stop, NULL);
  event_add (self->done, NULL);
}

static gboolean
open_all (PnSmtpServer *self, GError **error)
{
  const PnConfig *config = self->program->config;
  self->settings = pn_smtp_settings_new (config, self->program->key, error);
  if (!self->settings || !pn_file_make_dirs (self->settings->receive_dir, error) || !open_tls (self, error))
    return FALSE;
  self->journal = pn_journal_open (self->settings->receive_dir, self->program->key,
                                   (guint64) pn_config_integer (config, "smtp", "journal-segment"), error);
  return self->journal && open_ports (self, "listen", FALSE, FALSE, error)
         && open_ports (self, "submission", TRUE, FALSE, error)
         && open_ports (self, "listen-tls", TRUE, TRUE, error) && write_ports (self, error);
}

PnSmtpServer *
pn_smtp_server_new (PnProgram *program, GError **error)
{
  PnSmtpServer *self = g_new0 (PnSmtpServer, 1);
  self->program = program;
  self->base = event_base_new ();
  self->ports = g_ptr_array_new_with_free_func ((GDestroyNotify) port_free);
  self->peers = g_hash_table_new_full (peer_hash, peer_equal, g_free, NULL);
  self->out = g_string_sized_new (4096);
  self->input = g_malloc (PN_SMTP_INPUT_SIZE);
  self->max_sessions = (guint) pn_config_integer (program->config, "smtp", "max-sessions");
  self->max_per_address = (guint) pn_config_integer (program->config, "smtp", "max-sessions-per-address");
  self->idle_timeout = pn_config_integer (program->config, "smtp", "idle-timeout") * G_USEC_PER_SEC;
  self->space = TRUE;
  g_mutex_init (&self->done_lock);
  self->done_fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  self->verifiers = g_thread_pool_new (pn_smtp_verify, self, VERIFIERS, FALSE, NULL);
  make_events (self);
  if (open_all (self, error))
    return self;
  pn_smtp_server_free (self);
  return NULL;
}

void
pn_smtp_server_run (PnSmtpServer *self)
{
  event_base_dispatch (self->base);
}

void
pn_smtp_server_free (PnSmtpServer *self)
{
  if (!self)
    return;
  g_ptr_array_unref (self->ports);
  /* Both wait for what is under way, so that nobody works for a session any more. */
  g_thread_pool_free (self->verifiers, FALSE, TRUE);
  if (self->journal)
    pn_journal_close (self->journal);
  self->journal = NULL;
  self->stopping = TRUE;
  take_answers (self);
  for (PnSmtpConnection *connection = self->first, *later; connection; connection = later) {
    later = connection->later;
    connection->session.wait = PN_SMTP_WAIT_CLOSE;
    pn_smtp_connection_drop (connection);
  }
  struct event *events[] = { self->tick, self->stop, self->done, self->last_call };
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    event_free (events[i]);
  event_base_free (self->base);
  close (self->done_fd);
  g_hash_table_unref (self->peers);
  g_string_free (self->out, TRUE);
  g_free (self->input);
  pn_smtp_settings_free (self->settings);
  SSL_CTX_free (self->tls);
  g_mutex_clear (&self->done_lock);
  g_free (self);
}
