#include "smtp/client-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_LENGTH 4096
#define REPLY_MAX_LINES 128
#define OUT_HIGH (64 * 1024)

void
pn_reply_clear (PnReply *self)
{
  g_free (self->enhanced);
  g_free (self->text);
  g_clear_pointer (&self->lines, g_ptr_array_unref);
  *self = (PnReply){ 0 };
}

void
pn_outcome_from_reply (PnOutcome *outcome, const PnReply *reply, const PnConnection *connection)
{
  PnOutcomeKind kind = reply->code >= 500 && reply->code < 600 ? PN_OUTCOME_PERMANENT : PN_OUTCOME_TEMPORARY;
  pn_outcome_set (outcome, kind, reply->enhanced, connection->host, "%s", reply->text);
  outcome->code = reply->code;
}

gboolean
pn_connection_fail (PnConnection *self, PnOutcome *outcome, const char *enhanced, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  pn_outcome_set (outcome, PN_OUTCOME_TEMPORARY, enhanced, self->host, "%s [%s]:%u: %s", self->host,
                  self->address, self->port, text);
  self->broken = TRUE;
  return FALSE;
}

gboolean
pn_connection_wait (PnConnection *self, short events, gint64 deadline, PnOutcome *outcome)
{
  for (;;) {
    gint64 left = (deadline - g_get_monotonic_time ()) / 1000;
    struct pollfd fds[2]
        = { { self->fd, events, 0 }, { self->uninterrupted ? -1 : self->options->stop_fd, POLLIN, 0 } };
    if (left <= 0)
      return pn_connection_fail (self, outcome, "4.4.2", "time-out");
    int n = poll (fds, 2, (int) MIN (left + 1, G_MAXINT));
    if (n < 0 && errno != EINTR)
      return pn_connection_fail (self, outcome, "4.3.0", "poll: %s", g_strerror (errno));
    if (n > 0 && fds[0].revents)
      return TRUE;
    if (n > 0 && fds[1].revents)
      return pn_connection_fail (self, outcome, "4.3.2", "given up, this program stops");
  }
}

/* --- opening ---------------------------------------------------------------------------------- */

static socklen_t
fill_address (const PnTarget *target, struct sockaddr_storage *storage)
{
  struct sockaddr_in *four = (struct sockaddr_in *) storage;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *) storage;
  memset (storage, 0, sizeof *storage);
  if (inet_pton (AF_INET, target->address, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons ((guint16) target->port);
    return sizeof *four;
  }
  if (inet_pton (AF_INET6, target->address, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons ((guint16) target->port);
    return sizeof *six;
  }
  return 0;
}

static gboolean
connect_socket (PnConnection *self, const PnTarget *target, PnOutcome *outcome)
{
  struct sockaddr_storage storage;
  socklen_t length = fill_address (target, &storage);
  if (length == 0)
    return pn_connection_fail (self, outcome, "4.4.3", "is not an address");
  self->fd = socket (storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->fd < 0)
    return pn_connection_fail (self, outcome, "4.3.0", "socket: %s", g_strerror (errno));
  if (connect (self->fd, (struct sockaddr *) &storage, length) < 0 && errno != EINPROGRESS)
    return pn_connection_fail (self, outcome, "4.4.1", "cannot connect: %s", g_strerror (errno));
  gint64 deadline = g_get_monotonic_time () + (gint64) self->options->connect_timeout * G_USEC_PER_SEC;
  if (!pn_connection_wait (self, POLLOUT, deadline, outcome))
    return FALSE;
  int code = 0;
  socklen_t size = sizeof code;
  if (getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code != 0)
    return pn_connection_fail (self, outcome, "4.4.1", "cannot connect: %s", g_strerror (code));
  int one = 1;
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return TRUE;
}

PnConnection *
pn_connection_open (const PnClientOptions *options, const PnTarget *target, PnOutcome *outcome)
{
  g_autoptr (PnConnection) self = g_new0 (PnConnection, 1);
  self->fd = -1;
  self->options = options;
  self->host = g_strdup (target->host);
  self->address = g_strdup (target->address);
  self->port = target->port;
  self->out = g_byte_array_new ();
  if (!connect_socket (self, target, outcome))
    return NULL;
  return g_steal_pointer (&self);
}

void
pn_connection_free (PnConnection *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->ssl, SSL_free);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->host);
  g_free (self->address);
  g_byte_array_unref (self->out);
  g_free (self);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* What an SSL call wants after it returned RC, as poll events; 0 if it failed. */
