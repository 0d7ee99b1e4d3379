#include "convert/mime-header.h"

#include "convert/charset.h"

#include <string.h>

/* More than any sender needs, and what keeps a hostile field from growing. */
#define MAX_SEGMENTS 1000
#define MAX_VALUE (64 * 1024)
#define MAX_FILE_NAME 240

/* One "name*1*=value" as written. */
typedef struct {
  char *name; /* lower case, up to the star */
  int index;  /* -1: none */
  gboolean extended;
  gboolean bare; /* the value stood in no quotes */
  guint order;
  GString *value;
} Segment;

static void
segment_clear (gpointer data)
{
  Segment *segment = data;

  g_free (segment->name);
  if (segment->value != NULL)
    g_string_free (segment->value, TRUE);
}

static void
param_clear (gpointer data)
{
  PnHeaderParam *param = data;

  g_free (param->name);
  g_free (param->value);
}

void
pn_header_params_free (PnHeaderParams *self)
{
  if (self == NULL)
    return;
  g_free (self->value);
  g_array_unref (self->array);
  g_free (self);
}

const char *
pn_header_params_get (const PnHeaderParams *self, const char *name)
{
  if (self == NULL)
    return NULL;
  for (guint i = 0; i < self->array->len; i++) {
    const PnHeaderParam *param = &g_array_index (self->array, PnHeaderParam, i);
    if (strcmp (param->name, name) == 0)
      return param->value;
  }
  return NULL;
}

static const char *
skip_space (const char *p, const char *end)
{
  while (p < end) {
    if (g_ascii_isspace (*p)) {
      p++;
    } else if (*p == '(') {
      int depth = 0;
      for (; p < end; p++) {
        depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
        if (depth == 0)
          break;
      }
      p += p < end;
    } else {
      break;
    }
  }
  return p;
}

static const char *
find_char (const char *p, const char *end, char c)
{
  return p < end ? memchr (p, c, (gsize) (end - p)) : NULL;
}

