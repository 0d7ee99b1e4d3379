/* The global object id of Exchange as UID: which item it means. */
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
