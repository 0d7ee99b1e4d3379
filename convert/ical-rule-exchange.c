/* What Exchange takes of recurrence rules, and the rules it takes that say the same as others.
 *
 * That two rules say the same is found by going through both: rules repeat with the Gregorian calendar, every
 * 146097 days (which are whole weeks) times what their intervals want, so when all instances of the common
 * period agree (or all up to the year 9999, if that is sooner), all agree. */
#include "convert/ical-rule.h"
#include "convert/ical-series.h"

#include <string.h>

#define DAY 86400
#define CYCLE 146097 /* days in 400 years */
#define SAMPLE 64
#define WEEKDAYS 0x3e
#define WEEKEND 0x41
#define WORK 1000000

static guint
count_bits (guint64 bits)
{
  guint count = 0;
  for (; bits; bits &= bits - 1)
    count++;
  return count;
}

static guint
mask_of (const PnRule *rule)
{
  guint mask = 0;
  for (guint i = 0; i < rule->days->len; i++)
    mask |= 1u << g_array_index (rule->days, PnRuleDay, i).weekday;
  return mask;
}

static gboolean
has_ordinals (const PnRule *rule)
{
  for (guint i = 0; i < rule->days->len; i++) {
    if (g_array_index (rule->days, PnRuleDay, i).ordinal != 0)
      return TRUE;
  }
  return FALSE;
}

/* -- a series of local times -- */

typedef struct {
  PnRuleIterator iterator;
  const PnRule *rule;
  gint64 start, until;
  int given;
} Walk;

static void
walk_init (Walk *self, const PnRule *rule, const PnCalendarTime *start)
{
  gint64 local = pn_calendar_time_local (start);
  pn_rule_iterator_init (&self->iterator, rule, local, start->is_date, WORK);
  self->rule = rule;
  self->start = local;
  self->until = G_MAXINT64;
  self->given = 0;
  if (!rule->until.set)
    return;
  self->until = pn_calendar_time_local (&rule->until);
  if (rule->until.is_date || start->is_date)
    self->until = pn_day_of (self->until) * DAY + DAY - 1;
  else if (rule->until_utc && start->tzid) {
    PnZone *zone = pn_zone_get (start->tzid);
    self->until += zone ? pn_zone_offset (zone, self->until) : local - start->unix_time;
  }
}

static void
walk_clear (Walk *self)
{
  pn_rule_iterator_clear (&self->iterator);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walk, walk_clear)

/* DTSTART is the first, whatever the rule says. */
static gboolean
walk_next (Walk *self, gint64 *local)
{
  if (self->rule->count > 0 && self->given >= self->rule->count)
    return FALSE;
  if (self->given++ == 0) {
    *local = self->start;
    return TRUE;
  }
  do {
    if (!pn_rule_iterator_next (&self->iterator, local))
      return FALSE;
  } while (*local == self->start);
  return *local <= self->until;
}

static gboolean
walk_gave_up (const Walk *self)
{
  return self->iterator.work == 0;
}

/* -- what is refused -- */

static const char *
refused_clock (const PnRule *rule, const PnCalendarTime *start)
{
  gboolean own = (rule->hours == 0 || rule->hours == 1u << start->hour)
                 && (rule->minutes == 0 || rule->minutes == G_GUINT64_CONSTANT (1) << start->minute)
                 && (rule->seconds == 0 || rule->seconds == G_GUINT64_CONSTANT (1) << start->second);
  return own || start->is_date ? NULL : "times of the day (BYHOUR, BYMINUTE, BYSECOND)";
}

static const char *
refused_position (const PnRule *rule)
{
  if (rule->positions->len > 1)
    return "more than one BYSETPOS";
  int position = rule->positions->len > 0 ? g_array_index (rule->positions, int, 0) : 1;
  return position == -1 || (position >= 1 && position <= 4) ? NULL : "a BYSETPOS other than 1 to 4 and -1";
}

