#include "convert/rtf.h"

#include <string.h>

/* What the window holds before the first byte comes out: the words that nearly all rich text begins with. */
static const char preset[]
    = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss "
      "\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
      "{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
enum { PRESET = 207, WINDOW = 4096, HEADER = 16 };
G_STATIC_ASSERT (sizeof preset == PRESET + 1);

#define MAGIC_COMPRESSED 0x75465A4Cu
#define MAGIC_PLAIN 0x414C454Du

static guint32
get32 (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8 | (guint32) p[2] << 16 | (guint32) p[3] << 24;
}

/* CRC-32 as the format wants it: begun with 0 and not inverted. */
static guint32
checksum (const guint8 *data, gsize length)
{
  guint32 table[256], crc = 0;
  for (guint i = 0; i < 256; i++) {
    guint32 value = i;
    for (guint bit = 0; bit < 8; bit++)
      value = value & 1 ? value >> 1 ^ 0xEDB88320u : value >> 1;
    table[i] = value;
  }
  for (gsize i = 0; i < length; i++)
    crc = table[(crc ^ data[i]) & 0xFF] ^ crc >> 8;
  return crc;
}

typedef struct {
  guint8 window[WINDOW];
  guint at;
  GString *out;
} Unpacker;

static void
put (Unpacker *self, guint8 byte)
{
  self->window[self->at] = byte;
  self->at = (self->at + 1) % WINDOW;
  g_string_append_c (self->out, (char) byte);
}

/* TRUE when the mark of the end was found. */
static gboolean
unpack (Unpacker *self, const guint8 *in, gsize length, gsize max)
{
  for (gsize i = 0; i < length && self->out->len <= max;) {
    guint flags = in[i++];
    for (guint bit = 0; bit < 8; bit++, flags >>= 1) {
      if (!(flags & 1)) {
        if (i >= length)
          return FALSE;
        put (self, in[i++]);
        continue;
      }
      if (length - i < 2)
        return FALSE;
      guint from = (guint) in[i] << 4 | in[i + 1] >> 4, count = (in[i + 1] & 15u) + 2;
      i += 2;
      if (from == self->at)
        return TRUE;
      for (; count > 0; count--, from = (from + 1) % WINDOW)
        put (self, self->window[from]);
    }
  }
  return FALSE;
}

static const char *
unpack_all (GString *out, const guint8 *data, gsize length, gsize stated, gsize max)
{
  g_autofree Unpacker *unpacker = g_new0 (Unpacker, 1);
  memcpy (unpacker->window, preset, PRESET);
  unpacker->at = PRESET;
  unpacker->out = out;
  gboolean ended = unpack (unpacker, data + HEADER, length - HEADER, max);
  if (out->len != stated)
    return ended ? "its length is not the one that it states" : "it is cut off";
  return NULL;
}

char *
pn_rtf_decompress (const guint8 *data, gsize length, gsize max, gsize *out_length, const char **damage,
                   GError **error)
{
  guint32 magic = length >= HEADER ? get32 (data + 8) : 0;
  *damage = NULL;
  if (magic != MAGIC_COMPRESSED && magic != MAGIC_PLAIN) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "it is no compressed rich text");
    return NULL;
  }
  gsize stated = get32 (data + 4), end = (gsize) get32 (data) + 4;
  if (end < HEADER || end > length)
    *damage = "it is cut off";
  else
    length = end;
  g_autoptr (GString) out = g_string_new (NULL);
  if (magic == MAGIC_PLAIN) {
    gsize size = MIN (stated, length - HEADER);
    g_string_append_len (out, (const char *) data + HEADER, (gssize) size);
    if (size < stated)
      *damage = "it is cut off";
  } else {
    const char *wrong = unpack_all (out, data, length, stated, max);
    if (!*damage)
      *damage = wrong;
    if (!*damage && checksum (data + HEADER, length - HEADER) != get32 (data + 12))
      *damage = "its checksum is wrong";
  }
  if (out->len > max) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT,
                 "the rich text is longer than %" G_GSIZE_FORMAT " bytes", max);
    return NULL;
  }
  *out_length = out->len;
  return g_string_free (g_steal_pointer (&out), FALSE);
}
