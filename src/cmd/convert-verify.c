/* There and back: what a conversion keeps. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/convert.h"
#include "convert/mime-write.h"
#include "convert/native.h"
#include "core/file.h"

/* Conversions larger than this go through an unnamed file instead of memory. */
#define MEMORY_MAX (1024 * 1024)
/* Embedded messages up to this size are compared by their lines, longer ones by their bytes. */
#define LINES_MAX (16 * 1024 * 1024)

/* --- a place between the two conversions --------------------------------------------------------------- */

typedef struct {
  GByteArray *array; /* or, for large ones: */
  int fd;
} Scratch;

static void
scratch_clear (Scratch *self)
{
  g_clear_pointer (&self->array, g_byte_array_unref);
  if (self->fd >= 0)
    close (self->fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Scratch, scratch_clear)

static gboolean
scratch_open (Scratch *self, guint64 size, GError **error)
{
  self->fd = -1;
  if (size <= MEMORY_MAX) {
    self->array = g_byte_array_sized_new ((guint) size + 4096);
    return TRUE;
  }
  self->fd = pn_file_unnamed (g_get_tmp_dir (), error);
  return self->fd >= 0;
}

/* What was written, to be read. */
static PnSource *
scratch_source (Scratch *self, GError **error)
{
  if (self->array) {
    g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->array));
    return pn_source_new_bytes (bytes);
  }
  int fd = self->fd;
  self->fd = -1;
  return pn_file_source_new (fd, error);
}

/* Writes MESSAGE as KIND into a scratch of about SIZE bytes and returns it for reading; sealed as outputs
 * are. */
static PnSource *
write_scratch (const PnConvertOptions *options, PnKind kind, PnMessage *message, guint64 size, GError **error)
{
  g_auto (Scratch) scratch = { NULL, -1 };
  if (!scratch_open (&scratch, size, error))
    return NULL;
  g_autoptr (PnFileSink) buffer = scratch.fd >= 0 ? pn_file_sink_new (scratch.fd) : NULL;
  PnSink sink = buffer ? pn_file_sink_sink (buffer) : pn_sink_to_array (scratch.array);
  if (!pn_convert_write_sink (options, kind, message, &sink, error)
      || (buffer && !pn_file_sink_flush (buffer, error)))
    return NULL;
  g_autoptr (PnSource) source = scratch_source (&scratch, error);
  if (!source || kind != PN_KIND_NATIVE || !options->key)
    return g_steal_pointer (&source);
  return pn_seal_open (options->key, source, error);
}

/* --- comparing bytes ------------------------------------------------------------------------------------ */

typedef struct {
  PnSource *original;
  guint64 offset;
  gboolean different;
  guint64 where; /* offset of the first difference */
} Comparison;

/* A sink that compares what comes with the original. */
static gboolean
compare (gpointer user, const void *data, gsize length, GError **error)
{
  Comparison *self = user;
  const guint8 *bytes = data;
  while (length > 0 && !self->different) {
    guint8 window[16384];
    gsize n = MIN (length, sizeof window);
    gsize known = self->offset < self->original->size ? MIN (n, self->original->size - self->offset) : 0;
    if (known > 0 && !pn_source_read (self->original, self->offset, window, known, error))
      return FALSE;
    gsize same = 0;
    if (known > 0 && memcmp (window, bytes, known) == 0)
      same = known;
    while (same < known && window[same] == bytes[same])
      same++;
    self->different = same < n;
    self->where = self->offset + same;
    self->offset += n;
    bytes += n;
    length -= n;
  }
  return TRUE;
}

/* The original may go on where what was written ends. */
static void
finish_comparison (Comparison *self)
{
  if (self->different || self->offset >= self->original->size)
    return;
  self->different = TRUE;
  self->where = self->offset;
}

static gboolean
compare_mime (PnMessage *message, PnSource *original, Comparison *comparison, const PnConvertOptions *options,
              GError **error)
{
  *comparison = (Comparison){ .original = original };
  PnSink sink = { compare, comparison };
  PnMimeWriteOptions mime = pn_convert_mime_options (options);
  mime.ignore_skeleton = FALSE;
  if (!pn_mime_write (message, &mime, &sink, error))
    return FALSE;
  finish_comparison (comparison);
  return TRUE;
}

static void
take_losses (PnConvertJob *job, PnMessage *message)
{
  g_clear_pointer (&job->losses, g_ptr_array_unref);
  job->losses = g_ptr_array_ref (message->losses);
}

/* --- the kinds ------------------------------------------------------------------------------------------ */

static gboolean
set_equivalent (PnConvertJob *job, PnMessage *a, PnMessage *b, PnResult same, GError **error)
{
  char *difference = NULL;
  GError *reason = NULL;
  if (pn_message_equivalent (a, b, &difference, &reason)) {
    job->result = same;
    return TRUE;
  }
  if (reason) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  job->result = PN_RESULT_DIFFERENT;
  job->reason = difference;
  return TRUE;
}

/* Bytes that have to be the same. */
static void
set_identical (PnConvertJob *job, const Comparison *comparison)
{
  job->result = comparison->different ? PN_RESULT_DIFFERENT : PN_RESULT_IDENTICAL;
  if (comparison->different)
    job->reason = g_strdup_printf ("differs from byte %" G_GUINT64_FORMAT " on", comparison->where);
}

/* MESSAGE through a native file. */
static PnMessage *
through_native (const PnConvertOptions *options, PnMessage *message, guint64 size, GError **error)
{
  g_autoptr (PnSource) native = write_scratch (options, PN_KIND_NATIVE, message, size, error);
  return native ? pn_native_read (native, error) : NULL;
}

/* Mail has lines, and what RFC 2046 forbids to encode cannot keep other line ends than CRLF: of those parts
 * the lines are compared. */
