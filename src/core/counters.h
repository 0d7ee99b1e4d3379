/* Counters of a program, in a mapped file that others may read while it runs (postern status, SNMP, the
 * console). Counters exist at zero from the start. */
#pragma once

#include "core/config.h"

G_BEGIN_DECLS

typedef enum {
  PN_COUNTER_MESSAGES_IN,
  PN_COUNTER_MESSAGES_OUT,
  PN_COUNTER_BYTES_IN,
  PN_COUNTER_BYTES_OUT,
  PN_COUNTER_STATUSES_IN,
  PN_COUNTER_STATUSES_OUT,
  PN_COUNTER_ERRORS_IN,
  PN_COUNTER_ERRORS_OUT,
  PN_COUNTER_REFUSED,
  PN_COUNTER_PROBLEMS,
  PN_COUNTER_SESSIONS,
  PN_COUNTER_SESSIONS_ACTIVE,
  PN_COUNTER_LAST
} PnCounter;

const char *pn_counter_name (PnCounter counter);
gboolean pn_counters_open (const PnConfig *config, const char *program, GError **error);
void pn_counter_add (PnCounter counter, gint64 n); /* atomic */
/* Fills VALUES and the time the program started (seconds); FALSE if it never ran. */
gboolean pn_counters_read (const PnConfig *config, const char *program, gint64 values[PN_COUNTER_LAST],
                           gint64 *started, int *pid);

G_END_DECLS
