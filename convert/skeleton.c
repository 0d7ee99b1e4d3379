#include "convert/skeleton.h"
#include "convert/number.h"

#include <string.h>

/* The skeleton is the content of the part PN_PART_SKELETON, of type application/x-postern-skeleton:
 *
 * - "PSKEL1" LF
 * - "L" SP length LF, then LENGTH bytes: these bytes of the original
 * - "N" SP part SP size SP digest LF: the bytes of the part
 * - "B" SP part SP size SP digest SP line SP ends LF: the part in base64.  LINE: characters in a line, 0 for
 * one line only; ENDS: "lf" or "crlf", with a '+' behind it if the last line is ended too
 * - "E" SP total LF: the end, when TOTAL bytes have come out
 *
 * Numbers are decimal; PART counts the message's parts from 0; SIZE and DIGEST (SHA-256 in lower case hex)
 * are those of the decoded part, so that a part that was changed or exchanged is noticed before it is
 * written.  The literal bytes are ranges of the original: a skeleton takes no memory for them. */

#define MAGIC "PSKEL1\n"
#define MAX_LINE 200

typedef struct {
  guint64 offset, length; /* of the encoded part in the original */
  PnPart *part;           /* borrowed from the message */
  PnEncoding encoding;
  PnBase64Form form;
} Reference;

struct PnSkeleton {
  PnSource *original;
  GArray *references; /* Reference, ascending */
  guint64 end;        /* of the last one */
};

PnSkeleton *
pn_skeleton_new (PnSource *original)
{
  PnSkeleton *self = g_new0 (PnSkeleton, 1);

  self->original = pn_source_ref (original);
  self->references = g_array_new (FALSE, FALSE, sizeof (Reference));
  return self;
}

void
pn_skeleton_free (PnSkeleton *self)
{
  if (self == NULL)
    return;
  pn_source_unref (self->original);
  g_array_unref (self->references);
  g_free (self);
}

gboolean
pn_skeleton_add_part (PnSkeleton *self, guint64 offset, guint64 length, PnPart *part, GError **error)
{
  Reference reference = { .offset = offset, .length = length, .part = part };
  guint64 from, n;

  g_return_val_if_fail (offset >= self->end && length <= self->original->size - offset, FALSE);
  /* What is not decoded from exactly these bytes cannot be known to give them back. */
  if (pn_content_get_range (part->content, &from, &n, &reference.encoding) != self->original || from != offset
      || n != length)
    return TRUE;
  if (reference.encoding == PN_ENCODING_BASE64) {
    if (!pn_content_get_base64_form (part->content, &reference.form, error))
      return FALSE;
    if (!reference.form.canonical)
      return TRUE;
  } else if (reference.encoding != PN_ENCODING_NONE) {
    return TRUE;
  }
  self->end = offset + length;
  g_array_append_val (self->references, reference);
  return TRUE;
}

static void
add_text (GPtrArray *chain, GString *text)
{
  if (text->len > 0)
    g_ptr_array_add (chain, pn_content_new_text (text->str, (gssize) text->len));
  g_string_truncate (text, 0);
}

static void
add_literal (PnSkeleton *self, GPtrArray *chain, GString *text, guint64 offset, guint64 length)
{
  if (length == 0)
    return;
  g_string_append_printf (text, "L %" G_GUINT64_FORMAT "\n", length);
  add_text (chain, text);
  g_ptr_array_add (chain, pn_content_new_range (self->original, offset, length, PN_ENCODING_NONE));
}

