/* What the tests of Internet mail share: the samples, and a source that does not lie in memory. */
#pragma once

#include "convert/mime.h"
#include "convert/skeleton.h"

#include <string.h>

/* Reads from BYTES, but does not show them: so that the windowed ways are taken. */
typedef struct {
  PnSource base;
  GBytes *bytes;
  gboolean broken; /* every reading fails */
} HiddenSource;

static gssize
hidden_read (PnSource *source, guint64 offset, void *buffer, gsize length, GError **error)
{
  HiddenSource *self = (HiddenSource *) source;
  gsize size;
  const guint8 *data = g_bytes_get_data (self->bytes, &size);

  if (self->broken) {
    g_set_error_literal (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO, "the disk is gone");
    return -1;
  }
  length = offset < size ? MIN (length, size - offset) : 0;
  if (length > 0)
    memcpy (buffer, data + offset, length);
  return (gssize) length;
}

static void
hidden_free (PnSource *source)
{
  g_bytes_unref (((HiddenSource *) source)->bytes);
  g_free (source);
}

static const PnSourceClass hidden_class = { hidden_read, hidden_free };

static inline PnSource *
hidden_source_new (GBytes *bytes)
{
  HiddenSource *self = g_new0 (HiddenSource, 1);

  pn_source_init (&self->base, &hidden_class, g_bytes_get_size (bytes), NULL);
  self->bytes = g_bytes_ref (bytes);
  return &self->base;
}

static inline GBytes *
load_sample (const char *name)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", "mime", name, NULL);
  g_autoptr (GError) error = NULL;
  char *text;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (text, length);
}

static inline int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Names of all samples, sorted. */
static inline GPtrArray *
list_samples (void)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", "mime", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) directory = g_dir_open (path, 0, &error);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  g_assert_no_error (error);
  while ((name = g_dir_read_name (directory)) != NULL)
    if (g_str_has_suffix (name, ".eml"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_assert_cmpuint (names->len, >=, 40);
  return names;
}

static inline PnMessage *
read_source (PnSource *source)
{
  static const PnMimeOptions options = { .skeleton = TRUE };
  g_autoptr (GError) error = NULL;
  PnMessage *message = pn_mime_read (source, &options, &error);

  g_assert_no_error (error);
  return message;
}

static inline PnMessage *
read_bytes (GBytes *bytes)
{
  g_autoptr (PnSource) source = pn_source_new_bytes (bytes);

  return read_source (source);
}

/* TEXT with LF made CRLF. */
static inline PnMessage *
read_text (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  char *crlf = g_strjoinv ("\r\n", lines);
  g_autoptr (GBytes) bytes = g_bytes_new_take (crlf, strlen (crlf));

  return read_bytes (bytes);
}

static inline GBytes *
part_bytes (const PnPart *part)
{
  g_autoptr (GError) error = NULL;
  GBytes *bytes = pn_content_read (part->content, 64 << 20, &error);

  g_assert_no_error (error);
  return bytes;
}

static inline void
assert_part_text (const PnPart *part, const char *text)
{
  g_assert_nonnull (part);
  g_autoptr (GBytes) bytes = part_bytes (part);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
}

static inline void
assert_gives_back (PnMessage *message, GBytes *original)
{
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;

  pn_skeleton_write (message, &sink, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (array->data, array->len, g_bytes_get_data (original, NULL), g_bytes_get_size (original));
}
