/* What the engine knows of its peers, and tells of them: who is admitted, who is there, how far
 * apart both are. */
#include <criterion/criterion.h>

#include "store/env/keys.h"
#include "store/mesh/peers.h"
#include "tests/sim/script.h"

#define net sim_script

static void play(uint64_t ms);
static void forget_member(unsigned node, unsigned other);
static bool has_effect(ps_effect_type type);

TestSuite(test_engine_peers, .fini = sim_script_end, .timeout = 120);

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

/* Let the store of `node` no longer have `other` as a member, until members are worked out anew. */
static void forget_member(unsigned node, unsigned other)
{
    struct ps_txn txn = {0};
    struct ps_key key = ps_key_device(&net.nodes[other].identity.device);
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_DEVICES, ps_key_view(&key)), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
}

/* Whether the last step of any engine had an effect of that type. */
static bool has_effect(ps_effect_type type)
{
    for (size_t i = 0; i < net.effects.count; i++) {
        if (net.effects.items[i].type == type) {
            return true;
        }
    }
    return false;
}

/* One device comes and another goes between two turns, so that there are as many as before. */
Test(test_engine_peers, has_the_links_told_when_others_are_members_than_before)
{
    sim_script_begin(1);
    unsigned first = sim_node_add_puppet(&net);
    unsigned second = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, first, "first");
    play(1000);
    cr_assert(sim_node_allows(&net, 0, first));
    sim_mesh_name(&net, 0, second, "second");
    forget_member(0, first);
    struct ps_event event = {.type = PS_EVENT_STORE_CHANGED};
    sim_node_step(&net, 0, &event, 1);
    cr_assert(sim_node_allows(&net, 0, second));
    cr_assert_not(sim_node_allows(&net, 0, first));
    cr_assert(has_effect(PS_EFFECT_ALLOW));
}

static struct ps_peer_info peer_of(unsigned node, unsigned other)
{
    struct ps_peer_info info = {0};
    cr_assert(sim_node_peer(&net, node, other, &info));
    return info;
}

Test(test_engine_peers, knows_how_far_behind_a_device_is_that_is_off)
{
    sim_script_begin(2);
    sim_put(&net, 0, "notes", "a", 1);
    cr_assert(sim_script_settle(60000));
    cr_assert_eq(peer_of(0, 1).behind, 0);
    cr_assert_eq(peer_of(0, 1).ahead, 0);
    sim_node_crash(&net, 1);
    play(60000);
    cr_assert_eq(peer_of(0, 1).behind, 0);
    for (unsigned i = 0; i < 3; i++) {
        sim_put(&net, 0, "notes", "a", 2 + i);
    }
    sim_put(&net, 0, "tasks", "a", 1);
    sim_put(&net, 0, "_local_x", "a", 1);
    play(1000);
    cr_assert_eq(peer_of(0, 1).behind, 4);
    cr_assert_eq(peer_of(0, 1).ahead, 0);
}

Test(test_engine_peers, knows_it_still_after_a_restart)
{
    sim_script_begin(2);
    sim_put(&net, 0, "notes", "a", 1);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 1);
    play(60000);
    sim_node_stop(&net, 0);
    sim_put(&net, 0, "notes", "a", 2);
    sim_put(&net, 0, "notes", "a", 3);
    sim_node_start(&net, 0);
    cr_assert_eq(peer_of(0, 1).behind, 2);
    cr_assert_eq(peer_of(0, 1).ahead, 0);
}

/* Whether the store of `node` says that `other` was in sync when the node ended. */
static bool at_end(unsigned node, unsigned other)
{
    struct ps_peer_row row;
    struct ps_txn txn = {0};
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, false, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_read(&txn, &net.nodes[other].identity.device, &row), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return row.at_end != 0;
}

/* Who counts on what another device holds needs to know that it was still there. */
Test(test_engine_peers, store_says_who_was_in_sync_at_the_end_until_the_next_start)
{
    sim_script_begin(3);
    sim_put(&net, 0, "notes", "a", 1);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 2);
    play(60000);
    sim_node_stop(&net, 0);
    cr_assert(at_end(0, 1));
    cr_assert_not(at_end(0, 2), "it ended before");
    play(60000);
    sim_node_stop(&net, 1);
    cr_assert_not(at_end(1, 0));
    sim_node_start(&net, 0);
    cr_assert_not(at_end(0, 1), "at once, for it may be killed");
}

