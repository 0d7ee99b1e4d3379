#include "smtp/session.h"

#include <string.h>

/* RFC 5321 4.5.3.1 allows 64 and 255; encapsulated native addresses are longer than the first. */
enum { MAX_LOCAL_PART = 256, MAX_DOMAIN = 255 };

static gboolean
is_atext (guchar c)
{
  return g_ascii_isalnum (c) || c >= 0x80 || (c && strchr ("!#$%&'*+-/=?^_`{|}~", c));
}

/* RFC 5321 4.1.2 Dot-string.  Dots in odd places are let pass, as many real addresses have them. */
static const char *
skip_dot_string (const char *at)
{
  while (is_atext ((guchar) *at) || *at == '.')
    at++;
  return at;
}

static const char *
skip_quoted_string (const char *at)
{
  for (at++; *at && *at != '"'; at++) {
    if ((guchar) *at < ' ' || *at == 127)
      return NULL;
    if (*at == '\\' && !*++at)
      return NULL;
  }
  return *at == '"' ? at + 1 : NULL;
}

static const char *
skip_domain (const char *at)
{
  if (*at == '[') {
    while (*at && *at != ']' && (guchar) *at > ' ')
      at++;
    return *at == ']' ? at + 1 : NULL;
  }
  const char *start = at;
  while (g_ascii_isalnum (*at) || (guchar) *at >= 0x80 || *at == '-' || *at == '_'
         || (*at == '.' && at > start && at[-1] != '.'))
    at++;
  /* A dot at the end is not of the grammar, but harmless: the caller cuts it off. */
  return at > start && *start != '-' ? at : NULL;
}

/* "@one,@two:" */
static const char *
skip_route (const char *at)
{
  while (*at == '@') {
    at = skip_domain (at + 1);
    if (!at)
      return NULL;
    if (*at == ',')
      at++;
    else if (*at == ':')
      return at + 1;
    else
      return NULL;
  }
  return at;
}

static PnPathResult
check_address (const char *address, gsize local_length, gsize length, gboolean utf8)
{
  if (local_length > MAX_LOCAL_PART || length - local_length > MAX_DOMAIN + 1)
    return PN_PATH_TOO_LONG;
  for (gsize i = 0; i < length; i++)
    if ((guchar) address[i] >= 0x80)
      return !utf8                                              ? PN_PATH_NOT_ASCII
             : g_utf8_validate (address, (gssize) length, NULL) ? PN_PATH_OK
                                                                : PN_PATH_SYNTAX;
  return PN_PATH_OK;
}

PnPathResult
pn_smtp_path_parse (char **at, gboolean utf8, char **address_out)
{
  const char *p = *at;
  *address_out = NULL;
  if (*p++ != '<')
    return PN_PATH_SYNTAX;
  if (*p == '>') {
    *at += 2;
    *address_out = g_strdup ("");
    return PN_PATH_OK;
  }
  p = skip_route (p);
  if (!p)
    return PN_PATH_SYNTAX;
  const char *local = p;
  p = *p == '"' ? skip_quoted_string (p) : skip_dot_string (p);
  if (!p || p == local)
    return PN_PATH_SYNTAX;
  gsize local_length = (gsize) (p - local);
  gboolean has_domain = *p == '@';
  if (has_domain && !(p = skip_domain (p + 1)))
    return PN_PATH_SYNTAX;
  if (*p != '>')
    return PN_PATH_SYNTAX;
  gsize length = (gsize) (p - local);
  if (has_domain && local[length - 1] == '.')
    length--;
  PnPathResult result = check_address (local, local_length, length, utf8);
  if (result != PN_PATH_OK)
    return result;
  *address_out = g_strndup (local, length);
  *at += p + 1 - *at;
  return has_domain ? PN_PATH_OK : PN_PATH_NO_DOMAIN;
}

gboolean
pn_smtp_parameter_next (char **at, char **key, char **value)
{
  char *p = *at;
  while (*p == ' ')
    p++;
  *at = p;
  if (!*p)
    return FALSE;
  *key = p;
  *value = NULL;
  while (g_ascii_isalnum (*p) || *p == '-')
    p++;
  if (p == *key || (*p && *p != ' ' && *p != '='))
    return FALSE;
  if (*p == '=') {
    *p++ = '\0';
    *value = p;
    while ((guchar) *p > ' ' && *p != 127)
      p++;
    if (p == *value)
      return FALSE;
  }
  if (*p && *p != ' ')
    return FALSE;
  if (*p)
    *p++ = '\0';
  *at = p;
  return TRUE;
}

gboolean
pn_smtp_is_xtext (const char *text)
{
  for (; *text; text++) {
    if (*text == '+') {
      if (!g_ascii_isxdigit (text[1]) || !g_ascii_isxdigit (text[2]))
        return FALSE;
      text += 2;
    } else if (*text < '!' || *text > '~' || *text == '=') {
      return FALSE;
    }
  }
  return TRUE;
}
