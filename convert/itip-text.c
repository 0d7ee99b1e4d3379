/* Calendar texts as the items in them. */
#include "convert/itip-private.h"

#include <string.h>

#define MAX_CALENDAR (4 * 1024 * 1024)
#define MAX_PARTS 2000
#define MAX_ZONE 65536

struct PnItipText {
  PnMessage *scratch; /* takes the losses */
  PnIcalText *lines;  /* NULL if they cannot be read */
  GPtrArray *uids;    /* char *, in their order */
  GHashTable *items;  /* char *, one of UIDS -> GArray of guint, its components */
};

/* -- components -- */

static gboolean
is_ours (const char *name)
{
  return g_str_has_prefix (name, "X-POSTERN-");
}

/* COMPONENT and what is in it, folded. */
static void
append_component (GString *out, const PnIcalText *text, guint component)
{
  const PnIcalComponent *self = pn_ical_component (text, component);
  g_string_append_printf (out, "BEGIN:%s\r\n", self->name);
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (text, component, NULL, &position))) {
    PnItipLine one = { (char *) line->name, (char *) line->parameters, (char *) line->value };
    pn_itip_line_append (out, &one);
  }
  for (guint i = component + 1; i < self->next; i++)
    if (pn_ical_component (text, i)->parent == (gint) component)
      append_component (out, text, i);
  g_string_append_printf (out, "END:%s\r\n", self->name);
}

/* A foreign line as we keep it, or NULL. */
static PnItipLine *
keep_line (const PnIcalLine *line, gboolean own)
{
  if (!own && (is_ours (line->name) || strcmp (line->name, "X-LIC-ERROR") == 0))
    return NULL;
  PnItipLine *kept = pn_itip_line_new (line->name, line->parameters, line->value);
  if (own || strcmp (line->name, "ATTENDEE") != 0)
    return kept;
  g_autofree char *partstat = pn_itip_line_get (kept, "PARTSTAT");
  if (partstat)
    pn_itip_line_set (kept, "PARTSTAT", pn_partstat_to_string (pn_partstat_from_string (partstat)));
  pn_itip_line_set (kept, "X-POSTERN-OWN", NULL);
  return kept;
}

static PnItipPart *
read_part (const PnIcalText *text, guint component, gboolean own)
{
  PnItipPart *part = pn_itip_part_new (NULL);
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (text, component, NULL, &position))) {
    PnItipLine *kept = keep_line (line, own);
    if (kept)
      g_ptr_array_add (part->lines, kept);
  }
  for (guint i = component + 1; i < pn_ical_component (text, component)->next; i++) {
    if (pn_ical_component (text, i)->parent != (gint) component)
      continue;
    g_autoptr (GString) inside = g_string_new (NULL);
    append_component (inside, text, i);
    g_ptr_array_add (part->inside, g_strdup (inside->str));
  }
  return part;
}

static void
read_zones (PnItipItem *self, const PnIcalText *text, gint calendar)
{
  for (guint i = 0; i < text->components->len; i++) {
    const PnIcalComponent *component = pn_ical_component (text, i);
    const PnIcalLine *line = component->parent == calendar && strcmp (component->name, "VTIMEZONE") == 0
                                 ? pn_ical_text_find (text, i, "TZID")
                                 : NULL;
    if (!line)
      continue;
    g_autofree char *tzid = g_strstrip (pn_ical_line_text (line));
    g_autoptr (GString) zone = g_string_new (NULL);
    append_component (zone, text, i);
    /* Every component is read together with its zones. */
    if (zone->len <= MAX_ZONE)
      pn_itip_set_zone (self, tzid, zone->str);
  }
}

static void
read_calendar (PnItipItem *self, const PnIcalText *text, gint calendar, gboolean own)
{
  if (calendar < 0)
    return;
  guint position = 0;
  const PnIcalLine *line = pn_ical_text_find (text, (guint) calendar, "METHOD");
  g_autofree char *method = line ? g_strstrip (g_strdup (line->value)) : NULL;
  self->method = pn_method_from_string (method);
  line = own ? NULL : pn_ical_text_find (text, (guint) calendar, "PRODID");
  self->outlook = line && strstr (line->value, "Microsoft");
  while (own && (line = pn_ical_text_next (text, (guint) calendar, NULL, &position)))
    if (is_ours (line->name))
      g_ptr_array_add (self->lines, pn_itip_line_new (line->name, line->parameters, line->value));
}

/* The masters first, and each key once. */
static void
find_keys (PnItipItem *self)
{
  g_autoptr (GPtrArray) parts = g_steal_pointer (&self->parts);
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_itip_part_free);
  g_ptr_array_set_free_func (parts, NULL);
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < parts->len; i++) {
      PnItipPart *part = parts->pdata[i];
      const PnItipLine *named = part ? pn_itip_part_find (part, "X-POSTERN-KEY") : NULL;
      gboolean exception = part && (named || pn_itip_part_find (part, "RECURRENCE-ID"));
      if (!part || exception != (pass == 1))
        continue;
      /* A later one of the same key takes its place and frees it. */
      parts->pdata[i] = NULL;
      if (named)
        part->key = g_strdup (named->value);
      else if (exception) {
        const PnCalendar *calendar = pn_itip_calendar (self, part);
        g_autofree char *key = pn_itip_recurrence (&calendar->recurrence_id);
        part->this_and_future = calendar->this_and_future;
        part->key = key ? pn_itip_key (self, key) : g_strdup ("");
      }
      pn_itip_put (self, part);
    }
}

