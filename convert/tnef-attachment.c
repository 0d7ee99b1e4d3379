#include "convert/tnef-private.h"

#include "convert/mime-header.h"
#include "convert/mime-reader.h"
#include "convert/mime.h"

#include <string.h>

enum { MAX_ATTACHMENTS = 2000, MAC_HEADER = 128, IID = 16 };

enum {
  METHOD_BY_VALUE = 1,
  METHOD_REFERENCE = 2, /* to 4: only the path is there */
  METHOD_REFERENCE_ONLY = 4,
  METHOD_WEB = 7,
  METHOD_EMBEDDED = 5,
  METHOD_OLE = 6,
  ATTACH_EXCEPTION = 2 /* of ATTACHMENT_FLAGS: an instance of a series that differs */
};

/* Properties of attachments. */
enum {
  DISPLAY_NAME = 0x3001,
  CREATED = 0x3007,
  MODIFIED = 0x3008,
  DATA = 0x3701,
  SHORT_NAME = 0x3704,
  METHOD = 0x3705,
  LONG_NAME = 0x3707,
  PATH = 0x3708,
  RENDERING = 0x3709,
  LONG_PATH = 0x370D,
  MIME_TYPE = 0x370E,
  CONTENT_ID = 0x3712,
  CONTENT_LOCATION = 0x3713,
  ATTACHMENT_FLAGS = 0x7FFD
};

/* --- which attributes belong together ----------------------------------------------------------------------
 */

static const PnTnefAttribute **
slot_of (PnTnefAttachment *attachment, guint16 id)
{
  switch (id) {
  case PN_ATT_ATTACH_RENDER:
    return &attachment->render;
  case PN_ATT_ATTACH_TITLE:
    return &attachment->title;
  case PN_ATT_ATTACH_DATA:
    return &attachment->data;
  case PN_ATT_ATTACH_CREATED:
    return &attachment->created;
  case PN_ATT_ATTACH_MODIFIED:
    return &attachment->modified;
  case PN_ATT_ATTACH_TRANSPORT_NAME:
    return &attachment->transport_name;
  case PN_ATT_ATTACHMENT:
    return &attachment->block;
  case PN_ATT_ATTACH_METAFILE:
    return &attachment->metafile;
  default:
    return NULL;
  }
}

/* A new attachment begins with attAttachRendData, or, where that is missing or in the wrong place, with
 * whatever the present one has already. */
GArray *
pn_tnef_attachments (const PnTnef *self)
{
  GArray *attachments = g_array_new (FALSE, TRUE, sizeof (PnTnefAttachment));
  for (guint i = 0; i < self->attributes->len; i++) {
    const PnTnefAttribute *attribute = &g_array_index (self->attributes, PnTnefAttribute, i);
    PnTnefAttachment probe;
    if (!slot_of (&probe, attribute->id))
      continue;
    PnTnefAttachment *last
        = attachments->len ? &g_array_index (attachments, PnTnefAttachment, attachments->len - 1) : NULL;
    if (!last || *slot_of (last, attribute->id)) {
      if (attachments->len >= MAX_ATTACHMENTS)
        break;
      g_array_set_size (attachments, attachments->len + 1);
      last = &g_array_index (attachments, PnTnefAttachment, attachments->len - 1);
      last->number = attachments->len;
      last->first = attribute;
    }
    *slot_of (last, attribute->id) = attribute;
  }
  return attachments;
}

GArray *
pn_tnef_attachment_properties (PnTnef *self, const PnTnefAttachment *attachment)
{
  GArray *properties = g_array_new (FALSE, FALSE, sizeof (PnMapiProperty));
  const guint8 *p = attachment->block ? attachment->block->data : NULL;
  if (p)
    pn_tnef_read_block (self, attachment->block, &p, properties);
  return properties;
}

static GBytes *
slice (const PnTnef *self, const guint8 *data, gsize length)
{
  return g_bytes_new_from_bytes (self->bytes, (gsize) (data - self->data), length);
}

