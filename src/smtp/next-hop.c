#include "smtp/client-private.h"
#include "convert/number.h"
#include "core/domain.h"

#include <stdarg.h>
#include <string.h>

#define SMTP_PORT 25
#define TARGETS_MAX 10

void
pn_outcome_clear (PnOutcome *self)
{
  g_free (self->enhanced);
  g_free (self->text);
  g_free (self->host);
  *self = (PnOutcome){ 0 };
}

void
pn_outcome_copy (PnOutcome *to, const PnOutcome *from)
{
  pn_outcome_clear (to);
  *to = *from;
  to->enhanced = g_strdup (from->enhanced);
  to->text = g_strdup (from->text);
  to->host = g_strdup (from->host);
}

void
pn_outcome_set (PnOutcome *self, PnOutcomeKind kind, const char *enhanced, const char *host,
                const char *format, ...)
{
  pn_outcome_clear (self);
  va_list arguments;
  va_start (arguments, format);
  self->text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  self->kind = kind;
  self->enhanced = g_strdup (enhanced);
  self->host = g_strdup (host);
}

/* --- the table -------------------------------------------------------------------------------- */

typedef struct {
  char *pattern; /* lower case; ".example.com" stands for its subdomains */
  PnNextHop *hop;
} Route;

struct PnRoutes {
  PnNextHop *relay; /* or NULL */
  GPtrArray *routes;
};

static void
route_free (Route *self)
{
  g_free (self->pattern);
  pn_next_hop_free (self->hop);
  g_free (self);
}

void
pn_next_hop_free (PnNextHop *self)
{
  if (!self)
    return;
  g_free (self->key);
  g_free (self->host);
  g_free (self);
}

PnNextHop *
pn_next_hop_copy (const PnNextHop *self)
{
  PnNextHop *copy = g_memdup2 (self, sizeof *self);
  copy->key = g_strdup (self->key);
  copy->host = g_strdup (self->host);
  return copy;
}

static PnNextHop *
next_hop_new (const char *host, guint port, gboolean mx, gboolean auth)
{
  PnNextHop *self = g_new0 (PnNextHop, 1);
  self->host = g_ascii_strdown (host, -1);
  self->port = port;
  self->mx = mx;
  self->auth = auth;
  self->key
      = mx ? g_strdup (self->host) : g_strdup_printf ("[%s]:%u%s", self->host, port, auth ? " auth" : "");
  return self;
}

/* "host", "host:port", "[address]", "[address]:port"; and "IPv6:" before an address as RFC 5321 has it. */
static PnNextHop *
parse_host_port (const char *text, gboolean auth)
{
  g_autofree char *host = NULL;
  const char *port_text = NULL;
  if (*text == '[') {
    const char *close = strchr (text, ']');
    if (!close || (close[1] && close[1] != ':'))
      return NULL;
    const char *begin = text + 1;
    if (g_ascii_strncasecmp (begin, "IPv6:", 5) == 0)
      begin += 5;
    host = g_strndup (begin, (gsize) (close - begin));
    port_text = close[1] ? close + 2 : NULL;
  } else {
    const char *colon = strchr (text, ':');
    host = colon ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
    port_text = colon ? colon + 1 : NULL;
  }
  guint64 port = SMTP_PORT;
  if (port_text && !pn_number_parse (port_text, 10, 1, 65535, &port))
    return NULL;
  return *host ? next_hop_new (host, (guint) port, FALSE, auth) : NULL;
}

static gboolean
parse_route (PnRoutes *self, char *entry, GError **error)
{
  g_strstrip (entry);
  if (!*entry)
    return TRUE;
  g_auto (GStrv) words = g_strsplit_set (entry, " \t", -1);
  const char *host = NULL;
  gboolean ok = TRUE;
  for (char **w = words + 1; *w; w++)
    if (**w) {
      ok = ok && !host;
      host = *w;
    }
  PnNextHop *hop = ok && host ? parse_host_port (host, FALSE) : NULL;
  if (!hop) {
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                 "[smtp] routes: '%s' is not 'domain host[:port]'", entry);
    return FALSE;
  }
  Route *route = g_new0 (Route, 1);
  route->pattern = g_ascii_strdown (words[0], -1);
  route->hop = hop;
  g_ptr_array_add (self->routes, route);
  return TRUE;
}

