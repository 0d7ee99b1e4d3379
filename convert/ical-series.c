#include "convert/ical-series-private.h"

#include <string.h>

#define DAY 86400
#define MAX_SHIFT (400 * (gint64) DAY)
#define MAX_FOUND 200000

void
pn_instance_free (PnInstance *self)
{
  if (!self)
    return;
  g_free (self->recurrence_id);
  pn_calendar_time_clear (&self->original);
  pn_calendar_time_clear (&self->start);
  pn_calendar_time_clear (&self->end);
  pn_calendar_free (self->calendar);
  g_free (self);
}

/* -- when the rules have instances -- */

gboolean
pn_series_go (PnSeries *self, const PnRule *rule, gint64 from, gint64 to, guint limit, guint *work,
              GArray *locals)
{
  gint64 start = pn_calendar_time_local (self->base), local;
  gint64 last = rule->until.set ? pn_calendar_time_local (&rule->until) + 3 * DAY : G_MAXINT64;
  guint found = 0;
  int count = 1; /* DTSTART */
  if (rule->rscale)
    return pn_rule_scale_go (rule, self->base, from, MIN (to, last), limit, locals);
  g_auto (PnRuleIterator) iterator = { 0 };
  pn_rule_iterator_init (&iterator, rule, start, self->base->is_date, MAX (*work, 1));
  pn_rule_iterator_seek (&iterator, from);
  gboolean complete = TRUE;
  while (complete && pn_rule_iterator_next (&iterator, &local)) {
    if (local > to || local > last || pn_series_is_behind (self, rule, local))
      break;
    if (local == start)
      continue;
    if (rule->count > 0 && ++count > rule->count)
      break;
    if (local < from)
      continue;
    complete = ++found <= limit;
    if (complete)
      g_array_append_val (locals, local);
  }
  *work = iterator.work;
  return complete && iterator.work > 0;
}

static int
compare_locals (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;
  return (x > y) - (x < y);
}

static void
sort_locals (GArray *locals)
{
  guint kept = 0;
  g_array_sort (locals, compare_locals);
  for (guint i = 0; i < locals->len; i++) {
    gint64 local = g_array_index (locals, gint64, i);
    if (kept == 0 || g_array_index (locals, gint64, kept - 1) != local)
      g_array_index (locals, gint64, kept++) = local;
  }
  g_array_set_size (locals, kept);
}

/* What EXRULE takes away of LOCALS. */
static void
apply_exclusions (PnSeries *self, GArray *locals, guint *work)
{
  if (self->exclusions->len == 0 || locals->len == 0)
    return;
  g_autoptr (GArray) without = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 first = g_array_index (locals, gint64, 0), last = g_array_index (locals, gint64, locals->len - 1);
  gint64 start = pn_calendar_time_local (self->base);
  for (guint i = 0; i < self->exclusions->len; i++) {
    const PnRule *rule = self->exclusions->pdata[i];
    gint64 local;
    pn_series_go (self, rule, first, last, MAX_FOUND, work, without);
    /* Of an EXRULE the first is DTSTART only if its days say so. */
    g_auto (PnRuleIterator) iterator = { 0 };
    pn_rule_iterator_init (&iterator, rule, start, self->base->is_date, 1000);
    if (!rule->rscale && pn_rule_iterator_next (&iterator, &local) && local == start)
      g_array_append_val (without, start);
  }
  sort_locals (without);
  guint kept = 0;
  for (guint i = 0, j = 0; i < locals->len; i++) {
    gint64 local = g_array_index (locals, gint64, i);
    while (j < without->len && g_array_index (without, gint64, j) < local)
      j++;
    if (j == without->len || g_array_index (without, gint64, j) != local)
      g_array_index (locals, gint64, kept++) = local;
  }
  g_array_set_size (locals, kept);
}

/* When the series has instances in [FROM, TO], without its exceptions; at most about LIMIT.  *COMPLETE tells
 * whether that is all. */
static GArray *
find_locals (PnSeries *self, gint64 from, gint64 to, guint limit, gboolean *complete)
{
  GArray *locals = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 start = pn_calendar_time_local (self->base);
  guint work = 1000000;
  *complete = TRUE;
  limit = MIN (limit, MAX_FOUND);
  if (self->exclusions->len > 0)
    limit = MAX (limit, 20000);
  for (guint i = 0; i < self->rules->len; i++)
    *complete &= pn_series_go (self, self->rules->pdata[i], from, to, limit, &work, locals);
  for (guint i = 0; i < self->dates->len; i++) {
    gint64 local = g_array_index (self->dates, PnSeriesDate, i).local;
    if (local >= from && local <= to)
      g_array_append_val (locals, local);
  }
  if (start >= from && start <= to)
    g_array_append_val (locals, start);
  sort_locals (locals);
  if (locals->len > limit + 1) {
    *complete = FALSE;
    g_array_set_size (locals, limit + 1);
  }
  apply_exclusions (self, locals, &work);
  return locals;
}

