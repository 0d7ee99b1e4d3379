/* The SMTP client against a scripted peer: what becomes of send files. */
#include "fake-peer.h"
#include "house.h"

#include "smtp/client-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/eventfd.h>
#include <time.h>

typedef struct {
  House *house;
  FakePeer *peer;
  PnProgram program;
  PnSmtpClient *client;
  char *gateway;
} Scene;

static void
set (Scene *self, const char *key, const char *value)
{
  g_key_file_set_string (self->house->config->file, "smtp", key, value);
}

static Scene *
scene_new (const FakeRule *rules, guint n_rules)
{
  Scene *self = g_new0 (Scene, 1);
  self->house = house_new ();
  self->gateway = pn_config_gateway_path (self->house->config, "");
  static const char *const folders[] = { "send", "defer", "result", "gwprob" };
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *path = g_build_filename (self->gateway, folders[i], NULL);
    g_assert_cmpint (g_mkdir_with_parents (path, 0700), ==, 0);
  }
  self->peer = fake_peer_new (rules, n_rules);
  g_autofree char *relay = g_strdup_printf ("127.0.0.1:%u", self->peer->port);
  set (self, "relay", relay);
  set (self, "retry", "1 1 2");
  set (self, "retry-limit", "4");
  set (self, "delay-notice", "0");
  set (self, "send-threads", "3");
  set (self, "command-timeout", "5");
  return self;
}

#define SCENE(rules) scene_new (rules, G_N_ELEMENTS (rules))

static void
start (Scene *self)
{
  g_autoptr (GError) error = NULL;
  self->program = (PnProgram){ .config = self->house->config,
                               .key = self->house->key,
                               .name = "smtp",
                               .stop_fd = eventfd (0, EFD_CLOEXEC) };
  self->client = pn_smtp_client_start (&self->program, &error);
  g_assert_no_error (error);
}

static void
stop (Scene *self)
{
  guint64 one = 1;
  self->program.stop = 1;
  g_assert_cmpint (write (self->program.stop_fd, &one, sizeof one), ==, sizeof one);
  pn_smtp_client_stop (self->client);
  close (self->program.stop_fd);
  self->client = NULL;
}

static void
scene_free (Scene *self)
{
  if (self->client)
    stop (self);
  fake_peer_free (self->peer);
  house_free (self->house);
  g_free (self->gateway);
  g_free (self);
}

static void
put_body (Scene *self, const char *name, PnSendHead *head, const char *body)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (self->gateway, "send", "new.TMP", NULL);
  g_autofree char *final = g_build_filename (self->gateway, "send", name, NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSendWriter) writer
      = pn_send_writer_new (self->house->key, pn_file_sink_sink (file), head, &error);
  PnSink sink = pn_send_writer_sink (writer);
  g_assert_true (pn_sink_puts (&sink, body, &error) && pn_send_writer_close (writer, &error)
                 && pn_file_sink_flush (file, &error));
  close (fd);
  g_assert_cmpint (rename (path, final), ==, 0);
}

static PnSendHead *
make_head (const char *id, const char *const *recipients)
{
  PnSendHead *head = pn_send_head_new ();
  head->domain = g_strdup ("example.org");
  head->helo = g_strdup ("mail.north.example");
  head->id = g_strdup (id);
  head->queued = (gint64) time (NULL);
  head->size = 40;
  head->mail_from = g_strdup ("anna@north.example");
  for (guint i = 0; recipients[i]; i++)
    pn_send_head_add (head, recipients[i], "FAILURE", NULL);
  return head;
}

static void
put_file (Scene *self, const char *name, const char *id, const char *const *recipients)
{
  g_autoptr (PnSendHead) head = make_head (id, recipients);
  put_body (self, name, head, "Subject: test\r\n\r\n.dot\r\n");
}

