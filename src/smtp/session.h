/* One SMTP session, server side: bytes in, replies out.  It knows nothing of sockets; what takes time (the
 * journal, a password) it asks its house for, and waits.
 *
 *   phase      input is             ends with
 *   COMMAND    lines                DATA -> DATA, BDAT -> CHUNK, AUTH -> AUTH
 *   AUTH       lines (responses)    the last response -> COMMAND, waiting for AUTH
 *   DATA       dot-stuffed text     CRLF.CRLF -> COMMAND, waiting for COMMIT
 *   CHUNK      a counted chunk      its last byte -> COMMAND, waiting for COMMIT if it was the last chunk
 *
 * While it waits it takes no input.  Only CRLF ends a command and only CRLF.CRLF ends a message: a bare CR or
 * LF in the text is a byte like any other, is kept as it came, and neither begins nor ends a line (so
 * "LF.LF", "LF.CRLF", "CR.CR" and their kin stay inside the message: RFC 5321 2.3.8, 4.1.1.4). */
#pragma once

#include "directory/directory.h"
#include "net/address.h"
#include "queue/journal.h"
#include "smtp/incoming.h"

G_BEGIN_DECLS

/* What the configuration says, read once. */
typedef struct {
  char *host;             /* owned; our name */
  char *receive_dir;      /* owned */
  PnKey *key;             /* owned */
  PnDirectory *directory; /* owned */
  PnNetworks *relay_from; /* owned */
  guint64 max_message_size;
  guint64 journal_limit; /* messages larger than this are spooled */
  guint64 disk_reserve;
  guint max_recipients;
  guint max_errors;
  gboolean tls; /* STARTTLS can be offered */
  gboolean auth_without_tls;
} PnSmtpSettings;

PnSmtpSettings *pn_smtp_settings_new (const PnConfig *config, PnKey *key, GError **error);
void pn_smtp_settings_free (PnSmtpSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSmtpSettings, pn_smtp_settings_free)

typedef enum {
  PN_SMTP_WAIT_NONE,
  PN_SMTP_WAIT_COMMIT, /* for pn_smtp_session_committed() */
  PN_SMTP_WAIT_AUTH,   /* for pn_smtp_session_authenticated() */
  PN_SMTP_WAIT_DELAY,  /* for pn_smtp_session_delayed(), in DELAY_MS */
  PN_SMTP_WAIT_TLS,  /* the owner does the handshake once the replies are out, then pn_smtp_session_secured()
                      */
  PN_SMTP_WAIT_CLOSE /* the owner closes once the replies are out */
} PnSmtpWait;

typedef enum {
  PN_SMTP_PHASE_COMMAND,
  PN_SMTP_PHASE_AUTH,
  PN_SMTP_PHASE_DATA,
  PN_SMTP_PHASE_CHUNK
} PnSmtpPhase;

typedef struct PnSmtpSession PnSmtpSession;

/* What a session asks for; USER is the session's OWNER. */
typedef struct {
  /* Whether there is room for more mail. */
  gboolean (*has_space) (gpointer user);
  /* The id under which the same message was accepted before without an answer; NULL if none. */
  char *(*take_orphan) (gpointer user, const guint8 hash[16]);
  /* Makes session->incoming durable and tells pn_smtp_session_committed(), later. */
  void (*commit) (gpointer user, PnSmtpSession *session);
  /* Checks the password and tells pn_smtp_session_authenticated(), later.  The texts are borrowed. */
  void (*authenticate) (gpointer user, PnSmtpSession *session, const char *name, const char *password);
} PnSmtpHouse;

/* The transaction: what MAIL and RCPT have said. */
typedef struct {
  gboolean open;
  char *from;        /* owned */
  GPtrArray *to;     /* owned; char * */
  GPtrArray *notify; /* of the same length; "" if none */
  GPtrArray *orcpt;
  char *envid, *ret; /* owned; or NULL */
  gboolean smtputf8;
  guint64 size; /* declared; 0 if not */
} PnSmtpTransaction;

struct PnSmtpSession {
  const PnSmtpSettings *settings; /* borrowed */
  const PnSmtpHouse *house;       /* borrowed */
  gpointer owner;                 /* borrowed */
  PnPeer peer;
  gboolean submission; /* on the port for our own users */
  gboolean may_relay;  /* by its address */
  char *tls;           /* owned; "TLSv1.3 with cipher ...", NULL in the clear */

  PnSmtpPhase phase;
  PnSmtpWait wait;
  gboolean abrupt; /* WAIT_CLOSE is by our own will, the client may still be talking */
  guint delay_ms;
  GString *out;  /* borrowed; where replies go during a call */
  GString *line; /* owned; the beginning of a line, NULL if none */
  gboolean overlong;

