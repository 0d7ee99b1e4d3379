#include "queue/outgoing.h"

#include "convert/native.h"
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