static gboolean
even_lines (PnMessage *message, GError **error)
{
  for (guint i = 0; i < message->headers->len; i++) {
    PnHeader *header = g_ptr_array_index (message->headers, i);
    if (header->value)
      g_strdelimit (header->value, "\t", ' ');
  }
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    guint64 size;
    if (!part->content
        || (!g_str_has_prefix (part->type, "message/") && !g_str_has_prefix (part->type, "multipart/")))
      continue;
    if (!pn_content_measure (part->content, &size, NULL, error))
      return FALSE;
    g_autoptr (GBytes) bytes = size <= LINES_MAX ? pn_content_read (part->content, LINES_MAX, error) : NULL;
    if (size > LINES_MAX)
      continue;
    if (!bytes)
      return FALSE;
    gsize length;
    const char *data = g_bytes_get_data (bytes, &length);
    g_autoptr (GString) lines = g_string_sized_new (length);
    for (gsize k = 0; k < length; k++)
      if (data[k] != '\r')
        g_string_append_c (lines, data[k]);
      else if (k + 1 == length || data[k + 1] != '\n')
        g_string_append_c (lines, '\n');
    while (lines->len > 0 && lines->str[lines->len - 1] == '\n') /* the delimiter behind it takes one */
      g_string_truncate (lines, lines->len - 1);
    pn_content_unref (part->content);
    part->content = pn_content_new_text (lines->str, (gssize) lines->len);
  }
  return TRUE;
}

/* MESSAGE -> KIND composed anew -> message: every field and part. */
static gboolean
verify_anew (const PnConvertOptions *options, PnConvertJob *job, PnKind kind, PnMessage *message,
             guint64 size, GError **error)
{
  PnConvertOptions anew = *options;
  anew.anew = TRUE;
  PnPart *skeleton = pn_message_get_part (message, PN_PART_SKELETON);
  if (skeleton)
    g_ptr_array_remove (message->parts, skeleton);
  g_autoptr (PnSource) composed = write_scratch (&anew, kind, message, size, error);
  if (!composed)
    return FALSE;
  take_losses (job, message);
  g_autoptr (PnMessage) back = pn_convert_read_source (&anew, kind, composed, job->file->path, error);
  pn_mime_forget_own_fields (message);
  return back && even_lines (message, error) && even_lines (back, error)
         && set_equivalent (job, message, back, PN_RESULT_EQUIVALENT, error);
}

static gboolean
verify_mime (const PnConvertOptions *options, PnConvertJob *job, PnSource *original, PnMessage *message,
             GError **error)
{
  g_autoptr (PnMessage) back = through_native (options, message, original->size, error);
  Comparison comparison;
  if (!back || !compare_mime (back, original, &comparison, options, error))
    return FALSE;
  set_identical (job, &comparison);
  return TRUE;
}

static gboolean
verify_ical (const PnConvertOptions *options, PnConvertJob *job, PnSource *original, PnMessage *message,
             GError **error)
{
  g_autoptr (PnMessage) back = through_native (options, message, job->size, error);
  if (!back)
    return FALSE;
  if (options->anew) {
    /* what is compared is what was understood, not the text that is kept beside it */
    g_ptr_array_remove (back->parts, pn_message_get_part (back, PN_PART_CALENDAR));
    g_autoptr (PnSource) composed = write_scratch (options, PN_KIND_ICAL, back, job->size, error);
    g_autoptr (PnMessage) again
        = composed ? pn_convert_read_source (options, PN_KIND_ICAL, composed, job->file->path, error) : NULL;
    if (!again)
      return FALSE;
    g_ptr_array_remove (again->parts, pn_message_get_part (again, PN_PART_CALENDAR));
    return set_equivalent (job, back, again, PN_RESULT_EQUIVALENT, error);
  }
  Comparison comparison = { .original = original };
  PnSink sink = { compare, &comparison };
  if (!pn_convert_write_sink (options, PN_KIND_ICAL, back, &sink, error))
    return FALSE;
  finish_comparison (&comparison);
  set_identical (job, &comparison);
  return TRUE;
}

/* API file or TNEF -> native -> the same. */
static gboolean
verify_api (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message, GError **error)
{
  g_autoptr (PnMessage) back = through_native (options, message, job->size, error);
  return back && set_equivalent (job, message, back, PN_RESULT_EQUIVALENT, error);
}

/* JSON -> native -> JSON -> native: every field and part. */
static gboolean
verify_json (const PnConvertOptions *options, PnConvertJob *job, PnMessage *message, GError **error)
{
  g_autoptr (PnSource) json = write_scratch (options, PN_KIND_JSON, message, job->size, error);
  g_autoptr (PnMessage) back
      = json ? pn_convert_read_source (options, PN_KIND_JSON, json, job->file->path, error) : NULL;
  return back && set_equivalent (job, message, back, PN_RESULT_EQUIVALENT, error);
}

gboolean
pn_convert_verify (const PnConvertOptions *options, PnConvertJob *job, GError **error)
{
  g_autoptr (PnMessage) message = pn_convert_read (options, job, error);
  if (!message)
    return FALSE;
  take_losses (job, message);
  switch (job->kind) {
  case PN_KIND_MIME:
    return options->anew ? verify_anew (options, job, PN_KIND_MIME, message, job->size + job->size / 2, error)
                         : verify_mime (options, job, job->source, message, error);
  case PN_KIND_NATIVE:
    return verify_anew (options, job, PN_KIND_MIME, message, job->size + job->size / 2, error);
  case PN_KIND_ICAL:
    return verify_ical (options, job, job->source, message, error);
  case PN_KIND_JSON:
    return verify_json (options, job, message, error);
  default:
    return verify_api (options, job, message, error);
  }
}