static gboolean
add_reference (GString *text, const Reference *reference, guint number, GError **error)
{
  gboolean base64 = reference->encoding == PN_ENCODING_BASE64;
  guint8 digest[32];
  char hex[65];
  guint64 size;

  if (!pn_content_measure (reference->part->content, &size, digest, error))
    return FALSE;
  pn_digest_to_hex (digest, hex);
  g_string_append_printf (text, "%c %u %" G_GUINT64_FORMAT " %s", base64 ? 'B' : 'N', number, size, hex);
  if (base64)
    g_string_append_printf (text, " %u %s%s", reference->form.line_length,
                            reference->form.crlf ? "crlf" : "lf", reference->form.last_eol ? "+" : "");
  g_string_append_c (text, '\n');
  return TRUE;
}

gboolean
pn_skeleton_finish (PnSkeleton *self, PnMessage *message, GError **error)
{
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_content_unref);
  g_autoptr (GString) text = g_string_new (MAGIC);
  g_autoptr (GHashTable) numbers = g_hash_table_new (NULL, NULL);
  guint64 position = 0;

  for (guint i = 0; i < message->parts->len && self->references->len > 0; i++)
    g_hash_table_insert (numbers, g_ptr_array_index (message->parts, i), GUINT_TO_POINTER (i));
  for (guint i = 0; i < self->references->len; i++) {
    const Reference *reference = &g_array_index (self->references, Reference, i);
    gpointer number;
    if (!g_hash_table_lookup_extended (numbers, reference->part, NULL, &number))
      continue;
    add_literal (self, chain, text, position, reference->offset - position);
    if (!add_reference (text, reference, GPOINTER_TO_UINT (number), error))
      return FALSE;
    position = reference->offset + reference->length;
  }
  add_literal (self, chain, text, position, self->original->size - position);
  g_string_append_printf (text, "E %" G_GUINT64_FORMAT "\n", self->original->size);
  add_text (chain, text);
  pn_message_add_part (message, pn_part_new (PN_PART_SKELETON, "application/x-postern-skeleton",
                                             pn_content_new_chain (g_steal_pointer (&chain))));
  return TRUE;
}

/* Writing: the skeleton comes in pieces of any size. */
typedef struct {
  PnMessage *message;
  PnSink *sink;
  char line[MAX_LINE + 1];
  gsize filled;
  guint64 literal; /* bytes of it still to come */
  guint64 written;
  gboolean begun, ended;
} Writer;

G_GNUC_PRINTF (2, 3)
static gboolean
fail (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "skeleton: %s", reason);
  return FALSE;
}

static gboolean
write_out (Writer *self, const void *data, gsize length, GError **error)
{
  self->written += length;
  return pn_sink_write (self->sink, data, length, error);
}

static gboolean
count_and_write (gpointer user, const void *data, gsize length, GError **error)
{
  return write_out (user, data, length, error);
}

static gboolean
has_digest (PnPart *part, guint64 size, const char *digest, GError **error)
{
  guint8 bytes[32];
  char hex[65];
  guint64 n;

  if (part->role == PN_PART_SKELETON || part->content == NULL
      || !pn_content_measure (part->content, &n, bytes, error))
    return FALSE;
  pn_digest_to_hex (bytes, hex);
  return n == size && strcmp (hex, digest) == 0;
}

/* The part that a reference means: by its number, or where it has moved to. */
static PnPart *
find_part (Writer *self, guint64 number, guint64 size, const char *digest, GError **error)
{
  GPtrArray *parts = self->message->parts;
  GError *local = NULL;

  if (number < parts->len && has_digest (g_ptr_array_index (parts, number), size, digest, &local))
    return g_ptr_array_index (parts, number);
  for (guint i = 0; i < parts->len && local == NULL; i++)
    if (has_digest (g_ptr_array_index (parts, i), size, digest, &local))
      return g_ptr_array_index (parts, i);
  if (local != NULL)
    g_propagate_error (error, local);
  else
    fail (error,
          "part %" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT " bytes, SHA-256 %s) is not there, or was changed",
          number, size, digest);
  return NULL;
}

