/* When the owner of a mailbox is busy: for searches (free/busy). */
#pragma once

#include "postoffice/calendar.h"

G_BEGIN_DECLS

/* Longest window that is answered, seconds; what lies behind it is not said. */
#define PN_BUSY_WINDOW (389 * 86400)

/* The blocks (PnBusyBlock) within [BEGIN, END) in which appointments of the In Box and the Out Box keep him
 * busy, in the order of time, those that touch put together.  What was declined, cancelled or shows its time
 * as free does not count; what was not answered yet does. */
GPtrArray *pn_calendar_busy (PnCalendarBox *self, gint64 begin, gint64 end, GError **error);

G_END_DECLS
