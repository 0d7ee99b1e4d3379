#include "domain/route.h"

#include "core/ids.h"

#include <string.h>

typedef struct {
  const PnConfig *config;
  PnDirectory *directory;
  PnMessage *message;
  PnRoute *route;
} Router;

static int
find_office (const PnConfig *config, const char *name)
{
  for (guint i = 0; i < config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = g_ptr_array_index (config->post_offices, i);
    if (g_ascii_strcasecmp (office->name, name) == 0)
      return (int) i;
  }
  return -1;
}

static gboolean
notify_wants_failure (const char *notify)
{
  g_auto (GStrv) words = g_strsplit (notify, ",", -1);
  for (char **word = words; *word; word++)
    if (g_ascii_strcasecmp (g_strstrip (*word), "FAILURE") == 0)
      return TRUE;
  return FALSE;
}

/* RFC 3461 4.1: NOTIFY says it; without it failures are told.  It binds us only for what came with an
 * envelope. */
static gboolean
wants_failure (const PnMessage *message, const PnRecipient *recipient)
{
  const char *notify = recipient->dsn_notify;
  return !message->envelope_from || !notify || !*notify || notify_wants_failure (notify);
}

static void
add_unknown (Router *self, const PnRecipient *recipient, const char *reason)
{
  self->route->n_unknown++;
  if (!wants_failure (self->message, recipient))
    return;
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = PN_ACTION_UNDELIVERABLE;
  report->time = (PnTime){ TRUE, g_get_real_time () / G_USEC_PER_SEC, 0 };
  report->recipient = pn_address_copy (recipient->address);
  report->status_code = g_strdup ("5.1.1");
  report->diagnostic = g_strdup (reason);
  g_ptr_array_add (self->route->reports, report);
}

static gboolean
is_foreign_internet (Router *self, const PnAddress *address)
{
  return address->internet && *address->internet
         && !pn_directory_is_local (self->directory, address->internet);
}

/* The user ADDRESS means, or NULL with the reason. */
static PnUser *
look_up (Router *self, const PnAddress *address, GError **error)
{
  gboolean other_domain = address->domain && *address->domain
                          && g_ascii_strcasecmp (address->domain, self->config->domain) != 0;
  if (address->user && *address->user && !other_domain) {
    gboolean office = address->post_office && *address->post_office;
    return pn_directory_find_user (self->directory, office ? address->post_office : NULL, address->user,
                                   error);
  }
  if (address->internet && *address->internet)
    return pn_directory_resolve (self->directory, address->internet, error);
  g_autofree char *text = pn_address_to_string (address);
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN,
               "'%s' is in no domain that is known here", text);
  return NULL;
}

static void
route_to_user (Router *self, const PnRecipient *recipient, const PnUser *user)
{
  PnAddress *address = recipient->address;
  int office = find_office (self->config, user->post_office);
  if (office < 0) {
    g_autofree char *reason = g_strdup_printf ("Post office %s is not served here.", user->post_office);
    add_unknown (self, recipient, reason);
    return;
  }
  self->route->offices[office] = TRUE;
  if (address->user && address->post_office
      && g_ascii_strcasecmp (address->post_office, user->post_office) == 0)
    return;
  g_free (address->domain);
  g_free (address->post_office);
  g_free (address->user);
  address->domain = g_strdup (user->domain);
  address->post_office = g_strdup (user->post_office);
  address->user = g_strdup (user->user);
  self->route->readdress = TRUE;
}

static void
route_recipient (Router *self, const PnRecipient *recipient)
{
  const PnAddress *address = recipient->address;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnUser) user = NULL;
  gboolean native = address->user && *address->user;
  if (!native && is_foreign_internet (self, address)) {
    self->route->gateway = TRUE;
    return;
  }
  user = look_up (self, address, &error);
  if (user)
    route_to_user (self, recipient, user);
  else if (is_foreign_internet (self, address))
    /* A native address of another system: its user is reached by the Internet. */
    self->route->gateway = TRUE;
  else
    add_unknown (self, recipient, error->message);
}

static gboolean
reaches_somebody (const PnMessage *message)
{
  for (guint i = 0; i < message->recipients->len; i++)
    if (((const PnRecipient *) g_ptr_array_index (message->recipients, i))->deliver)
      return TRUE;
  return FALSE;
}

