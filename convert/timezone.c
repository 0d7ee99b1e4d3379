#include "convert/ical-private.h"

#include <string.h>

/* The transitions of the zone data end here; afterwards the rules of the last years go on. */
#define LAST_YEAR 2037
#define DAY 86400
#define MAX_WRITTEN 16 /* texts kept of a zone */

/* A change of offset that comes every year: the ORDINALth WEEKDAY (-1: the last) of MONTH. */
typedef struct {
  int month, ordinal, weekday;
  int second; /* of the day, by the clock before the change */
  int before, after;
} YearlyRule;

struct PnZone {
  GTimeZone *zone;
  gboolean tail_known;
  guint tail_count; /* rules that go on after LAST_YEAR */
  YearlyRule tail[2];
  GHashTable *written; /* year and name to a VTIMEZONE with two rules, or to NULL if there is none */
};

static void
zone_free (gpointer data)
{
  PnZone *self = data;
  g_time_zone_unref (self->zone);
  g_hash_table_unref (self->written);
  g_free (self);
}

static GPrivate zone_cache = G_PRIVATE_INIT ((GDestroyNotify) g_hash_table_unref);

PnZone *
pn_zone_get (const char *tzid)
{
  GHashTable *cache = g_private_get (&zone_cache);
  if (!cache) {
    /* The keys are names of the table, so that there are never more than it has. */
    cache = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, zone_free);
    g_private_set (&zone_cache, cache);
  }
  PnZone *self = tzid ? g_hash_table_lookup (cache, tzid) : NULL;
  if (self)
    return self;
  const char *name = pn_timezone_find (tzid);
  self = name ? g_hash_table_lookup (cache, name) : NULL;
  GTimeZone *zone = name && !self ? g_time_zone_new_identifier (name) : NULL;
  if (!zone)
    return self;
  self = g_new0 (PnZone, 1);
  self->zone = zone;
  self->written = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_insert (cache, (gpointer) name, self);
  return self;
}

static int
offset_in_data (PnZone *self, gint64 unix_time)
{
  int interval = g_time_zone_find_interval (self->zone, G_TIME_TYPE_UNIVERSAL, unix_time);
  return g_time_zone_get_offset (self->zone, interval);
}

static gint64
find_change (PnZone *self, gint64 from, gint64 to)
{
  int before = offset_in_data (self, from);
  while (to - from > 1) {
    gint64 middle = from + (to - from) / 2;
    if (offset_in_data (self, middle) == before)
      from = middle;
    else
      to = middle;
  }
  return to;
}

static guint
transitions_in_data (PnZone *self, int year, PnTransition *transitions)
{
  guint count = 0;
  gint64 end = pn_civil_to_days (year + 1, 1, 1) * DAY;
  for (gint64 at = pn_civil_to_days (year, 1, 1) * DAY; at < end && count < PN_ZONE_TRANSITIONS;) {
    /* Ramadan interrupts summer time for four weeks: the shortest there is. */
    gint64 next = MIN (at + 7 * DAY, end);
    int before = offset_in_data (self, at), after = offset_in_data (self, next);
    if (before != after)
      transitions[count++] = (PnTransition){ find_change (self, at, next), before, after };
    at = next;
  }
  return count;
}

/* The day (since 1970) of a yearly rule. */
static gint64
rule_day (const YearlyRule *rule, int year)
{
  int length = pn_days_of_month (year, rule->month);
  gint64 first = pn_civil_to_days (year, rule->month, 1);
  if (rule->ordinal < 0) {
    gint64 last = first + length - 1;
    return last - (pn_weekday (last) - rule->weekday + 7) % 7;
  }
  return first + (rule->weekday - pn_weekday (first) + 7) % 7 + 7 * (rule->ordinal - 1);
}

static gint64
rule_instant (const YearlyRule *rule, int year)
{
  return rule_day (rule, year) * DAY + rule->second - rule->before;
}

/* The change as a yearly rule; of two ways to count the week, the one that is right more often in the years
 * around. */
static YearlyRule
rule_of (PnZone *self, const PnTransition *change, guint index)
{
  PnCalendarTime time = { 0 };
  gint64 local = change->at + change->before;
  pn_calendar_time_set_local (&time, local);
  gint64 day = pn_civil_to_days (time.year, time.month, time.day);
  YearlyRule rule = { time.month,     (time.day - 1) / 7 + 1, pn_weekday (day), (int) (local - day * DAY),
                      change->before, change->after };
  if (time.day + 7 <= pn_days_of_month (time.year, time.month))
    return rule;
  YearlyRule last = rule;
  last.ordinal = -1;
  if (rule.ordinal > 4)
    return last;
  int by_ordinal = 0, by_last = 0;
  for (int year = time.year - 6; year <= MIN (time.year + 6, LAST_YEAR); year++) {
    PnTransition near[PN_ZONE_TRANSITIONS];
    if (transitions_in_data (self, year, near) > index) {
      by_ordinal += rule_instant (&rule, year) == near[index].at;
      by_last += rule_instant (&last, year) == near[index].at;
    }
  }
  return by_last >= by_ordinal ? last : rule;
}

