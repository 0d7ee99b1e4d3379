#include "convert/mime-write-header.h"

#include <string.h>

/* RFC 2047 2: an encoded word has at most 75 characters, a line that holds one at most 76. */
#define WORD_MAX 75
#define WORD_LINE 76
#define WORD_HEAD "=?utf-8?"
/* "=?utf-8?B?" and "?=" */
#define WORD_COST 12
/* The longest token that is left alone; longer ones could not be folded within 998. */
#define TOKEN_MAX 900
#define UNKNOWN "unknown@address.invalid"

static const char ATEXT[] = "!#$%&'*+-/=?^_`{|}~";

static gboolean
is_atext (char c)
{
  return g_ascii_isalnum (c) || (c && strchr (ATEXT, c));
}

gboolean
pn_field_is_ascii (const char *text)
{
  for (; *text; text++)
    if ((guchar) *text >= 0x80)
      return FALSE;
  return TRUE;
}

/* --- tokens ------------------------------------------------------------------------------------------- */

void
pn_field_begin (PnWriteField *self, GString *out, const char *name)
{
  *self = (PnWriteField){ .out = out, .line = out->len, .fresh = TRUE };
  g_string_append (out, name);
  g_string_append_c (out, ':');
}

static gsize
column (const PnWriteField *self)
{
  return self->out->len - self->line;
}

static void
fold (PnWriteField *self)
{
  g_string_append (self->out, "\r\n");
  self->line = self->out->len;
}

void
pn_field_token (PnWriteField *self, const char *token)
{
  gsize length = strlen (token);
  gboolean too_long = column (self) + 1 + length > (self->fresh ? PN_FIELD_LINE_MAX : PN_FIELD_COLUMNS - 1);
  if (too_long)
    fold (self);
  g_string_append_c (self->out, ' ');
  g_string_append_len (self->out, token, length);
  self->fresh = FALSE;
}

void
pn_field_glue (PnWriteField *self, const char *text)
{
  g_string_append (self->out, text);
}

void
pn_field_end (PnWriteField *self)
{
  if (self->fresh)
    g_string_append_c (self->out, ' ');
  g_string_append (self->out, "\r\n");
}

/* --- encoded words ------------------------------------------------------------------------------------ */

static gboolean
q_literal (char c, gboolean phrase)
{
  if (g_ascii_isalnum (c))
    return TRUE;
  if (phrase)
    return c && strchr ("!*+-/", c);
  return c > ' ' && c < 0x7f && !strchr ("=?_\"", c);
}

static gsize
q_cost (const char *text, gsize length, gboolean phrase)
{
  gsize cost = 0;
  for (gsize i = 0; i < length; i++)
    cost += text[i] == ' ' || q_literal (text[i], phrase) ? 1 : 3;
  return cost;
}

static gsize
character_length (const char *text, gsize length)
{
  gsize n = 1;
  while (n < length && ((guchar) text[n] & 0xc0) == 0x80)
    n++;
  return n;
}

/* How many bytes of TEXT go into a Q word with ROOM characters: whole characters only. */
static gsize
q_chunk (const char *text, gsize length, gsize room, gboolean phrase)
{
  gsize taken = 0;
  while (taken < length) {
    gsize n = character_length (text + taken, length - taken);
    gsize cost = q_cost (text + taken, n, phrase);
    if (cost > room)
      break;
    room -= cost;
    taken += n;
  }
  return taken;
}

/* The same for a B word.  A word that ends on a multiple of three needs no padding, and padding inside a row
 * of words makes GMime before 3.2.14 lose the next one, so such an end is preferred for all but the last. */
static gsize
b_chunk (const char *text, gsize length, gsize room)
{
  gsize max = room / 4 * 3;
  if (length <= max)
    return length;
  gsize taken = 0, aligned = 0;
  while (taken < length) {
    gsize n = character_length (text + taken, length - taken);
    if (taken + n > max)
      break;
    taken += n;
    if (taken % 3 == 0)
      aligned = taken;
  }
  return aligned > 0 ? aligned : taken;
}

static void
append_q (GString *out, const char *text, gsize length, gboolean phrase)
{
  for (gsize i = 0; i < length; i++) {
    if (text[i] == ' ')
      g_string_append_c (out, '_');
    else if (q_literal (text[i], phrase))
      g_string_append_c (out, text[i]);
    else
      g_string_append_printf (out, "=%02X", (guchar) text[i]);
  }
}

