#include "smtp/client-private.h"

#include <string.h>

/* Commands sent ahead of their answers at most: what a peer answers to them fits the buffers of a connection.
 */
#define PIPELINE_MAX 100

typedef struct {
  PnConnection *connection;
  PnSendFile *file;
  PnOutcome *outcomes; /* per recipient of the file */
  GArray *wanted;      /* guint: recipients of this transaction */
  guint accepted;
  PnOutcome *failure;
} Transaction;

static PnOutcome *
outcome_of (Transaction *self, guint i)
{
  return &self->outcomes[g_array_index (self->wanted, guint, i)];
}

/* OUTCOME for every recipient of the transaction that is not refused already. */
static void
set_all (Transaction *self, const PnOutcome *outcome)
{
  for (guint i = 0; i < self->wanted->len; i++)
    if (outcome_of (self, i)->kind == PN_OUTCOME_NONE)
      pn_outcome_copy (outcome_of (self, i), outcome);
}

static gboolean
refuse_all (Transaction *self, const char *enhanced, const char *reason)
{
  g_auto (PnOutcome) outcome = { 0 };
  pn_outcome_set (&outcome, PN_OUTCOME_PERMANENT, enhanced, self->connection->host, "%s: %s",
                  self->connection->host, reason);
  set_all (self, &outcome);
  return FALSE;
}

/* What the peer cannot take at all, before a word is said about it. */
static gboolean
peer_can_take (Transaction *self)
{
  const PnConnection *c = self->connection;
  const PnSendHead *head = self->file->head;
  if (head->smtputf8 && !(c->can & PN_CAN_SMTPUTF8))
    return refuse_all (self, "5.6.7",
                       "the host does not take internationalized addresses or header fields (no SMTPUTF8)");
  if (head->eight_bit && !(c->can & PN_CAN_8BITMIME))
    return refuse_all (
        self, "5.6.3",
        "the host does not take 8-bit messages (no 8BITMIME), and this one may not be altered");
  if (c->size_limit > 0 && head->size > c->size_limit) {
    g_autofree char *reason
        = g_strdup_printf ("the message has %" G_GUINT64_FORMAT " octets, the host takes %" G_GUINT64_FORMAT,
                           head->size, c->size_limit);
    return refuse_all (self, "5.3.4", reason);
  }
  return TRUE;
}

/* --- the envelope ----------------------------------------------------------------------------- */

static void
put_mail (Transaction *self)
{
  const PnSendHead *head = self->file->head;
  guint can = self->connection->can;
  g_autoptr (GString) line = g_string_new (NULL);
  g_string_append_printf (line, "MAIL FROM:<%s>", head->mail_from);
  if (head->size > 0 && (can & PN_CAN_SIZE))
    g_string_append_printf (line, " SIZE=%" G_GUINT64_FORMAT, head->size);
  if (head->eight_bit)
    g_string_append (line, " BODY=8BITMIME");
  if (head->smtputf8)
    g_string_append (line, " SMTPUTF8");
  if (head->ret && (can & PN_CAN_DSN))
    g_string_append_printf (line, " RET=%s", head->ret);
  if (head->envid && (can & PN_CAN_DSN))
    g_string_append_printf (line, " ENVID=%s", head->envid);
  pn_connection_put (self->connection, "%s", line->str);
}

static void
put_rcpt (Transaction *self, guint i)
{
  const PnSendRecipient *recipient
      = g_ptr_array_index (self->file->head->recipients, g_array_index (self->wanted, guint, i));
  gboolean dsn = (self->connection->can & PN_CAN_DSN) != 0;
  pn_connection_put (
      self->connection, "RCPT TO:<%s>%s%s%s%s", recipient->address,
      dsn && recipient->notify ? " NOTIFY=" : "", dsn && recipient->notify ? recipient->notify : "",
      dsn && recipient->orcpt ? " ORCPT=" : "", dsn && recipient->orcpt ? recipient->orcpt : "");
}

static void
take_rcpt (Transaction *self, guint i, const PnReply *reply)
{
  if (reply->code / 100 == 2) {
    self->accepted++;
    return;
  }
  pn_outcome_from_reply (outcome_of (self, i), reply, self->connection);
  /* 552 for "too many recipients" means that another transaction is to take the rest (RFC 5321 4.5.3.1.10).
   */
  if (reply->code == 552 && self->accepted > 0
      && (!reply->enhanced || g_str_has_suffix (reply->enhanced, ".5.3")))
    outcome_of (self, i)->kind = PN_OUTCOME_TEMPORARY;
}

typedef enum { STEP_ON, STEP_REFUSED, STEP_LOST } Step;

static gboolean
next_reply (Transaction *self, PnReply *reply)
{
  return pn_connection_reply (self->connection, self->connection->options->command_timeout, reply,
                              self->failure);
}

/* A refusal of MAIL or DATA stands for all recipients; a peer that says it closes has lost nothing yet. */
static Step
refused (Transaction *self, const PnReply *reply)
{
  if (reply->code == 421) {
    pn_outcome_from_reply (self->failure, reply, self->connection);
    return STEP_LOST;
  }
  g_auto (PnOutcome) outcome = { 0 };
  pn_outcome_from_reply (&outcome, reply, self->connection);
  set_all (self, &outcome);
  return STEP_REFUSED;
}

