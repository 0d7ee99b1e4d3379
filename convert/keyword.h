/* The keyword grammar of API files and of the head of queue files: text to a tree and back.
 *
 * Lexical rules: postern-message(5).  Reading takes what the known writers produce (LF or CRLF, folded
 * values, missing group ends, ',' where ';' belongs after a flag); writing follows the strict form. */
#pragma once

#include "convert/bytes.h"

G_BEGIN_DECLS

typedef struct PnKeyword PnKeyword;

struct PnKeyword {
  char *name;          /* as written; compare with pn_keyword_is() */
  char *value;         /* unescaped, or NULL for a flag or a group */
  GPtrArray *entries;  /* of a group: GPtrArray of PnKeyword per list entry (usually one entry), else NULL */
  guint line, column;  /* where it begins, from 1 */
};

gboolean pn_keyword_is (const PnKeyword *self, const char *name);

typedef struct {
  GPtrArray *keywords; /* PnKeyword, top level, in order */
  gsize end;           /* bytes up to and including the line of -END- */
} PnKeywordFile;

void pn_keyword_file_free (PnKeywordFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnKeywordFile, pn_keyword_file_free)

/* Parses TEXT up to -END-.  Errors are PN_CONVERT_ERROR_SYNTAX or _TRUNCATED (no -END-), with "line L
 * column C: reason". */
PnKeywordFile *pn_keyword_parse (const char *text, gsize length, GError **error);

/* First top-level keyword NAME (any case), or NULL; and within one entry of a group. */
const PnKeyword *pn_keyword_find (const GPtrArray *keywords, const char *name);
const char *pn_keyword_value (const GPtrArray *keywords, const char *name); /* its value, or NULL */

/* Writing: each call appends to OUT at nesting LEVEL (four blanks each), CRLF line ends, values escaped. */
void pn_keyword_write (GString *out, guint level, const char *name, const char *value);
void pn_keyword_write_flag (GString *out, guint level, const char *name, gboolean semicolon);
void pn_keyword_open_group (GString *out, guint level, const char *name);
void pn_keyword_next_entry (GString *out, guint level); /* between two entries of a list */
void pn_keyword_close_group (GString *out, guint level);
/* Escapes backslash, ',' and ';', and writes line breaks as folds that reading restores. */
char *pn_keyword_escape (const char *value);

/* Dates of 8.3 of the keyword language: "DD/MM/YYYY HH:MM:SS +HH:MM". */
char *pn_keyword_format_date (gint64 unix_time, int offset_minutes);
/* DEFAULT_OFFSET (minutes) is taken when the text has none. */
gboolean pn_keyword_parse_date (const char *text, int default_offset, gint64 *unix_time, int *offset_minutes);

G_END_DECLS
