#include "convert/tnef-private.h"

#include "convert/charset.h"
#include "convert/mime-header.h"
#include "convert/rtf.h"

#include <string.h>

enum { MAX_DECODED = 64 * 1024 * 1024, MAX_RECIPIENTS = 5000 };

/* Properties of messages and recipients. */
enum {
  IMPORTANCE = 0x0017,
  SENSITIVITY = 0x0036,
  SUBJECT = 0x0037,
  SUBMIT_TIME = 0x0039,
  REPRESENTING_NAME = 0x0042,
  REPRESENTING_TYPE = 0x0064,
  REPRESENTING_EMAIL = 0x0065,
  CORRELATION_KEY = 0x007F,
  RECIPIENT_TYPE = 0x0C15,
  SENDER_NAME = 0x0C1A,
  SENDER_TYPE = 0x0C1E,
  SENDER_EMAIL = 0x0C1F,
  DELIVERY_TIME = 0x0E06,
  BODY = 0x1000,
  RTF = 0x1009,
  HTML = 0x1013,
  MESSAGE_ID = 0x1035,
  IN_REPLY_TO = 0x1042,
  DISPLAY_NAME = 0x3001,
  ADDRESS_TYPE = 0x3002,
  EMAIL_ADDRESS = 0x3003,
  SMTP_ADDRESS = 0x39FE,
  INTERNET_CODEPAGE = 0x3FDE,
  SENDER_SMTP = 0x5D01,
  REPRESENTING_SMTP = 0x5D02
};

gboolean
pn_tnef_spend (PnTnef *self, gsize n)
{
  if (n > *self->budget) {
    *self->budget = 0;
    return FALSE;
  }
  *self->budget -= n;
  return TRUE;
}

/* What Microsoft Mail called the classes (MS-OXTNEF 2.3.3.4). */
static const char *const old_classes[][2]
    = { { "IPM.Microsoft Mail.Note", "IPM.Note" },
        { "IPM.Microsoft Mail.Read Receipt", "Report.IPM.Note.IPNRN" },
        { "IPM.Microsoft Mail.Non-Delivery", "Report.IPM.Note.NDR" },
        { "IPM.Microsoft Schedule.MtgRespP", "IPM.Schedule.Meeting.Resp.Pos" },
        { "IPM.Microsoft Schedule.MtgRespN", "IPM.Schedule.Meeting.Resp.Neg" },
        { "IPM.Microsoft Schedule.MtgRespA", "IPM.Schedule.Meeting.Resp.Tent" },
        { "IPM.Microsoft Schedule.MtgReq", "IPM.Schedule.Meeting.Request" },
        { "IPM.Microsoft Schedule.MtgCncl", "IPM.Schedule.Meeting.Canceled" } };

char *
pn_tnef_class (const PnTnef *self)
{
  enum { MESSAGE_CLASS = 0x001A };
  static const char prefix[] = "Microsoft Mail v3.0 ";
  g_autofree char *text = pn_tnef_one_line (pn_tnef_attribute_text (self, PN_ATT_CLASS));
  g_autofree char *property
      = pn_tnef_one_line (pn_tnef_text (self, pn_mapi_find (self->properties, MESSAGE_CLASS)));
  const char *name = text ? text : property ? property : "";
  if (g_ascii_strncasecmp (name, prefix, strlen (prefix)) == 0)
    name += strlen (prefix);
  for (guint i = 0; i < G_N_ELEMENTS (old_classes); i++)
    if (g_ascii_strcasecmp (name, old_classes[i][0]) == 0) {
      name = old_classes[i][1];
      break;
    }
  /* a writer that puts a general class before a special one */
  return g_strdup (property && g_ascii_strcasecmp (name, "IPM.Note") == 0 ? property : name);
}

/* --- addresses -------------------------------------------------------------------------------------------
 */

/* What stands in EMAIL if that is an Internet address, perhaps with its type before it. */
static const char *
internet_of (const char *email)
{
  if (!email)
    return NULL;
  if (g_ascii_strncasecmp (email, "SMTP:", 5) == 0)
    email += 5;
  const char *at = strrchr (email, '@');
  if (!at || at == email || !at[1] || strlen (email) > 320)
    return NULL;
  for (const char *p = email; *p; p++)
    if ((guchar) *p <= ' ' || *p == 0x7F || strchr ("<>,;\"\\()", *p))
      return NULL;
  return email[0] == '/' ? NULL : email;
}

