#include "convert/fields.h"

#include <stddef.h>

/* Rows: TEXT (structure, member, name) and so on. */
#define FIELD(kind_, structure, member, name, ...)                                                           \
  {                                                                                                          \
    .id = PN_NAME_##name, .kind = PN_FIELD_##kind_, .offset = offsetof (structure, member), __VA_ARGS__      \
  }
#define RECORD_TYPE(what_, table, create_, destroy_)                                                         \
  {                                                                                                          \
    .what = what_, .fields = table, .n_fields = G_N_ELEMENTS (table), .create = create_, .destroy = destroy_ \
  }

#define CREATE(function, type)                                                                               \
  static gpointer function (void) { return g_new0 (type, 1); }
CREATE (create_address, PnAddress)
CREATE (create_header, PnHeader)
CREATE (create_loss, PnLoss)
CREATE (create_report, PnStatusReport)
CREATE (create_attendee, PnAttendee)
CREATE (create_busy_block, PnBusyBlock)
#undef CREATE

static gpointer
create_calendar (void)
{
  return pn_calendar_new ();
}

static const PnField address_fields[] = {
  FIELD (TEXT, PnAddress, domain, WPD),   FIELD (TEXT, PnAddress, post_office, WPPO),
  FIELD (TEXT, PnAddress, user, WPU),     FIELD (TEXT, PnAddress, internet, FUA),
  FIELD (TEXT, PnAddress, name, PN_NAME),
};
const PnRecordType pn_address_type
    = RECORD_TYPE ("address", address_fields, create_address, (GDestroyNotify) pn_address_free);

static const PnField recipient_fields[] = {
  FIELD (HERE, PnRecipient, address, UNKNOWN, .type = &pn_address_type),
  FIELD (TEXT, PnRecipient, group, PN_GROUP_NAME),
  FIELD (TEXT, PnRecipient, dsn_notify, PN_DSN_NOTIFY, .flags = PN_FIELD_TRANSPORT),
  FIELD (TEXT, PnRecipient, dsn_orcpt, PN_DSN_ORCPT, .flags = PN_FIELD_TRANSPORT),
};
const PnRecordType pn_recipient_type = RECORD_TYPE ("recipient", recipient_fields, NULL, NULL);

static const PnField header_fields[] = {
  FIELD (TEXT, PnHeader, name, NAME),
  FIELD (TEXT, PnHeader, value, VALUE),
};
static const PnRecordType header_type
    = RECORD_TYPE ("header", header_fields, create_header, (GDestroyNotify) pn_header_free);

static const PnField loss_fields[] = {
  FIELD (TEXT, PnLoss, part, PART),
  FIELD (TEXT, PnLoss, reason, REASON),
};
static const PnRecordType loss_type
    = RECORD_TYPE ("loss", loss_fields, create_loss, (GDestroyNotify) pn_loss_free);

static const PnField report_fields[] = {
  FIELD (WORD_ALWAYS, PnStatusReport, action, ACTION, .words = pn_action_words),
  FIELD (TIME, PnStatusReport, time, TIME),
  FIELD (ADDRESS, PnStatusReport, recipient, PN_RECIPIENT),
  FIELD (TEXT, PnStatusReport, original_recipient, PN_ORIGINAL_RECIPIENT),
  FIELD (TEXT, PnStatusReport, wording, PN_WORDING),
  FIELD (TEXT, PnStatusReport, status_code, PN_STATUS_CODE),
  FIELD (TEXT, PnStatusReport, diagnostic, PN_DIAGNOSTIC),
  FIELD (TEXT, PnStatusReport, remote_mta, PN_REMOTE_MTA),
  FIELD (TEXT, PnStatusReport, comment, PN_COMMENT),
};
static const PnRecordType report_type
    = RECORD_TYPE ("report", report_fields, create_report, (GDestroyNotify) pn_status_report_free);

static const PnField busy_block_fields[] = {
  FIELD (SECONDS, PnBusyBlock, start, START_TIME),
  FIELD (SECONDS, PnBusyBlock, end, END_TIME),
};
static const PnRecordType busy_block_type
    = RECORD_TYPE ("busy block", busy_block_fields, create_busy_block, g_free);

