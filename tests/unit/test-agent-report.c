/* The agent: what becomes of results and reports. */
#include "agent-house.h"

#include <sqlite3.h>

/* --- results and reports ---------------------------------------------------------------------- */

static void
put_result (Scene *self, const char *name, const char *lines)
{
  g_autofree char *path = g_build_filename (self->gateway, "result", name, NULL);
  g_autofree char *tmp = g_strconcat (path, "~", NULL);
  g_assert_true (g_file_set_contents (tmp, lines, -1, NULL));
  g_assert_cmpint (rename (tmp, path), ==, 0);
}

/* Sends ID.OUT to two recipients and takes the send file away. */
static void
send_two (Scene *self)
{
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  address (message, PN_TO, "olga@outside.example");
  address (message, PN_TO, "paul@outside.example");
  put_out (self, message);
  start (self);
  WAIT_FOR (queue_length (self) == 0 && count (self, "send", ".SND") == 1);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  g_unlink (files->pdata[0]);
}

static void
assert_status_for_anna (const PnMessage *status)
{
  g_assert_cmpint (status->type, ==, PN_TYPE_STATUS);
  g_assert_cmpstr (status->orig_id, ==, "ID.OUT");
  g_assert_cmpuint (status->recipients->len, ==, 1);
  const PnRecipient *anna = status->recipients->pdata[0];
  g_assert_cmpstr (anna->address->user, ==, "anna");
  g_assert_cmpstr (anna->address->post_office, ==, "NORTH");
  g_assert_true (anna->deliver);
}

static void
test_results (void)
{
  Scene *self = scene_new ();
  send_two (self);
  const char *lines = "S1.SND\tID.OUT\ttransferred\tolga@outside.example\tanna@north.example\t250\t2.0."
                      "0\tfine\tmx.outside.example\t1700000001\t1\n"
                      "S1.SND\tID.OUT\tundeliverable\tpaul@outside.example\tanna@north.example\t550\t5.1."
                      "1\tno such user\tmx.outside.example\t1700000002\t1\n";
  put_result (self, "R1.RES", lines);
  g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
  assert_status_for_anna (status);
  g_assert_cmpuint (status->reports->len, ==, 2);
  const PnStatusReport *olga = status->reports->pdata[0], *paul = status->reports->pdata[1];
  g_assert_cmpint (olga->action, ==, PN_ACTION_TRANSFERRED);
  g_assert_cmpint (paul->action, ==, PN_ACTION_UNDELIVERABLE);
  g_assert_cmpstr (paul->recipient->internet, ==, "paul@outside.example");
  g_assert_cmpstr (paul->diagnostic, ==, "550 5.1.1 no such user");
  g_assert_cmpstr (paul->remote_mta, ==, "mx.outside.example");
  WAIT_FOR (count (self, "result", ".RES") == 0);
  /* Once more, as after a crash: the same id, so that its taker knows it. */
  put_result (self, "R2.RES", lines);
  g_autoptr (PnMessage) again = take_in (self, "WPCSIN/5");
  g_assert_cmpstr (again->id, ==, status->id);
  scene_free (self);
}

/* A result stays until its send file is gone. */
static void
test_unsettled_result (void)
{
  Scene *self = scene_new ();
  send_two (self);
  g_autofree char *path = g_build_filename (self->gateway, "send", "S0000009.SND", NULL);
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  put_result (
      self, "R1.RES",
      "S0000009.SND\tID.OUT\ttransferred\tolga@outside.example\tanna@north.example\t250\t-\t-\t-\t1\t1\n");
  g_usleep (300000);
  g_assert_cmpuint (count (self, "result", ".RES"), ==, 1);
  g_assert_cmpuint (count (self, "WPCSIN/5", ""), ==, 0);
  g_unlink (path);
  g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
  assert_status_for_anna (status);
  scene_free (self);
}

static char *
dsn_text (const char *envelope_id, const char *recipient, const char *action)
{
  return g_strdup_printf (
      "From: MAILER-DAEMON@outside.example\r\nTo: anna@north.example\r\nSubject: report\r\n"
      "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\nMIME-Version: 1.0\r\n\r\n"
      "--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n"
      "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.outside.example\r\n"
      "Original-Envelope-Id: %s\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: 2.0.0\r\n"
      "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: "
      "<ID.OUT@mail.north.example>\r\n\r\n--b--\r\n",
      envelope_id, recipient, action);
}

