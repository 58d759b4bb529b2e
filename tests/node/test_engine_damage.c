/* A damaged entry on one device: it is told there, harms only its own log, and is fetched again
 * from who has it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "store/env/keys.h"
#include "store/log/collection.h"
#include "store/log/damage.h"
#include "tests/lib/store_case.h"
#include "tests/sim/script.h"

#define net    sim_script
#define MANY   400
#define RUN    100  /* records in one transaction */
#define RECORD 2000 /* bytes of one */
#define APART  20   /* from one damaged entry to the next */

TestSuite(test_engine_damage, .fini = sim_script_end, .timeout = 120);

/* The first log of "notes". */
static struct ps_log first_log(struct ps_txn *txn)
{
    struct ps_collection notes;
    struct ps_log log;
    cr_assert_eq(ps_collection_find(txn, ps_bytes_text("notes"), &notes), P2PSYNC_OK);
    struct ps_log_walk walk = {.txn = txn, .collection = notes.number};
    cr_assert(ps_log_walk_next(&walk, &log));
    return log;
}

/* The row of its second change is none. */
static struct ps_damaged damage(unsigned node)
{
    struct store_case here = {.store = net.nodes[node].store};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_log log = first_log(&txn);
    cr_assert_eq(log.size, 3);
    struct ps_key key = ps_key_entry(log.number, 1);
    cr_assert_eq(ps_db_put(&txn, PS_DB_ENTRIES, ps_key_view(&key), ps_bytes("?", 1)), P2PSYNC_OK);
    case_commit(&txn);
    return (struct ps_damaged){.log = log.number, .seq = 1};
}

static uint64_t listed(unsigned node)
{
    struct store_case here = {.store = net.nodes[node].store};
    struct ps_txn txn = case_begin(&here, false);
    uint64_t count = 0;
    cr_assert_eq(ps_damage_count(&txn, &count), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

static bool logs_are_sound(unsigned node)
{
    struct store_case here = {.store = net.nodes[node].store, .identity = net.nodes[node].identity};
    return case_logs_are_sound(&here);
}

static void put_three(unsigned node)
{
    sim_put(&net, node, "notes", "a", 1);
    sim_put(&net, node, "notes", "b", 2);
    sim_put(&net, node, "notes", "c", 3);
}

static uint64_t errors_told(unsigned node)
{
    return net.nodes[node].told[P2PSYNC_EVENT_ERROR];
}

Test(test_engine_damage, is_told_once_and_harms_only_its_log)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 1);
    put_three(0);
    sim_put(&net, 0, "others", "x", 4);
    (void)damage(0);
    sim_script_join(0, 1);
    sim_net_run(&net, 300000);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(sim_get(&net, 1, "notes", "b"), UINT64_MAX);
    cr_expect_eq(sim_get(&net, 1, "others", "x"), 4);
    cr_expect_eq(errors_told(0), 1);
    sim_put(&net, 1, "notes", "d", 5);
    sim_put(&net, 0, "notes", "e", 7);
    sim_put(&net, 0, "others", "y", 6);
    sim_net_run(&net, 60000);
    cr_expect_eq(sim_get(&net, 0, "notes", "d"), 5);
    cr_expect_eq(sim_get(&net, 1, "others", "y"), 6);
    cr_expect_eq(errors_told(0), 1);
    cr_expect_eq(errors_told(1), 0);
}

/* Device 2 asks 0 for what is damaged there; 1, which 2 does not reach, has it. */
Test(test_engine_damage, is_fetched_again_when_it_is_found_and_then_passed_on)
{
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 2);
    sim_script_part(1, 2);
    put_three(1);
    sim_net_run(&net, 60000);
    cr_assert_eq(sim_get(&net, 0, "notes", "c"), 3);
    (void)damage(0);
    sim_script_join(0, 2);
    sim_net_run(&net, 300000);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(errors_told(0), 1);
    cr_expect_eq(net.nodes[0].told[P2PSYNC_EVENT_HEALED], 1);
    cr_expect_eq(listed(0), 0);
    cr_expect(logs_are_sound(0));
    cr_expect_eq(sim_get(&net, 2, "notes", "b"), 2);
    cr_expect_eq(errors_told(1) + errors_told(2), 0);
}

Test(test_engine_damage, of_its_own_log_is_fetched_when_another_process_lists_it)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(120000));
    put_three(0);
    sim_net_run(&net, 60000);
    struct ps_damaged entry = damage(0);
    struct store_case here = {.store = net.nodes[0].store};
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_damage_add(&txn, &entry), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_not(logs_are_sound(0));
    sim_put(&net, 0, "others", "x", 4); /* the node hears that the store has changed */
    sim_net_run(&net, 60000);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(net.nodes[0].told[P2PSYNC_EVENT_HEALED], 1);
    cr_expect_eq(listed(0), 0);
    cr_expect(logs_are_sound(0));
}

