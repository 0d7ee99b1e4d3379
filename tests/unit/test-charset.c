#include "convert/charset.h"

#include <string.h>

typedef struct {
  const char *bytes, *declared, *site;
  gboolean html;
  const char *text, *charset;
  gsize invalid;
  gboolean guessed;
} Case;

/* The ladder, rung by rung. */
static const Case cases[] = {
  { "plain", NULL, NULL, FALSE, "plain", "us-ascii", 0, FALSE },
  { "plain", "ISO-8859-1", NULL, FALSE, "plain", "iso-8859-1", 0, FALSE },
  { "\x93\x80\x94", "iso-8859-1", NULL, FALSE, "“€”", "iso-8859-1", 0, FALSE },
  { "\x93", "us-ascii", NULL, FALSE, "“", "windows-1252", 0, TRUE },
  { "\xC3\xA4", "us-ascii", NULL, FALSE, "ä", "utf-8", 0, TRUE },
  { "\xC3\xA4", "utf8", NULL, FALSE, "ä", "utf-8", 0, FALSE },
  { "\xC3\xA4", NULL, "koi8-r", FALSE, "ä", "utf-8", 0, TRUE },
  { "\xF0", NULL, "koi8-r", FALSE, "П", "koi8-r", 0, TRUE },
  { "\xE4", NULL, NULL, FALSE, "ä", "windows-1252", 0, TRUE },
  { "\xC3\xA4\xC3\xB6 \xFF", "utf-8", NULL, FALSE, "äö \xEF\xBF\xBD", "utf-8", 1, FALSE },
  { "\xE4\xF6\xFC", "utf-8", NULL, FALSE, "äöü", "windows-1252", 0, TRUE },
  { "a\x81z", "windows-1252", NULL, FALSE, "a\xEF\xBF\xBDz", "windows-1252", 1, TRUE },
  { "<meta charset=koi8-r>\xF0", NULL, NULL, TRUE, "<meta charset=koi8-r>П", "koi8-r", 0, TRUE },
  { "<meta charset=koi8-r>\xF0", NULL, NULL, FALSE, "<meta charset=koi8-r>ð", "windows-1252", 0, TRUE },
  { "<meta charset=koi8-r>\xC3\xA4", "utf-8", NULL, TRUE, "<meta charset=koi8-r>ä", "utf-8", 0, FALSE },
  { "\xB0\xA1\xE9\x46", "gb2312", NULL, FALSE, "啊镕", "gb2312", 0, FALSE },
  { "\x8C\x63", "ks_c_5601-1987", NULL, FALSE, "똠", "ks_c_5601-1987", 0, FALSE },
  { "\x87\x40", "Shift_JIS", NULL, FALSE, "①", "shift_jis", 0, FALSE },
  { "\x1B$B-!\x1B(B", "iso-2022-jp", NULL, FALSE, "①", "iso-2022-jp", 0, FALSE },
  { "\x1B$BF|\x1B(B", NULL, NULL, FALSE, "日", "iso-2022-jp", 0, TRUE },
  { "\x1B(I1\x1B(B", "iso-2022-jp", NULL, FALSE, "ｱ", "iso-2022-jp", 0, FALSE },
  { "\x1B$BF|\nabc", "iso-2022-jp", NULL, FALSE, "日\nabc", "iso-2022-jp", 0, FALSE },
  { "\x1B$BF", "iso-2022-jp", NULL, FALSE, "\xEF\xBF\xBD", "iso-2022-jp", 1, FALSE },
  { "\xCF", "\"win-1251\"", NULL, FALSE, "П", "windows-1251", 0, FALSE },
  { "\x81", "cp-850", NULL, FALSE, "ü", "cp850", 0, FALSE },
  { "\xE4", "x-unknown", NULL, FALSE, "ä", "windows-1252", 0, TRUE },
  { "\xE4", "latin1//TRANSLIT", NULL, FALSE, "ä", "windows-1252", 0, TRUE },
  { "\xF9\xE0", "windows-1255", NULL, FALSE, "שא", "windows-1255", 0, FALSE },
  { "\xF0\x61", "windows-1258", NULL, FALSE, "đa", "windows-1258", 0, FALSE },
  { "+AOQ-", "utf-7", NULL, FALSE, "ä", "utf-7", 0, FALSE },
  /* Japanese senders confuse their charsets. */
  { "\x93\xFA\x96\x7B\x8C\xEA", "iso-2022-jp", NULL, FALSE, "日本語", "cp932", 0, TRUE },
  { "\xC6\xFC\xCB\xDC\xB8\xEC", "iso-2022-jp", NULL, FALSE, "日本語", "euc-jp-ms", 0, TRUE },
  { "\xE6\x97\xA5\xE6\x9C\xAC", "iso-2022-jp", NULL, FALSE, "日本", "utf-8", 0, TRUE },
  { "\x1B$BF|K\\\x1B(B", "shift_jis", NULL, FALSE, "日本", "iso-2022-jp", 0, TRUE },
  { "\x1B$BF|K\\\x1B(B", "utf-8", NULL, FALSE, "日本", "iso-2022-jp", 0, TRUE },
  { "\x1B$BF|K\\\x1B(B", "us-ascii", NULL, FALSE, "日本", "iso-2022-jp", 0, TRUE },
  { "\x1B$BF|\x1B(B\xB1", "iso-2022-jp", NULL, FALSE, "日ｱ", "iso-2022-jp", 0, FALSE },
  { "\x93\xFA\x96\x7B", "euc-jp", NULL, FALSE, "日本", "cp932", 0, TRUE },
  { "\x1B$)C\x0E\x47\x51\x31\x39\x0F", "iso-2022-kr", NULL, FALSE, "한국", "iso-2022-kr", 0, FALSE },
  { "\xC7\xD1", "x-windows-949", NULL, FALSE, "한", NULL, 0, FALSE },
  { "\xA4\xA4", "x-big5", NULL, FALSE, "中", NULL, 0, FALSE },
  { "\xD6\xD0", "x-gbk", NULL, FALSE, "中", NULL, 0, FALSE },
  { "\xE4", "ISO 8859-1", NULL, FALSE, "ä", NULL, 0, FALSE },
  { "\xE4", "csISOLatin1", NULL, FALSE, "ä", NULL, 0, FALSE },
  { "\xE4", "x-user-defined", NULL, FALSE, "ä", "windows-1252", 0, TRUE },
  { "\xE4", "default_charset", "koi8-r", FALSE, "Д", "koi8-r", 0, TRUE },
  { "\xC3\xA4", "unknown-8bit", NULL, FALSE, "ä", "utf-8", 0, TRUE },
  { "{", "de", NULL, FALSE, "{", "us-ascii", 0, FALSE },
  { "\xA1", "windows-874", NULL, FALSE, "ก", NULL, 0, FALSE },
  { "\xA1", "tis-620", NULL, FALSE, "ก", NULL, 0, FALSE },
  { "\x8A", "x-mac-roman", NULL, FALSE, "ä", NULL, 0, FALSE },
  { "\xE4", "windows-28605", NULL, FALSE, "ä", NULL, 0, FALSE },
  { "\xEF\xBB\xBFx\xC3\xA4", "iso-8859-1", NULL, FALSE, "xä", "utf-8", 0, TRUE },
};

