/* Items: pointers in a user's database. */
#include "store/store-private.h"

static gint64
now_seconds (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* Only what an organizer sends to attendees can be changed by him later; answers and proposals carry the same
 * UID. */
static gboolean
has_lookup_uid (const PnItem *item)
{
  if (!item->uid || item->apart)
    return FALSE;
  if (item->type != PN_TYPE_APPOINTMENT && item->type != PN_TYPE_TASK && item->type != PN_TYPE_NOTE)
    return FALSE;
  return item->method == PN_METHOD_NONE || item->method == PN_METHOD_PUBLISH
         || item->method == PN_METHOD_REQUEST || item->method == PN_METHOD_CANCEL;
}

static void
hash_uid (PnDatabase *database, const char *uid, const char *recurrence, guint8 hash[32])
{
  pn_database_hash (database, hash, "uid", uid, recurrence ? recurrence : "", NULL);
}

static void
bind_uid (PnDatabase *database, sqlite3_stmt *statement, int column, const PnItem *item)
{
  guint8 hash[32];
  if (!has_lookup_uid (item))
    return;
  hash_uid (database, item->uid, item->recurrence, hash);
  sqlite3_bind_blob (statement, column, hash, sizeof hash, SQLITE_TRANSIENT);
}

static void
hash_series (PnDatabase *database, const char *uid, guint8 hash[32])
{
  pn_database_hash (database, hash, "series", uid, NULL);
}

/* From COLUMN on: which of several items of its message it is, and all that belongs together. */
static void
bind_instance (PnDatabase *database, sqlite3_stmt *statement, int column, const PnItem *item)
{
  guint8 hash[32];
  if (item->expanded && item->uid) {
    hash_uid (database, item->uid, item->recurrence, hash);
    sqlite3_bind_blob (statement, column, hash, sizeof hash, SQLITE_TRANSIENT);
  } else
    sqlite3_bind_zeroblob (statement, column, 0);
  if (!has_lookup_uid (item))
    return;
  hash_series (database, item->uid, hash);
  sqlite3_bind_blob (statement, column + 1, hash, sizeof hash, SQLITE_TRANSIENT);
}

static void
bind_summary (PnStore *self, sqlite3_stmt *statement, int column, PnItem *item)
{
  if (!item->summary)
    item->summary = pn_summary_seal (self->key, item);
  gsize length;
  const void *data = g_bytes_get_data (item->summary, &length);
  sqlite3_bind_blob (statement, column, data, (int) length, SQLITE_STATIC);
}

static gboolean
insert_item (PnStore *self, PnDatabase *database, PnItem *item, GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_ITEM_ADD, error);
  if (!statement)
    return FALSE;
  sqlite3_bind_text (statement, 1, item->id, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, item->box);
  sqlite3_bind_int (statement, 3, (int) item->database);
  sqlite3_bind_int (statement, 4, item->type);
  sqlite3_bind_int64 (statement, 5, item->flags);
  sqlite3_bind_int64 (statement, 6, item->delivered);
  sqlite3_bind_int64 (statement, 7, item->date);
  sqlite3_bind_int64 (statement, 8, (gint64) item->size);
  bind_uid (database, statement, 9, item);
  bind_summary (self, statement, 10, item);
  bind_instance (database, statement, 11, item);
  return pn_database_run (database, statement, error);
}

gboolean
pn_store_add_item (PnStore *self, const char *fid, PnItem *item, gboolean *new_out, gint64 *number_out,
                   GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  gboolean ok
      = database && pn_store_write (self, database, error) && insert_item (self, database, item, error);
  gboolean is_new = ok && sqlite3_changes (database->sql) > 0;
  gint64 number = is_new ? sqlite3_last_insert_rowid (database->sql) : 0;
  if (new_out)
    *new_out = is_new;
  if (number_out)
    *number_out = number;
  return pn_store_written (self, ok, error);
}

static PnItem *
read_row (PnStore *self, sqlite3_stmt *row)
{
  PnItem *item = g_new0 (PnItem, 1);
  item->number = sqlite3_column_int64 (row, 0);
  item->id = g_strdup ((const char *) sqlite3_column_text (row, 1));
  item->box = (PnBox) sqlite3_column_int (row, 2);
  item->database = (guint) sqlite3_column_int (row, 3);
  item->type = (PnMessageType) sqlite3_column_int (row, 4);
  item->flags = (guint) sqlite3_column_int64 (row, 5);
  item->delivered = sqlite3_column_int64 (row, 6);
  item->date = sqlite3_column_int64 (row, 7);
  item->size = (guint64) sqlite3_column_int64 (row, 8);
  pn_summary_unseal (self->key, item, sqlite3_column_blob (row, 9), (gsize) sqlite3_column_bytes (row, 9));
  item->expanded = sqlite3_column_bytes (row, 10) > 0;
  return item;
}

