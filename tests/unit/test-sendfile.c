/* Send files, what is remembered of attempts, result files. */
#include "core/file.h"
#include "smtp/resultfile.h"
#include "smtp/sendfile.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *dir;
  PnKey *key;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  (void) data;
  self->dir = g_dir_make_tmp ("postern-send-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (self->dir, "key", NULL);
  self->key = pn_key_create (path, NULL);
  g_assert_nonnull (self->key);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  (void) data;
  GDir *dir = g_dir_open (self->dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));) {
    g_autofree char *path = g_build_filename (self->dir, name, NULL);
    g_unlink (path);
  }
  g_dir_close (dir);
  g_rmdir (self->dir);
  pn_key_unref (self->key);
  g_free (self->dir);
}

static PnSendHead *
sample_head (void)
{
  PnSendHead *head = pn_send_head_new ();
  head->domain = g_strdup ("example.org");
  head->helo = g_strdup ("mail.example.com");
  head->id = g_strdup ("6743A1B2.1F3C.00A1.0000001C");
  head->queued = 1700000000;
  head->size = 1234;
  head->eight_bit = TRUE;
  head->mail_from = g_strdup ("anna@example.com");
  head->envid = g_strdup ("a+2Bb");
  head->ret = g_strdup ("HDRS");
  pn_send_head_add (head, "\"odd > name\"@example.org", "SUCCESS,FAILURE", "rfc822;x@example.org");
  pn_send_head_add (head, "bert@example.org", NULL, NULL);
  return head;
}

static void
test_head (void)
{
  g_autoptr (PnSendHead) head = sample_head ();
  g_autofree char *text = pn_send_head_to_text (head);
  g_assert_cmpstr (
      text, ==,
      "example.org\r\n"
      "EHLO mail.example.com\r\n"
      "NOOP id=6743A1B2.1F3C.00A1.0000001C time=1700000000 size=1234\r\n"
      "MAIL FROM:<anna@example.com> SIZE=1234 BODY=8BITMIME RET=HDRS ENVID=a+2Bb\r\n"
      "RCPT TO:<\"odd > name\"@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@example.org\r\n"
      "RCPT TO:<bert@example.org>\r\n"
      "DATA\r\n");
  g_autoptr (GError) error = NULL;
  gsize end;
  g_autoptr (PnSendHead) back = pn_send_head_parse (text, strlen (text), &end, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (end, ==, strlen (text));
  g_assert_cmpuint (back->recipients->len, ==, 2);
  g_autofree char *again = pn_send_head_to_text (back);
  g_assert_cmpstr (again, ==, text);
}

static void
test_head_variants (void)
{
  static const char *const good[] = {
    "example.org\nEHLO a.example\nMAIL FROM:<>\nRCPT TO:<b@example.org>\nDATA\n",
    "example.org\nHELO a.example\nmail from: <a@b.example>\nrcpt to: <b@example.org> NOTIFY=NEVER\ndata\n",
    "example.org\r\n*SEHLO a.example* MAIL FROM:<a@b.example>* RCPT TO:<b@example.org>* DATA\r\n",
  };
  static const char *const bad[] = {
    "\nEHLO a\nMAIL FROM:<>\nRCPT TO:<b@example.org>\nDATA\n",
    "two words\nMAIL FROM:<>\nRCPT TO:<b@example.org>\nDATA\n",
    "example.org\nRCPT TO:<b@example.org>\nDATA\n",
    "example.org\nMAIL FROM:<>\nDATA\n",
    "example.org\nMAIL FROM:<>\nRCPT TO:<>\nDATA\n",
    "example.org\nMAIL FROM:<>\nMAIL FROM:<>\nRCPT TO:<b@example.org>\nDATA\n",
    "example.org\nMAIL FROM:a@b.example\nRCPT TO:<b@example.org>\nDATA\n",
    "example.org\nVRFY x\nMAIL FROM:<>\nRCPT TO:<b@example.org>\nDATA\n",
    "example.org\nMAIL FROM:<a\rRCPT TO:<c@example.org>>\nRCPT TO:<b@example.org>\nDATA\n",
  };
  gsize end;
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnSendHead) head = pn_send_head_parse (good[i], strlen (good[i]), &end, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (((PnSendRecipient *) head->recipients->pdata[0])->address, ==, "b@example.org");
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (pn_send_head_parse (bad[i], strlen (bad[i]), &end, &error));
    g_assert_error (error, PN_SEND_ERROR, PN_SEND_ERROR_SYNTAX);
  }
  for (gsize n = 0; n < strlen (good[1]); n++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (pn_send_head_parse (good[1], n, &end, &error));
    g_assert_nonnull (error);
  }
}

