/* Header fields for what concerns the post office, written and read back by conversions that are to be
 * undone. */
#include <string.h>

#include "convert/mime-native-fields.h"
#include "convert/mime-own-parts.h"
#include "convert/mime-values.h"
#include "convert/mime-write-header.h"
#include "convert/mime-write.h"

#define NATIVE "X-Postern-Native"
#define ADDRESS "X-Postern-Address"
#define RECIPIENT "X-Postern-Recipient"
#define REPORT "X-Postern-Report"
#define KEYWORD "X-Postern-Keyword"
#define BUSY "X-Postern-Busy"

/* --- writing ----------------------------------------------------------------------- */

typedef struct {
  GString *out;
  GHashTable *done; /* addr-specs, lower case */
  const char *default_domain;
} AddressWriter;

static void
write_address (PnAddress *address, gpointer user)
{
  AddressWriter *self = user;
  g_autofree char *spec = pn_field_addr_spec (address, self->default_domain);
  if (!address->domain && !address->post_office && !address->user && g_strcmp0 (spec, address->internet) == 0)
    return;
  if (!g_hash_table_add (self->done, g_ascii_strdown (spec, -1)))
    return;
  PnValues values;
  pn_values_begin (&values);
  pn_values_add (&values, "spec", spec);
  pn_values_add_address (&values, address);
  pn_values_end (&values, self->out, ADDRESS);
}

/* Quotes at both ends of a name are not taken for part of it when a header is read. */
static gboolean
is_quoted (const char *name)
{
  gsize length = name ? strlen (name) : 0;
  return length >= 2 && name[0] == '"' && name[length - 1] == '"';
}

/* Whether To, Cc and Bcc say everything about the recipients. */
static gboolean
recipients_are_plain (const PnMessage *message, gboolean keep_bcc)
{
  PnDistribution last = PN_TO;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (recipient->distribution < last || !recipient->deliver || !recipient->address
        || recipient->listed != (recipient->distribution != PN_BC) || recipient->dsn_notify
        || recipient->dsn_orcpt || (recipient->distribution == PN_BC && !keep_bcc)
        || is_quoted (recipient->group) || is_quoted (recipient->address->name))
      return FALSE;
    last = recipient->distribution;
  }
  return message->recipients->len > 0;
}

static void
write_recipients (GString *out, const PnMessage *message, gboolean keep_bcc)
{
  static const char *const words[] = { "To", "Cc", "Bcc" };
  if (recipients_are_plain (message, keep_bcc))
    return;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    PnValues values;
    pn_values_begin (&values);
    pn_values_add (&values, "as", words[recipient->distribution]);
    pn_values_add (&values, "listed", recipient->listed ? "yes" : "no");
    pn_values_add (&values, "deliver", recipient->deliver ? "yes" : "no");
    pn_values_add (&values, "group", recipient->group);
    pn_values_add (&values, "notify", recipient->dsn_notify);
    pn_values_add (&values, "orcpt", recipient->dsn_orcpt);
    if (recipient->address) {
      pn_values_add_address (&values, recipient->address);
      pn_values_add (&values, "name", recipient->address->name);
    }
    pn_values_end (&values, out, RECIPIENT);
  }
}

static void
write_reports (GString *out, const PnMessage *message)
{
  for (guint i = 0; message->reports && i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    PnValues values;
    pn_values_begin (&values);
    pn_values_add (&values, "action", pn_action_to_string (report->action));
    pn_values_add_time (&values, "time", &report->time);
    pn_values_add (&values, "original", report->original_recipient);
    pn_values_add (&values, "wording", report->wording);
    pn_values_add (&values, "code", report->status_code);
    pn_values_add (&values, "diagnostic", report->diagnostic);
    pn_values_add (&values, "mta", report->remote_mta);
    pn_values_add (&values, "comment", report->comment);
    if (report->recipient) {
      pn_values_add_address (&values, report->recipient);
      pn_values_add (&values, "name", report->recipient->name);
    }
    pn_values_end (&values, out, REPORT);
  }
}

