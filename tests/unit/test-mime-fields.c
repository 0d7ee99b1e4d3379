/* Each field of a header into the native message, through a native file, and out again in mail that is
 * composed anew: the field is still there and says the same. */
#include "mime-mail.h"

#include "convert/mime-header.h"

/* All values of the field in the header of TEXT, decoded, joined by '|'. */
static char *
find_field (const char *text, const char *name)
{
  const char *cursor = text, *end = strstr (text, "\r\n\r\n") + 2;
  GString *out = g_string_new (NULL);
  PnHeaderField field;
  while (pn_header_next (&cursor, end, &field)) {
    PnHeaderContext context = { 0 };
    if (!pn_header_name_is (&field, name))
      continue;
    g_autofree char *value = pn_header_decode (field.value, field.value_length, &context);
    g_string_append_printf (out, "%s%s", out->len ? "|" : "", value);
  }
  return g_string_free (out, FALSE);
}

#define HEAD "From: Ada Example <ada@example.com>\r\nTo: b@example.org\r\nMIME-Version: 1.0\r\n"

/* The field as it came and as it goes out; OUT NULL: the same. */
static const struct {
  const char *name, *in, *out;
} fields[] = {
  /* who */
  { "Sender", "Bert Example <b@example.com>", NULL },
  { "Reply-To", "A <a@example.com>, b@example.com, \"C, D\" <c@example.com>", NULL },
  { "Cc", "Team: A <a@example.com>, b@example.com;, c@example.com", NULL },
  { "Bcc", "b@example.com", NULL },
  /* which */
  { "Message-ID", "<1@example.com>", NULL },
  { "In-Reply-To", "<1@example.com>", NULL },
  { "In-Reply-To", "<1@example.com> <2@example.com>", NULL },
  { "References", "<1@example.com> <2@example.com>", NULL },
  { "Thread-Topic", "Angebot f\xC3\xBCr Bert", NULL },
  { "Thread-Index", "AdpHEZ1bq0bPq3J8Q0a0c3o5q5x7rw==", NULL },
  { "Subject",
    "Gr\xC3\xBC\xC3\x9F"
    "e",
    NULL },
  { "Comments", "x", NULL },
  { "Keywords", "one, zwei, dr\xC3\xB6i", NULL },
  { "X-Keywords", "NonJunk", NULL },
  { "Content-Language", "de-DE", NULL },
  { "Accept-Language", "de-DE, en-US", NULL },
  { "Organization", "Example", NULL },
  /* how urgent, how secret */
  { "Importance", "high", NULL },
  { "Importance", "low", NULL },
  { "X-Priority", "1", "1 (Highest)" },
  { "Priority", "urgent", NULL },
  { "Priority", "non-urgent", NULL },
  { "Sensitivity", "Personal", NULL },
  { "Sensitivity", "Private", NULL },
  { "Sensitivity", "Company-Confidential", NULL },
  /* when */
  { "Date", "Mon, 15 Jan 2024 10:20:30 +0100", NULL },
  { "Expires", "Mon, 15 Jan 2024 10:20:30 +0100", NULL },
  { "Reply-By", "Mon, 15 Jan 2024 10:20:30 +0100", NULL },
  { "Deferred-Delivery", "Mon, 15 Jan 2024 10:20:30 +0100", NULL },
  /* receipts */
  { "Disposition-Notification-To", "Ada Example <ada@example.com>", NULL },
  { "Disposition-Notification-To", "\"Other, \xC3\x96\" <other@example.com>, c@example.com",
    "Other, \xC3\x96 <other@example.com>, c@example.com" },
  { "Disposition-Notification-Options", "signed-receipt-protocol=optional, pkcs7-signature", NULL },
  { "Return-Receipt-To", "ada@example.com", NULL },
  /* automatic mail */
  { "Auto-Submitted", "auto-generated", NULL },
  { "Auto-Submitted", "auto-notified; owner-email=\"x@example.com\"", NULL },
  { "Precedence", "bulk", NULL },
  { "List-Id", "The list <list.example.com>", NULL },
  { "List-Unsubscribe", "<mailto:x@example.com?subject=unsubscribe>, <https://example.com/u>", NULL },
  { "List-Unsubscribe-Post", "List-Unsubscribe=One-Click", NULL },
  { "X-Auto-Response-Suppress", "DR, RN, NRN, OOF, AutoReply", NULL },
  { "X-Auto-Response-Suppress", "All", NULL },
  /* the way */
  { "Received", "from a by b; Mon, 15 Jan 2024 10:20:30 +0100", NULL },
  { "Return-Path", "<ada@example.com>", NULL },
  { "Resent-From", "Bert <b@example.com>", NULL },
  { "Resent-To", "\"C, D\" <c@example.com>, d@example.com", NULL },
  { "Resent-Date", "Mon, 15 Jan 2024 10:20:30 +0100", NULL },
  { "Resent-Message-ID", "<r@example.com>", NULL },
  { "Errors-To", "err@example.com", NULL },
  { "Authentication-Results", "mx.example.com; spf=pass", NULL },
  /* voice and fax */
  { "Content-Class", "urn:content-class:missedcall", NULL },
  { "X-CallingTelephoneNumber", "+1 555 0100", NULL },
  { "X-VoiceMessageDuration", "17", NULL },
  { "X-VoiceMessageSenderName", "Ada", NULL },
  { "X-CallID", "ABC", NULL },
  { "X-FaxNumberOfPages", "3", NULL },
  { "X-AttachmentOrder", "voice.wav", NULL },
  /* nobody knows them */
  { "X-MS-Has-Attach", "yes", NULL },
  { "x-OddCase", "Value \xE2\x82\xAC", NULL },
  { "X-Empty", "", NULL },
};

