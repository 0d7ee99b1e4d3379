/* How far a run is, told on a terminal; and its summary.  Private to postern convert. */
#pragma once

#include "cmd/convert-resume.h"

G_BEGIN_DECLS

typedef struct {
  gboolean shown;        /* standard error is a terminal */
  gint64 start, next;    /* monotonic microseconds: of the run, of the next drawing */
  guint64 total, before; /* bytes of the inputs; of them done by the interrupted run */
  guint files;
} PnConvertProgress;

void pn_convert_progress_init (PnConvertProgress *self, GPtrArray *files, guint64 before);
/* When it is to be drawn next, as g_cond_wait_until() takes it; 0: never. */
gint64 pn_convert_progress_due (const PnConvertProgress *self);
void pn_convert_progress_draw (PnConvertProgress *self, const PnConvertPosition *done);
/* The bar makes way for a line. */
void pn_convert_progress_clear (const PnConvertProgress *self);
void pn_convert_progress_summary (const PnConvertProgress *self, const PnConvertOptions *options,
                                  const PnConvertPosition *done);

G_END_DECLS
