#include "convert/ical-private.h"

#include <string.h>

#define MAX_CACHED 256
#define MAX_KEPT 65536
#define MAX_ZONES 200 /* VTIMEZONEs of one object that are looked into */

/* What a TZID of the object turned out to be. */
typedef struct {
  char *name;             /* in the native message; NULL: UTC */
  PnZone *zone;           /* or NULL */
  PnVtimezone *vtimezone; /* owned; gives the offsets if there is no ZONE; or NULL, then FIXED does */
  int fixed;
} Resolved;

struct PnIcalZones {
  const PnIcalText *text;
  PnMessage *message;
  PnZone *site;
  const char *site_name;
  GHashTable *resolved; /* char * to Resolved */
  GHashTable *indices;  /* char *: TZID to the index of its VTIMEZONE; made when first asked for */
  GPtrArray *kept;      /* char *: VTIMEZONEs whose hours no zone keeps, as lines */
  PnVcalZone *older;    /* of an object of version 1.0, or NULL */
  gboolean judged;      /* by the offsets at JUDGED_AT */
  gint64 judged_at;     /* wall clock */
};

static void
resolved_free (gpointer data)
{
  Resolved *self = data;
  pn_vtimezone_unref (self->vtimezone);
  g_free (self->name);
  g_free (self);
}

/* Analysed VTIMEZONEs by their text: senders repeat the same few. */
static GPrivate vtimezone_cache = G_PRIVATE_INIT ((GDestroyNotify) g_hash_table_unref);

static GHashTable *
get_cache (void)
{
  GHashTable *cache = g_private_get (&vtimezone_cache);
  if (!cache) {
    cache = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref,
                                   (GDestroyNotify) pn_vtimezone_unref);
    g_private_set (&vtimezone_cache, cache);
  }
  return cache;
}

PnIcalZones *
pn_ical_zones_new (const PnIcalText *text, PnMessage *message, const char *site_timezone)
{
  PnIcalZones *self = g_new0 (PnIcalZones, 1);
  self->text = text;
  self->message = message;
  self->site_name = site_timezone ? pn_timezone_find (site_timezone) : NULL;
  if (!self->site_name)
    self->site_name = "UTC";
  self->site = pn_zone_get (self->site_name);
  self->resolved = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, resolved_free);
  self->kept = g_ptr_array_new_with_free_func (g_free);
  self->older = pn_vcal_zone_new (text);
  return self;
}

void
pn_ical_zones_free (PnIcalZones *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->resolved);
  g_clear_pointer (&self->indices, g_hash_table_unref);
  g_ptr_array_unref (self->kept);
  pn_vcal_zone_free (self->older);
  g_free (self);
}

PnZone *
pn_ical_zones_site (PnIcalZones *self)
{
  return self->site;
}

void
pn_ical_zones_judge_at (PnIcalZones *self, gint64 local)
{
  self->judged = TRUE;
  self->judged_at = local;
}

/* -- the object's own VTIMEZONE -- */

static GBytes *
text_of (const PnIcalText *text, guint component)
{
  const PnIcalComponent *zone = pn_ical_component (text, component);
  GString *key = g_string_sized_new (512);
  guint current = G_MAXUINT;
  for (guint i = zone->first; i < zone->end; i++) {
    const PnIcalLine *line = pn_ical_line (text, i);
    if (line->component != current)
      g_string_append_printf (key, "%s.%u\n", pn_ical_component (text, line->component)->name,
                              line->component - component);
    current = line->component;
    g_string_append (g_string_append (key, line->name), ":");
    g_string_append (g_string_append (key, line->value), "\n");
  }
  return g_string_free_to_bytes (key);
}

/* The caller's own. */
static PnVtimezone *
analyse (const PnIcalText *text, guint component)
{
  g_autoptr (GBytes) key = text_of (text, component);
  GHashTable *cache = get_cache ();
  PnVtimezone *vtimezone = g_hash_table_lookup (cache, key);
  if (vtimezone)
    return pn_vtimezone_ref (vtimezone);
  if (g_hash_table_size (cache) >= MAX_CACHED)
    g_hash_table_remove_all (cache);
  vtimezone = pn_vtimezone_new (text, component);
  g_hash_table_insert (cache, g_steal_pointer (&key), pn_vtimezone_ref (vtimezone));
  return vtimezone;
}

