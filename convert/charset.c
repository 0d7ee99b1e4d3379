#include "convert/charset.h"

#include <errno.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* 0x80 to 0x9F of windows-1252; 0 where it has no character. */
static const guint16 windows_1252[32]
    = { 0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178 };

/* Labels and the charset that mail under this label is really in.  Looked up after '_', blanks and "x-" are
 * normalised, see normalise_label(). */
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
};

gboolean
pn_charset_is_ascii (const void *data, gsize length)
{
  const guint8 *p = data, *end = p + length;

  while (end - p >= 8) {
    guint64 word;

    memcpy (&word, p, 8);
    /* Any high bit, or any zero byte (borrow trick), or any ESC. */
    guint64 escaped = word ^ 0x1B1B1B1B1B1B1B1BULL;
    guint64 zero = (word - 0x0101010101010101ULL) & ~word;
    guint64 escape = (escaped - 0x0101010101010101ULL) & ~escaped;
    if ((word | zero | escape) & 0x8080808080808080ULL)
      return FALSE;
    p += 8;
  }
  for (; p < end; p++)
    if (*p >= 0x80 || *p == 0 || *p == 0x1B)
      return FALSE;
  return TRUE;
}

/* Lower case, without the quotes, blanks and comments that get into labels; '_' as '-', "win-" and "cp-"
 * repaired. */
static void
normalise_label (const char *label, char out[64])
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

/* Converters, kept per thread because opening one costs more than a message. */
#define CACHE_SIZE 8

typedef struct {
  char name[CACHE_SIZE][64];
  GIConv converter[CACHE_SIZE]; /* (GIConv) -1: known not to exist */
  guint next;
} ConverterCache;

static void
converter_cache_free (gpointer data)
{
  ConverterCache *cache = data;

  for (guint i = 0; i < CACHE_SIZE; i++)
    if (cache->name[i][0] != '\0' && cache->converter[i] != (GIConv) -1)
      g_iconv_close (cache->converter[i]);
  g_free (cache);
}

static GPrivate converter_cache = G_PRIVATE_INIT (converter_cache_free);

static GIConv
open_converter (const char *name)
{
  ConverterCache *cache = g_private_get (&converter_cache);

  if (cache == NULL) {
    cache = g_new0 (ConverterCache, 1);
    g_private_set (&converter_cache, cache);
  }
  for (guint i = 0; i < CACHE_SIZE; i++)
    if (strcmp (cache->name[i], name) == 0)
      return cache->converter[i];

  guint i = cache->next++ % CACHE_SIZE;
  if (cache->name[i][0] != '\0' && cache->converter[i] != (GIConv) -1)
    g_iconv_close (cache->converter[i]);
  g_strlcpy (cache->name[i], name, sizeof cache->name[i]);
  cache->converter[i] = g_iconv_open ("UTF-8", name);
  return cache->converter[i];
}

static gboolean
is_builtin (const char *name)
{
  return strcmp (name, "utf-8") == 0 || strcmp (name, "us-ascii") == 0 || strcmp (name, "windows-1252") == 0
         || strcmp (name, "iso-2022-jp") == 0 || strcmp (name, "hz") == 0 || strcmp (name, "utf-16") == 0
         || strcmp (name, "utf-32") == 0;
}

gboolean
pn_charset_find (const char *label, char name[64])
{
  normalise_label (label, name);
  if (name[0] == '\0')
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (strcmp (aliases[i].label, name) == 0) {
      g_strlcpy (name, aliases[i].charset, 64);
      break;
    }
  if (is_builtin (name))
    return TRUE;
  /* iconv takes suffixes such as "//TRANSLIT" and file names: a label is neither. */
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("-.:+_", *p) == NULL)
      return FALSE;
  return open_converter (name) != (GIConv) -1;
}

