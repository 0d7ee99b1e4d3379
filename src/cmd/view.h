/* What the commands that show mailboxes share: opening one, times, columns, JSON.
 *
 * Texts of messages come from strangers: whatever goes to a terminal passes through pn_view_clean(). */
#pragma once

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "postoffice/mailbox.h"

G_BEGIN_DECLS

typedef struct {
  PnConfig *config;
  PnKey *key;
  PnMailbox *mailbox;
} PnView;

/* Opens the mailbox of USER in the house DIR.  On failure prints the error and returns FALSE: the caller
 * returns PN_EXIT_NOT_DONE. */
gboolean pn_view_open (PnView *self, const char *dir, const char *user);
void pn_view_close (PnView *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnView, pn_view_close)

/* A positive number, or FALSE after an error message. */
gboolean pn_view_parse_number (const char *text, gint64 *number);

/* Escape sequences when standard output is a terminal, else "". */
typedef enum {
  PN_STYLE_PLAIN,
  PN_STYLE_BOLD,
  PN_STYLE_DIM,
  PN_STYLE_RED,
  PN_STYLE_GREEN,
  PN_STYLE_YELLOW
} PnStyle;
const char *pn_view_style (PnStyle style);
/* Columns of the terminal; 0 if standard output is none. */
guint pn_view_columns (void);

/* TEXT without control characters and without marks that turn the direction of what follows; line breaks stay
 * if LINES, else become blanks.  Caller frees. */
char *pn_view_clean (const char *text, gboolean lines);
/* Appends TEXT, cleaned, cut or filled to WIDTH columns (0: as it is). */
void pn_view_cell (GString *out, const char *text, guint width);

/* "2026-01-02 10:00" in the zone (IANA name; NULL: UTC).  Caller frees. */
char *pn_view_time (gint64 unix_time, const char *timezone);
/* "Tue 2026-01-06 09:00-10:00 Europe/Berlin" of an appointment; NULL if it has no start.  Caller frees. */
char *pn_view_when (const PnItem *item, const char *site_timezone);
/* The words for the flags, comma separated.  Caller frees. */
char *pn_view_flags (guint flags);
const char *pn_view_type (PnMessageType type); /* "Mail", "Appointment", "Task" ... */

/* JSON: members of the object under construction; a time 0 is null. */
void pn_view_json_time (JsonBuilder *builder, const char *name, gint64 unix_time); /* RFC 3339, UTC */
void pn_view_json_item (JsonBuilder *builder, const PnItem *item);

G_END_DECLS