/* An address of another kind in the form that Exchange gives it in mail (MS-OXCMAIL 2.1.3.1.9), so that it
 * can be told apart and led back; no mail goes to the host.  Caller frees. */
static char *
encapsulate (const char *type, const char *email)
{
  enum { MAX_TYPE = 16, MAX_EMAIL = 500 };
  g_autoptr (GString) out = g_string_new ("IMCEA");
  for (const char *p = type; *p && p < type + MAX_TYPE; p++)
    if (g_ascii_isalnum (*p))
      g_string_append_c (out, g_ascii_toupper (*p));
  g_string_append_c (out, '-');
  for (const char *p = email; *p && p < email + MAX_EMAIL; p++) {
    if (g_ascii_isalnum (*p) || *p == '-' || *p == '=')
      g_string_append_c (out, *p);
    else if (*p == '/')
      g_string_append_c (out, '_');
    else
      g_string_append_printf (out, "+%02X", (guchar) *p);
  }
  g_string_append (out, "@exchange.invalid");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* The address in properties that hold no Internet address, as what can be written; NULL if there is none. */
static PnAddress *
other_address (const PnTnef *self, const GArray *properties, guint type, guint email, guint name)
{
  g_autofree char *kind = pn_tnef_text (self, pn_mapi_find (properties, type));
  g_autofree char *text = pn_tnef_text (self, pn_mapi_find (properties, email));
  g_autofree char *display = pn_tnef_one_line (pn_tnef_text (self, pn_mapi_find (properties, name)));
  if (!text || !kind || g_ascii_strcasecmp (kind, "SMTP") == 0)
    return NULL;
  g_autofree char *internet = encapsulate (kind, text);
  return pn_address_new_internet (internet, display);
}

static PnAddress *
new_address (const char *email, const char *name)
{
  const char *internet = internet_of (email);
  if (!internet)
    return NULL;
  /* The name is often the address once more, in quotes. */
  g_autofree char *clean = name ? g_strstrip (g_strdelimit (g_strdup (name), "\r\n\t", ' ')) : NULL;
  gsize length = clean ? strlen (clean) : 0;
  if (length >= 2 && (clean[0] == '\'' || clean[0] == '"') && clean[length - 1] == clean[0]) {
    clean[length - 1] = '\0';
    memmove (clean, clean + 1, length - 1);
  }
  gboolean says = clean && *clean && g_ascii_strcasecmp (clean, internet) != 0;
  return pn_address_new_internet (internet, says ? clean : NULL);
}

PnAddress *
pn_tnef_address (const PnTnef *self, const GArray *properties, guint smtp, guint type, guint email,
                 guint name)
{
  g_autofree char *internet = pn_tnef_text (self, pn_mapi_find (properties, smtp));
  g_autofree char *kind = pn_tnef_text (self, pn_mapi_find (properties, type));
  g_autofree char *display = pn_tnef_text (self, pn_mapi_find (properties, name));
  if (!internet_of (internet) && (!kind || g_ascii_strcasecmp (kind, "EX") != 0)) {
    g_free (internet);
    internet = pn_tnef_text (self, pn_mapi_find (properties, email));
  }
  return new_address (internet, display);
}

/* Two texts, each behind its length. */
PnAddress *
pn_tnef_attribute_address (const PnTnef *self, PnTnefId id)
{
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, id);
  if (!attribute || attribute->length < 4)
    return NULL;
  const guint8 *p = attribute->data;
  gsize left = attribute->length, name_length = pn_tnef_get16 (p);
  if (name_length > left - 4)
    return NULL;
  const guint8 *behind = p + 2 + name_length;
  gsize email_length = MIN (pn_tnef_get16 (behind), left - 4 - name_length);
  g_autofree char *name = pn_tnef_oem_text (self, p + 2, name_length);
  g_autofree char *email = pn_tnef_oem_text (self, behind + 2, email_length);
  return new_address (email, name);
}

/* attFrom: a head of four numbers, the last two the lengths of the name and of the address behind it. */
static PnAddress *
read_from_attribute (const PnTnef *self)
{
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, PN_ATT_FROM);
  if (!attribute || attribute->length < 8)
    return NULL;
  gsize left = attribute->length - 8, name_length = pn_tnef_get16 (attribute->data + 4),
        email_length = pn_tnef_get16 (attribute->data + 6);
  if (name_length > left)
    return NULL;
  g_autofree char *name = pn_tnef_oem_text (self, attribute->data + 8, name_length);
  g_autofree char *email
      = pn_tnef_oem_text (self, attribute->data + 8 + name_length, MIN (email_length, left - name_length));
  return new_address (email, name);
}