static void
append_utf8 (GString *out, const guint8 *data, gsize length, PnCharsetResult *result)
{
  const char *p = (const char *) data, *end = p + length, *bad;

  while (p < end) {
    if (g_utf8_validate_len (p, end - p, &bad)) {
      g_string_append_len (out, p, end - p);
      return;
    }
    g_string_append_len (out, p, bad - p);
    p = bad + 1;
    if (*bad == '\0') {
      result->nuls++;
      continue;
    }
    /* One replacement for one broken character: its continuation bytes belong to it. */
    result->invalid++;
    g_string_append (out, REPLACEMENT);
    if ((guint8) *bad >= 0xC0)
      for (guint most = (guint8) *bad >= 0xF0   ? 3
                        : (guint8) *bad >= 0xE0 ? 2
                                                : 1;
           most > 0 && p < end; most--, p++)
        if (((guint8) *p & 0xC0) != 0x80)
          break;
  }
}

static void
append_windows_1252 (GString *out, const guint8 *data, gsize length, PnCharsetResult *result)
{
  for (const guint8 *p = data, *end = data + length; p < end; p++) {
    gunichar c = *p;

    if (c == 0) {
      result->nuls++;
      continue;
    }
    if (c >= 0x80 && c < 0xA0) {
      c = windows_1252[c - 0x80];
      if (c == 0) {
        c = 0xFFFD;
        result->invalid++;
      }
    }
    if (c < 0x80)
      g_string_append_c (out, (char) c);
    else
      g_string_append_unichar (out, c);
  }
}

static void
append_iconv (GString *out, const guint8 *data, gsize length, const char *charset, PnCharsetResult *result)
{
  GIConv converter = open_converter (charset);
  char *in = (char *) data, buffer[4096];
  gsize left = length;
  gboolean flushing = FALSE;

  if (converter == (GIConv) -1) {
    append_windows_1252 (out, data, length, result);
    return;
  }
  g_iconv (converter, NULL, NULL, NULL, NULL);
  for (;;) {
    char *to = buffer;
    gsize room = sizeof buffer;
    gsize done = g_iconv (converter, flushing ? NULL : &in, flushing ? NULL : &left, &to, &room);
    int reason = errno;

    /* Some charsets hold the last character back until they are flushed. */
    for (const char *p = buffer; p < to; p++)
      if (*p == '\0')
        result->nuls++;
      else
        g_string_append_c (out, *p);
    if (done != (gsize) -1) {
      if (flushing)
        return;
      flushing = TRUE;
    } else if (reason == E2BIG) {
      continue;
    } else if (flushing) {
      return;
    } else {
      result->invalid++;
      g_string_append (out, REPLACEMENT);
      if (left == 0 || reason == EINVAL) {
        left = 0;
        flushing = TRUE;
      } else {
        in++;
        left--;
      }
    }
  }
}

/* ISO-2022-JP as it is really sent: with the vendors' rows and half-width katakana, which iconv's own
 * refuses. It is rewritten as EUC-JP-MS, of which it is a 7-bit view. */
