/* What the writer and the reader of API files share. */
#pragma once

#include "convert/head.h"

G_BEGIN_DECLS

/* Bodies up to this size are converted between charsets; longer ones stay as they are. */
#define PN_API_MAX_TEXT (64 * 1024 * 1024)

/* UTF-8 TEXT in code page 437, which is what 8-bit text of API files is in by default.  What it lacks becomes
 * '?', and *REPLACED counts that.  Caller frees. */
char *pn_api_encode (const char *text, gsize length, gsize *out_length, guint *replaced);
/* TEXT in CHARSET (NULL or "T50": ASCII, and what is not is UTF-8 or code page 437) as UTF-8.  Caller frees.
 */
char *pn_api_decode (const char *text, gsize length, const char *charset, gsize *out_length);

/* TEXT with the offset of ZONE (IANA) behind each date that names none; NULL if it cannot be parsed. */
char *pn_api_add_offsets (const char *text, gsize *length, const char *zone);

/* The addresses of MESSAGE (PnAddress, borrowed) whose user is an address outside: writers put it there,
 * for want of a place.  A file with keywords of ours means a user by it. */
GPtrArray *pn_api_outside_users (const PnMessage *message);

/* Begin-Time, End-Time and Location of the calendar of an appointment, a task or a note. */
void pn_api_write_calendar (GString *out, const PnMessage *message);
/* The calendar that these keywords make. */
void pn_api_read_calendar (PnHead *head);

G_END_DECLS
