/* The zone of an appointment: its name in a zone definition, or the rule of its offsets. */
#include "convert/ical-private.h"
#include "convert/tnef-private.h"

#include "convert/charset.h"

#include <string.h>

enum {
  ZONE_STRUCT = 0x8233,
  ZONE_DESCRIPTION = 0x8234,
  DEFINITION_START = 0x825E,
  DEFINITION_RECUR = 0x8260
};

enum {
  STRUCT_SIZE = 48,
  RULE_SIZE = 66,
  RULE_HEAD = 22,
  SYSTEM_TIME = 16,
  RULE_EFFECTIVE = 2,
  MAX_BIAS = 1500
};

/* When clocks change: the week'th weekday of a month. */
typedef struct {
  guint month, weekday, week, hour, minute;
} Change;

typedef struct {
  int standard, daylight; /* minutes east of UTC */
  Change to_standard, to_daylight;
  gboolean changes;
} Rule;

static gboolean
read_change (const guint8 *p, Change *change)
{
  change->month = pn_tnef_get16 (p + 2);
  change->weekday = pn_tnef_get16 (p + 4);
  change->week = pn_tnef_get16 (p + 6);
  change->hour = pn_tnef_get16 (p + 8);
  change->minute = pn_tnef_get16 (p + 10);
  return change->month >= 1 && change->month <= 12 && change->weekday <= 6 && change->week >= 1
         && change->week <= 5 && change->hour <= 23 && change->minute <= 59;
}

static gboolean
read_rule (const guint8 *biases, const guint8 *standard, const guint8 *summer, Rule *rule)
{
  gint32 bias = (gint32) pn_tnef_get32 (biases), standard_bias = (gint32) pn_tnef_get32 (biases + 4),
         daylight_bias = (gint32) pn_tnef_get32 (biases + 8);
  if (ABS ((gint64) bias) > MAX_BIAS || ABS ((gint64) standard_bias) > MAX_BIAS
      || ABS ((gint64) daylight_bias) > MAX_BIAS)
    return FALSE;
  rule->standard = -(bias + standard_bias);
  rule->daylight = -(bias + daylight_bias);
  rule->changes = read_change (standard, &rule->to_standard) && read_change (summer, &rule->to_daylight);
  return TRUE;
}

static gboolean
read_struct (const guint8 *p, gsize length, Rule *rule)
{
  /* biases, year, date of standard time, year, date of daylight time */
  return length >= STRUCT_SIZE && read_rule (p, p + 14, p + 14 + SYSTEM_TIME + 2, rule);
}

/* The name in a zone definition and, if it has one, its rule now in force.  Caller frees. */
static char *
read_definition (const guint8 *p, gsize length, Rule *rule, gboolean *has_rule)
{
  if (length < 8)
    return NULL;
  gsize name_length = 2 * (gsize) pn_tnef_get16 (p + 6), rules = 8 + name_length + 2;
  if (rules > length)
    return NULL;
  guint count = pn_tnef_get16 (p + rules - 2);
  for (guint i = 0; i < count && length - rules >= RULE_SIZE; i++, rules += RULE_SIZE) {
    const guint8 *data = p + rules;
    if (!*has_rule || (pn_tnef_get16 (data + 4) & RULE_EFFECTIVE))
      *has_rule
          = read_rule (data + RULE_HEAD, data + RULE_HEAD + 12, data + RULE_HEAD + 12 + SYSTEM_TIME, rule);
  }
  return pn_charset_decode (p + 8, name_length, "utf-16le", NULL, FALSE, NULL, NULL);
}

static void
append_observance (GString *out, const char *kind, const Change *change, int from, int to)
{
  gint64 start = change ? change->hour * 3600 + change->minute * 60 : 0;
  pn_timezone_begin_observance (out, kind, start, from * 60, to * 60);
  if (change)
    g_string_append_printf (out, "RRULE:FREQ=YEARLY;BYMONTH=%u;BYDAY=%d%s\r\n", change->month,
                            change->week == 5 ? -1 : (int) change->week,
                            pn_weekday_name ((int) change->weekday));
  g_string_append_printf (out, "END:%s\r\n", kind);
}

/* The zone that keeps the hours of RULE, found the way that a VTIMEZONE's is. */
static const char *
find_by_rule (const Rule *rule, int year)
{
  g_autoptr (GString) out = g_string_new ("BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:zone\r\n");
  append_observance (out, "STANDARD", rule->changes ? &rule->to_standard : NULL,
                     rule->changes ? rule->daylight : rule->standard, rule->standard);
  if (rule->changes)
    append_observance (out, "DAYLIGHT", &rule->to_daylight, rule->standard, rule->daylight);
  g_string_append (out, "END:VTIMEZONE\r\nEND:VCALENDAR\r\n");
  g_autoptr (PnMessage) scratch = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (PnIcalText) text = pn_ical_text_new (scratch, out->str, out->len, NULL);
  for (guint i = 0; text && i < text->components->len; i++)
    if (strcmp (pn_ical_component (text, i)->name, "VTIMEZONE") == 0) {
      g_autoptr (PnVtimezone) zone = pn_vtimezone_new (text, i);
      return zone ? pn_vtimezone_find (zone, year) : NULL;
    }
  return NULL;
}

