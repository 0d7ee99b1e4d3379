/* Meetings and tasks: what the properties say is put as the iCalendar text that another sender would have
 * sent, and read as such, so that both become the same. */
#include "convert/ical-private.h"
#include "convert/tnef-private.h"

#include <string.h>

/* PN_SET_APPOINTMENT */
enum {
  SEQUENCE = 0x8201,
  BUSY_STATUS = 0x8205,
  LOCATION = 0x8208,
  START_WHOLE = 0x820D,
  END_WHOLE = 0x820E,
  ALL_DAY = 0x8215,
  RECURRENCE = 0x8216,
  INTENDED_STATUS = 0x8224,
  REPLACED_TIME = 0x8228,
  PATTERN = 0x8232,
  PROPOSED_START = 0x8250,
  PROPOSED_END = 0x8251,
  COUNTER = 0x8257,
  NO_COUNTER = 0x825A
};

/* PN_SET_MEETING */
enum {
  ATTENDEE_CHANGE = 0x0001,
  WHERE = 0x0002,
  GLOBAL_ID = 0x0003,
  OWNER_CHANGE = 0x001A,
  CLEAN_GLOBAL_ID = 0x0023
};

/* PN_SET_COMMON */
enum {
  REMINDER_DELTA = 0x8501,
  REMINDER_SET = 0x8503,
  COMMON_START = 0x8516,
  COMMON_END = 0x8517,
  TASK_GLOBAL_ID = 0x8519
};

/* PN_SET_TASK */
enum {
  TASK_STATUS = 0x8101,
  TASK_PERCENT = 0x8102,
  TASK_START = 0x8104,
  TASK_DUE = 0x8105,
  TASK_COMPLETED_AT = 0x810F,
  TASK_RECURRENCE = 0x8116,
  TASK_COMPLETE = 0x811C
};

/* without a set */
enum {
  IMPORTANCE = 0x0017,
  SENSITIVITY = 0x0036,
  SUBJECT = 0x0037,
  SUBJECT_PREFIX = 0x003D,
  START_DATE = 0x0060,
  END_DATE = 0x0061,
  RESPONSE_REQUESTED = 0x0063,
  NORMAL_SUBJECT = 0x0E1D
};

enum { MAX_DESCRIPTION = 32 * 1024, MAX_PEOPLE = 2000 };

typedef struct {
  const char *name; /* of the class, before a '.' or the end */
  gboolean task;
  PnMethod method;
  const char *partstat; /* of an answer */
} Kind;

static const Kind kinds[] = {
  { "IPM.Microsoft Schedule.MtgReq", FALSE, PN_METHOD_REQUEST, NULL },
  { "IPM.Microsoft Schedule.MtgCncl", FALSE, PN_METHOD_CANCEL, NULL },
  { "IPM.Microsoft Schedule.MtgRespP", FALSE, PN_METHOD_REPLY, "ACCEPTED" },
  { "IPM.Microsoft Schedule.MtgRespN", FALSE, PN_METHOD_REPLY, "DECLINED" },
  { "IPM.Microsoft Schedule.MtgRespA", FALSE, PN_METHOD_REPLY, "TENTATIVE" },
  { "IPM.Schedule.Meeting.Request", FALSE, PN_METHOD_REQUEST, NULL },
  { "IPM.Schedule.Meeting.Canceled", FALSE, PN_METHOD_CANCEL, NULL },
  { "IPM.Schedule.Meeting.Resp.Pos", FALSE, PN_METHOD_REPLY, "ACCEPTED" },
  { "IPM.Schedule.Meeting.Resp.Neg", FALSE, PN_METHOD_REPLY, "DECLINED" },
  { "IPM.Schedule.Meeting.Resp.Tent", FALSE, PN_METHOD_REPLY, "TENTATIVE" },
  { "IPM.Appointment", FALSE, PN_METHOD_PUBLISH, NULL },
  { "IPM.TaskRequest.Accept", TRUE, PN_METHOD_REPLY, "ACCEPTED" },
  { "IPM.TaskRequest.Decline", TRUE, PN_METHOD_REPLY, "DECLINED" },
  { "IPM.TaskRequest.Update", TRUE, PN_METHOD_REPLY, "IN-PROCESS" },
  { "IPM.TaskRequest", TRUE, PN_METHOD_REQUEST, NULL },
  { "IPM.Task", TRUE, PN_METHOD_PUBLISH, NULL },
};

