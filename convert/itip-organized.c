#include "convert/itip-private.h"

#include <string.h>

/* -- who may say so -- */

static const PnAddress *
organizer_of (PnItipStep *step, PnItipPart *part)
{
  const PnCalendar *calendar = pn_itip_calendar (step->incoming, part);
  return calendar->organizer ? calendar->organizer : step->message->from;
}

/* Whether ADDRESS is one of the attendees in ITEM. */
static gboolean
is_attendee (const PnItipItem *item, const PnAddress *address)
{
  for (guint i = 0; i < item->parts->len; i++)
    if (pn_itip_part_find_address (item->parts->pdata[i], "ATTENDEE", address))
      return TRUE;
  return FALSE;
}

/* A calendar may be handed on by a REQUEST (RFC 5546, 3.2.2.6): by the one who had it, or within the circle.
 */
static gboolean
may_organize (PnItipStep *step)
{
  PnItipItem *item = step->item;
  const PnAddress *has = pn_itip_item_organizer (item);
  const PnAddress *says = organizer_of (step, step->incoming->parts->pdata[0]);
  const PnMessage *message = step->message;
  if (!has || pn_itip_same_address (has, says))
    return TRUE;
  for (guint i = 0; i < item->parts->len; i++) {
    const PnCalendar *calendar = pn_itip_calendar (item, item->parts->pdata[i]);
    if (pn_itip_list_has (calendar->organizer_sent_by, says))
      return TRUE;
  }
  if (step->incoming->method != PN_METHOD_REQUEST)
    return FALSE;
  return pn_itip_same_address (message->from, has) || pn_itip_same_address (message->sender, has)
         || (is_attendee (item, says) && is_attendee (step->incoming, has));
}

/* -- what stays over an update -- */

static gboolean
same_schedule (PnItipStep *step, PnItipPart *old, PnItipPart *part)
{
  const PnCalendar *a = pn_itip_calendar (step->item, old), *b = pn_itip_calendar (step->incoming, part);
  gint64 moved = 0;
  /* What was one of the series and is now an exception, at its time. */
  if (part->key && !old->key)
    moved = pn_itip_key_time (part->key) - a->start.unix_time;
  gboolean day = part->key && !old->key && strlen (part->key) == 8;
  gboolean time = day ? b->start.is_date
                      : a->start.unix_time + moved == b->start.unix_time
                            && a->end.unix_time - a->start.unix_time == b->end.unix_time - b->start.unix_time;
  return time && (part->key || g_strcmp0 (a->rrule, b->rrule) == 0);
}

static void
keep_own_lines (PnItipPart *old, PnItipPart *part)
{
  for (guint i = 0; i < old->lines->len; i++) {
    const PnItipLine *line = old->lines->pdata[i];
    g_autofree char *own = line->parameters ? pn_itip_line_get (line, "X-POSTERN-OWN") : NULL;
    if (own)
      pn_itip_part_set (part, line->name, line->parameters, line->value);
  }
}

static gboolean
is_own_alarm (const char *inside)
{
  return g_str_has_prefix (inside, "BEGIN:VALARM") && strstr (inside, "X-POSTERN-OWN:");
}

static void
keep_own_alarms (const PnItipPart *old, PnItipPart *part)
{
  gboolean own = FALSE;
  for (guint i = 0; i < old->inside->len; i++)
    own = own || is_own_alarm (old->inside->pdata[i]);
  if (!own)
    return;
  for (guint i = part->inside->len; i-- > 0;)
    if (g_str_has_prefix (part->inside->pdata[i], "BEGIN:VALARM"))
      g_ptr_array_remove_index (part->inside, i);
  for (guint i = 0; i < old->inside->len; i++)
    if (is_own_alarm (old->inside->pdata[i]))
      g_ptr_array_add (part->inside, g_strdup (old->inside->pdata[i]));
}