/* The components that stand for one item. */
static PnItipItem *
read_item (const PnItipText *text, const char *uid, gboolean own, const char *site_timezone)
{
  PnItipItem *self = pn_itip_item_new (uid, site_timezone);
  const GArray *components = g_hash_table_lookup (text->items, self->uid);
  gint calendar = -2;
  for (guint i = 0; components && i < components->len && self->parts->len < MAX_PARTS; i++) {
    guint index = g_array_index (components, guint, i);
    const PnIcalComponent *component = pn_ical_component (text->lines, index);
    if (self->kind && strcmp (self->kind, component->name) != 0)
      continue;
    if (calendar != component->parent) {
      read_zones (self, text->lines, component->parent);
      if (calendar == -2)
        read_calendar (self, text->lines, component->parent, own);
      calendar = component->parent;
    }
    if (!self->kind)
      self->kind = g_strdup (component->name);
    PnItipPart *part = read_part (text->lines, index, own);
    g_ptr_array_add (self->parts, part);
    if (!pn_itip_part_find (part, "UID"))
      pn_itip_part_set (part, "UID", NULL, self->uid);
  }
  find_keys (self);
  return self;
}

/* -- texts -- */

static GArray *
want_item (PnItipText *self, const char *uid)
{
  GArray *components = g_hash_table_lookup (self->items, uid);
  if (components)
    return components;
  char *name = g_strdup (uid);
  components = g_array_new (FALSE, FALSE, sizeof (guint));
  g_ptr_array_add (self->uids, name);
  g_hash_table_insert (self->items, name, components);
  return components;
}

static void
find_items (PnItipText *self)
{
  g_autofree char *nameless = NULL;
  for (guint i = 0; i < self->lines->components->len; i++) {
    if (!pn_ical_is_item (pn_ical_component (self->lines, i)->name))
      continue;
    g_autofree char *own = pn_ical_component_uid (self->lines, i);
    gboolean stated = pn_ical_text_find (self->lines, i, "UID") != NULL;
    /* What differs in a series without a UID has none either. */
    const char *uid = own || stated ? own : nameless;
    if (!uid)
      continue;
    GArray *components = want_item (self, uid);
    g_array_append_val (components, i);
    if (!stated && own) {
      g_free (nameless);
      nameless = g_strdup (own);
    }
  }
}

/* FIRST: a UID that comes first, or NULL. */
static PnItipText *
open_text (const char *text, gsize length, const char *first, GError **error)
{
  PnItipText *self = g_new0 (PnItipText, 1);
  self->scratch = pn_message_new (PN_TYPE_MAIL);
  self->uids = g_ptr_array_new_with_free_func (g_free);
  self->items = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_array_unref);
  if (first)
    want_item (self, first);
  self->lines = pn_ical_text_new (self->scratch, text, length, error);
  if (self->lines)
    find_items (self);
  return self;
}

void
pn_itip_text_free (PnItipText *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->items);
  g_ptr_array_unref (self->uids);
  g_clear_pointer (&self->lines, pn_ical_text_free);
  pn_message_free (self->scratch);
  g_free (self);
}

/* The calendar text of MESSAGE; caller frees. */
static char *
text_of_message (PnMessage *message, gint64 now, gsize *length)
{
  PnPart *part = pn_message_get_part (message, PN_PART_CALENDAR);
  g_autoptr (GBytes) bytes
      = part && part->content ? pn_content_read (part->content, MAX_CALENDAR, NULL) : NULL;
  gboolean retract = pn_message_is_retraction (message) && message->calendar
                     && message->calendar->method != PN_METHOD_CANCEL;
  if (bytes && !retract) {
    *length = g_bytes_get_size (bytes);
    return g_strndup (g_bytes_get_data (bytes, NULL), *length);
  }
  char *text = message->calendar
                   ? pn_ical_write (message, message->date.set ? message->date.unix_time : now, NULL)
                   : NULL;
  *length = text ? strlen (text) : 0;
  return text;
}

PnItipText *
pn_itip_text_new (PnMessage *message, gint64 now)
{
  gsize length = 0;
  g_autofree char *text = text_of_message (message, now, &length);
  g_autofree char *first = message->calendar ? pn_ical_uid (message) : NULL;
  return open_text (text ? text : "", length, first, NULL);
}

const GPtrArray *
pn_itip_text_uids (const PnItipText *self)
{
  return self->uids;
}

PnItipItem *
pn_itip_text_item (const PnItipText *self, const char *uid, const char *site_timezone)
{
  const char *first = self->uids->len > 0 ? self->uids->pdata[0] : NULL;
  return read_item (self, uid && *uid ? uid : first, FALSE, site_timezone);
}

PnItipItem *
pn_itip_item_parse (const char *text, gsize length, const char *site_timezone, GError **error)
{
  g_autoptr (PnItipText) whole = open_text (text, length, NULL, error);
  if (!whole->lines)
    return NULL;
  const char *first = whole->uids->len > 0 ? whole->uids->pdata[0] : NULL;
  g_autoptr (PnItipItem) self = read_item (whole, first, TRUE, site_timezone);
  if (self->parts->len == 0) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "there is no calendar item in the text");
    return NULL;
  }
  return g_steal_pointer (&self);
}
