/* Files that stand in a text, as they were sent before MIME: uuencode, BinHex and yEnc. */
#include "convert/mac-file.h"
#include "convert/mime-reader.h"
#include "convert/yenc.h"

#include <string.h>

/* In one message; what follows stays text. */
enum { MAX_FILES = 1000 };

typedef enum { KIND_UUENCODE, KIND_BASE64, KIND_YENC, KIND_BINHEX } Kind;

typedef struct {
  Kind kind;
  const char *begin, *end;     /* what is no longer text: whole lines */
  const char *data, *data_end; /* what is decoded */
  const char *name;
  gsize name_length;
  PnYencBlock yenc;
  gboolean taken;
} Block;

typedef struct {
  PnMimeReader *reader;
  guint entity;
  const char *bytes, *end;
  PnSource *source; /* where the bytes lie, from OFFSET on */
  guint64 offset;
  GArray *blocks; /* Block */
} Hunt;

/* Length of the line at P without its end. */
static gsize
line_length (const char *p, const char *next)
{
  while (next > p && (next[-1] == '\n' || next[-1] == '\r'))
    next--;
  return (gsize) (next - p);
}

/* "begin 644 name", "begin-base64 644 name" */
static gboolean
read_begin (const char *p, gsize length, Block *block)
{
  gsize digits = 0, at = 6;

  block->kind = KIND_UUENCODE;
  if (length > 13 && memcmp (p, "begin-base64 ", 13) == 0) {
    block->kind = KIND_BASE64;
    at = 13;
  } else if (length < 11 || memcmp (p, "begin ", 6) != 0) {
    return FALSE;
  }
  while (at + digits < length && p[at + digits] >= '0' && p[at + digits] <= '7')
    digits++;
  if (digits < 3 || digits > 4 || at + digits + 1 >= length || p[at + digits] != ' ')
    return FALSE;
  block->name = p + at + digits + 1;
  block->name_length = length - at - digits - 1;
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

static gboolean
is_base64 (const char *p, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (p[i]) && p[i] != '+' && p[i] != '/' && p[i] != '=')
      return FALSE;
  return TRUE;
}

/* Whether the line at P begins a block that also ends. */
static gboolean
read_block (const char *p, const char *end, Block *block)
{
  const char *next = pn_next_line (p, end);

  if (!read_begin (p, line_length (p, next), block))
    return FALSE;
  gboolean uu = block->kind == KIND_UUENCODE;
  const char *last = uu ? "end" : "====";
  block->begin = p;
  block->data = uu ? p : next;
  while (next < end) {
    p = next;
    next = pn_next_line (p, end);
    gsize length = line_length (p, next);
    if (length == strlen (last) && memcmp (p, last, length) == 0) {
      block->end = next;
      block->data_end = uu ? next : p;
      return TRUE;
    }
    /* An empty line is one of zero bytes whose blank was lost. */
    if (length > 0 && !(uu ? is_data (p, length) : is_base64 (p, length)))
      return FALSE;
  }
  return FALSE;
}

/* A block of uuencode or yEnc around the word "begin" at P; returns where to go on. */
static const char *
try_begin (Hunt *self, const char *p)
{
  Block block = { 0 };

  if (p - self->bytes >= 2 && p[-1] == 'y' && p[-2] == '=' && (p - 2 == self->bytes || p[-3] == '\n')) {
    gboolean found = pn_yenc_find (p - 2, self->end, &block.yenc);
    block.kind = KIND_YENC;
    block.begin = block.yenc.begin;
    block.end = block.yenc.end;
    if (found)
      g_array_append_val (self->blocks, block);
    return MAX (block.end, p + 5);
  }
  if ((p > self->bytes && p[-1] != '\n') || !read_block (p, self->end, &block))
    return p + 5;
  g_array_append_val (self->blocks, block);
  return block.end;
}

