/* Whatever is read is written, and what is written can be read. */
#include "convert/ical.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  if (!pn_ical_read (message, (const char *) data, size, NULL, "Europe/Berlin", NULL))
    return 0;
  GBytes *bytes = g_bytes_new (data, size);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_bytes (bytes)));
  g_bytes_unref (bytes);
  if (!message->id)
    message->id = g_strdup ("id");
  g_autofree char *described = pn_ical_describe (message->calendar);
  g_autofree char *text = pn_ical_write (message, 0, NULL);
  /* Only an answer that nobody gives cannot be written. */
  if (!text) {
    g_assert_true (described && message->calendar->method == PN_METHOD_REPLY);
    return 0;
  }
  g_assert_true (g_utf8_validate (text, -1, NULL));
  for (const char *line = text; *line;) {
    const char *end = strstr (line, "\r\n");
    g_assert_true (end && end - line <= 75 && !memchr (line, '\n', (gsize) (end - line)));
    line = end + 2;
  }
  g_autoptr (PnMessage) again = pn_message_new (PN_TYPE_MAIL);
  g_assert_true (pn_ical_read (again, text, strlen (text), NULL, "Europe/Berlin", NULL));
  /* Of a zone that a VTIMEZONE of the input describes, however damaged, one pair of rules is written, which
   * may differ. */
  g_autofree char *folded = g_ascii_strdown ((const char *) data, (gssize) size);
  const char *tzid = message->calendar->start.tzid;
  if (!memmem (folded, size, "timezone", 8) && (!tzid || pn_timezone_find (tzid)))
    g_assert_cmpint (again->calendar->start.unix_time, ==, message->calendar->start.unix_time);
  return 0;
}
