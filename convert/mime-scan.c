#include "convert/mime-scan.h"

#include "convert/mime-damage.h"
#include "convert/mime-header.h"

#include <string.h>

enum {
  WINDOW = 256 * 1024,
  MAX_DELIMITER = 4096, /* longer lines are no delimiters */
  MAX_BOUNDARY = 1024,
  MAX_FIELD = 1024 * 1024, /* kept of one raw field */
  LOOK_FOR_BOUNDARY = 64 * 1024,
  DEFAULT_DEPTH = 100,
  DEFAULT_PARTS = 10000,
  HARD_DEPTH = 1000 /* a delimiter is compared with the hashes of all open multiparts */
};

/* A multipart whose delimiters are looked for. */
typedef struct {
  guint node;
  char *boundary; /* owned */
  gsize length;
  guint32 hash;
  gboolean closed; /* its closing delimiter came; the epilogue runs */
} OpenPart;

typedef struct {
  PnSource *source;
  guint8 *buffer; /* owned; NULL when the source lies in memory */
  gsize capacity;
  const guint8 *data; /* bytes from START on */
  guint64 start;
  gsize length;

  PnMimeScan *scan;
  guint max_depth, max_parts;
  GArray *open;   /* OpenPart, outermost first */
  guint64 filter; /* a bit per hash of an open boundary: most lines are none */
  guint leaf;     /* the part that the bytes belong to; G_MAXUINT in a preamble or epilogue */

  char *declared;          /* owned: the boundary that the header being read declares, or NULL */
  gboolean knows_declared; /* it was looked for: a header may have many lines that want to know */
} Scanner;

/* Bytes of the source from OFFSET on: at least WANT, fewer only at its end.  NULL if reading fails. */
static const guint8 *
window_get (Scanner *self, guint64 offset, gsize want, gsize *got, GError **error)
{
  guint64 left = self->source->size - offset;

  if (self->source->data != NULL) {
    *got = left;
    return self->source->data + offset;
  }
  if (left == 0) {
    *got = 0;
    return (const guint8 *) "";
  }
  want = MIN (want, left);
  if (offset >= self->start && offset - self->start <= self->length
      && self->length - (offset - self->start) >= want) {
    *got = self->length - (offset - self->start);
    return self->data + (offset - self->start);
  }
  gsize fill = MIN (MAX (want, WINDOW), left);
  if (self->capacity < fill) {
    g_free (self->buffer);
    self->buffer = g_malloc (fill);
    self->capacity = fill;
  }
  self->data = self->buffer;
  self->length = 0;
  if (fill > 0 && !pn_source_read (self->source, offset, self->buffer, fill, error))
    return NULL;
  self->start = offset;
  self->length = fill;
  *got = fill;
  return self->buffer;
}

static guint32
hash_bytes (const guint8 *data, gsize length)
{
  guint32 hash = 2166136261u;

  for (gsize i = 0; i < length; i++)
    hash = (hash ^ data[i]) * 16777619u;
  return hash ^ hash >> 15;
}

/* The innermost open multipart with this boundary; one whose closing delimiter has come only if no other has
 * it.  -1 if there is none. */
static int
find_open (const Scanner *self, const guint8 *boundary, gsize length)
{
  guint32 hash = hash_bytes (boundary, length);
  int closed = -1;

  if (length == 0 || (self->filter & G_GUINT64_CONSTANT (1) << (hash & 63)) == 0)
    return -1;
  for (guint i = self->open->len; i-- > 0;) {
    const OpenPart *open = &g_array_index (self->open, OpenPart, i);
    if (open->hash != hash || open->length != length || memcmp (open->boundary, boundary, length) != 0)
      continue;
    if (!open->closed)
      return (int) i;
    if (closed < 0)
      closed = (int) i;
  }
  return closed;
}

/* The multipart that LINE ends if what follows the closing delimiter can be none of the boundary's
 * characters: it stands there in full (RFC 2046 5.1.1).  -1 if it ends none. */
static int
find_closing (const Scanner *self, const guint8 *line, gsize length)
{
  gsize i = 2;

  while (i < length && (g_ascii_isalnum (line[i]) || strchr ("'()+_,-./:=?", line[i]) != NULL))
    i++;
  if (i == length || i < 5 || line[i - 1] != '-' || line[i - 2] != '-')
    return -1;
  return find_open (self, line + 2, i - 4);
}

