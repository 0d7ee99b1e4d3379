/* Composed Internet mail, judged by another parser (GMime). */
#include <gmime/gmime.h>
#include <string.h>

#include "convert/mime-encode.h"
#include "convert/mime-native-fields.h"
#include "convert/mime-write-header.h"
#include "convert/mime.h"
#include "random-message.h"

static const PnMimeWriteOptions plain
    = { .host = "gw.example.com", .default_domain = "example.com", .now = 1767225600, .keep_bcc = TRUE };

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GMimeMessage, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GMimeParser, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GMimeStream, g_object_unref)

static PnMessage *
new_message (void)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->id = g_strdup ("6743A1B2.1F3C.00A1.0000001C");
  message->date = (PnTime){ TRUE, 1767225600, 330 };
  message->from = pn_address_new_internet ("sender@example.com", "Sender");
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("reader@example.org", "Reader"));
  message->subject = g_strdup ("Test");
  return message;
}

static void
add_body (PnMessage *message, PnPartRole role, const char *type, const char *text)
{
  pn_message_add_part (message, pn_part_new (role, type, pn_content_new_text (text, -1)));
}

static PnPart *
add_file (PnMessage *message, const char *name, const char *type, const void *data, gssize length)
{
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, type, pn_content_new_text (data, length));
  part->name = g_strdup (name);
  pn_message_add_part (message, part);
  return part;
}

/* What every composed message keeps: CRLF, lines within bounds, a head in ASCII (but for addresses that are
 * not). */
static gboolean utf8_addresses;

static void
check_lines (const char *text, gsize length)
{
  gboolean head = TRUE;
  for (gsize i = 0; i < length;) {
    const char *end = memmem (text + i, length - i, "\r\n", 2);
    g_assert_nonnull (end);
    gsize n = (gsize) (end - text - i);
    g_assert_cmpuint (n, <=, 998);
    g_assert_null (memchr (text + i, '\n', n));
    g_assert_null (memchr (text + i, '\r', n));
    g_assert_null (memchr (text + i, 0, n));
    head = head && n > 0;
    for (gsize k = 0; head && k < n && !utf8_addresses; k++)
      g_assert_cmpint ((guchar) text[i + k], <, 0x80);
    g_assert_true (!head || g_utf8_validate (text + i, (gssize) n, NULL));
    i += n + 2;
  }
}

static char *
compose_with (PnMessage *message, const PnMimeWriteOptions *options)
{
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  gboolean done = pn_mime_write (message, options, &sink, &error);
  g_assert_no_error (error);
  g_assert_true (done);
  check_lines ((char *) array->data, array->len);
  return g_strndup ((char *) array->data, array->len);
}

static char *
compose (PnMessage *message)
{
  return compose_with (message, &plain);
}

static GMimeMessage *
parse (const char *text)
{
  g_autoptr (GMimeStream) stream = g_mime_stream_mem_new_with_buffer (text, strlen (text));
  g_autoptr (GMimeParser) parser = g_mime_parser_new_with_stream (stream);
  GMimeMessage *message = g_mime_parser_construct_message (parser, NULL);
  g_assert_nonnull (message);
  return message;
}

/* The decoded bytes of PART, line ends as they are. */
static GByteArray *
decoded (GMimeObject *part)
{
  g_assert_true (GMIME_IS_PART (part));
  GMimeStream *stream = g_mime_stream_mem_new ();
  g_mime_data_wrapper_write_to_stream (g_mime_part_get_content (GMIME_PART (part)), stream);
  GByteArray *array = g_mime_stream_mem_get_byte_array (GMIME_STREAM_MEM (stream));
  g_mime_stream_mem_set_owner (GMIME_STREAM_MEM (stream), FALSE);
  g_object_unref (stream);
  return array;
}

static char *
decoded_text (GMimeObject *part)
{
  GByteArray *array = decoded (part);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < array->len; i++)
    if (array->data[i] != '\r' || i + 1 >= array->len || array->data[i + 1] != '\n')
      g_string_append_c (text, (char) array->data[i]);
  g_byte_array_unref (array);
  return g_string_free (text, FALSE);
}

static GMimeObject *
child (GMimeObject *object, int n)
{
  g_assert_true (GMIME_IS_MULTIPART (object));
  g_assert_cmpint (n, <, g_mime_multipart_get_count (GMIME_MULTIPART (object)));
  return g_mime_multipart_get_part (GMIME_MULTIPART (object), n);
}

static void
assert_type (GMimeObject *object, const char *type)
{
  g_autofree char *is = g_mime_content_type_get_mime_type (g_mime_object_get_content_type (object));
  g_assert_cmpstr (is, ==, type);
}

/* --- the header -------------------------------------------------------------------------------------------
 */

