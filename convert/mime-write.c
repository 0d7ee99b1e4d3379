#include "convert/mime-basic.h"
#include "convert/mime-forward.h"
#include "convert/mime-write.h"

#include <string.h>

#include "convert/mime-header.h"
#include "convert/mime-native-fields.h"
#include "convert/mime-own-parts.h"
#include "convert/mime-write-header.h"
#include "convert/skeleton.h"

/* Fields that the message itself has a place for, or that describe the structure: written from there, never
 * taken over from the header the message came with. */
static const char *const own_fields[] = { "Auto-Submitted",
                                          "Bcc",
                                          "Cc",
                                          "Date",
                                          "Deferred-Delivery",
                                          "Disposition-Notification-To",
                                          "Expires",
                                          "Expiry-Date",
                                          "From",
                                          "Importance",
                                          "In-Reply-To",
                                          "MIME-Version",
                                          "Message-ID",
                                          "Priority",
                                          "References",
                                          "Reply-By",
                                          "Reply-To",
                                          "Sender",
                                          "Sensitivity",
                                          "Subject",
                                          "To",
                                          "X-MSMail-Priority",
                                          "X-Priority",
                                          NULL };

/* Fields that describe a part, which are written with it; others that begin like these are of the message. */
static const char *const part_fields[] = {
  "Content-Base",     "Content-Description", "Content-Disposition",       "Content-ID",   "Content-Length",
  "Content-Location", "Content-MD5",         "Content-Transfer-Encoding", "Content-Type", NULL
};

/* Fields of addresses that have no other place. */
static const char *const address_fields[]
    = { "Apparently-To", "Errors-To", "Mail-Followup-To",  "Mail-Reply-To",
        "Resent-Bcc",    "Resent-Cc", "Resent-From",       "Resent-Reply-To",
        "Resent-Sender", "Resent-To", "Return-Receipt-To", NULL };

/* Fields that vouch for the bytes of the message as it came. */
static const char *const seals[]
    = { "ARC-Authentication-Results", "ARC-Message-Signature",   "ARC-Seal", "DKIM-Signature",
        "DomainKey-Signature",        "X-Google-DKIM-Signature", NULL };

/* Fields of the way of the message, which stand before all others. */
static const char *const trace_fields[] = { "Received", "Received-SPF", "Return-Path", NULL };

static gboolean
is_one_of (const char *name, const char *const *names)
{
  for (; *names; names++)
    if (g_ascii_strcasecmp (name, *names) == 0)
      return TRUE;
  return FALSE;
}

/* Each station on the way puts its own before those that are there, the one that sends a message on too. */
static gboolean
is_trace (const char *name)
{
  return is_one_of (name, trace_fields) || g_ascii_strncasecmp (name, "Resent-", 7) == 0;
}

static gboolean
is_field_name (const char *name)
{
  for (const char *p = name; *p; p++)
    if ((guchar) *p <= ' ' || (guchar) *p >= 0x7f || *p == ':')
      return FALSE;
  return *name != '\0' && strlen (name) < PN_FIELD_COLUMNS - 2;
}

static gboolean
is_own (const char *name)
{
  return is_one_of (name, own_fields) || is_one_of (name, part_fields)
         || g_ascii_strncasecmp (name, "X-Postern-", 10) == 0;
}

void
pn_mime_forget_own_fields (PnMessage *message)
{
  g_autoptr (GPtrArray) all = g_steal_pointer (&message->headers);
  message->headers = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_header_free);
  for (gboolean trace = TRUE;; trace = FALSE) {
    for (guint i = 0; i < all->len; i++) {
      PnHeader *header = all->pdata[i];
      if (!header || is_own (header->name) || is_one_of (header->name, seals)
          || is_trace (header->name) != trace)
        continue;
      g_ptr_array_add (message->headers, header);
      all->pdata[i] = NULL;
    }
    if (!trace)
      break;
  }
}

/* --- fields ------------------------------------------------------------------------------------------- */

