/* What the files of the iTIP machine share: an item as the lines of its components. */
#pragma once

#include "convert/ical-private.h"
#include "convert/itip.h"

G_BEGIN_DECLS

/* -- lines (itip-lines.c) -- */

typedef struct {
  char *name;       /* upper case */
  char *parameters; /* as in PnIcalLine, or NULL */
  char *value;
} PnItipLine;

PnItipLine *pn_itip_line_new (const char *name, const char *parameters, const char *value);
PnItipLine *pn_itip_line_copy (const PnItipLine *self);
void pn_itip_line_free (PnItipLine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnItipLine, pn_itip_line_free)
void pn_itip_line_append (GString *out, const PnItipLine *self);
/* Value of the parameter, decoded; of several PARTSTATs the one that is an answer.  NULL if there is none. */
char *pn_itip_line_get (const PnItipLine *self, const char *name);
/* Sets the parameter, as the only one of its name, or takes it away. */
void pn_itip_line_set (PnItipLine *self, const char *name, const char *value);
void pn_itip_line_set_number (PnItipLine *self, const char *name, gint64 number);
gint64 pn_itip_line_get_number (const PnItipLine *self, const char *name);
PnAddress *pn_itip_line_address (const PnItipLine *self);
/* "mailto:..." of ADDRESS. Caller frees. */
char *pn_itip_uri (const PnAddress *address);
gboolean pn_itip_same_address (const PnAddress *a, const PnAddress *b);
/* Whether LIST (addresses joined by ',', with or without mailto:) has ADDRESS. */
gboolean pn_itip_list_has (const char *list, const PnAddress *address);

/* -- components (itip-part.c) -- */

typedef struct {
  char *key; /* recurrence value of an exception; NULL: the master.  Of a VFREEBUSY answer the address */
  gboolean this_and_future;
  GPtrArray *lines;   /* PnItipLine */
  GPtrArray *inside;  /* char *: components in it, folded lines */
  PnMessage *message; /* what the lines say, or NULL as long as nobody asked */
} PnItipPart;

typedef struct {
  char *tzid, *text;
} PnItipZone;

struct PnItipItem {
  char *uid;
  char *kind; /* "VEVENT"...; NULL when empty */
  char *site_timezone;
  PnMethod method;  /* of a message */
  gboolean outlook; /* of a message: one of Microsoft's programs wrote it */
  GPtrArray *parts; /* PnItipPart, the master first */
  GPtrArray *zones; /* PnItipZone */
  GPtrArray *lines; /* PnItipLine: of the VCALENDAR, X-POSTERN-* */
};

PnItipPart *pn_itip_part_new (const char *key);
PnItipPart *pn_itip_part_copy (const PnItipPart *self);
void pn_itip_part_free (PnItipPart *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnItipPart, pn_itip_part_free)
PnItipLine *pn_itip_part_find (const PnItipPart *self, const char *name);
/* The line NAME is the only one of its name from now on; VALUE NULL: none is. */
PnItipLine *pn_itip_part_set (PnItipPart *self, const char *name, const char *parameters, const char *value);
void pn_itip_part_add (PnItipPart *self, PnItipLine *line /* taken */);
void pn_itip_part_remove (PnItipPart *self, const char *name);
/* The line NAME ("ATTENDEE", "X-POSTERN-ANSWER" ...) whose value is ADDRESS. */
PnItipLine *pn_itip_part_find_address (const PnItipPart *self, const char *name, const PnAddress *address);
void pn_itip_part_changed (PnItipPart *self);

/* The VTIMEZONEs of ITEM that PARTS name. */
void pn_itip_append_zones (GString *out, const PnItipItem *item, const GPtrArray *parts);
/* What PART of SELF says; never NULL. */
const PnCalendar *pn_itip_calendar (const PnItipItem *self, PnItipPart *part);
int pn_itip_sequence (const PnItipItem *self, PnItipPart *part);
gint64 pn_itip_stamp (const PnItipItem *self, PnItipPart *part);
gboolean pn_itip_has_sequence (const PnItipPart *part);
void pn_itip_part_set_version (PnItipPart *part, int sequence, gint64 stamp);
/* < 0: A is older. */
int pn_itip_compare (int sequence_a, gint64 stamp_a, int sequence_b, gint64 stamp_b);

