#include "convert/mime-cms.h"

#include <string.h>

/* Just as much of BER as leads to the content (RFC 5652 5.1):
 *
 *   ContentInfo ::= SEQUENCE { contentType OID signedData, content [0] EXPLICIT SignedData }
 *   SignedData ::= SEQUENCE { version, digestAlgorithms, encapContentInfo, ... }
 *   EncapsulatedContentInfo ::= SEQUENCE { eContentType OID, eContent [0] EXPLICIT OCTET STRING OPTIONAL } */

enum {
  TAG_OCTETS = 0x04,
  TAG_OID = 0x06,
  TAG_SEQUENCE = 0x30,
  TAG_CONTEXT_0 = 0xA0,
  CONSTRUCTED = 0x20,
  MAX_DEPTH = 16
};

typedef struct {
  const guint8 *p, *end;
} Cursor;

typedef struct {
  guint8 tag;
  gboolean indefinite;
  Cursor content; /* up to the end of the outer element, if the length is indefinite */
} Element;

/* Steps over a tag and a length; CURSOR then stands behind the whole element, if its length is definite. */
static gboolean
read_element (Cursor *cursor, Element *element)
{
  const guint8 *p = cursor->p, *end = cursor->end;
  gsize length = 0;

  if (end - p < 2 || (p[0] & 0x1F) == 0x1F)
    return FALSE;
  element->tag = *p++;
  element->indefinite = *p == 0x80;
  if (*p < 0x80) {
    length = *p++;
  } else {
    guint n = *p++ & 0x7F;
    if (n > 6 || (gsize) (end - p) < n)
      return FALSE;
    for (; n > 0; n--)
      length = length << 8 | *p++;
  }
  if (length > (gsize) (end - p))
    return FALSE;
  element->content = (Cursor){ p, element->indefinite ? end : p + length };
  cursor->p = element->indefinite ? p : p + length;
  return TRUE;
}

static gboolean
enter (Cursor *cursor, guint8 tag)
{
  Element element;

  if (!read_element (cursor, &element) || element.tag != tag)
    return FALSE;
  *cursor = element.content;
  return TRUE;
}

/* Steps over an element, whatever is in it. */
static gboolean
skip (Cursor *cursor, guint depth)
{
  Element element;

  if (depth == MAX_DEPTH || !read_element (cursor, &element))
    return FALSE;
  while (element.indefinite) {
    if (cursor->end - cursor->p >= 2 && cursor->p[0] == 0 && cursor->p[1] == 0) {
      cursor->p += 2;
      break;
    }
    if (!skip (cursor, depth + 1))
      return FALSE;
  }
  return TRUE;
}

/* An octet string, which BER allows to be cut into others. */
static gboolean
collect (Cursor *cursor, GByteArray *out, guint depth)
{
  Element element;

  if (depth == MAX_DEPTH || !read_element (cursor, &element) || (element.tag & ~CONSTRUCTED) != TAG_OCTETS)
    return FALSE;
  if (!(element.tag & CONSTRUCTED)) {
    if (element.indefinite)
      return FALSE;
    g_byte_array_append (out, element.content.p, (guint) (element.content.end - element.content.p));
    return TRUE;
  }
  Cursor inner = element.content;
  while (inner.p < inner.end) {
    if (element.indefinite && inner.end - inner.p >= 2 && inner.p[0] == 0 && inner.p[1] == 0) {
      inner.p += 2;
      break;
    }
    if (!collect (&inner, out, depth + 1))
      return FALSE;
  }
  if (element.indefinite)
    cursor->p = inner.p;
  return TRUE;
}

static gboolean
enter_oid (Cursor *cursor, const guint8 *oid, gsize length)
{
  Element element;

  return read_element (cursor, &element) && element.tag == TAG_OID
         && (gsize) (element.content.end - element.content.p) == length
         && memcmp (element.content.p, oid, length) == 0;
}

GBytes *
pn_cms_read_signed (const guint8 *data, gsize length)
{
  static const guint8 signed_data[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02 };
  static const guint8 plain_data[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01 };
  Cursor cursor = { data, length > 0 ? data + length : data };
  g_autoptr (GByteArray) out = g_byte_array_new ();

  if (!enter (&cursor, TAG_SEQUENCE) || !enter_oid (&cursor, signed_data, sizeof signed_data)
      || !enter (&cursor, TAG_CONTEXT_0) || !enter (&cursor, TAG_SEQUENCE) || !skip (&cursor, 0)
      || !skip (&cursor, 0) || !enter (&cursor, TAG_SEQUENCE)
      || !enter_oid (&cursor, plain_data, sizeof plain_data) || !enter (&cursor, TAG_CONTEXT_0)
      || !collect (&cursor, out, 0))
    return NULL;
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}
