#include "convert/bytes.h"

#include <string.h>

G_DEFINE_QUARK (pn - convert - error - quark, pn_convert_error)

void
pn_source_init (PnSource *self, const PnSourceClass *klass, guint64 size, const guint8 *data)
{
  self->klass = klass;
  g_atomic_ref_count_init (&self->ref_count);
  self->size = size;
  self->data = data;
}

PnSource *
pn_source_ref (PnSource *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
pn_source_unref (PnSource *self)
{
  if (g_atomic_ref_count_dec (&self->ref_count))
    self->klass->free (self);
}

static gboolean
set_truncated (GError **error, guint64 offset, gsize length, guint64 have)
{
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED,
               "%" G_GSIZE_FORMAT " bytes wanted at offset %" G_GUINT64_FORMAT ", only %" G_GUINT64_FORMAT
               " there: %" G_GUINT64_FORMAT " missing",
               length, offset, have, length - have);
  return FALSE;
}

gboolean
pn_source_read (PnSource *self, guint64 offset, void *buffer, gsize length, GError **error)
{
  if (offset > self->size || length > self->size - offset)
    return set_truncated (error, offset, length, offset > self->size ? 0 : self->size - offset);
  if (self->data) {
    if (length)
      memcpy (buffer, self->data + offset, length);
    return TRUE;
  }
  gsize done = 0;
  while (done < length) {
    gssize n = self->klass->read (self, offset + done, (guint8 *) buffer + done, length - done, error);
    if (n < 0)
      return FALSE;
    if (n == 0) /* the file shrank since its size was asked for */
      return set_truncated (error, offset, length, done);
    done += n;
  }
  return TRUE;
}

/* What every source in memory does. */
static gssize
memory_read (PnSource *source, guint64 offset, void *buffer, gsize length, GError **error G_GNUC_UNUSED)
{
  if (offset >= source->size)
    return 0;
  gsize n = MIN (length, source->size - offset);
  memcpy (buffer, source->data + offset, n);
  return n;
}

typedef struct {
  PnSource base;
  GBytes *bytes; /* owned */
} BytesSource;

static void
bytes_free (PnSource *source)
{
  g_bytes_unref (((BytesSource *) source)->bytes);
  g_free (source);
}

static const PnSourceClass bytes_class = { memory_read, bytes_free };

PnSource *
pn_source_new_bytes (GBytes *bytes)
{
  BytesSource *self = g_new (BytesSource, 1);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  /* an empty GBytes has no address, but "in memory" must still be visible */
  pn_source_init (&self->base, &bytes_class, size, data ? data : (const guint8 *) "");
  self->bytes = g_bytes_ref (bytes);
  return &self->base;
}

static void
copy_free (PnSource *source)
{
  g_free (source);
}

static const PnSourceClass copy_class = { memory_read, copy_free };

PnSource *
pn_source_new_copy (const void *data, gsize length)
{
  PnSource *self = g_malloc (sizeof *self + length);
  guint8 *own = (guint8 *) (self + 1);
  if (length)
    memcpy (own, data, length);
  pn_source_init (self, &copy_class, length, own);
  return self;
}

typedef struct {
  PnSource base;
  PnSource *parent; /* owned reference; never a range itself */
  guint64 offset;
} RangeSource;

static gssize
range_read (PnSource *source, guint64 offset, void *buffer, gsize length, GError **error)
{
  RangeSource *self = (RangeSource *) source;
  if (offset >= source->size)
    return 0;
  length = MIN (length, source->size - offset);
  return self->parent->klass->read (self->parent, self->offset + offset, buffer, length, error);
}

static void
range_free (PnSource *source)
{
  pn_source_unref (((RangeSource *) source)->parent);
  g_free (source);
}

static const PnSourceClass range_class = { range_read, range_free };

PnSource *
pn_source_new_range (PnSource *parent, guint64 offset, guint64 length)
{
  g_assert (offset <= parent->size && length <= parent->size - offset);
  if (parent->klass == &range_class) {
    RangeSource *range = (RangeSource *) parent;
    offset += range->offset;
    parent = range->parent;
  }
  RangeSource *self = g_new (RangeSource, 1);
  pn_source_init (&self->base, &range_class, length, parent->data ? parent->data + offset : NULL);
  self->parent = pn_source_ref (parent);
  self->offset = offset;
  return &self->base;
}

gboolean
pn_sink_write (PnSink *sink, const void *data, gsize length, GError **error)
{
  return length == 0 || sink->write (sink->user, data, length, error);
}

gboolean
pn_sink_puts (PnSink *sink, const char *text, GError **error)
{
  return pn_sink_write (sink, text, strlen (text), error);
}

static gboolean
array_write (gpointer user, const void *data, gsize length, GError **error)
{
  GByteArray *array = user;
  if (length > G_MAXUINT - array->len) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "more than 4 GiB in one array");
    return FALSE;
  }
  g_byte_array_append (array, data, length);
  return TRUE;
}

PnSink
pn_sink_to_array (GByteArray *array)
{
  return (PnSink){ array_write, array };
}

static gpointer
checksum_begin (void)
{
  return g_checksum_new (G_CHECKSUM_SHA256);
}

static void
checksum_update (gpointer state, const void *data, gsize length)
{
  g_checksum_update (state, data, length);
}

static void
checksum_end (gpointer state, guint8 digest[32])
{
  gsize length = 32;
  g_checksum_get_digest (state, digest, &length);
  g_checksum_free (state);
}

static const PnDigestClass checksum_class = { checksum_begin, checksum_update, checksum_end };
static const PnDigestClass *digest_class = &checksum_class;

void
pn_digest_use (const PnDigestClass *klass)
{
  digest_class = klass;
}

gpointer
pn_digest_begin (void)
{
  return digest_class->begin ();
}

void
pn_digest_update (gpointer state, const void *data, gsize length)
{
  if (length)
    digest_class->update (state, data, length);
}

void
pn_digest_end (gpointer state, guint8 digest[32])
{
  digest_class->end (state, digest);
}

void
pn_digest_to_hex (const guint8 digest[32], char hex[65])
{
  static const char digits[] = "0123456789abcdef";

  for (guint i = 0; i < 32; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  hex[64] = '\0';
}
