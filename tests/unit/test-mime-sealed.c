/* Signed and encrypted mail: kept byte for byte, also when the message around it is composed anew, and opened
 * for display as deep as it is wrapped. */
#include "mime-mail.h"

#define HEAD                                                                                                 \
  "From: Ada Example <ada@example.com>\r\nTo: Bert Example <bert@example.org>\r\n"                           \
  "Date: Mon, 15 Jan 2024 10:20:30 +0100\r\nMessage-ID: <s1@example.com>\r\nSubject: Signed\r\n"             \
  "MIME-Version: 1.0\r\n"

/* Everything a composer would do otherwise: blanks at line ends, "From ", odd boundaries and encodings, bytes
 * between the parts. */
#define SIGNED_BODY                                                                                          \
  "This is a signed message \r\n--=_b (1)\r\nContent-type: Multipart/Mixed;\r\n boundary=\"in ner\"\r\n\r\n" \
  "--in ner\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"                                             \
  "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nF=FCr Bert \r\nFrom here =\r\non.\r\n\r\n"             \
  "--in ner\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: BASE64\r\n"           \
  "Content-Disposition: attachment; filename=a.pdf\r\n\r\nJVBE\r\nRi0xLjQK\r\n\r\n--in ner--\r\n"            \
  "\r\n--=_b (1)\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"                           \
  "Content-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHAqCA\r\n\r\n--=_b (1)--\r\nbehind\r\n"

#define SIGNED_TYPE                                                                                          \
  "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=\"sha-256\"; boundary=\"=_b (1)\""

#define SIGNED HEAD "Content-Type: " SIGNED_TYPE "\r\n\r\n" SIGNED_BODY

#define ENCRYPTED_BODY                                                                                       \
  "--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--e\r\n"                          \
  "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\r\n-----BEGIN PGP "                    \
  "MESSAGE-----\r\n\r\n"                                                                                     \
  "hQ=\r\n-----END PGP MESSAGE-----\r\n\r\n--e--\r\n"

static guint
count (const char *text, const char *what)
{
  guint n = 0;
  for (const char *p = text; (p = strstr (p, what)) != NULL; p++)
    n++;
  return n;
}

static void
assert_kept (const char *mail, const char *body)
{
  g_autoptr (PnMessage) message = read_mail (mail, FALSE);
  g_autoptr (PnMessage) native = through_native (message);
  for (guint fields = 0; fields < 2; fields++) {
    g_autofree char *text = compose_mail (native, fields == 1);
    g_test_message ("%s", text);
    g_assert_nonnull (strstr (text, body));
    g_assert_cmpuint (count (text, body), ==, 1);
    /* And once more: nothing grows. */
    g_autoptr (PnMessage) again = read_mail (text, FALSE);
    g_assert_cmpuint (again->parts->len, ==, message->parts->len);
    g_autofree char *twice = compose_mail (again, FALSE);
    g_assert_nonnull (strstr (twice, body));
  }
}

static void
test_signed (void)
{
  assert_kept (SIGNED, SIGNED_BODY);
  g_autoptr (PnMessage) message = read_mail (SIGNED, FALSE);
  g_autofree char *text = compose_mail (message, FALSE);
  g_assert_nonnull (strstr (text,
                            "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
                            " micalg=\"sha-256\"; boundary=\"=_b (1)\"\r\n\r\nThis is a signed"));
  g_assert_cmpuint (count (text, "smime.p7s"), ==, 1);
  g_assert_cmpuint (count (text, "a.pdf"), ==, 2);
  /* Its text is there to be read all the same. */
  PnPart *body = pn_message_get_part (message, PN_PART_TEXT);
  g_autoptr (GBytes) bytes = pn_content_read (body->content, 1000, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), 10, "F\xC3\xBCr Bert\n", 10);
}

/* With a skeleton all bytes are there anyway, and no part is kept twice. */
static void
test_skeleton (void)
{
  g_autoptr (PnMessage) message = read_mail (SIGNED, TRUE);
  g_autofree char *text = compose_mail (message, FALSE);
  g_assert_cmpstr (text, ==, SIGNED);
  for (guint i = 0; i < message->parts->len; i++)
    g_assert_cmpstr (((PnPart *) g_ptr_array_index (message->parts, i))->type, !=, "multipart/signed");
}

/* A mailing list put its footer around it. */
static void
test_footer (void)
{
  static const char mail[]
      = HEAD "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: " SIGNED_TYPE
             "\r\n\r\n" SIGNED_BODY
             "\r\n--o\r\nContent-Type: text/plain\r\n\r\n-- \r\nlist@example.org\r\n--o--\r\n";
  assert_kept (mail, SIGNED_BODY);
  g_autoptr (PnMessage) message = read_mail (mail, FALSE);
  g_autofree char *text = compose_mail (message, FALSE);
  g_assert_cmpuint (count (text, "list@example.org"), ==, 1);
}

