#include "cmd/view.h"

#include "convert/ical.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_LIMIT (64 * 1024 * 1024)
#define SNIFF_LENGTH 4096

typedef struct {
  char *from, *subject, *text, *body, *html, *priority, *security, *type, *status, *delay;
  char *start, *end, *place, *timezone, *repeat;
  char *caller, *company, *phone;
  char **to, **cc, **bcc, **attach;
  gboolean all_day;
} Options;

static void
options_clear (Options *self)
{
  char **texts[]
      = { &self->from,     &self->subject,  &self->text,   &self->body,   &self->html,    &self->priority,
          &self->security, &self->type,     &self->status, &self->delay,  &self->start,   &self->end,
          &self->place,    &self->timezone, &self->repeat, &self->caller, &self->company, &self->phone };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (*texts[i]);
  g_strfreev (self->to);
  g_strfreev (self->cc);
  g_strfreev (self->bcc);
  g_strfreev (self->attach);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

G_GNUC_PRINTF (2, 3)
static gboolean
bad_option (GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
  return FALSE;
}

/* The index of TEXT in WORDS (any case), -1 after an error. */
static int
find_word (const char *option, const char *text, const char *const *words, GError **error)
{
  for (int i = 0; words[i]; i++)
    if (g_ascii_strcasecmp (words[i], text) == 0)
      return i;
  g_autofree char *all = g_strjoinv (", ", (char **) words);
  bad_option (error, "--%s: '%s' is none of %s", option, text, all);
  return -1;
}

/* --- texts and files --- */

/* UTF-8 with LF line ends, whatever the file has. */
static char *
normalise_text (const char *bytes, gsize length)
{
  g_autofree char *utf8 = NULL;
  if (g_utf8_validate_len (bytes, length, NULL))
    utf8 = g_strndup (bytes, length);
  else
    utf8 = g_convert (bytes, (gssize) length, "UTF-8", "WINDOWS-1252", NULL, NULL, NULL);
  if (!utf8)
    utf8 = g_utf8_make_valid (bytes, (gssize) length);
  GString *out = g_string_sized_new (length + 1);
  for (const char *p = utf8; *p; p++)
    if (*p == '\r')
      g_string_append (out, p[1] == '\n' ? "" : "\n");
    else
      g_string_append_c (out, *p);
  return g_string_free (out, FALSE);
}

static char *
read_file (const char *path, GError **error)
{
  int fd = strcmp (path, "-") == 0 ? STDIN_FILENO : open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return NULL;
  }
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 buffer[65536];
  ssize_t n;
  while ((n = read (fd, buffer, sizeof buffer)) > 0 && bytes->len <= TEXT_LIMIT)
    g_byte_array_append (bytes, buffer, (guint) n);
  int errnum = n < 0 ? errno : bytes->len > TEXT_LIMIT ? EFBIG : 0;
  if (fd != STDIN_FILENO)
    close (fd);
  if (errnum == 0)
    return normalise_text ((const char *) bytes->data, bytes->len);
  pn_file_set_error (error, errnum, path, "cannot read");
  return NULL;
}

static void
add_text (PnMessage *message, PnPartRole role, const char *type, const char *text)
{
  pn_message_add_part (message, pn_part_new (role, type, pn_content_new_text (text, -1)));
}

static gboolean
add_bodies (PnMessage *message, const Options *options, GError **error)
{
  g_autofree char *text = options->text ? read_file (options->text, error) : g_strdup (options->body);
  if (options->text && !text)
    return FALSE;
  if (text)
    add_text (message, PN_PART_TEXT, "text/plain", text);
  g_autofree char *html = options->html ? read_file (options->html, error) : NULL;
  if (options->html && !html)
    return FALSE;
  if (html)
    add_text (message, PN_PART_HTML, "text/html", html);
  if (!text && !html)
    add_text (message, PN_PART_TEXT, "text/plain", "");
  return TRUE;
}

