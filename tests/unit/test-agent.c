/* The agent: from receive/ into the house, from the house into send/, and what becomes of results and
 * reports. */
#include "house.h"

#include "agent/agent-private.h"
#include "convert/mime.h"
#include "convert/native.h"
#include "core/ids.h"
#include "smtp/sendfile.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/eventfd.h>
#include <time.h>

typedef struct {
  House *house;
  char *gateway;
  PnProgram program;
  PnQueue *in, *out;
  GThread *thread;
  int code;
} Scene;

static Scene *
scene_new (void)
{
  Scene *self = g_new0 (Scene, 1);
  g_autoptr (GError) error = NULL;
  self->house = house_new ();
  self->gateway = pn_config_gateway_path (self->house->config, "");
  g_autofree char *in = pn_config_gateway_path (self->house->config, "WPCSIN");
  g_autofree char *out = pn_config_gateway_path (self->house->config, "WPCSOUT/GWI0001");
  self->in = pn_queue_open (in, &error);
  self->out = pn_queue_open (out, &error);
  g_assert_no_error (error);
  g_autofree char *send = g_build_filename (self->gateway, "send", NULL);
  g_autofree char *result = g_build_filename (self->gateway, "result", NULL);
  g_mkdir_with_parents (send, 0700);
  g_mkdir_with_parents (result, 0700);
  return self;
}

static gpointer
run_agent (gpointer data)
{
  Scene *self = data;
  self->code = pn_agent_main (&self->program);
  return NULL;
}

static void
start (Scene *self)
{
  self->program = (PnProgram){ .config = self->house->config,
                               .key = self->house->key,
                               .name = "agent",
                               .after_crash = FALSE,
                               .stop_fd = eventfd (0, EFD_CLOEXEC) };
  self->thread = g_thread_new ("agent", run_agent, self);
}

static void
stop (Scene *self)
{
  guint64 one = 1;
  self->program.stop = 1;
  g_assert_cmpint (write (self->program.stop_fd, &one, sizeof one), ==, sizeof one);
  g_thread_join (self->thread);
  g_assert_cmpint (self->code, ==, 0);
  close (self->program.stop_fd);
  self->thread = NULL;
}

static void
scene_free (Scene *self)
{
  if (self->thread)
    stop (self);
  pn_queue_free (self->in);
  pn_queue_free (self->out);
  house_free (self->house);
  g_free (self->gateway);
  g_free (self);
}

/* Paths in a folder of the gateway that end in SUFFIX, sorted. */
static GPtrArray *
list (Scene *self, const char *folder, const char *suffix)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_build_filename (self->gateway, folder, NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    if (g_str_has_suffix (name, suffix))
      g_ptr_array_add (paths, g_build_filename (path, name, NULL));
  if (dir)
    g_dir_close (dir);
  return paths;
}

static guint
count (Scene *self, const char *folder, const char *suffix)
{
  g_autoptr (GPtrArray) paths = list (self, folder, suffix);
  return paths->len;
}

#define WAIT_FOR(condition)                                                                                  \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    gint64 end_ = g_get_monotonic_time () + 15 * G_USEC_PER_SEC;                                             \
    while (!(condition)) {                                                                                   \
      g_assert_cmpint (g_get_monotonic_time (), <, end_);                                                    \
      g_usleep (10000);                                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  G_STMT_END

static PnMessage *
read_queue_file (Scene *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_queue_open_file (path, self->house->key, FALSE, NULL, &error);
  g_assert_no_error (error);
  PnMessage *message = pn_native_read (source, &error);
  g_assert_no_error (error);
  return message;
}

/* The only message in a priority directory of WPCSIN. */
static PnMessage *
take_in (Scene *self, const char *folder)
{
  WAIT_FOR (count (self, folder, "") == 1);
  g_autoptr (GPtrArray) paths = list (self, folder, "");
  PnMessage *message = read_queue_file (self, paths->pdata[0]);
  g_unlink (paths->pdata[0]);
  return message;
}

/* What a send file carries, as text. */
static char *
read_send_file (Scene *self, const char *path, PnSendHead **head)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSendFile) file = pn_send_file_open (path, self->house->key, FALSE, &error);
  g_assert_no_error (error);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  g_assert_true (pn_send_file_copy_data (file, &sink, &error));
  if (head)
    *head = g_steal_pointer (&file->head);
  return g_strndup ((const char *) out->data, out->len);
}

/* --- the way in ------------------------------------------------------------------------------- */

typedef struct {
  GMutex lock;
  GCond done;
  gboolean is_done;
} Wait;

static void
on_done (gpointer user, const GError *error)
{
  Wait *wait = user;
  g_assert_no_error (error);
  g_mutex_lock (&wait->lock);
  wait->is_done = TRUE;
  g_cond_signal (&wait->done);
  g_mutex_unlock (&wait->lock);
}

typedef struct {
  const char *id, *from, *to, *to2, *notify, *orcpt, *envid, *user;
} Envelope;

