/* The words of dates in mail, in the languages that senders wrote them in.  Private to convert/mime-date.c.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* WORD is in lower case and without accents (pn_date_fold).  1 to 12, or 0. */
int pn_date_month (const char *word);
/* 0 (Sunday) to 6, or -1. */
int pn_date_weekday (const char *word);
/* Minutes east of UTC of a zone's short name. */
gboolean pn_date_zone (const char *word, int *offset);
/* A word of a zone's long name ("Pacific", "Daylight"): adds to *OFFSET. */
gboolean pn_date_zone_part (const char *word, int *offset);

/* TEXT in lower case and without accents.  Caller frees. */
char *pn_date_fold (const char *text);

G_END_DECLS
