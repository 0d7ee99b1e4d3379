#include "convert/mime-reader.h"

#include <string.h>

/* Files that stand uuencoded in a text, as they were sent before MIME. */

/* In one message; what follows stays text. */
enum { MAX_UU_FILES = 1000 };

typedef struct {
  const char *begin, *end; /* from the line "begin" to behind the line "end" */
  const char *name;
  gsize name_length;
} UuBlock;

static const char *
line_end (const char *p, const char *end)
{
  const char *lf = memchr (p, '\n', end - p);

  return lf != NULL ? lf + 1 : end;
}

/* Length of the line at P without its end. */
static gsize
line_length (const char *p, const char *next)
{
  while (next > p && (next[-1] == '\n' || next[-1] == '\r'))
    next--;
  return next - p;
}

/* "begin 644 name" */
static gboolean
read_begin (const char *p, gsize length, UuBlock *block)
{
  gsize digits = 0;

  if (length < 11 || memcmp (p, "begin ", 6) != 0)
    return FALSE;
  while (6 + digits < length && p[6 + digits] >= '0' && p[6 + digits] <= '7')
    digits++;
  if (digits < 3 || digits > 4 || 6 + digits + 1 >= length || p[6 + digits] != ' ')
    return FALSE;
  block->name = p + 6 + digits + 1;
  block->name_length = length - 6 - digits - 1;
  return TRUE;
}

/* A line of data: the first character tells how many bytes are in it.  Blanks at its end may have been lost.
 */
static gboolean
is_data (const char *p, gsize length)
{
  if (length == 0 || p[0] <= ' ' || p[0] > '`')
    return FALSE;
  gsize bytes = (gsize) (p[0] - ' ') & 63, characters = (bytes + 2) / 3 * 4;
  if (length > characters + 2)
    return FALSE;
  for (gsize i = 1; i < length; i++)
    if (p[i] < ' ' || p[i] > '`')
      return FALSE;
  return bytes == 0 || length + 3 >= characters;
}

/* Whether the line at P begins a block that also ends. */
static gboolean
read_block (const char *p, const char *end, UuBlock *block)
{
  const char *next = line_end (p, end);

  if (!read_begin (p, line_length (p, next), block))
    return FALSE;
  block->begin = p;
  while (next < end) {
    p = next;
    next = line_end (p, end);
    gsize length = line_length (p, next);
    if (length == 3 && memcmp (p, "end", 3) == 0) {
      block->end = next;
      return TRUE;
    }
    /* An empty line is one of zero bytes whose blank was lost. */
    if (length > 0 && !is_data (p, length))
      return FALSE;
  }
  return FALSE;
}

static void
add_uu_file (PnMimeReader *self, guint index, const UuBlock *block, const char *bytes)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  PnContent *content
      = pn_content_new_range (self->source, entity->body_offset + (guint64) (block->begin - bytes),
                              (guint64) (block->end - block->begin), PN_ENCODING_UUENCODE);
  PnMimeFile file = { index, pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", content) };
  g_autofree char *name = pn_header_decode (block->name, block->name_length, &self->context);
  gboolean changed;

  file.part->name = pn_header_clean_file_name (name, &changed);
  g_array_append_val (self->files, file);
}

GBytes *
pn_mime_take_uu (PnMimeReader *self, guint index, const char *bytes, gsize length)
{
  const char *p = bytes, *end = bytes + length, *kept = bytes;
  GByteArray *text = NULL;
  guint room = MAX_UU_FILES - MIN (self->files->len, MAX_UU_FILES);

  if (length == 0)
    return NULL;
  while (room > 0 && (p = memmem (p, end - p, "begin ", 6)) != NULL) {
    UuBlock block;
    if ((p > bytes && p[-1] != '\n') || !read_block (p, end, &block)) {
      p += 6;
      continue;
    }
    if (text == NULL)
      text = g_byte_array_new ();
    g_byte_array_append (text, (const guint8 *) kept, (guint) (p - kept));
    add_uu_file (self, index, &block, bytes);
    kept = p = block.end;
    room--;
  }
  if (text == NULL)
    return NULL;
  g_byte_array_append (text, (const guint8 *) kept, (guint) (end - kept));
  return g_byte_array_free_to_bytes (text);
}
