/* Conversations between an organizer and attendees who write as Outlook, Google or GroupWise do: the files of
 * tests/golden/itip say who is there and what each does.  At the end all sides know the same. */
#include "convert/ical-series.h"
#include "convert/ical.h"
#include "convert/itip.h"

#include <glib/gstdio.h>
#include <string.h>

#define FOLDER SRCDIR "/tests/golden/itip"
#define SITE "Europe/Berlin"
#define FIRST 1767225600 /* 2026-01-01T00:00:00Z */

typedef struct {
  char *name, *manner, *address;
  PnItipItem *item;
  PnItipOutcome outcome;
  gboolean held;
  GPtrArray *waiting; /* Letter */
} Party;

typedef struct {
  char *text, *from;
} Letter;

typedef struct {
  GPtrArray *parties;
  Party *last_from;
  char *last_text;
  char *last_mail; /* address and subject of what only a person can read */
  gint64 now;
  const char *file;
  guint line;
} Stage;

static void
letter_free (gpointer data)
{
  Letter *self = data;
  g_free (self->text);
  g_free (self->from);
  g_free (self);
}

static void
party_free (gpointer data)
{
  Party *self = data;
  g_free (self->name);
  g_free (self->manner);
  g_free (self->address);
  pn_itip_item_free (self->item);
  g_ptr_array_unref (self->waiting);
  g_free (self);
}

static Party *
find_party (Stage *stage, const char *name)
{
  for (guint i = 0; i < stage->parties->len; i++) {
    Party *party = stage->parties->pdata[i];
    if (g_str_equal (party->name, name) || g_ascii_strcasecmp (party->address, name) == 0)
      return party;
  }
  g_error ("%s:%u: nobody is called %s", stage->file, stage->line, name);
}

static gboolean
is_own (const PnAddress *address, gpointer data)
{
  const Party *party = data;
  return address->internet && g_ascii_strcasecmp (address->internet, party->address) == 0;
}

static gboolean
is_outlook (const PnAddress *address, gpointer data)
{
  const Party *party = data;
  (void) address;
  return g_str_equal (party->manner, "outlook-host");
}

static PnItipContext
context_of (Stage *stage, Party *party)
{
  return (PnItipContext){ .now = stage->now,
                          .site_timezone = SITE,
                          .is_own = is_own,
                          .data = party,
                          .source = "M1 0 100",
                          .is_outlook = is_outlook };
}

/* Everything a party knows goes to the disk and back between two steps. */
static void
reload (Party *party)
{
  if (pn_itip_item_is_empty (party->item))
    return;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = pn_itip_item_write (party->item);
  PnItipItem *again = pn_itip_item_parse (text, strlen (text), SITE, &error);
  g_assert_no_error (error);
  g_autofree char *second = pn_itip_item_write (again);
  g_assert_cmpstr (text, ==, second);
  pn_itip_item_free (party->item);
  party->item = again;
}

/* -- manners -- */

static char *
replace (const char *text, const char *pattern, const char *by)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_MULTILINE | G_REGEX_OPTIMIZE, 0, &error);
  g_assert_no_error (error);
  char *result = g_regex_replace (regex, text, -1, 0, by, 0, &error);
  g_assert_no_error (error);
  return result;
}

static void
apply_replacement (char **text, const char *pattern, const char *by)
{
  char *changed = replace (*text, pattern, by);
  g_free (*text);
  *text = changed;
}

