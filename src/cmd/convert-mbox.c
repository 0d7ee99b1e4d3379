#include "cmd/convert-mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"

#define WINDOW (256 * 1024)
/* Messages up to this size are handed out from memory. */
#define MEMORY_MAX (1024 * 1024)
/* What is looked at behind a From_ line. */
#define AHEAD 512

struct PnMbox {
  char *path;
  int fd;
  PnMboxQuoting quoting;
  guint64 size;

  guint8 *window;
  guint64 window_at; /* offset of the window in the file */
  gsize length, position;
  gboolean line_open; /* the line before was longer than the window */

  char *separator; /* of the message to come; NULL before the first */
  gboolean crlf;
  guint64 begin; /* of its From_ line */
};

/* What is known of the message being read. */
typedef struct {
  GByteArray *text; /* its lines, or NULL: too many */
  guint64 start, end;
  gboolean header;
  gboolean has_length, fits;
  guint64 content_length, content_end;
  gboolean quoted; /* a line begins with ">...>From " */
  gboolean bare;   /* a line within Content-Length begins with "From " */
  gsize blank;     /* length of the line before, if it is blank */
  PnMboxMessage *out;
} Reading;

gboolean
pn_mbox_quoting_from_string (const char *text, PnMboxQuoting *quoting)
{
  static const char *const names[] = { "mbox", "mboxo", "mboxrd", "mboxcl", "mboxcl2" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (text, names[i]) == 0) {
      *quoting = (PnMboxQuoting) i;
      return TRUE;
    }
  return FALSE;
}

void
pn_mbox_message_clear (PnMboxMessage *self)
{
  g_clear_pointer (&self->source, pn_source_unref);
  g_clear_pointer (&self->separator, g_free);
}

/* --- From_ lines --------------------------------------------------------------------------- */

static gboolean
is_blank (const guint8 *line, gsize length)
{
  return (length == 1 && line[0] == '\n') || (length == 2 && line[0] == '\r' && line[1] == '\n');
}

static gboolean
is_from (const guint8 *line, gsize length)
{
  return length >= 5 && memcmp (line, "From ", 5) == 0;
}

/* ">From ", ">>From " ... */
static gboolean
is_quoted_from (const guint8 *line, gsize length)
{
  gsize n = 0;
  while (n < length && line[n] == '>')
    n++;
  return n > 0 && is_from (line + n, length - n);
}

/* A time of day stands in every form of the date. */
static gboolean
has_clock (const guint8 *line, gsize length)
{
  for (gsize i = 6; i + 2 < length && line[i] != '\n'; i++)
    if (line[i] == ':' && g_ascii_isdigit (line[i - 1]) && g_ascii_isdigit (line[i + 1])
        && g_ascii_isdigit (line[i + 2]))
      return TRUE;
  return FALSE;
}

/* "Name:", or the quoted From_ line of an earlier mailbox. */
static gboolean
is_field (const guint8 *line, gsize length)
{
  if (is_quoted_from (line, length))
    return TRUE;
  gsize n = 0;
  while (n < length && line[n] > ' ' && line[n] < 0x7f && line[n] != ':')
    n++;
  return n > 0 && n < length && line[n] == ':';
}

/* Prose may begin with "From ", too: after an empty line a From_ line has a time or is followed by a field,
 * elsewhere it has both. */
static gboolean
separates (const guint8 *line, gsize length, gboolean after_blank, const guint8 *next, gsize next_length)
{
  if (!is_from (line, length))
    return FALSE;
  gboolean clock = has_clock (line, length);
  gboolean field = next_length == 0 || is_blank (next, MIN (next_length, 2)) || is_field (next, next_length);
  return after_blank ? clock || (field && next_length > 0 && is_field (next, next_length)) : clock && field;
}

char *
pn_mbox_sender (const char *separator)
{
  if (!separator || !g_str_has_prefix (separator, "From "))
    return NULL;
  const char *begin = separator + 5;
  while (*begin == ' ')
    begin++;
  gsize length = strcspn (begin, " \t");
  g_autofree char *word = g_strndup (begin, length);
  gboolean plain = strchr (word, '@') && !strchr (word, '?') && !strpbrk (word, "<>\"\\(),;");
  return plain && g_utf8_validate (word, -1, NULL) ? g_steal_pointer (&word) : NULL;
}

