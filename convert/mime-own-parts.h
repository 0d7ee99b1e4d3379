/* X-Postern-Part fields: which part of a composed mail is which part of the message, and what MIME does not
 * say of it or says otherwise.  Private to the MIME code. */
#pragma once

#include "convert/mime-write.h"

G_BEGIN_DECLS

/* Describes the parts of MESSAGE, which TREE was made of.  What stands nowhere in TREE has to be small: it is
 * written whole.  MADE as in pn_native_fields_write(). */
gboolean pn_own_parts_write (GString *out, PnMessage *message, const PnMimeNode *tree, guint made,
                             GError **error);
/* Makes the parts of MESSAGE, which was read from SOURCE, those that it was composed of; a skeleton is made
 * again.  If SOURCE is no longer what was composed, they stay as they were read. */
gboolean pn_own_parts_restore (PnMessage *message, PnSource *source, GError **error);

/* The most that is written in a header field. */
#define PN_OWN_PART_MAX 2048

G_END_DECLS
