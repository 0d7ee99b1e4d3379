/* The daemon's SMTP server: sessions on one event loop, the receive journal behind them. */
#pragma once

#include "core/program.h"

G_BEGIN_DECLS

typedef struct PnSmtpServer PnSmtpServer;

/* Binds what [smtp] listen, submission and listen-tls say, and writes the addresses in fact used to
 * RUN/smtp.ports.  PROGRAM must outlive it. */
PnSmtpServer *pn_smtp_server_new (PnProgram *program, GError **error);
/* Serves until program->stop_fd is readable and what was being committed then is answered. */
void pn_smtp_server_run (PnSmtpServer *self);
void pn_smtp_server_free (PnSmtpServer *self);

G_END_DECLS
