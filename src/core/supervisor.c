#include "core/program.h"

#include "core/file.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program that dies is started again at once, unless it dies of itself again and again: then it waits up to
 * LONGEST_WAIT. One that was killed from outside is not held back. */
#define FIRST_WAIT 50 /* ms */
#define LONGEST_WAIT 10000
#define STABLE_AFTER 5000 /* ms of life after which the wait starts anew */
#define STOP_PATIENCE 30000

typedef struct {
  const char *name;
  pid_t pid; /* 0: not running */
  gint64 started, start_at;
  guint wait;
  guint restarts;
  gboolean after_crash, ready;
  int ready_fd; /* pipe from the program, -1 when it has said so */
} Child;

typedef struct {
  char *dir;
  char *state_path;
  Child *children;
  guint n;
  gboolean stopping;
  gboolean said_ready;
} Supervisor;

static gint64
now_ms (void)
{
  return g_get_monotonic_time () / 1000;
}

/* For `postern status`: which programs run, since when, how often they were started again. */
static void
write_state (Supervisor *self)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_key_file_set_integer (file, "supervisor", "pid", getpid ());
  for (guint i = 0; i < self->n; i++) {
    Child *child = &self->children[i];
    g_key_file_set_integer (file, child->name, "pid", child->pid);
    g_key_file_set_integer (file, child->name, "restarts", (int) child->restarts);
    g_key_file_set_boolean (file, child->name, "ready", child->ready);
  }
  g_autoptr (GError) error = NULL;
  if (!g_key_file_save_to_file (file, self->state_path, &error))
    pn_log_warning ("state_failed", "reason=%s", error->message);
}

static void
run_child (Supervisor *self, Child *child, int ready_fd)
{
  sigset_t none;
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  g_autofree char *fd_text = g_strdup_printf ("%d", ready_fd);
  g_setenv ("POSTERN_READY_FD", fd_text, TRUE);
  const char *argv[] = { "postern",
                         "run",
                         "--only",
                         "-C",
                         self->dir,
                         child->after_crash ? "--after-crash" : child->name,
                         child->after_crash ? child->name : NULL,
                         NULL };
  execv ("/proc/self/exe", (char *const *) argv);
  _exit (127);
}

static void
start_child (Supervisor *self, Child *child)
{
  int fds[2];
  if (pipe2 (fds, 0) < 0) {
    pn_log_error ("start_failed", "program=%s reason=%s", child->name, g_strerror (errno));
    return;
  }
  fcntl (fds[0], F_SETFD, FD_CLOEXEC);
  pid_t pid = fork ();
  if (pid == 0)
    run_child (self, child, fds[1]);
  close (fds[1]);
  if (pid < 0) {
    pn_log_error ("start_failed", "program=%s reason=%s", child->name, g_strerror (errno));
    close (fds[0]);
    child->start_at = now_ms () + LONGEST_WAIT;
    return;
  }
  child->pid = pid;
  child->started = now_ms ();
  child->ready = FALSE;
  child->ready_fd = fds[0];
  write_state (self);
}

static void
child_said_ready (Supervisor *self, Child *child)
{
  char line[64];
  ssize_t n = read (child->ready_fd, line, sizeof line);
  close (child->ready_fd);
  child->ready_fd = -1;
  child->ready = n > 0;
  if (!child->ready)
    return;
  printf ("%s ready (pid %d)\n", child->name, (int) child->pid);
  gboolean all = TRUE;
  for (guint i = 0; i < self->n; i++)
    all = all && self->children[i].ready;
  if (all && !self->said_ready) {
    printf ("ready\n");
    self->said_ready = TRUE;
  }
  fflush (stdout);
  write_state (self);
}

static void
child_ended (Supervisor *self, Child *child, int status)
{
  gint64 lived = now_ms () - child->started;
  gboolean by_signal = WIFSIGNALED (status);
  int number = by_signal ? WTERMSIG (status) : WEXITSTATUS (status);
  child->pid = 0;
  child->ready = FALSE;
  if (child->ready_fd >= 0)
    close (child->ready_fd);
  child->ready_fd = -1;
  if (self->stopping)
    return;
  child->after_crash = by_signal || number != 0;
  gboolean from_outside = by_signal && (number == SIGKILL || number == SIGTERM);
  if (from_outside || lived > STABLE_AFTER)
    child->wait = FIRST_WAIT;
  else
    child->wait = MIN (MAX (child->wait, FIRST_WAIT) * 2, LONGEST_WAIT);
  child->start_at = now_ms () + child->wait;
  child->restarts++;
  pn_log_warning ("program_died", "program=%s %s=%d lived_ms=%" G_GINT64_FORMAT " again_in_ms=%u",
                  child->name, by_signal ? "signal" : "exit", number, lived, child->wait);
  write_state (self);
}

