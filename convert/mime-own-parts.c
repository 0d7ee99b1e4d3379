#include "convert/mime-own-parts.h"

#include <string.h>

#include "convert/mime-native-fields.h"
#include "convert/mime-reader.h"
#include "convert/mime-sealed.h"
#include "convert/mime-values.h"
#include "convert/skeleton.h"

#define PART "X-Postern-Part"
/* The largest text whose line ends are undone. */
#define TEXT_MAX (256 * 1024 * 1024)

static const struct {
  const char *name;
  gsize offset;
} texts[] = {
  { "name", G_STRUCT_OFFSET (PnPart, name) },
  { "type", G_STRUCT_OFFSET (PnPart, type) },
  { "parameters", G_STRUCT_OFFSET (PnPart, parameters) },
  { "content-id", G_STRUCT_OFFSET (PnPart, content_id) },
  { "location", G_STRUCT_OFFSET (PnPart, content_location) },
  { "description", G_STRUCT_OFFSET (PnPart, description) },
  { "charset", G_STRUCT_OFFSET (PnPart, charset) },
};

static const struct {
  const char *name;
  gsize offset;
} times[] = {
  { "created", G_STRUCT_OFFSET (PnPart, created) },
  { "modified", G_STRUCT_OFFSET (PnPart, modified) },
};

/* --- writing ------------------------------------------------------------------------------------------- */

/* Where a part stands. */
typedef struct {
  char *section;
  const PnMimeNode *node;
  gboolean unix_lines;
  guint inner;              /* its place in the signed message there, from 1; or 0 */
  const PnMimeNode *behind; /* what follows in the same text, as of a mailing list */
  char *behind_section;
} Place;

static void
place_free (Place *self)
{
  g_free (self->section);
  g_free (self->behind_section);
  g_free (self);
}

static Place *
get_place (GHashTable *places, gconstpointer part)
{
  Place *place = g_hash_table_lookup (places, part);
  if (!place) {
    place = g_new0 (Place, 1);
    g_hash_table_insert (places, (gpointer) part, place);
  }
  return place;
}

static void
find_places (GHashTable *places, const PnMimeNode *node, const char *section)
{
  for (guint i = 0; node->children && i < node->children->len; i++) {
    g_autofree char *inner = g_strdup_printf ("%s%s%u", section, *section ? "." : "", i + 1);
    find_places (places, g_ptr_array_index (node->children, i), inner);
  }
  if (node->children || !node->holds)
    return;
  const char *at = *section ? section : "1";
  Place *place = get_place (places, node->holds);
  if (node->behind) {
    place->behind = node;
    place->behind_section = g_strdup (at);
    return;
  }
  place->node = node;
  place->section = g_strdup (at);
  GHashTableIter iter;
  gpointer part, number;
  if (node->inside)
    for (g_hash_table_iter_init (&iter, node->inside); g_hash_table_iter_next (&iter, &part, &number);) {
      Place *inside = get_place (places, part);
      inside->section = g_strdup (at);
      inside->inner = GPOINTER_TO_UINT (number);
      inside->unix_lines = node->unix_lines && g_hash_table_contains (node->unix_lines, part);
    }
}

/* What a reader takes out of the header of NODE. */
static PnPart *
read_head (const PnMimeNode *node, GError **error)
{
  g_autoptr (GString) head = g_string_new (NULL);
  pn_mime_write_part_fields (head, node);
  g_string_append (head, "\r\n");
  g_autoptr (PnSource) source = pn_source_new_copy (head->str, head->len);
  g_autoptr (GHashTable) entities = pn_mime_read_entities (source, error);
  if (!entities)
    return NULL;
  g_autofree char *key = NULL;
  PnPart *part = NULL;
  g_hash_table_steal_extended (entities, "1", (gpointer *) &key, (gpointer *) &part);
  return part;
}

static void
add_text (PnValues *values, GString *without, const char *name, const char *is, const char *said)
{
  if (g_strcmp0 (is, said) == 0)
    return;
  if (is)
    pn_values_add (values, name, is);
  else
    g_string_append_printf (without, "%s%s", without->len ? "," : "", name);
}

