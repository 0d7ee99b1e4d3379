/* Finds the objects in a file of JSON, one per line or in a list, without reading them into memory.  Private
 * to postern convert. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* The member that holds the whole message: a queue file in base64. */
#define PN_JSON_QUEUE_FILE "queue_file"

typedef struct {
  guint64 begin, end;             /* of the object */
  guint64 queue_begin, queue_end; /* of what stands between the quotes of that member; both 0: it has none */
} PnJsonRange;

typedef struct PnJsonScanner PnJsonScanner;
PnJsonScanner *pn_json_scanner_new (PnSource *source);
/* The next object into OUT.  FALSE at the end, or with ERROR. */
gboolean pn_json_scanner_next (PnJsonScanner *self, PnJsonRange *out, GError **error);
void pn_json_scanner_free (PnJsonScanner *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnJsonScanner, pn_json_scanner_free)

G_END_DECLS
