/* What belongs to a series: rules, dates, exceptions. */
#include "convert/fields.h"
#include "convert/ical-series-private.h"

#include <stdlib.h>
#include <string.h>

#define DAY 86400
#define MAX_TEXT (16 * 1024 * 1024)
#define MAX_RULES 20
#define MAX_DATES 20000
#define MAX_EXCEPTIONS 5000

PnCalendar *
pn_calendar_copy (const PnCalendar *self)
{
  PnCalendar *copy = pn_calendar_new ();
  pn_fields_copy (&pn_calendar_type, copy, self);
  return copy;
}

static void
exception_free (gpointer data)
{
  PnSeriesException *self = data;
  pn_calendar_free (self->calendar);
  g_free (self);
}

/* -- clocks -- */

static gboolean
is_utc (const PnCalendarTime *time)
{
  return !time->is_date && !time->floating && !time->tzid;
}

static PnZone *
zone_of (PnSeries *self, const PnCalendarTime *like)
{
  return like->is_date || like->floating ? self->site : like->tzid ? pn_zone_get (like->tzid) : NULL;
}

gint64
pn_series_instant (PnSeries *self, const PnCalendarTime *like, gint64 local)
{
  PnZone *zone = zone_of (self, like);
  if (is_utc (like))
    return local;
  if (zone)
    return pn_zone_instant (zone, local);
  PnCalendarTime time = { 0 };
  pn_calendar_time_set_local (&time, local);
  pn_ical_zones_set (self->zones, like->tzid, FALSE, &time);
  gint64 instant = time.unix_time;
  pn_calendar_time_clear (&time);
  return instant;
}

gint64
pn_series_local (PnSeries *self, const PnCalendarTime *like, gint64 instant)
{
  PnZone *zone = zone_of (self, like);
  if (is_utc (like))
    return instant;
  if (zone)
    return instant + pn_zone_offset (zone, instant);
  gint64 local = instant + pn_calendar_time_local (like) - like->unix_time;
  return local + instant - pn_series_instant (self, like, local);
}

gint64
pn_series_key (PnSeries *self, gint64 local)
{
  return self->base->is_date ? pn_day_of (local) * DAY : pn_series_instant (self, self->base, local);
}

void
pn_series_set_time (PnSeries *self, const PnCalendarTime *like, gint64 local, PnCalendarTime *time)
{
  pn_calendar_time_copy (time, like);
  time->set = TRUE;
  time->unix_time = pn_series_instant (self, like, local);
  /* A time that the clock leaps over is shown as the one it becomes. */
  if (!like->is_date && !like->floating)
    local = pn_series_local (self, like, time->unix_time);
  pn_calendar_time_set_local (time, local);
}

gint64
pn_series_local_of (PnSeries *self, const PnCalendarTime *time)
{
  gint64 local = pn_calendar_time_local (time);
  if (self->base->is_date) {
    /* A midnight in UTC names a day; another time is a moment of the day at this site. */
    if (is_utc (time) && local % DAY != 0)
      local = time->unix_time + pn_zone_offset (self->site, time->unix_time);
    return pn_day_of (local) * DAY;
  }
  if (time->is_date || (time->floating && !self->base->floating))
    return local;
  return pn_series_local (self, self->base, time->unix_time);
}

gboolean
pn_series_is_behind (PnSeries *self, const PnRule *rule, gint64 local)
{
  if (!rule->until.set)
    return FALSE;
  gint64 until = pn_calendar_time_local (&rule->until);
  if (self->base->is_date) {
    if (rule->until_utc && until % DAY != 0)
      until += pn_zone_offset (self->site, until);
    return pn_day_of (local) > pn_day_of (until);
  }
  if (rule->until.is_date)
    return pn_day_of (local) > pn_day_of (until);
  return rule->until_utc ? pn_series_instant (self, self->base, local) > until : local > until;
}

/* -- lines -- */

static void
add_rule (GPtrArray *rules, const char *value)
{
  PnRule *rule = rules->len < MAX_RULES ? pn_rule_parse (value, NULL) : NULL;
  if (rule)
    g_ptr_array_add (rules, rule);
}

