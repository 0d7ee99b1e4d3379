/* Sources, contents and the transfer decoders. */
#include <string.h>

#include "convert/number.h"
#include "convert/base64.h"
#include "convert/content-private.h"
#include "convert/transfer.h"

/* A source that is not in memory and gives at most STEP bytes at a time. */
typedef struct {
  PnSource base;
  GBytes *bytes;
  gsize step;
  gboolean fail;
} SlowSource;

static gssize
slow_read (PnSource *source, guint64 offset, void *buffer, gsize length, GError **error)
{
  SlowSource *self = (SlowSource *) source;
  if (self->fail) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO, "disk is gone");
    return -1;
  }
  gsize size;
  const guint8 *data = g_bytes_get_data (self->bytes, &size);
  if (offset >= size)
    return 0;
  gsize n = MIN (MIN (length, self->step), size - offset);
  memcpy (buffer, data + offset, n);
  return n;
}

static void
slow_free (PnSource *source)
{
  g_bytes_unref (((SlowSource *) source)->bytes);
  g_free (source);
}

static const PnSourceClass slow_class = { slow_read, slow_free };

static PnSource *
slow_source (const void *data, gsize length, gsize step)
{
  SlowSource *self = g_new0 (SlowSource, 1);
  pn_source_init (&self->base, &slow_class, length, NULL);
  self->bytes = g_bytes_new (data, length);
  self->step = step;
  return &self->base;
}

static GBytes *
decode (const char *text, gsize length, PnEncoding encoding, gsize step)
{
  g_autoptr (PnSource) source = step ? slow_source (text, length, step) : pn_source_new_copy (text, length);
  g_autoptr (PnContent) content = pn_content_new_range (source, 0, length, encoding);
  g_autoptr (GError) error = NULL;
  GBytes *bytes = pn_content_read (content, G_MAXSIZE, &error);
  g_assert_no_error (error);
  return bytes;
}

static void
assert_decodes (const char *text, PnEncoding encoding, const char *expected)
{
  for (gsize step = 0; step < 4; step++) {
    g_autoptr (GBytes) bytes = decode (text, strlen (text), encoding, step);
    gsize size;
    const void *data = g_bytes_get_data (bytes, &size);
    g_assert_cmpmem (data, size, expected, strlen (expected));
  }
}

