/* What the files of the SMTP client share. */
#pragma once

#include "net/dns.h"
#include "smtp/client.h"
#include "smtp/resultfile.h"
#include "smtp/sendfile.h"

#include <openssl/ssl.h>

G_BEGIN_DECLS

/* --- outcomes --------------------------------------------------------------------------------- */

typedef enum {
  PN_OUTCOME_NONE,
  PN_OUTCOME_SENT,
  PN_OUTCOME_TEMPORARY,
  PN_OUTCOME_PERMANENT,
  PN_OUTCOME_EARLIER /* decided in an earlier attempt */
} PnOutcomeKind;

/* What became of one recipient, or why nothing can be sent to a host. */
typedef struct {
  PnOutcomeKind kind;
  int code;       /* of the peer's reply; 0: it is we who say it */
  char *enhanced; /* or NULL */
  char *text;
  char *host;   /* or NULL */
  gboolean dsn; /* the peer announced DSN */
} PnOutcome;

void pn_outcome_clear (PnOutcome *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnOutcome, pn_outcome_clear)
void pn_outcome_copy (PnOutcome *to, const PnOutcome *from); /* clears TO first */
G_GNUC_PRINTF (5, 6)
void pn_outcome_set (PnOutcome *self, PnOutcomeKind kind, const char *enhanced, const char *host,
                     const char *format, ...);

/* --- routes (next-hop.c) ---------------------------------------------------------------------- */

typedef struct PnRoutes PnRoutes;

/* Where mail for a destination goes, before any look-up. */
typedef struct {
  char *key;  /* destinations with the same key share connections */
  char *host; /* domain, host or address */
  guint port;
  gboolean mx;   /* look for MX records of HOST */
  gboolean auth; /* the relay: introduce ourselves */
} PnNextHop;

/* One address to try. */
typedef struct {
  char *host;
  char *address;
  guint port;
  gboolean auth;
} PnTarget;

/* [smtp] relay and routes; an entry that cannot be read is an error. */
PnRoutes *pn_routes_new (const PnConfig *config, GError **error);
void pn_routes_free (PnRoutes *self);
/* DOMAIN as in the first line of a send file.  NULL if it cannot be one. */
PnNextHop *pn_routes_find (const PnRoutes *self, const char *domain);
PnNextHop *pn_next_hop_copy (const PnNextHop *self);
void pn_next_hop_free (PnNextHop *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnNextHop, pn_next_hop_free)
/* GPtrArray of PnTarget in the order to be tried; NULL with OUTCOME set.  OWN_HOST: our name, which no MX may
 * be. */
GPtrArray *pn_route_targets (PnDns *dns, const PnNextHop *hop, const char *own_host, PnOutcome *outcome);

/* --- one connection (connection.c, client-tls.c) ---------------------------------------------- */

typedef enum {
  PN_CAN_PIPELINING = 1 << 0,
  PN_CAN_SIZE = 1 << 1,
  PN_CAN_8BITMIME = 1 << 2,
  PN_CAN_SMTPUTF8 = 1 << 3,
  PN_CAN_DSN = 1 << 4,
  PN_CAN_STARTTLS = 1 << 5,
  PN_CAN_AUTH_PLAIN = 1 << 6,
  PN_CAN_AUTH_LOGIN = 1 << 7
} PnCan;

typedef struct {
  const char *host;                       /* our name; borrowed */
  const char *auth_user, *auth_password;  /* at the relay; "" if none; borrowed */
  guint connect_timeout, command_timeout; /* seconds */
  gboolean tls_verify;
  SSL_CTX *tls;
  int stop_fd; /* readable: give up what can be given up */
} PnClientOptions;

typedef struct {
  int fd;
  SSL *ssl; /* NULL without TLS */
  const PnClientOptions *options;
  char *host, *address;
  guint port;
  gboolean broken;        /* nothing more can be said on it */
  gboolean uninterrupted; /* the message is handed over: wait for the answer even while we stop */
  guint can;              /* PnCan */
  guint64 size_limit;     /* of SIZE; 0: none stated */
  guint messages;         /* sent on it */
  GByteArray *out;        /* not yet written */
  gsize in_start, in_end;
  char in[8192];
} PnConnection;

typedef struct {
  int code;
  char *enhanced;
  char *text;       /* lines joined by a blank, enhanced code taken off */
  GPtrArray *lines; /* char *: without the code */
} PnReply;

void pn_reply_clear (PnReply *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnReply, pn_reply_clear)
/* The outcome a refusal means: 5xx permanent, anything else temporary. */
void pn_outcome_from_reply (PnOutcome *outcome, const PnReply *reply, const PnConnection *connection);

