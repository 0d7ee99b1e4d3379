/* A calendar file may hold many items, each of several components: one calendar is made for each item. */
#include <string.h>

#include "cmd/convert.h"

typedef struct {
  const char *begin, *end;
} Range;

/* A calendar object being taken apart. */
typedef struct {
  GString *properties; /* its own lines */
  GPtrArray *zones;    /* Zone */
  char *method;
} Calendar;

typedef struct {
  char *tzid;
  Range range;
} Zone;

/* What becomes one calendar. */
typedef struct {
  Calendar *calendar;
  char *uid;             /* or NULL */
  GHashTable *instances; /* RECURRENCE-ID and component, each once */
  GHashTable *tzids;
  GString *components;
} Group;

/* A component being read. */
typedef struct {
  const char *begin;
  char *name, *uid, *instance, *tzid;
  GPtrArray *tzids;
} Component;

typedef struct {
  GPtrArray *calendars, *groups;
  GHashTable *latest; /* "METHOD UID" to Group */
  GHashTable *zones;  /* TZID to Zone, of any of the calendars */
  Calendar *calendar;
  Component component;
  guint depth;
  guint objects;
} Splitter;

static void
zone_free (gpointer data)
{
  Zone *self = data;
  g_free (self->tzid);
  g_free (self);
}

static void
calendar_free (gpointer data)
{
  Calendar *self = data;
  g_string_free (self->properties, TRUE);
  g_ptr_array_unref (self->zones);
  g_free (self->method);
  g_free (self);
}

static void
group_free (gpointer data)
{
  Group *self = data;
  g_free (self->uid);
  g_hash_table_unref (self->instances);
  g_hash_table_unref (self->tzids);
  g_string_free (self->components, TRUE);
  g_free (self);
}

static void
component_clear (Component *self)
{
  g_free (self->name);
  g_free (self->uid);
  g_free (self->instance);
  g_free (self->tzid);
  if (self->tzids)
    g_ptr_array_unref (self->tzids);
  memset (self, 0, sizeof *self);
}

/* --- lines --------------------------------------------------------------------------------- */

/* The end of the line at TEXT with its continuations. */
static const char *
line_end (const char *text, const char *end)
{
  for (;;) {
    const char *feed = memchr (text, '\n', (gsize) (end - text));
    text = feed ? feed + 1 : end;
    if (text == end || (*text != ' ' && *text != '\t'))
      return text;
  }
}

static char *
unfold (const char *text, const char *end)
{
  GString *line = g_string_sized_new ((gsize) (end - text));
  while (text < end) {
    const char *feed = memchr (text, '\n', (gsize) (end - text));
    const char *stop = feed ? feed : end;
    const char *last = stop > text && stop[-1] == '\r' ? stop - 1 : stop;
    g_string_append_len (line, text, last - text);
    text = feed ? feed + 1 : end;
    if (text < end)
      text++; /* the blank of the fold */
  }
  return g_string_free (line, FALSE);
}

/* The value of LINE if it is the property NAME. */
static const char *
value_of (const char *line, const char *name)
{
  gsize n = strlen (name);
  if (g_ascii_strncasecmp (line, name, n) != 0 || (line[n] != ':' && line[n] != ';'))
    return NULL;
  gboolean quoted = FALSE;
  for (const char *p = line + n; *p; p++)
    if (*p == '"')
      quoted = !quoted;
    else if (*p == ':' && !quoted)
      return p + 1;
  return NULL;
}

/* The zone that LINE names, or NULL.  Caller frees. */
static char *
tzid_of (const char *line)
{
  const char *colon = strchr (line, ':');
  for (const char *p = strchr (line, ';'); p && (!colon || p < colon); p = strchr (p + 1, ';')) {
    if (g_ascii_strncasecmp (p, ";TZID=", 6) != 0)
      continue;
    p += 6;
    return *p == '"' ? g_strndup (p + 1, strcspn (p + 1, "\"")) : g_strndup (p, strcspn (p, ":;"));
  }
  return NULL;
}

/* --- components ---------------------------------------------------------------------------- */

static Group *
new_group (Splitter *self, const char *uid)
{
  Group *group = g_new0 (Group, 1);
  group->calendar = self->calendar;
  group->uid = g_strdup (uid);
  group->instances = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  group->tzids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  group->components = g_string_new (NULL);
  g_ptr_array_add (self->groups, group);
  return group;
}

/* The group of a component: that of its UID, unless the same instance is there already. */
static Group *
find_group (Splitter *self, const Component *component)
{
  if (!component->uid)
    return new_group (self, NULL);
  const char *method = self->calendar->method ? self->calendar->method : "";
  g_autofree char *key = g_strconcat (method, " ", component->uid, NULL);
  char *instance = g_strconcat (component->name, " ", component->instance, NULL);
  Group *group = g_hash_table_lookup (self->latest, key);
  if (!group || g_hash_table_contains (group->instances, instance)) {
    group = new_group (self, component->uid);
    g_hash_table_replace (self->latest, g_steal_pointer (&key), group);
  }
  g_hash_table_add (group->instances, instance);
  return group;
}

