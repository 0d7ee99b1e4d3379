/* Addresses as keyword files write them: component groups and strings. */
#include "convert/fields.h"

#include <string.h>

/* First and last name, as one display name. */
static char *
join_names (const char *first, const char *last)
{
  if (first && *first && last && *last)
    return g_strconcat (first, " ", last, NULL);
  return first && *first ? g_strdup (first) : last && *last ? g_strdup (last) : NULL;
}

/* A dotted "domain.po.user"; "0001:0001" is a position in the list of recipients. */
static gboolean
is_dotted_address (const char *cdba)
{
  return cdba && strchr (cdba, '.') && strspn (cdba, "0123456789:.") != strlen (cdba);
}

static void
note_loss (const PnKeyword *keyword, const char *reason, GPtrArray *problems)
{
  if (keyword->value && !*keyword->value)
    return;
  PnLoss *loss = g_new0 (PnLoss, 1);
  loss->part = g_strdup_printf ("keyword %s", keyword->name);
  loss->reason = g_strdup_printf ("\"%s\" %s", keyword->value ? keyword->value : "", reason);
  g_ptr_array_add (problems, loss);
}

PnAddress *
pn_address_from_entry (const PnKeyword *first, GPtrArray *problems)
{
  PnAddress *self = g_new0 (PnAddress, 1);
  const char *given = NULL, *surname = NULL, *cdba = NULL;
  for (const PnKeyword *keyword = first; keyword; keyword = keyword->next)
    switch (keyword->id) {
    case PN_NAME_FN:
    case PN_NAME_G:
      given = given ? given : keyword->value;
      break;
    case PN_NAME_LN:
    case PN_NAME_S:
      surname = surname ? surname : keyword->value;
      break;
    case PN_NAME_CDBA:
      cdba = keyword->value;
      break;
    case PN_NAME_DEPT:
    case PN_NAME_TTL:
    case PN_NAME_TEL:
    case PN_NAME_FAX:
      note_loss (keyword, "belongs to the address book and is not kept with an address", problems);
      break;
    case PN_NAME_UNKNOWN:
      note_loss (keyword, "is no part of an address that is known", problems);
      break;
    default:
      pn_field_read (&pn_address_type, self, keyword, problems);
    }
  if (!self->name)
    self->name = join_names (given, surname);
  if (!self->domain && !self->post_office && !self->user && is_dotted_address (cdba)) {
    g_autoptr (PnAddress) dotted = pn_address_from_string (cdba);
    self->domain = g_steal_pointer (&dotted->domain);
    self->post_office = g_steal_pointer (&dotted->post_office);
    self->user = g_steal_pointer (&dotted->user);
    if (!self->internet)
      self->internet = g_steal_pointer (&dotted->internet);
  }
  return self;
}

/* Without the quotes that may stand around one component ("domain.po."user@host""). */
static char *
unquote (const char *text)
{
  gsize length = strlen (text);
  if (length >= 2 && text[0] == '"' && text[length - 1] == '"')
    return g_strndup (text + 1, length - 2);
  return g_strdup (text);
}

PnAddress *
pn_address_from_string (const char *text)
{
  if (!*text)
    return pn_address_new (NULL, NULL, NULL);
  const char *at = strchr (text, '@'), *foreign = strstr (text, ".."), *quote = strstr (text, ".\"");
  /* "domain.po..user@host" and "domain..user@host": what follows the two dots is the outside address */
  if (foreign && at && foreign < at) {
    g_autofree char *before = g_strndup (text, foreign - text);
    g_auto (GStrv) parts = g_strsplit (before, ".", 2);
    PnAddress *self
        = pn_address_new (parts[0] && *parts[0] ? parts[0] : NULL, parts[0] ? parts[1] : NULL, NULL);
    self->internet = g_strdup (foreign + 2);
    return self;
  }
  if (at && !quote)
    return pn_address_new_internet (text, NULL);
  g_auto (GStrv) parts = g_strsplit (text, ".", 3);
  guint n = g_strv_length (parts);
  g_autofree char *user = unquote (parts[n - 1]);
  if (n == 3)
    return pn_address_new (parts[0], parts[1], user);
  return n == 2 ? pn_address_new (NULL, parts[0], user) : pn_address_new (NULL, NULL, user);
}

GPtrArray *
pn_addresses_from_keyword (const PnKeyword *keyword, const char *text, GPtrArray *problems)
{
  GPtrArray *addresses = g_ptr_array_new_with_free_func ((GDestroyNotify) pn_address_free);
  for (const PnKeywordEntry *entry = keyword->entries; entry; entry = entry->next)
    g_ptr_array_add (addresses, pn_address_from_entry (entry->first, problems));
  if (keyword->value) {
    g_auto (GStrv) values = pn_keyword_split (text + keyword->raw, keyword->raw_end - keyword->raw);
    for (guint i = 0; values[i]; i++)
      g_ptr_array_add (addresses, pn_address_from_string (values[i]));
  }
  return addresses;
}
