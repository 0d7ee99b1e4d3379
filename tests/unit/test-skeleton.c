#include "convert/native.h"

#include "mime-samples.h"

static guint
count_references (PnMessage *message)
{
  g_autoptr (GBytes) bytes = part_bytes (pn_message_get_part (message, PN_PART_SKELETON));
  g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  guint n = 0;

  for (const char *p = text; (p = strchr (p, '\n')) != NULL; p++)
    n += (p[1] == 'B' || p[1] == 'N') && p[2] == ' ' && g_ascii_isdigit (p[3]);
  return n;
}

static void
test_samples (void)
{
  g_autoptr (GPtrArray) names = list_samples ();

  for (guint i = 0; i < names->len; i++) {
    g_test_message ("%s", (char *) g_ptr_array_index (names, i));
    g_autoptr (GBytes) bytes = load_sample (g_ptr_array_index (names, i));
    g_autoptr (PnMessage) message = read_bytes (bytes);
    assert_gives_back (message, bytes);
    g_autoptr (PnSource) hidden = hidden_source_new (bytes);
    g_autoptr (PnMessage) windowed = read_source (hidden);
    assert_gives_back (windowed, bytes);
  }
}

/* The bytes survive the native carrier. */
static void
test_native (void)
{
  g_autoptr (GPtrArray) names = list_samples ();

  for (guint i = 0; i < names->len; i++) {
    g_test_message ("%s", (char *) g_ptr_array_index (names, i));
    g_autoptr (GBytes) bytes = load_sample (g_ptr_array_index (names, i));
    g_autoptr (PnMessage) message = read_bytes (bytes);
    g_autoptr (GByteArray) array = g_byte_array_new ();
    g_autoptr (GError) error = NULL;
    PnSink sink = pn_sink_to_array (array);
    pn_native_write (message, &sink, &error);
    g_assert_no_error (error);
    g_autoptr (PnSource) source = pn_source_new_copy (array->data, array->len);
    g_autoptr (PnMessage) again = pn_native_read (source, &error);
    g_assert_no_error (error);
    assert_gives_back (again, bytes);
    g_assert_true (pn_mime_restore_headers (again, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (again->headers->len, ==, message->headers->len);
    for (guint k = 0; k < again->headers->len; k++) {
      const PnHeader *was = g_ptr_array_index (message->headers, k),
                     *is = g_ptr_array_index (again->headers, k);
      g_assert_cmpstr (is->name, ==, was->name);
      g_assert_cmpstr (is->value, ==, was->value);
    }
  }
}

/* An attachment is kept once: as a reference if it can be rebuilt, else literally. */
static void
test_references (void)
{
  static const struct {
    const char *name;
    guint references;
  } cases[] = {
    { "attachment-2231.eml", 1 },
    { "attachment-7bit.eml", 1 },
    { "attachment-base64-broken.eml", 0 },
    { "attachment-base64-two-chunks.eml", 0 },
    { "attachment-base64-no-padding.eml", 0 },
    { "alternative-related.eml", 2 },
    { "plain-utf8-qp.eml", 0 },
    { "attachment-root.eml", 1 },
    { "rfc822.eml", 1 },
    { "signed-smime.eml", 1 },
    { "meeting-outlook-request.eml", 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i].name);
    g_autoptr (GBytes) bytes = load_sample (cases[i].name);
    g_autoptr (PnMessage) message = read_bytes (bytes);
    g_assert_cmpuint (count_references (message), ==, cases[i].references);
  }
}

static void
mutate (GByteArray *array)
{
  static const char *const pieces[] = { "\r\n",
                                        "\n",
                                        "\r",
                                        "--",
                                        "=",
                                        "--m\r\n",
                                        "Content-Type: multipart/mixed; boundary=m\r\n",
                                        "\0",
                                        "====",
                                        "Content-Transfer-Encoding: base64\r\n",
                                        "begin 644 a\n",
                                        "\r\n\r\n",
                                        " ",
                                        "=?utf-8?B?" };
  guint edits = (guint) g_test_rand_int_range (1, 8);

  while (edits-- > 0) {
    guint at = array->len > 0 ? (guint) g_test_rand_int_range (0, (gint32) array->len) : 0;
    switch (g_test_rand_int_range (0, 4)) {
    case 0:
      if (array->len > 0)
        array->data[at] = (guint8) g_test_rand_int_range (0, 256);
      break;
    case 1:
      if (array->len > 0) {
        guint n = (guint) g_test_rand_int_range (1, 40);
        g_byte_array_remove_range (array, at, MIN (array->len - at, n));
      }
      break;
    case 2: {
      const char *piece = pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))];
      gsize n = MAX (strlen (piece), 1);
      guint rest = array->len - at;
      g_autofree guint8 *tail = rest > 0 ? g_memdup2 (array->data + at, rest) : NULL;
      g_byte_array_set_size (array, at);
      g_byte_array_append (array, (const guint8 *) piece, (guint) n);
      if (rest > 0)
        g_byte_array_append (array, tail, rest);
      break;
    }
    default:
      if (array->len > 0)
        g_byte_array_set_size (array, at);
    }
  }
}

