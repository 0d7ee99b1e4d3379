/* The user agent's library: what a person does with his mailbox.  Works on the store and the post office's
 * WPCSIN. */
#pragma once

#include "convert/itip.h"
#include "directory/directory.h"
#include "queue/queue.h"
#include "store/store.h"

G_BEGIN_DECLS

#define PN_MAILBOX_ERROR (pn_mailbox_error_quark ())
GQuark pn_mailbox_error_quark (void);
typedef enum {
  PN_MAILBOX_ERROR_RECIPIENT, /* an address that nobody answers to, or that is none */
  PN_MAILBOX_ERROR_STATE      /* the item is not one this can be done with */
} PnMailboxError;

typedef struct PnMailbox PnMailbox; /* one thread at a time */

/* USER is a user id, "user.post office", "user.post office.domain", or an Internet address of ours.  What an
 * earlier process kept in the Out Box but did not get into the queue is put there now. */
PnMailbox *pn_mailbox_open (const PnConfig *config, PnKey *key, const char *user, GError **error);
void pn_mailbox_close (PnMailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnMailbox, pn_mailbox_close)

const PnUser *pn_mailbox_user (PnMailbox *self);
PnStore *pn_mailbox_store (PnMailbox *self); /* borrowed */
const char *pn_mailbox_fid (PnMailbox *self);

/* Adds the recipient TEXT ("Name <local@host>", local@host, or a native address as for pn_mailbox_open),
 * which is looked up at once: RECIPIENT if it is one of ours that nobody answers to, or no address. */
gboolean pn_mailbox_add_recipient (PnMailbox *self, PnMessage *message, PnDistribution distribution,
                                   const char *text, GError **error);
/* Completes MESSAGE (id, date, from, native and Internet addresses; recipients may be given as Internet
 * addresses or native ones; organizer, attendees and UID of an appointment), keeps it in the Out Box
 * (Pending), and puts it into WPCSIN, flushed, before it returns.  On failure nothing is kept.  RECIPIENT if
 * one is not known here and has no Internet address. *NUMBER_OUT (or NULL) is the item's number in the Out
 * Box. */
gboolean pn_mailbox_send (PnMailbox *self, PnMessage *message, gint64 *number_out, GError **error);
/* Answers the invitation NUMBER: reply to the organizer, flags on the item.  STATE if it is no invitation or
 * was taken back. */
gboolean pn_mailbox_answer (PnMailbox *self, gint64 number, PnPartstat partstat, const char *comment,
                            GError **error);
typedef enum {
  PN_ACT_ANSWER,          /* an invitation in the In Box */
  PN_ACT_COUNTER,         /* the same: another time is proposed */
  PN_ACT_DELEGATE,        /* the same: WHO goes instead */
  PN_ACT_REFRESH,         /* the same: the organizer is asked for what holds */
  PN_ACT_CANCEL,          /* a sent item; WHO: he alone is uninvited */
  PN_ACT_REVISE,          /* a sent item: CHANGE */
  PN_ACT_DECLINE_COUNTER, /* a sent item: the proposal of WHO */
  PN_ACT_PUBLISH_ADD      /* a sent series: one more instance, at CHANGE */
} PnMailboxActKind;

typedef struct {
  PnMailboxActKind kind;
  PnPartstat partstat;
  const char *comment;    /* or NULL */
  const char *recurrence; /* of one instance, as in PnInstance; NULL: what the item stands for */
  gboolean instance;      /* not the series, but the instance alone that the item stands for */
  gboolean this_and_future;
  const char *who; /* an address */
  const PnItipChange *change;
} PnMailboxAct;

/* Does ACT with the calendar item NUMBER and tells the others.  STATE if it cannot be done with it; RECIPIENT
 * if WHO is no address. */
gboolean pn_mailbox_act (PnMailbox *self, gint64 number, const PnMailboxAct *act, GError **error);
/* What the owner sets for himself of a calendar item: nobody is told, and updates leave it as it is. */
typedef struct {
  const char *show_as; /* "free", "tentative", "busy" or "oof" (out of office); NULL: as it is */
  gboolean set_alarm;
  gint64 alarm; /* seconds before the start; < 0: none */
} PnMailboxOwn;

gboolean pn_mailbox_is_show_as (const char *word);
/* For all instances of the item NUMBER.  STATE if it is no calendar item. */
gboolean pn_mailbox_set_own (PnMailbox *self, gint64 number, const PnMailboxOwn *own, GError **error);
/* What holds of ITEM, by him or by its organizer; the text in *OWN_OUT is static.  FALSE without an error if
 * it is no calendar item. */
gboolean pn_mailbox_get_own (PnMailbox *self, const PnItem *item, PnMailboxOwn *own_out, GError **error);
/* What was said of the calendar item NUMBER (PnItipAnswer), for organizers; empty if it is none. */
GPtrArray *pn_mailbox_answers (PnMailbox *self, gint64 number, GError **error);
/* Reads an item and marks it read; an Opened status goes back if it was asked for, and the item comes from
 * someone inside, or from outside and the one address that wants it is the return path (RFC 8098, 2.1). */
PnMessage *pn_mailbox_read (PnMailbox *self, gint64 number, PnItem **item_out, GError **error);
/* The owner agrees that the Opened status goes to whomever the sender of item NUMBER named.  STATE if nobody
 * asked for one. */
gboolean pn_mailbox_confirm (PnMailbox *self, gint64 number, GError **error);

G_END_DECLS
