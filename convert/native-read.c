#include "convert/content-private.h"
#include "convert/head.h"

#include <string.h>

/* The offset behind the line of -END- in the LENGTH bytes at TEXT, looked for from FROM on; 0 if it is not
 * there yet. */
static gsize
find_end (const char *text, gsize length, gsize from)
{
  static const char mark[] = "\n-END-";
  const gsize n = sizeof mark - 1;
  for (const char *at = text + from; (at = memmem (at, text + length - at, mark, n)); at++) {
    const char *p = at + n;
    if (p < text + length && *p == '\r')
      p++;
    if (p < text + length && *p == '\n')
      return p + 1 - text;
  }
  return 0;
}

static gboolean
set_no_end (GError **error, gsize length)
{
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED,
               "the file ends after %" G_GSIZE_FORMAT " bytes without -END-", length);
  return FALSE;
}

static gboolean
set_too_long (GError **error)
{
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "no -END- in the first %d bytes",
               PN_HEAD_MAX);
  return FALSE;
}

/* Reads SOURCE in growing pieces until the line of -END- is there. */
static gboolean
load_head (PnSource *source, GByteArray *buffer, gsize *length, GError **error)
{
  enum { FIRST = 8 * 1024 };
  for (gsize want = FIRST;; want *= 4) {
    gsize have = buffer->len;
    want = MIN (MIN (want, source->size), (gsize) PN_HEAD_MAX);
    g_byte_array_set_size (buffer, want);
    if (!pn_source_read (source, have, buffer->data + have, want - have, error))
      return FALSE;
    *length = find_end ((char *) buffer->data, want, have > 8 ? have - 8 : 0);
    if (*length)
      return TRUE;
    if (want == source->size)
      return set_no_end (error, want);
    if (want == PN_HEAD_MAX)
      return set_too_long (error);
  }
}

/* The keyword text of SOURCE.  BUFFER holds it where it does not lie in memory already. */
static const char *
get_head (PnSource *source, GByteArray *buffer, gsize *length, GError **error)
{
  if (!source->data)
    return load_head (source, buffer, length, error) ? (const char *) buffer->data : NULL;
  gsize searched = MIN (source->size, (guint64) PN_HEAD_MAX);
  *length = find_end ((const char *) source->data, searched, 0);
  if (*length)
    return (const char *) source->data;
  if (searched < source->size)
    set_too_long (error);
  else
    set_no_end (error, searched);
  return NULL;
}

/* Begin-Time and End-Time, where they are not the calendar's. */
static void
take_window (PnHead *head)
{
  PnMessage *message = head->message;
  if (head->begin.set && !message->begin_time.set)
    message->begin_time = head->begin;
  if (head->end.set && !message->end_time.set)
    message->end_time = head->end;
}

/* The parts' contents are the ranges behind the head. */
static gboolean
take_parts (PnHead *head, PnSource *source, guint64 offset, GError **error)
{
  for (guint i = 0; i < head->declared->len; i++) {
    PnDeclaredPart *declared = head->declared->pdata[i];
    guint64 left = source->size - offset;
    if (declared->size > left) {
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED,
                   "%s is cut off: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes are missing",
                   declared->what, declared->size - left, declared->size);
      return FALSE;
    }
    PnContent *content = pn_content_new_range (source, offset, declared->size, PN_ENCODING_NONE);
    pn_content_declare (content, declared->size, declared->digest, declared->what);
    declared->part->content = content;
    g_ptr_array_add (head->message->parts, g_steal_pointer (&declared->part));
    offset += declared->size;
  }
  if (offset == source->size)
    return TRUE;
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX,
               "%" G_GUINT64_FORMAT " bytes follow the last part, at offset %" G_GUINT64_FORMAT,
               source->size - offset, offset);
  return FALSE;
}

static PnMessage *
read_native (PnSource *source, gboolean head_only, GError **error)
{
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  gsize length;
  const char *text = get_head (source, buffer, &length, error);
  if (!text)
    return NULL;
  g_autoptr (PnHead) head = pn_head_read (text, length, error);
  if (!head)
    return NULL;
  take_window (head);
  if (head_only)
    for (guint i = 0; i < head->declared->len; i++) {
      PnDeclaredPart *declared = head->declared->pdata[i];
      g_ptr_array_add (head->message->parts, g_steal_pointer (&declared->part));
    }
  else if (!take_parts (head, source, head->file->end, error))
    return NULL;
  return pn_head_steal_message (head);
}

PnMessage *
pn_native_read (PnSource *source, GError **error)
{
  return read_native (source, FALSE, error);
}

PnMessage *
pn_native_read_head (PnSource *source, GError **error)
{
  return read_native (source, TRUE, error);
}

static gboolean
discard (gpointer user G_GNUC_UNUSED, const void *data G_GNUC_UNUSED, gsize length G_GNUC_UNUSED,
         GError **error G_GNUC_UNUSED)
{
  return TRUE;
}

gboolean
pn_native_verify (PnMessage *message, GError **error)
{
  PnSink nowhere = { discard, NULL };
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = message->parts->pdata[i];
    if (part->content && !pn_content_copy (part->content, &nowhere, error))
      return FALSE;
  }
  return TRUE;
}