/* The organizer may not have had the owner's answer yet when he wrote. */
static void
keep_own_answer (PnItipStep *step, PnItipPart *old, PnItipPart *part)
{
  PnItipLine *was = pn_itip_own_attendee (old, step->context);
  PnItipLine *is = pn_itip_own_attendee (part, step->context);
  if (!was || !is || !same_schedule (step, old, part))
    return;
  g_autofree char *before = pn_itip_line_get (was, "PARTSTAT");
  g_autofree char *now = pn_itip_line_get (is, "PARTSTAT");
  if (before && (!now || strcmp (now, "NEEDS-ACTION") == 0))
    pn_itip_line_set (is, "PARTSTAT", before);
  g_autofree char *delegate = pn_itip_line_get (was, "DELEGATED-TO");
  g_autofree char *has = pn_itip_line_get (is, "DELEGATED-TO");
  if (delegate && !has)
    pn_itip_line_set (is, "DELEGATED-TO", delegate);
  pn_itip_part_changed (part);
}

static void
keep_books (const PnItipPart *old, PnItipPart *part)
{
  static const char *const names[] = { "X-POSTERN-ANSWER", "X-POSTERN-STRANGER", "X-POSTERN-COUNTER" };
  for (guint i = 0; i < old->lines->len; i++) {
    const PnItipLine *line = old->lines->pdata[i];
    for (guint j = 0; j < G_N_ELEMENTS (names); j++)
      if (strcmp (line->name, names[j]) == 0)
        pn_itip_part_add (part, pn_itip_line_copy (line));
  }
}

static void
keep_own (PnItipStep *step, PnItipPart *old, PnItipPart *part)
{
  keep_own_lines (old, part);
  keep_own_alarms (old, part);
  keep_own_answer (step, old, part);
  if (same_schedule (step, old, part) && g_strcmp0 (old->key, part->key) == 0)
    keep_books (old, part);
}

/* -- versions -- */

static gboolean
is_later_edition (const PnItipPart *old, const PnItipPart *part)
{
  const PnItipLine *a = pn_itip_part_find (old, "LAST-MODIFIED"),
                   *b = pn_itip_part_find (part, "LAST-MODIFIED");
  gint64 before, after;
  return a && b && pn_ical_parse_instant (a->value, &before) && pn_ical_parse_instant (b->value, &after)
         && after > before;
}

static gboolean
is_stale (PnItipStep *step, PnItipPart *part)
{
  PnItipItem *item = step->item;
  int sequence = pn_itip_sequence (step->incoming, part);
  gint64 stamp = pn_itip_stamp (step->incoming, part);
  PnItipPart *old = pn_itip_find (item, part->key), *master = pn_itip_master (item);
  const PnItipLine *gone = pn_itip_gone (item, part->key);
  if (gone
      && pn_itip_compare (sequence, stamp, (int) pn_itip_line_get_number (gone, "SEQUENCE"),
                          pn_itip_line_get_number (gone, "STAMP"))
             <= 0)
    return TRUE;
  if (old) {
    int order = pn_itip_compare (sequence, stamp, pn_itip_sequence (item, old), pn_itip_stamp (item, old));
    return order < 0 || (order == 0 && !is_later_edition (old, part));
  }
  /* An instance of a series that has been planned anew since. */
  return part->key && master && sequence < pn_itip_sequence (item, master)
         && stamp < pn_itip_stamp (item, master);
}

/* -- REQUEST and PUBLISH -- */

static void
note_source (PnItipStep *step, PnItipPart *part)
{
  if (step->context->source)
    pn_itip_part_set (part, "X-POSTERN-SOURCE", NULL, step->context->source);
}

/* Exceptions to a rule that is no longer the rule. */
static void
drop_strays (PnItipItem *item, const PnItipItem *incoming)
{
  g_autoptr (GPtrArray) keys = pn_itip_item_exceptions (item);
  for (guint i = 0; i < keys->len; i++) {
    const char *key = keys->pdata[i];
    if (pn_itip_find (incoming, key))
      continue;
    PnItipPart *part = pn_itip_part_copy (pn_itip_find (item, key));
    pn_itip_remove (item, key);
    if (pn_itip_has_instance (item, key))
      pn_itip_put (item, part);
    else
      pn_itip_part_free (part);
  }
}

/* Later exceptions of an older version end where a new "this and future" begins. */
static void
drop_overruled (PnItipStep *step, const PnItipPart *part, int sequence)
{
  g_autoptr (GPtrArray) keys = pn_itip_item_exceptions (step->item);
  for (guint i = 0; i < keys->len; i++) {
    const char *key = keys->pdata[i];
    if (pn_itip_key_time (key) > pn_itip_key_time (part->key)
        && pn_itip_sequence (step->item, pn_itip_find (step->item, key)) < sequence
        && !pn_itip_find (step->incoming, key))
      pn_itip_remove (step->item, key);
  }
}

