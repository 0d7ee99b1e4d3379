/* Outputs: each is written under no name and gets its name when it is complete. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/convert-json.h"
#include "cmd/convert-resume.h"
#include "convert/ical.h"
#include "convert/ical-series.h"
#include "convert/native.h"
#include "convert/vcard.h"
#include "core/file.h"

/* Of one series. */
#define SINGLES_MAX 1000

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

/* --- kinds --------------------------------------------------------------------------------- */

/* A copy of ADDRESS that can be written as mailto:, as mail would write it. */
static PnAddress *
mail_address (const PnConvertOptions *options, const PnAddress *address)
{
  PnAddress *copy = pn_address_copy (address);
  if (copy->internet || !copy->user)
    return copy;
  copy->internet = g_strdup_printf ("%s.%s.%s@%s", copy->user, copy->post_office ? copy->post_office : "",
                                    copy->domain ? copy->domain : "", options->domain);
  g_strdelimit (copy->internet, " ", '_');
  return copy;
}

/* A search has no calendar of its own: who asks, who is asked, and whether this is the answer. */
static PnCalendar *
free_busy (const PnConvertOptions *options, const PnMessage *message)
{
  PnCalendar *calendar = pn_calendar_new ();
  gboolean answer = message->busy->len > 0 || message->busy_for;
  calendar->component = g_strdup ("VFREEBUSY");
  calendar->method = answer ? PN_METHOD_REPLY : PN_METHOD_REQUEST;
  /* an answer goes back to whom asked */
  const PnRecipient *first = message->recipients->len > 0 ? g_ptr_array_index (message->recipients, 0) : NULL;
  const PnAddress *organizer = answer && first ? first->address : message->from;
  calendar->organizer = organizer ? mail_address (options, organizer) : NULL;
  const PnAddress *who = message->busy_for ? message->busy_for : message->from;
  for (guint i = 0; i < (answer ? (guint) (who != NULL) : message->recipients->len); i++) {
    const PnRecipient *recipient = answer ? NULL : g_ptr_array_index (message->recipients, i);
    PnAttendee *attendee = g_new0 (PnAttendee, 1);
    attendee->address = mail_address (options, answer ? who : recipient->address);
    g_ptr_array_add (calendar->attendees, attendee);
  }
  return calendar;
}

static char *
compose_ical (const PnConvertOptions *options, PnMessage *message, GError **error)
{
  /* A file travels alone, and who asked for it may not be Exchange. */
  const PnIcalOptions alone = { .attachments = PN_ICAL_ATTACH_INLINE, .zone_years = 10 };
  gboolean search = !message->calendar;
  if (search)
    message->calendar = free_busy (options, message);
  char *text = pn_ical_write_with (message, &alone, pn_convert_now (), error);
  if (search)
    g_clear_pointer (&message->calendar, pn_calendar_free);
  return text;
}

/* A series by a simple rule, or as an object for each of its instances. */
static gboolean
write_simple (const PnConvertOptions *options, PnMessage *message, PnSink *sink, GError **error)
{
  const char *refused = NULL;
  g_autoptr (GPtrArray) singles = pn_ical_singles (message, G_MININT64, SINGLES_MAX, options->timezone, NULL);
  if (!singles || singles->len == 0) {
    g_autofree char *text = compose_ical (options, message, error);
    return text && pn_sink_puts (sink, text, error);
  }
  if (message->calendar->rrule)
    refused = pn_ical_rule_refused (message->calendar->rrule, &message->calendar->start);
  pn_message_add_loss (message, "calendar", "the series was written as %u single items: %s", singles->len,
                       refused ? refused : "its dates follow no simple rule");
  for (guint i = 0; i < singles->len; i++) {
    PnMessage *single = singles->pdata[i];
    g_autofree char *text = compose_ical (options, single, error);
    if (!text || !pn_sink_puts (sink, text, error))
      return FALSE;
  }
  return TRUE;
}