/* New records with 2 kB each, which do not compress. */
static void put_run(unsigned node, unsigned first)
{
    uint8_t padding[RECORD];
    struct ps_edit edits[RUN];
    char ids[RUN][16];
    struct ps_buf fields[RUN];
    struct prng random = prng_new(first, 0);
    for (unsigned i = 0; i < RUN; i++) {
        struct ps_writer writer;
        prng_fill(&random, padding, sizeof padding);
        ps_buf_init(&fields[i], RECORD + 64);
        ps_writer_init(&writer, &fields[i]);
        ps_write_map(&writer, 1);
        ps_write_text(&writer, "padding");
        ps_write_bin(&writer, ps_bytes(padding, sizeof padding));
        cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
        (void)snprintf(ids[i], sizeof ids[i], "m%u", first + i);
        edits[i] = (struct ps_edit){
            .kind = PS_EDIT_PUT, .id = ps_bytes_text(ids[i]), .fields = ps_buf_view(&fields[i])};
    }
    struct sim_write write = {
        .collection = ps_bytes_text("notes"), .edits = edits, .edit_count = RUN};
    cr_assert_eq(sim_mesh_write(&net, node, &write), P2PSYNC_OK);
    for (unsigned i = 0; i < RUN; i++) {
        ps_buf_deinit(&fields[i]);
    }
}

/* What is sent twice costs whoever has it sent: so little more than what is damaged is asked for.
 */
Test(test_engine_damage, here_and_there_is_fetched_without_what_lies_between)
{
    sim_script_begin(2);
    cr_assert(sim_script_settle(120000));
    for (unsigned i = 0; i < MANY; i += RUN) {
        put_run(1, i);
        sim_net_run(&net, 1000);
    }
    sim_net_run(&net, 60000);
    cr_assert_str_empty(net.failure);
    struct store_case here = {.store = net.nodes[0].store};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_log log = first_log(&txn);
    cr_assert_eq(log.size, MANY);
    for (uint64_t seq = 0; seq < log.size; seq += APART) {
        struct ps_damaged entry = {.log = log.number, .seq = seq};
        struct ps_key key = ps_key_entry(log.number, seq);
        cr_assert_eq(ps_db_delete(&txn, PS_DB_ENTRIES, ps_key_view(&key)), P2PSYNC_OK);
        cr_assert_eq(ps_damage_add(&txn, &entry), P2PSYNC_OK);
    }
    case_commit(&txn);
    uint64_t before = net.traffic[1][0].bytes;
    sim_put(&net, 0, "others", "x", 4); /* the node hears that the store has changed */
    sim_net_run(&net, 60000);
    cr_assert_str_empty(net.failure);
    cr_expect_lt(net.traffic[1][0].bytes - before, 2ULL * (MANY / APART) * RECORD);
    struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, 1, 0, &info));
    cr_expect_eq(info.faults, 0);
    cr_expect_eq(listed(0), 0);
    cr_expect(logs_are_sound(0));
}

/* What is here cannot be proven to be in a newer head, nor what is sent again; but what is new can.
 * A log of 8: a proof from a power of two is not enough. */
Test(test_engine_damage, of_a_log_that_grows_is_fetched_all_the_same)
{
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    for (unsigned i = 0; i < 8; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "r%u", i);
        sim_put(&net, 1, "notes", id, i);
    }
    sim_net_run(&net, 60000);
    sim_script_part(0, 1);
    sim_script_part(0, 2); /* which offers what 1 has written */
    struct store_case here = {.store = net.nodes[0].store};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_log log = first_log(&txn);
    cr_assert_eq(log.size, 8);
    for (uint64_t seq = 1; seq < 8; seq += 4) {
        struct ps_key key = ps_key_entry(log.number, seq);
        cr_assert_eq(ps_db_delete(&txn, PS_DB_ENTRIES, ps_key_view(&key)), P2PSYNC_OK);
    }
    case_commit(&txn);
    sim_put(&net, 1, "notes", "new", 9);
    sim_net_run(&net, 10000);
    sim_script_join(0, 2);
    sim_net_run(&net, 120000);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(sim_get(&net, 0, "notes", "new"), 9);
    cr_expect_eq(listed(0), 0);
    cr_expect(logs_are_sound(0));
}

