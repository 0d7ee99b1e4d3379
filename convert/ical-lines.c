#include "convert/charset.h"
#include "convert/ical-private.h"

#include <string.h>

#define MAX_LINES 200000
#define MAX_DEPTH 16

typedef struct {
  PnIcalText *text;
  PnMessage *message;
  GStringChunk *repaired; /* of the text */
  gint open[MAX_DEPTH];   /* components begun and not ended */
  guint depth;
  guint strays; /* lines that belong to the one before */
  guint bad;    /* lines that were dropped */
  guint first_bad;
  guint recoded; /* lines that were not UTF-8 */
} Parser;

void
pn_ical_text_free (PnIcalText *self)
{
  if (!self)
    return;
  g_array_unref (self->lines);
  g_array_unref (self->components);
  g_string_chunk_free (self->repaired);
  g_free (self->buffer);
  g_free (self);
}

/* -- division of a line -- */

static gsize
name_length (const char *line)
{
  gsize length = 0;
  while (g_ascii_isalnum (line[length]) || line[length] == '-' || line[length] == '_')
    length++;
  return line[length] == ';' || line[length] == ':' ? length : 0;
}

/* The ':' before the value: the first outside quotes, or the first of all if a quote is not closed. */
static char *
find_value (char *parameters)
{
  gboolean quoted = FALSE;
  for (char *c = parameters; *c; c++) {
    if (*c == '"')
      quoted = !quoted;
    else if (*c == ':' && !quoted)
      return c;
  }
  return strchr (parameters, ':');
}

gboolean
pn_ical_line_divide (char *text, PnIcalLine *line)
{
  gsize length = name_length (text);
  char *colon = length > 0 ? find_value (text + length) : NULL;
  if (!colon)
    return FALSE;
  line->parameters = text[length] == ';' ? text + length + 1 : NULL;
  text[length] = *colon = '\0';
  for (char *c = text; *c; c++)
    *c = g_ascii_toupper (*c);
  line->name = text;
  line->value = colon + 1;
  return TRUE;
}

/* -- components -- */

/* One without a name gets one, or what it holds could not be written again. */
static const char *
component_name (char *value)
{
  for (char *c = g_strstrip (value); *c; c++)
    *c = g_ascii_toupper (*c);
  return *value ? value : "X-UNNAMED";
}

/* How deep the next component lies when it is written, which is always in a VCALENDAR. */
static guint
written_depth (const Parser *parser)
{
  if (parser->depth == 0)
    return 0;
  gboolean bare = strcmp (pn_ical_component (parser->text, parser->open[0])->name, "VCALENDAR") != 0;
  return parser->depth + bare;
}

static gboolean
begin_component (Parser *parser, const PnIcalLine *line, GError **error)
{
  PnIcalText *text = parser->text;
  if (written_depth (parser) >= MAX_DEPTH) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "line %u: components lie more than %d deep",
                 line->number, MAX_DEPTH);
    return FALSE;
  }
  PnIcalComponent component
      = { .name = component_name (line->value), .number = line->number, .first = text->lines->len };
  component.parent = parser->depth > 0 ? parser->open[parser->depth - 1] : -1;
  parser->open[parser->depth++] = (gint) text->components->len;
  g_array_append_val (text->components, component);
  return TRUE;
}

static void
close_component (Parser *parser)
{
  PnIcalText *text = parser->text;
  PnIcalComponent *component = pn_ical_component (text, parser->open[--parser->depth]);
  component->end = text->lines->len;
  component->next = text->components->len;
}

static void
end_component (Parser *parser, const PnIcalLine *line)
{
  guint depth = parser->depth;
  const char *name = component_name (line->value);
  while (depth > 0 && strcmp (pn_ical_component (parser->text, parser->open[depth - 1])->name, name) != 0)
    depth--;
  if (depth == 0) {
    pn_message_add_loss (parser->message, "calendar", "line %u: END:%s ends nothing and was dropped",
                         line->number, name);
    return;
  }
  if (depth < parser->depth)
    pn_message_add_loss (parser->message, "calendar",
                         "line %u: END:%s also ends what was not ended before it", line->number, name);
  while (parser->depth >= depth)
    close_component (parser);
}

/* -- lines -- */

static void
count_bad (Parser *parser, guint number)
{
  if (parser->bad++ == 0)
    parser->first_bad = number;
}

static char *
repair_encoding (Parser *parser, const char *line)
{
  parser->recoded++;
  g_autofree char *text = g_convert (line, -1, "UTF-8", "WINDOWS-1252", NULL, NULL, NULL);
  if (!text)
    text = g_utf8_make_valid (line, -1);
  return g_string_chunk_insert (parser->repaired, text);
}

