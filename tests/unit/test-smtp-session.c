#include "smtp/session.h"

#include "core/file.h"
#include "core/log.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A house that commits at once into memory. */
typedef struct {
  char *dir;
  PnConfig *config;
  PnSmtpSettings *settings;
  PnKey *key;
  PnSmtpSession session;
  GString *out;
  GPtrArray *messages;  /* char *: data with our fields in front cut off */
  GPtrArray *raw;       /* with them */
  PnEnvelope *envelope; /* of the last one, from its text */
  guint8 hash[16];      /* of the last one */
  char *orphan;         /* what take_orphan() answers */
  gboolean no_space, journal_full, with_message_id;
} House;

static gboolean
has_space (gpointer user)
{
  return !((House *) user)->no_space;
}

static char *
take_orphan (gpointer user, const guint8 hash[16])
{
  House *house = user;
  memcpy (house->hash, hash, 16);
  house->with_message_id = TRUE;
  return g_steal_pointer (&house->orphan);
}

static char *
unseal_file (House *house, int fd, GError **error)
{
  g_autoptr (PnSource) sealed = pn_file_source_new (fd, error);
  g_autoptr (PnSource) plain = sealed ? pn_seal_open (house->key, sealed, error) : NULL;
  g_assert_no_error (*error);
  char *text = g_malloc0 (plain->size + 1);
  g_assert_true (pn_source_read (plain, 0, text, plain->size, error));
  return text;
}

static void
commit (gpointer user, PnSmtpSession *session)
{
  House *house = user;
  g_autoptr (GError) error = NULL;
  g_autofree char *envelope = pn_envelope_to_text (pn_incoming_envelope (session->incoming));
  const GByteArray *data = pn_incoming_data (session->incoming);
  char *text;
  memcpy (house->hash, pn_incoming_hash (session->incoming), 16);
  if (data) {
    text = g_strndup ((const char *) data->data, data->len);
  } else {
    g_autofree char *whole = unseal_file (house, pn_incoming_steal_file (session->incoming), &error);
    gsize length = strlen (envelope);
    g_assert_cmpmem (whole, length, envelope, length);
    g_assert_cmpint (whole[length], ==, '\n');
    text = g_strdup (whole + length + 1);
  }
  const char *body = strstr (text, " +0000\r\n");
  g_assert_nonnull (body);
  g_ptr_array_add (house->messages, g_strdup (body + 8));
  g_ptr_array_add (house->raw, text);
  g_clear_pointer (&house->envelope, pn_envelope_free);
  house->envelope = pn_envelope_from_text (envelope, strlen (envelope), &error);
  g_assert_no_error (error);
}

static void
authenticate (gpointer user, PnSmtpSession *session, const char *name, const char *password)
{
  House *house = user;
  g_autoptr (PnUser) found = pn_directory_authenticate (house->settings->directory, name, password, NULL);
  g_autofree char *native
      = found ? g_strdup_printf ("%s.%s.%s", found->domain, found->post_office, found->user) : NULL;
  pn_smtp_session_authenticated (session, native, house->out);
  if (session->wait == PN_SMTP_WAIT_DELAY)
    pn_smtp_session_delayed (session, house->out);
}

static const PnSmtpHouse house_functions = { has_space, take_orphan, commit, authenticate };

static void
begin_session (House *house, gboolean submission, const char *address)
{
  struct sockaddr_in in = { .sin_family = AF_INET };
  PnPeer peer;
  (void) address;
  in.sin_addr.s_addr = htonl (address[0] == '1' ? 0xc0000201 : 0x7f000001);
  pn_peer_init (&peer, (const struct sockaddr *) &in);
  pn_smtp_session_clear (&house->session);
  pn_smtp_session_init (&house->session, house->settings, &house_functions, house, &peer, submission);
  g_string_truncate (house->out, 0);
  pn_smtp_session_greet (&house->session, house->out);
}

