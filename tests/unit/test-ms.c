#include "house.h"

#include "convert/native.h"
#include "core/log.h"
#include "core/program.h"
#include "core/trace.h"
#include "domain/route.h"
#include "queue/outgoing.h"

#include <glib/gstdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utime.h>

/* --- the house and its message server --------------------------------------------------------- */

typedef struct {
  House *house;
  PnQueue *domain_in, *office_in, *gateway_in, *office_out, *gateway_out;
  PnProgram program;
  GThread *thread;
} Fixture;

static PnQueue *
open_queue (char *path)
{
  g_autoptr (GError) error = NULL;
  PnQueue *queue = pn_queue_open (path, &error);
  g_assert_no_error (error);
  g_free (path);
  return queue;
}

static gpointer
ms_thread (gpointer user)
{
  return GINT_TO_POINTER (pn_ms_main (user));
}

static void
start (Fixture *self)
{
  self->program = (PnProgram){ .config = self->house->config, .key = self->house->key, .name = "ms" };
  self->program.stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->thread = g_thread_new ("ms", ms_thread, &self->program);
}

static void
stop (Fixture *self)
{
  guint64 one = 1;
  if (!self->thread)
    return;
  self->program.stop = 1;
  g_assert_cmpint (write (self->program.stop_fd, &one, sizeof one), ==, sizeof one);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (self->thread)), ==, 0);
  close (self->program.stop_fd);
  self->thread = NULL;
}

static void
set_up (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  self->house = house_new ();
  const PnConfig *config = self->house->config;
  self->domain_in = open_queue (pn_config_domain_path (config, "WPCSIN"));
  self->gateway_in = open_queue (pn_config_gateway_path (config, "WPCSIN"));
  self->gateway_out = open_queue (pn_config_gateway_path (config, "WPCSOUT/GWI0001"));
  self->office_in = open_queue (pn_config_post_office_path (config, "NORTH", "WPCSIN"));
  self->office_out = open_queue (pn_config_post_office_path (config, "NORTH", "WPCSOUT/OFS"));
  g_assert_true (pn_trace_open (config, "ms", &error));
  g_assert_no_error (error);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  (void) data;
  stop (self);
  pn_queue_free (self->domain_in);
  pn_queue_free (self->office_in);
  pn_queue_free (self->gateway_in);
  pn_queue_free (self->office_out);
  pn_queue_free (self->gateway_out);
  house_free (self->house);
}

/* --- messages --------------------------------------------------------------------------------- */

static PnMessage *
make_message (const char *id)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  g_free (message->id);
  message->id = g_strdup (id);
  g_free (message->subject);
  message->subject = g_strdup ("Greetings");
  message->from = pn_address_new ("HQ", "NORTH", "anna");
  return message;
}

static PnRecipient *
add_recipient (PnMessage *message, PnAddress *address)
{
  PnRecipient *recipient = pn_message_add_recipient (message, PN_TO, address);
  recipient->deliver = recipient->listed = TRUE;
  return recipient;
}

static void
add_native (PnMessage *message, const char *office, const char *user)
{
  add_recipient (message, pn_address_new ("HQ", office, user));
}

static void
add_internet (PnMessage *message, const char *address)
{
  add_recipient (message, pn_address_new_internet (address, NULL));
}

static void
put (Fixture *self, PnQueue *queue, PnMessage *message, guint priority, gboolean covered)
{
  g_autoptr (GError) error = NULL;
  int fd = pn_outgoing_stage (queue, self->house->key, message, &error);
  g_assert_no_error (error);
  g_assert_true (pn_queue_put (queue, fd, priority, covered, NULL, &error));
  g_assert_no_error (error);
  close (fd);
  pn_message_free (message);
}

static gboolean
wait_count (const char *path, int priority, guint wanted)
{
  for (int i = 0; i < 500; i++) {
    if (pn_queue_count (path, priority) == wanted)
      return TRUE;
    g_usleep (10 * 1000);
  }
  g_test_message ("%s/%d has %u files", path, priority, pn_queue_count (path, priority));
  return FALSE;
}

static gboolean
wait_queue (PnQueue *queue, int priority, guint wanted)
{
  return wait_count (pn_queue_path (queue), priority, wanted);
}

/* The path of the only file. */
static char *
only_file (PnQueue *queue, guint priority)
{
  g_autofree char *directory = g_strdup_printf ("%s/%u", pn_queue_path (queue), priority);
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name = g_dir_read_name (dir);
  g_assert_nonnull (name);
  return g_build_filename (directory, name, NULL);
}

