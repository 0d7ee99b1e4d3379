#include "directory/directory-private.h"
#include "convert/number.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { SALT_LENGTH = 16, KEY_LENGTH = 32, COST = 16384, BLOCK = 8, PARALLEL = 1 };

/* What a stored hash may ask for: more would let a damaged database eat the machine's memory. */
enum { MAX_COST = 1 << 20, MAX_BLOCK = 32, MAX_PARALLEL = 16, MAX_MEMORY = 1 << 30 };

typedef struct {
  guint64 cost, block, parallel;
  guchar *salt; /* owned */
  gsize salt_length;
  guchar *key; /* owned */
  gsize key_length;
} Stored;

static void
stored_clear (Stored *self)
{
  g_free (self->salt);
  g_free (self->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Stored, stored_clear)

static gboolean
derive (const char *password, const Stored *how, guchar *key, gsize key_length)
{
  return EVP_PBE_scrypt (password, strlen (password), how->salt, how->salt_length, how->cost, how->block,
                         how->parallel, MAX_MEMORY, key, key_length)
         == 1;
}

char *
pn_password_hash (const char *password, GError **error)
{
  guchar salt[SALT_LENGTH], key[KEY_LENGTH];
  Stored how = { COST, BLOCK, PARALLEL, salt, sizeof salt, NULL, 0 };
  if (RAND_bytes (salt, sizeof salt) != 1 || !derive (password, &how, key, sizeof key)) {
    g_set_error (error, PN_DIRECTORY_ERROR, PN_DIRECTORY_ERROR_ENGINE,
                 "the password cannot be hashed: no random numbers or no memory");
    return NULL;
  }
  g_autofree char *salt_text = g_base64_encode (salt, sizeof salt);
  g_autofree char *key_text = g_base64_encode (key, sizeof key);
  OPENSSL_cleanse (key, sizeof key);
  return g_strdup_printf ("scrypt:%d:%d:%d:%s:%s", COST, BLOCK, PARALLEL, salt_text, key_text);
}

static gboolean
parse (const char *hash, Stored *out)
{
  g_auto (GStrv) word = g_strsplit (hash, ":", 7);
  if (g_strv_length (word) != 6 || strcmp (word[0], "scrypt") != 0)
    return FALSE;
  if (!pn_number_parse (word[1], 10, 2, MAX_COST, &out->cost)
      || !pn_number_parse (word[2], 10, 1, MAX_BLOCK, &out->block)
      || !pn_number_parse (word[3], 10, 1, MAX_PARALLEL, &out->parallel))
    return FALSE;
  out->salt = g_base64_decode (word[4], &out->salt_length);
  out->key = g_base64_decode (word[5], &out->key_length);
  return out->salt_length >= 8 && out->key_length == KEY_LENGTH;
}

gboolean
pn_password_verify (const char *hash, const char *password)
{
  g_auto (Stored) stored = { 0 };
  gboolean known = hash && parse (hash, &stored);
  guchar no_salt[SALT_LENGTH] = { 0 }, no_key[KEY_LENGTH] = { 0 }, key[KEY_LENGTH] = { 0 };
  Stored nobody = { COST, BLOCK, PARALLEL, no_salt, sizeof no_salt, no_key, sizeof no_key };
  const Stored *how = known ? &stored : &nobody;
  gboolean derived = derive (password, how, key, sizeof key);
  gboolean same = CRYPTO_memcmp (key, how->key, sizeof key) == 0;
  OPENSSL_cleanse (key, sizeof key);
  return known && derived && same;
}
