/* Calendar messages into mailboxes: what an organizer's or attendee's message does to an item there. */
#include "convert/ical.h"
#include "convert/native.h"
#include "core/ids.h"
#include "core/log.h"
#include "postoffice/ofs.h"

#include <string.h>

/* Of one message.  A larger calendar comes into the mailbox as the file it is. */
#define MAX_ITEMS 2000

PnCalendarBox
pn_ofs_calendar_box (PnOfs *self, PnOffice *office, const PnUser *user)
{
  return (PnCalendarBox){ self->program->config, self->directory, office->store, user };
}

gboolean
pn_ofs_is_calendar (const PnMessage *message)
{
  return message->calendar && message->calendar->uid && *message->calendar->uid
         && message->type != PN_TYPE_SEARCH && message->type != PN_TYPE_STATUS
         && strcmp (message->calendar->component ? message->calendar->component : "", "VFREEBUSY") != 0;
}

/* The message with its parts: a delivery knows only its head. */
static PnMessage *
read_whole (PnOfs *self, PnDelivery *delivery, GError **error)
{
  g_autoptr (PnSource) plain = pn_seal_open (self->program->key, delivery->sealed, error);
  return plain ? pn_native_read (plain, error) : NULL;
}

/* What the protocol wants in return goes out with the statuses. */
static void
send_answers (PnOfs *self, PnDelivery *delivery, GPtrArray *answers, const PnUser *user)
{
  g_autofree char *where = g_strdup_printf ("%s.%s.%s", user->domain, user->post_office, user->user);
  for (guint i = 0; i < answers->len; i++) {
    g_autofree char *what = g_strdup_printf ("%s %u", where, i);
    PnMessage *answer = answers->pdata[i];
    g_free (answer->id);
    answer->id = pn_id_derive (delivery->message->id, "itip", what);
    g_free (answer->message_id);
    answer->message_id = g_strdup_printf ("%s@%s", answer->id, self->program->config->host);
    answer->auto_generated = TRUE;
    pn_address_free (answer->from);
    answer->from = pn_address_new (user->domain, user->post_office, user->user);
    answer->from->internet = g_strdup (user->internet);
    answer->from->name = pn_user_full_name (user);
    for (guint j = 0; j < answer->recipients->len; j++) {
      PnRecipient *recipient = answer->recipients->pdata[j];
      recipient->deliver = recipient->listed = TRUE;
      pn_directory_complete (self->directory, recipient->address);
    }
    g_ptr_array_add (delivery->statuses, g_steal_pointer (&answers->pdata[i]));
  }
  g_ptr_array_set_free_func (answers, NULL);
  g_ptr_array_set_size (answers, 0);
}

typedef struct {
  PnOfs *ofs;
  PnOffice *office;
  PnDelivery *delivery;
  PnMessage *whole;
  const PnItipText *text; /* its calendar */
  PnItem *item;
  const PnUser *user;
  const char *where;
  gboolean added; /* the message has an item of its own */
} Placing;

static gboolean
add_as_it_is (Placing *self, gboolean apart, GError **error)
{
  if (self->added)
    return TRUE;
  self->added = TRUE;
  self->item->apart = apart;
  gboolean ok = pn_ofs_add_item (self->office, self->delivery, self->item, self->user->fid, error);
  self->item->apart = FALSE;
  return ok;
}

static gboolean
show (Placing *self, PnCalendarBox *box, PnItipItem *item, GError **error)
{
  gint64 again = 0;
  gboolean changed = FALSE;
  const PnItem *base = self->item;
  if (!pn_store_add_message (self->office->store, base->id, base->database, self->delivery->sealed,
                             self->delivery->fd, error)
      || !pn_calendar_show (box, item, self->whole, &changed, &again, error))
    return FALSE;
  if (changed)
    g_hash_table_add (self->office->changed, g_strdup (self->user->fid));
  return pn_calendar_save (box, item, again, error);
}

/* What OUTCOME means for the boxes. */
static gboolean
settle (Placing *self, PnCalendarBox *box, PnItipItem *item, PnItipOutcome outcome, GError **error)
{
  const char *word = pn_itip_outcome_to_string (outcome);
  switch (outcome) {
  case PN_ITIP_NEW:
  case PN_ITIP_UPDATED:
  case PN_ITIP_INSTANCE_UPDATED:
  case PN_ITIP_ADDED:
  case PN_ITIP_PUBLISHED:
  case PN_ITIP_CANCELLED:
  case PN_ITIP_INSTANCE_CANCELLED:
    return show (self, box, item, error);
  case PN_ITIP_STALE:
    pn_log_info ("stale_update", "id=%s mailbox=%s", self->item->id, self->where);
    pn_delivery_hop (self->delivery, "stale", self->where,
                     "the mailbox has a later version of the appointment");
    return TRUE;
  case PN_ITIP_FOREIGN:
    pn_log_warning ("foreign_update", "id=%s mailbox=%s", self->item->id, self->where);
    return add_as_it_is (self, TRUE, error);
  default:
    pn_log_info ("calendar", "id=%s mailbox=%s outcome=%s", self->item->id, self->where, word);
    return pn_calendar_save (box, item, -1, error) && add_as_it_is (self, FALSE, error);
  }
}

static gboolean
place_uid (Placing *self, const char *uid, GError **error)
{
  PnCalendarBox box = pn_ofs_calendar_box (self->ofs, self->office, self->user);
  PnItipContext context = pn_calendar_context (&box);
  g_autofree char *source
      = g_strdup_printf ("%s %u %" G_GUINT64_FORMAT, self->item->id, self->item->database, self->item->size);
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_autoptr (PnItipItem) item = pn_calendar_load (&box, uid, error);
  if (!item)
    return FALSE;
  context.source = source;
  PnItipOutcome outcome = pn_itip_apply (item, self->whole, self->text, &context, answers);
  if (!settle (self, &box, item, outcome, error))
    return FALSE;
  send_answers (self->ofs, self->delivery, answers, self->user);
  return TRUE;
}

