#include "queue/journal-private.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT_MAGIC "PNJSEG1\n"
#define CONSUMED_MAGIC "PNJCON1\n"
#define RECORD_MAGIC 0x31524e50u /* "PNR1" */
#define ZEROS (1024 * 1024)

void
pn_journal_set_error (GError **error, int errnum, const char *path, const char *what)
{
  gboolean full = errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;
  g_set_error (error, PN_JOURNAL_ERROR, full ? PN_JOURNAL_ERROR_FULL : PN_JOURNAL_ERROR_IO, "%s: %s: %s",
               path, what, g_strerror (errnum));
}

/* 0, or the reason. */
static int
write_at (int fd, const void *data, gsize length, guint64 offset)
{
  while (length > 0) {
    ssize_t n = pwrite (fd, data, length, (off_t) offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : EIO;
    data = (const char *) data + n;
    length -= (gsize) n;
    offset += (guint64) n;
  }
  return 0;
}

static gboolean
read_at (int fd, void *data, gsize length, guint64 offset)
{
  while (length > 0) {
    ssize_t n = pread (fd, data, length, (off_t) offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data = (char *) data + n;
    length -= (gsize) n;
    offset += (guint64) n;
  }
  return TRUE;
}

/* --- files ------------------------------------------------------------------------------------ */

char *
pn_segment_path (const char *dir, guint row)
{
  return g_strdup_printf ("%s/J%07u.SEG", dir, row + 1);
}

int
pn_segment_row (const char *name)
{
  if (strlen (name) != 12 || name[0] != 'J' || strcmp (name + 8, ".SEG") != 0)
    return -1;
  for (int i = 1; i < 8; i++)
    if (!g_ascii_isdigit (name[i]))
      return -1;
  guint64 number = g_ascii_strtoull (name + 1, NULL, 10);
  return number >= 1 && number <= PN_JOURNAL_ROWS ? (int) number - 1 : -1;
}

/* Written in full, so that a commit changes neither size nor extents and a full disk shows here and not
 * later. */
static int
fill (int fd, guint64 size)
{
  g_autofree guint8 *zeros = g_malloc0 (ZEROS);
  for (guint64 done = 0; done < size; done += ZEROS) {
    int errnum = write_at (fd, zeros, (gsize) MIN (ZEROS, size - done), done);
    if (errnum)
      return errnum;
  }
  return fdatasync (fd) < 0 ? errno : 0;
}

gboolean
pn_segment_prepare (const char *dir, guint row, guint64 size, GError **error)
{
  g_autofree char *path = pn_segment_path (dir, row);
  g_autofree char *temporary = g_strdup_printf ("%s/.J%07u.new", dir, row + 1);
  int fd = open (temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int errnum = fd < 0 ? errno : fill (fd, size);
  if (fd >= 0)
    close (fd);
  if (!errnum && rename (temporary, path) < 0)
    errnum = errno;
  if (errnum) {
    unlink (temporary);
    pn_journal_set_error (error, errnum, path, "cannot prepare a segment of the receive journal");
    return FALSE;
  }
  g_autoptr (GError) flush_error = NULL;
  if (!pn_file_fsync_dir (dir, &flush_error)) {
    g_set_error_literal (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_IO, flush_error->message);
    return FALSE;
  }
  return TRUE;
}

/* --- heads ------------------------------------------------------------------------------------ */

static char *
key_label (guint64 generation)
{
  return g_strdup_printf ("receive journal generation %" G_GUINT64_FORMAT, generation);
}

gboolean
pn_segment_begin (int fd, PnKey *domain_key, guint64 generation, guint64 size, guint8 key[PN_SEGMENT_KEY],
                  GError **error)
{
  PnSegmentHead head = { .generation = generation, .size = size };
  memcpy (head.magic, SEGMENT_MAGIC, sizeof head.magic);
  int random = RAND_bytes (key, PN_SEGMENT_KEY);
  g_assert (random == 1);
  g_autofree char *label = key_label (generation);
  g_autoptr (GBytes) sealed = pn_seal_bytes (domain_key, key, PN_SEGMENT_KEY, label);
  gsize length = 0;
  const void *data = g_bytes_get_data (sealed, &length);
  g_assert (length <= sizeof head.sealed_key);
  head.key_length = (guint32) length;
  memcpy (head.sealed_key, data, length);
  int errnum = write_at (fd, &head, sizeof head, 0);
  if (!errnum)
    return TRUE;
  pn_journal_set_error (error, errnum, "segment of the receive journal", "cannot write its head");
  return FALSE;
}

gboolean
pn_segment_read_head (int fd, PnKey *domain_key, PnSegmentHead *head, guint8 key[PN_SEGMENT_KEY],
                      GError **error)
{
  if (!read_at (fd, head, sizeof *head, 0)) {
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED, "the segment is cut off");
    return FALSE;
  }
  static const char never[8];
  if (memcmp (head->magic, never, sizeof never) == 0 && head->generation == 0)
    return TRUE;
  g_autofree char *label = key_label (head->generation);
  g_autoptr (GBytes) opened = NULL;
  if (memcmp (head->magic, SEGMENT_MAGIC, sizeof head->magic) == 0
      && head->key_length <= sizeof head->sealed_key)
    opened = pn_unseal_bytes (domain_key, head->sealed_key, head->key_length, label, error);
  else
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED, "it does not begin as a segment does");
  if (!opened)
    return FALSE;
  gsize length = 0;
  const void *data = g_bytes_get_data (opened, &length);
  if (length != PN_SEGMENT_KEY) {
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED, "its key has the wrong length");
    return FALSE;
  }
  memcpy (key, data, PN_SEGMENT_KEY);
  return TRUE;
}

