/* Parts that are TNEF: what is in them becomes part of the message, beside the part itself.  The same for
 * rich text, where that is all the text there is. */
#include "convert/mime-reader.h"
#include "convert/rtf.h"
#include "convert/tnef.h"

#include <string.h>

/* Streams of one message that are opened, and encoded bytes that are enough to see the signature. */
enum { MAX_STREAMS = 8, PEEK = 256 };

static gboolean
is_named_so (const PnPart *part)
{
  static const char *const types[] = { "application/ms-tnef", "application/vnd.ms-tnef", NULL };
  static const char *const names[] = { "winmail.dat", "win.dat" };

  if (g_strv_contains (types, part->type))
    return TRUE;
  for (guint i = 0; part->name != NULL && i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (part->name, names[i]) == 0)
      return TRUE;
  return FALSE;
}

/* Whether it may be TNEF without being called so: every mail system in between may have renamed it. */
static gboolean
may_be (const PnPart *part)
{
  return g_str_has_prefix (part->type, "application/") || strchr (part->type, '/') == NULL;
}

static gboolean
has_signature (const PnPart *part)
{
  guint64 offset, length;
  PnEncoding encoding;
  PnSource *source = pn_content_get_range (part->content, &offset, &length, &encoding);

  if (source == NULL)
    return FALSE;
  g_autoptr (PnContent) head = pn_content_new_range (source, offset, MIN (length, PEEK), encoding);
  g_autoptr (GBytes) bytes = pn_content_read (head, PEEK, NULL);
  if (bytes == NULL)
    return FALSE;
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  return pn_tnef_is (data, size);
}

static gboolean
open_stream (PnMimeReader *self, const PnMimeFile *file, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = pn_content_read (file->part->content, PN_TNEF_MAX, &local);

  if (bytes == NULL && !g_error_matches (local, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (bytes == NULL)
    pn_mime_reader_add_loss (self, file->entity, "the TNEF is longer than %d MiB and is not opened",
                             PN_TNEF_MAX >> 20);
  else if (!pn_tnef_read (self->message, bytes, self->options->site_timezone, &local))
    pn_mime_reader_add_loss (self, file->entity, "the TNEF cannot be read: %s; it stays an attachment",
                             local->message);
  else if (file->part->description == NULL)
    file->part->description = g_strdup ("TNEF");
  return TRUE;
}

/* --- rich text ------------------------------------------------------------------------------------- */

static gboolean
is_rich (const PnPart *part)
{
  static const char *const types[]
      = { "application/rtf", "text/rtf", "application/x-rtf", "text/x-rtf", "text/richtext", NULL };

  return g_strv_contains (types, part->type);
}

/* The first rich text; one that is no file with a name goes before the others. */
static const PnMimeFile *
find_rich (PnMimeReader *self)
{
  const PnMimeFile *found = NULL;

  for (guint i = 0; i < self->files->len; i++) {
    const PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    if (!is_rich (file->part))
      continue;
    if (file->part->name == NULL)
      return file;
    if (found == NULL && self->files->len == 1)
      found = file;
  }
  return found;
}

static void
add_text (PnMessage *message, PnPartRole role, const char *type, char *text, guint position)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (text, strlen (text));

  g_ptr_array_insert (message->parts, (int) position, pn_part_new (role, type, pn_content_new_bytes (bytes)));
}

/* A message whose only text is rich gets bodies that every reader shows, beside the part. */
static gboolean
read_rich_body (PnMimeReader *self, GError **error)
{
  PnMessage *message = self->message;
  const PnMimeFile *file = pn_message_get_part (message, PN_PART_TEXT) == NULL
                                   && pn_message_get_part (message, PN_PART_HTML) == NULL
                               ? find_rich (self)
                               : NULL;
  g_autoptr (GError) local = NULL;

  if (file == NULL)
    return TRUE;
  g_autoptr (GBytes) bytes = pn_content_read (file->part->content, PN_MIME_MAX_TEXT, &local);
  if (bytes == NULL && !g_error_matches (local, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  gsize length = 0;
  const char *data = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;
  if (length < 5 || memcmp (data, "{\\rtf", 5) != 0)
    return TRUE;
  g_autofree char *text = NULL, *html = NULL;
  if (!pn_rtf_read (data, length, PN_MIME_MAX_TEXT, &text, &html))
    pn_mime_reader_add_loss (self, file->entity, "the rich text is longer than %d MiB and was cut",
                             PN_MIME_MAX_TEXT >> 20);
  guint position = 0;
  if (text != NULL && *text != '\0')
    add_text (message, PN_PART_TEXT, "text/plain", g_steal_pointer (&text), position++);
  if (html != NULL && *html != '\0')
    add_text (message, PN_PART_HTML, "text/html", g_steal_pointer (&html), position);
  return TRUE;
}

gboolean
pn_mime_read_tnef (PnMimeReader *self, GError **error)
{
  guint opened = 0;

  for (guint i = 0; i < self->files->len; i++) {
    const PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    gboolean named = is_named_so (file->part);
    if (file->part->role == PN_PART_CALENDAR || (!named && !may_be (file->part)))
      continue;
    if (!has_signature (file->part)) {
      if (named)
        pn_mime_reader_add_loss (self, file->entity,
                                 "it is called TNEF, but is none; it stays an attachment");
      continue;
    }
    if (opened++ == MAX_STREAMS) {
      pn_mime_reader_add_loss (self, file->entity, "there are more than %d TNEF parts; it is not opened",
                               MAX_STREAMS);
      break;
    }
    if (!open_stream (self, file, error))
      return FALSE;
  }
  return read_rich_body (self, error);
}
