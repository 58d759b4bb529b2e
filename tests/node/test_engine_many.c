/* Many collections, and the logs of many devices: what it takes to bring them to a device grows
 * with their number and not with its square. Messages and bytes are counted, and time is virtual.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/others.h"
#include "tests/sim/script.h"

#define net sim_script

#define FEW         300
#define ID_SIZE     16
#define ROUNDS      5  /* one for the devices, three for the logs, and one too early */
#define ROUND_BYTES 60 /* of one collection in a round: its name, and its root */

struct cost {
    uint64_t messages;
    uint64_t bytes;
    uint64_t rounds; /* bytes of SUMMARYs */
};

TestSuite(test_engine_many, .fini = sim_script_end, .timeout = 300);

/* Of the last run: how many rounds there were. Of the next one: how many short heads a SUMMARY may
 * have, and four times as many as logs are offered in reply; 0: as ever. */
static uint64_t round_count;
static uint32_t page_max;

static struct cost said(void)
{
    struct cost cost = {.rounds = net.by_type[PS_MESSAGE_SUMMARY].bytes};
    for (size_t i = 0; i < sizeof net.by_type / sizeof net.by_type[0]; i++) {
        cost.messages += net.by_type[i].messages;
        cost.bytes += net.by_type[i].bytes;
    }
    return cost;
}

static void write_collections(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%05u", i);
        sim_put(&net, 0, name, "a", i);
    }
    sim_net_run(&net, 1000);
}

static void record(void *user, size_t index, struct ps_bytes *id_out, struct ps_bytes *fields_out)
{
    char *id = user;
    (void)snprintf(id, ID_SIZE, "r%05zu", index);
    *id_out = ps_bytes_text(id);
    *fields_out = ps_bytes("\x81\xa5value\x07", 8); /* {"value": 7} */
}

/* As many other members, each of whom has written one record, are known to node 0. */
static void write_logs(unsigned count)
{
    char id[ID_SIZE];
    struct ps_txn txn = {0};
    const struct others others = {
        .collection = "notes", .logs = count, .now_ms = SIM_WALL_MS, .record = record, .user = id};
    sim_node_stop(&net, 0);
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(others_write(&txn, &others), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    sim_node_start(&net, 0);
}

/* What it costs to bring to a device what `write` has written to another one, so many collections
 * or logs, over a way that takes up to `delay_ms`. */
static struct cost bring(void (*write)(unsigned count), unsigned count, unsigned delay_ms)
{
    struct sim_options options;
    sim_options_calm(&options, 2);
    options.page_max = page_max;
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(60000));
    sim_script_part(0, 1);
    sim_net_run(&net, 2000);
    write(count);
    net.options.delay_max_ms = delay_ms;
    struct cost before = said();
    uint64_t rounds = net.rounds;
    sim_script_join(0, 1);
    cr_assert(sim_script_settle(120000), "of which most passes until they have a link again");
    struct cost after = said();
    cr_assert_str_empty(net.failure);
    round_count = net.rounds - rounds;
    printf("# %u: %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " in rounds\n", count,
           after.messages - before.messages, after.bytes - before.bytes,
           after.rounds - before.rounds);
    sim_script_end();
    net = (struct sim_net){0};
    return (struct cost){.messages = after.messages - before.messages,
                         .bytes = after.bytes - before.bytes,
                         .rounds = after.rounds - before.rounds};
}

Test(test_engine_many, collections_cost_as_much_as_there_are)
{
    struct cost few = bring(write_collections, FEW, 2);
    struct cost many = bring(write_collections, 4 * FEW, 2);
    cr_expect_leq(many.messages, 5 * few.messages);
    cr_expect_leq(many.bytes, 5 * few.bytes);
    cr_expect_leq(many.bytes, (uint64_t)4 * FEW * 500);
    cr_expect_leq(many.rounds, (uint64_t)4 * FEW * ROUND_BYTES * 3);
}

/* Each is sent unasked, and they take many times the way there and back. Meanwhile only a few
 * rounds look whether all is there. */
Test(test_engine_many, collections_that_are_on_their_way_are_not_compared_again_and_again)
{
    struct cost slow = bring(write_collections, 4 * FEW, 800);
    cr_expect_leq(slow.rounds, (uint64_t)4 * FEW * ROUND_BYTES * 15);
}

/* The first round brings the devices, which say whose logs may be taken, and the second one all the
 * logs. While they come nobody compares again. */
Test(test_engine_many, logs_of_many_devices_cost_as_much_as_there_are)
{
    struct cost few = bring(write_logs, FEW, 2);
    struct cost many = bring(write_logs, 4 * FEW, 2);
    cr_expect_leq(many.messages, 5 * few.messages);
    cr_expect_leq(many.bytes, 5 * few.bytes);
    cr_expect_leq(many.bytes, (uint64_t)4 * FEW * 450);
    cr_expect_leq(many.rounds, 2000);
}

/* Three rounds have room for all. */
Test(test_engine_many, logs_that_a_round_has_no_room_for_are_offered_in_the_next_one)
{
    page_max = FEW / 3 * 4;
    (void)bring(write_logs, FEW, 2);
    printf("# %" PRIu64 " rounds\n", round_count);
    cr_expect_leq(round_count, ROUNDS);
}

/* Nobody else sends them to a device that this one has let in, so none is offered first. */
Test(test_engine_many, logs_that_a_newcomer_lacks_are_sent_unasked)
{
    sim_script_begin(1);
    write_logs(FEW);
    (void)sim_node_add(&net);
    sim_mesh_add(&net, 1, 0);
    cr_assert(sim_script_settle(60000));
    printf("# %" PRIu64 " HEADS, %" PRIu64 " WANTs\n", net.by_type[PS_MESSAGE_HEADS].messages,
           net.by_type[PS_MESSAGE_WANT].messages);
    cr_expect_leq(net.by_type[PS_MESSAGE_HEADS].messages, 5);
    cr_expect_leq(net.by_type[PS_MESSAGE_WANT].messages, 5);
    cr_expect_geq(net.by_type[PS_MESSAGE_CHANGES].messages, FEW);
}
