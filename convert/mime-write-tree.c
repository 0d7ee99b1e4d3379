#include "convert/mime-write.h"

#include <string.h>

#include "convert/fields.h"
#include "convert/ical.h"
#include "convert/mime-native-fields.h"
#include "convert/mime-own-parts.h"
#include "convert/mime-sealed.h"
#include "convert/mime-write-header.h"
#include "convert/text-twin.h"

/* The largest HTML body of which a plain twin is made. */
#define TWIN_MAX (8 * 1024 * 1024)

typedef struct {
  PnMessage *message;
  const PnMimeWriteOptions *options;
  PnReportKind report;
  const char *message_id; /* as it is written */
  char *stem;             /* of all boundaries */
  guint boundaries;
  guint made;
  PnMimeSealed *sealed; /* borrowed */
  gboolean clash;       /* a part that cannot be encoded holds the stem */
} Builder;

void
pn_mime_node_free (PnMimeNode *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->children, g_ptr_array_unref);
  g_clear_pointer (&self->content, pn_content_unref);
  g_clear_pointer (&self->inside, g_hash_table_unref);
  g_clear_pointer (&self->unix_lines, g_hash_table_unref);
  g_free (self->type);
  g_free (self->parameters);
  g_free (self->boundary);
  g_free (self->name);
  g_free (self);
}

static PnMimeNode *
multipart_new (Builder *self, const char *subtype, const char *parameters)
{
  PnMimeNode *node = g_new0 (PnMimeNode, 1);
  node->type = g_strconcat ("multipart/", subtype, NULL);
  node->parameters = g_strdup (parameters);
  node->boundary = g_strdup_printf ("%s_%u", self->stem, ++self->boundaries);
  node->children = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_mime_node_free);
  return node;
}

/* NODE (taken): a multipart of one child is that child. */
static PnMimeNode *
flatten (PnMimeNode *node)
{
  if (node->children->len != 1)
    return node;
  PnMimeNode *child = g_ptr_array_steal_index (node->children, 0);
  pn_mime_node_free (node);
  return child;
}

/* Adds CHILD (taken) to PARENT; FALSE if it is NULL. */
static gboolean
add (PnMimeNode *parent, PnMimeNode *child)
{
  if (child)
    g_ptr_array_add (parent->children, child);
  return child != NULL;
}

static PnContent *
content_of (const PnPart *part)
{
  return part->content ? pn_content_ref (part->content) : pn_content_new_text ("", 0);
}

/* --- leaves ------------------------------------------------------------------------------------------- */

/* A text body, encoded as its lines want it.  CONTENT is taken. */
static PnMimeNode *
text_new (Builder *self, const char *type, const PnPart *part, PnContent *content, GError **error)
{
  g_autoptr (PnMimeNode) node = g_new0 (PnMimeNode, 1);
  node->type = g_strdup (type);
  node->part = node->holds = part;
  node->name = part ? g_strdup (part->name) : NULL;
  node->content = content;
  node->text = TRUE;
  if (!pn_line_scan (content, self->stem, &node->scan, error))
    return NULL;
  node->charset = node->scan.high > 0 ? "utf-8" : "us-ascii";
  node->transfer = pn_transfer_for_text (&node->scan);
  return g_steal_pointer (&node);
}

static gboolean
is_composite (const char *type)
{
  return g_str_has_prefix (type, "message/") || g_str_has_prefix (type, "multipart/");
}

/* RFC 2045 6.4: parts of parts have no encoding of their own.  What cannot stand in mail unencoded is
 * declared a file of no particular type, which may be encoded; its name tells what it is. */
