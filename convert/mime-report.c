#include "convert/mime-report.h"

#include <string.h>

#include "convert/mime-write-header.h"
#include "convert/status-code.h"

/* How a status is said in a DSN. */
static const struct {
  PnAction action;
  const char *word;
  const char *code; /* enhanced status code where the report has none */
  const char *text;
} deliveries[] = {
  { PN_ACTION_DELIVERED, "delivered", "2.0.0", "was delivered" },
  { PN_ACTION_UNDELIVERABLE, "failed", "5.0.0", "could not be delivered" },
  { PN_ACTION_TRANSFERRED, "relayed", "2.0.0", "was handed on to a system that does not report deliveries" },
  { PN_ACTION_TRANSFER_DELAYED, "delayed", "4.0.0", "is delayed; delivery will be tried again" },
};

static int
find_delivery (PnAction action)
{
  for (guint i = 0; i < G_N_ELEMENTS (deliveries); i++)
    if (deliveries[i].action == action)
      return (int) i;
  return -1;
}

static gboolean
is_disposition (PnAction action)
{
  return action == PN_ACTION_OPENED || action == PN_ACTION_DELETED;
}

PnReportKind
pn_report_kind (PnMessage *message)
{
  if (message->type != PN_TYPE_STATUS || !message->reports || message->calendar)
    return PN_REPORT_NONE;
  guint delivery = 0, disposition = 0;
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    delivery += find_delivery (report->action) >= 0;
    disposition += is_disposition (report->action);
  }
  PnReportKind kind = delivery ? PN_REPORT_DELIVERY : disposition ? PN_REPORT_DISPOSITION : PN_REPORT_NONE;
  guint carried = delivery ? delivery : MIN (disposition, 1);
  if (carried < message->reports->len)
    pn_message_add_loss (message, "status report",
                         "%u of %u reports have no place in %s and are told in the text only",
                         message->reports->len - carried, message->reports->len,
                         kind == PN_REPORT_DELIVERY      ? "a delivery status notification"
                         : kind == PN_REPORT_DISPOSITION ? "a disposition notification"
                                                         : "Internet mail");
  return kind;
}

/* "type; text" with only what such a field may hold. */
static void
add_typed (GString *out, const char *name, const char *type, const char *text)
{
  g_autoptr (GString) value = g_string_new (type);
  g_string_append (value, "; ");
  for (const char *p = text; *p; p++)
    g_string_append_c (value, (guchar) *p < ' ' ? ' ' : (guchar) *p >= 0x7f ? '?' : *p);
  pn_field_plain (out, name, value->str);
}

/* RFC 6533 3: an address that is not ASCII in a field that is. */
static void
add_spec (GString *out, const char *name, const char *spec)
{
  if (g_str_is_ascii (spec) || !g_utf8_validate (spec, -1, NULL)) {
    add_typed (out, name, "rfc822", spec);
    return;
  }
  g_autoptr (GString) text = g_string_new (NULL);
  for (const char *p = spec; *p; p = g_utf8_next_char (p))
    if ((guchar) *p >= 0x80 || *p == '\\')
      g_string_append_printf (text, "\\x{%X}", g_utf8_get_char (p));
    else
      g_string_append_c (text, *p);
  add_typed (out, name, "utf-8", text->str);
}

static void
add_recipient (GString *out, const char *name, const PnAddress *address, const PnMimeWriteOptions *options)
{
  g_autofree char *spec = pn_field_addr_spec (address, options->default_domain);
  add_spec (out, name, spec);
}

/* Whether the report's own word says what its action does, and may stand in a field. */
static gboolean
is_fit_wording (const PnStatusReport *report, const char *beginning)
{
  if (!report->wording || strlen (report->wording) > 200 || !strstr (report->wording, beginning))
    return FALSE;
  for (const char *p = report->wording; *p; p++)
    if (*p < ' ' || *p >= 0x7f)
      return FALSE;
  return TRUE;
}

static const char *
status_code_of (const PnStatusReport *report, const char *otherwise)
{
  g_autofree char *code = report->status_code ? pn_status_code_find (report->status_code) : NULL;
  return code && strcmp (code, report->status_code) == 0 ? report->status_code : otherwise;
}

/* The ORCPT parameter (RFC 3461 4.2) that the recipient came with. */
static const char *
find_orcpt (const PnMessage *message, const PnAddress *address)
{
  for (guint i = 0; address && i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (recipient->dsn_orcpt && recipient->address && recipient->address->internet && address->internet
        && g_ascii_strcasecmp (recipient->address->internet, address->internet) == 0)
      return recipient->dsn_orcpt;
  }
  return NULL;
}

static gboolean
is_smtp_reply (const char *text)
{
  return g_ascii_isdigit (text[0]) && g_ascii_isdigit (text[1]) && g_ascii_isdigit (text[2])
         && (text[3] == ' ' || text[3] == '-' || !text[3]);
}

