#include "convert/mime-header.h"

#include "convert/charset.h"

#include <string.h>

/* One element of an address list as it is collected. */
typedef struct {
  GString *phrase;     /* words outside of '<' '>', blanks collapsed */
  GString *route;      /* what stood between '<' and '>' */
  GString *comment;    /* the last comment at top level */
  gsize behind_route;  /* where the words behind the route begin in the phrase */
  gboolean have_route; /* also when it was empty */
  gboolean quoted;     /* a quoted string is in the phrase */
  gboolean at;         /* an '@' stands in the phrase outside of quotes: its ':' begins no group */
} Element;

static void
mailbox_clear (gpointer data)
{
  PnMailbox *mailbox = data;

  pn_address_free (mailbox->address);
  g_free (mailbox->group);
}

GArray *
pn_mailboxes_new (void)
{
  GArray *array = g_array_new (FALSE, FALSE, sizeof (PnMailbox));

  g_array_set_clear_func (array, mailbox_clear);
  return array;
}

static void
element_reset (Element *element)
{
  g_string_truncate (element->phrase, 0);
  g_string_truncate (element->route, 0);
  g_string_truncate (element->comment, 0);
  element->behind_route = 0;
  element->have_route = element->at = element->quoted = FALSE;
}

static const char *
read_comment (const char *p, const char *end, GString *out)
{
  int depth = 0;

  g_string_truncate (out, 0);
  for (; p < end; p++) {
    if (*p == '\\' && p + 1 < end) {
      g_string_append_c (out, *++p);
      continue;
    }
    if (*p == ')' && --depth == 0)
      return p + 1;
    if (depth > 0)
      g_string_append_c (out, *p);
    if (*p == '(')
      depth++;
  }
  return end;
}

/* A quoted string into OUT, without its quotes when UNQUOTE. */
static const char *
read_quoted (const char *p, const char *end, GString *out, gboolean unquote)
{
  if (!unquote)
    g_string_append_c (out, '"');
  for (p++; p < end && *p != '"'; p++) {
    if (*p == '\\' && p + 1 < end) {
      if (!unquote)
        g_string_append_c (out, *p);
      p++;
    }
    g_string_append_c (out, *p);
  }
  if (!unquote)
    g_string_append_c (out, '"');
  return p < end ? p + 1 : end;
}

/* "<@relay:user@host>": from '<' on; blanks and comments in it mean nothing.  A missing '>' ends at the
 * comma. */
static const char *
read_route (const char *p, const char *end, Element *element)
{
  g_autoptr (GString) ignored = NULL;
  gboolean at = FALSE; /* an '@' is in the route */

  element->have_route = TRUE;
  g_string_truncate (element->route, 0);
  for (p++; p < end && *p != '>';) {
    if (*p == '"') {
      gsize before = element->route->len;
      p = read_quoted (p, end, element->route, FALSE);
      at = at || memchr (element->route->str + before, '@', element->route->len - before) != NULL;
    } else if (*p == '(') {
      if (ignored == NULL)
        ignored = g_string_new (NULL);
      p = read_comment (p, end, ignored);
    } else if ((*p == ',' && element->route->len > 0 && element->route->str[0] != '@') || (*p == ';' && at)) {
      return p;
    } else {
      at = at || *p == '@';
      if (!g_ascii_isspace (*p) && *p != '<' && *p != '\0')
        g_string_append_c (element->route, *p);
      p++;
    }
  }
  while (p < end && *p == '>')
    p++;
  element->behind_route = element->phrase->len;
  return p;
}

static void
append_blank (GString *phrase)
{
  if (phrase->len > 0 && phrase->str[phrase->len - 1] != ' ')
    g_string_append_c (phrase, ' ');
}

