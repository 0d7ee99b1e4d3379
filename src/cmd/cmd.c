#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

gboolean
pn_cmd_options (int *argc, char ***argv, const GOptionEntry *entries, char **dir, gboolean *json,
                const char *usage, const char *summary, const char *description)
{
  GOptionEntry shared[3] = { 0 };
  guint n = 0;
  if (dir)
    shared[n++] = (GOptionEntry){
      "directory", 'C',
      0,           G_OPTION_ARG_FILENAME,
      dir,         "the directory made by postern init (default: $POSTERN_DIR, else here)",
      "DIR"
    };
  if (json)
    shared[n++] = (GOptionEntry){ "json", 0, 0, G_OPTION_ARG_NONE, json, "answer in JSON", NULL };

  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  if (entries)
    g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, shared, NULL);

  g_autofree char *name = g_strconcat ("postern ", (*argv)[0], NULL);
  g_set_prgname (name);
  g_autoptr (GError) error = NULL;
  if (g_option_context_parse (context, argc, argv, &error))
    return TRUE;
  fprintf (stderr, "%s: %s\nTry '%s --help'.\n", name, error->message, name);
  return FALSE;
}

gboolean
pn_cmd_open (const char *dir, PnConfig **config, PnKey **key)
{
  g_autofree char *path = pn_config_find_dir (dir);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnConfig) loaded = pn_config_load (path, &error);
  if (loaded && key) {
    g_autofree char *key_path = pn_config_key_path (loaded);
    *key = pn_key_load (key_path, &error);
  }
  if (error) {
    fprintf (stderr, "%s: %s\n", g_get_prgname (), error->message);
    return FALSE;
  }
  *config = g_steal_pointer (&loaded);
  return TRUE;
}

int
pn_cmd_fail (const char *subcommand, GError *error)
{
  fprintf (stderr, "postern %s: %s\n", subcommand, error->message);
  g_error_free (error);
  return PN_EXIT_NOT_DONE;
}

gboolean
pn_cmd_is_message_file (const char *name)
{
  static const char *const others[] = { ".TXT", ".TRY", ".SEG", ".CTL", ".TMP" };
  if (name[0] == '.' || strcmp (name, "CLAIM") == 0 || g_str_has_prefix (name, "JOURNAL."))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    if (g_str_has_suffix (name, others[i]))
      return FALSE;
  return TRUE;
}

char *
pn_cmd_size (guint64 bytes)
{
  return g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
}
