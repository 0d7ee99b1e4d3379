/* Result files: result/R#######.RES, what became of the recipients of send files.  Written by the daemon,
 * taken by the agent.  Plain text; one line per recipient, fields separated by TAB:
 *
 *   send file  native id  action  recipient  sender  code  enhanced  text  host  time  dsn
 *
 * "-" stands for a field that is empty.  Action: transferred, undeliverable, delayed.  Dsn: 1 if the peer
 * takes over the duty to report (it announced DSN). */
#pragma once

#include "convert/bytes.h"

G_BEGIN_DECLS

typedef enum { PN_RESULT_TRANSFERRED, PN_RESULT_UNDELIVERABLE, PN_RESULT_DELAYED } PnResultAction;

typedef struct {
  char *file; /* name of the send file: S#######.SND */
  char *id;   /* native message id, or NULL */
  PnResultAction action;
  char *recipient;
  char *sender;   /* MAIL FROM; "" for the null path */
  int code;       /* SMTP reply code; 0: the peer said nothing */
  char *enhanced; /* "5.1.1", or NULL */
  char *text;     /* the peer's words, or our reason */
  char *host;     /* who said it, or NULL */
  gint64 time;    /* seconds */
  gboolean dsn;
} PnResult;

PnResult *pn_result_new (void);
void pn_result_free (PnResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnResult, pn_result_free)

const char *pn_result_action_to_string (PnResultAction action);
void pn_result_append (const PnResult *self, GString *out);
/* GPtrArray of PnResult.  Lines that are not of the form are left out and counted in *BAD. */
GPtrArray *pn_result_parse (const char *text, gsize length, guint *bad);
GPtrArray *pn_result_read (const char *path, guint *bad, GError **error);

/* Puts outcomes into DIR (result/) so that they are on disk when it returns; threads that wait at the same
 * time share one file and one flush. */
typedef struct PnResultWriter PnResultWriter;
PnResultWriter *pn_result_writer_new (const char *dir);
void pn_result_writer_free (PnResultWriter *self);
gboolean pn_result_writer_put (PnResultWriter *self, GPtrArray *results, GError **error);

G_END_DECLS
