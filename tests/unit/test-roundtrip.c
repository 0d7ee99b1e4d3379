/* native -> Internet mail composed anew -> native: the same message, for seeded random messages of every
 * type. */
#include <string.h>

#include "convert/ical.h"
#include "convert/mime-native-fields.h"
#include "convert/native.h"

typedef struct {
  GRand *rand;
} Maker;

static guint
below (Maker *self, guint n)
{
  return (guint) g_rand_int_range (self->rand, 0, (gint32) n);
}

static gboolean
now_and_then (Maker *self)
{
  return below (self, 3) == 0;
}

/* Words as people write them, and what is awkward in a header. */
static char *
line (Maker *self)
{
  static const char *const pieces[] = { "word",
                                        "Gr\303\274\303\237e",
                                        "re:",
                                        "\"quoted\"",
                                        "a,b;c",
                                        "(comment)",
                                        "<x@y>",
                                        "=?utf-8?Q?x?=",
                                        "50%",
                                        "\346\227\245\346\234\254\350\252\236",
                                        "\360\237\230\200",
                                        "back\\slash",
                                        "under_score",
                                        "=3D",
                                        "a.very.long.word.that.goes.on.and.on.for.a.while" };
  GString *text = g_string_new (NULL);
  for (guint n = 1 + (below (self, 8) == 0 ? below (self, 40) : below (self, 5)); n > 0; n--)
    g_string_append_printf (text, "%s%s", text->len ? " " : "", pieces[below (self, G_N_ELEMENTS (pieces))]);
  return g_string_free (text, FALSE);
}

static char *
maybe_line (Maker *self)
{
  return now_and_then (self) ? line (self) : NULL;
}

static char *
word (Maker *self)
{
  return g_strdup_printf ("w%08x", g_rand_int (self->rand));
}

static char *
text (Maker *self)
{
  static const char *const ends[] = { "\n", "\n\n", " \n", "\n.\n", "\nFrom here\n", "\n-- \n", "" };
  GString *out = g_string_new (NULL);
  for (guint n = 1 + below (self, 6); n > 0; n--) {
    g_autofree char *one = line (self);
    g_string_append_printf (out, "%s%s", one, ends[below (self, G_N_ELEMENTS (ends))]);
  }
  return g_string_free (out, FALSE);
}

static PnTime
moment (Maker *self)
{
  return (PnTime){ TRUE, 1700000000 + g_rand_int_range (self->rand, 0, 100000000),
                   g_rand_int_range (self->rand, -48, 49) * 15 };
}

static PnTime
maybe_moment (Maker *self)
{
  return now_and_then (self) ? moment (self) : (PnTime){ 0 };
}

static PnAddress *
address (Maker *self)
{
  g_autofree char *user = word (self);
  g_autofree char *spec = g_strdup_printf ("%s@example.%s", user, below (self, 2) ? "com" : "org");
  guint kind = below (self, 3);
  PnAddress *made = kind == 0 ? pn_address_new (NULL, NULL, NULL)
                              : pn_address_new (below (self, 2) ? "Dom 1" : "DOM2", "Post Office", user);
  if (kind < 2)
    made->internet = g_strdup (spec);
  if (below (self, 2)) {
    g_autofree char *name = line (self);
    made->name = g_strconcat ("N ", name, NULL);
  }
  return made;
}

/* An address whose name stands in a calendar, too. */
static PnAddress *
person (Maker *self)
{
  PnAddress *made = address (self);
  g_free (made->name);
  made->name = g_strdup (below (self, 2) ? "Anna Baum" : "J\303\266rg Zw\303\266lf");
  return made;
}

static char *
group (Maker *self)
{
  g_autofree char *name = line (self);
  switch (below (self, 4)) {
  case 0:
    return g_strconcat ("\"", name, "\"", NULL);
  case 1:
    return g_steal_pointer (&name);
  default:
    return g_strconcat ("G ", name, NULL);
  }
}

