/* The native message: one family of structures for every type.  Text is UTF-8. */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

typedef enum {
  PN_TYPE_MAIL,
  PN_TYPE_APPOINTMENT,
  PN_TYPE_TASK,
  PN_TYPE_NOTE,
  PN_TYPE_PHONE,
  PN_TYPE_STATUS,
  PN_TYPE_SEARCH,
  PN_TYPE_ADMIN
} PnMessageType;

typedef enum { PN_PRIORITY_NORMAL, PN_PRIORITY_HIGH, PN_PRIORITY_LOW } PnPriority;

typedef enum {
  PN_SECURITY_NORMAL,
  PN_SECURITY_PROPRIETARY,
  PN_SECURITY_CONFIDENTIAL,
  PN_SECURITY_SECRET,
  PN_SECURITY_TOP_SECRET,
  PN_SECURITY_FOR_YOUR_EYES_ONLY
} PnSecurity;

/* Status-Request, as flags. */
typedef enum {
  PN_STATUS_REQUEST_NONE = 0,
  PN_STATUS_REQUEST_DELIVERED = 1 << 0,
  PN_STATUS_REQUEST_OPENED = 1 << 1,
  PN_STATUS_REQUEST_FULL = 1 << 2
} PnStatusRequest;

/* A point in time with the offset it was written with. */
typedef struct {
  gboolean set;
  gint64 unix_time; /* seconds */
  int offset;       /* minutes east of UTC */
} PnTime;

typedef struct {
  char *domain; /* native address; each NULL when not known */
  char *post_office;
  char *user;
  char *internet; /* addr-spec, without brackets; NULL if none */
  char *name;     /* display name */
} PnAddress;

/* Made of copies; each name may be NULL. */
PnAddress *pn_address_new (const char *domain, const char *post_office, const char *user);
PnAddress *pn_address_new_internet (const char *internet, const char *name);
PnAddress *pn_address_copy (const PnAddress *self);
void pn_address_free (PnAddress *self);
/* "domain.post_office.user", or the Internet address, or "" when it has neither.  Caller frees. */
char *pn_address_to_string (const PnAddress *self);
/* "Name <local@host>", quoted where RFC 5322 wants it; native addresses as user.post_office.domain. */
char *pn_address_display (const PnAddress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnAddress, pn_address_free)

typedef enum { PN_TO, PN_CC, PN_BC } PnDistribution;

typedef struct {
  PnAddress *address; /* owned */
  PnDistribution distribution;
  gboolean listed;  /* stands in All-To / All-To-CC: shown to every reader */
  gboolean deliver; /* stands in To / To-CC / To-BC: this file has to reach him */
  char *group;      /* name of the RFC 5322 group he was listed in, or NULL */
  char *dsn_notify; /* RFC 3461 NOTIFY of the envelope, or NULL */
  char *dsn_orcpt;  /* RFC 3461 ORCPT of the envelope, or NULL */
} PnRecipient;

void pn_recipient_free (PnRecipient *self);

typedef enum {
  PN_PART_TEXT,       /* plain body, UTF-8, line ends LF */
  PN_PART_HTML,       /* HTML body, UTF-8, line ends LF */
  PN_PART_CALENDAR,   /* the iCalendar text as it came, UTF-8 */
  PN_PART_ATTACHMENT, /* a file; an embedded message when its type is message/rfc822 */
  PN_PART_INLINE,     /* a file that the HTML body shows by cid: or by location */
  PN_PART_SKELETON    /* hidden: the original MIME message without its attachments (convert/skeleton.h) */
} PnPartRole;

typedef struct {
  PnPartRole role;
  char *name;       /* file name, or NULL */
  char *type;       /* media type in lower case, without parameters; never NULL */
  char *parameters; /* further Content-Type parameters worth keeping ("; method=REQUEST"), or NULL */
  char *content_id; /* without brackets, or NULL */
  char *content_location;
  char *description;
  char *charset; /* the charset a text came in, or NULL */
  PnTime created;
  PnTime modified;
  PnContent *content; /* owned; decoded */
} PnPart;

PnPart *pn_part_new (PnPartRole role, const char *type, PnContent *content /* taken */);
void pn_part_free (PnPart *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnPart, pn_part_free)

typedef struct {
  char *name;  /* as written */
  char *value; /* unfolded and decoded to UTF-8 */
} PnHeader;

void pn_header_free (PnHeader *self);

/* What could not be carried over, or had to be repaired. */
typedef struct {
  char *part;   /* where: "header Subject", "part 1.2", "line 7" */
  char *reason; /* one sentence */
} PnLoss;

void pn_loss_free (PnLoss *self);

