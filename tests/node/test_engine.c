/* The engine among others of its kind, in scripted cases: how news travels, what restarts,
 * partitions, forks and requests do. Random schedules are the simulator's part. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "store/apply/refresh.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/stale.h"
#include "tests/sim/script.h"

#define net sim_script

static void play(uint64_t ms);
static uint64_t log_size(unsigned node, const char *collection, unsigned author, bool *forked_out);

TestSuite(test_engine, .fini = sim_script_end, .timeout = 120);

/* Play on and see to it that nothing went wrong. */
static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

Test(test_engine, brings_one_record_to_the_other_device)
{
    sim_script_begin(2);
    sim_put(&net, 0, "notes", "a", 7);
    cr_assert(sim_script_settle(60000));
    cr_assert_eq(sim_get(&net, 1, "notes", "a"), 7);
    cr_assert_eq(sim_get(&net, 0, "notes", "a"), 7);
}

Test(test_engine, keeps_quiet_when_nothing_happens)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    play(600000);
    struct sim_traffic before = net.traffic[0][1];
    uint64_t steps = net.step;
    play(3600000);
    uint64_t messages = net.traffic[0][1].messages - before.messages;
    steps = net.step - steps;
    printf("# each of an idle pair: %.1f messages and %.1f wake-ups a minute, beacons included\n",
           (double)messages / 60, (double)steps / 120);
    cr_assert_leq(messages, 90);
    cr_assert_leq(steps, 480);
    cr_assert(sim_check_in_sync(&net));
}

Test(test_engine, pushes_a_write_to_a_connected_peer_in_one_message)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    play(60000);
    uint64_t before = net.by_type[PS_MESSAGE_CHANGES].messages;
    sim_put(&net, 0, "notes", "a", 7);
    play(20);
    cr_expect_eq(sim_get(&net, 1, "notes", "a"), 7);
    cr_expect_eq(net.by_type[PS_MESSAGE_CHANGES].messages - before, 1);
    cr_expect(sim_check_in_sync(&net));
}

/* What crosses the wire besides: CURVE around two messages, and the headers of three packets. */
#define EDIT_MAX  500
#define AROUND_IT (2 * 35 + 3 * 66)

Test(test_engine, says_no_more_of_an_edit_than_fits_500_bytes_on_the_wire)
{
    sim_script_begin(2);
    sim_put(&net, 0, "items", "0123456789abcdef", 7);
    cr_assert(sim_script_settle(60000));
    play(1000);
    uint64_t changes = net.by_type[PS_MESSAGE_CHANGES].bytes;
    uint64_t acks = net.by_type[PS_MESSAGE_ACK].bytes;
    sim_put(&net, 0, "items", "0123456789abcdef", 8);
    play(50);
    changes = net.by_type[PS_MESSAGE_CHANGES].bytes - changes;
    acks = net.by_type[PS_MESSAGE_ACK].bytes - acks;
    printf("# an edit: CHANGES %" PRIu64 ", ACK %" PRIu64 " bytes\n", changes, acks);
    cr_expect(sim_check_in_sync(&net));
    cr_expect_leq(changes + acks, EDIT_MAX - AROUND_IT);
}

/* A writer beside the node has found that its log does not go on where it thought, as after a
 * backup was put back, and writes on in another incarnation: into a log that the node has not seen.
 */
Test(test_engine, pushes_a_write_of_an_incarnation_that_another_process_has_begun)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    struct ps_txn txn = {0};
    struct ps_identity identity;
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    identity.incarnation++;
    cr_assert_eq(ps_identity_write(&txn, &identity), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    net.nodes[0].identity = identity;
    sim_put(&net, 0, "notes", "r", 7);
    play(50);
    cr_assert_eq(sim_get(&net, 1, "notes", "r"), 7);
}

/* What was written just before that, and not looked at yet, is in the incarnation before: here that
 * somebody is a member now. */
Test(test_engine, sees_what_was_written_just_before_another_incarnation_began)
{
    struct ps_txn txn = {0};
    sim_script_begin(1);
    play(1000);
    unsigned other = sim_node_add(&net);
    net.options.notice_ms = 60000; /* so that it looks once, after both */
    sim_mesh_name(&net, 0, other, "other");
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_renew(&txn), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    sim_put(&net, 0, "notes", "r", 7);
    cr_assert_not(sim_node_allows(&net, 0, other), "it has looked before");
    play(61000);
    cr_assert(sim_node_allows(&net, 0, other));
}

