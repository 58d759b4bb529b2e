/* No log is refused for good, and none is dropped: whatever an author begins, and to whom it shows
 * what, those who compare come to hold the same. What nobody honest begins comes slowly from who
 * begins it, and faster from who has taken it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/engine/budget.h"
#include "store/log/begun.h"
#include "store/log/branch.h"
#include "store/log/collection.h"
#include "store/mesh/members.h"
#include "store/mesh/named.h"
#include "tests/lib/author.h"
#include "tests/lib/decided.h"
#include "tests/lib/secret.h"
#include "tests/sim/script.h"

#define net    sim_script
#define PUSHED 300 /* logs at a time */

static unsigned puppet; /* a member whose logs the tests sign */
static struct author author;

static void begin_with(uint32_t page_max)
{
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.no_push = page_max > 0;
    options.page_max = page_max;
    sim_script_begin_with(&options);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 1);
    sim_net_run(&net, 2000);
}

static void end(void)
{
    author_deinit(&author);
    sim_script_end();
}

TestSuite(test_engine_bounds, .fini = end, .timeout = 300);

static struct ps_txn begin(unsigned node, bool writable)
{
    struct ps_txn txn = {0};
    cr_assert_eq(ps_txn_begin(net.nodes[node].store, writable, &txn), P2PSYNC_OK);
    return txn;
}

/* Begin a log of the puppet, or of `device` if that is not NULL. */
static void begin_author(const char *collection, uint64_t incarnation)
{
    author_deinit(&author);
    author_init(&author, 1);
    author.identity = net.nodes[puppet].identity;
    author.identity.mesh = net.nodes[0].identity.mesh;
    author.identity.incarnation = incarnation;
    author.secret = net.nodes[puppet].secret;
    author.collection = collection;
}

static void add(const char *id, uint64_t hlc)
{
    const struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = id, .hlc = hlc};
    (void)author_add(&author, &change);
}

static void bring_in(const struct ps_device *device)
{
    struct store_case founder = {.store = net.nodes[0].store, .identity = net.nodes[0].identity};
    struct ps_act_id grant = decided_grant(&founder, &author.identity.device);
    decided_by(&author, &grant, &(struct ps_act){.subject = *device, .role = PS_ROLE_WRITER},
               10 + author.count);
}

/* Give all of the author's log to a node, as if it had come: whichever history it is. */
static void deliver(unsigned node)
{
    struct ps_log_name name = {
        .collection = ps_bytes_text(author.collection),
        .origin = {.device = author.identity.device, .incarnation = author.identity.incarnation}};
    struct ps_head_context context = ps_message_head_context(&name, &author.identity.mesh);
    struct ps_proof proof = {.count = 0};
    struct ps_buf entries;
    struct ps_log log;
    struct ps_collection collection;
    struct ps_branch_taken taken;
    bool any = false;
    struct ps_txn txn = begin(node, true);
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    for (size_t i = 0; i < author.count; i++) {
        cr_assert_eq(ps_buf_append(&entries, author.bytes[i].data, author.bytes[i].size),
                     P2PSYNC_OK);
    }
    const struct ps_chunk chunk = {.entries = ps_buf_view(&entries),
                                   .head = author_head(&author, author.count),
                                   .proof = &proof};
    p2psync_result result = ps_collection_find(&txn, name.collection, &collection);
    if (result == P2PSYNC_OK) {
        struct ps_log_walk walk = ps_log_walk_origin(
            &txn, collection.number, ps_origin_tag(&author.identity.mesh, &name.origin));
        any = ps_log_walk_next(&walk, &log);
    }
    result = any ? ps_branch_take(&txn, &log, &context, &chunk, &taken)
                 : ps_receive_first(&txn, &author.identity.mesh, &name, &chunk, &log);
    cr_assert_eq(result, P2PSYNC_OK, "%s", p2psync_result_name(result));
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    ps_buf_deinit(&entries);
}

