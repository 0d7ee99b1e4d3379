#include "convert/rtf.h"

#include "convert/charset.h"
#include "convert/text-twin.h"

#include <stdlib.h>
#include <string.h>

/* Groups deeper than this are read, but what they change is not undone at their end. */
enum { MAX_DEPTH = 500, MAX_FONTS = 4096, MAX_PAGES = 16, MAX_WORD = 32, MAX_FIELD = 4096 };

typedef enum {
  SHOWN,
  HIDDEN,   /* nothing of it is for readers */
  HTML_TAG, /* HTML as it is */
  FONTS,    /* the table of fonts */
  FIELD     /* what a field is made of: a link, perhaps */
} Destination;

enum { BOLD = 1, ITALIC = 2, UNDERLINE = 4, STRIKE = 8, STYLES = 4 };
static const char *const style_tags[STYLES] = { "b", "i", "u", "s" };

/* What a group takes back when it ends. */
typedef struct {
  Destination destination;
  guint style;       /* flags */
  guint page;        /* code page of the font; 0: that of the document */
  guint fallback;    /* characters behind \u that say the same */
  gboolean rtf_only; /* within \htmlrtf: not part of the HTML */
  gboolean invisible;
  gboolean star; /* \* was just read */
  gboolean link; /* its end is that of a link */
} Group;

typedef enum { MODE_RTF, MODE_HTML, MODE_TEXT } Mode;

typedef struct {
  guint page;
  GIConv converter;
  gboolean single;
  gunichar upper[128]; /* of a page of single bytes */
} Page;

typedef struct {
  const guint8 *p, *end;
  gsize max;
  gboolean full;
  Mode mode;
  Group group;
  GArray *groups; /* Group: those around it */
  guint lost;     /* groups that found no place there */
  guint ansi_page;
  GHashTable *fonts; /* number to code page */
  gint font;         /* the one being declared */
  gint default_font; /* -1: not stated */
  GString *field;    /* what the last field is made of */
  gboolean linked;   /* a link is open */
  guint skip;        /* fallback characters still to be skipped */
  gunichar half;     /* first half of a surrogate pair */
  GString *bytes;    /* text in BYTES_PAGE, not decoded yet */
  guint bytes_page;
  Page *pages[MAX_PAGES];
  guint n_pages;
  GString *text, *html;
  guint open; /* styles whose tags are open */
  gboolean blank;
} Reader;

/* --- code pages --------------------------------------------------------------------------------------- */

void
pn_codepage_name (guint codepage, char name[32])
{
  static const struct {
    guint codepage;
    const char *name;
  } known[] = { { 0, "windows-1252" },    { 708, "iso-8859-6" },    { 1200, "utf-16le" },
                { 1201, "utf-16be" },     { 10000, "macintosh" },   { 20127, "us-ascii" },
                { 20866, "koi8-r" },      { 20932, "euc-jp" },      { 21866, "koi8-u" },
                { 50220, "iso-2022-jp" }, { 50221, "iso-2022-jp" }, { 50222, "iso-2022-jp" },
                { 50225, "iso-2022-kr" }, { 51932, "euc-jp" },      { 51936, "gb2312" },
                { 51949, "euc-kr" },      { 52936, "hz" },          { 54936, "gb18030" },
                { 65000, "utf-7" },       { 65001, "utf-8" } };
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (known[i].codepage == codepage) {
      g_strlcpy (name, known[i].name, 32);
      return;
    }
  if (codepage > 28590 && codepage < 28606)
    g_snprintf (name, 32, "iso-8859-%u", codepage - 28590);
  else
    g_snprintf (name, 32, codepage >= 1250 && codepage <= 1258 ? "windows-%u" : "cp%u", codepage);
}

static gboolean
is_single_byte (guint page)
{
  static const guint multiple[] = { 932,   936,   949,   950,   1200,  1201,  1361,  20932, 50220, 50221,
                                    50222, 50225, 51932, 51936, 51949, 52936, 54936, 65000, 65001 };
  for (guint i = 0; i < G_N_ELEMENTS (multiple); i++)
    if (multiple[i] == page)
      return FALSE;
  return TRUE;
}

