#include "convert/native.h"
#include "core/log.h"
#include "core/seal.h"
#include "queue/outgoing.h"
#include "queue/queue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

typedef struct {
  char *top, *path;
  PnQueue *queue;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  self->top = g_dir_make_tmp ("postern-queue-XXXXXX", &error);
  self->path = g_build_filename (self->top, "WPCSOUT", "OFS", NULL);
  self->queue = pn_queue_open (self->path, &error);
  g_assert_no_error (error);
}

static void
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

static void
tear_down (Fixture *self, gconstpointer data)
{
  (void) data;
  pn_queue_free (self->queue);
  remove_tree (self->top);
  g_free (self->top);
  g_free (self->path);
}

static int
stage (PnQueue *queue, const char *text)
{
  g_autoptr (GError) error = NULL;
  int fd = pn_queue_stage (queue, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
  return fd;
}

static void
put (PnQueue *queue, const char *text, guint priority, gboolean covered, char name[13])
{
  g_autoptr (GError) error = NULL;
  int fd = stage (queue, text);
  g_assert_true (pn_queue_put (queue, fd, priority, covered, name, &error));
  g_assert_no_error (error);
  close (fd);
}

static PnQueueScanner *
scanner_new (Fixture *self, gboolean after_crash)
{
  g_autoptr (GError) error = NULL;
  PnQueueScanner *scanner = pn_queue_scanner_new (&self->queue, 1, 60, after_crash, &error);
  g_assert_no_error (error);
  return scanner;
}

static PnQueueItem *
take_one (PnQueueScanner *scanner, int timeout_ms)
{
  g_autoptr (GPtrArray) items = pn_queue_scanner_take (scanner, 1, timeout_ms, -1);
  g_assert_cmpuint (items->len, <=, 1);
  return items->len ? g_ptr_array_steal_index (items, 0) : NULL;
}

static void
assert_takes (PnQueueScanner *scanner, const char *text)
{
  PnQueueItem *item = take_one (scanner, 5000);
  g_assert_nonnull (item);
  g_autofree char *got = NULL;
  g_assert_true (g_file_get_contents (item->path, &got, NULL, NULL));
  g_assert_cmpstr (got, ==, text);
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_queue_item_done (item, &error));
  g_assert_no_error (error);
  g_assert_cmpint (access (item->path, F_OK), <, 0);
  pn_queue_item_free (item);
}

static void
assert_empty (PnQueueScanner *scanner)
{
  g_assert_null (take_one (scanner, 0));
}

