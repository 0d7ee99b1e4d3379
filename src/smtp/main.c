#include "core/log.h"
#include "core/program.h"
#include "smtp/client.h"
#include "smtp/server.h"

enum { EXIT_NOT_DONE = 3 };

static int
fail (const GError *error)
{
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_error ("cannot_start", "reason=%s", reason);
  return EXIT_NOT_DONE;
}

int
pn_smtp_main (PnProgram *self)
{
  g_autoptr (GError) error = NULL;
  PnSmtpServer *server = pn_smtp_server_new (self, &error);
  if (!server)
    return fail (error);
  PnSmtpClient *client = pn_smtp_client_start (self, &error);
  if (!client) {
    pn_smtp_server_free (server);
    return fail (error);
  }
  pn_program_ready (self);
  pn_smtp_server_run (server);
  pn_smtp_client_stop (client);
  pn_smtp_server_free (server);
  return 0;
}
