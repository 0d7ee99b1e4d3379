#include "smtp/session.h"

#include "core/log.h"
#include "convert/number.h"

#include <string.h>

/* --- introductions -------------------------------------------------------------------------------------- */

/* What stands in Received and in the log.  A name of another form is taken too (RFC 5321 4.1.4 forbids to
 * refuse it for that), but it must not leave its place. */
static gboolean
set_helo (PnSmtpSession *self, const char *argument)
{
  if (!*argument || strlen (argument) > 255 || strpbrk (argument, " \t()<>;\"\\")) {
    pn_smtp_reply (self, 501, "5.5.4", "Who are you? EHLO and HELO want your host name");
    return FALSE;
  }
  g_free (self->helo);
  self->helo = g_utf8_make_valid (argument, -1);
  pn_smtp_session_reset (self);
  return TRUE;
}

static void
command_helo (PnSmtpSession *self, char *argument)
{
  if (!set_helo (self, argument))
    return;
  self->extended = FALSE;
  g_string_append_printf (self->out, "250 %s greets you\r\n", self->settings->host);
}

static void
command_ehlo (PnSmtpSession *self, char *argument)
{
  if (!set_helo (self, argument))
    return;
  self->extended = TRUE;
  pn_smtp_reply_ehlo (self);
}

static void
command_starttls (PnSmtpSession *self, char *argument)
{
  if (*argument) {
    pn_smtp_reply (self, 501, "5.5.4", "STARTTLS takes no parameter");
  } else if (self->tls) {
    pn_smtp_reply (self, 503, "5.5.1", "TLS is in use already");
  } else if (!self->settings->tls) {
    pn_smtp_reply (self, 502, "5.5.1", "TLS is not available");
  } else {
    pn_smtp_reply_line (self, "220 2.0.0 Go ahead\r\n");
    self->wait = PN_SMTP_WAIT_TLS;
  }
}

/* --- MAIL ----------------------------------------------------------------------------------------------- */

/* Tells what is wrong with a path; TRUE if nothing is. */
static gboolean
check_path (PnSmtpSession *self, PnPathResult result, const char *syntax_status, const char *command)
{
  switch (result) {
  case PN_PATH_OK:
    return TRUE;
  case PN_PATH_SYNTAX:
    pn_smtp_reply (self, 501, syntax_status, "Syntax: %s:<local@domain>", command);
    return FALSE;
  case PN_PATH_NO_DOMAIN:
    pn_smtp_reply (self, 501, syntax_status, "The address has no domain");
    return FALSE;
  case PN_PATH_NOT_ASCII:
    pn_smtp_reply (self, 553, "5.6.7", "An address outside ASCII needs SMTPUTF8 at MAIL");
    return FALSE;
  case PN_PATH_TOO_LONG:
    pn_smtp_reply (self, 501, syntax_status, "The address is too long");
    return FALSE;
  }
  g_assert_not_reached ();
}

/* Skips "FROM:" or "TO:" and a blank that should not be there but often is. */
static gboolean
skip_word (char **at, const char *word)
{
  gsize length = strlen (word);
  if (g_ascii_strncasecmp (*at, word, length) != 0)
    return FALSE;
  *at += length;
  while (**at == ' ')
    (*at)++;
  return TRUE;
}

static gboolean
bad_parameter (PnSmtpSession *self, const char *key, const char *value)
{
  pn_smtp_reply (self, value ? 501 : 555, "5.5.4",
                 value ? "%s: %s is not a value it can have" : "%s: no such parameter", key, value);
  return FALSE;
}

static gboolean
mail_size (PnSmtpSession *self, const char *value)
{
  if (!value || !pn_number_parse (value, 10, 0, G_MAXUINT64, &self->transaction.size))
    return bad_parameter (self, "SIZE", value ? value : "nothing");
  if (self->transaction.size <= self->settings->max_message_size)
    return TRUE;
  pn_smtp_refuse (self, NULL, 552, "5.3.4", "A message may have %" G_GUINT64_FORMAT " bytes",
                  self->settings->max_message_size);
  return FALSE;
}

