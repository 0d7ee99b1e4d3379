/* Lines of iCalendar: values, ids of meetings, and people. */
#include "convert/tnef-writer.h"

#include "convert/ical-private.h"

#include <string.h>

const PnMapiProperty *
pn_tnef_appointment (const PnTnefWriter *self, guint32 name)
{
  return pn_mapi_find_named (self->properties, PN_SET_APPOINTMENT, name);
}

/* --- lines -------------------------------------------------------------------------------------------------
 */

void
pn_tnef_put (PnTnefWriter *self, const char *name, const char *value)
{
  g_string_append_printf (self->out, "%s%s\r\n", name, value);
}

void
pn_tnef_put_text (PnTnefWriter *self, const char *name, const char *text)
{
  if (!text || !*text)
    return;
  g_string_append (self->out, name);
  pn_ical_append_text (self->out, text);
  g_string_append (self->out, "\r\n");
}

void
pn_tnef_put_utc (PnTnefWriter *self, const char *name, gint64 at)
{
  g_string_append_printf (self->out, "%s:", name);
  pn_ical_append_utc (self->out, at);
  g_string_append (self->out, "\r\n");
}

/* A wall clock time in the zone of the item. */
void
pn_tnef_put_local (PnTnefWriter *self, const char *name, gint64 wall)
{
  if (self->all_day)
    g_string_append_printf (self->out, "%s;VALUE=DATE:", name);
  else if (self->zone)
    g_string_append_printf (self->out, "%s;TZID=%s:", name, self->zone);
  else
    g_string_append_printf (self->out, "%s:", name);
  pn_ical_append_local (self->out, wall, self->all_day);
  g_string_append (self->out, self->zone || self->all_day ? "\r\n" : "Z\r\n");
}

/* A day, that of local midnight: without a zone the day that begins nearest to it. */
void
pn_tnef_put_date (PnTnefWriter *self, const char *name, gint64 at, gboolean local)
{
  PnCalendarTime time = { 0 };
  const char *zone = self->zone ? self->zone : self->tnef->site_timezone;
  gint64 wall = at;
  if (!local && zone && pn_timezone_from_unix (zone, at, &time))
    wall = pn_calendar_time_local (&time);
  pn_calendar_time_clear (&time);
  g_string_append_printf (self->out, "%s;VALUE=DATE:", name);
  pn_ical_append_local (self->out, pn_day_of (wall + 43200) * 86400, TRUE);
  g_string_append (self->out, "\r\n");
}

void
pn_tnef_put_time (PnTnefWriter *self, const char *name, gint64 at)
{
  PnCalendarTime time = { 0 };
  if (self->all_day) {
    pn_tnef_put_date (self, name, at, FALSE);
    return;
  }
  if (!self->zone || !pn_timezone_from_unix (self->zone, at, &time)) {
    pn_tnef_put_utc (self, name, at);
    return;
  }
  g_string_append_printf (self->out, "%s;TZID=%s:", name, self->zone);
  pn_ical_append_local (self->out, pn_calendar_time_local (&time), FALSE);
  g_string_append (self->out, "\r\n");
  pn_calendar_time_clear (&time);
}

/* --- identity
 * ------------------------------------------------------------------------------------------------ */

enum { ID_HEAD = 40 }; /* what stands before the data of an id */

void
pn_tnef_append_hex (GString *out, const guint8 *data, gsize length)
{
  for (gsize i = 0; i < length; i++)
    g_string_append_printf (out, "%02X", data[i]);
}

/* The UID that other programs gave it, which Exchange wraps into its own. */
static gboolean
unwrap_id (PnTnefWriter *self, const guint8 *id, gsize length)
{
  static const guint8 mark[] = { 'v', 'C', 'a', 'l', '-', 'U', 'i', 'd', 1, 0, 0, 0 };
  if (length <= ID_HEAD + sizeof mark || memcmp (id + ID_HEAD, mark, sizeof mark) != 0)
    return FALSE;
  const guint8 *uid = id + ID_HEAD + sizeof mark;
  gsize n = strnlen ((const char *) uid, length - ID_HEAD - sizeof mark);
  g_autofree char *text = n > 0 && n < 1000 ? g_utf8_make_valid ((const char *) uid, (gssize) n) : NULL;
  pn_tnef_put_text (self, "UID:", text);
  return text != NULL;
}