/* -- texts (itip-text.c) -- */

/* What TEXT says of the item UID (NULL or empty: of its first one), without lines of ours: a part of a
 * message, never NULL. */
PnItipItem *pn_itip_text_item (const PnItipText *self, const char *uid, const char *site_timezone);

/* -- items (itip-item.c) -- */

PnItipPart *pn_itip_find (const PnItipItem *self, const char *key);
PnItipPart *pn_itip_master (const PnItipItem *self);
/* Puts PART (taken) in the place of the one with its key. */
void pn_itip_put (PnItipItem *self, PnItipPart *part);
void pn_itip_remove (PnItipItem *self, const char *key);
void pn_itip_set_zone (PnItipItem *self, const char *tzid, const char *text);
void pn_itip_take_zones (PnItipItem *self, const PnItipItem *from);
void pn_itip_want_zone (PnItipItem *self, const PnCalendarTime *time);
/* The component of instance KEY, made of the master if it is no exception yet; NULL if the series has no such
 * instance. */
PnItipPart *pn_itip_want_instance (PnItipItem *self, const char *key);
gboolean pn_itip_has_instance (PnItipItem *self, const char *key);
/* A line of the books about KEY: X-POSTERN-GONE. */
PnItipLine *pn_itip_gone (const PnItipItem *self, const char *key);
void pn_itip_set_gone (PnItipItem *self, const char *key, int sequence, gint64 stamp);
/* Takes instance KEY out of the series. */
void pn_itip_exclude (PnItipItem *self, const char *key, int sequence, gint64 stamp);
void pn_itip_readmit (PnItipItem *self, const char *key);
/* PART, an exception, takes over what changed from BEFORE to AFTER, the master, where it was no exception:
 * TRUE if its time is another now. */
gboolean pn_itip_follow (PnItipItem *self, PnItipPart *part, PnItipPart *before, PnItipPart *after);
/* Ends the series before instance KEY. */
void pn_itip_truncate (PnItipItem *self, const char *key, int sequence, gint64 stamp);
/* KEY in the form the master's start has (a date for a day, an instant for a time).  Caller frees. */
char *pn_itip_key (const PnItipItem *self, const char *key);
gint64 pn_itip_key_time (const char *key); /* seconds, as if UTC */
/* Sets the time property NAME. */
void pn_itip_set_time (PnItipItem *self, PnItipPart *part, const char *name, const PnCalendarTime *time);
/* The calendar object of the PARTS as it is sent: without our books and the owner's own. Caller frees. */
char *pn_itip_text (PnItipItem *self, PnMethod method, GPtrArray *parts);

/* -- messages -- */

typedef struct {
  PnItipItem *item, *incoming;
  PnMessage *message;
  const PnItipContext *context;
  GPtrArray *answers; /* never NULL */
} PnItipStep;

gboolean pn_itip_is_own (const PnItipContext *context, const PnAddress *address);
gboolean pn_itip_is_outlook (const PnItipItem *item, const PnItipContext *context, const PnAddress *address);
/* Notes whether ADDRESS has written with one of Microsoft's programs. */
void pn_itip_note_program (PnItipItem *item, const PnAddress *address, gboolean outlook);
PnItipLine *pn_itip_own_attendee (const PnItipPart *part, const PnItipContext *context);
/* itip-organized.c: what comes from the organizer */
PnItipOutcome pn_itip_take_request (PnItipStep *step);
PnItipOutcome pn_itip_take_add (PnItipStep *step);
PnItipOutcome pn_itip_take_cancel (PnItipStep *step);
PnItipOutcome pn_itip_take_declinecounter (PnItipStep *step);
/* itip-attended.c: what comes from attendees */
PnItipOutcome pn_itip_take_reply (PnItipStep *step);
PnItipOutcome pn_itip_take_counter (PnItipStep *step);
PnItipOutcome pn_itip_take_refresh (PnItipStep *step);

G_END_DECLS
