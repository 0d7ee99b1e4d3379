#include "convert/itip-private.h"

#include "convert/ical-series.h"

#include <string.h>

#define MAX_GONE 5000
#define NEAR (36 * 3600)
#define MAX_NEAR 2000
#define FAR (3 * 86400) /* no two clocks are so far apart, even if one of them only knows the day */
#define MAX_ZONES 500

/* -- making and freeing -- */

static void
zone_free (gpointer data)
{
  PnItipZone *self = data;
  g_free (self->tzid);
  g_free (self->text);
  g_free (self);
}

PnItipItem *
pn_itip_item_new (const char *uid, const char *site_timezone)
{
  PnItipItem *self = g_new0 (PnItipItem, 1);
  self->uid = g_strdup (uid ? uid : "");
  self->site_timezone = g_strdup (site_timezone);
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_itip_part_free);
  self->zones = g_ptr_array_new_with_free_func (zone_free);
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_itip_line_free);
  return self;
}

void
pn_itip_item_free (PnItipItem *self)
{
  if (!self)
    return;
  g_free (self->uid);
  g_free (self->kind);
  g_free (self->site_timezone);
  g_ptr_array_unref (self->parts);
  g_ptr_array_unref (self->zones);
  g_ptr_array_unref (self->lines);
  g_free (self);
}

/* -- components -- */

PnItipPart *
pn_itip_find (const PnItipItem *self, const char *key)
{
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    if (g_strcmp0 (part->key, key) == 0)
      return part;
  }
  return NULL;
}

PnItipPart *
pn_itip_master (const PnItipItem *self)
{
  return pn_itip_find (self, NULL);
}

void
pn_itip_put (PnItipItem *self, PnItipPart *part)
{
  pn_itip_remove (self, part->key);
  g_ptr_array_insert (self->parts, part->key ? -1 : 0, part);
}

void
pn_itip_remove (PnItipItem *self, const char *key)
{
  PnItipPart *old = pn_itip_find (self, key);
  if (old)
    g_ptr_array_remove (self->parts, old);
}

/* -- zones -- */

void
pn_itip_set_zone (PnItipItem *self, const char *tzid, const char *text)
{
  for (guint i = 0; i < self->zones->len; i++) {
    PnItipZone *zone = self->zones->pdata[i];
    if (strcmp (zone->tzid, tzid) != 0)
      continue;
    if (strcmp (zone->text, text) != 0) {
      g_free (zone->text);
      zone->text = g_strdup (text);
    }
    return;
  }
  if (self->zones->len >= MAX_ZONES)
    return;
  PnItipZone *zone = g_new0 (PnItipZone, 1);
  zone->tzid = g_strdup (tzid);
  zone->text = g_strdup (text);
  g_ptr_array_add (self->zones, zone);
}

void
pn_itip_take_zones (PnItipItem *self, const PnItipItem *from)
{
  for (guint i = 0; i < from->zones->len; i++) {
    const PnItipZone *zone = from->zones->pdata[i];
    pn_itip_set_zone (self, zone->tzid, zone->text);
  }
}

void
pn_itip_want_zone (PnItipItem *self, const PnCalendarTime *time)
{
  if (!time->tzid || time->is_date || time->floating)
    return;
  for (guint i = 0; i < self->zones->len; i++)
    if (strcmp (((PnItipZone *) self->zones->pdata[i])->tzid, time->tzid) == 0)
      return;
  g_autofree char *text = pn_timezone_write (time->tzid, time->unix_time);
  if (text)
    pn_itip_set_zone (self, time->tzid, text);
}

/* -- recurrence values -- */

char *
pn_itip_recurrence (const PnCalendarTime *recurrence_id)
{
  g_autoptr (GString) out = g_string_new (NULL);
  if (!recurrence_id->set)
    return NULL;
  if (recurrence_id->is_date)
    pn_ical_append_local (out, pn_calendar_time_local (recurrence_id), TRUE);
  else
    pn_ical_append_utc (out, recurrence_id->unix_time);
  return g_strdup (out->str);
}

