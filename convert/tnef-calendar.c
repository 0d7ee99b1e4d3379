/* Meetings and tasks: what the properties say is put as the iCalendar text that another sender would have
 * sent, and read as such, so that both become the same. */
#include "convert/tnef-writer.h"

#include "convert/ical-private.h"

#include <string.h>

enum { MAX_DESCRIPTION = 32 * 1024, MAX_CALENDAR = 2 * 1024 * 1024 };

static const PnTnefKind kinds[] = {
  { "IPM.Schedule.Meeting.Request", "VEVENT", PN_METHOD_REQUEST, NULL },
  { "IPM.Schedule.Meeting.Canceled", "VEVENT", PN_METHOD_CANCEL, NULL },
  { "IPM.Schedule.Meeting.Resp.Pos", "VEVENT", PN_METHOD_REPLY, "ACCEPTED" },
  { "IPM.Schedule.Meeting.Resp.Neg", "VEVENT", PN_METHOD_REPLY, "DECLINED" },
  { "IPM.Schedule.Meeting.Resp.Tent", "VEVENT", PN_METHOD_REPLY, "TENTATIVE" },
  { "IPM.Appointment", "VEVENT", PN_METHOD_PUBLISH, NULL },
  { "IPM.TaskRequest.Accept", "VTODO", PN_METHOD_REPLY, "ACCEPTED" },
  { "IPM.TaskRequest.Decline", "VTODO", PN_METHOD_REPLY, "DECLINED" },
  { "IPM.TaskRequest.Update", "VTODO", PN_METHOD_REPLY, "IN-PROCESS" },
  { "IPM.TaskRequest", "VTODO", PN_METHOD_REQUEST, NULL },
  { "IPM.Task", "VTODO", PN_METHOD_PUBLISH, NULL },
  { "IPM.Activity", "VJOURNAL", PN_METHOD_PUBLISH, NULL },
};

static const PnTnefKind *
find_kind (const char *message_class)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize length = strlen (kinds[i].name);
    if (g_ascii_strncasecmp (message_class, kinds[i].name, length) == 0
        && (message_class[length] == '\0' || message_class[length] == '.'))
      return &kinds[i];
  }
  return NULL;
}

/* --- what both have
 * ------------------------------------------------------------------------------------------- */

static void
put_summary (PnTnefWriter *self)
{
  const PnTnef *tnef = self->tnef;
  g_autofree char *subject = pn_tnef_text (tnef, pn_mapi_find (self->properties, NORMAL_SUBJECT));
  if (!subject) {
    subject = pn_tnef_text (tnef, pn_mapi_find (self->properties, SUBJECT));
    g_autofree char *prefix = pn_tnef_text (tnef, pn_mapi_find (self->properties, SUBJECT_PREFIX));
    if (subject && prefix && g_str_has_prefix (subject, prefix))
      memmove (subject, subject + strlen (prefix), strlen (subject) - strlen (prefix) + 1);
  }
  pn_tnef_put_text (self, "SUMMARY:", subject ? subject : tnef->message->subject);
}

static void
put_body (PnTnefWriter *self, const PnMessage *message, const char *name)
{
  const PnPart *part = pn_message_get_part (message, PN_PART_TEXT);
  g_autoptr (GBytes) bytes = part ? pn_content_read (part->content, MAX_DESCRIPTION, NULL) : NULL;
  gsize length = 0;
  const char *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  g_autofree char *text = length > 0 ? g_utf8_make_valid (data, (gssize) length) : NULL;
  pn_tnef_put_text (self, name, text ? g_strchomp (text) : NULL);
}

void
pn_tnef_put_description (PnTnefWriter *self, const char *name)
{
  put_body (self, self->tnef->message, name);
}

static void
put_categories (PnTnefWriter *self)
{
  g_autofree char *words = pn_tnef_texts (
      self->tnef, pn_mapi_find_named (self->properties, PN_SET_STRINGS, pn_mapi_name_hash ("Keywords")),
      "\n");
  g_auto (GStrv) list = g_strsplit (words ? words : "", "\n", 100);
  for (guint i = 0; list[i]; i++)
    pn_tnef_put_text (self, "CATEGORIES:", list[i]);
}

