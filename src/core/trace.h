/* The trace of messages: every program appends one line per hop to DIR/<domain>/TRACE/mmdd.<program>.
 *
 *   time <TAB> message id <TAB> program <TAB> event <TAB> where <TAB> next <TAB> detail
 */
#pragma once

#include "core/config.h"

G_BEGIN_DECLS

gboolean pn_trace_open (const PnConfig *config, const char *program, GError **error);
/* Adds a line to the buffer.  WHERE is the directory or peer it went to, NEXT the program that takes it from
 * there, or NULL at the end of its way; DETAIL may be NULL.  Thread safe. */
void pn_trace (const char *id, const char *event, const char *where, const char *next, const char *detail);
/* The same with a time of its own (microseconds since 1970), for an event that another program may have
 * followed already. */
void pn_trace_at (gint64 time, const char *id, const char *event, const char *where, const char *next,
                  const char *detail);
/* Writes the buffer (O_APPEND).  Called at the end of each batch; also done when the buffer is full or a
 * second old. */
void pn_trace_flush (void);

typedef struct {
  gint64 time; /* microseconds since 1970 */
  char *id, *program, *event, *where, *next, *detail;
} PnTraceLine;

/* Every line about message ID, in time order.  GPtrArray of PnTraceLine. */
GPtrArray *pn_trace_find (const PnConfig *config, const char *id, GError **error);

G_END_DECLS
