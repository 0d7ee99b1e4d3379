#include "convert/tnef-private.h"

#include "convert/charset.h"
#include "convert/rtf.h"

#include <string.h>

const PnMapiProperty *
pn_mapi_find (const GArray *properties, guint id)
{
  for (guint i = 0; i < properties->len; i++) {
    const PnMapiProperty *property = &g_array_index (properties, PnMapiProperty, i);
    if (property->id == id && property->set == PN_SET_NONE)
      return property;
  }
  return NULL;
}

const PnMapiProperty *
pn_mapi_find_named (const GArray *properties, PnMapiSet set, guint32 name)
{
  for (guint i = 0; i < properties->len; i++) {
    const PnMapiProperty *property = &g_array_index (properties, PnMapiProperty, i);
    if (property->set == set && property->name == name)
      return property;
  }
  return NULL;
}

char *
pn_tnef_oem_text (const PnTnef *self, const guint8 *data, gsize length)
{
  char name[32];
  const guint8 *end = length > 0 ? memchr (data, '\0', length) : NULL;
  pn_codepage_name (self->codepage, name);
  return pn_charset_decode (data, end ? (gsize) (end - data) : length, name, NULL, FALSE, NULL, NULL);
}

static char *
wide_text (const guint8 *data, gsize length)
{
  gsize n = 0;
  while (n + 1 < length && (data[n] || data[n + 1]))
    n += 2;
  return pn_charset_decode (data, n, "utf-16le", NULL, FALSE, NULL, NULL);
}

char *
pn_tnef_text (const PnTnef *self, const PnMapiProperty *property)
{
  char *text = NULL;
  if (!property || property->length > PN_TNEF_MAX_TEXT)
    return NULL;
  if (property->type == PN_MAPI_UNICODE)
    text = wide_text (property->value, property->length);
  else if (property->type == PN_MAPI_STRING8)
    text = pn_tnef_oem_text (self, property->value, property->length);
  if (text && !*text)
    g_clear_pointer (&text, g_free);
  return text;
}

char *
pn_tnef_texts (const PnTnef *self, const PnMapiProperty *property, const char *separator)
{
  enum { MAX_VALUES = 200 };
  if (!property || (property->type != PN_MAPI_UNICODE && property->type != PN_MAPI_STRING8))
    return NULL;
  g_autoptr (GString) all = g_string_new (NULL);
  PnMapiProperty one = *property;
  const guint8 *p = property->rest;
  for (guint32 i = 0; i < MIN (property->count, MAX_VALUES); i++) {
    if (i > 0) {
      /* the reader has passed them all, so they are there */
      one.length = pn_tnef_get32 (p);
      one.value = p + 4;
      p += 4 + (one.length + 3) / 4 * 4;
    }
    g_autofree char *text = pn_tnef_text (self, &one);
    if (text)
      g_string_append_printf (all, "%s%s", all->len ? separator : "", text);
  }
  return all->len ? g_string_free (g_steal_pointer (&all), FALSE) : NULL;
}

char *
pn_tnef_attribute_text (const PnTnef *self, PnTnefId id)
{
  const PnTnefAttribute *attribute = pn_tnef_attribute (self, id);
  if (!attribute || attribute->length > PN_TNEF_MAX_TEXT)
    return NULL;
  char *text = pn_tnef_oem_text (self, attribute->data, attribute->length);
  if (!*text)
    g_clear_pointer (&text, g_free);
  return text;
}

gboolean
pn_mapi_number (const PnMapiProperty *property, gint64 *number)
{
  if (!property)
    return FALSE;
  switch (property->type) {
  case PN_MAPI_BOOLEAN:
    *number = pn_tnef_get16 (property->value) != 0;
    return TRUE;
  case PN_MAPI_SHORT:
    *number = (gint16) pn_tnef_get16 (property->value);
    return TRUE;
  case PN_MAPI_LONG:
    *number = (gint32) pn_tnef_get32 (property->value);
    return TRUE;
  case PN_MAPI_INT64:
    *number = (gint64) pn_tnef_get64 (property->value);
    return TRUE;
  default:
    return FALSE;
  }
}

gint64
pn_mapi_number_or (const PnMapiProperty *property, gint64 fallback)
{
  gint64 number;
  return pn_mapi_number (property, &number) ? number : fallback;
}

gboolean
pn_mapi_time (const PnMapiProperty *property, gint64 *unix_time)
{
  /* 1601 to 1970, and the year from which on it means "none" (4501 is written) */
  const guint64 epoch = 11644473600u, none = epoch + 79830000000u;
  if (!property || property->type != PN_MAPI_TIME)
    return FALSE;
  guint64 seconds = pn_tnef_get64 (property->value) / 10000000u;
  if (seconds == 0 || seconds >= none)
    return FALSE;
  *unix_time = (gint64) seconds - (gint64) epoch;
  return TRUE;
}

const guint8 *
pn_mapi_binary (const PnMapiProperty *property, gsize *length)
{
  if (!property || (property->type != PN_MAPI_BINARY && property->type != PN_MAPI_OBJECT))
    return NULL;
  *length = property->length;
  return property->value;
}

gboolean
pn_tnef_date (const PnTnefAttribute *attribute, gint64 *unix_time)
{
  if (!attribute || attribute->length < 12)
    return FALSE;
  const guint8 *p = attribute->data;
  g_autoptr (GDateTime) date = g_date_time_new_utc (
      (gint) pn_tnef_get16 (p), (gint) pn_tnef_get16 (p + 2), (gint) pn_tnef_get16 (p + 4),
      (gint) pn_tnef_get16 (p + 6), (gint) pn_tnef_get16 (p + 8), pn_tnef_get16 (p + 10));
  if (!date)
    return FALSE;
  *unix_time = g_date_time_to_unix (date);
  return TRUE;
}
