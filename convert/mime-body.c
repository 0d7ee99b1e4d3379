#include "convert/mime-damage.h"
#include "convert/mime-enriched.h"
#include "convert/mime-reader.h"
#include "convert/mime-sealed.h"

#include <string.h>

/* Where a part stands, as far as it decides what becomes of it. */
typedef enum {
  PLACE_ALTERNATIVE = 1 << 0, /* directly in multipart/alternative */
  PLACE_NO_BODY = 1 << 1,     /* beside the root of multipart/related, or a signature */
  PLACE_REPORT = 1 << 2,      /* in multipart/report */
  PLACE_FIRST = 1 << 3,       /* the first part or the root of its multipart */
  PLACE_MIXED = 1 << 4,       /* directly in a multipart whose parts follow each other */
  PLACE_SEALED = 1 << 5       /* in a multipart that is signed or encrypted */
} Place;

static void walk (PnMimeReader *self, guint index, guint place);

/* Pictures that are shown between texts; more are files only.  Bytes of the parameters that a file keeps. */
enum { MAX_PICTURES = 50, MAX_PARAMETERS = 4096 };

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
  if (clean == NULL)
    pn_mime_reader_add_loss (self, index, "its file name \"%.200s\" is none", name);
  else if (changed)
    pn_mime_reader_add_loss (self, index, "its file name \"%.200s\" became \"%s\"", name, clean);
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
keep_parameters (PnMimeReader *self, guint index, const PnHeaderParams *type)
{
  static const char *const known[] = { "name", "filename", "charset", "boundary", "format", "delsp", NULL };
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; type != NULL && i < type->array->len; i++) {
    const PnHeaderParam *param = &g_array_index (type->array, PnHeaderParam, i);
    if (g_strv_contains (known, param->name) || needs_quotes (param->name))
      continue;
    if (out->len >= MAX_PARAMETERS) {
      pn_mime_reader_add_loss (self, index, "its Content-Type has more parameters than are kept");
      break;
    }
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
  /* A file's own CRs stay; they mean nothing to base64. */
  gboolean as_it_came = entity->encoding == PN_ENCODING_NONE || entity->encoding == PN_ENCODING_BASE64;
  PnContent *content = pn_content_new_range (as_it_came ? self->original_source : self->source,
                                             entity->body_offset, entity->body_length, entity->encoding);
  PnPart *part
      = pn_part_new (PN_PART_ATTACHMENT, opaque ? "application/octet-stream" : entity->type, content);

  part->name = find_name (self, index, disposition);
  if (!opaque)
    part->parameters = keep_parameters (self, index, type);
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

/* Whether the part's name is that of another kind of file than a text. */
static gboolean
is_named_otherwise (PnMimeReader *self, guint index)
{
  const char *type = pn_mime_type_of (pn_header_params_get (pn_mime_reader_type (self, index), "name"));

  return !g_str_has_prefix (type, "text/") && strcmp (type, "application/octet-stream") != 0;
}

/* Whether the name makes a text part a file.  Some senders give one to every part: at the place of the text,
 * and if the disposition does not say it, it is no file name. */
static gboolean
is_named_file (PnMimeReader *self, guint index, guint place, const PnHeaderParams *disposition)
{
  if (index == 0 || (place & PLACE_ALTERNATIVE) || !has_name (self, index, disposition))
    return FALSE;
  return !(place & PLACE_FIRST) || pn_header_params_get (disposition, "filename") != NULL
         || is_named_otherwise (self, index);
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
    if (self->spare < 0 && !is_named_otherwise (self, index))
      self->spare = (int) index;
    return FALSE;
  }
  self->text_size += entity->body_length;
  return TRUE;
}

/* S/MIME: notes where content is for everyone to read, but inside of the signature; and tells why what only
 * the one with the key can read shows no text. */
