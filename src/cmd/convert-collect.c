/* Which files are converted, and how their outputs are named. */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/convert.h"

static void
file_free (gpointer data)
{
  PnConvertFile *self = data;
  g_free (self->path);
  g_free (self->stem);
  g_free (self->reason);
  g_free (self);
}

typedef struct {
  PnConvertOptions *options;
  GPtrArray *files;
  GHashTable *taken; /* stems given away; each is owned by its file */
} Collector;

static PnConvertFile *
new_file (Collector *self, const char *path)
{
  PnConvertFile *file = g_new0 (PnConvertFile, 1);
  file->path = g_strdup (path);
  g_ptr_array_add (self->files, file);
  return file;
}

/* RELATIVE without its extension, unless that is taken: a.eml and a.msg beside each other. */
static char *
make_stem (Collector *self, const char *relative, gboolean keep_extension)
{
  const char *base = strrchr (relative, '/');
  base = base ? base + 1 : relative;
  const char *dot = keep_extension ? NULL : strrchr (base, '.');
  char *stem = dot && dot > base ? g_strndup (relative, (gsize) (dot - relative)) : g_strdup (relative);
  for (guint i = 1; g_hash_table_contains (self->taken, stem); i++) {
    g_free (stem);
    stem = i == 1 ? g_strdup (relative) : g_strdup_printf ("%s.%u", relative, i);
  }
  g_hash_table_add (self->taken, stem);
  return stem;
}

static PnConvertFile *
add_file (Collector *self, const char *path, const char *relative, const struct stat *st, gboolean in_maildir)
{
  PnConvertFile *file = new_file (self, path);
  file->size = (guint64) st->st_size;
  file->stem = make_stem (self, relative, in_maildir);
  file->kind = in_maildir ? PN_KIND_MIME : PN_KIND_AUTO;
  g_hash_table_add (self->options->inputs, g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                                            (guint64) st->st_dev, (guint64) st->st_ino));
  return file;
}

/* A file or directory that cannot be read is a message that has failed already. */
static void
add_failed (Collector *self, const char *path, const char *reason)
{
  PnConvertFile *file = new_file (self, path);
  g_autofree char *base = g_path_get_basename (path);
  file->stem = make_stem (self, base, FALSE);
  file->reason = g_strdup (reason);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The names in PATH, sorted; those of hidden files only if HIDDEN.  NULL if it cannot be read. */
static GPtrArray *
list (Collector *self, const char *path, gboolean hidden)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  if (!dir) {
    add_failed (self, path, error->message);
    return NULL;
  }
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name = g_dir_read_name (dir); name; name = g_dir_read_name (dir))
    if (hidden || name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

/* --- Maildirs ------------------------------------------------------------------------------ */

static gboolean
is_maildir (const char *path)
{
  static const char *const wanted[] = { "cur", "new" };
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autofree char *sub = g_build_filename (path, wanted[i], NULL);
    if (!g_file_test (sub, G_FILE_TEST_IS_DIR))
      return FALSE;
  }
  return TRUE;
}

static void
add_messages (Collector *self, const char *path, const char *sub, const char *relative)
{
  g_autofree char *dir = g_build_filename (path, sub, NULL);
  g_autoptr (GPtrArray) names = list (self, dir, FALSE);
  for (guint i = 0; names && i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *full = g_build_filename (dir, name, NULL);
    struct stat st;
    if (stat (full, &st) < 0 || !S_ISREG (st.st_mode))
      continue;
    g_autofree char *unique = g_strndup (name, strcspn (name, ":"));
    g_autofree char *below = g_build_filename (relative, unique, NULL);
    add_file (self, full, *relative ? below : unique, &st, TRUE)->unseen = g_str_equal (sub, "new");
  }
}

/* The messages in cur and new, and the folders ".Name.Sub" beside them. */
static void
add_maildir (Collector *self, const char *path, const char *relative)
{
  add_messages (self, path, "cur", relative);
  add_messages (self, path, "new", relative);
  g_autoptr (GPtrArray) names = list (self, path, TRUE);
  for (guint i = 0; names && i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *full = g_build_filename (path, name, NULL);
    if (name[0] != '.' || !is_maildir (full))
      continue;
    g_autofree char *folder = g_strdelimit (g_strdup (name + 1), ".", '/');
    g_autofree char *below = *relative ? g_build_filename (relative, folder, NULL) : g_strdup (folder);
    add_messages (self, full, "cur", below);
    add_messages (self, full, "new", below);
  }
}

/* --- trees --------------------------------------------------------------------------------- */

/* The part files of API files are read with these. */
static gboolean
is_part_directory (const char *name)
{
  return g_ascii_strcasecmp (name, "att_in") == 0 || g_ascii_strcasecmp (name, "att_out") == 0;
}

static void
add_tree (Collector *self, const char *path, const char *relative)
{
  if (is_maildir (path)) {
    add_maildir (self, path, relative);
    return;
  }
  g_autoptr (GPtrArray) names = list (self, path, FALSE);
  for (guint i = 0; names && i < names->len; i++) {
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
      add_file (self, full, below, &st, FALSE);
  }
}

GPtrArray *
pn_convert_collect (PnConvertOptions *options, char **inputs, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  g_autoptr (GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);
  options->inputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Collector self = { options, files, taken };
  for (char **input = inputs; *input; input++) {
    struct stat st;
    g_autofree char *base = g_path_get_basename (*input);
    int found = g_str_equal (*input, "-") ? fstat (STDIN_FILENO, &st) : stat (*input, &st);
    if (found < 0)
      add_failed (&self, *input, g_strerror (errno));
    else if (!S_ISDIR (st.st_mode))
      add_file (&self, *input, base, &st, FALSE);
    else if (options->from == PN_KIND_MAILDIR && !is_maildir (*input)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY, "%s: no Maildir: cur or new is missing",
                   *input);
      return NULL;
    } else
      add_tree (&self, *input, "");
  }
  return g_steal_pointer (&files);
}
