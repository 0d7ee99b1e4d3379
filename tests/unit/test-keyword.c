/* The keyword grammar: what known writers produce, what is written, and what is refused. */
#include <string.h>

#include "convert/keyword.h"

static PnKeywordFile *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  PnKeywordFile *file = pn_keyword_parse (text, strlen (text), &error);
  if (!file)
    g_error ("%s\n%s", error->message, text);
  return file;
}

/* The tree in one line: "To{WPD=a WPU=b|WPD=c}". */
static void
dump (GString *out, const PnKeyword *keyword)
{
  for (; keyword; keyword = keyword->next) {
    if (out->len && !strchr ("{|", out->str[out->len - 1]))
      g_string_append_c (out, ' ');
    g_string_append (out, keyword->name);
    if (keyword->value)
      g_string_append_printf (out, "=%s", keyword->value);
    if (!keyword->entries)
      continue;
    g_string_append_c (out, '{');
    for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next) {
      dump (out, entry->first);
      if (entry->next)
        g_string_append_c (out, '|');
    }
    g_string_append_c (out, '}');
  }
}

static void
assert_tree (const char *text, const char *expected)
{
  /* with either line end */
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autofree char *crlf = g_strjoinv ("\r\n", lines);
  const char *const forms[] = { text, crlf };
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autoptr (PnKeywordFile) file = parse (forms[i]);
    g_autoptr (GString) tree = g_string_new (NULL);
    dump (tree, file->first);
    g_assert_cmpstr (tree->str, ==, expected);
    g_assert_cmpuint (file->end, <=, strlen (forms[i]));
  }
}

static void
test_values (void)
{
  assert_tree ("-END-", "");
  assert_tree ("WPC-API=1.2;\n-END-\nrest", "WPC-API=1.2");
  assert_tree ("Subject= a b ;  SUBJECT=c;;\n\n# x= y;\nDept=  ;\n-END-\n", "Subject=a b SUBJECT=c Dept=");
  assert_tree ("Subject=\n    text,\n    more;\n-END-\n", "Subject=text, more");
  assert_tree ("Subject= a\\;b\\,c\\\\d\\e;\n-END-\n", "Subject=a;b,c\\d\\e");
  assert_tree ("Subject= one\\\n    two\\\n    \\  three;\n-END-\n", "Subject=one\ntwo\n  three");
  assert_tree ("Subject= \\%0D\\%FF\\%00\\%zz;\n-END-\n", "Subject=\r\xff\\%00\\%zz");
  assert_tree ("WPU= \"a@b.c\"; WPU= \"a;b\\\"c\" ;\n-END-\n", "WPU=a@b.c WPU=a;b\"c");
  assert_tree ("Subject= \"Bob\" and; \n-END-\n", "Subject=\"Bob\" and");
  assert_tree ("Subject= \"open;\n-END-\n", "Subject=\"open");
  assert_tree ("Msg-ID= abc\n   def;\nTo-Text= abc\n   def;\n-END-\n", "Msg-ID=abcdef To-Text=abc def");
  assert_tree ("Subject= a=b; From-Text= x # 14;\n-END-\n", "Subject=a=b From-Text=x # 14");
  assert_tree ("Subject= no end\nTo-Text=\nFrom-Text= x;\n-END-\n", "Subject=no end To-Text= From-Text=x");
  assert_tree ("Subject= no end\n-END-\n", "Subject=no end");
}

