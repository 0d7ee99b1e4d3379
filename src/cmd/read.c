#include "cmd/view.h"

#include "convert/mime.h"
#include "convert/text-twin.h"
#include "convert/words.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Bodies longer than this are not shown; --save and --raw give all. */
#define TEXT_LIMIT (32 * 1024 * 1024)
#define NAME_LIMIT 180
enum { LABEL_WIDTH = 11 };

/* --- parts --- */

static char *
read_text (const PnMessage *message, PnPartRole role, GError **error)
{
  const PnPart *part = pn_message_get_part (message, role);
  if (!part || !part->content)
    return NULL;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, TEXT_LIMIT, error);
  gsize length = 0;
  const char *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  return bytes ? g_strndup (data ? data : "", length) : NULL;
}

/* What a person reads: the plain body, else the HTML as text. */
static char *
readable_text (const PnMessage *message, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autofree char *text = read_text (message, PN_PART_TEXT, &reason);
  g_autofree char *html = text || reason ? NULL : read_text (message, PN_PART_HTML, &reason);
  if (reason) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return NULL;
  }
  if (text)
    return g_steal_pointer (&text);
  return html ? pn_text_from_html (html, strlen (html)) : g_strdup ("");
}

static gboolean
is_file (const PnPart *part)
{
  return part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE;
}

static guint64
part_size (const PnPart *part)
{
  guint64 size = 0;
  return part->content && pn_content_measure (part->content, &size, NULL, NULL) ? size : 0;
}

/* --- text --- */

static void
print_field (const char *label, const char *text)
{
  if (!text || !*text)
    return;
  g_autofree char *clean = pn_view_clean (text, FALSE);
  printf ("%s%-*s%s %s\n", pn_view_style (PN_STYLE_DIM), LABEL_WIDTH, label, pn_view_style (PN_STYLE_PLAIN),
          clean);
}

static void
print_recipients (const PnMessage *message, PnDistribution distribution, const char *label)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->distribution != distribution)
      continue;
    g_autofree char *one = pn_address_display (recipient->address);
    g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", one);
  }
  print_field (label, text->str);
}

static void
print_calendar (const PnView *view, const PnItem *item, const PnCalendar *calendar)
{
  g_autofree char *when = pn_view_when (item, view->config->timezone);
  g_autofree char *organizer = calendar->organizer ? pn_address_display (calendar->organizer) : NULL;
  print_field ("When:", when);
  print_field ("Repeats:", calendar->rrule);
  print_field ("Where:", calendar->place);
  print_field ("Organizer:", organizer);
  for (guint i = 0; i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    g_autofree char *who = attendee->address ? pn_address_display (attendee->address) : g_strdup ("?");
    g_autofree char *line = g_strdup_printf ("%s (%s)", who, pn_partstat_to_string (attendee->partstat));
    print_field (i == 0 ? "Attendees:" : "", line);
  }
}

/* By the reader's own calendar. */
static void
print_own (const PnView *view, const PnItem *item)
{
  PnMailboxOwn own;
  if (!pn_mailbox_get_own (view->mailbox, item, &own, NULL))
    return;
  print_field ("Shown as:", own.show_as);
  g_autofree char *alarm
      = own.set_alarm ? g_strdup_printf ("%" G_GINT64_FORMAT " minutes before", own.alarm / 60) : NULL;
  print_field ("Reminder:", alarm);
}

/* The ticks of a phone message by their names, from the I-th on; NULL at the end. */
static const char *
call_action (guint actions, guint *i)
{
  while (pn_call_action_words[*i].word) {
    const PnWord *one = &pn_call_action_words[(*i)++];
    if (actions & one->value)
      return one->word;
  }
  return NULL;
}

static void
print_phone (const PnMessage *message)
{
  g_autoptr (GString) actions = g_string_new (NULL);
  guint i = 0;
  for (const char *word; (word = call_action (message->call_action, &i));)
    g_string_append_printf (actions, "%s%s", actions->len > 0 ? ", " : "", word);
  print_field ("Caller:", message->caller_name);
  print_field ("Company:", message->caller_company);
  print_field ("Phone:", message->caller_phone);
  print_field ("Ticked:", actions->str);
}

