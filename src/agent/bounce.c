#include "agent/agent-private.h"

#include "convert/status-code.h"

#include <string.h>

static gboolean
notify_has (const char *notify, const char *word)
{
  g_auto (GStrv) words = g_strsplit (notify, ",", -1);
  for (char **w = words; *w; w++)
    if (g_ascii_strcasecmp (g_strstrip (*w), word) == 0)
      return TRUE;
  return FALSE;
}

gboolean
pn_agent_is_report (const PnMessage *message)
{
  return message->type == PN_TYPE_STATUS && !message->calendar;
}

gboolean
pn_agent_is_disposition (const PnMessage *message)
{
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (report->action == PN_ACTION_OPENED || report->action == PN_ACTION_DELETED)
      return TRUE;
  }
  return FALSE;
}

void
pn_agent_dress_disposition (PnMessage *message)
{
  const PnStatusReport *first = g_ptr_array_index (message->reports, 0);
  const char *word = first->action == PN_ACTION_DELETED ? "Deleted" : "Read";
  char *subject = g_strdup_printf ("%s: %s", word, message->subject ? message->subject : "your message");
  g_free (message->subject);
  message->subject = subject;
  message->auto_generated = TRUE;
}

/* What the sender said about the recipient of REPORT.  He may have written to him by another of his
 * addresses. */
static const PnCorrelationRecipient *
find_original (const PnStatusReport *report, const PnCorrelation *original)
{
  const char *address = report->recipient ? report->recipient->internet : NULL;
  if (!original)
    return NULL;
  const PnCorrelationRecipient *known = pn_correlation_find_recipient (original, address);
  return known || original->recipients->len != 1 ? known : g_ptr_array_index (original->recipients, 0);
}

/* RFC 3461 4.1: without NOTIFY failures are reported, delays may be, successes are not. */
static gboolean
wants_report (const PnStatusReport *report, const PnCorrelation *original)
{
  const PnCorrelationRecipient *recipient = find_original (report, original);
  const char *notify = recipient ? recipient->notify : NULL;
  switch (report->action) {
  case PN_ACTION_UNDELIVERABLE:
    return notify ? notify_has (notify, "FAILURE") : !original || !original->silent;
  case PN_ACTION_TRANSFER_DELAYED:
    return notify ? notify_has (notify, "DELAY") : !original || !original->silent;
  case PN_ACTION_DELIVERED:
  case PN_ACTION_TRANSFERRED:
    return notify && notify_has (notify, "SUCCESS");
  default:
    return FALSE; /* nothing that Internet mail has a form for */
  }
}

gboolean
pn_agent_wants_bounce (PnAgent *self, PnMessage *message, const PnCorrelation *original)
{
  for (guint i = 0; i < message->reports->len; i++) {
    PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (report->recipient)
      pn_directory_complete (self->directory, report->recipient);
  }
  for (guint i = message->reports->len; i-- > 0;)
    if (!wants_report (g_ptr_array_index (message->reports, i), original))
      g_ptr_array_remove_index (message->reports, i);
  return message->reports->len > 0;
}

/* --- how it looks ----------------------------------------------------------------------------- */

static const char *
title_of (const PnMessage *message)
{
  const PnStatusReport *first = g_ptr_array_index (message->reports, 0);
  switch (first->action) {
  case PN_ACTION_UNDELIVERABLE:
    return "Undeliverable";
  case PN_ACTION_TRANSFER_DELAYED:
    return "Delayed";
  case PN_ACTION_TRANSFERRED:
    return "Relayed";
  default:
    return "Delivered";
  }
}

/* "rfc822;address" with its xtext undone, as a report has it. */
static char *
decode_orcpt (const char *orcpt)
{
  char *decoded = pn_xtext_decode (orcpt);
  return decoded ? decoded : g_strdup (orcpt);
}

/* Recipients whose ORCPT is known stand in the message unseen: the report takes it from there. */
static void
add_original_recipients (PnMessage *message, const PnCorrelation *original)
{
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    const char *address = report->recipient ? report->recipient->internet : NULL;
    const PnCorrelationRecipient *known = find_original (report, original);
    if (!known || !known->orcpt || !address)
      continue;
    PnRecipient *recipient
        = pn_message_add_recipient (message, PN_BC, pn_address_new_internet (address, NULL));
    recipient->dsn_orcpt = decode_orcpt (known->orcpt);
  }
}