static void
test_dsn (void)
{
  Scene *self = scene_new ();
  send_two (self);
  g_autofree char *text = dsn_text ("ID.OUT", "olga@outside.example", "delivered");
  stop (self);
  receive (self, &(Envelope){ .id = "ID.DSN", .from = "", .to = "anna@north.example" }, text);
  start (self);
  g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
  assert_status_for_anna (status);
  g_assert_cmpstr (status->id, ==, "ID.DSN");
  g_assert_cmpint (((PnStatusReport *) status->reports->pdata[0])->action, ==, PN_ACTION_DELIVERED);
  stop (self);

  /* By Message-ID alone. */
  g_autofree char *by_id = dsn_text ("else", "paul@outside.example", "failed");
  receive (self, &(Envelope){ .id = "ID.DSN2", .from = "", .to = "anna@north.example" }, by_id);
  start (self);
  g_autoptr (PnMessage) second = take_in (self, "WPCSIN/5");
  assert_status_for_anna (second);
  scene_free (self);
}

/* Reports that are none of ours are mail: made up for another receiver, about a recipient that was never
 * written to, about nothing. */
static void
test_foreign_dsn (void)
{
  static const struct {
    const char *to, *envelope_id, *recipient;
  } cases[] = {
    { "bert@north.example", "ID.OUT", "olga@outside.example" },
    { "anna@north.example", "ID.OUT", "nobody@outside.example" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Scene *self = scene_new ();
    send_two (self);
    stop (self);
    g_autofree char *text = dsn_text (cases[i].envelope_id, cases[i].recipient, "failed");
    receive (self, &(Envelope){ .id = "ID.DSN", .from = "", .to = cases[i].to }, text);
    start (self);
    g_autoptr (PnMessage) mail = take_in (self, "WPCSIN/4");
    g_assert_cmpint (mail->type, ==, PN_TYPE_MAIL);
    g_assert_cmpuint (mail->reports->len, ==, 0);
    g_assert_null (mail->orig_id);
    g_assert_nonnull (pn_message_get_part (mail, PN_PART_SKELETON));
    scene_free (self);
  }
}

/* A status of the house for a sender outside, who asked for NOTIFY (or did not). */
static PnMessage *
status_new (PnAction action)
{
  PnMessage *status = pn_message_new (PN_TYPE_STATUS);
  g_free (status->id);
  status->id = g_strdup ("ID.STATUS");
  status->orig_id = g_strdup ("ID.IN");
  status->in_reply_to = g_strdup ("1@outside.example");
  status->subject = g_strdup ("hello");
  status->from = pn_address_new ("HQ", "NORTH", "anna");
  status->envelope_id = g_strdup ("E+2B1");
  address (status, PN_TO, "olga@outside.example");
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = (PnTime){ TRUE, 1700000000, 0 };
  report->recipient = pn_address_new ("HQ", "NORTH", "anna");
  report->status_code = g_strdup (action == PN_ACTION_DELIVERED ? "2.0.0" : "5.2.2");
  report->diagnostic = g_strdup ("mailbox is full");
  g_ptr_array_add (status->reports, report);
  return status;
}

static void
put_status_out (Scene *self, PnAction action)
{
  g_autoptr (PnMessage) status = status_new (action);
  put_out (self, status);
}

static void
test_bounces (void)
{
  static const struct {
    const char *notify;
    PnAction action;
    const char *word; /* NULL: nothing is sent */
  } cases[] = {
    { NULL, PN_ACTION_UNDELIVERABLE, "failed" },  { "NEVER", PN_ACTION_UNDELIVERABLE, NULL },
    { "SUCCESS", PN_ACTION_UNDELIVERABLE, NULL }, { "SUCCESS,FAILURE", PN_ACTION_UNDELIVERABLE, "failed" },
    { NULL, PN_ACTION_DELIVERED, NULL },          { "SUCCESS", PN_ACTION_DELIVERED, "delivered" },
    { "FAILURE", PN_ACTION_DELIVERED, NULL },     { NULL, PN_ACTION_ACCEPTED, NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Scene *self = scene_new ();
    receive (self,
             &(Envelope){ .id = "ID.IN",
                          .from = "olga@outside.example",
                          .to = "anna@north.example",
                          .notify = cases[i].notify,
                          .orcpt = cases[i].notify ? "rfc822;anna+2Bx@old.example" : NULL,
                          .envid = cases[i].notify ? "E+2B1" : NULL },
             ORIGINAL);
    start (self);
    g_autoptr (PnMessage) message = take_in (self, "WPCSIN/4");
    put_status_out (self, cases[i].action);
    WAIT_FOR (queue_length (self) == 0);
    g_autoptr (GPtrArray) files = list (self, "send", ".SND");
    g_assert_cmpuint (files->len, ==, cases[i].word ? 1 : 0);
    if (cases[i].word) {
      g_autoptr (PnSendHead) head = NULL;
      g_autofree char *text = read_send_file (self, files->pdata[0], &head);
      g_autofree char *action = g_strdup_printf ("\r\nAction: %s\r\n", cases[i].word);
      g_test_message ("%s", text);
      g_assert_cmpstr (head->mail_from, ==, "");
      g_assert_cmpstr (((PnSendRecipient *) head->recipients->pdata[0])->address, ==, "olga@outside.example");
      g_assert_cmpstr (((PnSendRecipient *) head->recipients->pdata[0])->notify, ==, "NEVER");
      g_assert_nonnull (strstr (text, action));
      g_assert_nonnull (strstr (text, "multipart/report"));
      g_assert_nonnull (strstr (text, "\r\nFinal-Recipient: rfc822; anna@north.example\r\n"));
      g_assert_nonnull (strstr (text, "\r\nContent-Type: text/rfc822-headers"));
      g_assert_nonnull (strstr (text, "\r\nIn-Reply-To: <1@outside.example>\r\n"));
      g_assert_nonnull (strstr (text, "\r\nOriginal-Envelope-Id: E+1\r\n"));
      g_assert_nonnull (strstr (text, "postmaster@north.example"));
      g_assert_nonnull (strstr (text, "\r\nAuto-Submitted: auto-replied\r\n"));
      if (cases[i].notify)
        g_assert_nonnull (strstr (text, "\r\nOriginal-Recipient: rfc822;anna+x@old.example\r\n"));
    }
    scene_free (self);
  }
}

/* The original that the status brought comes back with the report; nothing else that it brought does. */
static void
test_returned (void)
{
  Scene *self = scene_new ();
  start (self);
  g_autoptr (PnMessage) status = status_new (PN_ACTION_UNDELIVERABLE);
  pn_message_add_part (status, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("inside", -1)));
  pn_message_add_part (status, pn_part_new (PN_PART_ATTACHMENT, "message/rfc822",
                                            pn_content_new_text ("Subject: whole\r\n\r\nThe text.\r\n", -1)));
  put_out (self, status);
  WAIT_FOR (queue_length (self) == 0);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  g_assert_cmpuint (files->len, ==, 1);
  g_autoptr (PnSendHead) head = NULL;
  g_autofree char *text = read_send_file (self, files->pdata[0], &head);
  g_assert_nonnull (strstr (text, "\r\nContent-Type: message/rfc822"));
  g_assert_nonnull (strstr (text, "\r\nSubject: whole\r\n\r\nThe text.\r\n"));
  g_assert_null (strstr (text, "text/rfc822-headers"));
  g_assert_null (strstr (text, "inside"));
  scene_free (self);
}

/* An automatic message from outside is not answered with a report, and a report that fails is not answered at
 * all. */
static void
test_no_bounce_loop (void)
{
  static const char *const automatic[]
      = { "Auto-Submitted: auto-replied\r\n" ORIGINAL, "Auto-Submitted: auto-notified; x=y\r\n" ORIGINAL,
          "X-Auto-Response-Suppress: DR, NDR, RN\r\n" ORIGINAL };
  for (guint i = 0; i < G_N_ELEMENTS (automatic); i++) {
    Scene *self = scene_new ();
    receive (self, &(Envelope){ .id = "ID.IN", .from = "olga@outside.example", .to = "anna@north.example" },
             automatic[i]);
    start (self);
    g_autoptr (PnMessage) message = take_in (self, "WPCSIN/4");
    put_status_out (self, PN_ACTION_UNDELIVERABLE);
    WAIT_FOR (queue_length (self) == 0);
    g_assert_cmpuint (count (self, "send", ""), ==, 0);
    stop (self);
    scene_free (self);
  }

  Scene *self = scene_new ();
  start (self);
  put_status_out (self, PN_ACTION_UNDELIVERABLE);
  WAIT_FOR (count (self, "send", ".SND") == 1);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  g_unlink (files->pdata[0]);
  put_result (self, "R1.RES",
              "S1.SND\tID.STATUS\tundeliverable\tolga@outside.example\t-\t550\t5.1.1\tno\tmx\t1\t0\n");
  WAIT_FOR (count (self, "result", ".RES") == 0);
  g_assert_cmpuint (count (self, "send", ""), ==, 0);
  g_assert_cmpuint (count (self, "WPCSIN/5", ""), ==, 0);
  scene_free (self);
}

/* Mail of an outside sender that was sent on and failed: he gets a report, once. */
static void
test_relayed (void)
{
  Scene *self = scene_new ();
  start (self);
  put_result (self, "R1.RES",
              "S1.SND\tID.GONE\tundeliverable\tpaul@far.example\tolga@outside.example\t550\t5.1."
              "1\tno\tmx\t1700000000\t0\n");
  WAIT_FOR (count (self, "send", ".SND") == 1 && count (self, "result", ".RES") == 0);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  g_autofree char *text = read_send_file (self, files->pdata[0], NULL);
  g_assert_nonnull (strstr (text, "\r\nFinal-Recipient: rfc822; paul@far.example\r\n"));
  g_assert_nonnull (strstr (text, "\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n"));
  put_result (self, "R2.RES",
              "S1.SND\tID.GONE\tundeliverable\tpaul@far.example\tolga@outside.example\t550\t5.1."
              "1\tno\tmx\t1700000000\t0\n");
  WAIT_FOR (count (self, "result", ".RES") == 0);
  g_assert_cmpuint (count (self, "send", ""), ==, 1);
  scene_free (self);
}

/* --- how a report finds its message ----------------------------------------------------------- */

/* What the send file of ID.OUT says; it is taken away. */
static char *
take_sent (Scene *self, PnSendHead **head)
{
  WAIT_FOR (queue_length (self) == 0 && count (self, "send", ".SND") == 1);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  char *text = read_send_file (self, files->pdata[0], head);
  g_unlink (files->pdata[0]);
  return text;
}

static void
assert_undeliverable (const PnMessage *status, const char *recipient)
{
  assert_status_for_anna (status);
  g_assert_cmpuint (status->reports->len, ==, 1);
  const PnStatusReport *report = status->reports->pdata[0];
  g_assert_cmpint (report->action, ==, PN_ACTION_UNDELIVERABLE);
  g_assert_cmpstr (report->recipient->internet, ==, recipient);
}

#define NOTICE                                                                                               \
  "From: MAILER-DAEMON@mx.outside.example\r\nTo: anna@north.example\r\nSubject: failure notice\r\n\r\n"      \
  "Hi. This is the qmail-send program.\r\n\r\n<paul@outside.example>:\r\nNo such user. (#5.1.1)\r\n\r\n"

/* A notice in words names the message in the copy of its header; one that does not is found by its return
 * path. */
static void
test_tied_notices (void)
{
  for (guint by_path = 0; by_path < 2; by_path++) {
    Scene *self = scene_new ();
    if (by_path)
      g_key_file_set_string (self->house->config->file, "agent", "tie-return-path", "true");
    g_autoptr (PnMessage) message = compose ("ID.OUT");
    address (message, PN_TO, "olga@outside.example");
    address (message, PN_TO, "paul@outside.example");
    put_out (self, message);
    start (self);
    g_autoptr (PnSendHead) head = NULL;
    g_autofree char *sent = take_sent (self, &head);
    stop (self);
    g_assert_true (g_str_has_prefix (head->mail_from, by_path ? "anna+" : "anna@"));
    g_assert_cmpuint (strlen (head->mail_from), ==, strlen ("anna@north.example") + (by_path ? 17 : 0));
    g_assert_null (strstr (sent, "X-MSExch-Correlation-Key"));
    const char *text = by_path ? NOTICE
                               : NOTICE "--- Below this line is a copy of the message.\r\n\r\n"
                                        "Received: by mx\r\nMessage-ID: <ID.OUT@mail.north.example>\r\n"
                                        "From: anna@north.example\r\nTo: paul@outside.example\r\n";
    receive (
        self,
        &(Envelope){ .id = "ID.DSN", .from = "", .to = by_path ? head->mail_from : "anna@north.example" },
        text);
    start (self);
    g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
    assert_undeliverable (status, "paul@outside.example");
    g_assert_cmpstr (((PnStatusReport *) status->reports->pdata[0])->status_code, ==, "5.1.1");
    g_assert_nonnull (pn_message_get_part (status, PN_PART_SKELETON));
    g_assert_null (status->calendar);
    scene_free (self);
  }
}

/* Nobody can make up the token; and with another's address it ties nothing. */
static void
test_wrong_return_path (void)
{
  Scene *self = scene_new ();
  send_two (self);
  stop (self);
  receive (self, &(Envelope){ .id = "ID.DSN", .from = "", .to = "anna+abcdefghijklmnop@north.example" },
           NOTICE);
  start (self);
  g_autoptr (PnMessage) mail = take_in (self, "WPCSIN/4");
  g_assert_cmpint (mail->type, ==, PN_TYPE_MAIL);
  g_assert_cmpuint (mail->reports->len, ==, 0);
  scene_free (self);
}

/* A receipt of Exchange that names no message. */
static void
test_correlation_key (void)
{
  Scene *self = scene_new ();
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  message->status_request |= PN_STATUS_REQUEST_OPENED;
  address (message, PN_TO, "olga@outside.example");
  put_out (self, message);
  start (self);
  g_autofree char *sent = take_sent (self, NULL);
  stop (self);
  g_assert_nonnull (strstr (sent, "\r\nDisposition-Notification-To: "));
  const char *key = strstr (sent, "\r\nX-MSExch-Correlation-Key: ");
  g_assert_nonnull (key);
  g_autofree char *field = g_strndup (key + 2, strcspn (key + 2, "\r"));
  g_autofree char *receipt = g_strdup_printf (
      "From: olga@outside.example\r\nTo: anna@north.example\r\nSubject: Read: quarterly figures\r\n%s\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification; "
      "boundary=b\r\n"
      "\r\n--b\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
      "Final-recipient: RFC822; olga@outside.example\r\n"
      "Disposition: automatic-action/MDN-sent-automatically; displayed\r\n\r\n--b--\r\n",
      field);
  receive (self, &(Envelope){ .id = "ID.MDN", .from = "olga@outside.example", .to = "anna@north.example" },
           receipt);
  start (self);
  g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
  assert_status_for_anna (status);
  g_assert_cmpint (((PnStatusReport *) status->reports->pdata[0])->action, ==, PN_ACTION_OPENED);
  scene_free (self);
}

/* The recipient's mail was handed on: the report says whom it was for. */
static void
test_original_recipient (void)
{
  Scene *self = scene_new ();
  send_two (self);
  stop (self);
  g_autofree char *text = dsn_text (
      "ID.OUT", "elsewhere@far.example\r\nOriginal-Recipient: rfc822;olga@outside.example", "failed");
  receive (self, &(Envelope){ .id = "ID.DSN", .from = "", .to = "anna@north.example" }, text);
  start (self);
  g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
  assert_undeliverable (status, "olga@outside.example");
  scene_free (self);
}

/* A report that comes after the age of the record is a new message. */
static void
test_late_report (void)
{
  Scene *self = scene_new ();
  g_autoptr (GError) error = NULL;
  send_two (self);
  stop (self);
  g_autofree char *path = g_build_filename (self->gateway, "gwcorr.db", NULL);
  PnCorrelationDb *db = pn_correlation_db_open (path, self->house->key, &error);
  g_assert_no_error (error);
  g_assert_true (pn_correlation_db_purge (db, (gint64) time (NULL) + 1, &error));
  pn_correlation_db_close (db);
  g_autofree char *text = dsn_text ("ID.OUT", "olga@outside.example", "failed");
  receive (self, &(Envelope){ .id = "ID.DSN", .from = "", .to = "anna@north.example" }, text);
  start (self);
  g_autoptr (PnMessage) mail = take_in (self, "WPCSIN/4");
  g_assert_cmpint (mail->type, ==, PN_TYPE_MAIL);
  g_assert_nonnull (pn_message_get_part (mail, PN_PART_SKELETON));
  scene_free (self);
}

static void
assert_attendee (const PnMessage *status, const char *attendee)
{
  assert_undeliverable (status, attendee);
  g_assert_nonnull (status->calendar);
  g_assert_cmpstr (status->calendar->uid, ==, "meeting.1@north.example");
  g_assert_cmpuint (status->calendar->attendees->len, ==, 1);
  const PnAttendee *one = status->calendar->attendees->pdata[0];
  g_assert_cmpstr (one->address->internet, ==, attendee);
  g_assert_cmpint (one->partstat, ==, PN_PARTSTAT_NEEDS_ACTION);
}

/* An invitation that does not reach an attendee: by report, and by the daemon's own result. */
static void
test_invitation (void)
{
  Scene *self = scene_new ();
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  message->type = PN_TYPE_APPOINTMENT;
  message->calendar = pn_calendar_new ();
  message->calendar->method = PN_METHOD_REQUEST;
  message->calendar->component = g_strdup ("VEVENT");
  message->calendar->uid = g_strdup ("meeting.1@north.example");
  message->calendar->start = (PnCalendarTime){ .set = TRUE, .year = 2023, .month = 12, .day = 1, .hour = 9 };
  message->calendar->organizer = pn_address_new_internet ("anna@north.example", "Anna");
  address (message, PN_TO, "olga@outside.example");
  address (message, PN_TO, "paul@outside.example");
  put_out (self, message);
  start (self);
  g_autofree char *sent = take_sent (self, NULL);
  put_result (self, "R1.RES",
              "S1.SND\tID.OUT\tundeliverable\tolga@outside.example\t-\t550\t5.1.1\tno\tmx\t1\t0\n");
  g_autoptr (PnMessage) result = take_in (self, "WPCSIN/5");
  assert_attendee (result, "olga@outside.example");
  stop (self);
  g_autofree char *text = dsn_text ("ID.OUT", "paul@outside.example", "failed");
  receive (self, &(Envelope){ .id = "ID.DSN", .from = "", .to = "anna@north.example" }, text);
  start (self);
  g_autoptr (PnMessage) status = take_in (self, "WPCSIN/5");
  assert_attendee (status, "paul@outside.example");
  stop (self);
  g_autofree char *fine = dsn_text ("ID.OUT", "paul@outside.example", "delivered");
  receive (self, &(Envelope){ .id = "ID.DSN2", .from = "", .to = "anna@north.example" }, fine);
  start (self);
  g_autoptr (PnMessage) delivered = take_in (self, "WPCSIN/5");
  g_assert_null (delivered->calendar);
  scene_free (self);
}

/* --- the database ----------------------------------------------------------------------------- */

static void
test_correlation (void)
{
  g_autoptr (House) house = house_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (house->root, "gwcorr.db", NULL);
  PnCorrelationDb *db = pn_correlation_db_open (path, house->key, &error);
  g_assert_no_error (error);
  g_autoptr (PnCorrelation) record = pn_correlation_new ("ID.1");
  record->time = 1000;
  record->priority = 5;
  record->message_id = g_strdup ("m@x");
  record->user = g_strdup ("anna");
  record->subject = g_strdup ("line\nbreak = here");
  pn_correlation_add_recipient (record, "a@example.org", "SUCCESS", "rfc822;a@example.org");
  pn_correlation_add_recipient (record, "b@example.org", NULL, "");
  g_ptr_array_add (record->files, g_strdup ("S1.SND"));
  record->uid = g_strdup ("meeting.1");
  record->token = pn_correlation_make_token ();
  pn_correlation_db_add (db, record);
  record->inbound = TRUE; /* the same id on its way in is another matter */
  record->silent = TRUE;
  pn_correlation_db_add (db, record);
  g_autoptr (PnCorrelation) found = pn_correlation_db_find (db, "ID.1", FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->user, ==, "anna");
  g_assert_cmpstr (found->subject, ==, "line break = here");
  g_assert_false (found->silent);
  g_assert_cmpuint (found->recipients->len, ==, 2);
  g_assert_cmpstr (pn_correlation_find_recipient (found, "A@EXAMPLE.ORG")->notify, ==, "SUCCESS");
  g_assert_null (pn_correlation_find_recipient (found, "b@example.org")->orcpt);
  g_assert_cmpstr (found->files->pdata[0], ==, "S1.SND");
  g_autofree char *upper = g_ascii_strup (record->token, -1);
  g_autoptr (PnCorrelation) by_token = pn_correlation_db_find_token (db, upper, &error);
  g_assert_cmpstr (by_token->id, ==, "ID.1");
  g_assert_cmpstr (by_token->uid, ==, "meeting.1");
  g_assert_null (pn_correlation_db_find_token (db, "abcdefghijklmnop", &error));
  pn_correlation_db_close (db);

  db = pn_correlation_db_open (path, house->key, &error);
  g_assert_no_error (error);
  g_autoptr (PnCorrelation) inbound = pn_correlation_db_find (db, "ID.1", TRUE, &error);
  g_assert_true (inbound->silent);
  g_autoptr (PnCorrelation) by_message_id = pn_correlation_db_find_message_id (db, "m@x", &error);
  g_assert_cmpstr (by_message_id->id, ==, "ID.1");
  g_assert_false (by_message_id->inbound);
  g_assert_null (pn_correlation_db_find (db, "ID.2", FALSE, &error));
  g_assert_no_error (error);
  g_assert_true (pn_correlation_db_purge (db, 1001, &error));
  g_assert_null (pn_correlation_db_find (db, "ID.1", FALSE, &error));
  g_assert_no_error (error);
  pn_correlation_db_close (db);

  /* one that an earlier version made */
  remove (path);
  sqlite3 *old;
  g_assert_cmpint (sqlite3_open (path, &old), ==, SQLITE_OK);
  g_assert_cmpint (
      sqlite3_exec (old,
                    "CREATE TABLE correlation (id TEXT NOT NULL, inbound INTEGER NOT NULL, message_id TEXT,"
                    " time INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (id, inbound)) WITHOUT ROWID;"
                    "PRAGMA application_id = 0x504e6363; PRAGMA user_version = 1;",
                    NULL, NULL, NULL),
      ==, SQLITE_OK);
  sqlite3_close (old);
  db = pn_correlation_db_open (path, house->key, &error);
  g_assert_no_error (error);
  record->inbound = FALSE;
  pn_correlation_db_add (db, record);
  g_autoptr (PnCorrelation) upgraded = pn_correlation_db_find_token (db, record->token, &error);
  g_assert_cmpstr (upgraded->id, ==, "ID.1");
  pn_correlation_db_close (db);

  g_assert_true (
      g_file_set_contents (path, "no database, but long enough to be looked at by the engine", -1, NULL));
  g_assert_null (pn_correlation_db_open (path, house->key, &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  g_test_add_func ("/agent/correlation", test_correlation);
  g_test_add_func ("/agent/results", test_results);
  g_test_add_func ("/agent/unsettled-result", test_unsettled_result);
  g_test_add_func ("/agent/dsn", test_dsn);
  g_test_add_func ("/agent/foreign-dsn", test_foreign_dsn);
  g_test_add_func ("/agent/bounces", test_bounces);
  g_test_add_func ("/agent/returned", test_returned);
  g_test_add_func ("/agent/no-bounce-loop", test_no_bounce_loop);
  g_test_add_func ("/agent/relayed", test_relayed);
  g_test_add_func ("/agent/tied-notices", test_tied_notices);
  g_test_add_func ("/agent/wrong-return-path", test_wrong_return_path);
  g_test_add_func ("/agent/correlation-key", test_correlation_key);
  g_test_add_func ("/agent/original-recipient", test_original_recipient);
  g_test_add_func ("/agent/late-report", test_late_report);
  g_test_add_func ("/agent/invitation", test_invitation);
  return g_test_run ();
}
