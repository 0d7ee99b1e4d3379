/* Names for files that came without one, and types for those that came as bytes only. */
#include "convert/mime-reader.h"

#include <string.h>

/* Both ways: the first row of a type names its extension, the first of an extension its type. */
static const struct {
  const char *extension, *type;
} kinds[] = {
  { "jpg", "image/jpeg" },
  { "jpg", "image/jpg" },
  { "jpg", "image/pjpeg" },
  { "jpeg", "image/jpeg" },
  { "png", "image/png" },
  { "png", "image/x-png" },
  { "gif", "image/gif" },
  { "bmp", "image/bmp" },
  { "bmp", "image/x-ms-bmp" },
  { "bmp", "image/x-bmp" },
  { "tif", "image/tiff" },
  { "tiff", "image/tiff" },
  { "webp", "image/webp" },
  { "svg", "image/svg+xml" },
  { "heic", "image/heic" },
  { "ico", "image/vnd.microsoft.icon" },
  { "ico", "image/x-icon" },
  { "wmf", "image/x-wmf" },
  { "emf", "image/x-emf" },
  { "psd", "image/vnd.adobe.photoshop" },
  { "pict", "image/x-pict" },
  { "txt", "text/plain" },
  { "htm", "text/html" },
  { "html", "text/html" },
  { "html", "application/xhtml+xml" },
  { "css", "text/css" },
  { "csv", "text/csv" },
  { "csv", "text/comma-separated-values" },
  { "tsv", "text/tab-separated-values" },
  { "xml", "text/xml" },
  { "xml", "application/xml" },
  { "json", "application/json" },
  { "js", "text/javascript" },
  { "js", "application/javascript" },
  { "md", "text/markdown" },
  { "rtf", "application/rtf" },
  { "rtf", "text/rtf" },
  { "ics", "text/calendar" },
  { "ics", "application/ics" },
  { "vcs", "text/x-vcalendar" },
  { "vcf", "text/vcard" },
  { "vcf", "text/x-vcard" },
  { "vcf", "text/directory" },
  { "diff", "text/x-diff" },
  { "patch", "text/x-patch" },
  { "tex", "text/x-tex" },
  { "tex", "application/x-tex" },
  { "pdf", "application/pdf" },
  { "pdf", "application/x-pdf" },
  { "ps", "application/postscript" },
  { "eps", "application/postscript" },
  { "doc", "application/msword" },
  { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
  { "xls", "application/vnd.ms-excel" },
  { "xls", "application/msexcel" },
  { "xls", "application/x-msexcel" },
  { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
  { "ppt", "application/vnd.ms-powerpoint" },
  { "ppt", "application/mspowerpoint" },
  { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
  { "odt", "application/vnd.oasis.opendocument.text" },
  { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
  { "odp", "application/vnd.oasis.opendocument.presentation" },
  { "wpd", "application/wordperfect" },
  { "wpd", "application/vnd.wordperfect" },
  { "vsd", "application/vnd.visio" },
  { "mpp", "application/vnd.ms-project" },
  { "msg", "application/vnd.ms-outlook" },
  { "epub", "application/epub+zip" },
  { "zip", "application/zip" },
  { "zip", "application/x-zip-compressed" },
  { "zip", "application/x-zip" },
  { "gz", "application/gzip" },
  { "gz", "application/x-gzip" },
  { "tgz", "application/x-compressed-tar" },
  { "bz2", "application/x-bzip2" },
  { "xz", "application/x-xz" },
  { "7z", "application/x-7z-compressed" },
  { "rar", "application/vnd.rar" },
  { "rar", "application/x-rar-compressed" },
  { "rar", "application/x-rar" },
  { "tar", "application/x-tar" },
  { "sit", "application/x-stuffit" },
  { "hqx", "application/mac-binhex40" },
  { "exe", "application/x-msdownload" },
  { "sh", "application/x-sh" },
  { "pl", "application/x-perl" },
  { "swf", "application/x-shockwave-flash" },
  { "mp3", "audio/mpeg" },
  { "mp3", "audio/mp3" },
  { "wav", "audio/wav" },
  { "wav", "audio/x-wav" },
  { "wma", "audio/x-ms-wma" },
  { "m4a", "audio/mp4" },
  { "ogg", "audio/ogg" },
  { "mid", "audio/midi" },
  { "au", "audio/basic" },
  { "aiff", "audio/x-aiff" },
  { "amr", "audio/amr" },
  { "mpg", "video/mpeg" },
  { "mp4", "video/mp4" },
  { "mov", "video/quicktime" },
  { "avi", "video/x-msvideo" },
  { "wmv", "video/x-ms-wmv" },
  { "webm", "video/webm" },
  { "3gp", "video/3gpp" },
  { "eml", "message/rfc822" },
  { "eml", "message/global" },
  { "eml", "message/news" },
  { "eml", "message/partial" },
  { "txt", "message/delivery-status" },
  { "txt", "message/global-delivery-status" },
  { "txt", "message/disposition-notification" },
  { "txt", "message/feedback-report" },
  { "p7s", "application/pkcs7-signature" },
  { "p7s", "application/x-pkcs7-signature" },
  { "p7m", "application/pkcs7-mime" },
  { "p7m", "application/x-pkcs7-mime" },
  { "p7c", "application/pkix-pkipath" },
  { "cer", "application/pkix-cert" },
  { "asc", "application/pgp-signature" },
  { "asc", "application/pgp-encrypted" },
  { "asc", "application/pgp-keys" },
  { "pgp", "application/pgp" },
  { "dat", "application/ms-tnef" },
};

/* What is read of a message to find its subject. */
enum { LOOK_FOR_SUBJECT = 16 * 1024, MAX_STEM = 100 };

static const char *
extension_of (const char *type)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].type, type) == 0)
      return kinds[i].extension;
  return g_str_has_prefix (type, "text/") ? "txt" : "bin";
}

