/* The MIME structure of a message that is composed.  Private to the writing half of the MIME code. */
#pragma once

#include "convert/mime-encode.h"
#include "convert/mime-report.h"

G_BEGIN_DECLS

typedef struct PnMimeNode PnMimeNode;

/* A part: a multipart with children, or a leaf with content. */
struct PnMimeNode {
  GPtrArray *children;     /* PnMimeNode; NULL: a leaf */
  char *type;              /* media type */
  char *parameters;        /* "; name=value...", or NULL */
  const char *charset;     /* of a leaf that is text, or NULL; static or borrowed */
  char *boundary;          /* of a multipart */
  const PnPart *part;      /* names and dates of a leaf, borrowed; or NULL */
  char *name;              /* file name, or NULL */
  const char *disposition; /* "attachment", "inline" or NULL; static */
  gboolean sealed;         /* a whole multipart that is written as it came */
  gboolean open;           /* that one's end is missing */
  gboolean bare;           /* without disposition, which would hide a calendar's buttons */
  PnContent *content;      /* of a leaf */
  PnTransfer transfer;
  PnLineScan scan; /* of a leaf that is not base64 */
  gboolean text;   /* line ends become CRLF */

  /* Which part of the message the content is: */
  const PnPart *holds;            /* borrowed; NULL: it was made for the reader of the mail */
  gsize lead_at, lead_length;     /* bytes that were put into it */
  GHashTable *inside;             /* of a signed part: PnPart to its place in what was signed, from 1; or NULL */
  GHashTable *unix_lines;         /* PnPart: those of them whose line ends were LF; or NULL */
  gboolean behind;                /* HOLDS stands inside of a signed part but for this, its end */
  gboolean broken;                /* a line feed is between them */
};

void pn_mime_node_free (PnMimeNode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnMimeNode, pn_mime_node_free)

/* The tree for MESSAGE, whose Message-ID is to be MESSAGE_ID; MADE receives PnMade flags.  Contents are read
 * once, to choose their encoding. */
PnMimeNode *pn_mime_tree_new (PnMessage *message, PnReportKind report, const char *message_id,
                              const PnMimeWriteOptions *options, guint *made, GError **error);
/* Appends the fields of NODE's own header to OUT. */
void pn_mime_write_part_fields (GString *out, const PnMimeNode *node);
/* Calls FUNC for every address that the mail shows. */
typedef void (*PnAddressFunc) (PnAddress *address, gpointer user);
void pn_mime_each_address (PnMessage *message, PnAddressFunc func, gpointer user);
/* Leaves in message->headers only those fields that composing takes over from there, in the order in which it
 * writes them. */
void pn_mime_forget_own_fields (PnMessage *message);

G_END_DECLS
