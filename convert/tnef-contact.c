/* Contacts and distribution lists: a card (RFC 2426) beside the text. */
#include "convert/tnef-private.h"

#include "convert/ical-private.h"
#include "convert/mime-header.h"

#include <string.h>

enum {
  DISPLAY_NAME = 0x3001,
  GIVEN_NAME = 0x3A06,
  SURNAME = 0x3A11,
  MIDDLE_NAME = 0x3A44,
  PREFIX = 0x3A45,
  SUFFIX = 0x3A05,
  COMPANY = 0x3A16,
  DEPARTMENT = 0x3A18,
  BIRTHDAY = 0x3A42,
  SUBJECT = 0x0037
};

typedef struct {
  guint id; /* of a named property, in PN_SET_ADDRESS, from 0x8000 on */
  const char *line;
} Line;

static const Line lines[] = { { 0x3A17, "TITLE:" },
                              { 0x3A4F, "NICKNAME:" },
                              { 0x3A08, "TEL;TYPE=WORK,VOICE:" },
                              { 0x3A1B, "TEL;TYPE=WORK,VOICE:" },
                              { 0x3A09, "TEL;TYPE=HOME,VOICE:" },
                              { 0x3A2F, "TEL;TYPE=HOME,VOICE:" },
                              { 0x3A1C, "TEL;TYPE=CELL:" },
                              { 0x3A1E, "TEL;TYPE=CAR:" },
                              { 0x3A1F, "TEL;TYPE=VOICE:" },
                              { 0x3A21, "TEL;TYPE=PAGER:" },
                              { 0x3A24, "TEL;TYPE=WORK,FAX:" },
                              { 0x3A25, "TEL;TYPE=HOME,FAX:" },
                              { 0x3A51, "URL:" },
                              { 0x3A50, "URL:" },
                              { 0x8083, "EMAIL;TYPE=INTERNET,PREF:" },
                              { 0x8093, "EMAIL;TYPE=INTERNET:" },
                              { 0x80A3, "EMAIL;TYPE=INTERNET:" },
                              { 0x8062, "IMPP:" } };

/* Street, town, region, code and country of an address. */
typedef struct {
  const char *line;
  guint ids[5];
} Place;

static const Place places[] = { { "ADR;TYPE=HOME:;", { 0x3A5D, 0x3A59, 0x3A5C, 0x3A5B, 0x3A5A } },
                                { "ADR;TYPE=WORK:;", { 0x8045, 0x8046, 0x8047, 0x8048, 0x8049 } },
                                { "ADR:;", { 0x3A29, 0x3A27, 0x3A28, 0x3A2A, 0x3A26 } } };

static char *
text_of (const PnTnef *self, guint id)
{
  const PnMapiProperty *property = id >= 0x8000 ? pn_mapi_find_named (self->properties, PN_SET_ADDRESS, id)
                                                : pn_mapi_find (self->properties, id);
  return pn_tnef_text (self, property);
}

static void
put_line (GString *card, GString *line)
{
  pn_ical_put_line (card, line->str, line->len);
  g_string_truncate (line, 0);
}

/* The texts of IDS with ';' between them.  FALSE if there is none: then LINE is as it was. */
static gboolean
append_fields (const PnTnef *self, GString *line, const guint *ids, guint count)
{
  gboolean any = FALSE;
  gsize before = line->len;
  for (guint i = 0; i < count; i++) {
    g_autofree char *text = text_of (self, ids[i]);
    any = any || text;
    if (i > 0)
      g_string_append_c (line, ';');
    if (text)
      pn_ical_append_text (line, text);
  }
  if (!any)
    g_string_truncate (line, before);
  return any;
}

static void
put_lines (const PnTnef *self, GString *card)
{
  g_autoptr (GString) line = g_string_new (NULL);
  static const guint name[] = { SURNAME, GIVEN_NAME, MIDDLE_NAME, PREFIX, SUFFIX },
                     company[] = { COMPANY, DEPARTMENT };
  g_string_append (line, "N:");
  if (!append_fields (self, line, name, G_N_ELEMENTS (name)))
    g_string_append (line, ";;;;");
  put_line (card, line);
  g_string_append (line, "ORG:");
  if (append_fields (self, line, company, G_N_ELEMENTS (company)))
    put_line (card, line);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_string_assign (line, lines[i].line);
    if (append_fields (self, line, &lines[i].id, 1))
      put_line (card, line);
  }
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_string_printf (line, "%s;", places[i].line);
    if (append_fields (self, line, places[i].ids, G_N_ELEMENTS (places[i].ids)))
      put_line (card, line);
  }
  gint64 birthday;
  if (pn_mapi_time (pn_mapi_find (self->properties, BIRTHDAY), &birthday)) {
    g_string_assign (line, "BDAY:");
    pn_ical_append_local (line, birthday + 43200, TRUE);
    put_line (card, line);
  }
}

void
pn_tnef_read_contact (PnTnef *self, const char *message_class)
{
  gboolean list = g_ascii_strncasecmp (message_class, "IPM.DistList", 12) == 0;
  if (!list && g_ascii_strncasecmp (message_class, "IPM.Contact", 11) != 0)
    return;
  if (list) {
    pn_tnef_add_loss (self, NULL, "the members of the distribution list stay in the TNEF");
    return;
  }
  g_autofree char *name = text_of (self, DISPLAY_NAME);
  if (!name)
    name = text_of (self, SUBJECT);
  if (!name)
    name = g_strdup (self->message->subject ? self->message->subject : "contact");
  g_autoptr (GString) card = g_string_new ("BEGIN:VCARD\r\nVERSION:3.0\r\n"), line = g_string_new ("FN:");
  pn_ical_append_text (line, pn_tnef_one_line (name));
  put_line (card, line);
  put_lines (self, card);
  g_string_append (card, "END:VCARD\r\n");
  g_autoptr (GBytes) bytes = g_bytes_new (card->str, card->len);
  PnPart *part = pn_part_new (PN_PART_ATTACHMENT, "text/vcard", pn_content_new_bytes (bytes));
  g_autofree char *file = g_strdelimit (g_strconcat (name, ".vcf", NULL), "/\\:", '_');
  gboolean changed;
  part->name = pn_header_clean_file_name (file, &changed);
  pn_message_add_part (self->message, part);
}
