#include "store/correlation.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define APPLICATION_ID 0x504e6363 /* "PNcc" */
#define SCHEMA_VERSION 2
#define BUSY_TIMEOUT_MS 15000

G_DEFINE_QUARK (pn-correlation-error-quark, pn_correlation_error)

static const char schema[]
    = "CREATE TABLE correlation (id TEXT NOT NULL, inbound INTEGER NOT NULL, message_id TEXT, time INTEGER "
      "NOT NULL,"
      " content BLOB NOT NULL, token TEXT, PRIMARY KEY (id, inbound)) WITHOUT ROWID;"
      "CREATE INDEX correlation_message_id ON correlation (message_id) WHERE message_id IS NOT NULL;"
      "CREATE INDEX correlation_token ON correlation (token) WHERE token IS NOT NULL;"
      "CREATE INDEX correlation_time ON correlation (time);";
/* From version 1, which knew no tokens. */
static const char upgrade[]
    = "BEGIN IMMEDIATE; ALTER TABLE correlation ADD COLUMN token TEXT;"
      "CREATE INDEX correlation_token ON correlation (token) WHERE token IS NOT NULL;"
      "PRAGMA user_version = 2; COMMIT;";

enum { ADD, REMOVE, FIND, FIND_MESSAGE_ID, FIND_TOKEN, LIST, PURGE, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
  [ADD]
  = "INSERT OR IGNORE INTO correlation (id, inbound, message_id, time, content, token)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
  [FIND] = "SELECT id, content FROM correlation WHERE id = ?1 AND inbound = ?2",
  [FIND_MESSAGE_ID] = "SELECT id, content FROM correlation WHERE message_id = ?1 ORDER BY time DESC LIMIT 1",
  [FIND_TOKEN] = "SELECT id, content FROM correlation WHERE token = ?1",
  [REMOVE] = "DELETE FROM correlation WHERE id = ?1 AND inbound = ?2",
  [LIST] = "SELECT id FROM correlation WHERE id >= ?1 AND id < ?2 AND inbound = 0 ORDER BY id",
  [PURGE] = "DELETE FROM correlation WHERE time < ?1",
};

/* A record as it goes into the table; without content it goes from there. */
typedef struct {
  char *id, *message_id, *token;
  gboolean inbound;
  gint64 time;
  GBytes *content;
} Row;

struct PnCorrelationDb {
  char *path;
  PnKey *key;
  GMutex pending_lock; /* for PENDING alone: adding does not wait for a flush */
  GPtrArray *pending;  /* Row */
  GMutex lock;         /* for what follows */
  sqlite3 *db;
  sqlite3_stmt *statements[N_STATEMENTS];
};

/* --- records ---------------------------------------------------------------------------------- */

static void
recipient_free (PnCorrelationRecipient *self)
{
  g_free (self->address);
  g_free (self->notify);
  g_free (self->orcpt);
  g_free (self);
}