void
pn_tnef_put_rank (PnTnefWriter *self)
{
  static const char *const classes[] = { "PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL" };
  static const char *const priorities[] = { "9", "5", "1" };
  gint64 sensitivity = pn_mapi_number_or (pn_mapi_find (self->properties, SENSITIVITY), -1);
  gint64 importance = pn_mapi_number_or (pn_mapi_find (self->properties, IMPORTANCE), -1);
  if (sensitivity >= 0 && sensitivity < (gint64) G_N_ELEMENTS (classes))
    pn_tnef_put (self, "CLASS:", classes[sensitivity]);
  if (importance >= 0 && importance < (gint64) G_N_ELEMENTS (priorities))
    pn_tnef_put (self, "PRIORITY:", priorities[importance]);
  put_categories (self);
}

static void
put_stamp (PnTnefWriter *self)
{
  guint32 name = self->kind->partstat ? ATTENDEE_CHANGE : OWNER_CHANGE;
  gint64 at;
  if (pn_mapi_time (pn_mapi_find_named (self->properties, PN_SET_MEETING, name), &at))
    pn_tnef_put_utc (self, "DTSTAMP", at);
  else if (self->tnef->message->date.set)
    pn_tnef_put_utc (self, "DTSTAMP", self->tnef->message->date.unix_time);
}

void
pn_tnef_put_alarm (PnTnefWriter *self, const PnTnefException *exception)
{
  gint64 minutes
      = pn_mapi_number_or (pn_mapi_find_named (self->properties, PN_SET_COMMON, REMINDER_DELTA), -1);
  gint64 set = pn_mapi_number_or (pn_mapi_find_named (self->properties, PN_SET_COMMON, REMINDER_SET), 0);
  if (exception && exception->reminder >= 0)
    minutes = exception->reminder;
  if (exception && exception->reminder_set >= 0)
    set = exception->reminder_set;
  if (minutes < 0 || minutes > 60 * 24 * 366 || !set)
    return;
  g_string_append_printf (
      self->out, "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT%" G_GINT64_FORMAT "M\r\nEND:VALARM\r\n",
      minutes);
}

/* --- meetings
 * ------------------------------------------------------------------------------------------------- */

static gboolean
find_time (const PnTnefWriter *self, guint32 named, guint32 common, guint tag, PnTnefId old, gint64 *at)
{
  return pn_mapi_time (pn_tnef_appointment (self, named), at)
         || pn_mapi_time (pn_mapi_find_named (self->properties, PN_SET_COMMON, common), at)
         || pn_mapi_time (pn_mapi_find (self->properties, tag), at)
         || pn_tnef_date (pn_tnef_attribute (self->tnef, old), at);
}

/* A series is told by its pattern, unless one instance of it is meant. */
void
pn_tnef_put_pattern (PnTnefWriter *self, const PnMapiProperty *blob, const PnMapiProperty *text,
                     gboolean appointment)
{
  gsize length = 0;
  const guint8 *p = pn_mapi_binary (blob, &length);
  g_autofree char *pattern = pn_tnef_text (self->tnef, text);
  if (!p || length == 0 || self->kind->partstat)
    return;
  self->series = pn_tnef_series_read (self->tnef, p, length, appointment);
  if (self->series->problem)
    pn_tnef_add_loss (
        self->tnef, NULL, "the series%s%.200s is %s: %s", pattern ? ": " : "", pattern ? pattern : "",
        self->series->rrule ? "not carried as a whole" : "not converted; only its first time is",
        self->series->problem);
  if (!self->series->rrule)
    g_clear_pointer (&self->series, pn_tnef_series_free);
}

/* Where no zone is known, the first time tells how far the pattern's hours are from UTC. */
static void
find_offset (PnTnefWriter *self, gint64 start)
{
  gint64 offset = self->series->start - start, hours = offset / 3600;
  if (self->zone || self->all_day || offset == 0)
    return;
  if (offset % 3600 == 0 && hours >= -12 && hours <= 14) {
    g_snprintf (self->fixed, sizeof self->fixed, "Etc/GMT%+d", (int) -hours);
    self->zone = self->fixed;
  } else {
    pn_tnef_add_loss (self->tnef, NULL, "no zone is known for the hours of the series; they are in UTC");
  }
}

