/* Meetings, tasks and series in TNEF.  The samples are made by tests/make-tnef.py, which shares nothing with
 * the reader. */
#include "tnef-samples.h"

#include "convert/ical.h"
#include "convert/native.h"

#include <string.h>

/* --- meetings and tasks
 * ----------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  PnMessageType type;
  PnMethod method;
  PnAction action; /* of the one report */
  const char *uid;
  int day, hour; /* of the start */
  const char *tzid;
  const char *organizer;
} Meeting;

static const Meeting meetings[] = {
  { "request", PN_TYPE_APPOINTMENT, PN_METHOD_REQUEST, 0, UID, 14, 10, ZONE, "anne@example.com" },
  { "request-struct", PN_TYPE_APPOINTMENT, PN_METHOD_REQUEST, 0, UID, 14, 10, ZONE, "anne@example.com" },
  { "request-utc", PN_TYPE_APPOINTMENT, PN_METHOD_REQUEST, 0, UID, 14, 8, NULL, "anne@example.com" },
  { "request-foreign", PN_TYPE_APPOINTMENT, PN_METHOD_REQUEST, 0, "harvest-2026@example.net", 14, 10, ZONE,
    "anne@example.com" },
  { "cancel", PN_TYPE_APPOINTMENT, PN_METHOD_CANCEL, 0, UID, 14, 10, ZONE, "anne@example.com" },
  { "accept", PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_ACCEPTED, UID, 14, 10, ZONE, "anne@example.com" },
  { "decline", PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_DECLINED, UID, 14, 10, ZONE, "anne@example.com" },
  { "tentative", PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_TENTATIVE, UID, 14, 10, ZONE,
    "anne@example.com" },
  { "counter", PN_TYPE_APPOINTMENT, PN_METHOD_COUNTER, 0, UID, 15, 14, ZONE, "anne@example.com" },
  { "appointment", PN_TYPE_APPOINTMENT, PN_METHOD_PUBLISH, 0, UID, 14, 10, ZONE, NULL },
  { "task", PN_TYPE_TASK, PN_METHOD_PUBLISH, 0, "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF", 3, 0, NULL, NULL },
  { "task-request", PN_TYPE_TASK, PN_METHOD_REQUEST, 0, "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF", 3, 0, NULL,
    "anne@example.com" },
  { "task-accept", PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_ACCEPTED, "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF", 3,
    0, NULL, "bert@example.org" },
  { "task-decline", PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_DECLINED, "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF",
    3, 0, NULL, "bert@example.org" },
  { "task-done", PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_COMPLETED, "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF", 3,
    0, NULL, "bert@example.org" },
};

static void
check_meeting (const Meeting *meeting)
{
  g_test_message ("%s", meeting->name);
  g_autoptr (PnMessage) message = read_sample (meeting->name);
  const PnCalendar *calendar = message->calendar;
  g_assert_nonnull (calendar);
  g_assert_cmpint (message->type, ==, meeting->type);
  g_assert_cmpint (calendar->method, ==, meeting->method);
  g_assert_cmpstr (calendar->uid, ==, meeting->uid);
  g_assert_cmpint (calendar->start.day, ==, meeting->day);
  g_assert_cmpint (calendar->start.hour, ==, meeting->hour);
  g_assert_cmpstr (calendar->start.tzid, ==, meeting->tzid);
  g_assert_cmpstr (calendar->organizer ? calendar->organizer->internet : NULL, ==, meeting->organizer);
  g_assert_cmpuint (message->reports->len, ==, meeting->action != PN_ACTION_NONE);
  if (meeting->action != PN_ACTION_NONE) {
    const PnStatusReport *report = message->reports->pdata[0];
    g_assert_cmpint (report->action, ==, meeting->action);
  }
  g_assert_cmpuint (count_files (message), ==, 0);
  g_assert_cmpuint (message->losses->len, ==, 0);
}

static void
test_meetings (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (meetings); i++)
    check_meeting (&meetings[i]);
}