static PnMessage *
read_only (Fixture *self, PnQueue *queue, guint priority)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = only_file (queue, priority);
  g_autoptr (PnSource) source = pn_queue_open_file (path, self->house->key, FALSE, NULL, &error);
  g_assert_no_error (error);
  PnMessage *message = pn_native_read (source, &error);
  g_assert_no_error (error);
  return message;
}

/* The path of the only file in PROBLEM beside QUEUE whose name ends in SUFFIX, waited for. */
static char *
wait_problem (PnQueue *queue, const char *suffix)
{
  for (int i = 0; i < 500; i++) {
    g_autoptr (GDir) dir = g_dir_open (pn_queue_problem_path (queue), 0, NULL);
    const char *name = NULL;
    while (dir && (name = g_dir_read_name (dir))) {
      g_autofree char *path = g_build_filename (pn_queue_problem_path (queue), name, NULL);
      struct stat st;
      if (g_str_has_suffix (name, suffix) && stat (path, &st) == 0 && st.st_size > 0)
        return g_steal_pointer (&path);
    }
    g_usleep (10 * 1000);
  }
  return NULL;
}

/* The reason in the only text file of PROBLEM beside QUEUE. */
static char *
problem_reason (PnQueue *queue)
{
  g_autofree char *file = wait_problem (queue, ".MS"), *path = wait_problem (queue, ".TXT");
  g_assert_nonnull (file);
  g_assert_nonnull (path);
  char *text = NULL;
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void
test_fan_out (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.0001.00000001");
  add_native (message, "NORTH", "bert");
  add_native (message, "north", "CARL");
  add_internet (message, "somebody@example.org");
  pn_message_add_recipient (message, PN_CC, pn_address_new ("HQ", "NORTH", "nobody"))->deliver = FALSE;
  put (self, self->office_in, message, 4, FALSE);
  g_assert_true (wait_queue (self->office_out, 4, 1));
  g_assert_true (wait_queue (self->gateway_out, 4, 1));
  g_assert_true (wait_queue (self->office_in, -1, 0));
  /* One inode. */
  g_autofree char *here = only_file (self->office_out, 4), *there = only_file (self->gateway_out, 4);
  struct stat a, b;
  g_assert_true (lstat (here, &a) == 0 && lstat (there, &b) == 0);
  g_assert_cmpuint (a.st_ino, ==, b.st_ino);
  g_assert_cmpuint (a.st_nlink, ==, 2);
  g_assert_cmpuint (a.st_mode & 0777, ==, 0400);
  stop (self);

  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) lines = pn_trace_find (self->house->config, "6743A1B2.0001.0001.00000001", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lines->len, ==, 2);
  const PnTraceLine *line = g_ptr_array_index (lines, 0);
  g_assert_cmpstr (line->event, ==, "routed");
  g_assert_cmpstr (line->where, ==, pn_queue_path (self->office_out));
  g_assert_cmpstr (line->next, ==, "ofs");
}

/* Found at the start, from every door, in the directory of its priority, without flushes where covered. */
static void
test_doors (Fixture *self, gconstpointer data)
{
  (void) data;
  PnQueue *doors[] = { self->domain_in, self->office_in, self->gateway_in };
  for (guint i = 0; i < 3; i++) {
    g_autofree char *id = g_strdup_printf ("6743A1B2.0001.0002.%08X", i);
    PnMessage *message = make_message (id);
    add_native (message, "NORTH", "bert");
    put (self, doors[i], message, 2 * i + 2, TRUE);
  }
  start (self);
  for (guint i = 0; i < 3; i++) {
    g_assert_true (wait_queue (self->office_out, 2 * (int) i + 2, 1));
    g_assert_true (wait_queue (doors[i], -1, 0));
    g_autofree char *path = only_file (self->office_out, 2 * i + 2);
    struct stat st;
    g_assert_cmpint (lstat (path, &st), ==, 0);
    g_assert_cmpuint (st.st_mode & 0777, ==, 0600);
  }
}

