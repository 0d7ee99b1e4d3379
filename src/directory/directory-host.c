/* WPHOST.DB: what the clients of one post office see of the directory. */
#include "directory/directory-private.h"

static const char schema[]
    = "CREATE TABLE IF NOT EXISTS user ("
      " id INTEGER PRIMARY KEY, domain TEXT NOT NULL, post_office TEXT NOT NULL, post_office_key TEXT NOT "
      "NULL,"
      " user TEXT NOT NULL, user_key TEXT NOT NULL, fid TEXT NOT NULL, given TEXT NOT NULL, family TEXT NOT "
      "NULL,"
      " internet TEXT NOT NULL, title TEXT NOT NULL, department TEXT NOT NULL, phone TEXT NOT NULL,"
      " fax TEXT NOT NULL, visibility TEXT NOT NULL, UNIQUE (post_office_key, user_key));"
      "CREATE INDEX IF NOT EXISTS user_family ON user (family, given);"
      "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
      "INSERT OR IGNORE INTO meta VALUES ('change', -1)";

/* Rows that post office ?1 may see; a user's own post office sees him also when he is hidden outside it. */
#define VISIBLE                                                                                              \
  "(visibility IN ('System', 'Domain') OR (visibility = 'Post Office' AND post_office_key = ?1))"
#define COLUMNS                                                                                              \
  "post_office, post_office_key, user, user_key, fid, given, family, internet, title, department, phone, "   \
  "fax, "                                                                                                    \
  "visibility"
enum { N_COLUMNS = 13 };

static sqlite3 *
host_open (const PnConfig *config, const char *post_office, GError **error)
{
  g_autofree char *path = pn_config_post_office_path (config, post_office, "WPHOST.DB");
  if (!path) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "there is no post office %s",
                 post_office);
    return NULL;
  }
  sqlite3 *db = pn_directory_sql_open (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  if (!db)
    return NULL;
  g_autofree char *marks = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                            PN_DIRECTORY_APPLICATION_ID, PN_DIRECTORY_SCHEMA);
  gboolean fresh = pn_directory_sql_number (db, "PRAGMA application_id", 0) == 0;
  if (fresh && !(pn_directory_sql_exec (db, schema, error) && pn_directory_sql_exec (db, marks, error))) {
    sqlite3_close (db);
    return NULL;
  }
  return db;
}

static gboolean
copy_rows (const PnConfig *config, sqlite3_stmt *from, sqlite3 *host, GError **error)
{
  g_autoptr (sqlite3_stmt) insert = pn_directory_sql_prepare (
      host, "INSERT INTO user (domain, " COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      error);
  if (!insert)
    return FALSE;
  int result;
  while ((result = sqlite3_step (from)) == SQLITE_ROW) {
    sqlite3_bind_text (insert, 1, config->domain, -1, SQLITE_STATIC);
    for (int i = 0; i < N_COLUMNS; i++)
      sqlite3_bind_value (insert, i + 2, sqlite3_column_value (from, i));
    if (sqlite3_step (insert) != SQLITE_DONE) {
      pn_directory_sql_error (host, error);
      return FALSE;
    }
    sqlite3_reset (insert);
  }
  if (result == SQLITE_DONE)
    return TRUE;
  pn_directory_sql_error (sqlite3_db_handle (from), error);
  return FALSE;
}

static gboolean
set_change (sqlite3 *host, gint64 change, GError **error)
{
  g_autofree char *sql
      = g_strdup_printf ("INSERT OR REPLACE INTO meta VALUES ('change', %" G_GINT64_FORMAT ")", change);
  return pn_directory_sql_exec (host, sql, error);
}

/* All rows when USER_KEY is NULL, else that user's. */
static gboolean
refresh (const PnConfig *config, sqlite3 *domain, sqlite3 *host, const char *post_office_key,
         const char *user_po_key, const char *user_key, GError **error)
{
  const char *keys[] = { user_po_key, user_key };
  gboolean cleared = user_key ? pn_directory_sql_run (
                         host, "DELETE FROM user WHERE post_office_key = ? AND user_key = ?", keys, 2, error)
                              : pn_directory_sql_exec (host, "DELETE FROM user", error);
  if (!cleared)
    return FALSE;
  g_autoptr (sqlite3_stmt) select = pn_directory_sql_prepare (
      domain,
      user_key ? "SELECT " COLUMNS " FROM user WHERE " VISIBLE " AND post_office_key = ?2 AND user_key = ?3"
               : "SELECT " COLUMNS " FROM user WHERE " VISIBLE " ORDER BY id",
      error);
  if (!select)
    return FALSE;
  sqlite3_bind_text (select, 1, post_office_key, -1, SQLITE_STATIC);
  if (user_key) {
    sqlite3_bind_text (select, 2, user_po_key, -1, SQLITE_STATIC);
    sqlite3_bind_text (select, 3, user_key, -1, SQLITE_STATIC);
  }
  return copy_rows (config, select, host, error);
}

static gboolean
host_write (const PnConfig *config, sqlite3 *domain, const char *post_office, gint64 change,
            const char *user_po, const char *user_key, GError **error)
{
  sqlite3 *host = host_open (config, post_office, error);
  if (!host)
    return FALSE;
  g_autofree char *key = pn_directory_fold (post_office, -1);
  gboolean written = FALSE;
  if (pn_directory_sql_exec (host, "BEGIN IMMEDIATE", error)) {
    gint64 stands = pn_directory_sql_number (host, "SELECT value FROM meta WHERE name = 'change'", -1);
    gboolean step = user_key && stands == change - 1;
    g_autofree char *user_po_key = step ? pn_directory_fold (user_po, -1) : NULL;
    written = refresh (config, domain, host, key, user_po_key, step ? user_key : NULL, error)
              && set_change (host, change, error) && pn_directory_sql_exec (host, "COMMIT", error);
    if (!written)
      sqlite3_exec (host, "ROLLBACK", NULL, NULL, NULL);
  }
  sqlite3_close (host);
  return written;
}

gboolean
pn_directory_host_create (const PnConfig *config, const char *post_office, GError **error)
{
  sqlite3 *host = host_open (config, post_office, error);
  sqlite3_close (host);
  return host != NULL;
}

gboolean
pn_directory_host_update (const PnConfig *config, sqlite3 *domain, const char *post_office, gint64 change,
                          const char *user_po, const char *user_key, GError **error)
{
  return host_write (config, domain, post_office, change, user_po, user_key, error);
}

gboolean
pn_directory_host_rebuild (const PnConfig *config, sqlite3 *domain, const char *post_office, gint64 change,
                           GError **error)
{
  return host_write (config, domain, post_office, change, NULL, NULL, error);
}
