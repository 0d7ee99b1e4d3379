/* What the organizer says; itip-make-answer.c has what attendees say. */
#include "convert/itip-make.h"

#include <string.h>

/* -- shared -- */

gboolean
pn_itip_refuse (GError **error, const char *reason)
{
  g_set_error_literal (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED, reason);
  return FALSE;
}

PnMessage *
pn_itip_message (PnItipItem *self, PnMethod method, GPtrArray *parts, const PnItipContext *context,
                 GError **error)
{
  g_autofree char *text = pn_itip_text (self, method, parts);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_APPOINTMENT);
  if (!pn_ical_read (message, text, strlen (text), NULL, self->site_timezone, error))
    return NULL;
  PnPart *part = pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (text, -1));
  part->parameters = g_strdup_printf ("; method=%s", pn_method_to_string (method));
  part->charset = g_strdup ("utf-8");
  pn_message_add_part (message, part);
  message->date = (PnTime){ TRUE, context->now, 0 };
  g_ptr_array_set_size (message->losses, 0);
  for (guint i = 0; i < message->recipients->len; i++)
    ((PnRecipient *) message->recipients->pdata[i])->deliver = TRUE;
  return g_steal_pointer (&message);
}

PnMessage *
pn_itip_mail (const PnMessage *about, const char *prefix, const char *sentence, const char *comment)
{
  PnMessage *mail = pn_message_new (PN_TYPE_MAIL);
  g_autofree char *what = pn_ical_describe (about->calendar);
  g_autofree char *text = g_strdup_printf ("%s\n\n%s%s%s\n", sentence, what, comment && *comment ? "\n" : "",
                                           comment ? comment : "");
  const char *summary = about->calendar->summary;
  mail->subject = g_strdup_printf ("%s: %s", prefix, summary ? summary : "");
  g_strchomp (g_strdelimit (mail->subject, "\r\n", ' '));
  mail->from = about->from ? pn_address_copy (about->from) : NULL;
  mail->date = about->date;
  pn_message_add_part (mail, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text, -1)));
  return mail;
}

gboolean
pn_itip_say (PnItipItem *self, PnMethod method, GPtrArray *parts, const PnItipContext *context,
             GPtrArray *out, GError **error)
{
  PnMessage *message = pn_itip_message (self, method, parts, context, error);
  if (message)
    g_ptr_array_add (out, message);
  return message != NULL;
}

PnItipPart *
pn_itip_part_for (PnItipItem *self, const char *recurrence, GError **error)
{
  PnItipPart *part = NULL;
  if (self->parts->len == 0) {
    pn_itip_refuse (error, "nothing is known of the item");
    return NULL;
  }
  if (!recurrence) {
    part = pn_itip_master (self);
    return part ? part : self->parts->pdata[0];
  }
  g_autofree char *key = pn_itip_key (self, recurrence);
  part = pn_itip_want_instance (self, key);
  if (!part)
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED, "the series has no instance %s",
                 recurrence);
  return part;
}

void
pn_itip_set_text (PnItipPart *part, const char *name, const char *text)
{
  g_autoptr (GString) value = g_string_new (NULL);
  if (text)
    pn_ical_append_text (value, text);
  pn_itip_part_set (part, name, NULL, text && *text ? value->str : NULL);
}

/* -- REQUEST and PUBLISH -- */

/* Who asks anew for what he cancelled does not mean it to be cancelled. */
static void
revive (PnItipItem *self, PnItipPart *part)
{
  const PnItipLine *status = pn_itip_part_find (part, "STATUS");
  if (!status || g_ascii_strncasecmp (status->value, "CANCELLED", 9) != 0)
    return;
  int sequence = pn_itip_sequence (self, part);
  pn_itip_part_remove (part, "STATUS");
  pn_itip_part_set_version (part, sequence + 1, 0);
}

/* Who is invited to the exception PART alone is told of that. */
static gboolean
say_to_guests (PnItipItem *self, PnMethod method, PnItipPart *part, const PnItipContext *context,
               GPtrArray *out, GError **error)
{
  PnItipPart *master = pn_itip_master (self);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  guint guests = 0;
  for (guint i = 0; part->key && master && i < part->lines->len; i++) {
    const PnItipLine *line = part->lines->pdata[i];
    g_autoptr (PnAddress) address = strcmp (line->name, "ATTENDEE") == 0 ? pn_itip_line_address (line) : NULL;
    guests += address && !pn_itip_part_find_address (master, "ATTENDEE", address);
  }
  if (guests == 0)
    return TRUE;
  g_ptr_array_add (parts, part);
  PnMessage *message = pn_itip_message (self, method, parts, context, error);
  if (!message)
    return FALSE;
  for (guint i = message->recipients->len; i-- > 0;) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (pn_itip_part_find_address (master, "ATTENDEE", recipient->address))
      g_ptr_array_remove_index (message->recipients, i);
  }
  g_ptr_array_add (out, message);
  return TRUE;
}

