#include "convert/mime-reader.h"

#include "convert/ascii.h"
#include "convert/charset.h"
#include "convert/ical.h"
#include "convert/mime-cms.h"
#include "convert/mime-cr.h"
#include "convert/mime-native-fields.h"
#include "convert/mime-sealed.h"
#include "convert/skeleton.h"

#include <string.h>

const PnHeaderParams *
pn_mime_reader_type (PnMimeReader *self, guint index)
{
  const PnMimeRawField *field = &pn_mime_scan_entity (self->scan, index)->fields[PN_MIME_CONTENT_TYPE];

  if (self->types[index] == NULL && field->value != NULL)
    self->types[index] = pn_header_parse_params (field->value, field->length, &self->context);
  return self->types[index];
}

void
pn_mime_reader_add_loss (PnMimeReader *self, guint index, const char *format, ...)
{
  g_autofree char *section = pn_mime_scan_section (self->scan, index);
  g_autofree char *where = g_strconcat ("part ", section, NULL);
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  pn_message_add_loss (self->message, where, "%s", reason);
}

GBytes *
pn_mime_reader_bytes (PnMimeReader *self, guint index, gsize max, GError **error)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  g_autoptr (PnContent) content = pn_content_new_range (self->source, entity->body_offset,
                                                        MIN (entity->body_length, max), entity->encoding);

  /* A last line of uuencode that lost its blanks gives more bytes than it has. */
  return pn_content_read (content, max + 64, error);
}

/* Raw 8-bit in a header is most likely in the charset that the text says to be in. */
static void
find_charset_hint (PnMimeReader *self)
{
  for (guint i = 0; i < MIN (self->n_types, 16); i++) {
    const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, i);
    if (entity->first_child != 0 || !g_str_has_prefix (entity->type, "text/"))
      continue;
    const char *charset = pn_header_params_get (pn_mime_reader_type (self, i), "charset");
    char name[64];
    if (charset == NULL || !pn_charset_find (charset, name))
      continue;
    if (strcmp (name, "utf-8") != 0 && strcmp (name, "us-ascii") != 0) {
      self->charset_hint = g_strdup (name);
      self->context.charset = self->charset_hint;
    }
    return;
  }
}

static gboolean
read_header (PnMimeReader *self, GError **error)
{
  const PnMimeEntity *root = pn_mime_scan_entity (self->scan, 0);
  g_autofree char *copy = NULL;
  const char *header = (const char *) self->source->data;

  if (header == NULL) {
    header = copy = g_malloc (root->header_length + 1);
    if (!pn_source_read (self->source, root->header_offset, copy, root->header_length, error))
      return FALSE;
  } else {
    header += root->header_offset;
  }
  if (!pn_charset_is_ascii (header, root->header_length))
    find_charset_hint (self);
  pn_mime_read_fields (self, header, root->header_length);
  if (self->scan->header_limit)
    pn_message_add_loss (self->message, "header", "a header is longer than %d MiB and was cut",
                         PN_MIME_MAX_HEADER >> 20);
  return TRUE;
}

/* The most promising of the calendar parts first: one that says a method and is no file. */
static int
rate_calendar (PnMimeReader *self, guint index)
{
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, index);
  const PnMimeRawField *disposition = &entity->fields[PN_MIME_CONTENT_DISPOSITION];
  gboolean file = disposition->value != NULL && pn_ascii_casestr (disposition->value, "attachment") != NULL;
  gboolean method = pn_header_params_get (pn_mime_reader_type (self, index), "method") != NULL;

  /* A file without a method was attached to be looked at, not to be acted on. */
  return method && !file ? 3 : method ? 2 : !file ? 1 : 0;
}

static PnPart *
find_file (PnMimeReader *self, guint index)
{
  for (guint i = 0; i < self->files->len; i++)
    if (g_array_index (self->files, PnMimeFile, i).entity == index)
      return g_array_index (self->files, PnMimeFile, i).part;
  return NULL;
}

static gboolean
read_calendar (PnMimeReader *self, GError **error)
{
  int best = 0;
  guint chosen = 0;

  for (guint i = 0; i < self->calendars->len; i++) {
    guint index = g_array_index (self->calendars, guint, i);
    int rating = rate_calendar (self, index);
    if (rating > best) {
      best = rating;
      chosen = index;
    }
  }
  if (best == 0)
    return TRUE;

  gsize length;
  g_autofree char *charset = NULL;
  g_autofree char *text = pn_mime_read_calendar (self, chosen, &length, &charset, error);
  if (text == NULL)
    return FALSE;
  g_autoptr (GError) local = NULL;
  const char *method = pn_header_params_get (pn_mime_reader_type (self, chosen), "method");
  PnPart *part = find_file (self, chosen);
  if (!pn_ical_read (self->message, text, length, method, self->options->site_timezone, &local)) {
    pn_mime_reader_add_loss (self, chosen, "it is no calendar that can be used: %s; it stays an attachment",
                             local != NULL ? local->message : "no reason given");
    return TRUE;
  }
  part->role = PN_PART_CALENDAR;
  if (charset != NULL && strcmp (charset, "utf-8") != 0 && strcmp (charset, "us-ascii") != 0) {
    pn_content_unref (part->content);
    part->content = pn_content_new_text (text, (gssize) length);
  }
  g_free (part->charset);
  part->charset = g_steal_pointer (&charset);
  return TRUE;
}

