#include "convert/mime-date.h"

#include "convert/civil.h"
#include "convert/mime-header.h"

#include <string.h>

/* A date is cut into tokens, from which first the clock, then the zone, then the day is taken: that reads the
 * order of RFC 5322, of asctime, ISO 8601, and most inventions. */

enum { MAX_LENGTH = 256, MAX_TOKENS = 64, MAX_DIGITS = 15 };

typedef enum { NUMBER, WORD, MARK } Kind;

typedef struct {
  Kind kind;
  gboolean blank; /* before it */
  gboolean used;
  gint64 value; /* of a number */
  guint digits;
  char *word; /* owned, folded */
  char mark;
} Token;

typedef struct {
  Token tokens[MAX_TOKENS];
  guint n;
  char *comment;        /* owned: the last one; or NULL */
  int year, month, day; /* -1: not seen */
  int hour, minute, second;
  guint behind_clock;
  gboolean zone;
  int offset; /* minutes */
} Reader;

static void
reader_clear (Reader *self)
{
  for (guint i = 0; i < self->n; i++)
    g_free (self->tokens[i].word);
  g_free (self->comment);
}

static gboolean
set_time (PnTime *time, int year, int month, int day, int hour, int minute, int second, int offset)
{
  if (day < 1 || day > 31 || month < 1 || month > 12 || year < 0 || year > 9999 || hour > 24 || minute > 59
      || second > 61)
    return FALSE;
  time->set = TRUE;
  time->offset = offset;
  time->unix_time = pn_civil_to_days (year, month, day) * 86400 + hour * 3600 + minute * 60 + MIN (second, 59)
                    - offset * 60;
  return TRUE;
}

/* --- the form of RFC 5322 ------------------------------------------------------------------------------- */

static gboolean
read_digits (const char **p, const char *end, guint least, guint most, int *value)
{
  guint n = 0;

  for (*value = 0; *p < end && n < most && g_ascii_isdigit (**p); (*p)++, n++)
    *value = *value * 10 + (**p - '0');
  return n >= least && (*p == end || !g_ascii_isdigit (**p));
}

static gboolean
read_char (const char **p, const char *end, char c)
{
  return *p < end && *(*p)++ == c;
}

/* "Mon, 15 Jan 2024 10:20:30 +0100", which is what nearly all say. */
static gboolean
read_plain (const char *p, const char *end, PnTime *time)
{
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int day, month = 0, year, hour, minute, second, zone;

  if (end - p > 5 && p[3] == ',' && p[4] == ' ' && g_ascii_isalpha (p[0]))
    p += 5;
  if (!read_digits (&p, end, 1, 2, &day) || !read_char (&p, end, ' ') || end - p < 4)
    return FALSE;
  while (month < 12 && memcmp (names + month * 3, p, 3) != 0)
    month++;
  p += 3;
  if (month == 12 || !read_char (&p, end, ' ') || !read_digits (&p, end, 4, 4, &year)
      || !read_char (&p, end, ' ') || !read_digits (&p, end, 2, 2, &hour) || !read_char (&p, end, ':')
      || !read_digits (&p, end, 2, 2, &minute) || !read_char (&p, end, ':')
      || !read_digits (&p, end, 2, 2, &second) || !read_char (&p, end, ' ') || end - p < 5)
    return FALSE;
  char sign = *p++;
  if ((sign != '+' && sign != '-') || !read_digits (&p, end, 4, 4, &zone) || zone > 1400 || zone % 100 > 59
      || year < 1900 || (p < end && *p != ' '))
    return FALSE;
  zone = zone / 100 * 60 + zone % 100;
  return set_time (time, year, month + 1, day, hour, minute, second, sign == '-' ? -zone : zone);
}

/* --- tokens ---------------------------------------------------------------------------------------- */

static const char *
skip_comment (Reader *self, const char *p)
{
  const char *start = p + 1;
  int depth = 0;

  for (; *p != '\0'; p++) {
    depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
    if (depth == 0)
      break;
  }
  g_free (self->comment);
  self->comment = g_strndup (start, p - start);
  return *p != '\0' ? p + 1 : p;
}

static const char *
read_token (Token *token, const char *p)
{
  if (g_ascii_isdigit (*p)) {
    token->kind = NUMBER;
    for (; g_ascii_isdigit (*p); p++)
      if (token->digits++ < MAX_DIGITS)
        token->value = token->value * 10 + (*p - '0');
    return p;
  }
  const char *start = p;
  while (g_unichar_isalpha (g_utf8_get_char (p)))
    p = g_utf8_next_char (p);
  if (p > start) {
    token->kind = WORD;
    token->word = g_strndup (start, p - start);
    return p;
  }
  token->kind = MARK;
  token->mark = *p;
  return g_utf8_next_char (p);
}

