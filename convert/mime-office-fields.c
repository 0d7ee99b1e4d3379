/* Header fields for what concerns the post office, written and read back by conversions that are to be
 * undone. */
#include <string.h>

#include "convert/charset.h"
#include "convert/ical.h"
#include "convert/mime-header.h"
#include "convert/mime-native-fields.h"
#include "convert/mime-own-parts.h"
#include "convert/mime-reader.h"
#include "convert/mime-values.h"
#include "convert/mime-write-header.h"
#include "convert/mime-write.h"

#define NATIVE "X-Postern-Native"
#define ADDRESS "X-Postern-Address"
#define RECIPIENT "X-Postern-Recipient"
#define REPORT "X-Postern-Report"
#define KEYWORD "X-Postern-Keyword"
#define BUSY "X-Postern-Busy"
#define HEADER "X-Postern-Header"

/* The largest calendar that is read again. */
#define MAX_CALENDAR (16 * 1024 * 1024)

/* --- writing ----------------------------------------------------------------------- */

typedef struct {
  GString *out;
  GHashTable *done; /* addr-spec, lower case, to PnAddress */
  const char *default_domain;
  gboolean clash; /* two addresses have the same */
} AddressWriter;

static void
write_address (PnAddress *address, gpointer user)
{
  AddressWriter *self = user;
  g_autofree char *spec = pn_field_addr_spec (address, self->default_domain);
  char *key = g_ascii_strdown (spec, -1);
  const PnAddress *other = g_hash_table_lookup (self->done, key);
  if (other) {
    self->clash |= g_strcmp0 (other->internet, address->internet) != 0
                   || g_strcmp0 (other->user, address->user) != 0
                   || g_strcmp0 (other->post_office, address->post_office) != 0
                   || g_strcmp0 (other->domain, address->domain) != 0;
    g_free (key);
    return;
  }
  g_hash_table_insert (self->done, key, address);
  if (!address->domain && !address->post_office && !address->user && g_strcmp0 (spec, address->internet) == 0)
    return;
  PnValues values;
  pn_values_begin (&values);
  pn_values_add (&values, "spec", spec);
  pn_values_add_address (&values, address);
  pn_values_end (&values, self->out, ADDRESS);
}

/* Whether ADDRESS is read as it is, but for native names. */
static gboolean
is_said (const PnAddress *address, const PnAddress *said, const char *default_domain)
{
  if (!address || !said)
    return !address && !said;
  g_autofree char *spec = pn_field_addr_spec (address, default_domain);
  const char *name = address->name && *address->name ? address->name : NULL;
  return g_strcmp0 (spec, said->internet) == 0 && g_strcmp0 (name, said->name) == 0;
}

/* Whether To, Cc and Bcc say everything about the recipients.  SAID has what a reader takes out of them. */
static gboolean
recipients_are_plain (const PnMessage *message, const PnMessage *said, const char *default_domain)
{
  if (message->recipients->len != said->recipients->len)
    return FALSE;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    const PnRecipient *other = g_ptr_array_index (said->recipients, i);
    if (recipient->distribution != other->distribution || !recipient->deliver != !other->deliver
        || !recipient->listed != !other->listed || recipient->dsn_notify || recipient->dsn_orcpt
        || g_strcmp0 (recipient->group, other->group) != 0
        || !is_said (recipient->address, other->address, default_domain))
      return FALSE;
  }
  return message->recipients->len > 0;
}

static void
write_author (GString *out, const char *as, const PnAddress *address)
{
  PnValues values;
  pn_values_begin (&values);
  pn_values_add (&values, "as", as);
  if (address) {
    pn_values_add_address (&values, address);
    pn_values_add (&values, "name", address->name);
  }
  pn_values_end (&values, out, RECIPIENT);
}

/* From, Sender and Reply-To, if they are read otherwise than they are. */
static void
write_authors (GString *out, const PnMessage *message, const PnMessage *said, const char *default_domain,
               gboolean clash)
{
  if (message->from && (clash || !is_said (message->from, said->from, default_domain)))
    write_author (out, "From", message->from);
  if (clash ? message->sender != NULL : !is_said (message->sender, said->sender, default_domain))
    write_author (out, "Sender", message->sender);
  guint n = message->reply_to ? message->reply_to->len : 0;
  gboolean same = !clash && n == said->reply_to->len;
  for (guint i = 0; i < n && same; i++)
    same = is_said (message->reply_to->pdata[i], said->reply_to->pdata[i], default_domain);
  for (guint i = 0; i < n && !same; i++)
    write_author (out, "Reply-To", message->reply_to->pdata[i]);
}

static void
write_recipients (GString *out, const PnMessage *message)
{
  static const char *const words[] = { "To", "Cc", "Bcc" };
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
  if (calendar->alarm_set) /* which some methods do not send */
    pn_values_add_number (values, "alarm", calendar->alarm);
}