/* What another program would have written. */
static char *
in_manner (const char *manner, const char *written)
{
  g_autofree char *text = replace (written, "\\r\\n[ \\t]", "");
  if (g_str_equal (manner, "outlook")) {
    apply_replacement (&text, "^PRODID:[^\\r]*", "PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN");
    if (strstr (text, "METHOD:REPLY")) {
      apply_replacement (&text, "^ORGANIZER[^\\r]*\\r\\n", "");
      apply_replacement (&text, "^SUMMARY:", "SUMMARY;LANGUAGE=de:Zugesagt: ");
      apply_replacement (&text, "^SEQUENCE:(\\d+)", "SEQUENCE:0\r\nX-MICROSOFT-CDO-APPT-SEQUENCE:\\1");
    }
    apply_replacement (&text, "\\r\\nX-MICROSOFT-CDO-APPT-SEQUENCE:(\\d+)(?=(.*\\r\\n)*X-MICROSOFT-CDO-APPT)",
                       "");
  } else if (g_str_equal (manner, "outlook-2003")) {
    apply_replacement (&text, "^PRODID:[^\\r]*", "PRODID:Microsoft CDO for Microsoft Exchange");
    apply_replacement (&text, "^METHOD:COUNTER", "METHOD:REPLY");
    apply_replacement (&text, "^ORGANIZER[^\\r]*\\r\\n", "");
  } else if (g_str_equal (manner, "google")) {
    apply_replacement (&text, "^PRODID:[^\\r]*", "PRODID:-//Google Inc//Google Calendar 70.9054//EN");
    apply_replacement (&text, "^SEQUENCE:\\d+", "SEQUENCE:0");
    apply_replacement (&text, "^X-MICROSOFT-CDO-APPT-SEQUENCE:\\d+\\r\\n", "");
  } else if (g_str_equal (manner, "eager")) {
    apply_replacement (&text, "^SEQUENCE:\\d+", "SEQUENCE:9");
    apply_replacement (&text, "^X-MICROSOFT-CDO-APPT-SEQUENCE:\\d+\\r\\n", "");
  } else if (g_str_equal (manner, "groupwise")) {
    apply_replacement (&text, "^PRODID:[^\\r]*", "PRODID:-//Novell Inc//Groupwise 8.0.2 ");
    apply_replacement (&text, "mailto:", "MAILTO:");
    apply_replacement (&text, "^(ATTENDEE[^:\\r]*);PARTSTAT=", "\\1;PARTSTAT=NEEDS-ACTION;PARTSTAT=");
    apply_replacement (&text, "^ATTENDEE;PARTSTAT=", "ATTENDEE;PARTSTAT=NEEDS-ACTION;PARTSTAT=");
    apply_replacement (&text, "^(X-MICROSOFT-CDO-APPT-)?SEQUENCE:\\d+\\r\\n", "");
    apply_replacement (&text, "TZID=\"?Europe/Berlin\"?", "TZID=\"(GMT+0100) Westeuropäische Normalzeit\"");
    apply_replacement (&text, "^TZID:Europe/Berlin", "TZID:(GMT+0100) Westeuropäische Normalzeit");
  }
  return g_steal_pointer (&text);
}

/* -- post -- */

static void send_all (Stage *stage, Party *from, GPtrArray *messages);

static void
receive (Stage *stage, Party *to, const Letter *letter)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  message->from = pn_address_new_internet (letter->from, NULL);
  pn_ical_read (message, letter->text, strlen (letter->text), NULL, SITE, &error);
  g_assert_no_error (error);
  pn_message_add_part (
      message, pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_text (letter->text, -1)));
  PnItipContext context = context_of (stage, to);
  to->outcome = pn_itip_apply (to->item, message, NULL, &context, answers);
  if (g_test_verbose ())
    g_printerr ("%u: %s -> %s: %s\n", stage->line, letter->from, to->name,
                pn_itip_outcome_to_string (to->outcome));
  reload (to);
  if (answers->len > 0)
    send_all (stage, to, answers);
}

static void
post (Stage *stage, Party *to, const char *text, const char *from)
{
  Letter *letter = g_new0 (Letter, 1);
  letter->text = g_strdup (text);
  letter->from = g_strdup (from);
  if (to->held) {
    g_ptr_array_add (to->waiting, letter);
    return;
  }
  receive (stage, to, letter);
  letter_free (letter);
}

static void
note_mail (Stage *stage, const PnMessage *message)
{
  g_assert_cmpuint (message->recipients->len, ==, 1);
  const PnRecipient *recipient = message->recipients->pdata[0];
  g_free (stage->last_mail);
  stage->last_mail = g_strdup_printf ("%s %s", recipient->address->internet, message->subject);
}

