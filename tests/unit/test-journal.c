#include "journal-house.h"

/* --- tests ------------------------------------------------------------------------------------ */

static void
test_envelope (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnEnvelope) e = make_envelope ("6743A1B2.0001");
  g_free (e->helo);
  e->helo = g_strdup ("odd\\name\nto=evil@example.net\r");
  e->envid = g_strdup ("x=y");
  e->smtputf8 = TRUE;
  g_autofree char *text = pn_envelope_to_text (e);
  g_autoptr (PnEnvelope) back = pn_envelope_from_text (text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back->id, ==, e->id);
  g_assert_cmpint (back->time, ==, e->time);
  g_assert_cmpstr (back->helo, ==, e->helo);
  g_assert_cmpstr (back->envid, ==, "x=y");
  g_assert_null (back->ret);
  g_assert_null (back->user);
  g_assert_true (back->smtputf8);
  g_assert_cmpuint (g_strv_length (back->rcpt_to), ==, 2);
  g_assert_cmpstr (back->rcpt_to[1], ==, "b@example.com");
  g_assert_cmpstr (back->rcpt_notify[0], ==, "");
  g_assert_cmpstr (back->rcpt_notify[1], ==, "NEVER");
  g_assert_cmpstr (back->rcpt_orcpt[0], ==, "rfc822;a@example.com");

  static const char *const bad[]
      = { "", "from=x\n", "to=a@b\nnonsense\n", "notify=NEVER\nto=a@b\n", "to=a@b\nunknown=1\n" };
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) bad_error = NULL;
    g_assert_null (pn_envelope_from_text (bad[i], strlen (bad[i]), &bad_error));
    g_assert_error (bad_error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED);
  }
}

static void
test_round (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  append_now (writer, "1", "first");
  PnJournalReader *reader = open_reader (self, FALSE);
  append_now (writer, "2", "");
  g_assert_cmpuint (pn_journal_waiting (self->receive), ==, 2);
  g_autoptr (PnReceived) one = take (reader);
  g_assert_nonnull (one);
  g_autofree char *text = read_data (one);
  g_assert_cmpstr (text, ==, "first");
  g_assert_cmpstr (one->envelope->peer, ==, "192.0.2.1");
  g_assert_cmpuint (one->attempts, ==, 0);
  pn_received_done (reader, one, -1);
  g_autoptr (PnReceived) two = take (reader);
  g_assert_cmpuint (two->data->size, ==, 0);
  pn_received_done (reader, two, -1);
  assert_nothing (reader);
  g_assert_cmpuint (pn_journal_waiting (self->receive), ==, 0);
  pn_journal_close (writer);
  checkpoint (reader, TRUE);
  pn_journal_reader_close (reader);
}

/* Put off, freed without an end, given out again. */
static void
test_later (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  append_now (writer, "1", "one");
  append_now (writer, "2", "two");
  PnReceived *one = take (reader);
  pn_received_later (reader, one, 0);
  pn_received_free (one);
  PnReceived *two = take (reader);
  g_autofree char *id = g_strdup (two->envelope->id);
  pn_received_free (two);
  assert_next (reader, g_str_equal (id, "1") ? "2" : "1");
  assert_nothing (reader);
  g_autoptr (PnReceived) again = pn_journal_reader_take (reader, 3000, -1, NULL);
  g_assert_nonnull (again);
  g_assert_cmpstr (again->envelope->id, ==, id);
  pn_received_done (reader, again, -1);
  pn_journal_close (writer);
  pn_journal_reader_close (reader);
}

/* --- many, over many segments ----------------------------------------------------------------- */

typedef struct {
  House *house;
  PnJournalReader *reader;
  guint8 *seen;
  guint n;
  gint taken;
} Many;

