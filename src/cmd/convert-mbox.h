/* Mailboxes of one file (RFC 4155 and its relatives): taken apart message by message, and written.  Private
 * to postern convert. */
#pragma once

#include "convert/bytes.h"

G_BEGIN_DECLS

/* How lines of a message that begin with "From " are kept apart from the lines between messages. */
typedef enum {
  PN_MBOX_AUTO, /* by Content-Length where it fits, else as mboxrd */
  PN_MBOX_O,    /* ">From " stands for "From " */
  PN_MBOX_RD,   /* one '>' was put before ">...>From " */
  PN_MBOX_CL,   /* as mboxo, with Content-Length */
  PN_MBOX_CL2   /* Content-Length alone, nothing is quoted */
} PnMboxQuoting;

/* From "mboxrd" and so on; FALSE if unknown. */
gboolean pn_mbox_quoting_from_string (const char *text, PnMboxQuoting *quoting);

/* A message of a mailbox. */
typedef struct {
  PnSource *source; /* owned; what was sent, quoting undone */
  char *separator;  /* owned; the From_ line without its line end */
  gboolean crlf;    /* that line end */
  char flags[8];    /* Maildir letters of Status and X-Status */
  guint64 extent;   /* bytes of the file, separators included */
} PnMboxMessage;

void pn_mbox_message_clear (PnMboxMessage *self);

typedef struct PnMbox PnMbox;

/* Opens the mailbox PATH.  Memory does not grow with its size, nor with that of its messages. */
PnMbox *pn_mbox_open (const char *path, PnMboxQuoting quoting, GError **error);
/* The next message into OUT.  FALSE at the end, or with ERROR. */
gboolean pn_mbox_next (PnMbox *self, PnMboxMessage *out, GError **error);
void pn_mbox_free (PnMbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnMbox, pn_mbox_free)

/* Whether the file is a mailbox: begins with a From_ line and has another one, or, as CERTAIN says, is one by
 * its name. */
gboolean pn_mbox_is (const char *path, const char *head, gsize length, gboolean certain);

/* The sender that a From_ line names, if it is an address; else NULL.  Caller frees. */
char *pn_mbox_sender (const char *separator);
/* A From_ line for a message of SENDER (or NULL) that was sent at UNIX_TIME.  Caller frees. */
char *pn_mbox_separator (const char *sender, gint64 unix_time);

/* Writing: a message as mboxrd. */
typedef struct {
  PnSink below;
  gboolean begin; /* at the begin of a line, QUOTES and MATCHED of it seen */
  guint64 quotes; /* '>' */
  guint matched;  /* characters of "From " */
  char last;      /* character written */
  gboolean any;
} PnMboxWriter;

gboolean pn_mbox_writer_begin (PnMboxWriter *self, PnSink below, const char *separator, gboolean crlf,
                               GError **error);
PnSink pn_mbox_writer_sink (PnMboxWriter *self);
/* *ADDED_OUT: whether the last line had no line end and got one. */
gboolean pn_mbox_writer_end (PnMboxWriter *self, gboolean crlf, gboolean *added_out, GError **error);

/* A sink that turns CRLF into LF. */
typedef struct {
  PnSink below;
  gboolean held_cr;
} PnLineFeedWriter;

PnSink pn_line_feed_writer_sink (PnLineFeedWriter *self);
gboolean pn_line_feed_writer_end (PnLineFeedWriter *self, GError **error);

G_END_DECLS
