/* The receive journal: where accepted messages are made durable before the 250, many sessions sharing one
 * flush.
 *
 * Segments receive/J#######.SEG of a fixed size, written in full once and then reused; receive/JOURNAL.CTL is
 * mapped by both sides: what is committed, which segments are in use, the wake-up of the reader, the ring of
 * the last commits with whether their 250 was sent.  Records are sealed.  Messages above the size limit are
 * files of their own in receive, extension RCV. One writer process (smtp), one reader process (agent).
 *
 * A record whose commit was not answered (the writer died in between) is remembered: if the same envelope and
 * bytes come again, they are answered with the first one's id and not stored again, provided they carry a
 * Message-ID field. */
#pragma once

#include "convert/content.h"
#include "core/config.h"
#include "core/seal.h"
#include "queue/queue.h"

G_BEGIN_DECLS

#define PN_JOURNAL_ERROR (pn_journal_error_quark ())
GQuark pn_journal_error_quark (void);
typedef enum { PN_JOURNAL_ERROR_FULL, PN_JOURNAL_ERROR_IO, PN_JOURNAL_ERROR_DAMAGED } PnJournalError;

/* What was accepted.  The envelope is text: lines of "key=value" (see below); the data are the message as
 * received, with our Received and Return-Path fields in front, line ends CRLF. */
typedef struct {
  char *id;        /* native message id, given at acceptance */
  gint64 time;     /* seconds */
  char *mail_from; /* "" for the null path */
  char **rcpt_to;
  char **rcpt_notify; /* RFC 3461 NOTIFY per recipient, "" if none; same length */
  char **rcpt_orcpt;
  char *envid, *ret; /* or NULL */
  char *user;        /* authenticated submitter (native address) or NULL */
  char *helo, *peer; /* client's name and address */
  gboolean smtputf8;
} PnEnvelope;

PnEnvelope *pn_envelope_new (void);
void pn_envelope_free (PnEnvelope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnEnvelope, pn_envelope_free)
/* One line for each field, "key=value\n", for the journal and for .RCV and send files.  What a sealed .RCV
 * file holds: this text, an empty line ("\n"), the message. */
char *pn_envelope_to_text (const PnEnvelope *self);
PnEnvelope *pn_envelope_from_text (const char *text, gsize length, GError **error);

/* --- the writer ------------------------------------------------------------------------------- */

typedef struct PnJournal PnJournal;

/* DIR is the gateway's receive directory. */
PnJournal *pn_journal_open (const char *dir, PnKey *key, guint64 segment_size, GError **error);
void pn_journal_close (PnJournal *self); /* waits for what is under way */

/* Called from a thread of the journal when the record is on disk (ERROR NULL) or cannot be; must not wait for
 * anything. */
typedef void (*PnJournalDone) (gpointer user, const GError *error);

/* Appends; returns at once.  DATA is copied or sealed before it returns.  HASH (16 bytes) is that of envelope
 * and data as the client sent them (without what we put in front, which differs each time).  *TICKET is set
 * before DONE can be called. */
void pn_journal_append (PnJournal *self, const PnEnvelope *envelope, const void *data, gsize length,
                        const guint8 hash[16], guint64 *ticket, PnJournalDone done, gpointer user);
/* The same for a message in a file of its own: FD is unnamed, sealed and complete; it is flushed and named.
 */
void pn_journal_append_file (PnJournal *self, const char *id, int fd /* taken */, const guint8 hash[16],
                             guint64 *ticket, PnJournalDone done, gpointer user);
/* The 250 for TICKET has been handed to the client's connection. */
void pn_journal_answered (PnJournal *self, guint64 ticket);
/* The connection of TICKET died before its 250: the commit is unanswered from now on, as if we had died. */
void pn_journal_unanswered (PnJournal *self, guint64 ticket);
/* The id of an unanswered commit with this hash, once; NULL if none.  Caller frees.  (After a death of the
 * writer it is given again, as nobody knows whether it was answered then.) */
