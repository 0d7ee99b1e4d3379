#include "convert/api.h"
#include "convert/charset.h"
#include "convert/content-private.h"
#include "convert/number.h"

#include <string.h>

typedef struct {
  PnHead *head;
  PnApiOpen open;
  gpointer user;
} ApiReader;

#define MAX_UNKNOWN 100 /* names that an error lists */

typedef struct {
  const char *text;
  gsize at; /* what lies before was counted */
  guint line;
  guint count;
  GString *lines;
} Unknown;

static void
add_unknown (Unknown *self, const PnKeyword *keyword)
{
  if (self->count++ >= MAX_UNKNOWN)
    return;
  for (; self->at < keyword->offset; self->at++)
    self->line += self->text[self->at] == '\n';
  g_string_append_printf (self->lines, "%sLine %03u Unknown keyword: %s", self->lines->len ? "\n" : "",
                          self->line, keyword->name);
}

/* Adds a line for each name in the list from FIRST on that is none of the language, in the words of the
 * original. */
static void
find_unknown (Unknown *self, const PnKeyword *first, gboolean top)
{
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next) {
    gboolean known
        = top ? (pn_name_flags (keyword->id) & PN_NAME_IS_TOP) != 0 : keyword->id != PN_NAME_UNKNOWN;
    if (!known) {
      add_unknown (self, keyword);
      continue;
    }
    for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next)
      find_unknown (self, entry->first, FALSE);
  }
}

static gboolean
check_unknown (const PnHead *head, GError **error)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  Unknown unknown = { .text = head->text, .line = 1, .lines = lines };
  find_unknown (&unknown, head->file->first, TRUE);
  if (unknown.count == 0)
    return TRUE;
  if (unknown.count > MAX_UNKNOWN)
    g_string_append_printf (lines, "\nand %u more", unknown.count - MAX_UNKNOWN);
  g_set_error_literal (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, lines->str);
  return FALSE;
}

static PnContent *
open_file (ApiReader *self, const char *name, const char *what, GError **error)
{
  PnContent *content = self->open (name, self->user, error);
  if (!content)
    g_prefix_error (error, "%s: ", what);
  return content;
}

/* Body files as other writers make them: some charset, CR LF. */
static PnContent *
convert_body (PnContent *raw, const char *charset, GError **error)
{
  g_autoptr (GBytes) bytes = pn_content_read (raw, PN_API_MAX_TEXT, error);
  if (!bytes)
    return NULL;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_autofree char *text = pn_api_decode (data ? data : "", length, charset, &length);
  GString *body = g_string_sized_new (length);
  for (gsize i = 0; i < length; i++)
    if (text[i] != '\r' || i + 1 == length || text[i + 1] != '\n')
      g_string_append_c (body, text[i]);
  g_autoptr (GBytes) converted = g_string_free_to_bytes (body);
  return pn_content_new_bytes (converted);
}

static gboolean
read_body (ApiReader *self, GError **error)
{
  const PnHead *head = self->head;
  if (!head->msg_file || !*head->msg_file)
    return TRUE;
  g_autofree char *what = g_strdup_printf ("Msg-File %s", head->msg_file);
  g_autoptr (PnContent) raw = open_file (self, head->msg_file, what, error);
  if (!raw)
    return FALSE;
  PnContent *content = convert_body (raw, head->msg_char, error);
  if (!content) {
    g_prefix_error (error, "%s: ", what);
    return FALSE;
  }
  PnPart *part = pn_part_new (PN_PART_TEXT, "text/plain", content);
  char charset[64];
  if (head->msg_char && pn_charset_find (head->msg_char, charset))
    part->charset = g_strdup (charset);
  pn_message_add_part (head->message, part);
  return TRUE;
}

static void
check_size (ApiReader *self, const char *what, const char *declared, PnContent *content)
{
  guint64 size, actual;
  if (!declared || !*declared)
    return;
  if (!pn_number_parse (declared, 10, 0, G_MAXUINT64, &size)) {
    pn_message_add_loss (self->head->message, what, "\"%s\" is no size", declared);
    return;
  }
  if (pn_content_measure (content, &actual, NULL, NULL) && actual != size)
    pn_message_add_loss (self->head->message, what,
                         "the file has %" G_GUINT64_FORMAT " bytes, but Size says %" G_GUINT64_FORMAT, actual,
                         size);
}

static gboolean
read_attachment (ApiReader *self, const PnKeyword *first, GError **error)
{
  const char *file = pn_keyword_value (first, "Current-File"),
             *name = pn_keyword_value (first, "Original-File");
  const char *date = pn_keyword_value (first, "Date");
  if (!file || !*file) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX,
                 "an entry of Attach-File has no Current-File");
    return FALSE;
  }
  g_autofree char *what = g_strdup_printf ("Attach-File %s", file);
  PnContent *content = open_file (self, file, what, error);
  if (!content)
    return FALSE;
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", content);
  pn_message_add_part (self->head->message, part);
  part->name = g_strdup (name && *name ? name : file);
  if (date && *date)
    part->modified.set = pn_keyword_parse_date (date, 0, &part->modified.unix_time, &part->modified.offset);
  check_size (self, what, pn_keyword_value (first, "Size"), content);
  return TRUE;
}

static gboolean
read_attachments (ApiReader *self, GError **error)
{
  const PnKeyword *keyword = self->head->attach_file;
  for (const PnKeywordEntry *entry = keyword ? keyword->entries : NULL; entry; entry = entry->next)
    if (entry->first && !read_attachment (self, entry->first, error))
      return FALSE;
  return TRUE;
}