static void
test_both_ways (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    g_test_message ("%s: %s", fields[i].name, fields[i].in);
    g_autofree char *mail = g_strdup_printf (HEAD "%s: %s\r\n\r\ntext\r\n", fields[i].name, fields[i].in);
    const char *wanted = fields[i].out ? fields[i].out : fields[i].in;
    g_autoptr (PnMessage) came = read_mail (mail, FALSE);
    g_autoptr (PnMessage) native = through_native (came);
    g_autofree char *text = compose_mail (native, FALSE);
    g_autofree char *value = find_field (text, fields[i].name);
    g_assert_cmpstr (value, ==, wanted);
    /* And once more: nothing is added or lost. */
    g_autoptr (PnMessage) again = read_mail (text, FALSE);
    g_autofree char *twice = compose_mail (again, FALSE);
    g_assert_cmpstr (twice, ==, text);
    g_assert_cmpint (again->type, ==, came->type);
    g_assert_cmpuint (again->status_request, ==, came->status_request);
    g_assert_cmpint (again->auto_generated, ==, came->auto_generated);
  }
}

/* What a field becomes that only the native message has a word for. */
static void
test_meaning (void)
{
  g_autoptr (PnMessage) m
      = read_mail (HEAD "Expiry-Date: 15 Jan 2024 10:20:30 +0100\r\nReply-By: 16 Jan 2024\r\n"
                        "Deferred-Delivery: 17 Jan 2024\r\nSensitivity: company-confidential\r\n"
                        "X-MSMail-Priority: High\r\nReturn-Receipt-To: ada@example.com\r\n"
                        "Disposition-Notification-To: ada@example.com\r\n"
                        "Auto-Submitted: auto-notified\r\n\r\n",
                   FALSE);
  g_assert_cmpint (m->expires.unix_time, ==, 1705310430);
  g_assert_cmpint (m->respond_by.unix_time, ==, 1705363200);
  g_assert_cmpint (m->distribute_date.unix_time, ==, 1705449600);
  g_assert_cmpint (m->security, ==, PN_SECURITY_CONFIDENTIAL);
  g_assert_cmpint (m->priority, ==, PN_PRIORITY_HIGH);
  g_assert_cmpuint (m->status_request, ==, PN_STATUS_REQUEST_DELIVERED | PN_STATUS_REQUEST_OPENED);
  g_assert_true (m->auto_generated);

  static const struct {
    const char *value;
    guint request;
    gboolean automatic;
  } suppress[]
      = { { "None", 3, FALSE }, { "DR", 2, FALSE },       { "RN, NRN", 1, FALSE }, { "OOF", 3, TRUE },
          { "All", 0, TRUE },   { "AutoReply", 3, TRUE }, { "rn;dr", 0, FALSE },   { "NDR", 3, FALSE } };
  for (guint i = 0; i < G_N_ELEMENTS (suppress); i++) {
    g_autofree char *mail = g_strdup_printf (HEAD "X-Auto-Response-Suppress: %s\r\n"
                                                  "Return-Receipt-To: ada@example.com\r\n"
                                                  "Disposition-Notification-To: ada@example.com\r\n\r\n",
                                             suppress[i].value);
    g_autoptr (PnMessage) each = read_mail (mail, FALSE);
    g_test_message ("%s", suppress[i].value);
    g_assert_cmpuint (each->status_request, ==, suppress[i].request);
    g_assert_cmpint (each->auto_generated, ==, suppress[i].automatic);
  }
}