/* Whatever comes in comes out. */
static void
test_mutations (void)
{
  g_autoptr (GPtrArray) names = list_samples ();

  for (guint round = 0; round < 40; round++)
    for (guint i = 0; i < names->len; i++) {
      g_autoptr (GBytes) sample = load_sample (g_ptr_array_index (names, i));
      g_autoptr (GByteArray) array = g_byte_array_new ();
      g_byte_array_append (array, g_bytes_get_data (sample, NULL), (guint) g_bytes_get_size (sample));
      mutate (array);
      g_autoptr (GBytes) bytes = g_bytes_new (array->data, array->len);
      g_autoptr (PnSource) source = round % 4 == 0 ? hidden_source_new (bytes) : pn_source_new_bytes (bytes);
      g_autoptr (PnMessage) message = read_source (source);
      assert_gives_back (message, bytes);
    }
}

static void
assert_damaged (PnMessage *message)
{
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;

  g_assert_false (pn_skeleton_write (message, &sink, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX);
}

static void
set_skeleton (PnMessage *message, const char *text, gsize length)
{
  PnPart *part = pn_message_get_part (message, PN_PART_SKELETON);

  pn_content_unref (part->content);
  part->content = pn_content_new_text (text, (gssize) length);
}

static void
test_damage (void)
{
  static const char *const texts[] = { "",
                                       "PSKEL1",
                                       "PSKEL2\nE 0\n",
                                       "PSKEL1\nL 5\nabc",
                                       "PSKEL1\nE 1\n",
                                       "PSKEL1\nX 1\n",
                                       "PSKEL1\nE 0\nmore\n",
                                       "PSKEL1\nL -1\n",
                                       "PSKEL1\nL 99999999999999999999\n",
                                       "PSKEL1\nB 0 1 x 76 lf\n",
                                       "PSKEL1\nN 0\n" };
  g_autoptr (GBytes) bytes = load_sample ("attachment-2231.eml");
  g_autoptr (PnMessage) message = read_bytes (bytes);
  g_autoptr (GBytes) skeleton = part_bytes (pn_message_get_part (message, PN_PART_SKELETON));
  gsize length;
  const char *text = g_bytes_get_data (skeleton, &length);

  /* cut anywhere */
  for (gsize n = 0; n < length; n++) {
    set_skeleton (message, text, n);
    assert_damaged (message);
  }
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    set_skeleton (message, texts[i], strlen (texts[i]));
    assert_damaged (message);
  }
  set_skeleton (message, text, length);
  assert_gives_back (message, bytes);

  /* a part that moved is found; one that was changed is not taken for it */
  PnPart *file = pn_message_get_part (message, PN_PART_ATTACHMENT);
  pn_message_add_part (message,
                       pn_part_new (PN_PART_ATTACHMENT, "text/plain", pn_content_new_text ("other", -1)));
  guint last = message->parts->len - 2;
  g_assert_true (message->parts->pdata[1] == file);
  message->parts->pdata[1] = message->parts->pdata[last];
  message->parts->pdata[last] = file;
  assert_gives_back (message, bytes);
  pn_content_unref (file->content);
  file->content = pn_content_new_text ("Attached", -1);
  assert_damaged (message);

  g_autoptr (PnMessage) empty = pn_message_new (PN_TYPE_MAIL);
  assert_damaged (empty);
}

/* Memory does not grow with the size: literals and attachments stay in the source. */
static void
test_large (void)
{
  g_autoptr (GString) text
      = g_string_new ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
                      "application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n");
  g_autofree guint8 *block = g_malloc (57 * 1000);
  memset (block, 'x', 57 * 1000);
  g_autofree char *line = g_base64_encode (block, 57);

  for (guint i = 0; i < 300 * 1000; i++)
    g_string_append_printf (text, "%s\r\n", line);
  g_string_append (text, "--b--\r\n");
  g_autoptr (GBytes) bytes = g_bytes_new (text->str, text->len);
  g_autoptr (PnSource) source = hidden_source_new (bytes);
  g_autoptr (PnMessage) message = read_source (source);
  g_assert_cmpuint (count_references (message), ==, 1);
  assert_gives_back (message, bytes);
  guint64 size;
  g_autoptr (GError) error = NULL;
  pn_content_measure (pn_message_get_part (message, PN_PART_SKELETON)->content, &size, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (size, <, 500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/skeleton/samples", test_samples);
  g_test_add_func ("/skeleton/native", test_native);
  g_test_add_func ("/skeleton/references", test_references);
  g_test_add_func ("/skeleton/mutations", test_mutations);
  g_test_add_func ("/skeleton/damage", test_damage);
  g_test_add_func ("/skeleton/large", test_large);
  return g_test_run ();
}
