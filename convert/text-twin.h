/* The twin of a body: plain text of HTML and HTML of plain text. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Readable plain text for HTML (UTF-8, line ends LF): blocks become lines, lists get marks, links keep their
 * target. Takes any input; time and memory are linear in its length.  Caller frees. */
char *pn_text_from_html (const char *html, gsize length);

/* A whole HTML document that shows TEXT with its lines, indents and web addresses.  Caller frees. */
char *pn_html_from_text (const char *text, gsize length);

/* Appends TEXT with the characters that HTML gives a meaning escaped. */
void pn_html_append_escaped (GString *out, const char *text, gsize length);

G_END_DECLS
