#include "postoffice/calendar.h"

#include "convert/ical.h"
#include "convert/ical-series.h"
#include "core/domain.h"
#include "core/log.h"

#include <string.h>

#define DAY 86400

/* -- what is known -- */

static gboolean
is_own (const PnAddress *address, gpointer data)
{
  const PnCalendarBox *self = data;
  g_autoptr (PnAddress) known = pn_address_copy (address);
  return pn_directory_complete (self->directory, known) && known->user && known->post_office
         && g_ascii_strcasecmp (known->post_office, self->user->post_office) == 0
         && g_ascii_strcasecmp (known->user, self->user->user) == 0;
}

static gboolean
is_outlook (const PnAddress *address, gpointer data)
{
  const PnCalendarBox *self = data;
  const char *at = address->internet ? strrchr (address->internet, '@') : NULL;
  if (!at || pn_directory_is_local (self->directory, address->internet))
    return FALSE;
  g_auto (GStrv) domains = pn_domains_parse (pn_config_string (self->config, "ofs", "outlook-domains"));
  return pn_domains_cover (domains, at + 1);
}

PnItipContext
pn_calendar_context (PnCalendarBox *self)
{
  return (PnItipContext){ .now = g_get_real_time () / G_USEC_PER_SEC,
                          .site_timezone = self->config->timezone,
                          .is_own = is_own,
                          .is_outlook = is_outlook,
                          .data = self };
}

/* An organizer's item begins as what he sent; an attendee's as what an older Postern has delivered, which
 * kept no calendars. */
static gboolean
load_stored (PnCalendarBox *self, PnItipItem *item, PnBox box, GError **error)
{
  g_autoptr (PnItem) row = NULL;
  const char *fid = self->user->fid;
  if (!pn_store_find_uid (self->store, fid, pn_itip_item_uid (item), NULL, box, &row, error))
    return FALSE;
  if (!row)
    return TRUE;
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnMessage) message = pn_store_read (self->store, row, &reason);
  PnItipContext context = pn_calendar_context (self);
  g_autofree char *source = g_strdup_printf ("%s %u %" G_GUINT64_FORMAT, row->id, row->database, row->size);
  context.source = box == PN_BOX_IN ? source : NULL;
  if (message)
    pn_itip_apply (item, message, NULL, &context, NULL);
  else
    pn_log_warning ("cannot_read_stored", "id=%s reason=\"%s\"", row->id, reason->message);
  return TRUE;
}

PnItipItem *
pn_calendar_load (PnCalendarBox *self, const char *uid, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) reason = NULL;
  if (!pn_store_get_calendar (self->store, self->user->fid, uid, &text, error))
    return NULL;
  PnItipItem *known = text ? pn_itip_item_parse (text, strlen (text), self->config->timezone, &reason) : NULL;
  if (known)
    return known;
  if (reason)
    pn_log_error ("damaged_calendar", "mailbox=%s reason=\"%s\"", self->user->user, reason->message);
  g_autoptr (PnItipItem) item = pn_itip_item_new (uid, self->config->timezone);
  if (!load_stored (self, item, PN_BOX_OUT, error)
      || (pn_itip_item_is_empty (item) && !load_stored (self, item, PN_BOX_IN, error)))
    return NULL;
  return g_steal_pointer (&item);
}

gboolean
pn_calendar_save (PnCalendarBox *self, PnItipItem *item, gint64 again, GError **error)
{
  if (pn_itip_item_is_empty (item))
    return TRUE;
  g_autofree char *text = pn_itip_item_write (item);
  return pn_store_put_calendar (self->store, self->user->fid, pn_itip_item_uid (item), text, again, error);
}

/* -- the sent item -- */

static void
set_word (char **field, const char *text)
{
  g_free (*field);
  *field = g_strdup (text ? text : "");
}