PnCorrelation *
pn_correlation_new (const char *id)
{
  PnCorrelation *self = g_new0 (PnCorrelation, 1);
  self->id = g_strdup (id);
  self->recipients = g_ptr_array_new_with_free_func ((GDestroyNotify) recipient_free);
  self->files = g_ptr_array_new_with_free_func (g_free);
  self->singles = g_ptr_array_new_with_free_func (g_free);
  self->dropped = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
pn_correlation_free (PnCorrelation *self)
{
  if (!self)
    return;
  char *texts[] = { self->id,     self->message_id, self->domain, self->post_office, self->user,
                    self->sender, self->subject,    self->envid,  self->ret,
                    self->uid,    self->token };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_ptr_array_unref (self->recipients);
  g_ptr_array_unref (self->files);
  g_ptr_array_unref (self->singles);
  g_ptr_array_unref (self->dropped);
  g_free (self);
}

void
pn_correlation_add_recipient (PnCorrelation *self, const char *address, const char *notify, const char *orcpt)
{
  PnCorrelationRecipient *recipient = g_new0 (PnCorrelationRecipient, 1);
  recipient->address = g_strdup (address);
  recipient->notify = g_strdup (notify && *notify ? notify : NULL);
  recipient->orcpt = g_strdup (orcpt && *orcpt ? orcpt : NULL);
  g_ptr_array_add (self->recipients, recipient);
}

const PnCorrelationRecipient *
pn_correlation_find_recipient (const PnCorrelation *self, const char *address)
{
  for (guint i = 0; address && i < self->recipients->len; i++) {
    const PnCorrelationRecipient *recipient = g_ptr_array_index (self->recipients, i);
    if (g_ascii_strcasecmp (recipient->address, address) == 0)
      return recipient;
  }
  return NULL;
}

char *
pn_correlation_make_token (void)
{
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
  guint8 bytes[16];
  char *token = g_malloc0 (sizeof bytes + 1);
  while (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
    ; /* interrupted */
  for (guint i = 0; i < sizeof bytes; i++)
    token[i] = digits[bytes[i] & 31];
  return token;
}

/* --- records as text: "key=value" lines ------------------------------------------------------- */

static void
put (GString *out, const char *key, const char *value)
{
  if (!value)
    return;
  g_string_append (out, key);
  g_string_append_c (out, '=');
  for (const char *p = value; *p; p++)
    g_string_append_c (out, *p == '\n' || *p == '\r' ? ' ' : *p);
  g_string_append_c (out, '\n');
}

static GString *
record_to_text (const PnCorrelation *self)
{
  GString *out = g_string_sized_new (512);
  g_string_append_printf (out, "time=%" G_GINT64_FORMAT "\npriority=%u\n", self->time, self->priority);
  put (out, "inbound", self->inbound ? "1" : NULL);
  put (out, "silent", self->silent ? "1" : NULL);
  put (out, "failures-only", self->failures_only ? "1" : NULL);
  put (out, "message-id", self->message_id);
  put (out, "domain", self->domain);
  put (out, "post-office", self->post_office);
  put (out, "user", self->user);
  put (out, "sender", self->sender);
  put (out, "subject", self->subject);
  put (out, "uid", self->uid);
  put (out, "token", self->token);
  put (out, "envid", self->envid);
  put (out, "ret", self->ret);
  for (guint i = 0; i < self->recipients->len; i++) {
    const PnCorrelationRecipient *recipient = g_ptr_array_index (self->recipients, i);
    put (out, "to", recipient->address);
    put (out, "notify", recipient->notify);
    put (out, "orcpt", recipient->orcpt);
  }
  for (guint i = 0; i < self->files->len; i++)
    put (out, "file", g_ptr_array_index (self->files, i));
  return out;
}

static void
read_recipient_line (PnCorrelation *self, const char *key, const char *value)
{
  if (g_str_equal (key, "to")) {
    pn_correlation_add_recipient (self, value, NULL, NULL);
    return;
  }
  if (self->recipients->len == 0)
    return;
  PnCorrelationRecipient *last = g_ptr_array_index (self->recipients, self->recipients->len - 1);
  char **field = g_str_equal (key, "notify") ? &last->notify : &last->orcpt;
  g_free (*field);
  *field = g_strdup (value);
}

static void
read_line (PnCorrelation *self, const char *key, const char *value)
{
  const struct {
    const char *key;
    char **field;
  } texts[] = { { "message-id", &self->message_id },
                { "domain", &self->domain },
                { "post-office", &self->post_office },
                { "user", &self->user },
                { "sender", &self->sender },
                { "subject", &self->subject },
                { "uid", &self->uid },
                { "token", &self->token },
                { "envid", &self->envid },
                { "ret", &self->ret } };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_str_equal (key, texts[i].key)) {
      g_free (*texts[i].field);
      *texts[i].field = g_strdup (value);
      return;
    }
  if (g_str_equal (key, "time"))
    self->time = g_ascii_strtoll (value, NULL, 10);
  else if (g_str_equal (key, "priority"))
    self->priority = (guint) g_ascii_strtoull (value, NULL, 10);
  else if (g_str_equal (key, "inbound"))
    self->inbound = TRUE;
  else if (g_str_equal (key, "silent"))
    self->silent = TRUE;
  else if (g_str_equal (key, "failures-only"))
    self->failures_only = TRUE;
  else if (g_str_equal (key, "file"))
    g_ptr_array_add (self->files, g_strdup (value));
  else
    read_recipient_line (self, key, value);
}

static PnCorrelation *
record_from_text (const char *id, const char *text, gsize length)
{
  PnCorrelation *self = pn_correlation_new (id);
  g_autofree char *copy = g_strndup (text, length);
  for (char *line = copy, *next; line && *line; line = next) {
    next = strchr (line, '\n');
    if (next)
      *next++ = '\0';
    char *equals = strchr (line, '=');
    if (!equals)
      continue;
    *equals = '\0';
    read_line (self, line, equals + 1);
  }
  return self;
}

/* --- the database ----------------------------------------------------------------------------- */

static void
row_free (Row *self)
{
  g_free (self->id);
  g_free (self->message_id);
  g_free (self->token);
  g_clear_pointer (&self->content, g_bytes_unref);
  g_free (self);
}

static gboolean
fail (PnCorrelationDb *self, const char *what, GError **error)
{
  int code = sqlite3_errcode (self->db) & 0xff;
  PnCorrelationError kind = code == SQLITE_FULL                               ? PN_CORRELATION_ERROR_FULL
                            : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? PN_CORRELATION_ERROR_DAMAGED
                                                                              : PN_CORRELATION_ERROR_ENGINE;
  g_set_error (error, PN_CORRELATION_ERROR, kind, "%s: %s: %s", self->path, what, sqlite3_errmsg (self->db));
  return FALSE;
}

static gboolean
run (PnCorrelationDb *self, const char *sql, GError **error)
{
  return sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail (self, sql, error);
}

static gint64
pragma_value (PnCorrelationDb *self, const char *sql)
{
  sqlite3_stmt *statement = NULL;
  gint64 value = -1;
  if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) == SQLITE_OK
      && sqlite3_step (statement) == SQLITE_ROW)
    value = sqlite3_column_int64 (statement, 0);
  sqlite3_finalize (statement);
  return value;
}

