#include <gmime/gmime.h>

#include "convert/mime-header.h"
#include "mime-samples.h"

/* Every sample is told in words and compared with tests/golden/mime; UPDATE_GOLDEN=1 writes them anew. */

static void
tell_text (GString *out, const char *text, gsize length)
{
  for (gsize i = 0; i < MIN (length, 400); i++) {
    guint8 c = (guint8) text[i];
    if (c == '\n')
      g_string_append (out, "\\n");
    else if (c == '\r')
      g_string_append (out, "\\r");
    else if (c < ' ' || c == 127)
      g_string_append_printf (out, "\\x%02x", c);
    else
      g_string_append_c (out, (char) c);
  }
}

static void
tell_address (GString *out, const char *what, const PnAddress *address)
{
  if (address != NULL)
    g_string_append_printf (out, "%s: %s <%s>\n", what, address->name != NULL ? address->name : "-",
                            address->internet != NULL ? address->internet : "-");
}

static void
tell_time (GString *out, const char *what, const PnTime *time)
{
  if (time->set)
    g_string_append_printf (out, "%s: %" G_GINT64_FORMAT " %+d\n", what, time->unix_time, time->offset);
}

static void
tell_string (GString *out, const char *what, const char *text)
{
  if (text != NULL)
    g_string_append_printf (out, "%s: %s\n", what, text);
}

static void
tell_part (GString *out, const PnPart *part)
{
  static const char *const roles[] = { "text", "html", "calendar", "attachment", "inline", "skeleton" };
  g_autoptr (GBytes) bytes = part_bytes (part);
  gsize length = g_bytes_get_size (bytes);
  const char *data = g_bytes_get_data (bytes, NULL);

  g_string_append_printf (out, "part %s %s%s", roles[part->role], part->type,
                          part->parameters != NULL ? part->parameters : "");
  if (part->role == PN_PART_SKELETON) {
    g_string_append_c (out, '\n');
    return;
  }
  g_string_append_printf (out, " %" G_GSIZE_FORMAT " bytes\n", length);
  tell_string (out, "  name", part->name);
  tell_string (out, "  charset", part->charset);
  tell_string (out, "  id", part->content_id);
  tell_string (out, "  location", part->content_location);
  tell_string (out, "  description", part->description);
  tell_time (out, "  created", &part->created);
  tell_time (out, "  modified", &part->modified);
  if (length > 0 && g_utf8_validate_len (data, length, NULL)) {
    g_string_append (out, "  ");
    tell_text (out, data, length);
    g_string_append_c (out, '\n');
  } else if (length > 0) {
    g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
    g_string_append_printf (out, "  %s\n", digest);
  }
}

static void
tell_lists (GString *out, const PnMessage *message)
{
  static const char *const kinds[] = { "to", "cc", "bc" };

  for (guint i = 0; i < message->reply_to->len; i++)
    tell_address (out, "reply-to", g_ptr_array_index (message->reply_to, i));
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    tell_address (out, kinds[recipient->distribution], recipient->address);
    g_string_append_printf (out, "  %s%s%s%s\n", recipient->listed ? "listed" : "not listed",
                            recipient->deliver ? ", deliver" : "", recipient->group != NULL ? ", group " : "",
                            recipient->group != NULL ? recipient->group : "");
  }
  for (guint i = 0; i < message->references->len; i++)
    tell_string (out, "reference", g_ptr_array_index (message->references, i));
  for (guint i = 0; i < message->headers->len; i++) {
    const PnHeader *header = g_ptr_array_index (message->headers, i);
    g_string_append_printf (out, "header %s: %s\n", header->name, header->value);
  }
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = g_ptr_array_index (message->reports, i);
    tell_address (out, pn_action_to_string (report->action), report->recipient);
    tell_time (out, "  time", &report->time);
    tell_string (out, "  code", report->status_code);
    tell_string (out, "  diagnostic", report->diagnostic);
    tell_string (out, "  mta", report->remote_mta);
  }
}

