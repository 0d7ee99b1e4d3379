/* Rich text, compressed or as it is. */
#include "convert/rtf.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

enum { MAX = 1024 * 1024 };

static void
check (const char *text)
{
  g_assert_true (!text || (g_utf8_validate (text, -1, NULL) && strlen (text) < MAX + 1024));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *rtf = NULL, *text = NULL, *html = NULL;
  const char *damage;
  gsize length;
  rtf = pn_rtf_decompress (data, size, MAX, &length, &damage, NULL);
  if (!rtf) {
    rtf = g_memdup2 (data, size);
    length = size;
  }
  g_assert_cmpuint (length, <=, 9 * size);
  pn_rtf_read (rtf, length, MAX, &text, &html);
  g_assert_true (text || html);
  check (text);
  check (html);
  return 0;
}
