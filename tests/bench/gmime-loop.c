/* The peer: parse each file with GMime and decode every leaf part.
 *
 *   gmime-loop REPEAT FILE...    prints "MESSAGES BYTES CPU-SECONDS" */
#include <fcntl.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>

static GMimeStream *drain;

static double
cpu_seconds (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
decode (GMimeObject *parent, GMimeObject *part, gpointer user_data)
{
  (void) parent;
  (void) user_data;
  if (!GMIME_IS_PART (part))
    return;
  GMimeDataWrapper *content = g_mime_part_get_content (GMIME_PART (part));
  if (content)
    g_mime_data_wrapper_write_to_stream (content, drain);
}

static gint64
convert (const char *path)
{
  GMimeStream *stream = g_mime_stream_file_open (path, "r", NULL);
  if (!stream) {
    fprintf (stderr, "gmime-loop: cannot open %s\n", path);
    exit (1);
  }
  gint64 size = g_mime_stream_length (stream);
  GMimeParser *parser = g_mime_parser_new_with_stream (stream);
  GMimeMessage *message = g_mime_parser_construct_message (parser, NULL);
  if (message) {
    g_mime_message_foreach (message, decode, NULL);
    g_object_unref (message);
  }
  g_object_unref (parser);
  g_object_unref (stream);
  return size;
}

int
main (int argc, char **argv)
{
  if (argc < 3)
    return 2;
  g_mime_init ();
  drain = g_mime_stream_null_new ();
  int repeat = atoi (argv[1]);
  gint64 bytes = 0, messages = 0;
  double begin = cpu_seconds ();
  for (int r = 0; r < repeat; r++)
    for (int i = 2; i < argc; i++, messages++)
      bytes += convert (argv[i]);
  printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %.6f\n", messages, bytes, cpu_seconds () - begin);
  return 0;
}
