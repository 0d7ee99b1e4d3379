/* What the files of the agent share. */
#pragma once

#include "core/program.h"
#include "directory/directory.h"
#include "queue/journal.h"
#include "queue/outgoing.h"
#include "smtp/resultfile.h"
#include "smtp/sendfile.h"
#include "store/correlation.h"

G_BEGIN_DECLS

/* Seconds until something is tried again that a full disk or a busy database stopped. */
#define PN_AGENT_AGAIN_S 5

/* [agent], as it was when the program began. */
typedef struct {
  const char *site_charset; /* borrowed */
  gint64 correlation_age;   /* seconds */
  guint threads;
  gboolean delivery_notification, tie_return_path, html_twin, flat_forwarding;
  gint64 past_invitations; /* seconds; 0: all go */
  gint64 partial_age;      /* seconds */
  guint64 partial_limit;
  gboolean simple_recurrence;
  guint recurrence_singles;
  char **basic_domains, **full_recurrence_domains, **zone_years_domains; /* pn_domains_parse() */
} PnAgentSettings;

typedef struct {
  PnProgram *program; /* borrowed */
  PnDirectory *directory;
  PnCorrelationDb *correlation;
  PnJournalReader *reader;
  PnQueue *in;                                  /* WPCSIN: into the house */
  PnQueue *out;                                 /* WPCSOUT/GWI0001: out of it */
  char *send, *defer, *result, *hold, *problem; /* directories */
  GPtrArray *peers;                             /* PnPeer (compose.h) */
  PnAgentSettings settings;
  GMutex partial_lock; /* of work/PARTIAL */
  GMutex hold_lock;
  GHashTable *held; /* path -> gint64 *: when it is due */
} PnAgent;

/* --- threads: each takes the PnAgent and returns NULL when the program stops ------------------ */

gpointer pn_agent_inbound_main (gpointer agent);  /* receive/ -> WPCSIN */
gpointer pn_agent_outbound_main (gpointer agent); /* WPCSOUT -> send/ */
gpointer pn_agent_result_main (gpointer agent);   /* result/ -> WPCSIN or send/ */

/* Waits, but not longer than the program runs. */
void pn_agent_pause (PnAgent *self, guint seconds);
/* Logs ERROR under EVENT. */
void pn_agent_log_error (const char *event, const GError *error);

/* --- spool.c: messages into send/ ------------------------------------------------------------- */

/* Writes MESSAGE into send files S#######.TMP, one per destination domain of HEAD's recipients (and of at
 * most a hundred), flushed; their names-to-be are added to RECORD->files.  HEAD states id, sender, recipients
 * and envelope; the rest is filled here.  On failure none is left. */
gboolean pn_agent_stage (PnAgent *self, PnMessage *message, const PnSendHead *head, PnCorrelation *record,
                         GError **error);
/* The same, but single items for recipients whose calendars do not take the rule of MESSAGE, as the settings
 * say (recurrence.c).  Its rule may be replaced by an equal one. */
gboolean pn_agent_stage_series (PnAgent *self, PnMessage *message, const PnSendHead *head,
                                PnCorrelation *record, GError **error);
/* Commits RECORDS (GPtrArray of PnCorrelation) and then gives their files their names.  After it the messages
 * are with the daemon.  When it fails the records may yet be committed by a later call: whoever tries again
 * looks for them first (pn_agent_publish_again). */
gboolean pn_agent_publish (PnAgent *self, GPtrArray *records, GError **error);
/* Takes staged files away again. */
void pn_agent_unstage (PnAgent *self, const PnCorrelation *record);
/* Finishes what a publish interrupted by a crash left of RECORD. */
void pn_agent_publish_again (PnAgent *self, const PnCorrelation *record);
/* At the start: staged files whose record was committed get their names, the others go. */
void pn_agent_recover_staged (PnAgent *self);

/* --- hold.c: messages that are not due yet ---------------------------------------------------- */

gboolean pn_agent_hold (PnAgent *self, PnQueueItem *item, gint64 due, GError **error);
void pn_agent_scan_hold (PnAgent *self);
void pn_agent_release_due (PnAgent *self);

/* --- partial.c: messages that come in pieces -------------------------------------------------- */

/* Keeps RECEIVED, flushed, if it is a piece of a message (which MESSAGE was made of) whose others may still
 * come: then it is dealt with (dropped, if the message has been put together already), and the directory of
 * its set is returned, for pn_agent_join_partial().  NULL if it is to go on as it is. */
char *pn_agent_keep_partial (PnAgent *self, const PnReceived *received, const PnMessage *message);
/* Joins the pieces in DIR if they are all there. */
void pn_agent_join_partial (PnAgent *self, const char *dir);
/* Looks at all sets: what is complete is joined, what is too old goes on in pieces. */
void pn_agent_sweep_partials (PnAgent *self);

/* --- native-status.c: native statuses --------------------------------------------------------- */

/* Ties the DSN or MDN in MESSAGE, which came for its recipients, to what we sent: makes it a status for the
 * sender.  FALSE: it belongs to nothing of ours, and has become mail. */
gboolean pn_agent_tie_status (PnAgent *self, PnMessage *message);
/* The status message for the sender of RECORD; takes REPORTS (GPtrArray of PnStatusReport). */
PnMessage *pn_agent_status_new (const PnCorrelation *record, GPtrArray *reports);
PnStatusReport *pn_agent_report_new (const PnResult *result);

/* --- bounce.c: statuses for senders outside --------------------------------------------------- */

/* Leaves those reports of MESSAGE, a status for an outside sender, that he wants to hear of; ORIGINAL is the
 * record of his message or NULL. FALSE: none. */
gboolean pn_agent_wants_bounce (PnAgent *self, PnMessage *message, const PnCorrelation *original);
/* Makes MESSAGE what goes over the Internet: sender, subject, the beginning of the original. */
void pn_agent_dress_bounce (PnAgent *self, PnMessage *message, const PnCorrelation *original);
/* The subject of a disposition notification. */
void pn_agent_dress_disposition (PnMessage *message);
/* Whether MESSAGE says what became of another one; an answer to an invitation does not. */
gboolean pn_agent_is_report (const PnMessage *message);
/* Whether any of the reports is a disposition (MDN). */
gboolean pn_agent_is_disposition (const PnMessage *message);

G_END_DECLS