static void
set_up (House *house, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  house->dir = g_dir_make_tmp ("postern-session-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (house->dir, "postern.conf", NULL);
  g_autofree char *text = g_strconcat (
      "[domain]\nname=MAIN\npost-offices=NORTH\ninternet-domains=example.com\nhost=mx.example.com\n"
      "[log]\nlevel=error\n[smtp]\n",
      data ? data : "", NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  house->config = pn_config_load (house->dir, &error);
  g_assert_no_error (error);
  g_assert_true (pn_directory_create (house->config, &error));
  g_autoptr (PnDirectory) directory = pn_directory_open (house->config, TRUE, &error);
  PnUser anna = { .post_office = (char *) "NORTH",
                  .user = (char *) "anna",
                  .given_name = (char *) "Anna",
                  .family_name = (char *) "Smith" };
  PnUser bob = { .post_office = (char *) "NORTH",
                 .user = (char *) "bob",
                 .given_name = (char *) "Ben",
                 .family_name = (char *) "Smith" };
  PnUser bill = { .post_office = (char *) "NORTH",
                  .user = (char *) "bill",
                  .given_name = (char *) "Bill",
                  .family_name = (char *) "Smith" };
  g_assert_true (pn_directory_add_user (directory, &anna, "open sesame", &error));
  g_assert_true (pn_directory_add_user (directory, &bob, NULL, &error));
  g_assert_true (pn_directory_add_user (directory, &bill, NULL, &error));
  g_autofree char *key_path = pn_config_key_path (house->config);
  house->key = pn_key_create (key_path, &error);
  g_assert_no_error (error);
  house->settings = pn_smtp_settings_new (house->config, house->key, &error);
  g_assert_no_error (error);
  g_assert_true (pn_file_make_dirs (house->settings->receive_dir, &error));
  house->out = g_string_new (NULL);
  house->messages = g_ptr_array_new_with_free_func (g_free);
  house->raw = g_ptr_array_new_with_free_func (g_free);
  begin_session (house, FALSE, "192.0.2.1");
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);
    remove_tree (below);
  }
  g_remove (path);
}

static void
tear_down (House *house, gconstpointer data)
{
  (void) data;
  pn_smtp_session_clear (&house->session);
  pn_smtp_settings_free (house->settings);
  pn_key_unref (house->key);
  pn_config_free (house->config);
  pn_envelope_free (house->envelope);
  g_ptr_array_unref (house->messages);
  g_ptr_array_unref (house->raw);
  g_string_free (house->out, TRUE);
  g_free (house->orphan);
  remove_tree (house->dir);
  g_free (house->dir);
}

/* Feeds LENGTH bytes in pieces of STEP and answers commits as they come. */
static void
feed (House *house, const char *bytes, gsize length, gsize step)
{
  PnSmtpSession *session = &house->session;
  while (length) {
    gsize n = MIN (step, length);
    gsize taken = pn_smtp_session_input (session, bytes, n, house->out);
    g_assert_true (taken == n || session->wait != PN_SMTP_WAIT_NONE);
    bytes += taken;
    length -= taken;
    if (session->wait == PN_SMTP_WAIT_COMMIT) {
      g_autoptr (GError) full
          = house->journal_full ? g_error_new (PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_FULL, "full") : NULL;
      pn_smtp_session_committed (session, full, house->out);
    } else if (session->wait == PN_SMTP_WAIT_CLOSE || session->wait == PN_SMTP_WAIT_TLS) {
      return;
    }
  }
}

static void
say (House *house, const char *text)
{
  g_string_truncate (house->out, 0);
  feed (house, text, strlen (text), strlen (text));
}

#define assert_said(house, text, reply)                                                                      \
  do {                                                                                                       \
    say (house, text);                                                                                       \
    if (!g_str_has_prefix ((house)->out->str, reply))                                                        \
      g_error ("%s gave %s, not %s", text, (house)->out->str, reply);                                        \
  } while (0)

static void
transaction (House *house)
{
  say (house, "RSET\r\n");
  assert_said (house, "EHLO client.example\r\n", "250-mx.example.com");
  assert_said (house, "MAIL FROM:<x@example.org>\r\n", "250 2.1.0");
  assert_said (house, "RCPT TO:<anna@example.com>\r\n", "250 2.1.5");
}

static const char *
last (GPtrArray *array)
{
  return array->len ? array->pdata[array->len - 1] : "";
}

/* --- commands ------------------------------------------------------------------------------------------- */

