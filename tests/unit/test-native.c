/* Queue files: nothing may be lost, and nothing damaged may pass. */
#include <string.h>

#include "convert/fields.h"
#include "convert/native.h"
#include "tests/unit/random-message.h"

static PnSource *
write_message (PnMessage *message, GByteArray **out)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_assert_true (pn_native_write (message, &sink, &error));
  g_assert_no_error (error);
  PnSource *source = pn_source_new_copy (array->data, array->len);
  if (out)
    *out = g_steal_pointer (&array);
  return source;
}

static void
add_extra (PnMessage *message, const char *name, char *text)
{
  PnExtraKeyword *extra = g_new0 (PnExtraKeyword, 1);
  extra->name = g_strdup (name);
  extra->text = text;
  g_ptr_array_add (message->extra, extra);
}

static void
assert_identical (PnMessage *a, PnMessage *b)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *difference = NULL;
  if (!pn_message_identical (a, b, &difference, &error))
    g_error ("not identical: %s%s", difference ? difference : "", error ? error->message : "");
}

static void
test_random (void)
{
  RandomMessage random = { g_rand_new_with_seed (2024), FALSE };
  for (guint round = 0; round < 2000; round++) {
    g_autoptr (PnMessage) message = random_message (&random, round % 8);
    if (round % 3 == 0)
      add_extra (message, "Msg-View", pn_keyword_escape ("Mail; view\n"));
    if (round % 5 == 0)
      add_extra (message, "DS-User",
                 g_strdup ("\r\n Operation= List;\r\n Gw-Alias=\r\n  Type= a;\r\n ;\r\n"));
    if (round % 7 == 0)
      add_extra (message, "-GET-DIRECTORY-", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (PnSource) source = write_message (message, NULL);
    g_autoptr (PnMessage) again = pn_native_read (source, &error);
    g_assert_no_error (error);
    g_assert_true (pn_native_verify (again, &error));
    assert_identical (message, again);
    g_autoptr (PnMessage) head = pn_native_read_head (source, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (head->parts->len, ==, message->parts->len);
    g_assert_cmpuint (head->recipients->len, ==, message->recipients->len);
  }
  g_rand_free (random.rand);
}

static PnMessage *
small_message (void)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->id = g_strdup ("65F0A001.0001.0002.003");
  message->from = pn_address_new ("NORTH", "MILL", "ada");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("SOUTH", "FORGE", "ben"));
  message->subject = g_strdup ("Keys; doors, and gates");
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Hello\n", -1)));
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "application/pdf", pn_content_new_text ("0123456789", -1));
  part->name = g_strdup ("report.pdf");
  pn_message_add_part (message, part);
  return message;
}

/* An invitation that uses most keywords, kept in samples/native/everything.pnm: the format must not change
 * unnoticed. POSTERN_UPDATE_GOLDEN=1 writes it anew. */
static PnMessage *
full_message (void)
{
  PnMessage *message = small_message ();
  message->type = PN_TYPE_APPOINTMENT;
  message->date = (PnTime){ TRUE, 1710234000, 60 };
  message->sender = pn_address_new_internet ("desk@north.example", "Front \"desk\"");
  g_ptr_array_add (message->reply_to, pn_address_new_internet ("ada@north.example", NULL));
  PnRecipient *outside = pn_message_add_recipient (
      message, PN_CC, pn_address_new_internet ("dora@example.org", "Dora Sm\xc3\xadth"));
  outside->group = g_strdup ("Friends");
  outside->dsn_notify = g_strdup ("FAILURE,DELAY");
  outside->dsn_orcpt = g_strdup ("rfc822;dora@example.org");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("SOUTH", "FORGE", "cleo"))->deliver = FALSE;
  pn_message_add_recipient (message, PN_BC, pn_address_new ("SOUTH", "FORGE", "emil"));
  message->to_text = g_strdup ("Ben, Cleo");
  message->envelope_from = g_strdup ("");
  message->priority = PN_PRIORITY_HIGH;
  message->security = PN_SECURITY_FOR_YOUR_EYES_ONLY;
  message->status_request = PN_STATUS_REQUEST_DELIVERED | PN_STATUS_REQUEST_OPENED;
  message->expires = (PnTime){ TRUE, 1711000000, -210 };
  message->message_id = g_strdup ("1@north.example");
  g_ptr_array_add (message->references, g_strdup ("0@north.example"));
  pn_message_add_loss (message, "header Subject", "raw 8-bit text was taken for windows-1252");
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->method = PN_METHOD_REQUEST;
  calendar->component = g_strdup ("VEVENT");
  calendar->uid = g_strdup ("7f3a@north.example");
  calendar->sequence = 2;
  calendar->start
      = (PnCalendarTime){ TRUE, FALSE, FALSE, 2024, 3, 12, 10, 0, 0, g_strdup ("Europe/Rome"), 1710234000 };
  calendar->end
      = (PnCalendarTime){ TRUE, FALSE, FALSE, 2024, 3, 12, 11, 30, 0, g_strdup ("Europe/Rome"), 1710239400 };
  calendar->description = g_strdup ("Bring:\n  - gloves\n  - a saw");
  calendar->rrule = g_strdup ("FREQ=WEEKLY;COUNT=4");
  g_ptr_array_add (calendar->exdates, g_strdup ("EXDATE;TZID=Europe/Rome:20240319T100000"));
  calendar->organizer = pn_address_new ("NORTH", "MILL", "ada");
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  attendee->address = pn_address_new ("SOUTH", "FORGE", "ben");
  attendee->rsvp = TRUE;
  g_ptr_array_add (calendar->attendees, attendee);
  calendar->alarm_set = TRUE;
  calendar->alarm = 900;
  return message;
}

