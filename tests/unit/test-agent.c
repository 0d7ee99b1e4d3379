/* The agent: from receive/ into the house, from the house into send/. */
#include "agent-house.h"

/* --- the way in ------------------------------------------------------------------------------- */

static void
test_inbound (void)
{
  Scene *self = scene_new ();
  Envelope e = { .id = "ID.IN",
                 .from = "olga@outside.example",
                 .to = "anna@north.example",
                 .to2 = "bert@north.example",
                 .notify = "SUCCESS",
                 .orcpt = "rfc822;anna@old.example",
                 .envid = "E1" };
  receive (self, &e, ORIGINAL);
  start (self);
  g_autoptr (PnMessage) message = take_in (self, "WPCSIN/4");
  g_assert_cmpstr (message->id, ==, "ID.IN");
  g_assert_cmpint (message->type, ==, PN_TYPE_MAIL);
  g_assert_cmpstr (message->envelope_from, ==, "olga@outside.example");
  g_assert_cmpstr (message->envelope_id, ==, "E1");
  g_assert_null (message->from->user);
  g_assert_cmpuint (message->recipients->len, ==, 2);
  const PnRecipient *anna = message->recipients->pdata[0], *bert = message->recipients->pdata[1];
  g_assert_cmpstr (anna->address->user, ==, "anna");
  g_assert_cmpstr (anna->address->post_office, ==, "NORTH");
  g_assert_true (anna->deliver && anna->listed);
  g_assert_cmpstr (anna->dsn_notify, ==, "SUCCESS");
  g_assert_cmpstr (bert->address->user, ==, "bert");
  g_assert_true (bert->deliver && !bert->listed);
  scene_free (self);
}

static void
test_submitted (void)
{
  Scene *self = scene_new ();
  Envelope e = {
    .id = "ID.SUB", .from = "anna@north.example", .to = "olga@outside.example", .user = "HQ.NORTH.anna"
  };
  receive (self, &e, "From: anna@north.example\r\nTo: olga@outside.example\r\nSubject: out\r\n\r\ntext\r\n");
  start (self);
  g_autoptr (PnMessage) message = take_in (self, "WPCSIN/4");
  g_assert_cmpstr (message->from->user, ==, "anna");
  g_assert_null (message->sender);
  stop (self);

  Envelope other = {
    .id = "ID.SUB2", .from = "bert@north.example", .to = "olga@outside.example", .user = "HQ.NORTH.anna"
  };
  receive (self, &other,
           "From: bert@north.example\r\nTo: olga@outside.example\r\nSubject: out\r\n\r\ntext\r\n");
  start (self);
  g_autoptr (PnMessage) lent = take_in (self, "WPCSIN/4");
  g_assert_null (lent->from->user); /* said, but not shown */
  g_assert_cmpstr (lent->sender->user, ==, "anna");
  scene_free (self);
}

/* --- the way out ------------------------------------------------------------------------------ */

static void
test_outbound (void)
{
  Scene *self = scene_new ();
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  address (message, PN_TO, "olga@outside.example");
  address (message, PN_CC, "Paul@Outside.Example");
  address (message, PN_BC, "secret@other.example");
  address (message, PN_TO, "bert@north.example"); /* somebody else's business */
  put_out (self, message);
  start (self);
  WAIT_FOR (queue_length (self) == 0);
  g_autoptr (GPtrArray) files = list (self, "send", "");
  g_assert_cmpuint (files->len, ==, 2);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (PnSendHead) head = NULL;
    g_assert_true (g_str_has_suffix (files->pdata[i], ".SND"));
    g_autofree char *text = read_send_file (self, files->pdata[i], &head);
    gboolean other = g_str_equal (head->domain, "other.example");
    g_assert_cmpstr (head->id, ==, "ID.OUT");
    g_assert_cmpstr (head->envid, ==, "ID.OUT");
    g_assert_cmpstr (head->mail_from, ==, "anna@north.example");
    g_assert_cmpuint (head->recipients->len, ==, other ? 1 : 2);
    const PnSendRecipient *first = head->recipients->pdata[0];
    g_assert_cmpstr (first->address, ==, other ? "secret@other.example" : "olga@outside.example");
    g_assert_cmpstr (first->notify, ==, "SUCCESS,FAILURE,DELAY");
    g_assert_nonnull (strstr (text, "\r\nSubject: quarterly figures\r\n"));
    g_assert_nonnull (strstr (text, "anna@north.example"));
    g_assert_nonnull (strstr (text, "ID.OUT@mail.north.example"));
    g_assert_nonnull (strstr (text, "\r\n..dot\r\ntext\r\n.\r\n"));
    g_assert_null (strstr (text, "secret@other.example"));
    g_assert_null (strstr (text, "Bcc"));
    /* SIZE is what goes over the wire, without the dots that are doubled and the last line. */
    g_assert_cmpuint (head->size, ==, strlen (text) - 1 - 3);
  }
  scene_free (self);
}

