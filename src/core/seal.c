#include "core/seal.h"

#include "core/aead.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK (pn-seal-error-quark, pn_seal_error)

#define MAGIC "PNSEAL1\n"
#define MAGIC_LENGTH 8
#define SALT_LENGTH 24
#define HEAD_LENGTH (MAGIC_LENGTH + SALT_LENGTH)
#define FRAME_PLAIN 65536
#define TAG_LENGTH PN_AEAD_TAG
#define FRAME_SEALED (FRAME_PLAIN + TAG_LENGTH)
#define KEY_LENGTH PN_AEAD_KEY
#define NONCE_LENGTH PN_AEAD_NONCE

struct PnKey {
  gatomicrefcount ref_count;
  guint8 bytes[KEY_LENGTH];
};

/* --- keys ---------------------------------------------------------------------------------- */

static PnKey *
key_new (const guint8 *bytes)
{
  PnKey *self = g_new0 (PnKey, 1);
  g_atomic_ref_count_init (&self->ref_count);
  memcpy (self->bytes, bytes, KEY_LENGTH);
  return self;
}

PnKey *
pn_key_load (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) < 0) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY, "%s: cannot read the key: %s", path,
                 g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  guint8 bytes[KEY_LENGTH + 1];
  ssize_t n = read (fd, bytes, sizeof bytes);
  close (fd);
  if (st.st_mode & 077) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY,
                 "%s: the key is open to others (mode %03o); it must be 600", path, st.st_mode & 0777);
    return NULL;
  }
  if (n != KEY_LENGTH) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY, "%s: a key has %d bytes", path, KEY_LENGTH);
    return NULL;
  }
  PnKey *self = key_new (bytes);
  OPENSSL_cleanse (bytes, sizeof bytes);
  return self;
}

PnKey *
pn_key_create (const char *path, GError **error)
{
  guint8 bytes[KEY_LENGTH];
  if (RAND_bytes (bytes, sizeof bytes) != 1) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY, "%s: no random bytes for a key", path);
    return NULL;
  }
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || write (fd, bytes, sizeof bytes) != sizeof bytes || fsync (fd) < 0) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_KEY, "%s: cannot write the key: %s", path,
                 g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  close (fd);
  PnKey *self = key_new (bytes);
  OPENSSL_cleanse (bytes, sizeof bytes);
  return self;
}

