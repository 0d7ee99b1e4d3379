#include "convert/ical-writer.h"

#include <string.h>

#define MAX_CALENDAR (4 * 1024 * 1024)
#define MAX_VALUE 65536
#define MAX_INSTANCES 500

/* Properties of RFC 5545 and 7986 that the native message has no field for.  Those that begin with "X-" go
 * too, but for the ones that are made anew or hold only in the message they came with. */
static const char *const carried[]
    = { "ATTACH", "CATEGORIES",    "COLOR",      "CONFERENCE",     "CONTACT",   "CREATED", "GEO",
        "IMAGE",  "LAST-MODIFIED", "RELATED-TO", "REQUEST-STATUS", "RESOURCES", "URL" };
static const char *const left[] = { "X-ALT-DESC",
                                    "X-GWALLDAYEVENT",
                                    "X-GWSHOW-AS",
                                    "X-LIC-ERROR",
                                    "X-MICROSOFT-CDO-ALLDAYEVENT",
                                    "X-MICROSOFT-CDO-APPT-SEQUENCE",
                                    "X-MICROSOFT-CDO-BUSYSTATUS",
                                    "X-MICROSOFT-CDO-IMPORTANCE",
                                    "X-MICROSOFT-CDO-INTENDEDSTATUS",
                                    "X-MICROSOFT-CDO-REPLYTIME" };

