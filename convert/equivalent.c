/* Comparing messages, field by field. */
#include "convert/fields.h"
#include "convert/native.h"

#include <string.h>

#define MEMBER(type, record, field) (*(type const *) ((const char *) (record) + (field)->offset))

static gboolean
differ (char **difference, const char *where, const char *a, const char *b)
{
  if (difference && !*difference)
    *difference = g_strdup_printf ("%s: \"%s\" and \"%s\"", where, a ? a : "(none)", b ? b : "(none)");
  return FALSE;
}

static gboolean
differ_in_numbers (char **difference, const char *where, gint64 a, gint64 b)
{
  g_autofree char *first = g_strdup_printf ("%" G_GINT64_FORMAT, a);
  g_autofree char *second = g_strdup_printf ("%" G_GINT64_FORMAT, b);
  return differ (difference, where, first, second);
}

static gboolean
same_text (const char *a, const char *b, gboolean exact)
{
  if (!exact && (!a || !*a) && (!b || !*b))
    return TRUE;
  return g_strcmp0 (a, b) == 0;
}

static gboolean
same_calendar_time (const PnCalendarTime *a, const PnCalendarTime *b)
{
  if (!a->set || !b->set)
    return !a->set == !b->set;
  return a->is_date == b->is_date && a->floating == b->floating && a->year == b->year && a->month == b->month
         && a->day == b->day && a->hour == b->hour && a->minute == b->minute && a->second == b->second
         && a->unix_time == b->unix_time && g_strcmp0 (a->tzid, b->tzid) == 0;
}

static gboolean
same_list (const PnField *field, const GPtrArray *a, const GPtrArray *b, gboolean exact, const char *where,
           char **difference)
{
  if (a->len != b->len) {
    g_autofree char *counted = g_strconcat ("number of ", where, NULL);
    return differ_in_numbers (difference, counted, a->len, b->len);
  }
  for (guint i = 0; i < a->len; i++) {
    g_autofree char *inner = NULL;
    if (field->kind == PN_FIELD_TEXTS
            ? same_text (a->pdata[i], b->pdata[i], exact)
            : pn_fields_equal (field->type, a->pdata[i], b->pdata[i], exact, &inner))
      continue;
    if (difference && !*difference)
      *difference = field->kind == PN_FIELD_TEXTS ? g_strdup_printf (
                        "%s %u: \"%s\" and \"%s\"", where, i + 1, (char *) a->pdata[i], (char *) b->pdata[i])
                                                  : g_strdup_printf ("%s %u: %s", where, i + 1, inner);
    return FALSE;
  }
  return TRUE;
}

static gboolean
same_record (const PnRecordType *type, gconstpointer a, gconstpointer b, gboolean exact, const char *where,
             char **difference)
{
  if (!a || !b)
    return !a == !b || differ (difference, where, a ? "there" : NULL, b ? "there" : NULL);
  g_autofree char *inner = NULL;
  if (pn_fields_equal (type, a, b, exact, &inner))
    return TRUE;
  if (difference && !*difference)
    *difference = g_strdup_printf ("%s: %s", where, inner);
  return FALSE;
}

static gboolean
same_field (const PnField *field, gconstpointer a, gconstpointer b, gboolean exact, char **difference)
{
  const char *where = pn_name_text (field->id);
  const PnTime *x, *y;
  switch (field->kind) {
  case PN_FIELD_TEXT:
    return same_text (MEMBER (char *, a, field), MEMBER (char *, b, field), exact)
           || differ (difference, where, MEMBER (char *, a, field), MEMBER (char *, b, field));
  case PN_FIELD_INT:
  case PN_FIELD_WORD:
  case PN_FIELD_WORD_ALWAYS:
  case PN_FIELD_WORDS:
    return MEMBER (int, a, field) == MEMBER (int, b, field)
           || differ_in_numbers (difference, where, MEMBER (int, a, field), MEMBER (int, b, field));
  case PN_FIELD_BOOL:
    return !MEMBER (gboolean, a, field) == !MEMBER (gboolean, b, field)
           || differ_in_numbers (difference, where, MEMBER (int, a, field), MEMBER (int, b, field));
  case PN_FIELD_TIME:
    x = &MEMBER (PnTime, a, field);
    y = &MEMBER (PnTime, b, field);
    if (!x->set != !y->set)
      return differ (difference, where, x->set ? "a time" : NULL, y->set ? "a time" : NULL);
    if (x->set && x->offset != y->offset)
      return differ_in_numbers (difference, where, x->offset, y->offset);
    return !x->set || x->unix_time == y->unix_time
           || differ_in_numbers (difference, where, x->unix_time, y->unix_time);
  case PN_FIELD_SECONDS:
    return MEMBER (gint64, a, field) == MEMBER (gint64, b, field)
           || differ_in_numbers (difference, where, MEMBER (gint64, a, field), MEMBER (gint64, b, field));
  case PN_FIELD_CALENDAR_TIME:
    return same_calendar_time (&MEMBER (PnCalendarTime, a, field), &MEMBER (PnCalendarTime, b, field))
           || differ_in_numbers (difference, where, MEMBER (PnCalendarTime, a, field).unix_time,
                                 MEMBER (PnCalendarTime, b, field).unix_time);
  case PN_FIELD_ADDRESS:
    return same_record (&pn_address_type, MEMBER (gpointer, a, field), MEMBER (gpointer, b, field), exact,
                        where, difference);
  case PN_FIELD_HERE:
  case PN_FIELD_RECORD:
    return same_record (field->type, MEMBER (gpointer, a, field), MEMBER (gpointer, b, field), exact,
                        field->type->what, difference);
  case PN_FIELD_LIST:
  case PN_FIELD_TEXTS:
    return same_list (field, MEMBER (GPtrArray *, a, field), MEMBER (GPtrArray *, b, field), exact, where,
                      difference);
  }
  g_assert_not_reached ();
}

