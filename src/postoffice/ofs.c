/* The post office server: takes queue files in batches, puts them into the store, sends statuses back. */
#include "postoffice/ofs.h"

#include "convert/native.h"
#include "core/counters.h"
#include "core/file.h"
#include "core/log.h"
#include "core/trace.h"
#include "queue/outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "OFS"
/* Wakes now and then even if nothing comes, for the sweep. */
#define TICK_MS 60000
#define SWEEP_INTERVAL_S 86400
/* A message that another process is just about to point to is not swept. */
#define SWEEP_GRACE_S 86400
/* While mailboxes wait to be flushed. */
#define SETTLE_TICK_MS 5000
#define RECOVER_BATCH 256
#define BACK_OFF_FIRST_S 1
#define BACK_OFF_LAST_S 10
#define DELAY_LAST_S 3600

/* --- a queue file --- */

static void
hop_free (gpointer data)
{
  PnHop *self = data;
  g_free (self->where);
  g_free (self->detail);
  g_free (self);
}

void
pn_delivery_hop (PnDelivery *self, const char *event, const char *where, const char *detail)
{
  PnHop *hop = g_new (PnHop, 1);
  *hop = (PnHop){ event, g_strdup (where), g_strdup (detail) };
  g_ptr_array_add (self->hops, hop);
}

static PnDelivery *
delivery_alloc (void)
{
  PnDelivery *self = g_new0 (PnDelivery, 1);
  self->fd = -1;
  self->statuses = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_message_free);
  self->hops = g_ptr_array_new_with_free_func (hop_free);
  return self;
}

static void
delivery_free (gpointer data)
{
  PnDelivery *self = data;
  if (self->fd >= 0)
    close (self->fd);
  g_clear_pointer (&self->message, pn_message_free);
  g_clear_pointer (&self->sealed, pn_source_unref);
  g_ptr_array_unref (self->statuses);
  g_ptr_array_unref (self->hops);
  pn_queue_item_free (self->item);
  g_free (self);
}

static gboolean
open_sealed (PnDelivery *self, GError **error)
{
  const char *path = self->item->path;
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || fstat (fd, &st) < 0) {
    pn_file_set_error (error, errno, path, "cannot open");
    if (fd >= 0)
      close (fd);
    return FALSE;
  }
  if (st.st_size > PN_STORE_ROW_LIMIT)
    self->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  self->sealed = pn_file_source_new (fd, error);
  return self->sealed != NULL;
}

static gboolean
read_message (PnOfs *ofs, PnDelivery *self, GError **error)
{
  if (!open_sealed (self, error))
    return FALSE;
  g_autoptr (PnSource) plain = pn_seal_open (ofs->program->key, self->sealed, error);
  if (!plain)
    return FALSE;
  self->size = plain->size;
  self->message = pn_native_read_head (plain, error);
  return self->message != NULL;
}

/* Why the message cannot be delivered at all; NULL if it can. */
static char *
find_fault (PnOfs *ofs, PnOffice *office, const PnMessage *message)
{
  if (!message->id || !*message->id)
    return g_strdup ("The message has no Msg-ID.");
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->deliver && pn_ofs_is_ours (ofs, office, recipient->address))
      return NULL;
  }
  return g_strdup_printf ("No recipient of the message belongs to post office %s.", office->name);
}

static void
set_aside (PnDelivery *self, const char *reason)
{
  g_autofree char *moved = pn_queue_item_problem (self->item, PROGRAM, reason);
  if (self->message && self->message->id)
    pn_trace (self->message->id, "problem", moved ? moved : self->item->path, NULL, reason);
  pn_counter_add (PN_COUNTER_PROBLEMS, 1);
}

/* What is wrong with the bytes stays wrong; what is wrong with the machine may pass. */
static void
cannot_read (PnDelivery *self, const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    pn_queue_item_done (self->item, NULL);
  else if (error->domain == G_IO_ERROR || g_error_matches (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_IO)) {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_read", "path=%s reason=%s", self->item->path, reason);
    pn_queue_item_later (self->item, 60);
  } else
    set_aside (self, error->message);
}

/* A delivery, or NULL if the item has been dealt with.  Takes ITEM. */
static PnDelivery *
delivery_new (PnOfs *ofs, PnOffice *office, PnQueueItem *item)
{
  g_autoptr (GError) error = NULL;
  PnDelivery *self = delivery_alloc ();
  self->item = item;
  pn_queue_item_busy (item, TRUE);
  gboolean ok = read_message (ofs, self, &error);
  pn_queue_item_busy (item, FALSE);
  g_autofree char *fault = ok ? find_fault (ofs, office, self->message) : NULL;
  gint64 wait = ok && self->message->distribute_date.set
                    ? self->message->distribute_date.unix_time - g_get_real_time () / G_USEC_PER_SEC
                    : 0;
  if (!ok)
    cannot_read (self, error);
  else if (fault)
    set_aside (self, fault);
  else if (wait > 0)
    pn_queue_item_later (item, (guint) MIN (wait, DELAY_LAST_S));
  else
    return self;
  delivery_free (self);
  return NULL;
}

