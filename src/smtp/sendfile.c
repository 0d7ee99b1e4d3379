#include "smtp/sendfile.h"

#include "core/file.h"

#include <string.h>

#define HEAD_MAX (1024 * 1024)
#define HEAD_STEP (16 * 1024)
#define RECIPIENTS_MAX 10000
#define COPY_SIZE (64 * 1024)

static const char quit_line[] = "QUIT\r\n";

G_DEFINE_QUARK (pn-send-error-quark, pn_send_error)

static void
send_recipient_free (PnSendRecipient *self)
{
  g_free (self->address);
  g_free (self->notify);
  g_free (self->orcpt);
  g_free (self);
}

PnSendHead *
pn_send_head_new (void)
{
  PnSendHead *self = g_new0 (PnSendHead, 1);
  self->recipients = g_ptr_array_new_with_free_func ((GDestroyNotify) send_recipient_free);
  return self;
}

void
pn_send_head_free (PnSendHead *self)
{
  if (!self)
    return;
  g_free (self->domain);
  g_free (self->helo);
  g_free (self->id);
  g_free (self->mail_from);
  g_free (self->envid);
  g_free (self->ret);
  g_ptr_array_unref (self->recipients);
  g_free (self);
}

PnSendRecipient *
pn_send_head_add (PnSendHead *self, const char *address, const char *notify, const char *orcpt)
{
  PnSendRecipient *recipient = g_new0 (PnSendRecipient, 1);
  recipient->address = g_strdup (address);
  recipient->notify = g_strdup (notify);
  recipient->orcpt = g_strdup (orcpt);
  g_ptr_array_add (self->recipients, recipient);
  return recipient;
}

char *
pn_send_head_to_text (const PnSendHead *self)
{
  GString *out = g_string_new (NULL);
  g_string_append_printf (out, "%s\r\nEHLO %s\r\n", self->domain, self->helo);
  g_string_append (out, "NOOP");
  if (self->id)
    g_string_append_printf (out, " id=%s", self->id);
  g_string_append_printf (out, " time=%" G_GINT64_FORMAT " size=%" G_GUINT64_FORMAT "\r\n", self->queued,
                          self->size);
  g_string_append_printf (out, "MAIL FROM:<%s> SIZE=%" G_GUINT64_FORMAT, self->mail_from, self->size);
  if (self->eight_bit)
    g_string_append (out, " BODY=8BITMIME");
  if (self->smtputf8)
    g_string_append (out, " SMTPUTF8");
  if (self->ret)
    g_string_append_printf (out, " RET=%s", self->ret);
  if (self->envid)
    g_string_append_printf (out, " ENVID=%s", self->envid);
  g_string_append (out, "\r\n");
  for (guint i = 0; i < self->recipients->len; i++) {
    const PnSendRecipient *r = g_ptr_array_index (self->recipients, i);
    g_string_append_printf (out, "RCPT TO:<%s>", r->address);
    if (r->notify)
      g_string_append_printf (out, " NOTIFY=%s", r->notify);
    if (r->orcpt)
      g_string_append_printf (out, " ORCPT=%s", r->orcpt);
    g_string_append (out, "\r\n");
  }
  g_string_append (out, "DATA\r\n");
  return g_string_free (out, FALSE);
}

/* --- reading the head ------------------------------------------------------------------------- */

static void
syntax_error (GError **error, guint line, const char *reason)
{
  g_set_error (error, PN_SEND_ERROR, PN_SEND_ERROR_SYNTAX, "line %u: %s", line, reason);
}

/* What stands between the brackets; *REST is behind them.  Quoted local parts may hold brackets. */
static char *
parse_path (const char *text, const char **rest)
{
  text += strspn (text, " ");
  if (*text != '<')
    return NULL;
  gboolean quoted = FALSE;
  const char *p = text + 1;
  for (; *p && (quoted || *p != '>'); p++) {
    if (*p == '\\' && p[1])
      p++;
    else if (*p == '"')
      quoted = !quoted;
  }
  if (*p != '>')
    return NULL;
  *rest = p + 1;
  return g_strndup (text + 1, (gsize) (p - text - 1));
}