typedef struct {
  PnMessage *message;
  const PnMimeWriteOptions *options;
  const char *default_domain;
  const char *message_id;
  GString *out;
  guint made;
} Head;

static const PnHeader *
find_header (const PnMessage *message, const char *name)
{
  for (guint i = 0; message->headers && i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    if (g_ascii_strcasecmp (header->name, name) == 0)
      return header;
  }
  return NULL;
}

/* A field of addresses as they came; FALSE if none are in it. */
static gboolean
add_kept_addresses (Head *self, const PnHeader *header)
{
  PnHeaderContext context = { 0 };
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();
  const char *value = header->value ? header->value : "";
  pn_header_parse_addresses (value, strlen (value), &context, mailboxes, 10000);
  PnWriteField field;
  guint n = 0;
  for (guint i = 0; i < mailboxes->len; i++) {
    const PnAddress *address = g_array_index (mailboxes, PnMailbox, i).address;
    if (!address->internet)
      return FALSE;
    n++;
  }
  for (guint i = 0; i < n; i++) {
    if (i == 0)
      pn_field_begin (&field, self->out, header->name);
    else
      pn_field_glue (&field, ",");
    pn_field_address (&field, g_array_index (mailboxes, PnMailbox, i).address, NULL);
  }
  if (n > 0)
    pn_field_end (&field);
  return n > 0;
}

/* A field as text; where the conversion is to be undone, all in encoded words if it would be read otherwise
 * than it is, as what looks like such a word and is none. */
static void
add_kept_text (Head *self, const char *name, const char *value)
{
  gsize start = self->out->len, skip = strlen (name) + 1;
  PnHeaderContext context = { 0 };
  pn_field_text (self->out, name, value);
  if (!self->options->native_fields)
    return;
  g_autofree char *read = pn_header_decode (self->out->str + start + skip, self->out->len - start - skip, &context);
  if (strcmp (read, value) == 0)
    return;
  g_string_truncate (self->out, start);
  PnWriteField field;
  pn_field_begin (&field, self->out, name);
  pn_field_words (&field, value, FALSE);
  pn_field_end (&field);
}

/* The fields that came with the message and have no other place: those of its way, or all others. */
static void
add_kept (Head *self, gboolean trace)
{
  PnMessage *message = self->message;
  for (guint i = 0; message->headers && i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    if (is_own (header->name) || is_trace (header->name) != trace)
      continue;
    if (!is_field_name (header->name)) {
      if (self->options->native_fields)
        pn_office_header_write (self->out, header);
      else
        pn_message_add_loss (message, "header", "\"%.40s\" is no name that a field can have", header->name);
      continue;
    }
    if (is_one_of (header->name, seals)) {
      g_autofree char *where = g_strconcat ("header ", header->name, NULL);
      pn_message_add_loss (message, where, "the signature was made over other bytes and is left out");
      continue;
    }
    if (is_one_of (header->name, address_fields) && add_kept_addresses (self, header))
      continue;
    g_autofree char *value = g_strdelimit (g_strdup (header->value ? header->value : ""), "\t", ' ');
    add_kept_text (self, header->name, value);
  }
}

static void
add_address (Head *self, const char *name, const PnAddress *address)
{
  PnWriteField field;
  pn_field_begin (&field, self->out, name);
  pn_field_address (&field, address, self->default_domain);
  pn_field_end (&field);
  g_autofree char *spec = pn_field_addr_spec (address, self->default_domain);
  if (!pn_field_is_ascii (spec))
    pn_message_add_loss (self->message, name, "the address %s can only be sent where SMTPUTF8 is supported",
                         spec);
}

static gboolean
is_written (const PnMessage *message, const PnRecipient *recipient, PnDistribution distribution)
{
  gboolean listed = recipient->listed || distribution == PN_BC || message->type == PN_TYPE_STATUS;
  return recipient->distribution == distribution && listed && recipient->address;
}