static void
add_delivery (GString *out, const PnMessage *message, const PnStatusReport *report,
              const PnMimeWriteOptions *options)
{
  int row = find_delivery (report->action);
  if (row < 0)
    return;
  g_string_append (out, "\r\n");
  const char *orcpt = find_orcpt (message, report->recipient);
  if (orcpt)
    pn_field_plain (out, "Original-Recipient", orcpt);
  else if (report->original_recipient)
    add_spec (out, "Original-Recipient", report->original_recipient);
  if (report->recipient)
    add_recipient (out, "Final-Recipient", report->recipient, options);
  else
    pn_field_plain (out, "Final-Recipient", "rfc822; unknown");
  gboolean expanded = report->action == PN_ACTION_TRANSFERRED && is_fit_wording (report, "expanded");
  pn_field_plain (out, "Action", expanded ? "expanded" : deliveries[row].word);
  pn_field_plain (out, "Status", status_code_of (report, deliveries[row].code));
  if (report->remote_mta)
    add_typed (out, "Remote-MTA", "dns", report->remote_mta);
  if (report->diagnostic)
    add_typed (out, "Diagnostic-Code", is_smtp_reply (report->diagnostic) ? "smtp" : "x-postern",
               report->diagnostic);
  if (report->time.set)
    pn_field_date (out, "Last-Attempt-Date", report->time.unix_time, report->time.offset);
  if (report->comment)
    pn_field_text (out, "X-Postern-Comment", report->comment);
}

static void
add_disposition (GString *out, const PnMessage *message, const PnStatusReport *report,
                 const PnMimeWriteOptions *options)
{
  const PnAddress *recipient = report->recipient ? report->recipient : message->from;
  const char *orcpt = find_orcpt (message, recipient);
  if (orcpt)
    pn_field_plain (out, "Original-Recipient", orcpt);
  else if (report->original_recipient)
    add_spec (out, "Original-Recipient", report->original_recipient);
  if (recipient)
    add_recipient (out, "Final-Recipient", recipient, options);
  if (message->in_reply_to)
    pn_field_ids (out, "Original-Message-ID", &message->in_reply_to, 1);
  /* He opened it himself; that this is told is settled without asking him. */
  pn_field_plain (out, "Disposition",
                  is_fit_wording (report, ";")         ? report->wording
                  : report->action == PN_ACTION_OPENED ? "manual-action/MDN-sent-automatically; displayed"
                                                       : "manual-action/MDN-sent-automatically; deleted");
  if (report->time.set)
    pn_field_date (out, "X-Postern-Time", report->time.unix_time, report->time.offset);
  if (report->comment)
    pn_field_text (out, "X-Postern-Comment", report->comment);
}

char *
pn_report_write (PnMessage *message, PnReportKind kind, const PnMimeWriteOptions *options)
{
  GString *out = g_string_new (NULL);
  const char *host = options->host ? options->host : "localhost";
  if (kind == PN_REPORT_DELIVERY) {
    add_typed (out, "Reporting-MTA", "dns", host);
    if (message->envelope_id)
      pn_field_plain (out, "Original-Envelope-Id", message->envelope_id);
    for (guint i = 0; i < message->reports->len; i++)
      add_delivery (out, message, g_ptr_array_index (message->reports, i), options);
    return g_string_free (out, FALSE);
  }
  g_autofree char *agent = g_strdup_printf ("%s; Postern", host);
  pn_field_plain (out, "Reporting-UA", agent);
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (!is_disposition (report->action))
      continue;
    add_disposition (out, message, report, options); /* RFC 8098 3.1: one recipient in each */
    break;
  }
  return g_string_free (out, FALSE);
}

static void
describe (GString *out, const PnStatusReport *report, const char *default_domain)
{
  g_autofree char *spec
      = report->recipient ? pn_field_addr_spec (report->recipient, default_domain) : g_strdup ("a recipient");
  int row = find_delivery (report->action);
  if (row >= 0) {
    g_string_append_printf (out, "Your message to %s %s.\n", spec, deliveries[row].text);
  } else {
    g_autofree char *word = g_ascii_strdown (pn_action_to_string (report->action), -1);
    g_string_append_printf (out, "Your message was %s by %s.\n", word, spec);
  }
  if (report->time.set) {
    g_autofree char *date = pn_field_format_date (report->time.unix_time, report->time.offset);
    g_string_append_printf (out, "  Time: %s\n", date);
  }
  if (report->remote_mta)
    g_string_append_printf (out, "  Server: %s\n", report->remote_mta);
  if (report->diagnostic)
    g_string_append_printf (out, "  Reason: %s\n", report->diagnostic);
  const char *meaning = pn_status_code_describe (report->status_code);
  if (meaning)
    g_string_append_printf (out, "  Status: %s (%s)\n", report->status_code, meaning);
  if (report->comment)
    g_string_append_printf (out, "  Comment: %s\n", report->comment);
}

char *
pn_report_describe (const PnMessage *message, const char *default_domain)
{
  GString *out = g_string_new (NULL);
  for (guint i = 0; message->reports && i < message->reports->len; i++) {
    if (i > 0)
      g_string_append_c (out, '\n');
    describe (out, g_ptr_array_index (message->reports, i), default_domain);
  }
  return g_string_free (out, FALSE);
}
