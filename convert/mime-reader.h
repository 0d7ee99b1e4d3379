/* What the files of the way in share: one message being read. */
#pragma once

#include "convert/mime-header.h"
#include "convert/mime-scan.h"
#include "convert/mime.h"

G_BEGIN_DECLS

/* A part that becomes a file of the message. */
typedef struct {
  guint entity;
  PnPart *part; /* owned by the message once it is added */
} PnMimeFile;

typedef struct {
  PnSource *source;             /* borrowed */
  const PnMimeOptions *options; /* borrowed */
  PnMessage *message;           /* borrowed */
  PnMimeScan *scan;             /* borrowed */
  PnHeaderContext context;
  char *charset_hint; /* owned: what CONTEXT falls back to, if the message says a charset anywhere */

  PnHeaderParams **types; /* by entity: of Content-Type, parsed when first asked for */
  guint n_types;

  GArray *text, *html; /* guint: the entities that make the bodies */
  guint64 text_size;   /* of them, encoded */
  GArray *calendars;   /* guint: those that may make the message an appointment */
  GArray *reports;     /* guint: delivery statuses and disposition notifications */
  GArray *files;       /* PnMimeFile, in the order of the source */
  int original;        /* the entity of the message that a report is about; -1 */
  int spare;           /* a named text that is read if there is no other; -1 */
  int opaque;          /* the entity that holds its content in a signature; -1 */
  guint wrappings;     /* signatures around this message */
} PnMimeReader;

const PnHeaderParams *pn_mime_reader_type (PnMimeReader *self, guint entity);
G_GNUC_PRINTF (3, 4)
void pn_mime_reader_add_loss (PnMimeReader *self, guint entity, const char *format, ...);

/* Text that is read into memory as a whole, all bodies together; what goes beyond stays a file. */
#define PN_MIME_MAX_TEXT (8 * 1024 * 1024)

/* mime-read.c: a message of which only the fields of the header are filled in. */
PnMessage *pn_mime_read_header (PnSource *source, const PnMimeOptions *options, GError **error);

/* mime-fields.c: the fields between HEADER and its end into the message. */
void pn_mime_read_fields (PnMimeReader *self, const char *header, gsize length);

/* mime-body.c: sorts the parts into bodies, calendars, reports and files. */
void pn_mime_sort_parts (PnMimeReader *self);
/* The part for an entity that is a file. */
PnPart *pn_mime_make_file (PnMimeReader *self, guint entity);
/* Files that HTML shows by their Content-ID or Content-Location become inline ones. */
void pn_mime_bind_inline (PnMimeReader *self, const char *html);

/* mime-text.c: the text of an entity as UTF-8.  UNIX_LINES: line ends LF, format=flowed undone.  NULL with
 * ERROR set only if the source fails.  *CHARSET (caller frees) is what it came in. */
char *pn_mime_read_text (PnMimeReader *self, guint entity, gboolean unix_lines, gsize *length, char **charset,
                         GError **error);
/* The same for a calendar, whose lines may be folded inside a character: one in UTF-8, or that says no other
 * charset, is given out as it came, and may hold what is no UTF-8. */
char *pn_mime_read_calendar (PnMimeReader *self, guint entity, gsize *length, char **charset, GError **error);
/* TEXT with the line ends of RFC 3676 undone.  Caller frees. */
char *pn_mime_unflow (const char *text, gsize length, gboolean delsp, gsize *out_length);

/* mime-uu.c: files that stand uuencoded in the LENGTH BYTES of a text that is not encoded become files of the
 * message. Returns the text without them, or NULL if there were none. */
GBytes *pn_mime_take_uu (PnMimeReader *self, guint entity, const char *bytes, gsize length);

/* mime-tnef.c: opens the TNEF among the files, which are the message's by now, and adds what is in it. */
gboolean pn_mime_read_tnef (PnMimeReader *self, GError **error);

/* mime-read-report.c: fills message->reports; TRUE if the message is a status of something. */
gboolean pn_mime_read_reports (PnMimeReader *self, GError **error);

G_END_DECLS
