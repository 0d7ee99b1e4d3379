#include "core/trace.h"

#include "core/file.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_MAX (64 * 1024)

static struct {
  GMutex lock;
  char *dir;
  char *program;
  GString *buffer;
  gint64 oldest; /* monotonic time of the first line in the buffer */
  int fd;
  gint64 day; /* days since 1970 FD was opened for */
} tracer = { .fd = -1, .day = -1 };

static void flush_locked (void);

gboolean
pn_trace_open (const PnConfig *config, const char *program, GError **error)
{
  g_autofree char *dir = pn_config_domain_path (config, "TRACE");
  if (!pn_file_make_dirs (dir, error))
    return FALSE;
  g_mutex_lock (&tracer.lock);
  flush_locked ();
  if (tracer.fd >= 0)
    close (tracer.fd);
  tracer.fd = -1;
  tracer.day = -1;
  g_free (tracer.dir);
  g_free (tracer.program);
  tracer.dir = g_steal_pointer (&dir);
  tracer.program = g_strdup (program);
  if (!tracer.buffer)
    tracer.buffer = g_string_sized_new (BUFFER_MAX);
  g_mutex_unlock (&tracer.lock);
  return TRUE;
}

static gboolean
open_day (void)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  if (tracer.fd >= 0 && tracer.day == now / 86400)
    return TRUE;
  if (tracer.fd >= 0)
    close (tracer.fd);
  struct tm tm;
  time_t seconds = now;
  gmtime_r (&seconds, &tm);
  g_autofree char *path
      = g_strdup_printf ("%s/%02d%02d.%s", tracer.dir, tm.tm_mon + 1, tm.tm_mday, tracer.program);
  tracer.fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  tracer.day = now / 86400;
  return tracer.fd >= 0;
}

static void
flush_locked (void)
{
  if (!tracer.buffer || tracer.buffer->len == 0)
    return;
  if (!open_day ()
      || write (tracer.fd, tracer.buffer->str, tracer.buffer->len) != (ssize_t) tracer.buffer->len)
    pn_log_warning ("trace_failed", "dir=%s reason=%s", tracer.dir, g_strerror (errno));
  g_string_truncate (tracer.buffer, 0);
}

static void
append_field (GString *out, const char *field)
{
  g_string_append_c (out, '\t');
  for (const char *p = field ? field : ""; *p; p++)
    g_string_append_c (out, (guchar) *p < ' ' ? ' ' : *p);
}

void
pn_trace (const char *id, const char *event, const char *where, const char *next, const char *detail)
{
  pn_trace_at (g_get_real_time (), id, event, where, next, detail);
}

void
pn_trace_at (gint64 time, const char *id, const char *event, const char *where, const char *next,
             const char *detail)
{
  g_mutex_lock (&tracer.lock);
  if (tracer.buffer) {
    GString *out = tracer.buffer;
    gint64 now = g_get_monotonic_time ();
    if (out->len == 0)
      tracer.oldest = now;
    g_string_append_printf (out, "%" G_GINT64_FORMAT, time);
    append_field (out, id);
    append_field (out, tracer.program);
    append_field (out, event);
    append_field (out, where);
    append_field (out, next);
    append_field (out, detail);
    g_string_append_c (out, '\n');
    if (out->len > BUFFER_MAX - 4096 || now - tracer.oldest > G_USEC_PER_SEC)
      flush_locked ();
  }
  g_mutex_unlock (&tracer.lock);
}

void
pn_trace_flush (void)
{
  g_mutex_lock (&tracer.lock);
  flush_locked ();
  g_mutex_unlock (&tracer.lock);
}

static void
trace_line_free (PnTraceLine *self)
{
  g_free (self->id);
  g_free (self->program);
  g_free (self->event);
  g_free (self->where);
  g_free (self->next);
  g_free (self->detail);
  g_free (self);
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  const PnTraceLine *x = *(PnTraceLine *const *) a, *y = *(PnTraceLine *const *) b;
  return (x->time > y->time) - (x->time < y->time);
}

static void
search_file (const char *path, const char *needle, GPtrArray *found)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
  const char *text = file ? g_mapped_file_get_contents (file) : NULL;
  gsize left = text ? g_mapped_file_get_length (file) : 0;
  gsize length = strlen (needle);
  for (const char *hit; left > 0 && (hit = memmem (text, left, needle, length)) != NULL;) {
    const char *begin = memrchr (text, '\n', (gsize) (hit - text));
    begin = begin ? begin + 1 : text;
    const char *end = memchr (hit, '\n', left - (gsize) (hit - text));
    if (!end)
      return;
    g_autofree char *copy = g_strndup (begin, (gsize) (end - begin));
    g_auto (GStrv) fields = g_strsplit (copy, "\t", 7);
    if (g_strv_length (fields) == 7) {
      PnTraceLine *line = g_new0 (PnTraceLine, 1);
      line->time = g_ascii_strtoll (fields[0], NULL, 10);
      line->id = g_strdup (fields[1]);
      line->program = g_strdup (fields[2]);
      line->event = g_strdup (fields[3]);
      line->where = *fields[4] ? g_strdup (fields[4]) : NULL;
      line->next = *fields[5] ? g_strdup (fields[5]) : NULL;
      line->detail = *fields[6] ? g_strdup (fields[6]) : NULL;
      g_ptr_array_add (found, line);
    }
    left -= (gsize) (end + 1 - text);
    text = end + 1;
  }
}

GPtrArray *
pn_trace_find (const PnConfig *config, const char *id, GError **error)
{
  g_autofree char *path = pn_config_domain_path (config, "TRACE");
  g_autoptr (GDir) dir = g_dir_open (path, 0, error);
  if (!dir)
    return NULL;
  g_autofree char *needle = g_strdup_printf ("\t%s\t", id);
  GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify) trace_line_free);
  for (const char *name; (name = g_dir_read_name (dir));) {
    g_autofree char *file = g_build_filename (path, name, NULL);
    search_file (file, needle, found);
  }
  g_ptr_array_sort (found, compare_lines);
  return found;
}
