#include "net/listener.h"

#include "core/log.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

/* So many are taken at one wake-up, that those at work get their turn too. */
enum { BURST = 64, BACKLOG = 4096 };

struct PnListener {
  int fd;
  char *name;             /* owned */
  struct event *readable; /* owned */
  struct event *resume;   /* owned; a timer, after descriptors ran out */
  PnListenerAccept accept_cb;
  gpointer user;
};

static void
on_resume (evutil_socket_t fd, short what, void *data)
{
  PnListener *self = data;
  (void) fd, (void) what;
  event_add (self->readable, NULL);
}

/* Out of descriptors or memory: the connection stays in the backlog, and asking again at once would spin. */
static void
pause_a_second (PnListener *self, int errnum)
{
  const struct timeval second = { 1, 0 };
  g_autofree char *reason = pn_log_quote (g_strerror (errnum));
  pn_log_warning ("accept_paused", "listen=%s reason=%s", self->name, reason);
  event_del (self->readable);
  event_add (self->resume, &second);
}

static void
on_readable (evutil_socket_t fd, short what, void *data)
{
  PnListener *self = data;
  (void) what;
  for (guint i = 0; i < BURST; i++) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int connection = accept4 (fd, (struct sockaddr *) &address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_a_second (self, errno);
      return;
    }
    PnPeer peer;
    pn_peer_init (&peer, (const struct sockaddr *) &address);
    self->accept_cb (self->user, connection, &peer);
  }
}

static gboolean
fail (GError **error, int fd, const char *name, const char *what)
{
  int saved = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), "%s: %s: %s", name, what,
               g_strerror (saved));
  if (fd >= 0)
    close (fd);
  return FALSE;
}

static gboolean
open_socket (const PnEndpoint *endpoint, int *fd_out, char **name_out, GError **error)
{
  g_autofree char *wanted = pn_endpoint_to_string (endpoint);
  int one = 1;
  int fd = socket (endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fail (error, fd, wanted, "cannot make a socket");
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind (fd, (const struct sockaddr *) &endpoint->address, endpoint->length) != 0)
    return fail (error, fd, wanted, "cannot bind");
  if (listen (fd, BACKLOG) != 0)
    return fail (error, fd, wanted, "cannot listen");
  PnEndpoint bound = { .length = sizeof bound.address };
  if (getsockname (fd, (struct sockaddr *) &bound.address, &bound.length) != 0)
    return fail (error, fd, wanted, "has no name");
  *fd_out = fd;
  *name_out = pn_endpoint_to_string (&bound);
  return TRUE;
}

PnListener *
pn_listener_new (struct event_base *base, const PnEndpoint *endpoint, PnListenerAccept accept_cb,
                 gpointer user, GError **error)
{
  PnListener *self = g_new0 (PnListener, 1);
  if (!open_socket (endpoint, &self->fd, &self->name, error)) {
    g_free (self);
    return NULL;
  }
  self->accept_cb = accept_cb;
  self->user = user;
  self->readable = event_new (base, self->fd, EV_READ | EV_PERSIST, on_readable, self);
  self->resume = evtimer_new (base, on_resume, self);
  event_add (self->readable, NULL);
  return self;
}

void
pn_listener_free (PnListener *self)
{
  if (!self)
    return;
  event_free (self->readable);
  event_free (self->resume);
  close (self->fd);
  g_free (self->name);
  g_free (self);
}

const char *
pn_listener_name (const PnListener *self)
{
  return self->name;
}
