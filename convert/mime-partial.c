#include "convert/mime-partial.h"

#include "convert/mime-header.h"
#include "convert/mime-scan.h"
#include "convert/number.h"

#include <string.h>

void
pn_partial_clear (PnPartial *self)
{
  g_clear_pointer (&self->id, g_free);
}

static guint
parameter_number (const PnHeaderParams *params, const char *name)
{
  const char *text = pn_header_params_get (params, name);
  guint64 number = 0;
  return text && pn_number_parse (text, 10, 1, PN_PARTIAL_MAX, &number) ? (guint) number : 0;
}

gboolean
pn_mime_partial_read (PnSource *source, PnPartial *partial, GError **error)
{
  g_autoptr (PnMimeScan) scan = pn_mime_scan (source, 1, 2, error);
  if (!scan)
    return FALSE;
  const PnMimeEntity *top = pn_mime_scan_entity (scan, 0);
  const PnMimeRawField *field = &top->fields[PN_MIME_CONTENT_TYPE];
  if (!g_str_equal (top->type, "message/partial") || !field->value)
    return FALSE;
  PnHeaderContext context = { 0 };
  g_autoptr (PnHeaderParams) params = pn_header_parse_params (field->value, field->length, &context);
  const char *id = pn_header_params_get (params, "id");
  guint number = parameter_number (params, "number");
  guint total = parameter_number (params, "total");
  if (!id || !*id || number == 0 || (total > 0 && number > total))
    return FALSE;
  *partial = (PnPartial){ g_strdup (id), number, total };
  return TRUE;
}

/* --- joining --- */

static gboolean
is_of_content (const PnHeaderField *field)
{
  return (field->name_length > 8 && g_ascii_strncasecmp (field->name, "Content-", 8) == 0)
         || pn_header_name_is (field, "Subject") || pn_header_name_is (field, "Message-ID")
         || pn_header_name_is (field, "Encrypted") || pn_header_name_is (field, "MIME-Version");
}

/* The fields of HEADER that describe a content, or the others; with their folds. */
static void
append_fields (GString *out, const char *header, gsize length, gboolean of_content)
{
  const char *cursor = header, *end = header + length;
  PnHeaderField field;
  while (pn_header_next (&cursor, end, &field)) {
    const char *behind = field.value + field.value_length;
    if (is_of_content (&field) != of_content)
      continue;
    g_string_append_len (out, field.name, behind - field.name);
    g_string_append (out, "\r\n");
  }
}

/* Where the body begins behind the header at OFFSET, and that header (caller frees). */
static char *
read_header (PnSource *source, guint64 offset, guint64 *body, gsize *length, GError **error)
{
  g_autoptr (PnSource) range = pn_source_new_range (source, offset, source->size - offset);
  g_autoptr (PnMimeScan) scan = pn_mime_scan (range, 1, 2, error);
  if (!scan)
    return NULL;
  const PnMimeEntity *top = pn_mime_scan_entity (scan, 0);
  *length = (gsize) top->header_length;
  *body = offset + top->body_offset;
  g_autofree char *header = g_malloc (*length + 1);
  header[*length] = '\0';
  return pn_source_read (range, top->header_offset, header, *length, error) ? g_steal_pointer (&header)
                                                                            : NULL;
}

static void
add_body (GPtrArray *chain, PnSource *source, guint64 offset)
{
  if (offset < source->size)
    g_ptr_array_add (chain, pn_content_new_range (source, offset, source->size - offset, PN_ENCODING_NONE));
}

PnContent *
pn_mime_partial_join (PnSource *const *pieces, guint n, GError **error)
{
  guint64 body = 0;
  gsize outer_length = 0, inner_length = 0;
  g_autofree char *outer = read_header (pieces[0], 0, &body, &outer_length, error);
  g_autofree char *inner = outer ? read_header (pieces[0], body, &body, &inner_length, error) : NULL;
  if (!inner)
    return NULL;
  GString *header = g_string_new (NULL);
  append_fields (header, outer, outer_length, FALSE);
  append_fields (header, inner, inner_length, TRUE);
  g_string_append (header, "\r\n");
  g_autoptr (GBytes) bytes = g_string_free_to_bytes (header);
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_content_unref);
  g_ptr_array_add (chain, pn_content_new_bytes (bytes));
  add_body (chain, pieces[0], body);
  for (guint i = 1; i < n; i++) {
    g_autofree char *other = read_header (pieces[i], 0, &body, &outer_length, error);
    if (!other)
      return NULL;
    add_body (chain, pieces[i], body);
  }
  return pn_content_new_chain (g_steal_pointer (&chain));
}

PnContent *
pn_mime_partial_body (PnSource *piece, GError **error)
{
  guint64 body = 0;
  gsize length = 0;
  g_autofree char *header = read_header (piece, 0, &body, &length, error);
  return header ? pn_content_new_range (piece, body, piece->size - body, PN_ENCODING_NONE) : NULL;
}
