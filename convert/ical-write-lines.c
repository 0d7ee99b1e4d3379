#include "convert/ical-writer.h"

#include <string.h>

GString *
pn_ical_begin_line (PnIcalWriter *writer, const char *name)
{
  g_string_assign (writer->line, name);
  return writer->line;
}

void
pn_ical_end_line (PnIcalWriter *writer)
{
  pn_ical_put_line (writer->out, writer->line->str, writer->line->len);
}

void
pn_ical_put (PnIcalWriter *writer, const char *name, const char *value)
{
  g_string_append (pn_ical_begin_line (writer, name), value);
  pn_ical_end_line (writer);
}

void
pn_ical_put_text (PnIcalWriter *writer, const char *name, const char *text)
{
  if (!text || !*text)
    return;
  pn_ical_append_text (pn_ical_begin_line (writer, name), text);
  pn_ical_end_line (writer);
}

void
pn_ical_put_number (PnIcalWriter *writer, const char *name, int number)
{
  g_string_append_printf (pn_ical_begin_line (writer, name), "%d", number);
  pn_ical_end_line (writer);
}

void
pn_ical_put_instant (PnIcalWriter *writer, const char *name, gint64 instant)
{
  pn_ical_append_utc (pn_ical_begin_line (writer, name), instant);
  pn_ical_end_line (writer);
}

/* A word of the native message: only what can stand in a name. */
void
pn_ical_put_word (PnIcalWriter *writer, const char *name, const char *word)
{
  if (!word || !*word)
    return;
  g_autofree char *clean
      = g_strcanon (g_ascii_strup (word, -1), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", '-');
  pn_ical_put (writer, name, clean);
}

void
pn_ical_put_time (PnIcalWriter *writer, const char *name, const PnCalendarTime *time, gboolean date)
{
  if (!time->set)
    return;
  GString *line = pn_ical_begin_line (writer, name);
  gboolean utc = !date && !time->floating && (!time->tzid || !pn_ical_is_exact (writer, time));
  if (date)
    g_string_append (line, ";VALUE=DATE");
  else if (utc && time->tzid) {
    g_string_append_c (line, ':');
    pn_ical_append_utc (line, time->unix_time);
    pn_ical_end_line (writer);
    return;
  } else if (time->tzid && !time->floating) {
    g_string_append (line, ";TZID=");
    pn_ical_append_parameter (line, time->tzid);
  }
  g_string_append_c (line, ':');
  pn_ical_append_local (line, pn_calendar_time_local (time), date);
  if (utc)
    g_string_append_c (line, 'Z');
  pn_ical_end_line (writer);
}
