/* Composed mail as other programs need it: what GMime, which is not ours, reads out of it; lines no longer
 * than they may be; message ids never encoded. */
#include "mime-mail.h"

#include <gmime/gmime.h>

#include "convert/ical.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GMimeStream, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GMimeParser, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GMimeMessage, g_object_unref)

static void
assert_lines (const char *mail, gsize longest)
{
  for (const char *line = mail, *lf; (lf = strchr (line, '\n')) != NULL; line = lf + 1) {
    g_assert_true (lf > line && lf[-1] == '\r');
    if ((gsize) (lf - line - 1) > longest)
      g_error ("a line of %d: %.*s", (int) (lf - line - 1), (int) (lf - line - 1), line);
  }
}

static GMimeMessage *
read_with_gmime (const char *mail)
{
  g_autoptr (GMimeStream) stream = g_mime_stream_mem_new_with_buffer (mail, strlen (mail));
  g_autoptr (GMimeParser) parser = g_mime_parser_new_with_stream (stream);
  return g_mime_parser_construct_message (parser, NULL);
}

static PnMessage *
new_mail (void)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->from = pn_address_new_internet ("ada@example.com", "Ada");
  PnRecipient *to
      = pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("b@example.org", NULL));
  to->listed = to->deliver = TRUE;
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("text\n", -1)));
  return message;
}

/* Names as words in Content-Type, which Outlook reads, and as RFC 2231 in Content-Disposition, which the
 * others do. */
static void
test_file_names (void)
{
  static const char *const names[] = {
    "plain.pdf",
    "with blank.pdf",
    "quote\"and'apostrophe.pdf",
    "100% = a;b,c(d).pdf",
    "=?utf-8?Q?not_a_word?=.pdf",
    "\xC3\x9C"
    "bersicht M\xC3\xA4rz.pdf",
    "\xD0\x9E\xD1\x82\xD1\x87\xD1\x91\xD1\x82 \xD0\xB7\xD0\xB0 "
    "\xD1\x8F\xD0\xBD\xD0\xB2\xD0\xB0\xD1\x80\xD1\x8C 2024 \xD0\xB3\xD0\xBE\xD0\xB4\xD0\xB0 "
    "\xD0\xB4\xD0\xBB\xD1\x8F \xD0\xB4\xD0\xB8\xD1\x80\xD0\xB5\xD0\xBA\xD1\x86\xD0\xB8\xD0\xB8.docx",
    "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x81\xAE\xE9\x95\xB7\xE3\x81\x84\xE3\x83\x95\xE3\x82\xA1\xE3\x82"
    "\xA4\xE3\x83\xAB\xE5\x90\x8D.xlsx",
    "\xF0\x9F\x98\x80.png",
    "a-very-long-name-of-ascii-letters-that-does-not-fit-into-one-line-of-a-header-because-it-has-so-many-of-"
    "them.txt",
  };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (PnMessage) message = new_mail ();
    PnPart *file = pn_part_new (PN_PART_ATTACHMENT, "application/pdf", pn_content_new_text ("%PDF", -1));
    file->name = g_strdup (names[i]);
    pn_message_add_part (message, file);
    g_autofree char *mail = compose_mail (message, FALSE);
    assert_lines (mail, 160);
    g_test_message ("%s", mail);
    g_autoptr (GMimeMessage) other = read_with_gmime (mail);
    GMimeMultipart *mixed = GMIME_MULTIPART (g_mime_message_get_mime_part (other));
    GMimeObject *part = g_mime_multipart_get_part (mixed, 1);
    g_assert_cmpstr (g_mime_object_get_content_disposition_parameter (part, "filename"), ==, names[i]);
    g_autofree char *name
        = g_mime_utils_header_decode_text (NULL, g_mime_object_get_content_type_parameter (part, "name"));
    if (strstr (names[i], "=?") == NULL)
      g_assert_cmpstr (name, ==, names[i]);
    gboolean ascii = g_str_is_ascii (names[i]);
    if (!ascii) {
      g_assert_nonnull (strstr (mail, " name=\"=?utf-8?"));
      g_assert_true (strstr (mail, " filename*=utf-8''") || strstr (mail, " filename*0*=utf-8''"));
    }
  }
}

