/* Calendar objects: every sample is read, shown as the golden file shows it, written, taken by libical, and
 * says the same when it is read again.  With UPDATE_GOLDEN=1 the golden files are made anew. */
#include "calendar.h"

/* -- a message as text -- */

static void
show (GString *out, const char *name, const char *value)
{
  if (!value)
    return;
  g_autofree char *escaped = g_strescape (value, NULL);
  g_autofree char *plain = g_strcompress (escaped);
  g_autoptr (GString) line = g_string_new (plain);
  g_string_replace (line, "\n", "\\n", 0);
  g_string_append_printf (out, "%s: %s\n", name, line->str);
}

static char *
instant (gint64 unix_time)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (unix_time);
  return g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ");
}

static void
show_time (GString *out, const char *name, const PnCalendarTime *time)
{
  if (!time->set)
    return;
  g_autofree char *at = instant (time->unix_time);
  g_string_append_printf (out, "%s: %04d-%02d-%02d", name, time->year, time->month, time->day);
  if (!time->is_date)
    g_string_append_printf (out, " %02d:%02d:%02d %s", time->hour, time->minute, time->second,
                            time->floating ? "floating"
                            : time->tzid   ? time->tzid
                                           : "UTC");
  g_string_append_printf (out, " = %s\n", at);
}

static void
show_instant (GString *out, const char *name, const PnTime *time)
{
  if (!time->set)
    return;
  g_autofree char *at = instant (time->unix_time);
  show (out, name, at);
}

static void
show_address (GString *out, const char *name, const PnAddress *address)
{
  if (!address)
    return;
  g_autofree char *text = pn_address_display (address);
  show (out, name, text);
}

static void
show_attendees (GString *out, const PnCalendar *calendar)
{
  for (guint i = 0; i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    show_address (out, "attendee", attendee->address);
    g_string_append_printf (out, "  %s%s\n", pn_partstat_to_string (attendee->partstat),
                            attendee->rsvp ? " rsvp" : "");
    show (out, "  role", attendee->role);
    show (out, "  cutype", attendee->cutype);
    show (out, "  delegated-to", attendee->delegated_to);
    show (out, "  delegated-from", attendee->delegated_from);
    show (out, "  sent-by", attendee->sent_by);
  }
}

static void
show_calendar (GString *out, const PnCalendar *calendar)
{
  g_string_append_printf (out, "%s %s sequence %d\n", pn_method_to_string (calendar->method),
                          calendar->component, calendar->sequence);
  show (out, "uid", calendar->uid);
  show_instant (out, "stamp", &calendar->stamp);
  show_time (out, "start", &calendar->start);
  show_time (out, "end", &calendar->end);
  show_time (out, calendar->this_and_future ? "recurrence-id and on" : "recurrence-id",
             &calendar->recurrence_id);
  if (calendar->all_day)
    g_string_append (out, "all day\n");
  show (out, "summary", calendar->summary);
  show (out, "description", calendar->description);
  show (out, "place", calendar->place);
  show (out, "rrule", calendar->rrule);
  for (guint i = 0; i < calendar->rdates->len; i++)
    show (out, "rdate", calendar->rdates->pdata[i]);
  for (guint i = 0; i < calendar->exdates->len; i++)
    show (out, "exdate", calendar->exdates->pdata[i]);
  show_address (out, "organizer", calendar->organizer);
  show (out, "  sent-by", calendar->organizer_sent_by);
  show_attendees (out, calendar);
  show (out, "status", calendar->status);
  show (out, "class", calendar->klass);
  show (out, "busy", calendar->busy_status);
  if (calendar->transparent)
    g_string_append (out, "transparent\n");
  g_string_append_printf (out, "priority: %d\n", calendar->priority);
  show (out, "comment", calendar->comment);
  if (calendar->alarm_set)
    g_string_append_printf (out, "alarm: %d\n", calendar->alarm);
  if (calendar->percent_complete >= 0)
    g_string_append_printf (out, "percent: %d\n", calendar->percent_complete);
  show_instant (out, "completed", &calendar->completed);
}

