#include "cmd/convert-json-scan.h"

#include <string.h>

#define WINDOW (128 * 1024)
#define DEPTH_MAX 512
#define KEY_MAX 32

struct PnJsonScanner {
  PnSource *source; /* owned */
  guint8 window[WINDOW];
  gsize length, position;
  guint64 window_at;
};

/* One object being passed over. */
typedef struct {
  guint depth;
  guint8 closers[DEPTH_MAX]; /* what closes each level */
  gboolean string, escaped;
  gboolean at_key; /* the next string at depth 1 names a member */
  gboolean in_key; /* this string does */
  char key[KEY_MAX];
  gsize key_length;
  PnJsonRange *out;
} Walk;

PnJsonScanner *
pn_json_scanner_new (PnSource *source)
{
  PnJsonScanner *self = g_malloc (sizeof *self);
  self->source = pn_source_ref (source);
  self->length = self->position = 0;
  self->window_at = 0;
  return self;
}

void
pn_json_scanner_free (PnJsonScanner *self)
{
  pn_source_unref (self->source);
  g_free (self);
}

/* FALSE with ERROR, or at the end without. */
static gboolean
fill (PnJsonScanner *self, GError **error)
{
  if (self->position < self->length)
    return TRUE;
  self->window_at += self->length;
  self->position = 0;
  self->length = (gsize) MIN ((guint64) WINDOW, self->source->size - self->window_at);
  if (self->length > 0 && pn_source_read (self->source, self->window_at, self->window, self->length, error))
    return TRUE;
  self->length = 0;
  return FALSE;
}

static guint64
here (const PnJsonScanner *self)
{
  return self->window_at + self->position;
}

static gboolean
wrong (const PnJsonScanner *self, GError **error, const char *what)
{
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX, "byte %" G_GUINT64_FORMAT ": %s",
               here (self), what);
  return FALSE;
}

/* Within a string, as far as the window goes. */
static void
walk_string (PnJsonScanner *self, Walk *walk)
{
  const guint8 *p = self->window + self->position, *end = self->window + self->length;
  for (; p < end; p++) {
    if (walk->escaped)
      walk->escaped = FALSE;
    else if (*p == '\\')
      walk->escaped = TRUE;
    else if (*p == '"')
      break;
    if (walk->in_key && walk->key_length + 1 < KEY_MAX)
      walk->key[walk->key_length++] = (char) *p;
  }
  self->position = (gsize) (p - self->window);
  if (p == end)
    return;
  walk->string = FALSE;
  walk->key[walk->key_length] = '\0';
  if (!walk->in_key && walk->depth == 1 && walk->out->queue_begin > 0 && walk->out->queue_end == 0)
    walk->out->queue_end = here (self);
  walk->in_key = FALSE;
  self->position++;
}

static gboolean
walk_character (PnJsonScanner *self, Walk *walk, GError **error)
{
  guint8 c = self->window[self->position];
  switch (c) {
  case '"':
    walk->string = TRUE;
    walk->in_key = walk->depth == 1 && walk->at_key;
    if (walk->in_key)
      walk->key_length = 0;
    else if (walk->depth == 1 && strcmp (walk->key, PN_JSON_QUEUE_FILE) == 0 && walk->out->queue_begin == 0)
      walk->out->queue_begin = here (self) + 1;
    walk->at_key = FALSE;
    break;
  case '{':
  case '[':
    if (walk->depth == DEPTH_MAX)
      return wrong (self, error, "nested too deeply");
    walk->closers[walk->depth++] = c == '{' ? '}' : ']';
    walk->at_key = walk->depth == 1;
    break;
  case '}':
  case ']':
    if (walk->closers[walk->depth - 1] != c)
      return wrong (self, error, "brackets do not match");
    walk->depth--;
    break;
  case ',':
    walk->at_key = walk->depth == 1;
    break;
  }
  self->position++;
  return TRUE;
}

gboolean
pn_json_scanner_next (PnJsonScanner *self, PnJsonRange *out, GError **error)
{
  GError *reason = NULL;
  *out = (PnJsonRange){ 0 };
  /* objects may stand in a list, each on a line of its own, or both */
  for (;;) {
    if (!fill (self, &reason)) {
      if (reason)
        g_propagate_error (error, reason);
      return FALSE;
    }
    guint8 c = self->window[self->position];
    if (c == '{')
      break;
    if (!c || (!g_ascii_isspace (c) && !strchr ("[],\xef\xbb\xbf\x1e", c)))
      return wrong (self, error, "an object is wanted here");
    self->position++;
  }
  out->begin = here (self);
  Walk walk = { .out = out };
  do {
    if (!fill (self, &reason)) {
      if (!reason)
        return wrong (self, error, "the object is not complete");
      g_propagate_error (error, reason);
      return FALSE;
    }
    if (walk.string)
      walk_string (self, &walk);
    else if (!walk_character (self, &walk, error))
      return FALSE;
  } while (walk.depth > 0 || walk.string);
  out->end = here (self);
  return TRUE;
}