static gboolean
settle_composite (Builder *self, PnMimeNode *node, GError **error)
{
  if (!pn_line_scan (node->content, self->stem, &node->scan, error))
    return FALSE;
  const PnLineScan *scan = &node->scan;
  gboolean seven_bit_only
      = g_str_equal (node->type, "message/partial") || g_str_equal (node->type, "message/external-body");
  if (scan->nul || scan->bare_cr || scan->longest > 998 || (seven_bit_only && scan->high > 0)) {
    pn_message_add_loss (self->message, node->name ? node->name : node->type,
                         "%s with %s cannot be sent as such and is sent as a file", node->type,
                         scan->longest > 998 ? "lines over 998 characters" : "binary content");
    if (!node->name)
      node->name = g_strdup (g_str_has_prefix (node->type, "message/") ? "message.eml" : "part.mime");
    g_free (node->type);
    node->type = g_strdup ("application/octet-stream");
    g_clear_pointer (&node->parameters, g_free);
    node->transfer = PN_TRANSFER_BASE64;
    return TRUE;
  }
  if (scan->bare_lf)
    pn_message_add_loss (self->message, node->name ? node->name : node->type,
                         "line ends of the embedded %s became CRLF", node->type);
  self->clash |= scan->boundary;
  node->text = TRUE;
  node->transfer = scan->high > 0 ? PN_TRANSFER_8BIT : PN_TRANSFER_7BIT;
  return TRUE;
}

static gboolean
is_media_type (const char *type)
{
  guint slashes = 0;
  for (const char *p = type; *p; p++)
    if (*p == '/' && p > type && p[1])
      slashes++;
    else if (!g_ascii_isalnum (*p) && !strchr ("!#$&-^_.+", *p))
      return FALSE;
  return slashes == 1 && strlen (type) < 128;
}

static PnMimeNode *
file_new (Builder *self, const PnPart *part, const char *disposition, GError **error)
{
  g_autoptr (PnMimeNode) node = g_new0 (PnMimeNode, 1);
  gboolean lawful = is_media_type (part->type);
  node->type = g_strdup (lawful ? part->type : "application/octet-stream");
  if (!lawful)
    pn_message_add_loss (self->message, part->name ? part->name : "attachment", "\"%s\" is no media type",
                         part->type);
  node->parameters = g_strdup (part->parameters);
  node->part = node->holds = part;
  node->name = g_strdup (part->name);
  node->disposition = disposition;
  node->content = content_of (part);
  node->charset = g_str_has_prefix (node->type, "text/") ? part->charset : NULL;
  node->transfer = PN_TRANSFER_BASE64;
  if (is_composite (node->type) && !settle_composite (self, node, error))
    return NULL;
  return g_steal_pointer (&node);
}

/* What was signed goes with CRLF: notes those parts in it that can be told from that, and leaves out of
 * node->inside what cannot. */
static gboolean
settle_lines (PnMimeNode *node, GHashTable *inside, GError **error)
{
  GHashTableIter iter;
  gpointer key, number;
  node->inside = g_hash_table_new (NULL, NULL);
  node->unix_lines = g_hash_table_new (NULL, NULL);
  for (g_hash_table_iter_init (&iter, inside); g_hash_table_iter_next (&iter, &key, &number);) {
    const PnPart *part = key;
    gboolean body = part->role == PN_PART_TEXT || part->role == PN_PART_HTML || !part->content;
    gboolean wide = part->charset
                    && (g_str_has_prefix (part->charset, "utf-16") || g_str_has_prefix (part->charset, "utf-32"));
    if (node->scan.bare_lf && wide)
      continue; /* half of a character was taken for a line end */
    PnLineScan scan = { 0 };
    if (!body && node->scan.bare_lf && !pn_line_scan (part->content, "", &scan, error))
      return FALSE;
    if (scan.bare_lf) {
      g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXSIZE, error);
      if (!bytes)
        return FALSE;
      gsize length;
      const char *data = g_bytes_get_data (bytes, &length);
      if (memchr (data, '\r', length))
        continue;
      g_hash_table_add (node->unix_lines, key);
    }
    g_hash_table_insert (node->inside, key, number);
  }
  return TRUE;
}

