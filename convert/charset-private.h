/* The labels of charsets.  Private to convert/charset.c. */
#pragma once

#include "convert/charset.h"

G_BEGIN_DECLS

/* LABEL in lower case, without the quotes, blanks and comments that get into labels; '_' as '-', "win-" and
 * "cp-" repaired. */
void pn_charset_normalise (const char *label, char out[64]);
/* What mail under the normalised label NAME is really in; NULL if nothing special is known of it. */
const char *pn_charset_alias (const char *name);

G_END_DECLS