static char *
tell (PnMessage *message)
{
  GString *out = g_string_new (NULL);

  tell_string (out, "type", pn_message_type_to_string (message->type));
  tell_string (out, "orig-id", message->orig_id);
  tell_string (out, "envelope-id", message->envelope_id);
  tell_address (out, "from", message->from);
  tell_address (out, "sender", message->sender);
  tell_time (out, "date", &message->date);
  tell_string (out, "subject", message->subject);
  tell_string (out, "message-id", message->message_id);
  tell_string (out, "in-reply-to", message->in_reply_to);
  tell_string (out, "to-text", message->to_text);
  tell_string (out, "cc-text", message->cc_text);
  g_string_append_printf (out, "priority %d, security %d, status-request %u%s\n", message->priority,
                          message->security, message->status_request,
                          message->auto_generated ? ", auto" : "");
  tell_time (out, "distribute", &message->distribute_date);
  tell_time (out, "expires", &message->expires);
  tell_time (out, "respond-by", &message->respond_by);
  if (message->calendar != NULL)
    g_string_append_printf (out, "calendar %s %s sequence %d\n",
                            pn_method_to_string (message->calendar->method), message->calendar->uid,
                            message->calendar->sequence);
  tell_lists (out, message);
  for (guint i = 0; i < message->parts->len; i++)
    tell_part (out, g_ptr_array_index (message->parts, i));
  for (guint i = 0; i < message->losses->len; i++) {
    const PnLoss *loss = g_ptr_array_index (message->losses, i);
    /* What the calendar's reader has to say is its own test's business. */
    if (strcmp (loss->part, "calendar") != 0)
      g_string_append_printf (out, "loss %s: %s\n", loss->part, loss->reason);
  }
  return g_string_free (out, FALSE);
}

static void
test_golden (void)
{
  g_autoptr (GPtrArray) names = list_samples ();
  gboolean update = g_getenv ("UPDATE_GOLDEN") != NULL;

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *stem = g_strndup (name, strlen (name) - 4);
    g_autofree char *file = g_strconcat (stem, ".txt", NULL);
    g_autofree char *path = g_build_filename (SRCDIR, "tests", "golden", "mime", file, NULL);
    g_autoptr (GBytes) bytes = load_sample (name);
    g_autoptr (PnMessage) message = read_bytes (bytes);
    g_autofree char *told = tell (message), *golden = NULL;
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", name);
    if (update)
      g_file_set_contents (path, told, -1, &error);
    g_file_get_contents (path, &golden, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (told, ==, golden);

    g_autoptr (PnSource) hidden = hidden_source_new (bytes);
    g_autoptr (PnMessage) windowed = read_source (hidden);
    g_autofree char *again = tell (windowed);
    g_assert_cmpstr (again, ==, told);
  }
}

/* GMime as the second opinion on what the parts' bytes are. */

typedef struct {
  GPtrArray *digests; /* char *: of every leaf that is no text, in order */
} Opinion;

static void
collect_leaf (GMimeObject *parent, GMimeObject *part, gpointer user)
{
  Opinion *opinion = user;

  (void) parent;
  if (!GMIME_IS_PART (part))
    return;
  GMimeDataWrapper *content = g_mime_part_get_content (GMIME_PART (part));
  g_autoptr (GByteArray) array = g_byte_array_new ();
  if (content != NULL) {
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array (array);
    g_mime_stream_mem_set_owner (GMIME_STREAM_MEM (stream), FALSE);
    g_mime_data_wrapper_write_to_stream (content, stream);
    g_object_unref (stream);
  }
  g_ptr_array_add (opinion->digests,
                   g_compute_checksum_for_data (G_CHECKSUM_SHA256, array->data, array->len));
}

/* Where GMime is known to be wrong, or to see no file where there is one. */
static gboolean
gmime_errs (const char *name)
{
  static const char *const names[] = { "attachment-base64-two-chunks.eml", /* cut at the padding */
                                       "attachment-base64-no-padding.eml", /* the last bytes are lost */
                                       "broken-no-boundary.eml",
                                       "broken-empty-multipart.eml",
                                       "plain-bad-cte.eml",
                                       "rfc822.eml",
                                       "digest.eml",
                                       "forward-groupwise.eml", /* opens messages */
                                       "headers-duplicate.eml", /* the last Content-Type wins */
                                       "alternative-twice-plain.eml",
                                       "dsn-failed.eml",
                                       "dsn-about-nothing.eml",
                                       "dsn-several.eml",
                                       "mdn-displayed.eml", /* the report is no file of ours */
                                       "attachment-base64-chunks.eml",
                                       "attachment-nameless.eml",
                                       "yenc.eml", /* it leaves what is packed in texts */
                                       "yenc-parts.eml",
                                       "binhex-in-text.eml",
                                       "binhex-part.eml",
                                       "applesingle.eml",
                                       "plain-uuencode-qp.eml",
                                       "plain-begin-base64.eml",
                                       "plain-uuencode-first.eml",
                                       "lines-cr.eml",
                                       "external-body.eml", /* the link is ours */
                                       NULL };

  return g_strv_contains (names, name);
}

