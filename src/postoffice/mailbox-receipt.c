/* Telling a sender that his message was opened. */
#include "convert/mime.h"
#include "core/ids.h"
#include "core/log.h"
#include "postoffice/mailbox-private.h"
#include "store/correlation.h"

#include <string.h>

gboolean
pn_mailbox_wants_opened (const PnMessage *message)
{
  return message->type != PN_TYPE_STATUS && message->from
         && (message->status_request & (PN_STATUS_REQUEST_OPENED | PN_STATUS_REQUEST_FULL)) != 0;
}

/* Local parts may differ by case alone, domains not. */
static gboolean
same_mailbox (const char *a, const char *b)
{
  const char *at = strrchr (a, '@'), *other = strrchr (b, '@');
  return at && other && at - a == other - b && strncmp (a, b, (gsize) (at - a)) == 0
         && g_ascii_strcasecmp (at, other) == 0;
}

/* Where the receipt goes without asking its reader: to the one address that is the return path. */
static PnAddress *
target_outside (PnMessage *message, gboolean consent)
{
  gboolean refused;
  g_autoptr (GPtrArray) wanted = pn_mime_receipt_addresses (message, &refused);
  if (refused && !consent)
    return NULL;
  if (wanted->len == 0 && message->from->internet)
    g_ptr_array_add (wanted, pn_address_copy (message->from));
  if (wanted->len == 0)
    return NULL;
  const PnAddress *first = wanted->pdata[0];
  gboolean certain = wanted->len == 1 && !message->auto_generated && *message->envelope_from
                     && same_mailbox (first->internet, message->envelope_from);
  return certain || consent ? pn_address_copy (first) : NULL;
}

static PnAddress *
target_of (PnMailbox *self, PnMessage *message, gboolean consent)
{
  if (message->envelope_from)
    return target_outside (message, consent);
  gboolean inside = message->from->user && !pn_mailbox_is_owner (self, message->from);
  return inside ? pn_address_copy (message->from) : NULL;
}

/* What the sender knows the message by. */
static void
add_correlation_key (PnMessage *status, const PnMessage *message)
{
  const char *key = pn_message_get_header (message, PN_CORRELATION_KEY);
  if (!key || !*key)
    return;
  PnHeader *header = g_new0 (PnHeader, 1);
  header->name = g_strdup (PN_CORRELATION_KEY);
  header->value = g_strdup (key);
  g_ptr_array_add (status->headers, header);
}

/* The address the message was sent to before it was forwarded to this mailbox (RFC 8098 3.2.3). */
static char *
original_recipient (const PnMessage *message)
{
  static const char type[] = "rfc822;";
  const char *value = pn_message_get_header (message, "Original-Recipient");
  if (!value || g_ascii_strncasecmp (value, type, strlen (type)) != 0)
    return NULL;
  return g_strstrip (g_strdup (value + strlen (type)));
}

gboolean
pn_mailbox_send_opened (PnMailbox *self, PnMessage *message, gboolean consent, GError **error)
{
  g_autoptr (GError) reason = NULL;
  if (!pn_mailbox_wants_opened (message))
    return TRUE;
  if (message->headers->len == 0 && pn_message_get_part (message, PN_PART_SKELETON)
      && !pn_mime_restore_headers (message, &reason))
    pn_log_warning ("headers_unread", "id=%s reason=\"%s\"", message->id, reason->message);
  PnAddress *target = target_of (self, message, consent);
  if (!target)
    return TRUE;
  pn_directory_complete (self->directory, target);
  g_autoptr (PnMessage) status = pn_message_new (PN_TYPE_STATUS);
  status->id = pn_id_derive (message->id, "opened", self->where);
  status->orig_id = g_strdup (message->id);
  status->in_reply_to = g_strdup (message->message_id);
  status->subject = g_strdup (message->subject);
  status->date = pn_mailbox_now (self);
  status->from = pn_mailbox_address (self);
  status->priority = message->priority;
  status->auto_generated = TRUE;
  pn_message_add_recipient (status, PN_TO, target);
  add_correlation_key (status, message);
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = PN_ACTION_OPENED;
  report->time = status->date;
  report->recipient = pn_mailbox_address (self);
  report->original_recipient = original_recipient (message);
  if (consent)
    report->wording = g_strdup ("manual-action/MDN-sent-manually; displayed");
  g_ptr_array_add (status->reports, report);
  return pn_mailbox_put_status (self, status, message, error);
}
