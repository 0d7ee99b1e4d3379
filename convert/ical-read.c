#include "convert/ical-rule.h"
#include "convert/ical-series.h"

#include <string.h>

/* Which component of the text becomes the item, and what stands beside it. */
typedef struct {
  gint item;     /* index, or -1 */
  gint calendar; /* its VCALENDAR, or -1 */
  guint same;    /* further components with its UID */
  guint others;  /* components with another UID */
} Choice;

gboolean
pn_ical_is_item (const char *name)
{
  return strcmp (name, "VEVENT") == 0 || strcmp (name, "VTODO") == 0 || strcmp (name, "VJOURNAL") == 0
         || strcmp (name, "VFREEBUSY") == 0;
}

static const char *
value_of (const PnIcalText *text, guint component, const char *name)
{
  const PnIcalLine *line = pn_ical_text_find (text, component, name);
  return line ? g_strstrip (line->value) : NULL;
}

/* The first item; of those with its UID, the one that is no single instance of a series. */
static Choice
choose_item (const PnIcalText *text)
{
  Choice choice = { -1, -1, 0, 0 };
  const char *uid = NULL;
  gboolean instance = FALSE;
  for (guint i = 0; i < text->components->len; i++) {
    const PnIcalComponent *component = pn_ical_component (text, i);
    if (!pn_ical_is_item (component->name))
      continue;
    const char *own = value_of (text, i, "UID");
    gboolean own_instance = pn_ical_text_find (text, i, "RECURRENCE-ID") != NULL;
    if (choice.item >= 0 && g_strcmp0 (uid, own) != 0) {
      choice.others++;
      continue;
    }
    choice.same += choice.item >= 0;
    if (choice.item < 0 || (instance && !own_instance && component->parent == choice.calendar)) {
      choice.item = (gint) i;
      choice.calendar = component->parent;
      uid = own;
      instance = own_instance;
    }
  }
  return choice;
}

static PnMethod
find_method (PnMessage *message, const PnIcalText *text, gint calendar, const char *outer)
{
  const char *own = calendar >= 0 ? value_of (text, (guint) calendar, "METHOD") : NULL;
  PnMethod method = pn_method_from_string (own && *own ? own : outer);
  if (own && outer && g_ascii_strcasecmp (own, outer) != 0)
    pn_message_add_loss (message, "calendar", "METHOD is %s, but the part says %s; the calendar's was taken",
                         own, outer);
  if (method == PN_METHOD_NONE && (own || outer))
    pn_message_add_loss (message, "calendar", "METHOD %s is not known; read as PUBLISH", own ? own : outer);
  else if (method == PN_METHOD_NONE)
    pn_message_add_loss (message, "calendar", "no METHOD; read as PUBLISH");
  if (method == PN_METHOD_NONE)
    method = PN_METHOD_PUBLISH;
  return method;
}

static void
tell_further (PnMessage *message, const Choice *choice)
{
  if (choice->others > 0)
    pn_message_add_loss (message, "calendar", "%u components with other UIDs were left in the calendar part",
                         choice->others);
  if (choice->same > 0)
    pn_message_add_loss (message, "calendar",
                         "%u further components of the same UID were left in the calendar part",
                         choice->same);
}

/* What it says of recurrence is kept in any case; but nobody will see the instances. */
static void
check_rule (PnMessage *message, const PnCalendar *calendar)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnRule) rule = calendar->rrule ? pn_rule_parse (calendar->rrule, &error) : NULL;
  if (error)
    pn_message_add_loss (message, "calendar", "RRULE is not understood and was kept as text: %.80s",
                         calendar->rrule);
  else if (rule && rule->rscale && !pn_rule_scale_known (rule))
    pn_message_add_loss (message, "calendar", "RRULE counts by a calendar that is not known: %.80s",
                         calendar->rrule);
  for (guint i = 0; i < calendar->properties->len; i++) {
    const char *line = calendar->properties->pdata[i], *colon = strchr (line, ':');
    if (g_str_has_prefix (line, "X-MICROSOFT-CALSCALE") && colon) {
      g_autofree char *known = pn_rule_from_microsoft (colon + 1, "");
      if (!known)
        pn_message_add_loss (
            message, "calendar",
            "the series counts by a calendar that is not known, %.40s: only its first instance "
            "and its explicit dates are shown",
            colon + 1);
    }
  }
}

