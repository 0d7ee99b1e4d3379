#include "convert/mime-native-fields.h"

#include <string.h>

#include "convert/mime-write-header.h"
#include "convert/text-twin.h"

/* --- phone -------------------------------------------------------------------------------------------- */

static const struct {
  PnCallAction flag;
  const char *text;
} calls[] = {
  { PN_CALL_TELEPHONED, "Telephoned" },
  { PN_CALL_PLEASE_CALL, "Please call" },
  { PN_CALL_WILL_CALL_AGAIN, "Will call again" },
  { PN_CALL_RETURNED_YOUR_CALL, "Returned your call" },
  { PN_CALL_WANTS_TO_SEE_YOU, "Wants to see you" },
  { PN_CALL_CAME_TO_SEE_YOU, "Came to see you" },
  { PN_CALL_URGENT, "Urgent" },
};

/* The kind of call that a Content-Class of voice mail systems names ("urn:content-class:missedcall"). */
static gboolean
is_call (const PnMessage *message)
{
  static const char *const kinds[] = { "missedcall", "voice", "voice-uc", "voice-ca", NULL };
  const char *class = pn_message_get_header (message, "Content-Class");
  const char *colon = class ? strrchr (class, ':') : NULL;
  g_autofree char *kind = class ? g_ascii_strdown (colon ? colon + 1 : class, -1) : NULL;

  return kind && g_strv_contains (kinds, kind);
}

/* One line of what the caller left; line breaks would make it more. */
static void
describe_field (GString *out, const char *label, const char *value)
{
  if (!value)
    return;
  g_autofree char *line = g_strdelimit (g_strdup (value), "\r\n", ' ');
  g_string_append_printf (out, "%s: %s\n", label, line);
}

char *
pn_phone_describe (const PnMessage *message)
{
  /* Voice mail says all that itself. */
  if (is_call (message))
    return g_strdup ("");
  GString *out = g_string_new ("Phone message\n");
  describe_field (out, "Caller", message->caller_name);
  describe_field (out, "Company", message->caller_company);
  describe_field (out, "Phone", message->caller_phone);
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    if (message->call_action & calls[i].flag)
      g_string_append_printf (out, "[x] %s\n", calls[i].text);
  g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}

char *
pn_phone_describe_html (const PnMessage *message)
{
  g_autofree char *text = pn_phone_describe (message);
  if (!*text)
    return g_steal_pointer (&text);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
  GString *out = g_string_new ("<p>");
  for (char **line = lines; *line; line++) {
    pn_html_append_escaped (out, *line, strlen (*line));
    g_string_append (out, line[1] ? "<br>\n" : "</p>\n");
  }
  return g_string_free (out, FALSE);
}

static void
write_phone (GString *out, const PnMessage *message)
{
  pn_field_plain (out, "X-Postern-Type", "Phone");
  if (message->caller_name)
    pn_field_text (out, "X-Postern-Caller-Name", message->caller_name);
  if (message->caller_company)
    pn_field_text (out, "X-Postern-Caller-Company", message->caller_company);
  if (message->caller_phone)
    pn_field_text (out, "X-Postern-Caller-Phone", message->caller_phone);
  g_autoptr (GString) words = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    if (message->call_action & calls[i].flag)
      g_string_append_printf (words, "%s%s", words->len ? ", " : "", calls[i].text);
  if (words->len > 0)
    pn_field_plain (out, "X-Postern-Call-Action", words->str);
}

/* Takes LEAD out of the first part in ROLE, where writing put it. */
static void
cut_lead (PnMessage *message, PnPartRole role, const char *lead)
{
  PnPart *part = pn_message_get_part (message, role);
  g_autoptr (GBytes) bytes
      = part && part->content ? pn_content_read (part->content, 8 * 1024 * 1024, NULL) : NULL;
  if (!bytes)
    return;
  gsize length, n = strlen (lead);
  const char *data = g_bytes_get_data (bytes, &length);
  const char *found = role == PN_PART_TEXT ? (length >= n && memcmp (data, lead, n) == 0 ? data : NULL)
                                           : memmem (data, length, lead, n);
  if (!found)
    return;
  g_autoptr (GString) rest = g_string_new_len (data, found - data);
  g_string_append_len (rest, found + n, (gssize) (length - (gsize) (found - data) - n));
  pn_content_unref (part->content);
  part->content = pn_content_new_text (rest->str, (gssize) rest->len);
}

