#include "smtp/sendfile.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRY_MAX (256 * 1024)

PnSendTry *
pn_send_try_new (void)
{
  PnSendTry *self = g_new0 (PnSendTry, 1);
  self->done = g_array_new (FALSE, FALSE, sizeof (guint));
  return self;
}

void
pn_send_try_free (PnSendTry *self)
{
  if (!self)
    return;
  g_free (self->host);
  g_free (self->error);
  g_array_unref (self->done);
  g_free (self);
}

static gint
compare_guint (gconstpointer a, gconstpointer b)
{
  guint x = *(const guint *) a, y = *(const guint *) b;
  return x < y ? -1 : x > y;
}

gboolean
pn_send_try_is_done (const PnSendTry *self, guint recipient)
{
  return g_array_binary_search (self->done, &recipient, compare_guint, NULL);
}

void
pn_send_try_set_done (PnSendTry *self, guint recipient)
{
  if (pn_send_try_is_done (self, recipient))
    return;
  g_array_append_val (self->done, recipient);
  g_array_sort (self->done, compare_guint);
}

static void
set_text (char **field, const char *value)
{
  g_free (*field);
  *field = g_strdup (value);
}

static void
read_line (PnSendTry *self, const char *key, const char *value)
{
  if (g_str_equal (key, "attempts"))
    self->attempts = (guint) g_ascii_strtoull (value, NULL, 10);
  else if (g_str_equal (key, "first"))
    self->first = g_ascii_strtoll (value, NULL, 10);
  else if (g_str_equal (key, "next"))
    self->next = g_ascii_strtoll (value, NULL, 10);
  else if (g_str_equal (key, "noticed"))
    self->noticed = g_str_equal (value, "1");
  else if (g_str_equal (key, "host"))
    set_text (&self->host, value);
  else if (g_str_equal (key, "error"))
    set_text (&self->error, value);
  else if (g_str_equal (key, "done")) {
    g_auto (GStrv) numbers = g_strsplit (value, " ", -1);
    for (char **n = numbers; *n; n++)
      if (**n)
        pn_send_try_set_done (self, (guint) g_ascii_strtoull (*n, NULL, 10));
  }
}

PnSendTry *
pn_send_try_read (const char *path)
{
  g_autoptr (PnSource) file = pn_file_source_open (path, NULL);
  if (!file || file->size > TRY_MAX)
    return NULL;
  g_autofree char *text = g_malloc0 ((gsize) file->size + 1);
  if (!pn_source_read (file, 0, text, (gsize) file->size, NULL) || !g_str_has_suffix (text, "end=1\n"))
    return NULL;
  PnSendTry *self = pn_send_try_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **l = lines; *l; l++) {
    char *equals = strchr (*l, '=');
    if (!equals)
      continue;
    *equals = '\0';
    read_line (self, *l, equals + 1);
  }
  return self;
}

static char *
to_text (const PnSendTry *self)
{
  GString *out = g_string_new (NULL);
  g_string_append_printf (out,
                          "attempts=%u\nfirst=%" G_GINT64_FORMAT "\nnext=%" G_GINT64_FORMAT "\nnoticed=%d\n",
                          self->attempts, self->first, self->next, self->noticed);
  g_autofree char *reason = g_strdelimit (g_strdup (self->error ? self->error : ""), "\r\n", ' ');
  if (self->host)
    g_string_append_printf (out, "host=%s\n", self->host);
  g_string_append_printf (out, "error=%s\ndone=", reason);
  for (guint i = 0; i < self->done->len; i++)
    g_string_append_printf (out, "%s%u", i ? " " : "", g_array_index (self->done, guint, i));
  g_string_append (out, "\nend=1\n");
  return g_string_free (out, FALSE);
}

gboolean
pn_send_try_write (const PnSendTry *self, const char *path, gboolean flush, GError **error)
{
  g_autofree char *text = to_text (self);
  g_autofree char *temporary = g_strconcat (path, "~", NULL);
  int fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    pn_file_set_error (error, errno, temporary, "cannot create");
    return FALSE;
  }
  gsize length = strlen (text);
  gboolean ok = write (fd, text, length) == (ssize_t) length;
  if (!ok)
    pn_file_set_error (error, errno ? errno : ENOSPC, temporary, "cannot write");
  ok = ok && (!flush || pn_file_fsync (fd, temporary, error));
  close (fd);
  if (ok && rename (temporary, path) < 0) {
    pn_file_set_error (error, errno, path, "cannot rename to it");
    ok = FALSE;
  }
  if (!ok) {
    unlink (temporary);
    return FALSE;
  }
  g_autofree char *dir = g_path_get_dirname (path);
  return !flush || pn_file_fsync_dir (dir, error);
}
