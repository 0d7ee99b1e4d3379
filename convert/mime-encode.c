#include "convert/mime-encode.h"

#include <string.h>

#include "convert/base64.h"

/* --- looking ------------------------------------------------------------------------------------------ */

typedef struct {
  PnLineScan *scan;
  const char *boundary;
  gsize boundary_length;
  gsize column;
  char head[80]; /* the first characters of the line */
  guint8 last;
} Scanner;

static void
scan_line_end (Scanner *self, gboolean crlf)
{
  PnLineScan *scan = self->scan;
  gsize length = self->column - (crlf ? 1 : 0);
  scan->bare_lf |= !crlf;
  scan->longest = MAX (scan->longest, length);
  scan->lines++;
  scan->dot_line |= length == 1 && self->head[0] == '.';
  gsize known = MIN (length, sizeof self->head);
  scan->from_line |= known >= 5 && memcmp (self->head, "From ", 5) == 0;
  scan->boundary |= known >= self->boundary_length + 2 && self->head[0] == '-' && self->head[1] == '-'
                    && memcmp (self->head + 2, self->boundary, self->boundary_length) == 0;
  self->column = 0;
}

static gboolean
scan_write (gpointer user, const void *data, gsize length, G_GNUC_UNUSED GError **error)
{
  Scanner *self = user;
  PnLineScan *scan = self->scan;
  const guint8 *bytes = data;
  guint8 last = self->last;
  scan->size += length;
  for (gsize i = 0; i < length; i++) {
    guint8 c = bytes[i];
    if (c == '\n') {
      scan->trailing_blank |= last == ' ' || last == '\t';
      scan_line_end (self, last == '\r');
    } else {
      scan->bare_cr |= last == '\r';
      scan->high += c >> 7;
      scan->nul |= (c < ' ' && c != '\t' && c != '\r') || c == 0x7f;
      if (c == '\r')
        scan->trailing_blank |= last == ' ' || last == '\t';
      if (self->column < sizeof self->head)
        self->head[self->column] = (char) c;
      self->column++;
    }
    last = c;
  }
  self->last = last;
  return TRUE;
}

gboolean
pn_line_scan (PnContent *content, const char *boundary, PnLineScan *scan, GError **error)
{
  *scan = (PnLineScan){ 0 };
  Scanner self = { .scan = scan, .boundary = boundary, .boundary_length = strlen (boundary) };
  PnSink sink = { scan_write, &self };
  if (!pn_content_copy (content, &sink, error))
    return FALSE;
  if (self.column > 0) {
    scan->unended = TRUE;
    scan->bare_cr |= self.last == '\r';
    gboolean lf = scan->bare_lf;
    scan_line_end (&self, FALSE);
    scan->bare_lf = lf;
    scan->trailing_blank |= self.last == ' ' || self.last == '\t';
  }
  return TRUE;
}

const char *
pn_transfer_to_string (PnTransfer transfer)
{
  static const char *const names[] = { "7bit", "8bit", "quoted-printable", "base64" };
  return names[transfer];
}

PnTransfer
pn_transfer_for_text (const PnLineScan *scan)
{
  if (scan->high == 0 && scan->longest <= 998 && !scan->nul && !scan->bare_cr && !scan->trailing_blank
      && !scan->from_line && !scan->dot_line && !scan->boundary)
    return PN_TRANSFER_7BIT;
  /* three characters for each such byte against four for every three bytes */
  return scan->high * 6 > scan->size ? PN_TRANSFER_BASE64 : PN_TRANSFER_QUOTED_PRINTABLE;
}

/* --- writing ------------------------------------------------------------------------------------------ */

enum { BUFFER = 8192 };

typedef struct {
  PnSink *sink;
  PnTransfer transfer;
  guint8 last; /* byte before, for CRLF */
  guint8 out[BUFFER];
  gsize n_out;

  gsize column;     /* quoted-printable: characters in the line */
  guint8 blank;     /* a blank that is written when what follows is known; 0: none */
  guint from_match; /* characters of "From" matched since the line began; 5: no more */

  PnBase64Encoder base64;
} Encoder;

