/* What a person does with a calendar item: answering, proposing, delegating, taking back. */
#include "convert/ical.h"
#include "core/ids.h"
#include "postoffice/mailbox-private.h"

#include <string.h>

static const struct {
  PnPartstat partstat;
  guint flag;
} marks[] = {
  { PN_PARTSTAT_ACCEPTED, PN_ITEM_ACCEPTED },
  { PN_PARTSTAT_TENTATIVE, PN_ITEM_TENTATIVE },
  { PN_PARTSTAT_DECLINED, PN_ITEM_DECLINED },
  { PN_PARTSTAT_COMPLETED, PN_ITEM_COMPLETED },
};

typedef struct {
  PnMailbox *mailbox;
  const PnMailboxAct *act;
  PnCalendarBox box;
  PnItem *row;        /* owned */
  PnMessage *message; /* owned; what ROW points to */
  PnItipItem *item;   /* owned */
  char *recurrence;   /* owned; what ACT is about, NULL: all */
} Doing;

static void
doing_clear (Doing *self)
{
  g_clear_pointer (&self->row, pn_item_free);
  g_clear_pointer (&self->message, pn_message_free);
  g_clear_pointer (&self->item, pn_itip_item_free);
  g_free (self->recurrence);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Doing, doing_clear)

PnCalendarBox
pn_mailbox_calendar_box (PnMailbox *self)
{
  return (PnCalendarBox){ self->config, self->directory, self->store, self->user };
}

PnItipItem *
pn_mailbox_load_calendar (PnMailbox *self, const PnItem *row, GError **error)
{
  PnCalendarBox box = pn_mailbox_calendar_box (self);
  g_autoptr (PnItipItem) item = pn_calendar_load (&box, row->uid, error);
  if (!item || !pn_itip_item_is_empty (item))
    return g_steal_pointer (&item);
  g_autoptr (PnMessage) message = pn_store_read (self->store, row, error);
  if (!message)
    return NULL;
  PnItipContext context = pn_calendar_context (&box);
  pn_itip_apply (item, message, NULL, &context, NULL);
  return g_steal_pointer (&item);
}

static gboolean
is_organizers (PnMailboxActKind kind)
{
  return kind == PN_ACT_CANCEL || kind == PN_ACT_REVISE || kind == PN_ACT_DECLINE_COUNTER
         || kind == PN_ACT_PUBLISH_ADD;
}

static gboolean
check (const Doing *self, GError **error)
{
  gboolean sent = is_organizers (self->act->kind);
  const PnItem *row = self->row;
  const char *fault = !row->uid || !self->message->calendar            ? "is no calendar item"
                      : sent && row->box != PN_BOX_OUT                 ? "is not in the Out Box"
                      : !sent && row->box != PN_BOX_IN                 ? "is not in the In Box"
                      : !sent && row->flags & PN_ITEM_CANCELLED        ? "was taken back by its organizer"
                      : !sent && self->message->type == PN_TYPE_STATUS ? "is an answer"
                                                                       : NULL;
  if (fault)
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE, "item %" G_GINT64_FORMAT " %s", row->number,
                 fault);
  return !fault;
}

/* An item stands for its own message: one instance of a series for all of it, unless it alone was meant. */
static void
find_recurrence (Doing *self)
{
  const PnMailboxAct *act = self->act;
  const PnItem *row = self->row;
  const char *key = row->recurrence;
  if (act->recurrence)
    self->recurrence = g_strdup (act->recurrence);
  else if (key && (act->instance || !row->expanded || pn_itip_item_source (self->item, key)))
    self->recurrence = g_strdup (key);
}

static gboolean
prepare (Doing *self, gint64 number, GError **error)
{
  PnMailbox *mailbox = self->mailbox;
  self->box = pn_mailbox_calendar_box (mailbox);
  self->row = pn_store_get (mailbox->store, mailbox->user->fid, number, error);
  self->message = self->row ? pn_store_read (mailbox->store, self->row, error) : NULL;
  if (!self->message || !check (self, error))
    return FALSE;
  self->item = pn_mailbox_load_calendar (mailbox, self->row, error);
  if (!self->item)
    return FALSE;
  find_recurrence (self);
  return TRUE;
}

/* -- sending -- */

static gboolean
is_reply (const PnMessage *message)
{
  return message->type == PN_TYPE_STATUS;
}

static gboolean
put (Doing *self, PnMessage *message, GError **error)
{
  PnMailbox *mailbox = self->mailbox;
  g_free (message->id);
  message->id = pn_id_new ();
  message->date = pn_mailbox_now (mailbox);
  g_free (message->message_id);
  message->message_id = g_strdup_printf ("%s@%s", message->id, mailbox->config->host);
  g_free (message->in_reply_to);
  message->in_reply_to = g_strdup (self->message->message_id);
  pn_address_free (message->from);
  message->from = pn_mailbox_address (mailbox);
  message->priority = self->message->priority;
  /* The organizer's sent item has this id only if he is one of ours. */
  g_free (message->orig_id);
  message->orig_id
      = is_reply (message) && !self->message->envelope_from ? g_strdup (self->message->id) : NULL;
  if (message->recipients->len == 0 && !is_organizers (self->act->kind) && self->message->from)
    pn_message_add_recipient (message, PN_TO, pn_address_copy (self->message->from));
  for (guint i = 0; i < message->recipients->len; i++) {
    PnRecipient *recipient = message->recipients->pdata[i];
    recipient->deliver = recipient->listed = TRUE;
    pn_directory_complete (mailbox->directory, recipient->address);
  }
  return pn_mailbox_put_status (mailbox, message, self->message, error);
}