/* How many logs of the puppet a node has. */
static uint32_t begun(unsigned node)
{
    uint32_t count = 0;
    struct ps_txn txn = begin(node, false);
    cr_assert_eq(ps_begun_count(&txn, &net.nodes[puppet].identity.device, &count), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

/* The puppet has begun as many logs as it may, as far as this node knows. */
static void use_up(unsigned node)
{
    struct ps_txn txn = begin(node, true);
    cr_assert_eq(ps_begun_add(&txn, &net.nodes[puppet].identity.device, PS_BEGUN_MAX), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
}

static void check_same(uint64_t within_ms)
{
    sim_script_join(0, 1);
    cr_assert(sim_script_settle(within_ms));
    sim_check_equal(&net);
    cr_assert_str_empty(net.failure);
}

/* Neither the collections nor the logs of one fit a SUMMARY, and each side lacks some of both. Ten
 * times what fits takes many rounds, which come later and later. */
Test(test_engine_bounds, what_fits_no_summary_is_compared_in_pages)
{
    begin_with(3);
    for (unsigned i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%02u", i);
        sim_put(&net, i % 2, name, "a", i);
    }
    for (uint64_t i = 0; i < 30; i++) {
        begin_author("many", i);
        add("r", 10 + i);
        deliver(i % 3 == 0 ? 0 : 1);
    }
    check_same(1200000);
    cr_assert_eq(begun(0), 30);
    cr_assert_eq(begun(1), 30);
    for (unsigned i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%02u", i);
        cr_assert_eq(sim_get(&net, 1 - i % 2, name, "a"), i);
    }
    sim_put(&net, 0, "c07", "b", 5); /* and one edit, which only a round shows */
    check_same(1200000);
    cr_assert_eq(sim_get(&net, 1, "c07", "b"), 5);
}

/* Each node was shown other histories, more than anybody honest has; and two of them both. */
Test(test_engine_bounds, histories_without_number_come_to_be_the_same)
{
    begin_with(0);
    for (uint64_t i = 0; i < 40; i++) {
        begin_author("notes", 7);
        add("shared", 10);
        if (i % 2 == 0) {
            add("half", 11);
        }
        add("own", 100 + i);
        if (i < 22) {
            deliver(0);
        }
        if (i >= 20) {
            deliver(1);
        }
    }
    cr_assert_eq(begun(0), 22);
    check_same(120000);
    cr_assert_eq(begun(0), 40);
    cr_assert_eq(begun(1), 40);
}

/* The same of logs, beyond what an honest device begins: they pass from the one that has them. */
Test(test_engine_bounds, logs_beyond_the_bound_pass_between_those_who_have_them)
{
    begin_with(0);
    use_up(0);
    use_up(1);
    for (uint64_t i = 0; i < 300; i++) {
        begin_author("notes", i);
        add("r", 10 + i);
        deliver(i % 2);
    }
    check_same(60000);
    cr_assert_eq(begun(0), PS_BEGUN_MAX + 300);
    cr_assert_eq(begun(1), PS_BEGUN_MAX + 300);
}

/* Let the puppet send one of its logs, all of it. */
static void push(size_t link)
{
    struct ps_buf message;
    struct ps_buf entries;
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    for (size_t i = 0; i < author.count; i++) {
        cr_assert_eq(ps_buf_append(&entries, author.bytes[i].data, author.bytes[i].size),
                     P2PSYNC_OK);
    }
    const struct ps_changes changes = {
        .log = {.collection = ps_bytes_text(author.collection),
                .origin = {.device = author.identity.device,
                           .incarnation = author.identity.incarnation}},
        .encoding = PS_ENCODING_PLAIN,
        .entries = ps_buf_view(&entries),
        .head = author_head(&author, author.count),
        .state = {.as_before = true}};
    cr_assert_eq(ps_changes_encode(&changes, &message), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&message));
    ps_buf_deinit(&entries);
    ps_buf_deinit(&message);
}

/* For 20 seconds the puppet pushes logs, or histories of one. Both nodes are in sync with each
 * other all the while, may begin what they want, and blame nobody. How many node 0 has taken. */
static uint32_t push_for_20_s(bool histories)
{
    struct ps_peer_info info;
    sim_script_join(0, 1);
    sim_net_run(&net, 60000); /* until they have a link again */
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    sim_net_run(&net, 1000);
    uint32_t before[] = {begun(0), begun(1)};
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < PUSHED; i++) {
            begin_author("notes", histories ? 7 : i);
            add("shared", 10);
            add("own", 11 + i);
            push(link);
        }
        sim_net_run(&net, 1000);
        cr_assert_str_empty(net.failure);
        sim_put(&net, 0, "notes", "ours", round);
        sim_net_run(&net, 1000);
        cr_assert_eq(sim_get(&net, 1, "notes", "ours"), round);
        cr_assert(sim_node_peer(&net, 1, 0, &info));
        cr_assert_eq(info.state, PS_PEER_IN_SYNC);
    }
    cr_assert_eq(begun(0) - before[0], begun(1) - before[1]);
    cr_assert(sim_node_peer(&net, 0, puppet, &info));
    cr_assert_eq(info.faults, 0);
    sim_put(&net, 0, "new", "a", 1);
    sim_net_run(&net, 1000);
    cr_assert_eq(sim_get(&net, 1, "new", "a"), 1);
    printf("# %u in 20 s\n", begun(0) - before[0]);
    return begun(0) - before[0];
}

