#include "convert/ical-private.h"

#include <libical/ical.h>
#include <string.h>

#define DAY 86400
#define MAX_OBSERVANCES 400
#define MAX_DATES 4000 /* of all observances */
#define MAX_OFFSET (16 * 3600)
#define YEARS 4 /* in which the hours of a zone are compared */
/* Since the Line Islands set their clocks in 1979, all are off by quarters of an hour. */
#define QUARTERS_SINCE 1980
#define QUARTER 900

/* STANDARD or DAYLIGHT. */
typedef struct {
  gboolean daylight;
  gint64 start; /* wall clock by FROM */
  int from, to;
  gboolean yearly;
  int month;            /* of the yearly rule */
  int weekday;          /* 0: Sunday; -1: any */
  int ordinal;          /* of the weekday in its month; 0: by DAYS */
  int days[31], n_days; /* BYMONTHDAY */
  gint64 until;         /* instant */
  GArray *dates;        /* gint64: RDATE, wall clock; or NULL */
} Observance;

struct PnVtimezone {
  guint room;          /* for further dates */
  GArray *observances; /* Observance */
  int found_year;      /* of FOUND; 0: not looked for */
  const char *found;
  int changes_year; /* of CHANGES; 0: not known */
  guint n_changes;
  PnTransition changes[PN_ZONE_TRANSITIONS];
  gboolean usable; /* the offset in the middle of that year is known: */
  int middle;
};

static void
observance_clear (gpointer data)
{
  Observance *self = data;
  if (self->dates)
    g_array_unref (self->dates);
}

static void
vtimezone_clear (gpointer data)
{
  PnVtimezone *self = data;
  g_array_unref (self->observances);
}

PnVtimezone *
pn_vtimezone_ref (PnVtimezone *self)
{
  return g_rc_box_acquire (self);
}

void
pn_vtimezone_unref (PnVtimezone *self)
{
  if (self)
    g_rc_box_release_full (self, vtimezone_clear);
}

/* -- reading -- */

static gboolean
parse_offset (const PnIcalLine *line, int *offset)
{
  const char *c = line ? line->value + strspn (line->value, " \t") : "";
  gboolean negative = *c == '-';
  if (*c != '+' && *c != '-')
    return FALSE;
  c++;
  int parts[3] = { 0 }, count = 0;
  while (count < 3 && g_ascii_isdigit (c[0]) && g_ascii_isdigit (c[1])) {
    parts[count++] = (c[0] - '0') * 10 + (c[1] - '0');
    c += 2;
    if (*c == ':')
      c++;
  }
  if (count < 2 || parts[0] > 23 || parts[1] > 59 || parts[2] > 59)
    return FALSE;
  *offset = (parts[0] * 3600 + parts[1] * 60 + parts[2]) * (negative ? -1 : 1);
  return ABS (*offset) <= MAX_OFFSET;
}