/* The first message that is added goes to those who are invited to all of it. */
static gboolean
say_all (PnItipItem *self, PnMethod method, const char *recurrence, const PnItipContext *context,
         GPtrArray *out, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  PnItipPart *one = pn_itip_part_for (self, recurrence, error);
  if (!one)
    return FALSE;
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    if (recurrence && part != one)
      continue;
    revive (self, part);
    pn_itip_part_set_version (part, pn_itip_sequence (self, part), context->now);
    g_ptr_array_add (parts, part);
  }
  gboolean ok = pn_itip_say (self, method, parts, context, out, error);
  for (guint i = 0; ok && !recurrence && i < parts->len; i++)
    ok = say_to_guests (self, method, parts->pdata[i], context, out, error);
  return ok;
}

gboolean
pn_itip_request (PnItipItem *self, const char *recurrence, const PnItipContext *context, GPtrArray *out,
                 GError **error)
{
  return say_all (self, PN_METHOD_REQUEST, recurrence, context, out, error);
}

gboolean
pn_itip_publish (PnItipItem *self, const PnItipContext *context, GPtrArray *out, GError **error)
{
  return say_all (self, PN_METHOD_PUBLISH, NULL, context, out, error);
}

/* -- changes -- */

void
pn_itip_change_part (PnItipItem *self, PnItipPart *part, const PnItipChange *change)
{
  const char *end = g_strcmp0 (self->kind, "VTODO") == 0 ? "DUE" : "DTEND";
  if (change->start)
    pn_itip_set_time (self, part, "DTSTART", change->start);
  if (change->end) {
    pn_itip_part_remove (part, "DURATION");
    pn_itip_set_time (self, part, end, change->end);
  }
  if (change->summary)
    pn_itip_set_text (part, "SUMMARY", change->summary);
  if (change->place)
    pn_itip_set_text (part, "LOCATION", change->place);
  if (change->description)
    pn_itip_set_text (part, "DESCRIPTION", change->description);
}

/* Answers were to another time.  With CONTEXT those of Outlook stay. */
static void
forget_answers (const PnItipItem *self, PnItipPart *part, const PnItipContext *context)
{
  for (guint i = 0; i < part->lines->len; i++) {
    PnItipLine *line = part->lines->pdata[i];
    if (strcmp (line->name, "ATTENDEE") != 0)
      continue;
    g_autofree char *role = pn_itip_line_get (line, "ROLE");
    g_autofree char *delegate = pn_itip_line_get (line, "DELEGATED-TO");
    g_autoptr (PnAddress) address = pn_itip_line_address (line);
    /* Of a delegator his delegate is asked. */
    if (delegate || g_strcmp0 (role, "CHAIR") == 0
        || (context && pn_itip_is_outlook (self, context, address)))
      continue;
    pn_itip_line_set (line, "PARTSTAT", "NEEDS-ACTION");
    pn_itip_line_set (line, "RSVP", "TRUE");
  }
  pn_itip_part_remove (part, "X-POSTERN-ANSWER");
  pn_itip_part_remove (part, "X-POSTERN-COUNTER");
}

static void
drop_exceptions (PnItipItem *self)
{
  for (guint i = self->parts->len; i-- > 0;)
    if (((PnItipPart *) self->parts->pdata[i])->key)
      g_ptr_array_remove_index (self->parts, i);
}

gboolean
pn_itip_revise (PnItipItem *self, const char *recurrence, const PnItipChange *change,
                const PnItipContext *context, GPtrArray *out, GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, recurrence, error);
  if (!part)
    return FALSE;
  const PnCalendar *calendar = pn_itip_calendar (self, part);
  int sequence = calendar->sequence + 1;
  gint64 start = calendar->start.unix_time, end = calendar->end.unix_time;
  g_autoptr (PnItipPart) before = pn_itip_part_copy (part);
  pn_itip_change_part (self, part, change);
  calendar = pn_itip_calendar (self, part);
  gboolean moved = calendar->start.unix_time != start;
  if (moved || calendar->end.unix_time != end)
    forget_answers (self, part, NULL);
  /* The instances are named by their times. */
  if (!part->key && moved)
    drop_exceptions (self);
  for (guint i = 0; !part->key && i < self->parts->len; i++) {
    PnItipPart *one = self->parts->pdata[i];
    if (one->key && pn_itip_follow (self, one, before, part))
      forget_answers (self, one, NULL);
  }
  pn_itip_part_set_version (part, sequence, context->now);
  return say_all (self, PN_METHOD_REQUEST, recurrence, context, out, error);
}

/* -- CANCEL -- */

