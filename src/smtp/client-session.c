#include "smtp/client-private.h"

#include "core/log.h"

#include <string.h>

#define SMTPS_PORT 465

/* --- what the peer can ------------------------------------------------------------------------ */

static void
read_auth (PnConnection *self, const char *mechanisms)
{
  g_auto (GStrv) words = g_strsplit_set (mechanisms, " =", -1);
  for (char **w = words; *w; w++) {
    if (g_ascii_strcasecmp (*w, "PLAIN") == 0)
      self->can |= PN_CAN_AUTH_PLAIN;
    else if (g_ascii_strcasecmp (*w, "LOGIN") == 0)
      self->can |= PN_CAN_AUTH_LOGIN;
  }
}

static void
read_capability (PnConnection *self, const char *line)
{
  static const struct {
    const char *keyword;
    PnCan can;
  } table[]
      = { { "PIPELINING", PN_CAN_PIPELINING }, { "SIZE", PN_CAN_SIZE }, { "8BITMIME", PN_CAN_8BITMIME },
          { "SMTPUTF8", PN_CAN_SMTPUTF8 },     { "DSN", PN_CAN_DSN },   { "STARTTLS", PN_CAN_STARTTLS } };
  gsize n = strcspn (line, " =");
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (strlen (table[i].keyword) == n && g_ascii_strncasecmp (line, table[i].keyword, n) == 0)
      self->can |= table[i].can;
  if (n == 4 && g_ascii_strncasecmp (line, "SIZE", 4) == 0 && line[4])
    self->size_limit = g_ascii_strtoull (line + 5, NULL, 10);
  if (n == 4 && g_ascii_strncasecmp (line, "AUTH", 4) == 0 && line[4])
    read_auth (self, line + 5);
}

static gboolean
is_myself (PnConnection *self, const PnReply *reply, PnOutcome *outcome)
{
  const char *line = g_ptr_array_index (reply->lines, 0);
  gsize n = strcspn (line, " ");
  const char *own = self->options->host;
  if (strlen (own) != n || g_ascii_strncasecmp (line, own, n) != 0)
    return FALSE;
  pn_outcome_set (outcome, PN_OUTCOME_PERMANENT, "5.4.6", self->host,
                  "%s [%s]:%u greets with my own name %s: a mail loop", self->host, self->address, self->port,
                  own);
  return TRUE;
}

static gboolean
greet (PnConnection *self, PnOutcome *outcome)
{
  g_auto (PnReply) reply = { 0 };
  self->can = 0;
  self->size_limit = 0;
  pn_connection_put (self, "EHLO %s", self->options->host);
  if (!pn_connection_ask (self, &reply, outcome))
    return FALSE;
  gboolean extended = reply.code / 100 == 2;
  if (!extended && reply.code / 100 == 5 && !self->broken) {
    pn_connection_put (self, "HELO %s", self->options->host);
    if (!pn_connection_ask (self, &reply, outcome))
      return FALSE;
  }
  if (reply.code / 100 != 2) {
    pn_outcome_from_reply (outcome, &reply, self);
    return FALSE;
  }
  if (is_myself (self, &reply, outcome))
    return FALSE;
  for (guint i = 1; extended && i < reply.lines->len; i++)
    read_capability (self, g_ptr_array_index (reply.lines, i));
  return TRUE;
}

/* --- TLS and AUTH ----------------------------------------------------------------------------- */

static gboolean
start_tls (PnConnection *self, PnOutcome *outcome)
{
  g_auto (PnReply) reply = { 0 };
  if (!(self->can & PN_CAN_STARTTLS))
    return pn_connection_fail (self, outcome, "4.7.5", "TLS is required, but not offered");
  pn_connection_put (self, "STARTTLS");
  if (!pn_connection_ask (self, &reply, outcome))
    return FALSE;
  if (reply.code != 220)
    return pn_connection_fail (self, outcome, "4.7.5", "refuses STARTTLS: %d %s", reply.code, reply.text);
  return pn_client_tls_start (self, outcome) && greet (self, outcome);
}

static gboolean
is_loopback (const PnConnection *self)
{
  return g_str_has_prefix (self->address, "127.") || g_str_equal (self->address, "::1");
}