static void
restore_instants (GHashTable *values, PnCalendar *calendar)
{
  calendar->start.unix_time = pn_values_get_number (values, "start", calendar->start.unix_time);
  calendar->end.unix_time = pn_values_get_number (values, "finish", calendar->end.unix_time);
  calendar->recurrence_id.unix_time
      = pn_values_get_number (values, "instance", calendar->recurrence_id.unix_time);
  calendar->alarm_set = g_hash_table_contains (values, "alarm");
  calendar->alarm = (int) pn_values_get_number (values, "alarm", 0);
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

/* Ids, each percent encoded. */
static char *
join_ids (const GPtrArray *ids)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < ids->len; i++) {
    g_autofree char *id = g_uri_escape_string (ids->pdata[i], NULL, TRUE);
    g_string_append_printf (text, "%s%s", i ? "," : "", id);
  }
  return g_string_free (text, FALSE);
}

static gboolean
same_ids (const GPtrArray *a, const GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    if (strcmp (a->pdata[i], b->pdata[i]) != 0)
      return FALSE;
  return TRUE;
}

/* Text fields that may be read otherwise than they are. */
static const struct {
  const char *name;
  gsize offset;
} message_texts[] = {
  { "message-id", G_STRUCT_OFFSET (PnMessage, message_id) },
  { "in-reply-to", G_STRUCT_OFFSET (PnMessage, in_reply_to) },
  { "subject", G_STRUCT_OFFSET (PnMessage, subject) },
};

static const struct {
  const char *name;
  gsize offset;
} message_times[] = {
  { "date", G_STRUCT_OFFSET (PnMessage, date) },
  { "expires", G_STRUCT_OFFSET (PnMessage, expires) },
  { "respond-by", G_STRUCT_OFFSET (PnMessage, respond_by) },
  { "distribute", G_STRUCT_OFFSET (PnMessage, distribute_date) },
};

/* The fields whose header does not say what they are. */
static void
add_unsaid (PnValues *values, const PnMessage *message, const PnMessage *said)
{
  for (guint i = 0; i < G_N_ELEMENTS (message_texts); i++) {
    const char *text = G_STRUCT_MEMBER (char *, message, message_texts[i].offset);
    if (text && *text && g_strcmp0 (text, G_STRUCT_MEMBER (char *, said, message_texts[i].offset)) != 0)
      pn_values_add (values, message_texts[i].name, text);
  }
  if (!message->subject || !*message->subject)
    pn_values_add (values, "subject", ""); /* else a summary would be taken for it */
  for (guint i = 0; i < G_N_ELEMENTS (message_times); i++) {
    const PnTime *time = &G_STRUCT_MEMBER (PnTime, message, message_times[i].offset);
    const PnTime *other = &G_STRUCT_MEMBER (PnTime, said, message_times[i].offset);
    if (!other->set || time->unix_time != other->unix_time || time->offset != other->offset)
      pn_values_add_time (values, message_times[i].name, time);
  }
  if (!message->references || same_ids (message->references, said->references))
    return;
  g_autofree char *references = join_ids (message->references);
  pn_values_add (values, "references", references);
}

static void
restore_unsaid (PnMessage *message, GHashTable *values)
{
  for (guint i = 0; i < G_N_ELEMENTS (message_texts); i++) {
    char **to = &G_STRUCT_MEMBER (char *, message, message_texts[i].offset);
    if (!g_hash_table_contains (values, message_texts[i].name))
      continue;
    g_free (*to);
    *to = pn_values_take (values, message_texts[i].name);
  }
  for (guint i = 0; i < G_N_ELEMENTS (message_times); i++)
    if (g_hash_table_contains (values, message_times[i].name))
      G_STRUCT_MEMBER (PnTime, message, message_times[i].offset)
          = pn_values_get_time (values, message_times[i].name);
  const char *references = g_hash_table_lookup (values, "references");
  g_auto (GStrv) ids = references ? g_strsplit (references, ",", -1) : NULL;
  if (ids)
    g_ptr_array_set_size (message->references, 0);
  for (char **id = ids; id && *id; id++) {
    char *text = g_uri_unescape_string (*id, NULL);
    if (text)
      g_ptr_array_add (message->references, text);
  }
}

static void
write_native (GString *out, const PnMessage *message, const PnMessage *said, guint made)
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
  add_unsaid (&values, message, said);
  pn_values_end (&values, out, NATIVE);
}

/* What a reader takes out of the header that was written so far. */
static PnMessage *
read_said (const GString *header)
{
  g_autoptr (GString) text = g_string_new_len (header->str, (gssize) header->len);
  g_string_append (text, "\r\n");
  g_autoptr (PnSource) source = pn_source_new_copy (text->str, text->len);
  PnMessage *said = pn_mime_read_header (source, NULL, NULL);
  return said ? said : pn_message_new (PN_TYPE_MAIL);
}

void
pn_office_header_write (GString *out, const PnHeader *header)
{
  PnValues values;
  pn_values_begin (&values);
  pn_values_add (&values, "name", header->name);
  pn_values_add (&values, "value", header->value);
  pn_values_end (&values, out, HEADER);
}