/* Directory entries name no recipient: they are for the administrator. */
static void
address_to_postmaster (const PnConfig *config, PnMessage *message)
{
  g_autofree char *postmaster = g_strconcat ("postmaster@", config->internet_domain, NULL);
  PnRecipient *recipient
      = pn_message_add_recipient (message, PN_BC, pn_address_new_internet (postmaster, NULL));
  recipient->deliver = TRUE;
  recipient->listed = FALSE;
}

PnRoute *
pn_route_find (const PnConfig *config, PnDirectory *directory, PnMessage *message)
{
  if (message->type == PN_TYPE_ADMIN && !reaches_somebody (message))
    address_to_postmaster (config, message);
  PnRoute *self = g_new0 (PnRoute, 1);
  self->offices = g_new0 (gboolean, config->post_offices->len + 1);
  self->reports = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_status_report_free);
  Router router = { config, directory, message, self };
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (!recipient->deliver)
      continue;
    self->n_deliver++;
    route_recipient (&router, recipient);
  }
  return self;
}

void
pn_route_free (PnRoute *self)
{
  if (!self)
    return;
  g_free (self->offices);
  g_ptr_array_unref (self->reports);
  g_free (self);
}

/* --- the status ------------------------------------------------------------------------------- */

/* Who is told: the return path, where there is one; it may be null. */
static PnAddress *
sender_of (PnDirectory *directory, const PnMessage *message)
{
  PnAddress *sender = NULL;
  if (message->envelope_from)
    sender = *message->envelope_from ? pn_address_new_internet (message->envelope_from, NULL) : NULL;
  else if (message->from && (message->from->user || message->from->internet))
    sender = pn_address_copy (message->from);
  if (sender)
    pn_directory_complete (directory, sender);
  return sender;
}

static void
add_sender (PnMessage *message, PnAddress *sender)
{
  PnRecipient *recipient = pn_message_add_recipient (message, PN_TO, sender);
  recipient->deliver = recipient->listed = TRUE;
}

/* Who asks when somebody is busy waits for a Search; of one who is not known it says nothing. */
static PnMessage *
empty_answer (PnRoute *self, const PnMessage *message, PnAddress *sender)
{
  PnMessage *answer = pn_message_new (PN_TYPE_SEARCH);
  const PnStatusReport *first = g_ptr_array_index (self->reports, 0);
  g_autofree char *whom = pn_address_to_string (first->recipient);
  g_free (answer->id);
  answer->id = pn_id_derive (message->id, "busy", whom);
  answer->orig_id = g_strdup (message->id);
  answer->date = first->time;
  answer->subject = g_strdup (message->subject);
  answer->from = pn_address_copy (first->recipient);
  answer->busy_for = pn_address_copy (first->recipient);
  answer->begin_time = message->begin_time;
  answer->end_time = message->end_time;
  answer->send_options = g_strdup ("None");
  answer->auto_generated = TRUE;
  add_sender (answer, sender);
  return answer;
}

PnMessage *
pn_route_undeliverable (PnRoute *self, PnDirectory *directory, const PnMessage *message)
{
  gboolean search = message->type == PN_TYPE_SEARCH;
  if (message->type == PN_TYPE_STATUS || self->reports->len == 0 || (search && message->orig_id))
    return NULL;
  PnAddress *sender = sender_of (directory, message);
  if (!sender)
    return NULL;
  if (search && !message->envelope_from)
    return empty_answer (self, message, sender);
  g_autoptr (GString) whom = g_string_new (NULL);
  const PnStatusReport *first = g_ptr_array_index (self->reports, 0);
  PnMessage *status = pn_message_new (PN_TYPE_STATUS);
  status->date = first->time;
  status->from = pn_address_copy (first->recipient);
  while (self->reports->len > 0) {
    PnStatusReport *report = g_ptr_array_steal_index (self->reports, 0);
    g_autofree char *recipient = pn_address_to_string (report->recipient);
    g_string_append (whom, recipient);
    g_string_append_c (whom, '\n');
    g_ptr_array_add (status->reports, report);
  }
  g_free (status->id);
  status->id = pn_id_derive (message->id, "unknown recipients", whom->str);
  status->orig_id = g_strdup (message->id);
  status->subject = g_strdup (message->subject);
  status->in_reply_to = g_strdup (message->message_id);
  status->envelope_id = g_strdup (message->envelope_id);
  status->envelope_ret = g_strdup (message->envelope_ret);
  status->priority = message->priority;
  status->auto_generated = TRUE;
  add_sender (status, sender);
  return status;
}
