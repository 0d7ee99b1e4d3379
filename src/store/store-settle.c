/* Lazy stores: what has been committed to mailboxes without a flush, and flushing it. */
#include "core/file.h"
#include "store/store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SETTLE_MESSAGES 20000
#define SETTLE_AGE_US (20 * G_USEC_PER_SEC)

void
pn_store_set_lazy (PnStore *self, guint open)
{
  self->lazy = TRUE;
  if (open > 0)
    self->max_open = MAX (open, PN_MESSAGE_DATABASES * 2);
}

/* The log has no locks of SQLite's on it, so that it may be opened and closed beside SQLite.  If it is not
 * there, somebody has moved all of it into the database, and flushed that. */
static gboolean
flush_log (const char *path, GError **error)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  g_autoptr (GError) reason = NULL;
  int fd = open (log, O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT)
    return TRUE;
  if (fd < 0)
    pn_file_set_error (&reason, errno, log, "cannot open");
  else {
    if (fdatasync (fd) < 0)
      pn_file_set_error (&reason, errno, log, "cannot flush to disk");
    close (fd);
  }
  if (reason)
    g_set_error_literal (error, PN_STORE_ERROR, PN_STORE_ERROR_ENGINE, reason->message);
  return !reason;
}

gboolean
pn_settle_committed (PnStore *self, PnDatabase *database, GError **error)
{
  gboolean durable = database->durable;
  database->durable = FALSE;
  if (!database->lazy)
    return TRUE;
  if (!durable) {
    if (!g_hash_table_contains (self->unflushed, database->path))
      g_hash_table_add (self->unflushed, g_strdup (database->path));
    return TRUE;
  }
  if (!flush_log (database->path, error))
    return FALSE;
  g_hash_table_remove (self->unflushed, database->path);
  return TRUE;
}

gboolean
pn_settle_add (PnStore *self, PnDatabase *database, const char *id, GError **error)
{
  if (!self->lazy)
    return TRUE;
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_UNSETTLED_ADD, error);
  if (!statement)
    return FALSE;
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  if (!pn_database_run (database, statement, error))
    return FALSE;
  if (self->unsettled++ == 0)
    self->unsettled_since = g_get_monotonic_time ();
  return TRUE;
}

gboolean
pn_store_has_unsettled (const PnStore *self)
{
  return self->unsettled > 0;
}

gboolean
pn_store_wants_settle (const PnStore *self)
{
  return self->unsettled >= SETTLE_MESSAGES
         || (self->unsettled > 0 && g_get_monotonic_time () - self->unsettled_since >= SETTLE_AGE_US);
}

static gboolean
list_database (PnStore *self, guint number, GPtrArray *items, GError **error)
{
  PnDatabase *database = pn_store_open_messages (self, number, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_UNSETTLED_LIST, error) : NULL;
  if (!statement)
    return FALSE;
  int found;
  while ((found = pn_database_step (database, statement, error)) > 0) {
    PnItem *item = g_new0 (PnItem, 1);
    item->id = g_strdup ((const char *) sqlite3_column_text (statement, 0));
    item->database = number;
    g_ptr_array_add (items, item);
  }
  pn_database_reset (statement);
  return found == 0;
}

GPtrArray *
pn_store_list_unsettled (PnStore *self, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_item_free);
  for (guint i = 0; i < PN_MESSAGE_DATABASES; i++)
    if (!list_database (self, i, items, error))
      return NULL;
  return g_steal_pointer (&items);
}

/* One after the other, each a transaction of its own: nobody waits long. */
static gboolean
clear_database (PnStore *self, guint number, GError **error)
{
  PnDatabase *database = pn_store_open_messages (self, number, error);
  gboolean ok = database && pn_store_write (self, database, error)
                && pn_database_execute (database, PN_SQL_UNSETTLED_CLEAR, error);
  return pn_store_written (self, ok, error);
}

gboolean
pn_store_settle (PnStore *self, GError **error)
{
  GHashTableIter iter;
  gpointer path;
  g_return_val_if_fail (!self->batch, FALSE);
  g_hash_table_iter_init (&iter, self->unflushed);
  while (g_hash_table_iter_next (&iter, &path, NULL)) {
    if (!flush_log (path, error))
      return FALSE;
    g_hash_table_iter_remove (&iter);
  }
  for (guint i = 0; i < PN_MESSAGE_DATABASES; i++)
    if (!clear_database (self, i, error))
      return FALSE;
  self->unsettled = 0;
  return TRUE;
}
