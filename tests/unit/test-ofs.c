/* The post office server: from its queue into mailboxes. */
#include "office.h"
#include "version1.h"

#include <fcntl.h>
#include <sys/stat.h>

/* --- mail --- */

static void
test_deliver (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) message = make_message ("B1.1.1.1", "To two");
  add_to (message, "anna");
  add_to (message, "BERT");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "SOUTH", "anna"));
  put (office, message);
  put (office, message); /* the same file once more, as after a crash */
  office_drain (office);
  put (office, message);
  office_drain (office);

  g_autoptr (GPtrArray) anna = list_box (office, "aaa", PN_BOX_IN);
  g_autoptr (GPtrArray) bert = list_box (office, "bbb", PN_BOX_IN);
  g_autoptr (GPtrArray) carl = list_box (office, "ccc", -1);
  g_autoptr (GPtrArray) statuses = outgoing (office, 5);
  g_assert_cmpuint (anna->len, ==, 1);
  g_assert_cmpuint (bert->len, ==, 1);
  g_assert_cmpuint (carl->len, ==, 0);
  g_assert_cmpuint (statuses->len, ==, 0);
  g_autofree char *note = pn_config_post_office_path (office->house->config, "NORTH", "OFNOTIFY/NOTaaa.FIL");
  g_assert_true (g_file_test (note, G_FILE_TEST_EXISTS));
}

static void
test_statuses (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) message = make_message ("B2.1.1.1", "Inside");
  make_internal (message, "carl");
  add_to (message, "anna");
  add_to (message, "bert");
  add_to (message, "nobody");
  put (office, message);
  office_drain (office);

  g_autoptr (GPtrArray) statuses = outgoing (office, 5);
  g_assert_cmpuint (statuses->len, ==, 2);
  for (guint i = 0; i < statuses->len; i++) {
    const PnMessage *status = statuses->pdata[i];
    const PnRecipient *to = status->recipients->pdata[0];
    const PnStatusReport *report = status->reports->pdata[0];
    g_assert_cmpint (status->type, ==, PN_TYPE_STATUS);
    g_assert_cmpstr (status->orig_id, ==, "B2.1.1.1");
    g_assert_cmpstr (to->address->user, ==, "carl");
    g_assert_true (to->deliver);
    if (report->action == PN_ACTION_DELIVERED)
      g_assert_cmpuint (status->reports->len, ==, 2);
    else {
      g_assert_cmpint (report->action, ==, PN_ACTION_UNDELIVERABLE);
      g_assert_cmpstr (report->recipient->user, ==, "nobody");
      g_assert_cmpstr (report->status_code, ==, "5.1.1");
    }
  }
  g_autofree char *id = pn_id_derive ("B2.1.1.1", "delivered", "NORTH");
  const PnMessage *one = statuses->pdata[0], *other = statuses->pdata[1];
  g_assert_true (g_str_equal (one->id, id) || g_str_equal (other->id, id));
}

static void
test_outside_sender (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) wanted = make_message ("B3.1.1.1", "Tell me");
  g_autoptr (PnMessage) never = make_message ("B3.1.1.2", "Tell nobody");
  g_autoptr (PnMessage) bounce = make_message ("B3.1.1.3", "A bounce");
  add_to (wanted, "anna")->dsn_notify = g_strdup ("SUCCESS,FAILURE");
  add_to (never, "nobody")->dsn_notify = g_strdup ("NEVER");
  add_to (bounce, "nobody");
  bounce->envelope_from[0] = '\0';
  put (office, wanted);
  put (office, never);
  put (office, bounce);
  office_drain (office);
  g_autoptr (GPtrArray) statuses = outgoing (office, 5);
  g_assert_cmpuint (statuses->len, ==, 1);
  const PnMessage *status = statuses->pdata[0];
  const PnRecipient *to = status->recipients->pdata[0];
  g_assert_cmpstr (to->address->internet, ==, "sender@example.org");
  g_assert_null (to->address->user);
}

static void
test_damaged (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *noise = g_strdup_printf ("%s/4/04AAAAAA.AAA", pn_queue_path (office->work));
  g_assert_true (g_file_set_contents (noise, "this is not a queue file", -1, NULL));
  g_autoptr (PnMessage) strange = make_message ("B4.1.1.1", "For others");
  pn_message_add_recipient (strange, PN_TO, pn_address_new ("HQ", "SOUTH", "anna"));
  put (office, strange);
  g_autoptr (PnMessage) good = make_message ("B4.1.1.2", "Good");
  add_to (good, "anna");
  put (office, good);
  office_drain (office);
  g_autoptr (GPtrArray) anna = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (anna->len, ==, 1);
  g_assert_cmpuint (count_problems (office), ==, 2);
}

