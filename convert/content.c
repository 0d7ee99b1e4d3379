#include "convert/content-private.h"

#include <stdatomic.h>
#include <string.h>

#include "convert/base64.h"
#include "convert/transfer.h"

enum {
  WINDOW = 256 * 1024,
  KEEP = 4 * 1024 * 1024,     /* decoded bytes kept in memory after measuring */
  KEEP_ALL = 48 * 1024 * 1024 /* of all contents together: a message may have thousands of parts */
};

struct PnContent {
  gatomicrefcount ref_count;

  PnSource *source; /* of a single range; else NULL */
  guint64 offset, length;
  PnEncoding encoding;
  GPtrArray *chain; /* of a chain: PnContent */

  gboolean measured;
  guint64 size;
  guint8 digest[32];
  GBytes *kept;  /* all decoded bytes, or NULL */
  gsize charged; /* what KEPT counts for in kept_by_all */
  gboolean form_known;
  PnBase64Form form;
  char *unchecked; /* what it is, while a declared digest has not been compared; else NULL */
};

static atomic_size_t kept_by_all;

static gboolean
charge (PnContent *self, gsize size)
{
  if (atomic_fetch_add (&kept_by_all, size) > KEEP_ALL - size) {
    atomic_fetch_sub (&kept_by_all, size);
    return FALSE;
  }
  self->charged = size;
  return TRUE;
}

static void
discharge (PnContent *self)
{
  atomic_fetch_sub (&kept_by_all, self->charged);
  self->charged = 0;
}

static PnContent *
content_new (void)
{
  PnContent *self = g_new0 (PnContent, 1);
  g_atomic_ref_count_init (&self->ref_count);
  return self;
}

PnContent *
pn_content_new_range (PnSource *source, guint64 offset, guint64 length, PnEncoding encoding)
{
  g_assert (offset <= source->size && length <= source->size - offset);
  PnContent *self = content_new ();
  self->source = pn_source_ref (source);
  self->offset = offset;
  self->length = length;
  self->encoding = encoding;
  return self;
}

PnContent *
pn_content_new_bytes (GBytes *bytes)
{
  g_autoptr (PnSource) source = pn_source_new_bytes (bytes);
  PnContent *self = pn_content_new_range (source, 0, source->size, PN_ENCODING_NONE);
  self->kept = g_bytes_ref (bytes);
  return self;
}

PnContent *
pn_content_new_text (const char *text, gssize length)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, length < 0 ? strlen (text) : (gsize) length);
  return pn_content_new_bytes (bytes);
}

PnContent *
pn_content_new_chain (GPtrArray *contents)
{
  PnContent *self = content_new ();
  self->chain = contents;
  g_ptr_array_set_free_func (contents, (GDestroyNotify) pn_content_unref);
  return self;
}

PnContent *
pn_content_ref (PnContent *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
pn_content_unref (PnContent *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->source, pn_source_unref);
  g_clear_pointer (&self->chain, g_ptr_array_unref);
  g_clear_pointer (&self->kept, g_bytes_unref);
  discharge (self);
  g_free (self->unchecked);
  g_free (self);
}

static void
set_measure (PnContent *self, guint64 size, const guint8 digest[32])
{
  self->measured = TRUE;
  self->size = size;
  memcpy (self->digest, digest, 32);
}

void
pn_content_declare (PnContent *self, guint64 size, const guint8 digest[32], const char *what)
{
  set_measure (self, size, digest);
  g_free (self->unchecked);
  self->unchecked = g_strdup (what);
}

PnSource *
pn_content_get_range (PnContent *self, guint64 *offset, guint64 *length, PnEncoding *encoding)
{
  if (!self->source)
    return NULL;
  if (offset)
    *offset = self->offset;
  if (length)
    *length = self->length;
  if (encoding)
    *encoding = self->encoding;
  return self->source;
}

/* One of the decoders, as the encoding says. */
typedef union {
  PnBase64Decoder base64;
  PnQpDecoder qp;
  PnUuDecoder uu;
} Decoder;

static void
decoder_init (PnContent *self, Decoder *decoder)
{
  memset (decoder, 0, sizeof *decoder);
  if (self->encoding == PN_ENCODING_BASE64)
    pn_base64_decoder_init (&decoder->base64);
}