void
pn_tnef_put_series (PnTnefWriter *self)
{
  const PnTnefSeries *series = self->series;
  gint64 until;
  g_string_append_printf (self->out, "RRULE:%s", series->rrule);
  if (series->has_until) {
    PnCalendarTime time = { 0 };
    g_string_append (self->out, ";UNTIL=");
    pn_calendar_time_set_local (&time, series->until);
    if (self->all_day)
      pn_ical_append_local (self->out, series->until, TRUE);
    else if (self->zone
             && pn_timezone_to_unix (self->zone, time.year, time.month, time.day, time.hour, time.minute, 0,
                                     &until))
      pn_ical_append_utc (self->out, until);
    else
      pn_ical_append_utc (self->out, series->until);
  }
  g_string_append (self->out, "\r\n");
  for (guint i = 0; i < series->deleted->len; i++)
    pn_tnef_put_local (self, "EXDATE", g_array_index (series->deleted, gint64, i));
}

static void
put_meeting_times (PnTnefWriter *self)
{
  gint64 start, end;
  gboolean has_start = find_time (self, START_WHOLE, COMMON_START, START_DATE, PN_ATT_DATE_START, &start);
  gboolean has_end = find_time (self, END_WHOLE, COMMON_END, END_DATE, PN_ATT_DATE_END, &end);
  self->zone = pn_tnef_zone (self->tnef, self->properties, has_start ? start : 0, self->series != NULL);
  self->all_day = pn_mapi_number_or (pn_tnef_appointment (self, ALL_DAY), 0) != 0;
  if (self->series && self->series->has_times) {
    if (has_start)
      find_offset (self, start);
    pn_tnef_put_local (self, "DTSTART", self->series->start);
    if (self->series->end > self->series->start)
      pn_tnef_put_local (self, "DTEND", self->series->end);
    return;
  }
  if (self->method == PN_METHOD_COUNTER) {
    if (has_start)
      pn_tnef_put_time (self, "X-MS-OLK-ORIGINALSTART", start);
    if (has_end)
      pn_tnef_put_time (self, "X-MS-OLK-ORIGINALEND", end);
    has_start = pn_mapi_time (pn_tnef_appointment (self, PROPOSED_START), &start) || has_start;
    has_end = pn_mapi_time (pn_tnef_appointment (self, PROPOSED_END), &end) || has_end;
  }
  if (has_start)
    pn_tnef_put_time (self, "DTSTART", start);
  if (has_start && has_end && end >= start)
    pn_tnef_put_time (self, "DTEND", end);
}

static void
put_busy (PnTnefWriter *self, const PnTnefException *exception)
{
  static const char *const words[] = { "FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE" };
  static const struct {
    guint32 property;
    const char *name;
  } both[] = { { BUSY_STATUS, "X-MICROSOFT-CDO-BUSYSTATUS:" },
               { INTENDED_STATUS, "X-MICROSOFT-CDO-INTENDEDSTATUS:" } };
  for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
    gint64 status = pn_mapi_number_or (pn_tnef_appointment (self, both[i].property), -1);
    if (exception && exception->busy >= 0 && both[i].property == BUSY_STATUS)
      status = exception->busy;
    if (status >= 0 && status < (gint64) G_N_ELEMENTS (words))
      pn_tnef_put (self, both[i].name, words[status]);
  }
}

/* Whether the id is that of one instance of a series. */
static gboolean
is_instance (const PnTnefWriter *self)
{
  enum { IS_EXCEPTION = 0x000A };
  gsize length = 0;
  const guint8 *id
      = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_MEETING, GLOBAL_ID), &length);
  return (id && length >= PN_TNEF_ID_DATE_END && pn_tnef_get32 (id + PN_TNEF_ID_DATE) != 0)
         || pn_mapi_number_or (pn_mapi_find_named (self->properties, PN_SET_MEETING, IS_EXCEPTION), 0) != 0;
}

