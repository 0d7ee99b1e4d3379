/* Messages: the one copy of a post office, in a row or a file, and the sweep of those that nobody has any
 * more. */
#include "convert/native.h"
#include "core/file.h"
#include "core/log.h"
#include "store/store-private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

guint
pn_store_message_database (const PnMessage *message, const char *sender_fid)
{
  g_autofree char *address = sender_fid || !message->from ? NULL : pn_address_to_string (message->from);
  const char *text = sender_fid ? sender_fid : address ? address : "";
  /* FNV-1a: the same in every build and for ever. */
  guint32 hash = 2166136261u;
  for (; *text; text++)
    hash = (hash ^ (guchar) g_ascii_tolower (*text)) * 16777619u;
  return hash % PN_MESSAGE_DATABASES;
}

/* 1: is there, 0: is not, -1: error. */
static int
message_exists (PnDatabase *database, const char *id, GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_MESSAGE_EXISTS, error);
  if (!statement)
    return -1;
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  int found = pn_database_step (database, statement, error);
  pn_database_reset (statement);
  return found;
}

static gboolean
insert_message (PnDatabase *database, const char *id, guint64 size, const char *file, const void *content,
                GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_MESSAGE_ADD, error);
  if (!statement)
    return FALSE;
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, g_get_real_time () / G_USEC_PER_SEC);
  sqlite3_bind_int64 (statement, 3, (gint64) size);
  if (file)
    sqlite3_bind_text (statement, 4, file, -1, SQLITE_STATIC);
  else
    sqlite3_bind_blob (statement, 5, content, (int) size, SQLITE_STATIC);
  return pn_database_run (database, statement, error);
}

static gboolean
insert_row (PnDatabase *database, const char *id, PnSource *sealed, GError **error)
{
  if (sealed->data)
    return insert_message (database, id, sealed->size, NULL, sealed->data, error);
  g_autofree guint8 *content = g_malloc ((gsize) sealed->size + 1);
  return pn_source_read (sealed, 0, content, (gsize) sealed->size, error)
         && insert_message (database, id, sealed->size, NULL, content, error);
}

static gboolean
insert_file (PnStore *self, PnDatabase *database, const char *id, PnSource *sealed, int fd, GError **error)
{
  /* Asked first: the file of a message that is here already must not be touched. */
  int found = message_exists (database, id, error);
  if (found != 0)
    return found > 0;
  g_autofree char *name = pn_offiles_name (id);
  return pn_offiles_add (self, name, sealed, fd, error)
         && insert_message (database, id, sealed->size, name, NULL, error);
}

gboolean
pn_store_add_message (PnStore *self, const char *id, guint database_number, PnSource *sealed, int fd,
                      GError **error)
{
  PnDatabase *database = pn_store_open_messages (self, database_number, error);
  gboolean ok = database && pn_store_write (self, database, error);
  if (ok)
    ok = sealed->size <= PN_STORE_ROW_LIMIT ? insert_row (database, id, sealed, error)
                                            : insert_file (self, database, id, sealed, fd, error);
  ok = ok && pn_settle_add (self, database, id, error);
  return pn_store_written (self, ok, error);
}

PnSource *
pn_store_open_sealed (PnStore *self, const PnItem *item, GError **error)
{
  PnDatabase *database = pn_store_open_messages (self, item->database, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_MESSAGE_GET, error) : NULL;
  if (!statement)
    return NULL;
  sqlite3_bind_text (statement, 1, item->id, -1, SQLITE_STATIC);
  int found = pn_database_step (database, statement, error);
  PnSource *source = NULL;
  if (found == 0)
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED,
                 "%s: message %s is not there, though item %" G_GINT64_FORMAT " points to it", database->path,
                 item->id, item->number);
  else if (found > 0 && sqlite3_column_type (statement, 0) != SQLITE_NULL)
    source = pn_offiles_open (self, (const char *) sqlite3_column_text (statement, 0), error);
  else if (found > 0)
    source = pn_source_new_copy (sqlite3_column_blob (statement, 1),
                                 (gsize) sqlite3_column_bytes (statement, 1));
  pn_database_reset (statement);
  return source;
}

PnMessage *
pn_store_read (PnStore *self, const PnItem *item, GError **error)
{
  g_autoptr (PnSource) sealed = pn_store_open_sealed (self, item, error);
  if (!sealed)
    return NULL;
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnSource) plain = pn_seal_open (self->key, sealed, &reason);
  PnMessage *message = plain ? pn_native_read (plain, &reason) : NULL;
  if (!message)
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED, "message %s in MSG%u.DB of %s: %s", item->id,
                 item->database, self->post_office, reason->message);
  return message;
}

/* --- sweep --- */

static guint64
id_hash (const char *id)
{
  guint64 hash = 14695981039346656037u;
  for (; *id; id++)
    hash = (hash ^ (guchar) *id) * 1099511628211u;
  return hash;
}

static int
compare_hashes (const void *a, const void *b)
{
  guint64 x = *(const guint64 *) a, y = *(const guint64 *) b;
  return x < y ? -1 : x > y;
}

static gboolean
collect_user (PnStore *self, const char *fid, GArray *pointers, GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_ITEM_MESSAGES, error) : NULL;
  if (!statement)
    return FALSE;
  int found;
  while ((found = pn_database_step (database, statement, error)) > 0) {
    guint64 hash = id_hash ((const char *) sqlite3_column_text (statement, 0));
    g_array_append_val (pointers, hash);
  }
  pn_database_reset (statement);
  if (found < 0)
    return FALSE;

  sqlite3_stmt *purge = pn_database_statement (database, PN_SQL_SEEN_PURGE, error);
  gboolean ok = purge && pn_store_write (self, database, error);
  if (ok) {
    sqlite3_bind_int64 (purge, 1, g_get_real_time () / G_USEC_PER_SEC - PN_SEEN_DAYS * 86400);
    ok = pn_database_run (database, purge, error);
  }
  return pn_store_written (self, ok, error);
}

