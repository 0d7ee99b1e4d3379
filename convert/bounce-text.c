#include "convert/mime-report-reader.h"

#include "convert/ascii.h"
#include "convert/status-code.h"

#include <string.h>

/* The words of non-delivery notices.  All programs write them in one of few shapes: an address at the
 * beginning of a line or behind "to:", the reason beside or below it, and a copy of the message's header at
 * the end.  So it is the shape that is read; the words decide only whether it is a notice at all. */

/* MAX_NAMED: Exim's field goes no further.  MAX_BEFORE: of a line before an address; mail has no longer ones.
 */
enum { MAX_WORDS = 256 * 1024, MAX_FOUND = 1000, MAX_REASON = 2000, MAX_NAMED = 50, MAX_BEFORE = 1000 };

typedef struct {
  char *address;
  char *original; /* address that he was written to by, or NULL */
  GString *reason;
  GString *reply; /* what his server answered in a transcript */
  PnAction action;
  gboolean settled; /* a heading says the action */
  gboolean strong;  /* the place of the address says that he is a recipient */
  gboolean named;   /* in X-Failed-Recipients */
} Found;

typedef struct {
  PnMimeReader *reader;
  PnReportHead *head;
  GPtrArray *found;
  Found *last;  /* whose reason the lines tell, or NULL */
  Found *asked; /* of the last RCPT in a transcript */
  guint indent; /* of the line that LAST stands in */
  char *host;   /* "while talking to ..." */
  PnAction section;
  gboolean settled;    /* by a heading */
  gboolean words;      /* says that something was not delivered */
  gboolean delayed;    /* will be tried again */
  gboolean permanent;  /* will not */
  gboolean copied;     /* a copy of the original's header stands in the text */
  GHashTable *parties; /* addresses of those who talk, in lower case */
} Notice;

static void
found_free (Found *self)
{
  g_free (self->address);
  g_free (self->original);
  g_string_free (self->reason, TRUE);
  g_string_free (self->reply, TRUE);
  g_free (self);
}

/* --- phrases ------------------------------------------------------------------------------------------ */

static gboolean
has_any (const char *line, const char *const *phrases)
{
  for (; *phrases != NULL; phrases++)
    if (pn_ascii_casestr (line, *phrases) != NULL)
      return TRUE;
  return FALSE;
}

static const char *const failing[]
    = { "undeliver",         "could not be delivered", "couldn't be delivered", "not be delivered",
        "cannot be deliver", "was not delivered",      "not been delivered",    "failed",
        "failure notice",    "returned mail",          "fatal error",           "did not reach",
        "unable to deliver", "wasn't able to deliver", "could not deliver",     "couldn't deliver",
        "delivery failure",  "delivery status",        "could not be reached",  "delivery error",
        "non-delivery",      "rejected your message",  "returned to sender",    "could not send",
        "message delayed",   "mail delivery",          "user unknown",          "unzustellbar",
        "non remis",         "no se pudo entregar",    "niet worden bezorgd",   "nicht zugestellt",
        "not accepting",     "mailbox unavailable",    "delivery problem",      NULL };
static const char *const delaying[] = { "will be retried",
                                        "will continue",
                                        "will keep trying",
                                        "still trying",
                                        "do not need to resend",
                                        "not yet been delivered",
                                        "warning message only",
                                        "still being retried",
                                        "delivery attempts",
                                        "transient non-fatal",
                                        "no action is required",
                                        "continue to attempt",
                                        "could not send message for",
                                        "warning: message",
                                        "delivery delayed",
                                        "message delayed",
                                        "delayed mail",
                                        "status notification (delay)",
                                        "will try again",
                                        NULL };
static const char *const giving_up[]
    = { "permanent", "giving up", "given up", "gave up", "fatal", "been returned", "too long", NULL };
static const char *const succeeding[]
    = { "successful delivery",      "successfully delivered", "was delivered to",
        "successful mail delivery", "return receipt",         NULL };

