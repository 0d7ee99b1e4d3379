#include "net/tls.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (pn-tls-error-quark, pn_tls_error)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SSL_CTX, SSL_CTX_free)

enum { YEARS = 10, DAY = 24 * 60 * 60 };

char *
pn_tls_last_error (void)
{
  unsigned long code = ERR_get_error ();
  const char *reason = code ? ERR_reason_error_string (code) : NULL;
  ERR_clear_error ();
  return g_strdup (reason ? reason : code ? "unnamed error" : "no reason given");
}

static gboolean
library_error (GError **error, int code, const char *what)
{
  g_autofree char *reason = pn_tls_last_error ();
  g_set_error (error, PN_TLS_ERROR, code, "%s: %s", what, reason);
  return FALSE;
}

/* --- the server's context ------------------------------------------------------------------------------- */

static char *
setting_path (const PnConfig *config, const char *key)
{
  return g_canonicalize_filename (pn_config_string (config, "tls", key), config->root);
}

char *
pn_tls_certificate_path (const PnConfig *config)
{
  return setting_path (config, "certificate");
}

char *
pn_tls_key_path (const PnConfig *config)
{
  return setting_path (config, "key");
}

SSL_CTX *
pn_tls_server_context (const PnConfig *config, GError **error)
{
  g_autofree char *certificate = pn_tls_certificate_path (config);
  g_autofree char *key = pn_tls_key_path (config);
  g_autoptr (SSL_CTX) context = SSL_CTX_new (TLS_server_method ());
  if (!context) {
    library_error (error, PN_TLS_ERROR_LIBRARY, "TLS context");
    return NULL;
  }
  SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION);
  SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                    | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode (context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                                 | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  static const guchar session_id[] = "postern";
  SSL_CTX_set_session_id_context (context, session_id, sizeof session_id - 1);
  if (SSL_CTX_use_certificate_chain_file (context, certificate) != 1) {
    library_error (error, PN_TLS_ERROR_CERTIFICATE, certificate);
    return NULL;
  }
  if (SSL_CTX_use_PrivateKey_file (context, key, SSL_FILETYPE_PEM) != 1
      || SSL_CTX_check_private_key (context) != 1) {
    library_error (error, PN_TLS_ERROR_CERTIFICATE, key);
    return NULL;
  }
  return g_steal_pointer (&context);
}

/* --- a certificate to begin with ------------------------------------------------------------------------ */

static gboolean
add_extension (X509 *certificate, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx_nodb (&context);
  X509V3_set_ctx (&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid (NULL, &context, nid, value);
  gboolean added = extension && X509_add_ext (certificate, extension, -1) == 1;
  X509_EXTENSION_free (extension);
  return added;
}

static gboolean
set_serial (X509 *certificate)
{
  guchar bytes[8];
  guint64 serial;
  if (RAND_bytes (bytes, sizeof bytes) != 1)
    return FALSE;
  memcpy (&serial, bytes, sizeof serial);
  return ASN1_INTEGER_set_uint64 (X509_get_serialNumber (certificate), serial >> 1) == 1;
}

static X509 *
make_certificate (EVP_PKEY *key, const char *host)
{
  g_autoptr (X509) certificate = X509_new ();
  g_autofree char *names = g_strconcat ("DNS:", host, NULL);
  if (!certificate || X509_set_version (certificate, X509_VERSION_3) != 1 || !set_serial (certificate))
    return NULL;
  /* From yesterday, for peers whose clock is behind. */
  X509_gmtime_adj (X509_getm_notBefore (certificate), -DAY);
  X509_gmtime_adj (X509_getm_notAfter (certificate), (long) YEARS * 365 * DAY);
  X509_NAME *name = X509_get_subject_name (certificate);
  /* RFC 5280 allows 64 characters in a common name; the alternative name has the whole. */
  g_autofree char *common_name = g_strndup (host, 64);
  if (X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_UTF8, (const guchar *) common_name, -1, -1, 0) != 1
      || X509_set_issuer_name (certificate, name) != 1 || X509_set_pubkey (certificate, key) != 1
      || !add_extension (certificate, NID_subject_alt_name, names)
      || !add_extension (certificate, NID_basic_constraints, "critical,CA:FALSE")
      || !add_extension (certificate, NID_ext_key_usage, "serverAuth,clientAuth")
      || X509_sign (certificate, key, EVP_sha256 ()) == 0)
    return NULL;
  return g_steal_pointer (&certificate);
}

static FILE *
create (const char *path, mode_t mode, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) {
    pn_file_set_error (error, errno, path, "cannot create");
    return NULL;
  }
  return fdopen (fd, "w");
}

static gboolean
finish (FILE *file, const char *path, gboolean written, GError **error)
{
  if (!written) {
    fclose (file);
    return library_error (error, PN_TLS_ERROR_LIBRARY, path);
  }
  if (fflush (file) != 0 || fsync (fileno (file)) != 0) {
    pn_file_set_error (error, errno, path, "cannot write");
    fclose (file);
    return FALSE;
  }
  fclose (file);
  return TRUE;
}

gboolean
pn_tls_make_self_signed (const char *cert_path, const char *key_path, const char *host, GError **error)
{
  g_autoptr (EVP_PKEY) key = EVP_EC_gen ("P-256");
  g_autoptr (X509) certificate = key ? make_certificate (key, host) : NULL;
  if (!certificate)
    return library_error (error, PN_TLS_ERROR_LIBRARY, "self-signed certificate");
  FILE *key_file = create (key_path, 0600, error);
  if (!key_file
      || !finish (key_file, key_path, PEM_write_PrivateKey (key_file, key, NULL, NULL, 0, NULL, NULL) == 1,
                  error))
    return FALSE;
  FILE *certificate_file = create (cert_path, 0644, error);
  return certificate_file
         && finish (certificate_file, cert_path, PEM_write_X509 (certificate_file, certificate) == 1, error);
}