gboolean
pn_calendar_show_sent (PnCalendarBox *self, PnItipItem *item, PnItem *sent, GError **error)
{
  g_autoptr (PnMessage) master = pn_itip_item_component (item, sent->recurrence);
  if (!master)
    return TRUE;
  const PnCalendar *calendar = master->calendar;
  const PnCalendarTime *start = &calendar->start;
  set_word (&sent->subject, calendar->summary);
  set_word (&sent->place, calendar->place);
  sent->sequence = calendar->sequence;
  sent->stamp = calendar->stamp.unix_time;
  sent->start = start->set ? start->unix_time : 0;
  sent->end = calendar->end.set ? calendar->end.unix_time : 0;
  sent->all_day = start->is_date;
  g_free (sent->timezone);
  sent->timezone = g_strdup (start->tzid);
  g_free (sent->repeat);
  sent->repeat = g_strdup (calendar->rrule);
  sent->flags &= ~(guint) PN_ITEM_CANCELLED;
  sent->flags |= pn_itip_item_is_gone (item, sent->recurrence) ? PN_ITEM_CANCELLED : 0;
  /* The store makes it anew of what the item says now. */
  g_clear_pointer (&sent->summary, g_bytes_unref);
  return pn_store_replace_message (self->store, self->user->fid, sent->number, sent, error);
}

/* -- the items that stand for it -- */

typedef struct {
  PnCalendarBox *box;
  PnItipItem *item;
  const PnMessage *message; /* what came, or NULL */
  GHashTable *messages;     /* id -> PnMessage: those that other components came with */
  gint64 first;             /* instances before this are not looked at */
  gboolean series;
  gboolean changed;
} Show;

/* "id database size": where the message with a component is. */
static gboolean
parse_source (const char *source, PnItem *pointer)
{
  g_auto (GStrv) words = g_strsplit (source ? source : "", " ", 3);
  if (g_strv_length (words) != 3)
    return FALSE;
  pointer->id = g_strdup (words[0]);
  pointer->database = (guint) g_ascii_strtoull (words[1], NULL, 10);
  pointer->size = g_ascii_strtoull (words[2], NULL, 10);
  return TRUE;
}

static const PnMessage *
find_message (Show *show, const PnItem *pointer)
{
  if (show->message && strcmp (show->message->id, pointer->id) == 0)
    return show->message;
  PnMessage *message = g_hash_table_lookup (show->messages, pointer->id);
  if (message)
    return message;
  g_autoptr (GError) error = NULL;
  message = pn_store_read (show->box->store, pointer, &error);
  if (message)
    g_hash_table_insert (show->messages, g_strdup (pointer->id), message);
  else
    pn_log_warning ("cannot_read_series", "id=%s reason=\"%s\"", pointer->id, error->message);
  return message;
}

/* An item for the component RECURRENCE, pointing to the message it came with; NULL if that is not here. */
static PnItem *
new_row (Show *show, const char *recurrence)
{
  g_autoptr (PnItem) pointer = g_new0 (PnItem, 1);
  const PnMessage *message = parse_source (pn_itip_item_source (show->item, recurrence), pointer)
                                 ? find_message (show, pointer)
                                 : NULL;
  if (!message)
    return NULL;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  return pn_item_new (message, pointer->database, pointer->size, PN_BOX_IN, 0, now);
}

static void
set_text (char **field, const char *text)
{
  if (!text)
    return;
  g_free (*field);
  *field = g_strdup (text);
}

static void
set_component (PnItem *row, PnItipItem *item, const char *recurrence)
{
  g_autoptr (PnMessage) component = pn_itip_item_component (item, recurrence);
  if (!component)
    return;
  const PnCalendar *calendar = component->calendar;
  row->sequence = calendar->sequence;
  row->stamp = calendar->stamp.unix_time;
  if (calendar->organizer) {
    g_autofree char *organizer = pn_address_to_string (calendar->organizer);
    g_free (row->organizer);
    row->organizer = g_utf8_strdown (organizer, -1);
  }
  g_free (row->uid);
  row->uid = g_strdup (pn_itip_item_uid (item));
  if (calendar->summary && strcmp (calendar->summary, row->subject) != 0 && row->expanded)
    set_text (&row->subject, calendar->summary);
  set_text (&row->place, calendar->place ? calendar->place : "");
}

