#include "convert/charset-private.h"

#include <string.h>

/* Labels and the charset that mail under this label is really in.  Looked up after '_', blanks and "x-" are
 * normalised, see pn_charset_normalise(). */
static const struct {
  const char *label;
  const char *charset;
} aliases[] = {
  { "utf-8", "utf-8" },
  { "utf8", "utf-8" },
  { "utf-8n", "utf-8" },
  { "utf8mb4", "utf-8" },
  { "unicode-1-1-utf-8", "utf-8" },
  { "unicode-2-0-utf-8", "utf-8" },
  { "65001", "utf-8" },
  { "us-ascii", "us-ascii" },
  { "ascii", "us-ascii" },
  { "usascii", "us-ascii" },
  { "us", "us-ascii" },
  { "ansi-x3.4-1968", "us-ascii" },
  { "ansi-x3.4-1986", "us-ascii" },
  { "iso646-us", "us-ascii" },
  { "iso-646-us", "us-ascii" },
  { "7bit", "us-ascii" },
  { "iso-8859-1", "windows-1252" },
  { "iso8859-1", "windows-1252" },
  { "iso-8859-1:1987", "windows-1252" },
  { "iso88591", "windows-1252" },
  { "8859-1", "windows-1252" },
  { "latin1", "windows-1252" },
  { "latin-1", "windows-1252" },
  { "l1", "windows-1252" },
  { "cp819", "windows-1252" },
  { "ibm819", "windows-1252" },
  { "ansi", "windows-1252" },
  { "windows-1252", "windows-1252" },
  { "iso-8859-8-i", "windows-1255" },
  { "iso-8859-8-e", "windows-1255" },
  { "iso-8859-8", "windows-1255" },
  { "iso8859-8", "windows-1255" },
  { "iso-8859-6-i", "iso-8859-6" },
  { "iso-8859-6-e", "iso-8859-6" },
  { "iso-8859-9", "windows-1254" },
  { "iso8859-9", "windows-1254" },
  { "latin5", "windows-1254" },
  { "iso-8859-11", "windows-874" },
  { "tis-620", "windows-874" },
  { "tis620", "windows-874" },
  { "tis620-2533", "windows-874" },
  { "cp874", "windows-874" },
  { "dos-874", "windows-874" },
  { "gb2312", "gb18030" },
  { "gb-2312", "gb18030" },
  { "gb2312-80", "gb18030" },
  { "gb-2312-80", "gb18030" },
  { "csgb2312", "gb18030" },
  { "chinese", "gb18030" },
  { "gbk", "gb18030" },
  { "cp936", "gb18030" },
  { "windows-936", "gb18030" },
  { "euc-cn", "gb18030" },
  { "gb18030", "gb18030" },
  { "big5", "big5-hkscs" },
  { "big-5", "big5-hkscs" },
  { "csbig5", "big5-hkscs" },
  { "cn-big5", "big5-hkscs" },
  { "big5-eten", "big5-hkscs" },
  { "ks-c-5601-1987", "uhc" },
  { "ks-c-5601-1989", "uhc" },
  { "ks-c-5601", "uhc" },
  { "ksc5601", "uhc" },
  { "ksc-5601", "uhc" },
  { "ks5601", "uhc" },
  { "korean", "uhc" },
  { "euc-kr", "uhc" },
  { "euckr", "uhc" },
  { "cp949", "uhc" },
  { "windows-949", "uhc" },
  { "ms949", "uhc" },
  { "shift-jis", "cp932" },
  { "shiftjis", "cp932" },
  { "sjis", "cp932" },
  { "ms-kanji", "cp932" },
  { "csshiftjis", "cp932" },
  { "windows-31j", "cp932" },
  { "cswindows31j", "cp932" },
  { "windows-932", "cp932" },
  { "ms932", "cp932" },
  { "cp932", "cp932" },
  { "euc-jp", "euc-jp-ms" },
  { "eucjp", "euc-jp-ms" },
  { "cseucpkdfmtjapanese", "euc-jp-ms" },
  { "iso-2022-jp", "iso-2022-jp" },
  { "iso2022jp", "iso-2022-jp" },
  { "iso-2022-jp-1", "iso-2022-jp" },
  { "iso-2022-jp-ms", "iso-2022-jp" },
  { "csiso2022jp", "iso-2022-jp" },
  { "iso-2022-jp$esc", "iso-2022-jp" },
  { "-iso-2022-jp$esc", "iso-2022-jp" },
  { "jis", "iso-2022-jp" },
  { "cp50220", "iso-2022-jp" },
  { "cp50221", "iso-2022-jp" },
  { "windows-50220", "iso-2022-jp" },
  { "windows-50221", "iso-2022-jp" },
  { "unicode", "utf-16" },
  { "utf-16", "utf-16" },
  { "utf16", "utf-16" },
  { "ucs-2", "utf-16" },
  { "iso-10646-ucs-2", "utf-16" },
  { "csunicode", "utf-16" },
  { "windows-1200", "utf-16le" },
  { "cp1200", "utf-16le" },
  { "unicodefffe", "utf-16be" },
  { "ucs-4", "utf-32" },
  { "utf-32", "utf-32" },
  { "iso-10646-ucs-4", "utf-32" },
  { "unicode-1-1-utf-7", "utf-7" },
  { "unicode-2-0-utf-7", "utf-7" },
  { "utf-7", "utf-7" },
  { "utf7", "utf-7" },
  { "hz", "hz" },
  { "hz-gb-2312", "hz" },
  { "hzgb", "hz" },
  { "csunicode11utf7", "utf-7" },
  { "koi", "koi8-r" },
  { "koi8", "koi8-r" },
  { "koi8r", "koi8-r" },
  { "cskoi8r", "koi8-r" },
  { "koi8u", "koi8-u" },
  { "koi8-ru", "koi8-u" },
  { "mac", "macintosh" },
  { "mac-roman", "macintosh" },
  { "macroman", "macintosh" },
  { "mac-cyrillic", "mac-cyrillic" },
  { "macce", "mac-centraleurope" },
  { "cyrillic", "iso-8859-5" },
  { "greek", "iso-8859-7" },
  { "arabic", "iso-8859-6" },
  { "hebrew", "windows-1255" },
  { "logical", "windows-1255" },
  { "visual", "windows-1255" },
  { "csisolatin1", "windows-1252" },
  { "csascii", "us-ascii" },
  { "iso-latin-1", "windows-1252" },
  { "isolatin1", "windows-1252" },
  { "iso-8859-1-windows-3.0-latin-1", "windows-1252" },
  { "iso-8859-1-windows-3.1-latin-1", "windows-1252" },
  { "iso-ir-100", "windows-1252" },
  { "windows-28591", "windows-1252" },
  { "cp28591", "windows-1252" },
  { "western", "windows-1252" },
  { "iso-ir-6", "us-ascii" },
  { "646", "us-ascii" },
  { "cp367", "us-ascii" },
  { "ibm367", "us-ascii" },
  { "windows-20127", "us-ascii" },
  { "cp20127", "us-ascii" },
  { "utf8-mac", "utf-8" },
  { "utf-8-mac", "utf-8" },
  { "cp65001", "utf-8" },
  { "windows-65001", "utf-8" },
  { "unicode-utf-8", "utf-8" },
  { "cp65000", "utf-7" },
  { "windows-65000", "utf-7" },
  { "iso-8859-2-windows-latin-2", "windows-1250" },
  { "latin-2", "iso-8859-2" },
  { "windows-28592", "iso-8859-2" },
  { "windows-28595", "iso-8859-5" },
  { "windows-28597", "iso-8859-7" },
  { "windows-28598", "windows-1255" },
  { "windows-28599", "windows-1254" },
  { "latin-9", "iso-8859-15" },
  { "latin9", "iso-8859-15" },
  { "windows-28605", "iso-8859-15" },
  { "8859-15", "iso-8859-15" },
  { "csisolatin5", "windows-1254" },
  { "csisolatinhebrew", "windows-1255" },
  { "csiso88598i", "windows-1255" },
  { "iso-8859-9-windows-latin-5", "windows-1254" },
  { "iso-8859-11-2001", "windows-874" },
  { "cp1361", "johab" },
  { "windows-1361", "johab" },
  { "csksc56011987", "uhc" },
  { "cseuckr", "uhc" },
  { "ks-c-5601-1992", "uhc" },
  { "ksc-5601-1987", "uhc" },
  { "ksx1001", "uhc" },
  { "ks-x-1001", "uhc" },
  { "iso-ir-149", "uhc" },
  { "cp51949", "uhc" },
  { "windows-51949", "uhc" },
  { "mac-korean", "uhc" },
  { "gb-18030", "gb18030" },
  { "gb18030-2000", "gb18030" },
  { "gb18030-2005", "gb18030" },
  { "cn-gb", "gb18030" },
  { "iso-ir-58", "gb18030" },
  { "csiso58gb231280", "gb18030" },
  { "euccn", "gb18030" },
  { "ms936", "gb18030" },
  { "cp54936", "gb18030" },
  { "windows-54936", "gb18030" },
  { "mac-simp-chinese", "gb18030" },
  { "mac-chinesesimp", "gb18030" },
  { "big5hkscs", "big5-hkscs" },
  { "cp950", "big5-hkscs" },
  { "windows-950", "big5-hkscs" },
  { "ms950", "big5-hkscs" },
  { "euc-tw-big5", "big5-hkscs" },
  { "mac-trad-chinese", "big5-hkscs" },
  { "mac-chinesetrad", "big5-hkscs" },
  { "mac-japanese", "cp932" },
  { "sjis-win", "cp932" },
  { "shift-jisx0213", "shift-jisx0213" },
  { "ibm943", "cp932" },
  { "cp943", "cp932" },
  { "cp943c", "cp932" },
  { "ujis", "euc-jp-ms" },
  { "eucjp-win", "euc-jp-ms" },
  { "eucjp-ms", "euc-jp-ms" },
  { "euc-jp-ms", "euc-jp-ms" },
  { "cp51932", "euc-jp-ms" },
  { "windows-51932", "euc-jp-ms" },
  { "cp20932", "euc-jp-ms" },
  { "windows-20932", "euc-jp-ms" },
  { "cp50222", "iso-2022-jp" },
  { "windows-50222", "iso-2022-jp" },
  { "cp50225", "iso-2022-kr" },
  { "windows-50225", "iso-2022-kr" },
  { "cp52936", "hz" },
  { "windows-52936", "hz" },
  { "koi-8-r", "koi8-r" },
  { "koi8-r-windows", "koi8-r" },
  { "cp20866", "koi8-r" },
  { "windows-20866", "koi8-r" },
  { "cp21866", "koi8-u" },
  { "windows-21866", "koi8-u" },
  { "ukrainian", "koi8-u" },
  { "macintosh", "macintosh" },
  { "cp10000", "macintosh" },
  { "windows-10000", "macintosh" },
  { "cp866", "cp866" },
  { "dos-866", "cp866" },
};

