#include "convert/mime-header.h"

#include "convert/charset.h"

#include <string.h>

gboolean
pn_header_is_field (const char *line, gsize length, gsize *name_length, gsize *value)
{
  gsize i = 0;

  while (i < length && line[i] > 32 && line[i] < 127 && line[i] != ':')
    i++;
  if (i == 0)
    return FALSE;
  *name_length = i;
  while (i < length && (line[i] == ' ' || line[i] == '\t'))
    i++;
  if (i == length || line[i] != ':')
    return FALSE;
  *value = i + 1;
  return TRUE;
}

const char *
pn_next_line (const char *p, const char *end)
{
  const char *lf = p < end ? memchr (p, '\n', (gsize) (end - p)) : NULL;

  return lf != NULL ? lf + 1 : end;
}

gboolean
pn_header_next (const char **cursor, const char *end, PnHeaderField *field)
{
  const char *p = *cursor;

  while (p < end) {
    const char *line = p, *stop = pn_next_line (p, end);
    gsize value;

    p = stop;
    if (!pn_header_is_field (line, stop - line, &field->name_length, &value))
      continue;
    while (p < end && (*p == ' ' || *p == '\t'))
      p = stop = pn_next_line (p, end);
    if (stop > line && stop[-1] == '\n')
      stop--;
    if (stop > line && stop[-1] == '\r')
      stop--;
    field->name = line;
    field->value = line + value;
    field->value_length = stop > field->value ? stop - field->value : 0;
    *cursor = p;
    return TRUE;
  }
  *cursor = end;
  return FALSE;
}

gboolean
pn_header_name_is (const PnHeaderField *field, const char *name)
{
  return g_ascii_strncasecmp (field->name, name, field->name_length) == 0 && name[field->name_length] == '\0';
}

/* Encoded words. */

typedef struct {
  const char *charset; /* borrowed; ends at '?' or '*' */
  gsize charset_length;
  gboolean base64;
  const char *text;
  gsize text_length;
  const char *end; /* behind "?=" */
} EncodedWord;

static const char *
skip_blanks (const char *p, const char *end)
{
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
    p++;
  return p;
}

/* Where "=?" stands next. */
static const char *
find_word (const char *p, const char *end)
{
  while ((p = memchr (p, '=', end - p)) != NULL) {
    if (p + 1 < end && p[1] == '?')
      return p;
    p++;
  }
  return NULL;
}

/* Whether the "?=" at P is a question mark that was left as it is and an escape behind it, as in
 * "=?utf-8?Q?Why?=20not??=". */
static gboolean
is_question (const char *p, const char *end)
{
  if (end - p < 6 || !g_ascii_isxdigit (p[2]) || !g_ascii_isxdigit (p[3]))
    return FALSE;
  for (const char *q = p + 4, *limit = MIN (end, p + 80); q + 1 < limit && (guint8) *q > ' '; q++)
    if (q[0] == '?' && q[1] == '=')
      return TRUE;
    else if (q[0] == '=' && q[1] == '?')
      return FALSE;
  return FALSE;
}

/* Longer than any encoded word that a sender writes. */
#define MAX_LOST 512

/* Where the text at P of a word that lost its "?=" ends: at the blank before the next word, or at END if all
 * up to there may be such text.  NULL if that is not so. */
static const char *
find_lost_end (const char *p, const char *end, gboolean base64)
{
  const char *limit = MIN (end, p + MAX_LOST);

  for (; p < limit; p++) {
    if (g_ascii_isgraph (*p) && (!base64 || g_ascii_isalnum (*p) || strchr ("+/=?", *p) != NULL))
      continue;
    const char *next = skip_blanks (p, end);
    return next > p && end - next > 1 && next[0] == '=' && next[1] == '?' ? p : NULL;
  }
  return limit == end ? end : NULL;
}

static gboolean
is_known_charset (const EncodedWord *word)
{
  g_autofree char *label = g_strndup (word->charset, word->charset_length);
  char name[64];

  return pn_charset_find (label, name);
}

/* The text of WORD from where it begins.  *NO_MORE is set when no "?=" follows at all, which saves looking
 * again. */
static gboolean
find_text_end (EncodedWord *word, const char *end, gboolean *no_more)
{
  const char *q = *no_more ? NULL : word->text;

  while (q != NULL && (q = memchr (q, '?', end - q)) != NULL) {
    if (q + 1 == end)
      q = NULL;
    else if (q[1] == '=' && (word->base64 || !is_question (q, end)))
      break;
    else
      q++;
  }
  *no_more = q == NULL;
  const char *lost = find_lost_end (word->text, q != NULL ? q : end, word->base64);
  if (lost != NULL && lost != q && lost > word->text && is_known_charset (word)) {
    word->text_length = lost - word->text;
    word->end = lost;
    return TRUE;
  }
  if (q == NULL)
    return FALSE;
  word->text_length = q - word->text;
  word->end = q + 2;
  return TRUE;
}

