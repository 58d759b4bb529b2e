/* Threads of the library. */
#ifndef PS_NODE_HOST_THREAD_H
#define PS_NODE_HOST_THREAD_H

#include <pthread.h>

#include <p2psync.h>

/* Start a thread that takes no signals, because those are for the app's threads, but those that a
 * fault in the thread itself raises: see discovery/signals.h.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_thread_start(pthread_t *out, void *(*run)(void *),
                               void *argument) P2PSYNC_MUST_CHECK;

#endif
