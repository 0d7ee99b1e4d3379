#include "convert/charset.h"
#include "convert/head.h"
#include "convert/number.h"

#include <string.h>

static void
declared_part_free (PnDeclaredPart *self)
{
  pn_part_free (self->part);
  g_free (self->what);
  g_free (self);
}

void
pn_head_free (PnHead *self)
{
  if (!self)
    return;
  pn_message_free (self->message);
  pn_keyword_file_free (self->file);
  g_ptr_array_unref (self->declared);
  g_clear_pointer (&self->to, g_hash_table_unref);
  g_clear_pointer (&self->places, g_array_unref);
  g_free (self);
}

PnMessage *
pn_head_steal_message (PnHead *self)
{
  return g_steal_pointer (&self->message);
}

/* Fails with the place of KEYWORD. */
G_GNUC_PRINTF (4, 5)
static gboolean
fail (PnHead *self, const PnKeyword *keyword, GError **error, const char *format, ...)
{
  guint line, column;
  pn_keyword_locate (self->text, keyword->offset, &line, &column);
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "line %u column %u: %s", line, column,
               reason);
  return FALSE;
}

/* What makes two mentions of a recipient one. */
static char *
address_key (const PnAddress *address, PnDistribution distribution)
{
  g_autofree char *text
      = address->user ? g_strdup_printf ("%d%s.%s.%s", distribution, address->domain ? address->domain : "",
                                         address->post_office ? address->post_office : "", address->user)
                      : g_strdup_printf ("%d%s", distribution, address->internet ? address->internet : "");
  return g_ascii_strdown (text, -1);
}

/* A recipient of All-To is usually one of To as well, and then nothing new. */
static gboolean
is_known_recipient (PnHead *self, const PnAddress *address, PnDistribution distribution)
{
  if (!self->to) {
    self->to = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < self->message->recipients->len; i++) {
      const PnRecipient *recipient = self->message->recipients->pdata[i];
      if (recipient->deliver)
        g_hash_table_add (self->to, address_key (recipient->address, recipient->distribution));
    }
  }
  g_autofree char *key = address_key (address, distribution);
  return g_hash_table_contains (self->to, key);
}

static void
add_recipient (PnHead *self, PnAddress *address, const PnKeyword *first, PnDistribution distribution,
               gboolean deliver)
{
  const char *listed = NULL;
  int place = 0;
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next)
    if (keyword->id == PN_NAME_PN_LISTED)
      listed = keyword->value;
    else if (keyword->id == PN_NAME_PN_ORDER && keyword->value) {
      place = g_ascii_strtoll (keyword->value, NULL, 10);
      self->ordered = TRUE;
    }
  if (!deliver && !listed && is_known_recipient (self, address, distribution)) {
    pn_address_free (address);
    return;
  }
  PnRecipient *recipient = pn_message_add_recipient (self->message, distribution, address);
  recipient->deliver = deliver;
  if (listed)
    recipient->listed = g_ascii_strcasecmp (listed, "Yes") == 0;
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next)
    if (keyword->id == PN_NAME_PN_GROUP_NAME || keyword->id == PN_NAME_PN_DSN_NOTIFY
        || keyword->id == PN_NAME_PN_DSN_ORCPT)
      pn_field_read (&pn_recipient_type, recipient, keyword, self->message->losses);
  g_array_append_val (self->places, place);
}

static void
read_recipients (PnHead *self, const PnKeyword *keyword, PnDistribution distribution, gboolean deliver)
{
  if (deliver)
    g_clear_pointer (&self->to, g_hash_table_unref);
  for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next)
    add_recipient (self, pn_address_from_entry (entry->first, self->message->losses), entry->first,
                   distribution, deliver);
  if (!keyword->value)
    return;
  g_autoptr (GPtrArray) addresses = pn_addresses_from_keyword (keyword, self->text, self->message->losses);
  for (guint i = 0; i < addresses->len; i++)
    add_recipient (self, g_steal_pointer (&addresses->pdata[i]), NULL, distribution, deliver);
}

