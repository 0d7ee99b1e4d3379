/* What the files of the user agent's library share. */
#pragma once

#include "postoffice/calendar.h"
#include "postoffice/mailbox.h"

G_BEGIN_DECLS

struct PnMailbox {
  const PnConfig *config; /* borrowed */
  PnKey *key;
  PnDirectory *directory;
  PnStore *store;
  PnQueue *out;
  PnUser *user;
  char *where; /* "domain.po.user" */
};

/* What the mailbox knows of the calendar item of ROW, which has a UID; it begins with the message of ROW if
 * the mailbox kept no calendar yet. */
PnItipItem *pn_mailbox_load_calendar (PnMailbox *self, const PnItem *row, GError **error);
PnCalendarBox pn_mailbox_calendar_box (PnMailbox *self); /* valid as long as SELF */
/* The mailbox's owner as an address. */
PnAddress *pn_mailbox_address (PnMailbox *self);
/* Whether ADDRESS is one that the owner answers to. */
gboolean pn_mailbox_is_owner (PnMailbox *self, const PnAddress *address);
/* Seconds now, with the offset of the site's zone. */
PnTime pn_mailbox_now (PnMailbox *self);
/* Puts a status message, completed, into the queue behind the messages of the priority of ABOUT; flushed. */
gboolean pn_mailbox_put_status (PnMailbox *self, PnMessage *status, const PnMessage *about, GError **error);
/* The address the organizer invited the owner by; his calendar knows no other. */
PnAddress *pn_mailbox_invited_address (PnMailbox *self, const PnMessage *message);
/* An Internet address, "Name <local@host>", or a user of ours. */
PnAddress *pn_mailbox_parse_address (PnMailbox *self, const char *text, GError **error);
/* Fills in what a message to be sent lacks. */
gboolean pn_mailbox_complete (PnMailbox *self, PnMessage *message, GError **error);

/* --- mailbox-receipt.c --- */

/* Whether the sender of MESSAGE has asked to be told that it was opened. */
gboolean pn_mailbox_wants_opened (const PnMessage *message);
/* Tells him, if he has asked and may be told: without the owner's CONSENT those inside, and outside only who
 * is known to have sent it.  Twice the same status has the same id. */
gboolean pn_mailbox_send_opened (PnMailbox *self, PnMessage *message, gboolean consent, GError **error);

G_END_DECLS