static void
test_dialogue (House *house, gconstpointer data)
{
  (void) data;
  g_assert_cmpstr (house->out->str, ==, "220 mx.example.com ESMTP Postern\r\n");
  assert_said (house, "MAIL FROM:<x@example.org>\r\n", "503 5.5.1");
  assert_said (house, "EHLO\r\n", "501 5.5.4");
  assert_said (house, "EHLO a b\r\n", "501 5.5.4");
  assert_said (house, "HELO client.example\r\n", "250 mx.example.com");
  assert_said (house, "ehlo client.example\r\n", "250-mx.example.com");
  static const char *const words[]
      = { "SIZE 52428800", "PIPELINING", "8BITMIME", "SMTPUTF8",
          "CHUNKING",      "DSN",        "HELP",     "250 ENHANCEDSTATUSCODES\r\n" };
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_assert_nonnull (strstr (house->out->str, words[i]));
  g_assert_null (strstr (house->out->str, "AUTH"));
  g_assert_null (strstr (house->out->str, "STARTTLS"));
  assert_said (house, "RCPT TO:<anna@example.com>\r\n", "503 5.5.1");
  assert_said (house, "DATA\r\n", "503 5.5.1");
  assert_said (house, "MAIL FROM:<x@example.org>\r\n", "250 2.1.0");
  assert_said (house, "MAIL FROM:<x@example.org>\r\n", "503 5.5.1");
  assert_said (house, "DATA\r\n", "554 5.5.1");
  assert_said (house, "rcpt to:<Anna.Smith@EXAMPLE.COM>\r\n", "250 2.1.5");
  assert_said (house, "NOOP with words\r\n", "250 2.0.0");
  assert_said (house, "VRFY anna\r\n", "252 2.5.0");
  assert_said (house, "EXPN list\r\n", "502 5.5.1");
  assert_said (house, "HELP\r\n", "214");
  assert_said (house, "DATA\r\n", "354 ");
  assert_said (house, "Subject: hello\r\n\r\ntext\r\n.\r\n", "250 2.0.0 Accepted as ");
  g_assert_cmpstr (last (house->messages), ==, "Subject: hello\r\n\r\ntext\r\n");
  g_assert_true (g_str_has_prefix (last (house->raw),
                                   "Return-Path: <x@example.org>\r\nReceived: from client.example "
                                   "([192.0.2.1])\r\n\tby mx.example.com (Postern) with ESMTP id "));
  g_assert_nonnull (strstr (last (house->raw), "for <Anna.Smith@EXAMPLE.COM>;"));
  g_assert_cmpstr (house->envelope->mail_from, ==, "x@example.org");
  g_assert_cmpstr (house->envelope->rcpt_to[0], ==, "Anna.Smith@EXAMPLE.COM");
  g_assert_cmpstr (house->envelope->peer, ==, "192.0.2.1");
  g_assert_null (house->envelope->user);
  assert_said (house, "RCPT TO:<anna@example.com>\r\n", "503 5.5.1");
  assert_said (house, "FOO\r\n", "500 5.5.1");
  assert_said (house, "QUIT\r\n", "221 2.0.0");
  g_assert_cmpint (house->session.wait, ==, PN_SMTP_WAIT_CLOSE);
}

