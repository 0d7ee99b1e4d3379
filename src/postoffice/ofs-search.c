/* Searches: who asks when somebody is busy gets a Search message with the blocks. */
#include "convert/ical.h"
#include "core/ids.h"
#include "core/log.h"
#include "postoffice/busy.h"
#include "postoffice/ofs.h"

#include <string.h>

/* Where none is asked for. */
#define DAYS_DEFAULT 7
#define DAY 86400

typedef enum { ASKED_NOBODY, ASKED_INSIDE, ASKED_OUTSIDE } Asker;

/* A request, not an answer to one or a published calendar. */
static gboolean
is_request (const PnMessage *message)
{
  if (message->type != PN_TYPE_SEARCH || message->orig_id || message->busy->len > 0)
    return FALSE;
  return !message->calendar || message->calendar->method == PN_METHOD_REQUEST
         || message->calendar->method == PN_METHOD_NONE;
}

static gboolean
same_internet (const PnAddress *address, const char *internet)
{
  return address && address->internet && internet && g_ascii_strcasecmp (address->internet, internet) == 0;
}

/* The answer goes to the organizer: what came from outside is answered only if it is he who has sent it, so
 * that nobody can have answers sent to others. */
static Asker
find_asker (const PnMessage *message)
{
  if (!is_request (message))
    return ASKED_NOBODY;
  if (!message->envelope_from)
    return message->from && (message->from->user || message->from->internet) ? ASKED_INSIDE : ASKED_NOBODY;
  const PnCalendar *calendar = message->calendar;
  if (message->auto_generated || !*message->envelope_from || !calendar || !calendar->organizer
      || !calendar->uid)
    return ASKED_NOBODY;
  return same_internet (calendar->organizer, message->envelope_from) ? ASKED_OUTSIDE : ASKED_NOBODY;
}

gboolean
pn_ofs_answers_search (PnOfs *self, const PnMessage *message)
{
  Asker asker = find_asker (message);
  if (asker == ASKED_NOBODY) /* all but a few: the setting is not looked up for each message */
    return FALSE;
  const char *whom = pn_config_string (self->program->config, "ofs", "busy-search");
  if (asker == ASKED_INSIDE)
    return g_ascii_strcasecmp (whom, "none") != 0;
  return g_ascii_strcasecmp (whom, "all") == 0;
}

static void
find_window (const PnMessage *message, gint64 *begin, gint64 *end)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  *begin = message->begin_time.set ? message->begin_time.unix_time : now;
  *end = message->end_time.set ? message->end_time.unix_time : *begin + DAYS_DEFAULT * DAY;
}

/* --- the answer --- */

static PnMessage *
native_answer (const PnMessage *message, const PnAddress *whose, const GPtrArray *busy)
{
  PnMessage *answer = pn_message_new (PN_TYPE_SEARCH);
  find_window (message, &answer->begin_time.unix_time, &answer->end_time.unix_time);
  answer->begin_time.set = answer->end_time.set = TRUE;
  answer->busy_for = pn_address_copy (whose);
  answer->send_options = g_strdup ("None");
  for (guint i = 0; i < busy->len; i++)
    g_ptr_array_add (answer->busy, g_memdup2 (busy->pdata[i], sizeof (PnBusyBlock)));
  return answer;
}

/* By iMIP, if he asked by it. */
static PnMessage *
calendar_answer (PnOfs *self, const PnMessage *message, const PnAddress *whose, const GPtrArray *busy)
{
  g_autoptr (GPtrArray) out = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  PnItipContext context
      = { .now = g_get_real_time () / G_USEC_PER_SEC, .site_timezone = self->program->config->timezone };
  const PnCalendar *asked = message->calendar;
  if (!asked || !asked->uid || !asked->organizer)
    return NULL;
  if (pn_itip_busy (message, whose, busy, &context, out, &error))
    return out->pdata[0];
  pn_log_warning ("no_calendar_answer", "id=%s reason=\"%s\"", message->id, error->message);
  return NULL;
}