static short
tls_wants (PnConnection *self, int rc)
{
  switch (SSL_get_error (self->ssl, rc)) {
  case SSL_ERROR_WANT_READ:
    return POLLIN;
  case SSL_ERROR_WANT_WRITE:
    return POLLOUT;
  default:
    return 0;
  }
}

/* Number of bytes, 0 at the end, or -1 with *WANTS the events to wait for or 0 on an error. */
static gssize
raw_write (PnConnection *self, const guint8 *data, gsize length, short *wants)
{
  if (self->ssl) {
    ERR_clear_error ();
    int n = SSL_write (self->ssl, data, (int) MIN (length, G_MAXINT));
    if (n > 0)
      return n;
    *wants = tls_wants (self, n);
    return -1;
  }
  gssize n = send (self->fd, data, length, MSG_NOSIGNAL);
  *wants = n < 0 && (errno == EAGAIN || errno == EINTR) ? POLLOUT : 0;
  return n;
}

static gssize
raw_read (PnConnection *self, char *data, gsize length, short *wants)
{
  if (self->ssl) {
    ERR_clear_error ();
    int n = SSL_read (self->ssl, data, (int) length);
    if (n > 0)
      return n;
    *wants = tls_wants (self, n);
    return *wants ? -1 : 0;
  }
  gssize n = recv (self->fd, data, length, 0);
  *wants = n < 0 && (errno == EAGAIN || errno == EINTR) ? POLLIN : 0;
  return n;
}

static gboolean
write_now (PnConnection *self, const guint8 *data, gsize length, PnOutcome *outcome)
{
  gint64 limit = (gint64) self->options->command_timeout * G_USEC_PER_SEC;
  while (length > 0) {
    short wants = 0;
    gssize n = raw_write (self, data, length, &wants);
    if (n > 0) {
      data += n;
      length -= (gsize) n;
    } else if (!wants)
      return pn_connection_fail (self, outcome, "4.4.2", "connection lost while sending");
    else if (!pn_connection_wait (self, wants, g_get_monotonic_time () + limit, outcome))
      return FALSE;
  }
  return TRUE;
}

gboolean
pn_connection_flush (PnConnection *self, PnOutcome *outcome)
{
  gboolean ok = write_now (self, self->out->data, self->out->len, outcome);
  g_byte_array_set_size (self->out, 0);
  return ok;
}

gboolean
pn_connection_write (PnConnection *self, const void *data, gsize length, PnOutcome *outcome)
{
  if (self->out->len + length > OUT_HIGH && !pn_connection_flush (self, outcome))
    return FALSE;
  if (length >= OUT_HIGH)
    return write_now (self, data, length, outcome);
  g_byte_array_append (self->out, data, (guint) length);
  return TRUE;
}

void
pn_connection_put (PnConnection *self, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *line = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_byte_array_append (self->out, (const guint8 *) line, (guint) strlen (line));
  g_byte_array_append (self->out, (const guint8 *) "\r\n", 2);
}

/* --- replies ---------------------------------------------------------------------------------- */

static gboolean
fill_input (PnConnection *self, gint64 deadline, PnOutcome *outcome)
{
  if (self->in_start > 0) {
    memmove (self->in, self->in + self->in_start, self->in_end - self->in_start);
    self->in_end -= self->in_start;
    self->in_start = 0;
  }
  for (;;) {
    short wants = 0;
    gssize n = raw_read (self, self->in + self->in_end, sizeof self->in - self->in_end, &wants);
    if (n > 0) {
      self->in_end += (gsize) n;
      return TRUE;
    }
    if (!wants)
      return pn_connection_fail (self, outcome, "4.4.2", "the peer closed the connection");
    if (!pn_connection_wait (self, wants, deadline, outcome))
      return FALSE;
  }
}

