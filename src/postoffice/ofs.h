/* What the files of the post office server share. */
#pragma once

#include "core/program.h"
#include "postoffice/calendar.h"
#include "queue/queue.h"

G_BEGIN_DECLS

/* A post office that is served. */
typedef struct {
  const char *name; /* borrowed from the configuration */
  PnQueue *work;    /* WPCSOUT/OFS: what is to be delivered */
  PnQueue *out;     /* WPCSIN: statuses leave by it */
  PnStore *store;
  char *notify_path;
  char *sweep_path;    /* its time stamp is that of the last sweep */
  GHashTable *changed; /* char *: FIDs whose mailbox got something in this batch */
} PnOffice;

typedef struct {
  PnProgram *program;
  PnDirectory *directory;
  PnOffice *offices;
  guint n_offices;
  guint back_off; /* seconds to wait after the store failed; 0 when it works */
} PnOfs;

/* A queue file on its way into the store. */
typedef struct {
  PnQueueItem *item; /* owned */
  PnMessage *message;
  PnSource *sealed;
  int fd; /* of a file too large for a row, else -1 */
  guint64 size;
  GPtrArray *statuses; /* PnMessage: to be sent when it is in the store */
  GPtrArray *hops;     /* PnHop: for the trace when it is in the store */
} PnDelivery;

typedef struct {
  const char *event;
  char *where;
  char *detail;
} PnHop;

void pn_delivery_hop (PnDelivery *self, const char *event, const char *where, const char *detail);

/* --- ofs-deliver.c --- */

/* Puts the message into the mailboxes of OFFICE (no commit) and makes the statuses that follow.  May be
 * repeated. */
gboolean pn_ofs_deliver (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error);
gboolean pn_ofs_is_ours (PnOfs *self, PnOffice *office, const PnAddress *address);
/* Keeps the message itself and adds an item to the In Box of FID. */
gboolean pn_ofs_add_item (PnOffice *office, PnDelivery *delivery, PnItem *item, const char *fid,
                          GError **error);
/* The message database that a delivery's message belongs into. */
guint pn_ofs_database (PnOfs *self, PnOffice *office, const PnMessage *message);

/* --- ofs-calendar.c --- */

PnCalendarBox pn_ofs_calendar_box (PnOfs *self, PnOffice *office, const PnUser *user);
/* Whether the message says something of a calendar item by its UID. */
gboolean pn_ofs_is_calendar (const PnMessage *message);
/* Does to the mailbox of USER (WHERE in logs) what it says.  ITEM is the message's. */
gboolean pn_ofs_place_calendar (PnOfs *self, PnOffice *office, PnDelivery *delivery, PnItem *item,
                                const PnUser *user, const char *where, GError **error);
/* Does to the sender's calendar what a status message says: an answer, or that an invitation did not arrive.
 */
gboolean pn_ofs_take_answer (PnOfs *self, PnOffice *office, PnDelivery *delivery, const PnUser *user,
                             PnItipOutcome *outcome, GError **error);
/* Series go on: their next instances come into the mailboxes. */
gboolean pn_ofs_extend_series (PnOfs *self, PnOffice *office, GError **error);

/* --- ofs-search.c --- */

/* Whether MESSAGE asks when somebody is busy, and is to be answered: [ofs] busy-search. */
gboolean pn_ofs_answers_search (PnOfs *self, const PnMessage *message);
/* Makes the answers; nothing comes into a mailbox. */
gboolean pn_ofs_take_search (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error);

/* --- ofs-status.c --- */

/* Adds the reports of a status message to what its recipients sent. */
gboolean pn_ofs_take_status (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error);
gboolean pn_ofs_wants_delivered (const PnMessage *message, const PnRecipient *recipient);
gboolean pn_ofs_wants_undeliverable (const PnMessage *message, const PnRecipient *recipient);
PnStatusReport *pn_ofs_report_new (PnAction action, const PnAddress *recipient, const char *code,
                                   const char *diagnostic);
/* The status about MESSAGE to its sender; REPORTS are taken.  NULL if nobody is to be told. */
PnMessage *pn_ofs_status_new (PnOfs *self, PnOffice *office, const PnMessage *message, const char *what,
                              GPtrArray *reports);

G_END_DECLS
