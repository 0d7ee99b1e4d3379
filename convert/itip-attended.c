#include "convert/itip-private.h"

#include <string.h>

/* Strangers and proposals are noted, but not without end. */
#define MAX_NOTES 200

/* -- who speaks -- */

/* The attendee that LINE of a message speaks for, as PART of the item has him: by his address, or by the one
 * he wrote from. NULL: he is not invited. */
static PnItipLine *
find_attendee (PnItipStep *step, const PnItipPart *part, const PnAddress *address)
{
  PnItipLine *line = pn_itip_part_find_address (part, "ATTENDEE", address);
  const PnAddress *from = step->message->from;
  return line || !from ? line : pn_itip_part_find_address (part, "ATTENDEE", from);
}

/* The known attendee who made ADDRESS his delegate. */
static PnItipLine *
find_delegator (const PnItipPart *part, const PnAddress *address)
{
  for (guint i = 0; i < part->lines->len; i++) {
    PnItipLine *line = part->lines->pdata[i];
    g_autofree char *to
        = strcmp (line->name, "ATTENDEE") == 0 ? pn_itip_line_get (line, "DELEGATED-TO") : NULL;
    if (to && pn_itip_list_has (to, address))
      return line;
  }
  return NULL;
}

/* The delegate becomes an attendee in the delegator's role. */
static PnItipLine *
add_delegate (PnItipPart *part, const PnItipLine *delegator, const PnAddress *address)
{
  g_autofree char *uri = pn_itip_uri (address);
  g_autofree char *role = pn_itip_line_get (delegator, "ROLE");
  g_autoptr (PnAddress) from = pn_itip_line_address (delegator);
  g_autofree char *from_uri = pn_itip_uri (from);
  PnItipLine *line = pn_itip_line_new ("ATTENDEE", NULL, uri);
  if (address->name)
    pn_itip_line_set (line, "CN", address->name);
  pn_itip_line_set (line, "ROLE", role);
  pn_itip_line_set (line, "PARTSTAT", "NEEDS-ACTION");
  pn_itip_line_set (line, "RSVP", "TRUE");
  pn_itip_line_set (line, "DELEGATED-FROM", from_uri);
  pn_itip_part_add (part, line);
  return line;
}

/* -- what he says -- */

typedef struct {
  PnAddress *address; /* owned */
  const char *partstat;
  char *delegated_to; /* owned, or NULL */
  char *delegated_from;
  char *sent_by;
  char *comment; /* owned, or NULL */
  int sequence;
  gboolean has_sequence;
  gint64 stamp;
} Answer;