static gboolean
is_excluded (PnSeries *self, gint64 local, gint64 key)
{
  gint64 day = pn_day_of (local);
  return g_hash_table_contains (self->excluded, &key) || g_hash_table_contains (self->days, &day);
}

/* -- what an instance is -- */

static char *
recurrence_id (PnSeries *self, gint64 local)
{
  GString *text = g_string_new (NULL);
  if (self->base->is_date)
    pn_ical_append_local (text, local, TRUE);
  else
    pn_ical_append_utc (text, pn_series_instant (self, self->base, local));
  return g_string_free (text, FALSE);
}

/* The end of an instance: LENGTH of time behind its start, or days on the calendar. */
static void
set_end (PnSeries *self, PnInstance *instance, gint64 length, gint64 nominal_days)
{
  const PnCalendarTime *start = &instance->start;
  if (length < 0) {
    if (!self->calendar->start.set)
      pn_calendar_time_copy (&instance->end, start);
    return;
  }
  gint64 local = pn_calendar_time_local (start);
  if (start->is_date)
    pn_series_set_time (self, start, local + length, &instance->end);
  else if (nominal_days > 0 && length >= nominal_days * DAY - 7200) {
    pn_series_set_time (self, start, local + nominal_days * DAY, &instance->end);
    gint64 first
        = pn_series_instant (self, self->base, pn_calendar_time_local (self->base) + nominal_days * DAY);
    gint64 rest = self->base->unix_time + length - first;
    pn_series_set_time (self, start, pn_series_local (self, start, instance->end.unix_time + rest),
                        &instance->end);
  } else
    pn_series_set_time (self, start, pn_series_local (self, start, start->unix_time + length),
                        &instance->end);
  if (!start->is_date && nominal_days == 0)
    instance->end.unix_time = start->unix_time + length;
}

static PnInstance *
instance_new (PnSeries *self, gint64 local)
{
  PnInstance *instance = g_new0 (PnInstance, 1);
  instance->recurrence_id = recurrence_id (self, local);
  pn_series_set_time (self, self->base, local, &instance->original);
  pn_calendar_time_copy (&instance->start, &instance->original);
  return instance;
}

static gint64
length_of (PnSeries *self, gint64 local)
{
  for (guint i = 0; i < self->dates->len; i++) {
    const PnSeriesDate *date = &g_array_index (self->dates, PnSeriesDate, i);
    if (date->local == local && date->length >= 0)
      return date->length;
  }
  return -1;
}

static PnInstance *
make_plain (PnSeries *self, gint64 local)
{
  PnInstance *instance = instance_new (self, local);
  gint64 own = length_of (self, local);
  set_end (self, instance, own >= 0 ? own : self->length, own >= 0 ? 0 : self->nominal_days);
  return instance;
}

/* One that a component with its RECURRENCE-ID describes. */
static PnInstance *
make_exception (PnSeries *self, PnSeriesException *exception, gint64 local)
{
  const PnCalendar *calendar = exception->calendar;
  PnInstance *instance = instance_new (self, local);
  instance->exception = TRUE;
  instance->calendar = pn_calendar_copy (calendar);
  if (calendar->start.set)
    pn_calendar_time_copy (&instance->start, &calendar->start);
  else if (calendar->end.set && !self->calendar->start.set)
    pn_calendar_time_copy (&instance->start, &calendar->end);
  if (calendar->end.set)
    pn_calendar_time_copy (&instance->end, &calendar->end);
  else
    set_end (self, instance, self->length, self->nominal_days);
  return instance;
}