/* The addr-spec without the route of RFC 822 and the scheme of a link. */
static char *
clean_addr_spec (const char *text, gsize length)
{
  const char *p = text, *end = text + length;

  if (length > 7 && g_ascii_strncasecmp (p, "mailto:", 7) == 0)
    p += 7;
  if (p < end && *p == '@') {
    const char *colon = memchr (p, ':', end - p);
    if (colon != NULL)
      p = colon + 1;
  }
  while (p < end && (end[-1] == '.' || end[-1] == ',' || end[-1] == '>'))
    end--;
  if (end - p > 2 && *p == '\'' && end[-1] == '\'') {
    p++;
    end--;
  }
  return g_strndup (p, end - p);
}

static char *
decode_name (const char *text, gsize length, PnHeaderContext *context)
{
  char *name = length > 0 ? pn_header_decode (text, length, context) : NULL;

  /* Quotes around an encoded word, or doubled ones, are not part of the name. */
  if (name != NULL && strlen (name) >= 2 && name[0] == '"' && name[strlen (name) - 1] == '"') {
    char *inner = g_strstrip (g_strndup (name + 1, strlen (name) - 2));
    g_free (name);
    name = inner;
  }
  if (name != NULL && name[0] == '\0')
    g_clear_pointer (&name, g_free);
  return name;
}

/* "undisclosed-recipients" and the like, in a field that may not be empty, are nobody. */
static gboolean
is_placeholder (const char *text)
{
  static const char *const words[] = { "undisclosed", "unlisted-recipients", "unlisted recipients" };

  for (guint i = 0; text != NULL && i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strncasecmp (text, words[i], strlen (words[i])) == 0)
      return TRUE;
  return text != NULL && g_str_has_suffix (text, ":;");
}

static gboolean
is_atom (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("!#$%&'*+-/=?^_`{|}~.", *p) == NULL)
      return FALSE;
  return text[0] != '\0' && strstr (text, "=?") == NULL;
}

/* Blanks around the '@' and the dots of a domain, which RFC 822 allowed. */
static void
join_addr_spec (GString *phrase)
{
  g_autofree char *text = g_strndup (phrase->str, phrase->len);
  gboolean domain = FALSE;

  g_string_truncate (phrase, 0);
  for (const char *p = text; *p != '\0'; p++) {
    if (*p == ' '
        && (p[1] == '@' || (p > text && p[-1] == '@') || (domain && p[1] == '.')
            || (domain && p > text + 1 && p[-1] == '.' && p[-2] == ' ')))
      continue;
    domain = *p == '@' || (domain && *p != ' ');
    g_string_append_c (phrase, *p);
  }
}

static void
add_mailbox (GArray *mailboxes, const char *group, char *internet, char *name)
{
  PnMailbox mailbox = { NULL, NULL };

  if (internet != NULL && internet[0] == '\0')
    g_clear_pointer (&internet, g_free);
  if ((internet == NULL || strchr (internet, '@') == NULL)
      && is_placeholder (name != NULL ? name : internet)) {
    g_clear_pointer (&internet, g_free);
    g_clear_pointer (&name, g_free);
  }
  if (internet != NULL || name != NULL) {
    mailbox.address = pn_address_new_internet (internet, name);
    mailbox.group = g_strdup (group);
    g_array_append_val (mailboxes, mailbox);
  }
  g_free (internet);
  g_free (name);
}

/* An addr-spec; some senders encode that too. */
static char *
read_addr_spec (const char *text, gsize length, PnHeaderContext *context)
{
  if (memmem (text, length, "=?", 2) == NULL)
    return clean_addr_spec (text, length);
  g_autofree char *decoded = pn_header_decode (text, length, context);
  return clean_addr_spec (decoded, strlen (decoded));
}

/* "[mailto:a@example.com]" or "[SMTP:a@example.com]" */
static char *
find_link (char *name)
{
  char *open = strrchr (name, '[');

  return open != NULL
                 && (g_ascii_strncasecmp (open + 1, "mailto:", 7) == 0
                     || g_ascii_strncasecmp (open + 1, "smtp:", 5) == 0)
             ? open
             : NULL;
}

