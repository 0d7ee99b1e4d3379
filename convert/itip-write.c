#include "convert/itip-private.h"

#include <string.h>

#define PRODID "-//Postern//Internet Agent//EN"

/* -- text -- */

static gboolean
is_own (const PnItipLine *line)
{
  g_autofree char *own = line->parameters ? pn_itip_line_get (line, "X-POSTERN-OWN") : NULL;
  return own != NULL;
}

static gboolean
is_of_books (const PnItipLine *line)
{
  return g_str_has_prefix (line->name, "X-POSTERN-");
}

/* For whom it is written. */
typedef enum {
  OTHERS,
  OWNER, /* with what he set for himself */
  BOOKS
} Reader;

static void
append_lines (GString *out, const PnItipPart *part, Reader reader)
{
  for (guint i = 0; i < part->lines->len; i++) {
    const PnItipLine *line = part->lines->pdata[i];
    if (reader == BOOKS || (!is_of_books (line) && (reader == OWNER || !is_own (line))))
      pn_itip_line_append (out, line);
  }
}

static void
append_part (GString *out, const PnItipItem *item, const PnItipPart *part, Reader reader)
{
  g_string_append_printf (out, "BEGIN:%s\r\n", item->kind);
  append_lines (out, part, reader);
  for (guint i = 0; i < part->inside->len; i++)
    if (reader != OTHERS || !strstr (part->inside->pdata[i], "X-POSTERN-OWN:"))
      g_string_append (out, part->inside->pdata[i]);
  g_string_append_printf (out, "END:%s\r\n", item->kind);
}

static char *
write_text (PnItipItem *self, PnMethod method, const GPtrArray *parts, Reader reader)
{
  g_autoptr (GString) out = g_string_new ("BEGIN:VCALENDAR\r\nPRODID:" PRODID "\r\nVERSION:2.0\r\n");
  if (method != PN_METHOD_NONE)
    g_string_append_printf (out, "METHOD:%s\r\n", pn_method_to_string (method));
  for (guint i = 0; reader == BOOKS && i < self->lines->len; i++)
    pn_itip_line_append (out, self->lines->pdata[i]);
  pn_itip_append_zones (out, self, parts);
  for (guint i = 0; i < parts->len; i++)
    append_part (out, self, parts->pdata[i], reader);
  g_string_append (out, "END:VCALENDAR\r\n");
  return g_strdup (out->str);
}

char *
pn_itip_text (PnItipItem *self, PnMethod method, GPtrArray *parts)
{
  return write_text (self, method, parts, OTHERS);
}

char *
pn_itip_item_write (PnItipItem *self)
{
  return write_text (self, PN_METHOD_NONE, self->parts, BOOKS);
}

/* -- asking -- */

const char *
pn_itip_item_uid (const PnItipItem *self)
{
  return self->uid;
}

gboolean
pn_itip_item_is_empty (const PnItipItem *self)
{
  return self->parts->len == 0;
}

static gboolean
is_cancelled (const PnItipPart *part)
{
  const PnItipLine *status = pn_itip_part_find (part, "STATUS");
  return status && g_ascii_strncasecmp (status->value, "CANCELLED", 9) == 0;
}

gboolean
pn_itip_item_is_cancelled (const PnItipItem *self)
{
  for (guint i = 0; i < self->parts->len; i++)
    if (!is_cancelled (self->parts->pdata[i]))
      return FALSE;
  return self->parts->len > 0;
}

const PnAddress *
pn_itip_item_organizer (PnItipItem *self)
{
  for (guint i = 0; i < self->parts->len; i++) {
    const PnCalendar *calendar = pn_itip_calendar (self, self->parts->pdata[i]);
    if (calendar->organizer)
      return calendar->organizer;
  }
  return NULL;
}

