/* Recurrence rules (RFC 5545, 3.3.10), on the clock of the wall where the series begins.
 *
 * They are gone through here rather than by libical, because that looks for minutes for days that never come,
 * cannot be told where to begin, and refuses what many writers write: COUNT with UNTIL, UNTIL as a date.
 * Rules of other calendars (RSCALE) are libical's. */
#pragma once

#include "convert/ical-private.h"

G_BEGIN_DECLS

typedef enum {
  PN_FREQ_SECONDLY,
  PN_FREQ_MINUTELY,
  PN_FREQ_HOURLY,
  PN_FREQ_DAILY,
  PN_FREQ_WEEKLY,
  PN_FREQ_MONTHLY,
  PN_FREQ_YEARLY
} PnFrequency;

typedef struct {
  int ordinal; /* "-1SU"; 0: every */
  int weekday; /* 0: Sunday */
} PnRuleDay;

typedef struct {
  PnFrequency frequency;
  int interval;
  int count;            /* 0: no COUNT */
  PnCalendarTime until; /* wall clock as it stands there */
  gboolean until_utc;
  int week_start; /* 0: Sunday */
  /* Sets of numbers, as bits; 0: the part is not given. */
  guint64 seconds, minutes;
  guint32 hours, months, month_days, month_days_back; /* BACK: negative ones, without the sign */
  guint64 weeks, weeks_back;
  GArray *year_days; /* int */
  GArray *days;      /* PnRuleDay */
  GArray *positions; /* int: BYSETPOS */
  char *text;        /* as it came */
  char *rscale;      /* upper case; NULL: of the Gregorian calendar, without SKIP */
} PnRule;

/* NULL with PN_CONVERT_ERROR_SYNTAX if TEXT is no rule.  Parts that RFC 5545 does not know are passed over.
 */
PnRule *pn_rule_parse (const char *text, GError **error);
PnRule *pn_rule_copy (const PnRule *self);
void pn_rule_free (PnRule *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnRule, pn_rule_free)
/* The rule as text, parts in the order Exchange writes them. */
char *pn_rule_to_string (const PnRule *self);

/* Whether the calendar of a rule with RSCALE, and what it wants of it, is known. */
gboolean pn_rule_scale_known (const PnRule *self);
/* The rule of X-MICROSOFT-CALSCALE and X-MICROSOFT-RRULE; NULL if the calendar is not known.  Caller frees.
 */
char *pn_rule_from_microsoft (const char *calscale, const char *rrule);

/* How many instances a rule with COUNT has from START on, which is the first: UNTIL may end it sooner.  0: it
 * has no COUNT, or they are too many to be counted. */
int pn_rule_instances (const PnRule *self, const PnCalendarTime *start);

/* Goes through the local times (seconds as if it were UTC) of a rule, in their order. */
typedef struct {
  const PnRule *rule;
  gint64 start; /* DTSTART; nothing before it is given out */
  gboolean is_date;
  gint64 index;    /* of the present period: a year, month, week, day, hour ... */
  gint64 fruitful; /* the last period that had an instance, or the first */
  gint64 end;      /* last day that is looked at */
  GArray *bases;   /* gint64: the days (or hours ...) of the period that the rule has */
  GArray *offsets; /* gint64: seconds behind each base */
  GArray *places;  /* gint64: BYSETPOS as places among all of the period's */
  gint64 place;    /* the next one */
  guint work;      /* days yet to be looked at before it gives up */
  gboolean opened;
} PnRuleIterator;

/* RULE is borrowed.  WORK: how many days it may look at; 0: as many as are sensible. */
void pn_rule_iterator_init (PnRuleIterator *self, const PnRule *rule, gint64 start, gboolean is_date,
                            guint work);
/* Leaves out what lies before LOCAL, as far as that saves time.  Not for rules with COUNT. */
void pn_rule_iterator_seek (PnRuleIterator *self, gint64 local);
/* FALSE when there is none before the year 9999, or it gave up (work is 0 then).  COUNT and UNTIL are the
 * caller's matter. */
gboolean pn_rule_iterator_next (PnRuleIterator *self, gint64 *local);
void pn_rule_iterator_clear (PnRuleIterator *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnRuleIterator, pn_rule_iterator_clear)

G_END_DECLS
