/* Logs that fork: a device whose store went back to an older copy of itself within one run, and an
 * author that signs several histories on purpose. Everybody comes to hold all of them, is in sync,
 * and shows both edits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/log/collection.h"
#include "tests/lib/author.h"
#include "tests/lib/decided.h"
#include "tests/sim/checker.h"
#include "tests/sim/script.h"

#define net       sim_script
#define NODES     4
#define HISTORIES 4

TestSuite(test_engine_forks, .fini = sim_script_end, .timeout = 300);

static struct ps_txn begin(unsigned node)
{
    struct ps_txn txn = {0};
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, false, &txn), P2PSYNC_OK);
    return txn;
}

/* How many histories of a device's incarnation a node holds. */
static size_t histories(unsigned node, const char *collection, const struct ps_identity *author)
{
    struct ps_collection found;
    struct ps_log log;
    struct ps_origin origin = {.device = author->device, .incarnation = author->incarnation};
    size_t count = 0;
    struct ps_txn txn = begin(node);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text(collection), &found), P2PSYNC_OK);
    struct ps_log_walk walk =
        ps_log_walk_origin(&txn, found.number, ps_origin_tag(&net.nodes[0].identity.mesh, &origin));
    while (ps_log_walk_next(&walk, &log)) {
        count++;
    }
    ps_txn_abort(&txn);
    return count;
}

static uint32_t versions(unsigned node, const char *collection, const char *id)
{
    struct ps_collection found;
    struct ps_record_row row = {.version_count = 0};
    struct ps_txn txn = begin(node);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text(collection), &found), P2PSYNC_OK);
    p2psync_result result = ps_record_get(&txn, found.number, ps_bytes_text(id), &row);
    cr_assert(result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
    return row.version_count;
}

static void check_all_equal(void)
{
    cr_assert(sim_check_in_sync(&net));
    sim_check_equal(&net);
    for (unsigned i = 0; i < net.node_count; i++) {
        if (!net.nodes[i].puppet) {
            sim_check_rule(&net, i);
        }
    }
    cr_assert_str_empty(net.failure);
}

static void part_all(unsigned node)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (i != node) {
            sim_script_part(node, i);
        }
    }
}

static void join_all(unsigned node)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (i != node) {
            sim_script_join(node, i);
        }
    }
}

/* Device 3 writes, and some of the others see it; then it goes back to a copy and writes something
 * else before it meets them again. The copy is of a moment after its last start, so that nothing
 * that it notices by itself shows that it went back. */
static void roll_back(const char *copy, unsigned witness, const char *id, uint64_t value)
{
    sim_node_stop(&net, 3);
    sim_node_restore(&net, 3, copy);
    part_all(3);
    sim_node_start(&net, 3);
    sim_put(&net, 3, "notes", id, value);
    if (witness < NODES) {
        sim_script_join(3, witness);
        sim_net_run(&net, 60000);
        cr_assert_eq(sim_get(&net, witness, "notes", id), value);
        part_all(3);
    }
}

static void begin_four(void)
{
    sim_script_begin(NODES);
    sim_put(&net, 3, "notes", "r", 1);
    cr_assert(sim_script_settle(120000));
    sim_node_stop(&net, 3);
    sim_node_save(&net, 3, "copy");
    sim_node_start(&net, 3);
}

Test(test_engine_forks, both_edits_of_a_device_that_was_rolled_back_are_kept)
{
    begin_four();
    struct ps_identity before = net.nodes[3].identity;
    sim_put(&net, 3, "notes", "r", 2);
    sim_put(&net, 3, "notes", "only-first", 3);
    cr_assert(sim_script_settle(120000));
    roll_back("copy", NODES, "r", 4);
    join_all(3);
    cr_assert(sim_script_settle(120000));
    for (unsigned i = 0; i < NODES; i++) {
        cr_assert_eq(histories(i, "notes", &before), 2, "node %u", i);
        cr_assert_eq(versions(i, "notes", "r"), 2, "node %u", i);
        cr_assert_eq(sim_get(&net, i, "notes", "only-first"), 3);
        cr_assert_geq(net.nodes[i].told[P2PSYNC_EVENT_DEVICE_FORKED], 1, "node %u says nothing", i);
    }
    sim_put(&net, 3, "notes", "r", 5);
    cr_assert(sim_script_settle(120000));
    for (unsigned i = 0; i < NODES; i++) {
        cr_assert_eq(histories(i, "notes", &before), 2, "node %u", i);
        cr_assert_eq(versions(i, "notes", "r"), 1, "node %u", i); /* it has seen both */
        cr_assert_eq(sim_get(&net, i, "notes", "r"), 5);
    }
    check_all_equal();
}