typedef enum {
  PN_ACTION_NONE,
  PN_ACTION_DELIVERED,
  PN_ACTION_UNDELIVERABLE,
  PN_ACTION_TRANSFERRED,
  PN_ACTION_TRANSFER_DELAYED,
  PN_ACTION_OPENED,
  PN_ACTION_DELETED,
  PN_ACTION_ACCEPTED,
  PN_ACTION_TENTATIVE,
  PN_ACTION_DECLINED,
  PN_ACTION_DELEGATED,
  PN_ACTION_COMPLETED,
  PN_ACTION_REPLIED,
  PN_ACTION_RETRACTED
} PnAction;

/* The spelling of Table 1 ("Transferred"), and back (any case, blanks or hyphens; NONE if unknown). */
const char *pn_action_to_string (PnAction action);
PnAction pn_action_from_string (const char *text);

/* One line of a status message: what became of the message at one recipient. */
typedef struct {
  PnAction action;
  PnTime time;
  PnAddress *recipient;     /* owned; where it got to */
  char *original_recipient; /* addr-spec that the message was sent to, if that is another; or NULL */
  char *wording;     /* the report's own word, where ACTION says less ("expanded", a disposition); or NULL */
  char *status_code; /* enhanced status code "5.1.1", or NULL */
  char *diagnostic;  /* the remote server's answer or our reason, or NULL */
  char *remote_mta;  /* or NULL */
  char *comment;     /* what the recipient wrote, or NULL */
} PnStatusReport;

void pn_status_report_free (PnStatusReport *self);

typedef enum {
  PN_METHOD_NONE,
  PN_METHOD_PUBLISH,
  PN_METHOD_REQUEST,
  PN_METHOD_REPLY,
  PN_METHOD_CANCEL,
  PN_METHOD_ADD,
  PN_METHOD_REFRESH,
  PN_METHOD_COUNTER,
  PN_METHOD_DECLINECOUNTER
} PnMethod;

const char *pn_method_to_string (PnMethod method); /* "REQUEST"; NULL for NONE */
PnMethod pn_method_from_string (const char *text); /* NONE if unknown */

/* A time in a calendar: a date, a floating time, or a time in a zone. */
typedef struct {
  gboolean set;
  gboolean is_date;
  gboolean floating;
  int year, month, day, hour, minute,
      second;       /* wall clock in TZID, or UTC if that is NULL and not floating */
  char *tzid;       /* owned; IANA name where one is known, else as it came */
  gint64 unix_time; /* the instant; a date or floating time is taken in the site's zone */
} PnCalendarTime;

void pn_calendar_time_clear (PnCalendarTime *self);
void pn_calendar_time_copy (PnCalendarTime *to, const PnCalendarTime *from); /* clears TO first */

typedef enum {
  PN_PARTSTAT_NEEDS_ACTION,
  PN_PARTSTAT_ACCEPTED,
  PN_PARTSTAT_DECLINED,
  PN_PARTSTAT_TENTATIVE,
  PN_PARTSTAT_DELEGATED,
  PN_PARTSTAT_COMPLETED,
  PN_PARTSTAT_IN_PROCESS
} PnPartstat;

const char *pn_partstat_to_string (PnPartstat partstat);
PnPartstat pn_partstat_from_string (const char *text);

typedef struct {
  PnAddress *address; /* owned */
  PnPartstat partstat;
  gboolean rsvp;
  char *role;   /* "REQ-PARTICIPANT" ..., or NULL */
  char *cutype; /* "INDIVIDUAL", "RESOURCE" ..., or NULL */
  char *delegated_to;
  char *delegated_from;
  char *sent_by;
} PnAttendee;

void pn_attendee_free (PnAttendee *self);

/* What an appointment, task or note says; from an iCalendar component or from native keywords. */
typedef struct {
  PnMethod method;
  char *component; /* "VEVENT", "VTODO", "VJOURNAL" */
  char *uid;
  int sequence;
  PnTime stamp; /* DTSTAMP */
  PnCalendarTime start;
  PnCalendarTime end; /* DTEND, or start plus DURATION; DUE of a task */
  PnCalendarTime recurrence_id;
  gboolean this_and_future;
  gboolean all_day;
  char *summary;
  char *description;
  char *place;
  char *rrule;       /* value of RRULE, or NULL */
  GPtrArray *rdates; /* char *: RDATE/EXDATE lines as they came, with parameters */
  GPtrArray *exdates;
  PnAddress *organizer; /* NULL if none */
  char *organizer_sent_by;
  GPtrArray *attendees; /* PnAttendee */
  char *status;         /* STATUS, or NULL */
  char *klass;          /* CLASS, or NULL */
  char *busy_status;    /* FREE, TENTATIVE, BUSY, OOF; or NULL */
  gboolean transparent;
  int priority; /* 0 to 9; 0 unset */
  char *comment;
  gboolean alarm_set;
  int alarm;            /* seconds before start */
  int percent_complete; /* -1 unset */
  PnTime completed;
  GPtrArray *zones;      /* char *: the VTIMEZONEs of zones that keep the name they came with, as lines */
  GPtrArray *properties; /* char *: content lines that no field says, or not all of */
  GPtrArray *components; /* char *: the components inside (VALARM), as lines */
  GPtrArray *object_properties; /* char *: content lines of the VCALENDAR */
} PnCalendar;