  char *helo; /* owned; NULL before HELO */
  gboolean extended;
  char *user; /* owned; native address of who has authenticated himself */
  guint errors, auth_failures;

  PnSmtpTransaction transaction;
  PnIncoming *incoming; /* owned; from DATA or the first BDAT to the answer */
  gint64 handed_over;   /* microseconds: when it was given to the journal */
  guint64 chunk_left;
  gboolean chunk_last, chunk_refused;

  char *auth_name;     /* owned; of AUTH LOGIN, once it is known; in WAIT_AUTH who it is */
  gboolean auth_login; /* LOGIN, not PLAIN */
};

void pn_smtp_session_init (PnSmtpSession *self, const PnSmtpSettings *settings, const PnSmtpHouse *house,
                           gpointer owner, const PnPeer *peer, gboolean submission);
void pn_smtp_session_clear (PnSmtpSession *self);

/* Each of these appends replies to OUT. */
void pn_smtp_session_greet (PnSmtpSession *self, GString *out);
/* Takes bytes; returns how many: fewer than LENGTH only when it waits. */
gsize pn_smtp_session_input (PnSmtpSession *self, const char *bytes, gsize length, GString *out);
void pn_smtp_session_committed (PnSmtpSession *self, const GError *error, GString *out);
void pn_smtp_session_authenticated (PnSmtpSession *self, const char *user /* native address, NULL: refused */,
                                    GString *out);
void pn_smtp_session_delayed (PnSmtpSession *self, GString *out);
void pn_smtp_session_secured (PnSmtpSession *self, const char *tls);
/* Says 421 with REASON and closes. */
void pn_smtp_session_end (PnSmtpSession *self, const char *enhanced, const char *reason, GString *out);

/* --- among the files of the session --------------------------------------------------------------------- */

/* "CODE ENHANCED text".  A 5xx counts as an error of the client. */
G_GNUC_PRINTF (4, 5)
void pn_smtp_reply (PnSmtpSession *self, guint code, const char *enhanced, const char *format, ...);
/* The same for a message or recipient we do not take: also counted and logged. */
G_GNUC_PRINTF (5, 6)
void pn_smtp_refuse (PnSmtpSession *self, const char *recipient, guint code, const char *enhanced,
                     const char *format, ...);
/* A whole reply line, CRLF included. */
void pn_smtp_reply_line (PnSmtpSession *self, const char *line);
void pn_smtp_reply_ehlo (PnSmtpSession *self);

void pn_smtp_transaction_clear (PnSmtpTransaction *self);
/* Ends the transaction and what was received of its message. */
void pn_smtp_session_reset (PnSmtpSession *self);

/* One command line without its CRLF; may be altered. */
void pn_smtp_command (PnSmtpSession *self, char *line, gsize length);
void pn_smtp_mail (PnSmtpSession *self, char *argument);
void pn_smtp_rcpt (PnSmtpSession *self, char *argument);
void pn_smtp_auth (PnSmtpSession *self, char *argument);
void pn_smtp_auth_response (PnSmtpSession *self, char *line);
gboolean pn_smtp_auth_offered (const PnSmtpSession *self);
void pn_smtp_data (PnSmtpSession *self, char *argument);
void pn_smtp_bdat (PnSmtpSession *self, char *argument);
/* Bytes of the message; returns how many were taken. */
gsize pn_smtp_data_input (PnSmtpSession *self, const char *bytes, gsize length);
gsize pn_smtp_chunk_input (PnSmtpSession *self, const char *bytes, gsize length);

/* --- the grammar of RFC 5321 4.1.2 (path.c) ------------------------------------------------------------- */

typedef enum {
  PN_PATH_OK,
  PN_PATH_SYNTAX,    /* not of the form <local@domain> */
  PN_PATH_NO_DOMAIN, /* <local> */
  PN_PATH_NOT_ASCII, /* needs SMTPUTF8 */
  PN_PATH_TOO_LONG
} PnPathResult;

/* Reads "<path>" at *AT, which is moved behind it.  A source route is dropped (RFC 5321 appendix F.2), "<>"
 * gives "". On NO_DOMAIN the address is given, too. */
PnPathResult pn_smtp_path_parse (char **at, gboolean utf8, char **address_out);
/* The next "KEY" or "KEY=VALUE" at *AT, NUL terminated in place; FALSE at the end or if it is malformed (then
 * **AT is not NUL). */
gboolean pn_smtp_parameter_next (char **at, char **key, char **value);
/* xtext of RFC 3461 4. */
gboolean pn_smtp_is_xtext (const char *text);

/* The fields in front of a message (RFC 5321 4.4).  Caller frees. */
char *pn_smtp_received_fields (const PnSmtpSession *session, const PnEnvelope *envelope);

G_END_DECLS
