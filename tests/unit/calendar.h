/* Reading calendar objects in tests, and what must be true of those that are written. */
#pragma once

#include "convert/ical.h"
#include "convert/native.h"

#include <libical/ical.h>
#include <string.h>

#define NOW 1772000000 /* 2026-02-25T06:13:20Z */
#define SITE "Europe/Berlin"

#define EVENT(method, lines)                                                                                 \
  "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" method "BEGIN:VEVENT\r\nUID:u@example.com\r\n"                        \
  "DTSTAMP:20260101T000000Z\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"
#define ZONE(name, rules) "METHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:" name "\r\n" rules "END:VTIMEZONE\r\n"
#define OBSERVANCE(kind, start, from, to, rule)                                                              \
  "BEGIN:" kind "\r\nDTSTART:" start "\r\nTZOFFSETFROM:" from "\r\nTZOFFSETTO:" to "\r\n" rule "END:" kind   \
  "\r\n"
#define EUROPE                                                                                               \
  OBSERVANCE ("STANDARD", "16010101T030000", "+0200", "+0100",                                               \
              "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n")                                                 \
  OBSERVANCE ("DAYLIGHT", "16010101T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n")
#define FIXED(offset) OBSERVANCE ("STANDARD", "16010101T000000", offset, offset, "")

static inline PnMessage *
read_text (const char *text, gssize length, const char *method)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GError) error = NULL;
  gboolean read
      = pn_ical_read (message, text, length < 0 ? strlen (text) : (gsize) length, method, SITE, &error);
  g_assert_no_error (error);
  g_assert_true (read);
  return g_steal_pointer (&message);
}

/* Lines end in CRLF, none is longer than 75 octets or cut inside a character. */
static inline void
check_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_assert_cmpuint (strlen (lines[i]), <=, 75);
    g_assert_null (strpbrk (lines[i], "\r\n"));
    g_assert_true (g_utf8_validate (lines[i], -1, NULL));
  }
  g_assert_true (g_str_has_suffix (text, "END:VCALENDAR\r\n"));
}

/* What libical makes of TEXT has no errors and the same instants. */
static inline void
check_with_libical (const char *text, const PnMessage *message)
{
  icalcomponent *root = icalparser_parse_string (text);
  g_assert_nonnull (root);
  g_assert_cmpint (icalcomponent_count_errors (root), ==, 0);
  icalcomponent *inner = icalcomponent_get_inner (root);
  g_assert_nonnull (inner);
  g_assert_cmpstr (icalcomponent_get_uid (inner), ==, message->calendar->uid);
  const PnCalendarTime *start = &message->calendar->start;
  if (start->set && !start->floating && !start->is_date) {
    struct icaltimetype time = icalcomponent_get_dtstart (inner);
    icaltimezone *zone = time.zone ? (icaltimezone *) time.zone : icaltimezone_get_utc_timezone ();
    g_assert_cmpint (icaltime_as_timet_with_zone (time, zone), ==, start->unix_time);
  }
  if (message->calendar->rrule)
    g_assert_nonnull (icalcomponent_get_first_property (inner, ICAL_RRULE_PROPERTY));
  icalcomponent_free (root);
}

static inline char *
describe_losses (const PnMessage *message)
{
  GString *out = g_string_new (NULL);
  for (guint i = 0; i < message->losses->len; i++) {
    const PnLoss *loss = message->losses->pdata[i];
    g_string_append_printf (out, "loss: %s: %s\n", loss->part, loss->reason);
  }
  return g_string_free (out, FALSE);
}

static inline gboolean
has_loss (const PnMessage *message, const char *part)
{
  g_autofree char *losses = describe_losses (message);
  return strstr (losses, part) != NULL;
}

static inline PnMessage *
read_sample (const char *name)
{
  g_autofree char *path = g_strdup_printf (SRCDIR "/samples/ical/%s.ics", name);
  g_autofree char *text = NULL;
  gsize length;
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  return read_text (text, (gssize) length, NULL);
}

static inline guint
count_of (const char *text, const char *part)
{
  guint count = 0;
  for (const char *c = text; (c = strstr (c, part)); c++)
    count++;
  return count;
}

/* Without its folds. */
static inline char *
unfold (const char *text)
{
  GString *out = g_string_new (text);
  g_string_replace (out, "\r\n ", "", 0);
  return g_string_free (out, FALSE);
}

#define assert_has(text, part) g_assert_cmpstr (strstr (text, part), !=, NULL)
#define assert_lacks(text, part) g_assert_cmpstr (strstr (text, part), ==, NULL)

/* MESSAGE as it comes out of a queue file. */
static inline PnMessage *
through_native (PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (bytes);
  g_free (message->id);
  message->id = g_strdup ("4C9B1A22.7F01.0077");
  pn_native_write (message, &sink, &error);
  g_assert_no_error (error);
  g_autoptr (PnSource) source = pn_source_new_copy (bytes->data, bytes->len);
  PnMessage *back = pn_native_read (source, &error);
  g_assert_no_error (error);
  return back;
}

/* Read, put into a queue file and out of it, without the calendar part, and written. */
static inline char *
pass (const char *text, gssize length)
{
  g_autoptr (PnMessage) message = read_text (text, length, NULL);
  g_autoptr (PnMessage) back = through_native (message);
  g_autoptr (GError) error = NULL;
  g_autofree char *written = pn_ical_write (back, NOW, &error);
  g_assert_no_error (error);
  check_lines (written);
  g_autoptr (PnMessage) again = read_text (written, -1, NULL);
  g_autofree char *twice = pn_ical_write (again, NOW, NULL);
  g_assert_cmpstr (twice, ==, written);
  return unfold (written);
}
