/* The bodies of a message, joined of the texts that the parts say. */
#include "convert/ascii.h"
#include "convert/mime-enriched.h"
#include "convert/mime-reader.h"
#include "convert/text-twin.h"

#include <string.h>

/* A text longer than this is shown in its own kind of body only. */
enum { MAX_TWIN = 1024 * 1024 };

/* A text, read once although both bodies may want it. */
typedef struct {
  char *text; /* owned; NULL: not read yet */
  gsize length;
  char *charset; /* owned */
} Reading;

typedef struct {
  PnMimeReader *reader;
  Reading *readings; /* by entity */
} Joiner;

static const char *
type_of (Joiner *self, guint entity)
{
  return pn_mime_scan_entity (self->reader->scan, entity)->type;
}

static Reading *
read_once (Joiner *self, guint entity, GError **error)
{
  Reading *reading = &self->readings[entity];

  if (reading->text == NULL)
    reading->text
        = pn_mime_read_text (self->reader, entity, TRUE, &reading->length, &reading->charset, error);
  return reading->text != NULL ? reading : NULL;
}

static char *
too_long (Joiner *self, guint entity, const char *body, gsize *length)
{
  pn_mime_reader_add_loss (self->reader, entity, "the text is too long to be shown in the %s body, too",
                           body);
  *length = 0;
  return g_strdup ("");
}

static char *
text_piece (Joiner *self, guint entity, gsize *length, GError **error)
{
  const char *type = type_of (self, entity);
  gboolean html = strcmp (type, "text/html") == 0;
  const Reading *reading = read_once (self, entity, error);

  if (reading == NULL)
    return NULL;
  if (html && reading->length > MAX_TWIN)
    return too_long (self, entity, "plain", length);
  if (pn_enriched_is (type))
    return pn_enriched_to_text (reading->text, reading->length, strcmp (type, "text/richtext") == 0, length);
  char *text = html ? pn_text_from_html (reading->text, reading->length)
                    : g_strndup (reading->text, reading->length);
  *length = html ? strlen (text) : reading->length;
  return text;
}

/* A picture that stands between texts and has no Content-ID gets one, to be shown at its place. */
static char *
image_piece (Joiner *self, guint entity, gsize *length)
{
  PnMimeReader *reader = self->reader;

  for (guint i = 0; i < reader->files->len; i++) {
    const PnMimeFile *file = &g_array_index (reader->files, PnMimeFile, i);
    if (file->entity != entity)
      continue;
    g_autofree char *section = pn_mime_scan_section (reader->scan, entity);
    if (file->part->content_id == NULL)
      file->part->content_id = g_strdup_printf ("part%s@inline", section);
    char *tag = g_strdup_printf ("<div><img src=\"cid:%s\"></div>\n", file->part->content_id);
    *length = strlen (tag);
    return tag;
  }
  *length = 0;
  return g_strdup ("");
}

static char *
html_piece (Joiner *self, guint entity, gsize *length, GError **error)
{
  const char *type = type_of (self, entity);

  if (g_str_has_prefix (type, "image/"))
    return image_piece (self, entity, length);
  const Reading *reading = read_once (self, entity, error);
  if (reading == NULL)
    return NULL;
  if (strcmp (type, "text/html") == 0) {
    *length = reading->length;
    return g_strndup (reading->text, reading->length);
  }
  if (reading->length > MAX_TWIN)
    return too_long (self, entity, "HTML", length);
  if (pn_enriched_is (type))
    return pn_enriched_to_html (reading->text, reading->length, strcmp (type, "text/richtext") == 0, length);
  char *html = pn_html_from_text (reading->text, reading->length);
  *length = strlen (html);
  return html;
}

/* The last "</NAME" of HTML, or END. */
static const char *
find_last_end (const char *html, const char *end, const char *name)
{
  gsize n = strlen (name);

  for (const char *p = end; (p = memrchr (html, '<', (gsize) (p - html))) != NULL;)
    if ((gsize) (end - p) > n + 2 && p[1] == '/' && g_ascii_strncasecmp (p + 2, name, n) == 0)
      return p;
  return end;
}

/* Appends what is inside of the document's body, and the styles of its head. */
static void
append_inside (GString *out, const char *html, gsize length)
{
  const char *end = html + length, *body = pn_ascii_casestr (html, "<body");
  const char *start = body != NULL ? memchr (body, '>', (gsize) (end - body)) : NULL;

  if (start == NULL) {
    body = start = html;
    const char *tail = find_last_end (html, end, "html");
    end = tail;
  } else {
    start++;
    end = find_last_end (start, end, "body");
  }
  for (const char *p = html; p < body;) {
    const char *style = pn_ascii_casestr (p, "<style");
    const char *stop = style != NULL && style < body ? pn_ascii_casestr (style, "</style>") : NULL;
    if (stop == NULL || stop >= body)
      break;
    g_string_append_len (out, style, stop + 8 - style);
    p = stop + 8;
  }
  g_string_append (out, "<div>");
  g_string_append_len (out, start, end - start);
  g_string_append (out, "</div>\n");
}