static void
test_paths (House *house, gconstpointer data)
{
  (void) data;
  say (house, "EHLO x\r\n");
  static const struct {
    const char *path, *reply;
  } cases[] = {
    { "<x@example.org>", "250" },
    { " <x@example.org>", "250" },
    { "<>", "250" },
    { "<\"a b\\\"c\"@example.org>", "250" },
    { "<x@[192.0.2.7]>", "250" },
    { "<x@[IPv6:2001:db8::1]>", "250" },
    { "<@one.example,@two.example:x@example.org>", "250" },
    { "<IMCEAGWISE-MAIN+2EPO+2Ex@example.org>", "250" },
    { "x@example.org", "501" },
    { "<x@example.org", "501" },
    { "<x@>", "501" },
    { "<@example.org>", "501" },
    { "<x@-a.example>", "501" },
    { "<x@a..b>", "501" },
    { "<x y@example.org>", "501" },
    { "<x@example.org>>", "501" },
    { "<x>", "501 5.1.7 The address has no domain" },
    { "<m\303\274ller@example.org>", "553 5.6.7" },
    { "<m\303\274ller@example.org> SMTPUTF8", "250" },
    { "<m\374ller@example.org> SMTPUTF8", "501" },
    { "<x@example.org> SIZE=1000", "250" },
    { "<x@example.org> SIZE=99999999999", "552 5.3.4" },
    { "<x@example.org> SIZE=abc", "501" },
    { "<x@example.org> BODY=8BITMIME RET=HDRS ENVID=QQ314159", "250" },
    { "<x@example.org> BODY=BINARYMIME", "501" },
    { "<x@example.org> RET=SOME", "501" },
    { "<x@example.org> ENVID=a+4", "501" },
    { "<x@example.org> FOO=1", "555 5.5.4" },
    { "<x@example.org> =1", "501" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *line = g_strdup_printf ("MAIL FROM:%s\r\n", cases[i].path);
    house->session.errors = 0;
    say (house, "RSET\r\n");
    assert_said (house, line, cases[i].reply);
  }
}

static void
test_recipients (House *house, gconstpointer data)
{
  (void) data;
  say (house, "EHLO x\r\nMAIL FROM:<>\r\n");
  assert_said (house, "RCPT TO:<nobody@example.com>\r\n", "550 5.1.1 there is no user nobody@example.com");
  assert_said (house, "RCPT TO:<bsmith@example.com>\r\n", "550 5.1.4");
  assert_said (house, "RCPT TO:<x@example.org>\r\n", "550 5.7.1");
  assert_said (house, "RCPT TO:<anna%example.org@example.com>\r\n", "550 5.1.1");
  assert_said (house, "RCPT TO:<anna>\r\n", "501 5.1.3");
  assert_said (house, "RCPT TO:<>\r\n", "501 5.1.3");
  assert_said (house, "RCPT TO:<Postmaster>\r\n", "250 2.1.5");
  assert_said (house, "RCPT TO:<postmaster@example.com>\r\n", "250 2.1.5");
  assert_said (house, "RCPT TO:<bob@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.com\r\n",
               "250 2.1.5");
  assert_said (house, "RCPT TO:<bob@example.com> NOTIFY=MAYBE\r\n", "501 5.5.4");
  assert_said (house, "RCPT TO:<bob@example.com> ORCPT=bob\r\n", "501 5.5.4");
  assert_said (house, "RCPT TO:<bob@example.com> FOO=BAR\r\n", "555 5.5.4");
  say (house, "DATA\r\nA: b\r\n\r\n.\r\n");
  g_assert_cmpuint (g_strv_length (house->envelope->rcpt_to), ==, 3);
  g_assert_cmpstr (house->envelope->rcpt_notify[2], ==, "SUCCESS,FAILURE");
  g_assert_cmpstr (house->envelope->rcpt_orcpt[2], ==, "rfc822;bob@example.com");
  g_assert_cmpstr (house->envelope->mail_from, ==, "");
  g_assert_null (strstr (last (house->raw), "for <"));
}

static void
test_relay_networks (House *house, gconstpointer data)
{
  (void) data;
  say (house, "EHLO x\r\nMAIL FROM:<anna@example.com>\r\n");
  assert_said (house, "RCPT TO:<x@example.org>\r\n", "250 2.1.5");
  begin_session (house, FALSE, "loopback");
  say (house, "EHLO x\r\nMAIL FROM:<anna@example.com>\r\n");
  assert_said (house, "RCPT TO:<x@example.org>\r\n", "550 5.7.1");
}

static void
test_limits (House *house, gconstpointer data)
{
  (void) data;
  transaction (house);
  assert_said (house, "RCPT TO:<bob@example.com>\r\n", "250");
  assert_said (house, "RCPT TO:<bill@example.com>\r\n", "452 4.5.3");
  g_autofree char *longer = g_strnfill (3000, 'x');
  g_autofree char *line = g_strconcat (longer, "\r\nNOOP\r\n", NULL);
  say (house, line);
  g_assert_cmpstr (house->out->str, ==, "500 5.5.2 Line longer than 2048 bytes\r\n250 2.0.0 Ok\r\n");
  g_string_truncate (house->out, 0);
  feed (house, line, strlen (line), 7);
  g_assert_cmpstr (house->out->str, ==, "500 5.5.2 Line longer than 2048 bytes\r\n250 2.0.0 Ok\r\n");
  assert_said (house, "NOOP\n", "500 5.5.2 Lines end with CR LF");
  assert_said (house, "NO\rOP\r\n", "500 5.5.2");
  g_assert_cmpuint (house->session.errors, ==, 4);
  say (house, "FOO\r\nNOOP\r\n");
  g_assert_nonnull (strstr (house->out->str, "421 4.7.0 mx.example.com Too many errors, closing\r\n"));
  g_assert_null (strstr (house->out->str, "250"));
}

static void
test_size_and_space (House *house, gconstpointer data)
{
  (void) data;
  g_autofree char *body = g_strnfill (5000, 'x');
  g_autofree char *message = g_strconcat ("DATA\r\n", body, "\r\n.\r\nNOOP\r\n", NULL);
  transaction (house);
  say (house, message);
  g_assert_cmpstr (house->out->str + strlen ("354 Send the message, end with a dot on a line by itself\r\n"),
                   ==, "552 5.3.4 A message may have 2000 bytes\r\n250 2.0.0 Ok\r\n");
  g_assert_cmpuint (house->messages->len, ==, 0);
  house->no_space = TRUE;
  assert_said (house, "MAIL FROM:<>\r\n", "452 4.3.1");
  house->no_space = FALSE;
  transaction (house);
  house->journal_full = TRUE;
  say (house, "DATA\r\nx\r\n.\r\n");
  g_assert_nonnull (strstr (house->out->str, "\n452 4.3.1"));
  house->journal_full = FALSE;
  transaction (house);
  assert_said (house, "DATA\r\n", "354");
  assert_said (house, "x\r\n.\r\n", "250 2.0.0 Accepted as ");
}

static void
test_loop (House *house, gconstpointer data)
{
  (void) data;
  for (guint n = 50; n <= 51; n++) {
    GString *text = g_string_new ("Subject: round\r\n");
    for (guint i = 0; i < n; i++)
      g_string_append (text, "ReCeived: from a by b;\r\n\tsomewhen\r\n");
    g_string_append (text, "\r\nReceived: not a field\r\n.\r\n");
    transaction (house);
    say (house, "DATA\r\n");
    say (house, text->str);
    g_assert_true (g_str_has_prefix (house->out->str, n == 50 ? "250 2.0.0" : "554 5.4.6"));
    g_string_free (text, TRUE);
  }
}

/* --- the end of data ------------------------------------------------------------------------------------ */

/* What stands between DATA and the true end, and the bytes that must arrive. */
static const struct {
  const char *sent, *stored;
} texts[] = {
  { ".\r\n", "" },
  { "\r\n.\r\n", "\r\n" },
  { "a\r\n.\r\n", "a\r\n" },
  { "..\r\n.\r\n", ".\r\n" },
  { "a\r\n..b\r\n...\r\n.\r\n", "a\r\n.b\r\n..\r\n" },
  { ".a\r\n.\r\n", "a\r\n" },
  { "a.\r\n.\r\n", "a.\r\n" },
  { "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n" },
  { "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n" },
  { "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n" },
  { "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n" },
  { "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n" },
  { "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n" },
  { "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n" },
  { "a\r\r\n.\r\n", "a\r\r\n" },
  { "a\r\n\r.\r\nb\r\n.\r\n", "a\r\n\r.\r\nb\r\n" },
  { "a\n..\r\n.\r\n", "a\n..\r\n" },
  { "a\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nb\r\n.\r\n",
    "a\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nb\r\n" },
};

static void
test_end_of_data (House *house, gconstpointer data)
{
  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    gsize length = strlen (texts[i].sent);
    for (gsize step = 1; step <= length; step++) {
      guint before = house->messages->len;
      transaction (house);
      say (house, "DATA\r\n");
      g_string_truncate (house->out, 0);
      feed (house, texts[i].sent, length, step);
      g_assert_cmpuint (house->messages->len, ==, before + 1);
      g_assert_cmpstr (last (house->messages), ==, texts[i].stored);
      g_assert_true (g_str_has_prefix (house->out->str, "250 2.0.0 Accepted"));
      g_assert_cmpuint (strcspn (house->out->str, "\n") + 1, ==, house->out->len);
    }
  }
}

