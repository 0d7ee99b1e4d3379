/* What the files of the TNEF reader share. */
#pragma once

#include "convert/tnef.h"

G_BEGIN_DECLS

/* Attributes, by the lower half of their id; the upper half is their type. */
typedef enum {
  PN_ATT_OWNER = 0x0000,
  PN_ATT_SENT_FOR = 0x0001,
  PN_ATT_DELEGATE = 0x0002,
  PN_ATT_DATE_START = 0x0006,
  PN_ATT_DATE_END = 0x0007,
  PN_ATT_AID_OWNER = 0x0008,
  PN_ATT_REQUEST_RES = 0x0009,
  PN_ATT_ORIGINAL_CLASS = 0x0600,
  PN_ATT_FROM = 0x8000,
  PN_ATT_SUBJECT = 0x8004,
  PN_ATT_DATE_SENT = 0x8005,
  PN_ATT_DATE_RECEIVED = 0x8006,
  PN_ATT_STATUS = 0x8007,
  PN_ATT_CLASS = 0x8008,
  PN_ATT_MESSAGE_ID = 0x8009,
  PN_ATT_PARENT_ID = 0x800A,
  PN_ATT_CONVERSATION_ID = 0x800B,
  PN_ATT_BODY = 0x800C,
  PN_ATT_PRIORITY = 0x800D,
  PN_ATT_ATTACH_DATA = 0x800F,
  PN_ATT_ATTACH_TITLE = 0x8010,
  PN_ATT_ATTACH_METAFILE = 0x8011,
  PN_ATT_ATTACH_CREATED = 0x8012,
  PN_ATT_ATTACH_MODIFIED = 0x8013,
  PN_ATT_DATE_MODIFIED = 0x8020,
  PN_ATT_ATTACH_TRANSPORT_NAME = 0x9001,
  PN_ATT_ATTACH_RENDER = 0x9002,
  PN_ATT_PROPERTIES = 0x9003,
  PN_ATT_RECIPIENTS = 0x9004,
  PN_ATT_ATTACHMENT = 0x9005,
  PN_ATT_VERSION = 0x9006,
  PN_ATT_CODEPAGE = 0x9007
} PnTnefId;

/* Types of MAPI properties that are looked into. */
enum {
  PN_MAPI_SHORT = 0x0002,
  PN_MAPI_LONG = 0x0003,
  PN_MAPI_FLOAT = 0x0004,
  PN_MAPI_DOUBLE = 0x0005,
  PN_MAPI_BOOLEAN = 0x000B,
  PN_MAPI_OBJECT = 0x000D,
  PN_MAPI_INT64 = 0x0014,
  PN_MAPI_STRING8 = 0x001E,
  PN_MAPI_UNICODE = 0x001F,
  PN_MAPI_TIME = 0x0040,
  PN_MAPI_BINARY = 0x0102
};

/* Sets of named properties. */
typedef enum {
  PN_SET_NONE,
  PN_SET_APPOINTMENT,
  PN_SET_MEETING,
  PN_SET_COMMON,
  PN_SET_TASK,
  PN_SET_ADDRESS,
  PN_SET_LOG,
  PN_SET_STRINGS, /* names that are words: NAME is a hash of it (pn_mapi_name_hash) */
  PN_SET_OTHER
} PnMapiSet;

typedef struct {
  guint16 id;
  guint16 type;        /* without the flag of several values */
  PnMapiSet set;       /* of a named property */
  guint32 name;        /* its number in that set */
  const guint8 *value; /* the first one; borrowed from the stream */
  gsize length;
  guint32 count;      /* of values */
  const guint8 *rest; /* where the second one begins */
} PnMapiProperty;

typedef struct {
  guint16 id;
  gsize offset; /* in the stream */
  const guint8 *data;
  gsize length;
} PnTnefAttribute;

