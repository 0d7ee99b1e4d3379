#include "convert/head.h"

/* Where a recipient stands: those to deliver to first, then those that are only shown. */
static guint
bucket_of (const PnRecipient *recipient)
{
  return (recipient->deliver ? 0 : 3) + recipient->distribution;
}

static void
write_recipient (GString *out, const PnRecipient *recipient, int place)
{
  gsize before = out->len;
  pn_fields_write (out, 1, &pn_recipient_type, recipient);
  gboolean usual = recipient->deliver && !recipient->listed == (recipient->distribution == PN_BC);
  if (!usual || out->len == before)
    pn_keyword_write (out, 1, pn_name_text (PN_NAME_PN_LISTED), recipient->listed ? "Yes" : "No");
  if (place >= 0) {
    char text[16];
    g_snprintf (text, sizeof text, "%d", place);
    pn_keyword_write (out, 1, pn_name_text (PN_NAME_PN_ORDER), text);
  }
}

/* Whether RECIPIENT is written in BUCKET, be it as a mirror of where it stands itself. */
static gboolean
is_in_bucket (const PnRecipient *recipient, guint bucket, gboolean mirror)
{
  guint own = bucket_of (recipient);
  return own == bucket || (mirror && recipient->listed && own != PN_BC && own + 3 == bucket);
}

static void
write_bucket (GString *out, const GPtrArray *recipients, guint bucket, gboolean mirror, gboolean places)
{
  static const PnNameId names[]
      = { PN_NAME_TO, PN_NAME_TO_CC, PN_NAME_TO_BC, PN_NAME_ALL_TO, PN_NAME_ALL_TO_CC, PN_NAME_PN_ALL_TO_BC };
  guint n = 0;
  for (guint i = 0; i < recipients->len; i++) {
    const PnRecipient *recipient = recipients->pdata[i];
    if (!is_in_bucket (recipient, bucket, mirror))
      continue;
    if (n++ == 0)
      pn_keyword_open_group (out, 0, pn_name_text (names[bucket]));
    else
      pn_keyword_next_entry (out, 0);
    if (bucket_of (recipient) == bucket)
      write_recipient (out, recipient, places ? (int) i : -1);
    else
      pn_fields_write (out, 1, &pn_address_type, recipient->address);
  }
  if (n > 0)
    pn_keyword_close_group (out, 0);
}

static void
write_recipients (GString *out, const PnMessage *message, gboolean mirror)
{
  enum { BUCKETS = 6 };
  const GPtrArray *recipients = message->recipients;
  gboolean in_order = TRUE;
  for (guint i = 1; i < recipients->len; i++)
    in_order = in_order && bucket_of (recipients->pdata[i - 1]) <= bucket_of (recipients->pdata[i]);
  for (guint bucket = 0; bucket < BUCKETS && recipients->len > 0; bucket++)
    write_bucket (out, recipients, bucket, mirror, !in_order);
}

/* Begin-Time and End-Time are the calendar's in an appointment, a task and a note; the message's own keep out
 * of the way there. */
static gboolean
has_calendar_times (const PnMessage *message)
{
  return message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK
         || message->type == PN_TYPE_NOTE;
}

static void
write_field (GString *out, const PnField *field, const PnMessage *message, gboolean mirror)
{
  PnField renamed = *field;
  switch (field->id) {
  case PN_NAME_TO_TEXT:
    write_recipients (out, message, mirror);
    break;
  case PN_NAME_PN_HEADER:
    if (pn_message_get_part (message, PN_PART_SKELETON))
      return;
    break;
  case PN_NAME_PN_BEGIN_TIME:
  case PN_NAME_PN_END_TIME:
    if (!has_calendar_times (message))
      renamed.id = field->id == PN_NAME_PN_BEGIN_TIME ? PN_NAME_BEGIN_TIME : PN_NAME_END_TIME;
    break;
  default:
    break;
  }
  pn_field_write (out, 0, &renamed, message);
}

void
pn_head_write (GString *out, const PnMessage *message, gboolean mirror)
{
  g_string_append_printf (out, "WPC-API= 1.2;\r\nHeader-Char= UTF-8;\r\nMsg-Type= %s;\r\n",
                          pn_message_type_to_string (message->type));
  for (guint i = 0; i < pn_message_type.n_fields; i++)
    write_field (out, &pn_message_type.fields[i], message, mirror);
  for (guint i = 0; i < message->extra->len; i++) {
    const PnExtraKeyword *extra = message->extra->pdata[i];
    pn_keyword_write_raw (out, extra->name, extra->text);
  }
}

char *
pn_part_what (const PnPart *part, guint number)
{
  return part->name ? g_strdup_printf ("part %u (%s)", number, part->name)
                    : g_strdup_printf ("part %u", number);
}

static gboolean
write_part (GString *out, const PnPart *part, guint number, const char *file_name, GError **error)
{
  guint64 size;
  guint8 digest[32];
  char text[65];
  if (!part->content) {
    g_autofree char *what = pn_part_what (part, number);
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "%s has no content: only the head of the message was read", what);
    return FALSE;
  }
  if (!pn_content_measure (part->content, &size, digest, error)) {
    g_autofree char *what = pn_part_what (part, number);
    g_prefix_error (error, "%s: ", what);
    return FALSE;
  }
  pn_fields_write (out, 1, &pn_part_type, part);
  if (file_name)
    pn_keyword_write (out, 1, pn_name_text (PN_NAME_CURRENT_FILE), file_name);
  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, size);
  pn_keyword_write (out, 1, pn_name_text (PN_NAME_SIZE), text);
  pn_digest_to_hex (digest, text);
  pn_keyword_write (out, 1, pn_name_text (PN_NAME_SHA256), text);
  return TRUE;
}

gboolean
pn_head_write_parts (GString *out, PnMessage *message, const char *const *file_names, GError **error)
{
  if (message->parts->len == 0)
    return TRUE;
  pn_keyword_open_group (out, 0, pn_name_text (PN_NAME_PN_PART));
  for (guint i = 0; i < message->parts->len; i++) {
    if (i > 0)
      pn_keyword_next_entry (out, 0);
    if (!write_part (out, message->parts->pdata[i], i + 1, file_names ? file_names[i] : NULL, error))
      return FALSE;
  }
  pn_keyword_close_group (out, 0);
  return TRUE;
}
