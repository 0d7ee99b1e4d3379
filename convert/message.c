#include "convert/message.h"

#include <string.h>

PnAddress *
pn_address_new (const char *domain, const char *post_office, const char *user)
{
  PnAddress *self = g_new0 (PnAddress, 1);
  self->domain = g_strdup (domain);
  self->post_office = g_strdup (post_office);
  self->user = g_strdup (user);
  return self;
}

PnAddress *
pn_address_new_internet (const char *internet, const char *name)
{
  PnAddress *self = g_new0 (PnAddress, 1);
  self->internet = g_strdup (internet);
  self->name = g_strdup (name);
  return self;
}

PnAddress *
pn_address_copy (const PnAddress *self)
{
  if (!self)
    return NULL;
  PnAddress *copy = pn_address_new (self->domain, self->post_office, self->user);
  copy->internet = g_strdup (self->internet);
  copy->name = g_strdup (self->name);
  return copy;
}

void
pn_address_free (PnAddress *self)
{
  if (!self)
    return;
  g_free (self->domain);
  g_free (self->post_office);
  g_free (self->user);
  g_free (self->internet);
  g_free (self->name);
  g_free (self);
}

char *
pn_address_to_string (const PnAddress *self)
{
  if (!self)
    return g_strdup ("");
  if (self->domain && self->post_office && self->user)
    return g_strconcat (self->domain, ".", self->post_office, ".", self->user, NULL);
  if (self->internet)
    return g_strdup (self->internet);
  if (self->user) {
    const char *parts[4] = { NULL };
    guint n = 0;
    if (self->domain)
      parts[n++] = self->domain;
    if (self->post_office)
      parts[n++] = self->post_office;
    parts[n] = self->user;
    return g_strjoinv (".", (char **) parts);
  }
  return g_strdup ("");
}

/* RFC 5322 3.2.3: a phrase of atoms needs no quotes. */
static gboolean
is_plain_phrase (const char *name)
{
  for (const char *p = name; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (" !#$%&'*+-/=?^_`{|}~", *p) && (guchar) *p < 0x80)
      return FALSE;
  gsize length = strlen (name);
  return name[0] != ' ' && name[length - 1] != ' ' && !strstr (name, "  ");
}

static void
append_phrase (GString *out, const char *name)
{
  if (is_plain_phrase (name)) {
    g_string_append (out, name);
    return;
  }
  g_string_append_c (out, '"');
  for (const char *p = name; *p; p++) {
    if (*p == '\r' || *p == '\n') {
      g_string_append_c (out, ' ');
      continue;
    }
    if (*p == '"' || *p == '\\')
      g_string_append_c (out, '\\');
    g_string_append_c (out, *p);
  }
  g_string_append_c (out, '"');
}

char *
pn_address_display (const PnAddress *self)
{
  if (!self)
    return g_strdup ("");
  g_autoptr (GString) spec = g_string_new (self->internet);
  if (!self->internet) {
    const char *const parts[] = { self->user, self->post_office, self->domain };
    for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
      if (parts[i])
        g_string_append_printf (spec, "%s%s", spec->len ? "." : "", parts[i]);
  }
  if (!self->name || !*self->name)
    return g_string_free (g_steal_pointer (&spec), FALSE);
  GString *out = g_string_new (NULL);
  append_phrase (out, self->name);
  if (spec->len)
    g_string_append_printf (out, " <%s>", spec->str);
  return g_string_free (out, FALSE);
}

void
pn_recipient_free (PnRecipient *self)
{
  if (!self)
    return;
  pn_address_free (self->address);
  g_free (self->group);
  g_free (self->dsn_notify);
  g_free (self->dsn_orcpt);
  g_free (self);
}

PnPart *
pn_part_new (PnPartRole role, const char *type, PnContent *content)
{
  PnPart *self = g_new0 (PnPart, 1);
  self->role = role;
  self->type = g_ascii_strdown (type, -1);
  self->content = content;
  return self;
}

void
pn_part_free (PnPart *self)
{
  if (!self)
    return;
  g_free (self->name);
  g_free (self->type);
  g_free (self->parameters);
  g_free (self->content_id);
  g_free (self->content_location);
  g_free (self->description);
  g_free (self->charset);
  g_clear_pointer (&self->content, pn_content_unref);
  g_free (self);
}

void
pn_header_free (PnHeader *self)
{
  if (!self)
    return;
  g_free (self->name);
  g_free (self->value);
  g_free (self);
}

void
pn_loss_free (PnLoss *self)
{
  if (!self)
    return;
  g_free (self->part);
  g_free (self->reason);
  g_free (self);
}

void
pn_status_report_free (PnStatusReport *self)
{
  if (!self)
    return;
  pn_address_free (self->recipient);
  g_free (self->original_recipient);
  g_free (self->wording);
  g_free (self->status_code);
  g_free (self->diagnostic);
  g_free (self->remote_mta);
  g_free (self->comment);
  g_free (self);
}

void
pn_calendar_time_clear (PnCalendarTime *self)
{
  g_free (self->tzid);
  memset (self, 0, sizeof *self);
}

void
pn_calendar_time_copy (PnCalendarTime *to, const PnCalendarTime *from)
{
  PnCalendarTime copy = *from; /* TO may be FROM */
  copy.tzid = g_strdup (from->tzid);
  pn_calendar_time_clear (to);
  *to = copy;
}

void
pn_attendee_free (PnAttendee *self)
{
  if (!self)
    return;
  pn_address_free (self->address);
  g_free (self->role);
  g_free (self->cutype);
  g_free (self->delegated_to);
  g_free (self->delegated_from);
  g_free (self->sent_by);
  g_free (self);
}

