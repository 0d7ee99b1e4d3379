#include "smtp/session.h"

#include "core/counters.h"
#include "core/log.h"

#include <stdarg.h>

void
pn_smtp_reply_line (PnSmtpSession *self, const char *line)
{
  g_string_append (self->out, line);
}

static void
reply_va (PnSmtpSession *self, guint code, const char *enhanced, const char *text)
{
  g_string_append_printf (self->out, "%03u %s ", code, enhanced);
  /* What the client said may stand in the text: it must not make a line of its own. */
  for (const char *at = text; *at; at++)
    g_string_append_c (self->out, (guchar) *at < ' ' || *at == 127 ? '?' : *at);
  g_string_append (self->out, "\r\n");
  if (code >= 500)
    self->errors++;
}

void
pn_smtp_reply (PnSmtpSession *self, guint code, const char *enhanced, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  reply_va (self, code, enhanced, text);
}

void
pn_smtp_refuse (PnSmtpSession *self, const char *recipient, guint code, const char *enhanced,
                const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  reply_va (self, code, enhanced, text);
  pn_counter_add (PN_COUNTER_REFUSED, 1);
  g_autofree char *from = pn_log_quote (self->transaction.from);
  g_autofree char *to = pn_log_quote (recipient);
  g_autofree char *helo = pn_log_quote (self->helo);
  g_autofree char *reason = pn_log_quote (text);
  pn_log_info ("refused", "peer=%s helo=%s from=%s to=%s code=%u status=%s reason=%s", self->peer.text, helo,
               from, to, code, enhanced, reason);
}

void
pn_smtp_session_greet (PnSmtpSession *self, GString *out)
{
  g_string_append_printf (out, "220 %s ESMTP Postern\r\n", self->settings->host);
}

void
pn_smtp_session_end (PnSmtpSession *self, const char *enhanced, const char *reason, GString *out)
{
  g_string_append_printf (out, "421 %s %s %s, closing\r\n", enhanced, self->settings->host, reason);
  self->wait = PN_SMTP_WAIT_CLOSE;
  self->abrupt = TRUE;
}

void
pn_smtp_reply_ehlo (PnSmtpSession *self)
{
  GString *out = self->out;
  g_string_append_printf (out, "250-%s greets you\r\n", self->settings->host);
  g_string_append_printf (out, "250-SIZE %" G_GUINT64_FORMAT "\r\n", self->settings->max_message_size);
  if (self->settings->tls && !self->tls)
    g_string_append (out, "250-STARTTLS\r\n");
  if (pn_smtp_auth_offered (self) && !self->user)
    g_string_append (out, "250-AUTH PLAIN LOGIN\r\n");
  g_string_append (out,
                   "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n250-HELP\r\n"
                   "250 ENHANCEDSTATUSCODES\r\n");
}