/* The newest CHANGES of a collection that have reached the puppet. */
static struct ps_bytes captured_changes(const char *collection)
{
    for (size_t i = net.capture_count; i-- > 0;) {
        const struct sim_capture *capture = &net.captures[i];
        struct ps_changes changes;
        if (capture->type == PS_MESSAGE_CHANGES &&
            ps_changes_decode(ps_buf_view(&capture->bytes), &changes) == P2PSYNC_OK &&
            ps_bytes_equal(changes.log.collection, ps_bytes_text(collection))) {
            return ps_buf_view(&capture->bytes);
        }
    }
    cr_assert_fail("no CHANGES of %s", collection);
    return ps_bytes(NULL, 0);
}

static uint64_t stored_incarnation(unsigned node)
{
    struct ps_identity identity;
    struct ps_txn txn = begin(node);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return identity.incarnation;
}

/* Device 0 hears of what it wrote before it went back not by an offer, but by changes that it never
 * asked for. */
Test(test_engine_forks, a_device_that_is_sent_its_own_changes_goes_on_in_another_incarnation)
{
    struct ps_summary none = {.roots = ps_bytes("\x90", 1), .heads = ps_bytes("\x90", 1)};
    struct ps_buf bytes;
    sim_script_begin(1);
    unsigned other = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, other, "puppet");
    sim_put(&net, 0, "notes", "r", 1);
    sim_net_run(&net, 60000);
    sim_node_stop(&net, 0);
    sim_node_save(&net, 0, "copy");
    sim_node_start(&net, 0);
    uint64_t incarnation = stored_incarnation(0);
    sim_put(&net, 0, "notes", "r", 2);
    struct ps_hello hello = sim_script_hello(other);
    size_t link = sim_link_open(&net, other, 0);
    sim_script_send_hello(other, link, &hello);
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_summary_encode(&none, &bytes), P2PSYNC_OK);
    sim_link_send_as(&net, other, link, ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
    sim_net_run(&net, 1000);

    sim_node_stop(&net, 0);
    sim_node_restore(&net, 0, "copy");
    sim_node_start(&net, 0);
    link = sim_link_open(&net, other, 0);
    sim_script_send_hello(other, link, &hello);
    sim_net_run(&net, 1000);
    cr_assert_eq(sim_get(&net, 0, "notes", "r"), 1);
    cr_assert_eq(stored_incarnation(0), incarnation);
    sim_link_send_as(&net, other, link, captured_changes("notes"));
    sim_net_run(&net, 1000);
    cr_assert_eq(sim_get(&net, 0, "notes", "r"), 2);
    cr_assert_neq(stored_incarnation(0), incarnation);
}

/* Each of the others sees another history, while they are apart. The last one forks where the first
 * has gone on already: a branch of a branch. */
Test(test_engine_forks, four_histories_meet)
{
    begin_four();
    struct ps_identity before = net.nodes[3].identity;
    for (unsigned i = 0; i < NODES; i++) {
        part_all(i);
    }
    roll_back("copy", 0, "r", 2);
    sim_node_stop(&net, 3);
    sim_node_save(&net, 3, "further");
    sim_node_start(&net, 3);
    sim_script_join(3, 0);
    sim_put(&net, 3, "notes", "r", 3);
    sim_net_run(&net, 60000);
    cr_assert_eq(sim_get(&net, 0, "notes", "r"), 3);
    roll_back("copy", 1, "r", 4);
    roll_back("further", 2, "r", 5);
    roll_back("copy", NODES, "r", 6);
    for (unsigned i = 0; i < NODES; i++) {
        join_all(i);
    }
    cr_assert(sim_script_settle(240000));
    for (unsigned i = 0; i < NODES; i++) {
        cr_assert_eq(histories(i, "notes", &before), 4, "node %u", i);
        cr_assert_eq(versions(i, "notes", "r"), 4, "node %u", i);
    }
    check_all_equal();
}

