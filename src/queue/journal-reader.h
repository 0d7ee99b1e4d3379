/* What the files of the journal's reader share. */
#pragma once

#include "queue/journal-private.h"
#include "queue/queue-private.h"

G_BEGIN_DECLS

typedef enum { PN_RECORD_OUT, PN_RECORD_HELD, PN_RECORD_FLUSHING, PN_RECORD_CONSUMED } PnRecordState;

/* A record the reader has come past. */
typedef struct {
  guint32 offset; /* in units of PN_RECORD_ALIGN */
  guint16 state;  /* PnRecordState */
  guint16 pooled; /* the queue file is one of the pool */
  int fd;         /* of its queue file while HELD or FLUSHING */
  guint32 since;  /* monotonic seconds when it became HELD */
} PnSegmentRecord;

typedef struct {
  guint row;
  guint64 generation;
  int fd;
  guint8 key[PN_SEGMENT_KEY];
  guint64 next;        /* offset of the next record to be read */
  guint32 first_index; /* number of records[0] */
  GArray *records;     /* PnSegmentRecord */
  guint prefix;        /* records[0] to records[prefix - 1] are consumed */
  guint noted_prefix;  /* what the consumption head says */
  gint64 noted_at;
  guint n_open;     /* not yet consumed */
  gint64 closed_at; /* monotonic; 0: not seen closed */
  gboolean damaged; /* kept for an operator instead of being used again */
  guint8 *chunk;    /* read ahead */
  guint64 chunk_at;
  gsize chunk_length;
} PnSegment;

/* Something to be given out that is not simply the next record: a file, or what was put off. */
typedef struct {
  guint64 generation; /* 0: a file */
  guint32 index;
  char *name; /* of the file */
  guint attempts;
  gint64 due;        /* monotonic */
  gboolean settling; /* a stranger's file that may still be written */
} PnWaiting;

/* A file in receive/ whose queue file is not consumed yet: renamed to PATH, so that it is not converted
 * again. */
typedef struct {
  char *path;
  int fd;
  gboolean pooled;
  gint64 since;
  gboolean flushing;
} PnHeldFile;

struct PnJournalReader {
  char *dir, *gwprob;
  char **queue_paths;
  PnKey *key;
  PnControl control;
  PnClaims *claims;
  PnQueue *recycled; /* borrowed; its pool is ours */
  PnPool *pool;
  int bell, inotify;
  GMutex checkpoint_lock;
  GMutex lock;
  GCond changed;
  gboolean watching;
  GPtrArray *segments; /* PnSegment, oldest generation first */
  GHashTable *files;   /* names known: char * */
  GQueue ready;        /* PnWaiting */
  GQueue suspects;     /* PnWaiting with attempts: given out one at a time */
  gboolean suspect_out;
  GSequence *later;      /* PnWaiting by due time */
  GPtrArray *held_files; /* PnHeldFile */
  guint n_held, held_max;
  gboolean file_turn; /* files and records take turns */
};

/* --- journal-reader.c ------------------------------------------------------------------------- */

void pn_waiting_free (PnWaiting *self);
/* Puts WAITING (taken) where it is given out from, now or when it is due. */
void pn_reader_make_ready (PnJournalReader *self, PnWaiting *waiting);
void pn_reader_put_later (PnJournalReader *self, PnWaiting *waiting, gint64 delay_us);
void pn_reader_wake (PnJournalReader *self);

/* --- journal-records.c ------------------------------------------------------------------------ */

typedef struct {
  PnSegment *segment; /* borrowed, by generation only once the lock is left */
  guint64 generation;
  guint32 index;
  guint attempts;
  guint8 key[PN_SEGMENT_KEY];
  PnRecordHead head;
  guint8 *sealed; /* owned */
} PnRawRecord;

void pn_reader_find_segments (PnJournalReader *self);
PnSegment *pn_reader_segment (PnJournalReader *self, guint64 generation);
/* The next record, or the one named by WAITING.  FALSE without error: there is none. */
gboolean pn_reader_next_record (PnJournalReader *self, PnRawRecord *raw, GError **error);
gboolean pn_reader_read_again (PnJournalReader *self, const PnWaiting *waiting, PnRawRecord *raw,
                               GError **error);
/* Opens RAW (without the lock). */
PnReceived *pn_reader_open_record (PnJournalReader *self, PnRawRecord *raw, GError **error);
gboolean pn_reader_has_records (PnJournalReader *self);
/* The record is dealt with: FD (or -1) is held until it is consumed. */
void pn_reader_end_record (PnJournalReader *self, guint64 generation, guint32 index, int fd);
void pn_segment_free (PnSegment *self);
void pn_record_key (guint64 generation, guint32 index, char key[PN_CLAIM_KEY]);

/* Whether nobody but the pool has a name for the queue file FD. */
gboolean pn_reader_is_consumed (int fd, gboolean pooled);
/* Lets go of the queue file, consumed or flushed. */
void pn_reader_release (PnJournalReader *self, int fd, gboolean pooled, gboolean was_consumed);
/* Looks at a few of the oldest records that are held. */
void pn_reader_sweep_some (PnJournalReader *self, PnSegment *segment);
void pn_segment_advance (PnSegment *segment);

/* --- journal-files.c -------------------------------------------------------------------------- */

void pn_reader_scan_files (PnJournalReader *self);
void pn_reader_take_events (PnJournalReader *self);
/* A stranger's file whose time has come: TRUE if it is quiet now. */
gboolean pn_reader_file_settled (PnJournalReader *self, const char *name);
/* Opens the file.  NULL without error: it has gone. */
PnReceived *pn_reader_open_file (PnJournalReader *self, const PnWaiting *waiting, GError **error);
void pn_reader_end_file (PnJournalReader *self, const char *path, int fd);
void pn_held_file_free (PnHeldFile *self);
/* What the last run had converted and not yet removed: removed, as it is flushed now, or (after a crash of
 * the machine) converted again. */
void pn_reader_clear_done_files (PnJournalReader *self, gboolean same_boot);
void pn_file_key (const char *name, char key[PN_CLAIM_KEY]);

G_END_DECLS