static gboolean
add_recipients (Head *self, const char *name, PnDistribution distribution)
{
  PnMessage *message = self->message;
  PnWriteField field;
  const char *group = NULL;
  gboolean any = FALSE;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (!is_written (message, recipient, distribution))
      continue;
    if (!any)
      pn_field_begin (&field, self->out, name);
    gboolean same = g_strcmp0 (group, recipient->group) == 0;
    if (any && !same && group)
      pn_field_glue (&field, ";");
    if (any)
      pn_field_glue (&field, ",");
    if (!same && recipient->group) {
      pn_field_phrase (&field, recipient->group);
      pn_field_glue (&field, ":");
    }
    group = recipient->group;
    any = TRUE;
    pn_field_address (&field, recipient->address, self->default_domain);
    g_autofree char *spec = pn_field_addr_spec (recipient->address, self->default_domain);
    if (!pn_field_is_ascii (spec))
      pn_message_add_loss (message, name, "the address %s can only be sent where SMTPUTF8 is supported",
                           spec);
  }
  if (!any)
    return FALSE;
  if (group)
    pn_field_glue (&field, ";");
  pn_field_end (&field);
  return TRUE;
}

static void
add_reply_to (Head *self)
{
  GPtrArray *reply_to = self->message->reply_to;
  if (!reply_to || reply_to->len == 0)
    return;
  PnWriteField field;
  pn_field_begin (&field, self->out, "Reply-To");
  for (guint i = 0; i < reply_to->len; i++) {
    if (i > 0)
      pn_field_glue (&field, ",");
    pn_field_address (&field, g_ptr_array_index (reply_to, i), self->default_domain);
  }
  pn_field_end (&field);
}

/* A Message-ID for a message that came without: made of its native id, so that it is the same each time. */
static char *
make_message_id (const PnMessage *message, const PnMimeWriteOptions *options)
{
  const char *host = options->host ? options->host : "localhost";
  gboolean fit = message->id && *message->id && *message->id != '.' && strlen (message->id) < 200;
  for (const char *p = message->id; fit && *p; p++)
    fit = g_ascii_isalnum (*p) || strchr ("-_+=", *p) || (*p == '.' && p[1] && p[1] != '.');
  if (fit)
    return g_strdup_printf ("%s@%s", message->id, host);
  g_autofree char *seed = g_strdup_printf ("%s\n%s\n%" G_GINT64_FORMAT, message->id ? message->id : "",
                                           message->subject ? message->subject : "",
                                           message->date.set ? message->date.unix_time : options->now);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA1, seed, -1);
  return g_strdup_printf ("%s@%s", digest, host);
}

/* A message of several authors, if they still are those it came with. */
static gboolean
add_authors (Head *self)
{
  const PnHeader *came = find_header (self->message, "From");
  PnHeaderContext context = { 0 };
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();
  if (!came || !came->value || !self->message->from->internet)
    return FALSE;
  pn_header_parse_addresses (came->value, strlen (came->value), &context, mailboxes, 100);
  if (mailboxes->len < 2)
    return FALSE;
  const PnAddress *first = g_array_index (mailboxes, PnMailbox, 0).address;
  return g_strcmp0 (first->internet, self->message->from->internet) == 0
         && g_strcmp0 (first->name, self->message->from->name) == 0 && add_kept_addresses (self, came);
}

static void
add_origin (Head *self)
{
  PnMessage *message = self->message;
  if (!message->message_id)
    self->made |= PN_MADE_MESSAGE_ID;
  pn_field_ids (self->out, "Message-ID", (char *const *) &self->message_id, 1);
  if (!message->date.set)
    self->made |= PN_MADE_DATE;
  pn_field_date (self->out, "Date", message->date.set ? message->date.unix_time : self->options->now,
                 message->date.set ? message->date.offset : 0);
  if (message->from) {
    if (!add_authors (self))
      add_address (self, "From", message->from);
  } else {
    g_autofree char *postmaster = g_strconcat ("postmaster@", self->default_domain, NULL);
    g_autoptr (PnAddress) address = pn_address_new_internet (postmaster, NULL);
    add_address (self, "From", address);
    self->made |= PN_MADE_FROM;
  }
  if (message->sender)
    add_address (self, "Sender", message->sender);
}

