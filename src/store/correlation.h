/* The gateway's correlation database, gwcorr.db: what the agent sent to the Internet and for whom, so that
 * results, DSN and MDN find the item in the sender's mailbox; and what outside senders asked to be told.
 *
 * A record of a message going out is also what makes sending it once: it is committed before its send files
 * get their names, and names them.  Contents are sealed. */
#pragma once

#include "core/seal.h"

G_BEGIN_DECLS

#define PN_CORRELATION_ERROR (pn_correlation_error_quark ())
GQuark pn_correlation_error_quark (void);
typedef enum {
  PN_CORRELATION_ERROR_ENGINE,
  PN_CORRELATION_ERROR_DAMAGED,
  PN_CORRELATION_ERROR_FULL
} PnCorrelationError;

/* The field in which Exchange's receipts name the message they are about. */
#define PN_CORRELATION_KEY "X-MSExch-Correlation-Key"

typedef struct {
  char *address; /* Internet address */
  char *notify;  /* RFC 3461 NOTIFY, or NULL */
  char *orcpt;   /* or NULL */
} PnCorrelationRecipient;

typedef struct {
  char *id;                          /* native message id */
  gboolean inbound;                  /* came from the Internet; else it went there */
  gboolean silent;                   /* nobody is told of a failure */
  gboolean failures_only;            /* the sender has no item that could show how it went on its way */
  gint64 time;                       /* seconds */
  guint priority;                    /* the priority directory statuses go to */
  char *message_id;                  /* RFC 5322, or NULL */
  char *domain, *post_office, *user; /* the sender's native address; NULL if he is outside */
  char *sender;                      /* his Internet address, "" for the null path */
  char *subject;                     /* or NULL */
  char *uid;                         /* of the invitation that it is, or NULL */
  char *token;                       /* what the return path and the correlation key say of it, or NULL */
  char *envid, *ret;                 /* of the sender's own envelope, or NULL */
  GPtrArray *recipients;             /* PnCorrelationRecipient */
  GPtrArray *files;                  /* char *: send files */
  GPtrArray *singles; /* char *: instances of the series UID that went as single items (PnInstance) */
  GPtrArray *dropped; /* char *: those of them that were taken back; neither is read again with the record */
} PnCorrelation;

PnCorrelation *pn_correlation_new (const char *id);
void pn_correlation_free (PnCorrelation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnCorrelation, pn_correlation_free)
void pn_correlation_add_recipient (PnCorrelation *self, const char *address, const char *notify,
                                   const char *orcpt);
/* The recipient with ADDRESS (any case), or NULL. */
const PnCorrelationRecipient *pn_correlation_find_recipient (const PnCorrelation *self, const char *address);

/* A new token: 16 characters that may stand in a local part and that nobody guesses.  Caller frees. */
char *pn_correlation_make_token (void);

typedef struct PnCorrelationDb PnCorrelationDb; /* usable from several threads */

/* Makes the database if it is not there. */
PnCorrelationDb *pn_correlation_db_open (const char *path, PnKey *key, GError **error);
void pn_correlation_db_close (PnCorrelationDb *self); /* commits */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnCorrelationDb, pn_correlation_db_close)

/* Takes the record; it can be found at once, and is on disk after the next commit.  One of the same id and
 * direction that is there already stays as it is. */
void pn_correlation_db_add (PnCorrelationDb *self, const PnCorrelation *record);
gboolean pn_correlation_db_commit (PnCorrelationDb *self, GError **error);
/* NULL without error: there is none. */
PnCorrelation *pn_correlation_db_find (PnCorrelationDb *self, const char *id, gboolean inbound,
                                       GError **error);
/* Of those that went out. */
PnCorrelation *pn_correlation_db_find_message_id (PnCorrelationDb *self, const char *message_id,
                                                  GError **error);
/* The instances (char *) of the series UID that went as single items and were not taken back. */
GPtrArray *pn_correlation_db_list_singles (PnCorrelationDb *self, const char *uid, GError **error);
/* By the token of a return path or a correlation key (any case), of those that went out. */
PnCorrelation *pn_correlation_db_find_token (PnCorrelationDb *self, const char *token, GError **error);
/* Forgets what is older than BEFORE (seconds). */
gboolean pn_correlation_db_purge (PnCorrelationDb *self, gint64 before, GError **error);

G_END_DECLS
