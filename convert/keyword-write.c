/* Writing of the keyword grammar, and its dates. */
#include "convert/civil.h"
#include "convert/keyword.h"
#include "convert/number.h"

#include <string.h>

enum {
  INDENT = 4,
  MAX_LINE = 250 /* longer values are folded at a blank, where they have one */
};

static void
append_blanks (GString *out, guint level)
{
  for (guint i = 0; i < level * INDENT; i++)
    g_string_append_c (out, ' ');
}

static gboolean
is_plain (guchar c)
{
  return c >= ' ' && c < 0x7f && c != '\\' && c != ',' && c != ';' && c != '"';
}

/* The length of the character at TEXT, or 0 if it has to be written byte by byte in hexadecimal. */
static gsize
character_length (const char *text)
{
  guchar c = *text;
  if (c == '\t' || (c >= ' ' && c < 0x7f))
    return 1;
  if (c < 0x80)
    return 0;
  gunichar character = g_utf8_get_char_validated (text, -1);
  return character == (gunichar) -1 || character == (gunichar) -2 ? 0 : g_utf8_next_char (text) - text;
}

static void
append_escaped (GString *out, const char *value, guint level)
{
  gboolean begins = TRUE; /* of the value or of a line of it: a blank would be taken for indentation */
  for (const char *p = value; *p;) {
    const char *plain = p;
    while (is_plain (*p) && (*p != ' ' || (!begins && p[1])))
      begins = FALSE, p++;
    if (p > plain) {
      g_string_append_len (out, plain, p - plain);
      continue;
    }
    gsize length = character_length (p);
    if (*p == '\n') {
      g_string_append (out, "\\\r\n");
      append_blanks (out, level + 1);
      begins = TRUE;
      p++;
      continue;
    }
    if (length == 0)
      g_string_append_printf (out, "\\%%%02X", (guchar) *p);
    else {
      gboolean blank = *p == ' ' || *p == '\t';
      if (blank ? begins || !p[1] : strchr ("\\,;\"", *p) != NULL)
        g_string_append_c (out, '\\');
      g_string_append_len (out, p, length);
    }
    begins = FALSE;
    p += MAX (length, 1);
  }
}

char *
pn_keyword_escape (const char *value)
{
  GString *out = g_string_new (NULL);
  append_escaped (out, value, 0);
  return g_string_free (out, FALSE);
}

/* A blank that reading would restore from a fold: single, and not escaped. */
static gboolean
is_fold (const char *p)
{
  return p[0] == ' ' && !strchr ("\\ \t\n", p[-1]) && !strchr (" \t\r\n", p[1]);
}

/* Folds what stands in OUT from BEGIN on, which is one keyword. */
static void
fold (GString *out, gsize begin, gsize value, guint level)
{
  g_autofree char *line = g_strdup (out->str + begin);
  const char *p = line + (value - begin), *written = line, *blank = NULL, *start = line;
  g_string_truncate (out, begin);
  for (; *p; p++) {
    if (*p == '\n') {
      start = p;
      blank = NULL;
    } else if (is_fold (p))
      blank = p;
    if (p - start < MAX_LINE || !blank)
      continue;
    g_string_append_len (out, written, blank - written);
    g_string_append (out, "\r\n");
    append_blanks (out, level + 1);
    written = blank + 1;
    start = blank;
    blank = NULL;
  }
  g_string_append (out, written);
}

void
pn_keyword_write (GString *out, guint level, const char *name, const char *value)
{
  gsize begin = out->len;
  append_blanks (out, level);
  g_string_append (out, name);
  g_string_append_len (out, "= ", 2);
  gsize at = out->len;
  append_escaped (out, value, level);
  if (out->len - begin > MAX_LINE && pn_name_find (name, strlen (name)) != PN_NAME_MSG_ID
      && pn_name_find (name, strlen (name)) != PN_NAME_ORIG_MSG_ID) /* ids are put together without blanks */
    fold (out, begin, at, level);
  g_string_append_len (out, ";\r\n", 3);
}

void
pn_keyword_write_quoted (GString *out, guint level, const char *name, const char *value)
{
  for (const char *p = value; *p; p++)
    if (*p == '\n' || character_length (p) == 0) { /* not between quotes */
      pn_keyword_write (out, level, name, value);
      return;
    }
  append_blanks (out, level);
  g_string_append_printf (out, "%s= \"", name);
  for (const char *p = value; *p; p++) {
    if (*p == '"' || *p == '\\')
      g_string_append_c (out, '\\');
    g_string_append_c (out, *p);
  }
  g_string_append (out, "\";\r\n");
}

