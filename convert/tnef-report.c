/* Receipts and delivery reports: what a delivery status or disposition notification would say in mail. */
#include "convert/tnef-private.h"

#include "convert/mime-header.h"

#include <string.h>

enum {
  RECEIPT_TIME = 0x002A,
  DELIVER_TIME = 0x0010,
  REPORT_TIME = 0x0032,
  ORIGINAL_DISPLAY_TO = 0x0074,
  NDR_REASON = 0x0C04,
  NDR_DIAGNOSTIC = 0x0C05,
  SUPPLEMENTARY = 0x0C1B,
  NDR_STATUS = 0x0C20,
  REMOTE_MTA = 0x0C21,
  REPORT_TEXT = 0x1001,
  ORIGINAL_MESSAGE_ID = 0x1046
};

enum { MAX_TEXT = 2000 };

typedef struct {
  const char *ending; /* of the class */
  PnAction action;
  gboolean by_recipient; /* the one who sends it is the one it is about */
} Kind;

/* The longer endings come first. */
static const Kind kinds[] = { { ".Expanded.DR", PN_ACTION_TRANSFERRED, FALSE },
                              { ".Relayed.DR", PN_ACTION_TRANSFERRED, FALSE },
                              { ".Delayed.DR", PN_ACTION_TRANSFER_DELAYED, FALSE },
                              { ".DR", PN_ACTION_DELIVERED, FALSE },
                              { ".NDR", PN_ACTION_UNDELIVERABLE, FALSE },
                              { ".IPNRN", PN_ACTION_OPENED, TRUE },
                              { ".RN", PN_ACTION_OPENED, TRUE },
                              { ".IPNNRN", PN_ACTION_DELETED, TRUE },
                              { ".NRN", PN_ACTION_DELETED, TRUE } };

static const Kind *
find_kind (const char *message_class)
{
  gsize length = strlen (message_class);
  if (g_ascii_strncasecmp (message_class, "Report.", 7) != 0)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize n = strlen (kinds[i].ending);
    if (length > n && g_ascii_strcasecmp (message_class + length - n, kinds[i].ending) == 0)
      return &kinds[i];
  }
  return NULL;
}

/* --- why --------------------------------------------------------------------------------------------------
 */

/* The first "5.1.1" in TEXT, or NULL. */
static char *
find_code (const char *text)
{
  for (const char *p = text; p && *p; p++) {
    if (!strchr ("245", *p) || p[1] != '.' || (p > text && (g_ascii_isdigit (p[-1]) || p[-1] == '.')))
      continue;
    gsize subject = strspn (p + 2, "0123456789");
    if (subject < 1 || subject > 3 || p[2 + subject] != '.')
      continue;
    gsize detail = strspn (p + 3 + subject, "0123456789");
    char behind = p[3 + subject + detail];
    if (detail >= 1 && detail <= 3 && behind != '.')
      return g_strndup (p, 3 + subject + detail);
  }
  return NULL;
}

/* What X.400 says, in the codes of RFC 3463. */
static char *
code_of_diagnostic (gint64 diagnostic)
{
  static const struct {
    gint64 diagnostic;
    const char *code;
  } codes[] = { { 0, "5.1.1" },  { 1, "5.1.4" },  { 2, "4.4.5" },  { 3, "5.4.6" },  { 4, "4.2.1" },
                { 5, "5.4.7" },  { 7, "5.2.3" },  { 8, "5.6.3" },  { 9, "5.6.2" },  { 12, "5.6.0" },
                { 13, "5.6.0" }, { 15, "5.6.1" }, { 16, "5.5.3" }, { 17, "5.7.1" }, { 29, "5.7.1" },
                { 38, "5.7.1" }, { 48, "5.1.1" } };
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (codes[i].diagnostic == diagnostic)
      return g_strdup (codes[i].code);
  return g_strdup ("5.0.0");
}

static char *
read_line (PnTnef *tnef, const GArray *properties, guint id)
{
  char *text = pn_tnef_one_line (pn_tnef_text (tnef, pn_mapi_find (properties, id)));
  if (text && strlen (text) > MAX_TEXT)
    *g_utf8_find_prev_char (text, text + MAX_TEXT) = '\0';
  return text;
}

static void
read_reason (PnTnef *tnef, const GArray *row, PnStatusReport *report)
{
  gint64 status = pn_mapi_number_or (pn_mapi_find (row, NDR_STATUS), 0);
  report->remote_mta = read_line (tnef, row, REMOTE_MTA);
  report->diagnostic = read_line (tnef, row, SUPPLEMENTARY);
  if (!report->diagnostic)
    report->diagnostic = read_line (tnef, row, REPORT_TEXT);
  /* the text has codes of several digits, the number has not */
  report->status_code = find_code (report->diagnostic);
  if (report->status_code)
    return;
  if (status >= 200 && status <= 599)
    report->status_code
        = g_strdup_printf ("%d.%d.%d", (int) status / 100, (int) status / 10 % 10, (int) status % 10);
  else if (report->action == PN_ACTION_UNDELIVERABLE)
    report->status_code = code_of_diagnostic (pn_mapi_number_or (pn_mapi_find (row, NDR_DIAGNOSTIC), -1));
}

