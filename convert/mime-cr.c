/* Messages whose lines end with CR alone, as old Macintosh programs and careless scripts made them. */
#include "convert/mime-cr.h"

#include "convert/mime-header.h"

#include <string.h>

/* Up to this size all of a view lies in memory. */
enum { IN_MEMORY = 4 * 1024 * 1024, LOOK_AT = 64 * 1024 };

typedef struct {
  PnSource source;
  PnSource *parent;
} View;

/* LENGTH BYTES, of which the last is not the last of all: NEXT follows it. */
static void
end_lines (guint8 *bytes, gsize length, guint8 next)
{
  guint8 *end = bytes + length;

  for (guint8 *p = bytes; (p = memchr (p, '\r', (gsize) (end - p))) != NULL; p++)
    if ((p + 1 < end ? p[1] : next) != '\n')
      *p = '\n';
}

static gssize
view_read (PnSource *source, guint64 offset, void *buffer, gsize length, GError **error)
{
  View *self = (View *) source;
  guint8 next = 0;

  length = offset < source->size ? MIN (length, source->size - offset) : 0;
  if (length == 0)
    return 0;
  if (!pn_source_read (self->parent, offset, buffer, length, error)
      || (offset + length < source->size && !pn_source_read (self->parent, offset + length, &next, 1, error)))
    return -1;
  end_lines (buffer, length, next);
  return (gssize) length;
}

static void
view_free (PnSource *source)
{
  View *self = (View *) source;

  pn_source_unref (self->parent);
  g_free (self);
}

PnSource *
pn_mime_cr_view_new (PnSource *parent)
{
  static const PnSourceClass klass = { view_read, view_free };

  if (parent->data != NULL && parent->size <= IN_MEMORY) {
    guint8 *copy = g_memdup2 (parent->data, parent->size);
    end_lines (copy, parent->size, 0);
    g_autoptr (GBytes) bytes = g_bytes_new_take (copy, parent->size);
    return pn_source_new_bytes (bytes);
  }
  View *self = g_new0 (View, 1);
  pn_source_init (&self->source, &klass, parent->size, NULL);
  self->parent = pn_source_ref (parent);
  return &self->source;
}

/* Bytes of SOURCE; *COPY (to be freed) keeps them if they do not lie in memory.  NULL if they cannot be read:
 * then whoever needs them will say so. */
static const char *
look (PnSource *source, guint64 offset, gsize length, char **copy)
{
  *copy = NULL;
  if (source->data != NULL)
    return (const char *) source->data + offset;
  *copy = g_malloc (length + 1);
  return pn_source_read (source, offset, *copy, length, NULL) ? *copy : NULL;
}

/* Whether fields begin behind at least two of the bare CRs. */
static gboolean
has_hidden_fields (const char *p, const char *end)
{
  guint fields = 0, looked = 0;

  while (looked < 64 && (p = memchr (p, '\r', (gsize) (end - p))) != NULL) {
    gsize name_length, value;
    p++;
    if (p < end && *p == '\n')
      continue;
    looked++;
    const char *stop = p < end ? memchr (p, '\r', MIN ((gsize) (end - p), 1024)) : NULL;
    if (stop != NULL && pn_header_is_field (p, (gsize) (stop - p), &name_length, &value) && ++fields == 2)
      return TRUE;
  }
  return FALSE;
}

gboolean
pn_mime_wants_cr_view (PnSource *source, const PnMimeScan *scan)
{
  const PnMimeEntity *root = pn_mime_scan_entity (scan, 0);
  g_autofree char *copy = NULL;

  if (root->body_length == 0 && root->header_length > 0) {
    gsize length = MIN (root->header_length, LOOK_AT);
    const char *header = look (source, root->header_offset, length, &copy);
    return header != NULL && has_hidden_fields (header, header + length);
  }
  if (!root->no_delimiter)
    return FALSE;
  gsize length = MIN (root->body_length, LOOK_AT);
  const char *body = look (source, root->body_offset, length, &copy);
  return body != NULL && memmem (body, length, "\r--", 3) != NULL;
}