static void
test_xtext (void)
{
  g_autofree char *encoded = pn_xtext_encode ("a+b=c d\xc3\xa4");
  g_assert_cmpstr (encoded, ==, "a+2Bb+3Dc+20d+C3+A4");
  g_autofree char *decoded = pn_xtext_decode (encoded);
  g_assert_cmpstr (decoded, ==, "a+b=c d\xc3\xa4");
  g_assert_null (pn_xtext_decode ("a+2"));
  g_assert_null (pn_xtext_decode ("a+zz"));
  g_assert_null (pn_xtext_decode ("a+00"));
}

/* Writes TEXT in pieces of STEP bytes and gives back what goes over the wire. */
static char *
through_file (Fixture *self, const char *text, gsize step)
{
  g_autofree char *path = g_build_filename (self->dir, "S0000001.SND", NULL);
  g_autoptr (GError) error = NULL;
  int fd = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSendHead) head = sample_head ();
  g_autoptr (PnSendWriter) writer = pn_send_writer_new (self->key, pn_file_sink_sink (file), head, &error);
  g_assert_no_error (error);
  PnSink sink = pn_send_writer_sink (writer);
  for (gsize i = 0; i < strlen (text); i += step)
    g_assert_true (pn_sink_write (&sink, text + i, MIN (step, strlen (text) - i), &error));
  g_assert_true (pn_send_writer_close (writer, &error));
  g_assert_true (pn_file_sink_flush (file, &error));
  close (fd);

  g_autoptr (PnSendFile) back = pn_send_file_open (path, self->key, FALSE, &error);
  g_assert_no_error (error);
  g_assert_true (back->clean);
  g_assert_cmpstr (back->head->domain, ==, "example.org");
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink array = pn_sink_to_array (out);
  g_assert_true (pn_send_file_copy_data (back, &array, &error));
  return g_strndup ((const char *) out->data, out->len);
}

static void
test_dots (Fixture *self, gconstpointer data)
{
  (void) data;
  static const struct {
    const char *in, *out;
  } cases[] = {
    { "A: b\r\n\r\ntext\r\n", "A: b\r\n\r\ntext\r\n.\r\n" },
    { "A: b\r\n\r\n.\r\nend", "A: b\r\n\r\n..\r\nend\r\n.\r\n" },
    { "A: b\n\n.\n..x\n", "A: b\r\n\r\n..\r\n...x\r\n.\r\n" },
    { "a\r.\r\rb\n.\n", "a\r\n..\r\n\r\nb\r\n..\r\n.\r\n" },
    { "a\r\n.\rMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n" },
    { "", ".\r\n" },
    { "no end", "no end\r\n.\r\n" },
    { "cr\r", "cr\r\n.\r\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize step = 1; step < 8; step++) {
      g_autofree char *out = through_file (self, cases[i].in, step);
      g_assert_cmpstr (out, ==, cases[i].out);
    }
}

static PnSendFile *
open_plain (Fixture *self, const char *text, gssize length, GError **error)
{
  g_autofree char *path = g_build_filename (self->dir, "S0000002.SND", NULL);
  g_assert_true (g_file_set_contents (path, text, length, NULL));
  return pn_send_file_open (path, self->key, FALSE, error);
}

#define PLAIN_HEAD "example.org\nEHLO a.example\nMAIL FROM:<a@b.example>\nRCPT TO:<b@example.org>\nDATA\n"

static void
test_plain (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSendFile) file = open_plain (self, PLAIN_HEAD "A: b\n\n..x\n.\nQUIT\n", -1, &error);
  g_assert_no_error (error);
  g_assert_false (file->clean);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  g_assert_true (pn_send_file_copy_data (file, &sink, &error));
  g_byte_array_append (out, (const guint8 *) "", 1);
  g_assert_cmpstr ((const char *) out->data, ==, "A: b\r\n\r\n..x\r\n.\r\n");

  g_autoptr (PnSendFile) no_quit = open_plain (self, PLAIN_HEAD "A: b\r\n\r\nx\r\n.\r\n", -1, &error);
  g_assert_no_error (error);
  g_assert_nonnull (no_quit);
}

