/* One frame of AES-256-GCM (NIST SP 800-38D): what the sealed file and the journal record have in common. */
#pragma once

#include <glib.h>
#include <openssl/evp.h>

G_BEGIN_DECLS

#define PN_AEAD_KEY 32
#define PN_AEAD_NONCE 12
#define PN_AEAD_TAG 16

/* The cipher; fetched once. */
const EVP_CIPHER *pn_aead_cipher (void);

typedef struct {
  EVP_CIPHER_CTX *context; /* borrowed */
  const guint8 *key;       /* PN_AEAD_KEY bytes, or NULL: the one the context was set up with */
  const void *associated;  /* authenticated with the frame */
  gsize associated_length;
} PnAead;

/* Seals LENGTH bytes of PLAIN into OUT, which has room for LENGTH + PN_AEAD_TAG.  A nonce must never be used
 * twice with one key. */
void pn_aead_seal (const PnAead *self, const guint8 nonce[PN_AEAD_NONCE], const void *plain, gsize length,
                   guint8 *out);
/* Opens the frame SEALED whose plain LENGTH bytes and tag follow each other.  FALSE if it is not what was
 * sealed: PLAIN holds nothing to be trusted then. */
gboolean pn_aead_open (const PnAead *self, const guint8 nonce[PN_AEAD_NONCE], const guint8 *sealed,
                       gsize length, guint8 *plain);

G_END_DECLS
