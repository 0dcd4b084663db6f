/* The threads of one instance, and what each of them computes with. */
#ifndef GROUPNET_POOL_H
#define GROUPNET_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "groupnet_model.h"

typedef struct groupnet_pool groupnet_pool;

/* What a thread computes with: its instance's pool and its own scratch, handed out as a stack. */
typedef struct {
  groupnet_pool *pool; /* NULL within a task, where a further launch runs its tasks one by one */
  unsigned char *workspace;
  size_t workspace_bytes;
  size_t used;
} groupnet_context;

typedef struct {
  groupnet_pool *pool;
  groupnet_context context;
  pthread_t thread;
  unsigned index; /* 1 and up; the caller's thread is 0 */
  int core;       /* below 0: any */
} groupnet_worker;

struct groupnet_pool {
  pthread_mutex_t lock;
  pthread_cond_t wake;     /* a new generation */
  pthread_cond_t finished; /* no thread is at work */
  atomic_uint generation;  /* goes up with each launch, and once more to end the threads */
  atomic_uint unfinished;  /* workers that are still at the present generation */
  atomic_int result;       /* the first task's that failed */
  bool ending;
  bool unpinned; /* some worker could not be pinned */
  groupnet_task task;
  void *closure;
  int tasks;
  unsigned workers; /* that were started */
  groupnet_worker *worker;
};

/* Starts a thread for each of `count` workers, whose `context` and `core` are set, and waits until each is on its
 * core. On an error no thread is left. */
groupnet_status groupnet_pool_start(groupnet_pool *pool, groupnet_worker *workers, unsigned count);

/* Ends the threads. */
void groupnet_pool_stop(groupnet_pool *pool);

/* Makes `context` what this thread computes with; returns what it was. */
groupnet_context *groupnet_enter(groupnet_context *context);

#endif
