#include "cmd/view.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *command;
  PnPartstat partstat;
  const char *done;
} answers[] = {
  { "accept", PN_PARTSTAT_ACCEPTED, "accepted" },
  { "decline", PN_PARTSTAT_DECLINED, "declined" },
  { "tentative", PN_PARTSTAT_TENTATIVE, "accepted tentatively" },
  { "complete", PN_PARTSTAT_COMPLETED, "completed" },
};

/* "15", or "none". */
static gboolean
parse_alarm (const char *text, PnMailboxOwn *own)
{
  char *end = NULL;
  own->set_alarm = text != NULL;
  own->alarm = -1;
  if (!text || strcmp (text, "none") == 0)
    return TRUE;
  guint64 minutes = g_ascii_strtoull (text, &end, 10);
  own->alarm = (gint64) minutes * 60;
  return g_ascii_isdigit (*text) && !*end && minutes <= 60 * 24 * 366;
}

/* FALSE after a message. */
static gboolean
check_own (const char *command, const char *show_as, const char *alarm, PnMailboxOwn *own)
{
  own->show_as = show_as;
  if (show_as && !pn_mailbox_is_show_as (show_as)) {
    fprintf (stderr, "postern %s: --show-as: '%s' is none of free, tentative, busy, oof\n", command, show_as);
    return FALSE;
  }
  if (!parse_alarm (alarm, own)) {
    fprintf (stderr, "postern %s: --alarm: '%s' is neither a number of minutes nor none\n", command, alarm);
    return FALSE;
  }
  return TRUE;
}

static gboolean
answer (PnMailbox *mailbox, gint64 number, const PnMailboxAct *act, gboolean instance,
        const PnMailboxOwn *own, GError **error)
{
  gboolean ok = instance ? pn_mailbox_act (mailbox, number, act, error)
                         : pn_mailbox_answer (mailbox, number, act->partstat, act->comment, error);
  return ok && ((!own->show_as && !own->set_alarm) || pn_mailbox_set_own (mailbox, number, own, error));
}

static void
print_done (gboolean json, gint64 number, PnPartstat partstat, const char *done)
{
  if (!json) {
    printf ("Item %" G_GINT64_FORMAT " %s.\n", number, done);
    return;
  }
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  pn_json_number (builder, "number", number);
  pn_json_text (builder, "answer", pn_partstat_to_string (partstat));
  json_builder_end_object (builder);
  pn_json_print (builder);
}

int
pn_cmd_accept (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  g_autofree char *comment = NULL;
  g_autofree char *show_as = NULL;
  g_autofree char *alarm = NULL;
  PnMailboxOwn own = { 0 };
  gboolean json = FALSE, instance = FALSE;
  gint64 number;
  guint which = 0;
  const char *command = argv[0];
  while (which + 1 < G_N_ELEMENTS (answers) && strcmp (answers[which].command, command) != 0)
    which++;
  const GOptionEntry entries[] = {
    { "comment", 0, 0, G_OPTION_ARG_STRING, &comment, "a few words to the organizer", "TEXT" },
    { "instance", 0, 0, G_OPTION_ARG_NONE, &instance, "answer for this instance of a series alone", NULL },
    { "show-as", 0, 0, G_OPTION_ARG_STRING, &show_as,
      "how your calendar shows the time: free, tentative, busy or oof (out of office)", "WORD" },
    { "alarm", 0, 0, G_OPTION_ARG_STRING, &alarm, "remind so long before the start; or none", "MINUTES" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  if (!pn_cmd_options (&argc, &argv, entries, &dir, &json, "USER NUMBER",
                       "Answers an invitation: the organizer is told, and the item is marked.",
                       "NUMBER is that of 'postern list USER'."))
    return PN_EXIT_USAGE;
  if (argc != 3) {
    fprintf (stderr, "postern %s: whose item, and which?\n", command);
    return PN_EXIT_USAGE;
  }
  if (!pn_view_parse_number (argv[2], &number) || !check_own (command, show_as, alarm, &own))
    return PN_EXIT_USAGE;
  g_auto (PnView) view = { 0 };
  if (!pn_view_open (&view, dir, argv[1]))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GError) error = NULL;
  PnMailboxAct act = { .kind = PN_ACT_ANSWER, .partstat = answers[which].partstat, .comment = comment };
  act.instance = TRUE;
  if (!answer (view.mailbox, number, &act, instance, &own, &error))
    return pn_cmd_fail (command, g_steal_pointer (&error));
  print_done (json, number, answers[which].partstat, answers[which].done);
  return PN_EXIT_DONE;
}