static void
write_search (GString *out, const PnMessage *message)
{
  PnValues values;
  pn_values_begin (&values);
  pn_values_add_time (&values, "begin", &message->begin_time);
  pn_values_add_time (&values, "end", &message->end_time);
  if (message->busy_for) {
    pn_values_add_address (&values, message->busy_for);
    pn_values_add (&values, "name", message->busy_for->name);
    pn_values_add (&values, "for", "yes");
  }
  g_autoptr (GString) blocks = g_string_new (NULL);
  for (guint i = 0; message->busy && i < message->busy->len; i++) {
    const PnBusyBlock *block = g_ptr_array_index (message->busy, i);
    g_string_append_printf (blocks, "%s%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, i ? "," : "", block->start,
                            block->end);
  }
  if (blocks->len > 0)
    pn_values_add (&values, "blocks", blocks->str);
  pn_values_end (&values, out, BUSY);
}

/* Calendar fields that composing fills from elsewhere where the message has none. */
static const struct {
  const char *name;
  gsize offset;
} calendar_texts[] = {
  { "summary", G_STRUCT_OFFSET (PnCalendar, summary) },
  { "description", G_STRUCT_OFFSET (PnCalendar, description) },
  { "place", G_STRUCT_OFFSET (PnCalendar, place) },
  { "class", G_STRUCT_OFFSET (PnCalendar, klass) },
  { "status", G_STRUCT_OFFSET (PnCalendar, status) },
  { "busy", G_STRUCT_OFFSET (PnCalendar, busy_status) },
  { "comment", G_STRUCT_OFFSET (PnCalendar, comment) },
  { "component", G_STRUCT_OFFSET (PnCalendar, component) },
  { "uid", G_STRUCT_OFFSET (PnCalendar, uid) },
  { "sent-by", G_STRUCT_OFFSET (PnCalendar, organizer_sent_by) },
};

/* The names of those that are missing. */
static char *
describe_missing (const PnCalendar *calendar)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (calendar_texts); i++)
    if (!G_STRUCT_MEMBER (char *, calendar, calendar_texts[i].offset))
      g_string_append_printf (text, "%s,", calendar_texts[i].name);
  if (!calendar->organizer)
    g_string_append (text, "organizer,");
  if (!calendar->attendees || calendar->attendees->len == 0)
    g_string_append (text, "attendees,");
  if (!calendar->stamp.set)
    g_string_append (text, "stamp,");
  if (!calendar->priority)
    g_string_append (text, "priority,");
  return g_string_free (text, FALSE);
}

/* Dates and floating times mean another instant in the zone of each site. */
static void
add_instants (PnValues *values, const PnCalendar *calendar)
{
  const struct {
    const char *name;
    const PnCalendarTime *time;
  } times[] = { { "start", &calendar->start },
                { "finish", &calendar->end },
                { "instance", &calendar->recurrence_id } };
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    if (times[i].time->set && (times[i].time->is_date || times[i].time->floating))
      pn_values_add_number (values, times[i].name, times[i].time->unix_time);
}

static void
restore_instants (GHashTable *values, PnCalendar *calendar)
{
  calendar->start.unix_time = pn_values_get_number (values, "start", calendar->start.unix_time);
  calendar->end.unix_time = pn_values_get_number (values, "finish", calendar->end.unix_time);
  calendar->recurrence_id.unix_time
      = pn_values_get_number (values, "instance", calendar->recurrence_id.unix_time);
}