static void
send_all (Stage *stage, Party *from, GPtrArray *messages)
{
  for (guint i = 0; i < messages->len; i++) {
    PnMessage *message = messages->pdata[i];
    g_autoptr (GError) error = NULL;
    if (!message->calendar) {
      note_mail (stage, message);
      continue;
    }
    g_autofree char *written = pn_ical_write (message, stage->now, &error);
    g_assert_no_error (error);
    g_assert_null (strstr (written, "X-POSTERN-"));
    g_autofree char *text = in_manner (from->manner, written);
    if (g_test_verbose ())
      g_printerr ("%s", text);
    g_free (stage->last_text);
    stage->last_text = g_strdup (text);
    for (guint j = 0; j < message->recipients->len; j++) {
      const PnRecipient *recipient = message->recipients->pdata[j];
      Party *to = find_party (stage, recipient->address->internet);
      if (to != from)
        post (stage, to, text, from->address);
    }
  }
}

/* -- steps: "verb PARTY [RECURRENCE or -] [name=value ...]" -- */

typedef struct {
  Party *party;
  const char *recurrence;
  GHashTable *options;
  const char *const *words;
} Step;

static const char *
option (const Step *step, const char *name)
{
  return g_hash_table_lookup (step->options, name);
}

static gboolean
time_option (const Step *step, const char *name, PnCalendarTime *time)
{
  const char *text = option (step, name);
  if (!text)
    return FALSE;
  g_autofree char *event
      = g_strdup_printf ("BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTART%s%s"
                         "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                         strchr (text, ':') ? ";" : ":", text);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_assert_true (pn_ical_read (message, event, strlen (event), NULL, SITE, NULL));
  pn_calendar_time_copy (time, &message->calendar->start);
  return TRUE;
}

static void
do_create (Stage *stage, const Step *step, const char *block)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text
      = g_strdup_printf ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n%sEND:VCALENDAR\r\n", block);
  pn_itip_item_free (step->party->item);
  step->party->item = pn_itip_item_parse (text, strlen (text), SITE, &error);
  g_assert_no_error (error);
  const char *uid = pn_itip_item_uid (step->party->item);
  for (guint i = 0; i < stage->parties->len; i++) {
    Party *other = stage->parties->pdata[i];
    if (other == step->party)
      continue;
    pn_itip_item_free (other->item);
    other->item = pn_itip_item_new (uid, SITE);
  }
}

static gboolean
speak (Stage *stage, const Step *step, const char *verb, GPtrArray *out, GError **error)
{
  Party *party = step->party;
  PnItipContext context = context_of (stage, party);
  g_autoptr (PnAddress) own = pn_address_new_internet (party->address, NULL);
  const char *whom = option (step, "attendee");
  g_autoptr (PnAddress) other
      = whom ? pn_address_new_internet (find_party (stage, whom)->address, NULL) : NULL;
  PnCalendarTime start = { 0 }, end = { 0 };
  PnItipChange change = { .summary = option (step, "summary"), .place = option (step, "place") };
  if (time_option (step, "start", &start))
    change.start = &start;
  if (time_option (step, "end", &end))
    change.end = &end;
  gboolean ok = FALSE;
  if (g_str_equal (verb, "request"))
    ok = pn_itip_request (party->item, step->recurrence, &context, out, error);
  else if (g_str_equal (verb, "publish"))
    ok = pn_itip_publish (party->item, &context, out, error);
  else if (g_str_equal (verb, "revise"))
    ok = pn_itip_revise (party->item, step->recurrence, &change, &context, out, error);
  else if (g_str_equal (verb, "cancel"))
    ok = pn_itip_cancel (party->item, step->recurrence, option (step, "future") != NULL, other,
                         option (step, "comment"), &context, out, error);
  else if (g_str_equal (verb, "add"))
    ok = pn_itip_add (party->item, &start, &end, &context, out, error);
  else if (g_str_equal (verb, "declinecounter"))
    ok = pn_itip_decline_counter (party->item, other, step->recurrence, option (step, "comment"), &context,
                                  out, error);
  else if (g_str_equal (verb, "answer"))
    ok = pn_itip_answer (party->item, own, pn_partstat_from_string (option (step, "as")), step->recurrence,
                         option (step, "comment"), &context, out, error);
  else if (g_str_equal (verb, "delegate"))
    ok = pn_itip_delegate (party->item, own, other, step->recurrence, option (step, "comment"), &context, out,
                           error);
  else if (g_str_equal (verb, "counter"))
    ok = pn_itip_counter (party->item, own, step->recurrence, &change, option (step, "comment"), &context,
                          out, error);
  else if (g_str_equal (verb, "refresh"))
    ok = pn_itip_refresh (party->item, own, &context, out, error);
  else
    g_error ("%s:%u: nobody can %s", stage->file, stage->line, verb);
  pn_calendar_time_clear (&start);
  pn_calendar_time_clear (&end);
  return ok;
}