void
pn_keyword_write_flag (GString *out, guint level, const char *name, gboolean semicolon)
{
  append_blanks (out, level);
  g_string_append_printf (out, "%s%s\r\n", name, semicolon ? ";" : "");
}

void
pn_keyword_open_group (GString *out, guint level, const char *name)
{
  append_blanks (out, level);
  g_string_append (out, name);
  g_string_append_len (out, "=\r\n", 3);
}

/* Behind the last ';', on its line; or on a line of its own where there is none. */
static void
append_mark (GString *out, guint level, char mark)
{
  if (g_str_has_suffix (out->str + MAX (out->len, 3) - 3, ";\r\n")
      || g_str_has_suffix (out->str + MAX (out->len, 3) - 3, ",\r\n")) {
    g_string_truncate (out, out->len - 2);
    g_string_append_c (out, ' ');
  } else
    append_blanks (out, level + 1);
  g_string_append_c (out, mark);
  g_string_append_len (out, "\r\n", 2);
}

void
pn_keyword_next_entry (GString *out, guint level)
{
  append_mark (out, level, ',');
}

void
pn_keyword_close_group (GString *out, guint level)
{
  append_mark (out, level, ';');
}

/* Whether "NAME=RAW;" is one keyword of that name. */
static gboolean
is_grammatical (const char *name, const char *raw)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "%s=%s;\r\n-END-\r\n", name, raw);
  g_autoptr (PnKeywordFile) file = pn_keyword_parse (text->str, text->len, NULL);
  return file && file->end == text->len && file->first && !file->first->next
         && strcmp (file->first->name, name) == 0 && file->first->raw_end - file->first->raw == strlen (raw);
}

/* The keywords from FIRST on as they would be written. */
static void
write_tree (GString *out, guint level, const PnKeyword *first)
{
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next) {
    if (keyword->value) {
      pn_keyword_write (out, level, keyword->name, keyword->value);
      continue;
    }
    if (!keyword->entries) {
      pn_keyword_write_flag (out, level, keyword->name, TRUE);
      continue;
    }
    pn_keyword_open_group (out, level, keyword->name);
    for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next) {
      if (entry != keyword->entries)
        pn_keyword_next_entry (out, level);
      write_tree (out, level + 1, entry->first);
    }
    pn_keyword_close_group (out, level);
  }
}

char *
pn_keyword_raw (const PnKeyword *keyword, const char *text)
{
  if (!keyword->value && !keyword->entries)
    return NULL;
  char *raw = g_strndup (text + keyword->raw, keyword->raw_end - keyword->raw);
  if (is_grammatical (keyword->name, raw))
    return raw;
  g_free (raw);
  PnKeyword alone = *keyword;
  alone.next = NULL;
  g_autoptr (GString) out = g_string_new (NULL);
  write_tree (out, 0, &alone);
  gsize begin = strlen (keyword->name) + 1;
  return g_strndup (out->str + begin, out->len - begin - strlen (";\r\n"));
}

void
pn_keyword_write_raw (GString *out, const char *name, const char *raw)
{
  if (!raw)
    pn_keyword_write_flag (out, 0, name, FALSE);
  else if (is_grammatical (name, raw))
    g_string_append_printf (out, "%s=%s;\r\n", name, raw);
  else
    pn_keyword_write (out, 0, name, raw);
}

char **
pn_keyword_split (const char *raw, gsize length)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  const char *at = raw, *end = raw + length;
  while (at <= end) {
    gboolean quoted = FALSE;
    g_string_assign (text, "V=");
    for (; at < end && (quoted || *at != ','); at++) {
      g_string_append_c (text, *at);
      if (*at == '"')
        quoted = !quoted;
      else if (*at == '\\' && at + 1 < end)
        g_string_append_c (text, *++at);
    }
    at++; /* over the ',' */
    g_string_append (text, ";\n-END-");
    g_autoptr (PnKeywordFile) file = pn_keyword_parse (text->str, text->len, NULL);
    const char *value = file ? pn_keyword_value (file->first, "V") : NULL;
    if (value && *value)
      g_ptr_array_add (values, g_strdup (value));
  }
  g_ptr_array_add (values, NULL);
  return (char **) g_ptr_array_steal (values, NULL);
}

enum { MAX_OFFSET = 99 * 60 + 59 };

