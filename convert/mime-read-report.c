#include "convert/mime-report-reader.h"

#include "convert/status-code.h"

#include <string.h>

/* Delivery status notifications (RFC 3464, RFC 6533) and disposition notifications (RFC 8098). */

enum { MAX_REPORT = 4 * 1024 * 1024, MAX_REPORTS = 10000, MAX_RETURNED = 1000 };

/* "rfc822; user@host" without its type, which some leave out; NULL if nothing is left. */
static char *
after_type (const char *value)
{
  gsize n = strcspn (value, "; \t");
  const char *semicolon = value + n + strspn (value + n, " \t");
  char *text = g_strstrip (g_strdup (*semicolon == ';' ? semicolon + 1 : value));

  if (text[0] == '\0')
    g_clear_pointer (&text, g_free);
  return text;
}

/* RFC 6533 3: in an address of type utf-8 "\x{5B57}" stands for a character. */
static char *
decode_utf8_address (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0';) {
    char *end = NULL;
    guint64 c = g_str_has_prefix (p, "\\x{") ? g_ascii_strtoull (p + 3, &end, 16) : 0;
    if (end != NULL && *end == '}' && c > 0x20 && c != 0x7f && c <= 0x10FFFF
        && g_unichar_validate ((gunichar) c)) {
      g_string_append_unichar (out, (gunichar) c);
      p = end + 1;
    } else {
      g_string_append_c (out, *p++);
    }
  }
  return g_string_free (out, FALSE);
}

static PnAddress *
read_address (const char *value)
{
  g_autofree char *typed = after_type (value);
  g_autofree char *text = typed != NULL ? decode_utf8_address (typed) : NULL;
  gsize length = text != NULL ? strlen (text) : 0;

  if (length == 0 || strcmp (text, "<>") == 0)
    return NULL;
  if (text[0] == '<' && text[length - 1] == '>') {
    text[length - 1] = '\0';
    return pn_address_new_internet (text + 1, NULL);
  }
  return pn_address_new_internet (text, NULL);
}

static PnAction
find_delivery_action (const char *value)
{
  static const struct {
    const char *word;
    PnAction action;
  } words[] = { { "failed", PN_ACTION_UNDELIVERABLE },
                { "delayed", PN_ACTION_TRANSFER_DELAYED },
                { "delivered", PN_ACTION_DELIVERED },
                { "relayed", PN_ACTION_TRANSFERRED },
                { "expanded", PN_ACTION_TRANSFERRED } };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strncasecmp (value, words[i].word, strlen (words[i].word)) == 0)
      return words[i].action;
  return PN_ACTION_NONE;
}

/* "manual-action/MDN-sent-manually; displayed/error" */
static PnAction
find_disposition_action (const char *value)
{
  static const char *const read[] = { "displayed", "dispatched", "processed" };
  static const char *const unread[] = { "deleted", "denied", "failed" };
  g_autofree char *type = after_type (value);

  for (guint i = 0; type != NULL && i < G_N_ELEMENTS (read); i++) {
    if (g_ascii_strncasecmp (type, read[i], strlen (read[i])) == 0)
      return PN_ACTION_OPENED;
    if (g_ascii_strncasecmp (type, unread[i], strlen (unread[i])) == 0)
      return PN_ACTION_DELETED;
  }
  return PN_ACTION_NONE;
}

/* "5.1.1 (bad mailbox)": the code alone. */
static char *
read_status_code (const char *value)
{
  gsize n = strspn (value, "0123456789.");

  return n >= 5 && n < 16 ? g_strndup (value, n) : NULL;
}

static void
take_text (char **field, char *text /* taken */)
{
  if (*field == NULL)
    *field = text;
  else
    g_free (text);
}

static void
read_recipient_field (const PnHeaderField *field, const char *value, PnStatusReport *report)
{
  PnAddress *address = read_address (value);

  if (address == NULL)
    return;
  if (pn_header_name_is (field, "Original-Recipient"))
    take_text (&report->original_recipient, g_strdup (address->internet));
  if (report->recipient == NULL || pn_header_name_is (field, "Final-Recipient")) {
    pn_address_free (report->recipient);
    report->recipient = address;
  } else
    pn_address_free (address);
}

