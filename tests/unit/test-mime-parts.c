/* What becomes of the parts of mail as many kinds of senders made it: bodies, files, names. */
#include "mime-samples.h"

#include "convert/mac-file.h"
#include "convert/mime-enriched.h"
#include "convert/yenc.h"

static PnMessage *
read_string (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return read_bytes (bytes);
}

static PnMessage *
read_sample (const char *name)
{
  g_autoptr (GBytes) bytes = load_sample (name);

  return read_bytes (bytes);
}

static char *
text_of (const PnPart *part)
{
  g_autoptr (GError) error = NULL;

  if (part == NULL)
    return NULL;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXINT, &error);
  g_assert_no_error (error);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  return g_strndup (data, length);
}

static PnPart *
file_at (const PnMessage *message, guint number)
{
  for (guint i = 0; i < message->parts->len; i++) {
    PnPart *part = g_ptr_array_index (message->parts, i);
    if ((part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE) && number-- == 0)
      return part;
  }
  return NULL;
}

static gboolean
has_loss (const PnMessage *message, const char *words)
{
  for (guint i = 0; i < message->losses->len; i++)
    if (strstr (((const PnLoss *) g_ptr_array_index (message->losses, i))->reason, words) != NULL)
      return TRUE;
  return FALSE;
}

/* The 539 bytes that the packed samples hold. */
static void
assert_packed (const PnPart *part)
{
  guint8 wanted[539];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 512; i++)
    wanted[i] = (guint8) i;
  memset (wanted + 512, 0x90, 3);
  memset (wanted + 515, 'a', 24);
  g_assert_nonnull (part);
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXINT, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), wanted, sizeof wanted);
}

/* Multiparts in short: 'm' mixed, 'a' alternative, 'r' related; texts with their words; "[...]" around. */
static const char *
write_tree (GString *out, const char *p, guint *number)
{
  static const struct {
    char letter;
    const char *type;
  } kinds[] = { { 't', "text/plain" },
                { 'h', "text/html" },
                { 'e', "text/enriched" },
                { 'f', "application/pdf" },
                { 'i', "image/png\nContent-Disposition: inline" },
                { 'c', "image/png\nContent-ID: <c>" } };

  if (p[1] == '[') {
    guint boundary = ++*number;
    g_string_append_printf (out, "Content-Type: multipart/%s; boundary=\"-%u-\"\n\n",
                            *p == 'm'   ? "mixed"
                            : *p == 'a' ? "alternative"
                                        : "related",
                            boundary);
    for (p += 2; *p != ']'; p += *p == ' ') {
      g_string_append_printf (out, "---%u-\n", boundary);
      p = write_tree (out, p, number);
    }
    g_string_append_printf (out, "---%u---\n", boundary);
    return p + 1;
  }
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].letter == *p)
      g_string_append_printf (out, "Content-Type: %s\n\n", kinds[i].type);
  gsize length = strcspn (++p, " ]");
  g_string_append_len (out, p, (gssize) length);
  g_string_append_c (out, '\n');
  return p + length;
}

