#include "cmd/view.h"

#include "core/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* --- opening --- */

gboolean
pn_view_open (PnView *self, const char *dir, const char *user)
{
  g_autoptr (GError) error = NULL;
  if (!pn_cmd_open (dir, &self->config, &self->key))
    return FALSE;
  if (pn_trace_open (self->config, "mailbox", &error))
    self->mailbox = pn_mailbox_open (self->config, self->key, user, &error);
  if (self->mailbox)
    return TRUE;
  fprintf (stderr, "%s: %s\n", g_get_prgname (), error->message);
  return FALSE;
}

void
pn_view_close (PnView *self)
{
  g_clear_pointer (&self->mailbox, pn_mailbox_close);
  g_clear_pointer (&self->key, pn_key_unref);
  g_clear_pointer (&self->config, pn_config_free);
  pn_trace_flush ();
}

gboolean
pn_view_parse_number (const char *text, gint64 *number)
{
  char *end = NULL;
  *number = g_ascii_strtoll (text, &end, 10);
  if (*text && !*end && *number > 0)
    return TRUE;
  fprintf (stderr, "%s: '%s' is not the number of an item\n", g_get_prgname (), text);
  return FALSE;
}

/* --- the terminal --- */

static gboolean
wants_colour (void)
{
  static int wants = -1;
  if (wants < 0) {
    const char *term = g_getenv ("TERM");
    const char *no = g_getenv ("NO_COLOR");
    wants = isatty (STDOUT_FILENO) && !(no && *no) && term && strcmp (term, "dumb") != 0;
  }
  return wants;
}

const char *
pn_view_style (PnStyle style)
{
  static const char *const codes[] = {
    [PN_STYLE_PLAIN] = "\033[0m", [PN_STYLE_BOLD] = "\033[1m",   [PN_STYLE_DIM] = "\033[2m",
    [PN_STYLE_RED] = "\033[31m",  [PN_STYLE_GREEN] = "\033[32m", [PN_STYLE_YELLOW] = "\033[33m",
  };
  return wants_colour () ? codes[style] : "";
}

guint
pn_view_columns (void)
{
  struct winsize size;
  if (!isatty (STDOUT_FILENO))
    return 0;
  return ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
}

static gboolean
is_harmful (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)
         || c == 0x200e || c == 0x200f || c == 0xfeff;
}

char *
pn_view_clean (const char *text, gboolean lines)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);
  GString *out = g_string_sized_new (strlen (valid));
  for (const char *p = valid; *p; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    if (c == '\n' && lines)
      g_string_append_c (out, '\n');
    else if (c == '\t' || c == '\n')
      g_string_append_c (out, c == '\t' && lines ? '\t' : ' ');
    else if (!is_harmful (c))
      g_string_append_unichar (out, c);
  }
  return g_string_free (out, FALSE);
}

static guint
char_width (gunichar c)
{
  return g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
}

void
pn_view_cell (GString *out, const char *text, guint width)
{
  g_autofree char *clean = pn_view_clean (text, FALSE);
  guint used = 0;
  if (width == 0) {
    g_string_append (out, clean);
    return;
  }
  guint whole = 0;
  for (const char *p = clean; *p; p = g_utf8_next_char (p))
    whole += char_width (g_utf8_get_char (p));
  guint room = whole > width ? width - 1 : width;
  for (const char *p = clean; *p; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    if (used + char_width (c) > room)
      break;
    g_string_append_unichar (out, c);
    used += char_width (c);
  }
  if (whole > width) {
    g_string_append (out, "…");
    used++;
  }
  for (; used < width; used++)
    g_string_append_c (out, ' ');
}

/* --- words --- */

static char *
format_time (gint64 unix_time, const char *zone_name, const char *format)
{
  g_autoptr (GTimeZone) zone = zone_name ? g_time_zone_new_identifier (zone_name) : NULL;
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (unix_time);
  if (!utc)
    return g_strdup ("?");
  g_autoptr (GDateTime) there = zone ? g_date_time_to_timezone (utc, zone) : g_date_time_ref (utc);
  return g_date_time_format (there, format);
}

char *
pn_view_time (gint64 unix_time, const char *zone_name)
{
  return format_time (unix_time, zone_name, "%Y-%m-%d %H:%M");
}

