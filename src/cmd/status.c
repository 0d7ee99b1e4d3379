#include "cmd/cmd.h"
#include "cmd/json.h"
#include "core/counters.h"
#include "core/program.h"
#include "queue/journal.h"
#include "queue/queue.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *name;
  gboolean running, ready, known;
  int pid, restarts;
  gint64 started;
  gint64 values[PN_COUNTER_LAST];
} ProgramState;

typedef struct {
  char *path; /* below the root */
  guint files;
} QueueState;

static void
queue_state_free (QueueState *self)
{
  g_free (self->path);
  g_free (self);
}

static gboolean
is_running (const PnConfig *config, const ProgramState *state)
{
  g_autofree char *below = g_strdup_printf ("RUN/%s.proc", state->name);
  g_autofree char *path = pn_config_domain_path (config, below);
  return state->pid > 0 && g_file_test (path, G_FILE_TEST_EXISTS) && kill (state->pid, 0) == 0;
}

static void
read_program (const PnConfig *config, GKeyFile *supervisor, ProgramState *state)
{
  state->known = pn_counters_read (config, state->name, state->values, &state->started, &state->pid);
  state->running = state->known && is_running (config, state);
  if (!g_key_file_has_group (supervisor, state->name))
    return;
  state->restarts = g_key_file_get_integer (supervisor, state->name, "restarts", NULL);
  state->ready = state->running && g_key_file_get_boolean (supervisor, state->name, "ready", NULL);
}

static guint
count_files (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    n += pn_cmd_is_message_file (name);
  return n;
}

static void
add_queue (GPtrArray *queues, const PnConfig *config, const char *path, guint files)
{
  QueueState *state = g_new0 (QueueState, 1);
  gsize root = strlen (config->root) + 1;
  state->path = g_strdup (g_str_has_prefix (path, config->root) ? path + root : path);
  state->files = files;
  g_ptr_array_add (queues, state);
}

static GPtrArray *
read_queues (const PnConfig *config)
{
  GPtrArray *queues = g_ptr_array_new_with_free_func ((GDestroyNotify) queue_state_free);
  g_autoptr (GHashTable) problems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *receive = pn_config_gateway_path (config, "receive");
  add_queue (queues, config, receive, pn_journal_waiting (receive));
  g_autoptr (GPtrArray) paths = pn_queue_list_all (config);
  for (guint i = 0; i < paths->len; i++) {
    const char *path = g_ptr_array_index (paths, i);
    add_queue (queues, config, path, pn_queue_count (path, -1));
    g_autofree char *parent = g_path_get_dirname (path);
    if (!g_str_has_suffix (parent, "WPCSOUT"))
      continue;
    char *problem = g_build_filename (parent, "PROBLEM", NULL);
    if (g_hash_table_add (problems, problem)) /* several queues may share one */
      add_queue (queues, config, problem, count_files (problem));
  }
  static const char *const gateway[] = { "send", "defer", "result", "gwhold", "gwprob" };
  for (guint i = 0; i < G_N_ELEMENTS (gateway); i++) {
    g_autofree char *path = pn_config_gateway_path (config, gateway[i]);
    add_queue (queues, config, path, count_files (path));
  }
  return queues;
}

static void
print_json (const PnConfig *config, const ProgramState *programs, guint n, GPtrArray *queues)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  pn_json_text (b, "domain", config->domain);
  pn_json_list (b, "programs");
  for (guint i = 0; i < n; i++) {
    const ProgramState *p = &programs[i];
    json_builder_begin_object (b);
    pn_json_text (b, "name", p->name);
    pn_json_bool (b, "running", p->running);
    pn_json_bool (b, "ready", p->ready);
    pn_json_number (b, "pid", p->running ? p->pid : 0);
    pn_json_number (b, "restarts", p->restarts);
    pn_json_number (b, "started", p->started);
    for (guint c = 0; c < PN_COUNTER_LAST; c++) {
      pn_json_number (b, pn_counter_name (c), p->values[c]);
    }
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  pn_json_list (b, "queues");
  for (guint i = 0; i < queues->len; i++) {
    const QueueState *q = g_ptr_array_index (queues, i);
    json_builder_begin_object (b);
    pn_json_text (b, "path", q->path);
    pn_json_number (b, "files", q->files);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  json_builder_end_object (b);
  pn_json_print (b);
}

static void
print_text (const ProgramState *programs, guint n, GPtrArray *queues)
{
  printf ("%-8s %-9s %8s %9s %10s %10s %8s %9s\n", "program", "state", "pid", "restarts", "messages in",
          "out", "errors", "problems");
  for (guint i = 0; i < n; i++) {
    const ProgramState *p = &programs[i];
    const char *state = p->running ? (p->ready ? "ready" : "running") : p->known ? "stopped" : "never ran";
    printf ("%-8s %-9s %8d %9d %11" G_GINT64_FORMAT " %10" G_GINT64_FORMAT " %8" G_GINT64_FORMAT
            " %9" G_GINT64_FORMAT "\n",
            p->name, state, p->running ? p->pid : 0, p->restarts, p->values[PN_COUNTER_MESSAGES_IN],
            p->values[PN_COUNTER_MESSAGES_OUT],
            p->values[PN_COUNTER_ERRORS_IN] + p->values[PN_COUNTER_ERRORS_OUT],
            p->values[PN_COUNTER_PROBLEMS]);
  }
  printf ("\n%8s  queue\n", "waiting");
  for (guint i = 0; i < queues->len; i++) {
    const QueueState *q = g_ptr_array_index (queues, i);
    printf ("%8u  %s\n", q->files, q->path);
  }
}

static void
show (const PnConfig *config, gboolean json)
{
  g_autofree char *state_path = pn_config_domain_path (config, "RUN/supervisor.state");
  g_autoptr (GKeyFile) supervisor = g_key_file_new ();
  g_key_file_load_from_file (supervisor, state_path, G_KEY_FILE_NONE, NULL);

  const char *const *names = pn_program_names ();
  guint n = g_strv_length ((char **) names);
  g_autofree ProgramState *programs = g_new0 (ProgramState, n);
  for (guint i = 0; i < n; i++) {
    programs[i].name = names[i];
    read_program (config, supervisor, &programs[i]);
  }
  g_autoptr (GPtrArray) queues = read_queues (config);
  if (json)
    print_json (config, programs, n, queues);
  else
    print_text (programs, n, queues);
}

int
pn_cmd_status (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  gboolean json = FALSE, watch = FALSE;
  const GOptionEntry entries[] = {
    { "watch", 'w', 0, G_OPTION_ARG_NONE, &watch, "show it again every second", NULL },
    { 0 },
  };
  if (!pn_cmd_options (&argc, &argv, entries, &dir, &json, "",
                       "Shows the programs, their counters, and what waits in each queue.", NULL))
    return PN_EXIT_USAGE;
  if (argc != 1) {
    fprintf (stderr, "postern status: '%s' is too much\n", argv[1]);
    return PN_EXIT_USAGE;
  }
  g_autoptr (PnConfig) config = NULL;
  if (!pn_cmd_open (dir, &config, NULL))
    return PN_EXIT_NOT_DONE;
  do {
    if (watch && !json && isatty (STDOUT_FILENO))
      printf ("\033[H\033[2J");
    show (config, json);
    fflush (stdout);
    if (watch)
      sleep (1);
  } while (watch);
  return PN_EXIT_DONE;
}
