/* JSON to messages: the queue file that is in it, or what the members of the view say. */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/convert-json-scan.h"
#include "cmd/convert-json.h"
#include "convert/ical.h"
#include "convert/native.h"
#include "core/file.h"

/* Views are read into memory whole; queue files in them only up to this size. */
#define VIEW_MAX (64 * 1024 * 1024)
#define MEMORY_MAX (1024 * 1024)

/* --- members ------------------------------------------------------------------------------- */

static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

static char *
copy_of (JsonObject *object, const char *name)
{
  return g_strdup (text_of (object, name));
}

static gint64
number_of (JsonObject *object, const char *name, gint64 fallback)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : fallback;
}

static gboolean
flag_of (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_boolean (node);
}

static JsonObject *
object_of (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

/* The objects in the list NAME, one after the other. */
static JsonObject *
next_of (JsonObject *object, const char *name, guint *i)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  while (array && *i < json_array_get_length (array)) {
    JsonNode *element = json_array_get_element (array, (*i)++);
    if (JSON_NODE_HOLDS_OBJECT (element))
      return json_node_get_object (element);
  }
  return NULL;
}

static void
add_texts (GPtrArray *to, JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  for (guint i = 0; array && i < json_array_get_length (array); i++) {
    JsonNode *element = json_array_get_element (array, i);
    if (JSON_NODE_HOLDS_VALUE (element) && json_node_get_string (element))
      g_ptr_array_add (to, json_node_dup_string (element));
  }
}

/* The place of the member's word in WORDS, or 0. */
static int
word_of (JsonObject *object, const char *name, const char *const *words)
{
  const char *text = text_of (object, name);
  for (int i = 0; text && words[i]; i++)
    if (g_ascii_strcasecmp (text, words[i]) == 0)
      return i;
  return 0;
}

static PnTime
time_of (JsonObject *object, const char *name)
{
  const char *text = text_of (object, name);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = text ? g_date_time_new_from_iso8601 (text, utc) : NULL;
  if (!date)
    return (PnTime){ 0 };
  return (PnTime){ TRUE, g_date_time_to_unix (date),
                   (int) (g_date_time_get_utc_offset (date) / G_TIME_SPAN_MINUTE) };
}

/* --- addresses ----------------------------------------------------------------------------- */

static PnAddress *
address_of (JsonObject *object)
{
  if (!object)
    return NULL;
  PnAddress *address = pn_address_new_internet (text_of (object, "address"), text_of (object, "name"));
  const char *native = text_of (object, "native");
  if (!native)
    return address;
  g_auto (GStrv) words = g_strsplit (native, ".", 3);
  guint n = g_strv_length (words);
  address->domain = n == 3 ? g_strdup (words[0]) : NULL;
  address->post_office = n == 3 ? g_strdup (words[1]) : NULL;
  address->user = g_strdup (n == 3 ? words[2] : native);
  return address;
}

static void
add_recipients (PnMessage *message, JsonObject *object, const char *name, PnDistribution distribution)
{
  JsonObject *one;
  for (guint i = 0; (one = next_of (object, name, &i));)
    pn_message_add_recipient (message, distribution, address_of (one))->group = copy_of (one, "group");
}

/* --- the calendar -------------------------------------------------------------------------- */

static void
calendar_time_of (PnCalendarTime *time, JsonObject *object, const char *name, const char *zone)
{
  const char *text = text_of (object, name);
  int n = text ? sscanf (text, "%4d-%2d-%2dT%2d:%2d:%2d", &time->year, &time->month, &time->day, &time->hour,
                         &time->minute, &time->second)
               : 0;
  if (n < 3)
    return;
  time->set = TRUE;
  time->is_date = n == 3;
  time->floating = n > 3 && !zone;
  if (n > 3 && zone && strcmp (zone, "UTC") != 0)
    time->tzid = g_strdup (zone);
  pn_timezone_to_unix (time->tzid ? time->tzid : "UTC", time->year, time->month, time->day, time->hour,
                       time->minute, time->second, &time->unix_time);
}

static void
add_attendees (PnCalendar *calendar, JsonObject *object)
{
  JsonObject *one;
  for (guint i = 0; (one = next_of (object, "attendees", &i));) {
    PnAttendee *attendee = g_new0 (PnAttendee, 1);
    attendee->address = address_of (one);
    attendee->partstat = pn_partstat_from_string (text_of (one, "partstat"));
    attendee->role = copy_of (one, "role");
    attendee->cutype = copy_of (one, "cutype");
    attendee->rsvp = flag_of (one, "rsvp");
    attendee->delegated_to = copy_of (one, "delegated_to");
    attendee->delegated_from = copy_of (one, "delegated_from");
    attendee->sent_by = copy_of (one, "sent_by");
    g_ptr_array_add (calendar->attendees, attendee);
  }
}