Test(test_engine_bounds, logs_beyond_the_bound_come_slowly_from_their_author)
{
    uint32_t ahead = PS_BUDGET_MAX / (PS_BUDGET_PER_MS * 1000U);
    begin_with(0);
    use_up(0);
    uint32_t taken = push_for_20_s(false);
    cr_assert_geq(taken, ahead + 15);
    cr_assert_leq(taken, ahead + 21);
}

Test(test_engine_bounds, histories_beyond_the_bound_come_slowly_from_their_author)
{
    uint32_t ahead = PS_BUDGET_MAX / (PS_BUDGET_PER_MS * 10000U);
    begin_with(0);
    uint32_t taken = push_for_20_s(true);
    cr_assert_geq(taken, PS_BRANCHES_MAX + ahead + 1);
    cr_assert_leq(taken, PS_BRANCHES_MAX + ahead + 2);
}

/* The puppet brings in one device more than there is room for, and the last one, of which one node
 * has a log already, is no member then. What that node had settled it reports, at the latest a
 * second for each member later. */
Test(test_engine_bounds, logs_of_who_was_crowded_out_are_reported_and_held_by_all)
{
    static struct ps_identity crowd[PS_INVITED_MAX + 1];
    struct ps_secret secret;
    struct ps_member member;
    size_t last = 0;
    begin_with(0);
    for (size_t i = 0; i <= PS_INVITED_MAX; i++) {
        crowd[i] = case_identity(2000 + i, NULL);
        last = ps_device_compare(&crowd[i].device, &crowd[last].device) > 0 ? i : last;
    }
    for (unsigned node = 0; node < 2; node++) {
        begin_author(PS_DEVICES_COLLECTION, 7);
        bring_in(&crowd[last].device);
        for (size_t i = 0; node == 1 && i <= PS_INVITED_MAX; i++) {
            if (i != last) {
                bring_in(&crowd[i].device);
            }
        }
        sim_node_stop(&net, node);
        deliver(node);
        sim_node_start(&net, node);
    }
    begin_author("notes", 7);
    author.identity = crowd[last];
    author.identity.mesh = net.nodes[0].identity.mesh;
    secret_of_identity(&crowd[last], &secret);
    author.secret = secret;
    add("r", 10);
    sim_node_stop(&net, 0);
    deliver(0);
    sim_node_start(&net, 0);
    check_same(120000);
    sim_net_run(&net, UINT64_C(1000) * (PS_INVITED_MAX + 8));
    cr_assert(sim_script_settle(120000));
    sim_check_equal(&net);
    for (unsigned node = 0; node < 2; node++) {
        uint32_t count = 0;
        struct ps_txn txn = begin(node, false);
        cr_assert_eq(ps_member_get(&txn, &crowd[last].device, &member), P2PSYNC_ENOTFOUND);
        cr_assert_eq(ps_begun_count(&txn, &crowd[last].device, &count), P2PSYNC_OK);
        cr_assert_eq(count, 1, "node %u", node);
        ps_txn_abort(&txn);
    }
}