/* Files follow the bodies in the order in which they came; a report that was understood is not a file too. */
static void
add_files (PnMimeReader *self, gboolean status)
{
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < self->files->len; i++) {
      PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
      if ((file->part->role == PN_PART_CALENDAR) != (pass == 0))
        continue;
      gboolean report = FALSE;
      for (guint k = 0; status && k < self->reports->len; k++)
        report = report || g_array_index (self->reports, guint, k) == file->entity;
      if (report) {
        pn_part_free (file->part);
        g_array_remove_index (self->files, i--);
      } else {
        pn_message_add_part (self->message, file->part);
      }
    }
}

/* Whether FILE is all of ENTITY: not if it had to be converted, or stands in a text. */
static gboolean
is_whole_entity (PnMimeReader *self, const PnMimeFile *file, const PnMimeEntity *entity)
{
  guint64 offset, length;
  PnEncoding encoding;

  return pn_content_get_range (file->part->content, &offset, &length, &encoding) == self->original_source
         && offset == entity->body_offset && length == entity->body_length
         && encoding != PN_ENCODING_UUENCODE;
}

static gboolean
add_skeleton (PnMimeReader *self, GError **error)
{
  PnSkeleton *skeleton = pn_skeleton_new (self->original_source);
  gboolean done = TRUE;

  for (guint i = 0; i < self->files->len && done; i++) {
    PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, file->entity);
    if (is_whole_entity (self, file, entity) && !pn_mime_is_sealed_multipart (file->part))
      done = pn_skeleton_add_part (skeleton, entity->body_offset, entity->body_length, file->part, error);
  }
  done = done && pn_skeleton_finish (skeleton, self->message, error);
  pn_skeleton_free (skeleton);
  return done;
}

/* How deep signatures are opened that hold each other, and how large they may be, as all of it is read into
 * memory. */
enum { MAX_WRAPPINGS = 4, MAX_OPAQUE = 16 * 1024 * 1024 };

/* Of mail that was composed, which may have parts for those that were left out when it came. */
enum { MAX_ENTITIES = 100000 };

static PnMessage *read_message (PnSource *source, const PnMimeOptions *options, guint wrappings,
                                GHashTable *entities, gboolean (*do_read) (PnMimeReader *, GError **),
                                GError **error);

static gboolean read_all (PnMimeReader *self, GError **error);

/* What INNER says becomes what the message says, besides the signature, which stays a file. */
static void
take_over (PnMimeReader *self, PnMessage *inner)
{
  PnMessage *message = self->message;
  g_autofree char *section = pn_mime_scan_section (self->scan, (guint) self->opaque);

  for (guint i = 0; i < inner->losses->len; i++) {
    const PnLoss *loss = g_ptr_array_index (inner->losses, i);
    g_autofree char *where = g_strdup_printf ("part %s, signed %s", section, loss->part);
    pn_message_add_loss (message, where, "%s", loss->reason);
  }
  while (inner->parts->len > 0)
    pn_message_add_part (message, g_ptr_array_steal_index (inner->parts, 0));
  if (inner->calendar != NULL) {
    message->type = inner->type;
    message->calendar = g_steal_pointer (&inner->calendar);
    GPtrArray *reports = message->reports;
    message->reports = inner->reports;
    inner->reports = reports;
  }
}

/* The text that is inside of an opaque signature. */
static gboolean
open_signature (PnMimeReader *self, GError **error)
{
  if (self->opaque < 0 || self->text->len > 0 || self->html->len > 0)
    return TRUE;
  const PnMimeEntity *entity = pn_mime_scan_entity (self->scan, (guint) self->opaque);
  if (entity->body_length > MAX_OPAQUE || self->wrappings >= MAX_WRAPPINGS) {
    pn_mime_reader_add_loss (self, (guint) self->opaque, "the signature is not opened: it is %s",
                             self->wrappings >= MAX_WRAPPINGS ? "wrapped too often" : "too large");
    return TRUE;
  }
  g_autoptr (GBytes) bytes = pn_mime_reader_bytes (self, (guint) self->opaque, MAX_OPAQUE, error);
  if (bytes == NULL)
    return FALSE;
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);
  g_autoptr (GBytes) inside = pn_cms_read_signed (data, length);
  if (inside == NULL)
    return TRUE;
  PnMimeOptions options = *self->options;
  options.skeleton = FALSE;
  g_autoptr (PnSource) source = pn_source_new_bytes (inside);
  g_autoptr (PnMessage) inner = read_message (source, &options, self->wrappings + 1, NULL, read_all, error);
  if (inner == NULL)
    return FALSE;
  take_over (self, inner);
  return TRUE;
}