static void
test_pipelining (House *house, gconstpointer data)
{
  (void) data;
  static const char all[]
      = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nRCPT TO:<nobody@example.com>\r\nDATA\r\n"
        "first\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nsecond\r\n.\r\nQUIT\r\n";
  for (gsize step = 1; step < sizeof all; step += 3) {
    guint before = house->messages->len;
    begin_session (house, FALSE, "192.0.2.1");
    feed (house, all, sizeof all - 1, step);
    g_assert_cmpuint (house->messages->len, ==, before + 2);
    g_assert_cmpstr (house->messages->pdata[before], ==, "first\r\n");
    g_assert_cmpstr (last (house->messages), ==, "second\r\n");
    g_assert_nonnull (strstr (house->out->str, "221 2.0.0"));
  }
}

/* Larger than [smtp] journal-limit: through a sealed file, the same bytes. */
static void
test_spooled (House *house, gconstpointer data)
{
  (void) data;
  GString *text = g_string_new ("Message-ID: <1@example.org>\r\n\r\n");
  for (guint i = 0; i < 10000; i++)
    g_string_append_printf (text, "line %u of a longer message\r\n", i);
  g_autofree char *expected = g_strdup (text->str);
  g_string_append (text, ".\r\n");
  static const gsize steps[] = { 977, 65536, 1000000 };
  guint8 hash[16];
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    transaction (house);
    say (house, "DATA\r\n");
    g_string_truncate (house->out, 0);
    feed (house, text->str, text->len, steps[i]);
    g_assert_true (g_str_has_prefix (house->out->str, "250 2.0.0 Accepted"));
    g_assert_cmpstr (last (house->messages), ==, expected);
    if (i)
      g_assert_cmpmem (hash, 16, house->hash, 16);
    memcpy (hash, house->hash, 16);
  }
  g_string_free (text, TRUE);
}

