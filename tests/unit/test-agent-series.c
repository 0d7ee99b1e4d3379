/* Series on their way out: the rule, an equal one, or single items, as the receiver's calendar wants it. */
#include "agent-house.h"

#include "convert/ical.h"

/* A series of anna's that begins in 2040, with RRULE, to one who takes simple rules and one who takes all. */
static PnMessage *
series_new (const char *rrule)
{
  PnMessage *message = compose ("ID.SERIES");
  message->type = PN_TYPE_APPOINTMENT;
  message->calendar = pn_calendar_new ();
  message->calendar->method = PN_METHOD_REQUEST;
  message->calendar->component = g_strdup ("VEVENT");
  message->calendar->uid = g_strdup ("series@north.example");
  message->calendar->rrule = g_strdup (rrule);
  for (guint i = 0; i < 2; i++) {
    PnCalendarTime *time = i == 0 ? &message->calendar->start : &message->calendar->end;
    g_assert_true (pn_timezone_from_unix ("Europe/Berlin", 2214374400 + i * 3600, time)); /* 2040-03-03 */
    time->tzid = g_strdup ("Europe/Berlin");
  }
  address (message, PN_TO, "olga@simple.example");
  address (message, PN_TO, "paul@full.example");
  return message;
}

/* How many send files there are for DOMAIN with TEXT in them. */
static guint
files_with (Scene *self, const char *domain, const char *text)
{
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  guint found = 0;
  for (guint i = 0; i < files->len; i++) {
    g_autoptr (PnSendHead) head = NULL;
    g_autofree char *content = read_send_file (self, files->pdata[i], &head);
    g_assert_cmpstr (head->id, ==, "ID.SERIES");
    found += g_str_equal (head->domain, domain) && strstr (content, text);
  }
  return found;
}

static Scene *
send_series (const char *rrule, const char *recurrence)
{
  Scene *self = scene_new ();
  g_key_file_set_string (self->house->config->file, "agent", "full-recurrence-domains", "full.example");
  g_key_file_set_string (self->house->config->file, "agent", "recurrence", recurrence);
  g_autoptr (PnMessage) message = series_new (rrule);
  put_out (self, message);
  start (self);
  WAIT_FOR (queue_length (self) == 0);
  return self;
}

static void
test_singles (void)
{
  Scene *self = send_series ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=3", "simple");
  g_assert_cmpuint (count (self, "send", ".SND"), ==, 4);
  g_assert_cmpuint (files_with (self, "full.example", "RRULE:FREQ=MONTHLY;BYMONTHDAY=3,15"), ==, 1);
  g_assert_cmpuint (files_with (self, "full.example", "UID:series@north.example"), ==, 1);
  g_assert_cmpuint (files_with (self, "simple.example", "RRULE:FREQ=MONTHLY"), ==, 0);
  g_assert_cmpuint (files_with (self, "simple.example", "UID:series.single-2040"), ==, 3);
  g_assert_cmpuint (files_with (self, "simple.example", "Message-I"), ==, 3);
  scene_free (self);
}

static void
test_equal_rule (void)
{
  Scene *self = send_series ("FREQ=DAILY;BYDAY=SA;COUNT=3", "simple");
  g_assert_cmpuint (count (self, "send", ".SND"), ==, 2);
  g_assert_cmpuint (files_with (self, "simple.example", "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=SA"), ==, 1);
  scene_free (self);
}

static void
test_full (void)
{
  Scene *self = send_series ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=3", "full");
  g_assert_cmpuint (count (self, "send", ".SND"), ==, 2);
  g_assert_cmpuint (files_with (self, "simple.example", "RRULE:FREQ=MONTHLY;BYMONTHDAY=3,15"), ==, 1);
  scene_free (self);
}