/* An encoded word at P, where "=?" stands. */
static gboolean
parse_word (const char *p, const char *end, EncodedWord *word, gboolean *no_more)
{
  const char *q = skip_blanks (p + 2, end), *limit = MIN (end, q + 128);

  word->charset = q;
  while (q < limit && *q != '?' && *q > ' ')
    q++;
  word->charset_length = q - word->charset;
  q = skip_blanks (q, end);
  if (q == end || *q != '?' || word->charset_length == 0)
    return FALSE;
  q = skip_blanks (q + 1, end);
  if (q == end || strchr ("BbQq", *q) == NULL || *q == '\0')
    return FALSE;
  word->base64 = *q == 'B' || *q == 'b';
  q = skip_blanks (q + 1, end);
  if (q == end || *q != '?')
    return FALSE;
  word->text = q + 1;
  return find_text_end (word, end, no_more);
}

static void
decode_q (GString *out, const char *p, gsize length)
{
  const char *end = p + length;

  for (; p < end; p++) {
    if (*p == '_')
      g_string_append_c (out, ' ');
    else if (*p == '=' && end - p >= 3 && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2])) {
      g_string_append_c (out, (char) (g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
      p += 2;
    } else if (*p == '\r' || *p == '\n') {
      continue;
    } else {
      g_string_append_c (out, *p);
    }
  }
}

/* Bits that one B word leaves to the next: some senders cut the base64 stream and not the text. */
typedef struct {
  guint32 bits;
  guint count; /* characters, 0 to 3 */
} Base64State;