static void
add_priority (Head *self)
{
  static const char *const words[][3] = { [PN_PRIORITY_HIGH] = { "high", "1 (Highest)", "urgent" },
                                          [PN_PRIORITY_LOW] = { "low", "5 (Lowest)", "non-urgent" } };
  PnMessage *message = self->message;
  if (message->priority != PN_PRIORITY_NORMAL) {
    pn_field_plain (self->out, "Importance", words[message->priority][0]);
    pn_field_plain (self->out, "X-Priority", words[message->priority][1]);
    pn_field_plain (self->out, "Priority", words[message->priority][2]);
  }
  static const char *const sensitivities[]
      = { NULL, "Company-Confidential", "Company-Confidential", "Private", "Private", "Personal" };
  if (message->security != PN_SECURITY_NORMAL)
    pn_field_plain (self->out, "Sensitivity", sensitivities[message->security]);
}

static void
add_time (Head *self, const char *name, const PnTime *time)
{
  if (time->set)
    pn_field_date (self->out, name, time->unix_time, time->offset);
}

/* Whether the message came with a field that says that no person waits for an answer. */
static gboolean
has_automatic_field (const PnMessage *message)
{
  static const char *const names[]
      = { "Precedence", "List-Id", "List-Post", "List-Unsubscribe", "List-Help", NULL };
  for (guint i = 0; message->headers && i < message->headers->len; i++)
    if (is_one_of (((PnHeader *) g_ptr_array_index (message->headers, i))->name, names))
      return TRUE;
  return FALSE;
}

/* To whom a receipt goes is the sender, unless the message came with another wish. */
static void
add_receipt_request (Head *self)
{
  PnMessage *message = self->message;
  const PnHeader *came = find_header (message, "Disposition-Notification-To");
  if (came && add_kept_addresses (self, came))
    return;
  if ((message->status_request & (PN_STATUS_REQUEST_OPENED | PN_STATUS_REQUEST_FULL)) && message->from)
    add_address (self, "Disposition-Notification-To", message->from);
}

/* No automatic answers to what was made automatically: the words for programs that do not know
 * Auto-Submitted. A conversion that is to be undone has no place for them. */
static void
add_suppression (Head *self)
{
  if (!self->options->native_fields && !find_header (self->message, "X-Auto-Response-Suppress"))
    pn_field_plain (self->out, "X-Auto-Response-Suppress", "All");
}

static void
add_options (Head *self)
{
  PnMessage *message = self->message;
  add_priority (self);
  add_time (self, "Expires", &message->expires);
  add_time (self, "Reply-By", &message->respond_by);
  add_time (self, "Deferred-Delivery", &message->distribute_date);
  add_receipt_request (self);
  const char *automatic = pn_message_get_header (message, "Auto-Submitted");
  if (automatic)
    pn_field_text (self->out, "Auto-Submitted", automatic);
  else if (message->type == PN_TYPE_STATUS && !message->calendar) {
    pn_field_plain (self->out, "Auto-Submitted", "auto-replied");
    add_suppression (self);
  } else if (message->type == PN_TYPE_STATUS && !self->options->native_fields) {
    /* An answer to an invitation is read by a program; nobody is to send his absence notice for it. */
    pn_field_plain (self->out, "Auto-Submitted", "auto-generated");
  } else if (message->auto_generated && !has_automatic_field (message)) {
    pn_field_plain (self->out, "Auto-Submitted", "auto-generated");
    add_suppression (self);
  }
}

