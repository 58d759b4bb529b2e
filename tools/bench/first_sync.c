/* The first sync of a whole collection to an empty device, from the start of its node until it has
 * applied everything, the connection included. The floor is a straw man that does only what no way
 * of syncing can leave out; that of ten times as many is the time of the tenth. */
#include <stdlib.h>

#include "tools/bench/pair.h"
#include "tools/bench/raw_zmq.h"

#define RECORDS 100000
#define MILLION 1000000
#define BATCH   10000

/* The last record comes in a transaction of its own: when it is there, so is everything. */
static double ours(const struct bench_record *records, size_t count)
{
    struct pair pair;
    pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
    bench_write(pair.node, records, count - 1, BATCH);
    bench_write(pair.node, records + count - 1, 1, 1);
    uint64_t began = bench_now_ns();
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    uint64_t ended =
        pair_order(&pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = count - 1});
    pair_end(&pair);
    return (double)(ended - began) / 1e9;
}

void bench_first_sync(const char *program)
{
    (void)program;
    struct bench_record *records = bench_records(0, RECORDS);
    double took[BENCH_ROUNDS];
    double floor[BENCH_ROUNDS];
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        floor[i] = raw_zmq_first_sync(records, RECORDS);
        took[i] = ours(records, RECORDS);
    }
    free(records);
    double value = bench_percentile(took, BENCH_ROUNDS, 50);
    double best = bench_percentile(floor, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "first sync",
                                        .n = RECORDS,
                                        .value = value,
                                        .unit = "s",
                                        .floor = best,
                                        .ratio = best / value,
                                        .reach = ">= 0.6"});
}

void bench_first_sync_million(const char *program)
{
    (void)program;
    struct bench_record *records = bench_records(0, MILLION);
    double tenth = ours(records, MILLION / 10);
    double value = ours(records, MILLION);
    free(records);
    bench_report(&(struct bench_result){.test = "first sync of a million",
                                        .n = MILLION,
                                        .value = value,
                                        .unit = "s",
                                        .floor = tenth,
                                        .ratio = value / tenth,
                                        .reach = "<= 15 times its floor"});
}