static gboolean
set_up (PnCorrelationDb *self, GError **error)
{
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);
  if (!run (self, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", error))
    return FALSE;
  gint64 application = pragma_value (self, "PRAGMA application_id");
  gint64 version = pragma_value (self, "PRAGMA user_version");
  if (application == APPLICATION_ID && version == 1) {
    if (!run (self, upgrade, error)) {
      sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
      return FALSE;
    }
    version = SCHEMA_VERSION;
  }
  if (application == 0 && version == 0) {
    g_autofree char *sql = g_strdup_printf (
        "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;", schema,
        APPLICATION_ID, SCHEMA_VERSION);
    if (!run (self, sql, error))
      return FALSE;
  } else if (application != APPLICATION_ID || version != SCHEMA_VERSION) {
    g_set_error (error, PN_CORRELATION_ERROR, PN_CORRELATION_ERROR_DAMAGED,
                 "%s: is no correlation database of version %d", self->path, SCHEMA_VERSION);
    return FALSE;
  }
  for (guint i = 0; i < N_STATEMENTS; i++)
    if (sqlite3_prepare_v3 (self->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i],
                            NULL)
        != SQLITE_OK)
      return fail (self, statements[i], error);
  return TRUE;
}

PnCorrelationDb *
pn_correlation_db_open (const char *path, PnKey *key, GError **error)
{
  PnCorrelationDb *self = g_new0 (PnCorrelationDb, 1);
  self->path = g_strdup (path);
  self->key = pn_key_ref (key);
  self->pending = g_ptr_array_new_with_free_func ((GDestroyNotify) row_free);
  g_mutex_init (&self->pending_lock);
  g_mutex_init (&self->lock);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2 (path, &self->db, flags, NULL) != SQLITE_OK ? fail (self, "cannot open", error)
                                                                  : set_up (self, error))
    return self;
  pn_correlation_db_close (self);
  return NULL;
}

void
pn_correlation_db_close (PnCorrelationDb *self)
{
  if (!self)
    return;
  if (self->statements[ADD])
    pn_correlation_db_commit (self, NULL);
  for (guint i = 0; i < N_STATEMENTS; i++)
    sqlite3_finalize (self->statements[i]);
  sqlite3_close (self->db);
  g_ptr_array_unref (self->pending);
  g_mutex_clear (&self->pending_lock);
  g_mutex_clear (&self->lock);
  pn_key_unref (self->key);
  g_free (self->path);
  g_free (self);
}

/* --- single items: rows beside the record, kept until the instance is over ---------------------- */

static char *
single_prefix (const char *uid)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, uid, -1);
  return g_strdup_printf ("single %s ", hash);
}

