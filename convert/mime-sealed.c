#include "convert/mime-sealed.h"

#include <string.h>

#include "convert/mime-encode.h"

/* Larger ones are not compared with the message. */
enum { MAX_SEALED = 64 * 1024 * 1024, MAX_PARAMETERS = 2000 };

/* --- reading --------------------------------------------------------------------------------------- */

/* Everything from the first ';' of Content-Type on, unfolded; NULL if it cannot be written again as it is. */
static char *
raw_parameters (const PnMimeRawField *field)
{
  const char *start = field->value != NULL ? memchr (field->value, ';', field->length) : NULL;
  gsize length = start != NULL ? field->length - (gsize) (start - field->value) : 0;

  if (start == NULL || length > MAX_PARAMETERS)
    return NULL;
  GString *out = g_string_sized_new (length);
  for (gsize i = 0; i < length; i++)
    if (start[i] != '\r' && start[i] != '\n')
      g_string_append_c (out, start[i] == '\t' ? ' ' : start[i]);
  for (gsize i = 0; i < out->len; i++)
    if (out->str[i] < ' ' || out->str[i] == 0x7F) {
      g_string_free (out, TRUE);
      return NULL;
    }
  g_strchomp (out->str);
  return g_string_free (out, FALSE);
}

gboolean
pn_mime_keeps_sealed (const PnMimeReader *self)
{
  return self->wrappings == 0
         && (!self->options->skeleton || pn_message_get_header (self->message, "X-Postern-Native") != NULL);
}

void
pn_mime_keep_sealed (PnMimeReader *self, guint index)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  char *parameters = raw_parameters (&entity->fields[PN_MIME_CONTENT_TYPE]);

  if (parameters == NULL)
    return;
  PnContent *content = pn_content_new_range (self->original_source, entity->body_offset, entity->body_length,
                                             PN_ENCODING_NONE);
  PnMimeFile file = { index, pn_part_new (PN_PART_ATTACHMENT, entity->type, content) };
  file.part->parameters = parameters;
  g_array_append_val (self->files, file);
}

/* --- writing --------------------------------------------------------------------------------------- */

gboolean
pn_mime_is_sealed_multipart (const PnPart *part)
{
  return strcmp (part->type, "multipart/signed") == 0 || strcmp (part->type, "multipart/encrypted") == 0;
}

static gboolean
is_sealed (const PnPart *part)
{
  return part->role == PN_PART_ATTACHMENT && part->content != NULL
         && (pn_mime_is_sealed_multipart (part) || strcmp (part->type, "application/pkcs7-mime") == 0
             || strcmp (part->type, "application/x-pkcs7-mime") == 0);
}

PnSource *
pn_mime_sealed_source (const PnPart *part, GError **error)
{
  g_autoptr (GBytes) bytes = pn_content_read (part->content, MAX_SEALED, error);
  if (bytes == NULL)
    return NULL;
  gboolean binary = !pn_mime_is_sealed_multipart (part);
  g_autoptr (GString) text = g_string_new (NULL);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_string_append_printf (text, "Content-Type: %s%s\r\n%s\r\n", part->type,
                          part->parameters != NULL ? part->parameters : "",
                          binary ? "Content-Transfer-Encoding: binary\r\n" : "");
  if (length > 0)
    g_string_append_len (text, data, (gssize) length);
  return pn_source_new_copy (text->str, text->len);
}

PnMessage *
pn_mime_sealed_read (const PnPart *part, GError **error)
{
  g_autoptr (PnSource) source = pn_mime_sealed_source (part, error);

  return source != NULL ? pn_mime_read (source, NULL, error) : NULL;
}

static GBytes *
read_part (const PnPart *part)
{
  return part->content != NULL ? pn_content_read (part->content, MAX_SEALED, NULL) : g_bytes_new (NULL, 0);
}

static gboolean
same_content (const PnPart *a, const PnPart *b)
{
  g_autoptr (GBytes) x = read_part (a), y = read_part (b);

  return x != NULL && y != NULL && g_bytes_equal (x, y);
}