static void
add_recipients (Maker *self, PnMessage *message)
{
  for (guint n = 1 + below (self, 4); n > 0; n--) {
    PnRecipient *recipient
        = pn_message_add_recipient (message, (PnDistribution) below (self, 3), address (self));
    if (now_and_then (self))
      recipient->deliver = FALSE;
    if (now_and_then (self))
      recipient->listed = !recipient->listed;
    if (now_and_then (self) && recipient->listed && recipient->distribution != PN_BC)
      recipient->group = group (self);
    if (now_and_then (self))
      recipient->dsn_notify = g_strdup ("SUCCESS,FAILURE");
    if (now_and_then (self))
      recipient->dsn_orcpt = g_strdup ("rfc822;orig+2Bx@example.org");
  }
}

static void
add_body (Maker *self, PnMessage *message)
{
  if (below (self, 4)) {
    g_autofree char *body = text (self);
    pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (body, -1)));
  }
  if (!now_and_then (self))
    return;
  g_autofree char *body = line (self);
  g_autofree char *html
      = g_strdup_printf ("<html><body>\n<p>%s</p>\n<img src=\"cid:picture@example.com\">\n</body></html>%s",
                         body, below (self, 2) ? "\n" : "");
  pn_message_add_part (message, pn_part_new (PN_PART_HTML, "text/html", pn_content_new_text (html, -1)));
  if (below (self, 2))
    return;
  PnPart *picture = pn_part_new (PN_PART_INLINE, "image/png", pn_content_new_text ("\211PNG\r\n\032\n\0", 9));
  picture->content_id = g_strdup ("picture@example.com");
  picture->name = g_strdup ("picture.png");
  pn_message_add_part (message, picture);
}

static void
add_files (Maker *self, PnMessage *message)
{
  static const char *const names[] = { "report.pdf", "two words.txt", "Gr\303\266\303\237e.docx",
                                       "\346\227\245\346\234\254\350\252\236.xls", "semi;colon.bin" };
  for (guint n = below (self, 4); n > 0; n--) {
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    for (guint k = below (self, 400); k > 0; k--)
      g_byte_array_append (bytes, &(guint8){ (guint8) g_rand_int (self->rand) }, 1);
    PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream",
                                pn_content_new_text ((char *) bytes->data, bytes->len));
    part->name = g_strdup (names[below (self, G_N_ELEMENTS (names))]);
    part->created = maybe_moment (self);
    part->modified = maybe_moment (self);
    part->description = maybe_line (self);
    pn_message_add_part (message, part);
  }
  if (!now_and_then (self))
    return;
  PnPart *inner
      = pn_part_new (PN_PART_ATTACHMENT, "message/rfc822",
                     pn_content_new_text ("From: a@example.com\r\nSubject: inner\r\n\r\nText\r\n", -1));
  inner->name = g_strdup ("inner.eml");
  pn_message_add_part (message, inner);
}

static void
add_common (Maker *self, PnMessage *message)
{
  message->id = word (self);
  message->orig_id = now_and_then (self) ? word (self) : NULL;
  message->date = moment (self);
  message->from = below (self, 8) ? address (self) : NULL;
  message->sender = now_and_then (self) ? address (self) : NULL;
  for (guint n = now_and_then (self) ? below (self, 3) : 0; n > 0; n--)
    g_ptr_array_add (message->reply_to, address (self));
  add_recipients (self, message);
  message->to_text = maybe_line (self);
  message->cc_text = maybe_line (self);
  message->subject = below (self, 8) ? line (self) : NULL;
  message->priority = (PnPriority) below (self, 3);
  message->security = (PnSecurity) below (self, 6);
  message->status_request = below (self, 8);
  message->send_options = maybe_line (self);
  message->distribute_date = maybe_moment (self);
  message->expires = maybe_moment (self);
  message->respond_by = maybe_moment (self);
  message->message_id = now_and_then (self) ? g_strdup ("given-id@example.com") : NULL;
  message->in_reply_to = now_and_then (self) ? g_strdup ("earlier@example.org") : NULL;
  for (guint n = now_and_then (self) ? below (self, 5) : 0; n > 0; n--)
    g_ptr_array_add (message->references, g_strdup_printf ("reference-%u@example.org", n));
  message->auto_generated = now_and_then (self);
  for (guint n = now_and_then (self) ? below (self, 3) : 0; n > 0; n--) {
    PnExtraKeyword *extra = g_new0 (PnExtraKeyword, 1);
    extra->name = g_strdup ("Msg-View");
    extra->text = g_strdup ("A= b\\;c;");
    g_ptr_array_add (message->extra, extra);
  }
}

