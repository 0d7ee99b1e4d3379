#include "cmd/view.h"

#include <stdio.h>
#include <string.h>

enum {
  NUMBER_WIDTH = 6,
  MARKS_WIDTH = 6,
  DATE_WIDTH = 16,
  NAME_WIDTH = 24,
  TYPE_WIDTH = 6,
  GAPS = 5 * 2,
  SUBJECT_MIN = 20
};

/* New, priority, answer, attachment: one column each, so that the eye finds them. */
static void
append_marks (GString *out, const PnItem *item)
{
  guint f = item->flags;
  char marks[] = "     ";
  if (item->box == PN_BOX_IN && !(f & PN_ITEM_READ))
    marks[0] = '*';
  if (f & PN_ITEM_UNSENT)
    marks[0] = '?';
  if (f & (PN_ITEM_HIGH | PN_ITEM_LOW))
    marks[1] = f & PN_ITEM_HIGH ? '!' : '-';
  if (f & PN_ITEM_CANCELLED)
    marks[2] = 'X';
  else if (f & PN_ITEM_ANSWERS)
    marks[2] = f & PN_ITEM_ACCEPTED ? 'A' : f & PN_ITEM_TENTATIVE ? 'T' : 'D';
  else if (f & (PN_ITEM_REPLIED | PN_ITEM_COMPLETED))
    marks[2] = f & PN_ITEM_COMPLETED ? 'C' : 'R';
  if (f & PN_ITEM_ATTACHMENTS)
    marks[3] = '@';
  if (f & PN_ITEM_PRIVATE)
    marks[4] = 'p';
  pn_view_cell (out, marks, MARKS_WIDTH);
}

static char *
subject_text (const PnItem *item, const char *zone_name)
{
  g_autofree char *when = pn_view_when (item, zone_name);
  if (!when)
    return g_strdup (item->subject);
  return g_strdup_printf ("%s  [%s%s%s]", item->subject, when, *item->place ? ", " : "", item->place);
}

static void
print_row (const PnItem *item, const char *zone_name, guint subject_width)
{
  char number[24];
  g_autoptr (GString) row = g_string_new (NULL);
  g_autofree char *date = pn_view_time (item->date, zone_name);
  g_autofree char *subject = subject_text (item, zone_name);
  gboolean is_new = item->box == PN_BOX_IN && !(item->flags & PN_ITEM_READ);
  g_snprintf (number, sizeof number, "%*" G_GINT64_FORMAT "  ", NUMBER_WIDTH, item->number);
  g_string_append (row, number);
  append_marks (row, item);
  g_string_append (row, "  ");
  pn_view_cell (row, date, DATE_WIDTH);
  g_string_append (row, "  ");
  pn_view_cell (row, item->box == PN_BOX_OUT ? item->to : item->from, NAME_WIDTH);
  g_string_append (row, "  ");
  pn_view_cell (row, pn_message_type_to_string (item->type), TYPE_WIDTH);
  g_string_append (row, "  ");
  pn_view_cell (row, subject, subject_width);
  g_strchomp (row->str);
  PnStyle style = item->flags & PN_ITEM_CANCELLED ? PN_STYLE_DIM : PN_STYLE_BOLD;
  gboolean styled = is_new || item->flags & PN_ITEM_CANCELLED;
  printf ("%s%s%s\n", styled ? pn_view_style (style) : "", row->str,
          styled ? pn_view_style (PN_STYLE_PLAIN) : "");
}

static void
print_table (const PnView *view, GPtrArray *items, int box)
{
  const char *zone_name = view->config->timezone;
  guint columns = pn_view_columns ();
  guint left = NUMBER_WIDTH + MARKS_WIDTH + DATE_WIDTH + NAME_WIDTH + TYPE_WIDTH + GAPS;
  guint subject_width = columns == 0 ? 0 : columns > left + SUBJECT_MIN ? columns - left : SUBJECT_MIN;
  if (items->len == 0) {
    printf ("%s: no items.\n", box < 0 ? "Mailbox" : pn_box_title ((PnBox) box));
    return;
  }
  printf ("%s%*s  %-*s  %-*s  %-*s  %-*s  %s%s\n", pn_view_style (PN_STYLE_DIM), NUMBER_WIDTH, "No",
          MARKS_WIDTH, "Flags", DATE_WIDTH, "Date", NAME_WIDTH, box == PN_BOX_OUT ? "To" : "From", TYPE_WIDTH,
          "Type", "Subject", pn_view_style (PN_STYLE_PLAIN));
  for (guint i = 0; i < items->len; i++)
    print_row (items->pdata[i], zone_name, subject_width);
}

static void
print_json (GPtrArray *items)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_array (builder);
  for (guint i = 0; i < items->len; i++) {
    json_builder_begin_object (builder);
    pn_view_json_item (builder, items->pdata[i]);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  pn_json_print (builder);
}

int
pn_cmd_list (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  g_autofree char *box_name = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "box", 0, 0, G_OPTION_ARG_STRING, &box_name, "in (default), out, draft, personal, trash, or all",
      "BOX" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  if (!pn_cmd_options (&argc, &argv, entries, &dir, &json, "USER",
                       "Lists the items of a mailbox, oldest first.",
                       "Flags: * new, ? not queued yet, ! high, - low, A accepted, T tentative, D declined,\n"
                       "X cancelled, R replied, C completed, @ attachments, p private."))
    return PN_EXIT_USAGE;
  int box = !box_name ? PN_BOX_IN : pn_box_from_name (box_name);
  gboolean all = g_strcmp0 (box_name, "all") == 0;
  if (argc != 2 || (box < 0 && !all)) {
    if (argc != 2)
      fprintf (stderr, "postern list: whose mailbox?\n");
    else
      fprintf (stderr, "postern list: there is no box '%s'; there are in, out, draft, personal, trash, all\n",
               box_name);
    return PN_EXIT_USAGE;
  }
  g_auto (PnView) view = { 0 };
  if (!pn_view_open (&view, dir, argv[1]))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) items = pn_store_list (pn_mailbox_store (view.mailbox), pn_mailbox_fid (view.mailbox),
                                               all ? -1 : box, &error);
  if (!items)
    return pn_cmd_fail ("list", g_steal_pointer (&error));
  if (json)
    print_json (items);
  else
    print_table (&view, items, all ? -1 : box);
  return PN_EXIT_DONE;
}
