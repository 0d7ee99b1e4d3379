/* WPDOMAIN.DB: who exists, where. */
#include "directory/directory-private.h"

#include "core/file.h"

#include <string.h>

struct PnDirectoryDb {
  const PnConfig *config; /* borrowed */
  sqlite3 *db;
};

static const char schema[]
    = "CREATE TABLE IF NOT EXISTS user ("
      " id INTEGER PRIMARY KEY, post_office TEXT NOT NULL, post_office_key TEXT NOT NULL, user TEXT NOT NULL,"
      " user_key TEXT NOT NULL, fid TEXT NOT NULL, given TEXT NOT NULL, family TEXT NOT NULL,"
      " internet TEXT NOT NULL, internet_key TEXT UNIQUE, title TEXT NOT NULL, department TEXT NOT NULL,"
      " phone TEXT NOT NULL, fax TEXT NOT NULL, visibility TEXT NOT NULL, password TEXT,"
      " UNIQUE (post_office_key, user_key), UNIQUE (post_office_key, fid));"
      "CREATE TABLE IF NOT EXISTS alias ("
      " user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE, type TEXT NOT NULL COLLATE NOCASE,"
      " name TEXT NOT NULL, name_key TEXT NOT NULL, PRIMARY KEY (type, name_key)) WITHOUT ROWID;"
      "CREATE INDEX IF NOT EXISTS alias_user ON alias (user);"
      "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
      "INSERT OR IGNORE INTO meta VALUES ('change', 0)";

/* --- opening -------------------------------------------------------------------------------------------- */

static gboolean
check_marks (sqlite3 *db, const char *path, GError **error)
{
  if (pn_directory_sql_number (db, "PRAGMA application_id", 0) != PN_DIRECTORY_APPLICATION_ID) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_ENGINE, "%s: this is not a directory database",
                 path);
    return FALSE;
  }
  gint64 version = pn_directory_sql_number (db, "PRAGMA user_version", 0);
  if (version != PN_DIRECTORY_SCHEMA) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_ENGINE,
                 "%s: the database is of schema %" G_GINT64_FORMAT ", this program knows %d", path, version,
                 PN_DIRECTORY_SCHEMA);
    return FALSE;
  }
  return TRUE;
}

gboolean
pn_directory_db_create (const PnConfig *config, GError **error)
{
  g_autofree char *dir = pn_config_domain_path (config, "");
  g_autofree char *path = pn_config_domain_path (config, "WPDOMAIN.DB");
  if (!pn_file_make_dirs (dir, error))
    return FALSE;
  sqlite3 *db = pn_directory_sql_open (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  if (!db)
    return FALSE;
  g_autofree char *marks = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                            PN_DIRECTORY_APPLICATION_ID, PN_DIRECTORY_SCHEMA);
  gboolean made = pn_directory_sql_exec (db, schema, error) && pn_directory_sql_exec (db, marks, error);
  sqlite3_close (db);
  for (guint i = 0; made && i < config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = config->post_offices->pdata[i];
    made = pn_file_make_dirs (office->path, error) && pn_directory_host_create (config, office->name, error);
  }
  return made;
}

PnDirectoryDb *
pn_directory_db_open (const PnConfig *config, gboolean writable, GError **error)
{
  g_autofree char *path = pn_config_domain_path (config, "WPDOMAIN.DB");
  /* Read-write even for readers: a reader of a WAL database has to take part in its shared memory. */
  sqlite3 *db = pn_directory_sql_open (path, SQLITE_OPEN_READWRITE, error);
  if (!db)
    return NULL;
  if (!check_marks (db, path, error)
      || (!writable && !pn_directory_sql_exec (db, "PRAGMA query_only = ON", error))) {
    sqlite3_close (db);
    return NULL;
  }
  PnDirectoryDb *self = g_new0 (PnDirectoryDb, 1);
  self->config = config;
  self->db = db;
  return self;
}

