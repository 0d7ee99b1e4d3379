/* text/enriched (RFC 1896) and its forerunner text/richtext (RFC 1341). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether TYPE is one of the two. */
gboolean pn_enriched_is (const char *type);
/* The words of TEXT (UTF-8, line ends LF), line ends as they count there.  RICHTEXT: the older of the two.
 * Time and memory are linear; any input is taken.  Caller frees. */
char *pn_enriched_to_text (const char *text, gsize length, gboolean richtext, gsize *out_length);
/* A whole HTML document that looks as TEXT asks for. */
char *pn_enriched_to_html (const char *text, gsize length, gboolean richtext, gsize *out_length);

G_END_DECLS