static void
test_orphans (House *house, gconstpointer data)
{
  (void) data;
  transaction (house);
  say (house, "DATA\r\n");
  assert_said (house, "Subject: x\r\n\r\n.\r\n", "250 2.0.0");
  g_assert_false (house->with_message_id);
  guint8 first[16];
  memcpy (first, house->hash, 16);

  transaction (house);
  say (house, "DATA\r\n");
  house->orphan = g_strdup ("1234.5678.9ABC.DEF0");
  guint before = house->messages->len;
  assert_said (house, "message-ID: <1@example.org>\r\n\r\nx\r\n.\r\n",
               "250 2.0.0 Accepted as 1234.5678.9ABC.DEF0\r\n");
  g_assert_true (house->with_message_id);
  g_assert_cmpuint (house->messages->len, ==, before);
  g_assert_cmpint (memcmp (first, house->hash, 16), !=, 0);

  /* The same bytes for somebody else are another message. */
  guint8 second[16];
  memcpy (second, house->hash, 16);
  transaction (house);
  assert_said (house, "RCPT TO:<bob@example.com>\r\n", "250");
  say (house, "DATA\r\n");
  assert_said (house, "message-ID: <1@example.org>\r\n\r\nx\r\n.\r\n", "250 2.0.0");
  g_assert_cmpint (memcmp (second, house->hash, 16), !=, 0);
}

static void
test_chunks (House *house, gconstpointer data)
{
  (void) data;
  assert_said (house, "BDAT 3\r\nabcNOOP\r\n", "503 5.5.1");
  g_assert_true (g_str_has_suffix (house->out->str, "250 2.0.0 Ok\r\n"));
  transaction (house);
  assert_said (house, "BDAT 7\r\nA: b\r\n\r", "250 2.0.0 7 bytes so far");
  assert_said (house, "DATA\r\n", "503 5.5.1");
  assert_said (house, "RCPT TO:<bob@example.com>\r\n", "503 5.5.1");
  assert_said (house, "BDAT 8 LAST\r\n\n.\r\n.\r\nx", "250 2.0.0 Accepted as ");
  g_assert_cmpstr (last (house->messages), ==, "A: b\r\n\r\n.\r\n.\r\nx");

  static const char all[] = "BDAT 6\r\nline\r\nBDAT 0 LAST\r\nNOOP\r\n";
  for (gsize step = 1; step < sizeof all; step++) {
    transaction (house);
    g_string_truncate (house->out, 0);
    feed (house, all, sizeof all - 1, step);
    g_assert_cmpstr (last (house->messages), ==, "line\r\n");
    g_assert_true (g_str_has_suffix (house->out->str, "250 2.0.0 Ok\r\n"));
  }

  transaction (house);
  assert_said (house, "BDAT 5 LAST\r\nab", "");
  assert_said (house, "cde", "250 2.0.0 Accepted");
  g_assert_cmpstr (last (house->messages), ==, "abcde");

  assert_said (house, "MAIL FROM:<>\r\n", "250");
  assert_said (house, "BDAT 2\r\nxx", "554 5.5.1");
  assert_said (house, "RCPT TO:<bob@example.com>\r\n", "503 5.5.1");
  assert_said (house, "RSET\r\n", "250");
  assert_said (house, "BDAT x\r\n", "501 5.5.4");
  g_assert_cmpint (house->session.wait, ==, PN_SMTP_WAIT_CLOSE);
}