/* Whether LINE, which begins with "--", is a delimiter of an open multipart. */
static int
match_delimiter (const Scanner *self, const guint8 *line, gsize length, gboolean *closing)
{
  while (length > 2 && g_ascii_isspace (line[length - 1]))
    length--;
  *closing = FALSE;
  int found = find_open (self, line + 2, length - 2);
  if (found < 0 && length > 4 && line[length - 1] == '-' && line[length - 2] == '-') {
    *closing = TRUE;
    for (length -= 2; length > 2 && g_ascii_isspace (line[length - 1]);)
      length--;
    found = find_open (self, line + 2, length - 2);
  }
  if (found < 0 && (found = find_closing (self, line, length)) >= 0)
    *closing = TRUE;
  /* After the end of a multipart its end means nothing; a part after the end is still a part. */
  if (found >= 0 && *closing && g_array_index (self->open, OpenPart, found).closed)
    return -1;
  return found;
}

typedef struct {
  int open; /* index of the multipart; -1: none until the end of the source */
  gboolean closing;
  guint64 line; /* where the delimiter line begins */
  guint64 next; /* behind it */
} Delimiter;

/* Whether a delimiter line begins at OFFSET, where "--" stands.  FALSE with *FAILED if reading fails. */
static gboolean
read_delimiter (Scanner *self, guint64 offset, Delimiter *found, gboolean *failed, GError **error)
{
  gsize got;
  const guint8 *line = window_get (self, offset, MAX_DELIMITER, &got, error);

  if (line == NULL) {
    *failed = TRUE;
    return FALSE;
  }
  gsize length = MIN (got, MAX_DELIMITER);
  const guint8 *lf = memchr (line, '\n', length);
  if (lf == NULL && length == MAX_DELIMITER)
    return FALSE;
  length = lf != NULL ? (gsize) (lf - line) : length;
  found->open = match_delimiter (self, line, length, &found->closing);
  found->line = offset;
  found->next = offset + length + (lf != NULL);
  return found->open >= 0;
}

/* The next delimiter from FROM on, which is the beginning of a line.  Hunts for '-', which base64 never has.
 */
static gboolean
find_delimiter (Scanner *self, guint64 from, Delimiter *found, GError **error)
{
  guint64 offset = from;
  gboolean failed = FALSE;

  found->open = -1;
  if (self->open->len == 0)
    return TRUE;
  while (offset < self->source->size) {
    gsize got;
    /* One byte before, to see whether a line begins there. */
    guint64 base = offset > from ? offset - 1 : offset;
    const guint8 *data = window_get (self, base, WINDOW, &got, error);
    if (data == NULL)
      return FALSE;
    const guint8 *p = data + (offset - base), *end = data + got;
    gboolean moved = FALSE;
    while (!moved && (p = memchr (p, '-', end - p)) != NULL) {
      guint64 at = base + (p - data);
      if (at != from && p[-1] != '\n') {
        p++;
        continue;
      }
      if (p + 1 == end && at + 1 < self->source->size)
        break; /* the second '-' lies in the next window */
      if (p + 1 < end && p[1] == '-') {
        const guint8 *window = self->data;
        guint64 start = self->start;
        if (read_delimiter (self, at, found, &failed, error))
          return TRUE;
        if (failed)
          return FALSE;
        found->open = -1;
        if (self->data != window || self->start != start) {
          offset = at + 1;
          moved = TRUE;
          break;
        }
      }
      p++;
    }
    if (moved)
      continue;
    offset = p != NULL ? base + (p - data) : base + got;
  }
  return TRUE;
}

static const char *const field_names[PN_MIME_N_FIELDS]
    = { "type", "transfer-encoding", "disposition", "id", "location", "description", "base" };

static void
keep_field (PnMimeEntity *node, const guint8 *name, gsize name_length, const guint8 *value, gsize length)
{
  if (name_length < 10 || g_ascii_strncasecmp ((const char *) name, "content-", 8) != 0)
    return;
  for (guint i = 0; i < PN_MIME_N_FIELDS; i++) {
    if (strlen (field_names[i]) != name_length - 8
        || g_ascii_strncasecmp ((const char *) name + 8, field_names[i], name_length - 8) != 0)
      continue;
    if (node->fields[i].value != NULL) {
      node->duplicates |= 1u << i;
      return;
    }
    node->fields[i].value = g_strndup ((const char *) value, MIN (length, MAX_FIELD));
    node->fields[i].length = MIN (length, MAX_FIELD);
    return;
  }
}

