#include "convert/text-twin.h"

#include <string.h>

/* --- HTML to text ------------------------------------------------------------------------------------- */

typedef enum {
  TAG_OTHER,
  TAG_LINE,      /* ends the line */
  TAG_PARAGRAPH, /* stands apart by an empty line */
  TAG_ITEM,
  TAG_CELL,
  TAG_RULE,
  TAG_BREAK,
  TAG_QUOTE,
  TAG_PRE,
  TAG_LINK,
  TAG_IMAGE,
  TAG_SKIP /* its content is not shown */
} Tag;

static const struct {
  const char *name;
  Tag tag;
} tags[] = {
  { "a", TAG_LINK },       { "address", TAG_LINE }, { "article", TAG_PARAGRAPH }, { "blockquote", TAG_QUOTE },
  { "br", TAG_BREAK },     { "dd", TAG_LINE },      { "div", TAG_LINE },          { "dl", TAG_PARAGRAPH },
  { "dt", TAG_LINE },      { "footer", TAG_LINE },  { "form", TAG_LINE },         { "h1", TAG_PARAGRAPH },
  { "h2", TAG_PARAGRAPH }, { "h3", TAG_PARAGRAPH }, { "h4", TAG_PARAGRAPH },      { "h5", TAG_PARAGRAPH },
  { "h6", TAG_PARAGRAPH }, { "head", TAG_SKIP },    { "header", TAG_LINE },       { "hr", TAG_RULE },
  { "img", TAG_IMAGE },    { "li", TAG_ITEM },      { "ol", TAG_LINE },           { "p", TAG_PARAGRAPH },
  { "pre", TAG_PRE },      { "script", TAG_SKIP },  { "section", TAG_PARAGRAPH }, { "style", TAG_SKIP },
  { "table", TAG_LINE },   { "td", TAG_CELL },      { "template", TAG_SKIP },     { "textarea", TAG_LINE },
  { "th", TAG_CELL },      { "title", TAG_SKIP },   { "tr", TAG_LINE },           { "ul", TAG_LINE },
};

static const struct {
  const char *name;
  gunichar character;
} entities[] = {
  { "AElig", 0xc6 },   { "Aacute", 0xc1 },  { "Agrave", 0xc0 },  { "Aring", 0xc5 },    { "Auml", 0xc4 },
  { "Ccedil", 0xc7 },  { "Eacute", 0xc9 },  { "Oslash", 0xd8 },  { "Ouml", 0xd6 },     { "Uuml", 0xdc },
  { "aacute", 0xe1 },  { "acirc", 0xe2 },   { "aelig", 0xe6 },   { "agrave", 0xe0 },   { "amp", '&' },
  { "apos", '\'' },    { "aring", 0xe5 },   { "atilde", 0xe3 },  { "auml", 0xe4 },     { "bull", 0x2022 },
  { "ccedil", 0xe7 },  { "cent", 0xa2 },    { "copy", 0xa9 },    { "deg", 0xb0 },      { "eacute", 0xe9 },
  { "ecirc", 0xea },   { "egrave", 0xe8 },  { "emsp", 0x2003 },  { "ensp", 0x2002 },   { "euml", 0xeb },
  { "euro", 0x20ac },  { "frac12", 0xbd },  { "gt", '>' },       { "hellip", 0x2026 }, { "iacute", 0xed },
  { "icirc", 0xee },   { "iuml", 0xef },    { "laquo", 0xab },   { "ldquo", 0x201c },  { "lsquo", 0x2018 },
  { "lt", '<' },       { "mdash", 0x2014 }, { "middot", 0xb7 },  { "nbsp", ' ' },      { "ndash", 0x2013 },
  { "ntilde", 0xf1 },  { "oacute", 0xf3 },  { "ocirc", 0xf4 },   { "oslash", 0xf8 },   { "ouml", 0xf6 },
  { "para", 0xb6 },    { "plusmn", 0xb1 },  { "pound", 0xa3 },   { "quot", '"' },      { "raquo", 0xbb },
  { "rdquo", 0x201d }, { "reg", 0xae },     { "rsquo", 0x2019 }, { "sect", 0xa7 },     { "shy", 0 },
  { "szlig", 0xdf },   { "times", 0xd7 },   { "trade", 0x2122 }, { "uacute", 0xfa },   { "uuml", 0xfc },
  { "yen", 0xa5 },     { "zwj", 0 },        { "zwnj", 0 },
};

