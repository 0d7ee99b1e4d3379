#include "convert/tnef-private.h"

#include <string.h>

#define SIGNATURE 0x223E9F78u

enum {
  STREAM_HEADER = 6,    /* signature and key */
  ATTRIBUTE_HEADER = 9, /* level, id, length */
  MAX_ATTRIBUTES = 20000,
  MAX_PROPERTIES = 10000,
  MAX_LOSSES = 50
};

typedef enum { AT_MESSAGE = 1, AT_ATTACHMENT = 2 } Level;

static const struct {
  PnTnefId id;
  guint16 type;
  Level level;
  const char *name;
} known[] = {
  { PN_ATT_OWNER, 6, AT_MESSAGE, "attOwner" },
  { PN_ATT_SENT_FOR, 6, AT_MESSAGE, "attSentFor" },
  { PN_ATT_DELEGATE, 6, AT_MESSAGE, "attDelegate" },
  { PN_ATT_DATE_START, 3, AT_MESSAGE, "attDateStart" },
  { PN_ATT_DATE_END, 3, AT_MESSAGE, "attDateEnd" },
  { PN_ATT_AID_OWNER, 5, AT_MESSAGE, "attAidOwner" },
  { PN_ATT_REQUEST_RES, 4, AT_MESSAGE, "attRequestRes" },
  { PN_ATT_ORIGINAL_CLASS, 7, AT_MESSAGE, "attOriginalMessageClass" },
  { PN_ATT_FROM, 0, AT_MESSAGE, "attFrom" },
  { PN_ATT_SUBJECT, 1, AT_MESSAGE, "attSubject" },
  { PN_ATT_DATE_SENT, 3, AT_MESSAGE, "attDateSent" },
  { PN_ATT_DATE_RECEIVED, 3, AT_MESSAGE, "attDateRecd" },
  { PN_ATT_STATUS, 6, AT_MESSAGE, "attMessageStatus" },
  { PN_ATT_CLASS, 7, AT_MESSAGE, "attMessageClass" },
  { PN_ATT_MESSAGE_ID, 1, AT_MESSAGE, "attMessageID" },
  { PN_ATT_PARENT_ID, 1, AT_MESSAGE, "attParentID" },
  { PN_ATT_CONVERSATION_ID, 1, AT_MESSAGE, "attConversationID" },
  { PN_ATT_BODY, 2, AT_MESSAGE, "attBody" },
  { PN_ATT_PRIORITY, 4, AT_MESSAGE, "attPriority" },
  { PN_ATT_ATTACH_DATA, 6, AT_ATTACHMENT, "attAttachData" },
  { PN_ATT_ATTACH_TITLE, 1, AT_ATTACHMENT, "attAttachTitle" },
  { PN_ATT_ATTACH_METAFILE, 6, AT_ATTACHMENT, "attAttachMetaFile" },
  { PN_ATT_ATTACH_CREATED, 3, AT_ATTACHMENT, "attAttachCreateDate" },
  { PN_ATT_ATTACH_MODIFIED, 3, AT_ATTACHMENT, "attAttachModifyDate" },
  { PN_ATT_DATE_MODIFIED, 3, AT_MESSAGE, "attDateModified" },
  { PN_ATT_ATTACH_TRANSPORT_NAME, 6, AT_ATTACHMENT, "attAttachTransportFilename" },
  { PN_ATT_ATTACH_RENDER, 6, AT_ATTACHMENT, "attAttachRendData" },
  { PN_ATT_PROPERTIES, 6, AT_MESSAGE, "attMAPIProps" },
  { PN_ATT_RECIPIENTS, 6, AT_MESSAGE, "attRecipTable" },
  { PN_ATT_ATTACHMENT, 6, AT_ATTACHMENT, "attAttachment" },
  { PN_ATT_VERSION, 8, AT_MESSAGE, "attTnefVersion" },
  { PN_ATT_CODEPAGE, 6, AT_MESSAGE, "attOemCodepage" },
};

