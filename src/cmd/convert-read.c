/* Inputs: what kind a file is, and its message. */
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/convert-json.h"
#include "convert/ical.h"
#include "convert/mime-native-fields.h"
#include "convert/native.h"
#include "convert/tnef.h"
#include "convert/vcard.h"
#include "core/file.h"
#include "core/ids.h"

/* Calendar and API files are read into memory whole. */
#define TEXT_MAX (64 * 1024 * 1024)

/* --- the kind ------------------------------------------------------------------------------------------ */

static gboolean
begins_with (const char *text, const char *word)
{
  return g_ascii_strncasecmp (text, word, strlen (word)) == 0;
}

/* Past blank lines, comments and a byte order mark, as the grammars allow them. */
static const char *
skip_blank (const char *text)
{
  if (strncmp (text, "\357\273\277", 3) == 0)
    text += 3;
  for (;;) {
    while (g_ascii_isspace (*text))
      text++;
    if (*text != '#')
      return text;
    text += strcspn (text, "\n");
  }
}

/* The first line of mail is a field, or the separator of a mailbox. */
static gboolean
looks_like_mail (const char *text)
{
  if (begins_with (text, "From ") || begins_with (text, ">From "))
    return TRUE;
  gsize n = 0;
  while ((guchar) text[n] > ' ' && text[n] != ':' && (guchar) text[n] < 0x7f)
    n++;
  gsize colon = n;
  while (text[colon] == ' ' || text[colon] == '\t')
    colon++;
  return n > 0 && text[colon] == ':';
}

/* What the name says, where the bytes say nothing. */
static PnKind
kind_of_name (const char *path)
{
  const PnKind known[]
      = { PN_KIND_MIME, PN_KIND_ICAL, PN_KIND_VCARD, PN_KIND_API, PN_KIND_JSON, PN_KIND_TNEF };
  const char *dot = strrchr (path, '.');
  for (guint i = 0; dot && i < G_N_ELEMENTS (known); i++)
    if (g_ascii_strcasecmp (dot, pn_kind_extension (known[i])) == 0)
      return known[i];
  return PN_KIND_AUTO;
}

PnKind
pn_convert_find_kind (PnSource *source, const char *path, GError **error)
{
  char head[1024] = { 0 };
  gsize length = MIN (source->size, sizeof head - 1);
  if (!pn_source_read (source, 0, head, length, error))
    return PN_KIND_AUTO;
  if (pn_tnef_is ((const guint8 *) head, length))
    return PN_KIND_TNEF;
  const char *text = skip_blank (head);
  if (begins_with (text, "WPC-API"))
    return kind_of_name (path) == PN_KIND_API ? PN_KIND_API : PN_KIND_NATIVE;
  if (begins_with (text, "BEGIN:VCALENDAR"))
    return PN_KIND_ICAL;
  if (begins_with (text, "BEGIN:VCARD"))
    return PN_KIND_VCARD;
  PnKind named = kind_of_name (path);
  if ((text[0] == '{' && named != PN_KIND_MIME) || (text[0] == '[' && named == PN_KIND_JSON))
    return PN_KIND_JSON;
  if (looks_like_mail (text))
    return PN_KIND_MIME;
  if (named == PN_KIND_AUTO)
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED,
                 length == 0 ? "the file is empty"
                             : "the file is of no kind that is known here; --from names one");
  return named;
}

/* --- API files ----------------------------------------------------------------------------------------- */

/* Part files lie beside the API file or in one of the gateway's attachment directories. */
static PnContent *
open_part (const char *name, gpointer user, GError **error)
{
  static const char *const places[]
      = { ".", "att_in", "att_out", "../att_in", "../ATT_IN", "../att_out", "../ATT_OUT" };
  const char *dir = user;
  if (strchr (name, '/') || g_str_equal (name, "..")) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX,
                 "part file '%s': a name without path is wanted", name);
    return NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree char *path = g_build_filename (dir, places[i], name, NULL);
    if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
      continue;
    g_autoptr (PnSource) source = pn_file_source_open (path, error);
    return source ? pn_content_new_range (source, 0, source->size, PN_ENCODING_NONE) : NULL;
  }
  g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO,
               "part file '%s' is neither beside the API file nor in att_in or att_out", name);
  return NULL;
}

static GBytes *
read_text (PnSource *source, GError **error)
{
  if (source->size > TEXT_MAX) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_LIMIT, "longer than %d MiB", TEXT_MAX >> 20);
    return NULL;
  }
  guint8 *data = g_malloc (source->size + 1);
  data[source->size] = 0;
  if (!pn_source_read (source, 0, data, source->size, error)) {
    g_free (data);
    return NULL;
  }
  return g_bytes_new_take (data, source->size);
}

static PnMessage *
read_api (PnSource *source, const char *file, const char *site_timezone, GError **error)
{
  g_autoptr (GBytes) bytes = read_text (source, error);
  if (!bytes)
    return NULL;
  g_autofree char *dir = g_path_get_dirname (file);
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  return pn_api_read (text, length, TRUE, site_timezone, open_part, dir, error);
}

