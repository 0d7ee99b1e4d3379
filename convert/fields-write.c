/* Writing records by their tables. */
#include "convert/fields.h"

#define MEMBER(type, record, field) (*(type const *) ((const char *) (record) + (field)->offset))

static void
write_time (GString *out, guint level, const char *name, gint64 unix_time, int offset)
{
  g_autofree char *date = pn_keyword_format_date (unix_time, offset);
  pn_keyword_write (out, level, name, date);
}

/* "2024-05-01T10:00:00 1714550400 date floating zone=Europe/Berlin": the zone last, since it may hold
 * anything. */
static void
write_calendar_time (GString *out, guint level, const char *name, const PnCalendarTime *time)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_printf (text, "%04d-%02d-%02dT%02d:%02d:%02d %" G_GINT64_FORMAT, time->year, time->month,
                   time->day, time->hour, time->minute, time->second, time->unix_time);
  if (time->is_date)
    g_string_append (text, " date");
  if (time->floating)
    g_string_append (text, " floating");
  if (time->tzid)
    g_string_append_printf (text, " zone=%s", time->tzid);
  pn_keyword_write (out, level, name, text->str);
}

static void
write_words (GString *out, guint level, const PnField *field, guint value)
{
  const char *separator = "";
  if (value == 0)
    return;
  /* a list, whose commas separate: they must not be escaped */
  pn_keyword_write (out, level, pn_name_text (field->id), "");
  g_string_truncate (out, out->len - 3);
  for (const PnWord *word = field->words; word->word; word++)
    if (value & word->value) {
      g_string_append_printf (out, "%s%s", separator, word->word);
      value &= ~word->value;
      separator = ", ";
    }
  g_string_append (out, ";\r\n");
}

static void
write_group (GString *out, guint level, const char *name, const PnRecordType *type, gconstpointer record)
{
  pn_keyword_open_group (out, level, name);
  pn_fields_write (out, level + 1, type, record);
  pn_keyword_close_group (out, level);
}

static void
write_list (GString *out, guint level, const PnField *field, const GPtrArray *list)
{
  if (list->len == 0)
    return;
  pn_keyword_open_group (out, level, pn_name_text (field->id));
  for (guint i = 0; i < list->len; i++) {
    if (i > 0)
      pn_keyword_next_entry (out, level);
    if (field->kind == PN_FIELD_TEXTS)
      pn_keyword_write (out, level + 1, pn_name_text (PN_NAME_ITEM), list->pdata[i]);
    else
      pn_fields_write (out, level + 1, field->type, list->pdata[i]);
  }
  pn_keyword_close_group (out, level);
}

static void
write_word (GString *out, guint level, const PnField *field, guint value)
{
  const char *word = pn_word_of (field->words, value);
  pn_keyword_write (out, level, pn_name_text (field->id), word ? word : field->words->word);
}

static void
write_number (GString *out, guint level, const char *name, int number)
{
  char text[16];
  g_snprintf (text, sizeof text, "%d", number);
  pn_keyword_write (out, level, name, text);
}

/* What is reached by a pointer that may be NULL. */
static void
write_pointed (GString *out, guint level, const PnField *field, gconstpointer target)
{
  const char *name = pn_name_text (field->id);
  if (!target)
    return;
  switch (field->kind) {
  case PN_FIELD_TEXT:
    pn_keyword_write (out, level, name, target);
    break;
  case PN_FIELD_ADDRESS:
    write_group (out, level, name, &pn_address_type, target);
    break;
  case PN_FIELD_RECORD:
    write_group (out, level, name, field->type, target);
    break;
  case PN_FIELD_HERE:
    pn_fields_write (out, level, field->type, target);
    break;
  default: /* LIST, TEXTS */
    write_list (out, level, field, target);
  }
}

void
pn_field_write (GString *out, guint level, const PnField *field, gconstpointer record)
{
  const char *name = pn_name_text (field->id);
  switch (field->kind) {
  case PN_FIELD_INT:
    if (MEMBER (int, record, field) != field->fallback)
      write_number (out, level, name, MEMBER (int, record, field));
    break;
  case PN_FIELD_BOOL:
    if (MEMBER (gboolean, record, field))
      pn_keyword_write (out, level, name, "Yes");
    break;
  case PN_FIELD_WORD:
    if (MEMBER (guint, record, field) != field->fallback)
      write_word (out, level, field, MEMBER (guint, record, field));
    break;
  case PN_FIELD_WORD_ALWAYS:
    write_word (out, level, field, MEMBER (guint, record, field));
    break;
  case PN_FIELD_WORDS:
    write_words (out, level, field, MEMBER (guint, record, field));
    break;
  case PN_FIELD_TIME:
    if (MEMBER (PnTime, record, field).set)
      write_time (out, level, name, MEMBER (PnTime, record, field).unix_time,
                  MEMBER (PnTime, record, field).offset);
    break;
  case PN_FIELD_SECONDS:
    write_time (out, level, name, MEMBER (gint64, record, field), 0);
    break;
  case PN_FIELD_CALENDAR_TIME:
    if (MEMBER (PnCalendarTime, record, field).set)
      write_calendar_time (out, level, name, &MEMBER (PnCalendarTime, record, field));
    break;
  default:
    write_pointed (out, level, field, MEMBER (gconstpointer, record, field));
  }
}

void
pn_fields_write (GString *out, guint level, const PnRecordType *type, gconstpointer record)
{
  for (guint i = 0; i < type->n_fields; i++)
    pn_field_write (out, level, &type->fields[i], record);
}