static gboolean
flush (Encoder *self, GError **error)
{
  if (self->n_out > 0 && self->transfer == PN_TRANSFER_BASE64) {
    gsize bound = pn_base64_encoder_bound (&self->base64, self->n_out);
    g_autofree guint8 *encoded = g_malloc (bound);
    gsize n = pn_base64_encoder_push (&self->base64, self->out, self->n_out, encoded);
    self->n_out = 0;
    return pn_sink_write (self->sink, encoded, n, error);
  }
  gsize n = self->n_out;
  self->n_out = 0;
  return n == 0 || pn_sink_write (self->sink, self->out, n, error);
}

static void
put (Encoder *self, guint8 c)
{
  self->out[self->n_out++] = c;
}

static void
put_line_end (Encoder *self)
{
  put (self, '\r');
  put (self, '\n');
  self->column = 0;
  self->from_match = 0;
}

/* One byte in quoted-printable, literally or not, with a soft line break before it where the line is full. */
static void
put_quoted (Encoder *self, guint8 c, gboolean literal)
{
  static const char hex[] = "0123456789ABCDEF";
  if (self->column + (literal ? 1 : 3) > 75) {
    put (self, '=');
    put_line_end (self);
  }
  if (literal) {
    put (self, c);
    self->column++;
    return;
  }
  put (self, '=');
  put (self, hex[c >> 4]);
  put (self, hex[c & 15]);
  self->column += 3;
}

/* A blank that more of the line follows.  "From " at the beginning of a line is what mailboxes in one file
 * split at, so its blank is encoded. */
static void
put_blank (Encoder *self)
{
  if (!self->blank)
    return;
  put_quoted (self, self->blank, !(self->from_match == 4 && self->column == 4));
  self->blank = 0;
}

static void
quote (Encoder *self, guint8 c)
{
  if (c == '\n') {
    if (self->blank)
      put_quoted (self, self->blank, FALSE);
    self->blank = 0;
    put_line_end (self);
    return;
  }
  put_blank (self);
  if (c == ' ' || c == '\t') {
    self->blank = c;
    return;
  }
  gboolean literal = c > ' ' && c < 0x7f && c != '=';
  gboolean at_start = self->column == 0 || self->column + 1 > 75;
  if (c == '.' && at_start)
    literal = FALSE;
  put_quoted (self, c, literal);
  if (self->column <= 4 && self->column > 0 && self->from_match == self->column - 1
      && c == (guint8) "From"[self->column - 1])
    self->from_match = self->column;
}

static gboolean
encoder_write (gpointer user, const void *data, gsize length, GError **error)
{
  Encoder *self = user;
  const guint8 *bytes = data;
  for (gsize i = 0; i < length; i++) {
    if (self->n_out + 16 > BUFFER && !flush (self, error))
      return FALSE;
    guint8 c = bytes[i];
    gboolean cr = self->last == '\r';
    self->last = c;
    if (self->transfer == PN_TRANSFER_QUOTED_PRINTABLE) {
      if (cr && c != '\n')
        quote (self, '\r');
      if (c != '\r')
        quote (self, c);
      continue;
    }
    if (c == '\n' && !cr)
      put (self, '\r');
    put (self, c);
  }
  return TRUE;
}

gboolean
pn_mime_encode_text (PnContent *content, PnTransfer transfer, PnSink *sink, GError **error)
{
  g_autofree Encoder *self = g_new (Encoder, 1);
  memset (self, 0, sizeof *self);
  self->sink = sink;
  self->transfer = transfer;
  PnBase64Form form = { .canonical = TRUE, .line_length = 76, .crlf = TRUE, .last_eol = FALSE };
  pn_base64_encoder_init (&self->base64, &form);
  PnSink encoder = { encoder_write, self };
  if (!pn_content_copy (content, &encoder, error))
    return FALSE;
  if (transfer == PN_TRANSFER_QUOTED_PRINTABLE) {
    if (self->last == '\r')
      quote (self, '\r');
    if (self->blank)
      put_quoted (self, self->blank, FALSE);
  }
  if (!flush (self, error))
    return FALSE;
  if (transfer != PN_TRANSFER_BASE64)
    return TRUE;
  guint8 end[16];
  gsize n = pn_base64_encoder_finish (&self->base64, end);
  return n == 0 || pn_sink_write (sink, end, n, error);
}