static void
test_bodies (void)
{
#define PAGE(inside)                                                                                         \
  "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n" inside "</body></html>\n"
  static const struct {
    const char *tree, *text, *html;
    guint files;
  } cases[] = {
    { "tA", "A", NULL, 0 },
    { "hA", NULL, "A", 0 },
    { "a[tA hB]", "A", "B", 0 },
    { "a[hB tA]", "A", "B", 0 },
    { "a[tA tB]", "B", NULL, 0 },
    { "a[tA h]", "A", "", 0 },
    { "a[tA r[hB cX]]", "A", "B", 1 },
    { "r[a[tA hB] cX]", "A", "B", 1 },
    { "m[a[tA hB] fX]", "A", "B", 1 },
    { "m[fX tA]", "A", NULL, 1 },
    { "m[fX hA fY]", NULL, "A", 2 },
    { "m[tA tB]", "A\nB", NULL, 0 },
    { "m[tA fX tB]", "A\nB", NULL, 1 },
    { "m[hA hB]", NULL, "A<div>B</div>\n", 0 },
    { "m[hA tB]", "A\nB", "A<div>\nB<br>\n</div>\n", 0 },
    { "m[tA hB]", "A\nB\n", PAGE ("A<br>\n<div>B</div>\n"), 0 },
    { "m[a[tA hB] tC]", "A\nC", "B<div>\nC<br>\n</div>\n", 0 },
    { "m[a[tA hB] fX a[tC hD]]", "A\nC", "B<div>D</div>\n", 1 },
    { "m[m[hA tB] tC]", "A\nB\nC", "A<div>\nB<br>\n</div>\n<div>\nC<br>\n</div>\n", 0 },
    { "a[tA m[hB fX hC]]", "A", "B<div>C</div>\n", 1 },
    { "a[tA m[hB tC]]", "A", "B<div>\nC<br>\n</div>\n", 0 },
    { "a[tA e<bold>B</bold>]", "A", PAGE ("<b>B</b>\n"), 0 },
    { "a[eB tA hC]", "A", "C", 0 },
    { "eA", "A", PAGE ("A\n"), 0 },
    { "m[eA tB]", "A\nB", PAGE ("A\n<div>\nB<br>\n</div>\n"), 0 },
    { "m[hA iX hB]", NULL, "A<div><img src=\"cid:part2@inline\"></div>\n<div>B</div>\n", 1 },
    { "m[tA iX tB]", "A\nB", NULL, 1 },
    { "r[hA iX]", NULL, "A", 1 },
    { "m[iX fY]", NULL, NULL, 2 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) mail = g_string_new ("Subject: x\nMIME-Version: 1.0\n");
    guint number = 0, files = 0;
    write_tree (mail, cases[i].tree, &number);
    if (mail->str[mail->len - 1] == '\n' && cases[i].tree[1] != '[')
      g_string_truncate (mail, mail->len - 1);
    g_autoptr (PnMessage) message = read_string (mail->str);
    g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));
    g_autofree char *html = text_of (pn_message_get_part (message, PN_PART_HTML));
    g_test_message ("%s", cases[i].tree);
    g_assert_cmpstr (text, ==, cases[i].text);
    g_assert_cmpstr (html, ==, cases[i].html);
    while (file_at (message, files) != NULL)
      files++;
    g_assert_cmpuint (files, ==, cases[i].files);
  }
}

/* A picture that no page names stays a file, and so does one that only has an id. */
static void
test_pictures (void)
{
  static const struct {
    const char *tree;
    PnPartRole role;
  } cases[] = {
    { "m[h<img/src=cid:c> cX]", PN_PART_INLINE },
    { "r[h<img/src=cid:c> cX]", PN_PART_INLINE },
    { "r[h<img/src='CID:c'> cX]", PN_PART_INLINE },
    { "r[hA cX]", PN_PART_ATTACHMENT },
    { "m[tA cX]", PN_PART_ATTACHMENT },
    { "m[hA iX]", PN_PART_INLINE },
    { "m[tA iX]", PN_PART_ATTACHMENT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) mail = g_string_new ("Subject: x\n");
    guint number = 0;
    write_tree (mail, cases[i].tree, &number);
    g_autoptr (PnMessage) message = read_string (mail->str);
    g_test_message ("%s", cases[i].tree);
    g_assert_cmpint (file_at (message, 0)->role, ==, cases[i].role);
  }
}

static void
test_locations (void)
{
  g_autoptr (PnMessage) message = read_sample ("related-content-base.eml");

  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (file_at (message, i)->role, ==, i < 3 ? PN_PART_INLINE : PN_PART_ATTACHMENT);
}

