#include "convert/mime.h"

#include "convert/mime-reader.h"
#include "convert/skeleton.h"

#include <string.h>

/* Addresses are compared without case: the left side is case sensitive by the letter of RFC 5321 only. */
static char *
fold (const char *address)
{
  gssize length = (gssize) strlen (address);

  if (length >= 2 && address[0] == '<' && address[length - 1] == '>')
    address++, length -= 2;
  return g_utf8_validate (address, length, NULL) ? g_utf8_casefold (address, length)
                                                 : g_ascii_strdown (address, length);
}

void
pn_mime_set_envelope (PnMessage *message, const char *mail_from, const char *const *rcpt_to)
{
  g_autoptr (GHashTable) listed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  g_free (message->envelope_from);
  message->envelope_from = g_strdup (mail_from);
  for (guint i = message->recipients->len; i-- > 0;) {
    PnRecipient *recipient = g_ptr_array_index (message->recipients, i);
    recipient->deliver = FALSE;
    /* The first of several wins, as it is put in last. */
    if (recipient->address != NULL && recipient->address->internet != NULL)
      g_hash_table_replace (listed, fold (recipient->address->internet), recipient);
  }
  for (guint i = 0; rcpt_to != NULL && rcpt_to[i] != NULL; i++) {
    g_autofree char *key = fold (rcpt_to[i]);
    PnRecipient *recipient = g_hash_table_lookup (listed, key);
    if (recipient == NULL) {
      recipient = pn_message_add_recipient (message, PN_BC, pn_address_new_internet (rcpt_to[i], NULL));
      recipient->listed = FALSE;
      g_hash_table_replace (listed, g_steal_pointer (&key), recipient);
    }
    recipient->deliver = TRUE;
  }
}

/* Takes the skeleton's bytes up to the end of the header and a little more, as the first text part may say
 * which charset the header is in; and then stops the writing. */
enum { BEHIND_HEADER = 64 * 1024 };

typedef struct {
  GByteArray *bytes;
  gsize header_end; /* 0: not seen */
  gboolean complete;
} HeaderTaker;

static gboolean
take_header (gpointer user, const void *data, gsize length, GError **error)
{
  HeaderTaker *taker = user;
  GByteArray *bytes = taker->bytes;
  gsize before = bytes->len > 3 ? bytes->len - 3 : 0;
  gsize room = PN_MIME_MAX_HEADER + BEHIND_HEADER - bytes->len;

  g_byte_array_append (bytes, data, (guint) MIN (length, room));
  if (taker->header_end == 0) {
    const guint8 *from = bytes->data + before;
    gsize n = bytes->len - before;
    const guint8 *lf = memmem (from, n, "\n\n", 2), *crlf = memmem (from, n, "\n\r\n", 3);
    if (lf != NULL && (crlf == NULL || lf < crlf))
      crlf = lf;
    if (crlf != NULL)
      taker->header_end = (gsize) (crlf - bytes->data) + 1;
  }
  taker->complete = bytes->len >= PN_MIME_MAX_HEADER + BEHIND_HEADER
                    || (taker->header_end > 0 && bytes->len >= taker->header_end + BEHIND_HEADER);
  if (!taker->complete)
    return TRUE;
  g_set_error_literal (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO, "the header is complete");
  return FALSE;
}

gboolean
pn_mime_restore_headers (PnMessage *message, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  HeaderTaker taker = { bytes, 0, FALSE };
  PnSink sink = { take_header, &taker };
  g_autoptr (GError) local = NULL;

  if (!pn_skeleton_write (message, &sink, &local) && !taker.complete) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  g_autoptr (PnSource) source = pn_source_new_copy (bytes->data, bytes->len);
  g_autoptr (PnMessage) again = pn_mime_read_header (source, NULL, error);
  if (again == NULL)
    return FALSE;
  GPtrArray *old = message->headers;
  message->headers = again->headers;
  again->headers = old;
  return TRUE;
}
