/* A change whose parent never comes, in a mesh that is otherwise well: everybody is in sync, says
 * so, and shows the rest of what its author wrote. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/lib/author.h"
#include "tests/sim/script.h"

#define net sim_script

TestSuite(test_engine_waiting, .fini = sim_script_end, .timeout = 120);

static unsigned puppet;
static struct author author;
static struct ps_buf buf;

static struct ps_parent put(const char *id, const struct ps_parent *parent, uint64_t number)
{
    struct author_change change = {.op_and_flags = parent == NULL ? PS_OP_CREATE : PS_OP_UPDATE,
                                   .id = id,
                                   .hlc = (SIM_WALL_MS << 16U) + author.count,
                                   .parent_count = parent == NULL ? 0 : 1,
                                   .fields = case_fields(&buf, "value", (int64_t)number)};
    if (parent != NULL) {
        change.parents[0] = *parent;
    }
    return author_add(&author, &change);
}

/* Two nodes and a third member, whose log node 0 gets while it is off. */
static void begin(bool whole)
{
    sim_script_begin(2);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    cr_assert(sim_script_settle(120000));
    sim_node_stop(&net, 0);
    author_init(&author, 1);
    ps_buf_init(&buf, 1000);
    author.identity = net.nodes[puppet].identity;
    author.identity.mesh = net.nodes[0].identity.mesh;
    author.secret = net.nodes[puppet].secret;
    author.collection = "notes";
    struct ps_parent lost = {.dot = {.origin = {{7}}, .seq = 3}};
    struct ps_parent on_lost = put("a", &lost, 1);
    (void)put("b", NULL, 2);
    (void)put("a", &on_lost, 3);
    if (!whole) {
        struct author_change half = {.op_and_flags = PS_OP_CREATE | PS_CHANGE_MORE,
                                     .id = "c",
                                     .hlc = (SIM_WALL_MS << 16U) + 9,
                                     .fields = case_fields(&buf, "value", 4)};
        (void)author_add(&author, &half);
    }
    struct store_case zero = {.store = net.nodes[0].store, .identity = net.nodes[0].identity};
    author_deliver_all(&author, &zero);
    author_deinit(&author);
    ps_buf_deinit(&buf);
    sim_node_start(&net, 0);
}

static ps_peer_state state_of(unsigned node, unsigned peer)
{
    struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, node, peer, &info));
    return info.state;
}

static void check(uint64_t pending)
{
    sim_net_run(&net, 60000);
    cr_assert_str_empty(net.failure);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(sim_get(&net, i, "notes", "b"), 2, "node %u", i);
        cr_assert_eq(sim_get(&net, i, "notes", "a"), UINT64_MAX);
        cr_assert_eq(sim_state(&net, i).pending, pending);
        cr_assert_eq(state_of(i, 1 - i), PS_PEER_IN_SYNC, "node %u", i);
    }
    sim_node_now(&net, 1, 5, 60000);
    sim_net_run(&net, 5000);
    cr_assert_eq(net.now_done[1], 1);
    cr_assert_eq(net.now_result[1], P2PSYNC_OK);
}

Test(test_engine_waiting, is_in_sync_though_a_parent_never_comes)
{
    begin(true);
    check(2);
    sim_put(&net, 1, "notes", "d", 5);
    sim_net_run(&net, 5000);
    cr_assert_eq(sim_get(&net, 0, "notes", "d"), 5);
    cr_assert_eq(state_of(0, 1), PS_PEER_IN_SYNC);
}

Test(test_engine_waiting, is_in_sync_though_a_transaction_is_not_here_whole)
{
    begin(false);
    check(3);
}