static gboolean
is_one_of (const char *const *names, gsize count, const char *name)
{
  for (gsize i = 0; i < count; i++) {
    if (strcmp (names[i], name) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_carried (const PnIcalWriter *writer, const PnIcalLine *line)
{
  if (strlen (line->value) > MAX_VALUE)
    return FALSE;
  if (g_str_has_prefix (line->name, "X-MS-OLK-ORIGINAL"))
    return writer->method == PN_METHOD_COUNTER && !pn_ical_line_parameter_is (line, "VALUE", "DATE")
           && g_str_has_suffix (line->value, "Z");
  if (g_str_has_prefix (line->name, "X-"))
    return !is_one_of (left, G_N_ELEMENTS (left), line->name);
  return is_one_of (carried, G_N_ELEMENTS (carried), line->name);
}

/* The component that says what MESSAGE says, or -1. */
static gint
find_component (const PnIcalText *text, const PnCalendar *calendar)
{
  for (guint i = 0; i < text->components->len; i++) {
    if (g_ascii_strcasecmp (pn_ical_component (text, i)->name, calendar->component ? calendar->component : "")
        != 0)
      continue;
    const PnIcalLine *uid = pn_ical_text_find (text, i, "UID");
    gboolean instance = pn_ical_text_find (text, i, "RECURRENCE-ID") != NULL;
    g_autofree char *own = uid ? g_strstrip (pn_ical_line_text (uid)) : NULL;
    if (own && g_strcmp0 (own, calendar->uid) == 0 && instance == calendar->recurrence_id.set)
      return (gint) i;
  }
  return -1;
}

/* What stood in another message (an invitation that is now answered or retracted) does not hold here. */
static gboolean
is_of_method (const PnIcalText *text, gint component, PnMethod method)
{
  gint parent = component < 0 ? -1 : pn_ical_component (text, component)->parent;
  const PnIcalLine *line = parent < 0 ? NULL : pn_ical_text_find (text, (guint) parent, "METHOD");
  PnMethod own = line ? pn_method_from_string (g_strstrip (line->value)) : PN_METHOD_PUBLISH;
  return component >= 0 && own == method && method != PN_METHOD_REPLY;
}

void
pn_ical_carry_begin (PnIcalWriter *writer)
{
  PnPart *part = pn_message_get_part (writer->message, PN_PART_CALENDAR);
  g_autoptr (GBytes) bytes
      = part && part->content ? pn_content_read (part->content, MAX_CALENDAR, NULL) : NULL;
  if (!bytes)
    return;
  g_autoptr (PnMessage) scratch = pn_message_new (PN_TYPE_MAIL);
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  writer->came = pn_ical_text_new (scratch, text ? text : "", length, NULL);
  gint component = writer->came ? find_component (writer->came, writer->calendar) : -1;
  if (!writer->came || is_of_method (writer->came, component, writer->method))
    return;
  pn_ical_text_free (g_steal_pointer (&writer->came));
}

static void
put_line (PnIcalWriter *writer, const PnIcalLine *line)
{
  GString *text = pn_ical_begin_line (writer, line->name);
  if (line->parameters)
    g_string_append_printf (text, ";%s", line->parameters);
  g_string_append_printf (text, ":%s", line->value);
  pn_ical_end_line (writer);
}

/* STANDARD or DAYLIGHT of a VTIMEZONE, with the properties that matter. */
static void
put_observance (PnIcalWriter *writer, guint component)
{
  static const char *const names[] = { "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE", "TZNAME" };
  const char *kind = pn_ical_component (writer->came, component)->name;
  guint position = 0;
  const PnIcalLine *line;
  pn_ical_put (writer, "BEGIN:", kind);
  while ((line = pn_ical_text_next (writer->came, component, NULL, &position))) {
    if (is_one_of (names, G_N_ELEMENTS (names), line->name))
      put_line (writer, line);
  }
  pn_ical_put (writer, "END:", kind);
}

/* The VTIMEZONE called TZID that gives OFFSET at LOCAL, or -1. */
static gint
find_zone (const PnIcalText *text, const char *tzid, gint64 local, int offset)
{
  for (guint i = 0; text && i < text->components->len; i++) {
    if (strcmp (pn_ical_component (text, i)->name, "VTIMEZONE") != 0)
      continue;
    const PnIcalLine *line = pn_ical_text_find (text, i, "TZID");
    g_autofree char *name = line ? g_strstrip (pn_ical_line_text (line)) : NULL;
    if (g_strcmp0 (name, tzid) != 0)
      continue;
    g_autoptr (PnVtimezone) zone = pn_vtimezone_new (text, i);
    int own;
    return pn_vtimezone_offset (zone, local, &own) && own == offset ? (gint) i : -1;
  }
  return -1;
}

gboolean
pn_ical_carry_zone (PnIcalWriter *writer, const char *tzid, gint64 local, int offset)
{
  gint zone = find_zone (writer->came, tzid, local, offset);
  if (zone < 0)
    return FALSE;
  pn_ical_put (writer, "BEGIN:", "VTIMEZONE");
  pn_ical_put_text (writer, "TZID:", tzid);
  for (guint i = (guint) zone + 1; i < pn_ical_component (writer->came, (guint) zone)->next; i++) {
    const char *kind = pn_ical_component (writer->came, i)->name;
    if (strcmp (kind, "STANDARD") == 0 || strcmp (kind, "DAYLIGHT") == 0)
      put_observance (writer, i);
  }
  pn_ical_put (writer, "END:", "VTIMEZONE");
  return TRUE;
}

void
pn_ical_carry_properties (PnIcalWriter *writer)
{
  gint component = writer->came ? find_component (writer->came, writer->calendar) : -1;
  if (component < 0)
    return;
  guint position = 0;
  const PnIcalLine *line;
  while ((line = pn_ical_text_next (writer->came, (guint) component, NULL, &position))) {
    if (is_carried (writer, line) && *line->value)
      put_line (writer, line);
  }
}

GPtrArray *
pn_ical_carry_instances (PnIcalWriter *writer)
{
  GPtrArray *instances = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  const PnIcalText *text = writer->came;
  gboolean series = text && !writer->calendar->recurrence_id.set;
  gint item = series ? find_component (text, writer->calendar) : -1;
  for (guint i = 0; item >= 0 && i < text->components->len && instances->len < MAX_INSTANCES; i++) {
    const PnIcalLine *uid = pn_ical_text_find (text, i, "UID");
    const char *name = pn_ical_component (text, i)->name;
    if (!uid || g_ascii_strcasecmp (name, writer->calendar->component) != 0
        || !pn_ical_text_find (text, i, "RECURRENCE-ID"))
      continue;
    g_autofree char *own = g_strstrip (pn_ical_line_text (uid));
    PnMessage *instance
        = strcmp (own, writer->calendar->uid) == 0 ? pn_ical_read_component (text, i, writer->method) : NULL;
    if (instance)
      g_ptr_array_add (instances, instance);
  }
  return instances;
}