/* What Outlook and Schedule+ number zones by: the value is that of PidLidTimeZone. */
static const char *
find_by_number (gint64 number)
{
  static const char *const zones[] = { "Etc/UTC",
                                       "Europe/London",
                                       "Europe/Lisbon",
                                       "Europe/Paris",
                                       "Europe/Berlin",
                                       "Europe/Bucharest",
                                       "Europe/Prague",
                                       "Europe/Athens",
                                       "America/Sao_Paulo",
                                       "America/Halifax",
                                       "America/New_York",
                                       "America/Chicago",
                                       "America/Denver",
                                       "America/Los_Angeles",
                                       "America/Anchorage",
                                       "Pacific/Honolulu",
                                       "Pacific/Pago_Pago",
                                       "Pacific/Auckland",
                                       "Australia/Brisbane",
                                       "Australia/Adelaide",
                                       "Asia/Tokyo",
                                       "Asia/Singapore",
                                       "Asia/Bangkok",
                                       "Asia/Kolkata",
                                       "Asia/Dubai",
                                       "Asia/Tehran",
                                       "Asia/Baghdad",
                                       "Asia/Jerusalem",
                                       "America/St_Johns",
                                       "Atlantic/Azores",
                                       "Atlantic/South_Georgia",
                                       "Africa/Monrovia",
                                       "America/Argentina/Buenos_Aires",
                                       "America/Caracas",
                                       "America/Indiana/Indianapolis",
                                       "America/Bogota",
                                       "America/Regina",
                                       "America/Mexico_City",
                                       "America/Phoenix",
                                       "Pacific/Kwajalein",
                                       "Pacific/Fiji",
                                       "Asia/Magadan",
                                       "Australia/Hobart",
                                       "Pacific/Guam",
                                       "Australia/Darwin",
                                       "Asia/Shanghai",
                                       "Asia/Almaty",
                                       "Asia/Karachi",
                                       "Asia/Kabul",
                                       "Africa/Cairo",
                                       "Africa/Harare",
                                       "Europe/Moscow" };
  /* the bits above say whether clocks change */
  guint index = (guint) number & 0xFFFF;
  return index > 0 && index < G_N_ELEMENTS (zones) ? zones[index] : NULL;
}

const char *
pn_tnef_zone (PnTnef *self, const GArray *properties, gint64 unix_time, gboolean recurring)
{
  enum { ZONE_NUMBER = 0x000C };
  const guint definitions[]
      = { recurring ? DEFINITION_RECUR : DEFINITION_START, recurring ? DEFINITION_START : DEFINITION_RECUR };
  Rule rule = { 0 };
  gboolean has_rule = FALSE;
  gsize length;
  const guint8 *p;
  for (guint i = 0; i < G_N_ELEMENTS (definitions); i++) {
    p = pn_mapi_binary (pn_mapi_find_named (properties, PN_SET_APPOINTMENT, definitions[i]), &length);
    g_autofree char *name = p ? read_definition (p, length, &rule, &has_rule) : NULL;
    const char *zone = name ? pn_timezone_find (name) : NULL;
    if (zone)
      return zone;
  }
  g_autofree char *description
      = pn_tnef_text (self, pn_mapi_find_named (properties, PN_SET_APPOINTMENT, ZONE_DESCRIPTION));
  const char *zone = description ? pn_timezone_find (description) : NULL;
  if (zone)
    return zone;
  p = pn_mapi_binary (pn_mapi_find_named (properties, PN_SET_APPOINTMENT, ZONE_STRUCT), &length);
  if (!has_rule && p)
    has_rule = read_struct (p, length, &rule);
  /* The rule is that of the year in which the sender's system was last mended. */
  const int years[] = { pn_year_of (unix_time), 2006, 2012, 2020 };
  for (guint i = 0; has_rule && !zone && i < G_N_ELEMENTS (years); i++)
    zone = find_by_rule (&rule, years[i]);
  if (!zone)
    zone = find_by_number (
        pn_mapi_number_or (pn_mapi_find_named (properties, PN_SET_MEETING, ZONE_NUMBER), 0));
  if (has_rule && !zone)
    pn_tnef_add_loss (self, NULL,
                      "no zone is known that keeps the hours of the appointment's; its times are in UTC");
  return zone;
}
