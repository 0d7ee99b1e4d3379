/* TLS of our servers: OpenSSL contexts, and a certificate to begin with. */
#pragma once

#include "core/config.h"

#include <openssl/ssl.h>

G_BEGIN_DECLS

#define PN_TLS_ERROR (pn_tls_error_quark ())
GQuark pn_tls_error_quark (void);
typedef enum {
  PN_TLS_ERROR_CERTIFICATE, /* certificate or key cannot be read, or do not belong together */
  PN_TLS_ERROR_LIBRARY
} PnTlsError;

/* A context for servers: TLS 1.2 and later, the chain and key of [tls], renegotiation off, buffers given back
 * while a session is idle.  The caller frees it with SSL_CTX_free(). */
SSL_CTX *pn_tls_server_context (const PnConfig *config, GError **error);

/* Writes a self-signed certificate for HOST (P-256, ten years) and its key (mode 0600).  Fails if either file
 * exists. */
gboolean pn_tls_make_self_signed (const char *cert_path, const char *key_path, const char *host,
                                  GError **error);

/* The oldest error of OpenSSL's queue as text, and the queue emptied.  Caller frees. */
char *pn_tls_last_error (void);

/* The absolute paths of [tls] certificate and key.  Caller frees. */
char *pn_tls_certificate_path (const PnConfig *config);
char *pn_tls_key_path (const PnConfig *config);

G_END_DECLS
