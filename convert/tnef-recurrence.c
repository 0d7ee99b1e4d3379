/* The pattern of a series (MS-OXOCAL 2.2.1.44): a rule and what differs from it. */
#include "convert/ical-private.h"
#include "convert/tnef-private.h"

#include "convert/charset.h"

enum { PATTERN_DAY, PATTERN_WEEK, PATTERN_MONTH, PATTERN_MONTH_NTH, PATTERN_MONTH_END };
enum { HIJRI_PATTERNS = 8 }; /* added to a pattern of months: counted in the Hijri calendar */

enum { END_BY_DATE = 0x2021, END_BY_COUNT = 0x2022 };

/* What an exception says of itself. */
enum {
  HAS_SUBJECT = 1 << 0,
  HAS_MEETING_TYPE = 1 << 1,
  HAS_REMINDER_DELTA = 1 << 2,
  HAS_REMINDER = 1 << 3,
  HAS_LOCATION = 1 << 4,
  HAS_BUSY_STATUS = 1 << 5,
  HAS_ATTACHMENT = 1 << 6,
  HAS_SUB_TYPE = 1 << 7,
  HAS_COLOR = 1 << 8
};

enum { MAX_EXCEPTIONS = 1000, MINUTES_OF_DAY = 1440, EVERY_DAY = 0x7F, DAY = 86400 };

/* Minutes from 1601 to 1970. */
#define EPOCH 194074560

typedef struct {
  const guint8 *p, *end;
  gboolean broken;
} Cursor;

typedef struct {
  guint pattern, calendar;
  gboolean hijri;
  guint32 period, days, nth, end_type, count, first_weekday;
  gboolean sliding;
  gint64 start, end;               /* local midnights, as if UTC */
  gint64 start_offset, end_offset; /* seconds */
} Pattern;

static const guint8 *
take (Cursor *self, gsize n)
{
  const guint8 *p = self->p;
  if (self->broken || (gsize) (self->end - p) < n) {
    self->broken = TRUE;
    return NULL;
  }
  self->p += n;
  return p;
}

static guint
take16 (Cursor *self)
{
  const guint8 *p = take (self, 2);
  return p ? pn_tnef_get16 (p) : 0;
}

static guint32
take32 (Cursor *self)
{
  const guint8 *p = take (self, 4);
  return p ? pn_tnef_get32 (p) : 0;
}

/* A wall clock time, in seconds as if it were UTC. */
static gint64
take_time (Cursor *self)
{
  return ((gint64) take32 (self) - EPOCH) * 60;
}

static gint64
midnight (gint64 wall)
{
  return pn_day_of (wall) * DAY;
}

void
pn_tnef_series_free (PnTnefSeries *self)
{
  if (!self)
    return;
  g_free (self->rrule);
  g_clear_pointer (&self->deleted, g_array_unref);
  g_clear_pointer (&self->exceptions, g_ptr_array_unref);
  g_free (self);
}

static void
free_exception (gpointer data)
{
  PnTnefException *self = data;
  g_free (self->subject);
  g_free (self->location);
  g_free (self);
}

/* --- the rule ---------------------------------------------------------------------------------------------
 */

static void
append_days (GString *rule, guint32 days)
{
  const char *separator = ";BYDAY=";
  for (int i = 0; i < 7; i++)
    if (days & 1u << i) {
      g_string_append_printf (rule, "%s%s", separator, pn_weekday_name (i));
      separator = ",";
    }
}

/* Which months have the day DAY: of those that lack it the last one is meant. */
static void
append_month_day (GString *rule, const Pattern *pattern, guint32 day, int month)
{
  gboolean yearly = pattern->period % 12 == 0;
  int longest = yearly ? pn_days_of_month (2000, month) : 31, shortest = yearly && month != 2 ? longest : 28;
  if (pattern->pattern == PATTERN_MONTH_END || (int) day >= longest)
    g_string_append (rule, ";BYMONTHDAY=-1");
  else if ((int) day <= shortest)
    g_string_append_printf (rule, ";BYMONTHDAY=%u", day);
  else
    g_string_append (rule, day == 29 ? ";BYMONTHDAY=28,29;BYSETPOS=-1" : ";BYMONTHDAY=28,29,30;BYSETPOS=-1");
}

/* The nth of some weekdays. */
static void
append_nth (GString *rule, guint32 days, int nth)
{
  if (days == EVERY_DAY) {
    g_string_append_printf (rule, ";BYMONTHDAY=%d", nth);
    return;
  }
  g_autofree char *number = g_strdup_printf ("%d", nth);
  append_days (rule, days);
  if ((days & (days - 1)) != 0)
    g_string_append_printf (rule, ";BYSETPOS=%d", nth);
  else
    g_string_insert (rule, (gssize) rule->len - 2, number);
}