/* A line that stands over a list of recipients. */
static void
read_heading (Notice *self, const char *line)
{
  if (has_any (line, succeeding) && pn_ascii_casestr (line, "not ") == NULL
      && pn_ascii_casestr (line, "unsuccessful") == NULL) {
    self->section = PN_ACTION_DELIVERED;
    self->settled = TRUE;
  } else if (pn_ascii_casestr (line, "transient non-fatal") != NULL) {
    self->section = PN_ACTION_TRANSFER_DELAYED;
    self->settled = TRUE;
  } else if (pn_ascii_casestr (line, "permanent fatal") != NULL
             || pn_ascii_casestr (line, "failed permanently") != NULL) {
    self->section = PN_ACTION_UNDELIVERABLE;
    self->settled = TRUE;
  }
  self->words |= self->settled || has_any (line, failing);
  self->delayed |= has_any (line, delaying);
  self->permanent |= has_any (line, giving_up) && pn_ascii_casestr (line, "not a permanent") == NULL;
}

/* --- addresses ---------------------------------------------------------------------------------------- */

static gboolean
is_atom (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr (".!#$%&*+-/=?^_{|}~", c) != NULL) || (guchar) c >= 0x80;
}

/* The next address in a line from *FROM on; *START and *END are where it stands. */
static gboolean
next_address (const char **from, const char **start, const char **end)
{
  for (const char *at = strchr (*from, '@'); at != NULL; at = strchr (at + 1, '@')) {
    const char *left = at, *right = at + 1;
    if (at > *from && at[-1] == '"') {
      left = at - 1;
      while (left > *from && left[-1] != '"')
        left--;
      left -= left > *from;
    } else
      while (left > *from && is_atom (left[-1]))
        left--;
    while (left < at && strchr (".=*-", *left) != NULL)
      left++;
    gsize dots = 0;
    while (g_ascii_isalnum (*right) || *right == '.' || *right == '-' || *right == '_'
           || (guchar) *right >= 0x80)
      dots += *right++ == '.';
    while (right > at + 1 && strchr (".-", right[-1]) != NULL)
      dots -= *--right == '.';
    *from = at + 1;
    if (left == at || dots == 0 || right - at > 255 || at - left > 128)
      continue;
    *start = left;
    *end = right;
    *from = right;
    return TRUE;
  }
  return FALSE;
}

typedef enum { NOBODY, WEAK, STRONG } Rank;

/* "550", "550-5.1.1", "<<< 550 5.1.1", a bullet: nothing of its own before an address. */
static gboolean
is_bare (const char *before)
{
  return strspn (before, " \t<>*-o.|0123456789\"'([#") == strlen (before);
}

static gboolean
is_same (const char *a, const char *b)
{
  return a != NULL && b != NULL && g_ascii_strcasecmp (a, b) == 0;
}

static void
add_party (GHashTable *parties, const PnAddress *address)
{
  if (address != NULL && address->internet != NULL)
    g_hash_table_add (parties, g_ascii_strdown (address->internet, -1));
}

static GHashTable *
find_parties (const PnMessage *message)
{
  GHashTable *parties = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  add_party (parties, message->from);
  for (guint i = 0; i < message->recipients->len; i++)
    add_party (parties, ((PnRecipient *) g_ptr_array_index (message->recipients, i))->address);
  return parties;
}

/* Whether ADDRESS is one of those who talk, and not one that they talk about. */
static gboolean
is_party (const Notice *self, const char *address)
{
  static const char *const roles[] = { "postmaster@", "mailer-daemon@", "abuse@", "support@", "helpdesk@" };
  g_autofree char *lower = g_ascii_strdown (address, -1);

  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    if (g_str_has_prefix (lower, roles[i]))
      return TRUE;
  return g_hash_table_contains (self->parties, lower);
}

