/* What the files that make iTIP messages share. */
#pragma once

#include "convert/itip-private.h"

G_BEGIN_DECLS

/* Sets ERROR; always FALSE. */
gboolean pn_itip_refuse (GError **error, const char *reason);
/* A message of METHOD about PARTS. */
PnMessage *pn_itip_message (PnItipItem *self, PnMethod method, GPtrArray *parts, const PnItipContext *context,
                            GError **error);
/* The same, added to OUT. */
gboolean pn_itip_say (PnItipItem *self, PnMethod method, GPtrArray *parts, const PnItipContext *context,
                      GPtrArray *out, GError **error);
/* The component for RECURRENCE, made if it is an instance; NULL with ERROR set. */
PnItipPart *pn_itip_part_for (PnItipItem *self, const char *recurrence, GError **error);
void pn_itip_set_text (PnItipPart *part, const char *name, const char *text);
void pn_itip_change_part (PnItipItem *self, PnItipPart *part, const PnItipChange *change);

G_END_DECLS
