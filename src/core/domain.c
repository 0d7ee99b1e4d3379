#include "core/domain.h"

#include <idn2.h>
#include <string.h>

char *
pn_domain_to_ascii (const char *domain)
{
  char *out = NULL;
  int rc = idn2_to_ascii_8z (domain, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (rc != IDN2_OK)
    rc = idn2_to_ascii_8z (domain, &out, IDN2_TRANSITIONAL);
  if (rc != IDN2_OK)
    return NULL;
  char *copy = g_strdup (out);
  idn2_free (out);
  return copy;
}

/* In one case and form; what the DNS could not know is compared as it is. */
static char *
fold (const char *domain)
{
  char *ascii = g_str_is_ascii (domain) ? NULL : pn_domain_to_ascii (domain);
  return ascii ? ascii : g_ascii_strdown (domain, -1);
}

char **
pn_domains_parse (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \t,", -1);
  GPtrArray *domains = g_ptr_array_new ();
  for (char **word = words; *word; word++)
    if (**word)
      g_ptr_array_add (domains, fold (*word));
  g_ptr_array_add (domains, NULL);
  return (char **) g_ptr_array_free (domains, FALSE);
}

static gboolean
is_below (const char *folded, const char *name)
{
  gsize length = strlen (folded), n = strlen (name);
  return length > n && folded[length - n - 1] == '.' && strcmp (folded + length - n, name) == 0;
}

static gboolean
find (char *const *self, const char *domain, gboolean below)
{
  g_autofree char *folded = *self ? fold (domain) : NULL;
  for (; *self; self++)
    if (strcmp (*self, "*") == 0 || strcmp (*self, folded) == 0 || (below && is_below (folded, *self)))
      return TRUE;
  return FALSE;
}

gboolean
pn_domains_include (char *const *self, const char *domain)
{
  return find (self, domain, FALSE);
}

gboolean
pn_domains_cover (char *const *self, const char *domain)
{
  return find (self, domain, TRUE);
}
