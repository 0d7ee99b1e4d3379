/* A message as it goes out: as MIME, as mail before MIME, or sealed for another Postern. */
#include "agent/compose.h"

#include "convert/mime.h"
#include "convert/native.h"
#include "core/domain.h"
#include "core/log.h"

#include <gio/gio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Messages up to this size are composed once for all their send files. */
#define KEEP_MAX (4 * 1024 * 1024)
#define ZONE_YEARS 10

/* --- the header on its way out ---------------------------------------------------------------- */

/* Leaves out fields that must not go over the Internet, wherever they come from: an original that is sent on
 * as it came may hold them.  Only the header is looked at line by line. */
typedef struct {
  PnSink below;
  gboolean body;
  gboolean dropping; /* the field of this line, and its continuations */
  GString *line;     /* the beginning of a line that is not complete */
} HeaderFilter;

static gboolean
is_dropped (const char *line, gsize length)
{
  static const char *const fields[] = { "Return-Path:", "Bcc:", "Resent-Bcc:" };
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    gsize n = strlen (fields[i]);
    if (length >= n && g_ascii_strncasecmp (line, fields[i], n) == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
filter_line (HeaderFilter *self, const char *line, gsize length, GError **error)
{
  gboolean empty = *line == '\n' || (length > 1 && line[0] == '\r' && line[1] == '\n');
  if (empty)
    self->body = TRUE;
  else if (*line != ' ' && *line != '\t')
    self->dropping = is_dropped (line, length);
  return (self->dropping && !empty) || pn_sink_write (&self->below, line, length, error);
}

static gboolean
header_filter_write (gpointer user, const void *data, gsize length, GError **error)
{
  HeaderFilter *self = user;
  const char *p = data, *end = p + length;
  while (p < end && !self->body) {
    const char *newline = memchr (p, '\n', (gsize) (end - p));
    if (!newline) {
      g_string_append_len (self->line, p, end - p);
      return TRUE;
    }
    gsize n = (gsize) (newline + 1 - p);
    gboolean ok;
    if (self->line->len > 0) {
      g_string_append_len (self->line, p, (gssize) n);
      ok = filter_line (self, self->line->str, self->line->len, error);
      g_string_truncate (self->line, 0);
    } else
      ok = filter_line (self, p, n, error);
    if (!ok)
      return FALSE;
    p = newline + 1;
  }
  return p == end || pn_sink_write (&self->below, p, (gsize) (end - p), error);
}

static gboolean
write_message (PnAgent *self, PnMessage *message, PnForm form, PnSink sink, GError **error)
{
  const PnConfig *config = self->program->config;
  PnMimeWriteOptions options = {
    .host = config->host,
    .default_domain = config->internet_domain,
    .html_twin = self->settings.html_twin,
    .flat = self->settings.flat_forwarding,
    .floating_zone = config->timezone,
    .zone_years = form == PN_FORM_MIME_YEARS ? ZONE_YEARS : 0,
    .basic = form == PN_FORM_BASIC,
    .basic_charset = self->settings.site_charset,
    .now = message->date.set ? message->date.unix_time : (gint64) time (NULL),
  };
  g_autoptr (GString) line = g_string_new (NULL);
  HeaderFilter filter = { .below = sink, .line = line };
  PnSink filtered = { header_filter_write, &filter };
  /* A header may end without a line end. */
  return pn_mime_write (message, &options, &filtered, error)
         && (line->len == 0 || filter_line (&filter, line->str, line->len, error));
}

/* --- composing -------------------------------------------------------------------------------- */

static gboolean
has_eight_bit (const guint8 *data, gsize length)
{
  guint64 seen = 0, word;
  for (; length >= 8; data += 8, length -= 8) {
    memcpy (&word, data, 8);
    seen |= word;
  }
  for (; length > 0; data++, length--)
    seen |= *data;
  return (seen & G_GUINT64_CONSTANT (0x8080808080808080)) != 0;
}

static gboolean
composed_write (gpointer user, const void *data, gsize length, GError **error)
{
  PnComposed *self = user;
  (void) error;
  self->eight_bit = self->eight_bit || has_eight_bit (data, length);
  self->size += length;
  if (self->kept && self->size <= KEEP_MAX)
    g_byte_array_append (self->bytes, data, (guint) length);
  else
    self->kept = FALSE;
  return TRUE;
}

/* --- sealed for another Postern --------------------------------------------------------------- */

#define EXPLANATION                                                                                          \
  "This mail holds a message from one Postern to another, sealed with the key that the two share.\n"         \
  "It can be read only where that key is known: [agent] native-peers.\n"

static PnSource *
seal (PnAgent *self, PnMessage *message, PnKey *key, GError **error)
{
  int fd = pn_file_unnamed (self->send, error);
  if (fd < 0)
    return NULL;
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSealWriter) writer = pn_seal_writer_new (key, pn_file_sink_sink (file));
  PnSink sink = pn_seal_writer_sink (writer);
  if (pn_native_write (message, &sink, error) && pn_seal_writer_close (writer, error)
      && pn_file_sink_flush (file, error))
    return pn_file_source_new (fd, error);
  close (fd);
  return NULL;
}

/* The mail that carries MESSAGE: its envelope-like fields, and nothing of what it says. */
static PnMessage *
make_carrier (PnAgent *self, PnMessage *message, PnKey *key, GError **error)
{
  g_autoptr (PnSource) sealed = seal (self, message, key, error);
  if (!sealed)
    return NULL;
  PnMessage *carrier = pn_message_new (PN_TYPE_MAIL);
  carrier->id = g_strdup (message->id);
  carrier->date = message->date;
  carrier->from = message->from ? pn_address_copy (message->from) : NULL;
  carrier->message_id = message->message_id
                            ? g_strdup (message->message_id)
                            : g_strdup_printf ("%s@%s", message->id, self->program->config->host);
  carrier->subject = g_strdup ("A sealed Postern message");
  pn_message_add_part (carrier,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (EXPLANATION, -1)));
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, PN_NATIVE_CARRIER_TYPE,
                              pn_content_new_range (sealed, 0, sealed->size, PN_ENCODING_NONE));
  part->name = g_strdup ("message.pnm");
  pn_message_add_part (carrier, part);
  return carrier;
}

