/* Random messages in which every field occurs, with text that is awkward for every grammar. */
#pragma once

#include "convert/message.h"

typedef struct {
  GRand *rand;
  gboolean plain; /* only what a strict API file can carry: no control characters, no line breaks */
} RandomMessage;

static inline int
random_below (RandomMessage *self, int n)
{
  return g_rand_int_range (self->rand, 0, n);
}

static inline char *
random_text (RandomMessage *self)
{
  static const char *const pieces[] = { "word",        " ",       "  ",
                                        ";",           ",",       "\\",
                                        "\"",          "=",       "#",
                                        "Subject= x;", "-END-",   "\xc3\xa4",
                                        "/",           "a.b",     "@",
                                        "'",           "<x>",     "\xe2\x82\xac",
                                        "Msg-ID=",     "-FLAG-;", "sentence of several words, and so on" };
  static const char *const wild[]
      = { "\n", "\r\n",  "\t",  "\x01", "\x7f", "\xff", "\xc3", "\n-END-\n", "\nSubject= y;\n",
          "\r", "\n \n", "\\\n" };
  GString *text = g_string_new (NULL);
  int n = random_below (self, 10) == 0 ? 60 : random_below (self, 6);
  for (int i = 0; i < n; i++)
    if (!self->plain && random_below (self, 5) == 0)
      g_string_append (text, wild[random_below (self, G_N_ELEMENTS (wild))]);
    else
      g_string_append (text, pieces[random_below (self, G_N_ELEMENTS (pieces))]);
  return g_string_free (text, FALSE);
}

static inline char *
random_text_or_null (RandomMessage *self)
{
  return random_below (self, 3) ? random_text (self) : NULL;
}

static inline PnTime
random_time (RandomMessage *self)
{
  if (random_below (self, 3) == 0)
    return (PnTime){ FALSE };
  gint64 seconds = (gint64) g_rand_int (self->rand) * (random_below (self, 2) ? 1 : 20)
                   - G_GINT64_CONSTANT (30000000000);
  return (PnTime){ TRUE, seconds, random_below (self, 60) * 15 - 450 };
}

static inline PnCalendarTime
random_calendar_time (RandomMessage *self)
{
  PnCalendarTime time = { .set = random_below (self, 3) > 0 };
  if (!time.set)
    return time;
  time.is_date = random_below (self, 2);
  time.floating = random_below (self, 2);
  time.year = random_below (self, 9999);
  time.month = random_below (self, 12) + 1;
  time.day = random_below (self, 31) + 1;
  time.hour = random_below (self, 24);
  time.minute = random_below (self, 60);
  time.second = random_below (self, 60);
  time.unix_time = (gint64) g_rand_int (self->rand) - 1000000000;
  time.tzid = random_text_or_null (self);
  return time;
}

static inline PnAddress *
random_address (RandomMessage *self)
{
  PnAddress *address = pn_address_new (NULL, NULL, NULL);
  address->domain = random_text_or_null (self);
  address->post_office = random_text_or_null (self);
  address->user = random_text_or_null (self);
  address->internet = random_text_or_null (self);
  address->name = random_text_or_null (self);
  return address;
}

static inline void
random_recipients (RandomMessage *self, PnMessage *message)
{
  for (int i = random_below (self, 8); i > 0; i--) {
    PnRecipient *recipient
        = pn_message_add_recipient (message, random_below (self, 3), random_address (self));
    if (random_below (self, 2)) {
      recipient->listed = random_below (self, 2);
      recipient->deliver = random_below (self, 2);
    }
    recipient->group = random_text_or_null (self);
    recipient->dsn_notify = random_text_or_null (self);
    recipient->dsn_orcpt = random_text_or_null (self);
  }
}

static inline void
random_parts (RandomMessage *self, PnMessage *message)
{
  for (int i = random_below (self, 5); i > 0; i--) {
    GByteArray *bytes = g_byte_array_new ();
    for (int n = random_below (self, 4) ? random_below (self, 300) : 0; n > 0; n--)
      g_byte_array_append (bytes, &(guint8){ g_rand_int (self->rand) }, 1);
    g_autoptr (GBytes) content = g_byte_array_free_to_bytes (bytes);
    g_autofree char *type = random_text (self);
    PnPart *part = pn_part_new (random_below (self, 6), type, pn_content_new_bytes (content));
    part->name = random_text_or_null (self);
    part->parameters = random_text_or_null (self);
    part->content_id = random_text_or_null (self);
    part->content_location = random_text_or_null (self);
    part->description = random_text_or_null (self);
    part->charset = random_text_or_null (self);
    part->created = random_time (self);
    part->modified = random_time (self);
    g_ptr_array_add (message->parts, part);
  }
}

