#include "smtp/session.h"

#include "core/counters.h"
#include "core/log.h"

#include <openssl/crypto.h>
#include <string.h>

enum { DELAY_MS = 1000, MAX_FAILURES = 5 };

gboolean
pn_smtp_auth_offered (const PnSmtpSession *self)
{
  return self->tls || self->settings->auth_without_tls;
}

static void
forget (PnSmtpSession *self)
{
  g_clear_pointer (&self->auth_name, g_free);
  self->phase = PN_SMTP_PHASE_COMMAND;
}

static void
cannot_read (PnSmtpSession *self, const char *reason)
{
  forget (self);
  pn_smtp_reply (self, 501, "5.5.2", "%s", reason);
}

/* NULL if it is not base64 or has a NUL where NULS does not allow it. */
static char *
decode (const char *text, gsize *length_out)
{
  gsize n = strlen (text);
  if (n % 4 || strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != n)
    return NULL;
  if (n == 0) {
    *length_out = 0;
    return g_strdup ("");
  }
  g_autofree guchar *bytes = g_base64_decode (text, length_out);
  char *decoded = g_malloc (*length_out + 1);
  memcpy (decoded, bytes, *length_out);
  decoded[*length_out] = '\0';
  OPENSSL_cleanse (bytes, *length_out);
  return decoded;
}

static void
verify (PnSmtpSession *self, const char *name, const char *password)
{
  char *kept = g_strdup (name);
  forget (self);
  self->auth_name = kept;
  self->wait = PN_SMTP_WAIT_AUTH;
  self->house->authenticate (self->owner, self, kept, password);
}

/* RFC 4616: authorization NUL authentication NUL password. */
static void
plain (PnSmtpSession *self, const char *response)
{
  gsize length = 0;
  g_autofree char *decoded = decode (response, &length);
  const char *name = decoded ? memchr (decoded, '\0', length) : NULL;
  const char *password = name ? memchr (name + 1, '\0', length - (gsize) (name + 1 - decoded)) : NULL;
  if (!password || memchr (password + 1, '\0', length - (gsize) (password + 1 - decoded))) {
    cannot_read (self, "This is no response of PLAIN");
  } else if (*decoded && strcmp (decoded, name + 1) != 0) {
    forget (self);
    pn_smtp_reply (self, 535, "5.7.8", "Nobody may act for another user");
  } else {
    verify (self, name + 1, password + 1);
  }
  if (decoded)
    OPENSSL_cleanse (decoded, length);
}

static void
login (PnSmtpSession *self, const char *response)
{
  gsize length = 0;
  char *decoded = decode (response, &length);
  if (!decoded || memchr (decoded, '\0', length)) {
    g_free (decoded);
    cannot_read (self, "This is no response of LOGIN");
  } else if (!self->auth_name) {
    self->auth_name = decoded;
    pn_smtp_reply_line (self, "334 UGFzc3dvcmQ6\r\n"); /* "Password:" */
  } else {
    g_autofree char *name = g_steal_pointer (&self->auth_name);
    verify (self, name, decoded);
    OPENSSL_cleanse (decoded, length);
    g_free (decoded);
  }
}

void
pn_smtp_auth_response (PnSmtpSession *self, char *line)
{
  if (strcmp (line, "*") == 0)
    cannot_read (self, "Given up");
  else if (self->auth_login)
    login (self, line);
  else
    plain (self, line);
  OPENSSL_cleanse (line, strlen (line));
}

static gboolean
auth_allowed (PnSmtpSession *self)
{
  if (self->user)
    pn_smtp_reply (self, 503, "5.5.1", "You have authenticated already");
  else if (self->transaction.open)
    pn_smtp_reply (self, 503, "5.5.1", "Not during a mail transaction");
  else if (!pn_smtp_auth_offered (self))
    pn_smtp_reply (self, 538, "5.7.11", "AUTH needs TLS: say STARTTLS first");
  else
    return TRUE;
  return FALSE;
}

void
pn_smtp_auth (PnSmtpSession *self, char *argument)
{
  if (!auth_allowed (self))
    return;
  gsize word = strcspn (argument, " ");
  gboolean is_login = word == 5 && g_ascii_strncasecmp (argument, "LOGIN", 5) == 0;
  gboolean is_plain = word == 5 && g_ascii_strncasecmp (argument, "PLAIN", 5) == 0;
  if (!is_login && !is_plain) {
    pn_smtp_reply (self, 504, "5.5.4", "The mechanisms are PLAIN and LOGIN");
    return;
  }
  char *initial = argument + word;
  while (*initial == ' ')
    initial++;
  self->auth_login = is_login;
  self->phase = PN_SMTP_PHASE_AUTH;
  g_clear_pointer (&self->auth_name, g_free);
  if (*initial) {
    /* RFC 4954 4: "=" stands for an empty response. */
    if (strcmp (initial, "=") == 0)
      *initial = '\0';
    pn_smtp_auth_response (self, initial);
  } else {
    pn_smtp_reply_line (self, is_login ? "334 VXNlcm5hbWU6\r\n" : "334 \r\n"); /* "Username:" */
  }
}

/* The wording of this line is relied on by programs that lock addresses out. */
static void
log_failure (PnSmtpSession *self)
{
  g_autofree char *user = pn_log_quote (self->auth_name);
  pn_log_warning ("auth_fail", "service=smtp user=%s addr=%s", user, self->peer.text);
}

void
pn_smtp_session_authenticated (PnSmtpSession *self, const char *user, GString *out)
{
  if (user) {
    self->wait = PN_SMTP_WAIT_NONE;
    self->user = g_strdup (user);
    g_autofree char *quoted = pn_log_quote (user);
    pn_log_info ("auth", "service=smtp user=%s addr=%s", quoted, self->peer.text);
    g_string_append (out, "235 2.7.0 Welcome\r\n");
  } else {
    log_failure (self);
    pn_counter_add (PN_COUNTER_REFUSED, 1);
    self->auth_failures++;
    self->wait = PN_SMTP_WAIT_DELAY;
    self->delay_ms = DELAY_MS * self->auth_failures;
  }
  g_clear_pointer (&self->auth_name, g_free);
}

void
pn_smtp_session_delayed (PnSmtpSession *self, GString *out)
{
  self->wait = PN_SMTP_WAIT_NONE;
  self->out = out;
  pn_smtp_reply (self, 535, "5.7.8", "User name or password is wrong");
  self->out = NULL;
  if (self->auth_failures >= MAX_FAILURES)
    pn_smtp_session_end (self, "4.7.0", "Too many failed logins", out);
}