/* Exceptions that the message does not name are still as the series is, where they were. */
static void
follow (PnItipStep *step, PnItipPart *before, PnItipPart *master)
{
  for (guint i = 0; i < step->item->parts->len; i++) {
    PnItipPart *part = step->item->parts->pdata[i];
    if (!part->key || pn_itip_find (step->incoming, part->key)
        || !pn_itip_follow (step->item, part, before, master))
      continue;
    PnItipLine *own = pn_itip_own_attendee (part, step->context);
    g_autofree char *delegate = own ? pn_itip_line_get (own, "DELEGATED-TO") : NULL;
    if (own && !delegate)
      pn_itip_line_set (own, "PARTSTAT", "NEEDS-ACTION");
    pn_itip_part_remove (part, "X-POSTERN-ANSWER");
  }
}

static gboolean
take_part (PnItipStep *step, PnItipPart *incoming)
{
  PnItipItem *item = step->item;
  if (is_stale (step, incoming))
    return FALSE;
  PnItipPart *old = pn_itip_find (item, incoming->key);
  PnItipPart *before = old ? old : incoming->key ? pn_itip_master (item) : NULL;
  PnItipPart *part = pn_itip_part_copy (incoming);
  if (before)
    keep_own (step, before, part);
  note_source (step, part);
  if (part->key)
    pn_itip_readmit (item, part->key);
  if (part->this_and_future)
    drop_overruled (step, part, pn_itip_sequence (step->incoming, incoming));
  g_autoptr (PnItipPart) kept = old && !old->key ? pn_itip_part_copy (old) : NULL;
  pn_itip_put (item, part);
  if (kept) {
    pn_itip_take_zones (item, step->incoming);
    follow (step, kept, part);
  }
  return TRUE;
}

/* An exception that came before its master has to be one of the instances, under its name. */
static void
settle_keys (PnItipItem *item)
{
  for (guint i = 0; i < item->parts->len; i++) {
    PnItipPart *part = item->parts->pdata[i];
    char *key = part->key ? pn_itip_key (item, part->key) : NULL;
    g_free (part->key);
    part->key = key;
  }
}

PnItipOutcome
pn_itip_take_request (PnItipStep *step)
{
  PnItipItem *item = step->item, *incoming = step->incoming;
  gboolean is_new = item->parts->len == 0, master = FALSE, instance = FALSE;
  if (!may_organize (step))
    return PN_ITIP_FOREIGN;
  for (guint i = 0; i < incoming->parts->len; i++) {
    PnItipPart *part = incoming->parts->pdata[i];
    g_autofree char *key = part->key ? pn_itip_key (item, part->key) : NULL;
    g_free (part->key);
    part->key = g_steal_pointer (&key);
    if (!take_part (step, part))
      continue;
    master = master || !part->key;
    instance = instance || part->key;
    /* So that what follows finds the zones of what is there. */
    pn_itip_take_zones (item, incoming);
  }
  if (master) {
    settle_keys (item);
    drop_strays (item, incoming);
  }
  if (!master && !instance)
    return PN_ITIP_STALE;
  const PnAddress *organizer = pn_itip_item_organizer (item);
  if (organizer)
    pn_itip_note_program (item, organizer, incoming->outlook);
  return incoming->method == PN_METHOD_PUBLISH ? PN_ITIP_PUBLISHED
         : is_new                              ? PN_ITIP_NEW
         : master                              ? PN_ITIP_UPDATED
                                               : PN_ITIP_INSTANCE_UPDATED;
}

/* -- ADD -- */

/* Says to MASTER that there is one more instance, at the start of PART. */
static void
add_date (PnItipStep *step, PnItipPart *master, PnItipPart *part)
{
  const PnItipLine *start = pn_itip_part_find (part, "DTSTART");
  g_autoptr (PnItipLine) line = pn_itip_line_copy (start);
  g_free (line->name);
  line->name = g_strdup ("RDATE");
  pn_itip_take_zones (step->item, step->incoming);
  pn_itip_part_add (master, g_steal_pointer (&line));
}