static void
show_reports (GString *out, const PnMessage *message)
{
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = message->reports->pdata[i];
    g_string_append_printf (out, "report: %s\n", pn_action_to_string (report->action));
    show_address (out, "  by", report->recipient);
    show_instant (out, "  at", &report->time);
    show (out, "  comment", report->comment);
  }
  for (guint i = 0; i < message->busy->len; i++) {
    const PnBusyBlock *block = message->busy->pdata[i];
    g_autofree char *start = instant (block->start), *end = instant (block->end);
    g_string_append_printf (out, "busy: %s - %s\n", start, end);
  }
}

static void
show_part (GString *out, const PnMessage *message, PnPartRole role, const char *name)
{
  PnPart *part = pn_message_get_part (message, role);
  if (!part)
    return;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, 1 << 20, NULL);
  g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  show (out, name, text);
}

static char *
describe (const PnMessage *message)
{
  static const char *const lists[] = { "to", "cc", "bc" };
  GString *out = g_string_new (NULL);
  g_string_append_printf (out, "%s priority %d security %d\n", pn_message_type_to_string (message->type),
                          message->priority, message->security);
  show (out, "action", message->action);
  show (out, "subject", message->subject);
  show_instant (out, "date", &message->date);
  show_address (out, "from", message->from);
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    show_address (out, lists[recipient->distribution], recipient->address);
  }
  show (out, "category", message->task_category);
  show_instant (out, "window from", &message->begin_time);
  show_instant (out, "window to", &message->end_time);
  show_address (out, "busy for", message->busy_for);
  show_calendar (out, message->calendar);
  show_reports (out, message);
  show_part (out, message, PN_PART_TEXT, "text");
  show_part (out, message, PN_PART_HTML, "html");
  return g_string_free (out, FALSE);
}

/* -- samples -- */

