#include "convert/mime-scan.h"

#include "mime-samples.h"

static PnMimeScan *
scan_bytes (GBytes *bytes, gboolean hidden, guint max_depth, guint max_parts)
{
  g_autoptr (PnSource) source = hidden ? hidden_source_new (bytes) : pn_source_new_bytes (bytes);
  g_autoptr (GError) error = NULL;
  PnMimeScan *scan = pn_mime_scan (source, max_depth, max_parts, &error);

  g_assert_no_error (error);
  return scan;
}

/* One line for each part: section, type, body in quotes. */
static char *
describe (const PnMimeScan *scan, GBytes *bytes)
{
  GString *out = g_string_new (NULL);
  const char *data = g_bytes_get_data (bytes, NULL);

  for (guint i = 0; i < scan->nodes->len; i++) {
    const PnMimeEntity *entity = pn_mime_scan_entity (scan, i);
    g_autofree char *section = pn_mime_scan_section (scan, i);
    g_string_append_printf (out, "%s %s", section, entity->type);
    if (entity->first_child == 0 && entity->body_length == 0)
      g_string_append (out, " ''");
    else if (entity->first_child == 0)
      g_string_append_printf (out, " '%.*s'", (int) entity->body_length, data + entity->body_offset);
    g_string_append_printf (out, "%s%s%s\n", entity->too_deep ? " deep" : "",
                            entity->no_delimiter ? " none" : "", entity->unclosed ? " open" : "");
  }
  return g_string_free (out, FALSE);
}

static void
assert_structure (const char *text, const char *expected)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));

  for (guint hidden = 0; hidden < 2; hidden++) {
    g_autoptr (PnMimeScan) scan = scan_bytes (bytes, hidden, 0, 0);
    g_autofree char *found = describe (scan, bytes);
    g_assert_cmpstr (found, ==, expected);
  }
}

#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\n\n"

static void
test_structure (void)
{
  assert_structure ("", "1 text/plain ''\n");
  assert_structure ("\n", "1 text/plain ''\n");
  assert_structure ("body", "1 text/plain 'body'\n");
  assert_structure ("A: b", "1 text/plain ''\n");
  assert_structure ("A: b\n", "1 text/plain ''\n");
  assert_structure ("A: b\r\n\r\nbody\r\n", "1 text/plain 'body\r\n'\n");
  assert_structure (MIXED ("b") "--b\n\none\n--b\n\ntwo\n--b--\nend\n",
                    "1 multipart/mixed\n1 text/plain 'one'\n2 text/plain 'two'\n");
  assert_structure (MIXED ("b") "--b\r\n\r\none\r\n\r\n--b--", "1 multipart/mixed\n1 text/plain 'one\r\n'\n");
  /* blanks behind a delimiter; a delimiter that begins like another; one in the middle of a line */
  assert_structure (MIXED ("b") "--b \t\n\n--bb\nx--b\n--b-- \n",
                    "1 multipart/mixed\n1 text/plain '--bb\nx--b'\n");
  /* no header, no body, no blank line */
  assert_structure (MIXED ("b") "--b\n--b\nX: y\n--b\nno field\n--b--\n",
                    "1 multipart/mixed\n1 text/plain ''\n2 text/plain ''\n3 text/plain 'no field'\n");
  /* an outer delimiter ends the inner multipart */
  assert_structure (MIXED ("o") "--o\n" MIXED ("i") "--i\n\nx\n--o\n\ny\n--o--\n",
                    "1 multipart/mixed\n1 multipart/mixed open\n1.1 text/plain 'x'\n2 text/plain 'y'\n");
  /* both use the same boundary */
  assert_structure (MIXED ("b") "--b\n" MIXED ("b") "--b\n\nx\n--b--\n--b\n\ny\n--b--\n",
                    "1 multipart/mixed\n1 multipart/mixed\n1.1 text/plain 'x'\n2 text/plain 'y'\n");
  /* a part behind the closing delimiter is not lost */
  assert_structure (MIXED ("b") "--b\n\nx\n--b--\nepilogue\n--b\n\ny\n--b--\n",
                    "1 multipart/mixed\n1 text/plain 'x'\n2 text/plain 'y'\n");
  /* the boundary "x--" is its own delimiter, and no end of "x" */
  assert_structure (MIXED ("x--") "--x--\n\na\n--x----\n", "1 multipart/mixed\n1 text/plain 'a'\n");
  assert_structure ("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\n--b\nContent-Type: "
                    "text/plain\n\ny\n--b--\n",
                    "1 multipart/digest\n1 message/rfc822 'Subject: x\n'\n2 text/plain 'y'\n");
  assert_structure ("Content-Type: multipart/mixed\n\n--guess\n\nx\n--guess--\n",
                    "1 multipart/mixed\n1 text/plain 'x'\n");
  assert_structure (MIXED ("b") "nothing\n", "1 multipart/mixed 'nothing\n' none open\n");
  assert_structure ("Content-Type: nonsense\n\nx", "1 text/plain 'x'\n");
  assert_structure ("Content-Type: TEXT\n\nx", "1 text/plain 'x'\n");
  assert_structure ("From a@b Mon Jan\nSubject: x\n\nbody", "1 text/plain 'body'\n");
}

