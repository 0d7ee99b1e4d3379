#include "convert/charset-private.h"

#include <errno.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* 0x80 to 0x9F of windows-1252; 0 where it has no character. */
static const guint16 windows_1252[32]
    = { 0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178 };

gboolean
pn_charset_is_ascii (const void *data, gsize length)
{
  if (length == 0)
    return TRUE; /* there may be no DATA then */
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
  pn_charset_normalise (label, name);
  if (name[0] == '\0')
    return FALSE;
  const char *alias = pn_charset_alias (name);
  if (alias != NULL)
    g_strlcpy (name, alias, 64);
  if (is_builtin (name))
    return TRUE;
  /* Nor is the code of a language or a country the national form of ASCII that iconv knows under it. */
  if (alias == NULL && strlen (name) <= 3 && !g_ascii_isdigit (name[0]))
    return FALSE;
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
append_without_nuls (GString *out, const char *p, const char *end, PnCharsetResult *result)
{
  for (const char *nul; (nul = memchr (p, '\0', (gsize) (end - p))) != NULL; p = nul + 1) {
    g_string_append_len (out, p, nul - p);
    result->nuls++;
  }
  g_string_append_len (out, p, end - p);
}

static void
convert (GString *out, const guint8 *data, gsize length, GIConv converter, PnCharsetResult *result)
{
  char *in = (char *) data, buffer[4096];
  gsize left = length;
  gboolean flushing = FALSE;

  g_iconv (converter, NULL, NULL, NULL, NULL);
  for (;;) {
    char *to = buffer;
    gsize room = sizeof buffer;
    gsize done = g_iconv (converter, flushing ? NULL : &in, flushing ? NULL : &left, &to, &room);
    int reason = errno;

    /* Some charsets hold the last character back until they are flushed. */
    append_without_nuls (out, buffer, to, result);
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

static void
append_iconv (GString *out, const guint8 *data, gsize length, const char *charset, PnCharsetResult *result)
{
  GIConv converter = open_converter (charset);
  gsize before = out->len;
  const char *bad;

  if (converter == (GIConv) -1) {
    append_windows_1252 (out, data, length, result);
    return;
  }
  convert (out, data, length, converter, result);
  if (g_utf8_validate_len (out->str + before, out->len - before, &bad))
    return;
  /* The C library writes what UCS-4 says, also beyond the end of Unicode. */
  gsize good = (gsize) (bad - out->str), rest = out->len - good;
  g_autofree guint8 *copy = g_memdup2 (bad, rest);
  g_string_truncate (out, good);
  append_utf8 (out, copy, rest, result);
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
    } else if (*p >= 0xA1 && *p <= 0xDF) {
      g_string_append_c (euc, (char) 0x8E); /* katakana of eight bits, which no standard of mail allows */
      g_string_append_c (euc, (char) *p++);
    } else if (set >= JIS_X_0208 && *p < 0x80) {
      g_string_append_c (euc, (char) 0xFF); /* half a character */
      p++;
    } else {
      g_string_append_c (euc, (char) *p++);
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

/* Half-width katakana: nobody writes much of it, but EUC-JP read as Shift_JIS is full of it. */
static gsize
count_half_width (const GString *text)
{
  gsize n = 0;

  for (const char *p = text->str; (p = strchr (p, '\xEF')) != NULL; p++)
    n += p[1] == '\xBD' || p[1] == '\xBE';
  return n;
}

/* Japanese senders confuse their three charsets: the one that reads the bytes best. */
static gboolean
try_japanese (GString *out, const guint8 *data, gsize length, PnCharsetResult *result)
{
  if (has_japanese_escape (data, length))
    return try_charset (out, data, length, "iso-2022-jp", result);
  gboolean shift_jis = try_charset (out, data, length, "cp932", result);
  gsize half_width = count_half_width (out);
  if (try_charset (out, data, length, "euc-jp-ms", result)
      && (!shift_jis || count_half_width (out) <= half_width))
    return TRUE;
  return shift_jis && try_charset (out, data, length, "cp932", result);
}

static gboolean
is_japanese (const char *charset)
{
  return strcmp (charset, "iso-2022-jp") == 0 || strcmp (charset, "cp932") == 0
         || strcmp (charset, "euc-jp-ms") == 0;
}

/* Whether the bytes are in another charset than the label NAME for all to see, although it may read them. */
static gboolean
is_mislabelled (GString *out, const guint8 *data, gsize length, const char *name, PnCharsetResult *result)
{
  gsize high = count_high (data, length);

  if (high == 0)
    return is_ascii_superset (name) && has_japanese_escape (data, length)
           && try_charset (out, data, length, "iso-2022-jp", result);
  if (strcmp (name, "iso-2022-jp") != 0 || has_japanese_escape (data, length))
    return FALSE;
  return is_utf8 (data, length) ? try_charset (out, data, length, "utf-8", result)
                                : try_japanese (out, data, length, result);
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
  if (declared != NULL && is_japanese (declared) && try_japanese (out, data, length, result))
    return;
  if (declared != NULL && strcmp (declared, "big5-hkscs") == 0
      && try_charset (out, data, length, "cp950", result)) {
    result->guessed = FALSE;
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

  pn_charset_normalise (declared, repaired);
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
  gboolean usable = known && strcmp (name, "us-ascii") != 0;
  if (usable && is_mislabelled (out, data, length, name, result))
    result->guessed = TRUE;
  else if (usable && try_charset (out, data, length, name, result))
    note_label (result, declared, name);
  else
    climb_ladder (out, data, length, usable ? name : NULL, site, html, result);
  if (g_str_has_prefix (out->str, "\xEF\xBB\xBF"))
    g_string_erase (out, 0, 3);
  if (out_length != NULL)
    *out_length = out->len;
  return g_string_free (out, FALSE);
}

static gboolean
is_composed_with (gunichar c)
{
  return (c >= 0x0300 && c <= 0x036F)    /* accents */
         || (c >= 0x1160 && c <= 0x11FF) /* vowels and endings of Hangul */
         || c == 0x3099 || c == 0x309A;  /* marks of kana */
}

char *
pn_charset_compose (char *text)
{
  const char *p = text;

  /* The first byte of each of them. */
  while (*p != '\0' && *p != '\xCC' && *p != '\xCD' && *p != '\xE1' && *p != '\xE3')
    p++;
  if (*p == '\0')
    return text;
  GString *out = g_string_sized_new (strlen (text));
  for (p = text; *p != '\0';) {
    const char *end = g_utf8_next_char (p);
    while (is_composed_with (g_utf8_get_char (end)))
      end = g_utf8_next_char (end);
    g_autofree char *one = end > g_utf8_next_char (p) ? g_utf8_normalize (p, end - p, G_NORMALIZE_NFC) : NULL;
    if (one != NULL)
      g_string_append (out, one);
    else
      g_string_append_len (out, p, end - p);
    p = end;
  }
  g_free (text);
  return g_string_free (out, FALSE);
}
