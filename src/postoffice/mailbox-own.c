/* What a person sets for himself of a calendar item. */
#include "postoffice/mailbox-private.h"

static const struct {
  const char *word, *transp, *status;
} shows[] = {
  { "free", "TRANSPARENT", "FREE" },
  { "tentative", "OPAQUE", "TENTATIVE" },
  { "busy", "OPAQUE", "BUSY" },
  { "oof", "OPAQUE", "OOF" },
};

static guint
find_show (const char *word)
{
  guint i = 0;
  while (i < G_N_ELEMENTS (shows) && g_ascii_strcasecmp (shows[i].word, word) != 0)
    i++;
  return i;
}

gboolean
pn_mailbox_is_show_as (const char *word)
{
  return find_show (word) < G_N_ELEMENTS (shows);
}

static void
change (PnItipItem *item, const PnMailboxOwn *own)
{
  guint show = own->show_as ? find_show (own->show_as) : G_N_ELEMENTS (shows);
  if (show < G_N_ELEMENTS (shows)) {
    pn_itip_item_set_own (item, "TRANSP", shows[show].transp);
    pn_itip_item_set_own (item, "X-MICROSOFT-CDO-BUSYSTATUS", shows[show].status);
  }
  if (own->set_alarm)
    pn_itip_item_set_alarm (item, own->alarm);
}

gboolean
pn_mailbox_set_own (PnMailbox *self, gint64 number, const PnMailboxOwn *own, GError **error)
{
  PnCalendarBox box = pn_mailbox_calendar_box (self);
  g_autoptr (PnItem) row = pn_store_get (self->store, self->user->fid, number, error);
  g_autoptr (PnItipItem) item = row && row->uid ? pn_mailbox_load_calendar (self, row, error) : NULL;
  if (!row || (row->uid && !item))
    return FALSE;
  if (!item || pn_itip_item_is_empty (item)) {
    g_set_error (error, PN_MAILBOX_ERROR, PN_MAILBOX_ERROR_STATE,
                 "item %" G_GINT64_FORMAT " is no calendar item", number);
    return FALSE;
  }
  change (item, own);
  return pn_calendar_save (&box, item, -1, error);
}

static const char *
shown_as (const PnCalendar *calendar)
{
  for (guint i = 0; calendar->busy_status && i < G_N_ELEMENTS (shows); i++)
    if (g_ascii_strcasecmp (shows[i].status, calendar->busy_status) == 0)
      return shows[i].word;
  return calendar->transparent ? "free" : "busy";
}

gboolean
pn_mailbox_get_own (PnMailbox *self, const PnItem *row, PnMailboxOwn *own_out, GError **error)
{
  *own_out = (PnMailboxOwn){ 0 };
  g_autoptr (PnItipItem) item = row->uid ? pn_mailbox_load_calendar (self, row, error) : NULL;
  if (!item)
    return FALSE;
  g_autoptr (PnMessage) component = pn_itip_item_component (item, row->recurrence);
  if (!component)
    component = pn_itip_item_component (item, NULL);
  if (!component)
    return FALSE;
  const PnCalendar *calendar = component->calendar;
  *own_out = (PnMailboxOwn){ shown_as (calendar), calendar->alarm_set, calendar->alarm };
  return TRUE;
}
