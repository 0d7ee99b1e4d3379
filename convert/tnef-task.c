/* Tasks and journals. */
#include "convert/tnef-writer.h"

#include "convert/ical-private.h"

#include <string.h>

/* --- tasks
 * ------------------------------------------------------------------------------------------------------ */

static const PnMapiProperty *
task (const PnTnefWriter *self, guint32 name)
{
  return pn_mapi_find_named (self->properties, PN_SET_TASK, name);
}

static int
percent_of (const PnMapiProperty *property)
{
  double part;
  if (!property || property->type != PN_MAPI_DOUBLE)
    return -1;
  guint64 bits = pn_tnef_get64 (property->value);
  memcpy (&part, &bits, sizeof part);
  return part >= 0 && part <= 1 ? (int) (part * 100 + 0.5) : -1;
}

static void
put_task_state (PnTnefWriter *self)
{
  static const char *const words[]
      = { "NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "NEEDS-ACTION", "NEEDS-ACTION" };
  gboolean complete = pn_mapi_number_or (task (self, TASK_COMPLETE), 0) != 0;
  gint64 status = complete ? 2 : pn_mapi_number_or (task (self, TASK_STATUS), -1), at;
  int percent = percent_of (task (self, TASK_PERCENT));
  const char *partstat = self->kind->partstat;
  if (status >= 0 && status < (gint64) G_N_ELEMENTS (words))
    pn_tnef_put (self, "STATUS:", words[status]);
  if (status == 2)
    percent = 100;
  if (percent >= 0)
    g_string_append_printf (self->out, "PERCENT-COMPLETE:%d\r\n", percent);
  if (pn_mapi_time (task (self, TASK_COMPLETED_AT), &at))
    pn_tnef_put_utc (self, "COMPLETED", at);
  if (!partstat)
    return;
  if (strcmp (partstat, "IN-PROCESS") == 0 && status == 2)
    partstat = "COMPLETED";
  pn_tnef_put_answer (self, partstat);
}

void
pn_tnef_put_task (PnTnefWriter *self)
{
  gint64 at;
  gsize length;
  const guint8 *id
      = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_COMMON, TASK_GLOBAL_ID), &length);
  if (id && length > 0 && length <= 64) {
    g_string_append (self->out, "UID:");
    pn_tnef_append_hex (self->out, id, length);
    g_string_append (self->out, "\r\n");
  }
  pn_tnef_put_pattern (self, task (self, TASK_RECURRENCE), pn_tnef_appointment (self, PATTERN), FALSE);
  /* these are midnights of no zone */
  self->all_day = TRUE;
  if (pn_mapi_time (task (self, TASK_START), &at))
    pn_tnef_put_date (self, "DTSTART", at, TRUE);
  else if (self->series)
    pn_tnef_put_local (self, "DTSTART", self->series->start);
  if (pn_mapi_time (task (self, TASK_DUE), &at))
    pn_tnef_put_date (self, "DUE", at, TRUE);
  pn_tnef_put_rank (self);
  put_task_state (self);
  if (!self->kind->partstat)
    pn_tnef_put_people (self);
  if (self->series)
    pn_tnef_put_series (self);
  pn_tnef_put_description (self, self->kind->partstat ? "COMMENT:" : "DESCRIPTION:");
  if (self->method == PN_METHOD_PUBLISH)
    pn_tnef_put_alarm (self, NULL);
}

/* --- journal
 * --------------------------------------------------------------------------------------------------
 */

void
pn_tnef_put_journal (PnTnefWriter *self)
{
  enum { LOG_TYPE = 0x8700, LOG_START = 0x8706, LOG_END = 0x8708 };
  gint64 at;
  g_autofree char *type
      = pn_tnef_text (self->tnef, pn_mapi_find_named (self->properties, PN_SET_LOG, LOG_TYPE));
  if (pn_mapi_time (pn_mapi_find_named (self->properties, PN_SET_LOG, LOG_START), &at)
      || pn_mapi_time (pn_mapi_find_named (self->properties, PN_SET_COMMON, COMMON_START), &at))
    pn_tnef_put_utc (self, "DTSTART", at);
  pn_tnef_put_rank (self);
  pn_tnef_put_text (self, "CATEGORIES:", type);
  pn_tnef_put_description (self, "DESCRIPTION:");
}