static gpointer
many_reader (gpointer user)
{
  Many *many = user;
  g_autoptr (GError) error = NULL;
  while (g_atomic_int_get (&many->taken) < (gint) many->n) {
    g_autoptr (PnReceived) received = pn_journal_reader_take (many->reader, 200, -1, &error);
    g_assert_no_error (error);
    if (!received)
      continue;
    guint number = (guint) g_ascii_strtoull (received->envelope->id, NULL, 10);
    g_assert_cmpuint (number, <, many->n);
    g_assert_cmpuint (many->seen[number], ==, 0);
    many->seen[number] = 1;
    g_autofree char *text = read_data (received);
    g_assert_cmpuint (strlen (text), ==, number % 5000);
    g_assert_true (number % 5000 == 0 || text[number % 5000 - 1] == (char) ('a' + number % 26));
    pn_received_busy (many->reader, received, TRUE);
    pn_received_busy (many->reader, received, FALSE);
    pn_received_done (many->reader, received, -1);
    if (g_atomic_int_add (&many->taken, 1) % 50 == 0)
      checkpoint (many->reader, FALSE);
  }
  return NULL;
}

static guint
count_segments (House *self)
{
  guint n = 0;
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++) {
    g_autofree char *path = pn_segment_path (self->receive, i);
    n += access (path, F_OK) == 0;
  }
  return n;
}

static void
test_many (House *self, gconstpointer data)
{
  (void) data;
  enum { N = 3000 };
  PnJournal *writer = open_writer (self);
  Many many = { .house = self, .reader = open_reader (self, FALSE), .n = N };
  many.seen = g_malloc0 (N);
  GThread *threads[3];
  for (guint i = 0; i < 3; i++)
    threads[i] = g_thread_new ("reader", many_reader, &many);
  Wait wait = { 0 };
  for (guint i = 0; i < N; i++) {
    g_autofree char *id = g_strdup_printf ("%u", i);
    g_autofree char *text = g_strnfill (i % 5000, (char) ('a' + i % 26));
    guint64 ticket = append (writer, id, text, i % 5000, &wait);
    pn_journal_answered (writer, ticket);
    if (i % 32 == 0)
      wait_for (&wait);
  }
  wait_for (&wait);
  g_assert_no_error (wait.error);
  for (guint i = 0; i < 3; i++)
    g_thread_join (threads[i]);
  assert_nothing (many.reader);
  pn_journal_close (writer);
  checkpoint (many.reader, TRUE);
  g_assert_cmpuint (pn_journal_waiting (self->receive), ==, 0);
  /* About 8 MiB went through; what was consumed was used again. */
  g_assert_cmpuint (count_segments (self), <, 50);
  pn_journal_reader_close (many.reader);
  g_free (many.seen);
}

/* --- covered queue files ---------------------------------------------------------------------- */

static int
put_covered (House *self, char name[13])
{
  g_autoptr (GError) error = NULL;
  int fd = pn_queue_stage (self->queue, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fd, "sealed", 6), ==, 6);
  g_assert_true (pn_queue_put (self->queue, fd, 4, TRUE, name, &error));
  g_assert_no_error (error);
  return fd;
}

static guint
mode_of (House *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->queue_path, "4", name, NULL);
  struct stat st;
  g_assert_cmpint (lstat (path, &st), ==, 0);
  return st.st_mode & 0777;
}

static guint
count_state (House *self, PnRowState state)
{
  g_autofree char *path = g_build_filename (self->receive, "JOURNAL.CTL", NULL);
  g_autofree char *bytes = NULL;
  g_assert_true (g_file_get_contents (path, &bytes, NULL, NULL));
  guint n = 0;
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++)
    n += ((PnJournalControl *) (void *) bytes)->rows[i].state == (guint32) state;
  return n;
}

