#include "queue/queue-private.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

static gboolean
write_reason (const char *path, const char *from, const char *reason, GError **error)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *when = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
  g_autofree char *text = g_strdup_printf ("Time: %s\nFrom: %s\nReason: %s\n", when, from, reason);
  if (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
    return TRUE;
  pn_queue_convert_error (error);
  return FALSE;
}

/* The file flushed before it leaves its queue: no checkpoint of the journal looks into PROBLEM. */
static gboolean
flush_and_mark (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    pn_queue_set_error (error, errno, path, "cannot open");
    return FALSE;
  }
  gboolean ok = pn_file_fsync (fd, path, error);
  if (ok)
    fchmod (fd, 0400);
  close (fd);
  return ok;
}

/* Links PATH to DIRECTORY/STEM.PROGRAM, or to another stem when that is taken; returns the name used. */
static char *
link_to (const char *path, const char *directory, const char *stem, const char *program, GError **error)
{
  char made[13];
  g_strlcpy (made, stem, 9);
  for (int i = 0; i < 1000; i++) {
    g_autofree char *to = g_strdup_printf ("%s/%s.%s", directory, made, program);
    g_autofree char *text = g_strdup_printf ("%s/%s.TXT", directory, made);
    if (access (text, F_OK) < 0 && link (path, to) == 0)
      return g_steal_pointer (&to);
    if (access (text, F_OK) < 0 && errno != EEXIST) {
      pn_queue_set_error (error, errno, to, "cannot link the file to this name");
      return NULL;
    }
    /* The first two characters name the priority directory to come back to. */
    const char first[3] = { made[0] ? made[0] : '0', made[0] && made[1] ? made[1] : '4', '\0' };
    pn_queue_make_name (made, first, NULL);
    made[8] = '\0';
  }
  g_set_error (error, PN_QUEUE_ERROR, PN_QUEUE_ERROR_NAME, "%s: no free name found", directory);
  return NULL;
}

char *
pn_problem_move (const char *path, const char *directory, const char *stem, const char *program,
                 const char *reason, GError **error)
{
  if (!pn_file_make_dirs (directory, error) || !flush_and_mark (path, error)) {
    pn_queue_convert_error (error);
    return NULL;
  }
  g_autofree char *to = link_to (path, directory, stem, program, error);
  if (!to)
    return NULL;
  g_autofree char *text = g_strdup (to);
  strcpy (strrchr (text, '.') + 1, "");
  g_autofree char *text_path = g_strconcat (text, "TXT", NULL);
  if (!write_reason (text_path, path, reason, error) || !pn_file_fsync_dir (directory, error)) {
    pn_queue_convert_error (error);
    unlink (to);
    unlink (text_path);
    return NULL;
  }
  if (unlink (path) < 0 && errno != ENOENT)
    pn_log_error ("problem_left", "path=%s reason=\"%s\"", path, g_strerror (errno));
  g_autofree char *quoted = pn_log_quote (reason);
  pn_log_error ("problem", "from=%s to=%s reason=%s", path, to, quoted);
  return g_steal_pointer (&to);
}