static char *
read_link (const char *text)
{
  if (g_ascii_strncasecmp (text, "smtp:", 5) == 0)
    text += 5;
  return clean_addr_spec (text, strcspn (text, "> ]"));
}

/* A phrase without '<' '>': one addr-spec, or words among which addresses stand. */
static void
finish_bare (Element *element, PnHeaderContext *context, const char *group, GArray *mailboxes, guint limit)
{
  GString *phrase = element->phrase;

  if (element->at)
    join_addr_spec (phrase);
  char *at = memchr (phrase->str, '@', phrase->len);
  if (at == NULL && !element->quoted && is_atom (phrase->str)) {
    /* A mailbox of the host that wrote it. */
    add_mailbox (mailboxes, group, g_strdup (phrase->str),
                 decode_name (element->comment->str, element->comment->len, context));
    return;
  }
  if (phrase->str[0] == '"' && at != NULL) {
    add_mailbox (mailboxes, group, clean_addr_spec (phrase->str, phrase->len),
                 decode_name (element->comment->str, element->comment->len, context));
    return;
  }
  if (at == NULL || !element->at) {
    char *name = decode_name (phrase->str, phrase->len, context);
    char *open = name != NULL ? strrchr (name, '<') : NULL;
    char *internet = NULL;
    if (open == NULL && name != NULL)
      open = find_link (name);
    /* The whole mailbox was put into an encoded word, or came from where Outlook shows it. */
    if (open != NULL && strchr (open, '@') != NULL) {
      internet = read_link (open + 1);
      *open = '\0';
      g_strstrip (name);
      if (name[0] == '\0')
        g_clear_pointer (&name, g_free);
    } else if (name != NULL && strchr (name, '@') != NULL && strchr (name, ' ') == NULL) {
      internet = clean_addr_spec (name, strlen (name));
      g_clear_pointer (&name, g_free);
    }
    add_mailbox (mailboxes, group, internet, name);
    return;
  }

  g_autoptr (GString) words = g_string_new (NULL);
  guint before = mailboxes->len;
  const char *end = phrase->str + phrase->len, *next;
  for (const char *word = phrase->str; word < end; word = next + 1) {
    next = memchr (word, ' ', end - word);
    if (next == NULL)
      next = end;
    if (memchr (word, '@', next - word) != NULL && mailboxes->len < limit) {
      char *name = NULL;
      if (mailboxes->len == before)
        name = words->len > 0 ? decode_name (words->str, words->len, context)
                              : decode_name (element->comment->str, element->comment->len, context);
      add_mailbox (mailboxes, group, read_addr_spec (word, next - word, context), name);
    } else {
      append_blank (words);
      g_string_append_len (words, word, next - word);
    }
  }
}

/* "Smith, John <john@example.com>" without the quotes that it needs: the name is taken back from the mailbox
 * that it was taken for.  Takes NAME. */
static char *
take_family_name (GArray *mailboxes, const char *group, char *name)
{
  const PnMailbox *last
      = mailboxes->len > 0 ? &g_array_index (mailboxes, PnMailbox, mailboxes->len - 1) : NULL;

  if (last == NULL || g_strcmp0 (last->group, group) != 0)
    return name;
  const PnAddress *address = last->address;
  const char *family = address->name == NULL       ? address->internet
                       : address->internet == NULL ? address->name
                                                   : NULL;
  if (family == NULL || strchr (family, '@') != NULL || g_ascii_islower (family[0]) || strlen (family) > 64)
    return name;
  char *whole = g_strconcat (family, ", ", name, NULL);
  g_array_set_size (mailboxes, mailboxes->len - 1);
  g_free (name);
  return whole;
}

