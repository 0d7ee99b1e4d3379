#include "convert/tnef-private.h"

#include "convert/charset.h"
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

char *
pn_tnef_class (const PnTnef *self)
{
  enum { MESSAGE_CLASS = 0x001A };
  char *name = pn_tnef_attribute_text (self, PN_ATT_CLASS);
  if (!name)
    name = pn_tnef_text (self, pn_mapi_find (self->properties, MESSAGE_CLASS));
  return name ? name : g_strdup ("");
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
read_recipient (PnTnef *self, const PnTnefAttribute *attribute, const GArray *row)
{
  g_autoptr (PnAddress) address
      = pn_tnef_address (self, row, SMTP_ADDRESS, ADDRESS_TYPE, EMAIL_ADDRESS, DISPLAY_NAME);
  gint64 type = pn_mapi_number_or (pn_mapi_find (row, RECIPIENT_TYPE), 1) & 0xF;
  if (!address) {
    g_autofree char *name = pn_tnef_text (self, pn_mapi_find (row, DISPLAY_NAME));
    pn_tnef_add_loss (self, attribute, "the recipient \"%.100s\" has no Internet address", name ? name : "");
    return;
  }
  pn_message_add_recipient (self->message,
                            type == 3   ? PN_BC
                            : type == 2 ? PN_CC
                                        : PN_TO,
                            g_steal_pointer (&address));
}

/* Each row of the table is a block of properties. */
static void
read_recipients (PnTnef *self)
{
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, PN_ATT_RECIPIENTS);
  if (self->message->recipients->len > 0 || !attribute || attribute->length < 4)
    return;
  guint32 count = pn_tnef_get32 (attribute->data);
  const guint8 *p = attribute->data + 4;
  g_autoptr (GArray) row = g_array_new (FALSE, FALSE, sizeof (PnMapiProperty));
  for (guint32 i = 0; i < count && i < MAX_RECIPIENTS; i++) {
    g_array_set_size (row, 0);
    gboolean whole = pn_tnef_read_block (self, attribute, &p, row);
    if (row->len > 0)
      read_recipient (self, attribute, row);
    if (!whole)
      return;
  }
  if (count > MAX_RECIPIENTS)
    pn_tnef_add_loss (self, attribute, "there are more than %d recipients; the rest is left out",
                      MAX_RECIPIENTS);
}

/* --- header
 * ------------------------------------------------------------------------------------------------- */

static char *
one_line (char *text)
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
  g_autofree char *text = one_line (pn_tnef_text (self, pn_mapi_find (self->properties, id)));
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
    message->subject = one_line (subject);
  }
  if (!message->message_id)
    message->message_id = read_id (self, MESSAGE_ID);
  if (!message->in_reply_to)
    message->in_reply_to = read_id (self, IN_REPLY_TO);
  read_date (self);
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
  pn_tnef_read_attachments (&self, consumed);
  return TRUE;
}

gboolean
pn_tnef_read (PnMessage *message, GBytes *tnef, const char *site_timezone, GError **error)
{
  gsize budget = MAX_DECODED;
  return pn_tnef_read_nested (message, tnef, site_timezone, 0, &budget, error);
}
