#include "cmd/cmd.h"
#include "cmd/json.h"
#include "core/trace.h"

#include <stdio.h>
#include <string.h>

static char *
format_time (gint64 us)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (us / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (utc, "%Y-%m-%dT%H:%M:%S");
  return g_strdup_printf ("%s.%06dZ", text, (int) (us % G_USEC_PER_SEC));
}

static void
print_json (const char *id, GPtrArray *lines)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  pn_json_text (builder, "id", id);
  pn_json_list (builder, "hops");
  for (guint i = 0; i < lines->len; i++) {
    const PnTraceLine *line = g_ptr_array_index (lines, i);
    g_autofree char *time = format_time (line->time);
    const char *const members[][2]
        = { { "time", time },         { "program", line->program }, { "event", line->event },
            { "where", line->where }, { "next", line->next },       { "detail", line->detail } };
    json_builder_begin_object (builder);
    for (guint m = 0; m < G_N_ELEMENTS (members); m++) {
      pn_json_text (builder, members[m][0], members[m][1]);
    }
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  const PnTraceLine *last = lines->len ? g_ptr_array_index (lines, lines->len - 1) : NULL;
  pn_json_text (builder, "next", last ? last->next : NULL);
  json_builder_end_object (builder);
  pn_json_print (builder);
}

static void
print_table (const PnConfig *config, GPtrArray *lines)
{
  gsize root_length = strlen (config->root) + 1;
  const PnTraceLine *first = g_ptr_array_index (lines, 0);
  for (guint i = 0; i < lines->len; i++) {
    const PnTraceLine *line = g_ptr_array_index (lines, i);
    g_autofree char *time = format_time (line->time);
    const char *where = line->where ? line->where : "";
    if (g_str_has_prefix (where, config->root))
      where += root_length;
    printf ("%s  %+9.3f ms  %-7s %-14s %s%s%s\n", time, (double) (line->time - first->time) / 1000,
            line->program, line->event, where, line->detail ? "  " : "", line->detail ? line->detail : "");
  }
  const PnTraceLine *last = g_ptr_array_index (lines, lines->len - 1);
  if (last->next)
    printf ("next: %s\n", last->next);
  else
    printf ("at the end of its way\n");
}

int
pn_cmd_trace (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  gboolean json = FALSE;
  if (!pn_cmd_options (
          &argc, &argv, NULL, &dir, &json, "MSG-ID",
          "Lists every hop of a message with its time, and names the next one.",
          "MSG-ID is what the SMTP server answers (\"Accepted as ...\"), what postern send prints, and what\n"
          "postern list --json shows."))
    return PN_EXIT_USAGE;
  if (argc != 2) {
    fprintf (stderr, "postern trace: which message?\n");
    return PN_EXIT_USAGE;
  }
  g_autoptr (PnConfig) config = NULL;
  if (!pn_cmd_open (dir, &config, NULL))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) lines = pn_trace_find (config, argv[1], &error);
  if (!lines)
    return pn_cmd_fail ("trace", g_steal_pointer (&error));
  if (json)
    print_json (argv[1], lines);
  else if (lines->len > 0)
    print_table (config, lines);
  if (lines->len > 0)
    return PN_EXIT_DONE;
  fprintf (stderr, "postern trace: no program has seen message %s\n", argv[1]);
  return PN_EXIT_NOT_DONE;
}