static void
read_action_field (const PnHeaderField *field, const char *value, PnStatusReport *report)
{
  gboolean disposition = pn_header_name_is (field, "Disposition");
  PnAction action = disposition ? find_disposition_action (value) : find_delivery_action (value);

  if (action == PN_ACTION_NONE)
    return;
  report->action = action;
  if (disposition || g_ascii_strncasecmp (value, "expanded", 8) == 0)
    take_text (&report->wording, g_strdup (value));
}

static void
read_report_field (const PnHeaderField *field, const char *value, PnStatusReport *report)
{
  if (pn_header_name_is (field, "Final-Recipient") || pn_header_name_is (field, "Original-Recipient"))
    read_recipient_field (field, value, report);
  else if (pn_header_name_is (field, "Action") || pn_header_name_is (field, "Disposition"))
    read_action_field (field, value, report);
  else if (pn_header_name_is (field, "Status"))
    take_text (&report->status_code, read_status_code (value));
  else if (pn_header_name_is (field, "Diagnostic-Code") || pn_header_name_is (field, "Error")
           || pn_header_name_is (field, "Failure"))
    take_text (&report->diagnostic, after_type (value));
  else if (pn_header_name_is (field, "Remote-MTA"))
    take_text (&report->remote_mta, after_type (value));
  else if (pn_header_name_is (field, "Last-Attempt-Date") || pn_header_name_is (field, "X-Postern-Time"))
    pn_header_parse_date (field->value, field->value_length, &report->time);
  else if (pn_header_name_is (field, "X-Postern-Comment"))
    take_text (&report->comment, g_strdup (value));
  else if (pn_header_name_is (field, "X-Display-Name") && report->recipient != NULL)
    take_text (&report->recipient->name, g_strdup (value));
}

/* RFC 3461 4: "+41" stands for 'A'. */
static char *
decode_xtext (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p++) {
    if (*p == '+' && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2])) {
      int c = g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2]);
      if (c > ' ' && c < 127)
        g_string_append_c (out, (char) c);
      p += 2;
    } else {
      g_string_append_c (out, *p);
    }
  }
  return g_string_free (out, FALSE);
}

static void
read_head_field (const PnHeaderField *field, const char *value, PnReportHead *head)
{
  if (pn_header_name_is (field, "Original-Envelope-Id") && head->envelope_id == NULL && value[0] != '\0') {
    head->envelope_id = decode_xtext (value);
  } else if (pn_header_name_is (field, "Original-Message-ID") && head->original_id == NULL) {
    g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
    pn_header_parse_ids (field->value, field->value_length, ids);
    if (ids->len > 0)
      head->original_id = g_strdup (g_ptr_array_index (ids, 0));
  } else if (pn_header_name_is (field, "Arrival-Date") && !head->arrival.set) {
    pn_header_parse_date (field->value, field->value_length, &head->arrival);
  }
}

/* Blank lines are forgotten between blocks and put into blocks: what repeats tells where one begins. */
static gboolean
begins_recipient (const PnHeaderField *field, const PnStatusReport *report, gboolean blank, gboolean final)
{
  if (report == NULL)
    return TRUE;
  gboolean complete = report->action != PN_ACTION_NONE;
  gboolean names
      = pn_header_name_is (field, "Final-Recipient") || pn_header_name_is (field, "Original-Recipient");
  /* An Action that stands in the block of the message is that of the first recipient. */
  if (names && report->recipient == NULL && report->original_recipient == NULL)
    return FALSE;
  if (pn_header_name_is (field, "Final-Recipient"))
    return final ? complete || blank : complete && blank;
  if (pn_header_name_is (field, "Original-Recipient"))
    return report->original_recipient != NULL ? complete || blank : complete && blank;
  return complete && blank;
}

static gboolean
is_recipient_field (const PnHeaderField *field)
{
  return pn_header_name_is (field, "Original-Recipient") || pn_header_name_is (field, "Final-Recipient")
         || pn_header_name_is (field, "Action") || pn_header_name_is (field, "Disposition");
}