PnKey *
pn_key_ref (PnKey *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
pn_key_unref (PnKey *self)
{
  if (!self || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  OPENSSL_cleanse (self->bytes, sizeof self->bytes);
  g_free (self);
}

/* HKDF (RFC 5869) for one block of output: extract, then expand. */
static void
derive (PnKey *key, const guint8 salt[SALT_LENGTH], const char *info, guint8 out[KEY_LENGTH])
{
  guint8 prk[32], block[64];
  unsigned length = sizeof prk;
  gsize info_length = strlen (info);
  g_assert (info_length < sizeof block);
  HMAC (EVP_sha256 (), salt, SALT_LENGTH, key->bytes, KEY_LENGTH, prk, &length);
  memcpy (block, info, info_length);
  block[info_length] = 1;
  HMAC (EVP_sha256 (), prk, sizeof prk, block, info_length + 1, out, &length);
  OPENSSL_cleanse (prk, sizeof prk);
}

/* --- frames -------------------------------------------------------------------------------- */

typedef struct {
  EVP_CIPHER_CTX *context;
  GString *associated; /* authenticated with every frame */
} Cipher;

static void
cipher_init (Cipher *self, PnKey *key, const guint8 salt[SALT_LENGTH], const char *info,
             const char *associated, gboolean encrypt)
{
  guint8 derived[KEY_LENGTH];
  derive (key, salt, info, derived);
  self->context = EVP_CIPHER_CTX_new ();
  self->associated = g_string_new_len ((const char *) salt, SALT_LENGTH);
  if (associated)
    g_string_append (self->associated, associated);
  int ok = EVP_CipherInit_ex2 (self->context, pn_aead_cipher (), derived, NULL, encrypt, NULL);
  g_assert (ok == 1);
  OPENSSL_cleanse (derived, sizeof derived);
}

static void
cipher_clear (Cipher *self)
{
  EVP_CIPHER_CTX_free (self->context);
  if (self->associated)
    g_string_free (self->associated, TRUE);
}

static void
make_nonce (guint8 nonce[NONCE_LENGTH], guint64 frame, gboolean last)
{
  guint64 be = GUINT64_TO_BE (frame);
  guint32 flag = GUINT32_TO_BE (last ? 1u : 0u);
  memcpy (nonce, &be, 8);
  memcpy (nonce + 8, &flag, 4);
}

/* OUT has room for LENGTH + TAG_LENGTH bytes. */
static void
cipher_seal (Cipher *self, guint64 frame, gboolean last, const guint8 *plain, gsize length, guint8 *out)
{
  guint8 nonce[NONCE_LENGTH];
  make_nonce (nonce, frame, last);
  PnAead aead = { self->context, NULL, self->associated->str, self->associated->len };
  pn_aead_seal (&aead, nonce, plain, length, out);
}

/* LENGTH counts the tag.  FALSE if the frame is not what was sealed. */
static gboolean
cipher_open (Cipher *self, guint64 frame, gboolean last, const guint8 *sealed, gsize length, guint8 *out)
{
  guint8 nonce[NONCE_LENGTH];
  make_nonce (nonce, frame, last);
  PnAead aead = { self->context, NULL, self->associated->str, self->associated->len };
  return pn_aead_open (&aead, nonce, sealed, length - TAG_LENGTH, out);
}

/* --- writing ------------------------------------------------------------------------------- */

struct PnSealWriter {
  PnSink below;
  Cipher cipher;
  guint8 head[HEAD_LENGTH];
  gboolean head_written, closed;
  guint64 frame;
  gsize used;
  guint8 plain[FRAME_PLAIN];
  guint8 sealed[FRAME_SEALED];
};

static const char file_info[] = "postern sealed file";
static const char bytes_info[] = "postern sealed bytes";

PnSealWriter *
pn_seal_writer_new (PnKey *key, PnSink below)
{
  PnSealWriter *self = g_malloc (sizeof *self);
  self->below = below;
  self->head_written = self->closed = FALSE;
  self->frame = 0;
  self->used = 0;
  memcpy (self->head, MAGIC, MAGIC_LENGTH);
  int ok = RAND_bytes (self->head + MAGIC_LENGTH, SALT_LENGTH);
  g_assert (ok == 1);
  cipher_init (&self->cipher, key, self->head + MAGIC_LENGTH, file_info, NULL, TRUE);
  return self;
}

static gboolean
write_frame (PnSealWriter *self, gboolean last, GError **error)
{
  if (!self->head_written && !pn_sink_write (&self->below, self->head, HEAD_LENGTH, error))
    return FALSE;
  self->head_written = TRUE;
  cipher_seal (&self->cipher, self->frame, last, self->plain, self->used, self->sealed);
  gsize length = self->used + TAG_LENGTH;
  self->used = 0;
  self->frame++;
  return pn_sink_write (&self->below, self->sealed, length, error);
}

static gboolean
seal_write (gpointer user, const void *data, gsize length, GError **error)
{
  PnSealWriter *self = user;
  const guint8 *p = data;
  while (length > 0) {
    gsize n = MIN (length, FRAME_PLAIN - self->used);
    memcpy (self->plain + self->used, p, n);
    self->used += n;
    p += n;
    length -= n;
    if (self->used == FRAME_PLAIN && !write_frame (self, FALSE, error))
      return FALSE;
  }
  return TRUE;
}

PnSink
pn_seal_writer_sink (PnSealWriter *self)
{
  return (PnSink){ seal_write, self };
}

gboolean
pn_seal_writer_close (PnSealWriter *self, GError **error)
{
  g_return_val_if_fail (!self->closed, FALSE);
  self->closed = TRUE;
  return write_frame (self, TRUE, error);
}

void
pn_seal_writer_free (PnSealWriter *self)
{
  if (!self)
    return;
  cipher_clear (&self->cipher);
  g_free (self);
}

/* --- reading ------------------------------------------------------------------------------- */

typedef struct {
  PnSource base;
  PnSource *sealed;
  Cipher cipher;
  guint64 n_frames;
  guint64 cached; /* frame in PLAIN, or G_MAXUINT64 */
  gsize cached_length;
  guint8 *plain;
  guint8 *buffer; /* for sealed frames that do not lie in memory */
} SealSource;

static gsize
frame_length (SealSource *self, guint64 frame)
{
  guint64 start = HEAD_LENGTH + frame * FRAME_SEALED;
  return (gsize) MIN ((guint64) FRAME_SEALED, self->sealed->size - start);
}

static gboolean
load_frame (SealSource *self, guint64 frame, GError **error)
{
  if (self->cached == frame)
    return TRUE;
  self->cached = G_MAXUINT64;
  guint64 start = HEAD_LENGTH + frame * FRAME_SEALED;
  gsize length = frame_length (self, frame);
  const guint8 *sealed;
  if (self->sealed->data)
    sealed = self->sealed->data + start;
  else {
    if (!self->buffer)
      self->buffer = g_malloc (FRAME_SEALED);
    if (!pn_source_read (self->sealed, start, self->buffer, length, error))
      return FALSE;
    sealed = self->buffer;
  }
  if (!cipher_open (&self->cipher, frame, frame + 1 == self->n_frames, sealed, length, self->plain)) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_DAMAGED,
                 "frame %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                 " cannot be opened: the file was altered or cut, or sealed with another key",
                 frame + 1, self->n_frames);
    return FALSE;
  }
  self->cached = frame;
  self->cached_length = length - TAG_LENGTH;
  return TRUE;
}

