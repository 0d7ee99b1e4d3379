#include "convert/itip-private.h"

#include "convert/ascii.h"

#include <string.h>

PnItipPart *
pn_itip_part_new (const char *key)
{
  PnItipPart *self = g_new0 (PnItipPart, 1);
  self->key = g_strdup (key);
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_itip_line_free);
  self->inside = g_ptr_array_new_with_free_func (g_free);
  return self;
}

PnItipPart *
pn_itip_part_copy (const PnItipPart *self)
{
  PnItipPart *copy = pn_itip_part_new (self->key);
  copy->this_and_future = self->this_and_future;
  for (guint i = 0; i < self->lines->len; i++)
    g_ptr_array_add (copy->lines, pn_itip_line_copy (self->lines->pdata[i]));
  for (guint i = 0; i < self->inside->len; i++)
    g_ptr_array_add (copy->inside, g_strdup (self->inside->pdata[i]));
  return copy;
}

void
pn_itip_part_free (PnItipPart *self)
{
  if (!self)
    return;
  g_free (self->key);
  g_ptr_array_unref (self->lines);
  g_ptr_array_unref (self->inside);
  pn_message_free (self->message);
  g_free (self);
}

void
pn_itip_part_changed (PnItipPart *self)
{
  g_clear_pointer (&self->message, pn_message_free);
}

PnItipLine *
pn_itip_part_find (const PnItipPart *self, const char *name)
{
  for (guint i = 0; i < self->lines->len; i++) {
    PnItipLine *line = self->lines->pdata[i];
    if (strcmp (line->name, name) == 0)
      return line;
  }
  return NULL;
}

void
pn_itip_part_remove (PnItipPart *self, const char *name)
{
  for (guint i = self->lines->len; i-- > 0;)
    if (strcmp (((PnItipLine *) self->lines->pdata[i])->name, name) == 0)
      g_ptr_array_remove_index (self->lines, i);
  pn_itip_part_changed (self);
}

void
pn_itip_part_add (PnItipPart *self, PnItipLine *line)
{
  g_ptr_array_add (self->lines, line);
  pn_itip_part_changed (self);
}

PnItipLine *
pn_itip_part_set (PnItipPart *self, const char *name, const char *parameters, const char *value)
{
  g_autofree char *kept_parameters = g_strdup (parameters), *kept_value = g_strdup (value);
  pn_itip_part_remove (self, name);
  if (!value)
    return NULL;
  pn_itip_part_add (self, pn_itip_line_new (name, kept_parameters, kept_value));
  return self->lines->pdata[self->lines->len - 1];
}

PnItipLine *
pn_itip_part_find_address (const PnItipPart *self, const char *name, const PnAddress *address)
{
  for (guint i = 0; i < self->lines->len; i++) {
    PnItipLine *line = self->lines->pdata[i];
    if (strcmp (line->name, name) != 0)
      continue;
    g_autoptr (PnAddress) own = pn_itip_line_address (line);
    if (pn_itip_same_address (own, address))
      return line;
  }
  return NULL;
}

/* -- zones -- */

static void
find_zones (const PnItipPart *part, GHashTable *named)
{
  for (guint i = 0; i < part->lines->len; i++) {
    const PnItipLine *line = part->lines->pdata[i];
    char *tzid = line->parameters && pn_ascii_casestr (line->parameters, "TZID")
                     ? pn_itip_line_get (line, "TZID")
                     : NULL;
    if (tzid)
      g_hash_table_add (named, g_strstrip (tzid));
  }
}

void
pn_itip_append_zones (GString *out, const PnItipItem *item, const GPtrArray *parts)
{
  g_autoptr (GHashTable) named = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < parts->len; i++)
    find_zones (parts->pdata[i], named);
  for (guint i = 0; i < item->zones->len && g_hash_table_size (named) > 0; i++) {
    const PnItipZone *zone = item->zones->pdata[i];
    if (g_hash_table_contains (named, zone->tzid))
      g_string_append (out, zone->text);
  }
}

/* -- what it says -- */

static void
append_part (GString *out, const PnItipItem *item, const PnItipPart *part)
{
  const char *kind = item->kind ? item->kind : "VEVENT";
  g_string_append_printf (out, "BEGIN:%s\r\n", kind);
  for (guint i = 0; i < part->lines->len; i++)
    pn_itip_line_append (out, part->lines->pdata[i]);
  g_string_append_printf (out, "END:%s\r\n", kind);
}

static PnMessage *
parse_part (const PnItipItem *item, PnItipPart *part)
{
  g_autoptr (GString) out = g_string_new ("BEGIN:VCALENDAR\r\n");
  g_autoptr (PnMessage) scratch = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_add (parts, part);
  pn_itip_append_zones (out, item, parts);
  append_part (out, item, part);
  g_string_append (out, "END:VCALENDAR\r\n");
  g_autoptr (PnIcalText) text = pn_ical_text_new (scratch, out->str, out->len, NULL);
  for (guint i = 0; text && i < text->components->len; i++) {
    if (pn_ical_component (text, i)->parent != 0
        || strcmp (pn_ical_component (text, i)->name, "VTIMEZONE") == 0)
      continue;
    /* Of all methods this one demands least. */
    return pn_ical_read_component (text, i, PN_METHOD_CANCEL, item->site_timezone);
  }
  return NULL;
}

const PnCalendar *
pn_itip_calendar (const PnItipItem *self, PnItipPart *part)
{
  if (!part->message)
    part->message = parse_part (self, part);
  if (!part->message || !part->message->calendar) {
    pn_message_free (part->message);
    part->message = pn_message_new (PN_TYPE_APPOINTMENT);
    part->message->calendar = pn_calendar_new ();
  }
  return part->message->calendar;
}

/* -- versions -- */

int
pn_itip_sequence (const PnItipItem *self, PnItipPart *part)
{
  return pn_itip_calendar (self, part)->sequence;
}

gint64
pn_itip_stamp (const PnItipItem *self, PnItipPart *part)
{
  return pn_itip_calendar (self, part)->stamp.unix_time;
}

gboolean
pn_itip_has_sequence (const PnItipPart *part)
{
  return pn_itip_part_find (part, "SEQUENCE") || pn_itip_part_find (part, "X-MICROSOFT-CDO-APPT-SEQUENCE");
}

void
pn_itip_part_set_version (PnItipPart *part, int sequence, gint64 stamp)
{
  char number[16];
  g_autoptr (GString) time = g_string_new (NULL);
  g_snprintf (number, sizeof number, "%d", sequence);
  pn_ical_append_utc (time, stamp);
  pn_itip_part_set (part, "SEQUENCE", NULL, number);
  if (pn_itip_part_find (part, "X-MICROSOFT-CDO-APPT-SEQUENCE"))
    pn_itip_part_set (part, "X-MICROSOFT-CDO-APPT-SEQUENCE", NULL, number);
  pn_itip_part_set (part, "DTSTAMP", NULL, time->str);
}

int
pn_itip_compare (int sequence_a, gint64 stamp_a, int sequence_b, gint64 stamp_b)
{
  if (sequence_a != sequence_b)
    return sequence_a < sequence_b ? -1 : 1;
  return (stamp_a > stamp_b) - (stamp_a < stamp_b);
}
