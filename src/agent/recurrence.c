/* Series for receivers whose calendars take simple rules only, as Exchange does. */
#include "agent/compose.h"

#include "convert/ical-series.h"
#include "core/domain.h"

#include <string.h>
#include <time.h>

static gboolean
takes_rules (PnAgent *self, const PnMessage *message, const char *address)
{
  const PnPeer *peer;
  const char *at = strrchr (address, '@');
  return at
         && (pn_domains_include (self->settings.full_recurrence_domains, at + 1)
             || pn_agent_form (self, message, at + 1, &peer) == PN_FORM_NATIVE);
}

/* HEAD for those of its recipients who take any rule (FULL), or for the others. */
static PnSendHead *
head_for (PnAgent *self, const PnMessage *message, const PnSendHead *head, gboolean full)
{
  PnSendHead *part = pn_send_head_new ();
  part->id = g_strdup (head->id);
  part->queued = head->queued;
  part->mail_from = g_strdup (head->mail_from);
  part->envid = g_strdup (head->envid);
  part->ret = g_strdup (head->ret);
  for (guint i = 0; i < head->recipients->len; i++) {
    const PnSendRecipient *recipient = g_ptr_array_index (head->recipients, i);
    if (takes_rules (self, message, recipient->address) == full)
      pn_send_head_add (part, recipient->address, recipient->notify, recipient->orcpt);
  }
  return part;
}

/* --- what was sent of a series before --------------------------------------------------------- */

typedef struct {
  PnAgent *agent;
  PnMessage *message;
  PnCorrelation *record;
  GPtrArray *known;   /* char *: instances that went as single items before */
  GPtrArray *singles; /* PnMessage: what goes now; NULL: MESSAGE goes as it is */
} Plan;

static void
plan_clear (Plan *self)
{
  g_clear_pointer (&self->known, g_ptr_array_unref);
  g_clear_pointer (&self->singles, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plan, plan_clear)

static void
add_single (Plan *self, PnMessage *single /* taken */)
{
  if (!self->singles)
    self->singles = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_ptr_array_add (self->singles, single);
}

/* Instances are named in UTC, or by their date: both sort as text. */
static gboolean
is_past (const char *instance)
{
  char now[20];
  time_t seconds = time (NULL);
  struct tm tm;
  gmtime_r (&seconds, &tm);
  strftime (now, sizeof now, "%Y%m%dT%H%M%SZ", &tm);
  return strncmp (instance, now, strlen (instance)) < 0;
}

static gboolean
is_known (const Plan *self, const char *instance)
{
  return g_ptr_array_find_with_equal_func (self->known, instance, g_str_equal, NULL);
}

static void
take_back (Plan *self, const char *instance)
{
  PnMessage *cancel = is_past (instance) ? NULL : pn_ical_single_cancel (self->message, instance);
  g_ptr_array_add (self->record->dropped, g_strdup (instance));
  if (cancel)
    add_single (self, cancel);
}

/* MESSAGE is about one instance, or about it and the later ones. */
static void
plan_instance (Plan *self)
{
  const PnCalendar *calendar = self->message->calendar;
  g_autofree char *uid = NULL, *instance = NULL;
  if (!self->singles && self->known->len > 0) {
    PnMessage *single = pn_ical_single_of_instance (self->message);
    if (single)
      add_single (self, single);
  }
  if (!self->singles || !calendar->this_and_future || calendar->method != PN_METHOD_CANCEL)
    return;
  const PnMessage *first = g_ptr_array_index (self->singles, 0);
  if (!pn_ical_single_uid_parse (first->calendar->uid, &uid, &instance))
    return;
  for (guint i = 0; i < self->known->len; i++) {
    const char *later = g_ptr_array_index (self->known, i);
    if (strcmp (later, instance) > 0)
      take_back (self, later);
  }
}

/* MESSAGE is about the series: what it no longer has is taken back, and all of it if it goes as a series
 * now. */
static void
plan_series (Plan *self)
{
  gboolean as_series = !self->singles;
  gboolean cancel = self->message->calendar->method == PN_METHOD_CANCEL;
  const char *site = self->agent->program->config->timezone;
  for (guint i = 0; i < self->known->len; i++) {
    const char *instance = g_ptr_array_index (self->known, i);
    if (as_series || cancel || !pn_ical_is_instance (self->message, instance, site))
      take_back (self, instance);
  }
}

/* A cancelled instance has its message twice, if the series' own cancellation names it too. */
static void
drop_doubles (Plan *self)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; self->singles && i < self->singles->len;) {
    const PnMessage *single = g_ptr_array_index (self->singles, i);
    if (g_hash_table_add (seen, single->calendar->uid))
      i++;
    else
      g_ptr_array_remove_index (self->singles, i);
  }
}