static void
print_search (const PnView *view, const PnMessage *message)
{
  const char *zone = view->config->timezone;
  g_autofree char *whose = message->busy_for ? pn_address_display (message->busy_for) : NULL;
  g_autofree char *from = message->begin_time.set ? pn_view_time (message->begin_time.unix_time, zone) : NULL;
  g_autofree char *to = message->end_time.set ? pn_view_time (message->end_time.unix_time, zone) : NULL;
  g_autofree char *window = from && to ? g_strdup_printf ("%s to %s", from, to) : NULL;
  print_field ("Window:", window);
  print_field ("Whose:", whose);
  for (guint i = 0; i < message->busy->len; i++) {
    const PnBusyBlock *block = message->busy->pdata[i];
    g_autofree char *start = pn_view_time (block->start, zone), *end = pn_view_time (block->end, zone);
    g_autofree char *line = g_strdup_printf ("%s to %s", start, end);
    print_field (i == 0 ? "Busy:" : "", line);
  }
}

/* Directory entries, word by word. */
static void
print_entries (const PnMessage *message)
{
  for (guint i = 0; i < message->extra->len; i++) {
    const PnExtraKeyword *entry = message->extra->pdata[i];
    g_autofree char *clean = pn_view_clean (entry->text ? entry->text : "", TRUE);
    printf ("\n%s=%s;\n", entry->name, clean);
  }
}

static void
print_reports (const PnView *view, const PnMessage *message)
{
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = message->reports->pdata[i];
    g_autofree char *who = report->recipient ? pn_address_display (report->recipient) : g_strdup ("");
    g_autofree char *when
        = report->time.set ? pn_view_time (report->time.unix_time, view->config->timezone) : g_strdup ("");
    g_autofree char *line = g_strdup_printf ("%s  %s  %s", pn_action_to_string (report->action), who, when);
    print_field (i == 0 ? "Status:" : "", line);
    print_field ("", report->diagnostic);
    print_field ("", report->comment);
  }
}

static void
print_files (const PnMessage *message)
{
  gboolean first = TRUE;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    if (!is_file (part))
      continue;
    g_autofree char *size = pn_cmd_size (part_size (part));
    g_autofree char *name = pn_view_clean (part->name ? part->name : "(no name)", FALSE);
    g_autofree char *type = pn_view_clean (part->type, FALSE);
    printf ("%s%s%-*s%s %s  %s, %s\n", first ? "\n" : "", pn_view_style (PN_STYLE_DIM), LABEL_WIDTH,
            first ? "Attached:" : "", pn_view_style (PN_STYLE_PLAIN), name, type, size);
    first = FALSE;
  }
}

static gboolean
print_text (const PnView *view, const PnItem *item, const PnMessage *message, GError **error)
{
  g_autofree char *text = readable_text (message, error);
  if (!text)
    return FALSE;
  g_autofree char *clean = pn_view_clean (text, TRUE);
  g_autofree char *from = message->from ? pn_address_display (message->from) : NULL;
  g_autofree char *date = pn_view_time (item->date, view->config->timezone);
  g_autofree char *flags = pn_view_flags (item->flags & ~PN_ITEM_ATTACHMENTS);
  g_autofree char *subject = pn_view_clean (item->subject, FALSE);
  printf ("%s%s%s\n", pn_view_style (PN_STYLE_BOLD), *subject ? subject : "(no subject)",
          pn_view_style (PN_STYLE_PLAIN));
  print_field ("From:", from);
  print_recipients (message, PN_TO, "To:");
  print_recipients (message, PN_CC, "CC:");
  if (item->box == PN_BOX_OUT)
    print_recipients (message, PN_BC, "BC:");
  print_field ("Date:", date);
  print_field ("Type:", item->type == PN_TYPE_MAIL ? NULL : pn_view_type (item->type));
  print_field ("Flags:", flags);
  if (message->calendar && message->type != PN_TYPE_STATUS) {
    print_calendar (view, item, message->calendar);
    print_own (view, item);
  }
  if (message->type == PN_TYPE_PHONE)
    print_phone (message);
  if (message->type == PN_TYPE_SEARCH)
    print_search (view, message);
  print_reports (view, message);
  gsize length = strlen (clean);
  if (length > 0)
    printf ("\n%s%s", clean, clean[length - 1] == '\n' ? "" : "\n");
  if (message->type == PN_TYPE_ADMIN)
    print_entries (message);
  print_files (message);
  return TRUE;
}