typedef struct {
  PnTnef *tnef;
  const Kind *kind;
  PnMethod method;
  const GArray *properties;
  const char *zone; /* IANA name or NULL */
  gboolean all_day;
  GString *out;
} Writer;

static const Kind *
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

static const PnMapiProperty *
appointment (const Writer *self, guint32 name)
{
  return pn_mapi_find_named (self->properties, PN_SET_APPOINTMENT, name);
}

/* --- lines -------------------------------------------------------------------------------------------------
 */

static void
put (Writer *self, const char *name, const char *value)
{
  g_string_append_printf (self->out, "%s%s\r\n", name, value);
}

static void
put_text (Writer *self, const char *name, const char *text)
{
  if (!text || !*text)
    return;
  g_string_append (self->out, name);
  pn_ical_append_text (self->out, text);
  g_string_append (self->out, "\r\n");
}

static void
put_utc (Writer *self, const char *name, gint64 at)
{
  g_string_append_printf (self->out, "%s:", name);
  pn_ical_append_utc (self->out, at);
  g_string_append (self->out, "\r\n");
}

/* A day, that of local midnight: without a zone the day that begins nearest to it. */
static void
put_date (Writer *self, const char *name, gint64 at, gboolean local)
{
  PnCalendarTime time = { 0 };
  const char *zone = self->zone ? self->zone : self->tnef->site_timezone;
  gint64 wall = at;
  if (!local && zone && pn_timezone_from_unix (zone, at, &time))
    wall = pn_calendar_time_local (&time);
  pn_calendar_time_clear (&time);
  g_string_append_printf (self->out, "%s;VALUE=DATE:", name);
  pn_ical_append_local (self->out, wall + 43200 - ((wall + 43200) % 86400 + 86400) % 86400, TRUE);
  g_string_append (self->out, "\r\n");
}

static void
put_time (Writer *self, const char *name, gint64 at)
{
  PnCalendarTime time = { 0 };
  if (self->all_day) {
    put_date (self, name, at, FALSE);
    return;
  }
  if (!self->zone || !pn_timezone_from_unix (self->zone, at, &time)) {
    put_utc (self, name, at);
    return;
  }
  g_string_append_printf (self->out, "%s;TZID=%s:", name, self->zone);
  pn_ical_append_local (self->out, pn_calendar_time_local (&time), FALSE);
  g_string_append (self->out, "\r\n");
  pn_calendar_time_clear (&time);
}

/* --- identity
 * ------------------------------------------------------------------------------------------------ */

enum { ID_DATE = 16, ID_DATE_END = 20, ID_SIZE = 36, ID_HEAD = 40 };

static void
append_hex (GString *out, const guint8 *data, gsize length)
{
  for (gsize i = 0; i < length; i++)
    g_string_append_printf (out, "%02X", data[i]);
}

/* The UID that other programs gave it, which Exchange wraps into its own. */
static gboolean
unwrap_id (Writer *self, const guint8 *id, gsize length)
{
  static const guint8 mark[] = { 'v', 'C', 'a', 'l', '-', 'U', 'i', 'd', 1, 0, 0, 0 };
  if (length <= ID_HEAD + sizeof mark || memcmp (id + ID_HEAD, mark, sizeof mark) != 0)
    return FALSE;
  const guint8 *uid = id + ID_HEAD + sizeof mark;
  gsize n = strnlen ((const char *) uid, length - ID_HEAD - sizeof mark);
  g_autofree char *text = n > 0 && n < 1000 ? g_utf8_make_valid ((const char *) uid, (gssize) n) : NULL;
  put_text (self, "UID:", text);
  return text != NULL;
}

