#include "convert/ical-private.h"

#include <string.h>

#define DAY 86400
#define MAX_DATES 10000

/* Moves TIME, of the zone of DTSTART, by a duration: days on the calendar, the rest on the clock. */
static void
add_duration (PnIcalReader *reader, PnCalendarTime *time, const PnIcalDuration *duration)
{
  gint64 days = (gint64) duration->sign * duration->days, seconds = duration->sign * duration->seconds;
  if (time->is_date) {
    days += seconds / DAY;
    seconds = 0;
  }
  gboolean utc = !time->is_date && !time->floating && !time->tzid;
  gint64 local = pn_calendar_time_local (time) + days * DAY;
  if (local + seconds < pn_civil_to_days (2, 1, 1) * DAY
      || local + seconds > pn_civil_to_days (9999, 1, 1) * DAY)
    return;
  pn_calendar_time_set_local (time, local);
  pn_ical_zones_set (reader->zones, reader->start_tzid, utc, time);
  if (seconds == 0)
    return;
  int offset = (int) (local - time->unix_time);
  PnZone *zone = time->floating ? pn_ical_zones_site (reader->zones)
                 : time->tzid   ? pn_zone_get (time->tzid)
                                : NULL;
  time->unix_time += seconds;
  if (zone)
    offset = pn_zone_offset (zone, time->unix_time);
  pn_calendar_time_set_local (time, time->unix_time + offset);
}

static void
add_days (PnIcalReader *reader, PnCalendarTime *time, int days)
{
  PnIcalDuration duration = { 1, days, 0 };
  add_duration (reader, time, &duration);
}

/* -- the end -- */

static void
default_end (PnIcalReader *reader)
{
  PnCalendar *calendar = reader->calendar;
  const PnIcalLine *line = pn_ical_text_find (reader->text, reader->component, "DURATION");
  PnIcalDuration duration = { 1, calendar->start.is_date ? 1 : 0, 0 };
  if (line && !pn_ical_parse_duration (g_strchomp (line->value), &duration))
    pn_message_add_loss (reader->message, "calendar", "line %u: no duration: %.40s", line->number,
                         line->value);
  if (!line && strcmp (calendar->component, "VEVENT") != 0)
    return;
  pn_calendar_time_copy (&calendar->end, &calendar->start);
  if (duration.days != 0 || duration.seconds != 0)
    add_duration (reader, &calendar->end, &duration);
}

/* DTEND has to be of the type of DTSTART. */
static void
match_end (PnIcalReader *reader)
{
  PnCalendarTime *start = &reader->calendar->start, *end = &reader->calendar->end;
  if (start->is_date == end->is_date)
    return;
  pn_message_add_loss (reader->message, "calendar", "the end was made a %s like the start",
                       start->is_date ? "date" : "time");
  if (start->is_date) {
    gboolean into_day = end->hour > 0 || end->minute > 0;
    end->is_date = TRUE;
    end->hour = end->minute = end->second = 0;
    pn_ical_zones_set (reader->zones, NULL, FALSE, end);
    if (into_day)
      add_days (reader, end, 1);
  } else {
    gboolean utc = !start->floating && !start->tzid;
    end->is_date = FALSE;
    pn_ical_zones_set (reader->zones, reader->start_tzid, utc, end);
  }
}

static void
finish_end (PnIcalReader *reader)
{
  PnCalendar *calendar = reader->calendar;
  if (calendar->end.set)
    match_end (reader);
  else
    default_end (reader);
  if (!calendar->end.set)
    return;
  gint64 length = calendar->end.unix_time - calendar->start.unix_time;
  gboolean event = strcmp (calendar->component, "VEVENT") == 0;
  if (length < 0 && event) {
    pn_message_add_loss (reader->message, "calendar", "the end lies before the start and was set to it");
    pn_calendar_time_copy (&calendar->end, &calendar->start);
    length = 0;
  }
  /* A day that ends on the day it starts is meant to last that day. */
  if (length == 0 && event && calendar->start.is_date)
    add_days (reader, &calendar->end, 1);
}

/* -- whole days -- */