/* A change of settings lists what is to be merged anew, and its writer works off a first piece. */
Test(test_engine, works_off_what_another_process_has_left_to_be_merged)
{
    struct ps_txn txn = {0};
    struct ps_collection notes;
    bool waits = true;
    sim_script_begin(1);
    sim_put(&net, 0, "notes", "r", 1);
    play(1000);
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text("notes"), &notes), P2PSYNC_OK);
    cr_assert_eq(ps_stale_add_from(&txn, notes.number, ps_bytes(NULL, 0)), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    sim_put(&net, 0, "notes", "s", 2);
    play(5000);
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, false, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_refresh_waits(&txn, &waits), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_not(waits);
}

Test(test_engine, acknowledges_together_what_comes_within_milliseconds)
{
    sim_script_begin(2);
    sim_put(&net, 0, "notes", "a", 7);
    cr_assert(sim_script_settle(60000));
    play(60000);
    uint64_t changes = net.by_type[PS_MESSAGE_CHANGES].messages;
    uint64_t acks = net.by_type[PS_MESSAGE_ACK].messages;
    for (unsigned i = 0; i < 3; i++) {
        sim_put(&net, 0, "notes", "a", 8 + i);
        play(1);
    }
    play(50);
    cr_expect_eq(net.by_type[PS_MESSAGE_CHANGES].messages - changes, 3);
    cr_expect_eq(net.by_type[PS_MESSAGE_ACK].messages - acks, 1);
    cr_expect(sim_check_in_sync(&net));
}

Test(test_engine, carries_news_from_one_peer_on_to_another)
{
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 2);
    play(30000);
    sim_put(&net, 0, "notes", "a", 7);
    play(5000);
    cr_assert_eq(sim_get(&net, 2, "notes", "a"), 7);
}

Test(test_engine, notices_that_a_peer_has_restarted)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    play(120000);
    for (unsigned i = 0; i < 2; i++) {
        sim_node_crash(&net, i);
        sim_node_start(&net, i);
        cr_assert(sim_script_settle(3000), "device %u has restarted", i);
        sim_put(&net, 1 - i, "notes", "a", 7 + i);
        play(1000);
        cr_assert_eq(sim_get(&net, i, "notes", "a"), 7 + i);
        play(120000);
    }
}

Test(test_engine, converges_after_edits_on_both_sides_of_a_partition)
{
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 1);
    sim_script_part(0, 2);
    play(20000);
    for (uint64_t i = 0; i < 20; i++) {
        sim_put(&net, 0, "notes", "a", i);
        sim_put(&net, 1, "notes", "a", 100 + i);
        play(100);
    }
    cr_assert_eq(sim_get(&net, 0, "notes", "a"), 19);
    cr_assert_eq(sim_get(&net, 2, "notes", "a"), 119);
    sim_script_join(0, 1);
    sim_script_join(0, 2);
    cr_assert(sim_script_settle(120000));
    sim_check_equal(&net);
    sim_check_rule(&net, 0);
    cr_assert_str_empty(net.failure);
}

static uint64_t hello_ms; /* when the last one was sent */

static bool note_hello(struct sim_net *of, unsigned from, unsigned to, uint64_t type)
{
    (void)from;
    (void)to;
    hello_ms = type == PS_MESSAGE_HELLO ? of->now_ms : hello_ms;
    return false;
}

/* Both wrote while apart. Twice, because the first time the other's log is new to both. */
Test(test_engine, is_in_sync_within_two_round_trips_of_the_hellos)
{
    const unsigned delay_ms = 100;
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.delay_min_ms = delay_ms;
    options.delay_max_ms = delay_ms;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(120000));
    net.hold = note_hello;
    for (unsigned count = 10; count <= 1000; count *= 10) {
        uint64_t begun_ms = net.now_ms;
        sim_script_part(0, 1);
        play(30000);
        for (unsigned i = 0; i < 2 * count; i++) {
            char id[32];
            snprintf(id, sizeof id, "%u of %u", i, count);
            sim_put(&net, i % 2, "notes", id, i);
        }
        sim_script_join(0, 1);
        while (net.now_ms < begun_ms + 240000 && !sim_check_in_sync(&net)) {
            play(1);
        }
        cr_assert(sim_check_in_sync(&net));
        cr_assert_gt(hello_ms, begun_ms);
        uint64_t took_ms = net.now_ms - (hello_ms + delay_ms); /* the reply has arrived */
        printf("# %u and %u: %.1f round trips\n", count, count, (double)took_ms / (2 * delay_ms));
        cr_expect_leq(took_ms, 2ULL * 2 * delay_ms);
    }
}