static PnCalendar *
calendar_of (JsonObject *object)
{
  PnCalendar *calendar = pn_calendar_new ();
  const char *zone = text_of (object, "timezone"), *end_zone = text_of (object, "end_timezone");
  const char *method = text_of (object, "method");
  calendar->method = method ? pn_method_from_string (method) : PN_METHOD_NONE;
  calendar->component = copy_of (object, "component");
  calendar->uid = copy_of (object, "uid");
  calendar->sequence = (int) number_of (object, "sequence", 0);
  calendar_time_of (&calendar->start, object, "start", zone);
  calendar_time_of (&calendar->end, object, "end", end_zone ? end_zone : zone);
  calendar_time_of (&calendar->recurrence_id, object, "recurrence_id", zone);
  calendar->all_day = flag_of (object, "all_day");
  calendar->summary = copy_of (object, "summary");
  calendar->description = copy_of (object, "description");
  calendar->place = copy_of (object, "place");
  calendar->rrule = copy_of (object, "rrule");
  add_texts (calendar->rdates, object, "rdates");
  add_texts (calendar->exdates, object, "exdates");
  calendar->organizer = address_of (object_of (object, "organizer"));
  add_attendees (calendar, object);
  calendar->status = copy_of (object, "status");
  calendar->klass = copy_of (object, "class");
  calendar->busy_status = copy_of (object, "busy_status");
  calendar->transparent = g_strcmp0 (calendar->busy_status, "FREE") == 0;
  calendar->priority = (int) number_of (object, "priority", 0);
  calendar->comment = copy_of (object, "comment");
  JsonNode *alarm = json_object_get_member (object, "alarm");
  calendar->alarm_set = alarm && JSON_NODE_HOLDS_VALUE (alarm);
  calendar->alarm = (int) number_of (object, "alarm", 0);
  return calendar;
}

/* --- the rest ------------------------------------------------------------------------------ */

static void
add_parts (PnMessage *message, JsonObject *object)
{
  const char *text = text_of (object, "text"), *html = text_of (object, "html");
  if (text)
    pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text, -1)));
  if (html)
    pn_message_add_part (message, pn_part_new (PN_PART_HTML, "text/html", pn_content_new_text (html, -1)));
  JsonObject *one;
  for (guint i = 0; (one = next_of (object, "attachments", &i));) {
    const char *content = text_of (one, "content"), *type = text_of (one, "type"),
               *name = text_of (one, "name");
    if (!content) {
      g_autofree char *where = g_strdup_printf ("attachment %s", name ? name : "");
      pn_message_add_loss (message, where, "its content is not in the JSON");
      continue;
    }
    gsize length;
    g_autofree guchar *bytes = g_base64_decode (content, &length);
    PnPart *part = pn_part_new (flag_of (one, "inline") ? PN_PART_INLINE : PN_PART_ATTACHMENT,
                                type ? type : "application/octet-stream",
                                pn_content_new_text ((char *) bytes, (gssize) length));
    part->name = g_strdup (name);
    part->content_id = copy_of (one, "content_id");
    pn_message_add_part (message, part);
  }
}

static void
add_reports (PnMessage *message, JsonObject *object)
{
  JsonObject *one;
  for (guint i = 0; (one = next_of (object, "reports", &i));) {
    PnStatusReport *report = g_new0 (PnStatusReport, 1);
    const char *action = text_of (one, "action");
    report->action = action ? pn_action_from_string (action) : PN_ACTION_NONE;
    report->time = time_of (one, "time");
    report->recipient = address_of (object_of (one, "recipient"));
    report->original_recipient = copy_of (one, "original_recipient");
    report->wording = copy_of (one, "wording");
    report->status_code = copy_of (one, "status_code");
    report->diagnostic = copy_of (one, "diagnostic");
    report->remote_mta = copy_of (one, "remote_mta");
    report->comment = copy_of (one, "comment");
    g_ptr_array_add (message->reports, report);
  }
}

