/* vCalendar 1.0: encoded values, the older grammar of rules, alarms that are properties, the zone of the
 * object. */
#include "convert/ical-private.h"
#include "convert/ical-series.h"
#include "convert/transfer.h"

#include <stdlib.h>
#include <string.h>

gboolean
pn_vcal_is_quoted (const char *line)
{
  gsize head = strcspn (line, ":");
  g_autofree char *upper = head < 1000 ? g_ascii_strup (line, (gssize) head) : NULL;
  return upper && strstr (upper, "QUOTED-PRINTABLE");
}

char *
pn_vcal_decode (const char *value, const char *charset)
{
  gsize length = strlen (value);
  g_autofree char *raw = g_malloc (length + 2049);
  PnQpDecoder decoder = { 0 };
  gsize size = pn_qp_decoder_push (&decoder, (const guint8 *) value, length, (guint8 *) raw);
  size += pn_qp_decoder_finish (&decoder, (guint8 *) raw + size);
  g_autofree char *text = charset ? g_convert (raw, (gssize) size, "UTF-8", charset, NULL, NULL, NULL) : NULL;
  if (!text && !g_utf8_validate (raw, (gssize) size, NULL))
    text = g_convert (raw, (gssize) size, "UTF-8", "WINDOWS-1252", NULL, NULL, NULL);
  if (!text)
    text = g_utf8_make_valid (raw, (gssize) size);
  GString *line = g_string_new (text);
  g_string_replace (line, "\r\n", "\\n", 0);
  g_string_replace (line, "\n", "\\n", 0);
  g_string_replace (line, "\r", "\\n", 0);
  return g_string_free (line, FALSE);
}

/* -- rules -- */

char *
pn_vcal_rule (const char *value)
{
  return pn_ical_rule_from_vcalendar (value, NULL);
}

/* -- alarms -- */

void
pn_vcal_read_alarm (PnIcalReader *reader, const PnIcalLine *line)
{
  static const char *const actions[] = { "AUDIO", "DISPLAY", "EMAIL", "PROCEDURE" };
  PnCalendar *calendar = reader->calendar;
  g_auto (GStrv) fields = g_strsplit (line->value, ";", 4);
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (!fields[0] || !pn_ical_parse_time (g_strstrip (fields[0]), &time, &utc)) {
    pn_ical_keep_property (reader, line);
    return;
  }
  pn_ical_zones_set (reader->zones, NULL, utc, &time);
  const char *action
      = strchr ("ADMP", line->name[0]) ? actions[strchr ("ADMP", line->name[0]) - "ADMP"] : "DISPLAY";
  gboolean has_text = g_strv_length (fields) == 4 && *fields[3];
  g_autoptr (GString) out = g_string_new ("BEGIN:VALARM\n");
  g_string_append_printf (out, "ACTION:%s\nTRIGGER;VALUE=DATE-TIME:", action);
  pn_ical_append_utc (out, time.unix_time);
  g_string_append_printf (out, "\n%s%s%s", has_text ? "DESCRIPTION:" : "", has_text ? fields[3] : "",
                          has_text ? "\n" : "");
  g_string_append (out, "END:VALARM\n");
  gint64 before = (calendar->start.set ? calendar->start : calendar->end).unix_time - time.unix_time;
  if (!calendar->alarm_set && calendar->start.set && ABS (before) < G_MAXINT) {
    calendar->alarm_set = TRUE;
    calendar->alarm = (int) before;
  }
  g_ptr_array_add (calendar->components, g_strdup (out->str));
  pn_calendar_time_clear (&time);
}

/* -- the zone of the object -- */

gboolean
pn_vcal_offset (const PnIcalText *text, gint64 local, int *standard, int *offset)
{
  const PnIcalLine *zone = text->components->len > 0 ? pn_ical_text_find (text, 0, "TZ") : NULL;
  if (!text->version1 || !zone || !pn_timezone_offset_in_name (zone->value, standard))
    return FALSE;
  *offset = *standard;
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (text, 0, "DAYLIGHT", &position))) {
    g_auto (GStrv) fields = g_strsplit (line->value, ";", 6);
    PnCalendarTime begin = { 0 }, end = { 0 };
    gboolean begin_utc, end_utc;
    int daylight;
    if (g_strv_length (fields) < 4 || g_ascii_strcasecmp (fields[0], "TRUE") != 0
        || !pn_timezone_offset_in_name (fields[1], &daylight)
        || !pn_ical_parse_time (fields[2], &begin, &begin_utc)
        || !pn_ical_parse_time (fields[3], &end, &end_utc))
      continue;
    gint64 first = pn_calendar_time_local (&begin) + (begin_utc ? *standard : 0);
    gint64 last = pn_calendar_time_local (&end) + (end_utc ? daylight : 0);
    if (local >= first && local < last)
      *offset = daylight;
  }
  return TRUE;
}
