/* TNEF and the rich text in it.  The samples are made by tests/make-tnef.py, which shares nothing with the
 * reader. */
#include "convert/ical.h"
#include "convert/mime.h"
#include "convert/native.h"
#include "convert/rtf.h"
#include "convert/tnef.h"

#include <string.h>

#define ZONE "Europe/Berlin"
#define UID                                                                                                  \
  "040000008200E00074C5B7101A82E008000000000040E0580EA9DC01000000000000000010000000"                         \
  "000102030405060708090A0B0C0D0E0F"

static GBytes *
load (const char *kind, const char *name)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", kind, name, NULL);
  char *data;
  gsize length;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (path, &data, &length, &error))
    g_error ("%s", error->message);
  return g_bytes_new_take (data, length);
}

static PnMessage *
read_bytes (GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  g_assert_true (pn_tnef_read (message, bytes, ZONE, &error));
  g_assert_no_error (error);
  return message;
}

static PnMessage *
read_sample (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".tnef", NULL);
  g_autoptr (GBytes) bytes = load ("tnef", file);
  return read_bytes (bytes);
}

static char *
content_of (const PnPart *part)
{
  g_assert_nonnull (part);
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXINT, NULL);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  return g_strndup (data, length);
}

#define assert_content(part, text)                                                                           \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    g_autofree char *content_ = content_of (part);                                                           \
    g_assert_cmpstr (content_, ==, (text));                                                                  \
  }                                                                                                          \
  G_STMT_END

/* The file called NAME. */
static PnPart *
find_file (const PnMessage *message, const char *name)
{
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = message->parts->pdata[i];
    if (g_strcmp0 (part->name, name) == 0)
      return part;
  }
  return NULL;
}

static guint
count_files (const PnMessage *message)
{
  guint n = 0;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    n += part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE;
  }
  return n;
}

static gboolean
has_loss (const PnMessage *message, const char *where, const char *reason)
{
  for (guint i = 0; i < message->losses->len; i++) {
    const PnLoss *loss = message->losses->pdata[i];
    if (strstr (loss->part, where) && strstr (loss->reason, reason))
      return TRUE;
  }
  return FALSE;
}

/* --- what a message says
 * ------------------------------------------------------------------------------------ */

static void
test_plain (void)
{
  g_autoptr (PnMessage) message = read_sample ("plain");
  g_assert_cmpint (message->type, ==, PN_TYPE_MAIL);
  g_assert_cmpstr (message->subject, ==, "Apples and pears");
  g_assert_cmpstr (message->from->internet, ==, "anne@example.com");
  g_assert_cmpstr (message->from->name, ==, "Anne Adler");
  g_assert_cmpint (message->date.unix_time, ==, 1777890000);
  g_assert_cmpstr (message->message_id, ==, "one@example.com");
  g_assert_cmpint (message->priority, ==, PN_PRIORITY_HIGH);
  g_assert_cmpint (message->security, ==, PN_SECURITY_SECRET);
  g_assert_cmpuint (message->recipients->len, ==, 2);
  const PnRecipient *second = message->recipients->pdata[1];
  g_assert_cmpint (second->distribution, ==, PN_CC);
  g_assert_cmpstr (second->address->internet, ==, "cara@example.org");
  assert_content (pn_message_get_part (message, PN_PART_TEXT), "Good apples,\nfine p\303\252rs.\n");
  g_assert_null (pn_message_get_part (message, PN_PART_HTML));
  const PnPart *file = find_file (message, "Orchard in spring.txt");
  assert_content (file, "rows and rows");
  g_assert_cmpstr (file->type, ==, "text/plain");
  g_assert_cmpint (file->created.unix_time, ==, 1777622400);
  const PnPart *other = find_file (message, "plan.bin");
  g_assert_cmpstr (other->type, ==, "application/octet-stream");
  guint64 size;
  g_assert_true (pn_content_measure (other->content, &size, NULL, NULL));
  g_assert_cmpuint (size, ==, 768);
  g_assert_cmpuint (message->losses->len, ==, 0);
}

