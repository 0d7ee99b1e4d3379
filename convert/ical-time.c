#include "convert/ical-private.h"

#include <libical/ical.h>
#include <string.h>

#define DAY 86400

static const char *const weekdays[] = { "SU", "MO", "TU", "WE", "TH", "FR", "SA" };

const char *
pn_weekday_name (int weekday)
{
  return weekdays[weekday];
}

int
pn_weekday_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (weekdays); i++) {
    if (g_ascii_strcasecmp (name, weekdays[i]) == 0)
      return (int) i;
  }
  return -1;
}

gint64
pn_calendar_time_local (const PnCalendarTime *time)
{
  return pn_civil_to_days (time->year, time->month, time->day) * DAY + time->hour * 3600 + time->minute * 60
         + time->second;
}

void
pn_calendar_time_set_local (PnCalendarTime *time, gint64 local)
{
  gint64 days = pn_day_of (local);
  int rest = (int) (local - days * DAY);
  pn_days_to_civil (days, &time->year, &time->month, &time->day);
  time->hour = rest / 3600;
  time->minute = rest % 3600 / 60;
  time->second = rest % 60;
}

/* Reads WIDTH digits at *TEXT, behind an optional SEPARATOR. */
static gboolean
read_number (const char **text, char separator, int width, int *number)
{
  const char *c = *text;
  if (separator && *c == separator)
    c++;
  *number = 0;
  for (int i = 0; i < width; i++, c++) {
    if (!g_ascii_isdigit (*c))
      return FALSE;
    *number = *number * 10 + (*c - '0');
  }
  *text = c;
  return TRUE;
}

static gboolean
read_clock (const char **text, PnCalendarTime *time)
{
  if (!read_number (text, '\0', 2, &time->hour) || !read_number (text, ':', 2, &time->minute))
    return FALSE;
  if (!read_number (text, ':', 2, &time->second))
    time->second = 0;
  if (**text == '.')
    *text += 1 + strspn (*text + 1, "0123456789");
  /* A leap second is the last second of its minute here. */
  if (time->second == 60)
    time->second = 59;
  return time->hour <= 24 && time->minute < 60 && time->second < 60;
}

gboolean
pn_ical_parse_time (const char *value, PnCalendarTime *time, gboolean *utc)
{
  const char *c = value + strspn (value, " \t");
  pn_calendar_time_clear (time);
  *utc = FALSE;
  if (!read_number (&c, '\0', 4, &time->year) || !read_number (&c, '-', 2, &time->month)
      || !read_number (&c, '-', 2, &time->day))
    return FALSE;
  if (time->year < 1 || time->month < 1 || time->month > 12 || time->day < 1
      || time->day > pn_days_of_month (time->year, time->month))
    return FALSE;
  time->is_date = *c != 'T' && *c != 't';
  if (!time->is_date) {
    c++;
    if (!read_clock (&c, time))
      return FALSE;
    *utc = *c == 'Z' || *c == 'z';
    if (*utc)
      c++;
    if (time->hour == 24)
      pn_calendar_time_set_local (time, pn_calendar_time_local (time));
  }
  c += strspn (c, " \t");
  time->set = *c == '\0';
  return time->set;
}

gboolean
pn_ical_parse_instant (const char *value, gint64 *unix_time)
{
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (!pn_ical_parse_time (value, &time, &utc))
    return FALSE;
  *unix_time = pn_calendar_time_local (&time);
  return TRUE;
}

gboolean
pn_ical_parse_duration (const char *value, PnIcalDuration *duration)
{
  struct icaldurationtype parsed = icaldurationtype_from_string (value);
  if (icaldurationtype_is_bad_duration (parsed) || parsed.weeks > 50000 || parsed.days > 350000)
    return FALSE;
  duration->sign = parsed.is_neg ? -1 : 1;
  duration->days = (int) (parsed.weeks * 7 + parsed.days);
  duration->seconds = parsed.hours * (gint64) 3600 + parsed.minutes * (gint64) 60 + parsed.seconds;
  return TRUE;
}

void
pn_ical_append_local (GString *line, gint64 local, gboolean date)
{
  PnCalendarTime time = { 0 };
  pn_calendar_time_set_local (&time, local);
  char text[64];
  int length = g_snprintf (text, sizeof text, date ? "%04d%02d%02d" : "%04d%02d%02dT%02d%02d%02d", time.year,
                           time.month, time.day, time.hour, time.minute, time.second);
  g_string_append_len (line, text, length);
}

void
pn_ical_append_utc (GString *line, gint64 unix_time)
{
  pn_ical_append_local (line, unix_time, FALSE);
  g_string_append_c (line, 'Z');
}

void
pn_ical_append_offset (GString *line, int offset)
{
  int amount = ABS (offset);
  g_string_append_printf (line, "%c%02d%02d", offset < 0 ? '-' : '+', amount / 3600, amount % 3600 / 60);
  if (amount % 60 != 0)
    g_string_append_printf (line, "%02d", amount % 60);
}
