#include "smtp/incoming.h"

#include "core/file.h"

#include <string.h>
#include <unistd.h>

enum { MAX_RECEIVED = 50, FIRST_BYTES = 12 };

/* Where we are in dot-stuffed text. */
typedef enum {
  AT_LINE_START, /* behind CRLF, or at the beginning */
  IN_LINE,
  BEHIND_CR,
  BEHIND_DOT,   /* a dot at the start of a line, held back */
  BEHIND_DOT_CR /* and a CR, held back too */
} TextState;

/* The header as it passes: only what the end of the message needs to know. */
typedef struct {
  gboolean over;
  gboolean message_id;
  guint received;
  guint column;            /* of the line, as far as it matters */
  char first[FIRST_BYTES]; /* its first bytes, lower case */
} HeaderScan;

struct PnIncoming {
  PnIncomingLimits limits;
  PnEnvelope *envelope; /* owned */
  TextState state;
  HeaderScan header;
  guint64 size;
  gsize prefix_length;
  GByteArray *data; /* owned; NULL once it is in the file */
  gpointer digest;  /* of pn_digest_begin(); NULL while nothing has been digested */
  guint8 hash[32];

  int fd;
  PnFileSink *file;     /* owned */
  PnSealWriter *writer; /* owned */
  PnIncomingFault fault;
  char *reason; /* owned */
};

PnIncoming *
pn_incoming_new (const PnIncomingLimits *limits, PnEnvelope *envelope, const char *prefix, guint64 size)
{
  PnIncoming *self = g_new0 (PnIncoming, 1);
  self->limits = *limits;
  self->envelope = envelope;
  self->fd = -1;
  self->prefix_length = strlen (prefix);
  guint64 expected = MIN (size ? size : 4096, limits->spool_limit);
  self->data = g_byte_array_sized_new ((guint) (expected + self->prefix_length + 64));
  g_byte_array_append (self->data, (const guint8 *) prefix, (guint) self->prefix_length);
  return self;
}