static char *
plain_response (const PnClientOptions *options)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_c (text, '\0');
  g_string_append_len (text, options->auth_user, (gssize) strlen (options->auth_user) + 1);
  g_string_append (text, options->auth_password);
  return g_base64_encode ((const guchar *) text->str, text->len);
}

static gboolean
say_login (PnConnection *self, PnReply *reply, PnOutcome *outcome)
{
  const char *words[] = { self->options->auth_user, self->options->auth_password };
  pn_connection_put (self, "AUTH LOGIN");
  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if (!pn_connection_ask (self, reply, outcome))
      return FALSE;
    if (reply->code != 334)
      return TRUE;
    g_autofree char *encoded = g_base64_encode ((const guchar *) words[i], strlen (words[i]));
    pn_connection_put (self, "%s", encoded);
  }
  return pn_connection_ask (self, reply, outcome);
}

/* A refusal is our own misconfiguration, so it delays mail and does not return it. */
static gboolean
introduce (PnConnection *self, PnOutcome *outcome)
{
  g_auto (PnReply) reply = { 0 };
  if (!self->ssl && !is_loopback (self))
    return pn_connection_fail (self, outcome, "4.7.11", "no TLS: the password is not sent");
  if (self->can & PN_CAN_AUTH_PLAIN) {
    g_autofree char *response = plain_response (self->options);
    pn_connection_put (self, "AUTH PLAIN %s", response);
    if (!pn_connection_ask (self, &reply, outcome))
      return FALSE;
  } else if (self->can & PN_CAN_AUTH_LOGIN) {
    if (!say_login (self, &reply, outcome))
      return FALSE;
  } else
    return pn_connection_fail (self, outcome, "4.7.4", "offers neither AUTH PLAIN nor AUTH LOGIN");
  if (reply.code / 100 != 2)
    return pn_connection_fail (self, outcome, "4.7.8", "refuses our name and password: %d %s", reply.code,
                               reply.text);
  return TRUE;
}

/* --- the whole -------------------------------------------------------------------------------- */

static gboolean
take_greeting (PnConnection *self, PnOutcome *outcome)
{
  g_auto (PnReply) reply = { 0 };
  if (!pn_connection_ask (self, &reply, outcome))
    return FALSE;
  if (reply.code == 220)
    return TRUE;
  /* A host that does not want to talk to us says nothing about the recipient: the next MX may, or a later
   * time. */
  pn_outcome_from_reply (outcome, &reply, self);
  if (reply.code != 521 && reply.code != 554)
    outcome->kind = PN_OUTCOME_TEMPORARY;
  return FALSE;
}

static PnConnection *
open_session (const PnClientOptions *options, const PnTarget *target, gboolean use_tls, gboolean *tls_failed,
              PnOutcome *outcome)
{
  gboolean implicit = target->port == SMTPS_PORT;
  *tls_failed = FALSE;
  g_autoptr (PnConnection) self = pn_connection_open (options, target, outcome);
  if (!self || (implicit && !pn_client_tls_start (self, outcome)) || !take_greeting (self, outcome)
      || !greet (self, outcome))
    return NULL;
  gboolean want = !implicit && ((use_tls && (self->can & PN_CAN_STARTTLS)) || options->tls_verify);
  if (want && !start_tls (self, outcome)) {
    *tls_failed = !options->tls_verify && outcome->kind == PN_OUTCOME_TEMPORARY;
    return NULL;
  }
  if (target->auth && !introduce (self, outcome))
    return NULL;
  return g_steal_pointer (&self);
}

PnConnection *
pn_client_session_open (const PnClientOptions *options, const PnTarget *target, PnOutcome *outcome)
{
  gboolean tls_failed;
  PnConnection *self = open_session (options, target, TRUE, &tls_failed, outcome);
  if (self || !tls_failed)
    return self;
  g_autofree char *reason = pn_log_quote (outcome->text);
  pn_log_warning ("tls_failed", "host=%s address=%s port=%u reason=%s", target->host, target->address,
                  target->port, reason);
  pn_outcome_clear (outcome);
  return open_session (options, target, FALSE, &tls_failed, outcome);
}

void
pn_client_session_quit (PnConnection *self)
{
  if (!self)
    return;
  g_auto (PnOutcome) ignored = { 0 };
  if (!self->broken) {
    pn_connection_put (self, "QUIT");
    pn_connection_flush (self, &ignored);
  }
  pn_connection_free (self);
}
