#include "convert/mime-reader.h"

#include <string.h>

/* Where a part stands, as far as it decides what becomes of it. */
typedef enum {
  PLACE_ALTERNATIVE = 1 << 0, /* directly in multipart/alternative */
  PLACE_NO_BODY = 1 << 1,     /* beside the root of multipart/related, or a signature */
  PLACE_REPORT = 1 << 2,      /* in multipart/report */
  PLACE_FIRST = 1 << 3        /* the first part or the root of its multipart */
} Place;

static void walk (PnMimeReader *self, guint index, guint place);

static PnHeaderParams *
read_disposition (PnMimeReader *self, const PnMimeEntity *entity)
{
  const PnMimeRawField *field = &entity->fields[PN_MIME_CONTENT_DISPOSITION];

  return field->value != NULL ? pn_header_parse_params (field->value, field->length, &self->context) : NULL;
}

/* The file name, from wherever a sender put it, and made safe. */
static char *
find_name (PnMimeReader *self, guint index, const PnHeaderParams *disposition)
{
  const char *name = pn_header_params_get (disposition, "filename");
  gboolean changed;

  if (name == NULL || name[0] == '\0')
    name = pn_header_params_get (pn_mime_reader_type (self, index), "name");
  if (name == NULL || name[0] == '\0')
    name = pn_header_params_get (disposition, "name");
  if (name == NULL || name[0] == '\0')
    name = pn_header_params_get (pn_mime_reader_type (self, index), "filename");
  if (name == NULL || name[0] == '\0')
    return NULL;
  char *clean = pn_header_clean_file_name (name, &changed);
  if (changed)
    pn_mime_reader_add_loss (self, index, "its file name \"%.200s\" became \"%s\"", name,
                             clean != NULL ? clean : "");
  return clean;
}

/* A msg-id-like value without its brackets. */
static char *
read_id (const PnMimeRawField *field)
{
  g_autofree char *copy = g_strndup (field->value, field->length);
  char *id = g_strstrip (copy);
  gsize length = strlen (id);

  if (length >= 2 && id[0] == '<' && id[length - 1] == '>') {
    id[length - 1] = '\0';
    id++;
  }
  return id[0] != '\0' && g_utf8_validate (id, -1, NULL) ? g_strdup (id) : NULL;
}

static gboolean
needs_quotes (const char *value)
{
  for (const char *p = value; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("-_.+!#$&^~", *p) == NULL)
      return TRUE;
  return value[0] == '\0';
}

/* What Content-Type says beyond what has a place of its own, as "; name=value". */
static char *
keep_parameters (const PnHeaderParams *type)
{
  static const char *const known[] = { "name", "filename", "charset", "boundary", "format", "delsp", NULL };
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; type != NULL && i < type->array->len && out->len < 4096; i++) {
    const PnHeaderParam *param = &g_array_index (type->array, PnHeaderParam, i);
    if (g_strv_contains (known, param->name) || needs_quotes (param->name))
      continue;
    if (!needs_quotes (param->value)) {
      g_string_append_printf (out, "; %s=%s", param->name, param->value);
      continue;
    }
    g_string_append_printf (out, "; %s=\"", param->name);
    for (const char *p = param->value; *p != '\0'; p++) {
      if (*p == '"' || *p == '\\')
        g_string_append_c (out, '\\');
      g_string_append_c (out, *p);
    }
    g_string_append_c (out, '"');
  }
  return out->len > 0 ? g_strdup (out->str) : NULL;
}

static void
read_file_date (const PnHeaderParams *disposition, const char *name, PnTime *time)
{
  const char *value = pn_header_params_get (disposition, name);

  if (value != NULL && !time->set)
    pn_header_parse_date (value, strlen (value), time);
}

PnPart *
pn_mime_make_file (PnMimeReader *self, guint index)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  const PnHeaderParams *type = pn_mime_reader_type (self, index);
  gboolean opaque = entity->too_deep || entity->no_delimiter || entity->encoding_unknown;
  g_autoptr (PnHeaderParams) disposition = read_disposition (self, entity);
  PnContent *content
      = pn_content_new_range (self->source, entity->body_offset, entity->body_length, entity->encoding);
  PnPart *part
      = pn_part_new (PN_PART_ATTACHMENT, opaque ? "application/octet-stream" : entity->type, content);

  part->name = find_name (self, index, disposition);
  if (!opaque)
    part->parameters = keep_parameters (type);
  const char *charset = pn_header_params_get (type, "charset");
  part->charset = charset != NULL ? g_ascii_strdown (charset, -1) : NULL;
  if (entity->fields[PN_MIME_CONTENT_ID].value != NULL)
    part->content_id = read_id (&entity->fields[PN_MIME_CONTENT_ID]);
  const PnMimeRawField *location = &entity->fields[PN_MIME_CONTENT_LOCATION];
  if (location->value != NULL)
    part->content_location = pn_header_decode (location->value, location->length, &self->context);
  const PnMimeRawField *description = &entity->fields[PN_MIME_CONTENT_DESCRIPTION];
  if (description->value != NULL)
    part->description = pn_header_decode (description->value, description->length, &self->context);
  read_file_date (disposition, "creation-date", &part->created);
  read_file_date (disposition, "create-date", &part->created);
  read_file_date (disposition, "modification-date", &part->modified);
  return part;
}

