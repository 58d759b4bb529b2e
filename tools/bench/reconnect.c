/* 100,000 shared records, of which each side then writes some while they are apart. What crosses
 * the wire when they meet again, in both directions, as the node counts it (its messages, before
 * CURVE), HELLO included; the floor is the changes themselves, skeletons and bodies, uncompressed.
 * And the time from the start of the returning node until both have everything, and from its HELLO
 * until both are in sync. How many round trips that is takes a network with a delay: tests/node
 * counts them in virtual time. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/pair.h"

#define RECORDS       100000
#define BATCH         10000
#define SKELETON_SIZE 29 /* bytes: op, id of 16, time, no parents */
#define BODY_EXTRA    3  /* bytes: around the fields */

static uint64_t traffic(struct pair *pair)
{
    return pair_sum(pair->node, "received_bytes") + pair_sum(pair->node, "sent_bytes");
}

/* The time of the next event of a type, passing over others. */
static uint64_t await_event(p2psync_node *node, p2psync_event_type type)
{
    struct pollfd item = {.events = POLLIN};
    p2psync_event_type got = P2PSYNC_EVENT_ERROR;
    bench_check(p2psync_event_fd(node, &item.fd), "events");
    for (;;) { /* until it comes; a measurement has no other end */
        struct p2psync_buffer data = {0};
        p2psync_result result = p2psync_event_next(node, &got, &data);
        if (result == P2PSYNC_EAGAIN) {
            (void)poll(&item, 1, -1);
            continue;
        }
        bench_check(result, "event");
        p2psync_buffer_free(&data);
        if (got == type) {
            return bench_now_ns();
        }
    }
}

/* Both write `count` records from `first` on while apart, and meet again. */
static void meet_again(struct pair *pair, uint64_t first, size_t count, bool report)
{
    struct bench_record *own = bench_records(first, count);
    uint64_t others = first + count;
    double changes = 0;
    int events_fd = -1;
    bench_check(p2psync_event_fd(pair->node, &events_fd),
                "events"); /* they are told from here on */
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_CLOSE});
    (void)await_event(pair->node, P2PSYNC_EVENT_PEER_DOWN);
    bench_write(pair->node, own, count, count);
    (void)pair_order(pair,
                     &(struct pair_order){.verb = PAIR_WRITE, .first = others, .count = count});
    for (size_t i = 0; i < count; i++) {
        changes += 2.0 * (own[i].size + SKELETON_SIZE + BODY_EXTRA);
    }
    uint64_t before = traffic(pair);
    uint64_t began = bench_now_ns();
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_START});
    uint64_t met = await_event(pair->node, P2PSYNC_EVENT_PEER_UP);
    uint64_t in_sync = await_event(pair->node, P2PSYNC_EVENT_SYNC_COMPLETED);
    uint64_t others_in_sync = pair_order(pair, &(struct pair_order){.verb = PAIR_SYNC});
    in_sync = others_in_sync > in_sync ? others_in_sync : in_sync;
    uint64_t ended =
        pair_order(pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = first + count - 1});
    pair_await_record(pair->node, others + count - 1);
    uint64_t own_ended = bench_now_ns();
    ended = own_ended > ended ? own_ended : ended;
    pair_await_sync(pair->node);
    double bytes = (double)(traffic(pair) - before);
    free(own);
    if (!report) {
        return;
    }
    bench_report(&(struct bench_result){.test = "reconnect, bytes",
                                        .n = 2 * count,
                                        .value = bytes,
                                        .unit = "bytes",
                                        .floor = changes,
                                        .ratio = bytes / changes,
                                        .reach = "<= its floor and 1 KiB"});
    bench_report(&(struct bench_result){.test = "reconnect, time",
                                        .n = 2 * count,
                                        .value = (double)(ended - began) / 1e6,
                                        .unit = "ms",
                                        .reach = "-"});
    bench_report(&(struct bench_result){.test = "reconnect, from HELLO",
                                        .n = 2 * count,
                                        .value = (double)(in_sync - met) / 1e6,
                                        .unit = "ms",
                                        .reach = "-"});
}

void bench_reconnect(const char *program)
{
    (void)program;
    struct pair pair;
    pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
    struct bench_record *records = bench_records(0, RECORDS);
    bench_write(pair.node, records, RECORDS, BATCH);
    free(records);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = RECORDS - 1});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    meet_again(&pair, RECORDS, 1, false); /* the other's log is new to this side only once */
    meet_again(&pair, 2ULL * RECORDS, 10, true);
    meet_again(&pair, 3ULL * RECORDS, 1000, true);
    pair_end(&pair);
}
