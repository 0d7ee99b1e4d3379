/* Parts that are TNEF: what is in them becomes part of the message, beside the part itself. */
#include "convert/mime-reader.h"
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

gboolean
pn_mime_read_tnef (PnMimeReader *self, GError **error)
{
  guint opened = 0;

  for (guint i = 0; i < self->files->len; i++) {
    const PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    if (file->part->role == PN_PART_CALENDAR || !is_named_so (file->part))
      continue;
    if (!has_signature (file->part)) {
      pn_mime_reader_add_loss (self, file->entity, "it is called TNEF, but is none; it stays an attachment");
      continue;
    }
    if (opened++ == MAX_STREAMS) {
      pn_mime_reader_add_loss (self, file->entity, "there are more than %d TNEF parts; it is not opened",
                               MAX_STREAMS);
      return TRUE;
    }
    if (!open_stream (self, file, error))
      return FALSE;
  }
  return TRUE;
}