/* Of "20260310T090000Z" or "20260310". */
static gint64
instance_time (const char *instance)
{
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  sscanf (instance, "%4d%2d%2dT%2d%2d%2d", &year, &month, &day, &hour, &minute, &second);
  g_autoptr (GDateTime) time = g_date_time_new_utc (year, month, day, hour, minute, second);
  return time ? g_date_time_to_unix (time) : 0;
}

static void
add_singles (PnCorrelationDb *self, const PnCorrelation *record, GPtrArray *rows)
{
  g_autofree char *prefix = record->uid ? single_prefix (record->uid) : NULL;
  for (guint i = 0; prefix && i < record->dropped->len + record->singles->len; i++) {
    gboolean gone = i < record->dropped->len;
    const char *instance = gone ? g_ptr_array_index (record->dropped, i)
                                : g_ptr_array_index (record->singles, i - record->dropped->len);
    Row *row = g_new0 (Row, 1);
    row->id = g_strconcat (prefix, instance, NULL);
    row->time = MAX (instance_time (instance), record->time);
    row->content = gone ? NULL : pn_seal_bytes (self->key, "", 0, row->id);
    g_ptr_array_add (rows, row);
  }
}

void
pn_correlation_db_add (PnCorrelationDb *self, const PnCorrelation *record)
{
  GString *text = record_to_text (record);
  Row *row = g_new0 (Row, 1);
  row->id = g_strdup (record->id);
  row->message_id = g_strdup (record->inbound ? NULL : record->message_id);
  row->token = record->inbound || !record->token ? NULL : g_ascii_strdown (record->token, -1);
  row->inbound = record->inbound;
  row->time = record->time;
  row->content = pn_seal_bytes (self->key, text->str, text->len, record->id);
  g_string_free (text, TRUE);
  g_mutex_lock (&self->pending_lock);
  g_ptr_array_add (self->pending, row);
  add_singles (self, record, self->pending);
  g_mutex_unlock (&self->pending_lock);
}

static gboolean
step_remove (PnCorrelationDb *self, const Row *row)
{
  sqlite3_stmt *remove = self->statements[REMOVE];
  sqlite3_bind_text (remove, 1, row->id, -1, SQLITE_STATIC);
  sqlite3_bind_int (remove, 2, row->inbound);
  gboolean ok = sqlite3_step (remove) == SQLITE_DONE;
  sqlite3_reset (remove);
  return ok;
}

static gboolean
step_add (PnCorrelationDb *self, const Row *row)
{
  if (!row->content)
    return step_remove (self, row);
  sqlite3_stmt *add = self->statements[ADD];
  gsize length;
  const void *content = g_bytes_get_data (row->content, &length);
  sqlite3_bind_text (add, 1, row->id, -1, SQLITE_STATIC);
  sqlite3_bind_int (add, 2, row->inbound);
  sqlite3_bind_text (add, 3, row->message_id, -1, SQLITE_STATIC); /* NULL if there is none */
  sqlite3_bind_int64 (add, 4, row->time);
  sqlite3_bind_blob (add, 5, content, (int) length, SQLITE_STATIC);
  sqlite3_bind_text (add, 6, row->token, -1, SQLITE_STATIC);
  gboolean ok = sqlite3_step (add) == SQLITE_DONE;
  sqlite3_reset (add);
  return ok;
}

static gboolean
write_rows (PnCorrelationDb *self, GPtrArray *rows, GError **error)
{
  if (rows->len == 0)
    return TRUE;
  if (!run (self, "BEGIN IMMEDIATE", error))
    return FALSE;
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < rows->len; i++)
    ok = step_add (self, g_ptr_array_index (rows, i)) || fail (self, "cannot add", error);
  ok = ok && run (self, "COMMIT", error);
  if (!ok)
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return ok;
}

/* With LOCK held.  Rows that cannot be written stay for the next time. */
static gboolean
commit_locked (PnCorrelationDb *self, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) row_free);
  g_mutex_lock (&self->pending_lock);
  GPtrArray *taken = self->pending;
  self->pending = g_steal_pointer (&rows);
  g_mutex_unlock (&self->pending_lock);
  rows = taken;
  if (write_rows (self, rows, error))
    return TRUE;
  g_mutex_lock (&self->pending_lock);
  g_ptr_array_extend_and_steal (self->pending, g_steal_pointer (&rows));
  g_mutex_unlock (&self->pending_lock);
  return FALSE;
}

