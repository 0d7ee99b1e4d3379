/* The message store of a post office: OFUSER/USERxxx.DB, OFMSG/MSG0..24.DB, OFFILES.
 *
 * One copy of a message per post office, as the sealed queue file it came as: small ones in a row of the
 * message database that belongs to the sender, larger ones linked into OFFILES.  A pointer per mailbox (an
 * item) in the user's database with what a list needs, sealed.  Every take-over is idempotent by message id.
 * SQL does not leave this room.
 *
 * Several processes may use a store at once.  Only the post office server holds more than one database for
 * writing at a time (pn_store_begin); everyone else calls the writing functions outside a transaction, where
 * each is one of its own on one database.  So nobody waits in a circle. */
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
  PN_STORE_ERROR_BUSY,    /* another process held the database too long: try again later */
  PN_STORE_ERROR_DAMAGED,
  PN_STORE_ERROR_ENGINE
} PnStoreError;

typedef enum { PN_BOX_IN, PN_BOX_OUT, PN_BOX_DRAFT, PN_BOX_PERSONAL, PN_BOX_TRASH } PnBox;

/* "In Box" ... for people; "in", "out", "draft", "personal", "trash" in commands.  -1 if unknown. */
const char *pn_box_title (PnBox box);
const char *pn_box_name (PnBox box);
int pn_box_from_name (const char *name);

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
  PN_ITEM_ATTACHMENTS = 1 << 12,
  PN_ITEM_UNSENT = 1 << 13 /* in the Out Box, but not known to have reached the queue */
} PnItemFlags;

#define PN_ITEM_ANSWERS (PN_ITEM_ACCEPTED | PN_ITEM_TENTATIVE | PN_ITEM_DECLINED)
/* What the message says about itself; a new message in the item's place brings its own. */
#define PN_ITEM_OF_MESSAGE (PN_ITEM_PRIVATE | PN_ITEM_HIGH | PN_ITEM_LOW | PN_ITEM_ATTACHMENTS)

typedef struct {
  gint64 number; /* of the item in its mailbox: 1, 2, 3 ...; never used twice */
  char *id;      /* message id */
  PnBox box;
  guint flags;    /* PnItemFlags */
  guint database; /* the message database that has the message */
  PnMessageType type;
  gint64 delivered;          /* seconds */
  gint64 date;               /* Date-Sent, seconds */
  guint64 size;              /* of the queue file, plain bytes */
  char *from, *to, *subject; /* display text; never NULL */
  char *place;               /* "" if none */
  char *organizer;           /* who may change the appointment: address in lower case, "" if unknown */
  char *uid;                 /* iCalendar UID, or NULL */
  char *recurrence;  /* which instance of a series (as in PnInstance), or NULL */
  gboolean expanded; /* one of the items that stand for the instances of a message's series */
  PnMethod method;
  int sequence;
  gint64 stamp;      /* DTSTAMP, else Date-Sent */
  gint64 start, end; /* of an appointment, seconds; 0 if none */
  char *timezone;    /* IANA name the start was written in, or NULL */
  gboolean all_day;
  char *repeat;    /* RRULE, or NULL */
  gboolean apart;  /* when added: not to be found by its UID, because it is not known to be its organizer's */
  GBytes *summary; /* of the store: the sealed form, made once for all mailboxes */
} PnItem;

/* A pointer to MESSAGE that can be added to mailboxes.  Flags that the message itself carries are added to
 * FLAGS. */
PnItem *pn_item_new (const PnMessage *message, guint database, guint64 size, PnBox box, guint flags,
                     gint64 delivered);
void pn_item_free (PnItem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnItem, pn_item_free)

/* What became of a sent message at one recipient: Message Info. */
typedef struct {
  char *recipient; /* display text */
  char *address;   /* native or Internet address: the key */
  PnDistribution distribution;
  PnAction action;    /* the latest that matters; PN_ACTION_NONE is Pending */
  gint64 time;        /* of ACTION, seconds; 0 if Pending */
  GPtrArray *history; /* PnStatusReport, in the order of their time */
} PnItemStatus;

void pn_item_status_free (PnItemStatus *self);

typedef struct PnStore PnStore; /* of one post office; one thread at a time */

/* Makes the directories and databases of a post office. */
gboolean pn_store_create (const PnConfig *config, const char *post_office, GError **error);
PnStore *pn_store_open (const PnConfig *config, const char *post_office, PnKey *key, GError **error);
void pn_store_close (PnStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnStore, pn_store_close)

/* --- taking over: one batch, one flush per database --- */

/* What is written between begin and commit becomes durable with the commit: first the message databases, then
 * the mailboxes, so that no pointer is ever without its message.  A batch over very many mailboxes may be
 * committed in several pieces.  If commit fails, the rest is rolled back: do all of it again, what is there
 * already is passed over. */
void pn_store_begin (PnStore *self);
gboolean pn_store_commit (PnStore *self, GError **error);
void pn_store_rollback (PnStore *self);

/* The number (0 to 24) of the message database for a message: by the FID of the sender, or NULL for one from
 * outside. */
guint pn_store_message_database (const PnMessage *message, const char *sender_fid);

/* Sealed queue files up to this size are kept in a row of a message database. */
#define PN_STORE_ROW_LIMIT (64 * 1024)

/* Keeps the sealed queue file SEALED as the post office's copy of message ID.  A file that is too large for a
 * row is linked into OFFILES by its descriptor FD (copied if it lies in another file system), and flushed
 * unless its mode says that it is.  The bytes of SEALED must stay until the commit.  Already there: nothing
 * happens. */
gboolean pn_store_add_message (PnStore *self, const char *id, guint database, PnSource *sealed, int fd,
                               GError **error);