/* --- appointments --- */

static void
mark (Office *office, guint flags)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnStore) store = pn_store_open (office->house->config, "NORTH", office->house->key, &error);
  pn_store_set_flags (store, "aaa", 1, flags, 0, &error);
  g_assert_no_error (error);
}

static void
test_appointment (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnItem) first = deliver_meeting (office, make_meeting ("C0", PN_METHOD_REQUEST, 0, 100, 9));
  g_assert_cmpstr (first->subject, ==, "C0");
  mark (office, PN_ITEM_READ | PN_ITEM_ACCEPTED | PN_ITEM_REPLIED);

  /* Another text, the same time: the answer holds, but it is to be read again. */
  g_autoptr (PnItem) text = deliver_meeting (office, make_meeting ("C1", PN_METHOD_REQUEST, 0, 200, 9));
  g_assert_cmpstr (text->subject, ==, "C1");
  g_assert_cmpint (text->number, ==, 1);
  g_assert_cmphex (text->flags & (PN_ITEM_READ | PN_ITEM_ACCEPTED | PN_ITEM_REPLIED), ==,
                   PN_ITEM_ACCEPTED | PN_ITEM_REPLIED);

  g_autoptr (PnItem) time = deliver_meeting (office, make_meeting ("C2", PN_METHOD_REQUEST, 1, 300, 14));
  g_assert_cmpstr (time->id, ==, "C2");
  g_assert_cmphex (time->flags & PN_ITEM_ACCEPTED, ==, 0);

  g_autoptr (PnItem) stale = deliver_meeting (office, make_meeting ("C1b", PN_METHOD_REQUEST, 0, 900, 9));
  g_assert_cmpstr (stale->id, ==, "C2");
  g_autoptr (PnItem) again = deliver_meeting (office, make_meeting ("C0", PN_METHOD_REQUEST, 0, 100, 9));
  g_assert_cmpstr (again->id, ==, "C2");
  g_autoptr (PnItem) old_cancel = deliver_meeting (office, make_meeting ("C1c", PN_METHOD_CANCEL, 0, 901, 9));
  g_assert_false (old_cancel->flags & PN_ITEM_CANCELLED);

  g_autoptr (PnItem) cancelled = deliver_meeting (office, make_meeting ("C3", PN_METHOD_CANCEL, 1, 400, 14));
  g_assert_true (cancelled->flags & PN_ITEM_CANCELLED);
  g_autoptr (PnItem) revived = deliver_meeting (office, make_meeting ("C4", PN_METHOD_REQUEST, 2, 500, 15));
  g_assert_false (revived->flags & PN_ITEM_CANCELLED);
  mark (office, PN_ITEM_READ);
  g_autoptr (PnItem) repeated = deliver_meeting (office, make_meeting ("C3", PN_METHOD_CANCEL, 1, 400, 14));
  g_assert_false (repeated->flags & PN_ITEM_CANCELLED);
  g_assert_true (repeated->flags & PN_ITEM_READ);
}

/* What a Postern delivered that kept no calendars is brought up to date all the same. */
static void
test_version1 (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) first = make_meeting ("E0", PN_METHOD_REQUEST, 3, 100, 9);
  guint database = pn_store_message_database (first, NULL);
  g_autoptr (PnItem) delivered = deliver_meeting (office, g_steal_pointer (&first));
  mark (office, PN_ITEM_ACCEPTED);
  version1_make (office->house, "aaa", delivered->database);
  g_assert_cmpuint (delivered->database, ==, database);
  g_autoptr (PnItem) stale = deliver_meeting (office, make_meeting ("E1", PN_METHOD_REQUEST, 2, 90, 8));
  g_assert_cmpstr (stale->subject, ==, "E0");
  g_autoptr (PnItem) updated = deliver_meeting (office, make_meeting ("E2", PN_METHOD_REQUEST, 3, 200, 9));
  g_assert_cmpstr (updated->subject, ==, "E2");
  g_assert_cmpint (updated->number, ==, delivered->number);
  g_assert_true (updated->flags & PN_ITEM_ACCEPTED);
  version1_make (office->house, "aaa", updated->database);
  g_autoptr (PnItem) cancelled = deliver_meeting (office, make_meeting ("E3", PN_METHOD_CANCEL, 4, 300, 9));
  g_assert_true (cancelled->flags & PN_ITEM_CANCELLED);
}

