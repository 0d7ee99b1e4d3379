#include "directory/directory-private.h"

#include <string.h>

/* RFC 5321 4.5.3.1.1 allows 64 octets; encapsulated native addresses are longer. */
enum { MAX_LOCAL_PART = 512 };

static const struct {
  const char *word;
  guint flag;
} format_words[] = {
  { "user", PN_FORMAT_USER },
  { "user.po", PN_FORMAT_USER_PO },
  { "user.po.domain", PN_FORMAT_USER_PO_DOMAIN },
  { "first.last", PN_FORMAT_FIRST_LAST },
  { "last.first", PN_FORMAT_LAST_FIRST },
  { "initial-last", PN_FORMAT_INITIAL_LAST },
};

gboolean
pn_address_formats_parse (const char *text, guint *formats_out, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (text, ", ", -1);
  guint formats = 0;
  for (char **word = words; *word; word++) {
    guint i = 0;
    if (!**word)
      continue;
    while (i < G_N_ELEMENTS (format_words) && g_ascii_strcasecmp (format_words[i].word, *word) != 0)
      i++;
    if (i == G_N_ELEMENTS (format_words)) {
      g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_INVALID,
                   "[directory] address-formats: \"%s\" is no address format; there are user, user.po, "
                   "user.po.domain, first.last, last.first, initial-last",
                   *word);
      return FALSE;
    }
    formats |= format_words[i].flag;
  }
  *formats_out = formats;
  return TRUE;
}

/* Who answers to an address: at most two are told apart, more make no difference. */
typedef struct {
  const PnIndex *index; /* borrowed */
  const PnUser *first, *second;
} Matches;

static void
match (Matches *self, guint number)
{
  const PnUser *user = pn_index_user (self->index, number - 1);
  if (!self->first)
    self->first = user;
  else if (self->first != user && !self->second)
    self->second = user;
}

static void
match_chain (Matches *self, const PnIndexChain *chain, const char *key)
{
  for (guint i = pn_index_chain_first (chain, key); i; i = chain->next[i - 1])
    match (self, i);
}

static void
match_explicit (Matches *self, const char *key)
{
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->index->explicit, key));
  if (number == PN_INDEX_TWO)
    self->first = pn_index_user (self->index, 0), self->second = self->first;
  else if (number)
    match (self, number);
}

/* USER of the post office whose name is the rest, or, WITH_DOMAIN, whose name and our domain are. */
static void
match_post_office (Matches *self, const char *key, gboolean with_domain)
{
  for (const char *dot = strchr (key, '.'); dot; dot = strchr (dot + 1, '.')) {
    g_autofree char *user = g_strndup (key, (gsize) (dot - key));
    const char *rest = dot + 1;
    for (guint i = pn_index_chain_first (&self->index->by_id, user); i; i = self->index->by_id.next[i - 1]) {
      const char *office = pn_index_post_office_key (self->index, pn_index_user (self->index, i - 1));
      gsize length = strlen (office);
      if (with_domain ? strncmp (rest, office, length) == 0 && rest[length] == '.'
                            && strcmp (rest + length + 1, self->index->domain_key) == 0
                      : strcmp (rest, office) == 0)
        match (self, i);
    }
  }
}

static void
match_names (Matches *self, const char *key)
{
  for (const char *dot = strchr (key, '.'); dot; dot = strchr (dot + 1, '.')) {
    g_autofree char *left = g_strndup (key, (gsize) (dot - key));
    g_autofree char *given_first = g_strconcat (left, "\1", dot + 1, NULL);
    g_autofree char *family_first = g_strconcat (dot + 1, "\1", left, NULL);
    if (self->index->formats & PN_FORMAT_FIRST_LAST)
      match_chain (self, &self->index->by_name, given_first);
    if (self->index->formats & PN_FORMAT_LAST_FIRST)
      match_chain (self, &self->index->by_name, family_first);
  }
}

