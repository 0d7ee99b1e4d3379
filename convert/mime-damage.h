/* Headers that were damaged on their way: whether a line that is no field ends the header or only interrupts
 * it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes that are looked at to tell. */
#define PN_MIME_LOOK_AHEAD 4096

/* Whether LINE (LENGTH bytes) is a field whose name is empty or not ASCII. */
gboolean pn_mime_has_odd_name (const char *line, gsize length);
/* Whether at least WANTED fields that every reader of mail knows stand between AT and the next blank line of
 * HEADER, of which GOT bytes are there: then what came before AT was damage to the header, and not its end.
 */
gboolean pn_mime_header_goes_on (const guint8 *header, gsize at, gsize got, guint wanted);
/* Behind the blank lines at AT, as far as it is looked ahead. */
gsize pn_mime_skip_blank_lines (const guint8 *header, gsize at, gsize got);
/* Whether the LENGTH bytes that a text begins with are readable as they are, although base64 is declared. */
gboolean pn_mime_is_no_base64 (const char *text, gsize length);

G_END_DECLS
