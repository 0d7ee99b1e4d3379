/* Ours for calendars: iCalendar to a native queue file, read again, and composed as iCalendar. */
#include "loop.h"

#include "convert/ical.h"
#include "convert/native.h"
#include "core/seal.h"

static guint64
convert (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &text, &length, error))
    return 0;
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  if (!pn_ical_read (message, text, length, NULL, NULL, error))
    return 0;
  g_autoptr (GByteArray) native = g_byte_array_sized_new (4096);
  PnSink sink = pn_sink_to_array (native);
  if (!message->id)
    message->id = g_strdup ("6743A1B2.1F3C.00A1.0000001C");
  if (!pn_native_write (message, &sink, error))
    return 0;
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&native));
  g_autoptr (PnSource) source = pn_source_new_bytes (bytes);
  g_autoptr (PnMessage) back = pn_native_read (source, error);
  g_autofree char *out = back ? pn_ical_write (back, 1767225600, error) : NULL;
  return out ? length : 0;
}

int
main (int argc, char **argv)
{
  pn_seal_init ();
  return loop (argc, argv, convert);
}
