/* Reading records by their tables, and addresses in all their forms. */
#include "convert/fields.h"

#include <string.h>

#define MAX_INSTANT (G_GINT64_CONSTANT (86400) * 366 * 10000)
#define MEMBER(type, record, field) (*(type *) ((char *) (record) + (field)->offset))

G_GNUC_PRINTF (3, 4)
static void
add_problem (GPtrArray *problems, const char *where, const char *format, ...)
{
  PnLoss *loss = g_new0 (PnLoss, 1);
  loss->part = g_strdup_printf ("keyword %s", where);
  va_list arguments;
  va_start (arguments, format);
  loss->reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_ptr_array_add (problems, loss);
}

static void
take_text (char **member, const char *text)
{
  g_free (*member);
  *member = g_strdup (text);
}

static void
read_int (const PnKeyword *keyword, const char *text, int *number, GPtrArray *problems)
{
  char *end;
  gint64 value = g_ascii_strtoll (text, &end, 10);
  if (end == text || *end || value < G_MININT || value > G_MAXINT)
    add_problem (problems, keyword->name, "\"%s\" is no number", text);
  else
    *number = value;
}

static gboolean
read_date (const PnKeyword *keyword, const char *text, gint64 *seconds, int *offset, GPtrArray *problems)
{
  if (pn_keyword_parse_date (text, 0, seconds, offset))
    return TRUE;
  if (*text)
    add_problem (problems, keyword->name, "\"%s\" is no date", text);
  return FALSE;
}

/* The numbers of a calendar time; whoever reckons with it does not ask again whether they can be. */
static const struct {
  char before;
  gint64 min, max;
} time_parts[] = { { '\0', -9999, 9999 },
                   { '-', 1, 12 },
                   { '-', 1, 31 },
                   { 'T', 0, 24 },
                   { ':', 0, 60 },
                   { ':', 0, 60 },
                   { ' ', -MAX_INSTANT, MAX_INSTANT } };

/* Returns what is behind them; NULL if they are none. */
static const char *
read_numbers (const char *text, gint64 numbers[G_N_ELEMENTS (time_parts)])
{
  for (guint i = 0; i < G_N_ELEMENTS (time_parts); i++) {
    if (i > 0 && *text++ != time_parts[i].before)
      return NULL;
    char *end;
    numbers[i] = g_ascii_strtoll (text, &end, 10);
    if (end == text || numbers[i] < time_parts[i].min || numbers[i] > time_parts[i].max)
      return NULL;
    text = end;
  }
  return text;
}

static void
read_calendar_time (const PnKeyword *keyword, const char *text, PnCalendarTime *time, GPtrArray *problems)
{
  gint64 numbers[G_N_ELEMENTS (time_parts)];
  const char *p = read_numbers (text, numbers);
  pn_calendar_time_clear (time);
  if (!p) {
    add_problem (problems, keyword->name, "\"%s\" is no time", text);
    return;
  }
  *time = (PnCalendarTime){ .year = (int) numbers[0],
                            .month = (int) numbers[1],
                            .day = (int) numbers[2],
                            .hour = (int) numbers[3],
                            .minute = (int) numbers[4],
                            .second = (int) numbers[5],
                            .unix_time = numbers[6] };
  time->set = TRUE;
  if (g_str_has_prefix (p, " date")) {
    time->is_date = TRUE;
    p += strlen (" date");
  }
  if (g_str_has_prefix (p, " floating")) {
    time->floating = TRUE;
    p += strlen (" floating");
  }
  if (g_str_has_prefix (p, " zone="))
    time->tzid = g_strdup (p + strlen (" zone="));
}

static void
read_words (const PnKeyword *keyword, const PnField *field, guint *flags, GPtrArray *problems)
{
  g_auto (GStrv) words = g_strsplit (keyword->value ? keyword->value : "", ",", -1);
  *flags = 0;
  for (guint i = 0; words[i]; i++) {
    const char *word = g_strstrip (words[i]);
    guint value = pn_word_find (field->words, word, 0);
    if (value == 0 && *word && g_ascii_strcasecmp (word, "None") != 0)
      add_problem (problems, keyword->name, "\"%s\" is no word of it", word);
    *flags |= value;
  }
}

static void
read_word (const PnKeyword *keyword, const PnField *field, guint *value, GPtrArray *problems)
{
  const char *text = keyword->value ? keyword->value : "";
  guint found = pn_word_find (field->words, text, G_MAXUINT);
  if (found == G_MAXUINT)
    add_problem (problems, keyword->name, "\"%s\" is no word of it", text);
  else
    *value = found;
}

