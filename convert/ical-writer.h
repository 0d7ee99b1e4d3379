/* What the files that write calendar objects share. */
#pragma once

#include "convert/ical-private.h"

G_BEGIN_DECLS

typedef struct PnIcalWrittenZones PnIcalWrittenZones;

typedef struct {
  const PnIcalOptions *options;
  PnMessage *message;
  const PnCalendar *calendar; /* of the message */
  PnMethod method;
  const char *component;
  gint64 now;
  GString *out;
  GString *line;    /* the one being made */
  GPtrArray *zones; /* char *: TZIDs whose VTIMEZONE is written */
  PnIcalText *came; /* the calendar part of the message, or NULL */
  PnIcalWrittenZones *written;     /* the zones as whoever reads the object will take them */
  GHashTable *parameters;          /* kept parameters, see pn_ical_carry_parameters(); or NULL */
  const PnCalendar *parameters_of; /* whose they are */
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

PnIcalWrittenZones *pn_ical_written_zones_new (PnIcalWriter *writer);
void pn_ical_written_zones_free (PnIcalWrittenZones *self);
/* Whether TIME, written in its zone, is read as the instant it is. */
gboolean pn_ical_is_exact (PnIcalWriter *writer, const PnCalendarTime *time);

void pn_ical_put_zones (PnIcalWriter *writer);
void pn_ical_put_times (PnIcalWriter *writer);
void pn_ical_put_recurrence (PnIcalWriter *writer);

/* -- floating times (ical-floating.c) -- */

gboolean pn_ical_is_floating (const PnIcalOptions *options, const PnCalendar *calendar, PnMethod method);
/* Puts the floating times of CALENDAR into the zone NAME, and takes that back: BEFORE is a plain copy. */
void pn_ical_pin (PnCalendar *calendar, const char *name);
void pn_ical_unpin (PnCalendar *calendar, const PnCalendar *before);

/* -- what came and has no place in the native message (ical-carry.c) -- */

/* Fills writer->came if the message still has the calendar that it came with. */
void pn_ical_carry_begin (PnIcalWriter *writer);
/* The VTIMEZONE of TZID that the calendar keeps. */
gboolean pn_ical_carry_zone (PnIcalWriter *writer, const char *tzid);
/* The properties of the item that the native message has no fields for, those of the object, and the
 * components inside with the alarm. */
void pn_ical_carry_properties (PnIcalWriter *writer);
void pn_ical_carry_object (PnIcalWriter *writer);
void pn_ical_carry_components (PnIcalWriter *writer);
/* Appends to the line being made the parameters that the property NAME came with, if it still says VALUE. */
void pn_ical_carry_parameters (PnIcalWriter *writer, const char *name, const char *value);
/* TEXT with these parameters; NAME without ':'. */
void pn_ical_put_carried_text (PnIcalWriter *writer, const char *name, const char *text);
void pn_ical_put_alarm (PnIcalWriter *writer);
/* The files of the message, if the options want them in the object. */
gboolean pn_ical_put_attachments (PnIcalWriter *writer, GError **error);
/* Messages made of the other components of its UID.  Caller unrefs. */
GPtrArray *pn_ical_carry_instances (PnIcalWriter *writer);

G_END_DECLS