static guint
count_problems (Fixture *self, const char *suffix)
{
  g_autoptr (GDir) dir = g_dir_open (pn_queue_problem_path (self->queue), 0, NULL);
  const char *name;
  guint n = 0;
  while (dir && (name = g_dir_read_name (dir)))
    n += g_str_has_suffix (name, suffix);
  return n;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void
test_names (void)
{
  char previous[13] = "";
  for (int i = 0; i < 1000; i++) {
    char name[13];
    pn_queue_make_name (name, "04", NULL);
    g_assert_true (pn_queue_name_ok (name));
    g_assert_cmpuint (strlen (name), ==, 12);
    g_assert_true (g_str_has_prefix (name, "04"));
    /* They grow, but for the moment when the digits wrap. */
    g_assert_true (strcmp (previous, name) < 0 || g_str_has_prefix (name, "04000"));
    memcpy (previous, name, sizeof name);
  }
  g_assert_cmpuint (pn_queue_name_age ("04000010.AAA", 0x10), ==, 0);
  g_assert_cmpuint (pn_queue_name_age ("04000010.AAA", 0x30), ==, 0x20);
  g_assert_cmpuint (pn_queue_name_age ("04FFFFFF.AAA", 0x1000001), ==, 2);
  g_assert_cmpuint (pn_queue_name_age ("04000020.AAA", 0x10), ==, 0);
  static const char *const bad[] = { "",          "0",    "04ABCDEF",     "04ABCDEF0.AAA", "04ABCDEF.AAAA",
                                     "04ABCDEF.", ".AAA", "04AB/DEF.AAA", "04 BCDEF.AAA",  "04ABCDEF.A.A" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (pn_queue_name_ok (bad[i]));
}

static void
test_paths (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autofree char *problem = g_build_filename (self->top, "WPCSOUT", "PROBLEM", NULL);
  g_assert_cmpstr (pn_queue_problem_path (self->queue), ==, problem);
  g_autofree char *in = g_build_filename (self->top, "WPCSIN", NULL);
  g_autoptr (PnQueue) queue = pn_queue_open (in, NULL);
  g_assert_cmpstr (pn_queue_problem_path (queue), ==, problem);
}

static void
test_order (Fixture *self, gconstpointer data)
{
  (void) data;
  put (self->queue, "low", 6, TRUE, NULL);
  put (self->queue, "first", 4, TRUE, NULL);
  put (self->queue, "second", 4, FALSE, NULL);
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  put (self->queue, "third", 4, TRUE, NULL);
  put (self->queue, "high", 2, TRUE, NULL);
  g_assert_cmpuint (pn_queue_count (self->path, 4), ==, 3);
  g_assert_cmpuint (pn_queue_count (self->path, -1), ==, 5);
  static const char *const order[] = { "high", "first", "second", "third", "low" };
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    assert_takes (scanner, order[i]);
  assert_empty (scanner);
  pn_queue_scanner_free (scanner);
}

static guint
mode_of (Fixture *self, guint priority, const char *name)
{
  g_autofree char *path = g_strdup_printf ("%s/%u/%s", self->path, priority, name);
  struct stat st;
  g_assert_cmpint (lstat (path, &st), ==, 0);
  return st.st_mode & 0777;
}

static void
test_modes (Fixture *self, gconstpointer data)
{
  (void) data;
  char covered[13], flushed[13];
  put (self->queue, "covered", 4, TRUE, covered);
  put (self->queue, "flushed", 4, FALSE, flushed);
  g_assert_cmpuint (mode_of (self, 4, covered), ==, 0600);
  g_assert_cmpuint (mode_of (self, 4, flushed), ==, 0400);

  g_autofree char *path = g_build_filename (self->path, "4", covered, NULL);
  int fds[2] = { open (path, O_RDONLY), stage (self->queue, "never named") };
  const char *paths[] = { self->path, "/nonexistent/WPCSIN", NULL };
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_queue_cover_end (fds, 2, paths, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (mode_of (self, 4, covered), ==, 0400);
  close (fds[0]);
  close (fds[1]);

  put (self->queue, "left by a dead reader", 5, TRUE, covered);
  g_assert_true (pn_queue_cover_all (paths, &error));
  g_assert_cmpuint (mode_of (self, 5, covered), ==, 0400);
}

static void
test_batch (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  int fds[3] = { stage (self->queue, "a"), stage (self->queue, "b"), stage (self->queue, "c") };
  const guint priorities[3] = { 4, 3, 4 };
  g_assert_true (pn_queue_put_batch (self->queue, fds, priorities, 3, FALSE, &error));
  g_assert_no_error (error);
  for (int i = 0; i < 3; i++)
    close (fds[i]);
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  assert_takes (scanner, "b");
  assert_takes (scanner, "a");
  assert_takes (scanner, "c");
  assert_empty (scanner);
  pn_queue_scanner_free (scanner);
}

static void
test_link (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_autofree char *other_path = g_build_filename (self->top, "OTHER", "WPCSOUT", "OFS", NULL);
  g_autoptr (PnQueue) other = pn_queue_open (other_path, &error);
  char covered[13], flushed[13], name[13];
  put (self->queue, "covered", 4, TRUE, covered);
  put (self->queue, "flushed", 4, FALSE, flushed);
  g_autofree char *covered_path = g_build_filename (self->path, "4", covered, NULL);
  g_autofree char *flushed_path = g_build_filename (self->path, "4", flushed, NULL);
  g_assert_true (pn_queue_link (other, covered_path, 4, name, &error));
  g_assert_cmpint (other->noted[4], ==, 0);
  g_assert_true (pn_queue_link (other, flushed_path, 5, name, &error));
  g_assert_cmpint (other->noted[5], ==, 1);
  g_assert_true (pn_queue_settle (other, &error));
  g_assert_cmpint (other->noted[5], ==, 0);
  struct stat st;
  g_assert_cmpint (lstat (flushed_path, &st), ==, 0);
  g_assert_cmpuint (st.st_nlink, ==, 2);
  g_assert_false (pn_queue_link (other, "/nonexistent/file", 4, name, &error));
  g_assert_error (error, PN_QUEUE_ERROR, PN_QUEUE_ERROR_IO);
}

static void
test_made_again (Fixture *self, gconstpointer data)
{
  (void) data;
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  assert_empty (scanner);
  g_autofree char *directory = g_build_filename (self->path, "4", NULL);
  g_assert_cmpint (g_rmdir (directory), ==, 0);
  put (self->queue, "into a removed directory", 4, FALSE, NULL);
  assert_takes (scanner, "into a removed directory");
  pn_queue_scanner_free (scanner);
}

static gpointer
put_soon (gpointer user)
{
  g_usleep (100 * 1000);
  put (user, "soon", 4, TRUE, NULL);
  return NULL;
}

/* The scan interval is a minute: only inotify can be so quick. */
static void
test_wake (Fixture *self, gconstpointer data)
{
  (void) data;
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  assert_empty (scanner);
  GThread *thread = g_thread_new ("put", put_soon, self->queue);
  gint64 begin = g_get_monotonic_time ();
  assert_takes (scanner, "soon");
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 3 * G_USEC_PER_SEC);
  g_thread_join (thread);

  int stop = eventfd (1, EFD_CLOEXEC);
  begin = g_get_monotonic_time ();
  g_autoptr (GPtrArray) none = pn_queue_scanner_take (scanner, 1, 20000, stop);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 3 * G_USEC_PER_SEC);
  close (stop);
  pn_queue_scanner_free (scanner);
}

static void
test_later (Fixture *self, gconstpointer data)
{
  (void) data;
  put (self->queue, "later", 4, TRUE, NULL);
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  PnQueueItem *item = take_one (scanner, 0);
  pn_queue_item_later (item, 1);
  pn_queue_item_free (item);
  assert_empty (scanner);
  item = take_one (scanner, 5000);
  g_assert_nonnull (item);
  pn_queue_item_free (item); /* not ended: comes again */
  assert_takes (scanner, "later");
  /* Somebody else took it. */
  char name[13];
  put (self->queue, "gone", 4, TRUE, name);
  g_autofree char *path = g_build_filename (self->path, "4", name, NULL);
  g_unlink (path);
  assert_empty (scanner);
  pn_queue_scanner_free (scanner);
}

static void
age (const char *path)
{
  struct utimbuf old = { 1000000000, 1000000000 };
  g_assert_cmpint (utime (path, &old), ==, 0);
}

static void
test_strangers (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autofree char *hidden = g_build_filename (self->path, "4", ".hidden", NULL);
  g_autofree char *bad = g_build_filename (self->path, "4", "not a queue file.txt", NULL);
  g_autofree char *empty = g_build_filename (self->path, "4", "04000001.AAA", NULL);
  g_autofree char *fresh = g_build_filename (self->path, "4", "fresh but bad.txt", NULL);
  g_assert_true (g_file_set_contents (hidden, "x", 1, NULL) && g_file_set_contents (bad, "x", 1, NULL));
  g_assert_true (g_file_set_contents (empty, "", 0, NULL) && g_file_set_contents (fresh, "x", 1, NULL));
  age (bad);
  age (empty);
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  assert_empty (scanner);
  g_assert_cmpuint (count_problems (self, ".OFS"), ==, 2);
  g_assert_cmpuint (count_problems (self, ".TXT"), ==, 2);
  g_assert_cmpint (access (hidden, F_OK), ==, 0);
  g_assert_cmpint (access (fresh, F_OK), ==, 0);
  pn_queue_scanner_free (scanner);
}

static void
test_problem (Fixture *self, gconstpointer data)
{
  (void) data;
  char name[13];
  put (self->queue, "broken", 4, TRUE, name);
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  PnQueueItem *item = take_one (scanner, 0);
  g_autofree char *to = pn_queue_item_problem (item, "OFS", "It is broken.");
  pn_queue_item_free (item);
  g_assert_nonnull (to);
  memcpy (name + 9, "OFS", 3);
  g_autofree char *expected = g_build_filename (pn_queue_problem_path (self->queue), name, NULL);
  g_assert_cmpstr (to, ==, expected);
  memcpy (name + 9, "TXT", 3);
  g_autofree char *text_path = g_build_filename (pn_queue_problem_path (self->queue), name, NULL);
  g_autofree char *text = NULL;
  g_assert_true (g_file_get_contents (text_path, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "Reason: It is broken."));

  /* The name is taken there: another one is found. */
  g_autofree char *again = g_build_filename (self->path, "4", NULL);
  memcpy (name + 9, "ZZZ", 3);
  g_autofree char *same = g_build_filename (again, name, NULL);
  g_assert_true (g_file_set_contents (same, "second", -1, NULL));
  item = take_one (scanner, 5000);
  g_autofree char *second = pn_queue_item_problem (item, "OFS", "Too.");
  pn_queue_item_free (item);
  g_assert_nonnull (second);
  g_assert_cmpstr (second, !=, to);
  g_assert_cmpuint (count_problems (self, ".OFS"), ==, 2);
  assert_empty (scanner);
  pn_queue_scanner_free (scanner);
}

/* --- claims ----------------------------------------------------------------------------------- */

static void
die_busy (Fixture *self, gboolean after_crash)
{
  pid_t pid = fork ();
  if (pid == 0) {
    PnQueueScanner *scanner = scanner_new (self, after_crash);
    for (PnQueueItem *item; (item = take_one (scanner, 0));) {
      g_autofree char *text = NULL;
      g_file_get_contents (item->path, &text, NULL, NULL);
      pn_queue_item_busy (item, TRUE);
      if (strcmp (text, "poison") == 0)
        raise (SIGKILL);
      pn_queue_item_busy (item, FALSE);
      pn_queue_item_later (item, 60);
    }
    _exit (1);
  }
  int status;
  waitpid (pid, &status, 0);
  g_assert_true (WIFSIGNALED (status));
}

static void
test_claims (Fixture *self, gconstpointer data)
{
  (void) data;
  put (self->queue, "innocent", 4, TRUE, NULL);
  put (self->queue, "poison", 4, TRUE, NULL);
  die_busy (self, FALSE);
  for (int i = 0; i < 2; i++)
    die_busy (self, TRUE);
  /* Stopped in good order is no attempt, but the earlier ones are remembered. */
  pn_queue_scanner_free (scanner_new (self, TRUE));
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  assert_takes (scanner, "innocent");
  assert_empty (scanner);
  g_assert_cmpuint (count_problems (self, ".OFS"), ==, 1);
  pn_queue_scanner_free (scanner);
}

/* Two files were busy: they are given out one at a time, so that the next death finds the guilty one. */
static void
test_suspects (Fixture *self, gconstpointer data)
{
  (void) data;
  put (self->queue, "one", 4, TRUE, NULL);
  put (self->queue, "two", 4, TRUE, NULL);
  pid_t pid = fork ();
  if (pid == 0) {
    PnQueueScanner *scanner = scanner_new (self, FALSE);
    GPtrArray *items = pn_queue_scanner_take (scanner, 2, 0, -1);
    for (guint i = 0; i < items->len; i++)
      pn_queue_item_busy (g_ptr_array_index (items, i), TRUE);
    raise (SIGKILL);
  }
  waitpid (pid, NULL, 0);
  PnQueueScanner *scanner = scanner_new (self, TRUE);
  PnQueueItem *first = take_one (scanner, 0);
  g_assert_nonnull (first);
  g_assert_cmpuint (first->attempts, ==, 1);
  assert_empty (scanner);
  g_assert_true (pn_queue_item_done (first, NULL));
  pn_queue_item_free (first);
  PnQueueItem *second = take_one (scanner, 0);
  g_assert_nonnull (second);
  g_assert_true (pn_queue_item_done (second, NULL));
  pn_queue_item_free (second);
  pn_queue_scanner_free (scanner);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { PUTTERS = 6, EACH = 60 };

typedef struct {
  PnQueue *queue;
  PnQueueScanner *scanner;
  guint number;
  gint *seen;
  gint *taken;
} Worker;

static gpointer
putter_main (gpointer user)
{
  Worker *self = user;
  for (guint i = 0; i < EACH; i++) {
    g_autofree char *text = g_strdup_printf ("%u", self->number * EACH + i);
    put (self->queue, text, i % 8, i % 2, NULL);
  }
  return NULL;
}

static gpointer
taker_main (gpointer user)
{
  Worker *self = user;
  while (g_atomic_int_get (self->taken) < PUTTERS * EACH) {
    g_autoptr (GPtrArray) items = pn_queue_scanner_take (self->scanner, 7, 100, -1);
    for (guint i = 0; i < items->len; i++) {
      PnQueueItem *item = g_ptr_array_index (items, i);
      g_autofree char *text = NULL;
      pn_queue_item_busy (item, TRUE);
      g_assert_true (g_file_get_contents (item->path, &text, NULL, NULL));
      pn_queue_item_busy (item, FALSE);
      g_atomic_int_inc (&self->seen[atoi (text)]);
      g_assert_true (pn_queue_item_done (item, NULL));
      g_atomic_int_inc (self->taken);
    }
  }
  return NULL;
}

static void
test_threads (Fixture *self, gconstpointer data)
{
  (void) data;
  gint seen[PUTTERS * EACH] = { 0 }, taken = 0;
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  Worker workers[PUTTERS + 3];
  GThread *threads[PUTTERS + 3];
  for (guint i = 0; i < PUTTERS + 3; i++) {
    workers[i] = (Worker){ self->queue, scanner, i, seen, &taken };
    threads[i] = g_thread_new ("worker", i < PUTTERS ? putter_main : taker_main, &workers[i]);
  }
  for (guint i = 0; i < PUTTERS + 3; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < PUTTERS * EACH; i++)
    g_assert_cmpint (seen[i], ==, 1);
  assert_empty (scanner);
  pn_queue_scanner_free (scanner);
}

/* More names than the scanner keeps, and more than inotify's queue holds. */
static void
test_very_many (Fixture *self, gconstpointer data)
{
  (void) data;
  enum { N = 60000 };
  PnQueueScanner *scanner = scanner_new (self, FALSE);
  assert_empty (scanner);
  char name[13];
  put (self->queue, "x", 4, TRUE, name);
  g_autofree char *path = g_build_filename (self->path, "4", name, NULL);
  for (guint i = 1; i < N; i++)
    g_assert_true (pn_queue_link (self->queue, path, 4, NULL, NULL));
  guint n = 0;
  for (;;) {
    g_autoptr (GPtrArray) items = pn_queue_scanner_take (scanner, 1000, 1000, -1);
    if (items->len == 0)
      break;
    for (guint i = 0; i < items->len; i++)
      g_assert_true (pn_queue_item_done (g_ptr_array_index (items, i), NULL));
    n += items->len;
  }
  g_assert_cmpuint (n, ==, N);
  pn_queue_scanner_free (scanner);
}

/* --- sealed files ----------------------------------------------------------------------------- */

static void
test_open (Fixture *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_autofree char *key_path = g_build_filename (self->top, "key", NULL);
  g_autoptr (PnKey) key = pn_key_create (key_path, &error);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  g_free (message->id);
  message->id = g_strdup ("6743A1B2.1F3C.00A1.0000001C");
  message->subject = g_strdup ("Hello");
  PnRecipient *to = pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "NORTH", "anna"));
  to->deliver = to->listed = TRUE;
  gsize length = 300 * 1024;
  g_autoptr (GBytes) big = g_bytes_new_take (g_strnfill (length, 'b'), length);
  pn_message_add_part (
      message, pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", pn_content_new_bytes (big)));
  g_assert_true (pn_outgoing_put (self->queue, key, message, 4, &error));
  g_assert_no_error (error);

  PnQueueScanner *scanner = scanner_new (self, FALSE);
  PnQueueItem *item = take_one (scanner, 0);
  g_assert_nonnull (item);
  for (int head_only = 0; head_only < 2; head_only++) {
    int fd = -1;
    g_autoptr (PnSource) source = pn_queue_open_file (item->path, key, head_only, &fd, &error);
    g_assert_no_error (error);
    g_assert_cmpint (fd, >=, 0);
    close (fd);
    g_autoptr (PnMessage) read = pn_native_read_head (source, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (read->subject, ==, "Hello");
  }
  g_autofree char *bytes = NULL;
  g_assert_true (g_file_get_contents (item->path, &bytes, &length, NULL));
  g_assert_null (memmem (bytes, length, "Hello", 5));

  /* A changed byte is damage; a file that has gone is not. */
  bytes[40] ^= 1;
  g_assert_cmpint (chmod (item->path, 0600), ==, 0);
  g_assert_true (g_file_set_contents (item->path, bytes, (gssize) length, NULL));
  g_autoptr (PnSource) damaged = pn_queue_open_file (item->path, key, TRUE, NULL, &error);
  if (damaged) {
    g_autoptr (PnMessage) read = pn_native_read_head (damaged, &error);
    g_assert_null (read);
  }
  g_assert_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_DAMAGED);
  g_clear_error (&error);
  g_assert_true (pn_queue_item_done (item, NULL));
  g_assert_null (pn_queue_open_file (item->path, key, TRUE, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  pn_queue_item_free (item);
  pn_queue_scanner_free (scanner);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  pn_log_init ("test", NULL, "error");
  g_test_add_func ("/queue/names", test_names);
#define ADD(name, function) g_test_add ("/queue/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("paths", test_paths);
  ADD ("order", test_order);
  ADD ("modes", test_modes);
  ADD ("batch", test_batch);
  ADD ("link", test_link);
  ADD ("made-again", test_made_again);
  ADD ("wake", test_wake);
  ADD ("later", test_later);
  ADD ("strangers", test_strangers);
  ADD ("problem", test_problem);
  ADD ("claims", test_claims);
  ADD ("suspects", test_suspects);
  ADD ("threads", test_threads);
  ADD ("open", test_open);
  ADD ("very-many", test_very_many);
  return g_test_run ();
}
