/* The JSON view of a message: what others judge a conversion by.  Described in postern-convert(1). */
#include <string.h>

#include "cmd/convert-json.h"
#include "cmd/convert-json-scan.h"
#include "cmd/json.h"
#include "convert/base64.h"
#include "convert/bytes.h"
#include "convert/native.h"
#include "convert/status-code.h"

/* Bodies longer than this are not shown. */
#define BODY_MAX (16 * 1024 * 1024)

/* "2026-01-02T03:04:05+01:00" */
static void
add_time (JsonBuilder *json, const char *name, const PnTime *time)
{
  g_autoptr (GDateTime) utc = time->set ? g_date_time_new_from_unix_utc (time->unix_time) : NULL;
  g_autoptr (GDateTime) local = utc ? g_date_time_add_minutes (utc, time->offset) : NULL;
  if (!local) {
    pn_json_text (json, name, NULL);
    return;
  }
  g_autofree char *clock = g_date_time_format (local, "%Y-%m-%dT%H:%M:%S");
  int minutes = ABS (time->offset);
  g_autofree char *text
      = g_strdup_printf ("%s%c%02d:%02d", clock, time->offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  pn_json_text (json, name, text);
}

static void
add_time_value (JsonBuilder *json, const char *name, gint64 unix_time)
{
  PnTime time = { .set = TRUE, .unix_time = unix_time };
  add_time (json, name, &time);
}

/* --- addresses ----------------------------------------------------------------------------- */

static void
add_address_members (JsonBuilder *json, const PnAddress *address)
{
  pn_json_text (json, "name", address->name && *address->name ? address->name : NULL);
  pn_json_text (json, "address", address->internet);
  if (!address->user)
    return;
  g_autoptr (PnAddress) native = pn_address_new (address->domain, address->post_office, address->user);
  g_autofree char *text = pn_address_to_string (native);
  pn_json_text (json, "native", text);
}

static void
add_address_value (JsonBuilder *json, const PnAddress *address)
{
  json_builder_begin_object (json);
  add_address_members (json, address);
  json_builder_end_object (json);
}

static void
add_address (JsonBuilder *json, const char *name, const PnAddress *address)
{
  json_builder_set_member_name (json, name);
  if (address)
    add_address_value (json, address);
  else
    json_builder_add_null_value (json);
}

static void
add_recipients (JsonBuilder *json, const char *name, const PnMessage *message, PnDistribution distribution)
{
  pn_json_list (json, name);
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (recipient->distribution != distribution || !recipient->address)
      continue;
    json_builder_begin_object (json);
    add_address_members (json, recipient->address);
    if (recipient->group)
      pn_json_text (json, "group", recipient->group);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_addresses (JsonBuilder *json, const PnMessage *message)
{
  add_address (json, "from", message->from);
  add_address (json, "sender", message->sender);
  add_recipients (json, "to", message, PN_TO);
  add_recipients (json, "cc", message, PN_CC);
  add_recipients (json, "bcc", message, PN_BC);
  pn_json_list (json, "reply_to");
  for (guint i = 0; message->reply_to && i < message->reply_to->len; i++)
    add_address_value (json, g_ptr_array_index (message->reply_to, i));
  json_builder_end_array (json);
}

/* --- parts --------------------------------------------------------------------------------- */

static gboolean
add_body (JsonBuilder *json, const char *name, PnMessage *message, PnPartRole role, GError **error)
{
  PnPart *part = pn_message_get_part (message, role);
  if (!part || !part->content) {
    pn_json_text (json, name, NULL);
    return TRUE;
  }
  GError *reason = NULL;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, BODY_MAX, &reason);
  if (!bytes && g_error_matches (reason, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
    pn_message_add_loss (message, name, "longer than %d MiB and not shown", BODY_MAX >> 20);
    g_error_free (reason);
    pn_json_text (json, name, NULL);
    return TRUE;
  }
  if (!bytes) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_autofree char *valid = g_utf8_make_valid (data ? data : "", (gssize) length);
  json_builder_set_member_name (json, name); /* as it is: it may be long */
  json_builder_add_string_value (json, valid);
  return TRUE;
}

/* Whether PART is shown as the text, the HTML or the calendar. */
static gboolean
is_body (const PnMessage *message, const PnPart *part)
{
  switch (part->role) {
  case PN_PART_SKELETON:
    return TRUE;
  case PN_PART_TEXT:
  case PN_PART_HTML:
    return part == pn_message_get_part (message, part->role);
  case PN_PART_CALENDAR:
    return message->calendar != NULL;
  case PN_PART_ATTACHMENT:
  case PN_PART_INLINE:
    break;
  }
  return FALSE;
}

static gboolean
add_attachment (JsonBuilder *json, const PnPart *part, GError **error)
{
  guint64 size;
  guint8 digest[32];
  if (!pn_content_measure (part->content, &size, digest, error))
    return FALSE;
  char hex[65];
  pn_digest_to_hex (digest, hex);
  json_builder_begin_object (json);
  pn_json_text (json, "name", part->name);
  pn_json_text (json, "type", part->type);
  pn_json_number (json, "size", (gint64) size);
  pn_json_text (json, "sha256", hex);
  pn_json_text (json, "content_id", part->content_id);
  pn_json_bool (json, "inline", part->role != PN_PART_ATTACHMENT);
  json_builder_end_object (json);
  return TRUE;
}

static gboolean
add_parts (JsonBuilder *json, PnMessage *message, GError **error)
{
  if (!add_body (json, "text", message, PN_PART_TEXT, error)
      || !add_body (json, "html", message, PN_PART_HTML, error))
    return FALSE;
  pn_json_list (json, "attachments");
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    if (part->content && !is_body (message, part) && !add_attachment (json, part, error))
      return FALSE;
  }
  json_builder_end_array (json);
  return TRUE;
}

/* --- the calendar -------------------------------------------------------------------------- */

static void
add_calendar_time (JsonBuilder *json, const char *name, const PnCalendarTime *time)
{
  if (!time->set) {
    pn_json_text (json, name, NULL);
    return;
  }
  g_autofree char *text
      = g_strdup_printf (time->is_date ? "%04d-%02d-%02d" : "%04d-%02d-%02dT%02d:%02d:%02d", time->year,
                         time->month, time->day, time->hour, time->minute, time->second);
  pn_json_text (json, name, text);
}

static const char *
zone_of (const PnCalendarTime *time)
{
  return time->set && !time->is_date && !time->floating ? (time->tzid ? time->tzid : "UTC") : NULL;
}

static void
add_attendee (JsonBuilder *json, const PnAttendee *attendee)
{
  json_builder_begin_object (json);
  if (attendee->address)
    add_address_members (json, attendee->address);
  pn_json_text (json, "partstat", pn_partstat_to_string (attendee->partstat));
  pn_json_text (json, "role", attendee->role);
  pn_json_text (json, "cutype", attendee->cutype);
  pn_json_bool (json, "rsvp", attendee->rsvp);
  pn_json_text (json, "delegated_to", attendee->delegated_to);
  pn_json_text (json, "delegated_from", attendee->delegated_from);
  pn_json_text (json, "sent_by", attendee->sent_by);
  json_builder_end_object (json);
}

static void
add_texts (JsonBuilder *json, const char *name, GPtrArray *texts)
{
  pn_json_list (json, name);
  for (guint i = 0; texts && i < texts->len; i++)
    pn_json_add_text (json, g_ptr_array_index (texts, i));
  json_builder_end_array (json);
}

static void
add_calendar (JsonBuilder *json, const PnCalendar *calendar)
{
  json_builder_set_member_name (json, "calendar");
  if (!calendar) {
    json_builder_add_null_value (json);
    return;
  }
  json_builder_begin_object (json);
  pn_json_text (json, "method", pn_method_to_string (calendar->method));
  pn_json_text (json, "component", calendar->component);
  pn_json_text (json, "uid", calendar->uid);
  pn_json_number (json, "sequence", calendar->sequence);
  add_calendar_time (json, "start", &calendar->start);
  add_calendar_time (json, "end", &calendar->end);
  const char *zone = zone_of (&calendar->start);
  const char *end_zone = zone_of (&calendar->end);
  pn_json_text (json, "timezone", zone ? zone : end_zone);
  if (zone && end_zone && strcmp (zone, end_zone) != 0)
    pn_json_text (json, "end_timezone", end_zone);
  pn_json_bool (json, "all_day", calendar->all_day);
  pn_json_text (json, "summary", calendar->summary);
  pn_json_text (json, "description", calendar->description);
  pn_json_text (json, "place", calendar->place);
  pn_json_text (json, "rrule", calendar->rrule);
  add_texts (json, "rdates", calendar->rdates);
  add_texts (json, "exdates", calendar->exdates);
  add_calendar_time (json, "recurrence_id", &calendar->recurrence_id);
  add_address (json, "organizer", calendar->organizer);
  pn_json_list (json, "attendees");
  for (guint i = 0; calendar->attendees && i < calendar->attendees->len; i++)
    add_attendee (json, g_ptr_array_index (calendar->attendees, i));
  json_builder_end_array (json);
  pn_json_text (json, "status", calendar->status);
  pn_json_text (json, "class", calendar->klass);
  pn_json_text (json, "busy_status", calendar->busy_status);
  pn_json_number (json, "priority", calendar->priority);
  pn_json_text (json, "comment", calendar->comment);
  json_builder_set_member_name (json, "alarm");
  if (calendar->alarm_set)
    json_builder_add_int_value (json, calendar->alarm);
  else
    json_builder_add_null_value (json);
  json_builder_end_object (json);
}

/* --- the rest ------------------------------------------------------------------------------ */

static void
add_reports (JsonBuilder *json, const PnMessage *message)
{
  pn_json_list (json, "reports");
  for (guint i = 0; message->reports && i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    json_builder_begin_object (json);
    pn_json_text (json, "action", pn_action_to_string (report->action));
    add_time (json, "time", &report->time);
    add_address (json, "recipient", report->recipient);
    pn_json_text (json, "original_recipient", report->original_recipient);
    pn_json_text (json, "wording", report->wording);
    pn_json_text (json, "status_code", report->status_code);
    pn_json_text (json, "reason", pn_status_code_describe (report->status_code));
    pn_json_text (json, "diagnostic", report->diagnostic);
    pn_json_text (json, "remote_mta", report->remote_mta);
    pn_json_text (json, "comment", report->comment);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

/* What only one type of message has. */
static void
add_type_members (JsonBuilder *json, const PnMessage *message)
{
  if (message->type == PN_TYPE_PHONE) {
    pn_json_text (json, "caller_name", message->caller_name);
    pn_json_text (json, "caller_company", message->caller_company);
    pn_json_text (json, "caller_phone", message->caller_phone);
    pn_json_number (json, "call_action", message->call_action);
  }
  if (message->type == PN_TYPE_TASK) {
    pn_json_text (json, "task_category", message->task_category);
    pn_json_number (json, "task_priority", message->task_priority);
  }
  if (message->type != PN_TYPE_SEARCH)
    return;
  add_time (json, "begin_time", &message->begin_time);
  add_time (json, "end_time", &message->end_time);
  pn_json_list (json, "busy");
  for (guint i = 0; message->busy && i < message->busy->len; i++) {
    const PnBusyBlock *block = g_ptr_array_index (message->busy, i);
    json_builder_begin_object (json);
    add_time_value (json, "start", block->start);
    add_time_value (json, "end", block->end);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_headers (JsonBuilder *json, const PnMessage *message)
{
  pn_json_list (json, "headers");
  for (guint i = 0; message->headers && i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    json_builder_begin_object (json);
    pn_json_text (json, "name", header->name);
    pn_json_text (json, "value", header->value ? header->value : "");
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_losses (JsonBuilder *json, const PnMessage *message)
{
  pn_json_list (json, "losses");
  for (guint i = 0; i < message->losses->len; i++) {
    const PnLoss *loss = g_ptr_array_index (message->losses, i);
    json_builder_begin_object (json);
    pn_json_text (json, "part", loss->part);
    pn_json_text (json, "reason", loss->reason);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_head (JsonBuilder *json, const PnMessage *message)
{
  static const char *const types[]
      = { "mail", "appointment", "task", "note", "phone", "status", "search", "admin" };
  static const char *const priorities[] = { "normal", "high", "low" };
  static const char *const securities[]
      = { "normal", "proprietary", "confidential", "secret", "top secret", "for your eyes only" };
  pn_json_text (json, "type", types[message->type]);
  pn_json_text (json, "id", message->id);
  pn_json_text (json, "orig_id", message->orig_id);
  pn_json_text (json, "message_id", message->message_id);
  add_addresses (json, message);
  pn_json_text (json, "subject", message->subject);
  add_time (json, "date", &message->date);
  pn_json_text (json, "in_reply_to", message->in_reply_to);
  add_texts (json, "references", message->references);
  pn_json_text (json, "priority", priorities[message->priority]);
  pn_json_text (json, "security", securities[message->security]);
  add_time (json, "expires", &message->expires);
  add_time (json, "respond_by", &message->respond_by);
  add_time (json, "distribute_date", &message->distribute_date);
  pn_json_bool (json, "receipt_requested", (message->status_request & PN_STATUS_REQUEST_OPENED) != 0);
  pn_json_bool (json, "auto_generated", message->auto_generated);
}

char *
pn_convert_json (PnMessage *message, GError **error)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  add_head (json, message);
  if (!add_parts (json, message, error))
    return NULL;
  add_calendar (json, message->calendar);
  add_type_members (json, message);
  add_reports (json, message);
  add_headers (json, message);
  add_losses (json, message);
  json_builder_end_object (json);
  return pn_json_to_text (json, FALSE);
}

/* --- the queue file ------------------------------------------------------------------------ */

typedef struct {
  PnSink below;
  PnBase64Encoder encoder;
  GByteArray *room;
} Base64Sink;

static gboolean
write_base64 (gpointer user, const void *data, gsize length, GError **error)
{
  Base64Sink *self = user;
  const guint8 *bytes = data;
  while (length > 0) {
    gsize n = MIN (length, 48 * 1024);
    g_byte_array_set_size (self->room, (guint) pn_base64_encoder_bound (&self->encoder, n));
    gsize made = pn_base64_encoder_push (&self->encoder, bytes, n, self->room->data);
    if (!pn_sink_write (&self->below, self->room->data, made, error))
      return FALSE;
    bytes += n;
    length -= n;
  }
  return TRUE;
}

static gboolean
write_queue_file (PnMessage *message, PnSink *sink, GError **error)
{
  const PnBase64Form one_line = { .canonical = TRUE };
  g_autoptr (GByteArray) room = g_byte_array_new ();
  Base64Sink self = { .below = *sink, .room = room };
  pn_base64_encoder_init (&self.encoder, &one_line);
  PnSink into = { write_base64, &self };
  if (!pn_native_write (message, &into, error))
    return FALSE;
  g_byte_array_set_size (room, 64);
  gsize rest = pn_base64_encoder_finish (&self.encoder, room->data);
  return pn_sink_write (sink, room->data, rest, error);
}

gboolean
pn_convert_write_json (const PnConvertOptions *options, PnMessage *message, PnSink *sink, GError **error)
{
  g_autofree char *text = pn_convert_json (message, error);
  if (!text)
    return FALSE;
  if (options->brief)
    return pn_sink_puts (sink, text, error) && pn_sink_write (sink, "\n", 1, error);
  /* it stands last and is never in memory as a whole */
  return pn_sink_write (sink, text, strlen (text) - 1, error)
         && pn_sink_puts (sink, ",\"" PN_JSON_QUEUE_FILE "\":\"", error)
         && write_queue_file (message, sink, error) && pn_sink_puts (sink, "\"}\n", error);
}