static gsize
decoder_push (PnContent *self, Decoder *decoder, const guint8 *in, gsize length, guint8 *out)
{
  switch (self->encoding) {
  case PN_ENCODING_BASE64:
    return pn_base64_decoder_push (&decoder->base64, in, length, out);
  case PN_ENCODING_QUOTED_PRINTABLE:
    return pn_qp_decoder_push (&decoder->qp, in, length, out);
  case PN_ENCODING_UUENCODE:
    return pn_uu_decoder_push (&decoder->uu, in, length, out);
  case PN_ENCODING_NONE:
    break;
  }
  g_assert_not_reached ();
}

static gsize
decoder_finish (PnContent *self, Decoder *decoder, guint8 *out)
{
  switch (self->encoding) {
  case PN_ENCODING_BASE64: {
    gsize n = pn_base64_decoder_finish (&decoder->base64, out, &self->form);
    self->form_known = TRUE;
    return n;
  }
  case PN_ENCODING_QUOTED_PRINTABLE:
    return pn_qp_decoder_finish (&decoder->qp, out);
  case PN_ENCODING_UUENCODE:
    return pn_uu_decoder_finish (&decoder->uu, out);
  case PN_ENCODING_NONE:
    break;
  }
  g_assert_not_reached ();
}

/* Room that decoding LENGTH encoded bytes may need. */
static gsize
decoded_bound (PnEncoding encoding, gsize length)
{
  return (encoding == PN_ENCODING_BASE64 ? length / 4 * 3 : length) + 1024 + PN_BASE64_SLACK;
}

static const guint8 *
window_read (PnContent *self, guint64 at, gsize n, guint8 *buffer, GError **error)
{
  if (self->source->data)
    return self->source->data + self->offset + at;
  return pn_source_read (self->source, self->offset + at, buffer, n, error) ? buffer : NULL;
}

/* Decodes the range in windows.  OUT is filled from its beginning for each window and written to SINK; with
 * KEEP_ALL, OUT is as large as all of it, is filled on and on, and *TOTAL says how far. */
static gboolean
decode_range (PnContent *self, guint8 *out, gboolean keep_all, gsize window, PnSink *sink, gsize *total,
              GError **error)
{
  Decoder decoder;
  decoder_init (self, &decoder);
  g_autofree guint8 *buffer = self->source->data ? NULL : g_malloc (MIN (window, self->length));
  gsize filled = 0;
  for (guint64 at = 0; at < self->length;) {
    gsize n = MIN (window, self->length - at);
    const guint8 *in = window_read (self, at, n, buffer, error);
    if (!in)
      return FALSE;
    gsize decoded = decoder_push (self, &decoder, in, n, out + filled);
    if (!pn_sink_write (sink, out + filled, decoded, error))
      return FALSE;
    if (keep_all)
      filled += decoded;
    at += n;
  }
  gsize rest = decoder_finish (self, &decoder, out + filled);
  if (!pn_sink_write (sink, out + filled, rest, error))
    return FALSE;
  *total = filled + rest;
  return TRUE;
}

/* What lies in the source as it is. */
static gboolean
copy_plain_range (PnContent *self, PnSink *sink, GError **error)
{
  if (self->source->data)
    return pn_sink_write (sink, self->source->data + self->offset, self->length, error);
  gsize window = MIN (WINDOW, self->length);
  g_autofree guint8 *buffer = g_malloc (window);
  for (guint64 at = 0; at < self->length; at += window) {
    gsize n = MIN (window, self->length - at);
    if (!pn_source_read (self->source, self->offset + at, buffer, n, error)
        || !pn_sink_write (sink, buffer, n, error))
      return FALSE;
  }
  return TRUE;
}