static void
read_people (PnTnef *self)
{
  PnMessage *message = self->message;
  if (message->from)
    return;
  PnAddress *sender
      = pn_tnef_address (self, self->properties, SENDER_SMTP, SENDER_TYPE, SENDER_EMAIL, SENDER_NAME);
  if (!sender)
    sender = read_from_attribute (self);
  message->from = pn_tnef_address (self, self->properties, REPRESENTING_SMTP, REPRESENTING_TYPE,
                                   REPRESENTING_EMAIL, REPRESENTING_NAME);
  if (!message->from)
    message->from = pn_tnef_attribute_address (self, PN_ATT_SENT_FOR);
  if (!message->from && !sender)
    message->from
        = other_address (self, self->properties, REPRESENTING_TYPE, REPRESENTING_EMAIL, REPRESENTING_NAME);
  if (!message->from && !sender)
    message->from = other_address (self, self->properties, SENDER_TYPE, SENDER_EMAIL, SENDER_NAME);
  if (!message->from) {
    message->from = sender;
  } else if (sender && !message->sender
             && g_ascii_strcasecmp (sender->internet, message->from->internet) != 0) {
    message->sender = sender;
  } else {
    pn_address_free (sender);
  }
}

static void
add_recipient (PnTnef *self, const PnTnefAttribute *attribute, const GArray *row)
{
  g_autoptr (PnAddress) address = pn_tnef_row_address (self, row);
  gint64 type = pn_mapi_number_or (pn_mapi_find (row, RECIPIENT_TYPE), 1) & 0xF;
  if (!address) {
    g_autofree char *name = pn_tnef_text (self, pn_mapi_find (row, DISPLAY_NAME));
    address = other_address (self, row, ADDRESS_TYPE, EMAIL_ADDRESS, DISPLAY_NAME);
    pn_tnef_add_loss (self, attribute, "the recipient \"%.100s\" has no Internet address%s", name ? name : "",
                      address ? "; that of another kind is kept" : "");
    if (!address)
      return;
  }
  /* the organizer's own row is no recipient */
  if (type == 0)
    return;
  pn_message_add_recipient (self->message,
                            type == 3   ? PN_BC
                            : type == 2 ? PN_CC
                                        : PN_TO,
                            g_steal_pointer (&address));
}

PnAddress *
pn_tnef_row_address (const PnTnef *self, const GArray *row)
{
  return pn_tnef_address (self, row, SMTP_ADDRESS, ADDRESS_TYPE, EMAIL_ADDRESS, DISPLAY_NAME);
}

/* Each row of the table is a block of properties. */
static void
read_rows (PnTnef *self)
{
  enum { MAX_TABLE = 100000 }; /* properties in all rows */
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, PN_ATT_RECIPIENTS);
  if (!attribute || attribute->length < 4)
    return;
  guint32 count = pn_tnef_get32 (attribute->data);
  gsize properties = 0;
  const guint8 *p = attribute->data + 4;
  gboolean whole = TRUE;
  for (guint32 i = 0; i < count && i < MAX_RECIPIENTS && whole && properties < MAX_TABLE; i++) {
    g_autoptr (GArray) row = g_array_new (FALSE, FALSE, sizeof (PnMapiProperty));
    whole = pn_tnef_read_block (self, attribute, &p, row);
    properties += row->len;
    if (row->len > 0)
      g_ptr_array_add (self->rows, g_steal_pointer (&row));
  }
  if (count > MAX_RECIPIENTS && whole)
    pn_tnef_add_loss (self, attribute, "there are more than %d recipients; the rest is left out",
                      MAX_RECIPIENTS);
}

static void
read_recipients (PnTnef *self)
{
  read_rows (self);
  if (self->message->recipients->len > 0)
    return;
  for (guint i = 0; i < self->rows->len; i++)
    add_recipient (self, pn_tnef_attribute (self, PN_ATT_RECIPIENTS), self->rows->pdata[i]);
}

/* --- header
 * ------------------------------------------------------------------------------------------------- */

char *
pn_tnef_one_line (char *text)
{
  for (guchar *p = (guchar *) text; p && *p; p++)
    if (*p < ' ')
      *p = ' ';
  return text ? g_strstrip (text) : NULL;
}