static void
finish_component (Splitter *self, const char *end)
{
  Component *component = &self->component;
  Range range = { component->begin, end };
  if (g_ascii_strcasecmp (component->name, "VTIMEZONE") == 0) {
    Zone *zone = g_new (Zone, 1);
    *zone = (Zone){ g_steal_pointer (&component->tzid), range };
    g_ptr_array_add (self->calendar->zones, zone);
    if (zone->tzid && !g_hash_table_contains (self->zones, zone->tzid))
      g_hash_table_insert (self->zones, zone->tzid, zone);
  } else {
    Group *group = find_group (self, component);
    g_string_append_len (group->components, range.begin, range.end - range.begin);
    for (guint i = 0; i < component->tzids->len; i++)
      g_hash_table_add (group->tzids, g_strdup (component->tzids->pdata[i]));
  }
  component_clear (component);
}

static void
take_component_line (Component *self, const char *line, guint depth)
{
  const char *value;
  char *tzid = tzid_of (line);
  if (tzid)
    g_ptr_array_add (self->tzids, tzid);
  if (depth != 2)
    return;
  if (!self->uid && (value = value_of (line, "UID")))
    self->uid = g_strdup (value);
  else if (!self->instance && (value = value_of (line, "RECURRENCE-ID")))
    self->instance = g_strdup (value);
  else if (!self->tzid && (value = value_of (line, "TZID")))
    self->tzid = g_strdup (value);
}

static void
begin_calendar (Splitter *self)
{
  self->calendar = g_new0 (Calendar, 1);
  self->calendar->properties = g_string_new (NULL);
  self->calendar->zones = g_ptr_array_new_with_free_func (zone_free);
  g_ptr_array_add (self->calendars, self->calendar);
  self->objects++;
}

/* A line and its depth: 0 outside, 1 of the calendar, 2 of a component. */
static void
take_line (Splitter *self, const char *text, const char *end)
{
  g_autofree char *line = unfold (text, end);
  const char *name = value_of (line, "BEGIN");
  if (name) {
    if (self->depth == 0)
      begin_calendar (self);
    else if (self->depth == 1) {
      self->component = (Component){ .begin = text, .tzids = g_ptr_array_new_with_free_func (g_free) };
      self->component.name = g_strstrip (g_strdup (name));
    }
    self->depth++;
  } else if (value_of (line, "END")) {
    if (self->depth == 2)
      finish_component (self, end);
    if (self->depth > 0)
      self->depth--;
  } else if (self->depth == 1) {
    const char *method = value_of (line, "METHOD");
    if (method && !self->calendar->method)
      self->calendar->method = g_strdup (method);
    g_string_append_len (self->calendar->properties, text, end - text);
  } else if (self->depth >= 2)
    take_component_line (&self->component, line, self->depth);
}

static void
append_zone (GString *out, const Zone *zone)
{
  g_string_append_len (out, zone->range.begin, zone->range.end - zone->range.begin);
  if (out->str[out->len - 1] != '\n')
    g_string_append_c (out, '\n');
}

/* A series and its exceptions may stand in different calendars, each with zones of its own. */
static GBytes *
compose (const Splitter *self, const Group *group, const char *eol)
{
  GString *out = g_string_new ("BEGIN:VCALENDAR");
  g_string_append (out, eol);
  g_string_append_len (out, group->calendar->properties->str, (gssize) group->calendar->properties->len);
  for (guint i = 0; i < group->calendar->zones->len; i++) {
    const Zone *zone = g_ptr_array_index (group->calendar->zones, i);
    if (zone->tzid && g_hash_table_remove (group->tzids, zone->tzid))
      append_zone (out, zone);
  }
  GHashTableIter iter;
  gpointer tzid;
  g_hash_table_iter_init (&iter, group->tzids);
  while (g_hash_table_iter_next (&iter, &tzid, NULL)) {
    const Zone *zone = g_hash_table_lookup (self->zones, tzid);
    if (zone)
      append_zone (out, zone);
  }
  g_string_append_len (out, group->components->str, (gssize) group->components->len);
  if (out->str[out->len - 1] != '\n')
    g_string_append (out, eol);
  g_string_append_printf (out, "END:VCALENDAR%s", eol);
  return g_string_free_to_bytes (out);
}

GPtrArray *
pn_convert_split_calendars (const char *text, gsize length)
{
  const char *end = text + length;
  g_autoptr (GPtrArray) calendars = g_ptr_array_new_with_free_func (calendar_free);
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (group_free);
  g_autoptr (GHashTable) latest = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) zones = g_hash_table_new (g_str_hash, g_str_equal);
  Splitter self = { .calendars = calendars, .groups = groups, .latest = latest, .zones = zones };
  for (const char *line = text, *next; line < end; line = next) {
    next = line_end (line, end);
    take_line (&self, line, next);
  }
  if (self.depth > 1) /* cut off within a component: the reader will say what is missing */
    finish_component (&self, end);
  if (groups->len == 0 || (groups->len == 1 && self.objects == 1))
    return NULL;
  const char *feed = memchr (text, '\n', length);
  const char *eol = feed && feed > text && feed[-1] == '\r' ? "\r\n" : "\n";
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (guint i = 0; i < groups->len; i++)
    g_ptr_array_add (all, compose (&self, g_ptr_array_index (groups, i), eol));
  return all;
}
