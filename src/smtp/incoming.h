/* A message while it is received: in memory while it is small, sealed into an unnamed file when it is not. */
#pragma once

#include "core/seal.h"
#include "queue/journal.h"

G_BEGIN_DECLS

typedef enum {
  PN_INCOMING_FINE,
  PN_INCOMING_TOO_LARGE,
  PN_INCOMING_LOOP,     /* too many Received fields */
  PN_INCOMING_NO_SPACE, /* the file cannot be written */
} PnIncomingFault;

typedef struct {
  guint64 max_size;    /* of the message as the client sends it */
  guint64 spool_limit; /* what is larger goes into a file */
  const char *dir;     /* of that file; borrowed */
  PnKey *key;          /* borrowed */
} PnIncomingLimits;

typedef struct PnIncoming PnIncoming;

/* PREFIX: the fields in front.  SIZE: as declared, 0 if it was not. */
PnIncoming *pn_incoming_new (const PnIncomingLimits *limits, PnEnvelope *envelope /* taken */,
                             const char *prefix, guint64 size);
void pn_incoming_free (PnIncoming *self);

/* Text with dots stuffed.  Returns the bytes taken; *ENDED when the last of them was the LF of CRLF.CRLF.
 * After a fault the rest is taken and dropped. */
gsize pn_incoming_text (PnIncoming *self, const char *bytes, gsize length, gboolean *ended);
/* Bytes as they are. */
void pn_incoming_bytes (PnIncoming *self, const char *bytes, gsize length);
/* All is there.  FALSE if there was a fault. */
gboolean pn_incoming_end (PnIncoming *self);

PnIncomingFault pn_incoming_fault (const PnIncoming *self);
const char *pn_incoming_reason (const PnIncoming *self); /* of NO_SPACE; for the log */
guint64 pn_incoming_size (const PnIncoming *self);       /* as received, without the fields in front */
PnEnvelope *pn_incoming_envelope (PnIncoming *self);     /* borrowed */
gboolean pn_incoming_has_message_id (const PnIncoming *self);

/* After the end. */
const guint8 *
pn_incoming_hash (const PnIncoming *self); /* 16 bytes: of envelope and bytes, not of what we added */
/* In memory, fields in front; NULL if it is in a file. */
const GByteArray *pn_incoming_data (const PnIncoming *self);
int
pn_incoming_steal_file (PnIncoming *self); /* unnamed, sealed: envelope text, an empty line, the message */

G_END_DECLS
