#include "net/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void handle_event (evutil_socket_t fd, short what, void *data);
static void flush (PnStream *self);

void
pn_stream_init (PnStream *self, struct event_base *base, int fd, PnStreamReady ready, gpointer user)
{
  memset (self, 0, sizeof *self);
  self->fd = fd;
  self->base = base;
  self->ready = ready;
  self->user = user;
}

void
pn_stream_drain (PnStream *self)
{
  char unread[4096];
  if (self->state == PN_STREAM_BROKEN || recv (self->fd, unread, sizeof unread, MSG_DONTWAIT) <= 0)
    return;
  shutdown (self->fd, SHUT_WR);
  for (guint i = 0; i < 64 && recv (self->fd, unread, sizeof unread, MSG_DONTWAIT) > 0; i++)
    ;
}

void
pn_stream_clear (PnStream *self)
{
  if (self->armed)
    event_del (&self->event);
  if (self->ssl) {
    if (self->state == PN_STREAM_TLS)
      SSL_shutdown (self->ssl);
    SSL_free (self->ssl);
    ERR_clear_error ();
  }
  if (self->out)
    g_string_free (self->out, TRUE);
  close (self->fd);
  memset (self, 0, sizeof *self);
  self->fd = -1;
  self->state = PN_STREAM_BROKEN;
}

/* Makes the event wait for what is wanted now; a call to the kernel only when that has changed. */
static void
arm (PnStream *self)
{
  short wanted = 0;
  if (self->state == PN_STREAM_BROKEN)
    wanted = 0;
  else if (self->state == PN_STREAM_HANDSHAKE)
    wanted = self->write_first ? EV_WRITE : EV_READ;
  else
    wanted = (short) ((self->reading && !self->write_first ? EV_READ : 0) | (self->out ? EV_WRITE : 0));
  if (wanted == self->armed)
    return;
  if (self->armed)
    event_del (&self->event);
  self->armed = wanted;
  if (!wanted)
    return;
  event_assign (&self->event, self->base, self->fd, (short) (wanted | EV_PERSIST), handle_event, self);
  event_add (&self->event, NULL);
}

static void
set_broken (PnStream *self)
{
  self->state = PN_STREAM_BROKEN;
  arm (self);
}

/* What a call of TLS that did not succeed means: nothing yet, or the end. */
static gboolean
tls_again (PnStream *self, int result)
{
  int reason = SSL_get_error (self->ssl, result);
  ERR_clear_error ();
  self->write_first = reason == SSL_ERROR_WANT_WRITE;
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
}

static void
handshake (PnStream *self)
{
  int result = SSL_accept (self->ssl);
  if (result == 1) {
    self->state = PN_STREAM_TLS;
    self->write_first = FALSE;
  } else if (!tls_again (self, result)) {
    self->state = PN_STREAM_BROKEN;
  }
  arm (self);
  if (self->state != PN_STREAM_HANDSHAKE)
    self->ready (self, self->user);
}

gboolean
pn_stream_start_tls (PnStream *self, SSL_CTX *context)
{
  self->ssl = SSL_new (context);
  if (!self->ssl || SSL_set_fd (self->ssl, self->fd) != 1) {
    set_broken (self);
    return FALSE;
  }
  self->state = PN_STREAM_HANDSHAKE;
  arm (self);
  return TRUE;
}

static void
handle_event (evutil_socket_t fd, short what, void *data)
{
  PnStream *self = data;
  (void) fd;
  if (self->state == PN_STREAM_HANDSHAKE) {
    handshake (self);
    return;
  }
  if (what & EV_WRITE) {
    self->write_first = FALSE;
    flush (self);
  }
  self->ready (self, self->user);
}

gssize
pn_stream_read (PnStream *self, void *buffer, gsize length)
{
  gssize n;
  if (self->state == PN_STREAM_BROKEN || self->state == PN_STREAM_HANDSHAKE)
    return self->state == PN_STREAM_BROKEN ? -1 : 0;
  if (self->ssl) {
    int result = SSL_read (self->ssl, buffer, (int) MIN (length, G_MAXINT));
    if (result > 0)
      return result;
    gboolean again = tls_again (self, result);
    arm (self);
    return again ? 0 : -1;
  }
  do
    n = recv (self->fd, buffer, length, 0);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return n;
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

gboolean
pn_stream_has_more (const PnStream *self)
{
  return self->state == PN_STREAM_TLS && SSL_pending (self->ssl) > 0;
}

void
pn_stream_set_reading (PnStream *self, gboolean reading)
{
  self->reading = reading;
  arm (self);
}

/* One write; bytes taken, 0 for "not now", -1 for the end. */
static gssize
send_some (PnStream *self, const char *data, gsize length)
{
  gssize n;
  if (self->ssl) {
    int result = SSL_write (self->ssl, data, (int) MIN (length, G_MAXINT));
    if (result > 0)
      return result;
    return tls_again (self, result) ? 0 : -1;
  }
  do
    n = send (self->fd, data, length, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n >= 0)
    return n;
  return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
}

/* Sends what was left behind. */
static void
flush (PnStream *self)
{
  while (self->out && self->state != PN_STREAM_BROKEN) {
    gssize n = send_some (self, self->out->str + self->sent, self->out->len - self->sent);
    if (n < 0)
      self->state = PN_STREAM_BROKEN;
    if (n <= 0)
      break;
    self->sent += (gsize) n;
    if (self->sent == self->out->len) {
      g_string_free (self->out, TRUE);
      self->out = NULL;
      self->sent = 0;
    }
  }
  arm (self);
}

gboolean
pn_stream_write (PnStream *self, const void *data, gsize length)
{
  const char *at = data;
  while (!self->out && length && self->state != PN_STREAM_BROKEN && self->state != PN_STREAM_HANDSHAKE) {
    gssize n = send_some (self, at, length);
    if (n < 0)
      self->state = PN_STREAM_BROKEN;
    if (n <= 0)
      break;
    at += n;
    length -= (gsize) n;
  }
  if (length && self->state != PN_STREAM_BROKEN) {
    if (!self->out)
      self->out = g_string_sized_new (length);
    g_string_append_len (self->out, at, (gssize) length);
  }
  arm (self);
  return self->state != PN_STREAM_BROKEN;
}

gsize
pn_stream_unsent (const PnStream *self)
{
  return self->out ? self->out->len - self->sent : 0;
}