/* Whether what is in the multipart goes to its very end, so that a line end more would be part of that. */
static gboolean
is_open (const PnPart *part, const PnLineScan *scan)
{
  g_autoptr (PnSource) source = scan->unended ? pn_mime_sealed_source (part, NULL) : NULL;
  g_autoptr (PnMimeScan) structure = source ? pn_mime_scan (source, 0, 0, NULL) : NULL;
  if (!structure)
    return scan->unended;
  gboolean open = structure->nodes->len == 1;
  for (guint i = 1; i < structure->nodes->len && !open; i++) {
    const PnMimeEntity *entity = pn_mime_scan_entity (structure, i);
    open = entity->first_child == 0 && entity->body_offset + entity->body_length == source->size;
  }
  return open;
}

/* A signed part, and what follows it in the same text. */
static gboolean
add_sealed (Builder *self, PnMimeNode *parent, GError **error)
{
  const PnPart *part = self->sealed->part;
  self->made |= PN_MADE_SEALED;
  if (!pn_mime_is_sealed_multipart (part)) {
    PnMimeNode *node = file_new (self, part, "attachment", error);
    if (!add (parent, node))
      return FALSE;
    node->inside = g_hash_table_ref (self->sealed->inside);
  } else {
    PnMimeNode *node = g_new0 (PnMimeNode, 1);
    node->type = g_strdup (part->type);
    node->holds = part;
    node->parameters = g_strdup (part->parameters);
    node->content = content_of (part);
    node->sealed = node->bare = node->text = TRUE;
    g_ptr_array_add (parent->children, node);
    if (!pn_line_scan (node->content, self->stem, &node->scan, error)
        || !settle_lines (node, self->sealed->inside, error))
      return FALSE;
    self->clash |= node->scan.boundary;
    node->open = is_open (part, &node->scan);
    node->transfer = node->scan.high > 0 ? PN_TRANSFER_8BIT : PN_TRANSFER_7BIT;
  }
  PnContent *rest = self->sealed->text_rest;
  if (!rest)
    return TRUE;
  PnMimeNode *node = text_new (self, "text/plain", NULL, pn_content_ref (rest), error);
  if (!add (parent, node))
    return FALSE;
  node->holds = self->sealed->text;
  node->behind = TRUE;
  node->broken = self->sealed->broken;
  return TRUE;
}

/* --- bodies ------------------------------------------------------------------------------------------- */

/* LEAD before the content of PART. */
static PnContent *
with_lead (const char *lead, const PnPart *part)
{
  GPtrArray *pieces = g_ptr_array_new ();
  if (lead)
    g_ptr_array_add (pieces, pn_content_new_text (lead, -1));
  if (part && part->content)
    g_ptr_array_add (pieces, pn_content_ref (part->content));
  return pn_content_new_chain (pieces);
}

static GBytes *
read_html (const PnPart *html)
{
  return html && html->content ? pn_content_read (html->content, TWIN_MAX, NULL) : NULL;
}

/* The plain body for a message that has none. */
static char *
make_text (Builder *self, const PnPart *html)
{
  PnMessage *message = self->message;
  if (html) {
    g_autoptr (GBytes) bytes = read_html (html);
    if (!bytes)
      return g_strdup ("This message is in HTML and too long to be shown as text.\n");
    gsize length;
    const char *data = g_bytes_get_data (bytes, &length);
    return pn_text_from_html (data, length);
  }
  if (message->type == PN_TYPE_STATUS && message->reports && message->reports->len > 0)
    return pn_report_describe (message, self->options->default_domain);
  if (message->calendar)
    return pn_ical_describe (message->calendar);
  return NULL;
}