static void
test_groups (void)
{
  assert_tree ("To=\n    WPD= a;\n    WPU= b; ;\nSubject= s;\n-END-\n", "To{WPD=a WPU=b} Subject=s");
  assert_tree ("To=\n    WPD= a;\n    ;\n-END-\n", "To{WPD=a}");
  assert_tree ("To=\n    WPD= a;  ,\n    WPD= b; ;\n-END-\n", "To{WPD=a|WPD=b}");
  assert_tree ("To=\n    WPD= a;\nSubject= s;\n-END-\n", "To{WPD=a} Subject=s");
  assert_tree ("To=\n    WPD= a;\n-END-\n", "To{WPD=a}");
  assert_tree ("To=;\nFrom=\n    ;\n-END-\n", "To= From=");
  assert_tree ("To= WPD= a; WPU= b; ;\nSubject= x;\n-END-\n", "To{WPD=a WPU=b} Subject=x");
  assert_tree ("To= a.b.c, d.e.f;\n-END-\n", "To=a.b.c, d.e.f");
  assert_tree ("TO=\nWPD= a;\nWPU= b;\n;\n-END-\n", "TO{WPD=a WPU=b}");
  assert_tree ("DS-User=\n Gw-Alias=\n  Type= t;\n  External-Name= n;\n ;\n;\n-END-\n",
               "DS-User{Gw-Alias{Type=t External-Name=n}}");
  assert_tree ("X-New=\n a= 1; ,\n a= 2; ;\nX-Old= v;\n-END-\n", "X-New{a=1|a=2} X-Old=v");
  assert_tree ("Busy-For=\n        CDBA= a.b.c;\nBusy-Report=\n  Start-Time= x;\n  ;\n-END-\n",
               "Busy-For{CDBA=a.b.c} Busy-Report{Start-Time=x}");
  assert_tree ("To=\n# Type= x;\nSubject= s;\n-END-\n", "To= Subject=s");
  assert_tree ("To=\n  # a, b;\n  c.d.e;\nSubject=\n# s;\n-END-\n", "To=c.d.e Subject=# s");
  assert_tree ("Pn-Reply-To=\n    ,\n    WPD= a; ;\n-END-\n", "Pn-Reply-To{|WPD=a}");
}

static void
test_flags (void)
{
  assert_tree ("-GET-DIRECTORY-\n-END-\n", "-GET-DIRECTORY-");
  assert_tree ("Attach-File=\n  Size= 1;\n  -CONVERSION-ALLOWED-; ;\n-END-\n",
               "Attach-File{Size=1 -CONVERSION-ALLOWED-}");
  assert_tree ("Attach-File=\n  Size= 1;\n  -CONVERSION-ALLOWED-,\n  Size= 2; ;\n-END-\n",
               "Attach-File{Size=1 -CONVERSION-ALLOWED-|Size=2}");
  assert_tree ("Attach-File=\n  Size= 1;\n  -CONVERSION-ALLOWED-,\n  Date= 2; ;\n-END-\n",
               "Attach-File{Size=1 -CONVERSION-ALLOWED- Date=2}");
  assert_tree ("Attach-File=\n  Size= 1;\n  -CONVERSION-ALLOWED-; ,\n  Size= 2; ;\n-END-\n",
               "Attach-File{Size=1 -CONVERSION-ALLOWED-|Size=2}");
}