static int
base64_value (char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static void
flush_b (GString *out, Base64State *state)
{
  if (state->count >= 2)
    g_string_append_c (out, (char) (state->bits >> (state->count == 2 ? 4 : 10)));
  if (state->count == 3)
    g_string_append_c (out, (char) (state->bits >> 2));
  state->bits = state->count = 0;
}

static void
decode_b (GString *out, const char *p, gsize length, Base64State *state)
{
  /* Left-over bits that are all zero are padding whose '=' was forgotten, not half a byte. */
  if (state->count >= 2 && (state->bits & (state->count == 2 ? 0xF : 0x3)) == 0)
    flush_b (out, state);
  for (const char *end = p + length; p < end; p++) {
    int value = base64_value (*p);
    if (*p == '=')
      flush_b (out, state);
    if (value < 0)
      continue;
    state->bits = state->bits << 6 | (guint32) value;
    if (++state->count == 4) {
      g_string_append_c (out, (char) (state->bits >> 16));
      g_string_append_c (out, (char) (state->bits >> 8));
      g_string_append_c (out, (char) state->bits);
      state->bits = state->count = 0;
    }
  }
}

static gboolean
same_charset (const EncodedWord *a, const EncodedWord *b)
{
  const char *a_star = memchr (a->charset, '*', a->charset_length);
  const char *b_star = memchr (b->charset, '*', b->charset_length);
  gsize a_length = a_star != NULL ? (gsize) (a_star - a->charset) : a->charset_length;
  gsize b_length = b_star != NULL ? (gsize) (b_star - b->charset) : b->charset_length;

  return a_length == b_length && g_ascii_strncasecmp (a->charset, b->charset, a_length) == 0;
}

static void
append_converted (GString *out, const char *bytes, gsize length, const char *charset,
                  PnHeaderContext *context)
{
  PnCharsetResult result;
  gsize converted;
  g_autofree char *text
      = pn_charset_decode (bytes, length, charset, context->charset, FALSE, &converted, &result);

  context->damaged += result.invalid;
  g_string_append_len (out, text, converted);
}

/* Decodes WORD and the words that follow it with nothing but blanks between, as long as they are of one
 * charset: a character may be cut between them.  Returns where the last one ends. */
static const char *
decode_words (GString *out, EncodedWord *word, const char *end, gboolean *no_more, PnHeaderContext *context)
{
  g_autoptr (GString) bytes = g_string_sized_new (word->text_length + 64);
  g_autofree char *charset = g_strndup (word->charset, word->charset_length);
  Base64State state = { 0, 0 };

  for (;;) {
    if (word->base64) {
      decode_b (bytes, word->text, word->text_length, &state);
    } else {
      flush_b (bytes, &state);
      decode_q (bytes, word->text, word->text_length);
    }
    EncodedWord next;
    const char *p = skip_blanks (word->end, end);
    if (end - p < 6 || p[0] != '=' || p[1] != '?' || !parse_word (p, end, &next, no_more)
        || !same_charset (word, &next))
      break;
    *word = next;
  }
  flush_b (bytes, &state);
  append_converted (out, bytes->str, bytes->len, charset, context);
  return word->end;
}

/* Line breaks and NUL must not come out of an encoded word: they would begin a field of the sender's choice;
 * nor ESC, which would make a terminal obey, or another charset of the text when it is written and read
 * again.  A byte order mark shows nothing, and would be lost at the beginning of the next word. */
static void
make_safe (GString *text)
{
  char *to = text->str;

  for (const char *p = text->str, *end = p + text->len; p < end; p++) {
    if (*p == '\0' || *p == '\x1B' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
      continue;
    if (end - p >= 3 && memcmp (p, "\xEF\xBB\xBF", 3) == 0) {
      p += 2;
      continue;
    }
    *to++ = *p == '\r' || *p == '\n' ? ' ' : *p;
  }
  g_string_truncate (text, to - text->str);
}

/* Text between encoded words: folds removed, a tab at a fold made a blank. */
static void
append_plain (GString *out, const char *p, const char *end, PnHeaderContext *context)
{
  g_autoptr (GString) flat = g_string_sized_new (end - p);

  while (p < end) {
    const char *stop = memchr (p, '\n', end - p);
    gsize length = (stop != NULL ? stop : end) - p;
    if (stop != NULL && length > 0 && p[length - 1] == '\r')
      length--;
    g_string_append_len (flat, p, length);
    p = stop != NULL ? stop + 1 : end;
    if (stop != NULL && p < end && *p == '\t') {
      g_string_append_c (flat, ' ');
      p++;
    }
  }
  if (pn_charset_is_ascii (flat->str, flat->len))
    g_string_append_len (out, flat->str, flat->len);
  else
    append_converted (out, flat->str, flat->len, NULL, context);
}

static void
trim (const char **p, const char **end)
{
  while (*p < *end && g_ascii_isspace (**p))
    (*p)++;
  while (*end > *p && g_ascii_isspace ((*end)[-1]))
    (*end)--;
}

char *
pn_header_decode (const char *raw, gsize length, PnHeaderContext *context)
{
  const char *p = raw, *end = raw + length;

  trim (&p, &end);
  length = end - p;
  /* Nearly every field takes this way. */
  if (memchr (p, '\n', length) == NULL && find_word (p, end) == NULL && memchr (p, '\r', length) == NULL
      && pn_charset_is_ascii (p, length))
    return g_strndup (p, length);

  GString *out = g_string_sized_new (length + 16);
  gboolean no_more = FALSE, after_word = FALSE;
  const char *plain = p;
  while ((p = find_word (p, end)) != NULL) {
    EncodedWord word;
    if (!parse_word (p, end, &word, &no_more)) {
      p += 2;
      continue;
    }
    /* Blanks between two encoded words are not part of the text, also if the charset changes. */
    if (!after_word || skip_blanks (plain, p) != p)
      append_plain (out, plain, p, context);
    plain = p = decode_words (out, &word, end, &no_more, context);
    after_word = TRUE;
  }
  append_plain (out, plain, end, context);
  make_safe (out);
  return pn_charset_compose (g_string_free (out, FALSE));
}

gboolean
pn_header_is_native_id (const char *id)
{
  static const guint8 groups[4] = { 8, 4, 4, 8 };

  for (guint i = 0; i < 4; i++) {
    for (guint k = 0; k < groups[i]; k++)
      if (!g_ascii_isxdigit (*id++))
        return FALSE;
    if (i < 3 && *id++ != '.')
      return FALSE;
  }
  return *id == '\0';
}

void
pn_header_parse_ids (const char *raw, gsize length, GPtrArray *ids)
{
  const char *p = raw, *end = raw + length;

  while (p < end) {
    const char *start;
    gboolean bracket = FALSE;

    /* A comment or a quoted phrase between the ids ("message of Friday") is passed over, as it has no '@'. */
    while (p < end && (g_ascii_isspace (*p) || *p == ',' || *p == ';' || *p == '>' || *p == '\0'))
      p++;
    if (p < end && *p == '<')
      bracket = TRUE, p++;
    start = p;
    while (p < end && *p != '<' && *p != '>' && *p != '\0'
           && (bracket || (!g_ascii_isspace (*p) && *p != ',')))
      p++;
    if (p == start || (!bracket && memchr (start, '@', p - start) == NULL))
      continue;
    GString *id = g_string_sized_new (p - start);
    for (const char *q = start; q < p; q++)
      if (!g_ascii_isspace (*q))
        g_string_append_c (id, *q);
    if (id->len > 0 && id->len <= 2048 && g_utf8_validate (id->str, (gssize) id->len, NULL))
      g_ptr_array_add (ids, g_string_free (id, FALSE));
    else
      g_string_free (id, TRUE);
  }
}
