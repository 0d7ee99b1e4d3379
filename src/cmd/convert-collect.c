/* Which files are converted, and where each goes. */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/convert.h"

static void
job_free (gpointer data)
{
  PnConvertJob *self = data;
  g_free (self->path);
  g_free (self->output);
  g_free (self->reason);
  g_clear_pointer (&self->losses, g_ptr_array_unref);
  if (self->text)
    g_string_free (self->text, TRUE);
  g_free (self);
}

typedef struct {
  PnConvertOptions *options;
  GPtrArray *jobs;
  const char *out;    /* directory or file, or NULL */
  gboolean directory; /* OUT is a directory */
  GHashTable *taken;  /* outputs given away */
} Collector;

/* The output for the input RELATIVE to where the walk began. */
static char *
output_name (Collector *self, const char *relative)
{
  if (!self->out)
    return NULL;
  if (!self->directory)
    return g_strdup (self->out);
  const char *extension = pn_kind_extension (self->options->to);
  const char *base = strrchr (relative, '/');
  base = base ? base + 1 : relative;
  const char *dot = strrchr (base, '.');
  gsize stem = dot && dot > base ? (gsize) (dot - relative) : strlen (relative);
  g_autofree char *name = g_strdup_printf ("%.*s%s", (int) stem, relative, extension);
  char *path = g_build_filename (self->out, name, NULL);
  if (g_hash_table_contains (self->taken, path)) { /* a.eml and a.msg beside each other */
    g_free (path);
    g_free (name);
    name = g_strconcat (relative, extension, NULL);
    path = g_build_filename (self->out, name, NULL);
  }
  g_hash_table_add (self->taken, g_strdup (path));
  return path;
}

static void
add_file (Collector *self, const char *path, const char *relative, const struct stat *st)
{
  PnConvertJob *job = g_new0 (PnConvertJob, 1);
  job->path = g_strdup (path);
  job->index = self->jobs->len;
  job->size = (guint64) st->st_size;
  job->output = output_name (self, relative);
  g_ptr_array_add (self->jobs, job);
  g_hash_table_add (self->options->inputs, g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                                            (guint64) st->st_dev, (guint64) st->st_ino));
}

/* A file or directory that cannot be read is a job that has failed already. */
static void
add_failed (Collector *self, const char *path, const char *reason)
{
  PnConvertJob *job = g_new0 (PnConvertJob, 1);
  job->path = g_strdup (path);
  job->index = self->jobs->len;
  job->reason = g_strdup (reason);
  job->result = PN_RESULT_FAILED;
  g_ptr_array_add (self->jobs, job);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The part files of API files are read with these. */
static gboolean
is_part_directory (const char *name)
{
  return g_ascii_strcasecmp (name, "att_in") == 0 || g_ascii_strcasecmp (name, "att_out") == 0;
}

static void
add_tree (Collector *self, const char *path, const char *relative)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  if (!dir) {
    add_failed (self, path, error->message);
    return;
  }
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name = g_dir_read_name (dir); name; name = g_dir_read_name (dir))
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *full = g_build_filename (path, name, NULL);
    g_autofree char *below = *relative ? g_build_filename (relative, name, NULL) : g_strdup (name);
    struct stat st;
    /* links to directories are not followed: they may lead back */
    if (lstat (full, &st) < 0 || (S_ISLNK (st.st_mode) && (stat (full, &st) < 0 || S_ISDIR (st.st_mode))))
      continue;
    if (S_ISDIR (st.st_mode) && !is_part_directory (name))
      add_tree (self, full, below);
    else if (S_ISREG (st.st_mode))
      add_file (self, full, below, &st);
  }
}

GPtrArray *
pn_convert_collect (PnConvertOptions *options, char **inputs, const char *out, GError **error)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func (job_free);
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  options->inputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean many = inputs[1] || g_file_test (inputs[0], G_FILE_TEST_IS_DIR);
  Collector self = { options, jobs, out, FALSE, taken };
  self.directory = out && (many || g_file_test (out, G_FILE_TEST_IS_DIR) || g_str_has_suffix (out, "/"));
  if (self.directory && g_file_test (out, G_FILE_TEST_EXISTS) && !g_file_test (out, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY, "%s: several inputs need a directory here",
                 out);
    return NULL;
  }
  for (char **input = inputs; *input; input++) {
    struct stat st;
    g_autofree char *base = g_path_get_basename (*input);
    int found = g_str_equal (*input, "-") ? fstat (STDIN_FILENO, &st) : stat (*input, &st);
    if (found < 0)
      add_failed (&self, *input, g_strerror (errno));
    else if (S_ISDIR (st.st_mode))
      add_tree (&self, *input, "");
    else
      add_file (&self, *input, base, &st);
  }
  return g_steal_pointer (&jobs);
}
