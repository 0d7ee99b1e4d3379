#include "smtp/session.h"

#include <time.h>

/* "Thu, 01 Jan 2026 00:00:00 +0000", made once a second. */
static const char *
date_text (gint64 seconds)
{
  static __thread char text[40];
  static __thread gint64 made_for = -1;
  if (seconds == made_for)
    return text;
  static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char *const months[]
      = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  time_t now = (time_t) seconds;
  struct tm tm;
  gmtime_r (&now, &tm);
  g_snprintf (text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
              months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  made_for = seconds;
  return text;
}

/* RFC 3848, RFC 6531 4.3. */
static const char *
protocol (const PnSmtpSession *session, const PnEnvelope *envelope)
{
  static const char *const names[2][4] = { { "ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA" },
                                           { "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA" } };
  if (!session->extended)
    return "SMTP";
  return names[envelope->smtputf8 ? 1 : 0][(session->tls ? 2 : 0) + (session->user ? 1 : 0)];
}

char *
pn_smtp_received_fields (const PnSmtpSession *session, const PnEnvelope *envelope)
{
  char literal[INET6_ADDRSTRLEN + 8];
  pn_peer_literal (&session->peer, literal);
  GString *out = g_string_sized_new (512);
  g_string_append_printf (out, "Return-Path: <%s>\r\nReceived: from %s (%s)\r\n", envelope->mail_from,
                          envelope->helo, literal);
  if (session->tls)
    g_string_append_printf (out, "\t(using %s)\r\n", session->tls);
  g_string_append_printf (out, "\tby %s (Postern) with %s id %s", session->settings->host,
                          protocol (session, envelope), envelope->id);
  /* Only one: with several, each would learn of the others (RFC 5321 7.6). */
  if (!envelope->rcpt_to[1])
    g_string_append_printf (out, "\r\n\tfor <%s>", envelope->rcpt_to[0]);
  g_string_append_printf (out, ";\r\n\t%s\r\n", date_text (envelope->time));
  return g_string_free (out, FALSE);
}