static void
read_date (PnTnef *self)
{
  gint64 date;
  if (self->message->date.set)
    return;
  if (pn_mapi_time (pn_mapi_find (self->properties, SUBMIT_TIME), &date)
      || pn_mapi_time (pn_mapi_find (self->properties, DELIVERY_TIME), &date)
      || pn_tnef_date (pn_tnef_attribute (self, PN_ATT_DATE_SENT), &date))
    self->message->date = (PnTime){ TRUE, date, 0 };
}

static void
set_time (PnTnef *self, PnTime *time, guint id)
{
  gint64 at;
  if (!time->set && pn_mapi_time (pn_mapi_find (self->properties, id), &at))
    *time = (PnTime){ TRUE, at, 0 };
}

/* What is wished for the message besides its content. */
static void
read_options (PnTnef *self)
{
  enum {
    DEFERRED = 0x000F,
    EXPIRY = 0x0015,
    DELIVERY_REPORT = 0x0023,
    READ_RECEIPT = 0x0029,
    REPLY_TIME = 0x0030
  };
  PnMessage *message = self->message;
  set_time (self, &message->distribute_date, DEFERRED);
  set_time (self, &message->expires, EXPIRY);
  set_time (self, &message->respond_by, REPLY_TIME);
  if (message->status_request != PN_STATUS_REQUEST_NONE)
    return;
  if (pn_mapi_number_or (pn_mapi_find (self->properties, READ_RECEIPT), 0))
    message->status_request |= PN_STATUS_REQUEST_OPENED;
  if (pn_mapi_number_or (pn_mapi_find (self->properties, DELIVERY_REPORT), 0))
    message->status_request |= PN_STATUS_REQUEST_DELIVERED;
}

static void
read_references (PnTnef *self)
{
  enum { REFERENCES = 0x1039 };
  g_autofree char *text = pn_tnef_one_line (pn_tnef_text (self, pn_mapi_find (self->properties, REFERENCES)));
  if (text && self->message->references->len == 0)
    pn_header_parse_ids (text, strlen (text), self->message->references);
}

static void
read_importance (PnTnef *self)
{
  const PnTnefAttribute *old = pn_tnef_attribute (self, PN_ATT_PRIORITY);
  gint64 number = -1;
  if (self->message->priority == PN_PRIORITY_NORMAL) {
    if (!pn_mapi_number (pn_mapi_find (self->properties, IMPORTANCE), &number) && old && old->length >= 2)
      number = 3 - (gint64) pn_tnef_get16 (old->data); /* 1 is the highest there */
    self->message->priority = number == 2   ? PN_PRIORITY_HIGH
                              : number == 0 ? PN_PRIORITY_LOW
                                            : PN_PRIORITY_NORMAL;
  }
  static const PnSecurity securities[]
      = { PN_SECURITY_NORMAL, PN_SECURITY_FOR_YOUR_EYES_ONLY, PN_SECURITY_SECRET, PN_SECURITY_CONFIDENTIAL };
  number = pn_mapi_number_or (pn_mapi_find (self->properties, SENSITIVITY), 0);
  if (self->message->security == PN_SECURITY_NORMAL && number > 0
      && number < (gint64) G_N_ELEMENTS (securities))
    self->message->security = securities[number];
}

/* A msg-id without its brackets, or NULL. */
static char *
read_id (PnTnef *self, guint id)
{
  g_autofree char *text = pn_tnef_one_line (pn_tnef_text (self, pn_mapi_find (self->properties, id)));
  gsize length = text ? strlen (text) : 0;
  if (length < 3 || length > 900 || text[0] != '<' || text[length - 1] != '>')
    return NULL;
  for (const char *p = text + 1; p < text + length - 1; p++)
    if ((guchar) *p <= ' ' || *p == '<' || *p == '>')
      return NULL;
  return g_strndup (text + 1, length - 2);
}

/* The mail that a stream belongs to names its key, so that a stream left behind by an earlier mail is
 * noticed. */
static void
check_correlator (PnTnef *self)
{
  const char *wanted = pn_message_get_header (self->message, "X-MS-TNEF-Correlator");
  gsize length = 0;
  const guint8 *key = pn_mapi_binary (pn_mapi_find (self->properties, CORRELATION_KEY), &length);
  if (!wanted || !*wanted || !key)
    return;
  while (length > 0 && key[length - 1] == '\0')
    length--;
  g_autofree char *trimmed = g_strstrip (g_strdup (wanted));
  if (strlen (trimmed) != length || memcmp (trimmed, key, length) != 0)
    pn_tnef_add_loss (self, NULL,
                      "its key is not the one in X-MS-TNEF-Correlator; it may belong to another message");
}

