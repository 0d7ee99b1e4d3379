#include "core/config.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (pn-config-error-quark, pn_config_error)

typedef enum { TYPE_TEXT, TYPE_WORD, TYPE_NUMBER, TYPE_SWITCH } SettingType;

typedef struct {
  const char *group, *key;
  SettingType type;
  const char *fallback; /* NULL: must be given */
  const char *help;     /* with the unit */
  const char *words;    /* of a WORD, blank separated: it is one of them */
  gint64 min, max;      /* of a NUMBER */
} Setting;

#define NO_LIMIT G_MAXINT64

/* clang-format off */
#define ROW(g, k, f, h) .group = g, .key = k, .fallback = f, .help = h
#define TEXT(g, k, f, h) { ROW (g, k, f, h), .type = TYPE_TEXT }
#define WORD(g, k, f, w, h) { ROW (g, k, f, h), .type = TYPE_WORD, .words = w }
#define NUMBER(g, k, f, least, most, h) { ROW (g, k, f, h), .type = TYPE_NUMBER, .min = least, .max = most }
#define SWITCH(g, k, f, h) { ROW (g, k, f, h), .type = TYPE_SWITCH }

static const Setting settings[] = {
  TEXT ("domain", "name", NULL, "native name of the domain"),
  TEXT ("domain", "internet-domains", NULL, "Internet domains mail is taken for, blank separated; the first one is used in addresses"),
  TEXT ("domain", "host", "", "own host name in greetings, Received fields and message ids; empty: the first Internet domain with mail. in front"),
  TEXT ("domain", "timezone", "UTC", "IANA zone of times that name none"),
  TEXT ("domain", "postmaster", "", "user who gets mail for postmaster; empty: the first user"),
  TEXT ("domain", "post-offices", NULL, "native names of the post offices, ';' separated; each is a directory of that name"),

  TEXT ("smtp", "listen", "127.0.0.1:2525", "addresses to take mail from the Internet on, blank separated; port 0 picks a free one"),
  TEXT ("smtp", "submission", "127.0.0.1:2587", "addresses to take mail from our users on (AUTH wanted); empty: none"),
  TEXT ("smtp", "listen-tls", "", "the same with TLS from the first byte; empty: none"),
  NUMBER ("smtp", "max-message-size", "52428800", 1024, NO_LIMIT, "largest message taken, bytes"),
  NUMBER ("smtp", "max-recipients", "1000", 1, 100000, "most recipients of one message"),
  NUMBER ("smtp", "max-sessions", "5000", 1, 1000000, "most sessions at a time"),
  NUMBER ("smtp", "max-sessions-per-address", "1000", 1, 1000000, "most sessions at a time from one address"),
  NUMBER ("smtp", "max-errors", "20", 1, 100000, "wrong commands after which a session is ended"),
  NUMBER ("smtp", "idle-timeout", "300", 1, 86400, "silence after which a session is ended, seconds"),
  NUMBER ("smtp", "journal-limit", "131072", 0, 16777216, "messages larger than this many bytes become files of their own in receive/; 0: all do"),
  NUMBER ("smtp", "journal-segment", "16777216", 1048576, 1073741824, "size of a segment of the receive journal, bytes"),
  NUMBER ("smtp", "disk-reserve", "16777216", 0, NO_LIMIT, "free space below which mail is put off (452), bytes"),
  SWITCH ("smtp", "auth-without-tls", "false", "offer AUTH without TLS too (for tests on loopback)"),
  TEXT ("smtp", "relay-from", "", "networks (CIDR, blank separated) that may send to foreign domains without AUTH"),
  TEXT ("smtp", "relay", "", "host[:port] that takes all outgoing mail; empty: the MX of each domain"),
  TEXT ("smtp", "relay-user", "", "name for AUTH at the relay"),
  TEXT ("smtp", "relay-password", "", "password for AUTH at the relay"),
  TEXT ("smtp", "routes", "", "static routes: domain host[:port]; .domain host[:port]; ... (a leading dot stands for all subdomains; [address] needs no look-up)"),
  NUMBER ("smtp", "send-threads", "8", 1, 256, "deliveries at a time"),
  TEXT ("smtp", "retry", "300 600 1200 2400 14400", "seconds between tries, the last one repeats"),
  NUMBER ("smtp", "retry-limit", "345600", 1, 31536000, "age at which a message is given up, seconds"),
  NUMBER ("smtp", "delay-notice", "14400", 0, 31536000, "age at which the sender is told of the delay, seconds; 0: never"),
  NUMBER ("smtp", "connect-timeout", "60", 1, 3600, "seconds to wait for a connection"),
  NUMBER ("smtp", "command-timeout", "300", 1, 3600, "seconds to wait for an answer; the one after the data gets twice as long"),
  SWITCH ("smtp", "tls-verify", "false", "deliver only over TLS with a certificate that verifies"),

  TEXT ("tls", "certificate", "postern.crt", "certificate chain (PEM), relative to the directory"),
  TEXT ("tls", "key", "postern.pem", "its private key (PEM), mode 600"),

  TEXT ("directory", "address-formats", "user user.po user.po.domain first.last last.first initial-last", "formats in which addresses of our users are taken, blank separated"),
  TEXT ("directory", "alias-type", "GWIA", "type of the gateway aliases that count in Internet addresses"),

  TEXT ("dns", "server", "", "name server to ask, address or address@port; empty: those of the system"),

  NUMBER ("agent", "threads", "0", 0, 256, "conversions at a time; 0: one per processor"),
  TEXT ("agent", "site-charset", "windows-1252", "charset of 8-bit text that names none and is not UTF-8"),
  NUMBER ("agent", "correlation-age", "4", 1, 3650, "days for which statuses are tied to a sent message"),
  TEXT ("agent", "basic-domains", "", "Internet domains, blank separated, that get mail as it was before MIME: text in the site charset, files uuencoded; * for all"),
  SWITCH ("agent", "html-twin", "false", "mail in plain text gets an HTML body that says the same"),
  NUMBER ("agent", "past-invitations", "0", 0, 36500, "days after the end of an appointment from which on invitations to it, changes and cancellations are held back; 0: never"),
  SWITCH ("agent", "flat-forwarding", "false", "a message that is forwarded without a word goes on itself, with Resent- fields, not wrapped in another"),
  TEXT ("agent", "native-peers", "", "other Posterns, which get native messages sealed instead of MIME: domain key-file; domain key-file; ... (32 bytes, mode 600, the same on both sides)"),
  NUMBER ("agent", "partial-age", "5", 0, 3650, "days for which the pieces of a message (message/partial) wait for each other; 0: they are delivered as they come"),
  NUMBER ("agent", "partial-limit", "104857600", 0, NO_LIMIT, "largest message that is put together of pieces, bytes"),
  WORD ("agent", "recurrence", "simple", "simple full", "what receivers outside get of a series whose rule Exchange does not take and no equal rule says: simple (single items) or full (the rule)"),
  TEXT ("agent", "full-recurrence-domains", "", "Internet domains of receivers who get any rule all the same, blank separated; *: all"),
  NUMBER ("agent", "recurrence-singles", "60", 1, 1000, "most single items that are made of a series"),
  SWITCH ("agent", "tie-return-path", "false", "give each message a return path of its own (user+token), so that notices that name no message find theirs"),
  TEXT ("agent", "zone-years-domains", "", "Internet domains of receivers whose calendars take several years of a zone's rules, each as it is, blank separated; *: all; to others goes the pair of rules that holds at the event, as Exchange wants it"),
  SWITCH ("agent", "delivery-notification", "true", "ask servers outside to report deliveries (DSN) when the sender wants to know of them"),

  NUMBER ("ofs", "open-databases", "1024", 16, 16384, "mailboxes and message databases kept open at a time, per post office; each takes 150 KB and three descriptors"),
  NUMBER ("ofs", "series-days", "366", 1, 36500, "how far ahead the instances of a recurring item stand in a mailbox, days"),
  NUMBER ("ofs", "series-instances", "100", 1, 2000, "most instances of one recurring item in a mailbox"),
  TEXT ("ofs", "outlook-domains", "outlook.com hotmail.com live.com msn.com onmicrosoft.com", "Internet domains, with those below them, blank separated, whose calendars know the iTIP messages of Outlook only: instead of ADD they get the whole series, instead of DECLINECOUNTER a mail and the appointment as it is, instead of REFRESH a mail; *: all outside; who writes with Outlook is known from his messages"),
  WORD ("ofs", "busy-search", "inside", "none inside all", "whose searches for busy times are answered: none (nobody's), inside (those of the house and its gateways) or all (also those that come by Internet mail); others come into the mailbox"),
  NUMBER ("ofs", "batch", "256", 1, 4096, "most messages committed together"),

  NUMBER ("queue", "scan-interval", "10", 1, 3600, "seconds between scans that make up for a lost wake-up"),

  WORD ("log", "level", "info", "error warning info debug", "what is logged, this and what is worse: error, warning, info or debug"),
};
/* clang-format on */

