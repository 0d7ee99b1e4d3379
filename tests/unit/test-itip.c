/* Answers, items of the house, and what is written beside them. */
#include "calendar.h"
#include "convert/itip-private.h"

static const PnItipContext at_site = { .now = NOW, .site_timezone = SITE };

static PnMessage *
invitation (const char *text)
{
  PnMessage *message = read_text (text, -1, NULL);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (text, -1)));
  return message;
}

/* -- answers -- */

static void
check_reply (PnPartstat partstat, const char *word, PnAction action)
{
  g_autoptr (PnMessage) invitation = read_sample ("request-exchange");
  invitation->id = g_strdup ("4C9B1A22.7F01.0077");
  invitation->message_id = g_strdup ("invitation@example.com");
  g_autoptr (PnAddress) attendee = pn_address_new_internet ("Carl.Dorn@example.org", NULL);
  g_autoptr (PnMessage) reply = pn_ical_reply (invitation, attendee, partstat, "Fine; with me", NOW);
  g_assert_cmpint (reply->type, ==, PN_TYPE_STATUS);
  g_assert_cmpstr (reply->orig_id, ==, invitation->id);
  g_assert_cmpstr (reply->in_reply_to, ==, "invitation@example.com");
  g_assert_cmpuint (reply->recipients->len, ==, 1);
  const PnRecipient *organizer = reply->recipients->pdata[0];
  g_assert_cmpstr (organizer->address->internet, ==, "ada.berger@example.com");
  g_assert_true (organizer->deliver && organizer->distribution == PN_TO);
  g_assert_true (g_str_has_prefix (reply->subject, pn_action_to_string (action)));
  g_autofree char *text = pn_ical_write (reply, NOW, NULL);
  check_lines (text);
  check_with_libical (text, reply);
  g_assert_cmpuint (count_of (text, "\nATTENDEE"), ==, 1);
  g_assert_cmpuint (count_of (text, "\nORGANIZER"), ==, 1);
  g_assert_cmpuint (count_of (text, word), ==, 1);
  g_assert_cmpuint (count_of (text, "METHOD:REPLY\r\n"), ==, 1);
  g_assert_cmpuint (count_of (text, "DTSTAMP:20260225T061320Z\r\n"), ==, 1);
  g_assert_cmpuint (count_of (text, "SEQUENCE:2\r\n"), >=, 1);
  g_assert_cmpuint (count_of (text, "COMMENT:Fine\\; with me\r\n"), ==, 1);
  g_autoptr (PnMessage) back = read_text (text, -1, "REPLY");
  g_assert_cmpuint (back->reports->len, ==, 1);
  const PnStatusReport *report = back->reports->pdata[0];
  g_assert_cmpint (report->action, ==, action);
  g_assert_cmpstr (report->comment, ==, "Fine; with me");
  g_assert_cmpstr (report->recipient->internet, ==, "Carl.Dorn@example.org");
  g_assert_cmpstr (report->recipient->name, ==, "Carl Dorn");
  g_assert_cmpint (report->time.unix_time, ==, NOW);
  g_assert_cmpstr (back->calendar->uid, ==, invitation->calendar->uid);
}

static void
test_reply (void)
{
  check_reply (PN_PARTSTAT_ACCEPTED, "PARTSTAT=ACCEPTED", PN_ACTION_ACCEPTED);
  check_reply (PN_PARTSTAT_DECLINED, "PARTSTAT=DECLINED", PN_ACTION_DECLINED);
  check_reply (PN_PARTSTAT_TENTATIVE, "PARTSTAT=TENTATIVE", PN_ACTION_TENTATIVE);
}

static void
test_reply_instance (void)
{
  g_autoptr (PnMessage) invitation = read_sample ("instance-update");
  g_autoptr (PnAddress) stranger = pn_address_new_internet ("stranger@example.net", "A Stranger");
  g_autoptr (PnMessage) reply = pn_ical_reply (invitation, stranger, PN_PARTSTAT_DECLINED, NULL, NOW);
  g_autofree char *text = pn_ical_write (reply, NOW, NULL);
  g_assert_nonnull (strstr (text, "RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T090000Z\r\n"));
  g_assert_nonnull (strstr (text, "CN=\"A Stranger\":mailto:stranger@example.net"));
  g_assert_null (strstr (text, "COMMENT"));
}