static void
test_covered (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  append_now (writer, "1", "one");
  append_now (writer, "2", "two");
  pn_journal_close (writer);
  char first[13], second[13];
  PnReceived *one = take (reader);
  pn_received_done (reader, one, put_covered (self, first));
  pn_received_free (one);
  PnReceived *two = take (reader);
  pn_received_done (reader, two, put_covered (self, second));
  pn_received_free (two);
  checkpoint (reader, FALSE);
  g_assert_cmpuint (count_state (self, PN_ROW_CLOSED), ==, 1);
  g_assert_cmpuint (mode_of (self, first), ==, 0600);
  /* One is consumed, the other is a straggler. */
  g_autofree char *path = g_build_filename (self->queue_path, "4", first, NULL);
  g_unlink (path);
  checkpoint (reader, FALSE);
  g_assert_cmpuint (count_state (self, PN_ROW_CLOSED), ==, 1);
  checkpoint (reader, TRUE);
  g_assert_cmpuint (mode_of (self, second), ==, 0400);
  g_assert_cmpuint (count_state (self, PN_ROW_CLOSED), ==, 0);
  pn_journal_reader_close (reader);
}

/* What was done before the reader died is not converted again, and is flushed. */
static void
test_reader_restart (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  append_now (writer, "1", "one");
  append_now (writer, "2", "two");
  append_now (writer, "3", "three");
  char name[13];
  PnReceived *one = take (reader);
  pn_received_done (reader, one, put_covered (self, name));
  pn_received_free (one);
  PnReceived *two = take (reader);
  two->reader = NULL; /* as if the process had died */
  pn_received_free (two);
  pn_journal_reader_close (reader);

  reader = open_reader (self, TRUE);
  g_assert_cmpuint (mode_of (self, name), ==, 0400);
  assert_next (reader, "2");
  assert_next (reader, "3");
  assert_nothing (reader);
  pn_journal_close (writer);
  checkpoint (reader, TRUE);
  g_assert_cmpuint (count_state (self, PN_ROW_CLOSED), ==, 0);
  pn_journal_reader_close (reader);
}

static void
test_attempts (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  append_now (writer, "1", "poison");
  append_now (writer, "2", "good");
  for (guint death = 1; death <= 3; death++) {
    pid_t pid = fork ();
    if (pid == 0) {
      PnJournalReader *reader = open_reader (self, death > 1);
      for (PnReceived *r; (r = take (reader));)
        if (g_str_equal (r->envelope->id, "1")) {
          pn_received_busy (reader, r, TRUE);
          raise (SIGKILL);
        }
      _exit (1);
    }
    int status;
    waitpid (pid, &status, 0);
    g_assert_true (WIFSIGNALED (status));
  }
  PnJournalReader *reader = open_reader (self, TRUE);
  assert_next (reader, "2");
  g_autoptr (PnReceived) poison = take (reader);
  g_assert_cmpstr (poison->envelope->id, ==, "1");
  g_assert_cmpuint (poison->attempts, ==, 3);
  g_autofree char *gwprob = g_build_filename (self->top, "gwprob", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_received_problem (reader, poison, gwprob, "It kills.", &error));
  g_assert_no_error (error);
  assert_nothing (reader);
  checkpoint (reader, TRUE);
  pn_journal_reader_close (reader);

  /* What lies in gwprob can be moved back. */
  g_autoptr (GDir) dir = g_dir_open (gwprob, 0, NULL);
  const char *name;
  guint texts = 0, files = 0;
  while ((name = g_dir_read_name (dir))) {
    texts += g_str_has_suffix (name, ".TXT");
    if (!g_str_has_suffix (name, ".RCV"))
      continue;
    files++;
    g_autofree char *from = g_build_filename (gwprob, name, NULL);
    g_autofree char *to = g_build_filename (self->receive, name, NULL);
    g_assert_cmpint (g_rename (from, to), ==, 0);
  }
  g_assert_cmpuint (texts, ==, 1);
  g_assert_cmpuint (files, ==, 1);
  reader = open_reader (self, FALSE);
  g_autoptr (PnReceived) again = take (reader);
  g_assert_cmpstr (again->envelope->id, ==, "1");
  g_assert_cmpuint (again->attempts, ==, 0);
  g_autofree char *text = read_data (again);
  g_assert_cmpstr (text, ==, "poison");
  pn_received_done (reader, again, -1);
  pn_journal_reader_close (reader);
  pn_journal_close (writer);
}