/* Parts that a writer with our keywords declared: exactly as they were. */
static gboolean
read_declared (ApiReader *self, GError **error)
{
  for (guint i = 0; i < self->head->declared->len; i++) {
    PnDeclaredPart *declared = self->head->declared->pdata[i];
    if (!declared->current_file) {
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "%s has no Current-File",
                   declared->what);
      return FALSE;
    }
    PnContent *content = open_file (self, declared->current_file, declared->what, error);
    if (!content)
      return FALSE;
    pn_content_declare (content, declared->size, declared->digest, declared->what);
    declared->part->content = content;
    g_ptr_array_add (self->head->message->parts, g_steal_pointer (&declared->part));
  }
  return TRUE;
}

static gboolean
has_our_keywords (const PnHead *head)
{
  for (const PnKeyword *keyword = head->file->first; keyword; keyword = keyword->next)
    if (pn_name_flags (keyword->id) & PN_NAME_IS_OURS)
      return TRUE;
  return FALSE;
}

static void
add_outside (GPtrArray *found, PnAddress *address)
{
  if (!address || !address->user || !strchr (address->user, '@'))
    return;
  if (address->internet ? strcmp (address->internet, address->user) == 0
                        : !address->domain && !address->post_office)
    g_ptr_array_add (found, address);
}

GPtrArray *
pn_api_outside_users (const PnMessage *message)
{
  GPtrArray *found = g_ptr_array_new ();
  add_outside (found, message->from);
  add_outside (found, message->busy_for);
  for (guint i = 0; i < message->recipients->len; i++)
    add_outside (found, ((const PnRecipient *) message->recipients->pdata[i])->address);
  return found;
}

static void
move_outside_addresses (PnMessage *message)
{
  g_autoptr (GPtrArray) found = pn_api_outside_users (message);
  for (guint i = 0; i < found->len; i++) {
    PnAddress *address = found->pdata[i];
    g_free (address->internet);
    address->internet = g_steal_pointer (&address->user);
  }
}

/* A status in the short form, "Set-Status= Opened": a report. */
static void
take_set_status (PnMessage *message)
{
  for (guint i = 0; i < message->extra->len && message->reports->len == 0; i++) {
    const PnExtraKeyword *extra = message->extra->pdata[i];
    g_autofree char *word = g_strstrip (g_strdup (extra->text ? extra->text : ""));
    PnAction action = pn_action_from_string (word);
    if (pn_name_find (extra->name, strlen (extra->name)) != PN_NAME_SET_STATUS || action == PN_ACTION_NONE)
      continue;
    PnStatusReport *report = g_new0 (PnStatusReport, 1);
    report->action = action;
    report->time = message->date;
    g_ptr_array_add (message->reports, report);
    g_ptr_array_remove_index (message->extra, i);
  }
}

/* The original has no place for whom a status is about: it is who sends it. */
static void
complete_reports (PnMessage *message)
{
  take_set_status (message);
  for (guint i = 0; i < message->reports->len; i++) {
    PnStatusReport *report = message->reports->pdata[i];
    if (!report->recipient)
      report->recipient = pn_address_copy (message->from);
  }
}

/* What the keywords of the original say beside those of ours. */
static void
complete_message (PnHead *head)
{
  PnMessage *message = head->message;
  if (!has_our_keywords (head))
    move_outside_addresses (message);
  if (head->from_text && *head->from_text && !message->from)
    message->from = pn_address_new (NULL, NULL, NULL);
  if (head->from_text && *head->from_text && message->from && !message->from->name) {
    g_autofree char *spec = pn_address_to_string (message->from);
    if (strcmp (spec, head->from_text) != 0)
      message->from->name = g_strdup (head->from_text);
  }
  if (message->type == PN_TYPE_STATUS && !has_our_keywords (head))
    complete_reports (message);
  gboolean is_calendar = message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK
                         || message->type == PN_TYPE_NOTE;
  if (is_calendar) {
    pn_api_read_calendar (head);
    return;
  }
  if (head->begin.set)
    message->begin_time = head->begin;
  if (head->end.set)
    message->end_time = head->end;
}

/* The text as UTF-8: as it is, or converted from what Header-Char says.  *KEEP holds it if it had to be
 * converted. */
static const char *
to_utf8 (const char *text, gsize *length, char **keep, GError **error)
{
  if (g_utf8_validate_len (text, *length, NULL))
    return text;
  /* single-byte charsets leave the grammar alone, so the file can be read for its Header-Char first */
  g_autoptr (PnKeywordFile) file = pn_keyword_parse (text, *length, error);
  if (!file)
    return NULL;
  *keep = pn_api_decode (text, file->end, pn_keyword_value (file->first, "Header-Char"), length);
  return *keep;
}

PnMessage *
pn_api_read (const char *text, gsize length, gboolean tolerant, const char *site_timezone, PnApiOpen open,
             gpointer user, GError **error)
{
  g_autofree char *keep = NULL;
  if (length > PN_HEAD_MAX) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "longer than %d bytes", PN_HEAD_MAX);
    return NULL;
  }
  text = to_utf8 (text, &length, &keep, error);
  if (!text)
    return NULL;
  g_autofree char *zoned = site_timezone ? pn_api_add_offsets (text, &length, site_timezone) : NULL;
  g_autoptr (PnHead) head = pn_head_read (zoned ? zoned : text, length, error);
  if (!head || (!tolerant && !check_unknown (head, error)))
    return NULL;
  ApiReader reader = { head, open, user };
  if (head->declared->len > 0 ? !read_declared (&reader, error)
                              : !read_body (&reader, error) || !read_attachments (&reader, error))
    return NULL;
  complete_message (head);
  return pn_head_steal_message (head);
}
