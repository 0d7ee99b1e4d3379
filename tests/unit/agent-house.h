/* An agent in a small house, for its tests: what goes in by the journal, out by the queue. */
#pragma once

#include "house.h"

#include "agent/agent-private.h"
#include "convert/mime.h"
#include "convert/native.h"
#include "core/ids.h"
#include "smtp/sendfile.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/eventfd.h>
#include <time.h>

typedef struct {
  House *house;
  char *gateway;
  PnProgram program;
  PnQueue *in, *out;
  GThread *thread;
  int code;
} Scene;

static inline Scene *
scene_new (void)
{
  Scene *self = g_new0 (Scene, 1);
  g_autoptr (GError) error = NULL;
  self->house = house_new ();
  self->gateway = pn_config_gateway_path (self->house->config, "");
  g_autofree char *in = pn_config_gateway_path (self->house->config, "WPCSIN");
  g_autofree char *out = pn_config_gateway_path (self->house->config, "WPCSOUT/GWI0001");
  self->in = pn_queue_open (in, &error);
  self->out = pn_queue_open (out, &error);
  g_assert_no_error (error);
  g_autofree char *send = g_build_filename (self->gateway, "send", NULL);
  g_autofree char *result = g_build_filename (self->gateway, "result", NULL);
  g_mkdir_with_parents (send, 0700);
  g_mkdir_with_parents (result, 0700);
  return self;
}

static inline gpointer
run_agent (gpointer data)
{
  Scene *self = data;
  self->code = pn_agent_main (&self->program);
  return NULL;
}

static inline void
start (Scene *self)
{
  self->program = (PnProgram){ .config = self->house->config,
                               .key = self->house->key,
                               .name = "agent",
                               .after_crash = FALSE,
                               .stop_fd = eventfd (0, EFD_CLOEXEC) };
  self->thread = g_thread_new ("agent", run_agent, self);
}

static inline void
stop (Scene *self)
{
  guint64 one = 1;
  self->program.stop = 1;
  g_assert_cmpint (write (self->program.stop_fd, &one, sizeof one), ==, sizeof one);
  g_thread_join (self->thread);
  g_assert_cmpint (self->code, ==, 0);
  close (self->program.stop_fd);
  self->thread = NULL;
}

static inline void
scene_free (Scene *self)
{
  if (self->thread)
    stop (self);
  pn_queue_free (self->in);
  pn_queue_free (self->out);
  house_free (self->house);
  g_free (self->gateway);
  g_free (self);
}

/* Paths in a folder of the gateway that end in SUFFIX. */
static inline GPtrArray *
list (Scene *self, const char *folder, const char *suffix)
{
  g_autofree char *path = g_build_filename (self->gateway, folder, NULL);
  return house_list (path, suffix);
}

static inline guint
count (Scene *self, const char *folder, const char *suffix)
{
  g_autoptr (GPtrArray) paths = list (self, folder, suffix);
  return paths->len;
}

static inline PnMessage *
read_queue_file (Scene *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSource) source = pn_queue_open_file (path, self->house->key, FALSE, NULL, &error);
  g_assert_no_error (error);
  PnMessage *message = pn_native_read (source, &error);
  g_assert_no_error (error);
  return message;
}

/* The only message in a priority directory of WPCSIN. */
static inline PnMessage *
take_in (Scene *self, const char *folder)
{
  WAIT_FOR (count (self, folder, "") == 1);
  g_autoptr (GPtrArray) paths = list (self, folder, "");
  PnMessage *message = read_queue_file (self, paths->pdata[0]);
  g_unlink (paths->pdata[0]);
  return message;
}

/* What a send file carries, as text. */
static inline char *
read_send_file (Scene *self, const char *path, PnSendHead **head)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnSendFile) file = pn_send_file_open (path, self->house->key, FALSE, &error);
  g_assert_no_error (error);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  g_assert_true (pn_send_file_copy_data (file, &sink, &error));
  if (head)
    *head = g_steal_pointer (&file->head);
  return g_strndup ((const char *) out->data, out->len);
}

/* --- the way in ------------------------------------------------------------------------------- */

typedef struct {
  GMutex lock;
  GCond done;
  gboolean is_done;
} Wait;

static inline void
on_done (gpointer user, const GError *error)
{
  Wait *wait = user;
  g_assert_no_error (error);
  g_mutex_lock (&wait->lock);
  wait->is_done = TRUE;
  g_cond_signal (&wait->done);
  g_mutex_unlock (&wait->lock);
}

typedef struct {
  const char *id, *from, *to, *to2, *notify, *orcpt, *envid, *user;
} Envelope;

static inline void
receive (Scene *self, const Envelope *e, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_build_filename (self->gateway, "receive", NULL);
  g_mkdir_with_parents (dir, 0700);
  PnJournal *journal = pn_journal_open (dir, self->house->key, 1024 * 1024, &error);
  g_assert_no_error (error);
  g_autoptr (PnEnvelope) envelope = pn_envelope_new ();
  guint n = e->to2 ? 2 : 1;
  envelope->id = g_strdup (e->id);
  envelope->time = 1700000000;
  envelope->mail_from = g_strdup (e->from);
  envelope->rcpt_to = g_new0 (char *, n + 1);
  envelope->rcpt_notify = g_new0 (char *, n + 1);
  envelope->rcpt_orcpt = g_new0 (char *, n + 1);
  for (guint i = 0; i < n; i++) {
    envelope->rcpt_to[i] = g_strdup (i ? e->to2 : e->to);
    envelope->rcpt_notify[i] = g_strdup (e->notify ? e->notify : "");
    envelope->rcpt_orcpt[i] = g_strdup (e->orcpt ? e->orcpt : "");
  }
  envelope->envid = g_strdup (e->envid);
  envelope->user = g_strdup (e->user);
  Wait wait = { .is_done = FALSE };
  guint8 hash[16];
  memset (hash, (int) g_str_hash (e->id), sizeof hash);
  guint64 ticket;
  pn_journal_append (journal, envelope, text, strlen (text), hash, &ticket, on_done, &wait);
  g_mutex_lock (&wait.lock);
  while (!wait.is_done)
    g_cond_wait (&wait.done, &wait.lock);
  g_mutex_unlock (&wait.lock);
  pn_journal_answered (journal, ticket);
  pn_journal_close (journal);
}

#define ORIGINAL                                                                                             \
  "Return-Path: <olga@outside.example>\r\nFrom: Olga <olga@outside.example>\r\nTo: anna@north.example\r\n"   \
  "Subject: hello\r\nMessage-ID: <1@outside.example>\r\nDate: Tue, 14 Nov 2023 22:13:20 "                    \
  "+0000\r\n\r\ntext\r\n"

static inline PnMessage *
compose (const char *id)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  g_free (message->id);
  message->id = g_strdup (id);
  message->date = (PnTime){ TRUE, 1700000000, 0 };
  message->from = pn_address_new ("HQ", "NORTH", "anna");
  message->subject = g_strdup ("quarterly figures");
  message->status_request = PN_STATUS_REQUEST_DELIVERED;
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (".dot\ntext\n", -1)));
  return message;
}

static inline void
address (PnMessage *message, PnDistribution distribution, const char *internet)
{
  PnRecipient *recipient
      = pn_message_add_recipient (message, distribution, pn_address_new_internet (internet, NULL));
  recipient->deliver = TRUE;
  recipient->listed = distribution != PN_BC;
}

static inline void
put_out (Scene *self, PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_outgoing_put (self->out, self->house->key, message, 4, &error));
}

static inline guint
queue_length (Scene *self)
{
  return pn_queue_count (pn_queue_path (self->out), -1);
}
