#include "convert/status-code.h"

#include <string.h>

#include "convert/ascii.h"

typedef struct {
  const char *code; /* without its class */
  const char *text;
} Row;

/* Subjects (x.N.0) stand behind their details. */
static const Row rows[] = {
  { "1.1", "the mailbox does not exist" },
  { "1.2", "the domain of the address does not exist" },
  { "1.3", "the address is not well formed" },
  { "1.4", "the address is ambiguous" },
  { "1.5", "the address is valid" },
  { "1.6", "the mailbox has moved and left no address" },
  { "1.7", "the sender's address is not well formed" },
  { "1.8", "the domain of the sender does not exist" },
  { "1.9", "the message was handed on to a system that does not report" },
  { "1.10", "the domain of the address takes no mail (null MX)" },
  { "1.0", "something is wrong with the address" },
  { "2.1", "the mailbox is disabled or takes no messages" },
  { "2.2", "the mailbox is full" },
  { "2.3", "the message is too long for the mailbox" },
  { "2.4", "the mailing list could not be expanded" },
  { "2.0", "something is wrong with the mailbox" },
  { "3.1", "the mail system is full" },
  { "3.2", "the system takes no messages at the time" },
  { "3.3", "the system lacks a feature that the message needs" },
  { "3.4", "the message is too big for the system" },
  { "3.5", "the system is not set up for this mail" },
  { "3.6", "the priority that was asked for was changed" },
  { "3.0", "something is wrong with the mail system" },
  { "4.1", "the host does not answer" },
  { "4.2", "the connection broke" },
  { "4.3", "a name server failed" },
  { "4.4", "no way to the host could be found" },
  { "4.5", "the mail system is congested" },
  { "4.6", "the message went round in a loop" },
  { "4.7", "the time for delivery has expired" },
  { "4.8", "the signatures of the domain name system could not be trusted" },
  { "4.0", "something is wrong with the network" },
  { "5.1", "a command was not valid" },
  { "5.2", "a command had a syntax error" },
  { "5.3", "there were too many recipients" },
  { "5.4", "a command had arguments that are not valid" },
  { "5.5", "the versions of the protocol do not fit" },
  { "5.6", "the authentication exchange was too long" },
  { "5.0", "the hosts did not understand each other" },
  { "6.1", "the type of the content is not supported" },
  { "6.2", "the content had to be converted, which was forbidden" },
  { "6.3", "the content had to be converted, which cannot be done" },
  { "6.4", "the content was converted with losses" },
  { "6.5", "the content could not be converted" },
  { "6.6", "the content of the message is not available" },
  { "6.7", "addresses that are not ASCII are not taken" },
  { "6.8", "an answer in UTF-8 was needed, which the host does not take" },
  { "6.9", "a header that is not ASCII could not be handed on" },
  { "6.10", "addresses that are not ASCII are not taken" },
  { "6.0", "something is wrong with the content" },
  { "7.1", "delivery is not permitted; the message was refused" },
  { "7.2", "the sender may not write to the mailing list" },
  { "7.3", "the message had to be converted, which its security does not allow" },
  { "7.4", "a security feature is not supported" },
  { "7.5", "a cryptographic step failed" },
  { "7.6", "a cryptographic algorithm is not supported" },
  { "7.7", "the integrity of the message could not be shown" },
  { "7.8", "the credentials are not valid" },
  { "7.9", "the authentication mechanism is too weak" },
  { "7.10", "encryption is needed" },
  { "7.11", "encryption is needed for this authentication mechanism" },
  { "7.12", "a password has to be changed first" },
  { "7.13", "the account is disabled" },
  { "7.14", "a trust relationship is needed" },
  { "7.15", "the priority of the message is too low at the time" },
  { "7.16", "the message is too big for its priority" },
  { "7.17", "the mailbox has another owner than the message is for" },
  { "7.18", "the domain has another owner than the message is for" },
  { "7.19", "the owner of the mailbox cannot be checked" },
  { "7.20", "no DKIM signature passed" },
  { "7.21", "no acceptable DKIM signature was found" },
  { "7.22", "no DKIM signature of the author's domain was found" },
  { "7.23", "the SPF check failed" },
  { "7.24", "the SPF check could not be done" },
  { "7.25", "the sending host has no valid reverse name" },
  { "7.26", "more than one authentication check failed" },
  { "7.27", "the sender's domain takes no mail (null MX)" },
  { "7.28", "the sender sends too much" },
  { "7.29", "the ARC check failed" },
  { "7.30", "the path that the message would go does not offer TLS as required" },
  { "7.0", "the message was refused for reasons of security or policy" },
  { "0.0", "no reason was given" },
};

/* The length of the code that TEXT begins with; 0 if it begins with none. */
static gsize
code_length (const char *text)
{
  if (!*text || !strchr ("245", *text) || text[1] != '.')
    return 0;
  gsize subject = strspn (text + 2, "0123456789");
  if (subject == 0 || subject > 3 || text[2 + subject] != '.')
    return 0;
  gsize detail = strspn (text + 3 + subject, "0123456789");
  return detail > 0 && detail <= 3 ? 3 + subject + detail : 0;
}

