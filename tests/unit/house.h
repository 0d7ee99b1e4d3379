/* A small house in a temporary directory, for tests of what works on directories. */
#pragma once

#include "core/config.h"
#include "core/file.h"
#include "core/seal.h"
#include "directory/directory.h"
#include "queue/queue.h"
#include "store/store.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *root;
  PnConfig *config;
  PnKey *key;
} House;

static inline void
house_queue (const House *self, const char *post_office, const char *below)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = pn_config_post_office_path (self->config, post_office, below);
  g_autoptr (PnQueue) queue = pn_queue_open (path, &error);
  g_assert_no_error (error);
}

static inline void
house_add_user (const House *self, const char *post_office, const char *name, const char *fid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PnDirectory) directory = pn_directory_open (self->config, TRUE, &error);
  g_assert_no_error (error);
  g_autoptr (PnUser) user = g_new0 (PnUser, 1);
  user->domain = g_strdup (self->config->domain);
  user->post_office = g_strdup (post_office);
  user->user = g_strdup (name);
  user->fid = g_strdup (fid);
  user->visibility = g_strdup ("System");
  pn_directory_add_user (directory, user, NULL, &error);
  g_assert_no_error (error);
}

/* Domain HQ, post office NORTH, Internet domain north.example; users anna (aaa), bert (bbb), carl (ccc). */
static inline House *
house_new (void)
{
  g_autoptr (GError) error = NULL;
  House *self = g_new0 (House, 1);
  self->root = g_dir_make_tmp ("postern-house-XXXXXX", &error);
  g_assert_no_error (error);
  g_autofree char *conf = g_build_filename (self->root, "postern.conf", NULL);
  g_autofree char *text = pn_config_sample ("HQ", "NORTH", "north.example");
  g_assert_true (g_file_set_contents (conf, text, -1, NULL));
  self->config = pn_config_load (self->root, &error);
  g_assert_no_error (error);
  g_autofree char *key_path = pn_config_key_path (self->config);
  self->key = pn_key_create (key_path, &error);
  g_assert_no_error (error);
  house_queue (self, "NORTH", "WPCSIN");
  house_queue (self, "NORTH", "WPCSOUT/OFS");
  pn_store_create (self->config, "NORTH", &error);
  g_assert_no_error (error);
  pn_directory_create (self->config, &error);
  g_assert_no_error (error);
  house_add_user (self, "NORTH", "anna", "aaa");
  house_add_user (self, "NORTH", "bert", "bbb");
  house_add_user (self, "NORTH", "carl", "ccc");
  return self;
}

static inline int
house_remove_one (const char *path, const struct stat *st, int flag, struct FTW *where)
{
  (void) st, (void) flag, (void) where;
  return remove (path);
}

static inline void
house_free (House *self)
{
  nftw (self->root, house_remove_one, 32, FTW_DEPTH | FTW_PHYS);
  pn_config_free (self->config);
  pn_key_unref (self->key);
  g_free (self->root);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (House, house_free)

/* Paths in FOLDER that end in SUFFIX. */
static inline GPtrArray *
house_list (const char *folder, const char *suffix)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name (dir));)
    if (g_str_has_suffix (name, suffix))
      g_ptr_array_add (paths, g_build_filename (folder, name, NULL));
  if (dir)
    g_dir_close (dir);
  return paths;
}

#define WAIT_FOR(condition)                                                                                  \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    gint64 end_ = g_get_monotonic_time () + 15 * G_USEC_PER_SEC;                                             \
    while (!(condition)) {                                                                                   \
      g_assert_cmpint (g_get_monotonic_time (), <, end_);                                                    \
      g_usleep (10000);                                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  G_STMT_END
