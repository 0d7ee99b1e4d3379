/* clang-format off */
/* The receive journal's files, shared by its writer and its reader.
 *
 * J#######.SEG, number i + 1 for row i of the control file:
 *
 *   0     segment head, written by the writer when the segment is taken into use: generation, size, the
 *         segment's own key sealed with the domain's
 *   512   consumption head, written by the reader: up to which record all have been consumed or flushed in
 *         a queue
 *   4096  records, one after the other, each at a multiple of 64: PnRecordHead, ciphertext, tag
 *
 * A record belongs to the segment if its generation is the segment's and its number follows the one before;
 * so what an earlier generation left is never taken for new.  The number is the nonce, and each generation
 * has a key of its own, so no nonce is used twice: after a write that failed the segment is closed.
 *
 * JOURNAL.CTL is mapped by both.  While the kernel that wrote it runs (boot id) it is the truth, and records
 * beyond the committed end do not count.  After a crash of the machine it is made again from the segments:
 * what has a valid tag counts, from the consumption head on. */
/* clang-format on */
#pragma once

#include "core/aead.h"
#include "queue/journal.h"

G_BEGIN_DECLS

#define PN_JOURNAL_ROWS 64
#define PN_JOURNAL_RECORDS 32768 /* most records of a segment */
#define PN_JOURNAL_RING 4096
#define PN_JOURNAL_ORPHANS 1024
#define PN_JOURNAL_ID 48
#define PN_JOURNAL_CLAIMS "JOURNAL.CLM"
#define PN_SEGMENT_START 4096
#define PN_SEGMENT_CONSUMED 512
#define PN_SEGMENT_KEY PN_AEAD_KEY
#define PN_RECORD_TAG PN_AEAD_TAG
#define PN_RECORD_ALIGN 64

typedef enum { PN_ROW_ABSENT, PN_ROW_FREE, PN_ROW_ACTIVE, PN_ROW_CLOSED } PnRowState;

typedef struct {
  guint32 state;   /* PnRowState */
  guint32 records; /* committed ones */
  guint64 generation;
  guint64 size;
  guint64 committed; /* end of the last committed record */
  guint64 start;     /* where the first record lies that was not consumed before the machine crashed */
  guint32 start_index;
  guint32 reserved;
  guint64 done[PN_JOURNAL_RECORDS / 64]; /* bits: lies in a queue */
} PnJournalRow;

typedef enum {
  PN_COMMIT_NONE,
  PN_COMMIT_RECORD,       /* counts if the row's committed end covers it */
  PN_COMMIT_FILE_PENDING, /* counts if it has not the name it gets first any more: by then the reader may have
                             ended it */
  PN_COMMIT_FILE,
  PN_COMMIT_ANSWERED
} PnCommitState;

typedef struct {
  guint64 ticket;
  guint32 state; /* PnCommitState */
  guint32 row;
  guint64 generation, end;
  gint64 time; /* seconds */
  guint8 hash[16];
  char id[PN_JOURNAL_ID];
  char file[16];
} PnJournalCommit;

typedef enum { PN_ORPHAN_NONE, PN_ORPHAN_WAITS, PN_ORPHAN_GIVEN } PnOrphanState;

typedef struct {
  guint32 state; /* PnOrphanState */
  guint32 reserved;
  gint64 time;
  guint8 hash[16];
  char id[PN_JOURNAL_ID];
} PnJournalOrphan;

typedef struct {
  char magic[8];
  char boot[40];        /* of the kernel that keeps this file's pages */
  char reader_boot[40]; /* under which a reader last ran */
  guint32 reader_waits; /* the writer is to ring */
  guint32 next_orphan;
  guint64 last_generation;
  guint64 last_ticket;
  PnJournalRow rows[PN_JOURNAL_ROWS];
  PnJournalCommit ring[PN_JOURNAL_RING];
  PnJournalOrphan orphans[PN_JOURNAL_ORPHANS];
} PnJournalControl;

typedef enum { PN_JOURNAL_WRITER, PN_JOURNAL_READER } PnJournalSide;

