/* A small thread pool: workers look for work for a moment, then sleep; and each thread's scratch. */
#define _GNU_SOURCE /* sched_setaffinity */

#include "groupnet_pool.h"

#include <sched.h>

/* How often a thread looks for work before it sleeps: some tens of microseconds, longer than between two
 * kernels of a run and far shorter than a waking takes to matter. */
enum { LOOKS = 4096 };

static _Thread_local groupnet_context *current;

groupnet_context *groupnet_enter(groupnet_context *context) {
  groupnet_context *former = current;
  current = context;
  return former;
}

static inline void pause_a_moment(void) {
#if defined(__aarch64__)
  __asm__ volatile("yield");
#elif defined(__x86_64__)
  __asm__ volatile("pause");
#endif
}

/* Runs every task of one thread: the `index`-th, and each `stride`-th from there. */
static void run_tasks(groupnet_pool *pool, unsigned index, unsigned stride) {
  groupnet_group group = {NULL, pool->tasks};
  for (int task = (int)index; task < pool->tasks; task += (int)stride) {
    int result = pool->task(task, &group, pool->closure);
    if (result != 0) {
      atomic_store(&pool->result, result);
    }
  }
}

static void report_finished(groupnet_pool *pool) {
  if (atomic_fetch_sub(&pool->unfinished, 1) == 1) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
  }
}

static void wait_until_finished(groupnet_pool *pool) {
  for (int look = 0; look < LOOKS; ++look) {
    if (atomic_load(&pool->unfinished) == 0) {
      break;
    }
    pause_a_moment();
  }
  pthread_mutex_lock(&pool->lock);
  while (atomic_load(&pool->unfinished) != 0) {
    pthread_cond_wait(&pool->finished, &pool->lock);
  }
  pthread_mutex_unlock(&pool->lock);
}

static unsigned wait_for_work(groupnet_pool *pool, unsigned seen) {
  for (int look = 0; look < LOOKS; ++look) {
    unsigned now = atomic_load(&pool->generation);
    if (now != seen) {
      return now;
    }
    pause_a_moment();
  }
  pthread_mutex_lock(&pool->lock);
  while (atomic_load(&pool->generation) == seen) {
    pthread_cond_wait(&pool->wake, &pool->lock);
  }
  pthread_mutex_unlock(&pool->lock);
  return atomic_load(&pool->generation);
}

/* Lets every worker see a new generation; all that it reads was written before. */
static void begin_generation(groupnet_pool *pool) {
  atomic_store(&pool->unfinished, pool->workers);
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->generation, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

static bool pin_this_thread(int core) {
  cpu_set_t cores;
  if (core >= CPU_SETSIZE) {
    return false;
  }
  CPU_ZERO(&cores);
  CPU_SET((unsigned)core, &cores);
  return sched_setaffinity(0, sizeof cores, &cores) == 0;
}

static void *work(void *argument) {
  groupnet_worker *worker = argument;
  groupnet_pool *pool = worker->pool;
  unsigned seen = 0;
  current = &worker->context;
  if (worker->core >= 0 && !pin_this_thread(worker->core)) {
    pthread_mutex_lock(&pool->lock);
    pool->unpinned = true;
    pthread_mutex_unlock(&pool->lock);
  }
  report_finished(pool);
  for (;;) {
    seen = wait_for_work(pool, seen);
    if (pool->ending) {
      return NULL;
    }
    run_tasks(pool, worker->index, pool->workers + 1);
    report_finished(pool);
  }
}

groupnet_status groupnet_pool_start(groupnet_pool *pool, groupnet_worker *workers, unsigned count) {
  pool->worker = workers;
  pool->workers = 0;
  pool->ending = false;
  pool->unpinned = false;
  atomic_init(&pool->generation, 0);
  atomic_init(&pool->unfinished, count);
  atomic_init(&pool->result, 0);
  if (count == 0) {
    return GROUPNET_OK;
  }
  if (pthread_mutex_init(&pool->lock, NULL) != 0) {
    return GROUPNET_ERROR_THREADS;
  }
  if (pthread_cond_init(&pool->wake, NULL) != 0) {
    pthread_mutex_destroy(&pool->lock);
    return GROUPNET_ERROR_THREADS;
  }
  if (pthread_cond_init(&pool->finished, NULL) != 0) {
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    return GROUPNET_ERROR_THREADS;
  }
  unsigned started = 0;
  while (started < count) {
    groupnet_worker *worker = &workers[started];
    worker->pool = pool;
    worker->index = started + 1;
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
      break;
    }
    ++started;
  }
  atomic_fetch_sub(&pool->unfinished, count - started);
  wait_until_finished(pool);
  pool->workers = started;
  if (started == count && !pool->unpinned) {
    return GROUPNET_OK;
  }
  groupnet_pool_stop(pool);
  return started < count ? GROUPNET_ERROR_THREADS : GROUPNET_ERROR_AFFINITY;
}

void groupnet_pool_stop(groupnet_pool *pool) {
  unsigned workers = pool->workers;
  pool->ending = true;
  if (workers != 0) {
    begin_generation(pool);
  }
  for (unsigned i = 0; i < workers; ++i) {
    pthread_join(pool->worker[i].thread, NULL);
  }
  pthread_cond_destroy(&pool->finished);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
}

int groupnet_parallel_launch(groupnet_task task, void *closure, int tasks) {
  groupnet_context *context = current;
  groupnet_pool *pool = context->pool;
  if (pool == NULL || pool->workers == 0) {
    groupnet_group group = {NULL, tasks > 0 ? tasks : 1};
    int result = 0;
    for (int index = 0; index < group.tasks && result == 0; ++index) {
      result = task(index, &group, closure);
    }
    return result;
  }
  pool->task = task;
  pool->closure = closure;
  pool->tasks = tasks > 0 ? tasks : (int)pool->workers + 1;
  atomic_store(&pool->result, 0);
  begin_generation(pool);
  context->pool = NULL;
  run_tasks(pool, 0, pool->workers + 1);
  context->pool = pool;
  wait_until_finished(pool);
  return atomic_load(&pool->result);
}

void *groupnet_allocate_workspace(int device_type, int device_id, uint64_t bytes, int type_code,
                                  int type_bits) {
  groupnet_context *context = current;
  uint64_t rounded = (bytes + GROUPNET_ALIGNMENT - 1) / GROUPNET_ALIGNMENT * GROUPNET_ALIGNMENT;
  (void)device_type;
  (void)device_id;
  (void)type_code;
  (void)type_bits;
  if (rounded > context->workspace_bytes - context->used) {
    return NULL;
  }
  context->used += (size_t)rounded;
  return context->workspace + (context->used - (size_t)rounded);
}

int groupnet_free_workspace(int device_type, int device_id, void *pointer) {
  groupnet_context *context = current;
  size_t offset = (size_t)((unsigned char *)pointer - context->workspace);
  (void)device_type;
  (void)device_id;
  /* Kernels free in the reverse order; what lay above is free already. */
  context->used = offset < context->used ? offset : context->used;
  return 0;
}