/* Adds the plain body, if there is anything to say in it. */
static gboolean
add_plain (Builder *self, PnMimeNode *alternative, const PnPart *text, const PnPart *html, GError **error)
{
  g_autofree char *lead = text ? NULL : make_text (self, html);
  if (lead)
    self->made |= PN_MADE_TEXT;
  if (self->message->type == PN_TYPE_PHONE) {
    g_autofree char *made = g_steal_pointer (&lead);
    g_autofree char *fields = pn_phone_describe (self->message);
    lead = g_strconcat (fields, made, NULL);
    self->made |= PN_MADE_PHONE | (text ? 0 : PN_MADE_TEXT);
  }
  if (!text && !lead)
    return TRUE;
  PnContent *content = lead ? with_lead (lead, text) : content_of (text);
  PnMimeNode *node = text_new (self, "text/plain", text, content, error);
  if (!add (alternative, node))
    return FALSE;
  node->lead_length = lead ? strlen (lead) : 0;
  return TRUE;
}

/* The HTML body of a phone message, with its fields behind <body>. */
static PnContent *
phone_html (Builder *self, const PnPart *html, gsize *lead_at, gsize *lead_length)
{
  g_autofree char *fields = pn_phone_describe_html (self->message);
  g_autoptr (GBytes) bytes = read_html (html);
  *lead_at = 0;
  *lead_length = strlen (fields);
  if (!bytes || g_bytes_get_size (bytes) == 0)
    return with_lead (fields, html);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  gsize at = 0;
  for (gsize i = 0; i + 6 < length && at == 0; i++)
    if (data[i] == '<' && g_ascii_strncasecmp (data + i, "<body", 5) == 0) {
      const char *end = memchr (data + i, '>', length - i);
      at = end ? (gsize) (end - data) + 1 : 0;
      break;
    }
  *lead_at = at;
  GPtrArray *pieces = g_ptr_array_new ();
  g_ptr_array_add (pieces, pn_content_new_text (data, (gssize) at));
  g_ptr_array_add (pieces, pn_content_new_text (fields, -1));
  g_ptr_array_add (pieces, pn_content_new_text (data + at, (gssize) (length - at)));
  return pn_content_new_chain (pieces);
}

/* The HTML body, together with the files it shows. */
static PnMimeNode *
html_body (Builder *self, const PnPart *html, GError **error)
{
  PnMessage *message = self->message;
  gsize lead_at = 0, lead_length = 0;
  PnContent *content = message->type == PN_TYPE_PHONE ? phone_html (self, html, &lead_at, &lead_length)
                                                      : content_of (html);
  g_autoptr (PnMimeNode) body = text_new (self, "text/html", html, content, error);
  if (!body)
    return NULL;
  body->lead_at = lead_at;
  body->lead_length = lead_length;
  g_autoptr (PnMimeNode) related = NULL;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    if (part->role != PN_PART_INLINE)
      continue;
    if (!related) {
      related = multipart_new (self, "related", "; type=\"text/html\"");
      g_ptr_array_add (related->children, g_steal_pointer (&body));
    }
    PnMimeNode *file = file_new (self, part, "inline", error);
    if (!file)
      return NULL;
    g_ptr_array_add (related->children, file);
  }
  return related ? g_steal_pointer (&related) : g_steal_pointer (&body);
}

/* --- the calendar part -------------------------------------------------------------------------------- */

void
pn_mime_each_address (PnMessage *message, PnAddressFunc func, gpointer user)
{
  PnAddress *const single[] = { message->from, message->sender, message->busy_for,
                                message->calendar ? message->calendar->organizer : NULL };
  for (guint i = 0; i < G_N_ELEMENTS (single); i++)
    if (single[i])
      func (single[i], user);
  for (guint i = 0; message->reply_to && i < message->reply_to->len; i++)
    func (g_ptr_array_index (message->reply_to, i), user);
  for (guint i = 0; i < message->recipients->len; i++) {
    PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (recipient->address)
      func (recipient->address, user);
  }
  for (guint i = 0; message->reports && i < message->reports->len; i++) {
    PnStatusReport *report = g_ptr_array_index (message->reports, i);
    if (report->recipient)
      func (report->recipient, user);
  }
  GPtrArray *attendees = message->calendar ? message->calendar->attendees : NULL;
  for (guint i = 0; attendees && i < attendees->len; i++) {
    PnAttendee *attendee = g_ptr_array_index (attendees, i);
    if (attendee->address)
      func (attendee->address, user);
  }
}