/* A DATE or DATE-TIME of LINE on the clock of the series. */
static gboolean
read_value (PnSeries *self, const PnIcalLine *line, const char *value, PnCalendarTime *time, gint64 *local)
{
  gboolean utc;
  if (!pn_ical_parse_time (value, time, &utc))
    return FALSE;
  g_autofree char *tzid = pn_ical_line_parameter (line, "TZID");
  pn_ical_zones_set (self->zones, tzid ? g_strstrip (tzid) : NULL, utc, time);
  *local = pn_series_local_of (self, time);
  return TRUE;
}

static void
add_key (GHashTable *set, gint64 key)
{
  if (g_hash_table_size (set) < MAX_DATES)
    g_hash_table_add (set, g_memdup2 (&key, sizeof key));
}

static void
exclude (PnSeries *self, const PnIcalLine *line, const char *value)
{
  PnCalendarTime time = { 0 };
  gint64 local;
  if (read_value (self, line, value, &time, &local)) {
    if (time.is_date && !self->base->is_date)
      add_key (self->days, pn_day_of (local));
    else
      add_key (self->excluded, pn_series_key (self, local));
  }
  pn_calendar_time_clear (&time);
}

/* "start/end" or "start/duration". */
static gint64
period_length (PnSeries *self, const PnIcalLine *line, const char *end, const PnCalendarTime *start)
{
  PnIcalDuration duration;
  PnCalendarTime time = { 0 };
  gint64 local, length = -1;
  if (pn_ical_parse_duration (end, &duration))
    length = duration.sign * (duration.days * (gint64) DAY + duration.seconds);
  else if (read_value (self, line, end, &time, &local))
    length = time.unix_time - start->unix_time;
  pn_calendar_time_clear (&time);
  return length;
}

static void
include (PnSeries *self, const PnIcalLine *line, char *value)
{
  PnCalendarTime time = { 0 };
  PnSeriesDate date = { 0, -1 };
  char *slash = strchr (value, '/');
  if (slash)
    *slash = '\0';
  if (self->dates->len < MAX_DATES && read_value (self, line, value, &time, &date.local)) {
    if (slash)
      date.length = period_length (self, line, slash + 1, &time);
    if (time.is_date && !self->base->is_date)
      date.local
          += pn_calendar_time_local (self->base) - pn_day_of (pn_calendar_time_local (self->base)) * DAY;
    g_array_append_val (self->dates, date);
  }
  pn_calendar_time_clear (&time);
}

static void
take_line (PnSeries *self, const PnIcalLine *line)
{
  if (strcmp (line->name, "RRULE") == 0)
    add_rule (self->rules, line->value);
  else if (strcmp (line->name, "EXRULE") == 0)
    add_rule (self->exclusions, line->value);
  gboolean excludes = strcmp (line->name, "EXDATE") == 0 || strcmp (line->name, "X-MICROSOFT-EXDATE") == 0;
  if (!excludes && strcmp (line->name, "RDATE") != 0)
    return;
  g_auto (GStrv) values = g_strsplit_set (line->value, ",", MAX_DATES);
  for (guint i = 0; values[i]; i++) {
    if (excludes)
      exclude (self, line, g_strstrip (values[i]));
    else
      include (self, line, g_strstrip (values[i]));
  }
}

static void
take_lines (PnSeries *self, const GPtrArray *lines)
{
  for (guint i = 0; i < lines->len; i++) {
    g_autofree char *text = g_strdup (lines->pdata[i]);
    PnIcalLine line = { 0 };
    if (pn_ical_line_divide (text, &line))
      take_line (self, &line);
  }
}

/* The rule of a series that Exchange counts by another calendar. */
static void
take_microsoft_rule (PnSeries *self, const GPtrArray *lines)
{
  g_autofree char *calscale = NULL, *rrule = NULL;
  for (guint i = 0; i < lines->len; i++) {
    g_autofree char *text = g_strdup (lines->pdata[i]);
    PnIcalLine line = { 0 };
    if (!pn_ical_line_divide (text, &line))
      continue;
    char **field = strcmp (line.name, "X-MICROSOFT-CALSCALE") == 0 ? &calscale
                   : strcmp (line.name, "X-MICROSOFT-RRULE") == 0  ? &rrule
                                                                   : NULL;
    if (field && !*field)
      *field = g_strstrip (g_strdup (line.value));
  }
  g_autofree char *rule = calscale && rrule ? pn_rule_from_microsoft (calscale, rrule) : NULL;
  if (rule && self->rules->len == 0)
    add_rule (self->rules, rule);
}