static void
test_orphans (House *self, gconstpointer data)
{
  (void) data;
  pid_t pid = fork ();
  if (pid == 0) {
    PnJournal *writer = open_writer (self);
    append_now (writer, "answered", "x");
    Wait wait = { 0 };
    append (writer, "orphan", "y", 1, &wait);
    wait_for (&wait);
    raise (SIGKILL);
  }
  waitpid (pid, NULL, 0);
  for (int run = 0; run < 2; run++) {
    PnJournal *writer = open_writer (self);
    guint8 hash[16];
    make_hash ("answered", hash);
    g_assert_null (pn_journal_take_orphan (writer, hash));
    make_hash ("orphan", hash);
    g_autofree char *id = pn_journal_take_orphan (writer, hash);
    g_assert_cmpstr (id, ==, "orphan");
    g_assert_null (pn_journal_take_orphan (writer, hash));
    pn_journal_close (writer);
  }
  /* A connection that died before its 250. */
  PnJournal *writer = open_writer (self);
  Wait wait = { 0 };
  guint64 ticket = append (writer, "lost", "z", 1, &wait);
  wait_for (&wait);
  guint8 hash[16];
  make_hash ("lost", hash);
  g_assert_null (pn_journal_take_orphan (writer, hash));
  pn_journal_unanswered (writer, ticket);
  g_autofree char *id = pn_journal_take_orphan (writer, hash);
  g_assert_cmpstr (id, ==, "lost");
  pn_journal_close (writer);
}

static void
edit_control (House *self, void (*edit) (PnJournalControl *control))
{
  g_autofree char *path = g_build_filename (self->receive, "JOURNAL.CTL", NULL);
  int fd = open (path, O_RDWR);
  PnJournalControl *map = mmap (NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (map != MAP_FAILED);
  edit (map);
  munmap (map, sizeof *map);
  close (fd);
}

static char unnamed_file[16];

static void
as_pending (PnJournalControl *control)
{
  for (guint i = 0; i < PN_JOURNAL_RING; i++) {
    PnJournalCommit *commit = &control->ring[i];
    if (commit->state == PN_COMMIT_FILE)
      commit->state = PN_COMMIT_FILE_PENDING;
    if (strcmp (commit->id, "unnamed") == 0)
      g_strlcpy (unnamed_file, commit->file, sizeof unnamed_file);
  }
}

/* A writer that was killed while it gave a message its name: the reader may have seen and ended it already.
 */
static void
test_file_orphans (House *self, gconstpointer data)
{
  (void) data;
  static const char *const ids[] = { "consumed", "waits", "unnamed" };
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  for (guint i = 0; i < 3; i++) {
    append_file_unanswered (self, writer, ids[i], 1000);
    if (i == 0)
      assert_next (reader, ids[i]);
  }
  pn_journal_reader_close (reader);
  pn_journal_close (writer);
  edit_control (self, as_pending);
  g_autofree char *path = g_build_filename (self->receive, unnamed_file, NULL);
  g_autofree char *first = pn_journal_first_path (self->receive, unnamed_file);
  g_assert_cmpint (g_rename (path, first), ==, 0);

  writer = open_writer (self);
  for (guint i = 0; i < 3; i++) {
    guint8 hash[16];
    make_hash (ids[i], hash);
    g_autofree char *id = pn_journal_take_orphan (writer, hash);
    g_assert_cmpstr (id, ==, i < 2 ? ids[i] : NULL);
  }
  g_assert_cmpint (g_access (first, F_OK), <, 0);
  reader = open_reader (self, FALSE);
  assert_next (reader, "waits");
  assert_nothing (reader);
  pn_journal_reader_close (reader);
  pn_journal_close (writer);
}

static void
other_boot (PnJournalControl *control)
{
  memset (control->boot, 'x', 8);
  memset (control->reader_boot, 'x', 8);
  memset (control->rows, 0, sizeof control->rows);
}

/* The control file is older than the segments: the tags decide, from the consumption head on. */
static void
test_machine_crash (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  append_now (writer, "1", "freed with its segment");
  assert_next (reader, "1");
  pn_journal_close (writer);
  checkpoint (reader, TRUE);
  writer = open_writer (self);
  append_now (writer, "2", "consumed in an active segment");
  assert_next (reader, "2");
  checkpoint (reader, TRUE);
  append_now (writer, "3", "done, but not consumed");
  append_now (writer, "4", "not read");
  char name[13];
  PnReceived *three = take (reader);
  g_assert_cmpstr (three->envelope->id, ==, "3");
  pn_received_done (reader, three, put_covered (self, name));
  pn_received_free (three);
  pn_journal_close (writer);
  pn_journal_reader_close (reader);
  edit_control (self, other_boot);

  reader = open_reader (self, TRUE);
  assert_next (reader, "3");
  assert_next (reader, "4");
  assert_nothing (reader);
  writer = open_writer (self);
  guint8 hash[16];
  make_hash ("4", hash);
  g_autofree char *id = pn_journal_take_orphan (writer, hash);
  g_assert_cmpstr (id, ==, "4");
  make_hash ("1", hash);
  g_assert_null (pn_journal_take_orphan (writer, hash));
  append_now (writer, "5", "after it");
  assert_next (reader, "5");
  assert_nothing (reader);
  pn_journal_close (writer);
  pn_journal_reader_close (reader);
}

static guint64 cut_at;

static void
cut_committed (PnJournalControl *control)
{
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++)
    if (control->rows[i].state == PN_ROW_CLOSED) {
      control->rows[i].records = 1;
      control->rows[i].committed = cut_at;
    }
}

