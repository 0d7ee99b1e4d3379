#include "cmd/cmd.h"
#include "core/file.h"
#include "core/program.h"
#include "directory/directory.h"
#include "net/tls.h"
#include "queue/queue.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *domain, *post_office, *internet_domain;
  char **users;
} Options;

static gboolean
write_config (const char *dir, const Options *options, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "postern.conf", NULL);
  g_autofree char *text = pn_config_sample (options->domain, options->post_office, options->internet_domain);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, errno == EEXIST ? "there is a house already" : "cannot make it");
    return FALSE;
  }
  g_autoptr (PnFileSink) sink = pn_file_sink_new (fd);
  PnSink out = pn_file_sink_sink (sink);
  gboolean ok = pn_sink_puts (&out, text, error) && pn_file_sink_flush (sink, error)
                && pn_file_fsync (fd, path, error);
  close (fd);
  return ok;
}

static gboolean
make_queue (char *path /* taken */, GError **error)
{
  g_autofree char *owned = path;
  g_autoptr (PnQueue) queue = pn_queue_open (owned, error);
  return queue != NULL;
}

static gboolean
make_directories (const PnConfig *config, GError **error)
{
  static const char *const gateway[]
      = { "receive", "send", "result", "defer", "gwhold", "gwprob", "work", "000.prc", NULL };
  for (guint i = 0; gateway[i]; i++) {
    g_autofree char *path = pn_config_gateway_path (config, gateway[i]);
    if (!pn_file_make_dirs (path, error))
      return FALSE;
  }
  if (!make_queue (pn_config_domain_path (config, "WPCSIN"), error)
      || !make_queue (pn_config_domain_path (config, "WPCSOUT/ADS"), error)
      || !make_queue (pn_config_domain_path (config, "WPCSOUT/CSS"), error)
      || !make_queue (pn_config_gateway_path (config, "WPCSIN"), error)
      || !make_queue (pn_config_gateway_path (config, "WPCSOUT/GWI0001"), error))
    return FALSE;
  for (guint i = 0; i < config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = g_ptr_array_index (config->post_offices, i);
    if (!make_queue (g_build_filename (office->path, "WPCSIN", NULL), error)
        || !make_queue (g_build_filename (office->path, "WPCSOUT/OFS", NULL), error)
        || !pn_store_create (config, office->name, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
make_certificate (const PnConfig *config, GError **error)
{
  g_autofree char *certificate
      = g_build_filename (config->root, pn_config_string (config, "tls", "certificate"), NULL);
  g_autofree char *key = g_build_filename (config->root, pn_config_string (config, "tls", "key"), NULL);
  return pn_tls_make_self_signed (certificate, key, config->host, error);
}

/* NAME or NAME:PASSWORD. */
static gboolean
add_user (PnDirectory *directory, const PnConfig *config, const char *argument, GError **error)
{
  const PnPostOfficeConfig *office = g_ptr_array_index (config->post_offices, 0);
  const char *colon = strchr (argument, ':');
  g_autofree char *name = colon ? g_strndup (argument, (gsize) (colon - argument)) : g_strdup (argument);
  g_autoptr (PnUser) user = g_new0 (PnUser, 1);
  user->domain = g_strdup (config->domain);
  user->post_office = g_strdup (office->name);
  user->user = g_steal_pointer (&name);
  user->visibility = g_strdup ("System");
  return pn_directory_add_user (directory, user, colon ? colon + 1 : NULL, error);
}

static gboolean
make_house (const char *dir, const Options *options, GError **error)
{
  if (!pn_file_make_dirs (dir, error) || !write_config (dir, options, error))
    return FALSE;
  g_autoptr (PnConfig) config = pn_config_load (dir, error);
  if (!config)
    return FALSE;
  g_autofree char *key_path = pn_config_key_path (config);
  g_autoptr (PnKey) key = pn_key_create (key_path, error);
  if (!key || !make_directories (config, error) || !make_certificate (config, error)
      || !pn_directory_create (config, error))
    return FALSE;
  g_autoptr (PnDirectory) directory = pn_directory_open (config, TRUE, error);
  if (!directory)
    return FALSE;
  for (char **user = options->users; user && *user; user++)
    if (!add_user (directory, config, *user, error))
      return FALSE;
  return TRUE;
}

int
pn_cmd_init (int argc, char **argv)
{
  Options options = { 0 };
  const GOptionEntry entries[] = {
    { "domain", 0, 0, G_OPTION_ARG_STRING, &options.domain, "native name of the domain (DOMAIN)", "NAME" },
    { "post-office", 0, 0, G_OPTION_ARG_STRING, &options.post_office, "name of its post office (OFFICE)",
      "NAME" },
    { "internet-domain", 0, 0, G_OPTION_ARG_STRING, &options.internet_domain,
      "Internet domain mail is taken for", "NAME" },
    { "user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.users,
      "a user of the post office; may be given again", "NAME[:PASSWORD]" },
    { 0 },
  };
  if (!pn_cmd_options (&argc, &argv, entries, NULL, NULL, "DIR", "Makes a domain with a post office in DIR.",
                       "DIR/postern.conf has every setting with its default; DIR/postern.key opens all that "
                       "is stored: keep a copy\n"
                       "of it elsewhere, and let nobody read it."))
    return PN_EXIT_USAGE;
  int code = PN_EXIT_USAGE;
  g_autoptr (GError) error = NULL;
  if (argc != 2)
    fprintf (stderr, "postern init: which directory?\n");
  else if (!options.internet_domain)
    fprintf (stderr, "postern init: --internet-domain is wanted\n");
  else {
    if (!options.domain)
      options.domain = g_strdup ("DOMAIN");
    if (!options.post_office)
      options.post_office = g_strdup ("OFFICE");
    code = make_house (argv[1], &options, &error) ? PN_EXIT_DONE
                                                  : pn_cmd_fail ("init", g_steal_pointer (&error));
  }
  if (code == PN_EXIT_DONE)
    printf ("Made domain %s with post office %s for %s in %s.\nNext: postern run -C %s\n", options.domain,
            options.post_office, options.internet_domain, argv[1], argv[1]);
  g_free (options.domain);
  g_free (options.post_office);
  g_free (options.internet_domain);
  g_strfreev (options.users);
  return code;
}
