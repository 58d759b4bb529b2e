/* The memory of a node that holds 100,000 records, has just synced them and is idle: its process's
 * anonymous pages, which the map of the store is none of. */
#include <stdlib.h>

#include "tools/bench/pair.h"

#define RECORDS 100000
#define BATCH   10000
#define IDLE_MS 3000

void bench_idle_memory(const char *program)
{
    (void)program;
    struct pair pair;
    pair_begin(&pair, P2PSYNC_DURABILITY_NONE);
    struct bench_record *records = bench_records(0, RECORDS);
    bench_write(pair.node, records, RECORDS, BATCH);
    free(records);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = RECORDS - 1});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    bench_sleep_ms(IDLE_MS);
    double bytes = (double)pair_order(&pair, &(struct pair_order){.verb = PAIR_MEMORY});
    pair_end(&pair);
    bench_report(&(struct bench_result){.test = "memory of an idle node",
                                        .n = RECORDS,
                                        .value = bytes / (1024 * 1024),
                                        .unit = "MiB",
                                        .reach = "<= 16"});
}
