#include "convert/message.h"
#include "convert/words.h"

const PnWord pn_type_words[] = {
  { PN_TYPE_MAIL, "Mail" },
  { PN_TYPE_APPOINTMENT, "Appt" },
  { PN_TYPE_APPOINTMENT, "Appointment" },
  { PN_TYPE_TASK, "Task" },
  { PN_TYPE_NOTE, "Note" },
  { PN_TYPE_PHONE, "Phone" },
  { PN_TYPE_STATUS, "Status" },
  { PN_TYPE_SEARCH, "Search" },
  { PN_TYPE_ADMIN, "Admin" },
  { 0, NULL },
};

const PnWord pn_role_words[] = {
  { PN_PART_TEXT, "Text" },
  { PN_PART_HTML, "Html" },
  { PN_PART_CALENDAR, "Calendar" },
  { PN_PART_ATTACHMENT, "Attachment" },
  { PN_PART_INLINE, "Inline" },
  { PN_PART_SKELETON, "Skeleton" },
  { 0, NULL },
};

const PnWord pn_priority_words[] = {
  { PN_PRIORITY_NORMAL, "Normal" },
  { PN_PRIORITY_NORMAL, "Standard" },
  { PN_PRIORITY_HIGH, "High" },
  { PN_PRIORITY_LOW, "Low" },
  { 0, NULL },
};

const PnWord pn_security_words[] = {
  { PN_SECURITY_NORMAL, "Normal" },
  { PN_SECURITY_PROPRIETARY, "Proprietary" },
  { PN_SECURITY_CONFIDENTIAL, "Confidential" },
  { PN_SECURITY_SECRET, "Secret" },
  { PN_SECURITY_TOP_SECRET, "Top Secret" },
  { PN_SECURITY_FOR_YOUR_EYES_ONLY, "For Your Eyes Only" },
  { 0, NULL },
};

const PnWord pn_status_request_words[] = {
  { PN_STATUS_REQUEST_DELIVERED, "Delivered" },
  { PN_STATUS_REQUEST_OPENED, "Opened" },
  { PN_STATUS_REQUEST_OPENED, "Open" },
  { PN_STATUS_REQUEST_FULL, "Full" },
  { 0, NULL },
};

const PnWord pn_action_words[] = {
  { PN_ACTION_NONE, "None" },
  { PN_ACTION_DELIVERED, "Delivered" },
  { PN_ACTION_UNDELIVERABLE, "Undeliverable" },
  { PN_ACTION_TRANSFERRED, "Transferred" },
  { PN_ACTION_TRANSFER_DELAYED, "Transfer Delayed" },
  { PN_ACTION_OPENED, "Opened" },
  { PN_ACTION_DELETED, "Deleted" },
  { PN_ACTION_ACCEPTED, "Accepted" },
  { PN_ACTION_TENTATIVE, "Tentative" },
  { PN_ACTION_DECLINED, "Declined" },
  { PN_ACTION_DELEGATED, "Delegated" },
  { PN_ACTION_COMPLETED, "Completed" },
  { PN_ACTION_REPLIED, "Replied" },
  { PN_ACTION_RETRACTED, "Retracted" },
  { 0, NULL },
};

const PnWord pn_call_action_words[] = {
  { PN_CALL_TELEPHONED, "Telephoned" },
  { PN_CALL_PLEASE_CALL, "Please Call" },
  { PN_CALL_WILL_CALL_AGAIN, "Will Call Again" },
  { PN_CALL_RETURNED_YOUR_CALL, "Returned Your Call" },
  { PN_CALL_WANTS_TO_SEE_YOU, "Wants To See You" },
  { PN_CALL_CAME_TO_SEE_YOU, "Came To See You" },
  { PN_CALL_URGENT, "Urgent" },
  { 0, NULL },
};

const PnWord pn_method_words[] = {
  { PN_METHOD_NONE, "NONE" },
  { PN_METHOD_PUBLISH, "PUBLISH" },
  { PN_METHOD_REQUEST, "REQUEST" },
  { PN_METHOD_REPLY, "REPLY" },
  { PN_METHOD_CANCEL, "CANCEL" },
  { PN_METHOD_ADD, "ADD" },
  { PN_METHOD_REFRESH, "REFRESH" },
  { PN_METHOD_COUNTER, "COUNTER" },
  { PN_METHOD_DECLINECOUNTER, "DECLINECOUNTER" },
  { 0, NULL },
};

const PnWord pn_partstat_words[] = {
  { PN_PARTSTAT_NEEDS_ACTION, "NEEDS-ACTION" }, { PN_PARTSTAT_ACCEPTED, "ACCEPTED" },
  { PN_PARTSTAT_DECLINED, "DECLINED" },         { PN_PARTSTAT_TENTATIVE, "TENTATIVE" },
  { PN_PARTSTAT_DELEGATED, "DELEGATED" },       { PN_PARTSTAT_COMPLETED, "COMPLETED" },
  { PN_PARTSTAT_IN_PROCESS, "IN-PROCESS" },     { 0, NULL },
};

/* The writers do not agree on blanks and hyphens. */
static gboolean
same_word (const char *a, const char *b)
{
  for (;;) {
    while (*a == ' ' || *a == '-' || *a == '_')
      a++;
    while (*b == ' ' || *b == '-' || *b == '_')
      b++;
    if (g_ascii_tolower (*a) != g_ascii_tolower (*b))
      return FALSE;
    if (!*a)
      return TRUE;
    a++;
    b++;
  }
}

guint
pn_word_find (const PnWord *words, const char *word, guint fallback)
{
  for (; word && words->word; words++)
    if (same_word (words->word, word))
      return words->value;
  return fallback;
}

const char *
pn_word_of (const PnWord *words, guint value)
{
  for (; words->word; words++)
    if (words->value == value)
      return words->word;
  return NULL;
}

const char *
pn_message_type_to_string (PnMessageType type)
{
  return pn_word_of (pn_type_words, type);
}

const char *
pn_action_to_string (PnAction action)
{
  return pn_word_of (pn_action_words, action);
}

PnAction
pn_action_from_string (const char *text)
{
  return pn_word_find (pn_action_words, text, PN_ACTION_NONE);
}

const char *
pn_method_to_string (PnMethod method)
{
  return method == PN_METHOD_NONE ? NULL : pn_word_of (pn_method_words, method);
}

PnMethod
pn_method_from_string (const char *text)
{
  return pn_word_find (pn_method_words, text, PN_METHOD_NONE);
}

const char *
pn_partstat_to_string (PnPartstat partstat)
{
  return pn_word_of (pn_partstat_words, partstat);
}

PnPartstat
pn_partstat_from_string (const char *text)
{
  return pn_word_find (pn_partstat_words, text, PN_PARTSTAT_NEEDS_ACTION);
}