static void
decode_value (Parser *parser, PnIcalLine *line)
{
  static const char *const done[] = { "CHARSET", "ENCODING", "QUOTED-PRINTABLE", NULL };
  g_autofree char *charset = pn_ical_line_parameter (line, "CHARSET");
  g_autofree char *text = pn_vcal_decode (line->value, charset);
  g_autofree char *others = pn_ical_line_other_parameters (line, done);
  line->value = g_string_chunk_insert (parser->repaired, text);
  line->parameters = others ? g_string_chunk_insert (parser->repaired, others + 1) : NULL;
}

/* LINE is unfolded and ends with NUL. */
static gboolean
take_line (Parser *parser, char *line, gsize length, guint number, GError **error)
{
  if (!pn_charset_is_ascii (line, length) && !g_utf8_validate_len (line, length, NULL))
    line = repair_encoding (parser, line);
  PnIcalLine divided = { .number = number };
  if (!pn_ical_line_divide (line, &divided)) {
    count_bad (parser, number);
    return TRUE;
  }
  if (strcmp (divided.name, "BEGIN") == 0)
    return begin_component (parser, &divided, error);
  if (strcmp (divided.name, "END") == 0) {
    end_component (parser, &divided);
    return TRUE;
  }
  if (parser->depth == 0) {
    count_bad (parser, number);
    return TRUE;
  }
  if (parser->text->lines->len == MAX_LINES) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "line %u: more than %d lines", number,
                 MAX_LINES);
    return FALSE;
  }
  if (pn_vcal_encoding_is (divided.parameters, "QUOTED-PRINTABLE"))
    decode_value (parser, &divided);
  if (strcmp (divided.name, "VERSION") == 0 && g_str_has_prefix (divided.value, "1."))
    parser->text->version1 = TRUE;
  divided.component = (guint) parser->open[parser->depth - 1];
  g_array_append_val (parser->text->lines, divided);
  return TRUE;
}

/* Copies one line as it stands to OUT, but for control characters, which no line that is written can have
 * (RFC 5545, 3.1). */
static char *
copy_line (char *out, const char *from, const char *end)
{
  for (; from < end; from++) {
    if ((guchar) *from >= ' ' || *from == '\t')
      *out++ = *from;
  }
  return out;
}

/* *LF is the next LF from FROM on as far as it was looked for: where lines end in CR it may be far away. */
static const char *
find_line_end (const char *from, const char *end, const char **lf)
{
  if (!*lf || *lf < from)
    *lf = memchr (from, '\n', (gsize) (end - from));
  if (!*lf)
    *lf = end;
  const char *cr = memchr (from, '\r', (gsize) (*lf - from));
  return cr ? cr : *lf;
}

/* Whether the line at FROM can begin a content line, whose name may itself be folded; writers that break
 * lines without folding leave others. */
static gboolean
begins_line (const char *from, const char *end)
{
  const char *c = from;
  for (;;) {
    while (c < end && (g_ascii_isalnum (*c) || *c == '-' || *c == '_'))
      c++;
    if (c == from || c == end)
      return FALSE;
    if (*c == ':' || *c == ';')
      return TRUE;
    if (*c == '\r' && c + 1 < end && c[1] == '\n')
      c++;
    if ((*c != '\n' && *c != '\r') || c + 1 == end || (c[1] != ' ' && c[1] != '\t'))
      return FALSE;
    c += 2;
  }
}

static gboolean
parse_lines (Parser *parser, const char *c, const char *end, GError **error)
{
  char *out = parser->text->buffer, *line = out;
  const char *lf = NULL;
  guint number = 0, begun = 0;
  while (c < end) {
    const char *line_end = find_line_end (c, end, &lf);
    number++;
    gboolean folded = *c == ' ' || *c == '\t';
    gboolean stray = !folded && line_end > c && begun > 0 && !begins_line (c, end);
    /* A soft line break of quoted-printable. */
    gboolean soft = begun > 0 && out > line && out[-1] == '=';
    if (soft)
      *out = '\0';
    if (soft && pn_vcal_line_encoding_is (line, "QUOTED-PRINTABLE")) {
      out = copy_line (out - 1, c, line_end);
    } else if (folded && begun > 0) {
      out = copy_line (out, c + 1, line_end);
    } else if (stray) {
      *out++ = '\n';
      out = copy_line (out, c, line_end);
      parser->strays++;
    } else if (line_end > c) {
      *out = '\0';
      if (begun > 0 && !take_line (parser, line, (gsize) (out - line), begun, error))
        return FALSE;
      line = begun > 0 ? out + 1 : out;
      out = copy_line (line, c, line_end);
      begun = number;
    }
    c = line_end + (line_end < end);
    if (line_end < end && *line_end == '\r' && c < end && *c == '\n')
      c++;
  }
  *out = '\0';
  return begun == 0 || take_line (parser, line, (gsize) (out - line), begun, error);
}