gint64
pn_itip_key_time (const char *key)
{
  gint64 instant = 0;
  pn_ical_parse_instant (key, &instant);
  return instant;
}

/* Outlook and others name an instance of a timed series by its day, or a day by its midnight. */
char *
pn_itip_key (const PnItipItem *self, const char *key)
{
  PnItipPart *master = pn_itip_master (self);
  const PnCalendarTime *start = master ? &pn_itip_calendar (self, master)->start : NULL;
  gboolean date = strlen (key) == 8;
  if (!start || !start->set || start->is_date == date)
    return g_strdup (key);
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (!pn_ical_parse_time (key, &time, &utc))
    return g_strdup (key);
  g_autofree char *result = NULL;
  if (date) {
    time.hour = start->hour;
    time.minute = start->minute;
    time.second = start->second;
    time.is_date = FALSE;
    const char *zone = start->floating ? self->site_timezone : start->tzid;
    gint64 offset = pn_calendar_time_local (start) - start->unix_time;
    time.set = TRUE;
    if (!zone
        || !pn_timezone_to_unix (zone, time.year, time.month, time.day, time.hour, time.minute, time.second,
                                 &time.unix_time))
      time.unix_time = pn_calendar_time_local (&time) - offset;
  } else {
    gint64 instant = pn_calendar_time_local (&time);
    if (self->site_timezone && instant % 86400 != 0)
      pn_timezone_from_unix (self->site_timezone, instant, &time);
    time.set = time.is_date = TRUE;
  }
  result = pn_itip_recurrence (&time);
  pn_calendar_time_clear (&time);
  return g_steal_pointer (&result);
}

/* -- times as lines -- */

static void
set_time_like (PnItipPart *part, const char *name, const PnItipLine *model, const PnCalendarTime *time)
{
  g_autoptr (GString) value = g_string_new (NULL);
  pn_ical_append_local (value, pn_calendar_time_local (time), time->is_date);
  if (g_str_has_suffix (model->value, "Z") || g_str_has_suffix (model->value, "z"))
    g_string_append_c (value, 'Z');
  pn_itip_part_set (part, name, model->parameters, value->str);
}

void
pn_itip_set_time (PnItipItem *self, PnItipPart *part, const char *name, const PnCalendarTime *time)
{
  g_autoptr (GString) parameters = g_string_new (NULL), value = g_string_new (NULL);
  pn_ical_append_local (value, pn_calendar_time_local (time), time->is_date);
  if (time->is_date)
    g_string_append (parameters, "VALUE=DATE");
  else if (time->tzid && !time->floating) {
    g_string_append (parameters, "TZID=");
    pn_ical_append_parameter (parameters, time->tzid);
  } else if (!time->floating)
    g_string_append_c (value, 'Z');
  pn_itip_want_zone (self, time);
  pn_itip_part_set (part, name, parameters->str, value->str);
}

/* -- instances -- */

/* The instance KEY as the master has it, or NULL. */
static PnInstance *
find_instance (PnItipItem *self, const char *key)
{
  PnItipPart *master = pn_itip_master (self);
  if (!master)
    return NULL;
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_add (parts, master);
  g_autofree char *text = pn_itip_text (self, PN_METHOD_PUBLISH, parts);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_APPOINTMENT);
  if (!pn_ical_read (message, text, strlen (text), NULL, self->site_timezone, NULL))
    return NULL;
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (text, -1)));
  gint64 at = pn_itip_key_time (key);
  g_autoptr (GPtrArray) instances
      = pn_ical_expand (message, at - NEAR, at + NEAR, MAX_NEAR, self->site_timezone, NULL, NULL);
  for (guint i = 0; instances && i < instances->len; i++) {
    PnInstance *instance = instances->pdata[i];
    if (g_strcmp0 (instance->recurrence_id, key) == 0)
      return g_ptr_array_steal_index (instances, i);
  }
  return NULL;
}

static gboolean
is_series (const PnItipPart *master)
{
  return pn_itip_part_find (master, "RRULE") || pn_itip_part_find (master, "RDATE");
}

