/* The journal on a full disk, and with its writer and reader killed at random. */
#include "journal-house.h"

/* --- full disk -------------------------------------------------------------------------------- */

/* Fills the file system until nothing goes any more, then makes room: what was promised is there, nothing
 * else. */
static void
test_full (void)
{
  g_autofree char *top = g_dir_make_tmp ("postern-full-XXXXXX", NULL);
  if (geteuid () != 0 || mount ("tmpfs", top, "tmpfs", 0, "size=4m") < 0) {
    g_rmdir (top);
    g_test_skip ("needs a small tmpfs, which needs root");
    return;
  }
  House house;
  house_open (&house, top);
  PnJournal *writer = open_writer (&house);
  g_autoptr (GHashTable) promised = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = g_strnfill (20000, 'f');
  guint n = 0;
  for (;; n++) {
    g_autofree char *id = g_strdup_printf ("%u", n);
    Wait wait = { 0 };
    append (writer, id, text, 20000, &wait);
    wait_for (&wait);
    if (wait.error) {
      g_assert_error (wait.error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_FULL);
      g_clear_error (&wait.error);
      break;
    }
    g_hash_table_add (promised, g_steal_pointer (&id));
    g_assert_cmpuint (n, <, 1000);
  }
  g_assert_cmpuint (n, >, 10);
  PnJournalReader *reader = open_reader (&house, FALSE);
  for (guint i = 0; i < n; i++) {
    g_autoptr (PnReceived) received = take (reader);
    g_assert_nonnull (received);
    g_assert_true (g_hash_table_remove (promised, received->envelope->id));
    pn_received_done (reader, received, -1);
  }
  assert_nothing (reader);
  checkpoint (reader, TRUE);
  /* The consumed segments can be used again although the disk is as full as before. */
  append_now (writer, "after", "room again");
  assert_next (reader, "after");
  pn_journal_close (writer);
  pn_journal_reader_close (reader);
  pn_queue_free (house.queue);
  pn_key_unref (house.key);
  g_assert_cmpint (umount (top), ==, 0);
  g_rmdir (top);
  g_free (house.queue_path);
  g_free (house.receive);
  g_free (house.top);
}

static void
test_file_limit (House *self, gconstpointer data)
{
  (void) data;
  pid_t pid = fork ();
  if (pid == 0) {
    PnJournal *writer = open_writer (self);
    append_now (writer, "1", "while it goes");
    struct rlimit limit = { 64 * 1024, 64 * 1024 };
    signal (SIGXFSZ, SIG_IGN);
    setrlimit (RLIMIT_FSIZE, &limit);
    g_autofree char *text = g_strnfill (50000, 'l');
    Wait wait = { 0 };
    /* The second one crosses the limit within the segment. */
    append (writer, "2", text, 50000, &wait);
    wait_for (&wait);
    g_assert_no_error (wait.error);
    append (writer, "3", text, 50000, &wait);
    wait_for (&wait);
    g_assert_error (wait.error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_FULL);
    g_clear_error (&wait.error);
    append (writer, "4", "small", 5, &wait);
    wait_for (&wait);
    pn_journal_close (writer);
    _exit (wait.error ? 4 : 0);
  }
  int status;
  waitpid (pid, &status, 0);
  g_assert_true (WIFEXITED (status));
  PnJournalReader *reader = open_reader (self, FALSE);
  assert_next (reader, "1");
  assert_next (reader, "2");
  /* Whether "4" found a segment prepared before the limit came down is a matter of luck; "3" must never show.
   */
  if (WEXITSTATUS (status) == 0)
    assert_next (reader, "4");
  assert_nothing (reader);
  pn_journal_reader_close (reader);
}

/* --- killed at random ------------------------------------------------------------------------- */

/* Counts what was promised to the client, in memory that outlives the children. */
typedef struct {
  gint next;
  gint refused;
  guint8 promised[200000];
  guint8 stored[200000];
} Ledger;

typedef struct {
  Ledger *ledger;
  guint number;
} Promise;

static void
on_promise (gpointer user, const GError *error)
{
  Promise *promise = user;
  if (!error)
    __atomic_store_n (&promise->ledger->promised[promise->number], 1, __ATOMIC_SEQ_CST);
  else
    g_atomic_int_inc (&promise->ledger->refused);
  g_free (promise);
}

static void
crash_writer (House *self, Ledger *ledger)
{
  PnJournal *writer = open_writer (self);
  g_autofree char *text = g_strnfill (6000, 'k');
  for (;;) {
    guint number = (guint) g_atomic_int_add (&ledger->next, 1);
    if (number >= sizeof ledger->promised)
      pause ();
    g_autofree char *id = g_strdup_printf ("%u", number);
    g_autoptr (PnEnvelope) envelope = make_envelope (id);
    guint8 hash[16];
    make_hash (id, hash);
    Promise *promise = g_new (Promise, 1);
    *promise = (Promise){ ledger, number };
    guint64 ticket;
    if (number % 40 == 7) {
      append_file (self, writer, id, 100 * 1024);
      __atomic_store_n (&ledger->promised[number], 1, __ATOMIC_SEQ_CST);
      g_free (promise);
    } else
      pn_journal_append (writer, envelope, text, number % 6000, hash, &ticket, on_promise, promise);
    if (number % 16 == 0)
      g_usleep (500);
    /* Full: as clients do after a 452. */
    if (__atomic_exchange_n (&ledger->refused, 0, __ATOMIC_SEQ_CST) > 0)
      g_usleep (20000);
  }
}