static const Setting *
find_setting (const char *group, const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (g_str_equal (settings[i].group, group) && g_str_equal (settings[i].key, key))
      return &settings[i];
  return NULL;
}

/* Levenshtein distance, for the hint at a misspelt name. */
static guint
distance (const char *a, const char *b)
{
  gsize n = strlen (b);
  g_autofree guint *row = g_new (guint, n + 1);
  for (gsize j = 0; j <= n; j++)
    row[j] = (guint) j;
  for (gsize i = 0; a[i]; i++) {
    guint diagonal = row[0];
    row[0] = (guint) i + 1;
    for (gsize j = 0; j < n; j++) {
      guint above = row[j + 1];
      guint best = MIN (above, row[j]) + 1;
      row[j + 1] = MIN (best, diagonal + (a[i] != b[j]));
      diagonal = above;
    }
  }
  return row[n];
}

static const Setting *
nearest (const char *group, const char *key)
{
  const Setting *best = NULL;
  guint best_distance = G_MAXUINT;
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    guint d = distance (key, settings[i].key) + (g_str_equal (group, settings[i].group) ? 0 : 1);
    if (d < best_distance) {
      best_distance = d;
      best = &settings[i];
    }
  }
  return best;
}

static gboolean
is_word (const Setting *setting, const char *value)
{
  g_auto (GStrv) words = g_strsplit (setting->words, " ", -1);
  for (char **word = words; *word; word++)
    if (g_ascii_strcasecmp (*word, value) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
check_value (const Setting *setting, const char *value, const char *path, GError **error)
{
  char *end = NULL;
  gint64 number;
  switch (setting->type) {
  case TYPE_TEXT:
    return TRUE;
  case TYPE_WORD:
    if (is_word (setting, value))
      return TRUE;
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID, "%s: [%s] %s: '%s' is none of: %s", path,
                 setting->group, setting->key, value, setting->words);
    return FALSE;
  case TYPE_SWITCH:
    if (g_str_equal (value, "true") || g_str_equal (value, "false"))
      return TRUE;
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                 "%s: [%s] %s: '%s' is neither true nor false", path, setting->group, setting->key, value);
    return FALSE;
  case TYPE_NUMBER:
    number = g_ascii_strtoll (value, &end, 10);
    if (*value && end && !*end && number >= setting->min && number <= setting->max)
      return TRUE;
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                 "%s: [%s] %s: '%s' is not a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, path,
                 setting->group, setting->key, value, setting->min, setting->max);
    return FALSE;
  }
  g_assert_not_reached ();
}