/* NULL with OUTCOME set. */
PnConnection *pn_connection_open (const PnClientOptions *options, const PnTarget *target, PnOutcome *outcome);
void pn_connection_free (PnConnection *self); /* says no QUIT */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnConnection, pn_connection_free)
/* Adds a command line to the buffer. */
G_GNUC_PRINTF (2, 3) void pn_connection_put (PnConnection *self, const char *format, ...);
/* These fail with OUTCOME set to a temporary failure, and the connection is broken then. */
gboolean pn_connection_flush (PnConnection *self, PnOutcome *outcome);
gboolean pn_connection_write (PnConnection *self, const void *data, gsize length, PnOutcome *outcome);
gboolean pn_connection_reply (PnConnection *self, guint timeout, PnReply *reply, PnOutcome *outcome);
/* Flush and one reply. */
gboolean pn_connection_ask (PnConnection *self, PnReply *reply, PnOutcome *outcome);
/* Waits for EVENTS (POLLIN, POLLOUT) until DEADLINE (monotonic); sets OUTCOME at time-out or stop. */
gboolean pn_connection_wait (PnConnection *self, short events, gint64 deadline, PnOutcome *outcome);
/* Breaks it; OUTCOME becomes a temporary failure. */
G_GNUC_PRINTF (4, 5)
gboolean pn_connection_fail (PnConnection *self, PnOutcome *outcome, const char *enhanced, const char *format,
                             ...);

SSL_CTX *pn_client_tls_new (gboolean verify, GError **error);
/* Begins TLS; bytes read before are thrown away.  FALSE with OUTCOME set. */
gboolean pn_client_tls_start (PnConnection *self, PnOutcome *outcome);

/* --- a session and its transactions (session.c, delivery.c) ----------------------------------- */

/* Connects, greets, begins TLS, introduces us.  NULL with OUTCOME set. */
PnConnection *pn_client_session_open (const PnClientOptions *options, const PnTarget *target,
                                      PnOutcome *outcome);
void pn_client_session_quit (PnConnection *self); /* and frees */

typedef enum {
  PN_DELIVERY_ANSWERED, /* every outcome wanted is set */
  PN_DELIVERY_LOST, /* the connection broke before the message was handed over: FAILURE says why, no outcome
                       is set */
  PN_DELIVERY_LOCAL /* our own file cannot be read: ERROR is set */
} PnDelivery;

/* One transaction for those recipients of FILE whose outcome is NONE. */
PnDelivery pn_client_deliver (PnConnection *self, PnSendFile *file, PnOutcome *outcomes, PnOutcome *failure,
                              GError **error);

/* --- which file when (schedule.c) ------------------------------------------------------------- */

typedef struct PnSchedule PnSchedule;

typedef struct {
  char *name; /* S#######.SND, in send/ */
  PnNextHop *hop;
  PnSendFile *file; /* open already, if it is small and few others are; else NULL */
} PnSendJob;

void pn_send_job_free (PnSendJob *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSendJob, pn_send_job_free)

PnSchedule *pn_schedule_new (PnProgram *program, const PnRoutes *routes, GError **error);
void pn_schedule_free (PnSchedule *self);
/* The body of the scanning thread: returns when the program is to stop. */
void pn_schedule_run (PnSchedule *self);
/* The next file, by preference one for KEY (or NULL).  Waits up to WAIT_MS; NULL at time-out or stop. */
PnSendJob *pn_schedule_take (PnSchedule *self, const char *key, gint wait_ms);
/* It left send/; DUE (seconds) if it lies in defer/ now, else 0.  Frees JOB. */
void pn_schedule_done (PnSchedule *self, PnSendJob *job, gint64 due);
/* A destination that nobody answered for: files for it fail at once with OUTCOME for a while. */
void pn_schedule_set_dead (PnSchedule *self, const char *key, const PnOutcome *outcome);
gboolean pn_schedule_get_dead (PnSchedule *self, const char *key, PnOutcome *outcome);
/* Seconds until the try after ATTEMPTS tries. */
guint pn_schedule_interval (const PnSchedule *self, guint attempts);
/* Puts a file that is no send file into gwprob with the reason beside it; KEEP: it stays in send/ too. */
void pn_schedule_problem (PnSchedule *self, const char *name, const char *reason, gboolean keep);
char *pn_schedule_path (const PnSchedule *self, const char *folder, const char *name); /* caller frees */

/* --- after an attempt (settle.c) -------------------------------------------------------------- */

typedef struct {
  PnProgram *program;               /* borrowed */
  PnSchedule *schedule;             /* borrowed */
  PnResultWriter *results;          /* borrowed */
  gint64 retry_limit, delay_notice; /* seconds */
} PnSettle;

/* Writes down what became of FILE (job NAME): results, then its removal from send/ or its move to defer/.
 * Returns the time when it is due again, 0 if it is dealt with. */
gint64 pn_settle_file (const PnSettle *self, const char *name, PnSendFile *file, PnSendTry *try,
                       PnOutcome *outcomes);
/* At the start: what result/ says about files that are still in send/ is carried out. */
gboolean pn_settle_leftovers (const PnSettle *self, GError **error);
char *pn_settle_try_path (const PnSettle *self, const char *name); /* caller frees */

G_END_DECLS
