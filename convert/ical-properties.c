#include "convert/ical-private.h"
#include "convert/ical-series.h"

#include <stdlib.h>
#include <string.h>

typedef void (*ReadProperty) (PnIcalReader *reader, const PnIcalLine *line);

typedef struct {
  const char *name;
  ReadProperty read;
} Property;

static void
set_text (char **field, const PnIcalLine *line)
{
  /* Of a property that may stand once, the first counts. */
  if (!*field && *line->value)
    *field = pn_ical_line_text (line);
}

static void
set_word (char **field, const PnIcalLine *line)
{
  if (*field)
    return;
  g_autofree char *text = g_strstrip (pn_ical_line_text (line));
  if (*text)
    *field = g_strcanon (g_ascii_strup (text, -1), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", '-');
}

static int
number_of (const PnIcalLine *line, int low, int high)
{
  gint64 number = g_ascii_strtoll (line->value, NULL, 10);
  return (int) CLAMP (number, low, high);
}

gboolean
pn_ical_read_time (PnIcalReader *reader, const PnIcalLine *line, PnCalendarTime *time)
{
  gboolean utc;
  if (!pn_ical_parse_time (line->value, time, &utc)) {
    pn_calendar_time_clear (time);
    pn_message_add_loss (reader->message, "calendar", "line %u: %s is no date or time: %.40s", line->number,
                         line->name, line->value);
    return FALSE;
  }
  g_autofree char *tzid = pn_ical_line_parameter (line, "TZID");
  pn_ical_zones_set (reader->zones, tzid ? g_strstrip (tzid) : NULL, utc, time);
  return TRUE;
}

/* A date and time that the property wants in UTC; some writers leave out the Z. */
static void
set_instant (PnIcalReader *reader, const PnIcalLine *line, PnTime *time)
{
  PnCalendarTime read = { 0 };
  if (!time->set && pn_ical_read_time (reader, line, &read)) {
    time->set = TRUE;
    time->unix_time = read.floating ? pn_calendar_time_local (&read) : read.unix_time;
  }
  pn_calendar_time_clear (&read);
}

PnAddress *
pn_ical_read_address (const PnIcalLine *line)
{
  g_autofree char *address = pn_ical_address (line->value);
  g_autofree char *name = pn_ical_line_parameter (line, "CN");
  /* "Name <address>", as vCalendar 1.0 has it and some writers of iCalendar. */
  char *angle = strrchr (address, '<');
  if (angle > address && g_str_has_suffix (angle, ">") && strchr (angle, '@')) {
    g_autofree char *whole = g_steal_pointer (&address);
    address = g_strndup (angle + 1, strlen (angle) - 2);
    if (!name)
      name = g_strstrip (g_strndup (whole, (gsize) (angle - whole)));
  }
  /* Apple names the principal by a path and puts the address into a parameter. */
  g_autofree char *email = strchr (address, '@') ? NULL : pn_ical_line_parameter (line, "EMAIL");
  const char *spec = email && *email ? email : address;
  /* A name that repeats the address is there only because some readers want one. */
  gboolean named = name && *g_strstrip (name) && g_ascii_strcasecmp (name, spec) != 0;
  return pn_address_new_internet (spec, named ? name : NULL);
}

/* The addresses of a parameter, joined by ','. */
static char *
read_addresses (const PnIcalLine *line, const char *name)
{
  g_autofree char *raw = pn_ical_line_parameter (line, name);
  if (!raw)
    return NULL;
  g_auto (GStrv) values = g_strsplit (raw, ",", 100);
  GString *joined = g_string_new (NULL);
  for (guint i = 0; values[i]; i++) {
    g_autofree char *address = pn_ical_address (values[i]);
    if (*address)
      g_string_append_printf (joined, "%s%s", joined->len > 0 ? "," : "", address);
  }
  return g_string_free (joined, joined->len == 0);
}

static char *
read_word_parameter (const PnIcalLine *line, const char *name)
{
  g_autofree char *value = pn_ical_line_parameter (line, name);
  return value && *g_strstrip (value) ? g_ascii_strup (value, -1) : NULL;
}

/* In vCalendar 1.0 the owner is one of the attendees, and PARTSTAT is called STATUS. */
static void
read_older_attendee (PnIcalReader *reader, const PnIcalLine *line, PnAttendee *attendee)
{
  g_autofree char *status = pn_ical_line_parameter (line, "STATUS");
  if (status && attendee->partstat == PN_PARTSTAT_NEEDS_ACTION)
    attendee->partstat = pn_partstat_from_string (g_strdelimit (status, " ", '-'));
  attendee->rsvp = attendee->rsvp || pn_ical_line_parameter_is (line, "RSVP", "YES");
  gboolean owner = g_strcmp0 (attendee->role, "OWNER") == 0 || g_strcmp0 (attendee->role, "ORGANIZER") == 0;
  if (owner && !reader->calendar->organizer)
    reader->calendar->organizer = pn_address_copy (attendee->address);
  g_clear_pointer (&attendee->role, g_free);
  attendee->role = g_strdup (owner ? "CHAIR" : "REQ-PARTICIPANT");
}

static void
read_attendee (PnIcalReader *reader, const PnIcalLine *line)
{
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  g_autofree char *partstat = pn_ical_line_parameter (line, "PARTSTAT");
  attendee->address = pn_ical_read_address (line);
  attendee->partstat = pn_partstat_from_string (partstat);
  attendee->rsvp = pn_ical_line_parameter_is (line, "RSVP", "TRUE");
  attendee->role = read_word_parameter (line, "ROLE");
  attendee->cutype = read_word_parameter (line, "CUTYPE");
  attendee->delegated_to = read_addresses (line, "DELEGATED-TO");
  attendee->delegated_from = read_addresses (line, "DELEGATED-FROM");
  attendee->sent_by = read_addresses (line, "SENT-BY");
  if (reader->text->version1)
    read_older_attendee (reader, line, attendee);
  g_autofree char *comment
      = reader->comment->len == 0 ? pn_ical_line_parameter (line, "X-RESPONSE-COMMENT") : NULL;
  if (comment)
    g_string_append (reader->comment, comment);
  g_ptr_array_add (reader->calendar->attendees, attendee);
}

static void
read_organizer (PnIcalReader *reader, const PnIcalLine *line)
{
  PnCalendar *calendar = reader->calendar;
  if (calendar->organizer)
    return;
  calendar->organizer = pn_ical_read_address (line);
  calendar->organizer_sent_by = read_addresses (line, "SENT-BY");
}

static void
read_start (PnIcalReader *reader, const PnIcalLine *line)
{
  if (reader->calendar->start.set)
    return;
  g_free (reader->start_tzid);
  reader->start_tzid = pn_ical_line_parameter (line, "TZID");
  if (reader->start_tzid)
    g_strstrip (reader->start_tzid);
  pn_ical_read_time (reader, line, &reader->calendar->start);
}

static void
read_end (PnIcalReader *reader, const PnIcalLine *line)
{
  gboolean due = strcmp (line->name, "DUE") == 0, task = strcmp (reader->calendar->component, "VTODO") == 0;
  if (due == task && !reader->calendar->end.set)
    pn_ical_read_time (reader, line, &reader->calendar->end);
}

static void
read_recurrence_id (PnIcalReader *reader, const PnIcalLine *line)
{
  if (!reader->calendar->recurrence_id.set)
    pn_ical_read_time (reader, line, &reader->calendar->recurrence_id);
  reader->calendar->this_and_future = pn_ical_line_parameter_is (line, "RANGE", "THISANDFUTURE");
}

static void
read_rule (PnIcalReader *reader, const PnIcalLine *line)
{
  if (reader->calendar->rrule) {
    pn_ical_keep_property (reader, line);
    return;
  }
  char *older = pn_ical_rule_from_vcalendar (line->value, NULL);
  reader->calendar->rrule = older ? older : g_strstrip (g_strdup (line->value));
  for (char *c = reader->calendar->rrule; *c; c++)
    *c = g_ascii_iscntrl (*c) ? ' ' : *c;
}

static void
read_busy_status (PnIcalReader *reader, const PnIcalLine *line)
{
  guint rank = strcmp (line->name, "X-MICROSOFT-CDO-INTENDEDSTATUS") == 0 ? 3
               : strcmp (line->name, "X-MICROSOFT-CDO-BUSYSTATUS") == 0   ? 2
                                                                          : 1;
  g_autofree char *text = NULL;
  set_word (&text, line);
  if (!text || rank < reader->busy_rank)
    return;
  g_strdelimit (text, " -_", '\0');
  reader->busy_rank = rank;
  g_free (reader->calendar->busy_status);
  reader->calendar->busy_status = g_strdup (g_str_has_prefix (text, "OUT") ? "OOF" : text);
}

static void
read_transparency (PnIcalReader *reader, const PnIcalLine *line)
{
  reader->calendar->transparent
      = g_ascii_strncasecmp (line->value, "TRANSPARENT", 11) == 0
        || (reader->text->version1 && g_ascii_isdigit (line->value[0]) && line->value[0] != '0');
}

static void
read_description (PnIcalReader *reader, const PnIcalLine *line)
{
  set_text (&reader->calendar->description, line);
}

static void
read_html (PnIcalReader *reader, const PnIcalLine *line)
{
  if (pn_ical_line_parameter_is (line, "FMTTYPE", "text/html"))
    set_text (&reader->html, line);
}

static void
read_summary (PnIcalReader *reader, const PnIcalLine *line)
{
  set_text (&reader->calendar->summary, line);
}

static void
read_place (PnIcalReader *reader, const PnIcalLine *line)
{
  set_text (&reader->calendar->place, line);
}

static void
read_comment (PnIcalReader *reader, const PnIcalLine *line)
{
  g_autofree char *text = pn_ical_line_text (line);
  if (*text)
    g_string_append_printf (reader->comment, "%s%s", reader->comment->len > 0 ? "\n" : "", text);
}

static void
read_uid (PnIcalReader *reader, const PnIcalLine *line)
{
  g_autofree char *text = NULL;
  set_text (&text, line);
  if (text && !reader->calendar->uid)
    reader->calendar->uid = pn_ical_uid_of_item (g_strstrip (text));
}

static void
read_class (PnIcalReader *reader, const PnIcalLine *line)
{
  set_word (&reader->calendar->klass, line);
}

static void
read_status (PnIcalReader *reader, const PnIcalLine *line)
{
  set_word (&reader->calendar->status, line);
}

static void
read_sequence (PnIcalReader *reader, const PnIcalLine *line)
{
  if (line->name[0] == 'X')
    reader->microsoft_sequence = number_of (line, 0, G_MAXINT);
  else
    reader->calendar->sequence = number_of (line, 0, G_MAXINT);
}

static void
read_priority (PnIcalReader *reader, const PnIcalLine *line)
{
  if (line->name[0] == 'X')
    reader->importance = number_of (line, 0, 2);
  else
    reader->calendar->priority = number_of (line, 0, 9);
}

static void
read_percent (PnIcalReader *reader, const PnIcalLine *line)
{
  reader->calendar->percent_complete = number_of (line, 0, 100);
}

static void
read_stamp (PnIcalReader *reader, const PnIcalLine *line)
{
  set_instant (reader, line, &reader->calendar->stamp);
}

static void
read_completed (PnIcalReader *reader, const PnIcalLine *line)
{
  set_instant (reader, line, &reader->calendar->completed);
}

/* Outlook writes a time without meaning, of the year 1601, where there was no answer yet. */
static void
read_reply_time (PnIcalReader *reader, const PnIcalLine *line)
{
  gint64 instant;
  if (pn_ical_parse_instant (line->value, &instant) && instant > 0)
    reader->reply_time = instant;
}

static void
read_all_day (PnIcalReader *reader, const PnIcalLine *line)
{
  if (g_ascii_strncasecmp (line->value, "TRUE", 4) == 0)
    reader->all_day_flag = TRUE;
}

/* In the order of strcmp(). */
static const Property properties[] = {
  { "AALARM", pn_vcal_read_alarm },
  { "ATTACH", pn_ical_read_attachment },
  { "ATTENDEE", read_attendee },
  { "CLASS", read_class },
  { "COMMENT", read_comment },
  { "COMPLETED", read_completed },
  { "DALARM", pn_vcal_read_alarm },
  { "DESCRIPTION", read_description },
  { "DTEND", read_end },
  { "DTSTAMP", read_stamp },
  { "DTSTART", read_start },
  { "DUE", read_end },
  { "LOCATION", read_place },
  { "MALARM", pn_vcal_read_alarm },
  { "ORGANIZER", read_organizer },
  { "PALARM", pn_vcal_read_alarm },
  { "PERCENT-COMPLETE", read_percent },
  { "PRIORITY", read_priority },
  { "RECURRENCE-ID", read_recurrence_id },
  { "RRULE", read_rule },
  { "SEQUENCE", read_sequence },
  { "STATUS", read_status },
  { "SUMMARY", read_summary },
  { "TRANSP", read_transparency },
  { "UID", read_uid },
  { "X-ALT-DESC", read_html },
  { "X-GWALLDAYEVENT", read_all_day },
  { "X-GWSHOW-AS", read_busy_status },
  { "X-MICROSOFT-CDO-ALLDAYEVENT", read_all_day },
  { "X-MICROSOFT-CDO-APPT-SEQUENCE", read_sequence },
  { "X-MICROSOFT-CDO-BUSYSTATUS", read_busy_status },
  { "X-MICROSOFT-CDO-IMPORTANCE", read_priority },
  { "X-MICROSOFT-CDO-INTENDEDSTATUS", read_busy_status },
  { "X-MICROSOFT-CDO-REPLYTIME", read_reply_time },
};

static int
compare_property (const void *key, const void *element)
{
  return strcmp (key, ((const Property *) element)->name);
}

void
pn_ical_read_properties (PnIcalReader *reader)
{
  guint position = 0;
  const PnIcalLine *line = pn_ical_text_find (reader->text, reader->component, "DTSTART");
  /* First: the year in which its zone is looked for is that of the start. */
  if (line)
    read_start (reader, line);
  while ((line = pn_ical_text_next (reader->text, reader->component, NULL, &position))) {
    const Property *property
        = bsearch (line->name, properties, G_N_ELEMENTS (properties), sizeof *properties, compare_property);
    if (property) {
      property->read (reader, line);
      pn_ical_keep_parameters (reader, line);
    } else
      pn_ical_keep_property (reader, line);
  }
  PnCalendar *calendar = reader->calendar;
  if (reader->comment->len > 0)
    calendar->comment = g_strdup (reader->comment->str);
  if (reader->microsoft_sequence >= 0)
    calendar->sequence = reader->microsoft_sequence;
  if (g_strcmp0 (calendar->busy_status, "FREE") == 0)
    calendar->transparent = TRUE;
  if (!calendar->busy_status && strcmp (calendar->component, "VEVENT") == 0 && calendar->start.set)
    calendar->busy_status = g_strdup (calendar->transparent ? "FREE" : "BUSY");
}
