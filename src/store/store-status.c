/* Message Info: what became of a sent message at each recipient. */
#include "store/store-private.h"

#include <string.h>

/* --- adding --- */

/* 1: yes, 0: no, -1: error. */
static int
was_deleted (PnDatabase *database, const char *id, GError **error)
{
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_SEEN_GET, error);
  if (!statement)
    return -1;
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 2, PN_BOX_OUT);
  int found = pn_database_step (database, statement, error);
  pn_database_reset (statement);
  return found;
}

static gboolean
insert_status (PnStore *self, PnDatabase *database, gint64 item, const char *status_id,
               const PnStatusReport *report, GError **error)
{
  guint8 key[32];
  g_autofree char *recipient = report->recipient ? pn_address_to_string (report->recipient) : g_strdup ("");
  g_autoptr (GBytes) sealed = pn_report_seal (self->key, report, item);
  gsize length;
  const void *data = g_bytes_get_data (sealed, &length);
  pn_database_hash (database, key, "status", status_id, recipient, pn_action_to_string (report->action),
                    NULL);
  sqlite3_stmt *statement = pn_database_statement (database, PN_SQL_STATUS_ADD, error);
  if (!statement)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, item);
  sqlite3_bind_blob (statement, 2, key, sizeof key, SQLITE_STATIC);
  sqlite3_bind_blob (statement, 3, data, (int) length, SQLITE_STATIC);
  return pn_database_run (database, statement, error);
}

static PnItem *
find_sent (PnStore *self, const char *fid, const char *orig_id, const char *uid, GError **error)
{
  PnItem *item = NULL;
  if (orig_id)
    return pn_store_find (self, fid, orig_id, PN_BOX_OUT, error);
  if (uid && pn_store_find_uid (self, fid, uid, NULL, PN_BOX_OUT, &item, error) && item)
    return item;
  if (!error || !*error)
    g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN, "no sent item has iCalendar UID '%s'",
                 uid ? uid : "");
  return NULL;
}

gboolean
pn_store_add_status (PnStore *self, const char *fid, const char *orig_id, const char *uid,
                     const char *status_id, const PnStatusReport *report, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (PnItem) item = find_sent (self, fid, orig_id, uid, &reason);
  if (!item && orig_id && g_error_matches (reason, PN_STORE_ERROR, PN_STORE_ERROR_UNKNOWN)) {
    PnDatabase *database = pn_store_open_user (self, fid, error);
    int deleted = database ? was_deleted (database, orig_id, error) : -1;
    if (deleted != 0)
      return deleted > 0;
  }
  if (!item) {
    g_propagate_error (error, g_steal_pointer (&reason));
    return FALSE;
  }
  PnDatabase *database = pn_store_open_user (self, fid, error);
  gboolean ok = database && pn_store_write_durable (self, database, error)
                && insert_status (self, database, item->number, status_id, report, error);
  return pn_store_written (self, ok, error);
}

/* --- reading --- */

void
pn_item_status_free (PnItemStatus *self)
{
  if (!self)
    return;
  g_free (self->recipient);
  g_free (self->address);
  g_ptr_array_unref (self->history);
  g_free (self);
}

static PnItemStatus *
status_new (const PnAddress *address, PnDistribution distribution)
{
  PnItemStatus *self = g_new0 (PnItemStatus, 1);
  self->recipient = pn_address_display (address);
  self->address = address->internet ? g_strdup (address->internet) : pn_address_to_string (address);
  self->distribution = distribution;
  self->history = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_status_report_free);
  return self;
}

/* What a person wants to see: a later stage hides an earlier one, whatever the order in which they came. */
static int
action_rank (PnAction action)
{
  switch (action) {
  case PN_ACTION_NONE:
    return 0;
  case PN_ACTION_TRANSFER_DELAYED:
    return 1;
  case PN_ACTION_TRANSFERRED:
    return 2;
  case PN_ACTION_DELIVERED:
  case PN_ACTION_UNDELIVERABLE:
    return 3;
  case PN_ACTION_OPENED:
    return 4;
  case PN_ACTION_DELETED:
  case PN_ACTION_REPLIED:
    return 5;
  case PN_ACTION_ACCEPTED:
  case PN_ACTION_TENTATIVE:
  case PN_ACTION_DECLINED:
  case PN_ACTION_DELEGATED:
  case PN_ACTION_COMPLETED:
    return 6;
  case PN_ACTION_RETRACTED:
    return 7;
  }
  return 0;
}