static void
make_indices (PnIcalZones *self)
{
  const PnIcalText *text = self->text;
  self->indices = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < text->components->len; i++) {
    if (strcmp (pn_ical_component (text, i)->name, "VTIMEZONE") != 0)
      continue;
    const PnIcalLine *line = pn_ical_text_find (text, i, "TZID");
    char *name = line ? g_strstrip (pn_ical_line_text (line)) : NULL;
    /* Of several of one name the first counts. */
    if (name && !g_hash_table_contains (self->indices, name))
      g_hash_table_insert (self->indices, name, GUINT_TO_POINTER (i));
    else
      g_free (name);
  }
}

/* As long as any that is one: others would be gone through again for each of the object's components. */
static gboolean
is_sane (const PnIcalText *text, guint component)
{
  const PnIcalComponent *zone = pn_ical_component (text, component);
  gsize length = 0;
  for (guint i = zone->first; i < zone->end && length <= MAX_KEPT; i++)
    length += strlen (pn_ical_line (text, i)->value);
  return length <= MAX_KEPT;
}

/* The caller's own, or NULL. */
static PnVtimezone *
find_vtimezone (PnIcalZones *self, const char *tzid, guint *component)
{
  if (!self->indices)
    make_indices (self);
  gpointer index;
  if (!g_hash_table_lookup_extended (self->indices, tzid, NULL, &index))
    return NULL;
  *component = GPOINTER_TO_UINT (index);
  if (g_hash_table_size (self->resolved) <= MAX_ZONES && is_sane (self->text, *component))
    return analyse (self->text, *component);
  pn_message_add_loss (self->message, "calendar", "the VTIMEZONE of %s is too long or one too many", tzid);
  return NULL;
}

/* What matters of a VTIMEZONE, as lines. */
static char *
lines_of (const PnIcalText *text, guint component, const char *tzid)
{
  static const char *const names[]
      = { "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE", "TZNAME", NULL };
  g_autoptr (GString) line = g_string_new ("TZID:");
  pn_ical_append_text (line, tzid);
  GString *out = g_string_new (NULL);
  g_string_append_printf (out, "BEGIN:VTIMEZONE\n%s\n", line->str);
  for (guint i = component + 1; i < pn_ical_component (text, component)->next; i++) {
    const PnIcalComponent *child = pn_ical_component (text, i);
    if (strcmp (child->name, "STANDARD") != 0 && strcmp (child->name, "DAYLIGHT") != 0)
      continue;
    g_string_append_printf (out, "BEGIN:%s\n", child->name);
    for (guint k = child->first; k < child->end && out->len < MAX_KEPT; k++) {
      const PnIcalLine *own = pn_ical_line (text, k);
      if (own->component != i || !g_strv_contains (names, own->name))
        continue;
      g_autofree char *whole = pn_ical_line_whole (own);
      g_string_append_printf (out, "%s\n", whole);
    }
    g_string_append_printf (out, "END:%s\n", child->name);
  }
  g_string_append (out, "END:VTIMEZONE\n");
  return g_string_free (out, FALSE);
}

const GPtrArray *
pn_ical_zones_kept (PnIcalZones *self)
{
  return self->kept;
}

/* -- resolution -- */

static gboolean
offset_agrees (const char *name, gint64 local, int offset)
{
  PnZone *zone = pn_zone_get (name);
  return zone && pn_zone_instant (zone, local) == local - offset;
}

/* The zone that a name means which has the offset its VTIMEZONE states: a Windows name stands for several. */
static const char *
named_zone (PnIcalZones *self, const char *tzid, gint64 local, int offset)
{
  const char *name = pn_timezone_find (tzid);
  if (!name || offset_agrees (name, local, offset))
    return name;
  /* Sender and reader mean the clock on the wall there, whichever of them has old zone data. */
  if (pn_timezone_is_iana (tzid)) {
    pn_message_add_loss (self->message, "calendar",
                         "the VTIMEZONE of %s has another offset than the zone; the zone's was taken", tzid);
    return name;
  }
  for (guint i = 1; (name = pn_timezone_windows (tzid, i)); i++) {
    if (offset_agrees (name, local, offset))
      return name;
  }
  return NULL;
}

/* The zone whose hours the VTIMEZONE keeps. */
static const char *
observed_zone (PnIcalZones *self, PnVtimezone *vtimezone, gint64 local, int offset)
{
  int year = pn_year_of (local);
  if (pn_vtimezone_matches (vtimezone, year, self->site) && offset_agrees (self->site_name, local, offset))
    return self->site_name;
  const char *name = pn_vtimezone_find (vtimezone, year);
  return name && offset_agrees (name, local, offset) ? name : NULL;
}