/* A series without an end: as the days pass, its next instances come into the mailbox. */
static void
test_sweep_extends (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Office) office = office_new ();
  gint64 now = g_get_real_time () / G_USEC_PER_SEC, day = 86400;
  PnMessage *series = make_meeting ("F0", PN_METHOD_REQUEST, 0, 100, 9);
  series->calendar->rrule = g_strdup ("FREQ=DAILY;INTERVAL=30");
  series->calendar->start.unix_time = now - now % day + 9 * 3600;
  pn_calendar_time_clear (&series->calendar->end);
  PnCalendarTime *start = &series->calendar->start;
  pn_timezone_from_unix ("UTC", start->unix_time, start);
  start->set = TRUE;
  put (office, series);
  pn_message_free (series);
  office_drain (office);
  g_autoptr (GPtrArray) before = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (before->len, ==, 13); /* [ofs] series-days is 366 */
  PnItem *last = before->pdata[12];

  /* A day on which the last one is not there yet, and the sweep is due. */
  g_autoptr (PnStore) store = pn_store_open (office->house->config, "NORTH", office->house->key, &error);
  g_assert_true (pn_store_delete_item (store, "aaa", last->number, &error));
  version1_run (office->house, "OFUSER", "USERaaa.DB",
                "DELETE FROM seen WHERE length (instance) > 0; UPDATE calendars SET again = 1;");
  g_autofree char *swept = pn_config_post_office_path (office->house->config, "NORTH", "OFWORK/SWEPT");
  unlink (swept);
  g_autofree char *known = NULL, *after = NULL;
  g_assert_true (pn_store_get_calendar (store, "aaa", "meeting-1@example.org", &known, &error));
  office_start (office);
  g_autoptr (PnMessage) mail = make_message ("F1", "So that it does not wait a minute");
  add_to (mail, "bert");
  put (office, mail);
  WAIT_FOR (g_file_test (swept, G_FILE_TEST_EXISTS));
  office_stop (office);
  g_autoptr (GPtrArray) items = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (items->len, ==, 13);
  g_assert_cmpint (((PnItem *) items->pdata[12])->start, ==, last->start);
  g_autoptr (GPtrArray) due = pn_store_list_calendars (store, "aaa", now, &error);
  g_assert_cmpuint (due->len, ==, 0);
  g_autoptr (GPtrArray) tomorrow = pn_store_list_calendars (store, "aaa", now + 2 * day, &error);
  g_assert_cmpuint (tomorrow->len, ==, 1);
  g_assert_true (pn_store_get_calendar (store, "aaa", "meeting-1@example.org", &after, &error));
  g_assert_cmpstr (known, ==, after);
}

static void
test_foreign_organizer (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnItem) first = deliver_meeting (office, make_meeting ("D0", PN_METHOD_REQUEST, 0, 100, 9));
  g_autoptr (PnMessage) other = make_meeting ("D1", PN_METHOD_CANCEL, 5, 900, 9);
  pn_address_free (other->calendar->organizer);
  other->calendar->organizer = pn_address_new_internet ("mallory@example.net", NULL);
  put (office, other);
  office_drain (office);
  g_autoptr (GPtrArray) items = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (items->len, ==, 2);
  const PnItem *untouched = items->pdata[0], *apart = items->pdata[1];
  g_assert_false (untouched->flags & PN_ITEM_CANCELLED);
  g_assert_cmpstr (apart->id, ==, "D1");
  /* His item does not stand in the organizer's way. */
  g_autoptr (PnMessage) update = make_meeting ("D2", PN_METHOD_REQUEST, 1, 200, 10);
  put (office, update);
  office_drain (office);
  g_autoptr (GPtrArray) after = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (after->len, ==, 2);
  g_assert_cmpstr (((PnItem *) after->pdata[0])->id, ==, "D2");
}

static void
put_calendar (Office *office, const char *id, guint n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n");
  for (guint i = 0; i < n; i++)
    g_string_append_printf (text,
                            "BEGIN:VEVENT\r\nUID:%s-%u\r\nDTSTAMP:20260101T000000Z\r\n"
                            "DTSTART:20260504T080000Z\r\nEND:VEVENT\r\n",
                            id, i);
  g_string_append (text, "END:VCALENDAR\r\n");
  g_autoptr (PnMessage) message = make_message (id, "Everything");
  g_assert_true (pn_ical_read (message, text->str, text->len, NULL, "UTC", &error));
  pn_message_add_part (message, pn_part_new (PN_PART_CALENDAR, "text/calendar",
                                             pn_content_new_text (text->str, (gssize) text->len)));
  add_to (message, "anna");
  put (office, message);
  office_drain (office);
}

