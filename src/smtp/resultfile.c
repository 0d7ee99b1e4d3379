#include "smtp/resultfile.h"

#include "core/file.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define RESULT_MAX (64 * 1024 * 1024)
#define FIELDS 11

static const char *const actions[] = { "transferred", "undeliverable", "delayed" };

PnResult *
pn_result_new (void)
{
  return g_new0 (PnResult, 1);
}

void
pn_result_free (PnResult *self)
{
  if (!self)
    return;
  g_free (self->file);
  g_free (self->id);
  g_free (self->recipient);
  g_free (self->sender);
  g_free (self->enhanced);
  g_free (self->text);
  g_free (self->host);
  g_free (self);
}

const char *
pn_result_action_to_string (PnResultAction action)
{
  return actions[action];
}

static void
append_field (GString *out, const char *value)
{
  if (!value || !*value)
    value = "-";
  for (const char *p = value; *p; p++)
    g_string_append_c (out, (guchar) *p < 0x20 || *p == 0x7f ? ' ' : *p);
  g_string_append_c (out, '\t');
}

void
pn_result_append (const PnResult *self, GString *out)
{
  append_field (out, self->file);
  append_field (out, self->id);
  append_field (out, actions[self->action]);
  append_field (out, self->recipient);
  append_field (out, self->sender);
  g_string_append_printf (out, "%d\t", self->code);
  append_field (out, self->enhanced);
  append_field (out, self->text);
  append_field (out, self->host);
  g_string_append_printf (out, "%" G_GINT64_FORMAT "\t%d\n", self->time, self->dsn);
}

static char *
take_field (const char *field)
{
  return g_str_equal (field, "-") ? NULL : g_strdup (field);
}

static PnResult *
parse_line (const char *line)
{
  g_auto (GStrv) f = g_strsplit (line, "\t", FIELDS);
  if (g_strv_length (f) != FIELDS)
    return NULL;
  guint action = 0;
  while (action < G_N_ELEMENTS (actions) && !g_str_equal (f[2], actions[action]))
    action++;
  if (action == G_N_ELEMENTS (actions))
    return NULL;
  PnResult *self = pn_result_new ();
  self->file = take_field (f[0]);
  self->id = take_field (f[1]);
  self->action = (PnResultAction) action;
  self->recipient = g_strdup (f[3]);
  self->sender = g_strdup (g_str_equal (f[4], "-") ? "" : f[4]);
  self->code = (int) g_ascii_strtoll (f[5], NULL, 10);
  self->enhanced = take_field (f[6]);
  self->text = take_field (f[7]);
  self->host = take_field (f[8]);
  self->time = g_ascii_strtoll (f[9], NULL, 10);
  self->dsn = *f[10] == '1';
  return self;
}

GPtrArray *
pn_result_parse (const char *text, gsize length, guint *bad)
{
  GPtrArray *results = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_result_free);
  *bad = 0;
  const char *p = text, *end = text + length;
  while (p < end) {
    const char *newline = memchr (p, '\n', (gsize) (end - p));
    const char *stop = newline ? newline : end;
    g_autofree char *line = g_strndup (p, (gsize) (stop - p));
    g_strchomp (line);
    p = newline ? newline + 1 : end;
    if (!*line || *line == '#')
      continue;
    PnResult *result = parse_line (line);
    if (result)
      g_ptr_array_add (results, result);
    else
      (*bad)++;
  }
  return results;
}

GPtrArray *
pn_result_read (const char *path, guint *bad, GError **error)
{
  g_autoptr (PnSource) file = pn_file_source_open (path, error);
  if (!file)
    return NULL;
  if (file->size > RESULT_MAX) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "%s: is larger than any result file", path);
    return NULL;
  }
  g_autofree char *text = g_malloc ((gsize) file->size + 1);
  if (!pn_source_read (file, 0, text, (gsize) file->size, error))
    return NULL;
  return pn_result_parse (text, (gsize) file->size, bad);
}

/* --- writing together ------------------------------------------------------------------------- */

typedef struct {
  GString *text;
  gboolean ended;
  GError *error;
  guint waiting; /* threads that have yet to look at it */
} Batch;

struct PnResultWriter {
  char *dir;
  GMutex lock;
  GCond ended;
  Batch *open;      /* takes lines; NULL if none has come since the last one was closed */
  gboolean writing; /* a thread is writing the batch before it */
};

PnResultWriter *
pn_result_writer_new (const char *dir)
{
  PnResultWriter *self = g_new0 (PnResultWriter, 1);
  self->dir = g_strdup (dir);
  g_mutex_init (&self->lock);
  g_cond_init (&self->ended);
  return self;
}

void
pn_result_writer_free (PnResultWriter *self)
{
  if (!self)
    return;
  g_assert (!self->open && !self->writing);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->ended);
  g_free (self->dir);
  g_free (self);
}

static gboolean
link_result (PnResultWriter *self, int fd, GError **error)
{
  for (;;) {
    g_autoptr (GError) local = NULL;
    g_autofree char *path = g_strdup_printf ("%s/R%07X.RES", self->dir, g_random_int () & 0xfffffff);
    if (pn_file_link (fd, path, &local))
      return TRUE;
    if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_EXISTS)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
}

static gboolean
write_text (PnResultWriter *self, const GString *text, GError **error)
{
  int fd = pn_file_unnamed (self->dir, error);
  if (fd < 0)
    return FALSE;
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  PnSink sink = pn_file_sink_sink (file);
  gboolean ok = pn_sink_write (&sink, text->str, text->len, error) && pn_file_sink_flush (file, error)
                && pn_file_fsync (fd, self->dir, error) && link_result (self, fd, error)
                && pn_file_fsync_dir (self->dir, error);
  close (fd);
  return ok;
}

/* The first thread of a batch waits for the one before it to be written, then closes and writes its own. */
static void
lead_batch (PnResultWriter *self, Batch *batch)
{
  while (self->writing)
    g_cond_wait (&self->ended, &self->lock);
  self->writing = TRUE;
  self->open = NULL;
  g_mutex_unlock (&self->lock);
  write_text (self, batch->text, &batch->error);
  g_mutex_lock (&self->lock);
  self->writing = FALSE;
  batch->ended = TRUE;
  g_cond_broadcast (&self->ended);
}

gboolean
pn_result_writer_put (PnResultWriter *self, GPtrArray *results, GError **error)
{
  g_mutex_lock (&self->lock);
  Batch *batch = self->open;
  gboolean lead = !batch;
  if (lead) {
    batch = self->open = g_new0 (Batch, 1);
    batch->text = g_string_new (NULL);
  }
  batch->waiting++;
  for (guint i = 0; i < results->len; i++)
    pn_result_append (g_ptr_array_index (results, i), batch->text);
  if (lead)
    lead_batch (self, batch);
  else
    while (!batch->ended)
      g_cond_wait (&self->ended, &self->lock);
  gboolean ok = !batch->error;
  if (!ok && error)
    *error = g_error_copy (batch->error);
  if (--batch->waiting == 0) {
    g_string_free (batch->text, TRUE);
    g_clear_error (&batch->error);
    g_free (batch);
  }
  g_mutex_unlock (&self->lock);
  return ok;
}
