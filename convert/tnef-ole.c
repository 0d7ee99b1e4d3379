/* Objects of other programs: the file in a package, the document in a compound file, a picture. */
#include "convert/tnef-private.h"

#include <string.h>

enum {
  CFB_HEADER = 512,
  CFB_DIFAT_IN_HEADER = 109,
  CFB_ENTRY = 128,
  CFB_END = 0xFFFFFFFA, /* from here on a number is no sector */
  MAX_NAME = 1000
};

#define OLE1_VERSION 0x0501u

/* --- what bytes are
 * -------------------------------------------------------------------------------------------
 */

static gboolean
holds (const guint8 *data, gsize length, const char *text)
{
  return memmem (data, MIN (length, 8192), text, strlen (text)) != NULL;
}

/* The extension of a file by its first bytes, NULL if they are not known. */
static const char *
find_extension (const guint8 *data, gsize length)
{
  static const struct {
    const char *magic;
    guint length;
    const char *extension;
  } kinds[] = { { "BM", 2, "bmp" },    { "\x89PNG", 4, "png" },
                { "GIF8", 4, "gif" },  { "\xFF\xD8\xFF", 3, "jpg" },
                { "%PDF", 4, "pdf" },  { "{\\rtf", 5, "rtf" },
                { "II*\0", 4, "tif" }, { "\xD7\xCD\xC6\x9A", 4, "wmf" },
                { "RIFF", 4, "wav" } };
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (length > kinds[i].length && memcmp (data, kinds[i].magic, kinds[i].length) == 0)
      return kinds[i].extension;
  if (!data || length < 4 || memcmp (data, "PK\3\4", 4) != 0)
    return NULL;
  return holds (data, length, "word/")               ? "docx"
         : holds (data, length, "xl/")               ? "xlsx"
         : holds (data, length, "ppt/")              ? "pptx"
         : holds (data, length, "opendocument.text") ? "odt"
                                                     : "zip";
}

static gboolean
is_compound (const guint8 *data, gsize length)
{
  static const guint8 magic[] = { 0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1 };
  return length >= CFB_HEADER && memcmp (data, magic, sizeof magic) == 0;
}

/* --- the native data of a package ------------------------------------------------------------------------
 */

typedef struct {
  const guint8 *p;
  gsize left;
} Cursor;

static gboolean
skip (Cursor *self, gsize n)
{
  if (n > self->left)
    return FALSE;
  self->p += n;
  self->left -= n;
  return TRUE;
}

/* A text that ends with a NUL. */
static const guint8 *
take_text (Cursor *self, gsize *length)
{
  const guint8 *text = self->p, *end = memchr (text, '\0', MIN (self->left, MAX_NAME));
  if (self->left == 0 || !end)
    return NULL;
  *length = (gsize) (end - text);
  skip (self, *length + 1);
  return text;
}

static gboolean
take_number (Cursor *self, guint32 *number)
{
  if (self->left < 4)
    return FALSE;
  *number = pn_tnef_get32 (self->p);
  return skip (self, 4);
}

/* Label, path, how it is kept, the path it had while it was sent, and the bytes. */
static gboolean
read_package (PnTnef *tnef, const guint8 *data, gsize length, PnTnefOle *out)
{
  Cursor cursor = { data, length };
  gsize label_length, path_length;
  guint32 kind, size;
  if (length < 2 || pn_tnef_get16 (data) != 2 || !skip (&cursor, 2))
    return FALSE;
  const guint8 *label = take_text (&cursor, &label_length);
  const guint8 *path = label ? take_text (&cursor, &path_length) : NULL;
  /* of a link only the path is there */
  if (!path || !take_number (&cursor, &kind) || kind >> 16 != 3 || !take_number (&cursor, &size)
      || !skip (&cursor, size) || !take_number (&cursor, &size))
    return FALSE;
  out->data = cursor.p;
  out->length = MIN (size, cursor.left);
  out->name = pn_tnef_oem_text (tnef, label_length > 0 ? label : path,
                                label_length > 0 ? label_length : path_length);
  return TRUE;
}

static gboolean
read_native (PnTnef *tnef, const guint8 *data, gsize length, PnTnefOle *out)
{
  if (read_package (tnef, data, length, out))
    return TRUE;
  out->extension = find_extension (data, length);
  out->data = data;
  out->length = length;
  return out->extension != NULL;
}

/* --- compound files (MS-CFB) -----------------------------------------------------------------------------
 */

typedef struct {
  const guint8 *data;
  gsize length, sector;
  guint32 cutoff, n_sectors;
  GArray *table; /* guint32: the sectors that hold the table of sectors */
  GByteArray *directory, *mini_table, *mini;
} Compound;