static void
tokenise (Reader *self, const char *p)
{
  gboolean blank = TRUE;

  while (*p != '\0' && self->n < MAX_TOKENS) {
    if (g_unichar_isspace (g_utf8_get_char (p))) {
      blank = TRUE;
      p = g_utf8_next_char (p);
    } else if (*p == '(') {
      p = skip_comment (self, p);
      blank = TRUE;
    } else {
      self->tokens[self->n].blank = blank;
      p = read_token (&self->tokens[self->n++], p);
      blank = FALSE;
    }
  }
}

static gboolean
is_number (const Reader *self, guint i, guint most)
{
  return i < self->n && self->tokens[i].kind == NUMBER && !self->tokens[i].used
         && self->tokens[i].digits <= most;
}

static gboolean
is_mark (const Reader *self, guint i, const char *marks)
{
  return i < self->n && self->tokens[i].kind == MARK && strchr (marks, self->tokens[i].mark) != NULL;
}

/* Whether one of WORDS (blank separated) stands at I. */
static gboolean
is_word (const Reader *self, guint i, const char *words)
{
  if (i >= self->n || self->tokens[i].kind != WORD)
    return FALSE;
  const char *word = self->tokens[i].word;
  gsize n = strlen (word);
  for (const char *p = words; (p = strstr (p, word)) != NULL; p++)
    if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
      return TRUE;
  return FALSE;
}

static void
use (Reader *self, guint from, guint to)
{
  for (guint i = from; i < MIN (to, self->n); i++)
    self->tokens[i].used = TRUE;
}

/* --- the clock ------------------------------------------------------------------------------------- */

#define HOURS "h 时 時 点 點 시"
#define MINUTES "m min 分 분"
#define SECONDS "s 秒 초"

/* The clock at I, whose parts SEPARATORS divide. */
static gboolean
read_clock_at (Reader *self, guint i, const char *separators)
{
  if (!is_number (self, i, 2) || !is_number (self, i + 2, 2)
      || !(is_mark (self, i + 1, separators) || is_word (self, i + 1, HOURS)))
    return FALSE;
  guint end = i + 3;
  self->hour = (int) self->tokens[i].value;
  self->minute = (int) self->tokens[i + 2].value;
  if ((is_mark (self, end, ":.") || is_word (self, end, MINUTES)) && is_number (self, end + 1, 2)) {
    self->second = (int) self->tokens[end + 1].value;
    end += 2;
    if (is_word (self, end, SECONDS))
      end++;
  } else if (is_word (self, end, MINUTES) && !self->tokens[end].blank) {
    end++;
  }
  if (is_mark (self, end, ".,") && !self->tokens[end].blank && is_number (self, end + 1, MAX_DIGITS)
      && !self->tokens[end + 1].blank)
    end += 2; /* fractions */
  use (self, i, end);
  self->behind_clock = end;
  return TRUE;
}

static void
read_clock (Reader *self, const char *separators)
{
  for (guint i = 0; i < self->n && self->hour < 0; i++)
    read_clock_at (self, i, separators);
}

/* "PM", "p.m.", and what stands before the clock in the Far East. */
static void
read_half (Reader *self)
{
  for (guint i = 0; i < self->n && self->hour >= 0; i++) {
    gboolean dotted = is_mark (self, i + 1, ".") && is_word (self, i + 2, "m");
    gboolean pm = is_word (self, i, "pm nachm 下午 午後 오후") || (is_word (self, i, "p") && dotted);
    gboolean am = is_word (self, i, "am vorm 上午 午前 오전") || (is_word (self, i, "a") && dotted);
    if (!pm && !am)
      continue;
    if (pm && self->hour < 12)
      self->hour += 12;
    else if (am && self->hour == 12)
      self->hour = 0;
    use (self, i, dotted ? i + 3 : i + 1);
    return;
  }
}

/* --- the zone -------------------------------------------------------------------------------------- */

/* "+0100", "-03:30", "+2", "+08", "--0500": the sign at I. */
static gboolean
read_offset (Reader *self, guint i)
{
  int sign = self->tokens[i].mark == '-' ? -1 : 1;
  guint end = i + 1;

  if (is_mark (self, end, "-"))
    sign = -1, end++;
  if (!is_number (self, end, 6))
    return FALSE;
  gint64 n = self->tokens[end].value, minutes;
  guint digits = self->tokens[end++].digits;
  if (digits > 4)
    n /= 100;
  minutes = digits <= 2 ? n * 60 : n / 100 * 60 + n % 100;
  if (digits <= 2 && is_mark (self, end, ":") && is_number (self, end + 1, 2)) {
    minutes += self->tokens[end + 1].value;
    end += 2;
  }
  use (self, i, end);
  self->zone = TRUE;
  self->offset = minutes <= 24 * 60 ? sign * (int) minutes : 0;
  return TRUE;
}

