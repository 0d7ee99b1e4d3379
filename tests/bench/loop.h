/* What the loops of the benchmarks share: each does one thing to every file, again and again.
 *
 *   NAME-loop REPEAT FILE...    prints "MESSAGES BYTES CPU-SECONDS" */
#pragma once

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Does it to the file at PATH; how many bytes that has.  An ERROR ends the run. */
typedef guint64 (*LoopFunc) (const char *path, GError **error);

static inline double
cpu_seconds (void)
{
  struct rusage usage;
  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The exit code. */
static inline int
loop (int argc, char **argv, LoopFunc convert)
{
  if (argc < 3)
    return 2;
  g_autoptr (GError) error = NULL;
  int repeat = atoi (argv[1]);
  guint64 bytes = 0, messages = 0;
  double begin = cpu_seconds ();
  for (int r = 0; r < repeat; r++)
    for (int i = 2; i < argc; i++, messages++) {
      bytes += convert (argv[i], &error);
      if (error) {
        fprintf (stderr, "%s: %s: %s\n", argv[0], argv[i], error->message);
        return 1;
      }
    }
  printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %.6f\n", messages, bytes, cpu_seconds () - begin);
  return 0;
}