static const PnField attendee_fields[] = {
  FIELD (HERE, PnAttendee, address, UNKNOWN, .type = &pn_address_type),
  FIELD (WORD, PnAttendee, partstat, PARTSTAT, .words = pn_partstat_words),
  FIELD (BOOL, PnAttendee, rsvp, RSVP),
  FIELD (TEXT, PnAttendee, role, ROLE),
  FIELD (TEXT, PnAttendee, cutype, CUTYPE),
  FIELD (TEXT, PnAttendee, delegated_to, DELEGATED_TO),
  FIELD (TEXT, PnAttendee, delegated_from, DELEGATED_FROM),
  FIELD (TEXT, PnAttendee, sent_by, SENT_BY),
};
static const PnRecordType attendee_type
    = RECORD_TYPE ("attendee", attendee_fields, create_attendee, (GDestroyNotify) pn_attendee_free);

static const PnField calendar_fields[] = {
  FIELD (WORD_ALWAYS, PnCalendar, method, METHOD, .words = pn_method_words),
  FIELD (TEXT, PnCalendar, component, COMPONENT),
  FIELD (TEXT, PnCalendar, uid, UID),
  FIELD (INT, PnCalendar, sequence, SEQUENCE),
  FIELD (TIME, PnCalendar, stamp, STAMP),
  FIELD (CALENDAR_TIME, PnCalendar, start, START),
  FIELD (CALENDAR_TIME, PnCalendar, end, FINISH),
  FIELD (CALENDAR_TIME, PnCalendar, recurrence_id, RECURRENCE_ID),
  FIELD (BOOL, PnCalendar, this_and_future, THIS_AND_FUTURE),
  FIELD (BOOL, PnCalendar, all_day, ALL_DAY),
  FIELD (TEXT, PnCalendar, summary, SUMMARY),
  FIELD (TEXT, PnCalendar, description, DESCRIPTION),
  FIELD (TEXT, PnCalendar, place, WHERE),
  FIELD (TEXT, PnCalendar, rrule, RRULE),
  FIELD (TEXTS, PnCalendar, rdates, RDATE),
  FIELD (TEXTS, PnCalendar, exdates, EXDATE),
  FIELD (ADDRESS, PnCalendar, organizer, ORGANIZER),
  FIELD (TEXT, PnCalendar, organizer_sent_by, ORGANIZER_SENT_BY),
  FIELD (LIST, PnCalendar, attendees, ATTENDEE, .type = &attendee_type),
  FIELD (TEXT, PnCalendar, status, STATUS),
  FIELD (TEXT, PnCalendar, klass, CLASS),
  FIELD (TEXT, PnCalendar, busy_status, BUSY_STATUS),
  FIELD (BOOL, PnCalendar, transparent, TRANSPARENT),
  FIELD (INT, PnCalendar, priority, PRIORITY),
  FIELD (TEXT, PnCalendar, comment, COMMENT),
  FIELD (BOOL, PnCalendar, alarm_set, ALARM_SET),
  FIELD (INT, PnCalendar, alarm, ALARM),
  FIELD (INT, PnCalendar, percent_complete, PERCENT_COMPLETE, .fallback = -1),
  FIELD (TIME, PnCalendar, completed, COMPLETED),
  FIELD (TEXTS, PnCalendar, zones, ZONE),
  FIELD (TEXTS, PnCalendar, properties, PROPERTY),
  FIELD (TEXTS, PnCalendar, components, SUBCOMPONENT),
  FIELD (TEXTS, PnCalendar, object_properties, OBJECT_PROPERTY),
};
const PnRecordType pn_calendar_type
    = RECORD_TYPE ("calendar", calendar_fields, create_calendar, (GDestroyNotify) pn_calendar_free);

static const PnField part_fields[] = {
  FIELD (WORD_ALWAYS, PnPart, role, ROLE, .words = pn_role_words),
  FIELD (TEXT, PnPart, name, NAME),
  FIELD (TEXT, PnPart, type, TYPE),
  FIELD (TEXT, PnPart, parameters, PARAMETERS),
  FIELD (TEXT, PnPart, content_id, CONTENT_ID),
  FIELD (TEXT, PnPart, content_location, CONTENT_LOCATION),
  FIELD (TEXT, PnPart, description, DESCRIPTION),
  FIELD (TEXT, PnPart, charset, CHARSET),
  FIELD (TIME, PnPart, created, CREATED),
  FIELD (TIME, PnPart, modified, MODIFIED),
};
const PnRecordType pn_part_type = RECORD_TYPE ("part", part_fields, NULL, NULL);