static void
add_file (PnMimeReader *self, guint index)
{
  PnMimeFile file = { index, pn_mime_make_file (self, index) };

  g_array_append_val (self->files, file);
}

static gboolean
has_name (PnMimeReader *self, guint index, const PnHeaderParams *disposition)
{
  return pn_header_params_get (disposition, "filename") != NULL
         || pn_header_params_get (pn_mime_reader_type (self, index), "name") != NULL;
}

/* Whether the name makes a text part a file.  Some senders give one to every part: at the place of the text,
 * and if the disposition does not say it, it is no file name. */
static gboolean
is_named_file (PnMimeReader *self, guint index, guint place, const PnHeaderParams *disposition)
{
  if (index == 0 || (place & PLACE_ALTERNATIVE) || !has_name (self, index, disposition))
    return FALSE;
  return !(place & PLACE_FIRST) || pn_header_params_get (disposition, "filename") != NULL;
}

/* Whether a text part is for reading, and not a file. */
static gboolean
is_body (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  if (place & PLACE_NO_BODY)
    return FALSE;
  if (entity->body_length > PN_MIME_MAX_TEXT - self->text_size) {
    pn_mime_reader_add_loss (self, index, "the text is more than %d MiB and becomes an attachment",
                             PN_MIME_MAX_TEXT >> 20);
    return FALSE;
  }
  g_autoptr (PnHeaderParams) disposition = read_disposition (self, entity);
  if (disposition != NULL && strcmp (disposition->value, "attachment") == 0)
    return FALSE;
  if (is_named_file (self, index, place, disposition)) {
    if (self->spare < 0)
      self->spare = (int) index;
    return FALSE;
  }
  self->text_size += entity->body_length;
  return TRUE;
}

/* S/MIME whose content is for everyone to read, but inside of the signature. */
static gboolean
is_opaque_signature (PnMimeReader *self, guint index)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  if (strcmp (entity->type, "application/pkcs7-mime") != 0
      && strcmp (entity->type, "application/x-pkcs7-mime") != 0)
    return FALSE;
  const char *kind = pn_header_params_get (pn_mime_reader_type (self, index), "smime-type");
  return kind == NULL || g_ascii_strcasecmp (kind, "signed-data") == 0;
}

/* Texts of a kind that is not known are read like plain ones (RFC 2046 4.1.4), if there are no others; but
 * not those that are data. */
static gboolean
is_readable (const char *type)
{
  static const char *const data[] = { "html",       "calendar",   "x-vcalendar",          "vcard",
                                      "x-vcard",    "directory",  "rfc822-headers",       "rtf",
                                      "css",        "csv",        "tab-separated-values", "xml",
                                      "javascript", "x-amp-html", "watch-html",           NULL };

  return g_str_has_prefix (type, "text/") && !g_strv_contains (data, type + 5);
}

static void
sort_leaf (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  gboolean bare = self->text->len + self->html->len == 0 && is_readable (entity->type);

  if ((bare || strcmp (entity->type, "text/plain") == 0) && is_body (self, index, place)) {
    g_array_append_val (self->text, index);
    return;
  }
  if (strcmp (entity->type, "text/html") == 0 && is_body (self, index, place)) {
    g_array_append_val (self->html, index);
    return;
  }
  if ((place & PLACE_ALTERNATIVE)
      && (strcmp (entity->type, "text/x-amp-html") == 0 || strcmp (entity->type, "text/watch-html") == 0
          || strcmp (entity->type, "text/enriched") == 0 || strcmp (entity->type, "text/richtext") == 0)) {
    pn_mime_reader_add_loss (self, index, "the alternative as %s is left out", entity->type);
    return;
  }
  if (strcmp (entity->type, "text/calendar") == 0 && entity->body_length <= PN_MIME_MAX_TEXT
      && !(place & PLACE_NO_BODY))
    g_array_append_val (self->calendars, index);
  if (self->opaque < 0 && !(place & PLACE_NO_BODY) && is_opaque_signature (self, index))
    self->opaque = (int) index;
  if (strcmp (entity->type, "message/delivery-status") == 0
      || strcmp (entity->type, "message/global-delivery-status") == 0
      || strcmp (entity->type, "message/disposition-notification") == 0
      || strcmp (entity->type, "message/global-disposition-notification") == 0)
    g_array_append_val (self->reports, index);
  else if ((place & PLACE_REPORT) && self->original < 0
           && (g_str_has_prefix (entity->type, "message/")
               || strcmp (entity->type, "text/rfc822-headers") == 0))
    self->original = (int) index;
  add_file (self, index);
}

