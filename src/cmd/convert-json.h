/* The JSON that postern convert writes.  Private to the subcommand. */
#pragma once

#include <json-glib/json-glib.h>

#include "cmd/convert.h"

G_BEGIN_DECLS

/* What JSON holds, as one line without line end.  Caller frees. */
char *pn_convert_json_text (JsonBuilder *json);

/* The JSON view of MESSAGE, one line without line end.  Caller frees. */
char *pn_convert_json (PnMessage *message, GError **error);

G_END_DECLS
