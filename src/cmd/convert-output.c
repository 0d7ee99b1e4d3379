/* Where the output of a message goes: files in a tree, mailboxes for folders, Maildirs; and what was
 * rejected. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/convert.h"
#include "core/file.h"

/* The folder a message lies in, below the inputs: its directory, or its mailbox.  "" for the top. */
static char *
folder_of (const PnConvertOptions *options, const PnConvertJob *job)
{
  if (!job->only)
    return g_strdup (options->single ? "" : job->file->stem);
  g_autofree char *dir = g_path_get_dirname (job->file->stem);
  return g_strdup (g_str_equal (dir, ".") ? "" : dir);
}

char *
pn_convert_output_path (const PnConvertOptions *options, const PnConvertJob *job)
{
  if (options->layout != PN_LAYOUT_FILES)
    return NULL;
  gboolean one_file = options->one && !g_str_has_suffix (options->out, "/")
                      && !g_file_test (options->out, G_FILE_TEST_IS_DIR);
  if (one_file && job->only)
    return g_strdup (options->out);
  const char *extension = pn_kind_extension (options->to);
  g_autofree char *name = job->only ? g_strconcat (job->file->stem, extension, NULL)
                          : options->single
                              ? g_strdup_printf ("%06u%s", job->number, extension)
                              : g_strdup_printf ("%s/%06u%s", job->file->stem, job->number, extension);
  return g_build_filename (options->out, name, NULL);
}

char *
pn_convert_folder_path (const PnConvertOptions *options, const PnConvertJob *job)
{
  g_autofree char *folder = folder_of (options, job);
  g_autofree char *name = g_strconcat (*folder ? folder : "inbox", ".mbox", NULL);
  return g_build_filename (options->out, name, NULL);
}

/* --- Maildirs ------------------------------------------------------------------------------ */

typedef struct {
  const PnConvertOptions *options;
  PnMessage *message;
} Output;

static gboolean
write_lines (gpointer user, PnSink *sink, GError **error)
{
  Output *self = user;
  /* what is composed has the line ends of this system, what came keeps its own */
  if (!self->options->anew && pn_message_get_part (self->message, PN_PART_SKELETON))
    return pn_convert_write_sink (self->options, PN_KIND_MIME, self->message, sink, error);
  PnLineFeedWriter lines = { .below = *sink };
  PnSink into = pn_line_feed_writer_sink (&lines);
  return pn_convert_write_sink (self->options, PN_KIND_MIME, self->message, &into, error)
         && pn_line_feed_writer_end (&lines, error);
}

/* The subfolder ".a.b" for the folder "a/b". */
static char *
maildir_of (const PnConvertOptions *options, const char *folder)
{
  if (!*folder)
    return g_strdup (options->out);
  g_autofree char *dotted = g_strdup (folder);
  for (char *p = dotted; *p; p++)
    *p = *p == '.' ? '_' : *p == '/' ? '.' : *p;
  g_autofree char *name = g_strconcat (".", dotted, NULL);
  return g_build_filename (options->out, name, NULL);
}

static gboolean
make_maildir (const char *path, gboolean sub, GError **error)
{
  static const char *const dirs[] = { "tmp", "new", "cur" };
  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++) {
    g_autofree char *dir = g_build_filename (path, dirs[i], NULL);
    if (!g_file_test (dir, G_FILE_TEST_IS_DIR) && !pn_file_make_dirs (dir, error))
      return FALSE;
  }
  g_autofree char *mark = g_build_filename (path, "maildirfolder", NULL);
  int fd = sub ? open (mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (fd >= 0)
    close (fd);
  return TRUE;
}

/* A name that is the same each time: a Maildir's message keeps its own. */
static char *
unique_name (const PnConvertJob *job, const PnMessage *message)
{
  if (job->file->kind == PN_KIND_MIME)
    return g_path_get_basename (job->file->stem);
  g_autofree char *place = g_strdup_printf ("%s#%u", job->file->stem, job->number);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, place, -1);
  gint64 date = message->date.set && message->date.unix_time > 0 ? message->date.unix_time : 0;
  return g_strdup_printf ("%" G_GINT64_FORMAT ".P%u_%u_%.12s.postern", date, job->file_index, job->number,
                          sum);
}