static void
test_subjects (void)
{
  static const char *const subjects[] = {
    "Plain",
    "",
    "A rather long subject of plain words that cannot stand on one line and so has to be folded at a blank",
    "Gr\303\274\303\237e aus K\303\266ln, wie \303\274blich",
    "Re: one word is caf\303\251 and the others are plain ASCII that need not be encoded at all, many of "
    "them",
    "\346\227\245\346\234\254\350\252\236\343\201\256\344\273\266\345\220\215\343\201\214\343\201\250\343\201"
    "\246"
    "\343\202\202\351\225\267\343\201\204\345\240\264\345\220\210\343\201\247\343\202\202\346\226\207\345\255"
    "\227"
    "\343\201\256\351\200\224\344\270\255\343\201\247\345\210\207\343\202\214\343\201\252\343\201\204",
    "\360\237\230\200\360\237\230\201\360\237\230\202\360\237\230\203\360\237\230\204\360\237\230\205\360\237"
    "\230\206"
    "\360\237\230\207\360\237\230\210\360\237\230\211\360\237\230\212\360\237\230\213\360\237\230\214",
    "looks =?utf-8?Q?like?= a word",
    "two  blanks and \303\244 then  two",
    " blanks around ",
    "a tab\tinside",
    "\303\244 =?us-ascii?Q?x?= \303\266",
  };
  for (guint i = 0; i < G_N_ELEMENTS (subjects); i++) {
    g_autoptr (PnMessage) message = new_message ();
    g_free (message->subject);
    message->subject = g_strdup (subjects[i]);
    g_autofree char *text = compose (message);
    const char *line = strstr (text, "\r\nSubject:");
    g_assert_nonnull (line);
    for (line += 2; *line; line = strstr (line, "\r\n") + 2) {
      g_assert_cmpuint (strcspn (line, "\r"), <=, strstr (line, "=?utf-8") == line + 1 ? 76 : 78);
      if (line[strcspn (line, "\r") + 2] != ' ')
        break;
    }
    g_autoptr (GMimeMessage) parsed = parse (text);
    g_assert_cmpstr (g_mime_message_get_subject (parsed), ==, subjects[i]);
  }
}

/* No character may be split between two words: each word alone is valid UTF-8. */
static void
test_words_whole (void)
{
  g_autoptr (GString) subject = g_string_new (NULL);
  for (guint i = 0; i < 200; i++)
    g_string_append_unichar (subject, (gunichar[]){ 'a', 0xe4, 0x65e5, 0x1f600, ' ', '?' }[i * 7 % 6]);
  g_autoptr (PnMessage) message = new_message ();
  g_free (message->subject);
  message->subject = g_strdup (subject->str);
  g_autofree char *text = compose (message);
  guint words = 0;
  for (const char *word = strstr (text, "=?utf-8?"); word; word = strstr (word + 1, "=?utf-8?")) {
    const char *end = strstr (word + 10, "?=");
    g_autofree char *one = g_strndup (word, (gsize) (end + 2 - word));
    g_assert_cmpuint (strlen (one), <=, 75);
    g_autofree char *plain_text = g_mime_utils_header_decode_text (NULL, one);
    g_assert_true (g_utf8_validate (plain_text, -1, NULL));
    words++;
  }
  g_assert_cmpuint (words, >, 5);
  g_autoptr (GMimeMessage) parsed = parse (text);
  g_assert_cmpstr (g_mime_message_get_subject (parsed), ==, subject->str);
}

static void
test_names (void)
{
  static const char *const names[] = {
    "Plain Name",
    "Name, With Comma",
    "Quote \"Inside\" and \\ backslash",
    "J\303\266rg M\303\274ller",
    "J. Dot",
    "two  blanks",
    "=?utf-8?Q?word?=",
    "\346\227\245\346\234\254\350\252\236 \346\227\245\346\234\254\350\252\236 "
    "\346\227\245\346\234\254\350\252\236 "
    "\346\227\245\346\234\254\350\252\236 \346\227\245\346\234\254\350\252\236 "
    "\346\227\245\346\234\254\350\252\236",
    "A very long name of a department that has more words than fit into one line, and commas, of course, too",
    "caf\303\251 (bar) <x@example.org>",
  };
  g_autoptr (PnMessage) message = new_message ();
  g_ptr_array_set_size (message->recipients, 0);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *spec = g_strdup_printf ("r%u@example.org", i);
    pn_message_add_recipient (message, PN_TO, pn_address_new_internet (spec, names[i]));
  }
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  InternetAddressList *list = g_mime_message_get_to (parsed);
  g_assert_cmpint (internet_address_list_length (list), ==, G_N_ELEMENTS (names));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    InternetAddress *address = internet_address_list_get_address (list, (int) i);
    g_autofree char *spec = g_strdup_printf ("r%u@example.org", i);
    g_assert_cmpstr (internet_address_get_name (address), ==, names[i]);
    g_assert_cmpstr (internet_address_mailbox_get_addr (INTERNET_ADDRESS_MAILBOX (address)), ==, spec);
  }
}

