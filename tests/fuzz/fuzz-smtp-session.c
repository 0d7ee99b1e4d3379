/* A whole SMTP session of arbitrary bytes, in one piece and byte by byte: both must say and store the same.
 */
#include "smtp/session.h"

#include "core/file.h"
#include "core/log.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  GString *out;
  GString *stored; /* every message, without the fields we put in front */
} Result;

static PnSmtpSettings *settings;

static gboolean
has_space (gpointer user)
{
  (void) user;
  return TRUE;
}

static char *
take_orphan (gpointer user, const guint8 hash[16])
{
  (void) user, (void) hash;
  return NULL;
}

static void
commit (gpointer user, PnSmtpSession *session)
{
  Result *result = user;
  const GByteArray *data = pn_incoming_data (session->incoming);
  if (!data)
    return;
  const char *body = g_strstr_len ((const char *) data->data, data->len, " +0000\r\n");
  g_assert (body);
  gsize front = (gsize) (body + 8 - (const char *) data->data);
  g_string_append_printf (result->stored, "%" G_GUINT64_FORMAT ":", pn_incoming_size (session->incoming));
  g_string_append_len (result->stored, body + 8, (gssize) (data->len - front));
}

static void
authenticate (gpointer user, PnSmtpSession *session, const char *name, const char *password)
{
  Result *result = user;
  pn_smtp_session_authenticated (session, strcmp (name, password) == 0 ? "MAIN.NORTH.anna" : NULL,
                                 result->out);
}

static const PnSmtpHouse house = { has_space, take_orphan, commit, authenticate };

static void
go_on (PnSmtpSession *session, GString *out)
{
  if (session->wait == PN_SMTP_WAIT_COMMIT) {
    pn_smtp_session_committed (session, NULL, out);
    /* The id is another one each time. */
    const char *last = g_strrstr_len (out->str, (gssize) out->len, "Accepted as ");
    g_string_truncate (out, (gsize) (last - out->str));
  } else if (session->wait == PN_SMTP_WAIT_DELAY) {
    pn_smtp_session_delayed (session, out);
  }
}

static void
run (const char *bytes, gsize length, gsize step, Result *result)
{
  PnSmtpSession session;
  const PnPeer peer
      = { .text = "192.0.2.1", .key = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 } };
  result->out = g_string_new (NULL);
  result->stored = g_string_new (NULL);
  pn_smtp_session_init (&session, settings, &house, result, &peer, TRUE);
  pn_smtp_session_greet (&session, result->out);
  while (length && session.wait != PN_SMTP_WAIT_CLOSE) {
    if (session.wait == PN_SMTP_WAIT_TLS)
      pn_smtp_session_secured (&session, "TLSv1.3 with cipher NONE");
    gsize taken = pn_smtp_session_input (&session, bytes, MIN (step, length), result->out);
    g_assert (taken > 0 || session.wait != PN_SMTP_WAIT_NONE);
    bytes += taken;
    length -= taken;
    go_on (&session, result->out);
  }
  pn_smtp_session_clear (&session);
}

static void
result_clear (Result *self)
{
  g_string_free (self->out, TRUE);
  g_string_free (self->stored, TRUE);
}

static void
make_settings (void)
{
  g_autofree char *dir = g_dir_make_tmp ("postern-fuzz-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "postern.conf", NULL);
  g_autofree char *key_path = g_build_filename (dir, "postern.key", NULL);
  static const char text[]
      = "[domain]\nname=MAIN\npost-offices=NORTH\ninternet-domains=example.com\nhost=mx.example.com\n"
        "[smtp]\nauth-without-tls=true\nmax-message-size=20000\njournal-limit=4000\nmax-recipients=4\n";
  g_assert (g_file_set_contents (path, text, -1, NULL));
  g_autoptr (PnConfig) config = pn_config_load (dir, NULL);
  g_assert (config && pn_directory_create (config, NULL));
  g_autoptr (PnDirectory) directory = pn_directory_open (config, TRUE, NULL);
  const PnUser anna = { .post_office = (char *) "NORTH", .user = (char *) "anna" };
  g_assert (pn_directory_add_user (directory, &anna, NULL, NULL));
  g_autoptr (PnKey) key = pn_key_create (key_path, NULL);
  settings = pn_smtp_settings_new (g_steal_pointer (&config), key, NULL);
  g_assert (settings && pn_file_make_dirs (settings->receive_dir, NULL));
  settings->tls = TRUE;
}

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (!settings) {
    pn_log_init ("fuzz", "/dev/null", "error");
    pn_seal_init ();
    make_settings ();
  }
  Result whole, pieces;
  run ((const char *) data, size, MAX (size, 1), &whole);
  run ((const char *) data, size, 1, &pieces);
  if (!g_string_equal (whole.stored, pieces.stored) || !g_string_equal (whole.out, pieces.out))
    abort ();
  result_clear (&whole);
  result_clear (&pieces);
  return 0;
}
