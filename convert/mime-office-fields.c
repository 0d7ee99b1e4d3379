/* Header fields for what concerns the post office, written and read back by conversions that are to be
 * undone. */
#include <string.h>

#include "convert/mime-native-fields.h"
#include "convert/mime-write-header.h"
#include "convert/mime-write.h"

#define NATIVE "X-Postern-Native"
#define ADDRESS "X-Postern-Address"
#define RECIPIENT "X-Postern-Recipient"
#define REPORT "X-Postern-Report"
#define KEYWORD "X-Postern-Keyword"
#define BUSY "X-Postern-Busy"

/* --- fields of named values ---------------------------------------------------------------------------- */

/* "name=value;name=value", values percent encoded so that no reader or relay has anything to fold, decode or
 * mend; blanks mean nothing, so the line can be folded anywhere. */
typedef struct {
  GString *text;
} Values;

static void
values_begin (Values *self)
{
  self->text = g_string_new (NULL);
}

static void
values_add (Values *self, const char *name, const char *value)
{
  if (!value)
    return;
  if (self->text->len > 0)
    g_string_append_c (self->text, ';');
  g_string_append (self->text, name);
  g_string_append_c (self->text, '=');
  for (const char *p = value; *p; p++) {
    if (g_ascii_isalnum (*p) || strchr ("-._~@+:,/", *p))
      g_string_append_c (self->text, *p);
    else
      g_string_append_printf (self->text, "%%%02X", (guchar) *p);
  }
}

static void
values_add_number (Values *self, const char *name, gint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  values_add (self, name, text);
}

static void
values_add_time (Values *self, const char *name, const PnTime *time)
{
  if (!time->set)
    return;
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT ",%d", time->unix_time, time->offset);
  values_add (self, name, text);
}

static void
values_add_address (Values *self, const PnAddress *address)
{
  values_add (self, "domain", address->domain);
  values_add (self, "post-office", address->post_office);
  values_add (self, "user", address->user);
  values_add (self, "internet", address->internet);
}

static void
values_end (Values *self, GString *out, const char *field)
{
  g_string_append_printf (out, "%s: ", field);
  gsize column = strlen (field) + 2;
  for (const char *p = self->text->str; *p;) {
    gsize item = strcspn (p, ";") + 1; /* with its ';' */
    gsize room = column < PN_FIELD_COLUMNS ? PN_FIELD_COLUMNS - column : 0;
    if (item > room && item < PN_FIELD_COLUMNS - 1 && column > 1) {
      g_string_append (out, "\r\n ");
      column = 1;
      continue;
    }
    gsize n = MIN (MIN (item, MAX (room, 1)), strlen (p));
    g_string_append_len (out, p, (gssize) n);
    p += n;
    column += n;
    if (column >= PN_FIELD_COLUMNS && *p) {
      g_string_append (out, "\r\n ");
      column = 1;
    }
  }
  g_string_append (out, "\r\n");
  g_string_free (self->text, TRUE);
}

/* The values of a field: name to value, both owned. */
static GHashTable *
values_parse (const char *text)
{
  GHashTable *values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GString) packed = g_string_new (NULL);
  for (const char *p = text; *p; p++)
    if (!g_ascii_isspace (*p))
      g_string_append_c (packed, *p);
  g_auto (GStrv) items = g_strsplit (packed->str, ";", -1);
  for (char **item = items; *item; item++) {
    char *equals = strchr (*item, '=');
    char *value = equals ? g_uri_unescape_string (equals + 1, NULL) : NULL;
    if (value)
      g_hash_table_insert (values, g_strndup (*item, equals - *item), g_utf8_make_valid (value, -1));
    g_free (value);
  }
  return values;
}

static char *
values_take (GHashTable *values, const char *name)
{
  return g_strdup (g_hash_table_lookup (values, name));
}

static gint64
values_get_number (GHashTable *values, const char *name, gint64 missing)
{
  const char *text = g_hash_table_lookup (values, name);
  return text ? g_ascii_strtoll (text, NULL, 10) : missing;
}

