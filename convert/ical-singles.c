/* A series for peers that take simple rules only. */
#include "convert/fields.h"
#include "convert/ical-series-private.h"

#include <string.h>

#define MARK ".single-"
#define MAX_FOUND 1000

/* -- UIDs -- */

char *
pn_ical_single_uid (const char *uid, const char *recurrence_id)
{
  const char *at = strrchr (uid, '@');
  gsize length = at ? (gsize) (at - uid) : strlen (uid);
  return g_strdup_printf ("%.*s" MARK "%s%s", (int) length, uid, recurrence_id, at ? at : "");
}

gboolean
pn_ical_single_uid_parse (const char *single, char **uid, char **recurrence_id)
{
  const char *mark = single ? g_strrstr (single, MARK) : NULL;
  if (!mark)
    return FALSE;
  const char *from = mark + strlen (MARK);
  gsize length = strspn (from, "0123456789TZ");
  g_autofree char *value = g_strndup (from, length);
  PnCalendarTime time = { 0 };
  gboolean utc;
  if ((from[length] != '\0' && from[length] != '@') || !pn_ical_parse_time (value, &time, &utc)
      || (!time.is_date && !utc))
    return FALSE;
  *uid = g_strdup_printf ("%.*s%s", (int) (mark - single), single, from + length);
  *recurrence_id = g_steal_pointer (&value);
  return TRUE;
}

void
pn_ical_join_series (PnCalendar *calendar)
{
  char *uid, *recurrence_id;
  PnCalendarTime time = { 0 };
  gboolean utc;
  if (calendar->recurrence_id.set || !pn_ical_single_uid_parse (calendar->uid, &uid, &recurrence_id))
    return;
  g_free (calendar->uid);
  calendar->uid = uid;
  if (pn_ical_parse_time (recurrence_id, &time, &utc)) {
    time.unix_time = pn_calendar_time_local (&time);
    pn_calendar_time_copy (&calendar->recurrence_id, &time);
  }
  g_free (recurrence_id);
}

/* -- an equal rule -- */

static gboolean
is_named (const char *line, const char *const *names)
{
  for (guint i = 0; names[i]; i++) {
    gsize length = strlen (names[i]);
    if (g_ascii_strncasecmp (line, names[i], length) == 0 && (line[length] == ':' || line[length] == ';'))
      return TRUE;
  }
  return FALSE;
}

static void
drop_lines (GPtrArray *lines, const char *const *names)
{
  guint kept = 0;
  for (guint i = 0; i < lines->len; i++) {
    char *line = g_steal_pointer (&lines->pdata[i]);
    if (is_named (line, names))
      g_free (line);
    else
      lines->pdata[kept++] = line;
  }
  g_ptr_array_set_size (lines, (gint) kept);
}

static const char *const rule_names[]
    = { "RRULE", "EXRULE", "X-MICROSOFT-RRULE", "X-MICROSOFT-EXDATE", "X-MICROSOFT-CALSCALE", NULL };

static gboolean
has_periods (const PnSeries *series)
{
  for (guint i = 0; i < series->dates->len; i++) {
    if (g_array_index (series->dates, PnSeriesDate, i).length >= 0)
      return TRUE;
  }
  return FALSE;
}

/* A rule with COUNT that yields the instances of a series with explicit dates. */
static char *
find_rule (PnMessage *message, const PnSeries *series, const char *site_timezone)
{
  if (has_periods (series) || series->exceptions->len > 0)
    return NULL;
  gboolean more;
  g_autoptr (GPtrArray) instances
      = pn_ical_expand (message, G_MININT64, G_MAXINT64, MAX_FOUND, site_timezone, &more, NULL);
  if (!instances || more || instances->len < 2)
    return NULL;
  g_autoptr (GPtrArray) starts = g_ptr_array_new ();
  for (guint i = 0; i < instances->len; i++)
    g_ptr_array_add (starts, &((PnInstance *) instances->pdata[i])->start);
  const PnCalendarTime *first = starts->pdata[0];
  /* The series begins where it says. */
  if (pn_calendar_time_local (first) != pn_calendar_time_local (series->base))
    return NULL;
  return pn_ical_rule_find (starts);
}

/* Whether MESSAGE can be sent as it is, perhaps with another rule. */
static gboolean
make_simple (PnMessage *message, const PnSeries *series, const char *site_timezone)
{
  PnCalendar *calendar = message->calendar;
  gboolean plain = series->rules->len == 1 && calendar->rrule && series->dates->len == 0
                   && series->exclusions->len == 0 && series->ranges->len == 0;
  char *rule = plain                      ? pn_ical_rule_simplify (calendar->rrule, series->base)
               : series->ranges->len == 0 ? find_rule (message, series, site_timezone)
                                          : NULL;
  if (!rule)
    return FALSE;
  g_free (calendar->rrule);
  calendar->rrule = rule;
  if (plain)
    return TRUE;
  g_ptr_array_set_size (calendar->rdates, 0);
  g_ptr_array_set_size (calendar->exdates, 0);
  drop_lines (calendar->properties, rule_names);
  return TRUE;
}

/* -- singles -- */

static void
copy_parts (PnMessage *to, const PnMessage *from)
{
  for (guint i = 0; i < from->parts->len; i++) {
    const PnPart *part = from->parts->pdata[i];
    if (part->role == PN_PART_CALENDAR || part->role == PN_PART_SKELETON)
      continue;
    PnPart *copy = pn_part_new (part->role, part->type, pn_content_ref (part->content));
    pn_fields_copy (&pn_part_type, copy, part);
    pn_message_add_part (to, copy);
  }
}

