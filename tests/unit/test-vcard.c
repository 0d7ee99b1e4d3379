/* Cards of every version become records of the Address Book and cards again. */
#include "calendar.h"
#include "convert/vcard.h"

#include <string.h>

static PnMessage *
read_cards (const char *text, gssize length)
{
  g_autoptr (GError) error = NULL;
  PnMessage *message = pn_vcard_read (text, length < 0 ? strlen (text) : (gsize) length, &error);
  g_assert_no_error (error);
  g_assert_cmpint (message->type, ==, PN_TYPE_ADMIN);
  return message;
}

static char *
write_cards (PnMessage *message, const char *version)
{
  g_autoptr (GError) error = NULL;
  char *text = pn_vcard_write (message, version, &error);
  g_assert_no_error (error);
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  for (guint i = 0; lines[i]; i++)
    g_assert_cmpuint (strlen (lines[i]), <=, 75);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  return text;
}

static const char version21[]
    = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg;;Dr.;\r\n"
      "FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Dr. J=F6rg M=FC=\r\nller\r\nORG:Example, "
      "Inc.;Sales\r\n"
      "TITLE:Head of sales\r\nTEL;WORK;VOICE:+49 30 1\r\nTEL;WORK;FAX:+49 30 2\r\nTEL;CELL:+49 170 3\r\n"
      "EMAIL;INTERNET:second@example.com\r\nEMAIL;PREF;INTERNET:joerg@example.com\r\n"
      "NOTE;ENCODING=QUOTED-PRINTABLE:first=0D=0Asecond\r\n"
      "PHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n /9j/4AAQSkZJRg\r\n ABAQAAAQ==\r\n\r\n"
      "X-OWN;X-P=1:kept\r\nREV:20260101T000000Z\r\nEND:VCARD\r\n";

static void
test_21 (void)
{
  g_autoptr (PnMessage) message = read_cards (version21, -1);
  g_assert_cmpuint (message->extra->len, ==, 1);
  const PnExtraKeyword *record = message->extra->pdata[0];
  g_assert_cmpstr (record->name, ==, "DS-User");
  assert_has (record->text, "Last-Name= Müller;");
  assert_has (record->text, "First-Name= Jörg;");
  assert_has (record->text, "Pn-Name= Dr. Jörg Müller;");
  assert_has (record->text, "Department= Sales;");
  assert_has (record->text, "Title= Head of sales;");
  assert_has (record->text, "Phone= +49 30 1;");
  assert_has (record->text, "FAX= +49 30 2;");
  assert_has (record->text, "FUA= joerg@example.com;");
  g_assert_cmpstr (message->subject, ==, "Dr. Jörg Müller");
  g_autofree char *three = write_cards (message, "3.0"), *plain = unfold (three);
  assert_has (plain, "VERSION:3.0\r\n");
  assert_has (plain, "N:Müller;Jörg;;Dr.;\r\n");
  assert_has (plain, "ORG:Example\\, Inc.;Sales\r\n");
  assert_has (plain, "TEL;TYPE=CELL:+49 170 3\r\n");
  assert_has (plain, "NOTE:first\\nsecond\r\n");
  assert_has (plain, "PHOTO;TYPE=JPEG;ENCODING=b:/9j/4AAQSkZJRgABAQAAAQ==\r\n");
  assert_has (plain, "X-OWN;X-P=1:kept\r\n");
  g_autofree char *four = write_cards (message, "4.0"), *plain4 = unfold (four);
  assert_has (plain4, "VERSION:4.0\r\n");
  assert_has (plain4, "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQ==\r\n");
  assert_has (plain4, ";PREF=1:joerg@example.com\r\n");
}

static const char version4[]
    = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1\r\nFN;PID=1.1:Ada "
      "Berger\r\n"
      "N:Berger;Ada;;;\r\nitem1.TEL;VALUE=uri;TYPE=\"voice,work\":tel:+49-30-4\r\nitem1.X-ABLABEL:desk\r\n"
      "EMAIL;PREF=1:ada.berger@example.com\r\nPHOTO:data:image/png;base64,iVBORw0KGgo=\r\nGENDER:F\r\n"
      "ADR;LABEL=\"1 Main St\\nSpringfield\":;;1 Main St;Springfield;;12345;US\r\nCATEGORIES:One,Two\r\n"
      "END:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nKIND:group\r\nFN:Team\r\nMEMBER:mailto:a@example.com\r\n"
      "END:VCARD\r\n";

static void
test_4 (void)
{
  g_autoptr (PnMessage) message = read_cards (version4, -1);
  g_assert_cmpuint (message->extra->len, ==, 2);
  g_assert_cmpstr (((PnExtraKeyword *) message->extra->pdata[1])->name, ==, "DS-Group");
  assert_has (((PnExtraKeyword *) message->extra->pdata[0])->text, "Phone= +49-30-4;");
  g_autofree char *four = write_cards (message, "4.0"), *plain = unfold (four);
  g_assert_cmpstr (plain, ==, version4);
  g_autofree char *three = write_cards (message, "3.0"), *plain3 = unfold (three);
  assert_has (plain3, "PHOTO;TYPE=PNG;ENCODING=b:iVBORw0KGgo=\r\n");
  assert_has (plain3, "item1.TEL;TYPE=\"voice,work\":+49-30-4\r\n");
  assert_has (plain3, "item1.X-ABLABEL:desk\r\n");
}