/* What a message says already is not touched. */
static void
test_lacks (void)
{
  g_autoptr (GBytes) bytes = load ("tnef", "plain.tnef");
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  message->subject = g_strdup ("Mine");
  message->from = pn_address_new_internet ("dora@example.net", NULL);
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("emil@example.net", NULL));
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("mine\n", -1)));
  PnPart *same = pn_part_new (PN_PART_ATTACHMENT, "text/plain", pn_content_new_text ("rows and rows", -1));
  same->name = g_strdup ("Orchard in spring.txt");
  pn_message_add_part (message, same);
  g_assert_true (pn_tnef_read (message, bytes, ZONE, NULL));
  g_assert_cmpstr (message->subject, ==, "Mine");
  g_assert_cmpstr (message->from->internet, ==, "dora@example.net");
  g_assert_cmpuint (message->recipients->len, ==, 1);
  assert_content (pn_message_get_part (message, PN_PART_TEXT), "mine\n");
  g_assert_cmpuint (count_files (message), ==, 2);
}

static void
test_html (void)
{
  g_autoptr (PnMessage) message = read_sample ("html");
  assert_content (pn_message_get_part (message, PN_PART_HTML),
                  "<p>caf\303\251 <img src=\"cid:p1@example.com\"></p>");
  g_assert_cmpint (find_file (message, "p.png")->role, ==, PN_PART_INLINE);
  g_assert_cmpstr (find_file (message, "p.png")->type, ==, "image/png");
  g_assert_cmpint (find_file (message, "q.png")->role, ==, PN_PART_ATTACHMENT);
}

static void
test_rich (void)
{
  g_autoptr (PnMessage) page = read_sample ("rtf-html");
  g_assert_null (pn_message_get_part (page, PN_PART_TEXT));
  assert_content (
      pn_message_get_part (page, PN_PART_HTML),
      "<html><head><title></head><body><p>Gr\303\274\303\237e, <b>bold</b> &lt;tag&gt; \342\202\254 "
      "\360\237\230\200\320\224\320\260</p>\n<img src=\"cid:picture@example.com\"></body></html>");
  g_assert_cmpint (find_file (page, "picture.png")->role, ==, PN_PART_INLINE);

  static const char *const plain[] = { "rtf-plain", "rtf-stored" };
  for (guint i = 0; i < G_N_ELEMENTS (plain); i++) {
    g_autoptr (PnMessage) message = read_sample (plain[i]);
    assert_content (pn_message_get_part (message, PN_PART_TEXT),
                    "First bold both & <plain>\n\tCaf\303\251 \346\227\245\346\234\254\n"
                    "second\302\240line \342\200\224 end\n ");
    assert_content (pn_message_get_part (message, PN_PART_HTML),
                    "<html><body>\nFirst <b>bold </b><b><i>both</i></b> &amp; &lt;plain&gt;<br>\n"
                    "&nbsp;&nbsp;&nbsp; Caf\303\251 \346\227\245\346\234\254<br>\n"
                    "second&nbsp;line \342\200\224 end<br>\n&nbsp;\n</body></html>\n");
  }
  g_autoptr (PnMessage) tale = read_sample ("rtf-long");
  g_autofree char *text = content_of (pn_message_get_part (tale, PN_PART_TEXT));
  g_assert_true (g_str_has_prefix (text, "Line 0 of the long story.\nLine 1 of"));
  g_assert_true (g_str_has_suffix (text, "\nLine 399 of the long story.\n"));
  g_assert_cmpuint (tale->losses->len, ==, 0);
}

static void
test_codepages (void)
{
  g_autoptr (PnMessage) cyrillic = read_sample ("codepage-1251"), japanese = read_sample ("codepage-932");
  g_assert_cmpstr (cyrillic->subject, ==, "Сад и поле");
  assert_content (pn_message_get_part (cyrillic, PN_PART_TEXT), "Добрый день");
  g_assert_cmpstr (japanese->subject, ==, "果樹園");
  assert_content (pn_message_get_part (japanese, PN_PART_TEXT), "林檎と梨");
}

static void
test_disordered (void)
{
  g_autoptr (PnMessage) message = read_sample ("disordered");
  assert_content (pn_message_get_part (message, PN_PART_TEXT), "behind its files");
  assert_content (find_file (message, "a.txt"), "first");
  assert_content (find_file (message, "b.txt"), "second");
  assert_content (find_file (message, "c.txt"), "third");
  g_assert_cmpuint (count_files (message), ==, 3);
  g_assert_cmpint (((PnPart *) message->parts->pdata[0])->role, ==, PN_PART_TEXT);
}

