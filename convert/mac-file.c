#include "convert/mac-file.h"

#include <string.h>

#include "convert/charset.h"

void
pn_mac_file_clear (PnMacFile *self)
{
  g_free (self->name);
  g_clear_pointer (&self->data, g_bytes_unref);
  memset (self, 0, sizeof *self);
}

const char *
pn_mac_type_of (const char *kind)
{
  static const struct {
    const char *kind, *type;
  } kinds[] = { { "TEXT", "text/plain" },
                { "ttro", "text/plain" },
                { "JPEG", "image/jpeg" },
                { "GIFf", "image/gif" },
                { "PNGf", "image/png" },
                { "PNG ", "image/png" },
                { "TIFF", "image/tiff" },
                { "PICT", "image/x-pict" },
                { "BMPf", "image/bmp" },
                { "PDF ", "application/pdf" },
                { "EPSF", "application/postscript" },
                { "W6BN", "application/msword" },
                { "W8BN", "application/msword" },
                { "WDBN", "application/msword" },
                { "XLS ", "application/vnd.ms-excel" },
                { "XLS5", "application/vnd.ms-excel" },
                { "XLS8", "application/vnd.ms-excel" },
                { "SLD3", "application/vnd.ms-powerpoint" },
                { "SLD8", "application/vnd.ms-powerpoint" },
                { "PPT3", "application/vnd.ms-powerpoint" },
                { "SIT!", "application/x-stuffit" },
                { "SITD", "application/x-stuffit" },
                { "SIT5", "application/x-stuffit" },
                { "ZIP ", "application/zip" },
                { "MooV", "video/quicktime" },
                { "MPEG", "video/mpeg" },
                { "Mp3 ", "audio/mpeg" },
                { "AIFF", "audio/x-aiff" },
                { "WAVE", "audio/wav" } };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].kind, kind) == 0)
      return kinds[i].type;
  return NULL;
}

static void
read_kind (const guint8 *bytes, char kind[5])
{
  memcpy (kind, bytes, 4);
  kind[4] = '\0';
  for (guint i = 0; i < 4; i++)
    if (kind[i] < ' ' || kind[i] > '~') {
      kind[0] = '\0';
      return;
    }
}

static char *
read_mac_name (const guint8 *bytes, gsize length)
{
  while (length > 0 && bytes[length - 1] == '\0')
    length--;
  if (length == 0)
    return NULL;
  gsize n;
  char *name = pn_charset_decode (bytes, length, "macintosh", NULL, FALSE, &n, NULL);
  /* What parts a path there is ':'. */
  g_strdelimit (name, "/", ':');
  return name;
}

static guint32
read_32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | p[3];
}

static guint
read_16 (const guint8 *p)
{
  return (guint) p[0] << 8 | p[1];
}

/* BinHex. */

static const char notice[] = "(This file must be converted with BinHex";

gboolean
pn_binhex_find (const char *text, gsize length, gsize *begin, gsize *end)
{
  const char *stop = text + length, *p = memmem (text, length, notice, sizeof notice - 1);

  *end = length;
  if (p == NULL)
    return FALSE;
  const char *line = memrchr (text, '\n', (gsize) (p - text));
  *begin = (gsize) ((line != NULL ? line + 1 : text) - text);
  p = memchr (p, '\n', (gsize) (stop - p));
  while (p != NULL && p < stop && g_ascii_isspace (*p))
    p++;
  if (p == NULL || p == stop)
    return FALSE;
  *end = (gsize) (p - text);
  const char *colon = *p == ':' ? memchr (p + 1, ':', (gsize) (stop - p - 1)) : NULL;
  if (colon == NULL) {
    *end = *p == ':' ? length : *end;
    return FALSE;
  }
  for (p = colon + 1; p < stop && (*p == ' ' || *p == '\r'); p++)
    ;
  *end = (gsize) (p < stop && *p == '\n' ? p + 1 : colon + 1) - (gsize) text;
  return TRUE;
}

typedef struct {
  GByteArray *out;
  gsize max;
  guint32 bits;
  guint n_bits;
  gboolean mark; /* the mark of a run came */
} Unpacker;

/* A byte of what is run-length coded.  NULL or what is wrong. */
static const char *
unpack (Unpacker *self, guint8 byte)
{
  guint8 run[255];
  guint n = 1;

  if (self->mark) {
    self->mark = FALSE;
    if (byte == 0) {
      byte = 0x90;
    } else {
      if (self->out->len == 0)
        return "it begins with the mark of a run";
      n = byte - 1u;
      byte = self->out->data[self->out->len - 1];
    }
  } else if (byte == 0x90) {
    self->mark = TRUE;
    return NULL;
  }
  if (self->out->len + n > self->max)
    return "it is too large";
  memset (run, byte, n);
  g_byte_array_append (self->out, run, n);
  return NULL;
}