/* Parameters of any length and kind come whole, in lines that are short enough. */
static void
test_parameters (void)
{
  g_autofree char *letters = g_strnfill (3000, 'a'), *name = g_strnfill (66, 'n');
  const struct {
    const char *name, *value, *quoted;
  } cases[] = { { "x", "b c", NULL },
                { "x", "say \"\xC3\xA4\" \\", "say \\\"\xC3\xA4\\\" \\\\" },
                { "x", letters, NULL },
                { name, "\xC3\xA4\xC3\xB6\xC3\xBC, and what else there is to say in a line", NULL },
                { name, letters, NULL } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (PnMessage) message = new_mail ();
    PnPart *file = pn_part_new (PN_PART_ATTACHMENT, "application/x-any", pn_content_new_text ("%PDF", -1));
    file->name = g_strdup ("a.bin");
    file->parameters = g_strdup_printf ("; %s=\"%s\"; y=1", cases[i].name,
                                        cases[i].quoted ? cases[i].quoted : cases[i].value);
    pn_message_add_part (message, file);
    g_autofree char *mail = compose_mail (message, FALSE);
    assert_lines (mail, 160);
    g_autoptr (GMimeMessage) other = read_with_gmime (mail);
    GMimeMultipart *mixed = GMIME_MULTIPART (g_mime_message_get_mime_part (other));
    GMimeObject *part = g_mime_multipart_get_part (mixed, 1);
    g_assert_cmpstr (g_mime_object_get_content_type_parameter (part, cases[i].name), ==, cases[i].value);
    g_assert_cmpstr (g_mime_object_get_content_type_parameter (part, "y"), ==, "1");
    if (cases[i].name == name)
      continue; /* longer than any that we read */
    g_autoptr (PnMessage) again = read_mail (mail, FALSE);
    g_autofree char *twice = compose_mail (again, FALSE);
    g_assert_cmpstr (twice, ==, mail);
  }
}

/* Exchange drops References that are encoded; a message id that came folded must not be copied with its fold.
 */
static void
test_references (void)
{
  g_autoptr (PnMessage) message = new_mail ();
  for (guint i = 0; i < 200; i++)
    g_ptr_array_add (
        message->references,
        g_strdup_printf ("AM0PR04MB4321%0*u_odd=?chars?=@AM0PR04MB4321.eurprd04.prod.outlook.com", i, i));
  message->in_reply_to = g_strdup (g_ptr_array_index (message->references, 199));
  g_autofree char *mail = compose_mail (message, FALSE);
  assert_lines (mail, 998);
  g_assert_null (strstr (mail, "=?utf-8"));
  g_autoptr (PnSource) source = pn_source_new_copy (mail, strlen (mail));
  g_autoptr (PnMessage) again = pn_mime_read (source, NULL, NULL);
  g_assert_cmpuint (again->references->len, ==, 200);
  for (guint i = 0; i < 200; i++)
    g_assert_cmpstr (g_ptr_array_index (again->references, i), ==,
                     g_ptr_array_index (message->references, i));
  g_assert_cmpstr (again->in_reply_to, ==, message->in_reply_to);

  static const char folded[]
      = "From: a@example.com\r\nMessage-ID:\r\n <AM0PR04MB4321\r\n @example.com>\r\n\r\n";
  g_autoptr (PnSource) other = pn_source_new_copy (folded, strlen (folded));
  g_autoptr (PnMessage) came = pn_mime_read (other, NULL, NULL);
  g_assert_cmpstr (came->message_id, ==, "AM0PR04MB4321@example.com");
  g_autofree char *out = compose_mail (came, FALSE);
  g_assert_nonnull (strstr (out, "Message-ID: <AM0PR04MB4321@example.com>\r\n"));
}

/* Exim refuses lines over 998; encoded ones end at 76. */
static void
test_columns (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < 3000; i++)
    g_string_append (text, i % 7 ? "word " : "w\xC3\xB6rter ");
  g_autoptr (PnMessage) message = new_mail ();
  pn_content_unref (((PnPart *) g_ptr_array_index (message->parts, 0))->content);
  ((PnPart *) g_ptr_array_index (message->parts, 0))->content = pn_content_new_text (text->str, -1);
  message->subject = g_strndup (text->str, 2000);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_ATTACHMENT, "text/x-log", pn_content_new_text (text->str, -1)));
  PnRecipient *to
      = pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("c@example.org", "Nam\xC3\xA9"));
  to->listed = to->deliver = TRUE;
  to->group = g_strdup ("Gr\xC3\xBCne Gruppe");
  g_autofree char *mail = compose_mail (message, FALSE);
  assert_lines (mail, 78);
  g_autoptr (GMimeMessage) other = read_with_gmime (mail);
  g_assert_cmpstr (g_mime_message_get_subject (other), ==, g_strchomp (message->subject));
  InternetAddressList *list = g_mime_message_get_to (other);
  g_assert_cmpint (internet_address_list_length (list), ==, 2);
  InternetAddress *group = internet_address_list_get_address (list, 1);
  g_assert_true (INTERNET_ADDRESS_IS_GROUP (group));
  g_assert_cmpstr (internet_address_get_name (group), ==, "Gr\xC3\xBCne Gruppe");

  message->subject[0] = 'x';
  g_string_truncate (text, 0);
  for (guint i = 0; i < 3000; i++)
    g_string_append_c (text, 'a');
  g_autoptr (PnMessage) unbroken = new_mail ();
  unbroken->subject = g_strdup (text->str);
  g_autofree char *second = compose_mail (unbroken, FALSE);
  assert_lines (second, 998);
  g_autoptr (GMimeMessage) read = read_with_gmime (second);
  g_assert_cmpstr (g_mime_message_get_subject (read), ==, text->str);
}