/* Finds the next BinHex file from FROM on: where it begins, or the end. */
static const char *
find_binhex (Hunt *self, const char *from, Block *block)
{
  gsize begin, end;

  while (from < self->end) {
    memset (block, 0, sizeof *block);
    if (pn_binhex_find (from, (gsize) (self->end - from), &begin, &end)) {
      block->kind = KIND_BINHEX;
      block->begin = from + begin;
      block->end = from + end;
      block->data = memchr (block->begin, '\n', (gsize) (block->end - block->begin));
      while (g_ascii_isspace (*block->data))
        block->data++;
      block->data_end = block->end;
      return block->begin;
    }
    from += end;
  }
  return self->end;
}

static void
find_blocks (Hunt *self)
{
  Block binhex;
  const char *p = self->bytes, *binhex_at = find_binhex (self, p, &binhex);
  const char *begin = memmem (p, (gsize) (self->end - p), "begin", 5);

  while (p < self->end && self->blocks->len < MAX_FILES) {
    if (begin != NULL && begin < p)
      begin = memmem (p, (gsize) (self->end - p), "begin", 5);
    if (begin == NULL)
      begin = self->end;
    if (begin == self->end && binhex_at == self->end)
      break;
    if (binhex_at < begin) {
      if (binhex_at >= p) {
        g_array_append_val (self->blocks, binhex);
        p = binhex.end;
      }
      binhex_at = find_binhex (self, MAX (p, binhex.end), &binhex);
    } else {
      p = try_begin (self, begin);
    }
  }
}

static void
add_file (Hunt *self, const char *name, PnContent *content)
{
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, pn_mime_type_of (name), content);
  PnMimeFile file = { self->entity, part };
  gboolean changed;

  part->name = name != NULL ? pn_header_clean_file_name (name, &changed) : NULL;
  g_array_append_val (self->reader->files, file);
}

static char *
decode_name (Hunt *self, const char *name, gsize length)
{
  return pn_header_decode (name, length, &self->reader->context);
}

static void
take_range (Hunt *self, Block *block)
{
  g_autofree char *name = decode_name (self, block->name, block->name_length);
  PnEncoding encoding = block->kind == KIND_BASE64 ? PN_ENCODING_BASE64 : PN_ENCODING_UUENCODE;
  guint64 from = self->offset + (guint64) (block->data - self->bytes);

  add_file (self, name,
            pn_content_new_range (self->source, from, (guint64) (block->data_end - block->data), encoding));
  block->taken = TRUE;
}

static void
take_binhex (Hunt *self, Block *block)
{
  PnMacFile file;
  gsize room = PN_MIME_MAX_UNPACKED - self->reader->unpacked;
  const char *wrong = pn_binhex_read (block->data, (gsize) (block->data_end - block->data), room, &file);

  if (wrong == NULL && g_bytes_get_size (file.data) == 0 && file.resource > 0)
    wrong = "all of it is in the resource fork";
  if (wrong != NULL) {
    pn_mime_reader_add_loss (self->reader, self->entity, "a BinHex file in it stays text: %s", wrong);
    pn_mac_file_clear (&file);
    return;
  }
  self->reader->unpacked += g_bytes_get_size (file.data);
  add_file (self, file.name, pn_content_new_bytes (file.data));
  pn_mime_settle_mac_file (self->reader, self->entity,
                           g_array_index (self->reader->files, PnMimeFile, self->reader->files->len - 1).part,
                           &file);
  pn_mac_file_clear (&file);
  block->taken = TRUE;
}

static int
compare_yenc (gconstpointer a, gconstpointer b)
{
  const PnYencBlock *x = &(*(Block *const *) a)->yenc, *y = &(*(Block *const *) b)->yenc;
  int order = memcmp (x->name, y->name, MIN (x->name_length, y->name_length));

  if (order == 0 && x->name_length != y->name_length)
    order = x->name_length < y->name_length ? -1 : 1;
  if (order == 0 && x->size != y->size)
    order = x->size < y->size ? -1 : 1;
  if (order == 0 && x->part != y->part)
    order = x->part < y->part ? -1 : 1;
  return order != 0 ? order : x->begin < y->begin ? -1 : x->begin > y->begin;
}

static gboolean
is_same_file (const Block *a, const Block *b)
{
  return a->yenc.size == b->yenc.size && a->yenc.name_length == b->yenc.name_length
         && memcmp (a->yenc.name, b->yenc.name, a->yenc.name_length) == 0;
}

