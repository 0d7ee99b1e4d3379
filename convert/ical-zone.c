#include "convert/ical-private.h"

#include <string.h>

#define MAX_CACHED 256

/* What a TZID of the object turned out to be. */
typedef struct {
  char *name;             /* in the native message; NULL: UTC */
  PnZone *zone;           /* or NULL */
  PnVtimezone *vtimezone; /* gives the offsets if there is no ZONE; or NULL, then FIXED does */
  int fixed;
} Resolved;

struct PnIcalZones {
  const PnIcalText *text;
  PnMessage *message;
  PnZone *site;
  const char *site_name;
  GHashTable *resolved; /* char * to Resolved */
};

static void
resolved_free (gpointer data)
{
  Resolved *self = data;
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
                                   (GDestroyNotify) pn_vtimezone_free);
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
  /* Only here, so that what an object uses stays until it is read. */
  if (g_hash_table_size (get_cache ()) > MAX_CACHED)
    g_hash_table_remove_all (get_cache ());
  return self;
}

void
pn_ical_zones_free (PnIcalZones *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->resolved);
  g_free (self);
}

PnZone *
pn_ical_zones_site (PnIcalZones *self)
{
  return self->site;
}

/* -- the object's own VTIMEZONE -- */

static GBytes *
text_of (const PnIcalText *text, guint component)
{
  const PnIcalComponent *zone = pn_ical_component (text, component);
  GString *key = g_string_sized_new (512);
  for (guint i = zone->first; i < zone->end; i++) {
    const PnIcalLine *line = pn_ical_line (text, i);
    g_string_append_printf (key, "%s.%u", pn_ical_component (text, line->component)->name,
                            line->component - component);
    g_string_append_printf (key, " %s:%s\n", line->name, line->value);
  }
  return g_string_free_to_bytes (key);
}

static PnVtimezone *
analyse (const PnIcalText *text, guint component)
{
  GBytes *key = text_of (text, component);
  PnVtimezone *vtimezone = g_hash_table_lookup (get_cache (), key);
  if (vtimezone) {
    g_bytes_unref (key);
    return vtimezone;
  }
  vtimezone = pn_vtimezone_new (text, component);
  g_hash_table_insert (get_cache (), key, vtimezone);
  return vtimezone;
}

static PnVtimezone *
find_vtimezone (PnIcalZones *self, const char *tzid)
{
  const PnIcalText *text = self->text;
  for (guint i = 0; i < text->components->len; i++) {
    if (strcmp (pn_ical_component (text, i)->name, "VTIMEZONE") != 0)
      continue;
    const PnIcalLine *line = pn_ical_text_find (text, i, "TZID");
    g_autofree char *name = line ? pn_ical_line_text (line) : NULL;
    if (name && strcmp (g_strstrip (name), tzid) == 0)
      return analyse (text, i);
  }
  return NULL;
}

/* -- resolution -- */

static int
year_of_local (gint64 local)
{
  PnCalendarTime time = { 0 };
  pn_calendar_time_set_local (&time, local);
  return time.year;
}

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
  int year = year_of_local (local);
  if (pn_vtimezone_matches (vtimezone, year, self->site) && offset_agrees (self->site_name, local, offset))
    return self->site_name;
  const char *name = pn_vtimezone_find (vtimezone, year);
  return name && offset_agrees (name, local, offset) ? name : NULL;
}

static void
resolve_without_vtimezone (PnIcalZones *self, const char *tzid, Resolved *resolved)
{
  const char *name = pn_timezone_find (tzid);
  if (!name && pn_timezone_offset_in_name (tzid, &resolved->fixed)) {
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
  PnVtimezone *vtimezone = find_vtimezone (self, tzid);
  int offset;
  if (!vtimezone || !pn_vtimezone_offset (vtimezone, local, &offset)) {
    resolve_without_vtimezone (self, tzid, resolved);
    return resolved;
  }
  const char *name = named_zone (self, tzid, local, offset);
  if (!name)
    name = observed_zone (self, vtimezone, local, offset);
  if (name) {
    resolved->zone = pn_zone_get (name);
    resolved->name = strcmp (name, "UTC") == 0 ? NULL : g_strdup (name);
  } else {
    resolved->vtimezone = vtimezone;
    resolved->fixed = offset;
    resolved->name = g_strdup (tzid);
    pn_message_add_loss (self->message, "calendar",
                         "no zone keeps the hours of the VTIMEZONE %s; its offset at the time was kept",
                         tzid);
  }
  return resolved;
}

const char *
pn_ical_zones_name (PnIcalZones *self, const char *tzid, gint64 local)
{
  return resolve (self, tzid, local)->name;
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
