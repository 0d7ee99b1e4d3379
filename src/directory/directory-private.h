/* Inside the directory: the engine (SQLite), the index that look-ups are answered from, passwords. */
#pragma once

#include "directory/directory.h"

#include <sqlite3.h>

G_BEGIN_DECLS

/* --- the index: immutable, made in one go from the database --------------------------------------------- */

/* Users that share a key, chained: the table gives the first one's number plus one, NEXT the following. */
typedef struct {
  GHashTable *heads; /* folded text (in the index's strings) to number + 1 */
  guint32 *next;     /* per user: number + 1, 0 at the end */
} PnIndexChain;

typedef struct PnIndex {
  gatomicrefcount ref_count;
  guint formats;                /* PnAddressFormats */
  char *domain;                 /* owned; native */
  char *domain_key;             /* owned; folded */
  char *internet_domain;        /* owned; for addresses without a word of their own */
  char **internet_domains;      /* owned; ASCII, lower case */
  char *postmaster_name;        /* owned; what the configuration says */
  GStringChunk *strings;        /* every text of the users and keys */
  GArray *users;                /* PnUser, its texts in STRINGS */
  PnIndexChain by_id;           /* "jdoe" */
  PnIndexChain by_name;         /* "john\1doe" */
  PnIndexChain by_initial;      /* "jdoe" of John Doe */
  GHashTable *post_office_keys; /* post office as written (in STRINGS) to its folded form */
  GHashTable *explicit; /* folded alias or preferred address to number + 1, PN_INDEX_TWO when two have it */
  guint postmaster;     /* number + 1; 0 if there is nobody */
} PnIndex;

#define PN_INDEX_TWO G_MAXUINT

/* The formats of Internet addresses that are allowed, as flags. */
typedef enum {
  PN_FORMAT_USER = 1 << 0,
  PN_FORMAT_USER_PO = 1 << 1,
  PN_FORMAT_USER_PO_DOMAIN = 1 << 2,
  PN_FORMAT_FIRST_LAST = 1 << 3,
  PN_FORMAT_LAST_FIRST = 1 << 4,
  PN_FORMAT_INITIAL_LAST = 1 << 5
} PnAddressFormats;

/* "user, first.last" to flags; INVALID names the word that is none. */
gboolean pn_address_formats_parse (const char *text, guint *formats_out, GError **error);

PnIndex *pn_index_new (const PnConfig *config, guint formats);
PnIndex *pn_index_ref (PnIndex *self);
void pn_index_unref (PnIndex *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnIndex, pn_index_unref)

/* Filling: all users (strings are copied), the end of them, aliases, the end. */
void pn_index_add_user (PnIndex *self, const PnUser *user);
void pn_index_end_users (PnIndex *self);
void pn_index_add_alias (PnIndex *self, const char *post_office, const char *user, const char *name);
void pn_index_end (PnIndex *self);

/* The first user with KEY, number + 1; 0 if none. */
guint pn_index_chain_first (const PnIndexChain *chain, const char *key);
const char *pn_index_post_office_key (const PnIndex *self, const PnUser *user);
const PnUser *pn_index_user (const PnIndex *self, guint i); /* in the order in which they were added */
const PnUser *pn_index_find (const PnIndex *self, const char *post_office, const char *user, GError **error);
const PnUser *pn_index_resolve (const PnIndex *self, const char *internet, GError **error);
gboolean pn_index_is_local (const PnIndex *self, const char *internet);

/* What two spellings of a name have in common: case folded, NFC, underscores as blanks.  Caller frees. */
char *pn_directory_fold (const char *text, gssize length);
/* The same of an Internet address: the domain in its ASCII form.  Caller frees. */
char *pn_directory_fold_address (const char *internet);
/* The domain part in lower case ASCII form; NULL if it is none.  Caller frees. */
char *pn_directory_ascii_domain (const char *domain);
/* Splits at the last '@' outside quotes and takes the quotes off LOCAL.  DOMAIN NULL if there is no '@'. */
void pn_directory_split (const char *internet, char **local, char **domain);

