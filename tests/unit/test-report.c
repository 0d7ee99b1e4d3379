/* Reports that come and go: DSN, MDN, and notices in words. */
#include "mime-mail.h"

#include <locale.h>
#include <stdlib.h>

#include "convert/ascii.h"
#include "convert/status-code.h"

static char *
write_mail (PnMessage *message, gboolean ignore_skeleton)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  PnMimeWriteOptions options
      = { .host = "mail.north.example", .now = 1700000000, .ignore_skeleton = ignore_skeleton };
  g_assert_true (pn_mime_write (message, &options, &sink, &error));
  g_assert_no_error (error);
  return g_strndup ((const char *) out->data, out->len);
}

static void
put (GString *out, const char *name, const char *value)
{
  if (value)
    g_string_append_printf (out, "  %s: %s\n", name, value);
}

static char *
tell (const PnMessage *message)
{
  GString *out = g_string_new (NULL);
  g_string_append_printf (out, "%s about %s\n", pn_message_type_to_string (message->type),
                          message->in_reply_to ? message->in_reply_to : "-");
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = message->reports->pdata[i];
    g_string_append_printf (
        out, "%s %s\n", report->recipient && report->recipient->internet ? report->recipient->internet : "-",
        pn_action_to_string (report->action));
    put (out, "original", report->original_recipient);
    put (out, "wording", report->wording);
    put (out, "code", report->status_code);
    put (out, "server", report->remote_mta);
    put (out, "diagnostic", report->diagnostic);
  }
  return g_string_free (out, FALSE);
}

/* --- notices in words ------------------------------------------------------------------------- */

#define FOLDER SRCDIR "/tests/golden/bounce"

static void
test_bounce (gconstpointer data)
{
  const char *name = data;
  g_autofree char *eml = g_strdup_printf ("%s/%s.eml", FOLDER, name);
  g_autofree char *txt = g_strdup_printf ("%s/%s.txt", FOLDER, name);
  g_autofree char *text = NULL;
  gsize length;
  g_assert_true (g_file_get_contents (eml, &text, &length, NULL));
  g_autoptr (PnMessage) message = read_mail (text, TRUE);
  g_autofree char *is = tell (message);
  if (getenv ("UPDATE_GOLDEN"))
    g_assert_true (g_file_set_contents (txt, is, -1, NULL));
  g_autofree char *expected = NULL;
  g_assert_true (g_file_get_contents (txt, &expected, NULL, NULL));
  g_assert_cmpstr (is, ==, expected);
  g_assert_cmpint (message->type, ==, g_str_has_prefix (name, "none-") ? PN_TYPE_MAIL : PN_TYPE_STATUS);
  g_autofree char *again = write_mail (message, FALSE);
  g_assert_cmpmem (again, strlen (again), text, length);
}

static void
add_bounces (void)
{
  GDir *dir = g_dir_open (FOLDER, 0, NULL);
  g_assert_nonnull (dir);
  for (const char *file; (file = g_dir_read_name (dir));) {
    if (!g_str_has_suffix (file, ".eml"))
      continue;
    char *name = g_strndup (file, strlen (file) - 4);
    g_autofree char *path = g_strconcat ("/report/bounce/", name, NULL);
    g_test_add_data_func_full (path, name, test_bounce, g_free);
  }
  g_dir_close (dir);
}

/* --- delivery status notifications ------------------------------------------------------------ */

static PnMessage *
read_dsn (const char *blocks, const char *from)
{
  g_autofree char *text = g_strdup_printf (
      "From: %s\r\nTo: anna@north.example\r\nSubject: report\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
      "--b\r\n\r\nwords\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n%s\r\n"
      "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: "
      "<654321.0001@mail.north.example>\r\n\r\n--b--\r\n",
      from, blocks);
  PnMessage *message = read_mail (text, TRUE);
  g_autofree char *again = write_mail (message, FALSE);
  g_assert_cmpstr (again, ==, text);
  return message;
}

