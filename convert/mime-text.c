#include "convert/mime-reader.h"

#include "convert/charset.h"

#include <string.h>

/* CRLF and CR to LF, in place.  Returns the new length. */
static gsize
make_unix_lines (char *text, gsize length)
{
  const char *p = memchr (text, '\r', length), *end = text + length;

  if (p == NULL)
    return length;
  char *to = text + (p - text);
  while (p < end) {
    /* P is at a CR. */
    *to++ = '\n';
    p++;
    if (p < end && *p == '\n')
      p++;
    const char *next = memchr (p, '\r', end - p);
    gsize run = (next != NULL ? next : end) - p;
    memmove (to, p, run);
    to += run;
    p += run;
  }
  *to = '\0';
  return to - text;
}

/* One line of a flowed text: how deep it is quoted and what it says. */
typedef struct {
  guint depth;
  const char *text;
  gsize length;
  gboolean flows;
} FlowedLine;

static const char *
read_flowed_line (const char *p, const char *end, FlowedLine *line)
{
  const char *lf = memchr (p, '\n', end - p), *stop = lf != NULL ? lf : end;

  line->depth = 0;
  while (p < stop && *p == '>')
    p++, line->depth++;
  if (p < stop && *p == ' ')
    p++; /* stuffed */
  line->text = p;
  line->length = stop - p;
  gboolean signature = line->length == 3 && memcmp (p, "-- ", 3) == 0;
  line->flows = line->length > 0 && p[line->length - 1] == ' ' && !signature;
  return lf != NULL ? lf + 1 : end;
}

char *
pn_mime_unflow (const char *text, gsize length, gboolean delsp, gsize *out_length)
{
  GString *out = g_string_sized_new (length + 1);
  const char *p = text, *end = text + length;
  gboolean flowing = FALSE;
  guint depth = 0;

  while (p < end) {
    const char *start = p;
    FlowedLine line;
    p = read_flowed_line (p, end, &line);
    /* A change of depth ends a paragraph, whatever the line before promised (RFC 3676 4.5). */
    if (flowing && (line.depth != depth || (line.length == 3 && memcmp (line.text, "-- ", 3) == 0))) {
      g_string_append_c (out, '\n');
      flowing = FALSE;
    }
    if (!flowing && line.depth > 0) {
      for (guint i = 0; i < line.depth; i++)
        g_string_append_c (out, '>');
      if (line.length > 0)
        g_string_append_c (out, ' ');
    }
    g_string_append_len (out, line.text, line.length);
    if (line.flows && delsp)
      g_string_truncate (out, out->len - 1);
    flowing = line.flows;
    depth = line.depth;
    if (!flowing && (p < end || start[p - start - 1] == '\n'))
      g_string_append_c (out, '\n');
  }
  if (flowing && length > 0 && end[-1] == '\n')
    g_string_append_c (out, '\n');
  *out_length = out->len;
  return g_string_free (out, FALSE);
}

/* The decoded bytes of an entity; *OWNED (to be unreferenced) keeps them unless they lie in the source. */
static gboolean
get_bytes (PnMimeReader *self, guint index, const guint8 **bytes, gsize *length, GBytes **owned,
           GError **error)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  *owned = NULL;
  if (entity->encoding == PN_ENCODING_NONE && self->source->data != NULL) {
    *length = entity->body_length;
    *bytes = self->source->data + entity->body_offset;
    return TRUE;
  }
  *owned = pn_mime_reader_bytes (self, index, PN_MIME_MAX_TEXT, error);
  if (*owned != NULL)
    *bytes = g_bytes_get_data (*owned, length);
  return *owned != NULL;
}

static void
report_charset (PnMimeReader *self, guint index, const char *declared, const PnCharsetResult *result)
{
  if (result->invalid > 0)
    pn_mime_reader_add_loss (self, index,
                             "characters could not be read as %s and were replaced (%" G_GSIZE_FORMAT ")",
                             result->charset, result->invalid);
  if (result->nuls > 0)
    pn_mime_reader_add_loss (self, index, "NUL characters were left out of the text (%" G_GSIZE_FORMAT ")",
                             result->nuls);
  if (result->guessed && declared != NULL)
    pn_mime_reader_add_loss (self, index, "its charset \"%.60s\" is not what it is in; read as %s", declared,
                             result->charset);
}

char *
pn_mime_read_text (PnMimeReader *self, guint index, gboolean unix_lines, gsize *length, char **charset,
                   GError **error)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  const PnHeaderParams *type = pn_mime_reader_type (self, index);
  const char *declared = pn_header_params_get (type, "charset");
  gboolean html = strcmp (entity->type, "text/html") == 0;
  g_autoptr (GBytes) owned = NULL;
  PnCharsetResult result;
  const guint8 *bytes;
  gsize n;

  if (!get_bytes (self, index, &bytes, &n, &owned, error))
    return NULL;
  if (strcmp (entity->type, "text/plain") == 0) {
    GBytes *rest = pn_mime_take_files (self, index, (const char *) bytes, n, owned);
    if (rest != NULL) {
      g_clear_pointer (&owned, g_bytes_unref);
      owned = rest;
      bytes = g_bytes_get_data (owned, &n);
    }
  }
  const char *site = self->options->site_charset;
  char *text = pn_charset_decode (bytes, n, declared, site, html, length, &result);
  report_charset (self, index, declared, &result);
  *charset = g_strdup (result.charset);
  if (!unix_lines)
    return text;
  *length = make_unix_lines (text, *length);
  const char *format = pn_header_params_get (type, "format");
  if (html || format == NULL || g_ascii_strcasecmp (format, "flowed") != 0)
    return text;
  const char *delsp = pn_header_params_get (type, "delsp");
  char *plain
      = pn_mime_unflow (text, *length, delsp != NULL && g_ascii_strcasecmp (delsp, "yes") == 0, length);
  g_free (text);
  return plain;
}

char *
pn_mime_read_calendar (PnMimeReader *self, guint index, gsize *length, char **charset, GError **error)
{
  const char *declared = pn_header_params_get (pn_mime_reader_type (self, index), "charset");
  g_autoptr (GBytes) owned = NULL;
  const guint8 *bytes;
  char name[64] = "";

  if (!get_bytes (self, index, &bytes, length, &owned, error))
    return NULL;
  gboolean other = declared != NULL && pn_charset_find (declared, name) && strcmp (name, "utf-8") != 0
                   && strcmp (name, "us-ascii") != 0;
  gboolean wide = *length >= 2 && bytes[0] >= 0xFE && bytes[1] >= 0xFE;
  if (other || wide || (*length > 0 && memchr (bytes, 0x1B, *length) != NULL))
    return pn_mime_read_text (self, index, FALSE, length, charset, error);
  if (*length >= 3 && memcmp (bytes, "\xEF\xBB\xBF", 3) == 0) {
    bytes += 3;
    *length -= 3;
  }
  gboolean ascii = pn_charset_is_ascii (bytes, *length);
  *charset = g_strdup (ascii && (declared == NULL || strcmp (name, "utf-8") != 0) ? "us-ascii" : "utf-8");
  char *text = g_malloc (*length + 1);
  if (*length > 0)
    memcpy (text, bytes, *length);
  text[*length] = '\0';
  return text;
}