/* A line without its end, borrowed until the next call; NUL terminated in place. */
static char *
read_line (PnConnection *self, gint64 deadline, PnOutcome *outcome)
{
  for (;;) {
    char *begin = self->in + self->in_start;
    gsize n = self->in_end - self->in_start;
    char *newline = memchr (begin, '\n', n);
    if (newline) {
      self->in_start += (gsize) (newline + 1 - begin);
      if (newline > begin && newline[-1] == '\r')
        newline--;
      *newline = '\0';
      return begin;
    }
    if (n > LINE_MAX_LENGTH) {
      pn_connection_fail (self, outcome, "4.5.0", "answers with a line of more than %d octets",
                          LINE_MAX_LENGTH);
      return NULL;
    }
    if (!fill_input (self, deadline, outcome))
      return NULL;
  }
}

/* "5.1.1" at the beginning of TEXT, followed by a blank or the end; else 0. */
static gsize
enhanced_length (const char *text)
{
  gsize n = 0;
  if (!strchr ("245", text[0]) || !text[0] || text[1] != '.')
    return 0;
  guint dots = 0;
  for (n = 1; text[n] == '.' || g_ascii_isdigit (text[n]); n++)
    if (text[n] == '.') {
      dots++;
      if (!g_ascii_isdigit (text[n + 1]))
        return 0;
    }
  return dots == 2 && n <= 9 && (text[n] == ' ' || text[n] == '\0') ? n : 0;
}

static void
join_lines (PnReply *reply)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < reply->lines->len; i++) {
    const char *line = g_ptr_array_index (reply->lines, i);
    gsize n = enhanced_length (line);
    if (n > 0 && !reply->enhanced)
      reply->enhanced = g_strndup (line, n);
    line += n;
    line += strspn (line, " ");
    if (text->len > 0 && *line)
      g_string_append_c (text, ' ');
    g_string_append (text, line);
  }
  reply->text = g_utf8_make_valid (text->str, (gssize) text->len);
}

gboolean
pn_connection_reply (PnConnection *self, guint timeout, PnReply *reply, PnOutcome *outcome)
{
  pn_reply_clear (reply);
  reply->lines = g_ptr_array_new_with_free_func (g_free);
  gint64 deadline = g_get_monotonic_time () + (gint64) timeout * G_USEC_PER_SEC;
  for (;;) {
    const char *line = read_line (self, deadline, outcome);
    if (!line)
      return FALSE;
    gsize n = strspn (line, "0123456789");
    if (n != 3 || line[0] < '2' || line[0] > '5' || (line[3] && line[3] != ' ' && line[3] != '-')) {
      g_autofree char *shown = g_strescape (line, NULL);
      return pn_connection_fail (self, outcome, "4.5.0", "does not speak SMTP: \"%.80s\"", shown);
    }
    reply->code = (int) g_ascii_strtoll (line, NULL, 10);
    g_ptr_array_add (reply->lines, g_strdup (line[3] ? line + 4 : ""));
    if (line[3] != '-')
      break;
    if (reply->lines->len >= REPLY_MAX_LINES)
      return pn_connection_fail (self, outcome, "4.5.0", "answers with more than %d lines", REPLY_MAX_LINES);
  }
  join_lines (reply);
  /* 421 announces that the peer closes. */
  if (reply->code == 421)
    self->broken = TRUE;
  return TRUE;
}

gboolean
pn_connection_ask (PnConnection *self, PnReply *reply, PnOutcome *outcome)
{
  return pn_connection_flush (self, outcome)
         && pn_connection_reply (self, self->options->command_timeout, reply, outcome);
}
