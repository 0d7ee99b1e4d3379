#include "convert/keyword-names.h"

#include <string.h>

static const struct {
  const char *text;
  guint8 length, flags;
} names[PN_N_NAMES] = { [PN_NAME_UNKNOWN] = { "", 0, 0 },
#define PN_NAME_ROW(id, text, flags) [PN_NAME_##id] = { text, sizeof text - 1, flags },
                        PN_NAMES (PN_NAME_ROW)
#undef PN_NAME_ROW
};

enum { SLOTS = 512 };
G_STATIC_ASSERT (PN_N_NAMES < SLOTS / 2);

static guint
hash_name (const char *name, gsize length)
{
  guint hash = length;
  for (gsize i = 0; i < length; i++)
    hash = hash * 31 + (name[i] | 0x20); /* enough to make letters one case */
  return (hash ^ hash >> 9) % SLOTS;
}

static const guint8 *
get_slots (void)
{
  static guint8 slots[SLOTS];
  static gsize filled;
  if (g_once_init_enter (&filled)) {
    for (guint id = 1; id < PN_N_NAMES; id++) {
      guint at = hash_name (names[id].text, names[id].length);
      while (slots[at])
        at = (at + 1) % SLOTS;
      slots[at] = id;
    }
    g_once_init_leave (&filled, 1);
  }
  return slots;
}
G_STATIC_ASSERT (PN_N_NAMES <= 256);

PnNameId
pn_name_find (const char *name, gsize length)
{
  const guint8 *slots = get_slots ();
  for (guint at = hash_name (name, length); slots[at]; at = (at + 1) % SLOTS) {
    guint id = slots[at];
    if (names[id].length == length && g_ascii_strncasecmp (names[id].text, name, length) == 0)
      return id;
  }
  return PN_NAME_UNKNOWN;
}

const char *
pn_name_text (PnNameId id)
{
  return names[id].text;
}

guint
pn_name_flags (PnNameId id)
{
  return names[id].flags;
}