/* --- calendars ---------------------------------------------------------------------------------------------
 */

static void
set_time (PnCalendarTime *time, const char *tzid, gboolean date, guint day, guint hour)
{
  time->set = TRUE;
  time->is_date = date;
  time->year = 2026;
  time->month = 6;
  time->day = (int) day;
  if (!date) {
    time->hour = (int) hour;
    time->minute = 30;
    time->tzid = g_strdup (tzid);
  }
  g_assert_true (pn_timezone_to_unix (tzid && !date ? tzid : "UTC", 2026, 6, (int) day, time->hour,
                                      time->minute, 0, &time->unix_time));
}

static void
add_attendees (Maker *self, PnCalendar *calendar)
{
  static const char *const roles[] = { "REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT" };
  for (guint n = 1 + below (self, 3); n > 0; n--) {
    PnAttendee *attendee = g_new0 (PnAttendee, 1);
    attendee->address = person (self);
    attendee->role = g_strdup (roles[below (self, G_N_ELEMENTS (roles))]);
    attendee->cutype = g_strdup (below (self, 2) ? "INDIVIDUAL" : "RESOURCE");
    attendee->rsvp = below (self, 2);
    attendee->partstat = below (self, 2) ? PN_PARTSTAT_NEEDS_ACTION : PN_PARTSTAT_ACCEPTED;
    g_ptr_array_add (calendar->attendees, attendee);
  }
}

/* What only some calendar items say. */
static void
add_rarities (Maker *self, PnCalendar *made, const char *zone)
{
  static const PnMethod methods[] = { PN_METHOD_REQUEST, PN_METHOD_PUBLISH, PN_METHOD_CANCEL };
  gboolean event = g_str_equal (made->component, "VEVENT");
  if (now_and_then (self))
    made->method = methods[below (self, G_N_ELEMENTS (methods))];
  if (event && now_and_then (self)) {
    set_time (&made->recurrence_id, zone, made->all_day, 3, 9);
    g_clear_pointer (&made->rrule, g_free);
  } else if (made->rrule && now_and_then (self)) {
    g_ptr_array_add (made->exdates, g_strdup (made->all_day ? "EXDATE;VALUE=DATE:20260625" : "EXDATE:20260625T073000Z"));
    g_ptr_array_add (made->rdates, g_strdup (made->all_day ? "RDATE;VALUE=DATE:20260701" : "RDATE:20260701T073000Z"));
  }
  if (now_and_then (self))
    made->organizer_sent_by = g_strdup ("desk@example.com");
  if (now_and_then (self))
    made->comment = line (self);
  if (!g_str_equal (made->component, "VJOURNAL") && made->method != PN_METHOD_CANCEL && now_and_then (self)) {
    made->alarm_set = TRUE;
    made->alarm = 60 * (int) below (self, 100);
  }
  if (now_and_then (self))
    g_ptr_array_add (made->properties, g_strdup ("CATEGORIES:One,Two"));
  if (g_str_equal (made->component, "VTODO") && now_and_then (self)) {
    made->status = g_strdup ("COMPLETED");
    made->percent_complete = 100;
    made->completed = (PnTime){ TRUE, 1772438400, 0 };
  }
  if (made->method == PN_METHOD_CANCEL) {
    g_free (made->status);
    made->status = g_strdup ("CANCELLED");
  }
  PnAttendee *attendee = made->attendees->pdata[0];
  if (now_and_then (self)) {
    attendee->delegated_to = g_strdup ("other@example.com");
    attendee->partstat = PN_PARTSTAT_DELEGATED;
  }
  if (now_and_then (self))
    attendee->delegated_from = g_strdup ("former@example.com");
  if (now_and_then (self))
    attendee->sent_by = g_strdup ("clerk@example.com");
}

