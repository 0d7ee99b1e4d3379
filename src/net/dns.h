/* Questions to the domain name system (libunbound). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PN_DNS_ERROR (pn_dns_error_quark ())
GQuark pn_dns_error_quark (void);
typedef enum {
  PN_DNS_ERROR_TEMPORARY, /* no answer: try again later */
  PN_DNS_ERROR_NO_NAME,   /* the name does not exist */
  PN_DNS_ERROR_NO_DATA    /* the name exists, but has no such records */
} PnDnsError;

typedef struct PnDns PnDns; /* usable from several threads; look-ups block */

/* SERVER: "address" or "address@port" to forward all questions to; "" or NULL: those of /etc/resolv.conf.
 * Names in /etc/hosts are answered from there. */
PnDns *pn_dns_new (const char *server, GError **error);
void pn_dns_free (PnDns *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnDns, pn_dns_free)

typedef struct {
  char *host; /* "." of a null MX (RFC 7505) */
  guint preference;
} PnDnsMx;

/* By preference, equal ones in random order.  GPtrArray of PnDnsMx. */
GPtrArray *pn_dns_mx (PnDns *self, const char *domain, GError **error);

/* The addresses of HOST as text, IPv6 and IPv4 in turns.  An address in text form is returned as it is. */
GPtrArray *pn_dns_addresses (PnDns *self, const char *host, GError **error);

/* The name in wire format at DATA as text, without the dot at the end ("." for the root).  NULL if damaged.
 */
char *pn_dns_name_from_wire (const guint8 *data, gsize length);

G_END_DECLS
