#include "smtp/session.h"

#include "core/counters.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/trace.h"
#include "convert/number.h"

#include <string.h>

/* --- beginning ------------------------------------------------------------------------------------------ */

static char **
steal_strv (GPtrArray **array)
{
  GPtrArray *taken = g_steal_pointer (array);
  g_ptr_array_add (taken, NULL);
  g_ptr_array_set_free_func (taken, NULL);
  return (char **) g_ptr_array_free (taken, FALSE);
}

static PnEnvelope *
make_envelope (PnSmtpSession *self)
{
  PnSmtpTransaction *transaction = &self->transaction;
  PnEnvelope *envelope = pn_envelope_new ();
  envelope->id = pn_id_new ();
  envelope->time = g_get_real_time () / G_USEC_PER_SEC;
  envelope->mail_from = g_steal_pointer (&transaction->from);
  envelope->rcpt_to = steal_strv (&transaction->to);
  envelope->rcpt_notify = steal_strv (&transaction->notify);
  envelope->rcpt_orcpt = steal_strv (&transaction->orcpt);
  envelope->envid = g_steal_pointer (&transaction->envid);
  envelope->ret = g_steal_pointer (&transaction->ret);
  envelope->user = g_strdup (self->user);
  envelope->helo = g_strdup (self->helo);
  envelope->peer = g_strdup (self->peer.text);
  envelope->smtputf8 = transaction->smtputf8;
  return envelope;
}

static void
begin_message (PnSmtpSession *self)
{
  const PnSmtpSettings *settings = self->settings;
  const PnIncomingLimits limits
      = { settings->max_message_size, settings->journal_limit, settings->receive_dir, settings->key };
  guint64 size = self->transaction.size;
  PnEnvelope *envelope = make_envelope (self);
  g_autofree char *fields = pn_smtp_received_fields (self, envelope);
  self->incoming = pn_incoming_new (&limits, envelope, fields, size);
}

static gboolean
has_recipients (PnSmtpSession *self)
{
  if (!self->transaction.open)
    pn_smtp_reply (self, 503, "5.5.1", "MAIL comes first");
  else if (!self->transaction.to || self->transaction.to->len == 0)
    pn_smtp_reply (self, 554, "5.5.1", "No valid recipients");
  else
    return TRUE;
  return FALSE;
}

void
pn_smtp_data (PnSmtpSession *self, char *argument)
{
  if (*argument) {
    pn_smtp_reply (self, 501, "5.5.4", "DATA takes no parameter");
    return;
  }
  if (self->incoming || self->chunk_refused) {
    pn_smtp_reply (self, 503, "5.5.1", "The message has begun with BDAT");
    return;
  }
  if (!has_recipients (self))
    return;
  begin_message (self);
  self->phase = PN_SMTP_PHASE_DATA;
  pn_smtp_reply_line (self, "354 Send the message, end with a dot on a line by itself\r\n");
}

/* --- the end -------------------------------------------------------------------------------------------- */

static char *
first_recipient (const PnEnvelope *envelope)
{
  return pn_log_quote (envelope->rcpt_to[0]);
}

static void
log_accepted (PnSmtpSession *self, const char *id, const char *event)
{
  if (!pn_log_wants_info ())
    return;
  const PnEnvelope *envelope = pn_incoming_envelope (self->incoming);
  g_autofree char *from = pn_log_quote (envelope->mail_from);
  g_autofree char *to = first_recipient (envelope);
  g_autofree char *helo = pn_log_quote (self->helo);
  g_autofree char *user = self->user ? pn_log_quote (self->user) : g_strdup ("-");
  pn_log_info (event,
               "id=%s peer=%s helo=%s user=%s tls=%s from=%s to=%s recipients=%u size=%" G_GUINT64_FORMAT, id,
               self->peer.text, helo, user, self->tls ? "yes" : "no", from, to,
               g_strv_length (envelope->rcpt_to), pn_incoming_size (self->incoming));
}

static void
refuse_message (PnSmtpSession *self)
{
  /* For the log line of the refusal. */
  g_free (self->transaction.from);
  self->transaction.from = g_strdup (pn_incoming_envelope (self->incoming)->mail_from);
  const char *to = pn_incoming_envelope (self->incoming)->rcpt_to[0];
  switch (pn_incoming_fault (self->incoming)) {
  case PN_INCOMING_TOO_LARGE:
    pn_smtp_refuse (self, to, 552, "5.3.4", "A message may have %" G_GUINT64_FORMAT " bytes",
                    self->settings->max_message_size);
    break;
  case PN_INCOMING_LOOP:
    pn_smtp_refuse (self, to, 554, "5.4.6", "Too many Received fields: this message runs in a circle");
    break;
  case PN_INCOMING_NO_SPACE:
    pn_smtp_refuse (self, to, 452, "4.3.1", "The message cannot be kept at present, try again later");
    pn_log_error ("spool_failed", "reason=%s", pn_incoming_reason (self->incoming));
    break;
  case PN_INCOMING_FINE:
    g_assert_not_reached ();
  }
  pn_smtp_session_reset (self);
}