void
pn_directory_db_close (PnDirectoryDb *self)
{
  if (!self)
    return;
  sqlite3_close (self->db);
  g_free (self);
}

guint
pn_directory_db_version (PnDirectoryDb *self)
{
  return (guint) pn_directory_sql_number (self->db, "PRAGMA data_version", 0);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static char *
column (sqlite3_stmt *row, int i)
{
  const unsigned char *text = sqlite3_column_text (row, i);
  return (char *) (text ? text : (const unsigned char *) "");
}

static gboolean
load_users (PnDirectoryDb *self, PnIndex *index, GError **error)
{
  g_autoptr (sqlite3_stmt) row = pn_directory_sql_prepare (
      self->db,
      "SELECT post_office, user, fid, given, family, internet, title, department, phone, fax, visibility,"
      " password IS NOT NULL FROM user ORDER BY id",
      error);
  if (!row)
    return FALSE;
  int result;
  while ((result = sqlite3_step (row)) == SQLITE_ROW) {
    const PnUser user = { self->config->domain,
                          column (row, 0),
                          column (row, 1),
                          column (row, 2),
                          column (row, 3),
                          column (row, 4),
                          column (row, 5),
                          column (row, 6),
                          column (row, 7),
                          column (row, 8),
                          column (row, 9),
                          column (row, 10),
                          sqlite3_column_int (row, 11) };
    pn_index_add_user (index, &user);
  }
  if (result == SQLITE_DONE)
    return TRUE;
  pn_directory_sql_error (self->db, error);
  return FALSE;
}

GPtrArray *
pn_directory_db_aliases (PnDirectoryDb *self, GError **error)
{
  g_autoptr (sqlite3_stmt) row
      = pn_directory_sql_prepare (self->db,
                                  "SELECT type, name, post_office, user.user FROM alias JOIN user ON user.id "
                                  "= alias.user ORDER BY type, name_key",
                                  error);
  if (!row)
    return NULL;
  g_autoptr (GPtrArray) aliases = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_alias_free);
  int result;
  while ((result = sqlite3_step (row)) == SQLITE_ROW) {
    PnAlias *alias = g_new (PnAlias, 1);
    *alias = (PnAlias){ g_strdup (column (row, 0)), g_strdup (column (row, 1)), g_strdup (column (row, 2)),
                        g_strdup (column (row, 3)) };
    g_ptr_array_add (aliases, alias);
  }
  if (result != SQLITE_DONE) {
    pn_directory_sql_error (self->db, error);
    return NULL;
  }
  return g_steal_pointer (&aliases);
}

static gboolean
load (PnDirectoryDb *self, PnIndex *index, GError **error)
{
  if (!load_users (self, index, error))
    return FALSE;
  pn_index_end_users (index);
  g_autoptr (GPtrArray) aliases = pn_directory_db_aliases (self, error);
  if (!aliases)
    return FALSE;
  const char *type = pn_config_string (self->config, "directory", "alias-type");
  for (guint i = 0; i < aliases->len; i++) {
    const PnAlias *alias = aliases->pdata[i];
    if (g_ascii_strcasecmp (alias->type, type) == 0)
      pn_index_add_alias (index, alias->post_office, alias->user, alias->name);
  }
  pn_index_end (index);
  return TRUE;
}

PnIndex *
pn_directory_db_load (PnDirectoryDb *self, guint formats, GError **error)
{
  g_autoptr (PnIndex) index = pn_index_new (self->config, formats);
  /* One transaction, so that users and aliases are of the same moment. */
  if (!pn_directory_sql_exec (self->db, "BEGIN", error))
    return NULL;
  gboolean loaded = load (self, index, error);
  sqlite3_exec (self->db, "COMMIT", NULL, NULL, NULL);
  return loaded ? g_steal_pointer (&index) : NULL;
}