static void
reap (Supervisor *self)
{
  int status;
  pid_t pid;
  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    for (guint i = 0; i < self->n; i++)
      if (self->children[i].pid == pid)
        child_ended (self, &self->children[i], status);
}

static guint
n_running (Supervisor *self)
{
  guint n = 0;
  for (guint i = 0; i < self->n; i++)
    n += self->children[i].pid > 0;
  return n;
}

/* Starts what is due; returns the milliseconds until the next is. */
static int
start_due (Supervisor *self)
{
  gint64 now = now_ms ();
  gint64 next = 60000;
  for (guint i = 0; i < self->n && !self->stopping; i++) {
    Child *child = &self->children[i];
    if (child->pid)
      continue;
    if (child->start_at <= now)
      start_child (self, child);
    else
      next = MIN (next, child->start_at - now);
  }
  return (int) next;
}

static void
wait_for_something (Supervisor *self, int signal_fd, int timeout)
{
  g_autofree struct pollfd *polls = g_new0 (struct pollfd, self->n + 1);
  polls[0] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
  for (guint i = 0; i < self->n; i++)
    polls[i + 1] = (struct pollfd){ .fd = self->children[i].ready_fd, .events = POLLIN };
  if (poll (polls, self->n + 1, timeout) <= 0)
    return;
  for (guint i = 0; i < self->n; i++)
    if (self->children[i].ready_fd >= 0 && polls[i + 1].revents)
      child_said_ready (self, &self->children[i]);
  struct signalfd_siginfo info;
  while (polls[0].revents && read (signal_fd, &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD)
      self->stopping = TRUE;
}

static void
signal_all (Supervisor *self, int number)
{
  for (guint i = 0; i < self->n; i++)
    if (self->children[i].pid > 0)
      kill (self->children[i].pid, number);
}

static void
stop_all (Supervisor *self, int signal_fd)
{
  gint64 deadline = now_ms () + STOP_PATIENCE;
  signal_all (self, SIGTERM);
  while (reap (self), n_running (self) > 0) {
    gint64 left = deadline - now_ms ();
    if (left <= 0) {
      pn_log_warning ("stop_forced", "programs=%u", n_running (self));
      signal_all (self, SIGKILL);
      left = 1000;
    }
    wait_for_something (self, signal_fd, (int) MIN (left, 1000));
  }
}

static gboolean
known (const char *name)
{
  return g_strv_contains (pn_program_names (), name);
}

int
pn_supervisor_run (const char *dir, const char *const *names)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnConfig) config = pn_config_load (dir, &error);
  if (!config) {
    fprintf (stderr, "postern run: %s\n", error->message);
    return 3;
  }
  if (!names || !names[0])
    names = pn_program_names ();
  for (guint i = 0; names[i]; i++)
    if (!known (names[i])) {
      fprintf (stderr, "postern run: there is no program '%s'\n", names[i]);
      return 2;
    }
  g_autofree char *run_dir = pn_config_domain_path (config, "RUN");
  if (!pn_file_make_dirs (run_dir, &error)) {
    fprintf (stderr, "postern run: %s\n", error->message);
    return 3;
  }
  g_autofree char *log_dir = pn_config_gateway_path (config, "000.prc");
  pn_log_init ("supervisor", g_file_test (log_dir, G_FILE_TEST_IS_DIR) ? log_dir : NULL,
               pn_config_string (config, "log", "level"));

  Supervisor self = { .n = g_strv_length ((char **) names) };
  self.dir = g_strdup (config->root);
  self.state_path = g_build_filename (run_dir, "supervisor.state", NULL);
  self.children = g_new0 (Child, self.n);
  for (guint i = 0; i < self.n; i++) {
    self.children[i].name = names[i];
    self.children[i].ready_fd = -1;
  }

  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGCHLD);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGHUP);
  sigprocmask (SIG_BLOCK, &set, NULL);
  int signal_fd = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);

  while (!self.stopping) {
    int timeout = start_due (&self);
    wait_for_something (&self, signal_fd, timeout);
    reap (&self);
  }
  stop_all (&self, signal_fd);
  unlink (self.state_path);
  close (signal_fd);
  g_free (self.children);
  g_free (self.state_path);
  g_free (self.dir);
  return 0;
}