static gboolean
parse_parameters (const char *text, GHashTable *into)
{
  g_auto (GStrv) words = g_strsplit_set (text, " ", -1);
  for (char **w = words; *w; w++) {
    if (!**w)
      continue;
    char *equals = strchr (*w, '=');
    char *key = g_ascii_strup (*w, equals ? equals - *w : -1);
    g_hash_table_replace (into, key, g_strdup (equals ? equals + 1 : ""));
  }
  return TRUE;
}

static gboolean
parse_mail (PnSendHead *self, const char *text)
{
  const char *rest;
  char *path = parse_path (text, &rest);
  if (!path || self->mail_from) {
    g_free (path);
    return FALSE;
  }
  self->mail_from = path;
  g_autoptr (GHashTable) parameters = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  parse_parameters (rest, parameters);
  const char *size = g_hash_table_lookup (parameters, "SIZE");
  const char *body = g_hash_table_lookup (parameters, "BODY");
  if (size)
    self->size = g_ascii_strtoull (size, NULL, 10);
  self->eight_bit = body && g_ascii_strcasecmp (body, "8BITMIME") == 0;
  self->smtputf8 = g_hash_table_contains (parameters, "SMTPUTF8");
  self->ret = g_strdup (g_hash_table_lookup (parameters, "RET"));
  self->envid = g_strdup (g_hash_table_lookup (parameters, "ENVID"));
  return TRUE;
}

static gboolean
parse_rcpt (PnSendHead *self, const char *text)
{
  const char *rest;
  g_autofree char *path = parse_path (text, &rest);
  if (!path || !*path || self->recipients->len >= RECIPIENTS_MAX)
    return FALSE;
  g_autoptr (GHashTable) parameters = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  parse_parameters (rest, parameters);
  pn_send_head_add (self, path, g_hash_table_lookup (parameters, "NOTIFY"),
                    g_hash_table_lookup (parameters, "ORCPT"));
  return TRUE;
}

static void
parse_noop (PnSendHead *self, const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " ", -1);
  for (char **w = words; *w; w++) {
    if (g_str_has_prefix (*w, "id=") && (*w)[3]) {
      g_free (self->id);
      self->id = g_strdup (*w + 3);
    } else if (g_str_has_prefix (*w, "time="))
      self->queued = g_ascii_strtoll (*w + 5, NULL, 10);
    else if (g_str_has_prefix (*w, "size="))
      self->size = g_ascii_strtoull (*w + 5, NULL, 10);
  }
}

static gboolean
has_prefix (const char *line, const char *prefix, const char **rest)
{
  gsize n = strlen (prefix);
  if (g_ascii_strncasecmp (line, prefix, n) != 0)
    return FALSE;
  *rest = line + n;
  return TRUE;
}

static gboolean
parse_command (PnSendHead *self, const char *line, gboolean *data, guint number, GError **error)
{
  const char *rest;
  if (has_prefix (line, "EHLO ", &rest) || has_prefix (line, "HELO ", &rest)) {
    g_free (self->helo);
    self->helo = g_strdup (rest);
  } else if (has_prefix (line, "NOOP", &rest))
    parse_noop (self, rest);
  else if (has_prefix (line, "MAIL FROM:", &rest)) {
    if (!parse_mail (self, rest)) {
      syntax_error (error, number, "bad or second MAIL command");
      return FALSE;
    }
  } else if (has_prefix (line, "RCPT TO:", &rest)) {
    if (!parse_rcpt (self, rest)) {
      syntax_error (error, number, "bad RCPT command, or too many of them");
      return FALSE;
    }
  } else if (g_ascii_strcasecmp (line, "DATA") == 0)
    *data = TRUE;
  else if (g_ascii_strcasecmp (line, "RSET") != 0) {
    syntax_error (error, number, "is not a command of a send file");
    return FALSE;
  }
  return TRUE;
}

