#include "agent/compose.h"

#include "core/domain.h"
#include "core/log.h"
#include "core/trace.h"

#include <dirent.h>
#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PER_FILE_MAX 100

/* --- one file --------------------------------------------------------------------------------- */

static gboolean
write_file (PnAgent *self, int fd, const PnSendHead *head, const PnComposed *composed, GError **error)
{
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSendWriter) writer
      = pn_send_writer_new (self->program->key, pn_file_sink_sink (file), head, error);
  if (!writer)
    return FALSE;
  PnSink sink = pn_send_writer_sink (writer);
  return pn_composed_write (composed, self, &sink, error) && pn_send_writer_close (writer, error)
         && pn_file_sink_flush (file, error) && pn_file_fsync (fd, self->send, error);
}

static gboolean
is_taken (PnAgent *self, const char *name)
{
  g_autofree char *send = g_build_filename (self->send, name, NULL);
  g_autofree char *defer = g_build_filename (self->defer, name, NULL);
  return access (send, F_OK) == 0 || access (defer, F_OK) == 0;
}

static char *
staged_path (PnAgent *self, const char *name)
{
  return g_strdup_printf ("%s/%.*s.TMP", self->send, (int) strlen (name) - 4, name);
}

/* A name that no send file has, in send/ or defer/. */
static char *
link_staged (PnAgent *self, int fd, GError **error)
{
  for (;;) {
    g_autoptr (GError) local = NULL;
    g_autofree char *name = g_strdup_printf ("S%07X.SND", g_random_int () & 0xfffffff);
    g_autofree char *path = staged_path (self, name);
    if (is_taken (self, name))
      continue;
    if (pn_file_link (fd, path, &local))
      return g_steal_pointer (&name);
    if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_EXISTS)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  }
}

static gboolean
stage_file (PnAgent *self, const PnSendHead *head, const PnComposed *composed, PnCorrelation *record,
            GError **error)
{
  int fd = pn_file_unnamed (self->send, error);
  if (fd < 0)
    return FALSE;
  char *name = write_file (self, fd, head, composed, error) ? link_staged (self, fd, error) : NULL;
  close (fd);
  if (name)
    g_ptr_array_add (record->files, name);
  return name != NULL;
}

/* --- a message -------------------------------------------------------------------------------- */

/* The part of an address that says where it goes, as the DNS knows it; NULL if there is none. */
static char *
destination_of (const char *address)
{
  const char *at = strrchr (address, '@');
  if (!at || !at[1])
    return NULL;
  return at[1] == '[' ? g_ascii_strdown (at + 1, -1) : pn_domain_to_ascii (at + 1);
}

/* An internationalized domain behind a plain local part needs no SMTPUTF8 in its ASCII form. */
static char *
wire_address (const char *address)
{
  const char *at = strrchr (address, '@');
  if (!at || g_str_is_ascii (address))
    return g_strdup (address);
  g_autofree char *local = g_strndup (address, (gsize) (at - address));
  g_autofree char *domain = g_str_is_ascii (local) ? pn_domain_to_ascii (at + 1) : NULL;
  return domain ? g_strconcat (local, "@", domain, NULL) : g_strdup (address);
}

static GHashTable *
group_by_destination (const PnSendHead *head)
{
  GHashTable *groups
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; i < head->recipients->len; i++) {
    PnSendRecipient *recipient = g_ptr_array_index (head->recipients, i);
    char *destination = destination_of (recipient->address);
    if (!destination) /* the daemon's answer becomes the recipient's status */
      destination = g_strdup ("invalid.invalid");
    GPtrArray *group = g_hash_table_lookup (groups, destination);
    if (!group) {
      group = g_ptr_array_new ();
      g_hash_table_insert (groups, g_strdup (destination), group);
    }
    g_free (destination);
    g_ptr_array_add (group, recipient);
  }
  return groups;
}

static PnSendHead *
head_for (PnAgent *self, const PnSendHead *whole, const char *destination, const PnComposed *composed)
{
  PnSendHead *head = pn_send_head_new ();
  head->domain = g_strdup (destination);
  head->helo = g_strdup (self->program->config->host);
  head->id = g_strdup (whole->id);
  head->queued = whole->queued;
  head->size = composed->size;
  head->eight_bit = composed->eight_bit;
  head->mail_from = wire_address (whole->mail_from);
  head->envid = g_strdup (whole->envid);
  head->ret = g_strdup (whole->ret);
  head->smtputf8 = !g_str_is_ascii (head->mail_from) || composed->utf8_header;
  return head;
}