static gboolean
check_file (GKeyFile *file, const char *path, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);
  for (char **group = groups; *group; group++) {
    g_auto (GStrv) keys = g_key_file_get_keys (file, *group, NULL, NULL);
    for (char **key = keys; keys && *key; key++) {
      const Setting *setting = find_setting (*group, *key);
      if (!setting) {
        const Setting *hint = nearest (*group, *key);
        g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                     "%s: [%s] %s: unknown setting; did you mean [%s] %s?", path, *group, *key, hint->group,
                     hint->key);
        return FALSE;
      }
      g_autofree char *value = g_key_file_get_string (file, *group, *key, error);
      if (!value || !check_value (setting, value, path, error))
        return FALSE;
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    const Setting *s = &settings[i];
    if (!s->fallback && !g_key_file_has_key (file, s->group, s->key, NULL)) {
      g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_MISSING, "%s: [%s] %s is missing: %s", path,
                   s->group, s->key, s->help);
      return FALSE;
    }
  }
  return TRUE;
}

/* Names become directories. */
static gboolean
check_name (const char *name, const char *what, const char *path, GError **error)
{
  if (*name && *name != '.' && !strpbrk (name, "/\\;:\"*?<>|") && strlen (name) <= 64
      && g_utf8_validate (name, -1, NULL))
    return TRUE;
  g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID, "%s: '%s' cannot be the name of a %s", path,
               name, what);
  return FALSE;
}

