/* iTIP (RFC 5546): what one party knows of one calendar item, and what each message does to it.
 *
 * An item is everything with one UID: the master, the exceptions, who answered what and when, proposals that
 * wait for a decision, what was cancelled, and what the owner of the calendar set for himself.  It is written
 * as one calendar object, whose X-POSTERN-* properties keep the books; they never leave the house.
 *
 * Order: by the sequence (Microsoft's when there), then by DTSTAMP.  The attendees' numbers are compared only
 * with those of the same attendee. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

typedef struct PnItipItem PnItipItem;

typedef struct {
  gint64 now;
  const char *site_timezone;
  /* Whether ADDRESS is the one whose calendar this is; NULL: nobody's. */
  gboolean (*is_own) (const PnAddress *address, gpointer data);
  gpointer data;
  const char *source; /* noted with each component that the message brings, or NULL */
  /* Whether ADDRESS knows only PUBLISH, REQUEST, REPLY, COUNTER and CANCEL, as Outlook does; NULL: only those
   * whose own messages say that Microsoft's programs write them. */
  gboolean (*is_outlook) (const PnAddress *address, gpointer data);
} PnItipContext;

typedef enum {
  PN_ITIP_NOTHING, /* nothing about this item */
  PN_ITIP_STALE,   /* older than what is known */
  PN_ITIP_NEW,
  PN_ITIP_UPDATED,
  PN_ITIP_INSTANCE_UPDATED,
  PN_ITIP_ADDED,
  PN_ITIP_PUBLISHED,
  PN_ITIP_CANCELLED,
  PN_ITIP_INSTANCE_CANCELLED,
  PN_ITIP_ANSWERED,
  PN_ITIP_COUNTERED,
  PN_ITIP_COUNTER_DECLINED,
  PN_ITIP_REFRESH_ASKED,
  PN_ITIP_BUSY_ASKED,
  PN_ITIP_UNDELIVERABLE,
  PN_ITIP_STRANGER,    /* he was not invited: noted, but nothing changes */
  PN_ITIP_FOREIGN,     /* from someone else than the organizer: nothing changes */
  PN_ITIP_NO_INSTANCE, /* of an instance that the series does not have: nothing changes */
  PN_ITIP_NOT_FOUND    /* about an item that is not known */
} PnItipOutcome;

const char *pn_itip_outcome_to_string (PnItipOutcome outcome); /* "updated" */

PnItipItem *pn_itip_item_new (const char *uid, const char *site_timezone);
void pn_itip_item_free (PnItipItem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnItipItem, pn_itip_item_free)
/* What pn_itip_item_write() made. */
PnItipItem *pn_itip_item_parse (const char *text, gsize length, const char *site_timezone, GError **error);
char *pn_itip_item_write (PnItipItem *self); /* caller frees */

/* Of the item, borrowed; what is known of it. */
const char *pn_itip_item_uid (const PnItipItem *self);
gboolean pn_itip_item_is_empty (const PnItipItem *self); /* nothing is known of it */
gboolean pn_itip_item_is_cancelled (const PnItipItem *self);
/* Borrowed until the item changes; NULL if there is none. */
const PnAddress *pn_itip_item_organizer (PnItipItem *self);
/* The item as a message, for its owner (with what he set for himself): its calendar is the master (else the
 * first exception), its calendar part has all of it. NULL if the item is empty. */
PnMessage *pn_itip_item_message (PnItipItem *self, GError **error);
/* The component that says what instance RECURRENCE (a value as in PnInstance; NULL: the master) is, alone;
 * NULL if there is none. */
PnMessage *pn_itip_item_component (PnItipItem *self, const char *recurrence);
/* Recurrence values (char *) of the exceptions. */
GPtrArray *pn_itip_item_exceptions (PnItipItem *self);
/* PnItipContext.source of the message that brought the component; NULL if not noted. */
const char *pn_itip_item_source (PnItipItem *self, const char *recurrence);
/* Whether instance RECURRENCE was cancelled by its organizer. */
gboolean pn_itip_item_is_gone (PnItipItem *self, const char *recurrence);
/* The value of RECURRENCE-ID as PnInstance has it; caller frees. */
char *pn_itip_recurrence (const PnCalendarTime *recurrence_id);

/* What somebody said of it. */
typedef struct {
  PnAddress *address;
  char *recurrence; /* the instance, or NULL */
  PnPartstat partstat;
  gboolean counter; /* a proposal: */
  gint64 start, end;
  gboolean stranger;      /* he was not invited */
  gboolean undeliverable; /* the invitation did not reach him */
  gint64 time;            /* 0: not answered */
  char *comment;
} PnItipAnswer;