static void
read_header (PnTnef *self)
{
  PnMessage *message = self->message;
  if (!message->subject || !*message->subject) {
    char *subject = pn_tnef_text (self, pn_mapi_find (self->properties, SUBJECT));
    if (!subject)
      subject = pn_tnef_attribute_text (self, PN_ATT_SUBJECT);
    g_free (message->subject);
    message->subject = pn_tnef_one_line (subject);
  }
  if (!message->message_id)
    message->message_id = read_id (self, MESSAGE_ID);
  if (!message->in_reply_to)
    message->in_reply_to = read_id (self, IN_REPLY_TO);
  read_references (self);
  read_date (self);
  read_options (self);
  read_importance (self);
  read_people (self);
  read_recipients (self);
  check_correlator (self);
}

/* --- bodies
 * -------------------------------------------------------------------------------------------------- */

static char *
unix_lines (char *text)
{
  char *to = text;
  for (const char *from = text; from && *from; from++)
    if (*from != '\r')
      *to++ = *from;
    else if (from[1] != '\n')
      *to++ = '\n';
  if (to)
    *to = '\0';
  return text;
}

/* The body PART if there is something in it; one of blanks only is taken out. */
static gboolean
has_body (PnTnef *self, PnPartRole role)
{
  enum { MAX_BLANK = 256 };
  PnPart *part = pn_message_get_part (self->message, role);
  if (!part)
    return FALSE;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, MAX_BLANK, NULL);
  if (!bytes)
    return TRUE;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isspace (text[i]))
      return TRUE;
  g_ptr_array_remove (self->message->parts, part);
  return FALSE;
}

/* Bodies stand before everything else, the plain one first. */
static void
add_body (PnTnef *self, PnPartRole role, char *text)
{
  gsize length = strlen (text);
  if (!pn_tnef_spend (self, length)) {
    pn_tnef_add_loss (self, NULL, "the %s body is left out: all that was unpacked is too much",
                      role == PN_PART_HTML ? "HTML" : "plain");
    g_free (text);
    return;
  }
  g_autoptr (GBytes) bytes = g_bytes_new_take (text, length);
  PnPart *part
      = pn_part_new (role, role == PN_PART_HTML ? "text/html" : "text/plain", pn_content_new_bytes (bytes));
  gboolean behind = role == PN_PART_HTML && pn_message_get_part (self->message, PN_PART_TEXT);
  g_ptr_array_insert (self->message->parts, behind ? 1 : 0, part);
}

static char *
read_plain (PnTnef *self)
{
  const PnMapiProperty *property = pn_mapi_find (self->properties, BODY);
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, PN_ATT_BODY);
  if ((property && property->length > PN_TNEF_MAX_TEXT)
      || (attribute && attribute->length > PN_TNEF_MAX_TEXT))
    pn_tnef_add_loss (self, attribute, "the body is longer than %d MiB and left out", PN_TNEF_MAX_TEXT >> 20);
  char *text = pn_tnef_text (self, property);
  return unix_lines (text ? text : pn_tnef_attribute_text (self, PN_ATT_BODY));
}

static char *
read_html (PnTnef *self)
{
  const PnMapiProperty *property = pn_mapi_find (self->properties, HTML);
  gsize length;
  const guint8 *data = pn_mapi_binary (property, &length);
  if (property && property->length > PN_TNEF_MAX_TEXT) {
    pn_tnef_add_loss (self, NULL, "the HTML body is longer than %d MiB and left out", PN_TNEF_MAX_TEXT >> 20);
    return NULL;
  }
  if (!data)
    return unix_lines (pn_tnef_text (self, property));
  gint64 codepage = pn_mapi_number_or (pn_mapi_find (self->properties, INTERNET_CODEPAGE), 0);
  char name[32];
  if (codepage > 0)
    pn_codepage_name ((guint) codepage, name);
  char *text = pn_charset_decode (data, length, codepage > 0 ? name : NULL, NULL, TRUE, NULL, NULL);
  if (!*text)
    g_clear_pointer (&text, g_free);
  return unix_lines (text);
}