gboolean
pn_itip_has_instance (PnItipItem *self, const char *key)
{
  PnItipPart *master = pn_itip_master (self);
  if (pn_itip_find (self, key))
    return TRUE;
  if (!master || !is_series (master))
    return FALSE;
  PnInstance *instance = find_instance (self, key);
  gboolean found = instance != NULL;
  if (instance)
    pn_instance_free (instance);
  return found;
}

PnItipPart *
pn_itip_want_instance (PnItipItem *self, const char *key)
{
  static const char *const left[] = { "RRULE",
                                      "RDATE",
                                      "EXDATE",
                                      "EXRULE",
                                      "DURATION",
                                      "X-POSTERN-ANSWER",
                                      "REQUEST-STATUS",
                                      "X-POSTERN-COUNTER",
                                      "X-POSTERN-STRANGER",
                                      "X-POSTERN-PROPOSED",
                                      "X-MICROSOFT-CDO-INSTTYPE" };
  PnItipPart *part = pn_itip_find (self, key), *master = pn_itip_master (self);
  if (part || !master || !is_series (master))
    return part;
  const char *end = g_strcmp0 (self->kind, "VTODO") == 0 ? "DUE" : "DTEND";
  /* A task may know only when it is due. */
  gboolean by_end = !pn_itip_calendar (self, master)->start.set;
  const PnItipLine *line = pn_itip_part_find (master, by_end ? end : "DTSTART");
  PnInstance *instance = line ? find_instance (self, key) : NULL;
  if (!instance)
    return NULL;
  g_autoptr (PnItipLine) model = pn_itip_line_copy (line);
  part = pn_itip_part_copy (master);
  part->key = g_strdup (key);
  for (guint i = 0; i < G_N_ELEMENTS (left); i++)
    pn_itip_part_remove (part, left[i]);
  set_time_like (part, by_end ? end : "DTSTART", model, &instance->start);
  set_time_like (part, "RECURRENCE-ID", model, &instance->start);
  pn_itip_part_remove (part, by_end ? "DTSTART" : end);
  if (!by_end && instance->end.set && g_strcmp0 (self->kind, "VJOURNAL") != 0) {
    PnCalendarTime time = { .set = TRUE, .is_date = instance->start.is_date };
    gint64 length = instance->end.unix_time - instance->start.unix_time;
    pn_calendar_time_set_local (&time, pn_calendar_time_local (&instance->start) + length);
    set_time_like (part, end, model, &time);
  }
  pn_instance_free (instance);
  pn_itip_put (self, part);
  return part;
}

PnItipLine *
pn_itip_gone (const PnItipItem *self, const char *key)
{
  for (guint i = 0; key && i < self->lines->len; i++) {
    PnItipLine *line = self->lines->pdata[i];
    if (strcmp (line->name, "X-POSTERN-GONE") == 0 && strcmp (line->value, key) == 0)
      return line;
  }
  return NULL;
}

void
pn_itip_set_gone (PnItipItem *self, const char *key, int sequence, gint64 stamp)
{
  PnItipLine *line = pn_itip_gone (self, key);
  if (!line) {
    if (self->lines->len >= MAX_GONE)
      g_ptr_array_remove_index (self->lines, 0);
    line = pn_itip_line_new ("X-POSTERN-GONE", NULL, key);
    g_ptr_array_add (self->lines, line);
  }
  pn_itip_line_set_number (line, "SEQUENCE", sequence);
  pn_itip_line_set_number (line, "STAMP", stamp);
}

void
pn_itip_exclude (PnItipItem *self, const char *key, int sequence, gint64 stamp)
{
  PnItipPart *master = pn_itip_master (self), *part = pn_itip_find (self, key);
  PnInstance *instance = master ? find_instance (self, key) : NULL;
  const PnItipLine *start = master ? pn_itip_part_find (master, "DTSTART") : NULL;
  if (part && master)
    pn_itip_remove (self, key);
  else if (part) {
    pn_itip_part_set (part, "STATUS", NULL, "CANCELLED");
    pn_itip_part_set_version (part, sequence, stamp);
  }
  if (instance && start) {
    g_autoptr (PnItipPart) scratch = pn_itip_part_new (NULL);
    set_time_like (scratch, "EXDATE", start, &instance->original);
    pn_itip_part_add (master, g_ptr_array_steal_index (scratch->lines, 0));
  }
  if (instance)
    pn_instance_free (instance);
  pn_itip_set_gone (self, key, sequence, stamp);
}