static gssize
seal_source_read (PnSource *base, guint64 offset, void *buffer, gsize length, GError **error)
{
  SealSource *self = (SealSource *) base;
  gsize done = 0;
  if (offset >= base->size)
    return 0;
  length = (gsize) MIN ((guint64) length, base->size - offset);
  while (done < length) {
    guint64 at = offset + done;
    if (!load_frame (self, at / FRAME_PLAIN, error))
      return -1;
    gsize within = (gsize) (at % FRAME_PLAIN);
    gsize n = MIN (length - done, self->cached_length - within);
    memcpy ((guint8 *) buffer + done, self->plain + within, n);
    done += n;
  }
  return (gssize) done;
}

static void
seal_source_free (PnSource *base)
{
  SealSource *self = (SealSource *) base;
  cipher_clear (&self->cipher);
  pn_source_unref (self->sealed);
  g_free (self->plain);
  g_free (self->buffer);
  g_free (self);
}

static const PnSourceClass seal_source_class = { seal_source_read, seal_source_free };

gboolean
pn_seal_is_sealed (PnSource *source)
{
  char magic[MAGIC_LENGTH];
  return source->size >= MAGIC_LENGTH && pn_source_read (source, 0, magic, MAGIC_LENGTH, NULL)
         && memcmp (magic, MAGIC, MAGIC_LENGTH) == 0;
}