/* GLib goes on with the rules behind the data, but doubles the offset where winter time counts as the
 * exception (Dublin); so plain rules are taken from the last years of the data. */
static void
find_tail (PnZone *self)
{
  PnTransition changes[PN_ZONE_TRANSITIONS];
  self->tail_known = TRUE;
  guint count = transitions_in_data (self, LAST_YEAR, changes);
  if (count != 2 || changes[0].after != changes[1].before || changes[0].before != changes[1].after)
    return;
  self->tail[0] = rule_of (self, &changes[0], 0);
  self->tail[1] = rule_of (self, &changes[1], 1);
  for (int year = LAST_YEAR - 6; year < LAST_YEAR; year++) {
    count = transitions_in_data (self, year, changes);
    if (count != 2 || changes[0].at != rule_instant (&self->tail[0], year)
        || changes[1].at != rule_instant (&self->tail[1], year))
      return;
  }
  self->tail_count = 2;
}

int
pn_zone_offset (PnZone *self, gint64 unix_time)
{
  int year = unix_time < pn_civil_to_days (LAST_YEAR + 1, 1, 1) * DAY ? 0 : pn_year_of (unix_time);
  if (year > LAST_YEAR && !self->tail_known)
    find_tail (self);
  if (year <= LAST_YEAR || self->tail_count == 0)
    return offset_in_data (self, unix_time);
  gint64 first = rule_instant (&self->tail[0], year), second = rule_instant (&self->tail[1], year);
  return unix_time < first || unix_time >= second ? self->tail[0].before : self->tail[0].after;
}

guint
pn_zone_transitions (PnZone *self, int year, PnTransition transitions[PN_ZONE_TRANSITIONS])
{
  if (year > LAST_YEAR && !self->tail_known)
    find_tail (self);
  if (year <= LAST_YEAR || self->tail_count == 0)
    return transitions_in_data (self, year, transitions);
  for (guint i = 0; i < self->tail_count; i++) {
    const YearlyRule *rule = &self->tail[i];
    transitions[i] = (PnTransition){ rule_instant (rule, year), rule->before, rule->after };
  }
  return self->tail_count;
}

gint64
pn_zone_instant (PnZone *self, gint64 local)
{
  int before = pn_zone_offset (self, local - DAY), after = pn_zone_offset (self, local + DAY);
  if (before == after || pn_zone_offset (self, local - before) == before)
    return local - before;
  gboolean exists = pn_zone_offset (self, local - after) == after;
  return local - (exists ? after : before);
}

gboolean
pn_timezone_to_unix (const char *tzid, int year, int month, int day, int hour, int minute, int second,
                     gint64 *unix_time)
{
  PnZone *zone = pn_zone_get (tzid);
  if (!zone || year < 1 || year > 9999 || month < 1 || month > 12 || day < 1
      || day > pn_days_of_month (year, month) || hour < 0 || hour > 24 || minute < 0 || minute > 59
      || second < 0 || second > 60)
    return FALSE;
  *unix_time = pn_zone_instant (zone, pn_civil_to_days (year, month, day) * DAY + hour * 3600 + minute * 60
                                          + second);
  return TRUE;
}

gboolean
pn_timezone_from_unix (const char *tzid, gint64 unix_time, PnCalendarTime *out)
{
  PnZone *zone = pn_zone_get (tzid);
  if (!zone || unix_time < pn_civil_to_days (1, 1, 2) * DAY
      || unix_time > pn_civil_to_days (9999, 12, 30) * DAY)
    return FALSE;
  out->set = TRUE;
  out->is_date = out->floating = FALSE;
  out->unix_time = unix_time;
  pn_calendar_time_set_local (out, unix_time + pn_zone_offset (zone, unix_time));
  return TRUE;
}

/* Whether the rules of YEAR still hold, about, in the year after: a rule counts weeks, and some countries
 * count otherwise ("the Friday before the last Sunday"), but not months of the moon. */
static gboolean
rules_hold (PnZone *self, const YearlyRule rules[2], int year)
{
  PnTransition next[PN_ZONE_TRANSITIONS];
  if (pn_zone_transitions (self, year, next) != 2)
    return FALSE;
  for (guint i = 0; i < 2; i++) {
    gint64 deviation = next[i].at - rule_instant (&rules[i], year);
    if (ABS (deviation) > 8 * DAY || next[i].before != rules[i].before || next[i].after != rules[i].after)
      return FALSE;
  }
  return TRUE;
}

