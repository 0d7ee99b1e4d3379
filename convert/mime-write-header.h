/* Header fields of a message that is composed: folding (RFC 5322), encoded words (RFC 2047), parameters (RFC
 * 2231). Private to the writing half of the MIME code. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* Lines are folded at 78 columns where a blank allows it; no line is ever longer than 998. */
#define PN_FIELD_COLUMNS 78
#define PN_FIELD_LINE_MAX 998

/* One field under way: tokens are joined by one blank, or by a fold where the line would be too long. */
typedef struct {
  GString *out; /* borrowed */
  gsize line;   /* where the line begins in OUT */
  gboolean fresh;
} PnWriteField;

/* Begins the field NAME at the end of OUT; adds a token to it. */
void pn_field_begin (PnWriteField *self, GString *out, const char *name);
void pn_field_token (PnWriteField *self, const char *token);
/* TEXT right behind the last token. */
void pn_field_glue (PnWriteField *self, const char *text);
void pn_field_end (PnWriteField *self);

/* A display name or the name of a group. */
void pn_field_phrase (PnWriteField *self, const char *name);
/* ADDRESS as "Name <addr-spec>".  DEFAULT_DOMAIN makes an addr-spec of a native address. */
void pn_field_address (PnWriteField *self, const PnAddress *address, const char *default_domain);
/* TEXT as encoded words; in a PHRASE fewer characters may stand for themselves. */
void pn_field_words (PnWriteField *self, const char *text, gboolean phrase);
/* "; NAME=VALUE": token, quoted string, or RFC 2231 where neither can carry it. */
void pn_field_parameter (PnWriteField *self, const char *name, const char *value);
/* The same with quoted RFC 2047 words instead of RFC 2231, which is what Outlook reads in Content-Type. */
void pn_field_parameter_words (PnWriteField *self, const char *name, const char *value);
/* PARAMETERS ("; a=b; c=d") as they were kept, but those whose name is in EXCEPT (NULL terminated). */
void pn_field_parameters (PnWriteField *self, const char *parameters, const char *const *except);

/* Whole fields.  Text of any kind; line breaks in it become blanks. */
void pn_field_text (GString *out, const char *name, const char *text);
/* VALUE is printable ASCII and is folded at its blanks, never encoded. */
void pn_field_plain (GString *out, const char *name, const char *value);
void pn_field_date (GString *out, const char *name, gint64 unix_time, int offset);
/* Message ids (char * without brackets), each in brackets. */
void pn_field_ids (GString *out, const char *name, char *const *ids, gsize n);

/* "Mon, 02 Jan 2006 15:04:05 +0100".  Caller frees. */
char *pn_field_format_date (gint64 unix_time, int offset);
/* The addr-spec for ADDRESS: its Internet address, or one made of its native parts; "unknown@address.invalid" if
 * there is neither, or it is too long for a line.  Caller frees. */
char *pn_field_addr_spec (const PnAddress *address, const char *default_domain);
/* Whether the addr-spec can only be written in a message that needs SMTPUTF8. */
gboolean pn_field_is_ascii (const char *text);

G_END_DECLS
