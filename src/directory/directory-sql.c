#include "directory/directory-private.h"

void
pn_directory_sql_error (sqlite3 *db, GError **error)
{
  const char *file = sqlite3_db_filename (db, "main");
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_ENGINE, "%s: %s", file ? file : "directory",
               sqlite3_errmsg (db));
}

gboolean
pn_directory_sql_exec (sqlite3 *db, const char *sql, GError **error)
{
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  pn_directory_sql_error (db, error);
  return FALSE;
}

sqlite3 *
pn_directory_sql_open (const char *path, int flags, GError **error)
{
  sqlite3 *db = NULL;
  if (sqlite3_open_v2 (path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_ENGINE, "%s: %s", path,
                 db ? sqlite3_errmsg (db) : "out of memory");
    sqlite3_close (db);
    return NULL;
  }
  sqlite3_busy_timeout (db, 10000);
  if (!pn_directory_sql_exec (
          db,
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
          "PRAGMA trusted_schema = OFF",
          error)) {
    sqlite3_close (db);
    return NULL;
  }
  return db;
}

sqlite3_stmt *
pn_directory_sql_prepare (sqlite3 *db, const char *sql, GError **error)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) != SQLITE_OK)
    pn_directory_sql_error (db, error);
  return statement;
}

gboolean
pn_directory_sql_run (sqlite3 *db, const char *sql, const char *const *texts, guint n, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = pn_directory_sql_prepare (db, sql, error);
  if (!statement)
    return FALSE;
  for (guint i = 0; i < n; i++)
    sqlite3_bind_text (statement, (int) i + 1, texts[i], -1, SQLITE_STATIC);
  int result = sqlite3_step (statement);
  while (result == SQLITE_ROW)
    result = sqlite3_step (statement);
  if (result == SQLITE_DONE)
    return TRUE;
  pn_directory_sql_error (db, error);
  return FALSE;
}

gint64
pn_directory_sql_number (sqlite3 *db, const char *sql, gint64 otherwise)
{
  g_autoptr (sqlite3_stmt) statement = pn_directory_sql_prepare (db, sql, NULL);
  if (!statement || sqlite3_step (statement) != SQLITE_ROW)
    return otherwise;
  return sqlite3_column_int64 (statement, 0);
}