char *pn_journal_take_orphan (PnJournal *self, const guint8 hash[16]);

/* --- the reader ------------------------------------------------------------------------------- */

typedef struct PnJournalReader PnJournalReader;

typedef struct {
  PnEnvelope *envelope; /* owned */
  PnSource *data;       /* owned; of one thread at a time */
  guint attempts; /* deaths of the reader's process while it was busy with this record; at 3 it belongs into
                     gwprob */
  guint64 segment, position; /* of the journal: generation and number; or */
  char *path;                /* the file of its own, else NULL */
  guint slot;
  PnJournalReader *reader; /* borrowed; NULL once it has ended (done, later, problem) */
} PnReceived;

/* A message that was not ended is given out again after a second. */
void pn_received_free (PnReceived *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnReceived, pn_received_free)

/* QUEUE_PATHS: where messages can be on their way to a store, in the order of the flow (pn_queue_list_all()).
 */
PnJournalReader *pn_journal_reader_open (const char *dir, PnKey *key, const char *const *queue_paths,
                                         gboolean after_crash, GError **error);
void pn_journal_reader_close (PnJournalReader *self);
/* From now on pn_queue_stage() of QUEUE (which outlives the reader) gives out files that were consumed,
 * instead of making a new one for each message, where they come back to the reader through
 * pn_received_done().  They are kept under second names in DIRECTORY, on the same file system and used for
 * nothing else. */
gboolean pn_journal_reader_recycle (PnJournalReader *self, PnQueue *queue, const char *directory,
                                    GError **error);
/* The next received message; waits up to TIMEOUT_MS, or until STOP_FD is readable.  NULL with no error at
 * time-out.  Thread safe. A record or file that cannot be read is PN_JOURNAL_ERROR_DAMAGED once, moved to
 * gwprob by then. */
PnReceived *pn_journal_reader_take (PnJournalReader *self, int timeout_ms, int stop_fd, GError **error);
void pn_received_busy (PnJournalReader *self, PnReceived *received, gboolean busy);
/* Writes ENVELOPE and DATA as a sealed file like those in receive/ to PATH, which must not exist; flushed,
 * but for the directory. */
gboolean pn_received_write (PnJournalReader *self, const PnEnvelope *envelope, PnContent *data,
                            const char *path, GError **error);
/* Reads such a file wherever it lies; it is not one that has to be ended. */
PnReceived *pn_received_read (PnJournalReader *self, const char *path, GError **error);
/* Gives the file PATH, which is flushed, a second name in receive/, flushed too: it comes as received soon.
 */
gboolean pn_journal_reader_add_file (PnJournalReader *self, const char *path, GError **error);
/* It lies in a queue now: QUEUE_FD (taken; -1 if what was made of it is flushed) is its queue file, put
 * covered.  When it came as a file of its own, that is removed once the queue file is consumed or flushed. */
void pn_received_done (PnJournalReader *self, PnReceived *received, int queue_fd);
/* Not now (no space, say): given out again after DELAY_S seconds. */
void pn_received_later (PnJournalReader *self, PnReceived *received, guint delay_s);
/* Bytes cannot be converted or killed us three times: written to GWPROB with the reason (flushed), then done.
 * What lies there is a sealed .RCV file with the reason in .TXT beside it; moved back into receive/ it is
 * tried again. */
gboolean pn_received_problem (PnJournalReader *self, PnReceived *received, const char *gwprob,
                              const char *reason, GError **error);
/* Lets go of segments and files all of whose messages are consumed; flushes the stragglers of those older
 * than a few seconds or when FORCE. Called now and then, and at the end. */
gboolean pn_journal_reader_checkpoint (PnJournalReader *self, gboolean force, GError **error);

/* Messages received and not yet converted. */
guint pn_journal_waiting (const char *dir);

G_END_DECLS
