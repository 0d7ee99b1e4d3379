#include "agent/agent-private.h"

#include "core/ids.h"
#include "core/log.h"

#include <string.h>

/* --- what comes back from the Internet -------------------------------------------------------- */

static PnCorrelation *
find_by_ids (PnAgent *self, const PnMessage *message, GError **error)
{
  const char *ids[] = { message->orig_id, message->envelope_id };
  PnCorrelation *record = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (ids) && !record && !*error; i++)
    if (ids[i])
      record = pn_correlation_db_find (self->correlation, ids[i], FALSE, error);
  if (!record && !*error && message->in_reply_to)
    record = pn_correlation_db_find_message_id (self->correlation, message->in_reply_to, error);
  for (guint i = message->references->len; i-- > 0 && !record && !*error;)
    record = pn_correlation_db_find_message_id (self->correlation, g_ptr_array_index (message->references, i),
                                                error);
  return record;
}

/* By the correlation key, or by the return path that the report was sent to. */
static PnCorrelation *
find_by_token (PnAgent *self, const PnMessage *message, GError **error)
{
  const char *key = pn_message_get_header (message, PN_CORRELATION_KEY);
  PnCorrelation *record = key ? pn_correlation_db_find_token (self->correlation, key, error) : NULL;
  for (guint i = 0; i < message->recipients->len && !record && !*error; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    const char *path = recipient->deliver ? recipient->address->internet : NULL;
    const char *at = path ? strrchr (path, '@') : NULL;
    const char *plus = at ? g_strrstr_len (path, at - path, "+") : NULL;
    if (!plus)
      continue;
    g_autofree char *token = g_strndup (plus + 1, (gsize) (at - plus - 1));
    record = pn_correlation_db_find_token (self->correlation, token, error);
  }
  return record;
}

static PnCorrelation *
find_record (PnAgent *self, const PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  PnCorrelation *record = find_by_ids (self, message, &error);
  if (!record && !error)
    record = find_by_token (self, message, &error);
  if (error)
    pn_agent_log_error ("correlation", error);
  return record;
}

/* Only a report that was sent to the sender of the message is believed: anybody can make one up. */
static gboolean
came_to_sender (const PnMessage *message, const PnCorrelation *record)
{
  for (guint i = 0; record->user && i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    const PnAddress *a = recipient->address;
    if (recipient->deliver && a->user && a->post_office && g_ascii_strcasecmp (a->user, record->user) == 0
        && g_ascii_strcasecmp (a->post_office, record->post_office) == 0)
      return TRUE;
  }
  return FALSE;
}

/* The recipient of ours that REPORT is about, or NULL. */
static const PnCorrelationRecipient *
find_reported (const PnCorrelation *record, const PnStatusReport *report)
{
  const char *address = report->recipient ? report->recipient->internet : NULL;
  const PnCorrelationRecipient *known = pn_correlation_find_recipient (record, report->original_recipient);
  if (!known)
    known = pn_correlation_find_recipient (record, address);
  return known || record->recipients->len != 1 ? known : g_ptr_array_index (record->recipients, 0);
}

/* Leaves the reports about recipients that the message had. */
static gboolean
keep_known_recipients (PnMessage *message, const PnCorrelation *record)
{
  for (guint i = message->reports->len; i-- > 0;) {
    PnStatusReport *report = g_ptr_array_index (message->reports, i);
    const PnCorrelationRecipient *known = find_reported (record, report);
    if (!known) {
      g_ptr_array_remove_index (message->reports, i);
      continue;
    }
    /* His mail was forwarded: the item in the mailbox knows the address that it was sent to. */
    if (!report->recipient || !report->recipient->internet
        || g_ascii_strcasecmp (report->recipient->internet, known->address) != 0) {
      pn_address_free (report->recipient);
      report->recipient = pn_address_new_internet (known->address, NULL);
    }
    g_clear_pointer (&report->original_recipient, g_free);
  }
  return message->reports->len > 0;
}

