/* Reports: the input is the text of a notice, or the blocks of a delivery status or disposition notification;
 * its first byte says which.  What is read has to be writable, and to be read again. */
#include "convert/mime.h"

#include <stdlib.h>

static const char *const heads[] = {
  "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.org\r\nTo: anna@north.example\r\nSubject: failure "
  "notice\r\n"
  "Content-Type: text/plain; charset=utf-8\r\n\r\n",
  "From: MAILER-DAEMON@mx.example.org\r\nContent-Type: message/delivery-status\r\n\r\n",
  "From: bob@example.org\r\nContent-Type: message/disposition-notification\r\n\r\n",
  "X-Failed-Recipients: bob@example.org\r\nContent-Type: text/html\r\n\r\n",
};

static PnMessage *
read_bytes (const void *data, gsize length)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, length);
  g_autoptr (PnSource) source = pn_source_new_bytes (bytes);
  PnMimeOptions options = { .skeleton = FALSE };
  PnMessage *message = pn_mime_read (source, &options, NULL);
  if (!message)
    abort (); /* nothing in memory fails */
  return message;
}

int LLVMFuzzerTestOneInput (const guint8 *data, gsize length);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize length)
{
  if (length == 0 || length > 65536)
    return 0;
  g_autoptr (GString) mail = g_string_new (heads[data[0] % G_N_ELEMENTS (heads)]);
  g_string_append_len (mail, (const char *) data + 1, (gssize) length - 1);
  g_autoptr (PnMessage) message = read_bytes (mail->str, mail->len);
  guint reports = message->reports->len;
  if (message->type == PN_TYPE_STATUS && reports == 0)
    abort ();
  for (guint i = 0; i < reports; i++)
    if (((PnStatusReport *) message->reports->pdata[i])->action == PN_ACTION_NONE)
      abort ();
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  PnMimeWriteOptions options = { .host = "mail.north.example", .default_domain = "north.example" };
  if (!pn_mime_write (message, &options, &sink, NULL))
    abort ();
  g_autoptr (PnMessage) again = read_bytes (out->data, out->len);
  if (message->type == PN_TYPE_STATUS && again->type != PN_TYPE_STATUS)
    abort ();
  return 0;
}
