#include "convert/ical-private.h"

#include <string.h>

static void
append_clock (GString *text, const PnCalendarTime *time)
{
  g_string_append_printf (text, "%02d:%02d", time->hour, time->minute);
}

static void
append_date (GString *text, const PnCalendarTime *time)
{
  static const char *const weekdays[]
      = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
  static const char *const months[]
      = { "January", "February", "March",     "April",   "May",      "June",
          "July",    "August",   "September", "October", "November", "December" };
  int weekday = pn_weekday (pn_civil_to_days (time->year, time->month, time->day));
  g_string_append_printf (text, "%s, %d %s %d", weekdays[weekday], time->day,
                          months[CLAMP (time->month, 1, 12) - 1], time->year);
}

static void
append_when (GString *text, const char *label, const PnCalendarTime *time)
{
  if (!time->set)
    return;
  g_string_append_printf (text, "%s: ", label);
  append_date (text, time);
  if (!time->is_date) {
    g_string_append (text, ", ");
    append_clock (text, time);
    if (!time->floating)
      g_string_append_printf (text, " (%s)", time->tzid ? time->tzid : "UTC");
  }
  g_string_append_c (text, '\n');
}

static void
append_amount (GString *text, gint64 amount, const char *unit)
{
  if (amount > 0)
    g_string_append_printf (text, " %" G_GINT64_FORMAT " %s%s", amount, unit, amount == 1 ? "" : "s");
}

static void
append_duration (GString *text, const PnCalendar *calendar)
{
  if (!calendar->start.set || !calendar->end.set)
    return;
  gint64 seconds = calendar->start.is_date
                       ? pn_calendar_time_local (&calendar->end) - pn_calendar_time_local (&calendar->start)
                       : calendar->end.unix_time - calendar->start.unix_time;
  if (seconds < 60)
    return;
  g_string_append (text, "Duration:");
  append_amount (text, seconds / 86400, "day");
  append_amount (text, seconds % 86400 / 3600, "hour");
  append_amount (text, seconds % 3600 / 60, "minute");
  g_string_append_c (text, '\n');
}

static void
append_line (GString *text, const char *label, const char *value)
{
  if (!value || !*value)
    return;
  g_autofree char *plain = g_strdelimit (g_strdup (value), "\r\n", ' ');
  g_string_append_printf (text, "%s: %s\n", label, plain);
}

static void
append_organizer (GString *text, const PnCalendar *calendar)
{
  g_autofree char *organizer = calendar->organizer ? pn_address_display (calendar->organizer) : NULL;
  append_line (text, "Organizer", organizer);
}

char *
pn_ical_describe (const PnCalendar *calendar)
{
  gboolean task = g_strcmp0 (calendar->component, "VTODO") == 0;
  gboolean note = g_strcmp0 (calendar->component, "VJOURNAL") == 0;
  GString *text = g_string_new (NULL);
  append_line (text, "Item Type", task ? "Task" : note ? "Note" : "Appointment");
  append_line (text, "Subject", calendar->summary);
  append_when (text, "Start Date", &calendar->start);
  if (task)
    append_when (text, "Due Date", &calendar->end);
  else if (!note)
    append_duration (text, calendar);
  append_line (text, "Place", calendar->place);
  append_organizer (text, calendar);
  append_line (text, "Repeats", calendar->rrule);
  if (calendar->recurrence_id.set)
    append_when (text, "Instance", &calendar->recurrence_id);
  return g_string_free (text, FALSE);
}