/* What differs from SAID, or all if that is NULL. */
static void
add_fields (PnValues *values, const PnPart *part, const PnPart *said)
{
  g_autoptr (GString) without = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    add_text (values, without, texts[i].name, G_STRUCT_MEMBER (char *, part, texts[i].offset),
              said ? G_STRUCT_MEMBER (char *, said, texts[i].offset) : "");
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    const PnTime *is = &G_STRUCT_MEMBER (PnTime, part, times[i].offset);
    const PnTime *other = said ? &G_STRUCT_MEMBER (PnTime, said, times[i].offset) : NULL;
    gboolean same = other && is->unix_time == other->unix_time && is->offset == other->offset;
    if (is->set && (!other || !other->set || !same))
      pn_values_add_time (values, times[i].name, is);
    else if (!is->set && (!other || other->set))
      g_string_append_printf (without, "%s%s", without->len ? "," : "", times[i].name);
  }
  if (without->len > 0)
    pn_values_add (values, "without", without->str);
}

/* A text body goes with CRLF, and perhaps with lines of another field in it. */
static void
add_text_form (PnValues *values, const PnPart *part, const PnMimeNode *node, guint made)
{
  if (node->text && (part->role == PN_PART_TEXT || part->role == PN_PART_HTML))
    pn_values_add (values, "lines", "lf");
  if (node->lead_length > 0) {
    g_autofree char *cut
        = g_strdup_printf ("%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT, node->lead_at, node->lead_length);
    pn_values_add (values, "cut", cut);
  }
  if (made & PN_MADE_LINE_END)
    pn_values_add (values, "end", "open");
}

static gboolean
add_content (PnValues *values, const PnPart *part, GError **error)
{
  g_autoptr (GBytes) bytes = part->content ? pn_content_read (part->content, PN_OWN_PART_MAX, error) : NULL;
  if (part->content && !bytes)
    return FALSE;
  gsize length = 0;
  const guchar *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  g_autofree char *text = g_base64_encode (data, length);
  pn_values_add (values, "content", text);
  add_fields (values, part, NULL);
  return TRUE;
}

static gboolean
write_part (GString *out, const PnPart *part, const Place *place, guint made, GError **error)
{
  PnValues values;
  gboolean done = TRUE;
  pn_values_begin (&values);
  pn_values_add_number (&values, "role", part->role);
  if (!place) {
    done = add_content (&values, part, error);
  } else {
    g_autoptr (PnPart) said = NULL;
    pn_values_add (&values, "in", place->section);
    if (place->inner > 0) {
      pn_values_add_number (&values, "inner", place->inner);
      if (place->unix_lines)
        pn_values_add (&values, "lines", "lf");
      pn_values_add (&values, "behind", place->behind_section);
      if (place->behind && place->behind->broken)
        pn_values_add (&values, "break", "yes");
    } else {
      add_text_form (&values, part, place->node, made);
      said = read_head (place->node, error);
      done = said != NULL;
    }
    add_fields (&values, part, said);
  }
  pn_values_end (&values, out, PART);
  return done;
}

gboolean
pn_own_parts_write (GString *out, PnMessage *message, const PnMimeNode *tree, guint made, GError **error)
{
  g_autoptr (GHashTable) places = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) place_free);
  find_places (places, tree, "");
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = g_ptr_array_index (message->parts, i);
    if (part->role != PN_PART_SKELETON
        && !write_part (out, part, g_hash_table_lookup (places, part), made, error))
      return FALSE;
  }
  return TRUE;
}

/* --- reading ------------------------------------------------------------------------------------------- */

typedef struct {
  GHashTable *entities; /* by section */
  GHashTable *inner;    /* PnMessage by section */
  GPtrArray *parts;
} Restorer;

static void
set_fields (PnPart *part, GHashTable *values)
{
  const char *missing = g_hash_table_lookup (values, "without");
  g_auto (GStrv) without = g_strsplit (missing ? missing : "", ",", -1);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    char **to = &G_STRUCT_MEMBER (char *, part, texts[i].offset);
    const char *text = g_hash_table_lookup (values, texts[i].name);
    gboolean is_type = to == &part->type; /* which a part is never without */
    if (!(text ? !is_type || *text
               : !is_type && g_strv_contains ((const char *const *) without, texts[i].name)))
      continue;
    g_free (*to);
    *to = g_strdup (text);
  }
  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    PnTime *to = &G_STRUCT_MEMBER (PnTime, part, times[i].offset);
    if (g_hash_table_contains (values, times[i].name))
      *to = pn_values_get_time (values, times[i].name);
    else if (g_strv_contains ((const char *const *) without, times[i].name))
      *to = (PnTime){ 0 };
  }
}