char *
pn_directory_db_password (PnDirectoryDb *self, const char *post_office, const char *user, GError **error)
{
  g_autofree char *office_key = pn_directory_fold (post_office, -1);
  g_autofree char *user_key = pn_directory_fold (user, -1);
  g_autoptr (sqlite3_stmt) row = pn_directory_sql_prepare (
      self->db, "SELECT password FROM user WHERE post_office_key = ? AND user_key = ?", error);
  if (!row)
    return NULL;
  sqlite3_bind_text (row, 1, office_key, -1, SQLITE_STATIC);
  sqlite3_bind_text (row, 2, user_key, -1, SQLITE_STATIC);
  if (sqlite3_step (row) != SQLITE_ROW || sqlite3_column_type (row, 0) == SQLITE_NULL)
    return NULL;
  return g_strdup (column (row, 0));
}

/* --- changing ------------------------------------------------------------------------------------------- */

static gboolean
begin (PnDirectoryDb *self, GError **error)
{
  return pn_directory_sql_exec (self->db, "BEGIN IMMEDIATE", error);
}

/* Counts the change, commits, and brings the post offices' copies up to it. */
static gboolean
commit (PnDirectoryDb *self, const char *post_office, const char *user_key, GError **error)
{
  if (!pn_directory_sql_exec (self->db, "UPDATE meta SET value = value + 1 WHERE name = 'change'; COMMIT",
                              error)) {
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
    return FALSE;
  }
  gint64 change = pn_directory_sql_number (self->db, "SELECT value FROM meta WHERE name = 'change'", 0);
  for (guint i = 0; i < self->config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = self->config->post_offices->pdata[i];
    if (!pn_directory_host_update (self->config, self->db, office->name, change, post_office, user_key,
                                   error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
give_up (PnDirectoryDb *self)
{
  sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

gboolean
pn_directory_db_rebuild_hosts (PnDirectoryDb *self, GError **error)
{
  gint64 change = pn_directory_sql_number (self->db, "SELECT value FROM meta WHERE name = 'change'", 0);
  for (guint i = 0; i < self->config->post_offices->len; i++) {
    const PnPostOfficeConfig *office = self->config->post_offices->pdata[i];
    if (!pn_directory_host_rebuild (self->config, self->db, office->name, change, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
has_row (PnDirectoryDb *self, const char *sql, const char *a, const char *b)
{
  g_autoptr (sqlite3_stmt) row = pn_directory_sql_prepare (self->db, sql, NULL);
  if (!row)
    return FALSE;
  sqlite3_bind_text (row, 1, a, -1, SQLITE_STATIC);
  if (b)
    sqlite3_bind_text (row, 2, b, -1, SQLITE_STATIC);
  return sqlite3_step (row) == SQLITE_ROW;
}

/* Three characters that follow from the user id; the next free ones when another user has them. */
static gboolean
choose_fid (PnDirectoryDb *self, const char *office_key, const char *user_key, char fid[4], GError **error)
{
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  enum { ALL = 36 * 36 * 36 };
  guint start = g_str_hash (user_key) % ALL;
  for (guint i = 0; i < ALL; i++) {
    guint n = (start + i) % ALL;
    fid[0] = digits[n / 36 / 36], fid[1] = digits[n / 36 % 36], fid[2] = digits[n % 36], fid[3] = '\0';
    if (!has_row (self, "SELECT 1 FROM user WHERE post_office_key = ? AND fid = ?", office_key, fid))
      return TRUE;
  }
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID,
               "the post office is full: %d users have all the FIDs there are", ALL);
  return FALSE;
}

/* INTERNET_KEY may be an alias of somebody else, or the other way round: an address has one owner. */
static gboolean
check_address_free (PnDirectoryDb *self, const char *address, const char *key, const char *office_key,
                    const char *user_key, GError **error)
{
  const char *type = pn_config_string (self->config, "directory", "alias-type");
  g_autoptr (sqlite3_stmt) row = pn_directory_sql_prepare (
      self->db,
      "SELECT user, post_office FROM user WHERE internet_key = ?1 AND NOT (post_office_key = ?2 AND user_key "
      "= ?3)"
      " UNION SELECT user.user, post_office FROM alias JOIN user ON user.id = alias.user"
      " WHERE name_key = ?1 AND type = ?4 AND NOT (post_office_key = ?2 AND user_key = ?3)",
      error);
  if (!row)
    return FALSE;
  sqlite3_bind_text (row, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_text (row, 2, office_key, -1, SQLITE_STATIC);
  sqlite3_bind_text (row, 3, user_key, -1, SQLITE_STATIC);
  sqlite3_bind_text (row, 4, type, -1, SQLITE_STATIC);
  if (sqlite3_step (row) != SQLITE_ROW)
    return TRUE;
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS,
               "%s is an address of user %s in post office %s", address, column (row, 0), column (row, 1));
  return FALSE;
}

static gboolean
write_user (PnDirectoryDb *self, const char *sql, const PnUser *user, const char *fid,
            const char *password_hash, const char *office_key, const char *user_key, GError **error)
{
  gboolean addressed = user->internet && *user->internet;
  g_autofree char *internet_key = addressed ? pn_directory_fold_address (user->internet) : NULL;
  if (addressed && !check_address_free (self, user->internet, internet_key, office_key, user_key, error))
    return FALSE;
  const char *visibility = user->visibility && *user->visibility ? user->visibility : "System";
  const char *texts[] = { office_key,     user_key,    user->given_name, user->family_name,
                          user->internet, user->title, user->department, user->phone,
                          user->fax,      visibility,  internet_key,     user->post_office,
                          user->user,     fid,         password_hash };
  for (guint i = 2; i < 10; i++)
    if (!texts[i] && i != 4)
      texts[i] = "";
  return pn_directory_sql_run (self->db, sql, texts, strstr (sql, "?15") ? 15 : 11, error);
}

gboolean
pn_directory_db_add (PnDirectoryDb *self, const PnUser *user, const char *password_hash, GError **error)
{
  g_autofree char *office_key = pn_directory_fold (user->post_office, -1);
  g_autofree char *user_key = pn_directory_fold (user->user, -1);
  char made[4];
  if (!begin (self, error))
    return FALSE;
  if (has_row (self, "SELECT 1 FROM user WHERE post_office_key = ? AND user_key = ?", office_key, user_key)) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS,
                 "there is already a user %s in post office %s", user->user, user->post_office);
    return give_up (self);
  }
  if (!user->fid && !choose_fid (self, office_key, user_key, made, error))
    return give_up (self);
  if (user->fid
      && has_row (self, "SELECT 1 FROM user WHERE post_office_key = ? AND fid = ?", office_key, user->fid)) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS,
                 "the FID %s is taken in post office %s", user->fid, user->post_office);
    return give_up (self);
  }
  static const char sql[]
      = "INSERT INTO user (post_office_key, user_key, given, family, internet, title, department, phone, fax,"
        " visibility, internet_key, post_office, user, fid, password)"
        " VALUES (?1, ?2, ?3, ?4, coalesce (?5, ''), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
  if (!write_user (self, sql, user, user->fid ? user->fid : made, password_hash, office_key, user_key, error))
    return give_up (self);
  return commit (self, user->post_office, user_key, error);
}

static gboolean
need_user (PnDirectoryDb *self, const char *post_office, const char *user, const char *office_key,
           const char *user_key, GError **error)
{
  if (has_row (self, "SELECT 1 FROM user WHERE post_office_key = ? AND user_key = ?", office_key, user_key))
    return TRUE;
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "there is no user %s in post office %s",
               user, post_office);
  return FALSE;
}

gboolean
pn_directory_db_change (PnDirectoryDb *self, const PnUser *user, GError **error)
{
  g_autofree char *office_key = pn_directory_fold (user->post_office, -1);
  g_autofree char *user_key = pn_directory_fold (user->user, -1);
  static const char sql[]
      = "UPDATE user SET given = ?3, family = ?4, internet = coalesce (?5, internet), title = ?6,"
        " department = ?7, phone = ?8, fax = ?9, visibility = ?10,"
        " internet_key = iif (?5 IS NULL, internet_key, ?11)"
        " WHERE post_office_key = ?1 AND user_key = ?2";
  if (!begin (self, error))
    return FALSE;
  if (!need_user (self, user->post_office, user->user, office_key, user_key, error)
      || !write_user (self, sql, user, NULL, NULL, office_key, user_key, error))
    return give_up (self);
  return commit (self, user->post_office, user_key, error);
}

/* SQL with the keys as first parameters and EXTRA (or NULL) as the third, for a user that must exist. */
static gboolean
touch_user (PnDirectoryDb *self, const char *sql, const char *post_office, const char *user,
            const char *extra, GError **error)
{
  g_autofree char *office_key = pn_directory_fold (post_office, -1);
  g_autofree char *user_key = pn_directory_fold (user, -1);
  const char *texts[] = { office_key, user_key, extra };
  if (!begin (self, error))
    return FALSE;
  if (!need_user (self, post_office, user, office_key, user_key, error)
      || !pn_directory_sql_run (self->db, sql, texts, extra ? 3 : 2, error))
    return give_up (self);
  return commit (self, post_office, user_key, error);
}

gboolean
pn_directory_db_set_password (PnDirectoryDb *self, const char *post_office, const char *user,
                              const char *hash, GError **error)
{
  return touch_user (self, "UPDATE user SET password = ?3 WHERE post_office_key = ?1 AND user_key = ?2",
                     post_office, user, hash, error);
}

gboolean
pn_directory_db_delete (PnDirectoryDb *self, const char *post_office, const char *user, GError **error)
{
  return touch_user (self, "DELETE FROM user WHERE post_office_key = ?1 AND user_key = ?2", post_office, user,
                     NULL, error);
}

static gboolean
insert_alias (PnDirectoryDb *self, const char *office_key, const char *user_key, const char *type,
              const char *name, GError **error)
{
  g_autofree char *name_key = pn_directory_fold_address (name);
  if (has_row (self, "SELECT 1 FROM alias WHERE type = ? AND name_key = ?", type, name_key)) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS,
                 "there is already an alias %s of type %s", name, type);
    return FALSE;
  }
  if (!check_address_free (self, name, name_key, office_key, user_key, error))
    return FALSE;
  const char *texts[] = { office_key, user_key, type, name, name_key };
  return pn_directory_sql_run (
      self->db,
      "INSERT INTO alias (user, type, name, name_key) SELECT id, ?3, ?4, ?5 FROM user"
      " WHERE post_office_key = ?1 AND user_key = ?2",
      texts, 5, error);
}

gboolean
pn_directory_db_add_alias (PnDirectoryDb *self, const char *post_office, const char *user, const char *type,
                           const char *name, GError **error)
{
  g_autofree char *office_key = pn_directory_fold (post_office, -1);
  g_autofree char *user_key = pn_directory_fold (user, -1);
  if (!begin (self, error))
    return FALSE;
  if (!need_user (self, post_office, user, office_key, user_key, error)
      || !insert_alias (self, office_key, user_key, type, name, error))
    return give_up (self);
  return commit (self, post_office, user_key, error);
}

gboolean
pn_directory_db_delete_alias (PnDirectoryDb *self, const char *type, const char *name, GError **error)
{
  g_autofree char *name_key = pn_directory_fold_address (name);
  const char *texts[] = { type, name_key };
  if (!begin (self, error))
    return FALSE;
  if (!has_row (self, "SELECT 1 FROM alias WHERE type = ? AND name_key = ?", type, name_key)) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "there is no alias %s of type %s",
                 name, type);
    return give_up (self);
  }
  if (!pn_directory_sql_run (self->db, "DELETE FROM alias WHERE type = ? AND name_key = ?", texts, 2, error))
    return give_up (self);
  return commit (self, "", "", error);
}
