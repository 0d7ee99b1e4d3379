/* Words in texts, whatever the locale. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where WORDS stand in TEXT, in upper or lower case of ASCII; NULL if they do not.
 *
 * Not strcasestr(): that one asks the locale of the program, and a Turkish one says that 'I' is no 'i'. */
const char *pn_ascii_casestr (const char *text, const char *words);

G_END_DECLS
