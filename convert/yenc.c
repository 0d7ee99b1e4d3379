#include "convert/yenc.h"

#include <string.h>

#include "convert/mime-header.h"

/* The value of " KEY=" between P and END; NULL if it is not there. */
static const char *
find_value (const char *p, const char *end, const char *key)
{
  g_autofree char *wanted = g_strdup_printf (" %s=", key);
  const char *found = memmem (p, (gsize) (end - p), wanted, strlen (wanted));

  return found != NULL ? found + strlen (wanted) : NULL;
}

static gboolean
read_number (const char *p, const char *end, const char *key, guint64 *number)
{
  const char *value = find_value (p, end, key);

  if (value == NULL || value == end || !g_ascii_isdigit (*value))
    return FALSE;
  for (*number = 0; value < end && g_ascii_isdigit (*value) && *number < G_MAXINT64 / 10; value++)
    *number = *number * 10 + (guint64) (*value - '0');
  return TRUE;
}

static gboolean
read_crc (const char *p, const char *end, const char *key, guint32 *crc)
{
  const char *value = find_value (p, end, key);
  guint digits = 0;

  *crc = 0;
  for (; value != NULL && value < end && g_ascii_isxdigit (*value); value++, digits++)
    *crc = *crc << 4 | (guint32) g_ascii_xdigit_value (*value);
  return digits > 0;
}

/* The name is the last of the line, and may hold blanks. */
static gboolean
read_begin (const char *p, const char *end, PnYencBlock *block)
{
  guint64 part, line;
  const char *name = find_value (p, end, "name");

  while (end > p && g_ascii_isspace (end[-1]))
    end--;
  if (name == NULL || name >= end || !read_number (p, name, "size", &block->size)
      || !read_number (p, name, "line", &line) || block->size == 0)
    return FALSE;
  block->name = name;
  block->name_length = (gsize) (end - name);
  block->part = read_number (p, name, "part", &part) ? (guint) MIN (part, G_MAXUINT) : 0;
  return TRUE;
}

gboolean
pn_yenc_find (const char *p, const char *end, PnYencBlock *block)
{
  const char *next = pn_next_line (p, end);

  memset (block, 0, sizeof *block);
  block->begin = p;
  block->end = next;
  if (!read_begin (p, next, block))
    return FALSE;
  block->part_begin = 1;
  block->part_end = block->size;
  if (block->part > 0) {
    p = next;
    next = pn_next_line (p, end);
    if (end - p < 7 || memcmp (p, "=ypart ", 7) != 0 || !read_number (p, next, "begin", &block->part_begin)
        || !read_number (p, next, "end", &block->part_end) || block->part_begin == 0
        || block->part_end < block->part_begin || block->part_end > block->size)
      return FALSE;
    block->end = next;
  }
  /* No line of data begins with "=y". */
  block->data = next;
  const char *last = memmem (next - 1, (gsize) (end - next + 1), "\n=y", 3);
  block->end = last != NULL ? last + 1 : end;
  if (last == NULL || end - last < 7 || memcmp (last + 1, "=yend ", 6) != 0)
    return FALSE;
  block->data_end = last + 1;
  block->end = pn_next_line (last + 1, end);
  block->has_crc = read_crc (last, block->end, "crc32", &block->crc);
  block->has_part_crc = read_crc (last, block->end, "pcrc32", &block->part_crc);
  return read_number (last, block->end, "size", &block->stated);
}

guint32
pn_crc_32 (const guint8 *data, gsize length)
{
  static const guint32 nibbles[16]
      = { 0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
          0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C };
  guint32 crc = 0xFFFFFFFF;

  for (gsize i = 0; i < length; i++) {
    crc ^= data[i];
    crc = crc >> 4 ^ nibbles[crc & 15];
    crc = crc >> 4 ^ nibbles[crc & 15];
  }
  return ~crc;
}

static void
decode_lines (const PnYencBlock *block, gboolean stuffed, GByteArray *out)
{
  gboolean escaped = FALSE, line = TRUE;

  for (const char *p = block->data; p < block->data_end; p++) {
    guint8 byte = (guint8) *p;
    if (byte == '\r' || byte == '\n') {
      line = TRUE;
      continue;
    }
    if (line && stuffed && byte == '.' && p + 1 < block->data_end && p[1] == '.')
      p++;
    line = FALSE;
    if (byte == '=' && !escaped) {
      escaped = TRUE;
      continue;
    }
    byte -= escaped ? 106 : 42;
    escaped = FALSE;
    g_byte_array_append (out, &byte, 1);
  }
}

const char *
pn_yenc_decode (const PnYencBlock *block, GByteArray *out)
{
  guint before = out->len;
  guint64 wanted = block->part_end - block->part_begin + 1;

  if (wanted != block->stated)
    return "its sizes contradict each other";
  decode_lines (block, FALSE, out);
  if (out->len - before > wanted) {
    /* Kept as a news server sends it, with the dots that it adds. */
    g_byte_array_set_size (out, before);
    decode_lines (block, TRUE, out);
  }
  if (out->len - before != wanted)
    return "its size is wrong";
  guint32 found = pn_crc_32 (out->data + before, out->len - before);
  if (block->has_part_crc && found != block->part_crc)
    return "its checksum is wrong";
  if (block->part == 0 && block->has_crc && found != block->crc)
    return "its checksum is wrong";
  return NULL;
}