/* Whether an empty line stands between FROM and the field. */
static gboolean
has_blank_line (const char *from, const PnHeaderField *field)
{
  guint ends = 0;

  for (const char *p = from; p < field->name; p++)
    if (*p == '\n')
      ends++;
    else if (*p != '\r' && *p != ' ' && *p != '\t')
      ends = 0;
  return ends > 1;
}

void
pn_report_read_fields (PnMimeReader *self, const char *text, gsize length, PnReportHead *head)
{
  const char *cursor = text, *end = text + length, *before = text;
  GPtrArray *reports = self->message->reports;
  PnStatusReport *report = NULL;
  gboolean final = FALSE;
  PnHeaderField field;

  while (pn_header_next (&cursor, end, &field)) {
    g_autofree char *value = pn_header_decode (field.value, field.value_length, &self->context);
    read_head_field (&field, value, head);
    gboolean blank = has_blank_line (before, &field);
    before = field.value + field.value_length;
    if (is_recipient_field (&field) && begins_recipient (&field, report, blank, final)) {
      if (reports->len >= MAX_REPORTS)
        return;
      report = g_new0 (PnStatusReport, 1);
      g_ptr_array_add (reports, report);
      final = FALSE;
    }
    if (report != NULL)
      read_report_field (&field, value, report);
    final |= pn_header_name_is (&field, "Final-Recipient");
  }
}

/* What a block says without an Action. */
static PnAction
action_of_code (const PnStatusReport *report)
{
  if (report->recipient == NULL || report->status_code == NULL)
    return PN_ACTION_NONE;
  return report->status_code[0] == '5'   ? PN_ACTION_UNDELIVERABLE
         : report->status_code[0] == '4' ? PN_ACTION_TRANSFER_DELAYED
                                         : PN_ACTION_DELIVERED;
}

/* A block that says nothing is none. */
static void
settle_reports (PnMessage *message, const PnTime *time)
{
  for (guint i = 0; i < message->reports->len;) {
    PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (report->action == PN_ACTION_NONE)
      report->action = action_of_code (report);
    if (report->action == PN_ACTION_NONE) {
      g_ptr_array_remove_index (message->reports, i);
      continue;
    }
    if (report->recipient == NULL && message->from != NULL)
      report->recipient = pn_address_copy (message->from);
    /* "LOCAL;<account>" says less than the address that was written to. */
    if (report->recipient != NULL && report->original_recipient != NULL
        && strchr (report->original_recipient, '@') != NULL
        && (report->recipient->internet == NULL || strchr (report->recipient->internet, '@') == NULL)) {
      pn_address_free (report->recipient);
      report->recipient = pn_address_new_internet (report->original_recipient, NULL);
    }
    if (report->recipient != NULL && report->original_recipient != NULL
        && g_strcmp0 (report->recipient->internet, report->original_recipient) == 0)
      g_clear_pointer (&report->original_recipient, g_free);
    if (report->status_code == NULL && report->diagnostic != NULL)
      report->status_code = pn_status_code_find (report->diagnostic);
    if (!report->time.set)
      report->time = *time;
    i++;
  }
}

static void
read_returned_recipients (PnMimeReader *self, const PnHeaderField *field, GPtrArray *recipients)
{
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();

  pn_header_parse_addresses (field->value, field->value_length, &self->context, mailboxes, MAX_RETURNED);
  for (guint i = 0; i < mailboxes->len && recipients->len < MAX_RETURNED; i++) {
    const PnAddress *address = g_array_index (mailboxes, PnMailbox, i).address;
    if (address->internet != NULL)
      g_ptr_array_add (recipients, g_strdup (address->internet));
  }
}

void
pn_report_read_original (PnMimeReader *self, const char *text, gsize length, PnReportHead *head)
{
  const char *cursor = text, *stop = text + length;
  while (cursor < stop && (*cursor == '\r' || *cursor == '\n'))
    cursor++;
  const char *end = cursor + pn_mime_header_length (cursor, (gsize) (stop - cursor));
  PnHeaderField field;
  while (pn_header_next (&cursor, end, &field)) {
    if (head->recipients != NULL && (pn_header_name_is (&field, "To") || pn_header_name_is (&field, "Cc")))
      read_returned_recipients (self, &field, head->recipients);
    if (head->original_id != NULL || !pn_header_name_is (&field, "Message-ID"))
      continue;
    g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
    pn_header_parse_ids (field.value, field.value_length, ids);
    if (ids->len > 0)
      head->original_id = g_strdup (g_ptr_array_index (ids, 0));
  }
}