/* The first character of the LENGTH bytes at *P, which is moved behind it; U+FFFD for what is none. */
static gunichar
next_char (const Page *page, char **p, gsize *length)
{
  char out[16], *to = out;
  gsize before = *length;
  /* as short a piece as gives a character, because what stands behind it may be broken */
  for (gsize n = 1; n <= MIN (before, 4); n++) {
    char *from = *p;
    gsize left = n, room = sizeof out;
    to = out;
    if (g_iconv (page->converter, &from, &left, &to, &room) != (gsize) -1 && to > out) {
      *p += n;
      *length -= n;
      return g_utf8_get_char_validated (out, to - out) < 0x110000 ? g_utf8_get_char (out) : 0xFFFD;
    }
    g_iconv (page->converter, NULL, NULL, NULL, NULL);
  }
  *p += 1;
  *length -= 1;
  return 0xFFFD;
}

static Page *
get_page (Reader *self, guint codepage)
{
  char label[32], name[64];
  for (guint i = 0; i < self->n_pages; i++)
    if (self->pages[i]->page == codepage)
      return self->pages[i];
  if (self->n_pages == MAX_PAGES)
    return self->pages[0];
  pn_codepage_name (codepage, label);
  GIConv converter = pn_charset_find (label, name) ? g_iconv_open ("UTF-8", name) : (GIConv) -1;
  gboolean unknown = converter == (GIConv) -1;
  Page *page = self->pages[self->n_pages++] = g_new0 (Page, 1);
  page->page = codepage;
  page->converter = unknown ? g_iconv_open ("UTF-8", "windows-1252") : converter;
  page->single = unknown || is_single_byte (codepage);
  for (guint i = 0; page->single && i < 128; i++) {
    char byte = (char) (i + 128), *p = &byte;
    gsize length = 1;
    page->upper[i] = next_char (page, &p, &length);
  }
  return page;
}

static guint
page_of_charset (guint charset)
{
  static const guint16 pages[][2]
      = { { 0, 1252 },   { 2, 1252 },   { 77, 10000 }, { 128, 932 },  { 129, 949 },
          { 130, 1361 }, { 134, 936 },  { 136, 950 },  { 161, 1253 }, { 162, 1254 },
          { 163, 1258 }, { 177, 1255 }, { 178, 1256 }, { 186, 1257 }, { 204, 1251 },
          { 222, 874 },  { 238, 1250 }, { 254, 437 },  { 255, 850 } };
  for (guint i = 0; i < G_N_ELEMENTS (pages); i++)
    if (pages[i][0] == charset)
      return pages[i][1];
  return 0;
}

/* --- output --------------------------------------------------------------------------------------------- */

static gboolean
is_shown (const Reader *self)
{
  const Group *group = &self->group;
  if (group->destination == HTML_TAG)
    return TRUE;
  return group->destination == SHOWN && !group->invisible && !(self->mode == MODE_HTML && group->rtf_only);
}

/* Opens and closes tags until those of the styles in force are open. */
static void
set_style (Reader *self, guint style)
{
  if (self->open == style)
    return;
  for (guint i = STYLES; i-- > 0;)
    if (self->open & 1u << i)
      g_string_append_printf (self->html, "</%s>", style_tags[i]);
  for (guint i = 0; i < STYLES; i++)
    if (style & 1u << i)
      g_string_append_printf (self->html, "<%s>", style_tags[i]);
  self->open = style;
}

static void
put_rich (Reader *self, gunichar c, const char *utf8, gsize length)
{
  gboolean blank = c == ' ' || c == '\n';
  set_style (self, self->group.style);
  if (c == '\n')
    g_string_append (self->html, "<br>\n");
  else if (c == '\t')
    g_string_append (self->html, "&nbsp;&nbsp;&nbsp; ");
  else if (c == 0xA0 || (c == ' ' && self->blank))
    g_string_append (self->html, "&nbsp;");
  else
    pn_html_append_escaped (self->html, utf8, length);
  self->blank = blank || c == '\t';
}

