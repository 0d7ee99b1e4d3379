/* A message as it goes out: as MIME, as mail before MIME, or sealed for another Postern. */
#pragma once

#include "agent/agent-private.h"

G_BEGIN_DECLS

typedef enum {
  PN_FORM_MIME,
  PN_FORM_MIME_YEARS, /* zones of several years: [agent] zone-years-domains */
  PN_FORM_BASIC,
  PN_FORM_NATIVE,
  PN_FORM_LAST
} PnForm;

/* Media type of the attachment that holds the sealed queue file. */
#define PN_NATIVE_CARRIER_TYPE "application/x-postern-message"

/* Another Postern that gets native messages: [agent] native-peers. */
typedef struct {
  char *domain; /* Internet domain */
  PnKey *key;   /* that the two share */
} PnPeer;

gboolean pn_agent_load_peers (PnAgent *self, GError **error);

/* What the mail server of DOMAIN is sent; *PEER is set for PN_FORM_NATIVE, borrowed. */
PnForm pn_agent_form (const PnAgent *self, const PnMessage *message, const char *domain, const PnPeer **peer);

typedef struct {
  PnForm form;
  PnMessage *message; /* borrowed: what is written */
  PnMessage *carrier; /* owned: the mail around a native message, or NULL */
  GByteArray *bytes;  /* the mail, unless it is too large to be kept */
  gboolean kept;
  guint64 size;
  gboolean eight_bit;
  gboolean utf8_header; /* it needs SMTPUTF8 */
} PnComposed;

/* Composes MESSAGE, which must outlive the result. */
PnComposed *pn_composed_new (PnAgent *agent, PnMessage *message, PnForm form, const PnPeer *peer,
                             GError **error);
gboolean pn_composed_write (const PnComposed *self, PnAgent *agent, PnSink *sink, GError **error);
void pn_composed_free (PnComposed *self);

/* The native message that MAIL (taken) carries, if it comes from a peer and can be opened with the key that
 * we share; else MAIL. */
PnMessage *pn_agent_unwrap_native (PnAgent *self, PnMessage *mail, const char *mail_from);

G_END_DECLS
