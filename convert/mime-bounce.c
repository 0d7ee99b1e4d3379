#include "convert/mime-report-reader.h"

#include "convert/ascii.h"
#include "convert/text-twin.h"

#include <string.h>

/* Non-delivery notices that are no RFC 3464 report: who sent it and what came back with it.  Their words are
 * read in bounce-text.c. */

enum { MAX_NOTICE = 16 * 1024 * 1024 };

static gboolean
has_word (const char *text, const char *const *words)
{
  for (; text != NULL && *words != NULL; words++)
    if (pn_ascii_casestr (text, *words) != NULL)
      return TRUE;
  return FALSE;
}

static gboolean
has_null_path (const PnMessage *message)
{
  const char *path = pn_message_get_header (message, "Return-Path");

  return (path != NULL && g_str_has_prefix (path, "<>"))
         || (message->envelope_from != NULL && message->envelope_from[0] == '\0');
}

/* Some send it in the name of their daemon instead. */
static gboolean
has_daemon_path (const PnMessage *message)
{
  const char *path = pn_message_get_header (message, "Return-Path");

  return path != NULL && g_ascii_strncasecmp (path, "<mailer-daemon@", 15) == 0;
}

static gboolean
is_daemon (const PnMessage *message)
{
  static const char *const locals[] = { "mailer-daemon", "mail-daemon", "mailerdaemon",  "maildaemon",
                                        "mail_daemon",   "mdaemon",     "mailer_daemon", NULL };
  static const char *const names[] = { "mail delivery s", "mailer-daemon",   "mail administrator",
                                       ".gwia.gateway",   "delivery system", NULL };
  const PnAddress *from = message->from;

  if (from == NULL)
    return FALSE;
  g_autofree char *local
      = from->internet != NULL ? g_strndup (from->internet, strcspn (from->internet, "@")) : NULL;
  return has_word (local, locals) || has_word (from->name, names);
}

static gboolean
is_postmaster (const PnMessage *message)
{
  static const char *const names[]
      = { "postmaster", "system administrator", "mail system", "mail service", "email system", NULL };
  const PnAddress *from = message->from;

  if (from == NULL || (from->internet == NULL && from->name == NULL))
    return TRUE; /* no person writes without an address */
  return (from->internet != NULL
          && (g_ascii_strncasecmp (from->internet, "postmaster", 10) == 0
              || g_ascii_strncasecmp (from->internet, "bounce", 6) == 0
              || g_ascii_strncasecmp (from->internet, "smtp@", 5) == 0
              || g_ascii_strncasecmp (from->internet, "mailer@", 7) == 0
              || g_ascii_strncasecmp (from->internet, "gwia@", 5) == 0))
         || has_word (from->name, names);
}

gboolean
pn_mime_is_from_system (const PnMessage *message)
{
  return is_daemon (message) || is_postmaster (message) || has_null_path (message)
         || pn_message_get_header (message, "X-Failed-Recipients") != NULL;
}

/* An answer or a forwarded notice comes from a person, even from one who is a postmaster. */
static gboolean
is_answer (const PnMessage *message)
{
  static const char *const prefixes[] = { "re:", "aw:", "fwd:", "fw:", "wg:", "sv:", "vs:", "antw:" };
  const char *subject = message->subject != NULL ? message->subject : "";

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_ascii_strncasecmp (subject, prefixes[i], strlen (prefixes[i])) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_original_type (const char *type)
{
  return strcmp (type, "message/rfc822") == 0 || strcmp (type, "message/global") == 0
         || strcmp (type, "text/rfc822-headers") == 0 || strcmp (type, "message/rfc822-headers") == 0
         || strcmp (type, "message/global-headers") == 0 || strcmp (type, "text/rfc822") == 0;
}

/* The message that came back, if it is a file of this one. */
static gboolean
find_original (PnMimeReader *self)
{
  for (guint i = 0; self->original < 0 && i < self->files->len; i++) {
    guint index = g_array_index (self->files, PnMimeFile, i).entity;
    if (is_original_type (pn_mime_scan_entity (self->scan, index)->type))
      self->original = (int) index;
  }
  return self->original >= 0;
}

/* What a person reads; NULL without ERROR: nothing. */
static char *
read_words (const PnMessage *message, GError **error)
{
  const PnPart *text = pn_message_get_part (message, PN_PART_TEXT);
  const PnPart *html = pn_message_get_part (message, PN_PART_HTML);
  const PnPart *part = text != NULL ? text : html;

  if (part == NULL || part->content == NULL)
    return NULL;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, MAX_NOTICE, error);
  if (bytes == NULL)
    return NULL;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  if (part == html)
    return pn_text_from_html (data, length);
  return g_strndup (data != NULL ? data : "", length); /* up to a NUL */
}

/* How sure it is that no person wrote this, besides its words. */
static guint
count_signs (const PnMessage *message, gboolean original)
{
  const char *automatic = pn_message_get_header (message, "Auto-Submitted");
  guint signs = original ? 1 : 0;

  if (is_daemon (message))
    signs += 2;
  if (is_postmaster (message))
    signs++;
  if (pn_message_get_header (message, "X-Failed-Recipients") != NULL)
    signs += 3;
  if (has_null_path (message) || has_daemon_path (message))
    signs++;
  /* a vacation notice has a null path too */
  if (signs > (has_null_path (message) ? 1u : 0u) && automatic != NULL
      && g_ascii_strncasecmp (automatic, "no", 2) != 0)
    signs++;
  return signs;
}

gboolean
pn_mime_read_bounce (PnMimeReader *self, PnReportHead *head, GError **error)
{
  PnMessage *message = self->message;

  if (message->type != PN_TYPE_MAIL || message->reports->len > 0 || !pn_mime_is_from_system (message)
      || (is_answer (message) && pn_message_get_header (message, "X-Failed-Recipients") == NULL))
    return FALSE;
  /* Complaints and the reports of other purposes are no notices. */
  const char *type = pn_mime_scan_entity (self->scan, 0)->type;
  const char *kind = pn_header_params_get (pn_mime_reader_type (self, 0), "report-type");
  if (strcmp (type, "multipart/report") == 0 && kind != NULL
      && g_ascii_strcasecmp (kind, "delivery-status") != 0)
    return FALSE;
  gboolean original = find_original (self);
  if (count_signs (message, original) < 2)
    return FALSE;
  g_autofree char *words = read_words (message, error);
  if (words == NULL)
    return FALSE;
  head->recipients = g_ptr_array_new_with_free_func (g_free);
  return pn_report_read_original_part (self, head, error)
         && pn_bounce_read_text (self, words, original, head);
}