static void
test_reply_task (void)
{
  g_autoptr (PnMessage) task = read_sample ("task");
  g_autoptr (PnAddress) attendee = pn_address_new_internet ("carl.dorn@example.org", NULL);
  g_autoptr (PnMessage) reply = pn_ical_reply (task, attendee, PN_PARTSTAT_COMPLETED, NULL, NOW);
  g_autofree char *text = pn_ical_write (reply, NOW, NULL);
  g_assert_nonnull (strstr (text, "BEGIN:VTODO\r\n"));
  g_assert_nonnull (strstr (text, "STATUS:COMPLETED\r\n"));
  g_assert_nonnull (strstr (text, "PERCENT-COMPLETE:100\r\n"));
  g_assert_nonnull (strstr (text, "COMPLETED:20260225T061320Z\r\n"));
}

/* A status of the house's own, without a calendar but its UID. */
static void
test_native_status (void)
{
  g_autoptr (PnMessage) status = pn_message_new (PN_TYPE_STATUS);
  status->orig_id = g_strdup ("AAAA1111");
  status->calendar = pn_calendar_new ();
  status->calendar->organizer = pn_address_new_internet ("ada@example.com", "Ada");
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = PN_ACTION_DECLINED;
  report->recipient = pn_address_new_internet ("carl@example.org", NULL);
  g_ptr_array_add (status->reports, report);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = pn_ical_write (status, NOW, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (text, "METHOD:REPLY\r\n"));
  g_assert_nonnull (strstr (text, "UID:AAAA1111" PN_ICAL_UID_SUFFIX "\r\n"));
  g_assert_nonnull (strstr (text, "PARTSTAT=DECLINED;CN=carl@example.org:mailto:carl@example.org\r\n"));
  g_ptr_array_set_size (status->reports, 0);
  g_assert_null (pn_ical_write (status, NOW, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED);
}

/* -- items of the house -- */

static PnMessage *
new_appointment (void)
{
  PnMessage *message = pn_message_new (PN_TYPE_APPOINTMENT);
  message->id = g_strdup ("4C9B1A22.7F01.0077");
  message->from = pn_address_new_internet ("ada@example.com", "Ada Berger");
  message->subject = g_strdup ("Lunch");
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("to@example.org", NULL));
  pn_message_add_recipient (message, PN_CC, pn_address_new_internet ("cc@example.org", NULL));
  pn_message_add_recipient (message, PN_BC, pn_address_new_internet ("bc@example.org", NULL));
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Line 1\nLine 2", -1)));
  pn_message_add_part (message,
                       pn_part_new (PN_PART_HTML, "text/html", pn_content_new_text ("<p>a, b</p>", -1)));
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->start = (PnCalendarTime){
    .set = TRUE, .year = 2026, .month = 7, .day = 14, .hour = 9, .unix_time = 1784012400
  };
  calendar->start.tzid = g_strdup ("Europe/Berlin");
  pn_calendar_time_copy (&calendar->end, &calendar->start);
  calendar->end.hour = 10;
  calendar->end.unix_time += 3600;
  return message;
}

static void
test_native_appointment (void)
{
  g_autoptr (PnMessage) message = new_appointment ();
  g_autofree char *first = pn_ical_write (message, NOW, NULL), *second = pn_ical_write (message, NOW, NULL);
  g_assert_cmpstr (first, ==, second);
  check_lines (first);
  static const char *const expected[]
      = { "METHOD:REQUEST\r\n",
          "UID:4C9B1A22.7F01.0077" PN_ICAL_UID_SUFFIX "\r\n",
          "DTSTAMP:20260225T061320Z\r\n",
          "ORGANIZER;CN=\"Ada Berger\":mailto:ada@example.com\r\n",
          "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=to@example",
          "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=cc@example",
          "ATTENDEE;ROLE=NON-PARTICIPANT;PARTSTAT=NEEDS-ACTION;CN=bc@example.org:mailt",
          "DTSTART;TZID=Europe/Berlin:20260714T090000\r\n",
          "DTEND;TZID=Europe/Berlin:20260714T100000\r\n",
          "SUMMARY:Lunch\r\n",
          "DESCRIPTION:Line 1\\nLine 2\r\n",
          "X-ALT-DESC;FMTTYPE=text/html:<p>a\\, b</p>\r\n",
          "TZID:Europe/Berlin\r\n" };
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_nonnull (strstr (first, expected[i]));
  message->action = g_strdup ("Retract");
  message->calendar->sequence = 1;
  g_autofree char *cancel = pn_ical_write (message, NOW, NULL);
  g_assert_nonnull (strstr (cancel, "METHOD:CANCEL\r\n"));
  g_assert_nonnull (strstr (cancel, "STATUS:CANCELLED\r\n"));
  g_assert_nonnull (strstr (cancel, "SEQUENCE:1\r\n"));
  g_clear_pointer (&message->id, g_free);
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_ical_write (message, NOW, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED);
}