static void
test_enriched (void)
{
  static const struct {
    const char *in, *text, *html;
    gboolean richtext;
  } cases[] = {
    { "a\nb\n\nc\n\n\nd", "a b\nc\n\nd", "a b<br>\nc<br>\n<br>\nd", FALSE },
    { "<bold>a</bold> <italic>b</italic>", "a b", "<b>a</b> <i>b</i>", FALSE },
    { "a <<b> & c", "a <b> & c", "a &lt;b&gt; &amp; c", FALSE },
    { "<BOLD>a<italic>b</BOLD>c", "abc", "<b>a<i>b</i></b>c", FALSE },
    { "<bold>a", "a", "<b>a</b>", FALSE },
    { "</bold>a", "a", "a", FALSE },
    { "<color><param>red</param>a</color>", "a", "<span style=\"color:red\">a</span>", FALSE },
    { "<color><param>ffff,8080,0000</param>a</color>", "a", "<span style=\"color:#ff8000\">a</span>", FALSE },
    { "<color><param>\"><script></param>a</color>", "a", "<span style=\"color:script\">a</span>", FALSE },
    { "<x-new><param>no words</param>a</x-new>", "a", "a", FALSE },
    { "<nofill>a\n  b\n</nofill>", "a\n  b\n", "<pre>a\n  b\n</pre>", FALSE },
    { "a<comment>hidden<bold>too</bold></comment>b", "ab", "ab", FALSE },
    { "a<excerpt>b</excerpt>c", "a\nb\nc", "a<blockquote>b</blockquote>c", FALSE },
    { "3 < 4", "3 < 4", "3 &lt; 4", FALSE },
    { "a<lt>b<nl>c\nd", "a<b\nc d", "a&lt;b<br>\nc d", TRUE },
    { "<param>never closed", "never closed", "never closed", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gsize length;
    g_autofree char *text
        = pn_enriched_to_text (cases[i].in, strlen (cases[i].in), cases[i].richtext, &length);
    g_assert_cmpstr (text, ==, cases[i].text);
    g_assert_cmpuint (length, ==, strlen (text));
    g_autofree char *html
        = pn_enriched_to_html (cases[i].in, strlen (cases[i].in), cases[i].richtext, &length);
    g_autofree char *wanted = g_strconcat ("<body>\n", cases[i].html, "\n</body>", NULL);
    g_assert_nonnull (strstr (html, wanted));
  }
}

static void
test_yenc (void)
{
  g_autoptr (PnMessage) one = read_sample ("yenc.eml");
  g_autofree char *text = text_of (pn_message_get_part (one, PN_PART_TEXT));
  g_assert_cmpstr (text, ==, "see the file\nthat was it\n");
  assert_packed (file_at (one, 0));
  g_assert_cmpstr (file_at (one, 0)->name, ==, "two words.bin");

  g_autoptr (PnMessage) parts = read_sample ("yenc-parts.eml");
  assert_packed (file_at (parts, 0));
  g_assert_cmpstr (file_at (parts, 0)->type, ==, "image/png");
  g_assert_cmpuint (parts->losses->len, ==, 0);

  g_autoptr (PnMessage) wrong = read_sample ("yenc-wrong-checksum.eml");
  g_autofree char *kept = text_of (pn_message_get_part (wrong, PN_PART_TEXT));
  g_assert_null (file_at (wrong, 0));
  g_assert_nonnull (strstr (kept, "=ybegin"));
  g_assert_true (has_loss (wrong, "its checksum is wrong"));

  g_autoptr (PnMessage) missing = read_sample ("yenc-part-missing.eml");
  g_assert_null (file_at (missing, 0));
  g_assert_true (has_loss (missing, "not all of its parts"));

  g_assert_cmphex (pn_crc_32 ((const guint8 *) "123456789", 9), ==, 0xCBF43926);
}

static void
test_yenc_damage (void)
{
  static const char *const cases[] = {
    "=ybegin line=128 size=3 name=x\nabc\n",
    "=ybegin line=128 name=x\nabc\n=yend size=3\n",
    "=ybegin line=128 size=0 name=x\n=yend size=0\n",
    "=ybegin line=128 size=4 name=x\nabc\n=yend size=4\n",
    "=ybegin line=128 size=3 name=x\nabc\n=yend size=2\n",
    "=ybegin part=1 line=128 size=3 name=x\nabc\n=yend size=3\n",
    "=ybegin part=1 line=128 size=9 name=x\n=ypart begin=3 end=1\nabc\n=yend size=3\n",
    "say =ybegin line=128 size=3 name=x\nabc\n=yend size=3\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *mail = g_strconcat ("Subject: x\n\n", cases[i], NULL);
    g_autoptr (PnMessage) message = read_string (mail);
    g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));
    g_test_message ("case %u", i);
    g_assert_null (file_at (message, 0));
    g_assert_cmpstr (text, ==, cases[i]);
  }
  /* As a news server keeps it: with a dot before that at the beginning of a line. */
  g_autoptr (PnMessage) stuffed
      = read_string ("Subject: x\n\n=ybegin line=128 size=3 name=x\n..ab\n=yend size=3\n");
  g_autofree char *text = text_of (file_at (stuffed, 0));
  g_assert_cmpstr (text, ==, "\00478");
}

