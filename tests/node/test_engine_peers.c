/* What the engine knows of its peers, and tells of them: who is admitted, who is there, how far
 * apart both are. */
#include <criterion/criterion.h>

#include "store/env/keys.h"
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