static void
append_iso_2022_jp (GString *out, const guint8 *data, gsize length, PnCharsetResult *result)
{
  g_autoptr (GString) euc = g_string_sized_new (length);
  const guint8 *p = data, *end = data + length;
  enum { ASCII, KATAKANA, JIS_X_0208, JIS_X_0212 } set = ASCII;
  gboolean shifted = FALSE;

  while (p < end) {
    if (*p == 0x1B && end - p >= 3) {
      gsize skip = 3;
      if (p[1] == '(' && (p[2] == 'B' || p[2] == 'J' || p[2] == 'H'))
        set = ASCII;
      else if (p[1] == '(' && p[2] == 'I')
        set = KATAKANA;
      else if (p[1] == '$' && (p[2] == '@' || p[2] == 'B'))
        set = JIS_X_0208;
      else if (p[1] == '$' && p[2] == '(' && end - p >= 4 && p[3] == 'D')
        set = JIS_X_0212, skip = 4;
      else if (p[1] == '&' && p[2] == '@')
        skip = 3; /* announces the revision of 1990, which is read in any case */
      else
        skip = 1, result->invalid++;
      p += skip;
    } else if (*p == 0x0E || *p == 0x0F) {
      shifted = *p++ == 0x0E;
    } else if (*p == '\n' || *p == '\r') {
      set = ASCII; /* every line begins in ASCII, also after a sender that forgot to say so */
      g_string_append_c (euc, (char) *p++);
    } else if (*p <= 0x20 || *p == 0x7F) {
      g_string_append_c (euc, (char) *p++);
    } else if ((set == KATAKANA || shifted) && *p <= 0x5F) {
      g_string_append_c (euc, (char) 0x8E);
      g_string_append_c (euc, (char) (*p++ | 0x80));
    } else if (set >= JIS_X_0208 && *p < 0x80 && end - p >= 2 && p[1] > 0x20 && p[1] < 0x7F) {
      if (set == JIS_X_0212)
        g_string_append_c (euc, (char) 0x8F);
      g_string_append_c (euc, (char) (*p++ | 0x80));
      g_string_append_c (euc, (char) (*p++ | 0x80));
    } else {
      if (set >= JIS_X_0208 && *p < 0x80) {
        g_string_append_c (euc, (char) 0xFF); /* half a character */
        p++;
      } else {
        g_string_append_c (euc, (char) *p++);
      }
    }
  }
  append_iconv (out, (const guint8 *) euc->str, euc->len, "euc-jp-ms", result);
}

/* RFC 1843: a 7-bit view of GB 2312, which iconv does not know. */
static void
append_hz (GString *out, const guint8 *data, gsize length, PnCharsetResult *result)
{
  g_autoptr (GString) euc = g_string_sized_new (length);
  gboolean shifted = FALSE;

  for (const guint8 *p = data, *end = data + length; p < end; p++) {
    if (*p == '~' && end - p >= 2 && (p[1] == '{' || p[1] == '}' || p[1] == '~' || p[1] == '\n')) {
      if (p[1] == '~')
        g_string_append_c (euc, '~');
      else if (p[1] != '\n')
        shifted = p[1] == '{';
      p++;
    } else {
      shifted = shifted && *p != '\n';
      g_string_append_c (euc, (char) (shifted && *p > ' ' && *p < 0x7F ? *p | 0x80 : *p));
    }
  }
  append_iconv (out, (const guint8 *) euc->str, euc->len, "gb18030", result);
}

/* UTF-16 and UTF-32 of unknown byte order: the mark says it, else where the zeros lie. */
static void
append_wide (GString *out, const guint8 *data, gsize length, gboolean four, PnCharsetResult *result)
{
  gsize high = 0, low = 0;
  gboolean big;

  if (four && length >= 4
      && (memcmp (data, "\0\0\xFE\xFF", 4) == 0 || memcmp (data, "\xFF\xFE\0\0", 4) == 0)) {
    big = data[0] == 0;
    data += 4, length -= 4;
  } else if (!four && length >= 2
             && (memcmp (data, "\xFE\xFF", 2) == 0 || memcmp (data, "\xFF\xFE", 2) == 0)) {
    big = data[0] == 0xFE;
    data += 2, length -= 2;
  } else {
    gsize width = four ? 4 : 2;
    for (gsize i = 0; i + width <= MIN (length, 1024); i += width) {
      high += data[i] == 0;
      low += data[i + width - 1] == 0;
    }
    big = high >= low;
  }
  if (four)
    append_iconv (out, data, length, big ? "utf-32be" : "utf-32le", result);
  else
    append_iconv (out, data, length, big ? "utf-16be" : "utf-16le", result);
}

static void
append_decoded (GString *out, const guint8 *data, gsize length, const char *charset, PnCharsetResult *result)
{
  if (strcmp (charset, "utf-8") == 0)
    append_utf8 (out, data, length, result);
  else if (strcmp (charset, "windows-1252") == 0 || strcmp (charset, "us-ascii") == 0)
    append_windows_1252 (out, data, length, result);
  else if (strcmp (charset, "iso-2022-jp") == 0)
    append_iso_2022_jp (out, data, length, result);
  else if (strcmp (charset, "hz") == 0)
    append_hz (out, data, length, result);
  else if (strcmp (charset, "utf-16") == 0 || strcmp (charset, "utf-32") == 0)
    append_wide (out, data, length, charset[4] == '3', result);
  else
    append_iconv (out, data, length, charset, result);
}