gboolean
pn_correlation_db_commit (PnCorrelationDb *self, GError **error)
{
  g_mutex_lock (&self->lock);
  gboolean ok = commit_locked (self, error);
  g_mutex_unlock (&self->lock);
  return ok;
}

static PnCorrelation *
find_locked (PnCorrelationDb *self, sqlite3_stmt *find, GError **error)
{
  PnCorrelation *record = NULL;
  if (!commit_locked (self, error))
    return NULL;
  int rc = sqlite3_step (find);
  if (rc == SQLITE_ROW) {
    g_autofree char *id = g_strdup ((const char *) sqlite3_column_text (find, 0));
    g_autoptr (GBytes) text = pn_unseal_bytes (self->key, sqlite3_column_blob (find, 1),
                                               (gsize) sqlite3_column_bytes (find, 1), id, error);
    if (text)
      record = record_from_text (id, g_bytes_get_data (text, NULL), g_bytes_get_size (text));
    else
      g_prefix_error (error, "%s: record %s: ", self->path, id);
  } else if (rc != SQLITE_DONE)
    fail (self, "cannot look up", error);
  sqlite3_reset (find);
  return record;
}

PnCorrelation *
pn_correlation_db_find (PnCorrelationDb *self, const char *id, gboolean inbound, GError **error)
{
  g_mutex_lock (&self->lock);
  sqlite3_stmt *find = self->statements[FIND];
  sqlite3_bind_text (find, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int (find, 2, inbound);
  PnCorrelation *record = find_locked (self, find, error);
  g_mutex_unlock (&self->lock);
  return record;
}

PnCorrelation *
pn_correlation_db_find_message_id (PnCorrelationDb *self, const char *message_id, GError **error)
{
  g_mutex_lock (&self->lock);
  sqlite3_stmt *find = self->statements[FIND_MESSAGE_ID];
  sqlite3_bind_text (find, 1, message_id, -1, SQLITE_STATIC);
  PnCorrelation *record = find_locked (self, find, error);
  g_mutex_unlock (&self->lock);
  return record;
}

PnCorrelation *
pn_correlation_db_find_token (PnCorrelationDb *self, const char *token, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (token, -1);
  g_mutex_lock (&self->lock);
  sqlite3_stmt *find = self->statements[FIND_TOKEN];
  sqlite3_bind_text (find, 1, lower, -1, SQLITE_STATIC);
  PnCorrelation *record = find_locked (self, find, error);
  g_mutex_unlock (&self->lock);
  return record;
}

GPtrArray *
pn_correlation_db_list_singles (PnCorrelationDb *self, const char *uid, GError **error)
{
  g_autoptr (GPtrArray) instances = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *prefix = single_prefix (uid);
  g_autofree char *end = g_strdup (prefix);
  gsize length = strlen (prefix);
  end[length - 1]++;
  g_mutex_lock (&self->lock);
  sqlite3_stmt *list = self->statements[LIST];
  gboolean ok = commit_locked (self, error);
  sqlite3_bind_text (list, 1, prefix, -1, SQLITE_STATIC);
  sqlite3_bind_text (list, 2, end, -1, SQLITE_STATIC);
  int rc = SQLITE_DONE;
  while (ok && (rc = sqlite3_step (list)) == SQLITE_ROW)
    g_ptr_array_add (instances, g_strdup ((const char *) sqlite3_column_text (list, 0) + length));
  if (ok && rc != SQLITE_DONE)
    ok = fail (self, "cannot list", error);
  sqlite3_reset (list);
  g_mutex_unlock (&self->lock);
  return ok ? g_steal_pointer (&instances) : NULL;
}

gboolean
pn_correlation_db_purge (PnCorrelationDb *self, gint64 before, GError **error)
{
  g_mutex_lock (&self->lock);
  sqlite3_stmt *purge = self->statements[PURGE];
  sqlite3_bind_int64 (purge, 1, before);
  gboolean ok = sqlite3_step (purge) == SQLITE_DONE || fail (self, "cannot purge", error);
  sqlite3_reset (purge);
  g_mutex_unlock (&self->lock);
  return ok;
}