/* What the words before an address say about it. */
static Rank
rank_address (const Notice *self, const char *line, const char *start, const char *address)
{
  static const char *const sending[]
      = { "mail from",   "sender",   "from:",       "from <",       "reply-to", "return-path",
          "return path", "contact",  "message-id",  "message id",   "msgid",    "http",
          "reply to",    "write to", "please send", "send mail to", "help",     "question",
          "e-mail us",   "list-",    "report",      "cc:",          NULL };
  static const char *const receiving[]
      = { "to",      "recipient", "recipients", "address", "addresses",   "user",
          "mailbox", "account",   "for",        "deliver", "destination", NULL };
  static const char *const moving[]
      = { "deliver", "send", "sent", "reach", "transfer", "message", "mail", NULL };
  gsize known = MIN ((gsize) (start - line), MAX_BEFORE);
  g_autofree char *before = g_strchomp (g_strndup (start - known, known));
  gsize n = strlen (before);

  while (n > 0 && strchr ("<\"'([ \t", before[n - 1]) != NULL)
    before[--n] = '\0';
  gboolean typed = n >= 7 && g_ascii_strcasecmp (before + n - 7, "rfc822;") == 0;
  if (is_bare (before)) {
    gboolean reply = strchr (before, '<') != NULL || strpbrk (before, "0123456789") != NULL;
    return !is_party (self, address) ? STRONG : reply ? NOBODY : WEAK;
  }
  if (has_any (before, sending) || is_party (self, address))
    return NOBODY;
  /* "To: ..." among what is known about the message */
  if (g_ascii_strcasecmp (before + strspn (before, " \t"), "to:") == 0) {
    g_ptr_array_add (self->head->recipients, g_strdup (address));
    return NOBODY;
  }
  if (before[n - 1] == ':' || typed)
    return STRONG;
  for (guint i = 0; receiving[i] != NULL; i++) {
    gsize k = strlen (receiving[i]);
    if (n >= k && g_ascii_strcasecmp (before + n - k, receiving[i]) == 0
        && (n == k || !g_ascii_isalnum (before[n - k - 1])))
      return has_any (before, moving) ? STRONG : WEAK;
  }
  return WEAK;
}

static Found *
find_found (const Notice *self, const char *address)
{
  for (guint i = 0; i < self->found->len; i++) {
    Found *found = g_ptr_array_index (self->found, i);
    if (is_same (found->address, address))
      return found;
  }
  return NULL;
}

static Found *
add_found (Notice *self, const char *address, gboolean strong)
{
  Found *found = find_found (self, address);

  if (found == NULL && self->found->len < MAX_FOUND) {
    found = g_new0 (Found, 1);
    found->address = g_strdup (address);
    found->reason = g_string_new (NULL);
    found->reply = g_string_new (NULL);
    found->action = self->section;
    found->settled = self->settled;
    g_ptr_array_add (self->found, found);
  }
  if (found != NULL)
    found->strong |= strong;
  return found;
}

/* --- lines -------------------------------------------------------------------------------------------- */

static void
append (GString *to, const char *text)
{
  g_autofree char *copy = g_strdup (text);
  char *plain = g_strstrip (copy);

  if (plain[0] == '\0' || to->len + strlen (plain) > MAX_REASON)
    return;
  if (to->len > 0)
    g_string_append_c (to, ' ');
  g_string_append (to, plain);
}

/* "(expanded from: <alias>)", "(generated from alias)", "(ultimately generated from ...)" */
static gboolean
read_generated (Notice *self, const char *line)
{
  const char *from = pn_ascii_casestr (line, "expanded from"), *start, *end;

  if (from == NULL)
    from = pn_ascii_casestr (line, "generated from");
  if (from == NULL || !next_address (&from, &start, &end))
    return FALSE;
  g_autofree char *address = g_strndup (start, (gsize) (end - start));
  if (self->last == NULL)
    self->last = add_found (self, address, TRUE);
  else if (self->last->original == NULL && !is_same (self->last->address, address))
    self->last->original = g_steal_pointer (&address);
  return TRUE;
}

