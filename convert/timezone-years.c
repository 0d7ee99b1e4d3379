/* A VTIMEZONE whose rules change from year to year: one observance for each run of years with one rule. */
#include "convert/ical-private.h"

#include <string.h>

#define DAY 86400
#define MAX_YEARS 40

/* A change of the clock that comes at the same place of the calendar in the years FIRST to LAST. */
typedef struct {
  gint64 start, end;  /* the first and the last change, instants */
  int first, last;    /* years */
  int before, after;  /* seconds east of UTC */
  int month, weekday; /* 0: Sunday */
  int second;         /* of the day, by the clock before the change */
  int ordinal;        /* of the weekday in its month; 0: it is not always that one */
  gboolean is_last;   /* always the last one of its month */
} Run;

static Run
run_of (const PnTransition *change, int year)
{
  PnCalendarTime time = { 0 };
  gint64 local = change->at + change->before;
  pn_calendar_time_set_local (&time, local);
  gint64 day = pn_civil_to_days (time.year, time.month, time.day);
  Run run = { .start = change->at, .end = change->at, .first = year, .last = year };
  run.before = change->before;
  run.after = change->after;
  run.month = time.month;
  run.weekday = pn_weekday (day);
  run.second = (int) (local - day * DAY);
  run.ordinal = (time.day - 1) / 7 + 1;
  run.is_last = time.day + 7 > pn_days_of_month (time.year, time.month);
  return run;
}

/* Adds NEXT, a change of the year after, if one rule says both. */
static gboolean
prolong (Run *run, const Run *next)
{
  int ordinal = run->ordinal == next->ordinal ? run->ordinal : 0;
  gboolean is_last = run->is_last && next->is_last;
  if (run->last + 1 != next->first || run->before != next->before || run->after != next->after
      || run->month != next->month || run->weekday != next->weekday || run->second != next->second
      || (ordinal == 0 && !is_last))
    return FALSE;
  run->ordinal = ordinal;
  run->is_last = is_last;
  run->last = next->last;
  run->end = next->end;
  return TRUE;
}

static GArray *
find_runs (PnZone *zone, int first, int last)
{
  GArray *runs = g_array_new (FALSE, FALSE, sizeof (Run));
  for (int year = first; year <= last; year++) {
    PnTransition changes[PN_ZONE_TRANSITIONS];
    guint count = pn_zone_transitions (zone, year, changes), known = runs->len;
    for (guint i = 0; i < count; i++) {
      Run run = run_of (&changes[i], year);
      gboolean done = FALSE;
      for (guint k = 0; k < known && !done; k++)
        done = prolong (&g_array_index (runs, Run, k), &run);
      if (!done)
        g_array_append_val (runs, run);
    }
  }
  return runs;
}

static void
append_run (GString *out, const Run *run, int last_year)
{
  const char *kind = run->after > run->before ? "DAYLIGHT" : "STANDARD";
  pn_timezone_begin_observance (out, kind, run->start + run->before, run->before, run->after);
  if (run->last > run->first) {
    g_string_append_printf (out, "RRULE:FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", run->month,
                            run->is_last ? -1 : run->ordinal, pn_weekday_name (run->weekday));
    if (run->last < last_year) {
      g_string_append (out, ";UNTIL=");
      pn_ical_append_utc (out, run->end);
    }
    g_string_append (out, "\r\n");
  }
  g_string_append_printf (out, "END:%s\r\n", kind);
}

char *
pn_timezone_write_years (const char *tzid, gint64 at, guint years)
{
  PnZone *zone = pn_zone_get (tzid);
  if (!zone)
    return NULL;
  PnCalendarTime time = { 0 };
  pn_calendar_time_set_local (&time, at);
  int first = CLAMP (time.year - 1, 2, 9900), last = first + (int) CLAMP (years, 1, MAX_YEARS);
  g_autoptr (GArray) runs = find_runs (zone, first, last);
  gboolean plain = runs->len == 0;
  if (runs->len == 2)
    plain = g_array_index (runs, Run, 0).last == last && g_array_index (runs, Run, 1).last == last;
  if (plain)
    return pn_timezone_write (tzid, at);
  gint64 begin = pn_civil_to_days (first, 1, 1) * DAY;
  int offset = pn_zone_offset (zone, begin);
  GString *out = g_string_sized_new (2048);
  pn_timezone_begin (out, tzid);
  pn_timezone_begin_observance (out, "STANDARD", begin + offset, offset, offset);
  g_string_append (out, "END:STANDARD\r\n");
  for (guint i = 0; i < runs->len; i++)
    append_run (out, &g_array_index (runs, Run, i), last);
  g_string_append (out, "END:VTIMEZONE\r\n");
  return g_string_free (out, FALSE);
}