static void
test_groups_and_kinds (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->sender = pn_address_new_internet ("secretary@example.com", NULL);
  g_ptr_array_add (message->reply_to, pn_address_new_internet ("one@example.com", "One"));
  g_ptr_array_add (message->reply_to, pn_address_new_internet ("two@example.com", NULL));
  for (guint i = 0; i < 2; i++) {
    PnRecipient *member = pn_message_add_recipient (
        message, PN_TO, pn_address_new_internet (i ? "b@example.org" : "a@example.org", NULL));
    member->group = g_strdup ("The Team, All");
  }
  pn_message_add_recipient (message, PN_CC, pn_address_new ("Dom", "Post Office", "jdoe"));
  pn_message_add_recipient (message, PN_BC, pn_address_new_internet ("hidden@example.org", NULL));
  PnRecipient *unlisted
      = pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("unlisted@example.org", NULL));
  unlisted->listed = FALSE;
  g_autofree char *text = compose (message);
  g_assert_nonnull (strstr (
      text, "\r\nTo: Reader <reader@example.org>, \"The Team, All\": a@example.org,\r\n b@example.org;\r\n"));
  g_assert_nonnull (strstr (text, "\r\nCc: jdoe.Post_Office.Dom@example.com\r\n"));
  g_assert_nonnull (strstr (text, "\r\nBcc: hidden@example.org\r\n"));
  g_assert_nonnull (strstr (text, "\r\nSender: secretary@example.com\r\n"));
  g_assert_nonnull (strstr (text, "\r\nReply-To: One <one@example.com>, two@example.com\r\n"));
  g_assert_null (strstr (text, "unlisted"));

  PnMimeWriteOptions options = plain;
  options.keep_bcc = FALSE;
  g_autofree char *without = compose_with (message, &options);
  g_assert_null (strstr (without, "hidden"));
}

/* What a field says must not become a field. */
static void
test_injection (void)
{
  g_autoptr (PnMessage) message = new_message ();
  g_free (message->subject);
  message->subject = g_strdup ("innocent\r\nBcc: victim@example.org\nX: y");
  message->from->name = (g_free (message->from->name), g_strdup ("Sender\r\nX-Evil: 1"));
  g_free (message->from->internet);
  message->from->internet = g_strdup ("sender\r\nX-Evil: 2@example.com\r\nX-Evil: 3");
  message->message_id = g_strdup ("id\r\nX-Evil: 4@example.com");
  message->in_reply_to = g_strdup ("re> \r\nX-Evil: 5");
  PnPart *part = add_file (message, "a\r\nX-Evil: 6.txt", "text/plain\r\nX-Evil: 7", "x", 1);
  part->content_id = g_strdup ("c\r\nX-Evil: 8");
  part->description = g_strdup ("d\r\nX-Evil: 9");
  part->parameters = g_strdup ("; a=b\r\nX-Evil: 10");
  part->content_location = g_strdup ("http://x/\r\nX-Evil: 11");
  g_autofree char *text = compose (message);
  g_assert_null (strstr (text, "\nX-Evil"));
  g_assert_null (strstr (text, "\nBcc"));
}

static void
test_options (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->priority = PN_PRIORITY_HIGH;
  message->security = PN_SECURITY_SECRET;
  message->status_request = PN_STATUS_REQUEST_OPENED;
  message->expires = (PnTime){ TRUE, 1767225600, 0 };
  message->respond_by = (PnTime){ TRUE, 1767225600, -90 };
  message->distribute_date = (PnTime){ TRUE, 1767225600, 60 };
  message->auto_generated = TRUE;
  message->in_reply_to = g_strdup ("first@example.org");
  for (guint i = 0; i < 40; i++)
    g_ptr_array_add (message->references,
                     g_strdup_printf ("a-long-message-id-number-%u@mail.example.org", i));
  g_autofree char *text = compose (message);
  static const char *const lines[] = { "Message-ID: <6743A1B2.1F3C.00A1.0000001C@gw.example.com>",
                                       "Date: Thu, 01 Jan 2026 05:30:00 +0530",
                                       "Importance: high",
                                       "X-Priority: 1 (Highest)",
                                       "Priority: urgent",
                                       "Sensitivity: Private",
                                       "X-Postern-Security: Secret",
                                       "Expires: Thu, 01 Jan 2026 00:00:00 +0000",
                                       "Reply-By: Wed, 31 Dec 2025 22:30:00 -0130",
                                       "Deferred-Delivery: Thu, 01 Jan 2026 01:00:00 +0100",
                                       "Disposition-Notification-To: Sender <sender@example.com>",
                                       "Auto-Submitted: auto-generated",
                                       "In-Reply-To: <first@example.org>",
                                       "MIME-Version: 1.0" };
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autofree char *line = g_strdup_printf ("\r\n%s\r\n", lines[i]);
    if (!strstr (text, line) && !g_str_has_prefix (text, line + 2))
      g_error ("missing: %s in\n%s", lines[i], text);
  }
  g_autoptr (GMimeMessage) parsed = parse (text);
  g_autofree char *references = g_strdup (g_mime_object_get_header (GMIME_OBJECT (parsed), "References"));
  g_assert_null (strstr (references, "=?"));
  GMimeReferences *list = g_mime_references_parse (NULL, references);
  g_assert_cmpint (g_mime_references_length (list), ==, 40);
  g_mime_references_free (list);
}

