#include "core/counters.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTERS_MAGIC 0x504e4331u /* "PNC1" */

typedef struct {
  guint32 magic;
  gint32 pid;
  gint64 started;
  gint64 values[PN_COUNTER_LAST];
} Page;

static Page *page;

static const char *const names[PN_COUNTER_LAST] = {
  "messages_in", "messages_out", "bytes_in", "bytes_out", "statuses_in", "statuses_out",
  "errors_in",   "errors_out",   "refused",  "problems",  "sessions",    "sessions_active",
};

const char *
pn_counter_name (PnCounter counter)
{
  return names[counter];
}

static char *
page_path (const PnConfig *config, const char *program)
{
  g_autofree char *below = g_strdup_printf ("RUN/%s.stat", program);
  return pn_config_domain_path (config, below);
}

gboolean
pn_counters_open (const PnConfig *config, const char *program, GError **error)
{
  g_autofree char *path = page_path (config, program);
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate (fd, sizeof (Page)) < 0) {
    pn_file_set_error (error, errno, path, "cannot open the counters");
    if (fd >= 0)
      close (fd);
    return FALSE;
  }
  Page *mapped = mmap (NULL, sizeof (Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
  if (mapped == MAP_FAILED) {
    pn_file_set_error (error, errno, path, "cannot map the counters");
    return FALSE;
  }
  mapped->magic = COUNTERS_MAGIC;
  mapped->pid = getpid ();
  mapped->started = g_get_real_time () / G_USEC_PER_SEC;
  mapped->values[PN_COUNTER_SESSIONS_ACTIVE] = 0;
  page = mapped;
  return TRUE;
}

void
pn_counter_add (PnCounter counter, gint64 n)
{
  if (page)
    __atomic_fetch_add (&page->values[counter], n, __ATOMIC_RELAXED);
}

gboolean
pn_counters_read (const PnConfig *config, const char *program, gint64 values[PN_COUNTER_LAST],
                  gint64 *started, int *pid)
{
  g_autofree char *path = page_path (config, program);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FALSE;
  Page copy;
  ssize_t n = read (fd, &copy, sizeof copy);
  close (fd);
  if (n != sizeof copy || copy.magic != COUNTERS_MAGIC)
    return FALSE;
  memcpy (values, copy.values, sizeof copy.values);
  *started = copy.started;
  *pid = copy.pid;
  return TRUE;
}
