/* Dates of API files that name no offset: they are in the zone of the gateway's domain. */
#include "convert/api.h"
#include "convert/ical.h"

#include <string.h>

static const char *const date_names[]
    = { "Date-Sent",  "Begin-Time", "End-Time", "Start-Time", "Distribute-Date",
        "Respond-By", "Time",       "Date",     NULL };

typedef struct {
  const char *text, *zone;
  GString *out; /* TEXT so far, with what was put in */
  gsize copied; /* of TEXT */
} Zoner;

/* Minutes east of UTC in the zone at the wall clock WALL (seconds as if it were UTC). */
static gboolean
offset_at (const char *zone, gint64 wall, int *offset)
{
  PnCalendarTime time = { 0 };
  gint64 instant;
  gboolean ok = pn_timezone_from_unix ("UTC", wall, &time)
                && pn_timezone_to_unix (zone, time.year, time.month, time.day, time.hour, time.minute,
                                        time.second, &instant);
  if (ok)
    *offset = (int) ((wall - instant) / 60);
  pn_calendar_time_clear (&time);
  return ok;
}

static void
add_offset (Zoner *self, const PnKeyword *keyword)
{
  gint64 wall, other;
  int offset, ignored;
  gsize end = keyword->raw_end;
  /* A default that makes a difference is one that the text leaves open. */
  if (!keyword->value || !pn_keyword_parse_date (keyword->value, 0, &wall, &ignored)
      || !pn_keyword_parse_date (keyword->value, 60, &other, &ignored) || wall == other)
    return;
  while (end > keyword->raw && g_ascii_isspace (self->text[end - 1]))
    end--;
  if (end <= self->copied || !g_ascii_isdigit (self->text[end - 1]) || !offset_at (self->zone, wall, &offset))
    return;
  g_string_append_len (self->out, self->text + self->copied, (gssize) (end - self->copied));
  g_string_append_printf (self->out, " %c%02d:%02d", offset < 0 ? '-' : '+', ABS (offset) / 60,
                          ABS (offset) % 60);
  self->copied = end;
}

static void
go (Zoner *self, const PnKeyword *first)
{
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next) {
    for (guint i = 0; date_names[i]; i++)
      if (pn_keyword_is (keyword, date_names[i]))
        add_offset (self, keyword);
    for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next)
      go (self, entry->first);
  }
}

char *
pn_api_add_offsets (const char *text, gsize *length, const char *zone)
{
  g_autoptr (PnKeywordFile) file = pn_keyword_parse (text, *length, NULL);
  if (!file)
    return NULL;
  Zoner zoner = { text, zone, g_string_sized_new (*length + 64), 0 };
  go (&zoner, file->first);
  g_string_append_len (zoner.out, text + zoner.copied, (gssize) (*length - zoner.copied));
  *length = zoner.out->len;
  return g_string_free (zoner.out, FALSE);
}