static gboolean
parse_line (PnSendHead *self, const char *line, gboolean *data, guint number, GError **error)
{
  if (!g_str_has_prefix (line, "*S"))
    return parse_command (self, line, data, number, error);
  g_auto (GStrv) commands = g_strsplit (line + 2, "* ", -1);
  for (char **c = commands; *c; c++)
    if (*g_strstrip (*c) && !parse_command (self, *c, data, number, error))
      return FALSE;
  return TRUE;
}

PnSendHead *
pn_send_head_parse (const char *text, gsize length, gsize *end_out, GError **error)
{
  g_autoptr (PnSendHead) self = pn_send_head_new ();
  const char *p = text, *end = length > 0 ? text + length : text;
  gboolean data = FALSE;
  for (guint number = 1; !data; number++) {
    const char *newline = p < end ? memchr (p, '\n', (gsize) (end - p)) : NULL;
    if (!newline) {
      g_set_error (error, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE, "line %u: ends before DATA", number);
      return NULL;
    }
    gsize n = (gsize) (newline - p);
    if (n > 0 && p[n - 1] == '\r')
      n--;
    if (memchr (p, '\0', n) || memchr (p, '\r', n)) {
      syntax_error (error, number, "holds a NUL or a bare CR");
      return NULL;
    }
    g_autofree char *line = g_strndup (p, n);
    g_strchomp (line);
    p = newline + 1;
    if (number > 1) {
      if (!parse_line (self, line, &data, number, error))
        return NULL;
    } else if (*line && !strchr (line, ' '))
      self->domain = g_strdup (line);
    else {
      syntax_error (error, number, "is not a destination domain");
      return NULL;
    }
  }
  if (!self->mail_from || self->recipients->len == 0) {
    g_set_error_literal (error, PN_SEND_ERROR, PN_SEND_ERROR_SYNTAX, "MAIL or RCPT is missing before DATA");
    return NULL;
  }
  *end_out = (gsize) (p - text);
  return g_steal_pointer (&self);
}

/* --- xtext ------------------------------------------------------------------------------------ */

char *
pn_xtext_encode (const char *text)
{
  GString *out = g_string_new (NULL);
  for (const guchar *p = (const guchar *) text; *p; p++)
    if (*p > 0x20 && *p < 0x7f && *p != '+' && *p != '=')
      g_string_append_c (out, (char) *p);
    else
      g_string_append_printf (out, "+%02X", *p);
  return g_string_free (out, FALSE);
}