static void
test_ladder (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const Case *c = &cases[i];
    PnCharsetResult result;
    gsize length;
    g_autofree char *text
        = pn_charset_decode (c->bytes, strlen (c->bytes), c->declared, c->site, c->html, &length, &result);

    g_test_message ("case %u: %s", i, c->declared != NULL ? c->declared : "undeclared");
    g_assert_cmpuint (length, ==, strlen (text));
    g_assert_true (g_utf8_validate (text, -1, NULL));
    g_assert_cmpstr (text, ==, c->text);
    if (c->charset != NULL)
      g_assert_cmpstr (result.charset, ==, c->charset);
    g_assert_cmpuint (result.invalid, ==, c->invalid);
    g_assert_cmpint (result.guessed, ==, c->guessed);
  }
}

static void
test_wide (void)
{
  static const char *const labels[] = { "utf-16", "unicode", "utf-16le", "ucs-2" };
  static const char bytes[] = "a\0\xE4\0\xAC\x20";

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    g_autofree char *text = pn_charset_decode (bytes, 6, labels[i], NULL, FALSE, NULL, NULL);
    g_assert_cmpstr (text, ==, "aä€");
  }
  g_autofree char *marked = pn_charset_decode ("\xFE\xFF\0a\x20\xAC", 6, "utf-16", NULL, FALSE, NULL, NULL);
  g_assert_cmpstr (marked, ==, "a€");
  g_autofree char *undeclared = pn_charset_decode ("\xFF\xFE"
                                                   "a\0",
                                                   4, NULL, NULL, FALSE, NULL, NULL);
  g_assert_cmpstr (undeclared, ==, "a");
}

/* The C library reads numbers that are no characters of Unicode from UCS-4, and writes them as if they were.
 */
