#include "convert/mime-basic.h"
#include "convert/mime-forward.h"
#include "convert/mime.h"

#include <string.h>

static char *
written (PnMessage *message, const char *charset)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (bytes);
  PnMimeWriteOptions options = {
    .host = "gw.example.org", .default_domain = "example.org", .basic = TRUE, .basic_charset = charset
  };
  gboolean ok = pn_mime_write (message, &options, &sink, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  return g_strndup ((const char *) bytes->data, bytes->len);
}

static PnMessage *
message_with (const char *text)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->from = pn_address_new_internet ("anna@example.org", "Anna");
  message->message_id = g_strdup ("one@example.org");
  message->subject = g_strdup ("Plans");
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("old@peer.example", NULL));
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text, -1)));
  return message;
}

static void
test_uuencode (void)
{
  static const char *const rows[][2] = {
    { "", "begin 644 x\r\n`\r\nend\r\n" },
    { "Cat", "begin 644 x\r\n#0V%T\r\n`\r\nend\r\n" },
    { "a", "begin 644 x\r\n!80``\r\n`\r\nend\r\n" },
    { "The quick brown fox jumps over the lazy dog. 12",
      "begin 644 "
      "x\r\nM5&AE('%U:6-K(&)R;W=N(&9O>\"!J=6UP<R!O=F5R('1H92!L87IY(&1O9RX@\r\n\",3(`\r\n`\r\nend\r\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnContent) content = pn_content_new_text (rows[i][0], -1);
    g_autoptr (GByteArray) out = g_byte_array_new ();
    PnSink sink = pn_sink_to_array (out);
    g_assert_true (pn_uuencode (content, "x", &sink, &error));
    g_autofree char *text = g_strndup ((const char *) out->data, out->len);
    g_assert_cmpstr (text, ==, rows[i][1]);
  }
}

/* No MIME field, files behind the text, long lines divided. */
static void
test_message (void)
{
  g_autofree char *wide = g_strnfill (1500, 'w');
  g_autofree char *text = g_strconcat ("first line\n", wide, "\nlast line", NULL);
  g_autoptr (PnMessage) message = message_with (text);
  PnPart *part
      = pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", pn_content_new_text ("Cat", -1));
  part->name = g_strdup ("my pläns.bin");
  pn_message_add_part (message, part);
  g_autofree char *mail = written (message, NULL);
  g_assert_nonnull (strstr (mail, "Subject: Plans\r\n"));
  g_assert_null (strstr (mail, "MIME-Version"));
  g_assert_null (strstr (mail, "Content-"));
  g_assert_nonnull (strstr (mail, "\r\n\r\nfirst line\r\nwww"));
  g_assert_nonnull (strstr (mail, "\r\nlast line\r\n\r\nbegin 644 my_plans.bin\r\n#0V%T\r\n`\r\nend\r\n"));
  g_auto (GStrv) lines = g_strsplit (mail, "\r\n", -1);
  for (guint i = 0; lines[i]; i++)
    g_assert_cmpuint (strlen (lines[i]), <=, 998);
}

/* Our own reader finds the file again. */
static void
test_back (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = message_with ("See the file.\n");
  g_autofree char *data = g_malloc (100000);
  for (guint i = 0; i < 100000; i++)
    data[i] = (char) (i * 7 + i / 256);
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, 100000);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", pn_content_new_bytes (bytes));
  part->name = g_strdup ("data.bin");
  pn_message_add_part (message, part);
  g_autofree char *mail = written (message, NULL);
  g_autoptr (PnSource) source = pn_source_new_copy (mail, strlen (mail));
  g_autoptr (PnMessage) back = pn_mime_read (source, &(PnMimeOptions){ 0 }, &error);
  g_assert_no_error (error);
  PnPart *file = pn_message_get_part (back, PN_PART_ATTACHMENT);
  g_assert_cmpstr (file->name, ==, "data.bin");
  g_autoptr (GBytes) content = pn_content_read (file->content, 1000000, &error);
  g_assert_true (g_bytes_equal (content, bytes));
}

/* Of a message of which only the head was read there is nothing to write, and nothing to forward flat. */
static void
test_no_content (void)
{
  static const PnPartRole roles[] = { PN_PART_TEXT, PN_PART_HTML, PN_PART_ATTACHMENT };
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++) {
    g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
    message->message_id = g_strdup ("one@example.org");
    pn_message_add_part (message, pn_part_new (roles[i], "message/rfc822", NULL));
    g_autofree char *mail = written (message, NULL);
    g_assert_true (g_str_has_suffix (mail, "\r\n\r\n"));
    g_assert_null (pn_mime_empty_wrapper (message));
  }
}

static void
test_charset (void)
{
  g_autoptr (PnMessage) western = message_with ("Gr\303\274\303\237e\n");
  g_autofree char *latin = written (western, "ISO-8859-1");
  g_assert_nonnull (strstr (latin, "\r\n\r\nGr\374\337e\r\n"));
  g_assert_cmpuint (western->losses->len, ==, 0);
  g_autofree char *ascii = written (western, NULL);
  g_assert_true (g_str_is_ascii (ascii));
  g_assert_cmpuint (western->losses->len, ==, 1);
}

/* --- flat forwarding --- */

static char *
forwarded (const char *subject, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = message_with (text);
  g_free (message->subject);
  message->subject = g_strdup (subject);
  PnPart *part = pn_part_new (
      PN_PART_ATTACHMENT, "message/rfc822",
      pn_content_new_text ("From: carol@peer.example\r\nSubject: Gr=?utf-8?q?=C3=BC=C3=9Fe?=\r\n"
                           "Message-ID: <inner@peer.example>\r\n\r\nthe text\r\n",
                           -1));
  pn_message_add_part (message, part);
  message->date = (PnTime){ TRUE, 1793613600, 60 };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (bytes);
  PnMimeWriteOptions options = { .host = "gw.example.org", .default_domain = "example.org", .flat = TRUE };
  g_assert_true (pn_mime_write (message, &options, &sink, &error));
  g_assert_no_error (error);
  return g_strndup ((const char *) bytes->data, bytes->len);
}

static void
test_flat (void)
{
  g_autofree char *mail = forwarded ("Fwd: Gr\303\274\303\237e", " \n\n");
  g_assert_cmpstr (mail, ==,
                   "Resent-From: Anna <anna@example.org>\r\n"
                   "Resent-To: old@peer.example\r\n"
                   "Resent-Date: Mon, 02 Nov 2026 11:00:00 +0100\r\n"
                   "Resent-Message-ID: <one@example.org>\r\n"
                   "From: carol@peer.example\r\n"
                   "Subject: Gr=?utf-8?q?=C3=BC=C3=9Fe?=\r\n"
                   "Message-ID: <inner@peer.example>\r\n"
                   "\r\n"
                   "the text\r\n");
  g_autofree char *said = forwarded ("Fwd: Gr\303\274\303\237e", "Look at this");
  g_assert_nonnull (strstr (said, "Content-Type: message/rfc822"));
  g_autofree char *named = forwarded ("Something else", "");
  g_assert_nonnull (strstr (named, "Content-Type: message/rfc822"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-basic/uuencode", test_uuencode);
  g_test_add_func ("/mime-basic/message", test_message);
  g_test_add_func ("/mime-basic/back", test_back);
  g_test_add_func ("/mime-basic/no-content", test_no_content);
  g_test_add_func ("/mime-basic/charset", test_charset);
  g_test_add_func ("/mime-basic/flat-forwarding", test_flat);
  return g_test_run ();
}