/* Appends TEXT as encoded words; BLANK says whether the first is preceded by a blank. */
static void
append_words (PnWriteField *self, const char *text, gboolean phrase, gboolean blank)
{
  gsize length = strlen (text);
  gboolean q = q_cost (text, length, phrase) <= (length + 2) / 3 * 4;
  do {
    gsize used = column (self) + (blank ? 1 : 0) + WORD_COST;
    gsize room = used + 16 > WORD_LINE ? 0 : MIN (WORD_LINE - used, WORD_MAX - WORD_COST);
    if (room == 0 && blank) {
      fold (self);
      room = WORD_LINE - 1 - WORD_COST;
    } else if (room == 0)
      room = 16;
    gsize n = q ? q_chunk (text, length, room, phrase) : b_chunk (text, length, room);
    if (blank)
      g_string_append_c (self->out, ' ');
    g_string_append (self->out, q ? WORD_HEAD "Q?" : WORD_HEAD "B?");
    if (q)
      append_q (self->out, text, n, phrase);
    else {
      g_autofree char *encoded = g_base64_encode ((const guchar *) text, n);
      g_string_append (self->out, encoded);
    }
    g_string_append (self->out, "?=");
    text += n;
    length -= n;
    blank = TRUE;
  } while (length > 0);
  self->fresh = FALSE;
}

void
pn_field_words (PnWriteField *self, const char *text, gboolean phrase)
{
  append_words (self, text, phrase, TRUE);
}

/* --- text --------------------------------------------------------------------------------------------- */

/* Line breaks would end the field, so they become blanks; what is no UTF-8 becomes U+FFFD. */
static char *
one_line (const char *text)
{
  char *line = g_utf8_make_valid (text, -1);
  char *to = line;
  for (const char *from = line; *from; from++) {
    if (*from == '\r' && from[1] == '\n')
      continue;
    *to++ = *from == '\n' || *from == '\r' ? ' ' : *from;
  }
  *to = '\0';
  return line;
}

static gboolean
token_needs_words (const char *token, gsize length)
{
  if (length == 0 || length > TOKEN_MAX || token[0] == ' ' || token[length - 1] == ' ')
    return TRUE;
  for (gsize i = 0; i < length; i++)
    if ((guchar) token[i] >= 0x7f || (guchar) token[i] < ' ' || (token[i] == '=' && token[i + 1] == '?'))
      return TRUE;
  return FALSE;
}

/* The end of the token that begins at TEXT: a single blank between two other characters, where a fold changes
 * nothing for a reader who unfolds. */
static const char *
token_end (const char *text)
{
  for (const char *p = text; *p; p++)
    if (*p == ' ' && p > text && p[-1] != ' ' && p[1] && p[1] != ' ')
      return p;
  return text + strlen (text);
}

static void
add_tokens (PnWriteField *field, const char *text)
{
  while (*text) {
    const char *end = token_end (text);
    g_autofree char *token = g_strndup (text, end - text);
    pn_field_token (field, token);
    text = *end ? end + 1 : end;
  }
}

void
pn_field_text (GString *out, const char *name, const char *text)
{
  g_autofree char *line = one_line (text);
  const char *first = NULL, *last = NULL;
  for (const char *p = line; *p;) {
    const char *end = token_end (p);
    if (token_needs_words (p, end - p)) {
      first = first ? first : p;
      last = end;
    }
    p = *end ? end + 1 : end;
  }

  PnWriteField field;
  pn_field_begin (&field, out, name);
  if (!first) {
    add_tokens (&field, line);
  } else {
    g_autofree char *before = g_strndup (line, first > line ? first - line - 1 : 0);
    g_autofree char *words = g_strndup (first, last - first);
    add_tokens (&field, before);
    pn_field_words (&field, words, FALSE);
    if (*last)
      add_tokens (&field, last + 1);
  }
  pn_field_end (&field);
}

void
pn_field_plain (GString *out, const char *name, const char *value)
{
  g_autofree char *line = g_strdup (value);
  for (char *p = line; *p; p++)
    if (((guchar) *p < ' ' && *p != '\t') || (guchar) *p >= 0x7f)
      *p = (guchar) *p < ' ' ? ' ' : '?';
  PnWriteField field;
  pn_field_begin (&field, out, name);
  add_tokens (&field, line);
  pn_field_end (&field);
}

