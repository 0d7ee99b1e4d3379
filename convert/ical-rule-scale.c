/* Rules of other calendars (RFC 7529, and what Exchange writes instead), by libical, which has them from ICU. */
#include "convert/ical-series-private.h"

#include <libical/ical.h>
#include <string.h>

#define DAY 86400
#define MAX_YEARS 120

/* libical cannot be told to give up, and some of its rules never come to an end. */
static gboolean
is_safe (const PnRule *rule)
{
  return rule->frequency >= PN_FREQ_DAILY && rule->interval <= 1000 && rule->weeks == 0
         && rule->weeks_back == 0 && rule->year_days->len == 0 && rule->hours == 0 && rule->minutes == 0
         && rule->seconds == 0;
}

static struct icaltimetype
time_of (gint64 local, gboolean is_date)
{
  PnCalendarTime time = { 0 };
  struct icaltimetype result = icaltime_null_time ();
  pn_calendar_time_set_local (&time, local);
  result.year = time.year;
  result.month = time.month;
  result.day = time.day;
  result.hour = time.hour;
  result.minute = time.minute;
  result.second = time.second;
  result.is_date = is_date;
  return result;
}

static gint64
local_of (struct icaltimetype time)
{
  return pn_civil_to_days (time.year, time.month, time.day) * DAY + time.hour * 3600 + time.minute * 60
         + time.second;
}

gboolean
pn_rule_scale_go (const PnRule *rule, const PnCalendarTime *start, gint64 from, gint64 to, guint limit,
                  GArray *locals)
{
  gint64 first = pn_calendar_time_local (start), last = MIN (to, first + MAX_YEARS * 366 * (gint64) DAY);
  if (!pn_rule_scale_known (rule))
    return TRUE;
  struct icalrecurrencetype scaled = icalrecurrencetype_from_string (rule->text);
  icalrecur_iterator *iterator = NULL;
  if (scaled.freq != ICAL_NO_RECURRENCE) {
    scaled.count = 0;
    scaled.until = time_of (last, start->is_date);
    iterator = icalrecur_iterator_new (scaled, time_of (first, start->is_date));
  }
  int count = 1;
  guint found = 0;
  while (iterator && found <= limit) {
    struct icaltimetype next = icalrecur_iterator_next (iterator);
    gint64 local = icaltime_is_null_time (next) ? G_MAXINT64 : local_of (next);
    if (local > last || (local != first && rule->count > 0 && ++count > rule->count))
      break;
    if (local > first && local >= from && ++found <= limit)
      g_array_append_val (locals, local);
  }
  if (iterator)
    icalrecur_iterator_free (iterator);
  g_free (scaled.rscale);
  return found <= limit;
}

gboolean
pn_rule_scale_known (const PnRule *rule)
{
  if (!rule->rscale || !rule->text || !is_safe (rule) || !icalrecurrencetype_rscale_is_supported ()
      || (rule->days->len > 0 && rule->frequency == PN_FREQ_YEARLY && rule->months == 0))
    return FALSE;
  struct icalrecurrencetype scaled = icalrecurrencetype_from_string (rule->text);
  gboolean known = scaled.freq != ICAL_NO_RECURRENCE;
  g_free (scaled.rscale);
  return known;
}

/* -- what Exchange writes -- */

/* The calendars of X-MICROSOFT-CALSCALE by the names of CLDR; "" if they have the months of the Gregorian. */
static const struct {
  const char *microsoft, *cldr;
} scales[] = {
  { "GREGORIAN", "" },        { "GREGORIAN_US", "" },
  { "JAPAN", "" },            { "TAIWAN", "" },
  { "KOREAN", "" },           { "THAI", "" },
  { "GREGORIANMEFRENCH", "" }, { "GREGORIANARABIC", "" },
  { "GREGORIANXLITENGLISH", "" }, { "GREGORIANXLITFRENCH", "" },
  { "HIJRI", "ISLAMIC-CIVIL" }, { "HEBREW", "HEBREW" },
  { "CHINESELUNAR", "CHINESE" }, { "KOREANLUNAR", "DANGI" },
  { "SAKA", "INDIAN" },       { "UMALQURA", "ISLAMIC-UMALQURA" },
};

char *
pn_rule_from_microsoft (const char *calscale, const char *rrule)
{
  for (guint i = 0; i < G_N_ELEMENTS (scales); i++) {
    if (g_ascii_strcasecmp (calscale, scales[i].microsoft) == 0)
      return *scales[i].cldr ? g_strdup_printf ("RSCALE=%s;%s", scales[i].cldr, rrule) : g_strdup (rrule);
  }
  return NULL;
}
