/* Configuration, sealing, ids, trace and counters. */
#include "core/config.h"
#include "core/domain.h"
#include "core/counters.h"
#include "core/file.h"
#include "core/ids.h"
#include "core/seal.h"
#include "core/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *scratch;

static PnKey *
new_key (const char *name)
{
  g_autofree char *path = g_build_filename (scratch, name, NULL);
  g_autoptr (GError) error = NULL;
  g_unlink (path);
  PnKey *key = pn_key_create (path, &error);
  g_assert_no_error (error);
  return key;
}

static GBytes *
seal (PnKey *key, const void *data, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (PnSealWriter) writer = pn_seal_writer_new (key, pn_sink_to_array (out));
  PnSink sink = pn_seal_writer_sink (writer);
  for (gsize done = 0; done < length;) {
    gsize n = MIN (length - done, 1 + done % 70000);
    g_assert_true (pn_sink_write (&sink, (const char *) data + done, n, &error));
    done += n;
  }
  g_assert_true (pn_seal_writer_close (writer, &error));
  g_assert_no_error (error);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

/* All plain bytes, or NULL with ERROR. */
static GBytes *
unseal (PnKey *key, const void *data, gsize length, GError **error)
{
  g_autoptr (PnSource) sealed = pn_source_new_copy (data, length);
  g_autoptr (PnSource) source = pn_seal_open (key, sealed, error);
  if (!source)
    return NULL;
  g_autofree guint8 *plain = g_malloc (source->size + 1);
  if (!pn_source_read (source, 0, plain, source->size, error))
    return NULL;
  return g_bytes_new (plain, source->size);
}

static void
test_seal_round_trip (void)
{
  g_autoptr (PnKey) key = new_key ("k1");
  const gsize sizes[] = { 0, 1, 15, 16, 4096, 65535, 65536, 65537, 131072, 200000 };
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree guint8 *data = g_malloc (sizes[i] + 1);
    for (gsize j = 0; j < sizes[i]; j++)
      data[j] = (guint8) (j * 7 + i);
    g_autoptr (GBytes) sealed = seal (key, data, sizes[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) plain
        = unseal (key, g_bytes_get_data (sealed, NULL), g_bytes_get_size (sealed), &error);
    g_assert_no_error (error);
    g_assert_cmpmem (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain), data, sizes[i]);
  }
}

static void
assert_damaged (PnKey *key, const guint8 *data, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) plain = unseal (key, data, length, &error);
  g_assert_null (plain);
  g_assert_nonnull (error);
  g_assert_true (error->domain == PN_SEAL_ERROR);
}

static void
test_seal_damage (void)
{
  g_autoptr (PnKey) key = new_key ("k1");
  g_autoptr (PnKey) other = new_key ("k2");
  g_autofree guint8 *data = g_malloc0 (200000);
  g_autoptr (GBytes) sealed = seal (key, data, 200000);
  gsize length;
  const guint8 *bytes = g_bytes_get_data (sealed, &length);
  assert_damaged (other, bytes, length);
  const gsize frame = 65552;
  for (gsize cut = 1; cut < length; cut += 4099)
    assert_damaged (key, bytes, length - cut);
  assert_damaged (key, bytes, 32 + frame); /* cut between two frames */

  g_autofree guint8 *altered = g_memdup2 (bytes, length);
  for (gsize at = 0; at < length; at += 997) {
    altered[at] ^= 1;
    assert_damaged (key, altered, length);
    altered[at] ^= 1;
  }
  memcpy (altered + 32, bytes + 32 + frame, frame); /* frames in another order */
  memcpy (altered + 32 + frame, bytes + 32, frame);
  assert_damaged (key, altered, length);
}

static void
test_seal_bytes (void)
{
  g_autoptr (PnKey) key = new_key ("k1");
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed = pn_seal_bytes (key, "subject", 7, "row 1");
  g_autoptr (GBytes) plain
      = pn_unseal_bytes (key, g_bytes_get_data (sealed, NULL), g_bytes_get_size (sealed), "row 1", &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain), "subject", 7);
  g_autoptr (GBytes) moved
      = pn_unseal_bytes (key, g_bytes_get_data (sealed, NULL), g_bytes_get_size (sealed), "row 2", &error);
  g_assert_null (moved);
  g_assert_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_DAMAGED);
}

