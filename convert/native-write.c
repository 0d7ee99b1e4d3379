#include "convert/head.h"

#include <string.h>

/* Counts what a part really gives. */
typedef struct {
  PnSink *next;
  guint64 size;
} Counter;

static gboolean
counter_write (gpointer user, const void *data, gsize length, GError **error)
{
  Counter *self = user;
  self->size += length;
  return pn_sink_write (self->next, data, length, error);
}

static gboolean
write_content (const PnPart *part, guint number, PnSink *sink, GError **error)
{
  guint64 declared;
  Counter counter = { sink, 0 };
  PnSink counting = { counter_write, &counter };
  g_autofree char *what = pn_part_what (part, number);
  if (!pn_content_measure (part->content, &declared, NULL, error)
      || !pn_content_copy (part->content, &counting, error))
    return FALSE;
  if (counter.size == declared)
    return TRUE;
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_DIGEST,
               "%s gave %" G_GUINT64_FORMAT " bytes after %" G_GUINT64_FORMAT " had been counted", what,
               counter.size, declared);
  return FALSE;
}

gboolean
pn_native_write (PnMessage *message, PnSink *sink, GError **error)
{
  g_autoptr (GString) head = g_string_sized_new (2048);
  pn_head_write (head, message, FALSE);
  if (!pn_head_write_parts (head, message, NULL, error))
    return FALSE;
  pn_keyword_write_flag (head, 0, pn_name_text (PN_NAME_END), FALSE);
  if (head->len > PN_HEAD_MAX) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT,
                 "the keywords of the message take %" G_GSIZE_FORMAT " bytes, more than %d", head->len,
                 PN_HEAD_MAX);
    return FALSE;
  }
  if (!pn_sink_write (sink, head->str, head->len, error))
    return FALSE;
  for (guint i = 0; i < message->parts->len; i++)
    if (!write_content (message->parts->pdata[i], i + 1, sink, error))
      return FALSE;
  return TRUE;
}