static gboolean
same_text (const char *a, const char *b)
{
  return a && b && g_ascii_strcasecmp (a, b) == 0;
}

static gboolean
same_address (const PnAddress *a, const PnAddress *b)
{
  if (same_text (a->internet, b->internet))
    return TRUE;
  return same_text (a->user, b->user) && same_text (a->post_office, b->post_office)
         && (!a->domain || !b->domain || same_text (a->domain, b->domain));
}

typedef struct {
  GPtrArray *statuses;  /* PnItemStatus */
  GPtrArray *addresses; /* PnAddress of each */
} Info;

static PnItemStatus *
find_status (Info *info, const PnAddress *recipient)
{
  for (guint i = 0; i < info->addresses->len; i++)
    if (same_address (info->addresses->pdata[i], recipient))
      return info->statuses->pdata[i];
  return NULL;
}

static void
add_recipient (Info *info, const PnAddress *address, PnDistribution distribution)
{
  g_ptr_array_add (info->addresses, pn_address_copy (address));
  g_ptr_array_add (info->statuses, status_new (address, distribution));
}

static int
compare_time (gconstpointer a, gconstpointer b)
{
  const PnStatusReport *x = *(PnStatusReport *const *) a, *y = *(PnStatusReport *const *) b;
  return (x->time.unix_time > y->time.unix_time) - (x->time.unix_time < y->time.unix_time);
}

static void
settle (PnItemStatus *status)
{
  g_ptr_array_sort (status->history, compare_time);
  for (guint i = 0; i < status->history->len; i++) {
    const PnStatusReport *report = status->history->pdata[i];
    if (action_rank (report->action) < action_rank (status->action))
      continue;
    status->action = report->action;
    status->time = report->time.unix_time;
  }
}

static void
add_report (Info *info, PnStatusReport *report)
{
  if (!find_status (info, report->recipient))
    add_recipient (info, report->recipient, PN_TO);
  PnItemStatus *status = find_status (info, report->recipient);
  if (status)
    g_ptr_array_add (status->history, report);
  else
    pn_status_report_free (report);
}

static gboolean
read_reports (PnStore *self, const char *fid, gint64 number, Info *info, GError **error)
{
  PnDatabase *database = pn_store_open_user (self, fid, error);
  sqlite3_stmt *statement = database ? pn_database_statement (database, PN_SQL_STATUS_LIST, error) : NULL;
  if (!statement)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, number);
  int found;
  gboolean ok = TRUE;
  while (ok && (found = pn_database_step (database, statement, error)) > 0) {
    g_autoptr (GError) reason = NULL;
    PnStatusReport *report = pn_report_unseal (self->key, sqlite3_column_blob (statement, 0),
                                               (gsize) sqlite3_column_bytes (statement, 0), number, &reason);
    if (report)
      add_report (info, report);
    else
      g_set_error (error, PN_STORE_ERROR, PN_STORE_ERROR_DAMAGED,
                   "%s: a status of item %" G_GINT64_FORMAT ": %s", database->path, number, reason->message);
    ok = report != NULL;
  }
  pn_database_reset (statement);
  return ok && found == 0;
}

GPtrArray *
pn_store_info (PnStore *self, const char *fid, gint64 number, GError **error)
{
  g_autoptr (PnItem) item = pn_store_get (self, fid, number, error);
  g_autoptr (PnMessage) message = item ? pn_store_read (self, item, error) : NULL;
  if (!message)
    return NULL;
  g_autoptr (GPtrArray) statuses = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_item_status_free);
  g_autoptr (GPtrArray) addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_address_free);
  Info info = { statuses, addresses };
  for (guint i = 0; i < message->recipients->len; i++) {
    const PnRecipient *recipient = message->recipients->pdata[i];
    if (recipient->deliver || recipient->listed)
      add_recipient (&info, recipient->address, recipient->distribution);
  }
  if (!read_reports (self, fid, number, &info, error))
    return NULL;
  for (guint i = 0; i < statuses->len; i++)
    settle (statuses->pdata[i]);
  return g_steal_pointer (&statuses);
}
