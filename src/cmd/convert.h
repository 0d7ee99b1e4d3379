/* postern convert: what its files share.  Private to the subcommand. */
#pragma once

#include <sys/types.h>

#include "cmd/cmd.h"
#include "cmd/convert-mbox.h"
#include "convert/mime.h"

G_BEGIN_DECLS

typedef enum {
  PN_KIND_AUTO,
  PN_KIND_MIME,
  PN_KIND_MBOX,
  PN_KIND_MAILDIR,
  PN_KIND_ICAL,
  PN_KIND_VCARD,
  PN_KIND_NATIVE,
  PN_KIND_API,
  PN_KIND_JSON,
  PN_KIND_TNEF, /* input only */
  PN_KIND_LAST
} PnKind;

const char *pn_kind_to_string (PnKind kind);
const char *pn_kind_extension (PnKind kind); /* ".eml" */
gboolean pn_kind_from_string (const char *text, PnKind *kind);

/* Where the outputs go. */
typedef enum {
  PN_LAYOUT_NONE,    /* nowhere: the inputs are only verified */
  PN_LAYOUT_DIRECT,  /* the one message to standard output, as it is written */
  PN_LAYOUT_FILES,   /* a file each */
  PN_LAYOUT_STREAM,  /* one after the other into one file or standard output */
  PN_LAYOUT_FOLDERS, /* a mailbox for each directory or mailbox of the inputs */
  PN_LAYOUT_MAILDIR  /* a Maildir, with a subfolder for each of those */
} PnLayout;