typedef struct {
  GPtrArray *filled;
  const char *default_domain;
} Filler;

static void
fill_address (PnAddress *address, gpointer user)
{
  Filler *self = user;
  if (address->internet)
    return;
  address->internet = pn_field_addr_spec (address, self->default_domain);
  g_ptr_array_add (self->filled, address);
}

/* Composes the calendar; one without UID and native id goes by the message id that was made. */
static char *
compose_calendar (Builder *self, PnMessage *message, GError **error)
{
  PnCalendar *calendar = message->calendar;
  if (!calendar) { /* of a Search */
    message->calendar = pn_calendar_new ();
    gboolean answer = message->busy_for || message->busy->len > 0;
    message->calendar->method = answer ? PN_METHOD_REPLY : PN_METHOD_REQUEST;
    if (answer && message->orig_id)
      message->calendar->uid = g_strconcat (message->orig_id, PN_ICAL_UID_SUFFIX, NULL);
    char *text = compose_calendar (self, message, error);
    g_clear_pointer (&message->calendar, pn_calendar_free);
    return text;
  }
  char *uid = calendar->uid;
  if (!uid && !message->id)
    calendar->uid = (char *) self->message_id;
  PnIcalOptions options
      = { .zone_years = self->options->zone_years, .floating_zone = self->options->floating_zone };
  char *text = pn_ical_write_with (message, &options, self->options->now, error);
  calendar->uid = uid;
  return text;
}

/* The calendar text as it came, if the message still says just that; else NULL. */
static char *
calendar_as_it_came (Builder *self, const PnPart *original)
{
  g_autoptr (GBytes) bytes = original->content ? pn_content_read (original->content, TWIN_MAX, NULL) : NULL;
  if (!bytes)
    return NULL;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  /* Lines folded inside a character: not every reader puts them together again before it decodes. */
  if (!g_utf8_validate (data, (gssize) length, NULL))
    return NULL;
  g_autoptr (PnMessage) came = pn_message_new (PN_TYPE_MAIL);
  if (strcmp (original->type, "text/calendar") != 0 || !pn_ical_read (came, data, length, NULL, NULL, NULL)
      || !came->calendar)
    return NULL;
  /* A file in it is a part of the message now, and would come twice. */
  PnPart *file = pn_message_get_part (came, PN_PART_ATTACHMENT);
  if (file && !pn_ical_is_link (came, file))
    return NULL;
  g_autoptr (GPtrArray) no_parts = g_ptr_array_new ();
  PnMessage bare = *self->message, other = bare;
  bare.parts = other.parts = no_parts;
  other.calendar = came->calendar;
  other.action = NULL;
  g_autofree char *is = compose_calendar (self, &bare, NULL);
  g_autofree char *was = compose_calendar (self, &other, NULL);
  return is && was && strcmp (is, was) == 0 ? g_strndup (data, length) : NULL;
}

/* The value of the line NAME in the calendar TEXT, or NULL. */
static char *
calendar_line (const char *text, const char *name)
{
  gsize n = strlen (name);
  for (const char *line = text; line; line = strchr (line, '\n')) {
    line += *line == '\n' ? 1 : 0;
    if (g_ascii_strncasecmp (line, name, n) == 0 && line[n] == ':')
      return g_strstrip (g_strndup (line + n + 1, strcspn (line + n + 1, "\r\n")));
  }
  return NULL;
}

