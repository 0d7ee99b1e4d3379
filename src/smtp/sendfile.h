/* Send files: what the agent leaves in send/ for the daemon, the client side of an SMTP session in full.
 *
 *   example.org                     the destination: domain, or [address]
 *   EHLO mail.example.com
 *   NOOP id=... time=... size=...   our own bookkeeping in a command that does nothing
 *   MAIL FROM:<...> SIZE=... BODY=8BITMIME SMTPUTF8 RET=... ENVID=...
 *   RCPT TO:<...> NOTIFY=... ORCPT=...
 *   DATA
 *   the message, dots doubled
 *   .
 *   QUIT
 *
 * Ours are sealed (core/seal.h).  A file of a third party in plain text is taken as well: with LF line ends,
 * without the NOOP or QUIT line, HELO for EHLO, or its commands packed into a line "*S* MAIL FROM:<...>* RCPT
 * TO:<...>". */
#pragma once

#include "convert/bytes.h"
#include "core/seal.h"

G_BEGIN_DECLS

#define PN_SEND_ERROR (pn_send_error_quark ())
GQuark pn_send_error_quark (void);
typedef enum {
  PN_SEND_ERROR_SYNTAX,    /* not a send file; the message names the line */
  PN_SEND_ERROR_INCOMPLETE /* ends before the end of the data: perhaps still being written */
} PnSendError;

typedef struct {
  char *address;
  char *notify; /* or NULL */
  char *orcpt;  /* "rfc822;..." in xtext as on the wire, or NULL */
} PnSendRecipient;

typedef struct {
  char *domain;
  char *helo;
  char *id;      /* native message id; NULL in files of third parties */
  gint64 queued; /* seconds; 0 if not stated */
  guint64 size;  /* octets of the message; 0 if not stated */
  gboolean eight_bit;
  gboolean smtputf8;
  char *mail_from;       /* "" for the null path */
  char *envid;           /* in xtext, or NULL */
  char *ret;             /* or NULL */
  GPtrArray *recipients; /* PnSendRecipient */
} PnSendHead;

PnSendHead *pn_send_head_new (void);
void pn_send_head_free (PnSendHead *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSendHead, pn_send_head_free)
PnSendRecipient *pn_send_head_add (PnSendHead *self, const char *address, const char *notify,
                                   const char *orcpt);
/* The lines up to and including DATA; CRLF line ends.  Caller frees. */
char *pn_send_head_to_text (const PnSendHead *self);
/* Reads them; *END_OUT is where the message begins.  INCOMPLETE if TEXT ends before. */
PnSendHead *pn_send_head_parse (const char *text, gsize length, gsize *end_out, GError **error);

/* Text as an SMTP parameter value (RFC 3461 4) and back.  Callers free; the latter is NULL if it is not
 * xtext. */
char *pn_xtext_encode (const char *text);
char *pn_xtext_decode (const char *xtext);

/* Writes a send file, sealed, into BELOW.  The sink takes the message as it is: dots are doubled and every
 * line end (CRLF, LF, CR) goes out as CRLF. */
typedef struct PnSendWriter PnSendWriter;
PnSendWriter *pn_send_writer_new (PnKey *key, PnSink below, const PnSendHead *head, GError **error);
PnSink pn_send_writer_sink (PnSendWriter *self);
gboolean pn_send_writer_close (PnSendWriter *self, GError **error);
void pn_send_writer_free (PnSendWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSendWriter, pn_send_writer_free)

typedef struct {
  PnSendHead *head;
  PnSource *source;    /* plain bytes of the whole file */
  guint64 data_offset; /* of the message, dots doubled */
  guint64 data_length; /* up to and including the line with the dot */
  gboolean clean;      /* written by us: the data are known to be CRLF lines, and may be sent as they are */
} PnSendFile;

/* HEAD_ONLY: the data are not looked at (data_length is 0). */
PnSendFile *pn_send_file_open (const char *path, PnKey *key, gboolean head_only, GError **error);
void pn_send_file_free (PnSendFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSendFile, pn_send_file_free)
/* Writes what goes over the wire after 354: the data with CRLF line ends up to and including the line with
 * the dot. */
gboolean pn_send_file_copy_data (PnSendFile *self, PnSink *sink, GError **error);

/* What is known about earlier attempts: defer/S#######.TRY, lines of "key=value" in plain text. */
typedef struct {
  guint attempts;
  gint64 first;     /* seconds: of the first attempt */
  gint64 next;      /* when it is due again */
  gboolean noticed; /* the sender was told of the delay */
  char *host;       /* the last one asked, or NULL */
  char *error;      /* its answer, or our reason */
  GArray *done;     /* guint: recipients decided already, by their place in the file, ascending */
} PnSendTry;

PnSendTry *pn_send_try_new (void);
void pn_send_try_free (PnSendTry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PnSendTry, pn_send_try_free)
/* NULL if there is none or it is damaged. */
PnSendTry *pn_send_try_read (const char *path);
/* Replaces the file; FLUSH: before this returns. */
gboolean pn_send_try_write (const PnSendTry *self, const char *path, gboolean flush, GError **error);
gboolean pn_send_try_is_done (const PnSendTry *self, guint recipient);
void pn_send_try_set_done (PnSendTry *self, guint recipient);

G_END_DECLS
