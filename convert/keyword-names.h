/* The names that the keyword language knows.  postern-message(5) says what each means. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

enum {
  PN_NAME_IS_TOP = 1 << 0,   /* stands outside of groups: at the beginning of a line it closes open ones */
  PN_NAME_IS_GROUP = 1 << 1, /* its value is a group or a list of groups, or a string in short */
  PN_NAME_IS_OURS = 1 << 2   /* not of the original's language */
};

#define PN_TOP PN_NAME_IS_TOP
#define PN_GROUP PN_NAME_IS_GROUP
#define PN_OURS PN_NAME_IS_OURS

/* clang-format off */
#define PN_NAMES(X) \
  X (WPC_API, "WPC-API", PN_TOP) \
  X (HEADER_CHAR, "Header-Char", PN_TOP) \
  X (MSG_TYPE, "Msg-Type", PN_TOP) \
  X (MSG_ID, "Msg-ID", PN_TOP) \
  X (ORIG_MSG_ID, "Orig-Msg-ID", PN_TOP) \
  X (DATE_SENT, "Date-Sent", PN_TOP) \
  X (FROM, "From", PN_TOP | PN_GROUP) \
  X (FROM_TEXT, "From-Text", PN_TOP) \
  X (TO, "To", PN_TOP | PN_GROUP) \
  X (TO_CC, "To-CC", PN_TOP | PN_GROUP) \
  X (TO_BC, "To-BC", PN_TOP | PN_GROUP) \
  X (CC, "CC", PN_TOP | PN_GROUP) \
  X (BC, "BC", PN_TOP | PN_GROUP) \
  X (TO_TEXT, "To-Text", PN_TOP) \
  X (TO_CC_TEXT, "To-CC-Text", PN_TOP) \
  X (ALL_TO, "All-To", PN_TOP | PN_GROUP) \
  X (ALL_TO_CC, "All-To-CC", PN_TOP | PN_GROUP) \
  X (SUBJECT, "Subject", PN_TOP) \
  X (MSG_FILE, "Msg-File", PN_TOP) \
  X (MSG_CHAR, "Msg-Char", PN_TOP) \
  X (ATTACH_FILE, "Attach-File", PN_TOP | PN_GROUP) \
  X (MSG_PRIORITY, "Msg-Priority", PN_TOP) \
  X (SECURITY, "Security", PN_TOP) \
  X (SEND_OPTIONS, "Send-Options", PN_TOP) \
  X (STATUS_REQUEST, "Status-Request", PN_TOP) \
  X (STATUS_REPORT, "Status-Report", PN_TOP | PN_GROUP) \
  X (SET_STATUS, "Set-Status", PN_TOP) \
  X (DISTRIBUTE_DATE, "Distribute-Date", PN_TOP) \
  X (RESPOND_BY, "Respond-By", PN_TOP) \
  X (MSG_ACTION, "Msg-Action", PN_TOP) \
  X (MSG_VIEW, "Msg-View", PN_TOP) \
  X (FOLDER_NAME, "Folder-Name", PN_TOP) \
  X (BEGIN_TIME, "Begin-Time", PN_TOP) \
  X (END_TIME, "End-Time", PN_TOP) \
  X (DUE_DATE, "Due-Date", PN_TOP) \
  X (LOCATION, "Location", PN_TOP) \
  X (PLACE, "Place", PN_TOP) \
  X (TASK_CATEGORY, "Task-Category", PN_TOP) \
  X (TASK_PRIORITY, "Task-Priority", PN_TOP) \
  X (CALLER_NAME, "Caller-Name", PN_TOP) \
  X (CALLER_COMPANY, "Caller-Company", PN_TOP) \
  X (CALLER_PHONE, "Caller-Phone", PN_TOP) \
  X (CALL_ACTION, "Call-Action", PN_TOP) \
  X (BUSY_FOR, "Busy-For", PN_TOP | PN_GROUP) \
  X (BUSY_REPORT, "Busy-Report", PN_TOP | PN_GROUP) \
  X (GET_DIRECTORY, "-GET-DIRECTORY-", PN_TOP) \
  X (DS_USER, "DS-User", PN_TOP | PN_GROUP) \
  X (DS_RESOURCE, "DS-Resource", PN_TOP | PN_GROUP) \
  X (DS_GROUP, "DS-Group", PN_TOP | PN_GROUP) \
  X (DS_EXTERNAL_POST_OFFICE, "DS-External-Post-Office", PN_TOP | PN_GROUP) \
  X (END, "-END-", PN_TOP) \
  \
  X (WPD, "WPD", 0) \
  X (WPPO, "WPPO", 0) \
  X (WPU, "WPU", 0) \
  X (WPPONUM, "WPPONUM", 0) \
  X (WPUNUM, "WPUNUM", 0) \
  X (FUA, "FUA", 0) \
  X (FN, "FN", 0) \
  X (LN, "LN", 0) \
  X (S, "S", 0) \
  X (G, "G", 0) \
  X (DEPT, "Dept", 0) \
  X (TTL, "TTL", 0) \
  X (TEL, "TEL", 0) \
  X (FAX, "FAX", 0) \
  X (CDBA, "CDBA", 0) \
  X (CURRENT_FILE, "Current-File", 0) \
  X (ORIGINAL_FILE, "Original-File", 0) \
  X (SIZE, "Size", 0) \
  X (DATE, "Date", 0) \
  X (CONVERSION_ALLOWED, "-CONVERSION-ALLOWED-", 0) \
  X (ACTION, "Action", 0) \
  X (TIME, "Time", 0) \
  X (START_TIME, "Start-Time", 0) \
  X (OPERATION, "Operation", 0) \
  X (DOMAIN, "Domain", 0) \
  X (POST_OFFICE, "Post-Office", 0) \
  X (OBJECT, "Object", 0) \
  X (VISIBILITY, "Visibility", 0) \
  X (LAST_NAME, "Last-Name", 0) \
  X (FIRST_NAME, "First-Name", 0) \
  X (DESCRIPTION, "Description", 0) \
  X (ACCOUNT_ID, "Account-ID", 0) \
  X (TITLE, "Title", 0) \
  X (DEPARTMENT, "Department", 0) \
  X (PHONE, "Phone", 0) \
  X (NETWORK_ID, "Network-ID", 0) \
  X (GW_ALIAS, "Gw-Alias", PN_GROUP) \
  X (TYPE, "Type", 0) \
  X (EXTERNAL_NAME, "External-Name", 0) \
  X (TIME_ZONE, "Time-Zone", 0) \
  \
  X (PN_SENDER, "Pn-Sender", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_REPLY_TO, "Pn-Reply-To", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_ALL_TO_BC, "Pn-All-To-BC", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_ENVELOPE_FROM, "Pn-Envelope-From", PN_TOP | PN_OURS) \
  X (PN_ENVELOPE_ID, "Pn-Envelope-Id", PN_TOP | PN_OURS) \
  X (PN_ENVELOPE_RET, "Pn-Envelope-Ret", PN_TOP | PN_OURS) \
  X (PN_EXPIRES, "Pn-Expires", PN_TOP | PN_OURS) \
  X (PN_MESSAGE_ID, "Pn-Message-Id", PN_TOP | PN_OURS) \
  X (PN_IN_REPLY_TO, "Pn-In-Reply-To", PN_TOP | PN_OURS) \
  X (PN_REFERENCES, "Pn-References", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_HEADER, "Pn-Header", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_AUTO_GENERATED, "Pn-Auto-Generated", PN_TOP | PN_OURS) \
  X (PN_CALENDAR, "Pn-Calendar", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_BEGIN_TIME, "Pn-Begin-Time", PN_TOP | PN_OURS) \
  X (PN_END_TIME, "Pn-End-Time", PN_TOP | PN_OURS) \
  X (PN_LOSS, "Pn-Loss", PN_TOP | PN_GROUP | PN_OURS) \
  X (PN_PART, "Pn-Part", PN_TOP | PN_GROUP | PN_OURS) \
  \
  X (PN_NAME, "Pn-Name", PN_OURS) \
  X (PN_LISTED, "Pn-Listed", PN_OURS) \
  X (PN_ORDER, "Pn-Order", PN_OURS) \
  X (PN_GROUP_NAME, "Pn-Group", PN_OURS) \
  X (PN_DSN_NOTIFY, "Pn-DSN-Notify", PN_OURS) \
  X (PN_DSN_ORCPT, "Pn-DSN-Orcpt", PN_OURS) \
  X (PN_RECIPIENT, "Pn-Recipient", PN_GROUP | PN_OURS) \
  X (PN_ORIGINAL_RECIPIENT, "Pn-Original-Recipient", PN_OURS) \
  X (PN_WORDING, "Pn-Wording", PN_OURS) \
  X (PN_STATUS_CODE, "Pn-Status-Code", PN_OURS) \
  X (PN_DIAGNOSTIC, "Pn-Diagnostic", PN_OURS) \
  X (PN_REMOTE_MTA, "Pn-Remote-MTA", PN_OURS) \
  X (PN_COMMENT, "Pn-Comment", PN_OURS) \
  X (ROLE, "Role", PN_OURS) \
  X (NAME, "Name", PN_OURS) \
  X (VALUE, "Value", PN_OURS) \
  X (ITEM, "Item", PN_OURS) \
  X (PARAMETERS, "Parameters", PN_OURS) \
  X (CONTENT_ID, "Content-Id", PN_OURS) \
  X (CONTENT_LOCATION, "Content-Location", PN_OURS) \
  X (CHARSET, "Charset", PN_OURS) \
  X (CREATED, "Created", PN_OURS) \
  X (MODIFIED, "Modified", PN_OURS) \
  X (SHA256, "SHA256", PN_OURS) \
  X (PART, "Part", PN_OURS) \
  X (REASON, "Reason", PN_OURS) \
  X (METHOD, "Method", PN_OURS) \
  X (COMPONENT, "Component", PN_OURS) \
  X (UID, "Uid", PN_OURS) \
  X (SEQUENCE, "Sequence", PN_OURS) \
  X (STAMP, "Stamp", PN_OURS) \
  X (START, "Start", PN_OURS) \
  X (FINISH, "Finish", PN_OURS) \
  X (RECURRENCE_ID, "Recurrence-Id", PN_OURS) \
  X (THIS_AND_FUTURE, "This-And-Future", PN_OURS) \
  X (ALL_DAY, "All-Day", PN_OURS) \
  X (SUMMARY, "Summary", PN_OURS) \
  X (WHERE, "Where", PN_OURS) \
  X (RRULE, "Rrule", PN_OURS) \
  X (RDATE, "Rdate", PN_GROUP | PN_OURS) \
  X (EXDATE, "Exdate", PN_GROUP | PN_OURS) \
  X (ORGANIZER, "Organizer", PN_GROUP | PN_OURS) \
  X (ORGANIZER_SENT_BY, "Organizer-Sent-By", PN_OURS) \
  X (ATTENDEE, "Attendee", PN_GROUP | PN_OURS) \
  X (STATUS, "Status", PN_OURS) \
  X (CLASS, "Class", PN_OURS) \
  X (BUSY_STATUS, "Busy-Status", PN_OURS) \
  X (TRANSPARENT, "Transparent", PN_OURS) \
  X (PRIORITY, "Priority", PN_OURS) \
  X (COMMENT, "Comment", PN_OURS) \
  X (ALARM_SET, "Alarm-Set", PN_OURS) \
  X (ALARM, "Alarm", PN_OURS) \
  X (PERCENT_COMPLETE, "Percent-Complete", PN_OURS) \
  X (COMPLETED, "Completed", PN_OURS) \
  X (ZONE, "Zone", PN_GROUP | PN_OURS) \
  X (PROPERTY, "Property", PN_GROUP | PN_OURS) \
  X (SUBCOMPONENT, "Subcomponent", PN_GROUP | PN_OURS) \
  X (OBJECT_PROPERTY, "Object-Property", PN_GROUP | PN_OURS) \
  X (PARTSTAT, "Partstat", PN_OURS) \
  X (RSVP, "Rsvp", PN_OURS) \
  X (CUTYPE, "Cutype", PN_OURS) \
  X (DELEGATED_TO, "Delegated-To", PN_OURS) \
  X (DELEGATED_FROM, "Delegated-From", PN_OURS) \
  X (SENT_BY, "Sent-By", PN_OURS)
/* clang-format on */

typedef enum {
  PN_NAME_UNKNOWN,
#define PN_NAME_ENUM(id, text, flags) PN_NAME_##id,
  PN_NAMES (PN_NAME_ENUM)
#undef PN_NAME_ENUM
      PN_N_NAMES
} PnNameId;

/* The name of LENGTH bytes at NAME in any case. */
PnNameId pn_name_find (const char *name, gsize length);
const char *pn_name_text (PnNameId id); /* "" for PN_NAME_UNKNOWN */
guint pn_name_flags (PnNameId id);

G_END_DECLS
