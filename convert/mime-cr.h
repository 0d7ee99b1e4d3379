/* Messages whose lines end with CR alone. */
#pragma once

#include "convert/mime-scan.h"

G_BEGIN_DECLS

/* Whether SCAN of SOURCE shows that CR alone ends lines in it. */
gboolean pn_mime_wants_cr_view (PnSource *source, const PnMimeScan *scan);
/* PARENT with LF in the place of each CR that no LF follows: the same bytes else, at the same offsets. */
PnSource *pn_mime_cr_view_new (PnSource *parent);

G_END_DECLS