static gboolean
is_ascii_superset (const char *charset)
{
  return strncmp (charset, "utf-16", 6) != 0 && strncmp (charset, "utf-32", 6) != 0
         && strcmp (charset, "utf-7") != 0 && strncmp (charset, "iso-2022", 8) != 0
         && strncmp (charset, "ucs", 3) != 0 && strncmp (charset, "hz", 2) != 0
         && strncmp (charset, "ebcdic", 6) != 0 && strncmp (charset, "cp037", 5) != 0
         && strncmp (charset, "ibm", 3) != 0;
}

static gsize
count_high (const guint8 *data, gsize length)
{
  gsize n = 0;

  for (gsize i = 0; i < length; i++)
    n += data[i] >> 7;
  return n;
}

static gboolean
is_utf8 (const guint8 *data, gsize length)
{
  const char *p = (const char *) data, *end = p + length, *bad;

  while (!g_utf8_validate_len (p, end - p, &bad)) {
    if (*bad != '\0')
      return FALSE;
    p = bad + 1;
  }
  return TRUE;
}

/* The charset that an HTML document names in its head.  What a meta element says must be ASCII-like, as it
 * was found by reading the bytes as ASCII. */
static gboolean
find_html_charset (const guint8 *data, gsize length, char name[64])
{
  const char *p = (const char *) data, *end = p + MIN (length, 4096);

  for (; p + 8 < end; p++) {
    if ((*p | 0x20) != 'c' || g_ascii_strncasecmp (p, "charset", 7) != 0)
      continue;
    const char *q = p + 7;
    while (q < end && (g_ascii_isspace (*q) || *q == '=' || *q == '"' || *q == '\''))
      q++;
    char label[64];
    gsize n = 0;
    while (q < end && n < sizeof label - 1 && (g_ascii_isalnum (*q) || strchr ("-_.:", *q) != NULL)
           && *q != '\0')
      label[n++] = *q++;
    label[n] = '\0';
    if (n > 0 && pn_charset_find (label, name) && is_ascii_superset (name))
      return TRUE;
  }
  return FALSE;
}

/* Decodes as CHARSET into OUT if that gives no error, else leaves OUT empty. */
static gboolean
try_charset (GString *out, const guint8 *data, gsize length, const char *charset, PnCharsetResult *result)
{
  result->invalid = result->nuls = 0;
  g_string_truncate (out, 0);
  append_decoded (out, data, length, charset, result);
  g_strlcpy (result->charset, charset, sizeof result->charset);
  return result->invalid == 0;
}

static gboolean
has_japanese_escape (const guint8 *data, gsize length)
{
  const guint8 *p = data, *end = data + length;

  while ((p = memchr (p, 0x1B, end - p)) != NULL) {
    if (end - p >= 3 && p[1] == '$' && (p[2] == 'B' || p[2] == '@'))
      return TRUE;
    p++;
  }
  return FALSE;
}

