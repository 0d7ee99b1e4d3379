#include "convert/api.h"

#include <string.h>

typedef struct {
  PnMessage *message;
  GString *out;
  const char *stem;
  GPtrArray *files;
  const char **names; /* of each part's file, or NULL where it has none */
} ApiWriter;

void
pn_api_file_free (PnApiFile *self)
{
  if (!self)
    return;
  g_free (self->file_name);
  pn_part_free (self->converted);
  g_free (self);
}

static gboolean
is_body (const ApiWriter *self, const PnPart *part)
{
  return part == pn_message_get_part (self->message, PN_PART_TEXT);
}

static PnApiFile *
add_file (ApiWriter *self, guint number)
{
  const PnPart *part = self->message->parts->pdata[number];
  PnApiFile *file = g_new0 (PnApiFile, 1);
  file->file_name = g_strdup_printf ("%.5s%03x.%s", self->stem, number, is_body (self, part) ? "bdy" : "att");
  file->part = part;
  g_ptr_array_add (self->files, file);
  self->names[number] = file->file_name;
  return file;
}

static void
write_text (GString *out, guint level, PnNameId id, const char *text)
{
  pn_keyword_write (out, level, pn_name_text (id), text);
}

/* TEXT on one line and without control characters, for readers that know no escapes of ours.  Caller frees.
 */
static char *
make_plain (const char *text)
{
  char *plain = g_utf8_make_valid (text, -1);
  for (char *p = plain; *p; p++)
    if ((guchar) *p < ' ' || *p == 0x7f)
      *p = ' ';
  return g_strstrip (plain);
}

static void
write_plain (GString *out, guint level, PnNameId id, const char *text)
{
  g_autofree char *plain = make_plain (text);
  write_text (out, level, id, plain);
}

static void
write_plain_optional (GString *out, guint level, PnNameId id, const char *text)
{
  if (text && *text)
    write_plain (out, level, id, text);
}

/* The component group of 8.2 of the keyword language. */
static void
write_address (GString *out, guint level, const PnAddress *address)
{
  const char *user = address->user ? address->user : address->internet ? address->internet : "";
  g_autofree char *plain = make_plain (user);
  write_plain_optional (out, level, PN_NAME_WPD, address->domain);
  write_plain_optional (out, level, PN_NAME_WPPO, address->post_office);
  if (strchr (plain, '@'))
    pn_keyword_write_quoted (out, level, pn_name_text (PN_NAME_WPU), plain);
  else
    write_text (out, level, PN_NAME_WPU, plain);
  write_plain_optional (out, level, PN_NAME_FUA, address->internet);
  if (address->name && *address->name) {
    g_autofree char *name = make_plain (address->name);
    char *last = strrchr (name, ' ');
    if (last)
      *last++ = '\0';
    write_plain_optional (out, level, PN_NAME_FN, last ? name : NULL);
    write_plain_optional (out, level, PN_NAME_LN, last ? last : name);
  }
  if (address->domain && address->post_office && address->user) {
    g_autofree char *dotted = pn_address_to_string (address);
    write_plain (out, level, PN_NAME_CDBA, dotted);
  }
}

static void
write_address_group (GString *out, PnNameId id, const PnAddress *address)
{
  pn_keyword_open_group (out, 0, pn_name_text (id));
  write_address (out, 1, address);
  pn_keyword_close_group (out, 0);
}

/* The recipients of one distribution: those to deliver to, or those that all may see. */
static void
write_recipients (GString *out, PnNameId id, const PnMessage *message, PnDistribution distribution,
                  gboolean listed)
{
  guint n = 0;
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->distribution != distribution || !(listed ? recipient->listed : recipient->deliver))
      continue;
    if (n++ == 0)
      pn_keyword_open_group (out, 0, pn_name_text (id));
    else
      pn_keyword_next_entry (out, 0);
    write_address (out, 1, recipient->address);
  }
  if (n > 0)
    pn_keyword_close_group (out, 0);
}