static void
test_key_file (void)
{
  g_autofree char *path = g_build_filename (scratch, "k3", NULL);
  g_autoptr (PnKey) key = new_key ("k3");
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnKey) loaded = pn_key_load (path, &error);
  g_assert_no_error (error);
  g_autoptr (GBytes) sealed = seal (key, "x", 1);
  g_autoptr (GBytes) plain
      = unseal (loaded, g_bytes_get_data (sealed, NULL), g_bytes_get_size (sealed), &error);
  g_assert_nonnull (plain);

  chmod (path, 0644);
  g_assert_null (pn_key_load (path, &error));
  g_assert_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY);
  g_clear_error (&error);
  g_assert_null (pn_key_create (path, &error));
  g_assert_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY);
}

static PnConfig *
load_config (const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (scratch, "postern.conf", NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return pn_config_load (scratch, error);
}

static void
test_config (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *sample = pn_config_sample ("ACME", "Production", "example.com example.org");
  g_autoptr (PnConfig) config = load_config (sample, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (config->domain, ==, "ACME");
  g_assert_cmpstr (config->internet_domain, ==, "example.com");
  g_assert_cmpstr (config->internet_domains[1], ==, "example.org");
  g_assert_cmpstr (config->host, ==, "mail.example.com");
  g_assert_cmpint (pn_config_integer (config, "smtp", "max-recipients"), ==, 1000);
  g_autofree char *path = pn_config_post_office_path (config, "production", "WPCSIN");
  g_assert_true (g_str_has_suffix (path, "/Production/WPCSIN"));
  g_assert_null (pn_config_post_office_path (config, "Sales", ""));

  const struct {
    const char *line, *reason;
  } bad[] = {
    { "[smtp]\nlisten-tsl=1\n", "did you mean [smtp] listen-tls?" },
    { "[smtp]\nmax-recipients=many\n", "is not a number from 1" },
    { "[smtp]\ntls-verify=yes\n", "neither true nor false" },
    { "[agent]\nrecurrence=sinple\n", "'sinple' is none of: simple full" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *text
        = g_strconcat ("[domain]\nname=A\npost-offices=B\ninternet-domains=c.example\n", bad[i].line, NULL);
    g_autoptr (PnConfig) wrong = load_config (text, &error);
    g_assert_null (wrong);
    g_assert_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, bad[i].reason));
    g_clear_error (&error);
  }
  g_assert_null (load_config ("[domain]\nname=A\n", &error));
  g_assert_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_MISSING);
  g_clear_error (&error);
  g_assert_null (load_config ("[domain]\nname=../up\npost-offices=B\ninternet-domains=c.example\n", &error));
  g_assert_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID);
}

static void
test_domains (void)
{
  g_auto (GStrv) none = pn_domains_parse (" ");
  g_auto (GStrv) all = pn_domains_parse ("*");
  g_auto (GStrv) some = pn_domains_parse ("\texample.com,Example.ORG  b\u00fccher.example");
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_false (pn_domains_include (none, "example.com") || pn_domains_cover (none, "example.com"));
  g_assert_true (pn_domains_include (all, "example.com") && pn_domains_cover (all, "example.com"));
  const struct {
    const char *domain;
    gboolean included, covered;
  } rows[] = {
    { "example.com", TRUE, TRUE },
    { "EXAMPLE.com", TRUE, TRUE },
    { "example.org", TRUE, TRUE },
    { "xn--bcher-kva.example", TRUE, TRUE },
    { "B\u00dcCHER.example", TRUE, TRUE },
    { "mail.example.com", FALSE, TRUE },
    { "a.b.B\u00dcCHER.example", FALSE, TRUE },
    { ".example.com", FALSE, TRUE },
    { "notexample.com", FALSE, FALSE },
    { "example.com.net", FALSE, FALSE },
    { "com", FALSE, FALSE },
    { "", FALSE, FALSE },
    { "\xff.example", FALSE, FALSE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_assert_cmpint (pn_domains_include (some, rows[i].domain), ==, rows[i].included);
    g_assert_cmpint (pn_domains_cover (some, rows[i].domain), ==, rows[i].covered);
  }
}

static void
test_ids (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < 10000; i++)
    g_assert_true (g_hash_table_add (seen, pn_id_new ()));
  g_autofree char *id = pn_id_new ();
  g_autofree char *a = pn_id_derive (id, "Delivered", "A.B.c");
  g_autofree char *b = pn_id_derive (id, "Delivered", "A.B.c");
  g_autofree char *c = pn_id_derive (id, "Delivered", "A.B.d");
  g_assert_cmpstr (a, ==, b);
  g_assert_cmpstr (a, !=, c);

  int fds[2];
  g_assert_cmpint (pipe (fds), ==, 0);
  pid_t pid = fork ();
  if (pid == 0) {
    g_autofree char *child = pn_id_new ();
    _exit (write (fds[1], child, strlen (child)) < 0);
  }
  char child[64] = { 0 };
  g_assert_cmpint (read (fds[0], child, sizeof child - 1), >, 20);
  g_autofree char *own = pn_id_new ();
  g_assert_cmpint (strncmp (strchr (own, '.'), strchr (child, '.'), 10), !=, 0);
  waitpid (pid, NULL, 0);
  close (fds[0]);
  close (fds[1]);
}