static gboolean
keep (PnSmtpSession *self, char **field, const char *key, const char *value, gboolean valid)
{
  if (!value || !valid)
    return bad_parameter (self, key, value ? value : "nothing");
  g_free (*field);
  *field = g_strdup (value);
  return TRUE;
}

static gboolean
mail_parameter (PnSmtpSession *self, const char *key, const char *value)
{
  PnSmtpTransaction *transaction = &self->transaction;
  if (g_ascii_strcasecmp (key, "SIZE") == 0)
    return mail_size (self, value);
  if (g_ascii_strcasecmp (key, "BODY") == 0) {
    gboolean known
        = value && (g_ascii_strcasecmp (value, "7BIT") == 0 || g_ascii_strcasecmp (value, "8BITMIME") == 0);
    return known || bad_parameter (self, key, value ? value : "nothing");
  }
  if (g_ascii_strcasecmp (key, "SMTPUTF8") == 0) {
    transaction->smtputf8 = TRUE;
    return !value || bad_parameter (self, key, value);
  }
  if (g_ascii_strcasecmp (key, "RET") == 0)
    return keep (self, &transaction->ret, key, value,
                 value
                     && (g_ascii_strcasecmp (value, "FULL") == 0 || g_ascii_strcasecmp (value, "HDRS") == 0));
  if (g_ascii_strcasecmp (key, "ENVID") == 0)
    return keep (self, &transaction->envid, key, value,
                 value && strlen (value) <= 100 && pn_smtp_is_xtext (value));
  if (g_ascii_strcasecmp (key, "AUTH") == 0 && (pn_smtp_auth_offered (self) || self->user))
    return TRUE; /* RFC 4954 5: nobody we would have to tell it to */
  return bad_parameter (self, key, NULL);
}

static gboolean
parameters (PnSmtpSession *self, char *at, gboolean (*take) (PnSmtpSession *, const char *, const char *))
{
  char *key, *value;
  while (pn_smtp_parameter_next (&at, &key, &value))
    if (!take (self, key, value))
      return FALSE;
  if (!*at)
    return TRUE;
  pn_smtp_reply (self, 501, "5.5.4", "Parameters are KEY or KEY=VALUE with blanks between them");
  return FALSE;
}

/* SMTPUTF8 stands behind the address that needs it. */
static gboolean
announces_utf8 (const char *argument)
{
  g_autofree char *upper = g_ascii_strup (argument, -1);
  return strstr (upper, " SMTPUTF8") != NULL;
}

void
pn_smtp_mail (PnSmtpSession *self, char *argument)
{
  PnSmtpTransaction *transaction = &self->transaction;
  if (transaction->open) {
    pn_smtp_reply (self, 503, "5.5.1", "There is a MAIL already; RSET ends it");
    return;
  }
  if (!skip_word (&argument, "FROM:")) {
    pn_smtp_reply (self, 501, "5.5.2", "Syntax: MAIL FROM:<local@domain>");
    return;
  }
  gboolean utf8 = self->extended && announces_utf8 (argument);
  PnPathResult result = pn_smtp_path_parse (&argument, utf8, &transaction->from);
  if (check_path (self, result, "5.1.7", "MAIL FROM") && parameters (self, argument, mail_parameter)) {
    if (!self->house->has_space (self->owner)) {
      pn_smtp_refuse (self, NULL, 452, "4.3.1", "No room for mail at present, try again later");
    } else {
      transaction->open = TRUE;
      transaction->to = g_ptr_array_new_with_free_func (g_free);
      transaction->notify = g_ptr_array_new_with_free_func (g_free);
      transaction->orcpt = g_ptr_array_new_with_free_func (g_free);
      pn_smtp_reply_line (self, "250 2.1.0 Sender ok\r\n");
    }
  }
  if (!transaction->open)
    pn_smtp_session_reset (self);
}

/* --- RCPT ----------------------------------------------------------------------------------------------- */