/* The days of a month: one number, one counted weekday, or a counted kind of day. */
static const char *
refused_days (const PnRule *rule)
{
  guint numbers = count_bits (rule->month_days) + count_bits (rule->month_days_back), mask = mask_of (rule);
  if (numbers > 1)
    return "more than one BYMONTHDAY";
  if (rule->month_days_back & ~2u)
    return "a BYMONTHDAY counted from the end of the month";
  if (numbers > 0 && rule->days->len > 0)
    return "BYMONTHDAY with BYDAY";
  if (numbers > 0 && rule->positions->len > 0)
    return "BYMONTHDAY with BYSETPOS";
  if (rule->days->len == 0)
    return rule->positions->len > 0 ? "BYSETPOS without BYDAY" : NULL;
  if (has_ordinals (rule)) {
    int ordinal = g_array_index (rule->days, PnRuleDay, 0).ordinal;
    if (rule->days->len > 1 || rule->positions->len > 0)
      return "more than one counted weekday";
    return ordinal == -1 || (ordinal >= 1 && ordinal <= 4) ? NULL
                                                           : "a weekday counted other than 1 to 4 and -1";
  }
  if (rule->positions->len == 0)
    return "every weekday of a month";
  return count_bits (mask) == 1 || mask == WEEKDAYS || mask == WEEKEND || mask == 0x7f
             ? NULL
             : "BYSETPOS of some weekdays";
}

static const char *
refused_parts (const PnRule *rule)
{
  gboolean numbers = rule->month_days || rule->month_days_back;
  switch (rule->frequency) {
  case PN_FREQ_DAILY:
    return rule->days->len || rule->months || rule->positions->len || numbers
               ? "BYDAY, BYMONTH, BYMONTHDAY or BYSETPOS with DAILY"
           : rule->interval > 999 ? "an interval of more than 999 days"
                                  : NULL;
  case PN_FREQ_WEEKLY:
    return rule->months || rule->positions->len || numbers ? "BYMONTH, BYMONTHDAY or BYSETPOS with WEEKLY"
           : has_ordinals (rule)                           ? "counted weekdays with WEEKLY"
           : rule->interval > 99                           ? "an interval of more than 99 weeks"
                                                           : NULL;
  case PN_FREQ_MONTHLY:
    return rule->months          ? "BYMONTH with MONTHLY"
           : rule->interval > 99 ? "an interval of more than 99 months"
                                 : refused_days (rule);
  case PN_FREQ_YEARLY:
    if (count_bits (rule->months) > 1)
      return "more than one BYMONTH";
    if (rule->months == 0 && (rule->days->len > 0 || numbers))
      return "days of every month of the year";
    return rule->interval > 8 ? "an interval of more than 8 years" : refused_days (rule);
  default:
    return "a frequency below a day";
  }
}

/* Without looking whether DTSTART fits. */
static const char *
refused (const PnRule *rule, const PnCalendarTime *start)
{
  if (rule->rscale)
    return "another calendar (RSCALE)";
  if (rule->count > 0 && rule->until.set)
    return "COUNT together with UNTIL";
  if (rule->year_days->len > 0)
    return "BYYEARDAY";
  if (rule->weeks || rule->weeks_back)
    return "BYWEEKNO";
  const char *reason = refused_parts (rule);
  if (!reason)
    reason = refused_position (rule);
  return reason ? reason : refused_clock (rule, start);
}

static gboolean
has_start (const PnRule *rule, const PnCalendarTime *start)
{
  g_auto (PnRuleIterator) iterator = { 0 };
  gint64 local, own = pn_calendar_time_local (start);
  pn_rule_iterator_init (&iterator, rule, own, start->is_date, 3000);
  return pn_rule_iterator_next (&iterator, &local) && local == own;
}

const char *
pn_ical_rule_refused (const char *rrule, const PnCalendarTime *start)
{
  g_autoptr (PnRule) rule = pn_rule_parse (rrule, NULL);
  if (!rule)
    return "not a recurrence rule";
  const char *reason = refused (rule, start);
  if (reason)
    return reason;
  return has_start (rule, start) ? NULL : "DTSTART is not one of its instances";
}

/* -- whether two say the same -- */

