/* A listening socket on an event loop. */
#pragma once

#include "net/address.h"

#include <event2/event.h>

G_BEGIN_DECLS

typedef struct PnListener PnListener;

/* A connection has come; FD (non-blocking) is the callee's. */
typedef void (*PnListenerAccept) (gpointer user, int fd, const PnPeer *peer);

/* Port 0 picks a free one. */
PnListener *pn_listener_new (struct event_base *base, const PnEndpoint *endpoint, PnListenerAccept accept_cb,
                             gpointer user, GError **error);
void pn_listener_free (PnListener *self); /* closes it */
/* Where it listens in fact: "127.0.0.1:40123".  Borrowed. */
const char *pn_listener_name (const PnListener *self);

G_END_DECLS