static void
check_golden (const char *name, const char *suffix, const char *text)
{
  g_autofree char *path = g_strdup_printf (SRCDIR "/tests/golden/ical-%s.%s", name, suffix);
  g_autofree char *expected = NULL;
  if (g_getenv ("UPDATE_GOLDEN"))
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_true (g_file_get_contents (path, &expected, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

/* The queue file keeps all that the calendar is written from. */
static void
check_native (PnMessage *message, const char *written)
{
  g_autoptr (PnMessage) back = through_native (message);
  g_autofree char *again = pn_ical_write (back, NOW, NULL);
  g_assert_cmpstr (again, ==, written);
}

static void
test_sample (gconstpointer data)
{
  const char *name = data;
  g_autofree char *path = g_strdup_printf (SRCDIR "/samples/ical/%s.ics", name);
  g_autofree char *text = NULL;
  gsize length;
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  g_autoptr (PnMessage) message = read_text (text, (gssize) length, NULL);
  g_autofree char *first = describe (message), *losses = describe_losses (message);
  g_autofree char *shown = g_strconcat (first, losses, NULL);
  check_golden (name, "txt", shown);

  g_autoptr (GError) error = NULL;
  g_autofree char *written = pn_ical_write (message, NOW, &error);
  g_assert_no_error (error);
  check_golden (name, "ics", written);
  check_lines (written);
  check_with_libical (written, message);
  check_native (message, written);

  /* The rule with two bounds and the answer of two attendees are written narrower than they came. */
  if (strcmp (name, "count-and-until") == 0 || strcmp (name, "reply-delegated") == 0)
    return;
  g_autoptr (PnMessage) again = read_text (written, -1, NULL);
  g_autofree char *second = describe (again);
  g_assert_cmpstr (second, ==, first);
}

static void
add_samples (void)
{
  g_autoptr (GDir) dir = g_dir_open (SRCDIR "/samples/ical", 0, NULL);
  g_assert_nonnull (dir);
  guint count = 0;
  for (const char *file; (file = g_dir_read_name (dir));) {
    if (!g_str_has_suffix (file, ".ics"))
      continue;
    char *name = g_strndup (file, strlen (file) - 4);
    g_autofree char *path = g_strdup_printf ("/ical/sample/%s", name);
    g_test_add_data_func_full (path, name, test_sample, g_free);
    count++;
  }
  g_assert_cmpuint (count, >=, 25);
}

/* -- what cannot be read -- */

static void
assert_refused (const char *text, int code, const char *part)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GError) error = NULL;
  g_assert_false (pn_ical_read (message, text, strlen (text), NULL, SITE, &error));
  g_assert_error (error, PN_CONVERT_ERROR, code);
  g_assert_nonnull (strstr (error->message, part));
  g_assert_cmpint (message->type, ==, PN_TYPE_MAIL);
  g_assert_null (message->calendar);
  g_assert_null (message->subject);
}

static void
test_refused (void)
{
  assert_refused ("", PN_CONVERT_ERROR_SYNTAX, "line 1");
  assert_refused ("<html>not a calendar</html>\n", PN_CONVERT_ERROR_SYNTAX, "line 1");
  assert_refused ("BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", PN_CONVERT_ERROR_SYNTAX, "no VEVENT");
  assert_refused (
      "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:a\nSUMMARY:b\nDTSTART:tomorrow\nEND:VEVENT\n",
      PN_CONVERT_ERROR_SYNTAX, "line 3");
  g_autoptr (GString) deep = g_string_new (NULL);
  for (int i = 0; i < 100; i++)
    g_string_append (deep, "BEGIN:VCALENDAR\n");
  assert_refused (deep->str, PN_CONVERT_ERROR_LIMIT, "line 17");
  /* One level less without a VCALENDAR, in which it would have to be written. */
  g_string_assign (deep, "");
  for (int i = 0; i < 100; i++)
    g_string_append (deep, "BEGIN:VEVENT\n");
  assert_refused (deep->str, PN_CONVERT_ERROR_LIMIT, "line 16");
}

#define AT "DTSTART:20260504T080000Z\r\nDTEND:20260504T090000Z\r\n"

static void
test_method (void)
{
  g_autoptr (PnMessage) outer = read_text (EVENT ("", AT), -1, "CANCEL");
  g_assert_cmpint (outer->calendar->method, ==, PN_METHOD_CANCEL);
  g_assert_cmpstr (outer->action, ==, "Retract");
  g_autoptr (PnMessage) own = read_text (EVENT ("METHOD:request\r\n", AT), -1, "reply");
  g_assert_cmpint (own->calendar->method, ==, PN_METHOD_REQUEST);
  g_assert_cmpint (own->type, ==, PN_TYPE_APPOINTMENT);
  g_assert_true (has_loss (own, "the part says reply"));
  g_autoptr (PnMessage) unknown = read_text (EVENT ("METHOD:FROBNICATE\r\n", AT), -1, NULL);
  g_assert_cmpint (unknown->calendar->method, ==, PN_METHOD_PUBLISH);
  g_assert_true (has_loss (unknown, "FROBNICATE"));
}

static void
test_truncated (void)
{
  g_autoptr (PnMessage) message = read_text (
      "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:a\nDTSTART:20260504T080000Z\nSUMMARY:b", -1, NULL);
  g_assert_cmpstr (message->subject, ==, "b");
  g_assert_true (has_loss (message, "ends before END:VEVENT"));
  g_autoptr (PnMessage) bare
      = read_text ("BEGIN:VEVENT\rUID:a\rDTSTART:20260504T080000Z\rEND:VEVENT\r", -1, "REQUEST");
  g_assert_cmpstr (bare->calendar->uid, ==, "a");
}

static void
test_latin1 (void)
{
  g_autoptr (PnMessage) message = read_text (EVENT ("METHOD:PUBLISH\r\n", AT "SUMMARY:Gespr\xe4"
                                                                             "ch\r\n"),
                                             -1, NULL);
  g_assert_cmpstr (message->subject, ==, "Gespräch");
  g_assert_true (has_loss (message, "windows-1252"));
}

/* What a mail says of itself is kept. */
static void
test_mail_first (void)
{
  const char *text = EVENT ("METHOD:REQUEST\r\n",
                            AT "SUMMARY:Calendar\r\nDESCRIPTION:Own\r\nPRIORITY:1\r\n"
                               "ORGANIZER:mailto:a@example.com\r\nATTENDEE:mailto:b@example.com\r\n");
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  message->subject = g_strdup ("Mail");
  message->from = pn_address_new_internet ("secretary@example.com", NULL);
  message->priority = PN_PRIORITY_LOW;
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("list@example.com", NULL));
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Mail body", -1)));
  g_assert_true (pn_ical_read (message, text, strlen (text), "REQUEST", NULL, NULL));
  g_assert_cmpstr (message->subject, ==, "Mail");
  g_assert_cmpstr (message->from->internet, ==, "secretary@example.com");
  g_assert_cmpint (message->priority, ==, PN_PRIORITY_LOW);
  g_assert_cmpuint (message->recipients->len, ==, 1);
  g_assert_cmpuint (message->parts->len, ==, 1);
  g_assert_cmpstr (message->calendar->summary, ==, "Calendar");
}

