#include "smtp/client-private.h"

#include "core/counters.h"
#include "core/file.h"
#include "core/log.h"
#include "core/trace.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Between tries to write an outcome to a full disk. */
#define WRITE_AGAIN_MS 1000

char *
pn_settle_try_path (const PnSettle *self, const char *name)
{
  g_autofree char *stem = g_strndup (name, strlen (name) - 4);
  g_autofree char *try_name = g_strconcat (stem, ".TRY", NULL);
  return pn_schedule_path (self->schedule, "defer", try_name);
}

/* --- what to say ------------------------------------------------------------------------------ */

static void
note (const PnSendHead *head, guint i, const char *event, const PnOutcome *outcome)
{
  const PnSendRecipient *recipient = g_ptr_array_index (head->recipients, i);
  gboolean deferred = g_str_equal (event, "deferred");
  g_autofree char *detail = g_strdup_printf (
      "%s: %d %s%s%s", recipient->address, outcome->code, outcome->enhanced ? outcome->enhanced : "",
      outcome->enhanced ? " " : "", outcome->text ? outcome->text : "");
  g_autofree char *quoted = pn_log_quote (detail);
  if (head->id)
    pn_trace (head->id, event, deferred ? "defer" : outcome->host, deferred ? "smtp" : "agent", detail);
  pn_log_info (event, "id=%s to=%s host=%s code=%d answer=%s", head->id ? head->id : "-", recipient->address,
               outcome->host ? outcome->host : "-", outcome->code, quoted);
}

static void
add_result (GPtrArray *results, const char *name, const PnSendHead *head, guint i, PnResultAction action,
            const PnOutcome *outcome)
{
  const PnSendRecipient *recipient = g_ptr_array_index (head->recipients, i);
  PnResult *result = pn_result_new ();
  result->file = g_strdup (name);
  result->id = g_strdup (head->id);
  result->action = action;
  result->recipient = g_strdup (recipient->address);
  result->sender = g_strdup (head->mail_from);
  result->code = outcome->code;
  result->enhanced = g_strdup (outcome->enhanced);
  result->text = g_strdup (outcome->text);
  result->host = g_strdup (outcome->host);
  result->time = (gint64) time (NULL);
  result->dsn = outcome->dsn;
  g_ptr_array_add (results, result);
}

/* A failure that lasted to the limit becomes a final one; the last answer stays as its reason. */
static void
give_up (PnOutcome *outcome)
{
  g_autofree char *text = g_strdup_printf ("not delivered in time; last: %s", outcome->text);
  g_free (outcome->text);
  outcome->text = g_steal_pointer (&text);
  outcome->kind = PN_OUTCOME_PERMANENT;
  g_free (outcome->enhanced);
  outcome->enhanced = g_strdup ("5.4.7");
}

/* Sorts the outcomes into results; TRY learns what is decided.  Whether a recipient is left for another try.
 */
static gboolean
collect (const PnSettle *self, const char *name, const PnSendHead *head, PnSendTry *try, PnOutcome *outcomes,
         gint64 age, GPtrArray *results)
{
  gboolean left = FALSE;
  gboolean notice = self->delay_notice > 0 && age >= self->delay_notice && !try->noticed;
  for (guint i = 0; i < head->recipients->len; i++) {
    PnOutcome *outcome = &outcomes[i];
    if (pn_send_try_is_done (try, i) || outcome->kind == PN_OUTCOME_NONE)
      continue;
    if (outcome->kind == PN_OUTCOME_TEMPORARY && age >= self->retry_limit)
      give_up (outcome);
    if (outcome->kind == PN_OUTCOME_TEMPORARY) {
      left = TRUE;
      g_free (try->error);
      g_free (try->host);
      try->error = g_strdup (outcome->text);
      try->host = g_strdup (outcome->host);
      note (head, i, "deferred", outcome);
      if (notice) {
        add_result (results, name, head, i, PN_RESULT_DELAYED, outcome);
        try->noticed = TRUE;
      }
      continue;
    }
    gboolean sent = outcome->kind == PN_OUTCOME_SENT;
    add_result (results, name, head, i, sent ? PN_RESULT_TRANSFERRED : PN_RESULT_UNDELIVERABLE, outcome);
    pn_send_try_set_done (try, i);
  }
  return left;
}

static void
note_decided (const PnSendHead *head, const PnOutcome *outcomes)
{
  for (guint i = 0; i < head->recipients->len; i++) {
    if (outcomes[i].kind == PN_OUTCOME_SENT) {
      note (head, i, "transferred", &outcomes[i]);
      pn_counter_add (PN_COUNTER_MESSAGES_OUT, 1);
      pn_counter_add (PN_COUNTER_BYTES_OUT, (gint64) head->size);
    } else if (outcomes[i].kind == PN_OUTCOME_PERMANENT) {
      note (head, i, "undeliverable", &outcomes[i]);
      pn_counter_add (PN_COUNTER_ERRORS_OUT, 1);
    }
  }
}

/* --- writing it down -------------------------------------------------------------------------- */