static gboolean
fill_names (PnConfig *self, const char *path, GError **error)
{
  self->domain = g_strdup (pn_config_string (self, "domain", "name"));
  if (!check_name (self->domain, "domain", path, error))
    return FALSE;

  g_autofree char *joined = g_strdup (pn_config_string (self, "domain", "internet-domains"));
  g_auto (GStrv) words = g_strsplit_set (joined, " \t,", -1);
  g_autoptr (GPtrArray) domains = g_ptr_array_new ();
  for (char **w = words; *w; w++)
    if (**w)
      g_ptr_array_add (domains, g_ascii_strdown (*w, -1));
  g_ptr_array_add (domains, NULL);
  self->internet_domains = (char **) g_ptr_array_free (g_steal_pointer (&domains), FALSE);
  if (!self->internet_domains[0]) {
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                 "%s: [domain] internet-domains names no domain", path);
    return FALSE;
  }
  self->internet_domain = g_strdup (self->internet_domains[0]);

  const char *host = pn_config_string (self, "domain", "host");
  self->host = *host ? g_strdup (host) : g_strconcat ("mail.", self->internet_domain, NULL);
  self->timezone = g_strdup (pn_config_string (self, "domain", "timezone"));
  self->postmaster = g_strdup (pn_config_string (self, "domain", "postmaster"));

  g_auto (GStrv) names = g_strsplit (pn_config_string (self, "domain", "post-offices"), ";", -1);
  for (char **n = names; *n; n++) {
    char *name = g_strstrip (*n);
    if (!*name)
      continue;
    if (!check_name (name, "post office", path, error))
      return FALSE;
    if (g_ascii_strcasecmp (name, self->domain) == 0) {
      g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID,
                   "%s: post office '%s' has the name of the domain", path, name);
      return FALSE;
    }
    PnPostOfficeConfig *office = g_new0 (PnPostOfficeConfig, 1);
    office->name = g_strdup (name);
    office->path = g_build_filename (self->root, name, NULL);
    g_ptr_array_add (self->post_offices, office);
  }
  if (self->post_offices->len == 0) {
    g_set_error (error, PN_CONFIG_ERROR, PN_CONFIG_ERROR_INVALID, "%s: [domain] post-offices names none",
                 path);
    return FALSE;
  }
  return TRUE;
}

static void
post_office_config_free (PnPostOfficeConfig *self)
{
  g_free (self->name);
  g_free (self->path);
  g_free (self);
}