static void
test_dsn_in (void)
{
  static const struct {
    const char *blocks, *told;
  } cases[] = {
    /* several recipients, the five actions */
    { "Reporting-MTA: dns; mx.example.org\r\n\r\n"
      "Final-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1 (no mailbox)\r\n"
      "Remote-MTA: dns; mx2.example.org\r\nDiagnostic-Code: smtp; 550-5.1.1 no\r\n\tsuch user; try\r\n  "
      "again\r\n\r\n"
      "Final-Recipient: rfc822; b@example.org\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n"
      "Final-Recipient: rfc822; c@example.org\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n"
      "Final-Recipient: rfc822; d@example.org\r\nAction: relayed\r\nStatus: 2.0.0\r\n\r\n"
      "Final-Recipient: rfc822; e@example.org\r\nAction: expanded\r\nStatus: 2.0.0\r\n",
      "a@example.org Undeliverable\n  code: 5.1.1\n  server: mx2.example.org\n"
      "  diagnostic: 550-5.1.1 no such user; try  again\n"
      "b@example.org Transfer Delayed\n  code: 4.4.1\nc@example.org Delivered\n  code: 2.0.0\n"
      "d@example.org Transferred\n  code: 2.0.0\ne@example.org Transferred\n  wording: expanded\n  code: "
      "2.0.0\n" },
    /* no blank line between the blocks, one in a block, no type, the original recipient */
    { "Reporting-MTA: dns; mx.example.org\r\n"
      "Original-Recipient: rfc822;list@example.org\r\nFinal-Recipient: a@example.org\r\n\r\nAction: "
      "failed\r\n"
      "Status: 5.0.0\r\nFinal-Recipient: rfc822;<b@example.org>\r\nAction: failed\r\nStatus: 5.2.2",
      "a@example.org Undeliverable\n  original: list@example.org\n  code: 5.0.0\n"
      "b@example.org Undeliverable\n  code: 5.2.2\n" },
    /* the original recipient behind the rest of its block */
    { "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; a@example.org\r\nAction: failed\r\n"
      "Status: 5.1.1\r\nOriginal-Recipient: rfc822; o@example.org\r\n\r\n"
      "Final-Recipient: rfc822; b@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n",
      "a@example.org Undeliverable\n  original: o@example.org\n  code: 5.1.1\n"
      "b@example.org Undeliverable\n  code: 5.1.1\n" },
    /* no action; an answer without its type that holds a semicolon; a code in the answer only */
    { "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; a@example.org\r\nStatus: "
      "5.1.1\r\n\r\n"
      "Final-Recipient: rfc822; b@example.org\r\nAction: failed\r\nDiagnostic-Code: 550 5.7.1 no; go "
      "away\r\n",
      "a@example.org Undeliverable\n  code: 5.1.1\n"
      "b@example.org Undeliverable\n  code: 5.7.1\n  diagnostic: 550 5.7.1 no; go away\n" },
    /* an action for all of them, where only what is said of the message belongs */
    { "Reporting-MTA: dns; mx.example.org\r\nAction: failed\r\nArrival-Date: Tue, 14 Nov 2023 22:13:20 "
      "+0000\r\n\r\n"
      "Final-Recipient: rfc822; a@example.org\r\nStatus: 4.7.0\r\n",
      "a@example.org Undeliverable\n  code: 4.7.0\n" },
    /* an account is no address */
    { "Reporting-MTA: dns; mx.example.org\r\n\r\nOriginal-Recipient: rfc822;<a@example.org>\r\n"
      "Final-Recipient: LOCAL;<a>\r\nAction: failed\r\nStatus: 5.0.0\r\n",
      "a@example.org Undeliverable\n  code: 5.0.0\n" },
    /* RFC 6533 */
    { "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: utf-8; j\\x{F6}rg@example.org\r\n"
      "Action: failed\r\nStatus: 5.6.7\r\n",
      "j\303\266rg@example.org Undeliverable\n  code: 5.6.7\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (PnMessage) message = read_dsn (cases[i].blocks, "MAILER-DAEMON@mx.example.org");
    g_autofree char *is = tell (message);
    g_autofree char *expected
        = g_strconcat ("Status about 654321.0001@mail.north.example\n", cases[i].told, NULL);
    g_assert_cmpstr (is, ==, expected);
  }
}

/* What we read we can say again, composed anew. */
static void
test_dsn_out (void)
{
  g_autoptr (PnMessage) message
      = read_dsn ("Reporting-MTA: dns; mx.example.org\r\n\r\nOriginal-Recipient: rfc822;list@example.org\r\n"
                  "Final-Recipient: utf-8; j\\x{F6}rg@example.org\r\nAction: failed\r\nStatus: 5.2.2\r\n"
                  "Remote-MTA: dns; mx2.example.org\r\nDiagnostic-Code: smtp; 550 5.2.2 full\r\n\r\n"
                  "Final-Recipient: rfc822; b@example.org\r\nAction: expanded\r\nStatus: 2.0.0\r\n",
                  "MAILER-DAEMON@mx.example.org");
  g_autofree char *text = write_mail (message, TRUE);
  g_test_message ("%s", text);
  g_assert_nonnull (strstr (text, "multipart/report; report-type=delivery-status"));
  g_assert_nonnull (strstr (text, "\r\nAuto-Submitted: auto-replied\r\n"));
  g_assert_nonnull (strstr (text, "\r\nReporting-MTA: dns; mail.north.example\r\n"));
  g_assert_nonnull (strstr (text, "\r\n\r\nOriginal-Recipient: rfc822; list@example.org\r\n"
                                  "Final-Recipient: utf-8; j\\x{F6}rg@example.org\r\nAction: failed\r\n"
                                  "Status: 5.2.2\r\nRemote-MTA: dns; mx2.example.org\r\n"
                                  "Diagnostic-Code: smtp; 550 5.2.2 full\r\n"));
  g_assert_nonnull (strstr (text, "\r\nAction: expanded\r\n"));
  g_autoptr (PnMessage) again = read_mail (text, TRUE);
  g_autofree char *was = tell (message);
  g_autofree char *is = tell (again);
  g_assert_cmpstr (is, ==, was);
}

/* --- disposition notifications ---------------------------------------------------------------- */

static void
test_mdn_in (void)
{
  static const struct {
    const char *head, *fields, *told;
  } cases[] = {
    { "multipart/report; report-type=disposition-notification; boundary=b",
      "Reporting-UA: pc; mail\r\nOriginal-Recipient: rfc822;b@example.org\r\n"
      "Final-Recipient: rfc822;b@example.org\r\nOriginal-Message-ID: <1@north.example>\r\n"
      "Disposition: manual-action/MDN-sent-manually; displayed\r\n",
      "Status about 1@north.example\nb@example.org Opened\n"
      "  wording: manual-action/MDN-sent-manually; displayed\n" },
    { "multipart/mixed; boundary=b",
      "Final-Recipient: b@example.org\r\nOriginal-Message-ID: <1@north.example>\r\n"
      "Disposition: automatic-action/MDN-sent-automatically; deleted/expired\r\n",
      "Status about 1@north.example\nb@example.org Deleted\n"
      "  wording: automatic-action/MDN-sent-automatically; deleted/expired\n" },
    /* as Exchange does it */
    { "multipart/report; boundary=b; report-type=disposition-notification",
      "Final-recipient: RFC822; b@example.org\r\n"
      "Disposition: automatic-action/MDN-sent-automatically; processed\r\nX-MSExch-Correlation-Key: key\r\n",
      "Status about 9@north.example\nb@example.org Opened\n"
      "  wording: automatic-action/MDN-sent-automatically; processed\n" },
    { "multipart/report; boundary=b; report-type=disposition-notification",
      "Final-recipient: RFC822; b@example.org\r\nDisposition: manual-action/MDN-sent-manually;dispatched\r\n",
      "Status about 9@north.example\nb@example.org Opened\n  wording: "
      "manual-action/MDN-sent-manually;dispatched\n" },
    { "multipart/report; boundary=b; report-type=disposition-notification",
      "Final-recipient: RFC822; b@example.org\r\nDisposition: manual-action/MDN-sent-manually; denied\r\n",
      "Status about 9@north.example\nb@example.org Deleted\n  wording: manual-action/MDN-sent-manually; "
      "denied\n" },
    { "multipart/report; boundary=b; report-type=disposition-notification",
      "Final-recipient: RFC822; b@example.org\r\nFailure: no key\r\n"
      "Disposition: manual-action/MDN-sent-manually; failed/error\r\n",
      "Status about 9@north.example\nb@example.org Deleted\n"
      "  wording: manual-action/MDN-sent-manually; failed/error\n  diagnostic: no key\n" },
    { NULL,
      "Final-Recipient: rfc822;b@example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n",
      "Status about 9@north.example\nb@example.org Opened\n"
      "  wording: manual-action/MDN-sent-manually; displayed\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) text = g_string_new (
        "From: Bob <b@example.org>\r\nTo: anna@north.example\r\nSubject: Read: x\r\nMIME-Version: 1.0\r\n");
    if (!strstr (cases[i].fields, "Original-Message-ID"))
      g_string_append (text, "In-Reply-To: <9@north.example>\r\n");
    const char *type = "Content-Type: message/disposition-notification\r\n\r\n";
    if (cases[i].head)
      g_string_append_printf (text, "Content-Type: %s\r\n\r\n--b\r\n\r\nread\r\n--b\r\n%s%s\r\n--b--\r\n",
                              cases[i].head, type, cases[i].fields);
    else
      g_string_append_printf (text, "%s%s", type, cases[i].fields);
    g_autoptr (PnMessage) message = read_mail (text->str, TRUE);
    g_autofree char *is = tell (message);
    g_assert_cmpstr (is, ==, cases[i].told);
    g_autofree char *again = write_mail (message, FALSE);
    g_assert_cmpstr (again, ==, text->str);
    g_autofree char *anew = write_mail (message, TRUE);
    g_autoptr (PnMessage) composed = read_mail (anew, TRUE);
    const PnStatusReport *was = message->reports->pdata[0], *now = composed->reports->pdata[0];
    g_assert_cmpint (now->action, ==, was->action);
    g_assert_cmpstr (now->wording, ==, was->wording);
    g_assert_cmpstr (now->recipient->internet, ==, was->recipient->internet);
  }
}

static void
test_mdn_out (void)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_STATUS);
  message->from = pn_address_new_internet ("anna@north.example", "Anna");
  message->in_reply_to = g_strdup ("7@example.org");
  message->subject = g_strdup ("Read: figures");
  PnRecipient *to
      = pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("b@example.org", NULL));
  to->listed = to->deliver = TRUE;
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = PN_ACTION_OPENED;
  report->recipient = pn_address_new_internet ("anna@north.example", NULL);
  report->original_recipient = g_strdup ("sales@north.example");
  g_ptr_array_add (message->reports, report);
  g_autofree char *text = write_mail (message, FALSE);
  g_test_message ("%s", text);
  g_assert_nonnull (strstr (text, "multipart/report; report-type=disposition-notification"));
  g_assert_nonnull (strstr (text, "\r\nReporting-UA: mail.north.example; Postern\r\n"
                                  "Original-Recipient: rfc822; sales@north.example\r\n"
                                  "Final-Recipient: rfc822; anna@north.example\r\n"
                                  "Original-Message-ID: <7@example.org>\r\n"
                                  "Disposition: manual-action/MDN-sent-automatically; displayed\r\n"));
  g_assert_nonnull (strstr (text, "\r\nAuto-Submitted: auto-replied\r\n"));
}