Test(test_engine, tells_no_other_device_of_a_local_collection)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_put(&net, 0, "_local_x", "a", 7);
    sim_put(&net, 0, "notes", "a", 8);
    play(60000);
    cr_assert_eq(sim_get(&net, 1, "notes", "a"), 8);
    cr_assert_eq(sim_get(&net, 1, "_local_x", "a"), UINT64_MAX);
    cr_assert(sim_check_in_sync(&net));
}

Test(test_engine, does_not_mix_two_meshes)
{
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.endpoints = true;
    sim_script_begin_with(&options);
    unsigned other = sim_node_add(&net);
    unsigned member = sim_node_add(&net);
    sim_mesh_found(&net, other);
    sim_mesh_add(&net, member, other);
    sim_put(&net, 0, "notes", "a", 7);
    sim_put(&net, other, "notes", "a", 8);
    play(120000);
    cr_assert_eq(sim_get(&net, 1, "notes", "a"), 7);
    cr_assert_eq(sim_get(&net, member, "notes", "a"), 8);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(net.traffic[i][other].messages + net.traffic[other][i].messages, 0);
        cr_assert_eq(net.traffic[i][member].messages + net.traffic[member][i].messages, 0);
    }
}

/* Nobody beacons, and a new device knows only who has invited it. */
Test(test_engine, learns_from_members_where_the_others_are)
{
    struct sim_options options;
    sim_options_calm(&options, 4);
    options.beacons = false;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    cr_assert_eq(sim_link_count(&net, 1, 3) + sim_link_count(&net, 3, 1), 1);
}

/* Both have the other's address and dial before either is reached. */
Test(test_engine, keeps_one_of_two_sessions_that_dialled_by_the_lower_id)
{
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.beacons = false;
    options.endpoints = true;
    options.delay_max_ms = 50;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    play(10000);
    cr_assert_geq(net.link_count, 2);
    unsigned lower =
        ps_device_compare(&net.nodes[0].identity.device, &net.nodes[1].identity.device) < 0 ? 0 : 1;
    cr_assert_eq(sim_link_count(&net, lower, 1 - lower), 1);
    cr_assert_eq(sim_link_count(&net, 1 - lower, lower), 0);
    cr_assert(sim_check_in_sync(&net));
}

/* What a log of an author holds on a node. */
static uint64_t log_size(unsigned node, const char *collection, unsigned author, bool *forked_out)
{
    struct ps_txn txn = {0};
    struct ps_collection found = {0};
    struct ps_log log = {0};
    *forked_out = false;
    uint64_t size = 0;
    struct ps_log_walk walk = {.txn = &txn};
    walk.result = ps_txn_begin(net.nodes[node].store, false, &txn);
    if (walk.result == P2PSYNC_OK) {
        walk.result = ps_collection_find(&txn, ps_bytes_text(collection), &found);
        walk.collection = found.number;
    }
    while (ps_log_walk_next(&walk, &log)) {
        if (ps_device_equal(&log.origin.device, &net.nodes[author].identity.device)) {
            size = log.size;
            *forked_out = *forked_out || ps_log_is_forked(&log);
        }
    }
    ps_txn_abort(&txn);
    return size;
}

static unsigned chunks_passed;

static bool hold_after_one_chunk(struct sim_net *network, unsigned from, unsigned to, uint64_t type)
{
    (void)network;
    (void)to;
    return from == 0 && type == PS_MESSAGE_CHANGES && ++chunks_passed > 1;
}

/* The author vanishes in the middle of a log of one large transaction; who got a part of it can
 * prove that part to a third. */
