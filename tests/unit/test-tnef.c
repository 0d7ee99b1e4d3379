/* TNEF and the rich text in it.  The samples are made by tests/make-tnef.py, which shares nothing with the
 * reader. */
#include "tnef-samples.h"

#include "convert/ical.h"
#include "convert/mime.h"
#include "convert/native.h"

#include <string.h>

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
  g_assert_cmpstr (find_file (message, "a.txt")->type, ==, "text/plain"); /* by its name */
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

/* --- other kinds
 * ------------------------------------------------------------------------------------------------------ */

static void
test_reports (void)
{
  static const struct {
    const char *name;
    PnAction action;
    gint64 time;
  } cases[] = { { "receipt", PN_ACTION_OPENED, 1782979200 },
                { "unread", PN_ACTION_DELETED, 1783069200 },
                { "delivered", PN_ACTION_DELIVERED, 1782975600 },
                { "undeliverable", PN_ACTION_UNDELIVERABLE, 1783069200 } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i].name);
    g_autoptr (PnMessage) message = read_sample (cases[i].name);
    g_assert_cmpint (message->type, ==, PN_TYPE_STATUS);
    g_assert_true (message->auto_generated);
    g_assert_cmpstr (message->in_reply_to, ==, "0a1b2c3d@example.com");
    const PnStatusReport *report = message->reports->pdata[0];
    g_assert_cmpint (report->action, ==, cases[i].action);
    g_assert_cmpint (report->time.unix_time, ==, cases[i].time);
    g_assert_cmpstr (report->recipient->internet, ==, "bert@example.org");
  }
  g_autoptr (PnMessage) failed = read_sample ("undeliverable");
  g_assert_cmpuint (failed->reports->len, ==, 2);
  const PnStatusReport *bert = failed->reports->pdata[0], *cara = failed->reports->pdata[1];
  g_assert_cmpstr (bert->status_code, ==, "5.1.10");
  g_assert_nonnull (strstr (bert->diagnostic, "no such box"));
  g_assert_cmpstr (cara->status_code, ==, "5.2.2");
  g_assert_cmpstr (cara->recipient->internet, ==, "cara@example.org");
}

static void
test_objects (void)
{
  g_autoptr (PnMessage) message = read_sample ("package");
  assert_content (find_file (message, "notes.txt"), "apples, pears");
  g_assert_cmpstr (find_file (message, "Picture.bmp")->type, ==, "image/bmp");
  g_assert_nonnull (find_file (message, "Sheet.xls"));
  guint64 size;
  g_assert_true (pn_content_measure (find_file (message, "long.bin")->content, &size, NULL, NULL));
  g_assert_cmpuint (size, ==, 768 * 20);
  g_assert_nonnull (find_file (message, "Unknown.ole"));
  g_assert_cmpuint (message->losses->len, ==, 1);
  g_assert_true (has_loss (message, "attAttachRendData", "Unknown.ole"));

  g_autoptr (PnMessage) links = read_sample ("links");
  assert_content (find_file (links, "plan.url"),
                  "[InternetShortcut]\r\nURL=file://barn/plans/new%20plan.doc\r\n");
  assert_content (find_file (links, "web.url"), "[InternetShortcut]\r\nURL=https://example.com/plan\r\n");
  g_assert_true (has_loss (links, "attAttachRendData", "only its path"));
}

static void
test_other_kinds (void)
{
  g_autoptr (PnMessage) votes = read_sample ("votes"), contact = read_sample ("contact"),
                        journal = read_sample ("journal"), wrapped = read_sample ("wrapped");
  g_assert_true (has_loss (votes, "TNEF", "Yes, No, Maybe"));
  assert_content (find_file (contact, "Cara Cole.vcf"),
                  "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Cara Cole\r\nN:Cole;Cara;;;\r\nORG:Mill\\; Sons;\r\n"
                  "TEL;TYPE=WORK,VOICE:+49 30 123456\r\nEMAIL;TYPE=INTERNET,PREF:cara@example.org\r\n"
                  "ADR;TYPE=WORK:;;;Berlin;;;\r\nBDAY:19800506\r\nEND:VCARD\r\n");
  g_assert_cmpint (journal->type, ==, PN_TYPE_NOTE);
  g_assert_cmpint (journal->calendar->start.hour, ==, 8);
  g_autoptr (PnMessage) inner = open_mail (find_file (wrapped, "First hand.eml"));
  assert_content (find_file (inner, "a.txt"), "apple");
}

