#include "convert/itip-make.h"

#include <string.h>

/* PART with the only attendee LINE, without what the organizer says. */
static PnItipPart *
answer_part (const PnItipPart *part, const PnItipLine *line, const PnItipContext *context,
             const char *comment)
{
  static const char *const kept[] = { "UID",
                                      "DTSTART",
                                      "DTEND",
                                      "DUE",
                                      "DURATION",
                                      "RECURRENCE-ID",
                                      "ORGANIZER",
                                      "SUMMARY",
                                      "SEQUENCE",
                                      "LOCATION",
                                      "X-MICROSOFT-CDO-APPT-SEQUENCE" };
  PnItipPart *answer = pn_itip_part_new (part->key);
  g_autoptr (GString) stamp = g_string_new (NULL);
  for (guint i = 0; i < part->lines->len; i++) {
    const PnItipLine *own = part->lines->pdata[i];
    for (guint j = 0; j < G_N_ELEMENTS (kept); j++)
      if (strcmp (own->name, kept[j]) == 0)
        g_ptr_array_add (answer->lines, pn_itip_line_copy (own));
  }
  pn_ical_append_utc (stamp, context->now);
  pn_itip_part_set (answer, "DTSTAMP", NULL, stamp->str);
  PnItipLine *attendee = pn_itip_line_copy (line);
  pn_itip_line_set (attendee, "RSVP", NULL);
  pn_itip_line_set (attendee, "SCHEDULE-STATUS", NULL);
  pn_itip_part_add (answer, attendee);
  pn_itip_set_text (answer, "COMMENT", comment);
  return answer;
}

/* The attendee's line in PART; who was not named, because a list was invited, speaks for himself. */
static PnItipLine *
attendee_line (PnItipPart *part, const PnAddress *attendee)
{
  PnItipLine *line = pn_itip_part_find_address (part, "ATTENDEE", attendee);
  if (line)
    return line;
  g_autofree char *uri = pn_itip_uri (attendee);
  line = pn_itip_line_new ("ATTENDEE", NULL, uri);
  if (attendee->name)
    pn_itip_line_set (line, "CN", attendee->name);
  pn_itip_part_add (part, line);
  return line;
}

static void
note_answer (PnItipItem *self, PnItipPart *part, const PnAddress *attendee, const char *partstat,
             const PnItipContext *context)
{
  PnItipLine *book = pn_itip_part_find_address (part, "X-POSTERN-ANSWER", attendee);
  if (!book) {
    g_autofree char *uri = pn_itip_uri (attendee);
    book = pn_itip_line_new ("X-POSTERN-ANSWER", NULL, uri);
    pn_itip_part_add (part, book);
  }
  pn_itip_line_set (book, "PARTSTAT", partstat);
  pn_itip_line_set_number (book, "SEQUENCE", pn_itip_sequence (self, part));
  pn_itip_line_set_number (book, "STAMP", context->now);
}

/* Exceptions that he has not answered for follow the series. */
static void
spread (PnItipItem *self, const PnAddress *attendee, const char *partstat)
{
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    PnItipLine *line = part->key ? pn_itip_part_find_address (part, "ATTENDEE", attendee) : NULL;
    if (!line || pn_itip_part_find_address (part, "X-POSTERN-ANSWER", attendee))
      continue;
    pn_itip_line_set (line, "PARTSTAT", partstat);
    pn_itip_part_changed (part);
  }
}

static PnItipLine *
set_state (PnItipItem *self, PnItipPart *part, const PnAddress *attendee, PnPartstat partstat,
           const PnItipContext *context)
{
  const char *word = pn_partstat_to_string (partstat);
  PnItipLine *line = attendee_line (part, attendee);
  pn_itip_line_set (line, "PARTSTAT", word);
  if (partstat != PN_PARTSTAT_DELEGATED)
    pn_itip_line_set (line, "DELEGATED-TO", NULL);
  note_answer (self, part, attendee, word, context);
  if (!part->key)
    spread (self, attendee, word);
  pn_itip_part_changed (part);
  return pn_itip_part_find_address (part, "ATTENDEE", attendee);
}

static void
complete_task (PnItipItem *self, PnItipPart *answer, const PnItipContext *context)
{
  g_autoptr (GString) now = g_string_new (NULL);
  if (g_strcmp0 (self->kind, "VTODO") != 0)
    return;
  pn_ical_append_utc (now, context->now);
  pn_itip_part_set (answer, "STATUS", NULL, "COMPLETED");
  pn_itip_part_set (answer, "PERCENT-COMPLETE", NULL, "100");
  pn_itip_part_set (answer, "COMPLETED", NULL, now->str);
}

