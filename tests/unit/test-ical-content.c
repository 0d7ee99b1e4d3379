/* What an item says besides when and who: alarms, files, texts, properties of others, older forms; and that
 * it comes back through native messages. */
#include "calendar.h"
#include "convert/mime.h"

#define AT "DTSTART:20260504T080000Z\r\nDTEND:20260504T090000Z\r\n"
#define REQUEST(lines) EVENT ("METHOD:REQUEST\r\n", AT lines)

/* -- alarms -- */

#define ALARM(lines) "BEGIN:VALARM\r\n" lines "END:VALARM\r\n"

static int
alarm_of (const char *text)
{
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  g_assert_true (message->calendar->alarm_set);
  return message->calendar->alarm;
}

static void
test_alarm (void)
{
  g_assert_cmpint (alarm_of (REQUEST (ALARM ("ACTION:DISPLAY\r\nTRIGGER:-PT15M\r\n"))), ==, 900);
  g_assert_cmpint (alarm_of (REQUEST (ALARM ("ACTION:DISPLAY\r\nTRIGGER:PT5M\r\n"))), ==, -300);
  g_assert_cmpint (alarm_of (REQUEST (ALARM ("ACTION:AUDIO\r\nTRIGGER;RELATED=END:-PT10M\r\n"))), ==, -3000);
  g_assert_cmpint (
      alarm_of (REQUEST (ALARM ("ACTION:EMAIL\r\nTRIGGER;VALUE=DATE-TIME:20260504T073000Z\r\n"))), ==, 1800);
  g_autoptr (PnMessage) none
      = read_text (REQUEST (ALARM ("ACTION:NONE\r\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z\r\n")), -1, NULL);
  g_assert_false (none->calendar->alarm_set);
}

static void
test_alarms_kept (void)
{
  g_autofree char *text
      = pass (REQUEST ("SUMMARY:s\r\n" ALARM ("ACTION:NONE\r\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z\r\n")
                           ALARM ("ACTION:AUDIO\r\nTRIGGER;RELATED=END:-PT10M\r\nATTACH;VALUE=URI:Basso\r\n"
                                  "REPEAT:2\r\nDURATION:PT5M\r\n")
                               ALARM ("ACTION:EMAIL\r\nTRIGGER:-P1D\r\nSUMMARY:m\r\nDESCRIPTION:d\r\n"
                                      "ATTENDEE:mailto:a@example.com\r\n")),
              -1);
  g_assert_cmpuint (count_of (text, "BEGIN:VALARM"), ==, 3);
  assert_has (text, "TRIGGER;VALUE=DATE-TIME:19760401T005545Z\r\n");
  assert_has (text, "TRIGGER;RELATED=END:-PT10M\r\nATTACH;VALUE=URI:Basso\r\nREPEAT:2\r\nDURATION:PT5M\r\n");
  assert_has (text, "ATTENDEE:mailto:a@example.com\r\nEND:VALARM\r\n");
  /* One that says no more than the field does is not kept beside it. */
  g_autofree char *plain
      = pass (REQUEST ("SUMMARY:s\r\n" ALARM ("ACTION:DISPLAY\r\nDESCRIPTION:s\r\nTRIGGER:-PT900S\r\n")), -1);
  assert_has (plain, "TRIGGER:-PT15M\r\n");
  g_assert_cmpuint (count_of (plain, "BEGIN:VALARM"), ==, 1);
}

/* Who changes or takes away the alarm means the first one. */
static void
test_alarm_changed (void)
{
  g_autoptr (PnMessage) message = read_text (REQUEST (ALARM ("ACTION:AUDIO\r\nTRIGGER:-PT10M\r\n") ALARM (
                                                 "ACTION:DISPLAY\r\nDESCRIPTION:second\r\nTRIGGER:-P1D\r\n")),
                                             -1, NULL);
  message->calendar->alarm = 1200;
  g_autofree char *changed = pn_ical_write (message, NOW, NULL);
  assert_has (changed, "TRIGGER:-PT20M\r\n");
  assert_has (changed, "TRIGGER:-P1D\r\n");
  assert_lacks (changed, "-PT10M");
  message->calendar->alarm_set = FALSE;
  g_autofree char *without = pn_ical_write (message, NOW, NULL);
  assert_lacks (without, "VALARM");
}

/* -- files -- */

static PnPart *
find_file (const PnMessage *message, const char *name)
{
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = message->parts->pdata[i];
    if (part->role == PN_PART_ATTACHMENT && g_strcmp0 (part->name, name) == 0)
      return part;
  }
  return NULL;
}

