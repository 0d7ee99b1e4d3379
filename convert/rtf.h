/* Rich text as Outlook sends it: compressed, and often with the HTML inside that it was made of. */
#pragma once

#include "convert/bytes.h"

G_BEGIN_DECLS

/* Decompresses a PR_RTF_COMPRESSED value (LZFu or uncompressed MELA) of at most MAX bytes.  Of a damaged one
 * as much as can be read is returned, and *DAMAGE (a constant, else NULL) says what is wrong.  NULL with
 * ERROR if it is no such value or longer than MAX.  Ends with a NUL that *OUT_LENGTH does not count.  Caller
 * frees. */
char *pn_rtf_decompress (const guint8 *data, gsize length, gsize max, gsize *out_length, const char **damage,
                         GError **error);

/* Reads rich text.  If it encapsulates HTML, *HTML is that and *TEXT is NULL; if it encapsulates plain text,
 * only *TEXT is set; else *TEXT is its text and *HTML a simple document that looks like it.  UTF-8, line ends
 * LF; each stops when it is longer than MAX, which gives FALSE.  Time and memory are linear in LENGTH. Caller
 * frees. */
gboolean pn_rtf_read (const char *rtf, gsize length, gsize max, char **text, char **html);

/* The charset that a Windows code page is, by its usual name; 0 gives windows-1252. */
void pn_codepage_name (guint codepage, char name[32]);

G_END_DECLS