/* The calendar that months are counted in, NULL: the Gregorian one or one that differs in the year only. */
static const char *
scale_of (const Pattern *pattern)
{
  if (pattern->hijri && pattern->calendar != 0x17)
    return "ISLAMIC-CIVIL";
  switch (pattern->calendar) {
  case 0x06:
    return "ISLAMIC-CIVIL";
  case 0x08:
    return "HEBREW";
  case 0x0E:
  case 0x0F:
  case 0x11:
  case 0x13:
    return "CHINESE";
  case 0x10:
    return "INDIAN";
  case 0x12:
  case 0x14:
    return "DANGI";
  case 0x17:
    return "ISLAMIC-UMALQURA";
  default:
    return NULL;
  }
}

static void
append_interval (GString *rule, guint32 interval)
{
  if (interval > 1)
    g_string_append_printf (rule, ";INTERVAL=%u", interval);
}

static gboolean
append_months (GString *rule, const Pattern *pattern)
{
  const char *scale = scale_of (pattern);
  gboolean yearly = pattern->period % 12 == 0;
  int year, month, day, nth = pattern->nth == 5 ? -1 : (int) pattern->nth;
  pn_days_to_civil (pn_day_of (pattern->start), &year, &month, &day);
  /* The day and month of the first one hold, where they cannot be said in this calendar. */
  if (scale && yearly && pattern->pattern == PATTERN_MONTH_NTH)
    return FALSE;
  if (scale)
    g_string_append_printf (rule, "RSCALE=%s;", scale);
  g_string_append (rule, yearly ? "FREQ=YEARLY" : "FREQ=MONTHLY");
  append_interval (rule, yearly ? pattern->period / 12 : pattern->period);
  if (scale) {
    if (pattern->pattern == PATTERN_MONTH_NTH)
      append_nth (rule, pattern->days, nth);
    else if (!yearly)
      g_string_append_printf (rule, ";BYMONTHDAY=%d",
                              pattern->pattern == PATTERN_MONTH_END ? -1 : (int) pattern->days);
    g_string_append (rule, ";SKIP=BACKWARD");
    return TRUE;
  }
  if (yearly)
    g_string_append_printf (rule, ";BYMONTH=%d", month);
  if (pattern->pattern == PATTERN_MONTH_NTH)
    append_nth (rule, pattern->days, nth);
  else
    append_month_day (rule, pattern, pattern->days, month);
  return TRUE;
}

/* The rule without its end, or NULL. */
static char *
make_rule (const Pattern *pattern)
{
  g_autoptr (GString) rule = g_string_new (NULL);
  if (pattern->sliding)
    return NULL;
  switch (pattern->pattern) {
  case PATTERN_DAY:
    g_string_append (rule, "FREQ=DAILY");
    append_interval (rule, pattern->period / MINUTES_OF_DAY);
    break;
  case PATTERN_WEEK:
    g_string_append (rule, "FREQ=WEEKLY");
    append_interval (rule, pattern->period);
    append_days (rule, pattern->days);
    if (pattern->period > 1 && pattern->first_weekday < 7)
      g_string_append_printf (rule, ";WKST=%s", pn_weekday_name ((int) pattern->first_weekday));
    break;
  default:
    if (!append_months (rule, pattern))
      return NULL;
  }
  return g_string_free (g_steal_pointer (&rule), FALSE);
}

/* --- the first instance
 * -------------------------------------------------------------------------------------
 */

static gint64
day_in_month (const Pattern *pattern, int year, int month)
{
  int last = pn_days_of_month (year, month);
  gint64 first = pn_civil_to_days (year, month, 1);
  if (pattern->pattern == PATTERN_MONTH_END)
    return first + last - 1;
  if (pattern->pattern == PATTERN_MONTH)
    return first + MIN (last, (int) pattern->days) - 1;
  gint64 found = first;
  guint seen = 0;
  for (int day = 0; day < last && (pattern->nth == 5 || seen < pattern->nth); day++)
    if (pattern->days & 1u << pn_weekday (first + day)) {
      found = first + day;
      seen++;
    }
  return found;
}

/* The day of the first instance: the start that is stated need not be one. */
static gint64
first_day (const Pattern *pattern)
{
  gint64 start = pn_day_of (pattern->start);
  if (pattern->pattern == PATTERN_DAY || (pattern->pattern != PATTERN_WEEK && scale_of (pattern)))
    return start;
  if (pattern->pattern == PATTERN_WEEK) {
    guint first = MIN (pattern->first_weekday, 6);
    for (gint64 day = start, skip = 0; day < start + 7 + skip; day++) {
      if (day > start && pattern->period > 1 && (guint) pn_weekday (day) == first && skip == 0) {
        skip = 7 * (gint64) (pattern->period - 1);
        day += skip;
      }
      if (pattern->days & 1u << pn_weekday (day))
        return day;
    }
    return start;
  }
  int year, month, day;
  pn_days_to_civil (start, &year, &month, &day);
  gint64 found = day_in_month (pattern, year, month);
  if (found < start) {
    gint64 months = (gint64) year * 12 + month - 1 + pattern->period;
    found = day_in_month (pattern, (int) (months / 12), (int) (months % 12) + 1);
  }
  return found;
}