static gpointer
read_record (const PnRecordType *type, const PnKeyword *first, GPtrArray *problems)
{
  gpointer record = type->create ();
  pn_fields_read (type, record, first, problems);
  return record;
}

static void
read_list (const PnField *field, GPtrArray *list, const PnKeyword *keyword, GPtrArray *problems)
{
  if (!keyword->entries) { /* an empty list is not written: this is one entry with nothing in it */
    if (field->kind == PN_FIELD_LIST && keyword->value && !*keyword->value)
      g_ptr_array_add (list, read_record (field->type, NULL, problems));
    return;
  }
  for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next)
    if (field->kind == PN_FIELD_LIST)
      g_ptr_array_add (list, read_record (field->type, entry->first, problems));
    else {
      const char *item = pn_keyword_value (entry->first, pn_name_text (PN_NAME_ITEM));
      g_ptr_array_add (list, g_strdup (item ? item : ""));
    }
}

/* What is reached by a pointer. */
static void
read_pointed (const PnField *field, gpointer *member, const PnKeyword *keyword, GPtrArray *problems)
{
  const PnKeyword *first = keyword->entries ? keyword->entries->first : NULL;
  switch (field->kind) {
  case PN_FIELD_ADDRESS:
    pn_address_free (*member);
    *member = keyword->entries ? pn_address_from_entry (first, problems)
                               : pn_address_from_string (keyword->value ? keyword->value : "");
    break;
  case PN_FIELD_RECORD:
    if (*member)
      field->type->destroy (*member);
    *member = read_record (field->type, first, problems);
    break;
  default: /* LIST, TEXTS */
    read_list (field, *member, keyword, problems);
  }
}

static void
read_field (const PnField *field, gpointer record, const PnKeyword *keyword, GPtrArray *problems)
{
  const char *text = keyword->value ? keyword->value : "";
  PnTime *time;
  int ignored;
  switch (field->kind) {
  case PN_FIELD_TEXT:
    take_text (&MEMBER (char *, record, field), text);
    break;
  case PN_FIELD_INT:
    read_int (keyword, text, &MEMBER (int, record, field), problems);
    break;
  case PN_FIELD_BOOL:
    MEMBER (gboolean, record, field) = g_ascii_strcasecmp (text, "Yes") == 0;
    break;
  case PN_FIELD_WORD:
  case PN_FIELD_WORD_ALWAYS:
    read_word (keyword, field, &MEMBER (guint, record, field), problems);
    break;
  case PN_FIELD_WORDS:
    read_words (keyword, field, &MEMBER (guint, record, field), problems);
    break;
  case PN_FIELD_TIME:
    time = &MEMBER (PnTime, record, field);
    time->set = read_date (keyword, text, &time->unix_time, &time->offset, problems);
    break;
  case PN_FIELD_SECONDS:
    read_date (keyword, text, &MEMBER (gint64, record, field), &ignored, problems);
    break;
  case PN_FIELD_CALENDAR_TIME:
    read_calendar_time (keyword, text, &MEMBER (PnCalendarTime, record, field), problems);
    break;
  default:
    read_pointed (field, &MEMBER (gpointer, record, field), keyword, problems);
  }
}

const PnField *
pn_field_find (const PnRecordType *type, PnNameId id)
{
  if (id != PN_NAME_UNKNOWN)
    for (guint i = 0; i < type->n_fields; i++)
      if (type->fields[i].id == id)
        return &type->fields[i];
  return NULL;
}

gboolean
pn_field_read (const PnRecordType *type, gpointer record, const PnKeyword *keyword, GPtrArray *problems)
{
  const PnField *field = pn_field_find (type, keyword->id);
  if (field) {
    read_field (field, record, keyword, problems);
    return TRUE;
  }
  for (guint i = 0; i < type->n_fields; i++) {
    field = &type->fields[i];
    if (field->kind != PN_FIELD_HERE)
      continue;
    gpointer *target = &MEMBER (gpointer, record, field);
    if (!*target)
      *target = field->type->create ();
    if (pn_field_read (field->type, *target, keyword, problems))
      return TRUE;
  }
  return FALSE;
}

void
pn_fields_read (const PnRecordType *type, gpointer record, const PnKeyword *first, GPtrArray *problems)
{
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next)
    pn_field_read (type, record, keyword, problems);
  for (guint i = 0; i < type->n_fields; i++) /* a record with nothing in it still has its inner one */
    if (type->fields[i].kind == PN_FIELD_HERE && !MEMBER (gpointer, record, &type->fields[i]))
      MEMBER (gpointer, record, &type->fields[i]) = type->fields[i].type->create ();
}
