/* What the tests of mail that is read and composed anew share. */
#pragma once

#include "convert/mime.h"
#include "convert/native.h"

#include <string.h>
#include <time.h>

static inline PnMessage *
read_mail (const char *text, gboolean skeleton)
{
  const PnMimeOptions options = { .skeleton = skeleton };
  g_autoptr (PnSource) source = pn_source_new_copy (text, strlen (text));
  g_autoptr (GError) error = NULL;
  PnMessage *message = pn_mime_read (source, &options, &error);

  g_assert_no_error (error);
  return message;
}

/* Into a native file and back. */
static inline PnMessage *
through_native (PnMessage *message)
{
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;

  g_assert_true (pn_native_write (message, &sink, &error));
  g_autoptr (PnSource) source = pn_source_new_copy (array->data, array->len);
  PnMessage *again = pn_native_read (source, &error);
  g_assert_no_error (error);
  return again;
}

static inline char *
compose_mail (PnMessage *message, gboolean native_fields)
{
  const PnMimeWriteOptions options = { .host = "example.com",
                                       .default_domain = "example.com",
                                       .now = 1767225600,
                                       .keep_bcc = TRUE,
                                       .native_fields = native_fields };
  g_autoptr (GByteArray) array = g_byte_array_new ();
  PnSink sink = pn_sink_to_array (array);
  g_autoptr (GError) error = NULL;

  pn_mime_write (message, &options, &sink, &error);
  g_assert_no_error (error);
  return g_strndup ((const char *) array->data, array->len);
}

/* Seconds of this process that reading TEXT takes. */
static inline double
time_to_read (const char *text)
{
  clock_t begin = clock ();
  g_autoptr (PnMessage) message = read_mail (text, FALSE);

  g_assert_nonnull (message);
  return (double) (clock () - begin) / CLOCKS_PER_SEC;
}
