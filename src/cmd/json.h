/* JSON as all commands write it: members of the object under construction, and the text in the end.  Texts of
 * messages come from strangers: what is no UTF-8 is made so. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

void pn_json_text (JsonBuilder *builder, const char *name, const char *text); /* NULL is null */
void pn_json_number (JsonBuilder *builder, const char *name, gint64 number);
void pn_json_bool (JsonBuilder *builder, const char *name, gboolean value);
/* Begins the member NAME, a list; json_builder_end_array() ends it. */
void pn_json_list (JsonBuilder *builder, const char *name);
/* An element of the list under construction. */
void pn_json_add_text (JsonBuilder *builder, const char *text);

/* What BUILDER holds, as one line without line end, or PRETTY.  Caller frees. */
char *pn_json_to_text (JsonBuilder *builder, gboolean pretty);
/* The same, pretty, to standard output. */
void pn_json_print (JsonBuilder *builder);

G_END_DECLS
