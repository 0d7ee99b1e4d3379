/* The post office server: searches of busy times, and directory entries. */
#include "office.h"

#include "postoffice/calendar.h"

/* One that says nothing but who wants something of USER. */
static PnMessage *
make_bare (PnMessageType type, const char *id, PnAddress *from, const char *user)
{
  PnMessage *message = pn_message_new (type);
  message->id = g_strdup (id);
  message->from = from;
  add_to (message, user);
  return message;
}

static PnMessage *
make_search (const char *id, gint64 begin, gint64 end)
{
  PnMessage *message = make_message (id, "When");
  message->type = PN_TYPE_SEARCH;
  message->begin_time = (PnTime){ TRUE, begin, 0 };
  message->end_time = (PnTime){ TRUE, end, 0 };
  add_to (message, "anna");
  return message;
}

static void
deliver_busy (Office *office, PnMessage *message, const char *uid, int hour)
{
  PnCalendar *calendar = message->calendar;
  g_free (calendar->uid);
  calendar->uid = g_strdup (uid);
  calendar->end.hour = hour;
  calendar->end.unix_time = 1714953600 + hour * 3600;
  put (office, message);
  pn_message_free (message);
}

static const PnBusyBlock *
block (const PnMessage *message, guint i)
{
  return message->busy->pdata[i];
}

/* Monday 2024-05-06: 9-10 and 10-11 touch; 13-14 is free time, 15-16 was declined, 16-17 cancelled. */
static void
fill_monday (Office *office)
{
  deliver_busy (office, make_meeting ("F0", PN_METHOD_REQUEST, 0, 100, 9), "a@example.org", 10);
  deliver_busy (office, make_meeting ("F1", PN_METHOD_REQUEST, 0, 100, 10), "b@example.org", 11);
  PnMessage *transparent = make_meeting ("F2", PN_METHOD_REQUEST, 0, 100, 13);
  transparent->calendar->transparent = TRUE;
  deliver_busy (office, transparent, "c@example.org", 14);
  PnMessage *declined = make_meeting ("F3", PN_METHOD_REQUEST, 0, 100, 15);
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  attendee->address = pn_address_new_internet ("anna@north.example", NULL);
  attendee->partstat = PN_PARTSTAT_DECLINED;
  g_ptr_array_add (declined->calendar->attendees, attendee);
  deliver_busy (office, declined, "d@example.org", 16);
  deliver_busy (office, make_meeting ("F4", PN_METHOD_REQUEST, 0, 100, 16), "e@example.org", 17);
  office_drain (office);
  deliver_busy (office, make_meeting ("F5", PN_METHOD_CANCEL, 1, 200, 16), "e@example.org", 17);
  PnMessage *weekly = make_meeting ("F6", PN_METHOD_REQUEST, 0, 100, 20);
  weekly->calendar->rrule = g_strdup ("FREQ=DAILY;COUNT=3");
  deliver_busy (office, weekly, "f@example.org", 21);
  office_drain (office);
}

static PnMessage *
only_answer (Office *office)
{
  g_autoptr (GPtrArray) answers = outgoing (office, 0);
  g_assert_cmpuint (answers->len, ==, 1);
  g_ptr_array_set_free_func (answers, NULL);
  return answers->pdata[0];
}

