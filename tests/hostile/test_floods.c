/* Members that send or ask for more than is their share: whatever they do, they cost no more memory
 * than is theirs, and the honest ones do not notice. How much is too much depends on the time that
 * it takes, which no test may assume: tests/node/test_engine_floods shows that they are cut off. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "tests/hostile/world.h"

#define FLOOD_MAX 100 /* messages of one flood */
#define OTHERS    3

static struct world world;
static struct hostile hostile;

static void setup(void)
{
    world_begin(&world);
    world_admit(&world, &hostile);
}

static void teardown(void)
{
    hostile_deinit(&hostile);
    world_end(&world);
}

TestSuite(test_floods, .init = setup, .fini = teardown, .timeout = 600);

/* Send one message again and again, until the victim counts a fault or has had enough of them. What
 * it costs is looked at on the way, and when the victim has read what there was. */
static void flood(struct ps_bytes message)
{
    const struct ps_device *own = &hostile.author.identity.device;
    for (unsigned i = 0; i < FLOOD_MAX; i++) {
        if (!hostile_send(&hostile, message.data, message.size)) {
            break;
        }
        if (i % 16 == 0) {
            world_check_memory(&world, 1);
            while (zmq_recv(hostile.socket, NULL, 0, ZMQ_DONTWAIT) >= 0) {
            }
        }
        if (i % 64 == 0) {
            world_check_sync(&world);
            if (world_faults(world.victim, own) > 0) {
                break;
            }
        }
    }
    world_check_sync(&world);
    world_check_memory(&world, 1);
}

Test(test_floods, bounds_a_flood_of_hellos)
{
    struct ps_hello hello = {
        .version_min = PS_PROTOCOL_VERSION,
        .version_max = PS_PROTOCOL_VERSION,
        .device = hostile.author.identity.device,
        .mesh = hostile.author.identity.mesh,
        .name = ps_bytes_text("harm"),
    };
    struct ps_buf bytes;
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_hello_encode(&hello, &bytes), P2PSYNC_OK);
    flood(ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
}

/* Each SUMMARY differs from what is here in every collection, asks for a reply, and would be
 * followed by another for ever. */