static void
close_file (PnIncoming *self)
{
  g_clear_pointer (&self->writer, pn_seal_writer_free);
  g_clear_pointer (&self->file, pn_file_sink_free);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

void
pn_incoming_free (PnIncoming *self)
{
  if (!self)
    return;
  close_file (self);
  if (self->digest)
    pn_digest_end (self->digest, self->hash);
  if (self->data)
    g_byte_array_unref (self->data);
  pn_envelope_free (self->envelope);
  g_free (self->reason);
  g_free (self);
}

static void
set_fault (PnIncoming *self, PnIncomingFault fault, const char *reason)
{
  if (self->fault)
    return;
  self->fault = fault;
  self->reason = g_strdup (reason);
  close_file (self);
  g_clear_pointer (&self->data, g_byte_array_unref);
}

/* --- digest --------------------------------------------------------------------------------------------- */

static void
digest_text (PnIncoming *self, const char *text)
{
  pn_digest_update (self->digest, text ? text : "", text ? strlen (text) + 1 : 1);
}

/* What the client said, not what we made of it: a second attempt gives the same. */
static void
digest_begin (PnIncoming *self)
{
  const PnEnvelope *envelope = self->envelope;
  self->digest = pn_digest_begin ();
  digest_text (self, envelope->mail_from);
  digest_text (self, envelope->envid);
  digest_text (self, envelope->ret);
  digest_text (self, envelope->user);
  for (guint i = 0; envelope->rcpt_to[i]; i++) {
    digest_text (self, envelope->rcpt_to[i]);
    digest_text (self, envelope->rcpt_notify[i]);
    digest_text (self, envelope->rcpt_orcpt[i]);
  }
  digest_text (self, NULL);
}

/* --- the file ------------------------------------------------------------------------------------------- */

static void
write_to_file (PnIncoming *self, const void *bytes, gsize length)
{
  g_autoptr (GError) error = NULL;
  PnSink sink = pn_seal_writer_sink (self->writer);
  if (!pn_sink_write (&sink, bytes, length, &error))
    set_fault (self, PN_INCOMING_NO_SPACE, error->message);
}

/* What is in memory goes into a file, and what follows, too. */
static void
begin_file (PnIncoming *self)
{
  g_autoptr (GError) error = NULL;
  self->fd = pn_file_unnamed (self->limits.dir, &error);
  if (self->fd < 0) {
    set_fault (self, PN_INCOMING_NO_SPACE, error->message);
    return;
  }
  self->file = pn_file_sink_new (self->fd);
  self->writer = pn_seal_writer_new (self->limits.key, pn_file_sink_sink (self->file));
  g_autoptr (GByteArray) data = g_steal_pointer (&self->data);
  g_autofree char *text = pn_envelope_to_text (self->envelope);
  digest_begin (self);
  pn_digest_update (self->digest, data->data + self->prefix_length, data->len - self->prefix_length);
  write_to_file (self, text, strlen (text));
  if (!self->fault)
    write_to_file (self, "\n", 1);
  if (!self->fault)
    write_to_file (self, data->data, data->len);
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

static void
header_line (HeaderScan *self)
{
  if (self->column == 0 || (self->column == 1 && self->first[0] == '\r'))
    self->over = TRUE;
  else if (self->column >= 9 && memcmp (self->first, "received:", 9) == 0)
    self->received++;
  else if (self->column >= 11 && memcmp (self->first, "message-id:", 11) == 0)
    self->message_id = TRUE;
  self->column = 0;
}

static void
header_scan (HeaderScan *self, const char *bytes, gsize length)
{
  const char *end = bytes + length;
  while (bytes < end && !self->over) {
    while (bytes < end && self->column < FIRST_BYTES && *bytes != '\n')
      self->first[self->column++] = g_ascii_tolower (*bytes++);
    const char *newline = bytes < end ? memchr (bytes, '\n', (gsize) (end - bytes)) : NULL;
    if (!newline)
      return;
    header_line (self);
    bytes = newline + 1;
  }
}

void
pn_incoming_bytes (PnIncoming *self, const char *bytes, gsize length)
{
  self->size += length;
  if (self->fault || length == 0)
    return;
  if (self->size > self->limits.max_size) {
    set_fault (self, PN_INCOMING_TOO_LARGE, NULL);
    return;
  }
  if (!self->header.over) {
    header_scan (&self->header, bytes, length);
    if (self->header.received > MAX_RECEIVED) {
      set_fault (self, PN_INCOMING_LOOP, NULL);
      return;
    }
  }
  if (self->data && self->size > self->limits.spool_limit)
    begin_file (self);
  if (self->data) {
    g_byte_array_append (self->data, (const guint8 *) bytes, (guint) length);
  } else if (!self->fault) {
    pn_digest_update (self->digest, bytes, length);
    write_to_file (self, bytes, length);
  }
}

/* The state behind BYTE, when it is not held back. */
static TextState
behind (TextState state, char byte)
{
  if (byte == '\r')
    return BEHIND_CR;
  return byte == '\n' && state == BEHIND_CR ? AT_LINE_START : IN_LINE;
}

/* Goes over a run of bytes that are all kept; returns where it ends: at a dot that starts a line, or at the
 * end. */
static const char *
plain_run (PnIncoming *self, const char *at, const char *end)
{
  while (at < end) {
    if (self->state == AT_LINE_START && *at == '.')
      break;
    if (self->state == IN_LINE) {
      at = memchr (at, '\r', (gsize) (end - at));
      if (!at)
        return end;
    }
    self->state = behind (self->state, *at++);
  }
  return at;
}

gsize
pn_incoming_text (PnIncoming *self, const char *bytes, gsize length, gboolean *ended)
{
  const char *at = bytes, *end = bytes + length;
  *ended = FALSE;
  while (at < end) {
    if (self->state == BEHIND_DOT) {
      /* RFC 5321 4.5.2: the dot goes, the rest of the line stays. */
      if (*at == '\r') {
        self->state = BEHIND_DOT_CR;
        at++;
        continue;
      }
      self->state = IN_LINE;
    } else if (self->state == BEHIND_DOT_CR) {
      if (*at == '\n') {
        self->state = AT_LINE_START;
        *ended = TRUE;
        return (gsize) (at + 1 - bytes);
      }
      pn_incoming_bytes (self, "\r", 1);
      self->state = BEHIND_CR;
    }
    const char *stop = plain_run (self, at, end);
    pn_incoming_bytes (self, at, (gsize) (stop - at));
    at = stop;
    if (at < end) {
      self->state = BEHIND_DOT;
      at++;
    }
  }
  return length;
}

static void
finish_file (PnIncoming *self)
{
  g_autoptr (GError) error = NULL;
  if (!pn_seal_writer_close (self->writer, &error) || !pn_file_sink_flush (self->file, &error)) {
    set_fault (self, PN_INCOMING_NO_SPACE, error->message);
    return;
  }
  g_clear_pointer (&self->writer, pn_seal_writer_free);
  g_clear_pointer (&self->file, pn_file_sink_free);
}

gboolean
pn_incoming_end (PnIncoming *self)
{
  if (self->fault)
    return FALSE;
  /* A header without a body ends with the message. */
  if (!self->header.over && self->header.column)
    header_line (&self->header);
  /* A limit of nothing means that every message becomes a file, the empty one too. */
  if (self->data && self->limits.spool_limit == 0)
    begin_file (self);
  if (self->fault)
    return FALSE;
  if (self->data) {
    digest_begin (self);
    pn_digest_update (self->digest, self->data->data + self->prefix_length,
                      self->data->len - self->prefix_length);
  } else {
    finish_file (self);
  }
  pn_digest_end (g_steal_pointer (&self->digest), self->hash);
  return !self->fault;
}

PnIncomingFault
pn_incoming_fault (const PnIncoming *self)
{
  return self->fault;
}

const char *
pn_incoming_reason (const PnIncoming *self)
{
  return self->reason ? self->reason : "";
}

guint64
pn_incoming_size (const PnIncoming *self)
{
  return self->size;
}

PnEnvelope *
pn_incoming_envelope (PnIncoming *self)
{
  return self->envelope;
}

gboolean
pn_incoming_has_message_id (const PnIncoming *self)
{
  return self->header.message_id;
}

const guint8 *
pn_incoming_hash (const PnIncoming *self)
{
  return self->hash;
}

const GByteArray *
pn_incoming_data (const PnIncoming *self)
{
  return self->data;
}

int
pn_incoming_steal_file (PnIncoming *self)
{
  int fd = self->fd;
  self->fd = -1;
  return fd;
}