static void
assert_error (const char *text, gsize length, int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_keyword_parse (text, length, &error));
  g_assert_error (error, PN_CONVERT_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_errors (void)
{
  assert_error ("", 0, PN_CONVERT_ERROR_TRUNCATED, "line 1 column 1: the text ends without -END-");
  assert_error ("Subject= a;\n  , \n-END-", 20, PN_CONVERT_ERROR_SYNTAX,
                "line 2 column 3: a keyword and '=' belong here");
  assert_error ("Subject=", 8, PN_CONVERT_ERROR_TRUNCATED,
                "line 1 column 9: the text ends before the value of Subject");
  assert_error ("Subject= a\0b;\n-END-", 19, PN_CONVERT_ERROR_SYNTAX, "line 1 column 11: a NUL character");
  g_autoptr (GString) deep = g_string_new (NULL);
  for (guint i = 0; i < 17; i++)
    g_string_append (deep, "X=\n ");
  g_string_append (deep, "X= a;\n-END-\n");
  assert_error (deep->str, deep->len, PN_CONVERT_ERROR_LIMIT,
                "line 17 column 4: groups are nested deeper than 16");
  g_autoptr (GString) many = g_string_new (NULL);
  for (guint i = 0; i <= 1 << 20; i++)
    g_string_append (many, "a=;");
  assert_error (many->str, many->len, PN_CONVERT_ERROR_LIMIT,
                "line 1 column 3145729: more than 1048576 keywords");
}

static void
test_find (void)
{
  g_autoptr (PnKeywordFile) file = parse ("subject= a;\nTo= b;\n-GET-DIRECTORY-\n-END-\nx");
  g_assert_cmpstr (pn_keyword_value (file->first, "Subject"), ==, "a");
  g_assert_null (pn_keyword_value (file->first, "From"));
  g_assert_null (pn_keyword_value (file->first, "-Get-Directory-"));
  g_assert_nonnull (pn_keyword_find (file->first, "-Get-Directory-"));
  g_assert_cmpint (file->first->id, ==, PN_NAME_SUBJECT);
  g_assert_cmpuint (file->end, ==, strlen ("subject= a;\nTo= b;\n-GET-DIRECTORY-\n-END-\n"));
  for (guint id = 1; id < PN_N_NAMES; id++)
    g_assert_cmpuint (pn_name_find (pn_name_text (id), strlen (pn_name_text (id))), ==, id);
}

/* Every text comes back from its escaped form, at every place and level. */
static void
test_escape (void)
{
  static const char *const pieces[]
      = { " ", "\t", "\n",   "\r",   ";",        ",", "\\",  "\"",          "a",    "-END-",
          "#", "=",  "\x01", "\xff", "\xc3\xa9", "%", "%0D", "Subject= x;", "word " };
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  for (guint round = 0; round < 20000; round++) {
    g_autoptr (GString) text = g_string_new (NULL), out = g_string_new (NULL);
    for (guint n = g_rand_int_range (rand, 0, round % 100 ? 8 : 300); n > 0; n--)
      g_string_append (text, pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))]);
    pn_keyword_open_group (out, 0, "To");
    pn_keyword_write (out, 1, "WPD", text->str);
    pn_keyword_next_entry (out, 0);
    pn_keyword_write_quoted (out, 1, "WPU", text->str);
    pn_keyword_close_group (out, 0);
    pn_keyword_write (out, 0, "Subject", text->str);
    pn_keyword_write_flag (out, 0, "-END-", FALSE);
    g_autoptr (PnKeywordFile) file = parse (out->str);
    g_assert_cmpuint (file->end, ==, out->len);
    const PnKeywordEntry *entry = file->first->entries;
    g_assert_cmpstr (entry->first->value, ==, text->str);
    g_assert_cmpstr (entry->next->first->value, ==, text->str);
    g_assert_cmpstr (file->first->next->value, ==, text->str);
    g_assert_null (file->first->next->next);
  }
}

