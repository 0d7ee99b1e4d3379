#include "smtp/client-private.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>

static void
describe_error (char *buffer, gsize size)
{
  unsigned long code = ERR_peek_error ();
  if (code)
    ERR_error_string_n (code, buffer, size);
  else
    g_strlcpy (buffer, "the peer closed the connection", size);
}

SSL_CTX *
pn_client_tls_new (gboolean verify, GError **error)
{
  char reason[160];
  SSL_CTX *context = SSL_CTX_new (TLS_client_method ());
  if (!context || SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION) != 1
      || (verify && SSL_CTX_set_default_verify_paths (context) != 1)) {
    describe_error (reason, sizeof reason);
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID, "cannot set up TLS: %s", reason);
    SSL_CTX_free (context);
    return NULL;
  }
  SSL_CTX_set_verify (context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_mode (context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode (context, SSL_SESS_CACHE_OFF);
  return context;
}

static gboolean
set_peer_name (PnConnection *self)
{
  guint8 bytes[16];
  if (inet_pton (AF_INET, self->host, bytes) == 1 || inet_pton (AF_INET6, self->host, bytes) == 1)
    return X509_VERIFY_PARAM_set1_ip_asc (SSL_get0_param (self->ssl), self->host) == 1;
  return SSL_set_tlsext_host_name (self->ssl, self->host) == 1 && SSL_set1_host (self->ssl, self->host) == 1;
}

gboolean
pn_client_tls_start (PnConnection *self, PnOutcome *outcome)
{
  /* What the peer, or someone between, sent in the clear ahead of the handshake must not count as said over
   * TLS. */
  if (self->in_end > self->in_start)
    return pn_connection_fail (self, outcome, "4.7.5",
                               "sent text between the answer to STARTTLS and the handshake");
  self->in_start = self->in_end = 0;
  g_byte_array_set_size (self->out, 0);

  char reason[160];
  ERR_clear_error ();
  self->ssl = SSL_new (self->options->tls);
  if (!self->ssl || !set_peer_name (self) || SSL_set_fd (self->ssl, self->fd) != 1) {
    describe_error (reason, sizeof reason);
    return pn_connection_fail (self, outcome, "4.7.5", "cannot begin TLS: %s", reason);
  }
  gint64 deadline = g_get_monotonic_time () + (gint64) self->options->command_timeout * G_USEC_PER_SEC;
  for (;;) {
    ERR_clear_error ();
    int rc = SSL_connect (self->ssl);
    if (rc == 1)
      return TRUE;
    int wants = SSL_get_error (self->ssl, rc);
    if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE) {
      if (!pn_connection_wait (self, wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline, outcome))
        return FALSE;
      continue;
    }
    long verify = SSL_get_verify_result (self->ssl);
    if (self->options->tls_verify && verify != X509_V_OK)
      return pn_connection_fail (self, outcome, "4.7.5", "the certificate does not verify: %s",
                                 X509_verify_cert_error_string (verify));
    describe_error (reason, sizeof reason);
    return pn_connection_fail (self, outcome, "4.7.5", "TLS handshake failed: %s", reason);
  }
}
