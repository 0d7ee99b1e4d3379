#include "convert/ical-writer.h"

#include <string.h>

static void
append_address (GString *line, const char *address)
{
  gboolean uri = !strchr (address, '@') && strchr (address, ':');
  if (!uri)
    g_string_append (line, "mailto:");
  for (const char *c = address; *c; c++)
    g_string_append_c (line, (guchar) *c < ' ' ? ' ' : *c);
}

static void
append_addresses (GString *line, const char *name, const char *addresses)
{
  if (!addresses || !*addresses)
    return;
  g_auto (GStrv) list = g_strsplit (addresses, ",", -1);
  g_string_append_printf (line, ";%s=", name);
  for (guint i = 0; list[i]; i++) {
    g_autoptr (GString) one = g_string_new (NULL);
    append_address (one, g_strstrip (g_strdelimit (list[i], "\"", '\'')));
    g_string_append_printf (line, "%s\"%s\"", i > 0 ? "," : "", one->str);
  }
}

static void
append_name (GString *line, const PnAddress *address, const char *spec)
{
  g_string_append (line, ";CN=");
  pn_ical_append_parameter (line, address->name && *address->name ? address->name : spec);
}

void
pn_ical_put_organizer (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  const PnAddress *organizer = calendar->organizer;
  gboolean answers = writer->method == PN_METHOD_REPLY || writer->method == PN_METHOD_COUNTER
                     || writer->method == PN_METHOD_REFRESH;
  if (!organizer && !answers)
    organizer = writer->message->from;
  if (!organizer)
    return;
  g_autofree char *spec
      = organizer->internet ? g_strdup (organizer->internet) : pn_address_to_string (organizer);
  GString *line = pn_ical_begin_line (writer, "ORGANIZER");
  append_name (line, organizer, spec);
  append_addresses (line, "SENT-BY", calendar->organizer_sent_by);
  pn_ical_carry_parameters (writer, "ORGANIZER", spec);
  g_string_append_c (line, ':');
  append_address (line, spec);
  pn_ical_end_line (writer);
}

static void
append_word_parameter (GString *line, const char *name, const char *value)
{
  if (!value || !*value)
    return;
  g_string_append_printf (line, ";%s=", name);
  pn_ical_append_parameter (line, value);
}

static void
put_attendee (PnIcalWriter *writer, const PnAttendee *attendee)
{
  g_autofree char *spec = attendee->address->internet ? g_strdup (attendee->address->internet)
                                                      : pn_address_to_string (attendee->address);
  gboolean reply = writer->method == PN_METHOD_REPLY;
  GString *line = pn_ical_begin_line (writer, "ATTENDEE");
  append_word_parameter (line, "CUTYPE", attendee->cutype);
  append_word_parameter (line, "ROLE", attendee->role);
  append_word_parameter (line, "PARTSTAT", pn_partstat_to_string (attendee->partstat));
  if (attendee->rsvp && !reply)
    g_string_append (line, ";RSVP=TRUE");
  append_addresses (line, "DELEGATED-FROM", attendee->delegated_from);
  append_addresses (line, "DELEGATED-TO", attendee->delegated_to);
  append_addresses (line, "SENT-BY", attendee->sent_by);
  append_name (line, attendee->address, spec);
  pn_ical_carry_parameters (writer, "ATTENDEE", spec);
  g_string_append_c (line, ':');
  append_address (line, spec);
  pn_ical_end_line (writer);
}

static void
put_recipient (PnIcalWriter *writer, const PnRecipient *recipient)
{
  static const char *const roles[] = { "REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT" };
  PnAttendee attendee = { .address = recipient->address, .role = (char *) roles[recipient->distribution] };
  attendee.rsvp = writer->method == PN_METHOD_REQUEST && recipient->distribution != PN_BC;
  put_attendee (writer, &attendee);
}

static PnPartstat
partstat_of (PnAction action)
{
  switch (action) {
  case PN_ACTION_ACCEPTED:
    return PN_PARTSTAT_ACCEPTED;
  case PN_ACTION_DECLINED:
  case PN_ACTION_DELETED:
    return PN_PARTSTAT_DECLINED;
  case PN_ACTION_TENTATIVE:
    return PN_PARTSTAT_TENTATIVE;
  case PN_ACTION_DELEGATED:
    return PN_PARTSTAT_DELEGATED;
  case PN_ACTION_COMPLETED:
    return PN_PARTSTAT_COMPLETED;
  default:
    return PN_PARTSTAT_NEEDS_ACTION;
  }
}

const PnStatusReport *
pn_ical_first_report (const PnIcalWriter *writer)
{
  return writer->message->reports->len > 0 ? writer->message->reports->pdata[0] : NULL;
}

/* Who answers: the attendee that the report or the sender is, exactly one. */
static gboolean
put_answer (PnIcalWriter *writer, GError **error)
{
  const PnStatusReport *report = pn_ical_first_report (writer);
  const PnMessage *message = writer->message;
  const PnAddress *who = report && report->recipient ? report->recipient
                         : message->busy_for         ? message->busy_for
                                                     : message->from;
  const GPtrArray *attendees = writer->calendar->attendees;
  PnAttendee answer = { .address = (PnAddress *) who };
  if (attendees->len == 1)
    answer = *(const PnAttendee *) attendees->pdata[0];
  for (guint i = 0; attendees->len > 1 && i < attendees->len; i++) {
    const PnAttendee *attendee = attendees->pdata[i];
    if (pn_ical_same_address (attendee->address, who))
      answer = *attendee;
  }
  if (!answer.address) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 "calendar: nobody answers: the status has no report and no sender");
    return FALSE;
  }
  if (answer.partstat == PN_PARTSTAT_NEEDS_ACTION && report)
    answer.partstat = partstat_of (report->action);
  put_attendee (writer, &answer);
  return TRUE;
}

gboolean
pn_ical_put_attendees (PnIcalWriter *writer, GError **error)
{
  const GPtrArray *attendees = writer->calendar->attendees, *recipients = writer->message->recipients;
  if (writer->method == PN_METHOD_REPLY)
    return put_answer (writer, error);
  for (guint i = 0; i < attendees->len; i++)
    put_attendee (writer, attendees->pdata[i]);
  for (guint i = 0; attendees->len == 0 && writer->method != PN_METHOD_PUBLISH && i < recipients->len; i++)
    put_recipient (writer, recipients->pdata[i]);
  return TRUE;
}
