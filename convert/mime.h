/* Internet mail to native messages and back (RFC 5322, 2045-2049, 2231, 6532). */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

typedef struct {
  const char *site_charset;  /* last resort for undeclared 8-bit text; NULL: windows-1252 */
  const char *site_timezone; /* IANA name for floating calendar times; NULL: UTC */
  guint max_depth;           /* nesting of parts; deeper ones stay one attachment with a loss; 0: 100 */
  guint max_parts;           /* 0: 10,000 */
  gboolean skeleton;         /* keep what is needed to give the original bytes back */
} PnMimeOptions;

/* Converts the message in SOURCE.  Never fails on bad mail: what is not understood is kept as it came and
 * named in message->losses.  Fails only when SOURCE does (PN_CONVERT_ERROR_IO).  Contents of attachments are
 * ranges of SOURCE.  Calendar parts make the message an appointment, task, note or status (convert/ical.h).
 */
PnMessage *pn_mime_read (PnSource *source, const PnMimeOptions *options, GError **error);

/* The envelope of a message that came by SMTP is merged in: recipients found in the header are to be
 * delivered to, the others of the header are not; those that stand in no header field are blind copies.
 * Arguments: addr-specs. */
void pn_mime_set_envelope (PnMessage *message, const char *mail_from, const char *const *rcpt_to);

typedef struct {
  const char *host;           /* right side of a Message-ID that has to be made */
  const char *default_domain; /* Internet domain for native addresses without an Internet address */
  gint64 now;                 /* Date of a message without one; seconds */
  gboolean ignore_skeleton;   /* compose anew even if the original bytes could be given back */
  gboolean keep_bcc;          /* write a Bcc field */
  gboolean html_twin;         /* a plain text gets an HTML twin */
  gboolean flat;  /* a message that was forwarded without a word goes on itself (convert/mime-forward.h) */
  gboolean basic; /* as before MIME: text, files uuencoded (convert/mime-basic.h); never from the skeleton.
                     Reports have no such form and are written as MIME */
  const char *basic_charset; /* of that text; NULL: US-ASCII */
  gboolean native_fields; /* X-Postern-... fields also for what concerns the post office (native addresses,
                             delivery, ids): for conversions that are to be undone, not for the Internet */
  const char *floating_zone; /* of PnIcalOptions (convert/ical.h) */
  guint zone_years; /* of PnIcalOptions (convert/ical.h) */
} PnMimeWriteOptions;

/* Writes MESSAGE as Internet mail, line ends CRLF: the original bytes if it has a skeleton (then with the
 * line ends of the original), else composed.  What cannot be carried is added to message->losses. */
gboolean pn_mime_write (PnMessage *message, const PnMimeWriteOptions *options, PnSink *sink, GError **error);

/* Fills message->headers of a message read from a native carrier from its skeleton. */
gboolean pn_mime_restore_headers (PnMessage *message, GError **error);

/* MESSAGE as the part that comes back with a report about it: WHOLE if that is at most LIMIT bytes, else its
 * header.  NULL with ERROR if it cannot be read, or if its header is too long. */
PnPart *pn_mime_returned_part (PnMessage *message, gboolean whole, gsize limit,
                               const PnMimeWriteOptions *options, GError **error);

/* To whom a receipt for MESSAGE is to go (RFC 8098 2.1): PnAddress, of Disposition-Notification-To; empty if
 * that names nobody.  It needs the headers.  *REFUSED_OUT: the sender wants one only from programs that know
 * an option that is not known here. */
GPtrArray *pn_mime_receipt_addresses (const PnMessage *message, gboolean *refused_out);

G_END_DECLS