/* What the To box may have shown, if that is not known: the names. */
static void
write_box (GString *out, PnNameId id, const PnMessage *message, PnDistribution distribution, const char *text)
{
  g_autoptr (GString) names = g_string_new (text);
  for (guint i = 0; i < message->recipients->len && !text; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    const PnAddress *address = recipient->address;
    if (recipient->distribution != distribution || !recipient->listed)
      continue;
    g_autofree char *spec = pn_address_to_string (address);
    g_string_append_printf (names, "%s%s", names->len ? ", " : "",
                            address->name && *address->name ? address->name : spec);
  }
  write_plain_optional (out, 0, id, names->str);
}

enum {
  M = 1 << PN_TYPE_MAIL,
  A = 1 << PN_TYPE_APPOINTMENT,
  T = 1 << PN_TYPE_TASK,
  N = 1 << PN_TYPE_NOTE,
  P = 1 << PN_TYPE_PHONE,
  S = 1 << PN_TYPE_STATUS,
  B = 1 << PN_TYPE_SEARCH,
  ITEM = M | A | T | N | P
};

/* The keywords that the original knows, in the order that its peers write them, and the types of message they
 * belong to.  FALLBACK is written when the field is not set. */
static const struct {
  PnNameId id;
  guint types;
  const char *fallback;
} api_fields[] = {
  { PN_NAME_SUBJECT, ITEM, NULL },
  { PN_NAME_MSG_ID, ITEM | B, NULL },
  { PN_NAME_ORIG_MSG_ID, S | B, NULL },
  { PN_NAME_DATE_SENT, ITEM | B | S, NULL },
  { PN_NAME_SECURITY, ITEM, "Normal" },
  { PN_NAME_MSG_PRIORITY, ITEM, "Normal" },
  { PN_NAME_SEND_OPTIONS, ITEM | B | S, "None" },
  { PN_NAME_STATUS_REQUEST, ITEM, "None" },
  { PN_NAME_DISTRIBUTE_DATE, ITEM, NULL },
  { PN_NAME_RESPOND_BY, ITEM, NULL },
  { PN_NAME_MSG_ACTION, ITEM, NULL },
  { PN_NAME_TASK_CATEGORY, T, NULL },
  { PN_NAME_TASK_PRIORITY, T, NULL },
  { PN_NAME_CALLER_NAME, P, NULL },
  { PN_NAME_CALLER_COMPANY, P, NULL },
  { PN_NAME_CALLER_PHONE, P, NULL },
  { PN_NAME_CALL_ACTION, P, NULL },
};

/* Send-Options is a list: its commas separate and are not escaped. */
static void
write_options (GString *out, const char *options)
{
  g_auto (GStrv) words = g_strsplit (options, ",", -1);
  gsize begin = out->len;
  for (guint i = 0; words[i]; i++) {
    g_autofree char *plain = make_plain (words[i]), *escaped = pn_keyword_escape (plain);
    if (*escaped)
      g_string_append_printf (out, "%s%s", out->len == begin ? "Send-Options= " : ", ", escaped);
  }
  if (out->len > begin)
    g_string_append (out, ";\r\n");
}

/* The strict form of a field: text fields made plain, the others as in queue files. */
static void
write_strict_field (GString *out, const PnField *field, const PnMessage *message)
{
  if (field->kind != PN_FIELD_TEXT) {
    pn_field_write (out, 0, field, message);
    return;
  }
  const char *text = G_STRUCT_MEMBER (const char *, message, field->offset);
  if (!text)
    return;
  if (field->id == PN_NAME_SEND_OPTIONS)
    write_options (out, text);
  else
    write_plain (out, 0, field->id, text);
}

static void
write_strict_fields (ApiWriter *self)
{
  guint type = 1 << self->message->type;
  for (guint i = 0; i < G_N_ELEMENTS (api_fields); i++) {
    if (!(api_fields[i].types & type))
      continue;
    gsize before = self->out->len;
    write_strict_field (self->out, pn_field_find (&pn_message_type, api_fields[i].id), self->message);
    if (self->out->len == before && api_fields[i].fallback)
      write_text (self->out, 0, api_fields[i].id, api_fields[i].fallback);
  }
}

static void
write_date (GString *out, guint level, PnNameId id, gint64 unix_time, int offset)
{
  g_autofree char *date = pn_keyword_format_date (unix_time, offset);
  write_text (out, level, id, date);
}

