/* Ours: MIME to a sealed native queue file with the skeleton.
 *
 *   convert-loop REPEAT FILE...    prints "MESSAGES BYTES CPU-SECONDS" */
#include "convert/mime.h"
#include "convert/native.h"
#include "core/file.h"
#include "core/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static guint64 sealed_bytes;

static double
cpu_seconds (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

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
convert (PnKey *key, const char *path, GError **error)
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
  if (argc < 3)
    return 2;
  pn_seal_init ();
  g_autoptr (GError) error = NULL;
  char path[] = "/tmp/postern-bench-key-XXXXXX";
  int fd = mkstemp (path);
  if (fd < 0)
    return 1;
  close (fd);
  unlink (path);
  g_autoptr (PnKey) key = pn_key_create (path, &error);
  unlink (path);
  int repeat = atoi (argv[1]);
  guint64 bytes = 0, messages = 0;
  double begin = cpu_seconds ();
  for (int r = 0; r < repeat && !error; r++)
    for (int i = 2; i < argc && !error; i++, messages++)
      bytes += convert (key, argv[i], &error);
  if (error) {
    fprintf (stderr, "convert-loop: %s\n", error->message);
    return 1;
  }
  printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %.6f\n", messages, bytes, cpu_seconds () - begin);
  return sealed_bytes == 0;
}