static void
add_header (GString *out, const char *name, const char *value, const char *before, const char *after)
{
  if (!value || !*value)
    return;
  g_autofree char *plain = g_strdelimit (g_str_to_ascii (value, "C"), "\r\n\t", ' ');
  g_string_append_printf (out, "%s: %s%s%s\r\n", name, before, plain, after);
}

/* What of the original's header is known here, as the part that comes back with the report (RFC 3462 2). */
static void
add_original_header (PnMessage *message, const char *message_id)
{
  g_autoptr (GString) text = g_string_new (NULL);
  add_header (text, "Message-ID", message_id, "<", ">");
  add_header (text, "Subject", message->subject, "", "");
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (report->recipient)
      add_header (text, "To", report->recipient->internet, "<", ">");
  }
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "text/rfc822-headers",
                              pn_content_new_text (text->str, (gssize) text->len));
  pn_message_add_part (message, part);
}

/* The message that the report is about, or its header, if the status brought it; whatever else it brought
 * stays in the house. */
static PnPart *
take_original (PnMessage *message)
{
  PnPart *original = NULL;
  while (message->parts->len > 0) {
    PnPart *part = g_ptr_array_steal_index (message->parts, 0);
    gboolean fit
        = part->role == PN_PART_ATTACHMENT
          && (strcmp (part->type, "message/rfc822") == 0 || strcmp (part->type, "text/rfc822-headers") == 0);
    if (fit && !original)
      original = part;
    else
      pn_part_free (part);
  }
  return original;
}

/* --- what a person reads ---------------------------------------------------------------------- */

static const char *
sentence_of (PnAction action)
{
  switch (action) {
  case PN_ACTION_UNDELIVERABLE:
    return "could not be delivered.";
  case PN_ACTION_TRANSFER_DELAYED:
    return "is delayed.  Delivery will be tried again; nothing has to be done.";
  case PN_ACTION_TRANSFERRED:
    return "was handed on to a host that does not report deliveries.";
  default:
    return "was delivered.";
  }
}

static void
add_text (PnMessage *message, const char *host)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "This is the mail system of %s.\n", host);
  if (message->subject && *message->subject)
    g_string_append_printf (text, "It is about your message \"%s\".\n", message->subject);
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    const char *address
        = report->recipient && report->recipient->internet ? report->recipient->internet : "a recipient";
    g_string_append_printf (text, "\nYour message to <%s> %s\n", address, sentence_of (report->action));
    if (report->remote_mta)
      g_string_append_printf (text, "  Host: %s\n", report->remote_mta);
    const char *meaning = pn_status_code_describe (report->status_code);
    if (meaning)
      g_string_append_printf (text, "  Reason: %s (%s)\n", meaning, report->status_code);
    if (report->diagnostic)
      g_string_append_printf (text, "  Answer: %s\n", report->diagnostic);
  }
  PnPart *part
      = pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text->str, (gssize) text->len));
  pn_message_add_part (message, part);
}

void
pn_agent_dress_bounce (PnAgent *self, PnMessage *message, const PnCorrelation *original)
{
  const PnConfig *config = self->program->config;
  const char *message_id = message->in_reply_to ? message->in_reply_to
                           : original           ? original->message_id
                                                : NULL;
  if (original) {
    add_original_recipients (message, original);
    if (!message->envelope_id && original->envid)
      message->envelope_id = g_strdup (original->envid);
  }
  if (message->envelope_id) {
    char *decoded = pn_xtext_decode (message->envelope_id);
    if (decoded) {
      g_free (message->envelope_id);
      message->envelope_id = decoded;
    }
  }
  PnPart *returned = take_original (message);
  add_text (message, config->host);
  if (returned)
    pn_message_add_part (message, returned);
  else
    add_original_header (message, message_id);
  if (!message->in_reply_to)
    message->in_reply_to = g_strdup (message_id);

  g_autofree char *postmaster = g_strconcat ("postmaster@", config->internet_domain, NULL);
  pn_address_free (message->from);
  message->from = pn_address_new_internet (postmaster, "Mail Delivery System");
  char *subject = message->subject && *message->subject
                      ? g_strdup_printf ("%s: %s", title_of (message), message->subject)
                      : g_strdup_printf ("%s: your message", title_of (message));
  g_free (message->subject);
  message->subject = subject;
  message->auto_generated = TRUE;
}