static PnCalendar *
calendar (Maker *self, const char *component)
{
  static const char *const zones[] = { NULL, "Europe/Berlin", "America/New_York" };
  PnCalendar *made = pn_calendar_new ();
  gboolean task = g_str_equal (component, "VTODO"), note = g_str_equal (component, "VJOURNAL");
  made->method = PN_METHOD_REQUEST;
  made->component = g_strdup (component);
  made->uid = word (self);
  made->sequence = (int) below (self, 3);
  made->stamp = (PnTime){ TRUE, 1772438400, 0 };
  made->all_day = note || now_and_then (self);
  const char *zone = zones[below (self, G_N_ELEMENTS (zones))];
  guint day = 1 + below (self, 20);
  set_time (&made->start, zone, made->all_day, day, 9);
  if (!note)
    set_time (&made->end, zone, made->all_day, day + 1, 11);
  made->summary = line (self);
  made->description = maybe_line (self);
  made->place = task || note ? NULL : maybe_line (self);
  if (!task && !note && now_and_then (self))
    made->rrule = g_strdup ("FREQ=WEEKLY;COUNT=5");
  made->organizer = person (self);
  add_attendees (self, made);
  made->klass = g_strdup (below (self, 2) ? "PUBLIC" : "PRIVATE");
  if (!task && !note) {
    made->transparent = below (self, 2);
    made->busy_status = g_strdup (made->transparent ? "FREE" : "BUSY");
    made->status = g_strdup ("CONFIRMED");
  }
  made->priority = task || !note ? 5 : 0;
  if (task && now_and_then (self))
    made->percent_complete = (int) below (self, 100);
  add_rarities (self, made, zone);
  return made;
}

/* --- the types ---------------------------------------------------------------------------------------------
 */

static void
make_calendar (Maker *self, PnMessage *message)
{
  const char *component = message->type == PN_TYPE_TASK   ? "VTODO"
                          : message->type == PN_TYPE_NOTE ? "VJOURNAL"
                                                          : "VEVENT";
  message->calendar = calendar (self, component);
  g_free (message->subject);
  message->subject = g_strdup (message->calendar->summary);
  if (message->type == PN_TYPE_TASK) {
    message->task_category = g_strdup ("B");
    message->task_priority = 1;
  }
}

static void
make_phone (Maker *self, PnMessage *message)
{
  message->caller_name = maybe_line (self);
  message->caller_company = maybe_line (self);
  message->caller_phone = maybe_line (self);
  message->call_action = below (self, 128);
}

static void
make_status (Maker *self, PnMessage *message)
{
  for (guint n = 1 + below (self, 3); n > 0; n--) {
    PnStatusReport *report = g_new0 (PnStatusReport, 1);
    report->action = (PnAction) (1 + below (self, PN_ACTION_RETRACTED));
    report->time = maybe_moment (self);
    report->recipient = below (self, 4) ? address (self) : NULL;
    report->original_recipient = now_and_then (self) ? g_strdup ("first@example.org") : NULL;
    report->wording = now_and_then (self) ? g_strdup ("expanded") : NULL;
    report->status_code = now_and_then (self) ? g_strdup ("5.1.1") : NULL;
    report->diagnostic = maybe_line (self);
    report->remote_mta = now_and_then (self) ? g_strdup ("mx.example.net") : NULL;
    report->comment = maybe_line (self);
    g_ptr_array_add (message->reports, report);
  }
  message->envelope_id = now_and_then (self) ? word (self) : NULL;
}

static void
make_search (Maker *self, PnMessage *message)
{
  message->begin_time = moment (self);
  message->end_time = moment (self);
  message->busy_for = below (self, 2) ? address (self) : NULL;
  for (guint n = below (self, 4); n > 0; n--) {
    PnBusyBlock *block = g_new (PnBusyBlock, 1);
    block->start = 1772438400 + n * 7200;
    block->end = block->start + 3600;
    g_ptr_array_add (message->busy, block);
  }
}