/* A later part of the same kind takes the place of those that earlier alternatives gave. */
static void
supersede (PnMimeReader *self, GArray *bodies, guint start, guint before)
{
  if (bodies->len == before || before == start)
    return;
  for (guint i = before; i < bodies->len; i++)
    if (pn_mime_scan_entity (self->scan, g_array_index (bodies, guint, i))->body_length == 0) {
      g_array_set_size (bodies, before); /* an empty one is no better alternative */
      return;
    }
  pn_mime_reader_add_loss (self, g_array_index (bodies, guint, start),
                           "another alternative of the same type is shown in its place");
  g_array_remove_range (bodies, start, before - start);
}

static void
walk_alternative (PnMimeReader *self, const PnMimeEntity *entity, guint place)
{
  guint text = self->text->len, html = self->html->len, next;

  for (guint child = entity->first_child; child != 0; child = next) {
    guint text_before = self->text->len, html_before = self->html->len;
    next = pn_mime_scan_entity (self->scan, child)->next_sibling;
    walk (self, child, place | PLACE_ALTERNATIVE);
    supersede (self, self->text, text, text_before);
    supersede (self, self->html, html, html_before);
  }
}

static gboolean
is_page (const PnMimeEntity *part)
{
  return part->first_child != 0 || strcmp (part->type, "text/html") == 0
         || strcmp (part->type, "text/plain") == 0;
}

/* The first part, unless that is what a page shows. */
static guint
find_first_page (PnMimeReader *self, const PnMimeEntity *entity)
{
  guint child = entity->first_child;

  while (child != 0 && !is_page (pn_mime_scan_entity (self->scan, child)))
    child = pn_mime_scan_entity (self->scan, child)->next_sibling;
  return child != 0 ? child : entity->first_child;
}

/* The part that "start" names, else the first. */
static guint
find_root (PnMimeReader *self, guint index)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  g_autofree char *start = g_strdup (pn_header_params_get (pn_mime_reader_type (self, index), "start"));

  if (start == NULL)
    return find_first_page (self, entity);
  const PnMimeRawField as_field = { start, strlen (start) };
  g_autofree char *wanted = read_id (&as_field);
  for (guint child = entity->first_child; child != 0 && wanted != NULL;) {
    const PnMimeEntity *part = pn_mime_scan_entity (self->scan, child);
    if (part->fields[PN_MIME_CONTENT_ID].value != NULL) {
      g_autofree char *id = read_id (&part->fields[PN_MIME_CONTENT_ID]);
      if (g_strcmp0 (id, wanted) == 0)
        return child;
    }
    child = part->next_sibling;
  }
  return find_first_page (self, entity);
}

static void
walk_children (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  gboolean related = strcmp (entity->type, "multipart/related") == 0;
  gboolean sealed = strcmp (entity->type, "multipart/signed") == 0;
  guint root = related ? find_root (self, index) : entity->first_child, next;

  if (strcmp (entity->type, "multipart/encrypted") == 0)
    root = 0;
  else if (!related && !sealed)
    root = G_MAXUINT;
  if (strcmp (entity->type, "multipart/report") == 0)
    place |= PLACE_REPORT;
  place &= ~(guint) PLACE_FIRST;
  guint inside = place & ~(guint) PLACE_ALTERNATIVE;
  for (guint child = entity->first_child; child != 0; child = next) {
    next = pn_mime_scan_entity (self->scan, child)->next_sibling;
    if (root == G_MAXUINT)
      walk (self, child, child == entity->first_child ? inside | PLACE_FIRST : inside);
    else
      walk (self, child, child == root ? place | PLACE_FIRST : inside | PLACE_NO_BODY);
  }
}