static void
put_place (PnTnefWriter *self, const PnTnefException *exception)
{
  g_autofree char *place = exception && exception->location
                               ? g_strdup (exception->location)
                               : pn_tnef_text (self->tnef, pn_tnef_appointment (self, LOCATION));
  if (!place)
    place = pn_tnef_text (self->tnef, pn_mapi_find_named (self->properties, PN_SET_MEETING, WHERE));
  pn_tnef_put_text (self, "LOCATION:", place);
}

/* Behind the times: what a meeting and an exception of it say alike. */
static void
put_meeting_rest (PnTnefWriter *self, const PnTnefException *exception, const PnMessage *body)
{
  gint64 sequence = pn_mapi_number_or (pn_tnef_appointment (self, SEQUENCE), 0);
  pn_tnef_put_meeting_ids (self);
  g_string_append_printf (self->out, "SEQUENCE:%d\r\n", (int) CLAMP (sequence, 0, G_MAXINT));
  put_place (self, exception);
  pn_tnef_put_rank (self);
  pn_tnef_put_people (self);
  put_busy (self, exception);
  if (self->method == PN_METHOD_CANCEL)
    pn_tnef_put (self, "STATUS:", "CANCELLED");
  if (pn_mapi_number_or (pn_tnef_appointment (self, NO_COUNTER), 0))
    pn_tnef_put (self, "X-MICROSOFT-DISALLOW-COUNTER:", "TRUE");
  put_body (self, body ? body : self->tnef->message, "DESCRIPTION:");
  if (self->method != PN_METHOD_CANCEL)
    pn_tnef_put_alarm (self, exception);
}

/* Schedule+ wrote its own numbers instead of a pattern. */
static void
tell_old_series (PnTnefWriter *self)
{
  enum { IS_RECURRING = 0x0005 };
  if (!pn_tnef_appointment (self, RECURRENCE) && !self->kind->partstat
      && pn_mapi_number_or (pn_mapi_find_named (self->properties, PN_SET_MEETING, IS_RECURRING), 0))
    pn_tnef_add_loss (self->tnef, NULL,
                      "it is a series without a pattern that can be read; only its first time is converted");
}

static void
put_meeting (PnTnefWriter *self)
{
  gboolean instance = is_instance (self);
  if (!instance) {
    pn_tnef_put_pattern (self, pn_tnef_appointment (self, RECURRENCE), pn_tnef_appointment (self, PATTERN),
                         TRUE);
    tell_old_series (self);
  }
  put_meeting_times (self);
  if (instance) {
    gsize length = 0;
    const guint8 *id
        = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_MEETING, GLOBAL_ID), &length);
    pn_tnef_put_recurrence_id (self, id, length);
  }
  if (self->series)
    pn_tnef_put_series (self);
  if (!self->kind->partstat) {
    put_meeting_rest (self, NULL, NULL);
    return;
  }
  gint64 sequence = pn_mapi_number_or (pn_tnef_appointment (self, SEQUENCE), 0);
  pn_tnef_put_meeting_ids (self);
  g_string_append_printf (self->out, "SEQUENCE:%d\r\n", (int) CLAMP (sequence, 0, G_MAXINT));
  put_place (self, NULL);
  pn_tnef_put_rank (self);
  pn_tnef_put_answer (self, self->kind->partstat);
  pn_tnef_put_description (self, "COMMENT:");
}

/* --- instances that differ ---------------------------------------------------------------------------------
 */

/* An attachment that is the message of an exception. */
typedef struct {
  gint64 start;    /* as the clock of whoever made it said; G_MAXINT64: not stated */
  gint64 replaced; /* the instant that it takes the place of; G_MAXINT64: not stated */
  const PnTnefAttachment *attachment;
} Attached;