static void
test_binhex (void)
{
  g_autoptr (PnMessage) text = read_sample ("binhex-in-text.eml");
  g_assert_cmpstr (file_at (text, 0)->name, ==, "Gr\303\274\303\237e.txt");
  g_assert_cmpstr (file_at (text, 0)->type, ==, "text/plain");

  g_autoptr (PnMessage) part = read_sample ("binhex-part.eml");
  assert_packed (file_at (part, 0));
  g_assert_cmpstr (file_at (part, 0)->name, ==, "Letter");
  g_assert_cmpstr (file_at (part, 0)->type, ==, "application/msword");
  g_assert_true (has_loss (part, "the resource fork of a Macintosh file (300 bytes) is left out"));

  g_autoptr (PnMessage) wrong = read_sample ("binhex-wrong-checksum.eml");
  g_assert_cmpstr (file_at (wrong, 0)->type, ==, "application/mac-binhex40");
  g_assert_true (has_loss (wrong, "the checksum of its data is wrong")
                 || has_loss (wrong, "the checksum of its header"));
}

/* Every way of cutting and damaging it is survived, and none is taken for the file. */
static void
test_binhex_damage (void)
{
  g_autoptr (PnMessage) message = read_sample ("binhex-wrong-checksum.eml");
  g_autoptr (GBytes) sample = load_sample ("binhex-part.eml");
  gsize length, begin, end;
  const char *all = g_bytes_get_data (sample, &length);

  g_assert_true (pn_binhex_find (all, length, &begin, &end));
  const char *colon = memchr (all + begin, ':', length - begin);
  gsize size = (gsize) (all + end - colon);
  for (gsize i = 0; i < size; i += 7) {
    PnMacFile file;
    g_autofree char *copy = g_strndup (colon, size);
    copy[i] = copy[i] == '!' ? '"' : '!';
    if (pn_binhex_read (copy, size, 1 << 20, &file) == NULL)
      g_assert_cmpuint (g_bytes_get_size (file.data), ==, 539);
    pn_mac_file_clear (&file);
    if (i < size / 2) {
      g_assert_nonnull (pn_binhex_read (colon, i, 1 << 20, &file));
      g_assert_null (file.data);
    }
  }
  PnMacFile file;
  g_assert_cmpstr (pn_binhex_read (colon, size, 100, &file), ==, "it is too large");
  g_assert_cmpstr (pn_binhex_read (":N!8:", 5, 100, &file), ==, "it begins with the mark of a run");
}

/* What a file does not keep of its type is told. */
static void
test_many_parameters (void)
{
  g_autofree char *value = g_strnfill (5000, 'v');
  g_autofree char *mail = g_strconcat ("Content-Type: application/x-any; a=", value, "; z=1\n\nx\n", NULL);
  g_autoptr (PnMessage) message = read_string (mail);
  g_assert_null (strstr (file_at (message, 0)->parameters, "z=1"));
  g_assert_true (has_loss (message, "more parameters than are kept"));
}

/* There is no file in nothing. */
static void
test_empty_body (void)
{
  g_autoptr (PnMessage) message = read_string ("Content-Transfer-Encoding: quoted-printable\r\n\r\n");
  g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));
  g_assert_true (!text || !*text);
  g_assert_null (file_at (message, 0));
}

