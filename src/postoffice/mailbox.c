/* A mailbox: opening, keeping and queueing what is sent, reading. */
#include "postoffice/mailbox-private.h"

#include "convert/ical.h"
#include "convert/native.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/trace.h"
#include "queue/outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (pn-mailbox-error-quark, pn_mailbox_error)

/* Younger ones may be in the hands of a process that is just sending them. */
#define UNSENT_AGE_S 60
#define COPY_CHUNK (256 * 1024)

/* --- opening --- */

static PnUser *
find_owner (PnDirectory *directory, const char *text, GError **error)
{
  PnUser *user = strchr (text, '@') ? NULL : pn_directory_find_user (directory, NULL, text, NULL);
  return user ? user : pn_directory_resolve (directory, text, error);
}

static gboolean
copy_to_queue (PnMailbox *self, PnSource *sealed, guint priority, GError **error)
{
  int fd = pn_queue_stage (self->out, error);
  if (fd < 0)
    return FALSE;
  g_autofree guint8 *buffer = g_malloc (COPY_CHUNK);
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  PnSink sink = pn_file_sink_sink (file);
  gboolean ok = TRUE;
  for (guint64 at = 0; ok && at < sealed->size;) {
    gsize n = (gsize) MIN ((guint64) COPY_CHUNK, sealed->size - at);
    ok = pn_source_read (sealed, at, buffer, n, error) && pn_sink_write (&sink, buffer, n, error);
    at += n;
  }
  ok = ok && pn_file_sink_flush (file, error) && pn_queue_put (self->out, fd, priority, FALSE, NULL, error);
  close (fd);
  return ok;
}

static gboolean
queue_again (PnMailbox *self, const PnItem *item, GError **error)
{
  guint priority = item->flags & PN_ITEM_HIGH ? 2 : item->flags & PN_ITEM_LOW ? 6 : 4;
  g_autoptr (PnSource) sealed = pn_store_open_sealed (self->store, item, error);
  if (!sealed || !copy_to_queue (self, sealed, priority, error))
    return FALSE;
  pn_log_info ("queued_again", "id=%s mailbox=%s", item->id, self->where);
  pn_trace (item->id, "sent", pn_queue_path (self->out), "ms", "after an interruption");
  return pn_store_set_flags (self->store, self->user->fid, item->number, 0, PN_ITEM_UNSENT, error);
}

/* An item is kept before it is queued: a process that died in between left it Pending for ever. */
static gboolean
queue_unsent (PnMailbox *self, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GPtrArray) items = pn_store_list_unsent (self->store, self->user->fid, error);
  if (!items)
    return FALSE;
  for (guint i = 0; i < items->len; i++) {
    const PnItem *item = items->pdata[i];
    g_autoptr (GError) reason = NULL;
    if (now - item->delivered < UNSENT_AGE_S || queue_again (self, item, &reason))
      continue;
    g_autofree char *text = pn_log_quote (reason->message);
    pn_log_warning ("cannot_queue_again", "id=%s mailbox=%s reason=%s", item->id, self->where, text);
  }
  return TRUE;
}

static gboolean
open_office (PnMailbox *self, GError **error)
{
  g_autofree char *out = pn_config_post_office_path (self->config, self->user->post_office, "WPCSIN");
  if (!out) {
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN,
                 "post office '%s' of user '%s' is not configured", self->user->post_office,
                 self->user->user);
    return FALSE;
  }
  self->out = pn_queue_open (out, error);
  self->store = self->out ? pn_store_open (self->config, self->user->post_office, self->key, error) : NULL;
  return self->store != NULL;
}

PnMailbox *
pn_mailbox_open (const PnConfig *config, PnKey *key, const char *user, GError **error)
{
  g_autoptr (PnMailbox) self = g_new0 (PnMailbox, 1);
  self->config = config;
  self->key = pn_key_ref (key);
  self->directory = pn_directory_open (config, FALSE, error);
  if (!self->directory)
    return NULL;
  self->user = find_owner (self->directory, user, error);
  if (!self->user || !open_office (self, error))
    return NULL;
  self->where = g_strdup_printf ("%s.%s.%s", self->user->domain, self->user->post_office, self->user->user);
  return queue_unsent (self, error) ? g_steal_pointer (&self) : NULL;
}

void
pn_mailbox_close (PnMailbox *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->store, pn_store_close);
  g_clear_pointer (&self->out, pn_queue_free);
  g_clear_pointer (&self->user, pn_user_free);
  g_clear_pointer (&self->directory, pn_directory_close);
  g_clear_pointer (&self->key, pn_key_unref);
  g_free (self->where);
  g_free (self);
}

const PnUser *
pn_mailbox_user (PnMailbox *self)
{
  return self->user;
}

PnStore *
pn_mailbox_store (PnMailbox *self)
{
  return self->store;
}

const char *
pn_mailbox_fid (PnMailbox *self)
{
  return self->user->fid;
}

PnAddress *
pn_mailbox_address (PnMailbox *self)
{
  PnAddress *address = pn_address_new (self->user->domain, self->user->post_office, self->user->user);
  address->internet = g_strdup (self->user->internet);
  address->name = pn_user_full_name (self->user);
  return address;
}