/* The lines of an SMTP session: ">>> RCPT To:<a@b>", "<<< 550 no". */
static gboolean
read_transcript (Notice *self, const char *line)
{
  const char *start, *end, *from = line;
  const char *talk = pn_ascii_casestr (line, "while talking to ");

  if (talk != NULL) {
    talk += strlen ("while talking to ");
    gsize length = strcspn (talk, " :");
    g_free (self->host);
    self->host = g_strndup (talk, length > 0 && talk[length - 1] == '.' ? length - 1 : length);
    self->asked = NULL;
    return TRUE;
  }
  if (g_str_has_prefix (line, ">>>")) {
    self->asked = NULL;
    if (pn_ascii_casestr (line, "RCPT") != NULL && next_address (&from, &start, &end)) {
      g_autofree char *address = g_strndup (start, (gsize) (end - start));
      self->asked = find_found (self, address);
      if (self->asked == NULL && self->last == NULL)
        self->asked = add_found (self, address, TRUE);
    } else if (self->found->len == 1)
      self->asked = g_ptr_array_index (self->found, 0);
    return TRUE;
  }
  const char *answer = strstr (line, "<-- ");
  if (answer != NULL && (answer[4] == '4' || answer[4] == '5') && self->found->len == 1) {
    append (((Found *) g_ptr_array_index (self->found, 0))->reply, answer + 4);
    return TRUE;
  }
  if (!g_str_has_prefix (line, "<<<"))
    return FALSE;
  Found *found = self->asked != NULL ? self->asked : self->last;
  const char *code = line + 3 + strspn (line + 3, " ");
  if (found != NULL && (*code == '4' || *code == '5'))
    append (found->reply, line + 3);
  return TRUE;
}

static guint
indent_of (const char *line)
{
  guint n = 0;

  for (; *line == ' ' || *line == '\t'; line++)
    n += *line == '\t' ? 8 - n % 8 : 1;
  return n;
}

/* The recipients in LINE; TRUE if there is one, and then the rest of it is his reason. */
static gboolean
read_recipients (Notice *self, const char *line)
{
  const char *from = line, *start, *end, *rest = NULL;
  guint indent = indent_of (line);
  Found *first = NULL;

  while (next_address (&from, &start, &end)) {
    g_autofree char *address = g_strndup (start, (gsize) (end - start));
    Rank rank = first != NULL ? NOBODY : rank_address (self, line, start, address);
    /* An address in the lines that tell the reason of another is part of it. */
    if (rank == WEAK && self->last != NULL)
      rank = NOBODY;
    if (rank == STRONG && self->last != NULL && self->last->strong && indent > self->indent
        && find_found (self, address) == NULL)
      rank = NOBODY;
    if (rank == NOBODY)
      continue;
    first = add_found (self, address, rank == STRONG);
    rest = end + strspn (end, ">\"')]");
    if (*rest == '.' && g_str_has_prefix (rest, "..."))
      rest += 3;
    if (*rest == ':')
      rest++;
  }
  if (first == NULL)
    return FALSE;
  gboolean again = first == self->last || first->reason->len > 0;
  self->last = first;
  if (again) {
    append (first->reason, line);
    return TRUE;
  }
  self->indent = indent;
  /* "550 <a@b>... User unknown": the code stands before */
  if (pn_status_code_find_reply (line) != 0 && g_ascii_isdigit (line[strspn (line, " \t")]))
    append (first->reason, line);
  else if (!read_generated (self, rest))
    append (first->reason, rest);
  else if (strchr (rest, ')') != NULL)
    append (first->reason, strchr (rest, ')') + 1 + strspn (strchr (rest, ')') + 1, ":"));
  return TRUE;
}

/* "> text" is somebody's quotation. */
static gboolean
is_quoted (const char *line)
{
  static const char *const verbs[] = { ">>> RCPT", ">>> MAIL", ">>> DATA", ">>> HELO",    ">>> EHLO",
                                       ">>> QUIT", ">>> RSET", ">>> .",    ">>> STARTTLS" };

  if (line[0] != '>')
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (g_ascii_strncasecmp (line, verbs[i], strlen (verbs[i])) == 0)
      return FALSE;
  return TRUE;
}

static void
read_line (Notice *self, const char *line)
{
  if (line[strspn (line, " \t")] == '\0') {
    if (self->last != NULL && self->last->reason->len > 0)
      self->last = NULL;
    return;
  }
  if (is_quoted (line))
    return;
  const char *begin = line + strspn (line, " |");
  if (g_str_has_prefix (begin, "---") || g_str_has_prefix (begin, "==="))
    self->last = NULL; /* a heading */
  gboolean reason = self->last != NULL && indent_of (line) > self->indent;
  if (!reason)
    read_heading (self, line);
  if (read_transcript (self, line) || (self->last != NULL && read_generated (self, line))
      || read_recipients (self, line) || (self->last == NULL && read_generated (self, line)))
    return;
  if (self->last != NULL)
    append (self->last->reason, line);
}