/* The same invitation by iMIP gives the same. */
static void
test_like_imip (void)
{
  static const char text[]
      = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:" UID "\r\nSUMMARY:Planning the harvest\r\n"
        "DTSTAMP:20260701T120000Z\r\nDTSTART;TZID=Europe/Berlin:20260714T100000\r\n"
        "DTEND;TZID=Europe/Berlin:20260714T113000\r\nSEQUENCE:3\r\nLOCATION:Barn\\, upper floor\r\n"
        "PRIORITY:1\r\nORGANIZER;CN=Anne Adler:mailto:anne@example.com\r\n"
        "ATTENDEE;CN=Bert "
        "Brook;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bert@example.org\r\n"
        "ATTENDEE;CN=Cara "
        "Cole;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:cara@example.org\r\n"
        "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\nX-MICROSOFT-CDO-INTENDEDSTATUS:BUSY\r\n"
        "DESCRIPTION:Bring your own "
        "chair.\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n";
  g_autoptr (PnMessage) ours = read_sample ("request"), theirs = pn_message_new (PN_TYPE_MAIL);
  g_assert_true (pn_ical_read (theirs, text, strlen (text), NULL, ZONE, NULL));
  g_autofree char *difference = NULL;
  g_autoptr (GError) error = NULL;
  gboolean same = pn_message_equivalent (ours, theirs, &difference, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (difference, ==, NULL);
  g_assert_true (same);
}

static void
test_meeting_details (void)
{
  g_autoptr (PnMessage) day = read_sample ("request-day"), series = read_sample ("request-series"),
                        instance = read_sample ("request-instance"), counter = read_sample ("counter");
  g_assert_true (day->calendar->all_day && day->calendar->start.is_date);
  g_assert_cmpint (day->calendar->start.day, ==, 14);
  g_assert_cmpint (day->calendar->end.day, ==, 15);
  g_assert_true (has_loss (series, "TNEF", "every Tuesday"));
  g_assert_true (instance->calendar->recurrence_id.set);
  g_assert_cmpint (instance->calendar->recurrence_id.hour, ==, 9);
  g_assert_cmpstr (instance->calendar->uid, ==, UID);
  const PnAttendee *attendee = counter->calendar->attendees->pdata[0];
  g_assert_cmpint (attendee->partstat, ==, PN_PARTSTAT_TENTATIVE);
  g_assert_cmpstr (attendee->address->internet, ==, "bert@example.org");
  g_assert_cmpstr (counter->calendar->comment, ==, "I will bring bread.");
}

/* --- series
 * -----------------------------------------------------------------------------------------------------------
 */

typedef struct {
  const char *name, *rrule;
  int month, day; /* of the first start */
  guint exdates;
} Series;

static const Series all_series[] = {
  { "series-weekly", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=MO;COUNT=8", 7, 14, 2 },
  { "series-daily", "FREQ=DAILY;INTERVAL=3;UNTIL=20260801T080000Z", 7, 14, 0 },
  { "series-workdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", 7, 14, 0 },
  { "series-late", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;WKST=SU", 7, 27, 0 },
  { "series-month-day", "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1;COUNT=5", 7, 30, 0 },
  { "series-month-31", "FREQ=MONTHLY;BYMONTHDAY=-1", 7, 31, 0 },
  { "series-month-nth", "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1TU", 7, 28, 0 },
  { "series-month-workday", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", 8, 3, 0 },
  { "series-month-last", "FREQ=MONTHLY;BYMONTHDAY=-1", 7, 31, 0 },
  { "series-month-end", "FREQ=MONTHLY;BYMONTHDAY=-1", 7, 31, 0 },
  { "series-year", "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=14", 7, 14, 0 },
  { "series-year-nth", "FREQ=YEARLY;BYMONTH=7;BYDAY=2TU", 7, 14, 0 },
  { "series-hijri", "RSCALE=ISLAMIC-CIVIL;FREQ=MONTHLY;BYMONTHDAY=15;SKIP=BACKWARD", 7, 14, 0 },
  { "series-offset", "FREQ=DAILY;COUNT=3", 7, 14, 0 },
  { "series-day", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20260804", 7, 14, 1 },
  { "series-cut", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=MO;COUNT=8", 7, 14, 2 },
  { "series-lies", NULL, 7, 14, 0 },
};

static void
test_series (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (all_series); i++) {
    const Series *series = &all_series[i];
    g_test_message ("%s", series->name);
    g_autoptr (PnMessage) message = read_sample (series->name);
    g_assert_cmpint (message->type, ==, PN_TYPE_APPOINTMENT);
    g_assert_cmpstr (message->calendar->rrule, ==, series->rrule);
    g_assert_cmpint (message->calendar->start.month, ==, series->month);
    g_assert_cmpint (message->calendar->start.day, ==, series->day);
    g_assert_cmpuint (message->calendar->exdates->len, ==, series->exdates);
  }
  g_autoptr (PnMessage) hijri = read_sample ("series-hijri"), lies = read_sample ("series-lies"),
                        day = read_sample ("series-day"), offset = read_sample ("series-offset");
  g_assert_true (has_loss (hijri, "TNEF", "another calendar"));
  g_assert_true (has_loss (lies, "TNEF", "cut off"));
  g_assert_true (day->calendar->start.is_date && day->calendar->end.day == 15);
  g_assert_cmpstr (offset->calendar->start.tzid, ==, "Etc/GMT-2");
  g_assert_cmpint (offset->calendar->start.hour, ==, 10);
}

/* What differs from the series stands in the calendar part, as it would had it come as iMIP. */
static void
test_series_exceptions (void)
{
  g_autoptr (PnMessage) message = read_sample ("series-weekly"), again = pn_message_new (PN_TYPE_MAIL);
  g_assert_cmpstr (message->calendar->exdates->pdata[0], ==, "EXDATE;TZID=Europe/Berlin:20260716T100000");
  g_assert_cmpstr (message->calendar->exdates->pdata[1], ==, "EXDATE;TZID=Europe/Berlin:20260730T100000");
  g_assert_cmpuint (count_files (message), ==, 0);
  g_autofree char *text = content_of (pn_message_get_part (message, PN_PART_CALENDAR));
  const char *own = strstr (text, "RECURRENCE-ID;TZID=Europe/Berlin:20260728T100000\r\n");
  g_assert_nonnull (own);
  g_assert_nonnull (strstr (own, "SUMMARY:Planning again \342\200\223 late\r\n"));
  g_assert_nonnull (strstr (own, "DTSTART;TZID=Europe/Berlin:20260729T110000\r\n"));
  g_assert_nonnull (strstr (own, "DTEND;TZID=Europe/Berlin:20260729T120000\r\n"));
  g_assert_nonnull (strstr (own, "LOCATION:Mill\r\n"));
  g_assert_nonnull (strstr (own, "BUSYSTATUS:OOF\r\n"));
  g_assert_nonnull (strstr (own, "DESCRIPTION:Bring boots this time.\r\n"));
  /* and what is written of it has the exception too */
  g_autofree char *written = pn_ical_write (message, 0, NULL);
  g_assert_nonnull (strstr (written, "RECURRENCE-ID"));
  g_assert_true (pn_ical_read (again, text, strlen (text), NULL, ZONE, NULL));
  g_autofree char *difference = NULL;
  g_ptr_array_remove (message->parts, pn_message_get_part (message, PN_PART_CALENDAR));
  g_assert_true (pn_message_equivalent (message, again, &difference, NULL));
}

static void
test_series_tasks (void)
{
  g_autoptr (PnMessage) series = read_sample ("task-series"), sliding = read_sample ("task-sliding");
  g_assert_cmpstr (series->calendar->rrule, ==, "FREQ=MONTHLY;BYMONTHDAY=3;COUNT=6");
  g_assert_true (series->calendar->start.is_date && series->calendar->start.day == 3);
  g_assert_null (sliding->calendar->rrule);
  g_assert_true (has_loss (sliding, "TNEF", "from the completion"));
}

/* Microsoft Mail and Schedule+ told meetings apart by a number and the organizer. */
static void
test_old_meetings (void)
{
  g_autoptr (PnMessage) request = read_sample ("old-request"), accept = read_sample ("old-accept"),
                        deputy = read_sample ("request-deputy");
  g_assert_cmpint (request->type, ==, PN_TYPE_APPOINTMENT);
  g_assert_cmpint (request->calendar->start.hour, ==, 8);
  g_assert_cmpstr (request->calendar->uid, ==, "owner-appointment-1234abcd-anne@example.com");
  g_assert_cmpint (accept->type, ==, PN_TYPE_STATUS);
  g_assert_cmpstr (accept->calendar->uid, ==, request->calendar->uid);
  const PnStatusReport *report = accept->reports->pdata[0];
  g_assert_cmpstr (report->recipient->internet, ==, "bert@example.org");
  g_assert_cmpuint (request->losses->len + accept->losses->len, ==, 0);

  g_autoptr (PnMessage) number = read_sample ("request-number");
  g_assert_cmpstr (number->calendar->start.tzid, ==, "America/New_York");
  g_assert_cmpint (number->calendar->start.hour, ==, 4);
  g_assert_true (has_loss (number, "TNEF", "without a pattern"));
  g_assert_cmpstr (deputy->calendar->organizer->internet, ==, "anne@example.com");
  g_assert_cmpstr (deputy->calendar->organizer_sent_by, ==, "cara@example.org");
  g_assert_cmpuint (deputy->calendar->attendees->len, ==, 2);
  const PnAttendee *bert = deputy->calendar->attendees->pdata[0],
                   *barn = deputy->calendar->attendees->pdata[1];
  g_assert_cmpint (bert->partstat, ==, PN_PARTSTAT_ACCEPTED);
  g_assert_cmpstr (barn->cutype, ==, "RESOURCE");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tnef/meetings", test_meetings);
  g_test_add_func ("/tnef/like-imip", test_like_imip);
  g_test_add_func ("/tnef/meeting-details", test_meeting_details);
  g_test_add_func ("/tnef/series", test_series);
  g_test_add_func ("/tnef/series-exceptions", test_series_exceptions);
  g_test_add_func ("/tnef/series-tasks", test_series_tasks);
  g_test_add_func ("/tnef/old-meetings", test_old_meetings);
  return g_test_run ();
}