/* What the calendar part says of other items than MESSAGE, each composed as an object of its own. */
static gboolean
write_other_items (const PnConvertOptions *options, const PnMessage *message, const PnPart *part,
                   PnSink *sink, GError **error)
{
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXSIZE, error);
  if (!bytes)
    return FALSE;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  g_autoptr (GPtrArray) items = pn_convert_split_calendars (text, length);
  for (guint i = 0; items && i < items->len; i++) {
    g_autoptr (PnMessage) item = pn_message_new (PN_TYPE_MAIL);
    const char *item_text = g_bytes_get_data (items->pdata[i], &length);
    const char *method = message->calendar ? pn_method_to_string (message->calendar->method) : NULL;
    if (!pn_ical_read (item, item_text, length, method, options->timezone, NULL) || !item->calendar
        || (message->calendar && g_strcmp0 (item->calendar->uid, message->calendar->uid) == 0))
      continue;
    pn_message_add_part (item, pn_part_new (PN_PART_CALENDAR, "text/calendar",
                                            pn_content_new_text (item_text, (gssize) length)));
    if (options->simple_recurrence) {
      if (!write_simple (options, item, sink, error))
        return FALSE;
      continue;
    }
    g_autofree char *composed = compose_ical (options, item, error);
    if (!composed || !pn_sink_puts (sink, composed, error))
      return FALSE;
  }
  return TRUE;
}

/* The calendar object as it came, if there is one, since it may say more than the message does. */
static gboolean
write_ical (const PnConvertOptions *options, PnMessage *message, PnSink *sink, GError **error)
{
  if (!message->calendar && message->type != PN_TYPE_SEARCH) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "%s without calendar cannot be written as iCalendar",
                 pn_message_type_to_string (message->type));
    return FALSE;
  }
  PnPart *part = pn_message_get_part (message, PN_PART_CALENDAR);
  if (part && !options->anew && !options->simple_recurrence)
    return pn_content_copy (part->content, sink, error);
  gboolean done;
  if (options->simple_recurrence) {
    done = write_simple (options, message, sink, error);
  } else {
    g_autofree char *text = compose_ical (options, message, error);
    done = text && pn_sink_puts (sink, text, error);
  }
  return done && (!part || !part->content || write_other_items (options, message, part, sink, error));
}

static gboolean
write_vcard (PnMessage *message, PnSink *sink, GError **error)
{
  g_autofree char *text = pn_vcard_write (message, "3.0", error);
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

gboolean
pn_convert_write_sink (const PnConvertOptions *options, PnKind kind, PnMessage *message, PnSink *sink,
                       GError **error)
{
  PnMimeWriteOptions mime = pn_convert_mime_options (options);
  switch (kind) {
  case PN_KIND_MIME:
  case PN_KIND_MBOX:
  case PN_KIND_MAILDIR:
    return pn_mime_write (message, &mime, sink, error);
  case PN_KIND_ICAL:
    return write_ical (options, message, sink, error);
  case PN_KIND_VCARD:
    return write_vcard (message, sink, error);
  case PN_KIND_NATIVE:
    return write_native (options, message, sink, error);
  case PN_KIND_JSON:
    return pn_convert_write_json (options, message, sink, error);
  case PN_KIND_API:
  case PN_KIND_AUTO:
  case PN_KIND_TNEF:
  case PN_KIND_LAST:
    break;
  }
  g_assert_not_reached ();
}

/* --- files --------------------------------------------------------------------------------- */

gboolean
pn_convert_is_input (const PnConvertOptions *options, const char *path)
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
name_file (const PnConvertOptions *options, int fd, const char *path, gboolean replace, GError **error)
{
  GError *reason = NULL;
  if (pn_file_link (fd, path, &reason))
    return TRUE;
  if (!g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_EXISTS)) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  g_clear_error (&reason);
  if (pn_convert_is_input (options, path)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s is an input and is not overwritten", path);
    return FALSE;
  }
  if (!options->force && !replace) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s exists; --force replaces it", path);
    return FALSE;
  }
  /* always the same name: what a killed run left of it is removed when the run is continued */
  g_autofree char *temporary = g_strconcat (path, ".postern-new", NULL);
  unlink (temporary);
  if (!pn_file_link (fd, temporary, error))
    return FALSE;
  if (rename (temporary, path) == 0)
    return TRUE;
  pn_file_set_error (error, errno, path, "cannot rename to it");
  unlink (temporary);
  return FALSE;
}

