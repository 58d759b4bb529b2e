/* A count of forks: each child adds one, in the handler that fork() calls there. The handler is the
 * only thing that this library hooks into its host, and does nothing else. */
#include "store/env/process.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_once_t begun = PTHREAD_ONCE_INIT;
static atomic_uint_fast64_t number;

static void count_fork(void)
{
    (void)atomic_fetch_add(&number, 1);
}

/* It fails only without memory for one handler; then a forked child is taken for its parent, which
 * the manual forbids anyway. */
static void begin(void)
{
    (void)pthread_atfork(NULL, NULL, count_fork);
}

uint64_t ps_process(void)
{
    (void)pthread_once(&begun, begin);
    return atomic_load_explicit(&number, memory_order_relaxed);
}
