/* The message store: taking over once, whatever happens in between. */
#include "version1.h"

#include "convert/native.h"
#include "core/ids.h"
#include "store/store-private.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- making messages and looking at what became of them --- */

static PnMessage *
make_message (const char *id, const char *subject)
{
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  message->id = g_strdup (id);
  message->subject = g_strdup (subject);
  message->date = (PnTime){ TRUE, 1700000000, 60 };
  message->from = pn_address_new_internet ("sender@example.org", "Some Sender");
  pn_message_add_recipient (message, PN_TO, pn_address_new ("HQ", "NORTH", "anna"));
  pn_message_add_part (message,
                       pn_part_new (PN_PART_TEXT, "text/plain", pn_content_new_text ("Hello.\n", -1)));
  return message;
}

static void
add_attachment (PnMessage *message, gsize size)
{
  g_autofree guint8 *bytes = g_malloc (size);
  for (gsize i = 0; i < size; i++)
    bytes[i] = (guint8) (i * 7 + i / 251);
  g_autoptr (GBytes) content = g_bytes_new (bytes, size);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "application/octet-stream", pn_content_new_bytes (content));
  part->name = g_strdup ("data.bin");
  pn_message_add_part (message, part);
}

/* The sealed queue file of MESSAGE, unnamed. */
static int
seal_message (const House *house, PnMessage *message)
{
  g_autoptr (GError) error = NULL;
  int fd = pn_file_unnamed (house->root, &error);
  g_assert_no_error (error);
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSealWriter) seal = pn_seal_writer_new (house->key, pn_file_sink_sink (file));
  PnSink sink = pn_seal_writer_sink (seal);
  pn_native_write (message, &sink, &error);
  g_assert_no_error (error);
  g_assert_true (pn_seal_writer_close (seal, NULL) && pn_file_sink_flush (file, NULL));
  return fd;
}

static PnSource *
source_of (int fd)
{
  PnSource *source = pn_file_source_new (dup (fd), NULL);
  g_assert_nonnull (source);
  return source;
}

static PnStore *
open_store (const House *house)
{
  g_autoptr (GError) error = NULL;
  PnStore *store = pn_store_open (house->config, "NORTH", house->key, &error);
  g_assert_no_error (error);
  return store;
}

/* Takes over MESSAGE for the mailbox FID, in transactions of their own unless one is open. */
static gboolean
deliver (PnStore *store, PnMessage *message, int fd, const char *fid, gboolean *is_new, GError **error)
{
  g_autoptr (PnSource) sealed = source_of (fd);
  guint database = pn_store_message_database (message, NULL);
  g_autoptr (PnItem) item = pn_item_new (message, database, sealed->size, PN_BOX_IN, 0, 1700000100);
  return pn_store_add_message (store, message->id, database, sealed, fd, error)
         && pn_store_add_item (store, fid, item, is_new, NULL, error);
}

static guint
count_items (PnStore *store, const char *fid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) items = pn_store_list (store, fid, -1, &error);
  g_assert_no_error (error);
  return items->len;
}

static guint
count_files (const House *house)
{
  guint n = 0;
  for (guint i = 0; i < PN_FILE_BUCKETS; i++) {
    g_autofree char *path = g_strdup_printf ("%s/NORTH/OFFILES/fd%02x", house->root, i);
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    while (dir && g_dir_read_name (dir))
      n++;
  }
  return n;
}

/* --- tests --- */

static void
test_round_trip (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("A1.1.1.1", "Grüße – hello");
  int fd = seal_message (house, message);
  gboolean is_new = FALSE;
  g_assert_true (deliver (store, message, fd, "aaa", &is_new, &error));
  g_assert_true (is_new);
  g_assert_true (deliver (store, message, fd, "aaa", &is_new, &error));
  g_assert_false (is_new);
  close (fd);

  g_autoptr (GPtrArray) items = pn_store_list (store, "aaa", PN_BOX_IN, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (items->len, ==, 1);
  const PnItem *item = items->pdata[0];
  g_assert_cmpint (item->number, ==, 1);
  g_assert_cmpstr (item->subject, ==, "Grüße – hello");
  g_assert_cmpstr (item->from, ==, "Some Sender");
  g_assert_cmpint (item->date, ==, 1700000000);

  g_autoptr (PnMessage) back = pn_store_read (store, item, &error);
  g_assert_no_error (error);
  g_autofree char *difference = NULL;
  g_assert_true (pn_message_equivalent (message, back, &difference, &error));
  g_assert_null (difference);
  g_assert_null (pn_store_get (store, "aaa", 2, &error));
  g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN);
}