static void
test_search_inside (void)
{
  g_autoptr (Office) office = office_new ();
  fill_monday (office);
  g_autoptr (GPtrArray) before = list_box (office, "aaa", -1);
  const gint64 day = 1714953600;
  g_autoptr (PnMessage) search = make_search ("FS", day + 9 * 3600 + 1800, day + 2 * 86400);
  make_internal (search, "carl");
  put (office, search);
  office_drain (office);
  g_autoptr (PnMessage) answer = only_answer (office);
  g_assert_cmpint (answer->type, ==, PN_TYPE_SEARCH);
  g_assert_cmpstr (answer->orig_id, ==, "FS");
  g_assert_cmpstr (answer->busy_for->user, ==, "anna");
  g_assert_cmpuint (answer->busy->len, ==, 3);
  g_assert_cmpint (block (answer, 0)->start, ==, day + 9 * 3600 + 1800);
  g_assert_cmpint (block (answer, 0)->end, ==, day + 11 * 3600);
  g_assert_cmpint (block (answer, 1)->start, ==, day + 20 * 3600);
  g_assert_cmpint (block (answer, 1)->end, ==, day + 21 * 3600);
  g_assert_cmpint (block (answer, 2)->start, ==, day + 44 * 3600);
  const PnRecipient *to = answer->recipients->pdata[0];
  g_assert_cmpstr (to->address->user, ==, "carl");
  g_autoptr (GPtrArray) after = list_box (office, "aaa", -1);
  g_assert_cmpuint (after->len, ==, before->len);
  /* The answer comes into his mailbox, and nobody is told. */
  put (office, answer);
  office_drain (office);
  g_autoptr (GPtrArray) carl = list_box (office, "ccc", PN_BOX_IN);
  g_assert_cmpuint (carl->len, ==, 1);
  g_autoptr (GPtrArray) statuses = outgoing (office, 1);
  g_assert_cmpuint (statuses->len, ==, 0);
}

/* Of one who is not known nothing is said, but it is said. */
static void
test_search_nobody (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) search
      = make_bare (PN_TYPE_SEARCH, "FN", pn_address_new ("HQ", "NORTH", "carl"), "nobody");
  put (office, search);
  office_drain (office);
  g_autoptr (PnMessage) answer = only_answer (office);
  g_assert_cmpuint (answer->busy->len, ==, 0);
  g_assert_cmpstr (answer->busy_for->user, ==, "nobody");
}

static PnMessage *
make_outside_search (const char *id, const char *organizer)
{
  const gint64 day = 1714953600;
  PnMessage *message = make_search (id, day, day + 86400);
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  PnAttendee *attendee = g_new0 (PnAttendee, 1);
  calendar->method = PN_METHOD_REQUEST;
  calendar->component = g_strdup ("VFREEBUSY");
  calendar->uid = g_strdup ("search@example.org");
  calendar->organizer = pn_address_new_internet (organizer, NULL);
  calendar->start = (PnCalendarTime){ .set = TRUE, .year = 2024, .month = 5, .day = 6, .unix_time = day };
  calendar->end
      = (PnCalendarTime){ .set = TRUE, .year = 2024, .month = 5, .day = 7, .unix_time = day + 86400 };
  attendee->address = pn_address_new_internet ("anna@north.example", NULL);
  g_ptr_array_add (calendar->attendees, attendee);
  return message;
}

/* As a rule searches from outside are shown to him, not answered; nor ever for somebody else. */
static void
test_search_outside (void)
{
  g_autoptr (Office) office = office_new ();
  fill_monday (office);
  g_autoptr (PnMessage) refused = make_outside_search ("FO", "sender@example.org");
  put (office, refused);
  office_drain (office);
  g_autoptr (GPtrArray) none = outgoing (office, 0);
  g_assert_cmpuint (none->len, ==, 0);

  g_autofree char *conf = g_build_filename (office->house->root, "postern.conf", NULL);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (conf, &text, NULL, NULL));
  g_autofree char *more = g_strconcat (text, "\n[ofs]\nbusy-search = all\n", NULL);
  g_assert_true (g_file_set_contents (conf, more, -1, NULL));
  pn_config_free (office->house->config);
  g_autoptr (GError) error = NULL;
  office->house->config = pn_config_load (office->house->root, &error);
  g_assert_no_error (error);

  g_autoptr (PnMessage) forged = make_outside_search ("FP", "victim@example.net");
  g_autoptr (PnMessage) good = make_outside_search ("FQ", "sender@example.org");
  put (office, forged);
  put (office, good);
  office_drain (office);
  g_autoptr (PnMessage) answer = only_answer (office);
  const PnRecipient *to = answer->recipients->pdata[0];
  g_assert_cmpstr (to->address->internet, ==, "sender@example.org");
  g_assert_cmpint (answer->calendar->method, ==, PN_METHOD_REPLY);
  g_assert_cmpstr (answer->calendar->uid, ==, "search@example.org");
  g_assert_cmpuint (answer->busy->len, ==, 2);
  g_assert_cmpint (block (answer, 0)->end - block (answer, 0)->start, ==, 2 * 3600);
  g_assert_cmpuint (count_problems (office), ==, 0);
  g_autoptr (GPtrArray) anna = list_box (office, "aaa", PN_BOX_IN);
  guint searches = 0;
  for (guint i = 0; i < anna->len; i++)
    searches += ((PnItem *) anna->pdata[i])->type == PN_TYPE_SEARCH;
  g_assert_cmpuint (searches, ==, 2);
}