/* ---- an author that forks on purpose: its histories are put into stores of stopped nodes ---- */

static struct author history[HISTORIES];
static struct ps_buf buf;
static unsigned puppet;

static void author_begin(const char *collection)
{
    sim_script_begin(NODES);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    cr_assert(sim_script_settle(120000));
    for (unsigned i = 0; i < NODES; i++) {
        sim_node_stop(&net, i);
    }
    ps_buf_init(&buf, 1000);
    for (size_t i = 0; i < HISTORIES; i++) {
        author_init(&history[i], 1);
        history[i].identity = net.nodes[puppet].identity;
        history[i].identity.mesh = net.nodes[0].identity.mesh;
        history[i].secret = net.nodes[puppet].secret;
        history[i].collection = collection;
    }
}

static void author_put(struct author *author, const char *id, size_t version)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                   .id = id,
                                   .hlc = (SIM_WALL_MS << 16U) + author->count * 10 + version,
                                   .fields = case_fields(&buf, "value", (int64_t)version)};
    (void)author_add(author, &change);
}

/* A history of `size` changes, which is the first one's up to `shared`. */
static void author_write(size_t which, size_t shared, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "r%u", (unsigned)(i % 50));
        author_put(&history[which], id, i < shared ? 0 : which);
    }
}

static void author_end(const size_t of_node[NODES])
{
    for (unsigned i = 0; i < NODES; i++) {
        struct store_case there = {.store = net.nodes[i].store, .identity = net.nodes[i].identity};
        if (of_node[i] < HISTORIES) {
            author_deliver_all(&history[of_node[i]], &there);
        }
        sim_node_start(&net, i);
    }
    for (size_t i = 0; i < HISTORIES; i++) {
        author_deinit(&history[i]);
    }
    ps_buf_deinit(&buf);
    cr_assert(sim_script_settle(240000));
}

/* Every pair of sizes up to 9, of what two histories have of their own, and up to 9 before that: no
 * size of a tree hides a fork. The last node has nothing. */
Test(test_engine_forks, are_found_whatever_the_sizes)
{
    for (size_t shared = 0; shared < 10; shared += shared < 5 ? 1 : 3) {
        for (size_t own = 1; own <= 9; own += own < 3 ? 1 : 3) {
            for (size_t other = 1; other <= 9; other += other < 3 ? 1 : 3) {
                author_begin("notes");
                struct ps_identity author = history[0].identity;
                author_write(0, shared, shared + own);
                author_write(1, shared, shared + other);
                author_end((size_t[NODES]){0, 1, 1, HISTORIES});
                for (unsigned i = 0; i < NODES; i++) {
                    cr_assert_eq(histories(i, "notes", &author), 2, "%zu + %zu or %zu: node %u",
                                 shared, own, other, i);
                }
                check_all_equal();
                sim_script_end();
            }
        }
    }
    sim_script_begin(1);
}

/* Large enough for stored subtrees and several messages; two forks in one log, one of them where
 * another one has gone on, and one at its very beginning. */
Test(test_engine_forks, are_found_far_back_in_large_logs)
{
    author_begin("notes");
    struct ps_identity author = history[0].identity;
    author_write(0, 0, 1000);
    author_write(1, 900, 1050);
    author_write(2, 300, 700);
    author_write(3, 0, 20);
    author_end((size_t[NODES]){0, 1, 2, 3});
    for (unsigned i = 0; i < NODES; i++) {
        cr_assert_eq(histories(i, "notes", &author), 4, "node %u", i);
    }
    check_all_equal();
}

