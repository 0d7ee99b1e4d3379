/* The peer: parse each file with GMime and decode every leaf part. */
#include "loop.h"

#include <gmime/gmime.h>

static GMimeStream *drain;

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

static guint64
convert (const char *path, GError **error)
{
  GMimeStream *stream = g_mime_stream_file_open (path, "r", error);
  if (!stream)
    return 0;
  gint64 size = g_mime_stream_length (stream);
  GMimeParser *parser = g_mime_parser_new_with_stream (stream);
  GMimeMessage *message = g_mime_parser_construct_message (parser, NULL);
  if (message) {
    g_mime_message_foreach (message, decode, NULL);
    g_object_unref (message);
  }
  g_object_unref (parser);
  g_object_unref (stream);
  return (guint64) size;
}

int
main (int argc, char **argv)
{
  g_mime_init ();
  drain = g_mime_stream_null_new ();
  return loop (argc, argv, convert);
}