/* An answer to several messages came with all their ids. */
static void
add_in_reply_to (Head *self)
{
  PnMessage *message = self->message;
  const PnHeader *came = find_header (message, "In-Reply-To");
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  if (came && came->value)
    pn_header_parse_ids (came->value, strlen (came->value), ids);
  if (ids->len > 1 && strcmp (g_ptr_array_index (ids, 0), message->in_reply_to) == 0)
    pn_field_ids (self->out, "In-Reply-To", (char **) ids->pdata, ids->len);
  else
    pn_field_ids (self->out, "In-Reply-To", &message->in_reply_to, 1);
}

static void
add_thread (Head *self)
{
  PnMessage *message = self->message;
  if (message->in_reply_to)
    add_in_reply_to (self);
  if (message->references && message->references->len > 0)
    pn_field_ids (self->out, "References", (char **) message->references->pdata, message->references->len);
}

static void
add_fields (Head *self)
{
  PnMessage *message = self->message;
  add_kept (self, TRUE);
  add_origin (self);
  add_reply_to (self);
  gboolean any = add_recipients (self, "To", PN_TO);
  any |= add_recipients (self, "Cc", PN_CC);
  any |= self->options->keep_bcc && add_recipients (self, "Bcc", PN_BC);
  if (!any)
    pn_field_plain (self->out, "To", "undisclosed-recipients:;");
  if (message->subject)
    pn_field_text (self->out, "Subject", message->subject);
  if (message->subject && strpbrk (message->subject, "\r\n"))
    pn_message_add_loss (message, "header Subject", "line breaks became blanks");
  add_thread (self);
  add_options (self);
}

/* --- parts -------------------------------------------------------------------------------------------- */

static void
add_dates (PnWriteField *field, const PnPart *part)
{
  const struct {
    const char *name;
    const PnTime *time;
  } dates[] = { { "creation-date", &part->created }, { "modification-date", &part->modified } };
  for (guint i = 0; i < G_N_ELEMENTS (dates); i++) {
    if (!dates[i].time->set)
      continue;
    g_autofree char *date = pn_field_format_date (dates[i].time->unix_time, dates[i].time->offset);
    pn_field_parameter (field, dates[i].name, date);
  }
}

static void
add_content_type (GString *out, const PnMimeNode *node)
{
  static const char *const except[] = { "charset", "name", "boundary", NULL };
  PnWriteField field;
  pn_field_begin (&field, out, "Content-Type");
  pn_field_token (&field, node->type);
  if (node->charset)
    pn_field_parameter (&field, "charset", node->charset);
  /* the parameters of an embedded multipart name its own boundary */
  pn_field_parameters (&field, node->parameters,
                       node->sealed                      ? NULL
                       : node->children || node->charset ? except
                                                         : except + 1);
  if (node->boundary)
    pn_field_parameter (&field, "boundary", node->boundary);
  if (node->name)
    pn_field_parameter_words (&field, "name", node->name);
  pn_field_end (&field);
}

void
pn_mime_write_part_fields (GString *out, const PnMimeNode *node)
{
  const PnPart *part = node->part;
  add_content_type (out, node);
  if (!node->children && node->transfer != PN_TRANSFER_7BIT)
    pn_field_plain (out, "Content-Transfer-Encoding", pn_transfer_to_string (node->transfer));
  gboolean dated = part && (part->created.set || part->modified.set);
  if (!node->bare && (node->disposition || node->name || dated)) {
    PnWriteField field;
    pn_field_begin (&field, out, "Content-Disposition");
    pn_field_token (&field, node->disposition ? node->disposition : "inline");
    if (node->name)
      pn_field_parameter (&field, "filename", node->name);
    if (part)
      add_dates (&field, part);
    pn_field_end (&field);
  }
  if (!part)
    return;
  if (part->content_id)
    pn_field_ids (out, "Content-ID", (char *const *) &part->content_id, 1);
  if (part->content_location)
    pn_field_text (out, "Content-Location", part->content_location);
  if (part->description)
    pn_field_text (out, "Content-Description", part->description);
}