static void
match_formats (Matches *self, const char *key)
{
  guint formats = self->index->formats;
  if (formats & PN_FORMAT_USER)
    match_chain (self, &self->index->by_id, key);
  if (!self->first && (formats & PN_FORMAT_USER_PO))
    match_post_office (self, key, FALSE);
  if (!self->first && (formats & PN_FORMAT_USER_PO_DOMAIN))
    match_post_office (self, key, TRUE);
  if (!self->first)
    match_names (self, key);
  if (!self->first && (formats & PN_FORMAT_INITIAL_LAST))
    match_chain (self, &self->index->by_initial, key);
}

/* RFC-less, but spoken by every Exchange: IMCEAGWISE-DOMAIN+2EPO+2Euser; "+xx" is an octet, '_' a slash. */
static char *
decapsulate (const char *local)
{
  static const char prefix[] = "IMCEAGWISE-";
  if (g_ascii_strncasecmp (local, prefix, sizeof prefix - 1) != 0)
    return NULL;
  GString *plain = g_string_new (NULL);
  for (const char *at = local + sizeof prefix - 1; *at; at++) {
    if (*at == '_') {
      g_string_append_c (plain, '/');
    } else if (*at == '+' && g_ascii_isxdigit (at[1]) && g_ascii_isxdigit (at[2])) {
      char octet = (char) (g_ascii_xdigit_value (at[1]) * 16 + g_ascii_xdigit_value (at[2]));
      if (octet)
        g_string_append_c (plain, octet);
      at += 2;
    } else {
      g_string_append_c (plain, *at);
    }
  }
  return g_string_free (plain, FALSE);
}

/* "domain.post office.user" of our domain. */
static void
match_native (Matches *self, const char *native)
{
  g_auto (GStrv) part = g_strsplit (native, ".", 3);
  if (g_strv_length (part) != 3)
    return;
  g_autofree char *domain = pn_directory_fold (part[0], -1);
  if (strcmp (domain, self->index->domain_key) != 0)
    return;
  const PnUser *user = pn_index_find (self->index, part[1], part[2], NULL);
  if (user)
    self->first = user;
}

static void
match_local_part (Matches *self, const char *local, const char *domain)
{
  g_autofree char *key = pn_directory_fold (local, -1);
  if (g_hash_table_size (self->index->explicit)) {
    g_autofree char *whole = g_strconcat (key, "@", domain, NULL);
    match_explicit (self, whole);
    if (!self->first)
      match_explicit (self, key);
  }
  if (!self->first)
    match_formats (self, key);
}

static void
match_address (Matches *self, const char *local, const char *domain)
{
  g_autofree char *native = decapsulate (local);
  if (native) {
    match_native (self, native);
    return;
  }
  match_local_part (self, local, domain);
  const char *plus = strchr (local, '+');
  if (!self->first && plus && plus > local) {
    g_autofree char *base = g_strndup (local, (gsize) (plus - local));
    match_local_part (self, base, domain);
  }
  if (!self->first && self->index->postmaster && g_ascii_strcasecmp (local, "postmaster") == 0)
    match (self, self->index->postmaster);
}

static gboolean
is_our_domain (const PnIndex *self, const char *ascii)
{
  return ascii && g_strv_contains ((const char *const *) self->internet_domains, ascii);
}

const PnUser *
pn_index_resolve (const PnIndex *self, const char *internet, GError **error)
{
  g_autofree char *local = NULL;
  g_autofree char *domain = NULL;
  pn_directory_split (internet, &local, &domain);
  g_autofree char *ascii = pn_directory_ascii_domain (domain ? domain : self->internet_domain);
  if (!is_our_domain (self, ascii)) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "%s is not an address of this domain",
                 internet);
    return NULL;
  }
  Matches matches = { self, NULL, NULL };
  if (*local && strlen (local) <= MAX_LOCAL_PART)
    match_address (&matches, local, ascii);
  if (matches.second) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_AMBIGUOUS, "more than one user answers to %s",
                 internet);
    return NULL;
  }
  if (!matches.first)
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_UNKNOWN, "there is no user %s", internet);
  return matches.first;
}
