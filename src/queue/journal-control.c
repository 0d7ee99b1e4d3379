/* JOURNAL.CTL: mapped, checked against the boot id, made again from the segments after a crash of the
 * machine. */
#include "queue/journal-private.h"

#include "core/file.h"
#include "core/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTROL_MAGIC "PNJCTL1\n"
#define CONTROL_NAME "JOURNAL.CTL"
#define FIRST_SUFFIX ".new"
/* A client that has not come again by then has given up. */
#define ORPHAN_AGE (6 * 86400)

void
pn_control_boot_id (char id[40])
{
  memset (id, 0, 40);
  g_autofree char *text = NULL;
  if (g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    g_strlcpy (id, g_strstrip (text), 40);
}

void
pn_control_add_orphan (PnJournalControl *control, const guint8 hash[16], const char *id, gint64 time)
{
  PnJournalOrphan *orphan = &control->orphans[control->next_orphan++ % PN_JOURNAL_ORPHANS];
  memset (orphan, 0, sizeof *orphan);
  memcpy (orphan->hash, hash, 16);
  g_strlcpy (orphan->id, id, sizeof orphan->id);
  orphan->time = time;
  orphan->state = PN_ORPHAN_WAITS;
}

/* --- after a crash of the machine ------------------------------------------------------------- */

typedef struct {
  PnJournalControl *control;
  guint64 generation;
} Rebuild;

/* Whether its 250 got out nobody knows: the client that comes again with the same bytes has not seen it. */
static void
take_as_orphan (const PnRecordHead *head, const guint8 *plain, gpointer user)
{
  Rebuild *self = user;
  guint32 length = 0;
  if (head->length >= sizeof length)
    memcpy (&length, plain, sizeof length);
  if (length > head->length - sizeof length)
    return;
  g_autoptr (PnEnvelope) envelope
      = pn_envelope_from_text ((const char *) plain + sizeof length, length, NULL);
  if (envelope && envelope->id)
    pn_control_add_orphan (self->control, head->hash, envelope->id, envelope->time);
}

static void
set_aside (const char *path, const char *reason)
{
  g_autofree char *bad = g_strconcat (path, ".bad", NULL);
  rename (path, bad);
  pn_log_error ("journal_segment_damaged", "path=%s moved=%s reason=\"%s\"", path, bad, reason);
}

static void
rebuild_row (PnJournalControl *control, const char *path, guint number, PnKey *key)
{
  PnJournalRow *row = &control->rows[number];
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  g_autoptr (GError) error = NULL;
  PnSegmentHead head;
  guint8 segment_key[PN_SEGMENT_KEY];
  if (fd < 0 || fstat (fd, &st) < 0 || !pn_segment_read_head (fd, key, &head, segment_key, &error)) {
    set_aside (path, error ? error->message : g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return;
  }
  row->size = (guint64) st.st_size;
  row->generation = head.generation;
  PnConsumptionHead consumed;
  gboolean known = pn_segment_read_consumed (fd, head.generation, &consumed);
  if (head.generation == 0 || (known && consumed.freed)) {
    row->state = PN_ROW_FREE;
  } else {
    Rebuild rebuild = { control, head.generation };
    gboolean usable = known && consumed.end >= PN_SEGMENT_START && consumed.end <= row->size;
    row->start = usable ? consumed.end : PN_SEGMENT_START;
    row->start_index = usable ? MIN (consumed.index, PN_JOURNAL_RECORDS) : 0;
    row->committed = pn_segment_scan (fd, segment_key, head.generation, row->size, row->start,
                                      row->start_index, &row->records, take_as_orphan, &rebuild);
    row->state = row->records > row->start_index ? PN_ROW_CLOSED : PN_ROW_FREE;
    pn_log_info ("journal_recovered", "path=%s records=%u", path, row->records - row->start_index);
  }
  control->last_generation = MAX (control->last_generation, head.generation);
  close (fd);
}

static int
compare_rows (gconstpointer a, gconstpointer b)
{
  return *(const int *) a - *(const int *) b;
}

static void
rebuild (PnJournalControl *control, const char *dir, PnKey *key)
{
  memset (control, 0, sizeof *control);
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (int));
  DIR *directory = opendir (dir);
  for (struct dirent *e; directory && (e = readdir (directory));) {
    int row = pn_segment_row (e->d_name);
    if (row >= 0)
      g_array_append_val (rows, row);
  }
  if (directory)
    closedir (directory);
  g_array_sort (rows, compare_rows);
  for (guint i = 0; i < rows->len; i++) {
    guint row = (guint) g_array_index (rows, int, i);
    g_autofree char *path = pn_segment_path (dir, row);
    rebuild_row (control, path, row, key);
  }
  pn_control_boot_id (control->boot);
  memcpy (control->magic, CONTROL_MAGIC, sizeof control->magic);
}

/* --- within the same boot --------------------------------------------------------------------- */

char *
pn_journal_first_path (const char *dir, const char *file)
{
  return g_strconcat (dir, "/.", file, FIRST_SUFFIX, NULL);
}

/* Of messages that do not count: the writer that would have named them is dead. */
static void
remove_first_names (const char *dir)
{
  g_autoptr (GDir) directory = g_dir_open (dir, 0, NULL);
  const char *name;
  while (directory && (name = g_dir_read_name (directory))) {
    if (name[0] != '.' || !g_str_has_suffix (name, FIRST_SUFFIX))
      continue;
    g_autofree char *path = g_build_filename (dir, name, NULL);
    if (unlink (path) < 0)
      pn_log_error ("receive_left", "path=%s reason=\"%s\"", path, g_strerror (errno));
  }
}

static gboolean
commit_counts (const PnJournalControl *control, const PnJournalCommit *commit, const char *dir)
{
  if (commit->state == PN_COMMIT_FILE)
    return TRUE;
  if (commit->state == PN_COMMIT_FILE_PENDING) {
    g_autofree char *path = pn_journal_first_path (dir, commit->file);
    return access (path, F_OK) < 0 && errno == ENOENT;
  }
  if (commit->state != PN_COMMIT_RECORD || commit->row >= PN_JOURNAL_ROWS)
    return FALSE;
  const PnJournalRow *row = &control->rows[commit->row];
  return row->generation == commit->generation && row->committed >= commit->end;
}

/* The writer's heritage: what its predecessor committed and did not answer. */
static void
collect_orphans (PnJournalControl *control, const char *dir)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  for (guint i = 0; i < PN_JOURNAL_ORPHANS; i++) {
    PnJournalOrphan *orphan = &control->orphans[i];
    orphan->id[PN_JOURNAL_ID - 1] = '\0';
    if (orphan->state != PN_ORPHAN_NONE)
      orphan->state = now - orphan->time < ORPHAN_AGE ? PN_ORPHAN_WAITS : PN_ORPHAN_NONE;
  }
  for (guint i = 0; i < PN_JOURNAL_RING; i++) {
    PnJournalCommit *commit = &control->ring[i];
    commit->id[PN_JOURNAL_ID - 1] = commit->file[sizeof commit->file - 1] = '\0';
    if (commit_counts (control, commit, dir))
      pn_control_add_orphan (control, commit->hash, commit->id, commit->time);
    commit->state = PN_COMMIT_NONE;
  }
}