static void
copy_recipients (PnMessage *to, const PnMessage *from)
{
  for (guint i = 0; i < from->recipients->len; i++) {
    const PnRecipient *other = from->recipients->pdata[i];
    PnRecipient *copy = pn_message_add_recipient (to, other->distribution, pn_address_copy (other->address));
    copy->listed = other->listed;
    copy->deliver = other->deliver;
    copy->group = g_strdup (other->group);
    copy->dsn_notify = g_strdup (other->dsn_notify);
    copy->dsn_orcpt = g_strdup (other->dsn_orcpt);
  }
}

static void
make_single (PnCalendar *calendar, const char *uid, const char *recurrence_id)
{
  char *single = pn_ical_single_uid (uid, recurrence_id);
  g_free (calendar->uid);
  calendar->uid = single;
  g_clear_pointer (&calendar->rrule, g_free);
  g_ptr_array_set_size (calendar->rdates, 0);
  g_ptr_array_set_size (calendar->exdates, 0);
  drop_lines (calendar->properties, rule_names);
  pn_calendar_time_clear (&calendar->recurrence_id);
  calendar->this_and_future = FALSE;
}

static PnMessage *
single_new (const PnMessage *message, const PnInstance *instance, const char *uid)
{
  PnMessage *single = pn_message_new (message->type);
  pn_fields_copy (&pn_message_type, single, message);
  copy_recipients (single, message);
  copy_parts (single, message);
  if (instance->calendar) {
    PnMethod method = message->calendar->method;
    pn_calendar_free (single->calendar);
    single->calendar = pn_calendar_copy (instance->calendar);
    single->calendar->method = method;
    single->calendar->sequence = MAX (instance->calendar->sequence, message->calendar->sequence);
  }
  PnCalendar *calendar = single->calendar;
  if (message->calendar->start.set)
    pn_calendar_time_copy (&calendar->start, &instance->start);
  if (message->calendar->end.set || instance->calendar)
    pn_calendar_time_copy (&calendar->end, &instance->end);
  make_single (calendar, uid, instance->recurrence_id);
  return single;
}

PnMessage *
pn_ical_single_of_instance (const PnMessage *message)
{
  const PnCalendar *calendar = message->calendar;
  if (!calendar || !calendar->uid || !calendar->recurrence_id.set)
    return NULL;
  PnInstance instance = { 0 };
  g_autoptr (GString) id = g_string_new (NULL);
  if (calendar->recurrence_id.is_date)
    pn_ical_append_local (id, pn_calendar_time_local (&calendar->recurrence_id), TRUE);
  else
    pn_ical_append_utc (id, calendar->recurrence_id.unix_time);
  instance.recurrence_id = id->str;
  instance.start = calendar->start.set ? calendar->start : calendar->recurrence_id;
  instance.end = calendar->end;
  return single_new (message, &instance, calendar->uid);
}

PnMessage *
pn_ical_single_cancel (const PnMessage *message, const char *recurrence_id)
{
  const PnCalendar *calendar = message->calendar;
  gboolean utc;
  PnInstance instance = { .recurrence_id = (char *) recurrence_id };
  if (!calendar || !calendar->uid || !pn_ical_parse_time (recurrence_id, &instance.start, &utc))
    return NULL;
  gint64 length
      = calendar->start.set && calendar->end.set ? calendar->end.unix_time - calendar->start.unix_time : 0;
  instance.start.unix_time = pn_calendar_time_local (&instance.start);
  if (instance.start.is_date
      || !pn_timezone_from_unix ("UTC", instance.start.unix_time + length, &instance.end))
    instance.end = instance.start;
  instance.end.set = TRUE;
  PnMessage *single = single_new (message, &instance, calendar->uid);
  single->calendar->method = PN_METHOD_CANCEL;
  g_free (single->calendar->status);
  single->calendar->status = g_strdup ("CANCELLED");
  g_free (single->action);
  single->action = g_strdup ("Retract");
  return single;
}

/* About one instance of a series that was sent as singles: its rule is there to tell. */
static GPtrArray *
singles_of_instance (const PnMessage *message)
{
  const PnCalendar *calendar = message->calendar;
  g_autofree char *simple
      = calendar->rrule ? pn_ical_rule_simplify (calendar->rrule, &calendar->recurrence_id) : NULL;
  PnMessage *single = calendar->rrule && !simple ? pn_ical_single_of_instance (message) : NULL;
  if (!single)
    return NULL;
  GPtrArray *singles = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_ptr_array_add (singles, single);
  return singles;
}

GPtrArray *
pn_ical_singles (PnMessage *message, gint64 now, guint max, const char *site_timezone, GError **error)
{
  if (!message->calendar || (!message->calendar->start.set && !message->calendar->end.set))
    return NULL;
  g_autofree char *uid = pn_ical_uid (message);
  g_autoptr (PnSeries) series = pn_series_new (message, site_timezone, error);
  if (!series || !uid)
    return NULL;
  if (series->orphan)
    return singles_of_instance (message);
  gboolean recurs = series->rules->len > 0 || series->dates->len > 0;
  if (!recurs || make_simple (message, series, site_timezone))
    return NULL;
  gboolean more;
  g_autoptr (GPtrArray) instances
      = pn_ical_expand (message, now, G_MAXINT64, max, site_timezone, &more, error);
  if (!instances)
    return NULL;
  GPtrArray *singles = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  for (guint i = 0; i < instances->len; i++)
    g_ptr_array_add (singles, single_new (message, instances->pdata[i], uid));
  if (more && singles->len > 0)
    pn_message_add_loss (singles->pdata[singles->len - 1], "calendar",
                         "the series goes on; single items were made of its next %u instances only",
                         singles->len);
  return singles;
}