static void
test_golden (void)
{
  static const char path[] = SRCDIR "/samples/native/everything.pnm";
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = full_message ();
  g_autoptr (GByteArray) array = NULL;
  g_autoptr (PnSource) source = write_message (message, &array);
  g_autofree char *golden = NULL;
  gsize length;
  if (g_getenv ("POSTERN_UPDATE_GOLDEN"))
    g_file_set_contents (path, (char *) array->data, array->len, NULL);
  g_assert_true (g_file_get_contents (path, &golden, &length, &error));
  g_byte_array_append (array, (guint8 *) "", 1);
  g_assert_cmpstr ((char *) array->data, ==, golden);
  g_autoptr (PnMessage) read = pn_native_read (source, &error);
  assert_identical (message, read);
}

static void
assert_fails (const guint8 *data, gsize length, int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_source_new_copy (data, length);
  g_autoptr (PnMessage) read = pn_native_read (source, &error);
  if (read)
    g_assert_false (pn_native_verify (read, &error));
  g_assert_error (error, PN_CONVERT_ERROR, code);
  if (!strstr (error->message, message))
    g_error ("\"%s\" does not say \"%s\"", error->message, message);
}

static void
test_damaged (void)
{
  g_autoptr (PnMessage) message = small_message ();
  g_autoptr (GByteArray) array = NULL;
  g_autoptr (PnSource) source = write_message (message, &array);
  assert_fails (array->data, array->len - 3, PN_CONVERT_ERROR_TRUNCATED,
                "part 2 (report.pdf) is cut off: 3 of 10 bytes are missing");
  assert_fails (array->data, array->len - 12, PN_CONVERT_ERROR_TRUNCATED,
                "part 1 is cut off: 2 of 6 bytes are missing");
  assert_fails (array->data, 20, PN_CONVERT_ERROR_TRUNCATED, "-END-");
  assert_fails (array->data, 0, PN_CONVERT_ERROR_TRUNCATED, "-END-");
  g_byte_array_append (array, (guint8 *) "xy", 2);
  assert_fails (array->data, array->len, PN_CONVERT_ERROR_SYNTAX, "2 bytes follow the last part");
  array->data[array->len - 3] ^= 1;
  assert_fails (array->data, array->len - 2, PN_CONVERT_ERROR_DIGEST, "part 2 (report.pdf): SHA-256 is");
  array->data[array->len - 3] ^= 1;
  char *subject = strstr ((char *) array->data, "Subject");
  subject[7] = ':';
  assert_fails (array->data, array->len - 2, PN_CONVERT_ERROR_SYNTAX,
                "line 13 column 1: a keyword and '=' belong here");
  subject[7] = '=';
  subject[9] = (char) 0xff;
  assert_fails (array->data, array->len - 2, PN_CONVERT_ERROR_SYNTAX, "line 13 column 10: not UTF-8");
}

/* A time that no clock shows is none: others reckon with it. */
static void
test_bad_times (void)
{
  static const PnCalendarTime times[] = {
    { .set = TRUE, .year = 2026, .month = 99, .day = 1 },
    { .set = TRUE, .year = 2026, .month = G_MININT, .day = 1 },
    { .set = TRUE, .year = G_MAXINT, .month = 1, .day = 1 },
    { .set = TRUE, .year = 2026, .month = 1, .day = 1, .hour = G_MAXINT },
    { .set = TRUE, .year = 2026, .month = 1, .day = 1, .unix_time = G_MAXINT64 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autoptr (PnMessage) message = small_message ();
    g_autoptr (GByteArray) array = NULL;
    g_autoptr (GError) error = NULL;
    message->type = PN_TYPE_APPOINTMENT;
    message->calendar = pn_calendar_new ();
    message->calendar->start = times[i];
    g_autoptr (PnSource) source = write_message (message, &array);
    g_autoptr (PnMessage) back = pn_native_read (source, &error);
    g_assert_no_error (error);
    g_assert_false (back->calendar->start.set);
    g_assert_cmpuint (back->losses->len, ==, 1);
  }
}

/* Every prefix of a queue file must be refused, and no change of one byte may crash. */
static void
test_every_cut (void)
{
  g_autoptr (PnMessage) message = small_message ();
  g_autoptr (GByteArray) array = NULL;
  g_autoptr (PnSource) source = write_message (message, &array);
  for (gsize n = 0; n < array->len; n++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnSource) cut = pn_source_new_copy (array->data, n);
    g_assert_null (pn_native_read (cut, &error));
    g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED);
  }
  for (gsize i = 0; i < array->len; i++)
    for (guint bit = 0; bit < 8; bit++) {
      array->data[i] ^= 1 << bit;
      g_autoptr (PnSource) changed = pn_source_new_copy (array->data, array->len);
      g_autoptr (PnMessage) read = pn_native_read (changed, NULL);
      if (read)
        pn_native_verify (read, NULL);
      array->data[i] ^= 1 << bit;
    }
}

