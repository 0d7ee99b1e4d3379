#include "convert/vcard-private.h"

#include <string.h>

typedef struct {
  GString *out;
  GPtrArray *lines; /* PnVcardLine */
  gboolean version4;
} Writer;

/* -- fields into lines -- */

static void
set_part (PnVcardLine *line, guint wanted, guint least, const char *text)
{
  g_auto (GStrv) parts = pn_vcard_divide (line->value);
  g_autofree char *escaped = pn_vcard_escape (text);
  guint count = g_strv_length (parts);
  GString *value = g_string_new (NULL);
  for (guint i = 0; i < MAX (MAX (count, wanted + 1), least); i++)
    g_string_append_printf (value, "%s%s", i > 0 ? ";" : "",
                            i == wanted ? escaped
                            : i < count ? parts[i]
                                        : "");
  g_free (line->value);
  line->value = g_string_free (value, FALSE);
}

static PnVcardLine *
add_line (GPtrArray *lines, const char *text)
{
  PnVcardLine *line = pn_vcard_line_parse (text);
  g_ptr_array_add (lines, line);
  return line;
}

/* Makes LINES say TEXT, if they do not. */
static void
set_field (GPtrArray *lines, PnVcardField field, const char *text)
{
  static const char *const empty[PN_VCARD_N_FIELDS] = {
    "FN:", "N:", "N:", "TITLE:", "ORG:", "NOTE:", "TEL;TYPE=work,voice:", "TEL;TYPE=work,fax:", "EMAIL:"
  };
  g_autofree char *said = pn_vcard_get (lines, field);
  if (g_strcmp0 (said, text) == 0)
    return;
  PnVcardLine *line = pn_vcard_find (lines, field);
  if (!line)
    line = add_line (lines, empty[field]);
  if (field == PN_VCARD_LAST_NAME || field == PN_VCARD_FIRST_NAME)
    set_part (line, field == PN_VCARD_LAST_NAME ? 0 : 1, 5, text);
  else if (field == PN_VCARD_DEPARTMENT)
    set_part (line, 1, 2, text);
  else {
    g_free (line->value);
    line->value = pn_vcard_escape (text);
  }
}

/* FN stands in every card, N in those of version 3.0. */
static void
complete (Writer *self)
{
  g_autofree char *last = pn_vcard_get (self->lines, PN_VCARD_LAST_NAME);
  g_autofree char *first = pn_vcard_get (self->lines, PN_VCARD_FIRST_NAME);
  g_autofree char *name = pn_vcard_get (self->lines, PN_VCARD_NAME);
  g_autofree char *internet = pn_vcard_get (self->lines, PN_VCARD_INTERNET);
  if (!name && (first || last))
    name = g_strstrip (g_strconcat (first ? first : "", " ", last ? last : "", NULL));
  if (!name)
    name = g_strdup (internet ? internet : "Unknown");
  set_field (self->lines, PN_VCARD_NAME, name);
  if (!self->version4 && !pn_vcard_find (self->lines, PN_VCARD_LAST_NAME))
    set_field (self->lines, PN_VCARD_LAST_NAME, name);
}

/* -- versions -- */

/* "image/jpeg" for the TYPE of a photo. */
static char *
media_of (const PnVcardLine *line)
{
  g_autofree char *type = pn_vcard_line_parameter (line, "TYPE");
  g_autofree char *media = pn_vcard_line_parameter (line, "MEDIATYPE");
  if (media && *media)
    return g_ascii_strdown (media, -1);
  const char *family = strcmp (line->name, "SOUND") == 0 ? "audio"
                       : strcmp (line->name, "KEY") == 0 ? "application"
                                                         : "image";
  g_autofree char *lower = g_ascii_strdown (type && *type ? type : "octet-stream", -1);
  if (strchr (lower, '/'))
    return g_steal_pointer (&lower);
  return g_strconcat (family, "/", lower, NULL);
}

static void
to_version4 (PnVcardLine *line)
{
  g_autofree char *encoding = pn_vcard_line_parameter (line, "ENCODING");
  if (encoding) {
    g_autofree char *media = media_of (line);
    char *uri = g_strconcat ("data:", media, ";base64,", line->value, NULL);
    g_free (line->value);
    line->value = uri;
    pn_vcard_line_set_parameter (line, "ENCODING", NULL);
    pn_vcard_line_set_parameter (line, "TYPE", NULL);
    pn_vcard_line_set_parameter (line, "VALUE", NULL);
  } else if (pn_vcard_line_has_type (line, "pref")) {
    g_autofree char *rank = pn_vcard_line_parameter (line, "PREF");
    if (!rank)
      pn_vcard_line_set_parameter (line, "PREF", "1");
  }
  if (strcmp (line->name, "X-ADDRESSBOOKSERVER-KIND") == 0
      || strcmp (line->name, "X-ADDRESSBOOKSERVER-MEMBER") == 0) {
    char *name = g_strdup (line->name + strlen ("X-ADDRESSBOOKSERVER-"));
    g_free (line->name);
    line->name = name;
  }
}

