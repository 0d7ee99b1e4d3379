/* API files: what other writers made must read, what is written must read back, and the strict form must be
 * strict. */
#include <string.h>

#include "convert/fields.h"
#include "convert/native.h"
#include "tests/unit/random-message.h"

#define SAMPLES SRCDIR "/samples/api/"

static const char *const samples[] = {
  "mail-string",
  "mail-components",
  "mail-two-recipients",
  "mail-unclosed-groups",
  "mail-list-strings",
  "mail-attachments",
  "mail-code-page",
  "appointment",
  "task",
  "note",
  "phone",
  "status",
  "status-short",
  "search-request",
  "search-answer",
  "search-probe",
  "admin-list-request",
  "admin-list-answer",
  "admin-add-post-office",
  "admin-modify-user",
  "admin-get-directory",
};

static PnContent *
open_sample (const char *name, gpointer user G_GNUC_UNUSED, GError **error)
{
  g_autofree char *path = g_build_filename (SAMPLES "att_in", name, NULL);
  char *data;
  gsize length;
  if (!g_file_get_contents (path, &data, &length, error))
    return NULL;
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, length);
  return pn_content_new_bytes (bytes);
}

static PnMessage *
read_text (const char *text, gboolean tolerant, GError **error)
{
  return pn_api_read (text, strlen (text), tolerant, NULL, open_sample, NULL, error);
}

static PnMessage *
read_sample (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strconcat (SAMPLES, name, ".api", NULL), *text = NULL;
  gsize length;
  g_assert_true (g_file_get_contents (path, &text, &length, &error));
  PnMessage *message = pn_api_read (text, length, FALSE, NULL, open_sample, NULL, &error);
  if (!message)
    g_error ("%s: %s", name, error->message);
  return message;
}

/* The files that an API file was written with. */
static PnContent *
open_written (const char *name, gpointer user, GError **error)
{
  const GPtrArray *files = user;
  for (guint i = 0; i < files->len; i++) {
    const PnApiFile *file = files->pdata[i];
    if (strcmp (file->file_name, name) == 0) {
      g_autoptr (GBytes) bytes = pn_content_read (file->part->content, G_MAXSIZE, error);
      return bytes ? pn_content_new_bytes (bytes) : NULL;
    }
  }
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO, "%s is not there", name);
  return NULL;
}

static void
assert_same (PnMessage *a, PnMessage *b, gboolean exact, const char *what)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *difference = NULL;
  if (!(exact ? pn_message_identical : pn_message_equivalent) (a, b, &difference, &error))
    g_error ("%s: %s%s", what, difference ? difference : "", error ? error->message : "");
}

/* The queue file made of each sample is kept in samples/native; POSTERN_UPDATE_GOLDEN=1 writes them anew. */
static void
test_sample (gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = read_sample (name);
  g_autoptr (GByteArray) written = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (written);
  g_assert_true (pn_native_write (message, &sink, &error));
  g_autofree char *path = g_strconcat (SRCDIR "/samples/native/", name, ".pnm", NULL), *golden = NULL;
  gsize length;
  if (g_getenv ("POSTERN_UPDATE_GOLDEN"))
    g_file_set_contents (path, (char *) written->data, written->len, NULL);
  g_assert_true (g_file_get_contents (path, &golden, &length, &error));
  g_byte_array_append (written, (guint8 *) "", 1);
  g_assert_cmpstr ((char *) written->data, ==, golden);
  g_assert_cmpmem (written->data, written->len - 1, golden, length);

  g_autoptr (PnSource) source = pn_source_new_copy (golden, length);
  g_autoptr (PnMessage) again = pn_native_read (source, &error);
  g_assert_no_error (error);
  assert_same (message, again, TRUE, name);
}