PnRoutes *
pn_routes_new (const PnConfig *config, GError **error)
{
  g_autofree PnRoutes *self = g_new0 (PnRoutes, 1);
  self->routes = g_ptr_array_new_with_free_func ((GDestroyNotify) route_free);
  const char *relay = pn_config_string (config, "smtp", "relay");
  gboolean ok = TRUE;
  if (*relay) {
    self->relay = parse_host_port (relay, *pn_config_string (config, "smtp", "relay-user") != '\0');
    if (!self->relay) {
      g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID, "[smtp] relay: '%s' is not host[:port]",
                   relay);
      ok = FALSE;
    }
  }
  g_auto (GStrv) entries = g_strsplit (pn_config_string (config, "smtp", "routes"), ";", -1);
  for (char **e = entries; ok && *e; e++)
    ok = parse_route (self, *e, error);
  if (ok)
    return g_steal_pointer (&self);
  pn_routes_free (g_steal_pointer (&self));
  return NULL;
}

void
pn_routes_free (PnRoutes *self)
{
  if (!self)
    return;
  pn_next_hop_free (self->relay);
  g_ptr_array_unref (self->routes);
  g_free (self);
}

static gboolean
route_matches (const Route *route, const char *domain)
{
  if (*route->pattern != '.')
    return g_str_equal (route->pattern, domain);
  return g_str_has_suffix (domain, route->pattern);
}

PnNextHop *
pn_routes_find (const PnRoutes *self, const char *domain)
{
  g_autofree char *lower = g_ascii_strdown (domain, -1);
  for (guint i = 0; i < self->routes->len; i++) {
    const Route *route = g_ptr_array_index (self->routes, i);
    if (route_matches (route, lower))
      return pn_next_hop_copy (route->hop);
  }
  if (self->relay)
    return pn_next_hop_copy (self->relay);
  if (*domain == '[')
    return parse_host_port (domain, FALSE);
  g_autofree char *ascii = pn_domain_to_ascii (domain);
  if (!ascii || !*ascii || strlen (ascii) > 253 || strpbrk (ascii, ":/@ []"))
    return NULL;
  return next_hop_new (ascii, SMTP_PORT, TRUE, FALSE);
}

/* --- look-ups --------------------------------------------------------------------------------- */

static void
target_free (PnTarget *self)
{
  g_free (self->host);
  g_free (self->address);
  g_free (self);
}

static gboolean
add_addresses (PnDns *dns, const PnNextHop *hop, const char *host, GPtrArray *targets, GError **error)
{
  g_autoptr (GPtrArray) addresses = pn_dns_addresses (dns, host, error);
  if (!addresses)
    return FALSE;
  for (guint i = 0; i < addresses->len && targets->len < TARGETS_MAX; i++) {
    PnTarget *target = g_new0 (PnTarget, 1);
    target->host = g_strdup (host);
    target->address = g_strdup (g_ptr_array_index (addresses, i));
    target->port = hop->port;
    target->auth = hop->auth;
    g_ptr_array_add (targets, target);
  }
  return TRUE;
}

static void
outcome_from_dns (PnOutcome *outcome, const GError *error, const char *permanent_code)
{
  gboolean temporary = g_error_matches (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY);
  pn_outcome_set (outcome, temporary ? PN_OUTCOME_TEMPORARY : PN_OUTCOME_PERMANENT,
                  temporary ? "4.4.3" : permanent_code, NULL, "%s", error->message);
}

