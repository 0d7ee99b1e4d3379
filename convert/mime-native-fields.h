/* Header fields of our own, for what Internet mail has no field for: "X-Postern-...".
 *
 * Two kinds.  What a message says (the caller of a phone message, a task's letter, the security level) is
 * always written and always read back.  What concerns the post office (native addresses, who is to be
 * delivered to, ids, actions, parts that were made for the reader of the mail) is written when
 * PnMimeWriteOptions.native_fields asks for it and read back by pn_native_fields_restore() alone, never from
 * mail that a stranger may have sent. */
#pragma once

#include "convert/mime.h"

G_BEGIN_DECLS

/* What writing added to the message, to be taken out when it is read back. */
typedef enum {
  PN_MADE_MESSAGE_ID = 1 << 0,
  PN_MADE_DATE = 1 << 1,
  PN_MADE_FROM = 1 << 2,
  PN_MADE_TEXT = 1 << 3,     /* a plain body */
  PN_MADE_CALENDAR = 1 << 4, /* the calendar part */
  PN_MADE_LINE_END = 1 << 5, /* of the only part, which had none at its end */
  PN_MADE_PHONE = 1 << 6,    /* the phone fields before the bodies' text */
  PN_MADE_REPORT = 1 << 7,   /* the machine's part of a report */
  PN_MADE_SEALED = 1 << 8,   /* nothing, but a signed part is written as it came */
  PN_MADE_NARROW = 1 << 9    /* the calendar part says less than that which stands elsewhere in the message */
} PnMade;

/* Appends the fields of MESSAGE to OUT, which has the header that was written before; MADE: PnMade flags. */
void pn_native_fields_write (GString *out, PnMessage *message, const PnMimeWriteOptions *options, guint made);

/* Those of the second kind alone. */
void pn_office_fields_write (GString *out, PnMessage *message, const PnMimeWriteOptions *options, guint made);

/* A header field whose name cannot be written. */
void pn_office_header_write (GString *out, const PnHeader *header);
/* What the calendar PART says, read as pn_ical_read() does; NULL if nothing. */
PnMessage *pn_calendar_part_read (const PnPart *part);
/* Takes up the fields of the first kind from message->headers; called by pn_mime_read(). */
void pn_native_fields_read (PnMessage *message);
/* Takes up those of the second kind: for mail that was written by the same owner's conversion.  SOURCE is what
 * MESSAGE was read from. */
gboolean pn_native_fields_restore (PnMessage *message, PnSource *source, GError **error);

/* The fields of a phone message as the first lines of its text and of its HTML.  Caller frees. */
char *pn_phone_describe (const PnMessage *message);
char *pn_phone_describe_html (const PnMessage *message);

G_END_DECLS