static void
test_unknown (Fixture *self, gconstpointer data)
{
  (void) data;
  const char *id = "6743A1B2.0001.0003.00000001";
  start (self);
  PnMessage *message = make_message (id);
  add_native (message, "NORTH", "bert");
  add_native (message, "NORTH", "nobody");
  add_native (message, "SOUTH", "bert");
  add_internet (message, "stranger@north.example");
  put (self, self->office_in, message, 4, FALSE);
  g_assert_true (wait_queue (self->office_out, 4, 1));
  g_assert_true (wait_queue (self->office_out, 5, 1));
  g_assert_true (wait_queue (self->domain_in, -1, 0));
  stop (self);
  g_autoptr (PnMessage) status = read_only (self, self->office_out, 5);
  g_assert_cmpint (status->type, ==, PN_TYPE_STATUS);
  g_assert_cmpstr (status->orig_id, ==, id);
  g_assert_cmpuint (status->recipients->len, ==, 1);
  const PnRecipient *to = g_ptr_array_index (status->recipients, 0);
  g_assert_cmpstr (to->address->user, ==, "anna");
  g_assert_cmpuint (status->reports->len, ==, 3);
  for (guint i = 0; i < 3; i++) {
    const PnStatusReport *report = g_ptr_array_index (status->reports, i);
    g_assert_cmpint (report->action, ==, PN_ACTION_UNDELIVERABLE);
    g_assert_cmpstr (report->status_code, ==, "5.1.1");
    g_assert_nonnull (report->diagnostic);
  }
}

/* From outside: the return path is told, unless it is null or wants no failures. */
static void
test_unknown_outside (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.0004.00000001");
  message->envelope_from = g_strdup ("sender@example.org");
  add_native (message, "NORTH", "nobody");
  put (self, self->gateway_in, message, 4, TRUE);
  g_assert_true (wait_queue (self->gateway_out, 5, 1));
  g_autofree char *path = only_file (self->gateway_out, 5);
  struct stat st;
  g_assert_cmpint (lstat (path, &st), ==, 0);
  /* No journal answers for the status. */
  g_assert_cmpuint (st.st_mode & 0777, ==, 0400);
  g_autoptr (PnMessage) status = read_only (self, self->gateway_out, 5);
  const PnRecipient *to = g_ptr_array_index (status->recipients, 0);
  g_assert_cmpstr (to->address->internet, ==, "sender@example.org");

  message = make_message ("6743A1B2.0001.0004.00000002");
  message->envelope_from = g_strdup ("sender@example.org");
  add_recipient (message, pn_address_new ("HQ", "NORTH", "nobody"))->dsn_notify = g_strdup ("NEVER");
  add_native (message, "NORTH", "bert");
  put (self, self->gateway_in, message, 4, TRUE);
  g_assert_true (wait_queue (self->office_out, 4, 1));

  message = make_message ("6743A1B2.0001.0004.00000003");
  message->envelope_from = g_strdup ("");
  add_native (message, "NORTH", "nobody");
  put (self, self->gateway_in, message, 4, TRUE);
  g_autofree char *reason = problem_reason (self->gateway_in);
  g_assert_nonnull (strstr (reason, "None of the recipients is known"));
  g_assert_cmpuint (pn_queue_count (pn_queue_path (self->gateway_out), -1), ==, 1);
}

/* The same id each time, so that a step repeated after a crash tells once. */
static void
test_status_id (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (PnDirectory) directory = pn_directory_open (self->house->config, FALSE, NULL);
  char *ids[2];
  for (int i = 0; i < 2; i++) {
    g_autoptr (PnMessage) message = make_message ("6743A1B2.0001.0005.00000001");
    add_native (message, "NORTH", "nobody");
    g_autoptr (PnRoute) route = pn_route_find (self->house->config, directory, message);
    g_assert_cmpuint (route->n_unknown, ==, 1);
    g_autoptr (PnMessage) status = pn_route_undeliverable (route, directory, message);
    ids[i] = g_strdup (status->id);
  }
  g_assert_cmpstr (ids[0], ==, ids[1]);
  g_free (ids[0]);
  g_free (ids[1]);
}

static void
test_status_for_nobody (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.0006.00000001");
  message->type = PN_TYPE_STATUS;
  message->orig_id = g_strdup ("6743A1B2.0001.0006.00000000");
  add_native (message, "NORTH", "nobody");
  put (self, self->office_in, message, 5, FALSE);
  g_autofree char *reason = problem_reason (self->office_in);
  g_assert_nonnull (strstr (reason, "A status for somebody"));
  g_assert_cmpuint (pn_queue_count (pn_queue_path (self->domain_in), -1), ==, 0);
  g_assert_cmpuint (pn_queue_count (pn_queue_path (self->office_out), -1), ==, 0);
}

static void
test_for_nobody (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.0007.00000001");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "NORTH", "bert"))->deliver = FALSE;
  put (self, self->domain_in, message, 4, FALSE);
  g_autofree char *reason = problem_reason (self->domain_in);
  g_assert_nonnull (strstr (reason, "names no recipient"));
}