static GPtrArray *
list_rows (PnStore *self, const char *fid, PnSql which, int box, GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, which, error) : NULL;
  if (!statement)
    return NULL;
  if (which == PN_SQL_ITEM_LIST_BOX)
    sqlite3_bind_int (statement, 1, box);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_item_free);
  int found;
  while ((found = pn_database_step (database, statement, error)) > 0)
    g_ptr_array_add (items, read_row (self, statement));
  pn_database_reset (statement);
  return found < 0 ? NULL : g_steal_pointer (&items);
}

GPtrArray *
pn_store_list (PnStore *self, const char *fid, int box, GError **error)
{
  return list_rows (self, fid, box < 0 ? PN_SQL_ITEM_LIST : PN_SQL_ITEM_LIST_BOX, box, error);
}

GPtrArray *
pn_store_list_unsent (PnStore *self, const char *fid, GError **error)
{
  return list_rows (self, fid, PN_SQL_ITEM_LIST_UNSENT, -1, error);
}

/* One row or none; FALSE is an error. */
static gboolean
read_one (PnStore *self, PnDatabase *database, sqlite3_stmt *statement, PnItem **item_out, GError **error)
{
  int found = pn_database_step (database, statement, error);
  *item_out = found > 0 ? read_row (self, statement) : NULL;
  pn_database_reset (statement);
  return found >= 0;
}

PnItem *
pn_store_get (PnStore *self, const char *fid, gint64 number, GError **error)
{
  PnItem *item = NULL;
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_ITEM_GET, error) : NULL;
  if (!statement)
    return NULL;
  sqlite3_bind_int64 (statement, 1, number);
  if (read_one (self, database, statement, &item, error) && !item)
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN, "there is no item %" G_GINT64_FORMAT, number);
  return item;
}

static gboolean
find_id (PnStore *self, const char *fid, const char *id, int box, PnItem **item_out, GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement
      = database ? pn_database_statement (database, box < 0 ? PN_SQL_ITEM_FIND : PN_SQL_ITEM_FIND_BOX, error)
                 : NULL;
  if (!statement)
    return FALSE;
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  if (box >= 0)
    sqlite3_bind_int (statement, 2, box);
  return read_one (self, database, statement, item_out, error);
}

PnItem *
pn_store_find (PnStore *self, const char *fid, const char *id, int box, GError **error)
{
  PnItem *item = NULL;
  if (find_id (self, fid, id, box, &item, error) && !item)
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN, "there is no item of message %s", id);
  return item;
}

gboolean
pn_store_find_uid (PnStore *self, const char *fid, const char *uid, const char *recurrence, PnBox box,
                   PnItem **item_out, GError **error)
{
  guint8 hash[32];
  *item_out = NULL;
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_ITEM_FIND_UID, error) : NULL;
  if (!statement)
    return FALSE;
  hash_uid (database, uid, recurrence, hash);
  sqlite3_bind_blob (statement, 1, hash, sizeof hash, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, box);
  return read_one (self, database, statement, item_out, error);
}

gboolean
pn_store_list_uid (PnStore *self, const char *fid, const char *uid, PnBox box, GPtrArray **items_out,
                   GError **error)
{
  guint8 hash[32], single[32];
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_ITEM_LIST_UID, error) : NULL;
  if (!statement)
    return FALSE;
  hash_series (database, uid, hash);
  hash_uid (database, uid, NULL, single);
  sqlite3_bind_blob (statement, 1, hash, sizeof hash, SQLITE_STATIC);
  sqlite3_bind_blob (statement, 3, single, sizeof single, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, box);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_item_free);
  int found;
  while ((found = pn_database_step (database, statement, error)) > 0)
    g_ptr_array_add (items, read_row (self, statement));
  pn_database_reset (statement);
  *items_out = found < 0 ? NULL : g_steal_pointer (&items);
  return found == 0;
}

