/* What the files of the calendar room share.
 *
 * The content lines are read here rather than by libical's component parser, because that one drops a RRULE
 * with COUNT and UNTIL, the second value of DELEGATED-FROM and the lines it does not understand, and leaves
 * error properties in what it writes.  libical's value parsers read durations and recurrence rules. */
#pragma once

#include "convert/civil.h"
#include "convert/ical.h"

G_BEGIN_DECLS

/* -- content lines (ical-lines.c) -- */

typedef struct {
  guint number;     /* line of the text, from 1 */
  guint component;  /* index of the component it stands in */
  char *name;       /* upper case */
  char *parameters; /* everything between the first ';' and the ':', or NULL */
  char *value;
} PnIcalLine;

typedef struct {
  const char *name; /* upper case */
  guint number;
  gint parent;      /* index, or -1 */
  guint first, end; /* its lines and those of the components in it */
  guint next;       /* index of the first component behind it and those in it */
} PnIcalComponent;

typedef struct {
  char *buffer;
  GArray *lines;          /* PnIcalLine */
  GArray *components;     /* PnIcalComponent, in the order of their BEGIN */
  GStringChunk *repaired; /* lines that were not UTF-8, or encoded */
  gboolean version1;      /* vCalendar 1.0 */
} PnIcalText;

/* Unfolds and divides TEXT.  Repairs are added to the losses of MESSAGE. */
PnIcalText *pn_ical_text_new (PnMessage *message, const char *text, gsize length, GError **error);
void pn_ical_text_free (PnIcalText *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnIcalText, pn_ical_text_free)

/* TEXT as UTF-8 if it is UTF-16, as exported calendars and cards may be; else NULL.  Caller frees. */
char *pn_ical_from_utf16 (const char *text, gsize *length);

#define pn_ical_line(text, index) (&g_array_index ((text)->lines, PnIcalLine, (index)))
#define pn_ical_component(text, index) (&g_array_index ((text)->components, PnIcalComponent, (index)))

/* The next line of COMPONENT's own called NAME (any, if NULL) from line *POSITION on, which is moved behind
 * it. */
const PnIcalLine *pn_ical_text_next (const PnIcalText *self, guint component, const char *name,
                                     guint *position);
/* Its first line called NAME, or NULL. */
const PnIcalLine *pn_ical_text_find (const PnIcalText *self, guint component, const char *name);

/* Value of the first parameter NAME, unquoted and decoded (RFC 6868); several values of one are joined by
 * ','. NULL if there is none. */
char *pn_ical_line_parameter (const PnIcalLine *self, const char *name);
gboolean pn_ical_line_parameter_is (const PnIcalLine *self, const char *name, const char *value);
/* The parameters not among KNOWN (ends with NULL), each behind a ';', or NULL if there are none. */
char *pn_ical_line_other_parameters (const PnIcalLine *self, const char *const *known);
/* Divides TEXT, which is changed and has to stay, into LINE. */
gboolean pn_ical_line_divide (char *text, PnIcalLine *line);
/* LINE as it came, in one piece; the ends of stray lines in it as "\\n". */
char *pn_ical_line_whole (const PnIcalLine *self);
/* COMPONENT and those in it as lines that end in LF. */
char *pn_ical_component_lines (const PnIcalText *text, guint component);
/* The value as TEXT: without its escapes. */
char *pn_ical_line_text (const PnIcalLine *self);
/* The address of a CAL-ADDRESS value: what stands behind mailto: if it is one, else all of it. */
char *pn_ical_address (const char *value);

/* -- vCalendar 1.0 (ical-vcal.c) -- */

/* Whether one of PARAMETERS (NULL: none) says that the value is encoded as NAME: ENCODING=NAME or, as older
 * versions have it, the bare NAME.  They end with the text or at a ':' outside quotes. */
gboolean pn_vcal_encoding_is (const char *parameters, const char *name);
/* The same of a LINE that is not divided yet and may be put together of very many pieces, each of which asks:
 * only its first 1000 octets are looked at. */
gboolean pn_vcal_line_encoding_is (const char *line, const char *name);
/* The quoted-printable VALUE as TEXT in UTF-8. */
char *pn_vcal_decode (const char *value, const char *charset);
/* What the TZ and DAYLIGHT of an object of version 1.0 say of its floating times; NULL if there are none. */
typedef struct PnVcalZone PnVcalZone;
PnVcalZone *pn_vcal_zone_new (const PnIcalText *text);
void pn_vcal_zone_free (PnVcalZone *self);
int pn_vcal_zone_standard (const PnVcalZone *self); /* the offset of standard time */
int pn_vcal_zone_offset (const PnVcalZone *self, gint64 local);