static const char *
decode_binhex (const char *text, gsize length, Unpacker *self)
{
  static const char alphabet[] = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
  gint8 values[256];

  memset (values, -1, sizeof values);
  for (gint8 i = 0; i < 64; i++)
    values[(guint8) alphabet[i]] = i;
  for (gsize i = 1; i < length && text[i] != ':'; i++) {
    gint8 value = values[(guint8) text[i]];
    if (g_ascii_isspace (text[i]))
      continue;
    if (value < 0)
      return "it holds a character that is none of BinHex";
    self->bits = self->bits << 6 | (guint8) value;
    self->n_bits += 6;
    if (self->n_bits < 8)
      continue;
    self->n_bits -= 8;
    const char *wrong = unpack (self, (guint8) (self->bits >> self->n_bits));
    if (wrong != NULL)
      return wrong;
  }
  return NULL;
}

static guint
crc_16 (const guint8 *data, gsize length)
{
  static const guint16 nibbles[16] = { 0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
                                       0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF };
  guint crc = 0;

  for (gsize i = 0; i < length; i++) {
    crc = (crc << 4 ^ nibbles[(crc >> 12 ^ data[i] >> 4) & 15]) & 0xFFFF;
    crc = (crc << 4 ^ nibbles[(crc >> 12 ^ data[i]) & 15]) & 0xFFFF;
  }
  return crc;
}

/* Header, data fork, resource fork; each followed by its checksum. */
static const char *
read_forks (GBytes *bytes, PnMacFile *file)
{
  gsize size;
  const guint8 *p = g_bytes_get_data (bytes, &size);
  gsize name_length = size > 0 ? p[0] : 0, header = name_length + 20;

  if (size == 0 || name_length == 0 || name_length > 63 || size < header + 2)
    return "its header is damaged";
  if (crc_16 (p, header) != read_16 (p + header))
    return "the checksum of its header is wrong";
  const guint8 *fields = p + 1 + name_length + 1;
  guint64 data = read_32 (fields + 10), resource = read_32 (fields + 14), at = header + 2;
  if (data + 2 > size - at)
    return "its end is missing";
  if (crc_16 (p + at, data) != read_16 (p + at + data))
    return "the checksum of its data is wrong";
  file->name = read_mac_name (p + 1, name_length);
  read_kind (fields, file->kind);
  file->resource = resource;
  file->data = g_bytes_new_from_bytes (bytes, at, data);
  return NULL;
}

const char *
pn_binhex_read (const char *text, gsize length, gsize max, PnMacFile *file)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  Unpacker unpacker = { .out = out, .max = max };

  memset (file, 0, sizeof *file);
  if (length == 0 || text[0] != ':')
    return "it does not begin as BinHex does";
  const char *wrong = decode_binhex (text, length, &unpacker);
  if (wrong != NULL)
    return wrong;
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&out));
  return read_forks (bytes, file);
}

/* AppleSingle and AppleDouble. */

enum { ENTRY_DATA = 1, ENTRY_RESOURCE = 2, ENTRY_NAME = 3, ENTRY_FINDER = 9, MAX_ENTRIES = 100 };

const char *
pn_apple_read (GBytes *bytes, PnMacFile *file)
{
  gsize size;
  const guint8 *p = g_bytes_get_data (bytes, &size);

  memset (file, 0, sizeof *file);
  if (size < 26 || (read_32 (p) != 0x00051600 && read_32 (p) != 0x00051607))
    return "it does not begin as it should";
  gboolean single = read_32 (p) == 0x00051600;
  guint n = MIN (read_16 (p + 24), MAX_ENTRIES);
  for (guint i = 0; i < n && 26 + 12 * ((gsize) i + 1) <= size; i++) {
    const guint8 *entry = p + 26 + 12 * (gsize) i;
    gsize offset = read_32 (entry + 4), length = read_32 (entry + 8);
    guint32 id = read_32 (entry);
    if (id == ENTRY_RESOURCE)
      file->resource = length;
    if (offset > size || length > size - offset) {
      if (id != ENTRY_DATA)
        continue;
      pn_mac_file_clear (file);
      return "the end of its data is missing";
    }
    if (id == ENTRY_NAME && file->name == NULL)
      file->name = read_mac_name (p + offset, MIN (length, 255));
    else if (id == ENTRY_FINDER && length >= 4)
      read_kind (p + offset, file->kind);
    else if (id == ENTRY_DATA && single && file->data == NULL)
      file->data = g_bytes_new_from_bytes (bytes, offset, length);
  }
  return NULL;
}
