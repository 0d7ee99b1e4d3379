#include "convert/ical-rule.h"

#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 500

static const char *const frequencies[]
    = { "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY" };

static PnRule *
rule_new (void)
{
  PnRule *self = g_new0 (PnRule, 1);
  self->interval = 1;
  self->week_start = 1;
  self->year_days = g_array_new (FALSE, FALSE, sizeof (int));
  self->days = g_array_new (FALSE, FALSE, sizeof (PnRuleDay));
  self->positions = g_array_new (FALSE, FALSE, sizeof (int));
  return self;
}

void
pn_rule_free (PnRule *self)
{
  if (!self)
    return;
  g_array_unref (self->year_days);
  g_array_unref (self->days);
  g_array_unref (self->positions);
  pn_calendar_time_clear (&self->until);
  g_free (self->text);
  g_free (self->rscale);
  g_free (self);
}

PnRule *
pn_rule_copy (const PnRule *self)
{
  PnRule *copy = g_new0 (PnRule, 1);
  *copy = *self;
  copy->until = (PnCalendarTime){ 0 };
  pn_calendar_time_copy (&copy->until, &self->until);
  copy->year_days = g_array_copy (self->year_days);
  copy->days = g_array_copy (self->days);
  copy->positions = g_array_copy (self->positions);
  copy->text = g_strdup (self->text);
  copy->rscale = g_strdup (self->rscale);
  return copy;
}

/* -- reading -- */

static gboolean
parse_number (const char *text, int low, int high, int *number)
{
  char *end;
  gint64 value = g_ascii_strtoll (text, &end, 10);
  if (end == text || *end != '\0' || value < low || value > high)
    return FALSE;
  *number = (int) value;
  return TRUE;
}

static gboolean
parse_day (const char *text, PnRuleDay *day)
{
  char *end;
  gint64 ordinal = g_ascii_strtoll (text, &end, 10);
  day->ordinal = (int) ordinal;
  day->weekday = pn_weekday_find (end);
  return day->weekday >= 0 && ordinal >= -53 && ordinal <= 53 && (end == text || ordinal != 0);
}

/* Sets the bit of each number of LIST in *BITS or, of negative ones, in *BACK.  At least one has to be valid:
 * without the part the rule would say another thing. */
static gboolean
parse_bits (char **list, int low, int high, guint64 *bits, guint64 *back)
{
  for (guint i = 0; list[i]; i++) {
    int number;
    if (parse_number (list[i], low, high, &number)) {
      if (number >= 0 && (number > 0 || !back))
        *bits |= G_GUINT64_CONSTANT (1) << number;
      else if (number < 0 && back)
        *back |= G_GUINT64_CONSTANT (1) << -number;
    }
  }
  return *bits != 0 || (back && *back != 0);
}

static int
compare_ints (const void *a, const void *b)
{
  return *(const int *) a - *(const int *) b;
}

static gboolean
parse_ints (char **list, int limit, GArray *numbers)
{
  for (guint i = 0; list[i]; i++) {
    int number;
    if (parse_number (list[i], -limit, limit, &number) && number != 0)
      g_array_append_val (numbers, number);
  }
  g_array_sort (numbers, compare_ints);
  return numbers->len > 0;
}

static gboolean
parse_days (char **list, GArray *days)
{
  for (guint i = 0; list[i]; i++) {
    PnRuleDay day;
    if (parse_day (list[i], &day))
      g_array_append_val (days, day);
  }
  return days->len > 0;
}

static gboolean
parse_by (PnRule *self, const char *name, const char *value)
{
  g_auto (GStrv) list = g_strsplit (value, ",", MAX_VALUES);
  guint64 bits = 0, back = 0;
  gboolean valid = TRUE;
  for (guint i = 0; list[i]; i++)
    g_strstrip (list[i]);
  if (strcmp (name, "BYSECOND") == 0)
    valid = parse_bits (list, 0, 60, &self->seconds, NULL);
  else if (strcmp (name, "BYMINUTE") == 0)
    valid = parse_bits (list, 0, 59, &self->minutes, NULL);
  else if (strcmp (name, "BYHOUR") == 0) {
    valid = parse_bits (list, 0, 23, &bits, NULL);
    self->hours = (guint32) bits;
  } else if (strcmp (name, "BYMONTH") == 0) {
    valid = parse_bits (list, 1, 12, &bits, NULL) || self->rscale;
    self->months = (guint32) bits;
  } else if (strcmp (name, "BYMONTHDAY") == 0) {
    valid = parse_bits (list, -31, 31, &bits, &back);
    self->month_days = (guint32) bits;
    self->month_days_back = (guint32) back;
  } else if (strcmp (name, "BYWEEKNO") == 0)
    valid = parse_bits (list, -53, 53, &self->weeks, &self->weeks_back);
  else if (strcmp (name, "BYYEARDAY") == 0)
    valid = parse_ints (list, 366, self->year_days);
  else if (strcmp (name, "BYSETPOS") == 0)
    valid = parse_ints (list, 366, self->positions);
  else if (strcmp (name, "BYDAY") == 0)
    valid = parse_days (list, self->days);
  return valid;
}

