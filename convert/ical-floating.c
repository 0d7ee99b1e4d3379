/* Times without a zone, for readers that take them for UTC (Exchange). */
#include "convert/ical-writer.h"

#include <string.h>

static void
pin_time (PnCalendarTime *time, const char *zone)
{
  if (!time->set || time->is_date || !time->floating)
    return;
  time->floating = FALSE;
  time->tzid = strcmp (zone, "UTC") == 0 ? NULL : g_strdup (zone);
  time->unix_time = pn_zone_instant (pn_zone_get (zone), pn_calendar_time_local (time));
}

/* The dates have to be of the zone of the start, or they miss the instances. */
static GPtrArray *
pin_lines (const GPtrArray *lines, const char *zone)
{
  GPtrArray *pinned = g_ptr_array_new_with_free_func (g_free);
  gboolean utc = strcmp (zone, "UTC") == 0;
  for (guint i = 0; i < lines->len; i++) {
    const char *line = lines->pdata[i], *colon = strrchr (line, ':');
    gboolean named = !colon || strchr (line, ';') || !strchr (colon, 'T') || g_str_has_suffix (line, "Z");
    if (named || utc) {
      g_ptr_array_add (pinned, g_strdup (line));
      continue;
    }
    g_autoptr (GString) parameter = g_string_new (";TZID=");
    pn_ical_append_parameter (parameter, zone);
    g_ptr_array_add (pinned, g_strdup_printf ("%.*s%s%s", (int) (colon - line), line, parameter->str, colon));
  }
  return pinned;
}

gboolean
pn_ical_is_floating (const PnIcalOptions *options, const PnCalendar *calendar, PnMethod method)
{
  return options->floating_zone && pn_zone_get (options->floating_zone) && calendar->start.set
         && calendar->start.floating && method != PN_METHOD_PUBLISH && method != PN_METHOD_NONE;
}

void
pn_ical_pin (PnCalendar *calendar, const char *name)
{
  const char *zone = pn_timezone_find (name);
  pin_time (&calendar->start, zone);
  pin_time (&calendar->end, zone);
  pin_time (&calendar->recurrence_id, zone);
  calendar->rdates = pin_lines (calendar->rdates, zone);
  calendar->exdates = pin_lines (calendar->exdates, zone);
}

void
pn_ical_unpin (PnCalendar *calendar, const PnCalendar *before)
{
  PnCalendarTime *const times[] = { &calendar->start, &calendar->end, &calendar->recurrence_id };
  const PnCalendarTime *const were[] = { &before->start, &before->end, &before->recurrence_id };
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    if (times[i]->tzid != were[i]->tzid)
      g_free (times[i]->tzid);
    *times[i] = *were[i];
  }
  g_ptr_array_unref (calendar->rdates);
  g_ptr_array_unref (calendar->exdates);
  calendar->rdates = before->rdates;
  calendar->exdates = before->exdates;
}
