#include "directory/directory-private.h"

#include "core/domain.h"

#include <string.h>

/* --- folding -------------------------------------------------------------------------------------------- */

static gboolean
is_ascii (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if ((guchar) text[i] >= 0x80)
      return FALSE;
  return TRUE;
}

char *
pn_directory_fold (const char *text, gssize length)
{
  gsize n = length < 0 ? strlen (text) : (gsize) length;
  char *folded;
  if (is_ascii (text, n)) {
    folded = g_ascii_strdown (text, (gssize) n);
  } else {
    g_autofree char *valid = g_utf8_make_valid (text, (gssize) n);
    g_autofree char *small = g_utf8_casefold (valid, -1);
    folded = g_utf8_normalize (small, -1, G_NORMALIZE_NFC);
  }
  return g_strdelimit (folded, "_", ' ');
}

char *
pn_directory_ascii_domain (const char *domain)
{
  if (is_ascii (domain, strlen (domain)))
    return g_ascii_strdown (domain, -1);
  return pn_domain_to_ascii (domain);
}

static char *
unquote (const char *text, gsize length)
{
  if (length < 2 || text[0] != '"' || text[length - 1] != '"')
    return g_strndup (text, length);
  GString *plain = g_string_sized_new (length);
  for (gsize i = 1; i < length - 1; i++) {
    if (text[i] == '\\' && i + 2 < length)
      i++;
    g_string_append_c (plain, text[i]);
  }
  return g_string_free (plain, FALSE);
}

void
pn_directory_split (const char *internet, char **local, char **domain)
{
  const char *at = strrchr (internet, '@');
  /* An '@' inside quotes belongs to the local part; behind the closing quote it cannot stand in a domain. */
  if (at && strchr (at, '"'))
    at = NULL;
  *local = unquote (internet, at ? (gsize) (at - internet) : strlen (internet));
  *domain = at ? g_strdup (at + 1) : NULL;
}

char *
pn_directory_fold_address (const char *internet)
{
  g_autofree char *local = NULL;
  g_autofree char *domain = NULL;
  pn_directory_split (internet, &local, &domain);
  g_autofree char *key = pn_directory_fold (local, -1);
  if (!domain)
    return g_steal_pointer (&key);
  g_autofree char *ascii = pn_directory_ascii_domain (domain);
  return g_strconcat (key, "@", ascii ? ascii : domain, NULL);
}

/* --- the index ------------------------------------------------------------------------------------------ */

