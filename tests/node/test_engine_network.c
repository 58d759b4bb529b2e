/* The engine on networks as they are: addresses of which some lead nowhere, machines that were
 * suspended, peers of which not all can unpack. */
#include <criterion/criterion.h>

#include "node/engine/on_beacon.h"
#include "node/engine/skew.h"
#include "tests/sim/script.h"

#define net      sim_script
#define ROUND_MS 600000 /* quiet peers compare at least so often */

static void play(uint64_t ms);
static void remember(unsigned node, unsigned other, const char *const *endpoints, size_t count);
static void jump(unsigned node);
static int64_t skew_after(int64_t set_ms);
static uint64_t encoding_for(uint64_t capabilities);

TestSuite(test_engine_network, .fini = sim_script_end, .timeout = 120);

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

/* Let the store of `node`, which is down, know `other` at these endpoints and no others. */
static void remember(unsigned node, unsigned other, const char *const *endpoints, size_t count)
{
    struct ps_peer_row row = {.endpoint_count = (uint32_t)count};
    struct ps_txn txn = {0};
    for (size_t i = 0; i < count; i++) {
        snprintf(row.endpoints[i], sizeof row.endpoints[i], "%s", endpoints[i]);
    }
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_write(&txn, &net.nodes[other].identity.device, &row), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
}

/* The machine of a node was suspended for an hour, and wakes. */
static void jump(unsigned node)
{
    struct ps_event event = {.type = PS_EVENT_TICK};
    net.nodes[node].skew_ms += 3600LL * 1000;
    sim_node_step(&net, node, &event, 1);
}

Test(test_engine_network, does_not_wait_for_addresses_that_lead_nowhere)
{
    static const char *const endpoints[] = {"10.9.9.1:47470", "10.9.9.2:47470", "10.0.0.0:47470"};
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.beacons = false;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 0);
    sim_node_stop(&net, 1);
    play(30000);
    remember(0, 1, NULL, 0);
    remember(1, 0, endpoints, 3);
    sim_node_start(&net, 0);
    sim_node_start(&net, 1);
    play(600); /* two are tried before the right one, a quarter of a second apart */
    cr_assert_eq(net.nodes[1].connected, 1);

    sim_node_stop(&net, 1);
    play(30000);
    sim_node_start(&net, 1);
    play(50); /* the one that worked is tried first */
    cr_assert_eq(net.nodes[1].connected, 1);
}

/* How many endpoints of `other` are noted in the store of `node` as places where it was reached. */
static size_t worked(unsigned node, unsigned other)
{
    struct ps_peer_row row;
    struct ps_txn txn = {0};
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, false, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_read(&txn, &net.nodes[other].identity.device, &row), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_leq(row.worked_count, row.endpoint_count);
    return row.worked_count;
}

Test(test_engine_network, remembers_which_addresses_have_worked)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 0);
    sim_node_stop(&net, 1);
    cr_assert_eq(worked(0, 1) + worked(1, 0), 1, "one has dialled the other");
}

Test(test_engine_network, compares_at_once_after_a_suspend)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    play(600000);
    uint64_t before = net.traffic[0][1].messages;
    jump(0);
    play(20);
    cr_assert_gt(net.traffic[0][1].messages, before);
    cr_assert(sim_check_in_sync(&net));
}

/* Beacons in the name of node 1, each as if it came of a new run. */
static void forge_beacons(size_t count, uint64_t pause_ms)
{
    struct sim_node *victim = &net.nodes[0];
    for (uint64_t nonce = 1; nonce <= count; nonce++) {
        struct ps_event event = {.type = PS_EVENT_BEACON_HEARD,
                                 .nonce = nonce,
                                 .address = ps_bytes_text("10.0.0.1:47470")};
        event.tag = ps_device_tag(&victim->identity.mesh, nonce, &net.nodes[1].identity.device);
        sim_node_step(&net, 0, &event, 1);
        play(pause_ms);
    }
}

static bool lose_all(struct sim_net *of, unsigned from, unsigned to, uint64_t type)
{
    (void)of;
    (void)from;
    (void)type;
    return to == 0;
}

/* With each such beacon the session is in doubt, and whoever is asked too much would blame us. */
Test(test_engine_network, asks_a_peer_but_once_however_often_its_session_is_in_doubt)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    uint64_t before = net.traffic[0][1].messages;
    forge_beacons(1000, 1);
    cr_assert_leq(net.traffic[0][1].messages, before + 3);
    cr_assert(sim_check_in_sync(&net));
}