static void
add_of_type (PnMessage *message, JsonObject *object)
{
  message->caller_name = copy_of (object, "caller_name");
  message->caller_company = copy_of (object, "caller_company");
  message->caller_phone = copy_of (object, "caller_phone");
  message->call_action = (guint) number_of (object, "call_action", 0);
  message->task_category = copy_of (object, "task_category");
  message->task_priority = (int) number_of (object, "task_priority", 0);
  message->begin_time = time_of (object, "begin_time");
  message->end_time = time_of (object, "end_time");
  JsonObject *one;
  for (guint i = 0; (one = next_of (object, "busy", &i));) {
    PnBusyBlock *block = g_new (PnBusyBlock, 1);
    block->start = time_of (one, "start").unix_time;
    block->end = time_of (one, "end").unix_time;
    g_ptr_array_add (message->busy, block);
  }
}

static PnMessage *
message_of (JsonObject *object)
{
  static const char *const types[]
      = { "mail", "appointment", "task", "note", "phone", "status", "search", "admin", NULL };
  static const char *const priorities[] = { "normal", "high", "low", NULL };
  static const char *const securities[]
      = { "normal", "proprietary", "confidential", "secret", "top secret", "for your eyes only", NULL };
  PnMessage *message = pn_message_new ((PnMessageType) word_of (object, "type", types));
  message->id = copy_of (object, "id");
  message->orig_id = copy_of (object, "orig_id");
  message->message_id = copy_of (object, "message_id");
  message->in_reply_to = copy_of (object, "in_reply_to");
  add_texts (message->references, object, "references");
  message->from = address_of (object_of (object, "from"));
  message->sender = address_of (object_of (object, "sender"));
  add_recipients (message, object, "to", PN_TO);
  add_recipients (message, object, "cc", PN_CC);
  add_recipients (message, object, "bcc", PN_BC);
  JsonObject *one;
  for (guint i = 0; (one = next_of (object, "reply_to", &i));)
    g_ptr_array_add (message->reply_to, address_of (one));
  message->subject = copy_of (object, "subject");
  message->date = time_of (object, "date");
  message->expires = time_of (object, "expires");
  message->respond_by = time_of (object, "respond_by");
  message->distribute_date = time_of (object, "distribute_date");
  message->priority = (PnPriority) word_of (object, "priority", priorities);
  message->security = (PnSecurity) word_of (object, "security", securities);
  if (flag_of (object, "receipt_requested"))
    message->status_request |= PN_STATUS_REQUEST_OPENED;
  message->auto_generated = flag_of (object, "auto_generated");
  add_parts (message, object);
  JsonObject *calendar = object_of (object, "calendar");
  message->calendar = calendar ? calendar_of (calendar) : NULL;
  add_of_type (message, object);
  add_reports (message, object);
  return message;
}

static PnMessage *
read_view (PnSource *source, const PnJsonRange *range, GError **error)
{
  guint64 length = range->end - range->begin;
  if (length > VIEW_MAX) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "longer than %d MiB without a queue file",
                 VIEW_MAX >> 20);
    return NULL;
  }
  g_autofree char *text = g_malloc (length + 1);
  text[length] = '\0';
  if (!pn_source_read (source, range->begin, text, length, error))
    return NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  GError *reason = NULL;
  if (!json_parser_load_from_data (parser, text, (gssize) length, &reason)) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "%s", reason->message);
    g_error_free (reason);
    return NULL;
  }
  return message_of (json_node_get_object (json_parser_get_root (parser)));
}

/* --- the queue file ------------------------------------------------------------------------ */

static PnSource *
decode (PnContent *content, guint64 encoded, GError **error)
{
  if (encoded <= MEMORY_MAX) {
    g_autoptr (GBytes) bytes = pn_content_read (content, MEMORY_MAX, error);
    return bytes ? pn_source_new_bytes (bytes) : NULL;
  }
  return pn_file_source_copy (g_get_tmp_dir (), content, error);
}

PnMessage *
pn_convert_read_json (PnSource *source, GError **error)
{
  g_autoptr (PnJsonScanner) scanner = pn_json_scanner_new (source);
  PnJsonRange range;
  GError *reason = NULL;
  if (!pn_json_scanner_next (scanner, &range, &reason)) {
    if (reason)
      g_propagate_error (error, reason);
    else
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "no JSON object is in it");
    return NULL;
  }
  if (range.queue_end == 0)
    return read_view (source, &range, error);
  guint64 length = range.queue_end - range.queue_begin;
  g_autoptr (PnContent) content
      = pn_content_new_range (source, range.queue_begin, length, PN_ENCODING_BASE64);
  g_autoptr (PnSource) queue_file = decode (content, length, error);
  g_autoptr (PnMessage) message = queue_file ? pn_native_read (queue_file, error) : NULL;
  return message && pn_native_verify (message, error) ? g_steal_pointer (&message) : NULL;
}