static gboolean
write_reference (Writer *self, char **words, guint n_words, GError **error)
{
  gboolean base64 = words[0][0] == 'B';
  guint64 number, size, line = 0;
  PnSink sink = { count_and_write, self };

  if (n_words != (base64 ? 6 : 4) || strlen (words[3]) != 64
      || !pn_number_parse (words[1], 10, 0, G_MAXUINT, &number)
      || !pn_number_parse (words[2], 10, 0, G_MAXUINT64, &size)
      || (base64 && !pn_number_parse (words[4], 10, 0, G_MAXUINT, &line)))
    return fail (error, "the reference \"%s\" is damaged", self->line);
  PnPart *part = find_part (self, number, size, words[3], error);
  if (part == NULL)
    return FALSE;
  if (!base64)
    return pn_content_copy (part->content, &sink, error);
  PnBase64Form form = { .canonical = TRUE,
                        .line_length = (guint) line,
                        .crlf = g_str_has_prefix (words[5], "crlf"),
                        .last_eol = g_str_has_suffix (words[5], "+") };
  if (strcmp (words[5], "lf") != 0 && strcmp (words[5], "lf+") != 0 && strcmp (words[5], "crlf") != 0
      && strcmp (words[5], "crlf+") != 0)
    return fail (error, "the reference \"%s\" is damaged", self->line);
  return pn_content_copy_base64 (part->content, &form, &sink, error);
}

/* One line of the skeleton, without its line feed. */
static gboolean
take_line (Writer *self, GError **error)
{
  self->line[self->filled] = '\0';
  self->filled = 0;
  if (!self->begun) {
    self->begun = strcmp (self->line, "PSKEL1") == 0;
    return self->begun || fail (error, "it is of a kind that is not known");
  }
  g_auto (GStrv) words = g_strsplit (self->line, " ", 8);
  guint n_words = g_strv_length (words);
  guint64 number;
  if (n_words < 2 || strlen (words[0]) != 1)
    return fail (error, "the line \"%s\" is damaged", self->line);
  switch (words[0][0]) {
  case 'L':
    if (n_words != 2 || !pn_number_parse (words[1], 10, 0, G_MAXINT64, &self->literal))
      return fail (error, "the line \"%s\" is damaged", self->line);
    return TRUE;
  case 'N':
  case 'B':
    return write_reference (self, words, n_words, error);
  case 'E':
    if (n_words != 2 || !pn_number_parse (words[1], 10, 0, G_MAXUINT64, &number) || number != self->written)
      return fail (error, "%" G_GUINT64_FORMAT " bytes were given back, not %s", self->written, words[1]);
    self->ended = TRUE;
    return TRUE;
  default:
    return fail (error, "the line \"%s\" is damaged", self->line);
  }
}

static gboolean
take_bytes (gpointer user, const void *data, gsize length, GError **error)
{
  Writer *self = user;
  const char *p = data, *end = p + length;

  while (p < end) {
    if (self->literal > 0) {
      gsize n = MIN (self->literal, (guint64) (end - p));
      if (!write_out (self, p, n, error))
        return FALSE;
      self->literal -= n;
      p += n;
      continue;
    }
    if (self->ended)
      return fail (error, "something follows its end");
    if (*p == '\n') {
      if (!take_line (self, error))
        return FALSE;
    } else if (self->filled == MAX_LINE || *p == '\0') {
      return fail (error, "a line is too long, or holds a NUL");
    } else {
      self->line[self->filled++] = *p;
    }
    p++;
  }
  return TRUE;
}

gboolean
pn_skeleton_write (PnMessage *message, PnSink *sink, GError **error)
{
  const PnPart *part = pn_message_get_part (message, PN_PART_SKELETON);
  Writer writer = { .message = message, .sink = sink };
  PnSink taker = { take_bytes, &writer };

  if (part == NULL || part->content == NULL)
    return fail (error, "the message has none");
  if (!pn_content_copy (part->content, &taker, error))
    return FALSE;
  return writer.ended || fail (error, "it ends too early");
}
