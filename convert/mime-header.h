/* The grammar of header fields: unfolding, encoded words (RFC 2047), parameters (RFC 2231), addresses, dates,
 * message ids.  All of it takes what is really sent; nothing here fails or takes more than linear time. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* What the readers of one message's fields share. */
typedef struct {
  const char *charset; /* of undeclared 8-bit that is no UTF-8; NULL: windows-1252 */
  gsize damaged;       /* counts: byte sequences that became U+FFFD */
} PnHeaderContext;

typedef struct {
  const char *name; /* borrowed from the header */
  gsize name_length;
  const char *value; /* raw, behind the colon; with folds, without the last line end */
  gsize value_length;
} PnHeaderField;

/* The beginning of the line behind that at P, or END. */
const char *pn_next_line (const char *p, const char *end);
/* Steps through the fields between *CURSOR and END; lines that are no field are passed over. */
gboolean pn_header_next (const char **cursor, const char *end, PnHeaderField *field);
/* Whether the line of LENGTH bytes begins a field; then *NAME_LENGTH and *VALUE (offset) are set. */
gboolean pn_header_is_field (const char *line, gsize length, gsize *name_length, gsize *value);
gboolean pn_header_name_is (const PnHeaderField *field, const char *name);

/* The value as a person reads it: unfolded, encoded words decoded, UTF-8, no control character that could
 * break a line, no blanks around it.  Caller frees. */
char *pn_header_decode (const char *raw, gsize length, PnHeaderContext *context);

typedef struct {
  char *name; /* lower case, without the marks of RFC 2231 */
  char *value;
} PnHeaderParam;

typedef struct {
  char *value;   /* lower case: "text/plain", "attachment"; may be empty */
  GArray *array; /* PnHeaderParam */
  gboolean more; /* there were more than are taken */
} PnHeaderParams;

/* A field of a value and parameters (Content-Type, Content-Disposition).  CONTEXT is not NULL. */
PnHeaderParams *pn_header_parse_params (const char *raw, gsize length, PnHeaderContext *context);
void pn_header_params_free (PnHeaderParams *self);
const char *pn_header_params_get (const PnHeaderParams *self,
                                  const char *name); /* or NULL; SELF may be NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnHeaderParams, pn_header_params_free)

/* A file name without path, reserved and control characters, at most 240 bytes.  NULL if nothing is left.
 * *CHANGED says whether that differs from NAME.  Caller frees. */
char *pn_header_clean_file_name (const char *name, gboolean *changed);

typedef struct {
  PnAddress *address; /* owned; ->internet NULL if there was a name only */
  char *group;        /* owned; or NULL */
} PnMailbox;

/* The addresses of an address list, appended to MAILBOXES (GArray of PnMailbox), at most LIMIT in it.  FALSE
 * if there were more. */
gboolean pn_header_parse_addresses (const char *raw, gsize length, PnHeaderContext *context,
                                    GArray *mailboxes, guint limit);
/* An empty array whose elements are freed with it. */
GArray *pn_mailboxes_new (void);

/* RFC 5322 dates, obsolete and wrong forms included, and ISO 8601. */
gboolean pn_header_parse_date (const char *raw, gsize length, PnTime *time);

/* The message ids (without brackets) in a field, appended to IDS (char *). */
void pn_header_parse_ids (const char *raw, gsize length, GPtrArray *ids);

/* Whether ID has the form of our own native message ids (src/core/ids.h). */
gboolean pn_header_is_native_id (const char *id);

G_END_DECLS