static gpointer
make_table (gpointer data G_GNUC_UNUSED)
{
  GHashTable *table = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    g_hash_table_insert (table, (gpointer) aliases[i].label, (gpointer) aliases[i].charset);
  return table;
}

const char *
pn_charset_alias (const char *name)
{
  static GOnce once = G_ONCE_INIT;

  return g_hash_table_lookup (g_once (&once, make_table, NULL), name);
}

void
pn_charset_normalise (const char *label, char out[64])
{
  gsize n = 0;

  for (const char *p = label; *p != '\0' && n < 63; p++) {
    if (*p == '"' || *p == '\'' || *p == '<' || *p == '>' || g_ascii_isspace (*p))
      continue;
    if (*p == ';' || *p == '(' || *p == ',' || *p == '*')
      break;
    out[n++] = *p == '_' ? '-' : g_ascii_tolower (*p);
  }
  out[n] = '\0';

  if (g_str_has_prefix (out, "x-"))
    memmove (out, out + 2, strlen (out) - 1);
  if (g_str_has_prefix (out, "charset="))
    memmove (out, out + 8, strlen (out) - 7);
  if (g_str_has_prefix (out, "cp-"))
    memmove (out + 2, out + 3, strlen (out) - 2);
  const char *number = NULL;
  if (g_str_has_prefix (out, "win-"))
    number = out + 4;
  else if (g_str_has_prefix (out, "windows") && g_ascii_isdigit (out[7]))
    number = out + 7;
  else if (g_str_has_prefix (out, "win") && g_ascii_isdigit (out[3]))
    number = out + 3;
  else if (g_str_has_prefix (out, "cp125"))
    number = out + 2;
  else if (g_str_has_prefix (out, "ibm-"))
    number = out + 4;
  if (number != NULL) {
    char digits[32];
    g_strlcpy (digits, number, sizeof digits);
    g_snprintf (out, 64, "%s%s", out[0] == 'i' ? "cp" : "windows-", digits);
  }
}