PnCalendar *pn_calendar_new (void);
void pn_calendar_free (PnCalendar *self);

/* Ticks of a phone message, as flags. */
typedef enum {
  PN_CALL_TELEPHONED = 1 << 0,
  PN_CALL_PLEASE_CALL = 1 << 1,
  PN_CALL_WILL_CALL_AGAIN = 1 << 2,
  PN_CALL_RETURNED_YOUR_CALL = 1 << 3,
  PN_CALL_WANTS_TO_SEE_YOU = 1 << 4,
  PN_CALL_CAME_TO_SEE_YOU = 1 << 5,
  PN_CALL_URGENT = 1 << 6
} PnCallAction;

/* Keywords that Postern gives no meaning to, kept for the way back. */
typedef struct {
  char *name;
  char *text; /* everything between '=' and the closing ';', escaped as it was */
} PnExtraKeyword;

void pn_extra_keyword_free (PnExtraKeyword *self);

typedef struct {
  PnMessageType type;
  char *id;      /* Msg-ID */
  char *orig_id; /* Orig-Msg-ID, or NULL */
  PnTime date;   /* Date-Sent */

  PnAddress *from;       /* NULL if none */
  PnAddress *sender;     /* NULL unless it differs from FROM */
  GPtrArray *reply_to;   /* PnAddress */
  GPtrArray *recipients; /* PnRecipient */
  char *to_text;         /* To-Text, CC-Text: what the sender's To box showed; or NULL */
  char *cc_text;
  char *envelope_from; /* MAIL FROM of the envelope, "" for the null path, NULL if there was none */
  char *envelope_id;   /* RFC 3461 ENVID, or NULL */
  char *envelope_ret;  /* RFC 3461 RET, or NULL */

  char *subject;
  GPtrArray *parts; /* PnPart: first the bodies, then files, the skeleton last */

  PnPriority priority;
  PnSecurity security;
  guint status_request; /* PnStatusRequest flags */
  char *send_options;   /* Send-Options as written, or NULL */
  PnTime distribute_date;
  PnTime expires;
  PnTime respond_by;
  char *action; /* Msg-Action ("Retract"), or NULL */

  char *message_id;        /* RFC 5322 Message-ID without brackets, or NULL */
  char *in_reply_to;       /* one msg-id without brackets, or NULL */
  GPtrArray *references;   /* char *: msg-ids without brackets */
  GPtrArray *headers;      /* PnHeader: every field of the message header, in order; empty for native items */
  gboolean auto_generated; /* Auto-Submitted, Precedence or List-* say that no person waits for an answer */

  PnCalendar *calendar; /* NULL unless appointment, task, note, or an answer to one */
  GPtrArray *reports;   /* PnStatusReport: of a status message */

  char *task_category; /* one letter, or NULL */
  int task_priority;   /* 0 if unset */
  char *caller_name;
  char *caller_company;
  char *caller_phone;
  guint call_action; /* PnCallAction flags */

  PnTime begin_time; /* of a Search: the window */
  PnTime end_time;
  GPtrArray *busy; /* PnBusyBlock: of a Search answer */
  PnAddress *busy_for;

  GPtrArray *extra;  /* PnExtraKeyword: unknown or uninterpreted keywords, Admin groups among them */
  GPtrArray *losses; /* PnLoss */
} PnMessage;

typedef struct {
  gint64 start; /* seconds since 1970 */
  gint64 end;
} PnBusyBlock;

PnMessage *pn_message_new (PnMessageType type);
void pn_message_free (PnMessage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnMessage, pn_message_free)

const char *pn_message_type_to_string (
    PnMessageType type); /* "Mail", "Appt", "Task", "Note", "Phone", "Status", "Search", "Admin" */

/* Adds a recipient and returns it (owned by the message).  ADDRESS is taken. */
PnRecipient *pn_message_add_recipient (PnMessage *self, PnDistribution distribution, PnAddress *address);
/* Adds PART, which is taken, behind the others, but before the skeleton. */
void pn_message_add_part (PnMessage *self, PnPart *part);
/* The first part in ROLE, or NULL. */
PnPart *pn_message_get_part (const PnMessage *self, PnPartRole role);
G_GNUC_PRINTF (3, 4)
void pn_message_add_loss (PnMessage *self, const char *part, const char *format, ...);
/* Value of the first header field NAME (any case), or NULL. */
const char *pn_message_get_header (const PnMessage *self, const char *name);

/* Whether it takes back the message that it is about. */
gboolean pn_message_is_retraction (const PnMessage *self);

/* "2", "4" or "6": the priority directory of a message; its status goes one higher.  A Search is 0. */
guint pn_message_priority_directory (const PnMessage *self);

G_END_DECLS
