/* A post office server at work on a house in a temporary directory: what its tests share. */
#pragma once

#include "house.h"

#include "convert/ical.h"
#include "convert/native.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/program.h"
#include "queue/outgoing.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

typedef struct {
  House *house;
  PnQueue *work, *out;
  PnProgram program;
  GThread *thread;
} Office;

static inline Office *
office_new (void)
{
  g_autoptr (GError) error = NULL;
  Office *self = g_new0 (Office, 1);
  self->house = house_new ();
  g_autofree char *work = pn_config_post_office_path (self->house->config, "NORTH", "WPCSOUT/OFS");
  g_autofree char *out = pn_config_post_office_path (self->house->config, "NORTH", "WPCSIN");
  self->work = pn_queue_open (work, &error);
  self->out = pn_queue_open (out, &error);
  g_assert_no_error (error);
  return self;
}

static inline gpointer
serve (gpointer data)
{
  return GINT_TO_POINTER (pn_ofs_main (data));
}

static inline void
office_start (Office *self)
{
  self->program
      = (PnProgram){ self->house->config, self->house->key, "ofs", FALSE, 0, eventfd (0, EFD_CLOEXEC) };
  self->thread = g_thread_new ("ofs", serve, &self->program);
}

static inline void
office_stop (Office *self)
{
  guint64 one = 1;
  self->program.stop = 1;
  g_assert_cmpint (write (self->program.stop_fd, &one, sizeof one), ==, sizeof one);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (self->thread)), ==, 0);
  close (self->program.stop_fd);
}

static inline guint
waiting (Office *self)
{
  return pn_queue_count (pn_queue_path (self->work), -1);
}

static inline void
office_drain (Office *self)
{
  office_start (self);
  for (guint i = 0; waiting (self) > 0 && i < 2000; i++)
    g_usleep (5000);
  office_stop (self);
  g_assert_cmpuint (waiting (self), ==, 0);
}

static inline void
office_free (Office *self)
{
  pn_queue_free (self->work);
  pn_queue_free (self->out);
  house_free (self->house);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Office, office_free)

static inline void
put (Office *self, PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  pn_outgoing_put (self->work, self->house->key, message, pn_message_priority_directory (message), &error);
  g_assert_no_error (error);
}

static inline PnMessage *
make_message (const char *id, const char *subject)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->id = g_strdup (id);
  message->subject = g_strdup (subject);
  message->date = (PnTime){ TRUE, 1700000000, 0 };
  message->from = pn_address_new_internet ("sender@example.org", "Some Sender");
  message->envelope_from = g_strdup ("sender@example.org");
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Hello.\n", -1)));
  return message;
}

static inline PnRecipient *
add_to (PnMessage *message, const char *user)
{
  return pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "NORTH", user));
}

static inline void
make_internal (PnMessage *message, const char *user)
{
  pn_address_free (message->from);
  message->from = pn_address_new ("HQ", "NORTH", user);
  g_clear_pointer (&message->envelope_from, g_free);
}

static inline GPtrArray *
list_box (Office *self, const char *fid, int box)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnStore) store = pn_store_open (self->house->config, "NORTH", self->house->key, &error);
  g_assert_no_error (error);
  GPtrArray *items = pn_store_list (store, fid, box, &error);
  g_assert_no_error (error);
  return items;
}

/* The messages that wait in a priority directory of WPCSIN. */
static inline GPtrArray *
outgoing (Office *self, guint priority)
{
  GPtrArray *messages = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  g_autofree char *path = g_strdup_printf ("%s/%u", pn_queue_path (self->out), priority);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    g_autoptr (GError) error = NULL;
    g_autofree char *file = g_build_filename (path, name, NULL);
    g_autoptr (PnSource) source = pn_queue_open_file (file, self->house->key, FALSE, NULL, &error);
    g_assert_no_error (error);
    PnMessage *message = pn_native_read (source, &error);
    g_assert_no_error (error);
    g_ptr_array_add (messages, message);
  }
  return messages;
}

static inline guint
count_problems (Office *self)
{
  guint n = 0;
  g_autoptr (GDir) dir = g_dir_open (pn_queue_problem_path (self->work), 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    n += g_str_has_suffix (name, ".OFS") ? 1 : 0;
  return n;
}

static inline PnMessage *
make_meeting (const char *id, PnMethod method, int sequence, gint64 stamp, int hour)
{
  PnMessage *message = make_message (id, id);
  message->type = PN_TYPE_APPOINTMENT;
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->method = method;
  calendar->component = g_strdup ("VEVENT");
  calendar->uid = g_strdup ("meeting-1@example.org");
  calendar->sequence = sequence;
  calendar->stamp = (PnTime){ TRUE, stamp, 0 };
  calendar->organizer = pn_address_new_internet ("sender@example.org", NULL);
  calendar->summary = g_strdup (id);
  calendar->start = (PnCalendarTime){
    .set = TRUE, .year = 2024, .month = 5, .day = 6, .hour = hour, .unix_time = 1714953600 + hour * 3600
  };
  calendar->end = (PnCalendarTime){
    .set = TRUE, .year = 2024, .month = 5, .day = 6, .hour = hour + 1, .unix_time = 1714957200 + hour * 3600
  };
  add_to (message, "anna");
  return message;
}

static inline PnItem *
deliver_meeting (Office *office, PnMessage *message /* taken */)
{
  put (office, message);
  pn_message_free (message);
  office_drain (office);
  g_autoptr (GPtrArray) items = list_box (office, "aaa", PN_BOX_IN);
  g_assert_cmpuint (items->len, ==, 1);
  return g_ptr_array_steal_index (items, 0);
}
