/* Whatever is read is written, what is written can be read, and every time in it is the instant it was. */
#include "convert/ical-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
assert_same_time (const PnCalendarTime *a, const PnCalendarTime *b)
{
  g_assert_cmpint (a->set, ==, b->set);
  if (a->set)
    g_assert_cmpint (a->unix_time, ==, b->unix_time);
}

/* The zones that the calendar keeps, as an object of their own. */
static PnIcalText *
read_zones (const PnCalendar *calendar, PnMessage *scratch)
{
  g_autoptr (GString) text = g_string_new ("BEGIN:VCALENDAR\n");
  for (guint i = 0; i < calendar->zones->len; i++)
    g_string_append (text, calendar->zones->pdata[i]);
  g_string_append (text, "END:VCALENDAR\n");
  return pn_ical_text_new (scratch, text->str, text->len, NULL);
}

/* The instants of EXDATE or RDATE lines. */
static GArray *
read_instants (const PnCalendar *calendar, const GPtrArray *lines)
{
  g_autoptr (PnMessage) scratch = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (PnIcalText) text = read_zones (calendar, scratch);
  g_autoptr (PnIcalZones) zones = pn_ical_zones_new (text, scratch, "Europe/Berlin");
  GArray *instants = g_array_new (FALSE, FALSE, sizeof (gint64));
  const PnCalendarTime *base = calendar->start.set ? &calendar->start : &calendar->end;
  if (base->set)
    pn_ical_zones_judge_at (zones, pn_calendar_time_local (base));
  for (guint i = 0; i < lines->len; i++) {
    g_autofree char *copy = g_strdup (lines->pdata[i]);
    PnIcalLine line = { 0 };
    if (!pn_ical_line_divide (copy, &line) || pn_ical_line_parameter_is (&line, "VALUE", "PERIOD"))
      continue;
    g_autofree char *tzid = pn_ical_line_parameter (&line, "TZID");
    g_auto (GStrv) values = g_strsplit (line.value, ",", -1);
    for (guint k = 0; values[k]; k++) {
      PnCalendarTime time = { 0 };
      gboolean utc;
      if (pn_ical_parse_time (values[k], &time, &utc)) {
        pn_ical_zones_set (zones, tzid, utc, &time);
        g_array_append_val (instants, time.unix_time);
      }
      pn_calendar_time_clear (&time);
    }
  }
  return instants;
}

static void
assert_same_instants (const PnCalendar *a, const GPtrArray *a_lines, const PnCalendar *b,
                      const GPtrArray *b_lines)
{
  g_autoptr (GArray) first = read_instants (a, a_lines), second = read_instants (b, b_lines);
  g_assert_cmpuint (first->len, ==, second->len);
  for (guint i = 0; i < first->len; i++)
    g_assert_cmpint (g_array_index (first, gint64, i), ==, g_array_index (second, gint64, i));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  if (!pn_ical_read (message, (const char *) data, size, NULL, "Europe/Berlin", NULL))
    return 0;
  GBytes *bytes = g_bytes_new (data, size);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_bytes (bytes)));
  g_bytes_unref (bytes);
  if (!message->id)
    message->id = g_strdup ("id");
  g_autofree char *described = pn_ical_describe (message->calendar);
  g_autofree char *text = pn_ical_write (message, 0, NULL);
  /* Only an answer that nobody gives cannot be written. */
  if (!text) {
    g_assert_true (described && message->calendar->method == PN_METHOD_REPLY);
    return 0;
  }
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *line = text; *line;) {
    const char *end = strstr (line, "\r\n");
    g_assert_true (end && end - line <= 75 && !memchr (line, '\n', (gsize) (end - line)));
    line = end + 2;
  }
  g_autoptr (PnMessage) again = pn_message_new (PN_TYPE_MAIL);
  g_assert_true (pn_ical_read (again, text, strlen (text), NULL, "Europe/Berlin", NULL));
  const PnCalendar *before = message->calendar, *after = again->calendar;
  assert_same_time (&before->start, &after->start);
  /* A VFREEBUSY has no instances. */
  if (strcmp (before->component, "VFREEBUSY") != 0)
    assert_same_time (&before->recurrence_id, &after->recurrence_id);
  gboolean has_end = strcmp (before->component, "VEVENT") == 0 || strcmp (before->component, "VTODO") == 0;
  if (has_end)
    assert_same_time (&before->end, &after->end);
  /* Nor has one instance a series of its own (RFC 5546, 3.2), whatever it says. */
  if (before->method != PN_METHOD_REPLY && before->method != PN_METHOD_REFRESH && !before->recurrence_id.set
      && strcmp (before->component, "VFREEBUSY") != 0) {
    assert_same_instants (before, before->rdates, after, after->rdates);
    assert_same_instants (before, before->exdates, after, after->exdates);
  }
  return 0;
}