void
pn_office_fields_write (GString *out, PnMessage *message, const PnMimeWriteOptions *options, guint made)
{
  g_autoptr (PnMessage) said = read_said (out);
  write_native (out, message, said, made);
  AddressWriter addresses
      = { out, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), options->default_domain, FALSE };
  pn_mime_each_address (message, write_address, &addresses);
  g_hash_table_unref (addresses.done);
  write_authors (out, message, said, options->default_domain, addresses.clash);
  if (addresses.clash || !recipients_are_plain (message, said, options->default_domain))
    write_recipients (out, message);
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
  restore_unsaid (message, values);
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

/* An author of the message; FALSE if VALUES are those of a recipient. */
static gboolean
read_author (PnMessage *message, GHashTable *values, guint *n_reply_to)
{
  const char *as = g_hash_table_lookup (values, "as");
  gboolean reply_to = g_strcmp0 (as, "Reply-To") == 0, from = g_strcmp0 (as, "From") == 0;
  if (!reply_to && !from && g_strcmp0 (as, "Sender") != 0)
    return FALSE;
  PnAddress *address = pn_values_get_address (values);
  if (reply_to) {
    if ((*n_reply_to)++ == 0)
      g_ptr_array_set_size (message->reply_to, 0);
    g_ptr_array_add (message->reply_to, address);
    return TRUE;
  }
  PnAddress **to = from ? &message->from : &message->sender;
  g_clear_pointer (to, pn_address_free);
  if (address->domain || address->post_office || address->user || address->internet || address->name)
    *to = address;
  else
    pn_address_free (address);
  return TRUE;
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

/* How many of each repeated field were read. */
typedef struct {
  guint recipients, reply_to, reports;
} Counts;

/* The lists that stand in repeated fields replace those that were read from the mail. */
static void
read_repeated (PnMessage *message, const char *name, GHashTable *values, Counts *counts)
{
  if (g_ascii_strcasecmp (name, ADDRESS) == 0) {
    const char *spec = g_hash_table_lookup (values, "spec");
    AddressReader reader = { spec ? spec : "", values };
    pn_mime_each_address (message, read_address, &reader);
  } else if (g_ascii_strcasecmp (name, RECIPIENT) == 0) {
    if (read_author (message, values, &counts->reply_to))
      return;
    if (counts->recipients++ == 0)
      g_ptr_array_set_size (message->recipients, 0);
    g_ptr_array_add (message->recipients, read_recipient (values));
  } else if (g_ascii_strcasecmp (name, REPORT) == 0 && message->reports) {
    if (counts->reports++ == 0)
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

/* HEADER becomes the one that its VALUES say. */
static void
restore_header (PnHeader *header, GHashTable *values)
{
  char *name = pn_values_take (values, "name");
  if (!name)
    return;
  g_free (header->name);
  header->name = name;
  g_free (header->value);
  header->value = pn_values_take (values, "value");
}

PnMessage *
pn_calendar_part_read (const PnPart *part)
{
  g_autoptr (GBytes) bytes = part->content ? pn_content_read (part->content, MAX_CALENDAR, NULL) : NULL;
  if (!bytes)
    return NULL;
  g_autofree char *line = g_strconcat ("text/calendar", part->parameters, NULL);
  PnHeaderContext context = { 0 };
  g_autoptr (PnHeaderParams) parameters = pn_header_parse_params (line, strlen (line), &context);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  g_autofree char *decoded = NULL;
  if (length > 0 && memchr (text, 0x1B, length)) { /* as such text is read from mail */
    PnCharsetResult result;
    text = decoded = pn_charset_decode (text, length, part->charset, NULL, FALSE, &length, &result);
  } else if (length >= 3 && memcmp (text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3;
    length -= 3;
  }
  return pn_ical_read (message, text, length, pn_header_params_get (parameters, "method"), NULL, NULL)
             ? g_steal_pointer (&message)
             : NULL;
}

/* The calendar of the part that came, which says more than the one that was composed of it. */
static void
restore_calendar (PnMessage *message)
{
  PnPart *part = pn_message_get_part (message, PN_PART_CALENDAR);
  g_autoptr (PnMessage) came = part ? pn_calendar_part_read (part) : NULL;
  if (!came || !came->calendar)
    return;
  g_clear_pointer (&message->calendar, pn_calendar_free);
  message->calendar = g_steal_pointer (&came->calendar);
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
  guint made = (guint) pn_values_get_number (values, "made", 0);
  unmake (message, made);
  if (!pn_own_parts_restore (message, source, error))
    return FALSE;
  if (made & PN_MADE_NARROW)
    restore_calendar (message);
  read_native (message, values);
  Counts counts = { 0 };
  for (guint i = 0; i < message->headers->len; i++) {
    PnHeader *header = g_ptr_array_index (message->headers, i);
    if (g_ascii_strncasecmp (header->name, "X-Postern-", 10) != 0 || !header->value)
      continue;
    g_autoptr (GHashTable) each = pn_values_parse (header->value);
    if (g_ascii_strcasecmp (header->name, HEADER) == 0) {
      restore_header (header, each);
      continue;
    }
    read_repeated (message, header->name, each, &counts);
  }
  pn_mime_forget_own_fields (message);
  return TRUE;
}