static int
compare_dates (const void *a, const void *b)
{
  const PnSeriesDate *x = a, *y = b;
  return (x->local > y->local) - (x->local < y->local);
}

/* -- the calendar part -- */

static void
read_text (PnSeries *self, const PnMessage *message)
{
  PnPart *part = pn_message_get_part (message, PN_PART_CALENDAR);
  g_autoptr (GBytes) bytes = part && part->content ? pn_content_read (part->content, MAX_TEXT, NULL) : NULL;
  gsize length = 0;
  const char *text = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  if (text)
    self->text = pn_ical_text_new (self->scratch, text, length, NULL);
  self->has_part = self->text != NULL;
  if (self->text)
    return;
  g_autoptr (GString) zones = g_string_new ("BEGIN:VCALENDAR\n");
  for (guint i = 0; i < self->calendar->zones->len; i++)
    g_string_append_printf (zones, "%s\n", (char *) self->calendar->zones->pdata[i]);
  g_string_append (zones, "END:VCALENDAR\n");
  self->text = pn_ical_text_new (self->scratch, zones->str, zones->len, NULL);
  /* A native message may have come from anybody. */
  if (!self->text)
    self->text = pn_ical_text_new (self->scratch, "", 0, NULL);
}

static gboolean
is_ours (const PnSeries *self, guint component)
{
  const PnCalendar *calendar = self->calendar;
  const char *name = pn_ical_component (self->text, component)->name;
  if (g_ascii_strcasecmp (name, calendar->component ? calendar->component : "VEVENT") != 0)
    return FALSE;
  if (!calendar->uid)
    return !pn_ical_text_find (self->text, component, "UID");
  g_autofree char *own = pn_ical_component_uid (self->text, component);
  return own ? strcmp (own, calendar->uid) == 0 : self->nameless;
}

/* The component that the message's own calendar was read from, or -1. */
static gint
find_master (const PnSeries *self)
{
  for (guint i = 0; self->has_part && i < self->text->components->len; i++) {
    if (is_ours (self, i) && !pn_ical_text_find (self->text, i, "RECURRENCE-ID"))
      return (gint) i;
  }
  return -1;
}

/* Rules for which the native message has one field only. */
static void
take_further_rules (PnSeries *self, gint master)
{
  const PnIcalLine *line;
  guint position = 0, rules = self->rules->len;
  gboolean first = TRUE;
  while (master >= 0 && (line = pn_ical_text_next (self->text, (guint) master, "RRULE", &position))) {
    if (!first && rules == 1)
      add_rule (self->rules, line->value);
    first = FALSE;
  }
  position = 0;
  while (master >= 0 && self->exclusions->len < MAX_RULES
         && (line = pn_ical_text_next (self->text, (guint) master, "EXRULE", &position)))
    add_rule (self->exclusions, line->value);
}

static void
take_lengths (PnSeries *self, gint master)
{
  const PnCalendar *calendar = self->calendar;
  PnIcalDuration duration;
  const PnIcalLine *line = master >= 0 ? pn_ical_text_find (self->text, (guint) master, "DURATION") : NULL;
  self->length
      = calendar->end.set && calendar->start.set ? calendar->end.unix_time - calendar->start.unix_time : -1;
  if (calendar->end.set && calendar->start.set && calendar->start.is_date)
    self->length = pn_calendar_time_local (&calendar->end) - pn_calendar_time_local (&calendar->start);
  if (self->length >= 0 && line && !pn_ical_text_find (self->text, (guint) master, "DTEND")
      && pn_ical_parse_duration (line->value, &duration) && duration.sign > 0)
    self->nominal_days = duration.days;
}

/* -- exceptions -- */

static gboolean
is_newer (const PnCalendar *a, const PnCalendar *b)
{
  if (a->sequence != b->sequence)
    return a->sequence > b->sequence;
  return !a->stamp.set || !b->stamp.set || a->stamp.unix_time >= b->stamp.unix_time;
}