/* --- a batch --- */

/* In the queue and flushed before the queue files they follow from are removed. */
static gboolean
send_statuses (PnOfs *ofs, PnOffice *office, GPtrArray *deliveries, GError **error)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GArray) priorities = g_array_new (FALSE, FALSE, sizeof (guint));
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < deliveries->len; i++) {
    const PnDelivery *delivery = deliveries->pdata[i];
    for (guint j = 0; ok && j < delivery->statuses->len; j++) {
      const PnMessage *status = delivery->statuses->pdata[j];
      int fd = pn_outgoing_stage (office->out, ofs->program->key, delivery->statuses->pdata[j], error);
      guint priority = status->type == PN_TYPE_SEARCH
                           ? pn_message_priority_directory (status)
                           : MIN (pn_message_priority_directory (delivery->message) + 1,
                                  PN_QUEUE_PRIORITIES - 1);
      ok = fd >= 0;
      if (ok) {
        g_array_append_val (fds, fd);
        g_array_append_val (priorities, priority);
      }
    }
  }
  if (ok && fds->len > 0)
    ok = pn_queue_put_batch (office->out, (const int *) fds->data, (const guint *) priorities->data, fds->len,
                             FALSE, error);
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  return ok;
}

/* NOTxxx.FIL: who waits for a mailbox sees its time stamp change. */
static void
notify (PnOffice *office)
{
  GHashTableIter iter;
  gpointer fid;
  g_hash_table_iter_init (&iter, office->changed);
  while (g_hash_table_iter_next (&iter, &fid, NULL)) {
    g_autofree char *path = g_strdup_printf ("%s/NOT%s.FIL", office->notify_path, (const char *) fid);
    if (utimensat (AT_FDCWD, path, NULL, 0) == 0)
      continue;
    int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
      close (fd);
    else
      pn_log_warning ("cannot_notify", "path=%s reason=\"%s\"", path, g_strerror (errno));
  }
  g_hash_table_remove_all (office->changed);
}

static void
finish (PnOffice *office, PnDelivery *delivery)
{
  g_autoptr (GError) error = NULL;
  const PnMessage *message = delivery->message;
  for (guint i = 0; i < delivery->hops->len; i++) {
    const PnHop *hop = delivery->hops->pdata[i];
    pn_trace (message->id, hop->event, hop->where, NULL, hop->detail);
  }
  for (guint i = 0; i < delivery->statuses->len; i++) {
    const PnMessage *status = delivery->statuses->pdata[i];
    pn_trace (status->id, "status", pn_queue_path (office->out), "ms", status->orig_id);
  }
  pn_counter_add (message->type == PN_TYPE_STATUS ? PN_COUNTER_STATUSES_IN : PN_COUNTER_MESSAGES_IN, 1);
  pn_counter_add (PN_COUNTER_BYTES_IN, (gint64) delivery->size);
  pn_counter_add (PN_COUNTER_STATUSES_OUT, delivery->statuses->len);
  /* If the file cannot be removed it comes again, and does no harm. */
  if (!pn_queue_item_done (delivery->item, &error))
    pn_log_warning ("cannot_remove", "reason=\"%s\"", error->message);
}

static gboolean
deliver_batch (PnOfs *ofs, PnOffice *office, GPtrArray *deliveries, GError **error)
{
  g_hash_table_remove_all (office->changed);
  pn_store_begin (office->store);
  for (guint i = 0; i < deliveries->len; i++)
    if (!pn_ofs_deliver (ofs, office, deliveries->pdata[i], error)) {
      pn_store_rollback (office->store);
      return FALSE;
    }
  if (!pn_store_commit (office->store, error) || !send_statuses (ofs, office, deliveries, error))
    return FALSE;
  notify (office);
  for (guint i = 0; i < deliveries->len; i++)
    finish (office, deliveries->pdata[i]);
  return TRUE;
}

static void
put_off (PnOfs *ofs, PnDelivery *delivery, const GError *error)
{
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_error ("cannot_deliver", "id=%s path=%s again_in=%u reason=%s", delivery->message->id,
                delivery->item->path, ofs->back_off, reason);
  pn_counter_add (PN_COUNTER_ERRORS_IN, 1);
  pn_queue_item_later (delivery->item, ofs->back_off);
}