char *
pn_mbox_separator (const char *sender, gint64 unix_time)
{
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t seconds = (time_t) unix_time;
  struct tm tm;
  if (!gmtime_r (&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -900)
    gmtime_r (&(time_t){ 0 }, &tm);
  gboolean usable = sender && *sender && !strpbrk (sender, " \t\r\n");
  return g_strdup_printf ("From %s %.3s %.3s %2d %02d:%02d:%02d %04d", usable ? sender : "MAILER-DAEMON",
                          days + 3 * tm.tm_wday, months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
                          tm.tm_sec, tm.tm_year + 1900);
}

/* --- lines --------------------------------------------------------------------------------- */

static gssize
read_at (PnMbox *self, guint64 offset, void *buffer, gsize length, GError **error)
{
  gsize done = 0;
  while (done < length) {
    ssize_t n = pread (self->fd, (char *) buffer + done, length - done, (off_t) (offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      pn_file_set_error (error, errno, self->path, "cannot read");
      return -1;
    }
    if (n == 0)
      break;
    done += (gsize) n;
  }
  return (gssize) done;
}

/* The next line, or a piece of one that is longer than the window; *LENGTH 0 at the end.  FALSE with ERROR.
 */
static gboolean
read_line (PnMbox *self, const guint8 **line, gsize *length, guint64 *offset, GError **error)
{
  const guint8 *end = memchr (self->window + self->position, '\n', self->length - self->position);
  if (!end) {
    gsize rest = self->length - self->position;
    memmove (self->window, self->window + self->position, rest);
    self->window_at += self->position;
    self->position = 0;
    gssize n = read_at (self, self->window_at + rest, self->window + rest, WINDOW - rest, error);
    if (n < 0)
      return FALSE;
    self->length = rest + (gsize) n;
    end = memchr (self->window, '\n', self->length);
  }
  *line = self->window + self->position;
  *length = end ? (gsize) (end + 1 - *line) : self->length - self->position;
  *offset = self->window_at + self->position;
  self->position += *length;
  return TRUE;
}

/* Whether LINE at OFFSET begins another message. */
static gboolean
is_separator (PnMbox *self, const guint8 *line, gsize length, guint64 offset, gboolean after_blank)
{
  guint8 next[AHEAD];
  if (!is_from (line, length))
    return FALSE;
  gssize n = read_at (self, offset + length, next, sizeof next, NULL);
  return separates (line, length, after_blank, next, n > 0 ? (gsize) n : 0);
}

/* --- a message ----------------------------------------------------------------------------- */

static void
take_flags (Reading *self, const char *value, gsize length, gboolean extended)
{
  static const char letters[][2] = { { 'A', 'R' }, { 'F', 'F' }, { 'D', 'T' }, { 'T', 'D' } };
  gsize used = strlen (self->out->flags);
  for (gsize i = 0; i < length; i++) {
    char flag = 0;
    if (!extended && value[i] == 'R')
      flag = 'S';
    for (guint k = 0; extended && k < G_N_ELEMENTS (letters); k++)
      if (value[i] == letters[k][0])
        flag = letters[k][1];
    if (!flag || strchr (self->out->flags, flag) || used + 1 >= sizeof self->out->flags)
      continue;
    gsize at = used++;
    for (; at > 0 && self->out->flags[at - 1] > flag; at--) /* a Maildir has them sorted */
      self->out->flags[at] = self->out->flags[at - 1];
    self->out->flags[at] = flag;
  }
}

static gboolean
value_of (const guint8 *line, gsize length, const char *name, const char **value, gsize *value_length)
{
  gsize n = strlen (name);
  if (length <= n || g_ascii_strncasecmp ((const char *) line, name, n) != 0)
    return FALSE;
  *value = (const char *) line + n;
  *value_length = length - n;
  return TRUE;
}

static void
look_at_field (Reading *self, const guint8 *line, gsize length)
{
  const char *value;
  gsize n;
  if (value_of (line, length, "Status:", &value, &n))
    take_flags (self, value, n, FALSE);
  else if (value_of (line, length, "X-Status:", &value, &n))
    take_flags (self, value, n, TRUE);
  else if (value_of (line, length, "Content-Length:", &value, &n)) {
    g_autofree char *text = g_strndup (value, n);
    char *end = NULL;
    self->content_length = g_ascii_strtoull (g_strchug (text), &end, 10);
    self->has_length = end != text;
  }
}

/* A Content-Length counts only if the file ends there or another From_ line follows. */
static void
try_length (PnMbox *mbox, Reading *self, guint64 body)
{
  if (!self->has_length || mbox->quoting == PN_MBOX_O || mbox->quoting == PN_MBOX_RD
      || self->content_length > mbox->size - body)
    return;
  guint64 end = body + self->content_length;
  guint8 next[AHEAD];
  gssize n = read_at (mbox, end, next, sizeof next, NULL);
  if (n < 0)
    return;
  gsize at = 0;
  while (at < (gsize) n && (next[at] == '\n' || next[at] == '\r'))
    at++;
  gboolean before = at > 0 || self->content_length == 0;
  self->fits
      = ((gsize) n == at && (gsize) n < sizeof next) || (before && is_from (next + at, (gsize) n - at));
  self->content_end = end;
}

static void
keep (Reading *self, const guint8 *line, gsize length)
{
  if (self->text && self->text->len + length > MEMORY_MAX)
    g_clear_pointer (&self->text, g_byte_array_unref);
  if (self->text)
    g_byte_array_append (self->text, line, (guint) length);
}

/* The lines up to the next message.  TRUE also at the end of the file, with mbox->separator NULL. */
static gboolean
read_lines (PnMbox *mbox, Reading *self, GError **error)
{
  const guint8 *line;
  gsize length;
  guint64 offset;
  gboolean begins = TRUE;
  for (;;) {
    if (!read_line (mbox, &line, &length, &offset, error))
      return FALSE;
    if (length == 0) {
      self->end = offset;
      return TRUE;
    }
    gboolean inside = self->fits && offset < self->content_end;
    if (begins && line[0] == 'F' && is_from (line, length)) {
      if (inside)
        self->bare = TRUE;
      else if ((self->fits && offset >= self->content_end)
               || is_separator (mbox, line, length, offset, self->blank > 0 || self->header)) {
        self->end = offset;
        mbox->crlf = length > 1 && line[length - 2] == '\r';
        mbox->separator = g_strndup ((const char *) line, length - (line[length - 1] == '\n') - mbox->crlf);
        mbox->begin = offset;
        return TRUE;
      }
    } else if (begins && line[0] == '>' && is_quoted_from (line, length))
      self->quoted = TRUE;
    if (inside && offset + length > self->content_end) { /* the body ends within this line */
      gsize rest = (gsize) (offset + length - self->content_end);
      mbox->position -= rest;
      length -= rest;
    }
    if (!self->fits || offset < self->content_end)
      keep (self, line, length);
    self->blank = begins && is_blank (line, length) ? length : 0;
    if (self->header && begins) {
      if (self->blank) {
        self->header = FALSE;
        try_length (mbox, self, offset + length);
      } else
        look_at_field (self, line, length);
    }
    begins = line[length - 1] == '\n' || (self->fits && offset + length == self->content_end);
  }
}

/* --- what it is handed out as -------------------------------------------------------------- */

typedef struct {
  PnSink below;
  gboolean once; /* only ">From " is quoted, not ">>From " */
} Unquoter;

/* Length of LINE's quoting that is taken away: 0 or 1. */
static gsize
unquoted (const Unquoter *self, const guint8 *line, gsize length)
{
  return is_quoted_from (line, length) && (!self->once || line[1] == 'F') ? 1 : 0;
}

static gboolean
unquote (const Unquoter *self, const guint8 *text, gsize length, GError **error)
{
  const guint8 *end = text + length, *line = text, *from = text;
  PnSink sink = self->below;
  while (line < end) {
    if (*line == '>' && unquoted (self, line, (gsize) (end - line))) {
      if (!pn_sink_write (&sink, from, (gsize) (line - from), error))
        return FALSE;
      from = line + 1;
    }
    const guint8 *feed = memchr (line, '\n', (gsize) (end - line));
    line = feed ? feed + 1 : end;
  }
  return pn_sink_write (&sink, from, (gsize) (end - from), error);
}

/* A large message whose quoting has to be undone: a copy without a name. */
static PnSource *
unquote_file (PnMbox *mbox, const Unquoter *unquoter, guint64 start, guint64 end, GError **error)
{
  int fd = pn_file_unnamed (g_get_tmp_dir (), error);
  if (fd < 0)
    return NULL;
  g_autoptr (PnFileSink) copy = pn_file_sink_new (fd);
  Unquoter into = { pn_file_sink_sink (copy), unquoter->once };
  g_autofree guint8 *buffer = g_malloc (WINDOW);
  gsize rest = 0;
  gboolean done = TRUE;
  while (done && (start < end || rest > 0)) {
    gsize wanted = (gsize) MIN ((guint64) (WINDOW - rest), end - start);
    gssize n = read_at (mbox, start, buffer + rest, wanted, error);
    done = n >= 0;
    if (!done)
      break;
    start += (guint64) n;
    gsize filled = rest + (gsize) n;
    const guint8 *feed = start < end ? memrchr (buffer, '\n', filled) : NULL;
    gsize whole = feed ? (gsize) (feed + 1 - buffer) : filled;
    done = unquote (&into, buffer, whole, error);
    rest = filled - whole;
    memmove (buffer, buffer + whole, rest);
    if (n == 0 && wanted > 0)
      end = start;
  }
  if (done && pn_file_sink_flush (copy, error))
    return pn_file_source_new (fd, error);
  close (fd);
  return NULL;
}

static PnSource *
make_source (PnMbox *mbox, Reading *self, GError **error)
{
  gboolean undo = self->quoted && mbox->quoting != PN_MBOX_CL2 && !self->bare;
  Unquoter unquoter = { .once = mbox->quoting == PN_MBOX_O || mbox->quoting == PN_MBOX_CL };
  if (self->text && !undo) {
    g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->text));
    return pn_source_new_bytes (bytes);
  }
  if (self->text) {
    g_autoptr (GByteArray) plain = g_byte_array_sized_new (self->text->len);
    unquoter.below = pn_sink_to_array (plain);
    if (!unquote (&unquoter, self->text->data, self->text->len, error))
      return NULL;
    g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (g_steal_pointer (&plain));
    return pn_source_new_bytes (bytes);
  }
  if (undo)
    return unquote_file (mbox, &unquoter, self->start, self->end, error);
  g_autoptr (PnSource) file = pn_file_source_open (mbox->path, error);
  return file ? pn_source_new_range (file, self->start, self->end - self->start) : NULL;
}