/* What the text of the message says behind the text that stands inside, or NULL if it does not begin with
 * that. */
static PnContent *
cut_text (const PnPart *whole, const PnPart *inside, gboolean *broken)
{
  g_autoptr (GBytes) all = read_part (whole), first = read_part (inside);
  gsize n_all = 0, n_first = 0;
  const char *a = all != NULL ? g_bytes_get_data (all, &n_all) : NULL;
  const char *b = first != NULL ? g_bytes_get_data (first, &n_first) : NULL;

  if (a == NULL || b == NULL || n_first == 0 || n_all <= n_first || memcmp (a, b, n_first) != 0)
    return NULL;
  *broken = b[n_first - 1] != '\n' && a[n_first] == '\n';
  if (*broken)
    n_first++;
  return pn_content_new_text (a + n_first, (gssize) (n_all - n_first));
}

static gboolean
find_same (PnMimeSealed *self, const PnMessage *message, const PnPart *inner, guint number)
{
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if (part == self->part || part->role != inner->role || strcmp (part->type, inner->type) != 0
        || g_strcmp0 (part->name, inner->name) != 0 || g_hash_table_contains (self->inside, part))
      continue;
    if (!same_content (part, inner)) {
      if (part->role != PN_PART_TEXT || self->text_rest != NULL)
        continue;
      self->text_rest = cut_text (part, inner, &self->broken);
      if (self->text_rest == NULL)
        continue;
      self->text = part;
    }
    g_hash_table_insert (self->inside, part, GUINT_TO_POINTER (number));
    return TRUE;
  }
  return FALSE;
}

static gboolean
says_the_same (PnMimeSealed *self, const PnMessage *message, const PnMessage *inner)
{
  for (guint i = 0; i < inner->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (inner->parts, i);
    gboolean itself = part->role == PN_PART_ATTACHMENT && strcmp (part->type, self->part->type) == 0
                      && same_content (part, self->part);
    if (!itself && !find_same (self, message, part, i + 1))
      return FALSE;
  }
  /* What is to be read must stand in it, as nothing of that is written besides. */
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if (part->role != PN_PART_ATTACHMENT && part->role != PN_PART_SKELETON
        && !g_hash_table_contains (self->inside, part))
      return FALSE;
  }
  return TRUE;
}

/* Why PART cannot be written as it is, or NULL.  INNER is NULL if it is too large. */
static const char *
find_hindrance (PnMimeSealed *self, const PnMessage *message, const PnMessage *inner, GError **error)
{
  static const char too_large[] = "it is too large to be kept whole";
  PnLineScan scan;

  if (inner == NULL)
    return too_large;
  if (pn_mime_is_sealed_multipart (self->part)) {
    if (!pn_line_scan (self->part->content, "", &scan, error))
      return too_large;
    if (scan.bare_cr)
      return "its lines end with CR, which mail cannot keep";
  }
  return says_the_same (self, message, inner)
             ? NULL
             : "the message is no longer what it was made over; it is not kept whole";
}

gboolean
pn_mime_sealed_find (PnMimeSealed *self, PnMessage *message, GError **error)
{
  self->inside = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < message->parts->len && self->part == NULL; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if (!is_sealed (part))
      continue;
    g_autoptr (GError) reason = NULL;
    self->part = part;
    g_autoptr (PnMessage) inner = pn_mime_sealed_read (part, &reason);
    if (inner == NULL && !g_error_matches (reason, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
    g_autoptr (GError) failure = NULL;
    const char *hindrance = find_hindrance (self, message, inner, &failure);
    if (failure != NULL) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    if (hindrance == NULL)
      return TRUE;
    self->part = NULL;
    g_hash_table_remove_all (self->inside);
    g_clear_pointer (&self->text_rest, pn_content_unref);
    self->text = NULL;
    pn_message_add_loss (message, part->type, "%s", hindrance);
  }
  return TRUE;
}

void
pn_mime_sealed_clear (PnMimeSealed *self)
{
  g_clear_pointer (&self->inside, g_hash_table_unref);
  g_clear_pointer (&self->text_rest, pn_content_unref);
}