static void
test_same_each_time (void)
{
  g_autoptr (PnMessage) message = new_message ();
  add_body (message, PN_PART_TEXT, "text/plain", "Hello\n");
  add_body (message, PN_PART_HTML, "text/html", "<p>Hello</p>\n");
  add_file (message, "a.bin", "application/octet-stream", "\0\1\2", 3);
  g_autofree char *one = compose (message);
  g_autofree char *two = compose (message);
  g_assert_cmpstr (one, ==, two);
}

/* --- bodies ------------------------------------------------------------------------------------------------
 */

static void
test_text_encodings (void)
{
  g_autofree char *long_line = g_strnfill (2400, 'x');
  g_autofree char *limit_line = g_strnfill (998, 'y');
  const struct {
    const char *text;
    const char *encoding;
  } cases[] = {
    { "Plain text\nof two lines\n", NULL },
    { limit_line, NULL },
    { "no line end", NULL },
    { long_line, "quoted-printable" },
    { "a dot\n.\nalone\n", "quoted-printable" },
    { "From here\nto there\n>From too\n", "quoted-printable" },
    { "signature\n-- \nname\n", "quoted-printable" },
    { "tab at end\t\nx\n", "quoted-printable" },
    { "caf\303\251 = one word in many that are plain\n", "quoted-printable" },
    { "\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254\350\252\236\n", "base64" },
    { "bell\a and bare\rreturn\n", "quoted-printable" },
    { "\n\n\n", NULL },
    { "From \nFrom=20x\nF\nFr\nFrom", "quoted-printable" },
    { "ends in blank ", "quoted-printable" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (PnMessage) message = new_message ();
    add_body (message, PN_PART_TEXT, "text/plain", cases[i].text);
    add_file (message, "x", "application/octet-stream", "x", 1);
    g_autofree char *text = compose (message);
    g_autoptr (GMimeMessage) parsed = parse (text);
    GMimeObject *body = child (g_mime_message_get_mime_part (parsed), 0);
    g_assert_cmpstr (g_mime_object_get_header (body, "Content-Transfer-Encoding"), ==, cases[i].encoding);
    g_autofree char *back = decoded_text (body);
    g_assert_cmpstr (back, ==, cases[i].text);
    g_assert_null (strstr (text, "\r\nFrom "));
    g_assert_null (strstr (text, "\r\n.\r\n"));
    g_assert_null (strstr (text, " \r\n"));
  }
}

/* Every text of a few awkward bytes comes back from quoted-printable, in lines of at most 76. */
static void
test_quoted_printable (void)
{
  static const char alphabet[] = { 'F', 'r', 'o', 'm', ' ', '.', '\n', '=', '\t', 'x', '\r', '\303' };
  GRand *random = g_rand_new_with_seed (7);
  for (guint round = 0; round < 2000; round++) {
    g_autoptr (GString) text = g_string_new (NULL);
    for (guint n = g_rand_int_range (random, 1, 300); n > 0; n--)
      g_string_append_c (text, alphabet[g_rand_int_range (random, 0, sizeof alphabet)]);
    g_autoptr (PnContent) content = pn_content_new_text (text->str, (gssize) text->len);
    g_autoptr (GByteArray) array = g_byte_array_new ();
    PnSink sink = pn_sink_to_array (array);
    g_assert_true (pn_mime_encode_text (content, PN_TRANSFER_QUOTED_PRINTABLE, &sink, NULL));
    g_byte_array_append (array, (const guint8 *) "", 1);
    const char *encoded = (char *) array->data;
    g_auto (GStrv) lines = g_strsplit (encoded, "\r\n", -1);
    for (char **line = lines; *line; line++) {
      g_assert_cmpuint (strlen (*line), <=, 76);
      g_assert_false (g_str_has_prefix (*line, "From "));
      g_assert_cmpstr (*line, !=, ".");
      g_assert_false (g_str_has_suffix (*line, " ") || g_str_has_suffix (*line, "\t"));
    }
    GMimeEncoding state;
    g_mime_encoding_init_decode (&state, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    g_autofree char *back = g_malloc (array->len + 16);
    gsize n = g_mime_encoding_flush (&state, encoded, array->len - 1, back);
    g_autoptr (GString) canonical = g_string_new (NULL);
    for (gsize i = 0; i < text->len; i++) {
      if (text->str[i] == '\n' && !(i > 0 && text->str[i - 1] == '\r'))
        g_string_append_c (canonical, '\r');
      g_string_append_c (canonical, text->str[i]);
    }
    g_assert_cmpmem (back, n, canonical->str, canonical->len);
  }
  g_rand_free (random);
}

static void
test_alone (void)
{
  static const char *const texts[]
      = { "", "x", "x\n", "caf\303\251", "\346\227\245\346\234\254\350\252\236", "x " };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (PnMessage) message = new_message ();
    add_body (message, PN_PART_TEXT, "text/plain", texts[i]);
    g_autofree char *text = compose (message);
    g_autoptr (GMimeMessage) parsed = parse (text);
    g_autofree char *back = decoded_text (g_mime_message_get_mime_part (parsed));
    g_assert_true (g_str_has_prefix (back, texts[i]));
    g_assert_true (g_str_equal (back + strlen (texts[i]), "")
                   || g_str_equal (back + strlen (texts[i]), "\n"));
  }
}

/* --- structure ---------------------------------------------------------------------------------------------
 */

static void
test_structure (void)
{
  g_autoptr (PnMessage) message = new_message ();
  add_body (message, PN_PART_HTML, "text/html",
            "<p>Hello <b>there</b></p><img src=\"cid:pic@x\" alt=\"Picture\">\n");
  PnPart *inline_part = pn_part_new (PN_PART_INLINE, "image/png", pn_content_new_text ("\211PNG", 4));
  inline_part->content_id = g_strdup ("pic@x");
  pn_message_add_part (message, inline_part);
  PnPart *file = add_file (message, "report.pdf", "application/pdf", "%PDF", 4);
  file->created = (PnTime){ TRUE, 1767225600, 0 };
  file->description = g_strdup ("Der Bericht f\303\274r M\303\244rz");
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  GMimeObject *mixed = g_mime_message_get_mime_part (parsed);
  assert_type (mixed, "multipart/mixed");
  GMimeObject *alternative = child (mixed, 0);
  assert_type (alternative, "multipart/alternative");
  assert_type (child (alternative, 0), "text/plain");
  g_autofree char *twin = decoded_text (child (alternative, 0));
  g_assert_cmpstr (twin, ==, "Hello there\n\nPicture\n");
  GMimeObject *related = child (alternative, 1);
  assert_type (related, "multipart/related");
  assert_type (child (related, 0), "text/html");
  assert_type (child (related, 1), "image/png");
  g_assert_cmpstr (g_mime_object_get_content_id (child (related, 1)), ==, "pic@x");
  g_assert_cmpstr (g_mime_object_get_disposition (child (related, 1)), ==, "inline");
  GMimeObject *pdf = child (mixed, 1);
  assert_type (pdf, "application/pdf");
  g_assert_cmpstr (g_mime_part_get_filename (GMIME_PART (pdf)), ==, "report.pdf");
  g_assert_cmpstr (g_mime_part_get_content_description (GMIME_PART (pdf)), ==, file->description);
  g_assert_nonnull (strstr (text, "creation-date=\"Thu, 01 Jan 2026 00:00:00 +0000\""));
}

/* What is longer than a line can be is no address, but may be read by a person. */
static void
test_long_address (void)
{
  g_autofree char *letters = g_strnfill (1500, 'x'), *quoted = g_strconcat ("\"a ", letters, "\"@example.org", NULL);
  g_autofree char *domain = g_strconcat ("a@", letters, ".example", NULL);
  g_autoptr (PnMessage) message = new_message ();
  g_ptr_array_set_size (message->recipients, 0);
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet (quoted, NULL));
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet (domain, "Bert"));
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  InternetAddressList *list = g_mime_message_get_to (parsed);
  g_assert_cmpint (internet_address_list_length (list), ==, 2);
  for (int i = 0; i < 2; i++) {
    InternetAddress *one = internet_address_list_get_address (list, i);
    g_assert_cmpstr (internet_address_mailbox_get_addr (INTERNET_ADDRESS_MAILBOX (one)), ==,
                     "unknown@address.invalid");
    g_assert_cmpstr (internet_address_get_name (one), ==, i == 0 ? quoted : "Bert");
  }
}

