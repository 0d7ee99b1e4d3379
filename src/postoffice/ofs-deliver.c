/* Messages into mailboxes. */
#include "postoffice/ofs.h"

#include "queue/outgoing.h"

#include <string.h>

gboolean
pn_ofs_is_ours (PnOfs *self, PnOffice *office, const PnAddress *address)
{
  if (!address->user || !address->post_office)
    return FALSE;
  if (address->domain && g_ascii_strcasecmp (address->domain, self->program->config->domain) != 0)
    return FALSE;
  return g_ascii_strcasecmp (address->post_office, office->name) == 0;
}

guint
pn_ofs_database (PnOfs *self, PnOffice *office, const PnMessage *message)
{
  g_autoptr (PnUser) sender = NULL;
  if (message->from && pn_ofs_is_ours (self, office, message->from))
    sender = pn_directory_find_user (self->directory, office->name, message->from->user, NULL);
  return pn_store_message_database (message, sender ? sender->fid : NULL);
}

/* --- one mailbox --- */

gboolean
pn_ofs_add_item (PnOffice *office, PnDelivery *delivery, PnItem *item, const char *fid, GError **error)
{
  gboolean is_new;
  if (!pn_store_add_message (office->store, item->id, item->database, delivery->sealed, delivery->fd, error)
      || !pn_store_add_item (office->store, fid, item, &is_new, NULL, error))
    return FALSE;
  if (is_new)
    g_hash_table_add (office->changed, g_strdup (fid));
  return TRUE;
}

static gboolean
place (PnOfs *self, PnOffice *office, PnDelivery *delivery, PnItem *item, const PnUser *user, GError **error)
{
  g_autofree char *where = g_strdup_printf ("%s.%s.%s", user->domain, user->post_office, user->user);
  gboolean ok = pn_ofs_is_calendar (delivery->message)
                    ? pn_ofs_place_calendar (self, office, delivery, item, user, where, error)
                    : pn_ofs_add_item (office, delivery, item, user->fid, error);
  if (ok)
    pn_delivery_hop (delivery, "delivered", where, NULL);
  return ok;
}

/* --- all mailboxes --- */

typedef struct {
  GPtrArray *delivered, *undeliverable; /* PnStatusReport */
} Outcome;

static void
not_known (PnOffice *office, PnDelivery *delivery, const PnRecipient *recipient, Outcome *outcome)
{
  g_autofree char *reason
      = g_strdup_printf ("There is no user '%s' in post office %s.", recipient->address->user, office->name);
  g_autofree char *where = pn_address_to_string (recipient->address);
  pn_delivery_hop (delivery, "undeliverable", where, reason);
  if (pn_ofs_wants_undeliverable (delivery->message, recipient))
    g_ptr_array_add (outcome->undeliverable,
                     pn_ofs_report_new (PN_ACTION_UNDELIVERABLE, recipient->address, "5.1.1", reason));
}

static gboolean
place_all (PnOfs *self, PnOffice *office, PnDelivery *delivery, PnItem *item, Outcome *outcome,
           GError **error)
{
  const PnMessage *message = delivery->message;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (!recipient->deliver || !pn_ofs_is_ours (self, office, recipient->address))
      continue;
    g_autoptr (GError) reason = NULL;
    g_autoptr (PnUser) user
        = pn_directory_find_user (self->directory, office->name, recipient->address->user, &reason);
    if (!user && !g_error_matches (reason, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN)) {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
    if (!user) {
      not_known (office, delivery, recipient, outcome);
      continue;
    }
    if (!place (self, office, delivery, item, user, error))
      return FALSE;
    if (pn_ofs_wants_delivered (message, recipient))
      g_ptr_array_add (outcome->delivered,
                       pn_ofs_report_new (PN_ACTION_DELIVERED, recipient->address, NULL, NULL));
  }
  return TRUE;
}

static void
add_status (PnOfs *self, PnOffice *office, PnDelivery *delivery, const char *what, GPtrArray *reports)
{
  if (reports->len == 0)
    return;
  PnMessage *status = pn_ofs_status_new (self, office, delivery->message, what, g_ptr_array_ref (reports));
  if (!status)
    return;
  g_ptr_array_add (delivery->statuses, status);
  const PnStatusReport *first = status->reports->pdata[0];
  gboolean back = first->action == PN_ACTION_UNDELIVERABLE;
  g_autoptr (PnSource) plain = back ? pn_seal_open (self->program->key, delivery->sealed, NULL) : NULL;
  if (plain)
    pn_outgoing_return_original (status, plain, self->program->config->host);
}

static gboolean
deliver_items (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error)
{
  const PnMessage *message = delivery->message;
  g_autoptr (GPtrArray) delivered = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_status_report_free);
  g_autoptr (GPtrArray) undeliverable
      = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_status_report_free);
  Outcome outcome = { delivered, undeliverable };
  guint flags = message->calendar && message->calendar->method == PN_METHOD_CANCEL ? PN_ITEM_CANCELLED : 0;
  g_autoptr (PnItem) item = pn_item_new (message, pn_ofs_database (self, office, message), delivery->size,
                                         PN_BOX_IN, flags, g_get_real_time () / G_USEC_PER_SEC);
  if (!place_all (self, office, delivery, item, &outcome, error))
    return FALSE;
  add_status (self, office, delivery, "delivered", delivered);
  add_status (self, office, delivery, "undeliverable", undeliverable);
  return TRUE;
}

gboolean
pn_ofs_deliver (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error)
{
  g_ptr_array_set_size (delivery->statuses, 0);
  g_ptr_array_set_size (delivery->hops, 0);
  if (delivery->message->type == PN_TYPE_STATUS)
    return pn_ofs_take_status (self, office, delivery, error);
  if (pn_ofs_answers_search (self, delivery->message))
    return pn_ofs_take_search (self, office, delivery, error);
  return deliver_items (self, office, delivery, error);
}
