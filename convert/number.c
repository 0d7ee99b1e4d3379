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
