/* One SQLite database of the store: opening with checks, prepared statements, errors. */
#include "store/store-private.h"

#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <string.h>

G_DEFINE_QUARK (pn-store-error-quark, pn_store_error)

/* How long a writer waits for another process's transaction. */
#define BUSY_TIMEOUT_MS 15000
/* "PNms" and "PNus": file(1) and SQLite tell them from other databases. */
#define MESSAGE_APPLICATION_ID 0x504e6d73
#define USER_APPLICATION_ID 0x504e7573
#define SCHEMA_VERSION 2

static const char message_schema[]
    = "CREATE TABLE messages (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stored INTEGER NOT NULL,"
      " size INTEGER NOT NULL, file TEXT, content BLOB);"
      "CREATE TABLE unsettled (number INTEGER PRIMARY KEY);";

/* INSTANCE is empty but for one of several items of a message: then it is the look-up of that instance. */
#define ITEMS_TABLE(name)                                                                                    \
  "CREATE TABLE " name " (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, box INTEGER NOT NULL," \
  " message_database INTEGER NOT NULL, type INTEGER NOT NULL, flags INTEGER NOT NULL,"                       \
  " delivered INTEGER NOT NULL, date INTEGER NOT NULL, size INTEGER NOT NULL, uid BLOB,"                     \
  " summary BLOB NOT NULL, instance BLOB NOT NULL DEFAULT x'', series BLOB, UNIQUE (id, box, instance));"
#define ITEMS_INDEXES                                                                                        \
  "CREATE INDEX items_uid ON items (uid) WHERE uid IS NOT NULL;"                                             \
  "CREATE INDEX items_series ON items (series) WHERE series IS NOT NULL;"                                    \
  "CREATE INDEX items_unsent ON items (number) WHERE (flags & 8192) <> 0;"
#define SEEN_TABLE(name)                                                                                     \
  "CREATE TABLE " name " (id TEXT NOT NULL, box INTEGER NOT NULL, time INTEGER NOT NULL,"                    \
  " instance BLOB NOT NULL DEFAULT x'', PRIMARY KEY (id, box, instance)) WITHOUT ROWID;"
#define CALENDARS_TABLE                                                                                      \
  "CREATE TABLE calendars (uid BLOB PRIMARY KEY NOT NULL, again INTEGER NOT NULL, content BLOB NOT NULL);"   \
  "CREATE INDEX calendars_again ON calendars (again) WHERE again > 0;"

static const char user_schema[] = ITEMS_TABLE ("items") ITEMS_INDEXES SEEN_TABLE ("seen") CALENDARS_TABLE
    "CREATE TABLE statuses (number INTEGER PRIMARY KEY, item INTEGER NOT NULL, key BLOB NOT NULL,"
    " report BLOB NOT NULL, UNIQUE (item, key));"
    "CREATE TABLE secret (sealed BLOB NOT NULL);";

/* Version 1 had one item for each message and box. */
static const char user_upgrade[] = ITEMS_TABLE ("items2")
    "INSERT INTO items2 (number, id, box, message_database, type, flags, delivered, date, size, uid, summary)"
    " SELECT number, id, box, message_database, type, flags, delivered, date, size, uid, summary FROM items;"
    "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'items')"
    " WHERE name = 'items2';"
    "DROP TABLE items; ALTER TABLE items2 RENAME TO items;" ITEMS_INDEXES SEEN_TABLE ("seen2")
    "INSERT INTO seen2 (id, box, time) SELECT id, box, time FROM seen;"
    "DROP TABLE seen; ALTER TABLE seen2 RENAME TO seen;" CALENDARS_TABLE;

G_STATIC_ASSERT (PN_ITEM_UNSENT == 8192); /* it stands in the index */

#define ITEM_COLUMNS "number, id, box, message_database, type, flags, delivered, date, size, summary, instance"

