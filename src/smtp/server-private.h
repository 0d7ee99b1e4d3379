/* What the files of the server share. */
#pragma once

#include "net/listener.h"
#include "net/stream.h"
#include "smtp/server.h"
#include "smtp/session.h"

G_BEGIN_DECLS

typedef struct PnSmtpConnection PnSmtpConnection;

struct PnSmtpConnection {
  PnSmtpServer *server;              /* borrowed */
  PnSmtpConnection *earlier, *later; /* in the order in which they were last heard of */
  gint64 heard;                      /* monotonic time */
  PnStream stream;
  PnSmtpSession session;
  guint8 *held; /* owned; bytes that came while the session waited */
  gsize held_length;
  guint64 ticket;     /* of the commit whose 250 is on its way */
  gboolean answering; /* TICKET is set */
  gboolean implicit_tls;
  gboolean gone;       /* the peer has left while another thread works for the session */
  struct event *delay; /* owned; NULL unless WAIT_DELAY */

  /* The answer of another thread: to a commit or to AUTH. */
  PnSmtpConnection *next_done;
  GError *error; /* owned */
  char *user;    /* owned */
};

struct PnSmtpServer {
  PnProgram *program;                           /* borrowed */
  PnSmtpSettings *settings;                     /* owned */
  PnJournal *journal;                           /* owned */
  SSL_CTX *tls;                                 /* owned; NULL without a certificate */
  struct event_base *base;                      /* owned */
  GPtrArray *ports;                             /* owned; Port */
  struct event *tick, *stop, *done, *last_call; /* owned */
  GHashTable *peers;                            /* sessions by address: guint8[16] to count */
  PnSmtpConnection *first, *last;               /* longest silent first */
  guint sessions, max_sessions, max_per_address;
  gint64 idle_timeout; /* microseconds */
  gboolean stopping;
  gint64 space_checked;
  gboolean space;
  GThreadPool *verifiers; /* owned; of passwords */
  GString *out;           /* owned; replies of the moment */
  guint8 *input;          /* owned; bytes of the moment */

  GMutex done_lock;
  PnSmtpConnection *done_list; /* whose answers have come, latest first */
  int done_fd;
};

enum { PN_SMTP_INPUT_SIZE = 64 * 1024 };

void pn_smtp_connection_open (PnSmtpServer *server, int fd /* taken */, const PnPeer *peer,
                              gboolean submission, gboolean implicit_tls);
/* 421, and close as soon as the peer has it.  Not while another thread works for it.  Frees SELF, now or
 * later. */
void pn_smtp_connection_end (PnSmtpConnection *self, const char *enhanced, const char *reason);
/* At once, without a word. */
void pn_smtp_connection_drop (PnSmtpConnection *self);
/* Whether another thread works for it. */
gboolean pn_smtp_connection_is_busy (const PnSmtpConnection *self);
/* An answer is in ERROR or USER: tells the session.  May free SELF. */
void pn_smtp_connection_answer (PnSmtpConnection *self);
/* Counts as if the peer had spoken. */
void pn_smtp_connection_heard (PnSmtpConnection *self);

/* From any thread: the loop is to call pn_smtp_connection_answer(). */
void pn_smtp_server_done (PnSmtpConnection *connection);

/* What the sessions ask for (server-house.c). */
extern const PnSmtpHouse pn_smtp_house;
void pn_smtp_verify (gpointer job, gpointer server); /* of the thread pool */

G_END_DECLS