static void
receive (Scene *self, const Envelope *e, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_build_filename (self->gateway, "receive", NULL);
  g_mkdir_with_parents (dir, 0700);
  PnJournal *journal = pn_journal_open (dir, self->house->key, 1024 * 1024, &error);
  g_assert_no_error (error);
  g_autoptr (PnEnvelope) envelope = pn_envelope_new ();
  guint n = e->to2 ? 2 : 1;
  envelope->id = g_strdup (e->id);
  envelope->time = 1700000000;
  envelope->mail_from = g_strdup (e->from);
  envelope->rcpt_to = g_new0 (char *, n + 1);
  envelope->rcpt_notify = g_new0 (char *, n + 1);
  envelope->rcpt_orcpt = g_new0 (char *, n + 1);
  for (guint i = 0; i < n; i++) {
    envelope->rcpt_to[i] = g_strdup (i ? e->to2 : e->to);
    envelope->rcpt_notify[i] = g_strdup (e->notify ? e->notify : "");
    envelope->rcpt_orcpt[i] = g_strdup (e->orcpt ? e->orcpt : "");
  }
  envelope->envid = g_strdup (e->envid);
  envelope->user = g_strdup (e->user);
  Wait wait = { .is_done = FALSE };
  guint8 hash[16];
  memset (hash, (int) g_str_hash (e->id), sizeof hash);
  guint64 ticket;
  pn_journal_append (journal, envelope, text, strlen (text), hash, &ticket, on_done, &wait);
  g_mutex_lock (&wait.lock);
  while (!wait.is_done)
    g_cond_wait (&wait.done, &wait.lock);
  g_mutex_unlock (&wait.lock);
  pn_journal_answered (journal, ticket);
  pn_journal_close (journal);
}

#define ORIGINAL                                                                                             \
  "Return-Path: <olga@outside.example>\r\nFrom: Olga <olga@outside.example>\r\nTo: anna@north.example\r\n"   \
  "Subject: hello\r\nMessage-ID: <1@outside.example>\r\nDate: Tue, 14 Nov 2023 22:13:20 "                    \
  "+0000\r\n\r\ntext\r\n"

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

static PnMessage *
compose (const char *id)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  g_free (message->id);
  message->id = g_strdup (id);
  message->date = (PnTime){ TRUE, 1700000000, 0 };
  message->from = pn_address_new ("HQ", "NORTH", "anna");
  message->subject = g_strdup ("quarterly figures");
  message->status_request = PN_STATUS_REQUEST_DELIVERED;
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (".dot\ntext\n", -1)));
  return message;
}

static void
address (PnMessage *message, PnDistribution distribution, const char *internet)
{
  PnRecipient *recipient
      = pn_message_add_recipient (message, distribution, pn_address_new_internet (internet, NULL));
  recipient->deliver = TRUE;
  recipient->listed = distribution != PN_BC;
}

static void
put_out (Scene *self, PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_outgoing_put (self->out, self->house->key, message, 4, &error));
}

static guint
queue_length (Scene *self)
{
  return pn_queue_count (pn_queue_path (self->out), -1);
}

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

/* An original goes out with the bytes it came with, but for what must not travel. */
static void
test_original (void)
{
  Scene *self = scene_new ();
  g_autoptr (GError) error = NULL;
  const char *text
      = "Return-Path: <anna@north.example>\r\nBcc: hidden@other.example,\r\n more@other.example\r\n"
        "From:  anna@north.example\r\nTo:olga@outside.example\r\nX-Odd:   spacing\r\n\r\n.\r\nBcc: body\r\n";
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
  g_assert_cmpstr (sent, ==,
                   "From:  anna@north.example\r\nTo:olga@outside.example\r\nX-Odd:   "
                   "spacing\r\n\r\n..\r\nBcc: body\r\n.\r\n");
  g_assert_cmpstr (head->envid, ==, "ID.SUB");
  scene_free (self);
}

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
static void
put_status_out (Scene *self, PnAction action)
{
  g_autoptr (PnMessage) status = pn_message_new (PN_TYPE_STATUS);
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

/* An automatic message from outside is not answered with a report, and a report that fails is not answered at
 * all. */
static void
test_no_bounce_loop (void)
{
  Scene *self = scene_new ();
  receive (self, &(Envelope){ .id = "ID.IN", .from = "olga@outside.example", .to = "anna@north.example" },
           "Auto-Submitted: auto-replied\r\n" ORIGINAL);
  start (self);
  g_autoptr (PnMessage) message = take_in (self, "WPCSIN/4");
  put_status_out (self, PN_ACTION_UNDELIVERABLE);
  WAIT_FOR (queue_length (self) == 0);
  g_assert_cmpuint (count (self, "send", ""), ==, 0);
  stop (self);
  scene_free (self);

  self = scene_new ();
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
  g_test_add_func ("/agent/inbound", test_inbound);
  g_test_add_func ("/agent/submitted", test_submitted);
  g_test_add_func ("/agent/outbound", test_outbound);
  g_test_add_func ("/agent/outbound-again", test_outbound_again);
  g_test_add_func ("/agent/recover-staged", test_recover_staged);
  g_test_add_func ("/agent/held", test_held);
  g_test_add_func ("/agent/damaged-queue-file", test_damaged_queue_file);
  g_test_add_func ("/agent/original", test_original);
  g_test_add_func ("/agent/results", test_results);
  g_test_add_func ("/agent/unsettled-result", test_unsettled_result);
  g_test_add_func ("/agent/dsn", test_dsn);
  g_test_add_func ("/agent/foreign-dsn", test_foreign_dsn);
  g_test_add_func ("/agent/bounces", test_bounces);
  g_test_add_func ("/agent/no-bounce-loop", test_no_bounce_loop);
  g_test_add_func ("/agent/relayed", test_relayed);
  return g_test_run ();
}
