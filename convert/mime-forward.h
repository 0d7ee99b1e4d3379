/* Flat forwarding: a message that was forwarded without a word goes on itself, not wrapped.  Private to the
 * writing half of the MIME code. */
#pragma once

#include "convert/mime.h"

G_BEGIN_DECLS

/* The embedded message that is all that MESSAGE holds: no word of text, no subject of its own but a prefix
 * and that of the embedded one, and one attachment.  NULL if it says anything itself.  Borrowed. */
PnPart *pn_mime_empty_wrapper (PnMessage *message);

/* Writes EMBEDDED with the Resent- fields (RFC 5322, 3.6.6) of MESSAGE, whose sender forwards it, before its
 * own header.  MESSAGE_ID is for Resent-Message-ID. */
gboolean pn_mime_flat_write (PnMessage *message, PnPart *embedded, const char *message_id,
                             const PnMimeWriteOptions *options, PnSink *sink, GError **error);

G_END_DECLS