/* No text of a message can begin a line of its own. */
static void
test_injection (void)
{
  g_autoptr (PnMessage) message = new_appointment ();
  static const char evil[] = "a\r\nATTENDEE:mailto:evil@example.net\r\n";
  PnCalendar *calendar = message->calendar;
  calendar->summary = g_strdup (evil);
  calendar->place = g_strdup (evil);
  calendar->uid = g_strdup (evil);
  calendar->rrule = g_strdup (evil);
  calendar->status = g_strdup (evil);
  calendar->klass = g_strdup (evil);
  calendar->comment = g_strdup (evil);
  g_free (calendar->start.tzid);
  calendar->start.tzid = g_strdup (evil);
  g_ptr_array_add (calendar->exdates, g_strdup (evil));
  calendar->organizer = pn_address_new_internet (evil, evil);
  g_autofree char *text = pn_ical_write (message, NOW, NULL);
  check_lines (text);
  g_assert_null (strstr (text, "\nATTENDEE:mailto:evil"));
}

/* -- what came beside the item -- */

static void
test_carried (void)
{
  static const char text[]
      = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\n" EUROPE
        "END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n"
        "DTSTART;TZID=W. Europe Standard "
        "Time:20260714T090000\r\nRRULE:FREQ=DAILY;COUNT=5\r\nSUMMARY:Series\r\n"
        "CATEGORIES:One,Two\r\nURL:https://example.com/\r\nX-GWITEM-TYPE:APPOINTMENT\r\n"
        "X-LIC-ERROR;X-LIC-ERRORTYPE=VALUE-PARSE-ERROR:No value\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=W. Europe Standard "
        "Time:20260715T090000\r\n"
        "DTSTART;TZID=W. Europe Standard "
        "Time:20260715T110000\r\nSUMMARY:Later\r\nCATEGORIES:Three\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n";
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (text, -1)));
  g_autofree char *written = pn_ical_write (message, NOW, NULL);
  check_lines (written);
  check_with_libical (written, message);
  g_assert_nonnull (strstr (written, "CATEGORIES:One,Two\r\n"));
  g_assert_nonnull (strstr (written, "CATEGORIES:Three\r\n"));
  g_assert_nonnull (strstr (written, "URL:https://example.com/\r\n"));
  g_assert_nonnull (strstr (written, "X-GWITEM-TYPE:APPOINTMENT\r\n"));
  g_assert_null (strstr (written, "X-LIC-ERROR"));
  g_assert_nonnull (strstr (written, "RECURRENCE-ID;TZID=Europe/Berlin:20260715T090000\r\n"));
  g_assert_cmpuint (count_of (written, "BEGIN:VEVENT"), ==, 2);
  g_assert_cmpuint (count_of (written, "BEGIN:VTIMEZONE"), ==, 1);
  g_assert_cmpuint (count_of (written, "SUMMARY:Series"), ==, 1);
  /* An answer and a retraction are not what came. */
  message->action = g_strdup ("Retract");
  g_autofree char *cancel = pn_ical_write (message, NOW, NULL);
  g_assert_null (strstr (cancel, "CATEGORIES"));
  g_assert_cmpuint (count_of (cancel, "BEGIN:VEVENT"), ==, 1);
}

