/* Outputs: each is written under no name and gets its name when it is complete. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/convert-json.h"
#include "convert/ical.h"
#include "convert/native.h"
#include "core/file.h"

PnMimeWriteOptions
pn_convert_mime_options (const PnConvertOptions *options)
{
  return (PnMimeWriteOptions){ .host = options->domain,
                               .default_domain = options->domain,
                               .now = pn_convert_now (),
                               .ignore_skeleton = options->anew,
                               .keep_bcc = TRUE,
                               .native_fields = TRUE };
}

/* --- kinds -----------------------------------------------------------------------------------------------
 */

/* The calendar object as it came, if there is one, since it may say more than the message does. */
static gboolean
write_ical (const PnConvertOptions *options, PnMessage *message, PnSink *sink, GError **error)
{
  if (!message->calendar) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "%s without calendar cannot be written as iCalendar",
                 pn_message_type_to_string (message->type));
    return FALSE;
  }
  PnPart *part = pn_message_get_part (message, PN_PART_CALENDAR);
  if (part && !options->anew)
    return pn_content_copy (part->content, sink, error);
  g_autofree char *text = pn_ical_write (message, pn_convert_now (), error);
  return text && pn_sink_puts (sink, text, error);
}

static gboolean
write_native (const PnConvertOptions *options, PnMessage *message, PnSink *sink, GError **error)
{
  if (!options->key)
    return pn_native_write (message, sink, error);
  g_autoptr (PnSealWriter) writer = pn_seal_writer_new (options->key, *sink);
  PnSink sealed = pn_seal_writer_sink (writer);
  return pn_native_write (message, &sealed, error) && pn_seal_writer_close (writer, error);
}

static gboolean
write_json (PnMessage *message, PnSink *sink, GError **error)
{
  g_autofree char *text = pn_convert_json (message, error);
  return text && pn_sink_puts (sink, text, error) && pn_sink_write (sink, "\n", 1, error);
}

gboolean
pn_convert_write_sink (const PnConvertOptions *options, PnKind kind, PnMessage *message, PnSink *sink,
                       GError **error)
{
  PnMimeWriteOptions mime = pn_convert_mime_options (options);
  switch (kind) {
  case PN_KIND_MIME:
    return pn_mime_write (message, &mime, sink, error);
  case PN_KIND_ICAL:
    return write_ical (options, message, sink, error);
  case PN_KIND_NATIVE:
    return write_native (options, message, sink, error);
  case PN_KIND_JSON:
    return write_json (message, sink, error);
  case PN_KIND_API:
  case PN_KIND_AUTO:
  case PN_KIND_TNEF:
    break;
  }
  g_assert_not_reached ();
}

/* --- files -----------------------------------------------------------------------------------------------
 */

typedef gboolean (*WriteFunc) (gpointer user, PnSink *sink, GError **error);

/* Whether PATH is one of the inputs. */
static gboolean
is_input (const PnConvertOptions *options, const char *path)
{
  struct stat st;
  if (stat (path, &st) < 0)
    return FALSE;
  g_autofree char *key = g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64) st.st_dev,
                                          (guint64) st.st_ino);
  return g_hash_table_contains (options->inputs, key);
}

/* Gives FD the name PATH, taking it from another file if that is allowed. */
static gboolean
name_file (const PnConvertOptions *options, int fd, const char *path, GError **error)
{
  GError *reason = NULL;
  if (pn_file_link (fd, path, &reason))
    return TRUE;
  if (!g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_EXISTS)) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  g_clear_error (&reason);
  if (is_input (options, path)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s is an input and is not overwritten", path);
    return FALSE;
  }
  if (!options->force) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s exists; --force replaces it", path);
    return FALSE;
  }
  g_autofree char *temporary = g_strdup_printf ("%s.%d.tmp", path, (int) getpid ());
  if (!pn_file_link (fd, temporary, error))
    return FALSE;
  if (rename (temporary, path) == 0)
    return TRUE;
  pn_file_set_error (error, errno, path, "cannot rename to it");
  unlink (temporary);
  return FALSE;
}

static gboolean
write_file (const PnConvertOptions *options, const char *path, WriteFunc write_func, gpointer user,
            GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  int fd = pn_file_unnamed (dir, NULL);
  if (fd < 0 && (!pn_file_make_dirs (dir, error) || (fd = pn_file_unnamed (dir, error)) < 0))
    return FALSE;
  if (options->to != PN_KIND_NATIVE)
    fchmod (fd, options->mode);
  g_autoptr (PnFileSink) buffer = pn_file_sink_new (fd);
  PnSink sink = pn_file_sink_sink (buffer);
  gboolean done = write_func (user, &sink, error) && pn_file_sink_flush (buffer, error)
                  && name_file (options, fd, path, error);
  close (fd);
  return done;
}

typedef struct {
  const PnConvertOptions *options;
  PnMessage *message;
} Output;

static gboolean
write_message (gpointer user, PnSink *sink, GError **error)
{
  Output *self = user;
  return pn_convert_write_sink (self->options, self->options->to, self->message, sink, error);
}

/* --- API files -------------------------------------------------------------------------------------------
 */

static gboolean
write_part (gpointer user, PnSink *sink, GError **error)
{
  const PnPart *part = user;
  return !part->content || pn_content_copy (part->content, sink, error);
}

static gboolean
write_text (gpointer user, PnSink *sink, GError **error)
{
  const GString *text = user;
  return pn_sink_write (sink, text->str, text->len, error);
}

/* The part files' names begin with the number of the job, in five characters, so that many API files can
 * share one att_in. */
static gboolean
write_api (const PnConvertOptions *options, const PnConvertJob *job, PnMessage *message, GError **error)
{
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  char stem[6] = "00000";
  guint number = job->index;
  for (int i = 4; i >= 0; i--, number /= 36)
    stem[i] = digits[number % 36];
  g_autoptr (GPtrArray) files = NULL;
  GString *text = pn_api_write (message, stem, !options->strict_api, &files, error);
  if (!text)
    return FALSE;
  g_autofree char *dir = g_path_get_dirname (job->output);
  gboolean done = TRUE;
  for (guint i = 0; done && files && i < files->len; i++) {
    const PnApiFile *file = g_ptr_array_index (files, i);
    g_autofree char *path = g_build_filename (dir, "att_in", file->file_name, NULL);
    done = write_file (options, path, write_part, (gpointer) file->part, error);
  }
  /* the API file comes last: whoever sees it finds its parts */
  done = done && write_file (options, job->output, write_text, text, error);
  g_string_free (text, TRUE);
  return done;
}

static gboolean
write_common (gpointer user, const void *data, gsize length, G_GNUC_UNUSED GError **error)
{
  g_string_append_len (user, data, (gssize) length);
  return TRUE;
}

gboolean
pn_convert_write (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message, GError **error)
{
  if (options->to == PN_KIND_API)
    return write_api (options, job, message, error);
  if (job->output) {
    Output output = { options, message };
    return write_file (options, job->output, write_message, &output, error);
  }
  if (!options->lines) { /* one input, to standard output as it comes */
    g_autoptr (PnFileSink) buffer = pn_file_sink_new (STDOUT_FILENO);
    PnSink sink = pn_file_sink_sink (buffer);
    return pn_convert_write_sink (options, options->to, message, &sink, error)
           && pn_file_sink_flush (buffer, error);
  }
  job->text = g_string_new (NULL);
  PnSink sink = { write_common, job->text };
  return pn_convert_write_sink (options, options->to, message, &sink, error);
}