/* TEXT as a message with its calendar part. */
static PnMessage *
message_of (PnItipItem *self, const char *text, GError **error)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_APPOINTMENT);
  if (!pn_ical_read (message, text, strlen (text), NULL, self->site_timezone, error))
    return NULL;
  pn_message_add_part (message,
                       pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (text, -1)));
  return g_steal_pointer (&message);
}

PnMessage *
pn_itip_item_message (PnItipItem *self, GError **error)
{
  if (self->parts->len == 0) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED, "nothing is known of item %s",
                 self->uid);
    return NULL;
  }
  g_autofree char *text = write_text (self, PN_METHOD_REQUEST, self->parts, OWNER);
  return message_of (self, text, error);
}

PnMessage *
pn_itip_item_component (PnItipItem *self, const char *recurrence)
{
  PnItipPart *part = pn_itip_find (self, recurrence);
  if (!part)
    return NULL;
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  g_ptr_array_add (parts, part);
  g_autofree char *text = write_text (self, PN_METHOD_REQUEST, parts, OWNER);
  return message_of (self, text, NULL);
}

GPtrArray *
pn_itip_item_exceptions (PnItipItem *self)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < self->parts->len; i++) {
    const PnItipPart *part = self->parts->pdata[i];
    if (part->key)
      g_ptr_array_add (keys, g_strdup (part->key));
  }
  return keys;
}

const char *
pn_itip_item_source (PnItipItem *self, const char *recurrence)
{
  const PnItipPart *part = pn_itip_find (self, recurrence);
  const PnItipLine *line = part ? pn_itip_part_find (part, "X-POSTERN-SOURCE") : NULL;
  return line ? line->value : NULL;
}

gboolean
pn_itip_item_is_gone (PnItipItem *self, const char *recurrence)
{
  const PnItipPart *part = recurrence ? pn_itip_find (self, recurrence) : NULL;
  return pn_itip_item_is_cancelled (self) || (part && is_cancelled (part))
         || (recurrence && pn_itip_gone (self, recurrence));
}

/* -- who said what -- */

void
pn_itip_answer_free (PnItipAnswer *self)
{
  if (!self)
    return;
  pn_address_free (self->address);
  g_free (self->recurrence);
  g_free (self->comment);
  g_free (self);
}

static PnItipAnswer *
answer_new (const PnItipPart *part, const PnItipLine *line)
{
  PnItipAnswer *answer = g_new0 (PnItipAnswer, 1);
  g_autofree char *partstat = pn_itip_line_get (line, "PARTSTAT");
  g_autofree char *schedule = pn_itip_line_get (line, "SCHEDULE-STATUS");
  answer->address = pn_itip_line_address (line);
  answer->recurrence = g_strdup (part->key);
  answer->partstat = pn_partstat_from_string (partstat);
  answer->undeliverable = schedule && g_str_has_prefix (schedule, "5.");
  answer->time = pn_itip_line_get_number (line, "STAMP");
  answer->comment = pn_itip_line_get (line, "COMMENT");
  return answer;
}

static PnItipAnswer *
attendee_answer (const PnItipPart *part, const PnItipLine *line)
{
  PnItipAnswer *answer = answer_new (part, line);
  const PnItipLine *book = pn_itip_part_find_address (part, "X-POSTERN-ANSWER", answer->address);
  if (book) {
    answer->time = pn_itip_line_get_number (book, "STAMP");
    g_free (answer->comment);
    answer->comment = pn_itip_line_get (book, "COMMENT");
  }
  return answer;
}

GPtrArray *
pn_itip_item_answers (PnItipItem *self)
{
  static const char *const names[] = { "ATTENDEE", "X-POSTERN-STRANGER", "X-POSTERN-COUNTER" };
  GPtrArray *out = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_itip_answer_free);
  for (guint kind = 0; kind < G_N_ELEMENTS (names); kind++)
    for (guint i = 0; i < self->parts->len; i++) {
      const PnItipPart *part = self->parts->pdata[i];
      for (guint j = 0; j < part->lines->len; j++) {
        const PnItipLine *line = part->lines->pdata[j];
        if (strcmp (line->name, names[kind]) != 0)
          continue;
        PnItipAnswer *answer = kind == 0 ? attendee_answer (part, line) : answer_new (part, line);
        answer->stranger = kind == 1;
        answer->counter = kind == 2;
        answer->start = pn_itip_line_get_number (line, "START");
        answer->end = pn_itip_line_get_number (line, "END");
        g_ptr_array_add (out, answer);
      }
    }
  return out;
}

