/* Preloaded into the programs by a test: a disk that takes its time. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#define DELAY_US 700000

int
fdatasync (int fd)
{
  usleep (DELAY_US);
  return (int) syscall (SYS_fdatasync, fd);
}

int
fsync (int fd)
{
  usleep (DELAY_US);
  return (int) syscall (SYS_fsync, fd);
}