static void
test_trace_and_counters (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnConfig) config
      = load_config ("[domain]\nname=A\npost-offices=B\ninternet-domains=c.example\n", &error);
  g_assert_no_error (error);
  g_assert_true (pn_trace_open (config, "smtp", &error));
  pn_trace ("1.2.3.4", "accepted", "receive", "agent", "from\ta\nb");
  pn_trace ("1.2.3.44", "accepted", "receive", "agent", NULL);
  pn_trace ("1.2.3.4", "delivered", "A.B.c", NULL, NULL);
  pn_trace_flush ();
  g_autoptr (GPtrArray) lines = pn_trace_find (config, "1.2.3.4", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lines->len, ==, 2);
  const PnTraceLine *first = g_ptr_array_index (lines, 0), *last = g_ptr_array_index (lines, 1);
  g_assert_cmpstr (first->detail, ==, "from a b");
  g_assert_cmpstr (first->next, ==, "agent");
  g_assert_null (last->next);

  g_autofree char *run = pn_config_domain_path (config, "RUN");
  g_assert_true (pn_file_make_dirs (run, &error));
  gint64 values[PN_COUNTER_LAST], started;
  int pid;
  g_assert_false (pn_counters_read (config, "smtp", values, &started, &pid));
  g_assert_true (pn_counters_open (config, "smtp", &error));
  pn_counter_add (PN_COUNTER_MESSAGES_IN, 3);
  g_assert_true (pn_counters_read (config, "smtp", values, &started, &pid));
  g_assert_cmpint (values[PN_COUNTER_MESSAGES_IN], ==, 3);
  g_assert_cmpint (pid, ==, getpid ());
}

static void
test_file_source (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (scratch, "large", NULL);
  gsize size = 3 * 1024 * 1024 + 5;
  g_autofree guint8 *data = g_malloc (size);
  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 31 >> 3);
  g_assert_true (g_file_set_contents (path, (char *) data, (gssize) size, NULL));
  g_autoptr (PnSource) source = pn_file_source_open (path, &error);
  g_assert_no_error (error);
  g_assert_null (source->data);
  guint8 buffer[5000];
  for (gsize at = 0; at + sizeof buffer < size; at += 99991) {
    g_assert_true (pn_source_read (source, at, buffer, sizeof buffer, &error));
    g_assert_cmpmem (buffer, sizeof buffer, data + at, sizeof buffer);
  }
  g_assert_false (pn_source_read (source, size - 10, buffer, 11, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED);
  g_clear_error (&error);
  g_assert_null (pn_file_source_open (scratch, &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  scratch = g_dir_make_tmp ("postern-core-XXXXXX", NULL);
  g_test_add_func ("/core/seal/round-trip", test_seal_round_trip);
  g_test_add_func ("/core/seal/damage", test_seal_damage);
  g_test_add_func ("/core/seal/bytes", test_seal_bytes);
  g_test_add_func ("/core/key", test_key_file);
  g_test_add_func ("/core/config", test_config);
  g_test_add_func ("/core/domains", test_domains);
  g_test_add_func ("/core/ids", test_ids);
  g_test_add_func ("/core/trace-and-counters", test_trace_and_counters);
  g_test_add_func ("/core/file-source", test_file_source);
  int code = g_test_run ();
  g_autofree char *command = g_strdup_printf ("rm -rf '%s'", scratch);
  code |= system (command);
  g_free (scratch);
  return code;
}