static char *
guess_type (const char *name, PnSource *source)
{
  guint8 head[SNIFF_LENGTH];
  gsize length = (gsize) MIN (source->size, sizeof head);
  gboolean have = pn_source_read (source, 0, head, length, NULL);
  g_autofree char *content_type = g_content_type_guess (name, have ? head : NULL, have ? length : 0, NULL);
  g_autofree char *type = g_content_type_get_mime_type (content_type);
  /* An empty file or an unknown one has types of its own in that table. */
  if (!type || strncmp (type, "application/x-zerosize", 22) == 0)
    return g_strdup ("application/octet-stream");
  return g_ascii_strdown (type, -1);
}

static gboolean
attach (PnMessage *message, const char *path, GError **error)
{
  struct stat st;
  g_autoptr (PnSource) source = pn_file_source_open (path, error);
  if (!source)
    return FALSE;
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *name = g_filename_to_utf8 (base, -1, NULL, NULL, NULL);
  g_autofree char *type = guess_type (base, source);
  PnContent *content = pn_content_new_range (source, 0, source->size, PN_ENCODING_NONE);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, type, content);
  part->name = name ? g_steal_pointer (&name) : g_utf8_make_valid (base, -1);
  if (stat (path, &st) == 0)
    part->modified = (PnTime){ TRUE, st.st_mtime, 0 };
  pn_message_add_part (message, part);
  return TRUE;
}

/* --- recipients --- */

/* "Doe, Jane" <jane@example.com>, bert: a comma in quotes or brackets divides nothing. */
static GPtrArray *
split_addresses (const char *text)
{
  GPtrArray *out = g_ptr_array_new_with_free_func (g_free);
  gboolean quoted = FALSE, bracket = FALSE;
  const char *begin = text;
  for (const char *p = text;; p++) {
    if (*p == '\\' && quoted && p[1])
      p++;
    else if (*p == '"')
      quoted = !quoted;
    else if (!quoted && (*p == '<' || *p == '>'))
      bracket = *p == '<';
    else if (!*p || (*p == ',' && !quoted && !bracket)) {
      char *one = g_strstrip (g_strndup (begin, (gsize) (p - begin)));
      if (*one)
        g_ptr_array_add (out, one);
      else
        g_free (one);
      begin = p + 1;
    }
    if (!*p)
      return out;
  }
}

static gboolean
add_recipients (PnMailbox *mailbox, PnMessage *message, PnDistribution distribution, char **texts,
                GError **error)
{
  for (char **text = texts; text && *text; text++) {
    g_autoptr (GPtrArray) addresses = split_addresses (*text);
    for (guint i = 0; i < addresses->len; i++)
      if (!pn_mailbox_add_recipient (mailbox, message, distribution, addresses->pdata[i], error))
        return FALSE;
  }
  return TRUE;
}

/* --- times --- */

/* "2026-01-06 09:00", "2026-01-06T09:00:00", a "Z" behind it for UTC; with DATE_ONLY "2026-01-06". */
static gboolean
parse_time (const char *option, const char *text, const char *zone, gboolean date_only, PnCalendarTime *out,
            GError **error)
{
  int used = 0;
  char separator = ' ';
  PnCalendarTime time = { .set = TRUE };
  int n = sscanf (text, "%4d-%2d-%2d%n%c%2d:%2d%n:%2d%n", &time.year, &time.month, &time.day, &used,
                  &separator, &time.hour, &time.minute, &used, &time.second, &used);
  gboolean utc = n >= 6 && text[used] == 'Z' && !text[used + 1];
  gboolean shape
      = n == 3 ? !text[used] : n >= 6 && (separator == ' ' || separator == 'T') && (utc || !text[used]);
  if (!shape || (n == 3 && !date_only)
      || !g_date_valid_dmy ((GDateDay) time.day, (GDateMonth) time.month, (GDateYear) time.year)
      || time.hour > 23 || time.minute > 59 || time.second > 60)
    return bad_option (error, "--%s: '%s' is not a time like %s", option, text,
                       date_only ? "2026-01-06" : "\"2026-01-06 09:00\"");
  if (date_only) {
    time.is_date = TRUE;
    time.hour = time.minute = time.second = 0;
  } else if (!utc)
    time.tzid = g_strdup (zone);
  if (!pn_timezone_to_unix (utc ? "UTC" : zone, time.year, time.month, time.day, time.hour, time.minute,
                            time.second, &time.unix_time)) {
    pn_calendar_time_clear (&time);
    return bad_option (error, "--%s: '%s' cannot be placed in zone %s", option, text, zone);
  }
  *out = time;
  return TRUE;
}