/* Directory entries, groups inside them. */
static void
make_admin (Maker *self, PnMessage *message)
{
  static const char *const names[] = { "DS-User", "DS-Group", "DS-Resource", "DS-External-Post-Office" };
  for (guint n = 1 + below (self, 4); n > 0; n--) {
    g_autofree char *user = word (self);
    PnExtraKeyword *entry = g_new0 (PnExtraKeyword, 1);
    entry->name = g_strdup (names[below (self, G_N_ELEMENTS (names))]);
    entry->text = g_strdup_printf (" Operation= Add; Domain= FAR; Post-Office= ONE; Object= %s;"
                                   " Last-Name= \\\\; Gw-Alias= Type= exchange; External-Name= %s@FAR; ; ",
                                   user, user);
    g_ptr_array_add (message->extra, entry);
  }
}

static PnMessage *
make (Maker *self, PnMessageType type)
{
  PnMessage *message = pn_message_new (type);
  add_common (self, message);
  add_body (self, message);
  add_files (self, message);
  if (type == PN_TYPE_APPOINTMENT || type == PN_TYPE_TASK || type == PN_TYPE_NOTE)
    make_calendar (self, message);
  else if (type == PN_TYPE_PHONE)
    make_phone (self, message);
  else if (type == PN_TYPE_STATUS)
    make_status (self, message);
  else if (type == PN_TYPE_SEARCH)
    make_search (self, message);
  else if (type == PN_TYPE_ADMIN)
    make_admin (self, message);
  return message;
}

/* --- there and back
 * ------------------------------------------------------------------------------------------ */

static GBytes *
to_mime (PnMessage *message)
{
  const PnMimeWriteOptions options = { .host = "gw.example.com",
                                       .default_domain = "example.net",
                                       .now = 1772438400,
                                       .ignore_skeleton = TRUE,
                                       .keep_bcc = TRUE,
                                       .native_fields = TRUE };
  GByteArray *array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  pn_mime_write (message, &options, &sink, &error);
  g_assert_no_error (error);
  return g_byte_array_free_to_bytes (array);
}

static PnMessage *
from_mime (GBytes *mime)
{
  const PnMimeOptions options = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_source_new_bytes (mime);
  PnMessage *message = pn_mime_read (source, &options, &error);
  g_assert_no_error (error);
  g_assert_true (pn_native_fields_restore (message, source, &error));
  return message;
}

static PnMessage *
through_native (PnMessage *message)
{
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  pn_native_write (message, &sink, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) source = pn_source_new_copy (array->data, array->len);
  PnMessage *back = pn_native_read (source, &error);
  g_assert_no_error (error);
  return back;
}

static void
test_type (gconstpointer data)
{
  PnMessageType type = (PnMessageType) GPOINTER_TO_INT (data);
  for (guint seed = 1; seed <= 700; seed++) {
    Maker maker = { g_rand_new_with_seed (seed * 8 + type) };
    g_autoptr (PnMessage) made = make (&maker, type);
    g_rand_free (maker.rand);
    g_autoptr (PnMessage) message = through_native (made);
    g_autoptr (GBytes) mime = to_mime (message);
    g_autoptr (PnMessage) back = from_mime (mime);
    g_autofree char *difference = NULL;
    g_autoptr (GError) error = NULL;
    if (pn_message_equivalent (message, back, &difference, &error))
      continue;
    g_assert_no_error (error);
    g_test_message ("%.*s", (int) g_bytes_get_size (mime), (char *) g_bytes_get_data (mime, NULL));
    g_error ("%s, seed %u: %s", pn_message_type_to_string (type), seed, difference);
  }
}

/* --- over the Internet: without the fields that only conversions write ------------------------------------ */

static PnMessage *
over_internet (PnMessage *message)
{
  const PnMimeWriteOptions options = { .host = "gw.example.com", .default_domain = "example.net", .now = 1772438400 };
  const PnMimeOptions reading = { 0 };
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  pn_mime_write (message, &options, &sink, &error);
  g_assert_no_error (error);
  g_test_message ("%.*s", (int) array->len, (char *) array->data);
  g_autoptr (PnSource) source = pn_source_new_copy (array->data, array->len);
  PnMessage *back = pn_mime_read (source, &reading, &error);
  g_assert_no_error (error);
  g_assert_cmpint (back->type, ==, message->type);
  g_assert_cmpstr (back->subject, ==, message->subject);
  return back;
}

