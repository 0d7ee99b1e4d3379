/* ATTACH: a link, a file in base64, or a part of the mail named by its Content-ID. */
#include "convert/base64.h"
#include "convert/ical-writer.h"

#include <string.h>

#define LINK_TYPE "application/internet-shortcut"
#define MAX_LINKS 100
#define MAX_INLINE (16 * 1024 * 1024)

static GBytes *
decode (const char *value)
{
  gsize length = strlen (value);
  guint8 *data = g_malloc (length / 4 * 3 + 3 + PN_BASE64_SLACK);
  PnBase64Decoder decoder;
  pn_base64_decoder_init (&decoder);
  gsize size = pn_base64_decoder_push (&decoder, (const guint8 *) value, length, data);
  PnBase64Form form;
  size += pn_base64_decoder_finish (&decoder, data + size, &form);
  return g_bytes_new_take (data, size);
}

static char *
find_name (const PnIcalLine *line)
{
  static const char *const names[]
      = { "FILENAME", "X-FILENAME", "X-ORACLE-FILENAME", "X-LABEL", "X-APPLE-FILENAME", "ID" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    char *name = pn_ical_line_parameter (line, names[i]);
    if (name && *g_strstrip (name))
      return name;
    g_free (name);
  }
  return NULL;
}

static char *
find_type (const PnIcalLine *line, const char *name)
{
  g_autofree char *given = pn_ical_line_parameter (line, "FMTTYPE");
  if (given && strchr (g_strstrip (given), '/') && !strpbrk (given, " ;,\"<>"))
    return g_ascii_strdown (given, -1);
  gboolean html = name && (g_str_has_suffix (name, ".htm") || g_str_has_suffix (name, ".html"));
  return g_strdup (html ? "text/html" : "application/octet-stream");
}

/* GroupWise puts the HTML of the item there. */
static gboolean
take_body (PnIcalReader *reader, const char *name, GBytes *bytes)
{
  if (!name || (g_ascii_strcasecmp (name, "TEXT.htm") != 0 && g_ascii_strcasecmp (name, "TEXT.html") != 0))
    return FALSE;
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  if (!reader->html && length > 0) {
    gboolean utf8 = g_utf8_validate (data, (gssize) length, NULL);
    reader->html = utf8 ? g_strndup (data, length)
                        : g_convert (data, (gssize) length, "UTF-8", "WINDOWS-1252", NULL, NULL, NULL);
  }
  return TRUE;
}

static gboolean
take_file (PnIcalReader *reader, const PnIcalLine *line)
{
  g_autoptr (GBytes) bytes = decode (line->value);
  g_autofree char *name = find_name (line);
  if (g_bytes_get_size (bytes) == 0)
    return FALSE;
  if (take_body (reader, name, bytes))
    return TRUE;
  g_autofree char *type = find_type (line, name);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, type, pn_content_new_bytes (bytes));
  part->name = g_steal_pointer (&name);
  g_ptr_array_add (reader->files, part);
  return TRUE;
}

static char *
name_link (const PnIcalLine *line)
{
  g_autofree char *given = find_name (line);
  g_autofree char *path = g_strndup (line->value, strcspn (line->value, "?#"));
  while (g_str_has_suffix (path, "/"))
    path[strlen (path) - 1] = '\0';
  const char *last = strrchr (path, '/');
  const char *name = given ? given : last ? last + 1 : path;
  g_autofree char *plain = g_uri_unescape_string (name, "/");
  return g_strconcat (plain && *plain && g_utf8_validate (plain, -1, NULL) ? plain : "link", ".url", NULL);
}

static void
take_link (PnIcalReader *reader, const PnIcalLine *line)
{
  g_autofree char *text = g_strdup_printf ("[InternetShortcut]\r\nURL=%s\r\n", line->value);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, LINK_TYPE, pn_content_new_text (text, -1));
  part->name = name_link (line);
  part->content_location = g_strdup (line->value);
  g_ptr_array_add (reader->files, part);
}