static const char *const sql_texts[PN_SQL_LAST] = {
  [PN_SQL_BEGIN] = "BEGIN IMMEDIATE",
  [PN_SQL_COMMIT] = "COMMIT",
  [PN_SQL_ROLLBACK] = "ROLLBACK",
  [PN_SQL_MESSAGE_EXISTS] = "SELECT 1 FROM messages WHERE id = ?1",
  [PN_SQL_MESSAGE_ADD]
  = "INSERT OR IGNORE INTO messages (id, stored, size, file, content) VALUES (?1, ?2, ?3, ?4, ?5)",
  [PN_SQL_MESSAGE_GET] = "SELECT file, content FROM messages WHERE id = ?1",
  [PN_SQL_UNSETTLED_ADD] = "INSERT OR IGNORE INTO unsettled SELECT number FROM messages WHERE id = ?1",
  [PN_SQL_UNSETTLED_LIST] = "SELECT id FROM unsettled JOIN messages USING (number) ORDER BY number",
  [PN_SQL_UNSETTLED_CLEAR] = "DELETE FROM unsettled",
  [PN_SQL_ITEM_ADD] = "INSERT OR IGNORE INTO items (id, box, message_database, type, flags, delivered, date, "
                      "size, uid, summary, instance, series)"
                      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE NOT EXISTS (SELECT 1 FROM "
                      "seen WHERE id = ?1 AND box = ?2 AND instance = ?11)",
  [PN_SQL_ITEM_GET] = "SELECT " ITEM_COLUMNS " FROM items WHERE number = ?1",
  [PN_SQL_ITEM_LIST] = "SELECT " ITEM_COLUMNS " FROM items ORDER BY number",
  [PN_SQL_ITEM_LIST_BOX] = "SELECT " ITEM_COLUMNS " FROM items WHERE box = ?1 ORDER BY number",
  [PN_SQL_ITEM_LIST_UNSENT] = "SELECT " ITEM_COLUMNS " FROM items WHERE (flags & 8192) <> 0 ORDER BY number",
  [PN_SQL_ITEM_FIND] = "SELECT " ITEM_COLUMNS " FROM items WHERE id = ?1 ORDER BY box, number LIMIT 1",
  [PN_SQL_ITEM_FIND_BOX] = "SELECT " ITEM_COLUMNS " FROM items WHERE id = ?1 AND box = ?2 ORDER BY number LIMIT 1",
  [PN_SQL_ITEM_FIND_UID]
  = "SELECT " ITEM_COLUMNS " FROM items WHERE uid = ?1 AND box = ?2 ORDER BY number DESC LIMIT 1",
  [PN_SQL_ITEM_LIST_UID]
  /* Items of version 1 have no series. */
  = "SELECT " ITEM_COLUMNS " FROM items WHERE (series = ?1 OR (series IS NULL AND uid = ?3)) AND box = ?2"
    " ORDER BY number",
  [PN_SQL_ITEM_FLAGS] = "UPDATE items SET flags = (flags & ~?3) | ?2 WHERE number = ?1",
  [PN_SQL_ITEM_REPLACE] = "UPDATE items SET id = ?2, message_database = ?3, type = ?4, flags = ?5, delivered "
                          "= ?6, date = ?7, size = ?8,"
                          " uid = ?9, summary = ?10, instance = ?11, series = ?12 WHERE number = ?1",
  [PN_SQL_ITEM_DELETE] = "DELETE FROM items WHERE number = ?1",
  [PN_SQL_ITEM_MESSAGES] = "SELECT id FROM items",
  [PN_SQL_SEEN_ADD] = "INSERT OR IGNORE INTO seen (id, box, time, instance) SELECT ?1, ?2, ?3, ?4"
                      " WHERE NOT EXISTS (SELECT 1 FROM items WHERE id = ?1 AND box = ?2 AND instance = ?4)",
  [PN_SQL_SEEN_GET] = "SELECT 1 FROM seen WHERE id = ?1 AND box = ?2",
  [PN_SQL_SEEN_PURGE] = "DELETE FROM seen WHERE time < ?1",
  [PN_SQL_CALENDAR_GET] = "SELECT content FROM calendars WHERE uid = ?1",
  [PN_SQL_CALENDAR_PUT] = "INSERT INTO calendars (uid, again, content) VALUES (?1, max (?2, 0), ?3)"
                          " ON CONFLICT (uid) DO UPDATE SET content = ?3,"
                          " again = CASE WHEN ?2 < 0 THEN again ELSE ?2 END",
  [PN_SQL_CALENDAR_AGAIN] = "UPDATE calendars SET again = ?2 WHERE uid = ?1 AND ?2 >= 0",
  [PN_SQL_CALENDAR_LIST] = "SELECT uid, content FROM calendars WHERE again > 0 AND again <= ?1",
  [PN_SQL_STATUS_ADD] = "INSERT OR IGNORE INTO statuses (item, key, report) VALUES (?1, ?2, ?3)",
  [PN_SQL_STATUS_LIST] = "SELECT report FROM statuses WHERE item = ?1 ORDER BY number",
  [PN_SQL_STATUS_DELETE] = "DELETE FROM statuses WHERE item = ?1",
};

static gboolean
is_full (PnDatabase *self, int code)
{
  int primary = code & 0xff;
  int errnum = self->sql ? sqlite3_system_errno (self->sql) : 0;
  if (primary == SQLITE_FULL)
    return TRUE;
  return (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN)
         && (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG);
}

void
pn_database_set_error (PnDatabase *self, int code, const char *what, GError **error)
{
  PnStoreError kind = PN_STORE_ERROR_ENGINE;
  int primary = code & 0xff;
  if (is_full (self, code))
    kind = PN_STORE_ERROR_FULL;
  else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
    kind = PN_STORE_ERROR_BUSY;
  else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
    kind = PN_STORE_ERROR_DAMAGED;
  const char *reason = self->sql && sqlite3_extended_errcode (self->sql) == code ? sqlite3_errmsg (self->sql)
                                                                                 : sqlite3_errstr (code);
  g_set_error (error, PN_STORE_ERROR, kind, "%s: %s: %s", self->path, what, reason);
}

static gboolean
run_text (PnDatabase *self, const char *sql, const char *what, GError **error)
{
  int code = sqlite3_exec (self->sql, sql, NULL, NULL, NULL);
  if (code == SQLITE_OK)
    return TRUE;
  pn_database_set_error (self, code, what, error);
  return FALSE;
}

static gboolean
read_number (PnDatabase *self, const char *sql, gint64 *number, GError **error)
{
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2 (self->sql, sql, -1, &statement, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step (statement)) == SQLITE_ROW) {
    *number = sqlite3_column_int64 (statement, 0);
    code = SQLITE_OK;
  }
  if (code != SQLITE_OK)
    pn_database_set_error (self, code, "cannot be read", error);
  sqlite3_finalize (statement);
  return code == SQLITE_OK;
}