/* --- the copy of the original ------------------------------------------------------------------------- */

/* Whether a copy of a message's header stands at P; *END is behind it, *SURE if it is no mere summary. */
static gboolean
is_header (const char *p, const char *limit, const char **end, gboolean *sure)
{
  static const char *const marks[]
      = { "Received", "Return-Path", "MIME-Version", "Message-ID", "DKIM-Signature" };
  static const char *const fields[] = { "From", "To", "Subject", "Date", "Content-Type", "Cc" };
  guint known = 0, sures = 0, other = 0;

  while (p < limit && (known >= 2 || other < 40)) {
    const char *next = pn_next_line (p, limit);
    gsize name, value, length = (gsize) (next - p);
    gboolean folded = (*p == ' ' || *p == '\t') && known + other > 0;
    if (*p == '\n' || *p == '\r' || (!folded && !pn_header_is_field (p, length, &name, &value)))
      break;
    const PnHeaderField field = { p, folded ? 0 : name, p, 0 };
    guint before = known;
    for (guint i = 0; !folded && i < G_N_ELEMENTS (marks); i++)
      if (pn_header_name_is (&field, marks[i]))
        sures++, known++;
    for (guint i = 0; !folded && i < G_N_ELEMENTS (fields); i++)
      known += pn_header_name_is (&field, fields[i]);
    other += !folded && known == before;
    p = next;
  }
  *end = p;
  *sure = sures > 0 && known >= 3;
  return known >= 2;
}

static gboolean
is_report_field (const char *line)
{
  return g_ascii_strncasecmp (line, "Final-Recipient:", 16) == 0
         || g_ascii_strncasecmp (line, "Original-Recipient:", 19) == 0
         || g_ascii_strncasecmp (line, "Reporting-MTA:", 14) == 0;
}

/* All of it.  Blocks of a report that stand in the text are read as such. */
static void
read_notice (Notice *self, const char *text, const char *end)
{
  for (const char *p = text, *next; p < end; p = next) {
    const char *after;
    gboolean sure;
    next = pn_next_line (p, end);
    if (g_ascii_isalpha (*p) && is_header (p, end, &after, &sure)) {
      pn_report_read_original (self->reader, p, (gsize) (end - p), self->head);
      self->copied |= sure;
      if (sure && self->found->len > 0)
        return;
      self->last = NULL;
      next = MAX (after, next);
      continue;
    }
    if (is_report_field (p)) {
      pn_report_read_fields (self->reader, p, (gsize) (end - p), self->head);
      if (self->reader->message->reports->len > 0)
        return;
    }
    g_autofree char *line = g_strchomp (g_strndup (p, (gsize) (next - p)));
    read_line (self, line);
  }
}

/* --- what it comes to --------------------------------------------------------------------------------- */

static gboolean
is_in_original (const Notice *self, const char *address)
{
  for (guint i = 0; i < self->head->recipients->len; i++)
    if (is_same (g_ptr_array_index (self->head->recipients, i), address))
      return TRUE;
  return FALSE;
}

/* Exim names them in a field too: then others are none, as far as the field goes. */
static void
add_failed_recipients (Notice *self)
{
  const char *field = pn_message_get_header (self->reader->message, "X-Failed-Recipients");
  const char *from = field, *start, *end;
  guint named = 0;

  while (from != NULL && next_address (&from, &start, &end)) {
    g_autofree char *address = g_strndup (start, (gsize) (end - start));
    for (guint i = 0; i < self->found->len; i++) {
      Found *other = g_ptr_array_index (self->found, i);
      if (is_same (other->original, address)) {
        other->named = TRUE;
        g_clear_pointer (&address, g_free);
        break;
      }
    }
    Found *found = address != NULL ? add_found (self, address, TRUE) : NULL;
    if (found != NULL)
      found->named = TRUE;
    named++;
  }
  for (guint i = self->found->len; named > 0 && named < MAX_NAMED && i-- > 0;)
    if (!((Found *) g_ptr_array_index (self->found, i))->named)
      g_ptr_array_remove_index (self->found, i);
}