static void
put_char (Reader *self, gunichar c)
{
  char utf8[6];
  if (self->group.destination == FIELD && c >= ' ' && self->field->len < MAX_FIELD)
    g_string_append_unichar (self->field, g_unichar_validate (c) ? c : 0xFFFD);
  if (self->full || c == 0 || (c < ' ' && c != '\n' && c != '\t') || !is_shown (self))
    return;
  if (!g_unichar_validate (c))
    c = 0xFFFD;
  gsize length = (gsize) g_unichar_to_utf8 (c, utf8);
  if (self->mode == MODE_HTML && self->group.destination == HTML_TAG)
    g_string_append_len (self->html, utf8, (gssize) length);
  else if (self->mode == MODE_HTML && c == 0xA0)
    g_string_append (self->html, "&nbsp;");
  else if (self->mode == MODE_HTML && c == 0xAD)
    g_string_append (self->html, "&shy;");
  else if (self->mode == MODE_HTML)
    pn_html_append_escaped (self->html, utf8, length);
  else
    g_string_append_len (self->text, utf8, (gssize) length);
  if (self->mode == MODE_RTF)
    put_rich (self, c, utf8, length);
  self->full = self->text->len > self->max || self->html->len > self->max;
}

static void
flush (Reader *self)
{
  if (self->half) {
    self->half = 0;
    put_char (self, 0xFFFD);
  }
  if (self->bytes->len == 0)
    return;
  char *p = self->bytes->str;
  gsize length = self->bytes->len;
  const Page *page = get_page (self, self->bytes_page);
  while (length > 0)
    put_char (self, next_char (page, &p, &length));
  g_string_truncate (self->bytes, 0);
}

static void
put_byte (Reader *self, guint8 byte)
{
  if (self->skip > 0) {
    self->skip--;
    return;
  }
  if (!is_shown (self) && self->group.destination != FIELD)
    return;
  guint codepage
      = self->group.destination == HTML_TAG || self->group.page == 0 ? self->ansi_page : self->group.page;
  Page *page = get_page (self, codepage);
  if (self->bytes->len > 0 && self->bytes_page != page->page)
    flush (self);
  if (page->single || (byte < 0x80 && self->bytes->len == 0)) {
    if (self->half)
      flush (self);
    put_char (self, byte < 0x80 ? byte : page->upper[byte - 0x80]);
    return;
  }
  self->bytes_page = page->page;
  g_string_append_c (self->bytes, (char) byte);
}

/* A character that a control word names: it counts as one of a fallback. */
static void
put_named (Reader *self, gunichar c)
{
  if (self->skip > 0)
    self->skip--;
  else
    put_char (self, c);
}

static void
put_unicode (Reader *self, int value)
{
  gunichar c = (gunichar) (value < 0 ? value + 65536 : value);
  if (c >= 0xDC00 && c < 0xE000 && self->half) {
    c = 0x10000 + ((self->half - 0xD800) << 10) + (c - 0xDC00);
    self->half = 0;
  }
  if (self->half)
    flush (self);
  if (c >= 0xD800 && c < 0xDC00)
    self->half = is_shown (self) ? c : 0;
  else
    put_char (self, c);
  self->skip = self->group.fallback;
}

/* --- control words ------------------------------------------------------------------------------------- */

typedef enum {
  W_ANSI_PAGE,
  W_BIN,
  W_CHAR, /* stands for a character */
  W_CHARSET,
  W_CODEPAGE,
  W_DEFAULT_FONT,
  W_FALLBACK,
  W_FIELD,
  W_FONT,
  W_FONTS,
  W_FROM_HTML,
  W_FROM_TEXT,
  W_HIDE,
  W_HTML_TAG,
  W_INVISIBLE,
  W_PAGE, /* the code page of the document */
  W_PLAIN,
  W_RESULT,
  W_RTF_ONLY,
  W_STYLE,
  W_STYLE_OFF,
  W_UNICODE
} Word;