/* The statement has to have found the item. */
static gboolean
run_on_item (PnDatabase *database, sqlite3_stmt *statement, gint64 number, GError **error)
{
  sqlite3_bind_int64 (statement, 1, number);
  if (!pn_database_run (database, statement, error))
    return FALSE;
  if (sqlite3_changes (database->sql) > 0)
    return TRUE;
  g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN, "there is no item %" G_GINT64_FORMAT, number);
  return FALSE;
}

gboolean
pn_store_set_flags (PnStore *self, const char *fid, gint64 number, guint set, guint clear, GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_ITEM_FLAGS, error) : NULL;
  gboolean ok = statement && pn_store_write_durable (self, database, error);
  if (ok) {
    sqlite3_bind_int64 (statement, 2, set);
    sqlite3_bind_int64 (statement, 3, clear);
    ok = run_on_item (database, statement, number, error);
  }
  return pn_store_written (self, ok, error);
}

gboolean
pn_store_seen_add (PnDatabase *database, const char *id, PnBox box, const void *instance, gsize length,
                   GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_SEEN_ADD, error);
  if (!statement)
    return FALSE;
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, box);
  sqlite3_bind_int64 (statement, 3, now_seconds ());
  if (length > 0)
    sqlite3_bind_blob (statement, 4, instance, (int) length, SQLITE_TRANSIENT);
  else
    sqlite3_bind_zeroblob (statement, 4, 0);
  return pn_database_run (database, statement, error);
}

static gboolean
add_seen (PnDatabase *database, const char *id, PnBox box, GError **error)
{
  return pn_store_seen_add (database, id, box, NULL, 0, error);
}

static gboolean
add_seen_item (PnDatabase *database, const PnItem *item, GError **error)
{
  guint8 hash[32];
  if (!item->expanded || !item->uid)
    return add_seen (database, item->id, item->box, error);
  hash_uid (database, item->uid, item->recurrence, hash);
  return pn_store_seen_add (database, item->id, item->box, hash, sizeof hash, error);
}

gboolean
pn_store_mark_seen (PnStore *self, const char *fid, const char *id, PnBox box, gboolean *new_out,
                    GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  gboolean ok
      = database && pn_store_write_durable (self, database, error) && add_seen (database, id, box, error);
  if (new_out)
    *new_out = ok && sqlite3_changes (database->sql) > 0;
  return pn_store_written (self, ok, error);
}

static gboolean
replace_row (PnStore *self, PnDatabase *database, gint64 number, PnItem *item, GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_ITEM_REPLACE, error);
  if (!statement)
    return FALSE;
  sqlite3_bind_text (statement, 2, item->id, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 3, (int) item->database);
  sqlite3_bind_int (statement, 4, item->type);
  sqlite3_bind_int64 (statement, 5, item->flags);
  sqlite3_bind_int64 (statement, 6, item->delivered);
  sqlite3_bind_int64 (statement, 7, item->date);
  sqlite3_bind_int64 (statement, 8, (gint64) item->size);
  bind_uid (database, statement, 9, item);
  bind_summary (self, statement, 10, item);
  bind_instance (database, statement, 11, item);
  return run_on_item (database, statement, number, error);
}

gboolean
pn_store_replace_message (PnStore *self, const char *fid, gint64 number, PnItem *item, GError **error)
{
  g_autoptr (PnItem) old = pn_store_get (self, fid, number, error);
  PnDatabase *database = old ? pn_store_open_user (self, fid, error) : NULL;
  gboolean ok = database && pn_store_write (self, database, error)
                && replace_row (self, database, number, item, error)
                && (g_str_equal (old->id, item->id) || add_seen_item (database, old, error));
  return pn_store_written (self, ok, error);
}

gboolean
pn_store_delete_item (PnStore *self, const char *fid, gint64 number, GError **error)
{
  g_autoptr (PnItem) item = pn_store_get (self, fid, number, error);
  PnDatabase *database = item ? pn_store_open_user (self, fid, error) : NULL;
  sqlite3_stmt *statuses = database ? pn_database_statement (database, PN_SQL_STATUS_DELETE, error) : NULL;
  sqlite3_stmt *statement = statuses ? pn_database_statement (database, PN_SQL_ITEM_DELETE, error) : NULL;
  gboolean ok = statement && pn_store_write_durable (self, database, error);
  if (ok) {
    sqlite3_bind_int64 (statuses, 1, number);
    ok = pn_database_run (database, statuses, error) && run_on_item (database, statement, number, error)
         && add_seen_item (database, item, error);
  }
  return pn_store_written (self, ok, error);
}