static void
test_bounds (void)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < 50; i++)
    g_string_append_printf (text, "Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", i, i);
  g_string_append (text, "\ninnermost\n");
  g_autoptr (GBytes) bytes = g_bytes_new (text->str, text->len);
  g_autoptr (PnMimeScan) deep = scan_bytes (bytes, FALSE, 10, 0);
  g_assert_cmpuint (deep->nodes->len, ==, 11);
  g_assert_true (pn_mime_scan_entity (deep, 10)->too_deep);
  g_assert_cmpuint (pn_mime_scan_entity (deep, 10)->depth, ==, 10);

  g_string_assign (text, MIXED ("b"));
  for (guint i = 0; i < 50; i++)
    g_string_append_printf (text, "--b\n\npart %u\n", i);
  g_autoptr (GBytes) many = g_bytes_new (text->str, text->len);
  g_autoptr (PnMimeScan) cut = scan_bytes (many, FALSE, 0, 10);
  g_assert_true (cut->too_many);
  g_assert_cmpuint (cut->nodes->len, ==, 10);
  const PnMimeEntity *last = pn_mime_scan_entity (cut, 9);
  g_assert_cmpuint (last->body_offset + last->body_length, ==, text->len);
  g_assert_cmpstr (last->type, ==, "application/octet-stream");
}

/* Windows and memory give the same, wherever the window ends. */
static void
test_windows (void)
{
  for (int shift = -80; shift <= 80; shift++) {
    g_autoptr (GString) text = g_string_new (MIXED ("bound") "--bound\n\n");
    gsize fill = (gsize) (256 * 1024 + shift) - text->len;
    gsize start = text->len;
    g_string_set_size (text, start + fill);
    memset (text->str + start, shift % 2 == 0 ? '-' : 'x', fill);
    g_string_append (text, "\r\n--bound\r\nContent-Type: text/html\r\n\r\nsecond\r\n--bound--\r\n");
    g_autoptr (GBytes) bytes = g_bytes_new (text->str, text->len);
    g_autoptr (PnMimeScan) shown = scan_bytes (bytes, FALSE, 0, 0);
    g_autoptr (PnMimeScan) hidden = scan_bytes (bytes, TRUE, 0, 0);
    g_autofree char *a = describe (shown, bytes), *b = describe (hidden, bytes);
    g_assert_cmpstr (a, ==, b);
    g_assert_cmpuint (shown->nodes->len, ==, 3);
    g_assert_cmpuint (pn_mime_scan_entity (shown, 1)->body_length, ==, fill);
  }
}

