/* A connection on an event loop: bytes in, bytes out, in the clear or over TLS.
 *
 * Costs little while nothing happens: no buffers, one event.  The owner reads when it is told that there is
 * something, and may stop reading for a while; what it writes is collected until pn_stream_flush() and what
 * the peer does not take then is sent when he does. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <glib.h>
#include <openssl/ssl.h>

G_BEGIN_DECLS

typedef enum {
  PN_STREAM_CLEAR,
  PN_STREAM_HANDSHAKE, /* of TLS, under way */
  PN_STREAM_TLS,
  PN_STREAM_BROKEN /* to be freed */
} PnStreamState;

typedef struct PnStream PnStream;

/* Something has happened: there may be bytes to read, the handshake is over, the output is through, or it is
 * broken. */
typedef void (*PnStreamReady) (PnStream *self, gpointer user);

/* To be embedded; the members are not for others. */
struct PnStream {
  int fd;
  PnStreamState state;
  SSL *ssl;
  struct event event;
  struct event_base *base;
  short armed;          /* what the event waits for */
  gboolean reading;     /* the owner wants to know */
  gboolean write_first; /* TLS wants to write before it can read on */
  GString *out;         /* NULL while there is nothing */
  gsize sent;           /* of OUT */
  PnStreamReady ready;
  gpointer user;
};

void pn_stream_init (PnStream *self, struct event_base *base, int fd /* taken */, PnStreamReady ready,
                     gpointer user);
void pn_stream_clear (PnStream *self); /* closes */
/* To be called before that, when the peer may have sent more than was read: unread bytes would make the
 * kernel take back our last reply (a reset instead of an end).  In the clear only. */
void pn_stream_drain (PnStream *self);

/* Begins the handshake as server.  READY is called when it is over. */
gboolean pn_stream_start_tls (PnStream *self, SSL_CTX *context);

/* Returns the number of bytes, 0 when there is nothing at present, -1 when the peer has closed or the stream
 * is broken. */
gssize pn_stream_read (PnStream *self, void *buffer, gsize length);
/* Whether bytes wait inside that no event will tell of. */
gboolean pn_stream_has_more (const PnStream *self);
/* Whether READY is called for bytes; it is not in any case while output is unsent. */
void pn_stream_set_reading (PnStream *self, gboolean reading);

/* Sends what the peer takes now, keeps the rest and sends it when he does.  FALSE if the stream is broken. */
gboolean pn_stream_write (PnStream *self, const void *data, gsize length);
/* Bytes that the peer has not taken yet. */
gsize pn_stream_unsent (const PnStream *self);

G_END_DECLS
