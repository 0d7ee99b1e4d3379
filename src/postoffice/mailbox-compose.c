/* Completing a message that is to be sent. */
#include "postoffice/mailbox-private.h"

#include "core/ids.h"

#include <string.h>

#define TEXT_LIMIT (16 * 1024 * 1024)

/* --- recipients --- */

static gboolean
is_plausible (const char *internet)
{
  const char *at = strrchr (internet, '@');
  if (!at || at == internet || !at[1] || at[1] == '.')
    return FALSE;
  for (const char *p = internet; *p; p++)
    if ((guchar) *p <= ' ' || *p == '<' || *p == '>' || *p == ',' || *p == 0x7f)
      return FALSE;
  return TRUE;
}

static void
take_user (PnAddress *address, const PnUser *user)
{
  g_free (address->domain);
  g_free (address->post_office);
  g_free (address->user);
  address->domain = g_strdup (user->domain);
  address->post_office = g_strdup (user->post_office);
  address->user = g_strdup (user->user);
  if (!address->internet)
    address->internet = g_strdup (user->internet);
  if (!address->name || !*address->name) {
    g_free (address->name);
    address->name = pn_user_full_name (user);
  }
}

static gboolean
look_up (PnMailbox *self, PnAddress *address, const char *text, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnUser) user = NULL;
  gboolean native = address->user != NULL;
  if (native)
    user = pn_directory_find_user (self->directory, address->post_office, address->user, &reason);
  else if (pn_directory_is_local (self->directory, address->internet))
    user = pn_directory_resolve (self->directory, address->internet, &reason);
  else if (is_plausible (address->internet))
    return TRUE;
  if (user) {
    take_user (address, user);
    return TRUE;
  }
  /* A user of a foreign system may be known by a native address too: mail to him goes by the Internet. */
  if (native && address->internet && !pn_directory_is_local (self->directory, address->internet))
    return TRUE;
  g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_RECIPIENT, "recipient '%s': %s", text,
               reason ? reason->message : "this is not an address");
  return FALSE;
}

static PnAddress *
parse_native (PnMailbox *self, const char *text, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnUser) user = pn_directory_find_user (self->directory, NULL, text, NULL);
  if (!user)
    user = pn_directory_resolve (self->directory, text, &reason);
  if (!user) {
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_RECIPIENT, "recipient '%s': %s", text,
                 reason->message);
    return NULL;
  }
  PnAddress *address = pn_address_new (NULL, NULL, NULL);
  take_user (address, user);
  return address;
}

/* "Name <local@host>", with or without the name. */
static PnAddress *
parse_internet (const char *text)
{
  const char *open = strrchr (text, '<');
  const char *close = open ? strchr (open, '>') : NULL;
  if (!close)
    return pn_address_new_internet (text, NULL);
  g_autofree char *spec = g_strstrip (g_strndup (open + 1, (gsize) (close - open - 1)));
  g_autofree char *name = g_strstrip (g_strndup (text, (gsize) (open - text)));
  gsize length = strlen (name);
  if (length >= 2 && name[0] == '"' && name[length - 1] == '"') {
    name[length - 1] = '\0';
    return pn_address_new_internet (spec, name + 1);
  }
  return pn_address_new_internet (spec, length > 0 ? name : NULL);
}

PnAddress *
pn_mailbox_parse_address (PnMailbox *self, const char *text, GError **error)
{
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  g_autoptr (PnAddress) address
      = strchr (stripped, '@') ? parse_internet (stripped) : parse_native (self, stripped, error);
  return address && look_up (self, address, stripped, error) ? g_steal_pointer (&address) : NULL;
}

gboolean
pn_mailbox_add_recipient (PnMailbox *self, PnMessage *message, PnDistribution distribution, const char *text,
                          GError **error)
{
  PnAddress *address = pn_mailbox_parse_address (self, text, error);
  if (address)
    pn_message_add_recipient (message, distribution, address);
  return address != NULL;
}