/* A message that holds the master, and an exception, twice: the later ones count. */
static void
test_twice (void)
{
#define TWICE(name, line)                                                                                    \
  "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:" name                                       \
  "\r\nDTSTART:20260714T090000Z\r\n" line "END:VEVENT\r\n"
  static const char text[]
      = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n" TWICE ("Old", "RRULE:FREQ=DAILY;COUNT=5\r\n")
          TWICE ("Old exception", "RECURRENCE-ID:20260715T090000Z\r\n")
              TWICE ("New", "RRULE:FREQ=DAILY;COUNT=5\r\n")
                  TWICE ("New exception", "RECURRENCE-ID:20260715T090000Z\r\n") "END:VCALENDAR\r\n";
  g_autoptr (PnMessage) message = invitation (text);
  g_autoptr (PnItipItem) item = pn_itip_item_new ("u", SITE);
  g_assert_cmpint (pn_itip_apply (item, message, NULL, &at_site, NULL), ==, PN_ITIP_NEW);
  g_autofree char *written = pn_itip_item_write (item);
  g_assert_cmpuint (count_of (written, "BEGIN:VEVENT"), ==, 2);
  g_assert_nonnull (strstr (written, "SUMMARY:New\r\n"));
  g_assert_nonnull (strstr (written, "SUMMARY:New exception\r\n"));
}

/* Each attendee with his own role, kind, state and wish for an answer; an organizer who has no name gets one,
 * for Outlook hides its buttons else. */
static void
test_people (void)
{
  static const char text[]
      = EVENT ("METHOD:REQUEST\r\n",
               "DTSTART:20260714T090000Z\r\nSUMMARY:Talk\r\nORGANIZER:mailto:ada@example.com\r\n"
               "ATTENDEE;ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:ada@example.com\r\n"
               "ATTENDEE;CN=Bert;RSVP=TRUE:mailto:bert@example.org\r\n"
               "ATTENDEE;ROLE=OPT-PARTICIPANT;RSVP=FALSE;PARTSTAT=TENTATIVE:mailto:carl@example.org\r\n"
               "ATTENDEE;CUTYPE=ROOM;ROLE=NON-PARTICIPANT;RSVP=TRUE:mailto:room@example.org\r\n"
               "ATTENDEE;CUTYPE=RESOURCE;ROLE=REQ-PARTICIPANT:mailto:car@example.org\r\n"
               "ATTENDEE;CUTYPE=GROUP;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:all@example.org\r\n");
  static const struct {
    const char *address, *role, *cutype;
    PnPartstat partstat;
    gboolean rsvp;
    PnDistribution distribution;
  } wanted[] = { { "ada@example.com", "CHAIR", NULL, PN_PARTSTAT_ACCEPTED, FALSE, PN_TO },
                 { "bert@example.org", NULL, NULL, PN_PARTSTAT_NEEDS_ACTION, TRUE, PN_TO },
                 { "carl@example.org", "OPT-PARTICIPANT", NULL, PN_PARTSTAT_TENTATIVE, FALSE, PN_CC },
                 { "room@example.org", "NON-PARTICIPANT", "ROOM", PN_PARTSTAT_NEEDS_ACTION, TRUE, PN_BC },
                 { "car@example.org", "REQ-PARTICIPANT", "RESOURCE", PN_PARTSTAT_NEEDS_ACTION, FALSE, PN_BC },
                 { "all@example.org", "REQ-PARTICIPANT", "GROUP", PN_PARTSTAT_NEEDS_ACTION, TRUE, PN_TO } };
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  for (guint pass = 0; pass < 2; pass++) {
    g_assert_cmpuint (message->calendar->attendees->len, ==, G_N_ELEMENTS (wanted));
    for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
      const PnAttendee *attendee = message->calendar->attendees->pdata[i];
      g_assert_cmpstr (attendee->address->internet, ==, wanted[i].address);
      if (wanted[i].role)
        g_assert_cmpstr (attendee->role, ==, wanted[i].role);
      if (wanted[i].cutype)
        g_assert_cmpstr (attendee->cutype, ==, wanted[i].cutype);
      g_assert_cmpint (attendee->partstat, ==, wanted[i].partstat);
      g_assert_cmpint (attendee->rsvp, ==, wanted[i].rsvp);
      for (guint j = 0; j < message->recipients->len; j++) {
        const PnRecipient *recipient = message->recipients->pdata[j];
        if (g_str_equal (recipient->address->internet, wanted[i].address))
          g_assert_cmpint (recipient->distribution, ==, wanted[i].distribution);
      }
    }
    g_autofree char *written = pn_ical_write (message, NOW, NULL);
    g_assert_nonnull (strstr (written, "ORGANIZER;CN=ada@example.com:mailto:ada@example.com\r\n"));
    pn_message_free (message);
    message = read_text (written, -1, NULL);
  }
}