static void
add_days (PnCalendarTime *time, int days, const char *zone)
{
  GDate date;
  g_date_set_dmy (&date, (GDateDay) time->day, (GDateMonth) time->month, (GDateYear) time->year);
  g_date_add_days (&date, (guint) days);
  time->year = g_date_get_year (&date);
  time->month = g_date_get_month (&date);
  time->day = g_date_get_day (&date);
  pn_timezone_to_unix (zone, time->year, time->month, time->day, 0, 0, 0, &time->unix_time);
}

static void
end_after (PnCalendar *calendar, const char *zone, gint64 seconds)
{
  if (calendar->all_day) {
    pn_calendar_time_copy (&calendar->end, &calendar->start);
    add_days (&calendar->end, 1, zone);
    return;
  }
  PnCalendarTime end = { 0 };
  if (pn_timezone_from_unix (calendar->start.tzid ? calendar->start.tzid : "UTC",
                             calendar->start.unix_time + seconds, &end)) {
    end.set = TRUE;
    g_free (end.tzid);
    end.tzid = g_strdup (calendar->start.tzid);
    end.unix_time = calendar->start.unix_time + seconds;
    calendar->end = end;
  }
}

static gboolean
add_calendar (PnMessage *message, const Options *options, const PnConfig *config, GError **error)
{
  const char *zone = pn_timezone_find (options->timezone ? options->timezone : config->timezone);
  const char *first = options->start ? options->start : options->end;
  /* A date without a time stands for the day. */
  gboolean dates = options->all_day || message->type == PN_TYPE_NOTE
                   || (first && strlen (first) == strlen ("2026-01-06"));
  if (!zone)
    return bad_option (error, "--timezone: '%s' is not a known zone",
                       options->timezone ? options->timezone : config->timezone);
  if (!options->start && message->type != PN_TYPE_TASK)
    return bad_option (error, "--start is wanted for --type %s", options->type);
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->all_day = dates;
  if (options->start && !parse_time ("start", options->start, zone, dates, &calendar->start, error))
    return FALSE;
  if (options->end && !parse_time ("end", options->end, zone, dates, &calendar->end, error))
    return FALSE;
  /* People name the last day; a calendar names the day after it. */
  if (options->end && dates && message->type == PN_TYPE_APPOINTMENT)
    add_days (&calendar->end, 1, zone);
  if (!options->end && message->type == PN_TYPE_APPOINTMENT)
    end_after (calendar, zone, 3600);
  if (calendar->start.set && calendar->end.set && calendar->end.unix_time < calendar->start.unix_time)
    return bad_option (error, "--end: '%s' is before the start", options->end);
  calendar->place = g_strdup (options->place);
  calendar->rrule = g_strdup (options->repeat);
  calendar->transparent = message->type == PN_TYPE_NOTE;
  return TRUE;
}

/* --- the message --- */