/* Decodes the file whose COUNT blocks begin at PARTS; NULL with *WRONG set if it cannot be had. */
static GBytes *
decode_yenc (Block **parts, guint count, const char **wrong)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  const PnYencBlock *last = &parts[count - 1]->yenc;

  *wrong = NULL;
  for (guint i = 0; i < count && *wrong == NULL; i++) {
    const PnYencBlock *block = &parts[i]->yenc;
    if (block->part_begin != (i == 0 ? 1 : parts[i - 1]->yenc.part_end + 1))
      *wrong = "not all of its parts are in the message";
    else
      *wrong = pn_yenc_decode (block, out);
  }
  if (*wrong == NULL && last->part_end != last->size)
    *wrong = "not all of its parts are in the message";
  if (*wrong == NULL && last->has_crc && pn_crc_32 (out->data, out->len) != last->crc)
    *wrong = "its checksum is wrong";
  return *wrong == NULL ? g_byte_array_free_to_bytes (g_steal_pointer (&out)) : NULL;
}

/* The parts of a file may come in any order. */
static void
take_yenc (Hunt *self)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  guint count;

  for (guint i = 0; i < self->blocks->len; i++) {
    Block *block = &g_array_index (self->blocks, Block, i);
    if (block->kind == KIND_YENC)
      g_ptr_array_add (parts, block);
  }
  g_ptr_array_sort (parts, compare_yenc);
  for (guint i = 0; i < parts->len; i += count) {
    Block **first = (Block **) parts->pdata + i;
    for (count = 1;
         first[0]->yenc.part > 0 && i + count < parts->len && is_same_file (first[0], first[count]);)
      count++;
    const char *wrong;
    g_autoptr (GBytes) bytes = decode_yenc (first, count, &wrong);
    g_autofree char *name = decode_name (self, first[0]->yenc.name, first[0]->yenc.name_length);
    if (bytes == NULL) {
      pn_mime_reader_add_loss (self->reader, self->entity, "the yEnc file \"%.200s\" in it stays text: %s",
                               name, wrong);
      continue;
    }
    add_file (self, name, pn_content_new_bytes (bytes));
    for (guint k = 0; k < count; k++)
      first[k]->taken = TRUE;
  }
}

static GBytes *
leave_out_taken (const Hunt *self)
{
  GByteArray *text = NULL;
  const char *kept = self->bytes;

  for (guint i = 0; i < self->blocks->len; i++) {
    const Block *block = &g_array_index (self->blocks, Block, i);
    if (!block->taken)
      continue;
    if (text == NULL)
      text = g_byte_array_new ();
    g_byte_array_append (text, (const guint8 *) kept, (guint) (block->begin - kept));
    kept = block->end;
  }
  if (text == NULL)
    return NULL;
  g_byte_array_append (text, (const guint8 *) kept, (guint) (self->end - kept));
  return g_byte_array_free_to_bytes (text);
}

GBytes *
pn_mime_take_files (PnMimeReader *self, guint index, const char *bytes, gsize length, GBytes *owner)
{
  Hunt hunt = { .reader = self, .entity = index, .bytes = bytes };

  if (length == 0 || self->files->len >= MAX_FILES)
    return NULL;
  hunt.end = bytes + length;
  hunt.blocks = g_array_new (FALSE, FALSE, sizeof (Block));
  find_blocks (&hunt);
  GBytes *rest = NULL;
  if (hunt.blocks->len > 0) {
    g_autoptr (PnSource) decoded = owner != NULL ? pn_source_new_bytes (owner) : NULL;
    hunt.source = decoded != NULL ? decoded : self->source;
    hunt.offset = decoded != NULL ? 0 : pn_mime_scan_entity (self->scan, index)->body_offset;
    for (guint i = 0; i < hunt.blocks->len; i++) {
      Block *block = &g_array_index (hunt.blocks, Block, i);
      if (block->kind == KIND_BINHEX)
        take_binhex (&hunt, block);
      else if (block->kind != KIND_YENC)
        take_range (&hunt, block);
    }
    take_yenc (&hunt);
    rest = leave_out_taken (&hunt);
  }
  g_array_unref (hunt.blocks);
  return rest;
}
