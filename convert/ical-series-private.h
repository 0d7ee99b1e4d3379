/* What the files about series share. */
#pragma once

#include "convert/ical-rule.h"
#include "convert/ical-series.h"

G_BEGIN_DECLS

/* An explicit date. */
typedef struct {
  gint64 local;
  gint64 length; /* seconds, of a PERIOD; else -1 */
} PnSeriesDate;

/* A component with a RECURRENCE-ID. */
typedef struct {
  PnCalendar *calendar; /* owned */
  gint64 key;           /* of the instance it is about */
  gint64 local;         /* when the rule has that */
  gboolean whole_day;   /* KEY is a day, though the series has times */
  gboolean cancelled;
  gboolean used;
} PnSeriesException;

/* A series, ready to be gone through.  An instance's key is its instant, or its local day * 86400 if it is a
 * date. */
typedef struct {
  const PnCalendar *calendar; /* borrowed; what the message itself says */
  gboolean orphan;            /* that is one instance of a series that is not known */
  const PnCalendarTime *base; /* DTSTART, or DUE of a task without */
  gint64 length;              /* seconds from start to end; -1: no end */
  gint64 nominal_days;        /* of a DURATION: days on the calendar */
  PnMessage *scratch;
  PnIcalText *text; /* the calendar part, or the zones that the message keeps */
  gboolean has_part;
  gboolean nameless; /* its component there has no UID: neither have its exceptions */
  PnIcalZones *zones;
  PnZone *site;
  char *site_timezone;
  GPtrArray *rules;      /* PnRule */
  GPtrArray *exclusions; /* PnRule: EXRULE */
  GArray *dates;         /* PnSeriesDate: RDATE, in order */
  GHashTable *excluded;  /* gint64 * keys: EXDATE */
  GHashTable *days;      /* gint64 * local days: EXDATE as a date in a series of times */
  GPtrArray *exceptions; /* PnSeriesException */
  GPtrArray *ranges;     /* PnSeriesException with THISANDFUTURE, in the order of LOCAL */
} PnSeries;

/* NULL with ERROR set if MESSAGE has no item with a time. */
PnSeries *pn_series_new (const PnMessage *message, const char *site_timezone, GError **error);
void pn_series_free (PnSeries *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSeries, pn_series_free)

/* The instant of the wall clock LOCAL in the zone of LIKE, and back. */
gint64 pn_series_instant (PnSeries *self, const PnCalendarTime *like, gint64 local);
gint64 pn_series_local (PnSeries *self, const PnCalendarTime *like, gint64 instant);
gint64 pn_series_key (PnSeries *self, gint64 local);
/* Fills TIME with LOCAL in the zone of LIKE. */
void pn_series_set_time (PnSeries *self, const PnCalendarTime *like, gint64 local, PnCalendarTime *time);
/* When TIME, of any zone or type, is on the clock of the series. */
gint64 pn_series_local_of (PnSeries *self, const PnCalendarTime *time);
/* Whether the local time of an instance lies behind the UNTIL of RULE. */
gboolean pn_series_is_behind (PnSeries *self, const PnRule *rule, gint64 local);

/* The local times of RULE in [FROM, TO], DTSTART among them, at most LIMIT; FALSE if there are more, or it
 * gave up.  WORK as in the iterator; what is left of it is put back. */
gboolean pn_series_go (PnSeries *self, const PnRule *rule, gint64 from, gint64 to, guint limit, guint *work,
                       GArray *locals);
/* The same for rules of other calendars (ical-rule-scale.c). */
gboolean pn_rule_scale_go (const PnRule *rule, const PnCalendarTime *start, gint64 from, gint64 to,
                           guint limit, GArray *locals);

PnCalendar *pn_calendar_copy (const PnCalendar *self);

G_END_DECLS