static void
add_text (PnMessage *reply, PnAction action, const char *comment)
{
  const PnCalendar *calendar = reply->calendar;
  const PnAttendee *attendee = calendar->attendees->len > 0 ? calendar->attendees->pdata[0] : NULL;
  g_autofree char *who = !attendee                 ? g_strdup ("")
                         : attendee->address->name ? g_strdup (attendee->address->name)
                                                   : pn_address_to_string (attendee->address);
  g_autofree char *what = pn_ical_describe (calendar);
  const char *word = action == PN_ACTION_NONE ? "New time proposed" : pn_action_to_string (action);
  g_autofree char *text = g_strdup_printf ("%s: %s\n%s%s%s\n%s", word, who, comment && *comment ? "\n" : "",
                                           comment ? comment : "", comment && *comment ? "\n" : "", what);
  for (guint i = reply->parts->len; i-- > 0;)
    if (((PnPart *) reply->parts->pdata[i])->role == PN_PART_TEXT)
      g_ptr_array_remove_index (reply->parts, i);
  pn_message_add_part (reply, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text, -1)));
  g_free (reply->subject);
  reply->subject = g_strdup_printf ("%s: %s", word, calendar->summary ? calendar->summary : "");
  g_strchomp (g_strdelimit (reply->subject, "\r\n", ' '));
}

static gboolean
say_answer (PnItipItem *self, PnMethod method, PnItipPart *answer, const PnItipContext *context,
            GPtrArray *out, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_add (parts, answer);
  PnMessage *message = pn_itip_message (self, method, parts, context, error);
  if (!message)
    return FALSE;
  PnAction action
      = message->reports->len > 0 ? ((PnStatusReport *) message->reports->pdata[0])->action : PN_ACTION_NONE;
  if (method != PN_METHOD_REFRESH)
    add_text (message, action, message->calendar->comment);
  g_ptr_array_add (out, message);
  return TRUE;
}

gboolean
pn_itip_answer (PnItipItem *self, const PnAddress *attendee, PnPartstat partstat, const char *recurrence,
                const char *comment, const PnItipContext *context, GPtrArray *out, GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, recurrence, error);
  if (!part)
    return FALSE;
  PnItipLine *line = set_state (self, part, attendee, partstat, context);
  g_autoptr (PnItipPart) answer = answer_part (part, line, context, comment);
  if (partstat == PN_PARTSTAT_COMPLETED)
    complete_task (self, answer, context);
  pn_itip_part_remove (part, "X-POSTERN-PROPOSED");
  return say_answer (self, PN_METHOD_REPLY, answer, context, out, error);
}

/* -- delegating (RFC 5546, 3.2.2.3) -- */

/* The invitation as the delegate gets it. */
static gboolean
invite_delegate (PnItipItem *self, PnItipPart *part, const PnAddress *attendee, const PnAddress *delegate,
                 const PnItipContext *context, GPtrArray *out, GError **error)
{
  g_autofree char *uri = pn_itip_uri (delegate), *from = pn_itip_uri (attendee);
  PnItipLine *own = pn_itip_part_find_address (part, "ATTENDEE", attendee);
  g_autofree char *role = own ? pn_itip_line_get (own, "ROLE") : NULL;
  if (!pn_itip_part_find_address (part, "ATTENDEE", delegate)) {
    PnItipLine *line = pn_itip_line_new ("ATTENDEE", NULL, uri);
    pn_itip_line_set (line, "CN", delegate->name);
    pn_itip_line_set (line, "ROLE", role);
    pn_itip_line_set (line, "PARTSTAT", "NEEDS-ACTION");
    pn_itip_line_set (line, "RSVP", "TRUE");
    pn_itip_line_set (line, "DELEGATED-FROM", from);
    pn_itip_part_add (part, line);
  }
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  for (guint i = 0; i < self->parts->len; i++)
    if (!part->key || self->parts->pdata[i] == part)
      g_ptr_array_add (parts, self->parts->pdata[i]);
  PnMessage *request = pn_itip_message (self, PN_METHOD_REQUEST, parts, context, error);
  if (!request)
    return FALSE;
  pn_address_free (request->from);
  request->from = pn_address_copy (attendee);
  g_ptr_array_set_size (request->recipients, 0);
  pn_message_add_recipient (request, PN_TO, pn_address_copy (delegate))->deliver = TRUE;
  g_ptr_array_add (out, request);
  return TRUE;
}

gboolean
pn_itip_delegate (PnItipItem *self, const PnAddress *attendee, const PnAddress *delegate,
                  const char *recurrence, const char *comment, const PnItipContext *context, GPtrArray *out,
                  GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, recurrence, error);
  if (!part)
    return FALSE;
  if (pn_itip_same_address (attendee, delegate))
    return pn_itip_refuse (error, "nobody can be his own delegate");
  const PnAddress *organizer = pn_itip_calendar (self, part)->organizer;
  if (pn_itip_same_address (organizer, delegate))
    return pn_itip_refuse (error, "the organizer cannot be made a delegate");
  g_autofree char *to = pn_itip_uri (delegate);
  PnItipLine *line = set_state (self, part, attendee, PN_PARTSTAT_DELEGATED, context);
  pn_itip_line_set (line, "DELEGATED-TO", to);
  pn_itip_line_set (line, "RSVP", NULL);
  pn_itip_part_changed (part);
  /* RFC 5546 (3.2.2.3) wants the delegate's ATTENDEE beside his own, but its table (3.2.3) and its example
   * allow one only, and many readers take a reply with two for broken: DELEGATED-TO names the delegate. */
  g_autoptr (PnItipPart) answer = answer_part (part, line, context, comment);
  return say_answer (self, PN_METHOD_REPLY, answer, context, out, error)
         && invite_delegate (self, part, attendee, delegate, context, out, error);
}