static gboolean
file_contains (const char *path, const char *text)
{
  g_autofree char *bytes = NULL;
  gsize length = 0;
  if (!g_file_get_contents (path, &bytes, &length, NULL))
    return FALSE;
  return memmem (bytes, length, text, strlen (text)) != NULL;
}

static int
look_for_secrets (const char *path, const struct stat *st, int flag, struct FTW *where)
{
  (void) where;
  if (flag != FTW_F || !S_ISREG (st->st_mode))
    return 0;
  static const char *const secrets[] = { "Hemlock", "sender@example.org", "uid-of-the-meeting", "Room 101" };
  for (guint i = 0; i < G_N_ELEMENTS (secrets); i++)
    if (file_contains (path, secrets[i]))
      g_error ("%s has '%s' in the clear", path, secrets[i]);
  return 0;
}

static PnMessage *
make_meeting (const char *id, int sequence)
{
  PnMessage *message = make_message (id, "Hemlock meeting");
  message->type = PN_TYPE_APPOINTMENT;
  PnCalendar *calendar = message->calendar = pn_calendar_new ();
  calendar->method = PN_METHOD_REQUEST;
  calendar->component = g_strdup ("VEVENT");
  calendar->uid = g_strdup ("uid-of-the-meeting");
  calendar->sequence = sequence;
  calendar->place = g_strdup ("Room 101");
  calendar->start = (PnCalendarTime){
    .set = TRUE, .year = 2024, .month = 5, .day = 6, .hour = 9, .unix_time = 1714986000
  };
  return message;
}

static void
test_sealed_at_rest (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_meeting ("A2.1.1.1", 0);
  int fd = seal_message (house, message);
  g_assert_true (deliver (store, message, fd, "aaa", NULL, &error));
  close (fd);
  nftw (house->root, look_for_secrets, 32, FTW_PHYS);
}

