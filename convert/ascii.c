#include "convert/ascii.h"

#include <string.h>

const char *
pn_ascii_casestr (const char *text, const char *words)
{
  gsize n = strlen (words);
  char first = words[0] | 0x20;

  if (n == 0)
    return text;
  for (; *text != '\0'; text++)
    /* the bit tells lower from upper case; what else it lets pass is compared */
    if ((*text | 0x20) == first && g_ascii_strncasecmp (text, words, n) == 0)
      return text;
  return NULL;
}