static void
test_damaged (Fixture *self, gconstpointer data)
{
  (void) data;
  PnMessage *message = make_message ("6743A1B2.0001.0008.00000001");
  add_native (message, "NORTH", "bert");
  put (self, self->domain_in, message, 4, TRUE);
  g_autofree char *path = only_file (self->domain_in, 4);
  g_assert_cmpint (truncate (path, 60), ==, 0);
  start (self);
  g_autofree char *reason = problem_reason (self->domain_in);
  g_assert_nonnull (strstr (reason, "Reason: "));
  g_assert_true (wait_queue (self->domain_in, -1, 0));
  /* The server goes on. */
  message = make_message ("6743A1B2.0001.0008.00000002");
  add_native (message, "NORTH", "bert");
  put (self, self->domain_in, message, 4, TRUE);
  g_assert_true (wait_queue (self->office_out, 4, 1));
}

/* Recipients that have only an Internet address of ours: the post office needs the native one. */
static void
test_readdress (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.0009.00000001");
  add_internet (message, "bert@north.example");
  add_recipient (message, pn_address_new (NULL, NULL, "carl"));
  g_autoptr (GBytes) body = g_bytes_new_static ("Hello\n", 6);
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_bytes (body)));
  put (self, self->office_in, message, 4, FALSE);
  g_assert_true (wait_queue (self->office_out, 4, 1));
  g_assert_true (wait_queue (self->office_in, -1, 0));
  g_autoptr (PnMessage) read = read_only (self, self->office_out, 4);
  g_assert_cmpstr (read->id, ==, "6743A1B2.0001.0009.00000001");
  g_assert_cmpuint (read->recipients->len, ==, 2);
  static const char *const users[] = { "bert", "carl" };
  for (guint i = 0; i < 2; i++) {
    const PnRecipient *recipient = g_ptr_array_index (read->recipients, i);
    g_assert_cmpstr (recipient->address->post_office, ==, "NORTH");
    g_assert_cmpstr (recipient->address->user, ==, users[i]);
  }
  g_assert_cmpuint (read->parts->len, ==, 1);
}

/* A user of another system who has an Internet address too. */
static void
test_foreign (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.000A.00000001");
  PnAddress *address = pn_address_new ("ELSEWHERE", "PO1", "dora");
  address->internet = g_strdup ("dora@example.net");
  add_recipient (message, address);
  put (self, self->office_in, message, 4, FALSE);
  g_assert_true (wait_queue (self->gateway_out, 4, 1));
}

/* A user who is added while the server runs. */
static void
test_new_user (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *message = make_message ("6743A1B2.0001.000B.00000001");
  add_native (message, "NORTH", "dirk");
  put (self, self->office_in, message, 4, FALSE);
  g_assert_true (wait_queue (self->office_out, 5, 1));
  house_add_user (self->house, "NORTH", "dirk", "ddd");
  g_usleep (1500 * 1000);
  message = make_message ("6743A1B2.0001.000B.00000002");
  add_native (message, "NORTH", "dirk");
  put (self, self->office_in, message, 4, FALSE);
  g_assert_true (wait_queue (self->office_out, 4, 1));
}

static double
thread_seconds (void)
{
  struct timespec t;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static double ms_seconds;

static gpointer
measured_thread (gpointer user)
{
  double begin = thread_seconds ();
  int code = pn_ms_main (user);
  ms_seconds = thread_seconds () - begin;
  return GINT_TO_POINTER (code);
}

static void
test_many (Fixture *self, gconstpointer data)
{
  (void) data;
  enum { N = 1500 };
  g_autofree char *text = g_strnfill (4096, 't');
  for (guint i = 0; i < N; i++) {
    g_autofree char *id = g_strdup_printf ("6743A1B2.0001.000C.%08X", i);
    PnMessage *message = make_message (id);
    add_native (message, "NORTH", i % 2 ? "bert" : "carl");
    g_autoptr (GBytes) body = g_bytes_new (text, 4096);
    pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_bytes (body)));
    put (self, self->gateway_in, message, 4, TRUE);
  }
  self->program = (PnProgram){ .config = self->house->config, .key = self->house->key, .name = "ms" };
  self->program.stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->thread = g_thread_new ("ms", measured_thread, &self->program);
  g_assert_true (wait_queue (self->office_out, 4, N));
  g_assert_true (wait_queue (self->gateway_in, -1, 0));
  stop (self);
  g_test_message ("%.1f us of CPU per message", ms_seconds * 1e6 / N);
}

/* Directory entries name nobody: they are for the postmaster.  A search for one who is not known gets its
 * answer. */