/* PART as a cancellation to ATTENDEE or to all. */
static PnItipPart *
cancellation (PnItipPart *part, const PnAddress *attendee, const char *comment)
{
  static const char *const left[] = { "RRULE", "RDATE", "EXDATE", "RSVP", "DESCRIPTION", "X-ALT-DESC" };
  PnItipPart *cancel = pn_itip_part_copy (part);
  for (guint i = 0; part->key && i < G_N_ELEMENTS (left); i++)
    pn_itip_part_remove (cancel, left[i]);
  g_ptr_array_set_size (cancel->inside, 0);
  for (guint i = cancel->lines->len; attendee && i-- > 0;) {
    const PnItipLine *line = cancel->lines->pdata[i];
    g_autoptr (PnAddress) own = strcmp (line->name, "ATTENDEE") == 0 ? pn_itip_line_address (line) : NULL;
    if (own && !pn_itip_same_address (own, attendee))
      g_ptr_array_remove_index (cancel->lines, i);
  }
  if (!attendee)
    pn_itip_part_set (cancel, "STATUS", NULL, "CANCELLED");
  pn_itip_set_text (cancel, "COMMENT", comment);
  pn_itip_part_changed (cancel);
  return cancel;
}

static gboolean
say_cancel (PnItipItem *self, PnItipPart *cancel, const PnItipContext *context, GPtrArray *out,
            GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_add (parts, cancel);
  PnMessage *message = pn_itip_message (self, PN_METHOD_CANCEL, parts, context, error);
  if (message)
    g_ptr_array_add (out, message);
  return message != NULL;
}

/* The guests of exceptions from FROM on (NULL: of all) are told that these are cancelled. */
static gboolean
cancel_guests (PnItipItem *self, const char *from, int sequence, const char *comment,
               const PnItipContext *context, GPtrArray *out, GError **error)
{
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    if (!part->key || (from && pn_itip_key_time (part->key) <= pn_itip_key_time (from)))
      continue;
    g_autoptr (PnItipPart) cancel = cancellation (part, NULL, comment);
    pn_itip_part_set_version (cancel, MAX (sequence, pn_itip_sequence (self, part) + 1), context->now);
    ok = say_to_guests (self, PN_METHOD_CANCEL, cancel, context, out, error);
  }
  return ok;
}

static void
uninvite (PnItipItem *self, PnItipPart *part, const PnAddress *attendee)
{
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *one = self->parts->pdata[i];
    PnItipLine *line
        = part->key && one != part ? NULL : pn_itip_part_find_address (one, "ATTENDEE", attendee);
    if (line)
      g_ptr_array_remove (one->lines, line);
    pn_itip_part_changed (one);
  }
}

gboolean
pn_itip_cancel (PnItipItem *self, const char *recurrence, gboolean this_and_future, const PnAddress *attendee,
                const char *comment, const PnItipContext *context, GPtrArray *out, GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, recurrence, error);
  if (!part)
    return FALSE;
  if (attendee && !pn_itip_part_find_address (part, "ATTENDEE", attendee))
    return pn_itip_refuse (error, "he is not invited");
  int sequence = pn_itip_sequence (self, part) + 1;
  g_autofree char *key = g_strdup (part->key);
  g_autoptr (PnItipPart) cancel = cancellation (part, attendee, comment);
  pn_itip_part_set_version (cancel, sequence, context->now);
  if (this_and_future && cancel->key)
    pn_itip_line_set (pn_itip_part_find (cancel, "RECURRENCE-ID"), "RANGE", "THISANDFUTURE");
  if (!say_cancel (self, cancel, context, out, error)
      || (!attendee && (!key || this_and_future)
          && !cancel_guests (self, key, sequence, comment, context, out, error)))
    return FALSE;
  if (attendee) {
    uninvite (self, part, attendee);
    pn_itip_part_set_version (part, sequence, context->now);
  } else if (key && this_and_future)
    pn_itip_truncate (self, key, sequence, context->now);
  else if (key)
    pn_itip_exclude (self, key, sequence, context->now);
  for (guint i = 0; !key && !attendee && i < self->parts->len; i++) {
    PnItipPart *one = self->parts->pdata[i];
    pn_itip_part_set (one, "STATUS", NULL, "CANCELLED");
    pn_itip_part_set_version (one, MAX (sequence, pn_itip_sequence (self, one)), context->now);
  }
  return TRUE;
}

/* -- ADD -- */

/* Leaves MESSAGE to those of its recipients who are, or are not, OUTLOOK; FALSE: there are none. */
static gboolean
leave_to (PnItipItem *self, PnMessage *message, const PnItipContext *context, gboolean outlook)
{
  for (guint i = message->recipients->len; i-- > 0;) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (pn_itip_is_outlook (self, context, recipient->address) != outlook)
      g_ptr_array_remove_index (message->recipients, i);
  }
  return message->recipients->len > 0;
}

