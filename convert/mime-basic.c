#include "convert/mime-basic.h"

#include "convert/mime-header.h"
#include "convert/text-twin.h"

#include <string.h>

enum { LINE_MAX_OCTETS = 998, GROUP = 45, TEXT_MAX = 64 * 1024 * 1024 };

/* --- uuencode --- */

typedef struct {
  PnSink *below;
  guint8 pending[GROUP];
  gsize n_pending;
} UuEncoder;

static char
uu_character (guint value)
{
  return value ? (char) (' ' + value) : '`';
}

static gboolean
write_group (UuEncoder *self, GError **error)
{
  char line[GROUP / 3 * 4 + 4];
  gsize n = 0;
  memset (self->pending + self->n_pending, 0, GROUP - self->n_pending);
  line[n++] = uu_character ((guint) self->n_pending);
  for (gsize i = 0; i < self->n_pending; i += 3) {
    const guint8 *p = self->pending + i;
    line[n++] = uu_character (p[0] >> 2);
    line[n++] = uu_character ((p[0] & 3u) << 4 | p[1] >> 4);
    line[n++] = uu_character ((p[1] & 15u) << 2 | p[2] >> 6);
    line[n++] = uu_character (p[2] & 63u);
  }
  line[n++] = '\r';
  line[n++] = '\n';
  self->n_pending = 0;
  return pn_sink_write (self->below, line, n, error);
}

static gboolean
uu_write (gpointer user, const void *data, gsize length, GError **error)
{
  UuEncoder *self = user;
  for (const guint8 *p = data; length > 0;) {
    gsize n = MIN (length, GROUP - self->n_pending);
    memcpy (self->pending + self->n_pending, p, n);
    self->n_pending += n;
    p += n;
    length -= n;
    if (self->n_pending == GROUP && !write_group (self, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
pn_uuencode (PnContent *content, const char *name, PnSink *sink, GError **error)
{
  UuEncoder encoder = { .below = sink };
  PnSink encoded = { uu_write, &encoder };
  g_autofree char *begin = g_strdup_printf ("begin 644 %s\r\n", name);
  return pn_sink_puts (sink, begin, error) && pn_content_copy (content, &encoded, error)
         && (encoder.n_pending == 0 || write_group (&encoder, error))
         && pn_sink_puts (sink, "`\r\nend\r\n", error);
}

/* --- the text --- */

static char *
read_text (PnMessage *message, gsize *length, GError **error)
{
  PnPart *plain = pn_message_get_part (message, PN_PART_TEXT);
  PnPart *html = pn_message_get_part (message, PN_PART_HTML);
  *length = 0;
  PnContent *content = plain ? plain->content : html ? html->content : NULL;
  if (!content)
    return g_strdup ("");
  g_autoptr (GBytes) bytes = pn_content_read (content, TEXT_MAX, error);
  if (!bytes)
    return NULL;
  const char *data = g_bytes_get_data (bytes, length);
  char *text = plain ? g_strndup (data ? data : "", *length) : pn_text_from_html (data ? data : "", *length);
  if (!plain)
    *length = strlen (text);
  return text;
}

/* What CHARSET lacks is written as the C library transliterates it, or as '?'. */
static char *
to_charset (PnMessage *message, const char *text, gsize length, const char *charset, gsize *out_length)
{
  if (!charset)
    charset = "US-ASCII";
  g_autofree char *translit = g_strconcat (charset, "//TRANSLIT", NULL);
  char *exact = g_convert (text, (gssize) length, charset, "UTF-8", NULL, out_length, NULL);
  if (exact)
    return exact;
  pn_message_add_loss (message, "text", "characters that %s lacks were written with others", charset);
  char *near = g_convert (text, (gssize) length, translit, "UTF-8", NULL, out_length, NULL);
  if (near)
    return near;
  near = g_convert_with_fallback (text, (gssize) length, charset, "UTF-8", "?", NULL, out_length, NULL);
  if (near)
    return near;
  *out_length = length;
  return g_memdup2 (text, length + 1);
}

/* Lines end in CRLF; one that is too long is divided, at a blank if it has one. */
static gboolean
write_lines (const char *text, gsize length, PnSink *sink, GError **error)
{
  for (const char *p = text, *end = text + length; p < end;) {
    const char *newline = memchr (p, '\n', (gsize) (end - p));
    gsize n = (gsize) ((newline ? newline : end) - p), skip = newline ? 1 : 0;
    if (n > LINE_MAX_OCTETS) {
      n = LINE_MAX_OCTETS;
      while (n > LINE_MAX_OCTETS / 2 && p[n] != ' ')
        n--;
      skip = p[n] == ' ' ? 1 : 0;
      if (!skip)
        n = LINE_MAX_OCTETS;
    }
    gsize shown = n > 0 && skip && p[n - 1] == '\r' ? n - 1 : n;
    if (!pn_sink_write (sink, p, shown, error) || !pn_sink_write (sink, "\r\n", 2, error))
      return FALSE;
    p += n + skip;
  }
  return TRUE;
}

/* --- files --- */

static const char *
default_name (const PnPart *part)
{
  switch (part->role) {
  case PN_PART_HTML:
    return "TEXT.htm";
  case PN_PART_CALENDAR:
    return "calendar.ics";
  default:
    return g_str_equal (part->type, "message/rfc822") ? "message.eml" : "attachment.bin";
  }
}

/* In ASCII and without blanks, which many readers of uuencode take for the end of the name. */
static char *
file_name (const PnPart *part)
{
  gboolean changed;
  g_autofree char *clean = part->name ? pn_header_clean_file_name (part->name, &changed) : NULL;
  char *name = g_str_to_ascii (clean ? clean : default_name (part), "C");
  for (char *p = name; *p; p++)
    if (!g_ascii_isgraph (*p))
      *p = '_';
  return name;
}

static gboolean
is_file (const PnPart *part)
{
  return part->role != PN_PART_TEXT && part->role != PN_PART_SKELETON && part->content;
}

gboolean
pn_mime_basic_write (PnMessage *message, const char *charset, PnSink *sink, GError **error)
{
  gsize length, encoded_length;
  g_autofree char *text = read_text (message, &length, error);
  if (!text)
    return FALSE;
  g_autofree char *encoded = to_charset (message, text, length, charset, &encoded_length);
  if (!write_lines (encoded, encoded_length, sink, error))
    return FALSE;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    if (!is_file (part))
      continue;
    g_autofree char *name = file_name (part);
    if (!pn_sink_puts (sink, "\r\n", error) || !pn_uuencode (part->content, name, sink, error))
      return FALSE;
  }
  return TRUE;
}