/* Where the second record of the first segment lies. */
static guint64
second_record (House *self)
{
  g_autofree char *path = pn_segment_path (self->receive, 0);
  int fd = open (path, O_RDONLY);
  PnRecordHead head;
  g_assert_cmpint (pread (fd, &head, sizeof head, PN_SEGMENT_START), ==, sizeof head);
  close (fd);
  return PN_SEGMENT_START + pn_record_size (head.length);
}

/* Within a boot, what lies behind the committed end was never promised. */
static void
test_committed_end (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  g_autofree char *text = g_strnfill (150, 'x');
  append_now (writer, "1", text);
  append_now (writer, "2", text);
  pn_journal_close (writer);
  cut_at = second_record (self);
  edit_control (self, cut_committed);
  PnJournalReader *reader = open_reader (self, FALSE);
  assert_next (reader, "1");
  assert_nothing (reader);
  pn_journal_reader_close (reader);
}

static void
test_damaged (House *self, gconstpointer data)
{
  (void) data;
  PnJournal *writer = open_writer (self);
  append_now (writer, "1", "one");
  append_now (writer, "2", "two");
  append_now (writer, "3", "three");
  pn_journal_close (writer);
  g_autofree char *path = pn_segment_path (self->receive, 0);
  int fd = open (path, O_RDWR);
  off_t at = (off_t) (second_record (self) + sizeof (PnRecordHead) + 20);
  g_assert_cmpint (pwrite (fd, "!!!!", 4, at), ==, 4);
  close (fd);
  PnJournalReader *reader = open_reader (self, FALSE);
  assert_next (reader, "1");
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_journal_reader_take (reader, 0, -1, &error));
  g_assert_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED);
  assert_next (reader, "3");
  assert_nothing (reader);
  checkpoint (reader, TRUE);
  pn_journal_reader_close (reader);
  /* The segment with the damaged bytes is kept. */
  g_autofree char *gwprob = g_build_filename (self->top, "gwprob", NULL);
  g_autoptr (GDir) dir = g_dir_open (gwprob, 0, NULL);
  g_assert_nonnull (dir);
  g_assert_true (g_str_has_suffix (g_dir_read_name (dir), ".bad"));
}

/* --- files used again ------------------------------------------------------------------------- */