static gboolean
stage_destination (PnAgent *self, const PnSendHead *whole, const char *destination,
                   const GPtrArray *recipients, const PnComposed *composed, PnCorrelation *record,
                   GError **error)
{
  for (guint from = 0; from < recipients->len; from += PER_FILE_MAX) {
    g_autoptr (PnSendHead) head = head_for (self, whole, destination, composed);
    for (guint i = from; i < MIN (from + PER_FILE_MAX, recipients->len); i++) {
      const PnSendRecipient *r = g_ptr_array_index (recipients, i);
      g_autofree char *address = wire_address (r->address);
      pn_send_head_add (head, address, r->notify, r->orcpt);
      head->smtputf8 = head->smtputf8 || !g_str_is_ascii (address);
    }
    if (!stage_file (self, head, composed, record, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
pn_agent_stage (PnAgent *self, PnMessage *message, const PnSendHead *head, PnCorrelation *record,
                GError **error)
{
  PnComposed *composed[PN_FORM_LAST] = { NULL };
  gboolean ok = TRUE;
  g_autoptr (GHashTable) groups = group_by_destination (head);
  GHashTableIter iter;
  gpointer destination, recipients;
  g_hash_table_iter_init (&iter, groups);
  while (ok && g_hash_table_iter_next (&iter, &destination, &recipients)) {
    const PnPeer *peer;
    PnForm form = pn_agent_form (self, message, destination, &peer);
    /* Each sealed with its own key: not to be shared. */
    if (form == PN_FORM_NATIVE)
      g_clear_pointer (&composed[form], pn_composed_free);
    if (!composed[form])
      composed[form] = pn_composed_new (self, message, form, peer, error);
    ok = composed[form]
         && stage_destination (self, head, destination, recipients, composed[form], record, error);
  }
  for (guint i = 0; i < PN_FORM_LAST; i++)
    pn_composed_free (composed[i]);
  if (!ok)
    pn_agent_unstage (self, record);
  return ok;
}

void
pn_agent_unstage (PnAgent *self, const PnCorrelation *record)
{
  for (guint i = 0; i < record->files->len; i++) {
    g_autofree char *path = staged_path (self, g_ptr_array_index (record->files, i));
    unlink (path);
  }
  g_ptr_array_set_size (record->files, 0);
}

/* --- publishing ------------------------------------------------------------------------------- */

void
pn_agent_publish_again (PnAgent *self, const PnCorrelation *record)
{
  for (guint i = 0; i < record->files->len; i++) {
    const char *name = g_ptr_array_index (record->files, i);
    g_autofree char *from = staged_path (self, name);
    g_autofree char *to = g_build_filename (self->send, name, NULL);
    /* One that is not there any more has its name already, or was sent. */
    if (rename (from, to) < 0 && errno != ENOENT)
      pn_log_error ("cannot_move", "file=%s to=%s reason=%s", from, to, g_strerror (errno));
  }
}

gboolean
pn_agent_publish (PnAgent *self, GPtrArray *records, GError **error)
{
  if (records->len == 0)
    return TRUE;
  /* What the records name has to be there after a crash. */
  if (!pn_file_fsync_dir (self->send, error)) {
    for (guint i = 0; i < records->len; i++)
      pn_agent_unstage (self, g_ptr_array_index (records, i));
    return FALSE;
  }
  for (guint i = 0; i < records->len; i++)
    pn_correlation_db_add (self->correlation, g_ptr_array_index (records, i));
  if (!pn_correlation_db_commit (self->correlation, error))
    return FALSE;
  for (guint i = 0; i < records->len; i++) {
    const PnCorrelation *record = g_ptr_array_index (records, i);
    pn_agent_publish_again (self, record);
    for (guint j = 0; j < record->files->len; j++)
      pn_trace (record->id, "queued", "send", "smtp", g_ptr_array_index (record->files, j));
  }
  return TRUE;
}

static gboolean
is_listed (const PnCorrelation *record, const char *name)
{
  for (guint i = 0; record && i < record->files->len; i++)
    if (g_str_equal (g_ptr_array_index (record->files, i), name))
      return TRUE;
  return FALSE;
}

static void
recover_file (PnAgent *self, const char *staged)
{
  g_autofree char *path = g_build_filename (self->send, staged, NULL);
  g_autofree char *name = g_strdup_printf ("%.*s.SND", (int) strlen (staged) - 4, staged);
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSendFile) file = pn_send_file_open (path, self->program->key, TRUE, NULL);
  g_autoptr (PnCorrelation) record
      = file && file->head->id ? pn_correlation_db_find (self->correlation, file->head->id, FALSE, &error)
                               : NULL;
  if (error) { /* not known: better left than lost */
    pn_agent_log_error ("cannot_recover", error);
    return;
  }
  gboolean committed = is_listed (record, name);
  pn_log_info ("recovered", "file=%s committed=%d", staged, committed);
  if (committed)
    pn_agent_publish_again (self, record);
  else
    unlink (path);
}

void
pn_agent_recover_staged (PnAgent *self)
{
  DIR *dir = opendir (self->send);
  if (!dir)
    return;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (struct dirent *entry; (entry = readdir (dir));)
    if (*entry->d_name == 'S' && g_str_has_suffix (entry->d_name, ".TMP"))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  closedir (dir);
  for (guint i = 0; i < names->len; i++)
    recover_file (self, g_ptr_array_index (names, i));
}
