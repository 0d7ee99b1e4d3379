/* Any bytes as an API file: reading must not crash, and what was read must survive being written and read
 * again. */
#include <string.h>

#include "convert/fields.h"
#include "convert/native.h"

static PnContent *
open_any (const char *name, gpointer user G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  return pn_content_new_text (name, -1);
}

static PnContent *
open_written (const char *name, gpointer user, GError **error)
{
  const GPtrArray *files = user;
  for (guint i = 0; i < files->len; i++) {
    const PnApiFile *file = files->pdata[i];
    if (strcmp (file->file_name, name) == 0)
      return pn_content_ref (file->part->content);
  }
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO, "no file");
  return NULL;
}

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) strict = pn_api_read ((const char *) data, size, FALSE, NULL, open_any, NULL, NULL);
  g_autoptr (PnMessage) message = pn_api_read ((const char *) data, size, TRUE, NULL, open_any, NULL, &error);
  g_assert (message || !strict);
  if (!message) {
    g_assert (error && *error->message);
    return 0;
  }
  g_autoptr (GPtrArray) files = NULL;
  GString *text = pn_api_write (message, "f", TRUE, &files, &error);
  if (!text) /* a declared part that is another file */
    return 0;
  g_autoptr (PnMessage) again = pn_api_read (text->str, text->len, TRUE, NULL, open_written, files, &error);
  g_autofree char *difference = NULL;
  if (!again || !pn_message_equivalent (message, again, &difference, NULL)) {
    g_printerr ("%s\n%s", again ? difference : error->message, text->str);
    abort (); /* g_error() would raise a signal after which libFuzzer keeps no input */
  }
  g_string_free (text, TRUE);
  g_autoptr (GPtrArray) others = NULL;
  text = pn_api_write (message, "f", FALSE, &others, &error);
  if (text)
    g_string_free (text, TRUE);
  return 0;
}