static const struct {
  const char *name;
  Word word;
  guint argument;
} words[] = {
  { "ansicpg", W_ANSI_PAGE, 0 },
  { "b", W_STYLE, BOLD },
  { "bin", W_BIN, 0 },
  { "bullet", W_CHAR, 0x2022 },
  { "cell", W_CHAR, '\t' },
  { "colortbl", W_HIDE, 0 },
  { "cpg", W_CODEPAGE, 0 },
  { "deff", W_DEFAULT_FONT, 0 },
  { "emdash", W_CHAR, 0x2014 },
  { "emspace", W_CHAR, 0x2003 },
  { "endash", W_CHAR, 0x2013 },
  { "enspace", W_CHAR, 0x2002 },
  { "f", W_FONT, 0 },
  { "fcharset", W_CHARSET, 0 },
  { "fldinst", W_FIELD, 0 },
  { "fldrslt", W_RESULT, 0 },
  { "fonttbl", W_FONTS, 0 },
  { "footer", W_HIDE, 0 },
  { "footerf", W_HIDE, 0 },
  { "footerl", W_HIDE, 0 },
  { "footerr", W_HIDE, 0 },
  { "fromhtml", W_FROM_HTML, 0 },
  { "fromtext", W_FROM_TEXT, 0 },
  { "header", W_HIDE, 0 },
  { "headerf", W_HIDE, 0 },
  { "headerl", W_HIDE, 0 },
  { "headerr", W_HIDE, 0 },
  { "htmlrtf", W_RTF_ONLY, 0 },
  { "htmltag", W_HTML_TAG, 0 },
  { "i", W_STYLE, ITALIC },
  { "info", W_HIDE, 0 },
  { "ldblquote", W_CHAR, 0x201C },
  { "line", W_CHAR, '\n' },
  { "lquote", W_CHAR, 0x2018 },
  { "mac", W_PAGE, 10000 },
  { "mhtmltag", W_HIDE, 0 },
  { "nestcell", W_CHAR, '\t' },
  { "nestrow", W_CHAR, '\n' },
  { "nonshppict", W_HIDE, 0 },
  { "objdata", W_HIDE, 0 },
  { "page", W_CHAR, '\n' },
  { "par", W_CHAR, '\n' },
  { "pc", W_PAGE, 437 },
  { "pca", W_PAGE, 850 },
  { "pict", W_HIDE, 0 },
  { "plain", W_PLAIN, 0 },
  { "rdblquote", W_CHAR, 0x201D },
  { "row", W_CHAR, '\n' },
  { "rquote", W_CHAR, 0x2019 },
  { "rxe", W_HIDE, 0 },
  { "sect", W_CHAR, '\n' },
  { "strike", W_STYLE, STRIKE },
  { "stylesheet", W_HIDE, 0 },
  { "tab", W_CHAR, '\t' },
  { "tc", W_HIDE, 0 },
  { "u", W_UNICODE, 0 },
  { "uc", W_FALLBACK, 0 },
  { "ul", W_STYLE, UNDERLINE },
  { "ulnone", W_STYLE_OFF, UNDERLINE },
  { "v", W_INVISIBLE, 0 },
  { "xe", W_HIDE, 0 },
};

static int
compare_word (const void *key, const void *element)
{
  return strcmp (key, *(const char *const *) element);
}

static void
declare_font (Reader *self, guint page)
{
  if (self->group.destination == FONTS && self->font >= 0 && g_hash_table_size (self->fonts) < MAX_FONTS)
    g_hash_table_insert (self->fonts, GINT_TO_POINTER (self->font), GUINT_TO_POINTER (page));
}

static void
use_font (Reader *self, int number)
{
  if (self->group.destination == FONTS)
    self->font = number;
  else
    self->group.page = GPOINTER_TO_UINT (g_hash_table_lookup (self->fonts, GINT_TO_POINTER (number)));
}

/* Encapsulation is declared before anything is shown. */
static void
set_mode (Reader *self, Mode mode)
{
  if (self->mode == MODE_RTF && self->text->len == 0)
    self->mode = mode;
}

/* The page of the default font.  Many writers call each font one of Windows-1252, whatever the document is
 * in; so only another page counts. */
static guint
default_page (const Reader *self)
{
  guint page = GPOINTER_TO_UINT (g_hash_table_lookup (self->fonts, GINT_TO_POINTER (self->default_font)));
  return page == 1252 ? 0 : page;
}

/* Where a field "HYPERLINK "address" ..." leads to; NULL if it is none that may be followed. */
static char *
find_link (const Reader *self)
{
  static const char *const schemes[]
      = { "http:", "https:", "mailto:", "ftp:", "file:", "news:", "tel:", "#" };
  const char *p = self->field->str;
  while (*p == ' ')
    p++;
  if (g_ascii_strncasecmp (p, "HYPERLINK", 9) != 0)
    return NULL;
  for (p += 9; *p == ' ';)
    p++;
  gsize length = *p == '"' ? strcspn (++p, "\"") : strcspn (p, " ");
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (g_ascii_strncasecmp (p, schemes[i], strlen (schemes[i])) == 0)
      return g_strndup (p, length);
  return NULL;
}

