/* Many collections: what it takes to bring them to a device grows with their number and not with
 * its square. Messages and bytes are counted, and time is virtual. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/script.h"

#define net sim_script

#define FEW         300
#define ROUND_BYTES 60 /* of one collection in a round: its name, and its root */

struct cost {
    uint64_t messages;
    uint64_t bytes;
    uint64_t rounds; /* bytes of SUMMARYs */
};

TestSuite(test_engine_many, .fini = sim_script_end, .timeout = 300);

static struct cost said(void)
{
    struct cost cost = {.rounds = net.by_type[PS_MESSAGE_SUMMARY].bytes};
    for (size_t i = 0; i < sizeof net.by_type / sizeof net.by_type[0]; i++) {
        cost.messages += net.by_type[i].messages;
        cost.bytes += net.by_type[i].bytes;
    }
    return cost;
}

/* What it costs to bring `count` collections of one record each to a device that has none, over a
 * way that takes up to `delay_ms`. */
static struct cost bring(unsigned count, unsigned delay_ms)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_script_part(0, 1);
    sim_net_run(&net, 2000);
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%05u", i);
        sim_put(&net, 0, name, "a", i);
    }
    sim_net_run(&net, 1000);
    net.options.delay_max_ms = delay_ms;
    struct cost before = said();
    sim_script_join(0, 1);
    cr_assert(sim_script_settle(120000), "of which most passes until they have a link again");
    struct cost after = said();
    cr_assert_str_empty(net.failure);
    printf("# %u collections: %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " in rounds\n",
           count, after.messages - before.messages, after.bytes - before.bytes,
           after.rounds - before.rounds);
    sim_script_end();
    net = (struct sim_net){0};
    return (struct cost){.messages = after.messages - before.messages,
                         .bytes = after.bytes - before.bytes,
                         .rounds = after.rounds - before.rounds};
}

Test(test_engine_many, collections_cost_as_much_as_there_are)
{
    struct cost few = bring(FEW, 2);
    struct cost many = bring(4 * FEW, 2);
    cr_expect_leq(many.messages, 5 * few.messages);
    cr_expect_leq(many.bytes, 5 * few.bytes);
    cr_expect_leq(many.bytes, (uint64_t)4 * FEW * 500);
    cr_expect_leq(many.rounds, (uint64_t)4 * FEW * ROUND_BYTES * 3);
}

/* Each is sent unasked, and they take many times the way there and back. Meanwhile only a few
 * rounds look whether all is there. */
Test(test_engine_many, collections_that_are_on_their_way_are_not_compared_again_and_again)
{
    struct cost slow = bring(4 * FEW, 800);
    cr_expect_leq(slow.rounds, (uint64_t)4 * FEW * ROUND_BYTES * 15);
}
