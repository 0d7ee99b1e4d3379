/* The peer for calendars: parse each file with libical and serialise it. */
#include "loop.h"

#include <libical/ical.h>

static guint64
convert (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &text, &length, error))
    return 0;
  icalcomponent *calendar = icalparser_parse_string (text);
  if (calendar) {
    free (icalcomponent_as_ical_string_r (calendar));
    icalcomponent_free (calendar);
  }
  return length;
}

int
main (int argc, char **argv)
{
  return loop (argc, argv, convert);
}
