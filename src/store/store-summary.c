/* What an item says about its message, and status reports: as structures and as sealed columns. */
#include "convert/itip.h"
#include "store/store-private.h"

#include <string.h>

/* A list shows this much of the recipients. */
#define TO_LIMIT 200

/* --- items --- */

static const struct {
  const char *name, *title;
} boxes[] = { { "in", "In Box" },
              { "out", "Out Box" },
              { "draft", "Work In Progress" },
              { "personal", "Personal" },
              { "trash", "Trash" } };

const char *
pn_box_title (PnBox box)
{
  return (guint) box < G_N_ELEMENTS (boxes) ? boxes[box].title : "?";
}

const char *
pn_box_name (PnBox box)
{
  return (guint) box < G_N_ELEMENTS (boxes) ? boxes[box].name : "?";
}

int
pn_box_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (boxes); i++)
    if (g_ascii_strcasecmp (name, boxes[i].name) == 0)
      return (int) i;
  return -1;
}

static char *
short_name (const PnAddress *address)
{
  if (!address)
    return g_strdup ("");
  if (address->name && *address->name)
    return g_strdup (address->name);
  if (address->internet && *address->internet)
    return g_strdup (address->internet);
  return pn_address_to_string (address);
}

static char *
recipients_text (const PnMessage *message)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->distribution != PN_TO)
      continue;
    if (text->len > TO_LIMIT) {
      g_string_append (text, ", …");
      break;
    }
    g_autofree char *name = short_name (recipient->address);
    g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", name);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
organizer_key (const PnMessage *message)
{
  const PnAddress *address
      = message->calendar && message->calendar->organizer ? message->calendar->organizer : message->from;
  if (!address)
    return g_strdup ("");
  g_autofree char *text = address->internet ? g_strdup (address->internet) : pn_address_to_string (address);
  return g_utf8_strdown (text, -1);
}

static guint
message_flags (const PnMessage *message)
{
  guint flags = 0;
  if (message->priority == PN_PRIORITY_HIGH)
    flags |= PN_ITEM_HIGH;
  if (message->priority == PN_PRIORITY_LOW)
    flags |= PN_ITEM_LOW;
  if (message->calendar && message->calendar->klass
      && g_ascii_strcasecmp (message->calendar->klass, "PUBLIC") != 0)
    flags |= PN_ITEM_PRIVATE;
  if (pn_message_get_part (message, PN_PART_ATTACHMENT))
    flags |= PN_ITEM_ATTACHMENTS;
  return flags;
}

static void
take_calendar (PnItem *self, const PnCalendar *calendar)
{
  self->place = g_strdup (calendar->place ? calendar->place : "");
  self->method = calendar->method;
  self->sequence = calendar->sequence;
  if (calendar->stamp.set)
    self->stamp = calendar->stamp.unix_time;
  if (calendar->start.set) {
    self->start = calendar->start.unix_time;
    self->timezone = g_strdup (calendar->start.tzid);
  }
  if (calendar->end.set)
    self->end = calendar->end.unix_time;
  self->all_day = calendar->all_day || calendar->start.is_date;
  self->repeat = g_strdup (calendar->rrule);
  if (calendar->uid && *calendar->uid)
    self->uid = g_strdup (calendar->uid);
  if (calendar->recurrence_id.set)
    self->recurrence = pn_itip_recurrence (&calendar->recurrence_id);
}

PnItem *
pn_item_new (const PnMessage *message, guint database, guint64 size, PnBox box, guint flags, gint64 delivered)
{
  PnItem *self = g_new0 (PnItem, 1);
  const PnCalendar *calendar = message->calendar;
  const char *subject = message->subject                ? message->subject
                        : calendar && calendar->summary ? calendar->summary
                                                        : "";
  self->id = g_strdup (message->id);
  self->box = box;
  self->flags = flags | message_flags (message);
  self->database = database;
  self->type = message->type;
  self->delivered = delivered;
  self->date = message->date.set ? message->date.unix_time : delivered;
  self->size = size;
  self->stamp = self->date;
  self->from = short_name (message->from);
  self->to = recipients_text (message);
  self->subject = g_strdup (subject);
  self->organizer = organizer_key (message);
  if (calendar)
    take_calendar (self, calendar);
  else
    self->place = g_strdup ("");
  return self;
}

void
pn_item_free (PnItem *self)
{
  if (!self)
    return;
  g_free (self->id);
  g_free (self->from);
  g_free (self->to);
  g_free (self->subject);
  g_free (self->place);
  g_free (self->organizer);
  g_free (self->uid);
  g_free (self->recurrence);
  g_free (self->timezone);
  g_free (self->repeat);
  g_clear_pointer (&self->summary, g_bytes_unref);
  g_free (self);
}

/* --- fields: texts, each with its closing NUL --- */

static void
add_text (GString *out, const char *text)
{
  if (text)
    g_string_append (out, text);
  g_string_append_c (out, '\0');
}

static void
add_number (GString *out, gint64 number)
{
  g_string_append_printf (out, "%" G_GINT64_FORMAT, number);
  g_string_append_c (out, '\0');
}