static void
test_gmime (void)
{
  g_autoptr (GPtrArray) names = list_samples ();
  guint compared = 0;

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    if (gmime_errs (name))
      continue;
    g_autoptr (GBytes) bytes = load_sample (name);
    g_autoptr (PnMessage) ours = read_bytes (bytes);
    GMimeStream *stream
        = g_mime_stream_mem_new_with_buffer (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
    GMimeParser *parser = g_mime_parser_new_with_stream (stream);
    GMimeMessage *theirs = g_mime_parser_construct_message (parser, NULL);
    Opinion opinion = { g_ptr_array_new_with_free_func (g_free) };
    g_test_message ("%s", name);
    if (theirs != NULL)
      g_mime_message_foreach (theirs, collect_leaf, &opinion);
    for (guint k = 0; k < ours->parts->len && theirs != NULL; k++) {
      PnPart *part = g_ptr_array_index (ours->parts, k);
      if (part->role != PN_PART_ATTACHMENT && part->role != PN_PART_INLINE && part->role != PN_PART_CALENDAR)
        continue;
      g_autoptr (GBytes) content = part_bytes (part);
      g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, content);
      g_assert_true (g_ptr_array_find_with_equal_func (opinion.digests, digest, g_str_equal, NULL));
      compared++;
    }
    g_ptr_array_unref (opinion.digests);
    g_clear_object (&theirs);
    g_object_unref (parser);
    g_object_unref (stream);
  }
  g_assert_cmpuint (compared, >, 25);
}

static const PnRecipient *
find_recipient (const PnMessage *message, const char *internet)
{
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    if (g_strcmp0 (recipient->address->internet, internet) == 0)
      return recipient;
  }
  return NULL;
}

static void
test_envelope (void)
{
  static const char *const rcpt[]
      = { "BERT@example.org", "hidden@example.org", "<dora@example.org>", "hidden@example.org", NULL };
  g_autoptr (PnMessage) message = read_text ("To: Bert <bert@example.org>, carl@example.org\n"
                                             "Cc: dora@example.org, bert@example.org\n\ntext\n");

  pn_mime_set_envelope (message, "ada@example.com", rcpt);
  g_assert_cmpstr (message->envelope_from, ==, "ada@example.com");
  g_assert_cmpuint (message->recipients->len, ==, 5);
  g_assert_true (find_recipient (message, "bert@example.org")->deliver);
  g_assert_false (((PnRecipient *) g_ptr_array_index (message->recipients, 3))->deliver);
  g_assert_false (find_recipient (message, "carl@example.org")->deliver);
  g_assert_true (find_recipient (message, "carl@example.org")->listed);
  g_assert_true (find_recipient (message, "dora@example.org")->deliver);
  const PnRecipient *hidden = find_recipient (message, "hidden@example.org");
  g_assert_true (hidden->deliver);
  g_assert_false (hidden->listed);
  g_assert_cmpint (hidden->distribution, ==, PN_BC);

  pn_mime_set_envelope (message, "", NULL);
  g_assert_cmpstr (message->envelope_from, ==, "");
  g_assert_false (find_recipient (message, "bert@example.org")->deliver);
}

