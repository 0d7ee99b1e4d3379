/* A message as it comes back to its sender with a report (RFC 3462). */
#include "convert/mime.h"

#include <string.h>

#define HEADER_LIMIT (64 * 1024)

typedef struct {
  GByteArray *bytes;
  gsize limit;
  gboolean full; /* there was more than that */
} Room;

static gboolean
room_write (gpointer user, const void *data, gsize length, GError **error)
{
  Room *self = user;
  gsize left = self->limit - self->bytes->len;
  g_byte_array_append (self->bytes, data, (guint) MIN (length, left));
  self->full = length > left;
  if (self->full)
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "the message is longer than %zu bytes",
                 self->limit);
  return !self->full;
}

/* Behind the last line of the header; 0 if it is not all there. */
static gsize
header_length (const GByteArray *bytes)
{
  gsize line = 0;
  for (gsize i = 0; i < bytes->len; i++) {
    if (bytes->data[i] != '\n')
      continue;
    if (i == line || (i == line + 1 && bytes->data[line] == '\r'))
      return line;
    line = i + 1;
  }
  return 0;
}

PnPart *
pn_mime_returned_part (PnMessage *message, gboolean whole, gsize limit, const PnMimeWriteOptions *options,
                       GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  Room room = { bytes, whole ? MAX (limit, HEADER_LIMIT) : HEADER_LIMIT, FALSE };
  PnSink sink = { room_write, &room };
  g_autoptr (GError) reason = NULL;
  if (!pn_mime_write (message, options, &sink, &reason) && !room.full) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return NULL;
  }
  gsize length = bytes->len;
  gboolean all = whole && !room.full && length <= limit;
  if (!all)
    length = header_length (bytes);
  if (length == 0) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "its header is longer than %zu bytes",
                 room.limit);
    return NULL;
  }
  return pn_part_new (PN_PART_ATTACHMENT, all ? "message/rfc822" : "text/rfc822-headers",
                      pn_content_new_text ((const char *) bytes->data, (gssize) length));
}
