/* What a file holds: one message, or many that are handed out one at a time. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/convert-json-scan.h"
#include "cmd/convert.h"
#include "core/file.h"

/* Calendar files are read into memory whole. */
#define TEXT_MAX (64 * 1024 * 1024)

struct PnConvertItems {
  const PnConvertOptions *options;
  const PnConvertFile *file;
  guint index;
  guint given;
  guint64 told; /* bytes of the file that the items so far stand for */
  PnKind kind;
  gboolean sealed, ended;
  char *path; /* of the file, or of the copy of standard input */
  int copy;   /* that copy, or -1 */

  PnSource *source; /* of a file that is one message, or of a file of JSON */
  PnMbox *mbox;
  GPtrArray *calendars; /* GBytes */
  PnJsonScanner *scanner;
  GError *error; /* why there is nothing */
};

/* --- jobs ---------------------------------------------------------------------------------- */

char *
pn_convert_job_name (const PnConvertFile *file, guint number, gboolean only)
{
  return only ? g_strdup (file->path) : g_strdup_printf ("%s#%u", file->path, number);
}

void
pn_convert_job_free (PnConvertJob *self)
{
  g_clear_pointer (&self->source, pn_source_unref);
  g_clear_pointer (&self->losses, g_ptr_array_unref);
  g_clear_pointer (&self->text, g_byte_array_unref);
  if (self->text_fd >= 0)
    close (self->text_fd);
  g_free (self->name);
  g_free (self->separator);
  g_free (self->reason);
  g_free (self->output);
  g_free (self);
}

static PnConvertJob *
new_job (PnConvertItems *self, gboolean only)
{
  PnConvertJob *job = g_new0 (PnConvertJob, 1);
  job->file = self->file;
  job->file_index = self->index;
  job->number = ++self->given;
  job->only = only;
  job->name = pn_convert_job_name (self->file, job->number, only);
  job->kind = self->kind;
  job->sealed = self->sealed;
  job->text_fd = -1;
  return job;
}

/* What stands for the rest of the file that could not be read. */
static PnConvertJob *
failed_job (PnConvertItems *self)
{
  self->ended = TRUE;
  PnConvertJob *job = new_job (self, self->given == 0);
  job->size = self->file->size - MIN (self->told, self->file->size);
  job->result = PN_RESULT_FAILED;
  job->reason = g_strdup (self->error->message);
  g_clear_error (&self->error);
  return job;
}

/* --- opening ------------------------------------------------------------------------------- */

/* Standard input cannot be read at any place: a copy without a name can. */
static gboolean
copy_standard_input (PnConvertItems *self, GError **error)
{
  self->copy = pn_file_unnamed (g_get_tmp_dir (), error);
  if (self->copy < 0)
    return FALSE;
  g_autoptr (PnFileSink) copy = pn_file_sink_new (self->copy);
  PnSink sink = pn_file_sink_sink (copy);
  char buffer[65536];
  ssize_t n;
  while ((n = read (STDIN_FILENO, buffer, sizeof buffer)) > 0)
    if (!pn_sink_write (&sink, buffer, (gsize) n, error))
      return FALSE;
  if (n < 0) {
    pn_file_set_error (error, errno, "standard input", "cannot read");
    return FALSE;
  }
  self->path = g_strdup_printf ("/proc/self/fd/%d", self->copy);
  return pn_file_sink_flush (copy, error);
}

/* A plain source, or what is in a sealed one. */
static PnSource *
unseal (PnConvertItems *self, PnSource *source, GError **error)
{
  if (!pn_seal_is_sealed (source))
    return source;
  g_autoptr (PnSource) sealed = source;
  self->kind = PN_KIND_NATIVE;
  self->sealed = TRUE;
  if (self->options->key)
    return pn_seal_open (self->options->key, sealed, error);
  g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY, "the file is sealed; --key or -C names the key");
  return NULL;
}

static gboolean
has_extension (const char *path, const char *const *extensions)
{
  const char *dot = strrchr (path, '.');
  for (; dot && *extensions; extensions++)
    if (g_ascii_strcasecmp (dot, *extensions) == 0)
      return TRUE;
  return FALSE;
}

/* A mail that begins with a From_ line may be a mailbox. */
static gboolean
is_mbox (PnConvertItems *self)
{
  static const char *const mails[] = { ".eml", ".msg", ".rcv", NULL }, *const boxes[]
                                                                       = { ".mbox", ".mbx", NULL };
  const char *path = self->file->path;
  if (has_extension (path, mails))
    return FALSE;
  char head[5];
  return self->source->size >= sizeof head && pn_source_read (self->source, 0, head, sizeof head, NULL)
         && pn_mbox_is (self->path, head, sizeof head, has_extension (path, boxes));
}

static gboolean
open_calendars (PnConvertItems *self, GError **error)
{
  if (self->source->size > TEXT_MAX) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "longer than %d MiB", TEXT_MAX >> 20);
    return FALSE;
  }
  gsize length = (gsize) self->source->size;
  g_autofree char *text = g_malloc (length + 1);
  if (!pn_source_read (self->source, 0, text, length, error))
    return FALSE;
  self->calendars = pn_convert_split_calendars (text, length);
  return TRUE;
}

static gboolean
open_json (PnConvertItems *self, GError **error)
{
  g_autoptr (PnJsonScanner) first = pn_json_scanner_new (self->source);
  PnJsonRange range;
  GError *reason = NULL;
  if (!pn_json_scanner_next (first, &range, &reason)) {
    if (reason)
      g_propagate_error (error, reason);
    else
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "no JSON object is in it");
    return FALSE;
  }
  gboolean several = pn_json_scanner_next (first, &range, &reason) || reason;
  g_clear_error (&reason);
  if (several)
    self->scanner = pn_json_scanner_new (self->source);
  return TRUE;
}