static void
put_uid (Writer *self, const guint8 *id, gsize length)
{
  static const guint8 no_date[ID_DATE_END - ID_DATE] = { 0 };
  if (!id || length < ID_DATE_END || length > 1000 || unwrap_id (self, id, length))
    return;
  g_string_append (self->out, "UID:");
  append_hex (self->out, id, ID_DATE);
  append_hex (self->out, no_date, sizeof no_date);
  append_hex (self->out, id + ID_DATE_END, length - ID_DATE_END);
  g_string_append (self->out, "\r\n");
}

/* The date in the id says which instance of the series it is; the time of that day stands elsewhere. */
static void
put_recurrence_id (Writer *self, const guint8 *id, gsize length)
{
  gint64 at, start;
  if (!id || length < ID_DATE_END)
    return;
  int year = id[ID_DATE] << 8 | id[ID_DATE + 1], month = id[ID_DATE + 2], day = id[ID_DATE + 3];
  if (year < 1601 || year > 4500 || month < 1 || month > 12 || day < 1
      || day > pn_days_of_month (year, month))
    return;
  gint64 date = pn_civil_to_days (year, month, day) * 86400;
  if (pn_mapi_time (appointment (self, REPLACED_TIME), &at)) {
    put_time (self, "RECURRENCE-ID", at);
  } else if (!self->all_day && self->zone && pn_mapi_time (appointment (self, START_WHOLE), &start)) {
    PnCalendarTime time = { 0 };
    if (pn_timezone_from_unix (self->zone, start, &time)) {
      g_string_append_printf (self->out, "RECURRENCE-ID;TZID=%s:", self->zone);
      pn_ical_append_local (self->out, date + pn_calendar_time_local (&time) % 86400, FALSE);
      g_string_append (self->out, "\r\n");
    }
    pn_calendar_time_clear (&time);
  } else {
    put_date (self, "RECURRENCE-ID", date, TRUE);
  }
}

static void
put_meeting_ids (Writer *self)
{
  gsize length = 0, clean_length = 0;
  const guint8 *id
      = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_MEETING, GLOBAL_ID), &length);
  const guint8 *clean = pn_mapi_binary (
      pn_mapi_find_named (self->properties, PN_SET_MEETING, CLEAN_GLOBAL_ID), &clean_length);
  if (clean)
    put_uid (self, clean, clean_length);
  else
    put_uid (self, id, length);
  put_recurrence_id (self, id, length);
}

/* --- people
 * --------------------------------------------------------------------------------------------------- */

static void
put_person (Writer *self, const char *name, const PnAddress *address, const char *role, const char *partstat)
{
  if (!address || !address->internet || strpbrk (address->internet, "\r\n"))
    return;
  g_string_append (self->out, name);
  if (address->name && *address->name) {
    g_string_append (self->out, ";CN=");
    pn_ical_append_parameter (self->out, address->name);
  }
  if (role)
    g_string_append_printf (self->out, ";ROLE=%s", role);
  if (role && strcmp (role, "NON-PARTICIPANT") == 0)
    g_string_append (self->out, ";CUTYPE=RESOURCE");
  if (partstat)
    g_string_append_printf (self->out, ";PARTSTAT=%s", partstat);
  if (role && pn_mapi_number_or (pn_mapi_find (self->properties, RESPONSE_REQUESTED), 1))
    g_string_append (self->out, ";RSVP=TRUE");
  g_string_append_printf (self->out, ":mailto:%s\r\n", address->internet);
}

static void
put_people (Writer *self)
{
  static const char *const roles[]
      = { [PN_TO] = "REQ-PARTICIPANT", [PN_CC] = "OPT-PARTICIPANT", [PN_BC] = "NON-PARTICIPANT" };
  const PnMessage *message = self->tnef->message;
  if (self->method == PN_METHOD_PUBLISH && message->recipients->len == 0)
    return;
  g_autoptr (PnAddress) owner = pn_tnef_attribute_address (self->tnef, PN_ATT_OWNER);
  put_person (self, "ORGANIZER", message->from ? message->from : owner, NULL, NULL);
  for (guint i = 0; i < message->recipients->len && i < MAX_PEOPLE; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    put_person (self, "ATTENDEE", recipient->address, roles[recipient->distribution], "NEEDS-ACTION");
  }
}