/* Who wrote and who sent; a domain outside ASCII is sent in its ASCII form, a local part needs SMTPUTF8 and
 * says so. */
static void
test_people (void)
{
  g_autoptr (PnMessage) message = new_mail ();
  message->sender = pn_address_new_internet ("office@example.com", "The, Office");
  PnRecipient *to = pn_message_add_recipient (message, PN_CC,
                                              pn_address_new_internet ("b@b\xC3\xBC"
                                                                       "cher.example",
                                                                       "B\xC3\xBC"
                                                                       "cher"));
  to->listed = to->deliver = TRUE;
  g_autofree char *mail = compose_mail (message, FALSE);
  g_assert_nonnull (
      strstr (mail, "\r\nFrom: Ada <ada@example.com>\r\nSender: \"The, Office\" <office@example.com>\r\n"));
  g_assert_nonnull (strstr (mail, "<b@xn--bcher-kva.example>"));
  g_assert_true (g_str_is_ascii (mail));
  g_assert_cmpuint (message->losses->len, ==, 0);

  PnRecipient *eai
      = pn_message_add_recipient (message, PN_CC, pn_address_new_internet ("j\xC3\xB6rg@example.org", NULL));
  eai->listed = eai->deliver = TRUE;
  g_autofree char *raw = compose_mail (message, FALSE);
  g_assert_nonnull (strstr (raw, "j\xC3\xB6rg@example.org"));
  g_assert_cmpuint (message->losses->len, ==, 1);
}

/* A plain text with its HTML twin, which comes last, as the richest form does. */
static void
test_html_twin (void)
{
  g_autoptr (PnMessage) message = new_mail ();
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  pn_mime_write (message, &(PnMimeWriteOptions){ .host = "example.com", .html_twin = TRUE }, &sink, &error);
  g_assert_no_error (error);
  g_autofree char *mail = g_strndup ((const char *) array->data, array->len);
  g_autoptr (GMimeMessage) read = read_with_gmime (mail);
  GMimeObject *top = g_mime_message_get_mime_part (read);
  g_assert_true (GMIME_IS_MULTIPART (top));
  g_assert_true (
      g_mime_content_type_is_type (g_mime_object_get_content_type (top), "multipart", "alternative"));
  g_assert_cmpint (g_mime_multipart_get_count (GMIME_MULTIPART (top)), ==, 2);
  GMimeObject *html = g_mime_multipart_get_part (GMIME_MULTIPART (top), 1);
  g_assert_true (g_mime_content_type_is_type (g_mime_object_get_content_type (html), "text", "html"));
  g_autofree char *shown = g_mime_text_part_get_text (GMIME_TEXT_PART (html));
  g_assert_nonnull (strstr (shown, "text"));
}

/* An answer to an invitation is nothing that absence notices are to go back for. */
static void
test_answer_is_automatic (void)
{
  g_autoptr (PnMessage) invitation = pn_message_new (PN_TYPE_APPOINTMENT);
  invitation->calendar = pn_calendar_new ();
  invitation->calendar->method = PN_METHOD_REQUEST;
  invitation->calendar->component = g_strdup ("VEVENT");
  invitation->calendar->uid = g_strdup ("one@example.org");
  invitation->calendar->organizer = pn_address_new_internet ("b@example.org", NULL);
  g_autoptr (PnAddress) ada = pn_address_new_internet ("ada@example.com", "Ada");
  g_autoptr (PnMessage) reply = pn_ical_reply (invitation, ada, PN_PARTSTAT_ACCEPTED, NULL, 1767225600);
  g_autofree char *mail = compose_mail (reply, FALSE);
  g_assert_nonnull (strstr (mail, "\r\nAuto-Submitted: auto-generated\r\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_mime_init ();
  g_test_add_func ("/mime-out/file-names", test_file_names);
  g_test_add_func ("/mime-out/parameters", test_parameters);
  g_test_add_func ("/mime-out/references", test_references);
  g_test_add_func ("/mime-out/columns", test_columns);
  g_test_add_func ("/mime-out/people", test_people);
  g_test_add_func ("/mime-out/html-twin", test_html_twin);
  g_test_add_func ("/mime-out/answer-is-automatic", test_answer_is_automatic);
  int status = g_test_run ();
  g_mime_shutdown ();
  return status;
}
