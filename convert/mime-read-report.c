#include "convert/mime-reader.h"

#include <string.h>

/* Delivery status notifications (RFC 3464) and disposition notifications (RFC 8098). */

enum { MAX_REPORT = 4 * 1024 * 1024, MAX_REPORTS = 10000 };

/* What the whole report says, besides the recipients' blocks. */
typedef struct {
  char *envelope_id;
  char *original_id; /* msg-id without brackets */
  PnTime arrival;
} ReportHead;

/* "rfc822; user@host" without its type; NULL if nothing is left. */
static char *
after_type (const char *value)
{
  const char *semicolon = strchr (value, ';');
  char *text = g_strstrip (g_strdup (semicolon != NULL ? semicolon + 1 : value));

  if (text[0] == '\0')
    g_clear_pointer (&text, g_free);
  return text;
}

static PnAddress *
read_address (const char *value)
{
  g_autofree char *text = after_type (value);
  gsize length = text != NULL ? strlen (text) : 0;

  if (length == 0)
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
read_report_field (const PnHeaderField *field, const char *value, PnStatusReport *report)
{
  PnAction action = PN_ACTION_NONE;

  if (pn_header_name_is (field, "Final-Recipient")
      || (pn_header_name_is (field, "Original-Recipient") && report->recipient == NULL)) {
    PnAddress *address = read_address (value);
    if (address != NULL) {
      pn_address_free (report->recipient);
      report->recipient = address;
    }
  } else if (pn_header_name_is (field, "Action")) {
    action = find_delivery_action (value);
  } else if (pn_header_name_is (field, "Disposition")) {
    action = find_disposition_action (value);
  } else if (pn_header_name_is (field, "Status") && report->status_code == NULL) {
    report->status_code = read_status_code (value);
  } else if (pn_header_name_is (field, "Diagnostic-Code") && report->diagnostic == NULL) {
    report->diagnostic = after_type (value);
  } else if (pn_header_name_is (field, "Remote-MTA") && report->remote_mta == NULL) {
    report->remote_mta = after_type (value);
  } else if (pn_header_name_is (field, "Last-Attempt-Date") || pn_header_name_is (field, "X-Postern-Time")) {
    pn_header_parse_date (field->value, field->value_length, &report->time);
  } else if (pn_header_name_is (field, "X-Postern-Comment") && report->comment == NULL) {
    report->comment = g_strdup (value);
  }
  if (action != PN_ACTION_NONE)
    report->action = action;
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
read_head_field (const PnHeaderField *field, const char *value, ReportHead *head)
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

static gboolean
begins_recipient (const PnHeaderField *field, const PnStatusReport *report)
{
  if (report == NULL)
    return TRUE;
  /* Blank lines are forgotten between blocks and put into blocks: what repeats tells where one begins. */
  if (pn_header_name_is (field, "Final-Recipient"))
    return report->recipient != NULL && report->action != PN_ACTION_NONE;
  return pn_header_name_is (field, "Original-Recipient") && report->action != PN_ACTION_NONE;
}

static gboolean
is_recipient_field (const PnHeaderField *field)
{
  return pn_header_name_is (field, "Original-Recipient") || pn_header_name_is (field, "Final-Recipient")
         || pn_header_name_is (field, "Action") || pn_header_name_is (field, "Disposition");
}

static void
read_report (PnMimeReader *self, const char *text, gsize length, ReportHead *head)
{
  const char *cursor = text, *end = text + length;
  GPtrArray *reports = self->message->reports;
  PnStatusReport *report = NULL;
  PnHeaderField field;

  while (pn_header_next (&cursor, end, &field)) {
    g_autofree char *value = pn_header_decode (field.value, field.value_length, &self->context);
    read_head_field (&field, value, head);
    if (is_recipient_field (&field) && begins_recipient (&field, report)) {
      if (reports->len >= MAX_REPORTS)
        return;
      report = g_new0 (PnStatusReport, 1);
      g_ptr_array_add (reports, report);
    }
    if (report != NULL)
      read_report_field (&field, value, report);
  }
}

/* A block that says nothing is none. */
static void
drop_empty_reports (PnMessage *message, const PnTime *time)
{
  for (guint i = 0; i < message->reports->len;) {
    PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (report->action == PN_ACTION_NONE) {
      g_ptr_array_remove_index (message->reports, i);
      continue;
    }
    if (report->recipient == NULL && message->from != NULL)
      report->recipient = pn_address_copy (message->from);
    if (!report->time.set)
      report->time = *time;
    i++;
  }
}

/* The Message-ID in the header of the message that came back. */
static gboolean
read_original (PnMimeReader *self, ReportHead *head, GError **error)
{
  if (self->original < 0 || head->original_id != NULL)
    return TRUE;
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, (guint) self->original);
  g_autoptr (PnContent) content = pn_content_new_range (
      self->source, entity->body_offset, MIN (entity->body_length, PN_MIME_MAX_TEXT), entity->encoding);
  g_autoptr (GBytes) bytes = pn_content_read (content, 2 * PN_MIME_MAX_TEXT, error);
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    return bytes != NULL;
  gsize length;
  const char *cursor = g_bytes_get_data (bytes, &length), *end = cursor + length;
  const char *blank = memmem (cursor, length, "\n\n", 2), *crlf = memmem (cursor, length, "\n\r\n", 3);
  if (blank != NULL && (crlf == NULL || blank < crlf))
    end = blank;
  else if (crlf != NULL)
    end = crlf;
  PnHeaderField field;
  while (head->original_id == NULL && pn_header_next (&cursor, end, &field)) {
    if (!pn_header_name_is (&field, "Message-ID"))
      continue;
    g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
    pn_header_parse_ids (field.value, field.value_length, ids);
    if (ids->len > 0)
      head->original_id = g_strdup (g_ptr_array_index (ids, 0));
  }
  return TRUE;
}

/* Which message of ours it is about: the envelope id that we gave it, or the left side of our Message-ID. */
static char *
find_orig_id (const ReportHead *head)
{
  if (head->envelope_id != NULL && pn_header_is_native_id (head->envelope_id))
    return g_strdup (head->envelope_id);
  if (head->original_id == NULL)
    return NULL;
  g_autofree char *left = g_strndup (head->original_id, strcspn (head->original_id, "@"));
  return pn_header_is_native_id (left) ? g_steal_pointer (&left) : NULL;
}

gboolean
pn_mime_read_reports (PnMimeReader *self, GError **error)
{
  PnMessage *message = self->message;
  ReportHead head = { NULL, NULL, { FALSE, 0, 0 } };
  gboolean done = TRUE;

  for (guint i = 0; i < self->reports->len && done; i++) {
    const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, g_array_index (self->reports, guint, i));
    if (entity->body_length > MAX_REPORT)
      continue;
    g_autoptr (PnContent) content
        = pn_content_new_range (self->source, entity->body_offset, entity->body_length, entity->encoding);
    g_autoptr (GBytes) bytes = pn_content_read (content, 2 * MAX_REPORT, error);
    done = bytes != NULL;
    if (done && g_bytes_get_size (bytes) > 0) {
      gsize length;
      const char *text = g_bytes_get_data (bytes, &length);
      read_report (self, text, length, &head);
    }
  }
  if (done && self->reports->len > 0) {
    drop_empty_reports (message, &message->date);
    done = read_original (self, &head, error);
    message->auto_generated = TRUE;
  }
  gboolean status
      = done && message->reports->len > 0 && (head.envelope_id != NULL || head.original_id != NULL);
  if (status) {
    message->type = PN_TYPE_STATUS;
    g_free (message->orig_id);
    message->orig_id = find_orig_id (&head);
    if (message->in_reply_to == NULL)
      message->in_reply_to = g_strdup (head.original_id);
    if (message->envelope_id == NULL)
      message->envelope_id = g_strdup (head.envelope_id);
  }
  g_free (head.envelope_id);
  g_free (head.original_id);
  return status;
}
