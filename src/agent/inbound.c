#include "agent/compose.h"

#include "convert/mime.h"
#include "core/counters.h"
#include "core/log.h"
#include "core/trace.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define TAKE_MS 1000
#define ATTEMPTS_MAX 3
#define MAIL_PRIORITY 4
#define STATUS_PRIORITY 5

/* --- who is who ------------------------------------------------------------------------------- */

static PnRecipient *
find_recipient (const PnMessage *message, const char *address)
{
  for (guint i = 0; i < message->recipients->len; i++) {
    PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (recipient->deliver && recipient->address->internet
        && g_ascii_strcasecmp (recipient->address->internet, address) == 0)
      return recipient;
  }
  return NULL;
}

static void
set_envelope (PnMessage *message, const PnEnvelope *envelope)
{
  pn_mime_set_envelope (message, envelope->mail_from, (const char *const *) envelope->rcpt_to);
  for (guint i = 0; envelope->rcpt_to[i]; i++) {
    const char *notify = envelope->rcpt_notify ? envelope->rcpt_notify[i] : NULL;
    const char *orcpt = envelope->rcpt_orcpt ? envelope->rcpt_orcpt[i] : NULL;
    if ((!notify || !*notify) && (!orcpt || !*orcpt))
      continue;
    PnRecipient *recipient = find_recipient (message, envelope->rcpt_to[i]);
    if (!recipient)
      continue;
    g_free (recipient->dsn_notify);
    g_free (recipient->dsn_orcpt);
    recipient->dsn_notify = g_strdup (notify && *notify ? notify : NULL);
    recipient->dsn_orcpt = g_strdup (orcpt && *orcpt ? orcpt : NULL);
  }
}

/* The native address "domain.post_office.user" that AUTH found. */
static PnUser *
find_submitter (PnAgent *self, const char *native)
{
  g_auto (GStrv) parts = native ? g_strsplit (native, ".", 3) : NULL;
  if (!parts || g_strv_length (parts) != 3)
    return NULL;
  return pn_directory_find_user (self->directory, parts[1], parts[2], NULL);
}

static gboolean
is_user (const PnAddress *address, const PnUser *user)
{
  return address && address->user && address->post_office
         && g_ascii_strcasecmp (address->user, user->user) == 0
         && g_ascii_strcasecmp (address->post_office, user->post_office) == 0;
}

/* Whoever has shown who he is stands in From as a user of the house, or else as Sender beside it. */
static void
set_submitter (PnAgent *self, PnMessage *message, const char *native)
{
  g_autoptr (PnUser) user = find_submitter (self, native);
  if (!user)
    return;
  PnAddress *address = pn_address_new (user->domain, user->post_office, user->user);
  address->internet = g_strdup (user->internet);
  address->name = pn_user_full_name (user);
  g_autoptr (PnAddress) from = message->from ? pn_address_copy (message->from) : NULL;
  if (from)
    pn_directory_complete (self->directory, from);
  if (!message->from) {
    message->from = address;
  } else if (is_user (from, user)) {
    pn_address_free (message->from);
    message->from = g_steal_pointer (&from);
    pn_address_free (address);
  } else {
    pn_address_free (message->sender);
    message->sender = address;
  }
}

static void
complete_recipients (PnAgent *self, PnMessage *message)
{
  for (guint i = 0; i < message->recipients->len; i++)
    pn_directory_complete (self->directory,
                           ((PnRecipient *) g_ptr_array_index (message->recipients, i))->address);
}

/* --- what the sender asked to be told --------------------------------------------------------- */

/* ORCPT that says no more than RCPT did. */
static gboolean
is_plain_orcpt (const char *orcpt, const char *address)
{
  if (!orcpt || !*orcpt)
    return TRUE;
  g_autofree char *decoded = pn_xtext_decode (orcpt);
  return decoded && g_ascii_strncasecmp (decoded, "rfc822;", 7) == 0
         && g_ascii_strcasecmp (decoded + 7, address) == 0;
}