/* -- marks on the items -- */

static gboolean
mark (Doing *self, GError **error)
{
  guint flag = 0;
  g_autoptr (GPtrArray) rows = NULL;
  PnMailbox *mailbox = self->mailbox;
  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    if (marks[i].partstat == self->act->partstat)
      flag = marks[i].flag;
  guint clear = flag == PN_ITEM_COMPLETED ? 0 : PN_ITEM_ANSWERS & ~flag;
  if (!pn_store_list_uid (mailbox->store, mailbox->user->fid, self->row->uid, PN_BOX_IN, &rows, error))
    return FALSE;
  for (guint i = 0; i < rows->len; i++) {
    const PnItem *row = rows->pdata[i];
    gboolean own = row->number == self->row->number;
    gboolean meant = self->recurrence
                         ? g_strcmp0 (row->recurrence, self->recurrence) == 0
                         : !row->recurrence || !pn_itip_item_source (self->item, row->recurrence);
    guint read = own ? PN_ITEM_READ | PN_ITEM_OPENED : 0;
    if ((own || meant) && !(row->flags & PN_ITEM_CANCELLED)
        && !pn_store_set_flags (mailbox->store, mailbox->user->fid, row->number, (meant ? flag : 0) | read,
                                meant ? clear : 0, error))
      return FALSE;
  }
  return TRUE;
}

/* -- acts -- */

static gboolean
make (Doing *self, GPtrArray *out, GError **error)
{
  const PnMailboxAct *act = self->act;
  PnItipContext context = pn_calendar_context (&self->box);
  g_autoptr (PnAddress) own = pn_mailbox_invited_address (self->mailbox, self->message);
  g_autoptr (PnAddress) who = act->who ? pn_mailbox_parse_address (self->mailbox, act->who, error) : NULL;
  if (act->who && !who)
    return FALSE;
  switch (act->kind) {
  case PN_ACT_ANSWER:
    return pn_itip_answer (self->item, own, act->partstat, self->recurrence, act->comment, &context, out,
                           error);
  case PN_ACT_COUNTER:
    return pn_itip_counter (self->item, own, self->recurrence, act->change, act->comment, &context, out,
                            error);
  case PN_ACT_DELEGATE:
    return pn_itip_delegate (self->item, own, who, self->recurrence, act->comment, &context, out, error);
  case PN_ACT_REFRESH:
    return pn_itip_refresh (self->item, own, &context, out, error);
  case PN_ACT_CANCEL:
    return pn_itip_cancel (self->item, self->recurrence, act->this_and_future, who, act->comment, &context,
                           out, error);
  case PN_ACT_REVISE:
    return pn_itip_revise (self->item, self->recurrence, act->change, &context, out, error);
  case PN_ACT_DECLINE_COUNTER:
    return pn_itip_decline_counter (self->item, who, self->recurrence, act->comment, &context, out, error);
  case PN_ACT_PUBLISH_ADD:
    return pn_itip_add (self->item, act->change->start, act->change->end, &context, out, error);
  }
  g_assert_not_reached ();
}

/* The server may have written in the meantime: then it is done to what it wrote. */
static gboolean
save (Doing *self, const char *before, GError **error)
{
  g_autofree char *now = NULL;
  g_autoptr (GPtrArray) said = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  PnMailbox *mailbox = self->mailbox;
  if (!pn_store_get_calendar (mailbox->store, mailbox->user->fid, self->row->uid, &now, error))
    return FALSE;
  if (g_strcmp0 (now, before) != 0) {
    pn_itip_item_free (self->item);
    self->item = pn_calendar_load (&self->box, self->row->uid, error);
    if (!self->item)
      return FALSE;
    make (self, said, NULL);
  }
  return pn_calendar_save (&self->box, self->item, -1, error);
}

gboolean
pn_mailbox_act (PnMailbox *self, gint64 number, const PnMailboxAct *act, GError **error)
{
  g_auto (Doing) doing = { .mailbox = self, .act = act };
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_autoptr (GError) reason = NULL;
  g_autofree char *before = NULL;
  if (!prepare (&doing, number, error)
      || !pn_store_get_calendar (self->store, self->user->fid, doing.row->uid, &before, error))
    return FALSE;
  if (!make (&doing, out, &reason)) {
    if (reason->domain == PN_MAILBOX_ERROR)
      g_propagate_error (error, g_steal_pointer (&reason));
    else
      g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE, "item %" G_GINT64_FORMAT ": %s", number,
                   reason->message);
    return FALSE;
  }
  /* First the message, then the mark: an answer sent twice says the same, a mark without one would be a lie.
   */
  for (guint i = 0; i < out->len; i++)
    if (!put (&doing, out->pdata[i], error))
      return FALSE;
  if (!save (&doing, before, error)
      || (is_organizers (act->kind) && !pn_calendar_show_sent (&doing.box, doing.item, doing.row, error)))
    return FALSE;
  return act->kind != PN_ACT_ANSWER || mark (&doing, error);
}

GPtrArray *
pn_mailbox_answers (PnMailbox *self, gint64 number, GError **error)
{
  PnCalendarBox box = pn_mailbox_calendar_box (self);
  g_autoptr (PnItem) row = pn_store_get (self->store, self->user->fid, number, error);
  if (!row)
    return NULL;
  if (!row->uid)
    return g_ptr_array_new_with_free_func ((GDestroyNotify) pn_itip_answer_free);
  g_autoptr (PnItipItem) item = pn_calendar_load (&box, row->uid, error);
  return item ? pn_itip_item_answers (item) : NULL;
}