/* --- messages in messages
 * -------------------------------------------------------------------------------------- */

static PnMessage *
open_mail (const PnPart *part)
{
  g_assert_cmpstr (part->type, ==, "message/rfc822");
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXINT, NULL);
  g_autoptr (PnSource) source = pn_source_new_bytes (bytes);
  return pn_mime_read (source, NULL, NULL);
}

static void
test_embedded (void)
{
  g_autoptr (PnMessage) message = read_sample ("embedded");
  g_autoptr (PnMessage) inner = open_mail (find_file (message, "An older mail.eml"));
  g_assert_cmpstr (inner->subject, ==, "An older mail");
  g_assert_cmpstr (inner->from->internet, ==, "cara@example.org");
  g_assert_cmpint (inner->date.unix_time, ==, 1770091500);
  assert_content (pn_message_get_part (inner, PN_PART_TEXT), "Inner text");
  assert_content (find_file (inner, "inner.txt"), "inner file");
}

static void
test_deep (void)
{
  PnMessage *message = read_sample ("deep");
  g_assert_true (has_loss (message, "attAttachRendData", "nested too deep"));
  for (guint level = 2; level <= 10; level++) {
    g_autofree char *name = g_strdup_printf ("Level %u.eml", level);
    PnMessage *inner = open_mail (find_file (message, name));
    pn_message_free (message);
    message = inner;
  }
  const PnPart *rest = find_file (message, "level 11.tnef");
  g_assert_nonnull (rest);
  g_assert_cmpstr (rest->type, ==, "application/octet-stream");
  pn_message_free (message);
}

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
        "DESCRIPTION:Bring your own chair.\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"
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

/* --- damage
 * ------------------------------------------------------------------------------------------------------ */

static void
test_damaged (void)
{
  g_autoptr (PnMessage) checksum = read_sample ("bad-checksum"), cut = read_sample ("cut-off"),
                        length = read_sample ("bad-length"), rich = read_sample ("bad-rtf");
  g_assert_true (has_loss (checksum, "attAttachData at 927", "checksum is wrong"));
  g_assert_nonnull (find_file (checksum, "plan.bin"));
  g_assert_true (has_loss (cut, "attAttachData at 927", "of 768 bytes 470 are there"));
  assert_content (find_file (cut, "Orchard in spring.txt"), "rows and rows");
  g_assert_true (has_loss (length, "attAttachTitle", "length is wrong"));
  assert_content (find_file (length, "Orchard in spring.txt"), "rows and rows");
  g_assert_nonnull (find_file (length, "plan.bin"));
  g_assert_true (has_loss (rich, "TNEF", "rich text body is damaged"));
  g_autofree char *text = content_of (pn_message_get_part (rich, PN_PART_TEXT));
  g_assert_true (g_str_has_prefix (text, "First bold both"));

  /* what is left of an embedded message is not taken for the rest of the one around it */
  g_autoptr (GBytes) whole = load ("tnef", "embedded.tnef");
  g_autoptr (GBytes) half = g_bytes_new_from_bytes (whole, 0, g_bytes_get_size (whole) - 60);
  g_autoptr (PnMessage) message = read_bytes (half);
  g_assert_cmpstr (message->subject, ==, "Forwarded");
  g_assert_null (find_file (message, "inner.txt"));
  g_assert_true (has_loss (message, "attAttachment", "cut off"));
}