static int
compare_places (gconstpointer a, gconstpointer b, gpointer places)
{
  guint x = *(const guint *) a, y = *(const guint *) b;
  int p = g_array_index ((GArray *) places, int, x), q = g_array_index ((GArray *) places, int, y);
  return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

/* Puts the recipients where they stood before they were written by kind. */
static void
restore_order (PnHead *self)
{
  GPtrArray *recipients = self->message->recipients;
  g_autofree guint *order = g_new (guint, recipients->len + 1);
  g_autofree gpointer *old = g_memdup2 (recipients->pdata, recipients->len * sizeof (gpointer));
  for (guint i = 0; i < recipients->len; i++)
    order[i] = i;
  g_qsort_with_data (order, recipients->len, sizeof *order, compare_places, self->places);
  for (guint i = 0; i < recipients->len; i++)
    recipients->pdata[i] = old[order[i]];
}

static gboolean
read_digest (const char *text, guint8 digest[32])
{
  if (!text || strlen (text) != 64)
    return FALSE;
  for (guint i = 0; i < 32; i++) {
    int high = g_ascii_xdigit_value (text[2 * i]), low = g_ascii_xdigit_value (text[2 * i + 1]);
    if (high < 0 || low < 0)
      return FALSE;
    digest[i] = high << 4 | low;
  }
  return TRUE;
}

static gboolean
read_size (const char *text, guint64 *size)
{
  if (!text || !g_ascii_isdigit (*text))
    return FALSE;
  return pn_number_parse (text, 10, 0, G_MAXINT64, size);
}

static gboolean
read_declared (PnHead *self, const PnKeyword *keyword, const PnKeywordEntry *entry, GError **error)
{
  PnDeclaredPart *declared = g_new0 (PnDeclaredPart, 1);
  g_ptr_array_add (self->declared, declared);
  declared->part = g_new0 (PnPart, 1);
  const char *size = NULL, *digest = NULL;
  for (const PnKeyword *field = entry->first; field; field = field->next)
    if (field->id == PN_NAME_SIZE)
      size = field->value;
    else if (field->id == PN_NAME_SHA256)
      digest = field->value;
    else if (field->id == PN_NAME_CURRENT_FILE)
      declared->current_file = field->value;
    else
      pn_field_read (&pn_part_type, declared->part, field, self->message->losses);
  if (!declared->part->type)
    declared->part->type = g_strdup ("application/octet-stream");
  declared->what = pn_part_what (declared->part, self->declared->len);
  if (!read_size (size, &declared->size))
    return fail (self, entry->first ? entry->first : keyword, error, "%s has no Size", declared->what);
  if (!read_digest (digest, declared->digest))
    return fail (self, entry->first ? entry->first : keyword, error, "%s has no SHA256", declared->what);
  return TRUE;
}

static gboolean
read_parts (PnHead *self, const PnKeyword *keyword, GError **error)
{
  for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next) {
    if (self->declared->len == PN_HEAD_MAX_PARTS) {
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "more than %d parts", PN_HEAD_MAX_PARTS);
      return FALSE;
    }
    if (!read_declared (self, keyword, entry, error))
      return FALSE;
  }
  return TRUE;
}

static void
read_type (PnHead *self, const PnKeyword *keyword)
{
  const char *text = keyword->value ? keyword->value : "";
  guint type = pn_word_find (pn_type_words, text, G_MAXUINT);
  if (type == G_MAXUINT)
    pn_message_add_loss (self->message, "keyword Msg-Type", "\"%s\" is no type of message; taken as Mail",
                         text);
  self->message->type = type == G_MAXUINT ? PN_TYPE_MAIL : type;
}

static void
read_time (PnHead *self, const PnKeyword *keyword, PnTime *time)
{
  const char *text = keyword->value ? keyword->value : "";
  time->set = pn_keyword_parse_date (text, 0, &time->unix_time, &time->offset);
  if (!time->set && *text)
    pn_message_add_loss (self->message, keyword->name, "\"%s\" is no date", text);
}