static void
test_apple (void)
{
  g_autoptr (PnMessage) pair = read_sample ("appledouble.eml");
  assert_packed (file_at (pair, 0));
  g_assert_cmpstr (file_at (pair, 0)->name, ==, "Cafe.jpg");
  g_assert_cmpstr (file_at (pair, 0)->type, ==, "image/jpeg");
  g_assert_null (file_at (pair, 1));
  g_assert_true (has_loss (pair, "the resource fork of a Macintosh file (500 bytes)"));

  g_autoptr (PnMessage) nameless = read_sample ("appledouble-nameless.eml");
  g_autofree char *text = text_of (pn_message_get_part (nameless, PN_PART_TEXT));
  g_assert_cmpstr (text, ==, "text");
  g_assert_cmpstr (file_at (nameless, 0)->name, ==, "Caf\303\251.jpg");

  g_autoptr (PnMessage) single = read_sample ("applesingle.eml");
  g_autofree char *content = text_of (file_at (single, 0));
  g_assert_cmpstr (content, ==, "%PDF-1.4 data");
  g_assert_cmpstr (file_at (single, 0)->name, ==, "Report.pdf");

  g_autoptr (GBytes) cut
      = g_bytes_new_static ("\0\5\x16\0\0\2\0\0aaaaaaaaaaaaaaaa\0\1\0\0\0\1\0\0\0\x26\0\0\1\0", 38);
  PnMacFile file;
  g_assert_nonnull (pn_apple_read (cut, &file));
}

