/* Cards that are read are written in both versions; what was written is not changed by being read and written
 * once more. */
#include "convert/vcard.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char *const versions[] = { "3.0", "4.0" };
  g_autoptr (PnMessage) message = pn_vcard_read ((const char *) data, size, NULL);
  /* Thousands of empty cards take their time six times over and show nothing new. */
  if (!message || message->extra->len > 500)
    return 0;
  for (guint i = 0; message->extra->len > 0 && i < G_N_ELEMENTS (versions); i++) {
    g_autofree char *first = pn_vcard_write (message, versions[i], NULL);
    g_assert_nonnull (first);
    g_assert_true (g_utf8_validate (first, -1, NULL));
    g_autoptr (PnMessage) again = pn_vcard_read (first, strlen (first), NULL);
    g_assert_nonnull (again);
    g_assert_cmpuint (again->extra->len, ==, message->extra->len);
    g_autofree char *second = pn_vcard_write (again, versions[i], NULL);
    g_autoptr (PnMessage) last = pn_vcard_read (second, strlen (second), NULL);
    g_autofree char *third = pn_vcard_write (last, versions[i], NULL);
    g_assert_cmpstr (third, ==, second);
  }
  return 0;
}
