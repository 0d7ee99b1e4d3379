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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent/series/singles", test_singles);
  g_test_add_func ("/agent/series/equal-rule", test_equal_rule);
  g_test_add_func ("/agent/series/full", test_full);
  return g_test_run ();
}