static const guint8 *
sector_at (const Compound *self, guint32 number)
{
  return number < self->n_sectors ? self->data + ((gsize) number + 1) * self->sector : NULL;
}

static guint32
next_sector (const Compound *self, guint32 number)
{
  guint32 per_sector = (guint32) (self->sector / 4);
  if (number / per_sector >= self->table->len)
    return CFB_END;
  const guint8 *p = sector_at (self, g_array_index (self->table, guint32, number / per_sector));
  return p ? pn_tnef_get32 (p + 4 * (number % per_sector)) : CFB_END;
}

/* The sectors from FIRST on, SIZE bytes at most.  No more sectors than there are: chains may be rings. */
static GByteArray *
read_chain (const Compound *self, guint32 first, gsize size)
{
  GByteArray *out = g_byte_array_new ();
  const guint8 *p;
  for (guint32 n = 0; n < self->n_sectors && out->len < size && (p = sector_at (self, first)); n++) {
    g_byte_array_append (out, p, (guint) MIN (self->sector, size - out->len));
    first = next_sector (self, first);
  }
  return out;
}

static void
read_table (Compound *self)
{
  guint32 extra = pn_tnef_get32 (self->data + 68), per_sector = (guint32) (self->sector / 4);
  for (guint i = 0; i < CFB_DIFAT_IN_HEADER; i++) {
    guint32 number = pn_tnef_get32 (self->data + 76 + 4 * i);
    if (number >= self->n_sectors)
      return;
    g_array_append_val (self->table, number);
  }
  const guint8 *p;
  for (guint32 n = 0; n < self->n_sectors / per_sector && (p = sector_at (self, extra)); n++) {
    for (guint32 i = 0; i + 1 < per_sector; i++) {
      guint32 number = pn_tnef_get32 (p + 4 * i);
      if (number >= self->n_sectors)
        return;
      g_array_append_val (self->table, number);
    }
    extra = pn_tnef_get32 (p + 4 * (per_sector - 1));
  }
}

static gboolean
open_compound (Compound *self)
{
  guint shift = pn_tnef_get16 (self->data + 30);
  if ((shift != 9 && shift != 12) || pn_tnef_get16 (self->data + 32) != 6)
    return FALSE;
  self->sector = (gsize) 1 << shift;
  self->cutoff = pn_tnef_get32 (self->data + 56);
  /* The last sector may be cut short by programs that do not fill it up; then it is not read. */
  self->n_sectors = (guint32) (self->length / self->sector);
  self->n_sectors -= MIN (self->n_sectors, 1);
  read_table (self);
  self->directory = read_chain (self, pn_tnef_get32 (self->data + 48), G_MAXUINT32);
  self->mini_table = read_chain (self, pn_tnef_get32 (self->data + 60), G_MAXUINT32);
  if (self->directory->len < CFB_ENTRY)
    return FALSE;
  const guint8 *root = self->directory->data;
  self->mini = read_chain (self, pn_tnef_get32 (root + 116), pn_tnef_get32 (root + 120));
  return TRUE;
}

static void
clear_compound (Compound *self)
{
  g_array_unref (self->table);
  g_clear_pointer (&self->directory, g_byte_array_unref);
  g_clear_pointer (&self->mini_table, g_byte_array_unref);
  g_clear_pointer (&self->mini, g_byte_array_unref);
}

/* The entry of the stream called NAME, or NULL. */
static const guint8 *
find_stream (const Compound *self, const char *name)
{
  gsize length = strlen (name);
  for (guint at = CFB_ENTRY; at + CFB_ENTRY <= self->directory->len; at += CFB_ENTRY) {
    const guint8 *entry = self->directory->data + at;
    gboolean same = entry[66] == 2 && pn_tnef_get16 (entry + 64) == 2 * (length + 1);
    for (gsize i = 0; same && i < length; i++)
      same = g_ascii_tolower ((char) entry[2 * i]) == g_ascii_tolower (name[i]) && entry[2 * i + 1] == 0;
    if (same)
      return entry;
  }
  return NULL;
}

static GByteArray *
read_stream (const Compound *self, const guint8 *entry)
{
  enum { MINI = 64 };
  guint32 first = pn_tnef_get32 (entry + 116), size = pn_tnef_get32 (entry + 120);
  if (size >= self->cutoff)
    return read_chain (self, first, size);
  GByteArray *out = g_byte_array_new ();
  while (out->len < size && (gsize) first * MINI + MINI <= self->mini->len && out->len <= self->mini->len) {
    g_byte_array_append (out, self->mini->data + (gsize) first * MINI, MIN (MINI, size - out->len));
    first = (gsize) first * 4 + 4 <= self->mini_table->len
                ? pn_tnef_get32 (self->mini_table->data + (gsize) first * 4)
                : CFB_END;
  }
  return out;
}