gboolean
pn_fields_equal (const PnRecordType *type, gconstpointer a, gconstpointer b, gboolean exact,
                 char **difference)
{
  for (guint i = 0; i < type->n_fields; i++)
    if ((exact || !(type->fields[i].flags & PN_FIELD_TRANSPORT))
        && !same_field (&type->fields[i], a, b, exact, difference))
      return FALSE;
  return TRUE;
}

static gboolean
same_recipients (const PnMessage *a, const PnMessage *b, gboolean exact, char **difference)
{
  if (a->recipients->len != b->recipients->len)
    return differ_in_numbers (difference, "number of recipients", a->recipients->len, b->recipients->len);
  for (guint i = 0; i < a->recipients->len; i++) {
    const PnRecipient *x = a->recipients->pdata[i], *y = b->recipients->pdata[i];
    g_autofree char *where = g_strdup_printf ("recipient %u", i + 1);
    if (x->distribution != y->distribution)
      return differ_in_numbers (difference, where, x->distribution, y->distribution);
    if (!x->listed != !y->listed || !x->deliver != !y->deliver)
      return differ (difference, where, x->listed ? "listed" : "not listed",
                     y->listed ? "listed" : "not listed");
    if (!same_record (&pn_recipient_type, x, y, exact, where, difference))
      return FALSE;
  }
  return TRUE;
}

static gboolean
same_content (PnContent *a, PnContent *b, const char *where, char **difference, GError **error)
{
  guint64 size_a, size_b;
  guint8 digest_a[32], digest_b[32];
  if (!a || !b)
    return !a == !b || differ (difference, where, a ? "content" : NULL, b ? "content" : NULL);
  if (!pn_content_measure (a, &size_a, digest_a, error) || !pn_content_measure (b, &size_b, digest_b, error))
    return FALSE;
  if (size_a != size_b)
    return differ_in_numbers (difference, where, size_a, size_b);
  return memcmp (digest_a, digest_b, 32) == 0 || differ (difference, where, "some bytes", "others");
}

static gboolean
same_parts (PnMessage *a, PnMessage *b, gboolean exact, char **difference, GError **error)
{
  if (a->parts->len != b->parts->len)
    return differ_in_numbers (difference, "number of parts", a->parts->len, b->parts->len);
  for (guint i = 0; i < a->parts->len; i++) {
    PnPart *x = a->parts->pdata[i], *y = b->parts->pdata[i];
    g_autofree char *where = g_strdup_printf ("part %u", i + 1);
    if (!same_record (&pn_part_type, x, y, exact, where, difference)
        || !same_content (x->content, y->content, where, difference, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
same_extra (const PnMessage *a, const PnMessage *b, char **difference)
{
  if (a->extra->len != b->extra->len)
    return differ_in_numbers (difference, "number of further keywords", a->extra->len, b->extra->len);
  for (guint i = 0; i < a->extra->len; i++) {
    const PnExtraKeyword *x = a->extra->pdata[i], *y = b->extra->pdata[i];
    if (strcmp (x->name, y->name) != 0)
      return differ (difference, "further keyword", x->name, y->name);
    if (g_strcmp0 (x->text, y->text) != 0)
      return differ (difference, x->name, x->text, y->text);
  }
  return TRUE;
}

/* The header lies in the skeleton too: one that was not restored from it says the same. */
static gboolean
header_is_in_skeleton (const PnMessage *a, const PnMessage *b)
{
  return (a->headers->len == 0 || b->headers->len == 0) && pn_message_get_part (a, PN_PART_SKELETON)
         && pn_message_get_part (b, PN_PART_SKELETON);
}

static gboolean
compare (PnMessage *a, PnMessage *b, gboolean exact, char **difference, GError **error)
{
  if (difference)
    *difference = NULL;
  if (a->type != b->type)
    return differ (difference, "Msg-Type", pn_message_type_to_string (a->type),
                   pn_message_type_to_string (b->type));
  for (guint i = 0; i < pn_message_type.n_fields; i++) {
    const PnField *field = &pn_message_type.fields[i];
    if (!exact && field->flags & PN_FIELD_TRANSPORT)
      continue;
    if (field->id == PN_NAME_PN_HEADER && header_is_in_skeleton (a, b))
      continue;
    if (!same_field (field, a, b, exact, difference))
      return FALSE;
  }
  return same_recipients (a, b, exact, difference) && same_extra (a, b, difference)
         && same_parts (a, b, exact, difference, error);
}

gboolean
pn_message_equivalent (PnMessage *a, PnMessage *b, char **difference, GError **error)
{
  return compare (a, b, FALSE, difference, error);
}

gboolean
pn_message_identical (PnMessage *a, PnMessage *b, char **difference, GError **error)
{
  return compare (a, b, TRUE, difference, error);
}
