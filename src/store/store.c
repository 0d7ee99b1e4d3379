/* The store of a post office: its databases, of which so many are kept open, and transactions over them. */
#include "core/file.h"
#include "store/store-private.h"

#include <errno.h>
#include <string.h>

/* --- opening --- */

static char *
store_path (const PnConfig *config, const char *post_office, const char *below, GError **error)
{
  char *path = pn_config_post_office_path (config, post_office, below);
  if (!path)
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN, "there is no post office '%s'", post_office);
  return path;
}

static void
database_free (gpointer data)
{
  pn_database_close (data);
}

PnStore *
pn_store_open (const PnConfig *config, const char *post_office, PnKey *key, GError **error)
{
  g_autofree char *user_path = store_path (config, post_office, "OFUSER", error);
  if (!user_path)
    return NULL;
  if (!g_file_test (user_path, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN,
                 "%s: the post office has no message store there", user_path);
    return NULL;
  }
  PnStore *self = g_new0 (PnStore, 1);
  self->post_office = g_strdup (post_office);
  self->user_path = g_steal_pointer (&user_path);
  self->message_path = pn_config_post_office_path (config, post_office, "OFMSG");
  self->files_path = pn_config_post_office_path (config, post_office, "OFFILES");
  self->key = pn_key_ref (key);
  self->databases = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, database_free);
  self->new_files = g_ptr_array_new_with_free_func (g_free);
  self->new_dirs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->unflushed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->max_open = PN_OPEN_DATABASES;
  g_queue_init (&self->used);
  return self;
}

void
pn_store_close (PnStore *self)
{
  if (!self)
    return;
  pn_store_rollback (self);
  g_hash_table_unref (self->databases);
  g_ptr_array_unref (self->new_files);
  g_hash_table_unref (self->new_dirs);
  g_hash_table_unref (self->unflushed);
  pn_key_unref (self->key);
  g_free (self->post_office);
  g_free (self->user_path);
  g_free (self->message_path);
  g_free (self->files_path);
  g_free (self);
}

gboolean
pn_store_create (const PnConfig *config, const char *post_office, GError **error)
{
  static const char *const names[] = { "OFUSER", "OFMSG", "OFNOTIFY", "OFWORK" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = store_path (config, post_office, names[i], error);
    if (!path || !pn_file_make_dirs (path, error))
      return FALSE;
  }
  g_autofree char *files = store_path (config, post_office, "OFFILES", error);
  for (guint i = 0; i < PN_FILE_BUCKETS; i++) {
    g_autofree char *bucket = g_strdup_printf ("%s/fd%02x", files, i);
    if (!pn_file_make_dirs (bucket, error))
      return FALSE;
  }
  g_autofree char *messages = store_path (config, post_office, "OFMSG", error);
  for (guint i = 0; i < PN_MESSAGE_DATABASES; i++) {
    g_autofree char *path = g_strdup_printf ("%s/MSG%u.DB", messages, i);
    PnDatabase *database = pn_database_open (path, PN_DATABASE_MESSAGE, NULL, FALSE, error);
    if (!database)
      return FALSE;
    pn_database_close (database);
  }
  return pn_file_fsync_dir (files, error) && pn_file_fsync_dir (messages, error);
}

/* --- databases --- */

static void
make_room (PnStore *self)
{
  GList *link = self->used.tail;
  while (link && self->used.length >= self->max_open) {
    PnDatabase *database = link->data;
    link = link->prev;
    if (database->writing)
      continue;
    g_queue_unlink (&self->used, &database->link);
    g_hash_table_remove (self->databases, database->path);
  }
}

static PnDatabase *
open_database (PnStore *self, const char *path, PnDatabaseKind kind, GError **error)
{
  PnDatabase *database = g_hash_table_lookup (self->databases, path);
  if (database) {
    g_queue_unlink (&self->used, &database->link);
    g_queue_push_head_link (&self->used, &database->link);
    return database;
  }
  make_room (self);
  database = pn_database_open (path, kind, self->key, self->lazy && kind == PN_DATABASE_USER, error);
  if (!database)
    return NULL;
  g_hash_table_insert (self->databases, database->path, database);
  g_queue_push_head_link (&self->used, &database->link);
  return database;
}