/* "; method=REQUEST; component=VEVENT", as the TEXT says. */
static char *
calendar_parameters (const char *text)
{
  static const char *const components[] = { "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY" };
  GString *parameters = g_string_new (NULL);
  g_autofree char *method = calendar_line (text, "METHOD");
  if (method)
    g_string_append_printf (parameters, "; method=%s", method);
  for (guint i = 0; i < G_N_ELEMENTS (components); i++) {
    g_autofree char *begin = g_strconcat ("BEGIN:", components[i], NULL);
    if (!strstr (text, begin))
      continue;
    g_string_append_printf (parameters, "; component=%s", components[i]);
    break;
  }
  return g_string_free (parameters, FALSE);
}

/* Whether ORIGINAL, read again, gives what the message says. */
static gboolean
says_calendar (const PnMessage *message, const PnPart *original)
{
  g_autoptr (PnMessage) came = pn_calendar_part_read (original);
  if (!came || !came->calendar || !message->calendar)
    return FALSE;
  /* those depend on where it was read, and are written besides */
  came->calendar->start.unix_time = message->calendar->start.unix_time;
  came->calendar->end.unix_time = message->calendar->end.unix_time;
  came->calendar->recurrence_id.unix_time = message->calendar->recurrence_id.unix_time;
  return pn_fields_equal (&pn_calendar_type, came->calendar, message->calendar, FALSE, NULL);
}

/* What came is written as it came only where the conversion is to be undone: the Internet gets the narrow
 * form. A calendar that cannot be written is named a loss; the rest of the message goes without it. */
static gboolean
add_calendar (Builder *self, PnMimeNode *alternative, GError **error)
{
  PnMessage *message = self->message;
  const PnPart *original = pn_message_get_part (message, PN_PART_CALENDAR);
  gboolean keep = original && self->options->native_fields;
  g_autofree char *text = keep ? calendar_as_it_came (self, original) : NULL;
  keep = text != NULL;
  GError *reason = NULL;
  if (!text)
    text = compose_calendar (self, message, &reason);
  if (!original)
    self->made |= PN_MADE_CALENDAR;
  else if (!keep && self->options->native_fields && says_calendar (message, original))
    self->made |= PN_MADE_NARROW;
  if (!text) {
    pn_message_add_loss (message, "calendar", "cannot be written: %s", reason->message);
    g_error_free (reason);
    return TRUE;
  }
  PnMimeNode *node
      = text_new (self, "text/calendar", keep ? original : NULL, pn_content_new_text (text, -1), error);
  if (!node)
    return FALSE;
  node->parameters = keep ? g_strdup (original->parameters) : calendar_parameters (text);
  node->charset = "utf-8"; /* readers take a missing or ASCII label for their own charset */
  node->bare = TRUE;
  if (node->transfer == PN_TRANSFER_QUOTED_PRINTABLE)
    node->transfer = PN_TRANSFER_BASE64;
  if (keep && (node->scan.bare_lf || node->scan.bare_cr)) {
    node->transfer = PN_TRANSFER_BASE64;
    node->text = FALSE; /* the bytes as they came */
  }
  return add (alternative, node);
}

/* --- the whole ---------------------------------------------------------------------------------------- */

/* An HTML body that says what the plain one does. */
static gboolean
add_html_twin (Builder *self, PnMimeNode *alternative, const PnPart *text, GError **error)
{
  g_autoptr (GBytes) bytes = read_html (text);
  if (!bytes)
    return TRUE;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_autofree char *html = pn_html_from_text (data ? data : "", length);
  return add (alternative, text_new (self, "text/html", NULL, pn_content_new_text (html, -1), error));
}

