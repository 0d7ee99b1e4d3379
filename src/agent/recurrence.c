/* Series for receivers whose calendars take simple rules only, as Exchange does. */
#include "agent/compose.h"

#include "convert/ical-series.h"

#include <string.h>
#include <time.h>

static gboolean
is_listed (const char *list, const char *domain)
{
  g_auto (GStrv) names = g_strsplit_set (list, " \t,", -1);
  for (guint i = 0; names[i]; i++) {
    if (strcmp (names[i], "*") == 0 || g_ascii_strcasecmp (names[i], domain) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
takes_rules (PnAgent *self, const PnMessage *message, const char *address)
{
  const PnPeer *peer;
  const char *at = strrchr (address, '@');
  return at
         && (is_listed (pn_config_string (self->program->config, "agent", "full-recurrence-domains"), at + 1)
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

gboolean
pn_agent_stage_series (PnAgent *self, PnMessage *message, const PnSendHead *head, PnCorrelation *record,
                       GError **error)
{
  const PnConfig *config = self->program->config;
  gboolean simple = g_ascii_strcasecmp (pn_config_string (config, "agent", "recurrence"), "simple") == 0;
  /* What came from outside goes on with its own bytes. */
  if (!simple || !message->calendar || message->type == PN_TYPE_STATUS
      || pn_message_get_part (message, PN_PART_SKELETON))
    return pn_agent_stage (self, message, head, record, error);
  g_autoptr (PnSendHead) full = head_for (self, message, head, TRUE), others = head_for (self, message, head, FALSE);
  g_autoptr (GPtrArray) singles = NULL;
  guint max = (guint) pn_config_integer (config, "agent", "recurrence-singles");
  if (others->recipients->len > 0)
    singles = pn_ical_singles (message, (gint64) time (NULL), max, config->timezone, NULL);
  if (!singles || singles->len == 0)
    return pn_agent_stage (self, message, head, record, error);
  if (full->recipients->len > 0 && !pn_agent_stage (self, message, full, record, error))
    return FALSE;
  return stage_singles (self, message, singles, others, record, error);
}