/* Those of ATTACHMENTS that name the start of an exception.  GArray of Attached; caller frees. */
static GArray *
find_attached (PnTnefWriter *self, const GArray *attachments)
{
  enum { REPLACED = 0x7FF9, START = 0x7FFB, FLAGS = 0x7FFD, IS_EXCEPTION = 2, MAX_ATTACHED = 200 };
  GArray *found = g_array_new (FALSE, FALSE, sizeof (Attached));
  for (guint i = 0; i < attachments->len && found->len < MAX_ATTACHED; i++) {
    Attached one = { G_MAXINT64, G_MAXINT64, &g_array_index (attachments, PnTnefAttachment, i) };
    if (!one.attachment->block)
      continue;
    g_autoptr (GArray) properties = pn_tnef_attachment_properties (self->tnef, one.attachment);
    pn_mapi_time (pn_mapi_find (properties, START), &one.start);
    pn_mapi_time (pn_mapi_find (properties, REPLACED), &one.replaced);
    if (pn_mapi_number_or (pn_mapi_find (properties, FLAGS), 0) & IS_EXCEPTION)
      g_array_append_val (found, one);
  }
  return found;
}

/* What an exception's own message says, or NULL. */
static PnMessage *
find_exception (PnTnefWriter *self, GArray *attached, const PnTnefException *exception)
{
  PnTnef *tnef = self->tnef;
  PnCalendarTime time = { 0 };
  gint64 original = exception->original;
  pn_calendar_time_set_local (&time, original);
  if (self->zone)
    pn_timezone_to_unix (self->zone, time.year, time.month, time.day, time.hour, time.minute, 0, &original);
  for (guint i = 0; i < attached->len; i++) {
    Attached one = g_array_index (attached, Attached, i);
    if (one.start != exception->start && one.replaced != original)
      continue;
    g_array_remove_index_fast (attached, i);
    g_autoptr (GArray) properties = pn_tnef_attachment_properties (tnef, one.attachment);
    g_autoptr (GBytes) stream = pn_tnef_embedded (tnef, properties);
    g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
    if (!stream || tnef->depth + 1 >= PN_TNEF_MAX_DEPTH
        || !pn_tnef_read_nested (message, stream, tnef->site_timezone, tnef->depth + 1, tnef->budget, NULL))
      return NULL;
    for (guint k = 0; k < message->parts->len; k++) {
      const PnPart *part = message->parts->pdata[k];
      if (part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE)
        pn_tnef_add_loss (tnef, one.attachment->first,
                          "the file \"%.100s\" of an instance that differs stays in the TNEF",
                          part->name ? part->name : "");
    }
    return pn_message_get_part (message, PN_PART_TEXT) ? g_steal_pointer (&message) : NULL;
  }
  return NULL;
}

static void
put_exception (PnTnefWriter *self, GArray *attached, const PnTnefException *exception)
{
  gboolean all_day = self->all_day;
  g_autoptr (PnMessage) body = find_exception (self, attached, exception);
  pn_tnef_put (self, "BEGIN:", "VEVENT");
  pn_tnef_put_local (self, "RECURRENCE-ID", exception->original);
  if (exception->subject)
    pn_tnef_put_text (self, "SUMMARY:", exception->subject);
  else
    put_summary (self);
  put_stamp (self);
  if (exception->all_day >= 0)
    self->all_day = exception->all_day != 0;
  pn_tnef_put_local (self, "DTSTART", exception->start);
  if (exception->end > exception->start)
    pn_tnef_put_local (self, "DTEND", exception->end);
  self->all_day = all_day;
  put_meeting_rest (self, exception, body);
  pn_tnef_put (self, "END:", "VEVENT");
}

static void
put_exceptions (PnTnefWriter *self)
{
  if (!self->series || self->series->exceptions->len == 0)
    return;
  g_autoptr (GArray) attachments = pn_tnef_attachments (self->tnef);
  g_autoptr (GArray) attached = find_attached (self, attachments);
  guint i = 0;
  for (; i < self->series->exceptions->len && self->out->len < MAX_CALENDAR; i++)
    put_exception (self, attached, self->series->exceptions->pdata[i]);
  if (i < self->series->exceptions->len)
    pn_tnef_add_loss (self->tnef, NULL,
                      "%u instances that differ from the series are left out: it is too long",
                      self->series->exceptions->len - i);
}