static gboolean
add_instance (PnItipStep *step, PnItipPart *master, PnItipPart *incoming)
{
  const PnCalendar *calendar = pn_itip_calendar (step->incoming, incoming);
  g_autofree char *own = pn_itip_recurrence (&calendar->start);
  if (!own || !pn_itip_part_find (incoming, "DTSTART"))
    return FALSE;
  g_autofree char *key = incoming->key ? g_strdup (incoming->key) : pn_itip_key (step->item, own);
  g_free (incoming->key);
  incoming->key = g_strdup (key);
  if (is_stale (step, incoming))
    return FALSE;
  if (!pn_itip_has_instance (step->item, key))
    add_date (step, master, incoming);
  PnItipPart *part = pn_itip_part_copy (incoming);
  if (!pn_itip_part_find (part, "RECURRENCE-ID")) {
    const PnItipLine *start = pn_itip_part_find (part, "DTSTART");
    pn_itip_part_set (part, "RECURRENCE-ID", start->parameters, start->value);
  }
  keep_own_lines (master, part);
  keep_own_alarms (master, part);
  note_source (step, part);
  pn_itip_readmit (step->item, key);
  pn_itip_put (step->item, part);
  return TRUE;
}

PnItipOutcome
pn_itip_take_add (PnItipStep *step)
{
  PnItipPart *master = pn_itip_master (step->item);
  gboolean added = FALSE;
  if (!may_organize (step))
    return PN_ITIP_FOREIGN;
  if (!master) {
    /* What it is to be added to has to be asked for. */
    PnItipPart *first = step->incoming->parts->pdata[0];
    PnItipLine *own = pn_itip_own_attendee (first, step->context);
    g_autoptr (PnAddress) who = own ? pn_itip_line_address (own) : NULL;
    g_autoptr (PnItipItem) asked = pn_itip_item_new (step->item->uid, step->item->site_timezone);
    asked->kind = g_strdup (step->incoming->kind);
    pn_itip_take_zones (asked, step->incoming);
    pn_itip_put (asked, pn_itip_part_copy (first));
    if (who)
      pn_itip_refresh (asked, who, step->context, step->answers, NULL);
    return PN_ITIP_NOT_FOUND;
  }
  for (guint i = 0; i < step->incoming->parts->len; i++)
    added = add_instance (step, master, step->incoming->parts->pdata[i]) || added;
  return added ? PN_ITIP_ADDED : PN_ITIP_STALE;
}

/* -- CANCEL -- */

static gboolean
is_stale_cancel (PnItipStep *step, PnItipPart *incoming, PnItipPart *old)
{
  /* Some cancel with the sequence, or even the stamp, of what they cancel. */
  return old && pn_itip_sequence (step->incoming, incoming) < pn_itip_sequence (step->item, old)
         && pn_itip_has_sequence (incoming);
}

/* Only others are uninvited: the item stays, without them. */
static gboolean
is_about_others (PnItipStep *step, PnItipPart *incoming)
{
  const PnItipLine *status = pn_itip_part_find (incoming, "STATUS");
  if (!pn_itip_part_find (incoming, "ATTENDEE") || pn_itip_own_attendee (incoming, step->context)
      || (status && g_ascii_strncasecmp (status->value, "CANCELLED", 9) == 0))
    return FALSE;
  PnItipPart *master = step->item->parts->len > 0 ? step->item->parts->pdata[0] : NULL;
  return master && pn_itip_own_attendee (master, step->context);
}

static void
uninvite (PnItipPart *part, const PnItipPart *incoming)
{
  for (guint i = 0; i < incoming->lines->len; i++) {
    const PnItipLine *line = incoming->lines->pdata[i];
    if (strcmp (line->name, "ATTENDEE") != 0)
      continue;
    g_autoptr (PnAddress) address = pn_itip_line_address (line);
    PnItipLine *known = pn_itip_part_find_address (part, "ATTENDEE", address);
    if (known)
      g_ptr_array_remove (part->lines, known);
  }
  pn_itip_part_changed (part);
}