/* Whoever has heard one beacon of the mesh can make up device tags under its nonce. */
Test(test_engine_network, looks_at_few_strangers_a_second)
{
    size_t bursts = 0;
    sim_script_begin(1);
    play(1000);
    for (unsigned i = 0; i < 1000; i++) {
        struct ps_event event = {.type = PS_EVENT_BEACON_HEARD,
                                 .nonce = 1,
                                 .tag = {.bytes = {(uint8_t)i, (uint8_t)(i >> 8U), 1}},
                                 .address = ps_bytes_text("10.0.0.9:1")};
        sim_node_step(&net, 0, &event, 1);
        for (size_t k = 0; k < net.effects.count; k++) {
            bursts += net.effects.items[k].type == PS_EFFECT_BURST ? 1 : 0;
        }
        play(1);
    }
    cr_assert_geq(bursts, PS_STRANGERS_RATE);
    cr_assert_leq(bursts / 2, PS_STRANGERS_RATE);
}

/* Nor is a peer asked again that has not replied. */
Test(test_engine_network, asks_nobody_again_that_has_not_replied)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    net.hold = lose_all;
    uint64_t before = net.traffic[0][1].messages;
    forge_beacons(2, 1);
    sim_node_now(&net, 0, 1, 4000);
    play(1000);
    cr_assert_eq(net.traffic[0][1].messages, before + 1);
    play(5000);
    cr_assert_eq(net.nodes[0].connected, 0);
}

/* Sets the clock of node 1, and returns how far off node 0 sees it after the next round at the
 * latest. */
static int64_t skew_after(int64_t set_ms)
{
    struct ps_peer_info peer;
    net.nodes[1].skew_ms = set_ms;
    play(ROUND_MS);
    cr_assert(sim_node_peer(&net, 0, 1, &peer));
    cr_assert_eq(peer.skewed, peer.skew_ms > PS_SKEW_MS_MAX);
    return peer.skew_ms;
}

Test(test_engine_network, sees_in_each_round_how_far_a_clock_is_off)
{
    sim_script_begin(2);
    net.nodes[0].skew_ms = 0;
    cr_assert(sim_script_settle(60000));
    cr_assert_gt(skew_after(3600LL * 1000), 3599LL * 1000);
    cr_assert_lt(skew_after(0), 1000);
}

Test(test_engine_network, dials_at_once_after_a_suspend)
{
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.beacons = false;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    sim_script_part(0, 1);
    play(900000); /* until it dials once a minute */
    cr_assert_eq(net.nodes[0].connected, 0);
    sim_script_join(0, 1);
    jump(0);
    play(20);
    cr_assert_eq(net.nodes[0].connected, 1);
}

/* How 90 records are sent to a puppet that can do this, and asks for all there is. */
static uint64_t encoding_for(uint64_t capabilities)
{
    struct ps_summary none = {.roots = ps_bytes("\x90", 1), .heads = ps_bytes("\x90", 1)};
    struct ps_changes changes;
    struct ps_buf bytes;
    sim_script_begin(1);
    unsigned puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    sim_put_many(&net, 0, "notes", 90, 200);
    play(60000);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.capabilities = capabilities;
    sim_script_send_hello(puppet, link, &hello);
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_summary_encode(&none, &bytes), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
    play(1000);
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_CHANGES);
    cr_assert_not_null(capture);
    cr_assert_eq(ps_changes_decode(ps_buf_view(&capture->bytes), &changes), P2PSYNC_OK);
    return changes.encoding;
}

Test(test_engine_network, packs_changes_for_a_peer_that_can_unpack)
{
    cr_assert_eq(encoding_for(PS_CAPABILITY_ZSTD), PS_ENCODING_ZSTD);
}

Test(test_engine_network, packs_nothing_for_a_peer_that_cannot_unpack)
{
    cr_assert_eq(encoding_for(0), PS_ENCODING_PLAIN);
}

static unsigned deaf_to; /* no SUMMARY reaches this node */

static bool lose_summaries_to(struct sim_net *of, unsigned from, unsigned to, uint64_t type)
{
    (void)of;
    (void)from;
    return to == deaf_to && type == PS_MESSAGE_SUMMARY;
}

/* One side has given up a connection, the other has not heard of it. Who dials anew tells by that
 * that something is wrong: the other must not say for long that it has a session. */
Test(test_engine_network, doubts_a_session_whose_other_side_dials_anew)
{
    struct sim_options options;
    struct ps_peer_info info;
    sim_options_calm(&options, 2);
    options.deaf = true;
    options.interval_ms = ROUND_MS; /* so that neither asks by itself */
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    play(10000);
    deaf_to = sim_link_count(&net, 0, 1) > 0 ? 1 : 0;
    unsigned other = 1 - deaf_to;
    net.hold = lose_summaries_to;
    sim_node_now(&net, deaf_to, 1, 1000);
    for (unsigned i = 0;
         i < 600 && sim_node_peer(&net, deaf_to, other, &info) && info.protocol != 0; i++) {
        play(100);
    }
    cr_assert_eq(info.protocol, 0, "the session is still there");
    cr_assert(sim_node_peer(&net, other, deaf_to, &info));
    cr_assert_neq(info.protocol, 0, "both have heard of it");
    net.hold = NULL;
    cr_assert(sim_script_settle(20000));
}