static guint
count_files (Scene *self, const char *folder, const char *suffix)
{
  g_autofree char *path = g_build_filename (self->gateway, folder, NULL);
  g_autoptr (GPtrArray) paths = house_list (path, suffix);
  return paths->len;
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Every outcome in result/, as "recipient action code enhanced", sorted. */
static char *
results (Scene *self)
{
  g_autofree char *path = g_build_filename (self->gateway, "result", NULL);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (path, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    guint bad;
    g_autoptr (GPtrArray) list = pn_result_read (file, &bad, NULL);
    for (guint i = 0; list && i < list->len; i++) {
      const PnResult *r = list->pdata[i];
      g_ptr_array_add (lines,
                       g_strdup_printf ("%s %s %d %s", r->recipient, pn_result_action_to_string (r->action),
                                        r->code, r->enhanced ? r->enhanced : "-"));
    }
  }
  g_dir_close (dir);
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata);
}

static const char *const one[] = { "bob@example.org", NULL };
static const char *const three[] = { "a@example.org", "b@example.org", "c@example.org", NULL };

static void
assert_results (Scene *self, const char *expected)
{
  g_autofree char *text = results (self);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_simple (void)
{
  static const FakeRule rules[] = { { "XXX", "500", 0 } };
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", one);
  start (self);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  assert_results (self, "bob@example.org transferred 250 2.0.0");
  g_assert_cmpstr (self->peer->messages->pdata[0], ==, "Subject: test\r\n\r\n..dot\r\n");
  g_assert_cmpuint (fake_peer_count (self->peer, "MAIL FROM:<anna@north.example> SIZE=40"), ==, 1);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<bob@example.org> NOTIFY=FAILURE"), ==, 1);
  g_assert_cmpuint (count_files (self, "defer", ""), ==, 0);
  scene_free (self);
}

/* Files that come while it runs, many, over few connections; each once. */
static void
test_many (void)
{
  static const FakeRule rules[] = { { "XXX", "500", 0 } };
  Scene *self = SCENE (rules);
  start (self);
  for (guint i = 0; i < 60; i++) {
    g_autofree char *name = g_strdup_printf ("S%07X.SND", i);
    g_autofree char *id = g_strdup_printf ("ID.%u", i);
    put_file (self, name, id, one);
  }
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  g_assert_cmpuint (fake_peer_messages (self->peer), ==, 60);
  g_assert_cmpuint (self->peer->connections, <=, 10);
  scene_free (self);
}

static void
test_recipients_apart (void)
{
  static const FakeRule rules[] = {
    { "RCPT TO:<a@", "550 5.1.1 no such user", 0 },
    { "RCPT TO:<b@", "450 4.2.1 greylisted", 1 },
  };
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", three);
  start (self);
  WAIT_FOR (fake_peer_messages (self->peer) == 2 && count_files (self, "defer", "") == 0);
  assert_results (self, "a@example.org undeliverable 550 5.1.1\nb@example.org transferred 250 "
                        "2.0.0\nc@example.org transferred 250 2.0.0");
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<a@"), ==, 1);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<b@"), ==, 2);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<c@"), ==, 1);
  scene_free (self);
}

/* What a deferred file shows to the operator. */
static void
test_deferred (void)
{
  static const FakeRule rules[] = { { "DATA", "451 4.3.0 disk trouble", 0 } };
  Scene *self = SCENE (rules);
  set (self, "retry", "100");
  set (self, "retry-limit", "1000");
  put_file (self, "S0000001.SND", "ID.1", one);
  start (self);
  WAIT_FOR (count_files (self, "defer", ".SND") == 1);
  g_autofree char *path = g_build_filename (self->gateway, "defer", "S0000001.TRY", NULL);
  g_autoptr (PnSendTry) try = pn_send_try_read (path);
  g_assert_cmpuint (try->attempts, ==, 1);
  g_assert_cmpstr (try->error, ==, "disk trouble");
  g_assert_cmpstr (try->host, ==, "127.0.0.1");
  g_assert_cmpint (try->next, >, (gint64) time (NULL) + 90);
  assert_results (self, "");
  scene_free (self);
}

static void
test_given_up (void)
{
  static const FakeRule rules[] = { { "MAIL", "451 4.3.0 never", 0 } };
  Scene *self = SCENE (rules);
  set (self, "retry-limit", "5");
  set (self, "delay-notice", "1");
  put_file (self, "S0000001.SND", "ID.1", one);
  start (self);
  WAIT_FOR (count_files (self, "result", ".RES") == 2 && count_files (self, "defer", "") == 0);
  assert_results (self, "bob@example.org delayed 451 4.3.0\nbob@example.org undeliverable 451 5.4.7");
  scene_free (self);
}