static gboolean
write_leaf (const PnMimeNode *node, gboolean whole, PnSink *sink, GError **error)
{
  if (node->transfer == PN_TRANSFER_BASE64 && !node->text) {
    PnBase64Form form = { .canonical = TRUE, .line_length = 76, .crlf = TRUE, .last_eol = whole };
    return pn_content_copy_base64 (node->content, &form, sink, error);
  }
  if (!pn_mime_encode_text (node->content, node->transfer, sink, error))
    return FALSE;
  gboolean end
      = whole && (node->scan.unended || (node->transfer == PN_TRANSFER_BASE64 && node->scan.size > 0));
  return !end || pn_sink_write (sink, "\r\n", 2, error);
}

static gboolean write_node (const PnMimeNode *node, gboolean whole, PnSink *sink, GError **error);

static gboolean
write_multipart (const PnMimeNode *node, gboolean whole, PnSink *sink, GError **error)
{
  for (guint i = 0; i < node->children->len; i++) {
    const PnMimeNode *child = g_ptr_array_index (node->children, i);
    g_autoptr (GString) head = g_string_new (i > 0 ? "\r\n" : NULL);
    g_string_append_printf (head, "--%s\r\n", node->boundary);
    pn_mime_write_part_fields (head, child);
    g_string_append (head, "\r\n");
    if (!pn_sink_write (sink, head->str, head->len, error) || !write_node (child, FALSE, sink, error))
      return FALSE;
  }
  g_autofree char *end = g_strdup_printf ("\r\n--%s--%s", node->boundary, whole ? "\r\n" : "");
  return pn_sink_puts (sink, end, error);
}

static gboolean
write_node (const PnMimeNode *node, gboolean whole, PnSink *sink, GError **error)
{
  return node->children ? write_multipart (node, whole, sink, error) : write_leaf (node, whole, sink, error);
}

static gboolean
write_basic (Head *head, PnSink *sink, GError **error)
{
  add_fields (head);
  add_kept (head, FALSE);
  g_string_append (head->out, "\r\n");
  return pn_sink_write (sink, head->out->str, head->out->len, error)
         && pn_mime_basic_write (head->message, head->options->basic_charset, sink, error);
}

gboolean
pn_mime_write (PnMessage *message, const PnMimeWriteOptions *options, PnSink *sink, GError **error)
{
  if (!options->ignore_skeleton && !options->basic && pn_message_get_part (message, PN_PART_SKELETON))
    return pn_skeleton_write (message, sink, error);

  g_autoptr (GString) out = g_string_new (NULL);
  const char *domain = options->default_domain ? options->default_domain
                       : options->host         ? options->host
                                               : "localhost";
  PnMimeWriteOptions complete = *options;
  complete.default_domain = domain;
  g_autofree char *id
      = message->message_id ? g_strdup (message->message_id) : make_message_id (message, options);
  Head head
      = { .message = message, .options = &complete, .default_domain = domain, .message_id = id, .out = out };
  PnPart *embedded = options->flat ? pn_mime_empty_wrapper (message) : NULL;
  if (embedded)
    return pn_mime_flat_write (message, embedded, id, &complete, sink, error);
  PnReportKind report = pn_report_kind (message);
  if (options->basic && report == PN_REPORT_NONE)
    return write_basic (&head, sink, error);
  g_autoptr (PnMimeNode) tree = pn_mime_tree_new (message, report, id, &complete, &head.made, error);
  if (!tree)
    return FALSE;
  if (!tree->children && !tree->sealed && tree->text && tree->scan.unended
      && tree->transfer != PN_TRANSFER_BASE64)
    head.made |= PN_MADE_LINE_END;
  add_fields (&head);
  pn_native_fields_write (out, message, &complete, head.made);
  if (options->native_fields && !pn_own_parts_write (out, message, tree, head.made, error))
    return FALSE;
  add_kept (&head, FALSE);
  pn_field_plain (out, "MIME-Version", "1.0");
  pn_mime_write_part_fields (out, tree);
  g_string_append (out, "\r\n");
  return pn_sink_write (sink, out->str, out->len, error) && write_node (tree, TRUE, sink, error);
}