/* The items of a calendar each come into the mailbox; one of too many comes as the file it is. */
static void
test_large_calendar (void)
{
  g_autoptr (Office) office = office_new ();
  put_calendar (office, "L0", 300);
  g_autoptr (GPtrArray) items = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (items->len, ==, 300);
  put_calendar (office, "L1", 2001);
  g_autoptr (GPtrArray) more = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (more->len, ==, 301);
}

/* --- statuses --- */

static void
keep_sent (Office *office, PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnStore) store = pn_store_open (office->house->config, "NORTH", office->house->key, &error);
  int fd = pn_outgoing_stage (office->work, office->house->key, message, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) sealed = pn_file_source_new (fd, &error);
  g_autoptr (PnItem) item = pn_item_new (message, 0, sealed->size, PN_BOX_OUT, 0, 1700000000);
  g_assert_true (pn_store_add_message (store, message->id, 0, sealed, -1, &error));
  g_assert_true (pn_store_add_item (store, "aaa", item, NULL, NULL, &error));
}

static PnMessage *
make_status (const char *id, const char *orig_id, PnAction action, const char *who)
{
  PnMessage *status = pn_message_new (PN_TYPE_STATUS);
  status->id = g_strdup (id);
  status->orig_id = g_strdup (orig_id);
  status->date = (PnTime){ TRUE, 1700000500, 0 };
  status->from = pn_address_new_internet (who, NULL);
  add_to (status, "anna");
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = status->date;
  report->recipient = pn_address_new_internet (who, NULL);
  g_ptr_array_add (status->reports, report);
  return status;
}

static void
test_take_status (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) sent = make_meeting ("E1", PN_METHOD_REQUEST, 0, 100, 9);
  make_internal (sent, "anna");
  pn_message_add_recipient (sent, PN_TO, pn_address_new_internet ("one@example.com", NULL));
  keep_sent (office, sent);
  g_autoptr (PnMessage) delivered = make_status ("S1", "E1", PN_ACTION_TRANSFERRED, "one@example.com");
  g_autoptr (PnMessage) accepted = make_status ("S2", NULL, PN_ACTION_ACCEPTED, "one@example.com");
  accepted->calendar = pn_calendar_new ();
  accepted->calendar->method = PN_METHOD_REPLY;
  accepted->calendar->uid = g_strdup ("meeting-1@example.org");
  g_autoptr (PnMessage) stray = make_status ("S3", "unheard-of", PN_ACTION_DELIVERED, "one@example.com");
  put (office, delivered);
  put (office, accepted);
  put (office, stray);
  put (office, accepted);
  office_drain (office);

  g_autoptr (PnStore) store = pn_store_open (office->house->config, "NORTH", office->house->key, &error);
  g_autoptr (GPtrArray) info = pn_store_info (store, "aaa", 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (info->len, ==, 2);
  const PnItemStatus *one = info->pdata[1];
  g_assert_cmpint (one->action, ==, PN_ACTION_ACCEPTED);
  g_assert_cmpuint (one->history->len, ==, 2);
  g_autoptr (GPtrArray) in = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (in->len, ==, 1);
  g_assert_cmpstr (((PnItem *) in->pdata[0])->id, ==, "S3");
  g_autoptr (GPtrArray) answers = outgoing (office, 5);
  g_assert_cmpuint (answers->len, ==, 0); /* a status is never answered */
}

static void
test_delayed (void)
{
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnMessage) message = make_message ("F1", "Later");
  add_to (message, "anna");
  message->distribute_date = (PnTime){ TRUE, g_get_real_time () / G_USEC_PER_SEC + 2, 0 };
  put (office, message);
  office_start (office);
  g_usleep (700 * 1000);
  g_autoptr (GPtrArray) before = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (before->len, ==, 0);
  for (guint i = 0; waiting (office) > 0 && i < 1000; i++)
    g_usleep (10000);
  office_stop (office);
  g_autoptr (GPtrArray) after = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (after->len, ==, 1);
}

/* --- death at any point --- */

static gboolean
run_until_killed (Office *office, GRand *rand)
{
  pid_t pid = fork ();
  if (pid == 0) {
    PnProgram program
        = { office->house->config, office->house->key, "ofs", TRUE, 0, eventfd (0, EFD_CLOEXEC) };
    pn_ofs_main (&program);
    _exit (1);
  }
  gint64 end = g_get_monotonic_time () + g_rand_int_range (rand, 2000, 250000);
  while (waiting (office) > 0 && g_get_monotonic_time () < end)
    g_usleep (200);
  int status;
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status));
  return waiting (office) > 0;
}