/* The field that is being read: its name and where its value lies, relative to the header. */
typedef struct {
  gsize name, name_length, value;
  gboolean open;
} CurrentField;

static void
end_field (PnMimeEntity *node, const guint8 *header, CurrentField *field, gsize end)
{
  if (!field->open)
    return;
  while (end > field->value && (header[end - 1] == '\n' || header[end - 1] == '\r'))
    end--;
  keep_field (node, header + field->name, field->name_length, header + field->value, end - field->value);
  field->open = FALSE;
}

/* The boundary that the Content-Type of NODE says, whose header is being read; NULL if there is none. */
static const char *
find_declared (Scanner *self, const PnMimeEntity *node)
{
  const PnMimeRawField *type = &node->fields[PN_MIME_CONTENT_TYPE];
  PnHeaderContext context = { NULL, 0 };

  if (type->value == NULL || self->knows_declared)
    return self->declared;
  g_autoptr (PnHeaderParams) params = pn_header_parse_params (type->value, type->length, &context);
  const char *boundary = pn_header_params_get (params, "boundary");
  self->knows_declared = TRUE;
  self->declared = boundary != NULL ? g_strchomp (g_strdup (boundary)) : NULL;
  if (self->declared != NULL && self->declared[0] == '\0')
    g_clear_pointer (&self->declared, g_free);
  return self->declared;
}

/* Whether LINE, which begins with "--", is the first delimiter of the multipart whose header is being read:
 * its blank line was lost, or made one of blanks, which looks like a fold. */
static gboolean
is_own_delimiter (Scanner *self, const PnMimeEntity *node, const char *line, gsize length)
{
  const char *boundary = find_declared (self, node);

  while (length > 2 && g_ascii_isspace (line[length - 1]))
    length--;
  return boundary != NULL && strlen (boundary) == length - 2 && memcmp (line + 2, boundary, length - 2) == 0;
}

typedef enum {
  LINE_IN_HEADER,
  LINE_STRAY,    /* in the header, but no field */
  LINE_DOUBTFUL, /* what follows it tells whether it is a stray or the body begins */
  LINE_BLANK,
  LINE_OF_BODY
} HeaderLine;

/* What the line of LENGTH bytes, its end included, is in a header. */
static HeaderLine
judge_line (Scanner *self, const guint8 *header, gsize at, gsize length, CurrentField *field,
            PnMimeEntity *node)
{
  const char *line = (const char *) header + at;
  gsize name_length, value;
  gboolean closing;

  if (line[0] == '\n' || (length >= 2 && line[0] == '\r' && line[1] == '\n')
      || (length == 1 && line[0] == '\r'))
    return LINE_BLANK;
  if ((line[0] == ' ' || line[0] == '\t') && at > 0)
    return LINE_IN_HEADER;
  if (length >= 2 && line[0] == '-' && line[1] == '-' && length <= MAX_DELIMITER) {
    if (match_delimiter (self, header + at, length, &closing) >= 0)
      return LINE_OF_BODY;
    end_field (node, header, field, at); /* no fold follows this line */
    if (is_own_delimiter (self, node, line, length))
      return LINE_OF_BODY;
  }
  if (pn_header_is_field (line, length, &name_length, &value)) {
    end_field (node, header, field, at);
    *field = (CurrentField){ at, name_length, at + value, TRUE };
    return LINE_IN_HEADER;
  }
  /* The line that mbox puts before a message. */
  if (at == 0 && node->depth == 0 && (strncmp (line, "From ", MIN (5, length)) == 0 || line[0] == '>'))
    return LINE_IN_HEADER;
  if (at > 0 && pn_mime_has_odd_name (line, length))
    return LINE_STRAY;
  return at > 0 || node->depth == 0 ? LINE_DOUBTFUL : LINE_OF_BODY;
}