static void
test_external (void)
{
  static const struct {
    const char *parameters, *url, *name;
  } cases[] = {
    { "access-type=ANON-FTP; site=ftp.example.com; directory=pub; name=\"a b.txt\"",
      "ftp://ftp.example.com/pub/a%20b.txt", "a b.txt.url" },
    { "access-type=ftp; site=ftp.example.com; directory=\"/pub/x/\"; name=a; mode=image",
      "ftp://ftp.example.com/%2Fpub/x/a;type=i", "a.url" },
    { "access-type=tftp; site=h.example.com; name=a", "tftp://h.example.com/a", "a.url" },
    { "access-type=local-file; name=\"/home/ada/a.txt\"", "file:///home/ada/a.txt", "a.txt.url" },
    { "access-type=AFS; name=\"/afs/example.com/a.txt\"", "file:///afs/example.com/a.txt", "a.txt.url" },
    { "access-type=URL; URL=\"http://www.example.com/\n a.html\"", "http://www.example.com/a.html",
      "external.url" },
    { "URL=\"https://example.com/x\"", "https://example.com/x", "external.url" },
    { "access-type=mail-server; server=\"m@example.com\"; subject=\"get it\"",
      "mailto:m@example.com?subject=get%20it&body=send%20a", "external.url" },
    { "access-type=x-tape; name=a", NULL, "a.txt" },
    { "access-type=anon-ftp; name=a", NULL, "a.txt" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *mail = g_strdup_printf ("Content-Type: message/external-body; %s\n\n"
                                             "Content-Type: text/plain\nContent-ID: <a@b>\n\nsend a\n",
                                             cases[i].parameters);
    g_autoptr (PnMessage) message = read_string (mail);
    const PnPart *file = file_at (message, 0);
    g_autofree char *link = text_of (file);
    g_autofree char *wanted
        = cases[i].url != NULL ? g_strdup_printf ("[InternetShortcut]\r\nURL=%s\r\n", cases[i].url) : NULL;
    g_test_message ("%s", cases[i].parameters);
    if (wanted != NULL)
      g_assert_true (g_str_has_prefix (link, wanted));
    else
      g_assert_true (g_str_has_prefix (link, "[External-Body]\r\naccess-type="));
    g_assert_nonnull (strstr (link, "Content-Type=text/plain"));
    g_assert_cmpstr (file->name, ==, cases[i].name);
    g_assert_true (has_loss (message, "its content is not in the message"));
  }
}

static void
test_names (void)
{
  static const char *const wanted[]
      = { "image.jpg",   "image-2.jpg",    "attachment.pdf", "Re_ Caf\303\251 _ plan.eml",
          "message.eml", "attachment.bin", "logo.gif",       "text.csv" };
  g_autoptr (PnMessage) message = read_sample ("attachment-nameless.eml");

  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_cmpstr (file_at (message, i)->name, ==, wanted[i]);

  g_autoptr (PnMessage) quotes = read_sample ("attachment-single-quotes.eml");
  g_assert_cmpstr (file_at (quotes, 0)->name, ==, "two words.pdf");
  g_assert_cmpstr (file_at (quotes, 1)->name, ==, "na\303\257ve plan.pdf");
}

static void
test_file_names (void)
{
  static const struct {
    const char *given, *name;
  } cases[] = {
    { "\"a b.txt\"", "a b.txt" },
    { "\"C:\\\\Documents\\\\a.txt\"", "a.txt" },
    { "\"../../etc/passwd\"", "passwd" },
    { "\"..\"", "attachment.bin" },
    { "\"a.txt. .\"", "a.txt" },
    { "\"CON\"", "_CON" },
    { "\"gpj.\342\200\256exe\"", "gpj._exe" },
    { "'a.txt'", "a.txt" },
    { "a b.txt", "a b.txt" },
    { "\"it's.txt\"", "it's.txt" },
    { "us-ascii''a%20b.txt", "a b.txt" },
    { "\"100%'s of x''20%.txt\"", "100%'s of x''20%.txt" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *mail = g_strdup_printf (
        "Content-Type: application/x-any\nContent-Disposition: attachment; filename=%s\n\nx\n",
        cases[i].given);
    g_autoptr (PnMessage) message = read_string (mail);
    g_assert_cmpstr (file_at (message, 0)->name, ==, cases[i].name);
  }
}

/* CR alone, in a small message that lies in memory and in one that is read by windows. */
static void
test_lines (void)
{
  static const char *const samples[] = { "lines-cr.eml", "lines-cr-behind-trace.eml" };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (samples); i++) {
    g_autoptr (GBytes) bytes = load_sample (samples[i / 2]);
    g_autoptr (PnSource) source = i % 2 ? hidden_source_new (bytes) : pn_source_new_bytes (bytes);
    g_autoptr (PnMessage) message = read_source (source);
    g_assert_true (has_loss (message, "they end with CR alone"));
    g_assert_nonnull (message->subject);
    g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));
    g_assert_true (g_str_has_prefix (text, i < 2 ? "text" : "line one\nline two\n"));
    if (i < 2) {
      assert_packed (file_at (message, 0));
      g_autofree char *raw = text_of (file_at (message, 1));
      g_assert_cmpstr (raw, ==, "raw\rbytes");
    }
  }
  /* One that only stands in a field ends no line. */
  g_autoptr (PnMessage) one
      = read_string ("From: a@example.com\r\nSubject: x\rBcc: b@example.com\r\n\r\ntext\r\n");
  g_assert_cmpuint (one->recipients->len, ==, 0);
}

static void
test_packed_text (void)
{
  static const struct {
    const char *sample, *text;
  } cases[] = { { "plain-uuencode-qp.eml", "text\nafter\n" },
                { "plain-begin-base64.eml", "text\nafter\n" },
                { "attachment-base64-chunks.eml", "text" } };
  static const char *const files[]
      = { "Hello = world, encoded twice\n", "Hello world\n", "One two three and four" };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (PnMessage) message = read_sample (cases[i].sample);
    g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));
    g_autofree char *file = text_of (file_at (message, 0));
    g_assert_cmpstr (text, ==, cases[i].text);
    g_assert_cmpstr (file, ==, files[i]);
  }
}

static void
test_encrypted (void)
{
  static const char *const samples[] = { "encrypted-pgp.eml", "enveloped-smime.eml" };

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++) {
    g_autoptr (PnMessage) message = read_sample (samples[i]);
    g_assert_true (has_loss (message, "it is encrypted"));
    g_assert_nonnull (file_at (message, 0));
  }
}