static void
test_encrypted (void)
{
  assert_kept (HEAD "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; "
                    "boundary=e\r\n\r\n" ENCRYPTED_BODY,
               ENCRYPTED_BODY);
}

/* What was changed is no longer signed, and is not sent as if it were. */
static void
test_changed (void)
{
  g_autoptr (PnMessage) message = read_mail (SIGNED, FALSE);
  PnPart *body = pn_message_get_part (message, PN_PART_TEXT);
  pn_content_unref (body->content);
  body->content = pn_content_new_text ("other words\n", -1);
  guint losses = message->losses->len;
  g_autofree char *text = compose_mail (message, FALSE);
  g_assert_null (strstr (text, "multipart/signed"));
  g_assert_nonnull (strstr (text, "other words"));
  g_assert_cmpuint (message->losses->len, >, losses);
}

/* --- opaque signatures ----------------------------------------------------------------------------- */

static void
add_element (GByteArray *out, guint8 tag, const void *data, gsize length)
{
  guint8 head[6] = { tag, 0x84, length >> 24, length >> 16, length >> 8, length };
  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, data, length);
}

/* The content as CMS signed-data without a signer, in base64. */
static char *
wrap (const char *content)
{
  static const guint8 signed_data[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02 };
  static const guint8 plain_data[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01 };
  g_autoptr (GByteArray) octets = g_byte_array_new (), encapsulated = g_byte_array_new ();
  g_autoptr (GByteArray) data = g_byte_array_new (), sequence = g_byte_array_new ();
  g_autoptr (GByteArray) info = g_byte_array_new (), whole = g_byte_array_new ();

  add_element (octets, 0x04, content, strlen (content));
  add_element (encapsulated, 0x06, plain_data, sizeof plain_data);
  add_element (encapsulated, 0xA0, octets->data, octets->len);
  add_element (data, 0x02, "\1", 1);
  add_element (data, 0x31, "", 0);
  add_element (data, 0x30, encapsulated->data, encapsulated->len);
  add_element (sequence, 0x30, data->data, data->len);
  add_element (info, 0x06, signed_data, sizeof signed_data);
  add_element (info, 0xA0, sequence->data, sequence->len);
  add_element (whole, 0x30, info->data, info->len);
  g_autofree char *encoded = g_base64_encode (whole->data, whole->len);
  GString *lines = g_string_new (NULL);
  for (const char *p = encoded; *p; p += MIN (strlen (p), 76))
    g_string_append_printf (lines, "%.76s\r\n", p);
  return g_string_free (lines, FALSE);
}

static char *
wrap_entity (const char *content)
{
  g_autofree char *encoded = wrap (content);
  return g_strconcat ("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
                      "Content-Transfer-Encoding: base64\r\n"
                      "Content-Disposition: attachment; filename=smime.p7m\r\n\r\n",
                      encoded, NULL);
}

static void
test_layers (void)
{
  /* Opaque in opaque around a clear-signed text. */
  g_autofree char *inner = g_strconcat ("Content-Type: " SIGNED_TYPE "\r\n\r\n", SIGNED_BODY, NULL);
  g_autofree char *first = wrap_entity (inner), *second = wrap_entity (first);
  g_autofree char *mail = g_strconcat (HEAD, second, NULL);
  g_autoptr (PnMessage) message = read_mail (mail, TRUE);
  PnPart *body = pn_message_get_part (message, PN_PART_TEXT);
  g_assert_nonnull (body);
  g_autoptr (GBytes) bytes = pn_content_read (body->content, 1000, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), 10, "F\xC3\xBCr Bert\n", 10);
  g_autofree char *text = compose_mail (message, FALSE);
  g_assert_cmpstr (text, ==, mail);
}

static void
test_opaque (void)
{
  g_autofree char *entity = wrap_entity ("Content-Type: text/plain\r\n\r\nopaque text\r\n");
  g_autofree char *mail = g_strconcat (HEAD, entity, NULL);
  g_autofree char *base64 = wrap ("Content-Type: text/plain\r\n\r\nopaque text\r\n");
  assert_kept (mail, base64);
  g_autoptr (PnMessage) message = read_mail (mail, FALSE);
  g_assert_nonnull (pn_message_get_part (message, PN_PART_TEXT));
  g_autofree char *text = compose_mail (message, FALSE);
  g_assert_nonnull (strstr (text, "\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data;"));
  g_assert_null (strstr (text, "multipart/"));
  g_assert_null (strstr (text, "opaque text"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mime-sealed/signed", test_signed);
  g_test_add_func ("/mime-sealed/skeleton", test_skeleton);
  g_test_add_func ("/mime-sealed/footer", test_footer);
  g_test_add_func ("/mime-sealed/encrypted", test_encrypted);
  g_test_add_func ("/mime-sealed/changed", test_changed);
  g_test_add_func ("/mime-sealed/opaque", test_opaque);
  g_test_add_func ("/mime-sealed/layers", test_layers);
  return g_test_run ();
}
