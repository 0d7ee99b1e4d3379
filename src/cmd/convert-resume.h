/* The journal of a run, from which an interrupted one is continued.  Private to postern convert.
 *
 * A text file beside the outputs, one line each: what the run is; every output file before it gets its name;
 * every mailbox that is opened; and, now and then, how far the run is: all messages before that one are
 * written, and the streams are this long.  After a kill whatever lies behind the last of these is done again:
 * an output that was begun is replaced, streams are cut. */
#pragma once

#include "cmd/convert.h"

G_BEGIN_DECLS

/* How far a run is. */
typedef struct {
  guint file, number;    /* the first message that is not written */
  guint64 report_length; /* bytes of the report */
  guint64 stream_length; /* bytes of the stream that is being written */
  guint messages, results[PN_RESULT_LAST], with_losses, losses;
  guint64 bytes;
} PnConvertPosition;

typedef struct PnConvertJournal PnConvertJournal;

/* Where the journal of such a run lies; NULL if it has none.  Caller frees. */
char *pn_convert_journal_path (const PnConvertOptions *options, const char *report);
/* Begins the journal, or, with options->resume, goes on with what is there: POSITION is where.  NULL with
 * ERROR. */
PnConvertJournal *pn_convert_journal_open (const PnConvertOptions *options, GPtrArray *files,
                                           const char *path, PnConvertPosition *position, GError **error);
/* An output of this message is about to get its name; FALSE with ERROR. */
gboolean pn_convert_journal_begin (PnConvertJournal *self, guint file, guint number, GError **error);
/* Whether the interrupted run had begun it. */
gboolean pn_convert_journal_was_begun (const PnConvertJournal *self, guint file, guint number);
/* The stream PATH is opened, to go on behind LENGTH bytes. */
gboolean pn_convert_journal_stream (PnConvertJournal *self, const char *path, guint64 length, GError **error);
/* Whether the run has opened it before; the last one that it opened. */
gboolean pn_convert_journal_knows (const PnConvertJournal *self, const char *path);
const char *pn_convert_journal_last_stream (const PnConvertJournal *self);
gboolean pn_convert_journal_mark (PnConvertJournal *self, const PnConvertPosition *position, GError **error);
/* COMPLETE: the journal is removed. */
void pn_convert_journal_close (PnConvertJournal *self, gboolean complete);

G_END_DECLS