/* Hashes of the ids of all messages that some mailbox points to.  Two ids with the same hash only keep a
 * message too long. */
static GArray *
collect_pointers (PnStore *self, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GDir) dir = g_dir_open (self->user_path, 0, &reason);
  g_autoptr (GArray) pointers = g_array_new (FALSE, FALSE, sizeof (guint64));
  if (!dir) {
    g_set_error_literal (error, PN_STORE_ERROR, PN_STORE_ERROR_ENGINE, reason->message);
    return NULL;
  }
  for (const char *name; (name = g_dir_read_name (dir));) {
    if (strlen (name) != 10 || !g_str_has_prefix (name, "USER") || !g_str_has_suffix (name, ".DB"))
      continue;
    g_autofree char *fid = g_strndup (name + 4, 3);
    if (!collect_user (self, fid, pointers, error))
      return NULL;
  }
  qsort (pointers->data, pointers->len, sizeof (guint64), compare_hashes);
  return g_steal_pointer (&pointers);
}

/* Its file, if it has one, goes with the files that have no row: after the commit. */
static gboolean
remove_row (PnDatabase *database, gint64 number, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("DELETE FROM messages WHERE number = %" G_GINT64_FORMAT, number);
  int code = sqlite3_exec (database->sql, sql, NULL, NULL, NULL);
  if (code != SQLITE_OK)
    pn_database_set_error (database, code, "cannot be written", error);
  return code == SQLITE_OK;
}

static gboolean
sweep_rows (PnDatabase *database, sqlite3_stmt *rows, GArray *pointers, guint *removed, GError **error)
{
  int found;
  while ((found = pn_database_step (database, rows, error)) > 0) {
    guint64 hash = id_hash ((const char *) sqlite3_column_text (rows, 1));
    if (pointers->len > 0 && bsearch (&hash, pointers->data, pointers->len, sizeof hash, compare_hashes))
      continue;
    if (!remove_row (database, sqlite3_column_int64 (rows, 0), error))
      return FALSE;
    (*removed)++;
  }
  return found == 0;
}

static gboolean
sweep_messages (PnStore *self, guint number, gint64 before, GArray *pointers, guint *removed, GError **error)
{
  PnDatabase *database = pn_store_open_messages (self, number, error);
  if (!database)
    return FALSE;
  g_autofree char *sql = g_strdup_printf (
      "SELECT number, id FROM messages WHERE stored < %" G_GINT64_FORMAT " ORDER BY number", before);
  sqlite3_stmt *rows = NULL;
  int code = sqlite3_prepare_v2 (database->sql, sql, -1, &rows, NULL);
  if (code != SQLITE_OK) {
    pn_database_set_error (database, code, "cannot be read", error);
    return FALSE;
  }
  gboolean ok
      = pn_store_write (self, database, error) && sweep_rows (database, rows, pointers, removed, error);
  sqlite3_finalize (rows);
  return pn_store_written (self, ok, error);
}

/* Files that a crash left before their row was committed. */
static void
sweep_bucket (PnStore *self, const char *bucket, gint64 before, GHashTable *known)
{
  g_autofree char *path = g_build_filename (self->files_path, bucket, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));) {
    struct stat st;
    g_autofree char *file = g_build_filename (path, name, NULL);
    g_autofree char *key = g_strconcat (bucket, "/", name, NULL);
    if (!g_hash_table_contains (known, key) && lstat (file, &st) == 0 && st.st_ctime < before) {
      pn_log_info ("file_swept", "path=%s", file);
      unlink (file);
    }
  }
}

static gboolean
collect_files (PnStore *self, guint number, GHashTable *known, GError **error)
{
  PnDatabase *database = pn_store_open_messages (self, number, error);
  sqlite3_stmt *rows = NULL;
  if (!database)
    return FALSE;
  int code = sqlite3_prepare_v2 (database->sql, "SELECT file FROM messages WHERE file IS NOT NULL", -1, &rows,
                                 NULL);
  if (code != SQLITE_OK) {
    pn_database_set_error (database, code, "cannot be read", error);
    return FALSE;
  }
  int found;
  while ((found = pn_database_step (database, rows, error)) > 0)
    g_hash_table_add (known, g_strdup ((const char *) sqlite3_column_text (rows, 0)));
  sqlite3_finalize (rows);
  return found == 0;
}

gboolean
pn_store_sweep (PnStore *self, gint64 grace, guint *removed_out, GError **error)
{
  gint64 before = g_get_real_time () / G_USEC_PER_SEC - grace;
  guint removed = 0;
  g_return_val_if_fail (!self->batch, FALSE);
  g_autoptr (GArray) pointers = collect_pointers (self, error);
  if (!pointers)
    return FALSE;
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < PN_MESSAGE_DATABASES; i++)
    if (!sweep_messages (self, i, before, pointers, &removed, error)
        || !collect_files (self, i, known, error))
      return FALSE;
  for (guint i = 0; i < PN_FILE_BUCKETS; i++) {
    char bucket[8];
    g_snprintf (bucket, sizeof bucket, "fd%02x", i);
    sweep_bucket (self, bucket, before, known);
  }
  if (removed_out)
    *removed_out = removed;
  return TRUE;
}