/* An answer goes from an attendee to the organizer. */
static void
put_answer (Writer *self, const char *partstat)
{
  const PnMessage *message = self->tnef->message;
  g_autoptr (PnAddress) owner = pn_tnef_attribute_address (self->tnef, PN_ATT_OWNER);
  const PnAddress *organizer = owner;
  for (guint i = 0; !organizer && i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    organizer = recipient->distribution == PN_TO ? recipient->address : NULL;
  }
  put_person (self, "ORGANIZER", organizer, NULL, NULL);
  put_person (self, "ATTENDEE", message->from, NULL, partstat);
}

/* --- what both have
 * ------------------------------------------------------------------------------------------- */

static void
put_summary (Writer *self)
{
  const PnTnef *tnef = self->tnef;
  g_autofree char *subject = pn_tnef_text (tnef, pn_mapi_find (self->properties, NORMAL_SUBJECT));
  if (!subject) {
    subject = pn_tnef_text (tnef, pn_mapi_find (self->properties, SUBJECT));
    g_autofree char *prefix = pn_tnef_text (tnef, pn_mapi_find (self->properties, SUBJECT_PREFIX));
    if (subject && prefix && g_str_has_prefix (subject, prefix))
      memmove (subject, subject + strlen (prefix), strlen (subject) - strlen (prefix) + 1);
  }
  put_text (self, "SUMMARY:", subject ? subject : tnef->message->subject);
}

static void
put_description (Writer *self, const char *name)
{
  const PnPart *part = pn_message_get_part (self->tnef->message, PN_PART_TEXT);
  g_autoptr (GBytes) bytes = part ? pn_content_read (part->content, MAX_DESCRIPTION, NULL) : NULL;
  gsize length = 0;
  const char *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  g_autofree char *text = length > 0 ? g_utf8_make_valid (data, (gssize) length) : NULL;
  put_text (self, name, text ? g_strchomp (text) : NULL);
}

static void
put_rank (Writer *self)
{
  static const char *const classes[] = { "PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL" };
  static const char *const priorities[] = { "9", "5", "1" };
  gint64 sensitivity = pn_mapi_number_or (pn_mapi_find (self->properties, SENSITIVITY), -1);
  gint64 importance = pn_mapi_number_or (pn_mapi_find (self->properties, IMPORTANCE), -1);
  if (sensitivity >= 0 && sensitivity < (gint64) G_N_ELEMENTS (classes))
    put (self, "CLASS:", classes[sensitivity]);
  if (importance >= 0 && importance < (gint64) G_N_ELEMENTS (priorities))
    put (self, "PRIORITY:", priorities[importance]);
}

static void
put_stamp (Writer *self)
{
  guint32 name = self->kind->partstat ? ATTENDEE_CHANGE : OWNER_CHANGE;
  gint64 at;
  if (pn_mapi_time (pn_mapi_find_named (self->properties, PN_SET_MEETING, name), &at))
    put_utc (self, "DTSTAMP", at);
  else if (self->tnef->message->date.set)
    put_utc (self, "DTSTAMP", self->tnef->message->date.unix_time);
}

static void
put_alarm (Writer *self)
{
  gint64 minutes
      = pn_mapi_number_or (pn_mapi_find_named (self->properties, PN_SET_COMMON, REMINDER_DELTA), -1);
  if (minutes < 0 || minutes > 60 * 24 * 366
      || !pn_mapi_number_or (pn_mapi_find_named (self->properties, PN_SET_COMMON, REMINDER_SET), 0))
    return;
  g_string_append_printf (
      self->out, "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT%" G_GINT64_FORMAT "M\r\nEND:VALARM\r\n",
      minutes);
}

/* --- meetings
 * ------------------------------------------------------------------------------------------------- */

static gboolean
find_time (const Writer *self, guint32 named, guint32 common, guint tag, PnTnefId old, gint64 *at)
{
  return pn_mapi_time (appointment (self, named), at)
         || pn_mapi_time (pn_mapi_find_named (self->properties, PN_SET_COMMON, common), at)
         || pn_mapi_time (pn_mapi_find (self->properties, tag), at)
         || pn_tnef_date (pn_tnef_attribute (self->tnef, old), at);
}