/* The name the asker knows him by. */
static PnAddress *
asked_address (PnOfs *self, const PnMessage *message, const PnRecipient *recipient)
{
  for (guint i = 0; message->calendar && i < message->calendar->attendees->len; i++) {
    const PnAttendee *attendee = message->calendar->attendees->pdata[i];
    g_autoptr (PnAddress) known = pn_address_copy (attendee->address);
    if (pn_directory_complete (self->directory, known) && known->user
        && g_ascii_strcasecmp (known->user, recipient->address->user) == 0
        && g_strcmp0 (known->post_office, recipient->address->post_office) == 0)
      return pn_address_copy (attendee->address);
  }
  return pn_address_copy (recipient->address);
}

static void
add_answer (PnOfs *self, PnDelivery *delivery, const PnRecipient *recipient, const GPtrArray *busy)
{
  const PnMessage *message = delivery->message;
  g_autoptr (PnAddress) whose = asked_address (self, message, recipient);
  g_autofree char *where = pn_address_to_string (recipient->address);
  PnMessage *answer = calendar_answer (self, message, whose, busy);
  if (!answer)
    answer = native_answer (message, whose, busy);
  PnAddress *asker = message->envelope_from ? pn_address_new_internet (message->envelope_from, NULL)
                                            : pn_address_copy (message->from);
  pn_directory_complete (self->directory, asker);
  g_free (answer->id);
  answer->id = pn_id_derive (message->id, "busy", where);
  g_free (answer->orig_id);
  answer->orig_id = g_strdup (message->id);
  g_free (answer->message_id);
  answer->message_id = g_strdup_printf ("%s@%s", answer->id, self->program->config->host);
  answer->in_reply_to = g_strdup (message->message_id);
  answer->date = (PnTime){ TRUE, g_get_real_time () / G_USEC_PER_SEC, 0 };
  answer->auto_generated = TRUE;
  g_free (answer->subject);
  answer->subject = g_strdup (message->subject ? message->subject : "Busy times");
  g_clear_pointer (&answer->from, pn_address_free);
  answer->from = pn_address_copy (recipient->address);
  pn_directory_complete (self->directory, answer->from);
  g_ptr_array_set_size (answer->recipients, 0);
  PnRecipient *to = pn_message_add_recipient (answer, PN_TO, asker);
  to->deliver = to->listed = TRUE;
  g_ptr_array_add (delivery->statuses, answer);
  pn_delivery_hop (delivery, "answered", where, NULL);
}

/* Who is not known is never busy: the asker waits for a Search, and could do nothing with mail. */
static GPtrArray *
find_busy (PnOfs *self, PnOffice *office, const PnMessage *message, const char *name, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnUser) user = pn_directory_find_user (self->directory, office->name, name, &reason);
  gint64 begin, end;
  if (user) {
    PnCalendarBox box = pn_ofs_calendar_box (self, office, user);
    find_window (message, &begin, &end);
    return pn_calendar_busy (&box, begin, end, error);
  }
  if (g_error_matches (reason, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN)) {
    g_autofree char *who = pn_log_quote (name);
    pn_log_warning ("search_for_nobody", "id=%s user=%s", message->id, who);
    return g_ptr_array_new ();
  }
  g_propagate_error (error, g_steal_pointer (&reason));
  return NULL;
}

gboolean
pn_ofs_take_search (PnOfs *self, PnOffice *office, PnDelivery *delivery, GError **error)
{
  const PnMessage *message = delivery->message;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (!recipient->deliver || !pn_ofs_is_ours (self, office, recipient->address))
      continue;
    g_autoptr (GPtrArray) busy = find_busy (self, office, message, recipient->address->user, error);
    if (!busy)
      return FALSE;
    add_answer (self, delivery, recipient, busy);
  }
  return TRUE;
}
