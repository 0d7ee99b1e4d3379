/* A scripted SMTP server on loopback for tests of the sending side: answers by rules, one thread per
 * connection, and remembers what it was told. */
#pragma once

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  const char *prefix; /* of a command line; "." for the end of the data, "" for the greeting */
  const char *reply;  /* without the last CRLF; NULL: closes the connection */
  guint times;        /* 0: always */
} FakeRule;

typedef struct {
  int listener;
  guint port;
  GMutex lock;
  FakeRule *rules; /* the first that fits counts; changed under LOCK */
  guint n_rules;
  GPtrArray *lines;    /* char *: every command line */
  GPtrArray *messages; /* char *: the data of every message that was answered with 2xx */
  guint connections;
  GThread *thread;
  GPtrArray *sessions; /* GThread */
  gboolean stop;
} FakePeer;

typedef struct {
  FakePeer *peer;
  int fd;
  char buffer[65536];
  gsize used;
} FakeSession;

/* Caller frees; NULL at the end of the connection. */
static inline char *
fake_read_line (FakeSession *self)
{
  for (;;) {
    char *newline = memchr (self->buffer, '\n', self->used);
    if (newline) {
      gsize n = (gsize) (newline + 1 - self->buffer);
      char *line = g_strndup (self->buffer, n);
      memmove (self->buffer, self->buffer + n, self->used - n);
      self->used -= n;
      return line;
    }
    ssize_t n = recv (self->fd, self->buffer + self->used, sizeof self->buffer - self->used, 0);
    if (n <= 0)
      return NULL;
    self->used += (gsize) n;
  }
}

/* The answer to LINE, or FALLBACK; NULL closes. */
static inline char *
fake_answer (FakePeer *self, const char *line, const char *fallback)
{
  g_mutex_lock (&self->lock);
  char *reply = g_strdup (fallback);
  for (guint i = 0; i < self->n_rules; i++) {
    FakeRule *rule = &self->rules[i];
    gboolean fits = *rule->prefix ? g_str_has_prefix (line, rule->prefix) : !*line;
    if (!fits || rule->times == G_MAXUINT)
      continue;
    if (rule->times > 0 && --rule->times == 0)
      rule->times = G_MAXUINT;
    g_free (reply);
    reply = g_strdup (rule->reply);
    break;
  }
  g_mutex_unlock (&self->lock);
  return reply;
}

static inline gboolean
fake_say (FakeSession *self, char *reply /* taken */)
{
  g_autofree char *text = reply ? g_strconcat (reply, "\r\n", NULL) : NULL;
  g_free (reply);
  return text && send (self->fd, text, strlen (text), MSG_NOSIGNAL) > 0;
}

static inline gboolean
fake_take_data (FakeSession *self)
{
  GString *data = g_string_new (NULL);
  for (;;) {
    g_autofree char *line = fake_read_line (self);
    if (!line) {
      g_string_free (data, TRUE);
      return FALSE;
    }
    if (g_str_equal (line, ".\r\n"))
      break;
    g_string_append (data, line);
  }
  char *reply = fake_answer (self->peer, ".", "250 2.0.0 taken");
  char *text = g_string_free (data, FALSE);
  g_mutex_lock (&self->peer->lock);
  if (reply && *reply == '2')
    g_ptr_array_add (self->peer->messages, text);
  else
    g_free (text);
  g_mutex_unlock (&self->peer->lock);
  return fake_say (self, reply);
}

static inline gpointer
fake_session (gpointer data)
{
  g_autofree FakeSession *self = data;
  FakePeer *peer = self->peer;
  gboolean on = fake_say (self, fake_answer (peer, "", "220 fake.example ESMTP"));
  while (on) {
    g_autofree char *line = fake_read_line (self);
    if (!line)
      break;
    g_strchomp (line);
    g_mutex_lock (&peer->lock);
    g_ptr_array_add (peer->lines, g_strdup (line));
    g_mutex_unlock (&peer->lock);
    gboolean is_data = g_str_equal (line, "DATA");
    gboolean is_ehlo = g_str_has_prefix (line, "EHLO");
    char *reply = fake_answer (peer, line,
                               is_data   ? "354 go on"
                               : is_ehlo ? "250-fake.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE "
                                           "1000000\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN"
                                         : "250 2.0.0 fine");
    gboolean takes = is_data && reply && *reply == '3';
    on = fake_say (self, reply) && (!takes || fake_take_data (self));
    on = on && !g_str_has_prefix (line, "QUIT");
  }
  shutdown (self->fd, SHUT_RDWR);
  close (self->fd);
  return NULL;
}

static inline gpointer
fake_main (gpointer data)
{
  FakePeer *self = data;
  for (;;) {
    int fd = accept (self->listener, NULL, NULL);
    if (fd < 0)
      return NULL;
    FakeSession *session = g_new0 (FakeSession, 1);
    session->peer = self;
    session->fd = fd;
    g_mutex_lock (&self->lock);
    self->connections++;
    g_ptr_array_add (self->sessions, g_thread_new ("session", fake_session, session));
    g_mutex_unlock (&self->lock);
  }
}

static inline FakePeer *
fake_peer_new (const FakeRule *rules, guint n_rules)
{
  FakePeer *self = g_new0 (FakePeer, 1);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  self->rules = g_memdup2 (rules, n_rules * sizeof *rules);
  self->n_rules = n_rules;
  self->lines = g_ptr_array_new_with_free_func (g_free);
  self->messages = g_ptr_array_new_with_free_func (g_free);
  self->sessions = g_ptr_array_new ();
  g_mutex_init (&self->lock);
  self->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (self->listener, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (self->listener, 64), ==, 0);
  getsockname (self->listener, (struct sockaddr *) &address, &length);
  self->port = ntohs (address.sin_port);
  self->thread = g_thread_new ("peer", fake_main, self);
  return self;
}

static inline guint
fake_peer_messages (FakePeer *self)
{
  g_mutex_lock (&self->lock);
  guint n = self->messages->len;
  g_mutex_unlock (&self->lock);
  return n;
}

/* Number of command lines that begin with PREFIX. */
static inline guint
fake_peer_count (FakePeer *self, const char *prefix)
{
  guint n = 0;
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->lines->len; i++)
    n += g_str_has_prefix (self->lines->pdata[i], prefix);
  g_mutex_unlock (&self->lock);
  return n;
}

/* To be called when nobody talks to it any more. */
static inline void
fake_peer_free (FakePeer *self)
{
  shutdown (self->listener, SHUT_RDWR);
  g_thread_join (self->thread);
  close (self->listener);
  for (guint i = 0; i < self->sessions->len; i++)
    g_thread_join (self->sessions->pdata[i]);
  g_ptr_array_unref (self->sessions);
  g_ptr_array_unref (self->lines);
  g_ptr_array_unref (self->messages);
  g_mutex_clear (&self->lock);
  g_free (self->rules);
  g_free (self);
}
