/* Parts that are files of the Macintosh: BinHex, AppleSingle, and pairs of AppleDouble. */
#include "convert/mac-file.h"
#include "convert/mime-reader.h"

#include <string.h>

void
pn_mime_settle_mac_file (PnMimeReader *self, guint index, PnPart *part, const PnMacFile *file)
{
  const char *type = pn_mac_type_of (file->kind);
  gboolean changed;

  if (part->name == NULL && file->name != NULL)
    part->name = pn_header_clean_file_name (file->name, &changed);
  if (strcmp (part->type, "application/octet-stream") == 0
      || strcmp (part->type, "application/applefile") == 0
      || strcmp (part->type, "application/mac-binhex40") == 0) {
    g_free (part->type);
    part->type = g_strdup (type != NULL ? type : pn_mime_type_of (part->name));
  }
  if (file->resource > 0)
    pn_mime_reader_add_loss (self, index,
                             "the resource fork of a Macintosh file (%" G_GUINT64_FORMAT
                             " bytes) is left out; its data became the file \"%s\"",
                             file->resource, part->name != NULL ? part->name : "");
}

/* The decoded part, if it is not too large for memory. */
static gboolean
read_part (PnMimeReader *self, const PnPart *part, GBytes **bytes, GError **error)
{
  GError *local = NULL;

  *bytes = pn_content_read (part->content, PN_MIME_MAX_UNPACKED - self->unpacked, &local);
  if (*bytes == NULL && !g_error_matches (local, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
    g_propagate_error (error, local);
    return FALSE;
  }
  g_clear_error (&local);
  return TRUE;
}

static void
take_content (PnMimeReader *self, PnPart *part, const PnMacFile *file)
{
  pn_content_unref (part->content);
  part->content = pn_content_new_bytes (file->data);
  self->unpacked += g_bytes_get_size (file->data);
  g_clear_pointer (&part->parameters, g_free);
}

static const char *
read_binhex (PnMimeReader *self, GBytes *bytes, PnMacFile *file)
{
  gsize length, begin, end;
  const char *text = g_bytes_get_data (bytes, &length);
  const char *colon = text;

  memset (file, 0, sizeof *file);
  if (length == 0)
    return "it is empty";
  /* The notice is missing now and then. */
  if (pn_binhex_find (text, length, &begin, &end))
    colon = memchr (text + begin, '\n', length - begin);
  while (colon < text + length && g_ascii_isspace (*colon))
    colon++;
  return pn_binhex_read (colon, length - (gsize) (colon - text), PN_MIME_MAX_UNPACKED - self->unpacked, file);
}

static gboolean
unpack_part (PnMimeReader *self, const PnMimeFile *entry, gboolean binhex, GError **error)
{
  PnPart *part = entry->part;
  g_autoptr (GBytes) bytes = NULL;
  PnMacFile file = { 0 };

  if (!read_part (self, part, &bytes, error))
    return FALSE;
  const char *wrong = bytes == NULL ? "it is too large"
                      : binhex      ? read_binhex (self, bytes, &file)
                                    : pn_apple_read (bytes, &file);
  if (wrong == NULL && file.data == NULL)
    wrong = "there is no data fork in it";
  else if (wrong == NULL && g_bytes_get_size (file.data) == 0 && file.resource > 0)
    wrong = "all of it is in the resource fork";
  if (wrong != NULL) {
    pn_mime_reader_add_loss (self, entry->entity, "the Macintosh file stays packed: %s", wrong);
  } else {
    take_content (self, part, &file);
    /* "letter.doc.hqx" names the packing. */
    if (binhex && file.name != NULL && part->name != NULL)
      g_clear_pointer (&part->name, g_free);
    pn_mime_settle_mac_file (self, entry->entity, part, &file);
  }
  pn_mac_file_clear (&file);
  return TRUE;
}

static PnMimeFile *
find_file (PnMimeReader *self, guint from, guint entity)
{
  for (guint i = from; i < self->files->len; i++) {
    PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    if (file->entity >= entity)
      return file->entity == entity ? file : NULL;
  }
  return NULL;
}

/* The header of AppleDouble before the file that it belongs to. */
static gboolean
join_pair (PnMimeReader *self, guint at, GError **error)
{
  const PnMimeFile *header = &g_array_index (self->files, PnMimeFile, at);
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, header->entity);
  PnMimeFile *data = entity->next_sibling != 0 ? find_file (self, at, entity->next_sibling) : NULL;
  g_autoptr (GBytes) bytes = NULL;
  PnMacFile file = { 0 };

  if (data == NULL || !read_part (self, header->part, &bytes, error))
    return data == NULL;
  const char *wrong = bytes != NULL ? pn_apple_read (bytes, &file) : "it is too large";
  if (wrong == NULL && entity->parent != 0 && data->part->name == NULL) {
    PnPart *whole = pn_mime_make_file (self, entity->parent);
    data->part->name = g_steal_pointer (&whole->name);
    pn_part_free (whole);
  }
  if (wrong == NULL && data->part->name == NULL)
    data->part->name = g_strdup (header->part->name);
  if (wrong == NULL) {
    pn_mime_settle_mac_file (self, header->entity, data->part, &file);
    if (file.resource == 0)
      pn_mime_reader_add_loss (self, header->entity,
                               "what the Macintosh noted about the file \"%s\" is left out",
                               data->part->name != NULL ? data->part->name : "");
    pn_part_free (header->part);
    g_array_remove_index (self->files, at);
  } else {
    pn_mime_reader_add_loss (self, header->entity, "the Macintosh header stays an attachment: %s", wrong);
  }
  pn_mac_file_clear (&file);
  return TRUE;
}

gboolean
pn_mime_unpack_mac_files (PnMimeReader *self, GError **error)
{
  for (guint i = 0; i < self->files->len; i++) {
    const PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, file->entity);
    gboolean apple = strcmp (file->part->type, "application/applefile") == 0;
    gboolean binhex = strcmp (file->part->type, "application/mac-binhex40") == 0
                      || strcmp (file->part->type, "application/mac-binhex") == 0
                      || strcmp (file->part->type, "application/binhex") == 0;
    gboolean paired
        = apple
          && strcmp (pn_mime_scan_entity (self->scan, entity->parent)->type, "multipart/appledouble") == 0;
    guint before = self->files->len;
    if (paired ? !join_pair (self, i, error) : (apple || binhex) && !unpack_part (self, file, binhex, error))
      return FALSE;
    if (self->files->len < before)
      i--;
  }
  return TRUE;
}
