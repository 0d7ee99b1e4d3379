#include "cmd/cmd.h"
#include "cmd/json.h"
#include "directory/directory.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

typedef struct {
  char *dir, *post_office, *fid, *given, *family, *internet, *title, *department, *phone, *fax, *visibility,
      *type;
  gboolean json, password, remove;
  PnConfig *config;
  PnDirectory *directory;
} Options;

static void
options_clear (Options *self)
{
  char *texts[]
      = { self->dir,   self->post_office, self->fid,   self->given, self->family,     self->internet,
          self->title, self->department,  self->phone, self->fax,   self->visibility, self->type };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_clear_pointer (&self->directory, pn_directory_close);
  g_clear_pointer (&self->config, pn_config_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* --- passwords ------------------------------------------------------------------------------------------ */

/* Never on the command line, where everybody on the machine can read it. */
static char *
read_password (GError **error)
{
  struct termios before, silent;
  gboolean asked = isatty (STDIN_FILENO) && tcgetattr (STDIN_FILENO, &before) == 0;
  if (asked) {
    silent = before;
    silent.c_lflag &= ~(tcflag_t) ECHO;
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
    fputs ("New password: ", stderr);
  }
  char *line = NULL;
  size_t room = 0;
  ssize_t length = getline (&line, &room, stdin);
  if (asked) {
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
    fputc ('\n', stderr);
  }
  char *password = length > 0 ? g_strndup (line, strcspn (line, "\r\n")) : NULL;
  if (length > 0)
    explicit_bzero (line, (size_t) length);
  free (line);
  if (password && *password)
    return password;
  g_free (password);
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID, "no password on standard input");
  return NULL;
}

/* --- showing -------------------------------------------------------------------------------------------- */

static void
user_to_json (JsonBuilder *builder, const PnUser *user)
{
  json_builder_begin_object (builder);
  pn_json_text (builder, "domain", user->domain);
  pn_json_text (builder, "post_office", user->post_office);
  pn_json_text (builder, "user", user->user);
  pn_json_text (builder, "fid", user->fid);
  pn_json_text (builder, "given_name", user->given_name);
  pn_json_text (builder, "family_name", user->family_name);
  pn_json_text (builder, "internet", user->internet);
  pn_json_text (builder, "title", user->title);
  pn_json_text (builder, "department", user->department);
  pn_json_text (builder, "phone", user->phone);
  pn_json_text (builder, "fax", user->fax);
  pn_json_text (builder, "visibility", user->visibility);
  pn_json_bool (builder, "password", user->has_password);
  json_builder_end_object (builder);
}

static void
alias_to_json (JsonBuilder *builder, const PnAlias *alias)
{
  json_builder_begin_object (builder);
  pn_json_text (builder, "type", alias->type);
  pn_json_text (builder, "name", alias->name);
  pn_json_text (builder, "post_office", alias->post_office);
  pn_json_text (builder, "user", alias->user);
  json_builder_end_object (builder);
}

typedef void (*ToJson) (JsonBuilder *builder, gconstpointer object);

static void
print_json (const GPtrArray *objects, ToJson to_json)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_array (builder);
  for (guint i = 0; i < objects->len; i++)
    to_json (builder, objects->pdata[i]);
  json_builder_end_array (builder);
  pn_json_print (builder);
}

static gboolean
show_users (Options *options, const char *name, GError **error)
{
  g_autoptr (GPtrArray) users = NULL;
  if (name) {
    PnUser *user = pn_directory_find_user (options->directory, options->post_office, name, error);
    if (!user)
      return FALSE;
    users = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_user_free);
    g_ptr_array_add (users, user);
  } else {
    users = pn_directory_list_users (options->directory, options->post_office, error);
    if (!users)
      return FALSE;
  }
  if (options->json) {
    print_json (users, (ToJson) user_to_json);
    return TRUE;
  }
  for (guint i = 0; i < users->len; i++) {
    const PnUser *user = users->pdata[i];
    g_autofree char *full_name = pn_user_full_name (user);
    printf ("%-24s %-3s  %-32s %s\n", user->user, user->fid, user->internet, full_name);
  }
  return TRUE;
}

static gboolean
show_aliases (Options *options, GError **error)
{
  g_autoptr (GPtrArray) aliases = pn_directory_list_aliases (options->directory, error);
  if (!aliases)
    return FALSE;
  if (options->json) {
    print_json (aliases, (ToJson) alias_to_json);
    return TRUE;
  }
  for (guint i = 0; i < aliases->len; i++) {
    const PnAlias *alias = aliases->pdata[i];
    printf ("%-8s %-32s %s.%s\n", alias->type, alias->name, alias->post_office, alias->user);
  }
  return TRUE;
}

/* --- the actions ---------------------------------------------------------------------------------------- */

typedef gboolean (*Action) (Options *options, char **words, GError **error);

static gboolean
action_list (Options *options, char **words, GError **error)
{
  return show_users (options, words[0], error);
}

static gboolean
action_add (Options *options, char **words, GError **error)
{
  const PnPostOfficeConfig *first = options->config->post_offices->pdata[0];
  const PnUser user = { .domain = options->config->domain,
                        .post_office = options->post_office ? options->post_office : first->name,
                        .user = words[0],
                        .fid = options->fid,
                        .given_name = options->given,
                        .family_name = options->family,
                        .internet = options->internet,
                        .title = options->title,
                        .department = options->department,
                        .phone = options->phone,
                        .fax = options->fax,
                        .visibility = options->visibility };
  g_autofree char *password = options->password ? read_password (error) : NULL;
  if (options->password && !password)
    return FALSE;
  return pn_directory_add_user (options->directory, &user, password, error)
         && show_users (options, words[0], error);
}