/* The mapped control file of one side, which holds that side's lock. */
typedef struct {
  int fd;
  PnJournalControl *map;
} PnControl;

gboolean pn_control_open (PnControl *self, const char *dir, PnKey *key, PnJournalSide side, GError **error);
void pn_control_close (PnControl *self);
/* The boot id of the running kernel. */
void pn_control_boot_id (char id[40]);
void pn_control_add_orphan (PnJournalControl *control, const guint8 hash[16], const char *id, gint64 time);

/* PnJournalError from errno. */
void pn_journal_set_error (GError **error, int errnum, const char *path, const char *what);

/* --- segments --------------------------------------------------------------------------------- */

typedef struct {
  char magic[8];
  guint64 generation;
  guint64 size;
  guint32 key_length;
  guint8 sealed_key[128];
} PnSegmentHead;

typedef struct {
  char magic[8];
  guint64 generation;
  guint64 end;   /* consumed up to here */
  guint32 index; /* number of the next record */
  guint32 freed; /* all of it, and no more will come */
} PnConsumptionHead;

typedef struct {
  guint32 magic;
  guint32 length; /* of the plain bytes */
  guint64 generation;
  guint32 index;
  guint32 reserved;
  guint8 hash[16];
} PnRecordHead;

char *pn_segment_path (const char *dir, guint row);
/* Number of the row of a segment's file name, or -1. */
int pn_segment_row (const char *name);
/* Writes SIZE zeros to the file of ROW, flushed. */
gboolean pn_segment_prepare (const char *dir, guint row, guint64 size, GError **error);
/* Makes the head of a new generation and its KEY, and writes it (no flush: the first commit does that). */
gboolean pn_segment_begin (int fd, PnKey *domain_key, guint64 generation, guint64 size,
                           guint8 key[PN_SEGMENT_KEY], GError **error);
/* Reads the head.  Generation 0: never used. */
gboolean pn_segment_read_head (int fd, PnKey *domain_key, PnSegmentHead *head, guint8 key[PN_SEGMENT_KEY],
                               GError **error);
/* FALSE if none was written for GENERATION. */
gboolean pn_segment_read_consumed (int fd, guint64 generation, PnConsumptionHead *out);
gboolean pn_segment_write_consumed (int fd, const PnConsumptionHead *consumed, const char *path,
                                    GError **error);

/* --- records ---------------------------------------------------------------------------------- */

/* Room a record of LENGTH plain bytes takes. */
guint64 pn_record_size (guint64 length);
/* Writes head, ciphertext, tag and zeros to OUT, which has pn_record_size() bytes. */
void pn_record_seal (const guint8 key[PN_SEGMENT_KEY], guint64 generation, guint32 index,
                     const guint8 hash[16], const void *plain, guint32 length, guint8 *out);
/* Whether HEAD can be that of record INDEX of GENERATION, with LEFT bytes up to the segment's end. */
gboolean pn_record_head_ok (const PnRecordHead *head, guint64 generation, guint32 index, guint64 left);
/* Opens SEALED (ciphertext and tag behind HEAD) into PLAIN (head->length bytes).  FALSE: damaged. */
gboolean pn_record_open (const guint8 key[PN_SEGMENT_KEY], const PnRecordHead *head, const guint8 *sealed,
                         guint8 *plain);

/* Finds the valid records of the segment from START on: calls EACH (or NULL) with each head, returns the end
 * of the last. */
typedef void (*PnRecordVisit) (const PnRecordHead *head, const guint8 *plain, gpointer user);
guint64 pn_segment_scan (int fd, const guint8 key[PN_SEGMENT_KEY], guint64 generation, guint64 size,
                         guint64 start, guint32 start_index, guint32 *count_out, PnRecordVisit each,
                         gpointer user);

/* The name that no reader looks at, which a message in a file of its own has until it counts. */
char *pn_journal_first_path (const char *dir, const char *file);
/* Whether a file of this name in receive/ is a message that waits (ours or a third party's). */
gboolean pn_journal_is_message (const char *name);

/* The bell: a FIFO the writer rings when the reader waits. */
int pn_journal_open_bell (const char *dir, GError **error);

G_END_DECLS
