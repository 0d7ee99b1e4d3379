#include "cmd/cmd.h"
#include "cmd/json.h"
#include "convert/keyword.h"
#include "core/file.h"
#include "queue/queue.h"
#include "smtp/sendfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *path;   /* below the root */
  guint64 size; /* bytes on disk */
  gint64 time;  /* of arrival, seconds */
  char *reason; /* why it waits or was put aside, or NULL */
  gint64 next;  /* when it is tried again, seconds; 0 if not known */
} Entry;

static void
entry_free (Entry *self)
{
  g_free (self->path);
  g_free (self->reason);
  g_free (self);
}

/* --- what waits ---------------------------------------------------------------------------- */

/* The line "Reason: ..." of the text beside a file that was put aside, or its first line. */
static char *
read_reason (const char *path)
{
  const char *dot = strrchr (path, '.');
  g_autofree char *stem = g_strndup (path, (gsize) (dot - path));
  g_autofree char *beside = g_strconcat (stem, ".TXT", NULL);
  g_autofree char *behind = g_strconcat (path, ".TXT", NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (beside, &text, NULL, NULL) && !g_file_get_contents (behind, &text, NULL, NULL))
    return NULL;
  const char *begin = strstr (text, "Reason: ");
  begin = begin ? begin + strlen ("Reason: ") : text;
  return g_strndup (begin, strcspn (begin, "\n"));
}

static void
add_state_of_delivery (const PnConfig *config, const char *name, Entry *entry)
{
  g_autofree char *stem = g_strndup (name, strlen (name) - 4);
  g_autofree char *below = g_strconcat ("defer/", stem, ".TRY", NULL);
  g_autofree char *path = pn_config_gateway_path (config, below);
  g_autoptr (PnSendTry) state = pn_send_try_read (path);
  if (!state)
    return;
  entry->reason = g_strdup_printf ("%u tries; %s%s%s", state->attempts, state->host ? state->host : "",
                                   state->host ? ": " : "", state->error ? state->error : "not tried yet");
  entry->next = state->next;
}

static void
add_directory (GPtrArray *entries, const PnConfig *config, const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  gsize root = strlen (config->root) + 1;
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    struct stat st;
    if (!pn_cmd_is_message_file (name) || stat (file, &st) < 0 || !S_ISREG (st.st_mode))
      continue;
    Entry *entry = g_new0 (Entry, 1);
    entry->path = g_strdup (file + root);
    entry->size = (guint64) st.st_size;
    entry->time = st.st_mtime;
    if (g_str_has_suffix (name, ".SND"))
      add_state_of_delivery (config, name, entry);
    if (!entry->reason && strchr (name, '.'))
      entry->reason = read_reason (file);
    g_ptr_array_add (entries, entry);
  }
}

static gint
compare_entries (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Entry *const *) a)->path, (*(Entry *const *) b)->path);
}

static GPtrArray *
collect (const PnConfig *config)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  g_autoptr (GPtrArray) queues = pn_queue_list_all (config);
  g_autoptr (GHashTable) problems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < queues->len; i++) {
    const char *queue = g_ptr_array_index (queues, i);
    for (guint p = 0; p < PN_QUEUE_PRIORITIES; p++) {
      g_autofree char *path = g_strdup_printf ("%s/%u", queue, p);
      add_directory (entries, config, path);
    }
    g_autofree char *parent = g_path_get_dirname (queue);
    char *problem = g_str_has_suffix (parent, "WPCSOUT") ? g_build_filename (parent, "PROBLEM", NULL)
                                                         : g_build_filename (parent, "WPCSOUT/PROBLEM", NULL);
    if (g_hash_table_add (problems, problem))
      add_directory (entries, config, problem);
  }
  static const char *const gateway[] = { "receive", "send", "defer", "gwhold", "gwprob" };
  for (guint i = 0; i < G_N_ELEMENTS (gateway); i++) {
    g_autofree char *path = pn_config_gateway_path (config, gateway[i]);
    add_directory (entries, config, path);
  }
  g_ptr_array_sort (entries, compare_entries);
  return entries;
}