static void
test_describe (void)
{
  g_autoptr (PnMessage) message = read_sample ("request-exchange");
  g_autofree char *text = pn_ical_describe (message->calendar);
  g_assert_cmpstr (text, ==,
                   "Item Type: Appointment\nSubject: Quarterly review\n"
                   "Start Date: Tuesday, 14 July 2026, 14:00 (Europe/Berlin)\nDuration: 1 hour 30 minutes\n"
                   "Place: Room 12, second floor\nOrganizer: Ada Berger <ada.berger@example.com>\n");
}

/* -- items -- */

/* An item without a UID is kept under the one that was made for it, with what differs in it. */
static void
test_nameless (void)
{
#define NAMELESS(lines) "BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n" lines "END:VEVENT\r\n"
  static const char text[] = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n" NAMELESS (
      "DTSTART:20260504T080000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n")
      NAMELESS ("RECURRENCE-ID:20260505T080000Z\r\nDTSTART:20260505T100000Z\r\n") "END:VCALENDAR\r\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = invitation (text);
  g_autoptr (PnItipText) whole = pn_itip_text_new (message, NOW);
  const GPtrArray *uids = pn_itip_text_uids (whole);
  g_assert_cmpuint (uids->len, ==, 1);
  g_assert_cmpstr (uids->pdata[0], ==, message->calendar->uid);
  g_autoptr (PnItipItem) item = pn_itip_item_new (uids->pdata[0], SITE);
  g_assert_cmpint (pn_itip_apply (item, message, NULL, &at_site, NULL), ==, PN_ITIP_NEW);
  g_assert_cmpint (pn_itip_apply (item, message, NULL, &at_site, NULL), ==, PN_ITIP_STALE);
  g_autofree char *written = pn_itip_item_write (item);
  g_autoptr (PnItipItem) again = pn_itip_item_parse (written, strlen (written), SITE, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (pn_itip_item_uid (again), ==, message->calendar->uid);
  g_autoptr (GPtrArray) exceptions = pn_itip_item_exceptions (again);
  g_assert_cmpuint (exceptions->len, ==, 1);
  g_assert_cmpstr (exceptions->pdata[0], ==, "20260505T080000Z");
}

/* Very many dates and instances that differ cost no more than each of them. */
static void
test_many_exceptions (void)
{
  enum { DATES = 3000, INSTANCES = 300 };
  g_autoptr (GString) text
      = g_string_new ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u\r\n"
                      "DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T080000Z\r\nRRULE:FREQ=DAILY\r\n"
                      "EXDATE:20260102T080000Z");
  for (guint i = 0; i < DATES; i++)
    g_string_append_printf (text, ",20%02u%02u%02uT080000Z", 30 + i / 336, i / 28 % 12 + 1, i % 28 + 1);
  g_string_append (text, "\r\nEND:VEVENT\r\n");
  for (guint i = 0; i < INSTANCES; i++)
    g_string_append_printf (
        text,
        "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:2026%02u%02uT080000Z\r\n"
        "DTSTART:20260504T090000Z\r\nEND:VEVENT\r\n",
        i / 28 + 1, i % 28 + 1);
  g_string_append (text, "END:VCALENDAR\r\n");
  g_autoptr (PnMessage) message = invitation (text->str);
  g_autoptr (PnItipItem) item = pn_itip_item_new ("u", SITE);
  g_test_timer_start ();
  g_assert_cmpint (pn_itip_apply (item, message, NULL, &at_site, NULL), ==, PN_ITIP_NEW);
  g_test_message ("%.3f s", g_test_timer_elapsed ());
  g_assert_cmpfloat (g_test_timer_elapsed (), <, 10);
  g_autoptr (GPtrArray) exceptions = pn_itip_item_exceptions (item);
  g_assert_cmpuint (exceptions->len, ==, INSTANCES);
  /* The one that the series leaves out is there again. */
  g_autofree char *written = pn_itip_item_write (item), *plain = unfold (written);
  assert_has (plain, "EXDATE:20300101T080000Z,");
  assert_lacks (plain, ",20260102T080000Z");
}