/* -- the message around the calendar -- */

static PnPriority
priority_of (const PnIcalReader *reader)
{
  static const PnPriority by_importance[] = { PN_PRIORITY_LOW, PN_PRIORITY_NORMAL, PN_PRIORITY_HIGH };
  int priority = reader->calendar->priority;
  if (reader->importance >= 0)
    return by_importance[reader->importance];
  return priority == 0 || priority == 5 ? PN_PRIORITY_NORMAL
         : priority < 5                 ? PN_PRIORITY_HIGH
                                        : PN_PRIORITY_LOW;
}

static PnSecurity
security_of (const char *klass)
{
  if (g_strcmp0 (klass, "CONFIDENTIAL") == 0)
    return PN_SECURITY_CONFIDENTIAL;
  return g_strcmp0 (klass, "PRIVATE") == 0 || g_strcmp0 (klass, "X-PERSONAL") == 0 ? PN_SECURITY_PROPRIETARY
                                                                                   : PN_SECURITY_NORMAL;
}

static PnDistribution
distribution_of (const PnAttendee *attendee)
{
  if (g_strcmp0 (attendee->role, "NON-PARTICIPANT") == 0 || g_strcmp0 (attendee->cutype, "RESOURCE") == 0
      || g_strcmp0 (attendee->cutype, "ROOM") == 0)
    return PN_BC;
  return g_strcmp0 (attendee->role, "OPT-PARTICIPANT") == 0 ? PN_CC : PN_TO;
}

gboolean
pn_ical_same_address (const PnAddress *a, const PnAddress *b)
{
  return a && b && a->internet && b->internet && g_ascii_strcasecmp (a->internet, b->internet) == 0;
}

/* Whether the method goes from an attendee to the organizer. */
static gboolean
goes_to_organizer (PnMethod method)
{
  return method == PN_METHOD_REPLY || method == PN_METHOD_COUNTER || method == PN_METHOD_REFRESH;
}

static void
fill_addresses (PnMessage *message, const PnCalendar *calendar)
{
  gboolean back = goes_to_organizer (calendar->method);
  const PnAttendee *first = calendar->attendees->len > 0 ? calendar->attendees->pdata[0] : NULL;
  const PnAddress *from = back ? (first ? first->address : NULL) : calendar->organizer;
  if (!message->from && from)
    message->from = pn_address_copy (from);
  if (message->recipients->len > 0)
    return;
  if (back && calendar->organizer)
    pn_message_add_recipient (message, PN_TO, pn_address_copy (calendar->organizer));
  for (guint i = 0; !back && i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    if (!pn_ical_same_address (attendee->address, calendar->organizer))
      pn_message_add_recipient (message, distribution_of (attendee), pn_address_copy (attendee->address));
  }
}

static void
fill_bodies (PnIcalReader *reader)
{
  PnMessage *message = reader->message;
  const char *description = reader->calendar->description;
  if (description && *description && !pn_message_get_part (message, PN_PART_TEXT))
    pn_message_add_part (message,
                         pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (description, -1)));
  if (reader->html && *reader->html && !pn_message_get_part (message, PN_PART_HTML))
    pn_message_add_part (message,
                         pn_part_new (PN_PART_HTML, "text/html", pn_content_new_text (reader->html, -1)));
  for (guint i = 0; i < reader->files->len; i++)
    pn_message_add_part (message, g_steal_pointer (&reader->files->pdata[i]));
}

static void
fill_message (PnIcalReader *reader)
{
  PnMessage *message = reader->message;
  const PnCalendar *calendar = reader->calendar;
  if ((!message->subject || !*message->subject) && calendar->summary) {
    g_free (message->subject);
    message->subject = g_strdelimit (g_strdup (calendar->summary), "\r\n", ' ');
  }
  fill_addresses (message, calendar);
  if (!message->date.set)
    message->date = calendar->stamp;
  if (message->priority == PN_PRIORITY_NORMAL)
    message->priority = priority_of (reader);
  if (message->security == PN_SECURITY_NORMAL)
    message->security = security_of (calendar->klass);
  fill_bodies (reader);
}

/* -- answers -- */

