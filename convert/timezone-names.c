#include "convert/ical-private.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *name; /* Windows or display name */
  const char *zone;
} ZoneName;

#include "convert/timezone-names.inc"

/* Zones that many people live in; among those of the same hours they are the likely ones. */
static const char *const common_zones[] = {
  "UTC",
  "Europe/Berlin",
  "Europe/London",
  "Europe/Helsinki",
  "Europe/Moscow",
  "Europe/Istanbul",
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Los_Angeles",
  "America/Phoenix",
  "America/Halifax",
  "America/Sao_Paulo",
  "Asia/Kolkata",
  "Asia/Shanghai",
  "Asia/Tokyo",
  "Australia/Sydney",
  "Australia/Brisbane",
};

/* Writers put their name and a version before the zone's: "/citadel.org/20190914_1/Europe/Berlin". */
static const char *const prefixes[] = { "/freeassociation.sourceforge.net/Tzfile/",
                                        "/freeassociation.sourceforge.net/",
                                        "/citadel.org/",
                                        "/mozilla.org/",
                                        "/softwarestudio.org/Olson_",
                                        "/softwarestudio.org/" };

static int
compare_iana (const void *key, const void *element)
{
  return g_ascii_strcasecmp (key, *(const char *const *) element);
}

static int
compare_name (const void *key, const void *element)
{
  return g_ascii_strcasecmp (key, ((const ZoneName *) element)->name);
}

static const char *
find_iana (const char *name)
{
  const char *const *found
      = bsearch (name, iana_names, G_N_ELEMENTS (iana_names), sizeof *iana_names, compare_iana);
  return found ? *found : NULL;
}

/* A zone newer than the table: its name is taken if the zone data of this system has it. */
static const char *
find_newer (const char *name)
{
  if (!strchr (name, '/') || name[0] == '/' || strstr (name, "..") || strlen (name) > 60)
    return NULL;
  for (const char *c = name; *c; c++) {
    if (!g_ascii_isalnum (*c) && !strchr ("/_+-", *c))
      return NULL;
  }
  g_autoptr (GTimeZone) zone = g_time_zone_new_identifier (name);
  return zone ? g_intern_string (name) : NULL;
}

const char *
pn_timezone_windows (const char *name, guint nth)
{
  const ZoneName *found
      = bsearch (name, windows_names, G_N_ELEMENTS (windows_names), sizeof *windows_names, compare_name);
  if (!found)
    return NULL;
  while (found > windows_names && g_ascii_strcasecmp (found[-1].name, name) == 0)
    found--;
  const ZoneName *wanted = found + nth;
  if (wanted >= windows_names + G_N_ELEMENTS (windows_names) || g_ascii_strcasecmp (wanted->name, name) != 0)
    return NULL;
  return wanted->zone;
}

const char *
pn_timezone_next_candidate (guint *position)
{
  guint nth = (*position)++;
  if (nth < G_N_ELEMENTS (common_zones))
    return common_zones[nth];
  for (nth -= G_N_ELEMENTS (common_zones); nth < G_N_ELEMENTS (windows_names); nth++, (*position)++) {
    if (nth == 0 || strcmp (windows_names[nth].name, windows_names[nth - 1].name) != 0)
      return windows_names[nth].zone;
  }
  return NULL;
}

/* Reads "+0100", "-5", "+05:30", "-08.00" at TEXT. */
static gboolean
parse_offset (const char *text, int *offset, const char **end)
{
  int sign = *text == '-' ? -1 : 1;
  if (*text != '+' && *text != '-')
    return FALSE;
  const char *c = text + 1;
  int digits = 0, number = 0;
  for (; g_ascii_isdigit (*c) && digits < 4; c++, digits++)
    number = number * 10 + (*c - '0');
  int hours = digits > 2 ? number / 100 : number, minutes = digits > 2 ? number % 100 : 0;
  if (digits > 0 && digits <= 2 && (*c == ':' || *c == '.') && g_ascii_isdigit (c[1])
      && g_ascii_isdigit (c[2])) {
    minutes = (c[1] - '0') * 10 + (c[2] - '0');
    c += 3;
  }
  if (digits == 0 || hours > 15 || minutes > 59)
    return FALSE;
  *offset = sign * (hours * 3600 + minutes * 60);
  *end = c;
  return TRUE;
}

gboolean
pn_timezone_offset_in_name (const char *name, int *offset)
{
  const char *c = name, *end;
  if (*c == '(')
    c++;
  gboolean named = g_ascii_strncasecmp (c, "GMT", 3) == 0 || g_ascii_strncasecmp (c, "UTC", 3) == 0;
  if (named)
    c += 3;
  while (*c == ' ')
    c++;
  if (named && (*c == '\0' || *c == ')')) {
    *offset = 0;
    return TRUE;
  }
  return parse_offset (c, offset, &end) && (*end == '\0' || *end == ')' || *end == ' ');
}

