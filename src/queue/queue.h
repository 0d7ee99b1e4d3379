/* Queue directories: WPCSIN and WPCSOUT/<program>, each with the priority directories 0 to 7, and PROBLEM.
 *
 * The rules are the same for everyone:
 *  - put: a file gets its name only when it is complete; only then is the earlier copy removed.
 *  - names are 8.3: 0P######.AAA, P the priority directory; unique by exclusive creation, never trusted.
 *  - one process reads a queue.  What a worker is busy with stands in the mapped file CLAIM of the queue,
 * which outlives the process and counts the attempts; the third attempt that ends in death moves the file to
 * PROBLEM.
 *  - every take is idempotent by message id, so that a repeat after a crash is harmless.
 *  - durability: a file of mode 0400 is flushed, and so must be its new name before its old one is removed; a
 * file of mode 0600 is covered by the receive journal until that is checkpointed (pn_queue_cover_end), and
 * moves without flushes.  Movers: link, then look at the mode, flush the new directory if 0400, then unlink.
 */
#pragma once

#include "core/config.h"
#include "core/file.h"
#include "core/seal.h"

G_BEGIN_DECLS

#define PN_QUEUE_ERROR (pn_queue_error_quark ())
GQuark pn_queue_error_quark (void);
typedef enum { PN_QUEUE_ERROR_FULL, PN_QUEUE_ERROR_IO, PN_QUEUE_ERROR_NAME } PnQueueError;

#define PN_QUEUE_PRIORITIES 8

typedef struct PnQueue PnQueue; /* usable from several threads */

/* PATH is .../WPCSIN or .../WPCSOUT/OFS; created with its priority directories if it is not there. */
PnQueue *pn_queue_open (const char *path, GError **error);
void pn_queue_free (PnQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnQueue, pn_queue_free)
const char *pn_queue_path (const PnQueue *self);
/* Where damaged files go: WPCSOUT/PROBLEM beside the queue.  Borrowed. */
const char *pn_queue_problem_path (const PnQueue *self);

/* --- putting ---------------------------------------------------------------------------------- */

/* A file in the queue's file system, without a name in the queue, to be written from its beginning to its end
 * and then put. */
int pn_queue_stage (PnQueue *self, GError **error);

/* Puts the complete file FD (kept open, the caller's) into PRIORITY.  COVERED: the receive journal answers
 * for it, nothing is flushed.  Else FD and the directory are flushed before this returns; threads that wait
 * at the same time share one flush of the directory.  NAME (or NULL) receives the name. */
gboolean pn_queue_put (PnQueue *self, int fd, guint priority, gboolean covered, char name[13],
                       GError **error);

/* Many at once: stage all, put all, flush once.  FDS[i] goes to PRIORITIES[i]. */
gboolean pn_queue_put_batch (PnQueue *self, const int *fds, const guint *priorities, gsize n,
                             gboolean covered, GError **error);

/* Links the file PATH into PRIORITY of this queue (fan-out), without flush.  If the file is one that must
 * stay flushed (mode 0400), the directory is noted for pn_queue_settle(), which is to be called before PATH
 * is removed. */
gboolean pn_queue_link (PnQueue *self, const char *path, guint priority, char name[13], GError **error);
/* Flushes the priority directories of this queue that were noted since the last call. */
gboolean pn_queue_settle (PnQueue *self, GError **error);

/* --- taking ----------------------------------------------------------------------------------- */

typedef struct PnQueueScanner PnQueueScanner;

typedef struct {
  PnQueue *queue; /* borrowed */
  guint priority;
  char name[13];
  char *path;              /* owned */
  guint attempts;          /* deaths of this program while it was busy with this file */
  guint slot;              /* in CLAIM */
  PnQueueScanner *scanner; /* borrowed: it must outlive the item */
  gpointer entry;          /* the scanner's; NULL once the item has ended */
} PnQueueItem;

/* An item that was not ended is given out again after a second. */
void pn_queue_item_free (PnQueueItem *self);

/* Watches QUEUES (N of them, borrowed): inotify wakes it, a slow scan (INTERVAL seconds) is the safety net.
 * AFTER_CRASH: the files found busy in CLAIM are counted an attempt. */
PnQueueScanner *pn_queue_scanner_new (PnQueue *const *queues, gsize n, guint interval, gboolean after_crash,
                                      GError **error);
void pn_queue_scanner_free (PnQueueScanner *self);

/* Up to MAX files that nobody is busy with, priority 0 first over all queues, oldest name first; waits up to
 * TIMEOUT_MS (or until STOP_FD, -1 for none, is readable) for one.  GPtrArray of PnQueueItem, empty at
 * time-out.  Files with three attempts are moved to PROBLEM here, with the reason logged, and are not given
 * out. */
GPtrArray *pn_queue_scanner_take (PnQueueScanner *self, guint max, int timeout_ms, int stop_fd);

/* The worker begins with the part of the work that may crash / has ended it.  Between the two the claim
 * counts. */
void pn_queue_item_busy (PnQueueItem *self, gboolean busy);
/* Ends: the file is dealt with and is removed. */
gboolean pn_queue_item_done (PnQueueItem *self, GError **error);
/* Not now: given out again after DELAY_S seconds. */
void pn_queue_item_later (PnQueueItem *self, guint delay_s);
/* Ends: the file is moved to PROBLEM, extension PROGRAM ("OFS"), with REASON in a text file of the same stem
 * and extension .TXT beside it, and in the log.  Returns the new path. */
char *pn_queue_item_problem (PnQueueItem *self, const char *program, const char *reason);

/* Opens a queue file for reading: unsealed source over it.  HEAD_ONLY: enough for pn_native_read_head().
 * FD_OUT (or NULL) gets a descriptor of the caller's.  G_IO_ERROR_NOT_FOUND: somebody else has taken it away
 * meanwhile; PN_SEAL_ERROR: it is damaged; other errors may pass. */
PnSource *pn_queue_open_file (const char *path, PnKey *key, gboolean head_only, int *fd_out, GError **error);

/* --- the journal's checkpoint ----------------------------------------------------------------- */

/* FDS are covered files put earlier: those that still have a name are flushed and marked so, and then every
 * directory of QUEUE_PATHS (all queues a message can be in; NULL terminated) is flushed.  After it the
 * journal need not keep them. */
gboolean pn_queue_cover_end (const int *fds, gsize n, const char *const *queue_paths, GError **error);

/* --- for the operator ------------------------------------------------------------------------- */

/* Every queue below the configured directories. GPtrArray of char *: paths, in the order of the flow. */
GPtrArray *pn_queue_list_all (const PnConfig *config);
/* Files waiting in PRIORITY of the queue at PATH (-1 for all). */
guint pn_queue_count (const char *path, int priority);

G_END_DECLS
