/* Files in texts: whatever stands there, the files and the rest are bounded, and the original comes back. */
#include "convert/mac-file.h"
#include "convert/mime.h"
#include "convert/skeleton.h"
#include "convert/yenc.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

static void
read_packed (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autofree char *text = g_strndup ((const char *) data, size);
  PnMacFile file;

  if (pn_binhex_read (text, strlen (text), 1 << 16, &file) == NULL)
    g_assert_cmpuint (g_bytes_get_size (file.data), <=, 1 << 16);
  pn_mac_file_clear (&file);
  pn_apple_read (bytes, &file);
  pn_mac_file_clear (&file);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  static const PnMimeOptions options = { .skeleton = TRUE };
  static const char *const heads[]
      = { "Subject: x\r\n\r\n", "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
          "Content-Type: application/mac-binhex40\r\n\r\n", "Content-Type: application/applefile\r\n\r\n" };

  if (size == 0)
    return 0;
  read_packed (data, size);
  const char *head = heads[data[0] % G_N_ELEMENTS (heads)];
  g_autoptr (GByteArray) mail = g_byte_array_new ();
  g_byte_array_append (mail, (const guint8 *) head, (guint) strlen (head));
  g_byte_array_append (mail, data + 1, (guint) (size - 1));

  g_autoptr (PnSource) source = pn_source_new_copy (mail->data, mail->len);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = pn_mime_read (source, &options, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    guint64 length;
    g_assert_true (pn_content_measure (part->content, &length, NULL, &error));
    g_assert_true (part->name == NULL || g_utf8_validate (part->name, -1, NULL));
  }
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  pn_skeleton_write (message, &sink, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (array->data, array->len, mail->data, mail->len);
  return 0;
}