/* A task request carries the task as an embedded message; its properties go before the request's own. */
static GArray *
find_task (PnTnef *self, guint *number)
{
  g_autoptr (GArray) attachments = pn_tnef_attachments (self);
  GArray *all = g_array_new (FALSE, FALSE, sizeof (PnMapiProperty));
  g_autoptr (PnMessage) scratch = pn_message_new (PN_TYPE_MAIL);
  for (guint i = 0; i < attachments->len && *number == 0; i++) {
    const PnTnefAttachment *attachment = &g_array_index (attachments, PnTnefAttachment, i);
    if (!attachment->block)
      continue;
    g_autoptr (GArray) properties = pn_tnef_attachment_properties (self, attachment);
    g_autoptr (GBytes) stream = pn_tnef_embedded (self, properties);
    g_auto (PnTnef) inner = { .message = scratch, .bytes = stream, .depth = self->depth + 1 };
    if (!stream || !pn_tnef_open (&inner, NULL))
      continue;
    g_autofree char *message_class = pn_tnef_class (&inner);
    const PnTnefKind *kind = find_kind (message_class);
    if (!kind || strcmp (kind->component, "VTODO") != 0 || kind->method != PN_METHOD_PUBLISH)
      continue;
    *number = attachment->number;
    g_array_append_vals (all, inner.properties->data, inner.properties->len);
  }
  g_array_append_vals (all, self->properties->data, self->properties->len);
  return all;
}

/* --- all
 * ----------------------------------------------------------------------------------------------------------
 */

static PnMethod
method_of (const PnTnef *self, const PnTnefKind *kind)
{
  if (kind->method != PN_METHOD_REPLY || strcmp (kind->component, "VTODO") == 0)
    return kind->method;
  const PnMapiProperty *counter = pn_mapi_find_named (self->properties, PN_SET_APPOINTMENT, COUNTER);
  return pn_mapi_number_or (counter, 0) ? PN_METHOD_COUNTER : PN_METHOD_REPLY;
}

static void
put_item (PnTnefWriter *self)
{
  const char *component = self->kind->component;
  pn_tnef_put (self, "METHOD:", pn_method_to_string (self->method));
  pn_tnef_put (self, "BEGIN:", component);
  put_summary (self);
  put_stamp (self);
  if (strcmp (component, "VTODO") == 0)
    pn_tnef_put_task (self);
  else if (strcmp (component, "VJOURNAL") == 0)
    pn_tnef_put_journal (self);
  else
    put_meeting (self);
  pn_tnef_put (self, "END:", component);
  if (strcmp (component, "VEVENT") == 0)
    put_exceptions (self);
  pn_tnef_put (self, "END:", "VCALENDAR");
}

/* The text stays a part of the message, for it says more than the native item: what differs in a series. */
static void
keep_calendar (PnTnefWriter *self)
{
  if (!self->series || self->series->exceptions->len == 0)
    return;
  g_autofree char *method = g_strdup_printf ("; method=%s", pn_method_to_string (self->method));
  g_autoptr (GBytes) bytes = g_bytes_new (self->out->str, self->out->len);
  PnPart *part = pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_bytes (bytes));
  part->parameters = g_steal_pointer (&method);
  part->charset = g_strdup ("utf-8");
  pn_message_add_part (self->tnef->message, part);
}

void
pn_tnef_read_calendar (PnTnef *self, const char *message_class, guint *consumed)
{
  g_autoptr (GError) error = NULL;
  const PnTnefKind *kind = find_kind (message_class);
  if (!kind)
    return;
  gboolean carries = strcmp (kind->component, "VTODO") == 0 && kind->method != PN_METHOD_PUBLISH;
  g_autoptr (GArray) properties = carries ? find_task (self, consumed) : g_array_ref (self->properties);
  if (self->message->type != PN_TYPE_MAIL || self->message->calendar)
    return;
  g_autoptr (GString) out = g_string_new ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
  PnTnefWriter writer = {
    .tnef = self, .kind = kind, .method = method_of (self, kind), .properties = properties, .out = out
  };
  put_item (&writer);
  if (pn_ical_read (self->message, out->str, out->len, NULL, self->site_timezone, &error)) {
    keep_calendar (&writer);
  } else {
    pn_tnef_add_loss (self, NULL, "the message is a %.100s, but no calendar item can be made of it: %s",
                      message_class, error->message);
    *consumed = 0;
  }
  pn_tnef_series_free (writer.series);
  g_free (writer.people);
}