/* The same queue file twice, as after a crash: sent once. */
static void
test_outbound_again (void)
{
  Scene *self = scene_new ();
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  address (message, PN_TO, "olga@outside.example");
  put_out (self, message);
  start (self);
  WAIT_FOR (queue_length (self) == 0);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  g_assert_cmpuint (files->len, ==, 1);
  g_unlink (files->pdata[0]); /* the daemon sent it */
  put_out (self, message);
  WAIT_FOR (queue_length (self) == 0);
  stop (self);
  put_out (self, message);
  start (self);
  WAIT_FOR (queue_length (self) == 0);
  g_assert_cmpuint (count (self, "send", ""), ==, 0);
  scene_free (self);
}

/* Killed between the commit of the record and the naming of the files, and before that commit. */
static void
test_recover_staged (void)
{
  Scene *self = scene_new ();
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  address (message, PN_TO, "olga@outside.example");
  put_out (self, message);
  start (self);
  WAIT_FOR (queue_length (self) == 0);
  stop (self);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  const char *named = files->pdata[0];
  g_autofree char *staged = g_strdup_printf ("%.*s.TMP", (int) strlen (named) - 4, named);
  g_autofree char *stranger = g_build_filename (self->gateway, "send", "S0000000.TMP", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_cmpint (rename (named, staged), ==, 0);
  g_assert_true (g_file_get_contents (staged, &bytes, &length, NULL));
  g_assert_true (g_file_set_contents (stranger, bytes, (gssize) length, NULL));
  start (self);
  WAIT_FOR (count (self, "send", ".TMP") == 0);
  g_assert_cmpuint (count (self, "send", ".SND"), ==, 1);
  g_assert_true (g_file_test (named, G_FILE_TEST_EXISTS));
  scene_free (self);
}

static void
test_held (void)
{
  Scene *self = scene_new ();
  g_autoptr (PnMessage) message = compose ("ID.OUT");
  address (message, PN_TO, "olga@outside.example");
  message->distribute_date = (PnTime){ TRUE, (gint64) time (NULL) + 3, 0 };
  put_out (self, message);
  start (self);
  WAIT_FOR (count (self, "gwhold", "") == 1);
  WAIT_FOR (queue_length (self) == 0);
  g_assert_cmpuint (count (self, "send", ""), ==, 0);
  stop (self);
  start (self); /* it is remembered over a stop */
  WAIT_FOR (count (self, "send", ".SND") == 1);
  g_assert_cmpuint (count (self, "gwhold", ""), ==, 0);
  scene_free (self);
}

static void
test_damaged_queue_file (void)
{
  Scene *self = scene_new ();
  g_autofree char *path = g_strdup_printf ("%s/4/04ABCDEF.AAA", pn_queue_path (self->out));
  g_assert_true (g_file_set_contents (path, "no message at all, and not sealed", -1, NULL));
  start (self);
  WAIT_FOR (count (self, "WPCSOUT/PROBLEM", ".TXT") == 1);
  WAIT_FOR (queue_length (self) == 0);
  scene_free (self);
}

static void
check_original (const char *text, const char *expected)
{
  Scene *self = scene_new ();
  Envelope e = {
    .id = "ID.SUB", .from = "anna@north.example", .to = "olga@outside.example", .user = "HQ.NORTH.anna"
  };
  receive (self, &e, text);
  start (self);
  g_autoptr (PnMessage) message = take_in (self, "WPCSIN/4");
  put_out (self, message);
  WAIT_FOR (count (self, "send", ".SND") == 1);
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  g_autoptr (PnSendHead) head = NULL;
  g_autofree char *sent = read_send_file (self, files->pdata[0], &head);
  g_assert_cmpstr (sent, ==, expected);
  g_assert_cmpstr (head->envid, ==, "ID.SUB");
  scene_free (self);
}

/* An original goes out with the bytes it came with, but for what must not travel. */
static void
test_original (void)
{
  check_original (
      "Return-Path: <anna@north.example>\r\nBcc: hidden@other.example,\r\n more@other.example\r\n"
      "From:  anna@north.example\r\nTo:olga@outside.example\r\nX-Odd:   spacing\r\n\r\n.\r\nBcc: body\r\n",
      "From:  anna@north.example\r\nTo:olga@outside.example\r\nX-Odd:   "
      "spacing\r\n\r\n..\r\nBcc: body\r\n.\r\n");
}

/* Nor does it if the header is all there is and its last line has no end. */
static void
test_original_cut (void)
{
  const char *kept = "From: anna@north.example\r\nTo: olga@outside.example\r\n.\r\n";
  check_original ("From: anna@north.example\r\nTo: olga@outside.example\r\nBcc: hidden@other.example", kept);
  check_original ("From: anna@north.example\r\nTo: olga@outside.example\r\n"
                  "Bcc: other@other.example,\r\n hidden@other.example",
                  kept);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  g_test_add_func ("/agent/inbound", test_inbound);
  g_test_add_func ("/agent/submitted", test_submitted);
  g_test_add_func ("/agent/outbound", test_outbound);
  g_test_add_func ("/agent/outbound-again", test_outbound_again);
  g_test_add_func ("/agent/recover-staged", test_recover_staged);
  g_test_add_func ("/agent/held", test_held);
  g_test_add_func ("/agent/damaged-queue-file", test_damaged_queue_file);
  g_test_add_func ("/agent/original", test_original);
  g_test_add_func ("/agent/original-cut", test_original_cut);
  return g_test_run ();
}