static void
finish_element (Element *element, PnHeaderContext *context, const char *group, GArray *mailboxes, guint limit)
{
  GString *phrase = element->phrase;

  while (phrase->len > 0 && phrase->str[phrase->len - 1] == ' ')
    g_string_truncate (phrase, phrase->len - 1);
  if (element->have_route) {
    char *internet = read_addr_spec (element->route->str, element->route->len, context);
    char *name = decode_name (phrase->str, phrase->len, context);
    if (name == NULL)
      name = decode_name (element->comment->str, element->comment->len, context);
    if (name != NULL && !element->quoted && strchr (internet, '@') != NULL)
      name = take_family_name (mailboxes, group, name);
    if (internet[0] != '\0' || name != NULL)
      add_mailbox (mailboxes, group, internet, name);
    else
      g_free (internet), g_free (name);
  } else if (phrase->len > 0) {
    finish_bare (element, context, group, mailboxes, limit);
  }
  element_reset (element);
}

/* Undeclared 8-bit is made UTF-8 before the grammar is applied, so that no byte of another charset is taken
 * for punctuation. */
static char *
to_utf8 (const char *raw, gsize length, PnHeaderContext *context, gsize *out_length)
{
  PnCharsetResult result;
  char *text = pn_charset_decode (raw, length, NULL, context->charset, FALSE, out_length, &result);

  context->damaged += result.invalid;
  return text;
}

/* Behind the encoded word at P, in which commas and the like mean nothing; NULL if none is there. */
static const char *
skip_encoded_word (const char *p, const char *end)
{
  const char *limit = MIN (end, p + 512);
  guint marks = 0;

  if (end - p < 8 || p[0] != '=' || p[1] != '?')
    return NULL;
  for (p += 2; p < limit; p++) {
    if (*p != '?')
      continue;
    if (++marks > 2)
      return p + 1 < end && p[1] == '=' ? p + 2 : NULL;
    if (marks == 2 && p[-2] != '?')
      return NULL;
  }
  return NULL;
}

typedef struct {
  const char *p, *end;
  const char *semicolon; /* the next behind P, once it was looked for; END: there is none */
  Element element;
  char *group;
  gboolean in_group;
  gboolean missing_comma; /* the words behind the route belong to the next mailbox */
} ListReader;

/* A quoted string of a name, or the local part of an addr-spec without brackets. */
static const char *
read_phrase_quoted (const char *p, const char *end, Element *element)
{
  gsize mark = element->phrase->len;
  const char *stop = read_quoted (p, end, element->phrase, TRUE);

  element->quoted = TRUE;
  if (stop == end || *stop != '@')
    return stop;
  g_string_truncate (element->phrase, mark);
  return read_quoted (p, end, element->phrase, FALSE);
}

/* How replies and forwarded mail are marked: subjects that got among the names. */
static gboolean
is_reply_mark (const GString *phrase)
{
  static const char *const marks[]
      = { "re", "fw", "fwd", "aw", "wg", "antw", "sv", "vs", "vb", "tr", "rv", "res", "enc", "rif", NULL };
  g_autofree char *word = phrase->len <= 4 ? g_ascii_strdown (phrase->str, -1) : NULL;

  return word != NULL && g_strv_contains (marks, word);
}

/* Whether the ':' at reader->p begins a group, as "Team: a@example.com;" does, also if its ';' is missing. */
static gboolean
begins_group (ListReader *reader)
{
  const Element *element = &reader->element;
  const char *p = reader->p, *end = reader->end;

  if (reader->in_group || element->have_route || element->at || element->phrase->len == 0
      || g_ascii_strcasecmp (element->phrase->str, "mailto") == 0)
    return FALSE;
  if (!element->quoted && is_reply_mark (element->phrase))
    return FALSE;
  if (reader->semicolon == NULL || reader->semicolon < p) {
    reader->semicolon = memchr (p, ';', end - p);
    if (reader->semicolon == NULL)
      reader->semicolon = end;
  }
  if (reader->semicolon < end)
    return TRUE;
  const char *limit = MIN (end, p + 256), *comma = memchr (p, ',', limit - p);
  gsize length = (comma != NULL ? comma : limit) - p;
  return comma != NULL && memchr (p, '@', length) != NULL && memchr (p, '<', length) == NULL;
}

