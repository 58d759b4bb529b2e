/* Who is told when a device gets another role or is removed, and how a device that was removed
 * while it was away hears of it. Device 0 is the founder. */
#include <criterion/criterion.h>

#include "store/mesh/decide.h"
#include "store/mesh/removal.h"
#include "tests/sim/script.h"

#define net sim_script

TestSuite(test_engine_removed, .fini = sim_script_end, .timeout = 300);

static void begin(void)
{
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
}

/* The founder decides about a device, as a command beside the node does. */
static void decide(const struct ps_decision *decision)
{
    struct ps_identity identity = {0};
    struct ps_txn txn = {0};
    ps_role who = PS_ROLE_NONE;
    struct sim_packet packet = {.kind = SIM_PACKET_CHANGED, .node = 0, .epoch = net.nodes[0].epoch};
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    cr_assert_eq(ps_decide(&txn, &identity, decision, 5000, &who), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    sim_plan(&net, 0, &packet);
}

static void remove_device(unsigned device)
{
    decide(&(struct ps_decision){.kind = PS_ACT_REMOVED,
                                 .subject = net.nodes[device].identity.device});
}

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

static ps_removal_kind knows(unsigned node)
{
    struct ps_removal removal = {.kind = PS_REMOVAL_NONE};
    struct ps_txn txn = {0};
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, false, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_removal_read(&txn, &net.nodes[node].identity, &removal), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return removal.kind;
}

static uint64_t told(unsigned node, p2psync_event_type event)
{
    return net.nodes[node].told[event];
}

Test(test_engine_removed, a_role_is_told_to_all_and_to_the_device_itself)
{
    begin();
    decide(&(struct ps_decision){
        .kind = PS_ACT_ROLE, .role = PS_ROLE_READER, .subject = net.nodes[2].identity.device});
    play(10000);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(told(i, P2PSYNC_EVENT_ROLE_CHANGED), 1, "%u", i);
        cr_expect_eq(told(i, P2PSYNC_EVENT_DEVICE_REMOVED), 0, "%u", i);
    }
}

Test(test_engine_removed, a_removal_is_told_to_all_and_to_the_device_itself)
{
    begin();
    remove_device(2);
    play(10000);
    cr_expect_eq(told(0, P2PSYNC_EVENT_DEVICE_REMOVED), 1);
    cr_expect_eq(told(1, P2PSYNC_EVENT_DEVICE_REMOVED), 1);
    cr_expect_eq(told(2, P2PSYNC_EVENT_DEVICE_REMOVED), 0);
    cr_expect_eq(told(2, P2PSYNC_EVENT_REMOVED), 1);
    cr_expect_eq(told(0, P2PSYNC_EVENT_REMOVED), 0);
    cr_expect_eq(knows(2), PS_REMOVAL_ACT, "it has the act");
}

/* It has no act, and those that it meets let it in no further than to tell it. */
Test(test_engine_removed, one_that_was_away_is_told_by_whom_it_meets)
{
    begin();
    sim_script_part(0, 2);
    sim_script_part(1, 2);
    play(30000);
    remove_device(2);
    play(10000);
    cr_expect_eq(knows(2), PS_REMOVAL_NONE);
    sim_script_join(0, 2);
    sim_script_join(1, 2);
    play(300000);
    cr_expect_eq(told(2, P2PSYNC_EVENT_REMOVED), 1, "once");
    cr_expect_eq(knows(2), PS_REMOVAL_TOLD);
    sim_node_stop(&net, 2);
    cr_expect_eq(knows(2), PS_REMOVAL_TOLD, "and it remembers that");
}