/* Fills what is NULL from the rich text. */
static void
read_rich (PnTnef *self, char **text, char **html)
{
  g_autoptr (GError) error = NULL;
  const char *damage;
  gsize length;
  const guint8 *data = pn_mapi_binary (pn_mapi_find (self->properties, RTF), &length);
  if (!data)
    return;
  g_autofree char *rtf
      = pn_rtf_decompress (data, length, MIN (2 * PN_TNEF_MAX_TEXT, *self->budget), &length, &damage, &error);
  if (!rtf) {
    pn_tnef_add_loss (self, NULL, "the rich text body is left out: %s", error->message);
    return;
  }
  pn_tnef_spend (self, length);
  if (damage)
    pn_tnef_add_loss (self, NULL, "the rich text body is damaged: %s", damage);
  g_autofree char *own_text = NULL, *own_html = NULL;
  if (!pn_rtf_read (rtf, length, PN_TNEF_MAX_TEXT, &own_text, &own_html))
    pn_tnef_add_loss (self, NULL, "the rich text body is longer than %d MiB and was cut",
                      PN_TNEF_MAX_TEXT >> 20);
  if (!*text && own_text && *own_text)
    *text = g_steal_pointer (&own_text);
  if (!*html && own_html && *own_html)
    *html = g_steal_pointer (&own_html);
}

static void
read_bodies (PnTnef *self)
{
  gboolean has_text = has_body (self, PN_PART_TEXT), has_html = has_body (self, PN_PART_HTML);
  char *text = has_text ? NULL : read_plain (self);
  char *html = has_html ? NULL : read_html (self);
  /* rich text cannot add to a message that has both */
  if ((!has_text && !text) || (!has_html && !html))
    read_rich (self, &text, &html);
  if (text && !has_text)
    add_body (self, PN_PART_TEXT, text);
  else
    g_free (text);
  if (html && !has_html)
    add_body (self, PN_PART_HTML, html);
  else
    g_free (html);
}

/* A choice to be made by pressing a button has no place in a mail; what can be chosen is told. */
static void
tell_votes (PnTnef *self)
{
  enum { VERBS = 0x8520, MAX_VERBS = 31, TAIL = 29, VOTE = 4 };
  gsize length;
  const guint8 *p = pn_mapi_binary (pn_mapi_find_named (self->properties, PN_SET_COMMON, VERBS), &length);
  if (!p || length < 6)
    return;
  const guint8 *end = p + length;
  guint32 count = MIN (pn_tnef_get32 (p + 2), MAX_VERBS);
  g_autoptr (GString) names = g_string_new (NULL);
  p += 6;
  for (guint32 i = 0; i < count && end - p >= 5; i++) {
    guint32 type = pn_tnef_get32 (p);
    gsize name_length = p[4];
    if ((gsize) (end - p) < 5 + name_length)
      break;
    g_autofree char *name = pn_tnef_oem_text (self, p + 5, name_length);
    p += 5 + name_length;
    /* three texts more, each behind its length, then numbers */
    for (guint text = 0; text < 3 && p < end; text++)
      p += MIN ((gsize) (end - p), (gsize) p[0] + 1);
    p += MIN ((gsize) (end - p), TAIL);
    if (type == VOTE && *name)
      g_string_append_printf (names, "%s%s", names->len ? ", " : "", name);
  }
  if (names->len > 0)
    pn_tnef_add_loss (self, NULL, "it offers buttons to answer with, which mail has not: %.300s", names->str);
}

/* --- all
 * ------------------------------------------------------------------------------------------------------ */

gboolean
pn_tnef_read_nested (PnMessage *message, GBytes *bytes, const char *site_timezone, guint depth, gsize *budget,
                     GError **error)
{
  g_auto (PnTnef) self = {
    .message = message, .bytes = bytes, .site_timezone = site_timezone, .depth = depth, .budget = budget
  };
  if (!pn_tnef_open (&self, error))
    return FALSE;
  g_autofree char *message_class = pn_tnef_class (&self);
  guint consumed = 0;
  read_header (&self);
  read_bodies (&self);
  pn_tnef_read_calendar (&self, message_class, &consumed);
  pn_tnef_read_report (&self, message_class);
  pn_tnef_read_contact (&self, message_class);
  tell_votes (&self);
  pn_tnef_read_attachments (&self, consumed);
  return TRUE;
}

gboolean
pn_tnef_read (PnMessage *message, GBytes *tnef, const char *site_timezone, GError **error)
{
  gsize budget = MAX_DECODED;
  return pn_tnef_read_nested (message, tnef, site_timezone, 0, &budget, error);
}
