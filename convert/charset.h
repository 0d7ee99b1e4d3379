/* Charsets: bytes of doubtful labelling to UTF-8. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char charset[64]; /* what the bytes were read as, in lower case */
  gsize invalid;    /* byte sequences that became U+FFFD */
  gsize nuls;       /* NUL characters that were left out */
  gboolean
      guessed; /* the declared charset was missing, unknown or wrong, and the bytes are not plain ASCII */
} PnCharsetResult;

/* Reads DATA by the ladder: DECLARED (or NULL) as its real-world superset; of HTML the charset its own head
 * names, when nothing is declared or that does not decode; UTF-8 if valid; SITE (NULL: windows-1252).
 * Returns valid UTF-8 without NUL and without a byte order mark, ended by a NUL that *OUT_LENGTH does not
 * count. RESULT may be NULL.  Never fails.  Caller frees. */
char *pn_charset_decode (const void *data, gsize length, const char *declared, const char *site,
                         gboolean html, gsize *out_length, PnCharsetResult *result);

/* The name under which LABEL (in any of its misspellings) is read: lower case, quotes and blanks removed,
 * supersets taken ("latin1" and "iso-8859-1" give "windows-1252").  FALSE if nothing can read it. */
gboolean pn_charset_find (const char *label, char name[64]);

/* TEXT (valid UTF-8, taken) with letters and the accents behind them made one character, as most systems write
 * them; all else, such as the variants of ideographs in names, stays as it is. */
char *pn_charset_compose (char *text);

/* Whether all of DATA is 7-bit without NUL and ESC. */
gboolean pn_charset_is_ascii (const void *data, gsize length);

G_END_DECLS