/* A writer begins with a new segment: what its predecessor wrote beyond the committed end must never count.
 */
static void
close_rows (PnJournalControl *control)
{
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++) {
    PnJournalRow *row = &control->rows[i];
    if (row->state == PN_ROW_ACTIVE)
      __atomic_store_n (&row->state, row->records > 0 ? PN_ROW_CLOSED : PN_ROW_FREE, __ATOMIC_RELEASE);
  }
}

static gboolean
take_side (int fd, const char *path, PnJournalSide side, GError **error)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = side, .l_len = 1 };
  if (fcntl (fd, F_OFD_SETLK, &lock) == 0)
    return TRUE;
  pn_journal_set_error (error, errno, path,
                        side == PN_JOURNAL_WRITER ? "another writer has it" : "another reader has it");
  return FALSE;
}

static gboolean
map_file (PnControl *self, const char *path, GError **error)
{
  self->fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  /* posix_fallocate: a hole would be SIGBUS on a full disk. */
  int errnum = self->fd < 0 ? errno : posix_fallocate (self->fd, 0, sizeof (PnJournalControl));
  void *map = MAP_FAILED;
  if (!errnum)
    map = mmap (NULL, sizeof (PnJournalControl), PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
  if (!errnum && map == MAP_FAILED)
    errnum = errno;
  if (errnum) {
    pn_journal_set_error (error, errnum, path, "cannot map the journal's control file");
    return FALSE;
  }
  self->map = map;
  return TRUE;
}

gboolean
pn_control_open (PnControl *self, const char *dir, PnKey *key, PnJournalSide side, GError **error)
{
  g_autofree char *path = g_build_filename (dir, CONTROL_NAME, NULL);
  *self = (PnControl){ .fd = -1 };
  if (!map_file (self, path, error) || !take_side (self->fd, path, side, error)) {
    pn_control_close (self);
    return FALSE;
  }
  char boot[40];
  pn_control_boot_id (boot);
  flock (self->fd, LOCK_EX);
  PnJournalControl *control = self->map;
  if (memcmp (control->magic, CONTROL_MAGIC, sizeof control->magic) != 0
      || memcmp (control->boot, boot, sizeof boot) != 0)
    rebuild (control, dir, key);
  if (side == PN_JOURNAL_WRITER) {
    collect_orphans (control, dir);
    remove_first_names (dir);
    close_rows (control);
  }
  flock (self->fd, LOCK_UN);
  return TRUE;
}

void
pn_control_close (PnControl *self)
{
  if (self->map)
    munmap (self->map, sizeof (PnJournalControl));
  if (self->fd >= 0)
    close (self->fd);
  *self = (PnControl){ .fd = -1 };
}

/* --- for the operator ------------------------------------------------------------------------- */

static guint
count_rows (const PnJournalControl *control)
{
  guint waiting = 0;
  for (guint i = 0; i < PN_JOURNAL_ROWS; i++) {
    const PnJournalRow *row = &control->rows[i];
    if (row->state != PN_ROW_ACTIVE && row->state != PN_ROW_CLOSED)
      continue;
    guint32 records = MIN (row->records, PN_JOURNAL_RECORDS);
    for (guint32 r = row->start_index; r < records; r++)
      waiting += !(row->done[r / 64] >> (r % 64) & 1);
  }
  return waiting;
}

guint
pn_journal_waiting (const char *dir)
{
  guint waiting = 0;
  g_autofree char *path = g_build_filename (dir, CONTROL_NAME, NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd >= 0 && fstat (fd, &st) == 0 && st.st_size >= (off_t) sizeof (PnJournalControl)) {
    PnJournalControl *control = mmap (NULL, sizeof *control, PROT_READ, MAP_SHARED, fd, 0);
    if (control != MAP_FAILED) {
      waiting = count_rows (control);
      munmap (control, sizeof *control);
    }
  }
  if (fd >= 0)
    close (fd);
  DIR *directory = opendir (dir);
  for (struct dirent *e; directory && (e = readdir (directory));)
    waiting += pn_journal_is_message (e->d_name);
  if (directory)
    closedir (directory);
  return waiting;
}
