#include "convert/ical-private.h"

#include <string.h>

#define FOLD 75

/* A control character would end the line or worse. */
static gboolean
has_control (const char *line, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    if ((guchar) line[i] < ' ' && line[i] != '\t')
      return TRUE;
  }
  return FALSE;
}

static void
fold (GString *out, const char *line, gsize length)
{
  gsize room = FOLD;
  while (length > room) {
    gsize cut = room;
    while (cut > 1 && ((guchar) line[cut] & 0xc0) == 0x80)
      cut--;
    g_string_append_len (out, line, (gssize) cut);
    g_string_append_len (out, "\r\n ", 3);
    line += cut;
    length -= cut;
    room = FOLD - 1;
  }
  g_string_append_len (out, line, (gssize) length);
  g_string_append_len (out, "\r\n", 2);
}

void
pn_ical_put_line (GString *out, const char *line, gsize length)
{
  if (!has_control (line, length)) {
    fold (out, line, length);
    return;
  }
  g_autofree char *clean = g_strndup (line, length);
  for (gsize i = 0; i < length; i++) {
    if ((guchar) clean[i] < ' ' && clean[i] != '\t')
      clean[i] = ' ';
  }
  fold (out, clean, length);
}

void
pn_ical_append_text (GString *line, const char *text)
{
  for (const char *c = text; *c;) {
    gsize plain = strcspn (c, "\\;,\n\r");
    g_string_append_len (line, c, (gssize) plain);
    c += plain;
    if (*c == '\n')
      g_string_append_len (line, "\\n", 2);
    else if (*c && *c != '\r') {
      g_string_append_c (line, '\\');
      g_string_append_c (line, *c);
    }
    c += *c != '\0';
  }
}

void
pn_ical_append_parameter (GString *line, const char *value)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/+.@";
  if (*value && strspn (value, plain) == strlen (value)) {
    g_string_append (line, value);
    return;
  }
  g_string_append_c (line, '"');
  for (const char *c = value; *c; c++) {
    if (*c == '"')
      g_string_append (line, "^'");
    else if (*c == '^')
      g_string_append (line, "^^");
    else if (*c == '\n')
      g_string_append (line, "^n");
    else if ((guchar) *c >= ' ')
      g_string_append_c (line, *c);
  }
  g_string_append_c (line, '"');
}
