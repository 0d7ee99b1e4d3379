/* What the files of the store share: databases, their statements, and the sealed columns. */
#pragma once

#include "store/store.h"

#include <sqlite3.h>

G_BEGIN_DECLS

#define PN_MESSAGE_DATABASES 25
/* Three descriptors each. */
#define PN_OPEN_DATABASES 256
#define PN_FILE_BUCKETS 64
#define PN_SEEN_DAYS 30

typedef enum { PN_DATABASE_MESSAGE, PN_DATABASE_USER } PnDatabaseKind;

typedef enum {
  PN_SQL_BEGIN,
  PN_SQL_COMMIT,
  PN_SQL_ROLLBACK,
  PN_SQL_MESSAGE_EXISTS,
  PN_SQL_MESSAGE_ADD,
  PN_SQL_MESSAGE_GET,
  PN_SQL_UNSETTLED_ADD,
  PN_SQL_UNSETTLED_LIST,
  PN_SQL_UNSETTLED_CLEAR,
  PN_SQL_ITEM_ADD,
  PN_SQL_ITEM_GET,
  PN_SQL_ITEM_LIST,
  PN_SQL_ITEM_LIST_BOX,
  PN_SQL_ITEM_LIST_UNSENT,
  PN_SQL_ITEM_FIND,
  PN_SQL_ITEM_FIND_BOX,
  PN_SQL_ITEM_FIND_UID,
  PN_SQL_ITEM_LIST_UID,
  PN_SQL_ITEM_FLAGS,
  PN_SQL_ITEM_REPLACE,
  PN_SQL_ITEM_DELETE,
  PN_SQL_ITEM_MESSAGES,
  PN_SQL_SEEN_ADD,
  PN_SQL_SEEN_GET,
  PN_SQL_SEEN_PURGE,
  PN_SQL_CALENDAR_GET,
  PN_SQL_CALENDAR_PUT,
  PN_SQL_CALENDAR_AGAIN,
  PN_SQL_CALENDAR_LIST,
  PN_SQL_STATUS_ADD,
  PN_SQL_STATUS_LIST,
  PN_SQL_STATUS_DELETE,
  PN_SQL_LAST
} PnSql;

typedef struct {
  PnDatabaseKind kind;
  char *path;
  sqlite3 *sql;
  sqlite3_stmt *statements[PN_SQL_LAST];
  gboolean writing;  /* a transaction is open */
  gboolean lazy;     /* commits are not flushed */
  gboolean durable;  /* but this one has to be */
  guint8 secret[32]; /* of a user database: key of the hashes that look-ups go by */
  GList link;        /* in PnStore.used */
} PnDatabase;

struct PnStore {
  char *post_office;
  char *user_path, *message_path, *files_path;
  PnKey *key;
  GHashTable *databases; /* path -> PnDatabase */
  GQueue used;           /* of PnDatabase, the latest used first */
  guint writing;         /* databases with an open transaction */
  gboolean batch;        /* between begin and commit */
  GPtrArray *new_files;  /* char *: linked into OFFILES, not yet committed */
  GHashTable *new_dirs;  /* char *: directories of those, to be flushed */

  guint max_open;        /* databases */
  gboolean lazy;         /* pn_store_set_lazy() */
  GHashTable *unflushed; /* char *: user databases with commits that were not flushed */
  guint unsettled;       /* messages since the last pn_store_settle(), and the time of the first */
  gint64 unsettled_since;
};

/* --- store.c: databases --- */

/* The caller's until the next call that opens one (a database with an open transaction stays). */
PnDatabase *pn_store_open_user (PnStore *self, const char *fid, GError **error);
PnDatabase *pn_store_open_messages (PnStore *self, guint number, GError **error);
/* Opens a transaction on DATABASE, unless it has one. */
gboolean pn_store_write (PnStore *self, PnDatabase *database, GError **error);
/* The same for a change that delivering a message once more would not bring back. */
gboolean pn_store_write_durable (PnStore *self, PnDatabase *database, GError **error);
/* The end of every writing function: outside a batch commits what it wrote, or rolls it back if not OK. */
gboolean pn_store_written (PnStore *self, gboolean ok, GError **error);

/* --- store-database.c: SQLite --- */

PnDatabase *pn_database_open (const char *path, PnDatabaseKind kind, PnKey *key, gboolean lazy,
                              GError **error);
void pn_database_close (PnDatabase *self);
/* The prepared statement, reset and without bindings; pn_database_reset() after use. */
sqlite3_stmt *pn_database_statement (PnDatabase *self, PnSql which, GError **error);
/* Runs a statement that gives no rows. */
gboolean pn_database_run (PnDatabase *self, sqlite3_stmt *statement, GError **error);
/* 1: a row, 0: no more, -1: error set. */
int pn_database_step (PnDatabase *self, sqlite3_stmt *statement, GError **error);
void pn_database_reset (sqlite3_stmt *statement);
gboolean pn_database_execute (PnDatabase *self, PnSql which, GError **error);
void pn_database_set_error (PnDatabase *self, int code, const char *what, GError **error);
/* HMAC of the given texts (NULL terminated) with the database's secret. */
void pn_database_hash (PnDatabase *self, guint8 hash[32], ...) G_GNUC_NULL_TERMINATED;

/* --- store-settle.c --- */

/* A commit of DATABASE is done; flushes it if it has to be, or remembers that it was not. */
gboolean pn_settle_committed (PnStore *self, PnDatabase *database, GError **error);
/* DATABASE, which has it, remembers that message ID is not settled. */
gboolean pn_settle_add (PnStore *self, PnDatabase *database, const char *id, GError **error);

/* --- store-user.c --- */

gboolean pn_store_seen_add (PnDatabase *database, const char *id, PnBox box, const void *instance,
                            gsize length, GError **error);

/* --- store-summary.c: sealed columns --- */

GBytes *pn_summary_seal (PnKey *key, const PnItem *item);
/* Fills the texts of ITEM, whose id is set; an unreadable one gets a subject that says so. */
void pn_summary_unseal (PnKey *key, PnItem *item, const void *data, gsize length);
GBytes *pn_report_seal (PnKey *key, const PnStatusReport *report, gint64 item);
PnStatusReport *pn_report_unseal (PnKey *key, const void *data, gsize length, gint64 item, GError **error);

/* --- store-offiles.c --- */

/* Name of message ID below OFFILES ("fd1c/...").  Caller frees. */
char *pn_offiles_name (const char *id);
gboolean pn_offiles_add (PnStore *self, const char *name, PnSource *sealed, int fd, GError **error);
PnSource *pn_offiles_open (PnStore *self, const char *name, GError **error);
gboolean pn_offiles_flush (PnStore *self, GError **error); /* before a commit */
void pn_offiles_committed (PnStore *self);
void pn_offiles_rollback (PnStore *self);

G_END_DECLS