/* Whether VALUE, a date of any zone, may be of the time INSTANT: to find out needs a reader. */
static gboolean
is_near (const char *value, gint64 instant)
{
  PnCalendarTime time = { 0 };
  gboolean utc;
  return pn_ical_parse_time (value, &time, &utc) && ABS (pn_calendar_time_local (&time) - instant) <= FAR;
}

/* Whether VALUE of the EXDATE line LINE is instance KEY. */
static gboolean
is_value_key (const PnItipItem *self, const PnItipLine *line, const char *value, const char *key)
{
  if (!is_near (value, pn_itip_key_time (key)))
    return FALSE;
  g_autoptr (PnItipPart) scratch = pn_itip_part_new (NULL);
  pn_itip_part_set (scratch, "RECURRENCE-ID", line->parameters, value);
  pn_itip_part_set (scratch, "UID", NULL, self->uid);
  const PnCalendarTime *time = &pn_itip_calendar (self, scratch)->recurrence_id;
  g_autofree char *own = pn_itip_recurrence (time);
  g_autofree char *normal = own ? pn_itip_key (self, own) : NULL;
  return g_strcmp0 (normal, key) == 0;
}

/* FALSE if it was not there. */
static gboolean
remove_value (const PnItipItem *self, PnItipLine *line, const char *key)
{
  g_auto (GStrv) values = g_strsplit_set (line->value, ",", -1);
  g_autoptr (GString) kept = g_string_new (NULL);
  gboolean found = FALSE;
  for (guint i = 0; values[i]; i++)
    if (is_value_key (self, line, values[i], key))
      found = TRUE;
    else
      g_string_append_printf (kept, "%s%s", kept->len > 0 ? "," : "", values[i]);
  if (found) {
    g_free (line->value);
    line->value = g_strdup (kept->str);
  }
  return found;
}

void
pn_itip_readmit (PnItipItem *self, const char *key)
{
  PnItipPart *master = pn_itip_master (self);
  PnItipLine *gone = pn_itip_gone (self, key);
  if (gone)
    g_ptr_array_remove (self->lines, gone);
  for (guint i = master ? master->lines->len : 0; i-- > 0;) {
    PnItipLine *line = master->lines->pdata[i];
    if (strcmp (line->name, "EXDATE") != 0 || !remove_value (self, line, key))
      continue;
    if (!*line->value)
      g_ptr_array_remove_index (master->lines, i);
    pn_itip_part_changed (master);
  }
}

static gboolean
same_value (const PnItipLine *a, const PnItipLine *b)
{
  return a && b ? strcmp (a->value, b->value) == 0 : a == b;
}

/* The instances at their time last as long as the series says. */
static gboolean
follow_length (PnItipItem *self, PnItipPart *part, PnItipPart *before, PnItipPart *after)
{
  const PnCalendar *was = pn_itip_calendar (self, before), *is = pn_itip_calendar (self, after),
                   *one = pn_itip_calendar (self, part);
  gint64 old = was->end.unix_time - was->start.unix_time, now = is->end.unix_time - is->start.unix_time;
  const PnItipLine *start = pn_itip_part_find (part, "DTSTART");
  if (!start || !was->end.set || !is->end.set || !one->end.set || one->start.is_date || old == now
      || one->end.unix_time - one->start.unix_time != old
      || one->start.unix_time != pn_itip_key_time (part->key))
    return FALSE;
  g_autoptr (PnItipLine) model = pn_itip_line_copy (start);
  PnCalendarTime end = { .set = TRUE };
  pn_calendar_time_set_local (&end, pn_calendar_time_local (&one->start) + now);
  pn_itip_part_remove (part, "DURATION");
  set_time_like (part, g_strcmp0 (self->kind, "VTODO") == 0 ? "DUE" : "DTEND", model, &end);
  return TRUE;
}

