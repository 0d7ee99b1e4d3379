/* What the files of this room share. */
#pragma once

#include "queue/queue.h"

#include <sys/stat.h>

G_BEGIN_DECLS

/* A flush of one directory that the threads waiting at the same time share: the first flushes at once, who
 * comes meanwhile takes part in the next. */
typedef struct {
  GMutex lock;
  GCond changed;
  guint64 asked, flushed;         /* tickets */
  guint64 failed_from, failed_to; /* those of the last flush that failed: from < ticket <= to */
  int failed_errno;
  gboolean running;
} PnDirFlush;

void pn_dir_flush_init (PnDirFlush *self);
void pn_dir_flush_clear (PnDirFlush *self);
gboolean pn_dir_flush (PnDirFlush *self, const char *path, GError **error);

/* Covered files used again (queue-pool.c). */
typedef struct PnPool PnPool;

PnPool *pn_pool_new (const char *path, guint max, GError **error);
void pn_pool_free (PnPool *self);
/* A file to be written from its beginning; -1: none is free. */
int pn_pool_take (PnPool *self);
gboolean pn_pool_owns (PnPool *self, int fd);
/* FD (taken) is consumed. */
void pn_pool_give_back (PnPool *self, int fd);
/* FD (kept) is no file of the pool any more. */
void pn_pool_retire (PnPool *self, int fd);

struct PnQueue {
  char *path;
  char *problem_path;
  char *priority_path[PN_QUEUE_PRIORITIES];
  PnDirFlush flush[PN_QUEUE_PRIORITIES];
  gint noted[PN_QUEUE_PRIORITIES]; /* linked into, to be flushed by pn_queue_settle(); atomic */
  PnPool *pool;                    /* borrowed, or NULL */
};

/* FIRST ("04") and six hex digits that grow with time, then letters of this process. */
void pn_queue_make_name (char name[13], const char *first,
                         const char *extension /* or NULL: of this process */);
/* Whether NAME is 8.3. */
gboolean pn_queue_name_ok (const char *name);
/* Milliseconds from NOW_MS back to when NAME was made, going by its digits; names that are not ours count as
 * old. */
guint pn_queue_name_age (const char *name, gint64 now_ms);
/* The extension in PROBLEM of files that came from the queue at PATH: "MS", "OFS", "GWI". */
char *pn_queue_program (const char *path);
/* Moves PATH to DIRECTORY as STEM.PROGRAM, flushed, with REASON beside it.  Returns the new path or NULL. */
char *pn_problem_move (const char *path, const char *directory, const char *stem, const char *program,
                       const char *reason, GError **error);
/* Flushes and marks (0400) what is still covered (0600) in the queues, and flushes their directories. */
gboolean pn_queue_cover_all (const char *const *queue_paths, GError **error);
/* An unnamed file, never one of the pool. */
int pn_queue_stage_new (PnQueue *self, GError **error);
/* PnQueueError from errno, or from the G_IO_ERROR in *ERROR. */
void pn_queue_set_error (GError **error, int errnum, const char *path, const char *what);
void pn_queue_convert_error (GError **error);

/* --- claims: what workers are busy with, in a mapped file that outlives them ------------------ */

#define PN_CLAIM_KEY 32
#define PN_CLAIM_NONE G_MAXUINT

typedef struct PnClaims PnClaims;

/* Makes the file with all its room, for whoever opens it later on a disk that is full by then. */
gboolean pn_claims_reserve (const char *path, GError **error);
/* AFTER_CRASH: each key found busy is counted one more attempt. */
PnClaims *pn_claims_open (const char *path, gboolean after_crash, GError **error);
void pn_claims_free (PnClaims *self);
/* Deaths while busy with KEY. */
guint pn_claims_attempts (PnClaims *self, const char *key);
/* KEY is begun.  Returns the slot (PN_CLAIM_NONE when all are taken: then the attempt goes uncounted). */
guint pn_claims_busy (PnClaims *self, const char *key);
void pn_claims_idle (PnClaims *self, guint slot);
/* KEY is dealt with: its attempts are forgotten. */
void pn_claims_forget (PnClaims *self, const char *key);

G_END_DECLS