/* A document that is a compound file itself. */
static const char *
find_document (const Compound *self)
{
  static const char *const documents[][2] = {
    { "WordDocument", "doc" },        { "Workbook", "xls" },      { "Book", "xls" },
    { "PowerPoint Document", "ppt" }, { "VisioDocument", "vsd" }, { "__properties_version1.0", "msg" }
  };
  for (guint i = 0; i < G_N_ELEMENTS (documents); i++)
    if (find_stream (self, documents[i][0]))
      return documents[i][1];
  return NULL;
}

static gboolean
read_object (PnTnef *tnef, const Compound *self, PnTnefOle *out)
{
  static const char *const streams[] = { "\1Ole10Native", "Package", "CONTENTS", "EmbeddedOdf" };
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++) {
    const guint8 *entry = find_stream (self, streams[i]);
    g_autoptr (GByteArray) stream = entry ? read_stream (self, entry) : NULL;
    if (!stream || stream->len == 0 || !pn_tnef_spend (tnef, stream->len))
      continue;
    gsize head = i == 0 ? MIN (stream->len, 4) : 0;
    if (!read_native (tnef, stream->data + head, stream->len - head, out))
      continue;
    out->bytes = g_bytes_new (out->data, out->length);
    return TRUE;
  }
  return FALSE;
}

static gboolean
read_compound (PnTnef *tnef, const guint8 *data, gsize length, PnTnefOle *out)
{
  Compound compound = { .data = data, .length = length };
  compound.table = g_array_new (FALSE, FALSE, sizeof (guint32));
  gboolean found = open_compound (&compound);
  out->extension = found ? find_document (&compound) : NULL;
  if (out->extension) {
    out->data = data;
    out->length = length;
  } else {
    found = found && read_object (tnef, &compound, out);
  }
  clear_compound (&compound);
  return found;
}

/* --- objects of the first kind (MS-OLEDS) ------------------------------------------------------------------
 */

/* A text behind its length. */
static gboolean
skip_counted (Cursor *self, const guint8 **text, guint32 *length)
{
  if (!take_number (self, length))
    return FALSE;
  *text = self->p;
  return skip (self, *length);
}

static gboolean
read_first_kind (PnTnef *tnef, const guint8 *data, gsize length, PnTnefOle *out)
{
  enum { LINKED = 1, EMBEDDED = 2, PRESENTATION = 5, METAFILE_HEAD = 8 };
  Cursor cursor = { data, length };
  const guint8 *name, *topic, *item;
  guint32 version, format, name_length, topic_length, item_length, size;
  if (!take_number (&cursor, &version) || (version & 0xFFFF) != OLE1_VERSION
      || !take_number (&cursor, &format) || !skip_counted (&cursor, &name, &name_length))
    return FALSE;
  if (format == PRESENTATION) {
    if (name_length < 12 || memcmp (name, "METAFILEPICT", 12) != 0 || !skip (&cursor, 8)
        || !take_number (&cursor, &size) || size <= METAFILE_HEAD || !skip (&cursor, METAFILE_HEAD))
      return FALSE;
    *out = (PnTnefOle){ .extension = "wmf", .data = cursor.p };
    out->length = MIN (size - METAFILE_HEAD, cursor.left);
    return TRUE;
  }
  if (!skip_counted (&cursor, &topic, &topic_length) || !skip_counted (&cursor, &item, &item_length))
    return FALSE;
  if (format == LINKED) {
    out->link = pn_tnef_oem_text (tnef, topic, topic_length);
    return TRUE;
  }
  if (format != EMBEDDED || !take_number (&cursor, &size))
    return FALSE;
  size = (guint32) MIN (size, cursor.left);
  return is_compound (cursor.p, size) ? read_compound (tnef, cursor.p, size, out)
                                      : read_native (tnef, cursor.p, size, out);
}

void
pn_tnef_ole_clear (PnTnefOle *self)
{
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->link, g_free);
  g_clear_pointer (&self->bytes, g_bytes_unref);
}

gboolean
pn_tnef_ole_read (PnTnef *tnef, const guint8 *data, gsize length, PnTnefOle *out)
{
  *out = (PnTnefOle){ 0 };
  if (is_compound (data, length) ? read_compound (tnef, data, length, out)
                                 : read_first_kind (tnef, data, length, out))
    return TRUE;
  pn_tnef_ole_clear (out);
  return FALSE;
}