/* The zone of a city in a display name, if its standard offset is the one that the name states. */
static const char *
find_city (const char *city, int offset)
{
  g_autofree char *wanted = g_strdelimit (g_strdup (city), " ", '_');
  for (guint i = 0; i < G_N_ELEMENTS (iana_names); i++) {
    const char *last = strrchr (iana_names[i], '/');
    if (!last || g_ascii_strcasecmp (last + 1, wanted) != 0)
      continue;
    PnZone *zone = pn_zone_get (iana_names[i]);
    /* The offset in a display name is that of winter, which is July in the south. */
    gint64 winter = pn_civil_to_days (2025, 1, 1) * 86400, summer = pn_civil_to_days (2025, 7, 1) * 86400;
    if (zone && (pn_zone_offset (zone, winter) == offset || pn_zone_offset (zone, summer) == offset))
      return iana_names[i];
  }
  return NULL;
}

static const char *
find_region (const char *name)
{
  const ZoneName *found
      = bsearch (name, display_names, G_N_ELEMENTS (display_names), sizeof *display_names, compare_name);
  return found ? found->zone : NULL;
}

/* "(UTC+01:00) Amsterdam, Berlin, Bern", "(GMT-08.00) Pacific Time (US & Canada)/Tijuana": the names behind
 * the offset are cities or a region's name. */
static const char *
find_display (const char *name)
{
  int offset;
  const char *rest = strchr (name, ')');
  if (name[0] != '(' || !rest || !pn_timezone_offset_in_name (name, &offset))
    return NULL;
  g_autofree char *places = g_strstrip (g_strdup (rest + 1));
  const char *zone = find_region (places);
  if (!zone)
    zone = pn_timezone_windows (places, 0);
  gsize first = strcspn (places, ";/");
  if (!zone && places[first]) {
    g_autofree char *region = g_strndup (places, first);
    zone = find_region (g_strchomp (region));
  }
  g_auto (GStrv) cities = g_strsplit_set (places, ",:", 12);
  for (guint i = 0; !zone && cities[i]; i++)
    zone = find_city (g_strstrip (cities[i]), offset);
  return zone ? zone : pn_timezone_by_words (places, offset);
}

static const char *
find_prefixed (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++) {
    if (!g_str_has_prefix (name, prefixes[i]))
      continue;
    const char *rest = name + strlen (prefixes[i]);
    const char *found = find_iana (rest);
    /* A release may stand before the zone. */
    const char *slash = strchr (rest, '/');
    if (!found && slash)
      found = find_iana (slash + 1);
    if (found)
      return found;
  }
  return NULL;
}

/* "America-Chicago", "custom_Europe/Oslo", "posix/Asia/Tokyo": what programs make of an IANA name. */
static const char *
find_disguised (const char *name)
{
  static const char *const before[] = { "custom_", "posix/", "right/" };
  for (guint i = 0; i < G_N_ELEMENTS (before); i++)
    if (g_str_has_prefix (name, before[i]))
      return find_iana (name + strlen (before[i]));
  if (strchr (name, '/') || !strchr (name, '-'))
    return NULL;
  g_autofree char *plain = g_strdup (name);
  *strchr (plain, '-') = '/';
  return find_iana (plain);
}

/* Exchange numbers a second zone of the same name: "Eastern Standard Time 1". */
static const char *
find_numbered (const char *name)
{
  gsize length = strlen (name);
  if (length < 3 || !g_ascii_isdigit (name[length - 1]) || name[length - 2] != ' ')
    return NULL;
  g_autofree char *plain = g_strndup (name, length - 2);
  return pn_timezone_windows (plain, 0);
}

gboolean
pn_timezone_is_iana (const char *name)
{
  return find_iana (name) != NULL || find_prefixed (name) != NULL;
}

const char *
pn_timezone_find (const char *name)
{
  if (!name || !*name)
    return NULL;
  const char *found = find_iana (name);
  if (!found)
    found = pn_timezone_windows (name, 0);
  if (found)
    return found;
  if (g_ascii_strcasecmp (name, "Z") == 0 || g_ascii_strcasecmp (name, "tzone://Microsoft/Utc") == 0)
    return "UTC";
  if (name[0] == '/')
    return find_prefixed (name);
  found = find_display (name);
  if (!found)
    found = find_region (name);
  if (!found)
    found = find_numbered (name);
  if (!found)
    found = find_disguised (name);
  return found ? found : find_newer (name);
}