static inline PnCalendar *
random_calendar (RandomMessage *self)
{
  PnCalendar *calendar = pn_calendar_new ();
  calendar->method = random_below (self, 9);
  calendar->component = random_text_or_null (self);
  calendar->uid = random_text_or_null (self);
  calendar->sequence = random_below (self, 3) * 1000;
  calendar->stamp = random_time (self);
  calendar->start = random_calendar_time (self);
  calendar->end = random_calendar_time (self);
  calendar->recurrence_id = random_calendar_time (self);
  calendar->this_and_future = random_below (self, 2);
  calendar->all_day = random_below (self, 2);
  calendar->summary = random_text_or_null (self);
  calendar->description = random_text_or_null (self);
  calendar->place = random_text_or_null (self);
  calendar->rrule = random_text_or_null (self);
  for (int i = random_below (self, 3); i > 0; i--)
    g_ptr_array_add (calendar->rdates, random_text (self));
  for (int i = random_below (self, 3); i > 0; i--)
    g_ptr_array_add (calendar->exdates, random_text (self));
  if (g_rand_boolean (self->rand)) {
    g_ptr_array_add (calendar->zones, random_text (self));
    g_ptr_array_add (calendar->properties, random_text (self));
    g_ptr_array_add (calendar->components, random_text (self));
    g_ptr_array_add (calendar->object_properties, random_text (self));
  }
  calendar->organizer = random_below (self, 2) ? random_address (self) : NULL;
  calendar->organizer_sent_by = random_text_or_null (self);
  for (int i = random_below (self, 4); i > 0; i--) {
    PnAttendee *attendee = g_new0 (PnAttendee, 1);
    attendee->address = random_address (self);
    attendee->partstat = random_below (self, 7);
    attendee->rsvp = random_below (self, 2);
    attendee->role = random_text_or_null (self);
    attendee->cutype = random_text_or_null (self);
    attendee->delegated_to = random_text_or_null (self);
    attendee->delegated_from = random_text_or_null (self);
    attendee->sent_by = random_text_or_null (self);
    g_ptr_array_add (calendar->attendees, attendee);
  }
  calendar->status = random_text_or_null (self);
  calendar->klass = random_text_or_null (self);
  calendar->busy_status = random_text_or_null (self);
  calendar->transparent = random_below (self, 2);
  calendar->priority = random_below (self, 10);
  calendar->comment = random_text_or_null (self);
  calendar->alarm_set = random_below (self, 2);
  calendar->alarm = random_below (self, 2000) - 1000;
  calendar->percent_complete = random_below (self, 102) - 1;
  calendar->completed = random_time (self);
  return calendar;
}

static inline void
random_status_and_search (RandomMessage *self, PnMessage *message)
{
  for (int i = random_below (self, 3); i > 0; i--) {
    PnStatusReport *report = g_new0 (PnStatusReport, 1);
    report->action = random_below (self, 14);
    report->time = random_time (self);
    report->recipient = random_below (self, 3) ? random_address (self) : NULL;
    report->original_recipient = random_text_or_null (self);
    report->wording = random_text_or_null (self);
    report->status_code = random_text_or_null (self);
    report->diagnostic = random_text_or_null (self);
    report->remote_mta = random_text_or_null (self);
    report->comment = random_text_or_null (self);
    g_ptr_array_add (message->reports, report);
  }
  message->begin_time = random_time (self);
  message->end_time = random_time (self);
  for (int i = random_below (self, 3); i > 0; i--) {
    PnBusyBlock *block = g_new (PnBusyBlock, 1);
    block->start = g_rand_int (self->rand);
    block->end = g_rand_int (self->rand);
    g_ptr_array_add (message->busy, block);
  }
  message->busy_for = random_below (self, 2) ? random_address (self) : NULL;
}

static inline void
random_lists (RandomMessage *self, PnMessage *message)
{
  for (int i = random_below (self, 3); i > 0; i--)
    g_ptr_array_add (message->reply_to, random_address (self));
  for (int i = random_below (self, 4); i > 0; i--)
    g_ptr_array_add (message->references, random_text (self));
  for (int i = random_below (self, 4); i > 0 && !pn_message_get_part (message, PN_PART_SKELETON); i--) {
    PnHeader *header = g_new0 (PnHeader, 1);
    header->name = random_text (self);
    header->value = random_text (self);
    g_ptr_array_add (message->headers, header);
  }
  for (int i = random_below (self, 3); i > 0; i--) {
    g_autofree char *part = random_text (self), *reason = random_text (self);
    pn_message_add_loss (message, part, "%s", reason);
  }
}

static inline PnMessage *
random_message (RandomMessage *self, PnMessageType type)
{
  PnMessage *message = pn_message_new (type);
  message->id = random_text_or_null (self);
  message->orig_id = random_text_or_null (self);
  message->date = random_time (self);
  message->from = random_below (self, 4) ? random_address (self) : NULL;
  message->sender = random_below (self, 3) ? NULL : random_address (self);
  random_recipients (self, message);
  message->to_text = random_text_or_null (self);
  message->cc_text = random_text_or_null (self);
  message->envelope_from = random_text_or_null (self);
  message->envelope_id = random_text_or_null (self);
  message->envelope_ret = random_text_or_null (self);
  message->subject = random_text_or_null (self);
  random_parts (self, message);
  message->priority = random_below (self, 3);
  message->security = random_below (self, 6);
  message->status_request = random_below (self, 8);
  message->send_options = random_text_or_null (self);
  message->distribute_date = random_time (self);
  message->expires = random_time (self);
  message->respond_by = random_time (self);
  message->action = random_text_or_null (self);
  message->message_id = random_text_or_null (self);
  message->in_reply_to = random_text_or_null (self);
  random_lists (self, message);
  message->auto_generated = random_below (self, 2);
  message->calendar = random_below (self, 2) ? random_calendar (self) : NULL;
  random_status_and_search (self, message);
  message->task_category = random_text_or_null (self);
  message->task_priority = random_below (self, 10);
  message->caller_name = random_text_or_null (self);
  message->caller_company = random_text_or_null (self);
  message->caller_phone = random_text_or_null (self);
  message->call_action = random_below (self, 128);
  return message;
}