GBytes *
pn_tnef_embedded (const PnTnef *self, const GArray *properties)
{
  gsize length;
  const PnMapiProperty *property = pn_mapi_find (properties, DATA);
  const guint8 *data = pn_mapi_binary (property, &length);
  gsize skip = property && property->type == PN_MAPI_OBJECT ? IID : 0;
  if (!data || length < skip || !pn_tnef_is (data + skip, length - skip))
    return NULL;
  if (skip == 0 && pn_mapi_number_or (pn_mapi_find (properties, METHOD), 0) != METHOD_EMBEDDED)
    return NULL;
  return slice (self, data + skip, length - skip);
}

/* --- one attachment
 * ------------------------------------------------------------------------------------------- */

typedef struct {
  PnTnef *tnef;
  GHashTable *there; /* "size digest name" of the message's files to how many of them */
  GHashTable *shown; /* Content-IDs that the HTML body refers to */
} Reader;

/* A media type of two tokens that a single file can have. */
static char *
read_type (const PnTnef *self, const GArray *properties)
{
  char *type = pn_tnef_text (self, pn_mapi_find (properties, MIME_TYPE));
  gboolean fit = type && strlen (type) < 128 && strchr (type, '/')
                 && g_ascii_strncasecmp (type, "multipart/", 10) != 0
                 && g_ascii_strncasecmp (type, "message/", 8) != 0;
  guint slashes = 0;
  for (const char *p = type; fit && *p; p++) {
    slashes += *p == '/';
    fit = g_ascii_isalnum (*p) || strchr ("!#$&-^_.+/", *p);
  }
  if (fit && slashes == 1 && type[0] != '/' && !g_str_has_suffix (type, "/"))
    return type;
  g_free (type);
  return g_strdup ("application/octet-stream");
}

/* The media type of what is in an object. */
static char *
part_type_of (const char *extension)
{
  static const char *const types[][2] = { { "bmp", "image/bmp" },
                                          { "png", "image/png" },
                                          { "gif", "image/gif" },
                                          { "jpg", "image/jpeg" },
                                          { "tif", "image/tiff" },
                                          { "wmf", "image/wmf" },
                                          { "pdf", "application/pdf" },
                                          { "rtf", "application/rtf" },
                                          { "zip", "application/zip" },
                                          { "doc", "application/msword" },
                                          { "xls", "application/vnd.ms-excel" },
                                          { "ppt", "application/vnd.ms-powerpoint" } };
  for (guint i = 0; extension && i < G_N_ELEMENTS (types); i++)
    if (strcmp (types[i][0], extension) == 0)
      return g_strdup (types[i][1]);
  return g_strdup ("application/octet-stream");
}

static char *
read_name (const PnTnef *self, const PnTnefAttachment *attachment, const GArray *properties)
{
  static const guint names[] = { LONG_NAME, SHORT_NAME, DISPLAY_NAME };
  const PnTnefAttribute *const attributes[] = { attachment->title, attachment->transport_name };
  char *name = pn_tnef_text (self, pn_mapi_find (properties, names[0]));
  for (guint i = 0; !name && i < G_N_ELEMENTS (attributes); i++)
    if (attributes[i] && attributes[i]->length > 1)
      name = pn_tnef_oem_text (self, attributes[i]->data, attributes[i]->length);
  for (guint i = 1; !name && i < G_N_ELEMENTS (names); i++)
    name = pn_tnef_text (self, pn_mapi_find (properties, names[i]));
  return name;
}

static void
set_name (Reader *self, const PnTnefAttachment *attachment, PnPart *part, const char *name)
{
  gboolean changed = FALSE;
  if (!name || !*name)
    return;
  part->name = pn_header_clean_file_name (name, &changed);
  if (changed)
    pn_tnef_add_loss (self->tnef, attachment->first, "the file name \"%.200s\" became \"%s\"", name,
                      part->name ? part->name : "");
}

static void
set_time (PnTime *time, const PnMapiProperty *property, const PnTnefAttribute *attribute)
{
  gint64 at;
  if (pn_mapi_time (property, &at) || pn_tnef_date (attribute, &at))
    *time = (PnTime){ TRUE, at, 0 };
}