/* Without PIPELINING every answer is waited for. */
static void
test_plain_peer (void)
{
  static const FakeRule rules[] = {
    { "EHLO", "502 what", 0 },
    { "RCPT TO:<b@", "550 no", 0 },
  };
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", three);
  start (self);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  assert_results (self, "a@example.org transferred 250 2.0.0\nb@example.org undeliverable 550 "
                        "-\nc@example.org transferred 250 2.0.0");
  g_assert_cmpuint (fake_peer_count (self->peer, "HELO mail.north.example"), ==, 1);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<a@example.org> "), ==, 0);
  scene_free (self);
}

static void
put_special (Scene *self, gboolean eight_bit, gboolean smtputf8, guint64 size)
{
  g_autoptr (PnSendHead) head = make_head ("ID.1", one);
  head->eight_bit = eight_bit;
  head->smtputf8 = smtputf8;
  head->size = size;
  put_body (self, "S0000001.SND", head, "Subject: \xc3\xa4\r\n\r\n\xc3\xa4\r\n");
}

static void
test_abilities (void)
{
  static const struct {
    const char *ehlo;
    gboolean eight_bit, smtputf8;
    guint64 size;
    const char *result;
  } cases[] = {
    { "250-fake.example\r\n250 PIPELINING", TRUE, FALSE, 40, "bob@example.org undeliverable 0 5.6.3" },
    { "250-fake.example\r\n250 8BITMIME", TRUE, FALSE, 40, "bob@example.org transferred 250 2.0.0" },
    { "250-fake.example\r\n250 8BITMIME", TRUE, TRUE, 40, "bob@example.org undeliverable 0 5.6.7" },
    { "250-fake.example\r\n250-8BITMIME\r\n250 SMTPUTF8", TRUE, TRUE, 40,
      "bob@example.org transferred 250 2.0.0" },
    { "250-fake.example\r\n250 SIZE 1000", FALSE, FALSE, 1001, "bob@example.org undeliverable 0 5.3.4" },
    { "250-fake.example\r\n250 SIZE 0", FALSE, FALSE, 1001, "bob@example.org transferred 250 2.0.0" },
    { "250 mail.north.example greets itself", FALSE, FALSE, 40, "bob@example.org undeliverable 0 5.4.6" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    FakeRule rules[] = { { "EHLO", cases[i].ehlo, 0 } };
    Scene *self = SCENE (rules);
    put_special (self, cases[i].eight_bit, cases[i].smtputf8, cases[i].size);
    start (self);
    WAIT_FOR (count_files (self, "send", ".SND") == 0);
    assert_results (self, cases[i].result);
    scene_free (self);
  }
}

/* A connection kept open that the peer has closed meanwhile is no failure. */
static void
test_stale_connection (void)
{
  static const FakeRule rules[] = { { "MAIL", "250 fine", 1 }, { "MAIL", NULL, 1 } };
  Scene *self = SCENE (rules);
  set (self, "send-threads", "1");
  start (self);
  put_file (self, "S0000001.SND", "ID.1", one);
  WAIT_FOR (fake_peer_messages (self->peer) == 1);
  put_file (self, "S0000002.SND", "ID.2", one);
  WAIT_FOR (fake_peer_messages (self->peer) == 2);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  g_assert_cmpuint (count_files (self, "defer", ""), ==, 0);
  g_assert_cmpuint (self->peer->connections, ==, 2);
  scene_free (self);
}

static void
test_too_many_recipients (void)
{
  static const FakeRule rules[] = { { "RCPT TO:<c@", "452 4.5.3 too many", 1 } };
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", three);
  start (self);
  WAIT_FOR (fake_peer_messages (self->peer) == 2);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  g_assert_cmpuint (count_files (self, "defer", ""), ==, 0);
  assert_results (self, "a@example.org transferred 250 2.0.0\nb@example.org transferred 250 "
                        "2.0.0\nc@example.org transferred 250 2.0.0");
  scene_free (self);
}

/* Recipients refused in a pipelined group whose DATA the peer still takes: nothing is sent. */
static void
test_nobody_accepted (void)
{
  static const FakeRule rules[] = { { "RCPT", "550 5.1.1 nobody", 0 } };
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", three);
  start (self);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  assert_results (self, "a@example.org undeliverable 550 5.1.1\nb@example.org undeliverable 550 "
                        "5.1.1\nc@example.org undeliverable 550 5.1.1");
  for (guint i = 0; i < fake_peer_messages (self->peer); i++)
    g_assert_cmpstr (self->peer->messages->pdata[i], ==, "");
  scene_free (self);
}

/* A daemon killed after the outcome was written and before the send file was removed. */
static void
test_leftovers (void)
{
  static const FakeRule rules[] = { { "XXX", "500", 0 } };
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", one);
  put_file (self, "S0000002.SND", "ID.2", three);
  put_file (self, "S0000003.SND", "ID.3", one);
  g_autofree char *path = g_build_filename (self->gateway, "result", "R0000001.RES", NULL);
  g_assert_true (
      g_file_set_contents (path,
                           "S0000001.SND\tID.1\ttransferred\tbob@example.org\tx\t250\t-\t-\t-\t1\t0\n"
                           "S0000002.SND\tID.2\ttransferred\ta@example.org\tx\t250\t-\t-\t-\t1\t0\n"
                           "S0000002.SND\tID.2\tundeliverable\tc@example.org\tx\t550\t-\t-\t-\t1\t0\n"
                           "S0000003.SND\tID.old\ttransferred\tbob@example.org\tx\t250\t-\t-\t-\t1\t0\n",
                           -1, NULL));
  start (self);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  g_assert_cmpuint (fake_peer_messages (self->peer), ==, 2);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<a@"), ==, 0);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<b@"), ==, 1);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<c@"), ==, 0);
  g_assert_cmpuint (fake_peer_count (self->peer, "RCPT TO:<bob@"), ==, 1);
  g_assert_cmpuint (count_files (self, "defer", ""), ==, 0);
  scene_free (self);
}

