/* The calendar items of a mailbox, for the post office server and the user agent's library alike: what the
 * store knows of a UID, and the items in the In Box that stand for it. */
#pragma once

#include "convert/itip.h"
#include "directory/directory.h"
#include "store/store.h"

G_BEGIN_DECLS

typedef struct {
  const PnConfig *config;
  PnDirectory *directory;
  PnStore *store;
  const PnUser *user; /* whose mailbox */
} PnCalendarBox;

/* The context for messages to or from this mailbox; valid as long as SELF. */
PnItipContext pn_calendar_context (PnCalendarBox *self);
/* What is known of UID: from the store, else from what the owner has sent.  Never NULL but for errors. */
PnItipItem *pn_calendar_load (PnCalendarBox *self, const char *uid, GError **error);
gboolean pn_calendar_save (PnCalendarBox *self, PnItipItem *item, gint64 again, GError **error);

/* Makes the items of the In Box what ITEM says: one, or one for each instance of a series within the window
 * of [ofs] series-days and series-instances.  MESSAGE is what brought the change, NULL when only time has
 * passed.  *CHANGED_OUT tells whether anything did change; *AGAIN_OUT when the series wants further items (0:
 * never). */
gboolean pn_calendar_show (PnCalendarBox *self, PnItipItem *item, const PnMessage *message,
                           gboolean *changed_out, gint64 *again_out, GError **error);

/* Makes the item SENT of the Out Box say what holds of ITEM now; it stays the one that was sent first. */
gboolean pn_calendar_show_sent (PnCalendarBox *self, PnItipItem *item, PnItem *sent, GError **error);

G_END_DECLS
