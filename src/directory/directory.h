/* The directory: WPDOMAIN.DB of the domain (who exists, where) and WPHOST.DB of each post office (the address
 * book its clients see, made again from the former).  One interface; the engine stays in this room. */
#pragma once

#include "convert/message.h"
#include "core/config.h"

G_BEGIN_DECLS

#define PN_DIRECTORY_ERROR (pn_directory_error_quark ())
GQuark pn_directory_error_quark (void);
typedef enum {
  PN_DIRECTORY_ERROR_UNKNOWN, /* no such object */
  PN_DIRECTORY_ERROR_EXISTS,
  PN_DIRECTORY_ERROR_AMBIGUOUS, /* an address that two objects answer to */
  PN_DIRECTORY_ERROR_INVALID,
  PN_DIRECTORY_ERROR_ENGINE /* database */
} PnDirectoryError;

typedef struct PnDirectory PnDirectory; /* usable from several threads; look-ups are answered from memory */

typedef struct {
  char *domain, *post_office, *user;
  char *fid;                      /* three characters, unique in the post office */
  char *given_name, *family_name; /* "" if none */
  char *internet;                 /* preferred Internet address, local@domain */
  char *title, *department, *phone, *fax;
  char *visibility; /* "System", "Domain", "Post Office", "None" */
  gboolean has_password;
} PnUser;

void pn_user_free (PnUser *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnUser, pn_user_free)
/* "Given Family", or whichever exists, else the user id.  Caller frees. */
char *pn_user_full_name (const PnUser *self);

/* WRITABLE: for administration (init, user); programs open it read-only and see changes when they are made.
 */
PnDirectory *pn_directory_open (const PnConfig *config, gboolean writable, GError **error);
void pn_directory_close (PnDirectory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnDirectory, pn_directory_close)

/* --- look-ups: results are the caller's to free --------------------------------------------------------- */

/* Exact native address; any case.  POST_OFFICE NULL: the only user of that name in the domain. */
PnUser *pn_directory_find_user (PnDirectory *self, const char *post_office, const char *user, GError **error);
/* An Internet address of one of our domains.  The first of these that somebody answers to counts, and it is
 * AMBIGUOUS when two do: an alias or a preferred address; the encapsulated IMCEAGWISE-domain.po.user; then
 * the formats that [directory] address-formats allows: user, user.po, user.po.domain, first.last and
 * last.first, initial and last name together.  If none matches, "+detail" is cut off and all are tried again;
 * postmaster always exists as long as there is a user.  Any case; an underscore is a blank.  An address
 * without "@" is one of ours.  UNKNOWN, AMBIGUOUS. */
PnUser *pn_directory_resolve (PnDirectory *self, const char *internet, GError **error);
/* The same question without the answer's details: for RCPT TO. */
gboolean pn_directory_accepts (PnDirectory *self, const char *internet, GError **error);
/* Whether the domain part of INTERNET is ours. */
gboolean pn_directory_is_local (PnDirectory *self, const char *internet);
GPtrArray *pn_directory_list_users (PnDirectory *self, const char *post_office /* or NULL */, GError **error);
/* Fills what ADDRESS lacks: native from Internet address or the reverse, and the display name.  FALSE, no
 * error: it is a foreign one. */
gboolean pn_directory_complete (PnDirectory *self, PnAddress *address);
/* Checks a password (scrypt; takes tens of milliseconds).  USER is an id or an Internet address. */
PnUser *pn_directory_authenticate (PnDirectory *self, const char *user, const char *password, GError **error);

/* --- administration ------------------------------------------------------------------------------------- */

gboolean pn_directory_create (const PnConfig *config, GError **error); /* WPDOMAIN.DB and WPHOST.DB, empty */
/* FID is made if NULL.  PASSWORD may be NULL. */
gboolean pn_directory_add_user (PnDirectory *self, const PnUser *user, const char *password, GError **error);
gboolean pn_directory_set_password (PnDirectory *self, const char *post_office, const char *user,
                                    const char *password, GError **error);
gboolean pn_directory_delete_user (PnDirectory *self, const char *post_office, const char *user,
                                   GError **error);
/* Changes names, phone, visibility and the preferred address to those of USER; id, post office and FID stay.
 */
gboolean pn_directory_change_user (PnDirectory *self, const PnUser *user, GError **error);

/* Another name of a user: a local part, or a whole address of one of our domains.  TYPE NULL: that of
 * [directory] alias-type, the only one that counts when addresses are resolved; others are kept for other
 * gateways. */
gboolean pn_directory_add_alias (PnDirectory *self, const char *post_office, const char *user,
                                 const char *type, const char *name, GError **error);
gboolean pn_directory_delete_alias (PnDirectory *self, const char *type, const char *name, GError **error);

typedef struct {
  char *type, *name, *post_office, *user;
} PnAlias;

void pn_alias_free (PnAlias *self);
GPtrArray *pn_directory_list_aliases (PnDirectory *self, GError **error); /* PnAlias, by type and name */

/* Makes every WPHOST.DB again from WPDOMAIN.DB.  Every change does this by itself; this is for a post office
 * that was restored or added. */
gboolean pn_directory_rebuild_hosts (PnDirectory *self, GError **error);

G_END_DECLS
