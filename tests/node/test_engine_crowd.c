/* Many devices of one mesh, all connected to each other: what they say must grow with their number
 * and not with its square, and still all of them come together. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/script.h"

#define net sim_script

#define WRITES     60
#define QUIET_MS   (30ULL * 60 * 1000) /* until intervals have grown as far as they do */
#define MINUTES    60ULL
#define PER_WRITE  (2 + 3 * PS_ROUND_PEERS_MAX) /* messages of each device for each write */
#define PER_MINUTE PS_ROUND_PEERS_MAX           /* of each device that is idle */

static bool only_devices_that_follow(struct sim_net *of, unsigned from, unsigned to, uint64_t type);
static void begin(unsigned devices);
static uint64_t messages(void);
static uint64_t per_write(unsigned devices);
static uint64_t per_idle_minute(void);
static void check_everywhere(unsigned devices, uint64_t value);

TestSuite(test_engine_crowd, .fini = sim_script_end, .timeout = 300);

Test(test_engine_crowd, says_as_much_of_a_write_as_there_are_devices)
{
    uint64_t said[2];
    for (unsigned i = 0; i < 2; i++) {
        unsigned devices = (i + 1) * 12;
        begin(devices);
        said[i] = per_write(devices);
        printf("# %u devices: %" PRIu64 " messages for a write\n", devices, said[i]);
        cr_expect_leq(said[i], (uint64_t)devices * PER_WRITE);
        sim_script_end();
        net = (struct sim_net){0};
    }
    cr_expect_leq(said[1] * 10, said[0] * 25); /* twice the devices, and not four times as much */
}

Test(test_engine_crowd, says_as_much_when_idle_as_there_are_devices)
{
    uint64_t said[2];
    for (unsigned i = 0; i < 2; i++) {
        unsigned devices = (i + 1) * 12;
        begin(devices);
        said[i] = per_idle_minute();
        printf("# %u devices: %" PRIu64 " messages in an idle minute\n", devices, said[i]);
        cr_expect_leq(said[i], (uint64_t)devices * PER_MINUTE);
        cr_expect(sim_check_in_sync(&net));
        sim_script_end();
        net = (struct sim_net){0};
    }
    cr_expect_leq(said[1] * 10, said[0] * 25);
}

Test(test_engine_crowd, comes_together_with_every_push_lost)
{
    struct sim_options options;
    sim_options_calm(&options, 16);
    options.no_push = true;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(300000));
    for (unsigned i = 0; i < 16; i++) {
        sim_put(&net, i, "notes", "a", i);
        sim_net_run(&net, 10);
    }
    cr_assert(sim_script_settle(60000));
    cr_assert_str_empty(net.failure);
}

Test(test_engine_crowd, carries_news_along_a_chain_of_those_who_can_reach_each_other)
{
    begin(16);
    net.hold = only_devices_that_follow;
    sim_put(&net, 0, "notes", "a", 7);
    sim_net_run(&net, 120000);
    check_everywhere(16, 7);
    net.hold = NULL;
    cr_assert(sim_script_settle(120000));
}

Test(test_engine_crowd, is_in_sync_with_everyone_soon_after_a_write)
{
    begin(24);
    sim_put(&net, 3, "notes", "a", 7);
    sim_net_run(&net, 20);
    check_everywhere(24, 7); /* all have it at once; who else has it becomes known by and by */
    cr_assert(sim_script_settle(20000));
}

/* Everything but what keeps links alive is lost unless it is for a neighbour. */
static bool only_devices_that_follow(struct sim_net *of, unsigned from, unsigned to, uint64_t type)
{
    (void)of;
    bool near = from + 1 == to || to + 1 == from;
    return !near && (type == PS_MESSAGE_CHANGES || type == PS_MESSAGE_HEADS);
}

static void begin(unsigned devices)
{
    sim_script_begin(devices);
    cr_assert(sim_script_settle(300000));
    sim_net_run(&net, 60000);
    cr_assert_str_empty(net.failure);
}

static uint64_t messages(void)
{
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof net.by_type / sizeof net.by_type[0]; i++) {
        count += net.by_type[i].messages;
    }
    return count;
}

/* Messages for each of so many writes, one a second, on one device after another. */
static uint64_t per_write(unsigned devices)
{
    uint64_t before = messages();
    for (unsigned i = 0; i < WRITES; i++) {
        sim_put(&net, i % devices, "notes", "a", i);
        sim_net_run(&net, 1000);
    }
    uint64_t said = messages() - before;
    cr_assert(sim_script_settle(60000));
    check_everywhere(devices, WRITES - 1);
    return said / WRITES;
}

static uint64_t per_idle_minute(void)
{
    sim_net_run(&net, QUIET_MS);
    uint64_t before = messages();
    sim_net_run(&net, MINUTES * 60 * 1000);
    cr_assert_str_empty(net.failure);
    return (messages() - before) / MINUTES;
}

static void check_everywhere(unsigned devices, uint64_t value)
{
    for (unsigned i = 0; i < devices; i++) {
        cr_assert_eq(sim_get(&net, i, "notes", "a"), value, "device %u", i);
    }
}

/* All start at once, so each hears of one after another that it is there. What they say of each
 * other is said together, and not all of it again for each. */
Test(test_engine_crowd, says_where_each_is_but_a_few_times)
{
    enum { CROWD = 20 };
    sim_script_begin(CROWD);
    cr_assert(sim_script_settle(120000));
    struct sim_traffic peers = net.by_type[PS_MESSAGE_PEERS];
    cr_expect_leq(peers.messages, (uint64_t)CROWD * (CROWD - 1) * 4, "%" PRIu64, peers.messages);
    cr_expect_leq(peers.bytes, (uint64_t)CROWD * (CROWD - 1) * 2000, "%" PRIu64, peers.bytes);
}