const char *
pn_mime_type_of (const char *name)
{
  const char *dot = name != NULL ? strrchr (name, '.') : NULL;

  for (guint i = 0; dot != NULL && i < G_N_ELEMENTS (kinds); i++)
    if (g_ascii_strcasecmp (kinds[i].extension, dot + 1) == 0)
      return kinds[i].type;
  return "application/octet-stream";
}

/* The name is ours: what no file system or shell wants is not put into it. */
static void
make_harmless (char *stem)
{
  for (char *p = stem; *p != '\0'; p++)
    if (strchr ("/\\:*?\"<>|", *p) != NULL)
      *p = '_';
  if (strlen (stem) > MAX_STEM)
    *(char *) g_utf8_find_prev_char (stem, stem + MAX_STEM) = '\0';
  g_strchomp (stem);
}

gsize
pn_mime_header_length (const char *data, gsize length)
{
  const char *end = data + length;

  for (const char *p = data; p < end;) {
    const char *next = pn_next_line (p, end);
    if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
      return (gsize) (next - data);
    p = next;
  }
  return length;
}

/* The subject of the message that PART is; NULL if it has none. */
static char *
find_subject (PnMimeReader *self, const PnPart *part)
{
  guint64 offset, length;
  PnEncoding encoding;
  PnSource *source = pn_content_get_range (part->content, &offset, &length, &encoding);
  PnHeaderField field;
  gsize size;

  if (source == NULL)
    return NULL;
  g_autoptr (PnContent) head
      = pn_content_new_range (source, offset, MIN (length, LOOK_FOR_SUBJECT), encoding);
  g_autoptr (GBytes) bytes = pn_content_read (head, LOOK_FOR_SUBJECT, NULL);
  const char *cursor = bytes != NULL ? g_bytes_get_data (bytes, &size) : NULL;
  if (cursor == NULL)
    return NULL;
  for (const char *end = cursor + pn_mime_header_length (cursor, size);
       pn_header_next (&cursor, end, &field);) {
    if (!pn_header_name_is (&field, "Subject"))
      continue;
    PnHeaderContext context = { self->context.charset, 0 };
    char *subject = pn_header_decode (field.value, field.value_length, &context);
    make_harmless (subject);
    return subject;
  }
  return NULL;
}

/* The last step of the part's Content-Location, if that looks like a file's name. */
static char *
name_of_location (const PnPart *part)
{
  const char *location = part->content_location;

  if (location == NULL)
    return NULL;
  gsize length = strcspn (location, "?#");
  g_autofree char *path = g_uri_unescape_segment (location, location + length, "/");
  const char *slash = path != NULL ? strrchr (path, '/') : NULL;
  const char *base = slash != NULL ? slash + 1 : path;
  if (base == NULL || strchr (base, '.') == NULL || strstr (location, "://") == base - 2
      || strcmp (pn_mime_type_of (base), "application/octet-stream") == 0)
    return NULL;
  gboolean changed;
  return pn_header_clean_file_name (base, &changed);
}

static const char *
stem_of (const char *type)
{
  static const char *const own[][2] = { { "text/calendar", "calendar" },
                                        { "text/rfc822-headers", "headers" },
                                        { "message/delivery-status", "delivery-status" },
                                        { "message/disposition-notification", "receipt" },
                                        { "application/pgp-signature", "signature" },
                                        { "application/pgp-encrypted", "encrypted" } };
  static const char *const kinds_of[] = { "image", "audio", "video", "text", "message", NULL };
  const char *slash = strchr (type, '/');

  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    if (strcmp (own[i][0], type) == 0)
      return own[i][1];
  for (guint i = 0; slash != NULL && kinds_of[i] != NULL; i++)
    if (strlen (kinds_of[i]) == (gsize) (slash - type) && g_str_has_prefix (type, kinds_of[i]))
      return kinds_of[i];
  return "attachment";
}

static char *
make_name (PnMimeReader *self, const PnPart *part)
{
  char *name = name_of_location (part);

  if (name != NULL)
    return name;
  gboolean message = strcmp (part->type, "message/rfc822") == 0 || strcmp (part->type, "message/global") == 0
                     || strcmp (part->type, "message/news") == 0;
  g_autofree char *subject = message ? find_subject (self, part) : NULL;
  g_autofree char *wanted
      = g_strdup_printf ("%s.%s", subject != NULL && subject[0] != '\0' ? subject : stem_of (part->type),
                         extension_of (part->type));
  gboolean changed;
  name = pn_header_clean_file_name (wanted, &changed);
  return name != NULL ? name : g_steal_pointer (&wanted);
}

/* "image.png", then "image-2.png". */
static char *
make_distinct (GHashTable *taken, char *name)
{
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (taken, name)) + 1;

  g_hash_table_replace (taken, g_strdup (name), GUINT_TO_POINTER (count));
  if (count == 1)
    return name;
  const char *dot = strrchr (name, '.');
  char *other = g_strdup_printf ("%.*s-%u%s", (int) (dot - name), name, count, dot);
  g_free (name);
  return other;
}

void
pn_mime_name_files (PnMimeReader *self)
{
  g_autoptr (GHashTable) taken = NULL;

  for (guint i = 0; i < self->files->len; i++) {
    PnPart *part = g_array_index (self->files, PnMimeFile, i).part;
    if (part->name != NULL || part->role == PN_PART_CALENDAR)
      continue;
    if (taken == NULL)
      taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    part->name = make_distinct (taken, make_name (self, part));
  }
}