/* --- codes ------------------------------------------------------------------------------------ */

static void
assert_found (const char *text, const char *code)
{
  g_autofree char *found = pn_status_code_find (text);
  g_assert_cmpstr (found, ==, code);
}

static void
test_codes (void)
{
  g_assert_cmpstr (pn_status_code_describe ("5.1.1"), ==, "the mailbox does not exist");
  g_assert_cmpstr (pn_status_code_describe ("4.2.2"), ==, "the mailbox is full");
  g_assert_cmpstr (pn_status_code_describe ("5.7.26"), ==, "more than one authentication check failed");
  g_assert_cmpstr (pn_status_code_describe ("5.7.999"), ==,
                   "the message was refused for reasons of security or policy");
  g_assert_null (pn_status_code_describe ("5.9.9"));
  g_assert_null (pn_status_code_describe ("3.1.1"));
  g_assert_null (pn_status_code_describe ("5.1"));
  g_assert_null (pn_status_code_describe (NULL));
  assert_found ("550 5.1.1 no", "5.1.1");
  assert_found ("from 4.2.2.1 or 15.1.1", NULL);
  assert_found ("(#5.1.2)", "5.1.2");
  assert_found ("it said 5.2.2.", "5.2.2");
  g_assert_cmpint (pn_status_code_find_reply ("host said: 550 no"), ==, 550);
  g_assert_cmpint (pn_status_code_find_reply ("1550 of 192.0.2.450"), ==, 0);
  g_assert_cmpstr (pn_status_code_guess ("Mailbox Full", TRUE), ==, "4.2.2");
  g_assert_null (pn_status_code_guess ("hello", FALSE));
}

