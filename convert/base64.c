#include "convert/base64.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_VECTORS 1
#include <immintrin.h>
#endif

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* MEMBER and the value of each character of the alphabet; 0 for all others. */
enum { MEMBER = 0x40 };

static const guint8 values[256] = {
  ['A'] = 0x40, ['B'] = 0x41, ['C'] = 0x42, ['D'] = 0x43, ['E'] = 0x44, ['F'] = 0x45, ['G'] = 0x46,
  ['H'] = 0x47, ['I'] = 0x48, ['J'] = 0x49, ['K'] = 0x4a, ['L'] = 0x4b, ['M'] = 0x4c, ['N'] = 0x4d,
  ['O'] = 0x4e, ['P'] = 0x4f, ['Q'] = 0x50, ['R'] = 0x51, ['S'] = 0x52, ['T'] = 0x53, ['U'] = 0x54,
  ['V'] = 0x55, ['W'] = 0x56, ['X'] = 0x57, ['Y'] = 0x58, ['Z'] = 0x59, ['a'] = 0x5a, ['b'] = 0x5b,
  ['c'] = 0x5c, ['d'] = 0x5d, ['e'] = 0x5e, ['f'] = 0x5f, ['g'] = 0x60, ['h'] = 0x61, ['i'] = 0x62,
  ['j'] = 0x63, ['k'] = 0x64, ['l'] = 0x65, ['m'] = 0x66, ['n'] = 0x67, ['o'] = 0x68, ['p'] = 0x69,
  ['q'] = 0x6a, ['r'] = 0x6b, ['s'] = 0x6c, ['t'] = 0x6d, ['u'] = 0x6e, ['v'] = 0x6f, ['w'] = 0x70,
  ['x'] = 0x71, ['y'] = 0x72, ['z'] = 0x73, ['0'] = 0x74, ['1'] = 0x75, ['2'] = 0x76, ['3'] = 0x77,
  ['4'] = 0x78, ['5'] = 0x79, ['6'] = 0x7a, ['7'] = 0x7b, ['8'] = 0x7c, ['9'] = 0x7d, ['+'] = 0x7e,
  ['/'] = 0x7f,
};

/* Runs: characters of the alphabet only, no line ends.  Decodes whole quanta until one is not of the
 * alphabet; returns the number of characters taken, a multiple of 4, which gave 3/4 as many bytes. */
static gsize
decode_run_plain (const guint8 *in, gsize length, guint8 *out)
{
  gsize i = 0;
  for (; i + 4 <= length; i += 4, out += 3) {
    guint32 a = values[in[i]], b = values[in[i + 1]], c = values[in[i + 2]], d = values[in[i + 3]];
    if (!(a & b & c & d & MEMBER))
      break;
    guint32 quantum = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
    out[0] = quantum >> 16;
    out[1] = quantum >> 8;
    out[2] = quantum;
  }
  return i;
}

static gsize
encode_run_plain (const guint8 *in, gsize length, guint8 *out)
{
  gsize i = 0;
  for (; i + 3 <= length; i += 3, out += 4) {
    guint32 quantum = in[i] << 16 | in[i + 1] << 8 | in[i + 2];
    out[0] = alphabet[quantum >> 18];
    out[1] = alphabet[quantum >> 12 & 63];
    out[2] = alphabet[quantum >> 6 & 63];
    out[3] = alphabet[quantum & 63];
  }
  return i;
}

#ifdef HAVE_X86_VECTORS

/* Decoding with byte shuffles, after Mula and Lemire, "Faster Base64 Encoding and Decoding using AVX2
 * Instructions" (ACM Transactions on the Web 12, 2018).  A character is of the alphabet if the set of high
 * nibbles its low nibble excludes does not hold its own high nibble.  Sets: 1 for 0x2_, 2 for 0x3_, 4 for
 * 0x4_ and 0x6_, 8 for 0x5_ and 0x7_, 16 for all others. */
#define EXCLUDED                                                                                             \
  0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a