/* --- JSON --- */

static void
json_address (JsonBuilder *builder, const PnAddress *address)
{
  g_autofree char *native = address->user ? pn_address_to_string (address) : NULL;
  json_builder_begin_object (builder);
  pn_json_text (builder, "name", address->name);
  pn_json_text (builder, "internet", address->internet);
  pn_json_text (builder, "native", native);
}

static void
json_recipients (JsonBuilder *builder, const PnItem *item, const PnMessage *message)
{
  static const char *const kinds[] = { "to", "cc", "bc" };
  pn_json_list (builder, "recipients");
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->distribution == PN_BC && item->box != PN_BOX_OUT)
      continue;
    json_address (builder, recipient->address);
    pn_json_text (builder, "kind", kinds[recipient->distribution]);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
json_attendees (JsonBuilder *builder, const PnCalendar *calendar)
{
  pn_json_list (builder, "attendees");
  for (guint i = 0; i < calendar->attendees->len; i++) {
    const PnAttendee *attendee = calendar->attendees->pdata[i];
    json_address (builder, attendee->address);
    pn_json_text (builder, "partstat", pn_partstat_to_string (attendee->partstat));
    pn_json_text (builder, "role", attendee->role);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
json_own (JsonBuilder *builder, const PnView *view, const PnItem *item)
{
  PnMailboxOwn own;
  if (!pn_mailbox_get_own (view->mailbox, item, &own, NULL))
    return;
  pn_json_text (builder, "show_as", own.show_as);
  if (own.set_alarm)
    pn_json_number (builder, "alarm", own.alarm / 60);
}

static void
json_files (JsonBuilder *builder, const PnMessage *message)
{
  pn_json_list (builder, "attachments");
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    if (!is_file (part))
      continue;
    json_builder_begin_object (builder);
    pn_json_text (builder, "name", part->name);
    pn_json_text (builder, "type", part->type);
    pn_json_number (builder, "size", (gint64) part_size (part));
    pn_json_bool (builder, "inline", part->role == PN_PART_INLINE);
    pn_json_text (builder, "content_id", part->content_id);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
json_reports (JsonBuilder *builder, const PnMessage *message)
{
  pn_json_list (builder, "reports");
  for (guint i = 0; i < message->reports->len; i++) {
    const PnStatusReport *report = message->reports->pdata[i];
    g_autofree char *who = report->recipient ? pn_address_to_string (report->recipient) : NULL;
    json_builder_begin_object (builder);
    pn_json_text (builder, "status", pn_action_to_string (report->action));
    pn_view_json_time (builder, "time", report->time.unix_time);
    pn_json_text (builder, "recipient", who);
    pn_json_text (builder, "reason", report->diagnostic);
    pn_json_text (builder, "comment", report->comment);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
json_phone (JsonBuilder *builder, const PnMessage *message)
{
  guint i = 0;
  pn_json_text (builder, "caller", message->caller_name);
  pn_json_text (builder, "company", message->caller_company);
  pn_json_text (builder, "phone", message->caller_phone);
  pn_json_list (builder, "actions");
  for (const char *word; (word = call_action (message->call_action, &i));)
    json_builder_add_string_value (builder, word);
  json_builder_end_array (builder);
}

static void
json_search (JsonBuilder *builder, const PnMessage *message)
{
  if (message->begin_time.set)
    pn_view_json_time (builder, "window_begin", message->begin_time.unix_time);
  if (message->end_time.set)
    pn_view_json_time (builder, "window_end", message->end_time.unix_time);
  if (message->busy_for) {
    json_builder_set_member_name (builder, "busy_for");
    json_address (builder, message->busy_for);
    json_builder_end_object (builder);
  }
  pn_json_list (builder, "busy");
  for (guint i = 0; i < message->busy->len; i++) {
    const PnBusyBlock *block = message->busy->pdata[i];
    json_builder_begin_object (builder);
    pn_view_json_time (builder, "start", block->start);
    pn_view_json_time (builder, "end", block->end);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
json_entries (JsonBuilder *builder, const PnMessage *message)
{
  pn_json_list (builder, "entries");
  for (guint i = 0; i < message->extra->len; i++) {
    const PnExtraKeyword *entry = message->extra->pdata[i];
    json_builder_begin_object (builder);
    pn_json_text (builder, "name", entry->name);
    pn_json_text (builder, "text", entry->text);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

/* What only one type has. */
static void
json_type (JsonBuilder *builder, const PnMessage *message)
{
  if (message->type == PN_TYPE_PHONE)
    json_phone (builder, message);
  if (message->type == PN_TYPE_SEARCH)
    json_search (builder, message);
  if (message->type == PN_TYPE_ADMIN)
    json_entries (builder, message);
  if (message->type == PN_TYPE_TASK) {
    pn_json_text (builder, "task_category", message->task_category);
    pn_json_number (builder, "task_priority", message->task_priority);
  }
}

static gboolean
print_json (const PnView *view, const PnItem *item, const PnMessage *message, GError **error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autofree char *text = readable_text (message, error);
  g_autofree char *html = text ? read_text (message, PN_PART_HTML, NULL) : NULL;
  g_autofree char *readable = text ? g_utf8_make_valid (text, -1) : NULL;
  g_autofree char *markup = html ? g_utf8_make_valid (html, -1) : NULL;
  if (!text)
    return FALSE;
  json_builder_begin_object (builder);
  pn_view_json_item (builder, item);
  pn_json_text (builder, "message_id", message->message_id);
  pn_json_text (builder, "in_reply_to", message->in_reply_to);
  if (message->from) {
    json_builder_set_member_name (builder, "sender");
    json_address (builder, message->from);
    json_builder_end_object (builder);
  }
  json_recipients (builder, item, message);
  if (message->calendar) {
    json_attendees (builder, message->calendar);
    json_own (builder, view, item);
  }
  if (message->reports->len > 0)
    json_reports (builder, message);
  json_type (builder, message);
  pn_json_text (builder, "text", readable);
  pn_json_text (builder, "html", markup);
  json_files (builder, message);
  json_builder_end_object (builder);
  pn_json_print (builder);
  return TRUE;
}

/* --- saving --- */

/* A name that stays in the directory, is no hidden file and can be typed. */
static char *
safe_name (const PnPart *part, guint index)
{
  g_autofree char *clean = pn_view_clean (part->name ? part->name : "", FALSE);
  const char *base = clean;
  for (const char *p = clean; *p; p++)
    if (*p == '/' || *p == '\\')
      base = p + 1;
  GString *name = g_string_new (base);
  for (gsize i = 0; i < name->len; i++)
    if (strchr (":*?\"<>|", name->str[i]))
      name->str[i] = '_';
  while (name->len > 0 && (name->str[0] == '.' || name->str[0] == ' ' || name->str[0] == '-'))
    g_string_erase (name, 0, 1);
  if (name->len > NAME_LIMIT) {
    const char *end = g_utf8_find_prev_char (name->str, name->str + NAME_LIMIT);
    g_string_truncate (name, (gsize) (end - name->str));
  }
  if (name->len == 0)
    g_string_printf (name, "attachment-%u%s", index + 1,
                     strcmp (part->type, "message/rfc822") == 0 ? ".eml" : "");
  return g_string_free (name, FALSE);
}

/* "name.ext", else "name (2).ext" ...; never a file that is there. */
static int
create_file (const char *dir, const char *name, char **path_out, GError **error)
{
  const char *dot = strrchr (name, '.');
  gsize stem = dot && dot > name ? (gsize) (dot - name) : strlen (name);
  for (guint i = 1; i < 10000; i++) {
    g_autofree char *path = i == 1
                                ? g_build_filename (dir, name, NULL)
                                : g_strdup_printf ("%s/%.*s (%u)%s", dir, (int) stem, name, i, name + stem);
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
      *path_out = g_steal_pointer (&path);
      return fd;
    }
    if (errno != EEXIST) {
      pn_file_set_error (error, errno, path, "cannot make the file");
      return -1;
    }
  }
  pn_file_set_error (error, EEXIST, dir, "no free name for an attachment");
  return -1;
}

static gboolean
save_part (const PnPart *part, guint index, const char *dir, GError **error)
{
  g_autofree char *name = safe_name (part, index);
  g_autofree char *path = NULL;
  int fd = create_file (dir, name, &path, error);
  if (fd < 0)
    return FALSE;
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  PnSink sink = pn_file_sink_sink (file);
  gboolean ok = pn_content_copy (part->content, &sink, error) && pn_file_sink_flush (file, error);
  close (fd);
  if (ok)
    fprintf (stderr, "saved %s\n", path);
  else
    unlink (path);
  return ok;
}

static gboolean
save_files (const PnMessage *message, const char *dir, GError **error)
{
  if (!pn_file_make_dirs (dir, error))
    return FALSE;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    if (is_file (part) && part->content && !save_part (part, i, dir, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
print_raw (const PnView *view, const PnItem *item, PnMessage *message, GError **error)
{
  const PnMimeWriteOptions options = { .host = view->config->host,
                                       .default_domain = view->config->internet_domain,
                                       .now = item->date,
                                       .keep_bcc = item->box == PN_BOX_OUT };
  g_autoptr (PnFileSink) file = pn_file_sink_new (STDOUT_FILENO);
  PnSink sink = pn_file_sink_sink (file);
  return pn_mime_write (message, &options, &sink, error) && pn_file_sink_flush (file, error);
}

/* --- the command --- */

int
pn_cmd_read (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  g_autofree char *save = NULL;
  gboolean json = FALSE, raw = FALSE, confirm = FALSE;
  gint64 number;
  const GOptionEntry entries[] = {
    { "save", 0, 0, G_OPTION_ARG_FILENAME, &save,
      "write the attachments into DIR too; no file there is overwritten", "DIR" },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &raw, "print the message as Internet mail", NULL },
    { "confirm", 0, 0, G_OPTION_ARG_NONE, &confirm,
      "tell whom the sender named that it was opened, whoever that is", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  if (!pn_cmd_options (&argc, &argv, entries, &dir, &json, "USER NUMBER", "Shows an item and marks it read.",
                       "NUMBER is that of 'postern list USER'."))
    return PN_EXIT_USAGE;
  if (argc != 3 || (raw && json)) {
    fprintf (stderr, argc != 3 ? "postern read: whose item, and which?\n"
                               : "postern read: --raw and --json exclude each other\n");
    return PN_EXIT_USAGE;
  }
  if (!pn_view_parse_number (argv[2], &number))
    return PN_EXIT_USAGE;
  g_auto (PnView) view = { 0 };
  if (!pn_view_open (&view, dir, argv[1]))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnItem) item = NULL;
  g_autoptr (PnMessage) message = pn_mailbox_read (view.mailbox, number, &item, &error);
  gboolean ok = message && (!confirm || pn_mailbox_confirm (view.mailbox, number, &error));
  if (ok)
    ok = raw    ? print_raw (&view, item, message, &error)
         : json ? print_json (&view, item, message, &error)
                : print_text (&view, item, message, &error);
  if (ok && save)
    ok = save_files (message, save, &error);
  return ok ? PN_EXIT_DONE : pn_cmd_fail ("read", g_steal_pointer (&error));
}