char *
pn_field_format_date (gint64 unix_time, int offset)
{
  static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char *const months[]
      = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  offset = CLAMP (offset, -23 * 60 - 59, 23 * 60 + 59);
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (unix_time);
  g_autoptr (GDateTime) local = utc ? g_date_time_add_minutes (utc, offset) : NULL;
  if (!local)
    return g_strdup ("Thu, 01 Jan 1970 00:00:00 +0000");
  return g_strdup_printf (
      "%s, %02d %s %04d %02d:%02d:%02d %c%02d%02d", days[g_date_time_get_day_of_week (local) - 1],
      g_date_time_get_day_of_month (local), months[g_date_time_get_month (local) - 1],
      g_date_time_get_year (local), g_date_time_get_hour (local), g_date_time_get_minute (local),
      g_date_time_get_second (local), offset < 0 ? '-' : '+', ABS (offset) / 60, ABS (offset) % 60);
}

void
pn_field_date (GString *out, const char *name, gint64 unix_time, int offset)
{
  g_autofree char *date = pn_field_format_date (unix_time, offset);
  pn_field_plain (out, name, date);
}

void
pn_field_ids (GString *out, const char *name, char *const *ids, gsize n)
{
  PnWriteField field;
  pn_field_begin (&field, out, name);
  for (gsize i = 0; i < n; i++) {
    g_autofree char *id = g_utf8_make_valid (ids[i], -1);
    g_autoptr (GString) token = g_string_new ("<");
    for (const char *p = id; *p && token->len < TOKEN_MAX; p++)
      if ((guchar) *p > ' ' && *p != 0x7f && *p != '<' && *p != '>')
        g_string_append_c (token, *p);
    const char *whole;
    if (!g_utf8_validate (token->str, -1, &whole)) /* cut inside a character */
      g_string_truncate (token, (gsize) (whole - token->str));
    g_string_append_c (token, '>');
    pn_field_token (&field, token->str);
  }
  pn_field_end (&field);
}

/* --- addresses ---------------------------------------------------------------------------------------- */

static void
append_quoted (GString *out, const char *text, gsize length)
{
  g_string_append_c (out, '"');
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '"' || text[i] == '\\')
      g_string_append_c (out, '\\');
    if ((guchar) text[i] >= ' ' && text[i] != 0x7f)
      g_string_append_c (out, text[i]);
  }
  g_string_append_c (out, '"');
}

static gboolean
is_dot_atom (const char *text, gsize length)
{
  if (length == 0 || text[0] == '.' || text[length - 1] == '.')
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!(is_atext (text[i]) || (guchar) text[i] >= 0x80 || (text[i] == '.' && text[i + 1] != '.')))
      return FALSE;
  return TRUE;
}

/* A native name as part of a local part: the gateway reads an underscore as a blank. */
static void
append_native (GString *out, const char *name)
{
  if (!name || !*name)
    return;
  if (out->len > 0)
    g_string_append_c (out, '.');
  for (const char *p = name; *p; p++)
    g_string_append_c (out, *p == ' ' ? '_' : *p);
}

static void
append_domain (GString *out, const char *domain)
{
  g_autofree char *valid = g_utf8_make_valid (domain, -1);
  g_autofree char *ascii = pn_field_is_ascii (valid) ? NULL : g_hostname_to_ascii (valid);
  for (const char *p = ascii ? ascii : valid; *p; p++)
    if ((guchar) *p > ' ' && !strchr ("<>(),;\"", *p) && *p != 0x7f)
      g_string_append_c (out, *p);
}

static gboolean
is_quoted_string (const char *text, gsize length)
{
  if (length < 2 || text[0] != '"' || text[length - 1] != '"')
    return FALSE;
  for (gsize i = 1; i < length - 1; i++) {
    if ((guchar) text[i] < ' ' || text[i] == 0x7f || text[i] == '"')
      return FALSE;
    if (text[i] == '\\' && ++i == length - 1)
      return FALSE;
  }
  return TRUE;
}

/* The Internet address: also of someone outside whom the post office knows by it as by a user's name. */
static const char *
internet_of (const PnAddress *address)
{
  if (address->internet && *address->internet)
    return address->internet;
  const char *at = address->user ? strchr (address->user, '@') : NULL;
  return at && at > address->user && at[1] ? address->user : NULL;
}