static void
write_search (ApiWriter *self)
{
  const PnMessage *message = self->message;
  if (message->begin_time.set)
    write_date (self->out, 0, PN_NAME_BEGIN_TIME, message->begin_time.unix_time, message->begin_time.offset);
  if (message->end_time.set)
    write_date (self->out, 0, PN_NAME_END_TIME, message->end_time.unix_time, message->end_time.offset);
  if (!message->busy_for)
    return;
  write_address_group (self->out, PN_NAME_BUSY_FOR, message->busy_for);
  /* an answer has a report even when nothing is busy */
  pn_keyword_open_group (self->out, 0, pn_name_text (PN_NAME_BUSY_REPORT));
  for (guint i = 0; i < message->busy->len; i++) {
    const PnBusyBlock *block = message->busy->pdata[i];
    if (i > 0)
      pn_keyword_next_entry (self->out, 0);
    write_date (self->out, 1, PN_NAME_START_TIME, block->start, 0);
    write_date (self->out, 1, PN_NAME_END_TIME, block->end, 0);
  }
  pn_keyword_close_group (self->out, 0);
}

static void
write_reports (ApiWriter *self)
{
  PnMessage *message = self->message;
  const GPtrArray *reports = message->reports;
  for (guint i = 0; i < reports->len; i++) {
    const PnStatusReport *report = reports->pdata[i];
    if (i == 0)
      pn_keyword_open_group (self->out, 0, pn_name_text (PN_NAME_STATUS_REPORT));
    else
      pn_keyword_next_entry (self->out, 0);
    write_text (self->out, 1, PN_NAME_ACTION, pn_action_to_string (report->action));
    if (report->time.set)
      write_date (self->out, 1, PN_NAME_TIME, report->time.unix_time, report->time.offset);
    gboolean of_sender
        = !report->recipient
          || (message->from
              && pn_fields_equal (&pn_address_type, report->recipient, message->from, FALSE, NULL));
    if (!of_sender || report->status_code || report->diagnostic || report->remote_mta || report->comment)
      pn_message_add_loss (message, "Status-Report",
                           "report %u: recipient and reason cannot be told in an API file", i + 1);
  }
  if (reports->len > 0)
    pn_keyword_close_group (self->out, 0);
}

/* Kept keywords go out again if the original knows them. */
static void
write_extra (ApiWriter *self)
{
  for (guint i = 0; i < self->message->extra->len; i++) {
    const PnExtraKeyword *extra = self->message->extra->pdata[i];
    guint flags = pn_name_flags (pn_name_find (extra->name, strlen (extra->name)));
    if (flags & PN_NAME_IS_TOP && !(flags & PN_NAME_IS_OURS))
      pn_keyword_write_raw (self->out, extra->name, extra->text);
    else
      pn_message_add_loss (self->message, extra->name, "this keyword is not of the API file's language");
  }
}

/* A copy of the body in the charset and with the line ends that readers of API files expect. */
static gboolean
convert_body (ApiWriter *self, PnApiFile *file, GError **error)
{
  guint64 size;
  if (!pn_content_measure (file->part->content, &size, NULL, error))
    return FALSE;
  if (size > PN_API_MAX_TEXT) {
    write_text (self->out, 0, PN_NAME_MSG_CHAR, "UTF-8");
    return TRUE;
  }
  g_autoptr (GBytes) bytes = pn_content_read (file->part->content, PN_API_MAX_TEXT, error);
  if (!bytes)
    return FALSE;
  gsize length;
  guint replaced = 0;
  const char *text = g_bytes_get_data (bytes, &length);
  g_autofree char *encoded = pn_api_encode (text, length, &length, &replaced);
  GString *body = g_string_sized_new (length + length / 32);
  for (gsize i = 0; i < length; i++) {
    if (encoded[i] == '\n' && (i == 0 || encoded[i - 1] != '\r'))
      g_string_append_c (body, '\r');
    g_string_append_c (body, encoded[i]);
  }
  if (replaced)
    pn_message_add_loss (self->message, "body", "%u characters are not in code page 437 and became '?'",
                         replaced);
  g_autoptr (GBytes) converted = g_string_free_to_bytes (body);
  file->converted = pn_part_new (PN_PART_TEXT, file->part->type, pn_content_new_bytes (converted));
  file->part = file->converted;
  write_text (self->out, 0, PN_NAME_MSG_CHAR, "T50");
  return TRUE;
}