static PnPart *
copy_part (const PnPart *from)
{
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, from->type, pn_content_ref (from->content));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (&G_STRUCT_MEMBER (char *, part, texts[i].offset) != &part->type)
      G_STRUCT_MEMBER (char *, part, texts[i].offset)
          = g_strdup (G_STRUCT_MEMBER (char *, from, texts[i].offset));
  part->created = from->created;
  part->modified = from->modified;
  return part;
}

static GString *
read_text (const PnPart *part, gboolean unix_lines, GError **error)
{
  g_autoptr (GBytes) bytes = pn_content_read (part->content, TEXT_MAX, error);
  if (!bytes)
    return NULL;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  GString *text = g_string_sized_new (length);
  for (gsize i = 0; i < length;) {
    const char *stop = unix_lines ? memmem (data + i, length - i, "\r\n", 2) : NULL;
    gsize n = stop ? (gsize) (stop - data) - i : length - i;
    g_string_append_len (text, data + i, (gssize) n);
    if (stop)
      g_string_append_c (text, '\n');
    i += n + (stop ? 2 : 0);
  }
  return text;
}

/* Undoes the form that a text was written in. */
static gboolean
undo_form (PnPart *part, GHashTable *values, GError **error)
{
  gboolean unix_lines = g_hash_table_contains (values, "lines"), open = g_hash_table_contains (values, "end");
  const char *cut = g_hash_table_lookup (values, "cut");
  if (!unix_lines && !open && !cut)
    return TRUE;
  GError *reason = NULL;
  g_autoptr (GString) text = read_text (part, unix_lines, &reason);
  if (g_error_matches (reason, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
    g_error_free (reason); /* it stays as it was sent */
    return TRUE;
  }
  if (!text) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  if (open && g_str_has_suffix (text->str, "\n"))
    g_string_truncate (text, text->len - (g_str_has_suffix (text->str, "\r\n") ? 2 : 1));
  char *end = NULL;
  guint64 at = cut ? g_ascii_strtoull (cut, &end, 10) : 0;
  guint64 length = cut && *end == ',' ? g_ascii_strtoull (end + 1, NULL, 10) : 0;
  if (at <= text->len && length <= text->len - at)
    g_string_erase (text, (gssize) at, (gssize) length);
  pn_content_unref (part->content);
  part->content = pn_content_new_text (text->str, (gssize) text->len);
  return TRUE;
}

/* The part that VALUES describe, but for those inside of another; NULL without error: it is not there. */
static PnPart *
restore_part (Restorer *self, GHashTable *values, GError **error)
{
  const char *content = g_hash_table_lookup (values, "content");
  const char *section = g_hash_table_lookup (values, "in");
  g_autoptr (PnPart) part = NULL;
  if (content) {
    gsize length;
    guchar *data = g_base64_decode (content, &length);
    g_autoptr (GBytes) bytes = g_bytes_new_take (data, length);
    part = pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", pn_content_new_bytes (bytes));
  } else {
    const PnPart *entity = section ? g_hash_table_lookup (self->entities, section) : NULL;
    part = entity ? copy_part (entity) : NULL;
  }
  if (!part)
    return NULL;
  set_fields (part, values);
  return undo_form (part, values, error) ? g_steal_pointer (&part) : NULL;
}

static PnMessage *
read_inner (Restorer *self, const char *section, GError **error)
{
  PnMessage *inner = g_hash_table_lookup (self->inner, section);
  PnPart *sealed = NULL;
  for (guint i = 0; !inner && i < self->parts->len; i++) {
    PnPart *part = g_ptr_array_index (self->parts, i);
    PnPart *entity = g_hash_table_lookup (self->entities, section);
    if (part && entity && part->content == entity->content)
      sealed = part;
  }
  if (inner || !sealed)
    return inner;
  inner = pn_mime_sealed_read (sealed, error);
  if (inner)
    g_hash_table_insert (self->inner, g_strdup (section), inner);
  return inner;
}

/* The text of PART, and what follows it elsewhere. */
static gboolean
add_behind (Restorer *self, PnPart *part, GHashTable *values, GError **error)
{
  const char *section = g_hash_table_lookup (values, "behind");
  const PnPart *behind = section ? g_hash_table_lookup (self->entities, section) : NULL;
  if (!behind)
    return TRUE;
  g_autoptr (GString) text = read_text (part, FALSE, error);
  g_autoptr (GString) rest = text ? read_text (behind, TRUE, error) : NULL;
  if (!rest)
    return FALSE;
  if (g_hash_table_contains (values, "break"))
    g_string_append_c (text, '\n');
  g_string_append_len (text, rest->str, (gssize) rest->len);
  pn_content_unref (part->content);
  part->content = pn_content_new_text (text->str, (gssize) text->len);
  return TRUE;
}

/* A part inside of a signed one. */
static PnPart *
restore_inner (Restorer *self, GHashTable *values, GError **error)
{
  const char *section = g_hash_table_lookup (values, "in");
  gint64 number = pn_values_get_number (values, "inner", 0);
  PnMessage *inner = section ? read_inner (self, section, error) : NULL;
  if (!inner || number < 1 || number > inner->parts->len)
    return NULL;
  g_autoptr (PnPart) part = copy_part (g_ptr_array_index (inner->parts, number - 1));
  set_fields (part, values);
  return undo_form (part, values, error) && add_behind (self, part, values, error) ? g_steal_pointer (&part)
                                                                                   : NULL;
}

static gboolean
restore_all (Restorer *self, PnMessage *message, GError **error)
{
  g_autoptr (GPtrArray) fields = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
  for (guint i = 0; i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    if (header->value && g_ascii_strcasecmp (header->name, PART) == 0)
      g_ptr_array_add (fields, pn_values_parse (header->value));
  }
  g_ptr_array_set_size (self->parts, (gint) fields->len);
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < fields->len; i++) {
      GHashTable *values = g_ptr_array_index (fields, i);
      if (g_hash_table_contains (values, "inner") != (pass == 1))
        continue;
      GError *reason = NULL;
      PnPart *part = pass == 0 ? restore_part (self, values, &reason) : restore_inner (self, values, &reason);
      if (!part) {
        pn_message_add_loss (message, "header " PART, "a part that was composed is no longer there");
        if (reason)
          g_propagate_error (error, reason);
        return FALSE;
      }
      part->role
          = (PnPartRole) CLAMP (pn_values_get_number (values, "role", PN_PART_ATTACHMENT), 0, PN_PART_INLINE);
      self->parts->pdata[i] = part;
    }
  return TRUE;
}

