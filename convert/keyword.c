#include "convert/keyword.h"

#include <string.h>

enum { MAX_DEPTH = 16, MAX_KEYWORDS = 1 << 20, SLAB = 4096 - 64 };

/* Keywords, entries and strings of one file lie in slabs that are freed together. */
typedef struct Slab Slab;
struct Slab {
  Slab *next;
  gsize used, size;
  max_align_t data[];
};

typedef struct {
  PnKeywordFile *file;
  const char *text, *end; /* as it came */
  const char *at;
  char *copy; /* of the text; names and values are made in it, in place */
  Slab *slabs;
  guint depth, n_keywords;
  gboolean closing; /* an unindented keyword or -END- closes all groups */
  GError **error;
} Parser;

static gpointer
parser_alloc (Parser *self, gsize size)
{
  size = (size + sizeof (max_align_t) - 1) & ~(sizeof (max_align_t) - 1);
  Slab *slab = self->slabs;
  if (!slab || slab->size - slab->used < size) {
    gsize room = MAX (slab ? MIN (slab->size * 2, 1u << 20) : (gsize) SLAB, size);
    slab = g_malloc (sizeof (Slab) + room);
    *slab = (Slab){ .next = self->slabs, .size = room };
    self->slabs = slab;
  }
  gpointer memory = (char *) slab->data + slab->used;
  slab->used += size;
  return memory;
}

static void
free_slabs (Slab *slab)
{
  while (slab) {
    Slab *next = slab->next;
    g_free (slab);
    slab = next;
  }
}

void
pn_keyword_file_free (PnKeywordFile *self)
{
  if (self)
    free_slabs (self->memory); /* SELF lies in the last of them */
}

void
pn_keyword_locate (const char *text, gsize offset, guint *line, guint *column)
{
  gsize begin = 0;
  *line = 1;
  for (gsize i = 0; i < offset; i++)
    if (text[i] == '\n') {
      ++*line;
      begin = i + 1;
    }
  *column = offset - begin + 1;
}

G_GNUC_PRINTF (4, 5)
static gboolean
fail (Parser *self, const char *at, PnConvertError code, const char *format, ...)
{
  guint line, column;
  pn_keyword_locate (self->text, at - self->text, &line, &column);
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (self->error, PN_CONVERT_ERROR, code, "line %u column %u: %s", line, column, reason);
  return FALSE;
}

