/* What the readers of native messages need of contents beyond convert/content.h. */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

/* The content is declared to have SIZE bytes with DIGEST.  pn_content_measure() believes it; the first
 * reading of the whole checks it and fails with PN_CONVERT_ERROR_DIGEST, naming WHAT ("part 2 (report.pdf)").
 */
void pn_content_declare (PnContent *self, guint64 size, const guint8 digest[32], const char *what);

G_END_DECLS
