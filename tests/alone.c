/* A program that uses the conversion library and nothing else of the house: MIME to native and back. */
#include "convert/mime.h"
#include "convert/native.h"

#include <stdio.h>
#include <string.h>

static const char mail[] = "From: a@example.org\r\nTo: b@example.com\r\nSubject: alone\r\nContent-Type: "
                           "text/plain\r\n\r\nbody\r\n";

int
main (void)
{
  g_autoptr (GError) error = NULL;
  const PnMimeOptions options = { .skeleton = TRUE };
  const PnMimeWriteOptions write_options = { .host = "example.com" };
  g_autoptr (GByteArray) native = g_byte_array_new (), back = g_byte_array_new ();
  PnSink to_native = pn_sink_to_array (native), to_back = pn_sink_to_array (back);

  g_autoptr (PnSource) source = pn_source_new_copy (mail, strlen (mail));
  g_autoptr (PnMessage) message = pn_mime_read (source, &options, &error);
  if (!message || !pn_native_write (message, &to_native, &error)) {
    printf ("%s\n", error->message);
    return 1;
  }
  g_autoptr (PnSource) queue_file = pn_source_new_copy (native->data, native->len);
  g_autoptr (PnMessage) again = pn_native_read (queue_file, &error);
  if (!again || !pn_mime_write (again, &write_options, &to_back, &error)) {
    printf ("%s\n", error->message);
    return 1;
  }
  gboolean same = back->len == strlen (mail) && memcmp (back->data, mail, back->len) == 0;
  puts (same ? "identical" : "different");
  return !same;
}