char *
pn_xtext_decode (const char *xtext)
{
  g_autoptr (GString) out = g_string_new (NULL);
  for (const char *p = xtext; *p; p++) {
    if (*p != '+') {
      g_string_append_c (out, *p);
      continue;
    }
    if (!g_ascii_isxdigit (p[1]) || !g_ascii_isxdigit (p[2]))
      return NULL;
    int byte = g_ascii_xdigit_value (p[1]) * 16 + g_ascii_xdigit_value (p[2]);
    if (byte == 0)
      return NULL;
    g_string_append_c (out, (char) byte);
    p += 2;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* --- dots and line ends ----------------------------------------------------------------------- */

/* Takes lines that end in CRLF, LF or CR and hands them on with CRLF, so that no peer can see another end of
 * data than ours. */
typedef struct {
  PnSink below;
  gboolean stuff;    /* double a dot at the beginning of a line */
  gboolean at_start; /* of a line */
  gboolean pending;  /* a CR came last: a LF may follow */
} LineFilter;

static gboolean
line_filter_end_line (LineFilter *self, GError **error)
{
  self->at_start = TRUE;
  return pn_sink_write (&self->below, "\r\n", 2, error);
}

static gboolean
line_filter_write (gpointer user, const void *data, gsize length, GError **error)
{
  LineFilter *self = user;
  const char *p = data, *end = p + length;
  while (p < end) {
    if (self->pending) {
      self->pending = FALSE;
      if (*p == '\n')
        p++;
      if (!line_filter_end_line (self, error))
        return FALSE;
      continue;
    }
    if (self->at_start && self->stuff && *p == '.' && !pn_sink_write (&self->below, ".", 1, error))
      return FALSE;
    const char *q = p;
    while (q < end && *q != '\n' && *q != '\r')
      q++;
    /* The usual line is handed on in one piece. */
    if (q + 1 < end && q[0] == '\r' && q[1] == '\n') {
      if (!pn_sink_write (&self->below, p, (gsize) (q + 2 - p), error))
        return FALSE;
      self->at_start = TRUE;
      p = q + 2;
      continue;
    }
    if (q > p) {
      self->at_start = FALSE;
      if (!pn_sink_write (&self->below, p, (gsize) (q - p), error))
        return FALSE;
    }
    p = q;
    if (p < end && *p == '\r') {
      self->pending = TRUE;
      p++;
    } else if (p < end) {
      p++;
      if (!line_filter_end_line (self, error))
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
line_filter_finish (LineFilter *self, GError **error)
{
  gboolean pending = self->pending;
  self->pending = FALSE;
  return (!pending && self->at_start) || line_filter_end_line (self, error);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The line filter hands over single lines: they are gathered before they are sealed. */
struct PnSendWriter {
  PnSealWriter *seal;
  PnSink sealed;
  LineFilter filter;
  gsize used;
  char buffer[16 * 1024];
};

static gboolean
flush_buffer (PnSendWriter *self, GError **error)
{
  gsize n = self->used;
  self->used = 0;
  return n == 0 || pn_sink_write (&self->sealed, self->buffer, n, error);
}

static gboolean
buffer_write (gpointer user, const void *data, gsize length, GError **error)
{
  PnSendWriter *self = user;
  if (length > sizeof self->buffer - self->used && !flush_buffer (self, error))
    return FALSE;
  if (length > sizeof self->buffer)
    return pn_sink_write (&self->sealed, data, length, error);
  memcpy (self->buffer + self->used, data, length);
  self->used += length;
  return TRUE;
}

PnSendWriter *
pn_send_writer_new (PnKey *key, PnSink below, const PnSendHead *head, GError **error)
{
  g_autoptr (PnSendWriter) self = g_new (PnSendWriter, 1);
  self->used = 0;
  self->seal = pn_seal_writer_new (key, below);
  self->sealed = pn_seal_writer_sink (self->seal);
  self->filter = (LineFilter){ .below = { buffer_write, self }, .stuff = TRUE, .at_start = TRUE };
  g_autofree char *text = pn_send_head_to_text (head);
  if (!buffer_write (self, text, strlen (text), error))
    return NULL;
  return g_steal_pointer (&self);
}

PnSink
pn_send_writer_sink (PnSendWriter *self)
{
  return (PnSink){ line_filter_write, &self->filter };
}

gboolean
pn_send_writer_close (PnSendWriter *self, GError **error)
{
  return line_filter_finish (&self->filter, error) && buffer_write (self, ".\r\n", 3, error)
         && buffer_write (self, quit_line, strlen (quit_line), error) && flush_buffer (self, error)
         && pn_seal_writer_close (self->seal, error);
}

void
pn_send_writer_free (PnSendWriter *self)
{
  if (!self)
    return;
  pn_seal_writer_free (self->seal);
  g_free (self);
}

/* --- reading ---------------------------------------------------------------------------------- */

void
pn_send_file_free (PnSendFile *self)
{
  if (!self)
    return;
  pn_send_head_free (self->head);
  g_clear_pointer (&self->source, pn_source_unref);
  g_free (self);
}

static gboolean
read_head (PnSendFile *self, GError **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  for (gsize want = HEAD_STEP;; want *= 4) {
    gsize before = text->len;
    want = MIN (want, self->source->size);
    g_byte_array_set_size (text, (guint) want);
    if (want > before && !pn_source_read (self->source, before, text->data + before, want - before, error))
      return FALSE;
    g_autoptr (GError) local = NULL;
    gsize end;
    self->head = pn_send_head_parse ((const char *) text->data, text->len, &end, &local);
    if (self->head) {
      self->data_offset = end;
      return TRUE;
    }
    gboolean more = want < self->source->size && want < HEAD_MAX;
    if (!more || !g_error_matches (local, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
}

/* Our own files end in ".", CRLF, QUIT, CRLF, and nothing in between can look like it. */
static gboolean
find_end_of_ours (PnSendFile *self, GError **error)
{
  static const char tail[] = "\r\n.\r\nQUIT\r\n";
  char found[sizeof tail - 1];
  gsize n = strlen (tail);
  guint64 size = self->source->size;
  if (size < self->data_offset + n - 2) {
    g_set_error_literal (error, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE, "ends before the end of the data");
    return FALSE;
  }
  if (!pn_source_read (self->source, size - n, found, n, error))
    return FALSE;
  if (memcmp (found, tail, n) != 0) {
    g_set_error_literal (error, PN_SEND_ERROR, PN_SEND_ERROR_SYNTAX, "does not end with a dot and QUIT");
    return FALSE;
  }
  self->data_length = size - strlen (quit_line) - self->data_offset;
  self->clean = TRUE;
  return TRUE;
}

/* Finds the line that is a single dot.  STATE: 1 at the beginning of a line, 2 after a dot there, 0
 * elsewhere.  A bare CR is refused: some peers take it for a line end, and would see another end of the data
 * than we do. */
static gboolean
find_end_of_plain (PnSendFile *self, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  guint state = 1;
  gboolean cr = FALSE;
  for (guint64 offset = self->data_offset; offset < self->source->size;) {
    gsize n = (gsize) MIN ((guint64) COPY_SIZE, self->source->size - offset);
    if (!pn_source_read (self->source, offset, buffer, n, error))
      return FALSE;
    for (gsize i = 0; i < n; i++) {
      guint8 c = buffer[i];
      if (cr && c != '\n') {
        g_set_error (error, PN_SEND_ERROR, PN_SEND_ERROR_SYNTAX,
                     "bare CR in the message at octet %" G_GUINT64_FORMAT, offset + i);
        return FALSE;
      }
      cr = c == '\r';
      if (c == '\n' && state == 2) {
        self->data_length = offset + i + 1 - self->data_offset;
        return TRUE;
      }
      if (!cr)
        state = c == '\n' ? 1 : state == 1 && c == '.' ? 2 : 0;
    }
    offset += n;
  }
  g_set_error_literal (error, PN_SEND_ERROR, PN_SEND_ERROR_INCOMPLETE, "ends before the end of the data");
  return FALSE;
}

static PnSource *
open_plain (const char *path, PnKey *key, gboolean head_only, gboolean *ours, GError **error)
{
  g_autoptr (PnSource) file = pn_file_source_open (path, error);
  if (!file)
    return NULL;
  *ours = pn_seal_is_sealed (file);
  if (!*ours)
    return g_steal_pointer (&file);
  return head_only ? pn_seal_open_head (key, file, error) : pn_seal_open (key, file, error);
}

PnSendFile *
pn_send_file_open (const char *path, PnKey *key, gboolean head_only, GError **error)
{
  g_autoptr (PnSendFile) self = g_new0 (PnSendFile, 1);
  gboolean ours = FALSE;
  self->source = open_plain (path, key, head_only, &ours, error);
  if (!self->source || !read_head (self, error))
    return NULL;
  if (!head_only && !(ours ? find_end_of_ours (self, error) : find_end_of_plain (self, error)))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean
copy_range (PnSource *source, guint64 offset, guint64 length, PnSink *sink, GError **error)
{
  if (source->data)
    return pn_sink_write (sink, source->data + offset, (gsize) length, error);
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  for (guint64 done = 0; done < length;) {
    gsize n = (gsize) MIN ((guint64) COPY_SIZE, length - done);
    if (!pn_source_read (source, offset + done, buffer, n, error) || !pn_sink_write (sink, buffer, n, error))
      return FALSE;
    done += n;
  }
  return TRUE;
}

gboolean
pn_send_file_copy_data (PnSendFile *self, PnSink *sink, GError **error)
{
  if (self->clean)
    return copy_range (self->source, self->data_offset, self->data_length, sink, error);
  LineFilter filter = { .below = *sink, .stuff = FALSE, .at_start = TRUE };
  PnSink filtered = { line_filter_write, &filter };
  return copy_range (self->source, self->data_offset, self->data_length, &filtered, error)
         && line_filter_finish (&filter, error);
}