typedef struct {
  const char *p, *end;
  GString *out;
  gsize line;     /* where the line begins in OUT */
  guint breaks;   /* line ends due before the next word */
  gboolean blank; /* a blank is due before it */
  guint quotes, pre;
  char *target; /* of the link under way */
  gsize link;   /* where its text begins */
  guint open;   /* tags of which no '>' outside of quotes was found */
} Reader;

/* Each of those costs a look at all that follows; behind so many no quote is believed. */
enum { MAX_OPEN = 50 };

static Tag
find_tag (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (tags); i++)
    if (g_ascii_strcasecmp (tags[i].name, name) == 0)
      return tags[i].tag;
  return TAG_OTHER;
}

/* The line ends and the blank that wait, before something that is seen. */
static void
settle (Reader *self)
{
  if (self->out->len == 0)
    self->breaks = 0;
  else
    for (guint i = 0; i < self->breaks; i++)
      g_string_append_c (self->out, '\n');
  gboolean start = self->breaks > 0 || self->out->len == 0;
  if (start) {
    self->line = self->out->len;
    for (guint i = 0; i < MIN (self->quotes, 5); i++)
      g_string_append (self->out, "> ");
  } else if (self->blank)
    g_string_append_c (self->out, ' ');
  self->breaks = 0;
  self->blank = FALSE;
}

static void
want_breaks (Reader *self, guint n)
{
  self->breaks = MAX (self->breaks, n);
  self->blank = FALSE;
}

static void
show (Reader *self, const char *text, gsize length)
{
  settle (self);
  g_string_append_len (self->out, text, length);
}

/* At '&': the character meant, the reference passed over.  0 if it is none to be shown. */
static gunichar
read_entity (Reader *self)
{
  const char *p = self->p + 1;
  gunichar c = 0;
  if (p < self->end && *p == '#') {
    gboolean hex = p + 1 < self->end && (p[1] == 'x' || p[1] == 'X');
    p += hex ? 2 : 1;
    const char *digits = p;
    for (; p < self->end && (hex ? g_ascii_isxdigit (*p) : g_ascii_isdigit (*p)); p++)
      c = c > 0x10ffff ? c : c * (hex ? 16 : 10) + g_ascii_xdigit_value (*p);
    if (p == digits) {
      self->p++;
      return '&';
    }
    self->p = p < self->end && *p == ';' ? p + 1 : p;
    return c == 0xa0 ? ' ' : c > 0 && g_unichar_validate (c) ? c : 0xfffd;
  }
  char name[10];
  gsize n = 0;
  while (p + n < self->end && g_ascii_isalnum (p[n]) && n < sizeof name - 1) {
    name[n] = p[n];
    n++;
  }
  name[n] = '\0';
  for (guint i = 0; i < G_N_ELEMENTS (entities); i++)
    if (strcmp (entities[i].name, name) == 0) {
      self->p = p + n < self->end && p[n] == ';' ? p + n + 1 : p + n;
      return entities[i].character;
    }
  self->p++;
  return '&';
}

static char *
decode_entities (const char *text, const char *end)
{
  Reader reader = { .p = text, .end = end };
  GString *out = g_string_new (NULL);
  while (reader.p < end) {
    gunichar c = *reader.p == '&' ? read_entity (&reader) : 0;
    if (c)
      g_string_append_unichar (out, c);
    else if (reader.p < end && *reader.p != '&')
      g_string_append_c (out, *reader.p++);
  }
  return g_string_free (out, FALSE);
}

/* The value of the attribute NAME in the tag's text, entities and all, or NULL. */
static char *
find_attribute (const char *text, const char *end, const char *name)
{
  gsize n = strlen (name);
  for (const char *p = text; p < end;) {
    while (p < end && (g_ascii_isspace (*p) || *p == '/'))
      p++;
    const char *begin = p;
    while (p < end && !g_ascii_isspace (*p) && *p != '=')
      p++;
    gboolean found = (gsize) (p - begin) == n && g_ascii_strncasecmp (begin, name, n) == 0;
    while (p < end && g_ascii_isspace (*p))
      p++;
    if (p >= end || *p != '=')
      continue;
    for (p++; p < end && g_ascii_isspace (*p);)
      p++;
    char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : 0;
    const char *value = p;
    while (p < end && (quote ? *p != quote : !g_ascii_isspace (*p)))
      p++;
    if (found)
      return decode_entities (value, p);
    p += quote && p < end ? 1 : 0;
  }
  return NULL;
}

