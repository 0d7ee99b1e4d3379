#include "queue/outgoing.h"

#include "convert/mime.h"
#include "convert/native.h"
#include "core/log.h"
#include "queue/queue-private.h"

#include <unistd.h>

static gboolean
write_sealed (int fd, PnKey *key, PnMessage *message, GError **error)
{
  g_autoptr (PnFileSink) file = pn_file_sink_new (fd);
  g_autoptr (PnSealWriter) seal = pn_seal_writer_new (key, pn_file_sink_sink (file));
  PnSink sink = pn_seal_writer_sink (seal);
  return pn_native_write (message, &sink, error) && pn_seal_writer_close (seal, error)
         && pn_file_sink_flush (file, error);
}

static int
write_to (int fd, PnQueue *queue, PnKey *key, PnMessage *message, GError **error)
{
  if (fd < 0)
    return -1;
  if (write_sealed (fd, key, message, error))
    return fd;
  g_prefix_error (error, "%s: ", pn_queue_path (queue));
  close (fd);
  return -1;
}

int
pn_outgoing_stage (PnQueue *queue, PnKey *key, PnMessage *message, GError **error)
{
  return write_to (pn_queue_stage (queue, error), queue, key, message, error);
}

gboolean
pn_outgoing_put (PnQueue *queue, PnKey *key, PnMessage *message, guint priority, GError **error)
{
  int fd = write_to (pn_queue_stage_new (queue, error), queue, key, message, error);
  if (fd < 0)
    return FALSE;
  gboolean ok = pn_queue_put (queue, fd, priority, FALSE, NULL, error);
  close (fd);
  return ok;
}

/* --- what comes back -------------------------------------------------------------------------- */

#define RETURNED_MAX (256 * 1024)

static gboolean
goes_outside (const PnMessage *status)
{
  const PnRecipient *to = status->recipients->len > 0 ? g_ptr_array_index (status->recipients, 0) : NULL;
  return status->type == PN_TYPE_STATUS && to && !to->address->user && to->address->internet;
}

void
pn_outgoing_return_original (PnMessage *status, PnSource *plain, const char *host)
{
  if (!goes_outside (status))
    return;
  g_autoptr (GError) error = NULL;
  gboolean whole = status->envelope_ret && g_ascii_strcasecmp (status->envelope_ret, "FULL") == 0;
  PnMimeWriteOptions options = { .host = host, .default_domain = host };
  g_autoptr (PnMessage) message = pn_native_read (plain, &error);
  PnPart *part = message ? pn_mime_returned_part (message, whole, RETURNED_MAX, &options, &error) : NULL;
  if (part) {
    pn_message_add_part (status, part);
    return;
  }
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_warning ("not_returned", "id=%s reason=%s", status->orig_id, reason);
}