/* A sample that is written strictly must give the same message when read strictly again. */
static void
test_strict (gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = read_sample (name);
  g_ptr_array_set_size (message->losses, 0);
  g_autoptr (GPtrArray) files = NULL;
  GString *text = pn_api_write (message, "ab1cd", FALSE, &files, &error);
  g_assert_no_error (error);
  g_assert_null (strstr (text->str, "Pn-"));
  for (gsize i = 0; i < text->len; i++)
    if (text->str[i] == '\n')
      g_assert_cmpint (text->str[i - 1], ==, '\r');
  g_autoptr (PnMessage) again = pn_api_read (text->str, text->len, FALSE, NULL, open_written, files, &error);
  if (!again)
    g_error ("%s: %s\n%s", (char *) name, error->message, text->str);
  GPtrArray *second = NULL;
  GString *text_again = pn_api_write (again, "ab1cd", FALSE, &second, &error);
  g_assert_cmpstr (text->str, ==, text_again->str);
  g_assert_cmpuint (files->len, ==, second->len);
  g_ptr_array_unref (second);
  g_string_free (text, TRUE);
  g_string_free (text_again, TRUE);
}

static void
test_values (void)
{
  g_autoptr (PnMessage) mail = read_sample ("mail-two-recipients");
  g_assert_cmpstr (mail->id, ==, "c=US;a= ;p=meadow;l=GARDEN1-070822222319Z-8;gwcnt=0007");
  g_assert_cmpstr (mail->to_text, ==, "Mei Lin, Tessa Moor, Ugo Rossi");
  g_assert_cmpuint (mail->recipients->len, ==, 3);
  const PnRecipient *last = mail->recipients->pdata[2];
  g_assert_cmpstr (last->address->user, ==, "ugo");
  g_assert_true (last->listed && !last->deliver);
  g_assert_cmpstr (mail->from->name, ==, "Otto Berg");
  g_assert_true (g_str_has_suffix (mail->subject, "the first warm week of the year"));

  g_autoptr (PnMessage) strings = read_sample ("mail-list-strings");
  g_assert_cmpuint (strings->recipients->len, ==, 5);
  const PnRecipient *outside = strings->recipients->pdata[2], *quoted = strings->recipients->pdata[4];
  g_assert_cmpstr (outside->address->domain, ==, "MEADOW");
  g_assert_null (outside->address->post_office);
  g_assert_cmpstr (outside->address->internet, ==, "otto@meadow.example");
  g_assert_cmpstr (quoted->address->user, ==, "anne@example.org");
  g_assert_cmpint (quoted->distribution, ==, PN_BC);
  g_assert_cmpint (strings->security, ==, PN_SECURITY_TOP_SECRET);
  g_assert_cmpint (strings->respond_by.offset, ==, 11 * 60);
  g_assert_cmpint (strings->respond_by.unix_time, ==, 770421900);
  g_assert_cmpstr (strings->subject, ==, "");

  g_autoptr (PnMessage) page = read_sample ("mail-code-page");
  g_assert_cmpstr (page->subject, ==,
                   "Gr\xc3\xb6\xc3\x9f"
                   "e \xc2\xbd");
  const PnPart *body = page->parts->pdata[0];
  g_autoptr (GBytes) bytes = pn_content_read (body->content, 1000, NULL);
  g_assert_cmpstr (g_bytes_get_data (bytes, NULL), ==,
                   "Gr\xc3\xbc\xc3\x9f"
                   "e aus K\xc3\xb6ln, 50 \xc2\xb0\n");

  g_autoptr (PnMessage) search = read_sample ("search-answer");
  g_assert_cmpuint (search->busy->len, ==, 2);
  g_assert_cmpstr (search->busy_for->user, ==, "mlin");
  g_assert_cmpuint (pn_message_priority_directory (search), ==, 0);

  g_autoptr (PnMessage) status = read_sample ("status-short");
  g_assert_cmpuint (status->reports->len, ==, 1);
  const PnStatusReport *report = status->reports->pdata[0];
  g_assert_cmpint (report->action, ==, PN_ACTION_ACCEPTED);
  g_assert_cmpstr (report->recipient->user, ==, "ugo");

  g_autoptr (PnMessage) admin = read_sample ("admin-list-answer");
  g_assert_cmpuint (admin->extra->len, ==, 2);
  g_autoptr (PnMessage) attachments = read_sample ("mail-attachments");
  g_assert_cmpuint (attachments->parts->len, ==, 4);
  g_assert_cmpuint (attachments->losses->len, ==, 0);
  guint64 size;
  g_assert_true (pn_content_measure (((PnPart *) attachments->parts->pdata[2])->content, &size, NULL, NULL));
  g_assert_cmpuint (size, ==, 0);
}

