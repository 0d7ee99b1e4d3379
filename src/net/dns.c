#include "net/dns.h"

#include <arpa/inet.h>
#include <string.h>
#include <unbound.h>

#define TYPE_A 1
#define TYPE_MX 15
#define TYPE_AAAA 28
#define CLASS_IN 1
#define RCODE_NXDOMAIN 3
#define RECORDS_MAX 100

G_DEFINE_QUARK (pn-dns-error-quark, pn_dns_error)

struct PnDns {
  struct ub_ctx *context;
};

typedef struct ub_result UbResult;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UbResult, ub_resolve_free)

static void
mx_free (PnDnsMx *self)
{
  g_free (self->host);
  g_free (self);
}

PnDns *
pn_dns_new (const char *server, GError **error)
{
  g_autoptr (PnDns) self = g_new0 (PnDns, 1);
  self->context = ub_ctx_create ();
  if (!self->context) {
    g_set_error_literal (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY, "cannot start the resolver library");
    return NULL;
  }
  ub_ctx_debuglevel (self->context, 0);
  int rc = 0;
  if (server && *server) {
    ub_ctx_set_option (self->context, "do-not-query-localhost:", "no");
    rc = ub_ctx_set_fwd (self->context, server);
  } else
    ub_ctx_resolvconf (self->context, NULL); /* without the file it asks the root servers */
  if (rc) {
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY, "name server '%s': %s", server,
                 ub_strerror (rc));
    return NULL;
  }
  ub_ctx_hosts (self->context, NULL);
  return g_steal_pointer (&self);
}

void
pn_dns_free (PnDns *self)
{
  if (!self)
    return;
  if (self->context)
    ub_ctx_delete (self->context);
  g_free (self);
}

char *
pn_dns_name_from_wire (const guint8 *data, gsize length)
{
  g_autoptr (GString) out = g_string_new (NULL);
  for (gsize i = 0; i < length;) {
    guint n = data[i++];
    if (n == 0) {
      if (out->len == 0)
        g_string_append_c (out, '.');
      return g_string_free (g_steal_pointer (&out), FALSE);
    }
    if (n > 63 || n > length - i)
      return NULL;
    if (out->len > 0)
      g_string_append_c (out, '.');
    for (guint j = 0; j < n; j++) {
      guint8 c = data[i + j];
      if (c <= 0x20 || c >= 0x7f || c == '.' || c == '\\')
        return NULL; /* no host has such a name */
      g_string_append_c (out, (char) c);
    }
    i += n;
  }
  return NULL;
}

/* NULL with ERROR set unless there are records. */
static UbResult *
ask (PnDns *self, const char *name, int type, GError **error)
{
  struct ub_result *answer = NULL;
  int rc = ub_resolve (self->context, name, type, CLASS_IN, &answer);
  g_autoptr (UbResult) result = answer;
  if (rc != 0 || (!result->havedata && result->rcode != 0 && result->rcode != RCODE_NXDOMAIN)) {
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY, "%s: no answer from the name servers (%s)",
                 name, rc ? ub_strerror (rc) : "server failure");
    return NULL;
  }
  if (result->bogus) {
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY, "%s: the answer is forged: %s", name,
                 result->why_bogus ? result->why_bogus : "validation failed");
    return NULL;
  }
  if (result->nxdomain || result->rcode == RCODE_NXDOMAIN) {
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_NO_NAME, "%s: there is no such domain", name);
    return NULL;
  }
  if (!result->havedata) {
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_NO_DATA, "%s: has no %s record", name,
                 type == TYPE_MX  ? "MX"
                 : type == TYPE_A ? "A"
                                  : "AAAA");
    return NULL;
  }
  return g_steal_pointer (&result);
}

static gint
compare_mx (gconstpointer a, gconstpointer b)
{
  const PnDnsMx *x = *(PnDnsMx *const *) a, *y = *(PnDnsMx *const *) b;
  return x->preference < y->preference ? -1 : x->preference > y->preference;
}

static void
shuffle (GPtrArray *array)
{
  for (guint i = array->len; i > 1; i--) {
    guint j = (guint) g_random_int_range (0, (gint32) i);
    gpointer swap = array->pdata[i - 1];
    array->pdata[i - 1] = array->pdata[j];
    array->pdata[j] = swap;
  }
}

GPtrArray *
pn_dns_mx (PnDns *self, const char *domain, GError **error)
{
  g_autoptr (UbResult) result = ask (self, domain, TYPE_MX, error);
  if (!result)
    return NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) mx_free);
  for (guint i = 0; result->data[i] && i < RECORDS_MAX; i++) {
    const guint8 *data = (const guint8 *) result->data[i];
    gsize length = (gsize) result->len[i];
    char *host = length > 2 ? pn_dns_name_from_wire (data + 2, length - 2) : NULL;
    if (!host)
      continue;
    PnDnsMx *mx = g_new0 (PnDnsMx, 1);
    mx->preference = (guint) data[0] << 8 | data[1];
    mx->host = host;
    g_ptr_array_add (list, mx);
  }
  if (list->len == 0) {
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY, "%s: the MX records are damaged", domain);
    return NULL;
  }
  shuffle (list);
  g_ptr_array_sort (list, compare_mx); /* stable */
  return g_steal_pointer (&list);
}

static void
collect_addresses (const UbResult *result, int family, GPtrArray *out)
{
  char text[INET6_ADDRSTRLEN];
  int want = family == AF_INET ? 4 : 16;
  for (guint i = 0; result && result->data[i] && i < RECORDS_MAX; i++)
    if (result->len[i] == want && inet_ntop (family, result->data[i], text, sizeof text))
      g_ptr_array_add (out, g_strdup (text));
  shuffle (out);
}

GPtrArray *
pn_dns_addresses (PnDns *self, const char *host, GError **error)
{
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func (g_free);
  guint8 bytes[16];
  if (inet_pton (AF_INET, host, bytes) == 1 || inet_pton (AF_INET6, host, bytes) == 1) {
    g_ptr_array_add (out, g_strdup (host));
    return g_steal_pointer (&out);
  }
  g_autoptr (GError) error4 = NULL, error6 = NULL;
  g_autoptr (UbResult) result4 = ask (self, host, TYPE_A, &error4);
  g_autoptr (UbResult) result6 = g_error_matches (error4, PN_DNS_ERROR, PN_DNS_ERROR_NO_NAME)
                                     ? NULL
                                     : ask (self, host, TYPE_AAAA, &error6);
  g_autoptr (GPtrArray) four = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) six = g_ptr_array_new_with_free_func (g_free);
  collect_addresses (result4, AF_INET, four);
  collect_addresses (result6, AF_INET6, six);
  for (guint i = 0; i < MAX (four->len, six->len); i++) {
    if (i < six->len)
      g_ptr_array_add (out, g_strdup (six->pdata[i]));
    if (i < four->len)
      g_ptr_array_add (out, g_strdup (four->pdata[i]));
  }
  if (out->len > 0)
    return g_steal_pointer (&out);
  /* A failure of either question may hide an address. */
  GError **which
      = error4 && !g_error_matches (error6, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY) ? &error4 : &error6;
  if (*which)
    g_propagate_error (error, g_steal_pointer (which));
  else
    g_set_error (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY, "%s: the address records are damaged", host);
  return NULL;
}