static gboolean
is_given (const short *list)
{
  return list[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

static gboolean
is_single (const short *list)
{
  return is_given (list) && list[1] == ICAL_RECURRENCE_ARRAY_MAX;
}

/* The weekday of the rule, counted in its month: "-1SU", or SU with BYSETPOS=-1. */
static gboolean
read_weekday (Observance *self, const struct icalrecurrencetype *rule)
{
  self->weekday = -1;
  if (!is_given (rule->by_day))
    return !is_given (rule->by_set_pos);
  if (!is_single (rule->by_day) || !is_given (rule->by_month))
    return FALSE;
  self->weekday = icalrecurrencetype_day_day_of_week (rule->by_day[0]) - 1;
  self->ordinal = icalrecurrencetype_day_position (rule->by_day[0]);
  if (is_given (rule->by_set_pos)) {
    if (self->ordinal != 0 || !is_single (rule->by_set_pos))
      return FALSE;
    self->ordinal = rule->by_set_pos[0];
  }
  return TRUE;
}

/* Lotus Notes says the hour in the rule too. */
static gboolean
read_hour (Observance *self, const struct icalrecurrencetype *rule, const PnCalendarTime *start)
{
  const struct {
    const short *list;
    int from_start;
  } parts[] = { { rule->by_hour, start->hour },
                { rule->by_minute, start->minute },
                { rule->by_second, start->second } };
  gint64 time = 0;
  gboolean given = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    if (is_given (parts[i].list) && !is_single (parts[i].list))
      return FALSE;
    given |= is_given (parts[i].list);
    time = time * 60 + (is_given (parts[i].list) ? parts[i].list[0] : parts[i].from_start);
  }
  if (given)
    self->start = pn_civil_to_days (start->year, start->month, start->day) * DAY + time;
  return TRUE;
}

/* One day of one month every year: no clock changes otherwise, and a rule of another kind may cost its reader
 * what its sender likes. */
static gboolean
read_yearly (Observance *self, const struct icalrecurrencetype *rule, const PnCalendarTime *start)
{
  gboolean yearly = (rule->freq == ICAL_YEARLY_RECURRENCE && rule->interval <= 1)
                    || (rule->freq == ICAL_MONTHLY_RECURRENCE && rule->interval == 12);
  if (!yearly || is_given (rule->by_year_day) || is_given (rule->by_week_no) || !read_hour (self, rule, start)
      || (is_given (rule->by_month) && !is_single (rule->by_month)) || !read_weekday (self, rule))
    return FALSE;
  self->month = is_given (rule->by_month) ? rule->by_month[0] : start->month;
  for (int i = 0; i < 31 && rule->by_month_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++)
    self->days[self->n_days++] = rule->by_month_day[i];
  if (self->n_days == 0 && self->weekday < 0)
    self->days[self->n_days++] = start->day;
  return self->month >= 1 && self->month <= 12 && (self->ordinal != 0 || self->n_days > 0);
}

static gint64
read_until (const Observance *self, const struct icalrecurrencetype *rule, const PnCalendarTime *start)
{
  struct icaltimetype until = rule->until;
  if (rule->count > 0)
    return pn_civil_to_days (start->year + MIN (rule->count, 9000), 1, 1) * DAY - 1 - self->from;
  if (icaltime_is_null_time (until))
    return G_MAXINT64;
  gint64 at = pn_civil_to_days (until.year, until.month, until.day) * DAY;
  if (until.is_date)
    return at + DAY - 1 - self->from;
  at += until.hour * 3600 + until.minute * 60 + until.second;
  return icaltime_is_utc (until) ? at : at - self->from;
}

static void
read_rule (Observance *self, const char *value, const PnCalendarTime *start)
{
  struct icalrecurrencetype rule = icalrecurrencetype_from_string (value);
  if (rule.freq != ICAL_NO_RECURRENCE && read_yearly (self, &rule, start)) {
    self->until = read_until (self, &rule, start);
    self->yearly = TRUE;
  }
  g_free (rule.rscale);
}

static void
read_dates (Observance *self, const PnIcalText *text, guint component, guint *room)
{
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (text, component, "RDATE", &position))) {
    g_auto (GStrv) values = g_strsplit (line->value, ",", 1000);
    for (guint i = 0; values[i] && *room > 0; i++) {
      PnCalendarTime time = { 0 };
      gboolean utc;
      if (!pn_ical_parse_time (values[i], &time, &utc))
        continue;
      (*room)--;
      gint64 local = pn_calendar_time_local (&time) + (utc ? self->from : 0);
      if (!self->dates)
        self->dates = g_array_new (FALSE, FALSE, sizeof (gint64));
      g_array_append_val (self->dates, local);
    }
  }
}

static void
read_observance (PnVtimezone *self, const PnIcalText *text, guint component)
{
  Observance observance = { .daylight = strcmp (pn_ical_component (text, component)->name, "DAYLIGHT") == 0 };
  const PnIcalLine *start = pn_ical_text_find (text, component, "DTSTART");
  const PnIcalLine *rule = pn_ical_text_find (text, component, "RRULE");
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (!start || !pn_ical_parse_time (start->value, &time, &utc)
      || !parse_offset (pn_ical_text_find (text, component, "TZOFFSETTO"), &observance.to))
    return;
  if (!parse_offset (pn_ical_text_find (text, component, "TZOFFSETFROM"), &observance.from))
    observance.from = observance.to;
  observance.start = pn_calendar_time_local (&time) + (utc ? observance.from : 0);
  if (rule)
    read_rule (&observance, rule->value, &time);
  read_dates (&observance, text, component, &self->room);
  g_array_append_val (self->observances, observance);
}

