/* Status messages as reports: DSN (RFC 3464) and MDN (RFC 8098).  Private to the writing half of the MIME
 * code. */
#pragma once

#include "convert/mime.h"

G_BEGIN_DECLS

typedef enum {
  PN_REPORT_NONE,
  PN_REPORT_DELIVERY,   /* multipart/report; report-type=delivery-status */
  PN_REPORT_DISPOSITION /* multipart/report; report-type=disposition-notification */
} PnReportKind;

/* What the status message is as Internet mail.  Reports that this kind cannot hold are named as losses. */
PnReportKind pn_report_kind (PnMessage *message);
/* The text of message/delivery-status or message/disposition-notification, line ends CRLF.  Caller frees. */
char *pn_report_write (PnMessage *message, PnReportKind kind, const PnMimeWriteOptions *options);
/* What the reports say, for a person: one paragraph each, line ends LF.  Caller frees. */
char *pn_report_describe (const PnMessage *message, const char *default_domain);

G_END_DECLS
