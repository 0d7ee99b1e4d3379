/* Mail as it was before MIME, for peers that know no other: RFC 822 text, files uuencoded behind it.  Private
 * to the writing half of the MIME code. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* Writes the body of MESSAGE with line ends CRLF: the plain text in CHARSET (NULL: US-ASCII; what it lacks is
 * transliterated and named in the losses), lines of at most 998 octets; then the HTML body, the calendar and
 * the attachments as files, uuencoded.  Contents are streamed. */
gboolean pn_mime_basic_write (PnMessage *message, const char *charset, PnSink *sink, GError **error);

/* Writes CONTENT uuencoded ("begin 644 NAME" to "end"), line ends CRLF. */
gboolean pn_uuencode (PnContent *content, const char *name, PnSink *sink, GError **error);

G_END_DECLS