/* Files are flushed before they get their names; RFC 822 mail stores promise that. */
static gboolean
move_in (const PnConvertOptions *options, const char *dir, const char *temporary, const char *path,
         gboolean replace, GError **error)
{
  int fd = open (temporary, O_RDONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && pn_file_fsync (fd, temporary, error);
  if (fd >= 0)
    close (fd);
  else
    pn_file_set_error (error, errno, temporary, "cannot open");
  gboolean input = pn_convert_is_input (options, path);
  if (done && (input || (!replace && !options->force && g_file_test (path, G_FILE_TEST_EXISTS)))) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 input ? "%s is an input and is not overwritten" : "%s exists; --force replaces it", path);
    done = FALSE;
  }
  if (done && rename (temporary, path) < 0) {
    pn_file_set_error (error, errno, path, "cannot rename to it");
    done = FALSE;
  }
  if (!done)
    unlink (temporary);
  return done && pn_file_fsync_dir (dir, error);
}

gboolean
pn_convert_write_maildir (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message,
                          gboolean replace, GError **error)
{
  g_autofree char *folder = folder_of (options, job);
  g_autofree char *maildir = maildir_of (options, folder);
  if (!make_maildir (maildir, *folder != '\0', error))
    return FALSE;
  g_autofree char *unique = unique_name (job, message);
  g_autofree char *temporary = g_build_filename (maildir, "tmp", unique, NULL);
  g_autofree char *name
      = job->file->unseen ? g_strdup (unique) : g_strconcat (unique, ":2,", job->flags, NULL);
  g_autofree char *dir = g_build_filename (maildir, job->file->unseen ? "new" : "cur", NULL);
  g_free (job->output);
  job->output = g_build_filename (dir, name, NULL);
  Output output = { options, message };
  return pn_convert_write_file (options, temporary, TRUE, write_lines, &output, error)
         && move_in (options, dir, temporary, job->output, replace, error);
}

/* --- rejects ------------------------------------------------------------------------------- */

static gboolean
copy_source (gpointer user, PnSink *sink, GError **error)
{
  PnSource *source = user;
  g_autoptr (PnContent) all = pn_content_new_range (source, 0, source->size, PN_ENCODING_NONE);
  return pn_content_copy (all, sink, error);
}

static gboolean
write_reason (gpointer user, PnSink *sink, GError **error)
{
  const PnConvertJob *job = user;
  g_autofree char *text = g_strdup_printf ("%s: %s: %s\n", job->name, pn_result_to_string (job->result),
                                           job->reason ? job->reason : "unknown reason");
  return pn_sink_puts (sink, text, error);
}

gboolean
pn_convert_reject (const PnConvertOptions *options, const PnConvertJob *job, GError **error)
{
  /* the stem is unique; with the extension it is, mostly, the name of the file */
  const char *base = strrchr (job->file->path, '/');
  base = base ? base + 1 : job->file->path;
  const char *dot = job->file->kind == PN_KIND_MIME ? NULL : strrchr (base, '.');
  const char *extension = dot && dot > base ? dot : "";
  g_autofree char *name = job->only ? g_strconcat (job->file->stem, extension, NULL)
                                    : g_strdup_printf ("%s%s#%u", job->file->stem, extension, job->number);
  g_autofree char *path = g_build_filename (options->rejects, name, NULL);
  g_autofree char *reason = g_strconcat (path, ".reason", NULL);
  /* the bytes as they lie there, also of a sealed file, a source of which shows the plain ones */
  g_autoptr (PnSource) file
      = job->only && !g_str_equal (job->file->path, "-") ? pn_file_source_open (job->file->path, NULL) : NULL;
  PnSource *source = file ? file : job->source;
  return (!source || pn_convert_write_file (options, path, TRUE, copy_source, source, error))
         && pn_convert_write_file (options, reason, TRUE, write_reason, (gpointer) job, error);
}