static void
put_uid (PnTnefWriter *self, const guint8 *id, gsize length)
{
  static const guint8 no_date[PN_TNEF_ID_DATE_END - PN_TNEF_ID_DATE] = { 0 };
  if (!id || length < PN_TNEF_ID_DATE_END || length > 1000 || unwrap_id (self, id, length))
    return;
  g_string_append (self->out, "UID:");
  pn_tnef_append_hex (self->out, id, PN_TNEF_ID_DATE);
  pn_tnef_append_hex (self->out, no_date, sizeof no_date);
  pn_tnef_append_hex (self->out, id + PN_TNEF_ID_DATE_END, length - PN_TNEF_ID_DATE_END);
  g_string_append (self->out, "\r\n");
}

/* The date in the id says which instance of the series it is; the time of that day stands elsewhere. */
void
pn_tnef_put_recurrence_id (PnTnefWriter *self, const guint8 *id, gsize length)
{
  gint64 at, start;
  if (!id || length < PN_TNEF_ID_DATE_END)
    return;
  int year = id[PN_TNEF_ID_DATE] << 8 | id[PN_TNEF_ID_DATE + 1], month = id[PN_TNEF_ID_DATE + 2],
      day = id[PN_TNEF_ID_DATE + 3];
  if (year < 1601 || year > 4500 || month < 1 || month > 12 || day < 1
      || day > pn_days_of_month (year, month))
    return;
  gint64 date = pn_civil_to_days (year, month, day) * 86400;
  if (pn_mapi_time (pn_tnef_appointment (self, REPLACED_TIME), &at)) {
    pn_tnef_put_time (self, "RECURRENCE-ID", at);
  } else if (!self->all_day && self->zone && pn_mapi_time (pn_tnef_appointment (self, START_WHOLE), &start)) {
    PnCalendarTime time = { 0 };
    if (pn_timezone_from_unix (self->zone, start, &time)) {
      g_string_append_printf (self->out, "RECURRENCE-ID;TZID=%s:", self->zone);
      pn_ical_append_local (self->out, date + pn_calendar_time_local (&time) % 86400, FALSE);
      g_string_append (self->out, "\r\n");
    }
    pn_calendar_time_clear (&time);
  } else {
    pn_tnef_put_date (self, "RECURRENCE-ID", date, TRUE);
  }
}

/* Who called the meeting: he who asks, or he who is answered.  Caller frees. */
static PnAddress *
find_organizer (const PnTnefWriter *self)
{
  const PnMessage *message = self->tnef->message;
  PnAddress *owner = pn_tnef_attribute_address (self->tnef, PN_ATT_OWNER);
  if (!self->kind->partstat && message->from) {
    pn_address_free (owner);
    return pn_address_copy (message->from);
  }
  /* Some programs put there who answers. */
  if (owner && message->from && self->kind->partstat
      && g_ascii_strcasecmp (owner->internet, message->from->internet ? message->from->internet : "") == 0)
    g_clear_pointer (&owner, pn_address_free);
  for (guint i = 0; !owner && self->kind->partstat && i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->distribution == PN_TO && recipient->address->internet)
      owner = pn_address_copy (recipient->address);
  }
  return owner;
}

/* Before there were such ids a number and the organizer told meetings apart. */
static void
put_old_uid (PnTnefWriter *self)
{
  enum { OWNER_APPOINTMENT = 0x0062 };
  const PnTnefAttribute *attribute = pn_tnef_attribute (self->tnef, PN_ATT_AID_OWNER);
  gint64 number = attribute && attribute->length >= 4 ? pn_tnef_get32 (attribute->data) : 0;
  if (number == 0)
    number = pn_mapi_number_or (pn_mapi_find (self->properties, OWNER_APPOINTMENT), 0);
  g_autoptr (PnAddress) owner = find_organizer (self);
  if (number == 0 || !owner)
    return;
  g_autofree char *host = g_ascii_strdown (owner->internet, -1);
  g_string_append_printf (self->out, "UID:owner-appointment-%08x-%s\r\n", (guint32) number, host);
}

void
pn_tnef_put_meeting_ids (PnTnefWriter *self)
{
  gsize length = 0, clean_length = 0;
  const guint8 *id
      = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_MEETING, GLOBAL_ID), &length);
  const guint8 *clean = pn_mapi_binary (
      pn_mapi_find_named (self->properties, PN_SET_MEETING, CLEAN_GLOBAL_ID), &clean_length);
  if (clean && clean_length >= PN_TNEF_ID_DATE_END)
    put_uid (self, clean, clean_length);
  else if (id && length >= PN_TNEF_ID_DATE_END)
    put_uid (self, id, length);
  else
    put_old_uid (self);
}

/* --- people
 * --------------------------------------------------------------------------------------------------- */

