/* Tolerant streaming decoders of quoted-printable (RFC 2045 6.7) and uuencode (POSIX). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  guint8 escape[2];   /* what came after a '=' */
  guint n_escape;     /* 0: none begun; else 1 + characters in escape */
  gboolean soft;      /* blanks after a '=': a soft line break if the line ends here */
  guint8 blanks[998]; /* blanks that vanish if the line ends here (RFC 2045 6.7 rule 3) */
  guint n_blanks;
} PnQpDecoder;

/* Zeroed is the state at the beginning.  OUTPUT has room for LENGTH + 1024 bytes. */
gsize pn_qp_decoder_push (PnQpDecoder *self, const guint8 *input, gsize length, guint8 *output);
/* At most 1024 bytes. */
gsize pn_qp_decoder_finish (PnQpDecoder *self, guint8 *output);

typedef struct {
  enum { PN_UU_BEFORE, PN_UU_DATA, PN_UU_AFTER } state;
  guint8 line[256]; /* longer ones are no uuencode, and are cut */
  guint n_line;
} PnUuDecoder;

/* Zeroed is the state at the beginning.  Lines before "begin" are skipped unless the first is one of data;
 * "end" ends. OUTPUT has room for LENGTH + 256 bytes. */
gsize pn_uu_decoder_push (PnUuDecoder *self, const guint8 *input, gsize length, guint8 *output);
gsize pn_uu_decoder_finish (PnUuDecoder *self, guint8 *output);

G_END_DECLS
