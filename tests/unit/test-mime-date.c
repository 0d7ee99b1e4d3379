/* Dates as they really stand in mail: every wrong order, forgotten part and foreign name. */
#include "convert/mime-header.h"

#include <string.h>

#define SAME 1705310430 /* 2024-01-15 09:20:30 UTC, a Monday */
#define MINUTE 1705310400
#define DAY 1705276800

typedef struct {
  const char *raw;
  gint64 unix_time;
  int offset;
} Case;

static void
check (const Case *cases, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    PnTime time = { FALSE, 0, 0 };
    gboolean read = pn_header_parse_date (cases[i].raw, strlen (cases[i].raw), &time);
    g_test_message ("%s: %" G_GINT64_FORMAT " %d", cases[i].raw, time.unix_time - cases[i].unix_time,
                    time.offset);
    g_assert_true (read && time.set);
    g_assert_cmpint (time.unix_time, ==, cases[i].unix_time);
    g_assert_cmpint (time.offset, ==, cases[i].offset);
  }
}

static void
test_orders (void)
{
  static const Case cases[] = {
    { "Mon, 15 Jan 2024 10:20:30 +0100", SAME, 60 },
    { "15 Jan 2024 10:20:30 +0100 (CET)", SAME, 60 },
    { "mon, 15 jan 2024 10:20:30 +0100", SAME, 60 },
    { "Mon,15 Jan 2024 10:20:30+0100", SAME, 60 },
    { "Mon, 15 Jan 2024 10:20:30 +0100 GMT", SAME, 60 },
    { "Mon, Jan 15 2024 09:20:30 GMT", SAME, 0 },
    { "January 15, 2024 09:20:30", SAME, 0 },
    { "Monday, January 15, 2024 9:20:30 AM", SAME, 0 },
    { "Monday, January 15, 2024 9:20 AM", MINUTE, 0 },
    { "Mon Jan 15 09:20:30 2024", SAME, 0 },
    { "Mon Jan 15 04:20:30 EST 2024", SAME, -300 },
    { "Mon Jan 15 10:20:30 +0100 2024", SAME, 60 },
    { "Mon Jan 15 10:20:30 2024 +0100", SAME, 60 },
    { "Mon, 15-Jan-2024 09:20:30 GMT", SAME, 0 },
    { "Monday, 15-Jan-24 09:20:30 GMT", SAME, 0 },
    { "09:20:30 15-Jan-2024", SAME, 0 },
    { "15/Jan/2024:10:20:30 +0100", SAME, 60 },
    { "2024 Jan 15 09:20:30", SAME, 0 },
    { "Mon, 15 Jan '24 09:20:30", SAME, 0 },
    { "2024-01-15T09:20:30Z", SAME, 0 },
    { "2024-01-15T10:20:30.123+01:00", SAME, 60 },
    { "2024-01-15 10:20:30,500 +0100", SAME, 60 },
    { "2024/01/15 09:20:30", SAME, 0 },
    { "20240115T092030Z", SAME, 0 },
    { "20240115092030", SAME, 0 },
    { "2024-01-15", DAY, 0 },
    { "15 Jan 2024", DAY, 0 },
    { "20240115", DAY, 0 },
    { "15.01.2024 09:20:30", SAME, 0 },
    { "15.1.2024 09.20.30", SAME, 0 },
    { "15 Jan 2024 09.20", MINUTE, 0 },
    { "15 Jan 2024 09h20", MINUTE, 0 },
    { "01/15/2024 09:20:30", SAME, 0 },
    { "15/01/2024 09:20:30", SAME, 0 },
    { "1/15/24 9:20:30 AM", SAME, 0 },
    { "15-01-2024 09:20", MINUTE, 0 },
    { "=?iso-8859-1?Q?Mo=2C_15_J=E4n_2024_09=3A20=3A30?=", SAME, 0 },
  };

  check (cases, G_N_ELEMENTS (cases));
}

/* Two numbers that may both be the month: the day of the week decides, else the usage of the mark. */
static void
test_month_or_day (void)
{
  static const Case cases[] = {
    { "Fri, 03/05/2024 00:00:00", 1714694400, 0 }, /* 3 May 2024 was one */
    { "Tue, 03/05/2024 00:00:00", 1709596800, 0 }, /* 5 March 2024 was one */
    { "03/05/2024 00:00:00", 1709596800, 0 },      { "03.05.2024 00:00:00", 1714694400, 0 },
    { "03-05-2024 00:00:00", 1714694400, 0 },
  };

  check (cases, G_N_ELEMENTS (cases));
}