PnVtimezone *
pn_vtimezone_new (const PnIcalText *text, guint component)
{
  PnVtimezone *self = g_rc_box_new0 (PnVtimezone);
  self->room = MAX_DATES;
  self->observances = g_array_new (FALSE, TRUE, sizeof (Observance));
  g_array_set_clear_func (self->observances, observance_clear);
  guint end = pn_ical_component (text, component)->next;
  for (guint i = component + 1; i < end && self->observances->len < MAX_OBSERVANCES; i++) {
    const char *name = pn_ical_component (text, i)->name;
    if (strcmp (name, "STANDARD") == 0 || strcmp (name, "DAYLIGHT") == 0)
      read_observance (self, text, i);
  }
  return self;
}

/* -- onsets -- */

/* The day of a yearly rule; G_MININT64 if it has none in YEAR. */
static gint64
yearly_day (const Observance *self, int year)
{
  int length = pn_days_of_month (year, self->month);
  gint64 first = pn_civil_to_days (year, self->month, 1);
  for (int i = 0; i < self->n_days; i++) {
    int day = self->days[i] < 0 ? length + 1 + self->days[i] : self->days[i];
    if (day >= 1 && day <= length && (self->weekday < 0 || pn_weekday (first + day - 1) == self->weekday))
      return first + day - 1;
  }
  if (self->n_days > 0)
    return G_MININT64;
  int day = self->ordinal > 0 ? (self->weekday - pn_weekday (first) + 7) % 7 + 7 * (self->ordinal - 1)
                              : length - 1 - (pn_weekday (first + length - 1) - self->weekday + 7) % 7
                                    + 7 * (self->ordinal + 1);
  return day >= 0 && day < length ? first + day : G_MININT64;
}

static gboolean
yearly_onset (const Observance *self, int year, gint64 *onset)
{
  gint64 day = yearly_day (self, year);
  if (day == G_MININT64)
    return FALSE;
  gint64 clock = ((self->start % DAY) + DAY) % DAY;
  *onset = day * DAY + clock;
  return *onset > self->start && *onset - self->from <= self->until;
}

/* The last onset of SELF not after LIMIT (wall clock), or G_MININT64. */
static gint64
last_onset (const Observance *self, gint64 limit)
{
  if (self->start > limit)
    return G_MININT64;
  gint64 best = self->start;
  for (guint i = 0; self->dates && i < self->dates->len; i++) {
    gint64 date = g_array_index (self->dates, gint64, i);
    if (date <= limit)
      best = MAX (best, date);
  }
  if (!self->yearly)
    return best;
  PnCalendarTime time = { 0 };
  pn_calendar_time_set_local (&time, self->until < limit - self->from ? self->until + self->from : limit);
  for (int year = time.year; year >= time.year - 8; year--) {
    gint64 onset;
    if (yearly_onset (self, year, &onset) && onset <= limit)
      return MAX (best, onset);
  }
  return best;
}

/* The observance that holds at LOCAL, and since when. */
static const Observance *
observance_at (const PnVtimezone *self, gint64 local, gint64 *since)
{
  const Observance *best = NULL;
  *since = G_MININT64;
  for (guint i = 0; i < self->observances->len; i++) {
    const Observance *observance = &g_array_index (self->observances, Observance, i);
    gint64 onset = last_onset (observance, local);
    /* Of two that begin at once, standard time is the safer one. */
    if (onset != G_MININT64 && (onset > *since || (onset == *since && best && best->daylight))) {
      *since = onset;
      best = observance;
    }
  }
  return best;
}

static const Observance *
earliest (const PnVtimezone *self)
{
  const Observance *best = NULL;
  for (guint i = 0; i < self->observances->len; i++) {
    const Observance *observance = &g_array_index (self->observances, Observance, i);
    if (!best || observance->start < best->start)
      best = observance;
  }
  return best;
}