/* Puts a pointer into the mailbox with FID.  Twice the same message and box, even if the item has been
 * deleted or replaced since: nothing happens, *NEW_OUT (or NULL) is FALSE.  NUMBER_OUT may be NULL; it is 0
 * if the item is not new. */
gboolean pn_store_add_item (PnStore *self, const char *fid, PnItem *item, gboolean *new_out,
                            gint64 *number_out, GError **error);
/* Adds a status report, which came with the status message STATUS_ID, to the sent item ORIG_ID (or with
 * iCalendar UID, when that is NULL) in the Out Box of FID.  Twice the same: nothing happens.  FALSE with
 * UNKNOWN if there is no such item; if there was one, but it has been deleted, it returns TRUE. */
gboolean pn_store_add_status (PnStore *self, const char *fid, const char *orig_id, const char *uid,
                              const char *status_id, const PnStatusReport *report, GError **error);
/* Changes flags of the item. */
gboolean pn_store_set_flags (PnStore *self, const char *fid, gint64 number, guint set, guint clear,
                             GError **error);
/* The newest item of an appointment in BOX; RECURRENCE (or NULL) names one instance of a series.  *ITEM_OUT
 * is NULL if there is none. */
gboolean pn_store_find_uid (PnStore *self, const char *fid, const char *uid, const char *recurrence,
                            PnBox box, PnItem **item_out, GError **error);
/* Items of everything with UID in BOX, by number. */
gboolean pn_store_list_uid (PnStore *self, const char *fid, const char *uid, PnBox box, GPtrArray **items_out,
                            GError **error);
/* What the mailbox knows of UID beside its items (convert/itip.h), sealed; *TEXT_OUT is NULL if nothing. */
gboolean pn_store_get_calendar (PnStore *self, const char *fid, const char *uid, char **text_out,
                                GError **error);
/* AGAIN: when pn_store_list_calendars() is to name it; 0: never; < 0: as it was.  TEXT NULL: what is known stays
 * as it is. */
gboolean pn_store_put_calendar (PnStore *self, const char *fid, const char *uid, const char *text,
                                gint64 again, GError **error);
/* Texts (char *) whose time has come. */
GPtrArray *pn_store_list_calendars (PnStore *self, const char *fid, gint64 now, GError **error);
/* Message ID has changed a calendar: *NEW_OUT is FALSE if that was known.  Belongs into one transaction with
 * what it changes. */
gboolean pn_store_mark_taken (PnStore *self, const char *fid, const char *id, gboolean *new_out,
                              GError **error);
/* The item NUMBER points to another message from now on; ITEM says which, and its flags. */
gboolean pn_store_replace_message (PnStore *self, const char *fid, gint64 number, PnItem *item,
                                   GError **error);
/* Message ID has been dealt with in this mailbox without an item of its own (a cancellation): *NEW_OUT is
 * FALSE if that was known, or if it has an item. */
gboolean pn_store_mark_seen (PnStore *self, const char *fid, const char *id, PnBox box, gboolean *new_out,
                             GError **error);
/* The item goes, with its statuses; the message goes with the next sweep after its last pointer. */
gboolean pn_store_delete_item (PnStore *self, const char *fid, gint64 number, GError **error);

/* --- for the post office server: mailboxes that are flushed later
 *
 * A flush per mailbox and batch would cost more than all else.  In a lazy store the message databases are
 * flushed with every commit, and remember which messages came; what pn_store_add_item() and
 * pn_store_replace_message() write into mailboxes may be lost by a failing machine (not by a dying process),
 * until pn_store_settle() has flushed it.  After that the server delivers what is not settled once more.  All
 * other changes are flushed with the commit. --- */

/* OPEN: how many databases may be kept open, three descriptors each; 0 for the default. */
void pn_store_set_lazy (PnStore *self, guint open);
/* Messages whose pointers are not known to be on disk.  GPtrArray of PnItem with only id and database. */
GPtrArray *pn_store_list_unsettled (PnStore *self, GError **error);
/* Whether there is something to settle / so much, or for so long, that it should be done now. */
gboolean pn_store_has_unsettled (const PnStore *self);
gboolean pn_store_wants_settle (const PnStore *self);
gboolean pn_store_settle (PnStore *self, GError **error);

/* --- reading --- */

GPtrArray *pn_store_list (PnStore *self, const char *fid, int box /* PnBox, -1: all */,
                          GError **error); /* PnItem, oldest first */
/* Items of the Out Box that carry PN_ITEM_UNSENT. */
GPtrArray *pn_store_list_unsent (PnStore *self, const char *fid, GError **error);
PnItem *pn_store_get (PnStore *self, const char *fid, gint64 number, GError **error);
PnItem *pn_store_find (PnStore *self, const char *fid, const char *id, int box,
                       GError **error); /* by message id */
/* The message itself; contents are read from the store as they are wanted. */
PnMessage *pn_store_read (PnStore *self, const PnItem *item, GError **error);
/* Its sealed queue file. */
PnSource *pn_store_open_sealed (PnStore *self, const PnItem *item, GError **error);
GPtrArray *pn_store_info (PnStore *self, const char *fid, gint64 number,
                          GError **error); /* PnItemStatus per recipient */

/* --- maintenance --- */

/* Removes messages that no mailbox points to and that are older than GRACE seconds, files in OFFILES without
 * a message, and what is remembered of items deleted more than 30 days ago.  For the post office server
 * alone, between batches. REMOVED_OUT (or NULL): how many messages. */
gboolean pn_store_sweep (PnStore *self, gint64 grace, guint *removed_out, GError **error);

G_END_DECLS
