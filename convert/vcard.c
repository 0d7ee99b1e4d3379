#include "convert/vcard-private.h"

#include <string.h>

const PnNameId pn_vcard_keywords[PN_VCARD_N_FIELDS]
    = { PN_NAME_PN_NAME,     PN_NAME_LAST_NAME, PN_NAME_FIRST_NAME, PN_NAME_TITLE, PN_NAME_DEPARTMENT,
        PN_NAME_DESCRIPTION, PN_NAME_PHONE,     PN_NAME_FAX,        PN_NAME_FUA };

/* -- lines -- */

void
pn_vcard_line_free (PnVcardLine *self)
{
  if (!self)
    return;
  g_free (self->group);
  g_free (self->name);
  g_free (self->parameters);
  g_free (self->value);
  g_free (self);
}

PnVcardLine *
pn_vcard_line_parse (const char *line)
{
  gsize head = strcspn (line, ";:.");
  gboolean grouped = head > 0 && line[head] == '.';
  g_autofree char *copy = g_strdup (grouped ? line + head + 1 : line);
  PnIcalLine divided = { 0 };
  if (!pn_ical_line_divide (copy, &divided))
    return NULL;
  PnVcardLine *self = g_new0 (PnVcardLine, 1);
  if (grouped)
    self->group = g_strcanon (g_strndup (line, head),
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-", '-');
  self->name = g_strdup (divided.name);
  self->parameters = divided.parameters && *divided.parameters ? g_strdup (divided.parameters) : NULL;
  self->value = g_strdup (divided.value);
  return self;
}

char *
pn_vcard_line_to_string (const PnVcardLine *self)
{
  return g_strconcat (self->group ? self->group : "", self->group ? "." : "", self->name,
                      self->parameters ? ";" : "", self->parameters ? self->parameters : "", ":", self->value,
                      NULL);
}

char *
pn_vcard_line_parameter (const PnVcardLine *self, const char *name)
{
  PnIcalLine line = { .parameters = self->parameters };
  return pn_ical_line_parameter (&line, name);
}

gboolean
pn_vcard_line_has_type (const PnVcardLine *self, const char *type)
{
  g_auto (GStrv) parameters = g_strsplit (self->parameters ? self->parameters : "", ";", -1);
  for (guint i = 0; parameters[i]; i++) {
    if (g_ascii_strncasecmp (parameters[i], "TYPE=", 5) != 0)
      continue;
    g_auto (GStrv) types = g_strsplit_set (parameters[i] + 5, ",\"", -1);
    for (guint k = 0; types[k]; k++) {
      if (g_ascii_strcasecmp (types[k], type) == 0)
        return TRUE;
    }
  }
  return FALSE;
}

void
pn_vcard_line_set_parameter (PnVcardLine *self, const char *name, const char *value)
{
  const char *const known[] = { name, NULL };
  PnIcalLine line = { .parameters = self->parameters };
  g_autofree char *others = pn_ical_line_other_parameters (&line, known);
  GString *all = g_string_new (others ? others + 1 : NULL);
  if (value)
    g_string_append_printf (all, "%s%s=%s", all->len > 0 ? ";" : "", name, value);
  g_free (self->parameters);
  self->parameters = g_string_free (all, all->len == 0);
}

/* -- values -- */

char **
pn_vcard_divide (const char *value)
{
  GPtrArray *parts = g_ptr_array_new ();
  const char *begin = value;
  for (const char *c = value;; c++) {
    if (*c == '\\' && c[1])
      c++;
    else if (*c == ';' || *c == '\0') {
      g_ptr_array_add (parts, g_strndup (begin, (gsize) (c - begin)));
      begin = c + 1;
      if (*c == '\0')
        break;
    }
  }
  g_ptr_array_add (parts, NULL);
  return (char **) g_ptr_array_free (parts, FALSE);
}

char *
pn_vcard_unescape (const char *value)
{
  PnIcalLine line = { .value = (char *) value };
  return g_strstrip (pn_ical_line_text (&line));
}

char *
pn_vcard_escape (const char *text)
{
  GString *line = g_string_new (NULL);
  pn_ical_append_text (line, text);
  return g_string_free (line, FALSE);
}

/* -- fields -- */

static gboolean
says (const PnVcardLine *line, PnVcardField field)
{
  static const char *const names[PN_VCARD_N_FIELDS]
      = { "FN", "N", "N", "TITLE", "ORG", "NOTE", "TEL", "TEL", "EMAIL" };
  if (strcmp (line->name, names[field]) != 0)
    return FALSE;
  if (field == PN_VCARD_PHONE)
    return !pn_vcard_line_has_type (line, "fax") && !pn_vcard_line_has_type (line, "pager");
  return field != PN_VCARD_FAX || pn_vcard_line_has_type (line, "fax");
}

PnVcardLine *
pn_vcard_find (const GPtrArray *lines, PnVcardField field)
{
  PnVcardLine *found = NULL;
  for (guint i = 0; i < lines->len; i++) {
    PnVcardLine *line = lines->pdata[i];
    if (!says (line, field))
      continue;
    g_autofree char *rank = pn_vcard_line_parameter (line, "PREF");
    if (g_strcmp0 (rank, "1") == 0 || pn_vcard_line_has_type (line, "pref"))
      return line;
    if (!found)
      found = line;
  }
  return found;
}

char *
pn_vcard_get (const GPtrArray *lines, PnVcardField field)
{
  const PnVcardLine *line = pn_vcard_find (lines, field);
  if (!line)
    return NULL;
  gboolean structured
      = field == PN_VCARD_LAST_NAME || field == PN_VCARD_FIRST_NAME || field == PN_VCARD_DEPARTMENT;
  g_auto (GStrv) parts = structured ? pn_vcard_divide (line->value) : NULL;
  guint wanted = field == PN_VCARD_LAST_NAME ? 0 : 1;
  if (structured && g_strv_length (parts) <= wanted)
    return NULL;
  g_autofree char *text = pn_vcard_unescape (structured ? parts[wanted] : line->value);
  const char *plain = text;
  if ((field == PN_VCARD_PHONE || field == PN_VCARD_FAX) && g_ascii_strncasecmp (text, "tel:", 4) == 0)
    plain += 4;
  if (field == PN_VCARD_INTERNET && g_ascii_strncasecmp (text, "mailto:", 7) == 0)
    plain += 7;
  return *plain ? g_strdup (plain) : NULL;
}