/* One stream being read. */
typedef struct {
  PnMessage *message; /* borrowed */
  GBytes *bytes;      /* borrowed */
  const guint8 *data;
  gsize size;
  const char *site_timezone;
  guint depth;   /* messages around this one */
  gsize *budget; /* bytes that may still be made of what is compressed or embedded */
  guint n_losses;
  guint codepage;
  GArray *attributes; /* PnTnefAttribute, as they came */
  GArray *properties; /* PnMapiProperty of the message */
  GPtrArray *rows;    /* GArray of PnMapiProperty: the recipient table */
} PnTnef;

/* -- the stream (tnef-read.c) -- */

/* Divides the stream into attributes and reads the properties of the message.  FALSE if there is none. */
gboolean pn_tnef_open (PnTnef *self, GError **error);
void pn_tnef_clear (PnTnef *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnTnef, pn_tnef_clear)

/* Adds a loss about ATTRIBUTE (or, with NULL, the stream). */
G_GNUC_PRINTF (3, 4)
void pn_tnef_add_loss (PnTnef *self, const PnTnefAttribute *attribute, const char *format, ...);
/* The first attribute ID, or NULL. */
const PnTnefAttribute *pn_tnef_attribute (const PnTnef *self, PnTnefId id);

/* Reads the block of properties at *P, which is moved behind it, and appends them to PROPERTIES.  FALSE if it
 * breaks off. */
gboolean pn_tnef_read_block (PnTnef *self, const PnTnefAttribute *attribute, const guint8 **p,
                             GArray *properties);

guint32 pn_tnef_get16 (const guint8 *p);
guint32 pn_tnef_get32 (const guint8 *p);
guint64 pn_tnef_get64 (const guint8 *p);

/* -- values (tnef-value.c) -- */

const PnMapiProperty *pn_mapi_find (const GArray *properties, guint id);
const PnMapiProperty *pn_mapi_find_named (const GArray *properties, PnMapiSet set, guint32 name);
/* NAME of a property in PN_SET_STRINGS. */
guint32 pn_mapi_name_hash (const char *name);
/* All texts of a property, joined by SEPARATOR; NULL if there is none.  Caller frees. */
char *pn_tnef_texts (const PnTnef *self, const PnMapiProperty *property, const char *separator);
/* The property as UTF-8 text, NULL if it is none or empty.  PROPERTY may be NULL.  Caller frees. */
char *pn_tnef_text (const PnTnef *self, const PnMapiProperty *property);
/* DATA in the code page of the stream.  Caller frees. */
char *pn_tnef_oem_text (const PnTnef *self, const guint8 *data, gsize length);
char *pn_tnef_attribute_text (const PnTnef *self, PnTnefId id);
/* Numbers and truth values; FALSE if PROPERTY is NULL or something else. */
gboolean pn_mapi_number (const PnMapiProperty *property, gint64 *number);
gint64 pn_mapi_number_or (const PnMapiProperty *property, gint64 fallback);
gboolean pn_mapi_time (const PnMapiProperty *property, gint64 *unix_time);
/* The value of a binary property or an object, or NULL. */
const guint8 *pn_mapi_binary (const PnMapiProperty *property, gsize *length);
/* The date of an attribute, taken as UTC. */
gboolean pn_tnef_date (const PnTnefAttribute *attribute, gint64 *unix_time);

/* -- the message (tnef-message.c) -- */

gboolean pn_tnef_read_nested (PnMessage *message, GBytes *bytes, const char *site_timezone, guint depth,
                              gsize *budget, GError **error);
/* The address in properties of which the ids are given, or NULL. */
PnAddress *pn_tnef_address (const PnTnef *self, const GArray *properties, guint smtp, guint type, guint email,
                            guint name);
/* The address in a row of the recipient table, or NULL. */
PnAddress *pn_tnef_row_address (const PnTnef *self, const GArray *row);
/* The address in attOwner, attSentFor. */
PnAddress *pn_tnef_attribute_address (const PnTnef *self, PnTnefId id);
/* Takes N bytes from the budget; FALSE if they are not there. */
gboolean pn_tnef_spend (PnTnef *self, gsize n);
/* TEXT with blanks for line ends and controls, without blanks around it; changed in place.  May be NULL. */
char *pn_tnef_one_line (char *text);
/* The message class in the spelling of MAPI.  Caller frees. */
char *pn_tnef_class (const PnTnef *self);