static PnMessage *
internet_message (PnMessageType type)
{
  PnMessage *message = pn_message_new (type);
  message->id = g_strdup ("I1");
  message->subject = g_strdup ("Gr\303\274\303\237e");
  message->date = (PnTime){ TRUE, 1772438400, 60 };
  message->from = pn_address_new_internet ("anna@example.com", "Anna Baum");
  pn_message_add_recipient (message, PN_TO, pn_address_new_internet ("bert@example.org", NULL));
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Text.\n", -1)));
  return message;
}

static void
test_internet_phone (void)
{
  g_autoptr (PnMessage) message = internet_message (PN_TYPE_PHONE);
  message->caller_name = g_strdup ("J\303\266rg; \"the\" caller");
  message->caller_company = g_strdup ("Example, Inc.");
  message->caller_phone = g_strdup ("+49 (30) 123-4 x5");
  message->call_action = PN_CALL_TELEPHONED | PN_CALL_URGENT | PN_CALL_CAME_TO_SEE_YOU;
  g_autoptr (PnMessage) back = over_internet (message);
  g_assert_cmpstr (back->caller_name, ==, message->caller_name);
  g_assert_cmpstr (back->caller_company, ==, message->caller_company);
  g_assert_cmpstr (back->caller_phone, ==, message->caller_phone);
  g_assert_cmpuint (back->call_action, ==, message->call_action);
}

static void
test_internet_task (void)
{
  g_autoptr (PnMessage) message = internet_message (PN_TYPE_TASK);
  Maker maker = { g_rand_new_with_seed (1) };
  PnCalendar *made = message->calendar = calendar (&maker, "VTODO");
  g_rand_free (maker.rand);
  message->task_category = g_strdup ("B");
  message->task_priority = 2;
  g_free (message->subject);
  message->subject = g_strdup (made->summary);
  made->percent_complete = 40;
  g_autoptr (PnMessage) back = over_internet (message);
  g_assert_cmpstr (back->task_category, ==, "B");
  g_assert_cmpint (back->task_priority, ==, 2);
  g_assert_cmpint (back->calendar->percent_complete, ==, 40);
  g_assert_cmpint (back->calendar->end.unix_time, ==, made->end.unix_time);
  g_assert_cmpint (back->calendar->start.unix_time, ==, made->start.unix_time);
  g_assert_cmpuint (back->calendar->attendees->len, ==, made->attendees->len);
}

static void
test_internet_note (void)
{
  g_autoptr (PnMessage) message = internet_message (PN_TYPE_NOTE);
  Maker maker = { g_rand_new_with_seed (2) };
  PnCalendar *made = message->calendar = calendar (&maker, "VJOURNAL");
  g_rand_free (maker.rand);
  g_free (message->subject);
  message->subject = g_strdup (made->summary);
  g_autoptr (PnMessage) back = over_internet (message);
  g_assert_true (back->calendar->start.is_date);
  g_assert_cmpint (back->calendar->start.day, ==, made->start.day);
  g_assert_cmpstr (back->calendar->summary, ==, made->summary);
  g_assert_cmpstr (back->calendar->uid, ==, made->uid);
}

static void
test_internet_status (void)
{
  g_autoptr (PnMessage) message = internet_message (PN_TYPE_STATUS);
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = PN_ACTION_UNDELIVERABLE;
  report->time = (PnTime){ TRUE, 1772438400, 60 };
  report->recipient = pn_address_new_internet ("nobody@example.org", NULL);
  report->original_recipient = g_strdup ("old@example.org");
  report->status_code = g_strdup ("5.1.1");
  report->diagnostic = g_strdup ("550 5.1.1 No such user");
  report->remote_mta = g_strdup ("mx.example.org");
  report->comment = g_strdup ("A word of comment");
  g_ptr_array_add (message->reports, report);
  message->in_reply_to = g_strdup ("original@example.com");
  g_autoptr (PnMessage) back = over_internet (message);
  g_assert_cmpuint (back->reports->len, ==, 1);
  const PnStatusReport *read = back->reports->pdata[0];
  g_assert_cmpint (read->action, ==, report->action);
  g_assert_cmpint (read->time.unix_time, ==, report->time.unix_time);
  g_assert_cmpstr (read->recipient->internet, ==, "nobody@example.org");
  g_assert_cmpstr (read->original_recipient, ==, "old@example.org");
  g_assert_cmpstr (read->status_code, ==, "5.1.1");
  g_assert_cmpstr (read->diagnostic, ==, report->diagnostic);
  g_assert_cmpstr (read->remote_mta, ==, "mx.example.org");
  g_assert_cmpstr (read->comment, ==, report->comment);
  g_assert_cmpstr (back->in_reply_to, ==, "original@example.com");
}

