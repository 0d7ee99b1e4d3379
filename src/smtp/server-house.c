/* What the sessions ask their house for: room, the journal, passwords. */
#include "smtp/server-private.h"

#include "core/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/statvfs.h>

static gboolean
has_space (gpointer user)
{
  PnSmtpServer *server = ((PnSmtpConnection *) user)->server;
  gint64 now = g_get_monotonic_time ();
  if (now - server->space_checked < G_USEC_PER_SEC)
    return server->space;
  struct statvfs fs;
  gboolean space = statvfs (server->settings->receive_dir, &fs) == 0
                   && (guint64) fs.f_bavail * fs.f_frsize >= server->settings->disk_reserve
                   && (fs.f_files == 0 || fs.f_favail >= 64);
  if (space != server->space) {
    if (space)
      pn_log_info ("disk_space", "dir=%s state=enough", server->settings->receive_dir);
    else
      pn_log_error ("disk_space", "dir=%s state=low reserve=%" G_GUINT64_FORMAT,
                    server->settings->receive_dir, server->settings->disk_reserve);
  }
  server->space_checked = now;
  server->space = space;
  return space;
}

static char *
take_orphan (gpointer user, const guint8 hash[16])
{
  return pn_journal_take_orphan (((PnSmtpConnection *) user)->server->journal, hash);
}

/* In the committer's thread. */
static void
on_committed (gpointer user, const GError *error)
{
  PnSmtpConnection *connection = user;
  connection->error = error ? g_error_copy (error) : NULL;
  pn_smtp_server_done (connection);
}

static void
commit (gpointer user, PnSmtpSession *session)
{
  PnSmtpConnection *connection = user;
  PnJournal *journal = connection->server->journal;
  const PnEnvelope *envelope = pn_incoming_envelope (session->incoming);
  const GByteArray *data = pn_incoming_data (session->incoming);
  const guint8 *hash = pn_incoming_hash (session->incoming);
  if (data)
    pn_journal_append (journal, envelope, data->data, data->len, hash, &connection->ticket, on_committed,
                       connection);
  else
    pn_journal_append_file (journal, envelope->id, pn_incoming_steal_file (session->incoming), hash,
                            &connection->ticket, on_committed, connection);
}

typedef struct {
  PnSmtpConnection *connection; /* borrowed; waits for us */
  char *name, *password;        /* owned */
} VerifyJob;

static void
authenticate (gpointer user, PnSmtpSession *session, const char *name, const char *password)
{
  PnSmtpConnection *connection = user;
  (void) session;
  VerifyJob *job = g_new (VerifyJob, 1);
  *job = (VerifyJob){ connection, g_strdup (name), g_strdup (password) };
  g_thread_pool_push (connection->server->verifiers, job, NULL);
}

void
pn_smtp_verify (gpointer data, gpointer user)
{
  g_autofree VerifyJob *job = data;
  PnSmtpServer *server = user;
  g_autoptr (PnUser) found
      = pn_directory_authenticate (server->settings->directory, job->name, job->password, NULL);
  if (found)
    job->connection->user = g_strdup_printf ("%s.%s.%s", found->domain, found->post_office, found->user);
  OPENSSL_cleanse (job->password, strlen (job->password));
  g_free (job->name);
  g_free (job->password);
  pn_smtp_server_done (job->connection);
}

const PnSmtpHouse pn_smtp_house = { has_space, take_orphan, commit, authenticate };