/* Whether OFFSET is that of standard time here. */
static gboolean
is_site_offset (PnIcalZones *self, gint64 local, int offset)
{
  int year = pn_year_of (local);
  int january = pn_zone_offset (self->site, pn_civil_to_days (year, 1, 1) * 86400);
  int july = pn_zone_offset (self->site, pn_civil_to_days (year, 7, 1) * 86400);
  return MIN (january, july) == offset && strcmp (self->site_name, "UTC") != 0;
}

static void
resolve_without_vtimezone (PnIcalZones *self, const char *tzid, gint64 local, Resolved *resolved)
{
  const char *name = pn_timezone_find (tzid);
  gboolean has_offset = !name && pn_timezone_offset_in_name (tzid, &resolved->fixed);
  if (has_offset && is_site_offset (self, local, resolved->fixed)) {
    pn_message_add_loss (self->message, "calendar",
                         "the zone %s is not known; %s, of the offset in its name, was taken", tzid,
                         self->site_name);
    name = self->site_name;
  } else if (has_offset) {
    pn_message_add_loss (self->message, "calendar",
                         "the zone %s is not known; the offset in its name was taken for the whole year",
                         tzid);
    resolved->name = g_strdup (tzid);
    return;
  }
  if (!name) {
    pn_message_add_loss (self->message, "calendar",
                         "the zone %s is not known; the zone of this site, %s, was taken", tzid,
                         self->site_name);
    name = self->site_name;
  }
  resolved->zone = pn_zone_get (name);
  resolved->name = strcmp (name, "UTC") == 0 ? NULL : g_strdup (name);
}

static Resolved *
resolve (PnIcalZones *self, const char *tzid, gint64 local)
{
  Resolved *resolved = g_hash_table_lookup (self->resolved, tzid);
  if (resolved)
    return resolved;
  resolved = g_new0 (Resolved, 1);
  g_hash_table_insert (self->resolved, g_strdup (tzid), resolved);
  if (self->judged)
    local = self->judged_at;
  guint component = 0;
  g_autoptr (PnVtimezone) vtimezone = find_vtimezone (self, tzid, &component);
  int offset;
  if (!vtimezone || !pn_vtimezone_offset (vtimezone, local, &offset)) {
    resolve_without_vtimezone (self, tzid, local, resolved);
    return resolved;
  }
  const char *name = named_zone (self, tzid, local, offset);
  if (!name)
    name = observed_zone (self, vtimezone, local, offset);
  if (name) {
    resolved->zone = pn_zone_get (name);
    resolved->name = strcmp (name, "UTC") == 0 ? NULL : g_strdup (name);
  } else {
    resolved->vtimezone = g_steal_pointer (&vtimezone);
    resolved->fixed = offset;
    resolved->name = g_strdup (tzid);
    g_ptr_array_add (self->kept, lines_of (self->text, component, tzid));
    pn_message_add_loss (self->message, "calendar",
                         "no zone keeps the hours of the VTIMEZONE %s; its offset at the time was kept",
                         tzid);
  }
  return resolved;
}

const char *
pn_ical_zones_name (PnIcalZones *self, const char *tzid)
{
  return resolve (self, tzid, 0)->name;
}

void
pn_ical_zones_set (PnIcalZones *self, const char *tzid, gboolean utc, PnCalendarTime *time)
{
  gint64 local = pn_calendar_time_local (time);
  g_clear_pointer (&time->tzid, g_free);
  time->floating = FALSE;
  if (utc) {
    time->unix_time = local;
    return;
  }
  if (!time->is_date && (!tzid || !*tzid) && self->older) {
    time->unix_time = local - pn_vcal_zone_offset (self->older, local);
    if (pn_zone_instant (self->site, local) == time->unix_time
        && is_site_offset (self, local, pn_vcal_zone_standard (self->older)))
      time->tzid = g_strdup (self->site_name);
    else
      pn_calendar_time_set_local (time, time->unix_time);
    return;
  }
  if (time->is_date || !tzid || !*tzid) {
    time->floating = !time->is_date;
    time->unix_time = pn_zone_instant (self->site, local);
    return;
  }
  Resolved *resolved = resolve (self, tzid, local);
  int offset = resolved->fixed;
  if (resolved->zone)
    time->unix_time = pn_zone_instant (resolved->zone, local);
  else {
    if (resolved->vtimezone)
      pn_vtimezone_offset (resolved->vtimezone, local, &offset);
    time->unix_time = local - offset;
  }
  time->tzid = g_strdup (resolved->name);
}
