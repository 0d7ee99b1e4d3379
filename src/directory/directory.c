#include "directory/directory-private.h"

#include "core/log.h"

#include <string.h>

G_DEFINE_QUARK (pn-directory-error-quark, pn_directory_error)

enum { CHECK_INTERVAL = 200 * G_TIME_SPAN_MILLISECOND };

struct PnDirectory {
  const PnConfig *config; /* borrowed */
  guint formats;
  GMutex engine;     /* for DB, VERSION and LOAD_TIME */
  PnDirectoryDb *db; /* owned */
  guint version;
  GRWLock lock;      /* for INDEX, the pointer */
  PnIndex *index;    /* owned */
  gint64 next_check; /* atomic; changed with ENGINE held */
};

/* --- users ---------------------------------------------------------------------------------------------- */

void
pn_user_free (PnUser *self)
{
  if (!self)
    return;
  char *texts[] = { self->domain,     self->post_office, self->user,     self->fid,
                    self->given_name, self->family_name, self->internet, self->title,
                    self->department, self->phone,       self->fax,      self->visibility };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
  g_free (self);
}

PnUser *
pn_user_copy (const PnUser *self)
{
  PnUser *copy = g_new (PnUser, 1);
  *copy = (PnUser){ g_strdup (self->domain),   g_strdup (self->post_office), g_strdup (self->user),
                    g_strdup (self->fid),      g_strdup (self->given_name),  g_strdup (self->family_name),
                    g_strdup (self->internet), g_strdup (self->title),       g_strdup (self->department),
                    g_strdup (self->phone),    g_strdup (self->fax),         g_strdup (self->visibility),
                    self->has_password };
  return copy;
}

char *
pn_user_full_name (const PnUser *self)
{
  gboolean given = self->given_name && *self->given_name;
  gboolean family = self->family_name && *self->family_name;
  if (given && family)
    return g_strconcat (self->given_name, " ", self->family_name, NULL);
  return g_strdup (given ? self->given_name : family ? self->family_name : self->user);
}

void
pn_alias_free (PnAlias *self)
{
  if (!self)
    return;
  g_free (self->type);
  g_free (self->name);
  g_free (self->post_office);
  g_free (self->user);
  g_free (self);
}

/* --- opening, and keeping up with the database ---------------------------------------------------------- */

gboolean
pn_directory_create (const PnConfig *config, GError **error)
{
  return pn_directory_db_create (config, error);
}

/* With ENGINE held. */
static gboolean
reload (PnDirectory *self, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  guint version = pn_directory_db_version (self->db);
  PnIndex *fresh = pn_directory_db_load (self->db, self->formats, error);
  if (!fresh)
    return FALSE;
  self->version = version;
  /* A large directory under many changes must not be loaded all the time. */
  gint64 now = g_get_monotonic_time ();
  __atomic_store_n (&self->next_check, now + MAX (CHECK_INTERVAL, 10 * (now - start)), __ATOMIC_RELAXED);
  g_rw_lock_writer_lock (&self->lock);
  PnIndex *stale = g_steal_pointer (&self->index);
  self->index = fresh;
  g_rw_lock_writer_unlock (&self->lock);
  if (stale)
    pn_index_unref (stale);
  return TRUE;
}

PnDirectory *
pn_directory_open (const PnConfig *config, gboolean writable, GError **error)
{
  guint formats;
  if (!pn_address_formats_parse (pn_config_string (config, "directory", "address-formats"), &formats, error))
    return NULL;
  g_autoptr (PnDirectoryDb) db = pn_directory_db_open (config, writable, error);
  if (!db)
    return NULL;
  PnDirectory *self = g_new0 (PnDirectory, 1);
  self->config = config;
  self->formats = formats;
  self->db = g_steal_pointer (&db);
  g_mutex_init (&self->engine);
  g_rw_lock_init (&self->lock);
  if (!reload (self, error)) {
    pn_directory_close (self);
    return NULL;
  }
  return self;
}

