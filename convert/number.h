/* Numbers in texts. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads TEXT, which is nothing but digits of BASE (2 to 16), as a number from MIN to MAX into *NUMBER. FALSE:
 * it is none, and *NUMBER is as it was.
 *
 * Not g_ascii_string_to_unsigned(): that one takes an errno left by another thread's making of the C locale
 * (GLib 2.74, the first use in a program) for an error in the text. */
gboolean pn_number_parse (const char *text, guint base, guint64 min, guint64 max, guint64 *number);
/* Puts the last DIGITS digits of NUMBER, with zeros in front, into TO, and no end.  For the dates of which
 * every item has many: printf() takes ten times as long. */
void pn_number_put (char *to, guint number, guint digits);

G_END_DECLS
