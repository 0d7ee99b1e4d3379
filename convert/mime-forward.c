#include "convert/mime-forward.h"

#include "convert/mime-reader.h"
#include "convert/mime-write-header.h"
#include "convert/text-twin.h"

#include <string.h>

enum { EMPTY_MAX = 4096 };

static gboolean
says_nothing (PnPart *part)
{
  guint64 size = 0;
  if (part->role == PN_PART_SKELETON)
    return TRUE;
  if (part->role != PN_PART_TEXT && part->role != PN_PART_HTML)
    return FALSE;
  if (!part->content || !pn_content_measure (part->content, &size, NULL, NULL) || size > EMPTY_MAX)
    return FALSE;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, EMPTY_MAX, NULL);
  gsize length = 0;
  const char *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  g_autofree char *html = part->role == PN_PART_HTML && data ? pn_text_from_html (data, length) : NULL;
  g_autofree char *text = html ? g_steal_pointer (&html) : g_strndup (data ? data : "", length);
  return bytes && *g_strstrip (text) == '\0';
}

/* "Fwd: Plans" of "Plans": whatever the prefix is called where the sender lives. */
static gboolean
is_subject_of (const char *subject, PnPart *embedded)
{
  guint64 offset, length;
  PnEncoding encoding;
  if (!subject || !*subject)
    return TRUE;
  PnSource *range = pn_content_get_range (embedded->content, &offset, &length, &encoding);
  g_autoptr (PnSource) source
      = range && encoding == PN_ENCODING_NONE ? pn_source_new_range (range, offset, length) : NULL;
  g_autoptr (GBytes) bytes = source ? NULL : pn_content_read (embedded->content, 16 * 1024 * 1024, NULL);
  if (!source && bytes)
    source = pn_source_new_bytes (bytes);
  g_autoptr (PnMessage) inner = source ? pn_mime_read_header (source, &(PnMimeOptions){ 0 }, NULL) : NULL;
  if (!inner || !inner->subject || !g_str_has_suffix (subject, inner->subject))
    return FALSE;
  gsize prefix = strlen (subject) - strlen (inner->subject);
  g_autofree char *before = g_strndup (subject, prefix);
  return prefix == 0 || (prefix < 16 && g_str_has_suffix (g_strchomp (before), ":"));
}

PnPart *
pn_mime_empty_wrapper (PnMessage *message)
{
  PnPart *embedded = NULL;
  if (message->type != PN_TYPE_MAIL || message->calendar)
    return NULL;
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if (!embedded && part->role == PN_PART_ATTACHMENT && part->content
        && g_str_equal (part->type, "message/rfc822"))
      embedded = part;
    else if (!says_nothing (part))
      return NULL;
  }
  return embedded && is_subject_of (message->subject, embedded) ? embedded : NULL;
}

static void
add_recipients (GString *out, const char *name, PnMessage *message, PnDistribution distribution,
                const char *default_domain)
{
  PnWriteField field;
  gboolean any = FALSE;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (recipient->distribution != distribution || !recipient->listed)
      continue;
    if (any)
      pn_field_glue (&field, ",");
    else
      pn_field_begin (&field, out, name);
    pn_field_address (&field, recipient->address, default_domain);
    any = TRUE;
  }
  if (any)
    pn_field_end (&field);
}

gboolean
pn_mime_flat_write (PnMessage *message, PnPart *embedded, const char *message_id,
                    const PnMimeWriteOptions *options, PnSink *sink, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const PnTime *date = &message->date;
  if (message->from) {
    PnWriteField field;
    pn_field_begin (&field, out, "Resent-From");
    pn_field_address (&field, message->from, options->default_domain);
    pn_field_end (&field);
  }
  add_recipients (out, "Resent-To", message, PN_TO, options->default_domain);
  add_recipients (out, "Resent-Cc", message, PN_CC, options->default_domain);
  pn_field_date (out, "Resent-Date", date->set ? date->unix_time : options->now,
                 date->set ? date->offset : 0);
  pn_field_ids (out, "Resent-Message-ID", (char *const *) &message_id, 1);
  return pn_sink_write (sink, out->str, out->len, error) && pn_content_copy (embedded->content, sink, error);
}