static gboolean
parse_frequency (PnRule *self, const char *value)
{
  for (guint i = 0; i < G_N_ELEMENTS (frequencies); i++) {
    if (g_ascii_strcasecmp (value, frequencies[i]) == 0) {
      self->frequency = (PnFrequency) i;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
parse_part (PnRule *self, const char *name, const char *value)
{
  if (g_str_has_prefix (name, "BY"))
    return parse_by (self, name, value);
  if (strcmp (name, "UNTIL") == 0)
    return pn_ical_parse_time (value, &self->until, &self->until_utc);
  if (strcmp (name, "COUNT") == 0)
    return parse_number (value, 1, G_MAXINT, &self->count);
  /* An interval of 0 or none at all is meant as every one. */
  if (strcmp (name, "INTERVAL") == 0)
    return !*value || parse_number (value, 0, G_MAXINT / 8, &self->interval);
  if (strcmp (name, "WKST") == 0) {
    int weekday = pn_weekday_find (value);
    self->week_start = weekday < 0 ? 1 : weekday;
  }
  return TRUE;
}

static void
find_scale (PnRule *self, char **parts)
{
  gboolean skips = FALSE;
  for (guint i = 0; parts[i]; i++) {
    const char *part = g_strstrip (parts[i]);
    if (g_ascii_strncasecmp (part, "RSCALE=", 7) == 0 && !self->rscale)
      self->rscale = g_ascii_strup (part + 7, -1);
    else if (g_ascii_strncasecmp (part, "SKIP=", 5) == 0)
      skips = g_ascii_strcasecmp (part + 5, "OMIT") != 0;
  }
  if (self->rscale && strcmp (self->rscale, "GREGORIAN") == 0 && !skips)
    g_clear_pointer (&self->rscale, g_free);
}

PnRule *
pn_rule_parse (const char *text, GError **error)
{
  g_autoptr (PnRule) self = rule_new ();
  g_auto (GStrv) parts = g_strsplit (text, ";", 100);
  gboolean found = FALSE;
  find_scale (self, parts);
  for (guint i = 0; parts[i]; i++) {
    char *equals = strchr (parts[i], '=');
    if (!equals)
      continue;
    *equals = '\0';
    g_autofree char *name = g_ascii_strup (g_strchomp (parts[i]), -1);
    const char *value = g_strstrip (equals + 1);
    gboolean valid
        = strcmp (name, "FREQ") == 0 ? found = parse_frequency (self, value) : parse_part (self, name, value);
    if (!valid) {
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "RRULE: %s=%.60s is not valid", name,
                   value);
      return NULL;
    }
  }
  if (!found) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "RRULE: no FREQ in %.60s", text);
    return NULL;
  }
  self->interval = MAX (self->interval, 1);
  self->text = g_strdup (text);
  return g_steal_pointer (&self);
}

/* -- writing -- */

static void
append_bits (GString *text, const char *name, guint64 bits, guint64 back)
{
  const char *separator = name;
  for (int number = 0; number < 64; number++) {
    if (bits >> number & 1)
      g_string_append_printf (text, "%s%d", separator, number);
    separator = bits >> number & 1 ? "," : separator;
  }
  for (int number = 63; number > 0; number--) {
    if (back >> number & 1)
      g_string_append_printf (text, "%s-%d", separator, number);
    separator = back >> number & 1 ? "," : separator;
  }
}

static void
append_ints (GString *text, const char *name, const GArray *numbers)
{
  for (guint i = 0; i < numbers->len; i++)
    g_string_append_printf (text, "%s%d", i == 0 ? name : ",", g_array_index (numbers, int, i));
}

static void
append_days (GString *text, const GArray *days)
{
  for (guint i = 0; i < days->len; i++) {
    const PnRuleDay *day = &g_array_index (days, PnRuleDay, i);
    g_string_append (text, i == 0 ? ";BYDAY=" : ",");
    if (day->ordinal != 0)
      g_string_append_printf (text, "%d", day->ordinal);
    g_string_append (text, pn_weekday_name (day->weekday));
  }
}

char *
pn_rule_to_string (const PnRule *self)
{
  GString *text = g_string_new ("FREQ=");
  g_string_append (text, frequencies[self->frequency]);
  if (self->count > 0)
    g_string_append_printf (text, ";COUNT=%d", self->count);
  if (self->until.set) {
    g_string_append (text, ";UNTIL=");
    pn_ical_append_local (text, pn_calendar_time_local (&self->until), self->until.is_date);
    if (self->until_utc)
      g_string_append_c (text, 'Z');
  }
  if (self->interval > 1)
    g_string_append_printf (text, ";INTERVAL=%d", self->interval);
  append_bits (text, ";BYMONTH=", self->months, 0);
  append_bits (text, ";BYWEEKNO=", self->weeks, self->weeks_back);
  append_ints (text, ";BYYEARDAY=", self->year_days);
  append_bits (text, ";BYMONTHDAY=", self->month_days, self->month_days_back);
  append_days (text, self->days);
  append_bits (text, ";BYHOUR=", self->hours, 0);
  append_bits (text, ";BYMINUTE=", self->minutes, 0);
  append_bits (text, ";BYSECOND=", self->seconds, 0);
  append_ints (text, ";BYSETPOS=", self->positions);
  if (self->week_start != 1)
    g_string_append_printf (text, ";WKST=%s", pn_weekday_name (self->week_start));
  return g_string_free (text, FALSE);
}