static gint64
gcd (gint64 a, gint64 b)
{
  while (b) {
    gint64 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* In cycles of the calendar. */
static gint64
period_of (const PnRule *rule)
{
  static const gint64 units[] = {
    [PN_FREQ_DAILY] = CYCLE, [PN_FREQ_WEEKLY] = CYCLE / 7, [PN_FREQ_MONTHLY] = 4800, [PN_FREQ_YEARLY] = 400
  };
  gint64 cycle = rule->frequency < PN_FREQ_DAILY ? CYCLE * (gint64) DAY : units[rule->frequency];
  return rule->interval / gcd (cycle, rule->interval);
}

static gboolean
same_rules (const PnRule *a, const PnRule *b, const PnCalendarTime *start)
{
  gint64 one = period_of (a), two = period_of (b), common = one / gcd (one, two) * two;
  gint64 horizon = pn_calendar_time_local (start) + MIN (common, 24) * (CYCLE + 400) * (gint64) DAY;
  g_auto (Walk) first = { 0 }, second = { 0 };
  walk_init (&first, a, start);
  walk_init (&second, b, start);
  for (;;) {
    gint64 x = 0, y = 0;
    gboolean left = walk_next (&first, &x), right = walk_next (&second, &y);
    if (walk_gave_up (&first) || walk_gave_up (&second) || left != right || (left && x != y))
      return FALSE;
    if (!left || x > horizon)
      return TRUE;
  }
}

/* -- guessing -- */

/* What the first instances have in common. */
typedef struct {
  GArray *days;  /* gint64 */
  gint64 step;   /* days between all of them, or 0 */
  gint64 weeks;  /* divides the weeks between them */
  gint64 months; /* divides the months between them */
  guint weekdays;
  int month_day; /* or 0 */
  int weekday;   /* or -1 */
  int ordinal;   /* of the weekday, or 0 */
  gboolean last_day, last_weekday;
} Pattern;

static gint64
week_of (gint64 day)
{
  /* Weeks begin on Monday; day 0 was a Thursday. */
  return day + 3 >= 0 ? (day + 3) / 7 : -((-(day + 3) + 6) / 7);
}

static void
pattern_add (Pattern *self, gint64 day, gboolean first)
{
  int y, m, d, y0, m0, d0;
  gint64 start = g_array_index (self->days, gint64, 0);
  pn_days_to_civil (day, &y, &m, &d);
  pn_days_to_civil (start, &y0, &m0, &d0);
  int length = pn_days_of_month (y, m), weekday = pn_weekday (day), ordinal = (d - 1) / 7 + 1;
  self->weeks = gcd (week_of (day) - week_of (start), self->weeks);
  self->months = gcd ((y - y0) * (gint64) 12 + m - m0, self->months);
  self->weekdays |= 1u << weekday;
  self->month_day = first || self->month_day == d ? d : 0;
  self->weekday = first || self->weekday == weekday ? weekday : -1;
  self->ordinal = first || self->ordinal == ordinal ? ordinal : 0;
  self->last_day = (first || self->last_day) && d == length;
  self->last_weekday = (first || self->last_weekday) && d + 7 > length;
}

static void
pattern_find (Pattern *self)
{
  for (guint i = 0; i < self->days->len; i++) {
    gint64 day = g_array_index (self->days, gint64, i);
    pattern_add (self, day, i == 0);
    if (i == 1)
      self->step = day - g_array_index (self->days, gint64, 0);
    if (i > 1 && day - g_array_index (self->days, gint64, i - 1) != self->step)
      self->step = 0;
  }
}

/* The place of DAY among the days of its month whose weekday is in MASK: from the beginning, from the end. */
static void
place_of (gint64 day, guint mask, int *from_first, int *from_last)
{
  int y, m, d;
  pn_days_to_civil (day, &y, &m, &d);
  gint64 first = pn_civil_to_days (y, m, 1), end = first + pn_days_of_month (y, m);
  *from_first = *from_last = 0;
  for (gint64 other = first; other < end; other++) {
    gboolean counts = mask >> pn_weekday (other) & 1;
    *from_first += counts && other <= day;
    *from_last += counts && other >= day;
  }
}

/* The common place (1 to 4, -1) of all days among those of MASK, or 0. */
static int
find_place (const Pattern *self, guint mask, gboolean last)
{
  int place = 0;
  for (guint i = 0; i < self->days->len; i++) {
    int from_first, from_last;
    gint64 day = g_array_index (self->days, gint64, i);
    if (!(mask >> pn_weekday (day) & 1))
      return 0;
    place_of (day, mask, &from_first, &from_last);
    int own = last ? -from_last : from_first;
    if (i > 0 && own != place)
      return 0;
    place = own;
  }
  return place == -1 || (place >= 1 && place <= 4) ? place : 0;
}

static void add_candidate (GPtrArray *candidates, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
add_candidate (GPtrArray *candidates, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_ptr_array_add (candidates, g_strdup_vprintf (format, arguments));
  va_end (arguments);
}

static char *
weekday_list (guint mask)
{
  GString *list = g_string_new (NULL);
  for (int i = 1; i <= 7; i++) {
    if (mask >> (i % 7) & 1)
      g_string_append_printf (list, "%s%s", list->len > 0 ? "," : "", pn_weekday_name (i % 7));
  }
  return g_string_free (list, FALSE);
}

/* Every so many months, or years. */
static void
add_monthly (GPtrArray *candidates, const Pattern *self, const char *days)
{
  int y, m, d;
  pn_days_to_civil (g_array_index (self->days, gint64, 0), &y, &m, &d);
  if (self->months <= 0)
    return;
  if (self->months % 12 == 0)
    add_candidate (candidates, "FREQ=YEARLY;INTERVAL=%d;BYMONTH=%d;%s", (int) (self->months / 12), m, days);
  else
    add_candidate (candidates, "FREQ=MONTHLY;INTERVAL=%d;%s", (int) self->months, days);
}

static void
add_places (GPtrArray *candidates, const Pattern *self)
{
  static const guint masks[] = { WEEKDAYS, WEEKEND, 0x7f };
  for (guint i = 0; i < 2 * G_N_ELEMENTS (masks); i++) {
    guint mask = masks[i / 2];
    int place = find_place (self, mask, i % 2);
    g_autofree char *days = weekday_list (mask);
    g_autofree char *text = g_strdup_printf ("BYDAY=%s;BYSETPOS=%d", days, place);
    if (place != 0)
      add_monthly (candidates, self, text);
  }
}

/* The simplest first. */
static GPtrArray *
guess (const Pattern *self)
{
  GPtrArray *candidates = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *weekdays = weekday_list (self->weekdays);
  char text[64];
  if (self->step > 0 && self->step % 7 != 0)
    add_candidate (candidates, "FREQ=DAILY;INTERVAL=%d", (int) MIN (self->step, 100000));
  if (self->weeks > 0)
    add_candidate (candidates, "FREQ=WEEKLY;INTERVAL=%d;BYDAY=%s", (int) MIN (self->weeks, 100000), weekdays);
  if (self->month_day > 0) {
    g_snprintf (text, sizeof text, "BYMONTHDAY=%d", self->month_day);
    add_monthly (candidates, self, text);
  }
  if (self->last_day)
    add_monthly (candidates, self, "BYMONTHDAY=-1");
  if (self->weekday >= 0 && self->ordinal >= 1 && self->ordinal <= 4) {
    g_snprintf (text, sizeof text, "BYDAY=%d%s", self->ordinal, pn_weekday_name (self->weekday));
    add_monthly (candidates, self, text);
  }
  if (self->weekday >= 0 && self->last_weekday) {
    g_snprintf (text, sizeof text, "BYDAY=-1%s", pn_weekday_name (self->weekday));
    add_monthly (candidates, self, text);
  }
  add_places (candidates, self);
  if (self->step > 0)
    add_candidate (candidates, "FREQ=DAILY;INTERVAL=%d", (int) MIN (self->step, 100000));
  return candidates;
}

static PnRule *
try_candidate (const char *text, const PnRule *rule, int count, const PnCalendarTime *start)
{
  g_autoptr (PnRule) candidate = pn_rule_parse (text, NULL);
  if (!candidate)
    return NULL;
  candidate->count = count;
  if (count == 0) {
    pn_calendar_time_copy (&candidate->until, &rule->until);
    candidate->until_utc = rule->until_utc;
  }
  if (refused (candidate, start) || !has_start (candidate, start) || !same_rules (candidate, rule, start))
    return NULL;
  return g_steal_pointer (&candidate);
}

/* The first days of the rule; FALSE if two instances are on one, or at different times. */
static gboolean
sample (const PnRule *rule, const PnCalendarTime *start, GArray *days)
{
  g_auto (Walk) walk = { 0 };
  gint64 local, clock = pn_calendar_time_local (start) - pn_day_of (pn_calendar_time_local (start)) * DAY;
  walk_init (&walk, rule, start);
  while (days->len < SAMPLE && walk_next (&walk, &local)) {
    gint64 day = pn_day_of (local);
    if (local - day * DAY != clock || (days->len > 0 && g_array_index (days, gint64, days->len - 1) == day))
      return FALSE;
    g_array_append_val (days, day);
  }
  return !walk_gave_up (&walk) && days->len > 0;
}

int
pn_rule_instances (const PnRule *rule, const PnCalendarTime *start)
{
  g_auto (Walk) walk = { 0 };
  gint64 local;
  int count = 0;
  if (rule->count == 0)
    return 0;
  walk_init (&walk, rule, start);
  while (walk_next (&walk, &local))
    count++;
  return walk_gave_up (&walk) ? 0 : count;
}

char *
pn_ical_rule_simplify (const char *rrule, const PnCalendarTime *start)
{
  g_autoptr (PnRule) rule = pn_rule_parse (rrule, NULL);
  if (!rule)
    return NULL;
  if (!pn_ical_rule_refused (rrule, start))
    return g_strdup (rrule);
  g_autoptr (GArray) days = g_array_new (FALSE, FALSE, sizeof (gint64));
  if (rule->rscale || !sample (rule, start, days))
    return NULL;
  int count = pn_rule_instances (rule, start);
  if (rule->count > 0 && count == 0)
    return NULL;
  /* An end that Exchange takes, and the rest as it was. */
  g_autoptr (PnRule) ended = pn_rule_copy (rule);
  ended->count = count;
  ended->until.set = count == 0 && rule->until.set;
  ended->hours = 0;
  ended->minutes = ended->seconds = 0;
  if (!refused (ended, start) && has_start (ended, start) && same_rules (ended, rule, start))
    return pn_rule_to_string (ended);
  Pattern pattern = { .days = days, .weekday = -1 };
  pattern_find (&pattern);
  g_autoptr (GPtrArray) candidates = guess (&pattern);
  if (days->len == 1)
    g_ptr_array_insert (candidates, 0, g_strdup ("FREQ=DAILY"));
  for (guint i = 0; i < candidates->len; i++) {
    g_autoptr (PnRule) found = try_candidate (candidates->pdata[i], rule, days->len == 1 ? 1 : count, start);
    if (found)
      return pn_rule_to_string (found);
  }
  return NULL;
}

/* -- a rule for dates -- */

static gboolean
yields (const PnRule *rule, GPtrArray *starts)
{
  g_auto (Walk) walk = { 0 };
  gint64 local;
  walk_init (&walk, rule, starts->pdata[0]);
  for (guint i = 0; i < starts->len; i++) {
    if (!walk_next (&walk, &local) || local != pn_calendar_time_local (starts->pdata[i]))
      return FALSE;
  }
  return TRUE;
}

char *
pn_ical_rule_find (GPtrArray *starts)
{
  if (starts->len < 2)
    return NULL;
  const PnCalendarTime *start = starts->pdata[0];
  g_autoptr (GArray) days = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 clock = pn_calendar_time_local (start) - pn_day_of (pn_calendar_time_local (start)) * DAY;
  for (guint i = 0; i < starts->len; i++) {
    gint64 local = pn_calendar_time_local (starts->pdata[i]), day = pn_day_of (local);
    if (local - day * DAY != clock || (i > 0 && day <= g_array_index (days, gint64, i - 1)))
      return NULL;
    g_array_append_val (days, day);
  }
  Pattern pattern = { .days = days, .weekday = -1 };
  pattern_find (&pattern);
  g_autoptr (GPtrArray) candidates = guess (&pattern);
  for (guint i = 0; i < candidates->len; i++) {
    g_autoptr (PnRule) candidate = pn_rule_parse (candidates->pdata[i], NULL);
    if (!candidate)
      continue;
    candidate->count = (int) starts->len;
    if (!refused (candidate, start) && has_start (candidate, start) && yields (candidate, starts))
      return pn_rule_to_string (candidate);
  }
  return NULL;
}