PnDatabase *
pn_store_open_user (PnStore *self, const char *fid, GError **error)
{
  gboolean good = fid && strlen (fid) == 3;
  for (guint i = 0; good && i < 3; i++)
    good = g_ascii_isalnum (fid[i]);
  if (!good) {
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN, "'%s' is not a file id", fid ? fid : "");
    return NULL;
  }
  char path[4096];
  g_snprintf (path, sizeof path, "%s/USER%s.DB", self->user_path, fid);
  return open_database (self, path, PN_DATABASE_USER, error);
}

PnDatabase *
pn_store_open_messages (PnStore *self, guint number, GError **error)
{
  char path[4096];
  g_snprintf (path, sizeof path, "%s/MSG%u.DB", self->message_path, number % PN_MESSAGE_DATABASES);
  return open_database (self, path, PN_DATABASE_MESSAGE, error);
}

/* --- transactions --- */

static gboolean
commit_kind (PnStore *self, PnDatabaseKind kind, GError **error)
{
  for (GList *link = self->used.head; link && self->writing > 0; link = link->next) {
    PnDatabase *database = link->data;
    if (!database->writing || database->kind != kind)
      continue;
    if (!pn_database_execute (database, PN_SQL_COMMIT, error))
      return FALSE;
    database->writing = FALSE;
    self->writing--;
    if (kind == PN_DATABASE_USER && !pn_settle_committed (self, database, error))
      return FALSE;
  }
  return TRUE;
}

static void
roll_back (PnStore *self)
{
  for (GList *link = self->used.head; link && self->writing > 0; link = link->next) {
    PnDatabase *database = link->data;
    if (!database->writing)
      continue;
    /* SQLite has done it already after some errors; then this one fails, and rightly. */
    if (!sqlite3_get_autocommit (database->sql))
      pn_database_execute (database, PN_SQL_ROLLBACK, NULL);
    database->writing = database->durable = FALSE;
    self->writing--;
  }
}

static gboolean
commit_all (PnStore *self, GError **error)
{
  if (self->writing == 0)
    return TRUE;
  gboolean ok = pn_offiles_flush (self, error) && commit_kind (self, PN_DATABASE_MESSAGE, error);
  if (ok) {
    pn_offiles_committed (self);
    ok = commit_kind (self, PN_DATABASE_USER, error);
  }
  if (!ok) {
    /* Files stay where some message databases are committed: the sweep knows whether they have a row. */
    pn_offiles_committed (self);
    roll_back (self);
  }
  return ok;
}

void
pn_store_begin (PnStore *self)
{
  g_return_if_fail (!self->batch);
  self->batch = TRUE;
}

gboolean
pn_store_commit (PnStore *self, GError **error)
{
  self->batch = FALSE;
  return commit_all (self, error);
}

void
pn_store_rollback (PnStore *self)
{
  self->batch = FALSE;
  roll_back (self);
  pn_offiles_rollback (self);
}

gboolean
pn_store_write (PnStore *self, PnDatabase *database, GError **error)
{
  if (database->writing)
    return TRUE;
  /* Every step is idempotent, so a batch may become durable in pieces; what must not grow is the number of
   * open files. */
  if (self->writing >= self->max_open / 2 && !commit_all (self, error))
    return FALSE;
  if (!pn_database_execute (database, PN_SQL_BEGIN, error))
    return FALSE;
  database->writing = TRUE;
  self->writing++;
  return TRUE;
}

gboolean
pn_store_write_durable (PnStore *self, PnDatabase *database, GError **error)
{
  if (!pn_store_write (self, database, error))
    return FALSE;
  database->durable = TRUE;
  return TRUE;
}

gboolean
pn_store_written (PnStore *self, gboolean ok, GError **error)
{
  if (self->batch)
    return ok;
  if (ok)
    return commit_all (self, error);
  pn_store_rollback (self);
  return FALSE;
}