static gboolean
store_secret (PnDatabase *self, PnKey *key, GError **error)
{
  int ok = RAND_bytes (self->secret, sizeof self->secret);
  g_assert (ok == 1);
  g_autoptr (GBytes) sealed = pn_seal_bytes (key, self->secret, sizeof self->secret, "user database secret");
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2 (self->sql, "INSERT INTO secret (sealed) VALUES (?1)", -1, &statement, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_blob (statement, 1, g_bytes_get_data (sealed, NULL), (int) g_bytes_get_size (sealed),
                       SQLITE_STATIC);
    code = sqlite3_step (statement);
  }
  if (code != SQLITE_DONE)
    pn_database_set_error (self, code, "cannot be made", error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

static gboolean
load_secret (PnDatabase *self, PnKey *key, GError **error)
{
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2 (self->sql, "SELECT sealed FROM secret", -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step (statement);
  gboolean ok = FALSE;
  if (code == SQLITE_ROW) {
    g_autoptr (GError) reason = NULL;
    g_autoptr (GBytes) plain
        = pn_unseal_bytes (key, sqlite3_column_blob (statement, 0),
                           (gsize) sqlite3_column_bytes (statement, 0), "user database secret", &reason);
    ok = plain && g_bytes_get_size (plain) == sizeof self->secret;
    if (ok)
      memcpy (self->secret, g_bytes_get_data (plain, NULL), sizeof self->secret);
    else
      g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED,
                   "%s: the database's secret cannot be read: %s", self->path,
                   reason ? reason->message : "it has a wrong length");
  } else
    pn_database_set_error (self, code, "cannot be read", error);
  sqlite3_finalize (statement);
  return ok;
}

/* Whoever gets the lock second finds it done. */
static gboolean
upgrade (PnDatabase *self, GError **error)
{
  gint64 version = 0;
  if (!run_text (self, "BEGIN IMMEDIATE", "cannot be brought up to date", error))
    return FALSE;
  gboolean ok = read_number (self, "PRAGMA user_version", &version, error);
  if (ok && version == 1)
    ok = (self->kind != PN_DATABASE_USER
          || run_text (self, user_upgrade, "cannot be brought up to date", error))
         && run_text (self, "PRAGMA user_version = 2", "cannot be brought up to date", error);
  ok = ok && run_text (self, "COMMIT", "cannot be brought up to date", error);
  if (!ok)
    sqlite3_exec (self->sql, "ROLLBACK", NULL, NULL, NULL);
  return ok;
}

/* Two processes may open a new database at the same time: who gets the lock second finds it made. */
static gboolean
make_schema (PnDatabase *self, PnKey *key, GError **error)
{
  gint64 version = 0;
  gboolean user = self->kind == PN_DATABASE_USER;
  if (!run_text (self, "BEGIN IMMEDIATE", "cannot be made", error))
    return FALSE;
  gboolean ok = read_number (self, "PRAGMA user_version", &version, error);
  if (ok && version == 0) {
    g_autofree char *marks
        = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d",
                           user ? USER_APPLICATION_ID : MESSAGE_APPLICATION_ID, SCHEMA_VERSION);
    ok = run_text (self, user ? user_schema : message_schema, "cannot be made", error)
         && run_text (self, marks, "cannot be made", error) && (!user || store_secret (self, key, error));
  }
  ok = ok && run_text (self, "COMMIT", "cannot be made", error);
  if (!ok)
    sqlite3_exec (self->sql, "ROLLBACK", NULL, NULL, NULL);
  return ok;
}

static gboolean
check_schema (PnDatabase *self, PnKey *key, GError **error)
{
  gint64 version = 0, application = 0, tables = 0;
  gint64 wanted = self->kind == PN_DATABASE_USER ? USER_APPLICATION_ID : MESSAGE_APPLICATION_ID;
  if (!read_number (self, "PRAGMA user_version", &version, error)
      || !read_number (self, "PRAGMA application_id", &application, error))
    return FALSE;
  if (version == 0 && application == 0) {
    if (!read_number (self, "SELECT count(*) FROM sqlite_master", &tables, error))
      return FALSE;
    if (tables == 0)
      return make_schema (self, key, error) && check_schema (self, key, error);
  }
  if (application != wanted) {
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED, "%s: is not a %s database of Postern",
                 self->path, self->kind == PN_DATABASE_USER ? "user" : "message");
    return FALSE;
  }
  if (version == 1)
    return upgrade (self, error) && check_schema (self, key, error);
  if (version != SCHEMA_VERSION) {
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED,
                 "%s: has schema version %" G_GINT64_FORMAT ", this program knows version %d", self->path,
                 version, SCHEMA_VERSION);
    return FALSE;
  }
  return self->kind != PN_DATABASE_USER || load_secret (self, key, error);
}