static PnSource *
open_sealed (PnKey *key, PnSource *sealed, gboolean head_only, GError **error)
{
  if (!pn_seal_is_sealed (sealed)) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_NOT_SEALED, "not a sealed file");
    return NULL;
  }
  guint64 body = sealed->size - MIN (sealed->size, HEAD_LENGTH);
  guint64 tail = body % FRAME_SEALED;
  if (sealed->size < HEAD_LENGTH || (tail != 0 && tail < TAG_LENGTH) || body == 0) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_DAMAGED, "the sealed file is cut off");
    return NULL;
  }
  guint8 salt[SALT_LENGTH];
  if (!pn_source_read (sealed, MAGIC_LENGTH, salt, SALT_LENGTH, error))
    return NULL;

  SealSource *self = g_new0 (SealSource, 1);
  self->n_frames = (body + FRAME_SEALED - 1) / FRAME_SEALED;
  pn_source_init (&self->base, &seal_source_class, body - self->n_frames * TAG_LENGTH, NULL);
  self->sealed = pn_source_ref (sealed);
  self->cached = G_MAXUINT64;
  self->plain = g_malloc (MIN (body, (guint64) FRAME_SEALED));
  cipher_init (&self->cipher, key, salt, file_info, NULL, FALSE);

  g_autoptr (PnSource) result = &self->base;
  if (!head_only && !load_frame (self, self->n_frames - 1, error))
    return NULL;
  if (!load_frame (self, 0, error))
    return NULL;
  /* All of it lies in the one frame: readers may then look at it in place. */
  if (self->n_frames == 1)
    self->base.data = self->plain;
  return g_steal_pointer (&result);
}

PnSource *
pn_seal_open (PnKey *key, PnSource *sealed, GError **error)
{
  return open_sealed (key, sealed, FALSE, error);
}

PnSource *
pn_seal_open_head (PnKey *key, PnSource *sealed, GError **error)
{
  return open_sealed (key, sealed, TRUE, error);
}

/* --- small things -------------------------------------------------------------------------- */

GBytes *
pn_seal_bytes (PnKey *key, const void *data, gsize length, const char *associated)
{
  g_return_val_if_fail (length <= G_MAXINT32, NULL);
  guint8 *out = g_malloc (SALT_LENGTH + length + TAG_LENGTH);
  int ok = RAND_bytes (out, SALT_LENGTH);
  g_assert (ok == 1);
  Cipher cipher;
  cipher_init (&cipher, key, out, bytes_info, associated, TRUE);
  cipher_seal (&cipher, 0, TRUE, data, length, out + SALT_LENGTH);
  cipher_clear (&cipher);
  return g_bytes_new_take (out, SALT_LENGTH + length + TAG_LENGTH);
}

GBytes *
pn_unseal_bytes (PnKey *key, const void *data, gsize length, const char *associated, GError **error)
{
  if (length < SALT_LENGTH + TAG_LENGTH || length > G_MAXINT32) {
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_DAMAGED, "the sealed bytes are cut off");
    return NULL;
  }
  gsize plain = length - SALT_LENGTH - TAG_LENGTH;
  guint8 *out = g_malloc (plain + 1);
  Cipher cipher;
  cipher_init (&cipher, key, data, bytes_info, associated, FALSE);
  gboolean ok = cipher_open (&cipher, 0, TRUE, (const guint8 *) data + SALT_LENGTH, plain + TAG_LENGTH, out);
  cipher_clear (&cipher);
  if (!ok) {
    g_free (out);
    g_set_error (error, PN_SEAL_ERROR, PN_SEAL_ERROR_DAMAGED,
                 "sealed bytes cannot be opened: they were altered, or sealed with another key");
    return NULL;
  }
  return g_bytes_new_take (out, plain);
}

/* --- SHA-256 for the conversion library ---------------------------------------------------- */

static const EVP_MD *
digest_type (void)
{
  static gsize once = 0;
  static EVP_MD *type = NULL;
  if (g_once_init_enter (&once)) {
    type = EVP_MD_fetch (NULL, "SHA256", NULL);
    g_assert (type);
    g_once_init_leave (&once, 1);
  }
  return type;
}

static gpointer
digest_begin (void)
{
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  EVP_DigestInit_ex2 (context, digest_type (), NULL);
  return context;
}

static void
digest_update (gpointer state, const void *data, gsize length)
{
  EVP_DigestUpdate (state, data, length);
}

static void
digest_end (gpointer state, guint8 digest[32])
{
  unsigned length = 32;
  EVP_DigestFinal_ex (state, digest, &length);
  EVP_MD_CTX_free (state);
}

void
pn_seal_init (void)
{
  static const PnDigestClass openssl_digest = { digest_begin, digest_update, digest_end };
  pn_digest_use (&openssl_digest);
}