/* The type, the recipients, the window of a search, the parts and the kept keywords have rules of their own
 * (native-write.c, native-read.c). */
static const PnField message_fields[] = {
  FIELD (TEXT, PnMessage, id, MSG_ID, .flags = PN_FIELD_TRANSPORT),
  FIELD (TEXT, PnMessage, orig_id, ORIG_MSG_ID),
  FIELD (TIME, PnMessage, date, DATE_SENT),
  FIELD (ADDRESS, PnMessage, from, FROM),
  FIELD (ADDRESS, PnMessage, sender, PN_SENDER),
  FIELD (LIST, PnMessage, reply_to, PN_REPLY_TO, .type = &pn_address_type),
  FIELD (TEXT, PnMessage, to_text, TO_TEXT),
  FIELD (TEXT, PnMessage, cc_text, TO_CC_TEXT),
  FIELD (TEXT, PnMessage, envelope_from, PN_ENVELOPE_FROM, .flags = PN_FIELD_TRANSPORT),
  FIELD (TEXT, PnMessage, envelope_id, PN_ENVELOPE_ID, .flags = PN_FIELD_TRANSPORT),
  FIELD (TEXT, PnMessage, envelope_ret, PN_ENVELOPE_RET, .flags = PN_FIELD_TRANSPORT),
  FIELD (TEXT, PnMessage, subject, SUBJECT),
  FIELD (WORD, PnMessage, priority, MSG_PRIORITY, .words = pn_priority_words),
  FIELD (WORD, PnMessage, security, SECURITY, .words = pn_security_words),
  FIELD (WORDS, PnMessage, status_request, STATUS_REQUEST, .words = pn_status_request_words),
  FIELD (TEXT, PnMessage, send_options, SEND_OPTIONS),
  FIELD (TIME, PnMessage, distribute_date, DISTRIBUTE_DATE),
  FIELD (TIME, PnMessage, expires, PN_EXPIRES),
  FIELD (TIME, PnMessage, respond_by, RESPOND_BY),
  FIELD (TEXT, PnMessage, action, MSG_ACTION),
  FIELD (TEXT, PnMessage, message_id, PN_MESSAGE_ID),
  FIELD (TEXT, PnMessage, in_reply_to, PN_IN_REPLY_TO),
  FIELD (TEXTS, PnMessage, references, PN_REFERENCES),
  FIELD (LIST, PnMessage, headers, PN_HEADER, .type = &header_type),
  FIELD (BOOL, PnMessage, auto_generated, PN_AUTO_GENERATED),
  FIELD (RECORD, PnMessage, calendar, PN_CALENDAR, .type = &pn_calendar_type),
  FIELD (LIST, PnMessage, reports, STATUS_REPORT, .type = &report_type),
  FIELD (TEXT, PnMessage, task_category, TASK_CATEGORY),
  FIELD (INT, PnMessage, task_priority, TASK_PRIORITY),
  FIELD (TEXT, PnMessage, caller_name, CALLER_NAME),
  FIELD (TEXT, PnMessage, caller_company, CALLER_COMPANY),
  FIELD (TEXT, PnMessage, caller_phone, CALLER_PHONE),
  FIELD (WORDS, PnMessage, call_action, CALL_ACTION, .words = pn_call_action_words),
  FIELD (TIME, PnMessage, begin_time, PN_BEGIN_TIME),
  FIELD (TIME, PnMessage, end_time, PN_END_TIME),
  FIELD (ADDRESS, PnMessage, busy_for, BUSY_FOR),
  FIELD (LIST, PnMessage, busy, BUSY_REPORT, .type = &busy_block_type),
  FIELD (LIST, PnMessage, losses, PN_LOSS, .type = &loss_type, .flags = PN_FIELD_TRANSPORT),
};
const PnRecordType pn_message_type = RECORD_TYPE ("message", message_fields, NULL, NULL);