static void
put_person (PnTnefWriter *self, const char *name, const PnAddress *address, const char *role,
            const char *partstat, const PnAddress *sent_by)
{
  if (!address || !address->internet || strpbrk (address->internet, "\r\n"))
    return;
  g_string_append (self->out, name);
  if (address->name && *address->name) {
    g_string_append (self->out, ";CN=");
    pn_ical_append_parameter (self->out, address->name);
  }
  if (role)
    g_string_append_printf (self->out, ";ROLE=%s", role);
  if (role && strcmp (role, "NON-PARTICIPANT") == 0)
    g_string_append (self->out, ";CUTYPE=RESOURCE");
  if (partstat)
    g_string_append_printf (self->out, ";PARTSTAT=%s", partstat);
  if (role && pn_mapi_number_or (pn_mapi_find (self->properties, RESPONSE_REQUESTED), 1))
    g_string_append (self->out, ";RSVP=TRUE");
  if (sent_by && sent_by->internet && !strpbrk (sent_by->internet, "\r\n\"")
      && g_ascii_strcasecmp (sent_by->internet, address->internet) != 0)
    g_string_append_printf (self->out, ";SENT-BY=\"mailto:%s\"", sent_by->internet);
  g_string_append_printf (self->out, ":mailto:%s\r\n", address->internet);
}

static const char *
role_of (PnDistribution distribution)
{
  return distribution == PN_CC   ? "OPT-PARTICIPANT"
         : distribution == PN_BC ? "NON-PARTICIPANT"
                                 : "REQ-PARTICIPANT";
}

/* How a row of the recipient table has answered. */
static const char *
partstat_of (const GArray *row)
{
  enum { TRACK_STATUS = 0x5FFF };
  static const char *const words[] = { "NEEDS-ACTION", "ACCEPTED", "TENTATIVE", "ACCEPTED", "DECLINED" };
  gint64 status = pn_mapi_number_or (pn_mapi_find (row, TRACK_STATUS), 0);
  return words[status > 0 && status < (gint64) G_N_ELEMENTS (words) ? status : 0];
}

/* The rows of the table, that of the organizer excepted.  FALSE if none has an address. */
static gboolean
put_rows (PnTnefWriter *self, const PnAddress *organizer)
{
  enum { RECIPIENT_TYPE = 0x0C15, RECIPIENT_FLAGS = 0x5FFD, IS_ORGANIZER = 2, TYPES = 0xF };
  gboolean any = FALSE;
  for (guint i = 0; i < self->tnef->rows->len && i < PN_TNEF_MAX_PEOPLE; i++) {
    const GArray *row = self->tnef->rows->pdata[i];
    g_autoptr (PnAddress) address = pn_tnef_row_address (self->tnef, row);
    gint64 type = pn_mapi_number_or (pn_mapi_find (row, RECIPIENT_TYPE), 1) & TYPES;
    gint64 flags = pn_mapi_number_or (pn_mapi_find (row, RECIPIENT_FLAGS), 0);
    if (!address || type == 0 || (flags & IS_ORGANIZER))
      continue;
    any = TRUE;
    if (organizer && g_ascii_strcasecmp (address->internet, organizer->internet) == 0)
      continue;
    put_person (self, "ATTENDEE", address,
                role_of (type == 3   ? PN_BC
                         : type == 2 ? PN_CC
                                     : PN_TO),
                partstat_of (row), NULL);
  }
  return any;
}

static void
put_people (PnTnefWriter *self)
{
  const PnMessage *message = self->tnef->message;
  if (self->method == PN_METHOD_PUBLISH && message->recipients->len == 0 && self->tnef->rows->len == 0)
    return;
  g_autoptr (PnAddress) organizer = find_organizer (self);
  put_person (self, "ORGANIZER", organizer, NULL, NULL, message->sender);
  if (put_rows (self, organizer))
    return;
  for (guint i = 0; i < message->recipients->len && i < PN_TNEF_MAX_PEOPLE; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    put_person (self, "ATTENDEE", recipient->address, role_of (recipient->distribution), "NEEDS-ACTION",
                NULL);
  }
}

void
pn_tnef_put_people (PnTnefWriter *self)
{
  gsize before = self->out->len;
  /* each instance that differs has them once more */
  if (self->people) {
    g_string_append (self->out, self->people);
    return;
  }
  put_people (self);
  self->people = g_strdup (self->out->str + before);
}

/* An answer goes from an attendee to the organizer. */
void
pn_tnef_put_answer (PnTnefWriter *self, const char *partstat)
{
  const PnMessage *message = self->tnef->message;
  g_autoptr (PnAddress) organizer = find_organizer (self);
  put_person (self, "ORGANIZER", organizer, NULL, NULL, NULL);
  put_person (self, "ATTENDEE", message->from, NULL, partstat, message->sender);
}