/* Adds what the reader is to choose from, if there is anything. */
static gboolean
add_bodies (Builder *self, PnMimeNode *parent, GError **error)
{
  PnMessage *message = self->message;
  const PnPart *text = pn_message_get_part (message, PN_PART_TEXT);
  const PnPart *html = pn_message_get_part (message, PN_PART_HTML);
  g_autoptr (PnMimeNode) alternative = multipart_new (self, "alternative", NULL);
  if (!add_plain (self, alternative, text, html, error))
    return FALSE;
  if (html && !add (alternative, html_body (self, html, error)))
    return FALSE;
  if (!html && text && self->options->html_twin && !add_html_twin (self, alternative, text, error))
    return FALSE;
  if ((message->calendar || message->type == PN_TYPE_SEARCH) && !add_calendar (self, alternative, error))
    return FALSE;
  return alternative->children->len == 0 || add (parent, flatten (g_steal_pointer (&alternative)));
}

/* Whether PART stands in the bodies already. */
static gboolean
is_placed (PnMessage *message, const PnPart *part)
{
  switch (part->role) {
  case PN_PART_TEXT:
  case PN_PART_HTML:
    return part == pn_message_get_part (message, part->role);
  case PN_PART_CALENDAR:
    return message->calendar != NULL;
  case PN_PART_INLINE:
    return pn_message_get_part (message, PN_PART_HTML) != NULL;
  case PN_PART_SKELETON:
    return TRUE;
  case PN_PART_ATTACHMENT:
    return pn_ical_is_link (message, part);
  }
  return FALSE;
}

/* The message that a report is about, or its header: shown as text, if its lines are fit for that. */
static PnMimeNode *
original_new (Builder *self, const PnPart *part, GError **error)
{
  if (g_str_equal (part->type, "text/rfc822-headers")) {
    g_autoptr (PnMimeNode) node = text_new (self, part->type, part, content_of (part), error);
    if (!node)
      return NULL;
    if (node->transfer == PN_TRANSFER_7BIT && !node->scan.bare_lf)
      return g_steal_pointer (&node);
  }
  return file_new (self, part, NULL, error);
}

/* Adds every part that is not in the bodies. */
static gboolean
add_files (Builder *self, PnMimeNode *mixed, GError **error)
{
  PnMessage *message = self->message;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    if (is_placed (message, part) || part == self->sealed->part
        || g_hash_table_contains (self->sealed->inside, part) || pn_mime_is_sealed_multipart (part))
      continue;
    gboolean original
        = self->report
          && (g_str_equal (part->type, "text/rfc822-headers") || g_str_equal (part->type, "message/rfc822"));
    const char *disposition = part->role == PN_PART_INLINE ? "inline" : "attachment";
    if (!add (mixed, original ? original_new (self, part, error) : file_new (self, part, disposition, error)))
      return FALSE;
  }
  return TRUE;
}

static void
collect_held (GHashTable *held, const PnMimeNode *node)
{
  GHashTableIter iter;
  gpointer part;
  if (node->holds)
    g_hash_table_add (held, (gpointer) node->holds);
  if (node->inside)
    for (g_hash_table_iter_init (&iter, node->inside); g_hash_table_iter_next (&iter, &part, NULL);)
      g_hash_table_add (held, part);
  for (guint i = 0; node->children && i < node->children->len; i++)
    collect_held (held, g_ptr_array_index (node->children, i));
}

/* Adds as plain files what stands nowhere else, like a calendar that was composed anew, or what was signed and
 * is no longer; small parts are written into the header (mime-own-parts.h). */
static gboolean
add_spare (Builder *self, PnMimeNode *mixed, GError **error)
{
  PnMessage *message = self->message;
  g_autoptr (GHashTable) held = g_hash_table_new (NULL, NULL);
  collect_held (held, mixed);
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    guint64 size;
    if (part->role == PN_PART_SKELETON || !part->content || g_hash_table_contains (held, part))
      continue;
    if (!pn_content_measure (part->content, &size, NULL, error))
      return FALSE;
    if (size <= PN_OWN_PART_MAX)
      continue;
    gboolean calendar = part->role == PN_PART_CALENDAR;
    PnMimeNode *node = g_new0 (PnMimeNode, 1);
    node->type = g_strdup (calendar ? "application/ics" : "application/octet-stream");
    node->name = g_strdup (calendar ? "calendar.ics" : "part.mime");
    node->holds = part;
    node->disposition = "attachment";
    node->content = content_of (part);
    node->transfer = PN_TRANSFER_BASE64;
    g_ptr_array_add (mixed->children, node);
  }
  return TRUE;
}

