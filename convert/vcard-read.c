#include "convert/vcard-private.h"

#include <string.h>

#define MAX_CARDS 20000
#define MAX_CARD_LINES 20000

typedef struct {
  PnMessage *message;
  GPtrArray *lines; /* PnVcardLine: of the card begun; NULL outside */
  gboolean version21;
  guint cards;
  guint ignored; /* lines outside of cards, or that are none */
  guint recoded;
} Reader;

/* -- one line -- */

/* "TEL;HOME;VOICE" of version 2.1: types without a name. */
static void
name_types (PnVcardLine *line)
{
  /* A quote that is not closed would swallow whatever is put behind it. */
  guint quotes = 0;
  for (const char *c = line->parameters; c && *c; c++)
    quotes += *c == '"';
  if (quotes % 2 != 0)
    g_strdelimit (line->parameters, "\"", '\'');
  static const char *const encodings[] = { "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT", NULL };
  g_auto (GStrv) parameters = g_strsplit (line->parameters ? line->parameters : "", ";", -1);
  GString *named = g_string_new (NULL);
  for (guint i = 0; parameters[i]; i++) {
    g_autofree char *upper = g_ascii_strup (g_strstrip (parameters[i]), -1);
    if (!*upper)
      continue;
    const char *name = strchr (upper, '=') || strchr (upper, '"')                 ? ""
                       : g_strv_contains ((const char *const *) encodings, upper) ? "ENCODING="
                                                                                  : "TYPE=";
    g_string_append_printf (named, "%s%s%s", named->len > 0 ? ";" : "", name, parameters[i]);
  }
  g_free (line->parameters);
  line->parameters = g_string_free (named, named->len == 0);
}

static gboolean
is_text (const PnVcardLine *line)
{
  static const char *const names[]
      = { "ADR", "FN", "LABEL", "N", "NICKNAME", "NOTE", "ORG", "ROLE", "TITLE", NULL };
  return g_strv_contains (names, line->name);
}

/* A ',' divides nothing in version 2.1. */
static void
escape_commas (PnVcardLine *line)
{
  GString *value = g_string_new (NULL);
  for (const char *c = line->value; *c; c++) {
    if (*c == ',' && (c == line->value || c[-1] != '\\'))
      g_string_append_c (value, '\\');
    g_string_append_c (value, *c);
  }
  g_free (line->value);
  line->value = g_string_free (value, FALSE);
}

static void
decode (Reader *self, PnVcardLine *line)
{
  g_autofree char *encoding = pn_vcard_line_parameter (line, "ENCODING");
  g_autofree char *charset = pn_vcard_line_parameter (line, "CHARSET");
  if (encoding && g_ascii_strcasecmp (encoding, "QUOTED-PRINTABLE") == 0) {
    char *text = pn_vcal_decode (line->value, charset);
    g_free (line->value);
    line->value = text;
    pn_vcard_line_set_parameter (line, "ENCODING", NULL);
  } else if (encoding
             && (g_ascii_strcasecmp (encoding, "BASE64") == 0 || g_ascii_strcasecmp (encoding, "B") == 0)) {
    char *to = line->value;
    for (const char *c = line->value; *c; c++) {
      if (!g_ascii_isspace (*c))
        *to++ = *c;
    }
    *to = '\0';
    pn_vcard_line_set_parameter (line, "ENCODING", "b");
  } else if (encoding) {
    pn_vcard_line_set_parameter (line, "ENCODING", NULL);
  }
  if (!g_utf8_validate (line->value, -1, NULL)) {
    char *text = g_convert (line->value, -1, "UTF-8", charset ? charset : "WINDOWS-1252", NULL, NULL, NULL);
    if (!text)
      text = g_utf8_make_valid (line->value, -1);
    g_free (line->value);
    line->value = text;
    self->recoded++;
  }
  if (charset)
    pn_vcard_line_set_parameter (line, "CHARSET", NULL);
  if (line->parameters && !g_utf8_validate (line->parameters, -1, NULL)) {
    char *text = g_utf8_make_valid (line->parameters, -1);
    g_free (line->parameters);
    line->parameters = text;
  }
}

/* -- one card -- */

static void
add_record (Reader *self)
{
  const char *kind = NULL;
  for (guint i = 0; i < self->lines->len; i++) {
    const PnVcardLine *line = self->lines->pdata[i];
    if (strcmp (line->name, "KIND") == 0 || strcmp (line->name, "X-ADDRESSBOOKSERVER-KIND") == 0)
      kind = line->value;
  }
  gboolean group = kind && g_ascii_strcasecmp (kind, "group") == 0;
  gboolean resource
      = kind && (g_ascii_strcasecmp (kind, "location") == 0 || g_ascii_strcasecmp (kind, "device") == 0);
  const char *name = pn_name_text (group      ? PN_NAME_DS_GROUP
                                   : resource ? PN_NAME_DS_RESOURCE
                                              : PN_NAME_DS_USER);
  GString *out = g_string_new (NULL);
  pn_keyword_open_group (out, 0, name);
  pn_keyword_write (out, 1, pn_name_text (PN_NAME_OPERATION), "Add");
  for (guint i = 0; i < PN_VCARD_N_FIELDS; i++) {
    g_autofree char *text = pn_vcard_get (self->lines, (PnVcardField) i);
    if (text)
      pn_keyword_write (out, 1, pn_name_text (pn_vcard_keywords[i]), text);
    if (text && i == PN_VCARD_NAME && !self->message->subject)
      self->message->subject = g_strdelimit (g_strdup (text), "\r\n", ' ');
  }
  for (guint i = 0; i < self->lines->len; i++) {
    g_autofree char *line = pn_vcard_line_to_string (self->lines->pdata[i]);
    if (i == 0)
      pn_keyword_open_group (out, 1, pn_name_text (PN_NAME_PROPERTY));
    else
      pn_keyword_next_entry (out, 1);
    pn_keyword_write (out, 2, pn_name_text (PN_NAME_ITEM), line);
  }
  if (self->lines->len > 0)
    pn_keyword_close_group (out, 1);
  pn_keyword_close_group (out, 0);
  g_string_append (out, "-END-\r\n");
  g_autoptr (PnKeywordFile) file = pn_keyword_parse (out->str, out->len, NULL);
  if (file && file->first) {
    PnExtraKeyword *extra = g_new0 (PnExtraKeyword, 1);
    extra->name = g_strdup (name);
    extra->text = pn_keyword_raw (file->first, out->str);
    g_ptr_array_add (self->message->extra, extra);
  } else {
    pn_message_add_loss (self->message, "card", "card %u has too much in it for a record", self->cards);
  }
  g_string_free (out, TRUE);
}