guint32
pn_tnef_get16 (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8;
}

guint32
pn_tnef_get32 (const guint8 *p)
{
  return pn_tnef_get16 (p) | pn_tnef_get16 (p + 2) << 16;
}

guint64
pn_tnef_get64 (const guint8 *p)
{
  return pn_tnef_get32 (p) | (guint64) pn_tnef_get32 (p + 4) << 32;
}

gboolean
pn_tnef_is (const guint8 *data, gsize length)
{
  return length >= STREAM_HEADER && pn_tnef_get32 (data) == SIGNATURE;
}

static gint
find_known (guint16 id)
{
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (known[i].id == id)
      return (gint) i;
  return -1;
}

void
pn_tnef_add_loss (PnTnef *self, const PnTnefAttribute *attribute, const char *format, ...)
{
  va_list arguments;
  if (self->n_losses++ >= MAX_LOSSES) {
    if (self->n_losses == MAX_LOSSES + 1)
      pn_message_add_loss (self->message, "TNEF", "there is more that is damaged and is not named");
    return;
  }
  gint index = attribute ? find_known (attribute->id) : -1;
  g_autofree char *where
      = !attribute ? g_strdup ("TNEF")
        : index < 0
            ? g_strdup_printf ("TNEF attribute 0x%04x at %" G_GSIZE_FORMAT, attribute->id, attribute->offset)
            : g_strdup_printf ("TNEF %s at %" G_GSIZE_FORMAT, known[index].name, attribute->offset);
  va_start (arguments, format);
  g_autofree char *reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  pn_message_add_loss (self->message, where, "%s", reason);
}

const PnTnefAttribute *
pn_tnef_attribute (const PnTnef *self, PnTnefId id)
{
  for (guint i = 0; i < self->attributes->len; i++)
    if (g_array_index (self->attributes, PnTnefAttribute, i).id == id)
      return &g_array_index (self->attributes, PnTnefAttribute, i);
  return NULL;
}

/* --- attributes ------------------------------------------------------------------------------------------
 */

/* Whether an attribute that is known begins at P. */
static gboolean
is_header (const guint8 *p, gsize left)
{
  if (left < ATTRIBUTE_HEADER || (p[0] != AT_MESSAGE && p[0] != AT_ATTACHMENT))
    return FALSE;
  gint index = find_known ((guint16) pn_tnef_get16 (p + 1));
  return index >= 0 && pn_tnef_get16 (p + 3) == known[index].type;
}

/* Where the first one begins from AT on and before END, else END. */
static gsize
find_header (const PnTnef *self, gsize at, gsize end)
{
  while (at < end && !is_header (self->data + at, self->size - at))
    at++;
  return at;
}

static guint16
sum_of (const guint8 *data, gsize length)
{
  guint sum = 0;
  for (gsize i = 0; i < length; i++)
    sum += data[i];
  return (guint16) sum;
}

/* One in which whole streams may lie: of a stream that was cut off they are not the rest. */
static gboolean
is_blob (guint16 id)
{
  return id == PN_ATT_ATTACH_DATA || id == PN_ATT_ATTACHMENT || id == PN_ATT_PROPERTIES;
}

/* Reads the attribute at AT and returns where the next one begins.  *CHECKED counts the bytes summed up, so
 * that lengths that lie cannot make it slow. */