void pn_itip_answer_free (PnItipAnswer *self);
GPtrArray *pn_itip_item_answers (PnItipItem *self); /* PnItipAnswer: attendees, then strangers, proposals */

/* What everybody who has the item agrees upon, as lines in a fixed order, for comparing and reading.  With
 * ATTENDEE only his answer is told, else those of all.  Caller frees. */
char *pn_itip_item_describe (PnItipItem *self, const char *attendee);

/* Sets a property of the owner's own ("TRANSP", "COLOR", "CLASS", "CATEGORIES"), that updates leave as it is;
 * VALUE NULL: it is the organizer's again.  pn_itip_item_set_alarm(): SECONDS before the start; < 0 none. */
void pn_itip_item_set_own (PnItipItem *self, const char *name, const char *value);
void pn_itip_item_set_alarm (PnItipItem *self, gint64 seconds);

/* The calendar of a message, read once for all the items in it. */
typedef struct PnItipText PnItipText;
/* Of MESSAGE; never NULL: a text that cannot be read has no items.  NOW: instant of a message without a date.
 */
PnItipText *pn_itip_text_new (PnMessage *message, gint64 now);
void pn_itip_text_free (PnItipText *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnItipText, pn_itip_text_free)
/* The UIDs (char *) of the calendar components, in their order, the item's that the message is of first. */
const GPtrArray *pn_itip_text_uids (const PnItipText *self);

/* Does to the item what MESSAGE, whose calendar is TEXT (NULL: it is read here), says.  Messages that the
 * protocol wants in return are added to ANSWERS (PnMessage; without id and Message-ID), which may be NULL. */
PnItipOutcome pn_itip_apply (PnItipItem *self, PnMessage *message, const PnItipText *text,
                             const PnItipContext *context, GPtrArray *answers);
/* The invitation did not reach ATTENDEE. */
PnItipOutcome pn_itip_undeliverable (PnItipItem *self, const PnAddress *attendee, const char *reason);

/* --- saying something: changes the own item and adds to OUT the messages (PnMessage) that tell the others.
 * RECURRENCE NULL: all of it; else one instance, a real one.  PN_CONVERT_ERROR_UNSUPPORTED if it cannot be
 * said of this item. --- */

typedef struct {
  const PnCalendarTime *start, *end; /* each NULL: as it is */
  const char *summary, *place, *description;
} PnItipChange;

/* Invites to the item, or to one instance; changes it and tells those invited; publishes it. */
gboolean pn_itip_request (PnItipItem *self, const char *recurrence, const PnItipContext *context,
                          GPtrArray *out, GError **error);
gboolean pn_itip_revise (PnItipItem *self, const char *recurrence, const PnItipChange *change,
                         const PnItipContext *context, GPtrArray *out, GError **error);
gboolean pn_itip_publish (PnItipItem *self, const PnItipContext *context, GPtrArray *out, GError **error);
/* ATTENDEE NULL: everybody's; else he is uninvited. */
gboolean pn_itip_cancel (PnItipItem *self, const char *recurrence, gboolean this_and_future,
                         const PnAddress *attendee, const char *comment, const PnItipContext *context,
                         GPtrArray *out, GError **error);
gboolean pn_itip_add (PnItipItem *self, const PnCalendarTime *start, const PnCalendarTime *end,
                      const PnItipContext *context, GPtrArray *out, GError **error);
gboolean pn_itip_decline_counter (PnItipItem *self, const PnAddress *attendee, const char *recurrence,
                                  const char *comment, const PnItipContext *context, GPtrArray *out,
                                  GError **error);
/* Of an attendee. */
gboolean pn_itip_answer (PnItipItem *self, const PnAddress *attendee, PnPartstat partstat,
                         const char *recurrence, const char *comment, const PnItipContext *context,
                         GPtrArray *out, GError **error);
gboolean pn_itip_delegate (PnItipItem *self, const PnAddress *attendee, const PnAddress *delegate,
                           const char *recurrence, const char *comment, const PnItipContext *context,
                           GPtrArray *out, GError **error);
gboolean pn_itip_counter (PnItipItem *self, const PnAddress *attendee, const char *recurrence,
                          const PnItipChange *change, const char *comment, const PnItipContext *context,
                          GPtrArray *out, GError **error);
gboolean pn_itip_refresh (PnItipItem *self, const PnAddress *attendee, const PnItipContext *context,
                          GPtrArray *out, GError **error);
/* The answer to the VFREEBUSY REQUEST in MESSAGE: BUSY (PnBusyBlock) of ATTENDEE. */
gboolean pn_itip_busy (const PnMessage *message, const PnAddress *attendee, const GPtrArray *busy,
                       const PnItipContext *context, GPtrArray *out, GError **error);

G_END_DECLS