/* Bytes that the declared charset did not read cleanly, or that have none. */
static void
climb_ladder (GString *out, const guint8 *data, gsize length, const char *declared, const char *site,
              gboolean html, PnCharsetResult *result)
{
  char name[64];

  result->guessed = TRUE;
  if (html && find_html_charset (data, length, name) && strcmp (name, "us-ascii") != 0
      && try_charset (out, data, length, name, result))
    return;
  if (length >= 2 && (memcmp (data, "\xFE\xFF", 2) == 0 || memcmp (data, "\xFF\xFE", 2) == 0)
      && try_charset (out, data, length, "utf-16", result))
    return;
  gsize high = count_high (data, length);
  if (high == 0 && has_japanese_escape (data, length)
      && try_charset (out, data, length, "iso-2022-jp", result))
    return;
  if (declared != NULL && high == 0 && !is_ascii_superset (declared)) {
    try_charset (out, data, length, declared, result);
    result->guessed = FALSE;
    return;
  }
  if (is_utf8 (data, length)) {
    try_charset (out, data, length, "utf-8", result);
    if (high == 0) {
      /* ASCII, but with a NUL or an ESC. */
      g_strlcpy (result->charset, "us-ascii", sizeof result->charset);
      result->guessed = FALSE;
    }
    return;
  }
  /* Declared and mostly right: a few bytes are damaged.  Mostly wrong: the label is. */
  if (declared != NULL) {
    try_charset (out, data, length, declared, result);
    gsize per_character = strcmp (declared, "utf-8") == 0 ? 2 : 1;
    if (result->invalid * 2 * per_character <= high) {
      result->guessed = FALSE;
      return;
    }
  }
  if (site == NULL || !pn_charset_find (site, name) || strcmp (name, "us-ascii") == 0)
    g_strlcpy (name, "windows-1252", sizeof name);
  try_charset (out, data, length, name, result);
}

static char *
copy_ascii (const guint8 *data, gsize length, gsize *out_length)
{
  char *copy = g_malloc (length + 1);

  if (length > 0)
    memcpy (copy, data, length);
  copy[length] = '\0';
  if (out_length != NULL)
    *out_length = length;
  return copy;
}

/* The label as it is registered: underscores stay, but what had to be repaired is not repeated. */
static void
note_label (PnCharsetResult *result, const char *declared, const char *name)
{
  char repaired[64];
  gsize n = 0;

  normalise_label (declared, repaired);
  for (const char *p = declared; *p != '\0' && n < sizeof result->charset - 1; p++)
    if (g_ascii_isgraph (*p) && *p != '"' && *p != '\'')
      result->charset[n++] = g_ascii_tolower (*p);
  result->charset[n] = '\0';
  if (strcmp (name, "utf-8") == 0)
    g_strlcpy (result->charset, "utf-8", sizeof result->charset);
  for (gsize i = 0; i < sizeof repaired; i++) {
    if (repaired[i] != (result->charset[i] == '_' ? '-' : result->charset[i])) {
      g_strlcpy (result->charset, name, sizeof result->charset);
      return;
    }
    if (repaired[i] == '\0')
      return;
  }
}

char *
pn_charset_decode (const void *bytes, gsize length, const char *declared, const char *site, gboolean html,
                   gsize *out_length, PnCharsetResult *result)
{
  const guint8 *data = length > 0 ? bytes : (const guint8 *) "";
  PnCharsetResult dummy;
  char name[64] = "";

  if (result == NULL)
    result = &dummy;
  memset (result, 0, sizeof *result);
  gboolean known = declared != NULL && pn_charset_find (declared, name);
  gboolean ascii = pn_charset_is_ascii (data, length);
  if (ascii && (!known || is_ascii_superset (name) || g_str_has_prefix (name, "iso-2022"))) {
    if (known)
      note_label (result, declared, name);
    else
      g_strlcpy (result->charset, "us-ascii", sizeof result->charset);
    return copy_ascii (data, length, out_length);
  }
  if (length >= 3 && memcmp (data, "\xEF\xBB\xBF", 3) == 0 && is_utf8 (data, length)) {
    data += 3, length -= 3;
    result->guessed = !known || strcmp (name, "utf-8") != 0;
    g_strlcpy (name, "utf-8", sizeof name);
    known = TRUE;
    declared = "utf-8";
  }

  GString *out = g_string_sized_new (length + 16);
  if (known && strcmp (name, "us-ascii") != 0 && try_charset (out, data, length, name, result))
    note_label (result, declared, name);
  else
    climb_ladder (out, data, length, known && strcmp (name, "us-ascii") != 0 ? name : NULL, site, html,
                  result);
  if (g_str_has_prefix (out->str, "\xEF\xBB\xBF"))
    g_string_erase (out, 0, 3);
  if (out_length != NULL)
    *out_length = out->len;
  return g_string_free (out, FALSE);
}