static void
end_link (Reader *self)
{
  if (!self->target)
    return;
  g_autofree char *target = g_steal_pointer (&self->target);
  const char *address = g_str_has_prefix (target, "mailto:") ? target + 7 : target;
  const char *text = self->out->str + MIN (self->link, self->out->len);
  if (!*address || strstr (text, address) || !(strstr (target, "://") || address != target))
    return;
  self->blank = TRUE;
  show (self, "<", 1);
  g_string_append (self->out, address);
  g_string_append_c (self->out, '>');
}

static void
begin_link (Reader *self, const char *text, const char *end)
{
  end_link (self);
  self->target = find_attribute (text, end, "href");
  self->link = self->out->len;
}

/* Passes over everything up to the end of element NAME. */
static void
skip_element (Reader *self, const char *name)
{
  gsize n = strlen (name);
  while (self->p < self->end) {
    const char *close = memchr (self->p, '<', self->end - self->p);
    if (!close) {
      self->p = self->end;
      return;
    }
    self->p = close + 1;
    if ((gsize) (self->end - self->p) > n && *self->p == '/'
        && g_ascii_strncasecmp (self->p + 1, name, n) == 0) {
      const char *gt = memchr (self->p, '>', self->end - self->p);
      self->p = gt ? gt + 1 : self->end;
      return;
    }
  }
}

static void
apply_tag (Reader *self, Tag tag, const char *name, gboolean closing, const char *text, const char *end)
{
  switch (tag) {
  case TAG_LINE:
    want_breaks (self, 1);
    break;
  case TAG_BREAK:
    self->breaks = MIN (self->breaks + 1, 2);
    self->blank = FALSE;
    break;
  case TAG_PARAGRAPH:
    want_breaks (self, 2);
    break;
  case TAG_ITEM:
    want_breaks (self, 1);
    if (!closing)
      show (self, "* ", 2);
    break;
  case TAG_CELL:
    if (closing)
      self->blank = TRUE;
    break;
  case TAG_RULE:
    want_breaks (self, 1);
    show (self, "----------------------------------------", 40);
    want_breaks (self, 1);
    break;
  case TAG_QUOTE:
    want_breaks (self, 2);
    if (closing)
      self->quotes -= self->quotes > 0 ? 1 : 0;
    else
      self->quotes++;
    break;
  case TAG_PRE:
    want_breaks (self, 2);
    if (closing)
      self->pre -= self->pre > 0 ? 1 : 0;
    else
      self->pre++;
    break;
  case TAG_LINK:
    if (closing)
      end_link (self);
    else
      begin_link (self, text, end);
    break;
  case TAG_IMAGE: {
    g_autofree char *alt = find_attribute (text, end, "alt");
    if (alt && *g_strstrip (alt))
      show (self, alt, strlen (alt));
    break;
  }
  case TAG_SKIP:
    if (!closing)
      skip_element (self, name);
    break;
  case TAG_OTHER:
    break;
  }
}

/* The '>' of the tag whose attributes begin at TEXT; NULL if there is none. */
static const char *
find_tag_end (Reader *self, const char *text)
{
  const char *p = self->open < MAX_OPEN ? text : self->end;
  for (char quote = 0; p < self->end && (quote || *p != '>'); p++) {
    if (quote ? *p == quote : (*p == '"' || *p == '\'') && p > text && p[-1] == '=')
      quote = quote ? 0 : *p;
  }
  if (p < self->end)
    return p;
  self->open++; /* a quote that never ends: the tag ends at the first '>' */
  return memchr (text, '>', self->end - text);
}

/* At '<'. */
static void
read_tag (Reader *self)
{
  const char *p = self->p + 1;
  if (self->end - p >= 3 && memcmp (p, "!--", 3) == 0) {
    const char *close = g_strstr_len (p + 3, self->end - p - 3, "-->");
    self->p = close ? close + 3 : self->end;
    return;
  }
  gboolean closing = p < self->end && *p == '/';
  p += closing ? 1 : 0;
  if (p >= self->end || !(g_ascii_isalpha (*p) || *p == '!' || *p == '?')) {
    show (self, "<", 1);
    self->p++;
    return;
  }
  char name[16];
  gsize n = 0;
  while (p < self->end && g_ascii_isalnum (*p)) {
    if (n < sizeof name - 1)
      name[n++] = *p;
    p++;
  }
  name[n] = '\0';
  const char *text = p;
  const char *found = find_tag_end (self, text), *end = found ? found : self->end;
  self->p = found ? found + 1 : self->end;
  apply_tag (self, find_tag (name), name, closing, text, end);
}

