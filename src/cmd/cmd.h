/* The subcommands of postern(1): one file each, main.c has the table. */
#pragma once

#include "core/config.h"
#include "core/seal.h"

G_BEGIN_DECLS

/* Exit codes of every subcommand. */
enum { PN_EXIT_DONE = 0, PN_EXIT_LOSSES = 1, PN_EXIT_USAGE = 2, PN_EXIT_NOT_DONE = 3 };

int pn_cmd_init (int argc, char **argv);
int pn_cmd_run (int argc, char **argv);
int pn_cmd_user (int argc, char **argv);
int pn_cmd_send (int argc, char **argv);
int pn_cmd_list (int argc, char **argv);
int pn_cmd_read (int argc, char **argv);
int pn_cmd_accept (int argc, char **argv);   /* argv[0] tells which: accept, decline, tentative, complete */
int pn_cmd_calendar (int argc, char **argv); /* the same: propose, delegate, refresh, reschedule ... */
int pn_cmd_info (int argc, char **argv);
int pn_cmd_convert (int argc, char **argv);
int pn_cmd_queue (int argc, char **argv);
int pn_cmd_trace (int argc, char **argv);
int pn_cmd_status (int argc, char **argv);

/* argv[0] of each is the subcommand's name.  What they share: */

/* Parses argv with ENTRIES (GOptionEntry, as g_option_context_add_main_entries takes them), adding
 * -C/--directory (into *DIR if not NULL) and --json (into *JSON if not NULL).  USAGE is the parameter string,
 * SUMMARY and DESCRIPTION are shown by --help.  On a usage error prints it and returns FALSE: the caller
 * returns PN_EXIT_USAGE. */
gboolean pn_cmd_options (int *argc, char ***argv, const GOptionEntry *entries, char **dir, gboolean *json,
                         const char *usage, const char *summary, const char *description);
/* Loads configuration and key of DIR (NULL: as pn_config_find_dir).  On failure prints the error and returns
 * FALSE: the caller returns PN_EXIT_NOT_DONE. */
gboolean pn_cmd_open (const char *dir, PnConfig **config, PnKey **key);
/* Prints "postern SUBCOMMAND: message" on standard error, frees ERROR, returns PN_EXIT_NOT_DONE. */
int pn_cmd_fail (const char *subcommand, GError *error);
/* Whether a file of that name in a queue directory is a message, not what stands beside one. */
gboolean pn_cmd_is_message_file (const char *name);
/* A number of bytes as "12.3 KiB".  Caller frees. */
char *pn_cmd_size (guint64 bytes);

G_END_DECLS