/* RFC 3834 and Exchange's X-Auto-Response-Suppress: what was sent automatically is not answered, and nobody
 * wants to hear of its failure. */
static gboolean
is_silent (const PnMessage *message)
{
  const char *automatic = pn_message_get_header (message, "Auto-Submitted");
  const char *suppress = pn_message_get_header (message, "X-Auto-Response-Suppress");
  if (automatic && g_ascii_strncasecmp (automatic, "no", 2) != 0)
    return TRUE;
  g_auto (GStrv) words = g_strsplit (suppress ? suppress : "", ",", -1);
  for (char **word = words; *word; word++)
    if (g_ascii_strcasecmp (g_strstrip (*word), "NDR") == 0 || g_ascii_strcasecmp (*word, "All") == 0)
      return TRUE;
  return FALSE;
}

/* A record is kept only of what is out of the ordinary, so that the ordinary message costs none. */
static gboolean
is_ordinary (const PnMessage *message, const PnEnvelope *envelope)
{
  if (envelope->envid || is_silent (message))
    return FALSE;
  for (guint i = 0; envelope->rcpt_to[i]; i++)
    if ((envelope->rcpt_notify && *envelope->rcpt_notify[i])
        || (envelope->rcpt_orcpt && !is_plain_orcpt (envelope->rcpt_orcpt[i], envelope->rcpt_to[i])))
      return FALSE;
  return TRUE;
}

static void
keep_wishes (PnAgent *self, const PnMessage *message, const PnEnvelope *envelope)
{
  if (!*envelope->mail_from || is_ordinary (message, envelope))
    return;
  g_autoptr (PnCorrelation) record = pn_correlation_new (message->id);
  record->inbound = TRUE;
  record->silent = is_silent (message);
  record->time = envelope->time;
  record->message_id = g_strdup (message->message_id);
  record->sender = g_strdup (envelope->mail_from);
  record->envid = g_strdup (envelope->envid);
  record->ret = g_strdup (envelope->ret);
  for (guint i = 0; envelope->rcpt_to[i]; i++)
    pn_correlation_add_recipient (record, envelope->rcpt_to[i],
                                  envelope->rcpt_notify ? envelope->rcpt_notify[i] : NULL,
                                  envelope->rcpt_orcpt ? envelope->rcpt_orcpt[i] : NULL);
  pn_correlation_db_add (self->correlation, record);
}

/* --- one message ------------------------------------------------------------------------------ */

static PnMessage *
convert (PnAgent *self, const PnReceived *received, GError **error)
{
  const PnEnvelope *envelope = received->envelope;
  PnMimeOptions options = {
    .site_charset = self->settings.site_charset,
    .site_timezone = self->program->config->timezone,
    .skeleton = TRUE,
  };
  PnMessage *message = pn_mime_read (received->data, &options, error);
  if (!message)
    return NULL;
  message = pn_agent_unwrap_native (self, message, envelope->mail_from);
  g_free (message->id);
  message->id = g_strdup (envelope->id);
  gboolean report = pn_agent_is_report (message);
  if (!report) { /* whatever such a message says, it is about nothing that we know by an id of ours */
    g_clear_pointer (&message->orig_id, g_free);
    g_free (message->envelope_id);
    message->envelope_id = g_strdup (envelope->envid);
  }
  g_free (message->envelope_ret);
  message->envelope_ret = g_strdup (envelope->ret);
  set_envelope (message, envelope);
  complete_recipients (self, message);
  if (envelope->user)
    set_submitter (self, message, envelope->user);
  if (report)
    pn_agent_tie_status (self, message);
  keep_wishes (self, message, envelope);
  return message;
}

/* Into the queue; waits while the disk is full.  The descriptor, or -1 with ERROR if it cannot be or the
 * program stops. */