static void
test_samples (void)
{
  g_autoptr (GPtrArray) names = list_samples ();

  for (guint i = 0; i < names->len; i++) {
    g_autoptr (GBytes) bytes = load_sample (g_ptr_array_index (names, i));
    g_autoptr (PnMimeScan) shown = scan_bytes (bytes, FALSE, 0, 0);
    g_autoptr (PnMimeScan) hidden = scan_bytes (bytes, TRUE, 0, 0);
    g_autofree char *a = describe (shown, bytes), *b = describe (hidden, bytes);
    g_assert_cmpstr (a, ==, b);
  }
}

/* A header of 1 MB in one line, and one larger than is taken from a source that is not in memory. */
static void
test_long_header (void)
{
  g_autoptr (GString) text = g_string_new ("X-Long: ");
  gsize start = text->len;

  g_string_set_size (text, start + 1000 * 1000);
  memset (text->str + start, 'x', 1000 * 1000);
  g_string_append (text, "\r\nContent-Type: text/html\r\n\r\nbody");
  g_autoptr (GBytes) bytes = g_bytes_new (text->str, text->len);
  g_autoptr (PnMimeScan) scan = scan_bytes (bytes, TRUE, 0, 0);
  g_assert_cmpstr (pn_mime_scan_entity (scan, 0)->type, ==, "text/html");
  g_assert_false (scan->header_limit);

  g_string_set_size (text, PN_MIME_MAX_HEADER + 10);
  memset (text->str + start, 'x', text->len - start);
  g_autoptr (GBytes) huge = g_bytes_new (text->str, text->len);
  g_autoptr (PnMimeScan) cut = scan_bytes (huge, TRUE, 0, 0);
  g_assert_true (cut->header_limit);
}