static void
deliver_singly (PnOfs *ofs, PnOffice *office, GPtrArray *deliveries)
{
  guint failed = 0;
  guint back_off = ofs->back_off ? MIN (ofs->back_off * 2, BACK_OFF_LAST_S) : BACK_OFF_FIRST_S;
  for (guint i = 0; i < deliveries->len; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) one = g_ptr_array_new ();
    g_ptr_array_add (one, deliveries->pdata[i]);
    if (deliver_batch (ofs, office, one, &error))
      continue;
    ofs->back_off = back_off;
    put_off (ofs, deliveries->pdata[i], error);
    failed++;
  }
  if (failed == 0)
    ofs->back_off = 0;
}

static void
serve (PnOfs *ofs, PnOffice *office, GPtrArray *items)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) deliveries = g_ptr_array_new_with_free_func (delivery_free);
  for (guint i = 0; i < items->len; i++) {
    PnQueueItem *item = items->pdata[i];
    if (!item || item->queue != office->work)
      continue;
    items->pdata[i] = NULL;
    PnDelivery *delivery = delivery_new (ofs, office, item);
    if (delivery)
      g_ptr_array_add (deliveries, delivery);
  }
  if (deliveries->len == 0)
    return;
  if (deliver_batch (ofs, office, deliveries, &error)) {
    ofs->back_off = 0;
    return;
  }
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_warning ("batch_failed", "post_office=%s messages=%u reason=%s", office->name, deliveries->len,
                  reason);
  deliver_singly (ofs, office, deliveries);
}

/* --- after a failure of the machine --- */

/* A message of the store instead of one of the queue. */
static PnDelivery *
delivery_from_store (PnOfs *ofs, PnOffice *office, const PnItem *pointer, GError **error)
{
  g_autoptr (PnSource) sealed = pn_store_open_sealed (office->store, pointer, error);
  g_autoptr (PnSource) plain = sealed ? pn_seal_open (ofs->program->key, sealed, error) : NULL;
  PnMessage *message = plain ? pn_native_read_head (plain, error) : NULL;
  if (!message)
    return NULL;
  PnDelivery *self = delivery_alloc ();
  self->message = message;
  self->sealed = g_steal_pointer (&sealed);
  self->size = plain->size;
  return self;
}

/* Its statuses are not sent: the queue file was removed, so they had been. */
static gboolean
deliver_again (PnOfs *ofs, PnOffice *office, GPtrArray *pointers, guint from, guint to, GError **error)
{
  pn_store_begin (office->store);
  for (guint i = from; i < to; i++) {
    const PnItem *pointer = pointers->pdata[i];
    g_autoptr (GError) reason = NULL;
    PnDelivery *delivery = delivery_from_store (ofs, office, pointer, &reason);
    if (!delivery) {
      g_autofree char *text = pn_log_quote (reason->message);
      pn_log_error ("cannot_deliver_again", "id=%s reason=%s", pointer->id, text);
      continue;
    }
    gboolean ok = pn_ofs_deliver (ofs, office, delivery, error);
    /* The batch refers to its bytes until it is committed only for new messages, and this one is in the
     * store. */
    delivery_free (delivery);
    if (!ok) {
      pn_store_rollback (office->store);
      return FALSE;
    }
  }
  return pn_store_commit (office->store, error);
}

static gboolean
recover (PnOfs *ofs, PnOffice *office, GError **error)
{
  g_autoptr (GPtrArray) pointers = pn_store_list_unsettled (office->store, error);
  if (!pointers)
    return FALSE;
  if (pointers->len == 0)
    return TRUE;
  pn_log_info ("recover", "post_office=%s messages=%u", office->name, pointers->len);
  for (guint i = 0; i < pointers->len; i += RECOVER_BATCH)
    if (!deliver_again (ofs, office, pointers, i, MIN (i + RECOVER_BATCH, pointers->len), error))
      return FALSE;
  return pn_store_settle (office->store, error);
}

/* Also what went wrong is tried again: the messages are remembered until it succeeds. */
static void
settle (PnOffice *office)
{
  g_autoptr (GError) error = NULL;
  if (pn_store_settle (office->store, &error))
    return;
  g_autofree char *reason = pn_log_quote (error->message);
  pn_log_error ("cannot_settle", "post_office=%s reason=%s", office->name, reason);
}

/* --- the program --- */

static void
sweep (PnOfs *ofs, PnOffice *office)
{
  struct stat st;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GError) error = NULL, series = NULL;
  guint removed = 0;
  if (stat (office->sweep_path, &st) == 0 && now - st.st_mtime < SWEEP_INTERVAL_S)
    return;
  if (pn_store_sweep (office->store, SWEEP_GRACE_S, &removed, &error))
    pn_log_info ("swept", "post_office=%s messages=%u", office->name, removed);
  else {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_sweep", "post_office=%s reason=%s", office->name, reason);
  }
  if (!pn_ofs_extend_series (ofs, office, &series)) {
    g_autofree char *reason = pn_log_quote (series->message);
    pn_log_error ("cannot_extend_series", "post_office=%s reason=%s", office->name, reason);
  }
  notify (office);
  int fd = open (office->sweep_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    futimens (fd, NULL);
    close (fd);
  }
}

