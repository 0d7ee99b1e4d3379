#include "cmd/cmd.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const char *name;
  int (*main) (int argc, char **argv);
  const char *summary;
} Command;

/* clang-format off */
static const Command commands[] = {
  { "init",      pn_cmd_init,    "make a domain with a post office" },
  { "run",       pn_cmd_run,     "run the bridge: all programs, or the named ones" },
  { "user",      pn_cmd_user,    "add, list, change and delete users" },
  { "send",      pn_cmd_send,    "send a message as a user" },
  { "list",      pn_cmd_list,    "list a mailbox" },
  { "read",      pn_cmd_read,    "read an item, save its attachments" },
  { "accept",    pn_cmd_accept,  "accept an invitation" },
  { "decline",   pn_cmd_accept,  "decline an invitation" },
  { "tentative", pn_cmd_accept,  "accept an invitation tentatively" },
  { "complete",  pn_cmd_accept,  "report a task as done" },
  { "propose",   pn_cmd_calendar, "propose another time for an appointment" },
  { "delegate",  pn_cmd_calendar, "send somebody else to an appointment" },
  { "refresh",   pn_cmd_calendar, "ask the organizer for what holds" },
  { "reschedule", pn_cmd_calendar, "move a sent appointment, or one instance of it" },
  { "add-instance", pn_cmd_calendar, "add an instance to a sent series" },
  { "retract",   pn_cmd_calendar, "take back a sent appointment, an instance, or one invitation" },
  { "decline-proposal", pn_cmd_calendar, "decline the time that somebody proposed" },
  { "info",      pn_cmd_info,    "what became of a sent message at each recipient" },
  { "convert",   pn_cmd_convert, "convert message files from any kind to any other" },
  { "queue",     pn_cmd_queue,   "list, show, requeue and delete queue files" },
  { "trace",     pn_cmd_trace,   "every hop of a message, and the next one" },
  { "status",    pn_cmd_status,  "programs, counters and queues" },
};
/* clang-format on */

static void
print_help (FILE *out)
{
  fprintf (out, "Usage: postern COMMAND [OPTIONS] ...\n\n"
                "A gateway between a GroupWise-style post office and Internet mail.\n\nCommands:\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (out, "  %-16s %s\n", commands[i].name, commands[i].summary);
  fprintf (out, "\n'postern COMMAND --help' tells more; so do postern(1) and postern-COMMAND(1).\n");
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  if (argc < 2) {
    print_help (stderr);
    return PN_EXIT_USAGE;
  }
  const char *name = argv[1];
  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0 || strcmp (name, "help") == 0) {
    print_help (stdout);
    return PN_EXIT_DONE;
  }
  if (strcmp (name, "--version") == 0) {
    printf ("postern %s\n", PACKAGE_VERSION);
    return PN_EXIT_DONE;
  }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (name, commands[i].name) == 0) {
      pn_seal_init ();
      return commands[i].main (argc - 1, argv + 1);
    }
  fprintf (stderr, "postern: there is no command '%s'\nTry 'postern --help'.\n", name);
  return PN_EXIT_USAGE;
}