static void
test_file_names (void)
{
  static const char *const names[] = {
    "plain.txt",
    "with blank.txt",
    "quote\"d.txt",
    "Gr\303\266\303\237e.pdf",
    "\346\227\245\346\234\254\350\252\236\343\201\256\343\203\225\343\202\241\343\202\244\343\203\253\345\220"
    "\215\343\201\214"
    "\343\201\250\343\201\246\343\202\202\351\225\267\343\201\204\345\240\264\345\220\210.docx",
    "percent%41.txt",
    "apostrophe'.txt",
    "semi;colon=equals.txt",
    "=?utf-8?Q?word?=.txt",
    "a-file-name-that-is-longer-than-one-line-of-a-header-field-can-be-when-it-is-folded-at-seventy-eight."
    "txt",
  };
  g_autoptr (PnMessage) message = new_message ();
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    add_file (message, names[i], "application/octet-stream", "x", 1);
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GMimeObject *part = child (g_mime_message_get_mime_part (parsed), (int) i);
    g_assert_cmpstr (g_mime_part_get_filename (GMIME_PART (part)), ==, names[i]);
    if (!strstr (names[i], "=?")) /* GMime decodes what it has decoded once more */
      g_assert_cmpstr (g_mime_object_get_content_type_parameter (part, "name"), ==, names[i]);
  }
  g_assert_nonnull (strstr (text, "filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf"));
  g_assert_nonnull (strstr (text, "name=\"=?utf-8?B?R3LDtsOfZS5wZGY=?=\""));
}

