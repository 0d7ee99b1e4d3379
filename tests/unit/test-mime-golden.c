/* Composed Internet mail against the files in tests/golden/composed. */
#include <string.h>

#include "convert/mime.h"
#include "convert/native.h"

/* Samples and the Internet mail that is composed of each, without their skeleton. */
static const char *const golden[] = {
  "native/appointment.pnm",
  "native/mail-attachments.pnm",
  "native/mail-components.pnm",
  "native/mail-two-recipients.pnm",
  "native/note.pnm",
  "native/phone.pnm",
  "native/search-request.pnm",
  "native/status.pnm",
  "native/task.pnm",
  "mime/alternative-related.eml",
  "mime/attachment-2231.eml",
  "mime/dsn-several.eml",
  "mime/headers-options.eml",
  "mime/headers-words.eml",
  "mime/html-only.eml",
  "mime/mdn-displayed.eml",
  "mime/meeting-outlook-reply.eml",
  "mime/meeting-outlook-request.eml",
  "mime/plain-iso-2022-jp.eml",
  "mime/rfc822.eml",
};

static PnMessage *
read_sample (const char *name)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", name, NULL);
  g_autofree char *data = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &data, &length, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) source = pn_source_new_copy (data, length);
  const PnMimeOptions options = { 0 };
  PnMessage *message = g_str_has_suffix (name, ".pnm") ? pn_native_read (source, &error)
                                                       : pn_mime_read (source, &options, &error);
  g_assert_no_error (error);
  return message;
}

static char *
compose (PnMessage *message)
{
  const PnMimeWriteOptions options
      = { .host = "gw.example.com", .default_domain = "example.com", .now = 1767225600, .keep_bcc = TRUE };
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  pn_mime_write (message, &options, &sink, &error);
  g_assert_no_error (error);
  return g_strndup ((char *) array->data, array->len);
}

/* UPDATE_GOLDEN writes them anew, to be looked at before they are kept. */
static void
test_golden (gconstpointer data)
{
  const char *name = data;
  g_autoptr (PnMessage) message = read_sample (name);
  g_autofree char *text = compose (message);
  g_autofree char *base = g_path_get_basename (name);
  *strrchr (base, '.') = '\0';
  g_autofree char *file = g_strconcat (base, ".eml", NULL);
  g_autofree char *path = g_build_filename (SRCDIR, "tests", "golden", "composed", file, NULL);
  if (g_getenv ("UPDATE_GOLDEN"))
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_autofree char *wanted = NULL;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &wanted, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, wanted);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (golden); i++) {
    g_autofree char *path = g_strconcat ("/mime-golden/", golden[i], NULL);
    g_test_add_data_func (path, golden[i], test_golden);
  }
  return g_test_run ();
}