static void
test_large (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("A3.1.1.1", "Large");
  add_attachment (message, 300 * 1024);
  int fd = seal_message (house, message);
  struct stat st;
  g_assert_true (deliver (store, message, fd, "aaa", NULL, &error));
  g_assert_true (deliver (store, message, fd, "bbb", NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (fstat (fd, &st), ==, 0);
  g_assert_cmpint (st.st_nlink, ==, 1); /* one copy, linked, not copied */
  g_assert_cmpuint (count_files (house), ==, 1);
  close (fd);

  g_autoptr (PnItem) item = pn_store_find (store, "bbb", "A3.1.1.1", PN_BOX_IN, &error);
  g_assert_no_error (error);
  g_assert_true (item->flags & PN_ITEM_ATTACHMENTS);
  g_autoptr (PnMessage) back = pn_store_read (store, item, &error);
  g_assert_no_error (error);
  g_assert_true (pn_native_verify (back, &error));
}

static void
test_rollback (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("A4.1.1.1", "Gone");
  add_attachment (message, 100 * 1024);
  int fd = seal_message (house, message);
  pn_store_begin (store);
  g_assert_true (deliver (store, message, fd, "aaa", NULL, &error));
  g_assert_cmpuint (count_files (house), ==, 1);
  pn_store_rollback (store);
  g_assert_cmpuint (count_items (store, "aaa"), ==, 0);
  g_assert_cmpuint (count_files (house), ==, 0);
  pn_store_begin (store);
  g_assert_true (deliver (store, message, fd, "aaa", NULL, &error));
  g_assert_true (pn_store_commit (store, &error));
  g_assert_cmpuint (count_items (store, "aaa"), ==, 1);
  close (fd);
}

static void
test_deleted_stays_deleted (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("A5.1.1.1", "Once");
  g_autoptr (PnMessage) other = make_message ("A5.1.1.2", "Twice");
  int fd = seal_message (house, message);
  int other_fd = seal_message (house, other);
  gboolean is_new = FALSE;
  g_assert_true (deliver (store, message, fd, "aaa", NULL, &error));
  g_assert_true (pn_store_delete_item (store, "aaa", 1, &error));
  g_assert_true (deliver (store, message, fd, "aaa", &is_new, &error));
  g_assert_false (is_new);
  g_assert_cmpuint (count_items (store, "aaa"), ==, 0);
  g_assert_true (deliver (store, other, other_fd, "aaa", &is_new, &error));
  g_autoptr (PnItem) item = pn_store_find (store, "aaa", "A5.1.1.2", PN_BOX_IN, &error);
  g_assert_cmpint (item->number, ==, 2); /* a number is never used twice */
  close (fd);
  close (other_fd);
}

static void
test_sweep (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) kept = make_message ("A6.1.1.1", "Kept");
  g_autoptr (PnMessage) lost = make_message ("A6.1.1.2", "Lost");
  guint removed = 9;
  add_attachment (kept, 100 * 1024);
  add_attachment (lost, 100 * 1024);
  int kept_fd = seal_message (house, kept), lost_fd = seal_message (house, lost);
  g_assert_true (deliver (store, kept, kept_fd, "aaa", NULL, &error));
  g_assert_true (deliver (store, lost, lost_fd, "aaa", NULL, &error));
  g_assert_true (pn_store_delete_item (store, "aaa", 2, &error));
  g_assert_true (pn_store_sweep (store, 3600, &removed, &error));
  g_assert_cmpuint (removed, ==, 0); /* too young */
  g_assert_true (pn_store_sweep (store, -10, &removed, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (removed, ==, 1);
  g_assert_cmpuint (count_files (house), ==, 1);
  g_autoptr (PnItem) item = pn_store_get (store, "aaa", 1, &error);
  g_autoptr (PnMessage) back = pn_store_read (store, item, &error);
  g_assert_no_error (error);
  close (kept_fd);
  close (lost_fd);
}

static void
test_uid (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) first = make_meeting ("A7.1.1.1", 0);
  g_autoptr (PnMessage) second = make_meeting ("A7.1.1.2", 1);
  g_autoptr (PnItem) none = NULL;
  g_autoptr (PnItem) found = NULL;
  int fd = seal_message (house, first), second_fd = seal_message (house, second);
  g_assert_true (deliver (store, first, fd, "aaa", NULL, &error));
  g_assert_true (pn_store_find_uid (store, "aaa", "other", NULL, PN_BOX_IN, &none, &error));
  g_assert_null (none);
  g_assert_true (pn_store_find_uid (store, "aaa", "uid-of-the-meeting", "17", PN_BOX_IN, &none, &error));
  g_assert_null (none);
  g_assert_true (pn_store_find_uid (store, "aaa", "uid-of-the-meeting", NULL, PN_BOX_IN, &found, &error));
  g_assert_nonnull (found);
  g_assert_cmpstr (found->place, ==, "Room 101");
  g_assert_cmpint (found->start, ==, 1714986000);

  g_autoptr (PnSource) sealed = source_of (second_fd);
  guint database = pn_store_message_database (second, NULL);
  g_autoptr (PnItem) item
      = pn_item_new (second, database, sealed->size, PN_BOX_IN, PN_ITEM_ACCEPTED, 1700000200);
  gboolean is_new = TRUE;
  g_assert_true (pn_store_add_message (store, second->id, database, sealed, second_fd, &error));
  g_assert_true (pn_store_replace_message (store, "aaa", found->number, item, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_items (store, "aaa"), ==, 1);
  g_assert_true (deliver (store, first, fd, "aaa", &is_new, &error));
  g_assert_false (is_new); /* what was replaced does not come back */
  close (fd);
  close (second_fd);
}

static PnStatusReport *
make_report (PnAction action, gint64 time, const char *internet)
{
  PnStatusReport *report = g_new0 (PnStatusReport, 1);
  report->action = action;
  report->time = (PnTime){ TRUE, time, 0 };
  report->recipient = pn_address_new_internet (internet, NULL);
  report->comment = g_strdup ("a comment");
  return report;
}

static void
add_status (PnStore *store, const char *status_id, PnAction action, gint64 time, const char *internet)
{
  g_autoptr (GError) error = NULL;
  PnStatusReport *report = make_report (action, time, internet);
  pn_store_add_status (store, "aaa", "A8.1.1.1", NULL, status_id, report, &error);
  g_assert_no_error (error);
  pn_status_report_free (report);
}

static void
test_info (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("A8.1.1.1", "Sent");
  pn_message_add_recipient (message, PN_CC, pn_address_new_internet ("one@example.com", "One"));
  pn_message_add_recipient (message, PN_BC, pn_address_new_internet ("two@example.com", NULL));
  int fd = seal_message (house, message);
  g_autoptr (PnSource) sealed = source_of (fd);
  g_autoptr (PnItem) item = pn_item_new (message, 3, sealed->size, PN_BOX_OUT, 0, 1700000000);
  g_assert_true (pn_store_add_message (store, message->id, 3, sealed, fd, &error));
  g_assert_true (pn_store_add_item (store, "aaa", item, NULL, NULL, &error));
  close (fd);

  add_status (store, "S1", PN_ACTION_OPENED, 1700000300, "ONE@example.com");
  add_status (store, "S2", PN_ACTION_TRANSFERRED, 1700000400, "one@example.com");
  add_status (store, "S2", PN_ACTION_TRANSFERRED, 1700000500, "one@example.com"); /* the same one again */
  add_status (store, "S3", PN_ACTION_UNDELIVERABLE, 1700000600, "two@example.com");
  g_autoptr (GPtrArray) info = pn_store_info (store, "aaa", 1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (info->len, ==, 3);
  const PnItemStatus *anna = info->pdata[0], *one = info->pdata[1], *two = info->pdata[2];
  g_assert_cmpint (anna->action, ==, PN_ACTION_NONE);
  g_assert_cmpint (one->action, ==, PN_ACTION_OPENED);
  g_assert_cmpuint (one->history->len, ==, 2);
  g_assert_cmpint (two->action, ==, PN_ACTION_UNDELIVERABLE);
  g_assert_cmpint (two->distribution, ==, PN_BC);

  PnStatusReport *report = make_report (PN_ACTION_DELIVERED, 1, "one@example.com");
  g_assert_false (pn_store_add_status (store, "aaa", "none", NULL, "S4", report, &error));
  g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN);
  g_clear_error (&error);
  g_assert_true (pn_store_delete_item (store, "aaa", 1, &error));
  g_assert_true (pn_store_add_status (store, "aaa", "A8.1.1.1", NULL, "S4", report, &error));
  pn_status_report_free (report);
}

/* A mailbox of version 1 keeps its items, their numbers, what became of them and what was deleted. */
static void
test_version1 (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnMessage) mail = make_message ("A20.1.1.1", "Kept");
  g_autoptr (PnMessage) gone = make_message ("A20.1.1.2", "Deleted");
  g_autoptr (PnMessage) meeting = make_meeting ("A20.1.1.3", 0), later = make_message ("A20.1.1.4", "New");
  PnMessage *messages[] = { mail, gone, meeting };
  int gone_fd = -1;
  PnStore *store = open_store (house);
  for (guint i = 0; i < G_N_ELEMENTS (messages); i++) {
    int fd = seal_message (house, messages[i]);
    g_assert_true (deliver (store, messages[i], fd, "aaa", NULL, &error));
    if (i == 1)
      gone_fd = fd;
    else
      close (fd);
  }
  g_assert_true (pn_store_delete_item (store, "aaa", 2, &error));
  g_assert_true (pn_store_set_flags (store, "aaa", 3, PN_ITEM_READ | PN_ITEM_ACCEPTED, 0, &error));
  pn_store_close (store);
  version1_make (house, "aaa", pn_store_message_database (mail, NULL));

  gboolean is_new = TRUE;
  int fd = seal_message (house, later);
  store = open_store (house);
  g_autoptr (GPtrArray) items = pn_store_list (store, "aaa", PN_BOX_IN, &error), rows = NULL;
  g_assert_no_error (error);
  g_assert_cmpuint (items->len, ==, 2);
  g_assert_cmpstr (((PnItem *) items->pdata[0])->subject, ==, "Kept");
  g_assert_cmpint (((PnItem *) items->pdata[1])->number, ==, 3);
  g_assert_cmphex (((PnItem *) items->pdata[1])->flags, ==, PN_ITEM_READ | PN_ITEM_ACCEPTED);
  g_autoptr (PnMessage) back = pn_store_read (store, items->pdata[0], &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back->subject, ==, "Kept");
  g_assert_true (pn_store_list_uid (store, "aaa", "uid-of-the-meeting", PN_BOX_IN, &rows, &error));
  g_assert_cmpuint (rows->len, ==, 1);
  g_assert_true (deliver (store, gone, gone_fd, "aaa", &is_new, &error));
  g_assert_false (is_new);
  g_assert_true (deliver (store, later, fd, "aaa", &is_new, &error));
  g_assert_true (is_new);
  g_autoptr (PnItem) fourth = pn_store_get (store, "aaa", 4, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (fourth->subject, ==, "New");
  g_assert_true (pn_store_put_calendar (store, "aaa", "uid-of-the-meeting", "text", 0, &error));
  pn_store_close (store);
  close (fd);
  close (gone_fd);
}

static void
test_foreign_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autofree char *path = g_build_filename (house->root, "NORTH", "OFUSER", "USERaaa.DB", NULL);
  g_assert_true (g_file_set_contents (
      path, "this is not a database, but long enough to be taken for one by its size ...", -1, NULL));
  g_autoptr (PnStore) store = open_store (house);
  g_assert_null (pn_store_list (store, "aaa", -1, &error));
  g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED);
  g_clear_error (&error);
  g_assert_null (pn_store_list (store, "../", -1, &error));
  g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN);
}