static void
put_meeting_times (Writer *self)
{
  gint64 start, end;
  gboolean has_start = find_time (self, START_WHOLE, COMMON_START, START_DATE, PN_ATT_DATE_START, &start);
  gboolean has_end = find_time (self, END_WHOLE, COMMON_END, END_DATE, PN_ATT_DATE_END, &end);
  self->zone = pn_tnef_zone (self->tnef, self->properties, has_start ? start : 0);
  self->all_day = pn_mapi_number_or (appointment (self, ALL_DAY), 0) != 0;
  if (self->method == PN_METHOD_COUNTER) {
    if (has_start)
      put_time (self, "X-MS-OLK-ORIGINALSTART", start);
    if (has_end)
      put_time (self, "X-MS-OLK-ORIGINALEND", end);
    has_start = pn_mapi_time (appointment (self, PROPOSED_START), &start) || has_start;
    has_end = pn_mapi_time (appointment (self, PROPOSED_END), &end) || has_end;
  }
  if (has_start)
    put_time (self, "DTSTART", start);
  if (has_start && has_end && end >= start)
    put_time (self, "DTEND", end);
}

static void
put_busy (Writer *self)
{
  static const char *const words[] = { "FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE" };
  static const struct {
    guint32 property;
    const char *name;
  } both[] = { { BUSY_STATUS, "X-MICROSOFT-CDO-BUSYSTATUS:" },
               { INTENDED_STATUS, "X-MICROSOFT-CDO-INTENDEDSTATUS:" } };
  for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
    gint64 status = pn_mapi_number_or (appointment (self, both[i].property), -1);
    if (status >= 0 && status < (gint64) G_N_ELEMENTS (words))
      put (self, both[i].name, words[status]);
  }
}

static void
tell_recurrence (Writer *self, const PnMapiProperty *blob)
{
  g_autofree char *pattern = pn_tnef_text (self->tnef, appointment (self, PATTERN));
  if (blob && blob->length > 0)
    pn_tnef_add_loss (self->tnef, NULL, "the series%s%.200s is not converted; only its first time is",
                      pattern ? ": " : "", pattern ? pattern : "");
}

static void
put_meeting (Writer *self)
{
  put_meeting_times (self);
  put_meeting_ids (self);
  gint64 sequence = pn_mapi_number_or (appointment (self, SEQUENCE), 0);
  g_string_append_printf (self->out, "SEQUENCE:%d\r\n", (int) CLAMP (sequence, 0, G_MAXINT));
  g_autofree char *place = pn_tnef_text (self->tnef, appointment (self, LOCATION));
  if (!place)
    place = pn_tnef_text (self->tnef, pn_mapi_find_named (self->properties, PN_SET_MEETING, WHERE));
  put_text (self, "LOCATION:", place);
  put_rank (self);
  if (self->kind->partstat) {
    put_answer (self, self->kind->partstat);
    put_description (self, "COMMENT:");
    return;
  }
  put_people (self);
  put_busy (self);
  if (self->method == PN_METHOD_CANCEL)
    put (self, "STATUS:", "CANCELLED");
  if (pn_mapi_number_or (appointment (self, NO_COUNTER), 0))
    put (self, "X-MICROSOFT-DISALLOW-COUNTER:", "TRUE");
  tell_recurrence (self, appointment (self, RECURRENCE));
  put_description (self, "DESCRIPTION:");
  if (self->method != PN_METHOD_CANCEL)
    put_alarm (self);
}

/* --- tasks
 * ------------------------------------------------------------------------------------------------------ */

static const PnMapiProperty *
task (const Writer *self, guint32 name)
{
  return pn_mapi_find_named (self->properties, PN_SET_TASK, name);
}

static int
percent_of (const PnMapiProperty *property)
{
  double part;
  if (!property || property->type != PN_MAPI_DOUBLE)
    return -1;
  guint64 bits = pn_tnef_get64 (property->value);
  memcpy (&part, &bits, sizeof part);
  return part >= 0 && part <= 1 ? (int) (part * 100 + 0.5) : -1;
}