static void
test_embedded (void)
{
  static const char inner[] = "Subject: inner\r\n\r\nText of it\r\n.\r\nFrom me\r\n";
  g_autoptr (PnMessage) message = new_message ();
  add_body (message, PN_PART_TEXT, "text/plain", "See below\n");
  add_file (message, "inner.eml", "message/rfc822", inner, -1);
  g_autofree char *filler = g_strnfill (1500, 'x');
  g_autofree char *long_line = g_strconcat ("Subject: long\r\n\r\n", filler, "\r\n", NULL);
  add_file (message, NULL, "message/rfc822", long_line, -1);
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  GMimeObject *mixed = g_mime_message_get_mime_part (parsed);
  GMimeObject *first = child (mixed, 1);
  g_assert_true (GMIME_IS_MESSAGE_PART (first));
  g_assert_cmpstr (g_mime_message_get_subject (g_mime_message_part_get_message (GMIME_MESSAGE_PART (first))),
                   ==, "inner");
  g_assert_nonnull (strstr (text, inner));
  GMimeObject *second = child (mixed, 2);
  assert_type (second, "application/octet-stream");
  g_assert_cmpstr (g_mime_part_get_filename (GMIME_PART (second)), ==, "message.eml");
  GByteArray *bytes = decoded (second);
  g_assert_cmpmem (bytes->data, bytes->len, long_line, strlen (long_line));
  g_byte_array_unref (bytes);
  g_assert_cmpuint (message->losses->len, ==, 1);
}

/* A part that cannot be encoded and holds what would have been the boundary. */
static void
test_boundary (void)
{
  g_autoptr (PnMessage) message = new_message ();
  add_body (message, PN_PART_TEXT, "text/plain", "x\n");
  add_file (message, NULL, "message/rfc822", "Subject: a\r\n\r\nb\r\n", -1);
  g_autofree char *first = compose (message);
  const char *boundary = strstr (first, "\r\n--=_") + 2;
  g_autofree char *line = g_strndup (boundary, strcspn (boundary, "\r"));
  g_autofree char *evil = g_strdup_printf ("Subject: a\r\n\r\n%s\r\n\r\nend\r\n", line);
  g_autofree char *evil_text = g_strdup_printf ("text\n%s\nend\n", line);

  g_autoptr (PnMessage) other = new_message ();
  add_body (other, PN_PART_TEXT, "text/plain", evil_text);
  add_file (other, NULL, "message/rfc822", evil, -1);
  g_autofree char *text = compose (other);
  g_autoptr (GMimeMessage) parsed = parse (text);
  GMimeObject *mixed = g_mime_message_get_mime_part (parsed);
  g_assert_cmpint (g_mime_multipart_get_count (GMIME_MULTIPART (mixed)), ==, 2);
  g_autofree char *back = decoded_text (child (mixed, 0));
  g_assert_cmpstr (back, ==, evil_text);
  g_assert_nonnull (strstr (text, evil));
}

/* --- calendar, status, phone
 * --------------------------------------------------------------------------------- */

