#include "directory/directory-private.h"

#include "core/file.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir;
  PnConfig *config;
  PnDirectory *directory;
} House;

static void
write_config (House *house, const char *more)
{
  g_autofree char *path = g_build_filename (house->dir, "postern.conf", NULL);
  g_autofree char *text = g_strconcat (
      "[domain]\nname=MAIN\npost-offices=NORTH;SOUTH\ninternet-domains=example.com bücher.example\n", more,
      NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
house_open (House *house, const char *more)
{
  g_autoptr (GError) error = NULL;
  write_config (house, more);
  house->config = pn_config_load (house->dir, &error);
  g_assert_no_error (error);
  g_assert_true (pn_directory_create (house->config, &error));
  g_assert_no_error (error);
  house->directory = pn_directory_open (house->config, TRUE, &error);
  g_assert_no_error (error);
}

static void
add (House *house, const char *post_office, const char *user, const char *given, const char *family,
     const char *password)
{
  g_autoptr (GError) error = NULL;
  PnUser new_user = { .post_office = (char *) post_office,
                      .user = (char *) user,
                      .given_name = (char *) given,
                      .family_name = (char *) family };
  pn_directory_add_user (house->directory, &new_user, password, &error);
  g_assert_no_error (error);
}

static void
house_set_up (House *house, gconstpointer data)
{
  house->dir = g_dir_make_tmp ("postern-directory-XXXXXX", NULL);
  house_open (house, data ? data : "");
  add (house, "NORTH", "jdoe", "John", "Doe", NULL);
  add (house, "NORTH", "asmith", "Anna", "Smith", "a secret word");
  add (house, "SOUTH", "bsmith", "Bob", "Smith", NULL);
  add (house, "SOUTH", "bob_jones", "Bob", "Jones", NULL);
  add (house, "SOUTH", "Room 7", "", "", NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);
    remove_tree (below);
  }
  g_remove (path);
}

static void
house_tear_down (House *house, gconstpointer data)
{
  (void) data;
  pn_directory_close (house->directory);
  pn_config_free (house->config);
  remove_tree (house->dir);
  g_free (house->dir);
}

static void
assert_resolves (House *house, const char *address, const char *user)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnUser) found = pn_directory_resolve (house->directory, address, &error);
  if (error)
    g_test_message ("%s: %s", address, error->message);
  g_assert_no_error (error);
  g_assert_cmpstr (found->user, ==, user);
  g_assert_true (pn_directory_accepts (house->directory, address, NULL));
}

static void
assert_refused (House *house, const char *address, PnDirectoryError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnUser) found = pn_directory_resolve (house->directory, address, &error);
  g_assert_error (error, PN_DIRECTORY_ERROR, (int) code);
  g_assert_null (found);
  g_assert_false (pn_directory_accepts (house->directory, address, NULL));
}

static void
test_formats (House *house, gconstpointer data)
{
  (void) data;
  assert_resolves (house, "jdoe@example.com", "jdoe");
  assert_resolves (house, "JDoe@EXAMPLE.com", "jdoe");
  assert_resolves (house, "jdoe.north@example.com", "jdoe");
  assert_resolves (house, "jdoe.NORTH.main@example.com", "jdoe");
  assert_resolves (house, "john.doe@example.com", "jdoe");
  assert_resolves (house, "doe.john@example.com", "jdoe");
  assert_resolves (house, "bjones@example.com", "bob_jones");
  assert_resolves (house, "room_7@example.com", "Room 7");
  assert_resolves (house, "\"room 7\"@example.com", "Room 7");
  assert_resolves (house, "room_7.room_7@example.com", "Room 7");
  assert_resolves (house, "jdoe+lists@example.com", "jdoe");
  assert_resolves (house, "jdoe@bücher.example", "jdoe");
  assert_resolves (house, "jdoe@xn--bcher-kva.example", "jdoe");
  assert_resolves (house, "jdoe", "jdoe");
  assert_resolves (house, "IMCEAGWISE-MAIN+2ESOUTH+2ERoom+207@example.com", "Room 7");
  assert_resolves (house, "imceagwise-main.south.bsmith@example.com", "bsmith");

  assert_refused (house, "jdoe.south@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "jdoe.north.other@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "nobody@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "jdoe@example.org", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "+x@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "IMCEAGWISE-OTHER+2ESOUTH+2Ebsmith@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
}

static void
test_ambiguous (House *house, gconstpointer data)
{
  (void) data;
  add (house, "SOUTH", "jdoe", "Jane", "Doe", NULL);
  add (house, "SOUTH", "xy", "Doe", "John", NULL);
  assert_refused (house, "jdoe@example.com", PN_DIRECTORY_ERROR_AMBIGUOUS);
  assert_resolves (house, "jdoe.south@example.com", "jdoe");
  assert_refused (house, "john.doe@example.com", PN_DIRECTORY_ERROR_AMBIGUOUS);

  g_autoptr (GError) error = NULL;
  g_autoptr (PnUser) user = pn_directory_find_user (house->directory, NULL, "JDOE", &error);
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_AMBIGUOUS);
  g_autoptr (PnUser) exact = pn_directory_find_user (house->directory, "south", "JDOE", NULL);
  g_assert_cmpstr (exact->given_name, ==, "Jane");
  g_assert_cmpstr (exact->internet, ==, "jdoe.SOUTH@example.com");
}