PnIndex *
pn_index_new (const PnConfig *config, guint formats)
{
  PnIndex *self = g_new0 (PnIndex, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->formats = formats;
  self->domain = g_strdup (config->domain);
  self->domain_key = pn_directory_fold (config->domain, -1);
  self->internet_domain = g_strdup (config->internet_domain);
  g_autoptr (GPtrArray) domains = g_ptr_array_new ();
  for (char **domain = config->internet_domains; *domain; domain++) {
    char *ascii = pn_directory_ascii_domain (*domain);
    if (ascii)
      g_ptr_array_add (domains, ascii);
  }
  g_ptr_array_add (domains, NULL);
  self->internet_domains = (char **) g_ptr_array_steal (domains, NULL);
  self->postmaster_name = g_strdup (config->postmaster);
  self->strings = g_string_chunk_new (64 * 1024);
  self->users = g_array_new (FALSE, FALSE, sizeof (PnUser));
  self->post_office_keys = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  self->explicit = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_id.heads = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_name.heads = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_initial.heads = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

PnIndex *
pn_index_ref (PnIndex *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
chain_clear (PnIndexChain *self)
{
  g_hash_table_unref (self->heads);
  g_free (self->next);
}

void
pn_index_unref (PnIndex *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chain_clear (&self->by_id);
  chain_clear (&self->by_name);
  chain_clear (&self->by_initial);
  g_hash_table_unref (self->post_office_keys);
  g_hash_table_unref (self->explicit);
  g_array_unref (self->users);
  g_string_chunk_free (self->strings);
  g_strfreev (self->internet_domains);
  g_free (self->internet_domain);
  g_free (self->domain);
  g_free (self->domain_key);
  g_free (self->postmaster_name);
  g_free (self);
}

static char *
keep (PnIndex *self, const char *text)
{
  return g_string_chunk_insert (self->strings, text ? text : "");
}

/* For texts that many users share. */
static char *
keep_once (PnIndex *self, const char *text)
{
  return g_string_chunk_insert_const (self->strings, text ? text : "");
}

void
pn_index_add_user (PnIndex *self, const PnUser *user)
{
  PnUser kept = {
    .domain = keep_once (self, user->domain),
    .post_office = keep_once (self, user->post_office),
    .user = keep (self, user->user),
    .fid = keep (self, user->fid),
    .given_name = keep (self, user->given_name),
    .family_name = keep (self, user->family_name),
    .internet = keep (self, user->internet),
    .title = keep_once (self, user->title),
    .department = keep_once (self, user->department),
    .phone = keep (self, user->phone),
    .fax = keep_once (self, user->fax),
    .visibility = keep_once (self, user->visibility),
    .has_password = user->has_password,
  };
  if (!g_hash_table_contains (self->post_office_keys, kept.post_office))
    g_hash_table_insert (self->post_office_keys, kept.post_office, pn_directory_fold (kept.post_office, -1));
  g_array_append_val (self->users, kept);
}

const char *
pn_index_post_office_key (const PnIndex *self, const PnUser *user)
{
  return g_hash_table_lookup (self->post_office_keys, user->post_office);
}

const PnUser *
pn_index_user (const PnIndex *self, guint i)
{
  return i < self->users->len ? &g_array_index (self->users, PnUser, i) : NULL;
}

static void
chain_add (PnIndex *self, PnIndexChain *chain, const char *key, guint user)
{
  gpointer stored_key, head;
  if (g_hash_table_lookup_extended (chain->heads, key, &stored_key, &head)) {
    chain->next[user] = GPOINTER_TO_UINT (head);
    g_hash_table_insert (chain->heads, stored_key, GUINT_TO_POINTER (user + 1));
  } else {
    g_hash_table_insert (chain->heads, g_string_chunk_insert (self->strings, key),
                         GUINT_TO_POINTER (user + 1));
  }
}

guint
pn_index_chain_first (const PnIndexChain *chain, const char *key)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (chain->heads, key));
}

static void
explicit_add (PnIndex *self, const char *address, guint user)
{
  g_autofree char *key = pn_directory_fold_address (address);
  guint there = GPOINTER_TO_UINT (g_hash_table_lookup (self->explicit, key));
  if (there == user + 1)
    return;
  g_hash_table_insert (self->explicit, g_string_chunk_insert (self->strings, key),
                       GUINT_TO_POINTER (there ? PN_INDEX_TWO : user + 1));
}

void
pn_index_add_alias (PnIndex *self, const char *post_office, const char *user, const char *name)
{
  const PnUser *found = pn_index_find (self, post_office, user, NULL);
  if (found)
    explicit_add (self, name, (guint) (found - (const PnUser *) (gpointer) self->users->data));
}

/* First character of the given name and the family name.  Nothing for who has no such names. */
static void
add_initial (PnIndex *self, guint user, const char *given, const char *family)
{
  if (!*given || !*family)
    return;
  g_autofree char *initial = g_strndup (given, (gsize) (g_utf8_next_char (given) - given));
  g_autofree char *key = g_strconcat (initial, family, NULL);
  chain_add (self, &self->by_initial, key, user);
}

static void
add_keys (PnIndex *self, guint number)
{
  const PnUser *user = pn_index_user (self, number);
  g_autofree char *id = pn_directory_fold (user->user, -1);
  g_autofree char *given = pn_directory_fold (user->given_name, -1);
  g_autofree char *family = pn_directory_fold (user->family_name, -1);
  chain_add (self, &self->by_id, id, number);
  if (self->formats & (PN_FORMAT_FIRST_LAST | PN_FORMAT_LAST_FIRST)) {
    /* Who has no name is called by his id in its place. */
    g_autofree char *name = g_strconcat (*given ? given : id, "\1", *family ? family : id, NULL);
    chain_add (self, &self->by_name, name, number);
  }
  if (self->formats & PN_FORMAT_INITIAL_LAST)
    add_initial (self, number, given, family);
}

/* The preferred address of who was given none: as few parts as are unique. */
static void
complete_internet (PnIndex *self, PnUser *user)
{
  if (*user->internet)
    return;
  g_autofree char *id = pn_directory_fold (user->user, -1);
  guint first = pn_index_chain_first (&self->by_id, id);
  gboolean unique = first && !self->by_id.next[first - 1];
  g_autofree char *local
      = unique ? g_strdup (user->user) : g_strconcat (user->user, ".", user->post_office, NULL);
  g_strdelimit (local, " ", '_');
  g_autofree char *address = g_strconcat (local, "@", self->internet_domain, NULL);
  user->internet = keep (self, address);
}

static void
find_postmaster (PnIndex *self)
{
  if (self->postmaster_name && *self->postmaster_name) {
    const PnUser *user = pn_index_resolve (self, self->postmaster_name, NULL);
    if (!user)
      user = pn_index_find (self, NULL, self->postmaster_name, NULL);
    if (user) {
      self->postmaster = (guint) (user - pn_index_user (self, 0)) + 1;
      return;
    }
  }
  /* RFC 5321 4.5.1: a host that takes mail takes it for postmaster. */
  self->postmaster = self->users->len ? 1 : 0;
}

void
pn_index_end_users (PnIndex *self)
{
  guint n = self->users->len;
  self->by_id.next = g_new0 (guint32, n);
  self->by_name.next = g_new0 (guint32, n);
  self->by_initial.next = g_new0 (guint32, n);
  /* Backwards, so that a chain has them in the order in which they were added. */
  for (guint i = n; i-- > 0;)
    add_keys (self, i);
  for (guint i = 0; i < n; i++) {
    PnUser *user = &g_array_index (self->users, PnUser, i);
    if (*user->internet)
      explicit_add (self, user->internet, i);
    complete_internet (self, user);
  }
}

void
pn_index_end (PnIndex *self)
{
  find_postmaster (self);
}

const PnUser *
pn_index_find (const PnIndex *self, const char *post_office, const char *user, GError **error)
{
  g_autofree char *id = pn_directory_fold (user, -1);
  g_autofree char *office = post_office ? pn_directory_fold (post_office, -1) : NULL;
  const PnUser *found = NULL;
  for (guint i = pn_index_chain_first (&self->by_id, id); i; i = self->by_id.next[i - 1]) {
    const PnUser *candidate = pn_index_user (self, i - 1);
    if (office && strcmp (pn_index_post_office_key (self, candidate), office) != 0)
      continue;
    if (found) {
      g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_AMBIGUOUS,
                   "%s is a user of post office %s and of post office %s", user, found->post_office,
                   candidate->post_office);
      return NULL;
    }
    found = candidate;
  }
  if (!found)
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "there is no user %s%s%s", user,
                 post_office ? " in post office " : "", post_office ? post_office : "");
  return found;
}

gboolean
pn_index_is_local (const PnIndex *self, const char *internet)
{
  const char *at = strrchr (internet, '@');
  g_autofree char *ascii = at ? pn_directory_ascii_domain (at + 1) : NULL;
  return ascii && g_strv_contains ((const char *const *) self->internet_domains, ascii);
}
