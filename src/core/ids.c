#include "core/ids.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

/* The second and third group of an id tell processes apart, the fourth the messages of one. */
static guint32 process;
static guint32 counter;

static void
seed (void)
{
  guint32 random[2];
  int ok = RAND_bytes ((guchar *) random, sizeof random);
  g_assert (ok == 1);
  process = random[0];
  g_atomic_int_set ((gint *) &counter, (gint) (random[1] & 0xffff));
}

char *
pn_id_new (void)
{
  static gsize once = 0;
  if (g_once_init_enter (&once)) {
    seed ();
    /* A forked child is another process. */
    pthread_atfork (NULL, NULL, seed);
    g_once_init_leave (&once, 1);
  }
  guint32 n = (guint32) g_atomic_int_add ((gint *) &counter, 1);
  return g_strdup_printf ("%08X.%04X.%04X.%08X", (guint32) (g_get_real_time () / G_USEC_PER_SEC),
                          process >> 16, process & 0xffff, n);
}

char *
pn_id_derive (const char *id, const char *what, const char *whom)
{
  g_autofree char *joined = g_strjoin ("\n", id, what, whom ? whom : "", NULL);
  guint8 digest[SHA256_DIGEST_LENGTH];
  SHA256 ((const guint8 *) joined, strlen (joined), digest);
  guint32 word[3];
  memcpy (word, digest, sizeof word);
  /* The time of the first one stays in front, so that ids sort and tell their age. */
  guint32 time = (guint32) g_ascii_strtoull (id, NULL, 16);
  return g_strdup_printf ("%08X.%04X.%04X.%08X%08X", time, word[0] >> 16, word[0] & 0xffff, word[1], word[2]);
}