/* A later one of a component with THISANDFUTURE: moved as far, as long, and saying the same. */
static PnInstance *
make_following (PnSeries *self, PnSeriesException *range, gint64 local)
{
  const PnCalendarTime *start = &range->calendar->start, *end = &range->calendar->end;
  PnInstance *instance = instance_new (self, local);
  instance->exception = TRUE;
  instance->calendar = pn_calendar_copy (range->calendar);
  gint64 length = self->length;
  if (start->set) {
    pn_series_set_time (self, start, pn_calendar_time_local (start) + local - range->local, &instance->start);
    if (end->set)
      length = start->is_date ? pn_calendar_time_local (end) - pn_calendar_time_local (start)
                              : end->unix_time - start->unix_time;
  }
  set_end (self, instance, length, 0);
  pn_calendar_time_copy (&instance->calendar->start, &instance->start);
  pn_calendar_time_copy (&instance->calendar->end, &instance->end);
  pn_calendar_time_copy (&instance->calendar->recurrence_id, &instance->original);
  return instance;
}

static PnSeriesException *
find_exception (PnSeries *self, gint64 local, gint64 key)
{
  for (guint i = 0; i < self->exceptions->len; i++) {
    PnSeriesException *exception = self->exceptions->pdata[i];
    if (exception->whole_day ? exception->key == pn_day_of (local) && !exception->used
                             : exception->key == key)
      return exception;
  }
  return NULL;
}

static PnSeriesException *
find_range (PnSeries *self, gint64 local)
{
  PnSeriesException *found = NULL;
  for (guint i = 0; i < self->ranges->len; i++) {
    PnSeriesException *range = self->ranges->pdata[i];
    if (range->whole_day ? pn_day_of (range->local) <= pn_day_of (local) : range->local <= local)
      found = range;
  }
  return found;
}

/* NULL if it does not take place. */
static PnInstance *
make_instance (PnSeries *self, gint64 local)
{
  gint64 key = pn_series_key (self, local);
  PnSeriesException *exception = find_exception (self, local, key), *range = find_range (self, local);
  if (exception) {
    exception->used = TRUE;
    gboolean gone = range && range->cancelled && range->calendar->sequence > exception->calendar->sequence;
    return exception->cancelled || gone ? NULL : make_exception (self, exception, local);
  }
  if (is_excluded (self, local, key) || (range && range->cancelled))
    return NULL;
  if (!range)
    return make_plain (self, local);
  return range->local == local ? make_exception (self, range, local) : make_following (self, range, local);
}

/* -- expanding -- */

static gint64
clamp_time (gint64 time)
{
  return CLAMP (time, pn_civil_to_days (1, 1, 10) * DAY, pn_civil_to_days (9990, 1, 1) * DAY);
}

/* How far components with THISANDFUTURE move instances. */
static gint64
find_shift (PnSeries *self)
{
  gint64 shift = 2 * 3600; /* what a clock leaps over */
  for (guint i = 0; i < self->ranges->len; i++) {
    const PnSeriesException *range = self->ranges->pdata[i];
    gint64 own
        = range->calendar->start.set ? pn_calendar_time_local (&range->calendar->start) - range->local : 0;
    shift = MAX (shift, ABS (own) + 2 * DAY);
  }
  return MIN (shift, MAX_SHIFT);
}

static void
take_instance (GPtrArray *instances, PnInstance *instance, gint64 from, gint64 to)
{
  if (instance && instance->start.unix_time >= from && instance->start.unix_time < to)
    g_ptr_array_add (instances, instance);
  else
    pn_instance_free (instance);
}

/* Exceptions of instances that the rules do not have here, or not at all. */
static void
take_other_exceptions (PnSeries *self, GPtrArray *instances, gint64 from, gint64 to)
{
  GPtrArray *const lists[] = { self->exceptions, self->orphan ? self->ranges : NULL };
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++) {
    for (guint j = 0; lists[i] && j < lists[i]->len; j++) {
      PnSeriesException *exception = lists[i]->pdata[j];
      if (!exception->used && !exception->cancelled)
        take_instance (instances, make_exception (self, exception, exception->local), from, to);
    }
  }
}

static int
compare_instances (const void *a, const void *b)
{
  const PnInstance *x = *(PnInstance *const *) a, *y = *(PnInstance *const *) b;
  if (x->start.unix_time != y->start.unix_time)
    return x->start.unix_time < y->start.unix_time ? -1 : 1;
  return strcmp (x->recurrence_id, y->recurrence_id);
}

/* A message about one instance, whose series is not here. */
static void
expand_orphan (PnSeries *self, GPtrArray *instances, gint64 from, gint64 to)
{
  take_other_exceptions (self, instances, from, to);
  if (self->exceptions->len + self->ranges->len > 0)
    return;
  PnInstance *instance = instance_new (self, pn_series_local_of (self, &self->calendar->recurrence_id));
  pn_calendar_time_copy (&instance->start, self->base);
  pn_calendar_time_copy (&instance->end, &self->calendar->end);
  instance->exception = TRUE;
  instance->calendar = pn_calendar_copy (self->calendar);
  take_instance (instances, instance, from, to);
}

