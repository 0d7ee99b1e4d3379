#include "convert/ical-writer.h"

#include <string.h>

#define PRODID "-//Postern//Internet Agent//EN"
#define MAX_BODY (1024 * 1024)

/* -- texts -- */

static char *
read_body (PnIcalWriter *writer, PnPartRole role, GError **error)
{
  PnPart *part = pn_message_get_part (writer->message, role);
  if (!part || !part->content)
    return NULL;
  guint64 size;
  if (!pn_content_measure (part->content, &size, NULL, error))
    return NULL;
  if (size > MAX_BODY) {
    pn_message_add_loss (writer->message, "calendar",
                         "the %s of %" G_GUINT64_FORMAT " bytes is too long for it", part->type, size);
    return NULL;
  }
  g_autoptr (GBytes) bytes = pn_content_read (part->content, MAX_BODY, error);
  if (!bytes)
    return NULL;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  return g_utf8_make_valid (text ? text : "", (gssize) length);
}

static gboolean
put_description (PnIcalWriter *writer, GError **error)
{
  GError *failure = NULL;
  const char *description = writer->calendar->description;
  g_autofree char *body = description ? NULL : read_body (writer, PN_PART_TEXT, &failure);
  g_autofree char *html = failure ? NULL : read_body (writer, PN_PART_HTML, &failure);
  if (failure) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  pn_ical_put_carried_text (writer, "DESCRIPTION", description ? description : body);
  pn_ical_put_text (writer, "X-ALT-DESC;FMTTYPE=text/html:", html);
  return TRUE;
}

/* -- properties for Outlook and Exchange, and their RFC 5545 twins -- */

static void
put_class (PnIcalWriter *writer)
{
  PnSecurity security = writer->message->security;
  const char *klass = writer->calendar->klass;
  if (!klass && security != PN_SECURITY_NORMAL)
    klass = security == PN_SECURITY_PROPRIETARY ? "PRIVATE" : "CONFIDENTIAL";
  pn_ical_put_word (writer, "CLASS:", klass);
}

static void
put_priority (PnIcalWriter *writer)
{
  static const int numbers[] = { 5, 1, 9 };
  static const char *const importance[] = { "1", "2", "0" };
  PnPriority priority = writer->message->priority;
  const char *category = writer->message->task_category;
  int number = writer->calendar->priority;
  if (number == 0 && strcmp (writer->component, "VTODO") == 0 && category && *category)
    number = *category == 'A' ? 1 : *category == 'B' ? 5 : 9;
  if (number == 0 && priority != PN_PRIORITY_NORMAL)
    number = numbers[priority];
  if (number != 0)
    pn_ical_put_number (writer, "PRIORITY:", number);
  pn_ical_put (writer, "X-MICROSOFT-CDO-IMPORTANCE:", importance[priority]);
}

static void
put_availability (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  const char *busy = calendar->busy_status ? calendar->busy_status : calendar->transparent ? "FREE" : "BUSY";
  pn_ical_put (writer, "TRANSP:", calendar->transparent ? "TRANSPARENT" : "OPAQUE");
  /* Until he answers, the reader's calendar shows what he was asked for as tentative. */
  gboolean asks = writer->method == PN_METHOD_REQUEST && strcmp (busy, "FREE") != 0;
  pn_ical_put_word (writer, "X-MICROSOFT-CDO-BUSYSTATUS:", asks ? "TENTATIVE" : busy);
  pn_ical_put_word (writer, "X-MICROSOFT-CDO-INTENDEDSTATUS:", busy);
  pn_ical_put (writer, "X-MICROSOFT-CDO-ALLDAYEVENT:",
               calendar->all_day || calendar->start.is_date ? "TRUE" : "FALSE");
  pn_ical_put_number (writer, "X-MICROSOFT-CDO-APPT-SEQUENCE:", calendar->sequence);
}