const char *
pn_status_code_describe (const char *code)
{
  gsize length = code ? code_length (code) : 0;
  if (length == 0 || code[length])
    return NULL;
  const char *rest = code + 2;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (rows[i].code, rest) == 0)
      return rows[i].text;
  gsize subject = strcspn (rest, ".");
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_has_suffix (rows[i].code, ".0") && strlen (rows[i].code) == subject + 2
        && strncmp (rows[i].code, rest, subject) == 0)
      return rows[i].text;
  return NULL;
}

/* --- in what a server said ---------------------------------------------------------------------------- */

static gboolean
begins_here (const char *text, const char *p)
{
  return p == text || (!g_ascii_isalnum (p[-1]) && p[-1] != '.' && p[-1] != '-');
}

char *
pn_status_code_find (const char *text)
{
  for (const char *p = text; *p; p++) {
    gsize length = code_length (p);
    const char *end = p + length;
    /* "5.1.1." ends a sentence, "4.2.2.1" is an address of the Internet */
    if (length > 0 && begins_here (text, p) && !g_ascii_isalnum (*end)
        && !(*end == '.' && g_ascii_isdigit (end[1])))
      return g_strndup (p, length);
  }
  return NULL;
}

int
pn_status_code_find_reply (const char *text)
{
  for (const char *p = text; *p; p++)
    if ((*p == '4' || *p == '5') && begins_here (text, p) && p[1] >= '0' && p[1] <= '5'
        && g_ascii_isdigit (p[2]) && (!p[3] || strchr (" -#:,;)]\n", p[3])))
      return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
  return 0;
}

const char *
pn_status_code_guess (const char *text, gboolean transient)
{
  static const struct {
    const char *words, *permanent, *transient;
  } guesses[] = {
    { "quota", "5.2.2", "4.2.2" },
    { "mailbox full", "5.2.2", "4.2.2" },
    { "mailbox is full", "5.2.2", "4.2.2" },
    { "over limit", "5.2.2", "4.2.2" },
    { "exceeds allowed size", "5.2.2", "4.2.2" },
    { "insufficient space", "5.2.2", "4.2.2" },
    { "storage", "5.2.2", "4.2.2" },
    { "too large", "5.3.4", "4.3.4" },
    { "too big", "5.3.4", "4.3.4" },
    { "exceeds size", "5.3.4", "4.3.4" },
    { "disabled", "5.2.1", "4.2.1" },
    { "inactive", "5.2.1", "4.2.1" },
    { "suspended", "5.2.1", "4.2.1" },
    { "unknown user", "5.1.1", "4.1.1" },
    { "user unknown", "5.1.1", "4.1.1" },
    { "no such user", "5.1.1", "4.1.1" },
    { "user not found", "5.1.1", "4.1.1" },
    { "no mailbox", "5.1.1", "4.1.1" },
    { "unknown recipient", "5.1.1", "4.1.1" },
    { "not recognized", "5.1.1", "4.1.1" },
    { "not listed in", "5.1.1", "4.1.1" },
    { "unknown address", "5.1.1", "4.1.1" },
    { "invalid recipient", "5.1.1", "4.1.1" },
    { "not our customer", "5.1.1", "4.1.1" },
    { "unrouteable address", "5.1.1", "4.1.1" },
    { "unroutable address", "5.1.1", "4.1.1" },
    { "does not exist", "5.1.1", "4.1.1" },
    { "doesn't exist", "5.1.1", "4.1.1" },
    { "doesn't have a", "5.1.1", "4.1.1" },
    { "no such", "5.1.1", "4.1.1" },
    { "host unknown", "5.1.2", "4.1.2" },
    { "host not found", "5.1.2", "4.1.2" },
    { "couldn't find any host", "5.1.2", "4.1.2" },
    { "domain not found", "5.1.2", "4.1.2" },
    { "timed out", "5.4.1", "4.4.1" },
    { "timeout", "5.4.1", "4.4.1" },
    { "connection refused", "5.4.1", "4.4.1" },
    { "no route to host", "5.4.1", "4.4.1" },
    { "couldn't connect", "5.4.1", "4.4.1" },
    { "wasn't able to establish", "5.4.1", "4.4.1" },
    { "too long", "5.4.7", "4.4.7" },
    { "expired", "5.4.7", "4.4.7" },
    { "loop", "5.4.6", "4.4.6" },
    { "too many hops", "5.4.6", "4.4.6" },
    { "spam", "5.7.1", "4.7.1" },
    { "relay", "5.7.1", "4.7.1" },
    { "denied", "5.7.1", "4.7.1" },
    { "reject", "5.7.1", "4.7.1" },
    { "not permitted", "5.7.1", "4.7.1" },
    { "not accepting mail from", "5.7.1", "4.7.1" },
    { "blocked", "5.7.1", "4.7.1" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (guesses); i++)
    if (pn_ascii_casestr (text, guesses[i].words))
      return transient ? guesses[i].transient : guesses[i].permanent;
  return NULL;
}