/* --- reports
 * ------------------------------------------------------------------------------------------------
 */

static PnTime
find_time (PnTnef *tnef, const GArray *properties, const GArray *row)
{
  static const guint ids[] = { DELIVER_TIME, RECEIPT_TIME, REPORT_TIME };
  gint64 at;
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    if ((row && pn_mapi_time (pn_mapi_find (row, ids[i]), &at))
        || pn_mapi_time (pn_mapi_find (properties, ids[i]), &at))
      return (PnTime){ TRUE, at, 0 };
  /* Microsoft Mail: when it was read */
  if (pn_tnef_date (pn_tnef_attribute (tnef, PN_ATT_DATE_RECEIVED), &at))
    return (PnTime){ TRUE, at, 0 };
  return tnef->message->date;
}

static PnStatusReport *
add_report (PnTnef *tnef, const Kind *kind, const GArray *row)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = kind->action;
  report->time = find_time (tnef, tnef->properties, row);
  g_ptr_array_add (tnef->message->reports, report);
  return report;
}

/* Without a table those who were written to, if their addresses stand there. */
static void
add_original_recipients (PnTnef *tnef, const Kind *kind)
{
  g_autofree char *to = read_line (tnef, tnef->properties, ORIGINAL_DISPLAY_TO);
  g_auto (GStrv) names = g_strsplit (to ? to : "", ";", 100);
  for (guint i = 0; names[i]; i++) {
    char *name = g_strdelimit (g_strstrip (names[i]), "'\"<>", ' ');
    g_strstrip (name);
    if (!strchr (name, '@') || strpbrk (name, " ,()"))
      continue;
    PnStatusReport *report = add_report (tnef, kind, NULL);
    report->recipient = pn_address_new_internet (name, NULL);
    read_reason (tnef, tnef->properties, report);
  }
  if (tnef->message->reports->len == 0)
    read_reason (tnef, tnef->properties, add_report (tnef, kind, NULL));
}

static void
add_reports (PnTnef *tnef, const Kind *kind)
{
  if (kind->by_recipient) {
    PnStatusReport *report = add_report (tnef, kind, NULL);
    report->recipient = tnef->message->from ? pn_address_copy (tnef->message->from) : NULL;
    return;
  }
  for (guint i = 0; i < tnef->rows->len; i++) {
    const GArray *row = tnef->rows->pdata[i];
    /* Of a report the sender of the message is a recipient too; those it is about say why. */
    gboolean about = pn_mapi_find (row, NDR_REASON) || pn_mapi_find (row, NDR_DIAGNOSTIC)
                     || pn_mapi_find (row, REPORT_TEXT) || pn_mapi_find (row, SUPPLEMENTARY)
                     || pn_mapi_find (row, DELIVER_TIME) || pn_mapi_find (row, NDR_STATUS);
    if (!about)
      continue;
    PnStatusReport *report = add_report (tnef, kind, row);
    report->recipient = pn_tnef_row_address (tnef, row);
    read_reason (tnef, row, report);
  }
  if (tnef->message->reports->len == 0)
    add_original_recipients (tnef, kind);
}

/* The msg-id of the message it is about. */
static void
find_original (PnTnef *tnef)
{
  PnMessage *message = tnef->message;
  g_autofree char *text = read_line (tnef, tnef->properties, ORIGINAL_MESSAGE_ID);
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  if (text)
    pn_header_parse_ids (text, strlen (text), ids);
  if (!message->in_reply_to && ids->len > 0)
    message->in_reply_to = g_strdup (ids->pdata[0]);
  const char *original = ids->len > 0 ? ids->pdata[0] : message->in_reply_to;
  g_autofree char *left = original ? g_strndup (original, strcspn (original, "@")) : NULL;
  if (left && !message->orig_id && pn_header_is_native_id (left))
    message->orig_id = g_steal_pointer (&left);
}

void
pn_tnef_read_report (PnTnef *self, const char *message_class)
{
  PnMessage *message = self->message;
  const Kind *kind = find_kind (message_class);
  if (!kind || message->type != PN_TYPE_MAIL || message->calendar || message->reports->len > 0)
    return;
  add_reports (self, kind);
  find_original (self);
  message->type = PN_TYPE_STATUS;
  message->auto_generated = TRUE;
}
