#include "convert/transfer.h"

#include <string.h>

static gboolean
is_blank (guint8 c)
{
  return c == ' ' || c == '\t';
}

static guint8 *
put_blanks (PnQpDecoder *self, guint8 *out)
{
  memcpy (out, self->blanks, self->n_blanks);
  out += self->n_blanks;
  self->n_blanks = 0;
  return out;
}

/* An escape that is none stands for itself. */
static guint8 *
put_failed_escape (PnQpDecoder *self, guint8 *out)
{
  *out++ = '=';
  for (guint i = 0; i + 1 < self->n_escape; i++)
    *out++ = self->escape[i];
  self->n_escape = 0;
  if (self->soft) {
    self->soft = FALSE;
    out = put_blanks (self, out);
  }
  return out;
}

/* A character after '='.  FALSE: it does not belong to the escape and has to be looked at again. */
static gboolean
take_escape (PnQpDecoder *self, guint8 c, guint8 **out)
{
  if (self->n_escape == 1 && c == '\n') {
    self->n_escape = 0;
    self->soft = FALSE;
    self->n_blanks = 0;
    return TRUE;
  }
  if (self->n_escape == 1 && (is_blank (c) || c == '\r') && self->n_blanks < sizeof self->blanks) {
    self->soft = TRUE;
    self->blanks[self->n_blanks++] = c;
    return TRUE;
  }
  if (!self->soft && g_ascii_isxdigit (c)) {
    self->escape[self->n_escape++ - 1] = c;
    if (self->n_escape == 3) {
      *(*out)++ = g_ascii_xdigit_value (self->escape[0]) << 4 | g_ascii_xdigit_value (self->escape[1]);
      self->n_escape = 0;
    }
    return TRUE;
  }
  *out = put_failed_escape (self, *out);
  return FALSE;
}

gsize
pn_qp_decoder_push (PnQpDecoder *self, const guint8 *input, gsize length, guint8 *output)
{
  guint8 *out = output;
  for (gsize i = 0; i < length; i++) {
    guint8 c = input[i];
    if (self->n_escape && take_escape (self, c, &out))
      continue;
    if (c == '=') {
      out = put_blanks (self, out);
      self->n_escape = 1;
    } else if (is_blank (c)) {
      if (self->n_blanks == sizeof self->blanks) /* too long for padding that a transport added */
        out = put_blanks (self, out);
      self->blanks[self->n_blanks++] = c;
    } else {
      if (self->n_blanks > 0) {
        if (c == '\n' || c == '\r')
          self->n_blanks = 0;
        else
          out = put_blanks (self, out);
      }
      *out++ = c;
    }
  }
  return out - output;
}

gsize
pn_qp_decoder_finish (PnQpDecoder *self, guint8 *output)
{
  guint8 *out = output;
  if (self->n_escape == 1) /* "=" at the very end: a soft break whose line end was cut off */
    self->n_escape = 0;
  else if (self->n_escape)
    out = put_failed_escape (self, out);
  self->n_blanks = 0;
  self->soft = FALSE;
  return out - output;
}

/* Whether the line is one of data: its length is what its first character says, or short by stripped blanks,
 * or long by a checksum. */
static gboolean
is_uu_data (const guint8 *line, guint length)
{
  if (length == 0 || line[0] < ' ' || line[0] > '`')
    return FALSE;
  guint n = (line[0] - ' ') & 63;
  guint expected = (n + 2) / 3 * 4;
  if (n > 45 || length - 1 > expected + 1 || (n > 0 && length - 1 + 3 < expected))
    return FALSE;
  for (guint i = 1; i < length; i++)
    if (line[i] < ' ' || line[i] > '`')
      return FALSE;
  return TRUE;
}

static guint8 *
decode_uu_line (const guint8 *line, guint length, guint8 *out)
{
  guint n = (line[0] - ' ') & 63;
  for (guint at = 1; n > 0; at += 4) {
    guint32 quantum = 0;
    for (guint i = 0; i < 4; i++) {
      guint8 c = at + i < length ? line[at + i] : ' ';
      quantum = quantum << 6 | ((c - ' ') & 63);
    }
    for (guint i = 0; i < 3 && n > 0; i++, n--)
      *out++ = quantum >> (16 - 8 * i);
  }
  return out;
}

static guint8 *
take_uu_line (PnUuDecoder *self, guint8 *out)
{
  const guint8 *line = self->line;
  guint length = self->n_line;
  self->n_line = 0;
  while (length > 0 && line[length - 1] == '\r')
    length--;
  if (self->state == PN_UU_AFTER || length == 0)
    return out;
  if (length >= 6 && memcmp (line, "begin ", 6) == 0) {
    self->state = PN_UU_DATA;
    return out;
  }
  if (length == 3 && memcmp (line, "end", 3) == 0) {
    if (self->state == PN_UU_DATA)
      self->state = PN_UU_AFTER;
    return out;
  }
  if (self->state == PN_UU_BEFORE) {
    if (!is_uu_data (line, length))
      return out;
    self->state = PN_UU_DATA;
  }
  return is_uu_data (line, length) ? decode_uu_line (line, length, out) : out;
}

gsize
pn_uu_decoder_push (PnUuDecoder *self, const guint8 *input, gsize length, guint8 *output)
{
  guint8 *out = output;
  for (gsize i = 0; i < length; i++) {
    if (input[i] == '\n')
      out = take_uu_line (self, out);
    else if (self->n_line < sizeof self->line)
      self->line[self->n_line++] = input[i];
  }
  return out - output;
}

gsize
pn_uu_decoder_finish (PnUuDecoder *self, guint8 *output)
{
  return self->n_line ? (gsize) (take_uu_line (self, output) - output) : 0;
}