/* How many histories of the author are offered to the puppet in the HEADS that it has got. */
static size_t offered(const struct ps_device *author, uint64_t *size_out)
{
    size_t count = 0;
    for (size_t i = 0; i < net.capture_count; i++) {
        struct ps_cursor cursor;
        struct ps_heads_item item;
        if (net.captures[i].type != PS_MESSAGE_HEADS ||
            ps_heads_decode(ps_buf_view(&net.captures[i].bytes), &cursor) != P2PSYNC_OK) {
            continue;
        }
        while (ps_heads_next(&cursor, &item)) {
            bool is_one = ps_device_equal(&item.log.origin.device, author) &&
                          ps_bytes_equal(item.log.collection, ps_bytes_text("notes"));
            count += is_one;
            *size_out = is_one ? item.head.size : *size_out;
        }
    }
    return count;
}

/* A peer that has heard of one history calls it the trunk. Its name says nothing then: what is in
 * it tells that it holds that history, and only the other one is offered. */
Test(test_engine_forks, are_compared_by_what_is_in_them_where_one_side_knows_of_no_fork)
{
    const struct ps_state state = {.common = {.bytes = {1}}};
    struct ps_buf heads;
    struct ps_buf bytes;
    struct ps_writer writer;
    uint64_t size = 0;
    author_begin("notes");
    struct ps_identity author = history[0].identity;
    struct ps_origin origin = {.device = author.device, .incarnation = author.incarnation};
    struct ps_short_head head = {.log = {.origin = ps_origin_tag(&author.mesh, &origin)},
                                 .size = 5};
    author_write(0, 2, 5);
    author_write(1, 2, 6);
    struct ps_head signed_head = author_head(&history[0], 5);
    memcpy(head.root, signed_head.root.bytes, sizeof head.root);
    author_end((size_t[NODES]){0, 1, 1, HISTORIES});
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.state = state;
    sim_script_send_hello(puppet, link, &hello);
    ps_buf_init(&heads, 1000);
    ps_buf_init(&bytes, 65536);
    ps_writer_init(&writer, &heads);
    struct ps_summary_part part = {.name = ps_bytes_text("notes"), .logs = ps_log_range_all()};
    ps_write_array(&writer, 1);
    ps_summary_write_collection(&writer, &part, 1);
    ps_summary_write_head(&writer, &head);
    ps_summary_end_collection(&writer, &part);
    struct ps_summary summary = {.reply = true, .state = state, .heads = ps_buf_view(&heads)};
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    cr_assert_eq(ps_summary_encode(&summary, &bytes), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&bytes));
    sim_net_run(&net, 1000);
    cr_assert_eq(offered(&author.device, &size), 1);
    cr_assert_eq(size, 6, "the other one");
    ps_buf_deinit(&bytes);
    ps_buf_deinit(&heads);
}

/* Both histories of the members' log count, so everybody has the same members. */
Test(test_engine_forks, of_devices_give_everybody_the_same_members)
{
    author_begin("_devices");
    struct ps_identity author = history[0].identity;
    struct store_case founder = {.store = net.nodes[0].store, .identity = net.nodes[0].identity};
    struct ps_act_id grant = decided_grant(&founder, &author.device);
    for (size_t i = 0; i < 3; i++) {
        decided_by(
            &history[i], &grant,
            &(struct ps_act){.subject = case_identity(77, NULL).device, .role = PS_ROLE_WRITER},
            10);
        decided_by(
            &history[i], &grant,
            &(struct ps_act){.subject = case_identity(78 + i, NULL).device, .role = PS_ROLE_WRITER},
            11 + i);
    }
    author_end((size_t[NODES]){0, 1, 2, HISTORIES});
    for (unsigned i = 0; i < NODES; i++) {
        uint32_t count = 0;
        struct ps_txn txn = begin(i);
        cr_assert_eq(ps_member_count(&txn, &count), P2PSYNC_OK);
        ps_txn_abort(&txn);
        cr_assert_eq(count, NODES + 1 + 1 + 3, "node %u", i);
        cr_assert_eq(histories(i, "_devices", &author), 3, "node %u", i);
    }
    check_all_equal();
}