static void
test_failing_source (void)
{
  g_autoptr (GBytes) bytes = load_sample ("alternative-related.eml");
  g_autoptr (PnSource) source = hidden_source_new (bytes);
  g_autoptr (GError) error = NULL;

  ((HiddenSource *) source)->broken = TRUE;
  g_assert_null (pn_mime_scan (source, 0, 0, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO);
}

/* Time per byte does not grow with the number of parts, of open multiparts, or of lines that look like
 * delimiters. */
static double
time_of (const char *head, const char *unit, guint n)
{
  g_autoptr (GString) text = g_string_new (head);
  gint64 best = G_MAXINT64;

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s", unit);
  g_autoptr (GBytes) bytes = g_bytes_new (text->str, text->len);
  for (guint round = 0; round < 3; round++) {
    gint64 begin = g_get_monotonic_time ();
    g_autoptr (PnMimeScan) scan = scan_bytes (bytes, FALSE, 1000, 1000000);
    best = MIN (best, g_get_monotonic_time () - begin);
  }
  return (double) best + 200;
}

/* The blank line behind the header is lost, or made one of blanks, which looks like a fold. */
static void
test_lost_blank_line (void)
{
  static const char *const expected = "1 multipart/mixed\n1 text/html 'one'\n2 text/plain 'two'\n";
  static const char *const parts = "--b\nContent-Type: text/html\n\none\n--b\n\ntwo\n--b--\n";
  static const char *const between[] = { "", " \n", "\t \r\n", "X-Odd: y\n \n", "Parts of MIME follow.\n" };

  for (guint i = 0; i < G_N_ELEMENTS (between); i++) {
    g_autofree char *text
        = g_strconcat ("Content-Type: multipart/mixed; boundary=b\n", between[i], parts, NULL);
    assert_structure (text, expected);
  }
  /* a boundary with a colon looks like a field */
  assert_structure ("Content-Type: multipart/mixed; boundary=\"b=:1\"\n \n--b=:1\n\none\n--b=:1--\n",
                    "1 multipart/mixed\n1 text/plain 'one'\n");
  /* another line of the kind is not the delimiter */
  assert_structure ("Content-Type: multipart/mixed; boundary=b\n--c: d\nX: y\n\n--b\n\none\n--b--\n",
                    "1 multipart/mixed\n1 text/plain 'one'\n");
}

static void
test_end_with_rest (void)
{
  assert_structure (MIXED ("b") "--b\n\none\n--b-->\nrest\n", "1 multipart/mixed\n1 text/plain 'one'\n");
  assert_structure (MIXED ("b") "--b\n\none\n--b--;x\r\nrest\n", "1 multipart/mixed\n1 text/plain 'one'\n");
  assert_structure (MIXED ("b") "--b\n\none\n--b--c\n--b>\n--b--\n",
                    "1 multipart/mixed\n1 text/plain 'one\n--b--c\n--b>'\n");
  /* what another multipart declares comes first */
  assert_structure (MIXED ("b") "--b\n" MIXED ("\"b--;x\"") "--b--;x\n\none\n--b--;x--\n--b--\n",
                    "1 multipart/mixed\n1 multipart/mixed\n1.1 text/plain 'one'\n");
}

/* A declared boundary that is nowhere: a single line like a delimiter, with a part behind it, says another.
 */
static void
test_single_other_delimiter (void)
{
  assert_structure (MIXED ("b") "--cherry\nContent-Type: text/html\n\none\n",
                    "1 multipart/mixed open\n1 text/html 'one\n'\n");
  assert_structure (MIXED ("b") "--cherry\n\none\n", "1 multipart/mixed '--cherry\n\none\n' none open\n");
  assert_structure (MIXED ("b") "--cherry\nContent: much\n",
                    "1 multipart/mixed '--cherry\nContent: much\n' none open\n");
}

/* Lines of a header that begin like a delimiter do not make its Content-Type be read again. */
static void
test_own_delimiter_lines (void)
{
  g_autoptr (GString) head = g_string_new ("Content-Type: multipart/mixed; boundary=b; x=\"");

  for (guint i = 0; i < 20000; i++)
    g_string_append (head, "0123456789");
  g_string_append (head, "\"\n");
  g_assert_cmpfloat (time_of (head->str, "--c:\n", 20000), <, 500000);
}

static void
test_linear (void)
{
  static const struct {
    const char *head, *unit;
  } cases[] = {
    { MIXED ("b"), "--b\n\nx\n" },
    { MIXED ("b"), "--c\n" },
    { MIXED ("b"), "-" },
    { MIXED ("b"), "\n-" },
    { MIXED ("b"), "--b\n" MIXED ("b") },
    { "", MIXED ("b") "--b\n" },
    { "", "a:b\n" },
    { "a: b", "\n c" },
  };

  /* Small enough for the table of parts to stay in memory that malloc keeps: fresh pages cost more than the
   * scan. */
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    double small = time_of (cases[i].head, cases[i].unit, 12000);
    double large = time_of (cases[i].head, cases[i].unit, 48000);
    g_test_message ("case %u: %.0f, %.0f us", i, small, large);
    g_assert_cmpfloat (large, <, small * 16);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-scan/structure", test_structure);
  g_test_add_func ("/mime-scan/bounds", test_bounds);
  g_test_add_func ("/mime-scan/windows", test_windows);
  g_test_add_func ("/mime-scan/samples", test_samples);
  g_test_add_func ("/mime-scan/long-header", test_long_header);
  g_test_add_func ("/mime-scan/failing-source", test_failing_source);
  g_test_add_func ("/mime-scan/lost-blank-line", test_lost_blank_line);
  g_test_add_func ("/mime-scan/end-with-rest", test_end_with_rest);
  g_test_add_func ("/mime-scan/single-other-delimiter", test_single_other_delimiter);
  g_test_add_func ("/mime-scan/own-delimiter-lines", test_own_delimiter_lines);
  g_test_add_func ("/mime-scan/linear", test_linear);
  return g_test_run ();
}