/* A content id without brackets; one with blanks or controls would break the header it is written into. */
static char *
read_id (const PnTnef *self, const PnMapiProperty *property)
{
  g_autofree char *text = pn_tnef_text (self, property);
  char *id = text ? g_strstrip (text) : NULL;
  gsize length = id ? strlen (id) : 0;
  if (length >= 2 && id[0] == '<' && id[length - 1] == '>') {
    id[length - 1] = '\0';
    id++;
  }
  for (const char *p = id; p && *p; p++)
    if ((guchar) *p <= ' ' || *p == 0x7F || *p == '<' || *p == '>')
      return NULL;
  return id && *id && length < 900 ? g_strdup (id) : NULL;
}

/* A name for what has none: an extension by what it is. */
static void
complete_name (PnPart *part, const char *extension, guint number)
{
  if (part->name && (!extension || strchr (part->name, '.')))
    return;
  g_autofree char *stem = part->name ? g_steal_pointer (&part->name) : g_strdup_printf ("object%u", number);
  part->name = g_strconcat (stem, ".", extension ? extension : "bin", NULL);
}

static void
describe (Reader *self, const PnTnefAttachment *attachment, const GArray *properties, PnPart *part)
{
  set_time (&part->created, pn_mapi_find (properties, CREATED), attachment->created);
  set_time (&part->modified, pn_mapi_find (properties, MODIFIED), attachment->modified);
  part->content_id = read_id (self->tnef, pn_mapi_find (properties, CONTENT_ID));
  part->content_location = read_id (self->tnef, pn_mapi_find (properties, CONTENT_LOCATION));
  /* The flags of the attachment (hidden, shown in the text) only tell what the HTML tells better: many
   * senders set them for real files. */
  if (part->content_id && g_hash_table_contains (self->shown, part->content_id))
    part->role = PN_PART_INLINE;
}

/* Of a file with a resource fork in MacBinary only the data. */
static void
skip_mac_header (const PnTnefAttachment *attachment, const guint8 **data, gsize *length)
{
  const PnTnefAttribute *render = attachment->render;
  if (!render || render->length < 14 || !(pn_tnef_get32 (render->data + 10) & 1) || *length < MAC_HEADER)
    return;
  const guint8 *p = *data;
  gsize size = (gsize) p[83] << 24 | (gsize) p[84] << 16 | (gsize) p[85] << 8 | p[86];
  if (p[0] != 0 || p[74] != 0 || size > *length - MAC_HEADER)
    return;
  *data += MAC_HEADER;
  *length = size;
}

/* The bytes of a file, or NULL. */
static GBytes *
find_bytes (Reader *self, const PnTnefAttachment *attachment, const GArray *properties)
{
  gsize length;
  const PnMapiProperty *property = pn_mapi_find (properties, DATA);
  const guint8 *data = pn_mapi_binary (property, &length);
  if (attachment->data && (!data || length == 0 || property->type != PN_MAPI_OBJECT)) {
    data = attachment->data->data;
    length = attachment->data->length;
    skip_mac_header (attachment, &data, &length);
  } else if (data && property->type == PN_MAPI_OBJECT) {
    gsize skip = MIN (length, IID);
    data += skip;
    length -= skip;
  }
  return data ? slice (self->tnef, data, length) : NULL;
}

/* --- those that are there already
 * ---------------------------------------------------------------------------- */

static char *
key_of (const PnPart *part)
{
  guint64 size;
  guint8 digest[32];
  if (!pn_content_measure (part->content, &size, digest, NULL))
    return NULL;
  g_autofree char *hash = g_base64_encode (digest, sizeof digest);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " %s %s", size, hash, part->name ? part->name : "");
}

/* A message that was composed of a converted one holds everything twice: beside its TNEF and in it. */
static GHashTable *
find_there (const PnMessage *message)
{
  GHashTable *there = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    char *key = part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE ? key_of (part) : NULL;
    if (key)
      g_hash_table_insert (there, key,
                           GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (there, key)) + 1));
  }
  return there;
}