gboolean
pn_report_read_original_part (PnMimeReader *self, PnReportHead *head, GError **error)
{
  if (self->original < 0)
    return TRUE;
  g_autoptr (GBytes) bytes = pn_mime_reader_bytes (self, (guint) self->original, PN_MIME_MAX_TEXT, error);
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    return bytes != NULL;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  pn_report_read_original (self, text, length, head);
  return TRUE;
}

/* Which message of ours it is about: the envelope id that we gave it, or the left side of our Message-ID. */
static char *
find_orig_id (const PnMessage *message, const PnReportHead *head)
{
  const char *id = head->original_id != NULL ? head->original_id : message->in_reply_to;

  if (head->envelope_id != NULL && pn_header_is_native_id (head->envelope_id))
    return g_strdup (head->envelope_id);
  if (id == NULL)
    return NULL;
  g_autofree char *left = g_strndup (id, strcspn (id, "@"));
  return pn_header_is_native_id (left) ? g_steal_pointer (&left) : NULL;
}

static gboolean
read_report_part (PnMimeReader *self, guint index, PnReportHead *head, GError **error)
{
  if (pn_mime_scan_entity (self->scan, index)->body_length > MAX_REPORT)
    return TRUE;
  g_autoptr (GBytes) bytes = pn_mime_reader_bytes (self, index, MAX_REPORT, error);
  if (bytes != NULL && g_bytes_get_size (bytes) > 0) {
    gsize length;
    const char *text = g_bytes_get_data (bytes, &length);
    pn_report_read_fields (self, text, length, head);
  }
  return bytes != NULL;
}

/* A delivery status is believed where it belongs, or if a mail system sent it: a person may attach one. */
static gboolean
is_report (PnMimeReader *self, guint index)
{
  if (strstr (pn_mime_scan_entity (self->scan, index)->type, "disposition") != NULL
      || pn_mime_is_from_system (self->message))
    return TRUE;
  while (index != 0) {
    index = pn_mime_scan_entity (self->scan, index)->parent;
    if (strcmp (pn_mime_scan_entity (self->scan, index)->type, "multipart/report") == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
read_parts (PnMimeReader *self, PnReportHead *head, GError **error)
{
  for (guint i = 0; i < self->reports->len; i++) {
    guint index = g_array_index (self->reports, guint, i);
    if (is_report (self, index) && !read_report_part (self, index, head, error))
      return FALSE;
  }
  if (self->reports->len > 0)
    self->message->auto_generated = TRUE;
  settle_reports (self->message, &self->message->date);
  return self->message->reports->len == 0 || head->original_id != NULL
         || pn_report_read_original_part (self, head, error);
}

static void
make_status (PnMessage *message, const PnReportHead *head)
{
  message->type = PN_TYPE_STATUS;
  message->auto_generated = TRUE;
  char *orig_id = find_orig_id (message, head);
  if (orig_id != NULL) {
    g_free (message->orig_id);
    message->orig_id = orig_id;
  }
  if (message->in_reply_to == NULL)
    message->in_reply_to = g_strdup (head->original_id);
  if (message->envelope_id == NULL)
    message->envelope_id = g_strdup (head->envelope_id);
}

gboolean
pn_mime_read_reports (PnMimeReader *self, GError **error)
{
  PnMessage *message = self->message;
  PnReportHead head = { 0 };
  GError *local = NULL;
  gboolean known = message->type == PN_TYPE_STATUS; /* our own fields say it */
  gboolean status = (self->reports->len > 0 || !known) && read_parts (self, &head, &local);

  status = status && message->reports->len > 0;
  if (!status && local == NULL && !known) {
    status = pn_mime_read_bounce (self, &head, &local);
    if (status)
      settle_reports (message, &message->date);
    status = status && message->reports->len > 0;
  }
  if (status)
    make_status (message, &head);
  g_free (head.envelope_id);
  g_free (head.original_id);
  g_clear_pointer (&head.recipients, g_ptr_array_unref);
  if (local != NULL)
    g_propagate_error (error, local);
  return status;
}