void
pn_timezone_begin (GString *out, const char *tzid)
{
  g_autoptr (GString) line = g_string_new ("TZID:");
  pn_ical_append_text (line, tzid);
  g_string_append (out, "BEGIN:VTIMEZONE\r\n");
  pn_ical_put_line (out, line->str, line->len);
}

void
pn_timezone_begin_observance (GString *out, const char *kind, gint64 start, int before, int after)
{
  g_string_append_printf (out, "BEGIN:%s\r\nDTSTART:", kind);
  pn_ical_append_local (out, start, FALSE);
  g_string_append (out, "\r\nTZOFFSETFROM:");
  pn_ical_append_offset (out, before);
  g_string_append (out, "\r\nTZOFFSETTO:");
  pn_ical_append_offset (out, after);
  g_string_append (out, "\r\n");
}

static void
append_observance (GString *out, PnZone *zone, const YearlyRule *rule, const char *kind, int year,
                   const PnTransition *change)
{
  int interval = g_time_zone_find_interval (zone->zone, G_TIME_TYPE_UNIVERSAL, change->at);
  pn_timezone_begin_observance (out, kind, rule_day (rule, year) * DAY + rule->second, rule->before,
                                rule->after);
  g_string_append_printf (out, "RRULE:FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s\r\n", rule->month, rule->ordinal,
                          pn_weekday_name (rule->weekday));
  const char *name = change->at < pn_civil_to_days (LAST_YEAR + 1, 1, 1) * DAY
                         ? g_time_zone_get_abbreviation (zone->zone, interval)
                         : NULL;
  if (name)
    g_string_append_printf (out, "TZNAME:%s\r\n", name);
  g_string_append_printf (out, "END:%s\r\n", kind);
}

void
pn_timezone_append_fixed (GString *out, const char *tzid, int offset)
{
  pn_timezone_begin (out, tzid);
  pn_timezone_begin_observance (out, "STANDARD", 0, offset, offset);
  g_string_append (out, "END:STANDARD\r\nEND:VTIMEZONE\r\n");
}

/* Outlook takes the larger offset for summer time, whatever the zone data says of Dublin. */
static void
append_pair (GString *out, PnZone *zone, const char *tzid, const YearlyRule rules[2],
             const PnTransition *changes, int year)
{
  guint standard = rules[0].after < rules[0].before ? 0 : 1;
  guint daylight = 1 - standard;
  int first_year = MIN (1970, year - 1);
  pn_timezone_begin (out, tzid);
  append_observance (out, zone, &rules[standard], "STANDARD", first_year, &changes[standard]);
  append_observance (out, zone, &rules[daylight], "DAYLIGHT", first_year, &changes[daylight]);
  g_string_append (out, "END:VTIMEZONE\r\n");
}

/* The text with two rules, or NULL if those of YEAR cannot be put so. */
static char *
write_pair (PnZone *zone, const char *tzid, int year)
{
  PnTransition changes[PN_ZONE_TRANSITIONS];
  YearlyRule rules[2];
  if (pn_zone_transitions (zone, year, changes) != 2 || changes[0].after != changes[1].before
      || changes[0].before != changes[1].after)
    return NULL;
  for (guint i = 0; i < 2; i++)
    rules[i] = rule_of (zone, &changes[i], i);
  if (!rules_hold (zone, rules, year + 1))
    return NULL;
  GString *out = g_string_sized_new (512);
  append_pair (out, zone, tzid, rules, changes, year);
  return g_string_free (out, FALSE);
}

char *
pn_timezone_write (const char *tzid, gint64 at)
{
  PnZone *zone = pn_zone_get (tzid);
  if (!zone)
    return NULL;
  int offset = pn_zone_offset (zone, at), year = CLAMP (pn_year_of (at + offset), 2, 9998);
  /* Finding the rules takes longer than reading and writing the rest of an invitation. */
  g_autofree char *key = g_strdup_printf ("%d %s", year, tzid);
  gpointer known = NULL;
  if (!g_hash_table_lookup_extended (zone->written, key, NULL, &known)) {
    if (g_hash_table_size (zone->written) >= MAX_WRITTEN)
      g_hash_table_remove_all (zone->written);
    known = write_pair (zone, tzid, year);
    g_hash_table_insert (zone->written, g_steal_pointer (&key), known);
  }
  if (known)
    return g_strdup (known);
  GString *out = g_string_new (NULL);
  pn_timezone_append_fixed (out, tzid, offset);
  return g_string_free (out, FALSE);
}
