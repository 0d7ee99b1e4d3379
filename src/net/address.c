#include "net/address.h"
#include "convert/number.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <netdb.h>
#include <string.h>

/* --- endpoints ------------------------------------------------------------------------------------------ */

static gboolean
split_port (const char *word, char **host, char **port, GError **error)
{
  const char *colon = strrchr (word, ':');
  if (!colon || !colon[1] || (*word != '[' && strchr (word, ':') != colon)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "\"%s\" is not of the form address:port or [address]:port", word);
    return FALSE;
  }
  gboolean bracketed = *word == '[' && colon > word + 1 && colon[-1] == ']';
  *host = bracketed ? g_strndup (word + 1, (gsize) (colon - word) - 2)
                    : g_strndup (word, (gsize) (colon - word));
  *port = g_strdup (colon + 1);
  return TRUE;
}

static gboolean
parse_endpoint (const char *word, PnEndpoint *out, GError **error)
{
  g_autofree char *host = NULL;
  g_autofree char *port = NULL;
  if (!split_port (word, &host, &port, error))
    return FALSE;
  struct addrinfo hints
      = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
  struct addrinfo *found = NULL;
  gboolean any = *host == '\0' || strcmp (host, "*") == 0;
  int result = getaddrinfo (any ? "::" : host, port, &hints, &found);
  if (result != 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "\"%s\" is not a numeric address and port: %s", word, gai_strerror (result));
    return FALSE;
  }
  memset (out, 0, sizeof *out);
  memcpy (&out->address, found->ai_addr, found->ai_addrlen);
  out->length = found->ai_addrlen;
  freeaddrinfo (found);
  return TRUE;
}

GArray *
pn_endpoints_parse (const char *text, GError **error)
{
  g_autoptr (GArray) endpoints = g_array_new (FALSE, FALSE, sizeof (PnEndpoint));
  g_auto (GStrv) words = g_strsplit_set (text, " ,\t", -1);
  for (char **word = words; *word; word++) {
    PnEndpoint endpoint;
    if (!**word)
      continue;
    if (!parse_endpoint (*word, &endpoint, error))
      return NULL;
    g_array_append_val (endpoints, endpoint);
  }
  return g_steal_pointer (&endpoints);
}

char *
pn_endpoint_to_string (const PnEndpoint *self)
{
  char host[INET6_ADDRSTRLEN] = "?";
  if (self->address.ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) &self->address;
    inet_ntop (AF_INET6, &six->sin6_addr, host, sizeof host);
    return g_strdup_printf ("[%s]:%u", host, ntohs (six->sin6_port));
  }
  const struct sockaddr_in *four = (const struct sockaddr_in *) &self->address;
  inet_ntop (AF_INET, &four->sin_addr, host, sizeof host);
  return g_strdup_printf ("%s:%u", host, ntohs (four->sin_port));
}

/* --- peers ---------------------------------------------------------------------------------------------- */

static const guint8 mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static gboolean
is_mapped (const guint8 key[16])
{
  return memcmp (key, mapped_prefix, sizeof mapped_prefix) == 0;
}

void
pn_peer_init (PnPeer *self, const struct sockaddr *address)
{
  memset (self, 0, sizeof *self);
  if (address->sa_family == AF_INET6) {
    memcpy (self->key, &((const struct sockaddr_in6 *) (gconstpointer) address)->sin6_addr, 16);
  } else if (address->sa_family == AF_INET) {
    memcpy (self->key, mapped_prefix, sizeof mapped_prefix);
    memcpy (self->key + 12, &((const struct sockaddr_in *) (gconstpointer) address)->sin_addr, 4);
  }
  if (is_mapped (self->key)) {
    inet_ntop (AF_INET, self->key + 12, self->text, sizeof self->text);
    self->loopback = self->key[12] == 127;
  } else {
    inet_ntop (AF_INET6, self->key, self->text, sizeof self->text);
    self->loopback = memcmp (self->key, &in6addr_loopback, 16) == 0;
  }
}

void
pn_peer_literal (const PnPeer *self, char literal[INET6_ADDRSTRLEN + 8])
{
  g_snprintf (literal, INET6_ADDRSTRLEN + 8, is_mapped (self->key) ? "[%s]" : "[IPv6:%s]", self->text);
}

/* --- networks ------------------------------------------------------------------------------------------- */

typedef struct {
  guint8 key[16];
  guint bits; /* of the mapped form */
} Network;

struct PnNetworks {
  GArray *list; /* Network */
};

static gboolean
parse_network (const char *word, Network *out)
{
  g_auto (GStrv) part = g_strsplit (word, "/", 2);
  gboolean four = inet_pton (AF_INET, part[0], out->key + 12) == 1;
  if (four)
    memcpy (out->key, mapped_prefix, sizeof mapped_prefix);
  else if (inet_pton (AF_INET6, part[0], out->key) != 1)
    return FALSE;
  guint64 bits = four ? 32 : 128;
  if (part[1] && !pn_number_parse (part[1], 10, 0, bits, &bits))
    return FALSE;
  out->bits = (guint) bits + (four ? 96 : 0);
  return TRUE;
}

PnNetworks *
pn_networks_parse (const char *text, GError **error)
{
  g_autoptr (PnNetworks) self = g_new0 (PnNetworks, 1);
  self->list = g_array_new (FALSE, FALSE, sizeof (Network));
  g_auto (GStrv) words = g_strsplit_set (text, " ,\t", -1);
  for (char **word = words; *word; word++) {
    Network network = { 0 };
    if (!**word)
      continue;
    if (!parse_network (*word, &network)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "\"%s\" is neither an address nor a network (a.b.c.d/n)", *word);
      return NULL;
    }
    g_array_append_val (self->list, network);
  }
  return g_steal_pointer (&self);
}

void
pn_networks_free (PnNetworks *self)
{
  if (!self)
    return;
  g_array_unref (self->list);
  g_free (self);
}

static gboolean
same_prefix (const guint8 *a, const guint8 *b, guint bits)
{
  guint whole = bits / 8, rest = bits % 8;
  if (memcmp (a, b, whole) != 0)
    return FALSE;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

gboolean
pn_networks_contain (const PnNetworks *self, const PnPeer *peer)
{
  for (guint i = 0; i < self->list->len; i++) {
    const Network *network = &g_array_index (self->list, Network, i);
    if (same_prefix (network->key, peer->key, network->bits))
      return TRUE;
  }
  return FALSE;
}