static PnTime
values_get_time (GHashTable *values, const char *name)
{
  PnTime time = { 0 };
  const char *text = g_hash_table_lookup (values, name);
  char *end;
  if (!text)
    return time;
  time.unix_time = g_ascii_strtoll (text, &end, 10);
  time.set = end > text;
  time.offset = *end == ',' ? (int) g_ascii_strtoll (end + 1, NULL, 10) : 0;
  return time;
}

static PnAddress *
values_get_address (GHashTable *values)
{
  PnAddress *address = g_new0 (PnAddress, 1);
  address->domain = values_take (values, "domain");
  address->post_office = values_take (values, "post-office");
  address->user = values_take (values, "user");
  address->internet = values_take (values, "internet");
  address->name = values_take (values, "name");
  return address;
}

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
  Values values;
  values_begin (&values);
  values_add (&values, "spec", spec);
  values_add_address (&values, address);
  values_end (&values, self->out, ADDRESS);
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
    Values values;
    values_begin (&values);
    values_add (&values, "as", words[recipient->distribution]);
    values_add (&values, "listed", recipient->listed ? "yes" : "no");
    values_add (&values, "deliver", recipient->deliver ? "yes" : "no");
    values_add (&values, "group", recipient->group);
    values_add (&values, "notify", recipient->dsn_notify);
    values_add (&values, "orcpt", recipient->dsn_orcpt);
    if (recipient->address) {
      values_add_address (&values, recipient->address);
      values_add (&values, "name", recipient->address->name);
    }
    values_end (&values, out, RECIPIENT);
  }
}

static void
write_reports (GString *out, const PnMessage *message)
{
  for (guint i = 0; message->reports && i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    Values values;
    values_begin (&values);
    values_add (&values, "action", pn_action_to_string (report->action));
    values_add_time (&values, "time", &report->time);
    values_add (&values, "original", report->original_recipient);
    values_add (&values, "wording", report->wording);
    values_add (&values, "code", report->status_code);
    values_add (&values, "diagnostic", report->diagnostic);
    values_add (&values, "mta", report->remote_mta);
    values_add (&values, "comment", report->comment);
    if (report->recipient) {
      values_add_address (&values, report->recipient);
      values_add (&values, "name", report->recipient->name);
    }
    values_end (&values, out, REPORT);
  }
}

static void
write_search (GString *out, const PnMessage *message)
{
  Values values;
  values_begin (&values);
  values_add_time (&values, "begin", &message->begin_time);
  values_add_time (&values, "end", &message->end_time);
  if (message->busy_for) {
    values_add_address (&values, message->busy_for);
    values_add (&values, "name", message->busy_for->name);
    values_add (&values, "for", "yes");
  }
  g_autoptr (GString) blocks = g_string_new (NULL);
  for (guint i = 0; message->busy && i < message->busy->len; i++) {
    const PnBusyBlock *block = g_ptr_array_index (message->busy, i);
    g_string_append_printf (blocks, "%s%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, i ? "," : "", block->start,
                            block->end);
  }
  if (blocks->len > 0)
    values_add (&values, "blocks", blocks->str);
  values_end (&values, out, BUSY);
}

/* The parts in the order in which a reader finds them: bodies, calendar, what the HTML shows, files. */
static GPtrArray *
written_order (const PnMessage *message)
{
  PnPart *const first[]
      = { pn_message_get_part (message, PN_PART_TEXT), pn_message_get_part (message, PN_PART_HTML),
          message->calendar ? pn_message_get_part (message, PN_PART_CALENDAR) : NULL };
  GPtrArray *order = g_ptr_array_new ();
  for (guint i = 0; i < G_N_ELEMENTS (first); i++)
    if (first[i])
      g_ptr_array_add (order, first[i]);
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < message->parts->len; i++) {
      PnPart *part = g_ptr_array_index (message->parts, i);
      gboolean shown = part->role == PN_PART_INLINE && first[1];
      if (part->role != PN_PART_SKELETON && shown == (pass == 0) && !g_ptr_array_find (order, part, NULL))
        g_ptr_array_add (order, part);
    }
  return order;
}

/* "role|place|charset|type|named" of each part: what MIME does not say of it, or what cannot be sent as it
 * is. */
