/* TNEF (winmail.dat), as Outlook and Exchange wrap what MIME has no place for (MS-OXTNEF). */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* Whether DATA begins with the signature of TNEF. */
gboolean pn_tnef_is (const guint8 *data, gsize length);

/* Adds to MESSAGE what the stream says and MESSAGE lacks: subject, sender, recipients, date, priority,
 * security, bodies (HTML also out of rich text) and attachments (also those whose name and bytes are not
 * there yet; embedded messages as message/rfc822).  Meetings and tasks, requests, answers and retractions
 * give MESSAGE the type and calendar that the same thing as iMIP would give it (convert/ical.h).
 * SITE_TIMEZONE as in PnMimeOptions.
 *
 * What is damaged is left out and named in the losses by attribute and offset.  Counts, sizes and nesting are
 * bounded; contents of attachments are ranges of TNEF, which they keep.  FALSE with PN_CONVERT_ERROR_SYNTAX
 * if nothing in it can be used: MESSAGE is then as it was, but for losses. */
gboolean pn_tnef_read (PnMessage *message, GBytes *tnef, const char *site_timezone, GError **error);

/* Streams longer than this are not for pn_tnef_read(), because it wants them in memory. */
#define PN_TNEF_MAX (32 * 1024 * 1024)

G_END_DECLS