#define NIBBLE_SET 0x10, 0x10, 1, 2, 4, 8, 4, 8, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10
/* What leads from the character to its value, by high nibble; '/' is moved to place 1. */
#define TO_VALUE 0, 63 - '/', 62 - '+', 52 - '0', 0 - 'A', 0 - 'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0
/* The three bytes of each quantum, which lie backwards in a little-endian word. */
#define QUANTUM_BYTES 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1

__attribute__ ((target ("avx2"))) static gsize
decode_run_avx2 (const guint8 *in, gsize length, guint8 *out)
{
  const __m256i excluded = _mm256_setr_epi8 (EXCLUDED, EXCLUDED);
  const __m256i nibble_set = _mm256_setr_epi8 (NIBBLE_SET, NIBBLE_SET);
  const __m256i to_value = _mm256_setr_epi8 (TO_VALUE, TO_VALUE);
  const __m256i quantum_bytes = _mm256_setr_epi8 (QUANTUM_BYTES, QUANTUM_BYTES);
  const __m256i low_mask = _mm256_set1_epi8 (0x0f), slash = _mm256_set1_epi8 ('/');
  gsize i = 0;
  for (; i + 32 <= length; i += 32, out += 24) {
    __m256i chars = _mm256_loadu_si256 ((const __m256i *) (in + i));
    __m256i high = _mm256_and_si256 (_mm256_srli_epi16 (chars, 4), low_mask);
    __m256i low = _mm256_and_si256 (chars, low_mask);
    __m256i set = _mm256_shuffle_epi8 (nibble_set, high);
    if (!_mm256_testz_si256 (set, _mm256_shuffle_epi8 (excluded, low)))
      break;
    __m256i row = _mm256_add_epi8 (high, _mm256_cmpeq_epi8 (chars, slash));
    __m256i v = _mm256_add_epi8 (chars, _mm256_shuffle_epi8 (to_value, row));
    __m256i pairs = _mm256_maddubs_epi16 (v, _mm256_set1_epi32 (0x01400140));
    __m256i quanta = _mm256_madd_epi16 (pairs, _mm256_set1_epi32 (0x00011000));
    __m256i bytes = _mm256_shuffle_epi8 (quanta, quantum_bytes);
    bytes = _mm256_permutevar8x32_epi32 (bytes, _mm256_setr_epi32 (0, 1, 2, 4, 5, 6, 7, 7));
    _mm256_storeu_si256 ((__m256i *) out, bytes);
  }
  return i + decode_run_plain (in + i, length - i, out);
}

__attribute__ ((target ("ssse3"))) static gsize
decode_run_ssse3 (const guint8 *in, gsize length, guint8 *out)
{
  const __m128i excluded = _mm_setr_epi8 (EXCLUDED), nibble_set = _mm_setr_epi8 (NIBBLE_SET);
  const __m128i to_value = _mm_setr_epi8 (TO_VALUE), quantum_bytes = _mm_setr_epi8 (QUANTUM_BYTES);
  const __m128i low_mask = _mm_set1_epi8 (0x0f), slash = _mm_set1_epi8 ('/');
  gsize i = 0;
  for (; i + 16 <= length; i += 16, out += 12) {
    __m128i chars = _mm_loadu_si128 ((const __m128i *) (in + i));
    __m128i high = _mm_and_si128 (_mm_srli_epi16 (chars, 4), low_mask);
    __m128i low = _mm_and_si128 (chars, low_mask);
    __m128i bad = _mm_and_si128 (_mm_shuffle_epi8 (nibble_set, high), _mm_shuffle_epi8 (excluded, low));
    if (_mm_movemask_epi8 (_mm_cmpeq_epi8 (bad, _mm_setzero_si128 ())) != 0xffff)
      break;
    __m128i row = _mm_add_epi8 (high, _mm_cmpeq_epi8 (chars, slash));
    __m128i v = _mm_add_epi8 (chars, _mm_shuffle_epi8 (to_value, row));
    __m128i pairs = _mm_maddubs_epi16 (v, _mm_set1_epi32 (0x01400140));
    __m128i quanta = _mm_madd_epi16 (pairs, _mm_set1_epi32 (0x00011000));
    _mm_storeu_si128 ((__m128i *) out, _mm_shuffle_epi8 (quanta, quantum_bytes));
  }
  return i + decode_run_plain (in + i, length - i, out);
}