gboolean
pn_ofs_place_calendar (PnOfs *self, PnOffice *office, PnDelivery *delivery, PnItem *item, const PnUser *user,
                       const char *where, GError **error)
{
  gboolean is_new = FALSE;
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnMessage) whole = read_whole (self, delivery, &reason);
  if (!whole) {
    pn_log_warning ("calendar_unread", "id=%s reason=\"%s\"", item->id, reason->message);
    return pn_ofs_add_item (office, delivery, item, user->fid, error);
  }
  if (!pn_store_mark_taken (office->store, user->fid, item->id, &is_new, error))
    return FALSE;
  if (!is_new)
    return TRUE;
  g_autoptr (PnItipText) text = pn_itip_text_new (whole, g_get_real_time () / G_USEC_PER_SEC);
  const GPtrArray *uids = pn_itip_text_uids (text);
  Placing placing = { self, office, delivery, whole, text, item, user, where, FALSE };
  if (uids->len > MAX_ITEMS) {
    pn_log_warning ("calendar_too_large", "id=%s mailbox=%s items=%u limit=%d", item->id, where, uids->len,
                    MAX_ITEMS);
    return add_as_it_is (&placing, TRUE, error);
  }
  for (guint i = 0; i < uids->len; i++)
    if (!place_uid (&placing, uids->pdata[i], error))
      return FALSE;
  return TRUE;
}

/* -- answers and reports -- */

static gboolean
take_reply (PnCalendarBox *box, PnOfs *self, PnDelivery *delivery, PnMessage *whole, PnItipOutcome *outcome,
            GError **error)
{
  PnItipContext context = pn_calendar_context (box);
  g_autofree char *uid = pn_ical_uid (whole);
  g_autoptr (PnItipItem) item = pn_calendar_load (box, uid, error);
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  if (!item)
    return FALSE;
  *outcome = pn_itip_apply (item, whole, NULL, &context, answers);
  send_answers (self, delivery, answers, box->user);
  return pn_calendar_save (box, item, -1, error);
}

/* The invitation in the Out Box, or what followed it, did not reach those whom the reports of MESSAGE name.
 */
static gboolean
take_undelivered (PnCalendarBox *box, const PnMessage *message, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnItem) sent = pn_store_find (box->store, box->user->fid, message->orig_id, PN_BOX_OUT, &reason);
  const char *uid = sent ? sent->uid : message->calendar ? message->calendar->uid : NULL;
  if (!uid)
    return TRUE;
  g_autoptr (PnItipItem) item = pn_calendar_load (box, uid, error);
  if (!item)
    return FALSE;
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = message->reports->pdata[i];
    if (report->action == PN_ACTION_UNDELIVERABLE && report->recipient)
      pn_itip_undeliverable (item, report->recipient, report->diagnostic);
  }
  return pn_calendar_save (box, item, -1, error);
}

static gboolean
has_undeliverable (const PnMessage *message)
{
  for (guint i = 0; i < message->reports->len; i++)
    if (((const PnStatusReport *) message->reports->pdata[i])->action == PN_ACTION_UNDELIVERABLE)
      return TRUE;
  return FALSE;
}

gboolean
pn_ofs_take_answer (PnOfs *self, PnOffice *office, PnDelivery *delivery, const PnUser *user,
                    PnItipOutcome *outcome, GError **error)
{
  const PnMessage *message = delivery->message;
  PnCalendarBox box = pn_ofs_calendar_box (self, office, user);
  gboolean is_new = FALSE;
  gboolean reply = message->calendar && message->calendar->uid;
  *outcome = PN_ITIP_NOTHING;
  if (!reply && !(message->orig_id && has_undeliverable (message)))
    return TRUE;
  if (!pn_store_mark_taken (office->store, user->fid, message->id, &is_new, error))
    return FALSE;
  *outcome = reply && !is_new ? PN_ITIP_ANSWERED : PN_ITIP_NOTHING;
  if (!is_new)
    return TRUE;
  if (!reply || has_undeliverable (message))
    return message->orig_id ? take_undelivered (&box, message, error) : TRUE;
  g_autoptr (PnMessage) whole = read_whole (self, delivery, NULL);
  return !whole || take_reply (&box, self, delivery, whole, outcome, error);
}

/* -- as time passes -- */

static gboolean
extend (PnCalendarBox *box, PnOffice *office, const char *text, GError **error)
{
  gint64 again = 0;
  gboolean changed = FALSE;
  g_autoptr (PnItipItem) item = pn_itip_item_parse (text, strlen (text), box->config->timezone, NULL);
  if (!item)
    return TRUE;
  if (!pn_calendar_show (box, item, NULL, &changed, &again, error))
    return FALSE;
  if (changed)
    g_hash_table_add (office->changed, g_strdup (box->user->fid));
  return pn_store_put_calendar (box->store, box->user->fid, pn_itip_item_uid (item), NULL, again, error);
}

gboolean
pn_ofs_extend_series (PnOfs *self, PnOffice *office, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GPtrArray) users = pn_directory_list_users (self->directory, office->name, error);
  for (guint i = 0; users && i < users->len; i++) {
    PnCalendarBox box = pn_ofs_calendar_box (self, office, users->pdata[i]);
    g_autoptr (GPtrArray) texts = pn_store_list_calendars (office->store, box.user->fid, now, error);
    for (guint j = 0; texts && j < texts->len; j++)
      if (!extend (&box, office, texts->pdata[j], error))
        return FALSE;
    if (!texts)
      return FALSE;
  }
  return users != NULL;
}