/* --- the forms -------------------------------------------------------------------------------- */

static const PnPeer *
find_peer (const PnAgent *self, const char *domain)
{
  for (guint i = 0; i < self->peers->len; i++) {
    const PnPeer *peer = g_ptr_array_index (self->peers, i);
    if (g_ascii_strcasecmp (peer->domain, domain) == 0)
      return peer;
  }
  return NULL;
}

PnForm
pn_agent_form (const PnAgent *self, const PnMessage *message, const char *domain, const PnPeer **peer)
{
  *peer = pn_agent_is_report (message) ? NULL : find_peer (self, domain);
  if (*peer)
    return PN_FORM_NATIVE;
  if (pn_domains_include (self->settings.basic_domains, domain))
    return PN_FORM_BASIC;
  if (message->calendar && pn_domains_include (self->settings.zone_years_domains, domain))
    return PN_FORM_MIME_YEARS;
  return PN_FORM_MIME;
}

PnComposed *
pn_composed_new (PnAgent *agent, PnMessage *message, PnForm form, const PnPeer *peer, GError **error)
{
  PnComposed *self = g_new0 (PnComposed, 1);
  self->form = form;
  self->message = message;
  self->bytes = g_byte_array_new ();
  self->kept = TRUE;
  if (form == PN_FORM_NATIVE)
    self->message = self->carrier = make_carrier (agent, message, peer->key, error);
  if (!self->message
      || !write_message (agent, self->message, form, (PnSink){ composed_write, self }, error)) {
    pn_composed_free (self);
    return NULL;
  }
  /* What we compose is ASCII unless an address cannot be, but for the text of mail before MIME. */
  gboolean original = pn_message_get_part (message, PN_PART_SKELETON) != NULL;
  self->utf8_header = self->eight_bit && form < PN_FORM_BASIC && !original;
  return self;
}