static void
test_allowed_formats (House *house, gconstpointer data)
{
  (void) data;
  assert_resolves (house, "john.doe@example.com", "jdoe");
  assert_refused (house, "jdoe@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "doe.john@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "jdoe.north@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
}

static void
test_aliases (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_assert_true (pn_directory_add_alias (house->directory, "NORTH", "jdoe", NULL, "sales", &error));
  g_assert_true (
      pn_directory_add_alias (house->directory, "NORTH", "asmith", NULL, "info@bücher.example", &error));
  g_assert_true (pn_directory_add_alias (house->directory, "NORTH", "asmith", "OTHER", "elsewhere", &error));
  assert_resolves (house, "Sales@example.com", "jdoe");
  assert_resolves (house, "info@xn--bcher-kva.example", "asmith");
  assert_refused (house, "info@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  assert_refused (house, "elsewhere@example.com", PN_DIRECTORY_ERROR_UNKNOWN);

  g_assert_false (pn_directory_add_alias (house->directory, "SOUTH", "bsmith", NULL, "SALES", &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_false (
      pn_directory_add_alias (house->directory, "SOUTH", "bsmith", NULL, "x@example.org", &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID);
  g_clear_error (&error);

  g_autoptr (GPtrArray) aliases = pn_directory_list_aliases (house->directory, &error);
  g_assert_cmpuint (aliases->len, ==, 3);
  g_assert_true (pn_directory_delete_alias (house->directory, NULL, "Sales", &error));
  assert_refused (house, "sales@example.com", PN_DIRECTORY_ERROR_UNKNOWN);
  g_assert_false (pn_directory_delete_alias (house->directory, NULL, "Sales", &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN);
}

static void
test_postmaster (House *house, gconstpointer data)
{
  (void) data;
  assert_resolves (house, "postmaster@example.com", "jdoe");
  assert_resolves (house, "Postmaster", "jdoe");
  add (house, "SOUTH", "postmaster", "", "", NULL);
  assert_resolves (house, "postmaster@example.com", "postmaster");
}

static void
test_set_postmaster (House *house, gconstpointer data)
{
  (void) data;
  assert_resolves (house, "postmaster@example.com", "bsmith");
}

static void
test_preferred (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnUser) user = pn_directory_find_user (house->directory, NULL, "room 7", NULL);
  g_assert_cmpstr (user->internet, ==, "Room_7@example.com");
  g_assert_cmpuint (strlen (user->fid), ==, 3);
  g_free (user->internet);
  user->internet = g_strdup ("the.room@example.com");
  g_assert_true (pn_directory_change_user (house->directory, user, &error));
  assert_resolves (house, "The.Room@example.com", "Room 7");
  g_autoptr (PnUser) again = pn_directory_resolve (house->directory, "the.room@example.com", NULL);
  g_assert_cmpstr (again->internet, ==, "the.room@example.com");
  g_assert_cmpstr (again->fid, ==, user->fid);
  g_clear_pointer (&again->internet, g_free);
  g_free (again->phone);
  again->phone = g_strdup ("4711");
  g_assert_true (pn_directory_change_user (house->directory, again, &error));
  g_autoptr (PnUser) kept = pn_directory_resolve (house->directory, "the.room@example.com", NULL);
  g_assert_cmpstr (kept->phone, ==, "4711");

  PnUser thief = { .post_office = (char *) "NORTH",
                   .user = (char *) "thief",
                   .internet = (char *) "THE.room@example.com" };
  g_assert_false (pn_directory_add_user (house->directory, &thief, NULL, &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS);
}

static void
test_complete (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (PnAddress) address = pn_address_new_internet ("anna.smith@example.com", NULL);
  g_assert_true (pn_directory_complete (house->directory, address));
  g_assert_cmpstr (address->domain, ==, "MAIN");
  g_assert_cmpstr (address->post_office, ==, "NORTH");
  g_assert_cmpstr (address->user, ==, "asmith");
  g_assert_cmpstr (address->internet, ==, "anna.smith@example.com");
  g_assert_cmpstr (address->name, ==, "Anna Smith");

  g_autoptr (PnAddress) native = pn_address_new ("main", "south", "BSMITH");
  g_assert_true (pn_directory_complete (house->directory, native));
  g_assert_cmpstr (native->user, ==, "bsmith");
  g_assert_cmpstr (native->internet, ==, "bsmith@example.com");

  g_autoptr (PnAddress) foreign = pn_address_new_internet ("x@example.org", "X");
  g_assert_false (pn_directory_complete (house->directory, foreign));
  g_assert_null (foreign->user);
  g_autoptr (PnAddress) other = pn_address_new ("OTHER", "south", "bsmith");
  g_assert_false (pn_directory_complete (house->directory, other));
}

static void
test_passwords (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnUser) user = pn_directory_authenticate (house->directory, "asmith", "a secret word", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (user->user, ==, "asmith");
  g_autoptr (PnUser) by_address
      = pn_directory_authenticate (house->directory, "anna.smith@example.com", "a secret word", &error);
  g_assert_no_error (error);
  static const char *const wrong[][2] = { { "asmith", "a secret Word" }, { "asmith", "" }, { "jdoe", "" },
                                          { "nobody", "a secret word" }, { "", "" },       { "@", "x" } };
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_assert_null (pn_directory_authenticate (house->directory, wrong[i][0], wrong[i][1], &error));
    g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN);
    g_clear_error (&error);
  }
  g_assert_true (pn_directory_set_password (house->directory, "NORTH", "asmith", "another", &error));
  g_autoptr (PnUser) changed = pn_directory_authenticate (house->directory, "asmith", "another", &error);
  g_assert_nonnull (changed);
  g_assert_true (changed->has_password);
  g_assert_false (pn_password_verify ("scrypt:16384:8:1:AAAA", "x"));
  g_assert_false (pn_password_verify ("scrypt:999999999999:8:1:AAAAAAAAAAAAAAAA:AAAA", "x"));
}

static void
test_invalid (House *house, gconstpointer data)
{
  (void) data;
  static const char *const ids[] = { "", "a@b", "a\"b", " a", "a.", "a..b", "a\nb", "a/b", "a\xff" };
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
    g_autoptr (GError) error = NULL;
    PnUser user = { .post_office = (char *) "NORTH", .user = (char *) ids[i] };
    g_assert_false (pn_directory_add_user (house->directory, &user, NULL, &error));
    g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID);
  }
  g_autoptr (GError) error = NULL;
  PnUser lost = { .post_office = (char *) "WEST", .user = (char *) "lost" };
  g_assert_false (pn_directory_add_user (house->directory, &lost, NULL, &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID);
  g_clear_error (&error);
  PnUser twice = { .post_office = (char *) "NORTH", .user = (char *) "JDOE" };
  g_assert_false (pn_directory_add_user (house->directory, &twice, NULL, &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_EXISTS);
}

/* Another process sees a change without being told. */
static void
test_change_is_seen (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_autoptr (PnDirectory) reader = pn_directory_open (house->config, FALSE, &error);
  g_assert_no_error (error);
  g_assert_true (pn_directory_accepts (reader, "bsmith@example.com", NULL));
  add (house, "NORTH", "newcomer", "New", "Comer", NULL);
  g_assert_true (pn_directory_delete_user (house->directory, "SOUTH", "bsmith", &error));
  gboolean seen = FALSE;
  for (guint i = 0; i < 100 && !seen; i++) {
    g_usleep (20000);
    seen = pn_directory_accepts (reader, "newcomer@example.com", NULL);
  }
  g_assert_true (seen);
  g_assert_false (pn_directory_accepts (reader, "bsmith@example.com", NULL));
  PnUser user = { .post_office = (char *) "NORTH", .user = (char *) "forbidden" };
  g_assert_false (pn_directory_add_user (reader, &user, NULL, &error));
  g_assert_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_ENGINE);
}

static gint64
host_rows (House *house, const char *post_office, const char *where)
{
  g_autofree char *path = pn_config_post_office_path (house->config, post_office, "WPHOST.DB");
  sqlite3 *db = pn_directory_sql_open (path, SQLITE_OPEN_READWRITE, NULL);
  g_assert_nonnull (db);
  g_autofree char *sql = g_strconcat ("SELECT count(*) FROM user WHERE ", where, NULL);
  gint64 n = pn_directory_sql_number (db, sql, -1);
  sqlite3_close (db);
  return n;
}

static void
test_hosts (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (host_rows (house, "NORTH", "1"), ==, 5);
  PnUser shy
      = { .post_office = (char *) "SOUTH", .user = (char *) "shy", .visibility = (char *) "Post Office" };
  g_assert_true (pn_directory_add_user (house->directory, &shy, NULL, &error));
  PnUser hidden
      = { .post_office = (char *) "SOUTH", .user = (char *) "hidden", .visibility = (char *) "None" };
  g_assert_true (pn_directory_add_user (house->directory, &hidden, NULL, &error));
  g_assert_cmpint (host_rows (house, "NORTH", "1"), ==, 5);
  g_assert_cmpint (host_rows (house, "SOUTH", "1"), ==, 6);
  g_assert_cmpint (host_rows (house, "SOUTH", "user = 'shy' AND domain = 'MAIN'"), ==, 1);
  g_assert_true (pn_directory_delete_user (house->directory, "SOUTH", "shy", &error));
  g_assert_cmpint (host_rows (house, "SOUTH", "1"), ==, 5);

  /* One that stands elsewhere, or is gone, is made anew. */
  g_autofree char *path = pn_config_post_office_path (house->config, "NORTH", "WPHOST.DB");
  g_assert_cmpint (g_remove (path), ==, 0);
  add (house, "NORTH", "late", "", "", NULL);
  g_assert_cmpint (host_rows (house, "NORTH", "1"), ==, 6);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_true (pn_directory_rebuild_hosts (house->directory, &error));
  g_assert_cmpint (host_rows (house, "NORTH", "1"), ==, 6);
}

static void
test_fids (House *house, gconstpointer data)
{
  (void) data;
  g_autoptr (GHashTable) fids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < 60; i++) {
    g_autofree char *name = g_strdup_printf ("user%u", i);
    add (house, "NORTH", name, "", "", NULL);
  }
  g_autoptr (GPtrArray) users = pn_directory_list_users (house->directory, "north", NULL);
  g_assert_cmpuint (users->len, ==, 62);
  for (guint i = 0; i < users->len; i++) {
    const PnUser *user = users->pdata[i];
    g_assert_cmpuint (strspn (user->fid, "0123456789abcdefghijklmnopqrstuvwxyz"), ==, 3);
    g_assert_true (g_hash_table_add (fids, g_strdup (user->fid)));
  }
  g_assert_null (pn_directory_list_users (house->directory, "WEST", NULL));
}

/* A large directory: made directly, as 100,000 transactions are not what is to be tested. */
static void
test_large (House *house, gconstpointer data)
{
  (void) data;
  enum { N = 100000 };
  PnIndex *index = pn_index_new (house->config, 63);
  gint64 start = g_get_monotonic_time ();
  for (guint i = 0; i < N; i++) {
    g_autofree char *id = g_strdup_printf ("user%u", i);
    g_autofree char *family = g_strdup_printf ("Family%u", i / 2);
    const PnUser user = { (char *) "MAIN",
                          (char *) (i % 2 ? "NORTH" : "SOUTH"),
                          id,
                          (char *) "abc",
                          (char *) (i % 2 ? "Ada" : "Bob"),
                          family,
                          (char *) "",
                          (char *) "",
                          (char *) "",
                          (char *) "",
                          (char *) "",
                          (char *) "System",
                          FALSE };
    pn_index_add_user (index, &user);
  }
  pn_index_end_users (index);
  pn_index_end (index);
  g_test_message ("%d users indexed in %d ms", N, (int) ((g_get_monotonic_time () - start) / 1000));
  g_autoptr (GError) error = NULL;
  g_assert_cmpstr (pn_index_resolve (index, "user99999@example.com", NULL)->user, ==, "user99999");
  g_assert_cmpstr (pn_index_resolve (index, "ada.family49999@example.com", NULL)->user, ==, "user99999");
  g_assert_cmpstr (pn_index_resolve (index, "bfamily0@example.com", NULL)->user, ==, "user0");
  start = g_get_monotonic_time ();
  for (guint i = 0; i < 10000; i++)
    g_assert_nonnull (pn_index_resolve (index, "user4711@example.com", NULL));
  g_test_message ("a look-up takes %d ns", (int) ((g_get_monotonic_time () - start) / 10));
  pn_index_unref (index);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(path, data, function)                                                                           \
  g_test_add ("/directory/" path, House, data, house_set_up, function, house_tear_down)
  TEST ("formats", NULL, test_formats);
  TEST ("ambiguous", NULL, test_ambiguous);
  TEST ("allowed-formats", "[directory]\naddress-formats=first.last\n", test_allowed_formats);
  TEST ("aliases", NULL, test_aliases);
  TEST ("postmaster", NULL, test_postmaster);
  TEST ("set-postmaster", "postmaster=bsmith\n", test_set_postmaster);
  TEST ("preferred", NULL, test_preferred);
  TEST ("complete", NULL, test_complete);
  TEST ("passwords", NULL, test_passwords);
  TEST ("invalid", NULL, test_invalid);
  TEST ("change-is-seen", NULL, test_change_is_seen);
  TEST ("hosts", NULL, test_hosts);
  TEST ("fids", NULL, test_fids);
  TEST ("large", NULL, test_large);
  return g_test_run ();
}
