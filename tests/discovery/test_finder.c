/* The finder without a network: it is given an interface that is not there, so nothing is ever
 * sent. What it hears and sends is in test_finder_netns.c. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "discovery/finder.h"

static const struct ps_finder_options options = {
    .filter = {.include = {"nosuchif0"}, .include_count = 1},
    .mesh = {.nonce = {1}},
    .device = {{2}},
    .listen_port = 47470,
};

static struct ps_finder *new_finder(void)
{
    struct ps_finder *finder = NULL;
    cr_assert_eq(ps_finder_new(&options, &finder), P2PSYNC_OK);
    return finder;
}

Test(test_finder, goes_on_looking_when_there_is_no_usable_interface)
{
    struct ps_finder *finder = new_finder();
    struct ps_heard heard;
    cr_assert_eq(ps_finder_deadline_ms(finder), 0);
    cr_assert_not(ps_finder_tick(finder, 1000), "the first look is no change");
    cr_assert_eq(ps_finder_sent_count(finder), 0);
    cr_assert_eq(ps_finder_next(finder, &heard), P2PSYNC_EAGAIN);
    uint64_t deadline_ms = ps_finder_deadline_ms(finder);
    cr_assert_gt(deadline_ms, 1000);
    cr_assert_leq(deadline_ms, 1000 + 10000);
    ps_finder_tick(finder, deadline_ms);
    cr_assert_gt(ps_finder_deadline_ms(finder), deadline_ms);
    ps_finder_destroy(&finder);
    cr_assert_null(finder);
}

Test(test_finder, lives_beside_another_one)
{
    struct ps_finder *first = new_finder();
    struct ps_finder *second = new_finder();
    ps_finder_tick(first, 0);
    ps_finder_tick(second, 0);
    ps_finder_destroy(&first);
    ps_finder_tick(second, 10000);
    ps_finder_destroy(&second);
}

/* An app's own handlers, random numbers and output are not czmq's to touch. */
Test(test_finder, leaves_signals_random_numbers_and_output_alone)
{
    struct sigaction before = {.sa_handler = SIG_IGN};
    struct sigaction after;
    cr_assert_eq(sigaction(SIGINT, &before, NULL), 0);
    srandom(42);
    long expected = random();
    srandom(42);
    int output = memfd_create("output", 0);
    fflush(NULL);
    int old_output = dup(STDOUT_FILENO);
    int old_error = dup(STDERR_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);

    struct ps_finder *finder = new_finder();
    ps_finder_tick(finder, 0);
    ps_finder_destroy(&finder);

    fflush(NULL);
    dup2(old_output, STDOUT_FILENO);
    dup2(old_error, STDERR_FILENO);
    cr_assert_eq(lseek(output, 0, SEEK_END), 0);
    cr_assert_eq(random(), expected);
    cr_assert_eq(sigaction(SIGINT, NULL, &after), 0);
    cr_assert_eq(after.sa_handler, SIG_IGN);
    close(output);
    close(old_output);
    close(old_error);
}

/* zbeacon would abort the process. */
Test(test_finder, gives_an_error_when_no_descriptors_are_left)
{
    struct ps_finder *finder = NULL;
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest_free = dup(STDIN_FILENO);
    close(lowest_free);
    struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    p2psync_result result = ps_finder_new(&options, &finder);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(result, P2PSYNC_EFILES);
    cr_assert_null(finder);
}