static char *
format_time (gint64 seconds)
{
  g_autoptr (GDateTime) local = g_date_time_new_from_unix_local (seconds);
  return g_date_time_format (local, "%Y-%m-%d %H:%M:%S");
}

static void
print_json (GPtrArray *entries)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_array (b);
  for (guint i = 0; i < entries->len; i++) {
    const Entry *e = g_ptr_array_index (entries, i);
    json_builder_begin_object (b);
    pn_json_text (b, "file", e->path);
    pn_json_number (b, "size", (gint64) e->size);
    pn_json_number (b, "time", e->time);
    pn_json_text (b, "reason", e->reason);
    pn_json_number (b, "next", e->next);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  pn_json_print (b);
}

static int
list (const PnConfig *config, gboolean json)
{
  g_autoptr (GPtrArray) entries = collect (config);
  if (json) {
    print_json (entries);
    return PN_EXIT_DONE;
  }
  for (guint i = 0; i < entries->len; i++) {
    const Entry *e = g_ptr_array_index (entries, i);
    g_autofree char *time = format_time (e->time);
    g_autofree char *size = pn_cmd_size (e->size);
    printf ("%s  %10s  %s\n", time, size, e->path);
    if (e->reason)
      printf ("    %s\n", e->reason);
    if (e->next) {
      g_autofree char *next = format_time (e->next);
      printf ("    next try %s\n", next);
    }
  }
  if (entries->len == 0)
    printf ("Nothing waits.\n");
  return PN_EXIT_DONE;
}

/* --- one file ------------------------------------------------------------------------------ */

/* FILE as list prints it, or a path; NULL with ERROR if it is not a file of this house. */
static char *
find_file (const PnConfig *config, const char *file, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (file, config->root);
  g_autofree char *root = g_strconcat (config->root, "/", NULL);
  if (!g_str_has_prefix (path, root) || !g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s: there is no such queue file in %s", file,
                 config->root);
    return NULL;
  }
  return g_steal_pointer (&path);
}

static gboolean
show (PnKey *key, const char *path, GError **error)
{
  g_autoptr (PnSource) source = pn_queue_open_file (path, key, FALSE, NULL, error);
  if (!source)
    return FALSE;
  gsize length = (gsize) MIN (source->size, (guint64) 1024 * 1024);
  g_autofree char *text = g_malloc (length + 1);
  if (!pn_source_read (source, 0, text, length, error))
    return FALSE;
  text[length] = '\0';
  g_autoptr (PnKeywordFile) head = pn_keyword_parse (text, length, NULL);
  /* Of a queue file the keyword text; of mail in receive, send and gwprob the envelope and the header. */
  gsize end = head ? head->end : length;
  const char *blank = head ? NULL : strstr (text, "\r\n\r\n");
  if (blank)
    end = (gsize) (blank - text) + 2;
  fwrite (text, 1, end, stdout);
  return TRUE;
}

/* --- sending on ---------------------------------------------------------------------------- */

/* The directory a file that was put aside came from: by its extension, the name of the program, and by the
 * priority digit in its name. */
static char *
origin_of (const PnConfig *config, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  const char *extension = strrchr (name, '.');
  extension = extension ? extension + 1 : "";
  if (g_str_has_suffix (dir, "/gwprob"))
    return pn_config_gateway_path (config, g_str_equal (extension, "SND") ? "send" : "receive");
  if (!g_str_has_suffix (dir, "/WPCSOUT/PROBLEM")) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                 "%s: only what lies in PROBLEM, gwprob or defer can be re-queued", path);
    return NULL;
  }
  if (strlen (name) < 2 || name[1] < '0' || name[1] > '7') {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                 "%s: the second character of the name is no priority", path);
    return NULL;
  }
  g_autofree char *wpcsout = g_path_get_dirname (dir);
  g_autofree char *above = g_path_get_dirname (wpcsout);
  const char digit[2] = { name[1], '\0' };
  if (g_str_equal (extension, "MS"))
    return g_build_filename (above, "WPCSIN", digit, NULL);
  if (g_str_equal (extension, "GWI"))
    return g_build_filename (wpcsout, "GWI0001", digit, NULL);
  return g_build_filename (wpcsout, extension, digit, NULL);
}

