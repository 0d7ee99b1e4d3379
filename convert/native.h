/* Native messages and their two carriers.
 *
 * Queue file: the keyword text, every part declared with its size and SHA-256, then after the line -END-
 * the bytes of the parts in the declared order.  Sealing lies below: the library sees plain bytes.
 * API file: the keyword text, with bodies and attachments as files beside it. */
#pragma once

#include "convert/message.h"
#include "convert/keyword.h"

G_BEGIN_DECLS

/* Writes MESSAGE as a queue file.  Parts are measured first, then streamed; memory does not grow with
 * their size. */
gboolean pn_native_write (PnMessage *message, PnSink *sink, GError **error);

/* Reads a queue file.  The contents of the parts are ranges of SOURCE, checked against the declared sizes;
 * digests are checked by pn_native_verify() or when a content is read whole. */
PnMessage *pn_native_read (PnSource *source, GError **error);

/* Reads the keyword text alone (routing needs no more): parts are declared but have no content.
 * Reads no more of SOURCE than it must. */
PnMessage *pn_native_read_head (PnSource *source, GError **error);

/* Reads every part of a message got from pn_native_read() and compares its SHA-256. */
gboolean pn_native_verify (PnMessage *message, GError **error);

/* A file beside an API file.  These functions give and take text; what directory the files lie in, and when
 * they are written and removed, is the caller's. */
typedef struct {
  char *file_name;    /* Current-File / Msg-File: 8.3 name in att_in or att_out */
  const PnPart *part; /* its content is what belongs into the file; the message's, or CONVERTED */
  PnPart
      *converted; /* owned; a copy whose text is in the charset and with the line ends of the file, or NULL */
} PnApiFile;

void pn_api_file_free (PnApiFile *self);

/* The API file's text for MESSAGE.  STEM (up to 5 characters) begins the names of the part files, which are
 * returned in FILES (GPtrArray of PnApiFile) to be written before the text.  With EXTENSIONS our own keywords
 * are written too, so that reading it back loses nothing; without, what is left out is added to the losses.
 */
GString *pn_api_write (PnMessage *message, const char *stem, gboolean extensions, GPtrArray **files,
                       GError **error);

/* Called by pn_api_read() for every part file: returns its content, or NULL with ERROR set. */
typedef PnContent *(*PnApiOpen) (const char *file_name, gpointer user, GError **error);

/* Reads an API file.  Keywords that are not known are PN_CONVERT_ERROR_SYNTAX, one line of the message each,
 * "Line 006 Unknown keyword: NAME", unless TOLERANT: then they are kept in message->extra.  Dates without an
 * offset are in the zone SITE_TIMEZONE (IANA; NULL: UTC). */
PnMessage *pn_api_read (const char *text, gsize length, gboolean tolerant, const char *site_timezone,
                        PnApiOpen open, gpointer user,
                        GError **error);

/* Whether two messages say the same (every field and the bytes of every part; Msg-ID and our transport
 * fields excepted).  If not, *DIFFERENCE names the first field that differs.  Caller frees. */
gboolean pn_message_equivalent (PnMessage *a, PnMessage *b, char **difference, GError **error);

G_END_DECLS