/* What is held has to be proven against it, which needs what is damaged. */
Test(test_engine_damage, stops_nobody_who_is_offered_an_earlier_head)
{
    sim_script_begin(2);
    unsigned puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    cr_assert(sim_script_settle(120000));
    sim_put(&net, 1, "notes", "a", 1);
    sim_put(&net, 1, "notes", "b", 2);
    sim_net_run(&net, 10000);
    struct store_case here = {.store = net.nodes[0].store};
    struct ps_txn txn = case_begin(&here, false);
    struct ps_log early = first_log(&txn);
    ps_txn_abort(&txn);
    cr_assert_eq(early.head.size, 2);
    sim_put(&net, 1, "notes", "c", 3);
    sim_net_run(&net, 10000);
    sim_script_part(0, 1);
    (void)damage(0);

    struct ps_heads_item item = {
        .log = {.collection = ps_bytes_text("notes"), .origin = early.origin},
        .size = 2,
        .head = early.head,
        .proof_size = 2};
    struct ps_buf message;
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_heads_encode(&item, 1, &message), P2PSYNC_OK);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    sim_net_run(&net, 1000);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&message));
    ps_buf_deinit(&message);
    sim_net_run(&net, 10000);
    cr_expect_eq(errors_told(0), 1);

    sim_script_join(0, 1);
    sim_net_run(&net, 120000);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(net.nodes[0].told[P2PSYNC_EVENT_HEALED], 1);
    cr_expect(logs_are_sound(0));
}

/* What it is to be compared with is damaged. */
Test(test_engine_damage, stops_nobody_who_is_sent_changes_that_are_here)
{
    sim_script_begin(2);
    unsigned puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    cr_assert(sim_script_settle(120000));
    sim_put(&net, 1, "notes", "a", 1);
    sim_put(&net, 1, "notes", "b", 2);
    sim_net_run(&net, 10000);
    struct ps_buf entries;
    struct ps_buf message;
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    struct store_case here = {.store = net.nodes[0].store};
    struct ps_txn txn = case_begin(&here, false);
    struct ps_log early = first_log(&txn);
    struct ps_log_run run = {.end = 2, .size_max = PS_CHUNK_SIZE_MAX};
    cr_assert_eq(ps_log_read(&txn, &early, &run, &entries), P2PSYNC_OK);
    ps_txn_abort(&txn);
    struct ps_changes changes = {
        .log = {.collection = ps_bytes_text("notes"), .origin = early.origin},
        .entries = ps_buf_view(&entries),
        .encoding = PS_ENCODING_PLAIN,
        .head = early.head,
        .root_implied = true};
    cr_assert_eq(early.head.size, 2);
    cr_assert_eq(ps_changes_encode(&changes, &message), P2PSYNC_OK);
    sim_put(&net, 1, "notes", "c", 3);
    sim_net_run(&net, 10000);
    sim_script_part(0, 1);
    (void)damage(0);

    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    sim_net_run(&net, 1000);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&message));
    sim_net_run(&net, 10000);
    ps_buf_deinit(&message);
    ps_buf_deinit(&entries);
    cr_assert_str_empty(net.failure);
    cr_expect_eq(errors_told(0), 1);
    struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, 0, puppet, &info));
    cr_expect_eq(info.faults, 0);

    sim_script_join(0, 1);
    sim_net_run(&net, 120000);
    cr_expect_eq(net.nodes[0].told[P2PSYNC_EVENT_HEALED], 1);
    cr_expect(logs_are_sound(0));
}

/* The head of device 1's log as device 0 holds it is not what was signed. Device 2, which has
 * nothing of that log, is told nothing of it and blames nobody; the author heals it. */
Test(test_engine_damage, of_a_head_is_told_nobody)
{
    struct ps_peer_info info;
    sim_script_begin(3);
    cr_assert(sim_script_settle(120000));
    sim_script_part(0, 2);
    sim_script_part(1, 2);
    put_three(1);
    sim_net_run(&net, 60000);
    cr_assert_eq(sim_get(&net, 0, "notes", "c"), 3);
    sim_node_stop(&net, 0); /* what was found good is remembered for a run */
    sim_script_part(0, 1);
    struct store_case here = {.store = net.nodes[0].store};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_log log = first_log(&txn);
    log.head.signature[0] ^= 1;
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    case_commit(&txn);
    sim_node_start(&net, 0);
    sim_script_join(0, 2);
    sim_net_run(&net, 120000);
    cr_assert(sim_node_peer(&net, 2, 0, &info));
    cr_expect_eq(info.faults, 0, "%s", info.last_fault);
    cr_expect_eq(sim_get(&net, 2, "notes", "a"), UINT64_MAX);
    sim_script_join(0, 1);
    sim_script_join(1, 2);
    cr_assert(sim_script_settle(240000));
    cr_expect_eq(sim_get(&net, 2, "notes", "c"), 3);
}
