/* Zones: names, clocks around changes, and the VTIMEZONE that is written, checked by libical. */
#include "convert/ical-private.h"

#include <libical/ical.h>
#include <string.h>
#include <time.h>

static gint64
utc (int year, int month, int day, int hour, int minute)
{
  return pn_civil_to_days (year, month, day) * 86400 + hour * 3600 + minute * 60;
}

static void
test_names (void)
{
  static const struct {
    const char *name, *zone;
  } rows[] = {
    { "Europe/Berlin", "Europe/Berlin" },
    { "europe/berlin", "Europe/Berlin" },
    { "US/Eastern", "US/Eastern" },
    { "W. Europe Standard Time", "Europe/Berlin" },
    { "w. europe standard time", "Europe/Berlin" },
    { "Central Standard Time", "America/Chicago" },
    { "Eastern Standard Time 1", "America/New_York" },
    { "AUS Eastern Standard Time", "Australia/Sydney" },
    { "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam" },
    { "(GMT-05:00) Eastern Time (US & Canada)", "America/New_York" },
    { "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "Asia/Kolkata" },
    { "(GMT+10:00) Canberra, Melbourne, Sydney", "Australia/Canberra" },
    { "(GMT-08:00) Pacific Standard Time", "America/Los_Angeles" },
    { "tzone://Microsoft/Utc", "UTC" },
    { "Etc/GMT-3", "Etc/GMT-3" },
    { "(GMT-05.00) Eastern Time (US & Canada)", "America/New_York" },
    { "(GMT-08.00) Pacific Time (US & Canada)/Tijuana", "America/Los_Angeles" },
    { "(GMT-08:00) Pacific Time (US & Canada); Tijuana", "America/Los_Angeles" },
    { "Eastern Time (US & Canada)", "America/New_York" },
    { "America-Chicago", "America/Chicago" },
    { "custom_Europe/Oslo", "Europe/Oslo" },
    { "posix/Asia/Tokyo", "Asia/Tokyo" },
    { "custom_", NULL },
    { "posix/../Europe/Oslo", NULL },
    { "-", NULL },
    { "/freeassociation.sourceforge.net/Tzfile/Europe/Rome", "Europe/Rome" },
    { "/freeassociation.sourceforge.net/Europe/Rome", "Europe/Rome" },
    { "/citadel.org/20190914_1/America/New_York", "America/New_York" },
    { "/softwarestudio.org/Olson_20011030_5/Europe/Oslo", "Europe/Oslo" },
    { "(GMT+0100) Westeuropäische Normalzeit", "Europe/Berlin" },
    { "(GMT+0000) Westeuropäische Zeit", "Europe/London" },
    { "(GMT+0100) Heure d'Europe centrale", "Europe/Berlin" },
    { "(GMT+0100) Europa Occidental, hora estándar", "Europe/Berlin" },
    { "(GMT+0200) Восточная Европа, зимнее время", "Europe/Helsinki" },
    { "(GMT+0100) West-Europa (standaardtijd)", "Europe/Berlin" },
    { "(GMT+0100) Västeuropa, normaltid", "Europe/Berlin" },
    { "(GMT+0100) 西ヨーロッパ標準時", "Europe/Berlin" },
    { "(GMT-0500) Östliche Normalzeit", "America/New_York" },
    { "(GMT-0500) Heure de l'Est", "America/New_York" },
    { "(GMT-0600) Hora central", "America/Chicago" },
    { "(GMT-0700) Mountain-Normalzeit", "America/Denver" },
    { "(GMT-0800) 太平洋標準時", "America/Los_Angeles" },
    { "(GMT+1000) Australien (Ost)", "Australia/Sydney" },
    { "(GMT-0500) Südamerika, pazifische Zeit", NULL },
    { "(GMT+0100) Westen", NULL },
    { "Customized Time Zone", NULL },
    { "../../../etc/passwd", NULL },
    { "/etc/passwd", NULL },
    { "Europe/../Europe/Berlin", NULL },
    { "posixrules", NULL },
    { "", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_cmpstr (pn_timezone_find (rows[i].name), ==, rows[i].zone);
  g_assert_null (pn_timezone_find (NULL));
}

static void
test_offset_in_name (void)
{
  static const struct {
    const char *name;
    gboolean found;
    int offset;
  } rows[] = {
    { "(GMT+0100) Westeuropäische Normalzeit", TRUE, 3600 },
    { "(UTC-03:30) Newfoundland", TRUE, -12600 },
    { "GMT+2", TRUE, 7200 },
    { "UTC-11", TRUE, -39600 },
    { "(GMT) Irgendwo", TRUE, 0 },
    { "+05:45", TRUE, 20700 },
    { "Customized Time Zone", FALSE, 0 },
    { "GMT+99", FALSE, 0 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    int offset = 0;
    g_assert_cmpint (pn_timezone_offset_in_name (rows[i].name, &offset), ==, rows[i].found);
    if (rows[i].found)
      g_assert_cmpint (offset, ==, rows[i].offset);
  }
}

static gint64
to_unix (const char *tzid, int year, int month, int day, int hour, int minute)
{
  gint64 result = -1;
  g_assert_true (pn_timezone_to_unix (tzid, year, month, day, hour, minute, 0, &result));
  return result;
}

/* RFC 5545, 3.3.5: in a gap the offset before it, of two the first. */
static void
test_changes (void)
{
  g_assert_cmpint (to_unix ("Europe/Berlin", 2026, 3, 29, 1, 59), ==, utc (2026, 3, 29, 0, 59));
  g_assert_cmpint (to_unix ("Europe/Berlin", 2026, 3, 29, 2, 30), ==, utc (2026, 3, 29, 1, 30));
  g_assert_cmpint (to_unix ("Europe/Berlin", 2026, 3, 29, 3, 0), ==, utc (2026, 3, 29, 1, 0));
  g_assert_cmpint (to_unix ("Europe/Berlin", 2026, 10, 25, 1, 59), ==, utc (2026, 10, 24, 23, 59));
  g_assert_cmpint (to_unix ("Europe/Berlin", 2026, 10, 25, 2, 30), ==, utc (2026, 10, 25, 0, 30));
  g_assert_cmpint (to_unix ("Europe/Berlin", 2026, 10, 25, 3, 0), ==, utc (2026, 10, 25, 2, 0));
  g_assert_cmpint (to_unix ("America/New_York", 2026, 3, 8, 2, 30), ==, utc (2026, 3, 8, 7, 30));
  g_assert_cmpint (to_unix ("America/New_York", 2026, 11, 1, 1, 30), ==, utc (2026, 11, 1, 5, 30));
  g_assert_cmpint (to_unix ("Australia/Lord_Howe", 2026, 4, 5, 1, 45), ==, utc (2026, 4, 4, 14, 45));
  g_assert_cmpint (to_unix ("Asia/Kathmandu", 2026, 7, 1, 12, 0), ==, utc (2026, 7, 1, 6, 15));
  g_assert_cmpint (to_unix ("Europe/Dublin", 2026, 1, 1, 12, 0), ==, utc (2026, 1, 1, 12, 0));
  g_assert_cmpint (to_unix ("Europe/Dublin", 2026, 7, 1, 12, 0), ==, utc (2026, 7, 1, 11, 0));
  /* The zone data ends in 2037, the rules do not. */
  g_assert_cmpint (to_unix ("Europe/Berlin", 2050, 7, 1, 12, 0), ==, utc (2050, 7, 1, 10, 0));
  g_assert_cmpint (to_unix ("Europe/Berlin", 2050, 12, 1, 12, 0), ==, utc (2050, 12, 1, 11, 0));
  g_assert_cmpint (to_unix ("Australia/Sydney", 2061, 1, 15, 12, 0), ==, utc (2061, 1, 15, 1, 0));
  g_assert_cmpint (to_unix ("W. Europe Standard Time", 2026, 7, 1, 12, 0), ==, utc (2026, 7, 1, 10, 0));
}

static void
test_bad_values (void)
{
  gint64 result;
  g_assert_false (pn_timezone_to_unix ("House Time", 2026, 1, 1, 0, 0, 0, &result));
  g_assert_false (pn_timezone_to_unix (NULL, 2026, 1, 1, 0, 0, 0, &result));
  g_assert_false (pn_timezone_to_unix ("Europe/Berlin", 2026, 2, 29, 0, 0, 0, &result));
  g_assert_false (pn_timezone_to_unix ("Europe/Berlin", 2026, 13, 1, 0, 0, 0, &result));
  g_assert_false (pn_timezone_to_unix ("Europe/Berlin", 2026, 1, 1, 25, 0, 0, &result));
  g_assert_true (pn_timezone_to_unix ("Europe/Berlin", 2024, 2, 29, 0, 0, 0, &result));
  g_assert_null (pn_timezone_write ("House Time", 0));
}

/* Both directions agree with the C library, which reads the zone data itself. */
static void
test_against_libc (gconstpointer data)
{
  const char *tzid = data;
  g_setenv ("TZ", tzid, TRUE);
  tzset ();
  for (gint64 at = utc (1969, 1, 1, 3, 17); at < utc (2080, 1, 1, 0, 0); at += 61 * 3600 * 24 + 5003) {
    PnCalendarTime time = { 0 };
    time_t clock = (time_t) at;
    struct tm expected;
    g_assert_nonnull (localtime_r (&clock, &expected));
    g_assert_true (pn_timezone_from_unix (tzid, at, &time));
    g_assert_cmpint (time.year, ==, expected.tm_year + 1900);
    g_assert_cmpint (time.month, ==, expected.tm_mon + 1);
    g_assert_cmpint (time.day, ==, expected.tm_mday);
    g_assert_cmpint (time.hour, ==, expected.tm_hour);
    g_assert_cmpint (time.minute, ==, expected.tm_min);
    /* Of two instants with this wall clock it is the first. */
    gint64 back = to_unix (tzid, time.year, time.month, time.day, time.hour, time.minute) + time.second;
    clock = (time_t) back;
    struct tm same;
    g_assert_cmpint (back, <=, at);
    g_assert_nonnull (localtime_r (&clock, &same));
    g_assert_cmpint (same.tm_hour, ==, expected.tm_hour);
    g_assert_cmpint (same.tm_min, ==, expected.tm_min);
    g_assert_cmpint (same.tm_yday, ==, expected.tm_yday);
  }
  g_unsetenv ("TZ");
  tzset ();
}

static icaltimezone *
parse_zone (const char *text, icalcomponent **component)
{
  *component = icalparser_parse_string (text);
  g_assert_nonnull (*component);
  g_assert_cmpint (icalcomponent_count_errors (*component), ==, 0);
  g_assert_cmpint (icalcomponent_count_components (*component, ICAL_XSTANDARD_COMPONENT), ==, 1);
  g_assert_cmpint (icalcomponent_count_components (*component, ICAL_XDAYLIGHT_COMPONENT), <=, 1);
  icaltimezone *zone = icaltimezone_new ();
  g_assert_true (icaltimezone_set_component (zone, icalcomponent_new_clone (*component)));
  return zone;
}

static int
offset_by_libical (icaltimezone *zone, gint64 at)
{
  struct icaltimetype time = icaltime_from_timet_with_zone ((time_t) at, 0, icaltimezone_get_utc_timezone ());
  int is_daylight;
  return icaltimezone_get_utc_offset_of_utc_time (zone, &time, &is_daylight);
}

/* With two rules the offset is right all year, else at the event. */
static void
check_written (const char *tzid, int year)
{
  gint64 at = utc (year, 6, 17, 9, 0);
  g_autofree char *text = pn_timezone_write (tzid, at);
  icalcomponent *component;
  g_assert_nonnull (text);
  icaltimezone *zone = parse_zone (text, &component);
  gboolean pair = icalcomponent_count_components (component, ICAL_XDAYLIGHT_COMPONENT) == 1;
  PnZone *own = pn_zone_get (tzid);
  g_assert_cmpint (offset_by_libical (zone, at), ==, pn_zone_offset (own, at));
  for (int day = 1; pair && day < 365; day += 3) {
    gint64 instant = utc (year, 1, day, 12, 0);
    g_assert_cmpint (offset_by_libical (zone, instant), ==, pn_zone_offset (own, instant));
  }
  g_assert_cmpint (g_str_has_prefix (text, "BEGIN:VTIMEZONE\r\n"), ==, TRUE);
  g_assert_true (pair == (strstr (text, "RRULE:FREQ=YEARLY;BYMONTH=") != NULL));
  g_assert_null (strstr (text, "BYDAY=5"));
  g_assert_null (strstr (text, "RDATE"));
  icaltimezone_free (zone, 1);
  icalcomponent_free (component);
}

/* What the search for a zone relies on. */
static void
test_quarters (void)
{
  const char *name;
  for (guint position = 0; (name = pn_timezone_next_candidate (&position));) {
    for (int year = 1980; year < 2040; year++)
      g_assert_cmpint (pn_zone_offset (pn_zone_get (name), pn_civil_to_days (year, 7, 1) * 86400) % 900, ==,
                       0);
  }
}

static void
test_written (void)
{
  const char *name;
  for (guint position = 0; (name = pn_timezone_next_candidate (&position));) {
    check_written (name, 1999);
    check_written (name, 2026);
    check_written (name, 2044);
  }
}

static gboolean
has_pair (const char *tzid, int year, int month)
{
  g_autofree char *text = pn_timezone_write (tzid, utc (year, month, 10, 0, 0));
  return strstr (text, "BEGIN:DAYLIGHT") != NULL;
}

static void
test_pairs (void)
{
  g_assert_true (has_pair ("Europe/Berlin", 2026, 7));
  g_assert_true (has_pair ("Asia/Jerusalem", 2026, 7));
  g_assert_true (has_pair ("America/Santiago", 2026, 7));
  g_assert_true (has_pair ("Europe/Dublin", 2026, 7));
  /* By the moon, abolished, never. */
  g_assert_false (has_pair ("Africa/Casablanca", 2026, 7));
  g_assert_false (has_pair ("Africa/Casablanca", 2026, 3));
  g_assert_false (has_pair ("Europe/Moscow", 2026, 7));
  g_assert_false (has_pair ("Europe/Istanbul", 2026, 7));
  g_assert_false (has_pair ("Asia/Tokyo", 2026, 7));
  g_autofree char *during = pn_timezone_write ("Africa/Casablanca", utc (2026, 3, 1, 0, 0));
  g_assert_nonnull (strstr (during, "TZOFFSETTO:+0000\r\n"));
  g_autofree char *after = pn_timezone_write ("Africa/Casablanca", utc (2026, 6, 1, 0, 0));
  g_assert_nonnull (strstr (after, "TZOFFSETTO:+0100\r\n"));
}

static void
test_civil (void)
{
  for (gint64 day = -800000; day < 3000000; day += 97) {
    int year, month, date;
    pn_days_to_civil (day, &year, &month, &date);
    g_assert_cmpint (pn_civil_to_days (year, month, date), ==, day);
    g_assert_true (month >= 1 && month <= 12 && date >= 1 && date <= pn_days_of_month (year, month));
  }
  g_assert_cmpint (pn_weekday (pn_civil_to_days (2026, 3, 1)), ==, 0);
  g_assert_cmpint (pn_weekday (pn_civil_to_days (1601, 1, 1)), ==, 1);
}

int
main (int argc, char **argv)
{
  static const char *const zones[]
      = { "Europe/Berlin",     "America/New_York",  "Asia/Kolkata",     "Australia/Lord_Howe",
          "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Auckland", "Europe/Dublin" };
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/timezone/names", test_names);
  g_test_add_func ("/timezone/offset-in-name", test_offset_in_name);
  g_test_add_func ("/timezone/changes", test_changes);
  g_test_add_func ("/timezone/bad-values", test_bad_values);
  g_test_add_func ("/timezone/civil", test_civil);
  for (guint i = 0; i < G_N_ELEMENTS (zones); i++) {
    g_autofree char *path = g_strdup_printf ("/timezone/libc/%s", zones[i]);
    g_test_add_data_func (path, zones[i], test_against_libc);
  }
  g_test_add_func ("/timezone/written", test_written);
  g_test_add_func ("/timezone/quarters", test_quarters);
  g_test_add_func ("/timezone/pairs", test_pairs);
  return g_test_run ();
}
