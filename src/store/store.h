/* The message store of a post office: OFUSER/USERxxx.DB, OFMSG/MSG0..24.DB, OFFILES.
 *
 * One copy of a message per post office, as the sealed queue file it came as: small ones in a row of the message database
 * that belongs to the sender, larger ones linked into OFFILES.  A pointer per mailbox (an item) in the user's database with what a
 * list needs, sealed.  Every take-over is idempotent by message id.  SQL does not leave this room. */
#pragma once

#include "convert/message.h"
#include "core/config.h"
#include "core/seal.h"

G_BEGIN_DECLS

#define PN_STORE_ERROR (pn_store_error_quark ())
GQuark pn_store_error_quark (void);
typedef enum {
  PN_STORE_ERROR_UNKNOWN, /* no such item or mailbox */
  PN_STORE_ERROR_FULL,    /* no space: try again later */
  PN_STORE_ERROR_DAMAGED,
  PN_STORE_ERROR_ENGINE
} PnStoreError;

typedef enum { PN_BOX_IN, PN_BOX_OUT, PN_BOX_DRAFT, PN_BOX_PERSONAL, PN_BOX_TRASH } PnBox;

typedef enum {
  PN_ITEM_READ = 1 << 0,
  PN_ITEM_OPENED = 1 << 1,
  PN_ITEM_REPLIED = 1 << 2,
  PN_ITEM_FORWARDED = 1 << 3,
  PN_ITEM_ACCEPTED = 1 << 4,
  PN_ITEM_TENTATIVE = 1 << 5,
  PN_ITEM_DECLINED = 1 << 6,
  PN_ITEM_COMPLETED = 1 << 7,
  PN_ITEM_CANCELLED = 1 << 8, /* the organizer took the appointment back */
  PN_ITEM_PRIVATE = 1 << 9,
  PN_ITEM_HIGH = 1 << 10,
  PN_ITEM_LOW = 1 << 11,
  PN_ITEM_ATTACHMENTS = 1 << 12
} PnItemFlags;

typedef struct {
  gint64 number; /* of the item in its mailbox: 1, 2, 3 ...; never used twice */
  char *id;      /* message id */
  PnBox box;
  guint flags;   /* PnItemFlags */
  PnMessageType type;
  gint64 delivered; /* seconds */
  gint64 date;      /* Date-Sent, seconds */
  guint64 size;     /* of the queue file, plain bytes */
  char *from, *to, *subject; /* display text */
  char *uid;        /* iCalendar UID, or NULL */
  int sequence;
  gint64 start, end; /* of an appointment; 0 if none */
  char *place;
} PnItem;

void pn_item_free (PnItem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnItem, pn_item_free)

/* What became of a sent message at one recipient: Message Info. */
typedef struct {
  char *recipient;  /* display text */
  char *address;    /* native or Internet address: the key */
  PnDistribution distribution;
  PnAction action;  /* the latest that matters; PN_ACTION_NONE is Pending */
  GPtrArray *history; /* PnStatusReport */
} PnItemStatus;

void pn_item_status_free (PnItemStatus *self);

typedef struct PnStore PnStore; /* of one post office; one thread at a time */

/* Makes the directories and databases of a post office. */
gboolean pn_store_create (const PnConfig *config, const char *post_office, GError **error);
PnStore *pn_store_open (const PnConfig *config, const char *post_office, PnKey *key, GError **error);
void pn_store_close (PnStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnStore, pn_store_close)

/* --- taking over: one batch, one flush per database ------------------------------------------------------------------ */

/* Everything between begin and commit becomes durable together.  If commit fails, nothing of it is kept. */
gboolean pn_store_begin (PnStore *self, GError **error);
gboolean pn_store_commit (PnStore *self, GError **error);
void pn_store_rollback (PnStore *self);

/* Keeps the sealed queue file at PATH (open as FD, COVERED: not yet flushed) as the post office's copy of MESSAGE.  Already there: nothing happens. */
gboolean pn_store_add_message (PnStore *self, const PnMessage *message, const char *path, int fd, GError **error);
/* Puts a pointer into the mailbox with FID.  Twice the same message and box: nothing happens, *NEW_OUT (or NULL) is FALSE.  NUMBER_OUT may be NULL. */
gboolean pn_store_add_item (PnStore *self, const char *fid, const PnMessage *message, PnBox box, guint flags, gint64 delivered, gboolean *new_out, gint64 *number_out, GError **error);
/* Adds a status report to the sent item ORIG_ID (or with iCalendar UID, when that is NULL) in the Out Box of FID.  Twice the same: nothing happens.
 * FALSE with UNKNOWN if there is no such item. */
gboolean pn_store_add_status (PnStore *self, const char *fid, const char *orig_id, const char *uid, const PnStatusReport *report, GError **error);
/* Changes flags of the item. */
gboolean pn_store_set_flags (PnStore *self, const char *fid, gint64 number, guint set, guint clear, GError **error);
/* Appointment kept under UID: sets CANCELLED, or replaces the message it points to by an update's. Returns whether there was one (no error if not). */
gboolean pn_store_find_uid (PnStore *self, const char *fid, const char *uid, PnBox box, PnItem **item_out, GError **error);
gboolean pn_store_replace_message (PnStore *self, const char *fid, gint64 number, const PnMessage *message, GError **error);

/* --- reading --------------------------------------------------------------------------------------------------------- */

GPtrArray *pn_store_list (PnStore *self, const char *fid, int box /* PnBox, -1: all */, GError **error); /* PnItem, oldest first */
PnItem *pn_store_get (PnStore *self, const char *fid, gint64 number, GError **error);
PnItem *pn_store_find (PnStore *self, const char *fid, const char *id, int box, GError **error); /* by message id */
/* The message itself; contents are read from the store as they are wanted. */
PnMessage *pn_store_read (PnStore *self, const char *id, GError **error);
GPtrArray *pn_store_info (PnStore *self, const char *fid, gint64 number, GError **error); /* PnItemStatus per recipient */

G_END_DECLS