/* What the run was asked for; not changed while it lasts. */
typedef struct {
  PnKind from, to;
  PnMboxQuoting quoting; /* of mailboxes that are read */
  PnLayout layout;
  char *out;       /* owned; the directory or file, or NULL */
  char *rejects;   /* owned; directory for inputs that could not be converted, or NULL */
  gboolean single; /* one input, which is a file: */
  gboolean one;    /* and is one message */
  gboolean verify;
  gboolean force;                   /* existing outputs may be replaced */
  gboolean resume;                  /* go on with an interrupted run */
  gboolean anew;                    /* compose, even where the original bytes are kept */
  gboolean strict_api;              /* no keywords of our own in API files */
  gboolean simple_recurrence;       /* series as Exchange takes them */
  gboolean brief;                   /* JSON without the queue file */
  mode_t mode;                      /* of outputs, but native ones */
  PnKey *key;                       /* owned; seals native outputs, opens native inputs; or NULL */
  char *timezone;                   /* owned; of floating calendar times, or NULL */
  char *charset;                    /* owned; of undeclared 8-bit text, or NULL */
  char *domain;                     /* owned; Internet domain of native addresses and of ids */
  GHashTable *inputs;               /* "device:inode" of every input, so that none is overwritten */
  struct PnConvertJournal *journal; /* borrowed; of this run, or NULL */
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

/* An input file. */
typedef struct {
  char *path;
  char *stem; /* below the output directory, without extension: of its output, or of the directory for several
               */
  guint64 size;
  PnKind kind;     /* known from where it lies, or AUTO */
  gboolean unseen; /* lies in new/ of a Maildir */
  char *reason;    /* why it cannot even be looked at, or NULL */
} PnConvertFile;

/* One message of an input, and what became of it. */
typedef struct {
  const PnConvertFile *file;
  guint file_index, number; /* in the order of the inputs; of the message in its file, from 1 */
  gboolean only;            /* the file is this message */
  gboolean sealed;          /* SOURCE is what is in a sealed file */
  char *name;               /* path, or "path#12" */
  PnSource *source;         /* owned; or NULL when it could not be opened */
  guint64 size;             /* bytes of the input that it stands for */
  PnKind kind;
  char *separator; /* owned; the From_ line it had, or NULL */
  gboolean crlf;   /* that line's end */
  char flags[32];  /* Maildir letters */

  PnResult result;
  GPtrArray *losses; /* PnLoss, or NULL */
  char *reason;      /* of a failure or a difference, or NULL */
  char *output;      /* path of the file that was or is to be written, or NULL */
  GByteArray *text;  /* for a stream; or, if large: */
  int text_fd;       /* owned; -1: none */
} PnConvertJob;

void pn_convert_job_free (PnConvertJob *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnConvertJob, pn_convert_job_free)
/* "PATH#12" and so on for a message that is one of several. */
char *pn_convert_job_name (const PnConvertFile *file, guint number, gboolean only);

/* Collects INPUTS (files, and directories recursively in order).  GPtrArray of PnConvertFile. */
GPtrArray *pn_convert_collect (PnConvertOptions *options, char **inputs, GError **error);

/* The messages of a file, one at a time. */
typedef struct PnConvertItems PnConvertItems;
/* Opens FILE and finds out what it is.  Never fails: what cannot be read is one failed job. */
PnConvertItems *pn_convert_items_open (const PnConvertOptions *options, const PnConvertFile *file,
                                       guint index);
/* Whether more than one may come. */
gboolean pn_convert_items_several (const PnConvertItems *self);
/* The next one; NULL at the end. */
PnConvertJob *pn_convert_items_next (PnConvertItems *self);
/* How many came so far. */
guint pn_convert_items_given (const PnConvertItems *self);
void pn_convert_items_free (PnConvertItems *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnConvertItems, pn_convert_items_free)

/* Takes the calendars of TEXT apart: one for each UID, with all its components and the zones they name;
 * GBytes. NULL if it is one already. */
GPtrArray *pn_convert_split_calendars (const char *text, gsize length);

/* Reads the message of JOB.  NULL with ERROR. */
PnMessage *pn_convert_read (const PnConvertOptions *options, PnConvertJob *job, GError **error);
/* Reads a message of KIND from SOURCE; FILE is where API files look for their parts and names the message. */
PnMessage *pn_convert_read_source (const PnConvertOptions *options, PnKind kind, PnSource *source,
                                   const char *file, GError **error);
/* The kind of what SOURCE begins with, AUTO with ERROR if it cannot be told; PATH helps. */
PnKind pn_convert_find_kind (PnSource *source, const char *path, GError **error);

/* Writes MESSAGE as options->to to where the job's output belongs.  REPLACE: even if that exists. */
gboolean pn_convert_write (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message,
                           gboolean replace, GError **error);
gboolean pn_convert_write_sink (const PnConvertOptions *options, PnKind kind, PnMessage *message,
                                PnSink *sink, GError **error);
PnMimeWriteOptions pn_convert_mime_options (const PnConvertOptions *options);
/* The time "now": of the run, or of SOURCE_DATE_EPOCH, so that outputs can be reproduced. */
gint64 pn_convert_now (void);

typedef gboolean (*PnConvertWriteFunc) (gpointer user, PnSink *sink, GError **error);
/* Writes a file under no name and gives it PATH when it is complete. */
gboolean pn_convert_write_file (const PnConvertOptions *options, const char *path, gboolean replace,
                                PnConvertWriteFunc write_func, gpointer user, GError **error);

/* Whether PATH is one of the inputs, which are never overwritten. */
gboolean pn_convert_is_input (const PnConvertOptions *options, const char *path);

/* The file that JOB's output is to be, with PN_LAYOUT_FILES; else NULL. */
char *pn_convert_output_path (const PnConvertOptions *options, const PnConvertJob *job);
/* The mailbox that JOB belongs into, with PN_LAYOUT_FOLDERS. */
char *pn_convert_folder_path (const PnConvertOptions *options, const PnConvertJob *job);
gboolean pn_convert_write_maildir (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message,
                                   gboolean replace, GError **error);

/* Converts the job's file there and back and compares; sets the job's result and reason.  FALSE with ERROR if
 * that could not be done. */
gboolean pn_convert_verify (const PnConvertOptions *options, PnConvertJob *job, GError **error);

/* Copies what could not be converted to options->rejects, with the reason beside it. */
gboolean pn_convert_reject (const PnConvertOptions *options, const PnConvertJob *job, GError **error);

/* Does all FILES with N workers; REPORT is the path of the report or NULL.  Returns the exit code. */
int pn_convert_run (PnConvertOptions *options, GPtrArray *files, guint n, const char *report);

G_END_DECLS
