/* Internet domains: the form the DNS knows, and the lists of them that settings hold. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A domain with its labels in the form the DNS knows (IDNA 2008); NULL if it cannot be one.  Caller frees. */
char *pn_domain_to_ascii (const char *domain);

/* The domains in TEXT, separated by blanks or commas; "*" stands for all.  Free with g_strfreev(). */
char **pn_domains_parse (const char *text);
/* Whether DOMAIN is one of those, in whatever case and form; one below them is not. */
gboolean pn_domains_include (char *const *self, const char *domain);
/* Whether DOMAIN is one of those or lies below one. */
gboolean pn_domains_cover (char *const *self, const char *domain);

G_END_DECLS
