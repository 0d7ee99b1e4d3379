#include "convert/ical-private.h"

#include <string.h>

PnAction
pn_ical_action_of (PnPartstat partstat)
{
  static const PnAction actions[] = {
    [PN_PARTSTAT_NEEDS_ACTION] = PN_ACTION_NONE,   [PN_PARTSTAT_ACCEPTED] = PN_ACTION_ACCEPTED,
    [PN_PARTSTAT_DECLINED] = PN_ACTION_DECLINED,   [PN_PARTSTAT_TENTATIVE] = PN_ACTION_TENTATIVE,
    [PN_PARTSTAT_DELEGATED] = PN_ACTION_DELEGATED, [PN_PARTSTAT_COMPLETED] = PN_ACTION_COMPLETED,
    [PN_PARTSTAT_IN_PROCESS] = PN_ACTION_ACCEPTED,
  };
  return actions[partstat];
}

static const PnAttendee *
find_attendee (const PnCalendar *calendar, const PnAddress *address)
{
  for (guint i = 0; i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    if (pn_ical_same_address (attendee->address, address))
      return attendee;
  }
  return NULL;
}

/* The one attendee of the answer: as he was invited, with what he says now. */
static PnAttendee *
answering (const PnCalendar *invitation, const PnAddress *address, PnPartstat partstat)
{
  const PnAttendee *invited = find_attendee (invitation, address);
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  attendee->address = pn_address_copy (address);
  attendee->partstat = partstat;
  if (!invited)
    return attendee;
  if (!attendee->address->name)
    attendee->address->name = g_strdup (invited->address->name);
  attendee->role = g_strdup (invited->role);
  attendee->cutype = g_strdup (invited->cutype);
  attendee->delegated_from = g_strdup (invited->delegated_from);
  attendee->delegated_to = g_strdup (invited->delegated_to);
  attendee->sent_by = g_strdup (invited->sent_by);
  return attendee;
}

static PnCalendar *
reply_calendar (const PnMessage *invitation, const PnAddress *address, PnPartstat partstat,
                const char *comment, gint64 now)
{
  const PnCalendar *from = invitation->calendar;
  PnCalendar *calendar = pn_calendar_new ();
  calendar->method = PN_METHOD_REPLY;
  calendar->component = g_strdup (from->component);
  calendar->uid = pn_ical_uid (invitation);
  calendar->sequence = from->sequence;
  calendar->stamp = (PnTime){ TRUE, now, 0 };
  pn_calendar_time_copy (&calendar->start, &from->start);
  pn_calendar_time_copy (&calendar->end, &from->end);
  pn_calendar_time_copy (&calendar->recurrence_id, &from->recurrence_id);
  calendar->this_and_future = from->this_and_future;
  calendar->all_day = from->all_day;
  calendar->summary = g_strdup (from->summary ? from->summary : invitation->subject);
  calendar->organizer = from->organizer    ? pn_address_copy (from->organizer)
                        : invitation->from ? pn_address_copy (invitation->from)
                                           : NULL;
  calendar->organizer_sent_by = g_strdup (from->organizer_sent_by);
  calendar->comment = g_strdup (comment);
  g_ptr_array_add (calendar->attendees, answering (from, address, partstat));
  if (partstat == PN_PARTSTAT_COMPLETED) {
    calendar->status = g_strdup ("COMPLETED");
    calendar->percent_complete = 100;
    calendar->completed = calendar->stamp;
  }
  return calendar;
}

static void
add_text (PnMessage *reply, PnAction action, const char *comment)
{
  const PnCalendar *calendar = reply->calendar;
  const PnAttendee *attendee = calendar->attendees->pdata[0];
  g_autofree char *who = attendee->address->name ? g_strdup (attendee->address->name)
                                                 : pn_address_to_string (attendee->address);
  g_autofree char *what = pn_ical_describe (calendar);
  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "%s: %s\n", pn_action_to_string (action), who);
  if (comment && *comment)
    g_string_append_printf (text, "\n%s\n", comment);
  g_string_append_printf (text, "\n%s", what);
  pn_message_add_part (reply, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text->str, -1)));
  g_string_free (text, TRUE);
}

PnMessage *
pn_ical_reply (const PnMessage *invitation, const PnAddress *attendee, PnPartstat partstat,
               const char *comment, gint64 now)
{
  g_return_val_if_fail (invitation->calendar && attendee, NULL);
  PnMessage *reply = pn_message_new (PN_TYPE_STATUS);
  PnAction action = pn_ical_action_of (partstat);
  reply->date = (PnTime){ TRUE, now, 0 };
  reply->orig_id = g_strdup (invitation->id);
  reply->in_reply_to = g_strdup (invitation->message_id);
  if (invitation->message_id)
    g_ptr_array_add (reply->references, g_strdup (invitation->message_id));
  reply->calendar = reply_calendar (invitation, attendee, partstat, comment, now);
  const PnAttendee *answer = reply->calendar->attendees->pdata[0];
  reply->from = pn_address_copy (answer->address);
  if (reply->calendar->organizer)
    pn_message_add_recipient (reply, PN_TO, pn_address_copy (reply->calendar->organizer));
  const char *summary = reply->calendar->summary;
  reply->subject = g_strdup_printf ("%s: %s", pn_action_to_string (action), summary ? summary : "");
  g_strchomp (g_strdelimit (reply->subject, "\r\n", ' '));
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = reply->date;
  report->recipient = pn_address_copy (answer->address);
  report->comment = g_strdup (comment);
  g_ptr_array_add (reply->reports, report);
  add_text (reply, action, comment);
  return reply;
}
