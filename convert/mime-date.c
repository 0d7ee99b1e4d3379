#include "convert/mime-header.h"

#include <string.h>

/* A date is read as a bag of words: that takes the order of RFC 5322, of asctime, and most inventions. */
typedef struct {
  int year, month, day; /* -1: not seen */
  int hour, minute, second;
  gboolean zone;
  int offset; /* minutes */
} DateParts;

static const char months[][4]
    = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" };

static const struct {
  char name[5];
  int offset;
} zones[] = { { "ut", 0 },     { "utc", 0 },    { "gmt", 0 },    { "z", 0 },      { "est", -300 },
              { "edt", -240 }, { "cst", -360 }, { "cdt", -300 }, { "mst", -420 }, { "mdt", -360 },
              { "pst", -480 }, { "pdt", -420 }, { "bst", 60 },   { "wet", 0 },    { "west", 60 },
              { "met", 60 },   { "mest", 120 }, { "cet", 60 },   { "cest", 120 }, { "mez", 60 },
              { "eet", 120 },  { "eest", 180 }, { "msk", 180 },  { "jst", 540 },  { "kst", 540 },
              { "hkt", 480 },  { "nzst", 720 }, { "nzdt", 780 }, { "aest", 600 }, { "aedt", 660 } };

static gint64
days_from_civil (int year, int month, int day)
{
  /* Years begin in March, so that the leap day is the last (H. Hinnant's arithmetic). */
  gint64 y = month <= 2 ? year - 1 : year;
  gint64 era = (y >= 0 ? y : y - 399) / 400;
  gint64 of_era = y - era * 400;
  gint64 of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int
read_number (const char **p, const char *end, guint *digits)
{
  int n = 0;

  *digits = 0;
  for (; *p < end && g_ascii_isdigit (**p); (*p)++, (*digits)++)
    if (*digits < 8)
      n = n * 10 + (**p - '0');
  return n;
}

/* "+0100", "-03:30", "+2", "+08"; digits are read in tens, never as octal. */
static void
read_offset (const char **p, const char *end, DateParts *parts)
{
  int sign = **p == '-' ? -1 : 1, minutes = 0;
  guint digits, more;

  (*p)++;
  int n = read_number (p, end, &digits);
  if (digits == 0)
    return;
  if (digits <= 2) {
    minutes = n * 60;
    if (*p < end && **p == ':') {
      (*p)++;
      minutes += read_number (p, end, &more);
    }
  } else {
    minutes = n / 100 * 60 + n % 100;
  }
  parts->zone = TRUE;
  parts->offset = minutes <= 24 * 60 ? sign * minutes : 0;
}

static void
skip_blanks (const char **p, const char *end)
{
  while (*p < end && (**p == ' ' || **p == '\t'))
    (*p)++;
}

static gboolean
colon_follows (const char *p, const char *end)
{
  skip_blanks (&p, end);
  return p < end && *p == ':';
}

static void
read_clock (const char **p, const char *end, int hour, DateParts *parts)
{
  guint digits;

  parts->hour = hour;
  (*p)++;
  skip_blanks (p, end);
  parts->minute = read_number (p, end, &digits);
  if (colon_follows (*p, end) || (*p < end && **p == '.')) {
    skip_blanks (p, end);
    (*p)++;
    skip_blanks (p, end);
    parts->second = read_number (p, end, &digits);
    if (*p < end && **p == '.') {
      (*p)++;
      read_number (p, end, &digits);
    }
  }
}

static void
read_digits (const char **p, const char *end, DateParts *parts)
{
  guint digits;
  int n = read_number (p, end, &digits);

  if (parts->hour < 0 && colon_follows (*p, end)) {
    skip_blanks (p, end);
    read_clock (p, end, n, parts);
  } else if (*p < end && **p == '-' && digits == 4 && parts->day < 0 && *p + 3 < end
             && g_ascii_isdigit ((*p)[1])) {
    parts->year = n; /* ISO 8601 */
    (*p)++;
    parts->month = read_number (p, end, &digits);
    if (*p < end && **p == '-') {
      (*p)++;
      parts->day = read_number (p, end, &digits);
    }
    if (*p < end && (**p == 'T' || **p == 't'))
      (*p)++;
  } else if (digits <= 2 && parts->day < 0) {
    parts->day = n;
  } else if (digits <= 2 && *p < end && **p == '.' && parts->hour < 0 && parts->month >= 0
             && parts->year >= 0) {
    read_clock (p, end, n, parts); /* "10.15.00" */
  } else if (parts->year < 0) {
    /* RFC 5322 4.3 on years of two and three digits. */
    parts->year = digits >= 4 ? n : digits == 3 || n >= 50 ? n + 1900 : n + 2000;
  } else if (digits == 4 && parts->hour >= 0 && !parts->zone && n % 100 < 60 && n <= 1400) {
    parts->zone = TRUE; /* its sign was forgotten */
    parts->offset = n / 100 * 60 + n % 100;
  }
}

static void
read_word (const char **p, const char *end, DateParts *parts)
{
  char word[12];
  gsize n = 0;

  for (; *p < end && g_ascii_isalpha (**p); (*p)++)
    if (n < sizeof word - 1)
      word[n++] = g_ascii_tolower (**p);
  word[n] = '\0';
  if (n >= 3 && parts->month < 0)
    for (int i = 0; i < 12; i++)
      if (strncmp (word, months[i], 3) == 0) {
        parts->month = i + 1;
        return;
      }
  if (strcmp (word, "pm") == 0 && parts->hour >= 0 && parts->hour < 12)
    parts->hour += 12;
  else if (strcmp (word, "am") == 0 && parts->hour == 12)
    parts->hour = 0;
  if (parts->hour < 0 || parts->zone)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (zones); i++)
    if (strcmp (word, zones[i].name) == 0) {
      /* "GMT+2" goes on with the real offset. */
      parts->zone = *p == end || (**p != '+' && **p != '-');
      parts->offset = zones[i].offset;
      return;
    }
}

static const char *
skip_comment (const char *p, const char *end)
{
  for (int depth = 0; p < end; p++) {
    depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    if (depth == 0)
      return p + 1;
  }
  return end;
}

gboolean
pn_header_parse_date (const char *raw, gsize length, PnTime *time)
{
  DateParts parts = { -1, -1, -1, -1, 0, 0, FALSE, 0 };
  const char *p = raw, *end = raw + MIN (length, 256);

  while (p < end) {
    if (g_ascii_isdigit (*p))
      read_digits (&p, end, &parts);
    else if (g_ascii_isalpha (*p))
      read_word (&p, end, &parts);
    else if (*p == '(')
      p = skip_comment (p, end);
    else if ((*p == '+' || *p == '-') && parts.hour >= 0 && !parts.zone)
      read_offset (&p, end, &parts);
    else
      p++;
  }
  if (parts.day < 1 || parts.day > 31 || parts.month < 1 || parts.month > 12 || parts.year < 0
      || parts.year > 9999)
    return FALSE;
  if (parts.hour < 0)
    parts.hour = 0;
  if (parts.hour > 24 || parts.minute > 59 || parts.second > 61)
    return FALSE;
  time->set = TRUE;
  time->offset = parts.offset;
  time->unix_time = days_from_civil (parts.year, parts.month, parts.day) * 86400 + parts.hour * 3600
                    + parts.minute * 60 + MIN (parts.second, 59) - parts.offset * 60;
  return TRUE;
}