PnUser *pn_user_copy (const PnUser *self);

/* --- the engine ----------------------------------------------------------------------------------------- */

typedef struct PnDirectoryDb PnDirectoryDb; /* one connection to WPDOMAIN.DB; one thread at a time */

gboolean pn_directory_db_create (const PnConfig *config, GError **error);
PnDirectoryDb *pn_directory_db_open (const PnConfig *config, gboolean writable, GError **error);
void pn_directory_db_close (PnDirectoryDb *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnDirectoryDb, pn_directory_db_close)
/* A number that is another one when another connection has committed; 0 if it cannot be told. */
guint pn_directory_db_version (PnDirectoryDb *self);
PnIndex *pn_directory_db_load (PnDirectoryDb *self, guint formats, GError **error);
char *pn_directory_db_password (PnDirectoryDb *self, const char *post_office, const char *user,
                                GError **error); /* NULL: none */
GPtrArray *pn_directory_db_aliases (PnDirectoryDb *self, GError **error);

/* Each is one transaction, and after it the WPHOST.DBs agree again. */
gboolean pn_directory_db_add (PnDirectoryDb *self, const PnUser *user, const char *password_hash,
                              GError **error);
gboolean pn_directory_db_change (PnDirectoryDb *self, const PnUser *user, GError **error);
gboolean pn_directory_db_set_password (PnDirectoryDb *self, const char *post_office, const char *user,
                                       const char *hash, GError **error);
gboolean pn_directory_db_delete (PnDirectoryDb *self, const char *post_office, const char *user,
                                 GError **error);
gboolean pn_directory_db_add_alias (PnDirectoryDb *self, const char *post_office, const char *user,
                                    const char *type, const char *name, GError **error);
gboolean pn_directory_db_delete_alias (PnDirectoryDb *self, const char *type, const char *name,
                                       GError **error);
gboolean pn_directory_db_rebuild_hosts (PnDirectoryDb *self, GError **error);

/* SQLite's little helpers, shared by the domain's and the post offices' databases. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)
sqlite3 *pn_directory_sql_open (const char *path, int flags, GError **error);
gboolean pn_directory_sql_exec (sqlite3 *db, const char *sql, GError **error);
sqlite3_stmt *pn_directory_sql_prepare (sqlite3 *db, const char *sql, GError **error);
/* Binds TEXTS (NULL binds NULL) to parameters 1.. and runs to the end. */
gboolean pn_directory_sql_run (sqlite3 *db, const char *sql, const char *const *texts, guint n,
                               GError **error);
void pn_directory_sql_error (sqlite3 *db, GError **error);
/* First column of the first row as a number, or OTHERWISE. */
gint64 pn_directory_sql_number (sqlite3 *db, const char *sql, gint64 otherwise);
#define PN_DIRECTORY_APPLICATION_ID 0x504e4449 /* "PNDI" */
#define PN_DIRECTORY_SCHEMA 1

/* WPHOST.DB of one post office: the copy its clients see. */
gboolean pn_directory_host_create (const PnConfig *config, const char *post_office, GError **error);
/* Brings the copy from CHANGE - 1 to CHANGE with the row of user KEY in USER_PO alone, or makes it anew when
 * it stands elsewhere. */
gboolean pn_directory_host_update (const PnConfig *config, sqlite3 *domain, const char *post_office,
                                   gint64 change, const char *user_po, const char *user_key, GError **error);
gboolean pn_directory_host_rebuild (const PnConfig *config, sqlite3 *domain, const char *post_office,
                                    gint64 change, GError **error);

/* --- passwords ------------------------------------------------------------------------------------------ */

/* "scrypt:16384:8:1:<salt>:<key>", base64. */
char *pn_password_hash (const char *password, GError **error);
/* Takes the same time whether HASH is right, wrong or NULL. */
gboolean pn_password_verify (const char *hash, const char *password);

G_END_DECLS