static void
do_same (Stage *stage, const Step *step, const char *with)
{
  Party *organizer = step->party, *attendee = find_party (stage, with);
  g_autofree char *has = pn_itip_item_describe (organizer->item, attendee->address);
  g_autofree char *knows = pn_itip_item_describe (attendee->item, attendee->address);
  if (strcmp (has, knows) != 0)
    g_printerr ("%s:%u\n--- %s\n%s--- %s\n%s", stage->file, stage->line, organizer->name, has, attendee->name,
                knows);
  g_assert_cmpstr (has, ==, knows);
}

static void
do_release (Stage *stage, Party *party, gboolean reversed)
{
  g_autoptr (GPtrArray) waiting = party->waiting;
  party->waiting = g_ptr_array_new_with_free_func (letter_free);
  party->held = FALSE;
  for (guint i = 0; i < waiting->len; i++)
    receive (stage, party, waiting->pdata[reversed ? waiting->len - 1 - i : i]);
}

static void
do_text (Stage *stage, const Step *step, const char *wanted, gboolean present)
{
  g_autofree char *text = pn_itip_item_write (step->party->item);
  g_autofree char *unfolded = replace (text, "\\r\\n[ \\t]", "");
  if ((strstr (unfolded, wanted) != NULL) != present)
    g_error ("%s:%u: '%s' in\n%s", stage->file, stage->line, wanted, unfolded);
}

/* Instance RECURRENCE begins at START; "-": there is none. */
static void
do_starts (Stage *stage, Party *party, const char *recurrence, const char *start)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) whole = pn_itip_item_message (party->item, &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) all = pn_ical_expand (whole, FIRST, FIRST + 400 * 86400, 100, SITE, NULL, &error);
  g_assert_no_error (error);
  g_autofree char *found = g_strdup ("-");
  for (guint i = 0; i < all->len; i++) {
    const PnInstance *instance = all->pdata[i];
    if (!g_str_equal (instance->recurrence_id, recurrence))
      continue;
    g_free (found);
    found = pn_itip_recurrence (&instance->start);
  }
  if (strcmp (found, start) != 0)
    g_error ("%s:%u: %s begins at %s", stage->file, stage->line, recurrence, found);
}

/* PARTY answers the search that was sent last. */
static void
do_busy (Stage *stage, Party *party, const char *const *periods)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_autoptr (PnAddress) own = pn_address_new_internet (party->address, NULL);
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_autoptr (GArray) blocks = g_array_new (FALSE, FALSE, sizeof (PnBusyBlock));
  g_autoptr (GPtrArray) busy = g_ptr_array_new ();
  pn_ical_read (message, stage->last_text, strlen (stage->last_text), NULL, SITE, &error);
  g_assert_no_error (error);
  for (guint i = 0; periods[i]; i++) {
    gint64 start = FIRST + g_ascii_strtoll (periods[i], NULL, 10) * 3600;
    g_array_append_val (blocks, ((PnBusyBlock){ start, start + 3600 }));
  }
  for (guint i = 0; i < blocks->len; i++)
    g_ptr_array_add (busy, &g_array_index (blocks, PnBusyBlock, i));
  PnItipContext context = context_of (stage, party);
  pn_itip_busy (message, own, busy, &context, out, &error);
  g_assert_no_error (error);
  send_all (stage, party, out);
}