/* One message from the journal into the queue as TEXT; returns the inode of its queue file. */
static ino_t
convert (House *self, PnJournal *writer, PnJournalReader *reader, const char *text, char name[13])
{
  g_autoptr (GError) error = NULL;
  append_now (writer, text, text);
  g_autoptr (PnReceived) received = take (reader);
  int fd = pn_queue_stage (self->queue, &error);
  g_assert_no_error (error);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
  g_assert_true (pn_queue_put (self->queue, fd, 4, TRUE, name, &error));
  pn_received_done (reader, received, fd);
  g_autofree char *path = g_build_filename (self->queue_path, "4", name, NULL);
  g_autofree char *got = NULL;
  g_assert_true (g_file_get_contents (path, &got, NULL, NULL));
  g_assert_cmpstr (got, ==, text);
  struct stat st;
  g_assert_cmpint (stat (path, &st), ==, 0);
  return st.st_ino;
}

static void
consume (House *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->queue_path, "4", name, NULL);
  g_assert_cmpint (g_unlink (path), ==, 0);
}

static guint
count_pool (House *self)
{
  g_autofree char *path = g_build_filename (self->queue_path, "POOL", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;
  while (g_dir_read_name (dir))
    n++;
  return n;
}

static gboolean
recycle (House *self, PnJournalReader *reader, GError **error)
{
  g_autofree char *path = g_build_filename (self->queue_path, "POOL", NULL);
  return pn_journal_reader_recycle (reader, self->queue, path, error);
}

static void
test_recycle (House *self, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  g_assert_true (recycle (self, reader, &error));
  char first[13], second[13], third[13], fourth[13];
  ino_t one = convert (self, writer, reader, "a long first message", first);
  ino_t two = convert (self, writer, reader, "second", second);
  g_assert_cmpuint (one, !=, two);
  consume (self, first);
  checkpoint (reader, FALSE);
  g_assert_cmpuint (convert (self, writer, reader, "shorter", third), ==, one);
  g_assert_cmpuint (count_pool (self), ==, 2);

  /* What had to be flushed is left alone. */
  checkpoint (reader, TRUE);
  g_assert_cmpuint (mode_of (self, second), ==, 0400);
  g_assert_cmpuint (count_pool (self), ==, 0);
  consume (self, second);
  consume (self, third);
  checkpoint (reader, TRUE);
  convert (self, writer, reader, "fourth", fourth);
  g_assert_cmpuint (count_pool (self), ==, 1);

  /* So is what is put without the journal. */
  int fd = pn_queue_stage (self->queue, &error);
  g_assert_cmpint (write (fd, "flushed", 7), ==, 7);
  g_assert_true (pn_queue_put (self->queue, fd, 4, FALSE, third, &error));
  close (fd);
  g_assert_cmpuint (mode_of (self, third), ==, 0400);
  g_assert_cmpuint (count_pool (self), ==, 1);

  /* The next run begins anew; what lies in the queue is untouched. */
  pn_journal_reader_close (reader);
  reader = open_reader (self, TRUE);
  g_assert_true (recycle (self, reader, &error));
  g_assert_cmpuint (count_pool (self), ==, 0);
  g_assert_cmpuint (mode_of (self, fourth), ==, 0400);
  pn_journal_reader_close (reader);
  pn_journal_close (writer);
}

/* --- files of their own ----------------------------------------------------------------------- */

static void
test_files (House *self, gconstpointer data)
{
  (void) data;
  enum { LENGTH = 3 * 1024 * 1024 };
  PnJournal *writer = open_writer (self);
  PnJournalReader *reader = open_reader (self, FALSE);
  append_file (self, writer, "big", LENGTH);
  g_assert_cmpuint (pn_journal_waiting (self->receive), ==, 1);
  g_autoptr (PnReceived) big = pn_journal_reader_take (reader, 2000, -1, NULL);
  g_assert_cmpstr (big->envelope->id, ==, "big");
  g_assert_cmpuint (big->data->size, ==, LENGTH);
  g_assert_nonnull (big->path);
  char byte;
  g_assert_true (pn_source_read (big->data, LENGTH - 1, &byte, 1, NULL));
  g_assert_cmpint (byte, ==, 'd');
  char name[13];
  pn_received_done (reader, big, put_covered (self, name));
  g_assert_cmpuint (pn_journal_waiting (self->receive), ==, 0);

  /* Died now: it is not converted again, and is gone after the next start. */
  pn_journal_reader_close (reader);
  reader = open_reader (self, TRUE);
  assert_nothing (reader);
  g_assert_cmpuint (mode_of (self, name), ==, 0400);

  append_file (self, writer, "again", 10);
  g_autoptr (PnReceived) again = pn_journal_reader_take (reader, 2000, -1, NULL);
  g_assert_cmpstr (again->envelope->id, ==, "again");
  pn_received_done (reader, again, put_covered (self, name));
  pn_journal_reader_close (reader);
  /* The machine crashed: it is converted again. */
  pn_journal_close (writer);
  edit_control (self, other_boot);
  reader = open_reader (self, TRUE);
  g_autoptr (PnReceived) third = take (reader);
  g_assert_nonnull (third);
  g_assert_cmpstr (third->envelope->id, ==, "again");
  pn_received_done (reader, third, -1);
  pn_journal_reader_close (reader);
}

static void
test_old_form (House *self, gconstpointer data)
{
  (void) data;
  static const char text[]
      = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nrcpt to: <c@example.com>\r\n"
        "From: a@example.org\r\nSubject: dropped\r\n\r\nHello\r\n";
  PnJournalReader *reader = open_reader (self, FALSE);
  g_autofree char *path = g_build_filename (self->receive, "12345678.077", NULL);
  char *ids[2];
  for (int i = 0; i < 2; i++) {
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
    g_autoptr (PnReceived) received = pn_journal_reader_take (reader, 5000, -1, NULL);
    g_assert_nonnull (received);
    g_assert_cmpstr (received->envelope->mail_from, ==, "a@example.org");
    g_assert_cmpuint (g_strv_length (received->envelope->rcpt_to), ==, 2);
    g_assert_cmpstr (received->envelope->rcpt_to[1], ==, "c@example.com");
    g_autofree char *got = read_data (received);
    g_assert_true (g_str_has_prefix (got, "From: a@example.org\r\nSubject"));
    ids[i] = g_strdup (received->envelope->id);
    if (i == 0) {
      pn_received_later (reader, received, 0);
      g_autoptr (PnReceived) again = pn_journal_reader_take (reader, 5000, -1, NULL);
      g_assert_cmpstr (again->envelope->id, ==, ids[0]);
      pn_received_done (reader, again, -1);
    } else
      pn_received_done (reader, received, -1);
    g_assert_cmpint (access (path, F_OK), <, 0);
  }
  g_free (ids[0]);
  g_free (ids[1]);

  g_assert_true (g_file_set_contents (path, "this is nothing\n", -1, NULL));
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_journal_reader_take (reader, 5000, -1, &error));
  g_assert_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED);
  g_assert_cmpint (access (path, F_OK), <, 0);
  pn_journal_reader_close (reader);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  pn_log_init ("test", NULL, "error");
  g_test_add_func ("/journal/envelope", test_envelope);
#define ADD(name, function) g_test_add ("/journal/" name, House, NULL, set_up, function, tear_down)
  ADD ("round", test_round);
  ADD ("later", test_later);
  ADD ("many", test_many);
  ADD ("covered", test_covered);
  ADD ("reader-restart", test_reader_restart);
  ADD ("attempts", test_attempts);
  ADD ("orphans", test_orphans);
  ADD ("file-orphans", test_file_orphans);
  ADD ("machine-crash", test_machine_crash);
  ADD ("committed-end", test_committed_end);
  ADD ("damaged", test_damaged);
  ADD ("recycle", test_recycle);
  ADD ("files", test_files);
  ADD ("old-form", test_old_form);
  return g_test_run ();
}