static void
keep (PnHead *self, const PnKeyword *keyword)
{
  PnExtraKeyword *extra = g_new0 (PnExtraKeyword, 1);
  extra->name = g_strdup (keyword->name);
  extra->text = pn_keyword_raw (keyword, self->text);
  g_ptr_array_add (self->message->extra, extra);
}

/* The keywords that are no plain fields.  FALSE with the error set, or with *DONE unset if it is none of
 * them. */
static gboolean
read_special (PnHead *self, const PnKeyword *keyword, gboolean *done, GError **error)
{
  *done = TRUE;
  switch (keyword->id) {
  case PN_NAME_WPC_API:
  case PN_NAME_HEADER_CHAR:
    return TRUE;
  case PN_NAME_MSG_TYPE:
    return read_type (self, keyword), TRUE;
  case PN_NAME_TO:
    return read_recipients (self, keyword, PN_TO, TRUE), TRUE;
  case PN_NAME_CC:
  case PN_NAME_TO_CC:
    return read_recipients (self, keyword, PN_CC, TRUE), TRUE;
  case PN_NAME_BC:
  case PN_NAME_TO_BC:
    return read_recipients (self, keyword, PN_BC, TRUE), TRUE;
  case PN_NAME_ALL_TO:
    return read_recipients (self, keyword, PN_TO, FALSE), TRUE;
  case PN_NAME_ALL_TO_CC:
    return read_recipients (self, keyword, PN_CC, FALSE), TRUE;
  case PN_NAME_PN_ALL_TO_BC:
    return read_recipients (self, keyword, PN_BC, FALSE), TRUE;
  case PN_NAME_BEGIN_TIME:
    return read_time (self, keyword, &self->begin), TRUE;
  case PN_NAME_END_TIME:
  case PN_NAME_DUE_DATE:
    return read_time (self, keyword, &self->end), TRUE;
  case PN_NAME_LOCATION:
  case PN_NAME_PLACE:
    self->location = keyword->value;
    return TRUE;
  case PN_NAME_FROM_TEXT:
    self->from_text = keyword->value;
    return TRUE;
  case PN_NAME_MSG_FILE:
    self->msg_file = keyword->value;
    return TRUE;
  case PN_NAME_MSG_CHAR:
    self->msg_char = keyword->value;
    return TRUE;
  case PN_NAME_ATTACH_FILE:
    self->attach_file = keyword;
    return TRUE;
  case PN_NAME_PN_PART:
    return read_parts (self, keyword, error);
  default:
    *done = FALSE;
    return TRUE;
  }
}

static gboolean
read_keyword (PnHead *self, const PnKeyword *keyword, GError **error)
{
  gboolean done;
  if (!read_special (self, keyword, &done, error))
    return FALSE;
  if (done || pn_field_read (&pn_message_type, self->message, keyword, self->message->losses))
    return TRUE;
  keep (self, keyword);
  return TRUE;
}

PnHead *
pn_head_read (const char *text, gsize length, GError **error)
{
  const char *bad;
  g_autoptr (PnKeywordFile) file = pn_keyword_parse (text, length, error);
  if (!file)
    return NULL;
  if (!pn_charset_is_ascii (text, file->end) && !g_utf8_validate (text, file->end, &bad)) {
    guint line, column;
    pn_keyword_locate (text, bad - text, &line, &column);
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "line %u column %u: not UTF-8", line,
                 column);
    return NULL;
  }
  g_autoptr (PnHead) self = g_new0 (PnHead, 1);
  self->message = pn_message_new (PN_TYPE_MAIL);
  self->file = g_steal_pointer (&file);
  self->text = text;
  self->declared = g_ptr_array_new_with_free_func ((GDestroyNotify) declared_part_free);
  self->places = g_array_new (FALSE, FALSE, sizeof (int));
  for (const PnKeyword *keyword = self->file->first; keyword; keyword = keyword->next)
    if (!read_keyword (self, keyword, error))
      return NULL;
  if (self->ordered)
    restore_order (self);
  return g_steal_pointer (&self);
}
