/* Series: rules against an independent reader, what exceptions make of them, and what other systems take. */
#include "convert/ical-rule.h"
#include "convert/ical-series.h"
#include "calendar.h"

#include <sys/wait.h>

/* -- rules -- */

static gint64
local_of (const char *text)
{
  PnCalendarTime time = { 0 };
  gboolean utc;
  g_assert_true (pn_ical_parse_time (text, &time, &utc));
  return pn_calendar_time_local (&time);
}

/* The first COUNT local times of RULE up to UNTIL, joined by ','. */
static char *
go (const char *start, const char *rule, guint count, gint64 until)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnRule) parsed = pn_rule_parse (rule, &error);
  g_assert_no_error (error);
  g_auto (PnRuleIterator) iterator = { 0 };
  pn_rule_iterator_init (&iterator, parsed, local_of (start), !strchr (start, 'T'), 0);
  GString *text = g_string_new (NULL);
  gint64 local;
  for (guint i = 0; i < count && pn_rule_iterator_next (&iterator, &local) && local <= until; i++) {
    if (text->len > 0)
      g_string_append_c (text, ',');
    pn_ical_append_local (text, local, !strchr (start, 'T'));
  }
  return g_string_free (text, FALSE);
}

/* From the middle on, a rule has what it had when it was gone through from its beginning. */
static void
check_seek (const char *start, const char *rule, const char *expected)
{
  g_auto (GStrv) times = g_strsplit (expected, ",", -1);
  guint n = g_strv_length (times), middle = n / 2;
  if (n < 2)
    return;
  g_autoptr (PnRule) parsed = pn_rule_parse (rule, NULL);
  g_auto (PnRuleIterator) iterator = { 0 };
  pn_rule_iterator_init (&iterator, parsed, local_of (start), FALSE, 0);
  gint64 local, from = local_of (times[middle]);
  pn_rule_iterator_seek (&iterator, from);
  do
    g_assert_true (pn_rule_iterator_next (&iterator, &local));
  while (local < from);
  for (guint i = middle; i < n; i++) {
    g_assert_cmpint (local, ==, local_of (times[i]));
    pn_rule_iterator_next (&iterator, &local);
  }
}

static void
test_dateutil (void)
{
  g_autofree char *output = NULL;
  const char *argv[] = { "python3", SRCDIR "/tests/unit/rules.py", "20260101", "400", NULL };
  int status;
  g_autoptr (GError) error = NULL;
  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, &status,
                     &error)
      || (WIFEXITED (status) && WEXITSTATUS (status) == 77)) {
    g_test_skip ("python3-dateutil is not installed");
    return;
  }
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  guint compared = 0, differ = 0;
  for (guint i = 0; lines[i] && *lines[i]; i++) {
    g_auto (GStrv) fields = g_strsplit (lines[i], "|", 3);
    guint n = 1;
    for (const char *c = fields[2]; *c; c++)
      n += *c == ',';
    gint64 until = pn_civil_to_days (2060, 1, 1) * 86400;
    g_autofree char *own = go (fields[0], fields[1], *fields[2] ? n : 1, until);
    if (strcmp (own, fields[2]) != 0) {
      g_test_message ("%s %s\n  dateutil %.300s\n  here     %.300s", fields[0], fields[1], fields[2], own);
      differ++;
    } else
      check_seek (fields[0], fields[1], fields[2]);
    compared++;
  }
  g_test_message ("%u rules compared", compared);
  g_assert_cmpuint (compared, >, 300);
  g_assert_cmpuint (differ, ==, 0);
}

/* -- what a series has -- */

static PnMessage *
message_of (const char *text)
{
  PnMessage *message = read_text (text, -1, NULL);
  if (!message->id)
    message->id = g_strdup ("id");
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (text, -1)));
  return message;
}

#define OVERRIDE(lines)                                                                                      \
  "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:u@example.com\r\nDTSTAMP:20260102T000000Z\r\n" lines

/* "recurrence id>start-end" of each; the end only as minutes. */
static char *
expand (PnMessage *message, const char *from, const char *to, guint max)
{
  g_autoptr (GError) error = NULL;
  gboolean more;
  g_autoptr (GPtrArray) instances
      = pn_ical_expand (message, local_of (from), local_of (to), max, SITE, &more, &error);
  g_assert_no_error (error);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < instances->len; i++) {
    const PnInstance *instance = instances->pdata[i];
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", instance->recurrence_id);
    if (instance->exception || instance->start.unix_time != instance->original.unix_time) {
      g_string_append_c (text, '>');
      pn_ical_append_utc (text, instance->start.unix_time);
    }
    if (instance->calendar && instance->calendar->summary)
      g_string_append_printf (text, "=%s", instance->calendar->summary);
    g_string_append_printf (text, "+%d", (int) (instance->end.unix_time - instance->start.unix_time) / 60);
    g_assert_true (pn_ical_is_instance (message, instance->recurrence_id, SITE));
  }
  if (more)
    g_string_append (text, " ...");
  return g_string_free (text, FALSE);
}