static void
test_internet_search (void)
{
  g_autoptr (PnMessage) message = internet_message (PN_TYPE_SEARCH);
  message->orig_id = g_strdup ("I0");
  message->begin_time = (PnTime){ TRUE, 1772438400, 0 };
  message->end_time = (PnTime){ TRUE, 1772524800, 0 };
  message->busy_for = pn_address_new_internet ("anna@example.com", "Anna Baum");
  for (guint i = 0; i < 2; i++) {
    PnBusyBlock *block = g_new (PnBusyBlock, 1);
    *block = (PnBusyBlock){ 1772440000 + i * 7200, 1772443600 + i * 7200 };
    g_ptr_array_add (message->busy, block);
  }
  g_autoptr (PnMessage) back = over_internet (message);
  g_assert_cmpint (back->begin_time.unix_time, ==, message->begin_time.unix_time);
  g_assert_cmpint (back->end_time.unix_time, ==, message->end_time.unix_time);
  g_assert_cmpstr (back->busy_for->internet, ==, "anna@example.com");
  g_assert_cmpuint (back->busy->len, ==, 2);
  const PnBusyBlock *second = back->busy->pdata[1];
  g_assert_cmpint (second->start, ==, 1772447200);
  g_assert_cmpint (second->end, ==, 1772450800);
}

/* Directory entries are nobody's business outside, nor believed from there: what is left out is named. */
static void
test_internet_admin (void)
{
  g_autoptr (PnMessage) message = internet_message (PN_TYPE_ADMIN);
  Maker maker = { g_rand_new_with_seed (3) };
  make_admin (&maker, message);
  g_rand_free (maker.rand);
  const PnMimeWriteOptions options = { .host = "gw.example.com", .now = 1772438400 };
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_assert_true (pn_mime_write (message, &options, &sink, NULL));
  for (guint i = 0; i <= message->extra->len; i++) {
    const char *name = i < message->extra->len ? ((PnExtraKeyword *) message->extra->pdata[i])->name : "Msg-Type";
    gboolean found = FALSE;
    for (guint j = 0; j < message->losses->len; j++)
      found |= g_str_equal (((PnLoss *) message->losses->pdata[j])->part, name);
    g_assert_true (found);
  }
  g_autofree char *text = g_strndup ((char *) array->data, array->len);
  g_assert_null (strstr (text, "DS-"));
}

int
main (int argc, char **argv)
{
  static const PnMessageType types[] = { PN_TYPE_MAIL,  PN_TYPE_APPOINTMENT, PN_TYPE_TASK,   PN_TYPE_NOTE,
                                         PN_TYPE_PHONE, PN_TYPE_STATUS,      PN_TYPE_SEARCH, PN_TYPE_ADMIN };
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autofree char *path = g_strdup_printf ("/roundtrip/%s", pn_message_type_to_string (types[i]));
    g_test_add_data_func (path, GINT_TO_POINTER (types[i]), test_type);
  }
  g_test_add_func ("/roundtrip/internet/phone", test_internet_phone);
  g_test_add_func ("/roundtrip/internet/task", test_internet_task);
  g_test_add_func ("/roundtrip/internet/note", test_internet_note);
  g_test_add_func ("/roundtrip/internet/status", test_internet_status);
  g_test_add_func ("/roundtrip/internet/search", test_internet_search);
  g_test_add_func ("/roundtrip/internet/admin", test_internet_admin);
  return g_test_run ();
}
