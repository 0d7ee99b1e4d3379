/* Internet mail in: any bytes are converted, told to the native carrier, and given back unchanged. */
#include "convert/mime.h"
#include "convert/native.h"
#include "convert/skeleton.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  static const PnMimeOptions options = { .skeleton = TRUE };
  g_autoptr (PnSource) source = pn_source_new_copy (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = pn_mime_read (source, &options, &error);
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);

  g_assert_no_error (error);
  pn_skeleton_write (message, &sink, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (array->data, array->len, data, size);

  for (guint i = 0; i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    g_assert_true (g_utf8_validate (header->value, -1, NULL));
    g_assert_null (strpbrk (header->value, "\r\n"));
  }
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    g_assert_true (part->name == NULL || g_utf8_validate (part->name, -1, NULL));
  }

  static const char *const rcpt[] = { "a@example.com", NULL };
  pn_mime_set_envelope (message, "", rcpt);
  g_byte_array_set_size (array, 0);
  pn_native_write (message, &sink, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) written = pn_source_new_copy (array->data, array->len);
  g_autoptr (PnMessage) again = pn_native_read (written, &error);
  g_assert_no_error (error);
  g_byte_array_set_size (array, 0);
  pn_skeleton_write (again, &sink, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (array->data, array->len, data, size);
  return 0;
}
