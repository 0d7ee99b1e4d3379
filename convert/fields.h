/* The fields of a message and the keywords they are written with: one table per structure, from which
 * writing, reading and comparing are done, so that no field can be forgotten in one of them. */
#pragma once

#include "convert/keyword.h"
#include "convert/message.h"
#include "convert/words.h"

G_BEGIN_DECLS

typedef enum {
  PN_FIELD_TEXT,          /* char *; NULL is not written */
  PN_FIELD_INT,           /* int; not written when it is the field's fallback */
  PN_FIELD_BOOL,          /* gboolean; written when TRUE */
  PN_FIELD_WORD,          /* an enumeration, by PnWords; not written when it is the fallback */
  PN_FIELD_WORD_ALWAYS,   /* the same, always written */
  PN_FIELD_WORDS,         /* guint of flags, by PnWords */
  PN_FIELD_TIME,          /* PnTime */
  PN_FIELD_SECONDS,       /* gint64 since 1970 */
  PN_FIELD_CALENDAR_TIME, /* PnCalendarTime */
  PN_FIELD_ADDRESS,       /* PnAddress *: a group of its own */
  PN_FIELD_HERE,          /* pointer to a structure whose fields stand among the others */
  PN_FIELD_RECORD,        /* pointer to a structure: a group */
  PN_FIELD_LIST,          /* GPtrArray of structures: a list of groups */
  PN_FIELD_TEXTS          /* GPtrArray of char *: a list of groups with one Item each */
} PnFieldKind;

typedef struct PnRecordType PnRecordType;

enum {
  PN_FIELD_TRANSPORT = 1 << 0 /* belongs to the journey, not to what the message says */
};

typedef struct {
  PnNameId id;
  PnFieldKind kind;
  gsize offset;
  gint64 fallback;          /* of INT, WORD */
  const PnWord *words;      /* of WORD, WORDS: ends with a NULL word */
  const PnRecordType *type; /* of HERE, RECORD, LIST */
  guint flags;
} PnField;

struct PnRecordType {
  const char *what; /* for differences: "recipient" */
  const PnField *fields;
  guint n_fields;
  gpointer (*create) (void);
  void (*destroy) (gpointer record);
};

extern const PnRecordType pn_message_type, pn_part_type, pn_recipient_type, pn_address_type, pn_calendar_type;

/* Appends the fields of RECORD at nesting LEVEL. */
void pn_fields_write (GString *out, guint level, const PnRecordType *type, gconstpointer record);
void pn_field_write (GString *out, guint level, const PnField *field, gconstpointer record);

/* Sets what KEYWORD says in RECORD, if it is one of the fields of TYPE: returns whether it is.  A value that
 * is not of its kind is added to PROBLEMS (GPtrArray of PnLoss). */
gboolean pn_field_read (const PnRecordType *type, gpointer record, const PnKeyword *keyword,
                        GPtrArray *problems);
void pn_fields_read (const PnRecordType *type, gpointer record, const PnKeyword *first, GPtrArray *problems);

/* The field of TYPE that ID names, or NULL. */
const PnField *pn_field_find (const PnRecordType *type, PnNameId id);

/* An address as it stands in the group ENTRY, or in short in TEXT. */
PnAddress *pn_address_from_entry (const PnKeyword *first, GPtrArray *problems);
PnAddress *pn_address_from_string (const char *text);
/* The addresses of a keyword, whether groups or strings; TEXT is what was parsed. */
GPtrArray *pn_addresses_from_keyword (const PnKeyword *keyword, const char *text, GPtrArray *problems);

/* Fills TO, which is new, with copies of the fields of FROM. */
void pn_fields_copy (const PnRecordType *type, gpointer to, gconstpointer from);

/* Compares two records field by field.  EXACT: NULL and "" differ, and fields of the transport count. */
gboolean pn_fields_equal (const PnRecordType *type, gconstpointer a, gconstpointer b, gboolean exact,
                          char **difference);
/* As pn_message_equivalent(), but with every field and the id. */
gboolean pn_message_identical (PnMessage *a, PnMessage *b, char **difference, GError **error);

G_END_DECLS
