#include "convert/ical-rule.h"
#include "convert/ical-writer.h"

#include <string.h>

#define MAX_OFFSET (16 * 3600)

/* -- zones -- */

/* Whether the zone data has TZID and means by it what the message does: a Windows name may have come with
 * hours of its own.  An offset that no clock has says only that the instant was not filled in. */
static gboolean
is_zone (const char *tzid, gint64 at, int offset)
{
  PnZone *zone = pn_zone_get (tzid);
  return zone && (ABS (offset) > MAX_OFFSET || pn_zone_instant (zone, at + offset) == at);
}

/* OFFSET is taken if the zone is neither in the zone data nor came with the message. */
static void
put_zone (PnIcalWriter *writer, const char *tzid, gint64 at, int offset)
{
  if (g_ptr_array_find_with_equal_func (writer->zones, tzid, g_str_equal, NULL))
    return;
  g_ptr_array_add (writer->zones, g_strdup (tzid));
  gboolean iana = pn_timezone_is_iana (tzid);
  /* One is only kept if no zone has its hours, whatever its name. */
  if (!iana && pn_ical_carry_zone (writer, tzid))
    return;
  gboolean known = iana || is_zone (tzid, at, offset);
  guint years = writer->options->zone_years;
  g_autofree char *zone = !known      ? NULL
                          : years > 0 ? pn_timezone_write_years (tzid, at, years)
                                      : pn_timezone_write (tzid, at);
  if (zone)
    g_string_append (writer->out, zone);
  else
    pn_timezone_append_fixed (writer->out, tzid, ABS (offset) > MAX_OFFSET ? 0 : offset);
}

static gint64
offset_of (const PnCalendarTime *time)
{
  return pn_calendar_time_local (time) - time->unix_time;
}

static void
put_zone_of_time (PnIcalWriter *writer, const PnCalendarTime *time)
{
  if (!time->set || time->is_date || time->floating || !time->tzid)
    return;
  put_zone (writer, time->tzid, time->unix_time, (int) CLAMP (offset_of (time), -86399, 86399));
}

struct PnIcalWrittenZones {
  PnMessage *scratch;
  PnIcalText *text;
  PnIcalZones *zones;
};

PnIcalWrittenZones *
pn_ical_written_zones_new (PnIcalWriter *writer)
{
  gboolean needed = FALSE;
  for (guint i = 0; i < writer->zones->len; i++)
    needed |= !pn_timezone_is_iana (writer->zones->pdata[i]);
  if (!needed)
    return NULL;
  PnIcalWrittenZones *self = g_new0 (PnIcalWrittenZones, 1);
  self->scratch = pn_message_new (PN_TYPE_MAIL);
  self->text = pn_ical_text_new (self->scratch, writer->out->str, writer->out->len, NULL);
  if (self->text) {
    const PnCalendar *calendar = writer->calendar;
    const PnCalendarTime *base = calendar->start.set ? &calendar->start : &calendar->end;
    self->zones = pn_ical_zones_new (self->text, self->scratch, NULL);
    if (base->set)
      pn_ical_zones_judge_at (self->zones, pn_calendar_time_local (base));
  }
  return self;
}

void
pn_ical_written_zones_free (PnIcalWrittenZones *self)
{
  if (!self)
    return;
  pn_ical_zones_free (self->zones);
  pn_ical_text_free (self->text);
  pn_message_free (self->scratch);
  g_free (self);
}

gboolean
pn_ical_is_exact (PnIcalWriter *writer, const PnCalendarTime *time)
{
  /* An offset that no clock has says only that the instant was not filled in. */
  if (time->is_date || time->floating || !time->tzid || ABS (offset_of (time)) > MAX_OFFSET)
    return TRUE;
  if (pn_timezone_is_iana (time->tzid))
    return pn_zone_instant (pn_zone_get (time->tzid), pn_calendar_time_local (time)) == time->unix_time;
  if (!writer->written || !writer->written->zones)
    return FALSE;
  PnCalendarTime again = { 0 };
  pn_calendar_time_copy (&again, time);
  pn_ical_zones_set (writer->written->zones, time->tzid, FALSE, &again);
  gboolean exact = again.unix_time == time->unix_time;
  pn_calendar_time_clear (&again);
  return exact;
}