static PnItipOutcome
cancel_others (PnItipStep *step, PnItipPart *incoming)
{
  PnItipPart *part = pn_itip_find (step->item, incoming->key);
  if (!part)
    return PN_ITIP_NOTHING;
  uninvite (part, incoming);
  pn_itip_part_set_version (part, pn_itip_sequence (step->incoming, incoming),
                            pn_itip_stamp (step->incoming, incoming));
  return incoming->key ? PN_ITIP_INSTANCE_UPDATED : PN_ITIP_UPDATED;
}

static PnItipOutcome
cancel_all (PnItipStep *step, PnItipPart *incoming)
{
  PnItipItem *item = step->item;
  PnItipPart *master = pn_itip_master (item);
  int sequence = pn_itip_sequence (step->incoming, incoming);
  gint64 stamp = pn_itip_stamp (step->incoming, incoming);
  if (is_stale_cancel (step, incoming, master))
    return PN_ITIP_STALE;
  if (item->parts->len == 0) {
    /* Remembered, so that the invitation that comes later is old. */
    master = pn_itip_part_copy (incoming);
    note_source (step, master);
    pn_itip_put (item, master);
    pn_itip_take_zones (item, step->incoming);
  }
  for (guint i = 0; i < item->parts->len; i++) {
    PnItipPart *part = item->parts->pdata[i];
    pn_itip_part_set (part, "STATUS", NULL, "CANCELLED");
    pn_itip_part_set_version (part, MAX (sequence, pn_itip_sequence (item, part)), stamp);
  }
  return PN_ITIP_CANCELLED;
}

static PnItipOutcome
cancel_instance (PnItipStep *step, PnItipPart *incoming)
{
  PnItipItem *item = step->item;
  int sequence = pn_itip_sequence (step->incoming, incoming);
  gint64 stamp = pn_itip_stamp (step->incoming, incoming);
  g_autofree char *key = pn_itip_key (item, incoming->key);
  PnItipPart *old = pn_itip_find (item, key), *master = pn_itip_master (item);
  const PnItipLine *gone = pn_itip_gone (item, key);
  if (is_stale_cancel (step, incoming, old))
    return PN_ITIP_STALE;
  if (gone && !old)
    return PN_ITIP_STALE;
  if (master && !old && !pn_itip_has_instance (item, key))
    return PN_ITIP_NO_INSTANCE;
  if (incoming->this_and_future && master)
    pn_itip_truncate (item, key, sequence, stamp);
  else if (master || old)
    pn_itip_exclude (item, key, sequence, stamp);
  else {
    PnItipPart *part = pn_itip_part_copy (incoming);
    pn_itip_part_set (part, "STATUS", NULL, "CANCELLED");
    note_source (step, part);
    pn_itip_take_zones (item, step->incoming);
    pn_itip_put (item, part);
    pn_itip_set_gone (item, key, sequence, stamp);
  }
  return PN_ITIP_INSTANCE_CANCELLED;
}

PnItipOutcome
pn_itip_take_cancel (PnItipStep *step)
{
  PnItipOutcome outcome = PN_ITIP_STALE;
  if (!may_organize (step))
    return PN_ITIP_FOREIGN;
  for (guint i = 0; i < step->incoming->parts->len; i++) {
    PnItipPart *incoming = step->incoming->parts->pdata[i];
    PnItipOutcome one = is_about_others (step, incoming) ? cancel_others (step, incoming)
                        : incoming->key                  ? cancel_instance (step, incoming)
                                                         : cancel_all (step, incoming);
    if (outcome == PN_ITIP_STALE || one == PN_ITIP_CANCELLED)
      outcome = one;
  }
  return outcome;
}

/* -- DECLINECOUNTER -- */

PnItipOutcome
pn_itip_take_declinecounter (PnItipStep *step)
{
  if (step->item->parts->len == 0)
    return PN_ITIP_NOT_FOUND;
  if (!may_organize (step))
    return PN_ITIP_FOREIGN;
  for (guint i = 0; i < step->incoming->parts->len; i++) {
    const PnItipPart *incoming = step->incoming->parts->pdata[i];
    g_autofree char *key = incoming->key ? pn_itip_key (step->item, incoming->key) : NULL;
    PnItipPart *part = pn_itip_find (step->item, key);
    if (part)
      pn_itip_part_remove (part, "X-POSTERN-PROPOSED");
  }
  return PN_ITIP_COUNTER_DECLINED;
}
