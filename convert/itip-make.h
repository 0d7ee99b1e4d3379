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
/* A mail to a person about the calendar item in ABOUT.  Caller frees. */
PnMessage *pn_itip_mail (const PnMessage *about, const char *prefix, const char *sentence,
                         const char *comment);
/* ATTENDEE is the only one who gets MESSAGE. */
void pn_itip_only_to (PnMessage *message, const PnAddress *attendee);
void pn_itip_set_text (PnItipPart *part, const char *name, const char *text);
void pn_itip_change_part (PnItipItem *self, PnItipPart *part, const PnItipChange *change);

G_END_DECLS