static PnMimeNode *
report_part (Builder *self, GError **error)
{
  gboolean delivery = self->report == PN_REPORT_DELIVERY;
  g_autofree char *text = pn_report_write (self->message, self->report, self->options);
  PnMimeNode *node
      = text_new (self, delivery ? "message/delivery-status" : "message/disposition-notification", NULL,
                  pn_content_new_text (text, -1), error);
  if (!node)
    return NULL;
  node->charset = NULL;
  node->transfer = node->scan.high > 0 ? PN_TRANSFER_8BIT : PN_TRANSFER_7BIT;
  self->made |= PN_MADE_REPORT;
  return node;
}

static PnMimeNode *
build (Builder *self, GError **error)
{
  static const char *const report_types[]
      = { NULL, "; report-type=delivery-status", "; report-type=disposition-notification" };
  g_autoptr (PnMimeNode) whole
      = multipart_new (self, self->report ? "report" : "mixed", report_types[self->report]);
  gboolean sealed = self->sealed->part != NULL;
  if (!(sealed ? add_sealed (self, whole, error) : add_bodies (self, whole, error)))
    return NULL;
  if (self->report && !add (whole, report_part (self, error)))
    return NULL;
  if (!add_files (self, whole, error)
      || (self->options->native_fields && !add_spare (self, whole, error)))
    return NULL;
  if (whole->children->len == 0) {
    self->made |= PN_MADE_TEXT;
    return text_new (self, "text/plain", NULL, pn_content_new_text ("", 0), error);
  }
  /* at the end of a message a line end has to follow, which would change a file */
  PnMimeNode *only = whole->children->len == 1 ? g_ptr_array_index (whole->children, 0) : NULL;
  if (only && is_composite (only->type) && !only->children
      && (only->sealed ? only->open : only->scan.unended))
    return g_steal_pointer (&whole);
  return flatten (g_steal_pointer (&whole));
}

PnMimeNode *
pn_mime_tree_new (PnMessage *message, PnReportKind report, const char *message_id,
                  const PnMimeWriteOptions *options, guint *made, GError **error)
{
  PnMimeSealed sealed = { 0 };
  if (!pn_mime_sealed_find (&sealed, message, error)) {
    pn_mime_sealed_clear (&sealed);
    return NULL;
  }
  /* for its time native addresses have the Internet address that the header shows */
  g_autoptr (GPtrArray) filled = g_ptr_array_new ();
  Filler filler = { filled, options->default_domain };
  pn_mime_each_address (message, fill_address, &filler);
  PnMimeNode *tree = NULL;
  guint losses = message->losses->len;
  gboolean clash = TRUE;
  for (guint attempt = 0; clash && attempt < 100; attempt++) {
    pn_mime_node_free (tree);
    g_ptr_array_set_size (message->losses, (gint) losses);
    g_autofree char *seed = g_strdup_printf ("%s %u", message_id, attempt);
    g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA1, seed, -1);
    g_autofree char *stem = g_strdup_printf ("=_%.20s", digest);
    Builder self = { .message = message,
                     .options = options,
                     .report = report,
                     .message_id = message_id,
                     .stem = stem,
                     .sealed = &sealed };
    tree = build (&self, error);
    *made = self.made;
    clash = tree && self.clash;
  }
  pn_mime_sealed_clear (&sealed);
  for (guint i = 0; i < filled->len; i++)
    g_clear_pointer (&((PnAddress *) g_ptr_array_index (filled, i))->internet, g_free);
  return tree;
}