static void
read_text (Reader *self)
{
  char c = *self->p;
  if (self->pre > 0 && c == '\n') {
    self->breaks++;
    self->p++;
  } else if (c == '\r') {
    self->p++;
  } else if (self->pre == 0 && g_ascii_isspace (c)) {
    self->blank = self->breaks == 0 && self->out->len > 0;
    self->p++;
  } else if (c == '&') {
    gunichar character = read_entity (self);
    char utf8[6];
    if (character)
      show (self, utf8, g_unichar_to_utf8 (character, utf8));
  } else {
    const char *begin = self->p;
    while (self->p < self->end && *self->p != '<' && *self->p != '&' && *self->p != '\r'
           && (self->pre > 0 ? *self->p != '\n' : !g_ascii_isspace (*self->p)))
      self->p++;
    show (self, begin, self->p - begin);
  }
}

char *
pn_text_from_html (const char *html, gsize length)
{
  if (length == 0)
    return g_strdup ("");
  Reader self = { .p = html, .end = html + length, .out = g_string_sized_new (length / 2 + 16) };
  while (self.p < self.end) {
    if (*self.p == '<')
      read_tag (&self);
    else
      read_text (&self);
  }
  end_link (&self);
  if (self.out->len > 0)
    g_string_append_c (self.out, '\n');
  g_autofree char *text = g_string_free (self.out, FALSE);
  return g_utf8_make_valid (text, -1);
}

/* --- text to HTML ------------------------------------------------------------------------------------- */

void
pn_html_append_escaped (GString *out, const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    switch (text[i]) {
    case '<':
      g_string_append (out, "&lt;");
      break;
    case '>':
      g_string_append (out, "&gt;");
      break;
    case '&':
      g_string_append (out, "&amp;");
      break;
    case '"':
      g_string_append (out, "&quot;");
      break;
    default:
      g_string_append_c (out, text[i]);
    }
  }
}

static gsize
web_address_length (const char *text, gsize length)
{
  static const char *const schemes[] = { "http://", "https://", "ftp://", "mailto:" };
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++) {
    gsize n = strlen (schemes[i]);
    if (length <= n || g_ascii_strncasecmp (text, schemes[i], n) != 0)
      continue;
    gsize all = n;
    while (all < length && (guchar) text[all] > ' ' && !strchr ("<>\"'", text[all]))
      all++;
    while (all > n && strchr (".,;:!?)]", text[all - 1]))
      all--;
    return all > n ? all : 0;
  }
  return 0;
}

static void
append_html_line (GString *out, const char *line, gsize length)
{
  gboolean start = TRUE;
  for (gsize i = 0; i < length;) {
    gboolean word = i == 0 || !g_ascii_isalnum (line[i - 1]);
    gsize address = word ? web_address_length (line + i, length - i) : 0;
    if (address > 0) {
      g_string_append (out, "<a href=\"");
      pn_html_append_escaped (out, line + i, address);
      g_string_append (out, "\">");
      pn_html_append_escaped (out, line + i, address);
      g_string_append (out, "</a>");
      i += address;
      start = FALSE;
      continue;
    }
    gboolean blank = line[i] == ' ' || line[i] == '\t';
    if (blank && (start || (i + 1 < length && line[i + 1] == ' ')))
      g_string_append (out, line[i] == '\t' ? "&nbsp;&nbsp;&nbsp; " : "&nbsp;");
    else if (line[i] != '\r')
      pn_html_append_escaped (out, line + i, 1);
    start = start && blank;
    i++;
  }
}

char *
pn_html_from_text (const char *text, gsize length)
{
  GString *out = g_string_sized_new (length + length / 8 + 200);
  g_string_append (out, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n");
  for (gsize i = 0; i < length;) {
    const char *end = memchr (text + i, '\n', length - i);
    gsize n = end ? (gsize) (end - text - i) : length - i;
    append_html_line (out, text + i, n);
    g_string_append (out, "<br>\n");
    i += n + 1;
  }
  g_string_append (out, "</body></html>\n");
  return g_string_free (out, FALSE);
}