static gboolean
complete_recipients (PnMailbox *self, PnMessage *message, GError **error)
{
  if (message->recipients->len == 0) {
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_RECIPIENT, "the message has no recipient");
    return FALSE;
  }
  for (guint i = 0; i < message->recipients->len; i++) {
    PnRecipient *recipient = message->recipients->pdata[i];
    PnAddress *address = recipient->address;
    recipient->deliver = TRUE;
    recipient->listed = recipient->distribution != PN_BC;
    g_autofree char *text = pn_address_display (address);
    if (!address->user && !address->internet) {
      g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_RECIPIENT, "recipient '%s' has no address",
                   text);
      return FALSE;
    }
    if (!look_up (self, address, text, error))
      return FALSE;
  }
  return TRUE;
}

/* --- appointments, tasks, notes --- */

static const char *
component_of (PnMessageType type)
{
  return type == PN_TYPE_TASK ? "VTODO" : type == PN_TYPE_NOTE ? "VJOURNAL" : "VEVENT";
}

static void
add_attendees (PnMessage *message)
{
  PnCalendar *calendar = message->calendar;
  if (calendar->attendees->len > 0)
    return;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->distribution == PN_BC)
      continue;
    PnAttendee *attendee = g_new0 (PnAttendee, 1);
    attendee->address = pn_address_copy (recipient->address);
    attendee->rsvp = TRUE;
    attendee->role = g_strdup (recipient->distribution == PN_TO ? "REQ-PARTICIPANT" : "OPT-PARTICIPANT");
    g_ptr_array_add (calendar->attendees, attendee);
  }
}

static char *
plain_text (const PnMessage *message)
{
  const PnPart *part = pn_message_get_part (message, PN_PART_TEXT);
  g_autoptr (GBytes) bytes = part && part->content ? pn_content_read (part->content, TEXT_LIMIT, NULL) : NULL;
  if (!bytes || g_bytes_get_size (bytes) == 0)
    return NULL;
  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
complete_calendar (PnMailbox *self, PnMessage *message)
{
  PnCalendar *calendar = message->calendar;
  if (calendar->method == PN_METHOD_NONE)
    calendar->method = message->type == PN_TYPE_NOTE ? PN_METHOD_PUBLISH : PN_METHOD_REQUEST;
  if (!calendar->component)
    calendar->component = g_strdup (component_of (message->type));
  if (!calendar->uid)
    calendar->uid = g_strdup_printf ("%s@%s", message->id, self->config->host);
  if (!calendar->stamp.set)
    calendar->stamp = message->date;
  if (!calendar->summary)
    calendar->summary = g_strdup (message->subject);
  if (!calendar->description)
    calendar->description = plain_text (message);
  if (!calendar->organizer)
    calendar->organizer = pn_mailbox_address (self);
  if (calendar->method != PN_METHOD_PUBLISH)
    add_attendees (message);
}

/* --- all --- */

gboolean
pn_mailbox_complete (PnMailbox *self, PnMessage *message, GError **error)
{
  if (!complete_recipients (self, message, error))
    return FALSE;
  if (!message->id)
    message->id = pn_id_new ();
  if (!message->date.set)
    message->date = pn_mailbox_now (self);
  if (!message->message_id)
    message->message_id = g_strdup_printf ("%s@%s", message->id, self->config->host);
  g_clear_pointer (&message->from, pn_address_free);
  message->from = pn_mailbox_address (self);
  g_clear_pointer (&message->envelope_from, g_free);
  if (message->status_request == PN_STATUS_REQUEST_NONE)
    message->status_request = PN_STATUS_REQUEST_DELIVERED;
  gboolean calendar_type = message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK
                           || message->type == PN_TYPE_NOTE;
  if (calendar_type && !message->calendar)
    message->calendar = pn_calendar_new ();
  if (message->calendar)
    complete_calendar (self, message);
  return TRUE;
}