static void
test_invitation (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->type = PN_TYPE_APPOINTMENT;
  message->calendar = pn_calendar_new ();
  message->calendar->method = PN_METHOD_REQUEST;
  message->calendar->component = g_strdup ("VEVENT");
  message->calendar->uid = g_strdup ("uid-1@example.com");
  message->calendar->summary = g_strdup ("Besprechung \303\274ber alles");
  message->calendar->start = (PnCalendarTime){ .set = TRUE,
                                               .year = 2026,
                                               .month = 3,
                                               .day = 2,
                                               .hour = 9,
                                               .tzid = g_strdup ("Europe/Berlin"),
                                               .unix_time = 1772438400 };
  message->calendar->organizer = pn_address_new_internet ("sender@example.com", "Sender");
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  GMimeObject *alternative = g_mime_message_get_mime_part (parsed);
  assert_type (alternative, "multipart/alternative");
  assert_type (child (alternative, 0), "text/plain");
  GMimeObject *calendar = child (alternative, 1);
  assert_type (calendar, "text/calendar");
  g_assert_cmpstr (g_mime_object_get_content_type_parameter (calendar, "method"), ==, "REQUEST");
  g_assert_cmpstr (g_mime_object_get_content_type_parameter (calendar, "charset"), ==, "utf-8");
  g_assert_cmpstr (g_mime_object_get_content_type_parameter (calendar, "component"), ==, "VEVENT");
  g_assert_null (g_mime_object_get_header (calendar, "Content-Disposition"));
  g_assert_null (g_mime_object_get_header (calendar, "Content-ID"));
  g_autofree char *ics = decoded_text (calendar);
  g_assert_nonnull (strstr (ics, "METHOD:REQUEST\n"));
  g_assert_nonnull (strstr (ics, "UID:uid-1@example.com\n"));

  message->action = g_strdup ("Retract");
  g_autofree char *cancel = compose (message);
  g_assert_nonnull (strstr (cancel, "method=CANCEL"));
  g_assert_cmpint (message->calendar->method, ==, PN_METHOD_REQUEST);
}

static PnStatusReport *
add_report (PnMessage *message, PnAction action, const char *recipient)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = (PnTime){ TRUE, 1767225600, 60 };
  report->recipient = pn_address_new_internet (recipient, NULL);
  g_ptr_array_add (message->reports, report);
  return report;
}

static void
test_delivery_report (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->type = PN_TYPE_STATUS;
  message->envelope_id = g_strdup ("ENV1");
  PnStatusReport *failed = add_report (message, PN_ACTION_UNDELIVERABLE, "nobody@example.net");
  failed->status_code = g_strdup ("5.1.1");
  failed->diagnostic = g_strdup ("550 5.1.1 no such user\r\nX-Evil: 1");
  failed->remote_mta = g_strdup ("mx.example.net");
  add_report (message, PN_ACTION_TRANSFERRED, "somebody@example.net");
  add_file (message, NULL, "text/rfc822-headers", "Subject: original\r\n", -1);
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  GMimeObject *report = g_mime_message_get_mime_part (parsed);
  assert_type (report, "multipart/report");
  g_assert_cmpstr (g_mime_object_get_content_type_parameter (report, "report-type"), ==, "delivery-status");
  g_assert_cmpint (g_mime_multipart_get_count (GMIME_MULTIPART (report)), ==, 3);
  assert_type (child (report, 0), "text/plain");
  assert_type (child (report, 1), "message/delivery-status");
  assert_type (child (report, 2), "text/rfc822-headers");
  g_autofree char *status = decoded_text (child (report, 1));
  g_assert_cmpstr (
      status, ==,
      "Reporting-MTA: dns; gw.example.com\nOriginal-Envelope-Id: ENV1\n\n"
      "Final-Recipient: rfc822; nobody@example.net\nAction: failed\nStatus: 5.1.1\n"
      "Remote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 5.1.1 no such user  X-Evil: 1\n"
      "Last-Attempt-Date: Thu, 01 Jan 2026 01:00:00 +0100\n\n"
      "Final-Recipient: rfc822; somebody@example.net\nAction: relayed\nStatus: 2.0.0\n"
      "Last-Attempt-Date: Thu, 01 Jan 2026 01:00:00 +0100\n");
  g_assert_nonnull (strstr (text, "\r\nAuto-Submitted: auto-replied\r\n"));
}