static gboolean
read_all (PnMimeReader *self, GError **error)
{
  if (!read_header (self, error))
    return FALSE;
  pn_mime_sort_parts (self);
  if (self->scan->too_many)
    pn_message_add_loss (self->message, "parts", "there are more than %u; the last holds all that follow",
                         self->scan->nodes->len);
  gboolean done = pn_mime_add_bodies (self, error) && open_signature (self, error);
  done = done && pn_mime_unpack_mac_files (self, error) && pn_mime_link_external (self, error)
         && read_calendar (self, error);
  if (done)
    pn_native_fields_read (self->message);
  gboolean status = done && self->message->calendar == NULL && pn_mime_read_reports (self, error);
  if (done)
    pn_mime_name_files (self);
  add_files (self, status);
  if (!done || !pn_mime_read_tnef (self, error))
    return FALSE;
  return !self->options->skeleton || add_skeleton (self, error);
}

/* Scans the source and does what DO_READ does with what is found. */
static PnMessage *
read_message (PnSource *source, const PnMimeOptions *options, guint wrappings, GHashTable *entities,
              gboolean (*do_read) (PnMimeReader *, GError **), GError **error)
{
  static const PnMimeOptions defaults = { 0 };
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);

  if (options == NULL)
    options = &defaults;
  g_autoptr (PnMimeScan) scan = pn_mime_scan (source, options->max_depth, options->max_parts, error);
  if (scan == NULL)
    return NULL;
  PnSource *original = source;
  g_autoptr (PnSource) view = NULL;
  if (pn_mime_wants_cr_view (source, scan)) {
    source = view = pn_mime_cr_view_new (original);
    pn_mime_scan_free (scan);
    scan = pn_mime_scan (source, options->max_depth, options->max_parts, error);
    if (scan == NULL)
      return NULL;
    pn_message_add_loss (message, "lines", "they end with CR alone; read as if they ended rightly");
  }
  PnMimeReader self = { .source = source,
                        .original_source = original,
                        .options = options,
                        .message = message,
                        .scan = scan,
                        .context = { options->site_charset, 0 },
                        .n_types = scan->nodes->len,
                        .original = -1,
                        .opaque = -1,
                        .spare = -1,
                        .wrappings = wrappings,
                        .entities = entities };
  self.types = g_new0 (PnHeaderParams *, self.n_types);
  self.text = g_array_new (FALSE, FALSE, sizeof (guint));
  self.html = g_array_new (FALSE, FALSE, sizeof (guint));
  self.calendars = g_array_new (FALSE, FALSE, sizeof (guint));
  self.reports = g_array_new (FALSE, FALSE, sizeof (guint));
  self.files = g_array_new (FALSE, FALSE, sizeof (PnMimeFile));

  gboolean done = do_read (&self, error);

  for (guint i = 0; i < self.n_types; i++)
    pn_header_params_free (self.types[i]);
  g_free (self.types);
  g_free (self.charset_hint);
  g_array_unref (self.text);
  g_array_unref (self.html);
  g_array_unref (self.calendars);
  g_array_unref (self.reports);
  g_array_unref (self.files);
  return done ? g_steal_pointer (&message) : NULL;
}

PnMessage *
pn_mime_read (PnSource *source, const PnMimeOptions *options, GError **error)
{
  return read_message (source, options, 0, NULL, read_all, error);
}

PnMessage *
pn_mime_read_header (PnSource *source, const PnMimeOptions *options, GError **error)
{
  return read_message (source, options, 0, NULL, read_header, error);
}

static gboolean
read_entities (PnMimeReader *self, GError **error G_GNUC_UNUSED)
{
  for (guint i = 0; i < self->scan->nodes->len; i++) {
    PnPart *part = pn_mime_make_file (self, i);
    g_autofree char *section = pn_mime_scan_section (self->scan, i);
    gboolean whole
        = pn_mime_scan_entity (self->scan, i)->first_child == 0 || pn_mime_is_sealed_multipart (part);
    /* The first part of a message goes by the same number as the message. */
    if (whole && !g_hash_table_contains (self->entities, section))
      g_hash_table_insert (self->entities, g_steal_pointer (&section), part);
    else
      pn_part_free (part);
  }
  return TRUE;
}

GHashTable *
pn_mime_read_entities (PnSource *source, GError **error)
{
  const PnMimeOptions options = { .max_depth = MAX_ENTITIES, .max_parts = MAX_ENTITIES };
  g_autoptr (GHashTable) entities
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) pn_part_free);
  g_autoptr (PnMessage) message = read_message (source, &options, 0, entities, read_entities, error);
  return message ? g_steal_pointer (&entities) : NULL;
}
