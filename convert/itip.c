#include "convert/itip-private.h"

#include <string.h>

const char *
pn_itip_outcome_to_string (PnItipOutcome outcome)
{
  static const char *const names[] = {
    [PN_ITIP_NOTHING] = "nothing",
    [PN_ITIP_STALE] = "stale",
    [PN_ITIP_NEW] = "new",
    [PN_ITIP_UPDATED] = "updated",
    [PN_ITIP_INSTANCE_UPDATED] = "instance-updated",
    [PN_ITIP_ADDED] = "added",
    [PN_ITIP_PUBLISHED] = "published",
    [PN_ITIP_CANCELLED] = "cancelled",
    [PN_ITIP_INSTANCE_CANCELLED] = "instance-cancelled",
    [PN_ITIP_ANSWERED] = "answered",
    [PN_ITIP_COUNTERED] = "countered",
    [PN_ITIP_COUNTER_DECLINED] = "counter-declined",
    [PN_ITIP_REFRESH_ASKED] = "refresh-asked",
    [PN_ITIP_BUSY_ASKED] = "busy-asked",
    [PN_ITIP_UNDELIVERABLE] = "undeliverable",
    [PN_ITIP_STRANGER] = "stranger",
    [PN_ITIP_FOREIGN] = "foreign",
    [PN_ITIP_NO_INSTANCE] = "no-instance",
    [PN_ITIP_NOT_FOUND] = "not-found",
  };
  return (guint) outcome < G_N_ELEMENTS (names) ? names[outcome] : "?";
}

gboolean
pn_itip_is_own (const PnItipContext *context, const PnAddress *address)
{
  return context->is_own && address && context->is_own (address, context->data);
}

PnItipLine *
pn_itip_own_attendee (const PnItipPart *part, const PnItipContext *context)
{
  for (guint i = 0; context->is_own && i < part->lines->len; i++) {
    PnItipLine *line = part->lines->pdata[i];
    if (strcmp (line->name, "ATTENDEE") != 0)
      continue;
    g_autoptr (PnAddress) address = pn_itip_line_address (line);
    if (pn_itip_is_own (context, address))
      return line;
  }
  return NULL;
}

/* -- programs -- */

#define MAX_PROGRAMS 1000

static PnItipLine *
find_program (const PnItipItem *item, const PnAddress *address)
{
  for (guint i = 0; i < item->lines->len; i++) {
    PnItipLine *line = item->lines->pdata[i];
    if (strcmp (line->name, "X-POSTERN-OUTLOOK") != 0)
      continue;
    g_autoptr (PnAddress) known = pn_itip_line_address (line);
    if (pn_itip_same_address (known, address))
      return line;
  }
  return NULL;
}

gboolean
pn_itip_is_outlook (const PnItipItem *item, const PnItipContext *context, const PnAddress *address)
{
  return address
         && ((context->is_outlook && context->is_outlook (address, context->data))
             || find_program (item, address));
}

void
pn_itip_note_program (PnItipItem *item, const PnAddress *address, gboolean outlook)
{
  PnItipLine *line = find_program (item, address);
  if (line && !outlook)
    g_ptr_array_remove (item->lines, line);
  else if (!line && outlook && item->lines->len < MAX_PROGRAMS) {
    g_autofree char *uri = pn_itip_uri (address);
    g_ptr_array_add (item->lines, pn_itip_line_new ("X-POSTERN-OUTLOOK", NULL, uri));
  }
}

/* A message without DTSTAMP is of the time it was sent at. */
static void
stamp_parts (PnItipStep *step)
{
  gint64 stamp = step->message->date.set ? step->message->date.unix_time : step->context->now;
  for (guint i = 0; i < step->incoming->parts->len; i++) {
    PnItipPart *part = step->incoming->parts->pdata[i];
    if (pn_itip_calendar (step->incoming, part)->stamp.set)
      continue;
    g_autoptr (GString) text = g_string_new (NULL);
    pn_ical_append_utc (text, stamp);
    pn_itip_part_set (part, "DTSTAMP", NULL, text->str);
  }
}

static PnItipOutcome
dispatch (PnItipStep *step, PnMethod method)
{
  gboolean busy = g_strcmp0 (step->incoming->kind, "VFREEBUSY") == 0;
  switch (method) {
  case PN_METHOD_REQUEST:
    return busy ? PN_ITIP_BUSY_ASKED : pn_itip_take_request (step);
  case PN_METHOD_NONE:
  case PN_METHOD_PUBLISH:
    return pn_itip_take_request (step);
  case PN_METHOD_REPLY:
    return pn_itip_take_reply (step);
  case PN_METHOD_CANCEL:
    return pn_itip_take_cancel (step);
  case PN_METHOD_ADD:
    return pn_itip_take_add (step);
  case PN_METHOD_REFRESH:
    return pn_itip_take_refresh (step);
  case PN_METHOD_COUNTER:
    return pn_itip_take_counter (step);
  case PN_METHOD_DECLINECOUNTER:
    return pn_itip_take_declinecounter (step);
  }
  return PN_ITIP_NOTHING;
}

PnItipOutcome
pn_itip_apply (PnItipItem *self, PnMessage *message, const PnItipText *text, const PnItipContext *context,
               GPtrArray *answers)
{
  g_autoptr (PnItipText) own = text ? NULL : pn_itip_text_new (message, context->now);
  g_autoptr (PnItipItem) incoming = pn_itip_text_item (text ? text : own, self->uid, self->site_timezone);
  g_autoptr (GPtrArray) scratch = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  if (incoming->parts->len == 0 || (self->kind && strcmp (self->kind, incoming->kind) != 0))
    return PN_ITIP_NOTHING;
  /* What was read of the message counts: it knows the Content-Type, too. */
  PnMethod method = message->calendar && message->calendar->method != PN_METHOD_NONE
                        ? message->calendar->method
                        : incoming->method;
  if (pn_message_is_retraction (message))
    method = PN_METHOD_CANCEL;
  incoming->method = method;
  if (!self->kind)
    self->kind = g_strdup (incoming->kind);
  PnItipStep step = { self, incoming, message, context, answers ? answers : scratch };
  stamp_parts (&step);
  PnItipOutcome outcome = dispatch (&step, method);
  if (self->parts->len == 0)
    g_clear_pointer (&self->kind, g_free);
  return outcome;
}

PnItipOutcome
pn_itip_undeliverable (PnItipItem *self, const PnAddress *attendee, const char *reason)
{
  PnItipOutcome outcome = self->parts->len > 0 ? PN_ITIP_STRANGER : PN_ITIP_NOT_FOUND;
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    PnItipLine *line = pn_itip_part_find_address (part, "ATTENDEE", attendee);
    if (!line)
      continue;
    g_autoptr (GString) value = g_string_new ("5.1;");
    g_autofree char *uri = pn_itip_uri (attendee);
    pn_ical_append_text (value, reason && *reason ? reason : "Could not complete delivery");
    g_string_append_c (value, ';');
    pn_ical_append_text (value, uri);
    pn_itip_line_set (line, "SCHEDULE-STATUS", "5.1");
    gboolean told = FALSE;
    for (guint j = 0; j < part->lines->len; j++) {
      const PnItipLine *other = part->lines->pdata[j];
      told = told || (strcmp (other->name, "REQUEST-STATUS") == 0 && strcmp (other->value, value->str) == 0);
    }
    if (!told)
      pn_itip_part_add (part, pn_itip_line_new ("REQUEST-STATUS", NULL, value->str));
    outcome = PN_ITIP_UNDELIVERABLE;
  }
  return outcome;
}
