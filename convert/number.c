#include "convert/number.h"

gboolean
pn_number_parse (const char *text, guint base, guint64 min, guint64 max, guint64 *number)
{
  guint64 sum = 0;
  if (!*text)
    return FALSE;
  for (; *text; text++) {
    int digit = g_ascii_xdigit_value (*text);
    if (digit < 0 || (guint) digit >= base || sum > (G_MAXUINT64 - (guint) digit) / base)
      return FALSE;
    sum = sum * base + (guint) digit;
  }
  if (sum < min || sum > max)
    return FALSE;
  *number = sum;
  return TRUE;
}

void
pn_number_put (char *to, guint number, guint digits)
{
  for (; digits > 0; digits--, number /= 10)
    to[digits - 1] = (char) ('0' + number % 10);
}