/* -- zones of the object -- */

static void
check_zone (const char *text, const char *tzid, gint64 at, const char *loss)
{
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  g_assert_cmpstr (message->calendar->start.tzid, ==, tzid);
  g_assert_cmpint (message->calendar->start.unix_time, ==, at);
  if (loss)
    g_assert_true (has_loss (message, loss));
  else
    g_assert_cmpuint (message->losses->len, ==, 0);
}

static void
test_zones (void)
{
  /* 2026-07-14 09:00 +02:00 and 2026-01-14 09:00 +01:00 */
  const gint64 summer = 1784012400, winter = 1768377600;
  check_zone (EVENT (ZONE ("Own", EUROPE), "DTSTART;TZID=Own:20260714T090000\r\n"), SITE, summer, NULL);
  check_zone (EVENT (ZONE ("Own", EUROPE), "DTSTART;TZID=Own:20260114T090000\r\n"), SITE, winter, NULL);
  check_zone (EVENT (ZONE ("Europe/Rome", EUROPE), "DTSTART;TZID=Europe/Rome:20260714T090000\r\n"),
              "Europe/Rome", summer, NULL);
  /* The zone behind the item, and before it. */
  check_zone (
      "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:a\nDTSTART;TZID=Own:20260714T090000\nEND:VEVENT\n"
      "BEGIN:VTIMEZONE\nTZID:Own\n" EUROPE "END:VTIMEZONE\nEND:VCALENDAR\n",
      SITE, summer, NULL);
#define BY_POSITION                                                                                          \
  OBSERVANCE ("STANDARD", "19701025T030000", "+0200", "+0100",                                               \
              "RRULE:FREQ=YEARLY;BYDAY=SU;BYMONTH=10;BYSETPOS=-1\r\n")                                       \
  OBSERVANCE ("DAYLIGHT", "19700329T020000", "+0100", "+0200",                                               \
              "RRULE:FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU;BYMONTH=3\r\n")
#define BY_DATE                                                                                              \
  OBSERVANCE ("STANDARD", "20251026T030000", "+0200", "+0100", "RDATE:20261025T030000\r\n")                  \
  OBSERVANCE ("DAYLIGHT", "20260329T020000", "+0100", "+0200", "")
#define ENDED                                                                                                \
  OBSERVANCE ("DAYLIGHT", "20000326T020000", "+0100", "+0200",                                               \
              "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3;COUNT=11\r\n")                                         \
  OBSERVANCE ("STANDARD", "20001029T030000", "+0200", "+0100",                                               \
              "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10;UNTIL=20101031T010000Z\r\n")
#define BY_HOUR                                                                                              \
  OBSERVANCE ("STANDARD", "19501029T020000", "+0200", "+0100",                                               \
              "RRULE:FREQ=YEARLY;BYMINUTE=0;BYHOUR=3;BYDAY=-1SU;BYMONTH=10\r\n")                             \
  OBSERVANCE ("DAYLIGHT", "19500326T020000", "+0100", "+0200",                                               \
              "RRULE:FREQ=YEARLY;BYMINUTE=0;BYHOUR=2;BYDAY=-1SU;BYMONTH=3\r\n")
  check_zone (EVENT (ZONE ("Own", BY_POSITION), "DTSTART;TZID=Own:20260714T090000\r\n"), SITE, summer, NULL);
  check_zone (EVENT (ZONE ("Own", BY_HOUR), "DTSTART;TZID=\"Own\":20260714T090000\r\n"), SITE, summer, NULL);
  check_zone (EVENT (ZONE ("Own", BY_HOUR), "DTSTART;TZID=\"Own\":20260114T090000\r\n"), SITE, winter, NULL);
  check_zone (EVENT (ZONE ("Own", BY_DATE), "DTSTART;TZID=Own:20260714T090000\r\n"), SITE, summer, NULL);
  check_zone (EVENT (ZONE ("Own", ENDED), "DTSTART;TZID=Own:20260714T080000\r\n"), "Africa/Lagos", summer,
              NULL);
  check_zone (EVENT (ZONE ("Half past", FIXED ("+0530")), "DTSTART;TZID=Half past:20260714T123000\r\n"),
              "Asia/Kolkata", summer, NULL);
  check_zone (EVENT (ZONE ("Odd", FIXED ("+0217")), "DTSTART;TZID=Odd:20260714T091700\r\n"), "Odd", summer,
              "no zone keeps the hours");
  /* An IANA name counts for more than the offsets beside it; a Windows name stands for them. */
  check_zone (
      EVENT (ZONE ("Europe/Berlin", FIXED ("+0300")), "DTSTART;TZID=Europe/Berlin:20260714T090000\r\n"),
      "Europe/Berlin", summer, "has another offset");
  check_zone (EVENT (ZONE ("Russian Standard Time", FIXED ("+0200")),
                     "DTSTART;TZID=Russian Standard Time:20260714T090000\r\n"),
              "Europe/Kaliningrad", summer, NULL);
  check_zone (EVENT ("METHOD:REQUEST\r\n", "DTSTART;TZID=\"(GMT+0200) Irgendwo\":20260714T090000\r\n"),
              "(GMT+0200) Irgendwo", summer, "the offset in its name");
  check_zone (EVENT ("METHOD:REQUEST\r\n", "DTSTART;TZID=UTC:20260714T070000\r\n"), NULL, summer, NULL);
  check_zone (EVENT ("METHOD:REQUEST\r\n", "DTSTART;TZID=Europe/Berlin:20260714T070000Z\r\n"), NULL, summer,
              NULL);
}

