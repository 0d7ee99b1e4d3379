#include "convert/mime-reader.h"

#include <string.h>

enum { MAX_FIELDS = 10000, MAX_RECIPIENTS = 10000, MAX_REFERENCES = 1000 };

/* The fields of the message header into the message. */

static void
add_header_loss (PnMimeReader *self, const PnHeaderField *field, const char *reason)
{
  g_autofree char *where = g_strdup_printf ("header %.*s", (int) MIN (field->name_length, 80), field->name);

  pn_message_add_loss (self->message, where, "%s", reason);
}

static void
read_subject (PnMimeReader *self, const PnHeaderField *field, const char *value)
{
  if (self->message->subject == NULL)
    self->message->subject = g_strdup (value);
  else
    add_header_loss (self, field, "it is there more than once; the first counts");
}

static void
read_recipients (PnMimeReader *self, const PnHeaderField *field, PnDistribution distribution)
{
  PnMessage *message = self->message;
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();
  guint room = MAX_RECIPIENTS - MIN (message->recipients->len, MAX_RECIPIENTS);

  if (!pn_header_parse_addresses (field->value, field->value_length, &self->context, mailboxes, room))
    add_header_loss (self, field, "there are too many recipients; the rest is in the original only");
  for (guint i = 0; i < mailboxes->len; i++) {
    PnMailbox *mailbox = &g_array_index (mailboxes, PnMailbox, i);
    PnRecipient *recipient
        = pn_message_add_recipient (message, distribution, g_steal_pointer (&mailbox->address));
    recipient->listed = distribution != PN_BC;
    recipient->deliver = recipient->address->internet != NULL;
    recipient->group = g_steal_pointer (&mailbox->group);
    if (!recipient->deliver)
      add_header_loss (self, field, "a recipient has a name, but no address");
  }
}

static void
read_to (PnMimeReader *self, const PnHeaderField *field, const char *value)
{
  guint before = self->message->recipients->len;

  read_recipients (self, field, PN_TO);
  /* "undisclosed-recipients:;" */
  if (self->message->recipients->len == before && value[0] != '\0' && self->message->to_text == NULL)
    self->message->to_text = g_strdup (value);
}

static void
read_cc (PnMimeReader *self, const PnHeaderField *field, const char *value)
{
  guint before = self->message->recipients->len;

  read_recipients (self, field, PN_CC);
  if (self->message->recipients->len == before && value[0] != '\0' && self->message->cc_text == NULL)
    self->message->cc_text = g_strdup (value);
}

static void
read_bcc (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  read_recipients (self, field, PN_BC);
}

/* The first address of a field, or NULL. */
static PnAddress *
read_one_address (PnMimeReader *self, const PnHeaderField *field)
{
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();
  guint best = 0;

  pn_header_parse_addresses (field->value, field->value_length, &self->context, mailboxes, 100);
  if (mailboxes->len == 0)
    return NULL;
  for (guint i = mailboxes->len; i-- > 0;)
    if (g_array_index (mailboxes, PnMailbox, i).address->internet != NULL)
      best = i;
  if (mailboxes->len > 1 && best + 1 < mailboxes->len && pn_header_name_is (field, "From"))
    add_header_loss (self, field, "it names several authors; the first is taken");
  return g_steal_pointer (&g_array_index (mailboxes, PnMailbox, best).address);
}

static void
read_from (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  if (self->message->from == NULL)
    self->message->from = read_one_address (self, field);
  else
    add_header_loss (self, field, "it is there more than once; the first counts");
}

static void
read_sender (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  if (self->message->sender == NULL)
    self->message->sender = read_one_address (self, field);
}

static void
read_reply_to (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();

  pn_header_parse_addresses (field->value, field->value_length, &self->context, mailboxes, 1000);
  for (guint i = 0; i < mailboxes->len; i++)
    if (g_array_index (mailboxes, PnMailbox, i).address->internet != NULL)
      g_ptr_array_add (self->message->reply_to,
                       g_steal_pointer (&g_array_index (mailboxes, PnMailbox, i).address));
}

static void
read_time (PnMimeReader *self, const PnHeaderField *field, PnTime *time)
{
  if (!time->set && !pn_header_parse_date (field->value, field->value_length, time))
    add_header_loss (self, field, "it is no date");
}

static void
read_date (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  read_time (self, field, &self->message->date);
}

static void
read_expires (PnMimeReader *self, const PnHeaderField *field, const char *value)
{
  /* "0" and "-1" come from senders that think of HTTP. */
  if (strlen (value) > 6)
    read_time (self, field, &self->message->expires);
}