static void
put_zones_of_lines (PnIcalWriter *writer, const GPtrArray *lines)
{
  const PnCalendarTime *start = &writer->calendar->start;
  gint64 offset = start->set && start->tzid ? offset_of (start) : 0;
  for (guint i = 0; i < lines->len; i++) {
    g_autofree char *copy = g_strdup (lines->pdata[i]);
    PnIcalLine line = { 0 };
    g_autofree char *tzid = pn_ical_line_divide (copy, &line) ? pn_ical_line_parameter (&line, "TZID") : NULL;
    if (tzid && *tzid)
      put_zone (writer, tzid, start->unix_time, (int) CLAMP (offset, -86399, 86399));
  }
}

void
pn_ical_put_zones (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  if (!calendar->all_day) {
    put_zone_of_time (writer, &calendar->start);
    put_zone_of_time (writer, &calendar->end);
  }
  put_zone_of_time (writer, &calendar->recurrence_id);
  if (writer->method == PN_METHOD_REPLY)
    return;
  put_zones_of_lines (writer, calendar->rdates);
  put_zones_of_lines (writer, calendar->exdates);
}

/* -- times -- */

static void
put_day (PnIcalWriter *writer, const char *name, const PnCalendarTime *time, const PnCalendarTime *after)
{
  PnCalendarTime day = *time;
  if (after
      && (!time->set || pn_calendar_time_local (time) / 86400 <= pn_calendar_time_local (after) / 86400)) {
    day = *after;
    pn_calendar_time_set_local (&day, pn_calendar_time_local (after) + 86400);
  }
  pn_ical_put_time (writer, name, &day, TRUE);
}

void
pn_ical_put_times (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  const PnCalendarTime *start = &calendar->start, *end = &calendar->end;
  gboolean event = strcmp (writer->component, "VEVENT") == 0, task = strcmp (writer->component, "VTODO") == 0;
  if (event && start->set && (calendar->all_day || start->is_date)) {
    put_day (writer, "DTSTART", start, NULL);
    put_day (writer, "DTEND", end, start);
  } else {
    pn_ical_put_time (writer, "DTSTART", start, start->is_date);
    /* An end that is the start may not be written. */
    if (task || (event && end->set && end->unix_time != start->unix_time))
      pn_ical_put_time (writer, task ? "DUE" : "DTEND", end, end->is_date);
  }
  const char *name = calendar->this_and_future ? "RECURRENCE-ID;RANGE=THISANDFUTURE" : "RECURRENCE-ID";
  pn_ical_put_time (writer, name, &calendar->recurrence_id, calendar->recurrence_id.is_date);
}

/* The rule without one of COUNT and UNTIL: RFC 5545 allows no more, and the one that ends first is meant. */
static char *
without_part (const char *rrule, const char *part)
{
  g_auto (GStrv) parts = g_strsplit (rrule, ";", -1);
  GString *rule = g_string_new (NULL);
  for (guint i = 0; parts[i]; i++) {
    if (g_ascii_strncasecmp (g_strstrip (parts[i]), part, strlen (part)) != 0 && *parts[i])
      g_string_append_printf (rule, "%s%s", rule->len > 0 ? ";" : "", parts[i]);
  }
  return g_string_free (rule, FALSE);
}

/* A rule that cannot be counted keeps its COUNT. */
static gboolean
ends_by_count (const char *rrule, const PnCalendarTime *start)
{
  g_autoptr (PnRule) rule = pn_rule_parse (rrule, NULL);
  int instances = rule && start->set ? pn_rule_instances (rule, start) : 0;
  return instances == 0 || instances >= rule->count;
}

static void
put_rule (PnIcalWriter *writer)
{
  const char *rrule = writer->calendar->rrule;
  if (!rrule || !*rrule)
    return;
  if (!strstr (rrule, "COUNT=") || !strstr (rrule, "UNTIL=")) {
    pn_ical_put (writer, "RRULE:", rrule);
    return;
  }
  g_autofree char *by_count = without_part (rrule, "UNTIL="), *by_until = without_part (rrule, "COUNT=");
  gboolean count = ends_by_count (rrule, &writer->calendar->start);
  pn_message_add_loss (writer->message, "calendar", "RRULE had COUNT and UNTIL; %s ends first and was kept",
                       count ? "COUNT" : "UNTIL");
  pn_ical_put (writer, "RRULE:", count ? by_count : by_until);
}

void
pn_ical_put_recurrence (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  /* With one instance it only tells what the series is. */
  if (calendar->recurrence_id.set)
    return;
  put_rule (writer);
  for (guint i = 0; i < calendar->rdates->len; i++)
    pn_ical_put (writer, "", calendar->rdates->pdata[i]);
  for (guint i = 0; i < calendar->exdates->len; i++)
    pn_ical_put (writer, "", calendar->exdates->pdata[i]);
}
