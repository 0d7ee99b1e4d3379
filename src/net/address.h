/* Socket addresses: what a configuration names, who the peer is, networks. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>

G_BEGIN_DECLS

typedef struct {
  struct sockaddr_storage address;
  socklen_t length;
} PnEndpoint;

/* "127.0.0.1:25", "[::1]:25", "*:25" (every address) and the like, blank or comma separated, into an array of
 * PnEndpoint. */
GArray *pn_endpoints_parse (const char *text, GError **error);
/* "127.0.0.1:25" or "[::1]:25".  Caller frees. */
char *pn_endpoint_to_string (const PnEndpoint *self);

/* The other side of a connection. */
typedef struct {
  guint8 key[16];              /* the address as IPv6, IPv4 ones mapped: equal for equal hosts */
  char text[INET6_ADDRSTRLEN]; /* mapped ones as IPv4 */
  gboolean loopback;
} PnPeer;

void pn_peer_init (PnPeer *self, const struct sockaddr *address);
/* "[192.0.2.1]" or "[IPv6:2001:db8::1]", as RFC 5321 4.1.3 writes it. */
void pn_peer_literal (const PnPeer *self, char literal[INET6_ADDRSTRLEN + 8]);

/* A list of networks: "10.0.0.0/8 2001:db8::/32 192.0.2.7". */
typedef struct PnNetworks PnNetworks;
PnNetworks *pn_networks_parse (const char *text, GError **error);
void pn_networks_free (PnNetworks *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnNetworks, pn_networks_free)
gboolean pn_networks_contain (const PnNetworks *self, const PnPeer *peer);

G_END_DECLS