static void
read_zone (Reader *self)
{
  int named = 0;
  gboolean long_name = FALSE;

  for (guint i = self->behind_clock; i < self->n && !self->zone; i++) {
    Token *token = &self->tokens[i];
    if (token->kind == MARK) {
      gboolean sign = token->mark == '+' || token->mark == '-';
      /* Not the hyphen of "15-Jan-2024". */
      if (sign && (token->blank || (i > 0 && self->tokens[i - 1].used)))
        read_offset (self, i);
    } else if (token->kind == WORD && !token->used) {
      gboolean initial = token->word[1] == '\0' && is_mark (self, i + 1, ".");
      if (!initial && pn_date_zone (token->word, &self->offset)) {
        token->used = TRUE;
        if (is_word (self, i + 1, "dst"))
          self->offset += 60;
        /* "GMT+2" goes on with the real offset. */
        gboolean more = self->offset == 0 && is_mark (self, i + 1, "+-") && is_number (self, i + 2, 6);
        self->zone = !more;
      } else if (pn_date_zone_part (token->word, &named)) {
        token->used = long_name = TRUE;
      }
    }
  }
  if (!self->zone && long_name) {
    self->zone = TRUE;
    self->offset = named;
  }
}

/* A comment says the zone only where nothing else does: it often is the zone of another place. */
static void
read_zone_comment (Reader *self)
{
  g_auto (GStrv) words = g_strsplit_set (self->comment, " .,\t", -1);
  int offset = 0;

  for (char **word = words; *word != NULL; word++)
    if (strlen (*word) > 1 && pn_date_zone (*word, &offset)) {
      self->zone = TRUE;
      self->offset = offset;
      return;
    }
}

/* --- the day --------------------------------------------------------------------------------------- */

/* RFC 5322 4.3 on years of two and three digits; "19100" is what some programs made of 2000. */
static int
full_year (gint64 n, guint digits)
{
  if (digits == 5 && n >= 19100 && n < 19200)
    return (int) (n - 19000 + 1900);
  if (digits > 4)
    return -1;
  if (digits == 3)
    return (int) n + 1900;
  return (int) (n >= 100 ? n : n >= 50 ? n + 1900 : n + 2000);
}

static int
weekday_of (int year, int month, int day)
{
  return pn_weekday (pn_civil_to_days (year, month, day));
}

static int
find_weekday (const Reader *self)
{
  for (guint i = 0; i < self->n; i++)
    if (self->tokens[i].kind == WORD && pn_date_weekday (self->tokens[i].word) >= 0)
      return pn_date_weekday (self->tokens[i].word);
  return -1;
}

/* Which of two numbers up to 12 is the month: what fits the day of the week, else what the MARK is used for
 * in most places. */
static gboolean
is_month_first (const Reader *self, int a, int b, int year, char mark)
{
  int weekday = find_weekday (self);

  if (weekday >= 0 && weekday_of (year, a, b) != weekday_of (year, b, a)) {
    if (weekday_of (year, a, b) == weekday)
      return TRUE;
    if (weekday_of (year, b, a) == weekday)
      return FALSE;
  }
  return mark == '/';
}

/* "15.1.2024", "2024-01-15", "1/15/24", "2024年1月15日" */
static gboolean
read_triple (Reader *self)
{
  for (guint i = 0; i + 4 < self->n; i++) {
    if (!is_number (self, i, 4) || !is_number (self, i + 2, 2) || !is_number (self, i + 4, 5))
      continue;
    const Token *t = &self->tokens[i];
    gboolean east = is_word (self, i + 1, "年 년") && is_word (self, i + 3, "月 월");
    if (!east && !(is_mark (self, i + 1, "/.-") && is_mark (self, i + 3, "/.-") && t[1].mark == t[3].mark))
      continue;
    int a = (int) t[0].value, b = (int) t[2].value, c = (int) t[4].value;
    if (east || t[0].digits > 2 || a > 31) {
      gboolean day_second = b > 12 && c <= 12;
      self->year = full_year (a, t[0].digits);
      self->month = day_second ? c : b;
      self->day = day_second ? b : c;
    } else {
      self->year = full_year (c, t[4].digits);
      gboolean month_first
          = b > 12 || (a <= 12 && a > 0 && b > 0 && is_month_first (self, a, b, self->year, t[1].mark));
      self->month = month_first ? a : b;
      self->day = month_first ? b : a;
    }
    use (self, i, i + 5);
    return TRUE;
  }
  return FALSE;
}