/* Whether TIME is a midnight; one in UTC may be that of the site. */
static gboolean
as_midnight (PnIcalReader *reader, const PnCalendarTime *time, gint64 *day)
{
  gint64 local = pn_calendar_time_local (time);
  if (local % DAY != 0 && !time->tzid && !time->floating)
    local = time->unix_time + pn_zone_offset (pn_ical_zones_site (reader->zones), time->unix_time);
  *day = local / DAY;
  return local % DAY == 0;
}

static void
set_day (PnIcalReader *reader, PnCalendarTime *time, gint64 day)
{
  pn_calendar_time_set_local (time, day * DAY);
  time->is_date = TRUE;
  pn_ical_zones_set (reader->zones, NULL, FALSE, time);
}

static void
finish_all_day (PnIcalReader *reader)
{
  PnCalendar *calendar = reader->calendar;
  calendar->all_day = calendar->start.is_date;
  if (!reader->all_day_flag || calendar->all_day)
    return;
  gint64 first, last;
  if (!as_midnight (reader, &calendar->start, &first) || !as_midnight (reader, &calendar->end, &last)) {
    pn_message_add_loss (reader->message, "calendar",
                         "marked as all day, but does not run from midnight to midnight");
    return;
  }
  calendar->all_day = TRUE;
  set_day (reader, &calendar->start, first);
  set_day (reader, &calendar->end, MAX (last, first + 1));
}

/* -- RDATE and EXDATE -- */

/* The values of one line, by how they have to be written. */
typedef struct {
  gboolean utc;      /* what the line's own zone is: no TZID stands for that */
  GString *zoned;    /* values in the line's own zone */
  GString *in_utc;   /* values that say so */
  GString *as_start; /* values that had to take the type of DTSTART */
} DateList;

static void
append_value (GString *list, gint64 local, gboolean date, gboolean utc)
{
  if (list->len > 0)
    g_string_append_c (list, ',');
  pn_ical_append_local (list, local, date);
  if (utc)
    g_string_append_c (list, 'Z');
}

static void
append_period (DateList *list, const char *value)
{
  gboolean utc = list->utc || strchr (value, 'Z');
  GString *out = utc ? list->in_utc : list->zoned;
  if (out->len > 0)
    g_string_append_c (out, ',');
  for (const char *c = value; *c; c++) {
    g_string_append_c (out, *c);
    /* The last digit of a time, not of a duration. */
    if (utc && g_ascii_isdigit (*c) && (c[1] == '/' || c[1] == '\0'))
      g_string_append_c (out, 'Z');
  }
}

static gboolean
read_date (PnIcalReader *reader, const char *value, gboolean period, DateList *list)
{
  const PnCalendarTime *start = &reader->calendar->start;
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (period) {
    append_period (list, value);
    return TRUE;
  }
  if (!pn_ical_parse_time (value, &time, &utc))
    return FALSE;
  gint64 local = pn_calendar_time_local (&time);
  gboolean start_utc = !start->is_date && !start->floating && !start->tzid;
  if (time.is_date == start->is_date || !start->set) {
    gboolean in_utc = !time.is_date && (utc || list->utc);
    append_value (in_utc ? list->in_utc : list->zoned, local, time.is_date, in_utc);
  } else if (start->is_date) {
    if (utc)
      local += pn_zone_offset (pn_ical_zones_site (reader->zones), local);
    append_value (list->as_start, local, TRUE, FALSE);
  } else {
    gint64 clock = pn_calendar_time_local (start) % DAY;
    append_value (list->as_start, local + (clock + DAY) % DAY, FALSE, start_utc);
  }
  return TRUE;
}

static void
store_list (GPtrArray *lines, const char *name, const GString *values, const char *tzid, gboolean period)
{
  if (values->len == 0)
    return;
  GString *line = g_string_new (name);
  gboolean date = !strchr (values->str, 'T');
  if (period)
    g_string_append (line, ";VALUE=PERIOD");
  else if (date)
    g_string_append (line, ";VALUE=DATE");
  if (tzid && !date) {
    g_string_append (line, ";TZID=");
    pn_ical_append_parameter (line, tzid);
  }
  g_string_append_printf (line, ":%s", values->str);
  g_ptr_array_add (lines, g_string_free (line, FALSE));
}

