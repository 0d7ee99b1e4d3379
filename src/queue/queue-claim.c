#include "queue/queue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC "PNCLAIM1"
#define SLOTS 1023
/* A key of which nothing was heard for so long is gone. */
#define FORGET_AFTER (14 * 86400)

enum { FREE, BUSY, REMEMBERED };

typedef struct {
  char key[PN_CLAIM_KEY];
  guint32 state;
  guint32 attempts;
  gint64 time; /* of the last attempt that ended in death, seconds */
} Slot;

typedef struct {
  char magic[8];
  guint8 reserved[sizeof (Slot) - 8];
  Slot slots[SLOTS];
} Map;

struct PnClaims {
  GMutex lock;
  Map *map;
  GHashTable *remembered; /* key in the map -> slot number + 1 */
  guint free[SLOTS];
  guint n_free;
};

static void
forget_slot (PnClaims *self, guint slot)
{
  __atomic_store_n (&self->map->slots[slot].state, FREE, __ATOMIC_RELEASE);
  self->free[self->n_free++] = slot;
}

/* What the last run left. */
static void
take_over (PnClaims *self, gboolean after_crash)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  for (guint i = SLOTS; i-- > 0;) {
    Slot *slot = &self->map->slots[i];
    slot->key[PN_CLAIM_KEY - 1] = '\0';
    if (slot->state == BUSY && after_crash) {
      slot->attempts++;
      slot->time = now;
    }
    gboolean keep = (slot->state == BUSY || slot->state == REMEMBERED) && slot->attempts > 0
                    && slot->attempts < 1000 && now - slot->time < FORGET_AFTER
                    && !g_hash_table_contains (self->remembered, slot->key);
    if (!keep) {
      slot->attempts = 0;
      forget_slot (self, i);
      continue;
    }
    slot->state = REMEMBERED;
    g_hash_table_insert (self->remembered, slot->key, GUINT_TO_POINTER (i + 1));
  }
}

/* The file with all its room: a hole would be SIGBUS on a full disk. */
static int
open_whole (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int errnum = fd < 0 ? errno : posix_fallocate (fd, 0, sizeof (Map));
  if (errnum == 0)
    return fd;
  if (fd >= 0)
    close (fd);
  pn_queue_set_error (error, errnum, path, "cannot make the file of claims");
  return -1;
}

gboolean
pn_claims_reserve (const char *path, GError **error)
{
  int fd = open_whole (path, error);
  if (fd < 0)
    return FALSE;
  close (fd);
  return TRUE;
}

PnClaims *
pn_claims_open (const char *path, gboolean after_crash, GError **error)
{
  int fd = open_whole (path, error);
  if (fd < 0)
    return NULL;
  Map *map = mmap (NULL, sizeof (Map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int errnum = errno;
  close (fd);
  if (map == MAP_FAILED) {
    pn_queue_set_error (error, errnum, path, "cannot map the claims");
    return NULL;
  }
  if (memcmp (map->magic, MAGIC, sizeof map->magic) != 0) {
    memset (map, 0, sizeof *map);
    memcpy (map->magic, MAGIC, sizeof map->magic);
  }
  PnClaims *self = g_new0 (PnClaims, 1);
  g_mutex_init (&self->lock);
  self->map = map;
  self->remembered = g_hash_table_new (g_str_hash, g_str_equal);
  take_over (self, after_crash);
  return self;
}

void
pn_claims_free (PnClaims *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->remembered);
  munmap (self->map, sizeof (Map));
  g_mutex_clear (&self->lock);
  g_free (self);
}

static guint
find (PnClaims *self, const char *key)
{
  if (g_hash_table_size (self->remembered) == 0)
    return PN_CLAIM_NONE;
  guint found = GPOINTER_TO_UINT (g_hash_table_lookup (self->remembered, key));
  return found ? found - 1 : PN_CLAIM_NONE;
}

guint
pn_claims_attempts (PnClaims *self, const char *key)
{
  g_mutex_lock (&self->lock);
  guint slot = find (self, key);
  guint attempts = slot == PN_CLAIM_NONE ? 0 : self->map->slots[slot].attempts;
  g_mutex_unlock (&self->lock);
  return attempts;
}

guint
pn_claims_busy (PnClaims *self, const char *key)
{
  g_mutex_lock (&self->lock);
  guint slot = find (self, key);
  if (slot == PN_CLAIM_NONE && self->n_free > 0) {
    slot = self->free[--self->n_free];
    g_strlcpy (self->map->slots[slot].key, key, PN_CLAIM_KEY);
    self->map->slots[slot].attempts = 0;
  }
  if (slot != PN_CLAIM_NONE)
    __atomic_store_n (&self->map->slots[slot].state, BUSY, __ATOMIC_RELEASE);
  g_mutex_unlock (&self->lock);
  return slot;
}

void
pn_claims_idle (PnClaims *self, guint slot)
{
  if (slot >= SLOTS)
    return;
  g_mutex_lock (&self->lock);
  if (self->map->slots[slot].attempts > 0)
    __atomic_store_n (&self->map->slots[slot].state, REMEMBERED, __ATOMIC_RELEASE);
  else
    forget_slot (self, slot);
  g_mutex_unlock (&self->lock);
}

void
pn_claims_forget (PnClaims *self, const char *key)
{
  g_mutex_lock (&self->lock);
  guint slot = find (self, key);
  if (slot != PN_CLAIM_NONE) {
    g_hash_table_remove (self->remembered, self->map->slots[slot].key);
    self->map->slots[slot].attempts = 0;
    forget_slot (self, slot);
  }
  g_mutex_unlock (&self->lock);
}