static gboolean
set_words (PnMessage *message, const Options *options, GError **error)
{
  static const char *const priorities[] = { "normal", "high", "low", NULL };
  static const char *const securities[]
      = { "normal", "proprietary", "confidential", "secret", "top-secret", "for-your-eyes-only", NULL };
  static const char *const statuses[] = { "delivered", "opened", "full", NULL };
  static const guint status_flags[]
      = { PN_STATUS_REQUEST_DELIVERED, PN_STATUS_REQUEST_DELIVERED | PN_STATUS_REQUEST_OPENED,
          PN_STATUS_REQUEST_FULL };
  int priority = options->priority ? find_word ("priority", options->priority, priorities, error) : 0;
  int security
      = priority >= 0 && options->security ? find_word ("security", options->security, securities, error) : 0;
  int status = priority >= 0 && security >= 0 && options->status
                   ? find_word ("status", options->status, statuses, error)
                   : 0;
  if (priority < 0 || security < 0 || status < 0)
    return FALSE;
  message->priority = (PnPriority) priority;
  message->security = (PnSecurity) security;
  message->status_request = status_flags[status];
  return TRUE;
}

static gboolean
set_delay (PnMessage *message, const Options *options, const PnConfig *config, GError **error)
{
  PnCalendarTime time = { 0 };
  if (!options->delay)
    return TRUE;
  if (!parse_time ("delay", options->delay, config->timezone, FALSE, &time, error))
    return FALSE;
  message->distribute_date = (PnTime){ TRUE, time.unix_time, 0 };
  pn_calendar_time_clear (&time);
  return TRUE;
}

static PnMessage *
compose (PnMailbox *mailbox, const Options *options, const PnConfig *config, GError **error)
{
  static const char *const types[] = { "mail", "appointment", "task", "note", "phone", NULL };
  int type = options->type ? find_word ("type", options->type, types, error) : 0;
  if (type < 0)
    return NULL;
  g_autoptr (PnMessage) message = pn_message_new ((PnMessageType) type);
  message->subject = g_strdup (options->subject ? options->subject : "");
  if (!set_words (message, options, error) || !set_delay (message, options, config, error)
      || !add_bodies (message, options, error))
    return NULL;
  for (char **path = options->attach; path && *path; path++)
    if (!attach (message, *path, error))
      return NULL;
  gboolean calendar = type == PN_TYPE_APPOINTMENT || type == PN_TYPE_TASK || type == PN_TYPE_NOTE;
  if (calendar && !add_calendar (message, options, config, error))
    return NULL;
  message->caller_name = g_strdup (options->caller);
  message->caller_company = g_strdup (options->company);
  message->caller_phone = g_strdup (options->phone);
  if (!add_recipients (mailbox, message, PN_TO, options->to, error)
      || !add_recipients (mailbox, message, PN_CC, options->cc, error)
      || !add_recipients (mailbox, message, PN_BC, options->bcc, error))
    return NULL;
  return g_steal_pointer (&message);
}

static void
print_sent (const PnMessage *message, gint64 number, gboolean json)
{
  if (!json) {
    printf ("%s\n", message->id);
    return;
  }
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  pn_json_text (builder, "id", message->id);
  pn_json_number (builder, "number", number);
  pn_json_text (builder, "message_id", message->message_id);
  pn_json_text (builder, "uid", message->calendar ? message->calendar->uid : NULL);
  json_builder_end_object (builder);
  pn_json_print (builder);
}