static void
test_write (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  pn_keyword_open_group (out, 0, "To");
  pn_keyword_write (out, 1, "WPD", "a;b");
  pn_keyword_next_entry (out, 0);
  pn_keyword_write_quoted (out, 1, "WPU", "a@b");
  pn_keyword_close_group (out, 0);
  pn_keyword_write_raw (out, "DS-User", "\r\n Operation= List;\r\n ");
  pn_keyword_write_raw (out, "DS-User", "x;\r\nFrom= y");
  pn_keyword_write_raw (out, "-GET-DIRECTORY-", NULL);
  g_assert_cmpstr (
      out->str, ==,
      "To=\r\n    WPD= a\\;b; ,\r\n    WPU= \"a@b\"; ;\r\nDS-User=\r\n Operation= List;\r\n ;\r\n"
      "DS-User= x\\;\\%0D\\\r\n    From= y;\r\n-GET-DIRECTORY-\r\n");
  g_string_truncate (out, 0);
  for (guint i = 0; i < 60; i++)
    g_string_append (out, "0123456789 ");
  g_autofree char *longer = g_strdup (out->str);
  g_string_truncate (out, 0);
  pn_keyword_write (out, 0, "Subject", longer);
  g_auto (GStrv) lines = g_strsplit (out->str, "\r\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 4);
  for (guint i = 0; lines[i]; i++)
    g_assert_cmpuint (strlen (lines[i]), <=, 255);
}

static void
assert_date (const char *text, gint64 unix_time, int offset)
{
  gint64 found;
  int found_offset;
  if (!pn_keyword_parse_date (text, 60, &found, &found_offset))
    g_error ("\"%s\" was not read", text);
  g_assert_cmpint (found, ==, unix_time);
  g_assert_cmpint (found_offset, ==, offset);
}

static void
test_dates (void)
{
  gint64 seconds;
  int offset;
  assert_date ("25/5/94 11:05 +11:00", 769824300, 660);
  assert_date ("26/11/1998 1:5 +0", 912042300, 0);
  assert_date ("22/8/2007 15:23:19", 1187792599, 60);
  assert_date (" 23/8/2007 15:59 ", 1187881140, 60);
  assert_date ("1/1/70 0:0 +0", 0, 0);
  assert_date ("1/1/69 0:0 +0", 3124224000, 0);
  assert_date ("29/2/2000 +0", 951782400, 0);
  assert_date ("1/1/2024 10:00 -0330", 1704115800, -210);
  assert_date ("1/1/2024 10:00 -3", 1704114000, -180);
  static const char *const wrong[] = { "",
                                       "1/1",
                                       "1/13/2000",
                                       "0/1/2000",
                                       "32/1/2000",
                                       "29/2/1900",
                                       "30/2/2000",
                                       "1/1/2000 24:00",
                                       "1/1/2000 1:60",
                                       "1/1/2000 x",
                                       "1/1/2000 10:00 +1:99",
                                       "a/b/c",
                                       "1/1/20000",
                                       "01/01/0000 10:00:00",
                                       "01/01/0001 10:00:00 +99:59",
                                       "1/1/2000 10:00 + 1" };
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    g_assert_false (pn_keyword_parse_date (wrong[i], 0, &seconds, &offset));
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  for (guint i = 0; i < 20000; i++) {
    gint64 time = (gint64) (g_rand_double (rand) * 3e11) - G_GINT64_CONSTANT (60000000000);
    int minutes = g_rand_int_range (rand, -840, 841);
    g_autofree char *text = pn_keyword_format_date (time, minutes);
    g_assert_true (pn_keyword_parse_date (text, 7, &seconds, &offset));
    g_assert_cmpint (seconds, ==, time);
    g_assert_cmpint (offset, ==, minutes);
    g_autoptr (GTimeZone) zone = g_time_zone_new_offset (minutes * 60);
    g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (time),
                          local = g_date_time_to_timezone (utc, zone);
    g_autofree char *expected = local ? g_date_time_format (local, "%d/%m/%Y %H:%M:%S %:z") : NULL;
    if (expected && g_date_time_get_year (local) >= 1000)
      g_assert_cmpstr (text, ==, expected);
  }
}

static void
test_split (void)
{
  static const char raw[] = " a.b.c, d\\,e , \"x, y\",,f.g";
  g_auto (GStrv) values = pn_keyword_split (raw, sizeof raw - 1);
  g_assert_cmpuint (g_strv_length (values), ==, 4);
  g_assert_cmpstr (values[0], ==, "a.b.c");
  g_assert_cmpstr (values[1], ==, "d,e");
  g_assert_cmpstr (values[2], ==, "x, y");
  g_assert_cmpstr (values[3], ==, "f.g");
}

/* The manual names every keyword. */
static void
test_manual (void)
{
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (SRCDIR "/man/postern-message.5", &text, NULL, NULL));
  g_autoptr (GString) manual = g_string_new (NULL);
  for (const char *p = text; *p; p++)
    if (*p != '\\')
      g_string_append_c (manual, *p);
  for (guint id = 1; id < PN_N_NAMES; id++) {
    g_autofree char *pattern = g_strdup_printf ("(?<![\\w-])%s(?![\\w-])", pn_name_text (id));
    if (*pn_name_text (id) != '-' && !g_regex_match_simple (pattern, manual->str, 0, 0))
      g_error ("postern-message(5) does not name %s", pn_name_text (id));
    if (!strstr (manual->str, pn_name_text (id)))
      g_error ("postern-message(5) does not name %s", pn_name_text (id));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keyword/values", test_values);
  g_test_add_func ("/keyword/groups", test_groups);
  g_test_add_func ("/keyword/flags", test_flags);
  g_test_add_func ("/keyword/errors", test_errors);
  g_test_add_func ("/keyword/find", test_find);
  g_test_add_func ("/keyword/escape", test_escape);
  g_test_add_func ("/keyword/write", test_write);
  g_test_add_func ("/keyword/dates", test_dates);
  g_test_add_func ("/keyword/split", test_split);
  g_test_add_func ("/keyword/manual", test_manual);
  return g_test_run ();
}
