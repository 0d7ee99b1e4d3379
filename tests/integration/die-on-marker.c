/* Preloaded into the programs by a test: stands for a bug in a library that a certain text sets off. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/types.h>

size_t
g_iconv (void *converter, char **in, size_t *in_left, char **out, size_t *out_left)
{
  static size_t (*next) (void *, char **, size_t *, char **, size_t *);
  static const char marker[] = "marker-that-kills";
  if (!next)
    next = (size_t (*) (void *, char **, size_t *, char **, size_t *)) dlsym (RTLD_NEXT, "g_iconv");
  if (in && *in && memmem (*in, *in_left, marker, sizeof marker - 1))
    raise (SIGSEGV);
  return next (converter, in, in_left, out, out_left);
}
