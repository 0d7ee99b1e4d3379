/* Sealing: AES-256-GCM in frames of 64 KiB, with a key per file.
 *
 * File: 8 bytes magic "PNSEAL1\n", 24 bytes salt, frames.  Key: HKDF-SHA-256 (domain key, salt, "postern
 * sealed file"). Frame i: up to 65536 bytes of ciphertext and a 16 byte tag; its nonce is i (64 bit, big
 * endian) and a word that is 1 in the last frame, else 0; the head is authenticated with every frame.  The
 * last frame is shorter than 64 KiB, possibly empty.  So truncation, reordering, alteration and a wrong key
 * are detected. */
#pragma once

#include "convert/bytes.h"

G_BEGIN_DECLS

#define PN_SEAL_ERROR (pn_seal_error_quark ())
GQuark pn_seal_error_quark (void);
typedef enum {
  PN_SEAL_ERROR_KEY,       /* key file missing, of wrong length or open to others */
  PN_SEAL_ERROR_DAMAGED,   /* altered, truncated, or sealed with another key */
  PN_SEAL_ERROR_NOT_SEALED /* no magic at the beginning */
} PnSealError;

typedef struct PnKey PnKey; /* reference counted, usable from every thread */

PnKey *pn_key_load (const char *path, GError **error);   /* refuses a file that others may read */
PnKey *pn_key_create (const char *path, GError **error); /* new random key, mode 0600; fails if PATH exists */
PnKey *pn_key_ref (PnKey *self);
void pn_key_unref (PnKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnKey, pn_key_unref)

/* Writing: bytes written to the sink come out sealed in BELOW.  Nothing is complete before
 * pn_seal_writer_close(). */
typedef struct PnSealWriter PnSealWriter;
PnSealWriter *pn_seal_writer_new (PnKey *key, PnSink below);
PnSink pn_seal_writer_sink (PnSealWriter *self);
gboolean pn_seal_writer_close (PnSealWriter *self, GError **error); /* writes the last frame */
void pn_seal_writer_free (PnSealWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSealWriter, pn_seal_writer_free)

/* Reading: the plain bytes of the sealed file in SEALED (a reference is kept), by random access, one or a few
 * frames in memory.  The head and the last frame are checked here, each other frame when it is read. */
PnSource *pn_seal_open (PnKey *key, PnSource *sealed, GError **error);
/* The same for the first frame alone, for readers that need only the head of a queue file: skips the check of
 * the last frame. */
PnSource *pn_seal_open_head (PnKey *key, PnSource *sealed, GError **error);
gboolean pn_seal_is_sealed (PnSource *source);

/* In one piece, for small things (a database column, a journal record): output is magic-less: 24 bytes salt,
 * frames. ASSOCIATED is authenticated with it (a row's id), may be NULL. */
GBytes *pn_seal_bytes (PnKey *key, const void *data, gsize length, const char *associated);
GBytes *pn_unseal_bytes (PnKey *key, const void *data, gsize length, const char *associated, GError **error);

/* Installs OpenSSL's SHA-256 for the conversion library; called once by every program. */
void pn_seal_init (void);

G_END_DECLS