static void
test_killed (void)
{
  enum { N = 300 };
  g_autoptr (Office) office = office_new ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (99);
  /* Small batches, so that death finds some done and some not. */
  g_key_file_set_string (office->house->config->file, "ofs", "batch", "16");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < N; i++) {
    g_autofree char *id = g_strdup_printf ("K.1.1.%u", i);
    g_autoptr (PnMessage) message = make_message (id, id);
    make_internal (message, "carl");
    g_free (message->from->user);
    message->from->user = g_strdup_printf ("u%u", i); /* to spread over the message databases */
    add_to (message, "anna");
    add_to (message, "bert");
    put (office, message);
  }
  guint rounds = 0;
  while (run_until_killed (office, rand) && rounds < 100)
    rounds++;
  g_test_message ("killed %u times, %u files left", rounds + 1, waiting (office));
  office_drain (office);
  g_autoptr (GPtrArray) anna = list_box (office, "aaa", PN_BOX_IN);
  g_autoptr (GPtrArray) bert = list_box (office, "bbb", PN_BOX_IN);
  guint problems = count_problems (office);
  g_assert_cmpuint (anna->len + problems, ==, N);
  g_assert_cmpuint (bert->len, ==, anna->len);
  /* A status for each message at least; those made twice have the same id. */
  g_autoptr (GPtrArray) statuses = outgoing (office, 5);
  for (guint i = 0; i < statuses->len; i++)
    g_hash_table_add (seen, g_strdup (((PnMessage *) statuses->pdata[i])->id));
  g_assert_cmpuint (g_hash_table_size (seen), ==, anna->len);
}

/* The machine fails: what was not flushed of a mailbox is lost, and is delivered once more. */
static void
test_recover (void)
{
  enum { N = 20 };
  g_autoptr (Office) office = office_new ();
  g_autoptr (PnItem) created = deliver_meeting (office, make_meeting ("R0", PN_METHOD_REQUEST, 0, 100, 9));
  for (guint i = 0; i < N; i++) {
    g_autofree char *id = g_strdup_printf ("R.1.1.%u", i);
    g_autoptr (PnMessage) message = make_message (id, id);
    add_to (message, "anna");
    put (office, message);
  }
  g_autoptr (PnMessage) update = make_meeting ("R1", PN_METHOD_REQUEST, 1, 200, 10);
  put (office, update);
  pid_t pid = fork ();
  if (pid == 0) {
    PnProgram program
        = { office->house->config, office->house->key, "ofs", FALSE, 0, eventfd (0, EFD_CLOEXEC) };
    pn_ofs_main (&program);
    _exit (1);
  }
  for (guint i = 0; waiting (office) > 0 && i < 4000; i++)
    g_usleep (5000);
  int status;
  kill (pid, SIGKILL);
  waitpid (pid, &status, 0);
  g_autofree char *log = pn_config_post_office_path (office->house->config, "NORTH", "OFUSER/USERaaa.DB-wal");
  g_autofree char *index
      = pn_config_post_office_path (office->house->config, "NORTH", "OFUSER/USERaaa.DB-shm");
  g_assert_cmpint (truncate (log, 0), ==, 0);
  g_assert_cmpint (unlink (index), ==, 0);
  g_autoptr (GPtrArray) lost = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (lost->len, <, N + 1);

  office_drain (office);
  g_autoptr (GPtrArray) items = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (items->len, ==, N + 1);
  gboolean updated = FALSE;
  for (guint i = 0; i < items->len; i++)
    updated = updated || strcmp (((PnItem *) items->pdata[i])->id, "R1") == 0;
  g_assert_true (updated);
  office_drain (office);
  g_autoptr (GPtrArray) again = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (again->len, ==, N + 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  pn_log_init ("test-ofs", NULL, g_getenv ("TEST_LOG") ? "debug" : "error");
  g_test_add_func ("/ofs/deliver", test_deliver);
  g_test_add_func ("/ofs/statuses", test_statuses);
  g_test_add_func ("/ofs/outside-sender", test_outside_sender);
  g_test_add_func ("/ofs/damaged", test_damaged);
  g_test_add_func ("/ofs/appointment", test_appointment);
  g_test_add_func ("/ofs/version1", test_version1);
  g_test_add_func ("/ofs/sweep-extends", test_sweep_extends);
  g_test_add_func ("/ofs/foreign-organizer", test_foreign_organizer);
  g_test_add_func ("/ofs/large-calendar", test_large_calendar);
  g_test_add_func ("/ofs/take-status", test_take_status);
  g_test_add_func ("/ofs/delayed", test_delayed);
  g_test_add_func ("/ofs/recover", test_recover);
  g_test_add_func ("/ofs/killed", test_killed);
  return g_test_run ();
}
