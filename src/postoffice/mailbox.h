/* The user agent's library: what a person does with his mailbox.  Works on the store and the post office's WPCSIN. */
#pragma once

#include "directory/directory.h"
#include "queue/queue.h"
#include "store/store.h"

G_BEGIN_DECLS

#define PN_MAILBOX_ERROR (pn_mailbox_error_quark ())
GQuark pn_mailbox_error_quark (void);
typedef enum { PN_MAILBOX_ERROR_RECIPIENT, PN_MAILBOX_ERROR_STATE } PnMailboxError;

typedef struct PnMailbox PnMailbox;

PnMailbox *pn_mailbox_open (const PnConfig *config, PnKey *key, const char *user, GError **error);
void pn_mailbox_close (PnMailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnMailbox, pn_mailbox_close)

const PnUser *pn_mailbox_user (PnMailbox *self);
PnStore *pn_mailbox_store (PnMailbox *self); /* borrowed */

/* Completes MESSAGE (id, date, from, native and Internet addresses; recipients may be given as Internet addresses or native ones), keeps it in the Out Box
 * (Pending), and puts it into WPCSIN, flushed, before it returns.  RECIPIENT if one is not known here and has no Internet address. */
gboolean pn_mailbox_send (PnMailbox *self, PnMessage *message, GError **error);
/* Answers the invitation NUMBER: reply to the organizer, flags on the item. */
gboolean pn_mailbox_answer (PnMailbox *self, gint64 number, PnPartstat partstat, const char *comment, GError **error);
/* Reads an item and marks it read; an Opened status goes back if it was asked for. */
PnMessage *pn_mailbox_read (PnMailbox *self, gint64 number, PnItem **item_out, GError **error);

G_END_DECLS
