/* yEnc 1.3: files in the text of a message, as Usenet carries them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One block, from the line "=ybegin" to the line "=yend". */
typedef struct {
  const char *begin, *end;     /* of the block, its last line end included */
  const char *data, *data_end; /* the lines between */
  const char *name;            /* borrowed from the text */
  gsize name_length;
  guint part;                   /* 0: the block is the whole file */
  guint64 size;                 /* of the whole file */
  guint64 part_begin, part_end; /* which bytes of it, from 1; END is counted in */
  guint64 stated;               /* size that the last line states */
  gboolean has_crc, has_part_crc;
  guint32 crc, part_crc; /* of the whole file, of this part */
} PnYencBlock;

/* Reads the block at P, where "=ybegin " stands at the beginning of a line.  FALSE if it is none; then
 * BLOCK->end is where a search may go on. */
gboolean pn_yenc_find (const char *p, const char *end, PnYencBlock *block);

/* Appends the decoded bytes of BLOCK to OUT.  NULL, or what is wrong (a constant). */
const char *pn_yenc_decode (const PnYencBlock *block, GByteArray *out);

/* The CRC-32 of DATA that yEnc writes. */
guint32 pn_crc_32 (const guint8 *data, gsize length);

G_END_DECLS