static void
note_damage (PnMimeReader *self, guint index, const PnMimeEntity *entity)
{
  if (entity->strays > 0)
    pn_mime_reader_add_loss (self, index, "lines of its header are no fields and say nothing (%u)",
                             entity->strays);
  if (entity->too_deep)
    pn_mime_reader_add_loss (self, index, "parts are nested too deep; this one stays as it came");
  if (entity->other_boundary)
    pn_mime_reader_add_loss (self, index, "its boundary is not the declared one; read by the one in use");
  if (entity->no_delimiter)
    pn_mime_reader_add_loss (self, index, "it is a %s, but no part is in it", entity->type);
  else if (entity->unclosed)
    pn_mime_reader_add_loss (self, index, "the end of the %s is missing", entity->type);
  if (entity->encoding_unknown)
    pn_mime_reader_add_loss (self, index, "its Content-Transfer-Encoding is not known; taken as it came");
  if (entity->duplicates & 1u << PN_MIME_CONTENT_TYPE)
    pn_mime_reader_add_loss (self, index, "Content-Type is there more than once; the first counts");
  if (entity->duplicates & 1u << PN_MIME_CONTENT_TRANSFER_ENCODING)
    pn_mime_reader_add_loss (self, index,
                             "Content-Transfer-Encoding is there more than once; the first counts");
}

/* Nothing but the closing delimiter. */
static gboolean
is_empty_multipart (PnMimeReader *self, guint index, const PnMimeEntity *entity)
{
  const char *boundary = pn_header_params_get (pn_mime_reader_type (self, index), "boundary");

  return boundary != NULL && !entity->unclosed && entity->body_length <= strlen (boundary) + 8;
}

static void
walk (PnMimeReader *self, guint index, guint place)
{
  PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  note_damage (self, index, entity);
  if (entity->first_child != 0) {
    if (strcmp (entity->type, "multipart/alternative") == 0 && !(place & PLACE_NO_BODY))
      walk_alternative (self, entity, place);
    else
      walk_children (self, index, place);
  } else if (entity->too_deep) {
    add_file (self, index);
  } else if (entity->no_delimiter) {
    /* What stands there is all the reader will ever get. */
    if (entity->body_length == 0 || is_empty_multipart (self, index, entity))
      return;
    if (entity->encoding == PN_ENCODING_NONE && is_body (self, index, place))
      g_array_append_val (self->text, index);
    else
      add_file (self, index);
  } else {
    sort_leaf (self, index, place);
  }
}

/* If there is nothing else to read, a text that has a name and was not called an attachment is read. */
static void
use_spare (PnMimeReader *self)
{
  if (self->spare < 0 || self->text->len + self->html->len > 0)
    return;
  guint index = (guint) self->spare;
  gboolean html = strcmp (pn_mime_scan_entity (self->scan, index)->type, "text/html") == 0;
  for (guint i = 0; i < self->files->len; i++) {
    PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    if (file->entity != index)
      continue;
    pn_part_free (file->part);
    g_array_remove_index (self->files, i);
    break;
  }
  g_array_append_val (html ? self->html : self->text, index);
}

void
pn_mime_sort_parts (PnMimeReader *self)
{
  walk (self, 0, 0);
  use_spare (self);
}

/* References of HTML. */

enum { MAX_REFERENCE = 2048 };

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

static void
mark_reference (GHashTable *wanted, const char *start, gsize length)
{
  char plain[MAX_REFERENCE + 1];

  memcpy (plain, start, length);
  plain[length] = '\0';
  PnPart *part = g_hash_table_lookup (wanted, plain);
  if (part == NULL && strpbrk (plain, "%&") != NULL) {
    g_autofree char *unescaped = unescape_reference (start, length);
    part = g_hash_table_lookup (wanted, unescaped);
  }
  if (part != NULL)
    part->role = PN_PART_INLINE;
}

/* Marks every part in WANTED (id or location to PnPart) that HTML refers to: "cid:" wherever it stands, as
 * clients find it, and locations as values of attributes and in "url()". */
static void
mark_references (const char *html, GHashTable *wanted, gboolean locations)
{
  /* What a page of nothing but '=' may cost; a real one needs a fraction of it. */
  gsize budget = 4 * strlen (html) + MAX_REFERENCE;
  const char *stops = locations ? "=(:" : ":";

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
      mark_reference (wanted, start, length);
  }
}

void
pn_mime_bind_inline (PnMimeReader *self, const char *html)
{
  g_autoptr (GHashTable) wanted = NULL;
  gboolean locations = FALSE;

  for (guint i = 0; i < self->files->len; i++) {
    PnPart *part = g_array_index (self->files, PnMimeFile, i).part;
    if ((part->content_id == NULL && part->content_location == NULL)
        || g_str_has_prefix (part->type, "message/"))
      continue;
    if (wanted == NULL)
      wanted = g_hash_table_new (g_str_hash, g_str_equal);
    if (part->content_id != NULL)
      g_hash_table_insert (wanted, part->content_id, part);
    if (part->content_location != NULL) {
      g_hash_table_insert (wanted, part->content_location, part);
      locations = TRUE;
    }
  }
  if (wanted != NULL)
    mark_references (html, wanted, locations);
}