/* A task that is done may say so of itself rather than of the attendee. */
static gboolean
is_completed (const PnCalendar *calendar)
{
  return strcmp (calendar->component, "VTODO") == 0
         && (g_strcmp0 (calendar->status, "COMPLETED") == 0 || calendar->percent_complete == 100
             || calendar->completed.set);
}

static void
add_report (PnIcalReader *reader, const PnAddress *who, PnAction action)
{
  const PnCalendar *calendar = reader->calendar;
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->recipient = pn_address_copy (who);
  report->comment = g_strdup (calendar->comment);
  report->time = calendar->stamp.set ? calendar->stamp : reader->message->date;
  if (reader->reply_time != 0)
    report->time = (PnTime){ TRUE, reader->reply_time, 0 };
  if (action == PN_ACTION_COMPLETED && calendar->completed.set)
    report->time = calendar->completed;
  g_ptr_array_add (reader->message->reports, report);
}

static void
read_answers (PnIcalReader *reader)
{
  PnMessage *message = reader->message;
  const PnCalendar *calendar = reader->calendar;
  gboolean completed = is_completed (calendar);
  for (guint i = 0; i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    PnAction action = pn_ical_action_of (attendee->partstat);
    if (completed && (action == PN_ACTION_NONE || action == PN_ACTION_ACCEPTED))
      action = PN_ACTION_COMPLETED;
    if (action != PN_ACTION_NONE)
      add_report (reader, attendee->address, action);
  }
  /* Without any ATTENDEE it is the sender who answers. */
  if (calendar->attendees->len == 0 && message->from && completed)
    add_report (reader, message->from, PN_ACTION_COMPLETED);
  if (message->reports->len == 0)
    pn_message_add_loss (message, "calendar", "the REPLY holds no answer (PARTSTAT) of an attendee");
}

/* -- types -- */

static PnMessageType
type_of (const PnCalendar *calendar)
{
  if (strcmp (calendar->component, "VFREEBUSY") == 0)
    return PN_TYPE_SEARCH;
  if (calendar->method == PN_METHOD_REPLY)
    return PN_TYPE_STATUS;
  if (strcmp (calendar->component, "VTODO") == 0)
    return PN_TYPE_TASK;
  return strcmp (calendar->component, "VJOURNAL") == 0 ? PN_TYPE_NOTE : PN_TYPE_APPOINTMENT;
}

static void
read_search (PnIcalReader *reader)
{
  PnMessage *message = reader->message;
  const PnCalendar *calendar = reader->calendar;
  const PnAttendee *first = calendar->attendees->len > 0 ? calendar->attendees->pdata[0] : NULL;
  const PnAddress *whose = first ? first->address : calendar->organizer;
  message->begin_time = (PnTime){ calendar->start.set, calendar->start.unix_time, 0 };
  message->end_time = (PnTime){ calendar->end.set, calendar->end.unix_time, 0 };
  if (whose && !message->busy_for)
    message->busy_for = pn_address_copy (whose);
  pn_ical_read_busy (reader);
}

static void
finish_type (PnIcalReader *reader)
{
  PnMessage *message = reader->message;
  PnCalendar *calendar = reader->calendar;
  message->type = type_of (calendar);
  if (calendar->method == PN_METHOD_CANCEL && !message->action)
    message->action = g_strdup ("Retract");
  if (message->type == PN_TYPE_STATUS)
    read_answers (reader);
  if (message->type == PN_TYPE_SEARCH)
    read_search (reader);
  if (message->type == PN_TYPE_TASK && calendar->priority > 0 && !message->task_category)
    message->task_category = g_strdup (calendar->priority < 5 ? "A" : calendar->priority == 5 ? "B" : "C");
}

/* An event nobody can put into a calendar; the other methods need no time. */
static gboolean
check_usable (const PnIcalReader *reader, GError **error)
{
  const PnCalendar *calendar = reader->calendar;
  gboolean needs_start = strcmp (calendar->component, "VEVENT") == 0
                         && (calendar->method == PN_METHOD_REQUEST || calendar->method == PN_METHOD_PUBLISH
                             || calendar->method == PN_METHOD_ADD || calendar->method == PN_METHOD_COUNTER);
  if (!needs_start || calendar->start.set)
    return TRUE;
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "line %u: VEVENT without a valid DTSTART",
               pn_ical_component (reader->text, reader->component)->number);
  return FALSE;
}