static void
open_link (Reader *self)
{
  g_autofree char *link = self->mode == MODE_RTF && !self->linked ? find_link (self) : NULL;
  g_string_truncate (self->field, 0);
  if (!link || !is_shown (self))
    return;
  set_style (self, 0);
  g_string_append (self->html, "<a href=\"");
  pn_html_append_escaped (self->html, link, strlen (link));
  g_string_append (self->html, "\">");
  self->group.link = self->linked = TRUE;
}

static void
close_link (Reader *self)
{
  set_style (self, 0);
  g_string_append (self->html, "</a>");
  self->linked = FALSE;
}

/* Words that decide what the group is; of those behind \* an unknown one hides it. */
static gboolean
do_destination (Reader *self, Word word)
{
  Group *group = &self->group;
  switch (word) {
  case W_HIDE:
    group->destination = HIDDEN;
    return TRUE;
  case W_FIELD:
    group->destination = group->destination == SHOWN ? FIELD : HIDDEN;
    g_string_truncate (self->field, 0);
    return TRUE;
  case W_FONTS:
    group->destination = group->destination == SHOWN ? FONTS : HIDDEN;
    return TRUE;
  case W_HTML_TAG:
    group->destination
        = group->star && self->mode == MODE_HTML && group->destination == SHOWN ? HTML_TAG : HIDDEN;
    return TRUE;
  default:
    return FALSE;
  }
}

static void
do_setting (Reader *self, Word word, guint argument, gboolean given, int value)
{
  Group *group = &self->group;
  gboolean on = !given || value != 0;
  switch (word) {
  case W_ANSI_PAGE:
    self->ansi_page = value > 0 ? (guint) value : 1252;
    break;
  case W_PAGE:
    self->ansi_page = argument;
    break;
  case W_CHARSET:
    declare_font (self, page_of_charset ((guint) value));
    break;
  case W_CODEPAGE:
    declare_font (self, value > 0 ? (guint) value : 0);
    break;
  case W_FALLBACK:
    group->fallback = given ? (guint) CLAMP (value, 0, 16) : 1;
    break;
  case W_FONT:
    use_font (self, value);
    break;
  case W_RTF_ONLY:
    group->rtf_only = on;
    break;
  case W_INVISIBLE:
    group->invisible = on;
    break;
  case W_STYLE:
    group->style = on ? group->style | argument : group->style & ~argument;
    break;
  case W_STYLE_OFF:
    group->style &= ~argument;
    break;
  case W_DEFAULT_FONT:
    self->default_font = value;
    break;
  case W_RESULT:
    open_link (self);
    break;
  case W_PLAIN:
    group->page = default_page (self);
    group->style = 0;
    group->invisible = FALSE;
    break;
  default:
    break;
  }
}

static void
do_word (Reader *self, const char *name, gboolean given, int value)
{
  gboolean star = self->group.star;
  const void *found = bsearch (name, words, G_N_ELEMENTS (words), sizeof *words, compare_word);
  gsize index = found ? (gsize) ((const char *) found - (const char *) words) / sizeof *words : 0;
  if (!found || (star && !do_destination (self, words[index].word))) {
    if (star)
      self->group.destination = HIDDEN;
    self->group.star = FALSE;
    return;
  }
  self->group.star = FALSE;
  guint argument = words[index].argument;
  switch (words[index].word) {
  case W_BIN:
    self->p += MIN ((gsize) MAX (value, 0), (gsize) (self->end - self->p));
    break;
  case W_CHAR:
    flush (self);
    put_named (self, argument);
    break;
  case W_UNICODE:
    if (self->bytes->len > 0)
      flush (self);
    put_unicode (self, value);
    break;
  case W_FROM_HTML:
    set_mode (self, value != 0 ? MODE_HTML : self->mode);
    break;
  case W_FROM_TEXT:
    set_mode (self, MODE_TEXT);
    break;
  default:
    flush (self);
    if (star || !do_destination (self, words[index].word))
      do_setting (self, words[index].word, argument, given, value);
  }
}