/* The zone gets its native name here too, or the exceptions would miss their instances. */
static void
read_date_list (PnIcalReader *reader, const PnIcalLine *line, GPtrArray *lines)
{
  g_auto (GStrv) values = g_strsplit_set (line->value, reader->text->version1 ? ",;" : ",", MAX_DATES);
  g_autofree char *tzid = pn_ical_line_parameter (line, "TZID");
  gboolean period = pn_ical_line_parameter_is (line, "VALUE", "PERIOD");
  g_autoptr (GString) zoned = g_string_new (NULL), in_utc = g_string_new (NULL);
  g_autoptr (GString) as_start = g_string_new (NULL);
  const PnCalendarTime *start = &reader->calendar->start;
  const char *name = NULL;
  if (tzid && *g_strstrip (tzid))
    name = pn_ical_zones_name (reader->zones, tzid);
  DateList list = { tzid && *tzid && !name, zoned, in_utc, as_start };
  const char *bad = NULL;
  guint n_bad = 0;
  for (guint i = 0; values[i]; i++) {
    g_strstrip (g_strcanon (values[i], "0123456789TZPDHMSW/+-.", ' '));
    if (*values[i] && !read_date (reader, values[i], period, &list) && n_bad++ == 0)
      bad = values[i];
  }
  if (n_bad > 1)
    pn_message_add_loss (reader->message, "calendar", "line %u: %s: no date: %.40s, and %u more",
                         line->number, line->name, bad, n_bad - 1);
  else if (bad)
    pn_message_add_loss (reader->message, "calendar", "line %u: %s: no date: %.40s", line->number, line->name,
                         bad);
  if (as_start->len > 0)
    pn_message_add_loss (reader->message, "calendar", "line %u: %s was given the type of DTSTART",
                         line->number, line->name);
  store_list (lines, line->name, zoned, name, period);
  store_list (lines, line->name, in_utc, NULL, period);
  store_list (lines, line->name, as_start, start->tzid, FALSE);
}

static void
read_date_lists (PnIcalReader *reader)
{
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (reader->text, reader->component, "RDATE", &position)))
    read_date_list (reader, line, reader->calendar->rdates);
  position = 0;
  while ((line = pn_ical_text_next (reader->text, reader->component, "EXDATE", &position)))
    read_date_list (reader, line, reader->calendar->exdates);
}

void
pn_ical_finish_times (PnIcalReader *reader)
{
  if (reader->calendar->start.set) {
    finish_end (reader);
    finish_all_day (reader);
  }
  read_date_lists (reader);
  pn_ical_read_alarms (reader);
}

/* -- VFREEBUSY -- */

static void
add_busy (PnIcalReader *reader, const char *period)
{
  const char *slash = strchr (period, '/');
  gint64 start, end;
  PnIcalDuration duration;
  g_autofree char *first = slash ? g_strndup (period, (gsize) (slash - period)) : NULL;
  if (!first || !pn_ical_parse_instant (first, &start))
    return;
  if (pn_ical_parse_duration (slash + 1, &duration))
    end = start + duration.sign * (duration.days * (gint64) DAY + duration.seconds);
  else if (!pn_ical_parse_instant (slash + 1, &end))
    return;
  if (end <= start)
    return;
  PnBusyBlock *block = g_new0 (PnBusyBlock, 1);
  block->start = start;
  block->end = end;
  g_ptr_array_add (reader->message->busy, block);
}

void
pn_ical_read_busy (PnIcalReader *reader)
{
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (reader->text, reader->component, "FREEBUSY", &position))) {
    if (pn_ical_line_parameter_is (line, "FBTYPE", "FREE"))
      continue;
    g_auto (GStrv) periods = g_strsplit_set (line->value, ",", MAX_DATES);
    for (guint i = 0; periods[i]; i++)
      add_busy (reader, g_strstrip (periods[i]));
  }
}