/* -- COUNTER -- */

static void
put_original (PnItipPart *answer, const char *name, const PnCalendarTime *time)
{
  g_autoptr (GString) value = g_string_new (NULL);
  if (!time->set || time->is_date)
    return;
  pn_ical_append_utc (value, time->unix_time);
  pn_itip_part_set (answer, name, NULL, value->str);
}

gboolean
pn_itip_counter (PnItipItem *self, const PnAddress *attendee, const char *recurrence,
                 const PnItipChange *change, const char *comment, const PnItipContext *context,
                 GPtrArray *out, GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, recurrence, error);
  if (!part)
    return FALSE;
  const PnItipLine *forbidden = pn_itip_part_find (part, "X-MICROSOFT-DISALLOW-COUNTER");
  if (forbidden && g_ascii_strncasecmp (forbidden->value, "TRUE", 4) == 0)
    return pn_itip_refuse (error, "the organizer wants no proposals");
  PnItipLine *line = set_state (self, part, attendee, PN_PARTSTAT_TENTATIVE, context);
  g_autoptr (PnItipPart) answer = answer_part (part, line, context, comment);
  const PnCalendar *calendar = pn_itip_calendar (self, part);
  put_original (answer, "X-MS-OLK-ORIGINALSTART", &calendar->start);
  put_original (answer, "X-MS-OLK-ORIGINALEND", &calendar->end);
  pn_itip_change_part (self, answer, change);
  g_autofree char *start
      = change->start ? g_strdup_printf ("%" G_GINT64_FORMAT, change->start->unix_time) : g_strdup ("0");
  pn_itip_part_set (part, "X-POSTERN-PROPOSED", NULL, start);
  return say_answer (self, PN_METHOD_COUNTER, answer, context, out, error);
}

/* -- REFRESH -- */

gboolean
pn_itip_refresh (PnItipItem *self, const PnAddress *attendee, const PnItipContext *context, GPtrArray *out,
                 GError **error)
{
  PnItipPart *part = pn_itip_part_for (self, NULL, error);
  if (!part)
    return FALSE;
  g_autoptr (PnItipPart) scratch = pn_itip_part_copy (part);
  g_autoptr (PnItipPart) ask = answer_part (part, attendee_line (scratch, attendee), context, NULL);
  pn_itip_line_set (pn_itip_part_find (ask, "ATTENDEE"), "PARTSTAT", NULL);
  guint first = out->len;
  const PnAddress *organizer = pn_itip_item_organizer (self);
  if (!say_answer (self, PN_METHOD_REFRESH, ask, context, out, error)
      || !pn_itip_is_outlook (self, context, organizer))
    return out->len > first;
  /* It knows no such method: the person is asked. */
  g_autoptr (PnMessage) refresh = g_ptr_array_steal_index (out, first);
  PnMessage *mail
      = pn_itip_mail (refresh, "Please send again", "Please send me this once more, as it is now:", NULL);
  pn_itip_only_to (mail, organizer);
  g_ptr_array_add (out, mail);
  return TRUE;
}

/* -- VFREEBUSY -- */

gboolean
pn_itip_busy (const PnMessage *message, const PnAddress *attendee, const GPtrArray *busy,
              const PnItipContext *context, GPtrArray *out, GError **error)
{
  const PnCalendar *asked = message->calendar;
  g_autofree char *uid = asked ? pn_ical_uid (message) : NULL;
  if (!uid || message->type != PN_TYPE_SEARCH || !asked->organizer)
    return pn_itip_refuse (error, "nobody has asked when he is busy");
  g_autoptr (PnItipItem) item = pn_itip_item_new (uid, context->site_timezone);
  PnItipPart *part = pn_itip_part_new (NULL);
  g_autofree char *who = pn_itip_uri (attendee), *organizer = pn_itip_uri (asked->organizer);
  item->kind = g_strdup ("VFREEBUSY");
  pn_itip_put (item, part);
  pn_itip_set_text (part, "UID", uid);
  put_original (part, "DTSTART", &asked->start);
  put_original (part, "DTEND", &asked->end);
  pn_itip_part_set (part, "ORGANIZER", NULL, organizer);
  pn_itip_part_set (part, "ATTENDEE", NULL, who);
  pn_itip_part_set_version (part, 0, context->now);
  pn_itip_part_remove (part, "SEQUENCE");
  for (guint i = 0; i < busy->len; i++) {
    const PnBusyBlock *block = busy->pdata[i];
    g_autoptr (GString) value = g_string_new (NULL);
    pn_ical_append_utc (value, block->start);
    g_string_append_c (value, '/');
    pn_ical_append_utc (value, block->end);
    pn_itip_part_add (part, pn_itip_line_new ("FREEBUSY", NULL, value->str));
  }
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_add (parts, part);
  return pn_itip_say (item, PN_METHOD_REPLY, parts, context, out, error);
}