/* -- attachments (tnef-attachment.c) -- */

typedef struct {
  guint number; /* from 1 */
  const PnTnefAttribute *first, *render, *title, *data, *created, *modified, *transport_name, *block,
      *metafile;
} PnTnefAttachment;

/* GArray of PnTnefAttachment.  Caller frees. */
GArray *pn_tnef_attachments (const PnTnef *self);
/* Properties of ATTACHMENT.  GArray of PnMapiProperty; caller frees. */
GArray *pn_tnef_attachment_properties (PnTnef *self, const PnTnefAttachment *attachment);
/* The stream of the message embedded in the attachment that has PROPERTIES, or NULL. */
GBytes *pn_tnef_embedded (const PnTnef *self, const GArray *properties);
/* Adds the attachments to the message; the one numbered EXCEPT (0: none) is left out. */
void pn_tnef_read_attachments (PnTnef *self, guint except);

/* -- objects of other programs (tnef-ole.c) -- */

/* What is in one. */
typedef struct {
  char *name;            /* of the file, or NULL; owned */
  const char *extension; /* or NULL; static */
  char *link;            /* the path of what is linked, or NULL; owned */
  const guint8 *data;    /* of the file: a range of what was read, or of BYTES */
  gsize length;
  GBytes *bytes; /* NULL, or what the file was put together as; owned */
} PnTnefOle;

/* Opens the object in DATA; FALSE if nothing in it is known. */
gboolean pn_tnef_ole_read (PnTnef *self, const guint8 *data, gsize length, PnTnefOle *out);
void pn_tnef_ole_clear (PnTnefOle *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PnTnefOle, pn_tnef_ole_clear)

/* -- reports (tnef-report.c) -- */

/* Makes the message a status of another one if MESSAGE_CLASS is that of a receipt or delivery report. */
void pn_tnef_read_report (PnTnef *self, const char *message_class);

/* -- people (tnef-contact.c) -- */

/* Adds a card if MESSAGE_CLASS is that of a contact or a list of them. */
void pn_tnef_read_contact (PnTnef *self, const char *message_class);

/* -- meetings and tasks (tnef-calendar.c, tnef-zone.c) -- */

/* Makes the message what its class says, unless it is more than mail already.  *CONSUMED: number of the
 * attachment that is said by it, or 0. */
void pn_tnef_read_calendar (PnTnef *self, const char *message_class, guint *consumed);
/* IANA name of the zone of an appointment with PROPERTIES in the year of UNIX_TIME, or NULL.  RECURRING: the
 * zone that its pattern is in. */
const char *pn_tnef_zone (PnTnef *self, const GArray *properties, gint64 unix_time, gboolean recurring);

/* -- series (tnef-recurrence.c): wall clock times, in seconds as if they were UTC -- */

/* An instance that differs.  -1: as the series says. */
typedef struct {
  gint64 start, end, original;
  guint flags;
  char *subject, *location; /* owned; NULL: as the series says */
  gint64 reminder, reminder_set, busy, all_day;
} PnTnefException;

typedef struct {
  char *rrule;         /* without UNTIL; NULL if it cannot be said */
  const char *problem; /* what is wrong with it, or NULL; static */
  gboolean has_times;  /* START and END tell more than the day */
  gint64 start, end;   /* of the first instance */
  gboolean has_until;
  gint64 until;          /* start of the last instance */
  GArray *deleted;       /* gint64: starts of those that do not take place */
  GPtrArray *exceptions; /* PnTnefException */
} PnTnefSeries;

/* The pattern in DATA, of an appointment or a task.  Never NULL. */
PnTnefSeries *pn_tnef_series_read (PnTnef *self, const guint8 *data, gsize length, gboolean appointment);
void pn_tnef_series_free (PnTnefSeries *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnTnefSeries, pn_tnef_series_free)

#define PN_TNEF_MAX_DEPTH 10
#define PN_TNEF_MAX_TEXT (8 * 1024 * 1024)

G_END_DECLS