static char *
describe_parts (const PnMessage *message)
{
  g_autoptr (GPtrArray) order = written_order (message);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < order->len; i++) {
    PnPart *part = g_ptr_array_index (order, i);
    guint place = 0;
    g_ptr_array_find (message->parts, part, &place);
    g_string_append_printf (text, "%s%d|%u|%s|%s|%c", i ? "," : "", part->role, place,
                            part->charset ? part->charset : "", part->type, part->name ? 'y' : 'n');
  }
  return g_string_free (text, FALSE);
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
add_instants (Values *values, const PnCalendar *calendar)
{
  const struct {
    const char *name;
    const PnCalendarTime *time;
  } times[] = { { "start", &calendar->start },
                { "finish", &calendar->end },
                { "instance", &calendar->recurrence_id } };
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    if (times[i].time->set && (times[i].time->is_date || times[i].time->floating))
      values_add_number (values, times[i].name, times[i].time->unix_time);
}

static void
restore_instants (GHashTable *values, PnCalendar *calendar)
{
  calendar->start.unix_time = values_get_number (values, "start", calendar->start.unix_time);
  calendar->end.unix_time = values_get_number (values, "finish", calendar->end.unix_time);
  calendar->recurrence_id.unix_time
      = values_get_number (values, "instance", calendar->recurrence_id.unix_time);
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
  Values values;
  values_begin (&values);
  values_add (&values, "version", "1");
  values_add (&values, "type", pn_message_type_to_string (message->type));
  values_add (&values, "id", message->id);
  values_add (&values, "orig-id", message->orig_id);
  values_add_number (&values, "made", made);
  values_add_number (&values, "status-request", message->status_request);
  values_add (&values, "send-options", message->send_options);
  values_add (&values, "action", message->action);
  values_add (&values, "to-text", message->to_text);
  values_add (&values, "cc-text", message->cc_text);
  values_add (&values, "envelope-from", message->envelope_from);
  values_add (&values, "envelope-id", message->envelope_id);
  values_add (&values, "envelope-ret", message->envelope_ret);
  values_add (&values, "task-category", message->task_category);
  values_add_number (&values, "task-priority", message->task_priority);
  values_add (&values, "auto", message->auto_generated ? "yes" : NULL);
  values_add_number (&values, "security", message->security);
  values_add_number (&values, "priority", message->priority);
  g_autofree char *missing = message->calendar ? describe_missing (message->calendar) : NULL;
  values_add (&values, "without", message->calendar ? missing : "calendar");
  if (message->calendar)
    add_instants (&values, message->calendar);
  g_autofree char *parts = describe_parts (message);
  if (*parts && !(made & PN_MADE_SEALED))
    values_add (&values, "parts", parts);
  values_end (&values, out, NATIVE);
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
    Values values;
    values_begin (&values);
    values_add (&values, "name", keyword->name);
    values_add (&values, "text", keyword->text);
    values_end (&values, out, KEYWORD);
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
static gboolean
unmake (PnMessage *message, guint made, GError **error)
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
  if (!(made & PN_MADE_LINE_END) || message->parts->len == 0)
    return TRUE;
  PnPart *part = g_ptr_array_index (message->parts, 0);
  if (!part->content)
    return TRUE;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXSIZE, error);
  if (!bytes)
    return FALSE;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  if (length == 0 || data[length - 1] != '\n')
    return TRUE;
  g_autoptr (GBytes) rest = g_bytes_new_from_bytes (bytes, 0, length - 1);
  pn_content_unref (part->content);
  part->content = pn_content_new_bytes (rest);
  return TRUE;
}

static void
set_text (char **to, const char *text)
{
  g_free (*to);
  *to = text && *text ? g_strdup (text) : NULL;
}

/* Gives the parts back their roles, types, charsets and order.  If others came than were written, they stay
 * as they are. */
