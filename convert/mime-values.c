#include "convert/mime-values.h"

#include <string.h>

#include "convert/mime-write-header.h"

void
pn_values_begin (PnValues *self)
{
  self->text = g_string_new (NULL);
}

void
pn_values_add (PnValues *self, const char *name, const char *value)
{
  if (!value)
    return;
  if (self->text->len > 0)
    g_string_append_c (self->text, ';');
  g_string_append (self->text, name);
  g_string_append_c (self->text, '=');
  for (const char *p = value; *p; p++) {
    if (g_ascii_isalnum (*p) || strchr ("-._~@+:,/", *p))
      g_string_append_c (self->text, *p);
    else
      g_string_append_printf (self->text, "%%%02X", (guchar) *p);
  }
}

void
pn_values_add_number (PnValues *self, const char *name, gint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  pn_values_add (self, name, text);
}

void
pn_values_add_time (PnValues *self, const char *name, const PnTime *time)
{
  if (!time->set)
    return;
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT ",%d", time->unix_time, time->offset);
  pn_values_add (self, name, text);
}

void
pn_values_add_address (PnValues *self, const PnAddress *address)
{
  pn_values_add (self, "domain", address->domain);
  pn_values_add (self, "post-office", address->post_office);
  pn_values_add (self, "user", address->user);
  pn_values_add (self, "internet", address->internet);
}

void
pn_values_end (PnValues *self, GString *out, const char *field)
{
  g_string_append_printf (out, "%s: ", field);
  gsize column = strlen (field) + 2, item = 0;
  const char *end = self->text->str + self->text->len;
  for (const char *p = self->text->str; p < end;) {
    if (item == 0)
      item = strcspn (p, ";") + 1; /* with its ';' */
    gsize room = column < PN_FIELD_COLUMNS ? PN_FIELD_COLUMNS - column : 0;
    if (item > room && item < PN_FIELD_COLUMNS - 1 && column > 1) {
      g_string_append (out, "\r\n ");
      column = 1;
      continue;
    }
    gsize n = MIN (MIN (item, MAX (room, 1)), (gsize) (end - p));
    g_string_append_len (out, p, (gssize) n);
    p += n;
    item -= n;
    column += n;
    if (column >= PN_FIELD_COLUMNS && p < end) {
      g_string_append (out, "\r\n ");
      column = 1;
    }
  }
  g_string_append (out, "\r\n");
  g_string_free (self->text, TRUE);
}

GHashTable *
pn_values_parse (const char *text)
{
  GHashTable *values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GString) packed = g_string_new (NULL);
  for (const char *p = text; *p; p++)
    if (!g_ascii_isspace (*p))
      g_string_append_c (packed, *p);
  g_auto (GStrv) items = g_strsplit (packed->str, ";", -1);
  for (char **item = items; *item; item++) {
    char *equals = strchr (*item, '=');
    char *value = equals ? g_uri_unescape_string (equals + 1, NULL) : NULL;
    if (value)
      g_hash_table_insert (values, g_strndup (*item, equals - *item), g_utf8_make_valid (value, -1));
    g_free (value);
  }
  return values;
}

char *
pn_values_take (GHashTable *values, const char *name)
{
  return g_strdup (g_hash_table_lookup (values, name));
}

gint64
pn_values_get_number (GHashTable *values, const char *name, gint64 missing)
{
  const char *text = g_hash_table_lookup (values, name);
  return text ? g_ascii_strtoll (text, NULL, 10) : missing;
}

PnTime
pn_values_get_time (GHashTable *values, const char *name)
{
  PnTime time = { 0 };
  const char *text = g_hash_table_lookup (values, name);
  char *end;
  if (!text)
    return time;
  time.unix_time = g_ascii_strtoll (text, &end, 10);
  time.set = end > text;
  time.offset = *end == ',' ? (int) g_ascii_strtoll (end + 1, NULL, 10) : 0;
  return time;
}

PnAddress *
pn_values_get_address (GHashTable *values)
{
  PnAddress *address = g_new0 (PnAddress, 1);
  address->domain = pn_values_take (values, "domain");
  address->post_office = pn_values_take (values, "post-office");
  address->user = pn_values_take (values, "user");
  address->internet = pn_values_take (values, "internet");
  address->name = pn_values_take (values, "name");
  return address;
}