/* Takes from the journal into the queue. */
static void
crash_reader (House *self)
{
  PnJournalReader *reader = open_reader (self, FALSE);
  g_autoptr (PnQueue) queue = pn_queue_open (self->queue_path, NULL);
  g_autofree char *pool = g_build_filename (pn_queue_path (queue), "POOL", NULL);
  g_assert_true (pn_journal_reader_recycle (reader, queue, pool, NULL));
  for (guint n = 0;; n++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnReceived) received = pn_journal_reader_take (reader, 20, -1, &error);
    g_assert_no_error (error);
    if (n % 64 == 0 || !received)
      g_assert_true (pn_journal_reader_checkpoint (reader, n % 256 == 0, NULL));
    if (!received)
      continue;
    int fd = pn_queue_stage (queue, NULL);
    g_assert_cmpint (fd, >=, 0);
    gsize length = strlen (received->envelope->id);
    g_assert_cmpint (write (fd, received->envelope->id, length), ==, (gssize) length);
    g_assert_true (pn_queue_put (queue, fd, 4, TRUE, NULL, NULL));
    pn_received_done (reader, received, fd);
  }
}

/* Takes from the queue into the ledger. */
static void
crash_store (House *self, Ledger *ledger)
{
  g_autoptr (PnQueue) queue = pn_queue_open (self->queue_path, NULL);
  PnQueueScanner *scanner = pn_queue_scanner_new (&queue, 1, 1, FALSE, NULL);
  for (;;) {
    g_autoptr (GPtrArray) items = pn_queue_scanner_take (scanner, 64, 1000, -1);
    for (guint i = 0; i < items->len; i++) {
      PnQueueItem *item = g_ptr_array_index (items, i);
      g_autofree char *text = NULL;
      g_assert_true (g_file_get_contents (item->path, &text, NULL, NULL));
      ledger->stored[g_ascii_strtoull (text, NULL, 10)] = 1;
      g_assert_true (pn_queue_item_done (item, NULL));
    }
  }
}

static pid_t
start_child (House *self, Ledger *ledger, int which)
{
  pid_t pid = fork ();
  if (pid != 0)
    return pid;
  if (which == 0)
    crash_writer (self, ledger);
  else if (which == 1)
    crash_reader (self);
  else
    crash_store (self, ledger);
  _exit (1);
}

static void
stop_child (pid_t pid)
{
  int status;
  kill (pid, SIGKILL);
  waitpid (pid, &status, 0);
  /* It must have died of us and not of its own assertions. */
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
}

static guint
count_missing (const Ledger *ledger)
{
  guint missing = 0;
  for (guint i = 0; i < sizeof ledger->promised; i++)
    missing += ledger->promised[i] && !ledger->stored[i];
  return missing;
}

static void
test_killed (House *self, gconstpointer data)
{
  (void) data;
  const char *seconds = g_getenv ("POSTERN_CRASH_SECONDS");
  gint64 end = g_get_monotonic_time () + (seconds ? g_ascii_strtoll (seconds, NULL, 10) : 3) * G_USEC_PER_SEC;
  Ledger *ledger = mmap (NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t children[3];
  for (int i = 0; i < 3; i++)
    children[i] = start_child (self, ledger, i);
  guint kills = 0;
  while (g_get_monotonic_time () < end) {
    g_usleep ((gulong) g_test_rand_int_range (2000, 120000));
    int which = g_test_rand_int_range (0, 3);
    stop_child (children[which]);
    children[which] = start_child (self, ledger, which);
    kills++;
  }
  stop_child (children[0]);
  for (int i = 0; i < 300 && count_missing (ledger) > 0; i++)
    g_usleep (100 * 1000);
  stop_child (children[1]);
  stop_child (children[2]);
  guint promised = 0;
  for (guint i = 0; i < sizeof ledger->promised; i++)
    promised += ledger->promised[i];
  g_test_message ("%u kills, %d handed in, %u promised, %u missing", kills, ledger->next, promised,
                  count_missing (ledger));
  g_assert_cmpuint (promised, >, 50);
  g_assert_cmpuint (count_missing (ledger), ==, 0);
  munmap (ledger, sizeof *ledger);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  pn_log_init ("test", NULL, "error");
  g_test_add ("/journal-crash/file-limit", House, NULL, set_up, test_file_limit, tear_down);
  g_test_add ("/journal-crash/killed", House, NULL, set_up, test_killed, tear_down);
  g_test_add_func ("/journal-crash/full", test_full);
  return g_test_run ();
}