/* The single items for simple.example with TEXT in them that message ID makes. */
static guint
singles_with (Scene *self, const char *id, const char *text)
{
  g_autoptr (GPtrArray) files = list (self, "send", ".SND");
  guint found = 0;
  for (guint i = 0; i < files->len; i++) {
    g_autoptr (PnSendHead) head = NULL;
    g_autofree char *content = read_send_file (self, files->pdata[i], &head);
    found += g_str_equal (head->id, id) && g_str_equal (head->domain, "simple.example")
             && strstr (content, "UID:series.single-") && strstr (content, text);
  }
  return found;
}

static void
send_next (Scene *self, PnMessage *message, const char *id, int sequence)
{
  g_free (message->id);
  message->id = g_strdup (id);
  message->calendar->sequence = sequence;
  put_out (self, message);
  WAIT_FOR (queue_length (self) == 0);
}

/* An update that drops instances takes back their items, once; one instance's cancellation finds its item; and
 * when the rule becomes simple, the series goes in the place of what is left. */
static void
test_dropped (void)
{
  Scene *self = send_series ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=5", "simple");
  g_assert_cmpuint (singles_with (self, "ID.SERIES", "METHOD:REQUEST"), ==, 5);

  g_autoptr (PnMessage) fewer = series_new ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=4");
  send_next (self, fewer, "ID.FEWER", 1);
  g_assert_cmpuint (singles_with (self, "ID.FEWER", "METHOD:REQUEST"), ==, 4);
  g_assert_cmpuint (singles_with (self, "ID.FEWER", "METHOD:CANCEL"), ==, 1);
  g_assert_cmpuint (singles_with (self, "ID.FEWER", "UID:series.single-20400503"), ==, 1);

  g_autoptr (PnMessage) same = series_new ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=4");
  send_next (self, same, "ID.SAME", 2);
  g_assert_cmpuint (singles_with (self, "ID.SAME", "METHOD:CANCEL"), ==, 0);

  /* As the organizer's calendar says it: no rule beside the instance. */
  g_autoptr (PnMessage) one = series_new (NULL);
  one->calendar->method = PN_METHOD_CANCEL;
  g_assert_true (pn_timezone_from_unix ("Europe/Berlin", 2214374400 + 12 * 86400, &one->calendar->recurrence_id));
  one->calendar->recurrence_id.tzid = g_strdup ("Europe/Berlin");
  send_next (self, one, "ID.ONE", 3);
  g_assert_cmpuint (singles_with (self, "ID.ONE", "METHOD:CANCEL"), ==, 1);
  g_assert_cmpuint (singles_with (self, "ID.ONE", "UID:series.single-20400315"), ==, 1);

  g_autoptr (PnMessage) simple = series_new ("FREQ=WEEKLY;COUNT=4");
  send_next (self, simple, "ID.SIMPLE", 4);
  g_assert_cmpuint (singles_with (self, "ID.SIMPLE", "METHOD:CANCEL"), ==, 3);
  g_autoptr (PnMessage) over = series_new ("FREQ=WEEKLY;COUNT=4");
  over->calendar->method = PN_METHOD_CANCEL;
  send_next (self, over, "ID.OVER", 5);
  g_assert_cmpuint (singles_with (self, "ID.OVER", "METHOD:"), ==, 0);
  scene_free (self);
}

/* The cancellation of the series takes back every item. */
static void
test_cancelled (void)
{
  Scene *self = send_series ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=3", "simple");
  g_autoptr (PnMessage) cancel = series_new ("FREQ=MONTHLY;BYMONTHDAY=3,15;COUNT=3");
  cancel->calendar->method = PN_METHOD_CANCEL;
  send_next (self, cancel, "ID.CANCEL", 1);
  g_assert_cmpuint (singles_with (self, "ID.CANCEL", "METHOD:CANCEL"), ==, 3);
  scene_free (self);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent/series/singles", test_singles);
  g_test_add_func ("/agent/series/equal-rule", test_equal_rule);
  g_test_add_func ("/agent/series/full", test_full);
  g_test_add_func ("/agent/series/dropped", test_dropped);
  g_test_add_func ("/agent/series/cancelled", test_cancelled);
  return g_test_run ();
}
