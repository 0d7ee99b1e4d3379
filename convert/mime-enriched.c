#include "convert/mime-enriched.h"

#include <string.h>

#include "convert/ascii.h"
#include "convert/number.h"
#include "convert/text-twin.h"

/* A command and the element that shows it.  What a parameter says goes into an attribute. */
typedef struct {
  const char *name;
  const char *open, *close;
  const char *attribute; /* printf format of the parameter's place, or NULL */
  gboolean block;        /* begins and ends a line */
} Command;

/* Sorted by name. */
static const Command commands[] = {
  { "bigger", "<span style=\"font-size:larger\">", "</span>", NULL, FALSE },
  { "bold", "<b>", "</b>", NULL, FALSE },
  { "center", "<div style=\"text-align:center\">", "</div>", NULL, TRUE },
  { "color", "<span>", "</span>", "<span style=\"color:%s\">", FALSE },
  { "comment", NULL, NULL, NULL, FALSE },
  { "excerpt", "<blockquote>", "</blockquote>", NULL, TRUE },
  { "fixed", "<tt>", "</tt>", NULL, FALSE },
  { "flushboth", "<div style=\"text-align:justify\">", "</div>", NULL, TRUE },
  { "flushleft", "<div style=\"text-align:left\">", "</div>", NULL, TRUE },
  { "flushright", "<div style=\"text-align:right\">", "</div>", NULL, TRUE },
  { "fontfamily", "<span>", "</span>", "<span style=\"font-family:%s\">", FALSE },
  { "heading", "<h3>", "</h3>", NULL, TRUE },
  { "indent", "<div style=\"margin-left:2em\">", "</div>", NULL, TRUE },
  { "indentright", "<div style=\"margin-right:2em\">", "</div>", NULL, TRUE },
  { "italic", "<i>", "</i>", NULL, FALSE },
  { "lang", "<span>", "</span>", "<span lang=\"%s\">", FALSE },
  { "nofill", "<pre>", "</pre>", NULL, TRUE },
  { "paragraph", "<p>", "</p>", NULL, TRUE },
  { "paraindent", "<div>", "</div>", NULL, TRUE },
  { "smaller", "<span style=\"font-size:smaller\">", "</span>", NULL, FALSE },
  { "subscript", "<sub>", "</sub>", NULL, FALSE },
  { "superscript", "<sup>", "</sup>", NULL, FALSE },
  { "underline", "<u>", "</u>", NULL, FALSE },
  { "verbatim", "<pre>", "</pre>", NULL, TRUE },
};

/* Elements open at once; what is opened deeper is read, but not shown. */
enum { MAX_OPEN = 200, MAX_NAME = 60, MAX_PARAMETER = 200 };

typedef struct {
  const char *p, *end;
  gboolean html, richtext;
  GString *out;
  const Command *open[MAX_OPEN];
  guint n_open;
  guint hidden;   /* depth of "comment" */
  guint nofill;   /* depth of "nofill" and "verbatim" */
  gboolean param; /* a "</param>" may still follow */
} Reader;

gboolean
pn_enriched_is (const char *type)
{
  return strcmp (type, "text/enriched") == 0 || strcmp (type, "text/richtext") == 0;
}

