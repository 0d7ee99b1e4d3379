/* Whatever a stream says, what is made of it is text where it has to be, within bounds, and can be written
 * and read. Checksums that are wrong are only a loss, so the fuzzer need not mind them. */
#include "convert/mime.h"
#include "convert/native.h"
#include "convert/tnef.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_part (const PnPart *part)
{
  g_assert_true (part->type && part->content);
  g_assert_true (!part->name || (g_utf8_validate (part->name, -1, NULL) && !strchr (part->name, '/')));
  g_assert_true (!part->content_id || !strpbrk (part->content_id, "\r\n <>"));
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXINT, NULL);
  g_assert_nonnull (bytes);
  if (part->role != PN_PART_TEXT && part->role != PN_PART_HTML)
    return;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  g_assert_true (g_utf8_validate_len (text, length, NULL) && !memchr (text, '\0', length));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  if (!pn_tnef_read (message, bytes, "Europe/Berlin", NULL))
    return 0;
  g_assert_true (!message->subject || !strpbrk (message->subject, "\r\n"));
  for (guint i = 0; i < message->parts->len; i++)
    check_part (message->parts->pdata[i]);
  message->id = g_strdup ("id");
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  g_assert_true (pn_native_write (message, &sink, NULL));
  g_autoptr (PnSource) source = pn_source_new_copy (out->data, out->len);
  g_autoptr (PnMessage) back = pn_native_read (source, NULL);
  g_assert_nonnull (back);
  return 0;
}