static void
answer_clear (Answer *self)
{
  g_clear_pointer (&self->address, pn_address_free);
  g_free (self->delegated_to);
  g_free (self->delegated_from);
  g_free (self->sent_by);
  g_free (self->comment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static void
set_task_state (const PnItipStep *step, const PnCalendar *calendar, Answer *answer)
{
  gboolean done = calendar->completed.set || calendar->percent_complete == 100
                  || g_strcmp0 (calendar->status, "COMPLETED") == 0;
  if (g_strcmp0 (step->incoming->kind, "VTODO") == 0 && done
      && (strcmp (answer->partstat, "NEEDS-ACTION") == 0 || strcmp (answer->partstat, "ACCEPTED") == 0))
    answer->partstat = "COMPLETED";
}

/* LINE may be NULL: without any ATTENDEE it is the sender who speaks. */
static gboolean
read_answer (PnItipStep *step, PnItipPart *incoming, const PnItipLine *line, Answer *answer)
{
  const PnCalendar *calendar = pn_itip_calendar (step->incoming, incoming);
  g_autofree char *partstat = line ? pn_itip_line_get (line, "PARTSTAT") : NULL;
  answer->address = line                  ? pn_itip_line_address (line)
                    : step->message->from ? pn_address_copy (step->message->from)
                                          : NULL;
  answer->partstat = pn_partstat_to_string (pn_partstat_from_string (partstat));
  answer->delegated_to = line ? pn_itip_line_get (line, "DELEGATED-TO") : NULL;
  answer->delegated_from = line ? pn_itip_line_get (line, "DELEGATED-FROM") : NULL;
  answer->sent_by = line ? pn_itip_line_get (line, "SENT-BY") : NULL;
  answer->comment = g_strdup (calendar->comment);
  answer->has_sequence = pn_itip_has_sequence (incoming);
  answer->sequence = calendar->sequence;
  answer->stamp = calendar->stamp.unix_time;
  set_task_state (step, calendar, answer);
  return answer->address != NULL;
}

static PnItipLine *
note (PnItipPart *part, const char *name, const Answer *answer)
{
  PnItipLine *line = pn_itip_part_find_address (part, name, answer->address);
  if (!line) {
    guint count = 0;
    for (guint i = 0; i < part->lines->len; i++)
      count += strcmp (((PnItipLine *) part->lines->pdata[i])->name, name) == 0;
    if (count >= MAX_NOTES)
      return NULL;
    g_autofree char *uri = pn_itip_uri (answer->address);
    line = pn_itip_line_new (name, NULL, uri);
    pn_itip_part_add (part, line);
  }
  pn_itip_line_set (line, "CN", answer->address->name);
  pn_itip_line_set (line, "PARTSTAT", answer->partstat);
  if (answer->has_sequence)
    pn_itip_line_set_number (line, "SEQUENCE", answer->sequence);
  else
    pn_itip_line_set (line, "SEQUENCE", NULL);
  pn_itip_line_set_number (line, "STAMP", answer->stamp);
  pn_itip_line_set (line, "COMMENT", answer->comment && *answer->comment ? answer->comment : NULL);
  pn_itip_line_set (line, "DELEGATED-FROM", answer->delegated_from);
  return line;
}

/* Some write no sequence, or never raise it; but nearly all repeat the time they answer to. */
static gboolean
is_of_older_plan (PnItipStep *step, PnItipPart *part, PnItipPart *incoming, const Answer *answer)
{
  if (!answer->has_sequence || answer->sequence >= pn_itip_sequence (step->item, part))
    return FALSE;
  const PnItipLine *original = pn_itip_part_find (incoming, "X-MS-OLK-ORIGINALSTART");
  const PnCalendarTime *time = &pn_itip_calendar (step->incoming, incoming)->start;
  gint64 start = time->unix_time;
  if (!time->set || (original && !pn_ical_parse_instant (original->value, &start)))
    return answer->stamp < pn_itip_stamp (step->item, part);
  g_autofree char *key = incoming->key ? pn_itip_key (step->item, incoming->key) : NULL;
  gint64 has
      = key && !part->key ? pn_itip_key_time (key) : pn_itip_calendar (step->item, part)->start.unix_time;
  return time->is_date ? answer->stamp < pn_itip_stamp (step->item, part) : start != has;
}

/* An answer to an older plan, or one that another has overtaken.  An attendee's sequence never counts for
 * more than that of the item: some raise it. */
static gboolean
is_old (PnItipStep *step, PnItipPart *part, PnItipPart *incoming, const PnAddress *attendee,
        const Answer *answer)
{
  int has = pn_itip_sequence (step->item, part);
  PnItipLine *book = pn_itip_part_find_address (part, "X-POSTERN-ANSWER", attendee);
  if (is_of_older_plan (step, part, incoming, answer))
    return TRUE;
  if (!book)
    return FALSE;
  g_autofree char *known = pn_itip_line_get (book, "SEQUENCE");
  int before = known ? MIN ((int) g_ascii_strtoll (known, NULL, 10), has) : 0;
  int now = known && answer->has_sequence ? MIN (answer->sequence, has) : before;
  return pn_itip_compare (now, answer->stamp, before, pn_itip_line_get_number (book, "STAMP")) < 0;
}

/* Whoever was named as delegate and has answered already. */
static void
admit_delegates (PnItipPart *part, const PnItipLine *delegator)
{
  g_autofree char *to = pn_itip_line_get (delegator, "DELEGATED-TO");
  g_auto (GStrv) values = g_strsplit (to ? to : "", ",", 20);
  for (guint i = 0; values[i]; i++) {
    g_autofree char *spec = pn_ical_address (g_strstrip (values[i]));
    g_autoptr (PnAddress) address = pn_address_new_internet (spec, NULL);
    if (!*spec || pn_itip_part_find_address (part, "ATTENDEE", address))
      continue;
    PnItipLine *line = add_delegate (part, delegator, address);
    PnItipLine *stranger = pn_itip_part_find_address (part, "X-POSTERN-STRANGER", address);
    if (!stranger)
      continue;
    g_autofree char *partstat = pn_itip_line_get (stranger, "PARTSTAT");
    pn_itip_line_set (line, "PARTSTAT", partstat);
    g_free (stranger->name);
    stranger->name = g_strdup ("X-POSTERN-ANSWER");
  }
}

static void
set_state (PnItipPart *part, PnItipLine *attendee, Answer *answer)
{
  g_autoptr (PnAddress) known = pn_itip_line_address (attendee);
  pn_itip_line_set (attendee, "PARTSTAT", answer->partstat);
  pn_itip_line_set (attendee, "SCHEDULE-STATUS", NULL);
  pn_itip_line_set (attendee, "RSVP", NULL);
  if (answer->sent_by)
    pn_itip_line_set (attendee, "SENT-BY", answer->sent_by);
  g_autofree char *before = pn_itip_line_get (attendee, "DELEGATED-TO");
  if (answer->delegated_to)
    pn_itip_line_set (attendee, "DELEGATED-TO", answer->delegated_to);
  else if (before && strcmp (answer->partstat, "DELEGATED") != 0)
    pn_itip_line_set (attendee, "DELEGATED-TO", NULL); /* he comes himself */
  pn_address_free (answer->address);
  answer->address = g_steal_pointer (&known);
  note (part, "X-POSTERN-ANSWER", answer);
  admit_delegates (part, attendee);
  pn_itip_part_changed (part);
}

/* Exceptions about which he has said nothing of their own follow the series, or the exception from which on
 * he has said it. */
static void
spread (PnItipStep *step, const PnItipPart *from, const Answer *answer)
{
  if (from->key && !from->this_and_future)
    return;
  for (guint i = 0; i < step->item->parts->len; i++) {
    PnItipPart *part = step->item->parts->pdata[i];
    PnItipLine *line = part->key ? pn_itip_part_find_address (part, "ATTENDEE", answer->address) : NULL;
    if (!line || (from->key && pn_itip_key_time (part->key) <= pn_itip_key_time (from->key))
        || pn_itip_part_find_address (part, "X-POSTERN-ANSWER", answer->address)
        || answer->stamp < pn_itip_stamp (step->item, part))
      continue;
    pn_itip_line_set (line, "PARTSTAT", answer->partstat);
    pn_itip_part_changed (part);
  }
}

/* Who answers after he has proposed something has changed his mind. */
static void
withdraw_proposal (PnItipPart *part, const PnAddress *attendee)
{
  PnItipLine *line = pn_itip_part_find_address (part, "X-POSTERN-COUNTER", attendee);
  if (line)
    g_ptr_array_remove (part->lines, line);
}

/* The component that INCOMING speaks of; *OUTCOME_OUT says why there is none. */
static PnItipPart *
find_part (PnItipStep *step, const PnItipPart *incoming, PnItipOutcome *outcome_out)
{
  PnItipItem *item = step->item;
  if (item->parts->len == 0) {
    *outcome_out = PN_ITIP_NOT_FOUND;
    return NULL;
  }
  g_autofree char *key = incoming->key ? pn_itip_key (item, incoming->key) : NULL;
  PnItipPart *part = key ? pn_itip_find (item, key) : pn_itip_master (item);
  *outcome_out = PN_ITIP_NO_INSTANCE;
  if (part || !key)
    return part ? part : item->parts->pdata[0];
  return pn_itip_has_instance (item, key) ? pn_itip_master (item) : NULL;
}

/* The same, as a component of its own where INCOMING is about an instance. */
static PnItipPart *
want_part (PnItipStep *step, const PnItipPart *incoming, PnItipPart *found)
{
  g_autofree char *key = incoming->key ? pn_itip_key (step->item, incoming->key) : NULL;
  PnItipPart *part = key ? pn_itip_want_instance (step->item, key) : NULL;
  if (part && incoming->this_and_future && !part->this_and_future && part != found) {
    PnItipLine *line = pn_itip_part_find (part, "RECURRENCE-ID");
    part->this_and_future = TRUE;
    pn_itip_line_set (line, "RANGE", "THISANDFUTURE");
    pn_itip_part_changed (part);
  }
  return part ? part : found;
}

static PnItipOutcome
take_answer (PnItipStep *step, PnItipPart *incoming, const PnItipLine *line)
{
  PnItipOutcome outcome;
  g_auto (Answer) answer = { 0 };
  PnItipPart *part = find_part (step, incoming, &outcome);
  if (!part)
    return outcome;
  if (!read_answer (step, incoming, line, &answer))
    return PN_ITIP_NOTHING;
  PnItipLine *attendee = find_attendee (step, part, answer.address);
  PnItipLine *delegator = attendee ? NULL : find_delegator (part, answer.address);
  if (!attendee && !delegator) {
    note (part, "X-POSTERN-STRANGER", &answer);
    return PN_ITIP_STRANGER;
  }
  g_autoptr (PnAddress) known = attendee ? pn_itip_line_address (attendee) : NULL;
  if (known && is_old (step, part, incoming, known, &answer))
    return PN_ITIP_STALE;
  if (strcmp (answer.partstat, "NEEDS-ACTION") == 0 && !answer.delegated_to)
    return PN_ITIP_NOTHING;
  part = want_part (step, incoming, part);
  attendee = find_attendee (step, part, answer.address);
  if (!attendee && (delegator = find_delegator (part, answer.address)))
    attendee = add_delegate (part, delegator, answer.address);
  if (!attendee)
    return PN_ITIP_STRANGER;
  set_state (part, attendee, &answer);
  spread (step, part, &answer);
  withdraw_proposal (part, answer.address);
  pn_itip_note_program (step->item, answer.address, step->incoming->outlook);
  return PN_ITIP_ANSWERED;
}

/* A delegator tells of his delegate by an ATTENDEE that says nothing himself. */
static PnItipOutcome
take_answers (PnItipStep *step, PnItipPart *incoming)
{
  PnItipOutcome outcome = PN_ITIP_NOTHING;
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  for (guint i = 0; i < incoming->lines->len; i++)
    if (strcmp (((PnItipLine *) incoming->lines->pdata[i])->name, "ATTENDEE") == 0)
      g_ptr_array_add (lines, incoming->lines->pdata[i]);
  if (lines->len == 0)
    return take_answer (step, incoming, NULL);
  for (guint i = 0; i < lines->len; i++) {
    g_autofree char *from = pn_itip_line_get (lines->pdata[i], "DELEGATED-FROM");
    g_autofree char *partstat = pn_itip_line_get (lines->pdata[i], "PARTSTAT");
    if (lines->len > 1 && from && (!partstat || strcmp (partstat, "NEEDS-ACTION") == 0))
      continue;
    PnItipOutcome one = take_answer (step, incoming, lines->pdata[i]);
    if (outcome == PN_ITIP_NOTHING || one == PN_ITIP_ANSWERED)
      outcome = one;
  }
  return outcome;
}

/* -- COUNTER -- */

static gboolean
forbids_counter (const PnItipPart *part)
{
  const PnItipLine *line = pn_itip_part_find (part, "X-MICROSOFT-DISALLOW-COUNTER");
  return line && g_ascii_strncasecmp (line->value, "TRUE", 4) == 0;
}

static PnItipOutcome
take_proposal (PnItipStep *step, PnItipPart *incoming)
{
  PnItipOutcome outcome;
  g_auto (Answer) answer = { 0 };
  PnItipPart *part = find_part (step, incoming, &outcome);
  if (!part)
    return outcome;
  PnItipLine *line
      = step->message->from ? pn_itip_part_find_address (incoming, "ATTENDEE", step->message->from) : NULL;
  if (!line)
    line = pn_itip_part_find (incoming, "ATTENDEE");
  if (!read_answer (step, incoming, line, &answer))
    return PN_ITIP_NOTHING;
  PnItipLine *attendee = find_attendee (step, part, answer.address);
  if (!attendee) {
    note (part, "X-POSTERN-STRANGER", &answer);
    return PN_ITIP_STRANGER;
  }
  g_autoptr (PnAddress) known = pn_itip_line_address (attendee);
  if (is_old (step, part, incoming, known, &answer))
    return PN_ITIP_STALE;
  part = want_part (step, incoming, part);
  attendee = find_attendee (step, part, answer.address);
  const PnCalendar *calendar = pn_itip_calendar (step->incoming, incoming);
  if (attendee && (strcmp (answer.partstat, "TENTATIVE") == 0 || strcmp (answer.partstat, "DECLINED") == 0)) {
    set_state (part, attendee, &answer);
    spread (step, part, &answer);
  }
  pn_itip_note_program (step->item, known, step->incoming->outlook);
  PnItipLine *book = note (part, "X-POSTERN-COUNTER", &answer);
  if (!book)
    return PN_ITIP_NOTHING;
  pn_itip_line_set_number (book, "START", calendar->start.unix_time);
  pn_itip_line_set_number (book, "END", calendar->end.unix_time);
  if (forbids_counter (part)) {
    g_autofree char *key = g_strdup (part->key);
    pn_itip_decline_counter (step->item, known, key, NULL, step->context, step->answers, NULL);
  }
  return PN_ITIP_COUNTERED;
}

PnItipOutcome
pn_itip_take_counter (PnItipStep *step)
{
  PnItipOutcome outcome = PN_ITIP_NOTHING;
  for (guint i = 0; i < step->incoming->parts->len; i++)
    outcome = take_proposal (step, step->incoming->parts->pdata[i]);
  return outcome;
}

/* -- REPLY -- */

/* Exchange 2003 sent proposals as replies.  A reply says what time it is an answer to, so another time alone
 * is no proposal: it may be the old one. */
static gboolean
is_proposal (PnItipStep *step, PnItipPart *incoming)
{
  const PnItipLine *line = pn_itip_part_find (incoming, "X-MS-OLK-ORIGINALSTART");
  gint64 original;
  const PnCalendar *calendar = pn_itip_calendar (step->incoming, incoming);
  return line && calendar->start.set && pn_ical_parse_instant (line->value, &original)
         && original != calendar->start.unix_time;
}

/* The free and busy times of one attendee, under his address. */
static PnItipOutcome
take_busy (PnItipStep *step)
{
  PnItipOutcome outcome = step->item->parts->len > 0 ? PN_ITIP_NOTHING : PN_ITIP_NOT_FOUND;
  PnItipPart *master = pn_itip_master (step->item);
  for (guint i = 0; master && i < step->incoming->parts->len; i++) {
    PnItipPart *incoming = step->incoming->parts->pdata[i];
    PnItipLine *line = pn_itip_part_find (incoming, "ATTENDEE");
    g_autoptr (PnAddress) who = line                  ? pn_itip_line_address (line)
                                : step->message->from ? pn_address_copy (step->message->from)
                                                      : NULL;
    PnItipLine *asked = who ? pn_itip_part_find_address (master, "ATTENDEE", who) : NULL;
    if (!asked)
      return PN_ITIP_STRANGER;
    g_autofree char *spec = pn_address_to_string (who);
    g_autofree char *key = g_ascii_strdown (spec, -1);
    PnItipPart *old = pn_itip_find (step->item, key);
    if (old && pn_itip_stamp (step->incoming, incoming) < pn_itip_stamp (step->item, old))
      return PN_ITIP_STALE;
    PnItipPart *part = pn_itip_part_copy (incoming);
    g_free (part->key);
    part->key = g_steal_pointer (&key);
    pn_itip_part_set (part, "X-POSTERN-KEY", NULL, part->key);
    pn_itip_line_set (asked, "PARTSTAT", "ACCEPTED");
    pn_itip_put (step->item, part);
    outcome = PN_ITIP_ANSWERED;
  }
  return outcome;
}

PnItipOutcome
pn_itip_take_reply (PnItipStep *step)
{
  PnItipOutcome outcome = PN_ITIP_NOTHING;
  if (g_strcmp0 (step->incoming->kind, "VFREEBUSY") == 0)
    return take_busy (step);
  for (guint i = 0; i < step->incoming->parts->len; i++) {
    PnItipPart *incoming = step->incoming->parts->pdata[i];
    PnItipOutcome one
        = is_proposal (step, incoming) ? take_proposal (step, incoming) : take_answers (step, incoming);
    if (outcome == PN_ITIP_NOTHING || one == PN_ITIP_ANSWERED)
      outcome = one;
  }
  return outcome;
}

/* -- REFRESH -- */

PnItipOutcome
pn_itip_take_refresh (PnItipStep *step)
{
  PnItipItem *item = step->item;
  PnItipPart *incoming = step->incoming->parts->pdata[0];
  PnItipLine *line = pn_itip_part_find (incoming, "ATTENDEE");
  g_autoptr (PnAddress) who = line                  ? pn_itip_line_address (line)
                              : step->message->from ? pn_address_copy (step->message->from)
                                                    : NULL;
  if (item->parts->len == 0)
    return PN_ITIP_NOT_FOUND;
  for (guint i = 0; who && i < item->parts->len; i++) {
    if (!find_attendee (step, item->parts->pdata[i], who) && !find_delegator (item->parts->pdata[i], who))
      continue;
    pn_itip_note_program (item, who, step->incoming->outlook);
    const PnItipPart *part = item->parts->pdata[i];
    guint first = step->answers->len;
    pn_itip_request (item, part->key, step->context, step->answers, NULL);
    for (guint j = first; j < step->answers->len; j++) {
      PnMessage *answer = step->answers->pdata[j];
      g_ptr_array_set_size (answer->recipients, 0);
      pn_message_add_recipient (answer, PN_TO, pn_address_copy (who));
    }
    g_ptr_array_set_size (step->answers, (gint) MIN (first + 1, step->answers->len));
    return PN_ITIP_REFRESH_ASKED;
  }
  return PN_ITIP_STRANGER;
}