static void
test_altered (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("A9.1.1.1", "Altered");
  int fd = seal_message (house, message);
  g_assert_true (deliver (store, message, fd, "aaa", NULL, &error));
  close (fd);
  sqlite3 *sql;
  g_autofree char *path
      = g_strdup_printf ("%s/NORTH/OFMSG/MSG%u.DB", house->root, pn_store_message_database (message, NULL));
  g_assert_cmpint (sqlite3_open (path, &sql), ==, SQLITE_OK);
  g_assert_cmpint (
      sqlite3_exec (sql, "UPDATE messages SET content = substr (content, 1, length (content) - 1) || x'00'",
                    NULL, NULL, NULL),
      ==, SQLITE_OK);
  sqlite3_close (sql);
  g_autoptr (PnItem) item = pn_store_get (store, "aaa", 1, &error);
  g_assert_null (pn_store_read (store, item, &error));
  g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED);
}

/* More mailboxes than handles are kept open, in one batch and outside of one. */
static void
test_many_mailboxes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (House) house = house_new ();
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (PnMessage) message = make_message ("AA.1.1.1", "To all");
  int fd = seal_message (house, message);
  const guint n = PN_OPEN_DATABASES + 40;
  struct rlimit limit;
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = MIN (limit.rlim_max, 2048);
  setrlimit (RLIMIT_NOFILE, &limit);
  pn_store_begin (store);
  for (guint i = 0; i < n; i++) {
    char fid[4];
    g_snprintf (fid, sizeof fid, "%03u", i);
    deliver (store, message, fd, fid, NULL, &error);
    g_assert_no_error (error);
  }
  g_assert_true (pn_store_commit (store, &error));
  for (guint i = 0; i < n; i++) {
    char fid[4];
    g_snprintf (fid, sizeof fid, "%03u", i);
    g_assert_cmpuint (count_items (store, fid), ==, 1);
  }
  g_assert_cmpuint (g_hash_table_size (store->databases), <=, PN_OPEN_DATABASES);
  close (fd);
}