/* --- calendar files ------------------------------------------------------------------------------------- */

static PnMessage *
read_ical (const PnConvertOptions *options, PnSource *source, GError **error)
{
  g_autoptr (GBytes) bytes = read_text (source, error);
  if (!bytes)
    return NULL;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  if (!pn_ical_read (message, text, length, NULL, options->timezone, error))
    return NULL;
  PnPart *part = pn_part_new (PN_PART_CALENDAR, "text/calendar", pn_content_new_bytes (bytes));
  pn_message_add_part (message, part);
  return g_steal_pointer (&message);
}

/* --- cards ---------------------------------------------------------------------------------------------- */

static PnMessage *
read_vcard (PnSource *source, GError **error)
{
  g_autoptr (GBytes) bytes = read_text (source, error);
  gsize length;
  const char *text = bytes ? g_bytes_get_data (bytes, &length) : NULL;
  return text ? pn_vcard_read (text, length, error) : NULL;
}

/* --- TNEF ---------------------------------------------------------------------------------------------- */

static PnMessage *
read_tnef (const PnConvertOptions *options, PnSource *source, GError **error)
{
  g_autoptr (PnContent) content = pn_content_new_range (source, 0, source->size, PN_ENCODING_NONE);
  g_autoptr (GBytes) bytes = pn_content_read (content, PN_TNEF_MAX, error);
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_MAIL);
  return bytes && pn_tnef_read (message, bytes, options->timezone, error) ? g_steal_pointer (&message) : NULL;
}

/* --- all ----------------------------------------------------------------------------------- */

/* A native id for a message that has none: made of the message, so that converting again gives the same. */
static void
give_id (PnMessage *message, const char *file)
{
  if (message->id)
    return;
  g_autofree char *base = g_path_get_basename (file);
  const char *uid = message->calendar ? message->calendar->uid : NULL;
  const char *known = message->message_id ? message->message_id : uid ? uid : base;
  gint64 date = message->date.set ? message->date.unix_time : 0;
  g_autofree char *seed = g_strdup_printf ("%08X %s", (guint32) date, known);
  message->id = pn_id_derive (seed, "convert", NULL);
}

PnMessage *
pn_convert_read_source (const PnConvertOptions *options, PnKind kind, PnSource *source, const char *file,
                        GError **error)
{
  PnMimeOptions mime = { .site_charset = options->charset,
                         .site_timezone = options->timezone,
                         .skeleton = !options->anew
                                     && (options->verify || (options->to == PN_KIND_JSON && !options->brief)
                                         || (options->to != PN_KIND_ICAL && options->to != PN_KIND_JSON)) };
  g_autoptr (PnMessage) message = NULL;
  switch (kind) {
  case PN_KIND_MIME:
    message = pn_mime_read (source, &mime, error);
    if (message && !pn_native_fields_restore (message, source, error))
      return NULL;
    break;
  case PN_KIND_ICAL:
    message = read_ical (options, source, error);
    break;
  case PN_KIND_VCARD:
    message = read_vcard (source, error);
    break;
  case PN_KIND_NATIVE:
    message = pn_native_read (source, error);
    break;
  case PN_KIND_API:
    message = read_api (source, file, options->timezone, error);
    break;
  case PN_KIND_TNEF:
    message = read_tnef (options, source, error);
    break;
  case PN_KIND_JSON:
    message = pn_convert_read_json (source, error);
    break;
  case PN_KIND_AUTO:
  case PN_KIND_MBOX:
  case PN_KIND_MAILDIR:
  case PN_KIND_LAST:
    g_assert_not_reached ();
  }
  if (message && (kind == PN_KIND_NATIVE || kind == PN_KIND_API || kind == PN_KIND_JSON)
      && pn_message_get_part (message, PN_PART_SKELETON) && !pn_mime_restore_headers (message, error))
    return NULL;
  if (message)
    give_id (message, file);
  return g_steal_pointer (&message);
}

/* The envelope's sender, which only the From_ line of a mailbox knows. */
static void
take_separator (PnMessage *message, const PnConvertJob *job)
{
  if (job->separator && !message->envelope_from)
    message->envelope_from = pn_mbox_sender (job->separator);
}

PnMessage *
pn_convert_read (const PnConvertOptions *options, PnConvertJob *job, GError **error)
{
  g_autoptr (PnMessage) message
      = pn_convert_read_source (options, job->kind, job->source, job->file->path, error);
  /* What is sealed is authenticated as it is read; of a plain queue file every part is checked, also those
   * that the output does not need. */
  if (message && job->kind == PN_KIND_NATIVE && !job->sealed && !pn_native_verify (message, error))
    return NULL;
  if (message)
    take_separator (message, job);
  return g_steal_pointer (&message);
}