/* -- describing -- */

static void
describe_time (GString *out, const char *name, const PnCalendarTime *time)
{
  g_autofree char *text = pn_itip_recurrence (time);
  if (text)
    g_string_append_printf (out, "  %s %s\n", name, text);
}

static void
describe_text (GString *out, const char *name, const char *text)
{
  g_autofree char *clean = text && *text ? g_strdelimit (g_strdup (text), "\r\n", ' ') : NULL;
  if (clean)
    g_string_append_printf (out, "  %s %s\n", name, clean);
}

static int
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Sorted, so that the order of the lines does not matter. */
static void
describe_sorted (GString *out, GPtrArray *lines)
{
  g_ptr_array_sort (lines, compare_text);
  for (guint i = 0; i < lines->len; i++)
    g_string_append_printf (out, "  %s\n", (const char *) lines->pdata[i]);
}

static void
describe_people (GString *out, const PnItipPart *part, const char *only)
{
  g_autoptr (GPtrArray) people = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < part->lines->len; i++) {
    const PnItipLine *line = part->lines->pdata[i];
    if (strcmp (line->name, "ATTENDEE") != 0)
      continue;
    g_autoptr (PnAddress) address = pn_itip_line_address (line);
    g_autofree char *partstat = pn_itip_line_get (line, "PARTSTAT");
    g_autofree char *delegate = pn_itip_line_get (line, "DELEGATED-TO");
    g_autofree char *to = delegate ? g_ascii_strdown (delegate, -1) : NULL;
    g_autofree char *spec = pn_address_to_string (address);
    g_autofree char *lower = g_ascii_strdown (spec, -1);
    if (only && g_ascii_strcasecmp (only, lower) != 0)
      continue;
    g_ptr_array_add (people,
                     g_strdup_printf ("attendee %s %s%s%s", lower, partstat ? partstat : "NEEDS-ACTION",
                                      to ? " to " : "", to ? to : ""));
  }
  describe_sorted (out, people);
}

static void
describe_dates (GString *out, const PnItipItem *self, const PnItipPart *part, const char *name)
{
  g_autoptr (GPtrArray) dates = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < part->lines->len; i++) {
    const PnItipLine *line = part->lines->pdata[i];
    if (strcmp (line->name, name) != 0)
      continue;
    g_auto (GStrv) values = g_strsplit (line->value, ",", -1);
    for (guint j = 0; values[j]; j++) {
      g_autoptr (PnItipPart) scratch = pn_itip_part_new (NULL);
      pn_itip_part_set (scratch, "RECURRENCE-ID", line->parameters, values[j]);
      g_autofree char *key = pn_itip_recurrence (&pn_itip_calendar (self, scratch)->recurrence_id);
      g_autofree char *normal = key ? pn_itip_key (self, key) : g_strdup (values[j]);
      g_ptr_array_add (dates,
                       g_strdup_printf ("%s %s", strcmp (name, "EXDATE") == 0 ? "without" : "also", normal));
    }
  }
  describe_sorted (out, dates);
}

