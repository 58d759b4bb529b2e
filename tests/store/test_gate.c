/* Who waits to write is seen by who writes: a thread of the same process, and another process,
 * which may be killed while it waits. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/store_case.h"

static struct store_case here;

static void setup(void)
{
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(gate, .init = setup, .fini = teardown, .timeout = 60);

/* Until somebody waits, or nobody does. */
static void await(bool awaited)
{
    while (ps_txn_is_awaited(here.store) != awaited) {
        (void)sched_yield();
    }
}

static void *write_nothing(void *store)
{
    struct ps_txn txn;
    p2psync_result result = ps_txn_begin(store, true, &txn);
    ps_txn_abort(&txn);
    return result == P2PSYNC_OK ? store : NULL;
}

Test(gate, waiting_thread_is_seen_until_it_writes)
{
    pthread_t thread;
    void *wrote = NULL;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_not(ps_txn_is_awaited(here.store));
    cr_assert_eq(pthread_create(&thread, NULL, write_nothing, here.store), 0);
    await(true);
    case_commit(&txn);
    cr_assert_eq(pthread_join(thread, &wrote), 0);
    cr_assert_eq(wrote, here.store);
    cr_assert_not(ps_txn_is_awaited(here.store));
}

/* Another process that opens the store, waits to write, and then holds the transaction until it is
 * killed. */
static pid_t wait_in_another_process(void)
{
    pid_t child = fork();
    if (child == 0) {
        const struct ps_store_options options = {.dir = here.dir, .map_size_bytes = CASE_MAP_SIZE};
        struct ps_store *store = NULL;
        struct ps_txn txn;
        if (ps_store_open(&options, &store) != P2PSYNC_OK ||
            ps_txn_begin(store, true, &txn) != P2PSYNC_OK) {
            _exit(1);
        }
        (void)pause();
    }
    return child;
}

Test(gate, waiting_process_is_seen_until_it_writes)
{
    int status = 0;
    struct ps_txn txn = case_begin(&here, true);
    pid_t child = wait_in_another_process();
    await(true);
    case_commit(&txn);
    await(false); /* it writes */
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
}

Test(gate, waiting_process_that_is_killed_no_longer_waits)
{
    int status = 0;
    struct ps_txn txn = case_begin(&here, true);
    pid_t child = wait_in_another_process();
    await(true);
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_not(ps_txn_is_awaited(here.store));
    case_commit(&txn);
}