static void
put_task_state (Writer *self)
{
  static const char *const words[]
      = { "NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "NEEDS-ACTION", "NEEDS-ACTION" };
  gboolean complete = pn_mapi_number_or (task (self, TASK_COMPLETE), 0) != 0;
  gint64 status = complete ? 2 : pn_mapi_number_or (task (self, TASK_STATUS), -1), at;
  int percent = percent_of (task (self, TASK_PERCENT));
  const char *partstat = self->kind->partstat;
  if (status >= 0 && status < (gint64) G_N_ELEMENTS (words))
    put (self, "STATUS:", words[status]);
  if (status == 2)
    percent = 100;
  if (percent >= 0)
    g_string_append_printf (self->out, "PERCENT-COMPLETE:%d\r\n", percent);
  if (pn_mapi_time (task (self, TASK_COMPLETED_AT), &at))
    put_utc (self, "COMPLETED", at);
  if (!partstat)
    return;
  if (strcmp (partstat, "IN-PROCESS") == 0 && status == 2)
    partstat = "COMPLETED";
  put_answer (self, partstat);
}

static void
put_task (Writer *self)
{
  gint64 at;
  gsize length;
  const guint8 *id
      = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_COMMON, TASK_GLOBAL_ID), &length);
  if (id && length > 0 && length <= 64) {
    g_string_append (self->out, "UID:");
    append_hex (self->out, id, length);
    g_string_append (self->out, "\r\n");
  }
  /* these are midnights of no zone */
  if (pn_mapi_time (task (self, TASK_START), &at))
    put_date (self, "DTSTART", at, TRUE);
  if (pn_mapi_time (task (self, TASK_DUE), &at))
    put_date (self, "DUE", at, TRUE);
  put_rank (self);
  put_task_state (self);
  if (!self->kind->partstat)
    put_people (self);
  tell_recurrence (self, task (self, TASK_RECURRENCE));
  put_description (self, self->kind->partstat ? "COMMENT:" : "DESCRIPTION:");
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
    const Kind *kind = find_kind (message_class);
    if (!kind || !kind->task || kind->method != PN_METHOD_PUBLISH)
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
method_of (const PnTnef *self, const Kind *kind)
{
  if (kind->method != PN_METHOD_REPLY || kind->task)
    return kind->method;
  const PnMapiProperty *counter = pn_mapi_find_named (self->properties, PN_SET_APPOINTMENT, COUNTER);
  return pn_mapi_number_or (counter, 0) ? PN_METHOD_COUNTER : PN_METHOD_REPLY;
}

void
pn_tnef_read_calendar (PnTnef *self, const char *message_class, guint *consumed)
{
  g_autoptr (GError) error = NULL;
  const Kind *kind = find_kind (message_class);
  if (!kind)
    return;
  g_autoptr (GArray) properties = kind->task && kind->method != PN_METHOD_PUBLISH
                                      ? find_task (self, consumed)
                                      : g_array_ref (self->properties);
  if (self->message->type != PN_TYPE_MAIL || self->message->calendar)
    return;
  g_autoptr (GString) out = g_string_new ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
  Writer writer = {
    .tnef = self, .kind = kind, .method = method_of (self, kind), .properties = properties, .out = out
  };
  const char *component = kind->task ? "VTODO" : "VEVENT";
  put (&writer, "METHOD:", pn_method_to_string (writer.method));
  put (&writer, "BEGIN:", component);
  put_summary (&writer);
  put_stamp (&writer);
  if (kind->task)
    put_task (&writer);
  else
    put_meeting (&writer);
  put (&writer, "END:", component);
  g_string_append (out, "END:VCALENDAR\r\n");
  if (!pn_ical_read (self->message, out->str, out->len, NULL, self->site_timezone, &error)) {
    pn_tnef_add_loss (self, NULL, "the message is a %.100s, but no calendar item can be made of it: %s",
                      message_class, error->message);
    *consumed = 0;
  }
}