static void
add_part (Reader *self, PnPart *part)
{
  g_autofree char *key = g_hash_table_size (self->there) > 0 ? key_of (part) : NULL;
  guint count = key ? GPOINTER_TO_UINT (g_hash_table_lookup (self->there, key)) : 0;
  if (count == 0) {
    pn_message_add_part (self->tnef->message, part);
    return;
  }
  g_hash_table_insert (self->there, g_steal_pointer (&key), GUINT_TO_POINTER (count - 1));
  pn_part_free (part);
}

/* --- embedded messages
 * ------------------------------------------------------------------------------------------ */

static void
take_losses (Reader *self, const PnTnefAttachment *attachment, const PnMessage *inner)
{
  for (guint i = 0; i < inner->losses->len; i++) {
    const PnLoss *loss = inner->losses->pdata[i];
    pn_tnef_add_loss (self->tnef, attachment->first, "in the message in it: %s: %s", loss->part,
                      loss->reason);
  }
}

/* The stream as a mail, or NULL. */
static GBytes *
compose (Reader *self, const PnTnefAttachment *attachment, GBytes *stream, char **subject)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) inner = pn_message_new (PN_TYPE_MAIL);
  PnTnef *tnef = self->tnef;
  if (tnef->depth + 1 >= PN_TNEF_MAX_DEPTH) {
    pn_tnef_add_loss (tnef, attachment->first, "messages are nested too deep; it stays as it came");
    return NULL;
  }
  g_autoptr (GByteArray) mail = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (mail);
  const PnMimeWriteOptions options = { .host = "localhost", .default_domain = "localhost", .keep_bcc = TRUE };
  gboolean done
      = pn_tnef_read_nested (inner, stream, tnef->site_timezone, tnef->depth + 1, tnef->budget, &error);
  /* What is about to be written is not much longer than what was read. */
  done = done && g_bytes_get_size (stream) <= *tnef->budget && pn_mime_write (inner, &options, &sink, &error);
  take_losses (self, attachment, inner);
  if (!done || !pn_tnef_spend (tnef, mail->len)) {
    pn_tnef_add_loss (tnef, attachment->first, "the message in it stays as it came: %s",
                      error ? error->message : "all that was unpacked is too much");
    return NULL;
  }
  *subject = g_strdup (inner->subject);
  return g_byte_array_free_to_bytes (g_steal_pointer (&mail));
}

static void
add_embedded (Reader *self, const PnTnefAttachment *attachment, const GArray *properties, GBytes *stream)
{
  g_autofree char *subject = NULL;
  g_autoptr (GBytes) mail = compose (self, attachment, stream, &subject);
  g_autofree char *stated = read_name (self->tnef, attachment, properties);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, mail ? "message/rfc822" : "application/octet-stream",
                              pn_content_new_bytes (mail ? mail : stream));
  const char *stem = subject && *subject ? subject : stated && *stated ? stated : "message";
  g_autofree char *name = g_strdelimit (g_strconcat (stem, mail ? ".eml" : ".tnef", NULL), "/\\:", '_');
  gboolean changed;
  part->name = pn_header_clean_file_name (name, &changed);
  set_time (&part->created, pn_mapi_find (properties, CREATED), attachment->created);
  set_time (&part->modified, pn_mapi_find (properties, MODIFIED), attachment->modified);
  add_part (self, part);
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------ */

/* A path of Windows as what browsers open. */
static char *
url_of (const char *path)
{
  if (strstr (path, "://") || g_ascii_strncasecmp (path, "mailto:", 7) == 0)
    return g_strdup (path);
  g_autofree char *slashes = g_strdelimit (g_strdup (path), "\\", '/');
  const char *p = slashes;
  while (*p == '/')
    p++;
  g_autofree char *escaped = g_uri_escape_string (p, "/:", FALSE);
  return g_strconcat (p - slashes >= 2 ? "file://" : "file:///", escaped, NULL);
}