static void
sort_smime (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  if (strcmp (entity->type, "application/pkcs7-mime") != 0
      && strcmp (entity->type, "application/x-pkcs7-mime") != 0)
    return;
  const char *kind = pn_header_params_get (pn_mime_reader_type (self, index), "smime-type");
  if (kind == NULL || g_ascii_strcasecmp (kind, "signed-data") == 0) {
    if (self->opaque < 0 && !(place & PLACE_NO_BODY))
      self->opaque = (int) index;
  } else if (g_ascii_strcasecmp (kind, "enveloped-data") == 0
             || g_ascii_strcasecmp (kind, "authEnveloped-data") == 0) {
    pn_mime_reader_add_loss (self, index, "it is encrypted: only who has the key can read its text");
  }
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

/* A picture that is to be shown where it stands, but that no page can name. */
static gboolean
is_shown_picture (PnMimeReader *self, guint index, guint place)
{
  static const char *const shown[] = { "image/gif", "image/jpeg",  "image/jpg",  "image/pjpeg",
                                       "image/png", "image/x-png", "image/webp", NULL };
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  if (!(place & PLACE_MIXED) || (place & (PLACE_NO_BODY | PLACE_ALTERNATIVE))
      || entity->fields[PN_MIME_CONTENT_DISPOSITION].value == NULL
      || entity->fields[PN_MIME_CONTENT_ID].value != NULL
      || entity->fields[PN_MIME_CONTENT_LOCATION].value != NULL || !g_strv_contains (shown, entity->type))
    return FALSE;
  g_autoptr (PnHeaderParams) disposition = read_disposition (self, entity);
  return strcmp (disposition->value, "inline") == 0;
}

static void
sort_report (PnMimeReader *self, guint index, guint place)
{
  const char *type = pn_mime_scan_entity (self->scan, index)->type;

  if (strcmp (type, "message/delivery-status") == 0 || strcmp (type, "message/global-delivery-status") == 0
      || strcmp (type, "message/disposition-notification") == 0
      || strcmp (type, "message/global-disposition-notification") == 0)
    g_array_append_val (self->reports, index);
  else if ((place & PLACE_REPORT) && self->original < 0
           && (g_str_has_prefix (type, "message/") || strcmp (type, "text/rfc822-headers") == 0))
    self->original = (int) index;
}

/* Takes a text as (a piece of) a body. */
static gboolean
sort_text (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  gboolean enriched = pn_enriched_is (entity->type), html = strcmp (entity->type, "text/html") == 0;
  gboolean bare = self->text->len + self->html->len == 0 && is_readable (entity->type);

  if (!(bare || html || enriched || strcmp (entity->type, "text/plain") == 0)
      || !is_body (self, index, place))
    return FALSE;
  if (!html)
    g_array_append_val (self->text, index);
  if (html || enriched)
    g_array_append_val (self->html, index);
  return TRUE;
}

/* A text that says base64 and is none is read as it stands there. */
static void
mend_encoding (PnMimeReader *self, guint index)
{
  PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  char begin[1024];
  gsize length = MIN (sizeof begin, entity->body_length);

  if (entity->encoding != PN_ENCODING_BASE64 || !g_str_has_prefix (entity->type, "text/")
      || !pn_source_read (self->source, entity->body_offset, begin, length, NULL)
      || !pn_mime_is_no_base64 (begin, length))
    return;
  entity->encoding = PN_ENCODING_NONE;
  pn_mime_reader_add_loss (self, index, "it is not in base64, as it says; read as it stands there");
}

static void
sort_leaf (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);

  mend_encoding (self, index);
  if (sort_text (self, index, place))
    return;
  if ((place & PLACE_ALTERNATIVE)
      && (strcmp (entity->type, "text/x-amp-html") == 0 || strcmp (entity->type, "text/watch-html") == 0)) {
    pn_mime_reader_add_loss (self, index, "the alternative as %s is left out", entity->type);
    return;
  }
  gboolean calendar
      = strcmp (entity->type, "text/calendar") == 0 || strcmp (entity->type, "text/x-vcalendar") == 0;
  if (calendar && entity->body_length <= PN_MIME_MAX_TEXT && !(place & PLACE_NO_BODY))
    g_array_append_val (self->calendars, index);
  sort_smime (self, index, place);
  sort_report (self, index, place);
  if (self->pictures < MAX_PICTURES && is_shown_picture (self, index, place)) {
    self->pictures++;
    g_array_append_val (self->html, index);
  }
  add_file (self, index);
}