void
pn_directory_close (PnDirectory *self)
{
  if (!self)
    return;
  pn_directory_db_close (self->db);
  g_clear_pointer (&self->index, pn_index_unref);
  g_mutex_clear (&self->engine);
  g_rw_lock_clear (&self->lock);
  g_free (self);
}

static void
log_stale (const GError *error)
{
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_warning ("directory_stale", "reason=%s", reason);
}

/* The present index, a reference.  Whoever comes first after the interval looks whether it has changed; the
 * others do not wait for him. */
static PnIndex *
current (PnDirectory *self)
{
  gint64 now = g_get_monotonic_time ();
  if (now >= __atomic_load_n (&self->next_check, __ATOMIC_RELAXED) && g_mutex_trylock (&self->engine)) {
    if (now >= __atomic_load_n (&self->next_check, __ATOMIC_RELAXED)) {
      __atomic_store_n (&self->next_check, now + CHECK_INTERVAL, __ATOMIC_RELAXED);
      g_autoptr (GError) error = NULL;
      if (pn_directory_db_version (self->db) != self->version && !reload (self, &error))
        log_stale (error);
    }
    g_mutex_unlock (&self->engine);
  }
  g_rw_lock_reader_lock (&self->lock);
  PnIndex *index = pn_index_ref (self->index);
  g_rw_lock_reader_unlock (&self->lock);
  return index;
}

/* --- look-ups ------------------------------------------------------------------------------------------- */

PnUser *
pn_directory_find_user (PnDirectory *self, const char *post_office, const char *user, GError **error)
{
  g_autoptr (PnIndex) index = current (self);
  const PnUser *found = pn_index_find (index, post_office, user, error);
  return found ? pn_user_copy (found) : NULL;
}

PnUser *
pn_directory_resolve (PnDirectory *self, const char *internet, GError **error)
{
  g_autoptr (PnIndex) index = current (self);
  const PnUser *found = pn_index_resolve (index, internet, error);
  return found ? pn_user_copy (found) : NULL;
}

gboolean
pn_directory_accepts (PnDirectory *self, const char *internet, GError **error)
{
  g_autoptr (PnIndex) index = current (self);
  return pn_index_resolve (index, internet, error) != NULL;
}

gboolean
pn_directory_is_local (PnDirectory *self, const char *internet)
{
  g_autoptr (PnIndex) index = current (self);
  return pn_index_is_local (index, internet);
}

GPtrArray *
pn_directory_list_users (PnDirectory *self, const char *post_office, GError **error)
{
  if (post_office) {
    g_autofree char *path = pn_config_post_office_path (self->config, post_office, "");
    if (!path) {
      g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "there is no post office %s",
                   post_office);
      return NULL;
    }
  }
  g_autoptr (PnIndex) index = current (self);
  g_autofree char *key = post_office ? pn_directory_fold (post_office, -1) : NULL;
  GPtrArray *users = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_user_free);
  const PnUser *user;
  for (guint i = 0; (user = pn_index_user (index, i)); i++)
    if (!key || strcmp (pn_index_post_office_key (index, user), key) == 0)
      g_ptr_array_add (users, pn_user_copy (user));
  return users;
}

static void
fill (char **field, const char *value)
{
  if (!*field && value && *value)
    *field = g_strdup (value);
}

static const PnUser *
who (const PnIndex *index, const PnAddress *address)
{
  if (address->user && *address->user) {
    g_autofree char *domain = address->domain ? pn_directory_fold (address->domain, -1) : NULL;
    if (domain && *domain && strcmp (domain, index->domain_key) != 0)
      return NULL;
    gboolean office = address->post_office && *address->post_office;
    return pn_index_find (index, office ? address->post_office : NULL, address->user, NULL);
  }
  if (address->internet && pn_index_is_local (index, address->internet))
    return pn_index_resolve (index, address->internet, NULL);
  return NULL;
}