/* What some peer could take for another end of the data is not sent at all. */
static void
test_smuggling (Fixture *self, gconstpointer data)
{
  (void) data;
  static const char *const bad[] = {
    PLAIN_HEAD "x\r.\rMAIL FROM:<e@evil.example>\n.\nQUIT\n",
    PLAIN_HEAD "x\n.\rMAIL FROM:<e@evil.example>\n.\nQUIT\n",
    PLAIN_HEAD "x\r\r\n.\r\nQUIT\r\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (open_plain (self, bad[i], -1, &error));
    g_assert_error (error, PN_SEND_ERROR, PN_SEND_ERROR_SYNTAX);
  }
  g_autoptr (GError) error = NULL;
  g_assert_null (open_plain (self, PLAIN_HEAD "half a message\n", -1, &error));
  g_assert_error (error, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE);
}

static void
test_damaged (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autofree char *once = through_file (self, "A: b\r\n\r\ntext\r\n", 100);
  g_autofree char *path = g_build_filename (self->dir, "S0000001.SND", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  for (gsize i = 8; i < length; i += 5) {
    g_autoptr (GError) error = NULL;
    bytes[i] ^= 1;
    g_assert_null (open_plain (self, bytes, (gssize) length, &error));
    g_assert_nonnull (error);
    bytes[i] ^= 1;
  }
  g_autoptr (GError) error = NULL;
  g_assert_null (open_plain (self, bytes, (gssize) length - 3, &error));
  g_assert_nonnull (error);
}

static void
test_large (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GString) text = g_string_new ("Subject: large\r\n\r\n");
  for (guint i = 0; i < 60000; i++)
    g_string_append_printf (text, ".%u line\r\n", i);
  g_autofree char *out = through_file (self, text->str, 4099);
  g_assert_true (g_str_has_suffix (out, "\r\n..59999 line\r\n.\r\n"));
  g_assert_cmpuint (strlen (out), ==, text->len + 60000 + 3);
}

static void
test_try (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autofree char *path = g_build_filename (self->dir, "S0000001.TRY", NULL);
  g_assert_null (pn_send_try_read (path));
  g_autoptr (PnSendTry) try = pn_send_try_new ();
  try->attempts = 3;
  try->first = 1700000000;
  try->next = 1700000300;
  try->noticed = TRUE;
  try->host = g_strdup ("mx.example.org");
  try->error = g_strdup ("451 try\nlater");
  guint done[] = { 7, 2, 7, 0 };
  for (guint i = 0; i < G_N_ELEMENTS (done); i++)
    pn_send_try_set_done (try, done[i]);
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_send_try_write (try, path, TRUE, &error));
  g_autoptr (PnSendTry) back = pn_send_try_read (path);
  g_assert_cmpuint (back->attempts, ==, 3);
  g_assert_cmpint (back->first, ==, 1700000000);
  g_assert_cmpint (back->next, ==, 1700000300);
  g_assert_true (back->noticed);
  g_assert_cmpstr (back->host, ==, "mx.example.org");
  g_assert_cmpstr (back->error, ==, "451 try later");
  g_assert_cmpuint (back->done->len, ==, 3);
  for (guint i = 0; i < 9; i++)
    g_assert_cmpint (pn_send_try_is_done (back, i), ==, i == 0 || i == 2 || i == 7);
  /* Half a file after a power failure is none. */
  g_assert_cmpint (truncate (path, 20), ==, 0);
  g_assert_null (pn_send_try_read (path));
}