/* How well the pieces of a body from START on are of its own kind: 2 as they came, 1 out of enriched text, 0
 * made of the other kind.  A plain text is as good as its worst piece, HTML as its best. */
static guint
rate_pieces (PnMimeReader *self, const GArray *bodies, guint start, guint end)
{
  gboolean html = bodies == self->html;
  guint rate = html ? 0 : 2;

  for (guint i = start; i < end; i++) {
    const char *type = pn_mime_scan_entity (self->scan, g_array_index (bodies, guint, i))->type;
    guint is = pn_enriched_is (type) ? 1 : (strcmp (type, "text/html") == 0) == html ? 2 : 0;
    rate = html ? MAX (rate, is) : MIN (rate, is);
  }
  return rate;
}

/* A later part of the same kind takes the place of those that earlier alternatives gave. */
static void
supersede (PnMimeReader *self, GArray *bodies, guint start, guint before)
{
  if (bodies->len == before || before == start)
    return;
  guint first = g_array_index (bodies, guint, before);
  if (rate_pieces (self, bodies, before, bodies->len) < rate_pieces (self, bodies, start, before)) {
    if (bodies == self->html)
      pn_mime_reader_add_loss (self, first, "the alternative as %s is left out",
                               pn_mime_scan_entity (self->scan, first)->type);
    g_array_set_size (bodies, before);
    return;
  }
  for (guint i = before; i < bodies->len; i++)
    if (pn_mime_scan_entity (self->scan, g_array_index (bodies, guint, i))->body_length == 0) {
      g_array_set_size (bodies, before); /* an empty one is no better alternative */
      return;
    }
  guint old = g_array_index (bodies, guint, start);
  if (!pn_enriched_is (pn_mime_scan_entity (self->scan, old)->type) || bodies == self->html)
    pn_mime_reader_add_loss (self, old, "another alternative of the same type is shown in its place");
  g_array_remove_range (bodies, start, before - start);
}

static void
walk_alternative (PnMimeReader *self, const PnMimeEntity *entity, guint place)
{
  guint text = self->text->len, html = self->html->len, next;

  place &= ~(guint) PLACE_MIXED;
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

/* Where the pieces of one child begin. */
typedef struct {
  guint text, html;
} Span;

static gboolean
is_picture (PnMimeReader *self, const GArray *html, guint at)
{
  return g_str_has_prefix (pn_mime_scan_entity (self->scan, g_array_index (html, guint, at))->type, "image/");
}

/* Whether HTML from START to END is more than pictures. */
static gboolean
has_page (PnMimeReader *self, const GArray *html, guint start, guint end)
{
  while (start < end && is_picture (self, html, start))
    start++;
  return start < end;
}

static void
append_range (GArray *to, const GArray *from, guint start, guint end)
{
  if (end > start)
    g_array_append_vals (to, &g_array_index (from, guint, start), end - start);
}

/* Of texts that follow each other, each is in both bodies, if there are both: else a reader of one would
 * miss what the other says, like the footer of a mailing list. */
static void
complete_bodies (PnMimeReader *self, const GArray *spans, guint text_start, guint html_start)
{
  gboolean any_text = self->text->len > text_start;
  gboolean any_html = has_page (self, self->html, html_start, self->html->len);
  g_autoptr (GArray) text = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GArray) html = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < spans->len; i++) {
    const Span *span = &g_array_index (spans, Span, i);
    gboolean last = i + 1 == spans->len;
    guint text_end = last ? self->text->len : span[1].text, html_end = last ? self->html->len : span[1].html;
    gboolean page = has_page (self, self->html, span->html, html_end);

    append_range (text, self->text, span->text, text_end);
    if (any_html)
      append_range (html, self->html, span->html, html_end);
    if (any_html && !page)
      append_range (html, self->text, span->text, text_end);
    if (any_text && text_end == span->text)
      for (guint k = span->html; k < html_end; k++)
        if (!is_picture (self, self->html, k))
          append_range (text, self->html, k, k + 1);
  }
  g_array_set_size (self->text, text_start);
  g_array_set_size (self->html, html_start);
  append_range (self->text, text, 0, text->len);
  append_range (self->html, html, 0, html->len);
}

