/* Configuration: DIR/postern.conf, a key file, and the directories that follow from it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *name; /* post office, as in addresses */
  char *path; /* its directory */
} PnPostOfficeConfig;

typedef struct {
  char *root;              /* absolute path of DIR */
  char *domain;            /* native domain name */
  char *internet_domain;   /* first Internet domain: used in addresses we write */
  char **internet_domains; /* every Internet domain we take mail for */
  char *host;              /* our own host name (HELO, Received, Message-ID) */
  char *timezone;          /* IANA name; floating times and dates without offset */
  char *postmaster;        /* local part or address that gets operator mail; "postmaster" */
  GPtrArray *post_offices; /* PnPostOfficeConfig */
  GKeyFile *file;          /* everything else: read with pn_config_string() and friends */
} PnConfig;

#define PN_CONFIG_ERROR (pn_config_error_quark ())
GQuark pn_config_error_quark (void);
typedef enum { PN_CONFIG_ERROR_MISSING, PN_CONFIG_ERROR_INVALID } PnConfigError;

/* Reads DIR/postern.conf.  Unknown groups or keys are PN_CONFIG_ERROR_INVALID with file, group, key and the
 * nearest known name. */
PnConfig *pn_config_load (const char *dir, GError **error);
void pn_config_free (PnConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnConfig, pn_config_free)

/* The directory to use: DIR if given, else $POSTERN_DIR, else the current one.  Caller frees. */
char *pn_config_find_dir (const char *dir);

/* Settings of one table (name, type, default, unit, help) in config.c, from which the sample file, the checks
 * and postern.conf(5) are made.  Asking for a name that is not in the table is a programming error. */
const char *pn_config_string (const PnConfig *self, const char *group,
                              const char *key); /* borrowed, never NULL */
gint64 pn_config_integer (const PnConfig *self, const char *group, const char *key);
gboolean pn_config_boolean (const PnConfig *self, const char *group, const char *key);
/* The text of a commented sample postern.conf with the given values.  Caller frees. */
char *pn_config_sample (const char *domain, const char *post_office, const char *internet_domain);

/* Paths.  Caller frees. */
char *pn_config_domain_path (const PnConfig *self, const char *below);  /* DIR/<domain>/BELOW */
char *pn_config_gateway_path (const PnConfig *self, const char *below); /* DIR/<domain>/WPGATE/GWIA/BELOW */
char *pn_config_post_office_path (const PnConfig *self, const char *post_office,
                                  const char *below); /* NULL if unknown */
char *pn_config_key_path (const PnConfig *self);      /* DIR/postern.key */

G_END_DECLS