static PnResult *
sample_result (guint i)
{
  PnResult *result = pn_result_new ();
  result->file = g_strdup ("S0000001.SND");
  result->id = i % 2 ? g_strdup_printf ("id-%u", i) : NULL;
  result->action = (PnResultAction) (i % 3);
  result->recipient = g_strdup_printf ("user%u@example.org", i);
  result->sender = g_strdup (i % 4 ? "anna@example.com" : "");
  result->code = i % 2 ? 550 : 0;
  result->enhanced = i % 2 ? g_strdup ("5.1.1") : NULL;
  result->text = g_strdup ("no\tsuch\nuser");
  result->host = g_strdup ("mx.example.org");
  result->time = 1700000000 + i;
  result->dsn = i % 2;
  return result;
}

static void
test_results (void)
{
  GString *text = g_string_new ("# comment\n");
  for (guint i = 0; i < 12; i++) {
    g_autoptr (PnResult) result = sample_result (i);
    pn_result_append (result, text);
  }
  g_string_append (text, "half\ta\tline\n");
  guint bad;
  g_autoptr (GPtrArray) back = pn_result_parse (text->str, text->len, &bad);
  g_string_free (text, TRUE);
  g_assert_cmpuint (bad, ==, 1);
  g_assert_cmpuint (back->len, ==, 12);
  for (guint i = 0; i < 12; i++) {
    g_autoptr (PnResult) want = sample_result (i);
    const PnResult *got = back->pdata[i];
    g_assert_cmpstr (got->id, ==, want->id);
    g_assert_cmpint (got->action, ==, want->action);
    g_assert_cmpstr (got->recipient, ==, want->recipient);
    g_assert_cmpstr (got->sender, ==, want->sender);
    g_assert_cmpint (got->code, ==, want->code);
    g_assert_cmpstr (got->enhanced, ==, want->enhanced);
    g_assert_cmpstr (got->text, ==, "no such user");
    g_assert_cmpint (got->time, ==, want->time);
    g_assert_cmpint (got->dsn, ==, want->dsn);
  }
}

typedef struct {
  PnResultWriter *writer;
  guint from;
} Putter;

static gpointer
put_some (gpointer data)
{
  Putter *self = data;
  for (guint i = 0; i < 20; i++) {
    g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_result_free);
    g_autoptr (GError) error = NULL;
    g_ptr_array_add (results, sample_result (self->from + i));
    g_assert_true (pn_result_writer_put (self->writer, results, &error));
  }
  return NULL;
}

static void
test_writer (Fixture *self, gconstpointer data)
{
  (void) data;
  PnResultWriter *writer = pn_result_writer_new (self->dir);
  Putter putters[4];
  GThread *threads[4];
  for (guint i = 0; i < 4; i++) {
    putters[i] = (Putter){ writer, i * 100 };
    threads[i] = g_thread_new ("put", put_some, &putters[i]);
  }
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  pn_result_writer_free (writer);

  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GDir *dir = g_dir_open (self->dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir));) {
    if (!g_str_has_suffix (name, ".RES"))
      continue;
    g_autofree char *path = g_build_filename (self->dir, name, NULL);
    guint bad;
    g_autoptr (GPtrArray) results = pn_result_read (path, &bad, NULL);
    g_assert_cmpuint (bad, ==, 0);
    for (guint i = 0; i < results->len; i++)
      g_assert_true (g_hash_table_add (seen, g_strdup (((PnResult *) results->pdata[i])->recipient)));
  }
  g_dir_close (dir);
  g_assert_cmpuint (g_hash_table_size (seen), ==, 80);

  PnResultWriter *nowhere = pn_result_writer_new ("/nonexistent");
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_result_free);
  g_ptr_array_add (results, sample_result (1));
  g_autoptr (GError) error = NULL;
  g_assert_false (pn_result_writer_put (nowhere, results, &error));
  g_assert_nonnull (error);
  pn_result_writer_free (nowhere);
}

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  g_test_add_func ("/sendfile/head", test_head);
  g_test_add_func ("/sendfile/head-variants", test_head_variants);
  g_test_add_func ("/sendfile/xtext", test_xtext);
  ADD ("/sendfile/dots", test_dots);
  ADD ("/sendfile/plain", test_plain);
  ADD ("/sendfile/smuggling", test_smuggling);
  ADD ("/sendfile/damaged", test_damaged);
  ADD ("/sendfile/large", test_large);
  ADD ("/sendfile/try", test_try);
  g_test_add_func ("/result/lines", test_results);
  ADD ("/result/writer", test_writer);
  return g_test_run ();
}
