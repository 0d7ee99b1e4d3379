/* Native messages into queues: serialise, seal, put. */
#pragma once

#include "convert/message.h"
#include "queue/queue.h"

G_BEGIN_DECLS

/* Writes MESSAGE sealed into a staged file of QUEUE.  Returns the descriptor, -1 with ERROR. */
int pn_outgoing_stage (PnQueue *queue, PnKey *key, PnMessage *message, GError **error);
/* The same and puts it, flushed. */
gboolean pn_outgoing_put (PnQueue *queue, PnKey *key, PnMessage *message, guint priority, GError **error);

/* What comes back with the Undeliverable STATUS to an outside sender: the message in PLAIN (RET=FULL, up to
 * 256 KiB), else its header.  Without it if it cannot be read; nothing happens for senders inside. */
void pn_outgoing_return_original (PnMessage *status, PnSource *plain, const char *host);

G_END_DECLS