/* --- reading
 * ------------------------------------------------------------------------------------------------
 */

static gboolean
is_sane (const Pattern *pattern)
{
  if (pattern->period == 0 || pattern->start < -11644473600 || pattern->start > 79830000000)
    return FALSE;
  switch (pattern->pattern) {
  case PATTERN_DAY:
    return pattern->period <= 366000u * MINUTES_OF_DAY;
  case PATTERN_WEEK:
    return (pattern->days & EVERY_DAY) != 0 && pattern->period <= 5200;
  case PATTERN_MONTH:
  case PATTERN_MONTH_END:
    return pattern->days >= 1 && pattern->days <= 31 && pattern->period <= 12000;
  case PATTERN_MONTH_NTH:
    return (pattern->days & EVERY_DAY) != 0 && pattern->nth >= 1 && pattern->nth <= 5
           && pattern->period <= 12000;
  default:
    return FALSE;
  }
}

static GArray *
take_dates (Cursor *cursor)
{
  GArray *dates = g_array_new (FALSE, FALSE, sizeof (gint64));
  guint32 count = take32 (cursor);
  for (guint32 i = 0; i < count && !cursor->broken; i++) {
    gint64 date = take_time (cursor);
    if (!cursor->broken && dates->len < MAX_EXCEPTIONS)
      g_array_append_val (dates, date);
  }
  return dates;
}

static void
read_pattern (Cursor *cursor, Pattern *pattern, PnTnefSeries *series)
{
  take (cursor, 4); /* versions */
  take16 (cursor);  /* the frequency follows from the pattern */
  pattern->pattern = take16 (cursor);
  if (pattern->pattern >= HIJRI_PATTERNS + PATTERN_MONTH) {
    pattern->hijri = TRUE;
    pattern->pattern -= HIJRI_PATTERNS;
  }
  pattern->calendar = take16 (cursor);
  take32 (cursor);
  pattern->period = take32 (cursor);
  pattern->sliding = take32 (cursor) != 0;
  if (pattern->pattern != PATTERN_DAY)
    pattern->days = take32 (cursor);
  if (pattern->pattern == PATTERN_MONTH_NTH)
    pattern->nth = take32 (cursor);
  /* Programs write the days of a week or of an nth, whatever stands in the bits above. */
  if (pattern->pattern == PATTERN_WEEK || pattern->pattern == PATTERN_MONTH_NTH)
    pattern->days &= EVERY_DAY;
  pattern->end_type = take32 (cursor);
  pattern->count = take32 (cursor);
  pattern->first_weekday = take32 (cursor);
  g_clear_pointer (&series->deleted, g_array_unref);
  series->deleted = take_dates (cursor);
  g_array_unref (take_dates (cursor));
  pattern->start = midnight (take_time (cursor));
  pattern->end = midnight (take_time (cursor));
}

/* A text behind its length, which stands there twice when it is not wide. */
static char *
take_text (PnTnef *tnef, Cursor *cursor, gboolean wide)
{
  gsize length = take16 (cursor);
  if (wide)
    length *= 2;
  else
    length = take16 (cursor);
  const guint8 *p = take (cursor, length);
  if (!p)
    return NULL;
  return wide ? pn_charset_decode (p, length, "utf-16le", NULL, FALSE, NULL, NULL)
              : pn_tnef_oem_text (tnef, p, length);
}

static void
read_exception (PnTnef *tnef, Cursor *cursor, PnTnefException *exception)
{
  exception->start = take_time (cursor);
  exception->end = take_time (cursor);
  exception->original = take_time (cursor);
  exception->flags = take16 (cursor);
  exception->reminder = exception->reminder_set = exception->busy = exception->all_day = -1;
  if (exception->flags & HAS_SUBJECT)
    exception->subject = take_text (tnef, cursor, FALSE);
  if (exception->flags & HAS_MEETING_TYPE)
    take32 (cursor);
  if (exception->flags & HAS_REMINDER_DELTA)
    exception->reminder = take32 (cursor);
  if (exception->flags & HAS_REMINDER)
    exception->reminder_set = take32 (cursor) != 0;
  if (exception->flags & HAS_LOCATION)
    exception->location = take_text (tnef, cursor, FALSE);
  if (exception->flags & HAS_BUSY_STATUS)
    exception->busy = take32 (cursor);
  if (exception->flags & HAS_ATTACHMENT)
    take32 (cursor);
  if (exception->flags & HAS_SUB_TYPE)
    exception->all_day = take32 (cursor) != 0;
  if (exception->flags & HAS_COLOR)
    take32 (cursor);
}