/* The instants that can be written in four digits of a year wherever on earth: all but the first and the last
 * five days of the years 1 to 9999, as offsets go up to 99 hours. */
static gint64
earliest (void)
{
  return (pn_civil_to_days (1, 1, 1) + 5) * 86400;
}

static gint64
latest (void)
{
  return (pn_civil_to_days (10000, 1, 1) - 5) * 86400 - 1;
}

char *
pn_keyword_format_date (gint64 unix_time, int offset_minutes)
{
  int offset = CLAMP (offset_minutes, -MAX_OFFSET, MAX_OFFSET);
  gint64 local = CLAMP (unix_time, earliest (), latest ()) + offset * 60;
  gint64 days = pn_day_of (local);
  int seconds = local - days * 86400, year, month, day;
  pn_days_to_civil (days, &year, &month, &day);
  char *date = g_strdup ("00/00/0000 00:00:00 +00:00");
  pn_number_put (date, (guint) day, 2);
  pn_number_put (date + 3, (guint) month, 2);
  pn_number_put (date + 6, (guint) year, 4);
  pn_number_put (date + 11, (guint) seconds / 3600, 2);
  pn_number_put (date + 14, (guint) seconds / 60 % 60, 2);
  pn_number_put (date + 17, (guint) seconds % 60, 2);
  if (offset < 0)
    date[20] = '-';
  pn_number_put (date + 21, (guint) ABS (offset) / 60, 2);
  pn_number_put (date + 24, (guint) ABS (offset) % 60, 2);
  return date;
}

/* A number of at most MAX digits at *P. */
static gboolean
take_number (const char **p, guint max, int *number, guint *digits)
{
  guint n = 0;
  *number = 0;
  while (n < max && g_ascii_isdigit ((*p)[n]))
    *number = *number * 10 + ((*p)[n++] - '0');
  *p += n;
  if (digits)
    *digits = n;
  return n > 0 && !g_ascii_isdigit (**p);
}

static gboolean
take_character (const char **p, char c)
{
  if (**p != c)
    return FALSE;
  ++*p;
  return TRUE;
}

static void
skip_date_blanks (const char **p)
{
  while (**p == ' ' || **p == '\t')
    ++*p;
}

/* [+/-HH[:MM]], perhaps with no colon. */
static gboolean
take_offset (const char **p, int default_offset, int *offset)
{
  *offset = default_offset;
  if (!**p)
    return TRUE;
  gboolean west = **p == '-';
  if (!take_character (p, '+') && !take_character (p, '-'))
    return FALSE;
  int hours, minutes = 0;
  guint digits;
  if (!take_number (p, 4, &hours, &digits))
    return FALSE;
  if (digits > 2) {
    minutes = hours % 100;
    hours /= 100;
  } else if (take_character (p, ':') && !take_number (p, 2, &minutes, NULL))
    return FALSE;
  if (minutes > 59)
    return FALSE;
  *offset = (hours * 60 + minutes) * (west ? -1 : 1);
  return TRUE;
}

gboolean
pn_keyword_parse_date (const char *text, int default_offset, gint64 *unix_time, int *offset_minutes)
{
  int day, month, year, hour = 0, minute = 0, second = 0, offset;
  guint digits;
  const char *p = text;
  skip_date_blanks (&p);
  if (!take_number (&p, 2, &day, NULL) || !take_character (&p, '/') || !take_number (&p, 2, &month, NULL)
      || !take_character (&p, '/') || !take_number (&p, 4, &year, &digits))
    return FALSE;
  if (digits <= 2)
    year += year >= 70 ? 1900 : 2000;
  skip_date_blanks (&p);
  if (g_ascii_isdigit (*p)) {
    if (!take_number (&p, 2, &hour, NULL) || !take_character (&p, ':') || !take_number (&p, 2, &minute, NULL))
      return FALSE;
    if (take_character (&p, ':') && !take_number (&p, 2, &second, NULL))
      return FALSE;
    skip_date_blanks (&p);
  }
  if (!take_offset (&p, default_offset, &offset))
    return FALSE;
  skip_date_blanks (&p);
  if (*p || month < 1 || month > 12 || day < 1 || day > pn_days_of_month (year, month) || hour > 23
      || minute > 59 || second > 60)
    return FALSE;
  gint64 utc = pn_civil_to_days (year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset * 60;
  if (utc < earliest () || utc > latest ())
    return FALSE;
  *unix_time = utc;
  *offset_minutes = offset;
  return TRUE;
}