/* All four fields of priority, and which counts when they do not agree. */
static void
test_priority (void)
{
  static const struct {
    const char *fields;
    PnPriority priority;
  } cases[] = {
    { "Importance: High\r\n", PN_PRIORITY_HIGH },
    { "Importance: low\r\n", PN_PRIORITY_LOW },
    { "X-Priority: 1\r\n", PN_PRIORITY_HIGH },
    { "X-Priority: 2 (High)\r\n", PN_PRIORITY_HIGH },
    { "X-Priority: 3\r\n", PN_PRIORITY_NORMAL },
    { "X-Priority: 4\r\n", PN_PRIORITY_LOW },
    { "X-Priority: 5 (Lowest)\r\n", PN_PRIORITY_LOW },
    { "Priority: urgent\r\n", PN_PRIORITY_HIGH },
    { "Priority: normal\r\n", PN_PRIORITY_NORMAL },
    { "Priority: Non-Urgent\r\n", PN_PRIORITY_LOW },
    { "X-MSMail-Priority: High\r\n", PN_PRIORITY_HIGH },
    { "X-MSMail-Priority: Low\r\n", PN_PRIORITY_LOW },
    { "Importance: normal\r\nX-Priority: 1\r\n", PN_PRIORITY_NORMAL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *mail = g_strconcat (HEAD, cases[i].fields, "\r\n", NULL);
    g_autoptr (PnMessage) message = read_mail (mail, FALSE);
    g_test_message ("%s", cases[i].fields);
    g_assert_cmpint (message->priority, ==, cases[i].priority);
  }
}

static void
test_call (void)
{
  g_autoptr (PnMessage) m = read_mail (HEAD "Content-Class: urn:content-class:voice\r\n"
                                            "X-CallingTelephoneNumber: +1 555 0100\r\n\r\ntext\r\n",
                                       FALSE);
  g_assert_cmpint (m->type, ==, PN_TYPE_PHONE);
  g_assert_cmpstr (m->caller_phone, ==, "+1 555 0100");
  g_assert_cmpstr (m->caller_name, ==, "Ada Example");
  g_assert_cmpuint (m->call_action, ==, PN_CALL_TELEPHONED);
  g_autofree char *text = compose_mail (m, FALSE);
  g_assert_null (strstr (text, "Phone message"));

  /* A native one tells the number to other systems. */
  g_autoptr (PnMessage) native = pn_message_new (PN_TYPE_PHONE);
  native->caller_phone = g_strdup ("+1 555 0101");
  g_autofree char *out = compose_mail (native, FALSE);
  g_autofree char *number = find_field (out, "X-CallingTelephoneNumber");
  g_assert_cmpstr (number, ==, "+1 555 0101");

  g_autoptr (PnMessage) fax
      = read_mail (HEAD "Content-Class: fax\r\nX-FaxNumberOfPages: 3\r\n\r\ntext\r\n", FALSE);
  g_assert_cmpint (fax->type, ==, PN_TYPE_MAIL);
}

/* The stations of the way stay in their order, above all other fields. */
static void
test_trace (void)
{
  g_autoptr (PnMessage) m
      = read_mail ("Return-Path: <a@example.com>\r\nReceived: from c\r\nResent-To: x@example.com\r\n"
                   "Resent-From: y@example.com\r\nReceived: from b\r\n" HEAD "\r\n",
                   FALSE);
  g_autofree char *text = compose_mail (m, FALSE);
  g_assert_true (g_str_has_prefix (text, "Return-Path: <a@example.com>\r\nReceived: from c\r\n"
                                         "Resent-To: x@example.com\r\nResent-From: y@example.com\r\n"
                                         "Received: from b\r\nMessage-ID:"));
}

/* Names that no field can have, and fields of which one alone may be there. */
static void
test_broken (void)
{
  g_autoptr (PnMessage) m
      = read_mail (": no name\r\nSubject : blank before\r\nna me: two words\r\n" HEAD
                   "Subject: second\r\nFrom: Other <o@example.com>\r\nTo: c@example.org\r\n"
                   "Message-ID: no-brackets@example.com\r\n\r\ntext\r\n",
                   FALSE);
  g_assert_cmpstr (m->subject, ==, "blank before");
  g_assert_cmpstr (m->from->internet, ==, "ada@example.com");
  g_assert_cmpuint (m->recipients->len, ==, 2);
  g_assert_cmpstr (m->message_id, ==, "no-brackets@example.com");
  g_assert_cmpuint (m->losses->len, >=, 2);

  g_autoptr (PnMessage) sender = read_mail ("From: \r\nSender: s@example.com\r\n\r\n", FALSE);
  g_assert_cmpstr (sender->from->internet, ==, "s@example.com");
  g_assert_null (sender->sender);
  g_autoptr (PnMessage) name = read_mail ("From: \"A B\"\r\nSender: s@example.com\r\n\r\n", FALSE);
  g_assert_cmpstr (name->from->name, ==, "A B");
  g_assert_cmpstr (name->from->internet, ==, "s@example.com");
}

/* Mail of several authors. */
static void
test_authors (void)
{
  g_autoptr (PnMessage) m = read_mail (
      "From: A <a@example.com>, \"B, C\" <b@example.com>\r\nSender: s@example.com\r\n\r\n", FALSE);
  g_assert_cmpstr (m->from->internet, ==, "a@example.com");
  g_autofree char *text = compose_mail (m, FALSE);
  g_assert_nonnull (
      strstr (text, "\r\nFrom: A <a@example.com>, \"B, C\" <b@example.com>\r\nSender: s@example.com\r\n"));
  /* Another sender has written it since. */
  pn_address_free (m->from);
  m->from = pn_address_new_internet ("d@example.com", NULL);
  g_autofree char *other = compose_mail (m, FALSE);
  g_assert_nonnull (strstr (other, "\r\nFrom: d@example.com\r\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-fields/both-ways", test_both_ways);
  g_test_add_func ("/mime-fields/meaning", test_meaning);
  g_test_add_func ("/mime-fields/priority", test_priority);
  g_test_add_func ("/mime-fields/call", test_call);
  g_test_add_func ("/mime-fields/trace", test_trace);
  g_test_add_func ("/mime-fields/authors", test_authors);
  g_test_add_func ("/mime-fields/broken", test_broken);
  return g_test_run ();
}