static void
restore_missing (PnCalendar *calendar, const char *text)
{
  g_auto (GStrv) names = g_strsplit (text, ",", -1);
  const char *const *list = (const char *const *) names;
  for (guint i = 0; i < G_N_ELEMENTS (calendar_texts); i++)
    if (g_strv_contains (list, calendar_texts[i].name))
      g_clear_pointer (&G_STRUCT_MEMBER (char *, calendar, calendar_texts[i].offset), g_free);
  if (g_strv_contains (list, "organizer"))
    g_clear_pointer (&calendar->organizer, pn_address_free);
  if (g_strv_contains (list, "attendees"))
    g_ptr_array_set_size (calendar->attendees, 0);
  if (g_strv_contains (list, "stamp"))
    calendar->stamp = (PnTime){ 0 };
  if (g_strv_contains (list, "priority"))
    calendar->priority = 0;
}

static void
write_native (GString *out, const PnMessage *message, guint made)
{
  PnValues values;
  pn_values_begin (&values);
  pn_values_add (&values, "version", "1");
  pn_values_add (&values, "type", pn_message_type_to_string (message->type));
  pn_values_add (&values, "id", message->id);
  pn_values_add (&values, "orig-id", message->orig_id);
  pn_values_add_number (&values, "made", made);
  pn_values_add_number (&values, "status-request", message->status_request);
  pn_values_add (&values, "send-options", message->send_options);
  pn_values_add (&values, "action", message->action);
  pn_values_add (&values, "to-text", message->to_text);
  pn_values_add (&values, "cc-text", message->cc_text);
  pn_values_add (&values, "envelope-from", message->envelope_from);
  pn_values_add (&values, "envelope-id", message->envelope_id);
  pn_values_add (&values, "envelope-ret", message->envelope_ret);
  pn_values_add (&values, "task-category", message->task_category);
  pn_values_add_number (&values, "task-priority", message->task_priority);
  pn_values_add (&values, "auto", message->auto_generated ? "yes" : NULL);
  pn_values_add_number (&values, "security", message->security);
  pn_values_add_number (&values, "priority", message->priority);
  g_autofree char *missing = message->calendar ? describe_missing (message->calendar) : NULL;
  pn_values_add (&values, "without", message->calendar ? missing : "calendar");
  if (message->calendar)
    add_instants (&values, message->calendar);
  pn_values_end (&values, out, NATIVE);
}

void
pn_office_fields_write (GString *out, PnMessage *message, const PnMimeWriteOptions *options, guint made)
{
  write_native (out, message, made);
  AddressWriter addresses
      = { out, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), options->default_domain };
  pn_mime_each_address (message, write_address, &addresses);
  g_hash_table_unref (addresses.done);
  write_recipients (out, message, options->keep_bcc);
  write_reports (out, message);
  if (message->type == PN_TYPE_SEARCH)
    write_search (out, message);
  for (guint i = 0; message->extra && i < message->extra->len; i++) {
    const PnExtraKeyword *keyword = g_ptr_array_index (message->extra, i);
    PnValues values;
    pn_values_begin (&values);
    pn_values_add (&values, "name", keyword->name);
    pn_values_add (&values, "text", keyword->text);
    pn_values_end (&values, out, KEYWORD);
  }
}

/* --- reading ----------------------------------------------------------------------- */

static void
remove_part (PnMessage *message, PnPartRole role)
{
  PnPart *part = pn_message_get_part (message, role);
  if (part)
    g_ptr_array_remove (message->parts, part);
}

/* A report that could not be tied to a message was kept as a file. */
static void
remove_report (PnMessage *message)
{
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if (!g_str_equal (part->type, "message/delivery-status")
        && !g_str_equal (part->type, "message/disposition-notification"))
      continue;
    g_ptr_array_remove_index (message->parts, i);
    return;
  }
}

/* Takes out what writing added. */
static void
unmake (PnMessage *message, guint made)
{
  if (made & PN_MADE_MESSAGE_ID)
    g_clear_pointer (&message->message_id, g_free);
  if (made & PN_MADE_DATE)
    message->date = (PnTime){ 0 };
  if (made & PN_MADE_FROM)
    g_clear_pointer (&message->from, pn_address_free);
  if (made & PN_MADE_TEXT)
    remove_part (message, PN_PART_TEXT);
  if (made & PN_MADE_CALENDAR)
    remove_part (message, PN_PART_CALENDAR);
  if (made & PN_MADE_REPORT)
    remove_report (message);
}

