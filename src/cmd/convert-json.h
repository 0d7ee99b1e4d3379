/* The JSON that postern convert writes and reads.  Private to the subcommand. */
#pragma once

#include "cmd/convert.h"

G_BEGIN_DECLS

/* The JSON view of MESSAGE, one line without line end.  Caller frees. */
char *pn_convert_json (PnMessage *message, GError **error);
/* Writes it as a line, with the whole message as a queue file in it unless options->brief. */
gboolean pn_convert_write_json (const PnConvertOptions *options, PnMessage *message, PnSink *sink,
                                GError **error);

/* Reads the object in SOURCE: the queue file in it, or, if there is none, what its members say; then the
 * content of an attachment is its member "content", in base64. */
PnMessage *pn_convert_read_json (PnSource *source, GError **error);

G_END_DECLS
