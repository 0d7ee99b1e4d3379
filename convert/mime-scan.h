/* The structure of a MIME message as ranges of its bytes.
 *
 * One pass over the source, in memory that does not depend on its size; every broken message has a structure
 * too. */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

/* Raw fields of a part's header that say what it is. */
typedef enum {
  PN_MIME_CONTENT_TYPE,
  PN_MIME_CONTENT_TRANSFER_ENCODING,
  PN_MIME_CONTENT_DISPOSITION,
  PN_MIME_CONTENT_ID,
  PN_MIME_CONTENT_LOCATION,
  PN_MIME_CONTENT_DESCRIPTION,
  PN_MIME_CONTENT_BASE,
  PN_MIME_N_FIELDS
} PnMimeFieldName;

typedef struct {
  char *value; /* owned, as it stands in the header, folds included; NULL if the field is missing */
  gsize length;
} PnMimeRawField;

typedef struct {
  guint64 header_offset, header_length; /* the blank line included */
  guint64 body_offset, body_length;     /* without the line end that belongs to the next delimiter */
  guint parent;                         /* index; of the root its own */
  guint first_child, last_child;        /* index; 0: none */
  guint next_sibling;                   /* index; 0: none */
  guint number;                         /* among its siblings, from 1 */
  guint depth;                          /* of the root 0 */
  char *type;     /* lower case "text/plain"; what holds by default if nothing is declared */
  gboolean typed; /* a usable Content-Type was there */
  PnEncoding encoding;
  gboolean encoding_unknown; /* then the body is to be taken as it is, as application/octet-stream */
  gboolean too_deep;         /* a multipart that was not opened */
  gboolean no_delimiter;     /* a multipart without a single part */
  gboolean other_boundary;   /* its parts are divided by another boundary than it declares */
  gboolean unclosed;         /* its closing delimiter is missing */
  guint strays;              /* lines of the header that are no field */
  guint duplicates; /* bits 1 << PnMimeFieldName: the field was there more than once; the first counts */
  PnMimeRawField fields[PN_MIME_N_FIELDS];
} PnMimeEntity;

typedef struct {
  GArray *nodes;         /* PnMimeEntity in the order of the source; the first is the message itself */
  gboolean too_many;     /* the last part holds all that followed it */
  gboolean header_limit; /* a header was cut, see below */
} PnMimeScan;

/* A header longer than this ends there when the source does not lie in memory. */
#define PN_MIME_MAX_HEADER (16 * 1024 * 1024)

/* MAX_DEPTH and MAX_PARTS as in PnMimeOptions.  Fails only if reading SOURCE does. */
PnMimeScan *pn_mime_scan (PnSource *source, guint max_depth, guint max_parts, GError **error);
void pn_mime_scan_free (PnMimeScan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnMimeScan, pn_mime_scan_free)

/* The entity at INDEX, which has to exist; borrowed. */
PnMimeEntity *pn_mime_scan_entity (const PnMimeScan *self, guint index);
/* "1.2": the place of a part; "1" for the only part of a message without multiparts.  Caller frees. */
char *pn_mime_scan_section (const PnMimeScan *self, guint index);

G_END_DECLS
