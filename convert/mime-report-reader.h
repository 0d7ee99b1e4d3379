/* What the readers of reports share: DSN and MDN (mime-read-report.c) and notices in words (mime-bounce.c).
 * Private to them. */
#pragma once

#include "convert/mime-reader.h"

G_BEGIN_DECLS

/* What a whole report says, besides the recipients' blocks. */
typedef struct {
  char *envelope_id;
  char *original_id; /* msg-id without brackets */
  PnTime arrival;
  GPtrArray *recipients; /* char *: To and Cc of the message that came back; NULL: not looked at */
} PnReportHead;

/* The blocks of TEXT (message/delivery-status or message/disposition-notification) into message->reports. */
void pn_report_read_fields (PnMimeReader *self, const char *text, gsize length, PnReportHead *head);
/* The header at the beginning of TEXT, of the message that came back. */
void pn_report_read_original (PnMimeReader *self, const char *text, gsize length, PnReportHead *head);
/* The same of SELF->original, if there is one. */
gboolean pn_report_read_original_part (PnMimeReader *self, PnReportHead *head, GError **error);

/* mime-bounce.c: whether the sender is a mail system and no person. */
gboolean pn_mime_is_from_system (const PnMessage *message);
/* mime-bounce.c: a notice that is no RFC 3464 report becomes message->reports too; TRUE if it is one.  Mail
 * of a person that quotes a notice is none. */
gboolean pn_mime_read_bounce (PnMimeReader *self, PnReportHead *head, GError **error);
/* bounce-text.c: reads the words of a notice.  ORIGINAL: the message came back beside them. */
gboolean pn_bounce_read_text (PnMimeReader *self, const char *text, gboolean original, PnReportHead *head);

G_END_DECLS
