#include "core/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef enum { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG } Level;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

static struct {
  GMutex lock;
  char *program;
  char *dir;
  Level level;
  int fd;  /* of the day log, -1 if none */
  int day; /* tm_yday it was opened for */
  char *path;
} logger = { .level = LEVEL_INFO, .fd = -1, .day = -1 };

void
pn_log_init (const char *program, const char *dir, const char *level)
{
  g_mutex_lock (&logger.lock);
  g_free (logger.program);
  g_free (logger.dir);
  logger.program = g_strdup (program);
  logger.dir = g_strdup (dir);
  for (guint i = 0; i < G_N_ELEMENTS (level_names); i++)
    if (level && g_ascii_strcasecmp (level, level_names[i]) == 0)
      logger.level = (Level) i;
  g_mutex_unlock (&logger.lock);
}

const char *
pn_log_program (void)
{
  return logger.program ? logger.program : "postern";
}

gboolean
pn_log_wants_info (void)
{
  return logger.level >= LEVEL_INFO;
}

/* One log per day and program, so that none waits for another. */
static void
open_day_log (const struct tm *now)
{
  if (logger.fd >= 0)
    close (logger.fd);
  g_free (logger.path);
  logger.path
      = g_strdup_printf ("%s/%02d%02dlog.%s", logger.dir, now->tm_mon + 1, now->tm_mday, pn_log_program ());
  logger.fd = open (logger.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  logger.day = now->tm_yday;
}

static void
write_line (Level level, const char *event, const char *format, va_list args)
{
  if (level > logger.level)
    return;
  gint64 us = g_get_real_time ();
  time_t seconds = us / G_USEC_PER_SEC;
  struct tm tm;
  gmtime_r (&seconds, &tm);

  char stamp[32];
  strftime (stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
  g_autoptr (GString) line = g_string_sized_new (256);
  g_string_printf (line, "%s.%03dZ %s %s event=%s", stamp, (int) (us / 1000 % 1000), pn_log_program (),
                   level_names[level], event);
  if (format && *format) {
    g_string_append_c (line, ' ');
    g_string_append_vprintf (line, format, args);
  }
  /* A field that was not quoted must not begin a line of its own. */
  for (char *p = line->str; *p; p++)
    if ((guchar) *p < ' ')
      *p = ' ';
  g_string_append_c (line, '\n');

  g_mutex_lock (&logger.lock);
  if (logger.dir && logger.day != tm.tm_yday)
    open_day_log (&tm);
  int fd = logger.fd >= 0 ? logger.fd : STDERR_FILENO;
  ssize_t written = write (fd, line->str, line->len);
  if (fd != STDERR_FILENO && (level <= LEVEL_WARNING || written < 0))
    written = write (STDERR_FILENO, line->str, line->len);
  g_mutex_unlock (&logger.lock);
  (void) written;
}

#define DEFINE_LOG(name, level)                                                                              \
  void name (const char *event, const char *format, ...)                                                     \
  {                                                                                                          \
    va_list args;                                                                                            \
    va_start (args, format);                                                                                 \
    write_line (level, event, format, args);                                                                 \
    va_end (args);                                                                                           \
  }

DEFINE_LOG (pn_log_error, LEVEL_ERROR)
DEFINE_LOG (pn_log_warning, LEVEL_WARNING)
DEFINE_LOG (pn_log_info, LEVEL_INFO)
DEFINE_LOG (pn_log_debug, LEVEL_DEBUG)

char *
pn_log_quote (const char *text)
{
  if (!text)
    return g_strdup ("-");
  GString *out = g_string_new ("\"");
  for (const guchar *p = (const guchar *) text; *p; p++) {
    if (*p == '"' || *p == '\\')
      g_string_append_printf (out, "\\%c", *p);
    else if (*p < ' ' || *p == 0x7f)
      g_string_append_printf (out, "\\x%02x", *p);
    else
      g_string_append_c (out, (char) *p);
  }
  g_string_append_c (out, '"');
  return g_string_free (out, FALSE);
}
