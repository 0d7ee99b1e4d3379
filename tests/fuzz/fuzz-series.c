/* Whatever calendar is read, its instances are found, in order and bounded, and each is one. */
#include "convert/ical-series.h"
#include "convert/ical.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_rule (const char *text, const PnCalendarTime *start)
{
  g_autofree char *simple = pn_ical_rule_simplify (text, start);
  if (simple)
    g_assert_null (pn_ical_rule_refused (simple, start));
  g_free (pn_ical_rule_from_vcalendar (text, NULL));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  if (!pn_ical_read (message, (const char *) data, size, NULL, "Europe/Berlin", NULL))
    return 0;
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  pn_message_add_part (message, pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_bytes (bytes)));
  if (!message->id)
    message->id = g_strdup ("id");
  gint64 from = 0, to = G_GINT64_CONSTANT (4000000000);
  g_autoptr (GPtrArray) instances = pn_ical_expand (message, from, to, 20, "Europe/Berlin", NULL, NULL);
  for (guint i = 0; instances && i < instances->len; i++) {
    const PnInstance *instance = instances->pdata[i];
    g_assert_cmpint (instance->start.unix_time, >=, from);
    g_assert_cmpint (instance->start.unix_time, <, to);
    if (i > 0)
      g_assert_cmpint (instance->start.unix_time, >=,
                       ((PnInstance *) instances->pdata[i - 1])->start.unix_time);
    if (i < 2)
      pn_ical_is_instance (message, instance->recurrence_id, "Europe/Berlin");
  }
  if (message->calendar->rrule && message->calendar->start.set)
    check_rule (message->calendar->rrule, &message->calendar->start);
  g_autoptr (GPtrArray) singles = pn_ical_singles (message, 0, 5, "Europe/Berlin", NULL);
  for (guint i = 0; singles && i < singles->len; i++)
    g_free (pn_ical_write (singles->pdata[i], 0, NULL));
  return 0;
}
