/* Files: sources and sinks over descriptors, unnamed files, flushing. */
#pragma once

#include "convert/content.h"

G_BEGIN_DECLS

/* A source over the regular file FD, which it takes.  Files up to 1 MiB are read into memory at once; larger
 * ones are read by range, so memory does not grow with their size. */
PnSource *pn_file_source_new (int fd, GError **error);
PnSource *pn_file_source_open (const char *path, GError **error);
/* A source over CONTENT decoded, in an unnamed file in DIR. */
PnSource *pn_file_source_copy (const char *dir, PnContent *content, GError **error);

/* A buffered sink over FD.  The descriptor stays the caller's. */
typedef struct PnFileSink PnFileSink;
PnFileSink *pn_file_sink_new (int fd);
PnSink pn_file_sink_sink (PnFileSink *self);
gboolean pn_file_sink_flush (PnFileSink *self, GError **error); /* buffer to file, no fsync */
void pn_file_sink_free (PnFileSink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnFileSink, pn_file_sink_free)

/* An unnamed file in DIR (O_TMPFILE, mode 0600), to be given a name with pn_file_link(). -1 with ERROR. */
int pn_file_unnamed (const char *dir, GError **error);
/* Gives FD a name; fails with G_IO_ERROR_EXISTS if PATH exists. */
gboolean pn_file_link (int fd, const char *path, GError **error);
/* Renames FROM; fails with G_IO_ERROR_EXISTS if TO exists. */
gboolean pn_file_rename_new (const char *from, const char *to, GError **error);
gboolean pn_file_fsync (int fd, const char *name_for_errors, GError **error);
gboolean pn_file_fsync_dir (const char *path, GError **error);
/* mkdir -p with mode 0700. */
gboolean pn_file_make_dirs (const char *path, GError **error);
/* Sets ERROR from errno: "PATH: what: strerror". */
void pn_file_set_error (GError **error, int errnum, const char *path, const char *what);

G_END_DECLS
