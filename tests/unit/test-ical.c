/* Calendar objects: every sample is read, shown as the golden file shows it, written, taken by libical, and
 * says the same when it is read again.  With UPDATE_GOLDEN=1 the golden files are made anew. */
#include "convert/ical.h"
#include "convert/native.h"

#include <libical/ical.h>
#include <string.h>

#define NOW 1772000000 /* 2026-02-25T06:13:20Z */
#define SITE "Europe/Berlin"

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

static char *
describe_losses (const PnMessage *message)
{
  GString *out = g_string_new (NULL);
  for (guint i = 0; i < message->losses->len; i++) {
    const PnLoss *loss = message->losses->pdata[i];
    g_string_append_printf (out, "loss: %s: %s\n", loss->part, loss->reason);
  }
  return g_string_free (out, FALSE);
}

/* -- samples -- */

static PnMessage *
read_text (const char *text, gssize length, const char *method)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GError) error = NULL;
  gboolean read
      = pn_ical_read (message, text, length < 0 ? strlen (text) : (gsize)length, method, SITE, &error);
  g_assert_no_error (error);
  g_assert_true (read);
  return g_steal_pointer (&message);
}

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

/* Lines end in CRLF, none is longer than 75 octets or cut inside a character. */
static void
check_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_assert_cmpuint (strlen (lines[i]), <=, 75);
    g_assert_null (strpbrk (lines[i], "\r\n"));
    g_assert_true (g_utf8_validate (lines[i], -1, NULL));
  }
  g_assert_true (g_str_has_suffix (text, "END:VCALENDAR\r\n"));
}

static guint
count_errors (icalcomponent *component)
{
  guint count = (guint)icalcomponent_count_errors (component);
  return count;
}

/* What libical makes of TEXT has no errors and the same instants. */
static void
check_with_libical (const char *text, const PnMessage *message)
{
  icalcomponent *root = icalparser_parse_string (text);
  g_assert_nonnull (root);
  g_assert_cmpuint (count_errors (root), ==, 0);
  icalcomponent *inner = icalcomponent_get_inner (root);
  g_assert_nonnull (inner);
  g_assert_cmpstr (icalcomponent_get_uid (inner), ==, message->calendar->uid);
  const PnCalendarTime *start = &message->calendar->start;
  if (start->set && !start->floating && !start->is_date) {
    struct icaltimetype time = icalcomponent_get_dtstart (inner);
    icaltimezone *zone = time.zone ? (icaltimezone *)time.zone : icaltimezone_get_utc_timezone ();
    g_assert_cmpint (icaltime_as_timet_with_zone (time, zone), ==, start->unix_time);
  }
  if (message->calendar->rrule)
    g_assert_nonnull (icalcomponent_get_first_property (inner, ICAL_RRULE_PROPERTY));
  icalcomponent_free (root);
}

/* The queue file keeps all that the calendar is written from. */
static void
check_native (PnMessage *message, const char *written)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (bytes);
  message->id = g_strdup ("4C9B1A22.7F01.0077");
  pn_native_write (message, &sink, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) source = pn_source_new_copy (bytes->data, bytes->len);
  g_autoptr (PnMessage) back = pn_native_read (source, &error);
  g_assert_no_error (error);
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
  g_autoptr (PnMessage) message = read_text (text, (gssize)length, NULL);
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
}

#define EVENT(method, lines)                                                                                 \
  "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" method "BEGIN:VEVENT\r\nUID:u@example.com\r\n"                        \
  "DTSTAMP:20260101T000000Z\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"
#define AT "DTSTART:20260504T080000Z\r\nDTEND:20260504T090000Z\r\n"

static gboolean
has_loss (const PnMessage *message, const char *part)
{
  g_autofree char *losses = describe_losses (message);
  return strstr (losses, part) != NULL;
}

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

#define ZONE(name, rules) "METHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:" name "\r\n" rules "END:VTIMEZONE\r\n"
#define OBSERVANCE(kind, start, from, to, rule)                                                              \
  "BEGIN:" kind "\r\nDTSTART:" start "\r\nTZOFFSETFROM:" from "\r\nTZOFFSETTO:" to "\r\n" rule "END:" kind   \
  "\r\n"
#define EUROPE                                                                                               \
  OBSERVANCE ("STANDARD", "16010101T030000", "+0200", "+0100",                                               \
              "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n")                                                 \
  OBSERVANCE ("DAYLIGHT", "16010101T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n")
#define FIXED(offset) OBSERVANCE ("STANDARD", "16010101T000000", offset, offset, "")

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

/* -- answers -- */

static PnMessage *
read_sample (const char *name)
{
  g_autofree char *path = g_strdup_printf (SRCDIR "/samples/ical/%s.ics", name);
  g_autofree char *text = NULL;
  gsize length;
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  return read_text (text, (gssize)length, NULL);
}

static guint
count_of (const char *text, const char *part)
{
  guint count = 0;
  for (const char *c = text; (c = strstr (c, part)); c++)
    count++;
  return count;
}

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

/* Threads share nothing but what GLib and libical guard. */
static gpointer
read_in_thread (gpointer data)
{
  static const char *const names[]
      = { "request-exchange", "request-groupwise", "custom-zone", "recurring", "task" };
  (void)data;
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
  add_samples ();
  g_test_add_func ("/ical/refused", test_refused);
  g_test_add_func ("/ical/method", test_method);
  g_test_add_func ("/ical/truncated", test_truncated);
  g_test_add_func ("/ical/latin1", test_latin1);
  g_test_add_func ("/ical/mail-first", test_mail_first);
  g_test_add_func ("/ical/zones", test_zones);
  g_test_add_func ("/ical/observances", test_observances);
  g_test_add_func ("/ical/reply", test_reply);
  g_test_add_func ("/ical/reply-instance", test_reply_instance);
  g_test_add_func ("/ical/reply-task", test_reply_task);
  g_test_add_func ("/ical/native-status", test_native_status);
  g_test_add_func ("/ical/native-appointment", test_native_appointment);
  g_test_add_func ("/ical/injection", test_injection);
  g_test_add_func ("/ical/carried", test_carried);
  g_test_add_func ("/ical/describe", test_describe);
  g_test_add_func ("/ical/threads", test_threads);
  return g_test_run ();
}