static void
read_reply_by (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  read_time (self, field, &self->message->respond_by);
}

static void
read_deferred (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  read_time (self, field, &self->message->distribute_date);
}

static char *
read_first_id (const PnHeaderField *field)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

  pn_header_parse_ids (field->value, field->value_length, ids);
  return ids->len > 0 ? g_strdup (g_ptr_array_index (ids, 0)) : NULL;
}

static void
read_message_id (PnMimeReader *self, const PnHeaderField *field, const char *value)
{
  PnMessage *message = self->message;

  if (message->message_id != NULL)
    return;
  message->message_id = read_first_id (field);
  /* One without '@' is no msg-id, but still tells this message from others. */
  if (message->message_id == NULL && value[0] != '\0' && strpbrk (value, " \t<>") == NULL
      && strlen (value) < 998)
    message->message_id = g_strdup (value);
}

static void
read_in_reply_to (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  if (self->message->in_reply_to == NULL)
    self->message->in_reply_to = read_first_id (field);
}

static void
read_references (PnMimeReader *self, const PnHeaderField *field, const char *value G_GNUC_UNUSED)
{
  GPtrArray *references = self->message->references;

  pn_header_parse_ids (field->value, field->value_length, references);
  /* The first begins the thread, the last are what is answered. */
  if (references->len > MAX_REFERENCES) {
    g_ptr_array_remove_range (references, 1, references->len - MAX_REFERENCES);
    add_header_loss (self, field, "there are too many references; some in the middle are left out");
  }
}

/* Of the four fields that say a priority the most exact one counts. */
static const char *const priority_fields[] = { "Importance", "X-Priority", "Priority", "X-MSMail-Priority" };

static void
read_priority (PnMessage *message)
{
  static const char *const high[] = { "high", "urgent", "highest", NULL };
  static const char *const low[] = { "low", "non-urgent", "lowest", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (priority_fields); i++) {
    const char *value = pn_message_get_header (message, priority_fields[i]);
    if (value == NULL)
      continue;
    g_autofree char *word = g_ascii_strdown (value, (gssize) strcspn (value, " ;("));
    if (g_strv_contains (high, word) || word[0] == '1' || word[0] == '2')
      message->priority = PN_PRIORITY_HIGH;
    else if (g_strv_contains (low, word) || word[0] == '4' || word[0] == '5')
      message->priority = PN_PRIORITY_LOW;
    return;
  }
}

static void
read_sensitivity (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value)
{
  if (g_ascii_strncasecmp (value, "company-confidential", 20) == 0
      || g_ascii_strncasecmp (value, "confidential", 12) == 0)
    self->message->security = PN_SECURITY_CONFIDENTIAL;
  else if (g_ascii_strncasecmp (value, "private", 7) == 0)
    self->message->security = PN_SECURITY_SECRET;
  else if (g_ascii_strncasecmp (value, "personal", 8) == 0)
    self->message->security = PN_SECURITY_FOR_YOUR_EYES_ONLY;
}

static void
read_disposition_request (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value)
{
  if (strchr (value, '@') != NULL)
    self->message->status_request |= PN_STATUS_REQUEST_OPENED;
}

static void
read_receipt_request (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value)
{
  if (strchr (value, '@') != NULL)
    self->message->status_request |= PN_STATUS_REQUEST_DELIVERED;
}

static void
read_auto_submitted (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value)
{
  if (g_ascii_strncasecmp (value, "no", 2) != 0 || g_ascii_isalnum (value[2]))
    self->message->auto_generated = TRUE;
}

static void
read_precedence (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value)
{
  static const char *const words[] = { "bulk", "junk", "list", "auto_reply", "auto-reply" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strncasecmp (value, words[i], strlen (words[i])) == 0)
      self->message->auto_generated = TRUE;
}

static void
read_list (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value G_GNUC_UNUSED)
{
  self->message->auto_generated = TRUE;
}

static void
read_suppress (PnMimeReader *self, const PnHeaderField *field G_GNUC_UNUSED, const char *value)
{
  static const char *const no_answer[] = { "all", "oof", "autoreply", NULL };
  g_autofree char *lower = g_ascii_strdown (value, -1);
  g_auto (GStrv) words = g_strsplit_set (lower, ", ;", -1);

  for (char **word = words; *word != NULL; word++)
    if (g_strv_contains (no_answer, *word))
      self->message->auto_generated = TRUE;
}