/* A user is no address outside in a file of ours, even if nothing else in it is ours. */
static void
test_user_like_address (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  pn_message_add_recipient (message, PN_TO, pn_address_new (NULL, NULL, "desk@north"));
  GString *text = pn_api_write (message, "f", TRUE, &files, &error);
  g_assert_no_error (error);
  g_autoptr (PnMessage) again = pn_api_read (text->str, text->len, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  const PnRecipient *recipient = again->recipients->pdata[0];
  g_assert_cmpstr (recipient->address->user, ==, "desk@north");
  g_assert_null (recipient->address->internet);
  g_string_free (text, TRUE);
}

/* Nor is a keyword that other programs would mean as a report. */
static void
test_status_of_ours (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_STATUS);
  PnExtraKeyword *extra = g_new0 (PnExtraKeyword, 1);
  extra->name = g_strdup ("Set-Status");
  extra->text = g_strdup (" Accepted");
  g_ptr_array_add (message->extra, extra);
  GString *text = pn_api_write (message, "f", TRUE, &files, &error);
  g_assert_no_error (error);
  g_autoptr (PnMessage) again = pn_api_read (text->str, text->len, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (again->reports->len, ==, 0);
  g_assert_cmpuint (again->extra->len, ==, 1);
  g_string_free (text, TRUE);
}

static void
assert_error (const char *text, int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) read = read_text (text, FALSE, &error);
  g_assert_null (read);
  g_assert_error (error, PN_CONVERT_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_errors (void)
{
  assert_error ("WPC-API= 1.2;\nMsg-Type= Mail;\nFrom= A.B.c;\n# note\n\nWPPO= x;\n-END-\n",
                PN_CONVERT_ERROR_SYNTAX, "Line 006 Unknown keyword: WPPO");
  assert_error (
      "Frob= a;\nTo=\n  WPD= x;\n  WPX= y; ;\nPn-What= 1;\n-END-\n", PN_CONVERT_ERROR_SYNTAX,
      "Line 001 Unknown keyword: Frob\nLine 004 Unknown keyword: WPX\nLine 005 Unknown keyword: Pn-What");
  g_autoptr (GString) many = g_string_new ("Subject= a;\n");
  g_autoptr (GString) told = g_string_new (NULL);
  for (guint i = 0; i < 3000; i++)
    g_string_append (many, "Frob= a;\n");
  g_string_append (many, "-END-\n");
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (told, "Line %03u Unknown keyword: Frob\n", i + 2);
  g_string_append (told, "and 2900 more");
  assert_error (many->str, PN_CONVERT_ERROR_SYNTAX, told->str);
  assert_error ("Subject= a", PN_CONVERT_ERROR_TRUNCATED,
                "line 1 column 10: the value that begins here has no end");
  assert_error ("Subject= a;\n", PN_CONVERT_ERROR_TRUNCATED, "line 2 column 1: the text ends without -END-");
  assert_error ("To=\n  WPD= a;\n", PN_CONVERT_ERROR_TRUNCATED, "line 1 column 1: group To has no end");
  assert_error ("Subject= a;\n  ?= b;\n-END-\n", PN_CONVERT_ERROR_SYNTAX,
                "line 2 column 3: a keyword and '=' belong here");
  assert_error ("Attach-File=\n  Original-File= a; ;\n-END-\n", PN_CONVERT_ERROR_SYNTAX,
                "an entry of Attach-File has no Current-File");
  g_autoptr (GError) error = NULL;
  g_assert_null (read_text ("Msg-File= none.bdy;\n-END-\n", FALSE, &error));
  g_assert_true (g_str_has_prefix (error->message, "Msg-File none.bdy: "));
}

static void
test_tolerant (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = read_text (
      "Msg-Type= PassThrough;\nFrob=\n a= 1;\n b= 2; ;\nTo=\n WPU= u;\n WPX= y; ;\n-END-\n", TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpint (message->type, ==, PN_TYPE_MAIL);
  g_assert_cmpuint (message->losses->len, ==, 2);
  g_assert_cmpuint (message->extra->len, ==, 1);
  const PnExtraKeyword *extra = message->extra->pdata[0];
  g_assert_cmpstr (extra->name, ==, "Frob");
  g_assert_cmpstr (extra->text, ==, "\n a= 1;\n b= 2; ");
}

/* With our own keywords an API file carries everything. */
static void
test_extended (void)
{
  RandomMessage random = { g_rand_new_with_seed (99), FALSE };
  for (guint round = 0; round < 800; round++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) files = NULL;
    g_autoptr (PnMessage) message = random_message (&random, round % 8);
    GString *text = pn_api_write (message, "r", TRUE, &files, &error);
    g_assert_no_error (error);
    g_autoptr (PnMessage) again
        = pn_api_read (text->str, text->len, FALSE, NULL, open_written, files, &error);
    if (!again)
      g_error ("%s\n%s", error->message, text->str);
    assert_same (message, again, TRUE, "extended");
    g_string_free (text, TRUE);
  }
  g_rand_free (random.rand);
}

/* Without them it must still be of the language, and what is missing must be named. */
static void
test_strict_random (void)
{
  RandomMessage random = { g_rand_new_with_seed (7), FALSE };
  for (guint round = 0; round < 800; round++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) files = NULL;
    g_autoptr (PnMessage) message = random_message (&random, round % 8);
    guint losses = message->losses->len;
    GString *text = pn_api_write (message, "r", FALSE, &files, &error);
    g_assert_no_error (error);
    g_autoptr (PnMessage) again
        = pn_api_read (text->str, text->len, FALSE, NULL, open_written, files, &error);
    if (!again)
      g_error ("%s\n%s", error->message, text->str);
    g_assert_cmpint (again->type, ==, message->type);
    if (message->message_id && *message->message_id)
      g_assert_cmpuint (message->losses->len, >, losses);
    g_string_free (text, TRUE);
  }
  g_rand_free (random.rand);
}

static void
test_losses (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  message->from = pn_address_new_internet ("ida@brook.example", "Ida Bo\xe2\x98\x83");
  message->message_id = g_strdup ("x@brook.example");
  message->subject = g_strdup ("two\nlines");
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain",
                                             pn_content_new_text ("\xc3\xa9\n\xe2\x98\x83\n", -1)));
  pn_message_add_part (message, pn_part_new (PN_PART_HTML, "text/html", pn_content_new_text ("<p>", -1)));
  g_autoptr (GPtrArray) files = NULL;
  GString *text = pn_api_write (message, "STEMS", FALSE, &files, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (
      text->str, ==,
      "WPC-API= 1.2;\r\nHeader-Char= T50;\r\nMsg-Type= Mail;\r\n"
      "From=\r\n    WPU= \"ida@brook.example\";\r\n    FUA= ida@brook.example;\r\n    FN= Ida;\r\n"
      "    LN= Bo?; ;\r\nFrom-Text= Ida Bo?;\r\nMsg-Char= T50;\r\nMsg-File= STEMS000.bdy;\r\n"
      "Subject= two lines;\r\nSecurity= Normal;\r\nMsg-Priority= Normal;\r\nSend-Options= None;\r\n"
      "Status-Request= None;\r\n-END-\r\n");
  g_string_free (text, TRUE);
  g_assert_cmpuint (files->len, ==, 1);
  const PnApiFile *file = files->pdata[0];
  g_autoptr (GBytes) body = pn_content_read (file->part->content, 100, &error);
  g_assert_cmpmem (g_bytes_get_data (body, NULL), g_bytes_get_size (body), "\x82\r\n?\r\n", 6);
  const char *const wanted[] = { "body", "part 2", "Pn-Message-Id", "keywords" };
  g_assert_cmpuint (message->losses->len, ==, G_N_ELEMENTS (wanted));
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_cmpstr (((PnLoss *) message->losses->pdata[i])->part, ==, wanted[i]);
}