static gsize
read_attribute (PnTnef *self, gsize at, gsize *checked)
{
  const guint8 *p = self->data + at;
  gsize stated = pn_tnef_get32 (p + 5), left = self->size - at - ATTRIBUTE_HEADER;
  PnTnefAttribute attribute
      = { (guint16) pn_tnef_get16 (p + 1), at, p + ATTRIBUTE_HEADER, MIN (stated, left) };
  gsize end = at + ATTRIBUTE_HEADER + attribute.length;
  gint index = find_known (attribute.id);
  gboolean wrong = FALSE;

  if (stated > left) {
    pn_tnef_add_loss (self, &attribute,
                      "it is cut off: of %" G_GSIZE_FORMAT " bytes %" G_GSIZE_FORMAT " are there", stated,
                      left);
  } else if (self->size - end < 2) {
    pn_tnef_add_loss (self, &attribute, "its checksum is missing");
    end = self->size;
  } else if (*checked < 4 * self->size) {
    *checked += attribute.length;
    wrong = sum_of (attribute.data, attribute.length) != pn_tnef_get16 (self->data + end);
    end += 2;
  } else {
    end += 2;
  }
  if (wrong || stated > left) {
    /* A length that lies: the next attribute lies within what it seems to span. */
    gboolean followed = stated > left ? is_blob (attribute.id)
                                      : end == self->size || is_header (self->data + end, self->size - end);
    gsize next = followed ? end : find_header (self, at + ATTRIBUTE_HEADER, end);
    if (next < end) {
      attribute.length = next - at - ATTRIBUTE_HEADER;
      attribute.length -= MIN (attribute.length, 2);
      end = next;
      pn_tnef_add_loss (self, &attribute,
                        "its length is wrong; it was taken to end where the next one begins");
    } else if (wrong && attribute.id != PN_ATT_CLASS && attribute.id != PN_ATT_ORIGINAL_CLASS) {
      /* of the class old programs wrote wrong ones (MS-OXTNEF 2.3.3.4) */
      pn_tnef_add_loss (self, &attribute, "its checksum is wrong; it was used nevertheless");
    }
  }
  if (index >= 0 && known[index].level != p[0])
    pn_tnef_add_loss (self, &attribute, "it stands at the wrong level");
  if (index >= 0)
    g_array_append_val (self->attributes, attribute);
  return end;
}

static void
read_attributes (PnTnef *self)
{
  gsize checked = 0;
  for (gsize at = STREAM_HEADER; at < self->size;) {
    const guint8 *p = self->data + at;
    PnTnefAttribute here = { 0xFFFF, at, p, 0 };
    if (self->attributes->len >= MAX_ATTRIBUTES) {
      pn_tnef_add_loss (self, &here, "there are more than %d; the rest is left out", MAX_ATTRIBUTES);
      return;
    }
    if (self->size - at >= ATTRIBUTE_HEADER && (p[0] == AT_MESSAGE || p[0] == AT_ATTACHMENT)) {
      at = read_attribute (self, at, &checked);
      continue;
    }
    gsize next = find_header (self, at, self->size);
    pn_tnef_add_loss (self, &here, "%" G_GSIZE_FORMAT " bytes are no attribute and were skipped", next - at);
    at = next;
  }
}

/* --- properties --------------------------------------------------------------------------------------------
 */

typedef struct {
  const guint8 *p, *end;
} Cursor;

static const guint8 *
take (Cursor *self, gsize n)
{
  const guint8 *p = self->p;
  if ((gsize) (self->end - p) < n)
    return NULL;
  self->p += n;
  return p;
}

/* N bytes and what fills them up to a multiple of four; the filling may be missing at the end. */
static const guint8 *
take_padded (Cursor *self, gsize n)
{
  const guint8 *p = take (self, n);
  gsize padding = (4 - n % 4) % 4;
  if (p)
    self->p += MIN (padding, (gsize) (self->end - self->p));
  return p;
}

/* Bytes of a value; G_MAXSIZE if it states its length itself, 1 for what no property can be. */
static gsize
size_of_type (guint type)
{
  switch (type) {
  case 0x0000:
  case 0x0001:
    return 0;
  case PN_MAPI_SHORT:
  case PN_MAPI_BOOLEAN:
    return 2;
  case PN_MAPI_LONG:
  case PN_MAPI_FLOAT:
  case 0x000A:
    return 4;
  case PN_MAPI_DOUBLE:
  case 0x0006:
  case 0x0007:
  case PN_MAPI_INT64:
  case PN_MAPI_TIME:
    return 8;
  case 0x0048:
    return 16;
  case PN_MAPI_OBJECT:
  case PN_MAPI_STRING8:
  case PN_MAPI_UNICODE:
  case PN_MAPI_BINARY:
    return G_MAXSIZE;
  default:
    return 1;
  }
}