/* Times that the clock leaps over may become one that is there already. */
static void
drop_doubles (GPtrArray *instances)
{
  for (guint i = 1; i < instances->len;) {
    const PnInstance *before = instances->pdata[i - 1], *now = instances->pdata[i];
    if (strcmp (before->recurrence_id, now->recurrence_id) == 0)
      g_ptr_array_remove_index (instances, i);
    else
      i++;
  }
}

GPtrArray *
pn_ical_expand (PnMessage *message, gint64 from, gint64 to, guint max, const char *site_timezone,
                gboolean *more_out, GError **error)
{
  g_autoptr (PnSeries) self = pn_series_new (message, site_timezone, error);
  if (!self)
    return NULL;
  GPtrArray *instances = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_instance_free);
  gboolean complete = TRUE;
  from = clamp_time (from);
  to = clamp_time (to);
  if (self->orphan)
    expand_orphan (self, instances, from, to);
  else {
    gint64 shift = find_shift (self);
    guint spare = self->exceptions->len + g_hash_table_size (self->excluded) + g_hash_table_size (self->days);
    g_autoptr (GArray) locals = find_locals (self, pn_series_local (self, self->base, from) - shift,
                                             pn_series_local (self, self->base, to) + shift,
                                             max < MAX_FOUND ? max + spare + 8000 : MAX_FOUND, &complete);
    /* Exceptions may come before what the rules have here. */
    guint enough = self->ranges->len == 0 ? max + self->exceptions->len + 1 : G_MAXUINT;
    for (guint i = 0; i < locals->len && instances->len < enough; i++)
      take_instance (instances, make_instance (self, g_array_index (locals, gint64, i)), from, to);
    take_other_exceptions (self, instances, from, to);
  }
  g_ptr_array_sort (instances, compare_instances);
  drop_doubles (instances);
  if (more_out)
    *more_out = !complete || instances->len > max;
  if (instances->len > max)
    g_ptr_array_set_size (instances, (gint) max);
  return instances;
}

/* -- is it one -- */

static gboolean
has_exception (PnSeries *self, gint64 local, gboolean whole_day)
{
  gint64 key = whole_day ? 0 : pn_series_key (self, local);
  for (guint i = 0; i < self->exceptions->len + self->ranges->len; i++) {
    const PnSeriesException *exception = i < self->exceptions->len
                                             ? self->exceptions->pdata[i]
                                             : self->ranges->pdata[i - self->exceptions->len];
    if (whole_day || exception->whole_day ? pn_day_of (exception->local) == pn_day_of (local)
                                          : exception->key == key)
      return TRUE;
  }
  return FALSE;
}

static gboolean
has_local (PnSeries *self, gint64 local, gboolean whole_day)
{
  gint64 first = whole_day ? pn_day_of (local) * DAY : local - 2 * 3600;
  gint64 last = whole_day ? first + DAY - 1 : local + 2 * 3600, key = pn_series_key (self, local);
  gboolean complete;
  g_autoptr (GArray) locals = find_locals (self, first, last, MAX_FOUND, &complete);
  for (guint i = 0; i < locals->len; i++) {
    gint64 own = g_array_index (locals, gint64, i), own_key = pn_series_key (self, own);
    if ((whole_day || own_key == key) && !is_excluded (self, own, own_key))
      return TRUE;
  }
  return FALSE;
}

gboolean
pn_ical_is_instance (PnMessage *message, const char *recurrence_id, const char *site_timezone)
{
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (!recurrence_id || !pn_ical_parse_time (recurrence_id, &time, &utc))
    return FALSE;
  g_autoptr (PnSeries) self = pn_series_new (message, site_timezone, NULL);
  if (!self)
    return FALSE;
  time.unix_time = pn_calendar_time_local (&time);
  time.floating = !utc && !time.is_date;
  gint64 local = pn_series_local_of (self, &time);
  gboolean whole_day = time.is_date && !self->base->is_date;
  if (has_exception (self, local, whole_day))
    return TRUE;
  if (!self->orphan)
    return has_local (self, local, whole_day);
  gint64 own = pn_series_local_of (self, &self->calendar->recurrence_id);
  return whole_day ? pn_day_of (own) == pn_day_of (local)
                   : pn_series_key (self, own) == pn_series_key (self, local);
}