static const Command *
find_command (const char *name)
{
  guint low = 0, high = G_N_ELEMENTS (commands);

  while (low < high) {
    guint middle = (low + high) / 2;
    int order = strcmp (name, commands[middle].name);
    if (order == 0)
      return &commands[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

static void
put (Reader *self, const char *text, gsize length)
{
  if (self->hidden > 0)
    return;
  if (self->html)
    pn_html_append_escaped (self->out, text, length);
  else
    g_string_append_len (self->out, text, (gssize) length);
}

static void
put_break (Reader *self)
{
  if (self->hidden == 0)
    g_string_append (self->out, self->html && self->nofill == 0 ? "<br>\n" : "\n");
}

/* In plain text a block begins in a line of its own. */
static void
end_line (Reader *self)
{
  if (!self->html && self->hidden == 0 && self->out->len > 0 && self->out->str[self->out->len - 1] != '\n')
    g_string_append_c (self->out, '\n');
}

/* "red", or "ffff,0000,0000": sixteen bits each of red, green and blue. */
static char *
read_color (const char *value)
{
  guint64 part[3];
  g_auto (GStrv) words = g_strsplit (value, ",", 4);

  if (g_strv_length (words) != 3)
    return g_strdup (value);
  for (guint i = 0; i < 3; i++)
    if (!pn_number_parse (g_strstrip (words[i]), 16, 0, 0xFFFF, &part[i]))
      return g_strdup (value);
  return g_strdup_printf ("#%02x%02x%02x", (guint) part[0] >> 8, (guint) part[1] >> 8, (guint) part[2] >> 8);
}

/* What stands between "<param>" and "</param>" at P, as far as it can do no harm in an attribute; NULL if
 * there is none. */
static char *
read_parameter (Reader *self)
{
  if (!self->param || self->end - self->p < 7 || g_ascii_strncasecmp (self->p, "<param>", 7) != 0)
    return NULL;
  const char *start = self->p + 7, *stop = pn_ascii_casestr (start, "</param>");
  if (stop == NULL || stop > self->end) {
    self->param = FALSE;
    return NULL;
  }
  self->p = stop + 8;
  GString *value = g_string_new (NULL);
  for (const char *q = start; q < stop && value->len < MAX_PARAMETER; q++)
    if (g_ascii_isalnum (*q) || strchr ("#,-. _", *q) != NULL)
      g_string_append_c (value, *q);
  return g_string_free (value, FALSE);
}

static void
open_command (Reader *self, const Command *command)
{
  g_autofree char *parameter = read_parameter (self);

  if (self->n_open == MAX_OPEN)
    return;
  self->open[self->n_open++] = command;
  if (command->open == NULL) {
    self->hidden++;
    return;
  }
  if (command->block)
    end_line (self);
  if (strcmp (command->open, "<pre>") == 0)
    self->nofill++;
  if (!self->html || self->hidden > 0)
    return;
  if (command->attribute == NULL || parameter == NULL || parameter[0] == '\0') {
    g_string_append (self->out, command->open);
    return;
  }
  g_autofree char *value
      = strcmp (command->name, "color") == 0 ? read_color (parameter) : g_strdup (parameter);
  const char *place = strstr (command->attribute, "%s");
  g_string_append_len (self->out, command->attribute, place - command->attribute);
  g_string_append (self->out, value);
  g_string_append (self->out, place + 2);
}

static void
close_last (Reader *self)
{
  const Command *command = self->open[--self->n_open];

  if (command->open == NULL) {
    self->hidden--;
    return;
  }
  if (strcmp (command->open, "<pre>") == 0)
    self->nofill--;
  if (self->html && self->hidden == 0)
    g_string_append (self->out, command->close);
  else if (command->block)
    end_line (self);
}

/* Commands are balanced by the letter; one that is closed out of order closes those inside of it. */
static void
close_command (Reader *self, const Command *command)
{
  for (guint i = self->n_open; i-- > 0;)
    if (self->open[i] == command) {
      while (self->n_open > i)
        close_last (self);
      return;
    }
}

/* At '<'.  FALSE if no command begins there. */
static gboolean
read_command (Reader *self)
{
  const char *p = self->p + 1;
  gboolean closing = p < self->end && *p == '/';
  char name[MAX_NAME + 1];
  gsize n = 0;

  if (closing)
    p++;
  for (; p < self->end && n < MAX_NAME && (g_ascii_isalnum (*p) || *p == '-'); p++)
    name[n++] = g_ascii_tolower (*p);
  name[n] = '\0';
  if (n == 0 || p == self->end || *p != '>')
    return FALSE;
  if (strcmp (name, "param") == 0 && !closing) {
    g_free (read_parameter (self)); /* of a command that is not known */
    if (self->p < p)
      self->p = p + 1;
    return TRUE;
  }
  self->p = p + 1;
  if (self->richtext && strcmp (name, "lt") == 0)
    put (self, "<", 1);
  else if (self->richtext && (strcmp (name, "nl") == 0 || strcmp (name, "np") == 0))
    put_break (self);
  const Command *command = find_command (name);
  if (command != NULL && closing)
    close_command (self, command);
  else if (command != NULL)
    open_command (self, command);
  return TRUE;
}

/* One line end is a blank, more are one less; in richtext all are blanks. */
static void
read_line_ends (Reader *self)
{
  gsize n = 0;

  for (; self->p < self->end && *self->p == '\n'; self->p++)
    n++;
  if (self->nofill > 0) {
    for (; n > 0; n--)
      put_break (self);
  } else if (self->richtext || (n == 1 && self->p < self->end)) {
    put (self, " ", 1);
  } else {
    for (n -= n > 1; n > 0; n--)
      put_break (self);
  }
}

static void
read_all (Reader *self)
{
  while (self->p < self->end) {
    const char *start = self->p;
    if (*start == '\n') {
      read_line_ends (self);
    } else if (*start == '<' && self->end - start >= 2 && start[1] == '<' && !self->richtext) {
      put (self, "<", 1);
      self->p += 2;
    } else if (*start != '<') {
      while (self->p < self->end && *self->p != '<' && *self->p != '\n')
        self->p++;
      put (self, start, (gsize) (self->p - start));
    } else if (!read_command (self)) {
      put (self, "<", 1);
      self->p++;
    }
  }
  while (self->n_open > 0)
    close_last (self);
}

char *
pn_enriched_to_text (const char *text, gsize length, gboolean richtext, gsize *out_length)
{
  Reader self = { .p = text, .end = text + length, .richtext = richtext, .param = TRUE };

  self.out = g_string_sized_new (length + 1);
  read_all (&self);
  *out_length = self.out->len;
  return g_string_free (self.out, FALSE);
}

char *
pn_enriched_to_html (const char *text, gsize length, gboolean richtext, gsize *out_length)
{
  Reader self = { .p = text, .end = text + length, .html = TRUE, .richtext = richtext, .param = TRUE };

  self.out = g_string_sized_new (length + length / 8 + 200);
  g_string_append (self.out, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n");
  read_all (&self);
  g_string_append (self.out, "\n</body></html>\n");
  *out_length = self.out->len;
  return g_string_free (self.out, FALSE);
}
