/* What reading and writing of cards share. */
#pragma once

#include "convert/ical-private.h"
#include "convert/keyword.h"
#include "convert/vcard.h"

G_BEGIN_DECLS

/* What an entry of the Address Book has a field for. */
typedef enum {
  PN_VCARD_NAME,
  PN_VCARD_LAST_NAME,
  PN_VCARD_FIRST_NAME,
  PN_VCARD_TITLE,
  PN_VCARD_DEPARTMENT,
  PN_VCARD_DESCRIPTION,
  PN_VCARD_PHONE,
  PN_VCARD_FAX,
  PN_VCARD_INTERNET,
  PN_VCARD_N_FIELDS
} PnVcardField;

extern const PnNameId pn_vcard_keywords[PN_VCARD_N_FIELDS];

/* A line of a card, in the form of version 3.0. */
typedef struct {
  char *group;      /* or NULL */
  char *name;       /* upper case */
  char *parameters; /* "TYPE=home;PREF=1", or NULL */
  char *value;      /* escaped */
} PnVcardLine;

void pn_vcard_line_free (PnVcardLine *self);
/* NULL if LINE is none.  The group and parameters as they stand. */
PnVcardLine *pn_vcard_line_parse (const char *line);
char *pn_vcard_line_to_string (const PnVcardLine *self);
/* Value of the parameter NAME, or NULL. */
char *pn_vcard_line_parameter (const PnVcardLine *self, const char *name);
gboolean pn_vcard_line_has_type (const PnVcardLine *self, const char *type);
void pn_vcard_line_set_parameter (PnVcardLine *self, const char *name, const char *value);

/* The parts of a structured value, escaped as they are.  Free with g_strfreev(). */
char **pn_vcard_divide (const char *value);
char *pn_vcard_unescape (const char *value);
char *pn_vcard_escape (const char *text);

/* The line of LINES (PnVcardLine) that says FIELD, or NULL; and the text of it. */
PnVcardLine *pn_vcard_find (const GPtrArray *lines, PnVcardField field);
char *pn_vcard_get (const GPtrArray *lines, PnVcardField field);

G_END_DECLS