gboolean
pn_itip_follow (PnItipItem *self, PnItipPart *part, PnItipPart *before, PnItipPart *after)
{
  static const char *const names[]
      = { "SUMMARY", "LOCATION", "DESCRIPTION", "X-ALT-DESC", "URL", "PRIORITY" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const PnItipLine *was = pn_itip_part_find (before, names[i]), *is = pn_itip_part_find (after, names[i]);
    if (!same_value (was, is) && same_value (was, pn_itip_part_find (part, names[i])))
      pn_itip_part_set (part, names[i], is ? is->parameters : NULL, is ? is->value : NULL);
  }
  return follow_length (self, part, before, after);
}

/* The rule without COUNT, ending at UNTIL. */
static char *
rule_until (const char *rule, const char *until)
{
  g_auto (GStrv) parts = g_strsplit (rule, ";", -1);
  g_autoptr (GString) out = g_string_new (NULL);
  for (guint i = 0; parts[i]; i++)
    if (*g_strstrip (parts[i]) && g_ascii_strncasecmp (parts[i], "COUNT=", 6) != 0
        && g_ascii_strncasecmp (parts[i], "UNTIL=", 6) != 0)
      g_string_append_printf (out, "%s;", parts[i]);
  g_string_append_printf (out, "UNTIL=%s", until);
  return g_strdup (out->str);
}

/* Whether VALUE of the RDATE line LINE is before the instant FROM. */
static gboolean
is_before (const PnItipItem *self, const PnItipLine *line, const char *value, gint64 from)
{
  g_autoptr (PnItipPart) scratch = pn_itip_part_new (NULL);
  g_autofree char *first = g_strndup (value, strcspn (value, "/"));
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (pn_ical_parse_time (first, &time, &utc) && !is_near (first, from))
    return pn_calendar_time_local (&time) < from;
  pn_itip_part_set (scratch, "RECURRENCE-ID", line->parameters, first);
  return pn_itip_calendar (self, scratch)->recurrence_id.unix_time < from;
}

/* RDATEs from KEY on go. */
static void
cut_dates (PnItipItem *self, PnItipPart *master, gint64 from)
{
  for (guint i = master->lines->len; i-- > 0;) {
    PnItipLine *line = master->lines->pdata[i];
    if (strcmp (line->name, "RDATE") != 0)
      continue;
    g_auto (GStrv) values = g_strsplit_set (line->value, ",", -1);
    g_autoptr (GString) kept = g_string_new (NULL);
    for (guint j = 0; values[j]; j++) {
      if (is_before (self, line, values[j], from))
        g_string_append_printf (kept, "%s%s", kept->len > 0 ? "," : "", values[j]);
    }
    g_free (line->value);
    line->value = g_strdup (kept->str);
    if (!*line->value)
      g_ptr_array_remove_index (master->lines, i);
  }
}

void
pn_itip_truncate (PnItipItem *self, const char *key, int sequence, gint64 stamp)
{
  PnItipPart *master = pn_itip_master (self);
  gboolean date = strlen (key) == 8;
  gint64 from = pn_itip_key_time (key);
  g_autoptr (GString) until = g_string_new (NULL);
  if (date)
    pn_ical_append_local (until, from - 86400, TRUE);
  else
    pn_ical_append_utc (until, from - 1);
  PnItipLine *rule = master ? pn_itip_part_find (master, "RRULE") : NULL;
  if (rule) {
    char *cut = rule_until (rule->value, until->str);
    g_free (rule->value);
    rule->value = cut;
  }
  if (master) {
    cut_dates (self, master, from);
    pn_itip_part_changed (master);
  }
  for (guint i = self->parts->len; i-- > 0;) {
    const PnItipPart *part = self->parts->pdata[i];
    if (part->key && pn_itip_key_time (part->key) >= from)
      g_ptr_array_remove_index (self->parts, i);
  }
  pn_itip_set_gone (self, key, sequence, stamp);
}
