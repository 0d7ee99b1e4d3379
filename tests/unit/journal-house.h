/* A receive directory with a queue behind it, and shorthands for the journal's tests. */
#pragma once

#include "core/file.h"
#include "core/log.h"
#include "core/seal.h"
#include "queue/journal-private.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT (128 * 1024)

typedef struct {
  char *top, *receive, *queue_path;
  char *queue_paths[2];
  PnKey *key;
  PnQueue *queue;
} House;

static inline void
house_open (House *self, const char *top)
{
  g_autoptr (GError) error = NULL;
  self->top = g_strdup (top);
  self->receive = g_build_filename (top, "receive", NULL);
  self->queue_path = g_build_filename (top, "WPCSIN", NULL);
  self->queue_paths[0] = self->queue_path;
  self->queue_paths[1] = NULL;
  g_autofree char *key_path = g_build_filename (top, "key", NULL);
  self->key = pn_key_create (key_path, &error);
  g_assert_no_error (error);
  self->queue = pn_queue_open (self->queue_path, &error);
  g_assert_no_error (error);
}

static inline void
set_up (House *self, gconstpointer data)
{
  (void) data;
  g_autofree char *top = g_dir_make_tmp ("postern-journal-XXXXXX", NULL);
  house_open (self, top);
}

static inline void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);
    remove_tree (below);
  }
  g_remove (path);
}

static inline void
tear_down (House *self, gconstpointer data)
{
  (void) data;
  remove_tree (self->top);
  pn_queue_free (self->queue);
  pn_key_unref (self->key);
  g_free (self->queue_path);
  g_free (self->receive);
  g_free (self->top);
}

static inline PnJournal *
open_writer (House *self)
{
  g_autoptr (GError) error = NULL;
  PnJournal *journal = pn_journal_open (self->receive, self->key, SEGMENT, &error);
  g_assert_no_error (error);
  return journal;
}

static inline PnJournalReader *
open_reader (House *self, gboolean after_crash)
{
  g_autoptr (GError) error = NULL;
  PnJournalReader *reader = pn_journal_reader_open (
      self->receive, self->key, (const char *const *) self->queue_paths, after_crash, &error);
  g_assert_no_error (error);
  return reader;
}

static inline void
strv_set (char ***to, const char *a, const char *b)
{
  *to = g_new0 (char *, 3);
  (*to)[0] = g_strdup (a);
  (*to)[1] = g_strdup (b);
}

static inline PnEnvelope *
make_envelope (const char *id)
{
  PnEnvelope *e = pn_envelope_new ();
  e->id = g_strdup (id);
  e->time = g_get_real_time () / G_USEC_PER_SEC;
  e->mail_from = g_strdup ("sender@example.org");
  strv_set (&e->rcpt_to, "a@example.com", "b@example.com");
  strv_set (&e->rcpt_notify, "", "NEVER");
  strv_set (&e->rcpt_orcpt, "rfc822;a@example.com", "");
  e->helo = g_strdup ("client.example.org");
  e->peer = g_strdup ("192.0.2.1");
  return e;
}

/* --- waiting for a commit --------------------------------------------------------------------- */

typedef struct {
  GMutex lock;
  GCond changed;
  guint waiting, failed;
  GError *error;
} Wait;

static inline void
on_done (gpointer user, const GError *error)
{
  Wait *wait = user;
  g_mutex_lock (&wait->lock);
  wait->waiting--;
  if (error) {
    wait->failed++;
    if (!wait->error)
      wait->error = g_error_copy (error);
  }
  g_cond_broadcast (&wait->changed);
  g_mutex_unlock (&wait->lock);
}

static inline void
wait_for (Wait *wait)
{
  g_mutex_lock (&wait->lock);
  while (wait->waiting > 0)
    g_cond_wait (&wait->changed, &wait->lock);
  g_mutex_unlock (&wait->lock);
}

static inline void
make_hash (const char *id, guint8 hash[16])
{
  memset (hash, 0, 16);
  g_strlcpy ((char *) hash, id, 16);
}

static inline guint64
append (PnJournal *journal, const char *id, const char *data, gsize length, Wait *wait)
{
  g_autoptr (PnEnvelope) envelope = make_envelope (id);
  guint8 hash[16];
  guint64 ticket = 0;
  make_hash (id, hash);
  g_mutex_lock (&wait->lock);
  wait->waiting++;
  g_mutex_unlock (&wait->lock);
  pn_journal_append (journal, envelope, data, length, hash, &ticket, on_done, wait);
  return ticket;
}

static inline void
append_now (PnJournal *journal, const char *id, const char *data)
{
  Wait wait = { 0 };
  guint64 ticket = append (journal, id, data, strlen (data), &wait);
  wait_for (&wait);
  g_assert_no_error (wait.error);
  pn_journal_answered (journal, ticket);
}

static inline PnReceived *
take (PnJournalReader *reader)
{
  g_autoptr (GError) error = NULL;
  PnReceived *received = pn_journal_reader_take (reader, 0, -1, &error);
  g_assert_no_error (error);
  return received;
}

static inline char *
read_data (PnReceived *received)
{
  char *text = g_malloc0 (received->data->size + 1);
  g_assert_true (pn_source_read (received->data, 0, text, received->data->size, NULL));
  return text;
}

static inline void
assert_next (PnJournalReader *reader, const char *id)
{
  g_autoptr (PnReceived) received = take (reader);
  g_assert_nonnull (received);
  g_assert_cmpstr (received->envelope->id, ==, id);
  pn_received_done (reader, received, -1);
}

static inline void
assert_nothing (PnJournalReader *reader)
{
  g_assert_null (take (reader));
}

static inline void
checkpoint (PnJournalReader *reader, gboolean force)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_journal_reader_checkpoint (reader, force, &error));
  g_assert_no_error (error);
}

static inline guint64
append_file_unanswered (House *self, PnJournal *writer, const char *id, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnEnvelope) envelope = make_envelope (id);
  g_autofree char *text = pn_envelope_to_text (envelope);
  int fd = pn_file_unnamed (self->receive, &error);
  g_assert_no_error (error);
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSealWriter) seal = pn_seal_writer_new (self->key, pn_file_sink_sink (file));
  PnSink sink = pn_seal_writer_sink (seal);
  g_autofree char *data = g_strnfill (length, 'd');
  g_assert_true (pn_sink_puts (&sink, text, NULL) && pn_sink_puts (&sink, "\n", NULL));
  g_assert_true (pn_sink_write (&sink, data, length, NULL) && pn_seal_writer_close (seal, NULL));
  g_assert_true (pn_file_sink_flush (file, NULL));
  guint8 hash[16];
  make_hash (id, hash);
  Wait wait = { .waiting = 1 };
  guint64 ticket;
  pn_journal_append_file (writer, id, fd, hash, &ticket, on_done, &wait);
  wait_for (&wait);
  g_assert_no_error (wait.error);
  return ticket;
}

static inline void
append_file (House *self, PnJournal *writer, const char *id, gsize length)
{
  pn_journal_answered (writer, append_file_unanswered (self, writer, id, length));
}