/* What somebody writes who keeps no calendar as we do. */
static void
do_deliver (Stage *stage, const Step *step, const char *block)
{
  for (guint i = 2; step->words[i]; i++)
    post (stage, find_party (stage, step->words[i]), block, step->party->address);
}

/* FALSE: VERB is to be spoken. */
static gboolean
do_test (Stage *stage, const Step *step, const char *verb)
{
  Party *party = step->party;
  const char *word = step->words[2];
  if (g_str_equal (verb, "same"))
    for (guint i = 2; step->words[i]; i++)
      do_same (stage, step, step->words[i]);
  else if (g_str_equal (verb, "outcome")) {
    if (strcmp (word, pn_itip_outcome_to_string (party->outcome)) != 0)
      g_error ("%s:%u: outcome %s", stage->file, stage->line, pn_itip_outcome_to_string (party->outcome));
  } else if (g_str_equal (verb, "starts"))
    do_starts (stage, party, word, step->words[3]);
  else if (g_str_equal (verb, "busy"))
    do_busy (stage, party, step->words + 2);
  else if (g_str_equal (verb, "mailed")) {
    g_autofree char *wanted = g_strdup_printf ("%s %s", party->address, word);
    g_assert_cmpstr (stage->last_mail, ==, wanted);
  } else if (g_str_equal (verb, "hold"))
    party->held = TRUE;
  else if (g_str_equal (verb, "release"))
    do_release (stage, party, word && g_str_equal (word, "reversed"));
  else if (g_str_equal (verb, "forward"))
    post (stage, find_party (stage, word), stage->last_text, party->address);
  else if (g_str_equal (verb, "alarm"))
    pn_itip_item_set_alarm (party->item, g_ascii_strtoll (word, NULL, 10));
  else if (g_str_equal (verb, "own"))
    pn_itip_item_set_own (party->item, word, step->words[3]);
  else if (g_str_equal (verb, "manner")) {
    g_free (party->manner);
    party->manner = g_strdup (word);
  } else if (g_str_equal (verb, "has") || g_str_equal (verb, "lacks"))
    do_text (stage, step, word, g_str_equal (verb, "has"));
  else if (g_str_equal (verb, "undeliverable")) {
    g_autoptr (PnAddress) whom = pn_address_new_internet (find_party (stage, word)->address, NULL);
    party->outcome = pn_itip_undeliverable (party->item, whom, NULL);
    reload (party);
  } else
    return FALSE;
  return TRUE;
}

static void
play_step (Stage *stage, const char *line, const char *block)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;
  g_shell_parse_argv (line, NULL, &words, &error);
  g_assert_no_error (error);
  const char *verb = words[0];
  stage->now += 3600;
  if (g_str_equal (verb, "party")) {
    Party *party = g_new0 (Party, 1);
    party->name = g_strdup (words[1]);
    party->manner = g_strdup (words[2]);
    party->address = g_strdup (words[3]);
    party->item = pn_itip_item_new ("", SITE);
    party->waiting = g_ptr_array_new_with_free_func (letter_free);
    g_ptr_array_add (stage->parties, party);
    return;
  }
  g_autoptr (GHashTable) options = g_hash_table_new (g_str_hash, g_str_equal);
  Step step = { find_party (stage, words[1]), NULL, options, (const char *const *) words };
  if (do_test (stage, &step, verb))
    return;
  for (guint i = 2; words[i]; i++) {
    char *equals = strchr (words[i], '=');
    if (equals) {
      *equals = '\0';
      g_hash_table_insert (options, words[i], equals + 1);
    } else if (!g_str_equal (words[i], "-"))
      step.recurrence = words[i];
  }
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  if (g_str_equal (verb, "deliver")) {
    do_deliver (stage, &step, block);
    return;
  }
  if (g_str_equal (verb, "create")) {
    do_create (stage, &step, block);
    return;
  }
  gboolean ok = speak (stage, &step, verb, out, &error);
  if (option (&step, "refused")) {
    g_assert_false (ok);
    g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED);
    return;
  }
  if (!ok)
    g_error ("%s:%u: %s", stage->file, stage->line, error->message);
  reload (step.party);
  send_all (stage, step.party, out);
}