/* A missed call, or voice mail: who called, from where. */
static void
read_call (PnMessage *message)
{
  const char *name = pn_message_get_header (message, "X-VoiceMessageSenderName");

  message->type = PN_TYPE_PHONE;
  message->call_action |= PN_CALL_TELEPHONED;
  message->caller_phone = g_strdup (pn_message_get_header (message, "X-CallingTelephoneNumber"));
  if (!name && message->from)
    name = message->from->name;
  message->caller_name = g_strdup (name);
}

static void
read_phone (PnMessage *message)
{
  message->type = PN_TYPE_PHONE;
  message->caller_name = g_strdup (pn_message_get_header (message, "X-Postern-Caller-Name"));
  message->caller_company = g_strdup (pn_message_get_header (message, "X-Postern-Caller-Company"));
  message->caller_phone = g_strdup (pn_message_get_header (message, "X-Postern-Caller-Phone"));
  const char *words = pn_message_get_header (message, "X-Postern-Call-Action");
  g_auto (GStrv) each = g_strsplit (words ? words : "", ",", -1);
  for (char **word = each; *word; word++)
    for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
      if (g_ascii_strcasecmp (g_strstrip (*word), calls[i].text) == 0)
        message->call_action |= calls[i].flag;
  g_autofree char *lead = pn_phone_describe (message);
  g_autofree char *html = pn_phone_describe_html (message);
  cut_lead (message, PN_PART_TEXT, lead);
  cut_lead (message, PN_PART_HTML, html);
}

/* --- of every message --------------------------------------------------------------------------------- */

static const char *const securities[]
    = { "Normal", "Proprietary", "Confidential", "Secret", "Top Secret", "For Your Eyes Only" };

static void
write_content_fields (GString *out, const PnMessage *message)
{
  if (message->type == PN_TYPE_PHONE)
    write_phone (out, message);
  if (message->security != PN_SECURITY_NORMAL)
    pn_field_plain (out, "X-Postern-Security", securities[message->security]);
  if (message->task_category)
    pn_field_text (out, "X-Postern-Task-Category", message->task_category);
  if (message->task_priority) {
    g_autofree char *number = g_strdup_printf ("%d", message->task_priority);
    pn_field_plain (out, "X-Postern-Task-Priority", number);
  }
}

void
pn_native_fields_read (PnMessage *message)
{
  const char *type = pn_message_get_header (message, "X-Postern-Type");
  if (type && g_ascii_strcasecmp (type, "Phone") == 0 && message->type == PN_TYPE_MAIL)
    read_phone (message);
  else if (message->type == PN_TYPE_MAIL && is_call (message))
    read_call (message);
  const char *security = pn_message_get_header (message, "X-Postern-Security");
  for (guint i = 0; security && i < G_N_ELEMENTS (securities); i++)
    if (g_ascii_strcasecmp (security, securities[i]) == 0)
      message->security = (PnSecurity) i;
  const char *category = pn_message_get_header (message, "X-Postern-Task-Category");
  const char *priority = pn_message_get_header (message, "X-Postern-Task-Priority");
  if (category && g_utf8_strlen (category, -1) == 1) {
    g_free (message->task_category);
    message->task_category = g_strdup (category);
  }
  if (priority)
    message->task_priority = (int) g_ascii_strtoll (priority, NULL, 10);
}

/* What is named a loss when nobody is to undo the conversion. */
static void
name_losses (PnMessage *message)
{
  if (message->send_options && g_ascii_strcasecmp (message->send_options, "None") != 0)
    pn_message_add_loss (message, "Send-Options", "Internet mail has no field for \"%s\"",
                         message->send_options);
  if (message->action && !message->calendar)
    pn_message_add_loss (message, "Msg-Action", "\"%s\" has no meaning in Internet mail", message->action);
  for (guint i = 0; message->extra && i < message->extra->len; i++) {
    const PnExtraKeyword *keyword = g_ptr_array_index (message->extra, i);
    pn_message_add_loss (message, keyword->name, "the keyword has no place in Internet mail");
  }
  if (message->type == PN_TYPE_ADMIN)
    pn_message_add_loss (message, "Msg-Type", "%s is not a kind of Internet mail",
                         pn_message_type_to_string (message->type));
}

void
pn_native_fields_write (GString *out, PnMessage *message, const PnMimeWriteOptions *options, guint made)
{
  write_content_fields (out, message);
  if (options->native_fields) {
    pn_office_fields_write (out, message, options, made);
    return;
  }
  /* For those who do not know ours. */
  const char *number = message->type == PN_TYPE_PHONE ? message->caller_phone : NULL;
  if (number && !pn_message_get_header (message, "X-CallingTelephoneNumber"))
    pn_field_text (out, "X-CallingTelephoneNumber", number);
  name_losses (message);
}