/* Reads the header at OFFSET into NODE. */
static gboolean
read_header (Scanner *self, guint64 offset, PnMimeEntity *node, GError **error)
{
  gsize got, at = 0, want = WINDOW / 2;
  const guint8 *header = window_get (self, offset, want, &got, error);
  CurrentField field = { 0, 0, 0, FALSE };
  HeaderLine kind = LINE_IN_HEADER;
  gboolean begun = FALSE; /* more than blank lines was there */

  if (header == NULL)
    return FALSE;
  g_clear_pointer (&self->declared, g_free);
  self->knows_declared = FALSE;
  while (kind == LINE_IN_HEADER) {
    const guint8 *lf = at < got ? memchr (header + at, '\n', got - at) : NULL;
    gboolean end_of_source = offset + got >= self->source->size;
    if (!end_of_source && got < PN_MIME_MAX_HEADER && (lf == NULL || got - at < PN_MIME_LOOK_AHEAD)) {
      want = MIN (MAX (want, got) * 2, PN_MIME_MAX_HEADER);
      header = window_get (self, offset, want, &got, error);
      if (header == NULL)
        return FALSE;
      continue;
    }
    if (lf == NULL && !end_of_source) {
      self->scan->header_limit = TRUE;
      break;
    }
    gsize length = lf != NULL ? (gsize) (lf - header) + 1 - at : got - at;
    if (length == 0)
      break;
    kind = judge_line (self, header, at, length, &field, node);
    if (kind == LINE_DOUBTFUL)
      kind = pn_mime_header_goes_on (header, at + length, got, begun ? 1 : 2) ? LINE_STRAY : LINE_OF_BODY;
    else if (kind == LINE_BLANK && !begun && node->depth == 0
             && pn_mime_header_goes_on (header, pn_mime_skip_blank_lines (header, at, got), got, 2))
      kind = LINE_IN_HEADER;
    else
      begun = TRUE;
    if (kind == LINE_STRAY) {
      end_field (node, header, &field, at);
      node->strays++;
      kind = LINE_IN_HEADER;
    }
    if (kind == LINE_IN_HEADER)
      at += length;
    else if (kind == LINE_BLANK) {
      end_field (node, header, &field, at);
      at += length;
    }
  }
  end_field (node, header, &field, at);
  node->header_offset = offset;
  node->header_length = at;
  node->body_offset = offset + at;
  return TRUE;
}

/* The encoding that LABEL means; NONE and *UNKNOWN if it means none. */
static PnEncoding
find_encoding (const char *label, gsize length, gboolean *unknown)
{
  static const struct {
    const char *name;
    PnEncoding encoding;
  } names[] = { { "base64", PN_ENCODING_BASE64 },
                { "quoted-printable", PN_ENCODING_QUOTED_PRINTABLE },
                { "7bit", PN_ENCODING_NONE },
                { "8bit", PN_ENCODING_NONE },
                { "binary", PN_ENCODING_NONE },
                { "x-uuencode", PN_ENCODING_UUENCODE },
                { "uuencode", PN_ENCODING_UUENCODE },
                { "x-uue", PN_ENCODING_UUENCODE },
                { "uue", PN_ENCODING_UUENCODE },
                { "7-bit", PN_ENCODING_NONE },
                { "8-bit", PN_ENCODING_NONE },
                { "none", PN_ENCODING_NONE },
                { "quoted printable", PN_ENCODING_QUOTED_PRINTABLE },
                { "quotedprintable", PN_ENCODING_QUOTED_PRINTABLE },
                { "base-64", PN_ENCODING_BASE64 } };
  const char *end = label + length;

  *unknown = FALSE;
  while (label < end && (g_ascii_isspace (*label) || *label == '"' || *label == '\''))
    label++;
  const char *stop = label;
  while (stop < end && strchr (";(\"'\r\n", *stop) == NULL)
    stop++;
  while (stop > label && g_ascii_isspace (stop[-1]))
    stop--;
  if (stop == label)
    return PN_ENCODING_NONE;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i].name) == (gsize) (stop - label)
        && g_ascii_strncasecmp (label, names[i].name, stop - label) == 0)
      return names[i].encoding;
  *unknown = TRUE;
  return PN_ENCODING_NONE;
}

