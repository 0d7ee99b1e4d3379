/* What the files that write calendar objects share. */
#pragma once

#include "convert/ical-private.h"

G_BEGIN_DECLS

typedef struct {
  PnMessage *message;
  const PnCalendar *calendar; /* of the message */
  PnMethod method;
  const char *component;
  gint64 now;
  GString *out;
  GString *line;    /* the one being made */
  GPtrArray *zones; /* char *: TZIDs whose VTIMEZONE is written */
  PnIcalText *came; /* the calendar part of the message, or NULL */
} PnIcalWriter;

/* -- one property (ical-write-lines.c); names end in ':' -- */

GString *pn_ical_begin_line (PnIcalWriter *writer, const char *name);
void pn_ical_end_line (PnIcalWriter *writer);
void pn_ical_put (PnIcalWriter *writer, const char *name, const char *value);
void pn_ical_put_text (PnIcalWriter *writer, const char *name, const char *text);
void pn_ical_put_number (PnIcalWriter *writer, const char *name, int number);
void pn_ical_put_instant (PnIcalWriter *writer, const char *name, gint64 instant);
/* A word of the native message: only what can stand in a name. */
void pn_ical_put_word (PnIcalWriter *writer, const char *name, const char *word);
/* NAME without ':'. */
void pn_ical_put_time (PnIcalWriter *writer, const char *name, const PnCalendarTime *time, gboolean date);

/* -- people (ical-write-people.c) -- */

const PnStatusReport *pn_ical_first_report (const PnIcalWriter *writer);
void pn_ical_put_organizer (PnIcalWriter *writer);
/* FALSE with ERROR set if a REPLY has nobody who answers. */
gboolean pn_ical_put_attendees (PnIcalWriter *writer, GError **error);

/* -- times (ical-write-times.c) -- */

void pn_ical_put_zones (PnIcalWriter *writer);
void pn_ical_put_times (PnIcalWriter *writer);
void pn_ical_put_recurrence (PnIcalWriter *writer);

/* -- what came and has no place in the native message (ical-carry.c) -- */

/* Fills writer->came if the message still has the calendar that it came with. */
void pn_ical_carry_begin (PnIcalWriter *writer);
/* The VTIMEZONE of TZID as it came, if it gives OFFSET at LOCAL. */
gboolean pn_ical_carry_zone (PnIcalWriter *writer, const char *tzid, gint64 local, int offset);
/* The properties of the item that the native message has no fields for. */
void pn_ical_carry_properties (PnIcalWriter *writer);
/* Messages made of the other components of its UID.  Caller unrefs. */
GPtrArray *pn_ical_carry_instances (PnIcalWriter *writer);

G_END_DECLS
