#include "queue/journal.h"

#include <string.h>

G_DEFINE_QUARK (pn-journal-error-quark, pn_journal_error)

PnEnvelope *
pn_envelope_new (void)
{
  PnEnvelope *self = g_new0 (PnEnvelope, 1);
  return self;
}

void
pn_envelope_free (PnEnvelope *self)
{
  if (!self)
    return;
  g_free (self->id);
  g_free (self->mail_from);
  g_strfreev (self->rcpt_to);
  g_strfreev (self->rcpt_notify);
  g_strfreev (self->rcpt_orcpt);
  g_free (self->envid);
  g_free (self->ret);
  g_free (self->user);
  g_free (self->helo);
  g_free (self->peer);
  g_free (self);
}

/* --- to text ---------------------------------------------------------------------------------- */

static void
put (GString *out, const char *key, const char *value)
{
  g_string_append (out, key);
  g_string_append_c (out, '=');
  for (gsize plain; *value; value += plain) {
    plain = strcspn (value, "\\\n\r");
    g_string_append_len (out, value, (gssize) plain);
    if (!value[plain])
      break;
    g_string_append_c (out, '\\');
    g_string_append_c (out, value[plain] == '\n' ? 'n' : value[plain] == '\r' ? 'r' : '\\');
    plain++;
  }
  g_string_append_c (out, '\n');
}

static void
put_if (GString *out, const char *key, const char *value)
{
  if (value)
    put (out, key, value);
}

char *
pn_envelope_to_text (const PnEnvelope *self)
{
  GString *out = g_string_sized_new (256);
  put_if (out, "id", self->id);
  g_string_append_printf (out, "time=%" G_GINT64_FORMAT "\n", self->time);
  put (out, "from", self->mail_from ? self->mail_from : "");
  guint notify = self->rcpt_notify ? g_strv_length (self->rcpt_notify) : 0;
  guint orcpt = self->rcpt_orcpt ? g_strv_length (self->rcpt_orcpt) : 0;
  for (guint i = 0; self->rcpt_to && self->rcpt_to[i]; i++) {
    put (out, "to", self->rcpt_to[i]);
    if (i < notify && *self->rcpt_notify[i])
      put (out, "notify", self->rcpt_notify[i]);
    if (i < orcpt && *self->rcpt_orcpt[i])
      put (out, "orcpt", self->rcpt_orcpt[i]);
  }
  put_if (out, "envid", self->envid);
  put_if (out, "ret", self->ret);
  put_if (out, "user", self->user);
  put_if (out, "helo", self->helo);
  put_if (out, "peer", self->peer);
  if (self->smtputf8)
    put (out, "smtputf8", "1");
  return g_string_free (out, FALSE);
}

/* --- from text -------------------------------------------------------------------------------- */

typedef struct {
  PnEnvelope *envelope;
  GPtrArray *to, *notify, *orcpt;
} Reader;

static void
set_last (GPtrArray *array, char *value)
{
  char **last = (char **) &g_ptr_array_index (array, array->len - 1);
  g_free (*last);
  *last = value;
}

static char **
field_of (PnEnvelope *envelope, const char *key, gsize length)
{
  const struct {
    const char *key;
    char **field;
  } fields[] = {
    { "id", &envelope->id },     { "from", &envelope->mail_from }, { "envid", &envelope->envid },
    { "ret", &envelope->ret },   { "user", &envelope->user },      { "helo", &envelope->helo },
    { "peer", &envelope->peer },
  };
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (strlen (fields[i].key) == length && memcmp (fields[i].key, key, length) == 0)
      return fields[i].field;
  return NULL;
}

/* FALSE if the key is not known or stands where it must not. */
static gboolean
read_field (Reader *self, const char *key, gsize key_length, char *value /* taken */)
{
  g_autofree char *owned = value;
  gboolean is_to = key_length == 2 && memcmp (key, "to", 2) == 0;
  if (is_to) {
    g_ptr_array_add (self->to, g_steal_pointer (&owned));
    g_ptr_array_add (self->notify, g_strdup (""));
    g_ptr_array_add (self->orcpt, g_strdup (""));
    return TRUE;
  }
  gboolean is_notify = key_length == 6 && memcmp (key, "notify", 6) == 0;
  gboolean is_orcpt = key_length == 5 && memcmp (key, "orcpt", 5) == 0;
  if (is_notify || is_orcpt) {
    if (self->to->len == 0)
      return FALSE;
    set_last (is_notify ? self->notify : self->orcpt, g_steal_pointer (&owned));
    return TRUE;
  }
  if (key_length == 4 && memcmp (key, "time", 4) == 0) {
    self->envelope->time = g_ascii_strtoll (owned, NULL, 10);
    return TRUE;
  }
  if (key_length == 8 && memcmp (key, "smtputf8", 8) == 0) {
    self->envelope->smtputf8 = g_str_equal (owned, "1");
    return TRUE;
  }
  char **field = field_of (self->envelope, key, key_length);
  if (!field)
    return FALSE;
  g_free (*field);
  *field = g_steal_pointer (&owned);
  return TRUE;
}

static char *
unescape (const char *from, gsize length)
{
  char *out = g_malloc (length + 1);
  gsize n = 0;
  for (gsize i = 0; i < length; i++) {
    char c = from[i];
    if (c == '\\' && i + 1 < length) {
      c = from[++i];
      c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
    out[n++] = c;
  }
  out[n] = '\0';
  return out;
}

static gboolean
read_lines (Reader *self, const char *text, gsize length, GError **error)
{
  const char *end = text + length;
  for (guint line = 1; text < end; line++) {
    const char *stop = memchr (text, '\n', (gsize) (end - text));
    if (!stop)
      stop = end;
    const char *equals = memchr (text, '=', (gsize) (stop - text));
    if (!equals || memchr (text, '\0', (gsize) (stop - text))
        || !read_field (self, text, (gsize) (equals - text),
                        unescape (equals + 1, (gsize) (stop - equals - 1)))) {
      g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED,
                   "envelope, line %u: not a field of an envelope", line);
      return FALSE;
    }
    text = stop < end ? stop + 1 : end;
  }
  return TRUE;
}

static char **
steal_strv (GPtrArray *array)
{
  char **strv = g_new0 (char *, array->len + 1);
  if (array->len > 0)
    memcpy (strv, array->pdata, array->len * sizeof (char *));
  g_ptr_array_set_free_func (array, NULL);
  g_ptr_array_set_size (array, 0);
  return strv;
}

PnEnvelope *
pn_envelope_from_text (const char *text, gsize length, GError **error)
{
  g_autoptr (PnEnvelope) envelope = pn_envelope_new ();
  g_autoptr (GPtrArray) to = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) notify = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) orcpt = g_ptr_array_new_with_free_func (g_free);
  Reader reader = { envelope, to, notify, orcpt };
  if (!read_lines (&reader, text, length, error))
    return NULL;
  if (to->len == 0) {
    g_set_error (error, PN_JOURNAL_ERROR, PN_JOURNAL_ERROR_DAMAGED, "envelope: it names no recipient");
    return NULL;
  }
  if (!envelope->mail_from)
    envelope->mail_from = g_strdup ("");
  envelope->rcpt_to = steal_strv (to);
  envelope->rcpt_notify = steal_strv (notify);
  envelope->rcpt_orcpt = steal_strv (orcpt);
  return g_steal_pointer (&envelope);
}