/* A deferred file becomes due now: what was decided for its recipients stays in defer/. */
static gboolean
retry_now (const PnConfig *config, const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *below = g_strconcat ("send/", name, NULL);
  g_autofree char *to = pn_config_gateway_path (config, below);
  if (rename (path, to) == 0)
    return TRUE;
  pn_file_set_error (error, errno, path, "cannot move it to send");
  return FALSE;
}

static void
remove_reason (const char *path)
{
  g_autofree char *stem = g_strndup (path, (gsize) (strrchr (path, '.') - path));
  g_autofree char *beside = g_strconcat (stem, ".TXT", NULL);
  g_autofree char *behind = g_strconcat (path, ".TXT", NULL);
  unlink (beside);
  unlink (behind);
}

static gboolean
requeue (const PnConfig *config, const char *path, GError **error)
{
  if (strstr (path, "/defer/"))
    return retry_now (config, path, error);
  g_autofree char *origin = origin_of (config, path, error);
  if (!origin)
    return FALSE;
  g_autofree char *name = g_path_get_basename (path);
  gboolean keep_extension = g_str_has_suffix (name, ".SND") || g_str_has_suffix (name, ".RCV");
  if (!keep_extension)
    strcpy (strrchr (name, '.'), "");
  g_autofree char *to = g_strconcat (origin, "/", name, keep_extension ? NULL : ".AAA", NULL);
  if (!pn_file_make_dirs (origin, error))
    return FALSE;
  if (link (path, to) < 0) {
    pn_file_set_error (error, errno, to, "cannot link the file to this name");
    return FALSE;
  }
  if (!pn_file_fsync_dir (origin, error))
    return FALSE;
  unlink (path);
  remove_reason (path);
  printf ("%s\n", to + strlen (config->root) + 1);
  return TRUE;
}

static gboolean delete (const char *path, GError **error)
{
  if (unlink (path) < 0) {
    pn_file_set_error (error, errno, path, "cannot remove it");
    return FALSE;
  }
  if (strrchr (path, '.'))
    remove_reason (path);
  return TRUE;
}

static int
for_each_file (const PnConfig *config, PnKey *key, const char *verb, char **files)
{
  int code = PN_EXIT_DONE;
  for (char **file = files; *file; file++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *path = find_file (config, *file, &error);
    gboolean ok = path
                  && (g_str_equal (verb, "show")      ? show (key, path, &error)
                      : g_str_equal (verb, "requeue") ? requeue (config, path, &error)
                                                      : delete (path, &error));
    if (!ok)
      code = pn_cmd_fail ("queue", g_steal_pointer (&error));
  }
  return code;
}

int
pn_cmd_queue (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  gboolean json = FALSE;
  if (!pn_cmd_options (&argc, &argv, NULL, &dir, &json,
                       "[list | show FILE... | requeue FILE... | delete FILE...]",
                       "Shows what waits in the queue directories, and sends on what was put aside.",
                       "FILE is a name as list prints it.  requeue puts a file of PROBLEM or gwprob back "
                       "where it came from, and makes a\n"
                       "deferred one due now.  show prints the keyword text, or envelope and header."))
    return PN_EXIT_USAGE;
  const char *verb = argc > 1 ? argv[1] : "list";
  static const char *const verbs[] = { "list", "show", "requeue", "delete", NULL };
  gboolean is_list = g_str_equal (verb, "list");
  if (!g_strv_contains (verbs, verb) || (is_list && argc > 2) || (!is_list && argc < 3)) {
    fprintf (stderr, "postern queue: list, or show, requeue or delete with files\n");
    return PN_EXIT_USAGE;
  }
  g_autoptr (PnConfig) config = NULL;
  g_autoptr (PnKey) key = NULL;
  if (!pn_cmd_open (dir, &config, &key))
    return PN_EXIT_NOT_DONE;
  return is_list ? list (config, json) : for_each_file (config, key, verb, argv + 2);
}