Test(test_engine, serves_a_log_that_stops_short_of_its_head)
{
    bool forked = false;
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 2);
    sim_script_part(1, 2);
    play(20000);
    net.hold = hold_after_one_chunk;
    sim_put_many(&net, 0, "notes", 90, 10000);
    play(5000);
    sim_node_crash(&net, 0);
    uint64_t part = log_size(1, "notes", 0, &forked);
    cr_assert(part > 0 && part < 90, "%lu of 90 changes have come", (unsigned long)part);
    sim_script_join(1, 2);
    play(120000);
    cr_assert_eq(log_size(2, "notes", 0, &forked), part);
    cr_assert_not(forked);
    cr_assert_eq(sim_get(&net, 2, "notes", "many-0"), UINT64_MAX);
    sim_script_join(0, 2);
    net.hold = NULL;
    sim_node_start(&net, 0);
    cr_assert(sim_script_settle(120000));
    cr_assert_eq(sim_get(&net, 2, "notes", "many-89"), 89);
    cr_assert_eq(log_size(2, "notes", 0, &forked), 90);
}

static bool hold_changes(struct sim_net *network, unsigned from, unsigned to, uint64_t type)
{
    (void)network;
    (void)to;
    return from == 0 && type == PS_MESSAGE_CHANGES;
}

/* The author's replies are lost, so no fetch ends within ten seconds. */
Test(test_engine, fetches_a_bounded_number_of_logs_at_a_time)
{
    char name[16];
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_script_part(0, 1);
    play(30000);
    for (unsigned i = 0; i < PS_FETCHES_MAX + 10; i++) {
        snprintf(name, sizeof name, "c%u", i);
        sim_put(&net, 0, name, "a", i);
    }
    uint64_t before = net.by_type[PS_MESSAGE_WANT].messages;
    net.hold = hold_changes;
    sim_script_join(0, 1);
    sim_node_crash(&net, 1);
    sim_node_start(&net, 1);
    play(8000);
    cr_assert_eq(net.by_type[PS_MESSAGE_WANT].messages - before, PS_FETCHES_MAX);
    net.hold = NULL;
    cr_assert(sim_script_settle(120000));
    cr_assert_eq(sim_get(&net, 1, "c20", "a"), 20);
}

/* A number in the last reply to NOW. */
static uint64_t answered(const char *key)
{
    struct ps_reader reader;
    ps_reader_init(&reader, ps_value_field(ps_buf_view(&net.now_bytes), ps_bytes_text(key)));
    uint64_t number = ps_read_uint(&reader);
    return ps_reader_finish(&reader) == P2PSYNC_OK ? number : UINT64_MAX;
}

Test(test_engine, answers_now_with_what_it_did)
{
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.no_push = true;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    play(60000);
    sim_put(&net, 0, "notes", "a", 7);
    sim_put(&net, 1, "notes", "b", 8);
    sim_put(&net, 1, "notes", "c", 9);
    sim_node_now(&net, 0, 5, 60000);
    play(10000);
    cr_assert_eq(net.now_done[0], 1);
    cr_assert_eq(net.now_result[0], P2PSYNC_OK);
    cr_assert_eq(sim_get(&net, 0, "notes", "c"), 9);
    cr_assert_eq(answered("peers"), 1);
    cr_assert_eq(answered("changes_received"), 2);
    cr_assert_eq(answered("changes_sent"), 1);
    cr_assert_eq(answered("conflicts"), 0);
}

Test(test_engine, fails_now_by_its_time_limit_when_a_peer_is_gone)
{
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 2);
    play(30000);
    sim_node_now(&net, 0, 5, 4000);
    play(5000);
    cr_assert_eq(net.now_done[0], 1);
    cr_assert_eq(net.now_result[0], P2PSYNC_ETIMEDOUT);
}

Test(test_engine, fails_now_when_no_peer_can_be_reached)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_node_crash(&net, 1);
    play(30000);
    sim_node_now(&net, 0, 5, 4000);
    play(5000);
    cr_assert_eq(net.now_done[0], 1);
    cr_assert_eq(net.now_result[0], P2PSYNC_EUNREACHABLE);
}

/* A name that is being looked up is no peer that cannot be reached. */
Test(test_engine, waits_in_now_for_names_that_are_being_looked_up)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_node_crash(&net, 1);
    play(30000);
    net.nodes[0].looks_up = true;
    sim_node_now(&net, 0, 5, 60000);
    play(20000);
    cr_assert_eq(net.now_done[0], 0);
    net.nodes[0].looks_up = false;
    play(30000);
    cr_assert_eq(net.now_done[0], 1);
    cr_assert_eq(net.now_result[0], P2PSYNC_EUNREACHABLE);
}

/* A store that went back to a copy of itself gets its own changes again, and does not sign others
 * in their place. */
