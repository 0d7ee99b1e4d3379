/* vCalendar 1.0: encoded values, the older grammar of rules, alarms that are properties, the zone of the
 * object. */
#include "convert/ical-private.h"
#include "convert/transfer.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEAD 1000
#define MAX_DAYLIGHT 1000

/* The parameter from C to END. */
static gboolean
is_encoding (const char *c, const char *end, const char *name)
{
  static const char label[] = "ENCODING=";
  while (c < end && g_ascii_isspace (*c))
    c++;
  while (end > c && g_ascii_isspace (end[-1]))
    end--;
  if (end - c > (gssize) strlen (label) && g_ascii_strncasecmp (c, label, strlen (label)) == 0)
    c += strlen (label);
  if (end - c > 2 && *c == '"' && end[-1] == '"')
    c++, end--;
  gsize length = strlen (name);
  return (gsize) (end - c) == length && g_ascii_strncasecmp (c, name, length) == 0;
}

static gboolean
find_encoding (const char *c, const char *end, const char *name)
{
  for (;; c++) {
    const char *stop = c;
    for (gboolean quoted = FALSE; stop < end && (quoted || (*stop != ';' && *stop != ':')); stop++)
      quoted ^= *stop == '"';
    if (is_encoding (c, stop, name))
      return TRUE;
    if (stop == end || *stop == ':')
      return FALSE;
    c = stop;
  }
}

gboolean
pn_vcal_encoding_is (const char *parameters, const char *name)
{
  return parameters && find_encoding (parameters, parameters + strlen (parameters), name);
}

gboolean
pn_vcal_line_encoding_is (const char *line, const char *name)
{
  const char *end = line + strnlen (line, MAX_HEAD);
  const char *c = line;
  while (c < end && *c != ';' && *c != ':')
    c++;
  return c < end && *c == ';' && find_encoding (c + 1, end, name);
}

char *
pn_vcal_decode (const char *value, const char *charset)
{
  gsize length = strlen (value);
  g_autofree char *raw = g_malloc (length + 2049);
  PnQpDecoder decoder = { 0 };
  gsize size = pn_qp_decoder_push (&decoder, (const guint8 *) value, length, (guint8 *) raw);
  size += pn_qp_decoder_finish (&decoder, (guint8 *) raw + size);
  g_autofree char *text = charset ? g_convert (raw, (gssize) size, "UTF-8", charset, NULL, NULL, NULL) : NULL;
  if (!text && !g_utf8_validate (raw, (gssize) size, NULL))
    text = g_convert (raw, (gssize) size, "UTF-8", "WINDOWS-1252", NULL, NULL, NULL);
  if (!text)
    text = g_utf8_make_valid (raw, (gssize) size);
  GString *line = g_string_sized_new (strlen (text));
  for (const char *c = text; *c; c++) {
    if (*c == '\n' || *c == '\r')
      g_string_append (line, "\\n");
    else if ((guchar) *c >= ' ' || *c == '\t')
      g_string_append_c (line, *c);
    c += *c == '\r' && c[1] == '\n';
  }
  return g_string_free (line, FALSE);
}

/* -- alarms -- */

void
pn_vcal_read_alarm (PnIcalReader *reader, const PnIcalLine *line)
{
  static const char *const actions[] = { "AUDIO", "DISPLAY", "EMAIL", "PROCEDURE" };
  PnCalendar *calendar = reader->calendar;
  g_auto (GStrv) fields = g_strsplit (line->value, ";", 4);
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (!fields[0] || !pn_ical_parse_time (g_strstrip (fields[0]), &time, &utc)) {
    pn_ical_keep_property (reader, line);
    return;
  }
  pn_ical_zones_set (reader->zones, NULL, utc, &time);
  const char *action
      = strchr ("ADMP", line->name[0]) ? actions[strchr ("ADMP", line->name[0]) - "ADMP"] : "DISPLAY";
  gboolean has_text = g_strv_length (fields) == 4 && *fields[3];
  g_autoptr (GString) out = g_string_new ("BEGIN:VALARM\n");
  g_string_append_printf (out, "ACTION:%s\nTRIGGER;VALUE=DATE-TIME:", action);
  pn_ical_append_utc (out, time.unix_time);
  g_string_append_printf (out, "\n%s%s%s", has_text ? "DESCRIPTION:" : "", has_text ? fields[3] : "",
                          has_text ? "\n" : "");
  g_string_append (out, "END:VALARM\n");
  gint64 before = (calendar->start.set ? calendar->start : calendar->end).unix_time - time.unix_time;
  if (!calendar->alarm_set && calendar->start.set && ABS (before) < G_MAXINT) {
    calendar->alarm_set = TRUE;
    calendar->alarm = (int) before;
  }
  g_ptr_array_add (calendar->components, g_strdup (out->str));
  pn_calendar_time_clear (&time);
}

/* -- the zone of the object -- */

/* A time of summer. */
typedef struct {
  gint64 first, last; /* wall clock */
  int offset;
} Daylight;

struct PnVcalZone {
  int standard;
  GArray *daylight; /* Daylight */
};

static gboolean
read_daylight (const PnVcalZone *self, const char *value, Daylight *daylight)
{
  g_auto (GStrv) fields = g_strsplit (value, ";", 6);
  PnCalendarTime begin = { 0 }, end = { 0 };
  gboolean begin_utc, end_utc;
  if (g_strv_length (fields) < 4 || g_ascii_strcasecmp (fields[0], "TRUE") != 0
      || !pn_timezone_offset_in_name (fields[1], &daylight->offset)
      || !pn_ical_parse_time (fields[2], &begin, &begin_utc)
      || !pn_ical_parse_time (fields[3], &end, &end_utc))
    return FALSE;
  daylight->first = pn_calendar_time_local (&begin) + (begin_utc ? self->standard : 0);
  daylight->last = pn_calendar_time_local (&end) + (end_utc ? daylight->offset : 0);
  return TRUE;
}

PnVcalZone *
pn_vcal_zone_new (const PnIcalText *text)
{
  const PnIcalLine *line
      = text->version1 && text->components->len > 0 ? pn_ical_text_find (text, 0, "TZ") : NULL;
  int standard;
  if (!line || !pn_timezone_offset_in_name (line->value, &standard))
    return NULL;
  PnVcalZone *self = g_new0 (PnVcalZone, 1);
  self->standard = standard;
  self->daylight = g_array_new (FALSE, FALSE, sizeof (Daylight));
  guint position = 0;
  while (self->daylight->len < MAX_DAYLIGHT && (line = pn_ical_text_next (text, 0, "DAYLIGHT", &position))) {
    Daylight daylight;
    if (read_daylight (self, line->value, &daylight))
      g_array_append_val (self->daylight, daylight);
  }
  return self;
}

void
pn_vcal_zone_free (PnVcalZone *self)
{
  if (!self)
    return;
  g_array_unref (self->daylight);
  g_free (self);
}

int
pn_vcal_zone_standard (const PnVcalZone *self)
{
  return self->standard;
}

int
pn_vcal_zone_offset (const PnVcalZone *self, gint64 local)
{
  int offset = self->standard;
  for (guint i = 0; i < self->daylight->len; i++) {
    const Daylight *daylight = &g_array_index (self->daylight, Daylight, i);
    if (local >= daylight->first && local < daylight->last)
      offset = daylight->offset;
  }
  return offset;
}