static void
assert_content (PnPart *part, const char *expected)
{
  g_assert_nonnull (part);
  g_autoptr (GBytes) bytes = pn_content_read (part->content, 1000, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
}

#define FILES                                                                                                \
  "ATTACH;FMTTYPE=text/csv;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=list.csv:YSxi\r\n"                        \
  "ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=\"a b.bin\":AAEC\r\n"                                        \
  "ATTACH;FMTTYPE=application/pdf:https://example.com/x/agenda%20one.pdf?v=1\r\n"                            \
  "ATTACH:CID:part1@example.com\r\n"                                                                         \
  "ATTACH;ENCODING=BASE64;VALUE=BINARY;ID=TEXT.htm:PGI+aGk8L2I+\r\n"

static void
test_attach (void)
{
  g_autoptr (PnMessage) message = read_text (REQUEST (FILES), -1, NULL);
  PnPart *csv = find_file (message, "list.csv");
  assert_content (csv, "a,b");
  g_assert_cmpstr (csv->type, ==, "text/csv");
  g_assert_nonnull (find_file (message, "a b.bin"));
  PnPart *link = find_file (message, "agenda one.pdf.url");
  assert_content (link, "[InternetShortcut]\r\nURL=https://example.com/x/agenda%20one.pdf?v=1\r\n");
  g_assert_true (pn_ical_is_link (message, link));
  g_assert_false (pn_ical_is_link (message, csv));
  g_autoptr (GBytes) html
      = pn_content_read (pn_message_get_part (message, PN_PART_HTML)->content, 1000, NULL);
  g_assert_cmpmem (g_bytes_get_data (html, NULL), g_bytes_get_size (html), "<b>hi</b>", 9);
  /* Beside a mail: the link in the object, the files as parts of the mail. */
  g_autofree char *written = pn_ical_write (message, NOW, NULL), *plain = unfold (written);
  assert_has (plain, "ATTACH;FMTTYPE=application/pdf:https://example.com/x/agenda%20one.pdf?v=1\r\n");
  assert_lacks (plain, "BASE64");
  assert_lacks (plain, "CID:");
  assert_has (plain, "X-ALT-DESC;FMTTYPE=text/html:<b>hi</b>\r\n");
  /* Alone: everything in the object. */
  PnIcalOptions options = { .attachments = PN_ICAL_ATTACH_INLINE };
  g_autofree char *alone = pn_ical_write_with (message, &options, NOW, NULL);
  check_lines (alone);
  g_autoptr (PnMessage) again = read_text (alone, -1, NULL);
  assert_content (find_file (again, "list.csv"), "a,b");
  g_assert_cmpuint (again->parts->len, ==, message->parts->len);
}

static void
test_attach_cid (void)
{
  g_autoptr (PnMessage) message = read_text (REQUEST (FILES), -1, NULL);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "image/png", pn_content_new_text ("p", -1));
  part->content_id = g_strdup ("part1@example.com");
  pn_message_add_part (message, part);
  g_autofree char *written = pn_ical_write (message, NOW, NULL);
  assert_has (written, "ATTACH:CID:part1@example.com\r\n");
}

static PnMessage *
read_mail (const guint8 *data, gsize length)
{
  PnMimeOptions options = { .site_timezone = SITE, .skeleton = TRUE };
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_source_new_copy (data, length);
  PnMessage *message = pn_mime_read (source, &options, &error);
  g_assert_no_error (error);
  return message;
}

/* A file in the object is a part of the mail that is written anew, once. */
static void
test_attach_mail (void)
{
  static const char mail[]
      = "From: a@example.com\r\nTo: b@example.com\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n" REQUEST (FILES);
  g_autoptr (PnMessage) message = read_mail ((const guint8 *) mail, strlen (mail));
  g_assert_nonnull (find_file (message, "list.csv"));
  PnMimeWriteOptions options
      = { .host = "gw.example.com", .default_domain = "example.com", .ignore_skeleton = TRUE };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (bytes);
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_mime_write (message, &options, &sink, &error));
  g_autoptr (PnMessage) again = read_mail (bytes->data, bytes->len);
  guint count = 0;
  for (guint i = 0; i < again->parts->len; i++)
    count += ((PnPart *) again->parts->pdata[i])->role == PN_PART_ATTACHMENT;
  g_assert_cmpuint (count, ==, 3);
  assert_content (find_file (again, "list.csv"), "a,b");
  g_assert_nonnull (find_file (again, "agenda one.pdf.url"));
}

/* -- texts and properties of others -- */

static void
test_properties (void)
{
  static const char *const lines[] = {
    "CATEGORIES:One,Two\r\n",
    "CATEGORIES;LANGUAGE=de:Drei\r\n",
    "GEO:48.85299;2.36885\r\n",
    "URL:https://example.com/a?b=c;d\r\n",
    "CONTACT;ALTREP=\"CID:x@example.com\":Jim\\, +1\r\n",
    "RELATED-TO;RELTYPE=SIBLING:other@example.com\r\n",
    "X-OWN;X-P=\"a:b;c\":odd \\value\r\n",
    "IANA-PROPERTY:x\r\n",
    "SUMMARY;LANGUAGE=de-DE:Besuch\r\n",
    "LOCATION;ALTREP=\"https://example.com/room\";LANGUAGE=de:Saal\r\n",
    "DESCRIPTION;ALTREP=\"CID:y@example.com\":Text\r\n",
    "X-MICROSOFT-DONOTFORWARDMEETING:TRUE\r\n",
    "CLASS:CONFIDENTIAL\r\n",
    "CREATED:20260101T000000Z\r\n",
    "CONFERENCE;VALUE=URI;FEATURE=AUDIO:tel:+1\r\n",
  };
  g_autoptr (GString) all = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    g_string_append (all, lines[i]);
  g_autofree char *object = g_strdup_printf (
      EVENT ("METHOD:REQUEST\r\nX-WR-CALNAME:House\r\nPRODID:-//x//y//EN\r\n",
             AT "%sATTENDEE;CN=A;PARTSTAT=ACCEPTED;X-NUM-GUESTS=2;MEMBER=\"mailto:l@example.com\":"
                "mailto:A@example.com\r\nBEGIN:X-INNER\r\nX-A:1\r\nEND:X-INNER\r\n"),
      all->str);
  g_autofree char *text = pass (object, -1);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    assert_has (text, lines[i]);
  assert_has (text, "X-WR-CALNAME:House\r\n");
  assert_has (text, ";X-NUM-GUESTS=2;MEMBER=\"mailto:l@example.com\":mailto:A@example.com\r\n");
  assert_has (text, "BEGIN:X-INNER\r\nX-A:1\r\nEND:X-INNER\r\n");
  g_assert_cmpuint (count_of (text, "PRODID"), ==, 1);
  g_assert_cmpuint (count_of (text, "\r\nSUMMARY"), ==, 1);
  /* The parameters belonged to another text. */
  g_autoptr (PnMessage) message = read_text (object, -1, NULL);
  g_free (message->calendar->place);
  message->calendar->place = g_strdup ("Room");
  g_autofree char *changed = pn_ical_write (message, NOW, NULL);
  assert_has (changed, "LOCATION:Room\r\n");
}

