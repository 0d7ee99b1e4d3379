/* Rich text.  The samples are made by tests/make-tnef.py. */
#include "convert/rtf.h"

#include <string.h>

static GBytes *
load (const char *kind, const char *name)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", kind, name, NULL);
  char *data;
  gsize length;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (path, &data, &length, &error))
    g_error ("%s", error->message);
  return g_bytes_new_take (data, length);
}

static void
test_rtf_words (void)
{
  static const struct {
    const char *rtf, *text;
  } cases[] = {
    { "{\\rtf1 a\\par b}", "a\nb" },
    { "{\\rtf1\\uc2 \\u228 xyz\\uc0\\u246 o}", "\303\244z\303\266o" },
    { "{\\rtf1 a{\\*\\unknown b{c}}d}", "ad" },
    { "{\\rtf1 a\\bin3 }}{b}", "ab" },
    { "{\\rtf1 \\u-10179?x}", "\357\277\275x" },
    { "{\\rtf1\\ansicpg1250 \\'b9\\'e8}", "\304\205\304\215" },
    { "{\\rtf1 a}b}c", "abc" },
    { "{\\rtf1{\\fonttbl{\\f3\\fcharset161 x;}}\\f3 \\'e1\\f0\\'e1}", "\316\261\303\241" },
    { "\\", "" },
    { "{\\rtf1 \\'4", "4" },
    { "{\\rtf1\\ansi\\deff1{\\fonttbl{\\f0 x;}{\\f1\\fcharset204 y;}}\\'e1\\f0\\'e1\\plain\\'e1}",
      "\320\261\303\241\320\261" },
    { "{\\rtf1\\ansicpg1251\\deff0{\\fonttbl{\\f0\\fcharset0 x;}}\\'e1}", "\320\261" },
    { "{\\rtf1 a{\\field{\\*\\fldinst{HYPERLINK \"http://example.com/\" }}{\\fldrslt{\\ul b}}}c}", "abc" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = NULL, *html = NULL;
    g_assert_true (pn_rtf_read (cases[i].rtf, strlen (cases[i].rtf), 1000, &text, &html));
    g_assert_cmpstr (text, ==, cases[i].text);
  }
  g_autoptr (GBytes) bytes = load ("rtf", "text.rtf");
  g_autofree char *text = NULL, *html = NULL;
  g_assert_true (pn_rtf_read (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), 1000, &text, &html));
  g_assert_cmpstr (text, ==, "Only text\n\twith {braces} and a \\ \342\200\223 \342\200\231\n");
  g_assert_null (html);
}

/* Links keep where they lead to. */
static void
test_rtf_links (void)
{
  static const struct {
    const char *rtf, *html;
  } cases[] = {
    { "{\\rtf1 a{\\field{\\*\\fldinst{HYPERLINK \"http://example.com/?a&b\" }}{\\fldrslt{\\ul b}}}c}",
      "<html><body>\na<a href=\"http://example.com/?a&amp;b\"><u>b</u></a>c\n</body></html>\n" },
    { "{\\rtf1{\\field{\\*\\fldinst HYPERLINK mailto:a@example.com}{\\fldrslt x}}}",
      "<html><body>\n<a href=\"mailto:a@example.com\">x</a>\n</body></html>\n" },
    { "{\\rtf1{\\field{\\*\\fldinst HYPERLINK \"javascript:x\"}{\\fldrslt x}}}",
      "<html><body>\nx\n</body></html>\n" },
    { "{\\rtf1{\\field{\\*\\fldinst PAGE}{\\fldrslt 3}}}", "<html><body>\n3\n</body></html>\n" },
    { "{\\rtf1{\\field{\\*\\fldinst HYPERLINK \"http://example.com/\"}{\\fldrslt x",
      "<html><body>\n<a href=\"http://example.com/\">x</a>\n</body></html>\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = NULL, *html = NULL;
    g_assert_true (pn_rtf_read (cases[i].rtf, strlen (cases[i].rtf), 1000, &text, &html));
    g_assert_cmpstr (html, ==, cases[i].html);
  }
}

static void
test_rtf_limits (void)
{
  enum { MANY = 1000000 };
  g_autofree char *deep = g_malloc (MANY), *text = NULL, *html = NULL;
  memset (deep, '{', MANY);
  memset (deep + MANY / 2, '}', MANY / 2 - 1);
  deep[MANY - 1] = 'x';
  g_assert_true (pn_rtf_read (deep, MANY, MANY, &text, &html));
  g_assert_cmpstr (text, ==, "x");
  g_clear_pointer (&text, g_free);
  g_clear_pointer (&html, g_free);
  memset (deep, 'x', MANY);
  g_assert_false (pn_rtf_read (deep, MANY, 1000, &text, &html));
  g_assert_cmpuint (strlen (text), <, 1100);

  g_autoptr (GBytes) packed = load ("rtf", "plain.rtf.lzfu");
  gsize length;
  const char *damage;
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_rtf_decompress (g_bytes_get_data (packed, NULL), g_bytes_get_size (packed), 100, &length,
                                    &damage, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT);
}

static void
test_rtf_decompress (void)
{
  static const char *const names[] = { "html.rtf", "plain.rtf", "text.rtf" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *packed_name = g_strconcat (names[i], ".lzfu", NULL);
    g_autoptr (GBytes) plain = load ("rtf", names[i]), packed = load ("rtf", packed_name);
    gsize length;
    const char *damage;
    g_autofree char *out = pn_rtf_decompress (g_bytes_get_data (packed, NULL), g_bytes_get_size (packed),
                                              100000, &length, &damage, NULL);
    g_assert_cmpmem (out, length, g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
    g_assert_null (damage);
    gsize size;
    g_autofree guint8 *wrong = g_bytes_unref_to_data (g_steal_pointer (&packed), &size);
    wrong[12] ^= 1;
    g_autofree char *other = pn_rtf_decompress (wrong, size, 100000, &length, &damage, NULL);
    g_assert_cmpstr (damage, ==, "its checksum is wrong");
    g_assert_cmpmem (other, length, g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtf/words", test_rtf_words);
  g_test_add_func ("/rtf/links", test_rtf_links);
  g_test_add_func ("/rtf/limits", test_rtf_limits);
  g_test_add_func ("/rtf/decompress", test_rtf_decompress);
  return g_test_run ();
}
