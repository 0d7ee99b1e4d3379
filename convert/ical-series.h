/* Series: what a recurring item means instance by instance, and the rule that says it most simply. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* One instance of a series. */
typedef struct {
  char *recurrence_id; /* value of its RECURRENCE-ID in UTC ("20260310T090000Z"), or a date ("20260310") */
  PnCalendarTime original; /* when the rule has it */
  PnCalendarTime start;    /* when it is: moved by an exception */
  PnCalendarTime end;
  gboolean exception; /* an own component of the calendar object, or one with THISANDFUTURE, says what it is */
  PnCalendar *calendar; /* of an exception: what that component says; else NULL.  Owned */
} PnInstance;

void pn_instance_free (PnInstance *self);

/* The instances of the item in MESSAGE whose start lies in [FROM, TO) (seconds), in the order of their start,
 * at most MAX: from its calendar (DTSTART, RRULE, RDATE, EXDATE) and the exceptions in its calendar part
 * (PN_PART_CALENDAR).  *MORE_OUT (or NULL): whether [FROM, TO) has more of them.  A single item is
 * one instance.  Bounded in time for rules that yield nothing.  GPtrArray of PnInstance. */
GPtrArray *pn_ical_expand (PnMessage *message, gint64 from, gint64 to, guint max, const char *site_timezone,
                           gboolean *more_out, GError **error);

/* Whether RECURRENCE_ID (as above) is an instance of the series in MESSAGE: RFC 5546 3.2.2 wants a real one.
 */
gboolean pn_ical_is_instance (PnMessage *message, const char *recurrence_id, const char *site_timezone);

/* Why Exchange refuses RRULE for an item that starts at START, or NULL if it takes it (MS-OXCICAL 2.1.3.2).
 * Static. */
const char *pn_ical_rule_refused (const char *rrule, const PnCalendarTime *start);

/* The simplest rule that Exchange takes and that yields exactly what RRULE yields from START on, or NULL if
 * there is none.  Caller frees. */
char *pn_ical_rule_simplify (const char *rrule, const PnCalendarTime *start);

/* The simplest rule that Exchange takes and that yields exactly the STARTS (PnCalendarTime, ascending, one
 * zone), with COUNT; NULL if there is none.  Caller frees. */
char *pn_ical_rule_find (GPtrArray *starts);

/* A rule of vCalendar 1.0 ("W2 MO WE #10", "MP1 1+ MO #5") as RRULE;
 * NULL with PN_CONVERT_ERROR_SYNTAX if it is none.  Caller frees. */
char *pn_ical_rule_from_vcalendar (const char *rule, GError **error);

/* What a peer with Exchange's model of recurrence can take instead of MESSAGE: NULL if it takes MESSAGE as it
 * is (its rule may have been replaced by a simpler one that says the same), else single items, one per
 * instance from NOW on (at most MAX, the rest is named in the losses of the last one), each with a UID of its
 * own that is derived from the series' UID and the instance, so that a later message about the series makes
 * the same ones. GPtrArray of PnMessage. */
GPtrArray *pn_ical_singles (PnMessage *message, gint64 now, guint max, const char *site_timezone,
                            GError **error);

/* MESSAGE, which is about one instance of a series, as a message about the single item that stands for it; and
 * what takes back the single item of the instance RECURRENCE_ID of the series in MESSAGE.  NULL if it is no
 * such message. */
PnMessage *pn_ical_single_of_instance (const PnMessage *message);
PnMessage *pn_ical_single_cancel (const PnMessage *message, const char *recurrence_id);

/* The UID of the single item for the instance RECURRENCE_ID of the series UID, and back: FALSE if SINGLE is no
 * such UID.  Caller frees. */
char *pn_ical_single_uid (const char *uid, const char *recurrence_id);
gboolean pn_ical_single_uid_parse (const char *single, char **uid, char **recurrence_id);
/* Makes CALENDAR, if its UID is that of a single item, be about the instance of the series. */
void pn_ical_join_series (PnCalendar *calendar);

G_END_DECLS
