#include "convert/mime-damage.h"

#include "convert/mime-header.h"

#include <string.h>

gboolean
pn_mime_has_odd_name (const char *line, gsize length)
{
  gsize i = 0;

  while (i < length && (guint8) line[i] > ' ' && line[i] != ':')
    i++;
  return i < length && line[i] == ':';
}

static gboolean
is_known_field (const char *name, gsize length)
{
  static const char *const known[] = { "from",
                                       "to",
                                       "cc",
                                       "subject",
                                       "date",
                                       "sender",
                                       "reply-to",
                                       "received",
                                       "return-path",
                                       "message-id",
                                       "mime-version",
                                       "in-reply-to",
                                       "references",
                                       "content-type",
                                       "content-transfer-encoding",
                                       "content-disposition",
                                       "content-id" };

  if (length > 2 && g_ascii_strncasecmp (name, "x-", 2) == 0)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (strlen (known[i]) == length && g_ascii_strncasecmp (name, known[i], length) == 0)
      return TRUE;
  return FALSE;
}

gboolean
pn_mime_header_goes_on (const guint8 *header, gsize at, gsize got, guint wanted)
{
  const char *p = (const char *) header + at,
             *end = (const char *) header + MIN (got, at + PN_MIME_LOOK_AHEAD);
  guint strays = 0;

  for (guint lines = 0; p < end && lines < 64 && strays < 4; lines++) {
    const char *next = pn_next_line (p, end);
    gsize name_length, value;
    if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
      return FALSE;
    if (pn_header_is_field (p, next - p, &name_length, &value)) {
      if (is_known_field (p, name_length) && --wanted == 0)
        return TRUE;
    } else if (*p != ' ' && *p != '\t') {
      strays++;
    }
    p = next;
  }
  return FALSE;
}

gsize
pn_mime_skip_blank_lines (const guint8 *header, gsize at, gsize got)
{
  gsize limit = MIN (got, at + PN_MIME_LOOK_AHEAD);

  while (at < limit && (header[at] == '\r' || header[at] == '\n'))
    at++;
  return at;
}

typedef enum {
  LINE_PACKED, /* one word of whole groups, as base64 has them */
  LINE_PLAIN,  /* what base64 never has */
  LINE_ANY
} TextLine;

/* What the line from P to END is, which neither begins nor ends with a blank.  Blanks between words of whole
 * groups may be what a gateway made of line ends. */
static TextLine
judge_text_line (const char *p, const char *end)
{
  gsize word = 0;
  gboolean blanks = FALSE, groups = TRUE;

  for (; p < end; p++) {
    if (*p == ' ' || *p == '\t') {
      groups = groups && word % 4 == 0;
      blanks = TRUE;
      word = 0;
    } else if (g_ascii_isalnum (*p) || strchr ("+/=-_", *p) != NULL) {
      word++;
    } else {
      return LINE_PLAIN;
    }
  }
  groups = groups && word % 4 == 0;
  if (blanks)
    return groups ? LINE_ANY : LINE_PLAIN;
  return groups ? LINE_PACKED : LINE_ANY;
}

gboolean
pn_mime_is_no_base64 (const char *text, gsize length)
{
  const char *p = text, *end = text + length;
  guint lines = 0, plain = 0;

  while (p < end && lines < 8) {
    const char *lf = memchr (p, '\n', end - p), *stop = lf != NULL ? lf : end;
    const char *next = lf != NULL ? lf + 1 : end;
    while (stop > p && g_ascii_isspace (stop[-1]))
      stop--;
    while (p < stop && g_ascii_isspace (*p))
      p++;
    if (p < stop) {
      TextLine line = judge_text_line (p, stop);
      if (lines == 0 && line == LINE_PACKED)
        return FALSE;
      lines++;
      plain += line == LINE_PLAIN;
    }
    p = next;
  }
  return plain * 2 > lines;
}
