/* What lies in send/ and result/ may be anybody's: send files in plain text, attempts, outcomes. */
#include "smtp/resultfile.h"
#include "smtp/sendfile.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* No byte sequence that some peer takes for an end of the data stands before the end. */
static void
check_data (const GByteArray *out)
{
  const char *data = (const char *) out->data;
  for (gsize i = 0; i < out->len; i++) {
    if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
      abort ();
    if (data[i] == '\r' && (i + 1 == out->len || data[i + 1] != '\n'))
      abort ();
  }
  const char *end = memmem (data, out->len, "\r\n.\r\n", 5);
  if (end && end != data + out->len - 5)
    abort ();
}

static void
read_file (const uint8_t *data, size_t size)
{
  static PnKey *key;
  if (!key) {
    g_autofree char *path = g_strdup_printf ("/tmp/fuzz-sendfile-%d.key", (int) getpid ());
    key = pn_key_create (path, NULL);
    unlink (path);
  }
  int fd = memfd_create ("send", MFD_CLOEXEC);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  if (write (fd, data, size) != (ssize_t) size)
    abort ();
  g_autoptr (PnSendFile) file = pn_send_file_open (path, key, FALSE, NULL);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (out);
  if (file && pn_send_file_copy_data (file, &sink, NULL))
    check_data (out);
  pn_send_try_free (pn_send_try_read (path));
  close (fd);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  gsize end;
  g_autoptr (PnSendHead) head = pn_send_head_parse (text, size, &end, NULL);
  if (head) {
    g_autofree char *again = pn_send_head_to_text (head);
    if (end > size || !*again)
      abort ();
  }
  guint bad;
  g_autoptr (GPtrArray) results = pn_result_parse (text, size, &bad);
  for (guint i = 0; i < results->len; i++) {
    g_autoptr (GString) line = g_string_new (NULL);
    pn_result_append (results->pdata[i], line);
    g_autoptr (GPtrArray) back = pn_result_parse (line->str, line->len, &bad);
    if (back->len != 1 || bad != 0)
      abort ();
  }
  g_autofree char *word = g_strndup (text, size);
  g_free (pn_xtext_decode (word));
  read_file (data, size);
  return 0;
}
