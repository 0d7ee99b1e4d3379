/* The skeleton: the original bytes of a MIME message with each attachment that can be rebuilt exactly
 * replaced by a reference to the decoded part.  Format: postern-message(5). */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* Collects, in the order of the original, the pieces of a message. */
typedef struct PnSkeleton PnSkeleton;

PnSkeleton *pn_skeleton_new (PnSource *original);
void pn_skeleton_free (PnSkeleton *self);
/* LENGTH bytes of the original at OFFSET are the encoded form of PART (an element of the message's parts).
 * Calls come in ascending order; bytes between them are kept literally.  If the part's content cannot be
 * rebuilt exactly (pn_content_get_base64_form, or identity encodings), they are kept literally as well. */
gboolean pn_skeleton_add_part (PnSkeleton *self, guint64 offset, guint64 length, PnPart *part,
                               GError **error);
/* Adds the PN_PART_SKELETON part to MESSAGE. */
gboolean pn_skeleton_finish (PnSkeleton *self, PnMessage *message, GError **error);

/* Writes the original bytes.  PN_CONVERT_ERROR_SYNTAX if the skeleton is damaged, names a part that is not
 * there, or the message has none. */
gboolean pn_skeleton_write (PnMessage *message, PnSink *sink, GError **error);

G_END_DECLS
