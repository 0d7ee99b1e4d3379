#include "convert/mime-partial.h"

#include <string.h>

static PnSource *
source (const char *text)
{
  return pn_source_new_copy (text, strlen (text));
}

static void
test_read (void)
{
  static const struct {
    const char *text;
    const char *id;
    guint number, total;
  } rows[] = {
    { "Content-Type: message/partial; id=\"a@b\"; number=2; total=3\r\n\r\nx", "a@b", 2, 3 },
    { "Content-Type: Message/Partial; number=1; id=abc\n\nx", "abc", 1, 0 },
    { "Content-Type: message/partial;\r\n total=1;\r\n number=1; id=z\r\n\r\n", "z", 1, 1 },
    { "Content-Type: message/partial; id=a\r\n\r\nx", NULL, 0, 0 },
    { "Content-Type: message/partial; number=1\r\n\r\nx", NULL, 0, 0 },
    { "Content-Type: message/partial; id=a; number=0\r\n\r\nx", NULL, 0, 0 },
    { "Content-Type: message/partial; id=a; number=4; total=3\r\n\r\nx", NULL, 0, 0 },
    { "Content-Type: message/partial; id=a; number=99999999999\r\n\r\nx", NULL, 0, 0 },
    { "Content-Type: text/plain; id=a; number=1\r\n\r\nx", NULL, 0, 0 },
    { "\r\nx", NULL, 0, 0 },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnSource) from = source (rows[i].text);
    PnPartial partial = { 0 };
    g_assert_cmpint (pn_mime_partial_read (from, &partial, &error), ==, rows[i].id != NULL);
    g_assert_no_error (error);
    g_assert_cmpstr (partial.id, ==, rows[i].id);
    g_assert_cmpuint (partial.number, ==, rows[i].number);
    g_assert_cmpuint (partial.total, ==, rows[i].total);
    pn_partial_clear (&partial);
  }
}

/* The example of RFC 2046, 5.2.2.1, in other words: which header each field comes from. */
static void
test_join (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) first = source ("X-One: from the first\r\n"
                                       "From: carol@example.org\r\n"
                                       "Subject: piece (1/2)\r\n"
                                       "Message-ID: <one@example.org>\r\n"
                                       "MIME-Version: 1.0\r\n"
                                       "Content-Type: message/partial; id=\"x\";\r\n number=1; total=2\r\n"
                                       "\r\n"
                                       "X-Two: of the inner header\r\n"
                                       "Message-ID: <whole@example.org>\r\n"
                                       "Subject: the\r\n whole\r\n"
                                       "MIME-Version: 1.0\r\n"
                                       "Content-Type: audio/basic\r\n"
                                       "Content-Transfer-Encoding: base64\r\n"
                                       "\r\n"
                                       "Zmlyc3Q=\r\n");
  g_autoptr (PnSource) second = source ("From: carol@example.org\n"
                                        "Subject: piece (2/2)\n"
                                        "Content-Type: message/partial; id=x; number=2; total=2\n"
                                        "\n"
                                        "c2Vjb25k\n");
  PnSource *pieces[] = { first, second };
  g_autoptr (PnContent) whole = pn_mime_partial_join (pieces, 2, &error);
  g_assert_no_error (error);
  g_autoptr (GBytes) bytes = pn_content_read (whole, 100000, &error);
  g_assert_no_error (error);
  static const char expected[] = "X-One: from the first\r\n"
                                 "From: carol@example.org\r\n"
                                 "Message-ID: <whole@example.org>\r\n"
                                 "Subject: the\r\n whole\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: audio/basic\r\n"
                                 "Content-Transfer-Encoding: base64\r\n"
                                 "\r\n"
                                 "Zmlyc3Q=\r\n"
                                 "c2Vjb25k\n";
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-partial/read", test_read);
  g_test_add_func ("/mime-partial/join", test_join);
  return g_test_run ();
}