static void
answer_accepted (PnSmtpSession *self, const char *id)
{
  g_string_append (self->out, "250 2.0.0 Accepted as ");
  g_string_append (self->out, id);
  g_string_append (self->out, "\r\n");
  pn_smtp_session_reset (self);
}

static void
end_message (PnSmtpSession *self)
{
  self->phase = PN_SMTP_PHASE_COMMAND;
  if (!pn_incoming_end (self->incoming)) {
    refuse_message (self);
    return;
  }
  /* Without a Message-ID two equal messages may well be meant to be two. */
  g_autofree char *known = pn_incoming_has_message_id (self->incoming)
                               ? self->house->take_orphan (self->owner, pn_incoming_hash (self->incoming))
                               : NULL;
  if (known) {
    log_accepted (self, known, "accepted_before");
    answer_accepted (self, known);
    return;
  }
  self->wait = PN_SMTP_WAIT_COMMIT;
  self->handed_over = g_get_real_time ();
  self->house->commit (self->owner, self);
}

void
pn_smtp_session_committed (PnSmtpSession *self, const GError *error, GString *out)
{
  self->out = out;
  self->wait = PN_SMTP_WAIT_NONE;
  const PnEnvelope *envelope = pn_incoming_envelope (self->incoming);
  if (error) {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("journal_failed", "id=%s reason=%s", envelope->id, reason);
    self->transaction.from = g_strdup (envelope->mail_from);
    pn_smtp_refuse (self, envelope->rcpt_to[0],
                    g_error_matches (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_FULL) ? 452 : 451, "4.3.1",
                    "The message cannot be kept at present, try again later");
    pn_smtp_session_reset (self);
  } else {
    pn_counter_add (PN_COUNTER_MESSAGES_IN, 1);
    pn_counter_add (PN_COUNTER_BYTES_IN, (gint64) pn_incoming_size (self->incoming));
    pn_trace_at (self->handed_over, envelope->id, "accepted", "receive", "agent", self->peer.text);
    log_accepted (self, envelope->id, "accepted");
    g_autofree char *id = g_strdup (envelope->id);
    answer_accepted (self, id);
  }
  self->out = NULL;
}

gsize
pn_smtp_data_input (PnSmtpSession *self, const char *bytes, gsize length)
{
  gboolean ended;
  gsize taken = pn_incoming_text (self->incoming, bytes, length, &ended);
  if (ended)
    end_message (self);
  return taken;
}

/* --- RFC 3030 ------------------------------------------------------------------------------------------- */

static void
end_chunk (PnSmtpSession *self)
{
  self->phase = PN_SMTP_PHASE_COMMAND;
  if (self->chunk_refused) {
    gboolean over = self->chunk_last || !self->transaction.open;
    has_recipients (self);
    if (over)
      pn_smtp_session_reset (self);
  } else if (self->chunk_last) {
    end_message (self);
  } else if (pn_incoming_fault (self->incoming)) {
    /* What follows is refused, too, until RSET or a new MAIL: RFC 3030 4.2. */
    refuse_message (self);
  } else {
    pn_smtp_reply (self, 250, "2.0.0", "%" G_GUINT64_FORMAT " bytes so far",
                   pn_incoming_size (self->incoming));
  }
}

void
pn_smtp_bdat (PnSmtpSession *self, char *argument)
{
  gsize digits = strspn (argument, "0123456789");
  g_autofree char *number = g_strndup (argument, digits);
  const char *rest = argument + digits;
  gboolean last = g_ascii_strcasecmp (rest, " LAST") == 0;
  guint64 size;
  if ((*rest && !last) || !pn_number_parse (number, 10, 0, G_MAXINT64, &size)) {
    /* Where the next command begins cannot be told. */
    pn_smtp_reply (self, 501, "5.5.4", "Syntax: BDAT size [LAST]");
    pn_smtp_session_end (self, "4.5.4", "The chunk has no size", self->out);
    return;
  }
  self->chunk_left = size;
  self->chunk_last = last;
  gboolean possible = self->transaction.open && self->transaction.to && self->transaction.to->len > 0;
  if (!self->incoming)
    self->chunk_refused = !possible;
  if (!self->incoming && possible)
    begin_message (self);
  self->phase = PN_SMTP_PHASE_CHUNK;
  if (size == 0)
    end_chunk (self);
}

gsize
pn_smtp_chunk_input (PnSmtpSession *self, const char *bytes, gsize length)
{
  gsize taken = (gsize) MIN (self->chunk_left, length);
  if (!self->chunk_refused)
    pn_incoming_bytes (self->incoming, bytes, taken);
  self->chunk_left -= taken;
  if (self->chunk_left == 0)
    end_chunk (self);
  return taken;
}