/* No stream that ends early or has a wrong byte does more than lose what is there. */
static void
test_every_byte (void)
{
  static const char *const names[]
      = { "plain.tnef", "request.tnef", "embedded.tnef", "task-done.tnef", "rtf-html.tnef" };
  for (guint n = 0; n < G_N_ELEMENTS (names); n++) {
    g_autoptr (GBytes) whole = load ("tnef", names[n]);
    gsize length;
    const guint8 *data = g_bytes_get_data (whole, &length);
    for (gsize i = 0; i < length; i++) {
      g_autoptr (GBytes) cut = g_bytes_new (data, i);
      g_autoptr (PnMessage) shorter = pn_message_new (PN_TYPE_MAIL), wrong = pn_message_new (PN_TYPE_MAIL);
      /* the signature, the key and the first attribute's head and checksum */
      if (i < 16)
        g_assert_false (pn_tnef_read (shorter, cut, ZONE, NULL) && shorter->subject);
      else
        pn_tnef_read (shorter, cut, ZONE, NULL);
      guint8 *copy = g_memdup2 (data, length);
      copy[i] ^= 0xFF;
      g_autoptr (GBytes) changed = g_bytes_new_take (copy, length);
      g_assert_cmpint (pn_tnef_read (wrong, changed, ZONE, NULL), ==, i >= 4);
    }
  }
}

static void
put32 (GByteArray *out, guint32 value)
{
  const guint8 bytes[]
      = { (guint8) value, (guint8) (value >> 8), (guint8) (value >> 16), (guint8) (value >> 24) };
  g_byte_array_append (out, bytes, sizeof bytes);
}

static GByteArray *
begin_stream (void)
{
  GByteArray *out = g_byte_array_new ();
  put32 (out, 0x223E9F78);
  g_byte_array_append (out, (const guint8 *) "\1", 2);
  return out;
}

static void
put_head (GByteArray *out, guint8 level, guint32 id, guint32 length)
{
  g_byte_array_append (out, &level, 1);
  put32 (out, id);
  put32 (out, length);
}

/* Lengths that all reach to the end, attributes without number, a table of endless rows, a count that lies.
 */
static void
test_hostile (void)
{
  enum { MANY = 200000 };
  gint64 start = g_get_monotonic_time ();
  GByteArray *lying = begin_stream (), *many = begin_stream (), *unknown = begin_stream (),
             *table = begin_stream ();
  for (guint i = 0; i < MANY; i++) {
    put_head (lying, 1, 0x00018004, (MANY - i) * 9);
    put_head (unknown, 2, 0x00061234, 0);
    g_byte_array_append (unknown, (const guint8 *) "\1", 2);
    put_head (many, 2, 0x00069002, 0);
    g_byte_array_append (many, (const guint8 *) "\0", 2);
  }
  put_head (unknown, 1, 0x00018004, 0);
  g_byte_array_append (unknown, (const guint8 *) "\0", 2);
  put_head (table, 1, 0x00069004, 8 * MANY);
  put32 (table, G_MAXUINT32);
  for (guint i = 0; i < 2 * MANY; i++)
    put32 (table, i % 2 ? 0 : 1);
  put_head (table, 1, 0x00069003, 4);
  put32 (table, G_MAXUINT32);
  GByteArray *const streams[] = { lying, many, unknown, table };
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++) {
    g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (streams[i]);
    g_autoptr (PnMessage) message = read_bytes (bytes);
    g_assert_cmpuint (message->losses->len, >, 0);
    g_assert_cmpuint (message->losses->len, <, 110);
    g_assert_cmpuint (message->parts->len, <, 2100);
  }
  g_assert_cmpint (g_get_monotonic_time () - start, <, 20 * G_USEC_PER_SEC);
}

static void
test_nothing (void)
{
  static const char *const texts[]
      = { "", "x", "\x78\x9f\x3e\x22", "\x78\x9f\x3e\x22\1\2", "\x78\x9f\x3e\x22\1\2nothing that fits" };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GBytes) bytes = g_bytes_new_static (texts[i], strlen (texts[i]));
    g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
    g_autoptr (GError) error = NULL;
    g_assert_false (pn_tnef_read (message, bytes, NULL, &error));
    g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX);
    g_assert_cmpuint (message->parts->len, ==, 0);
  }
}

/* --- in a mail
 * -------------------------------------------------------------------------------------------------- */

static PnMessage *
read_mail (const char *name, GBytes **bytes)
{
  *bytes = load ("tnef", name);
  g_autoptr (PnSource) source = pn_source_new_bytes (*bytes);
  const PnMimeOptions options = { .site_timezone = ZONE, .skeleton = TRUE };
  return pn_mime_read (source, &options, NULL);
}

