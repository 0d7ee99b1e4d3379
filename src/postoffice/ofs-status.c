/* Status messages: those that the post office server makes, and those it takes. */
#include "core/ids.h"
#include "core/log.h"
#include "postoffice/ofs.h"

#include <string.h>

/* --- making --- */

/* What came by SMTP has an envelope; whatever its From field says, its sender is outside. */
static gboolean
is_internal (const PnMessage *message)
{
  return !message->envelope_from && message->from && message->from->user;
}

static gboolean
notify_has (const char *notify, const char *word)
{
  g_auto (GStrv) words = g_strsplit (notify, ",", -1);
  for (char **one = words; *one; one++)
    if (g_ascii_strcasecmp (g_strstrip (*one), word) == 0)
      return TRUE;
  return FALSE;
}

gboolean
pn_ofs_wants_delivered (const PnMessage *message, const PnRecipient *recipient)
{
  /* What follows an invitation (a cancellation, a proposal) is not kept by its sender and asks for nothing,
   * nor does what programs ask each other. */
  gboolean quiet = (message->calendar && message->calendar->method != PN_METHOD_NONE)
                   || message->type == PN_TYPE_SEARCH || message->type == PN_TYPE_ADMIN;
  if (is_internal (message))
    return message->status_request != PN_STATUS_REQUEST_NONE || !quiet;
  if (recipient->dsn_notify && *recipient->dsn_notify)
    return notify_has (recipient->dsn_notify, "SUCCESS");
  return (message->status_request & (PN_STATUS_REQUEST_DELIVERED | PN_STATUS_REQUEST_FULL)) != 0;
}

gboolean
pn_ofs_wants_undeliverable (const PnMessage *message, const PnRecipient *recipient)
{
  if (is_internal (message) || !recipient->dsn_notify || !*recipient->dsn_notify)
    return TRUE;
  return notify_has (recipient->dsn_notify, "FAILURE");
}

PnStatusReport *
pn_ofs_report_new (PnAction action, const PnAddress *recipient, const char *code, const char *diagnostic)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = (PnTime){ TRUE, g_get_real_time () / G_USEC_PER_SEC, 0 };
  report->recipient = pn_address_copy (recipient);
  report->status_code = g_strdup (code);
  report->diagnostic = g_strdup (diagnostic);
  return report;
}

/* Who is told what became of MESSAGE; NULL: nobody. */
static PnAddress *
status_target (PnOfs *self, const PnMessage *message)
{
  PnAddress *target = NULL;
  if (message->envelope_from)
    target = *message->envelope_from ? pn_address_new_internet (message->envelope_from, NULL) : NULL;
  else if (message->from && (message->from->user || message->from->internet))
    target = pn_address_copy (message->from);
  if (target)
    pn_directory_complete (self->directory, target);
  return target;
}

PnMessage *
pn_ofs_status_new (PnOfs *self, PnOffice *office, const PnMessage *message, const char *what,
                   GPtrArray *reports)
{
  g_autoptr (GPtrArray) taken = reports;
  PnAddress *target = status_target (self, message);
  if (!target)
    return NULL;
  const PnStatusReport *first = taken->pdata[0];
  PnMessage *status = pn_message_new (PN_TYPE_STATUS);
  g_free (status->id);
  status->id = pn_id_derive (message->id, what, office->name);
  status->orig_id = g_strdup (message->id);
  status->date = first->time;
  status->from = pn_address_copy (first->recipient);
  status->subject = g_strdup (message->subject);
  status->in_reply_to = g_strdup (message->message_id);
  status->envelope_id = g_strdup (message->envelope_id);
  status->envelope_ret = g_strdup (message->envelope_ret);
  status->priority = message->priority;
  status->auto_generated = TRUE;
  PnRecipient *recipient = pn_message_add_recipient (status, PN_TO, target);
  recipient->deliver = recipient->listed = TRUE;
  while (taken->len > 0)
    g_ptr_array_add (status->reports, g_ptr_array_steal_index (taken, 0));
  return status;
}

/* --- taking --- */

/* *FOUND_OUT is FALSE if the mailbox has no sent item for it. */
static gboolean
add_report (PnOffice *office, const PnMessage *message, const char *fid, const PnStatusReport *report,
            gboolean *found_out, GError **error)
{
  const char *uid = message->calendar ? message->calendar->uid : NULL;
  const char *orig_ids[2] = { message->orig_id, NULL };
  *found_out = FALSE;
  for (guint i = message->orig_id ? 0 : 1; i < 2; i++) {
    g_autoptr (GError) reason = NULL;
    if (!orig_ids[i] && !uid)
      continue;
    if (pn_store_add_status (office->store, fid, orig_ids[i], uid, message->id, report, &reason)) {
      *found_out = TRUE;
      return TRUE;
    }
    if (!g_error_matches (reason, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN)) {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
take_for_user (PnOfs *self, PnOffice *office, PnDelivery *delivery, const PnUser *user, GError **error)
{
  const PnMessage *message = delivery->message;
  gboolean all_found = message->reports->len > 0;
  PnItipOutcome outcome;
  if (!pn_ofs_take_answer (self, office, delivery, user, &outcome, error))
    return FALSE;
  /* What he says of one instance is no answer to all; it stands in the calendar. */
  gboolean instance = outcome == PN_ITIP_ANSWERED && message->calendar->recurrence_id.set;
  for (guint i = 0; i < message->reports->len && !instance; i++) {
    gboolean found;
    PnStatusReport *report = message->reports->pdata[i];
    if (outcome == PN_ITIP_STRANGER && !report->diagnostic)
      report->diagnostic = g_strdup ("He was not invited.");
    if (!add_report (office, message, user->fid, report, &found, error))
      return FALSE;
    all_found = all_found && found;
  }
  g_autofree char *where = g_strdup_printf ("%s.%s.%s", user->domain, user->post_office, user->user);
  if (all_found) {
    g_hash_table_add (office->changed, g_strdup (user->fid));
    pn_delivery_hop (delivery, "status", where, NULL);
    return TRUE;
  }
  g_autoptr (PnItem) item = pn_item_new (message, pn_ofs_database (self, office, message), delivery->size,
                                         PN_BOX_IN, 0, g_get_real_time () / G_USEC_PER_SEC);
  pn_delivery_hop (delivery, "delivered", where, "status without a sent item");
  return pn_ofs_add_item (office, delivery, item, user->fid, error);
}

gboolean
pn_ofs_take_status (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error)
{
  const PnMessage *message = delivery->message;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (!recipient->deliver || !pn_ofs_is_ours (self, office, recipient->address))
      continue;
    g_autoptr (PnUser) user
        = pn_directory_find_user (self->directory, office->name, recipient->address->user, NULL);
    if (!user) {
      g_autofree char *who = pn_log_quote (recipient->address->user);
      pn_log_warning ("status_for_nobody", "id=%s user=%s", message->id, who);
      pn_delivery_hop (delivery, "dropped", office->name, "a status for a user who is not known");
      continue;
    }
    if (!take_for_user (self, office, delivery, user, error))
      return FALSE;
  }
  return TRUE;
}