char *
pn_field_addr_spec (const PnAddress *address, const char *default_domain)
{
  GString *out = g_string_new (NULL);
  const char *domain = default_domain;
  g_autoptr (GString) local = g_string_new (NULL);
  const char *internet = internet_of (address);
  if (internet) {
    const char *at = strrchr (internet, '@');
    g_string_append_len (local, internet, at ? at - internet : (gssize) strlen (internet));
    if (at)
      domain = at + 1;
  } else {
    append_native (local, address->user);
    append_native (local, address->post_office);
    append_native (local, address->domain);
    if (local->len == 0) { /* a name alone */
      g_string_free (out, TRUE);
      return g_strdup (UNKNOWN);
    }
  }
  g_autofree char *valid = g_utf8_make_valid (local->str, (gssize) local->len);
  g_string_assign (local, valid);
  gboolean quoted = is_quoted_string (local->str, local->len);
  if (quoted || is_dot_atom (local->str, local->len))
    g_string_append (out, local->str);
  else
    append_quoted (out, local->str, local->len);
  if (domain) {
    g_string_append_c (out, '@');
    append_domain (out, domain);
  }
  if (out->len > TOKEN_MAX) /* no line could hold it, and nobody has it */
    g_string_assign (out, UNKNOWN);
  return g_string_free (out, FALSE);
}

static gboolean
is_atoms (const char *name)
{
  if (!*name || *name == ' ' || name[strlen (name) - 1] == ' ')
    return FALSE;
  for (const char *p = name; *p; p++)
    if (!is_atext (*p) && !(*p == ' ' && p[1] != ' '))
      return FALSE;
  return TRUE;
}

/* A display name or group name.  A fold inside a quoted string is taken for part of it by GMime and others,
 * so what does not fit in one line quoted is written as words. */
void
pn_field_phrase (PnWriteField *self, const char *name)
{
  g_autofree char *line = one_line (name);
  gsize length = strlen (line);
  if (length >= 2 && line[0] == '"' && line[length - 1] == '"') {
    /* readers, ours too, take one pair of quotes around a whole name for those of a quoted string */
    g_autofree char *bare = g_steal_pointer (&line);
    line = g_strconcat ("\"", bare, "\"", NULL);
  }
  gboolean plain = !strstr (line, "=?");
  for (const char *p = line; *p && plain; p++)
    plain = (guchar) *p >= ' ' && (guchar) *p < 0x7f;
  gboolean atoms = plain && is_atoms (line);
  if (!plain || (!atoms && strlen (line) > PN_FIELD_COLUMNS - 8) || strlen (line) > TOKEN_MAX) {
    pn_field_words (self, line, TRUE);
  } else if (atoms) {
    add_tokens (self, line);
  } else {
    g_autoptr (GString) quoted = g_string_new (NULL);
    append_quoted (quoted, line, strlen (line));
    pn_field_token (self, quoted->str);
  }
}

void
pn_field_address (PnWriteField *self, const PnAddress *address, const char *default_domain)
{
  g_autofree char *spec = pn_field_addr_spec (address, default_domain);
  const char *name = address->name && *address->name ? address->name : NULL;
  if (!name && address->internet && strcmp (spec, UNKNOWN) == 0)
    name = address->internet;
  if (name)
    pn_field_phrase (self, name);
  /* a word alone would be a name */
  g_autofree char *token = name || !strchr (spec, '@') ? g_strdup_printf ("<%s>", spec) : g_strdup (spec);
  pn_field_token (self, token);
}

/* --- parameters --------------------------------------------------------------------------------------- */

static gboolean
is_token (const char *value)
{
  if (!*value)
    return FALSE;
  for (const char *p = value; *p; p++)
    if ((guchar) *p <= ' ' || (guchar) *p >= 0x7f || strchr ("()<>@,;:\\\"/[]?=", *p))
      return FALSE;
  return !strchr (value, '\'');
}