static PnMapiSet
find_set (const guint8 *guid)
{
  /* {0006200x-0000-0000-C000-000000000046} */
  static const guint8 tail[] = { 0x20, 0x06, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46 };
  /* {6ED8DA90-450B-101B-98DA-00AA003F1305} */
  static const guint8 meeting[]
      = { 0x90, 0xDA, 0xD8, 0x6E, 0x0B, 0x45, 0x1B, 0x10, 0x98, 0xDA, 0x00, 0xAA, 0x00, 0x3F, 0x13, 0x05 };
  /* {00020329-0000-0000-C000-000000000046} */
  static const guint8 strings[] = { 0x29, 0x03, 0x02, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46 };
  if (memcmp (guid, meeting, sizeof meeting) == 0)
    return PN_SET_MEETING;
  if (memcmp (guid, strings, sizeof strings) == 0)
    return PN_SET_STRINGS;
  if (memcmp (guid + 1, tail, sizeof tail) != 0)
    return PN_SET_OTHER;
  return guid[0] == 0x02   ? PN_SET_APPOINTMENT
         : guid[0] == 0x03 ? PN_SET_TASK
         : guid[0] == 0x04 ? PN_SET_ADDRESS
         : guid[0] == 0x0A ? PN_SET_LOG
         : guid[0] == 0x08 ? PN_SET_COMMON
                           : PN_SET_OTHER;
}

static guint32
hash_of (const guint8 *name, gsize length)
{
  guint32 hash = 5381;
  for (gsize i = 0; i + 1 < length && (name[i] || name[i + 1]); i += 2)
    hash = hash * 33 + (guint32) g_ascii_tolower ((char) name[i]) + 256u * name[i + 1];
  return hash;
}

guint32
pn_mapi_name_hash (const char *name)
{
  guint32 hash = 5381;
  for (; *name; name++)
    hash = hash * 33 + (guint32) g_ascii_tolower (*name);
  return hash;
}

static gboolean
read_name (Cursor *cursor, PnMapiProperty *property)
{
  const guint8 *guid = take (cursor, 16), *kind = guid ? take (cursor, 4) : NULL,
               *number = kind ? take (cursor, 4) : NULL;
  if (!number)
    return FALSE;
  property->set = find_set (guid);
  property->name = pn_tnef_get32 (number);
  if (pn_tnef_get32 (kind) == 0)
    return TRUE;
  const guint8 *name = take_padded (cursor, property->name);
  if (!name)
    return FALSE;
  /* Words and numbers do not meet: a word counts only in the set of words. */
  property->set = property->set == PN_SET_STRINGS ? PN_SET_STRINGS : PN_SET_OTHER;
  property->name = hash_of (name, property->name);
  return TRUE;
}

/* All values are passed, the first is kept. */
static gboolean
read_values (Cursor *cursor, PnMapiProperty *property, gboolean several)
{
  gsize size = size_of_type (property->type);
  guint32 count = 1;
  if (size == 1)
    return FALSE;
  if (several || size == G_MAXSIZE) {
    const guint8 *p = take (cursor, 4);
    if (!p)
      return FALSE;
    count = pn_tnef_get32 (p);
    /* every value has four bytes at least */
    if (count > (gsize) (cursor->end - cursor->p) / 4)
      return FALSE;
  }
  for (guint32 i = 0; i < count; i++) {
    gsize length = size;
    if (size == G_MAXSIZE) {
      const guint8 *p = take (cursor, 4);
      if (!p)
        return FALSE;
      length = pn_tnef_get32 (p);
    }
    const guint8 *value = take_padded (cursor, length);
    if (!value)
      return FALSE;
    if (i == 0) {
      property->value = value;
      property->length = length;
      property->count = count;
      property->rest = cursor->p;
    }
  }
  return TRUE;
}