gboolean
pn_mbox_next (PnMbox *self, PnMboxMessage *out, GError **error)
{
  *out = (PnMboxMessage){ 0 };
  if (!self->separator)
    return FALSE;
  out->separator = g_steal_pointer (&self->separator);
  out->crlf = self->crlf;
  guint64 begin = self->begin;
  Reading reading = { .header = TRUE, .start = self->window_at + self->position, .out = out };
  reading.text = g_byte_array_new ();
  gboolean done = read_lines (self, &reading, error);
  out->extent = reading.end - begin;
  if (done && reading.fits)
    reading.end = reading.content_end;
  else if (done && reading.blank > 0 && reading.end - reading.start > reading.blank) {
    /* the empty line before From_ belongs to it */
    reading.end -= reading.blank;
    if (reading.text)
      g_byte_array_set_size (reading.text, reading.text->len - (guint) reading.blank);
  }
  if (done)
    out->source = make_source (self, &reading, error);
  g_clear_pointer (&reading.text, g_byte_array_unref);
  if (out->source)
    return TRUE;
  pn_mbox_message_clear (out);
  return FALSE;
}

PnMbox *
pn_mbox_open (const char *path, PnMboxQuoting quoting, GError **error)
{
  g_autoptr (PnMbox) self = g_new0 (PnMbox, 1);
  self->path = g_strdup (path);
  self->quoting = quoting;
  self->fd = open (path, O_RDONLY | O_CLOEXEC);
  if (self->fd < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    return NULL;
  }
  off_t size = lseek (self->fd, 0, SEEK_END);
  self->size = size > 0 ? (guint64) size : 0;
  self->window = g_malloc (WINDOW);
  /* up to the first From_ line; text before it is no message */
  const guint8 *line;
  gsize length;
  guint64 offset;
  do {
    if (!read_line (self, &line, &length, &offset, error))
      return NULL;
  } while (length > 0 && is_blank (line, length));
  if (length > 0 && !is_from (line, length)) {
    g_set_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX,
                 "no mailbox: its first line is no From_ line");
    return NULL;
  }
  if (length > 0) {
    self->crlf = length > 1 && line[length - 2] == '\r';
    self->separator = g_strndup ((const char *) line, length - (line[length - 1] == '\n') - self->crlf);
    self->begin = offset;
  }
  return g_steal_pointer (&self);
}