static void
read_native (PnMessage *message, GHashTable *values)
{
  static const PnMessageType types[] = { PN_TYPE_MAIL,  PN_TYPE_APPOINTMENT, PN_TYPE_TASK,   PN_TYPE_NOTE,
                                         PN_TYPE_PHONE, PN_TYPE_STATUS,      PN_TYPE_SEARCH, PN_TYPE_ADMIN };
  const char *type = g_hash_table_lookup (values, "type");
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_strcmp0 (type, pn_message_type_to_string (types[i])) == 0)
      message->type = types[i];
  const struct {
    const char *name;
    char **to;
  } texts[] = { { "id", &message->id },
                { "orig-id", &message->orig_id },
                { "send-options", &message->send_options },
                { "action", &message->action },
                { "to-text", &message->to_text },
                { "cc-text", &message->cc_text },
                { "envelope-from", &message->envelope_from },
                { "envelope-id", &message->envelope_id },
                { "envelope-ret", &message->envelope_ret },
                { "task-category", &message->task_category } };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_free (*texts[i].to);
    *texts[i].to = pn_values_take (values, texts[i].name);
  }
  message->status_request = (guint) pn_values_get_number (values, "status-request", 0);
  message->task_priority = (int) pn_values_get_number (values, "task-priority", 0);
  message->auto_generated = g_hash_table_contains (values, "auto");
  message->security
      = (PnSecurity) CLAMP (pn_values_get_number (values, "security", 0), 0, PN_SECURITY_FOR_YOUR_EYES_ONLY);
  message->priority = (PnPriority) CLAMP (pn_values_get_number (values, "priority", 0), 0, PN_PRIORITY_LOW);
  const char *missing = g_hash_table_lookup (values, "without");
  if (g_strcmp0 (missing, "calendar") == 0)
    g_clear_pointer (&message->calendar, pn_calendar_free);
  else if (missing && message->calendar)
    restore_missing (message->calendar, missing);
  if (message->calendar)
    restore_instants (values, message->calendar);
}

typedef struct {
  const char *spec;
  GHashTable *values;
} AddressReader;

static void
read_address (PnAddress *address, gpointer user)
{
  AddressReader *self = user;
  if (!address->internet || g_ascii_strcasecmp (address->internet, self->spec) != 0)
    return;
  g_autoptr (PnAddress) native = pn_values_get_address (self->values);
  g_free (address->domain);
  g_free (address->post_office);
  g_free (address->user);
  address->domain = g_steal_pointer (&native->domain);
  address->post_office = g_steal_pointer (&native->post_office);
  address->user = g_steal_pointer (&native->user);
  g_free (address->internet);
  address->internet = g_steal_pointer (&native->internet);
}

static PnRecipient *
read_recipient (GHashTable *values)
{
  PnRecipient *recipient = g_new0 (PnRecipient, 1);
  const char *as = g_hash_table_lookup (values, "as");
  recipient->distribution = g_strcmp0 (as, "Cc") == 0 ? PN_CC : g_strcmp0 (as, "Bcc") == 0 ? PN_BC : PN_TO;
  recipient->listed = g_strcmp0 (g_hash_table_lookup (values, "listed"), "yes") == 0;
  recipient->deliver = g_strcmp0 (g_hash_table_lookup (values, "deliver"), "yes") == 0;
  recipient->group = pn_values_take (values, "group");
  recipient->dsn_notify = pn_values_take (values, "notify");
  recipient->dsn_orcpt = pn_values_take (values, "orcpt");
  recipient->address = pn_values_get_address (values);
  return recipient;
}

