/* Texts of mail made plain: format=flowed and enriched text.  No word is lost or invented, and the result is
 * as valid as what came. */
#include "convert/mime-enriched.h"
#include "convert/mime-reader.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

/* Characters of TEXT that are no white space and no mark of a quote. */
static gsize
count_words (const char *text, gsize length)
{
  gsize n = 0;

  for (gsize i = 0; i < length; i++)
    n += !g_ascii_isspace (text[i]) && text[i] != '>';
  return n;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autofree char *text = g_utf8_make_valid ((const char *) data, (gssize) size);
  gsize length = strlen (text), n;

  for (guint delsp = 0; delsp < 2; delsp++) {
    g_autofree char *plain = pn_mime_unflow (text, length, delsp == 1, &n);
    g_assert_cmpuint (count_words (plain, n), ==, count_words (text, length));
    g_assert_cmpuint (n, <=, 2 * length + 1);
    g_assert_true (g_utf8_validate (plain, (gssize) n, NULL));
  }
  for (guint richtext = 0; richtext < 2; richtext++) {
    g_autofree char *plain = pn_enriched_to_text (text, length, richtext == 1, &n);
    g_assert_cmpuint (n, <=, 2 * length + 1);
    g_assert_true (g_utf8_validate (plain, (gssize) n, NULL));
    g_autofree char *html = pn_enriched_to_html (text, length, richtext == 1, &n);
    g_assert_cmpuint (n, ==, strlen (html));
    g_assert_cmpuint (n, <=, 20 * length + 200);
    g_assert_true (g_utf8_validate (html, (gssize) n, NULL));
    g_assert_null (strcasestr (html, "<script"));
  }
  return 0;
}
