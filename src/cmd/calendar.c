/* postern propose, delegate, refresh, reschedule, add-instance, retract, decline-proposal. */
#include "cmd/view.h"

#include "convert/ical.h"

#include <stdio.h>
#include <string.h>

typedef enum {
  WHO = 1 << 0,
  TIMES = 1 << 1,
  NEEDS_WHO = 1 << 2,
  NEEDS_START = 1 << 3,
  FUTURE = 1 << 4
} Wants;

static const struct {
  const char *command;
  PnMailboxActKind kind;
  guint wants;
  const char *done, *summary;
} commands[] = {
  { "propose", PN_ACT_COUNTER, TIMES | NEEDS_START, "proposal sent",
    "Proposes another time to the organizer of an appointment." },
  { "delegate", PN_ACT_DELEGATE, WHO | NEEDS_WHO, "delegated",
    "Sends somebody else: he and the organizer are told." },
  { "refresh", PN_ACT_REFRESH, 0, "asked for", "Asks the organizer for the appointment as it is now." },
  { "reschedule", PN_ACT_REVISE, TIMES, "changed",
    "Changes a sent appointment: all are told, and asked again." },
  { "add-instance", PN_ACT_PUBLISH_ADD, TIMES | NEEDS_START, "added to",
    "Adds an instance to a sent series." },
  { "retract", PN_ACT_CANCEL, WHO | FUTURE, "taken back",
    "Takes back a sent appointment, one instance of it, or the invitation of one." },
  { "decline-proposal", PN_ACT_DECLINE_COUNTER, WHO | NEEDS_WHO, "proposal declined",
    "Tells somebody that the time he proposed is not taken." },
};

typedef struct {
  char *dir, *comment, *who, *instance, *start, *end, *subject, *place;
  gboolean json, only, future;
} Options;