static void
test_stamp (void)
{
  g_autofree char *text = pass ("BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\nUID:u\r\nX-LIC-ERROR;X-"
                                "LIC-ERRORTYPE=X:No value\r\n" AT "END:VEVENT\r\nEND:VCALENDAR\r\n",
                                -1);
  assert_has (text, "DTSTAMP:20260225T061320Z\r\n");
  assert_lacks (text, "X-LIC-ERROR");
}

/* Exchange wraps the UIDs of others, and names the day of an instance in its own. */
static void
test_uid (void)
{
#define EXCHANGE "040000008200E00074C5B7101A82E008"
#define REST "B0C2E6D1F2A3DA01000000000000000010000000A1B2C3D4E5F60718293A4B5C6D7E8F90"
  static const struct {
    const char *came, *uid;
  } rows[] = {
    { EXCHANGE "00000000" REST, EXCHANGE "00000000" REST },
    { EXCHANGE "07EA0504" REST, EXCHANGE "00000000" REST },
    { EXCHANGE "00000000"
               "0000000000000000"
               "0000000000000000"
               "15000000"
               "7643616C2D55696401000000"
               "666F6F40622E657800",
      "foo@b.ex" },
    { EXCHANGE "odd", EXCHANGE "odd" },
    { "20260910T063015Z_7A3F@example.com", "20260910T063015Z_7A3F@example.com" },
    { "{1234-5678}\\; a\\,b", "{1234-5678}; a,b" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *object
        = g_strdup_printf ("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:%s\r\n" AT
                           "END:VEVENT\r\nEND:VCALENDAR\r\n",
                           rows[i].came);
    g_autoptr (PnMessage) message = read_text (object, -1, NULL);
    g_assert_cmpstr (message->calendar->uid, ==, rows[i].uid);
    g_autofree char *text = pass (object, -1);
    g_autoptr (PnMessage) again = read_text (text, -1, NULL);
    g_assert_cmpstr (again->calendar->uid, ==, rows[i].uid);
  }
}

/* An item without one gets what depends on nothing but itself. */
static void
test_uid_missing (void)
{
#define NAMELESS(method, lines)                                                                              \
  "BEGIN:VCALENDAR\r\nMETHOD:" method "\r\nBEGIN:VEVENT\r\n" AT lines "END:VEVENT\r\nEND:VCALENDAR\r\n"
  static const char *const texts[] = {
    NAMELESS ("PUBLISH", "SUMMARY:a\r\n"),
    NAMELESS ("REQUEST", "SUMMA\r\n RY:a\r\nDTSTAMP:20260101T000000Z\r\n"),
    NAMELESS ("PUBLISH", "SUMMARY:b\r\n"),
  };
  char *uids[G_N_ELEMENTS (texts)];
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (PnMessage) message = read_text (texts[i], -1, NULL);
    g_assert_true (has_loss (message, "no UID: one was made"));
    uids[i] = g_strdup (message->calendar->uid);
    g_autofree char *text = pass (texts[i], -1), *line = g_strdup_printf ("UID:%s\r\n", uids[i]);
    assert_has (text, line);
  }
  g_assert_cmpstr (uids[0], ==, uids[1]);
  g_assert_cmpstr (uids[0], !=, uids[2]);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (uids[i]);
  g_autoptr (PnMessage) reply
      = read_text (NAMELESS ("REPLY", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.example\r\n"), -1, NULL);
  g_assert_null (reply->calendar->uid);
  g_assert_true (has_loss (reply, "no UID: updates"));
}

static void
check_class (const char *lines, PnSecurity security, const char *written)
{
  g_autofree char *object = g_strdup_printf (REQUEST ("%s"), lines);
  g_autoptr (PnMessage) message = read_text (object, -1, NULL);
  g_assert_cmpint (message->security, ==, security);
  g_autofree char *text = pass (object, -1);
  assert_has (text, written);
}

static void
test_class (void)
{
  check_class ("CLASS:PRIVATE\r\n", PN_SECURITY_PROPRIETARY, "CLASS:PRIVATE\r\n");
  check_class ("CLASS:CONFIDENTIAL\r\n", PN_SECURITY_CONFIDENTIAL, "CLASS:CONFIDENTIAL\r\n");
  check_class ("CLASS:X-PERSONAL\r\n", PN_SECURITY_PROPRIETARY, "CLASS:X-PERSONAL\r\n");
  check_class ("CLASS:PUBLIC\r\n", PN_SECURITY_NORMAL, "CLASS:PUBLIC\r\n");
}

static void
test_priority (void)
{
  static const struct {
    const char *lines;
    PnPriority priority;
    const char *written;
  } rows[] = {
    { "PRIORITY:1\r\n", PN_PRIORITY_HIGH, "PRIORITY:1\r\nX-MICROSOFT-CDO-IMPORTANCE:2\r\n" },
    { "PRIORITY:4\r\n", PN_PRIORITY_HIGH, "PRIORITY:4\r\nX-MICROSOFT-CDO-IMPORTANCE:2\r\n" },
    { "PRIORITY:5\r\n", PN_PRIORITY_NORMAL, "PRIORITY:5\r\nX-MICROSOFT-CDO-IMPORTANCE:1\r\n" },
    { "PRIORITY:7\r\n", PN_PRIORITY_LOW, "PRIORITY:7\r\nX-MICROSOFT-CDO-IMPORTANCE:0\r\n" },
    { "X-MICROSOFT-CDO-IMPORTANCE:2\r\n", PN_PRIORITY_HIGH, "X-MICROSOFT-CDO-IMPORTANCE:2\r\n" },
    { "PRIORITY:5\r\nX-MICROSOFT-CDO-IMPORTANCE:0\r\n", PN_PRIORITY_LOW, "X-MICROSOFT-CDO-IMPORTANCE:0\r\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *object = g_strdup_printf (REQUEST ("%s"), rows[i].lines);
    g_autoptr (PnMessage) message = read_text (object, -1, NULL);
    g_assert_cmpint (message->priority, ==, rows[i].priority);
    g_autofree char *text = pass (object, -1);
    assert_has (text, rows[i].written);
  }
}

static void
test_busy (void)
{
  static const char *const words[] = { "FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE" };
  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autofree char *object
        = g_strdup_printf (EVENT ("METHOD:PUBLISH\r\n", AT "X-MICROSOFT-CDO-BUSYSTATUS:%s\r\n"), words[i]);
    g_autofree char *text = pass (object, -1);
    g_autofree char *line = g_strdup_printf ("X-MICROSOFT-CDO-BUSYSTATUS:%s\r\n", words[i]);
    assert_has (text, line);
    assert_has (text, i == 0 ? "TRANSP:TRANSPARENT" : "TRANSP:OPAQUE");
  }
  /* What was asked for, and what shows until it is answered. */
  g_autofree char *asked
      = pass (REQUEST ("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\nX-MICROSOFT-CDO-INTENDEDSTATUS:OOF\r\n"), -1);
  assert_has (asked, "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\nX-MICROSOFT-CDO-INTENDEDSTATUS:OOF\r\n");
  g_autofree char *groupwise = pass (EVENT ("METHOD:PUBLISH\r\n", AT "X-GWSHOW-AS:OUT OF OFFICE\r\n"), -1);
  assert_has (groupwise, "X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n");
}

/* -- days -- */

static void
test_days (void)
{
  g_autofree char *three = pass (
      EVENT ("METHOD:REQUEST\r\n", "DTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20260507\r\n"), -1);
  assert_has (three, "DTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20260507\r\n");
  g_autofree char *backwards = pass (
      EVENT ("METHOD:REQUEST\r\n", "DTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20260502\r\n"), -1);
  assert_has (backwards, "DTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20260505\r\n");
  g_autofree char *mixed = pass (
      EVENT ("METHOD:REQUEST\r\n",
             "DTSTART;VALUE=DATE;TZID=Europe/Rome:20260504\r\nDTEND;VALUE=DATE-TIME:20260505T000000\r\n"),
      -1);
  assert_has (mixed, "DTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20260505\r\n");
  assert_lacks (mixed, "TZID");
  g_autofree char *weeks
      = pass (EVENT ("METHOD:REQUEST\r\n", "DTSTART;VALUE=DATE:20260504\r\nDURATION:P1W\r\n"), -1);
  assert_has (weeks, "DTEND;VALUE=DATE:20260511\r\n");
}

static void
test_ends (void)
{
  g_autofree char *backwards
      = pass (EVENT ("METHOD:REQUEST\r\n", "DTSTART:20260504T080000Z\r\nDTEND:20260504T070000Z\r\n"), -1);
  assert_lacks (backwards, "DTEND");
  g_autofree char *short_of
      = pass (EVENT ("METHOD:REQUEST\r\n", "DTSTART:20260504T080000Z\r\nDURATION:-PT15M\r\n"), -1);
  assert_lacks (short_of, "DTEND");
  g_autofree char *no_day
      = pass (EVENT ("METHOD:REQUEST\r\n", "DTSTART;VALUE=DATE:20260504\r\nDURATION:PT1H\r\n"), -1);
  assert_has (no_day, "DTEND;VALUE=DATE:20260505\r\n");
  g_autofree char *lasting
      = pass (EVENT ("METHOD:REQUEST\r\n", "DTSTART:20260504T080000Z\r\nDURATION:PT1H30M\r\n"), -1);
  assert_has (lasting, "DTEND:20260504T093000Z\r\n");
  g_autofree char *task = pass ("BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nBEGIN:VTODO\r\nUID:u\r\nSUMMARY:s\r\n"
                                "DTSTAMP:20260101T000000Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
                                -1);
  assert_lacks (task, "DUE");
  assert_lacks (task, "DTSTART");
  g_autofree char *before_all
      = pass ("BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nBEGIN:VTODO\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n"
              "DTSTART:06000101T000000Z\r\nDURATION:-P349999D\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
              -1);
  assert_has (before_all, "DUE:06000101T000000Z\r\n");
  /* Exchange takes a floating time for one in UTC; it stays what it is all the same. */
  g_autofree char *floating = pass (EVENT ("METHOD:REQUEST\r\n", "DTSTART:20260504T080000\r\n"), -1);
  assert_has (floating, "DTSTART:20260504T080000\r\n");
}

/* A component without a name keeps what it holds to itself. */
static void
test_unnamed_component (void)
{
  g_autofree char *text
      = pass (EVENT ("METHOD:REQUEST\r\n",
                     "DTSTART:20260504T080000Z\r\nBEGIN: \r\nDTEND:20260504T100000Z\r\nEND:\r\n"),
              -1);
  assert_has (text, "BEGIN:X-UNNAMED\r\nDTEND:20260504T100000Z\r\nEND:X-UNNAMED\r\n");
}

/* A meeting's floating times go into the site's zone for readers who would take them for UTC. */
static void
test_floating_pinned (void)
{
  PnIcalOptions options = { .floating_zone = SITE };
  g_autoptr (PnMessage) message
      = read_text (EVENT ("METHOD:REQUEST\r\n", "DTSTART:20260504T080000\r\nRRULE:FREQ=DAILY\r\n"
                                                "EXDATE:20260505T080000\r\nDTEND:20260504T090000\r\n"),
                   -1, NULL);
  g_autofree char *text = pn_ical_write_with (message, &options, NOW, NULL);
  assert_has (text, "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n");
  assert_has (text, "DTSTART;TZID=Europe/Berlin:20260504T080000\r\n");
  assert_has (text, "DTEND;TZID=Europe/Berlin:20260504T090000\r\n");
  assert_has (text, "EXDATE;TZID=Europe/Berlin:20260505T080000\r\n");
  g_assert_true (message->calendar->start.floating);
  g_assert_null (message->calendar->start.tzid);
  g_autofree char *plain = pn_ical_write (message, NOW, NULL);
  assert_has (plain, "DTSTART:20260504T080000\r\n");
  message->calendar->method = PN_METHOD_PUBLISH;
  g_autofree char *published = pn_ical_write_with (message, &options, NOW, NULL);
  assert_has (published, "DTSTART:20260504T080000\r\n");
}

/* -- zones -- */

/* The second of two equal hours cannot be said in its zone. */
static void
test_second_hour (void)
{
  g_autoptr (PnMessage) message = read_text (REQUEST (""), -1, NULL);
  PnCalendarTime *start = &message->calendar->start;
  start->unix_time = 1792890000 + 1800; /* 2026-10-25T01:30:00Z */
  g_assert_true (pn_timezone_from_unix ("Europe/Berlin", start->unix_time, start));
  start->tzid = g_strdup ("Europe/Berlin");
  g_autofree char *text = pn_ical_write (message, NOW, NULL);
  assert_has (text, "DTSTART:20261025T013000Z\r\n");
}

#define MANY                                                                                                 \
  OBSERVANCE ("STANDARD", "20200101T000000", "+0117", "+0117", "")                                           \
  OBSERVANCE ("DAYLIGHT", "20260301T000000", "+0117", "+0217", "RDATE:20270401T000000\r\n")                  \
  OBSERVANCE ("STANDARD", "20260901T000000", "+0217", "+0117", "RDATE:20271101T000000\r\n")

/* Years that differ are read each by its own dates, and the VTIMEZONE goes on with the item. */
static void
test_changing_years (void)
{
  static const char *const summer[] = { "20260315T120000", "20271015T120000" };
  static const char *const winter[] = { "20260215T120000", "20270315T120000", "20261015T120000" };
  for (guint i = 0; i < G_N_ELEMENTS (summer); i++) {
    g_autofree char *object
        = g_strdup_printf (EVENT (ZONE ("Own", MANY), "DTSTART;TZID=Own:%s\r\n"), summer[i]);
    g_autoptr (PnMessage) message = read_text (object, -1, NULL);
    const PnCalendarTime *start = &message->calendar->start;
    gint64 local;
    g_assert_true (pn_timezone_to_unix ("UTC", start->year, start->month, start->day, 12, 0, 0, &local));
    g_assert_cmpint (local - start->unix_time, ==, 2 * 3600 + 17 * 60);
    g_autofree char *text = pass (object, -1);
    assert_has (text, "RDATE:20271101T000000\r\n");
  }
  for (guint i = 0; i < G_N_ELEMENTS (winter); i++) {
    g_autofree char *object
        = g_strdup_printf (EVENT (ZONE ("Own", MANY), "DTSTART;TZID=Own:%s\r\n"), winter[i]);
    g_autoptr (PnMessage) message = read_text (object, -1, NULL);
    const PnCalendarTime *start = &message->calendar->start;
    gint64 local;
    g_assert_true (pn_timezone_to_unix ("UTC", start->year, start->month, start->day, 12, 0, 0, &local));
    g_assert_cmpint (local - start->unix_time, ==, 3600 + 17 * 60);
  }
}

/* The wanted years of a zone whose rules change are written so that each has its hours. */
static void
check_years (const char *tzid, int year, guint years)
{
  g_autoptr (PnMessage) message = read_text (REQUEST (""), -1, NULL);
  PnCalendarTime *start = &message->calendar->start;
  gint64 at;
  g_assert_true (pn_timezone_to_unix (tzid, year, 6, 15, 12, 0, 0, &at));
  g_assert_true (pn_timezone_from_unix (tzid, at, start));
  start->tzid = g_strdup (tzid);
  PnIcalOptions options = { .zone_years = years };
  g_autofree char *text = pn_ical_write_with (message, &options, NOW, NULL);
  check_lines (text);
  icalcomponent *root = icalparser_parse_string (text);
  icaltimezone *zone = icalcomponent_get_timezone (root, tzid);
  g_assert_nonnull (zone);
  for (gint64 day = at; day < at + (gint64) (years - 1) * 365 * 86400; day += 86400 * 3) {
    PnCalendarTime time = { 0 };
    g_assert_true (pn_timezone_from_unix (tzid, day, &time));
    struct icaltimetype local = icaltime_null_time ();
    local.year = time.year;
    local.month = time.month;
    local.day = time.day;
    local.hour = time.hour;
    local.minute = time.minute;
    local.second = time.second;
    g_assert_cmpint (icaltime_as_timet_with_zone (local, zone), ==, day);
  }
  icalcomponent_free (root);
}

static void
test_write_years (void)
{
  check_years ("Africa/Casablanca", 2026, 6);
  check_years ("America/New_York", 2005, 6);
  check_years ("Europe/Moscow", 2010, 6);
  check_years ("Asia/Gaza", 2024, 6);
  check_years ("Europe/Berlin", 2026, 6);
  check_years ("Asia/Tokyo", 2026, 4);
  g_autofree char *pair = pn_timezone_write ("Europe/Berlin", 1784012400);
  g_assert_cmpuint (count_of (pair, "RRULE"), ==, 2);
}

/* A name that others know, with hours that no zone has, in every place where a time stands. */
static void
test_damaged_zone (void)
{
  const char *text = EVENT (ZONE ("W. Europe Standard Time", MANY),
                            "DTSTART;TZID=W. Europe Standard Time:20260315T120000\r\n"
                            "DTEND;TZID=W. Europe Standard Time:20260915T130000\r\n"
                            "RECURRENCE-ID;TZID=W. Europe Standard Time:20260215T120000\r\n"
                            "EXDATE;TZID=W. Europe Standard Time:20260316T120000,20260916T120000\r\n");
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  /* Without its zone only instants are left. */
  g_ptr_array_set_size (message->calendar->zones, 0);
  g_autofree char *written = pn_ical_write (message, NOW, NULL);
  g_autoptr (PnMessage) again = read_text (written, -1, NULL);
  const PnCalendar *a = message->calendar, *b = again->calendar;
  g_assert_cmpint (a->start.unix_time, ==, b->start.unix_time);
  g_assert_cmpint (a->end.unix_time, ==, b->end.unix_time);
  g_assert_cmpint (a->recurrence_id.unix_time, ==, b->recurrence_id.unix_time);
}

/* -- vCalendar 1.0 and other encodings -- */

#define OLDER(lines) "BEGIN:VCALENDAR\r\nVERSION:1.0\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"

static void
test_vcalendar (void)
{
  static const char text[]
      = OLDER ("TZ:+01:00\r\nDAYLIGHT:TRUE;+02:00;20260329T010000Z;20261025T010000Z;CET;CEST\r\n"
               "BEGIN:VEVENT\r\nUID:old@example.com\r\nDTSTART:20260504T100000\r\nDTEND:20260504T110000\r\n"
               "SUMMARY;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Gespr=E4ch =\r\nmit = 3D\r\n"
               "DESCRIPTION;QUOTED-PRINTABLE:eins=0D=0Azwei\r\nCATEGORIES:MEETING;PERSONAL\r\n"
               "RRULE:W1 MO TU 20260601T000000Z\r\nEXDATE:20260505T100000;20260511T100000\r\n"
               "ATTENDEE;ROLE=OWNER;STATUS=CONFIRMED:Ada Berger <ada@example.com>\r\n"
               "ATTENDEE;RSVP=YES;STATUS=NEEDS ACTION:bo@example.com\r\nTRANSP:1\r\n"
               "DALARM:20260504T074500Z;PT5M;2;Wake up\r\nAALARM:20260504T073000Z;;;\r\n");
  g_autoptr (PnMessage) message = read_text (text, -1, NULL);
  const PnCalendar *calendar = message->calendar;
  g_assert_cmpstr (calendar->summary, ==, "Gespräch mit = 3D");
  g_assert_cmpstr (calendar->description, ==, "eins\nzwei");
  g_assert_cmpint (calendar->start.unix_time, ==, 1777881600); /* 08:00 UTC */
  g_assert_cmpstr (calendar->start.tzid, ==, SITE);
  g_assert_cmpstr (calendar->rrule, ==, "FREQ=WEEKLY;UNTIL=20260601T000000Z;BYDAY=MO,TU");
  g_assert_cmpuint (calendar->exdates->len, ==, 1);
  assert_has ((const char *) calendar->exdates->pdata[0], "20260505T100000,20260511T100000");
  g_assert_cmpstr (calendar->organizer->internet, ==, "ada@example.com");
  g_assert_cmpstr (calendar->organizer->name, ==, "Ada Berger");
  g_assert_cmpuint (calendar->attendees->len, ==, 2);
  g_assert_true (((PnAttendee *) calendar->attendees->pdata[1])->rsvp);
  g_assert_true (calendar->transparent);
  g_assert_cmpint (calendar->alarm, ==, 900);
  g_autofree char *written = pass (text, -1);
  assert_has (written, "VERSION:2.0\r\n");
  assert_has (written, "CATEGORIES:MEETING,PERSONAL\r\n");
  assert_has (written, "TRIGGER;VALUE=DATE-TIME:20260504T073000Z\r\n");
  assert_has (written, "DESCRIPTION:Wake up\r\n");
  assert_lacks (written, "QUOTED-PRINTABLE");
  /* The encoding is a parameter: not what some parameter says, between quotes or not. */
  g_autofree char *quoted
      = pass (EVENT ("METHOD:REQUEST\r\n",
                     "ORGANIZER;CN=\"a;QUOTED-PRINTABLE\";X-A=QUOTED-PRINTABLE:mailto:ada@example.com?a=\r\n"
                     "DTSTART:20260504T080000Z\r\nDTEND:20260504T090000Z\r\nSUMMARY:a=3Db\r\n"),
              -1);
  assert_has (quoted, "ORGANIZER;CN=\"a;QUOTED-PRINTABLE\"");
  assert_has (quoted, "DTSTART:20260504T080000Z\r\n");
}

static void
check_wide (const char *charset, const char *mark, gsize mark_length)
{
  static const char text[] = REQUEST ("SUMMARY:Gespräch €\r\n");
  gsize length;
  g_autofree char *wide = g_convert (text, -1, charset, "UTF-8", NULL, &length, NULL);
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_byte_array_append (all, (const guint8 *) mark, (guint) mark_length);
  g_byte_array_append (all, (const guint8 *) wide, (guint) length);
  g_autoptr (PnMessage) message = read_text ((const char *) all->data, (gssize) all->len, NULL);
  g_assert_cmpstr (message->subject, ==, "Gespräch €");
}

static void
test_encodings (void)
{
  check_wide ("UTF-8", "\xef\xbb\xbf", 3);
  check_wide ("UTF-16LE", "\xff\xfe", 2);
  check_wide ("UTF-16BE", "\xfe\xff", 2);
  check_wide ("UTF-16LE", "", 0);
  check_wide ("UTF-16BE", "", 0);
  check_wide ("WINDOWS-1252", "", 0);
}

static void
test_broken_lines (void)
{
  g_autoptr (PnMessage) nothing = pn_message_new (PN_TYPE_MAIL);
  g_assert_false (pn_ical_read (nothing, NULL, 0, NULL, SITE, NULL));
  static const char *const texts[] = {
    "BEGIN:VCALENDAR\rMETHOD:REQUEST\rBEGIN:VEVENT\rUID:u\rDTSTART:20260504T080000Z\rSUMMARY:a\r "
    "b\rEND:VEVENT\r",
    "BEGIN:VCALENDAR\nMETHOD:REQUEST\n\nBEGIN:VEVENT\n\nUID:u\nDTSTART:20260504T080000Z\n\nSUMMARY:a\n b\n",
    "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART:2026050\r\n\t4T080000Z\r\nSUMMARY:"
    "a\r\n b\r\n"
    "END:VCALENDAR\r\n",
    "METHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART:20260504T080000Z\r\nSUMMARY:a\r\n "
    "b\r\nEND:VEVENT\r\n",
    /* folded behind the names, or within them */
    "BEGIN:VCALENDAR\nVERSION\n :2.0\nMETHOD\n :REQUEST\nBEGIN:VEVENT\nUID\n :u\nDTSTART\n ;VALUE=DATE-TIME\n"
    " :20260504T080000Z\nSUMMARY\n :a\n b\nEND:VEVENT\nEND:VCALENDAR\n",
    "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEG\r\n IN:VEVENT\r\nUID:u\r\nDTS\r\n "
    "TA\r\n\tRT:20260504T080000Z\r\n"
    "SUMMARY:a\r\n b\r\nE\r\n ND:VEVENT\r\nEND:VCALENDAR\r\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (PnMessage) message = read_text (texts[i], -1, "REQUEST");
    g_assert_cmpstr (message->subject, ==, "ab");
    g_assert_cmpint (message->calendar->start.unix_time, ==, 1777881600);
  }
}

/* -- floods -- */

static void
check_flood (const char *what, const char *text)
{
  g_test_timer_start ();
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GError) error = NULL;
  if (pn_ical_read (message, text, strlen (text), NULL, SITE, &error))
    g_free (pn_ical_write (message, NOW, NULL));
  g_test_message ("%s: %.3f s", what, g_test_timer_elapsed ());
  g_assert_cmpfloat (g_test_timer_elapsed (), <, 5);
}

static void
flood (const char *what, const char *before, const char *line, const char *after)
{
  g_autoptr (GString) text = g_string_new (before);
  for (guint i = 0; i < 100000; i++)
    g_string_append_printf (text, line, i);
  g_string_append (text, after);
  check_flood (what, text->str);
}

static void
test_floods (void)
{
#define HEAD "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n"
#define ITEM HEAD "BEGIN:VEVENT\r\nUID:u\r\n" AT
#define TAIL "END:VEVENT\r\nEND:VCALENDAR\r\n"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-extra-args"
  flood ("properties", ITEM, "X-P-%u:v\r\n", TAIL);
  flood ("categories", ITEM, "CATEGORIES;X=%u:v\r\n", TAIL);
  flood ("attendees", ITEM, "ATTENDEE;X-A=b:mailto:a%u@example.com\r\n", TAIL);
  flood ("exdates", ITEM, "EXDATE;TZID=Europe/Berlin:20260504T1%05u\r\n", TAIL);
  flood ("exdates in one", ITEM "EXDATE:", "20260504T080000Z,", "\r\n" TAIL);
  flood ("zones", HEAD, "BEGIN:VTIMEZONE\r\nTZID:z%u\r\nEND:VTIMEZONE\r\n",
         "BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=z99999:20260504T080000\r\n" TAIL);
  flood ("zones asked for", ITEM, "RDATE;TZID=z%u:20260504T080000\r\n", TAIL);
  flood ("observances", HEAD "BEGIN:VTIMEZONE\r\nTZID:z\r\n",
         "BEGIN:STANDARD\r\nDTSTART:20%02u0101T000000\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY\r\nEND:"
         "STANDARD\r\n",
         "END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=z:20260504T080000\r\n" TAIL);
  flood ("alarms", ITEM, "BEGIN:VALARM\r\nTRIGGER:-PT%uM\r\nACTION:AUDIO\r\nEND:VALARM\r\n", TAIL);
  flood ("links", ITEM, "ATTACH:https://example.com/%u\r\n", TAIL);
  flood ("folds", ITEM "SUMMARY:", "\r\n x", "\r\n" TAIL);
  flood ("soft breaks", ITEM "SUMMARY;ENCODING=QUOTED-PRINTABLE:", "x=\r\n", "\r\n" TAIL);
  flood ("soft breaks of nothing", "", "=\n", "");
  flood ("lines that end in CR", "BEGIN:VCALENDAR\rBEGIN:VEVENT\rUID:u\rDTSTART:20260504T080000Z\r",
         "X-P-%u:v\r", "END:VEVENT\rEND:VCALENDAR\r");
  flood ("comments", ITEM, "COMMENT:%u\r\n", TAIL);
  flood ("dates that are none", ITEM "EXDATE:", "1,", "\r\n" TAIL);
  flood (
      "zones of their own", ITEM,
      "BEGIN:VTIMEZONE\r\nTZID:z%1$u\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0117\r\n"
      "TZOFFSETTO:+0117\r\nX:%1$u\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
      "EXDATE;TZID=z%1$u:20260504T080000\r\n",
      TAIL);
#define ALARMS4                                                                                              \
  "DALARM:20260504T080000\r\nDALARM:20260504T080000\r\nDALARM:20260504T080000\r\nDALARM:20260504T080000\r\n"
  flood ("summers", "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nTZ:+01\r\n",
         "DAYLIGHT:TRUE;+02;20260328T020000;20261025T030000;A;%u\r\n",
         "BEGIN:VEVENT\r\nUID:u\r\n" AT ALARMS4 ALARMS4 ALARMS4 ALARMS4 ALARMS4 ALARMS4 ALARMS4 ALARMS4 TAIL);
  flood ("items", HEAD, "BEGIN:VEVENT\r\nUID:u%u\r\n" AT "END:VEVENT\r\n", "END:VCALENDAR\r\n");
  flood ("instances", HEAD "BEGIN:VEVENT\r\nUID:u\r\n" AT "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\n",
         "BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20260504T080000Z\r\n" AT "X:%u\r\nEND:VEVENT\r\n",
         "END:VCALENDAR\r\n");
#pragma GCC diagnostic pop
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ical/alarm", test_alarm);
  g_test_add_func ("/ical/alarms-kept", test_alarms_kept);
  g_test_add_func ("/ical/alarm-changed", test_alarm_changed);
  g_test_add_func ("/ical/attach", test_attach);
  g_test_add_func ("/ical/attach-cid", test_attach_cid);
  g_test_add_func ("/ical/attach-mail", test_attach_mail);
  g_test_add_func ("/ical/properties", test_properties);
  g_test_add_func ("/ical/stamp", test_stamp);
  g_test_add_func ("/ical/uid", test_uid);
  g_test_add_func ("/ical/uid-missing", test_uid_missing);
  g_test_add_func ("/ical/class", test_class);
  g_test_add_func ("/ical/priority", test_priority);
  g_test_add_func ("/ical/busy", test_busy);
  g_test_add_func ("/ical/days", test_days);
  g_test_add_func ("/ical/ends", test_ends);
  g_test_add_func ("/ical/unnamed-component", test_unnamed_component);
  g_test_add_func ("/ical/floating-pinned", test_floating_pinned);
  g_test_add_func ("/ical/second-hour", test_second_hour);
  g_test_add_func ("/ical/changing-years", test_changing_years);
  g_test_add_func ("/ical/write-years", test_write_years);
  g_test_add_func ("/ical/damaged-zone", test_damaged_zone);
  g_test_add_func ("/ical/vcalendar", test_vcalendar);
  g_test_add_func ("/ical/encodings", test_encodings);
  g_test_add_func ("/ical/broken-lines", test_broken_lines);
  g_test_add_func ("/ical/floods", test_floods);
  return g_test_run ();
}