Test(test_engine, goes_on_as_a_new_incarnation_when_its_store_was_rolled_back)
{
    sim_script_begin(2);
    sim_put(&net, 1, "notes", "before", 1);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 1);
    sim_node_save(&net, 1, "copy");
    sim_node_start(&net, 1);
    sim_put(&net, 1, "notes", "lost", 2);
    cr_assert(sim_script_settle(60000));
    uint64_t incarnation = net.nodes[1].identity.incarnation;
    sim_node_stop(&net, 1);
    sim_node_restore(&net, 1, "copy");
    cr_assert_eq(sim_get(&net, 1, "notes", "lost"), UINT64_MAX);
    sim_node_start(&net, 1);
    cr_assert(sim_script_settle(60000));
    cr_assert_eq(sim_get(&net, 1, "notes", "lost"), 2);
    sim_put(&net, 1, "notes", "after", 3);
    cr_assert(sim_script_settle(60000));
    cr_assert_eq(sim_get(&net, 0, "notes", "after"), 3);
    cr_assert_neq(net.nodes[1].identity.incarnation, incarnation);
}

/* What does not fit is told as an error, and nothing that was there is lost; with more room it
 * comes. */
Test(test_engine, goes_on_when_its_store_is_full)
{
    struct sim_options options;
    sim_options_calm(&options, 1);
    sim_script_begin_with(&options);
    unsigned small = sim_node_add(&net);
    sim_node_close_store(&net, small);
    net.nodes[small].map_size = 1U << 20U;
    net.nodes[small].excused = P2PSYNC_EFULL;
    sim_node_open_store(&net, small);
    sim_mesh_add(&net, small, 0);
    sim_put(&net, small, "notes", "own", 1);
    cr_assert(sim_script_settle(60000));
    for (size_t i = 0; i < 4; i++) {
        sim_put_many(&net, 0, "notes", 90, 10000 + i);
    }
    play(120000);
    cr_assert_gt(net.nodes[small].excuses, 0);
    cr_assert_leq(net.nodes[small].excuses, 200);
    cr_assert_gt(net.nodes[small].told[P2PSYNC_EVENT_ERROR], 0);
    cr_assert_eq(sim_get(&net, small, "notes", "own"), 1);
    sim_node_stop(&net, small);
    sim_node_close_store(&net, small);
    net.nodes[small].map_size = 64U << 20U;
    sim_node_open_store(&net, small);
    net.nodes[small].excused = P2PSYNC_OK;
    sim_node_start(&net, small);
    cr_assert(sim_script_settle(60000));
    sim_check_equal(&net);
    cr_assert_str_empty(net.failure);
}

/* The numbers of a device that has dropped its past go on where they were, so there are more of
 * them than logs. */
Test(test_engine, knows_after_a_failed_commit_what_numbers_stand_for_where_they_have_gaps)
{
    struct ps_txn txn = {0};
    struct ps_peer_info info;
    uint32_t number = 0;
    sim_script_begin(2);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 1);
    cr_assert_eq(ps_txn_begin(net.nodes[1].store, true, &txn), P2PSYNC_OK);
    while (number < 100) {
        cr_assert_eq(ps_db_next_number(&txn, PS_META_LOGS, &number), P2PSYNC_OK);
    }
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    sim_node_start(&net, 1);
    sim_put(&net, 0, "notes", "first", 1);
    cr_assert(sim_script_settle(60000));
    net.options.fail = 1000; /* each commit; some end its process, and so the session */
    bool failed = false;
    for (uint64_t i = 0; !failed; i++) {
        cr_assert_lt(i, 50);
        cr_assert(sim_script_settle(60000));
        uint64_t epoch = net.nodes[1].epoch;
        uint64_t errors = net.nodes[1].told[P2PSYNC_EVENT_ERROR];
        sim_put(&net, 0, "notes", "then", i);
        net.faults = true;
        play(20);
        net.faults = false;
        failed = net.nodes[1].up && net.nodes[1].epoch == epoch &&
                 net.nodes[1].told[P2PSYNC_EVENT_ERROR] > errors;
    }
    sim_put(&net, 0, "notes", "last", 2);
    cr_assert(sim_script_settle(60000));
    cr_assert(sim_node_peer(&net, 1, 0, &info));
    cr_assert_eq(info.faults, 0, "%s", info.last_fault);
}