static void
note_singles (Plan *self)
{
  for (guint i = 0; self->singles && i < self->singles->len; i++) {
    const PnMessage *single = g_ptr_array_index (self->singles, i);
    g_autofree char *uid = NULL, *instance = NULL;
    if (!pn_ical_single_uid_parse (single->calendar->uid, &uid, &instance))
      continue;
    gboolean cancel = single->calendar->method == PN_METHOD_CANCEL;
    if (cancel ? is_known (self, instance) : !is_known (self, instance))
      g_ptr_array_add (cancel ? self->record->dropped : self->record->singles, g_steal_pointer (&instance));
  }
}

static gboolean
make_plan (Plan *self, GError **error)
{
  PnAgent *agent = self->agent;
  PnCalendar *calendar = self->message->calendar;
  self->known = calendar->uid ? pn_correlation_db_list_singles (agent->correlation, calendar->uid, error)
                              : g_ptr_array_new ();
  if (!self->known)
    return FALSE;
  self->singles = pn_ical_singles (self->message, (gint64) time (NULL), agent->settings.recurrence_singles,
                                   agent->program->config->timezone, NULL);
  if (self->singles && self->singles->len == 0)
    g_clear_pointer (&self->singles, g_ptr_array_unref);
  if (calendar->recurrence_id.set)
    plan_instance (self);
  else
    plan_series (self);
  drop_doubles (self);
  note_singles (self);
  return TRUE;
}

/* --- staging ---------------------------------------------------------------------------------- */

/* The same recipients get the same instances each time: what was sent of an instance is found by its UID. */
static gboolean
stage_singles (PnAgent *self, PnMessage *message, GPtrArray *singles, const PnSendHead *head,
               PnCorrelation *record, GError **error)
{
  for (guint i = 0; i < singles->len; i++) {
    PnMessage *single = singles->pdata[i];
    g_free (single->message_id);
    single->message_id = g_strdup_printf ("%s.%u@%s", message->id, i + 1, self->program->config->host);
    if (!pn_agent_stage (self, single, head, record, error))
      return FALSE;
  }
  return TRUE;
}

/* Only what takes back single items goes beside a series that goes as it is now. */
static gboolean
only_cancels (const Plan *self)
{
  if (self->message->calendar->method == PN_METHOD_CANCEL || self->message->calendar->recurrence_id.set)
    return FALSE;
  for (guint i = 0; self->singles && i < self->singles->len; i++)
    if (((PnMessage *) g_ptr_array_index (self->singles, i))->calendar->method != PN_METHOD_CANCEL)
      return FALSE;
  return TRUE;
}

gboolean
pn_agent_stage_series (PnAgent *self, PnMessage *message, const PnSendHead *head, PnCorrelation *record,
                       GError **error)
{
  /* What came from outside goes on with its own bytes. */
  if (!self->settings.simple_recurrence || !message->calendar || message->type == PN_TYPE_STATUS
      || pn_message_get_part (message, PN_PART_SKELETON))
    return pn_agent_stage (self, message, head, record, error);
  g_autoptr (PnSendHead) full = head_for (self, message, head, TRUE);
  g_autoptr (PnSendHead) others = head_for (self, message, head, FALSE);
  g_auto (Plan) plan = { .agent = self, .message = message, .record = record };
  if (others->recipients->len > 0 && !make_plan (&plan, error))
    return FALSE;
  if (!plan.singles)
    return pn_agent_stage (self, message, head, record, error);
  if (only_cancels (&plan)) {
    if (!pn_agent_stage (self, message, head, record, error))
      return FALSE;
  } else if (full->recipients->len > 0 && !pn_agent_stage (self, message, full, record, error))
    return FALSE;
  return stage_singles (self, message, plan.singles, others, record, error);
}