/* Behind the backslash: letters, perhaps a number, perhaps one blank. */
static void
read_word (Reader *self)
{
  char name[MAX_WORD + 1];
  gsize n = 0;
  for (; self->p < self->end && g_ascii_isalpha (*self->p); self->p++)
    if (n < MAX_WORD)
      name[n++] = (char) *self->p;
  name[n] = '\0';
  gboolean negative = self->p < self->end && *self->p == '-', given = FALSE;
  int value = 0;
  if (negative)
    self->p++;
  for (; self->p < self->end && g_ascii_isdigit (*self->p); self->p++, given = TRUE)
    if (value < 100000000)
      value = value * 10 + (*self->p - '0');
  if (self->p < self->end && *self->p == ' ')
    self->p++;
  do_word (self, name, given, negative ? -value : value);
}

static void
read_symbol (Reader *self)
{
  guint8 c = *self->p++;
  switch (c) {
  case '\'':
    if (self->end - self->p >= 2 && g_ascii_isxdigit (self->p[0]) && g_ascii_isxdigit (self->p[1])) {
      put_byte (self, (guint8) (g_ascii_xdigit_value ((char) self->p[0]) << 4
                                | g_ascii_xdigit_value ((char) self->p[1])));
      self->p += 2;
    }
    break;
  case '*':
    self->group.star = TRUE;
    break;
  case '~':
  case '_':
  case '-':
    flush (self);
    put_named (self, c == '~' ? 0xA0 : c == '_' ? 0x2011 : 0xAD);
    break;
  case '\r':
  case '\n':
    flush (self);
    put_named (self, '\n');
    break;
  case '\t':
    flush (self);
    put_named (self, '\t');
    break;
  case '\\':
  case '{':
  case '}':
    put_byte (self, c);
    break;
  default:
    break;
  }
}

static void
open_group (Reader *self)
{
  flush (self);
  self->skip = 0;
  if (self->groups->len < MAX_DEPTH)
    g_array_append_val (self->groups, self->group);
  else
    self->lost++;
  self->group.link = FALSE;
}

static void
close_group (Reader *self)
{
  flush (self);
  self->skip = 0;
  if (self->lost > 0) {
    self->lost--;
  } else if (self->groups->len > 0) {
    gboolean fonts = self->group.destination == FONTS;
    if (self->group.link && self->linked)
      close_link (self);
    self->group = g_array_index (self->groups, Group, self->groups->len - 1);
    g_array_set_size (self->groups, self->groups->len - 1);
    if (fonts && self->group.destination == SHOWN && self->group.page == 0)
      self->group.page = default_page (self);
  }
}

static void
read_all (Reader *self)
{
  while (self->p < self->end && !self->full) {
    guint8 c = *self->p++;
    if (c == '{')
      open_group (self);
    else if (c == '}')
      close_group (self);
    else if (c == '\\' && self->p < self->end && g_ascii_isalpha (*self->p))
      read_word (self);
    else if (c == '\\' && self->p < self->end)
      read_symbol (self);
    else if (c != '\r' && c != '\n' && c != '\0' && c != '\\')
      put_byte (self, c);
  }
  flush (self);
  set_style (self, 0);
  if (self->linked)
    close_link (self);
}

gboolean
pn_rtf_read (const char *rtf, gsize length, gsize max, char **text, char **html)
{
  Reader self = { .p = (const guint8 *) rtf,
                  .end = length > 0 ? (const guint8 *) rtf + length : (const guint8 *) rtf,
                  .max = max,
                  .group = { .fallback = 1 },
                  .ansi_page = 1252,
                  .font = -1,
                  .default_font = -1,
                  .blank = TRUE };
  self.groups = g_array_new (FALSE, FALSE, sizeof (Group));
  self.fonts = g_hash_table_new (NULL, NULL);
  self.bytes = g_string_new (NULL);
  self.field = g_string_new (NULL);
  self.text = g_string_new (NULL);
  self.html = g_string_new (NULL);
  read_all (&self);
  if (self.mode == MODE_RTF) {
    g_string_prepend (self.html, "<html><body>\n");
    g_string_append (self.html, "\n</body></html>\n");
  }
  *text = g_string_free (self.text, self.mode == MODE_HTML);
  *html = g_string_free (self.html, self.mode == MODE_TEXT);
  for (guint i = 0; i < self.n_pages; i++) {
    g_iconv_close (self.pages[i]->converter);
    g_free (self.pages[i]);
  }
  g_array_unref (self.groups);
  g_hash_table_unref (self.fonts);
  g_string_free (self.bytes, TRUE);
  g_string_free (self.field, TRUE);
  return !self.full;
}