/* A sender that suppresses receipts does not get what another field asks for. */
static void
settle_receipts (PnMessage *message)
{
  const char *value = pn_message_get_header (message, "X-Auto-Response-Suppress");
  g_autofree char *lower = value != NULL ? g_ascii_strdown (value, -1) : NULL;
  g_auto (GStrv) words = lower != NULL ? g_strsplit_set (lower, ", ;", -1) : NULL;
  const char *const *list = (const char *const *) words;

  if (list == NULL)
    return;
  gboolean all = g_strv_contains (list, "all");
  if (all || g_strv_contains (list, "rn"))
    message->status_request &= ~(guint) PN_STATUS_REQUEST_OPENED;
  if (all || g_strv_contains (list, "dr"))
    message->status_request &= ~(guint) PN_STATUS_REQUEST_DELIVERED;
}

/* Sorted by name. */
static const struct {
  const char *name;
  void (*read) (PnMimeReader *self, const PnHeaderField *field, const char *value);
} readers[] = {
  { "auto-submitted", read_auto_submitted },
  { "bcc", read_bcc },
  { "cc", read_cc },
  { "date", read_date },
  { "deferred-delivery", read_deferred },
  { "disposition-notification-to", read_disposition_request },
  { "expires", read_expires },
  { "expiry-date", read_expires },
  { "from", read_from },
  { "in-reply-to", read_in_reply_to },
  { "list-help", read_list },
  { "list-id", read_list },
  { "list-post", read_list },
  { "list-unsubscribe", read_list },
  { "message-id", read_message_id },
  { "precedence", read_precedence },
  { "references", read_references },
  { "reply-by", read_reply_by },
  { "reply-to", read_reply_to },
  { "return-receipt-to", read_receipt_request },
  { "sender", read_sender },
  { "sensitivity", read_sensitivity },
  { "subject", read_subject },
  { "to", read_to },
  { "x-auto-response-suppress", read_suppress },
};

static void
read_field (PnMimeReader *self, const PnHeaderField *field, const char *value)
{
  guint low = 0, high = G_N_ELEMENTS (readers);

  while (low < high) {
    guint middle = (low + high) / 2;
    int order = g_ascii_strncasecmp (field->name, readers[middle].name, field->name_length);
    if (order == 0 && readers[middle].name[field->name_length] != '\0')
      order = -1;
    if (order == 0) {
      readers[middle].read (self, field, value);
      return;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
}

static gboolean
same_address (const PnAddress *a, const PnAddress *b)
{
  return a->internet != NULL && b->internet != NULL && g_ascii_strcasecmp (a->internet, b->internet) == 0;
}

static void
settle_sender (PnMessage *message)
{
  if (message->from != NULL && message->from->internet == NULL && message->sender != NULL
      && message->sender->internet != NULL && message->from->name != NULL) {
    /* A name alone is no author that could be answered. */
    message->from->internet = g_strdup (message->sender->internet);
    g_clear_pointer (&message->sender, pn_address_free);
  }
  if (message->from == NULL)
    message->from = g_steal_pointer (&message->sender);
  if (message->sender != NULL && same_address (message->sender, message->from))
    g_clear_pointer (&message->sender, pn_address_free);
}

/* Mail that was composed by a conversion has fields of its own besides those that it came with. */
static guint
find_limit (const char *header, gsize length)
{
  static const char native[] = "\nX-Postern-Native:";

  return memmem (header, length, native, strlen (native)) != NULL ? 4 * MAX_FIELDS : MAX_FIELDS;
}

void
pn_mime_read_fields (PnMimeReader *self, const char *header, gsize length)
{
  guint limit = MAX_FIELDS;
  const char *cursor = header, *end = header + length;
  PnMessage *message = self->message;
  PnHeaderField field;

  while (pn_header_next (&cursor, end, &field)) {
    if (message->headers->len == MAX_FIELDS)
      limit = find_limit (header, length);
    if (message->headers->len == limit) {
      pn_message_add_loss (message, "header", "it has more than %u fields; the rest is in the original only",
                           limit);
      break;
    }
    gsize damaged = self->context.damaged;
    PnHeader *kept = g_new0 (PnHeader, 1);
    kept->name = g_strndup (field.name, field.name_length);
    kept->value = pn_header_decode (field.value, field.value_length, &self->context);
    g_ptr_array_add (message->headers, kept);
    if (self->context.damaged != damaged)
      add_header_loss (self, &field, "characters could not be read and were replaced");
    read_field (self, &field, kept->value);
  }
  read_priority (message);
  settle_sender (message);
  settle_receipts (message);
}