/* The MX hosts that come before ourselves (RFC 5321 5.1).  NULL with OUTCOME set if there are none. */
static GPtrArray *
mx_before_us (GPtrArray *list, const char *domain, const char *own_host, PnOutcome *outcome)
{
  const PnDnsMx *first = g_ptr_array_index (list, 0);
  if (list->len == 1 && g_str_equal (first->host, ".")) {
    pn_outcome_set (outcome, PN_OUTCOME_PERMANENT, "5.1.10", NULL, "%s does not accept mail (null MX)",
                    domain);
    return NULL;
  }
  guint own = G_MAXUINT;
  for (guint i = 0; i < list->len; i++) {
    const PnDnsMx *mx = g_ptr_array_index (list, i);
    if (g_ascii_strcasecmp (mx->host, own_host) == 0)
      own = MIN (own, mx->preference);
  }
  g_autoptr (GPtrArray) hosts = g_ptr_array_new ();
  for (guint i = 0; i < list->len; i++) {
    PnDnsMx *mx = g_ptr_array_index (list, i);
    if (mx->preference < own && !g_str_equal (mx->host, "."))
      g_ptr_array_add (hosts, mx->host);
  }
  if (hosts->len > 0)
    return g_steal_pointer (&hosts);
  pn_outcome_set (outcome, PN_OUTCOME_PERMANENT, "5.4.6", NULL, "mail for %s loops back to myself", domain);
  return NULL;
}

static GPtrArray *
targets_of_mx (PnDns *dns, const PnNextHop *hop, GPtrArray *list, const char *own_host, PnOutcome *outcome)
{
  g_autoptr (GPtrArray) hosts = mx_before_us (list, hop->host, own_host, outcome);
  if (!hosts)
    return NULL;
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func ((GDestroyNotify) target_free);
  gboolean temporary = FALSE;
  for (guint i = 0; i < hosts->len && targets->len < TARGETS_MAX; i++) {
    g_autoptr (GError) error = NULL;
    if (add_addresses (dns, hop, g_ptr_array_index (hosts, i), targets, &error) || temporary)
      continue;
    temporary = g_error_matches (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY);
    outcome_from_dns (outcome, error, "5.4.4");
  }
  if (targets->len == 0)
    return NULL;
  pn_outcome_clear (outcome);
  return g_steal_pointer (&targets);
}

GPtrArray *
pn_route_targets (PnDns *dns, const PnNextHop *hop, const char *own_host, PnOutcome *outcome)
{
  g_autoptr (GError) error = NULL;
  gboolean no_name = FALSE;
  if (hop->mx) {
    g_autoptr (GPtrArray) list = pn_dns_mx (dns, hop->host, &error);
    if (list)
      return targets_of_mx (dns, hop, list, own_host, outcome);
    if (g_error_matches (error, PN_DNS_ERROR, PN_DNS_ERROR_TEMPORARY)) {
      outcome_from_dns (outcome, error, NULL);
      return NULL;
    }
    no_name = g_error_matches (error, PN_DNS_ERROR, PN_DNS_ERROR_NO_NAME);
    g_clear_error (&error);
  }
  /* Without MX the host itself is meant; one in /etc/hosts has an address even where the DNS knows no such
   * name. */
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func ((GDestroyNotify) target_free);
  if (hop->mx && g_ascii_strcasecmp (hop->host, own_host) == 0)
    pn_outcome_set (outcome, PN_OUTCOME_PERMANENT, "5.4.6", NULL, "mail for %s loops back to myself",
                    hop->host);
  else if (!add_addresses (dns, hop, hop->host, targets, &error)) {
    outcome_from_dns (outcome, error, no_name ? "5.1.2" : "5.4.4");
    /* That our own relay cannot be found says nothing about the recipient. */
    if (!hop->mx)
      outcome->kind = PN_OUTCOME_TEMPORARY;
  }
  return targets->len > 0 ? g_steal_pointer (&targets) : NULL;
}