static char *
dump (Stage *stage)
{
  GString *out = g_string_new (NULL);
  for (guint i = 0; i < stage->parties->len; i++) {
    Party *party = stage->parties->pdata[i];
    g_autofree char *text = pn_itip_item_describe (party->item, NULL);
    g_autoptr (GPtrArray) answers = pn_itip_item_answers (party->item);
    g_string_append_printf (out, "== %s\n%s", party->name, text);
    for (guint j = 0; j < answers->len; j++) {
      const PnItipAnswer *answer = answers->pdata[j];
      if (!answer->stranger && !answer->counter && !answer->undeliverable && !answer->comment)
        continue;
      g_string_append_printf (out, "%s %s %s%s%s%s%s%s%s\n",
                              answer->stranger  ? "stranger"
                              : answer->counter ? "proposal"
                                                : "answer",
                              answer->address->internet, pn_partstat_to_string (answer->partstat),
                              answer->recurrence ? " for " : "", answer->recurrence ? answer->recurrence : "",
                              answer->undeliverable ? " undeliverable" : "", answer->comment ? " \"" : "",
                              answer->comment ? answer->comment : "", answer->comment ? "\"" : "");
    }
  }
  return g_string_free (out, FALSE);
}

static void
check_golden (const char *path, const char *is)
{
  g_autofree char *golden = g_strconcat (path, ".txt", NULL);
  g_autofree char *wanted = NULL;
  if (g_getenv ("UPDATE_GOLDEN"))
    g_assert_true (g_file_set_contents (golden, is, -1, NULL));
  g_assert_true (g_file_get_contents (golden, &wanted, NULL, NULL));
  if (strcmp (is, wanted) != 0)
    g_printerr ("%s", is);
  g_assert_cmpstr (is, ==, wanted);
}

static void
test_conversation (gconstpointer data)
{
  g_autofree char *path = g_strdup_printf (FOLDER "/%s", (const char *) data), *text = NULL;
  g_autofree char *script = g_strconcat (path, ".conversation", NULL);
  g_assert_true (g_file_get_contents (script, &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  Stage stage = { .parties = g_ptr_array_new_with_free_func (party_free), .now = FIRST, .file = data };
  for (guint i = 0; lines[i]; i++) {
    g_autoptr (GString) block = g_string_new (NULL);
    char *line = g_strstrip (lines[i]);
    stage.line = i + 1;
    if (!*line || *line == '#')
      continue;
    gboolean deliver = g_str_has_prefix (line, "deliver ");
    for (gboolean open = deliver || g_str_has_prefix (line, "create "); open && lines[i + 1]; i++) {
      const char *next = lines[i + 1];
      g_string_append_printf (block, "%s\r\n", next);
      open = deliver ? !g_str_equal (next, "END:VCALENDAR")
                     : !g_str_has_prefix (next, "END:V") || g_str_has_prefix (next, "END:VALARM")
                           || g_str_has_prefix (next, "END:VTIMEZONE");
    }
    play_step (&stage, line, block->str);
  }
  g_autofree char *is = dump (&stage);
  check_golden (path, is);
  g_ptr_array_unref (stage.parties);
  g_free (stage.last_text);
  g_free (stage.last_mail);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_autoptr (GDir) folder = g_dir_open (FOLDER, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_assert_nonnull (folder);
  for (const char *name; (name = g_dir_read_name (folder));)
    if (g_str_has_suffix (name, ".conversation"))
      g_ptr_array_add (names, g_strndup (name, strlen (name) - strlen (".conversation")));
  g_assert_cmpuint (names->len, >, 0);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_strdup_printf ("/itip/conversation/%s", (const char *) names->pdata[i]);
    g_test_add_data_func (path, names->pdata[i], test_conversation);
  }
  return g_test_run ();
}