void
pn_mbox_free (PnMbox *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->separator);
  g_free (self->window);
  g_free (self->path);
  g_free (self);
}

gboolean
pn_mbox_is (const char *path, const char *head, gsize length, gboolean certain)
{
  if (!is_from ((const guint8 *) head, length))
    return FALSE;
  if (certain)
    return TRUE;
  g_autoptr (PnMbox) mbox = pn_mbox_open (path, PN_MBOX_AUTO, NULL);
  if (!mbox || !mbox->separator || !has_clock ((const guint8 *) mbox->separator, strlen (mbox->separator)))
    return FALSE;
  Reading reading
      = { .header = TRUE, .start = mbox->window_at + mbox->position, .out = &(PnMboxMessage){ 0 } };
  g_clear_pointer (&mbox->separator, g_free);
  return read_lines (mbox, &reading, NULL) && mbox->separator;
}

/* --- writing ------------------------------------------------------------------------------- */

static gboolean
emit (PnMboxWriter *self, const void *data, gsize length, GError **error)
{
  if (length == 0)
    return TRUE;
  self->last = ((const char *) data)[length - 1];
  self->any = TRUE;
  return pn_sink_write (&self->below, data, length, error);
}

/* The begin of a line that was held back. */
static gboolean
release (PnMboxWriter *self, gboolean quote, GError **error)
{
  guint64 n = self->quotes + (quote ? 1 : 0);
  self->begin = FALSE;
  for (; n > 0; n--)
    if (!emit (self, ">", 1, error))
      return FALSE;
  return emit (self, "From ", self->matched, error);
}