static PnItem *
row_of_instance (Show *show, const PnInstance *instance)
{
  g_autofree char *key = g_strdup (instance->exception ? instance->recurrence_id : NULL);
  if (key && !pn_itip_item_source (show->item, key))
    g_clear_pointer (&key, g_free);
  PnItem *row = new_row (show, key);
  if (!row)
    return NULL;
  row->expanded = TRUE;
  set_component (row, show->item, key);
  g_free (row->recurrence);
  row->recurrence = g_strdup (instance->recurrence_id);
  row->start = instance->start.unix_time;
  row->end = instance->end.set ? instance->end.unix_time : 0;
  row->all_day = instance->start.is_date;
  g_free (row->timezone);
  row->timezone = g_strdup (instance->start.tzid);
  return row;
}

static PnItem *
row_of_component (Show *show, const char *recurrence)
{
  PnItem *row = new_row (show, recurrence);
  if (!row)
    return NULL;
  /* A message with several items has one for each. */
  row->expanded = g_strcmp0 (row->uid, pn_itip_item_uid (show->item)) != 0;
  g_free (row->recurrence);
  row->recurrence = g_strdup (recurrence);
  set_component (row, show->item, recurrence);
  return row;
}

static gboolean
same_row (const PnItem *a, const PnItem *b)
{
  return strcmp (a->id, b->id) == 0 && a->start == b->start && a->end == b->end && a->sequence == b->sequence
         && a->stamp == b->stamp && strcmp (a->subject, b->subject) == 0 && strcmp (a->place, b->place) == 0
         && !(a->flags & PN_ITEM_CANCELLED);
}

static gboolean
replace_row (Show *show, PnItem *row, const PnItem *old, GError **error)
{
  guint dropped = PN_ITEM_OF_MESSAGE | PN_ITEM_CANCELLED;
  if (strcmp (old->id, row->id) != 0)
    dropped |= PN_ITEM_READ | PN_ITEM_OPENED;
  /* An answer was to a time: to another time it has to be given again. */
  if (old->start != row->start || old->end != row->end
      || (!row->expanded && g_strcmp0 (old->repeat, row->repeat) != 0))
    dropped |= PN_ITEM_ANSWERS;
  row->flags |= old->flags & ~dropped;
  if (strcmp (old->id, row->id) == 0)
    row->delivered = old->delivered;
  return pn_store_replace_message (show->box->store, show->box->user->fid, old->number, row, error);
}

static PnItem *
find_row (GPtrArray *rows, const char *recurrence)
{
  for (guint i = 0; i < rows->len; i++) {
    PnItem *row = rows->pdata[i];
    if (g_strcmp0 (row->recurrence, recurrence) == 0)
      return row;
  }
  return NULL;
}

/* Takes ROW. */
static gboolean
put_row (Show *show, PnItem *row, GPtrArray *rows, GError **error)
{
  g_autoptr (PnItem) taken = row;
  PnItem *old = find_row (rows, row->recurrence);
  gboolean is_new = FALSE;
  if (old && same_row (old, row))
    return TRUE;
  show->changed = TRUE;
  if (old)
    return replace_row (show, row, old, error);
  return pn_store_add_item (show->box->store, show->box->user->fid, row, &is_new, NULL, error);
}

/* Rows without an instance: cancelled, or of a plan that no longer holds. */
static gboolean
clear_row (Show *show, const PnItem *row, GError **error)
{
  PnStore *store = show->box->store;
  const char *fid = show->box->user->fid;
  if (pn_itip_item_is_gone (show->item, row->recurrence)) {
    if (row->flags & PN_ITEM_CANCELLED)
      return TRUE;
    show->changed = TRUE;
    return pn_store_set_flags (store, fid, row->number, PN_ITEM_CANCELLED, PN_ITEM_READ, error);
  }
  if (show->series && row->start < show->first && row->recurrence)
    return TRUE;
  show->changed = TRUE;
  return pn_store_delete_item (store, fid, row->number, error);
}

static gboolean
is_wanted (GPtrArray *wanted, const PnItem *row)
{
  return find_row (wanted, row->recurrence) != NULL;
}

/* -- series -- */