static int
put (PnAgent *self, PnMessage *message, guint priority, GError **error)
{
  for (;;) {
    g_autoptr (GError) local = NULL;
    int fd = pn_outgoing_stage (self->in, self->program->key, message, &local);
    if (fd >= 0 && pn_queue_put (self->in, fd, priority, TRUE, NULL, &local))
      return fd;
    if (fd >= 0)
      close (fd);
    gboolean passing = local->domain != PN_CONVERT_ERROR && local->domain != PN_SEAL_ERROR;
    if (!passing || self->program->stop) {
      g_propagate_error (error, g_steal_pointer (&local));
      return -1;
    }
    pn_agent_log_error ("cannot_put", local);
    pn_agent_pause (self, PN_AGENT_AGAIN_S);
  }
}

static void
give_up (PnAgent *self, PnReceived *received, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *quoted = pn_log_quote (reason);
  g_autofree char *id = g_strdup (received->envelope->id);
  pn_log_error ("problem", "id=%s moved-to=gwprob reason=%s", id, quoted);
  pn_counter_add (PN_COUNTER_PROBLEMS, 1);
  while (!pn_received_problem (self->reader, received, self->problem, reason, &error)) {
    pn_agent_log_error ("cannot_put_aside", error);
    g_clear_error (&error);
    if (self->program->stop)
      return;
    pn_agent_pause (self, PN_AGENT_AGAIN_S);
  }
  pn_trace (id, "problem", "gwprob", NULL, reason);
}

static void
count (const PnMessage *message, guint64 size)
{
  gboolean status = message->type == PN_TYPE_STATUS;
  pn_counter_add (status ? PN_COUNTER_STATUSES_IN : PN_COUNTER_MESSAGES_IN, 1);
  pn_counter_add (PN_COUNTER_BYTES_IN, (gint64) size);
}

static void
take_one (PnAgent *self, PnReceived *received)
{
  g_autoptr (GError) error = NULL;
  if (received->attempts >= ATTEMPTS_MAX) {
    give_up (self, received, "the conversion ended the agent three times");
    return;
  }
  guint64 size = received->data->size;
  pn_received_busy (self->reader, received, TRUE);
  g_autoptr (PnMessage) message = convert (self, received, &error);
  g_autofree char *pieces = message ? pn_agent_keep_partial (self, received, message) : NULL;
  if (pieces) {
    pn_received_busy (self->reader, received, FALSE);
    pn_received_done (self->reader, received, -1);
    pn_agent_join_partial (self, pieces);
    return;
  }
  guint priority = message && message->type == PN_TYPE_STATUS ? STATUS_PRIORITY : MAIL_PRIORITY;
  gint64 converted = g_get_real_time (); /* the next program may be quicker than our line about it */
  int fd = message ? put (self, message, priority, &error) : -1;
  pn_received_busy (self->reader, received, FALSE);
  if (fd >= 0) {
    pn_trace_at (converted, message->id, "converted", pn_queue_path (self->in), "ms", NULL);
    count (message, size);
    pn_received_done (self->reader, received, fd);
  } else if (!self->program->stop)
    give_up (self, received, error->message);
}

gpointer
pn_agent_inbound_main (gpointer user)
{
  PnAgent *self = user;
  PnProgram *program = self->program;
  while (!program->stop) {
    g_autoptr (GError) error = NULL;
    PnReceived *received = pn_journal_reader_take (self->reader, 0, program->stop_fd, &error);
    if (!received && !error) {
      pn_trace_flush ();
      received = pn_journal_reader_take (self->reader, TAKE_MS, program->stop_fd, &error);
    }
    if (error) {
      pn_counter_add (PN_COUNTER_ERRORS_IN, 1);
      pn_agent_log_error ("cannot_take", error);
      if (!g_error_matches (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED))
        pn_agent_pause (self, 1);
    }
    if (received) {
      take_one (self, received);
      pn_received_free (received);
    }
  }
  return NULL;
}