PnDatabase *
pn_database_open (const char *path, PnDatabaseKind kind, PnKey *key, gboolean lazy, GError **error)
{
  PnDatabase *self = g_new0 (PnDatabase, 1);
  self->kind = kind;
  self->path = g_strdup (path);
  self->lazy = lazy;
  self->link.data = self;
  int code = sqlite3_open_v2 (
      path, &self->sql,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  gboolean ok = code == SQLITE_OK;
  if (!ok)
    pn_database_set_error (self, code, "cannot be opened", error);
  if (ok) {
    sqlite3_busy_timeout (self->sql, BUSY_TIMEOUT_MS);
    /* A handle that is let go to make room for others is soon opened again: the next one finds the log where
     * it was. */
    sqlite3_db_config (self->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config (self->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    ok = run_text (self,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -512;"
                   "PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 4194304; PRAGMA temp_store "
                   "= MEMORY",
                   "cannot be set up", error)
         && check_schema (self, key, error)
         && (!lazy || run_text (self, "PRAGMA synchronous = NORMAL", "cannot be set up", error));
  }
  if (ok)
    return self;
  pn_database_close (self);
  return NULL;
}

void
pn_database_close (PnDatabase *self)
{
  for (guint i = 0; i < PN_SQL_LAST; i++)
    sqlite3_finalize (self->statements[i]);
  sqlite3_close (self->sql);
  OPENSSL_cleanse (self->secret, sizeof self->secret);
  g_free (self->path);
  g_free (self);
}

sqlite3_stmt *
pn_database_statement (PnDatabase *self, PnSql which, GError **error)
{
  if (self->statements[which])
    return self->statements[which];
  int code = sqlite3_prepare_v3 (self->sql, sql_texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                 &self->statements[which], NULL);
  if (code == SQLITE_OK)
    return self->statements[which];
  pn_database_set_error (self, code, "cannot be used", error);
  return NULL;
}

void
pn_database_reset (sqlite3_stmt *statement)
{
  if (!statement)
    return;
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
}

int
pn_database_step (PnDatabase *self, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);
  if (code == SQLITE_ROW)
    return 1;
  if (code == SQLITE_DONE)
    return 0;
  pn_database_set_error (self, code, "cannot be read", error);
  return -1;
}

gboolean
pn_database_run (PnDatabase *self, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);
  if (code != SQLITE_DONE && code != SQLITE_ROW)
    pn_database_set_error (self, code, "cannot be written", error);
  pn_database_reset (statement);
  return code == SQLITE_DONE || code == SQLITE_ROW;
}

gboolean
pn_database_execute (PnDatabase *self, PnSql which, GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (self, which, error);
  return statement && pn_database_run (self, statement, error);
}

void
pn_database_hash (PnDatabase *self, guint8 hash[32], ...)
{
  g_autoptr (GString) text = g_string_new (NULL);
  va_list args;
  va_start (args, hash);
  for (const char *part; (part = va_arg (args, const char *));)
    /* The closing NUL goes in, so that no two lists of texts look alike. */
    g_string_append_len (text, part, (gssize) strlen (part) + 1);
  va_end (args);
  unsigned length = 32;
  HMAC (EVP_sha256 (), self->secret, sizeof self->secret, (const guint8 *) text->str, text->len, hash,
        &length);
}