static void
restore_parts (PnMessage *message, const char *text)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);
  guint n = g_strv_length (items);
  if (n != message->parts->len)
    return;
  g_autofree PnPart **placed = g_new0 (PnPart *, n);
  g_autofree guint64 *roles = g_new0 (guint64, n);
  for (guint i = 0; i < n; i++) {
    g_auto (GStrv) words = g_strsplit (items[i], "|", 5);
    guint64 place;
    if (g_strv_length (words) != 5
        || !g_ascii_string_to_unsigned (words[0], 10, 0, PN_PART_INLINE, &roles[i], NULL)
        || !g_ascii_string_to_unsigned (words[1], 10, 0, n - 1, &place, NULL) || placed[place])
      return;
    placed[place] = g_ptr_array_index (message->parts, i);
  }
  for (guint i = 0; i < n; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    g_auto (GStrv) words = g_strsplit (items[i], "|", 5);
    part->role = (PnPartRole) roles[i];
    set_text (&part->charset, words[2]);
    if (*words[3])
      set_text (&part->type, words[3]);
    if (*words[4] == 'n')
      set_text (&part->name, NULL);
  }
  memcpy (message->parts->pdata, placed, n * sizeof *placed);
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
    *texts[i].to = values_take (values, texts[i].name);
  }
  message->status_request = (guint) values_get_number (values, "status-request", 0);
  message->task_priority = (int) values_get_number (values, "task-priority", 0);
  message->auto_generated = g_hash_table_contains (values, "auto");
  message->security
      = (PnSecurity) CLAMP (values_get_number (values, "security", 0), 0, PN_SECURITY_FOR_YOUR_EYES_ONLY);
  message->priority = (PnPriority) CLAMP (values_get_number (values, "priority", 0), 0, PN_PRIORITY_LOW);
  const char *missing = g_hash_table_lookup (values, "without");
  if (g_strcmp0 (missing, "calendar") == 0)
    g_clear_pointer (&message->calendar, pn_calendar_free);
  else if (missing && message->calendar)
    restore_missing (message->calendar, missing);
  if (message->calendar)
    restore_instants (values, message->calendar);
  const char *parts = g_hash_table_lookup (values, "parts");
  if (parts)
    restore_parts (message, parts);
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
  g_autoptr (PnAddress) native = values_get_address (self->values);
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
  recipient->group = values_take (values, "group");
  recipient->dsn_notify = values_take (values, "notify");
  recipient->dsn_orcpt = values_take (values, "orcpt");
  recipient->address = values_get_address (values);
  return recipient;
}

static PnStatusReport *
read_report (GHashTable *values)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = pn_action_from_string (g_hash_table_lookup (values, "action"));
  report->time = values_get_time (values, "time");
  report->original_recipient = values_take (values, "original");
  report->wording = values_take (values, "wording");
  report->status_code = values_take (values, "code");
  report->diagnostic = values_take (values, "diagnostic");
  report->remote_mta = values_take (values, "mta");
  report->comment = values_take (values, "comment");
  report->recipient = values_get_address (values);
  PnAddress *address = report->recipient;
  if (!address->domain && !address->post_office && !address->user && !address->internet && !address->name)
    g_clear_pointer (&report->recipient, pn_address_free);
  return report;
}

static void
read_search (PnMessage *message, GHashTable *values)
{
  message->begin_time = values_get_time (values, "begin");
  message->end_time = values_get_time (values, "end");
  g_clear_pointer (&message->busy_for, pn_address_free);
  if (g_hash_table_contains (values, "for"))
    message->busy_for = values_get_address (values);
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
    keyword->name = values_take (values, "name");
    keyword->text = values_take (values, "text");
    g_ptr_array_add (message->extra, keyword);
  } else if (g_ascii_strcasecmp (name, BUSY) == 0) {
    read_search (message, values);
  }
}

gboolean
pn_native_fields_restore (PnMessage *message, GError **error)
{
  const char *native = pn_message_get_header (message, NATIVE);
  if (!native)
    return TRUE;
  g_autoptr (GHashTable) values = values_parse (native);
  if (g_strcmp0 (g_hash_table_lookup (values, "version"), "1") != 0) {
    pn_message_add_loss (message, "header " NATIVE, "written by a version that is not known here");
    return TRUE;
  }
  if (!unmake (message, (guint) values_get_number (values, "made", 0), error))
    return FALSE;
  read_native (message, values);
  guint n_recipients = 0, n_reports = 0;
  for (guint i = 0; i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    if (g_ascii_strncasecmp (header->name, "X-Postern-", 10) != 0 || !header->value)
      continue;
    g_autoptr (GHashTable) each = values_parse (header->value);
    read_repeated (message, header->name, each, &n_recipients, &n_reports);
  }
  pn_mime_forget_own_fields (message);
  return TRUE;
}