/* An item has to have a name in a calendar; an answer that does not say to what is led back otherwise. */
static void
find_uid (PnIcalReader *reader)
{
  PnCalendar *calendar = reader->calendar;
  gboolean new_item = calendar->method == PN_METHOD_PUBLISH || calendar->method == PN_METHOD_REQUEST;
  g_clear_pointer (&calendar->uid, g_free);
  if (new_item && strcmp (calendar->component, "VFREEBUSY") != 0)
    calendar->uid = pn_ical_component_uid (reader->text, reader->component);
  if (calendar->uid)
    pn_message_add_loss (reader->message, "calendar", "no UID: one was made of what the item says");
  else
    pn_message_add_loss (reader->message, "calendar", "no UID: updates and answers cannot find the item");
}

static gboolean
read_item (PnIcalReader *reader, GError **error)
{
  PnCalendar *calendar = reader->calendar;
  pn_ical_read_properties (reader);
  if (!check_usable (reader, error))
    return FALSE;
  pn_ical_finish_times (reader);
  pn_ical_keep_rest (reader);
  if (goes_to_organizer (calendar->method))
    pn_ical_join_series (calendar);
  check_rule (reader->message, calendar);
  if (!calendar->uid || !*calendar->uid)
    find_uid (reader);
  fill_message (reader);
  finish_type (reader);
  return TRUE;
}

/* By the start of the item, as when it is read again. */
static void
judge_zones (PnIcalZones *zones, const PnIcalText *text, guint component)
{
  static const char *const names[] = { "DTSTART", "DUE", "DTEND", "RECURRENCE-ID" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const PnIcalLine *line = pn_ical_text_find (text, component, names[i]);
    PnCalendarTime time = { 0 };
    gboolean utc;
    gboolean read = line && pn_ical_parse_time (line->value, &time, &utc);
    if (read)
      pn_ical_zones_judge_at (zones, pn_calendar_time_local (&time));
    pn_calendar_time_clear (&time);
    if (read)
      return;
  }
}

/* Reads COMPONENT into MESSAGE and gives it the calendar. */
static gboolean
read_component (PnMessage *message, const PnIcalText *text, guint component, PnMethod method,
                const char *site_timezone, GError **error)
{
  g_autoptr (PnIcalZones) zones = pn_ical_zones_new (text, message, site_timezone);
  judge_zones (zones, text, component);
  PnIcalReader reader = {
    .message = message,
    .text = text,
    .zones = zones,
    .component = component,
    .microsoft_sequence = -1,
    .importance = -1,
  };
  reader.files = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_part_free);
  reader.comment = g_string_new (NULL);
  reader.calendar = pn_calendar_new ();
  reader.calendar->component = g_strdup (pn_ical_component (text, component)->name);
  reader.calendar->method = method;
  gboolean read = read_item (&reader, error);
  g_free (reader.start_tzid);
  g_free (reader.html);
  g_string_free (reader.comment, TRUE);
  g_ptr_array_unref (reader.files);
  if (!read) {
    pn_calendar_free (reader.calendar);
    return FALSE;
  }
  pn_calendar_free (message->calendar);
  message->calendar = reader.calendar;
  return TRUE;
}

PnMessage *
pn_ical_read_component (const PnIcalText *text, guint component, PnMethod method, const char *site_timezone)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_APPOINTMENT);
  return read_component (message, text, component, method, site_timezone, NULL) ? g_steal_pointer (&message)
                                                                                : NULL;
}

gboolean
pn_ical_read (PnMessage *message, const char *text, gsize length, const char *method,
              const char *site_timezone, GError **error)
{
  g_autoptr (PnIcalText) lines = pn_ical_text_new (message, text, length, error);
  if (!lines)
    return FALSE;
  Choice choice = choose_item (lines);
  if (choice.item < 0) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX,
                 "line 1: no VEVENT, VTODO, VJOURNAL or VFREEBUSY in the calendar");
    return FALSE;
  }
  PnMethod found = find_method (message, lines, choice.calendar, method);
  if (!read_component (message, lines, (guint) choice.item, found, site_timezone, error))
    return FALSE;
  tell_further (message, &choice);
  return TRUE;
}
