/* Transfer encodings of a message that is composed: what a content's lines look like, and writing them.  Both
 * stream.  Private to the writing half of the MIME code. */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

/* What one reading of a content tells. */
typedef struct {
  guint64 size;
  guint64 high; /* bytes above 127 */
  guint64 lines;
  gsize longest;           /* characters of the longest line */
  gboolean nul;            /* or another control character that no mail line should have */
  gboolean bare_cr;        /* a CR that is no part of a line end */
  gboolean bare_lf;        /* a line that ends in LF alone */
  gboolean trailing_blank; /* a blank before a line end, which gateways strip */
  gboolean from_line;      /* a line begins with "From " */
  gboolean dot_line;       /* a line is a dot alone */
  gboolean boundary;       /* a line begins with "--" and the boundary asked about */
  gboolean unended;        /* the last line has no line end, and there is one */
} PnLineScan;

/* Reads CONTENT once and fills SCAN; fails if reading does. */
gboolean pn_line_scan (PnContent *content, const char *boundary, PnLineScan *scan, GError **error);

typedef enum {
  PN_TRANSFER_7BIT,
  PN_TRANSFER_8BIT,
  PN_TRANSFER_QUOTED_PRINTABLE,
  PN_TRANSFER_BASE64
} PnTransfer;

const char *pn_transfer_to_string (PnTransfer transfer);
/* The encoding for a text body of which SCAN was made. */
PnTransfer pn_transfer_for_text (const PnLineScan *scan);

/* Writes the text CONTENT with line ends CRLF in TRANSFER. */
gboolean pn_mime_encode_text (PnContent *content, PnTransfer transfer, PnSink *sink, GError **error);

G_END_DECLS