static void
test_chunks_too_large (House *house, gconstpointer data)
{
  (void) data;
  g_autofree char *body = g_strnfill (1500, 'x');
  g_autofree char *chunk = g_strconcat ("BDAT 1500\r\n", body, NULL);
  transaction (house);
  assert_said (house, chunk, "250 2.0.0 1500 bytes so far");
  assert_said (house, chunk, "552 5.3.4");
  assert_said (house, "BDAT 0 LAST\r\n", "503 5.5.1");
  assert_said (house, "MAIL FROM:<>\r\n", "250");
}

/* --- AUTH and TLS --------------------------------------------------------------------------------------- */

static char *
plain_response (const char *authorization, const char *name, const char *password)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_byte_array_append (bytes, (const guint8 *) authorization, (guint) strlen (authorization) + 1);
  g_byte_array_append (bytes, (const guint8 *) name, (guint) strlen (name) + 1);
  g_byte_array_append (bytes, (const guint8 *) password, (guint) strlen (password));
  return g_base64_encode (bytes->data, bytes->len);
}

static void
test_auth (House *house, gconstpointer data)
{
  (void) data;
  g_autofree char *right = plain_response ("", "anna", "open sesame");
  g_autofree char *wrong = plain_response ("", "anna", "open");
  g_autofree char *other = plain_response ("bob", "anna", "open sesame");
  g_autofree char *line = g_strdup_printf ("AUTH PLAIN %s\r\n", right);
  begin_session (house, TRUE, "192.0.2.1");
  assert_said (house, "EHLO x\r\n", "250");
  g_assert_nonnull (strstr (house->out->str, "250-AUTH PLAIN LOGIN\r\n"));
  say (house, "MAIL FROM:<anna@example.com>\r\n");
  assert_said (house, "RCPT TO:<x@example.org>\r\n", "530 5.7.0");
  assert_said (house, line, "503 5.5.1");
  say (house, "RSET\r\n");
  g_autofree char *wrong_line = g_strdup_printf ("AUTH PLAIN %s\r\n", wrong);
  g_autofree char *other_line = g_strdup_printf ("AUTH PLAIN %s\r\n", other);
  assert_said (house, wrong_line, "535 5.7.8");
  assert_said (house, other_line, "535 5.7.8");
  assert_said (house, "AUTH PLAIN ===\r\n", "501 5.5.2");
  assert_said (house, "AUTH PLAIN YWJj\r\n", "501 5.5.2");
  assert_said (house, "AUTH CRAM-MD5\r\n", "504 5.5.4");
  assert_said (house, "AUTH PLAIN\r\n", "334 ");
  assert_said (house, "*\r\n", "501 5.5.2");
  assert_said (house, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6");
  assert_said (house, "YW5uYQ==\r\n", "334 UGFzc3dvcmQ6");
  assert_said (house, "b3BlbiBzZXNhbWU=\r\n", "235 2.7.0");
  assert_said (house, line, "503 5.5.1");
  say (house, "MAIL FROM:<anna@example.com>\r\n");
  assert_said (house, "RCPT TO:<x@example.org>\r\n", "250 2.1.5");
  say (house, "DATA\r\nx\r\n.\r\n");
  g_assert_cmpstr (house->envelope->user, ==, "MAIN.NORTH.anna");
  g_assert_nonnull (strstr (last (house->raw), "with ESMTPA id"));

  begin_session (house, TRUE, "192.0.2.1");
  say (house, "EHLO x\r\n");
  assert_said (house, line, "235 2.7.0");
}

static void
test_auth_gives_up (House *house, gconstpointer data)
{
  (void) data;
  g_autofree char *wrong = plain_response ("", "anna", "open");
  g_autofree char *line = g_strdup_printf ("AUTH PLAIN %s\r\n", wrong);
  say (house, "EHLO x\r\n");
  for (guint i = 0; i < 4; i++)
    assert_said (house, line, "535 5.7.8");
  say (house, line);
  g_assert_nonnull (strstr (house->out->str, "421 4.7.0"));
}

static void
test_starttls (House *house, gconstpointer data)
{
  (void) data;
  say (house, "EHLO x\r\n");
  assert_said (house, "STARTTLS\r\n", "502 5.5.1");
  assert_said (house, "AUTH PLAIN AGFubmEAeA==\r\n", "538 5.7.11");
  house->settings->tls = TRUE;
  assert_said (house, "STARTTLS now\r\n", "501 5.5.4");
  assert_said (house, "MAIL FROM:<x@example.org>\r\n", "250");
  assert_said (house, "STARTTLS\r\nRSET\r\n", "220 2.0.0 Go ahead\r\n");
  g_assert_cmpuint (strcspn (house->out->str, "\n") + 1, ==, house->out->len);
  g_assert_cmpint (house->session.wait, ==, PN_SMTP_WAIT_TLS);
  pn_smtp_session_secured (&house->session, "TLSv1.3 with cipher X");
  assert_said (house, "RCPT TO:<anna@example.com>\r\n", "503 5.5.1");
  assert_said (house, "EHLO x\r\n", "250");
  g_assert_null (strstr (house->out->str, "STARTTLS"));
  g_assert_nonnull (strstr (house->out->str, "AUTH"));
  assert_said (house, "STARTTLS\r\n", "503 5.5.1");
}

static void
test_networks (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnNetworks) networks = pn_networks_parse ("10.0.0.0/8, 192.0.2.7 2001:db8::/33", &error);
  static const struct {
    const char *address;
    gboolean inside;
  } cases[] = { { "10.255.1.2", TRUE },     { "11.0.0.1", FALSE },        { "192.0.2.7", TRUE },
                { "192.0.2.6", FALSE },     { "2001:db8:7fff::1", TRUE }, { "2001:db8:8000::1", FALSE },
                { "::ffff:10.1.1.1", TRUE } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text
        = g_strdup_printf (strchr (cases[i].address, ':') ? "[%s]:1" : "%s:1", cases[i].address);
    g_autoptr (GArray) endpoints = pn_endpoints_parse (text, &error);
    g_assert_no_error (error);
    PnPeer peer;
    pn_peer_init (&peer, (const struct sockaddr *) &g_array_index (endpoints, PnEndpoint, 0).address);
    g_assert_cmpint (pn_networks_contain (networks, &peer), ==, cases[i].inside);
  }
  static const char *const bad[] = { "10.0.0.0/33", "x", "10.0.0", "::/129", "1.2.3.4/" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (pn_networks_parse (bad[i], NULL));
  static const char *const bad_endpoints[]
      = { "127.0.0.1", "::1:25", "host.example:25", "[::1]", "1.2.3.4:" };
  for (guint i = 0; i < G_N_ELEMENTS (bad_endpoints); i++)
    g_assert_null (pn_endpoints_parse (bad_endpoints[i], NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_log_init ("test", NULL, "error");
  pn_seal_init ();
#define TEST(path, data, function)                                                                           \
  g_test_add ("/smtp-session/" path, House, data, set_up, function, tear_down)
  TEST ("dialogue", NULL, test_dialogue);
  TEST ("paths", NULL, test_paths);
  TEST ("recipients", NULL, test_recipients);
  TEST ("relay-networks", "relay-from=192.0.2.0/28\n", test_relay_networks);
  TEST ("limits", "max-recipients=2\nmax-errors=5\n", test_limits);
  TEST ("size-and-space", "max-message-size=2000\n", test_size_and_space);
  TEST ("loop", NULL, test_loop);
  TEST ("end-of-data", NULL, test_end_of_data);
  TEST ("pipelining", NULL, test_pipelining);
  TEST ("spooled", "journal-limit=1000\n", test_spooled);
  TEST ("all-spooled", "journal-limit=0\n", test_end_of_data);
  TEST ("orphans", NULL, test_orphans);
  TEST ("chunks", NULL, test_chunks);
  TEST ("chunks-too-large", "max-message-size=2000\n", test_chunks_too_large);
  TEST ("auth", "auth-without-tls=true\n", test_auth);
  TEST ("auth-gives-up", "auth-without-tls=true\n", test_auth_gives_up);
  TEST ("starttls", NULL, test_starttls);
  g_test_add_func ("/smtp-session/networks", test_networks);
  return g_test_run ();
}
