/* Copying records by their tables. */
#include "convert/fields.h"

#define MEMBER(type, record, field) (*(type *) ((char *) (record) + (field)->offset))
#define SOURCE(type, record, field) (*(type const *) ((const char *) (record) + (field)->offset))

static gpointer
copy_record (const PnRecordType *type, gconstpointer from)
{
  gpointer to = type->create ();
  pn_fields_copy (type, to, from);
  return to;
}

static void
copy_list (const PnField *field, GPtrArray *to, const GPtrArray *from)
{
  for (guint i = 0; i < from->len; i++)
    g_ptr_array_add (to, field->kind == PN_FIELD_TEXTS ? g_strdup (from->pdata[i])
                                                       : copy_record (field->type, from->pdata[i]));
}

static void
copy_field (const PnField *field, gpointer to, gconstpointer from)
{
  switch (field->kind) {
  case PN_FIELD_TEXT:
    g_free (MEMBER (char *, to, field));
    MEMBER (char *, to, field) = g_strdup (SOURCE (char *, from, field));
    break;
  case PN_FIELD_INT:
  case PN_FIELD_BOOL:
  case PN_FIELD_WORD:
  case PN_FIELD_WORD_ALWAYS:
  case PN_FIELD_WORDS:
    MEMBER (guint, to, field) = SOURCE (guint, from, field);
    break;
  case PN_FIELD_TIME:
    MEMBER (PnTime, to, field) = SOURCE (PnTime, from, field);
    break;
  case PN_FIELD_SECONDS:
    MEMBER (gint64, to, field) = SOURCE (gint64, from, field);
    break;
  case PN_FIELD_CALENDAR_TIME:
    pn_calendar_time_copy (&MEMBER (PnCalendarTime, to, field), &SOURCE (PnCalendarTime, from, field));
    break;
  case PN_FIELD_ADDRESS:
    pn_address_free (MEMBER (PnAddress *, to, field));
    MEMBER (PnAddress *, to, field) = pn_address_copy (SOURCE (PnAddress *, from, field));
    break;
  case PN_FIELD_HERE:
  case PN_FIELD_RECORD:
    if (SOURCE (gpointer, from, field))
      MEMBER (gpointer, to, field) = copy_record (field->type, SOURCE (gpointer, from, field));
    break;
  case PN_FIELD_LIST:
  case PN_FIELD_TEXTS:
    copy_list (field, MEMBER (GPtrArray *, to, field), SOURCE (GPtrArray *, from, field));
  }
}

void
pn_fields_copy (const PnRecordType *type, gpointer to, gconstpointer from)
{
  for (guint i = 0; i < type->n_fields; i++)
    copy_field (&type->fields[i], to, from);
}