/* The instances that are to be seen: all up to the horizon if they are not too many, else those to come. */
static GPtrArray *
expand (Show *show, PnMessage *whole, gint64 *again)
{
  const PnConfig *config = show->box->config;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC, start = whole->calendar->start.unix_time;
  gint64 horizon = now + pn_config_integer (config, "ofs", "series-days") * DAY;
  guint max = (guint) pn_config_integer (config, "ofs", "series-instances");
  gboolean more = FALSE, later = FALSE;
  show->first = start - 7 * DAY;
  GPtrArray *all
      = pn_ical_expand (whole, show->first, MAX (horizon, start + DAY), max, config->timezone, &more, NULL);
  if (all && more && start < now - DAY) {
    GPtrArray *coming = pn_ical_expand (whole, now - DAY, horizon, max, config->timezone, &later, NULL);
    if (coming && coming->len > 0) {
      show->first = now - DAY;
      g_ptr_array_unref (all);
      *again = now + DAY;
      return coming;
    }
    g_clear_pointer (&coming, g_ptr_array_unref);
  }
  const char *rule = whole->calendar->rrule;
  gboolean open = rule && !strstr (rule, "COUNT=") && !strstr (rule, "UNTIL=");
  *again = more || open || (rule && horizon < now + DAY) ? now + DAY : 0;
  return all;
}

static GPtrArray *
rows_of_series (Show *show, PnMessage *whole, gint64 *again)
{
  g_autoptr (GPtrArray) instances = expand (show, whole, again);
  GPtrArray *rows = g_ptr_array_new ();
  for (guint i = 0; instances && i < instances->len; i++) {
    PnItem *row = row_of_instance (show, instances->pdata[i]);
    if (row)
      g_ptr_array_add (rows, row);
  }
  return rows;
}

static GPtrArray *
rows_of_components (Show *show)
{
  GPtrArray *rows = g_ptr_array_new ();
  g_autoptr (GPtrArray) keys = pn_itip_item_exceptions (show->item);
  PnItem *master = pn_itip_item_source (show->item, NULL) ? row_of_component (show, NULL) : NULL;
  if (master)
    g_ptr_array_add (rows, master);
  for (guint i = 0; i < keys->len; i++) {
    PnItem *row = row_of_component (show, keys->pdata[i]);
    if (row && (i > 0 || master)) /* several of one message */
      row->expanded = TRUE;
    if (row)
      g_ptr_array_add (rows, row);
  }
  return rows;
}

static gboolean
update_rows (Show *show, GPtrArray *wanted, GPtrArray *rows, GError **error)
{
  for (guint i = 0; i < rows->len; i++)
    if (!is_wanted (wanted, rows->pdata[i]) && !clear_row (show, rows->pdata[i], error))
      return FALSE;
  gboolean cancelled = pn_itip_item_is_cancelled (show->item);
  while (wanted->len > 0) {
    PnItem *row = g_ptr_array_steal_index (wanted, 0);
    const PnItem *old = cancelled ? find_row (rows, row->recurrence) : NULL;
    gboolean ok = TRUE;
    if (old) {
      ok = clear_row (show, old, error);
      pn_item_free (row);
    } else {
      row->flags |= cancelled ? PN_ITEM_CANCELLED : 0;
      ok = put_row (show, row, rows, error);
    }
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_series (PnMessage *whole)
{
  const PnCalendar *calendar = whole->calendar;
  return (calendar->rrule || calendar->rdates->len > 0) && !calendar->recurrence_id.set
         && calendar->start.set;
}

gboolean
pn_calendar_show (PnCalendarBox *self, PnItipItem *item, const PnMessage *message, gboolean *changed_out,
                  gint64 *again_out, GError **error)
{
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (PnMessage) whole = pn_itip_item_message (item, error);
  *again_out = 0;
  if (!whole
      || !pn_store_list_uid (self->store, self->user->fid, pn_itip_item_uid (item), PN_BOX_IN, &rows, error))
    return FALSE;
  g_autoptr (GHashTable) messages
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) pn_message_free);
  Show show = { .box = self, .item = item, .message = message, .messages = messages };
  show.series = is_series (whole);
  GPtrArray *wanted = show.series ? rows_of_series (&show, whole, again_out) : rows_of_components (&show);
  gboolean ok = update_rows (&show, wanted, rows, error);
  g_ptr_array_set_free_func (wanted, (GDestroyNotify) pn_item_free);
  g_ptr_array_unref (wanted);
  *changed_out = show.changed;
  return ok;
}