static gboolean
write_quoted (gpointer user, const void *data, gsize length, GError **error)
{
  PnMboxWriter *self = user;
  const char *p = data, *end = p + length;
  while (p < end) {
    if (self->begin) {
      if (self->matched == 0 && *p == '>') {
        self->quotes++;
        p++;
        continue;
      }
      if (*p == "From "[self->matched]) {
        p++;
        if (++self->matched == 5 && !release (self, TRUE, error))
          return FALSE;
        continue;
      }
      if (!release (self, FALSE, error))
        return FALSE;
    }
    const char *from = p, *feed;
    while ((feed = memchr (p, '\n', (gsize) (end - p)))) {
      p = feed + 1;
      if (p == end || *p == '>' || *p == 'F')
        break;
    }
    if (!feed)
      p = end;
    else {
      self->begin = TRUE;
      self->quotes = self->matched = 0;
    }
    if (!emit (self, from, (gsize) (p - from), error))
      return FALSE;
  }
  return TRUE;
}

gboolean
pn_mbox_writer_begin (PnMboxWriter *self, PnSink below, const char *separator, gboolean crlf, GError **error)
{
  *self = (PnMboxWriter){ .below = below, .begin = TRUE };
  return pn_sink_puts (&self->below, separator, error)
         && pn_sink_puts (&self->below, crlf ? "\r\n" : "\n", error);
}

PnSink
pn_mbox_writer_sink (PnMboxWriter *self)
{
  return (PnSink){ write_quoted, self };
}

gboolean
pn_mbox_writer_end (PnMboxWriter *self, gboolean crlf, gboolean *added_out, GError **error)
{
  const char *line_end = crlf ? "\r\n" : "\n";
  if (self->begin && !release (self, FALSE, error))
    return FALSE;
  *added_out = !self->any || self->last != '\n';
  return (!*added_out || pn_sink_puts (&self->below, line_end, error))
         && pn_sink_puts (&self->below, line_end, error);
}

static gboolean
write_line_feeds (gpointer user, const void *data, gsize length, GError **error)
{
  PnLineFeedWriter *self = user;
  const char *p = data, *end = p + length;
  if (length > 0 && self->held_cr && *p != '\n' && !pn_sink_write (&self->below, "\r", 1, error))
    return FALSE;
  if (length > 0)
    self->held_cr = FALSE;
  while (p < end) {
    const char *cr = memchr (p, '\r', (gsize) (end - p));
    gsize n = cr ? (gsize) (cr - p) : (gsize) (end - p);
    gboolean last = cr && cr + 1 == end, lone = cr && !last && cr[1] != '\n';
    if (!pn_sink_write (&self->below, p, n + (lone ? 1 : 0), error))
      return FALSE;
    p += n + (cr ? 1 : 0);
    self->held_cr = last;
  }
  return TRUE;
}

PnSink
pn_line_feed_writer_sink (PnLineFeedWriter *self)
{
  return (PnSink){ write_line_feeds, self };
}

gboolean
pn_line_feed_writer_end (PnLineFeedWriter *self, GError **error)
{
  gboolean held = self->held_cr;
  self->held_cr = FALSE;
  return !held || pn_sink_write (&self->below, "\r", 1, error);
}