static void
describe_part (GString *out, PnItipItem *self, PnItipPart *part, const char *only)
{
  const PnCalendar *calendar = pn_itip_calendar (self, part);
  g_autofree char *organizer = calendar->organizer ? pn_address_to_string (calendar->organizer) : NULL;
  g_autofree char *lower = organizer ? g_ascii_strdown (organizer, -1) : NULL;
  g_string_append_printf (out, "%s%s%s\n", part->key ? "instance " : "master", part->key ? part->key : "",
                          part->this_and_future ? " and later" : "");
  describe_time (out, "start", &calendar->start);
  describe_time (out, "end", &calendar->end);
  describe_text (out, "rule", calendar->rrule);
  describe_dates (out, self, part, "RDATE");
  describe_dates (out, self, part, "EXDATE");
  describe_text (out, "summary", calendar->summary);
  describe_text (out, "place", calendar->place);
  if (is_cancelled (part))
    g_string_append (out, "  cancelled\n");
  describe_text (out, "organizer", lower);
  describe_people (out, part, only);
  for (guint i = 0; i < part->lines->len; i++) {
    const PnItipLine *line = part->lines->pdata[i];
    if (strcmp (line->name, "FREEBUSY") == 0)
      describe_text (out, "busy", line->value);
  }
}

/* Whether an exception says nothing else than the series does; the organizer has one for each who answered
 * for that instance alone. */
static gboolean
is_plain_instance (PnItipItem *self, PnItipPart *part, const char *only)
{
  g_autofree char *text = pn_itip_item_write (self);
  g_autoptr (PnItipItem) copy = pn_itip_item_parse (text, strlen (text), self->site_timezone, NULL);
  if (!copy || part->this_and_future)
    return FALSE;
  pn_itip_remove (copy, part->key);
  PnItipPart *plain = pn_itip_want_instance (copy, part->key);
  g_autoptr (GString) is = g_string_new (NULL), would = g_string_new (NULL);
  describe_part (is, self, part, only);
  if (plain)
    describe_part (would, copy, plain, only);
  return strcmp (is->str, would->str) == 0;
}

static int
compare_key (gconstpointer a, gconstpointer b)
{
  const PnItipPart *x = *(PnItipPart *const *) a, *y = *(PnItipPart *const *) b;
  return g_strcmp0 (x->key, y->key);
}

char *
pn_itip_item_describe (PnItipItem *self, const char *attendee)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  for (guint i = 0; i < self->parts->len; i++)
    g_ptr_array_add (parts, self->parts->pdata[i]);
  g_ptr_array_sort (parts, compare_key);
  g_string_append_printf (out, "%s %s\n", self->kind ? self->kind : "nothing", self->uid);
  for (guint i = 0; i < parts->len; i++) {
    PnItipPart *part = parts->pdata[i];
    if (!part->key || !is_plain_instance (self, part, attendee))
      describe_part (out, self, part, attendee);
  }
  return g_strdup (out->str);
}

/* -- the owner's own -- */

void
pn_itip_item_set_own (PnItipItem *self, const char *name, const char *value)
{
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    if (value)
      pn_itip_part_set (part, name, "X-POSTERN-OWN=TRUE", value);
    else
      pn_itip_part_remove (part, name);
  }
}

void
pn_itip_item_set_alarm (PnItipItem *self, gint64 seconds)
{
  for (guint i = 0; i < self->parts->len; i++) {
    PnItipPart *part = self->parts->pdata[i];
    for (guint j = part->inside->len; j-- > 0;)
      if (g_str_has_prefix (part->inside->pdata[j], "BEGIN:VALARM"))
        g_ptr_array_remove_index (part->inside, j);
    /* No alarm is a wish of his own, too. */
    g_ptr_array_add (part->inside,
                     seconds < 0 ? g_strdup ("BEGIN:VALARM\r\nX-POSTERN-OWN:TRUE\r\nACTION:NONE\r\n"
                                             "TRIGGER;VALUE=DATE-TIME:19760401T005545Z\r\nEND:VALARM\r\n")
                                 : g_strdup_printf ("BEGIN:VALARM\r\nX-POSTERN-OWN:TRUE\r\nACTION:DISPLAY\r\n"
                                                    "DESCRIPTION:Reminder\r\nTRIGGER:-PT%" G_GINT64_FORMAT
                                                    "S\r\nEND:VALARM\r\n",
                                                    seconds));
  }
}