/* The name a user shall see; a part without one gets one from its kind. */
static char *
original_name (const PnPart *part, guint number)
{
  if (part->name && *part->name)
    return make_plain (part->name);
  const char *suffix = part->role == PN_PART_HTML                   ? "htm"
                       : part->role == PN_PART_TEXT                 ? "txt"
                       : strcmp (part->type, "message/rfc822") == 0 ? "eml"
                                                                    : "dat";
  return g_strdup_printf ("Part%u.%s", number + 1, suffix);
}

static gboolean
write_attachment (ApiWriter *self, guint number, const char *file_name, gboolean first, GError **error)
{
  const PnPart *part = self->message->parts->pdata[number];
  guint64 size;
  if (!pn_content_measure (part->content, &size, NULL, error))
    return FALSE;
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, size), *name = original_name (part, number);
  const PnTime *time = part->modified.set ? &part->modified : &part->created;
  if (first)
    pn_keyword_open_group (self->out, 0, pn_name_text (PN_NAME_ATTACH_FILE));
  else
    pn_keyword_next_entry (self->out, 0);
  write_text (self->out, 1, PN_NAME_CURRENT_FILE, file_name);
  write_text (self->out, 1, PN_NAME_ORIGINAL_FILE, name);
  write_text (self->out, 1, PN_NAME_SIZE, text);
  if (time->set)
    write_date (self->out, 1, PN_NAME_DATE, time->unix_time, time->offset);
  return TRUE;
}

/* Why a part stays behind in a strict API file; NULL if it goes. */
static const char *
part_loss (const ApiWriter *self, const PnPart *part)
{
  switch (part->role) {
  case PN_PART_HTML:
    return pn_message_get_part (self->message, PN_PART_TEXT)
               ? "the HTML body has no place in an API file; the plain one goes"
               : NULL;
  case PN_PART_CALENDAR:
    return self->message->calendar ? "the iCalendar text has no place in an API file" : NULL;
  case PN_PART_SKELETON:
    return "the message's original form has no place in an API file";
  default:
    return NULL;
  }
}

static gboolean
write_files (ApiWriter *self, gboolean strict, GError **error)
{
  const GPtrArray *parts = self->message->parts;
  guint attachments = 0;
  for (guint i = 0; i < parts->len; i++) {
    const PnPart *part = parts->pdata[i];
    const char *loss = strict ? part_loss (self, part) : NULL;
    if (loss) {
      g_autofree char *what = pn_part_what (part, i + 1);
      pn_message_add_loss (self->message, what, "%s", loss);
      continue;
    }
    PnApiFile *file = add_file (self, i);
    if (!is_body (self, part))
      continue;
    if (strict ? !convert_body (self, file, error) : FALSE)
      return FALSE;
    if (!strict)
      write_text (self->out, 0, PN_NAME_MSG_CHAR, "UTF-8");
    write_text (self->out, 0, PN_NAME_MSG_FILE, file->file_name);
  }
  for (guint i = 0; i < parts->len; i++) {
    const PnPart *part = parts->pdata[i];
    if (!self->names[i] || is_body (self, part) || part->role == PN_PART_SKELETON)
      continue;
    if (!write_attachment (self, i, self->names[i], attachments++ == 0, error))
      return FALSE;
  }
  if (attachments > 0)
    pn_keyword_close_group (self->out, 0);
  return TRUE;
}

