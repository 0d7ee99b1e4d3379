#include "core/program.h"

#include "core/counters.h"
#include "core/file.h"
#include "core/log.h"
#include "core/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
  const char *name;
  PnProgramMain main;
} programs[] = {
  { "ofs", pn_ofs_main },
  { "ms", pn_ms_main },
  { "agent", pn_agent_main },
  { "smtp", pn_smtp_main },
};

const char *const *
pn_program_names (void)
{
  static const char *names[G_N_ELEMENTS (programs) + 1];
  for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
    names[i] = programs[i].name;
  return names;
}

static PnProgramMain
find_main (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
    if (g_str_equal (programs[i].name, name))
      return programs[i].main;
  return NULL;
}

/* A second process in the same directories would take what the first is busy with. */
static int
take_lock (const PnConfig *config, const char *name, GError **error)
{
  g_autofree char *dir = pn_config_domain_path (config, "RUN");
  g_autofree char *path = g_strdup_printf ("%s/%s.proc", dir, name);
  if (!pn_file_make_dirs (dir, error))
    return -1;
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return -1;
  }
  if (flock (fd, LOCK_EX | LOCK_NB) < 0) {
    pn_file_set_error (error, errno, path, "another process runs this program here");
    close (fd);
    return -1;
  }
  return fd;
}

static PnProgram *running;

static void
on_stop (int signal_number)
{
  (void) signal_number;
  int saved = errno;
  guint64 one = 1;
  running->stop = 1;
  ssize_t n = write (running->stop_fd, &one, sizeof one);
  (void) n;
  errno = saved;
}

static void
set_up_signals (PnProgram *self)
{
  running = self;
  self->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action = { .sa_handler = on_stop };
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGINT, &action, NULL);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  /* A full disk or a quota shows as an error of the call, not as death. */
  signal (SIGXFSZ, SIG_IGN);
}

static void
raise_file_limit (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
  }
}

static gboolean
open_house (PnProgram *self, const char *dir, GError **error)
{
  self->config = pn_config_load (dir, error);
  if (!self->config)
    return FALSE;
  g_autofree char *key_path = pn_config_key_path (self->config);
  g_autofree char *log_dir = pn_config_gateway_path (self->config, "000.prc");
  self->key = pn_key_load (key_path, error);
  if (!self->key || !pn_file_make_dirs (log_dir, error))
    return FALSE;
  pn_log_init (self->name, log_dir, pn_config_string (self->config, "log", "level"));
  return pn_trace_open (self->config, self->name, error)
         && pn_counters_open (self->config, self->name, error);
}

int
pn_program_run (const char *dir, const char *name, gboolean after_crash)
{
  PnProgramMain program_main = find_main (name);
  if (!program_main) {
    fprintf (stderr, "postern: there is no program '%s'\n", name);
    return 2;
  }
  pn_log_init (name, NULL, "info");
  pn_seal_init ();
  raise_file_limit ();

  PnProgram self = { .name = name, .after_crash = after_crash, .stop_fd = -1 };
  g_autoptr (GError) error = NULL;
  int code = 3;
  int lock = -1;
  self.config = pn_config_load (dir, &error);
  if (self.config)
    lock = take_lock (self.config, name, &error);
  g_clear_pointer (&self.config, pn_config_free);
  if (lock >= 0 && open_house (&self, dir, &error)) {
    set_up_signals (&self);
    pn_log_info ("start", "pid=%d after_crash=%d", (int) getpid (), after_crash);
    code = program_main (&self);
    pn_trace_flush ();
    pn_log_info ("stop", "pid=%d code=%d", (int) getpid (), code);
  }
  if (error) {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_start", "reason=%s", reason);
  }
  g_clear_pointer (&self.config, pn_config_free);
  g_clear_pointer (&self.key, pn_key_unref);
  if (lock >= 0)
    close (lock);
  return code;
}

void
pn_program_ready (PnProgram *self)
{
  pn_log_info ("ready", "pid=%d", (int) getpid ());
  const char *fd_text = g_getenv ("POSTERN_READY_FD");
  if (!fd_text)
    return;
  int fd = atoi (fd_text);
  g_autofree char *line = g_strconcat (self->name, "\n", NULL);
  ssize_t n = write (fd, line, strlen (line));
  (void) n;
  close (fd);
  g_unsetenv ("POSTERN_READY_FD");
}