/* Encoding, same paper: spread 3 bytes over 4, cut out the 6 bit fields by multiplication, add what leads
 * from the value to its character, found by a row number: 13 for A-Z, 0 for a-z, 1 to 10 the digits, 11 '+',
 * 12 '/'. */
__attribute__ ((target ("avx2"))) static gsize
encode_run_avx2 (const guint8 *in, gsize length, guint8 *out)
{
  const __m256i spread = _mm256_setr_epi8 (1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0, 2, 1, 4,
                                           3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
#define DIGIT ('0' - 52)
#define TO_CHAR                                                                                              \
  'a' - 26, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, '+' - 62, '/' - 63, 'A',   \
      0, 0
  const __m256i to_char = _mm256_setr_epi8 (TO_CHAR, TO_CHAR);
  gsize i = 0;
  for (; i + 28 <= length; i += 24, out += 32) {
    __m256i bytes
        = _mm256_inserti128_si256 (_mm256_castsi128_si256 (_mm_loadu_si128 ((const __m128i *) (in + i))),
                                   _mm_loadu_si128 ((const __m128i *) (in + i + 12)), 1);
    bytes = _mm256_shuffle_epi8 (bytes, spread);
    __m256i ac = _mm256_mulhi_epu16 (_mm256_and_si256 (bytes, _mm256_set1_epi32 (0x0fc0fc00)),
                                     _mm256_set1_epi32 (0x04000040));
    __m256i bd = _mm256_mullo_epi16 (_mm256_and_si256 (bytes, _mm256_set1_epi32 (0x003f03f0)),
                                     _mm256_set1_epi32 (0x01000010));
    __m256i v = _mm256_or_si256 (ac, bd);
    __m256i row = _mm256_subs_epu8 (v, _mm256_set1_epi8 (51));
    __m256i upper = _mm256_cmpgt_epi8 (_mm256_set1_epi8 (26), v);
    row = _mm256_or_si256 (row, _mm256_and_si256 (upper, _mm256_set1_epi8 (13)));
    v = _mm256_add_epi8 (v, _mm256_shuffle_epi8 (to_char, row));
    _mm256_storeu_si256 ((__m256i *) out, v);
  }
  return i + encode_run_plain (in + i, length - i, out);
}

#endif /* HAVE_X86_VECTORS */

static gsize
decode_run (const guint8 *in, gsize length, guint8 *out)
{
#ifdef HAVE_X86_VECTORS
  if (__builtin_cpu_supports ("avx2"))
    return decode_run_avx2 (in, length, out);
  if (__builtin_cpu_supports ("ssse3"))
    return decode_run_ssse3 (in, length, out);
#endif
  return decode_run_plain (in, length, out);
}

static gsize
encode_run (const guint8 *in, gsize length, guint8 *out)
{
#ifdef HAVE_X86_VECTORS
  if (__builtin_cpu_supports ("avx2"))
    return encode_run_avx2 (in, length, out);
#endif
  return encode_run_plain (in, length, out);
}

void
pn_base64_decoder_init (PnBase64Decoder *self)
{
  memset (self, 0, sizeof *self);
  self->canonical = TRUE;
}

static void
end_line (PnBase64Decoder *self)
{
  gboolean crlf = self->cr;
  self->cr = FALSE;
  if (self->lines == 0) {
    self->width = self->column;
    self->crlf = crlf;
  }
  if (self->ended || self->pads || self->column == 0 || self->column > self->width || crlf != self->crlf)
    self->canonical = FALSE;
  self->ended = self->padded || self->column < self->width;
  self->lines++;
  self->column = 0;
}

/* An '=': what it closes.  Returns the number of bytes written. */
static gsize
take_pad (PnBase64Decoder *self, guint8 *out)
{
  gsize n = 0;
  self->column++;
  if (self->ended)
    self->canonical = FALSE;
  if (self->phase == 2 || self->phase == 3) {
    n = self->phase - 1;
    out[0] = self->phase == 2 ? self->bits >> 4 : self->bits >> 10;
    out[1] = self->bits >> 2; /* of phase 3 only */
    if (self->bits & (self->phase == 2 ? 0x0f : 0x03))
      self->canonical = FALSE;
    self->pads = 3 - self->phase;
    if (self->padded)
      self->canonical = FALSE;
    self->padded = TRUE;
  } else if (self->phase == 0 && self->pads > 0)
    self->pads--;
  else
    self->canonical = FALSE;
  self->phase = 0;
  self->bits = 0;
  return n;
}

/* Character by character to the end of the line or of the input, or until a run can be tried again. */
static gsize
decode_slowly (PnBase64Decoder *self, const guint8 *in, gsize length, guint8 **out)
{
  gsize i = 0;
  guint8 *o = *out;
  while (i < length) {
    guint8 c = in[i++];
    guint8 value = values[c];
    if (c == '\n') {
      end_line (self);
      break;
    }
    if (self->cr) { /* a CR without LF */
      self->canonical = FALSE;
      self->cr = FALSE;
    }
    if (value) {
      if (self->padded || self->ended)
        self->canonical = FALSE;
      self->pads = 0;
      self->bits = self->bits << 6 | (value & 63);
      self->column++;
      if (++self->phase == 4) {
        *o++ = self->bits >> 16;
        *o++ = self->bits >> 8;
        *o++ = self->bits;
        self->phase = 0;
        self->bits = 0;
        if (length - i >= 16 && values[in[i]])
          break;
      }
    } else if (c == '=')
      o += take_pad (self, o);
    else if (c == '\r')
      self->cr = TRUE;
    else
      self->canonical = FALSE;
  }
  *out = o;
  return i;
}

/* The usual case: full lines as long as the first.  They are put together without their ends and decoded as
 * one run, because a line of 76 is a bad fit for vectors.  Returns the input taken; 0 if there is anything
 * unusual. */
static gsize
decode_lines (PnBase64Decoder *self, const guint8 *in, gsize length, guint8 **out)
{
  enum { STAGE = 8192 };
  guint8 stage[STAGE];
  gsize width = self->width, step = width + 1 + self->crlf;
  gsize n = MIN (length / step, STAGE / width);
  gsize i;
  for (i = 0; i < n; i++) {
    const guint8 *line = in + i * step;
    if (line[step - 1] != '\n' || (self->crlf && line[width] != '\r'))
      break;
    memcpy (stage + i * width, line, width);
  }
  if (i == 0)
    return 0;
  /* the output holds the slack that a run may write beyond its end */
  gsize taken = decode_run (stage, i * width, *out) / width;
  *out += taken * width / 4 * 3;
  self->lines += taken;
  return taken * step;
}

static gboolean
lines_are_usual (const PnBase64Decoder *self)
{
  return self->canonical && self->lines > 0 && self->column == 0 && self->phase == 0 && !self->ended
         && !self->padded && self->width % 4 == 0 && self->width > 0 && self->width <= 4096;
}

gsize
pn_base64_decoder_push (PnBase64Decoder *self, const guint8 *input, gsize length, guint8 *output)
{
  const guint8 *in = input, *end = input + length;
  guint8 *out = output;
  while (in < end) {
    if (lines_are_usual (self)) {
      gsize n = decode_lines (self, in, end - in, &out);
      in += n;
      if (n > 0)
        continue;
    }
    if (self->phase == 0 && !self->cr) {
      gsize n = decode_run (in, end - in, out);
      if (n > 0) {
        if (self->padded || self->ended)
          self->canonical = FALSE;
        self->pads = 0;
      }
      self->column += n;
      in += n;
      out += n / 4 * 3;
    }
    in += decode_slowly (self, in, end - in, &out);
  }
  return out - output;
}

gsize
pn_base64_decoder_finish (PnBase64Decoder *self, guint8 *output, PnBase64Form *form)
{
  gsize n = 0;
  if (self->phase > 1) {
    n = self->phase - 1;
    output[0] = self->phase == 2 ? self->bits >> 4 : self->bits >> 10;
    if (n == 2)
      output[1] = self->bits >> 2;
  }
  if (self->phase || self->pads || self->cr)
    self->canonical = FALSE;
  gboolean one_line = self->lines == 0 || (self->lines == 1 && self->column == 0);
  if (!one_line && self->column > self->width)
    self->canonical = FALSE;
  if (!one_line && self->width > G_MAXUINT / 2)
    self->canonical = FALSE;
  form->canonical = self->canonical;
  form->line_length = one_line ? 0 : self->width;
  form->crlf = self->crlf;
  form->last_eol = self->lines > 0 && self->column == 0;
  return n;
}

void
pn_base64_encoder_init (PnBase64Encoder *self, const PnBase64Form *form)
{
  memset (self, 0, sizeof *self);
  self->form = *form;
}

gsize
pn_base64_encoder_bound (const PnBase64Encoder *self, gsize length)
{
  gsize characters = (length + self->n_rest) / 3 * 4 + 4;
  gsize lines = self->form.line_length ? characters / self->form.line_length + 2 : 1;
  return characters + lines * 2 + PN_BASE64_SLACK;
}

static guint8 *
put_eol (const PnBase64Encoder *self, guint8 *out)
{
  if (self->form.crlf)
    *out++ = '\r';
  *out++ = '\n';
  return out;
}

/* Puts CHARACTERS into lines.  A line end is written only when something follows it. */
static guint8 *
put_lines (PnBase64Encoder *self, const guint8 *characters, gsize length, guint8 *out)
{
  guint width = self->form.line_length;
  while (length > 0) {
    if (width && self->column == width) {
      out = put_eol (self, out);
      self->column = 0;
    }
    gsize n = width ? MIN (length, width - self->column) : length;
    memcpy (out, characters, n);
    self->column = width ? self->column + n : 0;
    self->any = TRUE;
    characters += n;
    length -= n;
    out += n;
  }
  return out;
}

gsize
pn_base64_encoder_push (PnBase64Encoder *self, const guint8 *input, gsize length, guint8 *output)
{
  enum { STAGE = 6144 };
  guint8 stage[STAGE / 3 * 4 + PN_BASE64_SLACK];
  guint8 *out = output;
  if (self->n_rest > 0) {
    while (self->n_rest < 3 && length > 0) {
      self->rest[self->n_rest++] = *input++;
      length--;
    }
    if (self->n_rest < 3)
      return 0;
    encode_run_plain (self->rest, 3, stage);
    out = put_lines (self, stage, 4, out);
    self->n_rest = 0;
  }
  while (length >= 3) {
    gsize n = encode_run (input, MIN (length, STAGE), stage);
    out = put_lines (self, stage, n / 3 * 4, out);
    input += n;
    length -= n;
  }
  if (length)
    memcpy (self->rest, input, length);
  self->n_rest = length;
  return out - output;
}

gsize
pn_base64_encoder_finish (PnBase64Encoder *self, guint8 *output)
{
  guint8 *out = output;
  if (self->n_rest > 0) {
    guint8 last[3] = { self->rest[0], self->n_rest > 1 ? self->rest[1] : 0, 0 }, characters[4];
    encode_run_plain (last, 3, characters);
    characters[3] = '=';
    if (self->n_rest == 1)
      characters[2] = '=';
    out = put_lines (self, characters, 4, out);
    self->n_rest = 0;
  }
  if (self->form.last_eol && self->any)
    out = put_eol (self, out);
  return out - output;
}
