/* postern convert: what its files share.  Private to the subcommand. */
#pragma once

#include <sys/types.h>

#include "cmd/cmd.h"
#include "convert/mime.h"

G_BEGIN_DECLS

typedef enum {
  PN_KIND_AUTO,
  PN_KIND_MIME,
  PN_KIND_ICAL,
  PN_KIND_NATIVE,
  PN_KIND_API,
  PN_KIND_JSON,
  PN_KIND_TNEF /* input only */
} PnKind;

const char *pn_kind_to_string (PnKind kind);
const char *pn_kind_extension (PnKind kind); /* ".eml" */
gboolean pn_kind_from_string (const char *text, PnKind *kind);

/* What the run was asked for; not changed while it lasts. */
typedef struct {
  PnKind from, to;
  gboolean verify;
  gboolean force;      /* existing outputs may be replaced */
  gboolean anew;       /* compose, even where the original bytes are kept */
  gboolean strict_api; /* no keywords of our own in API files */
  mode_t mode;         /* of outputs, but native ones */
  gboolean lines;      /* several messages into one stream: JSON, one per line */
  PnKey *key;          /* owned; seals native outputs, opens native inputs; or NULL */
  char *timezone;      /* owned; of floating calendar times, or NULL */
  char *charset;       /* owned; of undeclared 8-bit text, or NULL */
  char *domain;        /* owned; Internet domain of native addresses and of ids */
  GHashTable *inputs;  /* "device:inode" of every input, so that none is overwritten */
} PnConvertOptions;

typedef enum {
  PN_RESULT_CONVERTED,
  PN_RESULT_IDENTICAL,
  PN_RESULT_EQUIVALENT,
  PN_RESULT_DIFFERENT,
  PN_RESULT_FAILED,
  PN_RESULT_LAST
} PnResult;

const char *pn_result_to_string (PnResult result);

/* One input and what became of it. */
typedef struct {
  char *path;
  char *output; /* file to write; NULL: the common stream, or none */
  guint index;
  guint64 size;

  PnKind kind;
  PnResult result;
  GPtrArray *losses; /* PnLoss, or NULL */
  char *reason;      /* of a failure or a difference, or NULL */
  GString *text;     /* for the common stream, or NULL */
  gboolean finished;
} PnConvertJob;

/* Collects INPUTS (files, and directories recursively in order) as jobs; OUT is as on the command line or
 * NULL.  GPtrArray of PnConvertJob. */
GPtrArray *pn_convert_collect (PnConvertOptions *options, char **inputs, const char *out, GError **error);

/* Reads the file of JOB, whose kind it finds out.  NULL with ERROR. */
PnMessage *pn_convert_read (const PnConvertOptions *options, PnConvertJob *job, GError **error);
/* Reads a message of KIND from SOURCE; FILE is where API files look for their parts and names the message. */
PnMessage *pn_convert_read_source (const PnConvertOptions *options, PnKind kind, PnSource *source,
                                   const char *file, GError **error);

/* Writes MESSAGE as options->to into the job's output, or into its text. */
gboolean pn_convert_write (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message,
                           GError **error);
gboolean pn_convert_write_sink (const PnConvertOptions *options, PnKind kind, PnMessage *message,
                                PnSink *sink, GError **error);
PnMimeWriteOptions pn_convert_mime_options (const PnConvertOptions *options);
/* The time "now": of the run, or of SOURCE_DATE_EPOCH, so that outputs can be reproduced. */
gint64 pn_convert_now (void);

/* Converts the job's file there and back and compares; sets the job's result and reason.  FALSE with ERROR if
 * that could not be done. */
gboolean pn_convert_verify (const PnConvertOptions *options, PnConvertJob *job, GError **error);

/* Does all JOBS with N workers; COMMON is where texts go in the order of the jobs (or NULL), REPORT where the
 * report goes (or NULL). Returns the exit code. */
int pn_convert_run (PnConvertOptions *options, GPtrArray *jobs, guint n, PnSink *common, PnSink *report);

G_END_DECLS