static void
options_clear (Options *self)
{
  char *texts[] = { self->dir,   self->comment, self->who,     self->instance,
                    self->start, self->end,     self->subject, self->place };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* "2026-01-06 09:00", a "Z" behind it for UTC, or "2026-01-06". */
static gboolean
parse_time (const char *text, const char *zone, PnCalendarTime *time)
{
  int used = 0;
  char separator = ' ';
  int n = sscanf (text, "%4d-%2d-%2d%n%c%2d:%2d%n", &time->year, &time->month, &time->day, &used, &separator,
                  &time->hour, &time->minute, &used);
  gboolean utc = n == 6 && text[used] == 'Z' && !text[used + 1];
  time->is_date = n == 3;
  time->set
      = (n == 3 && !text[used]) || (n == 6 && (utc || !text[used]) && (separator == ' ' || separator == 'T'));
  if (!time->set || !g_date_valid_dmy ((GDateDay) time->day, (GDateMonth) time->month, (GDateYear) time->year)
      || time->hour > 23 || time->minute > 59)
    return FALSE;
  time->tzid = utc || time->is_date ? NULL : g_strdup (zone);
  return pn_timezone_to_unix (utc ? "UTC" : zone, time->year, time->month, time->day, time->hour,
                              time->minute, 0, &time->unix_time);
}

/* FALSE after a message. */
static gboolean
read_time (const char *option, const char *text, const char *zone, PnCalendarTime *time)
{
  if (!text || parse_time (text, zone, time))
    return TRUE;
  fprintf (stderr, "%s: --%s: '%s' is not a time like \"2026-01-06 09:00\"\n", g_get_prgname (), option,
           text);
  return FALSE;
}

static int
act (guint which, const Options *options, const char *user, gint64 number)
{
  g_auto (PnView) view = { 0 };
  if (!pn_view_open (&view, options->dir, user))
    return PN_EXIT_NOT_DONE;
  const char *zone = view.config->timezone;
  PnCalendarTime start = { 0 }, end = { 0 }, instance = { 0 };
  PnItipChange change = { .summary = options->subject, .place = options->place };
  gboolean good = read_time ("start", options->start, zone, &start)
                  && read_time ("end", options->end, zone, &end)
                  && read_time ("instance", options->instance, zone, &instance);
  change.start = start.set ? &start : NULL;
  change.end = end.set ? &end : NULL;
  g_autofree char *recurrence = instance.set ? pn_itip_recurrence (&instance) : NULL;
  PnMailboxAct done = { .kind = commands[which].kind,
                        .comment = options->comment,
                        .recurrence = recurrence,
                        .instance = options->only,
                        .this_and_future = options->future,
                        .who = options->who,
                        .change = &change };
  g_autoptr (GError) error = NULL;
  gboolean ok = good && pn_mailbox_act (view.mailbox, number, &done, &error);
  pn_calendar_time_clear (&start);
  pn_calendar_time_clear (&end);
  pn_calendar_time_clear (&instance);
  if (!good)
    return PN_EXIT_USAGE;
  return ok ? PN_EXIT_DONE : pn_cmd_fail (commands[which].command, g_steal_pointer (&error));
}

static void
print_done (guint which, gint64 number, gboolean json)
{
  if (!json) {
    printf ("Item %" G_GINT64_FORMAT ": %s.\n", number, commands[which].done);
    return;
  }
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  pn_json_number (builder, "number", number);
  pn_json_text (builder, "done", commands[which].command);
  json_builder_end_object (builder);
  pn_json_print (builder);
}

static gboolean
parse_options (guint which, int *argc, char ***argv, Options *o)
{
  guint wants = commands[which].wants;
  gboolean sent = commands[which].kind >= PN_ACT_CANCEL;
  const GOptionEntry entries[] = {
    { "comment", 0, 0, G_OPTION_ARG_STRING, &o->comment, "a few words that go with it", "TEXT" },
    { "only", 0, sent ? G_OPTION_FLAG_HIDDEN : 0, G_OPTION_ARG_NONE, &o->only,
      "this instance of a series alone", NULL },
    { "instance", 0, sent ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &o->instance,
      "the instance of the series that begins at TIME", "TIME" },
    { "this-and-future", 0, wants & FUTURE ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &o->future,
      "with --instance: all later ones, too", NULL },
    { "to", 0, wants & WHO ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &o->who,
      "whom: Internet address or user of the domain", "ADDRESS" },
    { "start", 0, wants & TIMES ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &o->start,
      "start, like \"2026-01-06 09:00\"", "TIME" },
    { "end", 0, wants & TIMES ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &o->end, "end", "TIME" },
    { "subject", 0, wants & TIMES ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &o->subject,
      "another subject", "TEXT" },
    { "place", 0, wants & TIMES ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &o->place, "another place",
      "TEXT" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  if (!pn_cmd_options (argc, argv, entries, &o->dir, &o->json, "USER NUMBER", commands[which].summary,
                       sent ? "NUMBER is that of 'postern list --box out USER'."
                            : "NUMBER is that of 'postern list USER'."))
    return FALSE;
  const char *fault = *argc != 3                         ? "whose item, and which?"
                      : wants & NEEDS_WHO && !o->who     ? "--to is wanted"
                      : wants & NEEDS_START && !o->start ? "--start is wanted"
                      : o->future && !o->instance        ? "--this-and-future wants --instance"
                                                         : NULL;
  if (fault)
    fprintf (stderr, "postern %s: %s\n", commands[which].command, fault);
  return !fault;
}

int
pn_cmd_calendar (int argc, char **argv)
{
  g_auto (Options) options = { 0 };
  guint which = 0;
  gint64 number;
  while (which + 1 < G_N_ELEMENTS (commands) && strcmp (commands[which].command, argv[0]) != 0)
    which++;
  if (!parse_options (which, &argc, &argv, &options) || !pn_view_parse_number (argv[2], &number))
    return PN_EXIT_USAGE;
  int code = act (which, &options, argv[1], number);
  if (code == PN_EXIT_DONE)
    print_done (which, number, options.json);
  return code;
}
