#include "cmd/convert-progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH 24

void
pn_convert_progress_init (PnConvertProgress *self, GPtrArray *files, guint64 before)
{
  *self = (PnConvertProgress){ .shown = isatty (STDERR_FILENO),
                               .start = g_get_monotonic_time (),
                               .before = before };
  self->files = files->len;
  self->next = self->start + G_USEC_PER_SEC / 2;
  for (guint i = 0; i < files->len; i++)
    self->total += ((PnConvertFile *) g_ptr_array_index (files, i))->size;
}

gint64
pn_convert_progress_due (const PnConvertProgress *self)
{
  return self->shown ? self->next : 0;
}

static double
seconds_of (const PnConvertProgress *self)
{
  return MAX ((double) (g_get_monotonic_time () - self->start) / G_USEC_PER_SEC, 0.000001);
}

static char *
duration (double seconds)
{
  guint left = (guint) MIN (seconds + 0.5, 359999);
  return left < 3600 ? g_strdup_printf ("%u:%02u", left / 60, left % 60)
                     : g_strdup_printf ("%u:%02u:%02u", left / 3600, left / 60 % 60, left % 60);
}

void
pn_convert_progress_draw (PnConvertProgress *self, const PnConvertPosition *done)
{
  double seconds = seconds_of (self);
  guint64 worked = done->bytes - MIN (self->before, done->bytes);
  double part = self->total > 0 ? (double) done->bytes / (double) self->total : 0;
  part = CLAMP (part, 0, 1);
  char bar[WIDTH + 1];
  memset (bar, '.', WIDTH);
  memset (bar, '#', (gsize) (part * WIDTH));
  bar[WIDTH] = '\0';
  double speed = (double) worked / seconds;
  g_autofree char *rate = pn_cmd_size ((guint64) speed), *size = pn_cmd_size (done->bytes);
  guint64 rest = self->total - MIN (done->bytes, self->total);
  g_autofree char *left = worked > 0 ? duration ((double) rest / speed) : g_strdup ("-:--");
  g_autofree char *line = g_strdup_printf ("[%s] %3.0f%% %u messages, %s, %s/s, %s left", bar, part * 100,
                                           done->messages, size, rate, left);
  struct winsize window = { 0 };
  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 && strlen (line) >= window.ws_col)
    line[window.ws_col - 1] = '\0'; /* a line that wraps could not be drawn over */
  fprintf (stderr, "\r%s\033[K", line);
  fflush (stderr);
  self->next = g_get_monotonic_time () + G_USEC_PER_SEC / 5;
}

void
pn_convert_progress_clear (const PnConvertProgress *self)
{
  if (self->shown)
    fputs ("\r\033[K", stderr);
}

void
pn_convert_progress_summary (const PnConvertProgress *self, const PnConvertOptions *options,
                             const PnConvertPosition *done)
{
  double seconds = seconds_of (self);
  guint64 worked = done->bytes - MIN (self->before, done->bytes);
  g_autofree char *size = pn_cmd_size (done->bytes);
  g_autofree char *rate = pn_cmd_size ((guint64) ((double) worked / seconds));
  pn_convert_progress_clear (self);
  fprintf (stderr, "postern convert: %u file%s, %u message%s, %s in %.2f s (%.0f/s, %s/s)", self->files,
           self->files == 1 ? "" : "s", done->messages, done->messages == 1 ? "" : "s", size, seconds,
           done->messages / seconds, rate);
  for (guint i = 0; i < PN_RESULT_LAST; i++)
    if (done->results[i] > 0 || (options->verify && i != PN_RESULT_CONVERTED))
      fprintf (stderr, ", %u %s", done->results[i], pn_result_to_string ((PnResult) i));
  if (done->losses > 0)
    fprintf (stderr, "; %u loss%s in %u message%s", done->losses, done->losses == 1 ? "" : "es",
             done->with_losses, done->with_losses == 1 ? "" : "s");
  fputc ('\n', stderr);
}
