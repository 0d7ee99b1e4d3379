/* Charsets and times of API files. */
#include "convert/api.h"
#include "convert/charset.h"

#include <stdio.h>
#include <string.h>

/* Code page 437 from 0x80 on. */
static const gunichar2 code_page[128] = {
  0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee,
  0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6,
  0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
  0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
  0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
  0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
  0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
  0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
  0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
  0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* The byte of CHARACTER, or 0. */
static guint8
encode_character (gunichar character)
{
  for (guint i = 0; i < 128; i++)
    if (code_page[i] == character)
      return 0x80 + i;
  return 0;
}

char *
pn_api_encode (const char *text, gsize length, gsize *out_length, guint *replaced)
{
  GString *out = g_string_sized_new (length);
  g_autofree char *valid = NULL;
  if (length == 0)
    text = "";
  if (!g_utf8_validate_len (text, length, NULL)) {
    valid = g_utf8_make_valid (text, length);
    text = valid;
    length = strlen (valid);
  }
  for (const char *p = text; p < text + length; p = g_utf8_next_char (p)) {
    guint8 byte = (guint8) *p < 0x80 ? (guint8) *p : encode_character (g_utf8_get_char (p));
    *replaced += byte == 0;
    g_string_append_c (out, byte ? byte : '?');
  }
  *out_length = out->len;
  return g_string_free (out, FALSE);
}

static char *
decode_code_page (const char *text, gsize length, gsize *out_length)
{
  GString *out = g_string_sized_new (length * 2);
  for (gsize i = 0; i < length; i++) {
    guint8 byte = text[i];
    if (byte < 0x80)
      g_string_append_c (out, byte);
    else
      g_string_append_unichar (out, code_page[byte - 0x80]);
  }
  *out_length = out->len;
  return g_string_free (out, FALSE);
}

/* Names of ASCII, after which 8-bit text follows the gateway's code page. */
static gboolean
is_default_charset (const char *charset)
{
  static const char *const names[] = { "", "T50", "ASCII", "US-ASCII", "437", "CP437", "IBM437" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (charset, names[i]) == 0)
      return TRUE;
  return FALSE;
}

char *
pn_api_decode (const char *text, gsize length, const char *charset, gsize *out_length)
{
  if (!charset || is_default_charset (charset)) {
    if (!g_utf8_validate_len (text, length, NULL))
      return decode_code_page (text, length, out_length);
    *out_length = length;
    return g_strndup (text, length);
  }
  g_autofree char *page = g_ascii_isdigit (*charset) ? g_strconcat ("cp", charset, NULL) : NULL;
  return pn_charset_decode (text, length, page ? page : charset, NULL, FALSE, out_length, NULL);
}

/* Minutes from UTC of the wall clock that TIME shows. */
static int
offset_of (const PnCalendarTime *time)
{
  g_autofree char *wall
      = g_strdup_printf ("%d/%d/%04d %d:%d:%d", time->day, time->month, CLAMP (time->year, 1, 9999),
                         time->hour, time->minute, time->second);
  gint64 seconds;
  int ignored;
  if (!pn_keyword_parse_date (wall, 0, &seconds, &ignored))
    return 0;
  gint64 difference;
  if (__builtin_sub_overflow (seconds, time->unix_time, &difference))
    return 0;
  gint64 minutes = difference / 60;
  return minutes >= -24 * 60 && minutes <= 24 * 60 ? (int) minutes : 0;
}

static void
write_time (GString *out, PnNameId id, const PnCalendarTime *time)
{
  if (!time->set)
    return;
  g_autofree char *date = pn_keyword_format_date (time->unix_time, offset_of (time));
  pn_keyword_write (out, 0, pn_name_text (id), date);
}

void
pn_api_write_calendar (GString *out, const PnMessage *message)
{
  const PnCalendar *calendar = message->calendar;
  if (!calendar)
    return;
  if (message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK || message->type == PN_TYPE_NOTE)
    write_time (out, PN_NAME_BEGIN_TIME, &calendar->start);
  if (message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK)
    write_time (out, PN_NAME_END_TIME, &calendar->end);
  if (message->type == PN_TYPE_APPOINTMENT && calendar->place)
    pn_keyword_write (out, 0, pn_name_text (PN_NAME_LOCATION), calendar->place);
}

static void
read_time (const PnTime *from, gboolean is_date, PnCalendarTime *to)
{
  if (!from->set)
    return;
  /* a time without a zone's name is kept in UTC; a day is the one that its writer saw */
  g_autofree char *date = pn_keyword_format_date (from->unix_time, is_date ? from->offset : 0);
  to->set = TRUE;
  to->is_date = is_date;
  to->unix_time = from->unix_time;
  sscanf (date, "%d/%d/%d %d:%d:%d", &to->day, &to->month, &to->year, &to->hour, &to->minute, &to->second);
  if (is_date)
    to->hour = to->minute = to->second = 0;
}

void
pn_api_read_calendar (PnHead *head)
{
  PnMessage *message = head->message;
  static const char *const components[]
      = { [PN_TYPE_APPOINTMENT] = "VEVENT", [PN_TYPE_TASK] = "VTODO", [PN_TYPE_NOTE] = "VJOURNAL" };
  if (message->calendar || message->type >= G_N_ELEMENTS (components) || !components[message->type]
      || (!head->begin.set && !head->end.set && !head->location))
    return;
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  gboolean is_date = message->type == PN_TYPE_NOTE;
  calendar->method = PN_METHOD_REQUEST;
  calendar->component = g_strdup (components[message->type]);
  calendar->uid = g_strdup (message->id);
  calendar->summary = g_strdup (message->subject);
  calendar->place = g_strdup (head->location);
  calendar->all_day = is_date;
  calendar->organizer = pn_address_copy (message->from);
  read_time (&head->begin, is_date, &calendar->start);
  read_time (&head->end, is_date, &calendar->end);
}