static void
test_source (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_source_new_copy ("0123456789", 10);
  g_autoptr (PnSource) range = pn_source_new_range (source, 2, 6);
  g_autoptr (PnSource) inner = pn_source_new_range (range, 1, 3);
  char buffer[8] = "";
  g_assert_true (pn_source_read (inner, 0, buffer, 3, &error));
  g_assert_cmpstr (buffer, ==, "345");
  g_assert_false (pn_source_read (inner, 1, buffer, 3, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED);
  g_clear_error (&error);
  g_assert_false (pn_source_read (inner, G_MAXUINT64, buffer, 3, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_TRUNCATED);
  g_clear_error (&error);

  g_autoptr (PnSource) slow = slow_source ("0123456789", 10, 3);
  g_autoptr (PnSource) slow_range = pn_source_new_range (slow, 1, 9);
  memset (buffer, 0, sizeof buffer);
  g_assert_true (pn_source_read (slow_range, 1, buffer, 7, &error));
  g_assert_cmpstr (buffer, ==, "2345678");
  ((SlowSource *) slow)->fail = TRUE;
  g_autoptr (PnContent) content = pn_content_new_range (slow_range, 0, 9, PN_ENCODING_BASE64);
  g_assert_false (pn_content_measure (content, NULL, NULL, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO);
}

static void
test_base64 (void)
{
  PnEncoding e = PN_ENCODING_BASE64;
  assert_decodes ("", e, "");
  assert_decodes ("aGVsbG8=", e, "hello");
  assert_decodes ("aGVsbG8", e, "hello");                   /* padding missing */
  assert_decodes ("aGVsbG8=aGVsbG8=\r\n", e, "hellohello"); /* pieces encoded one by one */
  assert_decodes ("aA=\r\n=aGVsbG8=", e, "hhello");
  assert_decodes (" a*G\tV\r\ns\nb\xc3G8 = junk!", e,
                  "hello"
                  "\x8e\xe9\xe4");
  assert_decodes ("Zm9v\r\n\r\n\r\nYmFy\r\n", e, "foobar");
  assert_decodes ("=====", e, "");
  assert_decodes ("Z", e, "");
}

static char *
random_base64 (GRand *rand, gsize *length, PnBase64Form *form, GBytes **decoded)
{
  gsize size = g_rand_int_range (rand, 0, g_rand_boolean (rand) ? 64 : 40000);
  guint8 *data = g_malloc (size + 1);
  for (gsize i = 0; i < size; i++)
    data[i] = g_rand_int (rand);
  static const guint widths[] = { 0, 76, 76, 64, 72, 4, 1, 75, 77, 998, 9000 };
  *form = (PnBase64Form){ TRUE, widths[g_rand_int_range (rand, 0, G_N_ELEMENTS (widths))],
                          g_rand_boolean (rand), g_rand_boolean (rand) };
  /* the reference is written here, simply, from GLib's encoder */
  g_autofree char *plain = g_base64_encode (data, size);
  gsize n = strlen (plain);
  GString *out = g_string_new (NULL);
  for (gsize at = 0; at < n; at += form->line_length ? form->line_length : n) {
    if (at)
      g_string_append (out, form->crlf ? "\r\n" : "\n");
    g_string_append_len (out, plain + at, form->line_length ? MIN (form->line_length, n - at) : n);
  }
  if (form->last_eol && n)
    g_string_append (out, form->crlf ? "\r\n" : "\n");
  *length = out->len;
  *decoded = g_bytes_new_take (data, size);
  return g_string_free (out, FALSE);
}

static void
assert_reencodes (PnContent *content, const char *text, gsize length, gboolean must)
{
  g_autoptr (GError) error = NULL;
  PnBase64Form form;
  g_assert_true (pn_content_get_base64_form (content, &form, &error));
  if (!form.canonical) {
    g_assert_false (must);
    return;
  }
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_assert_true (pn_content_copy_base64 (content, &form, &sink, &error));
  g_assert_cmpmem (array->data, array->len, text, length);
}

/* Whatever is found canonical must come back byte for byte, and what is canonical must be found. */
static void
test_base64_form (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (42);
  for (guint round = 0; round < 1500; round++) {
    gsize length;
    PnBase64Form form;
    g_autoptr (GBytes) decoded = NULL;
    g_autofree char *text = random_base64 (rand, &length, &form, &decoded);
    gsize step = round % 3 == 0 ? 0 : round % 3 == 1 ? 7 : 4096;
    g_autoptr (PnSource) source = step ? slow_source (text, length, step) : pn_source_new_copy (text, length);
    g_autoptr (PnContent) content = pn_content_new_range (source, 0, length, PN_ENCODING_BASE64);
    guint64 size;
    guint8 digest[32];
    g_assert_true (pn_content_measure (content, &size, digest, NULL));
    g_assert_cmpuint (size, ==, g_bytes_get_size (decoded));
    g_autofree char *want = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, decoded);
    for (guint i = 0; i < 32; i++)
      g_assert_cmpint (g_ascii_xdigit_value (want[2 * i]) << 4 | g_ascii_xdigit_value (want[2 * i + 1]), ==,
                       digest[i]);
    g_autoptr (GBytes) got = pn_content_read (content, G_MAXSIZE, NULL);
    g_assert_true (g_bytes_equal (got, decoded));
    /* "==" split over two lines is found, but not called canonical */
    assert_reencodes (content, text, length, form.line_length == 0 || form.line_length % 4 == 0);

    if (length == 0)
      continue;
    guint changes = g_rand_int_range (rand, 1, 3);
    for (guint i = 0; i < changes; i++)
      text[g_rand_int_range (rand, 0, length)] = "\r\n= A/z\xff"[g_rand_int_range (rand, 0, 8)];
    g_autoptr (PnSource) damaged = pn_source_new_copy (text, length);
    g_autoptr (PnContent) other = pn_content_new_range (damaged, 0, length, PN_ENCODING_BASE64);
    assert_reencodes (other, text, length, FALSE);
  }
}

/* The same bytes whatever the windows are. */
static void
test_base64_windows (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  for (guint round = 0; round < 300; round++) {
    gsize length;
    PnBase64Form form, a, b;
    g_autoptr (GBytes) decoded = NULL;
    g_autofree char *text = random_base64 (rand, &length, &form, &decoded);
    if (length && g_rand_boolean (rand))
      text[g_rand_int_range (rand, 0, length)] = "\r\n= A/z\xff"[g_rand_int_range (rand, 0, 8)];
    g_autofree guint8 *whole = g_malloc (length + 64), *pieces = g_malloc (length + 64);
    PnBase64Decoder decoder;
    pn_base64_decoder_init (&decoder);
    gsize n = pn_base64_decoder_push (&decoder, (guint8 *) text, length, whole);
    n += pn_base64_decoder_finish (&decoder, whole + n, &a);
    pn_base64_decoder_init (&decoder);
    gsize m = 0;
    for (gsize at = 0; at < length;) {
      gsize step = g_rand_int_range (rand, 1, 300);
      step = MIN (step, length - at);
      m += pn_base64_decoder_push (&decoder, (guint8 *) text + at, step, pieces + m);
      at += step;
    }
    m += pn_base64_decoder_finish (&decoder, pieces + m, &b);
    g_assert_cmpmem (whole, n, pieces, m);
    g_assert_cmpint (a.canonical, ==, b.canonical);
    g_assert_cmpuint (a.line_length, ==, b.line_length);
    g_assert_cmpint (a.crlf, ==, b.crlf);
    g_assert_cmpint (a.last_eol, ==, b.last_eol);
  }
}

static void
test_quoted_printable (void)
{
  PnEncoding e = PN_ENCODING_QUOTED_PRINTABLE;
  assert_decodes ("", e, "");
  assert_decodes ("caf=C3=A9 =3D =e9", e, "caf\xc3\xa9 = \xe9");
  assert_decodes ("one=\r\ntwo=\nthree= \t\r\nfour=", e, "onetwothreefour");
  assert_decodes ("trailing  \t\r\nblank \n", e, "trailing\r\nblank\n");
  assert_decodes ("end  ", e, "end");
  assert_decodes ("a =20\r\n", e, "a  \r\n");
  assert_decodes ("=XY =4 =", e, "=XY =4 ");
  assert_decodes ("100 =% =\tx", e, "100 =% =\tx");
  assert_decodes ("==41", e, "=A");
  g_autoptr (GString) blanks = g_string_new ("a");
  for (guint i = 0; i < 5000; i++)
    g_string_append_c (blanks, ' ');
  g_string_append_c (blanks, 'b');
  assert_decodes (blanks->str, e, blanks->str);
}

static void
test_uuencode (void)
{
  PnEncoding e = PN_ENCODING_UUENCODE;
  assert_decodes ("begin 644 cat.txt\n#0V%T\n`\nend\n", e, "Cat");
  assert_decodes ("text before\r\n\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\nafter", e, "Cat");
  assert_decodes ("#0V%T\n", e, "Cat");
  assert_decodes ("#0V%T", e, "Cat");
  assert_decodes ("begin 644 x\n\"0V$\nend\n", e, "Ca"); /* blanks at the end of the line were stripped */
  assert_decodes ("nothing of it here\n", e, "");
}

static void
test_content (void)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *pieces = g_ptr_array_new ();
  g_autoptr (PnSource) source = pn_source_new_copy ("xxd29ybGQ=", 10);
  g_ptr_array_add (pieces, pn_content_new_text ("hello ", -1));
  g_ptr_array_add (pieces, pn_content_new_range (source, 2, 8, PN_ENCODING_BASE64));
  g_autoptr (PnContent) chain = pn_content_new_chain (pieces);
  g_assert_null (pn_content_get_range (chain, NULL, NULL, NULL));
  guint64 size;
  g_assert_true (pn_content_measure (chain, &size, NULL, &error));
  g_assert_cmpuint (size, ==, 11);
  g_autoptr (GBytes) bytes = pn_content_read (chain, 11, &error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "hello world", 11);
  g_assert_null (pn_content_read (chain, 10, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT);
  g_clear_error (&error);

  g_autoptr (PnContent) empty = pn_content_new_text ("", 0);
  g_autoptr (GBytes) nothing = pn_content_read (empty, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (nothing), ==, 0);

  guint8 digest[32] = { 0 };
  g_autoptr (PnContent) declared = pn_content_new_text ("hello", -1);
  pn_content_declare (declared, 5, digest, "part 1");
  g_assert_null (pn_content_read (declared, 100, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_DIGEST);
  g_assert_true (g_str_has_prefix (error->message, "part 1: SHA-256 is 2cf24dba5fb0a30e"));
}

/* Contents larger than what is kept stream, and give the same. */
static void
test_large_content (void)
{
  gsize size = 9 * 1024 * 1024 + 1;
  g_autofree guint8 *data = g_malloc (size);
  for (gsize i = 0; i < size; i++)
    data[i] = i * 2654435761u >> 13;
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, size);
  g_autoptr (PnContent) plain = pn_content_new_bytes (bytes);
  g_autoptr (GByteArray) encoded = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (encoded);
  PnBase64Form form = { TRUE, 76, TRUE, TRUE };
  g_assert_true (pn_content_copy_base64 (plain, &form, &sink, NULL));
  for (gsize step = 0; step <= 100000; step += 100000) {
    g_autoptr (PnSource) source = step ? slow_source (encoded->data, encoded->len, step)
                                       : pn_source_new_copy (encoded->data, encoded->len);
    g_autoptr (PnContent) content = pn_content_new_range (source, 0, encoded->len, PN_ENCODING_BASE64);
    guint8 a[32], b[32];
    guint64 measured;
    g_assert_true (pn_content_measure (content, &measured, a, NULL));
    g_assert_true (pn_content_measure (plain, NULL, b, NULL));
    g_assert_cmpuint (measured, ==, size);
    g_assert_cmpmem (a, 32, b, 32);
    assert_reencodes (content, (char *) encoded->data, encoded->len, TRUE);
  }
}

/* However many contents are measured, memory for what they keep is bounded; and all are readable. */
static void
test_many_contents (void)
{
  enum { SIZE = 1024 * 1024, N = 100 };
  g_autofree guint8 *data = g_malloc (SIZE);
  memset (data, 'Q', SIZE);
  g_autoptr (PnSource) source = pn_source_new_copy (data, SIZE);
  g_autoptr (GPtrArray) contents = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_content_unref);
  guint shared = 0;
  for (guint i = 0; i < N; i++) {
    PnContent *content = pn_content_new_range (source, 0, SIZE, PN_ENCODING_BASE64);
    g_ptr_array_add (contents, content);
    guint64 size;
    g_assert_true (pn_content_measure (content, &size, NULL, NULL));
    g_assert_cmpuint (size, ==, SIZE / 4 * 3);
    g_autoptr (GBytes) first = pn_content_read (content, SIZE, NULL),
                       second = pn_content_read (content, SIZE, NULL);
    g_assert_true (g_bytes_equal (first, second));
    shared += first == second; /* kept */
  }
  g_assert_cmpuint (shared, >, 10);
  g_assert_cmpuint (shared, <, 70);
  g_ptr_array_set_size (contents, 0);
  g_autoptr (PnContent) next = pn_content_new_range (source, 0, SIZE, PN_ENCODING_BASE64);
  g_assert_true (pn_content_measure (next, NULL, NULL, NULL));
  g_autoptr (GBytes) first = pn_content_read (next, SIZE, NULL), second = pn_content_read (next, SIZE, NULL);
  g_assert_true (first == second);
}

static void
test_number (void)
{
  static const struct {
    const char *text;
    guint base;
    guint64 min, max;
    gboolean ok;
    guint64 number;
  } rows[] = {
    { "0", 10, 0, 9, TRUE, 0 },
    { "00042", 10, 0, 42, TRUE, 42 },
    { "18446744073709551615", 10, 0, G_MAXUINT64, TRUE, G_MAXUINT64 },
    { "18446744073709551616", 10, 0, G_MAXUINT64, FALSE, 0 },
    { "99999999999999999999999", 10, 0, G_MAXUINT64, FALSE, 0 },
    { "fFfF", 16, 0, 0xFFFF, TRUE, 0xFFFF },
    { "a", 10, 0, 99, FALSE, 0 },
    { "43", 10, 0, 42, FALSE, 0 },
    { "4", 10, 5, 42, FALSE, 0 },
    { "", 10, 0, 42, FALSE, 0 },
    { " 1", 10, 0, 42, FALSE, 0 },
    { "1 ", 10, 0, 42, FALSE, 0 },
    { "+1", 10, 0, 42, FALSE, 0 },
    { "-1", 10, 0, 42, FALSE, 0 },
    { "0x1", 16, 0, 42, FALSE, 0 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    guint64 number = 77;
    gboolean ok = pn_number_parse (rows[i].text, rows[i].base, rows[i].min, rows[i].max, &number);
    g_assert_cmpint (ok, ==, rows[i].ok);
    g_assert_cmpuint (number, ==, ok ? rows[i].number : 77);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bytes/source", test_source);
  g_test_add_func ("/bytes/base64", test_base64);
  g_test_add_func ("/bytes/base64-form", test_base64_form);
  g_test_add_func ("/bytes/base64-windows", test_base64_windows);
  g_test_add_func ("/bytes/quoted-printable", test_quoted_printable);
  g_test_add_func ("/bytes/uuencode", test_uuencode);
  g_test_add_func ("/bytes/content", test_content);
  g_test_add_func ("/bytes/large-content", test_large_content);
  g_test_add_func ("/bytes/many-contents", test_many_contents);
  g_test_add_func ("/bytes/number", test_number);
  return g_test_run ();
}
