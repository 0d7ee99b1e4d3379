#include "convert/ical-writer.h"

#include <string.h>

#define MAX_CALENDAR (4 * 1024 * 1024)
#define MAX_VALUE (256 * 1024)
#define MAX_CARRIED (4 * 1024 * 1024)
#define MAX_INSTANCES 500

/* Properties that are made anew, or hold only in the object they came in. */
static const char *const made[] = { "DURATION",
                                    "DTEND",
                                    "DUE",
                                    "EXDATE",
                                    "FREEBUSY",
                                    "METHOD",
                                    "RDATE",
                                    "X-ALT-DESC",
                                    "X-GWALLDAYEVENT",
                                    "X-GWSHOW-AS",
                                    "X-LIC-ERROR",
                                    "X-MICROSOFT-CDO-ALLDAYEVENT",
                                    "X-MICROSOFT-CDO-APPT-SEQUENCE",
                                    "X-MICROSOFT-CDO-BUSYSTATUS",
                                    "X-MICROSOFT-CDO-IMPORTANCE",
                                    "X-MICROSOFT-CDO-INTENDEDSTATUS",
                                    "X-MICROSOFT-CDO-REPLYTIME",
                                    NULL };
static const char *const made_of_object[]
    = { "CALSCALE", "DAYLIGHT", "METHOD", "PRODID", "TZ", "VERSION", "X-LIC-ERROR", NULL };
/* Properties with a field whose parameters are kept beside it. */
static const char *const with_parameters[]
    = { "ATTENDEE", "COMMENT", "DESCRIPTION", "LOCATION", "ORGANIZER", "SUMMARY", NULL };
static const char *const own_parameters[]
    = { "CHARSET", "CN",   "CUTYPE",  "DELEGATED-FROM", "DELEGATED-TO",       "ENCODING", "PARTSTAT",
        "ROLE",    "RSVP", "SENT-BY", "VALUE",          "X-RESPONSE-COMMENT", NULL };

/* -- reading -- */

static gboolean
is_of_this_object (const PnIcalReader *reader, const PnIcalLine *line)
{
  /* Both hold in a COUNTER only, as instants. */
  if (g_str_has_prefix (line->name, "X-MS-OLK-ORIGINAL"))
    return reader->calendar->method != PN_METHOD_COUNTER || pn_ical_line_parameter_is (line, "VALUE", "DATE")
           || !g_str_has_suffix (line->value, "Z");
  return g_strv_contains (made, line->name);
}

static void
keep_line (PnIcalReader *reader, GPtrArray *lines, const PnIcalLine *line)
{
  gsize length = strlen (line->value);
  if (length > MAX_VALUE || reader->carried + length > MAX_CARRIED) {
    pn_message_add_loss (reader->message, "calendar", "line %u: %s is too long to be carried", line->number,
                         line->name);
    return;
  }
  reader->carried += length;
  char *whole = pn_ical_line_whole (line);
  if (reader->text->version1 && strcmp (line->name, "CATEGORIES") == 0)
    g_strdelimit (whole, ";", ',');
  g_ptr_array_add (lines, whole);
}

void
pn_ical_keep_property (PnIcalReader *reader, const PnIcalLine *line)
{
  if (*line->value && !is_of_this_object (reader, line))
    keep_line (reader, reader->calendar->properties, line);
}

void
pn_ical_keep_parameters (PnIcalReader *reader, const PnIcalLine *line)
{
  if (!line->parameters || !g_strv_contains (with_parameters, line->name))
    return;
  g_autofree char *others = pn_ical_line_other_parameters (line, own_parameters);
  if (others)
    keep_line (reader, reader->calendar->properties, line);
}

static void
keep_components (PnIcalReader *reader)
{
  const PnIcalText *text = reader->text;
  guint end = pn_ical_component (text, reader->component)->next;
  gboolean plain = pn_ical_alarm_is_plain (reader);
  for (guint i = reader->component + 1; i < end; i = pn_ical_component (text, i)->next) {
    if (plain && strcmp (pn_ical_component (text, i)->name, "VALARM") == 0)
      continue;
    g_autofree char *lines = pn_ical_component_lines (text, i);
    gsize length = strlen (lines);
    if (reader->carried + length > MAX_CARRIED) {
      pn_message_add_loss (reader->message, "calendar", "line %u: %s is too long to be carried",
                           pn_ical_component (text, i)->number, pn_ical_component (text, i)->name);
      continue;
    }
    reader->carried += length;
    g_ptr_array_add (reader->calendar->components, g_steal_pointer (&lines));
  }
}