void
pn_ical_read_attachment (PnIcalReader *reader, const PnIcalLine *line)
{
  gboolean encoded = pn_ical_line_parameter_is (line, "ENCODING", "BASE64")
                     || pn_ical_line_parameter_is (line, "ENCODING", "B")
                     || pn_ical_line_parameter_is (line, "VALUE", "BINARY");
  g_strstrip (line->value);
  if (encoded && strlen (line->value) > MAX_INLINE) {
    pn_message_add_loss (reader->message, "calendar", "line %u: the file in ATTACH is longer than %d MiB",
                         line->number, MAX_INLINE >> 20);
    return;
  }
  if (encoded && take_file (reader, line))
    return;
  static const char *const schemes[] = { "http:", "https:", "ftp:", "file:" };
  for (guint i = 0; !encoded && reader->files->len < MAX_LINKS && i < G_N_ELEMENTS (schemes); i++) {
    if (g_ascii_strncasecmp (line->value, schemes[i], strlen (schemes[i])) == 0
        && !strpbrk (line->value, "\r\n"))
      take_link (reader, line);
  }
  pn_ical_keep_property (reader, line);
}

gboolean
pn_ical_is_link (const PnMessage *message, const PnPart *part)
{
  if (!message->calendar || !part->content_location || g_strcmp0 (part->type, LINK_TYPE) != 0)
    return FALSE;
  const GPtrArray *properties = message->calendar->properties;
  for (guint i = 0; i < properties->len; i++) {
    const char *line = properties->pdata[i];
    gsize length = strlen (line), wanted = strlen (part->content_location);
    if (g_str_has_prefix (line, "ATTACH") && length > wanted
        && strcmp (line + length - wanted, part->content_location) == 0)
      return TRUE;
  }
  return FALSE;
}

gboolean
pn_ical_is_attached (const PnMessage *message, const PnIcalLine *line)
{
  gboolean cid = g_ascii_strncasecmp (line->value, "CID:", 4) == 0;
  gboolean linked = FALSE;
  for (guint i = 0; i < message->parts->len; i++) {
    const PnPart *part = message->parts->pdata[i];
    if (cid && part->content_id && strcmp (part->content_id, line->value + 4) == 0)
      return TRUE;
    linked |= part->content_location && strcmp (part->content_location, line->value) == 0;
  }
  return linked || (!cid && !strchr (line->value, '/'));
}

/* -- writing -- */

static gboolean
put_file (PnIcalWriter *writer, const PnPart *part, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = pn_content_read (part->content, MAX_INLINE, &local);
  if (!bytes && g_error_matches (local, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT)) {
    pn_message_add_loss (writer->message, "calendar", "the file %s is longer than %d MiB and was left out",
                         part->name ? part->name : part->type, MAX_INLINE >> 20);
    return TRUE;
  }
  if (!bytes) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  gsize length;
  const guchar *data = g_bytes_get_data (bytes, &length);
  g_autofree char *encoded = g_base64_encode (data ? data : (const guchar *) "", length);
  GString *line = pn_ical_begin_line (writer, "ATTACH;FMTTYPE=");
  pn_ical_append_parameter (line, part->type);
  g_string_append (line, ";ENCODING=BASE64;VALUE=BINARY");
  if (part->name && *part->name) {
    g_string_append (line, ";FILENAME=");
    pn_ical_append_parameter (line, part->name);
  }
  g_string_append_printf (line, ":%s", encoded);
  pn_ical_end_line (writer);
  return TRUE;
}

gboolean
pn_ical_put_attachments (PnIcalWriter *writer, GError **error)
{
  const GPtrArray *parts = writer->message->parts;
  for (guint i = 0; i < parts->len; i++) {
    const PnPart *part = parts->pdata[i];
    gboolean file = part->role == PN_PART_ATTACHMENT || part->role == PN_PART_INLINE;
    if (!file || !part->content || pn_ical_is_link (writer->message, part))
      continue;
    if (writer->options->attachments == PN_ICAL_ATTACH_INLINE && !put_file (writer, part, error))
      return FALSE;
  }
  return TRUE;
}
