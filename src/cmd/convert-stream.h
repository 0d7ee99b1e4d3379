/* Where messages are written one after the other: standard output, a file, or a mailbox for each folder.
 * Private to postern convert. */
#pragma once

#include "cmd/convert-resume.h"

G_BEGIN_DECLS

typedef struct PnConvertStream PnConvertStream;

/* LENGTH: what an interrupted run has written of the last one it opened; the rest of it is cut off. */
PnConvertStream *pn_convert_stream_new (const PnConvertOptions *options, guint64 length, GError **error);
/* Appends what JOB has. */
gboolean pn_convert_stream_put (PnConvertStream *self, PnConvertJob *job, GError **error);
/* Whether that goes into another file than what came before: then how far the run is has to be marked first.
 */
gboolean pn_convert_stream_switches (const PnConvertStream *self, const PnConvertJob *job);
/* Everything to the file; *LENGTH is what it has now. */
gboolean pn_convert_stream_flush (PnConvertStream *self, guint64 *length, GError **error);
void pn_convert_stream_free (PnConvertStream *self);

/* A file that is written from its begin, or, if LENGTH is not 0, after that many bytes of it. */
int pn_convert_stream_open (const char *path, gboolean replace, guint64 length, GError **error);

G_END_DECLS