static gboolean
is_outlook (Office *office, const char *domains, const char *internet)
{
  PnConfig *config = office->house->config;
  g_autoptr (GError) error = NULL;
  g_key_file_set_string (config->file, "ofs", "outlook-domains", domains);
  g_autoptr (PnDirectory) directory = pn_directory_open (config, FALSE, &error);
  g_assert_no_error (error);
  g_autoptr (PnAddress) address = pn_address_new_internet (internet, NULL);
  PnCalendarBox box = { .config = config, .directory = directory };
  PnItipContext context = pn_calendar_context (&box);
  return context.is_outlook (address, context.data);
}

/* [ofs] outlook-domains: with those below them; our own are never meant, however they are written. */
static void
test_outlook_domains (void)
{
  g_autoptr (Office) office = office_new ();
  g_assert_true (is_outlook (office, "live.com outlook.com", "olga@Outlook.COM"));
  g_assert_true (is_outlook (office, "live.com outlook.com", "olga@eur.prod.outlook.com"));
  g_assert_false (is_outlook (office, "live.com outlook.com", "olga@notoutlook.com"));
  g_assert_false (is_outlook (office, "", "olga@outlook.com"));
  g_assert_true (is_outlook (office, "*", "olga@outside.example"));
  g_assert_false (is_outlook (office, "*", "anna@north.example"));
  g_assert_false (is_outlook (office, "*", "Anna@North.Example"));
}

static void
test_admin (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) admin
      = make_bare (PN_TYPE_ADMIN, "FA", pn_address_new ("FAR", "GATE", "sync"), "anna");
  PnExtraKeyword *entry = g_new0 (PnExtraKeyword, 1);
  entry->name = g_strdup ("DS-User");
  entry->text = g_strdup (" Operation= List; Domain= FAR; Post-Office= ONE; Object= Someone; ");
  g_ptr_array_add (admin->extra, entry);
  put (office, admin);
  office_drain (office);
  g_autoptr (GPtrArray) anna = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (anna->len, ==, 1);
  g_assert_cmpint (((PnItem *) anna->pdata[0])->type, ==, PN_TYPE_ADMIN);
  g_autoptr (GPtrArray) statuses = outgoing (office, 5);
  g_assert_cmpuint (statuses->len, ==, 0);
  g_assert_cmpuint (count_problems (office), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  pn_log_init ("test-ofs", NULL, g_getenv ("TEST_LOG") ? "debug" : "error");
  g_test_add_func ("/ofs/search-inside", test_search_inside);
  g_test_add_func ("/ofs/search-nobody", test_search_nobody);
  g_test_add_func ("/ofs/search-outside", test_search_outside);
  g_test_add_func ("/ofs/admin", test_admin);
  g_test_add_func ("/ofs/outlook-domains", test_outlook_domains);
  return g_test_run ();
}