static void
test_global (void)
{
  g_autoptr (PnMessage) message
      = read_string ("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                     "Content-Type: message/global\nContent-Transfer-Encoding: 8bit\n\n"
                     "From: J\303\266rg <j\303\266rg@ex\303\244mple.org>\n"
                     "Subject: Gr\303\274\303\237e\n\ntext\n--b--\n");

  g_assert_cmpstr (file_at (message, 0)->type, ==, "message/global");
  g_assert_cmpstr (file_at (message, 0)->name, ==, "Gr\303\274\303\237e.eml");
}

static void
test_unknown_multipart (void)
{
  g_autoptr (PnMessage) message
      = read_string ("Content-Type: multipart/x-unheard-of; boundary=b\n\n--b\n\ntext\n--b\n"
                     "Content-Type: application/pdf; name=a.pdf\n\nP\n--b--\n");
  g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));

  g_assert_cmpstr (text, ==, "text");
  g_assert_cmpstr (file_at (message, 0)->name, ==, "a.pdf");
}

/* The first counts, whatever comes later, and it is said. */
static void
test_two_types (void)
{
  g_autoptr (PnMessage) message
      = read_string ("Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                     "Content-Type: application/x-msdownload; name=a.exe\n\nMZ\n--b--\n");

  g_assert_null (file_at (message, 0));
  g_assert_true (has_loss (message, "Content-Type is there more than once; the first counts"));
}

/* --- calendars as files and as parts --- */

#define EVENT(method)                                                                                        \
  "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" method                                                                \
  "BEGIN:VEVENT\r\nUID:u1@example.org\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T100000Z\r\n"           \
  "ORGANIZER:mailto:o@example.org\r\nATTENDEE;RSVP=TRUE:mailto:anna@example.com\r\nEND:VEVENT\r\n"           \
  "END:VCALENDAR\r\n"
#define WITH_TEXT "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nthe text\r\n"
#define REQUEST_FILE                                                                                         \
  "--b\r\nContent-Type: application/ics; name=invite.ics\r\nContent-Disposition: attachment\r\n\r\n" EVENT ( \
      "METHOD:REQUEST\r\n")

/* A calendar that a person attached stays a file; one that says what to do with it makes the item. */
static void
test_calendar_files (void)
{
  g_autoptr (PnMessage) octets = read_string (
      WITH_TEXT
      "--b\r\nContent-Type: application/octet-stream; name=event.ics\r\n\r\n" EVENT ("") "--b--\r\n");
  g_assert_cmpint (octets->type, ==, PN_TYPE_MAIL);
  g_assert_cmpstr (file_at (octets, 0)->name, ==, "event.ics");

  g_autoptr (PnMessage) shared = read_string (
      WITH_TEXT "--b\r\nContent-Type: text/calendar; name=event.ics\r\n"
                "Content-Disposition: attachment\r\n\r\n" EVENT ("METHOD:PUBLISH\r\n") "--b--\r\n");
  g_assert_cmpint (shared->type, ==, PN_TYPE_MAIL);
  g_assert_cmpstr (file_at (shared, 0)->name, ==, "event.ics");

  g_autoptr (PnMessage) file = read_string (WITH_TEXT REQUEST_FILE "--b--\r\n");
  g_assert_cmpint (file->type, ==, PN_TYPE_MAIL);

  g_autoptr (PnMessage) invitation = read_string (
      WITH_TEXT "--b\r\nContent-Type: text/calendar; method=REQUEST; name=i.ics\r\n"
                "Content-Disposition: attachment\r\n\r\n" EVENT ("METHOD:REQUEST\r\n") "--b--\r\n");
  g_assert_cmpint (invitation->type, ==, PN_TYPE_APPOINTMENT);

  g_autoptr (PnMessage) both = read_string (
      WITH_TEXT "--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n" EVENT ("METHOD:REQUEST\r\n")
          REQUEST_FILE "--b--\r\n");
  g_assert_cmpint (both->type, ==, PN_TYPE_APPOINTMENT);
  g_assert_cmpstr (file_at (both, 0)->name, ==, "invite.ics");
  g_assert_null (file_at (both, 1));
}

/* Texts that declare base64, and are none. */
static void
test_no_base64 (void)
{
  static const struct {
    const char *body, *text; /* NULL: decoded */
  } cases[] = {
    { "Four more boxes\ncame in today.\n", "Four more boxes\ncame in today.\n" },
    { "\n\n  Apples,\n  pears.\n", "\n\n  Apples,\n  pears.\n" },
    { "Hello\n\nhow are you?\nBye, Bob\n", "Hello\n\nhow are you?\nBye, Bob\n" },
    { "QXBwbGVz\n", "Apples" },
    { "QXBw bGVz\n", "Apples" }, /* a gateway made blanks of line ends */
    { "QXBwbGVz\n-- \nA footer that a list adds.\n", NULL },
    { "QXBw\n*\nbGVz\n", "Apples" }, /* one damaged line */
    { "QXBwb\nGVz\n", "Apples" },    /* lines of any length */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *mail = g_strconcat ("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n",
                                         cases[i].body, NULL);
    PnMessage *message = read_string (mail);
    g_autofree char *text = text_of (pn_message_get_part (message, PN_PART_TEXT));
    if (cases[i].text != NULL)
      g_assert_cmpstr (text, ==, cases[i].text);
    else
      g_assert_true (g_str_has_prefix (text, "Apples"));
    g_assert_true (has_loss (message, "not in base64") == (i < 3));
    pn_message_free (message);
  }
}

/* A sender that calls every file a text. */
static void
test_named_otherwise (void)
{
  static const char *const mail = "Content-Type: multipart/mixed; boundary=b\n\n"
                                  "--b\nContent-Type: text/html; name=\"plan.%s\"\n"
                                  "Content-Transfer-Encoding: base64\n\nAAECAwAA\n--b--\n";

  g_autofree char *document = g_strdup_printf (mail, "doc"), *page = g_strdup_printf (mail, "html");
  PnMessage *message = read_string (document);
  g_assert_null (pn_message_get_part (message, PN_PART_HTML));
  g_assert_cmpstr (file_at (message, 0)->name, ==, "plan.doc");
  g_autoptr (GBytes) bytes = pn_content_read (file_at (message, 0)->content, 100, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "\0\1\2\3\0", 6);
  pn_message_free (message);
  message = read_string (page);
  g_assert_nonnull (pn_message_get_part (message, PN_PART_HTML));
  g_assert_null (file_at (message, 0));
  pn_message_free (message);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-parts/bodies", test_bodies);
  g_test_add_func ("/mime-parts/pictures", test_pictures);
  g_test_add_func ("/mime-parts/locations", test_locations);
  g_test_add_func ("/mime-parts/enriched", test_enriched);
  g_test_add_func ("/mime-parts/yenc", test_yenc);
  g_test_add_func ("/mime-parts/yenc-damage", test_yenc_damage);
  g_test_add_func ("/mime-parts/binhex", test_binhex);
  g_test_add_func ("/mime-parts/binhex-damage", test_binhex_damage);
  g_test_add_func ("/mime-parts/many-parameters", test_many_parameters);
  g_test_add_func ("/mime-parts/empty-body", test_empty_body);
  g_test_add_func ("/mime-parts/apple", test_apple);
  g_test_add_func ("/mime-parts/external", test_external);
  g_test_add_func ("/mime-parts/names", test_names);
  g_test_add_func ("/mime-parts/file-names", test_file_names);
  g_test_add_func ("/mime-parts/lines", test_lines);
  g_test_add_func ("/mime-parts/packed-text", test_packed_text);
  g_test_add_func ("/mime-parts/encrypted", test_encrypted);
  g_test_add_func ("/mime-parts/global", test_global);
  g_test_add_func ("/mime-parts/unknown-multipart", test_unknown_multipart);
  g_test_add_func ("/mime-parts/two-types", test_two_types);
  g_test_add_func ("/mime-parts/calendar-files", test_calendar_files);
  g_test_add_func ("/mime-parts/no-base64", test_no_base64);
  g_test_add_func ("/mime-parts/named-otherwise", test_named_otherwise);
  return g_test_run ();
}
