#include "postoffice/busy.h"

#include "convert/ical-series.h"
#include "core/log.h"

#include <string.h>

/* An instance that began so long before the window may still reach into it. */
#define LONGEST_INSTANCE (31 * 86400)
#define MAX_INSTANCES 20000

typedef struct {
  PnCalendarBox *box;
  PnItipContext context;
  gint64 begin, end;
  GPtrArray *blocks;
} Search;

static void
add_block (Search *self, gint64 start, gint64 end)
{
  start = MAX (start, self->begin);
  end = MIN (end, self->end);
  if (start >= end)
    return;
  PnBusyBlock *block = g_new (PnBusyBlock, 1);
  *block = (PnBusyBlock){ start, end };
  g_ptr_array_add (self->blocks, block);
}

static gboolean
is_word (const char *text, const char *word)
{
  return text && g_ascii_strcasecmp (text, word) == 0;
}

static gboolean
is_own (Search *self, const PnAddress *address)
{
  return address && self->context.is_own (address, self->context.data);
}

/* Whether the time that CALENDAR tells of is taken. */
static gboolean
keeps_busy (Search *self, const PnCalendar *calendar)
{
  if (calendar->transparent || is_word (calendar->busy_status, "FREE")
      || is_word (calendar->status, "CANCELLED"))
    return FALSE;
  /* Published events are news, unless he has published them. */
  if (calendar->method == PN_METHOD_PUBLISH && calendar->organizer && !is_own (self, calendar->organizer))
    return FALSE;
  for (guint i = 0; i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    if ((attendee->partstat == PN_PARTSTAT_DECLINED || attendee->partstat == PN_PARTSTAT_DELEGATED)
        && is_own (self, attendee->address))
      return FALSE;
  }
  return TRUE;
}

/* A date without an end is the whole day. */
static gint64
end_of (const PnCalendarTime *start, const PnCalendarTime *end)
{
  return end->set ? end->unix_time : start->unix_time + (start->is_date ? 86400 : 0);
}

static void
add_message (Search *self, PnMessage *whole)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) instances = pn_ical_expand (whole, self->begin - LONGEST_INSTANCE, self->end,
                                                    MAX_INSTANCES, self->box->config->timezone, NULL, &error);
  if (!instances) {
    pn_log_warning ("cannot_expand", "uid=%s reason=\"%s\"", whole->calendar->uid,
                    error ? error->message : "");
    return;
  }
  for (guint i = 0; i < instances->len; i++) {
    const PnInstance *instance = instances->pdata[i];
    const PnCalendar *calendar = instance->calendar ? instance->calendar : whole->calendar;
    if (keeps_busy (self, calendar))
      add_block (self, instance->start.unix_time, end_of (&instance->start, &instance->end));
  }
}

/* Instances to which he was invited apart from their series. */
static void
add_alone (Search *self, PnItipItem *item)
{
  g_autoptr (GPtrArray) keys = pn_itip_item_exceptions (item);
  for (guint i = 0; i < keys->len; i++) {
    g_autoptr (PnMessage) one = pn_itip_item_component (item, keys->pdata[i]);
    const PnCalendar *calendar = one ? one->calendar : NULL;
    if (calendar && calendar->start.set && !pn_itip_item_is_gone (item, keys->pdata[i])
        && keeps_busy (self, calendar))
      add_block (self, calendar->start.unix_time, end_of (&calendar->start, &calendar->end));
  }
}

static gboolean
add_uid (Search *self, const char *uid, gboolean *known, GError **error)
{
  g_autoptr (PnItipItem) item = pn_calendar_load (self->box, uid, error);
  if (!item)
    return FALSE;
  *known = !pn_itip_item_is_empty (item);
  if (!*known || pn_itip_item_is_cancelled (item))
    return TRUE;
  g_autoptr (PnMessage) master = pn_itip_item_component (item, NULL);
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnMessage) whole = master ? pn_itip_item_message (item, &reason) : NULL;
  if (whole && whole->calendar->start.set)
    add_message (self, whole);
  else
    add_alone (self, item);
  return TRUE;
}

/* An appointment that no calendar text is kept of. */
static void
add_item (Search *self, const PnItem *item)
{
  if (item->start >= self->end || item->end <= self->begin)
    return;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = pn_store_read (self->box->store, item, &error);
  if (!message)
    pn_log_warning ("cannot_read_appointment", "id=%s reason=\"%s\"", item->id, error->message);
  if (!message || !message->calendar || keeps_busy (self, message->calendar))
    add_block (self, item->start, item->end);
}

static gboolean
is_appointment (const PnItem *item)
{
  return item->type == PN_TYPE_APPOINTMENT && (item->box == PN_BOX_IN || item->box == PN_BOX_OUT)
         && (item->method == PN_METHOD_NONE || item->method == PN_METHOD_REQUEST
             || item->method == PN_METHOD_PUBLISH || item->method == PN_METHOD_ADD);
}

static gboolean
add_items (Search *self, GPtrArray *items, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < items->len; i++) {
    const PnItem *item = items->pdata[i];
    gboolean known = FALSE;
    if (!is_appointment (item) || (item->uid && g_hash_table_contains (seen, item->uid)))
      continue;
    if (item->uid && !add_uid (self, item->uid, &known, error))
      return FALSE;
    if (known)
      g_hash_table_add (seen, item->uid);
    else if (!(item->flags & (PN_ITEM_CANCELLED | PN_ITEM_DECLINED)))
      add_item (self, item);
  }
  return TRUE;
}

static int
by_start (gconstpointer a, gconstpointer b)
{
  const PnBusyBlock *one = *(PnBusyBlock *const *) a, *other = *(PnBusyBlock *const *) b;
  return one->start < other->start ? -1 : one->start > other->start;
}

static void
join (GPtrArray *blocks)
{
  g_ptr_array_sort (blocks, by_start);
  guint kept = 0;
  for (guint i = 1; i < blocks->len; i++) {
    PnBusyBlock *last = blocks->pdata[kept], *block = blocks->pdata[i];
    if (block->start <= last->end)
      last->end = MAX (last->end, block->end);
    else
      *(PnBusyBlock *) blocks->pdata[++kept] = *block;
  }
  if (blocks->len > 0)
    g_ptr_array_set_size (blocks, (gint) kept + 1);
}

GPtrArray *
pn_calendar_busy (PnCalendarBox *self, gint64 begin, gint64 end, GError **error)
{
  g_autoptr (GPtrArray) blocks = g_ptr_array_new_with_free_func (g_free);
  Search search = { self, pn_calendar_context (self), begin, MIN (end, begin + PN_BUSY_WINDOW), blocks };
  g_autoptr (GPtrArray) items = pn_store_list (self->store, self->user->fid, -1, error);
  if (!items || !add_items (&search, items, error))
    return NULL;
  join (blocks);
  return g_steal_pointer (&blocks);
}