PnCalendar *
pn_calendar_new (void)
{
  PnCalendar *self = g_new0 (PnCalendar, 1);
  self->rdates = g_ptr_array_new_with_free_func (g_free);
  self->exdates = g_ptr_array_new_with_free_func (g_free);
  self->zones = g_ptr_array_new_with_free_func (g_free);
  self->properties = g_ptr_array_new_with_free_func (g_free);
  self->components = g_ptr_array_new_with_free_func (g_free);
  self->object_properties = g_ptr_array_new_with_free_func (g_free);
  self->attendees = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_attendee_free);
  self->percent_complete = -1;
  return self;
}

void
pn_calendar_free (PnCalendar *self)
{
  if (!self)
    return;
  g_free (self->component);
  g_free (self->uid);
  pn_calendar_time_clear (&self->start);
  pn_calendar_time_clear (&self->end);
  pn_calendar_time_clear (&self->recurrence_id);
  g_free (self->summary);
  g_free (self->description);
  g_free (self->place);
  g_free (self->rrule);
  g_ptr_array_unref (self->rdates);
  g_ptr_array_unref (self->exdates);
  g_ptr_array_unref (self->zones);
  g_ptr_array_unref (self->properties);
  g_ptr_array_unref (self->components);
  g_ptr_array_unref (self->object_properties);
  pn_address_free (self->organizer);
  g_free (self->organizer_sent_by);
  g_ptr_array_unref (self->attendees);
  g_free (self->status);
  g_free (self->klass);
  g_free (self->busy_status);
  g_free (self->comment);
  g_free (self);
}

void
pn_extra_keyword_free (PnExtraKeyword *self)
{
  if (!self)
    return;
  g_free (self->name);
  g_free (self->text);
  g_free (self);
}

PnMessage *
pn_message_new (PnMessageType type)
{
  PnMessage *self = g_new0 (PnMessage, 1);
  self->type = type;
  self->reply_to = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_address_free);
  self->recipients = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_recipient_free);
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_part_free);
  self->references = g_ptr_array_new_with_free_func (g_free);
  self->headers = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_header_free);
  self->reports = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_status_report_free);
  self->busy = g_ptr_array_new_with_free_func (g_free);
  self->extra = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_extra_keyword_free);
  self->losses = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_loss_free);
  return self;
}

void
pn_message_free (PnMessage *self)
{
  if (!self)
    return;
  g_free (self->id);
  g_free (self->orig_id);
  pn_address_free (self->from);
  pn_address_free (self->sender);
  g_ptr_array_unref (self->reply_to);
  g_ptr_array_unref (self->recipients);
  g_free (self->to_text);
  g_free (self->cc_text);
  g_free (self->envelope_from);
  g_free (self->envelope_id);
  g_free (self->envelope_ret);
  g_free (self->subject);
  g_ptr_array_unref (self->parts);
  g_free (self->send_options);
  g_free (self->action);
  g_free (self->message_id);
  g_free (self->in_reply_to);
  g_ptr_array_unref (self->references);
  g_ptr_array_unref (self->headers);
  pn_calendar_free (self->calendar);
  g_ptr_array_unref (self->reports);
  g_free (self->task_category);
  g_free (self->caller_name);
  g_free (self->caller_company);
  g_free (self->caller_phone);
  g_ptr_array_unref (self->busy);
  pn_address_free (self->busy_for);
  g_ptr_array_unref (self->extra);
  g_ptr_array_unref (self->losses);
  g_free (self);
}

PnRecipient *
pn_message_add_recipient (PnMessage *self, PnDistribution distribution, PnAddress *address)
{
  PnRecipient *recipient = g_new0 (PnRecipient, 1);
  recipient->address = address;
  recipient->distribution = distribution;
  recipient->listed = distribution != PN_BC;
  recipient->deliver = TRUE;
  g_ptr_array_add (self->recipients, recipient);
  return recipient;
}

void
pn_message_add_part (PnMessage *self, PnPart *part)
{
  guint at = self->parts->len;
  if (at > 0 && ((PnPart *) self->parts->pdata[at - 1])->role == PN_PART_SKELETON)
    at--;
  g_ptr_array_insert (self->parts, at, part);
}

PnPart *
pn_message_get_part (const PnMessage *self, PnPartRole role)
{
  for (guint i = 0; i < self->parts->len; i++) {
    PnPart *part = self->parts->pdata[i];
    if (part->role == role)
      return part;
  }
  return NULL;
}

void
pn_message_add_loss (PnMessage *self, const char *part, const char *format, ...)
{
  PnLoss *loss = g_new0 (PnLoss, 1);
  loss->part = g_strdup (part);
  va_list arguments;
  va_start (arguments, format);
  loss->reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_ptr_array_add (self->losses, loss);
}

const char *
pn_message_get_header (const PnMessage *self, const char *name)
{
  for (guint i = 0; i < self->headers->len; i++) {
    const PnHeader *header = self->headers->pdata[i];
    if (g_ascii_strcasecmp (header->name, name) == 0)
      return header->value;
  }
  return NULL;
}

gboolean
pn_message_is_retraction (const PnMessage *self)
{
  return self->action && g_ascii_strcasecmp (self->action, "Retract") == 0;
}

guint
pn_message_priority_directory (const PnMessage *self)
{
  if (self->type == PN_TYPE_SEARCH)
    return 0;
  guint directory = self->priority == PN_PRIORITY_HIGH ? 2 : self->priority == PN_PRIORITY_LOW ? 6 : 4;
  return self->type == PN_TYPE_STATUS ? directory + 1 : directory;
}
