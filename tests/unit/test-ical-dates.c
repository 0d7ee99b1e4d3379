/* The dates of EXDATE and RDATE, each in its zone. */
#include "calendar.h"

/* Each value says its zone: none that turned out to be UTC, or stood beside one in UTC, becomes floating. */
static void
test_date_lists (void)
{
  g_autofree char *utc
      = pass (EVENT ("METHOD:REQUEST\r\n",
                     "DTSTART;TZID=UTC:20260504T080000\r\nRRULE:FREQ=DAILY\r\n"
                     "EXDATE;TZID=UTC:20260505T080000,20260506T080000\r\n"
                     "RDATE;TZID=UTC;VALUE=PERIOD:20260601T080000/PT1H,20260602T080000/20260602T090000\r\n"),
              -1);
  assert_has (utc, "DTSTART:20260504T080000Z\r\n");
  assert_has (utc, "EXDATE:20260505T080000Z,20260506T080000Z\r\n");
  assert_has (utc, "RDATE;VALUE=PERIOD:20260601T080000Z/PT1H,20260602T080000Z/20260602T090000Z\r\n");
  g_autofree char *mixed = pass (EVENT ("METHOD:REQUEST\r\n",
                                        "DTSTART;TZID=Europe/Berlin:20260504T080000\r\nRRULE:FREQ=DAILY\r\n"
                                        "EXDATE;TZID=Europe/Berlin:20260505T080000,20260506T060000Z\r\n"),
                                 -1);
  assert_has (mixed, "EXDATE;TZID=Europe/Berlin:20260505T080000\r\nEXDATE:20260506T060000Z\r\n");
}

/* The VTIMEZONE of a date in a series is not that of DTSTART, whatever offset that has. */
static void
test_zone_of_date (void)
{
  static const char zones[] = "BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\n"
                              "DTSTART:19700101T000000\r\nTZOFFSETFROM:+0102\r\nTZOFFSETTO:+0102\r\n"
                              "END:STANDARD\r\nEND:VTIMEZONE\r\n";
  g_autofree char *input
      = g_strconcat ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n", zones,
                     "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n"
                     "DTSTART;TZID=Europe/Berlin:20260302T100000\r\nRRULE:FREQ=DAILY\r\n"
                     "EXDATE;TZID=W. Europe Standard Time:20260304T100200\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                     NULL);
  g_autofree char *text = pass (input, -1);
  assert_has (text, "EXDATE;TZID=\"W. Europe Standard Time\":20260304T100200\r\n");
  assert_has (text, "TZOFFSETTO:+0102\r\n");
}

/* The zone is judged by the start of the item, whichever of its times comes first and however many are
 * written: here daylight time begins with the item, and DTEND, which is where the item begins, is left out.
 */
static void
test_zone_of_start (void)
{
  g_autofree char *ours
      = pass (EVENT (ZONE ("W. Europe Standard Time",
                           OBSERVANCE ("STANDARD", "16010101T030000", "+0200", "+0100", "")
                               OBSERVANCE ("DAYLIGHT", "20260302T100000", "+0100", "+0200", "")),
                     "DTSTART:20260302T100000\r\n"
                     "DTEND;TZID=W. Europe Standard Time:20260302T110000\r\nRRULE:FREQ=DAILY\r\n"
                     "RDATE;TZID=W. Europe Standard Time:20260801T100000\r\n"),
              -1);
  assert_has (ours, "RDATE;TZID=Europe/Berlin:20260801T100000\r\n");
  g_autofree char *again = pass (ours, -1);
  assert_has (again, "RDATE;TZID=Europe/Berlin:20260801T100000\r\n");
}

/* Control characters, which cannot be written, count for nothing when they are read either: the zone is
 * looked for by the name it is found by again, and its rule is the one that is kept. */
static void
test_control_characters (void)
{
  g_autoptr (PnMessage) message = read_text (
      EVENT ("METHOD:REQUEST\r\n", "DTSTART;TZID=\"Europe/\fBer\001lin\":20260504T080000\r\n"), -1, NULL);
  g_assert_cmpstr (message->calendar->start.tzid, ==, "Europe/Berlin");
  g_autofree char *ours
      = pass (EVENT (ZONE ("Own", OBSERVANCE ("STANDARD", "16010101T000000", "+0317", "+0247",
                                              "RRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=1MO\r\n")
                                      OBSERVANCE ("DAYLIGHT", "16010101T000000", "+0247", "+0317",
                                                  "RRULE:FREQ=YEARLY;BYMONTH=\0012;BYDAY=1MO\r\n")),
                     "DTSTART;TZID=Own:20260714T090000\r\nDTEND;TZID=Own:20260714T100000\r\n"),
              -1);
  assert_has (ours, "RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=1MO\r\n");
  g_autoptr (PnMessage) again = read_text (ours, -1, NULL);
  g_assert_cmpint (again->calendar->start.unix_time, ==, 1784007780); /* 05:43 UTC */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ical/date-lists", test_date_lists);
  g_test_add_func ("/ical/zone-of-date", test_zone_of_date);
  g_test_add_func ("/ical/zone-of-start", test_zone_of_start);
  g_test_add_func ("/ical/control-characters", test_control_characters);
  return g_test_run ();
}