static void
walk_sequence (PnMimeReader *self, const PnMimeEntity *entity, guint place)
{
  guint text = self->text->len, html = self->html->len, next;
  g_autoptr (GArray) spans = NULL;
  guint first = entity->first_child;

  for (guint child = first; child != 0; child = next) {
    Span span = { self->text->len, self->html->len };
    next = pn_mime_scan_entity (self->scan, child)->next_sibling;
    walk (self, child, child == first ? place | PLACE_MIXED | PLACE_FIRST : place | PLACE_MIXED);
    if (self->text->len == span.text && self->html->len == span.html)
      continue;
    if (spans == NULL)
      spans = g_array_new (FALSE, FALSE, sizeof (Span));
    g_array_append_val (spans, span);
  }
  if (spans != NULL
      && (spans->len > 1 || (self->pictures > 0 && !has_page (self, self->html, html, self->html->len))))
    complete_bodies (self, spans, text, html);
}

/* A root, which is what the whole looks like, and parts that belong to it: pictures, a signature, or nothing
 * that can be read. */
static void
walk_rooted (PnMimeReader *self, const PnMimeEntity *entity, guint root, guint place)
{
  guint next;

  for (guint child = entity->first_child; child != 0; child = next) {
    next = pn_mime_scan_entity (self->scan, child)->next_sibling;
    walk (self, child,
          child == root ? place | PLACE_FIRST : (place & ~(guint) PLACE_ALTERNATIVE) | PLACE_NO_BODY);
  }
}

static void
walk_children (PnMimeReader *self, guint index, guint place)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  gboolean sealed = !(place & PLACE_SEALED)
                    && (strcmp (entity->type, "multipart/signed") == 0
                        || strcmp (entity->type, "multipart/encrypted") == 0);

  if (sealed)
    place |= PLACE_SEALED;
  if (strcmp (entity->type, "multipart/report") == 0)
    place |= PLACE_REPORT;
  place &= ~(guint) (PLACE_FIRST | PLACE_MIXED);
  if (strcmp (entity->type, "multipart/related") == 0) {
    walk_rooted (self, entity, find_root (self, index), place);
  } else if (strcmp (entity->type, "multipart/signed") == 0) {
    walk_rooted (self, entity, entity->first_child, place);
  } else if (strcmp (entity->type, "multipart/encrypted") == 0) {
    pn_mime_reader_add_loss (self, index, "it is encrypted: only who has the key can read its text");
    walk_rooted (self, entity, 0, place);
  } else if (strcmp (entity->type, "multipart/appledouble") == 0) {
    walk_rooted (self, entity, 0, place);
  } else {
    walk_sequence (self, entity, place & ~(guint) PLACE_ALTERNATIVE);
  }
  if (sealed && pn_mime_keeps_sealed (self))
    pn_mime_keep_sealed (self, index);
}

static void
note_damage (PnMimeReader *self, guint index, const PnMimeEntity *entity)
{
  if (entity->strays > 0)
    pn_mime_reader_add_loss (self, index, "lines of its header are no fields and say nothing (%u)",
                             entity->strays);
  if (entity->fields[PN_MIME_CONTENT_TYPE].length > 2000 && pn_mime_reader_type (self, index)->more)
    pn_mime_reader_add_loss (self, index, "its Content-Type has more parameters than are read");
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