static gboolean
is_token (char c)
{
  return c > 32 && c < 127 && strchr ("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* Whether "name =" stands at P: so that a parameter whose ';' was forgotten is still found. */
static gboolean
begins_param (const char *p, const char *end)
{
  const char *start = p;

  while (p < end && is_token (*p) && p - start < 64)
    p++;
  if (p == start)
    return FALSE;
  while (p < end && (*p == ' ' || *p == '\t'))
    p++;
  return p < end && *p == '=';
}

static const char *
read_quoted (const char *p, const char *end, GString *value)
{
  for (p++; p < end && *p != '"'; p++) {
    /* A path of another system is quoted without doubling its backslashes. */
    if (*p == '\\' && end - p >= 2 && (p[1] == '"' || p[1] == '\\'))
      p++;
    /* Of a fold only the blank is part of the value. */
    if (*p != '\r' && *p != '\n' && value->len < MAX_VALUE)
      g_string_append_c (value, *p);
  }
  return p < end ? p + 1 : end;
}

/* A value without quotes goes on to the ';': blanks in it belong there, as what was forgotten are the quotes.
 */
static const char *
read_bare (const char *p, const char *end, GString *value)
{
  const char *start = p, *stop = find_char (p, end, ';');

  if (stop == NULL)
    stop = end;
  for (; p < stop && value->len < MAX_VALUE; p++)
    if (*p != '\r' && *p != '\n')
      g_string_append_c (value, *p);
  while (value->len > 0 && g_ascii_isspace (value->str[value->len - 1]))
    g_string_truncate (value, value->len - 1);
  /* "charset=us-ascii (Plain text)" */
  char *comment = value->len > 0 && value->str[value->len - 1] == ')' ? strstr (value->str, " (") : NULL;
  if (comment != NULL && pn_charset_is_ascii (start, stop - start)
      && memchr (value->str, '.', value->len) == NULL)
    g_string_truncate (value, comment - value->str);
  return stop;
}

/* "filename*1*" apart. */
static void
read_name (const char *p, gsize length, Segment *segment)
{
  const char *star = memchr (p, '*', length);

  segment->index = -1;
  segment->extended = FALSE;
  segment->name = g_ascii_strdown (p, star != NULL ? star - p : (gssize) length);
  if (star == NULL)
    return;
  const char *end = p + length;
  if (++star < end && g_ascii_isdigit (*star))
    for (segment->index = 0; star < end && g_ascii_isdigit (*star); star++)
      segment->index = MIN (segment->index * 10 + (*star - '0'), MAX_SEGMENTS);
  if (star == end)
    segment->extended = segment->index < 0;
  else
    segment->extended = *star == '*';
}

static const char *
read_segment (const char *p, const char *end, GArray *segments)
{
  const char *name = p;

  while (p < end && *p != '=' && *p != ';' && !g_ascii_isspace (*p))
    p++;
  gsize length = p - name;
  p = skip_space (p, end);
  if (p == end || *p != '=' || length == 0) {
    const char *next = find_char (p, end, ';');
    return next != NULL ? next : end;
  }
  p++;
  while (p < end && g_ascii_isspace (*p))
    p++;

  Segment segment;
  read_name (name, MIN (length, 256), &segment);
  segment.order = segments->len;
  segment.value = g_string_new (NULL);
  segment.bare = p == end || *p != '"';
  p = p < end && *p == '"' ? read_quoted (p, end, segment.value) : read_bare (p, end, segment.value);
  g_array_append_val (segments, segment);
  return p;
}

static int
compare_segments (gconstpointer a, gconstpointer b)
{
  const Segment *x = a, *y = b;
  int by_name = strcmp (x->name, y->name);

  if (by_name != 0)
    return by_name;
  return x->index != y->index ? (x->index < y->index ? -1 : 1) : x->order < y->order ? -1 : 1;
}

static void
append_percent_decoded (GString *out, const char *p, const char *end)
{
  for (; p < end; p++) {
    if (*p == '%' && end - p >= 3 && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2])) {
      g_string_append_c (out, (char) (g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
      p += 2;
    } else {
      g_string_append_c (out, *p);
    }
  }
}

static void
take_out_controls (char *text)
{
  char *to = text;

  for (const char *p = text; *p != '\0'; p++)
    if (g_str_has_prefix (p, "\xEF\xBB\xBF")) /* a byte order mark: see make_safe() of the header's words */
      p += 2;
    else if (*p != '\r' && *p != '\n' && *p != '\x1B')
      *to++ = *p;
  *to = '\0';
}

/* BYTES in CHARSET, as RFC 2231 has them; CHARSET may be NULL. */
static char *
decode_extended (const GString *bytes, const char *charset, PnHeaderContext *context)
{
  PnCharsetResult result;
  char *text = pn_charset_decode (bytes->str, bytes->len, charset, context->charset, FALSE, NULL, &result);

  context->damaged += result.invalid;
  take_out_controls (text);
  return pn_charset_compose (text);
}

/* The value of RFC 2231 segments COUNT from FIRST on, in order of their numbers. */
static char *
join_segments (const Segment *first, guint count, PnHeaderContext *context)
{
  g_autoptr (GString) bytes = g_string_new (NULL);
  g_autofree char *charset = NULL;
  gboolean extended = FALSE;

  for (guint i = 0; i < count; i++) {
    const Segment *segment = first + i;
    const char *p = segment->value->str, *end = p + segment->value->len;

    if (i > 0 && segment->index == first[i - 1].index)
      continue;
    if (!segment->extended) {
      g_string_append_len (bytes, p, end - p);
      continue;
    }
    extended = TRUE;
    const char *quote = i == 0 ? memchr (p, '\'', end - p) : NULL;
    const char *second = quote != NULL ? memchr (quote + 1, '\'', end - quote - 1) : NULL;
    if (second != NULL) {
      charset = quote > p ? g_strndup (p, quote - p) : NULL;
      p = second + 1;
    }
    append_percent_decoded (bytes, p, end);
  }
  if (!extended && strcmp (first->name, "boundary") != 0)
    return pn_header_decode (bytes->str, bytes->len, context);
  return decode_extended (bytes, charset, context);
}

/* RFC 2231 whose star was forgotten: "utf-8''name%20with%20blanks.txt". */
static char *
decode_starless (const char *value, PnHeaderContext *context)
{
  char name[64];
  const char *quote = strchr (value, '\''), *second = quote != NULL ? strchr (quote + 1, '\'') : NULL;

  if (second == NULL || quote == value || quote - value > 40 || second - quote > 20
      || strchr (second, '%') == NULL)
    return NULL;
  for (const char *p = value; p < second; p++)
    if (!g_ascii_isalnum (*p) && strchr ("-_'", *p) == NULL)
      return NULL;
  g_autofree char *charset = g_strndup (value, (gsize) (quote - value));
  if (!pn_charset_find (charset, name))
    return NULL;
  g_autoptr (GString) bytes = g_string_new (NULL);
  append_percent_decoded (bytes, second + 1, second + strlen (second));
  return decode_extended (bytes, charset, context);
}

/* Boundaries are compared as bytes: what looks like an encoded word there is none. */
static char *
decode_plain (const Segment *segment, PnHeaderContext *context)
{
  if (strcmp (segment->name, "boundary") == 0)
    return g_strndup (segment->value->str, segment->value->len);
  const GString *value = segment->value;
  /* filename='a.txt' */
  if (segment->bare && value->len > 2 && value->str[0] == '\'' && value->str[value->len - 1] == '\''
      && memchr (value->str + 1, '\'', value->len - 2) == NULL)
    return pn_header_decode (value->str + 1, value->len - 2, context);
  char *starless = decode_starless (segment->value->str, context);
  return starless != NULL ? starless : pn_header_decode (segment->value->str, segment->value->len, context);
}

static void
assemble (GArray *segments, PnHeaderContext *context, GArray *params)
{
  guint i = 0;

  while (i < segments->len) {
    const Segment *first = &g_array_index (segments, Segment, i);
    guint n = 1, numbered = 0;
    const Segment *plain = first->index < 0 && !first->extended ? first : NULL;
    const Segment *single = first->index < 0 && first->extended ? first : NULL;

    while (i + n < segments->len && strcmp (first[n].name, first->name) == 0) {
      if (first[n].index < 0 && plain == NULL && !first[n].extended)
        plain = first + n;
      if (first[n].index < 0 && single == NULL && first[n].extended)
        single = first + n;
      n++;
    }
    while (numbered < n && first[numbered].index < 0)
      numbered++;

    PnHeaderParam param = { g_strdup (first->name), NULL };
    if (single != NULL)
      param.value = join_segments (single, 1, context);
    else if (numbered < n)
      param.value = join_segments (first + numbered, n - numbered, context);
    else
      param.value = decode_plain (plain, context);
    g_array_append_val (params, param);
    i += n;
  }
}

PnHeaderParams *
pn_header_parse_params (const char *raw, gsize length, PnHeaderContext *context)
{
  PnHeaderParams *self = g_new0 (PnHeaderParams, 1);
  const char *end = raw + length, *p = skip_space (raw, end), *start = p;

  self->array = g_array_new (FALSE, FALSE, sizeof (PnHeaderParam));
  g_array_set_clear_func (self->array, param_clear);
  while (p < end && *p != ';' && *p != '(' && *p != '\r' && *p != '\n' && *p != '"')
    p++;
  const char *stop = p;
  while (stop > start && g_ascii_isspace (stop[-1]))
    stop--;
  const char *equals = find_char (start, stop, '=');
  if (equals != NULL) {
    /* "text/plain charset=utf-8", and a field of parameters alone. */
    const char *blank = start;
    while (blank < equals && !g_ascii_isspace (*blank))
      blank++;
    stop = blank < equals && find_char (start, blank, '/') != NULL ? blank : start;
    p = stop;
  }
  GString *value = g_string_sized_new (32);
  for (const char *q = start; q < stop && value->len < 256; q++)
    if (!g_ascii_isspace (*q) && *q != '\0')
      g_string_append_c (value, g_ascii_tolower (*q));
  self->value = g_string_free (value, FALSE);

  g_autoptr (GArray) segments = g_array_new (FALSE, FALSE, sizeof (Segment));
  g_array_set_clear_func (segments, segment_clear);
  while (p < end && segments->len < MAX_SEGMENTS) {
    const char *before = p;
    p = skip_space (p, end);
    if (p < end && (*p == ';' || *p == ','))
      p++;
    else if (p < end && begins_param (p, end))
      p = read_segment (p, end, segments);
    else if (p < end) {
      const char *next = find_char (p, end, ';');
      p = next != NULL ? next : end;
    }
    if (p == before)
      break;
  }
  self->more = segments->len == MAX_SEGMENTS;
  if (segments->len > 1)
    g_array_sort (segments, compare_segments);
  assemble (segments, context, self->array);
  return self;
}

/* What would do harm wherever the name is shown.  What only some systems refuse in a file name is left to who
 * writes the file. */
static gboolean
is_reserved (gunichar c)
{
  if (c < 0x20 || c == 0x7F || (c >= 0x80 && c < 0xA0))
    return TRUE;
  /* Marks that turn the writing direction make "gpj.exe" look like "exe.jpg". */
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F
         || c == 0xFEFF;
}

static gboolean
is_device (const char *name)
{
  static const char *const devices[] = { "con", "prn", "aux", "nul" };
  gsize length = strcspn (name, ".");

  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    if (length == 3 && g_ascii_strncasecmp (name, devices[i], 3) == 0)
      return TRUE;
  return length == 4 && g_ascii_isdigit (name[3])
         && (g_ascii_strncasecmp (name, "com", 3) == 0 || g_ascii_strncasecmp (name, "lpt", 3) == 0);
}

/* Cuts in the middle, so that the extension stays. */
static void
shorten (GString *name)
{
  if (name->len <= MAX_FILE_NAME)
    return;
  const char *dot = strrchr (name->str, '.');
  gsize extension = dot != NULL && strlen (dot) <= 32 ? strlen (dot) : 0;
  gsize keep = MAX_FILE_NAME - extension;

  while (keep > 0 && ((guint8) name->str[keep] & 0xC0) == 0x80)
    keep--;
  g_string_erase (name, (gssize) keep, (gssize) (name->len - extension - keep));
}

char *
pn_header_clean_file_name (const char *name, gboolean *changed)
{
  const char *base = name;

  for (const char *p = name; *p != '\0'; p++)
    if ((*p == '/' || *p == '\\') && p[1] != '\0')
      base = p + 1;
  g_autoptr (GString) clean = g_string_sized_new (strlen (base) + 1);
  for (const char *p = base; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    if (c == '/' || c == '\\' || is_reserved (c))
      g_string_append_c (clean, '_');
    else
      g_string_append_unichar (clean, c);
  }
  while (clean->len > 0 && (clean->str[clean->len - 1] == ' ' || clean->str[clean->len - 1] == '.'))
    g_string_truncate (clean, clean->len - 1);
  g_string_erase (clean, 0, (gssize) strspn (clean->str, " "));
  if (is_device (clean->str))
    g_string_prepend_c (clean, '_');
  shorten (clean);
  *changed = strcmp (clean->str, name) != 0;
  return clean->len > 0 ? g_strdup (clean->str) : NULL;
}
