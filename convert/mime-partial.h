/* Messages that came in pieces: message/partial (RFC 2046, 5.2.2). */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

/* Most pieces a message may have come in. */
#define PN_PARTIAL_MAX 10000

typedef struct {
  char *id;     /* the same in all pieces of a message; owned */
  guint number; /* of this piece, from 1 */
  guint total;  /* 0: this piece does not say it */
} PnPartial;

void pn_partial_clear (PnPartial *self);

/* Whether the message in SOURCE is a piece of one; fills PARTIAL (only then).  FALSE with ERROR set if SOURCE
 * cannot be read. */
gboolean pn_mime_partial_read (PnSource *source, PnPartial *partial, GError **error);

/* The bytes of the message whose N pieces are PIECES, in their order: the header of the first piece, but for
 * the fields that describe a content, and Subject, Message-ID, Encrypted and MIME-Version, which come from
 * the message in it (RFC 2046, 5.2.2.1); then the bodies as they are.  Keeps references to the pieces. */
PnContent *pn_mime_partial_join (PnSource *const *pieces, guint n, GError **error);

/* What a piece holds, behind its own header. */
PnContent *pn_mime_partial_body (PnSource *piece, GError **error);

G_END_DECLS
