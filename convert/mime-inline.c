/* Which files the HTML body shows, and which are beside it. */
#include "convert/mime-reader.h"

#include <string.h>

enum { MAX_REFERENCE = 2048, MAX_RESOLVED = 10000 };

static gsize
reference_length (const char *p, char quote)
{
  gsize n = 0;

  while (n < MAX_REFERENCE && p[n] != '\0' && p[n] != '>' && p[n] != '<'
         && (quote != '\0' ? p[n] != quote : !g_ascii_isspace (p[n]) && strchr ("\"')&", p[n]) == NULL))
    n++;
  return n;
}

static char *
unescape_reference (const char *p, gsize length)
{
  GString *out = g_string_sized_new (length);

  for (gsize i = 0; i < length; i++) {
    if (p[i] == '%' && i + 2 < length && g_ascii_isxdigit (p[i + 1]) && g_ascii_isxdigit (p[i + 2])) {
      g_string_append_c (out,
                         (char) (g_ascii_xdigit_value (p[i + 1]) << 4 | g_ascii_xdigit_value (p[i + 2])));
      i += 2;
    } else if (p[i] == '&' && i + 4 < length && strncmp (p + i, "&amp;", 5) == 0) {
      g_string_append_c (out, '&');
      i += 4;
    } else {
      g_string_append_c (out, p[i]);
    }
  }
  return g_string_free (out, FALSE);
}

/* What HTML refers to, and where relative references count from. */
typedef struct {
  GHashTable *wanted; /* id or location to PnPart, not owned */
  char *base;         /* an absolute location, or NULL */
  gboolean locations;
  guint resolved;
} References;

static char *
resolve (const char *base, const char *location)
{
  return base != NULL ? g_uri_resolve_relative (base, location, G_URI_FLAGS_PARSE_RELAXED, NULL) : NULL;
}

static void
mark_reference (References *self, const char *start, gsize length)
{
  char plain[MAX_REFERENCE + 1];

  memcpy (plain, start, length);
  plain[length] = '\0';
  PnPart *part = g_hash_table_lookup (self->wanted, plain);
  if (part == NULL && strpbrk (plain, "%&") != NULL) {
    g_autofree char *unescaped = unescape_reference (start, length);
    part = g_hash_table_lookup (self->wanted, unescaped);
  }
  if (part == NULL && self->locations && self->base != NULL && strchr (plain, '.') != NULL
      && self->resolved++ < MAX_RESOLVED) {
    g_autofree char *absolute = resolve (self->base, plain);
    part = absolute != NULL ? g_hash_table_lookup (self->wanted, absolute) : NULL;
  }
  if (part != NULL)
    part->role = PN_PART_INLINE;
}

/* Marks every part that HTML refers to: "cid:" wherever it stands, as clients find it, and locations as
 * values of attributes and in "url()". */
static void
mark_references (const char *html, References *self)
{
  /* What a page of nothing but '=' may cost; a real one needs a fraction of it. */
  gsize budget = 4 * strlen (html) + MAX_REFERENCE;
  const char *stops = self->locations ? "=(:" : ":";

  for (const char *p = html; (p = strpbrk (p, stops)) != NULL; p++) {
    const char *start = p + 1;
    char quote = '\0';
    if (*p == ':') {
      if (p - html < 3 || g_ascii_strncasecmp (p - 3, "cid", 3) != 0)
        continue;
    } else {
      while (*start == ' ')
        start++;
      if (*start == '"' || *start == '\'')
        quote = *start++;
    }
    gsize length = reference_length (start, quote);
    if (length >= budget)
      return;
    budget -= length;
    if (length > 0)
      mark_reference (self, start, length);
  }
}

/* The absolute location that an entity or what is around it says (RFC 2557 4); the nearest Content-Base
 * before a Content-Location. */
static char *
find_base (PnMimeReader *self, guint index)
{
  static const PnMimeFieldName names[] = { PN_MIME_CONTENT_BASE, PN_MIME_CONTENT_LOCATION };

  for (guint depth = 0; depth < 16; depth++) {
    const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
      const PnMimeRawField *field = &entity->fields[names[i]];
      g_autofree char *value
          = field->value != NULL ? pn_header_decode (field->value, field->length, &self->context) : NULL;
      if (value != NULL && strstr (value, "://") != NULL)
        return g_steal_pointer (&value);
    }
    if (index == 0)
      break;
    index = entity->parent;
  }
  return NULL;
}

static void
want_location (PnMimeReader *self, References *references, guint index, PnPart *part)
{
  g_autofree char *base = strstr (part->content_location, "://") == NULL ? find_base (self, index) : NULL;
  char *absolute = resolve (base, part->content_location);

  references->locations = TRUE;
  g_hash_table_insert (references->wanted, g_strdup (part->content_location), part);
  if (absolute != NULL)
    g_hash_table_insert (references->wanted, absolute, part);
}

void
pn_mime_bind_inline (PnMimeReader *self, const char *html)
{
  References references = { 0 };

  for (guint i = 0; i < self->files->len; i++) {
    const PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    PnPart *part = file->part;
    if ((part->content_id == NULL && part->content_location == NULL)
        || g_str_has_prefix (part->type, "message/"))
      continue;
    if (references.wanted == NULL)
      references.wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    if (part->content_id != NULL)
      g_hash_table_insert (references.wanted, g_strdup (part->content_id), part);
    if (part->content_location != NULL)
      want_location (self, &references, file->entity, part);
  }
  if (references.wanted == NULL)
    return;
  if (references.locations)
    references.base = find_base (self, g_array_index (self->html, guint, 0));
  mark_references (html, &references);
  g_free (references.base);
  g_hash_table_unref (references.wanted);
}