static GString *
join_text (Joiner *self, GArray *pieces, GError **error)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < pieces->len; i++) {
    gsize length;
    g_autofree char *more = text_piece (self, g_array_index (pieces, guint, i), &length, error);
    if (more == NULL) {
      g_string_free (out, TRUE);
      return NULL;
    }
    if (length > 0 && out->len > 0 && out->str[out->len - 1] != '\n')
      g_string_append_c (out, '\n');
    g_string_append_len (out, more, (gssize) length);
  }
  return out;
}

/* The first document holds what the others show. */
static GString *
join_html (Joiner *self, GArray *pieces, GError **error)
{
  g_autofree char *first = NULL;
  gsize first_length = 0;
  g_autoptr (GString) others = g_string_new (NULL);

  for (guint i = 0; i < pieces->len; i++) {
    guint entity = g_array_index (pieces, guint, i);
    gsize length;
    g_autofree char *more = html_piece (self, entity, &length, error);
    if (more == NULL)
      return NULL;
    if (first == NULL && !g_str_has_prefix (type_of (self, entity), "image/")) {
      first = g_steal_pointer (&more);
      first_length = length;
      if (others->len == 0)
        continue;
      /* Pictures stood before it. */
      GString *page = g_string_new ("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n");
      g_string_append_len (page, others->str, (gssize) others->len);
      append_inside (page, first, first_length);
      g_string_append (page, "</body></html>\n");
      g_string_truncate (others, 0);
      g_free (first);
      first_length = page->len;
      first = g_string_free (page, FALSE);
    } else if (g_str_has_prefix (type_of (self, entity), "image/")) {
      g_string_append_len (others, more, (gssize) length);
    } else {
      append_inside (others, more, length);
    }
  }
  if (first == NULL)
    first = g_strdup ("");
  const char *end = first + first_length, *place = find_last_end (first, end, "body");
  if (place == end)
    place = find_last_end (first, end, "html");
  GString *out = g_string_sized_new (first_length + others->len + 1);
  g_string_append_len (out, first, place - first);
  g_string_append_len (out, others->str, (gssize) others->len);
  g_string_append_len (out, place, end - place);
  return out;
}

/* The only text of a body, which the other body does not want, is not copied. */
static char *
take_single (Joiner *self, GArray *pieces, const GArray *other, const char *type, gsize *length,
             GError **error)
{
  guint entity = g_array_index (pieces, guint, 0);

  for (guint i = 0; i < other->len; i++)
    if (g_array_index (other, guint, i) == entity)
      return NULL;
  if (pieces->len != 1 || pn_enriched_is (type_of (self, entity))
      || (strcmp (type_of (self, entity), "text/html") == 0) != (strcmp (type, "text/html") == 0))
    return NULL;
  Reading *reading = read_once (self, entity, error);
  if (reading == NULL)
    return NULL;
  *length = reading->length;
  return g_steal_pointer (&reading->text);
}

static gboolean
add_body (Joiner *self, GArray *pieces, const GArray *other, PnPartRole role, char **text_out, GError **error)
{
  const char *type = role == PN_PART_HTML ? "text/html" : "text/plain";
  GError *local = NULL;
  gsize length = 0;
  char *text = take_single (self, pieces, other, type, &length, &local);

  if (text == NULL && local == NULL) {
    GString *joined
        = role == PN_PART_HTML ? join_html (self, pieces, &local) : join_text (self, pieces, &local);
    if (joined != NULL) {
      length = joined->len;
      text = g_string_free (joined, FALSE);
    }
  }
  if (text == NULL) {
    g_propagate_error (error, local);
    return FALSE;
  }
  g_autoptr (GBytes) bytes = g_bytes_new_take (text, length);
  PnPart *part = pn_part_new (role, type, pn_content_new_bytes (bytes));
  part->charset = g_strdup (self->readings[g_array_index (pieces, guint, 0)].charset);
  pn_message_add_part (self->reader->message, part);
  *text_out = text;
  return TRUE;
}

gboolean
pn_mime_add_bodies (PnMimeReader *reader, GError **error)
{
  Joiner self = { reader, g_new0 (Reading, reader->n_types) };
  char *text = NULL, *html = NULL; /* borrowed from the parts */
  gboolean done = TRUE;

  if (reader->text->len > 0)
    done = add_body (&self, reader->text, reader->html, PN_PART_TEXT, &text, error);
  if (done && reader->html->len > 0)
    done = add_body (&self, reader->html, reader->text, PN_PART_HTML, &html, error);
  if (html != NULL && reader->files->len > 0)
    pn_mime_bind_inline (reader, html);
  for (guint i = 0; i < reader->n_types; i++) {
    g_free (self.readings[i].text);
    g_free (self.readings[i].charset);
  }
  g_free (self.readings);
  return done;
}