void
pn_ical_keep_rest (PnIcalReader *reader)
{
  gint object = pn_ical_component (reader->text, reader->component)->parent;
  guint position = 0;
  const PnIcalLine *line;
  keep_components (reader);
  while (object >= 0 && (line = pn_ical_text_next (reader->text, (guint) object, NULL, &position))) {
    if (*line->value && !g_strv_contains (made_of_object, line->name))
      keep_line (reader, reader->calendar->object_properties, line);
  }
  const GPtrArray *kept = pn_ical_zones_kept (reader->zones);
  for (guint i = 0; i < kept->len; i++)
    g_ptr_array_add (reader->calendar->zones, g_strdup (kept->pdata[i]));
}

/* -- writing -- */

/* The component that says what MESSAGE says, or -1. */
static gint
find_component (const PnIcalText *text, const PnCalendar *calendar)
{
  for (guint i = 0; i < text->components->len; i++) {
    if (g_ascii_strcasecmp (pn_ical_component (text, i)->name, calendar->component ? calendar->component : "")
        != 0)
      continue;
    gboolean instance = pn_ical_text_find (text, i, "RECURRENCE-ID") != NULL;
    g_autofree char *own = instance == calendar->recurrence_id.set ? pn_ical_component_uid (text, i) : NULL;
    if (own && g_strcmp0 (own, calendar->uid) == 0)
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

static void
put_component (PnIcalWriter *writer, const PnIcalText *text, guint component)
{
  const PnIcalComponent *it = pn_ical_component (text, component);
  pn_ical_put_word (writer, "BEGIN:", it->name);
  for (guint i = it->first; i < it->end; i++) {
    if (pn_ical_line (text, i)->component == component && *pn_ical_line (text, i)->value)
      put_line (writer, pn_ical_line (text, i));
  }
  for (guint i = component + 1; i < it->next; i = pn_ical_component (text, i)->next)
    put_component (writer, text, i);
  pn_ical_put_word (writer, "END:", it->name);
}

/* A kept component, read again so that whatever stands in it cannot break the object. */
static PnIcalText *
read_kept (const char *lines)
{
  g_autoptr (PnMessage) scratch = pn_message_new (PN_TYPE_MAIL);
  PnIcalText *text = pn_ical_text_new (scratch, lines, strlen (lines), NULL);
  if (text && text->components->len > 0)
    return text;
  pn_ical_text_free (text);
  return NULL;
}

gboolean
pn_ical_carry_zone (PnIcalWriter *writer, const char *tzid)
{
  const GPtrArray *zones = writer->calendar->zones;
  for (guint i = 0; i < zones->len; i++) {
    g_autoptr (PnIcalText) text = read_kept (zones->pdata[i]);
    const PnIcalLine *line = text ? pn_ical_text_find (text, 0, "TZID") : NULL;
    g_autofree char *name = line ? g_strstrip (pn_ical_line_text (line)) : NULL;
    if (g_strcmp0 (name, tzid) != 0 || strcmp (pn_ical_component (text, 0)->name, "VTIMEZONE") != 0)
      continue;
    put_component (writer, text, 0);
    return TRUE;
  }
  return FALSE;
}

/* What stands for a line among those of its name: the address, or the text. */
static char *
key_of (const PnIcalLine *line)
{
  gboolean person = strcmp (line->name, "ATTENDEE") == 0 || strcmp (line->name, "ORGANIZER") == 0;
  g_autofree char *value = person ? pn_ical_address (line->value) : pn_ical_line_text (line);
  g_autofree char *lower = person ? g_ascii_strdown (value, -1) : NULL;
  return g_strconcat (line->name, ":", person ? lower : value, NULL);
}

void
pn_ical_carry_parameters (PnIcalWriter *writer, const char *name, const char *value)
{
  const GPtrArray *properties = writer->calendar->properties;
  if (properties->len == 0)
    return;
  if (!writer->parameters || writer->parameters_of != writer->calendar) {
    g_clear_pointer (&writer->parameters, g_hash_table_unref);
    writer->parameters = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    writer->parameters_of = writer->calendar;
    for (guint i = 0; i < properties->len; i++) {
      g_autofree char *copy = g_strdup (properties->pdata[i]);
      PnIcalLine line = { 0 };
      if (pn_ical_line_divide (copy, &line) && g_strv_contains (with_parameters, line.name))
        g_hash_table_insert (writer->parameters, key_of (&line),
                             pn_ical_line_other_parameters (&line, own_parameters));
    }
  }
  gboolean person = strcmp (name, "ATTENDEE") == 0 || strcmp (name, "ORGANIZER") == 0;
  g_autofree char *lower = person ? g_ascii_strdown (value, -1) : NULL;
  g_autofree char *key = g_strconcat (name, ":", person ? lower : value, NULL);
  const char *others = g_hash_table_lookup (writer->parameters, key);
  if (others)
    g_string_append (writer->line, others);
}

void
pn_ical_put_carried_text (PnIcalWriter *writer, const char *name, const char *text)
{
  if (!text || !*text)
    return;
  pn_ical_begin_line (writer, name);
  pn_ical_carry_parameters (writer, name, text);
  g_string_append_c (writer->line, ':');
  pn_ical_append_text (writer->line, text);
  pn_ical_end_line (writer);
}

/* What stood in an invitation that is now retracted does not hold for that. */
static gboolean
is_retracted (const PnIcalWriter *writer)
{
  return writer->method == PN_METHOD_CANCEL && writer->calendar->method != PN_METHOD_CANCEL;
}

void
pn_ical_carry_properties (PnIcalWriter *writer)
{
  const GPtrArray *properties = writer->calendar->properties;
  for (guint i = 0; !is_retracted (writer) && i < properties->len; i++) {
    g_autofree char *copy = g_strdup (properties->pdata[i]);
    PnIcalLine line = { 0 };
    if (pn_ical_line_divide (copy, &line) && *line.value && strcmp (line.name, "BEGIN") != 0
        && strcmp (line.name, "END") != 0 && !g_strv_contains (with_parameters, line.name)
        && !g_strv_contains (made, line.name)
        && (strcmp (line.name, "ATTACH") != 0 || pn_ical_is_attached (writer->message, &line)))
      put_line (writer, &line);
  }
}

void
pn_ical_carry_object (PnIcalWriter *writer)
{
  const GPtrArray *properties = writer->calendar->object_properties;
  for (guint i = 0; i < properties->len; i++) {
    g_autofree char *copy = g_strdup (properties->pdata[i]);
    PnIcalLine line = { 0 };
    if (pn_ical_line_divide (copy, &line) && *line.value && strcmp (line.name, "BEGIN") != 0
        && strcmp (line.name, "END") != 0 && !g_strv_contains (made_of_object, line.name))
      put_line (writer, &line);
  }
}

void
pn_ical_carry_components (PnIcalWriter *writer)
{
  const PnCalendar *calendar = writer->calendar;
  gboolean mine = writer->method == PN_METHOD_REQUEST || writer->method == PN_METHOD_PUBLISH;
  gboolean said = !calendar->alarm_set;
  for (guint i = 0; i < calendar->components->len; i++) {
    g_autoptr (PnIcalText) text = read_kept (calendar->components->pdata[i]);
    int before;
    if (!text)
      continue;
    gboolean alarm = strcmp (pn_ical_component (text, 0)->name, "VALARM") == 0;
    if (alarm && !mine)
      continue;
    if (alarm && pn_ical_alarm_before (text, 0, calendar, &before)) {
      /* The first is the alarm of the item; who changes or takes away that one means it. */
      if (!calendar->alarm_set)
        continue;
      if (!said && before != calendar->alarm) {
        pn_ical_put_alarm (writer);
        said = TRUE;
        continue;
      }
      said = TRUE;
    }
    put_component (writer, text, 0);
  }
  if (!said && mine)
    pn_ical_put_alarm (writer);
}

GPtrArray *
pn_ical_carry_instances (PnIcalWriter *writer)
{
  GPtrArray *instances = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  const PnIcalText *text = writer->came;
  gboolean series = text && !writer->calendar->recurrence_id.set;
  gint item = series ? find_component (text, writer->calendar) : -1;
  for (guint i = 0; item >= 0 && i < text->components->len && instances->len < MAX_INSTANCES; i++) {
    const char *name = pn_ical_component (text, i)->name;
    if (g_ascii_strcasecmp (name, writer->calendar->component) != 0
        || !pn_ical_text_find (text, i, "RECURRENCE-ID"))
      continue;
    g_autofree char *own = pn_ical_component_uid (text, i);
    PnMessage *instance = g_strcmp0 (own, writer->calendar->uid) == 0
                              ? pn_ical_read_component (text, i, writer->method, NULL)
                              : NULL;
    if (instance)
      g_ptr_array_add (instances, instance);
  }
  return instances;
}