gboolean
pn_directory_complete (PnDirectory *self, PnAddress *address)
{
  g_autoptr (PnIndex) index = current (self);
  const PnUser *user = who (index, address);
  if (!user)
    return FALSE;
  /* The native address as the directory writes it, whatever the case it came in. */
  g_free (address->domain);
  g_free (address->post_office);
  g_free (address->user);
  address->domain = g_strdup (user->domain);
  address->post_office = g_strdup (user->post_office);
  address->user = g_strdup (user->user);
  fill (&address->internet, user->internet);
  if (!address->name || !*address->name) {
    g_free (address->name);
    address->name = pn_user_full_name (user);
  }
  return TRUE;
}

PnUser *
pn_directory_authenticate (PnDirectory *self, const char *user, const char *password, GError **error)
{
  g_autoptr (PnIndex) index = current (self);
  const PnUser *found = strchr (user, '@') ? NULL : pn_index_find (index, NULL, user, NULL);
  if (!found)
    found = pn_index_resolve (index, user, NULL);
  g_autofree char *hash = NULL;
  if (found) {
    g_mutex_lock (&self->engine);
    hash = pn_directory_db_password (self->db, found->post_office, found->user, NULL);
    g_mutex_unlock (&self->engine);
  }
  /* Also for nobody, so that the time does not tell who exists. */
  gboolean right = pn_password_verify (hash, password);
  if (found && right)
    return pn_user_copy (found);
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "user name or password is wrong");
  return NULL;
}

GPtrArray *
pn_directory_list_aliases (PnDirectory *self, GError **error)
{
  g_mutex_lock (&self->engine);
  GPtrArray *aliases = pn_directory_db_aliases (self->db, error);
  g_mutex_unlock (&self->engine);
  return aliases;
}

/* --- administration ------------------------------------------------------------------------------------- */

static gboolean
invalid (GError **error, const char *what, const char *value, const char *reason)
{
  g_autofree char *quoted = pn_log_quote (value);
  g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID, "%s %s %s", what, quoted, reason);
  return FALSE;
}

/* A user id has to stand in a native address, in an Internet address and in a list of addresses. */
static gboolean
check_id (const char *id, GError **error)
{
  if (!id || !*id)
    return invalid (error, "user id", "", "is empty");
  if (strlen (id) > 64)
    return invalid (error, "user id", id, "is longer than 64 bytes");
  if (!g_utf8_validate (id, -1, NULL))
    return invalid (error, "user id", id, "is not UTF-8");
  for (const char *at = id; *at; at++)
    if ((guchar) *at < ' ' || *at == 127 || strchr ("@\"\\/:;,()<>[]{}*", *at))
      return invalid (error, "user id", id, "has a character that no address can have");
  if (*id == ' ' || *id == '.' || g_str_has_suffix (id, " ") || g_str_has_suffix (id, ".")
      || strstr (id, ".."))
    return invalid (error, "user id", id, "begins or ends with a blank or dot, or has two dots together");
  return TRUE;
}

static gboolean
check_text (const char *what, const char *text, GError **error)
{
  if (!text)
    return TRUE;
  if (strlen (text) > 256)
    return invalid (error, what, text, "is longer than 256 bytes");
  if (!g_utf8_validate (text, -1, NULL))
    return invalid (error, what, text, "is not UTF-8");
  for (const char *at = text; *at; at++)
    if ((guchar) *at < ' ' || *at == 127)
      return invalid (error, what, text, "has a control character");
  return TRUE;
}

static gboolean
check_address (PnDirectory *self, const char *what, const char *address, gboolean whole, GError **error)
{
  if (!check_text (what, address, error))
    return FALSE;
  const char *at = strrchr (address, '@');
  if ((whole && !at) || at == address || !*address)
    return invalid (error, what, address, "is not of the form local@domain");
  if (strpbrk (address, "<>() \"\\,;"))
    return invalid (error, what, address, "has a character that must not stand in it");
  if (at && !pn_directory_is_local (self, address))
    return invalid (error, what, address, "is not of one of our Internet domains");
  return TRUE;
}

