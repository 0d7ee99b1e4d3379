/* What the files of the way in share: one message being read. */
#pragma once

#include "convert/mac-file.h"
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
  PnSource *source;             /* borrowed; lines end with LF or CRLF */
  PnSource *original_source;    /* borrowed; the same, unless the lines had to be mended (mime-cr.h) */
  const PnMimeOptions *options; /* borrowed */
  PnMessage *message;           /* borrowed */
  PnMimeScan *scan;             /* borrowed */
  PnHeaderContext context;
  char *charset_hint; /* owned: what CONTEXT falls back to, if the message says a charset anywhere */

  PnHeaderParams **types; /* by entity: of Content-Type, parsed when first asked for */
  guint n_types;

  /* guint: the entities that make the bodies, in their order.  One of the other kind stands for its twin; a
   * picture in HTML for itself. */
  GArray *text, *html;
  guint64 text_size; /* of them, encoded */
  GArray *calendars; /* guint: those that may make the message an appointment */
  GArray *reports;   /* guint: delivery statuses and disposition notifications */
  GArray *files;     /* PnMimeFile, in the order of the source */
  int original;      /* the entity of the message that a report is about; -1 */
  int spare;         /* a named text that is read if there is no other; -1 */
  int opaque;        /* the entity that holds its content in a signature; -1 */
  guint wrappings;   /* signatures around this message */
  gsize unpacked;    /* bytes of files that are no ranges of the source */
  guint pictures;    /* entities in html that are no text */

  GHashTable *entities; /* of pn_mime_read_entities() */
} PnMimeReader;

const PnHeaderParams *pn_mime_reader_type (PnMimeReader *self, guint entity);
G_GNUC_PRINTF (3, 4)
void pn_mime_reader_add_loss (PnMimeReader *self, guint entity, const char *format, ...);

/* The first MAX bytes of an entity's body, decoded.  NULL only if the source fails. */
GBytes *pn_mime_reader_bytes (PnMimeReader *self, guint entity, gsize max, GError **error);

/* Text that is read into memory as a whole, all bodies together; what goes beyond stays a file. */
#define PN_MIME_MAX_TEXT (8 * 1024 * 1024)

/* mime-read.c: a message of which only the fields of the header are filled in. */
PnMessage *pn_mime_read_header (PnSource *source, const PnMimeOptions *options, GError **error);

/* mime-read.c: every part that has a body of its own, and those that are signed or encrypted whole, as files:
 * by section ("1.2"), both owned.  The bodies are ranges of SOURCE. */
GHashTable *pn_mime_read_entities (PnSource *source, GError **error);

/* mime-fields.c: the fields between HEADER and its end into the message. */
void pn_mime_read_fields (PnMimeReader *self, const char *header, gsize length);

/* mime-body.c: sorts the parts into bodies, calendars, reports and files. */
void pn_mime_sort_parts (PnMimeReader *self);
/* The part for an entity that is a file. */
PnPart *pn_mime_make_file (PnMimeReader *self, guint entity);

/* mime-inline.c: files that HTML shows by their Content-ID or Content-Location become inline ones. */
void pn_mime_bind_inline (PnMimeReader *self, const char *html);

/* mime-name.c: names the files that have none; the type that a name says. */
void pn_mime_name_files (PnMimeReader *self);
const char *pn_mime_type_of (const char *name);
/* Bytes of the header that DATA begins with, the blank line included. */
gsize pn_mime_header_length (const char *data, gsize length);

/* mime-external.c: files whose content is somewhere else become links to it. */
gboolean pn_mime_link_external (PnMimeReader *self, GError **error);

/* mime-join.c: makes the bodies of what was sorted. */
gboolean pn_mime_add_bodies (PnMimeReader *self, GError **error);

/* mime-text.c: the text of an entity as UTF-8.  UNIX_LINES: line ends LF, format=flowed undone.  NULL with
 * ERROR set only if the source fails.  *CHARSET (caller frees) is what it came in. */
char *pn_mime_read_text (PnMimeReader *self, guint entity, gboolean unix_lines, gsize *length, char **charset,
                         GError **error);
/* The same for a calendar, whose lines may be folded inside a character: one in UTF-8, or that says no other
 * charset, is given out as it came, and may hold what is no UTF-8. */
char *pn_mime_read_calendar (PnMimeReader *self, guint entity, gsize *length, char **charset, GError **error);
/* TEXT with the line ends of RFC 3676 undone.  Caller frees. */
char *pn_mime_unflow (const char *text, gsize length, gboolean delsp, gsize *out_length);

/* What files may have together that are unpacked in memory, because they are no ranges of the source. */
#define PN_MIME_MAX_UNPACKED (16 * 1024 * 1024)

/* mime-uu.c: files that stand in the LENGTH BYTES of a text (uuencode, BinHex, yEnc) become files of the
 * message.  The bytes are OWNER's, or, if that is NULL, the part's as they lie in the source.  Returns the
 * text without them, or NULL if there were none. */
GBytes *pn_mime_take_files (PnMimeReader *self, guint entity, const char *bytes, gsize length, GBytes *owner);

/* mime-mac.c: files that are packed as the Macintosh does become what is in them. */
gboolean pn_mime_unpack_mac_files (PnMimeReader *self, GError **error);
/* Gives PART the name and the type that FILE, which it was made of, says; tells what is left out. */
void pn_mime_settle_mac_file (PnMimeReader *self, guint entity, PnPart *part, const PnMacFile *file);

/* mime-tnef.c: opens the TNEF among the files, which are the message's by now, and adds what is in it. */
gboolean pn_mime_read_tnef (PnMimeReader *self, GError **error);

/* mime-read-report.c: fills message->reports; TRUE if the message is a status of something. */
gboolean pn_mime_read_reports (PnMimeReader *self, GError **error);

G_END_DECLS