static void
replace (char **field, const char *value)
{
  if (!value)
    return;
  g_free (*field);
  *field = g_strdup (value);
}

static gboolean
action_change (Options *options, char **words, GError **error)
{
  g_autoptr (PnUser) user
      = pn_directory_find_user (options->directory, options->post_office, words[0], error);
  if (!user)
    return FALSE;
  replace (&user->given_name, options->given);
  replace (&user->family_name, options->family);
  g_free (user->internet);
  user->internet = g_steal_pointer (&options->internet);
  replace (&user->title, options->title);
  replace (&user->department, options->department);
  replace (&user->phone, options->phone);
  replace (&user->fax, options->fax);
  replace (&user->visibility, options->visibility);
  return pn_directory_change_user (options->directory, user, error) && show_users (options, words[0], error);
}

static gboolean
action_delete (Options *options, char **words, GError **error)
{
  g_autoptr (PnUser) user
      = pn_directory_find_user (options->directory, options->post_office, words[0], error);
  return user && pn_directory_delete_user (options->directory, user->post_office, user->user, error);
}

static gboolean
action_password (Options *options, char **words, GError **error)
{
  g_autoptr (PnUser) user
      = pn_directory_find_user (options->directory, options->post_office, words[0], error);
  g_autofree char *password = user ? read_password (error) : NULL;
  return password
         && pn_directory_set_password (options->directory, user->post_office, user->user, password, error);
}

static gboolean
action_alias (Options *options, char **words, GError **error)
{
  if (!words[0])
    return show_aliases (options, error);
  if (options->remove)
    return pn_directory_delete_alias (options->directory, options->type, words[0], error);
  if (!words[1]) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID, "which alias is %s to have?",
                 words[0]);
    return FALSE;
  }
  g_autoptr (PnUser) user
      = pn_directory_find_user (options->directory, options->post_office, words[0], error);
  return user
         && pn_directory_add_alias (options->directory, user->post_office, user->user, options->type,
                                    words[1], error);
}

static const struct {
  const char *name;
  Action action;
  int least, most; /* words behind it */
} actions[] = {
  { "list", action_list, 0, 1 },         { "add", action_add, 1, 1 },     { "change", action_change, 1, 1 },
  { "password", action_password, 1, 1 }, { "alias", action_alias, 0, 2 }, { "delete", action_delete, 1, 1 },
};

static int
run (Options *options, int argc, char **argv)
{
  guint i = 0;
  while (i < G_N_ELEMENTS (actions) && (argc < 2 || strcmp (actions[i].name, argv[1]) != 0))
    i++;
  if (i == G_N_ELEMENTS (actions) || argc - 2 < actions[i].least || argc - 2 > actions[i].most) {
    fprintf (stderr,
             i == G_N_ELEMENTS (actions) ? "postern user: list, add, change, password, alias or delete?\n"
                                         : "postern user %s: too few words or too many\n",
             argc > 1 ? argv[1] : "");
    fputs ("Try 'postern user --help'.\n", stderr);
    return PN_EXIT_USAGE;
  }
  if (!pn_cmd_open (options->dir, &options->config, NULL))
    return PN_EXIT_NOT_DONE;
  GError *error = NULL;
  options->directory = pn_directory_open (options->config, TRUE, &error);
  if (!options->directory || !actions[i].action (options, argv + 2, &error))
    return pn_cmd_fail ("user", error);
  return PN_EXIT_DONE;
}

int
pn_cmd_user (int argc, char **argv)
{
  g_auto (Options) options = { 0 };
  const GOptionEntry entries[] = {
    { "post-office", 0, 0, G_OPTION_ARG_STRING, &options.post_office,
      "post office of the user (add: the first one)", "NAME" },
    { "given", 0, 0, G_OPTION_ARG_STRING, &options.given, "given name", "NAME" },
    { "family", 0, 0, G_OPTION_ARG_STRING, &options.family, "family name", "NAME" },
    { "internet", 0, 0, G_OPTION_ARG_STRING, &options.internet,
      "preferred Internet address; \"\" for the usual one", "ADDRESS" },
    { "title", 0, 0, G_OPTION_ARG_STRING, &options.title, "title", "TEXT" },
    { "department", 0, 0, G_OPTION_ARG_STRING, &options.department, "department", "TEXT" },
    { "phone", 0, 0, G_OPTION_ARG_STRING, &options.phone, "telephone", "TEXT" },
    { "fax", 0, 0, G_OPTION_ARG_STRING, &options.fax, "fax", "TEXT" },
    { "visibility", 0, 0, G_OPTION_ARG_STRING, &options.visibility, "System, Domain, \"Post Office\" or None",
      "WHERE" },
    { "fid", 0, 0, G_OPTION_ARG_STRING, &options.fid, "add: this FID instead of one made from the name",
      "XXX" },
    { "password", 0, 0, G_OPTION_ARG_NONE, &options.password, "add: read a password from standard input",
      NULL },
    { "type", 0, 0, G_OPTION_ARG_STRING, &options.type, "alias: its type ([directory] alias-type)", "TYPE" },
    { "delete", 0, 0, G_OPTION_ARG_NONE, &options.remove, "alias: take it away", NULL },
    { 0 },
  };
  if (!pn_cmd_options (
          &argc, &argv, entries, &options.dir, &options.json,
          "list [NAME] | add NAME | change NAME | password NAME | alias [NAME ALIAS] | delete NAME",
          "Adds, lists, changes and deletes users.",
          "A password is one line on standard input. 'alias' alone lists all aliases; 'alias --delete "
          "ALIAS'\n"
          "takes one away. Running programs see a change within a second."))
    return PN_EXIT_USAGE;
  return run (&options, argc, argv);
}