static gboolean
check_user (PnDirectory *self, const PnUser *user, GError **error)
{
  static const char *const visibilities[] = { "System", "Domain", "Post Office", "None", NULL };
  g_autofree char *path = pn_config_post_office_path (self->config, user->post_office, "");
  if (!path)
    return invalid (error, "post office", user->post_office, "is not in the configuration");
  if (!check_id (user->user, error) || !check_text ("given name", user->given_name, error)
      || !check_text ("family name", user->family_name, error) || !check_text ("title", user->title, error)
      || !check_text ("department", user->department, error) || !check_text ("phone", user->phone, error)
      || !check_text ("fax", user->fax, error))
    return FALSE;
  if (user->internet && *user->internet
      && !check_address (self, "Internet address", user->internet, TRUE, error))
    return FALSE;
  if (user->visibility && *user->visibility && !g_strv_contains (visibilities, user->visibility))
    return invalid (error, "visibility", user->visibility, "is none of System, Domain, Post Office, None");
  return TRUE;
}

static gboolean
check_fid (const char *fid, GError **error)
{
  if (!fid || (strlen (fid) == 3 && strspn (fid, "0123456789abcdefghijklmnopqrstuvwxyz") == 3))
    return TRUE;
  return invalid (error, "FID", fid, "is not three characters of 0-9 and a-z");
}

/* The engine's answer, and when it has changed something, the index that agrees with it. */
static gboolean
finish (PnDirectory *self, gboolean done, GError **error)
{
  gboolean loaded = done && reload (self, error);
  g_mutex_unlock (&self->engine);
  return done && loaded;
}

gboolean
pn_directory_add_user (PnDirectory *self, const PnUser *user, const char *password, GError **error)
{
  if (!check_user (self, user, error) || !check_fid (user->fid, error))
    return FALSE;
  g_autofree char *hash = password ? pn_password_hash (password, error) : NULL;
  if (password && !hash)
    return FALSE;
  g_mutex_lock (&self->engine);
  return finish (self, pn_directory_db_add (self->db, user, hash, error), error);
}

gboolean
pn_directory_change_user (PnDirectory *self, const PnUser *user, GError **error)
{
  if (!check_user (self, user, error))
    return FALSE;
  g_mutex_lock (&self->engine);
  return finish (self, pn_directory_db_change (self->db, user, error), error);
}

gboolean
pn_directory_set_password (PnDirectory *self, const char *post_office, const char *user, const char *password,
                           GError **error)
{
  g_autofree char *hash = pn_password_hash (password, error);
  if (!hash)
    return FALSE;
  g_mutex_lock (&self->engine);
  return finish (self, pn_directory_db_set_password (self->db, post_office, user, hash, error), error);
}

gboolean
pn_directory_delete_user (PnDirectory *self, const char *post_office, const char *user, GError **error)
{
  g_mutex_lock (&self->engine);
  return finish (self, pn_directory_db_delete (self->db, post_office, user, error), error);
}

gboolean
pn_directory_add_alias (PnDirectory *self, const char *post_office, const char *user, const char *type,
                        const char *name, GError **error)
{
  if (!type)
    type = pn_config_string (self->config, "directory", "alias-type");
  if (!*type)
    return invalid (error, "alias type", type, "is empty");
  if (!check_text ("alias type", type, error) || !check_address (self, "alias", name, FALSE, error))
    return FALSE;
  g_mutex_lock (&self->engine);
  return finish (self, pn_directory_db_add_alias (self->db, post_office, user, type, name, error), error);
}

gboolean
pn_directory_delete_alias (PnDirectory *self, const char *type, const char *name, GError **error)
{
  if (!type)
    type = pn_config_string (self->config, "directory", "alias-type");
  g_mutex_lock (&self->engine);
  return finish (self, pn_directory_db_delete_alias (self->db, type, name, error), error);
}

gboolean
pn_directory_rebuild_hosts (PnDirectory *self, GError **error)
{
  g_mutex_lock (&self->engine);
  gboolean done = pn_directory_db_rebuild_hosts (self->db, error);
  g_mutex_unlock (&self->engine);
  return done;
}