static void
test_disposition_report (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->type = PN_TYPE_STATUS;
  message->in_reply_to = g_strdup ("original@example.org");
  add_report (message, PN_ACTION_OPENED, "sender@example.com");
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  GMimeObject *report = g_mime_message_get_mime_part (parsed);
  g_assert_cmpstr (g_mime_object_get_content_type_parameter (report, "report-type"), ==,
                   "disposition-notification");
  assert_type (child (report, 1), "message/disposition-notification");
  g_autofree char *status = decoded_text (child (report, 1));
  g_assert_nonnull (strstr (status, "Final-Recipient: rfc822; sender@example.com\n"));
  g_assert_nonnull (strstr (status, "Original-Message-ID: <original@example.org>\n"));
  g_assert_nonnull (strstr (status, "; displayed\n"));
}

static void
test_phone (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->type = PN_TYPE_PHONE;
  message->caller_name = g_strdup ("J\303\266rg");
  message->caller_phone = g_strdup ("+49 30 1234");
  message->call_action = PN_CALL_PLEASE_CALL | PN_CALL_URGENT;
  add_body (message, PN_PART_TEXT, "text/plain", "About the roof\n");
  g_autofree char *text = compose (message);
  g_autoptr (GMimeMessage) parsed = parse (text);
  g_autofree char *body = decoded_text (g_mime_message_get_mime_part (parsed));
  g_assert_cmpstr (body, ==,
                   "Phone message\nCaller: J\303\266rg\nPhone: +49 30 1234\n[x] Please call\n[x] "
                   "Urgent\n\nAbout the roof\n");
  g_assert_nonnull (strstr (text, "\r\nX-Postern-Type: Phone\r\n"));
  g_assert_nonnull (strstr (text, "\r\nX-Postern-Call-Action: Please call, Urgent\r\n"));
}

static void
test_losses (void)
{
  g_autoptr (PnMessage) message = new_message ();
  message->type = PN_TYPE_ADMIN;
  message->send_options = g_strdup ("Notify Recipients");
  g_autofree char *text = compose (message);
  g_assert_cmpuint (message->losses->len, ==, 2);
  g_assert_null (strstr (text, "X-Postern-Native"));
  PnMimeWriteOptions options = plain;
  options.native_fields = TRUE;
  g_autofree char *undoable = compose_with (message, &options);
  g_assert_cmpuint (message->losses->len, ==, 2);
  g_assert_nonnull (strstr (undoable, "X-Postern-Native: version=1;type=Admin;"));
}

/* Whatever a message holds, what is written is mail: lines, head and structure. */
static void
test_random (void)
{
  RandomMessage random = { g_rand_new_with_seed (11), FALSE };
  utf8_addresses = TRUE;
  for (guint i = 0; i < 1500; i++) {
    g_autoptr (PnMessage) message = random_message (&random, (PnMessageType) (i % 8));
    for (guint k = message->parts->len; k-- > 0;) {
      PnPart *part = g_ptr_array_index (message->parts, k);
      if (part->role == PN_PART_SKELETON)
        g_ptr_array_remove_index (message->parts, k);
    }
    PnMimeWriteOptions options = plain;
    options.native_fields = i % 2;
    g_autofree char *text = compose_with (message, &options);
    g_autoptr (GMimeMessage) parsed = parse (text);
    g_assert_nonnull (g_mime_message_get_message_id (parsed));
    g_assert_nonnull (g_mime_message_get_mime_part (parsed));
  }
  utf8_addresses = FALSE;
  g_rand_free (random.rand);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_mime_init ();
  g_test_add_func ("/mime-write/subjects", test_subjects);
  g_test_add_func ("/mime-write/words-whole", test_words_whole);
  g_test_add_func ("/mime-write/names", test_names);
  g_test_add_func ("/mime-write/long-address", test_long_address);
  g_test_add_func ("/mime-write/groups-and-kinds", test_groups_and_kinds);
  g_test_add_func ("/mime-write/injection", test_injection);
  g_test_add_func ("/mime-write/options", test_options);
  g_test_add_func ("/mime-write/same-each-time", test_same_each_time);
  g_test_add_func ("/mime-write/text-encodings", test_text_encodings);
  g_test_add_func ("/mime-write/quoted-printable", test_quoted_printable);
  g_test_add_func ("/mime-write/alone", test_alone);
  g_test_add_func ("/mime-write/structure", test_structure);
  g_test_add_func ("/mime-write/file-names", test_file_names);
  g_test_add_func ("/mime-write/embedded", test_embedded);
  g_test_add_func ("/mime-write/boundary", test_boundary);
  g_test_add_func ("/mime-write/invitation", test_invitation);
  g_test_add_func ("/mime-write/delivery-report", test_delivery_report);
  g_test_add_func ("/mime-write/disposition-report", test_disposition_report);
  g_test_add_func ("/mime-write/phone", test_phone);
  g_test_add_func ("/mime-write/losses", test_losses);
  g_test_add_func ("/mime-write/random", test_random);
  int result = g_test_run ();
  g_mime_shutdown ();
  return result;
}
