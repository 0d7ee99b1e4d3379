/* UIDs: which item a global object id of Exchange means, and one for an item that came without. */
#include "convert/ical-private.h"

#include <string.h>

/* In hexadecimal digits: the class, the date of an instance, times and length, the data. */
enum { DATE_AT = 32, DATE_LENGTH = 8, DATA_AT = 80, MARK_LENGTH = 24 };

/* The UID behind the mark, or NULL if the digits do not say one. */
static char *
unwrap (const char *digits)
{
  GString *uid = g_string_new (NULL);
  for (const char *c = digits; c[0] && c[1]; c += 2) {
    int octet = g_ascii_xdigit_value (c[0]) * 16 + g_ascii_xdigit_value (c[1]);
    if (octet == 0)
      break;
    g_string_append_c (uid, (char) octet);
  }
  gboolean valid = uid->len > 0 && g_utf8_validate (uid->str, (gssize) uid->len, NULL);
  for (gsize i = 0; i < uid->len; i++)
    valid = valid && (guchar) uid->str[i] >= ' ';
  return g_string_free (uid, !valid);
}

char *
pn_ical_uid_of_item (const char *uid)
{
  static const char class_id[] = "040000008200E00074C5B7101A82E008";
  static const char mark[] = "7643616C2D55696401000000"; /* "vCal-Uid" and a version */
  gsize length = strlen (uid);
  if (g_ascii_strncasecmp (uid, class_id, DATE_AT) != 0 || length < DATA_AT || length % 2 != 0
      || strspn (uid, "0123456789abcdefABCDEF") != length)
    return g_strdup (uid);
  if (g_ascii_strncasecmp (uid + DATA_AT, mark, MARK_LENGTH) == 0) {
    char *wrapped = unwrap (uid + DATA_AT + MARK_LENGTH);
    if (wrapped)
      return wrapped;
  }
  char *clean = g_strdup (uid);
  memset (clean + DATE_AT, '0', DATE_LENGTH);
  return clean;
}

/* -- items without one -- */

/* DTSTAMP is another each time that some programs write the same item. */
static char *
derive (const PnIcalText *text, guint component)
{
  enum { LENGTH = 32 };
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint position = 0;
  const PnIcalLine *line;
  g_checksum_update (checksum, (const guchar *) pn_ical_component (text, component)->name, -1);
  while ((line = pn_ical_text_next (text, component, NULL, &position))) {
    if (strcmp (line->name, "DTSTAMP") == 0)
      continue;
    g_autofree char *whole = pn_ical_line_whole (line);
    g_checksum_update (checksum, (const guchar *) "\n", 1);
    g_checksum_update (checksum, (const guchar *) whole, -1);
  }
  return g_strdup_printf ("%.*s" PN_ICAL_UID_SUFFIX, LENGTH, g_checksum_get_string (checksum));
}

char *
pn_ical_component_uid (const PnIcalText *text, guint component)
{
  const PnIcalLine *line = pn_ical_text_find (text, component, "UID");
  g_autofree char *stated = line ? g_strstrip (pn_ical_line_text (line)) : NULL;
  if (stated && *stated)
    return pn_ical_uid_of_item (stated);
  return pn_ical_text_find (text, component, "RECURRENCE-ID") ? NULL : derive (text, component);
}
