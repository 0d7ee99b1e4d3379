/* What lies inside an opaque S/MIME signature (RFC 8551 3.5.2). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The signed content of the CMS SignedData in DATA, DER or BER; NULL if it is none, or something else
 * (encrypted, compressed) is in it.  Nothing is verified. */
GBytes *pn_cms_read_signed (const guint8 *data, gsize length);

G_END_DECLS