/* Addresses inside Exchange are kept in the form it gives them in mail; wishes go to their places. */
static void
test_exchange (void)
{
  g_autoptr (PnMessage) message = read_sample ("exchange");
  g_assert_cmpstr (message->from->internet, ==, "IMCEAEX-_O=FARM_OU=BARN_CN=DORA+2ED@exchange.invalid");
  g_assert_cmpstr (message->from->name, ==, "Dora Dell");
  g_assert_cmpuint (message->recipients->len, ==, 2);
  const PnRecipient *emil = message->recipients->pdata[0], *fay = message->recipients->pdata[1];
  g_assert_cmpstr (emil->address->internet, ==, "emil@example.com");
  g_assert_cmpstr (fay->address->internet, ==, "IMCEAFAX-Fay+40+2B49+2030@exchange.invalid");
  g_assert_true (has_loss (message, "attRecipTable", "\"Fay\" has no Internet address"));
  g_assert_cmpuint (message->status_request, ==, PN_STATUS_REQUEST_OPENED);
  g_assert_cmpint (message->respond_by.unix_time, ==, 1785542400);
  g_assert_true (message->expires.set);
  g_assert_cmpuint (message->references->len, ==, 2);
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
      = { "plain.tnef",    "request.tnef", "embedded.tnef",      "task-done.tnef",
          "rtf-html.tnef", "contact.tnef", "series-weekly.tnef", "undeliverable.tnef" };
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

/* What it is called does not matter, nor where it stands. */
static void
test_mail_anywhere (void)
{
  static const char *const names[] = { "mail-renamed.eml", "mail-uuencoded.eml" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (PnMessage) message = read_mail (names[i], &bytes);
    g_test_message ("%s", names[i]);
    assert_content (find_file (message, "Orchard in spring.txt"), "rows and rows");
    g_autoptr (GByteArray) back = write_mail (message, FALSE);
    g_assert_cmpmem (back->data, back->len, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  }
  g_autoptr (GBytes) two_bytes = NULL;
  g_autoptr (PnMessage) two = read_mail ("mail-two.eml", &two_bytes);
  g_assert_nonnull (find_file (two, "Orchard in spring.txt"));
  g_assert_nonnull (find_file (two, "p.png"));
  g_autoptr (GBytes) root_bytes = NULL, zero_bytes = NULL, series_bytes = NULL;
  g_autoptr (PnMessage) root = read_mail ("mail-root.eml", &root_bytes),
                        zero = read_mail ("mail-zero.eml", &zero_bytes),
                        series = read_mail ("mail-series-weekly.eml", &series_bytes);
  g_assert_nonnull (pn_message_get_part (root, PN_PART_HTML));
  g_assert_nonnull (find_file (root, "p.png"));
  g_assert_true (has_loss (zero, "part 2", "called TNEF"));
  g_assert_nonnull (find_file (zero, "winmail.dat"));
  g_assert_cmpstr (series->calendar->rrule, ==, "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=MO;COUNT=8");
  g_assert_nonnull (pn_message_get_part (series, PN_PART_CALENDAR));
}

/* Every mail comes back byte for byte out of its native form. */
static void
test_mail_all (void)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", "tnef", NULL);
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;
  guint n = 0;
  g_assert_nonnull (directory);
  while ((name = g_dir_read_name (directory))) {
    if (!g_str_has_suffix (name, ".eml"))
      continue;
    g_test_message ("%s", name);
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (PnMessage) message = read_mail (name, &bytes);
    g_autoptr (GByteArray) native = g_byte_array_new ();
    PnSink sink = pn_sink_to_array (native);
    if (!message->id)
      message->id = g_strdup ("id");
    g_assert_true (pn_native_write (message, &sink, NULL));
    g_autoptr (PnSource) source = pn_source_new_copy (native->data, native->len);
    g_autoptr (PnMessage) back = pn_native_read (source, NULL);
    g_autoptr (GByteArray) again = write_mail (back, FALSE);
    g_assert_cmpmem (again->data, again->len, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
    g_assert_cmpuint (count_files (back), ==, count_files (message));
    n++;
  }
  g_assert_cmpuint (n, >, 40);
}

/* Rich text that is all a mail has is shown as text and HTML, and stays a file. */
static void
test_mail_rich (void)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (PnMessage) message = read_mail ("mail-rich.eml", &bytes);
  g_autofree char *text = content_of (pn_message_get_part (message, PN_PART_TEXT));
  g_autofree char *html = content_of (pn_message_get_part (message, PN_PART_HTML));
  g_assert_true (g_str_has_prefix (text, "First bold both & <plain>\n"));
  g_assert_nonnull (strstr (html, "<b>bold </b>"));
  g_assert_cmpuint (count_files (message), ==, 1);
  g_autoptr (GByteArray) back = write_mail (message, FALSE);
  g_assert_cmpmem (back->data, back->len, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* --- nothing needs TNEF on the way out
 * ------------------------------------------------------------------------------- */

static PnMessage *
make_item (PnMessageType type, PnMethod method)
{
  PnMessage *message = pn_message_new (type);
  message->id = g_strdup ("0A1B2C3D-0000000000000000");
  message->subject = g_strdup ("An item");
  message->date = (PnTime){ TRUE, 1783069200, 0 };
  message->from = pn_address_new_internet ("anne@example.com", "Anne Adler");
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("bert@example.org", NULL));
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Text\n", -1)));
  if (method == PN_METHOD_NONE)
    return message;
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->method = method;
  calendar->component = g_strdup (type == PN_TYPE_TASK   ? "VTODO"
                                  : type == PN_TYPE_NOTE ? "VJOURNAL"
                                                         : "VEVENT");
  calendar->uid = g_strdup ("item@example.com");
  calendar->summary = g_strdup ("An item");
  calendar->start = (PnCalendarTime){ .set = TRUE, .year = 2026, .month = 7, .day = 14, .hour = 8 };
  calendar->start.unix_time = 1784016000;
  calendar->organizer = pn_address_new_internet ("anne@example.com", "Anne Adler");
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  attendee->address = pn_address_new_internet ("bert@example.org", NULL);
  attendee->partstat = method == PN_METHOD_REPLY ? PN_PARTSTAT_ACCEPTED : PN_PARTSTAT_NEEDS_ACTION;
  g_ptr_array_add (calendar->attendees, attendee);
  return message;
}

/* Every type of item, every method and every answer goes out as plain MIME and comes back as what it was: so
 * TNEF need not be written. */
static void
test_row_101 (void)
{
  static const struct {
    PnMessageType type;
    PnMethod method;
    PnAction action;
  } items[] = { { PN_TYPE_MAIL, 0, 0 },
                { PN_TYPE_PHONE, 0, 0 },
                { PN_TYPE_APPOINTMENT, PN_METHOD_PUBLISH, 0 },
                { PN_TYPE_APPOINTMENT, PN_METHOD_REQUEST, 0 },
                { PN_TYPE_APPOINTMENT, PN_METHOD_CANCEL, 0 },
                { PN_TYPE_APPOINTMENT, PN_METHOD_COUNTER, 0 },
                { PN_TYPE_TASK, PN_METHOD_REQUEST, 0 },
                { PN_TYPE_TASK, PN_METHOD_CANCEL, 0 },
                { PN_TYPE_NOTE, PN_METHOD_PUBLISH, 0 },
                { PN_TYPE_STATUS, PN_METHOD_REPLY, PN_ACTION_ACCEPTED },
                { PN_TYPE_STATUS, 0, PN_ACTION_OPENED },
                { PN_TYPE_STATUS, 0, PN_ACTION_DELETED },
                { PN_TYPE_STATUS, 0, PN_ACTION_DELIVERED },
                { PN_TYPE_STATUS, 0, PN_ACTION_UNDELIVERABLE } };
  for (guint i = 0; i < G_N_ELEMENTS (items); i++) {
    g_test_message ("type %d, method %d, action %d", items[i].type, items[i].method, items[i].action);
    g_autoptr (PnMessage) message = make_item (items[i].type, items[i].method);
    if (items[i].action != PN_ACTION_NONE) {
      PnStatusReport *report = g_new0 (PnStatusReport, 1);
      report->action = items[i].action;
      report->recipient = pn_address_new_internet ("bert@example.org", NULL);
      report->time = message->date;
      g_ptr_array_add (message->reports, report);
      message->in_reply_to = g_strdup ("one@example.com");
      message->envelope_id = g_strdup ("one");
    }
    g_autoptr (GByteArray) mail = write_mail (message, TRUE);
    g_autoptr (PnSource) source = pn_source_new_copy (mail->data, mail->len);
    g_autoptr (PnMessage) back = pn_mime_read (source, NULL, NULL);
    g_assert_null (memmem (mail->data, mail->len, "ms-tnef", 7));
    g_assert_null (memmem (mail->data, mail->len, "winmail", 7));
    g_assert_cmpint (back->type, ==, items[i].type);
    g_assert_cmpint (back->calendar ? back->calendar->method : PN_METHOD_NONE, ==, items[i].method);
    g_assert_cmpuint (back->reports->len, ==, message->reports->len);
    if (items[i].action != PN_ACTION_NONE)
      g_assert_cmpint (((PnStatusReport *) back->reports->pdata[0])->action, ==, items[i].action);
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
  g_test_add_func ("/tnef/reports", test_reports);
  g_test_add_func ("/tnef/objects", test_objects);
  g_test_add_func ("/tnef/other-kinds", test_other_kinds);
  g_test_add_func ("/tnef/exchange", test_exchange);
  g_test_add_func ("/tnef/damaged", test_damaged);
  g_test_add_func ("/tnef/every-byte", test_every_byte);
  g_test_add_func ("/tnef/hostile", test_hostile);
  g_test_add_func ("/tnef/nothing", test_nothing);
  g_test_add_func ("/tnef/mail", test_mail);
  g_test_add_func ("/tnef/mail-again", test_mail_again);
  g_test_add_func ("/tnef/mail-meeting", test_mail_meeting);
  g_test_add_func ("/tnef/mail-anywhere", test_mail_anywhere);
  g_test_add_func ("/tnef/mail-all", test_mail_all);
  g_test_add_func ("/tnef/mail-rich", test_mail_rich);
  g_test_add_func ("/tnef/no-tnef-out", test_row_101);
  g_test_add_func ("/tnef/correlator", test_correlator);
  return g_test_run ();
}