char *
pn_config_find_dir (const char *dir)
{
  const char *env = g_getenv ("POSTERN_DIR");
  return g_canonicalize_filename (dir ? dir : env && *env ? env : ".", NULL);
}

PnConfig *
pn_config_load (const char *dir, GError **error)
{
  g_autoptr (PnConfig) self = g_new0 (PnConfig, 1);
  self->root = g_canonicalize_filename (dir, NULL);
  self->post_offices = g_ptr_array_new_with_free_func ((GDestroyNotify) post_office_config_free);
  self->file = g_key_file_new ();
  g_autofree char *path = g_build_filename (self->root, "postern.conf", NULL);
  if (!g_key_file_load_from_file (self->file, path, G_KEY_FILE_NONE, error)) {
    g_prefix_error (error, "%s: ", path);
    return NULL;
  }
  if (!check_file (self->file, path, error) || !fill_names (self, path, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
pn_config_free (PnConfig *self)
{
  if (!self)
    return;
  g_free (self->root);
  g_free (self->domain);
  g_free (self->internet_domain);
  g_strfreev (self->internet_domains);
  g_free (self->host);
  g_free (self->timezone);
  g_free (self->postmaster);
  g_clear_pointer (&self->post_offices, g_ptr_array_unref);
  g_clear_pointer (&self->file, g_key_file_free);
  g_free (self);
}

/* Values are interned: a program asks for few of them, and they live as long as it does. */
const char *
pn_config_string (const PnConfig *self, const char *group, const char *key)
{
  const Setting *setting = find_setting (group, key);
  g_assert (setting);
  g_autofree char *value = g_key_file_get_string (self->file, group, key, NULL);
  if (!value)
    return setting->fallback ? setting->fallback : "";
  return g_intern_string (value);
}

gint64
pn_config_integer (const PnConfig *self, const char *group, const char *key)
{
  return g_ascii_strtoll (pn_config_string (self, group, key), NULL, 10);
}

gboolean
pn_config_boolean (const PnConfig *self, const char *group, const char *key)
{
  return g_str_equal (pn_config_string (self, group, key), "true");
}

char *
pn_config_sample (const char *domain, const char *post_office, const char *internet_domain)
{
  GString *out = g_string_new (
      "# Settings of this Postern: postern.conf(5).  What is commented out shows the default.\n");
  const char *group = "";
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    const Setting *s = &settings[i];
    if (!g_str_equal (s->group, group))
      g_string_append_printf (out, "\n[%s]\n", s->group);
    group = s->group;
    g_string_append_printf (out, "# %s\n", s->help);
    if (s->fallback)
      g_string_append_printf (out, "#%s=%s\n", s->key, s->fallback);
    else
      g_string_append_printf (out, "%s=%s\n", s->key,
                              g_str_equal (s->key, "name")           ? domain
                              : g_str_equal (s->key, "post-offices") ? post_office
                                                                     : internet_domain);
  }
  return g_string_free (out, FALSE);
}

char *
pn_config_domain_path (const PnConfig *self, const char *below)
{
  return g_build_filename (self->root, self->domain, below, NULL);
}

char *
pn_config_gateway_path (const PnConfig *self, const char *below)
{
  return g_build_filename (self->root, self->domain, "WPGATE", "GWIA", below, NULL);
}

char *
pn_config_post_office_path (const PnConfig *self, const char *post_office, const char *below)
{
  for (guint i = 0; i < self->post_offices->len; i++) {
    const PnPostOfficeConfig *office = g_ptr_array_index (self->post_offices, i);
    if (g_ascii_strcasecmp (office->name, post_office) == 0)
      return g_build_filename (office->path, below, NULL);
  }
  return NULL;
}

char *
pn_config_key_path (const PnConfig *self)
{
  return g_build_filename (self->root, "postern.key", NULL);
}
