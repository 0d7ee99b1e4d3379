#include "smtp/session.h"

#include <string.h>

/* RFC 5321 4.5.3.1.4 and 4.5.3.1.5 ask for 512; RFC 4954 4 for 12288 in an exchange of AUTH. */
enum { MAX_COMMAND = 2048, MAX_RESPONSE = 12288 };

/* --- settings ------------------------------------------------------------------------------------------- */

PnSmtpSettings *
pn_smtp_settings_new (const PnConfig *config, PnKey *key, GError **error)
{
  g_autoptr (PnSmtpSettings) self = g_new0 (PnSmtpSettings, 1);
  self->host = g_strdup (config->host);
  self->receive_dir = pn_config_gateway_path (config, "receive");
  self->key = pn_key_ref (key);
  self->relay_from = pn_networks_parse (pn_config_string (config, "smtp", "relay-from"), error);
  if (!self->relay_from) {
    g_prefix_error (error, "[smtp] relay-from: ");
    return NULL;
  }
  self->directory = pn_directory_open (config, FALSE, error);
  if (!self->directory)
    return NULL;
  self->max_message_size = (guint64) pn_config_integer (config, "smtp", "max-message-size");
  self->journal_limit = (guint64) pn_config_integer (config, "smtp", "journal-limit");
  self->disk_reserve = (guint64) pn_config_integer (config, "smtp", "disk-reserve");
  self->max_recipients = (guint) pn_config_integer (config, "smtp", "max-recipients");
  self->max_errors = (guint) pn_config_integer (config, "smtp", "max-errors");
  self->auth_without_tls = pn_config_boolean (config, "smtp", "auth-without-tls");
  return g_steal_pointer (&self);
}

void
pn_smtp_settings_free (PnSmtpSettings *self)
{
  if (!self)
    return;
  g_free (self->host);
  g_free (self->receive_dir);
  g_clear_pointer (&self->key, pn_key_unref);
  g_clear_pointer (&self->directory, pn_directory_close);
  g_clear_pointer (&self->relay_from, pn_networks_free);
  g_free (self);
}

/* --- life ----------------------------------------------------------------------------------------------- */

void
pn_smtp_session_init (PnSmtpSession *self, const PnSmtpSettings *settings, const PnSmtpHouse *house,
                      gpointer owner, const PnPeer *peer, gboolean submission)
{
  memset (self, 0, sizeof *self);
  self->settings = settings;
  self->house = house;
  self->owner = owner;
  self->peer = *peer;
  self->submission = submission;
  self->may_relay = pn_networks_contain (settings->relay_from, peer);
}

void
pn_smtp_transaction_clear (PnSmtpTransaction *self)
{
  g_free (self->from);
  g_clear_pointer (&self->to, g_ptr_array_unref);
  g_clear_pointer (&self->notify, g_ptr_array_unref);
  g_clear_pointer (&self->orcpt, g_ptr_array_unref);
  g_free (self->envid);
  g_free (self->ret);
  memset (self, 0, sizeof *self);
}

void
pn_smtp_session_reset (PnSmtpSession *self)
{
  pn_smtp_transaction_clear (&self->transaction);
  g_clear_pointer (&self->incoming, pn_incoming_free);
  self->chunk_left = 0;
  self->chunk_last = FALSE;
  self->chunk_refused = FALSE;
}

static void
line_clear (PnSmtpSession *self)
{
  if (self->line)
    g_string_free (self->line, TRUE);
  self->line = NULL;
  self->overlong = FALSE;
}

void
pn_smtp_session_clear (PnSmtpSession *self)
{
  pn_smtp_session_reset (self);
  line_clear (self);
  g_clear_pointer (&self->tls, g_free);
  g_clear_pointer (&self->helo, g_free);
  g_clear_pointer (&self->user, g_free);
  g_clear_pointer (&self->auth_name, g_free);
}

/* --- input ---------------------------------------------------------------------------------------------- */

/* RFC 5321 2.3.8: nothing but CRLF ends a line. */
static gboolean
is_proper (const char *line, gsize length)
{
  if (length < 2 || line[length - 2] != '\r')
    return FALSE;
  for (gsize i = 0; i < length - 2; i++)
    if (((guchar) line[i] < ' ' && line[i] != '\t') || line[i] == 127)
      return FALSE;
  return TRUE;
}

/* A line with its LF. */
static void
take_line (PnSmtpSession *self, char *line, gsize length)
{
  if (!is_proper (line, length)) {
    pn_smtp_reply (self, 500, "5.5.2", "Lines end with CR LF, and have no other control characters");
    return;
  }
  line[length - 2] = '\0';
  if (self->phase == PN_SMTP_PHASE_AUTH)
    pn_smtp_auth_response (self, line);
  else
    pn_smtp_command (self, line, length - 2);
}

static gsize
take_line_bytes (PnSmtpSession *self, const char *bytes, gsize length)
{
  gsize limit = self->phase == PN_SMTP_PHASE_AUTH ? MAX_RESPONSE : MAX_COMMAND;
  const char *newline = memchr (bytes, '\n', length);
  gsize taken = newline ? (gsize) (newline - bytes) + 1 : length;
  gsize there = self->line ? self->line->len : 0;
  if (self->overlong || there + taken > limit) {
    line_clear (self);
    self->overlong = !newline;
    if (newline)
      pn_smtp_reply (self, 500, "5.5.2", "Line longer than %" G_GSIZE_FORMAT " bytes", limit);
    return taken;
  }
  if (newline && !self->line) {
    char line[MAX_RESPONSE + 1];
    memcpy (line, bytes, taken);
    take_line (self, line, taken);
    return taken;
  }
  if (!self->line)
    self->line = g_string_sized_new (taken);
  g_string_append_len (self->line, bytes, (gssize) taken);
  if (newline) {
    GString *line = g_steal_pointer (&self->line);
    take_line (self, line->str, line->len);
    g_string_free (line, TRUE);
  }
  return taken;
}

static void
check_errors (PnSmtpSession *self)
{
  if (self->errors >= self->settings->max_errors && self->wait == PN_SMTP_WAIT_NONE)
    pn_smtp_session_end (self, "4.7.0", "Too many errors", self->out);
}

gsize
pn_smtp_session_input (PnSmtpSession *self, const char *bytes, gsize length, GString *out)
{
  gsize taken = 0;
  self->out = out;
  check_errors (self);
  while (taken < length && self->wait == PN_SMTP_WAIT_NONE) {
    const char *at = bytes + taken;
    gsize left = length - taken;
    if (self->phase == PN_SMTP_PHASE_DATA)
      taken += pn_smtp_data_input (self, at, left);
    else if (self->phase == PN_SMTP_PHASE_CHUNK)
      taken += pn_smtp_chunk_input (self, at, left);
    else
      taken += take_line_bytes (self, at, left);
    check_errors (self);
  }
  self->out = NULL;
  return taken;
}

void
pn_smtp_session_secured (PnSmtpSession *self, const char *tls)
{
  /* RFC 3207 4.2: what was said in the clear counts for nothing. */
  pn_smtp_session_reset (self);
  line_clear (self);
  g_clear_pointer (&self->helo, g_free);
  g_clear_pointer (&self->user, g_free);
  g_clear_pointer (&self->auth_name, g_free);
  g_free (self->tls);
  self->tls = g_strdup (tls);
  self->phase = PN_SMTP_PHASE_COMMAND;
  self->wait = PN_SMTP_WAIT_NONE;
}
