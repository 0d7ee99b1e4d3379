#include "convert/itip-private.h"

#include <string.h>

PnItipLine *
pn_itip_line_new (const char *name, const char *parameters, const char *value)
{
  PnItipLine *self = g_new0 (PnItipLine, 1);
  self->name = g_strdup (name);
  self->parameters = g_strdup (parameters && *parameters ? parameters : NULL);
  self->value = g_strdup (value);
  return self;
}

PnItipLine *
pn_itip_line_copy (const PnItipLine *self)
{
  return pn_itip_line_new (self->name, self->parameters, self->value);
}

void
pn_itip_line_free (PnItipLine *self)
{
  if (!self)
    return;
  g_free (self->name);
  g_free (self->parameters);
  g_free (self->value);
  g_free (self);
}

void
pn_itip_line_append (GString *out, const PnItipLine *self)
{
  g_autoptr (GString) line = g_string_new (self->name);
  if (self->parameters)
    g_string_append_printf (line, ";%s", self->parameters);
  g_string_append_printf (line, ":%s", self->value);
  pn_ical_put_line (out, line->str, line->len);
}

/* -- parameters -- */

/* "NAME=VALUE" each, as written. */
static GPtrArray *
split_parameters (const char *parameters)
{
  GPtrArray *out = g_ptr_array_new_with_free_func (g_free);
  gboolean quoted = FALSE;
  const char *begin = parameters;
  for (const char *c = parameters; c; c++) {
    if (*c == '"')
      quoted = !quoted;
    if (*c && (*c != ';' || quoted))
      continue;
    if (c > begin)
      g_ptr_array_add (out, g_strndup (begin, (gsize) (c - begin)));
    begin = c + 1;
    if (!*c)
      break;
  }
  return out;
}

static gboolean
is_called (const char *parameter, const char *name)
{
  gsize length = strlen (name);
  return g_ascii_strncasecmp (parameter, name, length) == 0
         && (parameter[length] == '=' || parameter[length] == '\0');
}

char *
pn_itip_line_get (const PnItipLine *self, const char *name)
{
  char *found = NULL;
  g_autoptr (GPtrArray) list = split_parameters (self->parameters);
  for (guint i = 0; i < list->len; i++) {
    if (!is_called (list->pdata[i], name))
      continue;
    PnIcalLine one = { .name = self->name, .parameters = list->pdata[i], .value = self->value };
    char *value = pn_ical_line_parameter (&one, name);
    /* Some writers give an attendee his state twice, the old one and the new one. */
    if (!found || (value && g_ascii_strcasecmp (value, "NEEDS-ACTION") != 0)) {
      g_free (found);
      found = value;
    } else
      g_free (value);
  }
  return found;
}

void
pn_itip_line_set (PnItipLine *self, const char *name, const char *value)
{
  g_autoptr (GPtrArray) list = split_parameters (self->parameters);
  g_autoptr (GString) out = g_string_new (NULL);
  for (guint i = 0; i < list->len; i++)
    if (!is_called (list->pdata[i], name))
      g_string_append_printf (out, "%s%s", out->len > 0 ? ";" : "", (const char *) list->pdata[i]);
  if (value) {
    g_string_append_printf (out, "%s%s=", out->len > 0 ? ";" : "", name);
    pn_ical_append_parameter (out, value);
  }
  g_free (self->parameters);
  self->parameters = out->len > 0 ? g_strdup (out->str) : NULL;
}

void
pn_itip_line_set_number (PnItipLine *self, const char *name, gint64 number)
{
  char text[32];
  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, number);
  pn_itip_line_set (self, name, text);
}

gint64
pn_itip_line_get_number (const PnItipLine *self, const char *name)
{
  g_autofree char *text = pn_itip_line_get (self, name);
  return text ? g_ascii_strtoll (text, NULL, 10) : 0;
}

/* -- addresses -- */

PnAddress *
pn_itip_line_address (const PnItipLine *self)
{
  PnIcalLine line = { .name = self->name, .parameters = self->parameters, .value = self->value };
  return pn_ical_read_address (&line);
}

char *
pn_itip_uri (const PnAddress *address)
{
  g_autofree char *spec = address->internet ? g_strdup (address->internet) : pn_address_to_string (address);
  gboolean uri = !strchr (spec, '@') && strchr (spec, ':');
  return uri ? g_steal_pointer (&spec) : g_strconcat ("mailto:", spec, NULL);
}

gboolean
pn_itip_same_address (const PnAddress *a, const PnAddress *b)
{
  if (!a || !b)
    return FALSE;
  if (a->internet && b->internet)
    return g_ascii_strcasecmp (a->internet, b->internet) == 0;
  g_autofree char *one = pn_address_to_string (a), *other = pn_address_to_string (b);
  return *one && g_ascii_strcasecmp (one, other) == 0;
}

gboolean
pn_itip_list_has (const char *list, const PnAddress *address)
{
  g_auto (GStrv) values = g_strsplit (list ? list : "", ",", 100);
  for (guint i = 0; values[i]; i++) {
    g_autofree char *spec = pn_ical_address (g_strstrip (values[i]));
    g_autoptr (PnAddress) one = pn_address_new_internet (spec, NULL);
    if (pn_itip_same_address (one, address))
      return TRUE;
  }
  return FALSE;
}