/* Writes the decoded bytes to SINK, whatever the content is made of; checks nothing. */
static gboolean
write_decoded (PnContent *self, PnSink *sink, GError **error)
{
  if (self->kept) {
    gsize size;
    const void *data = g_bytes_get_data (self->kept, &size);
    return pn_sink_write (sink, data, size, error);
  }
  if (self->chain) {
    for (guint i = 0; i < self->chain->len; i++)
      if (!pn_content_copy (self->chain->pdata[i], sink, error))
        return FALSE;
    return TRUE;
  }
  if (self->encoding == PN_ENCODING_NONE)
    return copy_plain_range (self, sink, error);
  gsize window = MIN (WINDOW, self->length), total;
  g_autofree guint8 *out = g_malloc (decoded_bound (self->encoding, window));
  return decode_range (self, out, FALSE, window, sink, &total, error);
}

/* A sink that digests and counts what passes through it. */
typedef struct {
  gpointer digest;
  guint64 size;
  GByteArray *keep; /* collects up to KEEP bytes; NULL: does not */
  gboolean overflow;
  PnSink *next; /* or NULL */
} Meter;

static gboolean
meter_write (gpointer user, const void *data, gsize length, GError **error)
{
  Meter *self = user;
  pn_digest_update (self->digest, data, length);
  self->size += length;
  if (self->keep && !self->overflow) {
    if (self->size > KEEP) {
      self->overflow = TRUE;
      g_byte_array_set_size (self->keep, 0);
    } else
      g_byte_array_append (self->keep, data, length);
  }
  return !self->next || pn_sink_write (self->next, data, length, error);
}

/* Measures a small encoded range: decoded at once into the memory where it is to stay. */
static gboolean
measure_into_memory (PnContent *self, Meter *meter, PnSink *sink, GError **error)
{
  /* windows that stay in the second level cache between decoding and digest */
  enum { CACHED_WINDOW = 64 * 1024 };
  gsize room = decoded_bound (self->encoding, self->length), total;
  guint8 *out = g_malloc (room);
  gboolean done = decode_range (self, out, TRUE, CACHED_WINDOW, sink, &total, error);
  if (!done || meter->size > KEEP) {
    g_free (out);
    discharge (self);
    return done;
  }
  /* shrinking is not free: the allocator would map fresh pages for every large part */
  if (total < room / 2 && room > 4096)
    out = g_realloc (out, MAX (total, 1));
  self->kept = g_bytes_new_take (out, total);
  return TRUE;
}

static gboolean
measure (PnContent *self, Meter *meter, GError **error)
{
  PnSink sink = { meter_write, meter };
  if (self->source && !self->kept && self->encoding != PN_ENCODING_NONE && self->length <= KEEP / 3 * 4
      && charge (self, decoded_bound (self->encoding, self->length)))
    return measure_into_memory (self, meter, &sink, error);
  if (self->kept || (self->source && self->source->data && self->encoding == PN_ENCODING_NONE))
    return write_decoded (self, &sink, error); /* lies in memory already */
  if (!charge (self, KEEP))
    return write_decoded (self, &sink, error);
  g_autoptr (GByteArray) keep = g_byte_array_new ();
  meter->keep = keep;
  gboolean done = write_decoded (self, &sink, error);
  discharge (self);
  if (done && !meter->overflow && charge (self, keep->len))
    self->kept = g_byte_array_free_to_bytes (g_steal_pointer (&keep));
  return done;
}

gboolean
pn_content_measure (PnContent *self, guint64 *size, guint8 digest[32], GError **error)
{
  if (!self->measured) {
    Meter meter = { .digest = pn_digest_begin () };
    guint8 found[32];
    gboolean done = measure (self, &meter, error);
    pn_digest_end (meter.digest, found);
    if (!done)
      return FALSE;
    set_measure (self, meter.size, found);
  }
  if (size)
    *size = self->size;
  if (digest)
    memcpy (digest, self->digest, 32);
  return TRUE;
}

/* The content has been read whole: compares what came with what was declared. */
static gboolean
check_declared (PnContent *self, guint64 size, const guint8 found[32], GError **error)
{
  if (size != self->size) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_DIGEST,
                 "%s: %" G_GUINT64_FORMAT " bytes, but %" G_GUINT64_FORMAT " were declared", self->unchecked,
                 size, self->size);
    return FALSE;
  }
  if (memcmp (found, self->digest, 32) != 0) {
    char is[65], should[65];
    pn_digest_to_hex (found, is);
    pn_digest_to_hex (self->digest, should);
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_DIGEST, "%s: SHA-256 is %s, but %s was declared",
                 self->unchecked, is, should);
    return FALSE;
  }
  g_clear_pointer (&self->unchecked, g_free);
  return TRUE;
}