/* As configured, as long as they take no more than half of the descriptors this process may have. */
static guint
open_databases (const PnConfig *config)
{
  struct rlimit limit;
  rlim_t wanted = (rlim_t) pn_config_integer (config, "ofs", "open-databases");
  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return 0;
  rlim_t each = MIN (limit.rlim_cur, 65536) / 2 / 3 / config->post_offices->len;
  return (guint) MIN (each, wanted);
}

static gboolean
open_office (PnOfs *self, PnOffice *office, const PnPostOfficeConfig *config, GError **error)
{
  g_autofree char *work = g_build_filename (config->path, "WPCSOUT", "OFS", NULL);
  g_autofree char *out = g_build_filename (config->path, "WPCSIN", NULL);
  office->name = config->name;
  office->notify_path = g_build_filename (config->path, "OFNOTIFY", NULL);
  office->sweep_path = g_build_filename (config->path, "OFWORK", "SWEPT", NULL);
  office->changed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  office->work = pn_queue_open (work, error);
  office->out = office->work ? pn_queue_open (out, error) : NULL;
  office->store
      = office->out ? pn_store_open (self->program->config, config->name, self->program->key, error) : NULL;
  if (!office->store)
    return FALSE;
  pn_store_set_lazy (office->store, open_databases (self->program->config));
  return recover (self, office, error);
}

static void
close_office (PnOffice *office)
{
  g_clear_pointer (&office->work, pn_queue_free);
  g_clear_pointer (&office->out, pn_queue_free);
  g_clear_pointer (&office->store, pn_store_close);
  g_clear_pointer (&office->changed, g_hash_table_unref);
  g_free (office->notify_path);
  g_free (office->sweep_path);
}

static gboolean
open_all (PnOfs *self, PnQueueScanner **scanner, GError **error)
{
  const PnConfig *config = self->program->config;
  g_autofree PnQueue **queues = g_new0 (PnQueue *, config->post_offices->len);
  self->directory = pn_directory_open (config, FALSE, error);
  if (!self->directory)
    return FALSE;
  self->offices = g_new0 (PnOffice, config->post_offices->len);
  self->n_offices = config->post_offices->len;
  for (guint i = 0; i < self->n_offices; i++) {
    if (!open_office (self, &self->offices[i], config->post_offices->pdata[i], error))
      return FALSE;
    queues[i] = self->offices[i].work;
  }
  guint interval = (guint) pn_config_integer (config, "queue", "scan-interval");
  *scanner = pn_queue_scanner_new (queues, self->n_offices, interval, self->program->after_crash, error);
  return *scanner != NULL;
}

static gboolean
any_unsettled (const PnOfs *self)
{
  for (guint i = 0; i < self->n_offices; i++)
    if (pn_store_has_unsettled (self->offices[i].store))
      return TRUE;
  return FALSE;
}

static void
run (PnOfs *self, PnQueueScanner *scanner)
{
  PnProgram *program = self->program;
  guint max = (guint) pn_config_integer (program->config, "ofs", "batch");
  while (!program->stop) {
    int timeout = any_unsettled (self) ? SETTLE_TICK_MS : TICK_MS;
    g_autoptr (GPtrArray) items = pn_queue_scanner_take (scanner, max, timeout, program->stop_fd);
    for (guint i = 0; i < self->n_offices; i++) {
      PnOffice *office = &self->offices[i];
      if (items->len > 0)
        serve (self, office, items);
      if (pn_store_wants_settle (office->store))
        settle (office);
      if (items->len == 0 && !program->stop)
        sweep (self, office);
    }
    if (items->len > 0)
      pn_trace_flush ();
  }
  for (guint i = 0; i < self->n_offices; i++)
    if (pn_store_has_unsettled (self->offices[i].store))
      settle (&self->offices[i]);
}

int
pn_ofs_main (PnProgram *program)
{
  g_autoptr (GError) error = NULL;
  PnOfs self = { .program = program };
  PnQueueScanner *scanner = NULL;
  gboolean ok = open_all (&self, &scanner, &error);
  if (ok) {
    pn_program_ready (program);
    run (&self, scanner);
  } else {
    g_autofree char *reason = pn_log_quote (error->message);
    pn_log_error ("cannot_start", "reason=%s", reason);
  }
  pn_queue_scanner_free (scanner);
  for (guint i = 0; i < self.n_offices; i++)
    close_office (&self.offices[i]);
  g_free (self.offices);
  pn_directory_close (self.directory);
  return ok ? 0 : 3;
}
