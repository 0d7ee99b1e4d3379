#include "cmd/json.h"

#include <stdio.h>
#include <string.h>

void
pn_json_add_text (JsonBuilder *builder, const char *text)
{
  if (!text) {
    json_builder_add_null_value (builder);
    return;
  }
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  json_builder_add_string_value (builder, valid);
}

void
pn_json_text (JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name (builder, name);
  pn_json_add_text (builder, text);
}

void
pn_json_number (JsonBuilder *builder, const char *name, gint64 number)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, number);
}

void
pn_json_bool (JsonBuilder *builder, const char *name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
pn_json_list (JsonBuilder *builder, const char *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
}

char *
pn_json_to_text (JsonBuilder *builder, gboolean pretty)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  char *text = json_to_string (root, pretty);
  if (!strchr (text, '\x1f'))
    return text;
  /* the one control character that json-glib 1.6 does not escape */
  g_auto (GStrv) pieces = g_strsplit (text, "\x1f", -1);
  g_free (text);
  return g_strjoinv ("\\u001f", pieces);
}

void
pn_json_print (JsonBuilder *builder)
{
  g_autofree char *text = pn_json_to_text (builder, TRUE);
  printf ("%s\n", text);
}