static GByteArray *
write_mail (PnMessage *message, gboolean anew)
{
  GByteArray *out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  const PnMimeWriteOptions options
      = { .host = "example.com", .default_domain = "example.com", .ignore_skeleton = anew };
  g_assert_true (pn_mime_write (message, &options, &sink, NULL));
  return out;
}

/* The mail stays what it was, byte for byte, though its files are shown beside the stream. */
static void
test_mail (void)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (PnMessage) message = read_mail ("mail-plain.eml", &bytes);
  const PnPart *stream = find_file (message, "winmail.dat");
  g_assert_cmpstr (stream->description, ==, "TNEF");
  g_assert_cmpint (stream->role, ==, PN_PART_ATTACHMENT);
  assert_content (find_file (message, "Orchard in spring.txt"), "rows and rows");
  assert_content (pn_message_get_part (message, PN_PART_TEXT), "See the attachment.");
  g_autoptr (GByteArray) native = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (native);
  message->id = g_strdup ("id");
  g_assert_true (pn_native_write (message, &sink, NULL));
  g_autoptr (PnSource) source = pn_source_new_copy (native->data, native->len);
  g_autoptr (PnMessage) back = pn_native_read (source, NULL);
  g_autoptr (GByteArray) again = write_mail (back, FALSE);
  g_assert_cmpmem (again->data, again->len, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
test_mail_again (void)
{
  static const char *const names[] = { "mail-plain.eml", "mail-embedded.eml", "mail-rtf-html.eml",
                                       "mail-task-request.eml", "mail-octets.eml" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (PnMessage) message = read_mail (names[i], &bytes);
    g_autoptr (GByteArray) anew = write_mail (message, TRUE);
    g_autoptr (PnSource) source = pn_source_new_copy (anew->data, anew->len);
    g_autoptr (PnMessage) back = pn_mime_read (source, NULL, NULL);
    g_test_message ("%s", names[i]);
    g_assert_cmpuint (count_files (back), ==, count_files (message));
  }
}

static void
test_mail_meeting (void)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (PnMessage) message = read_mail ("mail-request.eml", &bytes);
  g_assert_cmpint (message->type, ==, PN_TYPE_APPOINTMENT);
  g_assert_cmpstr (message->calendar->uid, ==, UID);
  g_assert_cmpstr (message->subject, ==, "Sample request");
  g_assert_cmpuint (message->calendar->attendees->len, ==, 2);
}

static void
test_correlator (void)
{
  g_autoptr (GBytes) right_bytes = NULL, wrong_bytes = NULL, none_bytes = NULL;
  g_autoptr (PnMessage) right = read_mail ("mail-correlated.eml", &right_bytes),
                        wrong = read_mail ("mail-uncorrelated.eml", &wrong_bytes),
                        none = read_mail ("mail-not-tnef.eml", &none_bytes);
  g_assert_cmpuint (right->losses->len, ==, 0);
  assert_content (pn_message_get_part (right, PN_PART_HTML), "<p>keyed</p>");
  g_assert_true (has_loss (wrong, "TNEF", "X-MS-TNEF-Correlator"));
  assert_content (pn_message_get_part (wrong, PN_PART_HTML), "<p>keyed</p>");
  g_assert_true (has_loss (none, "part 2", "called TNEF"));
  g_assert_cmpstr (find_file (none, "winmail.dat")->description, ==, NULL);
}

/* --- rich text
 * ---------------------------------------------------------------------------------------------------- */

static void
test_rtf_words (void)
{
  static const struct {
    const char *rtf, *text;
  } cases[] = {
    { "{\\rtf1 a\\par b}", "a\nb" },
    { "{\\rtf1\\uc2 \\u228 xyz\\uc0\\u246 o}", "\303\244z\303\266o" },
    { "{\\rtf1 a{\\*\\unknown b{c}}d}", "ad" },
    { "{\\rtf1 a\\bin3 }}{b}", "ab" },
    { "{\\rtf1 \\u-10179?x}", "\357\277\275x" },
    { "{\\rtf1\\ansicpg1250 \\'b9\\'e8}", "\304\205\304\215" },
    { "{\\rtf1 a}b}c", "abc" },
    { "{\\rtf1{\\fonttbl{\\f3\\fcharset161 x;}}\\f3 \\'e1\\f0\\'e1}", "\316\261\303\241" },
    { "\\", "" },
    { "{\\rtf1 \\'4", "4" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = NULL, *html = NULL;
    g_assert_true (pn_rtf_read (cases[i].rtf, strlen (cases[i].rtf), 1000, &text, &html));
    g_assert_cmpstr (text, ==, cases[i].text);
  }
  g_autoptr (GBytes) bytes = load ("rtf", "text.rtf");
  g_autofree char *text = NULL, *html = NULL;
  g_assert_true (pn_rtf_read (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), 1000, &text, &html));
  g_assert_cmpstr (text, ==, "Only text\n\twith {braces} and a \\ \342\200\223 \342\200\231\n");
  g_assert_null (html);
}

