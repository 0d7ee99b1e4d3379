/* Plain text of HTML and HTML of plain text. */
#include <string.h>
#include <time.h>

#include "convert/text-twin.h"

static void
test_text_from_html (void)
{
  static const char *const cases[][2] = {
    { "<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree\n" },
    { "a  b\n c", "a b c\n" },
    { "<ul><li>x<li>y</ul>z", "* x\n* y\nz\n" },
    { "<style>p{}</style><script>if (a<b) x()</script>t<!-- c -->u", "tu\n" },
    { "&lt;tag&gt; &amp; &#65;&#x42; &euro;&nbsp;5 &unknown; AT&T",
      "<tag> & AB \342\202\254 5 &unknown; AT&T\n" },
    { "<a href=\"https://example.com/x\">here</a> <a href='https://example.com/'>https://example.com/</a>",
      "here <https://example.com/x> https://example.com/\n" },
    { "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n" },
    { "<blockquote>q</blockquote>a", "> q\n\na\n" },
    { "<pre>x\n  y</pre>", "x\n  y\n" },
    { "a < b and 5 <6", "a < b and 5 <6\n" },
    { "<p title=\"a > b\">t</p>", "t\n" },
    { "", "" },
    { "<p", "" },
    { "<p title=\"a>b", "b\n" },
    { "&#0;&#xD800;&#99999999999;", "\357\277\275\357\277\275\357\277\275\n" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = pn_text_from_html (cases[i][0], strlen (cases[i][0]));
    g_assert_cmpstr (text, ==, cases[i][1]);
  }
  g_autofree char *nothing = pn_text_from_html (NULL, 0);
  g_assert_cmpstr (nothing, ==, "");
}

static void
test_html_from_text (void)
{
  static const char text[] = "See <https://example.com/a?b=1&c=2>.\n  indented & more\n";
  g_autofree char *html = pn_html_from_text (text, strlen (text));
  g_assert_nonnull (strstr (html, "<a href=\"https://example.com/a?b=1&amp;c=2\">"));
  g_assert_nonnull (strstr (html, "&nbsp;&nbsp;indented &amp; more<br>"));
  g_autofree char *back = pn_text_from_html (html, strlen (html));
  g_assert_cmpstr (back, ==, "See <https://example.com/a?b=1&c=2>.\n  indented & more\n");
}

/* Every '>' stands in quotes: time is linear all the same. */
static void
test_open_tags (void)
{
  g_autoptr (GString) html = g_string_new (NULL);
  for (guint i = 0; i < 100000; i++)
    g_string_append (html, "<a =\">\" ");
  clock_t begin = clock ();
  g_autofree char *text = pn_text_from_html (html->str, html->len);
  g_assert_cmpfloat ((double) (clock () - begin) / CLOCKS_PER_SEC, <, 2);
  g_assert_true (g_str_has_prefix (text, "\" \" \""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text-twin/from-html", test_text_from_html);
  g_test_add_func ("/text-twin/open-tags", test_open_tags);
  g_test_add_func ("/text-twin/from-text", test_html_from_text);
  return g_test_run ();
}
