/* VALARM. */
#include "convert/ical-writer.h"

#include <string.h>

#define DAY 86400

gboolean
pn_ical_alarm_before (const PnIcalText *text, guint component, const PnCalendar *calendar, int *before)
{
  const PnIcalLine *action = pn_ical_text_find (text, component, "ACTION");
  const PnIcalLine *trigger = pn_ical_text_find (text, component, "TRIGGER");
  if (!trigger || (action && g_ascii_strncasecmp (action->value, "NONE", 4) == 0))
    return FALSE;
  g_autofree char *value = g_strstrip (g_strdup (trigger->value));
  gboolean has_start = calendar->start.set;
  PnIcalDuration duration;
  gint64 instant, seconds;
  if (pn_ical_parse_duration (value, &duration)) {
    gboolean from_end = pn_ical_line_parameter_is (trigger, "RELATED", "END") && calendar->end.set;
    seconds = -duration.sign * (duration.days * (gint64) DAY + duration.seconds);
    if (from_end && has_start)
      seconds -= calendar->end.unix_time - calendar->start.unix_time;
  } else if (pn_ical_parse_instant (value, &instant)) {
    seconds = (has_start ? calendar->start : calendar->end).unix_time - instant;
  } else {
    return FALSE;
  }
  if (ABS (seconds) > G_MAXINT)
    return FALSE;
  *before = (int) seconds;
  return TRUE;
}

static gboolean
is_alarm (const PnIcalReader *reader, guint component)
{
  const PnIcalComponent *child = pn_ical_component (reader->text, component);
  return strcmp (child->name, "VALARM") == 0 && child->parent == (gint) reader->component;
}

void
pn_ical_read_alarms (PnIcalReader *reader)
{
  PnCalendar *calendar = reader->calendar;
  guint end = pn_ical_component (reader->text, reader->component)->next;
  for (guint i = reader->component + 1; i < end && !calendar->alarm_set; i++) {
    if (is_alarm (reader, i))
      calendar->alarm_set = pn_ical_alarm_before (reader->text, i, calendar, &calendar->alarm);
  }
}

static const char *
get_text (const char *summary)
{
  return summary && *summary ? summary : "Reminder";
}

/* Whether COMPONENT is what pn_ical_put_alarm() writes. */
static gboolean
is_plain (const PnIcalReader *reader, guint component)
{
  static const char *const names[] = { "ACTION", "DESCRIPTION", "TRIGGER", NULL };
  const PnIcalLine *action = pn_ical_text_find (reader->text, component, "ACTION");
  const PnIcalLine *text = pn_ical_text_find (reader->text, component, "DESCRIPTION");
  const PnIcalLine *trigger = pn_ical_text_find (reader->text, component, "TRIGGER");
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (reader->text, component, NULL, &position))) {
    if (!g_strv_contains (names, line->name))
      return FALSE;
  }
  PnIcalDuration duration;
  g_autofree char *own = text ? pn_ical_line_text (text) : NULL;
  gboolean shown = action && g_ascii_strcasecmp (action->value, "DISPLAY") == 0;
  gboolean relative = trigger && pn_ical_parse_duration (trigger->value, &duration);
  gboolean from_end = relative && pn_ical_line_parameter_is (trigger, "RELATED", "END");
  return shown && relative && from_end == !reader->calendar->start.set
         && pn_ical_component (reader->text, component)->next == component + 1
         && (!own || strcmp (own, get_text (reader->calendar->summary)) == 0);
}

gboolean
pn_ical_alarm_is_plain (const PnIcalReader *reader)
{
  guint end = pn_ical_component (reader->text, reader->component)->next, count = 0;
  gboolean plain = FALSE;
  for (guint i = reader->component + 1; i < end && count < 2; i++) {
    if (is_alarm (reader, i) && count++ == 0)
      plain = is_plain (reader, i);
  }
  return count == 1 && plain;
}

void
pn_ical_put_alarm (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  gint64 amount = ABS ((gint64) calendar->alarm);
  const char *sign = calendar->alarm > 0 ? "-" : "";
  g_string_append (writer->out, "BEGIN:VALARM\r\nACTION:DISPLAY\r\n");
  pn_ical_put_text (writer, "DESCRIPTION:",
                    get_text (calendar->summary ? calendar->summary : writer->message->subject));
  GString *line = pn_ical_begin_line (writer, "TRIGGER");
  if (!calendar->start.set && calendar->end.set)
    g_string_append (line, ";RELATED=END");
  if (amount % DAY == 0 && amount > 0)
    g_string_append_printf (line, ":%sP%" G_GINT64_FORMAT "D", sign, amount / DAY);
  else if (amount % 60 == 0)
    g_string_append_printf (line, ":%sPT%" G_GINT64_FORMAT "M", sign, amount / 60);
  else
    g_string_append_printf (line, ":%sPT%" G_GINT64_FORMAT "S", sign, amount);
  pn_ical_end_line (writer);
  g_string_append (writer->out, "END:VALARM\r\n");
}
