/* The JSON that all commands write. */
#include "cmd/json.h"

#include <string.h>

/* Whatever strangers write comes out as JSON, and comes back. */
static void
test_texts (void)
{
  char every[33] = { 0 };
  for (guint i = 0; i < 32; i++)
    every[i] = (char) (i + 1);
  const struct {
    const char *text, *back;
  } rows[] = {
    { "plain \"quoted\" \\", "plain \"quoted\" \\" },
    { every, every },
    { "half \xc3( byte", "half \xef\xbf\xbd( byte" },
    { NULL, NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (JsonBuilder) builder = json_builder_new ();
    json_builder_begin_object (builder);
    pn_json_text (builder, "text", rows[i].text);
    pn_json_list (builder, "list");
    pn_json_add_text (builder, rows[i].text);
    json_builder_end_array (builder);
    pn_json_number (builder, "number", G_MAXINT64);
    pn_json_bool (builder, "bool", TRUE);
    json_builder_end_object (builder);
    g_autofree char *text = pn_json_to_text (builder, FALSE);
    for (const char *p = text; *p; p++)
      g_assert_cmpint ((guchar) *p, >=, ' ');
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) root = json_from_string (text, &error);
    g_assert_no_error (error);
    JsonObject *object = json_node_get_object (root);
    if (rows[i].back) {
      g_assert_cmpstr (json_object_get_string_member (object, "text"), ==, rows[i].back);
      g_assert_cmpstr (json_array_get_string_element (json_object_get_array_member (object, "list"), 0), ==,
                       rows[i].back);
    } else
      g_assert_true (json_object_get_null_member (object, "text"));
    g_assert_cmpint (json_object_get_int_member (object, "number"), ==, G_MAXINT64);
    g_assert_true (json_object_get_boolean_member (object, "bool"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/texts", test_texts);
  return g_test_run ();
}
