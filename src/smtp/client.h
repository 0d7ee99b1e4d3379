/* The sending side of the daemon: send/ -> Internet, outcomes into result/, what must wait into defer/.
 *
 * Which files exist when (X is S#######; DIR the gateway's directory):
 *   send/X.TMP                  being put by the agent, not ours yet
 *   send/X.SND                  to be sent now; several recipients of one destination domain
 *   send/X.SND + defer/X.TRY    the same at a later attempt: X.TRY says which recipients are decided already
 *   defer/X.SND + defer/X.TRY   waits until the time in X.TRY, then moves to send/
 *   result/R#######.RES         outcomes, flushed before the send file is removed or moved
 * An outcome in result/ stays there until the send file is out of send/, so that a client killed between the
 * two finds out at its start what was decided and sends nothing twice. */
#pragma once

#include "core/program.h"

G_BEGIN_DECLS

typedef struct PnSmtpClient PnSmtpClient;

/* Starts the scanner and the sending threads ([smtp] send-threads).  PROGRAM must outlive it. */
PnSmtpClient *pn_smtp_client_start (PnProgram *program, GError **error);
/* To be called after program->stop is set: waits for the transactions under way (those whose message is not
 * yet handed over are given up) and frees. */
void pn_smtp_client_stop (PnSmtpClient *self);

G_END_DECLS
