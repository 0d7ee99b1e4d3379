/* vCard 2.1, 3.0 (RFC 2425, 2426) and 4.0 (RFC 6350) to entries of the Address Book, and back.
 *
 * An entry is what the API's directory records are: a message of type Admin with one group DS-User (DS-Group
 * for a card of KIND group, DS-Resource for a location or device) per card, of the keywords Operation, Pn-Name
 * (FN), Last-Name, First-Name (N), Title, Department (second part of ORG), Description (NOTE), Phone and Fax
 * (TEL), FUA (EMAIL), and the list Property of all lines of the card in the form of version 3.0, so that
 * nothing of it is lost.  A field that was changed since counts for more than its line. */
#pragma once

#include "convert/message.h"

G_BEGIN_DECLS

/* The cards in TEXT of any version and charset.  PN_CONVERT_ERROR_SYNTAX if it holds none, _LIMIT for more than
 * 20,000.  Repairs are added to losses. */
PnMessage *pn_vcard_read (const char *text, gsize length, GError **error);

/* The cards of MESSAGE in VERSION ("3.0" or "4.0"), CRLF line ends, UTF-8.  PN_CONVERT_ERROR_UNSUPPORTED if it
 * is no directory record.  Caller frees. */
char *pn_vcard_write (PnMessage *message, const char *version, GError **error);

G_END_DECLS