/* The UID of the item that UID means: a global object id of Exchange in hexadecimal digits may wrap a UID of
 * another program, or name the day of an instance.  Caller frees. */
char *pn_ical_uid_of_item (const char *uid);
/* The UID of COMPONENT.  For an item without one it is made of what the item says, so that the same object
 * gives the same again; an instance of a series without one has none: NULL.  Caller frees. */
char *pn_ical_component_uid (const PnIcalText *text, guint component);

/* -- writing lines (ical-fold.c) -- */

/* Appends LINE folded at 75 octets, with its line end. */
void pn_ical_put_line (GString *out, const char *line, gsize length);
void pn_ical_append_text (GString *line, const char *text);       /* escaped TEXT */
void pn_ical_append_parameter (GString *line, const char *value); /* quoted where needed */

/* -- time (ical-time.c) -- */

const char *pn_weekday_name (int weekday); /* "SU" */
int pn_weekday_find (const char *name);    /* in any case; -1: it is none */
/* The wall clock of TIME, in seconds as if it were UTC. */
gint64 pn_calendar_time_local (const PnCalendarTime *time);
void pn_calendar_time_set_local (PnCalendarTime *time, gint64 local);
/* A DATE or DATE-TIME value; *UTC tells whether it ends in Z.  Fills all but tzid and unix_time. */
gboolean pn_ical_parse_time (const char *value, PnCalendarTime *time, gboolean *utc);
/* A UTC DATE-TIME as an instant. */
gboolean pn_ical_parse_instant (const char *value, gint64 *unix_time);
typedef struct {
  int sign;
  int days;
  gint64 seconds;
} PnIcalDuration;
gboolean pn_ical_parse_duration (const char *value, PnIcalDuration *duration);
/* Appends one value "20260310T100000" of a wall clock or, with DATE, "20260310". */
void pn_ical_append_local (GString *line, gint64 local, gboolean date);
void pn_ical_append_utc (GString *line, gint64 unix_time);
void pn_ical_append_offset (GString *line, int offset);

/* -- zones of the data base (timezone.c, timezone-names.c) -- */

typedef struct PnZone PnZone;
typedef struct {
  gint64 at;         /* instant */
  int before, after; /* seconds east of UTC */
} PnTransition;
#define PN_ZONE_TRANSITIONS 8

/* The zone with the IANA name TZID, or NULL; belongs to the thread's cache. */
PnZone *pn_zone_get (const char *tzid);
int pn_zone_offset (PnZone *self, gint64 unix_time);
/* The instant of a wall clock time: in a gap by the offset before it, of two the first (RFC 5545, 3.3.5). */
gint64 pn_zone_instant (PnZone *self, gint64 local);
guint pn_zone_transitions (PnZone *self, int year, PnTransition transitions[PN_ZONE_TRANSITIONS]);
/* The NTH name (from 0) of those that a Windows name stands for, or NULL. */
const char *pn_timezone_windows (const char *name, guint nth);
/* The next zone to try, from *POSITION 0 on, when a zone is known by its offsets only, the likely ones first;
 * or NULL. */
const char *pn_timezone_next_candidate (guint *position);
gboolean pn_timezone_is_iana (const char *name);
/* The offset that stands in a display name: "(GMT+0100) ...", "UTC-5". */
gboolean pn_timezone_offset_in_name (const char *name, int *offset);
/* The zone of standard time OFFSET in the part of the world that TEXT, of any language, names; or NULL. */
const char *pn_timezone_by_words (const char *text, int offset);
/* As pn_timezone_write(), but with each change of YEARS years as it is, if they do not keep one rule. */
char *pn_timezone_write_years (const char *tzid, gint64 at, guint years);
/* Its beginning, and that of an observance of it: START is the wall clock before the change. */
void pn_timezone_begin (GString *out, const char *tzid);
void pn_timezone_begin_observance (GString *out, const char *kind, gint64 start, int before, int after);
/* A VTIMEZONE of one offset. */
void pn_timezone_append_fixed (GString *out, const char *tzid, int offset);

/* -- zones of a calendar object (ical-zone.c) -- */

typedef struct PnIcalZones PnIcalZones;

PnIcalZones *pn_ical_zones_new (const PnIcalText *text, PnMessage *message, const char *site_timezone);
void pn_ical_zones_free (PnIcalZones *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnIcalZones, pn_ical_zones_free)
PnZone *pn_ical_zones_site (PnIcalZones *self);
/* What a TZID means is found out by its offset at LOCAL, a wall clock: that of the item's start, so that the
 * order of its times is of no matter.  Otherwise by that at the first time in it. */