static void
test_beyond_unicode (void)
{
  static const struct {
    const char *bytes, *label;
  } wide[] = { { "\0\x11\0\0\0\0\0a", "ucs-4be" },
               { "\0\0\x11\0a\0\0\0", "ucs-4le" },
               { "\x7F\xFF\xFF\xFF\0\0\0a", "csucs4" } };

  for (guint i = 0; i < G_N_ELEMENTS (wide); i++) {
    PnCharsetResult result;
    gsize length;
    g_autofree char *text
        = pn_charset_decode (wide[i].bytes, 8, wide[i].label, NULL, FALSE, &length, &result);
    g_assert_true (g_utf8_validate_len (text, length, NULL));
    g_assert_cmpuint (length, ==, strlen (text));
    g_assert_true (g_str_has_suffix (text, "a"));
  }
}

static void
test_nul (void)
{
  static const char *const labels[] = { NULL, "us-ascii", "utf-8", "iso-8859-1", "koi8-r" };

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    PnCharsetResult result;
    gsize length;
    g_autofree char *text = pn_charset_decode ("a\0b\0", 4, labels[i], NULL, FALSE, &length, &result);
    g_assert_cmpstr (text, ==, "ab");
    g_assert_cmpuint (length, ==, 2);
    g_assert_cmpuint (result.nuls, ==, 2);
    g_assert_cmpuint (result.invalid, ==, 0);
    g_assert_false (result.guessed);
  }
}

/* Whatever the bytes and the label: valid UTF-8 comes out. */
static void
test_garbage (void)
{
  static const char *const labels[] = { NULL,   "utf-8",  "iso-2022-jp", "utf-16",      "utf-7",  "gb2312",
                                        "big5", "euc-kr", "x",           "iso-2022-kr", "utf-32", "ucs-4be" };

  for (guint round = 0; round < 3000; round++) {
    guint8 bytes[64];
    gsize n = (gsize) g_test_rand_int_range (0, sizeof bytes);
    for (gsize i = 0; i < n; i++)
      bytes[i] = (guint8) g_test_rand_int_range (0, 256);
    gsize length;
    g_autofree char *text = pn_charset_decode (bytes, n, labels[round % G_N_ELEMENTS (labels)], NULL,
                                               round % 2 == 0, &length, NULL);
    g_assert_cmpuint (strlen (text), ==, length);
    g_assert_true (g_utf8_validate (text, -1, NULL));
  }
}

static void
test_find (void)
{
  char name[64];

  g_assert_true (pn_charset_find (" 'ISO-8859-1' ", name));
  g_assert_cmpstr (name, ==, "windows-1252");
  g_assert_true (pn_charset_find ("Windows1250", name));
  g_assert_cmpstr (name, ==, "windows-1250");
  g_assert_true (pn_charset_find ("ansi_x3.4-1968", name));
  g_assert_cmpstr (name, ==, "us-ascii");
  g_assert_false (pn_charset_find ("", name));
  g_assert_false (pn_charset_find ("../../etc/passwd", name));
  g_assert_false (pn_charset_find ("no-such-charset", name));
}

static void
test_compose (void)
{
  static const struct {
    const char *text, *composed;
  } pairs[] = {
    { "", "" },
    { "plain", "plain" },
    { "u\xCC\x88", "\xC3\xBC" },
    { "\xCC\x88", "\xCC\x88" },
    { "x\xCC\x88y", "\xE1\xBA\x8Dy" },
    { "q\xCC\x88", "q\xCC\x88" },
    { "\xE3\x81\x8B\xE3\x82\x99", "\xE3\x81\x8C" },
    { "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C" },
    /* The sign of the unit, and variants of ideographs in names, are another character when normalised. */
    { "\xE2\x84\xAB \xEF\xA8\x99 \xEF\xA4\x80", "\xE2\x84\xAB \xEF\xA8\x99 \xEF\xA4\x80" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autofree char *text = pn_charset_compose (g_strdup (pairs[i].text));
    g_assert_cmpstr (text, ==, pairs[i].composed);
  }
}

static void
test_empty (void)
{
  gsize length = 1;
  g_autofree char *text = pn_charset_decode (NULL, 0, NULL, NULL, FALSE, &length, NULL);

  g_assert_cmpstr (text, ==, "");
  g_assert_cmpuint (length, ==, 0);
  g_assert_true (pn_charset_is_ascii (NULL, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/charset/ladder", test_ladder);
  g_test_add_func ("/charset/wide", test_wide);
  g_test_add_func ("/charset/beyond-unicode", test_beyond_unicode);
  g_test_add_func ("/charset/nul", test_nul);
  g_test_add_func ("/charset/garbage", test_garbage);
  g_test_add_func ("/charset/find", test_find);
  g_test_add_func ("/charset/compose", test_compose);
  g_test_add_func ("/charset/empty", test_empty);
  return g_test_run ();
}