/* Two observances that both began long ago and never again: the writer left out their rules. */
static gboolean
lacks_rules (const PnVtimezone *self, gint64 since, gint64 local)
{
  gboolean differ = FALSE;
  for (guint i = 0; i < self->observances->len; i++) {
    const Observance *observance = &g_array_index (self->observances, Observance, i);
    if (observance->yearly || observance->dates)
      return FALSE;
    differ |= observance->daylight != g_array_index (self->observances, Observance, 0).daylight;
  }
  return differ && local - since > 400 * (gint64) DAY;
}

gboolean
pn_vtimezone_offset (const PnVtimezone *self, gint64 local, int *offset)
{
  gint64 since;
  const Observance *now = observance_at (self, local, &since);
  if (!now) {
    now = earliest (self);
    *offset = now ? now->from : 0;
    return now != NULL;
  }
  gboolean in_gap = now->to > now->from && local < since + (now->to - now->from);
  *offset = in_gap ? now->from : now->to;
  return !lacks_rules (self, since, local);
}

/* -- comparing -- */

static gint64
middle_of (int year)
{
  return pn_civil_to_days (year, 7, 1) * DAY;
}

static void
find_changes (PnVtimezone *self, int year)
{
  PnTransition *transitions = self->changes;
  guint count = 0;
  gint64 begin = pn_civil_to_days (year, 1, 1) * DAY, end = pn_civil_to_days (year + 1, 1, 1) * DAY;
  for (gint64 limit = end - 1; count < PN_ZONE_TRANSITIONS;) {
    gint64 since, earlier;
    const Observance *observance = observance_at (self, limit, &since);
    if (!observance || since < begin)
      break;
    const Observance *before = observance_at (self, since - 1, &earlier);
    int from = before ? before->to : observance->from;
    if (from != observance->to) {
      memmove (transitions + 1, transitions, count * sizeof *transitions);
      transitions[0] = (PnTransition){ since - observance->from, from, observance->to };
      count++;
    }
    limit = since - 1;
  }
  self->n_changes = count;
  self->usable = pn_vtimezone_offset (self, middle_of (year), &self->middle);
  self->changes_year = year;
}

gboolean
pn_vtimezone_matches (PnVtimezone *self, int year, PnZone *zone)
{
  PnTransition theirs[PN_ZONE_TRANSITIONS], *ours = self->changes;
  if (self->changes_year != year)
    find_changes (self, year);
  guint count = self->n_changes;
  if (!self->usable || self->middle != pn_zone_offset (zone, middle_of (year) - self->middle)
      || count != pn_zone_transitions (zone, year, theirs))
    return FALSE;
  for (guint i = 0; i < count; i++) {
    if (ours[i].after != theirs[i].after || ours[i].before != theirs[i].before
        || ABS (ours[i].at - theirs[i].at) > DAY)
      return FALSE;
  }
  return TRUE;
}

/* How many of the years from YEAR on ZONE keeps the hours of SELF, at most YEARS. */
static int
count_years (PnVtimezone *self, int year, PnZone *zone)
{
  int count = 0;
  while (count < YEARS && pn_vtimezone_matches (self, year + count, zone))
    count++;
  return count;
}

/* Whether any zone can have these hours, before all are looked through. */
static gboolean
can_be_found (PnVtimezone *self, int year)
{
  if (self->changes_year != year)
    find_changes (self, year);
  return self->usable && (year < QUARTERS_SINCE || self->middle % QUARTER == 0);
}

const char *
pn_vtimezone_find (PnVtimezone *self, int year)
{
  if (self->found_year == year)
    return self->found;
  /* Of several, the one that agrees longest: a series goes on, and rules that changed tell zones apart. */
  const char *name, *found = NULL;
  guint position = 0;
  int most = can_be_found (self, year) ? 0 : YEARS;
  while (most < YEARS && (name = pn_timezone_next_candidate (&position))) {
    PnZone *zone = pn_zone_get (name);
    int count = zone ? count_years (self, year, zone) : 0;
    if (count > most) {
      most = count;
      found = name;
    }
  }
  self->found_year = year;
  return self->found = found;
}
