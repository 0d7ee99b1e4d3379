/* Identifiers. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A new native message id: four groups of hex digits, the first the Unix time
 * ("6743A1B2.1F3C.00A1.0000001C"). Unique over processes and restarts of this host.  Thread safe.  Caller
 * frees. */
char *pn_id_new (void);
/* An id made from others, the same each time: so that a step repeated after a crash gives the same message.
 * ("ID of the status ACTION about message ID for RECIPIENT").  Caller frees. */
char *pn_id_derive (const char *id, const char *what, const char *whom);

G_END_DECLS