static gboolean
parse_options (int *argc, char ***argv, Options *o, char **dir, gboolean *json)
{
  const GOptionEntry entries[] = {
    { "from", 0, 0, G_OPTION_ARG_STRING, &o->from, "the user who sends", "USER" },
    { "to", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->to, "recipients: Internet addresses or users of the domain",
      "ADDRESS[,...]" },
    { "cc", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->cc, "who gets a copy", "ADDRESS[,...]" },
    { "bcc", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->bcc, "who gets a blind copy", "ADDRESS[,...]" },
    { "subject", 0, 0, G_OPTION_ARG_STRING, &o->subject, "the subject", "TEXT" },
    { "body", 0, 0, G_OPTION_ARG_STRING, &o->body, "the text", "TEXT" },
    { "text", 0, 0, G_OPTION_ARG_FILENAME, &o->text, "the text from FILE, - for standard input", "FILE" },
    { "html", 0, 0, G_OPTION_ARG_FILENAME, &o->html, "the text in HTML from FILE", "FILE" },
    { "attach", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->attach, "a file to attach; may be repeated", "FILE" },
    { "priority", 0, 0, G_OPTION_ARG_STRING, &o->priority, "high, normal or low", "WORD" },
    { "security", 0, 0, G_OPTION_ARG_STRING, &o->security,
      "normal, proprietary, confidential, secret, top-secret, for-your-eyes-only", "WORD" },
    { "status", 0, 0, G_OPTION_ARG_STRING, &o->status, "what to be told: delivered (default), opened, full",
      "WORD" },
    { "delay", 0, 0, G_OPTION_ARG_STRING, &o->delay, "not to be delivered before TIME", "TIME" },
    { "type", 0, 0, G_OPTION_ARG_STRING, &o->type, "mail (default), appointment, task, note or phone",
      "WORD" },
    { "start", 0, 0, G_OPTION_ARG_STRING, &o->start, "start, like \"2026-01-06 09:00\"", "TIME" },
    { "end", 0, 0, G_OPTION_ARG_STRING, &o->end,
      "end (default: an hour later, or the same day); of a task, when it is due", "TIME" },
    { "place", 0, 0, G_OPTION_ARG_STRING, &o->place, "where", "TEXT" },
    { "timezone", 0, 0, G_OPTION_ARG_STRING, &o->timezone, "zone of these times (default: the domain's)",
      "ZONE" },
    { "all-day", 0, 0, G_OPTION_ARG_NONE, &o->all_day, "whole days: --start and --end are dates", NULL },
    { "repeat", 0, 0, G_OPTION_ARG_STRING, &o->repeat, "how it repeats, like FREQ=WEEKLY;COUNT=4", "RRULE" },
    { "caller", 0, 0, G_OPTION_ARG_STRING, &o->caller, "of a phone message: who called", "TEXT" },
    { "company", 0, 0, G_OPTION_ARG_STRING, &o->company, "of which company", "TEXT" },
    { "phone", 0, 0, G_OPTION_ARG_STRING, &o->phone, "from which number", "TEXT" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  if (!pn_cmd_options (
          argc, argv, entries, dir, json, "",
          "Sends a message, appointment, task, note or phone message as a user.",
          "Prints the message id, for 'postern trace'.  What becomes of it tells 'postern info'."))
    return FALSE;
  const char *fault = *argc > 1                     ? "there are only options here; recipients follow --to"
                      : !o->from                    ? "--from is wanted: who sends?"
                      : !o->to && !o->cc && !o->bcc ? "--to is wanted: to whom?"
                      : o->text && o->body          ? "--text and --body exclude each other"
                                                    : NULL;
  if (fault)
    fprintf (stderr, "postern send: %s\nTry 'postern send --help'.\n", fault);
  return !fault;
}

int
pn_cmd_send (int argc, char **argv)
{
  g_autofree char *dir = NULL;
  gboolean json = FALSE;
  g_auto (Options) options = { 0 };
  if (!parse_options (&argc, &argv, &options, &dir, &json))
    return PN_EXIT_USAGE;
  g_auto (PnView) view = { 0 };
  if (!pn_view_open (&view, dir, options.from))
    return PN_EXIT_NOT_DONE;
  g_autoptr (GError) error = NULL;
  gint64 number = 0;
  g_autoptr (PnMessage) message = compose (view.mailbox, &options, view.config, &error);
  if (!message || !pn_mailbox_send (view.mailbox, message, &number, &error)) {
    gboolean usage = error->domain == G_OPTION_ERROR;
    pn_cmd_fail ("send", g_steal_pointer (&error));
    return usage ? PN_EXIT_USAGE : PN_EXIT_NOT_DONE;
  }
  print_sent (message, number, json);
  return PN_EXIT_DONE;
}
