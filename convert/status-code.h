/* Enhanced status codes (RFC 3463 and the registry that RFC 5248 began) in words, and back. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What CODE ("5.1.1") says to a person: "the mailbox does not exist".  Of a code that is not registered what
 * its subject says; NULL if it is none. */
const char *pn_status_code_describe (const char *code);
/* The first enhanced status code in TEXT, NULL if there is none.  Caller frees. */
char *pn_status_code_find (const char *text);
/* The first SMTP reply code (4xx or 5xx) in TEXT, 0 if there is none. */
int pn_status_code_find_reply (const char *text);
/* The code that the words of a server come nearest to, for one that gives none; NULL if they say nothing.
 * TRANSIENT: of class 4. */
const char *pn_status_code_guess (const char *text, gboolean transient);

G_END_DECLS
