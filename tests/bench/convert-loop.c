/* Ours: MIME to a sealed native queue file with the skeleton. */
#include "loop.h"

#include "convert/mime.h"
#include "convert/native.h"
#include "core/file.h"
#include "core/seal.h"

#include <unistd.h>

static guint64 sealed_bytes;
static PnKey *key;

static gboolean
count_bytes (gpointer user, const void *data, gsize length, GError **error)
{
  (void) user;
  (void) data;
  (void) error;
  sealed_bytes += length;
  return TRUE;
}

static guint64
convert (const char *path, GError **error)
{
  static const PnMimeOptions options = { .skeleton = TRUE };
  g_autoptr (PnSource) source = pn_file_source_open (path, error);
  g_autoptr (PnMessage) message = source ? pn_mime_read (source, &options, error) : NULL;
  if (!message)
    return 0;
  g_autoptr (PnSealWriter) writer = pn_seal_writer_new (key, (PnSink){ count_bytes, NULL });
  PnSink sink = pn_seal_writer_sink (writer);
  if (!pn_native_write (message, &sink, error) || !pn_seal_writer_close (writer, error))
    return 0;
  return source->size;
}

int
main (int argc, char **argv)
{
  pn_seal_init ();
  g_autoptr (GError) error = NULL;
  char path[] = "/tmp/postern-bench-key-XXXXXX";
  int fd = mkstemp (path);
  if (fd < 0)
    return 1;
  close (fd);
  unlink (path);
  key = pn_key_create (path, &error);
  unlink (path);
  if (!key) {
    fprintf (stderr, "%s: %s\n", argv[0], error->message);
    return 1;
  }
  int code = loop (argc, argv, convert);
  pn_key_unref (key);
  return code == 0 && sealed_bytes == 0 ? 1 : code;
}
