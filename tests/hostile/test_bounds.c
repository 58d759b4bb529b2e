/* A member that begins collections, incarnations and histories without end. Nodes take what they
 * take of it from each other too, stay in sync with each other, and have room for what is theirs.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "tests/hostile/world.h"

#define COLLECTIONS  5000
#define INCARNATIONS 5000 /* of one collection: both together are more than any device begins */
#define HISTORIES    5000
#define LOOK_EVERY   1000

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

TestSuite(test_bounds, .init = setup, .fini = teardown, .timeout = 1200);

/* Send a log of its own as it is in hostile.author, and read nothing of what comes. */
static void send_log(void)
{
    struct ps_buf entries;
    struct ps_changes changes = hostile_changes(&hostile, hostile.author.count, &entries);
    if (!hostile_send_changes(&hostile, &changes)) { /* it sent no heartbeats for too long */
        hostile_begin(&hostile);
        cr_assert(hostile_send_changes(&hostile, &changes));
    }
    ps_buf_deinit(&entries);
    while (zmq_recv(hostile.socket, NULL, 0, ZMQ_DONTWAIT) >= 0) {
    }
}

/* Both honest nodes hear of each other's edits, and one begins a collection. */
static void check_honest(const char *collection)
{
    int fd = -1;
    char wanted[64];
    world_check_sync(&world);
    cr_assert_eq(p2psync_event_fd(world.honest, &fd), P2PSYNC_OK);
    (void)snprintf(wanted, sizeof wanted, "\"collection\":\"%s\"", collection);
    cr_assert_eq(nodes_put(world.victim, collection, "a", "{\"n\":1}"), P2PSYNC_OK);
    (void)nodes_await(world.honest, P2PSYNC_EVENT_RECORD_CHANGED, wanted);
}

Test(test_bounds, leaves_room_for_everybody_else)
{
    struct ps_device honest = world_device(world.honest);
    char collection[32] = "";
    hostile.author.collection = collection;
    for (unsigned i = 0; i < COLLECTIONS; i++) {
        (void)snprintf(collection, sizeof collection, "a%05u", i);
        author_deinit(&hostile.author);
        hostile_write(&hostile, "r", 1);
        send_log();
        if (i % LOOK_EVERY == 0) {
            world_check_sync(&world);
        }
    }
    check_honest("after collections");
    (void)snprintf(collection, sizeof collection, "incarnations");
    for (unsigned i = 0; i < INCARNATIONS; i++) {
        hostile.author.identity.incarnation = i;
        send_log();
    }
    check_honest("after incarnations");
    (void)snprintf(collection, sizeof collection, "histories");
    for (unsigned i = 0; i < HISTORIES; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "fork%u-", i);
        author_deinit(&hostile.author);
        hostile_write(&hostile, "shared", 1);
        hostile_write(&hostile, id, 1);
        send_log();
    }
    check_honest("after histories");
    cr_assert_eq(world_faults(world.victim, &honest), 0);
    hostile_disconnect(&hostile);
    nodes_await_same(world.victim, world.honest);
}