static void
test_years (void)
{
  static const Case cases[] = {
    { "Sat, 1 Jan 00 00:00:00 GMT", 946684800, 0 },
    { "Sat, 1 Jan 100 00:00:00 GMT", 946684800, 0 },
    { "Sat, 1 Jan 19100 00:00:00 GMT", 946684800, 0 },
    { "Fri, 1 Jan 99 00:00:00 GMT", 915148800, 0 },
    { "1 Jan 70 00:00 GMT", 0, 0 },
    { "31 Dec 1969 23:59:59 +0000", -1, 0 },
    { "29 Feb 2000 23:59:60 +0000", 951868799, 0 },
    { "Sat, 1 Jan 0000 00:00:00 GMT", 946684800, 0 },
  };

  check (cases, G_N_ELEMENTS (cases));
}

static void
test_zones (void)
{
  static const Case cases[] = {
    { "Mon, 15 Jan 2024 11:20:30 GMT+0200", SAME, 120 },
    { "Mon, 15 Jan 2024 11:20:30 GMT +0200", SAME, 120 },
    { "Mon, 15 Jan 2024 11:20:30 UTC+02:00", SAME, 120 },
    { "Mon, 15 Jan 2024 11:20:30 GMT+2", SAME, 120 },
    { "Mon, 15 Jan 2024 17:20:30 +0800", SAME, 480 },
    { "Mon, 15 Jan 2024 18:20:30 +0900", SAME, 540 },
    { "Mon, 15 Jan 2024 00:20:30 -0900", SAME, -540 },
    { "Mon, 15 Jan 2024 05:50:30 -0330", SAME, -210 },
    { "Mon, 15 Jan 2024 04:20:30 --0500", SAME, -300 },
    { "Mon, 15 Jan 2024 10:20:30 0100", SAME, 60 },
    { "Mon, 15 Jan 2024 10:20:30 +100", SAME, 60 },
    { "Mon, 15 Jan 2024 10:20:30 +01", SAME, 60 },
    { "Mon, 15 Jan 2024 10:20:30 MEZ", SAME, 60 },
    { "Mon, 15 Jan 2024 11:20:30 MESZ", SAME, 120 },
    { "Mon, 15 Jan 2024 11:20:30 MET DST", SAME, 120 },
    { "Mon, 15 Jan 2024 01:20:30 PST", SAME, -480 },
    { "Mon, 15 Jan 2024 01:20:30 (PST)", SAME, -480 },
    { "Mon, 15 Jan 2024 09:20:30 +0000 (PST)", SAME, 0 },
    { "Mon, 15 Jan 2024 02:20:30 Pacific Daylight Time", SAME, -420 },
    { "Mon, 15 Jan 2024 10:20:30 W. Europe Standard Time", SAME, 60 },
    { "Mon, 15 Jan 2024 10:20:30 Central Europe Standard Time", SAME, 60 },
    { "Mon, 15 Jan 2024 11:20:30 Mitteleurop\xC3\xA4ische Sommerzeit", SAME, 120 },
    { "Mon, 15 Jan 2024 18:20:30 JST", SAME, 540 },
    { "Mon, 15 Jan 2024 09:20:30 A", SAME, 0 },
    { "Mon, 15 Jan 2024 09:20:30 NONSENSE", SAME, 0 },
    { "Mon, 15 Jan 2024 16:20:30 NOVT", SAME, 420 },
    { "Mon, 15 Jan 2024 09:20:30 +9999", SAME, 0 },
    { "Mon, 15 Jan 2024 10: 20 :30 +0100", SAME, 60 },
    { "Mon, 15 Jan 2024 10:20 +0100", MINUTE, 60 },
  };

  check (cases, G_N_ELEMENTS (cases));
}

static void
test_halves (void)
{
  static const Case cases[] = {
    { "Mon, 15 Jan 2024 9:20:30 AM +0000", SAME, 0 },
    { "Mon, 15 Jan 2024 5:20:30 PM +0800", SAME, 480 },
    { "Mon, 15 Jan 2024 5:20:30 p.m. +0800", SAME, 480 },
    { "15 Jan 2024 12:20:30AM", SAME - 9 * 3600, 0 },
    { "15 Jan 2024 12:20:30 PM", SAME + 3 * 3600, 0 },
    { "2024/1/15 \xE4\xB8\x8A\xE5\x8D\x88 09:20:30", SAME, 0 },
    { "2024-01-15 \xEC\x98\xA4\xED\x9B\x84 5:20:30 +0800", SAME, 480 },
  };

  check (cases, G_N_ELEMENTS (cases));
}