static void
test_third_party (void)
{
  static const FakeRule rules[] = { { "XXX", "500", 0 } };
  Scene *self = SCENE (rules);
  start (self);
  g_autofree char *path = g_build_filename (self->gateway, "send", "plain.snd", NULL);
  g_autofree char *bad = g_build_filename (self->gateway, "send", "bad.snd", NULL);
  g_assert_true (
      g_file_set_contents (path,
                           "example.org\nHELO x\nMAIL FROM:<x@y.example>\nRCPT TO:<bob@example.org>\nDATA\n"
                           "Subject: plain\n\ntext\n.\nQUIT\n",
                           -1, NULL));
  g_assert_true (g_file_set_contents (bad, "what is this\n", -1, NULL));
  WAIT_FOR (fake_peer_messages (self->peer) == 1);
  g_assert_cmpstr (self->peer->messages->pdata[0], ==, "Subject: plain\r\n\r\ntext\r\n");
  WAIT_FOR (count_files (self, "gwprob", "") == 2);
  WAIT_FOR (count_files (self, "send", "") == 0);
  scene_free (self);
}

/* A message damaged on disk is not sent in part, and its sender hears of it. */
static void
test_damaged (void)
{
  static const FakeRule rules[] = { { "XXX", "500", 0 } };
  Scene *self = SCENE (rules);
  g_autoptr (PnSendHead) head = make_head ("ID.1", one);
  g_autofree char *filler = g_strnfill (60, 'x');
  g_autoptr (GString) body = g_string_new ("Subject: long\r\n\r\n");
  for (guint i = 0; i < 40000; i++)
    g_string_append_printf (body, "%s\r\n", filler);
  put_body (self, "S0000001.SND", head, body->str);
  g_autofree char *path = g_build_filename (self->gateway, "send", "S0000001.SND", NULL);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, "damage", 6, 1000000), ==, 6);
  close (fd);
  start (self);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  assert_results (self, "bob@example.org undeliverable 0 5.3.0");
  g_assert_cmpuint (fake_peer_messages (self->peer), ==, 0);
  g_assert_cmpuint (count_files (self, "gwprob", ".SND"), ==, 1);
  scene_free (self);
}

