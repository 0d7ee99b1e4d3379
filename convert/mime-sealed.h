/* Signed and encrypted parts (RFC 1847, 8551), which are never written anew: one changed byte breaks them. */
#pragma once

#include "convert/mime-reader.h"

G_BEGIN_DECLS

/* Whether there is a need to: a message with a skeleton has all its bytes there. */
gboolean pn_mime_keeps_sealed (const PnMimeReader *self);
/* Keeps the entity, a multipart/signed or multipart/encrypted, as one more file of the message: its body byte
 * for byte, its type with all parameters. */
void pn_mime_keep_sealed (PnMimeReader *self, guint entity);

/* What a message that is composed may write as it came. */
typedef struct {
  const PnPart *part;   /* the sealed part, borrowed; NULL: there is none */
  GHashTable *inside;   /* PnPart to its place in it, from 1: those that are not written besides */
  PnContent *text_rest; /* what the plain body says behind the text in it, as of a mailing list; or NULL */
  const PnPart *text;   /* that plain body, or NULL */
  gboolean broken;      /* a line feed is between them */
} PnMimeSealed;

/* The part as a message of its own, in memory; PN_CONVERT_ERROR_LIMIT if it is too large for that. */
PnSource *pn_mime_sealed_source (const PnPart *part, GError **error);
/* The part read as a message of its own.  Fails as pn_mime_read() does, and with PN_CONVERT_ERROR_LIMIT. */
PnMessage *pn_mime_sealed_read (const PnPart *part, GError **error);
/* Finds the first sealed part of MESSAGE that still says what the message says.  One that does not is named a
 * loss. */
gboolean pn_mime_sealed_find (PnMimeSealed *self, PnMessage *message, GError **error);
void pn_mime_sealed_clear (PnMimeSealed *self);

/* Whether PART is a whole multipart, which cannot be sent as a file. */
gboolean pn_mime_is_sealed_multipart (const PnPart *part);

G_END_DECLS