Test(test_floods, bounds_a_summary_that_never_ends)
{
    struct ps_buf roots;
    struct ps_buf bytes;
    struct ps_writer writer;
    struct ps_hash root = {.bytes = {1}};
    struct ps_summary summary = {.reply = true, .state = {.common = {.bytes = {1}}}};
    ps_buf_init(&roots, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    ps_writer_init(&writer, &roots);
    ps_write_array(&writer, PS_ROOTS_MAX);
    for (unsigned i = 0; i < PS_ROOTS_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "false-%04u", i);
        ps_summary_write_root(&writer, ps_bytes_text(name), &root);
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    summary.roots = ps_buf_view(&roots);
    cr_assert_eq(ps_summary_encode(&summary, &bytes), P2PSYNC_OK);
    flood(ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
    ps_buf_deinit(&roots);
}

Test(test_floods, bounds_a_flood_of_heads)
{
    static struct ps_heads_item items[PS_HEADS_MAX];
    struct ps_buf bytes;
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    hostile_write(&hostile, "h", 2);
    items[0] = hostile_offer(&hostile, 2);
    for (size_t i = 1; i < PS_HEADS_MAX; i++) {
        items[i] = items[0];
    }
    cr_assert_eq(ps_heads_encode(items, PS_HEADS_MAX, &bytes), P2PSYNC_OK);
    flood(ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
}

/* A chunk that nobody has asked for, sound, which brings nothing new after the first time. */
Test(test_floods, bounds_a_flood_of_changes_that_nobody_asked_for)
{
    struct ps_buf entries;
    struct ps_buf bytes;
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    hostile_write(&hostile, "h", AUTHOR_ENTRIES_MAX);
    struct ps_changes changes = hostile_changes(&hostile, AUTHOR_ENTRIES_MAX, &entries);
    cr_assert_eq(ps_changes_encode(&changes, &bytes), P2PSYNC_OK);
    flood(ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
    ps_buf_deinit(&entries);
}

/* Ten megabytes that the victim has written, in one log. */
static struct ps_log_name write_bulk(void)
{
    static uint8_t fields[100 * 1000];
    struct prng prng = {.state = 1};
    for (unsigned i = 0; i < 100; i++) {
        char id[16];
        for (size_t k = 0; k < sizeof fields; k += 8) {
            ps_put_u64(fields + k, prng_next(&prng));
        }
        memcpy(fields, "\x81\xa1\x62\xc6", 4);
        ps_put_u32(fields + 4, (uint32_t)sizeof fields - 8);
        (void)snprintf(id, sizeof id, "bulk%u", i);
        struct p2psync_bytes bytes = {.data = fields, .size = sizeof fields};
        cr_assert_eq(p2psync_put(world.victim, "bulk", id, bytes, NULL), P2PSYNC_OK);
    }
    struct ps_summary none = {.roots = ps_bytes("\x90", 1), .heads = ps_bytes("\x90", 1)};
    for (;;) { /* each HEADS is a chance; without one the test fails */
        struct ps_cursor cursor;
        struct ps_heads_item item;
        cr_assert(hostile_send_draft(&hostile, ps_summary_encode(&none, &hostile.draft)));
        cr_assert(hostile_await(&hostile, PS_MESSAGE_HEADS));
        cr_assert_eq(ps_heads_decode(ps_buf_view(&hostile.last), &cursor), P2PSYNC_OK);
        while (ps_heads_next(&cursor, &item)) {
            if (item.size == 100) {
                struct ps_log_name name = item.log;
                name.collection = ps_bytes_text("bulk");
                return name;
            }
        }
    }
}

/* It asks for everything, with all credit there is, says that it has it, asks again, and reads
 * nothing. */
Test(test_floods, cuts_off_who_reads_nothing_while_it_asks_for_everything)
{
    struct ps_want want = {.log = write_bulk(), .credit = UINT64_MAX};
    struct ps_buf position;
    struct ps_writer writer;
    struct ps_position all = {.log = want.log, .size = 100, .settled = 100};
    ps_buf_init(&position, 1024);
    ps_writer_init(&writer, &position);
    ps_write_array(&writer, 1);
    ps_ack_write_position(&writer, &all);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_ack ack = {.positions = ps_buf_view(&position)};
    while (world_faults(world.victim, &hostile.author.identity.device) == 0) {
        hostile_send_if_taken(&hostile, ps_want_encode(&want, &hostile.draft));
        hostile_send_if_taken(&hostile, ps_ack_encode(&ack, &hostile.draft));
        world_check_memory(&world, 1);
    }
    world_await_fault(world.victim, &hostile.author.identity.device, "it does not read");
    world_check_memory(&world, 1);
    ps_buf_deinit(&position);
}

/* Several at once, each with a connection that nobody reads. */
Test(test_floods, bounds_the_memory_of_each_of_several_who_do_not_read)
{
    struct ps_want want = {.log = write_bulk(), .credit = UINT64_MAX, .again = true};
    struct hostile others[OTHERS];
    for (size_t i = 0; i < OTHERS; i++) {
        world_admit(&world, &others[i]);
    }
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < OTHERS; i++) {
            hostile_send_if_taken(&others[i], ps_want_encode(&want, &others[i].draft));
            world_check_memory(&world, OTHERS + 1);
        }
    }
    world_check_sync(&world);
    world_check_memory(&world, OTHERS + 1);
    for (size_t i = 0; i < OTHERS; i++) {
        hostile_deinit(&others[i]);
    }
}

Test(test_floods, bounds_a_flood_of_wants)
{
    struct ps_want want = {.log = write_bulk(), .credit = 1, .again = true};
    struct ps_buf bytes;
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_want_encode(&want, &bytes), P2PSYNC_OK);
    flood(ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
}
