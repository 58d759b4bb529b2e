/* Threads of the library: see thread.h. */
#include "node/host/thread.h"

#include <signal.h>

#include "discovery/signals.h"

p2psync_result ps_thread_start(pthread_t *out, void *(*run)(void *), void *argument)
{
    sigset_t before;
    ps_signals_block(&before);
    int failed = pthread_create(out, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 ? P2PSYNC_OK : P2PSYNC_ENOMEM;
}
