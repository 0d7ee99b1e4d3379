/* message/external-body (RFC 2046 5.2.3): a part whose content is somewhere else. */
#include "convert/mime-reader.h"

#include <string.h>

/* What is read of the header and the command that such a part holds. */
enum { MAX_INNER = 16 * 1024, MAX_FILES = 1000 };

static void
append_escaped (GString *url, const char *text, const char *allowed)
{
  g_string_append_uri_escaped (url, text != NULL ? text : "", allowed, FALSE);
}

/* "scheme://site/directory/name" */
static void
append_place (GString *url, const char *scheme, const PnHeaderParams *type, const char *name)
{
  const char *site = pn_header_params_get (type, "site"),
             *directory = pn_header_params_get (type, "directory");
  const char *mode = pn_header_params_get (type, "mode");

  g_string_append_printf (url, "%s://", scheme);
  append_escaped (url, site, ":");
  g_string_append_c (url, '/');
  if (directory != NULL) {
    /* "//" says that it counts from the root. */
    g_string_append (url, directory[0] == '/' && strcmp (scheme, "file") != 0 ? "%2F" : "");
    while (*directory == '/')
      directory++;
    append_escaped (url, directory, "/~");
    if (url->str[url->len - 1] != '/')
      g_string_append_c (url, '/');
  }
  while (*name == '/' && url->str[url->len - 1] == '/')
    name++;
  append_escaped (url, name, "/~");
  if (g_str_has_suffix (scheme, "ftp") && mode != NULL && strchr ("aAiI", mode[0]) != NULL && mode[0] != '\0')
    g_string_append_printf (url, ";type=%c", g_ascii_tolower (mode[0]));
}

static void
append_mail (GString *url, const PnHeaderParams *type, const char *body)
{
  const char *subject = pn_header_params_get (type, "subject");

  g_string_append (url, "mailto:");
  append_escaped (url, pn_header_params_get (type, "server"), "@");
  if (subject != NULL) {
    g_string_append (url, "?subject=");
    append_escaped (url, subject, NULL);
  }
  if (body != NULL && body[0] != '\0') {
    g_string_append (url, subject != NULL ? "&body=" : "?body=");
    append_escaped (url, body, NULL);
  }
}

/* A URL is broken over lines, and blanks in it are none of it (RFC 2017 3). */
static void
append_given (GString *url, const char *given)
{
  for (; *given != '\0'; given++)
    if ((guint8) *given > ' ')
      g_string_append_c (url, *given);
}

/* Where the content is; empty if that cannot be told. */
static char *
make_url (const PnHeaderParams *type, const char *body)
{
  const char *given = pn_header_params_get (type, "url"),
             *stated = pn_header_params_get (type, "access-type");
  const char *name = pn_header_params_get (type, "name"), *site = pn_header_params_get (type, "site");
  GString *url = g_string_new (NULL);

  if (stated == NULL)
    stated = given != NULL ? "url" : "";
  g_autofree char *access = g_ascii_strdown (stated, -1);
  if (given != NULL && (strcmp (access, "url") == 0 || strcmp (access, "x-uri") == 0))
    append_given (url, given);
  else if (strcmp (access, "mail-server") == 0 && pn_header_params_get (type, "server") != NULL)
    append_mail (url, type, body);
  else if (name == NULL)
    ;
  else if (strcmp (access, "local-file") == 0 || strcmp (access, "afs") == 0)
    append_place (url, "file", type, name);
  else if (site != NULL && strcmp (access, "tftp") == 0)
    append_place (url, "tftp", type, name);
  else if (site != NULL && (strcmp (access, "http") == 0 || strcmp (access, "x-http") == 0))
    append_place (url, "http", type, name);
  else if (site != NULL && g_str_has_suffix (access, "ftp"))
    append_place (url, "ftp", type, name);
  else if (strstr (name, "://") != NULL)
    append_given (url, name);
  return g_string_free (url, FALSE);
}

typedef struct {
  char *type;        /* Content-Type of what is elsewhere; or NULL */
  char *content_id;  /* or NULL */
  char *description; /* or NULL */
  char *body;        /* the command for a mail server */
} Inner;

static void
inner_clear (Inner *inner)
{
  g_free (inner->type);
  g_free (inner->content_id);
  g_free (inner->description);
  g_free (inner->body);
}

