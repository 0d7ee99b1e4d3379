/* Any bytes as a queue file: reading must not crash, and what was read must survive being written and read
 * again. */
#include "convert/fields.h"
#include "convert/native.h"

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_source_new_copy (data, size);
  g_autoptr (PnMessage) head = pn_native_read_head (source, NULL);
  g_autoptr (PnMessage) message = pn_native_read (source, &error);
  g_assert (head || !message);
  if (!message) {
    g_assert (error && *error->message);
    return 0;
  }
  if (!pn_native_verify (message, NULL))
    return 0;
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_assert (pn_native_write (message, &sink, &error));
  g_autoptr (PnSource) written = pn_source_new_copy (array->data, array->len);
  g_autoptr (PnMessage) again = pn_native_read (written, &error);
  g_autofree char *difference = NULL;
  if (!again || !pn_message_identical (message, again, &difference, NULL)) {
    g_printerr ("%s\n%.*s", again ? difference : error->message, (int) array->len, array->data);
    abort (); /* g_error() would raise a signal after which libFuzzer keeps no input */
  }
  return 0;
}
