/* Who wants to be told that a message was opened. */
#include "convert/mime-header.h"
#include "convert/mime.h"

#include <string.h>

#define MAX_ADDRESSES 20

/* RFC 8098 2.2: an option of importance "required" is to be known to who makes the receipt. */
static gboolean
has_required_option (const PnMessage *message)
{
  const char *options = pn_message_get_header (message, "Disposition-Notification-Options");
  g_auto (GStrv) words = g_strsplit_set (options ? options : "", "=,;", -1);
  for (guint i = 0; words[i]; i++)
    if (g_ascii_strcasecmp (g_strstrip (words[i]), "required") == 0)
      return TRUE;
  return FALSE;
}

GPtrArray *
pn_mime_receipt_addresses (const PnMessage *message, gboolean *refused_out)
{
  PnHeaderContext context = { 0 };
  GPtrArray *addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_address_free);
  const char *value = pn_message_get_header (message, "Disposition-Notification-To");
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();
  *refused_out = has_required_option (message);
  if (value)
    pn_header_parse_addresses (value, strlen (value), &context, mailboxes, MAX_ADDRESSES);
  for (guint i = 0; i < mailboxes->len; i++) {
    const PnAddress *address = g_array_index (mailboxes, PnMailbox, i).address;
    if (address->internet)
      g_ptr_array_add (addresses, pn_address_copy (address));
  }
  return addresses;
}