static void
put_status (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  const PnStatusReport *report = pn_ical_first_report (writer);
  gboolean task = strcmp (writer->component, "VTODO") == 0;
  gboolean completed
      = task && writer->method == PN_METHOD_REPLY && report && report->action == PN_ACTION_COMPLETED;
  if (writer->method == PN_METHOD_CANCEL)
    pn_ical_put (writer, "STATUS:", "CANCELLED");
  else
    pn_ical_put_word (writer, "STATUS:",
                      calendar->status ? calendar->status
                      : completed      ? "COMPLETED"
                                       : NULL);
  if (!task)
    return;
  if (calendar->percent_complete >= 0 || completed)
    pn_ical_put_number (writer, "PERCENT-COMPLETE:", completed ? 100 : calendar->percent_complete);
  if (calendar->completed.set || completed)
    pn_ical_put_instant (writer, "COMPLETED:",
                         calendar->completed.set ? calendar->completed.unix_time
                         : report->time.set      ? report->time.unix_time
                                                 : writer->now);
}

/* -- components -- */

char *
pn_ical_uid (const PnMessage *message)
{
  if (message->calendar && message->calendar->uid)
    return g_strdup (message->calendar->uid);
  const char *id = message->type == PN_TYPE_STATUS && message->orig_id ? message->orig_id : message->id;
  return id ? g_strconcat (id, PN_ICAL_UID_SUFFIX, NULL) : NULL;
}

static gboolean
put_head (PnIcalWriter *writer, GError **error)
{
  const PnCalendar *calendar = writer->calendar;
  g_autofree char *uid = pn_ical_uid (writer->message);
  if (!uid) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "calendar: neither a UID nor a message id to make one of");
    return FALSE;
  }
  pn_ical_put_text (writer, "UID:", uid);
  pn_ical_put_instant (writer, "DTSTAMP:", calendar->stamp.set ? calendar->stamp.unix_time : writer->now);
  if (strcmp (writer->component, "VFREEBUSY") != 0)
    pn_ical_put_number (writer, "SEQUENCE:", calendar->sequence);
  pn_ical_put_organizer (writer);
  return pn_ical_put_attendees (writer, error);
}

static void
put_comment (PnIcalWriter *writer)
{
  const PnStatusReport *report = pn_ical_first_report (writer);
  const char *comment = writer->calendar->comment;
  pn_ical_put_carried_text (writer, "COMMENT", comment ? comment : report ? report->comment : NULL);
  gboolean event_reply = writer->method == PN_METHOD_REPLY && strcmp (writer->component, "VEVENT") == 0;
  if (event_reply && report && report->time.set
      && report->time.unix_time != writer->calendar->stamp.unix_time)
    pn_ical_put_instant (writer, "X-MICROSOFT-CDO-REPLYTIME:", report->time.unix_time);
}

static void
put_busy (PnIcalWriter *writer)
{
  const PnMessage *message = writer->message;
  if (message->begin_time.set)
    pn_ical_put_instant (writer, "DTSTART:", message->begin_time.unix_time);
  if (message->end_time.set)
    pn_ical_put_instant (writer, "DTEND:", message->end_time.unix_time);
  for (guint i = 0; i < message->busy->len; i++) {
    const PnBusyBlock *block = message->busy->pdata[i];
    GString *line = pn_ical_begin_line (writer, "FREEBUSY:");
    pn_ical_append_utc (line, block->start);
    g_string_append_c (line, '/');
    pn_ical_append_utc (line, block->end);
    pn_ical_end_line (writer);
  }
}

/* What an item says besides who and when; an answer leaves out the texts, which are the organizer's. */
static gboolean
put_content (PnIcalWriter *writer, GError **error)
{
  gboolean reply = writer->method == PN_METHOD_REPLY;
  if (!reply)
    pn_ical_put_recurrence (writer);
  pn_ical_put_carried_text (writer, "LOCATION", writer->calendar->place);
  if (!reply && !put_description (writer, error))
    return FALSE;
  put_class (writer);
  put_priority (writer);
  if (strcmp (writer->component, "VEVENT") == 0 && writer->calendar->start.set)
    put_availability (writer);
  return TRUE;
}

static gboolean
put_component (PnIcalWriter *writer, GError **error)
{
  const char *summary = writer->calendar->summary ? writer->calendar->summary : writer->message->subject;
  pn_ical_put (writer, "BEGIN:", writer->component);
  if (!put_head (writer, error))
    return FALSE;
  if (strcmp (writer->component, "VFREEBUSY") == 0)
    put_busy (writer);
  else {
    pn_ical_put_times (writer);
    pn_ical_put_carried_text (writer, "SUMMARY", summary);
    if (writer->method != PN_METHOD_REFRESH && !put_content (writer, error))
      return FALSE;
    put_status (writer);
  }
  put_comment (writer);
  pn_ical_carry_properties (writer);
  if (!pn_ical_put_attachments (writer, error))
    return FALSE;
  pn_ical_carry_components (writer);
  pn_ical_put (writer, "END:", writer->component);
  return TRUE;
}