/* "20240115", "20240115T1020", "20240115102030" */
static gboolean
read_packed (Reader *self)
{
  for (guint i = 0; i < self->n; i++) {
    if (!is_number (self, i, 14) || self->tokens[i].digits < 8 || self->tokens[i].digits % 2 != 0)
      continue;
    gint64 n = self->tokens[i].value;
    guint digits = self->tokens[i].digits, behind = i + 1;
    gint64 clock = 0;
    guint clock_digits = digits - 8;
    for (guint k = 8; k < digits; k++)
      n /= 10;
    for (gint64 scale = 1, rest = self->tokens[i].value, k = 8; k < digits; k++, rest /= 10, scale *= 10)
      clock += rest % 10 * scale;
    self->year = (int) (n / 10000);
    self->month = (int) (n / 100 % 100);
    self->day = (int) (n % 100);
    if (clock_digits == 0 && is_word (self, i + 1, "t") && is_number (self, i + 2, 6)) {
      clock = self->tokens[i + 2].value;
      clock_digits = self->tokens[i + 2].digits;
      behind = i + 3;
    }
    use (self, i, behind);
    if (self->hour < 0 && clock_digits >= 4) {
      clock *= clock_digits == 4 ? 100 : 1;
      self->hour = (int) (clock / 10000);
      self->minute = (int) (clock / 100 % 100);
      self->second = (int) (clock % 100);
      self->behind_clock = behind;
    }
    return TRUE;
  }
  return FALSE;
}

/* The last word that names a month: the first may be a Tuesday ("Mar, 15 Jan"). */
static void
read_month (Reader *self)
{
  for (guint i = 0; i < self->n; i++) {
    const Token *token = &self->tokens[i];
    int month = token->kind == WORD && !token->used ? pn_date_month (token->word) : 0;
    if (month > 0 && (self->month < 0 || self->hour < 0 || i < self->behind_clock))
      self->month = month;
  }
}

static void
read_numbers (Reader *self)
{
  for (guint i = 0; i < self->n; i++) {
    Token *token = &self->tokens[i];
    if (token->kind != NUMBER || token->used)
      continue;
    if (token->digits <= 2 && self->day < 0 && token->value <= 31) {
      self->day = (int) token->value;
    } else if (self->year < 0) {
      self->year = full_year (token->value, token->digits);
    } else if (token->digits == 4 && self->hour >= 0 && !self->zone && token->value % 100 < 60
               && token->value <= 1400) {
      self->zone = TRUE; /* its sign was forgotten */
      self->offset = (int) (token->value / 100 * 60 + token->value % 100);
    }
  }
}

static gboolean
read_freely (Reader *self, PnTime *time)
{
  read_clock (self, ":");
  if (!read_triple (self)) {
    if (self->hour < 0 || self->n < 6)
      read_packed (self);
    if (self->month < 0)
      read_month (self);
  }
  if (self->hour < 0 && self->month >= 0) {
    for (guint i = self->n; i-- > 0 && self->hour < 0;)
      if (is_number (self, i, 2) && (i == 0 || !is_mark (self, i - 1, ".")))
        read_clock_at (self, i, "."); /* "10.15.00" */
  }
  read_half (self);
  read_zone (self);
  if (self->day < 0)
    read_numbers (self);
  if (!self->zone && self->comment != NULL)
    read_zone_comment (self);
  if (ABS (self->offset) > 24 * 60) /* no place is that far; several names of zones were added up */
    self->offset = 0;
  return set_time (time, self->year, self->month, self->day, MAX (self->hour, 0), self->minute, self->second,
                   self->offset);
}

gboolean
pn_header_parse_date (const char *raw, gsize length, PnTime *time)
{
  while (length > 0 && g_ascii_isspace (*raw))
    raw++, length--;
  while (length > 0 && g_ascii_isspace (raw[length - 1]))
    length--;
  if (length == 0)
    return FALSE;
  length = MIN (length, MAX_LENGTH);
  if (read_plain (raw, raw + length, time))
    return TRUE;
  PnHeaderContext context = { NULL, 0 };
  g_autofree char *text = pn_header_decode (raw, length, &context);
  g_autofree char *folded = pn_date_fold (text);
  Reader reader = { .year = -1, .month = -1, .day = -1, .hour = -1 };
  tokenise (&reader, folded);
  gboolean done = read_freely (&reader, time);
  reader_clear (&reader);
  return done;
}