/* Adds a loss for each field of RECORD that is set and not CARRIED. */
static void
note_fields (PnMessage *message, const PnRecordType *type, gconstpointer record, const char *prefix,
             gboolean (*carried) (const PnMessage *message, PnNameId id))
{
  g_autoptr (GString) scratch = g_string_new (NULL);
  for (guint i = 0; i < type->n_fields; i++) {
    const PnField *field = &type->fields[i];
    if (carried (message, field->id))
      continue;
    g_string_truncate (scratch, 0);
    pn_field_write (scratch, 0, field, record);
    if (scratch->len == 0)
      continue;
    g_autofree char *where = g_strconcat (prefix, pn_name_text (field->id), NULL);
    pn_message_add_loss (message, where, "cannot be told in an API file of type %s",
                         pn_message_type_to_string (message->type));
  }
}

static gboolean
is_message_field_carried (const PnMessage *message, PnNameId id)
{
  for (guint i = 0; i < G_N_ELEMENTS (api_fields); i++)
    if (api_fields[i].id == id)
      return (api_fields[i].types & 1 << message->type) != 0;
  switch (id) {
  case PN_NAME_FROM:
  case PN_NAME_TO_TEXT:
  case PN_NAME_TO_CC_TEXT:
    return message->type != PN_TYPE_ADMIN;
  case PN_NAME_PN_CALENDAR: /* looked at field by field */
  case PN_NAME_PN_LOSS:
    return TRUE;
  case PN_NAME_BUSY_FOR:
  case PN_NAME_BUSY_REPORT:
  case PN_NAME_PN_BEGIN_TIME:
  case PN_NAME_PN_END_TIME:
    return message->type == PN_TYPE_SEARCH;
  case PN_NAME_STATUS_REPORT:
    return message->type == PN_TYPE_STATUS;
  default:
    return FALSE;
  }
}

static gboolean
is_calendar_field_carried (const PnMessage *message, PnNameId id)
{
  switch (id) {
  case PN_NAME_METHOD:
  case PN_NAME_COMPONENT:
  case PN_NAME_UID:
  case PN_NAME_STAMP:
  case PN_NAME_SUMMARY:
  case PN_NAME_ALL_DAY:
  case PN_NAME_ORGANIZER:
    return TRUE;
  case PN_NAME_START:
    return message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK
           || message->type == PN_TYPE_NOTE;
  case PN_NAME_FINISH:
    return message->type == PN_TYPE_APPOINTMENT || message->type == PN_TYPE_TASK;
  case PN_NAME_WHERE:
    return message->type == PN_TYPE_APPOINTMENT;
  default:
    return FALSE;
  }
}

/* The media type is left to the file name, as the original does. */
static gboolean
is_part_field_carried (const PnMessage *message G_GNUC_UNUSED, PnNameId id)
{
  return id == PN_NAME_ROLE || id == PN_NAME_NAME || id == PN_NAME_TYPE || id == PN_NAME_CREATED
         || id == PN_NAME_MODIFIED || id == PN_NAME_CHARSET;
}

static void
note_losses (ApiWriter *self)
{
  PnMessage *message = self->message;
  gboolean admin = message->type == PN_TYPE_ADMIN;
  note_fields (message, &pn_message_type, message, "", is_message_field_carried);
  if (message->calendar)
    note_fields (message, &pn_calendar_type, message->calendar, "calendar ", is_calendar_field_carried);
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    g_autofree char *spec = pn_address_to_string (recipient->address);
    g_autofree char *where = g_strconcat ("recipient ", spec, NULL);
    if (admin)
      pn_message_add_loss (message, where, "an API file of type Admin has no recipients");
    else if (recipient->group || recipient->dsn_notify || recipient->dsn_orcpt)
      pn_message_add_loss (message, where, "group and delivery options cannot be told in an API file");
  }
  for (guint i = 0; i < message->parts->len; i++) {
    g_autofree char *what = pn_part_what (message->parts->pdata[i], i + 1),
                    *prefix = g_strconcat (what, " ", NULL);
    if (admin)
      pn_message_add_loss (message, what, "an API file of type Admin has no parts");
    else if (self->names[i])
      note_fields (message, &pn_part_type, message->parts->pdata[i], prefix, is_part_field_carried);
  }
}

