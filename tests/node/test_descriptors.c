/* An app that has few descriptors left, or none: libzmq and czmq would end its process. */
#include <criterion/criterion.h>
#include <sys/resource.h>
#include <unistd.h>

#include "node/host/descriptors.h"
#include "nodes.h"

#define LEFT_MAX 64

static struct rlimit before;
static char dir[NODES_DIR_SIZE];
static int lowest_free;

static void setup(void)
{
    nodes_dir(dir);
    p2psync_node *node = nodes_open(dir, "kitchen"); /* what is opened once is open from here on */
    p2psync_close(node);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowest_free = dup(STDIN_FILENO);
    cr_assert_geq(lowest_free, 0);
    close(lowest_free);
}

static void teardown(void)
{
    nodes_remove(dir);
}

TestSuite(test_descriptors, .init = setup, .fini = teardown, .timeout = 300);

/* From here on so many can be opened. */
static void leave(size_t count)
{
    struct rlimit few = {.rlim_cur = (rlim_t)lowest_free + count, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
}

Test(test_descriptors, counts_those_that_are_left)
{
    leave(5);
    cr_assert(ps_descriptors_left(5));
    cr_assert_not(ps_descriptors_left(6));
    int one = dup(STDIN_FILENO);
    cr_assert(ps_descriptors_left(4));
    cr_assert_not(ps_descriptors_left(5));
    close(one);
    leave(0);
    cr_assert(ps_descriptors_left(0));
    cr_assert_not(ps_descriptors_left(1));
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

Test(test_descriptors, a_node_runs_or_is_refused_however_few_are_left)
{
    unsigned ran = 0;
    for (size_t left = 0; left <= LEFT_MAX; left++) {
        p2psync_node *node = NULL;
        struct p2psync_options options = nodes_options(dir);
        leave(left);
        p2psync_result result = p2psync_open(&options, &node, NULL);
        if (result == P2PSYNC_OK) {
            cr_assert_eq(nodes_put(node, "notes", "milk", "{}"), P2PSYNC_OK);
            result = p2psync_start(node);
            ran += result == P2PSYNC_OK ? 1 : 0;
            p2psync_close(node);
        }
        cr_assert(result == P2PSYNC_OK || result == P2PSYNC_EFILES, "%zu left: %s", left,
                  p2psync_result_name(result));
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
    cr_assert_gt(ran, 0);
}