/* Behind the last character of Unicode there is none, whatever the low bits say. */
static void
test_utf8_address (void)
{
  g_autoptr (PnMessage) message
      = read_dsn ("Reporting-MTA: dns; mx.example.org\r\n\r\n"
                  "Final-Recipient: utf-8; \\x{100000041}@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n",
                  "MAILER-DAEMON@mx.example.org");
  const PnStatusReport *report = message->reports->pdata[0];
  g_assert_cmpstr (report->recipient->internet, ==, "\\x{100000041}@example.org");
}

/* The header of the message that came back, behind an empty line too, and no further than its end. */
static void
test_returned_header (void)
{
  static const char *const before[] = { "", "\r\n" };
  for (guint i = 0; i < G_N_ELEMENTS (before); i++) {
    g_autofree char *text = g_strconcat (
        "From: MAILER-DAEMON@mx.example.org\r\nTo: anna@north.example\r\nSubject: failure notice\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n<a@example.org>:\r\n550 no\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n",
        before[i],
        "To: a@example.org\r\nMessage-ID: <1@north.example>\r\n\r\nMessage-ID: "
        "<2@north.example>\r\n--b--\r\n",
        NULL);
    g_autoptr (PnMessage) message = read_mail (text, TRUE);
    g_assert_cmpint (message->type, ==, PN_TYPE_STATUS);
    g_assert_cmpstr (message->in_reply_to, ==, "1@north.example");
  }
}