char *
pn_view_when (const PnItem *item, const char *site_timezone)
{
  g_autoptr (GTimeZone) known = item->timezone ? g_time_zone_new_identifier (item->timezone) : NULL;
  const char *zone = known ? item->timezone : site_timezone;
  if (item->start == 0 && item->end == 0)
    return NULL;
  /* A task may have nothing but the day it is due. */
  gint64 start = item->start ? item->start : item->end;
  gint64 end = item->end > start ? item->end : start;
  if (item->all_day) {
    g_autofree char *first = format_time (start, zone, "%a %Y-%m-%d");
    g_autofree char *last = format_time (end > start ? end - 1 : end, zone, "%a %Y-%m-%d");
    return strcmp (first, last) == 0 ? g_steal_pointer (&first) : g_strdup_printf ("%s to %s", first, last);
  }
  g_autofree char *from = format_time (start, zone, "%a %Y-%m-%d %H:%M");
  g_autofree char *day = format_time (start, zone, "%Y-%m-%d");
  g_autofree char *last_day = format_time (end, zone, "%Y-%m-%d");
  g_autofree char *to
      = format_time (end, zone, strcmp (day, last_day) == 0 ? "-%H:%M" : " to %a %Y-%m-%d %H:%M");
  return g_strdup_printf ("%s%s %s", from, end > start ? to : "", zone ? zone : "UTC");
}

char *
pn_view_flags (guint flags)
{
  static const struct {
    guint flag;
    const char *word;
  } words[] = {
    { PN_ITEM_READ, "read" },
    { PN_ITEM_REPLIED, "replied" },
    { PN_ITEM_FORWARDED, "forwarded" },
    { PN_ITEM_ACCEPTED, "accepted" },
    { PN_ITEM_TENTATIVE, "tentative" },
    { PN_ITEM_DECLINED, "declined" },
    { PN_ITEM_COMPLETED, "completed" },
    { PN_ITEM_CANCELLED, "cancelled" },
    { PN_ITEM_PRIVATE, "private" },
    { PN_ITEM_HIGH, "high" },
    { PN_ITEM_LOW, "low" },
    { PN_ITEM_ATTACHMENTS, "attachments" },
    { PN_ITEM_UNSENT, "unsent" },
  };
  GString *out = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (flags & words[i].flag)
      g_string_append_printf (out, "%s%s", out->len > 0 ? "," : "", words[i].word);
  return g_string_free (out, FALSE);
}

const char *
pn_view_type (PnMessageType type)
{
  return type == PN_TYPE_APPOINTMENT ? "Appointment" : pn_message_type_to_string (type);
}

/* --- JSON --- */

void
pn_view_json_time (JsonBuilder *builder, const char *name, gint64 unix_time)
{
  g_autofree char *text = unix_time ? format_time (unix_time, NULL, "%Y-%m-%dT%H:%M:%SZ") : NULL;
  pn_json_text (builder, name, text);
}

static void
json_flags (JsonBuilder *builder, guint flags)
{
  g_autofree char *text = pn_view_flags (flags);
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  pn_json_list (builder, "flags");
  for (char **word = words; *word && **word; word++)
    json_builder_add_string_value (builder, *word);
  json_builder_end_array (builder);
}

void
pn_view_json_item (JsonBuilder *builder, const PnItem *item)
{
  pn_json_number (builder, "number", item->number);
  pn_json_text (builder, "id", item->id);
  pn_json_text (builder, "box", pn_box_name (item->box));
  /* The words of postern convert. */
  g_autofree char *type = g_ascii_strdown (pn_view_type (item->type), -1);
  pn_json_text (builder, "type", type);
  json_flags (builder, item->flags);
  pn_view_json_time (builder, "date", item->date);
  pn_view_json_time (builder, "delivered", item->delivered);
  pn_json_text (builder, "from", item->from);
  pn_json_text (builder, "to", item->to);
  pn_json_text (builder, "subject", item->subject);
  pn_json_number (builder, "size", (gint64) item->size);
  if (item->start == 0 && item->end == 0)
    return;
  pn_json_text (builder, "uid", item->uid);
  pn_json_text (builder, "instance", item->recurrence);
  pn_json_number (builder, "sequence", item->sequence);
  pn_json_text (builder, "method", pn_method_to_string (item->method));
  pn_view_json_time (builder, "start", item->start);
  pn_view_json_time (builder, "end", item->end);
  pn_json_text (builder, "timezone", item->timezone);
  pn_json_bool (builder, "all_day", item->all_day);
  pn_json_text (builder, "repeat", item->repeat);
  pn_json_text (builder, "place", item->place);
}