/* One token of the list; TRUE when it ended an element. */
static gboolean
read_token (ListReader *reader, PnHeaderContext *context)
{
  Element *element = &reader->element;
  const char *p = reader->p, *end = reader->end;
  gboolean ended = FALSE;

  switch (*p) {
  case '"':
    p = read_phrase_quoted (p, end, element);
    break;
  case '(':
    p = read_comment (p, end, element->comment);
    if (element->at)
      append_blank (element->phrase); /* as which it counts in a domain */
    break;
  case '<':
    /* The comma between two mailboxes is missing. */
    if (element->route->len > 0) {
      reader->missing_comma = TRUE;
      return TRUE;
    }
    p = read_route (p, end, element);
    break;
  case ':':
    if (!begins_group (reader)) {
      g_string_append_c (element->phrase, ':');
    } else {
      reader->group = decode_name (element->phrase->str, element->phrase->len, context);
      reader->in_group = TRUE;
      element_reset (element);
    }
    p++;
    break;
  case ',':
  case ';':
    ended = TRUE;
    break;
  case ' ':
  case '\t':
  case '\r':
  case '\n':
  case '\0':
    append_blank (element->phrase);
    p++;
    break;
  case '[': {
    const char *stop = memchr (p, ']', MIN (end - p, 128));
    stop = stop != NULL ? stop + 1 : p + 1;
    g_string_append_len (element->phrase, p, stop - p);
    p = stop;
    break;
  }
  default: {
    const char *start = p, *behind = skip_encoded_word (p, end);
    if (behind != NULL) {
      g_string_append_len (element->phrase, p, behind - p);
      p = behind;
      break;
    }
    while (p < end && strchr ("\"(<:,; \t\r\n[", *p) == NULL && *p != '\0')
      p++;
    element->at = element->at || memchr (start, '@', p - start) != NULL;
    g_string_append_len (element->phrase, start, p - start);
  }
  }
  reader->p = p;
  return ended;
}

/* Ends the element at its route; what stood behind begins the next. */
static void
divide_element (ListReader *reader, PnHeaderContext *context, GArray *mailboxes, guint limit)
{
  Element *element = &reader->element;
  g_autofree char *behind = g_strdup (element->phrase->str + element->behind_route);

  g_string_truncate (element->phrase, element->behind_route);
  finish_element (element, context, reader->group, mailboxes, limit);
  g_string_append (element->phrase, g_strchug (behind));
  reader->missing_comma = FALSE;
}

gboolean
pn_header_parse_addresses (const char *raw, gsize length, PnHeaderContext *context, GArray *mailboxes,
                           guint limit)
{
  gsize converted = length;
  g_autofree char *text
      = pn_charset_is_ascii (raw, length) ? NULL : to_utf8 (raw, length, context, &converted);
  ListReader reader = { .p = text != NULL ? text : raw };
  gboolean complete = TRUE;

  reader.end = reader.p + converted;
  reader.element.phrase = g_string_new (NULL);
  reader.element.route = g_string_new (NULL);
  reader.element.comment = g_string_new (NULL);
  while (reader.p < reader.end && complete) {
    if (!read_token (&reader, context))
      continue;
    if (reader.missing_comma) {
      divide_element (&reader, context, mailboxes, limit);
    } else {
      finish_element (&reader.element, context, reader.group, mailboxes, limit);
      if (*reader.p++ == ';') {
        g_clear_pointer (&reader.group, g_free);
        reader.in_group = FALSE;
      }
    }
    complete = mailboxes->len < limit || reader.p == reader.end;
  }
  if (complete)
    finish_element (&reader.element, context, reader.group, mailboxes, limit);
  g_free (reader.group);
  g_string_free (reader.element.phrase, TRUE);
  g_string_free (reader.element.route, TRUE);
  g_string_free (reader.element.comment, TRUE);
  return complete;
}