static void
test_languages (void)
{
  static const Case cases[] = {
    { "Mo, 15 Jan 2024 10:20:30 +0100", SAME, 60 },
    { "Montag, 15. Januar 2024 10:20:30 +0100", SAME, 60 },
    { "Montag, den 15. Januar 2024 09:20:30 Uhr", SAME, 0 },
    { "lun., 15 janv. 2024 10:20:30 +0100", SAME, 60 },
    { "lundi 15 janvier 2024 10:20:30 +0100", SAME, 60 },
    { "lun, 15 ene 2024 10:20:30 +0100", SAME, 60 },
    { "lunes, 15 de enero de 2024 09:20:30", SAME, 0 },
    { "Seg, 15 Jan 2024 06:20:30 -0300", SAME, -180 },
    { "segunda-feira, 15 de janeiro de 2024 09:20:30", SAME, 0 },
    { "luned\xC3\xAC 15 gennaio 2024 09:20:30", SAME, 0 },
    { "maandag 15 januari 2024 09:20:30", SAME, 0 },
    { "m\xC3\xA5n, 15 jan 2024 09:20:30", SAME, 0 },
    { "ma, 15 tammi 2024 09:20:30", SAME, 0 },
    { "pon, 15 sty 2024 09:20:30", SAME, 0 },
    { "\xD0\x9F\xD0\xBD, 15 \xD1\x8F\xD0\xBD\xD0\xB2 2024 09:20:30", SAME, 0 },
    { "2024\xE5\xB9\xB4"
      "1\xE6\x9C\x88"
      "15\xE6\x97\xA5 09:20:30",
      SAME, 0 },
    { "2024\xEB\x85\x84 1\xEC\x9B\x94 15\xEC\x9D\xBC 09:20:30", SAME, 0 },
    /* A Tuesday is no March. */
    { "mar, 16 janv. 2024 09:20:30", SAME + 86400, 0 },
    { "mardi 5 mars 2024 00:00:00", 1709596800, 0 },
    /* Raw Latin-1, and without its accent. */
    { "Di, 5 M\xE4r 2024 00:00:00", 1709596800, 0 },
    { "Di, 5 Mrz 2024 00:00:00", 1709596800, 0 },
    { "5 mai 2024 00:00:00", 1714867200, 0 },
    { "5 dic 2024 00:00:00", 1733356800, 0 },
    { "5 Dez 2024 00:00:00", 1733356800, 0 },
    { "5 d\xC3\xA9"
      "c. 2024 00:00:00",
      1733356800, 0 },
    { "5 ao\xC3\xBBt 2024 00:00:00", 1722816000, 0 },
    { "5 ago 2024 00:00:00", 1722816000, 0 },
    { "5 Okt 2024 00:00:00", 1728086400, 0 },
    { "5 out 2024 00:00:00", 1728086400, 0 },
    { "5 set 2024 00:00:00", 1725494400, 0 },
    { "5 juil. 2024 00:00:00", 1720137600, 0 },
    { "5 juin 2024 00:00:00", 1717545600, 0 },
    { "5 giu 2024 00:00:00", 1717545600, 0 },
    { "5 lug 2024 00:00:00", 1720137600, 0 },
  };

  check (cases, G_N_ELEMENTS (cases));
}

static void
test_nonsense (void)
{
  static const char *const wrong[] = { "",
                                       "   ",
                                       "yesterday",
                                       "32 Jan 2024 10:00:00 +0000",
                                       "15 Jan 2024 25:00:00 +0000",
                                       "0",
                                       "-1",
                                       "January",
                                       "10:20:30",
                                       "((((",
                                       "15 15 15",
                                       "99999999999999999999999999",
                                       "Mon, , 2024",
                                       "\xFF\xFE",
                                       "/////" };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    PnTime time = { FALSE, 0, 0 };
    g_test_message ("%s", wrong[i]);
    g_assert_false (pn_header_parse_date (wrong[i], strlen (wrong[i]), &time));
    g_assert_false (time.set);
  }
}

/* Names of zones that follow each other do not add up to a place that is nowhere. */
static void
test_too_many_zones (void)
{
  static const char raw[] = "15 Jan 2024 10:20:30 korea korea korea korea korea korea korea";
  PnTime time = { FALSE, 0, 0 };
  if (pn_header_parse_date (raw, strlen (raw), &time))
    g_assert_cmpint (ABS (time.offset), <=, 24 * 60);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-date/orders", test_orders);
  g_test_add_func ("/mime-date/month-or-day", test_month_or_day);
  g_test_add_func ("/mime-date/years", test_years);
  g_test_add_func ("/mime-date/zones", test_zones);
  g_test_add_func ("/mime-date/halves", test_halves);
  g_test_add_func ("/mime-date/languages", test_languages);
  g_test_add_func ("/mime-date/nonsense", test_nonsense);
  g_test_add_func ("/mime-date/too-many-zones", test_too_many_zones);
  return g_test_run ();
}