/* Through a queue file and an own form again: the same card. */
static void
test_native (void)
{
  g_autoptr (PnMessage) message = read_cards (version21, -1);
  g_autofree char *first = write_cards (message, "3.0");
  g_autoptr (PnMessage) back = through_native (message);
  g_autofree char *second = write_cards (back, "3.0");
  g_assert_cmpstr (second, ==, first);
  g_autoptr (PnMessage) again = read_cards (first, -1);
  g_autofree char *third = write_cards (again, "3.0");
  g_assert_cmpstr (third, ==, first);
}

/* A record of the directory without any card, and one that was changed since it was one. */
static void
test_fields (void)
{
  g_autoptr (PnMessage) message = pn_message_new (PN_TYPE_ADMIN);
  PnExtraKeyword *extra = g_new0 (PnExtraKeyword, 1);
  extra->name = g_strdup ("DS-User");
  extra->text = g_strdup ("\r\n  Operation= Add; Object= efong; Last-Name= Fong; First-Name= Eddie;\r\n"
                          "  Department= R\\; D; Phone= 123; FUA= efong@example.com; ");
  g_ptr_array_add (message->extra, extra);
  g_autofree char *text = write_cards (message, "4.0");
  g_assert_cmpstr (text, ==,
                   "BEGIN:VCARD\r\nVERSION:4.0\r\nN:Fong;Eddie;;;\r\nORG:;R\\; D\r\n"
                   "TEL;TYPE=work,voice:123\r\nEMAIL:efong@example.com\r\nFN:Eddie Fong\r\nEND:VCARD\r\n");
  g_autoptr (PnMessage) card = read_cards (version4, -1);
  PnExtraKeyword *record = card->extra->pdata[0];
  GString *changed = g_string_new (record->text);
  g_string_replace (changed, "Last-Name= Berger;", "Last-Name= Meyer;", 1);
  g_free (record->text);
  record->text = g_string_free (changed, FALSE);
  g_autofree char *four = write_cards (card, "4.0");
  assert_has (four, "N:Meyer;Ada;;;\r\n");
  assert_has (four, "GENDER:F\r\n");
}

static void
test_odd (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (pn_vcard_read ("no card", 7, &error));
  g_assert_error (error, PN_CONVERT_ERROR, PN_CONVERT_ERROR_SYNTAX);
  g_autoptr (GError) unsupported = NULL;
  g_autoptr (PnMessage) mail = pn_message_new (PN_TYPE_MAIL);
  g_assert_null (pn_vcard_write (mail, "3.0", &unsupported));
  g_assert_error (unsupported, PN_CONVERT_ERROR, PN_CONVERT_ERROR_UNSUPPORTED);
  /* No end, Macintosh line ends, latin-1, no name. */
  g_autoptr (PnMessage) open = read_cards ("BEGIN:VCARD\rVERSION:3.0\rFN:Andr\xe9\rNOTE:a\r b", -1);
  g_assert_cmpstr (open->subject, ==, "André");
  g_assert_cmpuint (open->losses->len, ==, 2);
  g_autoptr (PnMessage) nameless
      = read_cards ("BEGIN:VCARD\nVERSION:3.0\nEMAIL:a@example.com\nEND:VCARD\n", -1);
  g_autofree char *text = write_cards (nameless, "3.0");
  assert_has (text, "FN:a@example.com\r\n");
  gsize length;
  g_autofree char *wide = g_convert (version4, -1, "UTF-16LE", "UTF-8", NULL, &length, NULL);
  g_autoptr (PnMessage) two = read_cards (wide, (gssize) length);
  g_assert_cmpuint (two->extra->len, ==, 2);
}

/* 100,000 lines of a card, and one line of 100,000 folds, are read in time. */
static void
test_flood (void)
{
  g_autoptr (GString) text = g_string_new ("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\nNOTE:");
  for (guint i = 0; i < 100000; i++)
    g_string_append (text, "x=\r\n y");
  for (guint i = 0; i < 100000; i++)
    g_string_append (text, "\r\nX-A:b");
  g_string_append (text, "\r\nPHOTO;ENCODING=b:\r\n");
  for (guint i = 0; i < 100000; i++)
    g_string_append (text, "AAAA\r\n");
  g_string_append (text, "END:VCARD\r\n");
  g_test_timer_start ();
  g_autoptr (PnMessage) message = read_cards (text->str, -1);
  g_assert_cmpfloat (g_test_timer_elapsed (), <, 5);
  g_assert_cmpuint (message->extra->len, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vcard/2.1", test_21);
  g_test_add_func ("/vcard/4.0", test_4);
  g_test_add_func ("/vcard/native", test_native);
  g_test_add_func ("/vcard/fields", test_fields);
  g_test_add_func ("/vcard/odd", test_odd);
  g_test_add_func ("/vcard/flood", test_flood);
  return g_test_run ();
}