static gboolean
read_inner (PnMimeReader *self, guint index, Inner *inner, GError **error)
{
  g_autoptr (GBytes) bytes = pn_mime_reader_bytes (self, index, MAX_INNER, error);
  PnHeaderField field;
  gsize size;

  if (bytes == NULL)
    return FALSE;
  const char *cursor = g_bytes_get_data (bytes, &size);
  if (cursor == NULL)
    return TRUE;
  const char *end = cursor + size, *body = cursor + pn_mime_header_length (cursor, size);
  for (const char *stop = body; pn_header_next (&cursor, stop, &field);) {
    char **value = pn_header_name_is (&field, "Content-Type")          ? &inner->type
                   : pn_header_name_is (&field, "Content-ID")          ? &inner->content_id
                   : pn_header_name_is (&field, "Content-Description") ? &inner->description
                                                                       : NULL;
    if (value != NULL && *value == NULL)
      *value = pn_header_decode (field.value, field.value_length, &self->context);
  }
  while (body < end && g_ascii_isspace (*body))
    body++;
  if (body < end) {
    inner->body = g_utf8_make_valid (body, end - body);
    g_strchomp (inner->body);
  }
  return TRUE;
}

/* The link as a file that desktops open, and a person can read: all that the part said is in it. */
static char *
write_link (const PnHeaderParams *type, const Inner *inner, const char *url)
{
  GString *out = g_string_new (NULL);

  if (url[0] != '\0')
    g_string_append_printf (out, "[InternetShortcut]\r\nURL=%s\r\n\r\n", url);
  g_string_append (out, "[External-Body]\r\n");
  for (guint i = 0; type != NULL && i < type->array->len && out->len < MAX_INNER; i++) {
    const PnHeaderParam *param = &g_array_index (type->array, PnHeaderParam, i);
    g_autofree char *value = g_strdelimit (g_strdup (param->value), "\r\n", ' ');
    g_string_append_printf (out, "%s=%s\r\n", param->name, value);
  }
  if (inner->type != NULL)
    g_string_append_printf (out, "Content-Type=%s\r\n", inner->type);
  if (inner->description != NULL)
    g_string_append_printf (out, "Content-Description=%s\r\n", inner->description);
  return g_string_free (out, FALSE);
}

static gboolean
replace_with_link (PnMimeReader *self, const PnMimeFile *file, GError **error)
{
  const PnHeaderParams *type = pn_mime_reader_type (self, file->entity);
  PnPart *part = file->part;
  Inner inner = { 0 };

  if (!read_inner (self, file->entity, &inner, error)) {
    inner_clear (&inner);
    return FALSE;
  }
  g_autofree char *url = make_url (type, inner.body);
  g_autofree char *link = write_link (type, &inner, url);
  const char *name = pn_header_params_get (type, "name");
  gboolean changed;
  g_autofree char *clean = name != NULL ? pn_header_clean_file_name (name, &changed) : NULL;
  if (clean == NULL)
    clean = g_strdup (part->name != NULL ? part->name : "external");

  pn_content_unref (part->content);
  part->content = pn_content_new_text (link, -1);
  g_free (part->name);
  part->name = g_strconcat (clean, url[0] != '\0' ? ".url" : ".txt", NULL);
  g_free (part->type);
  part->type = g_strdup (url[0] != '\0' ? "application/internet-shortcut" : "text/plain");
  g_clear_pointer (&part->parameters, g_free);
  g_free (part->charset);
  part->charset = g_strdup ("utf-8");
  if (part->description == NULL)
    part->description = g_steal_pointer (&inner.description);
  inner_clear (&inner);
  if (url[0] != '\0')
    pn_mime_reader_add_loss (self, file->entity,
                             "its content is not in the message, but at %.500s; a link stands in its place",
                             url);
  else
    pn_mime_reader_add_loss (self, file->entity,
                             "its content is not in the message; a note says what is known");
  return TRUE;
}

gboolean
pn_mime_link_external (PnMimeReader *self, GError **error)
{
  guint done = 0;

  for (guint i = 0; i < self->files->len && done < MAX_FILES; i++) {
    const PnMimeFile *file = &g_array_index (self->files, PnMimeFile, i);
    if (strcmp (file->part->type, "message/external-body") != 0)
      continue;
    done++;
    if (!replace_with_link (self, file, error))
      return FALSE;
  }
  return TRUE;
}
