/* Bytes in and bytes out of the conversion library.
 *
 * The library opens no file itself: whoever calls it hands in sources (random-access reading) and
 * sinks (sequential writing).  Large contents stay where they are and are read by range. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct PnSource PnSource;

/* What an implementation of PnSource provides. */
typedef struct {
  /* Reads LENGTH bytes at OFFSET into BUFFER.  Returns the number read, which is less than LENGTH only
   * at the end of the source, or -1 with ERROR set. */
  gssize (*read) (PnSource *self, guint64 offset, void *buffer, gsize length, GError **error);
  /* Releases what the implementation holds, and the struct itself. */
  void (*free) (PnSource *self);
} PnSourceClass;

/* Implementations embed this as their first member and fill it with pn_source_init().  A source is used
 * by one thread at a time. */
struct PnSource {
  const PnSourceClass *klass;
  gatomicrefcount ref_count;
  guint64 size;       /* bytes */
  const guint8 *data; /* all of it, when it lies in memory; else NULL */
};

void pn_source_init (PnSource *self, const PnSourceClass *klass, guint64 size, const guint8 *data);
PnSource *pn_source_ref (PnSource *self);
void pn_source_unref (PnSource *self);

/* Reads exactly LENGTH bytes at OFFSET; too few is PN_CONVERT_ERROR_TRUNCATED. */
gboolean pn_source_read (PnSource *self, guint64 offset, void *buffer, gsize length, GError **error);

/* A source over BYTES, which it keeps a reference to. */
PnSource *pn_source_new_bytes (GBytes *bytes);
/* A source over DATA, which is copied (length LENGTH). */
PnSource *pn_source_new_copy (const void *data, gsize length);
/* LENGTH bytes of PARENT from OFFSET on; keeps a reference to PARENT.  The range must lie within it. */
PnSource *pn_source_new_range (PnSource *parent, guint64 offset, guint64 length);

/* Where bytes are written to, in order.  write() takes all LENGTH bytes or fails with ERROR set. */
typedef struct {
  gboolean (*write) (gpointer user, const void *data, gsize length, GError **error);
  gpointer user;
} PnSink;

/* Give bytes to the sink, a C string in the second. */
gboolean pn_sink_write (PnSink *sink, const void *data, gsize length, GError **error);
gboolean pn_sink_puts (PnSink *sink, const char *text, GError **error);
/* A sink that appends to ARRAY, which must outlive it. */
PnSink pn_sink_to_array (GByteArray *array);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSource, pn_source_unref)

/* SHA-256 is pluggable, because GLib's is slow and the library links no cryptography of its own:
 * a program may install a faster one once, before its first conversion.  Default: GChecksum. */
typedef struct {
  gpointer (*begin) (void);
  void (*update) (gpointer state, const void *data, gsize length);
  void (*end) (gpointer state, guint8 digest[32]); /* also frees STATE */
} PnDigestClass;

/* Sets who makes SHA-256 from now on; one digest from its begin to its end. */
void pn_digest_use (const PnDigestClass *klass);
gpointer pn_digest_begin (void);
void pn_digest_update (gpointer state, const void *data, gsize length);
void pn_digest_end (gpointer state, guint8 digest[32]);
/* DIGEST in lower case hex. */
void pn_digest_to_hex (const guint8 digest[32], char hex[65]);

/* The errors of the whole conversion library. */
#define PN_CONVERT_ERROR (pn_convert_error_quark ())
GQuark pn_convert_error_quark (void);
typedef enum {
  PN_CONVERT_ERROR_SYNTAX,    /* not of the grammar; the message names line and column or the part */
  PN_CONVERT_ERROR_TRUNCATED, /* ends before it is complete */
  PN_CONVERT_ERROR_DIGEST,    /* a part's bytes do not match its declared size or SHA-256 */
  PN_CONVERT_ERROR_LIMIT,     /* more than a bound allows (depth, parts, header fields) */
  PN_CONVERT_ERROR_UNSUPPORTED,
  PN_CONVERT_ERROR_IO /* a source or a sink failed */
} PnConvertError;

G_END_DECLS