/* A name that others know, with hours of its own: the hours stay with it. */
static void
test_name_with_own_hours (void)
{
  const char *text = EVENT (ZONE ("W. Europe Standard Time", FIXED ("+0217")),
                            "DTSTART;TZID=W. Europe Standard Time:20260714T091700\r\n");
  check_zone (text, "W. Europe Standard Time", 1784012400, "no zone keeps the hours");
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  g_autofree char *written = pn_ical_write (message, NOW, NULL);
  check_zone (written, "W. Europe Standard Time", 1784012400, "no zone keeps the hours");
}

/* The hours around the changes, by an own VTIMEZONE that no zone keeps. */
static void
test_observances (void)
{
#define ODD_RULES                                                                                            \
  OBSERVANCE ("STANDARD", "20000910T030000", "+0200", "+0107", "RRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=2SU\r\n")  \
  OBSERVANCE ("DAYLIGHT", "20000409T020000", "+0107", "+0200",                                               \
              "RRULE:FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=8,9,10,11,12,13,14;BYDAY=SU\r\n")
#define ODD(time) EVENT (ZONE ("Odd", ODD_RULES), "DTSTART;TZID=Odd:" time "\r\n")
  const int before = 4020, after = 7200;
  const gint64 april = 1775959200, september = 1789264800; /* 2026-04-12, 2026-09-13 02:00 as if UTC */
  check_zone (ODD ("20260412T015900"), "Odd", april - 60 - before, "");
  check_zone (ODD ("20260412T022000"), "Odd", april + 1200 - before, "");
  check_zone (ODD ("20260412T030000"), "Odd", april + 3600 - after, "");
  check_zone (ODD ("20260913T020000"), "Odd", september - after, "");
  check_zone (ODD ("20260913T023000"), "Odd", september + 1800 - after, "");
  check_zone (ODD ("20260913T030000"), "Odd", september + 3600 - before, "");
  /* Before the first observance: the offset it came from. */
  check_zone (ODD ("19900701T120000"), "Odd", 646833600 - before, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_samples ();
  g_test_add_func ("/ical/refused", test_refused);
  g_test_add_func ("/ical/method", test_method);
  g_test_add_func ("/ical/truncated", test_truncated);
  g_test_add_func ("/ical/latin1", test_latin1);
  g_test_add_func ("/ical/mail-first", test_mail_first);
  g_test_add_func ("/ical/zones", test_zones);
  g_test_add_func ("/ical/name-with-own-hours", test_name_with_own_hours);
  g_test_add_func ("/ical/observances", test_observances);
  return g_test_run ();
}
