/* The content of a part: bytes that may lie encoded inside a larger source, and are decoded as they are
 * read, so that memory does not grow with their size. */
#pragma once

#include "convert/bytes.h"

G_BEGIN_DECLS

typedef enum {
  PN_ENCODING_NONE, /* 7bit, 8bit, binary: the bytes as they are */
  PN_ENCODING_BASE64,
  PN_ENCODING_QUOTED_PRINTABLE,
  PN_ENCODING_UUENCODE
} PnEncoding;

typedef struct PnContent PnContent;

/* All of BYTES, not encoded. */
PnContent *pn_content_new_bytes (GBytes *bytes);
/* TEXT is copied; LENGTH -1 for a C string. */
PnContent *pn_content_new_text (const char *text, gssize length);
/* LENGTH bytes of SOURCE from OFFSET on, which are ENCODING encoded; reading yields the decoded bytes. */
PnContent *pn_content_new_range (PnSource *source, guint64 offset, guint64 length, PnEncoding encoding);
/* Several contents one after the other.  Takes over the array and its references. */
PnContent *pn_content_new_chain (GPtrArray *contents);

PnContent *pn_content_ref (PnContent *self);
void pn_content_unref (PnContent *self);

/* Decoded size in bytes and SHA-256 of the decoded bytes.  Reads the content once and remembers both;
 * contents up to 4 MiB decoded stay in memory, so that the next reading is free, as long as all contents
 * together do not keep more than 48 MiB.  Either result may be NULL. */
gboolean pn_content_measure (PnContent *self, guint64 *size, guint8 digest[32], GError **error);

/* Writes the decoded bytes to SINK. */
gboolean pn_content_copy (PnContent *self, PnSink *sink, GError **error);

/* The decoded bytes, in memory.  More than MAX bytes is PN_CONVERT_ERROR_LIMIT. */
GBytes *pn_content_read (PnContent *self, gsize max, GError **error);

/* The range this content was made of: NULL unless it is a single range.  Borrowed. */
PnSource *pn_content_get_range (PnContent *self, guint64 *offset, guint64 *length, PnEncoding *encoding);

/* If the content is a base64 range: whether encoding its decoded bytes in lines of *LINE_LENGTH characters
 * with line end *EOL ("\n" or "\r\n"), the last line ended as *LAST_EOL says, gives back exactly the encoded
 * bytes.  Found in the same pass that measures. */
typedef struct {
  gboolean canonical;
  guint line_length; /* characters in a full line; 0: one line only */
  gboolean crlf;
  gboolean last_eol; /* the last line is followed by a line end */
} PnBase64Form;
gboolean pn_content_get_base64_form (PnContent *self, PnBase64Form *form, GError **error);

/* Writes the content base64 encoded in FORM. */
gboolean pn_content_copy_base64 (PnContent *self, const PnBase64Form *form, PnSink *sink, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnContent, pn_content_unref)

G_END_DECLS
