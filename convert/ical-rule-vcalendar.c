/* The grammar of vCalendar 1.0 ("Basic Recurrence Rule Grammar"): frequency and interval, then occurrences,
 * then "#count" or an end date. */
#include "convert/ical-rule.h"
#include "convert/ical-series.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  PnRule *rule;
  char letter;    /* D W M Y */
  char by;        /* M: P(osition) or D(ay); Y: M(onth) or D(ay) */
  int ordinal;    /* of the weekdays that follow */
  gboolean ended; /* "#5" or a date was there */
} Reader;

/* "3", "1+" or "2-". */
static gboolean
read_number (const char *word, int *number)
{
  char *end;
  gint64 value = g_ascii_strtoll (word, &end, 10);
  if (end == word || value < -366 || value > 366)
    return FALSE;
  *number = *end == '-' ? -(int) value : (int) value;
  return *end == '\0' || ((*end == '+' || *end == '-') && end[1] == '\0');
}

static gboolean
add_weekday (Reader *self, const char *word)
{
  PnRuleDay day = { self->letter == 'M' ? self->ordinal : 0, pn_weekday_find (word) };
  if (day.weekday < 0 || (self->letter != 'W' && !(self->letter == 'M' && self->by == 'P')))
    return FALSE;
  g_array_append_val (self->rule->days, day);
  return TRUE;
}

/* "0900", as the time of an occurrence. */
static gboolean
add_time (Reader *self, const char *word)
{
  if (strlen (word) != 4 || strspn (word, "0123456789") != 4 || self->letter == 'Y')
    return FALSE;
  int time = atoi (word), hour = time / 100, minute = time % 100;
  if (hour > 23 || minute > 59)
    return FALSE;
  self->rule->hours |= 1u << hour;
  self->rule->minutes |= G_GUINT64_CONSTANT (1) << minute;
  return TRUE;
}

static gboolean
add_number (Reader *self, const char *word)
{
  PnRule *rule = self->rule;
  int number;
  if (self->letter == 'M' && self->by == 'D' && g_ascii_strcasecmp (word, "LD") == 0) {
    rule->month_days_back |= 1u << 1;
    return TRUE;
  }
  if (!read_number (word, &number) || number == 0)
    return FALSE;
  if (self->letter == 'M' && self->by == 'P') {
    self->ordinal = number;
    return number >= -5 && number <= 5;
  }
  if (self->letter == 'M' && ABS (number) <= 31) {
    if (number > 0)
      rule->month_days |= 1u << number;
    else
      rule->month_days_back |= 1u << -number;
    return TRUE;
  }
  if (self->letter == 'Y' && self->by == 'M' && number >= 1 && number <= 12) {
    rule->months |= 1u << number;
    return TRUE;
  }
  if (self->letter == 'Y' && self->by == 'D') {
    g_array_append_val (rule->year_days, number);
    return TRUE;
  }
  return FALSE;
}

static gboolean
read_word (Reader *self, const char *word)
{
  if (*word == '#') {
    self->ended = TRUE;
    self->rule->count = (int) CLAMP (g_ascii_strtoll (word + 1, NULL, 10), 0, G_MAXINT);
    return g_ascii_isdigit (word[1]);
  }
  if (strlen (word) >= 8 && pn_ical_parse_time (word, &self->rule->until, &self->rule->until_utc)) {
    self->ended = TRUE;
    return TRUE;
  }
  /* A dollar marks the last occurrence of a day, which says nothing more. */
  g_autofree char *plain = g_strdup (word);
  if (g_str_has_suffix (plain, "$"))
    plain[strlen (plain) - 1] = '\0';
  return add_weekday (self, plain) || add_time (self, plain) || add_number (self, plain);
}

static gboolean
read_frequency (Reader *self, const char *word)
{
  static const struct {
    const char *prefix;
    PnFrequency frequency;
  } kinds[] = { { "MP", PN_FREQ_MONTHLY }, { "MD", PN_FREQ_MONTHLY }, { "YM", PN_FREQ_YEARLY },
                { "YD", PN_FREQ_YEARLY },  { "D", PN_FREQ_DAILY },    { "W", PN_FREQ_WEEKLY } };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize length = strlen (kinds[i].prefix);
    if (g_ascii_strncasecmp (word, kinds[i].prefix, length) != 0)
      continue;
    char *end;
    gint64 interval = g_ascii_strtoll (word + length, &end, 10);
    self->letter = kinds[i].prefix[0];
    self->by = kinds[i].prefix[1];
    self->rule->frequency = kinds[i].frequency;
    self->rule->interval = (int) CLAMP (interval, 1, 10000);
    return end > word + length && *end == '\0';
  }
  return FALSE;
}

/* Without an end a rule of version 1.0 has two occurrences, "#0" is for ever. */
static void
finish (Reader *self)
{
  if (!self->ended)
    self->rule->count = 2;
  /* Weeks were counted from Sunday. */
  if (self->letter == 'W' && self->rule->interval > 1 && self->rule->days->len > 0)
    self->rule->week_start = 0;
}

char *
pn_ical_rule_from_vcalendar (const char *text, GError **error)
{
  g_autoptr (PnRule) rule = pn_rule_parse ("FREQ=DAILY", NULL);
  g_auto (GStrv) words = g_strsplit_set (text, " \t", 500);
  Reader reader = { .rule = rule };
  gboolean begun = FALSE, valid = TRUE;
  for (guint i = 0; words[i] && valid; i++) {
    if (!*words[i])
      continue;
    /* A second frequency inside the first ("YM1 6 W1 TU") has no equal here. */
    valid = begun ? read_word (&reader, words[i]) : read_frequency (&reader, words[i]);
    begun = TRUE;
  }
  if (!begun || !valid) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "RRULE: no rule of vCalendar 1.0: %.60s",
                 text);
    return NULL;
  }
  finish (&reader);
  return pn_rule_to_string (rule);
}
