/* iCalendar and iTIP/iMIP (RFC 5545, 5546, 6047) to native appointments, tasks and notes, and back. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* Reads the calendar object in TEXT into MESSAGE: its type (a REPLY makes a Status with reports; COUNTER,
 * REFRESH, ADD and DECLINECOUNTER stay what their component is, with that calendar->method), calendar, and,
 * where the message has none of its own, subject, from, recipients, date, priority, security and bodies
 * (DESCRIPTION, X-ALT-DESC). TEXT is UTF-8 as it came: lines may be folded inside a character, so it must not
 * be repaired or tested before; lines that are no UTF-8 when unfolded are read as windows-1252.  METHOD is
 * that of the Content-Type or NULL; the object's own wins.  SITE_TIMEZONE as in PnMimeOptions.  FALSE with
 * PN_CONVERT_ERROR_SYNTAX if nothing in it can be used: the caller then keeps it as an attachment.  What is
 * dropped or repaired is added to losses. */
gboolean pn_ical_read (PnMessage *message, const char *text, gsize length, const char *method,
                       const char *site_timezone, GError **error);

/* The iCalendar object for MESSAGE, CRLF line ends, UTF-8: composed from message->calendar (and a REPLY from
 * a status message's calendar and reports).  NOW stamps DTSTAMP where there is none.  Caller frees. */
char *pn_ical_write (PnMessage *message, gint64 now, GError **error);

typedef enum {
  PN_ICAL_ATTACH_BESIDE, /* files travel as parts of the mail */
  PN_ICAL_ATTACH_INLINE  /* as base64 in the object, which travels alone */
} PnIcalAttach;

typedef struct {
  PnIcalAttach attachments;
  guint zone_years; /* how many years of a zone whose rules change are written, each as it is; 0: only the pair
                       of rules that holds at the event, which is all that Exchange takes */
  const char *floating_zone; /* of a meeting's floating times, which Exchange takes for UTC; NULL: they stay */
} PnIcalOptions;

/* As pn_ical_write(). */
char *pn_ical_write_with (PnMessage *message, const PnIcalOptions *options, gint64 now, GError **error);

/* Whether the attachment PART stands for a link that the calendar object names: it is not sent beside it. */
gboolean pn_ical_is_link (const PnMessage *message, const PnPart *part);

/* The UID of MESSAGE: that of its calendar, else one made from its Msg-ID (of a status: that of the message
 * it is about) and PN_ICAL_UID_SUFFIX; NULL if it has neither.  Caller frees. */
char *pn_ical_uid (const PnMessage *message);
#define PN_ICAL_UID_SUFFIX "@postern"

/* The reply of ATTENDEE to the invitation in MESSAGE: a new status message with method REPLY, UID, SEQUENCE,
 * RECURRENCE-ID and ORGANIZER kept and exactly one attendee.  COMMENT may be NULL. */
PnMessage *pn_ical_reply (const PnMessage *invitation, const PnAddress *attendee, PnPartstat partstat,
                          const char *comment, gint64 now);

/* A few lines that tell a person what the appointment says (for the plain body).  Caller frees. */
char *pn_ical_describe (const PnCalendar *calendar);

/* Zones.  The IANA name for a Windows, IANA or GroupWise display name; NULL if unknown.  Borrowed, never
 * freed. */
const char *pn_timezone_find (const char *name);
/* Seconds since 1970 of a wall clock time in the zone TZID (IANA). */
gboolean pn_timezone_to_unix (const char *tzid, int year, int month, int day, int hour, int minute,
                              int second, gint64 *unix_time);
/* Wall clock in TZID of an instant; fills all but tzid. */
gboolean pn_timezone_from_unix (const char *tzid, gint64 unix_time, PnCalendarTime *out);
/* A VTIMEZONE with one STANDARD and at most one DAYLIGHT observance, yearly rules, as valid at AT.  Caller
 * frees. */
char *pn_timezone_write (const char *tzid, gint64 at);

G_END_DECLS