static void
end_card (Reader *self)
{
  if (self->lines)
    add_record (self);
  g_clear_pointer (&self->lines, g_ptr_array_unref);
}

static gboolean
take_line (Reader *self, const char *text, GError **error)
{
  g_autofree char *plain = g_strchomp (g_strdup (text));
  if (g_ascii_strcasecmp (plain, "BEGIN:VCARD") == 0) {
    end_card (self);
    if (++self->cards > MAX_CARDS) {
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "card %u: more than %d cards",
                   self->cards, MAX_CARDS);
      return FALSE;
    }
    self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_vcard_line_free);
    self->version21 = FALSE;
    return TRUE;
  }
  if (g_ascii_strcasecmp (plain, "END:VCARD") == 0) {
    end_card (self);
    return TRUE;
  }
  g_autofree char *clean = g_strdup (text);
  for (char *c = clean; *c; c++)
    *c = (guchar) *c < ' ' && *c != '\t' ? ' ' : *c;
  PnVcardLine *line = self->lines && self->lines->len < MAX_CARD_LINES ? pn_vcard_line_parse (clean) : NULL;
  if (!line) {
    self->ignored += *plain != '\0';
    return TRUE;
  }
  name_types (line);
  decode (self, line);
  gboolean version = strcmp (line->name, "VERSION") == 0;
  if (version)
    self->version21 = g_str_has_prefix (line->value, "2.");
  if (self->version21 && is_text (line))
    escape_commas (line);
  if (version || !*line->value)
    pn_vcard_line_free (line);
  else
    g_ptr_array_add (self->lines, line);
  return TRUE;
}

/* -- unfolding -- */

static gboolean
is_base64 (const GString *line)
{
  return pn_vcal_line_encoding_is (line->str, "BASE64") || pn_vcal_line_encoding_is (line->str, "B");
}

static gboolean
begins_property (const char *c, gsize length)
{
  gsize i = 0;
  while (i < length && (g_ascii_isalnum (c[i]) || c[i] == '-' || c[i] == '.' || c[i] == '_'))
    i++;
  return i > 0 && i < length && (c[i] == ':' || c[i] == ';');
}

static gboolean
read_lines (Reader *self, const char *text, const char *end, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);
  gboolean begun = FALSE;
  for (const char *c = text; c < end;) {
    const char *stop = c;
    while (stop < end && *stop != '\n' && *stop != '\r')
      stop++;
    gsize length = (gsize) (stop - c);
    gboolean folded = length > 0 && (*c == ' ' || *c == '\t');
    gboolean soft = begun && line->len > 0 && line->str[line->len - 1] == '='
                    && pn_vcal_line_encoding_is (line->str, "QUOTED-PRINTABLE");
    if (soft) {
      g_string_truncate (line, line->len - 1);
      g_string_append_len (line, c, (gssize) length);
    } else if (begun && folded) {
      g_string_append_len (line, c + 1, (gssize) length - 1);
    } else if (begun && length > 0 && !begins_property (c, length) && is_base64 (line)) {
      g_string_append_len (line, c, (gssize) length);
    } else if (length > 0) {
      if (begun && !take_line (self, line->str, error))
        return FALSE;
      g_string_truncate (line, 0);
      g_string_append_len (line, c, (gssize) length);
      begun = TRUE;
    }
    c = stop + (stop < end);
    if (stop < end && *stop == '\r' && c < end && *c == '\n')
      c++;
  }
  return !begun || take_line (self, line->str, error);
}

PnMessage *
pn_vcard_read (const char *text, gsize length, GError **error)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_ADMIN);
  if (length == 0)
    text = "";
  g_autofree char *narrow = pn_ical_from_utf16 (text, &length);
  const char *begin = narrow ? narrow : text, *end = begin + length;
  if (length >= 3 && memcmp (begin, "\xef\xbb\xbf", 3) == 0)
    begin += 3;
  Reader reader = { .message = message };
  gboolean done = read_lines (&reader, begin, end, error);
  if (done && reader.lines)
    pn_message_add_loss (message, "card", "the text ends before END:VCARD");
  if (done)
    end_card (&reader);
  g_clear_pointer (&reader.lines, g_ptr_array_unref);
  if (done && reader.cards == 0) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "line 1: no BEGIN:VCARD in the text");
    done = FALSE;
  }
  if (!done)
    return NULL;
  if (reader.ignored > 0)
    pn_message_add_loss (message, "card", "%u lines that belong to no card were dropped", reader.ignored);
  if (reader.recoded > 0)
    pn_message_add_loss (message, "card",
                         "%u lines were not UTF-8 and were read as windows-1252 or as declared",
                         reader.recoded);
  return g_steal_pointer (&message);
}
