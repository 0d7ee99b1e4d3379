/* Answering invitations. */
#include "postoffice/mailbox-private.h"

#include "convert/ical.h"
#include "core/ids.h"

#include <string.h>

static const struct {
  PnPartstat partstat;
  PnAction action;
  guint flag;
} answers[] = {
  { PN_PARTSTAT_ACCEPTED, PN_ACTION_ACCEPTED, PN_ITEM_ACCEPTED },
  { PN_PARTSTAT_TENTATIVE, PN_ACTION_TENTATIVE, PN_ITEM_TENTATIVE },
  { PN_PARTSTAT_DECLINED, PN_ACTION_DECLINED, PN_ITEM_DECLINED },
  { PN_PARTSTAT_COMPLETED, PN_ACTION_COMPLETED, PN_ITEM_COMPLETED },
};

static gboolean
check_answerable (const PnItem *item, const PnMessage *message, guint answer, GError **error)
{
  const char *fault = NULL;
  PnMethod method = message->calendar ? message->calendar->method : PN_METHOD_NONE;
  if (answer == G_N_ELEMENTS (answers))
    fault = "cannot be answered in this way";
  else if (item->box != PN_BOX_IN)
    fault = "is not in the In Box";
  else if (!message->calendar || message->type == PN_TYPE_STATUS)
    fault = "is not an appointment, task or note";
  else if (item->flags & PN_ITEM_CANCELLED)
    fault = "was taken back by its organizer";
  else if (method != PN_METHOD_REQUEST && method != PN_METHOD_NONE)
    fault = "does not ask for an answer";
  else if (!message->calendar->organizer && !message->from)
    fault = "has no organizer";
  if (fault)
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE, "item %" G_GINT64_FORMAT " %s",
                 item->number, fault);
  return !fault;
}

PnAddress *
pn_mailbox_invited_address (PnMailbox *self, const PnMessage *message)
{
  for (guint i = 0; i < message->calendar->attendees->len; i++) {
    const PnAttendee *attendee = message->calendar->attendees->pdata[i];
    if (attendee->address && pn_mailbox_is_owner (self, attendee->address))
      return pn_address_copy (attendee->address);
  }
  return pn_mailbox_address (self);
}

static void
add_report (PnMessage *reply, PnAction action, const PnAddress *attendee, const char *comment)
{
  if (reply->reports->len > 0)
    return;
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = reply->date;
  report->recipient = pn_address_copy (attendee);
  report->comment = g_strdup (comment);
  g_ptr_array_add (reply->reports, report);
}

static void
address_reply (PnMailbox *self, PnMessage *reply, const PnMessage *invitation)
{
  const PnAddress *organizer
      = invitation->calendar->organizer ? invitation->calendar->organizer : invitation->from;
  if (reply->recipients->len == 0)
    pn_message_add_recipient (reply, PN_TO, pn_address_copy (organizer));
  for (guint i = 0; i < reply->recipients->len; i++) {
    PnRecipient *recipient = reply->recipients->pdata[i];
    recipient->deliver = TRUE;
    pn_directory_complete (self->directory, recipient->address);
  }
}

static PnMessage *
make_reply (PnMailbox *self, const PnMessage *invitation, guint answer, const char *comment, GError **error)
{
  PnTime now = pn_mailbox_now (self);
  g_autoptr (PnAddress) attendee = pn_mailbox_invited_address (self, invitation);
  g_autoptr (PnMessage) reply
      = pn_ical_reply (invitation, attendee, answers[answer].partstat, comment, now.unix_time);
  if (!reply) {
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE, "no answer can be made to this invitation");
    return NULL;
  }
  g_free (reply->id);
  reply->id = pn_id_new ();
  reply->date = now;
  g_free (reply->message_id);
  reply->message_id = g_strdup_printf ("%s@%s", reply->id, self->config->host);
  pn_address_free (reply->from);
  reply->from = pn_mailbox_address (self);
  reply->priority = invitation->priority;
  /* The organizer's sent item has this id only if he is one of ours. */
  g_free (reply->orig_id);
  reply->orig_id = invitation->envelope_from ? NULL : g_strdup (invitation->id);
  address_reply (self, reply, invitation);
  add_report (reply, answers[answer].action, attendee, comment);
  return g_steal_pointer (&reply);
}

gboolean
pn_mailbox_answer (PnMailbox *self, gint64 number, PnPartstat partstat, const char *comment, GError **error)
{
  guint answer = 0;
  while (answer < G_N_ELEMENTS (answers) && answers[answer].partstat != partstat)
    answer++;
  g_autoptr (PnItem) item = pn_store_get (self->store, self->user->fid, number, error);
  g_autoptr (PnMessage) invitation = item ? pn_store_read (self->store, item, error) : NULL;
  if (!invitation || !check_answerable (item, invitation, answer, error))
    return FALSE;
  if (item->uid) {
    PnMailboxAct act = { .kind = PN_ACT_ANSWER, .partstat = partstat, .comment = comment };
    return pn_mailbox_act (self, number, &act, error);
  }
  g_autoptr (PnMessage) reply = make_reply (self, invitation, answer, comment, error);
  /* First the answer, then the mark: an answer sent twice says the same, a mark without one would be a lie.
   */
  if (!reply || !pn_mailbox_put_status (self, reply, invitation, error))
    return FALSE;
  guint clear = partstat == PN_PARTSTAT_COMPLETED ? 0 : PN_ITEM_ANSWERS & ~answers[answer].flag;
  return pn_store_set_flags (self->store, self->user->fid, number,
                             answers[answer].flag | PN_ITEM_READ | PN_ITEM_OPENED, clear, error);
}
