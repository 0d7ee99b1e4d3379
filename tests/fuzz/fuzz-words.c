/* The grammar of one field: encoded words, parameters, addresses, dates, message ids, charset labels.  The
 * first byte says which; what was read is written and read again, and must then say the same. */
#include <string.h>

#include "convert/charset.h"
#include "convert/mime-header.h"
#include "convert/mime-write-header.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* The value of the field that OUT holds. */
static const char *
value_of (const GString *out)
{
  const char *line = out->str;
  for (const char *lf = strchr (line, '\n'); lf; lf = strchr (line, '\n')) {
    g_assert_cmpuint ((gsize) (lf - line), <=, PN_FIELD_LINE_MAX + 1);
    g_assert_true (lf > line && lf[-1] == '\r');
    g_assert_true (lf[1] == '\0' || lf[1] == ' ');
    line = lf + 1;
  }
  return out->str + strlen ("X-Field:");
}

static void
check_text (const char *raw, gsize length)
{
  PnHeaderContext context = { NULL, 0 };
  g_autofree char *text = pn_header_decode (raw, length, &context);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_null (strpbrk (text, "\r\n"));
  g_autoptr (GString) out = g_string_new (NULL);
  pn_field_text (out, "X-Field", text);
  const char *value = value_of (out);
  g_assert_true (pn_field_is_ascii (value));
  g_autofree char *again = pn_header_decode (value, strlen (value), &context);
  g_assert_cmpstr (again, ==, text);
}

static void
check_parameters (const char *raw, gsize length)
{
  PnHeaderContext context = { NULL, 0 };
  g_autoptr (PnHeaderParams) params = pn_header_parse_params (raw, length, &context);
  for (guint i = 0; i < params->array->len; i++) {
    const PnHeaderParam *param = &g_array_index (params->array, PnHeaderParam, i);
    gboolean changed;
    g_assert_true (g_utf8_validate (param->value, -1, NULL) || strcmp (param->name, "boundary") == 0);
    g_assert_null (strpbrk (param->value, "\r\n"));
    /* A boundary is bytes, not text. */
    if (strcmp (param->name, "boundary") == 0)
      continue;
    g_autofree char *clean = pn_header_clean_file_name (param->value, &changed);
    g_assert_true (!clean || g_utf8_validate (clean, -1, NULL));
    g_autoptr (GString) out = g_string_new (NULL);
    PnWriteField field;
    pn_field_begin (&field, out, "X-Field");
    pn_field_token (&field, "x/y");
    pn_field_parameter (&field, "p", param->value);
    pn_field_end (&field);
    const char *value = value_of (out);
    g_autoptr (PnHeaderParams) again = pn_header_parse_params (value, strlen (value), &context);
    /* Blanks around a value mean nothing. */
    g_autofree char *is = g_strstrip (g_strdup (pn_header_params_get (again, "p")));
    g_autofree char *was = g_strstrip (g_strdup (param->value));
    if (strlen (was) < 10000)
      g_assert_cmpstr (is, ==, was);
  }
}

static void
check_addresses (const char *raw, gsize length)
{
  PnHeaderContext context = { NULL, 0 };
  g_autoptr (GArray) mailboxes = pn_mailboxes_new ();
  pn_header_parse_addresses (raw, length, &context, mailboxes, 1000);
  g_assert_cmpuint (mailboxes->len, <=, 1001);
  for (guint i = 0; i < mailboxes->len; i++) {
    const PnMailbox *mailbox = &g_array_index (mailboxes, PnMailbox, i);
    const PnAddress *address = mailbox->address;
    g_assert_true (address->internet || address->name);
    g_assert_true (!address->internet || g_utf8_validate (address->internet, -1, NULL));
    g_assert_true (!address->name || g_utf8_validate (address->name, -1, NULL));
    g_assert_true (!mailbox->group || g_utf8_validate (mailbox->group, -1, NULL));
    g_autoptr (GString) out = g_string_new (NULL);
    PnWriteField field;
    pn_field_begin (&field, out, "X-Field");
    pn_field_address (&field, address, "example.com");
    pn_field_end (&field);
    const char *value = value_of (out);
    g_autoptr (GArray) again = pn_mailboxes_new ();
    pn_header_parse_addresses (value, strlen (value), &context, again, 1000);
    g_assert_cmpuint (again->len, ==, 1);
  }
}

static void
check_rest (const char *raw, gsize length)
{
  PnTime time = { FALSE, 0, 0 };
  if (pn_header_parse_date (raw, length, &time)) {
    g_assert_true (time.set);
    g_assert_cmpint (ABS (time.offset), <=, 24 * 60);
    g_autofree char *date = pn_field_format_date (time.unix_time, time.offset);
    PnTime again = { FALSE, 0, 0 };
    g_assert_true (pn_header_parse_date (date, strlen (date), &again));
  }
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  pn_header_parse_ids (raw, length, ids);
  for (guint i = 0; i < ids->len; i++)
    g_assert_true (g_utf8_validate (g_ptr_array_index (ids, i), -1, NULL));
}

/* The label stands before the first line feed. */
static void
check_charset (const char *raw, gsize length)
{
  const char *lf = memchr (raw, '\n', length);
  gsize n = lf ? (gsize) (lf - raw) : 0, decoded;
  g_autofree char *label = g_strndup (raw, n);
  PnCharsetResult result;
  g_autofree char *text = pn_charset_decode (raw + n, length - n, n > 0 ? label : NULL, NULL, length % 2 == 1,
                                             &decoded, &result);
  g_assert_cmpuint (strlen (text), ==, decoded);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  char *composed = pn_charset_compose (g_steal_pointer (&text));
  g_assert_true (g_utf8_validate (composed, -1, NULL));
  text = pn_charset_compose (g_strdup (composed));
  g_assert_cmpstr (text, ==, composed);
  g_free (composed);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static void (*const checks[]) (const char *raw, gsize length)
      = { check_text, check_parameters, check_addresses, check_rest, check_charset };
  if (size > 0)
    checks[data[0] % G_N_ELEMENTS (checks)]((const char *) data + 1, size - 1);
  return 0;
}