typedef struct {
  const char *at, *end;
} Fields;

static const char *
next_text (Fields *fields)
{
  const char *text = fields->at;
  const char *nul
      = fields->at < fields->end ? memchr (fields->at, '\0', (gsize) (fields->end - fields->at)) : NULL;
  if (!nul)
    return "";
  fields->at = nul + 1;
  return text;
}

static gint64
next_number (Fields *fields)
{
  return g_ascii_strtoll (next_text (fields), NULL, 10);
}

static char *
next_optional (Fields *fields)
{
  const char *text = next_text (fields);
  return *text ? g_strdup (text) : NULL;
}

static GBytes *
seal_fields (PnKey *key, GString *fields, const char *associated)
{
  return pn_seal_bytes (key, fields->str, fields->len, associated);
}

/* --- summaries --- */

static void
item_label (char label[256], const char *id)
{
  g_snprintf (label, 256, "item %s", id);
}

GBytes *
pn_summary_seal (PnKey *key, const PnItem *item)
{
  char label[256];
  g_autoptr (GString) out = g_string_sized_new (512);
  add_text (out, item->from);
  add_text (out, item->to);
  add_text (out, item->subject);
  add_text (out, item->place);
  add_text (out, item->organizer);
  add_text (out, item->uid);
  add_text (out, item->recurrence);
  add_number (out, item->method);
  add_number (out, item->sequence);
  add_number (out, item->stamp);
  add_number (out, item->start);
  add_number (out, item->end);
  add_text (out, item->timezone);
  add_number (out, item->all_day);
  add_text (out, item->repeat);
  item_label (label, item->id);
  return seal_fields (key, out, label);
}

void
pn_summary_unseal (PnKey *key, PnItem *item, const void *data, gsize length)
{
  char label[256];
  g_autoptr (GError) error = NULL;
  item_label (label, item->id);
  g_autoptr (GBytes) plain = pn_unseal_bytes (key, data, length, label, &error);
  gsize size = 0;
  const char *bytes = plain ? g_bytes_get_data (plain, &size) : NULL;
  Fields fields = { bytes, bytes + size };
  item->from = g_strdup (next_text (&fields));
  item->to = g_strdup (next_text (&fields));
  item->subject = plain ? g_strdup (next_text (&fields)) : g_strdup_printf ("(damaged: %s)", error->message);
  item->place = g_strdup (next_text (&fields));
  item->organizer = g_strdup (next_text (&fields));
  item->uid = next_optional (&fields);
  item->recurrence = next_optional (&fields);
  item->method = (PnMethod) next_number (&fields);
  item->sequence = (int) next_number (&fields);
  item->stamp = next_number (&fields);
  item->start = next_number (&fields);
  item->end = next_number (&fields);
  item->timezone = next_optional (&fields);
  item->all_day = next_number (&fields) != 0;
  item->repeat = next_optional (&fields);
}

/* --- status reports --- */

static void
report_label (char label[64], gint64 item)
{
  g_snprintf (label, 64, "status of item %" G_GINT64_FORMAT, item);
}

GBytes *
pn_report_seal (PnKey *key, const PnStatusReport *report, gint64 item)
{
  static const PnAddress nobody;
  const PnAddress *recipient = report->recipient ? report->recipient : &nobody;
  char label[64];
  g_autoptr (GString) out = g_string_sized_new (256);
  add_number (out, report->action);
  add_number (out, report->time.set);
  add_number (out, report->time.unix_time);
  add_number (out, report->time.offset);
  add_text (out, recipient->domain);
  add_text (out, recipient->post_office);
  add_text (out, recipient->user);
  add_text (out, recipient->internet);
  add_text (out, recipient->name);
  add_text (out, report->status_code);
  add_text (out, report->diagnostic);
  add_text (out, report->remote_mta);
  add_text (out, report->comment);
  report_label (label, item);
  return seal_fields (key, out, label);
}

PnStatusReport *
pn_report_unseal (PnKey *key, const void *data, gsize length, gint64 item, GError **error)
{
  char label[64];
  gsize size = 0;
  report_label (label, item);
  g_autoptr (GBytes) plain = pn_unseal_bytes (key, data, length, label, error);
  if (!plain)
    return NULL;
  const char *bytes = g_bytes_get_data (plain, &size);
  Fields fields = { bytes, bytes + size };
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = (PnAction) next_number (&fields);
  report->time.set = next_number (&fields) != 0;
  report->time.unix_time = next_number (&fields);
  report->time.offset = (int) next_number (&fields);
  report->recipient = pn_address_new (NULL, NULL, NULL);
  report->recipient->domain = next_optional (&fields);
  report->recipient->post_office = next_optional (&fields);
  report->recipient->user = next_optional (&fields);
  report->recipient->internet = next_optional (&fields);
  report->recipient->name = next_optional (&fields);
  report->status_code = next_optional (&fields);
  report->diagnostic = next_optional (&fields);
  report->remote_mta = next_optional (&fields);
  report->comment = next_optional (&fields);
  return report;
}