/* The media type at the beginning of a raw Content-Type; NULL if there is none to be understood. */
static char *
read_type (const PnMimeRawField *field)
{
  const char *p = field->value, *end = p + field->length;

  while (p < end && (g_ascii_isspace (*p) || *p == '"' || *p == '\''))
    p++;
  const char *stop = p;
  while (stop<end && * stop> 32 && *stop < 127 && strchr (";(),\"'=", *stop) == NULL)
    stop++;
  const char *slash = memchr (p, '/', stop - p);
  if (slash != NULL && slash > p && slash + 1 < stop && memchr (slash + 1, '/', stop - slash - 1) == NULL
      && stop - p <= 128)
    return g_ascii_strdown (p, stop - p);
  if (stop - p == 4 && g_ascii_strncasecmp (p, "text", 4) == 0)
    return g_strdup ("text/plain");
  if (stop - p == 4 && g_ascii_strncasecmp (p, "html", 4) == 0)
    return g_strdup ("text/html");
  if (stop - p == 9 && g_ascii_strncasecmp (p, "multipart", 9) == 0)
    return g_strdup ("multipart/mixed");
  return NULL;
}

/* A multipart that does not say its boundary: the first line of the body tells, if it begins with "--". */
static char *
guess_boundary (Scanner *self, const PnMimeEntity *node, GError **error)
{
  gsize got;
  const guint8 *p = window_get (self, node->body_offset, MAX_DELIMITER, &got, error);

  if (p == NULL)
    return NULL;
  const guint8 *end = p + MIN (got, MAX_DELIMITER);
  while (p < end && (*p == '\r' || *p == '\n'))
    p++;
  const guint8 *lf = memchr (p, '\n', end - p);
  if (lf == NULL || lf - p < 4 || p[0] != '-' || p[1] != '-')
    return NULL;
  while (lf > p && g_ascii_isspace (lf[-1]))
    lf--;
  if (lf - p < 4 || lf - p > 200)
    return NULL;
  return g_strndup ((const char *) p + 2, lf - p - 2);
}

/* Whether a line that looks like a delimiter stands at P: then its boundary. */
static char *
read_likely_delimiter (const char *p, const char *end)
{
  const char *lf = memchr (p, '\n', end - p);
  gboolean word = FALSE;

  if (lf == NULL || lf - p < 6 || lf - p > 200 || p[0] != '-' || p[1] != '-')
    return NULL;
  const char *stop = lf > p && lf[-1] == '\r' ? lf - 1 : lf;
  for (const char *q = p + 2; q < stop; q++) {
    if ((guint8) *q <= ' ')
      return NULL;
    word = word || g_ascii_isalnum (*q);
  }
  const char *next = lf + 1;
  gboolean part = next < end
                  && (*next == '\n' || *next == '\r'
                      || (end - next > 8 && g_ascii_strncasecmp (next, "content-", 8) == 0));
  return word && part ? g_strndup (p + 2, stop - p - 2) : NULL;
}

/* Whether the line at P is followed by a field of a part's header. */
static gboolean
begins_part (const char *p, const char *end)
{
  const char *lf = memchr (p, '\n', end - p);

  return lf != NULL && end - lf > 9 && g_ascii_strncasecmp (lf + 1, "content-", 8) == 0;
}

/* The boundary that the body of NODE uses, whatever was declared: a line like a delimiter that comes again,
 * or that a part follows. */
static char *
find_used_boundary (Scanner *self, const PnMimeEntity *node, GError **error)
{
  gsize got;
  const char *p = (const char *) window_get (self, node->body_offset, LOOK_FOR_BOUNDARY, &got, error);

  if (p == NULL)
    return NULL;
  const char *end = p + MIN (got, LOOK_FOR_BOUNDARY);
  g_autofree char *once = NULL;
  for (guint tries = 0; p < end && tries < 16;) {
    g_autofree char *boundary = read_likely_delimiter (p, end);
    const char *lf = memchr (p, '\n', end - p);
    if (boundary != NULL && once == NULL && begins_part (p, end))
      once = g_strdup (boundary);
    p = lf != NULL ? lf + 1 : end;
    if (boundary == NULL)
      continue;
    tries++;
    g_autofree char *again = g_strconcat ("\n--", boundary, NULL);
    if (p < end && memmem (p - 1, end - p + 1, again, strlen (again)) != NULL)
      return g_steal_pointer (&boundary);
  }
  return g_steal_pointer (&once);
}

static void
push_open (Scanner *self, guint index, char *boundary)
{
  OpenPart open = { index, boundary, strlen (boundary), 0, FALSE };

  open.hash = hash_bytes ((const guint8 *) boundary, open.length);
  self->filter |= G_GUINT64_CONSTANT (1) << (open.hash & 63);
  g_array_append_val (self->open, open);
}