/* To each what he understands: the instance alone, or the series that has it. */
static gboolean
say_added (PnItipItem *self, PnItipPart *part, const PnItipContext *context, GPtrArray *out, GError **error)
{
  guint first = out->len;
  if (!say_all (self, PN_METHOD_REQUEST, NULL, context, out, error))
    return FALSE;
  g_ptr_array_set_size (out, (gint) first + 1);
  if (!leave_to (self, out->pdata[first], context, TRUE))
    g_ptr_array_remove_index (out, first);
  g_autoptr (PnItipPart) added = pn_itip_part_copy (part);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  pn_itip_part_remove (added, "RECURRENCE-ID");
  g_clear_pointer (&added->key, g_free);
  g_ptr_array_add (parts, added);
  guint second = out->len;
  if (!pn_itip_say (self, PN_METHOD_ADD, parts, context, out, error))
    return FALSE;
  if (!leave_to (self, out->pdata[second], context, FALSE) && second > first)
    g_ptr_array_remove_index (out, second);
  return TRUE;
}

gboolean
pn_itip_add (PnItipItem *self, const PnCalendarTime *start, const PnCalendarTime *end,
             const PnItipContext *context, GPtrArray *out, GError **error)
{
  PnItipPart *master = pn_itip_master (self);
  if (!master)
    return pn_itip_refuse (error, "there is no series to add to");
  g_autofree char *own = pn_itip_recurrence (start);
  g_autofree char *key = own ? pn_itip_key (self, own) : NULL;
  if (!key || pn_itip_has_instance (self, key))
    return pn_itip_refuse (error, "the series has an instance at that time");
  int sequence = pn_itip_sequence (self, master) + 1;
  g_autoptr (PnItipPart) scratch = pn_itip_part_new (NULL);
  pn_itip_set_time (self, scratch, "RDATE", start);
  pn_itip_part_add (master, pn_itip_line_copy (scratch->lines->pdata[0]));
  PnItipPart *part = pn_itip_want_instance (self, key);
  if (!part)
    return pn_itip_refuse (error, "the instance cannot be made");
  if (end && end->set)
    pn_itip_set_time (self, part, g_strcmp0 (self->kind, "VTODO") == 0 ? "DUE" : "DTEND", end);
  /* To Outlook it is one of the series, for which the answers hold. */
  forget_answers (self, part, context);
  pn_itip_part_set_version (part, sequence, context->now);
  pn_itip_part_set_version (master, sequence, context->now);
  return say_added (self, part, context, out, error);
}

/* -- DECLINECOUNTER -- */

void
pn_itip_only_to (PnMessage *message, const PnAddress *attendee)
{
  g_ptr_array_set_size (message->recipients, 0);
  pn_message_add_recipient (message, PN_TO, pn_address_copy (attendee))->deliver = TRUE;
}

/* Outlook knows no such method: a person is told, and the calendar gets what holds. */
static gboolean
decline_by_mail (PnItipItem *self, const PnAddress *attendee, const char *recurrence, const char *comment,
                 const PnItipContext *context, GPtrArray *out, GError **error)
{
  guint first = out->len;
  if (!say_all (self, PN_METHOD_REQUEST, recurrence, context, out, error))
    return FALSE;
  g_ptr_array_set_size (out, (gint) first + 1);
  PnMessage *request = out->pdata[first];
  pn_itip_only_to (request, attendee);
  PnMessage *mail
      = pn_itip_mail (request, "Proposal declined", "Your proposal was declined. This holds:", comment);
  pn_itip_only_to (mail, attendee);
  g_ptr_array_insert (out, (gint) first, mail);
  return TRUE;
}

gboolean
pn_itip_decline_counter (PnItipItem *self, const PnAddress *attendee, const char *recurrence,
                         const char *comment, const PnItipContext *context, GPtrArray *out, GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, recurrence, error);
  if (!part)
    return FALSE;
  PnItipLine *proposal = pn_itip_part_find_address (part, "X-POSTERN-COUNTER", attendee);
  if (!proposal)
    return pn_itip_refuse (error, "he has proposed nothing");
  g_ptr_array_remove (part->lines, proposal);
  pn_itip_part_changed (part);
  if (pn_itip_is_outlook (self, context, attendee))
    return decline_by_mail (self, attendee, recurrence, comment, context, out, error);
  g_autoptr (PnItipPart) declined = pn_itip_part_copy (part);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_set_size (declined->inside, 0);
  pn_itip_set_text (declined, "COMMENT", comment);
  pn_itip_part_set_version (declined, pn_itip_sequence (self, part), context->now);
  g_ptr_array_add (parts, declined);
  guint first = out->len;
  if (!pn_itip_say (self, PN_METHOD_DECLINECOUNTER, parts, context, out, error))
    return FALSE;
  pn_itip_only_to (out->pdata[first], attendee);
  return TRUE;
}
