/* A device that signs two histories of one log, shown to two honest nodes: neither blames the
 * other, who passes on what was signed, both come to hold both, and people are told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/hostile/world.h"

#define FORKS 6

static const uint64_t sizes[FORKS] = {1, 2, 3, 4, 5, 8}; /* of what both branches share */

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

TestSuite(test_forks, .init = setup, .fini = teardown, .timeout = 600);

/* A log of `shared` changes and `more` of a branch of its own, in one collection for each size. */
static void deliver(size_t fork, const char *branch, uint64_t more)
{
    char collection[32];
    struct ps_buf entries;
    author_deinit(&hostile.author);
    (void)snprintf(collection, sizeof collection, "fork%llu", (unsigned long long)sizes[fork]);
    hostile.author.collection = collection;
    hostile_write(&hostile, "shared", (size_t)sizes[fork]);
    hostile_write(&hostile, branch, (size_t)more);
    struct ps_changes changes = hostile_changes(&hostile, sizes[fork] + more, &entries);
    cr_assert(hostile_send_changes(&hostile, &changes));
    struct ps_ack ack;
    bool arrived = false;
    while (!arrived) { /* each ACK is a chance; without one the test fails */
        cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
        struct ps_cursor cursor;
        struct ps_position position;
        cr_assert_eq(ps_ack_decode(ps_buf_view(&hostile.last), &ack), P2PSYNC_OK);
        (void)ps_message_cursor_begin(&cursor, ack.positions);
        while (ps_ack_next(&cursor, &position)) {
            arrived = arrived || ps_bytes_equal(position.log.collection, ps_bytes_text(collection));
        }
    }
    ps_buf_deinit(&entries);
    hostile.author.collection = "harm";
}

Test(test_forks, blames_no_relay_for_what_an_author_signed)
{
    struct ps_device victim = world_device(world.victim);
    struct ps_device honest = world_device(world.honest);
    world_check_sync(&world); /* so that the honest one knows the hostile one */

    p2psync_close(world.honest);
    for (size_t i = 0; i < FORKS; i++) {
        deliver(i, "one", 2 + i % 2);
    }
    hostile_disconnect(&hostile);
    p2psync_close(world.victim);

    world_restart(&world, 1);
    hostile_connect(&hostile, &honest, world.endpoints[1]);
    cr_assert(hostile_send_hello(&hostile));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_HELLO));
    for (size_t i = 0; i < FORKS; i++) {
        deliver(i, "two", 3 - i % 3);
    }
    world_restart(&world, 0);
    const char *told = nodes_await(world.honest, P2PSYNC_EVENT_DEVICE_FORKED, "\"fork8\"");
    nodes_assert_has(told, "\"text\":\"both are kept");
    nodes_assert_has(told, "\"name\":\"harm\"");

    for (unsigned i = 0; i < 5; i++) {
        world_check_sync(&world);
    }
    nodes_await_same(world.victim, world.honest);
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_devices(world.victim, &answer), &answer);
    nodes_assert_has(
        json, "\"forked\":true,\"forked_in\":[\"fork1\",\"fork2\",\"fork3\",\"fork4\",\"fork5\"");
    json = nodes_json(p2psync_doctor(world.honest, &answer), &answer);
    nodes_assert_has(json, "harm has written 2 histories of fork1; ");
    cr_assert_eq(world_faults(world.victim, &honest), 0);
    cr_assert_eq(world_faults(world.honest, &victim), 0);
}