/* Leaves those that are recipients for sure; without any, what is most likely. */
static void
choose (Notice *self)
{
  gboolean any = FALSE;

  add_failed_recipients (self);
  for (guint i = 0; i < self->found->len; i++) {
    Found *found = g_ptr_array_index (self->found, i);
    found->strong |= is_in_original (self, found->address);
    any |= found->strong;
  }
  for (guint i = self->found->len; i-- > 0;) {
    const Found *found = g_ptr_array_index (self->found, i);
    gboolean coded = pn_status_code_find_reply (found->reason->str) != 0;
    if (any ? !found->strong : !coded)
      g_ptr_array_remove_index (self->found, i);
  }
  if (self->found->len == 0 && self->head->recipients->len == 1 && self->words)
    add_found (self, g_ptr_array_index (self->head->recipients, 0), TRUE);
}

/* "host mx.example.org[192.0.2.1] said:", "host mx.example.org [192.0.2.1]: 550" */
static char *
find_host (const char *reason)
{
  for (const char *p = strstr (reason, "host "); p != NULL; p = strstr (p + 1, "host ")) {
    gsize n = strcspn (p + 5, " [:,()");
    if ((p == reason || !g_ascii_isalnum (p[-1])) && n > 3 && n < 256 && memchr (p + 5, '.', n) != NULL
        && p[5 + n - 1] != '.')
      return g_strndup (p + 5, n);
  }
  return NULL;
}

static gboolean
is_coded (const Found *found)
{
  return pn_status_code_find_reply (found->reason->str) != 0 || found->reply->len > 0
         || pn_status_code_guess (found->reason->str, FALSE) != NULL;
}

static PnStatusReport *
make_report (const Notice *self, const Found *found)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  const char *words = found->reply->len > 0 ? found->reply->str : found->reason->str;

  report->recipient = pn_address_new_internet (found->address, NULL);
  report->original_recipient = g_strdup (found->original);
  report->action = found->action;
  if (!found->settled && self->delayed && !self->permanent)
    report->action = PN_ACTION_TRANSFER_DELAYED;
  report->time = self->reader->message->date;
  report->status_code = pn_status_code_find (words);
  if (report->status_code == NULL)
    report->status_code = pn_status_code_find (found->reason->str);
  if (report->status_code == NULL && report->action != PN_ACTION_DELIVERED)
    report->status_code
        = g_strdup (pn_status_code_guess (words, report->action == PN_ACTION_TRANSFER_DELAYED));
  report->diagnostic = words[0] != '\0' ? g_strdup (words) : NULL;
  report->remote_mta = find_host (found->reason->str);
  if (report->remote_mta == NULL && found->reply->len > 0 && self->host != NULL && self->host[0] != '\0')
    report->remote_mta = g_strdup (self->host);
  return report;
}

gboolean
pn_bounce_read_text (PnMimeReader *reader, const char *text, gboolean original, PnReportHead *head)
{
  PnMessage *message = reader->message;
  const char *subject = message->subject != NULL ? message->subject : "";
  Notice self = { .reader = reader,
                  .head = head,
                  .found = g_ptr_array_new_with_free_func ((GDestroyNotify) found_free),
                  .parties = find_parties (message),
                  .section = PN_ACTION_UNDELIVERABLE };

  self.words = has_any (subject, failing);
  self.delayed = has_any (subject, delaying);
  if (has_any (subject, succeeding))
    self.section = PN_ACTION_DELIVERED;
  read_notice (&self, text, text + MIN (strlen (text), MAX_WORDS));
  if (message->reports->len == 0)
    choose (&self);
  gboolean coded = FALSE;
  for (guint i = 0; i < self.found->len && message->reports->len == 0; i++)
    coded |= is_coded (g_ptr_array_index (self.found, i));
  /* A notice says that something failed, or shows the answer of a server beside what came back. */
  if (message->reports->len == 0 && (self.words || (coded && (original || self.copied))))
    for (guint i = 0; i < self.found->len; i++)
      g_ptr_array_add (message->reports, make_report (&self, g_ptr_array_index (self.found, i)));
  g_ptr_array_unref (self.found);
  g_hash_table_unref (self.parties);
  g_free (self.host);
  return message->reports->len > 0;
}