gboolean
pn_content_copy (PnContent *self, PnSink *sink, GError **error)
{
  if (!self->unchecked)
    return write_decoded (self, sink, error);
  Meter meter = { .digest = pn_digest_begin (), .next = sink };
  PnSink metered = { meter_write, &meter };
  guint8 found[32];
  gboolean done = write_decoded (self, &metered, error);
  pn_digest_end (meter.digest, found);
  return done && check_declared (self, meter.size, found, error);
}

typedef struct {
  GByteArray *array;
  gsize max;
} Collector;

static gboolean
set_too_large (GError **error, gsize max)
{
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT,
               "more than %" G_GSIZE_FORMAT " bytes, too many to be read into memory", max);
  return FALSE;
}

static gboolean
collect_write (gpointer user, const void *data, gsize length, GError **error)
{
  Collector *self = user;
  if (length > self->max - self->array->len)
    return set_too_large (error, self->max);
  g_byte_array_append (self->array, data, length);
  return TRUE;
}

GBytes *
pn_content_read (PnContent *self, gsize max, GError **error)
{
  max = MIN (max, (gsize) G_MAXINT); /* more does not fit into one array */
  if (self->measured && self->size > max) {
    set_too_large (error, max);
    return NULL;
  }
  if (self->kept && !self->unchecked) {
    if (g_bytes_get_size (self->kept) <= max)
      return g_bytes_ref (self->kept);
    set_too_large (error, max);
    return NULL;
  }
  g_autoptr (GByteArray) array = g_byte_array_sized_new (self->measured ? MIN (self->size, KEEP) : 0);
  Collector collector = { array, max };
  PnSink sink = { collect_write, &collector };
  if (!pn_content_copy (self, &sink, error))
    return NULL;
  return g_byte_array_free_to_bytes (g_steal_pointer (&array));
}

gboolean
pn_content_get_base64_form (PnContent *self, PnBase64Form *form, GError **error)
{
  *form = (PnBase64Form){ .canonical = FALSE };
  if (!self->source || self->encoding != PN_ENCODING_BASE64)
    return TRUE;
  if (!self->form_known) {
    /* measured before by declaration: the encoded bytes were never looked at */
    Meter meter = { .digest = pn_digest_begin () };
    PnSink sink = { meter_write, &meter };
    guint8 found[32];
    gboolean done = write_decoded (self, &sink, error);
    pn_digest_end (meter.digest, found);
    if (!done)
      return FALSE;
    if (!self->measured)
      set_measure (self, meter.size, found);
  }
  *form = self->form;
  return TRUE;
}

typedef struct {
  PnBase64Encoder encoder;
  PnSink *next;
  guint8 *out;
  gsize room;
} EncodeSink;

static gboolean
encode_write (gpointer user, const void *data, gsize length, GError **error)
{
  EncodeSink *self = user;
  const guint8 *in = data;
  while (length > 0) {
    gsize n = MIN (length, (gsize) WINDOW);
    gsize bound = pn_base64_encoder_bound (&self->encoder, n);
    if (bound > self->room) {
      self->out = g_realloc (self->out, bound);
      self->room = bound;
    }
    gsize encoded = pn_base64_encoder_push (&self->encoder, in, n, self->out);
    if (!pn_sink_write (self->next, self->out, encoded, error))
      return FALSE;
    in += n;
    length -= n;
  }
  return TRUE;
}

gboolean
pn_content_copy_base64 (PnContent *self, const PnBase64Form *form, PnSink *sink, GError **error)
{
  EncodeSink encode = { .next = sink };
  pn_base64_encoder_init (&encode.encoder, form);
  PnSink through = { encode_write, &encode };
  gboolean done = pn_content_copy (self, &through, error);
  if (done) {
    guint8 last[64];
    done = pn_sink_write (sink, last, pn_base64_encoder_finish (&encode.encoder, last), error);
  }
  g_free (encode.out);
  return done;
}