static gboolean
open_kind (PnConvertItems *self, GError **error)
{
  const PnConvertOptions *options = self->options;
  if (self->kind == PN_KIND_AUTO)
    self->kind = self->file->kind != PN_KIND_AUTO ? self->file->kind : options->from;
  if (self->kind == PN_KIND_MAILDIR)
    self->kind = PN_KIND_MIME;
  if (self->kind == PN_KIND_AUTO)
    self->kind = is_mbox (self) ? PN_KIND_MBOX : pn_convert_find_kind (self->source, self->file->path, error);
  switch (self->kind) {
  case PN_KIND_AUTO:
    return FALSE;
  case PN_KIND_MBOX:
    g_clear_pointer (&self->source, pn_source_unref);
    self->kind = PN_KIND_MIME;
    self->mbox = pn_mbox_open (self->path, options->quoting, error);
    return self->mbox != NULL;
  case PN_KIND_ICAL:
    return open_calendars (self, error);
  case PN_KIND_JSON:
    return open_json (self, error);
  default:
    return TRUE;
  }
}

PnConvertItems *
pn_convert_items_open (const PnConvertOptions *options, const PnConvertFile *file, guint index)
{
  PnConvertItems *self = g_new0 (PnConvertItems, 1);
  self->options = options;
  self->file = file;
  self->index = index;
  self->copy = -1;
  if (file->reason) {
    g_set_error (&self->error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", file->reason);
    return self;
  }
  if (!g_str_equal (file->path, "-"))
    self->path = g_strdup (file->path);
  else if (!copy_standard_input (self, &self->error))
    return self;
  self->source = pn_file_source_open (self->path, &self->error);
  if (self->source)
    self->source = unseal (self, self->source, &self->error);
  if (self->source)
    open_kind (self, &self->error);
  return self;
}

gboolean
pn_convert_items_several (const PnConvertItems *self)
{
  return self->mbox || self->calendars || self->scanner;
}

guint
pn_convert_items_given (const PnConvertItems *self)
{
  return self->given;
}

void
pn_convert_items_free (PnConvertItems *self)
{
  g_clear_pointer (&self->source, pn_source_unref);
  g_clear_pointer (&self->mbox, pn_mbox_free);
  g_clear_pointer (&self->calendars, g_ptr_array_unref);
  g_clear_pointer (&self->scanner, pn_json_scanner_free);
  g_clear_error (&self->error);
  if (self->copy >= 0)
    close (self->copy);
  g_free (self->path);
  g_free (self);
}

/* --- one after the other ------------------------------------------------------------------- */

/* The letters behind ":2," of a name in a Maildir. */
static void
take_flags (PnConvertJob *job)
{
  const char *info = strrchr (job->file->path, ':');
  if (job->file->kind != PN_KIND_MIME || !info || !g_str_has_prefix (info, ":2,"))
    return;
  g_strlcpy (job->flags, info + 3, sizeof job->flags);
}

static PnConvertJob *
next_of_mbox (PnConvertItems *self)
{
  PnMboxMessage message;
  if (!pn_mbox_next (self->mbox, &message, &self->error))
    return NULL;
  PnConvertJob *job = new_job (self, FALSE);
  job->source = message.source;
  job->separator = message.separator;
  job->crlf = message.crlf;
  job->size = message.extent;
  g_strlcpy (job->flags, message.flags, sizeof job->flags);
  return job;
}

static PnConvertJob *
next_of_calendars (PnConvertItems *self)
{
  if (self->given >= self->calendars->len)
    return NULL;
  PnConvertJob *job = new_job (self, FALSE);
  GBytes *text = g_ptr_array_index (self->calendars, job->number - 1);
  job->source = pn_source_new_bytes (text);
  job->size = MIN (g_bytes_get_size (text), self->file->size - MIN (self->told, self->file->size));
  return job;
}

static PnConvertJob *
next_of_json (PnConvertItems *self)
{
  PnJsonRange range;
  if (!pn_json_scanner_next (self->scanner, &range, &self->error))
    return NULL;
  PnConvertJob *job = new_job (self, FALSE);
  job->size = range.end - range.begin;
  if (job->size <= 1024 * 1024 || self->source->data) {
    /* a source is read by one thread at a time */
    g_autofree guint8 *text = g_malloc (job->size);
    if (pn_source_read (self->source, range.begin, text, job->size, &self->error))
      job->source = pn_source_new_copy (text, (gsize) job->size);
  } else {
    g_autoptr (PnSource) own = pn_file_source_open (self->path, &self->error);
    if (own)
      job->source = pn_source_new_range (own, range.begin, job->size);
  }
  if (job->source)
    return job;
  self->given--;
  pn_convert_job_free (job);
  return NULL;
}

PnConvertJob *
pn_convert_items_next (PnConvertItems *self)
{
  if (self->ended)
    return NULL;
  if (self->error)
    return failed_job (self);
  if (!pn_convert_items_several (self)) {
    self->ended = TRUE;
    PnConvertJob *job = new_job (self, TRUE);
    job->source = g_steal_pointer (&self->source);
    job->size = self->file->size;
    take_flags (job);
    return job;
  }
  PnConvertJob *job = self->mbox        ? next_of_mbox (self)
                      : self->calendars ? next_of_calendars (self)
                                        : next_of_json (self);
  if (!job && self->error)
    return failed_job (self);
  if (job)
    self->told += job->size;
  self->ended = !job;
  return job;
}
