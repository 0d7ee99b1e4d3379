/* Linked into the unit tests of a ThreadSanitizer build.  GLib is not instrumented and its locks are futexes
 * of its own, so the sanitizer would not know what they order; here each tells it. */
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

#define NEXT(name)                                                                                           \
  static __typeof__ (&name) next;                                                                            \
  if (!__atomic_load_n (&next, __ATOMIC_RELAXED))                                                            \
  __atomic_store_n (&next, (__typeof__ (&name)) dlsym (RTLD_NEXT, #name), __ATOMIC_RELAXED)

#undef g_mutex_lock
#undef g_once_init_enter
#undef g_once_init_leave

void
g_mutex_lock (GMutex *mutex)
{
  NEXT (g_mutex_lock);
  next (mutex);
  __tsan_acquire (mutex);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  NEXT (g_mutex_trylock);
  gboolean locked = next (mutex);
  if (locked)
    __tsan_acquire (mutex);
  return locked;
}

void
g_mutex_unlock (GMutex *mutex)
{
  NEXT (g_mutex_unlock);
  __tsan_release (mutex);
  next (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  NEXT (g_cond_wait);
  __tsan_release (mutex);
  next (cond, mutex);
  __tsan_acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end)
{
  NEXT (g_cond_wait_until);
  __tsan_release (mutex);
  gboolean signalled = next (cond, mutex, end);
  __tsan_acquire (mutex);
  return signalled;
}

void
g_rw_lock_writer_lock (GRWLock *lock)
{
  NEXT (g_rw_lock_writer_lock);
  next (lock);
  __tsan_acquire (lock);
}

void
g_rw_lock_writer_unlock (GRWLock *lock)
{
  NEXT (g_rw_lock_writer_unlock);
  __tsan_release (lock);
  next (lock);
}

void
g_rw_lock_reader_lock (GRWLock *lock)
{
  NEXT (g_rw_lock_reader_lock);
  next (lock);
  __tsan_acquire (lock);
}

void
g_rw_lock_reader_unlock (GRWLock *lock)
{
  NEXT (g_rw_lock_reader_unlock);
  __tsan_release (lock);
  next (lock);
}

gboolean (g_once_init_enter) (volatile void *location)
{
  static gboolean (*next) (volatile void *);
  if (!__atomic_load_n (&next, __ATOMIC_RELAXED))
    __atomic_store_n (&next, (gboolean (*) (volatile void *)) dlsym (RTLD_NEXT, "g_once_init_enter"),
                      __ATOMIC_RELAXED);
  gboolean first = next (location);
  __tsan_acquire ((void *) location);
  return first;
}

void (g_once_init_leave) (volatile void *location, gsize result)
{
  static void (*next) (volatile void *, gsize);
  if (!__atomic_load_n (&next, __ATOMIC_RELAXED))
    __atomic_store_n (&next, (void (*) (volatile void *, gsize)) dlsym (RTLD_NEXT, "g_once_init_leave"),
                      __ATOMIC_RELAXED);
  __tsan_release ((void *) location);
  next (location, result);
}

void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  NEXT (g_async_queue_push);
  __tsan_release (queue);
  next (queue, data);
}

gpointer
g_async_queue_pop (GAsyncQueue *queue)
{
  NEXT (g_async_queue_pop);
  gpointer data = next (queue);
  __tsan_acquire (queue);
  return data;
}

gpointer
g_async_queue_try_pop (GAsyncQueue *queue)
{
  NEXT (g_async_queue_try_pop);
  gpointer data = next (queue);
  __tsan_acquire (queue);
  return data;
}

gpointer
g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout)
{
  NEXT (g_async_queue_timeout_pop);
  gpointer data = next (queue, timeout);
  __tsan_acquire (queue);
  return data;
}

/* What is pushed into a pool is handed over with all that was written before; what its function wrote is seen
 * by who frees it. */
typedef struct {
  GFunc function;
  gpointer user_data;
  GThreadPool *pool;
} Job;

static void
run_job (gpointer data, gpointer user_data)
{
  Job *job = user_data;
  __tsan_acquire (data);
  job->function (data, job->user_data);
  __tsan_release (job->pool);
}

GThreadPool *
g_thread_pool_new (GFunc function, gpointer user_data, gint max_threads, gboolean exclusive, GError **error)
{
  NEXT (g_thread_pool_new);
  Job *job = g_new0 (Job, 1); /* as long as the process lives: a pool may outlast who made it */
  job->function = function;
  job->user_data = user_data;
  job->pool = next (run_job, job, max_threads, exclusive, error);
  return job->pool;
}

gboolean
g_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
  NEXT (g_thread_pool_push);
  __tsan_release (data);
  return next (pool, data, error);
}

void
g_thread_pool_free (GThreadPool *pool, gboolean immediate, gboolean wait)
{
  NEXT (g_thread_pool_free);
  next (pool, immediate, wait);
  __tsan_acquire (pool);
}