/* Writing fails in the middle: what is there stays, and it goes on when there is room. */
static void
test_full (void)
{
  g_autoptr (House) house = house_new ();
  pid_t pid = fork ();
  if (pid == 0) {
    g_autoptr (GError) error = NULL;
    g_autoptr (PnStore) store = open_store (house);
    g_autoptr (PnMessage) first = make_message ("AB.1.1.0", "Before");
    int first_fd = seal_message (house, first);
    g_assert_true (deliver (store, first, first_fd, "aaa", NULL, &error));
    int fds[64];
    PnMessage *messages[64];
    for (guint i = 0; i < 64; i++) {
      g_autofree char *id = g_strdup_printf ("AB.2.2.%u", i);
      messages[i] = make_message (id, "In the way");
      add_attachment (messages[i], 30000);
      fds[i] = seal_message (house, messages[i]);
    }
    signal (SIGXFSZ, SIG_IGN);
    struct rlimit limit = { 512 * 1024, RLIM_INFINITY };
    setrlimit (RLIMIT_FSIZE, &limit);
    pn_store_begin (store);
    gboolean ok = TRUE;
    for (guint i = 0; ok && i < 64; i++)
      ok = deliver (store, messages[i], fds[i], "aaa", NULL, &error);
    if (ok)
      ok = pn_store_commit (store, &error);
    else
      pn_store_rollback (store);
    g_assert_false (ok);
    g_assert_error (error, PN_STORE_ERROR, PN_STORE_ERROR_FULL);
    g_clear_error (&error);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit (RLIMIT_FSIZE, &limit);
    g_assert_cmpuint (count_items (store, "aaa"), ==, 1);
    for (guint i = 0; i < 64; i++)
      g_assert_true (deliver (store, messages[i], fds[i], "aaa", NULL, &error));
    g_assert_cmpuint (count_items (store, "aaa"), ==, 65);
    _exit (0);
  }
  int status;
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

/* --- death at any point --- */

enum { CRASH_MESSAGES = 60, CRASH_BATCH = 7 };

static void
crash_worker (const House *house, PnMessage *const *messages, const int *fds)
{
  static const char *const fids[] = { "aaa", "bbb", "ccc" };
  g_autoptr (GError) error = NULL;
  PnStore *store = open_store (house);
  for (guint i = 0; i < CRASH_MESSAGES;) {
    pn_store_begin (store);
    for (guint end = MIN (i + CRASH_BATCH, CRASH_MESSAGES); i < end; i++)
      for (guint j = 0; j < G_N_ELEMENTS (fids); j++)
        deliver (store, messages[i], fds[i], fids[j], NULL, &error);
    pn_store_commit (store, &error);
    g_assert_no_error (error);
  }
  _exit (0);
}

static void
check_all_there (const House *house, const char *fid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnStore) store = open_store (house);
  g_autoptr (GPtrArray) items = pn_store_list (store, fid, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (items->len, ==, CRASH_MESSAGES);
  for (guint i = 0; i < items->len; i++) {
    g_autoptr (PnMessage) message = pn_store_read (store, items->pdata[i], &error);
    g_assert_no_error (error);
    g_assert_true (pn_native_verify (message, &error));
  }
}

static void
test_killed (void)
{
  g_autoptr (House) house = house_new ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (4711);
  PnMessage *messages[CRASH_MESSAGES];
  int fds[CRASH_MESSAGES];
  for (guint i = 0; i < CRASH_MESSAGES; i++) {
    g_autofree char *id = g_strdup_printf ("AC.1.1.%u", i);
    messages[i] = make_message (id, id);
    g_clear_pointer (&messages[i]->from, pn_address_free);
    g_autofree char *sender = g_strdup_printf ("s%u@example.org", i);
    messages[i]->from = pn_address_new_internet (sender, NULL);
    add_attachment (messages[i], i % 5 == 0 ? 90 * 1024 : 4096);
    fds[i] = seal_message (house, messages[i]);
  }
  guint killed = 0;
  for (guint round = 0; round < 40; round++) {
    pid_t pid = fork ();
    if (pid == 0)
      crash_worker (house, messages, fds);
    g_usleep ((gulong) g_rand_int_range (rand, 500, 60000));
    kill (pid, SIGKILL);
    int status;
    waitpid (pid, &status, 0);
    killed += WIFSIGNALED (status) ? 1 : 0;
  }
  g_assert_cmpuint (killed, >, 0);
  pid_t pid = fork ();
  if (pid == 0)
    crash_worker (house, messages, fds);
  int status;
  waitpid (pid, &status, 0);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  check_all_there (house, "aaa");
  check_all_there (house, "bbb");
  check_all_there (house, "ccc");
  for (guint i = 0; i < CRASH_MESSAGES; i++) {
    pn_message_free (messages[i]);
    close (fds[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  pn_seal_init ();
  g_test_add_func ("/store/round-trip", test_round_trip);
  g_test_add_func ("/store/sealed-at-rest", test_sealed_at_rest);
  g_test_add_func ("/store/large", test_large);
  g_test_add_func ("/store/rollback", test_rollback);
  g_test_add_func ("/store/deleted-stays-deleted", test_deleted_stays_deleted);
  g_test_add_func ("/store/sweep", test_sweep);
  g_test_add_func ("/store/uid", test_uid);
  g_test_add_func ("/store/info", test_info);
  g_test_add_func ("/store/version1", test_version1);
  g_test_add_func ("/store/foreign-file", test_foreign_file);
  g_test_add_func ("/store/altered", test_altered);
  g_test_add_func ("/store/many-mailboxes", test_many_mailboxes);
  g_test_add_func ("/store/full", test_full);
  g_test_add_func ("/store/killed", test_killed);
  return g_test_run ();
}