gboolean
pn_composed_write (const PnComposed *self, PnAgent *agent, PnSink *sink, GError **error)
{
  if (self->kept)
    return pn_sink_write (sink, self->bytes->data, self->bytes->len, error);
  return write_message (agent, self->message, self->form, *sink, error);
}

void
pn_composed_free (PnComposed *self)
{
  if (!self)
    return;
  pn_message_free (self->carrier);
  g_byte_array_unref (self->bytes);
  g_free (self);
}

/* --- other Posterns --------------------------------------------------------------------------- */

static void
peer_free (PnPeer *self)
{
  pn_key_unref (self->key);
  g_free (self->domain);
  g_free (self);
}

gboolean
pn_agent_load_peers (PnAgent *self, GError **error)
{
  const PnConfig *config = self->program->config;
  g_auto (GStrv) rows = g_strsplit (pn_config_string (config, "agent", "native-peers"), ";", -1);
  self->peers = g_ptr_array_new_with_free_func ((GDestroyNotify) peer_free);
  for (guint i = 0; rows[i]; i++) {
    g_strstrip (rows[i]);
    if (!*rows[i])
      continue;
    char *blank = strpbrk (rows[i], " \t");
    if (!blank) {
      g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                   "[agent] native-peers: '%s' names no key file", rows[i]);
      return FALSE;
    }
    *blank = '\0';
    g_autofree char *path = g_canonicalize_filename (g_strstrip (blank + 1), config->root);
    PnKey *key = pn_key_load (path, error);
    if (!key)
      return FALSE;
    PnPeer *peer = g_new0 (PnPeer, 1);
    peer->domain = g_strdup (rows[i]);
    peer->key = key;
    g_ptr_array_add (self->peers, peer);
  }
  return TRUE;
}

/* The other house's native names mean nothing here. */
static void
forget_native (PnAddress *address)
{
  if (!address || !address->internet)
    return;
  g_clear_pointer (&address->domain, g_free);
  g_clear_pointer (&address->post_office, g_free);
  g_clear_pointer (&address->user, g_free);
}

static void
forget_other_house (PnMessage *message)
{
  forget_native (message->from);
  forget_native (message->sender);
  for (guint i = 0; i < message->reply_to->len; i++)
    forget_native (g_ptr_array_index (message->reply_to, i));
  for (guint i = 0; i < message->recipients->len; i++)
    forget_native (((PnRecipient *) g_ptr_array_index (message->recipients, i))->address);
  if (message->calendar) {
    forget_native (message->calendar->organizer);
    for (guint i = 0; i < message->calendar->attendees->len; i++)
      forget_native (((PnAttendee *) g_ptr_array_index (message->calendar->attendees, i))->address);
  }
}

/* Contents stay ranges of the mail: the sealed bytes are decoded as they are read, so they have to lie in
 * memory or in a file. */
static PnMessage *
unseal (PnAgent *self, const PnPart *part, PnKey *key, GError **error)
{
  g_autoptr (PnSource) sealed = pn_file_source_copy (self->send, part->content, error);
  g_autoptr (PnSource) plain = sealed ? pn_seal_open (key, sealed, error) : NULL;
  return plain ? pn_native_read (plain, error) : NULL;
}

PnMessage *
pn_agent_unwrap_native (PnAgent *self, PnMessage *mail, const char *mail_from)
{
  const char *at = strrchr (mail_from, '@');
  const PnPeer *peer = at ? find_peer (self, at + 1) : NULL;
  for (guint i = 0; peer && i < mail->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (mail->parts, i);
    if (part->role != PN_PART_ATTACHMENT || !g_str_equal (part->type, PN_NATIVE_CARRIER_TYPE))
      continue;
    g_autoptr (GError) error = NULL;
    PnMessage *message = unseal (self, part, peer->key, &error);
    if (!message) {
      pn_agent_log_error ("cannot_unseal", error);
      return mail;
    }
    forget_other_house (message);
    pn_message_free (mail);
    return message;
  }
  return mail;
}