static void
tell_losses (const Parser *parser)
{
  PnMessage *message = parser->message;
  if (parser->strays > 0)
    pn_message_add_loss (message, "calendar", "%u lines were taken as the rest of the line before them",
                         parser->strays);
  if (parser->bad > 0)
    pn_message_add_loss (message, "calendar", "line %u and %u more are no content lines of a component",
                         parser->first_bad, parser->bad - 1);
  if (parser->recoded > 0)
    pn_message_add_loss (message, "calendar", "%u lines were not UTF-8 and were read as windows-1252",
                         parser->recoded);
}

char *
pn_ical_from_utf16 (const char *text, gsize *length)
{
  if (*length < 4 || (text[0] && text[1] && (guchar) text[0] < 0xfe))
    return NULL;
  gboolean little = (guchar) text[0] == 0xff || text[1] == '\0';
  gboolean marked = (guchar) text[0] >= 0xfe;
  gsize written;
  char *narrow = g_convert (text + (marked ? 2 : 0), (gssize) ((*length - (marked ? 2 : 0)) & ~(gsize) 1),
                            "UTF-8", little ? "UTF-16LE" : "UTF-16BE", NULL, &written, NULL);
  if (narrow)
    *length = written;
  return narrow;
}

PnIcalText *
pn_ical_text_new (PnMessage *message, const char *text, gsize length, GError **error)
{
  g_autoptr (PnIcalText) self = g_new0 (PnIcalText, 1);
  if (length == 0)
    text = "";
  g_autofree char *narrow = pn_ical_from_utf16 (text, &length);
  if (narrow)
    text = narrow;
  self->buffer = g_malloc (length + 2);
  self->lines = g_array_sized_new (FALSE, FALSE, sizeof (PnIcalLine), 64);
  self->components = g_array_sized_new (FALSE, FALSE, sizeof (PnIcalComponent), 8);
  self->repaired = g_string_chunk_new (256);
  Parser parser = { .text = self, .message = message, .repaired = self->repaired };
  const char *end = text + length;
  if (length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    text += 3;
  if (!parse_lines (&parser, text, end, error))
    return NULL;
  if (parser.depth > 0)
    pn_message_add_loss (message, "calendar", "the text ends before END:%s",
                         pn_ical_component (self, parser.open[parser.depth - 1])->name);
  while (parser.depth > 0)
    close_component (&parser);
  tell_losses (&parser);
  return g_steal_pointer (&self);
}

/* -- looking up -- */

const PnIcalLine *
pn_ical_text_next (const PnIcalText *self, guint component, const char *name, guint *position)
{
  const PnIcalComponent *in = pn_ical_component (self, component);
  for (guint i = MAX (*position, in->first); i < in->end; i++) {
    const PnIcalLine *line = pn_ical_line (self, i);
    if (line->component == component && (!name || strcmp (line->name, name) == 0)) {
      *position = i + 1;
      return line;
    }
  }
  *position = in->end;
  return NULL;
}

const PnIcalLine *
pn_ical_text_find (const PnIcalText *self, guint component, const char *name)
{
  guint position = 0;
  return pn_ical_text_next (self, component, name, &position);
}

/* The raw value of the first parameter NAME, *LENGTH octets. */
static const char *
find_parameter (const PnIcalLine *line, const char *name, gsize *length)
{
  gsize wanted = strlen (name);
  for (const char *c = line->parameters; c && *c;) {
    const char *end = c;
    for (gboolean quoted = FALSE; *end && (quoted || *end != ';'); end++)
      quoted ^= *end == '"';
    if (g_ascii_strncasecmp (c, name, wanted) == 0 && c[wanted] == '=') {
      *length = (gsize) (end - c) - wanted - 1;
      return c + wanted + 1;
    }
    c = *end ? end + 1 : end;
  }
  return NULL;
}

char *
pn_ical_line_parameter (const PnIcalLine *self, const char *name)
{
  gsize length;
  const char *raw = find_parameter (self, name, &length);
  if (!raw)
    return NULL;
  GString *value = g_string_sized_new (length + 1);
  for (const char *c = raw; c < raw + length; c++) {
    char next = c + 1 < raw + length ? c[1] : '\0';
    if (*c == '^' && (next == 'n' || next == '^' || next == '\'')) {
      g_string_append_c (value, next == 'n' ? '\n' : next == '^' ? '^' : '"');
      c++;
    } else if (*c != '"') {
      g_string_append_c (value, *c);
    }
  }
  return g_string_free (value, FALSE);
}

char *
pn_ical_line_other_parameters (const PnIcalLine *self, const char *const *known)
{
  GString *others = NULL;
  for (const char *c = self->parameters; c && *c;) {
    const char *end = c;
    for (gboolean quoted = FALSE; *end && (quoted || *end != ';'); end++)
      quoted ^= *end == '"';
    const char *equals = memchr (c, '=', (gsize) (end - c));
    gsize length = equals ? (gsize) (equals - c) : 0;
    gboolean is_known = length == 0;
    for (guint i = 0; !is_known && known[i]; i++)
      is_known = strlen (known[i]) == length && g_ascii_strncasecmp (c, known[i], length) == 0;
    if (!is_known) {
      if (!others)
        others = g_string_new (NULL);
      g_string_append_c (others, ';');
      g_string_append_len (others, c, end - c);
    }
    c = *end ? end + 1 : end;
  }
  return others ? g_string_free (others, FALSE) : NULL;
}

gboolean
pn_ical_line_parameter_is (const PnIcalLine *self, const char *name, const char *value)
{
  gsize length, wanted = strlen (value);
  const char *raw = find_parameter (self, name, &length);
  if (raw && length >= 2 && *raw == '"') {
    raw++;
    length -= 2;
  }
  return raw && length == wanted && g_ascii_strncasecmp (raw, value, wanted) == 0;
}

char *
pn_ical_line_text (const PnIcalLine *self)
{
  GString *text = g_string_sized_new (strlen (self->value) + 1);
  for (const char *c = self->value; *c; c++) {
    if (*c == '\\' && c[1]) {
      c++;
      if (*c == 'n' || *c == 'N')
        g_string_append_c (text, '\n');
      else if (strchr ("\\;,:\"", *c))
        g_string_append_c (text, *c);
      else
        g_string_append_len (text, c - 1, 2);
    } else if ((guchar) *c >= ' ' || *c == '\t' || *c == '\n') {
      g_string_append_c (text, *c);
    }
  }
  return g_string_free (text, FALSE);
}

char *
pn_ical_address (const char *value)
{
  const char *address = value;
  for (const char *c = value; *c; c++) {
    if ((*c == 'm' || *c == 'M') && g_ascii_strncasecmp (c, "mailto:", 7) == 0)
      address = c + 7;
  }
  g_autofree char *plain = g_strstrip (g_strdup (address));
  gsize length = strlen (plain);
  gboolean bracketed = length > 2 && plain[0] == '<' && plain[length - 1] == '>';
  char *result = bracketed ? g_strndup (plain + 1, length - 2) : g_strdup (plain);
  if (address != value && strchr (result, '%')) {
    char *decoded = g_uri_unescape_string (result, NULL);
    if (decoded && g_utf8_validate (decoded, -1, NULL)) {
      g_free (result);
      return decoded;
    }
    g_free (decoded);
  }
  return result;
}

char *
pn_ical_line_whole (const PnIcalLine *self)
{
  GString *line = g_string_new (self->name);
  if (self->parameters)
    g_string_append (g_string_append_c (line, ';'), self->parameters);
  g_string_append (g_string_append_c (line, ':'), self->value);
  g_string_replace (line, "\n", "\\n", 0);
  return g_string_free (line, FALSE);
}

static void
append_component (GString *out, const PnIcalText *self, guint component)
{
  const PnIcalComponent *it = pn_ical_component (self, component);
  g_string_append_printf (out, "BEGIN:%s\n", it->name);
  for (guint i = it->first; i < it->end; i++) {
    if (pn_ical_line (self, i)->component != component)
      continue;
    g_autofree char *line = pn_ical_line_whole (pn_ical_line (self, i));
    g_string_append_printf (out, "%s\n", line);
  }
  for (guint i = component + 1; i < it->next; i = pn_ical_component (self, i)->next)
    append_component (out, self, i);
  g_string_append_printf (out, "END:%s\n", it->name);
}

char *
pn_ical_component_lines (const PnIcalText *text, guint component)
{
  GString *out = g_string_new (NULL);
  append_component (out, text, component);
  return g_string_free (out, FALSE);
}