static void
to_version3 (PnVcardLine *line)
{
  const char *comma = g_ascii_strncasecmp (line->value, "data:", 5) == 0 ? strchr (line->value, ',') : NULL;
  const char *coding = comma ? g_strrstr_len (line->value, comma - line->value, ";base64") : NULL;
  if (coding) {
    g_autofree char *media = g_strndup (line->value + 5, (gsize) (coding - line->value - 5));
    const char *slash = strchr (media, '/');
    g_autofree char *type = g_ascii_strup (slash ? slash + 1 : media, -1);
    char *value = g_strdup (comma + 1);
    g_free (line->value);
    line->value = value;
    pn_vcard_line_set_parameter (line, "VALUE", NULL);
    pn_vcard_line_set_parameter (line, "MEDIATYPE", NULL);
    if (*type)
      pn_vcard_line_set_parameter (line, "TYPE", type);
    pn_vcard_line_set_parameter (line, "ENCODING", "b");
  }
  if (strcmp (line->name, "TEL") == 0 && g_ascii_strncasecmp (line->value, "tel:", 4) == 0) {
    memmove (line->value, line->value + 4, strlen (line->value + 4) + 1);
    pn_vcard_line_set_parameter (line, "VALUE", NULL);
  }
}

/* -- cards -- */

static void
put_card (Writer *self)
{
  g_string_append_printf (self->out, "BEGIN:VCARD\r\nVERSION:%s\r\n", self->version4 ? "4.0" : "3.0");
  complete (self);
  for (guint i = 0; i < self->lines->len; i++) {
    PnVcardLine *line = self->lines->pdata[i];
    if (strcmp (line->name, "BEGIN") == 0 || strcmp (line->name, "END") == 0
        || strcmp (line->name, "VERSION") == 0)
      continue;
    if (self->version4)
      to_version4 (line);
    else
      to_version3 (line);
    g_autofree char *text = pn_vcard_line_to_string (line);
    pn_ical_put_line (self->out, text, strlen (text));
  }
  g_string_append (self->out, "END:VCARD\r\n");
}

static GPtrArray *
read_properties (const PnKeyword *record)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_vcard_line_free);
  const PnKeyword *list = pn_keyword_find (record, pn_name_text (PN_NAME_PROPERTY));
  for (const PnKeywordEntry *entry = list ? list->entries : NULL; entry; entry = entry->next) {
    const char *item = pn_keyword_value (entry->first, pn_name_text (PN_NAME_ITEM));
    PnVcardLine *line = item ? pn_vcard_line_parse (item) : NULL;
    if (line)
      g_ptr_array_add (lines, line);
  }
  return lines;
}

static void
put_record (Writer *self, const PnKeyword *record, const char *kind)
{
  self->lines = read_properties (record);
  for (guint i = 0; i < PN_VCARD_N_FIELDS; i++) {
    const char *text = pn_keyword_value (record, pn_name_text (pn_vcard_keywords[i]));
    /* A backslash alone erases in the API. */
    if (text && *text && strcmp (text, "\\") != 0)
      set_field (self->lines, (PnVcardField) i, text);
  }
  const char *object = pn_keyword_value (record, pn_name_text (PN_NAME_OBJECT));
  if (object && *object && !pn_vcard_find (self->lines, PN_VCARD_NAME)
      && !pn_vcard_find (self->lines, PN_VCARD_LAST_NAME))
    set_field (self->lines, PN_VCARD_NAME, object);
  gboolean has_kind = FALSE;
  for (guint i = 0; i < self->lines->len; i++)
    has_kind |= g_str_has_suffix (((PnVcardLine *) self->lines->pdata[i])->name, "KIND");
  if (kind && !has_kind)
    add_line (self->lines, kind);
  put_card (self);
  g_clear_pointer (&self->lines, g_ptr_array_unref);
}

char *
pn_vcard_write (PnMessage *message, const char *version, GError **error)
{
  Writer writer = { .out = g_string_new (NULL), .version4 = g_strcmp0 (version, "4.0") == 0 };
  for (guint i = 0; i < message->extra->len; i++) {
    const PnExtraKeyword *extra = message->extra->pdata[i];
    PnNameId id = pn_name_find (extra->name, strlen (extra->name));
    if (id != PN_NAME_DS_USER && id != PN_NAME_DS_GROUP && id != PN_NAME_DS_RESOURCE)
      continue;
    g_autoptr (GString) text = g_string_new (NULL);
    pn_keyword_write_raw (text, extra->name, extra->text);
    g_string_append (text, "-END-\r\n");
    g_autoptr (PnKeywordFile) file = pn_keyword_parse (text->str, text->len, NULL);
    const char *kind = id == PN_NAME_DS_GROUP      ? "KIND:group"
                       : id == PN_NAME_DS_RESOURCE ? "KIND:location"
                                                   : NULL;
    for (const PnKeywordEntry *entry = file && file->first ? file->first->entries : NULL; entry;
         entry = entry->next)
      put_record (&writer, entry->first, kind);
  }
  if (writer.out->len == 0)
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "the message holds no record of the Address Book (DS-User, DS-Group, DS-Resource)");
  gboolean none = writer.out->len == 0;
  return g_string_free (writer.out, none);
}