static PnStatusReport *
read_report (GHashTable *values)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = pn_action_from_string (g_hash_table_lookup (values, "action"));
  report->time = pn_values_get_time (values, "time");
  report->original_recipient = pn_values_take (values, "original");
  report->wording = pn_values_take (values, "wording");
  report->status_code = pn_values_take (values, "code");
  report->diagnostic = pn_values_take (values, "diagnostic");
  report->remote_mta = pn_values_take (values, "mta");
  report->comment = pn_values_take (values, "comment");
  report->recipient = pn_values_get_address (values);
  PnAddress *address = report->recipient;
  if (!address->domain && !address->post_office && !address->user && !address->internet && !address->name)
    g_clear_pointer (&report->recipient, pn_address_free);
  return report;
}

static void
read_search (PnMessage *message, GHashTable *values)
{
  message->begin_time = pn_values_get_time (values, "begin");
  message->end_time = pn_values_get_time (values, "end");
  g_clear_pointer (&message->busy_for, pn_address_free);
  if (g_hash_table_contains (values, "for"))
    message->busy_for = pn_values_get_address (values);
  g_ptr_array_set_size (message->busy, 0);
  const char *text = g_hash_table_lookup (values, "blocks");
  g_auto (GStrv) blocks = g_strsplit (text ? text : "", ",", -1);
  for (char **block = blocks; *block && message->busy; block++) {
    char *end;
    PnBusyBlock *busy = g_new0 (PnBusyBlock, 1);
    busy->start = g_ascii_strtoll (*block, &end, 10);
    busy->end = *end == '/' ? g_ascii_strtoll (end + 1, NULL, 10) : busy->start;
    g_ptr_array_add (message->busy, busy);
  }
}

/* The lists that stand in repeated fields replace those that were read from the mail. */
static void
read_repeated (PnMessage *message, const char *name, GHashTable *values, guint *n_recipients,
               guint *n_reports)
{
  if (g_ascii_strcasecmp (name, ADDRESS) == 0) {
    const char *spec = g_hash_table_lookup (values, "spec");
    AddressReader reader = { spec ? spec : "", values };
    pn_mime_each_address (message, read_address, &reader);
  } else if (g_ascii_strcasecmp (name, RECIPIENT) == 0) {
    if ((*n_recipients)++ == 0)
      g_ptr_array_set_size (message->recipients, 0);
    g_ptr_array_add (message->recipients, read_recipient (values));
  } else if (g_ascii_strcasecmp (name, REPORT) == 0 && message->reports) {
    if ((*n_reports)++ == 0)
      g_ptr_array_set_size (message->reports, 0);
    g_ptr_array_add (message->reports, read_report (values));
  } else if (g_ascii_strcasecmp (name, KEYWORD) == 0 && message->extra) {
    PnExtraKeyword *keyword = g_new0 (PnExtraKeyword, 1);
    keyword->name = pn_values_take (values, "name");
    keyword->text = pn_values_take (values, "text");
    g_ptr_array_add (message->extra, keyword);
  } else if (g_ascii_strcasecmp (name, BUSY) == 0) {
    read_search (message, values);
  }
}

gboolean
pn_native_fields_restore (PnMessage *message, PnSource *source, GError **error)
{
  const char *native = pn_message_get_header (message, NATIVE);
  if (!native)
    return TRUE;
  g_autoptr (GHashTable) values = pn_values_parse (native);
  if (g_strcmp0 (g_hash_table_lookup (values, "version"), "1") != 0) {
    pn_message_add_loss (message, "header " NATIVE, "written by a version that is not known here");
    return TRUE;
  }
  unmake (message, (guint) pn_values_get_number (values, "made", 0));
  if (!pn_own_parts_restore (message, source, error))
    return FALSE;
  read_native (message, values);
  guint n_recipients = 0, n_reports = 0;
  for (guint i = 0; i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    if (g_ascii_strncasecmp (header->name, "X-Postern-", 10) != 0 || !header->value)
      continue;
    g_autoptr (GHashTable) each = pn_values_parse (header->value);
    read_repeated (message, header->name, each, &n_recipients, &n_reports);
  }
  pn_mime_forget_own_fields (message);
  return TRUE;
}
