/* The samples of TNEF, for the tests that read them. */
#pragma once

#include <string.h>

#include "convert/tnef.h"

#define ZONE "Europe/Berlin"
#define UID                                                                                                  \
  "040000008200E00074C5B7101A82E008000000000040E0580EA9DC01000000000000000010000000"                         \
  "000102030405060708090A0B0C0D0E0F"

static inline GBytes *
load (const char *kind, const char *name)
{
  g_autofree char *path = g_build_filename (SRCDIR, "samples", kind, name, NULL);
  char *data;
  gsize length;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (path, &data, &length, &error))
    g_error ("%s", error->message);
  return g_bytes_new_take (data, length);
}

static inline PnMessage *
read_bytes (GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  PnMessage *message = pn_message_new (PN_TYPE_MAIL);
  g_assert_true (pn_tnef_read (message, bytes, ZONE, &error));
  g_assert_no_error (error);
  return message;
}

static inline PnMessage *
read_sample (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".tnef", NULL);
  g_autoptr (GBytes) bytes = load ("tnef", file);
  return read_bytes (bytes);
}

static inline guint
count_files (const PnMessage *message)
{
  guint n = 0;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    n += part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE;
  }
  return n;
}

static inline gboolean
has_loss (const PnMessage *message, const char *where, const char *reason)
{
  for (guint i = 0; i < message->losses->len; i++) {
    const PnLoss *loss = message->losses->pdata[i];
    if (strstr (loss->part, where) && strstr (loss->reason, reason))
      return TRUE;
  }
  return FALSE;
}

static inline char *
content_of (const PnPart *part)
{
  g_assert_nonnull (part);
  g_autoptr (GBytes) bytes = pn_content_read (part->content, G_MAXINT, NULL);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  return g_strndup (data, length);
}

#define assert_content(part, text)                                                                           \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    g_autofree char *content_ = content_of (part);                                                           \
    g_assert_cmpstr (content_, ==, (text));                                                                  \
  }                                                                                                          \
  G_STMT_END
