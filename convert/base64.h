/* Base64 by lines (RFC 2045 6.8): decoding that tells whether encoding again would give the same bytes, and
 * encoding in lines.  Both stream. */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

/* What an output buffer must hold beyond the bytes that are produced: vectors are stored whole. */
#define PN_BASE64_SLACK 32

typedef struct {
  guint32 bits; /* of the quantum begun */
  guint phase;  /* characters in it */
  guint pads;   /* '=' still due */
  gboolean padded;

  gboolean canonical;
  gboolean cr;    /* a CR waits for its LF */
  gboolean ended; /* a line came that must have been the last */
  guint64 lines;  /* line ends seen */
  guint64 column; /* characters in the line begun */
  guint64 width;  /* of the first line */
  gboolean crlf;
} PnBase64Decoder;

void pn_base64_decoder_init (PnBase64Decoder *self);
/* Decodes LENGTH bytes of INPUT to OUTPUT, which has room for LENGTH / 4 * 3 + 3 + PN_BASE64_SLACK bytes.
 * Returns the number of bytes decoded.  Foreign characters are skipped; after padding a new run may begin. */
gsize pn_base64_decoder_push (PnBase64Decoder *self, const guint8 *input, gsize length, guint8 *output);
/* The end of the input: writes up to 2 bytes whose padding is missing; tells the form. */
gsize pn_base64_decoder_finish (PnBase64Decoder *self, guint8 *output, PnBase64Form *form);

typedef struct {
  PnBase64Form form;
  guint8 rest[3];
  guint n_rest;
  guint column;
  gboolean any;
} PnBase64Encoder;

/* Characters that LENGTH more input bytes can become at most, slack included. */
gsize pn_base64_encoder_bound (const PnBase64Encoder *self, gsize length);
void pn_base64_encoder_init (PnBase64Encoder *self, const PnBase64Form *form);
gsize pn_base64_encoder_push (PnBase64Encoder *self, const guint8 *input, gsize length, guint8 *output);
gsize pn_base64_encoder_finish (PnBase64Encoder *self,
                                guint8 *output); /* at most 4 characters and 2 line ends */

G_END_DECLS
