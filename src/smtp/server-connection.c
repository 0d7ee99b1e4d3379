#include "smtp/server-private.h"

#include "core/counters.h"
#include "core/log.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the list of connections, the longest silent first -------------------------------------------------- */

static void
list_remove (PnSmtpConnection *self)
{
  PnSmtpServer *server = self->server;
  *(self->earlier ? &self->earlier->later : &server->first) = self->later;
  *(self->later ? &self->later->earlier : &server->last) = self->earlier;
}

static void
list_append (PnSmtpConnection *self)
{
  PnSmtpServer *server = self->server;
  self->earlier = server->last;
  self->later = NULL;
  *(server->last ? &server->last->later : &server->first) = self;
  server->last = self;
}

void
pn_smtp_connection_heard (PnSmtpConnection *self)
{
  self->heard = g_get_monotonic_time ();
  if (self->server->last == self)
    return;
  list_remove (self);
  list_append (self);
}

/* --- counting by address -------------------------------------------------------------------------------- */

static guint
count_peer (PnSmtpServer *server, const guint8 key[16], gint change)
{
  gpointer stored = NULL, value = NULL;
  gboolean known = g_hash_table_lookup_extended (server->peers, key, &stored, &value);
  guint count = GPOINTER_TO_UINT (value) + (guint) change;
  if (count == 0)
    g_hash_table_remove (server->peers, key);
  else
    g_hash_table_insert (server->peers, known ? g_memdup2 (stored, 16) : g_memdup2 (key, 16),
                         GUINT_TO_POINTER (count));
  return count;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static void
connection_free (PnSmtpConnection *self)
{
  PnSmtpServer *server = self->server;
  if (self->answering && server->journal)
    pn_journal_unanswered (server->journal, self->ticket);
  list_remove (self);
  count_peer (server, self->session.peer.key, -1);
  server->sessions--;
  pn_counter_add (PN_COUNTER_SESSIONS_ACTIVE, -1);
  pn_smtp_session_clear (&self->session);
  if (self->delay)
    event_free (self->delay);
  g_free (self->held);
  g_clear_error (&self->error);
  g_free (self->user);
  g_free (self);
  if (server->stopping && server->sessions == 0)
    event_base_loopbreak (server->base);
}

gboolean
pn_smtp_connection_is_busy (const PnSmtpConnection *self)
{
  return self->session.wait == PN_SMTP_WAIT_COMMIT || self->session.wait == PN_SMTP_WAIT_AUTH;
}

/* The connection ends now; the rest of it when no other thread needs it any more. */
void
pn_smtp_connection_drop (PnSmtpConnection *self)
{
  if (!self->gone)
    pn_stream_clear (&self->stream);
  self->gone = TRUE;
  if (!pn_smtp_connection_is_busy (self))
    connection_free (self);
}

/* --- output --------------------------------------------------------------------------------------------- */

/* The replies of the moment go out.  When all have: the journal learns that the 250 is answered. */
static gboolean
send_replies (PnSmtpConnection *self)
{
  GString *out = self->server->out;
  gboolean sent = out->len == 0 || pn_stream_write (&self->stream, out->str, out->len);
  g_string_truncate (out, 0);
  return sent;
}

static void
check_answered (PnSmtpConnection *self)
{
  if (!self->answering || pn_stream_unsent (&self->stream))
    return;
  /* At the very end the journal is closed before its last answers go out. */
  if (self->server->journal)
    pn_journal_answered (self->server->journal, self->ticket);
  self->answering = FALSE;
}

static void go_on (PnSmtpConnection *self);

static void
on_delay (evutil_socket_t fd, short what, void *data)
{
  PnSmtpConnection *self = data;
  (void) fd, (void) what;
  g_clear_pointer (&self->delay, event_free);
  pn_smtp_session_delayed (&self->session, self->server->out);
  go_on (self);
}

static void
begin_delay (PnSmtpConnection *self)
{
  if (self->delay)
    return;
  const struct timeval delay = { self->session.delay_ms / 1000, self->session.delay_ms % 1000 * 1000 };
  self->delay = evtimer_new (self->server->base, on_delay, self);
  event_add (self->delay, &delay);
}

/* --- input ---------------------------------------------------------------------------------------------- */

static void
hold (PnSmtpConnection *self, const guint8 *bytes, gsize length)
{
  if (length == 0)
    return;
  self->held = g_memdup2 (bytes, length);
  self->held_length = length;
}

static void
feed_held (PnSmtpConnection *self)
{
  g_autofree guint8 *bytes = g_steal_pointer (&self->held);
  gsize length = self->held_length;
  self->held_length = 0;
  gsize taken = pn_smtp_session_input (&self->session, (const char *) bytes, length, self->server->out);
  hold (self, bytes + taken, length - taken);
}

/* Reads once and lets the session have it.  FALSE: there is nothing (the peer may be gone, then the stream is
 * closed). */
static gboolean
read_once (PnSmtpConnection *self)
{
  gssize n = pn_stream_read (&self->stream, self->server->input, PN_SMTP_INPUT_SIZE);
  if (n < 0) {
    pn_smtp_connection_drop (self);
    return FALSE;
  }
  if (n == 0)
    return FALSE;
  pn_smtp_connection_heard (self);
  gsize taken = pn_smtp_session_input (&self->session, (const char *) self->server->input, (gsize) n,
                                       self->server->out);
  hold (self, self->server->input + taken, (gsize) n - taken);
  return TRUE;
}

static char *
describe_tls (SSL *ssl)
{
  return g_strdup_printf ("%s with cipher %s", SSL_get_version (ssl), SSL_get_cipher_name (ssl));
}

static void
start_tls (PnSmtpConnection *self)
{
  /* RFC 3207 5: what stands behind STARTTLS could have been put there by anybody. */
  g_clear_pointer (&self->held, g_free);
  self->held_length = 0;
  if (!pn_stream_start_tls (&self->stream, self->server->tls))
    pn_smtp_connection_drop (self);
}

/* Has the session do what can be done without new bytes.  FALSE: the connection is gone or waits for
 * something. */
static gboolean
settle (PnSmtpConnection *self)
{
  for (;;) {
    if (!send_replies (self)) {
      pn_smtp_connection_drop (self);
      return FALSE;
    }
    check_answered (self);
    if (pn_stream_unsent (&self->stream))
      return FALSE; /* no more input before the peer has taken the replies */
    switch (self->session.wait) {
    case PN_SMTP_WAIT_NONE:
      break;
    case PN_SMTP_WAIT_CLOSE:
      if (self->session.abrupt && self->stream.state == PN_STREAM_CLEAR)
        pn_stream_drain (&self->stream);
      pn_smtp_connection_drop (self);
      return FALSE;
    case PN_SMTP_WAIT_TLS:
      start_tls (self);
      return FALSE;
    case PN_SMTP_WAIT_DELAY:
      begin_delay (self);
      return FALSE;
    case PN_SMTP_WAIT_COMMIT:
    case PN_SMTP_WAIT_AUTH:
      return FALSE;
    }
    if (!self->held)
      return TRUE;
    feed_held (self);
  }
}

static void
read_all (PnSmtpConnection *self)
{
  while (read_once (self)) {
    gboolean more = pn_stream_has_more (&self->stream);
    if (!settle (self) || !more)
      return;
  }
}

/* An answer that the session has waited for has come. */
static void
go_on (PnSmtpConnection *self)
{
  pn_stream_set_reading (&self->stream, TRUE);
  if (settle (self) && pn_stream_has_more (&self->stream))
    read_all (self);
}

static void
secured (PnSmtpConnection *self)
{
  g_autofree char *tls = describe_tls (self->stream.ssl);
  pn_smtp_session_secured (&self->session, tls);
  pn_smtp_connection_heard (self);
  if (self->implicit_tls)
    pn_smtp_session_greet (&self->session, self->server->out);
}

static void
on_ready (PnStream *stream, gpointer user)
{
  PnSmtpConnection *self = user;
  if (stream->state == PN_STREAM_BROKEN) {
    pn_smtp_connection_drop (self);
    return;
  }
  if (self->session.wait == PN_SMTP_WAIT_TLS && stream->state == PN_STREAM_TLS)
    secured (self);
  if (pn_smtp_connection_is_busy (self) || self->session.wait == PN_SMTP_WAIT_DELAY) {
    /* It speaks out of turn, or has gone: looked at when the session goes on. */
    pn_stream_set_reading (stream, FALSE);
    return;
  }
  if (settle (self))
    read_all (self);
}

/* --- from outside --------------------------------------------------------------------------------------- */

void
pn_smtp_connection_end (PnSmtpConnection *self, const char *enhanced, const char *reason)
{
  if (self->stream.state == PN_STREAM_HANDSHAKE || pn_stream_unsent (&self->stream)) {
    pn_smtp_connection_drop (self);
    return;
  }
  pn_smtp_session_end (&self->session, enhanced, reason, self->server->out);
  settle (self);
}

void
pn_smtp_connection_answer (PnSmtpConnection *self)
{
  PnSmtpServer *server = self->server;
  g_autoptr (GError) error = g_steal_pointer (&self->error);
  g_autofree char *user = g_steal_pointer (&self->user);
  if (self->session.wait == PN_SMTP_WAIT_COMMIT) {
    self->answering = !error;
    pn_smtp_session_committed (&self->session, error, server->out);
  } else {
    pn_smtp_session_authenticated (&self->session, user, server->out);
  }
  if (self->gone) {
    g_string_truncate (server->out, 0);
    connection_free (self);
    return;
  }
  pn_smtp_connection_heard (self);
  if (server->stopping && self->session.wait == PN_SMTP_WAIT_NONE)
    pn_smtp_session_end (&self->session, "4.3.2", "The server stops", server->out);
  go_on (self);
}

static void
turn_away (PnSmtpServer *server, int fd, const PnPeer *peer, const char *reason)
{
  g_autofree char *line
      = g_strdup_printf ("421 4.7.0 %s %s, try again later\r\n", server->settings->host, reason);
  ssize_t sent = send (fd, line, strlen (line), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void) sent;
  close (fd);
  pn_counter_add (PN_COUNTER_REFUSED, 1);
  g_autofree char *quoted = pn_log_quote (reason);
  pn_log_warning ("turned_away", "peer=%s sessions=%u reason=%s", peer->text, server->sessions, quoted);
}

void
pn_smtp_connection_open (PnSmtpServer *server, int fd, const PnPeer *peer, gboolean submission,
                         gboolean implicit_tls)
{
  if (server->sessions >= server->max_sessions) {
    turn_away (server, fd, peer, "Too many sessions");
    return;
  }
  if (count_peer (server, peer->key, 1) > server->max_per_address) {
    count_peer (server, peer->key, -1);
    turn_away (server, fd, peer, "Too many sessions from your address");
    return;
  }
  PnSmtpConnection *self = g_new0 (PnSmtpConnection, 1);
  self->server = server;
  self->implicit_tls = implicit_tls;
  self->heard = g_get_monotonic_time ();
  list_append (self);
  server->sessions++;
  pn_counter_add (PN_COUNTER_SESSIONS, 1);
  pn_counter_add (PN_COUNTER_SESSIONS_ACTIVE, 1);
  pn_smtp_session_init (&self->session, server->settings, &pn_smtp_house, self, peer, submission);
  pn_stream_init (&self->stream, server->base, fd, on_ready, self);
  if (implicit_tls)
    self->session.wait = PN_SMTP_WAIT_TLS;
  else
    pn_smtp_session_greet (&self->session, server->out);
  go_on (self);
}