typedef struct {
  const char *name, *lines, *from, *to;
  guint max;
  const char *expected;
} Case;

#define TIMED(rest)                                                                                          \
  "DTSTART;TZID=Europe/Berlin:20260323T100000\r\nDTEND;TZID=Europe/Berlin:20260323T110000\r\n" rest
#define DATED(rest) "DTSTART;VALUE=DATE:20260323\r\n" rest

static const Case cases[] = {
  { "summer-time", TIMED ("RRULE:FREQ=WEEKLY;COUNT=3\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260330T080000Z+60 20260406T080000Z+60" },
  { "single", TIMED (""), "20260101", "20270101", 10, "20260323T090000Z+60" },
  { "bounded", TIMED ("RRULE:FREQ=DAILY\r\n"), "20300101", "20310101", 2,
    "20300101T090000Z+60 20300102T090000Z+60 ..." },
  { "seconds", TIMED ("RRULE:FREQ=SECONDLY\r\n"), "20400101", "20400102", 2,
    "20400101T000000Z+60 20400101T000001Z+60 ..." },
  { "hours", TIMED ("RRULE:FREQ=DAILY;COUNT=3;BYHOUR=10,15\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260323T140000Z+60 20260324T090000Z+60" },
  { "count-ends", TIMED ("RRULE:FREQ=DAILY;COUNT=2;UNTIL=20261231T000000Z\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260324T090000Z+60" },
  { "until-ends", TIMED ("RRULE:FREQ=DAILY;COUNT=9;UNTIL=20260324T090000Z\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260324T090000Z+60" },
  { "until-date", TIMED ("RRULE:FREQ=DAILY;UNTIL=20260324\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260324T090000Z+60" },
  { "until-local", TIMED ("RRULE:FREQ=DAILY;UNTIL=20260324T100000\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260324T090000Z+60" },
  { "until-before", TIMED ("RRULE:FREQ=DAILY;UNTIL=20260101T000000Z\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60" },
  { "until-utc-of-days", DATED ("RRULE:FREQ=DAILY;UNTIL=20260324T225959Z\r\n"), "20260101", "20270101", 10,
    "20260323+1440 20260324+1440" },
  { "start-not-of-rule", TIMED ("RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2\r\n"), "20260101", "20270101", 10,
    "20260323T090000Z+60 20260324T090000Z+60" },
  { "start-excluded", TIMED ("RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE;TZID=Europe/Berlin:20260323T100000\r\n"),
    "20260101", "20270101", 10, "20260324T090000Z+60 20260325T090000Z+60" },
  { "exdate-lines",
    TIMED ("RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:20260324T090000Z\r\nEXDATE:20260325T090000Z\r\n"), "20260101",
    "20270101", 10, "20260323T090000Z+60 20260326T090000Z+60 20260327T090000Z+60" },
  { "exdate-zone",
    TIMED ("RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE;TZID=America/New_York:20260324T050000,20260325T050000\r\n"),
    "20260101", "20270101", 10, "20260323T090000Z+60" },
  { "exdate-windows-zone",
    TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\nEXDATE;TZID=W. Europe Standard Time:20260324T100000\r\n"), "20260101",
    "20270101", 10, "20260323T090000Z+60" },
  { "exdate-date", TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\nEXDATE;VALUE=DATE:20260324\r\n"), "20260101",
    "20270101", 10, "20260323T090000Z+60" },
  { "exdate-time-of-days",
    DATED ("RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE;TZID=Europe/Berlin:20260324T000000\r\n"), "20260101",
    "20270101", 10, "20260323+1440 20260325+1440" },
  { "two-rules", TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\nRRULE:FREQ=WEEKLY;COUNT=2\r\n"), "20260101", "20270101",
    10, "20260323T090000Z+60 20260324T090000Z+60 20260330T080000Z+60" },
  { "exrule", TIMED ("RRULE:FREQ=DAILY;COUNT=7\r\nEXRULE:FREQ=WEEKLY;BYDAY=TU,WE,TH,FR\r\n"), "20260101",
    "20270101", 10, "20260323T090000Z+60 20260328T090000Z+60 20260329T080000Z+60" },
  { "rdate", TIMED ("RDATE;TZID=Europe/Berlin:20260325T100000,20260401T120000\r\n"), "20260101", "20270101",
    10, "20260323T090000Z+60 20260325T090000Z+60 20260401T100000Z+60" },
  { "rdate-period", TIMED ("RDATE;VALUE=PERIOD:20260325T090000Z/PT30M,20260326T090000Z/20260326T113000Z\r\n"),
    "20260101", "20270101", 10, "20260323T090000Z+60 20260325T090000Z+30 20260326T090000Z+150" },
  { "moved",
    TIMED ("RRULE:FREQ=DAILY;COUNT=3\r\n") OVERRIDE (
        "RECURRENCE-ID;TZID=Europe/Berlin:20260324T100000\r\nSUMMARY:later\r\n"
        "DTSTART;TZID=Europe/Berlin:20260326T120000\r\nDTEND;TZID=Europe/Berlin:20260326T123000\r\n"),
    "20260101", "20270101", 10,
    "20260323T090000Z+60 20260325T090000Z+60 20260324T090000Z>20260326T110000Z=later+30" },
  { "moved-out-of-window",
    TIMED ("RRULE:FREQ=DAILY;COUNT=3\r\n") OVERRIDE (
        "RECURRENCE-ID;TZID=Europe/Berlin:20260324T100000\r\n"
        "DTSTART;TZID=Europe/Berlin:20270326T120000\r\nDTEND;TZID=Europe/Berlin:20270326T123000\r\n"),
    "20270101", "20280101", 10, "20260324T090000Z>20270326T110000Z+30" },
  { "other-zone",
    TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\n")
        OVERRIDE ("RECURRENCE-ID;TZID=America/New_York:20260324T050000\r\nSUMMARY:x\r\n"
                  "DTSTART;TZID=America/New_York:20260324T060000\r\nDURATION:PT1H\r\n"),
    "20260101", "20270101", 10, "20260323T090000Z+60 20260324T090000Z>20260324T100000Z=x+60" },
  { "id-as-date",
    TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\n")
        OVERRIDE ("RECURRENCE-ID;VALUE=DATE:20260324\r\nSUMMARY:x\r\n"
                  "DTSTART;TZID=Europe/Berlin:20260324T120000\r\nDURATION:PT1H\r\n"),
    "20260101", "20270101", 10, "20260323T090000Z+60 20260324T090000Z>20260324T110000Z=x+60" },
  { "cancelled",
    TIMED ("RRULE:FREQ=DAILY;COUNT=3\r\n") OVERRIDE ("RECURRENCE-ID:20260324T090000Z\r\nSTATUS:CANCELLED\r\n"
                                                     "DTSTART;TZID=Europe/Berlin:20260324T100000\r\n"),
    "20260101", "20270101", 10, "20260323T090000Z+60 20260325T090000Z+60" },
  { "this-and-future",
    TIMED ("RRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:a\r\n") OVERRIDE (
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260330T100000\r\nSUMMARY:b\r\n"
        "DTSTART;TZID=Europe/Berlin:20260331T110000\r\nDTEND;TZID=Europe/Berlin:20260331T130000\r\n"),
    "20260101", "20270101", 10,
    "20260323T090000Z+60 20260330T080000Z>20260331T090000Z=b+120 20260406T080000Z>20260407T090000Z=b+120 "
    "20260413T080000Z>20260414T090000Z=b+120" },
  { "this-and-future-cancelled",
    TIMED ("RRULE:FREQ=WEEKLY;COUNT=4\r\n") OVERRIDE (
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260406T100000\r\nSTATUS:CANCELLED\r\n"
        "DTSTART;TZID=Europe/Berlin:20260406T100000\r\n"),
    "20260101", "20270101", 10, "20260323T090000Z+60 20260330T080000Z+60" },
  { "leap-over",
    "DTSTART;TZID=Europe/Berlin:20260328T023000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3\r\n", "20260101",
    "20270101", 10, "20260328T013000Z+60 20260329T013000Z+60 20260330T003000Z+60" },
  { "nominal-day",
    "DTSTART;TZID=Europe/Berlin:20260327T100000\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY;COUNT=2\r\n", "20260101",
    "20270101", 10, "20260327T090000Z+1440 20260328T090000Z+1380" },
  { "hebrew", "DTSTART;VALUE=DATE:20260402\r\nRRULE:RSCALE=HEBREW;FREQ=YEARLY;COUNT=3\r\n", "20260101",
    "20400101", 10, "20260402+1440 20270422+1440 20280411+1440" },
  { "microsoft-hebrew",
    "DTSTART;VALUE=DATE:20260402\r\nX-MICROSOFT-CALSCALE:Hebrew\r\nX-MICROSOFT-RRULE:FREQ=YEARLY;COUNT=3\r\n"
    "X-MICROSOFT-EXDATE;VALUE=DATE:20270422\r\n",
    "20260101", "20400101", 10, "20260402+1440 20280411+1440" },
  { "skip", "DTSTART;VALUE=DATE:20260131\r\nRRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=3\r\n",
    "20260101", "20270101", 10, "20260131+1440 20260228+1440 20260331+1440" },
};

static void
test_case (gconstpointer data)
{
  const Case *it = data;
  g_autofree char *text = g_strdup_printf (EVENT ("", "%s"), it->lines);
  g_autoptr (PnMessage) message = message_of (text);
  g_autofree char *own = expand (message, it->from, it->to, it->max);
  g_assert_cmpstr (own, ==, it->expected);
}

static void
test_orphans (void)
{
  g_autoptr (PnMessage) message = message_of (EVENT (
      "METHOD:REQUEST\r\n",
      "RECURRENCE-ID:20260324T090000Z\r\nDTSTART:20260324T100000Z\r\nDTEND:20260324T110000Z\r\n" OVERRIDE (
          "RECURRENCE-ID:20260325T090000Z\r\nDTSTART:20260325T090000Z\r\n"
          "DTEND:20260325T093000Z\r\n")));
  g_autofree char *own = expand (message, "20260101", "20270101", 10);
  g_assert_cmpstr (own, ==, "20260324T090000Z>20260324T100000Z+60 20260325T090000Z>20260325T090000Z+30");
  g_assert_false (pn_ical_is_instance (message, "20260326T090000Z", SITE));
}

static void
test_is_instance (void)
{
  g_autoptr (PnMessage) message
      = message_of (EVENT ("", TIMED ("RRULE:FREQ=WEEKLY\r\nEXDATE:20260330T080000Z\r\n")));
  g_assert_true (pn_ical_is_instance (message, "20260323T090000Z", SITE));
  g_assert_true (pn_ical_is_instance (message, "20290326T080000Z", SITE));
  g_assert_true (pn_ical_is_instance (message, "20260406", SITE));
  g_assert_false (pn_ical_is_instance (message, "20260330T080000Z", SITE));
  g_assert_false (pn_ical_is_instance (message, "20260407T080000Z", SITE));
  g_assert_false (pn_ical_is_instance (message, "20260323T100000Z", SITE));
  g_assert_false (pn_ical_is_instance (message, "nonsense", SITE));
  g_assert_false (pn_ical_is_instance (message, NULL, SITE));
}

/* Rules that never come to a day end all the same, and soon. */
static void
test_empty_rules (void)
{
  static const char *const rules[] = { "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
                                       "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
                                       "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=31",
                                       "FREQ=SECONDLY;BYSECOND=7;BYMINUTE=9;BYHOUR=3;BYMONTHDAY=31;BYMONTH=4",
                                       "FREQ=HOURLY;INTERVAL=2;BYHOUR=11",
                                       "FREQ=MINUTELY;INTERVAL=1440;BYMINUTE=1",
                                       "FREQ=SECONDLY;INTERVAL=60;BYSECOND=5",
                                       "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
                                       "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;BYDAY=MO",
                                       "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=40",
                                       "FREQ=YEARLY;BYYEARDAY=1;BYMONTH=5",
                                       "FREQ=SECONDLY;COUNT=2000000000",
                                       "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
                                       "RSCALE=CHINESE;FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=MO" };
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    g_autofree char *text = g_strdup_printf (EVENT ("", TIMED ("RRULE:%s\r\n")), rules[i]);
    g_autoptr (PnMessage) message = message_of (text);
    gint64 before = g_get_monotonic_time ();
    g_autoptr (GPtrArray) instances
        = pn_ical_expand (message, local_of ("20270101"), local_of ("20990101"), 100, SITE, NULL, NULL);
    g_test_message ("%s: %.3f s, %u", rules[i], (double) (g_get_monotonic_time () - before) / 1e6,
                    instances->len);
    g_assert_cmpint (g_get_monotonic_time () - before, <, 3 * G_USEC_PER_SEC);
    if (!strstr (rules[i], "COUNT"))
      g_assert_cmpuint (instances->len, ==, 0);
  }
}

/* What has nothing in 400 years is not looked for in the years behind; what comes once in them is found. */
static void
test_barren_rules (void)
{
  static const char *const rules[]
      = { "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4",
          "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=4",
          "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=40" };
  gint64 local;
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    g_autoptr (PnRule) rule = pn_rule_parse (rules[i], NULL);
    g_auto (PnRuleIterator) iterator = { 0 };
    pn_rule_iterator_init (&iterator, rule, local_of ("20260101T090000"), FALSE, 1000000);
    g_assert_false (pn_rule_iterator_next (&iterator, &local));
    g_assert_cmpuint (iterator.work, >, 1000000 - 2 * 146097);
  }
  g_autofree char *rare
      = go ("20000229T090000", "FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29", 3, local_of ("90000101"));
  g_assert_cmpstr (rare, ==, "20000229T090000,24000229T090000,28000229T090000");
  g_autofree char *short_one
      = go ("20260101T090000", "FREQ=HOURLY;INTERVAL=24;BYMONTH=2;BYMONTHDAY=29", 2, local_of ("90000101"));
  g_assert_cmpstr (short_one, ==, "20280229T090000,20320229T090000");
}

/* Native items have no calendar part. */
static void
test_native (void)
{
  g_autoptr (PnMessage) message = message_of (EVENT ("", TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\n")));
  g_ptr_array_set_size (message->parts, 0);
  g_ptr_array_add (message->calendar->exdates, g_strdup ("EXDATE:20260324T090000Z"));
  g_ptr_array_add (message->calendar->rdates, g_strdup ("RDATE;TZID=Europe/Berlin:20260401T100000"));
  g_autofree char *own = expand (message, "20260101", "20270101", 10);
  g_assert_cmpstr (own, ==, "20260323T090000Z+60 20260401T080000Z+60");
}

/* As many zones as the reader keeps none of at once: that of the series has to stay. */
static void
test_many_zones (void)
{
  enum { N = 300 };
  g_autoptr (GString) text = g_string_new ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
  for (guint i = 0; i < N; i++)
    g_string_append_printf (text,
                            "BEGIN:VTIMEZONE\r\nTZID:z%u\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
                            "TZOFFSETFROM:+0117\r\nTZOFFSETTO:+0117\r\nX-N:%u\r\nEND:STANDARD\r\n"
                            "END:VTIMEZONE\r\n",
                            i, i);
  g_string_append (text, "BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=z0:20260101T011700\r\nDURATION:PT1H\r\n"
                         "RRULE:FREQ=DAILY;COUNT=300\r\nEND:VEVENT\r\n");
  for (guint i = 1; i < N; i++)
    g_string_append_printf (text,
                            "BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID;TZID=z%u:2026%02u%02uT011700\r\n"
                            "DTSTART;TZID=z%u:2026%02u%02uT021700\r\nDURATION:PT1H\r\nEND:VEVENT\r\n",
                            i, (i - 1) / 28 + 1, (i - 1) % 28 + 1, i, (i - 1) / 28 + 1, (i - 1) % 28 + 1);
  g_string_append (text, "END:VCALENDAR\r\n");
  g_autoptr (PnMessage) message = message_of (text->str);
  g_autofree char *first = expand (message, "20260101", "20260103", 10);
  g_assert_cmpstr (first, ==, "20260101T000000Z>20260101T010000Z+60 20260102T000000Z>20260102T010000Z+60");
  g_autofree char *plain = expand (message, "20260131", "20260201", 10);
  g_assert_cmpstr (plain, ==, "20260131T000000Z+60");
}

/* A native message may say anything of its zones. */
static void
test_bad_zones (void)
{
  g_autoptr (PnMessage) message
      = message_of (EVENT ("", "DTSTART:20260101T090000\r\nRRULE:FREQ=DAILY;COUNT=3\r\n"
                               "EXDATE:20260102T090000\r\n"));
  g_autoptr (GString) zone = g_string_new (NULL);
  for (guint i = 0; i < 20; i++)
    g_string_append (zone, "BEGIN:VTIMEZONE\n");
  g_ptr_array_set_size (message->parts, 0);
  g_ptr_array_add (message->calendar->zones, g_strdup (zone->str));
  g_autofree char *own = expand (message, "20260101", "20270101", 10);
  g_assert_cmpstr (own, ==, "20260101T080000Z+0 20260103T080000Z+0");
}

/* What differs in a series without a UID has none either. */
static void
test_nameless (void)
{
  g_autofree char *text = g_strdup (EVENT (
      "METHOD:PUBLISH\r\n", TIMED ("RRULE:FREQ=DAILY;COUNT=2\r\n") OVERRIDE (
                                "RECURRENCE-ID:20260324T090000Z\r\nSUMMARY:x\r\nDTSTART:20260324T100000Z\r\n"
                                "DURATION:PT1H\r\n")));
  g_autoptr (GString) nameless = g_string_new (text);
  g_string_replace (nameless, "UID:u@example.com\r\n", "", 0);
  g_autoptr (PnMessage) message = message_of (nameless->str);
  g_autofree char *own = expand (message, "20260101", "20270101", 10);
  g_assert_cmpstr (own, ==, "20260323T090000Z+60 20260324T090000Z>20260324T100000Z=x+60");
}

/* -- what others take -- */

static const struct {
  const char *rule, *start, *simple; /* NULL: none; "": taken as it is */
} simple[] = {
  { "FREQ=DAILY;COUNT=5", "20260323T100000", "" },
  { "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "20260323T100000", "" },
  { "FREQ=MONTHLY;BYDAY=4MO", "20260323T100000", "" },
  { "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "20260331T100000", "" },
  { "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=23", "20260323T100000", "" },
  { "FREQ=YEARLY", "20260323T100000", "" },
  { "FREQ=DAILY;COUNT=5;UNTIL=20260325T235959", "20260323T100000", "FREQ=DAILY;COUNT=3" },
  { "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "20260323T100000", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR" },
  { "FREQ=HOURLY;INTERVAL=24", "20260323T100000", "FREQ=DAILY" },
  { "FREQ=HOURLY;INTERVAL=168;COUNT=4", "20260323T100000", "FREQ=WEEKLY;COUNT=4;BYDAY=MO" },
  { "FREQ=DAILY;BYHOUR=10;BYMINUTE=0;BYSECOND=0;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12", "20260323T100000",
    "FREQ=DAILY" },
  { "FREQ=YEARLY;BYDAY=MO", "20260323T100000", "FREQ=WEEKLY;BYDAY=MO" },
  { "FREQ=YEARLY;BYYEARDAY=1", "20260101T100000", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1" },
  { "FREQ=YEARLY;BYYEARDAY=-1", "20261231T100000", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31" },
  { "FREQ=MONTHLY;BYMONTH=3;BYDAY=-1SU", "20260329T100000", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU" },
  { "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=15", "20260415T100000",
    "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15" },
  { "FREQ=MONTHLY;BYMONTHDAY=8,9,10,11,12,13,14;BYDAY=MO", "20260413T100000", "FREQ=MONTHLY;BYDAY=2MO" },
  { "FREQ=MONTHLY;BYMONTHDAY=-1,-2,-3,-4,-5,-6,-7;BYDAY=FR", "20260424T100000", "FREQ=MONTHLY;BYDAY=-1FR" },
  { "FREQ=MONTHLY;BYMONTHDAY=1,2,3;BYSETPOS=-1", "20260403T100000", "FREQ=MONTHLY;BYMONTHDAY=3" },
  { "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1", "20260331T100000", "FREQ=MONTHLY;BYMONTHDAY=-1" },
  { "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYMONTHDAY=23;BYSETPOS=1", "20260323T100000",
    "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYMONTHDAY=23" },
  { "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "20260213T100000", NULL },
  { "FREQ=DAILY;BYHOUR=10,15", "20260323T100000", NULL },
  { "FREQ=MONTHLY;BYMONTHDAY=1,15", "20260401T100000", NULL },
  { "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "20260511T100000", NULL },
  { "FREQ=YEARLY;BYYEARDAY=100", "20260410T100000", NULL },
  { "FREQ=DAILY;BYMONTH=1", "20260101T100000", NULL },
  { "FREQ=DAILY;INTERVAL=1000", "20260101T100000", NULL },
  { "FREQ=DAILY;INTERVAL=1001", "20260101T100000", NULL },
  { "FREQ=WEEKLY;BYDAY=TU", "20260323T100000", NULL },
  { "RSCALE=HEBREW;FREQ=YEARLY", "20260402T100000", NULL },
  { "FREQ=MONTHLY;BYDAY=5MO", "20260330T100000", NULL },
  { "nonsense", "20260330T100000", NULL },
};

static void
test_simplify (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (simple); i++) {
    PnCalendarTime start = { 0 };
    gboolean utc;
    g_assert_true (pn_ical_parse_time (simple[i].start, &start, &utc));
    start.unix_time = pn_calendar_time_local (&start);
    start.floating = TRUE;
    const char *refused = pn_ical_rule_refused (simple[i].rule, &start);
    g_autofree char *found = pn_ical_rule_simplify (simple[i].rule, &start);
    g_test_message ("%s: %s, %s", simple[i].rule, refused ? refused : "taken", found ? found : "-");
    gboolean as_is = simple[i].simple && !*simple[i].simple;
    g_assert_true (as_is == !refused);
    g_assert_cmpstr (found, ==, as_is ? simple[i].rule : simple[i].simple);
    if (found)
      g_assert_null (pn_ical_rule_refused (found, &start));
  }
}

static void
test_find (void)
{
  static const struct {
    const char *dates, *rule;
  } lists[] = {
    { "20260101T090000 20260102T090000 20260103T090000", "FREQ=DAILY;COUNT=3" },
    { "20260101T090000 20260108T090000 20260115T090000", "FREQ=WEEKLY;COUNT=3;BYDAY=TH" },
    { "20260105T090000 20260107T090000 20260112T090000 20260114T090000", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE" },
    { "20260115T090000 20260215T090000 20260315T090000", "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=15" },
    { "20260109T090000 20260213T090000 20260313T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=2FR" },
    { "20260131T090000 20260228T090000 20260331T090000", "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-1" },
    { "20260323T090000 20270323T090000 20280323T090000", "FREQ=YEARLY;COUNT=3;BYMONTH=3;BYMONTHDAY=23" },
    { "20260101T090000 20260102T100000", NULL },
    { "20260101T090000 20260102T090000 20260105T090000 20260217T090000", NULL },
    { "20260101T090000", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++) {
    g_auto (GStrv) dates = g_strsplit (lists[i].dates, " ", -1);
    g_autoptr (GPtrArray) starts = g_ptr_array_new_with_free_func (g_free);
    for (guint j = 0; dates[j]; j++) {
      PnCalendarTime *time = g_new0 (PnCalendarTime, 1);
      gboolean utc;
      g_assert_true (pn_ical_parse_time (dates[j], time, &utc));
      g_ptr_array_add (starts, time);
    }
    g_autofree char *found = pn_ical_rule_find (starts);
    g_assert_cmpstr (found, ==, lists[i].rule);
  }
}

static void
test_vcalendar (void)
{
  static const struct {
    const char *older, *rule;
  } rules[] = {
    { "D1 #10", "FREQ=DAILY;COUNT=10" },
    { "W2 MO WE 20260101T000000Z", "FREQ=WEEKLY;UNTIL=20260101T000000Z;INTERVAL=2;BYDAY=MO,WE;WKST=SU" },
    { "MP1 1+ MO #5", "FREQ=MONTHLY;COUNT=5;BYDAY=1MO" },
    { "MP2 1- FR SA #0", "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR,-1SA" },
    { "MD1 15 #0", "FREQ=MONTHLY;BYMONTHDAY=15" },
    { "MD1 LD 3- #2", "FREQ=MONTHLY;COUNT=2;BYMONTHDAY=-3,-1" },
    { "YM1 3 #5", "FREQ=YEARLY;COUNT=5;BYMONTH=3" },
    { "YD1 1 100 #0", "FREQ=YEARLY;BYYEARDAY=1,100" },
    { "YD1", "FREQ=YEARLY;COUNT=2" },
    { "D1 0900 1500 #4", "FREQ=DAILY;COUNT=4;BYHOUR=9,15;BYMINUTE=0" },
    { "FREQ=DAILY", NULL },
    { "X1", NULL },
    { "", NULL },
    { "YM1 6 W1 TU", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++) {
    g_autofree char *rule = pn_ical_rule_from_vcalendar (rules[i].older, NULL);
    g_assert_cmpstr (rule, ==, rules[i].rule);
  }
}

/* -- singles -- */

static void
test_singles (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message
      = message_of (EVENT ("METHOD:REQUEST\r\n",
                           "ORGANIZER:mailto:a@example.com\r\nATTENDEE:mailto:b@example.org\r\n" TIMED (
                               "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=4\r\nEXDATE:20260415T080000Z\r\n")));
  g_autoptr (GPtrArray) singles = pn_ical_singles (message, local_of ("20260324"), 10, SITE, &error);
  g_assert_no_error (error);
  g_assert_nonnull (singles);
  g_assert_cmpuint (singles->len, ==, 2);
  const PnMessage *first = singles->pdata[0];
  g_assert_cmpstr (first->calendar->uid, ==, "u.single-20260401T080000Z@example.com");
  g_assert_null (first->calendar->rrule);
  g_assert_cmpint (first->calendar->start.unix_time, ==, local_of ("20260401T080000"));
  g_assert_cmpuint (first->recipients->len, ==, 1);
  for (guint i = 0; i < singles->len; i++) {
    g_autofree char *text = pn_ical_write (singles->pdata[i], NOW, &error);
    g_assert_no_error (error);
    g_assert_null (strstr (text, "RRULE:FREQ=MONTHLY"));
    g_assert_null (strstr (text, "EXDATE"));
    g_assert_null (strstr (text, "RECURRENCE-ID"));
    check_lines (text);
  }
  /* A cancel finds the same ones. */
  g_free (message->action);
  message->action = g_strdup ("Retract");
  message->calendar->sequence = 3;
  g_autoptr (GPtrArray) again = pn_ical_singles (message, local_of ("20260324"), 1, SITE, NULL);
  g_assert_cmpuint (again->len, ==, 1);
  const PnMessage *cancel = again->pdata[0];
  g_assert_cmpstr (cancel->calendar->uid, ==, first->calendar->uid);
  g_assert_cmpint (cancel->calendar->sequence, ==, 3);
  g_assert_cmpuint (cancel->losses->len, ==, message->losses->len + 1);
  g_autofree char *text = pn_ical_write (again->pdata[0], NOW, NULL);
  g_assert_nonnull (strstr (text, "METHOD:CANCEL"));
}

/* The answer to a single item is one to an instance of the series. */
static void
test_single_reply (void)
{
  g_autoptr (PnMessage) reply
      = read_text ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"
                   "UID:u.single-20260401T080000Z@example.com\r\nDTSTAMP:20260301T000000Z\r\n"
                   "ATTENDEE;PARTSTAT=ACCEPTED:mailto:b@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                   -1, NULL);
  g_assert_cmpstr (reply->calendar->uid, ==, "u@example.com");
  g_assert_true (reply->calendar->recurrence_id.set);
  g_assert_cmpint (reply->calendar->recurrence_id.unix_time, ==, local_of ("20260401T080000"));
}

static void
test_not_single (void)
{
  static const struct {
    const char *lines, *rule;
  } items[] = {
    { "RRULE:FREQ=WEEKLY;COUNT=3\r\n", "FREQ=WEEKLY;COUNT=3" },
    { "RRULE:FREQ=DAILY;COUNT=9;UNTIL=20260325T235959Z\r\n", "FREQ=DAILY;COUNT=3" },
    { "RDATE:20260324T090000Z,20260325T090000Z\r\n", "FREQ=DAILY;COUNT=3" },
    { "RRULE:FREQ=DAILY;COUNT=2\r\nRDATE;TZID=Europe/Berlin:20260325T100000\r\n", "FREQ=DAILY;COUNT=3" },
    { "", NULL },
  };
  for (guint i = 0; i < G_N_ELEMENTS (items); i++) {
    g_autofree char *text = g_strdup_printf (EVENT ("METHOD:REQUEST\r\n", TIMED ("%s")), items[i].lines);
    g_autoptr (PnMessage) message = message_of (text);
    g_autoptr (GPtrArray) singles = pn_ical_singles (message, 0, 10, SITE, NULL);
    g_assert_null (singles);
    g_assert_cmpstr (message->calendar->rrule, ==, items[i].rule);
    g_autofree char *written = pn_ical_write (message, NOW, NULL);
    g_assert_null (strstr (written, "RDATE"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/series/rules/dateutil", test_dateutil);
  g_test_add_func ("/series/rules/empty", test_empty_rules);
  g_test_add_func ("/series/rules/barren", test_barren_rules);
  g_test_add_func ("/series/rules/vcalendar", test_vcalendar);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/series/expand/", cases[i].name, NULL);
    g_test_add_data_func (path, &cases[i], test_case);
  }
  g_test_add_func ("/series/orphans", test_orphans);
  g_test_add_func ("/series/is-instance", test_is_instance);
  g_test_add_func ("/series/native", test_native);
  g_test_add_func ("/series/many-zones", test_many_zones);
  g_test_add_func ("/series/bad-zones", test_bad_zones);
  g_test_add_func ("/series/nameless", test_nameless);
  g_test_add_func ("/series/simplify", test_simplify);
  g_test_add_func ("/series/find", test_find);
  g_test_add_func ("/series/singles", test_singles);
  g_test_add_func ("/series/single-reply", test_single_reply);
  g_test_add_func ("/series/not-single", test_not_single);
  return g_test_run ();
}