static gboolean
is_notify (const char *value)
{
  if (g_ascii_strcasecmp (value, "NEVER") == 0)
    return TRUE;
  g_auto (GStrv) words = g_strsplit (value, ",", -1);
  static const char *const known[] = { "SUCCESS", "FAILURE", "DELAY" };
  for (char **word = words; *word; word++) {
    guint i = 0;
    while (i < G_N_ELEMENTS (known) && g_ascii_strcasecmp (*word, known[i]) != 0)
      i++;
    if (i == G_N_ELEMENTS (known))
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_orcpt (const char *value)
{
  const char *semicolon = strchr (value, ';');
  return semicolon && semicolon > value && strlen (value) <= 500
         && (pn_smtp_is_xtext (semicolon + 1) || g_utf8_validate (value, -1, NULL));
}

/* The last recipient's, which is being made. */
static gboolean
rcpt_parameter (PnSmtpSession *self, const char *key, const char *value)
{
  gboolean notify = g_ascii_strcasecmp (key, "NOTIFY") == 0;
  gboolean orcpt = g_ascii_strcasecmp (key, "ORCPT") == 0;
  if (!notify && !orcpt)
    return bad_parameter (self, key, NULL);
  GPtrArray *array = notify ? self->transaction.notify : self->transaction.orcpt;
  gboolean valid = value && (notify ? is_notify (value) : is_orcpt (value));
  return keep (self, (char **) &array->pdata[array->len - 1], key, value, valid);
}

static gboolean
check_local (PnSmtpSession *self, const char *address)
{
  g_autoptr (GError) error = NULL;
  if (pn_directory_accepts (self->settings->directory, address, &error))
    return TRUE;
  if (g_error_matches (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_AMBIGUOUS))
    pn_smtp_refuse (self, address, 550, "5.1.4", "%s", error->message);
  else
    pn_smtp_refuse (self, address, 550, "5.1.1", "%s", error->message);
  return FALSE;
}

/* Whom we take mail for, from this client. */
static gboolean
check_recipient (PnSmtpSession *self, const char *address, gboolean without_domain)
{
  if (without_domain && g_ascii_strcasecmp (address, "postmaster") != 0) {
    pn_smtp_refuse (self, address, 501, "5.1.3", "The address has no domain");
    return FALSE;
  }
  if (without_domain || pn_directory_is_local (self->settings->directory, address))
    return check_local (self, address);
  if (self->user || self->may_relay)
    return TRUE;
  if (self->submission)
    pn_smtp_refuse (self, address, 530, "5.7.0", "Mail to other domains needs authentication");
  else
    pn_smtp_refuse (self, address, 550, "5.7.1", "%s is not one of our addresses, and you may not relay",
                    address);
  return FALSE;
}

static gboolean
rcpt_allowed (PnSmtpSession *self)
{
  if (!self->transaction.open) {
    pn_smtp_reply (self, 503, "5.5.1", "MAIL comes first");
    return FALSE;
  }
  if (self->incoming || self->chunk_refused) {
    pn_smtp_reply (self, 503, "5.5.1", "No recipients once the message has begun");
    return FALSE;
  }
  if (self->transaction.to->len >= self->settings->max_recipients) {
    pn_smtp_reply (self, 452, "4.5.3", "A message may have %u recipients; send it again for the others",
                   self->settings->max_recipients);
    return FALSE;
  }
  return TRUE;
}

void
pn_smtp_rcpt (PnSmtpSession *self, char *argument)
{
  PnSmtpTransaction *transaction = &self->transaction;
  if (!rcpt_allowed (self))
    return;
  if (!skip_word (&argument, "TO:")) {
    pn_smtp_reply (self, 501, "5.5.2", "Syntax: RCPT TO:<local@domain>");
    return;
  }
  g_autofree char *address = NULL;
  PnPathResult result = pn_smtp_path_parse (&argument, transaction->smtputf8, &address);
  gboolean without_domain = result == PN_PATH_NO_DOMAIN;
  if (!without_domain && (result != PN_PATH_OK || !*address)) {
    check_path (self, result == PN_PATH_OK ? PN_PATH_SYNTAX : result, "5.1.3", "RCPT TO");
    return;
  }
  if (!check_recipient (self, address, without_domain))
    return;
  guint there = transaction->to->len;
  g_ptr_array_add (transaction->to, g_steal_pointer (&address));
  g_ptr_array_add (transaction->notify, g_strdup (""));
  g_ptr_array_add (transaction->orcpt, g_strdup (""));
  if (parameters (self, argument, rcpt_parameter)) {
    pn_smtp_reply_line (self, "250 2.1.5 Recipient ok\r\n");
    return;
  }
  g_ptr_array_set_size (transaction->to, (gint) there);
  g_ptr_array_set_size (transaction->notify, (gint) there);
  g_ptr_array_set_size (transaction->orcpt, (gint) there);
}

/* --- the others ----------------------------------------------------------------------------------------- */

static void
command_rset (PnSmtpSession *self, char *argument)
{
  if (*argument) {
    pn_smtp_reply (self, 501, "5.5.4", "RSET takes no parameter");
    return;
  }
  pn_smtp_session_reset (self);
  pn_smtp_reply_line (self, "250 2.0.0 Forgotten\r\n");
}

static void
command_noop (PnSmtpSession *self, char *argument)
{
  (void) argument;
  pn_smtp_reply_line (self, "250 2.0.0 Ok\r\n");
}

static void
command_quit (PnSmtpSession *self, char *argument)
{
  (void) argument;
  g_string_append_printf (self->out, "221 2.0.0 %s says goodbye\r\n", self->settings->host);
  self->wait = PN_SMTP_WAIT_CLOSE;
}

/* RFC 5321 7.3 allows not to tell. */
static void
command_vrfy (PnSmtpSession *self, char *argument)
{
  if (!*argument)
    pn_smtp_reply (self, 501, "5.5.4", "VRFY wants an address");
  else
    pn_smtp_reply_line (self, "252 2.5.0 Send mail to find out\r\n");
}

static void
command_expn (PnSmtpSession *self, char *argument)
{
  (void) argument;
  pn_smtp_reply (self, 502, "5.5.1", "Lists are not shown");
}

static void
command_help (PnSmtpSession *self, char *argument)
{
  (void) argument;
  pn_smtp_reply_line (self, "214-2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT\r\n"
                            "214 2.0.0 RSET NOOP VRFY HELP QUIT (RFC 5321)\r\n");
}

typedef void (*Handler) (PnSmtpSession *self, char *argument);

static const struct {
  const char *name;
  Handler handler;
  gboolean introduced; /* only after EHLO or HELO */
} commands[] = {
  { "MAIL", pn_smtp_mail, TRUE },  { "RCPT", pn_smtp_rcpt, TRUE },  { "DATA", pn_smtp_data, TRUE },
  { "BDAT", pn_smtp_bdat, FALSE }, { "QUIT", command_quit, FALSE }, { "EHLO", command_ehlo, FALSE },
  { "HELO", command_helo, FALSE }, { "RSET", command_rset, FALSE }, { "STARTTLS", command_starttls, TRUE },
  { "AUTH", pn_smtp_auth, TRUE },  { "NOOP", command_noop, FALSE }, { "VRFY", command_vrfy, FALSE },
  { "EXPN", command_expn, FALSE }, { "HELP", command_help, FALSE },
};

void
pn_smtp_command (PnSmtpSession *self, char *line, gsize length)
{
  while (length && line[length - 1] == ' ')
    line[--length] = '\0';
  gsize word = strcspn (line, " ");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++) {
    if (strlen (commands[i].name) != word || g_ascii_strncasecmp (line, commands[i].name, word) != 0)
      continue;
    if (commands[i].introduced && !self->helo) {
      pn_smtp_reply (self, 503, "5.5.1", "EHLO comes first");
      return;
    }
    char *argument = line + word;
    while (*argument == ' ')
      argument++;
    commands[i].handler (self, argument);
    return;
  }
  pn_smtp_reply (self, 500, "5.5.1", "There is no such command");
}