static gboolean
is_blank (char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static gboolean
is_name_character (char c)
{
  return g_ascii_isalnum (c) || c == '-' || c == '_' || c == '.';
}

static const char *
skip_blanks (const char *at, const char *end)
{
  while (at < end && is_blank (*at))
    at++;
  return at;
}

static gboolean
at_line_begin (const Parser *self, const char *at)
{
  return at == self->text || at[-1] == '\n';
}

/* Over blanks, line ends and comment lines. */
static const char *
skip_space (Parser *self, const char *at)
{
  for (;;) {
    const char *begin = at;
    at = skip_blanks (at, self->end);
    if (at < self->end && *at == '\n')
      at++;
    else if (at < self->end && *at == '#' && at_line_begin (self, begin)) {
      const char *eol = memchr (at, '\n', self->end - at);
      at = eol ? eol + 1 : self->end;
    } else
      return at;
  }
}

/* If "NAME =" begins at AT, the end of the name; else NULL. */
static const char *
name_end (const char *at, const char *end)
{
  if (at == end || !g_ascii_isalnum (*at))
    return NULL;
  while (at < end && is_name_character (*at))
    at++;
  const char *after = skip_blanks (at, end);
  return after < end && *after == '=' ? at : NULL;
}

/* If a flag "-NAME-" begins at AT, its end; else NULL. */
static const char *
flag_end (const char *at, const char *end)
{
  const char *begin = at;
  if (at == end || *at != '-')
    return NULL;
  while (at < end && is_name_character (*at))
    at++;
  return at - begin > 2 && at[-1] == '-' ? at : NULL;
}

/* Whether what begins at AT, the beginning of a line, can only stand outside of groups and values. */
static gboolean
is_top_level (const char *at, const char *end)
{
  const char *after = name_end (at, end);
  if (!after)
    after = flag_end (at, end);
  return after && (pn_name_flags (pn_name_find (at, after - at)) & PN_NAME_IS_TOP) != 0;
}

static char *
copy_at (const Parser *self, const char *at)
{
  return self->copy + (at - self->text);
}

/* Undoes the escape at AT, which is a backslash, into *OUT.  Returns what follows it. */
static const char *
unescape (const char *at, const char *end, char **out)
{
  const char *next = at + 1;
  if (next < end && strchr ("\\,;\" \t", *next) && *next) {
    *(*out)++ = *next;
    return next + 1;
  }
  const char *eol = next < end && *next == '\r' ? next + 1 : next;
  if (eol < end && *eol == '\n') { /* a line break of the value; the indentation after it is not */
    *(*out)++ = '\n';
    eol++;
    while (eol < end && (*eol == ' ' || *eol == '\t'))
      eol++;
    return eol;
  }
  if (end - next >= 3 && *next == '%' && g_ascii_isxdigit (next[1]) && g_ascii_isxdigit (next[2])) {
    int byte = g_ascii_xdigit_value (next[1]) << 4 | g_ascii_xdigit_value (next[2]);
    if (byte != 0) {
      *(*out)++ = byte;
      return next + 3;
    }
  }
  *(*out)++ = '\\'; /* a writer that knows no escapes */
  return next;
}

/* If a value in quotes begins at AT, alone before its ';', the closing quote; else NULL. */
static const char *
quoted_end (const Parser *self, const char *at)
{
  if (at == self->end || *at != '"')
    return NULL;
  for (at++; at < self->end && *at != '"' && *at != '\n' && *at != '\0'; at++)
    if (*at == '\\' && at + 1 < self->end && at[1] != '\n')
      at++;
  if (at == self->end || *at != '"')
    return NULL;
  const char *after = skip_blanks (at + 1, self->end);
  return after < self->end && *after == ';' ? at : NULL;
}

/* The value between the quotes at AT and END, into OUT.  Returns the ';' behind it. */
static const char *
read_quoted (const Parser *self, const char *at, const char *end, char *out)
{
  for (at++; at < end;)
    if (*at == '\\')
      at = unescape (at, end, &out);
    else
      *out++ = *at++;
  *out = '\0';
  return skip_blanks (end + 1, self->end);
}

static char *
trim_end (char *begin, char *end)
{
  while (end > begin && is_blank (end[-1]))
    end--;
  return end;
}

/* The value from AT on, unescaped in the copy.  Sets *VALUE; returns what ended it: the ';', or where an
 * unindented keyword begins, or NULL with the error set.  A fold becomes a blank, except in an OPAQUE value.
 */
static const char *
read_value (Parser *self, const char *at, gboolean opaque, const char **value)
{
  const char *begin = at;
  char *start = copy_at (self, at), *out = start,
       *keep = start; /* blanks before KEEP are escaped, and stay */
  *value = start;
  const char *quote = quoted_end (self, at);
  if (quote)
    return read_quoted (self, at, quote, out);
  while (at < self->end && *at != ';') {
    if (*at == '\\') {
      at = unescape (at, self->end, &out);
      keep = out;
    } else if (*at == '\n') {
      at++;
      if (is_top_level (at, self->end)) /* the ';' is missing */
        break;
      while (at < self->end && (is_blank (*at) || *at == '\n'))
        at++;
      out = trim_end (keep, out);
      if (at < self->end && *at != ';' && out > start && !opaque)
        *out++ = ' ';
    } else if (*at == '\0') {
      fail (self, at, PN_CONVERT_ERROR_SYNTAX, "a NUL character");
      return NULL;
    } else
      *out++ = *at++;
  }
  if (at == self->end) {
    fail (self, begin, PN_CONVERT_ERROR_TRUNCATED, "the value that begins here has no end");
    return NULL;
  }
  *trim_end (keep, out) = '\0';
  return at;
}

/* What follows the '=': a group, or a value? */
static gboolean
begins_group (Parser *self, PnNameId id, const char *at)
{
  gboolean known = id != PN_NAME_UNKNOWN;
  if (known && !(pn_name_flags (id) & PN_NAME_IS_GROUP))
    return FALSE;
  const char *next = skip_space (self, at);
  gboolean new_line = memchr (at, '\n', next - at) != NULL;
  if (new_line && at_line_begin (self, next) && is_top_level (next, self->end))
    return FALSE;
  if (new_line && (flag_end (next, self->end) || (known && next < self->end && *next == ',')))
    return TRUE; /* the ',' ends an empty entry */
  const char *after = name_end (next, self->end);
  if (!after)
    return FALSE;
  return new_line ? known || !at_line_begin (self, next)
                  : known && pn_name_find (next, after - next) != PN_NAME_UNKNOWN;
}

static gboolean parse_group (Parser *self, PnKeyword *group);

static PnKeyword *
new_keyword (Parser *self, const char *begin, const char *end)
{
  if (++self->n_keywords > MAX_KEYWORDS) {
    fail (self, begin, PN_CONVERT_ERROR_LIMIT, "more than %d keywords", MAX_KEYWORDS);
    return NULL;
  }
  PnKeyword *keyword = parser_alloc (self, sizeof *keyword);
  char *name = copy_at (self, begin);
  *keyword = (PnKeyword){ .name = name,
                          .id = pn_name_find (begin, end - begin),
                          .offset = begin - self->text,
                          .raw = end - self->text,
                          .raw_end = end - self->text };
  name[end - begin] = '\0';
  return keyword;
}

/* Where the value begins, behind the '='.  Between a group's name and what it holds there may be comments,
 * also when it turns out to hold no more than a value. */
static const char *
skip_to_value (Parser *self, PnNameId id)
{
  gboolean group = id != PN_NAME_UNKNOWN && (pn_name_flags (id) & PN_NAME_IS_GROUP) != 0;
  const char *at = skip_blanks (self->at, self->end);
  while (at < self->end && *at == '\n' && !is_top_level (at + 1, self->end)) {
    at = skip_blanks (at + 1, self->end);
    if (group && at < self->end && *at == '#') {
      const char *eol = memchr (at, '\n', self->end - at);
      at = eol ? eol : self->end;
    }
  }
  return at;
}

/* NAME= and what belongs to it, at self->at. */
static PnKeyword *
parse_keyword (Parser *self)
{
  const char *begin = self->at, *end = name_end (begin, self->end);
  if (!end) {
    fail (self, begin, PN_CONVERT_ERROR_SYNTAX, "a keyword and '=' belong here");
    return NULL;
  }
  PnKeyword *keyword = new_keyword (self, begin, end);
  if (!keyword)
    return NULL;
  self->at = skip_blanks (end, self->end) + 1;
  keyword->raw = self->at - self->text;
  if (begins_group (self, keyword->id, self->at))
    return parse_group (self, keyword) ? keyword : NULL;
  const char *value = skip_to_value (self, keyword->id);
  if (value == self->end) {
    fail (self, self->at, PN_CONVERT_ERROR_TRUNCATED, "the text ends before the value of %s", keyword->name);
    return NULL;
  }
  gboolean opaque = keyword->id == PN_NAME_MSG_ID || keyword->id == PN_NAME_ORIG_MSG_ID;
  const char *after = read_value (self, value, opaque, &keyword->value);
  if (!after)
    return NULL;
  keyword->raw_end = after - self->text;
  self->at = *after == ';' ? after + 1 : after;
  return keyword;
}

/* A flag; its ';' is part of it, and a ',' in its place is told by *COMMA. */
static PnKeyword *
parse_flag (Parser *self, const char *end, gboolean *comma)
{
  PnKeyword *keyword = new_keyword (self, self->at, end);
  if (!keyword)
    return NULL;
  const char *after = skip_blanks (end, self->end);
  *comma = after < self->end && *after == ',';
  self->at = after < self->end && (*after == ';' || *after == ',') ? after + 1 : end;
  return keyword;
}

static gboolean
entry_has (const PnKeywordEntry *entry, const char *at, const char *end)
{
  for (const PnKeyword *keyword = entry->first; keyword; keyword = keyword->next)
    if (g_ascii_strncasecmp (keyword->name, at, end - at) == 0 && keyword->name[end - at] == '\0')
      return TRUE;
  return FALSE;
}

static PnKeywordEntry *
new_entry (Parser *self, PnKeywordEntry *previous)
{
  PnKeywordEntry *entry = parser_alloc (self, sizeof *entry);
  *entry = (PnKeywordEntry){ NULL, NULL };
  if (previous)
    previous->next = entry;
  return entry;
}

/* Whether a group ends at self->at; if so, steps over what closes it. */
static gboolean
group_ends (Parser *self)
{
  if (*self->at == ';') {
    self->at++;
    return TRUE;
  }
  const char *flag = flag_end (self->at, self->end);
  if (flag && pn_name_find (self->at, flag - self->at) == PN_NAME_END)
    return TRUE;
  return at_line_begin (self, self->at) && is_top_level (self->at, self->end);
}

/* The entries of GROUP, up to and with its ';'. */
static gboolean
parse_group (Parser *self, PnKeyword *group)
{
  if (++self->depth > MAX_DEPTH)
    return fail (self, self->at, PN_CONVERT_ERROR_LIMIT, "groups are nested deeper than %d", MAX_DEPTH);
  PnKeywordEntry *entry = group->entries = new_entry (self, NULL);
  PnKeyword **tail = &entry->first;
  gboolean comma = FALSE; /* a ',' closed a flag: perhaps it separates entries as well */
  for (;;) {
    const char *last = self->at;
    self->at = skip_space (self, self->at);
    if (self->at == self->end)
      return fail (self, self->text + group->offset, PN_CONVERT_ERROR_TRUNCATED, "group %s has no end",
                   group->name);
    const char *here = self->at;
    if (group_ends (self)) {
      group->raw_end = (self->at > here ? here : last) - self->text;
      break;
    }
    const char *flag = flag_end (here, self->end), *name = flag ? flag : name_end (here, self->end);
    if (*here == ',' || (comma && name && entry_has (entry, here, name))) {
      entry = new_entry (self, entry);
      tail = &entry->first;
      comma = FALSE;
      if (*here == ',') {
        self->at++;
        continue;
      }
    }
    comma = FALSE;
    PnKeyword *keyword = flag ? parse_flag (self, flag, &comma) : parse_keyword (self);
    if (!keyword)
      return FALSE;
    *tail = keyword;
    tail = &keyword->next;
  }
  self->depth--;
  return TRUE;
}

/* The top level, up to and with the line of -END-. */
static gboolean
parse_file (Parser *self)
{
  PnKeyword **tail = &self->file->first;
  for (;;) {
    self->at = skip_space (self, self->at);
    if (self->at == self->end)
      return fail (self, self->at, PN_CONVERT_ERROR_TRUNCATED, "the text ends without -END-");
    if (*self->at == ';') { /* one more than the groups needed */
      self->at++;
      continue;
    }
    const char *flag = flag_end (self->at, self->end);
    if (flag && pn_name_find (self->at, flag - self->at) == PN_NAME_END) {
      const char *eol = memchr (flag, '\n', self->end - flag);
      self->file->end = (eol ? eol + 1 : self->end) - self->text;
      return TRUE;
    }
    gboolean comma;
    PnKeyword *keyword = flag ? parse_flag (self, flag, &comma) : parse_keyword (self);
    if (!keyword)
      return FALSE;
    *tail = keyword;
    tail = &keyword->next;
  }
}

PnKeywordFile *
pn_keyword_parse (const char *text, gsize length, GError **error)
{
  Parser parser = { .text = text, .end = text + length, .at = text, .error = error };
  parser.file = parser_alloc (&parser, sizeof *parser.file);
  *parser.file = (PnKeywordFile){ .first = NULL };
  parser.copy = parser_alloc (&parser, length + 1);
  memcpy (parser.copy, text, length);
  parser.copy[length] = '\0';
  if (!parse_file (&parser)) {
    free_slabs (parser.slabs);
    return NULL;
  }
  parser.file->memory = parser.slabs;
  return parser.file;
}

gboolean
pn_keyword_is (const PnKeyword *self, const char *name)
{
  return g_ascii_strcasecmp (self->name, name) == 0;
}

const PnKeyword *
pn_keyword_find (const PnKeyword *first, const char *name)
{
  while (first && !pn_keyword_is (first, name))
    first = first->next;
  return first;
}

const char *
pn_keyword_value (const PnKeyword *first, const char *name)
{
  const PnKeyword *keyword = pn_keyword_find (first, name);
  return keyword ? keyword->value : NULL;
}
