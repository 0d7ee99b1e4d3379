/* The peer for calendars: parse each file with libical and serialise it.
 *
 *   ical-loop REPEAT FILE...    prints "MESSAGES BYTES CPU-SECONDS" */
#include <glib.h>
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double
cpu_seconds (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static gsize
convert (const char *path)
{
  char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &text, &length, NULL)) {
    fprintf (stderr, "ical-loop: cannot read %s\n", path);
    exit (1);
  }
  icalcomponent *calendar = icalparser_parse_string (text);
  if (calendar) {
    char *out = icalcomponent_as_ical_string_r (calendar);
    free (out);
    icalcomponent_free (calendar);
  }
  g_free (text);
  return length;
}

int
main (int argc, char **argv)
{
  if (argc < 3)
    return 2;
  int repeat = atoi (argv[1]);
  gsize bytes = 0, messages = 0;
  double begin = cpu_seconds ();
  for (int r = 0; r < repeat; r++)
    for (int i = 2; i < argc; i++, messages++)
      bytes += convert (argv[i]);
  printf ("%" G_GSIZE_FORMAT " %" G_GSIZE_FORMAT " %.6f\n", messages, bytes, cpu_seconds () - begin);
  return 0;
}