gboolean
pn_mailbox_is_owner (PnMailbox *self, const PnAddress *address)
{
  g_autoptr (PnAddress) known = pn_address_copy (address);
  return pn_directory_complete (self->directory, known)
         && g_ascii_strcasecmp (known->post_office, self->user->post_office) == 0
         && g_ascii_strcasecmp (known->user, self->user->user) == 0;
}

PnTime
pn_mailbox_now (PnMailbox *self)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GTimeZone) zone = g_time_zone_new_identifier (self->config->timezone);
  int offset = 0;
  if (zone)
    offset = g_time_zone_get_offset (zone, g_time_zone_find_interval (zone, G_TIME_TYPE_UNIVERSAL, now)) / 60;
  return (PnTime){ TRUE, now, offset };
}

/* --- sending --- */

gboolean
pn_mailbox_put_status (PnMailbox *self, PnMessage *status, const PnMessage *about, GError **error)
{
  guint priority = MIN (pn_message_priority_directory (about) + 1, PN_QUEUE_PRIORITIES - 1);
  if (!pn_outgoing_put (self->out, self->key, status, priority, error))
    return FALSE;
  pn_trace (status->id, "sent", pn_queue_path (self->out), "ms", status->orig_id);
  pn_trace_flush ();
  return TRUE;
}

static PnItem *
keep (PnMailbox *self, const PnMessage *message, int fd, gint64 *number, GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) {
    pn_file_set_error (error, errno, pn_queue_path (self->out), "cannot keep the message open");
    return NULL;
  }
  g_autoptr (PnSource) sealed = pn_file_source_new (copy, error);
  g_autoptr (PnSource) plain = sealed ? pn_seal_open (self->key, sealed, error) : NULL;
  if (!plain)
    return NULL;
  guint database = pn_store_message_database (message, self->user->fid);
  g_autoptr (PnItem) item = pn_item_new (message, database, plain->size, PN_BOX_OUT,
                                         PN_ITEM_READ | PN_ITEM_UNSENT, g_get_real_time () / G_USEC_PER_SEC);
  if (!pn_store_add_message (self->store, message->id, database, sealed, fd, error)
      || !pn_store_add_item (self->store, self->user->fid, item, NULL, number, error))
    return NULL;
  return g_steal_pointer (&item);
}

static gboolean
keep_and_queue (PnMailbox *self, const PnMessage *message, int fd, gint64 *number, GError **error)
{
  g_autoptr (PnItem) item = keep (self, message, fd, number, error);
  if (!item)
    return FALSE;
  if (*number == 0) {
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE, "message %s has been sent already",
                 message->id);
    return FALSE;
  }
  if (!pn_queue_put (self->out, fd, pn_message_priority_directory (message), FALSE, NULL, error)) {
    g_autoptr (GError) reason = NULL;
    if (!pn_store_delete_item (self->store, self->user->fid, *number, &reason))
      pn_log_warning ("unsent_item_left", "id=%s reason=\"%s\"", message->id, reason->message);
    return FALSE;
  }
  pn_trace (message->id, "sent", pn_queue_path (self->out), "ms", NULL);
  pn_trace_flush ();
  /* It is sent: that the mark could not be taken off only makes it go once more, which does no harm. */
  g_autoptr (GError) reason = NULL;
  if (!pn_store_set_flags (self->store, self->user->fid, *number, 0, PN_ITEM_UNSENT, &reason))
    pn_log_warning ("mark_left", "id=%s reason=\"%s\"", message->id, reason->message);
  return TRUE;
}

gboolean
pn_mailbox_send (PnMailbox *self, PnMessage *message, gint64 *number_out, GError **error)
{
  gint64 number = 0;
  if (!pn_mailbox_complete (self, message, error))
    return FALSE;
  int fd = pn_outgoing_stage (self->out, self->key, message, error);
  if (fd < 0)
    return FALSE;
  gboolean ok = keep_and_queue (self, message, fd, &number, error);
  close (fd);
  if (number_out)
    *number_out = number;
  return ok;
}

/* --- reading --- */

PnMessage *
pn_mailbox_read (PnMailbox *self, gint64 number, PnItem **item_out, GError **error)
{
  g_autoptr (PnItem) item = pn_store_get (self->store, self->user->fid, number, error);
  g_autoptr (PnMessage) message = item ? pn_store_read (self->store, item, error) : NULL;
  if (!message)
    return NULL;
  guint marks = PN_ITEM_READ | PN_ITEM_OPENED;
  if (item->box == PN_BOX_IN && !(item->flags & PN_ITEM_OPENED)
      && !pn_mailbox_send_opened (self, message, FALSE, error))
    return NULL;
  if ((item->flags & marks) != marks
      && !pn_store_set_flags (self->store, self->user->fid, number, marks, 0, error))
    return NULL;
  item->flags |= marks;
  if (item_out)
    *item_out = g_steal_pointer (&item);
  return g_steal_pointer (&message);
}

gboolean
pn_mailbox_confirm (PnMailbox *self, gint64 number, GError **error)
{
  g_autoptr (PnItem) item = pn_store_get (self->store, self->user->fid, number, error);
  g_autoptr (PnMessage) message = item ? pn_store_read (self->store, item, error) : NULL;
  if (!message)
    return FALSE;
  if (item->box == PN_BOX_IN && pn_mailbox_wants_opened (message))
    return pn_mailbox_send_opened (self, message, TRUE, error);
  g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE,
               "nobody has asked to be told that item %" G_GINT64_FORMAT " was opened", number);
  return FALSE;
}