/* Opens NODE if it is a multipart; FALSE if reading fails. */
static gboolean
open_multipart (Scanner *self, guint index, GError **error)
{
  PnMimeEntity *node = pn_mime_scan_entity (self->scan, index);
  GError *local = NULL;

  if (!g_str_has_prefix (node->type, "multipart/"))
    return TRUE;
  if (node->depth >= self->max_depth) {
    node->too_deep = TRUE;
    return TRUE;
  }
  g_autofree char *boundary = g_strdup (find_declared (self, node));
  if (boundary == NULL) {
    boundary = guess_boundary (self, node, &local);
    if (boundary == NULL && local == NULL)
      boundary = find_used_boundary (self, node, &local);
    if (local != NULL) {
      g_propagate_error (error, local);
      return FALSE;
    }
  }
  node->no_delimiter = TRUE;
  if (boundary == NULL || strlen (boundary) > MAX_BOUNDARY)
    return TRUE;
  push_open (self, index, g_steal_pointer (&boundary));
  node->unclosed = TRUE;
  return TRUE;
}

/* Every part from the multipart at OPEN inwards, without it, ends at OFFSET. */
static void
close_parts (Scanner *self, guint open, guint64 offset)
{
  if (self->leaf != G_MAXUINT) {
    PnMimeEntity *leaf = pn_mime_scan_entity (self->scan, self->leaf);
    leaf->body_length = offset > leaf->body_offset ? offset - leaf->body_offset : 0;
    self->leaf = G_MAXUINT;
  }
  for (guint i = open; i < self->open->len; i++) {
    PnMimeEntity *node = pn_mime_scan_entity (self->scan, g_array_index (self->open, OpenPart, i).node);
    node->body_length = offset > node->body_offset ? offset - node->body_offset : 0;
  }
  if (open == self->open->len)
    return;
  g_array_set_size (self->open, open);
  self->filter = 0;
  for (guint i = 0; i < open; i++)
    self->filter |= G_GUINT64_CONSTANT (1) << (g_array_index (self->open, OpenPart, i).hash & 63);
}

/* Adds a part below PARENT that begins at OFFSET and makes it the one that the bytes belong to. */
static gboolean
begin_part (Scanner *self, guint parent, guint64 offset, GError **error)
{
  GArray *nodes = self->scan->nodes;
  guint index = nodes->len;
  PnMimeEntity node = { 0 };
  const char *fallback = "text/plain";

  node.parent = parent;
  node.number = 1;
  if (index > 0) {
    PnMimeEntity *above = pn_mime_scan_entity (self->scan, parent);
    node.depth = above->depth + 1;
    above->no_delimiter = FALSE;
    if (above->last_child != 0) {
      PnMimeEntity *before = pn_mime_scan_entity (self->scan, above->last_child);
      before->next_sibling = index;
      node.number = before->number + 1;
    } else {
      above->first_child = index;
    }
    above->last_child = index;
    if (strcmp (above->type, "multipart/digest") == 0)
      fallback = "message/rfc822";
  }
  self->leaf = index;
  g_array_append_val (nodes, node);
  PnMimeEntity *added = pn_mime_scan_entity (self->scan, index);
  if (index + 1 >= self->max_parts && index > 0) {
    self->scan->too_many = TRUE;
    added->header_offset = added->body_offset = offset;
    added->type = g_strdup ("application/octet-stream");
    return TRUE;
  }
  if (!read_header (self, offset, added, error))
    return FALSE;
  const PnMimeRawField *type = &added->fields[PN_MIME_CONTENT_TYPE];
  const PnMimeRawField *encoding = &added->fields[PN_MIME_CONTENT_TRANSFER_ENCODING];
  if (type->value != NULL)
    added->type = read_type (type);
  added->typed = added->type != NULL;
  if (added->type == NULL)
    added->type = g_strdup (fallback);
  if (encoding->value != NULL)
    added->encoding = find_encoding (encoding->value, encoding->length, &added->encoding_unknown);
  return open_multipart (self, index, error);
}