/* An invitation that did not get to an attendee: its calendar has to show it too. */
static void
add_attendees (PnMessage *status, const PnCorrelation *record)
{
  for (guint i = 0; record->uid && i < status->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (status->reports, i);
    if (report->action != PN_ACTION_UNDELIVERABLE)
      continue;
    if (!status->calendar) {
      status->calendar = pn_calendar_new ();
      status->calendar->uid = g_strdup (record->uid);
    }
    PnAttendee *attendee = g_new0 (PnAttendee, 1);
    attendee->address = pn_address_copy (report->recipient);
    attendee->partstat = PN_PARTSTAT_NEEDS_ACTION;
    g_ptr_array_add (status->calendar->attendees, attendee);
  }
}

static PnRecipient *
set_only_recipient (PnMessage *message, const PnCorrelation *record)
{
  PnAddress *address = pn_address_new (record->domain, record->post_office, record->user);
  address->internet = g_strdup (record->sender && *record->sender ? record->sender : NULL);
  g_ptr_array_set_size (message->recipients, 0);
  PnRecipient *recipient = pn_message_add_recipient (message, PN_TO, address);
  recipient->deliver = recipient->listed = TRUE;
  return recipient;
}

gboolean
pn_agent_tie_status (PnAgent *self, PnMessage *message)
{
  g_autoptr (PnCorrelation) record = find_record (self, message);
  if (record && came_to_sender (message, record) && keep_known_recipients (message, record)) {
    g_free (message->orig_id);
    message->orig_id = g_strdup (record->id);
    set_only_recipient (message, record);
    add_attendees (message, record);
    return TRUE;
  }
  message->type = PN_TYPE_MAIL;
  g_clear_pointer (&message->orig_id, g_free);
  g_ptr_array_set_size (message->reports, 0);
  return FALSE;
}

/* --- what we make of results ------------------------------------------------------------------ */

PnStatusReport *
pn_agent_report_new (const PnResult *result)
{
  static const PnAction actions[] = { [PN_RESULT_TRANSFERRED] = PN_ACTION_TRANSFERRED,
                                      [PN_RESULT_UNDELIVERABLE] = PN_ACTION_UNDELIVERABLE,
                                      [PN_RESULT_DELAYED] = PN_ACTION_TRANSFER_DELAYED };
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = actions[result->action];
  report->time = (PnTime){ TRUE, result->time, 0 };
  report->recipient = pn_address_new_internet (result->recipient, NULL);
  report->status_code = g_strdup (result->enhanced);
  if (result->code > 0)
    report->diagnostic = g_strdup_printf ("%d %s%s%s", result->code, result->enhanced ? result->enhanced : "",
                                          result->enhanced ? " " : "", result->text ? result->text : "");
  else
    report->diagnostic = g_strdup (result->text);
  report->remote_mta = g_strdup (result->host);
  return report;
}

PnMessage *
pn_agent_status_new (const PnCorrelation *record, GPtrArray *reports)
{
  PnMessage *status = pn_message_new (PN_TYPE_STATUS);
  g_autoptr (GString) what = g_string_new (NULL);
  for (guint i = 0; i < reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (reports, i);
    g_string_append_printf (what, "%s %s %" G_GINT64_FORMAT "\n", pn_action_to_string (report->action),
                            report->recipient->internet, report->time.unix_time);
  }
  const PnStatusReport *first = g_ptr_array_index (reports, 0);
  g_free (status->id);
  status->id = pn_id_derive (record->id, "status", what->str);
  status->orig_id = g_strdup (record->id);
  status->date = first->time;
  status->from = pn_address_copy (first->recipient);
  status->subject = g_strdup (record->subject);
  status->in_reply_to = g_strdup (record->message_id);
  status->auto_generated = TRUE;
  if (record->user)
    set_only_recipient (status, record);
  while (reports->len > 0)
    g_ptr_array_add (status->reports, g_ptr_array_steal_index (reports, 0));
  if (record->user)
    add_attendees (status, record);
  return status;
}
