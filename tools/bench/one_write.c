/* One write until a connected peer's app has the event, both durable, and both not. The floor is
 * what cannot be left out: a raw LMDB commit on either side (not flushed without durability) and
 * half a round trip of the same size through CURVE, each alone as our writes are; here the ratio is
 * ours / floor, and should be small. */
#include <stdlib.h>

#include "tools/bench/pair.h"
#include "tools/bench/raw_lmdb.h"
#include "tools/bench/raw_zmq.h"

#define WRITES       500
#define MESSAGE_SIZE 400 /* a record, its skeleton, a head and a signature */
#define PAUSE_MS     5   /* between two writes: each is alone */

struct latency {
    double took[WRITES];
    double commits[WRITES]; /* of raw LMDB, in between */
};

static void measure(p2psync_durability durability, struct latency *out)
{
    struct pair pair;
    struct raw_lmdb lmdb;
    struct bench_record *records = bench_records(0, WRITES);
    pair_begin(&pair, durability);
    char *dir = bench_dir("raw");
    raw_lmdb_open(&lmdb, dir, durability == P2PSYNC_DURABILITY_NONE);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_EVENTS, .count = WRITES});
    for (size_t i = 0; i < WRITES; i++) {
        struct p2psync_bytes fields = {.data = records[i].fields, .size = records[i].size};
        uint64_t began = bench_now_ns();
        bench_check(p2psync_put(pair.node, BENCH_COLLECTION, records[i].id, fields, NULL), "put");
        out->took[i] = (double)(pair_reply(&pair) - began) / 1e6;
        bench_sleep_ms(PAUSE_MS);
        double raw = bench_now_s();
        raw_lmdb_begin(&lmdb, true);
        raw_lmdb_put_record(&lmdb, &records[i]);
        raw_lmdb_commit(&lmdb);
        out->commits[i] = (bench_now_s() - raw) * 1e3;
        bench_sleep_ms(PAUSE_MS);
    }
    (void)pair_reply(&pair);
    pair_end(&pair);
    raw_lmdb_close(&lmdb);
    bench_dir_remove(dir);
    free(records);
}

static void one_write(p2psync_durability durability, const char *test, const char *test_p99)
{
    static struct latency latency;
    double trip = raw_zmq_half_round_trip(MESSAGE_SIZE, PAUSE_MS) * 1e3;
    measure(durability, &latency);
    double floor = 2 * bench_percentile(latency.commits, WRITES, 50) + trip;
    double value = bench_percentile(latency.took, WRITES, 50);
    bench_report(&(struct bench_result){.test = test,
                                        .n = WRITES,
                                        .value = value,
                                        .unit = "ms",
                                        .floor = floor,
                                        .ratio = value / floor,
                                        .reach = "<= 1.5 times its floor"});
    value = bench_percentile(latency.took, WRITES, 99);
    floor = 2 * bench_percentile(latency.commits, WRITES, 99) + trip;
    bench_report(&(struct bench_result){.test = test_p99,
                                        .n = WRITES,
                                        .value = value,
                                        .unit = "ms",
                                        .floor = floor,
                                        .ratio = value / floor,
                                        .reach = "-"});
}

void bench_one_write(const char *program)
{
    (void)program;
    one_write(P2PSYNC_DURABILITY_FLUSH, "one write to event p50", "one write to event p99");
}

void bench_one_write_fast(const char *program)
{
    (void)program;
    one_write(P2PSYNC_DURABILITY_NONE, "the same, not durable p50", "the same, not durable p99");
}