static PnMethod
method_of (const PnMessage *message)
{
  const PnCalendar *calendar = message->calendar;
  if (pn_message_is_retraction (message))
    return PN_METHOD_CANCEL;
  if (calendar->method != PN_METHOD_NONE)
    return calendar->method;
  if (message->type == PN_TYPE_STATUS)
    return PN_METHOD_REPLY;
  gboolean asked = calendar->attendees->len > 0 || message->recipients->len > 0;
  return asked && message->type != PN_TYPE_NOTE ? PN_METHOD_REQUEST : PN_METHOD_PUBLISH;
}

static const char *
component_of (const PnMessage *message)
{
  static const char *const names[] = { "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (message->calendar->component && g_ascii_strcasecmp (message->calendar->component, names[i]) == 0)
      return names[i];
  }
  return message->type == PN_TYPE_TASK     ? "VTODO"
         : message->type == PN_TYPE_NOTE   ? "VJOURNAL"
         : message->type == PN_TYPE_SEARCH ? "VFREEBUSY"
                                           : "VEVENT";
}

/* A series and the instances of it that differ: those follow in the same object, as they came. */
static gboolean
put_components (PnIcalWriter *writer, GError **error)
{
  g_autoptr (GPtrArray) instances = pn_ical_carry_instances (writer);
  pn_ical_put_zones (writer);
  PnIcalWriter other = *writer;
  for (guint i = 0; i < instances->len; i++) {
    other.message = instances->pdata[i];
    other.calendar = other.message->calendar;
    if (pn_ical_is_floating (other.options, other.calendar, other.method)) {
      PnCalendar before = *other.calendar;
      pn_ical_pin (other.message->calendar, other.options->floating_zone);
      g_ptr_array_unref (before.rdates);
      g_ptr_array_unref (before.exdates);
    }
    pn_ical_put_zones (&other);
  }
  /* Now that all zones stand there. */
  other.written = writer->written = pn_ical_written_zones_new (writer);
  if (!put_component (writer, error))
    return FALSE;
  other.parameters = NULL;
  for (guint i = 0; i < instances->len; i++) {
    other.message = instances->pdata[i];
    other.calendar = other.message->calendar;
    gboolean put = put_component (&other, error);
    g_clear_pointer (&other.parameters, g_hash_table_unref);
    if (!put)
      return FALSE;
  }
  return TRUE;
}

char *
pn_ical_write (PnMessage *message, gint64 now, GError **error)
{
  static const PnIcalOptions defaults = { 0 };
  return pn_ical_write_with (message, &defaults, now, error);
}

char *
pn_ical_write_with (PnMessage *message, const PnIcalOptions *options, gint64 now, GError **error)
{
  if (!message->calendar) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "calendar: the message is no calendar item");
    return NULL;
  }
  PnIcalWriter writer = { .options = options, .message = message, .calendar = message->calendar, .now = now };
  writer.method = method_of (message);
  writer.component = component_of (message);
  writer.out = g_string_sized_new (2048);
  writer.line = g_string_sized_new (256);
  writer.zones = g_ptr_array_new_with_free_func (g_free);
  pn_ical_carry_begin (&writer);
  g_string_append (writer.out, "BEGIN:VCALENDAR\r\nPRODID:" PRODID "\r\nVERSION:2.0\r\nMETHOD:");
  g_string_append_printf (writer.out, "%s\r\n", pn_method_to_string (writer.method));
  pn_ical_carry_object (&writer);
  PnCalendar before = *message->calendar;
  gboolean floating = pn_ical_is_floating (options, message->calendar, writer.method);
  if (floating)
    pn_ical_pin (message->calendar, options->floating_zone);
  gboolean done = put_components (&writer, error);
  if (floating)
    pn_ical_unpin (message->calendar, &before);
  g_string_append (writer.out, "END:VCALENDAR\r\n");
  pn_ical_text_free (writer.came);
  pn_ical_written_zones_free (writer.written);
  g_clear_pointer (&writer.parameters, g_hash_table_unref);
  g_ptr_array_unref (writer.zones);
  g_string_free (writer.line, TRUE);
  return g_string_free (writer.out, !done);
}