/* Everything, in the language of the original alone. */
static gboolean
write_strict (ApiWriter *self, GError **error)
{
  PnMessage *message = self->message;
  GString *out = self->out;
  g_string_append_printf (out, "WPC-API= 1.2;\r\nHeader-Char= T50;\r\nMsg-Type= %s;\r\n",
                          pn_message_type_to_string (message->type));
  if (message->type != PN_TYPE_ADMIN) {
    if (message->from) {
      write_address_group (out, PN_NAME_FROM, message->from);
      g_autofree char *spec = pn_address_to_string (message->from);
      const char *name = message->from->name;
      write_plain_optional (out, 0, PN_NAME_FROM_TEXT, name && *name ? name : spec);
    }
    write_recipients (out, PN_NAME_TO, message, PN_TO, FALSE);
    write_recipients (out, PN_NAME_TO_CC, message, PN_CC, FALSE);
    write_recipients (out, PN_NAME_TO_BC, message, PN_BC, FALSE);
    write_recipients (out, PN_NAME_ALL_TO, message, PN_TO, TRUE);
    write_recipients (out, PN_NAME_ALL_TO_CC, message, PN_CC, TRUE);
    write_box (out, PN_NAME_TO_TEXT, message, PN_TO, message->to_text);
    write_box (out, PN_NAME_TO_CC_TEXT, message, PN_CC, message->cc_text);
    if (!write_files (self, TRUE, error))
      return FALSE;
  }
  write_strict_fields (self);
  pn_api_write_calendar (out, message);
  if (message->type == PN_TYPE_SEARCH)
    write_search (self);
  if (message->type == PN_TYPE_STATUS)
    write_reports (self);
  write_extra (self);
  note_losses (self);
  return TRUE;
}

/* What is made of users and statuses in the files of other programs must not be made of ours, even if nothing
 * else in them is of ours. */
static void
mark_as_ours (ApiWriter *self)
{
  g_autoptr (GPtrArray) outside = pn_api_outside_users (self->message);
  if ((outside->len > 0 || self->message->type == PN_TYPE_STATUS) && !self->message->auto_generated)
    write_text (self->out, 0, PN_NAME_PN_AUTO_GENERATED, "No");
}

static gboolean
write_extended (ApiWriter *self, GError **error)
{
  pn_head_write (self->out, self->message, TRUE);
  mark_as_ours (self);
  const PnAddress *from = self->message->from;
  if (from && from->name && *from->name)
    write_text (self->out, 0, PN_NAME_FROM_TEXT, from->name);
  pn_api_write_calendar (self->out, self->message);
  return write_files (self, FALSE, error)
         && pn_head_write_parts (self->out, self->message, self->names, error);
}

/* Strict files are in the gateway's code page. */
static void
encode_text (ApiWriter *self)
{
  guint replaced = 0;
  gsize length;
  g_autofree char *encoded = pn_api_encode (self->out->str, self->out->len, &length, &replaced);
  g_string_truncate (self->out, 0);
  g_string_append_len (self->out, encoded, length);
  if (replaced)
    pn_message_add_loss (self->message, "keywords", "%u characters are not in code page 437 and became '?'",
                         replaced);
}

static gboolean
check_parts (const PnMessage *message, GError **error)
{
  for (guint i = 0; i < message->parts->len; i++)
    if (!((PnPart *) message->parts->pdata[i])->content) {
      g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                   "part %u has no content: only the head of the message was read", i + 1);
      return FALSE;
    }
  if (message->parts->len <= 0xfff)
    return TRUE;
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT,
               "%u parts: an API file's names reach for 4095", message->parts->len);
  return FALSE;
}

GString *
pn_api_write (PnMessage *message, const char *stem, gboolean extensions, GPtrArray **files, GError **error)
{
  if (!check_parts (message, error))
    return NULL;
  g_autoptr (GString) out = g_string_sized_new (2048);
  g_autofree const char **names = g_new0 (const char *, message->parts->len + 1);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_api_file_free);
  ApiWriter writer = { message, out, stem, list, names };
  if (!(extensions ? write_extended (&writer, error) : write_strict (&writer, error)))
    return NULL;
  pn_keyword_write_flag (out, 0, pn_name_text (PN_NAME_END), FALSE);
  if (!extensions)
    encode_text (&writer);
  *files = g_steal_pointer (&list);
  return g_steal_pointer (&out);
}
