#include "core/aead.h"

const EVP_CIPHER *
pn_aead_cipher (void)
{
  static gsize once = 0;
  static EVP_CIPHER *type = NULL;
  if (g_once_init_enter (&once)) {
    type = EVP_CIPHER_fetch (NULL, "AES-256-GCM", NULL);
    g_assert (type);
    g_once_init_leave (&once, 1);
  }
  return type;
}

void
pn_aead_seal (const PnAead *self, const guint8 nonce[PN_AEAD_NONCE], const void *plain, gsize length,
              guint8 *out)
{
  int n = 0;
  int ok = EVP_EncryptInit_ex2 (self->context, self->key ? pn_aead_cipher () : NULL, self->key, nonce, NULL)
           && EVP_EncryptUpdate (self->context, NULL, &n, self->associated, (int) self->associated_length)
           && (length == 0 || EVP_EncryptUpdate (self->context, out, &n, plain, (int) length))
           && EVP_EncryptFinal_ex (self->context, out + length, &n)
           && EVP_CIPHER_CTX_ctrl (self->context, EVP_CTRL_AEAD_GET_TAG, PN_AEAD_TAG, out + length);
  g_assert (ok);
}

gboolean
pn_aead_open (const PnAead *self, const guint8 nonce[PN_AEAD_NONCE], const guint8 *sealed, gsize length,
              guint8 *plain)
{
  int n = 0;
  return EVP_DecryptInit_ex2 (self->context, self->key ? pn_aead_cipher () : NULL, self->key, nonce, NULL)
         && EVP_DecryptUpdate (self->context, NULL, &n, self->associated, (int) self->associated_length)
         && (length == 0 || EVP_DecryptUpdate (self->context, plain, &n, sealed, (int) length))
         && EVP_CIPHER_CTX_ctrl (self->context, EVP_CTRL_AEAD_SET_TAG, PN_AEAD_TAG,
                                 (void *) (sealed + length))
         && EVP_DecryptFinal_ex (self->context, plain + length, &n) > 0;
}