static void
test_rtf_limits (void)
{
  enum { MANY = 1000000 };
  g_autofree char *deep = g_malloc (MANY), *text = NULL, *html = NULL;
  memset (deep, '{', MANY);
  memset (deep + MANY / 2, '}', MANY / 2 - 1);
  deep[MANY - 1] = 'x';
  g_assert_true (pn_rtf_read (deep, MANY, MANY, &text, &html));
  g_assert_cmpstr (text, ==, "x");
  g_clear_pointer (&text, g_free);
  g_clear_pointer (&html, g_free);
  memset (deep, 'x', MANY);
  g_assert_false (pn_rtf_read (deep, MANY, 1000, &text, &html));
  g_assert_cmpuint (strlen (text), <, 1100);

  g_autoptr (GBytes) packed = load ("rtf", "plain.rtf.lzfu");
  gsize length;
  const char *damage;
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_rtf_decompress (g_bytes_get_data (packed, NULL), g_bytes_get_size (packed), 100, &length,
                                    &damage, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT);
}

static void
test_rtf_decompress (void)
{
  static const char *const names[] = { "html.rtf", "plain.rtf", "text.rtf" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *packed_name = g_strconcat (names[i], ".lzfu", NULL);
    g_autoptr (GBytes) plain = load ("rtf", names[i]), packed = load ("rtf", packed_name);
    gsize length;
    const char *damage;
    g_autofree char *out = pn_rtf_decompress (g_bytes_get_data (packed, NULL), g_bytes_get_size (packed),
                                              100000, &length, &damage, NULL);
    g_assert_cmpmem (out, length, g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
    g_assert_null (damage);
    gsize size;
    g_autofree guint8 *wrong = g_bytes_unref_to_data (g_steal_pointer (&packed), &size);
    wrong[12] ^= 1;
    g_autofree char *other = pn_rtf_decompress (wrong, size, 100000, &length, &damage, NULL);
    g_assert_cmpstr (damage, ==, "its checksum is wrong");
    g_assert_cmpmem (other, length, g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tnef/plain", test_plain);
  g_test_add_func ("/tnef/lacks", test_lacks);
  g_test_add_func ("/tnef/html", test_html);
  g_test_add_func ("/tnef/rich", test_rich);
  g_test_add_func ("/tnef/codepages", test_codepages);
  g_test_add_func ("/tnef/disordered", test_disordered);
  g_test_add_func ("/tnef/embedded", test_embedded);
  g_test_add_func ("/tnef/deep", test_deep);
  g_test_add_func ("/tnef/meetings", test_meetings);
  g_test_add_func ("/tnef/like-imip", test_like_imip);
  g_test_add_func ("/tnef/meeting-details", test_meeting_details);
  g_test_add_func ("/tnef/damaged", test_damaged);
  g_test_add_func ("/tnef/every-byte", test_every_byte);
  g_test_add_func ("/tnef/hostile", test_hostile);
  g_test_add_func ("/tnef/nothing", test_nothing);
  g_test_add_func ("/tnef/mail", test_mail);
  g_test_add_func ("/tnef/mail-again", test_mail_again);
  g_test_add_func ("/tnef/mail-meeting", test_mail_meeting);
  g_test_add_func ("/tnef/correlator", test_correlator);
  g_test_add_func ("/rtf/words", test_rtf_words);
  g_test_add_func ("/rtf/limits", test_rtf_limits);
  g_test_add_func ("/rtf/decompress", test_rtf_decompress);
  return g_test_run ();
}