static int
compare_offsets (gconstpointer a, gconstpointer b)
{
  const PnPart *const *x = a, *const *y = b;
  guint64 from_x = 0, from_y = 0, length;
  PnEncoding encoding;
  pn_content_get_range ((*x)->content, &from_x, &length, &encoding);
  pn_content_get_range ((*y)->content, &from_y, &length, &encoding);
  return from_x < from_y ? -1 : from_x > from_y;
}

/* The skeleton refers to the parts that there are now. */
static gboolean
make_skeleton (PnMessage *message, PnSource *source, GError **error)
{
  g_autoptr (GPtrArray) ranges = g_ptr_array_new ();
  guint64 from, length, end = 0;
  PnEncoding encoding;
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if (part->content && pn_content_get_range (part->content, &from, &length, &encoding) == source)
      g_ptr_array_add (ranges, part);
  }
  g_ptr_array_sort (ranges, compare_offsets);
  PnSkeleton *skeleton = pn_skeleton_new (source);
  gboolean done = TRUE;
  for (guint i = 0; i < ranges->len && done; i++) {
    PnPart *part = g_ptr_array_index (ranges, i);
    pn_content_get_range (part->content, &from, &length, &encoding);
    if (from < end || pn_mime_is_sealed_multipart (part))
      continue;
    done = pn_skeleton_add_part (skeleton, from, length, part, error);
    end = from + length;
  }
  done = done && pn_skeleton_finish (skeleton, message, error);
  pn_skeleton_free (skeleton);
  return done;
}

static void
free_part (gpointer part)
{
  if (part)
    pn_part_free (part);
}

gboolean
pn_own_parts_restore (PnMessage *message, PnSource *source, GError **error)
{
  if (!pn_message_get_header (message, PART))
    return TRUE;
  g_autoptr (GHashTable) entities = pn_mime_read_entities (source, error);
  if (!entities)
    return FALSE;
  g_autoptr (GHashTable) inner
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) pn_message_free);
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (free_part);
  Restorer self = { entities, inner, parts };
  GError *reason = NULL;
  if (!restore_all (&self, message, &reason)) {
    if (reason)
      g_propagate_error (error, reason);
    return reason == NULL;
  }
  gboolean skeleton = pn_message_get_part (message, PN_PART_SKELETON) != NULL;
  g_ptr_array_set_size (message->parts, 0);
  for (guint i = 0; i < parts->len; i++)
    g_ptr_array_add (message->parts, g_steal_pointer (&parts->pdata[i]));
  return !skeleton || make_skeleton (message, source, error);
}