/* What is a path only becomes a shortcut to it. */
static void
add_link (Reader *self, const PnTnefAttachment *attachment, const char *name, const char *path)
{
  g_autofree char *line = pn_tnef_one_line (g_strdup (path));
  g_autofree char *url = url_of (line);
  g_autofree char *text = g_strdup_printf ("[InternetShortcut]\r\nURL=%s\r\n", url);
  PnPart *part
      = pn_part_new (PN_PART_ATTACHMENT, "application/internet-shortcut", pn_content_new_text (text, -1));
  const char *base = strrchr (line, '\\') ? strrchr (line, '\\') + 1 : line;
  g_autofree char *file = g_strconcat (name && *name ? name : *base ? base : "link", ".url", NULL);
  gboolean changed;
  part->name = pn_header_clean_file_name (g_strdelimit (file, "/\\:", '_'), &changed);
  pn_tnef_add_loss (self->tnef, attachment->first,
                    "the file itself was not sent, only its path; a link to it is there: %.200s", line);
  add_part (self, part);
}

/* The file in an object of another program. */
static void
add_object (Reader *self, const PnTnefAttachment *attachment, const GArray *properties, const char *name,
            GBytes *bytes)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);
  g_auto (PnTnefOle) ole = { 0 };
  gboolean known = pn_tnef_ole_read (self->tnef, data, length, &ole);
  if (known && ole.link) {
    add_link (self, attachment, name, ole.link);
    return;
  }
  g_autoptr (GBytes) inside = !known      ? g_bytes_ref (bytes)
                              : ole.bytes ? g_bytes_ref (ole.bytes)
                                          : slice (self->tnef, ole.data, ole.length);
  const char *extension = known ? ole.extension : "ole";
  g_autofree char *own = ole.name ? g_strdup (ole.name) : g_strdup (name);
  g_autofree char *type = part_type_of (extension);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, type, pn_content_new_bytes (inside));
  /* the label of a package may be a path */
  const char *base = own && strrchr (own, '\\') ? strrchr (own, '\\') + 1 : own;
  if (base && *base)
    set_name (self, attachment, part, base);
  complete_name (part, extension, attachment->number);
  describe (self, attachment, properties, part);
  if (!known)
    pn_tnef_add_loss (self->tnef, attachment->first,
                      "the object of another program stays as it came, as \"%s\"", part->name);
  add_part (self, part);
}

/* The picture of an object whose data are not there. */
static gboolean
add_rendering (Reader *self, const PnTnefAttachment *attachment, const GArray *properties, const char *name)
{
  gsize length = 0;
  const guint8 *data = pn_mapi_binary (pn_mapi_find (properties, RENDERING), &length);
  if ((!data || length == 0) && attachment->metafile) {
    data = attachment->metafile->data;
    length = attachment->metafile->length;
  }
  if (!data || length == 0)
    return FALSE;
  g_autoptr (GBytes) bytes = slice (self->tnef, data, length);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "image/wmf", pn_content_new_bytes (bytes));
  set_name (self, attachment, part, name);
  complete_name (part, "wmf", attachment->number);
  pn_tnef_add_loss (self->tnef, attachment->first, "only the picture of the object is there, as \"%s\"",
                    part->name);
  add_part (self, part);
  return TRUE;
}

/* Objects state it, in the head of the attachment, or look like it. */
static gboolean
is_object (const PnTnefAttachment *attachment, const GArray *properties, GBytes *bytes)
{
  enum { RENDER_OLE = 2, RENDER_PICTURE = 3 };
  const PnTnefAttribute *render = attachment->render;
  gint64 method = pn_mapi_number_or (pn_mapi_find (properties, METHOD), -1);
  guint kind = render && render->length >= 2 ? pn_tnef_get16 (render->data) : 0;
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);
  if (method == METHOD_OLE)
    return TRUE;
  return (kind == RENDER_OLE || kind == RENDER_PICTURE) && method != METHOD_BY_VALUE && length > 0 && data;
}

