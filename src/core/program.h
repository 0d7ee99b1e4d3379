/* What every program of the house does around its own work: start, signals, stop. */
#pragma once

#include "core/config.h"
#include "core/seal.h"

G_BEGIN_DECLS

typedef struct {
  PnConfig *config;
  PnKey *key;
  const char *name;     /* "smtp", "agent", "ms", "ofs" */
  gboolean after_crash; /* the last run of this program died by a signal or an error exit */
  _Atomic int stop;     /* set by SIGTERM and SIGINT: finish what is under way, take nothing new */
  int stop_fd;          /* becomes readable when STOP is set */
} PnProgram;

/* The body of a program; returns the exit code.  Registered in program.c's table. */
typedef int (*PnProgramMain) (PnProgram *self);

int pn_smtp_main (PnProgram *self);  /* src/smtp: the daemon half */
int pn_agent_main (PnProgram *self); /* src/agent: the gateway half */
int pn_ms_main (PnProgram *self);    /* src/domain: the message server */
int pn_ofs_main (PnProgram *self);   /* src/postoffice: the post office server */

/* Runs one program in this process: takes its lock (DIR/<domain>/RUN/<name>.proc; refuses a second one),
 * loads key and configuration, opens log, trace and counters, sets up signals. */
int pn_program_run (const char *dir, const char *name, gboolean after_crash);
/* Starts the named programs (all if NULL) each in its own process and starts again what dies, until SIGTERM
 * or SIGINT. Writes "ready" lines as each is up. */
int pn_supervisor_run (const char *dir, const char *const *names);
/* To be called by a program when it serves: tells the supervisor. */
void pn_program_ready (PnProgram *self);
/* The names of all programs, in the order in which they are started. NULL terminated. */
const char *const *pn_program_names (void);

G_END_DECLS