/* A notice costs no more time than any other mail, whatever is in it. */
static void
test_hostile_notices (void)
{
  static const struct {
    const char *what, *to, *begin, *unit;
    guint n;
  } cases[] = {
    { "senders in one line", "anna@north.example, ", "from: ", "a@b.c ", 40000 },
    { "copies of headers", "anna@north.example, ", "", "To: a\r\nCc: b\r\n\r\n", 12000 },
    { "copies of headers with LF", "anna@north.example, ", "", "To: a\nCc: b\n\n", 16000 },
    { "parties", "someone@north.example, ", "", "the address b@a.c\r\n", 12000 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) text
        = g_string_new ("From: MAILER-DAEMON@mx.example.org\r\nSubject: failure notice\r\n");
    for (guint k = 0; k < (i == 3 ? 9000 : 1); k++)
      g_string_append_printf (text, "%s%s", k % 100 ? "" : k ? "x@y.z\r\nTo: " : "To: ", cases[i].to);
    g_string_append_printf (text, "x@north.example\r\n\r\n%s", cases[i].begin);
    for (guint k = 0; k < cases[i].n; k++)
      g_string_append (text, cases[i].unit);
    double seconds = time_to_read (text->str);
    g_test_message ("%s: %.2f s", cases[i].what, seconds);
    g_assert_cmpfloat (seconds, <, 1.5);
  }
}

/* In a Turkish locale, if there is one, 'I' is no 'i'; in mail it is. */
static void
test_locale (void)
{
  g_autofree char *before = g_strdup (setlocale (LC_ALL, NULL));
  setlocale (LC_ALL, "tr_TR.UTF-8");
  g_assert_cmpstr (pn_status_code_guess ("MAILBOX IS FULL", FALSE), ==, "5.2.2");
  setlocale (LC_ALL, before);
  static const char text[] = "one TWO";
  g_assert_true (pn_ascii_casestr (text, "two") == text + 4);
  g_assert_true (pn_ascii_casestr (text, "") == text);
  g_assert_null (pn_ascii_casestr (text, "two "));
  g_assert_null (pn_ascii_casestr ("\x1C"
                                   "body",
                                   "<body"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_bounces ();
  g_test_add_func ("/report/dsn-in", test_dsn_in);
  g_test_add_func ("/report/dsn-out", test_dsn_out);
  g_test_add_func ("/report/mdn-in", test_mdn_in);
  g_test_add_func ("/report/mdn-out", test_mdn_out);
  g_test_add_func ("/report/status-codes", test_codes);
  g_test_add_func ("/report/locale", test_locale);
  g_test_add_func ("/report/utf8-address", test_utf8_address);
  g_test_add_func ("/report/returned-header", test_returned_header);
  g_test_add_func ("/report/hostile-notices", test_hostile_notices);
  return g_test_run ();
}
