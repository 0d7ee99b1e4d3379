/* Log lines: one event with a stable name and typed fields, on standard error and in the program's day log.
 *
 *   2026-01-02T03:04:05.678Z smtp info event=accepted id=... from=... size=...
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* PROGRAM names the lines; DIR (or NULL) is where day logs mmddlog.<program> are written. LEVEL: "error",
 * "warning", "info", "debug". */
void pn_log_init (const char *program, const char *dir, const char *level);
const char *pn_log_program (void);

/* FORMAT is "key=%s key=%d"; values with blanks are to be passed through pn_log_quote(). EVENT is a stable
 * name. */
G_GNUC_PRINTF (2, 3) void pn_log_error (const char *event, const char *format, ...);
G_GNUC_PRINTF (2, 3) void pn_log_warning (const char *event, const char *format, ...);
G_GNUC_PRINTF (2, 3) void pn_log_info (const char *event, const char *format, ...);
G_GNUC_PRINTF (2, 3) void pn_log_debug (const char *event, const char *format, ...);
gboolean pn_log_wants_info (void);
/* TEXT in quotes with control characters escaped.  Caller frees. */
char *pn_log_quote (const char *text);

G_END_DECLS
