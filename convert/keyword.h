/* The keyword grammar of API files and of the head of queue files: text to a tree and back.
 *
 * Lexical rules: postern-message(5).  Reading takes what the known writers produce (LF or CRLF, folded
 * values, missing group ends, ',' where ';' belongs after a flag); writing follows the strict form. */
#pragma once

#include "convert/bytes.h"
#include "convert/keyword-names.h"

G_BEGIN_DECLS

typedef struct PnKeyword PnKeyword;
typedef struct PnKeywordEntry PnKeywordEntry;

/* Everything here belongs to the PnKeywordFile and lives as long as it. */
struct PnKeyword {
  const char *name;        /* as written; a flag with its hyphens; compare with pn_keyword_is() */
  PnNameId id;             /* PN_NAME_UNKNOWN if the name is none of the language */
  const char *value;       /* unescaped, or NULL for a flag or a group */
  PnKeywordEntry *entries; /* of a group: its list entries (usually one), else NULL */
  PnKeyword *next;
  gsize offset;       /* where the name begins in the text */
  gsize raw, raw_end; /* what stands between '=' and the closing ';', still escaped */
};

struct PnKeywordEntry {
  PnKeyword *first; /* NULL in an empty entry */
  PnKeywordEntry *next;
};

/* Whether the keyword has that NAME, in any case. */
gboolean pn_keyword_is (const PnKeyword *self, const char *name);

typedef struct {
  PnKeyword *first; /* top level, in order */
  gsize end;        /* bytes up to and including the line of -END- */
  gpointer memory;  /* private */
} PnKeywordFile;

void pn_keyword_file_free (PnKeywordFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnKeywordFile, pn_keyword_file_free)

/* Parses TEXT up to -END-.  Errors are PN_CONVERT_ERROR_SYNTAX, _LIMIT or _TRUNCATED (no -END-), with "line L
 * column C: reason". */
PnKeywordFile *pn_keyword_parse (const char *text, gsize length, GError **error);

/* Line and column, from 1, of OFFSET in TEXT. */
void pn_keyword_locate (const char *text, gsize offset, guint *line, guint *column);

/* The first keyword NAME (any case) in the list that begins with FIRST, or NULL; and its value, or NULL. */
const PnKeyword *pn_keyword_find (const PnKeyword *first, const char *name);
const char *pn_keyword_value (const PnKeyword *first, const char *name);

/* Writing: each call appends to OUT at nesting LEVEL (four blanks each), CRLF line ends, values escaped. */
void pn_keyword_write (GString *out, guint level, const char *name, const char *value);
void pn_keyword_write_quoted (GString *out, guint level, const char *name, const char *value);
void pn_keyword_write_flag (GString *out, guint level, const char *name, gboolean semicolon);
void pn_keyword_open_group (GString *out, guint level, const char *name);
void pn_keyword_next_entry (GString *out, guint level); /* between two entries of a list */
void pn_keyword_close_group (GString *out, guint level);
/* RAW as in PnExtraKeyword (NULL: a flag).  What is not of the grammar is written as a value. */
void pn_keyword_write_raw (GString *out, const char *name, const char *raw);
/* What stands between '=' and the closing ';' of KEYWORD, which was parsed from TEXT, for
 * pn_keyword_write_raw(); put in order where the writer had left out an end.  NULL for a flag.  Caller frees.
 */
char *pn_keyword_raw (const PnKeyword *keyword, const char *text);
/* Escapes backslash, ',' and ';', blanks at both ends, line breaks, control characters and bytes that are no
 * UTF-8, so that reading gives VALUE again.  Caller frees. */
char *pn_keyword_escape (const char *value);
/* The values of a list of strings ("a.b.c, d.e.f") in RAW of LENGTH bytes; commas that are escaped or quoted
 * do not separate.  Free with g_strfreev(). */
char **pn_keyword_split (const char *raw, gsize length);

/* Dates: "DD/MM/YYYY HH:MM:SS +HH:MM".  What lies outside the years 1 to 9999 becomes the nearest that can be
 * written.
 */
char *pn_keyword_format_date (gint64 unix_time, int offset_minutes);
/* DEFAULT_OFFSET (minutes) is taken when the text has none. */
gboolean pn_keyword_parse_date (const char *text, int default_offset, gint64 *unix_time, int *offset_minutes);

G_END_DECLS