/* Nothing else may happen before the outcomes are on disk; FALSE only if the program stops. */
static gboolean
put_results (const PnSettle *self, GPtrArray *results)
{
  while (results->len > 0) {
    g_autoptr (GError) error = NULL;
    if (pn_result_writer_put (self->results, results, &error))
      return TRUE;
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_write_result", "reason=%s", reason);
    if (self->program->stop)
      return FALSE;
    g_usleep (WRITE_AGAIN_MS * 1000);
  }
  return TRUE;
}

static void
remove_file (const PnSettle *self, const char *name)
{
  g_autofree char *path = pn_schedule_path (self->schedule, "send", name);
  g_autofree char *try_path = pn_settle_try_path (self, name);
  if (unlink (path) < 0 && errno != ENOENT)
    pn_log_error ("cannot_remove", "file=%s reason=%s", path, g_strerror (errno));
  unlink (try_path);
}

static void
move_to_defer (const PnSettle *self, const char *name, PnSendTry *try, gboolean decided)
{
  g_autofree char *path = pn_schedule_path (self->schedule, "send", name);
  g_autofree char *to = pn_schedule_path (self->schedule, "defer", name);
  g_autofree char *try_path = pn_settle_try_path (self, name);
  g_autoptr (GError) error = NULL;
  if (!pn_send_try_write (try, try_path, decided, &error)) {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_write_try", "file=%s reason=%s", try_path, reason);
  }
  if (rename (path, to) < 0)
    pn_log_error ("cannot_move", "file=%s to=%s reason=%s", path, to, g_strerror (errno));
}

gint64
pn_settle_file (const PnSettle *self, const char *name, PnSendFile *file, PnSendTry *try, PnOutcome *outcomes)
{
  const PnSendHead *head = file->head;
  gint64 now = (gint64) time (NULL);
  gint64 begin = head->queued > 0 ? head->queued : try->first > 0 ? try->first : now;
  if (try->first == 0)
    try->first = now;
  try->attempts++;

  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_result_free);
  gboolean left = collect (self, name, head, try, outcomes, now - begin, results);
  if (!put_results (self, results))
    return 0;
  note_decided (head, outcomes);
  if (!left) {
    remove_file (self, name);
    return 0;
  }
  gint64 next = now + pn_schedule_interval (self->schedule, try->attempts);
  try->next = MAX (now + 1, MIN (next, begin + self->retry_limit));
  move_to_defer (self, name, try, try->done->len > 0 || try->noticed);
  return try->next;
}

/* --- after a crash ---------------------------------------------------------------------------- */

static char *
result_key (const char *file, const char *id, const char *recipient)
{
  return g_strdup_printf ("%s\t%s\t%s", file, id ? id : "-", recipient);
}

static void
read_results (const PnSettle *self, GHashTable *decided, GHashTable *files)
{
  g_autofree char *folder = pn_schedule_path (self->schedule, "result", NULL);
  DIR *dir = opendir (folder);
  for (struct dirent *entry; dir && (entry = readdir (dir));) {
    if (!g_str_has_suffix (entry->d_name, ".RES"))
      continue;
    g_autofree char *path = g_build_filename (folder, entry->d_name, NULL);
    guint bad;
    g_autoptr (GPtrArray) results = pn_result_read (path, &bad, NULL);
    for (guint i = 0; results && i < results->len; i++) {
      const PnResult *r = g_ptr_array_index (results, i);
      if (r->action == PN_RESULT_DELAYED || !r->file)
        continue;
      g_hash_table_add (decided, result_key (r->file, r->id, r->recipient));
      g_hash_table_add (files, g_strdup (r->file));
    }
  }
  if (dir)
    closedir (dir);
}

static gboolean
settle_leftover (const PnSettle *self, const char *name, GHashTable *decided, GError **error)
{
  g_autofree char *path = pn_schedule_path (self->schedule, "send", name);
  g_autofree char *try_path = pn_settle_try_path (self, name);
  g_autoptr (PnSendFile) file = pn_send_file_open (path, self->program->key, TRUE, NULL);
  if (!file)
    return TRUE;
  g_autoptr (PnSendTry) try = pn_send_try_read (try_path);
  if (!try)
    try = pn_send_try_new ();
  const GPtrArray *recipients = file->head->recipients;
  for (guint i = 0; i < recipients->len; i++) {
    const PnSendRecipient *r = g_ptr_array_index (recipients, i);
    g_autofree char *key = result_key (name, file->head->id, r->address);
    if (g_hash_table_contains (decided, key))
      pn_send_try_set_done (try, i);
  }
  if (try->done->len == 0)
    return TRUE;
  pn_log_info ("leftover", "file=%s decided=%u of=%u", name, try->done->len, recipients->len);
  if (try->done->len < recipients->len)
    return pn_send_try_write (try, try_path, TRUE, error);
  remove_file (self, name);
  return TRUE;
}

gboolean
pn_settle_leftovers (const PnSettle *self, GError **error)
{
  g_autoptr (GHashTable) decided = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  read_results (self, decided, files);
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, files);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (!settle_leftover (self, name, decided, error))
      return FALSE;
  return TRUE;
}