/* A source that tells how far it was read. */
typedef struct {
  PnSource base;
  PnSource *inner;
  guint64 furthest;
} Watched;

static gssize
watched_read (PnSource *source, guint64 offset, void *buffer, gsize length, GError **error)
{
  Watched *self = (Watched *) source;
  self->furthest = MAX (self->furthest, offset + length);
  return pn_source_read (self->inner, offset, buffer, length, error) ? (gssize) length : -1;
}

static void
watched_free (PnSource *source)
{
  pn_source_unref (((Watched *) source)->inner);
  g_free (source);
}

static const PnSourceClass watched_class = { watched_read, watched_free };

static void
test_head_only (void)
{
  g_autoptr (PnMessage) message = small_message ();
  gsize size = 3 * 1024 * 1024;
  g_autoptr (GBytes) zeros = g_bytes_new_take (g_malloc0 (size), size);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_ATTACHMENT, "application/zip", pn_content_new_bytes (zeros)));
  for (guint i = 0; i < 3000; i++) {
    g_autofree char *user = g_strdup_printf ("user%u", i);
    pn_message_add_recipient (message, i % 2 ? PN_TO : PN_CC, pn_address_new ("SOUTH", "FORGE", user));
  }
  Watched *watched = g_new0 (Watched, 1);
  watched->inner = write_message (message, NULL);
  pn_source_init (&watched->base, &watched_class, watched->inner->size, NULL);
  g_autoptr (PnSource) source = &watched->base;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) head = pn_native_read_head (source, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (head->recipients->len, ==, 3001);
  g_assert_cmpuint (watched->furthest, <, 1024 * 1024);
  g_autoptr (PnMessage) whole = pn_native_read (source, &error);
  g_assert_no_error (error);
  assert_identical (message, whole);
}

static void
test_equivalent (void)
{
  g_autoptr (PnMessage) a = small_message ();
  g_autoptr (PnMessage) b = small_message ();
  g_autofree char *difference = NULL;
  g_free (b->id);
  b->id = g_strdup ("another");
  g_assert_true (pn_message_equivalent (a, b, &difference, NULL));
  g_free (b->subject);
  b->subject = g_strdup ("Keys");
  g_assert_false (pn_message_equivalent (a, b, &difference, NULL));
  g_assert_cmpstr (difference, ==, "Subject: \"Keys; doors, and gates\" and \"Keys\"");
}

static void
test_no_content (void)
{
  g_autoptr (PnMessage) message = small_message ();
  g_autoptr (PnSource) source = write_message (message, NULL);
  g_autoptr (PnMessage) head = pn_native_read_head (source, NULL);
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;
  g_assert_false (pn_native_write (head, &sink, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED);
  g_assert_cmpuint (array->len, ==, 0);
}

static void
test_speed (void)
{
  g_autoptr (PnMessage) message = small_message ();
  g_autoptr (GByteArray) array = NULL;
  g_autoptr (PnSource) source = write_message (message, &array);
  enum { N = 20000 };
  gint64 begin = g_get_monotonic_time ();
  for (guint i = 0; i < N; i++)
    pn_message_free (pn_native_read_head (source, NULL));
  double microseconds = (double) (g_get_monotonic_time () - begin) / N;
  g_test_message ("%u bytes of queue file: head read in %.1f us", array->len, microseconds);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/native/random", test_random);
  g_test_add_func ("/native/golden", test_golden);
  g_test_add_func ("/native/damaged", test_damaged);
  g_test_add_func ("/native/bad-times", test_bad_times);
  g_test_add_func ("/native/every-cut", test_every_cut);
  g_test_add_func ("/native/head-only", test_head_only);
  g_test_add_func ("/native/equivalent", test_equivalent);
  g_test_add_func ("/native/no-content", test_no_content);
  if (g_test_perf ())
    g_test_add_func ("/native/speed", test_speed);
  return g_test_run ();
}