/* The same texts once more, wide. */
static void
read_extended (PnTnef *tnef, Cursor *cursor, guint32 version, PnTnefException *exception)
{
  gboolean texts = (exception->flags & (HAS_SUBJECT | HAS_LOCATION)) != 0;
  if (version >= 0x3009)
    take (cursor, take32 (cursor));
  take (cursor, take32 (cursor));
  if (texts)
    take (cursor, 12);
  char *subject = exception->flags & HAS_SUBJECT ? take_text (tnef, cursor, TRUE) : NULL;
  char *location = exception->flags & HAS_LOCATION ? take_text (tnef, cursor, TRUE) : NULL;
  if (subject) {
    g_free (exception->subject);
    exception->subject = subject;
  }
  if (location) {
    g_free (exception->location);
    exception->location = location;
  }
  if (texts)
    take (cursor, take32 (cursor));
}

/* What an appointment has behind the pattern.  TRUE if its times were there. */
static gboolean
read_exceptions (PnTnef *tnef, Cursor *cursor, Pattern *pattern, PnTnefSeries *series)
{
  take32 (cursor);
  guint32 version = take32 (cursor);
  pattern->start_offset = (gint64) take32 (cursor) * 60;
  pattern->end_offset = (gint64) take32 (cursor) * 60;
  gboolean times = !cursor->broken;
  guint count = take16 (cursor);
  for (guint i = 0; i < count && !cursor->broken; i++) {
    PnTnefException *exception = g_new0 (PnTnefException, 1);
    read_exception (tnef, cursor, exception);
    if (cursor->broken || series->exceptions->len >= MAX_EXCEPTIONS)
      free_exception (exception);
    else
      g_ptr_array_add (series->exceptions, exception);
  }
  if (cursor->broken || count != series->exceptions->len)
    return times;
  /* What follows says the same better; where it is missing, nothing is lost. */
  Cursor behind = *cursor;
  take (&behind, take32 (&behind));
  for (guint i = 0; i < series->exceptions->len && !behind.broken; i++)
    read_extended (tnef, &behind, version, series->exceptions->pdata[i]);
  return times;
}

/* An instance that differs stands among the deleted ones too. */
static void
drop_replaced (PnTnefSeries *series, gint64 start_offset)
{
  for (guint i = 0; i < series->deleted->len;) {
    gint64 *date = &g_array_index (series->deleted, gint64, i);
    gboolean replaced = FALSE;
    for (guint k = 0; k < series->exceptions->len && !replaced; k++) {
      const PnTnefException *exception = series->exceptions->pdata[k];
      replaced = midnight (exception->original) == midnight (*date);
    }
    if (replaced) {
      g_array_remove_index (series->deleted, i);
      continue;
    }
    *date = midnight (*date) + start_offset;
    i++;
  }
}

PnTnefSeries *
pn_tnef_series_read (PnTnef *tnef, const guint8 *data, gsize length, gboolean appointment)
{
  Cursor cursor = { data, data + length, FALSE };
  Pattern pattern = { 0 };
  PnTnefSeries *series = g_new0 (PnTnefSeries, 1);
  series->exceptions = g_ptr_array_new_with_free_func (free_exception);
  read_pattern (&cursor, &pattern, series);
  if (cursor.broken || !is_sane (&pattern)) {
    series->problem = cursor.broken ? "its pattern is cut off" : "its pattern is damaged";
    return series;
  }
  series->has_times = appointment && read_exceptions (tnef, &cursor, &pattern, series);
  if (appointment && cursor.broken)
    series->problem = "what differs from its pattern is cut off";
  series->rrule = make_rule (&pattern);
  if (!series->rrule)
    series->problem = pattern.sliding ? "each time is counted from the completion of the one before"
                                      : "its pattern needs another calendar";
  else if (scale_of (&pattern) && pattern.pattern >= PATTERN_MONTH)
    series->problem = "its months are those of another calendar, which few programs know";
  if (series->rrule && pattern.end_type == END_BY_COUNT && pattern.count > 0) {
    g_autofree char *rule = series->rrule;
    series->rrule = g_strdup_printf ("%s;COUNT=%u", rule, pattern.count);
  }
  gint64 first = first_day (&pattern) * DAY;
  series->start = first + pattern.start_offset;
  series->end = first + pattern.end_offset;
  series->has_until = pattern.end_type == END_BY_DATE;
  series->until = MAX (pattern.end, first) + pattern.start_offset;
  drop_replaced (series, pattern.start_offset);
  return series;
}
