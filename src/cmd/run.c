#include "cmd/cmd.h"
#include "core/program.h"

#include <stdio.h>

int
pn_cmd_run (int argc, char **argv)
{
  g_autofree char *dir_option = NULL;
  gboolean only = FALSE, after_crash = FALSE;
  const GOptionEntry entries[] = {
    { "only", 0, 0, G_OPTION_ARG_NONE, &only,
      "run the one named program in this process, without a supervisor", NULL },
    { "after-crash", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &after_crash,
      "its last run ended in a crash", NULL },
    { 0 },
  };
  if (!pn_cmd_options (&argc, &argv, entries, &dir_option, NULL, "[PROGRAM...]",
                       "Runs the programs of the house, each in its own process, and starts again what dies.",
                       "Programs: ms (message server), ofs (post office server), agent (conversion), smtp "
                       "(SMTP server and client).\n"
                       "Without names all of them run.  SIGTERM or Ctrl-C ends them in good order."))
    return PN_EXIT_USAGE;
  g_autofree char *dir = pn_config_find_dir (dir_option);
  if (only && argc != 2) {
    fprintf (stderr, "postern run: --only wants the name of one program\n");
    return PN_EXIT_USAGE;
  }
  if (only)
    return pn_program_run (dir, argv[1], after_crash);
  return pn_supervisor_run (dir, (const char *const *) argv + 1);
}
