/* What a mailbox knows of calendar items: one sealed text for each UID. */
#include "store/store-private.h"

#include <string.h>

static const char label[] = "calendar";

static void
bind_uid (PnDatabase *database, sqlite3_stmt *statement, const char *uid)
{
  guint8 hash[32];
  pn_database_hash (database, hash, "calendar", uid, NULL);
  sqlite3_bind_blob (statement, 1, hash, sizeof hash, SQLITE_TRANSIENT);
}

static char *
unseal (PnStore *self, PnDatabase *database, sqlite3_stmt *row, int column, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) plain = pn_unseal_bytes (self->key, sqlite3_column_blob (row, column),
                                              (gsize) sqlite3_column_bytes (row, column), label, &reason);
  if (plain)
    return g_strndup (g_bytes_get_data (plain, NULL), g_bytes_get_size (plain));
  g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED, "%s: a calendar: %s", database->path,
               reason->message);
  return NULL;
}

gboolean
pn_store_get_calendar (PnStore *self, const char *fid, const char *uid, char **text_out, GError **error)
{
  *text_out = NULL;
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_CALENDAR_GET, error) : NULL;
  if (!statement)
    return FALSE;
  bind_uid (database, statement, uid);
  int found = pn_database_step (database, statement, error);
  gboolean ok = found >= 0;
  if (found > 0)
    ok = (*text_out = unseal (self, database, statement, 0, error)) != NULL;
  pn_database_reset (statement);
  return ok;
}

gboolean
pn_store_put_calendar (PnStore *self, const char *fid, const char *uid, const char *text, gint64 again,
                       GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  PnSql sql = text ? PN_SQL_CALENDAR_PUT : PN_SQL_CALENDAR_AGAIN;
  sqlite3_stmt *statement = database ? pn_database_statement (database, sql, error) : NULL;
  gboolean ok = statement && pn_store_write_durable (self, database, error);
  if (ok && !text) {
    bind_uid (database, statement, uid);
    sqlite3_bind_int64 (statement, 2, again);
    ok = pn_database_run (database, statement, error);
  } else if (ok) {
    g_autoptr (GBytes) sealed = pn_seal_bytes (self->key, text, strlen (text), label);
    gsize length;
    const void *data = g_bytes_get_data (sealed, &length);
    bind_uid (database, statement, uid);
    sqlite3_bind_int64 (statement, 2, again);
    sqlite3_bind_blob (statement, 3, data, (int) length, SQLITE_STATIC);
    ok = pn_database_run (database, statement, error);
  }
  return pn_store_written (self, ok, error);
}

GPtrArray *
pn_store_list_calendars (PnStore *self, const char *fid, gint64 now, GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_CALENDAR_LIST, error) : NULL;
  if (!statement)
    return NULL;
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  sqlite3_bind_int64 (statement, 1, now);
  int found;
  gboolean ok = TRUE;
  while (ok && (found = pn_database_step (database, statement, error)) > 0) {
    char *text = unseal (self, database, statement, 1, error);
    ok = text != NULL;
    if (ok)
      g_ptr_array_add (texts, text);
  }
  pn_database_reset (statement);
  return ok && found == 0 ? g_steal_pointer (&texts) : NULL;
}

gboolean
pn_store_mark_taken (PnStore *self, const char *fid, const char *id, gboolean *new_out, GError **error)
{
  static const char taken[] = "taken";
  PnDatabase *database = pn_store_open_user (self, fid, error);
  gboolean ok = database && pn_store_write_durable (self, database, error)
                && pn_store_seen_add (database, id, PN_BOX_IN, taken, sizeof taken, error);
  *new_out = ok && sqlite3_changes (database->sql) > 0;
  return pn_store_written (self, ok, error);
}