static gboolean
read_property (Cursor *cursor, PnMapiProperty *property)
{
  const guint8 *tag = take (cursor, 4);
  if (!tag)
    return FALSE;
  guint type = pn_tnef_get16 (tag);
  *property
      = (PnMapiProperty){ .id = (guint16) pn_tnef_get16 (tag + 2), .type = (guint16) (type & ~0x3000u) };
  if (property->id >= 0x8000 && !read_name (cursor, property))
    return FALSE;
  return read_values (cursor, property, (type & 0x1000) != 0);
}

gboolean
pn_tnef_read_block (PnTnef *self, const PnTnefAttribute *attribute, const guint8 **p, GArray *properties)
{
  Cursor cursor = { *p, attribute->data + attribute->length };
  const guint8 *head = take (&cursor, 4);
  guint32 count = head ? pn_tnef_get32 (head) : 0;
  gboolean whole = head != NULL;
  guint32 i = 0;
  for (; i < count && whole; i++) {
    PnMapiProperty property;
    gsize at = (gsize) (cursor.p - attribute->data);
    whole = read_property (&cursor, &property);
    if (!whole)
      pn_tnef_add_loss (self, attribute,
                        "the property at %" G_GSIZE_FORMAT " in it cannot be read; %u of %u could", at, i,
                        count);
    else if (properties->len >= MAX_PROPERTIES)
      whole = FALSE;
    else if (property.value)
      g_array_append_val (properties, property);
  }
  if (properties->len >= MAX_PROPERTIES)
    pn_tnef_add_loss (self, attribute, "more than %d properties; the rest is left out", MAX_PROPERTIES);
  *p = cursor.p;
  return whole;
}

/* --- all -------------------------------------------------------------------------------------------------
 */

static void
read_message_properties (PnTnef *self)
{
  for (guint i = 0; i < self->attributes->len && self->properties->len < MAX_PROPERTIES; i++) {
    const PnTnefAttribute *attribute = &g_array_index (self->attributes, PnTnefAttribute, i);
    const guint8 *p = attribute->data;
    if (attribute->id == PN_ATT_PROPERTIES)
      pn_tnef_read_block (self, attribute, &p, self->properties);
  }
}

/* The code page that old attributes and 8-bit strings are in. */
static guint
find_codepage (const PnTnef *self)
{
  enum { MESSAGE_CODEPAGE = 0x3FFD, INTERNET_CODEPAGE = 0x3FDE };
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, PN_ATT_CODEPAGE);
  gint64 number = attribute && attribute->length >= 4 ? pn_tnef_get32 (attribute->data) : 0;
  if (number == 0 && !pn_mapi_number (pn_mapi_find (self->properties, MESSAGE_CODEPAGE), &number))
    pn_mapi_number (pn_mapi_find (self->properties, INTERNET_CODEPAGE), &number);
  return number > 0 && number <= 65535 ? (guint) number : 1252;
}

gboolean
pn_tnef_open (PnTnef *self, GError **error)
{
  self->data = g_bytes_get_data (self->bytes, &self->size);
  self->attributes = g_array_new (FALSE, FALSE, sizeof (PnTnefAttribute));
  self->properties = g_array_new (FALSE, FALSE, sizeof (PnMapiProperty));
  self->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  if (!pn_tnef_is (self->data, self->size)) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX,
                 "it does not begin with the signature of TNEF");
    return FALSE;
  }
  read_attributes (self);
  if (self->attributes->len == 0) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "no attribute of it can be read");
    return FALSE;
  }
  read_message_properties (self);
  self->codepage = find_codepage (self);
  return TRUE;
}

void
pn_tnef_clear (PnTnef *self)
{
  g_clear_pointer (&self->attributes, g_array_unref);
  g_clear_pointer (&self->properties, g_array_unref);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
}
