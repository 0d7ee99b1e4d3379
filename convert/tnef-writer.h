/* What the files share that put meetings, tasks and journals into the lines of iCalendar. */
#pragma once

#include "convert/tnef-private.h"

G_BEGIN_DECLS

/* PN_SET_APPOINTMENT */
enum {
  SEQUENCE = 0x8201,
  BUSY_STATUS = 0x8205,
  LOCATION = 0x8208,
  START_WHOLE = 0x820D,
  END_WHOLE = 0x820E,
  ALL_DAY = 0x8215,
  RECURRENCE = 0x8216,
  INTENDED_STATUS = 0x8224,
  REPLACED_TIME = 0x8228,
  PATTERN = 0x8232,
  PROPOSED_START = 0x8250,
  PROPOSED_END = 0x8251,
  COUNTER = 0x8257,
  NO_COUNTER = 0x825A
};

/* PN_SET_MEETING */
enum {
  ATTENDEE_CHANGE = 0x0001,
  WHERE = 0x0002,
  GLOBAL_ID = 0x0003,
  OWNER_CHANGE = 0x001A,
  CLEAN_GLOBAL_ID = 0x0023
};

/* PN_SET_COMMON */
enum {
  REMINDER_DELTA = 0x8501,
  REMINDER_SET = 0x8503,
  COMMON_START = 0x8516,
  COMMON_END = 0x8517,
  TASK_GLOBAL_ID = 0x8519
};

/* PN_SET_TASK */
enum {
  TASK_STATUS = 0x8101,
  TASK_PERCENT = 0x8102,
  TASK_START = 0x8104,
  TASK_DUE = 0x8105,
  TASK_COMPLETED_AT = 0x810F,
  TASK_RECURRENCE = 0x8116,
  TASK_COMPLETE = 0x811C
};

/* without a set */
enum {
  IMPORTANCE = 0x0017,
  SENSITIVITY = 0x0036,
  SUBJECT = 0x0037,
  SUBJECT_PREFIX = 0x003D,
  START_DATE = 0x0060,
  END_DATE = 0x0061,
  RESPONSE_REQUESTED = 0x0063,
  NORMAL_SUBJECT = 0x0E1D
};

#define PN_TNEF_MAX_PEOPLE 2000
#define PN_TNEF_ID_DATE 16     /* where the date stands in the id of a meeting */
#define PN_TNEF_ID_DATE_END 20 /* and where it ends */

typedef struct {
  const char *name; /* of the class, before a '.' or the end */
  const char *component;
  PnMethod method;
  const char *partstat; /* of an answer */
} PnTnefKind;

typedef struct {
  PnTnef *tnef;
  const PnTnefKind *kind;
  PnMethod method;
  const GArray *properties;
  const char *zone; /* IANA name or NULL */
  char fixed[16];   /* the zone, if only its offset is known */
  gboolean all_day;
  PnTnefSeries *series; /* NULL: a single one */
  char *people;         /* the lines of those who take part, once they were put */
  GString *out;
} PnTnefWriter;

const PnMapiProperty *pn_tnef_appointment (const PnTnefWriter *self, guint32 name);

/* -- lines (tnef-lines.c) -- */

void pn_tnef_put (PnTnefWriter *self, const char *name, const char *value);
/* NAME with its colon; nothing if TEXT is NULL or empty. */
void pn_tnef_put_text (PnTnefWriter *self, const char *name, const char *text);
void pn_tnef_put_utc (PnTnefWriter *self, const char *name, gint64 at);
/* A wall clock time in the zone of the item, or the day. */
void pn_tnef_put_local (PnTnefWriter *self, const char *name, gint64 wall);
/* A day.  LOCAL: AT is its midnight as if it were UTC; else the instant of its midnight in the item's zone.
 */
void pn_tnef_put_date (PnTnefWriter *self, const char *name, gint64 at, gboolean local);
/* An instant in the zone of the item, or its day. */
void pn_tnef_put_time (PnTnefWriter *self, const char *name, gint64 at);

void pn_tnef_append_hex (GString *out, const guint8 *data, gsize length);
void pn_tnef_put_meeting_ids (PnTnefWriter *self);
/* Which instance of a series the meeting id ID means. */
void pn_tnef_put_recurrence_id (PnTnefWriter *self, const guint8 *id, gsize length);
void pn_tnef_put_people (PnTnefWriter *self);
void pn_tnef_put_answer (PnTnefWriter *self, const char *partstat);

/* -- all items (tnef-calendar.c) -- */

void pn_tnef_put_rank (PnTnefWriter *self);
void pn_tnef_put_description (PnTnefWriter *self, const char *name);
/* EXCEPTION may be NULL. */
void pn_tnef_put_alarm (PnTnefWriter *self, const PnTnefException *exception);
/* Sets the writer's series from the pattern BLOB, which TEXT describes. */
void pn_tnef_put_pattern (PnTnefWriter *self, const PnMapiProperty *blob, const PnMapiProperty *text,
                          gboolean appointment);
/* RRULE and EXDATE of the writer's series. */
void pn_tnef_put_series (PnTnefWriter *self);

/* -- tasks and journals (tnef-task.c) -- */

void pn_tnef_put_task (PnTnefWriter *self);
void pn_tnef_put_journal (PnTnefWriter *self);

G_END_DECLS