gboolean
pn_segment_read_consumed (int fd, guint64 generation, PnConsumptionHead *out)
{
  return read_at (fd, out, sizeof *out, PN_SEGMENT_CONSUMED)
         && memcmp (out->magic, CONSUMED_MAGIC, sizeof out->magic) == 0 && out->generation == generation;
}

gboolean
pn_segment_write_consumed (int fd, const PnConsumptionHead *consumed, const char *path, GError **error)
{
  PnConsumptionHead head = *consumed;
  memcpy (head.magic, CONSUMED_MAGIC, sizeof head.magic);
  int errnum = write_at (fd, &head, sizeof head, PN_SEGMENT_CONSUMED);
  if (!errnum && fdatasync (fd) < 0)
    errnum = errno;
  if (!errnum)
    return TRUE;
  pn_journal_set_error (error, errnum, path, "cannot note what was consumed");
  return FALSE;
}

/* --- records ---------------------------------------------------------------------------------- */

guint64
pn_record_size (guint64 length)
{
  guint64 size = sizeof (PnRecordHead) + length + PN_RECORD_TAG;
  return (size + PN_RECORD_ALIGN - 1) / PN_RECORD_ALIGN * PN_RECORD_ALIGN;
}

static EVP_CIPHER_CTX *
thread_context (void)
{
  static GPrivate slot = G_PRIVATE_INIT ((GDestroyNotify) EVP_CIPHER_CTX_free);
  EVP_CIPHER_CTX *context = g_private_get (&slot);
  if (!context) {
    context = EVP_CIPHER_CTX_new ();
    g_private_set (&slot, context);
  }
  return context;
}

static void
make_nonce (guint8 nonce[PN_AEAD_NONCE], guint32 index)
{
  guint32 be = GUINT32_TO_BE (index);
  memset (nonce, 0, PN_AEAD_NONCE);
  memcpy (nonce + 8, &be, 4);
}

void
pn_record_seal (const guint8 key[PN_SEGMENT_KEY], guint64 generation, guint32 index, const guint8 hash[16],
                const void *plain, guint32 length, guint8 *out)
{
  PnRecordHead head = { .magic = RECORD_MAGIC, .length = length, .generation = generation, .index = index };
  memcpy (head.hash, hash, sizeof head.hash);
  memcpy (out, &head, sizeof head);
  guint8 nonce[PN_AEAD_NONCE];
  make_nonce (nonce, index);
  PnAead aead = { thread_context (), key, out, sizeof head };
  pn_aead_seal (&aead, nonce, plain, length, out + sizeof head);
  gsize used = sizeof head + length + PN_RECORD_TAG;
  memset (out + used, 0, (gsize) pn_record_size (length) - used);
}

gboolean
pn_record_head_ok (const PnRecordHead *head, guint64 generation, guint32 index, guint64 left)
{
  return head->magic == RECORD_MAGIC && head->generation == generation && head->index == index
         && head->length > 0 && head->length <= G_MAXINT && pn_record_size (head->length) <= left;
}

gboolean
pn_record_open (const guint8 key[PN_SEGMENT_KEY], const PnRecordHead *head, const guint8 *sealed,
                guint8 *plain)
{
  guint8 nonce[PN_AEAD_NONCE];
  make_nonce (nonce, head->index);
  PnAead aead = { thread_context (), key, head, sizeof *head };
  return pn_aead_open (&aead, nonce, sealed, head->length, plain);
}

guint64
pn_segment_scan (int fd, const guint8 key[PN_SEGMENT_KEY], guint64 generation, guint64 size, guint64 start,
                 guint32 start_index, guint32 *count_out, PnRecordVisit each, gpointer user)
{
  guint64 at = start;
  guint32 index = start_index;
  g_autoptr (GByteArray) sealed = g_byte_array_new (), plain = g_byte_array_new ();
  for (PnRecordHead head; at + sizeof head < size; index++) {
    if (!read_at (fd, &head, sizeof head, at) || !pn_record_head_ok (&head, generation, index, size - at))
      break;
    g_byte_array_set_size (sealed, head.length + PN_RECORD_TAG);
    g_byte_array_set_size (plain, head.length);
    if (!read_at (fd, sealed->data, sealed->len, at + sizeof head)
        || !pn_record_open (key, &head, sealed->data, plain->data))
      break;
    if (each)
      each (&head, plain->data, user);
    at += pn_record_size (head.length);
  }
  *count_out = index;
  return at;
}

int
pn_journal_open_bell (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "JOURNAL.BEL", NULL);
  if (mkfifo (path, 0600) < 0 && errno != EEXIST) {
    pn_journal_set_error (error, errno, path, "cannot make the bell");
    return -1;
  }
  /* Both ends by both sides: so it never matters who comes first. */
  int fd = open (path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    pn_journal_set_error (error, errno, path, "cannot open the bell");
  return fd;
}