void pn_ical_zones_judge_at (PnIcalZones *self, gint64 local);
/* Sets tzid and unix_time of TIME, whose wall clock was written in the zone TZID (NULL: floating). */
void pn_ical_zones_set (PnIcalZones *self, const char *tzid, gboolean utc, PnCalendarTime *time);
/* The VTIMEZONEs of the zones that keep the name they came with (char *, lines); belongs to SELF. */
const GPtrArray *pn_ical_zones_kept (PnIcalZones *self);
/* What the zone TZID of the object is called in the native message. */
const char *pn_ical_zones_name (PnIcalZones *self, const char *tzid);

/* -- the VTIMEZONE of a calendar object (ical-vtimezone.c) -- */

typedef struct PnVtimezone PnVtimezone;

PnVtimezone *pn_vtimezone_new (const PnIcalText *text, guint component);
PnVtimezone *pn_vtimezone_ref (PnVtimezone *self); /* within one thread */
void pn_vtimezone_unref (PnVtimezone *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnVtimezone, pn_vtimezone_unref)
/* FALSE if its observances cannot tell the offset then (two of them without a rule, both long past). */
gboolean pn_vtimezone_offset (const PnVtimezone *self, gint64 local, int *offset);
/* The IANA zone that keeps the same hours in YEAR, or NULL.  Remembers the answer. */
const char *pn_vtimezone_find (PnVtimezone *self, int year);
/* Whether ZONE changes its offset on the same days of YEAR. */
gboolean pn_vtimezone_matches (PnVtimezone *self, int year, PnZone *zone);

/* -- reading (ical-read.c, ical-properties.c, ical-dates.c) -- */

/* Whether a component called NAME becomes a message. */
gboolean pn_ical_is_item (const char *name);
/* A message of one component of TEXT, or NULL if it says nothing that can be used.  SITE_TIMEZONE as in
 * pn_ical_read(). */
PnMessage *pn_ical_read_component (const PnIcalText *text, guint component, PnMethod method,
                                   const char *site_timezone);

typedef struct {
  PnMessage *message;
  PnCalendar *calendar;
  const PnIcalText *text;
  PnIcalZones *zones;
  guint component;
  char *start_tzid;       /* TZID of DTSTART as it came, or NULL */
  int microsoft_sequence; /* -1: none */
  int importance;         /* X-MICROSOFT-CDO-IMPORTANCE, -1: none */
  gboolean all_day_flag;  /* Microsoft's or GroupWise's */
  guint busy_rank;        /* of the property that busy_status is from */
  gint64 reply_time;      /* X-MICROSOFT-CDO-REPLYTIME, or 0 */
  char *html;             /* X-ALT-DESC */
  GString *comment;       /* all that there are */
  gsize carried;          /* octets of kept lines */
  GPtrArray *files;       /* PnPart: of ATTACH */
} PnIcalReader;

/* Reads the properties of the reader's component into its calendar. */
void pn_ical_read_properties (PnIcalReader *reader);
gboolean pn_ical_read_time (PnIcalReader *reader, const PnIcalLine *line, PnCalendarTime *time);
PnAddress *pn_ical_read_address (const PnIcalLine *line);

/* What who answers PARTSTAT does (ical-reply.c). */
PnAction pn_ical_action_of (PnPartstat partstat);
/* Whether both are the same Internet address. */
gboolean pn_ical_same_address (const PnAddress *a, const PnAddress *b);

/* When everything is read: the end, whole days, alarms, RDATE and EXDATE. */
void pn_ical_finish_times (PnIcalReader *reader);
/* Seconds before the start (before the end, if there is no start) at which the VALARM COMPONENT goes off. */
gboolean pn_ical_alarm_before (const PnIcalText *text, guint component, const PnCalendar *calendar,
                               int *before);
/* Whether the only alarm is one that the field says wholly. */
gboolean pn_ical_alarm_is_plain (const PnIcalReader *reader);
void pn_ical_read_alarms (PnIcalReader *reader);
/* ATTACH (ical-attach.c). */
void pn_ical_read_attachment (PnIcalReader *reader, const PnIcalLine *line);
/* Whether what the ATTACH in LINE names is still with the message. */
gboolean pn_ical_is_attached (const PnMessage *message, const PnIcalLine *line);

/* DALARM and the like. */
void pn_vcal_read_alarm (PnIcalReader *reader, const PnIcalLine *line);

/* -- what has no field (ical-carry.c) -- */

void pn_ical_keep_property (PnIcalReader *reader, const PnIcalLine *line);
/* The parameters of a property with a field. */
void pn_ical_keep_parameters (PnIcalReader *reader, const PnIcalLine *line);
/* What stands inside and around the component, and the zones. */
void pn_ical_keep_rest (PnIcalReader *reader);
/* The busy blocks of a VFREEBUSY. */
void pn_ical_read_busy (PnIcalReader *reader);

G_END_DECLS