static void
add_file (Reader *self, const PnTnefAttachment *attachment, const GArray *properties)
{
  g_autoptr (GBytes) bytes = find_bytes (self, attachment, properties);
  g_autofree char *name = read_name (self->tnef, attachment, properties);
  gint64 method = pn_mapi_number_or (pn_mapi_find (properties, METHOD), METHOD_BY_VALUE);
  gboolean reference
      = (method >= METHOD_REFERENCE && method <= METHOD_REFERENCE_ONLY) || method == METHOD_WEB;
  if (!bytes || (reference && g_bytes_get_size (bytes) == 0)) {
    g_autofree char *path = pn_tnef_text (self->tnef, pn_mapi_find (properties, LONG_PATH));
    if (!path)
      path = pn_tnef_text (self->tnef, pn_mapi_find (properties, PATH));
    if (path)
      add_link (self, attachment, name, path);
    else if (!add_rendering (self, attachment, properties, name))
      pn_tnef_add_loss (self->tnef, attachment->first, "the attachment \"%.100s\" has no content",
                        name ? name : "");
    return;
  }
  if (is_object (attachment, properties, bytes)) {
    add_object (self, attachment, properties, name, bytes);
    return;
  }
  g_autofree char *type = read_type (self->tnef, properties);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, type, pn_content_new_bytes (bytes));
  set_name (self, attachment, part, name);
  if (!pn_mapi_find (properties, MIME_TYPE)) {
    /* Mail programs go by the type: only the name says it here. */
    g_free (part->type);
    part->type = g_strdup (pn_mime_type_of (part->name));
  }
  describe (self, attachment, properties, part);
  add_part (self, part);
}

/* A stream in the stream, as a file: what was forwarded by a program that could not read it. */
static gboolean
is_stream (GBytes *bytes)
{
  gsize length;
  const guint8 *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  return data && pn_tnef_is (data, length);
}

static void
read_attachment (Reader *self, const PnTnefAttachment *attachment)
{
  g_autoptr (GArray) properties = pn_tnef_attachment_properties (self->tnef, attachment);
  /* Instances that differ from their series are said by the calendar part. */
  if (pn_message_get_part (self->tnef->message, PN_PART_CALENDAR)
      && pn_mapi_number_or (pn_mapi_find (properties, ATTACHMENT_FLAGS), 0) & ATTACH_EXCEPTION)
    return;
  g_autoptr (GBytes) stream = pn_tnef_embedded (self->tnef, properties);
  if (!stream) {
    g_autoptr (GBytes) file = find_bytes (self, attachment, properties);
    stream = is_stream (file) ? g_steal_pointer (&file) : NULL;
  }
  if (stream)
    add_embedded (self, attachment, properties, stream);
  else
    add_file (self, attachment, properties);
}

/* What stands behind "cid:" in the HTML body. */
static GHashTable *
find_shown (const PnMessage *message)
{
  GHashTable *shown = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const PnPart *part = pn_message_get_part (message, PN_PART_HTML);
  g_autoptr (GBytes) bytes = part ? pn_content_read (part->content, PN_TNEF_MAX_TEXT, NULL) : NULL;
  if (!bytes)
    return shown;
  gsize length;
  const char *html = g_bytes_get_data (bytes, &length), *end = html + length;
  for (const char *p = html; length >= 4 && (p = memmem (p, (gsize) (end - p), "cid:", 4));) {
    const char *id = p += 4;
    while (p < end && (guchar) *p > ' ' && !strchr ("\"'<>)", *p))
      p++;
    if (p - id < 900)
      g_hash_table_add (shown, g_strndup (id, (gsize) (p - id)));
  }
  return shown;
}

void
pn_tnef_read_attachments (PnTnef *self, guint except)
{
  g_autoptr (GArray) attachments = pn_tnef_attachments (self);
  if (attachments->len == 0)
    return;
  g_autoptr (GHashTable) there = find_there (self->message), shown = find_shown (self->message);
  Reader reader = { self, there, shown };
  for (guint i = 0; i < attachments->len; i++)
    if (i + 1 != except)
      read_attachment (&reader, &g_array_index (attachments, PnTnefAttachment, i));
  if (attachments->len >= MAX_ATTACHMENTS)
    pn_tnef_add_loss (self, NULL, "there are %d attachments or more; the rest is left out", MAX_ATTACHMENTS);
}