/* A date without an offset is on the clock of the gateway's domain, summer and winter; one with an offset
 * stays. */
static void
test_zone (void)
{
  static const char text[]
      = "WPC-API= 1.2;\r\nMsg-Type= Search;\r\nMsg-ID= Z1;\r\nDate-Sent= 15/1/2026 14:38;\r\n"
        "Begin-Time= 15/7/2026 14:38:10 ;\r\nEnd-Time= 22/7/2026 14:38 +0;\r\n-END-\r\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message
      = pn_api_read (text, strlen (text), FALSE, "Europe/Berlin", open_sample, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (message->date.unix_time, ==, 1768484280);
  g_assert_cmpint (message->date.offset, ==, 60);
  g_assert_cmpint (message->begin_time.unix_time, ==, 1784119090);
  g_assert_cmpint (message->begin_time.offset, ==, 120);
  g_assert_cmpint (message->end_time.unix_time, ==, 1784731080);
  g_autoptr (PnMessage) utc = read_text (text, FALSE, &error);
  g_assert_cmpint (utc->date.unix_time, ==, 1768487880);
}

/* What the original's language has no word for is named. */
static void
test_calendar_losses (void)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_APPOINTMENT);
  g_autoptr (GPtrArray) files = NULL;
  message->id = g_strdup ("Z2");
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  GPtrArray *lists[]
      = { calendar->zones, calendar->properties, calendar->components, calendar->object_properties };
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    g_ptr_array_add (lists[i], g_strdup ("X-KEPT:yes"));
  GString *text = pn_api_write (message, "Z2", FALSE, &files, NULL);
  static const char *const names[] = { "Zone", "Property", "Subcomponent", "Object-Property" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gboolean found = FALSE;
    for (guint j = 0; j < message->losses->len; j++)
      found |= strstr (((PnLoss *) message->losses->pdata[j])->part, names[i]) != NULL;
    if (!found)
      g_error ("%s is left out without a word", names[i]);
  }
  g_string_free (text, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++) {
    g_autofree char *path = g_strconcat ("/api/sample/", samples[i], NULL);
    g_autofree char *strict = g_strconcat ("/api/strict/", samples[i], NULL);
    g_test_add_data_func (path, samples[i], test_sample);
    g_test_add_data_func (strict, samples[i], test_strict);
  }
  g_test_add_func ("/api/values", test_values);
  g_test_add_func ("/api/user-like-address", test_user_like_address);
  g_test_add_func ("/api/status-of-ours", test_status_of_ours);
  g_test_add_func ("/api/errors", test_errors);
  g_test_add_func ("/api/tolerant", test_tolerant);
  g_test_add_func ("/api/extended", test_extended);
  g_test_add_func ("/api/strict-random", test_strict_random);
  g_test_add_func ("/api/losses", test_losses);
  g_test_add_func ("/api/zone", test_zone);
  g_test_add_func ("/api/calendar-losses", test_calendar_losses);
  return g_test_run ();
}