gboolean
pn_convert_write_file (const PnConvertOptions *options, const char *path, gboolean replace,
                       PnConvertWriteFunc write_func, gpointer user, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  int fd = pn_file_unnamed (dir, NULL);
  if (fd < 0 && (!pn_file_make_dirs (dir, error) || (fd = pn_file_unnamed (dir, error)) < 0))
    return FALSE;
  if (options->to != PN_KIND_NATIVE && options->to != PN_KIND_MAILDIR)
    fchmod (fd, options->mode);
  g_autoptr (PnFileSink) buffer = pn_file_sink_new (fd);
  PnSink sink = pn_file_sink_sink (buffer);
  gboolean done = write_func (user, &sink, error) && pn_file_sink_flush (buffer, error)
                  && name_file (options, fd, path, replace, error);
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

/* --- API files ----------------------------------------------------------------------------- */

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

/* The part files' names begin with the number of the file, or of the message in it, in five characters, so
 * that many API files can share one att_in. */
static gboolean
write_api (const PnConvertOptions *options, const PnConvertJob *job, PnMessage *message, gboolean replace,
           GError **error)
{
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  char stem[6] = "00000";
  guint number = job->only ? job->file_index : job->number;
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
    done = pn_convert_write_file (options, path, replace, write_part, (gpointer) file->part, error);
  }
  /* the API file comes last: whoever sees it finds its parts */
  done = done && pn_convert_write_file (options, job->output, replace, write_text, text, error);
  g_string_free (text, TRUE);
  return done;
}

/* --- streams ------------------------------------------------------------------------------- */

/* Text for a stream stays in memory up to this size, then it goes to a file without a name. */
#define TEXT_MAX (1024 * 1024)

typedef struct {
  PnConvertJob *job;
  PnFileSink *file; /* once there is one */
} Text;

static gboolean
write_to_text (gpointer user, const void *data, gsize length, GError **error)
{
  Text *self = user;
  PnConvertJob *job = self->job;
  if (!self->file && job->text->len + length <= TEXT_MAX) {
    g_byte_array_append (job->text, data, (guint) length);
    return TRUE;
  }
  if (!self->file) {
    job->text_fd = pn_file_unnamed (g_get_tmp_dir (), error);
    if (job->text_fd < 0)
      return FALSE;
    self->file = pn_file_sink_new (job->text_fd);
    PnSink sink = pn_file_sink_sink (self->file);
    if (!pn_sink_write (&sink, job->text->data, job->text->len, error))
      return FALSE;
    g_clear_pointer (&job->text, g_byte_array_unref);
  }
  PnSink sink = pn_file_sink_sink (self->file);
  return pn_sink_write (&sink, data, length, error);
}

/* The From_ line it had, or one of who sent it and when. */
static char *
separator_for (const PnConvertJob *job, const PnMessage *message)
{
  if (job->separator)
    return g_strdup (job->separator);
  g_autofree char *path = NULL;
  const char *sender = message->envelope_from;
  const char *field = pn_message_get_header (message, "Return-Path");
  if (!sender && field) {
    path = g_strdup (field + strspn (field, " <"));
    path[strcspn (path, "> ")] = '\0';
    sender = path;
  }
  if (!sender && message->from)
    sender = message->from->internet;
  return pn_mbox_separator (sender, message->date.set ? message->date.unix_time : 0);
}