Test(test_engine_peers, does_not_know_how_far_a_device_is_that_it_never_met)
{
    sim_script_begin(1);
    unsigned puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    play(60000);
    cr_assert_eq(peer_of(0, puppet).behind, UINT64_MAX);
    cr_assert_eq(peer_of(0, puppet).ahead, UINT64_MAX);
}

static bool hold_changes_of_1(struct sim_net *network, unsigned from, unsigned to, uint64_t type)
{
    (void)network;
    (void)to;
    return from == 1 && type == PS_MESSAGE_CHANGES;
}

/* Device 1 vanishes when it has said what it holds and before that has come: three changes of a log
 * that is here, and two of a log that is not. */
Test(test_engine_peers, knows_how_far_ahead_a_device_was_that_has_vanished)
{
    sim_script_begin(2);
    sim_put(&net, 1, "notes", "a", 1);
    cr_assert(sim_script_settle(60000));
    sim_script_part(0, 1);
    play(60000);
    for (unsigned i = 0; i < 3; i++) {
        sim_put(&net, 1, "notes", "a", 2 + i);
    }
    sim_put(&net, 1, "tasks", "a", 1);
    sim_put(&net, 1, "tasks", "a", 2);
    net.hold = hold_changes_of_1;
    sim_script_join(0, 1);
    sim_node_crash(&net, 1);
    sim_node_start(&net, 1);
    play(5000);
    cr_assert_eq(peer_of(0, 1).ahead, 5);
    sim_node_crash(&net, 1);
    play(60000);
    cr_assert_eq(peer_of(0, 1).protocol, 0);
    cr_assert_eq(peer_of(0, 1).ahead, 5);
    cr_assert_eq(peer_of(0, 1).behind, 0);
}

static bool hold_changes_of_0(struct sim_net *network, unsigned from, unsigned to, uint64_t type)
{
    (void)network;
    (void)to;
    return from == 0 && type == PS_MESSAGE_CHANGES;
}

/* Let device 0 send to device 1 what never comes, so that both are in the middle of a sync. */
static void begin_endless_sync(void)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_script_part(0, 1);
    play(60000);
    sim_put(&net, 0, "notes", "a", 1);
    net.hold = hold_changes_of_0;
    sim_script_join(0, 1);
    for (unsigned i = 0; i < 2; i++) {
        net.nodes[i].told[P2PSYNC_EVENT_SYNC_STARTED] = 0;
        net.nodes[i].told[P2PSYNC_EVENT_SYNC_COMPLETED] = 0;
        net.nodes[i].told[P2PSYNC_EVENT_SYNC_FAILED] = 0;
        net.nodes[i].told[P2PSYNC_EVENT_PEER_DOWN] = 0;
        sim_node_crash(&net, i);
        sim_node_start(&net, i);
    }
    while (net.nodes[0].told[P2PSYNC_EVENT_SYNC_STARTED] == 0 ||
           net.nodes[1].told[P2PSYNC_EVENT_SYNC_STARTED] == 0) {
        play(10);
    }
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(net.nodes[i].told[P2PSYNC_EVENT_SYNC_COMPLETED], 0);
        cr_assert_eq(net.nodes[i].told[P2PSYNC_EVENT_SYNC_FAILED], 0);
    }
}

Test(test_engine_peers, tells_of_no_failure_when_a_device_stops_cleanly)
{
    struct ps_event stop = {.type = PS_EVENT_STOP};
    begin_endless_sync();
    sim_node_step(&net, 1, &stop, 1);
    play(1000); /* what it has sent still arrives: a real link lingers */
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(net.nodes[i].told[P2PSYNC_EVENT_PEER_DOWN], 1);
        cr_assert_eq(net.nodes[i].told[P2PSYNC_EVENT_SYNC_FAILED], 0);
    }
}

Test(test_engine_peers, tells_of_a_failure_when_a_device_vanishes)
{
    begin_endless_sync();
    sim_node_crash(&net, 1);
    play(60000);
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_PEER_DOWN], 1);
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_SYNC_FAILED], 1);
}
