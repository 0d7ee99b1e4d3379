/* The keyword text that both carriers of a native message have in common. */
#pragma once

#include "convert/fields.h"
#include "convert/native.h"

G_BEGIN_DECLS

enum {
  PN_HEAD_MAX = 16 * 1024 * 1024, /* bytes of keyword text */
  PN_HEAD_MAX_PARTS = 100000
};

/* A part as Pn-Part declares it. */
typedef struct {
  PnPart *part; /* without content */
  guint64 size;
  guint8 digest[32];
  const char *current_file; /* API file: where it lies; else NULL */
  char *what;               /* "part 2 (report.pdf)" */
} PnDeclaredPart;

/* What was read, and what only the reader of a carrier can use. */
typedef struct {
  PnMessage *message;
  PnKeywordFile *file;
  const char *text;    /* borrowed: what FILE was parsed from */
  GPtrArray *declared; /* PnDeclaredPart */
  GHashTable *to;      /* recipients to deliver to, by address */
  gboolean ordered;    /* the recipients carry their places */
  GArray *places;      /* int, one per recipient */
  PnTime begin, end;   /* Begin-Time, and End-Time or Due-Date */
  const char *location, *from_text, *msg_file, *msg_char;
  const PnKeyword *attach_file;
} PnHead;

/* Parses TEXT, which must be UTF-8 and stay there as long as the result is used. */
PnHead *pn_head_read (const char *text, gsize length, GError **error);
void pn_head_free (PnHead *self);
PnMessage *pn_head_steal_message (PnHead *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnHead, pn_head_free)

/* Appends everything but the parts and -END-.  With MIRROR, All-To and All-To-CC name those to deliver to as
 * well, as other readers of API files expect. */
void pn_head_write (GString *out, const PnMessage *message, gboolean mirror);
/* Appends Pn-Part.  FILE_NAMES: of each part in the API file, or NULL. */
gboolean pn_head_write_parts (GString *out, PnMessage *message, const char *const *file_names,
                              GError **error);
/* "part 2 (report.pdf)".  Caller frees. */
char *pn_part_what (const PnPart *part, guint number);

G_END_DECLS
