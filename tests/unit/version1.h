/* Databases as the first version of the store made them. */
#pragma once

#include "house.h"

#include <sqlite3.h>

static const char version1_user[]
    = "BEGIN;"
      "CREATE TABLE items1 (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, box INTEGER NOT NULL,"
      " message_database INTEGER NOT NULL, type INTEGER NOT NULL, flags INTEGER NOT NULL, delivered INTEGER "
      "NOT NULL,"
      " date INTEGER NOT NULL, size INTEGER NOT NULL, uid BLOB, summary BLOB NOT NULL, UNIQUE (id, box));"
      "INSERT INTO items1 SELECT number, id, box, message_database, type, flags, delivered, date, size, uid, "
      "summary"
      " FROM items;"
      "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'items') WHERE name = "
      "'items1';"
      "DROP TABLE items; ALTER TABLE items1 RENAME TO items;"
      "CREATE INDEX items_uid ON items (uid) WHERE uid IS NOT NULL;"
      "CREATE INDEX items_unsent ON items (number) WHERE (flags & 8192) <> 0;"
      "CREATE TABLE seen1 (id TEXT NOT NULL, box INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (id, "
      "box))"
      " WITHOUT ROWID;"
      "INSERT OR IGNORE INTO seen1 SELECT id, box, time FROM seen WHERE length (instance) = 0;"
      "DROP TABLE seen; ALTER TABLE seen1 RENAME TO seen; DROP TABLE calendars;"
      "PRAGMA user_version = 1; COMMIT;";

static inline void
version1_run (const House *house, const char *folder, const char *name, const char *statements)
{
  sqlite3 *sql;
  char *reason = NULL;
  g_autofree char *path = g_build_filename (house->root, "NORTH", folder, name, NULL);
  g_assert_cmpint (sqlite3_open_v2 (path, &sql, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  sqlite3_exec (sql, statements, NULL, NULL, &reason);
  g_assert_cmpstr (reason, ==, NULL);
  sqlite3_close (sql);
}

/* Makes the mailbox FID and message database NUMBER what they were; nobody may have them open. */
static inline void
version1_make (const House *house, const char *fid, guint number)
{
  g_autofree char *user = g_strdup_printf ("USER%s.DB", fid);
  g_autofree char *messages = g_strdup_printf ("MSG%u.DB", number);
  version1_run (house, "OFUSER", user, version1_user);
  version1_run (house, "OFMSG", messages, "PRAGMA user_version = 1;");
}