static void
test_priority (void)
{
  static const struct {
    const char *header;
    PnPriority priority;
  } cases[] = {
    { "Importance: High\n", PN_PRIORITY_HIGH },
    { "Importance: low\n", PN_PRIORITY_LOW },
    { "X-Priority: 1 (Highest)\n", PN_PRIORITY_HIGH },
    { "X-Priority: 3\n", PN_PRIORITY_NORMAL },
    { "X-Priority: 5\nImportance: high\n", PN_PRIORITY_HIGH },
    { "Priority: urgent\n", PN_PRIORITY_HIGH },
    { "Priority: non-urgent\n", PN_PRIORITY_LOW },
    { "X-MSMail-Priority: Low\n", PN_PRIORITY_LOW },
    { "Importance: normal\nX-Priority: 1\n", PN_PRIORITY_NORMAL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat (cases[i].header, "\ntext\n", NULL);
    g_autoptr (PnMessage) message = read_text (text);
    g_assert_cmpint (message->priority, ==, cases[i].priority);
  }
}

static void
test_automatic (void)
{
  static const struct {
    const char *header;
    gboolean automatic;
  } cases[] = {
    { "Auto-Submitted: no\n", FALSE },
    { "Auto-Submitted: auto-replied\n", TRUE },
    { "Auto-Submitted: auto-generated\n", TRUE },
    { "Auto-Submitted: notice\n", TRUE },
    { "Precedence: bulk\n", TRUE },
    { "Precedence: first-class\n", FALSE },
    { "List-Id: <a.b>\n", TRUE },
    { "X-Auto-Response-Suppress: DR, OOF\n", TRUE },
    { "X-Auto-Response-Suppress: DR, NDR\n", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat (cases[i].header, "\ntext\n", NULL);
    g_autoptr (PnMessage) message = read_text (text);
    g_assert_cmpint (message->auto_generated, ==, cases[i].automatic);
  }
}

static void
test_uuencode (void)
{
  g_autoptr (PnMessage) message
      = read_text ("Subject: x\n\nbefore\nbegin 644 cat.txt\n#0V%T\n`\nend\nafter\nbegin 6 no file\nend\n");

  assert_part_text (pn_message_get_part (message, PN_PART_TEXT), "before\nafter\nbegin 6 no file\nend\n");
  const PnPart *file = pn_message_get_part (message, PN_PART_ATTACHMENT);
  assert_part_text (file, "Cat");
  g_assert_cmpstr (file->name, ==, "cat.txt");

  g_autoptr (PnMessage) prose = read_text ("Subject: x\n\nbegin 644 words\nthis is only prose\nend\n");
  g_assert_null (pn_message_get_part (prose, PN_PART_ATTACHMENT));
}

static void
test_unflow (void)
{
  static const struct {
    const char *text, *unflowed;
    gboolean delsp;
  } cases[] = {
    { "a \nb\n", "a b\n", FALSE },
    { "a \nb\n", "ab\n", TRUE },
    { "a\nb\n", "a\nb\n", FALSE },
    { "> a \n> b\n", "> a b\n", FALSE },
    { "> a \n>> b\n", "> a \n>> b\n", FALSE },
    { ">a\n", "> a\n", FALSE },
    { " >a\n", ">a\n", FALSE },
    { "a \n-- \nb\n", "a \n-- \nb\n", FALSE },
    { "a ", "a ", FALSE },
    { "a \n", "a \n", FALSE },
    { "\n\n", "\n\n", FALSE },
    { ">\n", ">\n", FALSE },
    { "x", "x", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat ("Content-Type: text/plain; format=flowed",
                                         cases[i].delsp ? "; delsp=yes" : "", "\n\n", cases[i].text, NULL);
    g_autoptr (PnMessage) message = read_text (text);
    g_test_message ("case %u", i);
    assert_part_text (pn_message_get_part (message, PN_PART_TEXT), cases[i].unflowed);
  }
}

/* The failure of a source is an error, at whatever point it comes; bad mail never is. */
static void
test_failing_source (void)
{
  g_autoptr (GBytes) bytes = load_sample ("alternative-related.eml");
  g_autoptr (PnSource) source = hidden_source_new (bytes);
  static const PnMimeOptions options = { .skeleton = TRUE };
  g_autoptr (GError) error = NULL;

  ((HiddenSource *) source)->broken = TRUE;
  g_assert_null (pn_mime_read (source, &options, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO);
}

static void
test_bounds (void)
{
  g_autoptr (GString) text = g_string_new ("To: ");

  for (guint i = 0; i < 20000; i++)
    g_string_append_printf (text, "a%u@example.com, ", i);
  g_string_append (text, "z@example.com\n");
  for (guint i = 0; i < 20000; i++)
    g_string_append_printf (text, "X-%u: y\n", i);
  g_string_append (text, "\ntext\n");
  g_autoptr (PnMessage) message = read_text (text->str);
  g_assert_cmpuint (message->recipients->len, ==, 10000);
  g_assert_cmpuint (message->headers->len, ==, 10000);
  g_assert_cmpuint (message->losses->len, ==, 2);

  /* more text than is read into memory */
  g_string_assign (text, "Content-Type: multipart/mixed; boundary=b\n\n");
  for (guint i = 0; i < 3; i++) {
    g_string_append (text, "--b\n\n");
    gsize start = text->len;
    g_string_set_size (text, start + 4000000);
    memset (text->str + start, 'x', 4000000);
    g_string_append_c (text, '\n');
  }
  g_autoptr (PnMessage) large = read_text (text->str);
  g_autoptr (GBytes) shown = part_bytes (pn_message_get_part (large, PN_PART_TEXT));
  g_assert_cmpuint (g_bytes_get_size (shown), ==, 8000001);
  g_assert_nonnull (pn_message_get_part (large, PN_PART_ATTACHMENT));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_mime_init ();
  g_test_add_func ("/mime-read/golden", test_golden);
  g_test_add_func ("/mime-read/gmime", test_gmime);
  g_test_add_func ("/mime-read/envelope", test_envelope);
  g_test_add_func ("/mime-read/priority", test_priority);
  g_test_add_func ("/mime-read/automatic", test_automatic);
  g_test_add_func ("/mime-read/uuencode", test_uuencode);
  g_test_add_func ("/mime-read/unflow", test_unflow);
  g_test_add_func ("/mime-read/failing-source", test_failing_source);
  g_test_add_func ("/mime-read/bounds", test_bounds);
  return g_test_run ();
}
