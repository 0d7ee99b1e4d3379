#include "cmd/view.h"

#include <stdio.h>
#include <string.h>

enum { RECIPIENT_WIDTH = 44 };

static const char *
action_text (PnAction action)
{
  return action == PN_ACTION_NONE ? "Pending" : pn_action_to_string (action);
}

static const char *
distribution_text (PnDistribution distribution)
{
  return distribution == PN_TO ? "To" : distribution == PN_CC ? "CC" : "BC";
}

static PnStyle
action_style (PnAction action)
{
  if (action == PN_ACTION_NONE || action == PN_ACTION_TRANSFER_DELAYED || action == PN_ACTION_TENTATIVE)
    return PN_STYLE_YELLOW;
  return action == PN_ACTION_UNDELIVERABLE || action == PN_ACTION_DECLINED ? PN_STYLE_RED : PN_STYLE_GREEN;
}

static void
print_detail (const char *label, const char *text)
{
  if (!text || !*text)
    return;
  g_autofree char *clean = pn_view_clean (text, FALSE);
  printf ("          %s: %s\n", label, clean);
}

static void
print_status (const PnItemStatus *status, const char *zone_name)
{
  g_autoptr (GString) row = g_string_new (NULL);
  g_autofree char *time = status->time ? pn_view_time (status->time, zone_name) : g_strdup ("");
  pn_view_cell (row, status->recipient, RECIPIENT_WIDTH);
  printf ("%-2s  %s  %s%-17s%s  %s\n", distribution_text (status->distribution), row->str,
          pn_view_style (action_style (status->action)), action_text (status->action),
          pn_view_style (PN_STYLE_PLAIN), time);
  for (guint i = 0; i < status->history->len; i++) {
    const PnStatusReport *report = status->history->pdata[i];
    g_autofree char *when = pn_view_time (report->time.unix_time, zone_name);
    printf ("      %s%s  %s%s\n", pn_view_style (PN_STYLE_DIM), when, action_text (report->action),
            pn_view_style (PN_STYLE_PLAIN));
    print_detail ("code", report->status_code);
    print_detail ("server", report->remote_mta);
    print_detail ("reason", report->diagnostic);
    print_detail ("comment", report->comment);
  }
}

/* What Message Info cannot say: answers for one instance, proposals, and who was not invited. */
static gboolean
is_special (const PnItipAnswer *answer)
{
  return answer->counter || answer->stranger || (answer->recurrence && answer->time != 0);
}

static void
print_answer (const PnItipAnswer *answer, const char *timezone)
{
  if (!is_special (answer))
    return;
  g_autofree char *who = pn_address_display (answer->address), *clean = pn_view_clean (who, FALSE);
  g_autofree char *start = answer->counter ? pn_view_time (answer->start, timezone) : NULL;
  g_autofree char *end = answer->counter ? pn_view_time (answer->end, timezone) : NULL;
  printf ("    %s %s%s%s", clean, answer->counter ? "proposes " : pn_partstat_to_string (answer->partstat),
          start ? start : "", end ? " to " : "");
  printf ("%s%s%s%s\n", end ? end : "", answer->recurrence ? " for instance " : "",
          answer->recurrence ? answer->recurrence : "", answer->stranger ? " (was not invited)" : "");
  print_detail ("comment", answer->comment);
}

static void
print_text (const PnView *view, const PnItem *item, GPtrArray *info, GPtrArray *answers)
{
  g_autofree char *date = pn_view_time (item->date, view->config->timezone);
  g_autofree char *subject = pn_view_clean (item->subject, FALSE);
  printf ("%s%s%s\nSent:       %s\nMessage id: %s\n\n", pn_view_style (PN_STYLE_BOLD),
          *subject ? subject : "(no subject)", pn_view_style (PN_STYLE_PLAIN), date, item->id);
  for (guint i = 0; i < info->len; i++)
    print_status (info->pdata[i], view->config->timezone);
  for (guint i = 0; i < answers->len; i++)
    print_answer (answers->pdata[i], view->config->timezone);
}

