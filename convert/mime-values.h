/* What the X-Postern-... fields say: "name=value;name=value".  Values are percent encoded, so that no reader
 * or relay has anything to fold, decode or mend; blanks mean nothing, so the line can be folded anywhere. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

typedef struct {
  GString *text;
} PnValues;

/* Begins a set of values. */
void pn_values_begin (PnValues *self);
/* Adds NAME, unless VALUE is NULL. */
void pn_values_add (PnValues *self, const char *name, const char *value);
void pn_values_add_number (PnValues *self, const char *name, gint64 number);
/* Adds NAME, if TIME is set. */
void pn_values_add_time (PnValues *self, const char *name, const PnTime *time);
/* Adds the native names and the Internet address, but not the display name. */
void pn_values_add_address (PnValues *self, const PnAddress *address);
/* Appends the values to OUT as the header field FIELD. */
void pn_values_end (PnValues *self, GString *out, const char *field);

/* The values of a field: name to value, both owned.  Caller releases. */
GHashTable *pn_values_parse (const char *text);
/* A copy of the value, or NULL.  Caller frees. */
char *pn_values_take (GHashTable *values, const char *name);
/* The value as a number, or MISSING if there is none. */
gint64 pn_values_get_number (GHashTable *values, const char *name, gint64 missing);
/* The value as a time, which is unset if there is none. */
PnTime pn_values_get_time (GHashTable *values, const char *name);
/* An address of the values, with its name; empty if they have none.  Caller frees. */
PnAddress *pn_values_get_address (GHashTable *values);

G_END_DECLS
