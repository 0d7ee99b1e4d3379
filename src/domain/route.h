/* Where a message goes: its recipients against the directory. */
#pragma once

#include "directory/directory.h"

G_BEGIN_DECLS

typedef struct {
  gboolean *offices;  /* by number in config->post_offices: some recipient is there */
  gboolean gateway;   /* some recipient is on the Internet */
  guint n_deliver;    /* recipients this file has to reach */
  guint n_unknown;    /* of them, those nobody knows */
  GPtrArray *reports; /* PnStatusReport: of the unknown ones, those whose sender is to be told */
  gboolean readdress; /* a recipient's native address was found here only: the file must be written anew with
                         it, as the post office looks for native addresses alone */
} PnRoute;

/* Completes the native addresses of MESSAGE's recipients on the way. */
PnRoute *pn_route_find (const PnConfig *config, PnDirectory *directory, PnMessage *message);
void pn_route_free (PnRoute *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnRoute, pn_route_free)

/* The Undeliverable status to the sender of MESSAGE, with the same id each time it is made; takes the
 * reports.  To a Search of the house it is a Search without busy blocks.  NULL if there is nobody to tell, or
 * MESSAGE is itself a status or an answer. */
PnMessage *pn_route_undeliverable (PnRoute *self, PnDirectory *directory, const PnMessage *message);

G_END_DECLS
