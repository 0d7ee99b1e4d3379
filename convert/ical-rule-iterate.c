#include "convert/ical-rule.h"

#include <string.h>

#define DAY 86400
#define DEFAULT_WORK 1000000
#define DAYS_OF_400_YEARS G_GINT64_CONSTANT (146097)

static gint64
divide (gint64 a, gint64 b)
{
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* -- a day -- */

typedef struct {
  gint64 days; /* since 1970 */
  int year, month, day;
} Day;

static Day
day_of (gint64 days)
{
  Day day = { .days = days };
  pn_days_to_civil (days, &day.year, &day.month, &day.day);
  return day;
}

/* The first day of the first week of YEAR: the one with at least four of its days. */
static gint64
first_week (int year, int week_start)
{
  gint64 fourth = pn_civil_to_days (year, 1, 4);
  return fourth - (pn_weekday (fourth) - week_start + 7) % 7;
}

static gboolean
in_weeks (const PnRule *rule, const Day *day)
{
  int year = day->year;
  gint64 first = first_week (year, rule->week_start), next = first_week (year + 1, rule->week_start);
  if (day->days < first) {
    next = first;
    first = first_week (year - 1, rule->week_start);
  } else if (day->days >= next) {
    first = next;
    next = first_week (year + 2, rule->week_start);
  }
  int week = (int) (day->days - first) / 7 + 1, weeks = (int) (next - first) / 7;
  return (rule->weeks >> week & 1) || (rule->weeks_back >> (weeks - week + 1) & 1);
}

static gboolean
in_year_days (const PnRule *rule, const Day *day)
{
  gint64 first = pn_civil_to_days (day->year, 1, 1);
  int number = (int) (day->days - first) + 1;
  int length = (int) (pn_civil_to_days (day->year + 1, 1, 1) - first);
  for (guint i = 0; i < rule->year_days->len; i++) {
    int wanted = g_array_index (rule->year_days, int, i);
    if (wanted == number || wanted == number - length - 1)
      return TRUE;
  }
  return FALSE;
}

/* "2MO" counts in the month or in the year. */
static gboolean
is_ordinal (const PnRule *rule, const Day *day, int ordinal)
{
  int number = day->day, length = pn_days_of_month (day->year, day->month);
  if (rule->frequency == PN_FREQ_YEARLY && rule->months == 0) {
    gint64 first = pn_civil_to_days (day->year, 1, 1);
    number = (int) (day->days - first) + 1;
    length = (int) (pn_civil_to_days (day->year + 1, 1, 1) - first);
  }
  return ordinal > 0 ? (number - 1) / 7 + 1 == ordinal : (length - number) / 7 + 1 == -ordinal;
}

static gboolean
in_days (const PnRule *rule, const Day *day)
{
  int weekday = pn_weekday (day->days);
  /* With another frequency, or weeks, the number before the weekday says nothing. */
  gboolean counts
      = rule->frequency >= PN_FREQ_MONTHLY && rule->weeks == 0 && rule->weeks_back == 0;
  for (guint i = 0; i < rule->days->len; i++) {
    const PnRuleDay *wanted = &g_array_index (rule->days, PnRuleDay, i);
    if (wanted->weekday == weekday
        && (wanted->ordinal == 0 || !counts || is_ordinal (rule, day, wanted->ordinal)))
      return TRUE;
  }
  return FALSE;
}

static gboolean
in_month_days (const PnRule *rule, const Day *day)
{
  int length = pn_days_of_month (day->year, day->month);
  return (rule->month_days >> day->day & 1) || (rule->month_days_back >> (length - day->day + 1) & 1);
}

static gboolean
day_matches (const PnRule *rule, const Day *day)
{
  if (rule->months != 0 && !(rule->months >> day->month & 1))
    return FALSE;
  if ((rule->month_days != 0 || rule->month_days_back != 0) && !in_month_days (rule, day))
    return FALSE;
  if (rule->days->len > 0 && !in_days (rule, day))
    return FALSE;
  if (rule->year_days->len > 0 && !in_year_days (rule, day))
    return FALSE;
  return (rule->weeks == 0 && rule->weeks_back == 0) || in_weeks (rule, day);
}

/* -- the days of a period -- */

static gboolean
names_days (const PnRule *rule)
{
  return rule->month_days != 0 || rule->month_days_back != 0 || rule->year_days->len > 0
         || rule->days->len > 0;
}

static gboolean
names_weeks (const PnRule *rule)
{
  return rule->weeks != 0 || rule->weeks_back != 0;
}

/* What the rule does not say is taken from DTSTART. */
static gboolean
like_start (const PnRuleIterator *self, const Day *day)
{
  const PnRule *rule = self->rule;
  if (names_days (rule))
    return TRUE;
  Day start = day_of (divide (self->start, DAY));
  if (rule->frequency == PN_FREQ_WEEKLY || names_weeks (rule))
    return pn_weekday (day->days) == pn_weekday (start.days);
  if (rule->frequency < PN_FREQ_WEEKLY)
    return TRUE;
  return day->day == start.day
         && (rule->frequency == PN_FREQ_MONTHLY || rule->months != 0 || day->month == start.month);
}

static void
spend (PnRuleIterator *self, guint work)
{
  self->work -= MIN (self->work, work);
}

static void
add_days (PnRuleIterator *self, gint64 first, gint64 last)
{
  Day day = day_of (first);
  int length = pn_days_of_month (day.year, day.month);
  spend (self, (guint) (last - first + 1));
  for (; day.days <= last; day.days++, day.day++) {
    if (day.day > length) {
      day.day = 1;
      day.year += day.month == 12;
      day.month = day.month % 12 + 1;
      length = pn_days_of_month (day.year, day.month);
    }
    if (day_matches (self->rule, &day) && like_start (self, &day)) {
      gint64 base = day.days * DAY;
      g_array_append_val (self->bases, base);
    }
  }
}

static void
add_year (PnRuleIterator *self, int year)
{
  guint32 months = self->rule->months;
  if (months == 0 && !names_days (self->rule) && !names_weeks (self->rule))
    months = 1u << day_of (divide (self->start, DAY)).month;
  if (months == 0) {
    add_days (self, pn_civil_to_days (year, 1, 1), pn_civil_to_days (year, 12, 31));
    return;
  }
  for (int month = 1; month <= 12; month++) {
    if (months >> month & 1) {
      gint64 first = pn_civil_to_days (year, month, 1);
      add_days (self, first, first + pn_days_of_month (year, month) - 1);
    }
  }
}

/* -- periods -- */

static gint64
unit_of (PnFrequency frequency)
{
  static const gint64 units[] = { 1, 60, 3600, DAY, 7 * DAY };
  return units[frequency];
}

/* Seconds of the first day of a week, for the weeks to be counted from. */
static gint64
week_origin (const PnRule *rule)
{
  return rule->frequency == PN_FREQ_WEEKLY ? (rule->week_start - 4) * (gint64) DAY : 0;
}

/* The number of the period that LOCAL is in. */
static gint64
index_of (const PnRule *rule, gint64 local)
{
  if (rule->frequency < PN_FREQ_MONTHLY)
    return divide (local - week_origin (rule), unit_of (rule->frequency));
  Day day = day_of (divide (local, DAY));
  return rule->frequency == PN_FREQ_YEARLY ? day.year : day.year * (gint64) 12 + day.month - 1;
}

/* The first period of the rule in which LOCAL is or that is behind it. */
static gint64
index_from (const PnRuleIterator *self, gint64 local)
{
  gint64 first = index_of (self->rule, self->start), index = index_of (self->rule, local);
  gint64 steps = divide (index - first + self->rule->interval - 1, self->rule->interval);
  return first + MAX (steps, 0) * self->rule->interval;
}

/* The beginning of the next month, day, hour or minute that the rule may have, if it has none of the
 * present one; else 0. */
static gint64
find_gap (const PnRuleIterator *self, gint64 local)
{
  const PnRule *rule = self->rule;
  Day day = day_of (divide (local, DAY));
  gint64 clock = local - day.days * DAY;
  if (rule->months != 0 && !(rule->months >> day.month & 1))
    return (pn_civil_to_days (day.year, day.month, 1) + pn_days_of_month (day.year, day.month)) * DAY;
  if (!day_matches (rule, &day))
    return (day.days + 1) * DAY;
  if (rule->frequency <= PN_FREQ_HOURLY && rule->hours != 0 && !(rule->hours >> (clock / 3600) & 1))
    return local - clock % 3600 + 3600;
  if (rule->frequency <= PN_FREQ_MINUTELY && rule->minutes != 0 && !(rule->minutes >> (clock % 3600 / 60) & 1))
    return local - clock % 60 + 60;
  if (rule->frequency == PN_FREQ_SECONDLY && rule->seconds != 0 && !(rule->seconds >> (clock % 60) & 1))
    return local + 1;
  return 0;
}

/* The calendar is the same again after 400 years: a rule that had nothing for so many of its periods as they
 * have has nothing at all. */
static gboolean
is_barren (const PnRuleIterator *self)
{
  PnFrequency frequency = self->rule->frequency;
  gint64 cycle = frequency == PN_FREQ_YEARLY    ? 400
                 : frequency == PN_FREQ_MONTHLY ? 400 * 12
                                                : DAYS_OF_400_YEARS * DAY / unit_of (frequency);
  return (self->index - self->fruitful) / self->rule->interval > cycle;
}

/* Fills bases of the present period; one of a day or less that has none is moved to the next that may. */
static void
open_short (PnRuleIterator *self)
{
  gint64 unit = unit_of (self->rule->frequency);
  for (; self->work > 0; spend (self, 1)) {
    gint64 base = self->index * unit;
    if (divide (base, DAY) > self->end || is_barren (self))
      return;
    gint64 next = find_gap (self, base);
    if (next == 0) {
      spend (self, 1);
      g_array_append_val (self->bases, base);
      return;
    }
    self->index = MAX (index_from (self, next), self->index + self->rule->interval);
  }
}

static void
open_period (PnRuleIterator *self)
{
  g_array_set_size (self->bases, 0);
  if (self->rule->frequency == PN_FREQ_YEARLY) {
    if (self->index < 9999)
      add_year (self, (int) self->index);
  } else if (self->rule->frequency == PN_FREQ_MONTHLY) {
    int year = (int) divide (self->index, 12), month = (int) (self->index - year * (gint64) 12) + 1;
    gint64 first = pn_civil_to_days (year, month, 1);
    spend (self, 1);
    if (self->rule->months == 0 || (self->rule->months >> month & 1))
      add_days (self, first, first + pn_days_of_month (year, month) - 1);
  } else if (self->rule->frequency == PN_FREQ_WEEKLY) {
    gint64 first = divide (self->index * 7 * DAY + week_origin (self->rule), DAY);
    add_days (self, first, first + 6);
  } else
    open_short (self);
}

static int
compare_places (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;
  return (x > y) - (x < y);
}

/* BYSETPOS: where in the period's bases and offsets its instances stand. */
static void
find_places (PnRuleIterator *self)
{
  gint64 total = (gint64) self->bases->len * self->offsets->len;
  g_array_set_size (self->places, 0);
  for (guint i = 0; i < self->rule->positions->len; i++) {
    int position = g_array_index (self->rule->positions, int, i);
    gint64 place = position > 0 ? position - 1 : total + position;
    if (place >= 0 && place < total)
      g_array_append_val (self->places, place);
  }
  g_array_sort (self->places, compare_places);
  for (guint i = self->places->len; i > 1; i--) {
    if (g_array_index (self->places, gint64, i - 1) == g_array_index (self->places, gint64, i - 2))
      g_array_remove_index (self->places, i - 1);
  }
}

static gboolean
has_ended (const PnRuleIterator *self)
{
  const PnRule *rule = self->rule;
  if (is_barren (self))
    return TRUE;
  if (rule->frequency >= PN_FREQ_MONTHLY)
    return self->index >= (rule->frequency == PN_FREQ_YEARLY ? 9999 : 9999 * 12);
  return divide (self->index * unit_of (rule->frequency), DAY) > self->end;
}

/* -- the iterator -- */

/* What stands behind the period's bases: the times of a day, the minutes and seconds of an hour ... */
static void
fill_offsets (PnRuleIterator *self)
{
  const PnRule *rule = self->rule;
  int clock = (int) (self->start - divide (self->start, DAY) * DAY);
  guint32 hours = rule->hours ? rule->hours : 1u << (clock / 3600);
  guint64 minutes = rule->minutes ? rule->minutes : G_GUINT64_CONSTANT (1) << (clock % 3600 / 60);
  guint64 seconds = rule->seconds ? rule->seconds : G_GUINT64_CONSTANT (1) << (clock % 60);
  if (rule->frequency <= PN_FREQ_HOURLY || self->is_date)
    hours = 1;
  if (rule->frequency <= PN_FREQ_MINUTELY || self->is_date)
    minutes = 1;
  if (rule->frequency == PN_FREQ_SECONDLY || self->is_date)
    seconds = 1;
  /* A leap second is the last second of its minute here. */
  if (seconds >> 60 & 1)
    seconds |= G_GUINT64_CONSTANT (1) << 59;
  for (int hour = 0; hour < 24; hour++) {
    for (int minute = 0; (hours >> hour & 1) && minute < 60; minute++) {
      for (int second = 0; (minutes >> minute & 1) && second < 60; second++) {
        gint64 offset = hour * 3600 + minute * 60 + second;
        if (seconds >> second & 1)
          g_array_append_val (self->offsets, offset);
      }
    }
  }
}

void
pn_rule_iterator_init (PnRuleIterator *self, const PnRule *rule, gint64 start, gboolean is_date, guint work)
{
  memset (self, 0, sizeof *self);
  self->rule = rule;
  self->start = start;
  self->is_date = is_date;
  self->work = work ? work : DEFAULT_WORK;
  self->end = pn_civil_to_days (9998, 12, 31);
  self->bases = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->offsets = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->places = g_array_new (FALSE, FALSE, sizeof (gint64));
  fill_offsets (self);
  self->index = self->fruitful = index_of (rule, start);
}

void
pn_rule_iterator_clear (PnRuleIterator *self)
{
  g_clear_pointer (&self->bases, g_array_unref);
  g_clear_pointer (&self->offsets, g_array_unref);
  g_clear_pointer (&self->places, g_array_unref);
}

void
pn_rule_iterator_seek (PnRuleIterator *self, gint64 local)
{
  /* One period earlier: a week may lie in two months. */
  gint64 index = index_from (self, local) - self->rule->interval;
  if (!self->opened && self->rule->count == 0 && index > self->index)
    self->index = self->fruitful = index;
}

static gboolean
open_next (PnRuleIterator *self)
{
  if (self->opened)
    self->index += self->rule->interval;
  self->opened = TRUE;
  if (self->work == 0 || has_ended (self))
    return FALSE;
  open_period (self);
  find_places (self);
  if (self->rule->positions->len > 0 ? self->places->len > 0 : self->bases->len > 0)
    self->fruitful = self->index;
  self->place = 0;
  return TRUE;
}

gboolean
pn_rule_iterator_next (PnRuleIterator *self, gint64 *local)
{
  gboolean placed = self->rule->positions->len > 0;
  if (self->offsets->len == 0)
    return FALSE;
  for (;;) {
    gint64 total = placed ? self->places->len : (gint64) self->bases->len * self->offsets->len;
    while (self->opened && self->place < total) {
      gint64 place = placed ? g_array_index (self->places, gint64, self->place) : self->place;
      self->place++;
      *local = g_array_index (self->bases, gint64, place / self->offsets->len)
               + g_array_index (self->offsets, gint64, place % self->offsets->len);
      if (*local >= self->start)
        return TRUE;
    }
    if (!open_next (self))
      return FALSE;
  }
}
