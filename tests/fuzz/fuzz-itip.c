/* Sequences of calendar objects, divided by form feeds, done to one item: whatever comes, what is written can
 * be read again and says the same. */
#include "convert/ical.h"
#include "convert/itip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static gboolean
is_own (const PnAddress *address, gpointer data)
{
  (void) data;
  return address->internet && g_ascii_strcasecmp (address->internet, "bert@example.org") == 0;
}

static PnItipItem *
reload (PnItipItem *item /* taken */)
{
  if (pn_itip_item_is_empty (item))
    return item;
  g_autofree char *text = pn_itip_item_write (item);
  PnItipItem *again = pn_itip_item_parse (text, strlen (text), "Europe/Berlin", NULL);
  if (!again)
    abort ();
  g_autofree char *second = pn_itip_item_write (again);
  if (strlen (second) > 2 * strlen (text) + 100)
    abort ();
  g_autofree char *was = pn_itip_item_describe (item, NULL);
  (void) was;
  g_autoptr (GPtrArray) answers = pn_itip_item_answers (again);
  pn_itip_item_free (item);
  return again;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (GStrv) objects = g_strsplit (text, "\f", 12);
  PnItipItem *item = NULL;
  PnItipContext context = { .now = 1772000000, .site_timezone = "Europe/Berlin", .is_own = is_own };
  for (guint i = 0; size < 16384 && objects[i]; i++) {
    g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
    g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
    if (!pn_ical_read (message, objects[i], strlen (objects[i]), NULL, "Europe/Berlin", NULL)
        || !message->calendar || !message->calendar->uid)
      continue;
    pn_message_add_part (
        message, pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (objects[i], -1)));
    if (!item)
      item = pn_itip_item_new (message->calendar->uid, "Europe/Berlin");
    pn_itip_apply (item, message, NULL, &context, answers);
    item = reload (item);
    context.now += 60;
  }
  pn_itip_item_free (item);
  return 0;
}