static void
add_exception (PnSeries *self, PnCalendar *calendar)
{
  GPtrArray *list = calendar->this_and_future ? self->ranges : self->exceptions;
  PnSeriesException *exception = g_new0 (PnSeriesException, 1);
  exception->calendar = calendar;
  exception->local = pn_series_local_of (self, &calendar->recurrence_id);
  exception->whole_day = calendar->recurrence_id.is_date && !self->base->is_date;
  exception->key
      = exception->whole_day ? pn_day_of (exception->local) : pn_series_key (self, exception->local);
  exception->cancelled = g_strcmp0 (calendar->status, "CANCELLED") == 0;
  for (guint i = 0; i < list->len; i++) {
    PnSeriesException *other = list->pdata[i];
    if (other->key != exception->key || other->whole_day != exception->whole_day)
      continue;
    if (is_newer (calendar, other->calendar)) {
      g_ptr_array_remove_index (list, i);
      break;
    }
    exception_free (exception);
    return;
  }
  g_ptr_array_add (list, exception);
}

static int
compare_ranges (const void *a, const void *b)
{
  const PnSeriesException *x = *(PnSeriesException *const *) a, *y = *(PnSeriesException *const *) b;
  return (x->local > y->local) - (x->local < y->local);
}

static void
take_exceptions (PnSeries *self)
{
  for (guint i = 0; self->has_part && i < self->text->components->len; i++) {
    if (self->exceptions->len + self->ranges->len >= MAX_EXCEPTIONS || !is_ours (self, i)
        || !pn_ical_text_find (self->text, i, "RECURRENCE-ID"))
      continue;
    g_autoptr (PnMessage) read
        = pn_ical_read_component (self->text, i, self->calendar->method, self->site_timezone);
    if (!read || !read->calendar->recurrence_id.set)
      continue;
    PnCalendar *calendar = g_steal_pointer (&read->calendar);
    add_exception (self, calendar);
  }
  g_ptr_array_sort (self->ranges, compare_ranges);
}

/* -- the whole -- */

void
pn_series_free (PnSeries *self)
{
  if (!self)
    return;
  pn_ical_zones_free (self->zones);
  pn_ical_text_free (self->text);
  pn_message_free (self->scratch);
  g_ptr_array_unref (self->rules);
  g_ptr_array_unref (self->exclusions);
  g_array_unref (self->dates);
  g_hash_table_unref (self->excluded);
  g_hash_table_unref (self->days);
  g_ptr_array_unref (self->exceptions);
  g_ptr_array_unref (self->ranges);
  g_free (self->site_timezone);
  g_free (self);
}

static void
take_master (PnSeries *self)
{
  gint master = find_master (self);
  const PnCalendar *calendar = self->calendar;
  self->nameless = master >= 0 && !pn_ical_text_find (self->text, (guint) master, "UID");
  take_lengths (self, master);
  if (self->orphan)
    return;
  if (calendar->rrule)
    add_rule (self->rules, calendar->rrule);
  take_lines (self, calendar->rdates);
  take_lines (self, calendar->exdates);
  take_lines (self, calendar->properties);
  take_further_rules (self, master);
  take_microsoft_rule (self, calendar->properties);
  g_array_sort (self->dates, compare_dates);
}

PnSeries *
pn_series_new (const PnMessage *message, const char *site_timezone, GError **error)
{
  const PnCalendar *calendar = message->calendar;
  if (!calendar || (!calendar->start.set && !calendar->end.set)) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "calendar: the message is no item with a time");
    return NULL;
  }
  PnSeries *self = g_new0 (PnSeries, 1);
  self->calendar = calendar;
  self->base = calendar->start.set ? &calendar->start : &calendar->end;
  self->orphan = calendar->recurrence_id.set;
  self->scratch = pn_message_new (PN_TYPE_MAIL);
  self->site_timezone = g_strdup (site_timezone);
  self->rules = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_rule_free);
  self->exclusions = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_rule_free);
  self->dates = g_array_new (FALSE, FALSE, sizeof (PnSeriesDate));
  self->excluded = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->days = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->exceptions = g_ptr_array_new_with_free_func (exception_free);
  self->ranges = g_ptr_array_new_with_free_func (exception_free);
  read_text (self, message);
  self->zones = pn_ical_zones_new (self->text, self->scratch, site_timezone);
  pn_ical_zones_judge_at (self->zones, pn_calendar_time_local (self->base));
  self->site = pn_ical_zones_site (self->zones);
  take_master (self);
  take_exceptions (self);
  return self;
}