static void
json_report (JsonBuilder *builder, const PnStatusReport *report)
{
  json_builder_begin_object (builder);
  pn_json_text (builder, "status", action_text (report->action));
  pn_view_json_time (builder, "time", report->time.unix_time);
  pn_json_text (builder, "code", report->status_code);
  pn_json_text (builder, "server", report->remote_mta);
  pn_json_text (builder, "reason", report->diagnostic);
  pn_json_text (builder, "comment", report->comment);
  json_builder_end_object (builder);
}

static void
json_answers (JsonBuilder *builder, GPtrArray *answers)
{
  pn_json_list (builder, "answers");
  for (guint i = 0; i < answers->len; i++) {
    const PnItipAnswer *answer = answers->pdata[i];
    g_autofree char *who = pn_address_to_string (answer->address);
    json_builder_begin_object (builder);
    pn_json_text (builder, "address", who);
    pn_json_text (builder, "answer", pn_partstat_to_string (answer->partstat));
    pn_json_text (builder, "instance", answer->recurrence);
    pn_view_json_time (builder, "time", answer->time);
    pn_json_text (builder, "comment", answer->comment);
    pn_json_bool (builder, "invited", !answer->stranger);
    pn_json_bool (builder, "undeliverable", answer->undeliverable);
    pn_view_json_time (builder, "proposed_start", answer->counter ? answer->start : 0);
    pn_view_json_time (builder, "proposed_end", answer->counter ? answer->end : 0);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
print_json (const PnItem *item, GPtrArray *info, GPtrArray *answers)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  pn_view_json_item (builder, item);
  pn_json_list (builder, "recipients");
  for (guint i = 0; i < info->len; i++) {
    const PnItemStatus *status = info->pdata[i];
    json_builder_begin_object (builder);
    pn_json_text (builder, "recipient", status->recipient);
    pn_json_text (builder, "address", status->address);
    pn_json_text (builder, "distribution", distribution_text (status->distribution));
    pn_json_text (builder, "status", action_text (status->action));
    pn_view_json_time (builder, "time", status->time);
    pn_json_list (builder, "history");
    for (guint j = 0; j < status->history->len; j++)
      json_report (builder, status->history->pdata[j]);
    json_builder_end_array (builder);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_answers (builder, answers);
  json_builder_end_object (builder);
  pn_json_print (builder);
}

int
pn_cmd_info (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  gboolean json = FALSE;
  gint64 number;
  if (!pn_cmd_options (&argc, &argv, NULL, &dir, &json, "USER NUMBER",
                       "Tells what became of a sent message at each recipient, with times.",
                       "NUMBER is that of 'postern list USER --box out'."))
    return PN_EXIT_USAGE;
  if (argc != 3) {
    fprintf (stderr, "postern info: whose item, and which?\n");
    return PN_EXIT_USAGE;
  }
  if (!pn_view_parse_number (argv[2], &number))
    return PN_EXIT_USAGE;
  g_auto (PnView) view = { 0 };
  if (!pn_view_open (&view, dir, argv[1]))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GError) error = NULL;
  PnStore *store = pn_mailbox_store (view.mailbox);
  g_autoptr (PnItem) item = pn_store_get (store, pn_mailbox_fid (view.mailbox), number, &error);
  if (item && item->box != PN_BOX_OUT)
    g_set_error (&error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE,
                 "item %" G_GINT64_FORMAT " was received, not sent", number);
  g_autoptr (GPtrArray) info
      = error ? NULL : pn_store_info (store, pn_mailbox_fid (view.mailbox), number, &error);
  g_autoptr (GPtrArray) answers = info ? pn_mailbox_answers (view.mailbox, number, &error) : NULL;
  if (!answers)
    return pn_cmd_fail ("info", g_steal_pointer (&error));
  if (json)
    print_json (item, info, answers);
  else
    print_text (&view, item, info, answers);
  return PN_EXIT_DONE;
}