static void
test_no_answer (void)
{
  static const FakeRule rules[] = { { "", "421 4.3.2 not now", 2 } };
  Scene *self = SCENE (rules);
  set (self, "retry-limit", "20");
  put_file (self, "S0000001.SND", "ID.1", one);
  start (self);
  WAIT_FOR (fake_peer_messages (self->peer) == 1);
  WAIT_FOR (count_files (self, "send", ".SND") == 0);
  g_assert_cmpuint (self->peer->connections, ==, 3);
  assert_results (self, "bob@example.org transferred 250 2.0.0");
  scene_free (self);
}

/* A stop in the middle of a session gives it up, but counts no failure. */
static void
test_stop (void)
{
  static const FakeRule rules[] = { { "MAIL", "250-", 0 } }; /* an answer that never ends */
  Scene *self = SCENE (rules);
  put_file (self, "S0000001.SND", "ID.1", one);
  start (self);
  WAIT_FOR (fake_peer_count (self->peer, "MAIL") == 1);
  gint64 begin = g_get_monotonic_time ();
  stop (self);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 3 * G_USEC_PER_SEC);
  g_assert_cmpuint (count_files (self, "send", ".SND"), ==, 1);
  g_assert_cmpuint (count_files (self, "defer", ""), ==, 0);
  assert_results (self, "");
  scene_free (self);
}

static void
test_routes (void)
{
  g_autoptr (House) house = house_new ();
  GKeyFile *file = house->config->file;
  g_autoptr (GError) error = NULL;
  g_key_file_set_string (
      file, "smtp", "routes",
      "example.org  mx.example.net:2525; .example.org [192.0.2.1]; six.example [IPv6:2001:db8::1]:26 ");
  PnRoutes *routes = pn_routes_new (house->config, &error);
  g_assert_no_error (error);
  static const struct {
    const char *domain, *host;
    guint port;
    gboolean mx;
  } cases[] = {
    { "Example.ORG", "mx.example.net", 2525, FALSE },
    { "sub.example.org", "192.0.2.1", 25, FALSE },
    { "six.example", "2001:db8::1", 26, FALSE },
    { "notexample.org", "notexample.org", 25, TRUE },
    { "[127.0.0.1]", "127.0.0.1", 25, FALSE },
    { "[IPv6:::1]", "::1", 25, FALSE },
    { "b\xc3\xbc"
      "cher.example",
      "xn--bcher-kva.example", 25, TRUE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (PnNextHop) hop = pn_routes_find (routes, cases[i].domain);
    g_assert_nonnull (hop);
    g_assert_cmpstr (hop->host, ==, cases[i].host);
    g_assert_cmpuint (hop->port, ==, cases[i].port);
    g_assert_cmpint (hop->mx, ==, cases[i].mx);
  }
  g_assert_null (pn_routes_find (routes, "a b"));
  g_assert_null (pn_routes_find (routes, "[127.0.0.1"));
  pn_routes_free (routes);

  static const char *const bad[]
      = { "example.org", "example.org host:99999", "example.org a b", "example.org [x" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_clear_error (&error);
    g_key_file_set_string (file, "smtp", "routes", bad[i]);
    g_assert_null (pn_routes_new (house->config, &error));
    g_assert_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  g_test_add_func ("/delivery/routes", test_routes);
  g_test_add_func ("/delivery/simple", test_simple);
  g_test_add_func ("/delivery/many", test_many);
  g_test_add_func ("/delivery/recipients-apart", test_recipients_apart);
  g_test_add_func ("/delivery/deferred", test_deferred);
  g_test_add_func ("/delivery/given-up", test_given_up);
  g_test_add_func ("/delivery/plain-peer", test_plain_peer);
  g_test_add_func ("/delivery/abilities", test_abilities);
  g_test_add_func ("/delivery/stale-connection", test_stale_connection);
  g_test_add_func ("/delivery/too-many-recipients", test_too_many_recipients);
  g_test_add_func ("/delivery/nobody-accepted", test_nobody_accepted);
  g_test_add_func ("/delivery/leftovers", test_leftovers);
  g_test_add_func ("/delivery/third-party", test_third_party);
  g_test_add_func ("/delivery/damaged", test_damaged);
  g_test_add_func ("/delivery/no-answer", test_no_answer);
  g_test_add_func ("/delivery/stop", test_stop);
  return g_test_run ();
}