static gboolean
write_mbox (const PnConvertOptions *options, const PnConvertJob *job, PnMessage *message, PnSink *sink,
            GError **error)
{
  gboolean original = !options->anew && pn_message_get_part (message, PN_PART_SKELETON), added;
  g_autofree char *separator = separator_for (job, message);
  PnMboxWriter writer;
  if (!pn_mbox_writer_begin (&writer, *sink, separator, job->crlf, error))
    return FALSE;
  PnSink quoted = pn_mbox_writer_sink (&writer);
  /* what is composed has the line ends of this system, what came keeps its own */
  PnLineFeedWriter lines = { .below = quoted };
  PnSink into = original ? quoted : pn_line_feed_writer_sink (&lines);
  if (!pn_convert_write_sink (options, PN_KIND_MIME, message, &into, error)
      || !pn_line_feed_writer_end (&lines, error) || !pn_mbox_writer_end (&writer, job->crlf, &added, error))
    return FALSE;
  if (original && added)
    pn_message_add_loss (message, "end", "the last line had no line end, which a mailbox needs");
  return TRUE;
}

static gboolean
write_stream (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message, GError **error)
{
  job->text = g_byte_array_new ();
  Text text = { job, NULL };
  PnSink sink = { write_to_text, &text };
  gboolean done = options->to == PN_KIND_MBOX
                      ? write_mbox (options, job, message, &sink, error)
                      : pn_convert_write_sink (options, options->to, message, &sink, error);
  done = done && (!text.file || pn_file_sink_flush (text.file, error));
  g_clear_pointer (&text.file, pn_file_sink_free);
  return done;
}

/* --- all ----------------------------------------------------------------------------------- */

/* A Maildir keeps the flags of messages in names, a mailbox in fields of the message, others have no place.
 */
static void
name_lost_flags (const PnConvertOptions *options, const PnConvertJob *job, PnMessage *message)
{
  if (options->to != PN_KIND_MAILDIR && job->file->kind == PN_KIND_MIME && job->flags[0])
    pn_message_add_loss (message, "flags", "Maildir flags '%s' have no place in %s", job->flags,
                         pn_kind_to_string (options->to));
}

/* The journal has to know of an output before it gets its name, so that it is known for ours after a kill. */
static gboolean
begin_output (const PnConvertOptions *options, const PnConvertJob *job, gboolean replace, GError **error)
{
  if (!options->force && !replace && job->output && g_file_test (job->output, G_FILE_TEST_EXISTS)) {
    gboolean input = pn_convert_is_input (options, job->output);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                 input ? "%s is an input and is not overwritten" : "%s exists; --force replaces it",
                 job->output);
    return FALSE;
  }
  return !options->journal || replace
         || pn_convert_journal_begin (options->journal, job->file_index, job->number, error);
}

gboolean
pn_convert_write (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message, gboolean replace,
                  GError **error)
{
  name_lost_flags (options, job, message);
  g_free (job->output);
  job->output = pn_convert_output_path (options, job);
  Output output = { options, message };
  switch (options->layout) {
  case PN_LAYOUT_FILES:
    if (!begin_output (options, job, replace, error))
      return FALSE;
    return options->to == PN_KIND_API
               ? write_api (options, job, message, replace, error)
               : pn_convert_write_file (options, job->output, replace, write_message, &output, error);
  case PN_LAYOUT_MAILDIR:
    return begin_output (options, job, replace, error)
           && pn_convert_write_maildir (options, job, message, replace, error);
  case PN_LAYOUT_STREAM:
  case PN_LAYOUT_FOLDERS:
    return write_stream (options, job, message, error);
  case PN_LAYOUT_DIRECT: {
    if (!job->only) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "several messages need -o DIRECTORY");
      return FALSE;
    }
    g_autoptr (PnFileSink) buffer = pn_file_sink_new (STDOUT_FILENO);
    PnSink sink = pn_file_sink_sink (buffer);
    return pn_convert_write_sink (options, options->to, message, &sink, error)
           && pn_file_sink_flush (buffer, error);
  }
  case PN_LAYOUT_NONE:
    break;
  }
  return TRUE;
}