/* Where the bytes end that come before the delimiter line at OFFSET: its line end is not theirs. */
static gboolean
find_end (Scanner *self, guint64 offset, guint64 *end, GError **error)
{
  gsize got;

  *end = offset;
  if (offset < 2)
    return TRUE;
  const guint8 *p = window_get (self, offset - 2, 2, &got, error);
  if (p == NULL)
    return FALSE;
  if (p[1] == '\n')
    *end -= p[0] == '\r' ? 2 : 1;
  return TRUE;
}

/* The parts behind the header of the message. */
static gboolean
scan_bodies (Scanner *self, GError **error)
{
  guint64 position = pn_mime_scan_entity (self->scan, 0)->body_offset, end;
  Delimiter found;

  while (!self->scan->too_many) {
    if (!find_delimiter (self, position, &found, error))
      return FALSE;
    if (found.open < 0)
      break;
    if (!find_end (self, found.line, &end, error))
      return FALSE;
    close_parts (self, (guint) found.open + 1, end);
    OpenPart *open = &g_array_index (self->open, OpenPart, found.open);
    guint node = open->node;
    position = found.next;
    open->closed = found.closing;
    if (found.closing) {
      pn_mime_scan_entity (self->scan, node)->unclosed = FALSE;
    } else {
      if (!begin_part (self, node, position, error))
        return FALSE;
      position = pn_mime_scan_entity (self->scan, self->leaf)->body_offset;
    }
  }
  close_parts (self, 0, self->source->size);
  return TRUE;
}

/* A message whose declared boundary is nowhere in it is opened at the one that it uses. */
static gboolean
use_other_boundary (Scanner *self, GError **error)
{
  PnMimeEntity *root = pn_mime_scan_entity (self->scan, 0);
  GError *local = NULL;

  if (!root->no_delimiter || self->scan->nodes->len > 1)
    return TRUE;
  char *boundary = find_used_boundary (self, root, &local);
  if (boundary == NULL) {
    if (local != NULL)
      g_propagate_error (error, local);
    return local == NULL;
  }
  push_open (self, 0, boundary);
  root->unclosed = root->other_boundary = TRUE;
  return scan_bodies (self, error);
}

static gboolean
scan_all (Scanner *self, GError **error)
{
  return begin_part (self, 0, 0, error) && scan_bodies (self, error) && use_other_boundary (self, error);
}

static void
open_part_clear (gpointer data)
{
  g_free (((OpenPart *) data)->boundary);
}

static void
node_clear (gpointer data)
{
  PnMimeEntity *node = data;

  g_free (node->type);
  for (guint i = 0; i < PN_MIME_N_FIELDS; i++)
    g_free (node->fields[i].value);
}

PnMimeScan *
pn_mime_scan (PnSource *source, guint max_depth, guint max_parts, GError **error)
{
  g_autoptr (PnMimeScan) scan = g_new0 (PnMimeScan, 1);
  Scanner scanner = { .source = source,
                      .scan = scan,
                      .max_depth = MIN (max_depth > 0 ? max_depth : DEFAULT_DEPTH, HARD_DEPTH),
                      .max_parts = max_parts > 0 ? max_parts : DEFAULT_PARTS,
                      .leaf = G_MAXUINT };

  scan->nodes = g_array_new (FALSE, FALSE, sizeof (PnMimeEntity));
  g_array_set_clear_func (scan->nodes, node_clear);
  scanner.open = g_array_new (FALSE, FALSE, sizeof (OpenPart));
  g_array_set_clear_func (scanner.open, open_part_clear);
  gboolean done = scan_all (&scanner, error);
  g_array_unref (scanner.open);
  g_free (scanner.buffer);
  g_free (scanner.declared);
  return done ? g_steal_pointer (&scan) : NULL;
}

void
pn_mime_scan_free (PnMimeScan *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->nodes);
  g_free (self);
}

PnMimeEntity *
pn_mime_scan_entity (const PnMimeScan *self, guint index)
{
  return &g_array_index (self->nodes, PnMimeEntity, index);
}

char *
pn_mime_scan_section (const PnMimeScan *self, guint index)
{
  GString *section = g_string_new (NULL);

  if (index == 0)
    g_string_assign (section, "1");
  while (index != 0) {
    PnMimeEntity *node = pn_mime_scan_entity (self, index);
    g_autofree char *number = g_strdup_printf ("%u%s", node->number, section->len > 0 ? "." : "");
    g_string_prepend (section, number);
    index = node->parent;
  }
  return g_string_free (section, FALSE);
}