static Step
envelope_one_by_one (Transaction *self, PnReply *data_reply)
{
  PnConnection *c = self->connection;
  g_auto (PnReply) reply = { 0 };
  put_mail (self);
  if (!pn_connection_ask (c, &reply, self->failure))
    return STEP_LOST;
  if (reply.code / 100 != 2)
    return refused (self, &reply);
  for (guint i = 0; i < self->wanted->len; i++) {
    put_rcpt (self, i);
    if (!pn_connection_ask (c, &reply, self->failure))
      return STEP_LOST;
    if (reply.code == 421)
      return refused (self, &reply);
    take_rcpt (self, i, &reply);
  }
  if (self->accepted == 0)
    return STEP_REFUSED;
  pn_connection_put (c, "DATA");
  return pn_connection_ask (c, data_reply, self->failure) ? STEP_ON : STEP_LOST;
}

/* MAIL, all RCPT and DATA in as few writes as the window allows (RFC 2920). */
static Step
envelope_pipelined (Transaction *self, PnReply *data_reply)
{
  PnConnection *c = self->connection;
  Step step = STEP_ON;
  g_auto (PnReply) reply = { 0 };
  guint n = self->wanted->len;
  put_mail (self);
  for (guint from = 0; from < n; from += PIPELINE_MAX) {
    guint to = MIN (from + PIPELINE_MAX, n);
    for (guint i = from; i < to; i++)
      put_rcpt (self, i);
    if (to == n)
      pn_connection_put (c, "DATA");
    if (!pn_connection_flush (c, self->failure))
      return STEP_LOST;
    if (from == 0) {
      if (!next_reply (self, &reply))
        return STEP_LOST;
      if (reply.code / 100 != 2)
        step = refused (self, &reply);
      if (step == STEP_LOST)
        return step;
    }
    for (guint i = from; i < to; i++) {
      if (!next_reply (self, &reply))
        return STEP_LOST;
      if (reply.code == 421)
        return refused (self, &reply);
      if (step == STEP_ON)
        take_rcpt (self, i, &reply);
    }
  }
  if (!next_reply (self, data_reply))
    return STEP_LOST;
  if (self->accepted > 0)
    return step;
  /* The peer waits for a message that nobody gets: it is ended empty. */
  if (data_reply->code == 354) {
    pn_connection_put (c, ".");
    if (!pn_connection_ask (c, &reply, self->failure))
      c->broken = TRUE;
  }
  return STEP_REFUSED;
}

/* --- the message ------------------------------------------------------------------------------ */

static gboolean
sink_write (gpointer user, const void *data, gsize length, GError **error)
{
  Transaction *self = user;
  if (pn_connection_write (self->connection, data, length, self->failure))
    return TRUE;
  g_set_error_literal (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO, "connection lost");
  return FALSE;
}

/* From the last byte on the peer may have the message: what happens then is an outcome, no reason to try
 * another host. */
static PnDelivery
send_message (Transaction *self, GError **error)
{
  PnConnection *c = self->connection;
  PnSink sink = { sink_write, self };
  g_autoptr (GError) local = NULL;
  if (!pn_send_file_copy_data (self->file, &sink, &local)) {
    if (c->broken)
      return PN_DELIVERY_LOST;
    c->broken = TRUE; /* never a dot behind half a message */
    g_propagate_error (error, g_steal_pointer (&local));
    return PN_DELIVERY_LOCAL;
  }
  c->uninterrupted = TRUE;
  g_auto (PnReply) reply = { 0 };
  g_auto (PnOutcome) outcome = { 0 };
  if (pn_connection_flush (c, &outcome)
      && pn_connection_reply (c, 2 * c->options->command_timeout, &reply, &outcome)) {
    pn_outcome_from_reply (&outcome, &reply, c);
    if (reply.code / 100 == 2)
      outcome.kind = PN_OUTCOME_SENT;
    outcome.dsn = (c->can & PN_CAN_DSN) != 0;
  }
  c->uninterrupted = FALSE;
  set_all (self, &outcome);
  return PN_DELIVERY_ANSWERED;
}

static void
reset (Transaction *self)
{
  g_auto (PnReply) reply = { 0 };
  g_auto (PnOutcome) ignored = { 0 };
  if (self->connection->broken)
    return;
  pn_connection_put (self->connection, "RSET");
  if (!pn_connection_ask (self->connection, &reply, &ignored) || reply.code / 100 != 2)
    self->connection->broken = TRUE;
}

/* A recipient refused in a transaction that got lost is asked again in the next one. */
static void
forget_refusals (Transaction *self)
{
  for (guint i = 0; i < self->wanted->len; i++)
    pn_outcome_clear (outcome_of (self, i));
}

PnDelivery
pn_client_deliver (PnConnection *connection, PnSendFile *file, PnOutcome *outcomes, PnOutcome *failure,
                   GError **error)
{
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (guint));
  for (guint i = 0; i < file->head->recipients->len; i++)
    if (outcomes[i].kind == PN_OUTCOME_NONE)
      g_array_append_val (wanted, i);
  Transaction self = {
    .connection = connection, .file = file, .outcomes = outcomes, .wanted = wanted, .failure = failure
  };
  connection->messages++;
  if (wanted->len == 0 || !peer_can_take (&self))
    return PN_DELIVERY_ANSWERED;

  g_auto (PnReply) data_reply = { 0 };
  Step step = connection->can & PN_CAN_PIPELINING ? envelope_pipelined (&self, &data_reply)
                                                  : envelope_one_by_one (&self, &data_reply);
  if (step == STEP_ON && data_reply.code != 354)
    step = refused (&self, &data_reply);
  if (step == STEP_REFUSED) {
    reset (&self);
    return PN_DELIVERY_ANSWERED;
  }
  PnDelivery result = step == STEP_LOST ? PN_DELIVERY_LOST : send_message (&self, error);
  if (result == PN_DELIVERY_LOST)
    forget_refusals (&self);
  return result;
}
