/* Files of the Macintosh: a name, a data fork, which is the file elsewhere, and a resource fork. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *name;       /* owned; UTF-8, or NULL */
  char kind[5];     /* the four characters of its type; "" if none are there */
  GBytes *data;     /* owned; the data fork; NULL where only the header was there */
  guint64 resource; /* bytes of the resource fork */
} PnMacFile;

void pn_mac_file_clear (PnMacFile *self);
/* The media type for such a kind, or NULL. */
const char *pn_mac_type_of (const char *kind);

/* Whether TEXT holds a BinHex 4.0 file (RFC 1741): then *BEGIN and *END are where it begins, its notice
 * included, and ends. FALSE sets *END to where a search may go on. */
gboolean pn_binhex_find (const char *text, gsize length, gsize *begin, gsize *end);
/* Decodes one from the colon on that begins it.  NULL or what is wrong with it; then FILE is empty.  Files of
 * more than MAX bytes, both forks and all, are too large. */
const char *pn_binhex_read (const char *text, gsize length, gsize max, PnMacFile *file);

/* AppleSingle and AppleDouble (RFC 1740).  NULL or what is wrong; then FILE is empty. */
const char *pn_apple_read (GBytes *bytes, PnMacFile *file);

G_END_DECLS