static void
test_admin_and_search (Fixture *self, gconstpointer data)
{
  (void) data;
  start (self);
  PnMessage *admin = make_message ("6743A1B2.0001.000B.00000001");
  admin->type = PN_TYPE_ADMIN;
  PnExtraKeyword *entry = g_new0 (PnExtraKeyword, 1);
  entry->name = g_strdup ("DS-Group");
  entry->text = g_strdup (" Operation= Add; Object= Everybody; ");
  g_ptr_array_add (admin->extra, entry);
  put (self, self->gateway_in, admin, 4, FALSE);
  g_assert_true (wait_queue (self->office_out, 4, 1));
  PnMessage *search = make_message ("6743A1B2.0001.000B.00000002");
  search->type = PN_TYPE_SEARCH;
  add_native (search, "NORTH", "nobody");
  put (self, self->gateway_in, search, 0, FALSE);
  g_assert_true (wait_queue (self->office_out, 0, 1));
  stop (self);
  g_autoptr (PnMessage) kept = read_only (self, self->office_out, 4);
  g_assert_cmpint (kept->type, ==, PN_TYPE_ADMIN);
  g_assert_cmpuint (kept->extra->len, ==, 1);
  const PnRecipient *postmaster = g_ptr_array_index (kept->recipients, 0);
  g_assert_cmpstr (postmaster->address->user, ==, "anna");
  g_autoptr (PnMessage) answer = read_only (self, self->office_out, 0);
  const PnRecipient *asker = g_ptr_array_index (answer->recipients, 0);
  g_assert_cmpint (answer->type, ==, PN_TYPE_SEARCH);
  g_assert_cmpstr (answer->orig_id, ==, "6743A1B2.0001.000B.00000002");
  g_assert_cmpstr (answer->busy_for->user, ==, "nobody");
  g_assert_cmpuint (answer->busy->len, ==, 0);
  g_assert_cmpstr (asker->address->user, ==, "anna");
}

static PnPart *
returned (Fixture *self, guint number, const char *ret, gsize body)
{
  g_autofree char *text = g_strnfill (body, 'x');
  for (gsize i = 60; i < body; i += 61)
    text[i] = '\n';
  PnMessage *message = make_message ("6743A1B2.0001.000C.00000001");
  message->id[strlen (message->id) - 1] = (char) ('0' + number);
  message->envelope_from = g_strdup ("sender@example.org");
  message->envelope_ret = g_strdup (ret);
  pn_message_add_part (message, pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text (text, -1)));
  add_native (message, "NORTH", "nobody");
  put (self, self->gateway_in, message, 4, TRUE);
  g_assert_true (wait_queue (self->gateway_out, 5, 1));
  g_autofree char *path = only_file (self->gateway_out, 5);
  g_autoptr (PnMessage) status = read_only (self, self->gateway_out, 5);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpuint (status->parts->len, ==, 1);
  return g_ptr_array_steal_index (status->parts, 0);
}

/* RFC 3461 4.3: the message comes back whole if its sender wants that and it is not too large. */
static void
test_return (Fixture *self, gconstpointer data)
{
  static const struct {
    const char *ret;
    gsize body;
    gboolean whole;
  } cases[]
      = { { "FULL", 1000, TRUE }, { "HDRS", 1000, FALSE }, { NULL, 1000, FALSE }, { "FULL", 400000, FALSE } };
  (void) data;
  start (self);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    PnPart *part = returned (self, i, cases[i].ret, cases[i].body);
    g_autoptr (GBytes) bytes = pn_content_read (part->content, 1 << 20, NULL);
    g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
    g_assert_cmpstr (part->type, ==, cases[i].whole ? "message/rfc822" : "text/rfc822-headers");
    g_assert_nonnull (strstr (text, "Subject: Greetings\r\n"));
    g_assert_cmpint (strstr (text, "xxxx") != NULL, ==, cases[i].whole);
    pn_part_free (part);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  pn_log_init ("ms", NULL, "error");
#define ADD(name, function) g_test_add ("/ms/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("fan-out", test_fan_out);
  ADD ("doors", test_doors);
  ADD ("unknown", test_unknown);
  ADD ("unknown-outside", test_unknown_outside);
  ADD ("status-id", test_status_id);
  ADD ("status-for-nobody", test_status_for_nobody);
  ADD ("for-nobody", test_for_nobody);
  ADD ("damaged", test_damaged);
  ADD ("readdress", test_readdress);
  ADD ("admin-and-search", test_admin_and_search);
  ADD ("return", test_return);
  ADD ("foreign", test_foreign);
  ADD ("new-user", test_new_user);
  ADD ("many", test_many);
  return g_test_run ();
}