static void
add_rfc2231 (PnWriteField *self, const char *name, const char *value)
{
  g_autoptr (GString) encoded = g_string_new (NULL);
  g_autoptr (GPtrArray) pieces = g_ptr_array_new_with_free_func (g_free);
  gsize used = strlen (name) + 10; /* a line of its own, however long the name */
  gsize room = used + 24 < PN_FIELD_COLUMNS ? PN_FIELD_COLUMNS - used : 24;
  gsize limit = room - strlen ("utf-8''");
  for (const char *p = value; *p;) {
    gsize n = character_length (p, strlen (p));
    gsize before = encoded->len;
    for (gsize i = 0; i < n; i++, p++) {
      if (g_ascii_isalnum (*p) || (*p && strchr ("!#$&+-.^_`{|}~", *p)))
        g_string_append_c (encoded, *p);
      else
        g_string_append_printf (encoded, "%%%02X", (guchar) *p);
    }
    if (encoded->len > limit) {
      g_ptr_array_add (pieces, g_strndup (encoded->str, before));
      g_string_erase (encoded, 0, before);
      limit = room;
    }
  }
  g_ptr_array_add (pieces, g_strdup (encoded->str));
  for (guint i = 0; i < pieces->len; i++) {
    const char *piece = g_ptr_array_index (pieces, i);
    const char *charset = i == 0 ? "utf-8''" : "";
    g_autofree char *token = pieces->len == 1 ? g_strdup_printf ("%s*=%s%s", name, charset, piece)
                                              : g_strdup_printf ("%s*%u*=%s%s", name, i, charset, piece);
    pn_field_glue (self, ";");
    pn_field_token (self, token);
  }
}

static gboolean
is_quotable (const char *value)
{
  if (strlen (value) > TOKEN_MAX / 2 || strstr (value, "=?"))
    return FALSE;
  /* Readers take values of this form for RFC 2231 whose star was forgotten. */
  const char *quote = strchr (value, '\'');
  if (quote && strchr (quote + 1, '\'') && strchr (quote, '%'))
    return FALSE;
  for (const char *p = value; *p; p++)
    if ((guchar) *p < ' ' || (guchar) *p >= 0x7f)
      return FALSE;
  return TRUE;
}

static void
add_plain_parameter (PnWriteField *self, const char *name, const char *value)
{
  g_autoptr (GString) token = g_string_new (name);
  g_string_append_c (token, '=');
  if (is_token (value))
    g_string_append (token, value);
  else
    append_quoted (token, value, strlen (value));
  pn_field_glue (self, ";");
  pn_field_token (self, token->str);
}

void
pn_field_parameter (PnWriteField *self, const char *name, const char *value)
{
  g_autofree char *line = one_line (value);
  if (is_quotable (line))
    add_plain_parameter (self, name, line);
  else
    add_rfc2231 (self, name, line);
}

void
pn_field_parameter_words (PnWriteField *self, const char *name, const char *value)
{
  g_autofree char *line = one_line (value);
  if (is_quotable (line)) {
    add_plain_parameter (self, name, line);
    return;
  }
  pn_field_glue (self, ";");
  fold (self);
  g_string_append_printf (self->out, " %s=\"", name);
  append_words (self, line, TRUE, FALSE);
  g_string_append_c (self->out, '"');
}

static gboolean
is_excepted (const char *parameter, const char *const *except)
{
  for (; except && *except; except++) {
    gsize n = strlen (*except);
    if (g_ascii_strncasecmp (parameter, *except, n) == 0 && (parameter[n] == '=' || parameter[n] == '*'))
      return TRUE;
  }
  return FALSE;
}

/* VALUE, if it is a quoted string, without its quotes and what escapes in it. */
static void
unquote (char *value)
{
  gsize n = strlen (value);
  if (n < 2 || value[0] != '"' || value[n - 1] != '"')
    return;
  char *to = value;
  for (const char *from = value + 1, *end = value + n - 1; from < end; from++) {
    if (*from == '\\' && from + 1 < end)
      from++;
    *to++ = *from;
  }
  *to = '\0';
}

void
pn_field_parameters (PnWriteField *self, const char *parameters, const char *const *except)
{
  g_autofree char *line = parameters ? one_line (parameters) : NULL;
  for (const char *p = line; p && *p;) {
    while (*p == ';' || *p == ' ' || *p == '\t')
      p++;
    const char *begin = p;
    for (gboolean quoted = FALSE; *p && (quoted || *p != ';'); p++) {
      if (*p == '\\' && p[1])
        p++;
      else if (*p == '"')
        quoted = !quoted;
    }
    g_autofree char *one = g_strchomp (g_strndup (begin, p - begin));
    if (!*one || !strchr (one, '=') || is_excepted (one, except))
      continue;
    if (pn_field_is_ascii (one) && strlen (one) <= TOKEN_MAX) {
      pn_field_glue (self, ";");
      pn_field_token (self, one);
      continue;
    }
    char *value = strchr (one, '=');
    *value++ = '\0';
    unquote (value);
    pn_field_parameter (self, one, value);
  }
}