/* A series of tasks may know only when each is due. */
static void
test_due_series (void)
{
#define DUE_TASK(lines) "BEGIN:VTODO\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n" lines "END:VTODO\r\n"
  static const char text[] = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n" DUE_TASK (
      "DUE:20260504T080000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n")
      DUE_TASK ("RECURRENCE-ID:20260505T080000Z\r\nDUE:20260505T080000Z\r\n") "END:VCALENDAR\r\n";
  g_autoptr (PnMessage) message = invitation (text);
  g_autoptr (PnItipItem) item = pn_itip_item_new ("u", SITE);
  g_assert_cmpint (pn_itip_apply (item, message, NULL, &at_site, NULL), ==, PN_ITIP_PUBLISHED);
  g_autofree char *told = pn_itip_item_describe (item, NULL);
  /* The exception says nothing that the series does not. */
  g_assert_cmpuint (count_of (told, "instance"), ==, 0);
  PnItipPart *third = pn_itip_want_instance (item, "20260506T080000Z");
  g_assert_nonnull (third);
  g_assert_cmpstr (pn_itip_part_find (third, "DUE")->value, ==, "20260506T080000Z");
  g_assert_cmpstr (pn_itip_part_find (third, "RECURRENCE-ID")->value, ==, "20260506T080000Z");
  g_assert_null (pn_itip_part_find (third, "DTSTART"));
}

/* A text is read once, however many items are in it. */
static void
test_many_items (void)
{
  enum { ITEMS = 5000 };
  g_autoptr (GString) text = g_string_new ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n");
  for (guint i = 0; i < ITEMS; i++)
    g_string_append_printf (text,
                            "BEGIN:VEVENT\r\nUID:u%u\r\nDTSTAMP:20260101T000000Z\r\n"
                            "DTSTART:20260504T080000Z\r\nEND:VEVENT\r\n",
                            i);
  g_string_append (text, "END:VCALENDAR\r\n");
  g_autoptr (PnMessage) message = invitation (text->str);
  g_test_timer_start ();
  g_autoptr (PnItipText) whole = pn_itip_text_new (message, NOW);
  const GPtrArray *uids = pn_itip_text_uids (whole);
  g_assert_cmpuint (uids->len, ==, ITEMS);
  for (guint i = 0; i < uids->len; i++) {
    g_autoptr (PnItipItem) item = pn_itip_item_new (uids->pdata[i], SITE);
    g_assert_cmpint (pn_itip_apply (item, message, whole, &at_site, NULL), ==, PN_ITIP_PUBLISHED);
  }
  g_test_message ("%.3f s", g_test_timer_elapsed ());
  g_assert_cmpfloat (g_test_timer_elapsed (), <, 20);
}

static gpointer
read_in_thread (gpointer data)
{
  static const char *const names[]
      = { "request-exchange", "request-groupwise", "custom-zone", "recurring", "task" };
  (void) data;
  for (guint i = 0; i < 40; i++) {
    g_autoptr (PnMessage) message = read_sample (names[i % G_N_ELEMENTS (names)]);
    g_autofree char *text = pn_ical_write (message, NOW, NULL);
    g_assert_nonnull (text);
  }
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[4];
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("read", read_in_thread, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/itip/reply", test_reply);
  g_test_add_func ("/itip/reply-instance", test_reply_instance);
  g_test_add_func ("/itip/reply-task", test_reply_task);
  g_test_add_func ("/itip/native-status", test_native_status);
  g_test_add_func ("/itip/native-appointment", test_native_appointment);
  g_test_add_func ("/itip/injection", test_injection);
  g_test_add_func ("/itip/carried", test_carried);
  g_test_add_func ("/itip/twice", test_twice);
  g_test_add_func ("/itip/people", test_people);
  g_test_add_func ("/itip/describe", test_describe);
  g_test_add_func ("/itip/nameless", test_nameless);
  g_test_add_func ("/itip/due-series", test_due_series);
  g_test_add_func ("/itip/many-exceptions", test_many_exceptions);
  g_test_add_func ("/itip/many-items", test_many_items);
  g_test_add_func ("/itip/threads", test_threads);
  return g_test_run ();
}
